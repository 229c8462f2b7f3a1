"""The made-up study of example.py, its page, and the texts that must never become markup."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from psychomet.notes import Note
from psychomet.pages.compose.assemble import compose
from psychomet.pages.document import Document
from psychomet.result.result import Result, make_result

HOSTILE = (
    "<script>alert(1)</script>",
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=1">',
    "</style><h1 id=owned>x</h1>",
    "</title><h1 id=owned>x</h1>",
    "--><iframe src=x></iframe>",
    '=HYPERLINK("http://x","y")',
    "'; DROP TABLE answers; --",
    "two\nlines\r\n\n# a heading",
    "nul\x00and\x1bescape",
    "right\u202eto left\u2066",
    "smile 😀 你好 עברית",
    "{{< include /etc/passwd >}}",
    "{{ 7 * 7 }}{% raw %}",
    "$\\alpha$ and $$x$$",
    "`r 1` ``` {python}",
    "[a](javascript:alert(1)) ![b](x.png)",
    "a | b | c",
    "::: {.callout-note}",
    "@fig-one [@smith] ^sup^ ~sub~ *em* __strong__",
    "1. one",
    "- one",
    "https://example.org/x www.example.org a@b.org",
    "... --- (c) :smile: &lt; &#60; \\n",
    "    four spaces",
    "long " + "x" * 5000,
)
LONE = "lone \ud800 surrogate"
"""No pandas frame holds it, but settings and notes may."""


def _load(name: str) -> ModuleType:
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"psychomet_tests_pages_{name}", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def example() -> ModuleType:
    return _load("example")


@pytest.fixture(scope="session")
def precision() -> ModuleType:
    return _load("precision")


@pytest.fixture(scope="session")
def hostile_texts() -> tuple[str, ...]:
    return HOSTILE


@pytest.fixture(scope="session")
def document(example: ModuleType) -> Document:
    return compose(
        example.everything(), title="Example", intro="First.\n\nSecond.", about={"Data": "made up"}
    )


@pytest.fixture(scope="session")
def hostile_document(hostile_results: list[Result]) -> Document:
    about = dict(zip(HOSTILE, HOSTILE, strict=True))
    return compose(hostile_results, title=HOSTILE[4] + LONE, intro="\n\n".join(HOSTILE), about=about)


def _row(estimand: str, **more: object) -> dict[str, object]:
    return {"estimand": estimand, "estimate": 0.5, "conf_low": 0.3, "conf_high": 0.7, "conf_level": 0.95, "n": 30,
            "method": f"t; {HOSTILE[0]}"} | more  # fmt: skip


@pytest.fixture(scope="session")
def hostile_results() -> list[Result]:
    """Every place that holds text from data, filled with every hostile text."""
    scales = {text: [f"{text} a", f"{text} b"] for text in HOSTILE}
    wording = {f"{text} a": text + LONE for text in HOSTILE}
    design = {
        "facets": {text: {"levels": [text, "other"], "relation": text} for text in HOSTILE},
        "pairs": [[text, text, text] for text in HOSTILE],
        "balanced": False,
        "administrations_per_respondent": {text: [1, 2] for text in HOSTILE},
        "rows_read": 10, "rows_kept": 9, "dropped": dict.fromkeys(HOSTILE, 1),
        "status": {text: {text: 1} for text in HOSTILE}, "unused_columns": list(HOSTILE),
    }  # fmt: skip
    settings = {
        "scales": scales, "text": wording, "design": design, "scale_source": dict(zip(HOSTILE, HOSTILE, strict=True)),
        "target": 0.4, "plan": {text: {"numbers": {text: 2}} for text in HOSTILE},
        "label": HOSTILE[2], "seed": 1, "version": HOSTILE[0], "odd": {HOSTILE[0]: list(HOSTILE)},
        "table": {"fingerprint": HOSTILE[0], "key_name": HOSTILE[3]},
    }  # fmt: skip
    notes = [
        Note("odd", text, level) for text in (*HOSTILE, LONE) for level in ("info", "caution", "problem")
    ]  # type: ignore[arg-type]
    rows: dict[str, list[dict[str, object]]] = {name: [] for name in ("design", "profile", "reliability", "agreement",
                                                                       "sensitivity", "link", "oddity", "omega", "rater_agreement",
                                                                       "generalizability", "plan")}  # fmt: skip
    for text in HOSTILE:
        bare = {"estimate": float("nan"), "conf_low": float("nan"), "conf_high": float("nan"), "reason": text}
        rows["design"] += [_row("status_share", level=text, group=text), _row("respondents", group=text)]
        rows["profile"] += [_row("mean_score", term=text, group=text), _row("sd_score", term=text, **bare)]
        rows["reliability"] += [
            _row("alpha", term=text, estimate=-0.2, method=text),
            _row("alpha_standardized", term=text),
        ]
        rows["reliability"] += [
            _row(name, term=f"{text} a") for name in ("item_mean", "item_sd", "item_rest_r")
        ]
        rows["reliability"].append(_row("item_rest_r", term=f"{text} b", **bare))
        rows["agreement"] += [_row("ICC(2,1)", term=text, group=text), _row("ICC(2,k)", term=text, **bare)]
        rows["sensitivity"] += [
            _row("facet_share", term=text, facet=text),
            _row("level_mean", term=text, facet="f", level=text),
        ]
        rows["link"] += [_row("pearson_r", term=text, other=other, group=text) for other in HOSTILE[:3]]
        rows["reliability"] += [_row("glb", term=text, group=text), _row("equal_alphas", term=text, **bare)]
        rows["omega"] += [
            _row("omega_total", term=text, group=text),
            _row("omega_group", term=text, other=text),
        ]
        rows["rater_agreement"] += [
            _row("krippendorff_alpha", term=text, facet=text),
            _row("cohen_kappa", term=text, facet=text, other=text),
            _row("limit_of_agreement_low", term=text, facet=text, other=text),
            _row("rater_severity", term=text, facet=text, other=text),
        ]
        rows["generalizability"] += [
            _row("variance_share", term=text, facet="respondent"),
            _row("variance_share", term=text, facet=text),
            _row("g_coefficient", term=text, level=text),
        ]
        rows["plan"] += [_row("g_coefficient", term=text, level=f"{text} = {many}") for many in (1, 2)]
        rows["plan"].append(_row("calls", term=text, level=f"{text} = 1"))
        rows["oddity"].append(_row(text, term=text, group=text, level=text, facet=text, other=text))
    return [make_result(name, part, settings=settings, notes=notes) for name, part in rows.items()]
