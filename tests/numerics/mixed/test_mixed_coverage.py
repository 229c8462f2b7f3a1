"""Coverage of the intervals of a slope in a mixed model, by simulation.

Run as a program it prints the table of docs/validation/mixed.md:
``python tests/numerics/mixed/test_mixed_coverage.py [replicates]``.
"""

from __future__ import annotations

import sys
from typing import NamedTuple, get_args

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import stdtrit

from psychomet.numerics.mixed import Freedom, RandomTerm, mixed

SEED = 20261121
REPLICATES = 400
LONG = 2000
REPEATS = 3
CONF_LEVEL = 0.95
# Nominal .95; with 400 replicates the Monte Carlo error is .011, and three of them are allowed.
LEAST, MOST = 0.915, 0.985
# Between three levels there is one degree of freedom and the components are often estimated as zero: the long run has .87
# to .92 for Satterthwaite's interval and .98 to 1 for Kenward and Roger's, which is the one to take there.
LEAST_THREE: dict[Freedom, float] = {"satterthwaite": 0.81, "kenward_roger": 0.95}
METHODS: dict[Freedom, str] = {
    "none": "Wald", "satterthwaite": "Satterthwaite", "kenward_roger": "Kenward-Roger",
}  # fmt: skip


class Setting(NamedTuple):
    """Numbers of models and prompts, standard deviations of their intercepts, and where the column varies."""

    models: int
    prompts: int
    between_models: float
    between_prompts: float
    column: str


SETTINGS = [
    Setting(models, prompts, 1.0, 0.5, column)
    for models, prompts in ((12, 3), (12, 10), (40, 3))
    for column in ("within", "between models", "between prompts")
] + [Setting(6, 3, 1.0, 0.5, "between models"), Setting(12, 3, 1.0, 1.5, "between prompts")]


def table(rng: np.random.Generator, setting: Setting) -> tuple[NDArray[np.float64], ...]:
    """Response, column, model and prompt of a balanced table; the slope is 0."""
    shape = (setting.models, setting.prompts, REPEATS)
    model, prompt, _ = (codes.ravel() for codes in np.indices(shape))
    column = {
        "within": rng.standard_normal(model.size),
        "between models": rng.standard_normal(setting.models)[model],
        "between prompts": rng.standard_normal(setting.prompts)[prompt],
    }[setting.column]
    y = setting.between_models * rng.standard_normal(setting.models)[model]
    y += setting.between_prompts * rng.standard_normal(setting.prompts)[prompt]
    return y + rng.standard_normal(model.size), column, model, prompt


def covered(setting: Setting, replicates: int) -> dict[Freedom, tuple[float, float]]:
    """Share of intervals that hold the slope, and their median width, by method."""
    rng = np.random.default_rng([SEED, setting.models, setting.prompts, *map(ord, setting.column)])
    found: dict[Freedom, list[tuple[bool, float]]] = {method: [] for method in METHODS}
    for _ in range(replicates):
        y, column, model, prompt = table(rng, setting)
        fixed = np.column_stack([np.ones(y.size), column])
        for method, each in found.items():
            fit = mixed(y, fixed=fixed, random=[RandomTerm(model), RandomTerm(prompt)], freedom=method)
            arm = float(stdtrit(fit.df[1], (1 + CONF_LEVEL) / 2)) * np.sqrt(fit.covariance[1, 1])
            each.append((bool(abs(fit.coefficient[1]) <= arm), 2 * float(arm)))
    return {
        method: (float(np.mean([hit for hit, _ in each])), float(np.median([width for _, width in each])))
        for method, each in found.items()
    }


def test_every_way_to_degrees_of_freedom_is_simulated() -> None:
    assert set(METHODS) == set(get_args(Freedom))


@pytest.mark.slow
@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: "-".join(map(str, s)).replace(" ", "-"))
def test_intervals_cover(setting: Setting) -> None:
    found = covered(setting, REPLICATES)
    three = setting.column == "between prompts" and setting.prompts == 3
    for method, least in LEAST_THREE.items():
        assert (least if three else LEAST) <= found[method][0] <= (1 if three else MOST)
    # The adjustment never narrows, and Wald's interval is the narrowest.
    assert found["kenward_roger"][0] >= found["satterthwaite"][0] - 0.01 >= found["none"][0] - 0.02


def main() -> None:
    """Print the table."""
    say, replicates = sys.stdout.write, int(sys.argv[1]) if len(sys.argv) > 1 else LONG
    say(
        f"| models | prompts | SD of models | SD of prompts | slope | {' | '.join(METHODS.values())} | widths |\n"
    )
    say(f"|--:|--:|--:|--:|---|{'--:|' * len(METHODS)}---|\n")
    for setting in SETTINGS:
        found = covered(setting, replicates)
        shares = " | ".join(f"{found[method][0]:.3f}" for method in METHODS)
        widths = ", ".join(f"{found[method][1]:.2f}" for method in METHODS)
        say(f"| {' | '.join(map(str, setting))} | {shares} | {widths} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
