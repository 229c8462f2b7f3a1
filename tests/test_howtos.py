"""What the how-to pages of the questions on links, effects and answers show is run as it stands."""

from __future__ import annotations

import itertools
import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import psychomet as pm
from psychomet.cli import main
from psychomet.schema import RESPONSE_COLUMNS

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "howto"
FENCED = re.compile(r"```(\w+)\n(.*?)```", flags=re.DOTALL)
INDENTED = re.compile(r"(?:^    .*\n(?:\n(?=    ))?)+", flags=re.MULTILINE)
TOML_NAME = re.compile(r"`([\w-]+\.toml)`")

# Scales of each page: name -> kind. "s" and "b" are items of a self-report and a behaviour, "S" and "B" finished
# scores of each, "Y" a behaviour of two codes.
Page = dict[str, Any]
PAGES: dict[str, Page] = {
    "effects": {
        "scales": {"Extraversion": "s", "Neuroticism": "s"},
        "facets": {"strength": ("0", "1", "2"), "steered": ("none", "more", "less"), "way": ("prompt", "vector")},
        "between": {"persona_level": ("low", "high"), "model": ("m1", "m2", "m3")},
    },
    "link": {"scales": {"Agreeableness": "s", "Openness": "s", "Sycophancy": "B"}, "facets": {"prompt": ("p", "q", "r"), "phase": ("base", "chat")}},
    "logistic_link": {
        "scales": {"trust": "s", "risk": "s", "sycophancy": "S", "gives": "Y", "tokens": "B"},
        "facets": {"persona": ("agreeable", "baseline")},
    },
    "belief_consistency": {
        "scales": {"trust": "s", "expects to send": "S", "expects to return": "S", "sends": "B", "returns": "B"},
        "facets": {"stake": ("low", "middle", "high", "highest")},
    },
    "multitrait": {
        "scales": dict.fromkeys(("bfi_ext", "ipip_ext", "bfi_neu", "ipip_neu", "bfi_ope", "ipip_ope", "warmth", "order"), "S"),
        "facets": {"prompt": ("neutral", "warm", "terse"), "rater": ("x", "y")},
        "n": 60,
    },
    "criterion_validity": {
        "scales": {"Agreeableness": "s", "Openness": "s", "Extraversion": "s", "Sycophancy": "B"},
        "between": {"model": tuple(f"m{i}" for i in range(6))},
        "n": 48,
    },
    "sensitivity": {
        "scales": {"Extraversion": "s", "Neuroticism": "s"},
        "facets": {"prompt": ("p", "q"), "order": ("f", "b"), "persona": ("none", "kind", "curt"), "wording": ("u", "v", "w")},
        "between": {"model": ("m1", "m2")},
    },
    "option_bias": {"scales": {"Extraversion": "s"}, "facets": {"order": ("ascending", "descending")}},
    "consistency": {
        "scales": {"Extraversion": "s"},
        "facets": {"order": ("ascending", "descending"), "sample": (0, 1)},
        "between": {"model": ("m1", "m2")},
    },
    "hierarchy": {"scales": {"Extraversion": "s"}, "facets": {"prompt": ("p", "q", "r", "s", "t")}, "n": 40},
    "refusal": {"scales": {"Extraversion": "s"}, "between": {"model": ("m1", "m2")}, "refused": True},
}  # fmt: skip
ITEMS = 3
ENGINES = ("hierarchy",)
"""Pages of questions that need the extra bayes."""


def simulated(page: Page) -> tuple[pd.DataFrame, pm.Key]:
    """Every respondent answers every scale under every combination of the facets."""
    rng = np.random.default_rng(11)
    facets: dict[str, tuple[Any, ...]] = page.get("facets", {})
    between: dict[str, tuple[str, ...]] = page.get("between", {})
    rows = []
    scales = []
    for name, kind in page["scales"].items():
        items = [f"{name} {j}" for j in range(ITEMS if kind == "s" else 1)]
        low, high = (1, 5) if kind == "s" else (0, 1) if kind == "Y" else (0, 10)
        scales.append({"name": name, "low": low, "high": high, "items": items, "scale_score": kind != "s"})
    for i in range(page.get("n", 18)):
        general = rng.normal()
        own = {facet: levels[i // 1 % len(levels)] for facet, levels in between.items()}
        for scale, kind in zip(scales, page["scales"].values(), strict=True):
            trait = 0.6 * general + rng.normal(scale=0.6)
            for cell in itertools.product(*facets.values()):
                moved = trait + 0.3 * sum(
                    facets[facet].index(level) for facet, level in zip(facets, cell, strict=True)
                )
                for item in scale["items"]:
                    z = moved + rng.normal(scale=0.7)
                    code = {"s": np.clip(np.rint(3 + z), 1, 5), "Y": float(z > 0.3)}.get(
                        kind, np.clip(5 + 1.5 * z, 0, 10)
                    )
                    source = "behaviour" if kind in "BY" else "self_report"
                    rows.append(
                        {"respondent": f"r{i:02d}", "item": item, "response": float(code), "source": source}
                        | own
                        | dict(zip(facets, cell, strict=True))
                    )
    frame = pd.DataFrame(rows)
    if page.get("refused"):
        gone = rng.random(len(frame)) < 0.15
        frame["status"] = np.where(gone, "refused", "answered")
        frame["response"] = frame["response"].where(~gone)
    return frame, pm.read_key({"name": "howto", "scale": scales})


FEATURES = ("independence", "discovery", "mediation", "adjustment")
"""Pages about a table of features; the one on latent causes is run in the tests of that question."""
BOOK = {
    "name": "howto",
    "feature": [
        *({"name": name, "kind": "number"} for name in ("age", "birth_year", "height", "weight", "skill", "performance")),
        {"name": "league", "kind": "nominal"},
        {"name": "training", "kind": "nominal", "levels": ["no", "yes"]},
        {"name": "birth_day", "kind": "circular", "period": 31},
        *(
            {"name": f"extraversion_{rater}", "kind": "ordinal", "levels": [1, 2, 3], "modality": "extraversion", "measurement": rater}
            for rater in ("gpt", "gemini")
        ),
        {"name": "extraversion", "kind": "number", "modality": "mean extraversion"},
    ],
}  # fmt: skip


def features_written(folder: Path) -> None:
    """Put a table of features and its codebook into a folder."""
    rng = np.random.default_rng(12)
    n = 300
    age = rng.normal(40, 9, n)
    trained = rng.normal(size=n) + (age - 40) / 9 > 0
    skill = trained + (age - 40) / 20 + rng.normal(size=n)
    height = rng.normal(180, 8, n)
    trait = 0.5 * (height - 180) / 8 + rng.normal(size=n)
    frame = pd.DataFrame({
        "respondent": [f"r{i}" for i in range(n)], "age": age, "birth_year": np.round(2025 - age), "height": height,
        "weight": 0.9 * height - 90 + rng.normal(0, 6, n), "skill": skill, "performance": skill + 0.4 * trained + rng.normal(size=n),
        "league": rng.choice(["NBA", "NFL"], n), "training": np.where(trained, "yes", "no"), "birth_day": rng.integers(1, 32, n),
        "extraversion": trait,
    })  # fmt: skip
    for rater in ("gpt", "gemini"):
        frame[f"extraversion_{rater}"] = np.digitize(trait + rng.normal(scale=0.5, size=n), [-0.7, 0.7]) + 1
    frame.to_csv(folder / "features.csv", index=False)
    lines = [f'name = "{BOOK["name"]}"']
    for feature in BOOK["feature"]:
        lines += ["[[feature]]", *(f"{name} = {json.dumps(value)}" for name, value in feature.items())]
    (folder / "codebook.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("name", FEATURES)
def test_pages_on_features_run_as_they_stand(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    features_written(tmp_path)
    blocks = blocks_of(text)
    for file, block in zip(
        dict.fromkeys(found for found in TOML_NAME.findall(text) if found != "codebook.toml"),
        (block for language, block in blocks if language == "toml"),
        strict=True,
    ):
        (tmp_path / file).write_text(block, encoding="utf-8")
    names: dict[str, Any] = {}
    for language, block in blocks:
        if language == "python":
            exec(compile(block, f"{name}.md", "exec"), names)
    assert isinstance(names["result"], pm.Result) and names["result"].question == name
    lines = [line for language, block in blocks if language == "sh" for line in block.strip().splitlines()]
    for line in lines:
        made = CliRunner().invoke(main, shlex.split(line)[1:])
        assert made.exit_code == 0, f"{line}\n{made.output}"
    assert lines, "the page shows no command line"


JOINT: Page = {
    "scales": {"Extraversion": "s", "Neuroticism": "s", "Sycophancy": "Y"},
    "facets": {"prompt": ("p", "q")},
    "between": {"model": ("m1", "m2")},
    "n": 16,
}
QUICK = {"draws": 100, "tune": 100, "chains": 2}
"""Fewer draws than the page's defaults: that its code runs is tested, not its chains."""


@pytest.mark.slow
def test_the_page_on_joint_models_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for engine in ("arviz", "nutpie", "jax"):
        pytest.importorskip(engine)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(PAGES, "hierarchy_joint", JOINT)
    rng = np.random.default_rng(13)
    ids = [f"r{i:02d}" for i in range(JOINT["n"])]
    games = rng.integers(15, 25, len(ids))
    wins = rng.binomial(games, 0.4)
    pd.DataFrame({
        "respondent": ids, "size": rng.normal(7, 2, len(ids)), "wins": wins, "games": games, "errors": rng.poisson(3, len(ids)),
    }).to_csv("features.csv", index=False)  # fmt: skip
    book = "".join(
        f'[[feature]]\nname = "{name}"\nkind = "number"\n' for name in ("size", "wins", "games", "errors")
    )
    (tmp_path / "codebook.toml").write_text(f'name = "howto"\n{book}', encoding="utf-8")
    text = (FOLDER / "hierarchy_joint.md").read_text(encoding="utf-8")
    frame, key = simulated(JOINT)
    frame.to_parquet("answers.parquet")
    (tmp_path / "key.toml").write_text(toml_of(key), encoding="utf-8")
    blocks = blocks_of(text)
    toml = [block for language, block in blocks if language == "toml"]
    (tmp_path / "joint.toml").write_text(toml[0], encoding="utf-8")
    asked = pm.hierarchy
    monkeypatch.setattr(
        pm, "hierarchy", lambda table, **more: asked(table, sampling=pm.Sampling(**QUICK), **more)
    )
    names: dict[str, Any] = {}
    for language, block in blocks:
        if language == "python":
            exec(compile(block, "hierarchy_joint.md", "exec"), names)
    for name in ("result", "both"):
        assert names[name].settings["hierarchy"]["joint"]["model"] == "joint"
    lines = [line for language, block in blocks if language == "sh" for line in block.strip().splitlines()]
    settings = ",".join(f"{name}={value}" for name, value in QUICK.items())
    for line in lines:
        made = CliRunner().invoke(main, [*shlex.split(line)[1:], "--set", f"sampling={settings}"])
        assert made.exit_code == 0, f"{line}\n{made.output}"
    assert lines


def own_facets(page: Page) -> list[str]:
    """Facets that are no columns of the schema, so that reading must name them."""
    known = {column.name for column in RESPONSE_COLUMNS}
    return [name for name in (*page.get("facets", {}), *page.get("between", {})) if name not in known]


def blocks_of(text: str) -> list[tuple[str, str]]:
    """Language and text of every block, in order; indented ones are Python, or a command where they begin so."""
    if "```" in text:
        return FENCED.findall(text)
    found = [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in INDENTED.findall(text)]
    return [("sh" if block.startswith("psychomet ") else "python", block) for block in found]


def written(folder: Path, name: str) -> tuple[str, list[tuple[str, str]], pd.DataFrame, pm.Key]:
    """Put the table, the key and the TOML files of a page into a folder."""
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    frame, key = simulated(PAGES[name])
    frame.to_parquet(folder / "answers.parquet")
    (folder / "key.toml").write_text(toml_of(key), encoding="utf-8")
    blocks = blocks_of(text)
    tomls = [block for language, block in blocks if language == "toml"]
    files = list(dict.fromkeys(found for found in TOML_NAME.findall(text) if found != "key.toml"))
    for file, block in zip(files, tomls, strict=True):
        (folder / file).write_text(block, encoding="utf-8")
    return text, blocks, frame, key


def toml_of(key: pm.Key) -> str:
    lines = [f'name = "{key.name}"']
    for scale in key.scales:
        items = ", ".join(f'"{item}"' for item in scale.items)
        lines += ["[[scale]]", f'name = "{scale.name}"', f"low = {scale.low}", f"high = {scale.high}"]
        lines += [f"items = [{items}]", f"scale_score = {str(scale.scale_score).lower()}"]
    return "\n".join(lines) + "\n"


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_every_python_block_runs_as_it_stands(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _, blocks, frame, key = written(tmp_path, name)
    responses = pm.read_responses(frame, key=key, facets=own_facets(PAGES[name]))
    names: dict[str, Any] = {"responses": responses, "table": responses}
    code = [block for language, block in blocks if language == "python"]
    assert code and f"pm.{name}(" in "".join(code)
    if name in ENGINES:
        pytest.importorskip("arviz")
        pytest.importorskip("nutpie")
    for block in code:
        if "crosscheck" in block:
            pytest.importorskip("pingouin")
            pytest.importorskip("statsmodels")
        exec(compile(block, f"{name}.md", "exec"), names)
    for made in names.values():
        if isinstance(made, pm.Result):
            assert made.estimates["estimate"].notna().mean() > 0.5, "the table does not suit the page"


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_every_command_line_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if name in ENGINES:
        pytest.importorskip("arviz")
        pytest.importorskip("nutpie")
    _, blocks, _, _ = written(tmp_path, name)
    lines = [line for language, block in blocks if language == "sh" for line in block.strip().splitlines()]
    for line in lines:
        program, *words = shlex.split(line)
        assert program == "psychomet"
        words += ["--seed", "1"] if "--seed" not in words else []
        made = CliRunner().invoke(main, words)
        assert made.exit_code == 0, f"{line}\n{made.output}"
        assert (tmp_path / words[words.index("--out") + 1] / "index.html").stat().st_size > 10_000
    assert lines, "the page shows no command line"
