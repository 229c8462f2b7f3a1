"""Which features cause which: a graph from data, with how often each edge returns, and how it agrees with an expert.

Methods (`method`):

- ``pc``: tests of independence given others; two features without an edge are independent given some others. Directions
  follow from colliders and from background knowledge; the rest stays open. Supposes that no cause of two features is unseen.
- ``fci``: the same where unseen causes are allowed, and said.
- ``ges``, ``grasp``, ``boss``: the graph with the best BIC, over classes of graphs or over orders. No unseen causes.
- ``direct_lingam``: a linear model with non-normal errors; the order follows from their shape. No unseen causes.
- ``gin``: unseen causes with two or more pure indicators each, and their order; linear, non-normal.

A graph is a conclusion of the method's assumptions as much as of the data: the same table gives other graphs by other methods.
How often an edge returns in halves of the table says how stable it is, not how probable it is that it is true.

References
----------
Spirtes, P., Glymour, C. and Scheines, R. (2000). Causation, Prediction, and Search, 2nd edition. MIT Press.
https://doi.org/10.7551/mitpress/1754.001.0001

Chickering, D. M. (2002). Optimal structure identification with greedy search. Journal of Machine Learning Research, 3, 507-554.

Lam, W.-Y., Andrews, B. and Ramsey, J. (2022). Greedy relaxations of the sparsest permutation algorithm. Uncertainty in Artificial
Intelligence, 1052-1062. https://doi.org/10.48550/arXiv.2206.05421

Meinshausen, N. and Bühlmann, P. (2010). Stability selection. Journal of the Royal Statistical Society B, 72(4), 417-473.
https://doi.org/10.1111/j.1467-9868.2010.00740.x

Zheng, Y., Huang, B., Chen, W., Ramsey, J., Gong, M., Cai, R., Shimizu, S., Spirtes, P. and Zhang, K. (2024). Causal-learn: causal
discovery in Python. Journal of Machine Learning Research, 25(60), 1-8. https://doi.org/10.48550/arXiv.2307.16405
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError, MissingEngineError
from psychomet.estimates.causes.discovery_engines import CONSTRAINT, Found, Plan, search
from psychomet.estimates.causes.discovery_notes import KNOWN, graph_notes
from psychomet.estimates.causes.discovery_plan import (
    SUBJECT,
    Pairs,
    Tiers,
    check_call,
    make_plan,
    needs_causal_learn,
)
from psychomet.estimates.causes.discovery_resamples import resampled
from psychomet.estimates.causes.discovery_rows import (
    MEASURES,
    Setting,
    agreement,
    agreement_rows,
    edge_rows,
    false_edge_row,
    path_rows,
    unseen_rows,
)
from psychomet.notes import Note
from psychomet.numerics.graphs.marks import Marks, directed, from_edges
from psychomet.numerics.normal_scores import normal_scores
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.feature_columns import Columns, columns_of, feature_groups
from psychomet.table.features import FeatureTable
from psychomet.table.settings import settings
from psychomet.text import visible

Row = dict[str, Any]
Ints = NDArray[np.intp]

STABLE = 0.75
WITHOUT = "boss, grasp and direct_lingam need no extra"


@declared
def discovery(
    features: FeatureTable,
    *,
    method: str = "pc",
    test: str = "mixed",
    names: Sequence[str] | None = None,
    tiers: Tiers = (),
    required: Pairs = (),
    forbidden: Pairs = (),
    expert: Pairs = (),
    significance: float = 0.05,
    penalty: float = 2.0,
    max_given: int | None = None,
    missing: str = "available",
    by: str | None = None,
    conf_level: float = 0.95,
    n_boot: int = 100,
    resampling: str = "subsample",
    workers: int = 1,
    seed: int = 1,
) -> Result:
    """Search for the graph of causes of features, and say how often each edge returns.

    Parameters
    ----------
    features : FeatureTable
        The table.
    method : {"pc", "fci", "ges", "grasp", "boss", "direct_lingam", "gin"}
        The search. ``pc``, ``fci`` and ``ges`` need the extra ``causal``.
    test : {"mixed", "ranks", "fisher_z", "g_square", "kci", "rcit"}
        Of ``pc`` and ``fci``. ``mixed``: likelihood ratio of jointly normal blocks, for all kinds of features; ``ranks``: the
        same with normal scores of numbers and ordinal features; ``fisher_z``: partial correlations; ``g_square``: levels only (Pearson's sum
        with its exact moments where a count below 5 is expected);
        ``kci`` and ``rcit``: kernel tests for any dependence, the second randomised, seeded and quicker. ``boss``, ``ges`` and ``grasp``
        take ``mixed`` and ``ranks``, too.
    names : sequence of str, optional
        Features of the graph; default all but ``by``.
    tiers : sequence of sequences of str
        What comes first: no feature causes one of an earlier tier. Features in no tier are free.
    required, forbidden : sequence of (cause, effect)
        Edges that must be and must not be there. Tiers and these are taken by ``pc``, ``fci``, ``grasp``, ``boss`` and
        ``direct_lingam``. ``ges`` refuses them, because it moves between classes of graphs whose members differ in
        directions, and a rule on a direction cuts such a class; so does ``gin``, whose features are indicators, none of
        which causes another.
    expert : sequence of (cause, effect)
        All edges of an expert's graph, to compare with.
    significance : float
        Level of each test.
    penalty : float
        Multiple of BIC's penalty for ``ges``, ``grasp`` and ``boss``: 1 is BIC, 2 is customary and finds fewer edges.
    max_given : int, optional
        Most features held in one test.
    missing : {"available", "complete"}
        ``available``: a test of ``pc`` and ``fci`` uses the rows that have its features; the other methods, and ``complete``, use the rows
        that have all features of the graph.
    by : str, optional
        An ordinal or nominal feature: also one graph for each of its levels.
    conf_level : float
        Nominal coverage of the intervals.
    n_boot : int
        Resamples; at least 100, or 0 for none.
    resampling : {"subsample", "bootstrap"}
        Halves of the rows without replacement, or as many rows with replacement. Doubled rows make tests of independence reject
        too often, which halves do not. Clusters are drawn whole.
    workers : int
        Processes that share the resamples, each with one thread; the numbers are the same for any. More than one needs
        joblib, which the extra ``causal`` brings.
    seed : int
        Of the resamples, and of searches that draw.

    Returns
    -------
    Result
        ``edge``: an edge of the graph, ``level`` says it in words ("A causes B"), ``estimate`` is the share of resamples with this very
        relation; ``edge_alternative``: other relations that resamples gave; ``adjacency``: share of resamples in which the two are joined at
        all; ``path_coefficient`` (LiNGAM); ``unseen_cause`` (GIN); agreement with the expert: ``shd``, precision, recall and F1 of
        adjacencies and directed edges, adjustment identification distances; ``false_adjacencies_bound``. Intervals of shares are of
        their Monte Carlo error: they narrow with ``n_boot``, not with respondents.

    Raises
    ------
    InputError
        If a name, method, test or rule does not fit; every fault is listed.
    MissingEngineError
        If the method needs causal-learn, or several workers joblib, and it is not installed.

    Notes
    -----
    Each resample is searched with its features in another order, because PC's directions depend on it where colliders disagree.
    """
    chosen = [one.name for one in features.features if one.name != by] if names is None else list(names)
    check_call(
        features, by=by, missing=missing, conf_level=conf_level, n_boot=n_boot, seed=seed, resampling=resampling,
        workers=workers, expert=expert, names=chosen,
    )  # fmt: skip
    plan = make_plan(
        features, chosen, method=method, test=test, tiers=tiers, required=required, forbidden=forbidden,
        significance=significance, penalty=penalty, max_given=max_given,
    )  # fmt: skip
    _engines(method, workers if n_boot else 1)
    data = columns_of(features, chosen)
    place = {name: at for at, name in enumerate(chosen)}
    wise = from_edges(len(chosen), [(place[cause], place[effect]) for cause, effect in expert])
    rows: list[Row] = []
    notes: list[Note] = list(features.notes)
    arrays: dict[str, xr.DataArray] = {}
    for group, here in feature_groups(features, by):
        used = np.flatnonzero(here if missing == "available" else here & data.there.all(axis=1))
        looked, faults = _looked(data, used, plan, group or "the table")
        if faults:
            if not group:
                raise InputError(SUBJECT, faults)
            notes.append(
                Note("group_left_out", f"{visible(group)}: {'; '.join(one.what for one in faults)}.")
            )
            continue
        found = search(looked, used, plan, seed)
        again = resampled(
            looked, features, used, plan, n_boot=n_boot, resampling=resampling, workers=workers, seed=seed
        )
        setting = Setting(
            group,
            _respondents(data, used, plan),
            conf_level,
            _method(plan, resampling, n_boot),
            tuple(chosen),
        )
        rows += _rows(found, again, setting, wise if expert else None, resampling=resampling)
        notes += graph_notes(data, used, plan, found, group, clustered=features.cluster is not None)
        if not group:
            arrays = _arrays(again, wise if expert else None, chosen)
    return make_result(
        "discovery", rows, arrays=arrays, notes=notes,
        settings=settings(
            features, method=method, test=test, names=chosen, tiers=[list(tier) for tier in tiers],
            required=[list(pair) for pair in required], forbidden=[list(pair) for pair in forbidden],
            expert=[list(pair) for pair in expert], significance=significance, penalty=penalty, max_given=max_given,
            missing=missing, by=by, conf_level=conf_level, n_boot=n_boot, resampling=resampling, seed=seed,
        ),
    )  # fmt: skip


def _engines(method: str, workers: int) -> None:
    """Say which extra is needed where an optional package is not there."""
    if needs_causal_learn(method):
        try:
            import causallearn  # noqa: F401
        except ModuleNotFoundError as error:
            raise MissingEngineError(_lacking(f"with {method}", "causallearn", WITHOUT)) from error
    if workers > 1:
        try:
            from joblib import Parallel  # noqa: F401
        except ModuleNotFoundError as error:
            todo = "workers=1 needs no extra"
            raise MissingEngineError(_lacking("with several workers", "joblib", todo)) from error


def _lacking(what: str, package: str, instead: str) -> str:
    """Return the words for a package that is not there."""
    return (
        f"discovery {what} needs the package {package}, which is not installed. "
        f"Install it with: pip install 'psychomet[causal]'; {instead}"
    )


def _respondents(data: Columns, used: Ints, plan: Plan) -> int:
    """Return how many respondents a search looks at: those with all features, or with the two of any test."""
    features = data.there[used].sum(axis=1)
    return int(np.sum(features >= (2 if plan.method in CONSTRAINT else len(data.names))))


def _method(plan: Plan, resampling: str, n_boot: int) -> str:
    """Return the words for how a graph was made."""
    how = f"test {plan.test}, level {plan.significance:g}" if plan.method in CONSTRAINT else ""
    how = how or (
        f"level {plan.significance:g}"
        if plan.method in ("gin", "direct_lingam")
        else f"BIC x {plan.penalty:g}, {plan.test}"
    )
    return f"{KNOWN[plan.method]}, {how}" + (f"; {n_boot} resamples ({resampling})" if n_boot else "")


def _looked(data: Columns, used: Ints, plan: Plan, where: str) -> tuple[Columns, list[Fault]]:
    """Return the columns as the method looks at them, and what makes them unusable."""
    whole = data.there[used].all(axis=1)
    rows = used if plan.method in CONSTRAINT else used[whole]
    width = sum(block.shape[1] for block in data.blocks)
    faults = []
    if rows.size < width + 10:
        what = f"{rows.size} rows with all features for {width} columns"
        faults.append(Fault(where, what, "Use fewer features, or more respondents"))
        return data, faults
    for at, name in enumerate(data.names):
        there = rows[data.there[rows, at]]
        if there.size < 10 or not np.any(np.ptp(data.blocks[at][there], axis=0) > 0):
            what = f"'{visible(name)}' does not vary over {there.size} rows"
            faults.append(Fault(where, what, "Leave it out with names"))
    if plan.test != "ranks" or faults:
        return data, faults
    blocks = []
    for at, block in enumerate(data.blocks):
        scored = block.shape[1] == 1
        inside = np.zeros(len(block), dtype=bool)
        inside[rows] = data.there[rows, at]
        blocks.append(normal_scores(block, inside) if scored else block)
    return data._replace(blocks=tuple(blocks)), faults


def _rows(
    found: Found, again: Sequence[Found], setting: Setting, expert: Marks | None, *, resampling: str
) -> Iterator[Row]:
    """Yield all rows of a group."""
    yield from edge_rows(found, again, setting)
    yield from path_rows(found, again, setting)
    yield from unseen_rows(found, setting)
    if expert is not None:
        yield from agreement_rows(found.marks, expert, setting)
    if again and resampling == "subsample":
        yield false_edge_row(again, setting, least=STABLE)


def _arrays(again: Sequence[Found], expert: Marks | None, names: Sequence[str]) -> dict[str, xr.DataArray]:
    """Return how often each feature was found to cause each other, and the agreement of the resamples."""
    if not again:
        return {}
    share = np.mean([directed(one.marks) for one in again], axis=0)
    made = {
        "directed_frequency": xr.DataArray(
            share, dims=("cause", "effect"), coords={"cause": list(names), "effect": list(names)}
        )
    }
    if expert is not None:
        made["agreement"] = xr.DataArray(
            np.array([agreement(one.marks, expert) for one in again]),
            dims=("resample", "measure"), coords={"measure": list(MEASURES)},
        )  # fmt: skip
    return made
