r"""Graphs of the latents that do not use the fitted graph: partial correlations, and what PC joins in halves of the respondents.

Latents are known up to an increasing or decreasing function of each. Normal scores of their ranks are the same for all of them, but for the sign:
so partial correlations of normal scores can be read, and those of the latents as they stand cannot.

PC is run on halves of the respondents that come in pairs without a respondent in common (Shah and Samworth 2013). Where a pair of
latents is chosen in a half with probability at most :math:`\theta`, the expected number of such pairs that at least a share :math:`\tau` of the halves join is
at most :math:`\theta / (2 \tau - 1)` times the number that one half joins. It is given for :math:`\theta` the share of pairs that the average half joins (which
supposes nothing, and is wide where many pairs are joined rightly), and for :math:`\theta` the level of the tests (which supposes that the tests of pairs without an edge keep it).

Misleads where the latents carry errors of estimation: a latent in between then does not part its neighbours whole, and a large sample joins
them. Partial correlations given all others join two causes of one effect, too; PC does not.

References
----------
Shah, R. D. and Samworth, R. J. (2013). Variable selection with error control: another look at stability selection. Journal of
the Royal Statistical Society B, 75(1), 55-80. https://doi.org/10.1111/j.1467-9868.2011.01034.x

Liu, H., Lafferty, J. and Wasserman, L. (2009). The nonparanormal: semiparametric estimation of high dimensional undirected
graphs. Journal of Machine Learning Research, 10, 2295-2328. https://www.jmlr.org/papers/v10/liu09a.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.association import fisher_interval
from psychomet.numerics.dependence.partial import fisher_p
from psychomet.numerics.graphs.skeleton import skeleton
from psychomet.numerics.normal_scores import normal_scores
from psychomet.numerics.proportion import wilson

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Row = dict[str, Any]

LEVELS = (0.01, 0.05)
"""Of the tests of PC."""
HALVES = 100
STABLE = 0.9
"""Share of the halves from which on a pair counts as joined in the bounds."""
MOST_GIVEN = 3
"""Most latents held in one test; with more the number of tests grows beyond use."""
FEWEST = 100
"""Respondents: a half has 50."""
_SINGULAR = 1e-8


class Halves(NamedTuple):
    """What the halves joined, by level of the tests.

    Attributes
    ----------
    share : (levels, d, d) array
        Share of the halves.
    joined : (levels,) array
        Mean number of pairs that a half joins.
    """

    share: Floats
    joined: Floats


def latent_graph_rows(
    components: Floats,
    *,
    names: Sequence[str],
    conf_level: float,
    seed: int,
    traits: Mapping[str, Floats] | None = None,
    cluster: Codes | None = None,
    halves: int = HALVES,
) -> list[Row]:
    """Return partial correlations of the latents, and how often PC joins two of them.

    Parameters
    ----------
    components : (n, d) array
        Latents of respondents that they were not fitted on; NaN where there is none.
    names : sequence of str
        Of the latents.
    conf_level : float
        Nominal coverage of the intervals.
    seed : int
        Of the halves.
    traits : mapping of str to (n,) array, optional
        Features that are nodes of the graph as well; NaN where missing.
    cluster : (n,) array of int, optional
        Respondents that share a cluster: it is in one half or the other.
    halves : int
        Half-samples, an even number.

    Returns
    -------
    list of dict
        ``latent_partial_r`` and ``latent_adjacency`` (``term``, ``other``; the latter with ``facet`` "significance" and ``level`` that of
        the tests) for every pair with a latent in it; two rows of ``false_adjacencies_bound`` for each level.

    Notes
    -----
    The interval of a partial correlation is Fisher's, for n less the number of nodes held; it supposes a Gaussian copula. With clusters n is
    divided by the design effect of the correlation's influence. The interval of a share is Wilson's for the pairs of halves: the Monte Carlo error of
    ``halves``, not of the respondents. Tests take respondents as independent.
    """
    more = dict(traits or {})
    nodes = [*names, *more]
    columns = np.column_stack([components, *more.values()])
    here = np.isfinite(columns).all(axis=1)
    x = columns[here]
    groups = None if cluster is None else np.unique(cluster[here], return_inverse=True)[1]
    base: Row = {"n": len(x), "conf_level": conf_level}
    reason = _unfit(x, groups)
    if reason:
        every: Row = {**base, "term": "all latents", "method": "none", "reason": reason}
        return [{**every, "estimand": name} for name in ("latent_partial_r", "latent_adjacency")]
    pairs = [(i, j) for i in range(len(names)) for j in range(i + 1, len(nodes))]
    found = _halves(x, groups, halves=halves, seed=seed)
    return [
        *_partial_rows(x, groups, nodes, pairs, base),
        *_share_rows(found, nodes, pairs, base, count=halves // 2),
        *_bound_rows(found, len(nodes), base),
    ]


def _unfit(x: Floats, groups: Codes | None) -> str:
    """Say why there is no graph; empty where there is one."""
    units = len(x) if groups is None else int(groups.max(initial=-1)) + 1
    if units < max(FEWEST, 4 * x.shape[1]):
        return "too few held-out respondents or clusters"
    if (x == x[0]).all(axis=0).any():
        return "a latent or trait does not vary"
    if np.linalg.eigvalsh(_correlation(x))[0] < _SINGULAR:
        return "a latent or trait follows from the others"
    return ""


def _correlation(x: Floats) -> Floats:
    """Correlations of normal scores; 0 with a column that does not vary."""
    scores = normal_scores(x, np.ones(len(x), dtype=bool))
    scores -= scores.mean(axis=0)
    spread = np.sqrt((scores**2).sum(axis=0))
    scores /= np.where(spread > 0, spread, 1.0)
    r = scores.T @ scores
    np.fill_diagonal(r, 1.0)
    return np.asarray(r)


def _partial_rows(
    x: Floats, groups: Codes | None, nodes: Sequence[str], pairs: Sequence[tuple[int, int]], base: Row
) -> Iterator[Row]:
    """Yield the partial correlation of every pair given all other nodes."""
    n, d = x.shape
    precision = np.linalg.inv(_correlation(x))
    scale = np.sqrt(np.diag(precision))
    scores = normal_scores(x, np.ones(n, dtype=bool))
    scores = (scores - scores.mean(axis=0)) / scores.std(axis=0)
    rest = scores @ precision / scale
    for i, j in pairs:
        r = float(-precision[i, j] / (scale[i] * scale[j]))
        # Influence of a correlation of the precision, ranks taken as given.
        influence = rest[:, i] * rest[:, j] + 0.5 * r * (rest[:, i] ** 2 + rest[:, j] ** 2)
        known = n if groups is None else int(n / _design_effect(influence, groups))
        error, low, high = fisher_interval(
            r, n=known - (d - 2), conf_level=base["conf_level"], kind="pearson"
        )
        yield {
            **base, "estimand": "latent_partial_r", "term": nodes[i], "other": nodes[j], "estimate": r, "std_error": error,
            "conf_low": low, "conf_high": high, "p_value": float(fisher_p(np.array(r), n=known, given=d - 2)),
            "method": "fisher_z; normal scores, all others held" + ("" if groups is None else ", design effect of clusters"),
            "reason": "" if np.isfinite(low) else "too few clusters",
        }  # fmt: skip


def _design_effect(influence: Floats, groups: Codes) -> float:
    """Variance of a mean with clusters over that without; at least 1."""
    summed = np.bincount(groups, influence - influence.mean())
    units = summed.size
    return max(1.0, float((summed**2).sum() * units / (units - 1) / (influence.var() * influence.size)))


def _halves(x: Floats, groups: Codes | None, *, halves: int, seed: int) -> Halves:
    """Run PC in pairs of halves that have no respondent, and no cluster, in common."""
    n, d = x.shape
    unit = np.arange(n) if groups is None else groups
    units = int(unit.max()) + 1
    rng = np.random.default_rng([seed, 2])
    votes = np.zeros((len(LEVELS), d, d))
    for _ in range(halves // 2):
        place = rng.permutation(units)
        side = np.full(units, 2)
        side[place[: units // 2]] = 0
        side[place[units // 2 : 2 * (units // 2)]] = 1
        for half in (0, 1):
            rows = x[side[unit] == half]
            # A half in which a trait follows from the others must not break the search.
            r = (_correlation(rows) + _SINGULAR * np.eye(d)) / (1 + _SINGULAR)
            for at, level in enumerate(LEVELS):
                votes[at] += skeleton(r, n=len(rows), significance=level, max_given=MOST_GIVEN)
    share = votes / (2 * (halves // 2))
    return Halves(share, np.triu(share, 1).sum(axis=(1, 2)))


def _share_rows(
    found: Halves, nodes: Sequence[str], pairs: Sequence[tuple[int, int]], base: Row, *, count: int
) -> Iterator[Row]:
    """Yield the share of halves that join a pair."""
    for at, level in enumerate(LEVELS):
        for i, j in pairs:
            share = float(found.share[at, i, j])
            low, high = wilson(share * count, count, base["conf_level"])
            yield {
                **base, "estimand": "latent_adjacency", "term": nodes[i], "other": nodes[j], "facet": "significance",
                "level": f"{level:g}", "estimate": share, "conf_low": low, "conf_high": high,
                "method": f"wilson over {count} pairs of halves; PC on normal scores, at most {MOST_GIVEN} held",
            }  # fmt: skip


def _bound_rows(found: Halves, d: int, base: Row) -> Iterator[Row]:
    """Yield the bounds on the expected number of pairs joined falsely in a share of the halves."""
    pairs = d * (d - 1) / 2
    for at, level in enumerate(LEVELS):
        joined = float(found.joined[at])
        for other, theta, most in (
            ("pairs joined less often than the average pair", joined / pairs, joined),
            ("pairs without an edge, if their tests keep their level", level, level * pairs),
        ):
            yield {
                **base, "estimand": "false_adjacencies_bound", "term": "latent graph", "other": other,
                "facet": "significance", "level": f"{level:g}; at least {STABLE:g} of the halves",
                "estimate": theta * most / (2 * STABLE - 1), "method": "none; Shah and Samworth (2013), theorem 1",
                "reason": "an upper bound of an expected number, not an estimate: no interval",
            }  # fmt: skip
