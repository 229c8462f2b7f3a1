"""How often the intervals of components and coefficients hold the truth, where the truth is known.

Each campaign draws tables respondents x items x occasions in which all effects are drawn anew, so that the
limits must also cover that other items and occasions could have been met.
"""

from __future__ import annotations

import numpy as np
import pytest

from psychomet.numerics.dstudy import bootstrap_interval, component_interval, errors, ratio_interval, study
from psychomet.numerics.variance import balanced, layout_effects

VARIANCES = {(0,): 1.0, (1,): 0.3, (2,): 0.1, (0, 1): 0.4, (0, 2): 0.2, (1, 2): 0.05, (0, 1, 2): 0.8}
TABLES = 1000
# Three standard errors of a coverage of .95 over 1,000 tables are .021.
SLACK = 0.021
NOMINAL = 0.95
# Skewed effects widen the spread of mean squares, which no normal-theory limit sees (kurtosis 4.5 of the gamma, 9 of
# the exponential, 3 of the normal): measured values in docs/validation/generalizability.md, less three errors.
GAMMA_FLOOR = 0.84
EXPONENTIAL_CEILING = 0.85
CUTS = (-1.5, -0.5, 0.5, 1.5)


def table(rng: np.random.Generator, sizes: tuple[int, ...], kind: str) -> np.ndarray:
    """Answers as a sum of independent effects of the same variances: normal, gamma (skewness 1) or exponential (2)."""
    cells = np.zeros(sizes)
    for effect, variance in VARIANCES.items():
        shape = [size if axis in effect else 1 for axis, size in enumerate(sizes)]
        if kind == "normal":
            drawn = rng.normal(size=shape)
        else:
            form = 4 if kind == "gamma" else 1
            drawn = (rng.gamma(form, size=shape) - form) / np.sqrt(form)
        cells = cells + np.sqrt(variance) * drawn
    return cells


def coverage(
    n: int,
    *,
    kind: str,
    items: int = 10,
    occasions: int = 4,
    tables: int = TABLES,
    n_boot: int = 0,
    seed: int = 1,
) -> dict[str, float]:
    """Share of tables whose limits hold the truth, by estimate and method."""
    rng = np.random.default_rng(seed)
    effects = layout_effects(3)
    sigma = np.array([VARIANCES[effect] for effect in effects])
    numbers = np.array([[items, occasions]], dtype=float)
    universe = np.eye(7)[[0]]
    rest = {kind: errors(effects, numbers, coefficient=kind) for kind in ("g", "phi")}
    truth = {name: 1 / (1 + float((weights @ sigma)[0])) for name, weights in rest.items()}
    hits: dict[str, list[bool]] = {}
    for number in range(tables):
        cells = table(rng, (n, items, occasions), kind)
        found = study(
            cells.ravel(), codes=np.empty((3, 0), dtype=np.intp), cells=cells, nested={}, effects=effects[:-1],
            non_negative=False, n_boot=n_boot, seed=number,
        )  # fmt: skip
        limits = component_interval(found, np.eye(7), conf_level=NOMINAL)
        for place, effect in enumerate(effects):
            name = f"component {effect}"
            hits.setdefault(name, []).append(bool(limits.low[place] <= sigma[place] <= limits.high[place]))
        shares = ratio_interval(found, universe, np.ones((1, 7)) - universe, conf_level=NOMINAL)
        share = float(sigma[0] / sigma.sum())
        hits.setdefault("share respondent", []).append(bool(shares.low[0] <= share <= shares.high[0]))
        for name, weights in rest.items():
            one = ratio_interval(found, universe, weights, conf_level=NOMINAL)
            hits.setdefault(name, []).append(bool(one.low[0] <= truth[name] <= one.high[0]))
            if n_boot:
                two = bootstrap_interval(found, universe, weights, conf_level=NOMINAL)
                hits.setdefault(f"{name} bootstrap", []).append(
                    bool(two.low[0] <= truth[name] <= two.high[0])
                )
    return {name: float(np.mean(values)) for name, values in hits.items()}


@pytest.mark.slow
@pytest.mark.parametrize("n", [30, pytest.param(100, marks=pytest.mark.long), 1000])
def test_modified_large_sample_limits_cover_under_normality(n: int) -> None:
    found = coverage(n, kind="normal", tables=TABLES if n < 1000 else TABLES // 2)
    slack = SLACK if n < 1000 else SLACK * np.sqrt(2)
    low = {name: value for name, value in found.items() if value < NOMINAL - slack}
    assert not low


@pytest.mark.slow
def test_skewed_effects_are_covered_less_often_as_the_page_says() -> None:
    found = coverage(100, kind="gamma", tables=TABLES // 2)
    assert min(found.values()) > GAMMA_FLOOR
    worse = coverage(100, kind="exponential", tables=TABLES // 2)
    assert worse["component (0,)"] < EXPONENTIAL_CEILING


def five_categories(n: int, k: int, rng: np.random.Generator) -> np.ndarray:
    """Codes 0 to 4 of respondents x items, cut from normal effects of a common scale."""
    latent = 0.8 * rng.normal(size=(n, 1)) + 0.5 * rng.normal(size=(1, k)) + 0.9 * rng.normal(size=(n, k))
    return np.digitize(latent, CUTS).astype(float)


def category_coverage(n: int, *, tables: int, n_boot: int = 0, seed: int = 5) -> dict[str, float]:
    """Coverage of G and Phi of ten five-category items; the truth from tables of 3,000 x 3,000."""
    rng = np.random.default_rng(seed)
    effects = layout_effects(2)
    truth = np.mean([balanced(five_categories(3000, 3000, rng)).component for _ in range(3)], axis=0)
    universe = np.eye(3)[[0]]
    hits: dict[str, list[bool]] = {}
    for number in range(tables):
        cells = five_categories(n, 10, rng)
        found = study(
            cells.ravel(), codes=np.empty((2, 0), dtype=np.intp), cells=cells, nested={}, effects=effects[:-1],
            non_negative=False, n_boot=n_boot, seed=number,
        )  # fmt: skip
        for kind in ("g", "phi"):
            rest = errors(effects, np.array([[10.0]]), coefficient=kind)
            value = float(truth[0] / (truth[0] + rest[0] @ truth))
            limits = {kind: ratio_interval(found, universe, rest, conf_level=NOMINAL)}
            if n_boot:
                limits[f"{kind} bootstrap"] = bootstrap_interval(found, universe, rest, conf_level=NOMINAL)
            for name, one in limits.items():
                hits.setdefault(name, []).append(bool(one.low[0] <= value <= one.high[0]))
    return {name: float(np.mean(values)) for name, values in hits.items()}


@pytest.mark.slow
@pytest.mark.parametrize("n", [30, 100, 1000])
def test_five_categories_are_covered(n: int) -> None:
    assert min(category_coverage(n, tables=TABLES // 2).values()) > NOMINAL - SLACK * np.sqrt(2)
