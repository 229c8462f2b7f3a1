"""The gate: rules are read whole, decided on intervals, and a difference is paired where it can be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from psychomet.errors import InputError, NotComparableError
from psychomet.result.gate import Rule, Verdict, gate, read_rules
from psychomet.result.gate.decide import decide
from psychomet.result.gate.difference import influence_error
from psychomet.result.gate.verdict import COLUMNS
from psychomet.result.result import Result, make_result
from psychomet.result.store import save

# Two ways to the same closed form, a few hundred additions of numbers near 1.
ROUNDING = 1e-12

NAN = math.nan
FINITE = st.floats(-1e6, 1e6)


def a_row(**changes: Any) -> dict[str, Any]:
    return {
        "estimand": "alpha",
        "term": "Trust",
        "estimate": 0.80,
        "std_error": 0.03,
        "conf_low": 0.74,
        "conf_high": 0.86,
        "conf_level": 0.95,
        "n": 60,
        "method": "feldt; available answers",
    } | changes


def a_result(*rows: Mapping[str, Any], question: str = "reliability", **parts: Any) -> Result:
    settings = {"table": {"items": "i1", "key": "k1", "fingerprint": "f"}, "seed": 1, "missing": "available"}
    return make_result(question, rows or [a_row()], **({"settings": settings} | parts))


def a_rule(**fields: Any) -> dict[str, Any]:
    return {"rule": [{"name": "the rule", "estimand": "alpha"} | fields]}


def only(verdict: Verdict) -> dict[str, Any]:
    (row,) = verdict.rows.to_dict("records")
    return row


def judged(row: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    return only(gate(a_result(row), rules=a_rule(**fields)))


# Reading rules


def test_a_rules_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_text(
        '\ufeff[[rule]]\nname = "reliable"\nestimand = "alpha"\nminimum = 0.7\ntolerance = 0.02\n'
        '[[rule]]\nname = "stable"\non = "difference"\nestimand = "ICC(*"\ngroup = ""\nmax_change = 1\n'
    )
    assert read_rules(path) == (
        Rule(name="reliable", estimand="alpha", minimum=0.7, tolerance=0.02),
        Rule(name="stable", on="difference", estimand="ICC(*", group="", max_change=1),
    )
    assert read_rules(read_rules(path)) == read_rules(path)


def test_every_fault_of_the_rules_is_told_at_once() -> None:
    rules = {
        "rules": [],
        "rule": [
            {"name": "a", "estimand": "alpha"},
            {"name": "a", "estimand": "alpha", "minimun": 0.7, "minimum": 0.7},
            {"estimand": 3, "minimum": "0.7", "maximum": True, "tolerance": NAN, "conf_level": 10**400},
            {"name": "", "estimand": "alpha", "on": "interva", "question": "", "minimum": 0},
            {
                "name": "d",
                "estimand": "alpha",
                "minimum": 0.9,
                "maximum": 0.8,
                "tolerance": -1,
                "max_drop": 1,
            },
            {"name": "e", "estimand": "alpha", "on": "difference", "max_change": 1, "max_drop": -1},
            {"name": "f", "estimand": "alpha", "on": "difference", "max_drop": 0.1, "conf_level": 1},
            {"name": "g", "estimand": "alpha", "max_width": 0.1, "tolerance": 0.1},
            {"name": "h", "estimand": "alpha", "on": "estimate", "minimum": 0.1, "tolerance": 0.1},
        ],
    }
    with pytest.raises(InputError) as caught:
        read_rules(rules)
    told = [f"{fault.where}: {fault.what}" for fault in caught.value.faults]
    assert told == [
        "rules: it is not a field of a rules file",
        "rule 'a', bound: the rule demands nothing",
        "rule 'a', minimun: it is not a field of a rule",
        "rule number 3, name: it is missing",
        "rule number 3, estimand: 3 is not text",
        "rule number 3, minimum: 0.7 is not a finite number",
        "rule number 3, maximum: True is not a finite number",
        "rule number 3, tolerance: nan is not a finite number",
        "rule number 3, conf_level: 10000000000000000000000000000000000000000000000000000000000… "
        "is not a finite number",
        "rule number 4, name: it is empty",
        "rule number 4, question: it is empty",
        "rule number 4, on: interva is none of estimate, interval, difference",
        "rule 'd', max_drop: it has no meaning with on = \"interval\"",
        "rule 'd', tolerance: it is negative",
        "rule 'd', minimum: 0.9 is above maximum = 0.8",
        "rule 'e', max_drop: it is negative",
        "rule 'e', max_change: it stands beside max_drop or max_rise",
        "rule 'f', conf_level: 1 is not between 0 and 1",
        "rule 'g', tolerance: there is no minimum or maximum that it could soften",
        "rule 'h', tolerance: it has no meaning with on = \"estimate\"",
        "rule 'a': the name is used 2 times",
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "there is no rule"),
        (b"rule = 3", "not a list of tables"),
        (b"rule = [3]", "not a list of tables"),
        (b"[[rule]\n", "not valid TOML"),
        (b'name = "\xff"', "not UTF-8"),
        (b"a = " + b"[" * 100_000, "nested too deeply|not valid TOML"),
    ],
    ids=["empty", "number", "list", "syntax", "encoding", "nested"],
)
def test_a_file_that_holds_no_rules_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "gate.toml").write_bytes(content)
    with pytest.raises(InputError, match=told):
        read_rules(tmp_path / "gate.toml")


def test_a_path_that_holds_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_rules(tmp_path / "absent.toml")
    for path in (tmp_path, tmp_path / "nul\x00"):
        with pytest.raises(InputError, match="cannot be read"):
            read_rules(path)


def test_rules_made_in_python_are_held_to_the_same_demands() -> None:
    with pytest.raises(InputError, match="demands nothing"):
        Rule(name="a", estimand="alpha")
    nobody: Any = None
    with pytest.raises(InputError, match="None is not text"):
        Rule(name=nobody, estimand="alpha", minimum=0)
    rule = Rule(name="a", estimand="alpha", minimum=0)
    with pytest.raises(InputError, match="used 2 times"):
        read_rules([rule, rule])
    with pytest.raises(InputError, match="there is none"):
        read_rules([])
    loose: Any = [rule, {"name": "b"}]
    with pytest.raises(InputError, match="not of type Rule"):
        read_rules(loose)


# Which estimates a rule is about

ROWS = (
    a_row(term="Trust [self]"),
    a_row(term="Trust s"),
    a_row(term="Trust", group="model = a"),
    a_row(term="Trust", method="bootstrap; 500 resamples"),
    a_row(term="Order", facet="order", level="reversed", other="helping"),
)


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"term": "Trust"}, [2, 3]),
        ({"term": "Trust*"}, [0, 1, 2, 3]),
        ({"term": "trust*"}, []),
        # Read as a pattern, [self] stands for one letter of s, e, l, f; as a text it is a name.
        ({"term": "Trust [self]"}, [0, 1]),
        ({"term": "Trust ?"}, [1]),
        ({"method": "bootstrap"}, [3]),
        # With a semicolon the whole text is meant: definitions that share an interval are told apart.
        ({"method": "bootstrap; 500*"}, [3]),
        ({"method": "bootstrap; 500"}, []),
        ({"group": ""}, [0, 1, 3, 4]),
        ({"facet": "order", "level": "rev*", "other": "help*"}, [4]),
        ({"facet": ""}, [0, 1, 2, 3]),
        ({"question": "rel*"}, [0, 1, 2, 3, 4]),
        ({"question": "design"}, []),
        ({"estimand": "alp[h]a"}, [0, 1, 2, 3, 4]),
    ],
)
def test_a_rule_selects_by_text_or_pattern(fields: dict[str, str], wanted: list[int]) -> None:
    rows = [row | {"n": number} for number, row in enumerate(ROWS)]
    result = make_result("reliability", [row | {"estimate": row["n"]} for row in rows])
    verdict = gate(result, rules=a_rule(on="estimate", minimum=-1, **fields))
    found = [row for row in verdict.rows["estimate"].tolist() if not math.isnan(row)]
    assert found == wanted
    assert verdict.exit_code == (0 if wanted else 1)


def test_a_rule_that_selects_nothing_fails() -> None:
    verdict = gate(a_result(), rules=a_rule(estimand="omega", term="Trust", minimum=0.7))
    row = only(verdict)
    assert (row["verdict"], row["estimand"], row["term"]) == ("fail", "omega", "Trust")
    assert row["why"] == "missing estimate: the rule selects nothing; the estimands of the run are alpha"
    assert verdict.exit_code == 1
    assert only(gate([], rules=a_rule(minimum=0.7)))["why"].endswith("are none")


# The decision


@pytest.mark.parametrize(
    ("estimate", "low", "high", "tolerance", "wanted"),
    [
        (0.80, 0.70, 0.90, 0.0, "pass"),
        (0.80, 0.69, 0.90, 0.0, "inconclusive"),
        (0.80, 0.69, 0.90, 0.02, "pass"),
        (0.65, 0.60, 0.70, 0.0, "inconclusive"),
        (0.65, 0.60, 0.69, 0.0, "fail"),
        (0.65, 0.60, 0.69, 0.05, "inconclusive"),
        (0.64, 0.60, 0.69, 0.05, "fail"),
        (0.64, 0.60, 0.70, 0.05, "inconclusive"),
        (0.64, 0.65, 0.69, 0.05, "inconclusive"),  # the interval misses its estimate
        (0.70, 0.70, 0.70, 0.0, "pass"),
        (0.70 - 1e-15, 0.70 - 1e-15, 0.70 - 1e-15, 0.0, "pass"),  # arithmetic is no loss
        (0.70 - 1e-9, 0.70 - 1e-9, 0.70 - 1e-9, 0.0, "fail"),
        (0.80, -math.inf, math.inf, 0.0, "inconclusive"),
    ],
)
def test_the_decision_on_a_lower_bound(
    estimate: float, low: float, high: float, tolerance: float, wanted: str
) -> None:
    assert decide(estimate, low=low, high=high, bound=0.70, tolerance=tolerance) == wanted
    fields = {"tolerance": tolerance} if tolerance else {}
    row = {"estimate": estimate, "conf_low": low, "conf_high": high}
    assert judged(a_row(**row), minimum=0.70, **fields)["verdict"] == wanted
    mirrored = {"estimate": -estimate, "conf_low": -high, "conf_high": -low}
    assert judged(a_row(**mirrored), maximum=-0.70, **fields)["verdict"] == wanted


@given(estimate=FINITE, below=st.floats(0, 1e3), above=st.floats(0, 1e3), bound=FINITE, tolerance=st.floats(0, 1e3), rise=st.floats(0, 1e3))  # fmt: skip
def test_raising_an_estimate_never_worsens_its_verdict_on_a_minimum(
    estimate: float, below: float, above: float, bound: float, tolerance: float, rise: float
) -> None:
    order = ["fail", "inconclusive", "pass"]
    lower, higher = (
        decide(value, low=value - below, high=value + above, bound=bound, tolerance=tolerance)
        for value in (estimate, estimate + rise)
    )
    assert order.index(higher) >= order.index(lower)


@given(estimate=FINITE, below=st.floats(0, 1e3), above=st.floats(0, 1e3), bound=FINITE, tolerance=st.floats(0, 1e3), more=st.floats(0, 1e3))  # fmt: skip
def test_a_wider_tolerance_never_worsens_and_a_wider_interval_never_turns_a_verdict_over(
    estimate: float, below: float, above: float, bound: float, tolerance: float, more: float
) -> None:
    order = ["fail", "inconclusive", "pass"]
    low, high = estimate - below, estimate + above
    first = decide(estimate, low=low, high=high, bound=bound, tolerance=tolerance)
    tolerant = decide(estimate, low=low, high=high, bound=bound, tolerance=tolerance + more)
    assert order.index(tolerant) >= order.index(first)
    wider = decide(estimate, low=low - more, high=high + more, bound=bound, tolerance=tolerance)
    assert wider in (first, "inconclusive")


@given(estimate=FINITE, bound=FINITE)
def test_a_point_estimate_is_never_inconclusive(estimate: float, bound: float) -> None:
    assume(abs(estimate - bound) > 1e-5)
    row = judged(a_row(estimate=estimate), on="estimate", minimum=bound)
    assert row["verdict"] == ("pass" if estimate > bound else "fail")
    assert row["how"] == "point estimate"


def test_the_reason_names_the_bound() -> None:
    assert judged(a_row(), minimum=0.7)["why"] == "the interval excludes values below 0.7"
    assert judged(a_row(), minimum=0.9)["why"] == "the whole interval is below 0.9"
    words = "the whole interval is below 0.9, and the estimate below 0.88"
    assert judged(a_row(), minimum=0.9, tolerance=0.02)["why"] == words
    assert judged(a_row(), maximum=0.8)["why"] == "the interval does not settle whether it is above 0.8"
    assert judged(a_row(), on="estimate", maximum=0.8)["why"] == "the estimate is not above 0.8"
    assert judged(a_row(), on="estimate", minimum=0.9)["why"] == "the estimate is below 0.9"
    row = judged(a_row(), minimum=0.7, maximum=0.9, tolerance=0.01)
    assert row["allowed"] == "at least 0.7 (tolerance 0.01), at most 0.9 (tolerance 0.01)"
    assert row["conf_level"] == 0.95


def test_the_worst_bound_of_a_rule_decides() -> None:
    assert judged(a_row(), minimum=0.7, maximum=0.9)["verdict"] == "pass"
    assert judged(a_row(), minimum=0.75, maximum=0.9)["verdict"] == "inconclusive"
    row = judged(a_row(), minimum=0.75, max_width=0.1)
    assert row["verdict"] == "fail"
    assert row["why"] == "the interval is 0.12 wide, more than 0.1"


def test_width_is_known_and_so_passes_or_fails() -> None:
    assert judged(a_row(), max_width=0.12)["verdict"] == "pass"
    assert judged(a_row(), max_width=0.11)["verdict"] == "fail"
    assert judged(a_row(conf_high=math.inf), max_width=10)["verdict"] == "fail"


def test_a_missing_estimate_fails_and_a_missing_interval_is_inconclusive() -> None:
    lost = {"estimate": NAN, "conf_low": NAN, "conf_high": NAN, "reason": "no variance"}
    for fields in ({"minimum": 0.7}, {"on": "estimate", "minimum": 0.7}):
        row = judged(a_row(**lost), **fields)
        assert (row["verdict"], row["why"]) == ("fail", "there is no estimate: no variance")
    bare = {"conf_low": NAN, "conf_high": NAN, "reason": "a count"}
    row = judged(a_row(**bare), minimum=0.7)
    assert (row["verdict"], row["why"]) == ("inconclusive", "there is no interval: a count")
    assert judged(a_row(**bare), on="estimate", minimum=0.7)["verdict"] == "pass"
    half = judged(a_row(conf_high=NAN), minimum=0.7)
    assert (half["verdict"], half["why"]) == ("inconclusive", "there is no interval")


@pytest.mark.parametrize(
    ("rules", "strict", "wanted"),
    [
        ([0.7], False, 0),
        ([0.7], True, 0),
        ([0.7, 0.8], False, 0),
        ([0.7, 0.8], True, 3),
        ([0.7, 0.8, 0.9], False, 1),
        ([0.7, 0.8, 0.9], True, 1),
    ],
)
def test_the_exit_code(rules: list[float], strict: bool, wanted: int) -> None:
    tables = [{"name": f"rule {bound}", "estimand": "alpha", "minimum": bound} for bound in rules]
    verdict = gate(a_result(), rules={"rule": tables}, strict=strict)
    assert verdict.exit_code == wanted
    assert list(verdict.counts.values()) == [len(rules) >= 1, len(rules) >= 3, len(rules) >= 2]
    assert tuple(verdict.rows.columns) == COLUMNS


# The interval of a difference


def with_influence(
    values: Sequence[float], ids: Sequence[str], *, estimate: float | None = None, **changes: Any
) -> Result:
    """Return a mean with its influence values, as an estimator of means would."""
    sample = np.asarray(values, dtype=float)
    mean = float(sample.mean()) if estimate is None else estimate
    labels = np.empty(len(ids), dtype=object)
    labels[:] = ids
    array = xr.DataArray(
        (sample - sample.mean())[:, None],
        dims=("respondent", "row"),
        coords={"respondent": labels, "row": [0]},
    )
    se = float(sample.std(ddof=1) / math.sqrt(len(sample)))
    row = a_row(estimand="mean_score", estimate=mean, std_error=se, n=len(sample)) | changes
    return a_result(row, arrays={"influence": array})


def compared(run: Result, baseline: Result, **fields: Any) -> dict[str, Any]:
    demand = {"on": "difference", "estimand": "*"} | (fields or {"max_drop": 0.1})
    return only(gate(run, rules=a_rule(**demand), baseline=[baseline]))


SAMPLE = np.random.default_rng(20261121).normal(loc=[[0.0], [0.2]], size=(2, 30))
IDS = [f"r{number:02d}" for number in range(30)]


@pytest.mark.parametrize("conf_level", [0.5, 0.9, 0.99])
def test_for_a_mean_the_paired_interval_is_the_paired_t_interval(conf_level: float) -> None:
    order = np.random.default_rng(1).permutation(30)
    baseline = with_influence(SAMPLE[0][order], [IDS[position] for position in order])
    row = compared(with_influence(SAMPLE[1], IDS), baseline, max_drop=0.1, conf_level=conf_level)
    known = stats.ttest_rel(SAMPLE[1], SAMPLE[0]).confidence_interval(conf_level)
    assert row["diff_low"] == pytest.approx(known.low, abs=ROUNDING)
    assert row["diff_high"] == pytest.approx(known.high, abs=ROUNDING)
    assert row["how"] == "paired on 30 respondents"
    assert row["conf_level"] == conf_level


def test_for_a_mean_without_common_respondents_the_interval_is_welchs() -> None:
    run = with_influence(SAMPLE[1][:20], [f"new{number}" for number in range(20)])
    row = compared(run, with_influence(SAMPLE[0], IDS))
    known = stats.ttest_ind(SAMPLE[1][:20], SAMPLE[0], equal_var=False).confidence_interval(0.90)
    assert (row["diff_low"], row["diff_high"]) == pytest.approx((known.low, known.high), abs=ROUNDING)
    assert row["how"] == "unpaired: no respondent of the 20 in the run is among the 30 of the baseline"


def test_with_partial_overlap_only_matched_respondents_add_covariance() -> None:
    run, before = SAMPLE[1][:24], SAMPLE[0][6:]
    row = compared(with_influence(run, IDS[:24]), with_influence(before, IDS[6:]))
    one, two = run - run.mean(), before - before.mean()
    shared = float((one[6:] * two[:18]).sum()) / (24 * 23)
    variance = run.var(ddof=1) / 24 + before.var(ddof=1) / 24 - 2 * shared
    parts = ((one[6:] - two[:18]) ** 2).sum(), (one[:6] ** 2).sum(), (two[18:] ** 2).sum()
    shares = [part / (24 * 23) for part in parts]
    df = sum(shares) ** 2 / (shares[0] ** 2 / 17 + shares[1] ** 2 / 5 + shares[2] ** 2 / 5)
    arm = float(stats.t.ppf(0.95, df)) * math.sqrt(variance)
    assert row["difference"] - row["diff_low"] == pytest.approx(arm, abs=ROUNDING)
    assert row["how"] == "paired on 18 respondents, of 24 in the run and 24 in the baseline"


def test_a_respondent_without_influence_has_no_part_in_it() -> None:
    whole, part = with_influence(SAMPLE[1][:29], IDS[:29]), with_influence(SAMPLE[1][:29], IDS[:29])
    array = part.arrays["influence"]
    padded = array.reindex(respondent=np.array(IDS, dtype=object))
    baseline = with_influence(SAMPLE[0], IDS)
    other = make_result("reliability", part.estimates, arrays={"influence": padded}, settings=part.settings)
    wanted = compared(whole, baseline)
    assert compared(other, baseline) == wanted
    assert wanted["how"] == "paired on 29 respondents, of 29 in the run and 30 in the baseline"
    turned = compared(baseline, other)
    assert turned["how"] == "paired on 29 respondents, of 30 in the run and 29 in the baseline"
    assert turned["diff_high"] == pytest.approx(-wanted["diff_low"], abs=ROUNDING)


@given(st.data())
def test_the_paired_error_is_that_of_the_covariance_form(data: st.DataObject) -> None:
    sizes = [data.draw(st.integers(2, 8)) for _ in range(2)]
    run, baseline = (
        np.array(data.draw(st.lists(st.floats(-10, 10), min_size=size, max_size=size))) for size in sizes
    )
    choices = [*range(sizes[1]), *[-1] * sizes[0]]
    position = np.array(data.draw(st.permutations(choices))[: sizes[0]])
    error = influence_error(run, baseline=baseline, position=position)
    squares = [float((part**2).sum()) / (len(part) * (len(part) - 1)) for part in (run, baseline)]
    both = position >= 0
    product = float((run[both] * baseline[position[both]]).sum())
    product /= math.sqrt(sizes[0] * (sizes[0] - 1) * sizes[1] * (sizes[1] - 1))
    assert error.std_error**2 == pytest.approx(sum(squares) - 2 * product, abs=1e-9)
    assert error.matched == both.sum()
    # Never fewer degrees of freedom than the smallest group has, never more than all together.
    if error.std_error > 0:
        assert 1 - ROUNDING <= error.df <= sum(sizes) + ROUNDING


def test_an_unchanged_run_passes_even_without_any_allowance() -> None:
    result = with_influence(SAMPLE[0], IDS)
    moved = with_influence(SAMPLE[0], IDS, estimate=float(SAMPLE[0].mean()) - 1e-15)
    for run in (result, moved):
        row = compared(run, result, max_change=0.0)
        assert row["verdict"] == "pass"
    # The last digits of large scores move more than those of small ones.
    large = a_row(estimate=1e6, std_error=0.0)
    assert (
        compared(a_result(large | {"estimate": 1e6 - 1e-9}), a_result(large), max_drop=0)["verdict"] == "pass"
    )
    assert (
        compared(a_result(large | {"estimate": 1e6 - 1e-3}), a_result(large), max_drop=0)["verdict"] == "fail"
    )


@pytest.mark.parametrize(
    ("run", "baseline", "how"),
    [
        ({}, {}, "neither side keeps influence values"),
        ({"arrays": "influence"}, {}, "the baseline keeps no influence values"),
        ({}, {"arrays": "influence"}, "the run keeps no influence values"),
    ],
)
def test_without_influence_on_both_sides_it_is_unpaired_and_says_so(
    run: dict[str, str], baseline: dict[str, str], how: str
) -> None:
    results = []
    for sample, keep in ((SAMPLE[1], run), (SAMPLE[0], baseline)):
        result = with_influence(sample, IDS)
        arrays = result.arrays if keep else {}
        results.append(make_result("reliability", result.estimates, arrays=arrays, settings=result.settings))
    row = compared(*results)
    known = stats.ttest_ind(*SAMPLE[::-1], equal_var=False).confidence_interval(0.90)
    assert (row["diff_low"], row["diff_high"]) == pytest.approx((known.low, known.high), abs=ROUNDING)
    assert row["how"] == f"unpaired, {how}"


def test_doubled_ids_and_single_respondents_cannot_be_paired() -> None:
    baseline = with_influence(SAMPLE[0], IDS)
    doubled = with_influence(SAMPLE[1], [*IDS[:29], IDS[0]])
    assert compared(doubled, baseline)["how"] == "unpaired, respondent ids are not unique"
    array = baseline.arrays["influence"].copy()
    array[1:] = NAN
    single = make_result(
        "reliability", baseline.estimates, arrays={"influence": array}, settings=baseline.settings
    )
    assert compared(single, baseline)["how"] == "unpaired, influence values of fewer than two respondents"


def test_without_numbers_of_respondents_the_normal_quantile_is_used() -> None:
    row = compared(a_result(a_row(n=NAN)), a_result(a_row(estimate=0.7)))
    arm = float(stats.norm.ppf(0.95)) * math.hypot(0.03, 0.03)
    assert row["diff_low"] == pytest.approx(0.1 - arm, abs=ROUNDING)
    exact = compared(a_result(a_row(std_error=0)), a_result(a_row(std_error=0, estimate=0.7)))
    assert exact["diff_low"] == exact["diff_high"] == exact["difference"]


def test_without_standard_errors_the_arms_of_the_intervals_are_used_each_on_its_side() -> None:
    run = a_result(a_row(estimate=0.80, std_error=NAN, conf_low=0.70, conf_high=0.85))
    before = a_result(a_row(estimate=0.75, std_error=NAN, conf_low=0.69, conf_high=0.83, conf_level=0.90))
    row = compared(run, before)
    scale = stats.norm.ppf(0.95) / stats.norm.ppf(0.975)
    low = 0.05 - math.hypot(scale * 0.10, 0.08)
    high = 0.05 + math.hypot(scale * 0.05, 0.06)
    assert (row["diff_low"], row["diff_high"]) == pytest.approx((low, high), abs=ROUNDING)
    assert row["how"] == "unpaired, from the two intervals, neither side keeps influence values"
    mixed = compared(run, a_result(a_row(estimate=0.75)))
    arm = float(stats.norm.ppf(0.95)) * 0.03
    assert mixed["diff_low"] == pytest.approx(0.05 - math.hypot(scale * 0.10, arm), abs=ROUNDING)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"conf_low": NAN, "conf_high": NAN, "reason": "a count"}, "the run has no interval (a count)"),
        ({"conf_high": NAN}, "the run has no interval"),
        ({"conf_level": NAN}, "the run does not say the level of its interval"),
        ({"conf_low": 0.81}, "the run has an interval that does not hold its estimate"),
    ],
)
def test_without_any_interval_a_difference_is_inconclusive(changes: dict[str, Any], told: str) -> None:
    row = compared(a_result(a_row(std_error=NAN, **changes)), a_result())
    assert (row["verdict"], row["difference"]) == ("inconclusive", 0.0)
    assert row["why"] == f"no interval of the difference: {told}"


def test_a_difference_that_is_not_finite_is_inconclusive() -> None:
    row = compared(a_result(a_row(estimate=math.inf)), a_result(a_row(estimate=math.inf)))
    assert (row["verdict"], row["why"]) == ("inconclusive", "the difference is not finite")


# Rules on a difference


@pytest.mark.parametrize(
    ("drop", "error", "demand", "wanted"),
    [
        (0.00, 0.01, {"max_drop": 0.05}, "pass"),
        (0.00, 0.05, {"max_drop": 0.05}, "inconclusive"),
        (0.04, 0.001, {"max_drop": 0.05}, "pass"),
        (0.04, 0.02, {"max_drop": 0.05}, "inconclusive"),
        (0.06, 0.02, {"max_drop": 0.05}, "fail"),
        (0.06, 0.05, {"max_drop": 0.05}, "inconclusive"),
        (-0.20, 0.02, {"max_drop": 0.05}, "pass"),
        (-0.20, 0.02, {"max_rise": 0.05}, "fail"),
        (-0.20, 0.02, {"max_change": 0.05}, "fail"),
        (0.20, 0.02, {"max_change": 0.05}, "fail"),
        (0.20, 0.02, {"max_rise": 0.05}, "pass"),
        (0.20, 0.02, {"max_rise": 0.05, "max_drop": 0.4}, "pass"),
        (0.20, 0.02, {"max_rise": 0.05, "max_drop": 0.21}, "inconclusive"),
        (0.00, 0.01, {"max_change": 0.05}, "pass"),
    ],
)
def test_the_decision_on_a_change(drop: float, error: float, demand: dict[str, float], wanted: str) -> None:
    one = error / math.sqrt(2)
    run, before = a_result(a_row(estimate=0.8 - drop, std_error=one)), a_result(a_row(std_error=one))
    assert compared(run, before, **demand)["verdict"] == wanted


def test_the_reason_of_a_change_names_direction_and_allowance() -> None:
    before = a_result(a_row(std_error=0.01))
    verdicts = {
        drop: compared(a_result(a_row(estimate=0.8 - drop, std_error=0.01)), before, max_drop=0.05)
        for drop in (0.0, 0.04, 0.1)
    }
    assert verdicts[0.0]["why"] == "the interval excludes a drop of more than 0.05"
    words = "the interval neither excludes a drop of more than 0.05 nor shows that there is one"
    assert verdicts[0.04]["why"] == words
    words = "there is a drop, estimated at more than 0.05, and the interval excludes no change"
    assert verdicts[0.1]["why"] == words
    assert verdicts[0.1]["allowed"] == "drop of at most 0.05"
    assert verdicts[0.1]["baseline"] == 0.8
    assert verdicts[0.1]["difference"] == pytest.approx(-0.1, abs=ROUNDING)


@given(value=st.floats(-1, 1), error=st.floats(0, 1), allowed=st.floats(0, 1))
def test_a_rule_on_change_is_the_interval_rule_on_the_difference(
    value: float, error: float, allowed: float
) -> None:
    side = error / math.sqrt(2)
    run, before = (
        a_result(a_row(estimate=value, std_error=side)),
        a_result(a_row(estimate=0.0, std_error=side)),
    )
    row = compared(run, before, max_drop=allowed)
    same = a_row(estimate=row["difference"], conf_low=row["diff_low"], conf_high=row["diff_high"])
    assert judged(same, minimum=0.0, tolerance=allowed)["verdict"] == row["verdict"]


def test_a_rule_on_a_difference_needs_a_baseline() -> None:
    rules = {
        "rule": [
            {"name": "one", "estimand": "alpha", "on": "difference", "max_drop": 0.1},
            {"name": "two", "estimand": "alpha", "minimum": 0.1},
            {"name": "three", "estimand": "alpha", "on": "difference", "max_rise": 0.1},
        ]
    }
    with pytest.raises(InputError) as caught:
        gate(a_result(), rules=rules)
    assert [fault.where for fault in caught.value.faults] == ["rule 'one'", "rule 'three'"]


def test_what_the_baseline_has_and_the_run_has_not_fails() -> None:
    before = a_result(a_row(), a_row(term="Order"))
    for demand in ({"on": "difference", "max_drop": 0.5}, {"minimum": 0.1}):
        verdict = gate(a_result(), rules=a_rule(**demand), baseline=before)
        assert verdict.rows["verdict"].tolist() == ["pass", "fail"]
        lost = verdict.rows.iloc[1]
        assert (lost["term"], lost["baseline"]) == ("Order", 0.8)
        assert lost["why"] == "missing estimate: the baseline has it and the run has not"
    gone = gate([], rules=a_rule(on="difference", max_drop=0.5), baseline=before)
    assert gone.rows["verdict"].tolist() == ["fail", "fail"]


def test_an_estimate_new_in_the_run_is_inconclusive() -> None:
    row = compared(a_result(a_row(term="New")), a_result(a_row(term="New", group="g")), max_drop=1, group="")
    assert (row["verdict"], row["why"]) == ("inconclusive", "no baseline: it is new in this run")
    lost = a_row(estimate=NAN, reason="no variance")
    row = compared(a_result(), a_result(lost))
    assert (row["verdict"], row["why"]) == (
        "inconclusive",
        "no baseline: it has no estimate there: no variance",
    )
    row = compared(a_result(lost), a_result())
    assert (row["verdict"], row["why"]) == ("fail", "there is no estimate: no variance")


def test_another_method_is_another_estimate_for_a_difference_only() -> None:
    run, before = a_result(a_row(method="bootstrap; 500")), a_result(a_row(method="bootstrap; 900"))
    verdict = gate(run, rules=a_rule(on="difference", max_drop=0.5), baseline=before)
    assert verdict.rows["verdict"].tolist() == ["inconclusive", "fail"]
    assert verdict.rows["why"][1].endswith("(the run has it by another method: bootstrap; 500)")
    assert gate(run, rules=a_rule(minimum=0.1), baseline=before).exit_code == 0


def test_two_estimates_of_one_identity_cannot_be_compared() -> None:
    twice = a_result(a_row(), a_row())
    rules = a_rule(on="difference", max_drop=0.5)
    for run, before, side in ((twice, a_result(), "run"), (a_result(), twice, "baseline")):
        with pytest.raises(InputError, match=f"1 estimates of the {side} stand there twice"):
            gate(run, rules=rules, baseline=before)
    assert gate(twice, rules=a_rule(minimum=0.1)).counts["pass"] == 2


def test_estimates_of_different_questions_are_not_mixed_up() -> None:
    run = [a_result(question="one"), a_result(a_row(estimate=0.1), question="two")]
    before = [a_result(a_row(estimate=0.1), question="two"), a_result(question="one")]
    verdict = gate(run, rules=a_rule(on="difference", max_change=0.2), baseline=before)
    assert verdict.rows["difference"].tolist() == [0.0, 0.0]


def test_the_baseline_may_be_a_folder(tmp_path: Path) -> None:
    baseline = with_influence(SAMPLE[0], IDS)
    run = with_influence(SAMPLE[1], IDS)
    rules = a_rule(on="difference", estimand="mean_score", max_drop=0.1)
    save(baseline, tmp_path / "whole")
    save(baseline, tmp_path / "summary", summary_only=True)
    whole = only(gate(run, rules=rules, baseline=tmp_path / "whole"))
    assert whole == only(gate(run, rules=rules, baseline=baseline))
    assert whole["how"] == "paired on 30 respondents"
    summary = only(gate(run, rules=rules, baseline=str(tmp_path / "summary")))
    assert summary["how"] == "unpaired, the baseline keeps no influence values"


def test_an_influence_array_of_another_shape_is_refused() -> None:
    array = xr.DataArray(np.zeros((3, 1)), dims=("respondent", "row"))
    with pytest.raises(InputError, match="dims and coordinates"):
        gate(a_result(a_row(), arrays={"influence": array}), rules=a_rule(minimum=0.1))


# What may be compared


@pytest.mark.parametrize("part", ["items", "key"])
def test_other_items_or_another_key_cannot_be_compared(part: str) -> None:
    table = {"items": "i1", "key": "k1", "fingerprint": "another", "n_respondents": 3}
    same = a_result(settings={"table": table})
    assert gate(a_result(), rules=a_rule(minimum=0.1), baseline=same).exit_code == 0
    for other in (table | {part: "other\u202e"}, {}):
        settings = {"table": other} if other else {}
        with pytest.raises(NotComparableError, match=f"reliability: {part} ") as caught:
            gate(a_result(), rules=a_rule(minimum=0.1), baseline=a_result(settings=settings))
        assert "\u202e" not in str(caught.value)


def test_results_that_say_nothing_of_their_table_are_compared_as_they_are() -> None:
    run, before = a_result(settings={}), a_result(settings={})
    assert gate(run, rules=a_rule(on="difference", max_drop=0.9), baseline=before).exit_code == 0


def test_a_question_asked_otherwise_is_noted() -> None:
    table = {"items": "i1", "key": "k1"}
    before = a_result(settings={"table": table, "seed": 9, "missing": "complete", "version": "0"})
    verdict = gate(a_result(), rules=a_rule(minimum=0.1), baseline=before)
    (note,) = verdict.notes
    assert note.code == "settings_differ"
    assert note.text == 'reliability: missing is "available" in the run and "complete" in the baseline.'
    assert gate(a_result(), rules=a_rule(minimum=0.1), baseline=a_result(question="other")).notes == ()
