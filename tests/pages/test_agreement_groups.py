"""Agreement and raters of several groups on the page: columns, figures, long names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from psychomet.pages.compose.assemble import compose
from psychomet.pages.document import Figure, Inline, Section, Table
from psychomet.pages.figures.dots import Dot, draw_dots
from psychomet.result.result import Result, make_result

GROUPS = ("", "model = llama-3-70b", "model = mistral-large-2411")


def plain(text: Iterable[Inline]) -> str:
    return "".join(piece if isinstance(piece, str) else piece.text for piece in text)


def row(estimand: str, group: str, value: float, method: str, **more: Any) -> dict[str, Any]:
    return {"estimand": estimand, "term": "Persistence", "group": group, "estimate": value, "conf_low": value - 0.1,
            "conf_high": value + 0.1, "conf_level": 0.95, "n": 40, "method": method, **more}  # fmt: skip


def raters() -> Result:
    rows = []
    for group in GROUPS:
        rows.append(row("fleiss_kappa", group, 0.4, "delta; Gwet", facet="rater"))
        rows.append(row("fleiss_kappa", group, 0.4, "jackknife; t on log(1 - x)", facet="rater"))
        rows.append(row("percent_agreement", group, 0.6, "wilson; pairs of ratings", facet="rater"))
        for rater in ("judge-a", "judge-b", "judge-c"):
            for name, value in (("rater_severity", 0.1), ("rater_slope", 0.9), ("rater_residual_sd", 0.5)):
                rows.append(row(name, group, value, "jackknife; t", facet="rater", other=rater))
    return make_result("rater_agreement", rows)


def intraclass() -> Result:
    rows = []
    for group in (*GROUPS, "model = llama-3-70b, incomplete respondents kept"):
        for form in ("ICC(2,1)", "ICC(2,k)"):
            kept = group.endswith("kept")
            rows.append(
                row(form, group, 0.7, "mls; x" if kept else "f; x", statistic=9.0, df=39.0, df2=117.0)
            )
            if not kept:
                rows.append(row(form, group, 0.7, "bootstrap; x"))
    return make_result("agreement", rows)


def section(result: Result) -> Section:
    return next(
        found for found in compose([result], title="t").sections if found.anchor.endswith("agreement")
    )


def names(table: Table) -> list[str]:
    return [plain((head.name,)) for head in table.columns]


def test_groups_of_raters_are_series_of_one_figure() -> None:
    found = section(raters())
    drawn = {block.name: block for block in found.blocks if isinstance(block, Figure)}
    assert set(drawn) == {
        f"rater-agreement-{part}" for part in ("coefficients", "severity", "slope", "residual-sd")
    }
    svg = drawn["rater-agreement-slope"].svg.decode()
    # Text of figures is drawn as outlines with the characters in a comment.
    for name in ("whole table", *GROUPS[1:], "judge-a"):
        assert name in svg, name
    assert "below 1 a rater uses less of the scale" in plain(drawn["rater-agreement-slope"].caption)


def test_one_column_holds_the_interval_to_read() -> None:
    whole, last = [block for block in section(raters()).blocks if isinstance(block, Table)]
    assert [name for name in names(whole) if "interval" in name] == [
        "95 % interval",
        "95 % interval (delta method)",
    ]
    assert "Slope" in names(last) and "Residual SD" in names(last) and len(last.rows) == 9


def test_intraclass_correlations_have_both_names_and_one_column_of_normal_limits() -> None:
    found = section(intraclass())
    (table,) = [block for block in found.blocks if isinstance(block, Table)]
    assert [name for name in names(table) if "interval" in name] == [
        "95 % interval",
        "95 % interval (bootstrap)",
    ]
    assert {plain((cells[names(table).index("Form")],)) for cells in table.rows} == {
        "ICC(2,1), ICC(A,1)", "ICC(2,k), ICC(A,k)",
    }  # fmt: skip
    assert plain((table.rows[0][names(table).index("F (df)")],)) == "9.00 (39, 117)"
    (figure,) = [block for block in found.blocks if isinstance(block, Figure)]
    assert "model = llama-3-70b, incomplete respondents kept" in figure.svg.decode()


def test_long_names_of_rows_go_on_two_lines_and_short_ones_stay() -> None:
    def drawn(*rows: str) -> str:
        dots = [Dot(name, "one", 0.5, 0.4, 0.6) for name in rows]
        return draw_dots(dots, name="x", axis="x", alt="x", caption=("x",)).svg.decode()

    long = drawn("Persistence | incomplete respondents kept", "Humour")
    assert "Persistence" in long and "incomplete respondents kept" in long
    assert "Persistence |" not in long
    assert "Humour | model = a" in drawn("Humour | model = a")
    assert "\\u202e" in drawn("Persistence of the second kind | \u202eevil and a long name")
