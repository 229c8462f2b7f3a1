"""How often do the flags of a scale fire where nothing is wrong, and where something is? (slow)

Run as a script it prints the table of docs/validation/reliability.md:

    python tests/estimates/precision/test_flag_rates.py 2000
"""

from __future__ import annotations

import dataclasses
import sys
from collections import Counter

import numpy as np
import pytest
from scipy.special import ndtri

from psychomet.numerics.moments import correlation, covariance, moments
from psychomet.scores.key import read_key
from psychomet.scores.sample import Sample
from psychomet.scores.sample_notes import sample_notes

SEED = 20261121
K = 6
LOADINGS = np.linspace(0.4, 0.8, K)
SHARES = {"normal": (), "skewed": (0.50, 0.26, 0.13, 0.08, 0.04), "five": (0.10, 0.20, 0.40, 0.20, 0.10)}
FLAGS = ("zero_variance", "negative_alpha", "negative_item_rest", "duplicate_items")
KEY = {"name": "one", "scale": [{"name": "S", "low": 0, "high": 9, "items": [f"i{j}" for j in range(K)]}]}
SAMPLES = 1000


def answers(rng: np.random.Generator, kind: str, n: int) -> np.ndarray:
    """A clean scale: six congeneric items, all keyed alike."""
    latent = rng.standard_normal((n, 1)) * LOADINGS + rng.standard_normal((n, K)) * np.sqrt(1 - LOADINGS**2)
    shares = np.array(SHARES[kind])
    return (
        np.searchsorted(ndtri(np.cumsum(shares)[:-1] / shares.sum()), latent) * 1.0 if shares.size else latent
    )


def spoiled(rng: np.random.Generator, kind: str, n: int, what: str) -> np.ndarray:
    """The same with one thing wrong."""
    values = answers(rng, kind, n)
    if what == "one item constant":
        values[:, 2] = 1.0
    elif what == "one item not reversed":
        values[:, 2] *= -1
    elif what == "half of the items not reversed":
        values[:, ::2] *= -1
    elif what == "one item asked twice, 2 % answered otherwise":
        values[:, 2] = np.where(rng.random(n) < 0.02, values[:, 3], values[:, 4])
    return values


def flags(values: np.ndarray) -> set[str]:
    """The codes of the notes of one sample."""
    n = len(values)
    sums = moments(values)
    cor = correlation(sums)
    sample = Sample(
        scale=read_key(KEY).scales[0], group="", values=values, unit=np.arange(n),
        ids=np.array([f"r{i:04d}" for i in range(n)], dtype=object), left_out=0, sums=sums,
        cov=covariance(sums), cor=cor, varies=~np.isnan(np.diagonal(cor)),
    )  # fmt: skip
    return {note.code for note in sample_notes([sample], missing="complete")}


def rates(kind: str, n: int, samples: int, what: str = "") -> dict[str, float]:
    """Share of samples in which each flag fires."""
    rng = np.random.default_rng([SEED, n])
    seen: Counter[str] = Counter()
    for _ in range(samples):
        seen.update(flags(spoiled(rng, kind, n, what)))
    return {flag: seen[flag] / samples for flag in FLAGS}


WRONG = {
    "one item constant": "zero_variance",
    "one item not reversed": "negative_item_rest",
    "half of the items not reversed": "negative_alpha",
    "one item asked twice, 2 % answered otherwise": "duplicate_items",
}


def test_the_fields_of_a_sample_are_those_that_are_given() -> None:
    assert {field.name for field in dataclasses.fields(Sample)} == {
        "scale", "group", "values", "unit", "ids", "left_out", "sums", "cov", "cor", "varies",
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", SHARES)
def test_flags_hardly_ever_fire_on_clean_scales(kind: str) -> None:
    found = rates(kind, 100, SAMPLES)
    assert max(found.values()) <= 0.01, found
    # With 30 respondents the weakest item (r = .3 to .35 with the rest) is now and then negative by chance.
    few = rates(kind, 30, SAMPLES)
    assert few.pop("negative_item_rest") <= 0.14
    assert max(few.values()) <= 0.01, few


@pytest.mark.slow
@pytest.mark.parametrize("kind", SHARES)
@pytest.mark.parametrize("what", WRONG)
def test_flags_fire_where_something_is_wrong(kind: str, what: str) -> None:
    least = 0.9 if what.startswith("one item asked") else 0.95
    assert rates(kind, 100, SAMPLES // 2, what)[WRONG[what]] >= least


def main(samples: int) -> None:
    """Print the Markdown table."""
    write = sys.stdout.write
    write(f"| scale | n | answers | {' | '.join(FLAGS)} |\n|---|---|---|{'---|' * len(FLAGS)}\n")
    for what in ("", *WRONG):
        for n in (30, 100, 1000) if not what else (30, 100):
            for kind in SHARES:
                found = rates(kind, n, samples, what)
                cells = " | ".join(f"{found[flag]:.3f}" for flag in FLAGS)
                write(f"| {what or 'clean'} | {n} | {kind} | {cells} |\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SAMPLES)
