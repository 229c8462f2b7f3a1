"""A second opinion: what other packages make of the same sums.

The packages are GPL, so this file alone imports them, inside the function, and nothing of psychomet needs
them. A result holds no answers; a table is built that has exactly the stored covariances, or exactly the
stored mean squares, and given to the peer; factors are taken from the stored correlations. So the comparison
is of programs, not of reading or scoring.

pingouin is asked about alpha, intraclass correlations and standardised differences, statsmodels (which pingouin brings)
about pooled effects, factor_analyzer about factors; krippendorff comes with the same extra.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError, MissingEngineError
from psychomet.numerics.alignment import matched
from psychomet.numerics.rebuilt import table_with_covariance, table_with_mean_squares, waves
from psychomet.result.result import Result
from psychomet.text import visible

Floats = NDArray[np.float64]
Row = tuple[str, str, str, str, float, float, float, str]

COLUMNS = ("estimand", "term", "group", "quantity", "ours", "theirs", "difference", "remark")
PINGOUIN_FORMS = {
    "ICC(1,1)": ("ICC(1,1)", "ICC1"),
    "ICC(2,1)": ("ICC(A,1)", "ICC2"),
    "ICC(3,1)": ("ICC(C,1)", "ICC3"),
    "ICC(1,k)": ("ICC(1,k)", "ICC1k"),
    "ICC(2,k)": ("ICC(A,k)", "ICC2k"),
    "ICC(3,k)": ("ICC(C,k)", "ICC3k"),
}
"""Our name -> the names that versions of pingouin use."""

PEER_OF = {"pooled_effect": "statsmodels", "effect_sd": "statsmodels"}
"""Estimands that another package is asked about than the rest of their question."""

SAME = "the same formula on the same covariances"
SAME_SPREADS = "the same formula on the same means and standard deviations"
ROUNDED = "pingouin rounds its limits to 3 decimals"
ROUNDED_ICC = "pingouin rounds its limits to 2 decimals"
OFFSET = (
    "pingouin loses digits where all scores share a large offset, and averages doubled scores silently; the "
    "rebuilt table is centred and has none, so neither shows here"
)
LISTWISE = (
    "with nan_policy='listwise' pingouin counts the rows before deletion; the rebuilt table has no holes, so "
    "that fault does not show here"
)
FACTORED = "the same criterion on the same correlations; the optimisers stop at different tolerances"
PATTERN_ONLY = (
    "after an oblique rotation factor_analyzer adds up squared pattern loadings and leaves out the correlations of "
    "the factors: not a communality"
)
PHI_UNSORTED = (
    "factor_analyzer sorts the columns of the loadings by size and leaves phi_ in the order before: where that moved "
    "a factor, these are the correlations of other factors"
)
NOT_ASKED = (
    "factor_analyzer has no such extraction (its 'principal' is a component analysis in one step, not principal "
    "axis) or no such rotation (its oblimin is wrong where gamma is not 0)"
)
FACTOR_ROTATIONS = {
    "none": None, "varimax": "varimax", "quartimax": "quartimax", "promax": "promax", "oblimin": "oblimin",
    "quartimin": "oblimin",
}  # fmt: skip
"""Rotations that factor_analyzer makes by the same rule, by its names."""
HEDGES = "pingouin multiplies d by 1 - 3 / (4 n - 9), an approximation of the exact factor; for n = 8 they differ by 0.3 %"
NORMAL_LIMITS = "pingouin's limits are d plus and minus t standard errors; ours those of the noncentral t"
PAIRED_LIMITS = (
    "for pairs pingouin gives d with the average variance the limits of a mean over its standard deviation, whatever the correlation "
    "of the two sides: too wide where they correlate"
)
WITHIN_LIMITS = "pingouin's limits take the root of 1 / n + d^2 / 2n for the standard error; ours are those of the noncentral t"
NO_PAIRS = (
    "the levels were not met by the same respondents, so their scores cannot be rebuilt from what is stored"
)
OTHER_SPREAD = (
    "statsmodels estimates the variance of true effects by Paule and Mandel, psychomet by REML (statsmodels has none): with it "
    "the weights, the mean and its Hartung-Knapp limits differ; they are equal where all effects are equally precise"
)
SAME_Q = "Cochran's Q, the same formula"
NO_TABLE = "no complete table has these pairwise covariances, so pingouin cannot be given one"


def crosscheck(result: Result) -> pd.DataFrame:
    """Recompute a result with another package and tabulate the differences.

    Parameters
    ----------
    result : Result
        Of :func:`psychomet.reliability` (raw alpha and Feldt's limits, by pingouin), of :func:`psychomet.agreement`
        (the six intraclass correlations and their 95 % limits, by pingouin), of :func:`psychomet.factors`
        (loadings, communalities and correlations of the factors, by factor_analyzer) or of :func:`psychomet.effects`
        (Cohen's d, Hedges' g, d of differences and their limits, by pingouin; pooled effects, by statsmodels).

    Returns
    -------
    pandas.DataFrame
        One row per number: ``estimand term group quantity ours theirs difference package version remark``,
        where ``quantity`` is estimate, conf_low, conf_high or statistic (for factors "estimate, " and the factor, for
        effects the quantity and the two levels) and
        ``remark`` explains what is known to differ. ``theirs`` is NaN where the peer cannot be asked; the remark
        says why.

    Raises
    ------
    MissingEngineError
        If the package is not installed, or does not work with what is installed beside it.
    InputError
        If the result is of another question.
    """
    checks: dict[str, tuple[str, Callable[[Result, Any], Iterator[Row]]]] = {
        "reliability": ("pingouin", _alphas),
        "agreement": ("pingouin", _iccs),
        "factors": ("factor_analyzer", _factors),
        "effects": ("pingouin", _effects),
    }
    if result.question not in checks:
        what = f"there is no second opinion on '{visible(result.question)}'"
        raise InputError("the result", [Fault("question", what, f"It can be had on: {', '.join(checks)}")])
    package, check = checks[result.question]
    with warnings.catch_warnings():
        # They touch parts of pandas and scikit-learn that are to change; that is their makers' to mend.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=FutureWarning)
        try:
            if package == "pingouin":
                import pingouin as peer
            else:
                import factor_analyzer as peer
        except ModuleNotFoundError as error:
            raise MissingEngineError(
                f"psychomet.crosscheck needs the package {package}, which is not installed. "
                "Install it with: pip install 'psychomet[crosscheck]'"
            ) from error
        rows = list(check(result, peer))
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    packages = [PEER_OF.get(str(estimand), package) for estimand in frame["estimand"]]
    frame.insert(7, "package", packages)
    frame.insert(8, "version", [version(name) for name in packages])
    return frame


def _alphas(result: Result, pingouin: Any) -> Iterator[Row]:
    """Raw alpha and Feldt's limits of every scale and group."""
    frame = result.estimates
    stored = result.arrays.get("covariance")
    alphas = frame[(frame["estimand"] == "alpha") & frame["method"].str.startswith("feldt")]
    for _, row in alphas.iterrows():
        if stored is None or not np.isfinite(row["estimate"]):
            continue
        items = result.settings["scales"][row["term"]]
        cov = stored.sel(group=row["group"], item=items, with_item=items).to_numpy()
        limits = bool(np.isfinite(row["conf_low"]))
        # Where respondents have several rows no limits are compared, and the number of rows is free.
        size = int(row["n"]) if limits else max(int(row["n"]), len(items) + 1)
        table = table_with_covariance(cov, size)
        if table is None:
            yield _compared(row, "estimate", np.nan, NO_TABLE)
            continue
        value, interval = pingouin.cronbach_alpha(data=pd.DataFrame(table), ci=row["conf_level"])
        yield _compared(row, "estimate", float(value), SAME)
        if limits:
            yield _compared(row, "conf_low", float(interval[0]), f"{ROUNDED}; {LISTWISE}")
            yield _compared(row, "conf_high", float(interval[1]), f"{ROUNDED}; {LISTWISE}")


def _iccs(result: Result, pingouin: Any) -> Iterator[Row]:
    """The six forms of every set of looks."""
    stored = result.arrays.get("mean_squares")
    if stored is None:
        return
    frame = result.estimates
    for looks in range(stored.sizes["looks"]):
        one = stored.isel(looks=looks)
        parts = {str(part): float(one.sel(part=part)) for part in one["part"].to_numpy()}
        term, group = str(one["term"].item()), str(one["group"].item())
        table = table_with_mean_squares(
            int(parts["n"]),
            int(parts["k"]),
            targets=parts["targets"],
            looks=parts["looks"],
            residual=parts["residual"],
        )
        long = (
            pd.DataFrame(table)
            .rename_axis("target")
            .reset_index()
            .melt("target", var_name="look", value_name="score")
        )
        found = pingouin.intraclass_corr(
            data=long, targets="target", raters="look", ratings="score"
        ).set_index("Type")
        interval = next(name for name in found.columns if str(name).startswith("CI95"))
        # The F limits are pingouin's; rows of the bootstrap have the same estimates and other limits.
        ours = (frame["term"] == term) & (frame["group"] == group) & frame["method"].str.startswith("f;")
        for _, row in frame[ours].iterrows():
            name = next((name for name in PINGOUIN_FORMS[row["estimand"]] if name in found.index), None)
            if name is None or not np.isfinite(row["estimate"]):
                continue
            yield _compared(row, "estimate", float(found.at[name, "ICC"]), OFFSET)
            if row["conf_level"] == 0.95 and np.isfinite(row["conf_low"]):
                low, high = found.at[name, interval]
                yield _compared(row, "conf_low", float(low), ROUNDED_ICC)
                yield _compared(row, "conf_high", float(high), ROUNDED_ICC)


def _factors(result: Result, factor_analyzer: Any) -> Iterator[Row]:
    """Loadings, communalities and correlations of the factors of every group."""
    stored = result.arrays.get("correlation")
    if stored is None:
        return
    frame = result.estimates[result.estimates["method"].str.startswith(("delta", "none"))]
    method, rotation = str(result.settings["extraction"]), str(result.settings["rotation"]["name"])
    known = method in ("minres", "ml") and rotation in FACTOR_ROTATIONS
    plain = rotation in ("none", "varimax", "quartimax")
    for group in stored["group"].to_numpy():
        ours = result.arrays["loadings"].sel(group=group)
        ours = ours.dropna("item", how="all").dropna("factor", how="all")
        items, names = list(ours["item"].to_numpy()), list(ours["factor"].to_numpy())
        part = frame[frame["group"] == group]
        if known:
            cor = stored.sel(group=group, item=items, with_item=items).to_numpy()
            loadings, phi = _factor_analyzer(
                factor_analyzer, cor, ours.to_numpy(), method, FACTOR_ROTATIONS[rotation]
            )
        else:
            loadings, phi = (
                np.full((len(items), len(names)), np.nan),
                np.full((len(names), len(names)), np.nan),
            )
        for _, row in part[part["estimand"] == "loading"].iterrows():
            theirs = loadings[items.index(row["term"]), names.index(row["other"])]
            yield _compared(row, "estimate", float(theirs), FACTORED if known else NOT_ASKED, row["other"])
        for _, row in part[part["estimand"] == "communality"].iterrows():
            theirs = (loadings[items.index(row["term"])] ** 2).sum()
            remark = (FACTORED if plain else PATTERN_ONLY) if known else NOT_ASKED
            yield _compared(row, "estimate", float(theirs), remark)
        for _, row in part[part["estimand"] == "factor_correlation"].iterrows():
            theirs = phi[names.index(row["term"]), names.index(row["other"])]
            remark = (FACTORED if plain else PHI_UNSORTED) if known else NOT_ASKED
            yield _compared(row, "estimate", float(theirs), remark, row["other"])


def _factor_analyzer(
    package: Any, cor: Floats, ours: Floats, method: str, rotation: str | None
) -> tuple[Floats, Floats]:
    """Loadings and Phi of the peer, factors in our order and with our signs."""
    m = ours.shape[1]
    made = package.FactorAnalyzer(
        n_factors=m, method=method, rotation=rotation if m > 1 else None, is_corr_matrix=True
    )
    try:
        made.fit(cor)
    except TypeError as error:
        # scikit-learn 1.8 took away a keyword that factor_analyzer 0.5.1 passes.
        raise MissingEngineError(
            "factor_analyzer does not work with the scikit-learn that is installed. "
            "Install an older one with: pip install 'scikit-learn<1.8'"
        ) from error
    loadings, order, sign = matched(np.asarray(made.loadings_)[None], ours)
    phi = np.eye(m) if getattr(made, "phi_", None) is None else np.asarray(made.phi_)
    return loadings[0], phi[np.ix_(order[0], order[0])] * sign[0] * sign[0][:, None]


def _effects(result: Result, pingouin: Any) -> Iterator[Row]:
    """Standardised differences from means and spreads that are stored, and pooled effects."""
    frame = result.estimates
    means = frame[frame["estimand"] == "level_mean"]
    levels = {(row["term"], row["group"], row["level"]): row for _, row in means.iterrows()}
    for _, row in frame[frame["estimand"] == "mean_difference"].iterrows():
        sides = [levels[row["term"], row["group"], row[name]] for name in ("level", "other")]
        within = "within" in row["method"]
        rebuilt = _two_sides(row, sides, within)
        same = (
            (frame["term"] == row["term"])
            & (frame["group"] == row["group"])
            & (frame["level"] == row["level"])
        )
        for _, one in frame[same].iterrows():
            kind = {"cohen_d": "cohen", "hedges_g": "hedges", "cohen_dz": "cohen_dz"}.get(one["estimand"])
            if kind is None or one["method"].endswith("divisor n") or not np.isfinite(one["estimate"]):
                continue
            pair = f"{one['level']} - {one['other']}"
            if rebuilt is None:
                yield _compared(one, "estimate", np.nan, NO_PAIRS, pair)
                continue
            x, y = rebuilt
            value = float(pingouin.compute_effsize(x, y, paired=within, eftype=kind))
            yield _compared(one, "estimate", value, HEDGES if kind == "hedges" else SAME_SPREADS, pair)
            low, high = pingouin.compute_esci(
                stat=value,
                nx=x.size,
                ny=y.size,
                paired=within,
                confidence=float(one["conf_level"]),
                decimals=12,
            )
            remark = (PAIRED_LIMITS if kind == "cohen" else WITHIN_LIMITS) if within else NORMAL_LIMITS
            yield _compared(one, "conf_low", float(low), remark, pair)
            yield _compared(one, "conf_high", float(high), remark, pair)
    yield from _pooled(frame)


def _two_sides(row: pd.Series, sides: list[pd.Series], within: bool) -> tuple[Floats, Floats] | None:
    """Scores at two levels with the stored means and spreads, in pairs with the stored spread of differences."""
    sizes = [int(side["n"]) for side in sides]
    spreads = [float(side["std_error"]) * np.sqrt(side["n"]) for side in sides]
    if not np.isfinite(spreads).all():
        return None
    if not within:
        x, y = (
            side["estimate"] + spread * np.sqrt(n - 1) * waves(n, 1)[:, 0]
            for side, spread, n in zip(sides, spreads, sizes, strict=True)
        )
        return x, y
    if sizes != [int(row["n"])] * 2 or not np.isfinite(row["std_error"]):
        return None
    shared = (spreads[0] ** 2 + spreads[1] ** 2 - row["std_error"] ** 2 * row["n"]) / 2
    table = table_with_covariance(np.array([[spreads[0] ** 2, shared], [shared, spreads[1] ** 2]]), sizes[0])
    return None if table is None else (table[:, 0] + sides[0]["estimate"], table[:, 1] + sides[1]["estimate"])


def _pooled(frame: pd.DataFrame) -> Iterator[Row]:
    """Random-effects means of the groups' effects, and the test that all are equal."""
    over = frame[frame["estimand"].isin(list(PEER_OF)) & frame["conf_low"].notna()]
    if over.empty:
        return
    from statsmodels.stats.meta_analysis import combine_effects  # type: ignore[import-untyped]

    for _, row in over.iterrows():
        one = (
            (frame["term"] == row["term"])
            & (frame["level"] == row["level"])
            & frame["group"].str.contains(" = ")
        )
        estimand = "hedges_g" if "Hedges' g" in row["method"] else "cohen_d"
        effects = frame[one & (frame["estimand"] == estimand) & (frame["std_error"] > 0)]
        made = combine_effects(
            effects["estimate"].to_numpy(),
            effects["std_error"].to_numpy() ** 2,
            method_re="iterated",
            use_t=True,
            atol=1e-12,
        )
        pair = f"{row['level']} - {row['other']}"
        if row["estimand"] == "effect_sd":
            yield _compared(row, "estimate", float(np.sqrt(made.tau2)), OTHER_SPREAD, pair)
            yield _compared(row, "statistic", float(made.q), SAME_Q, pair)
            continue
        low, high = made.conf_int(alpha=1 - row["conf_level"], use_t=True)[3]
        for quantity, value in (("estimate", made.mean_effect_re), ("conf_low", low), ("conf_high", high)):
            yield _compared(row, quantity, float(value), OTHER_SPREAD, pair)


def _compared(row: pd.Series, quantity: str, theirs: float, remark: str, other: str = "") -> Row:
    """One number of ours beside theirs."""
    ours = float(row[quantity])
    name = f"{quantity}, {other}" if other else quantity
    return (row["estimand"], row["term"], row["group"], name, ours, theirs, theirs - ours, remark)
