"""Do the intervals of agreement cover? Simulations with known truth (slow).

Run as a script it prints the table of docs/validation/rater_agreement.md:

    python tests/estimates/precision/test_rater_coverage.py 1000

Names after the number keep to some measures; samples and seed do not depend on them.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Collection, Iterator

import numpy as np
import pytest
from scipy.special import ndtr, roots_hermitenorm

from psychomet.numerics import concordance, kappa, rater_line
from psychomet.numerics.cluster_sums import (
    Coefficient,
    Fit,
    Scale,
    bootstrap_limits,
    delta_interval,
    jackknife_error,
    leave_one_out,
    linear,
)
from psychomet.numerics.krippendorff import alpha_parts, krippendorff_alpha
from psychomet.numerics.proportion import clustered_share

SEED = 20261121
CONF_LEVEL = 0.95
N_BOOT = 400
BOOTED = {30: 1000, 100: 1000, 1000: 250}  # samples of a size that are resampled
RATERS = 3
SHIFT = 0.2  # a rater's mean lies this far above the one before
ITEMS_SHARE = 0.5  # share of the unit's variance that is the respondent's, with several items
CUTS = {
    "normal": None,
    "five": np.array([-1.2, -0.4, 0.4, 1.2]),
    "skewed": np.array([0.0, 0.7, 1.2, 1.8]),
}
# answers, correlation of two raters, items of a respondent
POPULATIONS = [("normal", 0.7, 1), ("five", 0.7, 1), ("five", 0.95, 1), ("skewed", 0.6, 1), ("five", 0.6, 4)]
SIZES = (30, 100, 1000)

# 500 samples: Monte Carlo error .010, of the resampled ones with n = 1,000 .014. The floors are the lowest
# coverage in docs/validation/rater_agreement.md less three such errors.
REPLICATIONS = 500
FLOOR = {30: 0.90, 100: 0.90, 1000: 0.88}
CEILING = 0.985


def truth(kind: str, rho: float) -> dict[str, float]:
    """The coefficients of the population, from the joint distribution of pairs of raters."""
    means = SHIFT * np.arange(RATERS)
    if kind == "normal":
        pairs = [2 * rho / (2 + (means[r] - means[s]) ** 2) for r, s in _pairs()]
        # Disagreement within over that of all ratings: squares of differences.
        seen = np.mean([2 - 2 * rho + (means[r] - means[s]) ** 2 for r, s in _pairs()])
        every = 2 + 2 * means.var()
        return {"concordance": pairs[0], "krippendorff interval": 1 - seen / every}
    given = _given(CUTS[kind], means, rho)
    weight = roots_hermitenorm(150)[1]
    weight = weight / weight.sum()
    joint = {(r, s): (given[r] * weight) @ given[s].T for r, s in _pairs()}
    share = np.mean([g @ weight for g in given], axis=0)
    table = joint[0, 1]
    first, second = table.sum(axis=1), table.sum(axis=0)
    code = np.arange(share.size, dtype=float)
    apart = np.subtract.outer(code, code) ** 2
    agree = np.mean([np.trace(one) for one in joint.values()])
    chance = (share * (1 - share)).sum() / (share.size - 1)
    seen = sum(one + one.T for one in joint.values()) / (2 * len(joint))
    rank = np.cumsum(share) - share / 2
    weight_total = (1 - apart / apart.max()).sum()
    near = np.mean([(one * (1 - apart / apart.max())).sum() for one in joint.values()])
    near_chance = weight_total * (share * (1 - share)).sum() / (share.size * (share.size - 1))
    cohens = [(np.trace(one) - one.sum(axis=1) @ one.sum(axis=0)) / (1 - one.sum(axis=1) @ one.sum(axis=0))
              for one in joint.values()]  # fmt: skip
    found = {
        "cohen": cohens[0],
        "light": np.mean(cohens),
        "fleiss": (agree - share @ share) / (1 - share @ share),
        "gwet ac2": (near - near_chance) / (1 - near_chance),
        "percent": agree,
        "weighted": 1 - (table * apart).sum() / (first @ apart @ second),
        "gwet ac1": (agree - chance) / (1 - chance),
    }
    found["concordance"] = found["weighted"]  # the two are one with quadratic weights
    for level, distance in (("nominal", 1 - np.eye(share.size)), ("ordinal", np.subtract.outer(rank, rank) ** 2),
                            ("interval", apart)):  # fmt: skip
        found[f"krippendorff {level}"] = 1 - (seen * distance).sum() / (share @ distance @ share)
    return {name: float(value) for name, value in found.items()}


def _pairs() -> list[tuple[int, int]]:
    return [(r, s) for r in range(RATERS) for s in range(r + 1, RATERS)]


def _given(cuts: np.ndarray, means: np.ndarray, rho: float) -> list[np.ndarray]:
    """Share of each code given the unit, (codes, nodes) for each rater."""
    node = roots_hermitenorm(150)[0]
    found = []
    for mean in means:
        below = ndtr((cuts[:, None] - mean - np.sqrt(rho) * node) / np.sqrt(1 - rho))
        below = np.vstack([np.zeros_like(node), below, np.ones_like(node)])
        found.append(np.diff(below, axis=0))
    return found


def draw(rng: np.random.Generator, kind: str, n: int, rho: float, items: int) -> np.ndarray:
    """Ratings of n respondents with some items each, (n * items, RATERS)."""
    unit = rng.standard_normal((n, items))
    if items > 1:
        unit = np.sqrt(ITEMS_SHARE) * rng.standard_normal((n, 1)) + np.sqrt(1 - ITEMS_SHARE) * unit
    rating = np.sqrt(rho) * unit[:, :, None] + np.sqrt(1 - rho) * rng.standard_normal((n, items, RATERS))
    rating = (rating + SHIFT * np.arange(RATERS)).reshape(-1, RATERS)
    cuts = CUTS[kind]
    return rating if cuts is None else np.searchsorted(cuts, rating).astype(float)


def parts(values: np.ndarray, cluster: np.ndarray, n: int) -> Iterator[tuple[str, np.ndarray, Coefficient]]:
    """Name, sums by respondent and coefficient of each measure that fits the answers."""
    moments = concordance.moment_sums(values[:, 0], values[:, 1], cluster=cluster, n_clusters=n)
    yield "concordance", moments, concordance.concordance
    grades, codes = kappa.coded(values)
    levels = ["interval"] if grades.size > 10 else ["nominal", "ordinal", "interval"]
    for level in levels:
        made = alpha_parts(values, level=level, cluster=cluster, n_clusters=n)  # type: ignore[arg-type]
        assert made is not None
        yield f"krippendorff {level}", made.sums, made.coefficient
    if grades.size > 10:
        return
    for name, weights in (("cohen", "unweighted"), ("weighted", "quadratic")):
        weight = kappa.agreement_weights(grades, weights)  # type: ignore[arg-type]
        sums = kappa.pair_sums(codes[:, 0], codes[:, 1], cluster=cluster, n_clusters=n, weights=weight)
        yield name, sums, kappa.kappa(weight)
    plain = np.eye(grades.size)
    counts = kappa.category_counts(values).counts
    pooled = kappa.pooled_sums(counts, cluster=cluster, n_clusters=n, weights=plain)
    yield "gwet ac1", pooled, kappa.gwet(plain)
    yield "fleiss", pooled, kappa.fleiss(plain)
    near = kappa.agreement_weights(grades, "quadratic")
    weighted = kappa.pooled_sums(counts, cluster=cluster, n_clusters=n, weights=near)
    yield "gwet ac2", weighted, kappa.gwet(near)
    pairs = [kappa.pair_sums(codes[:, r], codes[:, s], cluster=cluster, n_clusters=n, weights=plain)
             for r, s in _pairs()]  # fmt: skip
    yield "light", np.hstack(pairs), mean_kappa(plain)


def mean_kappa(weight: np.ndarray) -> Coefficient:
    """Light's kappa of the sums of all pairs side by side."""
    one = kappa.kappa(weight)

    def coefficient(sums: np.ndarray) -> Fit:
        fits = [one(part) for part in np.hsplit(sums, len(_pairs()))]
        return Fit(np.mean([f.value for f in fits], axis=0), np.hstack([f.slope for f in fits]) / len(fits))

    return coefficient


def share_limits(values: np.ndarray, cluster: np.ndarray, n: int) -> tuple[float, float]:
    """Wilson's limits of percent agreement, the pairs of ratings of a respondent together."""
    alike = np.mean([values[:, r] == values[:, s] for r, s in _pairs()], axis=0)
    found = clustered_share(
        len(_pairs()) * np.bincount(cluster, alike, minlength=n),
        len(_pairs()) * np.bincount(cluster, minlength=n).astype(float),
        CONF_LEVEL,
    )
    return found.conf_low, found.conf_high


def campaign(
    kind: str, rho: float, items: int, n: int, replications: int, only: Collection[str] = ()
) -> dict[tuple[str, str], np.ndarray]:
    """Per measure and interval: shares of samples in which it lies above and below the truth, mean width.

    ``only`` keeps to some measures; the samples are the same.
    """
    known = truth(kind, rho)
    rng = np.random.default_rng(SEED)
    cluster = np.repeat(np.arange(n), items)
    seen = defaultdict(list)
    for number in range(replications):
        values = draw(rng, kind, n, rho, items)
        if kind != "normal" and (not only or "percent" in only):
            low, high = share_limits(values, cluster, n)
            seen["percent", "wilson"].append((low > known["percent"], high < known["percent"], high - low))
        for name, sums, coefficient in parts(values, cluster, n):
            if only and name not in only:
                continue
            found = linear(sums, coefficient, ddof=0 if name in ("cohen", "weighted") else 1)
            scale: Scale = "atanh" if name == "concordance" else "log_one_minus"
            error = jackknife_error(leave_one_out(sums, coefficient))
            limits = {
                "delta": delta_interval(found.estimate, found.std_error, df=np.inf, conf_level=CONF_LEVEL),
                "jackknife": delta_interval(
                    found.estimate, error, df=n - 1, conf_level=CONF_LEVEL, scale=scale
                ),
            }
            if name.startswith("krippendorff") and number < BOOTED[n]:
                boot = bootstrap_limits(sums, coefficient, found, n_boot=N_BOOT, seed=number, conf_level=CONF_LEVEL)  # fmt: skip
                limits["bootstrap"] = (boot.low, boot.high)
            for method, (low, high) in limits.items():
                seen[name, method].append((low > known[name], high < known[name], high - low))
    return {key: np.mean(rows, axis=0) for key, rows in seen.items()}


def numeric_truth(kind: str, rho: float) -> dict[str, float]:
    """Differences of the first two raters, the first rater's severity; for normal ratings also rank and rest."""
    found = {"mean difference": -SHIFT, "severity": -SHIFT}
    spread = np.sqrt(2 - 2 * rho)
    if kind == "normal":
        spearman = 6 / np.pi * np.arcsin(rho / 2)
        found["kendall w"] = (1 + (RATERS - 1) * spearman) / RATERS
        found["discrimination"] = rho / np.sqrt((1 + rho) / 2)
        found |= {"slope": 1.0, "residual sd": np.sqrt(1 - rho)}
    else:
        given = _given(CUTS[kind], SHIFT * np.arange(RATERS), rho)
        weight = roots_hermitenorm(150)[1]
        weight = weight / weight.sum()
        code = np.arange(len(CUTS[kind]) + 1.0)
        mean = np.array([code @ (one @ weight) for one in given])
        joint = (given[0] * weight) @ given[1].T
        square = (joint * np.subtract.outer(code, code) ** 2).sum()
        found = {"mean difference": mean[0] - mean[1], "severity": mean[0] - mean.mean()}
        spread = np.sqrt(square - found["mean difference"] ** 2)
        true = np.array([code @ one for one in given]) - mean[:, None]
        shared = (true * weight) @ true.T
        beside, among = (shared[0, 1] + shared[0, 2]) / 2, shared[1, 2]
        own = code**2 @ (given[0] @ weight) - mean[0] ** 2
        found |= {"slope": beside / among, "residual sd": np.sqrt(own - beside**2 / among)}
    found["upper limit"] = found["mean difference"] + concordance.LIMIT * spread
    return {name: float(value) for name, value in found.items()}


def numeric_campaign(
    kind: str, rho: float, items: int, n: int, replications: int, only: Collection[str] = ()
) -> dict[str, np.ndarray]:
    """The same for the measures that take answers as numbers, each with the interval that is printed."""
    known = numeric_truth(kind, rho)
    rng = np.random.default_rng(SEED)
    cluster = np.repeat(np.arange(n), items)
    seen = defaultdict(list)
    for _ in range(replications):
        values = draw(rng, kind, n, rho, items)
        difference = values[:, 0] - values[:, 1]
        deviation = concordance.deviations(values)[:, 0]
        limits = {}
        for name, one in (("mean difference", difference), ("severity", deviation)):
            found = linear(
                np.stack([np.bincount(cluster), np.bincount(cluster, one)], axis=1), concordance.mean
            )
            limits[name] = delta_interval(found.estimate, found.std_error, df=n - 1, conf_level=CONF_LEVEL)
        upper = concordance.limits_of_agreement(
            difference, cluster=cluster, n_clusters=n, conf_level=CONF_LEVEL
        )[1]
        limits["upper limit"] = (upper.low, upper.high)
        if kind == "normal":
            ranks = concordance.kendall_w(values, cluster=cluster, n_clusters=n)
            limits["kendall w"] = delta_interval(
                ranks.estimate, ranks.std_error, df=n - 1, conf_level=CONF_LEVEL, scale="logit"
            )
            rest = concordance.rest_means(values)[:, 0]
            sums = concordance.moment_sums(values[:, 0], rest, cluster=cluster, n_clusters=n)
            error = jackknife_error(leave_one_out(sums, concordance.correlation))
            limits["discrimination"] = delta_interval(
                linear(sums, concordance.correlation).estimate, error, df=n - 1, conf_level=CONF_LEVEL, scale="atanh"
            )  # fmt: skip
        sums = rater_line.line_sums(values, 0, cluster=cluster, n_clusters=n)
        slope, scatter = (linear(sums, one) for one in (rater_line.rater_slope, rater_line.log_residual_sd))
        for name, found, one in (("slope", slope, rater_line.rater_slope),
                                 ("residual sd", scatter, rater_line.log_residual_sd)):  # fmt: skip
            error = jackknife_error(leave_one_out(sums, one))
            limits[name] = delta_interval(found.estimate, error, df=n - 1, conf_level=CONF_LEVEL)
        limits["residual sd"] = tuple(np.exp(limits["residual sd"]))
        for name, (low, high) in limits.items():
            if np.isnan(low) or (only and name not in only):
                continue  # a variance about the line that is not positive has no interval
            seen[name].append((low > known[name], high < known[name], high - low))
    return {name: np.mean(rows, axis=0) for name, rows in seen.items()}


NUMERIC = [("normal", 0.7, 1), ("normal", 0.7, 4), ("five", 0.7, 1), ("five", 0.7, 4)]


@pytest.mark.slow
@pytest.mark.parametrize("n", [30, 100])
@pytest.mark.parametrize(("kind", "rho", "items"), NUMERIC)
def test_intervals_of_numbers_cover(kind: str, rho: float, items: int, n: int) -> None:
    for name, (above, below, _) in numeric_campaign(kind, rho, items, n, REPLICATIONS).items():
        assert FLOOR[n] <= 1 - above - below <= CEILING, (name, above, below)


@pytest.mark.slow
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("kind", "rho", "items"), POPULATIONS)
def test_intervals_of_agreement_cover(kind: str, rho: float, items: int, n: int) -> None:
    replications = REPLICATIONS if n < 1000 else REPLICATIONS // 2
    for (name, method), (above, below, _) in campaign(kind, rho, items, n, replications).items():
        if method != "delta":
            assert FLOOR[n] <= 1 - above - below <= CEILING, (name, method, above, below)


@pytest.mark.slow
def test_units_taken_as_independent_would_cover_too_rarely() -> None:
    """The units of a respondent go together: without that the interval of concordance is too narrow."""
    known, rng, hits = truth("five", 0.6)["gwet ac1"], np.random.default_rng(SEED), []
    for _ in range(REPLICATIONS):
        rating = draw(rng, "five", 40, 0.6, 1)
        values = np.repeat(rating, 6, axis=0)  # six items answered as one
        plain = np.eye(5)
        counts = kappa.category_counts(values).counts
        if counts.shape[1] < 5:
            continue
        pair = []
        for cluster in (np.repeat(np.arange(40), 6), np.arange(240)):
            n = int(cluster.max()) + 1
            sums = kappa.pooled_sums(counts, cluster=cluster, n_clusters=n, weights=plain)
            found = linear(sums, kappa.gwet(plain))
            low, high = delta_interval(found.estimate, found.std_error, df=n - 1, conf_level=CONF_LEVEL)
            pair.append(low <= known <= high)
        hits.append(pair)
    together, apart = np.mean(hits, axis=0)
    assert together > 0.9 > 0.7 > apart


@pytest.mark.parametrize(("kind", "rho"), [("normal", 0.7), ("five", 0.7), ("skewed", 0.6)])
def test_the_truth_is_that_of_a_large_sample(kind: str, rho: float) -> None:
    """200,000 units: the standard error of every coefficient is below .003."""
    n = 200_000
    values = draw(np.random.default_rng(SEED), kind, n, rho, 1)
    known = truth(kind, rho)
    for name, sums, coefficient in parts(values, np.arange(n) // 100, n // 100):
        assert linear(sums, coefficient).estimate == pytest.approx(known[name], abs=0.01), name
    assert krippendorff_alpha(values, level="interval") == pytest.approx(
        known["krippendorff interval"], abs=0.01
    )


def main(replications: int, only: Collection[str] = ()) -> None:
    """Print the Markdown tables."""
    lines = ["| answers | r | items | n | coefficient | truth | delta | jackknife | bootstrap | jackknife: too high | too low | width |",
             "|---|---|---|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for kind, rho, items in POPULATIONS:
        known = truth(kind, rho)
        for n in SIZES:
            found = campaign(kind, rho, items, n, replications, only)
            for name in dict.fromkeys(name for name, _ in found):
                cover = {m: 1 - v[:2].sum() for (which, m), v in found.items() if which == name}
                read = "jackknife" if "jackknife" in cover else "wilson"
                above, below, width = found[name, read]
                delta, boot = (f"{cover[m]:.3f}" if m in cover else "" for m in ("delta", "bootstrap"))
                lines.append(
                    f"| {kind} | {rho} | {items} | {n} | {name} | {known[name]:.3f} | {delta} "
                    f"| {cover[read]:.3f} | {boot} | {above:.3f} | {below:.3f} | {width:.3f} |"
                )
    lines += ["", "| answers | r | items | n | measure | truth | coverage | too high | too low | width |",
              "|---|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for kind, rho, items in NUMERIC:
        known = numeric_truth(kind, rho)
        for n in SIZES:
            for name, (above, below, width) in numeric_campaign(
                kind, rho, items, n, replications, only
            ).items():
                lines.append(
                    f"| {kind} | {rho} | {items} | {n} | {name} | {known[name]:.3f} | {1 - above - below:.3f} "
                    f"| {above:.3f} | {below:.3f} | {width:.3f} |"
                )
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else REPLICATIONS, sys.argv[2:])
