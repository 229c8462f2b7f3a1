"""Which traits go with which other features: tests of independence of every pair, with their sizes.

hsic, kci: T / n with T the sum over pairs of respondents of Kc times Lc, the centred kernels of the two features;
dcor: the same with distances (n times the squared distance covariance); rcit: n |C|^2, C the covariances of random
Fourier features; chisq, gsq: sum (o - e)^2 / e and 2 sum o log(o / e) of a table of counts; fisherz: sqrt(n - q - 3)
atanh(r). A size stands beside each p value: with ten thousand respondents almost nothing is independent.

Misleads where respondents are related and no cluster says so; where a feature that decides both is not given
(dependence is not causation); where hundreds of p values are read without adjustment.

References
----------
Gretton, A., Fukumizu, K., Teo, C. H., Song, L., Schölkopf, B. and Smola, A. (2007). A kernel statistical
test of independence. Advances in Neural Information Processing Systems 20, 585-592.

Zhang, K., Peters, J., Janzing, D. and Schölkopf, B. (2011). Kernel-based conditional independence test and
application in causal discovery. Proceedings of UAI, 804-813. https://arxiv.org/abs/1202.3775

Strobl, E. V., Zhang, K. and Visweswaran, S. (2019). Approximate kernel-based conditional independence tests
for fast non-parametric causal discovery. Journal of Causal Inference, 7(1), 20180017.
https://doi.org/10.1515/jci-2018-0017

Székely, G. J. and Rizzo, M. L. (2014). Partial distance correlation with methods for dissimilarities. Annals of
Statistics, 42(6), 2382-2412. https://doi.org/10.1214/14-AOS1255

Bergsma, W. (2013). A bias-correction for Cramér's V and Tschuprow's T. Journal of the Korean Statistical
Society, 42(3), 323-328. https://doi.org/10.1016/j.jkss.2012.10.002

Lipsitch, M., Tchetgen Tchetgen, E. and Cohen, T. (2010). Negative controls: a tool for detecting confounding and
bias in observational studies. Epidemiology, 21(3), 383-388. https://doi.org/10.1097/EDE.0b013e3181d61eeb
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.estimates.causes.independence_checks import (
    Found,
    call_faults,
    groups_of,
    influence_of,
    notes_of,
    role_faults,
)
from psychomet.estimates.causes.independence_columns import Column, column, named_features, trait_columns
from psychomet.estimates.causes.independence_engine import array_module
from psychomet.estimates.causes.independence_pairs import (
    Cache,
    Plan,
    pair_test,
)
from psychomet.estimates.causes.independence_rows import (
    Row,
    adjusted,
    adjusted_array,
    control_notes,
    counts,
    pair_row,
    rule_faults,
)
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.request import check_level, seed_faults
from psychomet.table.features import FeatureTable
from psychomet.table.settings import settings
from psychomet.text import visible

Mask = NDArray[np.bool_]
Null = Literal["auto", "gamma", "permutation"]


@declared
def independence(
    features: FeatureTable,
    *,
    traits: Sequence[str] | str,
    seed: int,
    others: Sequence[str] | str | None = None,
    given: Sequence[str] | str | None = None,
    test: str | Sequence[str] = "auto",
    controls: Sequence[str] | str = (),
    aggregate: bool = True,
    by: str | None = None,
    null: Null = "auto",
    n_permutations: int = 1999,
    conf_level: float = 0.95,
    adjust: Sequence[str] = ("holm", "bh"),
    engine: str = "numpy",
) -> Result:
    """Test every trait against every other feature, alone or given some, and say how strong the dependence is.

    Parameters
    ----------
    features : FeatureTable
        The table; its clusters are respected.
    traits : sequence of str
        Features or modalities. Of a modality with several measurements (raters) each is tested, and their
        median where they are numbers or ordered levels.
    seed : int
        Seed of permutations, random tables and random features. A pair has its own stream: its p value does not
        depend on what else is tested.
    others : sequence of str, optional
        Features or modalities to test the traits against; default all that are not traits or given.
    given : sequence of str, optional
        Features that are held constant.
    test : str or sequence of str
        "auto" (kernels; chi-square where both are nominal), or of "hsic", "kci", "dcor", "rcit", "chisq", "gsq",
        "fisherz". With ``given`` all but "hsic" and "dcor".
    controls : sequence of str
        Features of ``others`` that cannot go with the traits (the day of birth): negative controls.
    aggregate : bool
        Whether the median of the measurements of a trait is tested beside them.
    by : str, optional
        A nominal or ordinal feature; all is repeated within each level.
    null : {"auto", "gamma", "permutation"}
        Null distribution of kernel tests. "auto": gamma with the exact mean and variance over permutations (given
        something: of random signs), and permutations where both features have about as many levels as rows;
        "gamma": the gamma of the papers, and chi-squared for tables whatever their counts.
    n_permutations : int
        Permutations, and random tables where an expected count is below 5.
    conf_level : float
        Nominal coverage of the intervals; 1 - conf_level is the level of the tests.
    adjust : sequence of {"holm", "bh"}
        Rules for the p values of all pairs (and groups) of one test; the first fills ``p_adjusted``, all stand in
        ``arrays["p_adjusted"]``.
    engine : {"numpy", "jax"}
        What evaluates kernels that have no factor (vectors; distances of numbers with many values), tile by tile.
        "jax" needs the extra ``jax`` and runs on a GPU where JAX finds one; the numbers are the same up to rounding.

    Returns
    -------
    Result
        For each pair and test ``hsic_correlation``, ``distance_correlation``, ``cramer_v`` or ``partial_r`` (with
        ``given`` also ``conditional_hsic_correlation``): ``term`` the trait, ``level`` its measurement, ``other`` the
        feature, with statistic and p value. For each test ``dependent_pairs`` by rule, and
        ``control_rejection_share``.

    Raises
    ------
    InputError
        Naming every argument that is out of range, and every feature that is not there.
    MissingEngineError
        If JAX is asked for and not installed.

    Notes
    -----
    Values missing in either of two features (or what is given) are left out of that pair; ``n`` says what is left.
    Rejection rates, power and coverage by simulation are in ``docs/validation/independence.md``.
    """
    check_level(conf_level)
    tests = [test] if isinstance(test, str) else list(test)
    faults = [
        *call_faults(
            tests, given=given, null=null, n_permutations=n_permutations, adjust=adjust, engine=engine
        ),
        *seed_faults(seed),
    ]
    chosen_traits, more = named_features(features, traits, "traits")
    faults += more
    if not chosen_traits and not more:
        faults.append(Fault("traits", "there is none", "Name features or modalities"))
    held, more = named_features(features, given, "given")
    faults += more
    calm, more = named_features(features, controls, "controls")
    faults += more
    used = {feature.name for feature in (*chosen_traits, *held)}
    if others is None:
        rest = [f for f in features.features if f.name not in used and f.name != by]
    else:
        rest, more = named_features(features, others, "others")
        faults += more
        rest += [f for f in calm if f.name not in {one.name for one in rest}]
    faults += role_faults(chosen_traits, held, calm, rest)
    groups, more = groups_of(features, by)
    faults += more
    if faults:
        raise InputError("independence(...)", faults)
    columns = trait_columns(features, chosen_traits, aggregate=aggregate)
    given_columns = tuple(column(features, f) for f in held)
    with array_module(engine) as xp:
        plan = Plan(conf_level, int(seed), n_permutations, null, given_columns, features.cluster, xp)
        found = list(_run(columns, [column(features, f) for f in rest], tests, plan, groups))
    rows = [
        pair_row(
            one,
            term=x.term,
            level=x.level,
            other=y.term,
            group=group,
            given=bool(held),
            conf_level=conf_level,
        )
        for _, group, x, y, one in found
    ]
    families = [name for name, *_ in found]
    names = [feature.name for feature in calm]
    values = adjusted(rows, families, adjust)
    for row, value in zip(rows, values[0], strict=True):
        row["p_adjusted"] = float(value)
    summary = counts(rows, families, values, adjust, controls=names, conf_level=conf_level)
    arrays = {"p_adjusted": adjusted_array(values, adjust)}
    influence = influence_of(features, found, rows)
    if influence is not None:
        arrays["influence"] = influence
    return make_result(
        "independence",
        [*rows, *summary],
        arrays=arrays,
        settings=settings(
            features, traits=_list(traits), others=[f.name for f in rest], given=_list(given), test=tests,
            controls=names, aggregate=aggregate, by=by, null=null, n_permutations=n_permutations,
            conf_level=conf_level, adjust=list(adjust), seed=int(seed),
            looks={one.term: [c.level for c in columns if c.term == one.term] for one in columns},
            family=families,
        ),
        notes=[*notes_of(features, found, rows, plan=plan, adjust=adjust), *control_notes(summary), *features.notes],
    )  # fmt: skip


def p_table(
    p_values: pd.DataFrame,
    *,
    controls: Sequence[str] = (),
    conf_level: float = 0.95,
    adjust: Sequence[str] = ("holm", "bh"),
) -> Result:
    """Judge a published matrix of p values: adjust for their number, and look at the controls.

    Parameters
    ----------
    p_values : DataFrame
        One row per feature, one column per trait, or per trait and measurement (columns of two levels); NaN where
        there was no test.
    controls : sequence of str
        Rows that ought to be independent of every column.
    conf_level : float
        1 - conf_level is the level of the tests.
    adjust : sequence of {"holm", "bh"}
        As in :func:`independence`.

    Returns
    -------
    Result
        ``dependent_pairs`` by rule and ``control_rejection_share``; ``arrays["p_value"]`` and ``arrays["p_adjusted"]``.

    Raises
    ------
    InputError
        If a value is no p value, a control is not there, or a rule is unknown.

    Notes
    -----
    p values that were printed with three decimals may be 0; those are taken as they are.
    """
    check_level(conf_level)
    faults = rule_faults(adjust)
    names = [str(name) for name in p_values.index]
    faults += [
        Fault("controls", f"there is no row '{visible(name)}'", "Name rows of the matrix")
        for name in controls
        if name not in names
    ]
    try:
        cells = p_values.to_numpy(dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("the p values", [Fault("cells", "not all are numbers", "Pass numbers")]) from None
    if ((cells < 0) | (cells > 1)).any():
        faults.append(Fault("cells", "some are below 0 or above 1", "Pass p values"))
    if not np.isfinite(cells).any():
        faults.append(Fault("cells", "there is none", "Pass p values"))
    if faults:
        raise InputError("the p values", faults)
    columns = [
        tuple(map(str, name)) if isinstance(name, tuple) else (str(name), "") for name in p_values.columns
    ]
    rows: list[Row] = [
        {"term": " ".join(filter(None, trait)), "other": name, "p_value": float(cells[at, to])}
        for at, name in enumerate(names)
        for to, trait in enumerate(columns)
    ]
    families = ["p"] * len(rows)
    values = adjusted(rows, families, adjust)
    summary = counts(rows, families, values, adjust, controls=list(controls), conf_level=conf_level)
    coords = {"feature": names, "trait": [" ".join(filter(None, trait)) for trait in columns]}
    arrays = {
        "p_value": xr.DataArray(cells, dims=("feature", "trait"), coords=coords),
        "p_adjusted": xr.DataArray(
            values.reshape(len(adjust), *cells.shape),
            dims=("rule", "feature", "trait"),
            coords={"rule": list(adjust), **coords},
        ),
    }
    return make_result(
        "independence", summary, arrays=arrays, notes=control_notes(summary),
        settings={
            "controls": list(controls), "conf_level": conf_level, "adjust": list(adjust),
            "columns": [list(trait) for trait in columns],
        },
    )  # fmt: skip


def _run(
    traits: Sequence[Column],
    others: Sequence[Column],
    tests: Sequence[str],
    plan: Plan,
    groups: Mapping[str, Mask],
) -> Iterator[Found]:
    """Every test of every pair in every group; sides of whole groups are worked out once."""
    for family in tests:
        for group, here in groups.items():
            base = here.copy()
            for one in plan.given:
                base &= one.there
            cache: Cache = {}
            whole = base.tobytes()
            for other in others:
                for trait in traits:
                    rows = base & trait.there & other.there
                    yield (
                        family,
                        group,
                        trait,
                        other,
                        pair_test(family, trait, other, plan=plan, rows=rows, cache=cache),
                    )
                for key in [key for key in cache if key[3] != whole or key[0] == other.term]:
                    del cache[key]


def _list(names: Sequence[str] | str | None) -> list[str]:
    return [] if names is None else [names] if isinstance(names, str) else list(names)
