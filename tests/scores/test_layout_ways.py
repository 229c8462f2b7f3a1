"""Which way the components of a layout with missing cells are computed."""

from __future__ import annotations

import numpy as np
import pytest

from psychomet.numerics.variance import layout_effects
from psychomet.scores import layout_ways
from psychomet.scores.key import Scale
from psychomet.scores.layout import Layout
from psychomet.scores.layout_study import Fitted, fit_layout, layout_notes, layout_settings

N, ITEMS, PROMPTS = 80, 5, 3
SAME = 0.3  # closed form and REML of the same table, in standard errors


def layout(share: float, seed: int = 1) -> Layout:
    """Respondents x items x prompts with a share of the cells empty."""
    rng = np.random.default_rng(seed)
    sizes = (N, ITEMS, PROMPTS)
    cells = np.zeros(sizes)
    for effect in layout_effects(3):
        cells = cells + rng.normal(size=[size if axis in effect else 1 for axis, size in enumerate(sizes)])
    there = rng.random(sizes) >= share
    scale = Scale("A", tuple(f"i{number}" for number in range(ITEMS)), -np.inf, np.inf)
    ids = np.array([f"r{number:03d}" for number in range(N)])
    codes = np.stack(np.nonzero(there))
    return Layout(scale, "", ("respondent", "item", "prompt"), sizes, {}, cells[there], codes, ids, {})


def fitted(share: float, *, seed: int = 1, n_boot_missing: int = 0) -> Fitted:
    return fit_layout(
        layout(share), max_order=None, non_negative=True, n_boot=0, seed=seed, measured=True,
        n_boot_missing=n_boot_missing,
    )  # fmt: skip


def codes_of(one: Fitted) -> set[str]:
    return {note.code for note in layout_notes([one])}


def test_a_small_layout_is_fitted_by_reml() -> None:
    found = fitted(0.1)
    assert found.study is not None
    assert found.study.squares is None
    assert found.method == "REML"
    assert not codes_of(found) & {"closed_form", "part_of_respondents"}


def test_a_large_and_nearly_complete_one_in_closed_form(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = fitted(0.1).study
    monkeypatch.setattr(layout_ways, "MOST_WORK", 1.0)
    one = fitted(0.1)
    assert one.study is not None and wanted is not None
    assert one.method.startswith("mean squares of nearly complete cells in closed form")
    assert (one.n, one.whole) == (N, 0)
    assert "closed_form" in codes_of(one)
    assert next(iter(layout_settings([one]).values()))["components"] == one.method
    error = np.sqrt(np.diag(one.study.covariance))
    assert np.abs((one.study.component - wanted.component) / error).max() < SAME


def test_a_large_and_sparse_one_by_reml_of_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout_ways, "MOST_WORK", 1.0)
    one, again, other = fitted(0.4), fitted(0.4), fitted(0.4, seed=2)
    assert one.study is not None and again.study is not None and other.study is not None
    assert (one.n, one.whole) == (layout_ways.FEWEST, N)
    assert one.method == "REML of a part, 50 of 80 respondents"
    note = next(note for note in layout_notes([one]) if note.code == "part_of_respondents")
    assert "A 50 of 80 respondents" in note.text
    assert next(iter(layout_settings([one]).values()))["respondents"] == {"part": 50, "all": 80}
    np.testing.assert_array_equal(one.study.component, again.study.component)
    assert list(one.layout.ids) != list(other.layout.ids)
    kept = layout(0.4)
    rows = np.isin(kept.ids[kept.codes[0]], one.layout.ids)
    np.testing.assert_array_equal(one.layout.values, kept.values[rows])


def test_an_empty_condition_is_no_matter_for_the_closed_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout_ways, "MOST_WORK", 1.0)
    whole = layout(0.0)
    keep = (whole.codes[1] > 0) | (whole.codes[2] > 0)
    assert keep.mean() > layout_ways.FILLED
    holed = Layout(
        whole.scale, "", whole.axes, whole.sizes, {}, whole.values[keep], whole.codes[:, keep], whole.ids, {}
    )
    one = fit_layout(holed, max_order=None, non_negative=True, n_boot=0, seed=1, measured=True)
    assert one.method == "REML of a part, 50 of 80 respondents"


def test_two_answers_in_a_cell_are_no_matter_for_the_closed_form() -> None:
    whole = layout(0.0)
    codes = whole.codes.copy()
    codes[:, 0] = codes[:, 1]
    twice = Layout(whole.scale, "", whole.axes, whole.sizes, {}, whole.values, codes, whole.ids, {})
    assert layout_ways.filled_cells(twice) is None


def test_resamples_of_the_closed_form_are_about_its_components(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout_ways, "MOST_WORK", 1.0)
    found = fitted(0.1, n_boot_missing=200).study
    assert found is not None
    error = found.replicates.std(axis=0, ddof=1)
    # Resamples of respondents are about the estimate, put right for what resampling takes away.
    assert (np.abs(found.replicates.mean(axis=0) - found.raw) < 0.4 * error).all()
    assert found.influence.shape == (N, 7)
