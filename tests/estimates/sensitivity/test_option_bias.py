"""Position and label against content: truth recovered, what cannot be known, separation, coverage, faults."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from psychomet.errors import InputError
from psychomet.estimates.sensitivity.option_bias import option_bias
from psychomet.numerics.option_choice import conditional_logit, contrast
from psychomet.result.result import Result
from psychomet.scores.key import Key, Scale
from psychomet.table.read import read_responses
from psychomet.table.responses import ResponseTable

KEY = Key("short", (Scale("A", ("a1", "a2", "a3"), 1, 3),))
CYCLES = {"o1": [1, 2, 3], "o2": [2, 3, 1], "o3": [3, 1, 2]}
BOTH = {"up": [1, 2, 3], "down": [3, 2, 1]}
CONTENT = np.array([[0.0, 0.5, 1.0], [0.8, 0.0, 0.2], [0.0, 0.0, -0.5]])
POSITION = np.array([0.9, 0.0, -0.3])
SAME = 1e-8
# 95 % intervals at 200 replicates: Monte Carlo error .015.
LEAST_COVERAGE = 0.9
# Closed form of two options against Newton's iterations.
CLOSE = 1e-7


def draw(
    rng: np.random.Generator, shown: dict[str, list[int]], n: int, *, own: float = 0.5, m: int = 4
) -> pd.DataFrame:
    """Answers of n respondents with leanings of their own, m times in each order."""
    rows = []
    for who in range(n):
        lean = own * rng.normal(size=(3, 3))
        for order, codes in shown.items():
            for draw_ in range(m):
                for item in range(3):
                    utility = CONTENT[item] + lean[item]
                    utility = utility[np.array(codes) - 1] + POSITION
                    chance = np.exp(utility) / np.exp(utility).sum()
                    rows.append(
                        (f"r{who:02d}", order, str(draw_), f"a{item + 1}", codes[rng.choice(3, p=chance)])
                    )
    return pd.DataFrame(rows, columns=["respondent", "order", "sample", "item", "response"])


def table(frame: pd.DataFrame) -> ResponseTable:
    return read_responses(frame, key=KEY, facets=[name for name in ("label",) if name in frame])


def value(result: Result, estimand: str, **where: str) -> pd.Series:
    found = result.estimates[result.estimates["estimand"] == estimand]
    for name, wanted in where.items():
        found = found[found[name] == wanted]
    assert len(found) == 1
    return found.iloc[0]


def test_two_options_in_two_orders_have_a_closed_form() -> None:
    """log odds of the first option in the one order plus the other, halved, is half the position contrast."""
    counts = np.array([[[30.0, 10.0], [12.0, 28.0]]])
    counts = np.concatenate([counts, counts[:, :, ::1]])
    design = np.zeros((2, 2, 4))
    for order in range(2):
        for code in range(2):
            design[order, code, code] = 1
            design[order, code, 2 + (code if order == 0 else 1 - code)] = 1
    made = conditional_logit(counts, design, available=np.ones((2, 2), dtype=bool))
    found = contrast(made, np.array([0, 0, 1.0, -1.0]), n=2, conf_level=0.95)
    # Both clusters are alike: there is an estimate and no error.
    assert found is not None and np.isnan(found.std_error)
    expected = (np.log(30 / 10) - np.log(12 / 28)) / 2
    assert made.converged and found.estimate == pytest.approx(expected, abs=CLOSE)
    assert contrast(made, np.array([1.0, 0, 0, 0]), n=2, conf_level=0.95) is None


def test_positions_are_found_and_taken_out() -> None:
    found = option_bias(table(draw(np.random.default_rng(1), CYCLES, 60)), shown=CYCLES)
    first = value(found, "position_contrast", other="1 ~ 3")
    assert first["conf_low"] < 1.2 < first["conf_high"] and first["p_adjusted"] < 0.001
    everything = np.mean([np.exp(row) / np.exp(row).sum() for row in CONTENT], axis=0)
    for code in "123":
        free = value(found, "choice_share_debiased", level=code)
        # Respondents' own leanings flatten the shares a little; the interval allows for it.
        assert free["conf_low"] < everything[int(code) - 1] < free["conf_high"]
    total = found.estimates.groupby("estimand")["estimate"].sum()
    assert total["choice_share"] == pytest.approx(1, abs=SAME)
    assert total["choice_share_debiased"] == pytest.approx(1, abs=SAME)


def test_two_orders_tell_mirror_positions_only() -> None:
    found = option_bias(table(draw(np.random.default_rng(2), BOTH, 60)), shown=BOTH)
    ends = value(found, "position_contrast", other="1 ~ 3")
    assert ends["conf_low"] < 1.2 < ends["conf_high"]
    for other in ("1 ~ 2", "2 ~ 3"):
        row = value(found, "position_contrast", other=other)
        assert np.isnan(row["estimate"]) and "do not tell" in row["reason"]


def test_what_is_not_known_of_positions_is_given_to_the_answers() -> None:
    """The same answers in both orders: no position is seen, and the shares stay as observed."""
    frame = draw(np.random.default_rng(6), {"up": [1, 2, 3]}, 20)
    found = option_bias(table(pd.concat([frame, frame.assign(order="down")])), shown=BOTH)
    assert value(found, "position_contrast", other="1 ~ 3")["estimate"] == pytest.approx(0, abs=CLOSE)
    for code in "123":
        plain = value(found, "choice_share", level=code)
        free = value(found, "choice_share_debiased", level=code)
        assert free["estimate"] == pytest.approx(plain["estimate"], abs=CLOSE)
        # Its error holds that of the position effect besides.
        assert free["std_error"] > 0.9 * plain["std_error"]


def test_a_position_that_is_always_chosen_is_said_to_separate() -> None:
    frame = draw(np.random.default_rng(3), CYCLES, 12)
    frame["response"] = frame["order"].map({order: codes[0] for order, codes in CYCLES.items()})
    found = option_bias(table(frame), shown=CYCLES)
    assert "separation" in value(found, "position_contrast", other="1 ~ 2")["reason"]
    assert "separation" in value(found, "choice_share_debiased", level="1")["reason"]


def test_labels_are_told_from_positions() -> None:
    frame = draw(np.random.default_rng(4), CYCLES, 60)
    frame["label"] = np.where(frame["sample"].astype(int) % 2, "back", "letters")
    labels = {"letters": ["A", "B", "C"], "back": ["C", "A", "B"]}
    found = option_bias(table(frame), shown=CYCLES, labels=labels)
    none = value(found, "label_contrast", other="A ~ B")
    assert none["conf_low"] < 0 < none["conf_high"] and none["facet"] == "label"
    assert value(found, "position_contrast", other="1 ~ 2")["conf_low"] > 0


def test_groups_are_the_tables_of_their_rows_and_influence_gives_the_error() -> None:
    frame = draw(np.random.default_rng(7), CYCLES, 40)
    frame["model"] = np.where(frame["respondent"] < "r20", "x", "y")
    both = option_bias(table(frame), shown=CYCLES, by="model")
    alone = option_bias(table(frame[frame["model"] == "x"]), shown=CYCLES)
    mine = both.estimates[both.estimates["group"] == "model = x"]
    for name in ("estimate", "std_error", "n"):
        assert mine[name].to_numpy() == pytest.approx(alone.estimates[name].to_numpy(), abs=CLOSE)
    array = both.arrays["influence"]
    for column, at in enumerate(array.coords["row"].to_numpy()):
        values = array.to_numpy()[:, column]
        values = values[np.isfinite(values)]
        error = both.estimates.loc[at, "std_error"]
        assert values.size == both.estimates.loc[at, "n"]
        # Divisor n, not n - 1.
        assert np.sqrt(np.sum(values**2) / (values.size * (values.size - 1))) == pytest.approx(
            error, rel=1e-6
        )
    assert array.sizes["row"] == len(both.estimates)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"shown": {"o1": [1, 2, 3]}}, "levels not described"),
        ({"shown": CYCLES | {"o3": [1, 2]}}, "same two or more codes"),
        ({"shown": CYCLES, "facet": "wording"}, "not a facet"),
        ({"shown": CYCLES, "by": "wording"}, "not a facet"),
        ({"shown": CYCLES, "by": "order"}, "says how options were shown"),
        ({"shown": CYCLES, "labels": {"x": ["A"]}}, "not a facet"),
    ],
)
def test_faults_are_told(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        option_bias(table(draw(np.random.default_rng(5), CYCLES, 3)), **arguments)  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_interval_of_a_position_covers() -> None:
    rng = np.random.default_rng(20261121)
    inside = 0
    for _ in range(200):
        found = option_bias(table(draw(rng, CYCLES, 20, own=0.0, m=2)), shown=CYCLES)
        row = value(found, "position_contrast", other="1 ~ 3")
        inside += row["conf_low"] <= 1.2 <= row["conf_high"]
    assert inside / 200 >= LEAST_COVERAGE
