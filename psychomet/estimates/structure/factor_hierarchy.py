"""A factor solution taken apart into a general factor and what is left of each group factor (Schmid and Leiman)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from psychomet.estimates.structure.factor_solution import Solution, solve
from psychomet.estimates.structure.factor_sureness import Plan, Resampled
from psychomet.numerics.factors import determinacy, shape
from psychomet.numerics.factors.hierarchy import hierarchical_loadings, hierarchy_change
from psychomet.numerics.rotation import schmid_leiman
from psychomet.numerics.rotations import Rotation
from psychomet.scores.sample import Sample

GENERAL = "general"


def solve_as_asked(sample: Sample, plan: Plan, *, whole: Solution | None = None) -> Solution | str:
    """Factor a sample, and take the solution apart where the plan says so.

    Parameters
    ----------
    sample, plan, whole
        As in :func:`psychomet.estimates.structure.factor_solution.solve`.
    """
    first = whole if whole is None or whole.oblique is None else whole.oblique
    found = solve(sample, plan, whole=first)
    return found if isinstance(found, str) or not plan.hierarchical else apart(found, plan)


def apart(found: Solution, plan: Plan) -> Solution:
    """Return the Schmid-Leiman solution of an oblique one.

    Parameters
    ----------
    found : Solution
        Oblique; kept as ``oblique``.
    plan : Plan
        How it was made.

    Notes
    -----
    Influences are carried over by exact derivatives, resamples taken apart one by one. The fit is that of the oblique
    model; with more than three group factors the general factor explains their correlations only in part, and the
    communalities are those of the hierarchical model.
    """
    best = _stack(found.loadings[None], found.phi[None])
    tree = schmid_leiman(best)
    loadings = hierarchical_loadings(tree)[0]
    m = loadings.shape[1]
    moved = hierarchy_change(best, tree, found.influence["loadings"], found.influence["phi"])
    change = np.concatenate([moved.general[:, :, None], moved.group], axis=2)
    product = 2 * loadings * change
    boot = found.resampled
    if boot is not None:
        split = hierarchical_loadings(schmid_leiman(_stack(boot.loadings, boot.phi)))
        phi = np.broadcast_to(np.eye(m), (len(split), m, m))
        boot = Resampled(split, phi, (split**2).sum(axis=2), (split**2).sum(axis=1))
    general = GENERAL if GENERAL not in found.names else f"{GENERAL} factor"
    sound = np.isfinite(found.determinacy).all()
    return replace(
        found,
        names=(general, *found.names),
        loadings=loadings,
        phi=np.eye(m),
        shape=shape(loadings, np.eye(m)),
        determinacy=determinacy(found.cor, loadings, np.eye(m)) if sound else np.full(m, np.nan),
        influence={
            "loadings": change,
            "phi": np.zeros((len(change), m, m)),
            "communality": product.sum(axis=2),
            "carried": product.sum(axis=1),
        },
        resampled=boot,
        oblique=found,
        second_order=tree.second_order[0],
        merged=bool(tree.heywood[0]),
    )


def _stack(loadings: np.ndarray, phi: np.ndarray) -> Rotation:
    """Solutions of which only loadings and correlations of the factors are asked."""
    size = len(loadings)
    return Rotation(loadings, phi, phi, np.full(size, np.nan), np.ones(size, dtype=bool))
