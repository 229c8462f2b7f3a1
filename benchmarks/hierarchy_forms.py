"""Promise: of the forms of the likelihood of crossed ordinal answers, the one that is used is the fastest.

100,000 answers in five categories, 20,000 cells of five. Value and gradient by the linear predictor of every cell and by
the thresholds, four forms that give the same numbers: one term for each row; the counts of all five categories of every
cell (dense); the pairs of cell and category that occur; and counts by threshold, which is what psychomet does. Each in
NumPy with the gradient by hand, and in JAX by its own gradient, compiled before, where JAX is installed.

    python benchmarks/hierarchy_forms.py
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from measure import ONE_THREAD, Promise, close

os.environ.update(ONE_THREAD)  # before NumPy is imported
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import numpy as np
from scipy.special import expit, log_expit

from psychomet.numerics.graded_cells import answer_cells, cell_log_likelihood

CELLS, REPETITIONS, CATEGORIES = 20_000, 5, 5
CUTS = np.array([-2.0, -0.7, 0.7, 2.0])
CALLS, ROUNDS = 20, 5
RATIO = 2.0
SAME = 1e-8
Terms = tuple[float, np.ndarray, np.ndarray]
Form = Callable[[np.ndarray, np.ndarray], Terms]


def table() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predictors at which to look, codes and cells of the rows."""
    rng = np.random.default_rng(1)
    eta = 1.2 * rng.standard_normal(CELLS)
    cell = np.repeat(np.arange(CELLS), REPETITIONS)
    codes = ((eta[cell] + rng.logistic(size=cell.size))[:, None] > CUTS).sum(1)
    return eta, codes, cell


def of_pairs(code: np.ndarray, cell: np.ndarray, count: np.ndarray) -> Form:
    """Terms of (cell, category) pairs with counts: rows, all pairs, or those that occur."""
    has_upper, has_lower = code > 0, code < CATEGORIES - 1
    upper, lower = code[has_upper] - 1, code[has_lower]
    weight_u, weight_l, cell_u, cell_l = count[has_upper], count[has_lower], cell[has_upper], cell[has_lower]
    middle = np.bincount(code, weights=count, minlength=CATEGORIES)[1:-1]

    def form(eta: np.ndarray, d: np.ndarray) -> Terms:
        u, v = eta[cell_u] + d[upper], eta[cell_l] + d[lower]
        gap = d[:-1] - d[1:]
        value = weight_u @ log_expit(u) + weight_l @ log_expit(-v) + middle @ np.log(-np.expm1(-gap))
        pull_u, pull_l = weight_u * expit(-u), -weight_l * expit(v)
        by_eta = np.bincount(cell_u, weights=pull_u, minlength=CELLS)
        by_eta += np.bincount(cell_l, weights=pull_l, minlength=CELLS)
        by_d = np.bincount(upper, weights=pull_u, minlength=d.size)
        by_d += np.bincount(lower, weights=pull_l, minlength=d.size)
        step = middle / np.expm1(gap)
        by_d[:-1] += step
        by_d[1:] -= step
        return float(value), by_eta, by_d

    return form


def numpy_forms(codes: np.ndarray, cell: np.ndarray) -> dict[str, Form]:
    """The four forms."""
    dense = np.bincount(cell * CATEGORIES + codes, minlength=CELLS * CATEGORIES).astype(float)
    every = np.arange(dense.size)
    there = np.flatnonzero(dense)
    cells = answer_cells(codes, cell=cell, categories=CATEGORIES, chosen=np.zeros(CELLS, dtype=np.int64))

    def ours(eta: np.ndarray, d: np.ndarray) -> Terms:
        found = cell_log_likelihood(cells, eta, intercept=d[None])
        return found.value, found.predictor, found.intercept[0]

    return {
        "rows": of_pairs(codes, cell, np.ones(codes.size)),
        "dense": of_pairs(every % CATEGORIES, every // CATEGORIES, dense),
        "pairs": of_pairs(there % CATEGORIES, there // CATEGORIES, dense[there]),
        "thresholds": ours,
    }


def jax_forms(codes: np.ndarray, cell: np.ndarray) -> dict[str, Form]:
    """The same, compiled and with JAX's gradients."""
    import jax
    from jax import numpy as jnp

    jax.config.update("jax_enable_x64", True)
    dense = np.bincount(cell * CATEGORIES + codes, minlength=CELLS * CATEGORIES).reshape(CELLS, -1)
    at_cell, at_code = np.nonzero(dense)
    count = dense[at_cell, at_code].astype(float)
    cells = answer_cells(codes, cell=cell, categories=CATEGORIES, chosen=np.zeros(CELLS, dtype=np.int64))

    def logs(eta: Any, d: Any) -> Any:
        """Log probabilities of all categories."""
        at = eta[:, None] + d
        gaps = jnp.log(-jnp.expm1(d[1:] - d[:-1]))
        middle = jax.nn.log_sigmoid(at[:, :-1]) + jax.nn.log_sigmoid(-at[:, 1:]) + gaps
        ends = jax.nn.log_sigmoid(-at[:, :1]), jax.nn.log_sigmoid(at[:, -1:])
        return jnp.concatenate([ends[0], middle, ends[1]], axis=1)

    def by_threshold(eta: Any, d: Any) -> Any:
        gaps = (cells.middle[0] * jnp.log(-jnp.expm1(d[1:] - d[:-1]))).sum() - (cells.above[0] * d).sum()
        return gaps - (cells.touched * jax.nn.softplus(-eta - d[:, None])).sum() - cells.stopped @ eta

    def by_row(eta: Any, d: Any) -> Any:
        far = jnp.array([1e3])  # as good as infinite, with a derivative
        wide = jnp.concatenate([far, d, -far])
        gaps = jnp.concatenate([jnp.zeros(1), jnp.log(-jnp.expm1(d[1:] - d[:-1])), jnp.zeros(1)])
        at = eta[cell]
        return (
            jax.nn.log_sigmoid(at + wide[codes]) + jax.nn.log_sigmoid(-at - wide[codes + 1]) + gaps[codes]
        ).sum()

    functions = {
        "rows": by_row,
        "dense": lambda eta, d: (dense * logs(eta, d)).sum(),
        "pairs": lambda eta, d: count @ logs(eta, d)[at_cell, at_code],
        "thresholds": by_threshold,
    }
    forms = {}
    for name, function in functions.items():
        compiled = jax.jit(jax.value_and_grad(function, argnums=(0, 1)))

        def form(eta: np.ndarray, d: np.ndarray, compiled: Any = compiled) -> Terms:
            value, (by_eta, by_d) = compiled(eta, d)
            return float(value), np.asarray(by_eta), np.asarray(by_d)

        forms[name] = form
    return forms


def costs(forms: dict[str, Form], eta: np.ndarray) -> tuple[dict[str, float], float]:
    """CPU milliseconds of one call, the least of several rounds in turn, and how far the forms are apart."""
    d = -CUTS
    found = {name: form(eta, d) for name, form in forms.items()}
    apart = max(
        float(np.abs(np.asarray(one) - np.asarray(other)).max())
        for terms in found.values()
        for one, other in zip(terms[1:], found["thresholds"][1:], strict=True)
    )
    least = dict.fromkeys(forms, np.inf)
    for _ in range(ROUNDS):
        for name, form in forms.items():
            start = time.process_time()
            for _ in range(CALLS):
                form(eta, d)
            least[name] = min(least[name], (time.process_time() - start) / CALLS * 1e3)
    return least, apart


def main() -> int:
    """Time the forms."""
    eta, codes, cell = table()
    promises = []
    every = {"NumPy": numpy_forms(codes, cell)}
    if importlib.util.find_spec("jax") is not None:
        every["JAX"] = jax_forms(codes, cell)
    took = {}
    for name, forms in every.items():
        took[name], apart = costs(forms, eta)
        print(f"{name}, CPU ms: " + ", ".join(f"{form} {value:.2f}" for form, value in took[name].items()))
        promises.append(Promise(f"{name}: gradients of the forms apart", apart, SAME, ""))
    ours = took["NumPy"]["thresholds"]
    for name, own in took.items():
        best = min(value for form, value in own.items() if form != "thresholds")
        promises.append(Promise(f"fastest other form in {name} over thresholds in NumPy", best / ours, RATIO, "x", at_least=True))  # fmt: skip
    return close(promises)


if __name__ == "__main__":
    sys.exit(main())
