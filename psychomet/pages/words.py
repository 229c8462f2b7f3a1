"""Words for numbers: cited cut-points, kept apart from every estimator and swappable.

A cut-point is a convention of readers, not a property of a number. The words are therefore taken from
the *interval*: an alpha of .79 [.71, .85] is "acceptable to good", never plainly "acceptable".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Scheme:
    """Cut-points of one quantity and the words between them.

    Parameters
    ----------
    quantity : str
        What is judged, in words.
    edges : tuple of float
        Ascending cut-points; a value equal to an edge belongs to the band above it.
    words : tuple of str
        One more than ``edges``, from the lowest band to the highest.
    source : str
        Who proposed them.
    doi : str
        DOI without the resolver, or empty.

    Raises
    ------
    ValueError
        If the edges do not ascend or the number of words does not fit.
    """

    quantity: str
    edges: tuple[float, ...]
    words: tuple[str, ...]
    source: str
    doi: str = ""

    def __post_init__(self) -> None:
        if list(self.edges) != sorted(set(self.edges)) or len(self.words) != len(self.edges) + 1:
            raise ValueError(f"scheme for {self.quantity}: edges must ascend, with one more word than edges")


ALPHA = Scheme(
    "Cronbach's alpha",
    (0.5, 0.6, 0.7, 0.8, 0.9),
    ("unacceptable", "poor", "questionable", "acceptable", "good", "excellent"),
    "George and Mallery (2003), SPSS for Windows step by step (4th ed.); used for language models by "
    "Serapio-García et al. (2023). Nunnally (1978), Psychometric theory (2nd ed.), asks for .70 in "
    "early research and .90 where single respondents are judged.",
    "10.48550/arXiv.2307.00184",
)
ICC = Scheme(
    "intraclass correlation",
    (0.5, 0.75, 0.9),
    ("poor", "moderate", "good", "excellent"),
    "Koo and Li (2016), A guideline of selecting and reporting intraclass correlation coefficients, "
    "Journal of Chiropractic Medicine 15, 155-163.",
    "10.1016/j.jcm.2016.02.012",
)
CORRELATION = Scheme(
    "size of a correlation",
    (0.1, 0.3, 0.5),
    ("negligible", "small", "medium", "large"),
    "Cohen (1988), Statistical power analysis for the behavioral sciences (2nd ed.), chapter 3.",
    "10.4324/9780203771587",
)
SHARE = Scheme(
    "share of variance",
    (0.01, 0.06, 0.14),
    ("negligible", "small", "medium", "large"),
    "Cohen (1988), Statistical power analysis for the behavioral sciences (2nd ed.), chapter 8 "
    "(f = .10, .25, .40 stated as a share of variance).",
    "10.4324/9780203771587",
)

CFI = Scheme(
    "comparative fit index",
    (0.9, 0.95),
    ("poor", "acceptable", "good"),
    "Hu and Bentler (1999), Cutoff criteria for fit indexes in covariance structure analysis, Structural Equation "
    "Modeling 6, 1-55 (.95); Bentler and Bonett (1980), Psychological Bulletin 88, 588-606 (.90).",
    "10.1080/10705519909540118",
)
RMSEA = Scheme(
    "root mean square error of approximation",
    (0.05, 0.08, 0.1),
    ("close", "fair", "mediocre", "poor"),
    "Browne and Cudeck (1993), Alternative ways of assessing model fit, in Bollen and Long (eds.), Testing structural "
    "equation models; MacCallum, Browne and Sugawara (1996), Psychological Methods 1, 130-149.",
    "10.1037/1082-989X.1.2.130",
)
SRMR = Scheme(
    "standardised root mean square residual",
    (0.08,),
    ("acceptable", "poor"),
    "Hu and Bentler (1999), Cutoff criteria for fit indexes in covariance structure analysis, Structural Equation "
    "Modeling 6, 1-55.",
    "10.1080/10705519909540118",
)


@dataclass(frozen=True, slots=True)
class Rules:
    """The cut-points that a page uses; pass another value to judge by other conventions."""

    alpha: Scheme = field(default=ALPHA)
    icc: Scheme = field(default=ICC)
    correlation: Scheme = field(default=CORRELATION)
    share: Scheme = field(default=SHARE)

    @property
    def schemes(self) -> tuple[Scheme, ...]:
        """All four, in the order of the page."""
        return (self.alpha, self.icc, self.share, self.correlation)


RULES = Rules()


def band(scheme: Scheme, value: float) -> int:
    """Return the number of the band, from 0, in which a value lies."""
    return sum(value >= edge for edge in scheme.edges)


def span(scheme: Scheme, low: float, high: float, estimate: float = math.nan) -> str:
    """Return the words of an interval: one word, "a to b", or the empty string.

    Parameters
    ----------
    scheme : Scheme
        The cut-points.
    low, high : float
        Limits of the interval; where one is not finite the estimate alone is worded.
    estimate : float
        Point estimate, used when there is no interval.

    Returns
    -------
    str
        For example ``"good"``, ``"questionable to good"``, ``"good (no interval)"``.
    """
    if math.isfinite(low) and math.isfinite(high):
        first, last = scheme.words[band(scheme, low)], scheme.words[band(scheme, high)]
        return first if first == last else f"{first} to {last}"
    if math.isfinite(estimate):
        return f"{scheme.words[band(scheme, estimate)]} (no interval)"
    return ""


def correlation_words(scheme: Scheme, low: float, high: float, estimate: float = math.nan) -> str:
    """Return the words of a correlation: direction and size, or that zero is not excluded."""
    if not (math.isfinite(low) and math.isfinite(high)):
        size = span(scheme, math.nan, math.nan, abs(estimate))
        return f"{'negative' if estimate < 0 else 'positive'}, {size}" if size else ""
    if low <= 0 <= high:
        largest = scheme.words[band(scheme, max(-low, high))]
        return f"zero not excluded; at most {largest}"
    ends = sorted((abs(low), abs(high)))
    return f"{'negative' if high < 0 else 'positive'}, {span(scheme, *ends)}"


INTERVALS: Mapping[str, str] = MappingProxyType(
    {
        "feldt": "Feldt",
        "bootstrap": "bootstrap",
        "fisher_z": "Fisher z",
        "wilson": "Wilson",
        "t": "t",
        "f": "F",
        "noncentral_f": "noncentral F",
        "delta": "delta method",
        "adf": "distribution-free",
        "adf_delta": "distribution-free",
        "bonett": "Bonett",
        "bca": "BCa bootstrap",
        "bootstrap_bca": "BCa bootstrap",
        "bootstrap_percentile": "percentile bootstrap",
        "percentile": "percentile bootstrap",
        "studentized": "studentized bootstrap",
        "jackknife": "jackknife",
        "normal": "normal",
        "chi_squared": "chi-squared",
        "satterthwaite": "Satterthwaite",
        "modified_large_sample": "modified large-sample",
        "mls": "modified large-sample",
        "mover": "variance recovery",
        "reml": "REML, delta method",
        "none": "none",
    }
)
"""First word of ``method``, and the name of that interval on the page."""

ESTIMANDS: Mapping[str, str] = MappingProxyType(
    {
        "respondents": "number of respondents: the units that are resampled",
        "items": "number of items asked",
        "answers": "number of answers in the table",
        "administrations": "number of times a respondent was asked under one combination of conditions",
        "cells": "number of different conditions (combinations of facet levels) in which items were asked",
        "status_share": "share of the answers asked for that ended in this way",
        "levels": "number of levels of a facet",
        "mean_score": "mean over respondents of the respondent's mean score on the scale",
        "sd_score": "standard deviation over respondents of that score",
        "alpha": "Cronbach's alpha: share of the variance of the scale's sum that items have in common, "
        "if every item measures the same thing equally well; otherwise, with uncorrelated errors, a lower bound",
        "alpha_standardized": "alpha computed from correlations: as if every item had the same spread",
        "alpha_ordinal": "alpha computed from polychoric correlations: that of the continuous answers which ordered "
        "categories are thought to cut; not the reliability of the score that was observed",
        "lambda1": "Guttman's lambda 1: a lower bound of the reliability, below alpha",
        "lambda2": "Guttman's lambda 2: a lower bound of the reliability, never below alpha",
        "lambda3": "Guttman's lambda 3: the same as alpha",
        "lambda4": "Guttman's lambda 4: the highest reliability of any split of the items into halves",
        "lambda5": "Guttman's lambda 5: a lower bound that leans on the item with the largest covariances",
        "lambda6": "Guttman's lambda 6: a lower bound from how well the other items predict each item",
        "split_half_max": "highest reliability of a split into halves, stepped up to the whole scale; picking the best "
        "of many splits flatters it",
        "split_half_min": "lowest reliability of a split into halves (beta): low where the items form separate clusters",
        "split_half_mean": "mean reliability over the splits into halves, stepped up to the whole scale",
        "glb": "greatest lower bound of the reliability; too high in small samples",
        "sem": "standard error of measurement: how far a score typically lies from the respondent's true score, in "
        "units of the score",
        "equal_alphas": "test that alpha is the same in all groups",
        "reliability_of_difference": "reliability of the difference of two scales: low where they correlate",
        "test_retest": "correlation of the scores of two administrations",
        "omega_total": "share of the variance of the scale's sum that comes from all common factors of its items",
        "omega_hierarchical": "share of the variance of the scale's sum that comes from the one factor shared by all items",
        "omega_group": "share of the sum of the items of one cluster that comes from the factor of this cluster alone",
        "omega_categorical": "omega of ordered answers: reliability of the observed sum, from a model of the categories",
        "maximal_reliability": "reliability of the best weighted sum of the items; that of the plain sum is not higher",
        "item_mean": "mean keyed response to the item",
        "item_sd": "standard deviation of the keyed response to the item",
        "item_rest_r": "correlation of the item with the sum of the other items of its scale; "
        "negative means that it pulls the other way",
        "alpha_if_dropped": "alpha of the scale without this item",
        "ICC(1,1)": "agreement of single administrations, each respondent seen under different conditions",
        "ICC(2,1)": "absolute agreement of single administrations; the conditions are a random sample",
        "ICC(3,1)": "consistency of single administrations; level differences between conditions are ignored",
        "ICC(1,k)": "as ICC(1,1), for the mean of all administrations",
        "ICC(2,k)": "as ICC(2,1), for the mean of all administrations",
        "ICC(3,k)": "as ICC(3,1), for the mean of all administrations",
        "level_mean": "mean score under one level of a facet",
        "level_contrast": "mean score at the level minus the mean at the other levels of the facet",
        "facet_share": "share of the variance of scores that goes with the levels of the facet: omega squared, "
        "generalised where the same respondents met every level",
        "percent_agreement": "share of the pairs of ratings that are equal; chance alone makes some of it",
        "cohen_kappa": "agreement of two raters beyond what their own frequencies would give by chance, as a share of "
        "what is possible",
        "weighted_kappa": "as Cohen's kappa, with near misses counted in part",
        "fleiss_kappa": "agreement of several raters beyond chance, chance being the pooled frequencies",
        "light_kappa": "mean of Cohen's kappa over all pairs of raters",
        "krippendorff_alpha": "agreement of any number of raters beyond chance, with gaps, for the named level of "
        "measurement: 1 full agreement, 0 chance",
        "gwet_ac1": "agreement beyond chance that does not collapse when nearly all ratings are one category",
        "gwet_ac2": "as AC1, with near misses counted in part",
        "kendall_w": "how far the raters put the respondents in one order: 0 not at all, 1 fully; levels do not count",
        "concordance_correlation": "correlation lowered by differences in level and spread: 1 only where ratings are equal",
        "limit_of_agreement_low": "lower limit of the range that should hold 95 of 100 differences of two raters",
        "limit_of_agreement_high": "upper limit of the range that should hold 95 of 100 differences of two raters",
        "rater_severity": "how far a rater lies above (lenient) or below (severe) the mean of the raters, in units of "
        "the score",
        "rater_discrimination": "how strongly the rater's scores follow the mean of the other raters",
        "rater_slope": "by how much the rater's scores rise when what the other raters see rises by one: 1 is their scale",
        "rater_residual_sd": "spread of the rater's scores that what the other raters see does not explain",
        "variance_component": "variance of a single observation that comes from this source",
        "variance_share": "the same as a share of the variance of a single observation",
        "universe_score_variance": "variance of respondents' mean scores over all admissible conditions",
        "g_coefficient": "generalizability: how well this design puts respondents in order; 1 without relative error",
        "phi_coefficient": "dependability: how well this design finds each respondent's level; 1 without absolute error",
        "error_relative": "error variance of comparisons between respondents under this design",
        "error_absolute": "error variance of a score taken at its face value under this design",
        "universe_correlation": "correlation of the universe scores of two scales: what would be seen without error",
        "calls": "cost of this design for one respondent: answers asked for, times the cost of one, and its share of what "
        "items, prompts and the like cost once",
        "probability_of_target": "how sure the table makes one that this design reaches the target",
        "polychoric_r": "correlation of the continuous leanings that ordered answers stand for",
        "tetrachoric_r": "the same for answers of two kinds",
        "polyserial_r": "correlation of a number with the leaning behind ordered answers",
        "biserial_r": "the same for answers of two kinds",
        "n_factors": "number of factors by one rule; rules differ in what they count as a factor",
        "kmo": "sampling adequacy (Kaiser): how far correlations go through what many items share; above .8 is good",
        "bartlett_sphericity": "test that no items correlate at all; says only that there is something to analyse",
        "communality": "share of an item's variance that the factors carry",
        "uniqueness": "share of an item's variance that no factor carries",
        "complexity": "on how many factors an item loads (Hofmann)",
        "variance_accounted": "share of the variance of all items that a factor carries",
        "score_determinacy": "correlation of the best possible score with its factor",
        "rmsr": "root mean square of the correlations that are left",
        "congruence": "Tucker's phi: how alike two sets of loadings are; 1 is the same pattern",
        "congruence_corrected": "the same without what sampling error takes from it",
        "congruence_by_chance": "mean phi when the items are in random order: what rotation alone makes of nothing in common",
        "median_absolute_deviation": "median distance of the scores from their median",
        "mean_difference": "mean of one group or rater minus the mean of the other",
        "loading": "how much the answer to the item rises when the factor rises by one and the other factors stand still",
        "factor_correlation": "correlation of two factors",
        "rmsea": "root mean square error of approximation: misfit per degree of freedom, sample size taken out; 0 is none",
        "tli": "Tucker-Lewis index: as the comparative fit index, with a price for parameters",
        "bic": "Bayesian information criterion: misfit plus a price for parameters that grows with n; lower is better, for the same answers only",
        "chi_squared": "test statistic of a model: how far it is from the answers, in units of chance",
        "loading_standardized": "standardised loading: how much, in standard deviations, the answer to the item rises when the "
        "factor rises by one standard deviation",
        "factor_covariance": "covariance of two factors, in the units that the model gives them",
        "factor_variance": "variance of a factor, in the unit that the model gives it",
        "factor_mean": "mean of a factor, in the unit that the model gives it",
        "residual_variance": "variance of an item (or factor) that its factors do not explain",
        "residual_covariance": "what two items share beside their factors",
        "residual_correlation": "correlation of what the factors leave unexplained in two items",
        "r_squared": "share of the variance of an item that its factors explain",
        "path": "how much one factor rises when another rises by one unit",
        "path_standardized": "the same in standard deviations",
        "intercept": "answer expected where the factors are 0",
        "threshold": "place on the normal variable behind an item where one category passes into the next",
        "defined_parameter": "a quantity that the model text defines from its parameters",
        "cfi": "comparative fit index: how far the model goes from no correlations at all (0) to a full account of them (1)",
        "srmr": "standardised root mean square residual: by how much the model misses the correlations on average",
        "scaling_factor": "what a chi-squared is divided by because answers are not normal",
        "aic": "Akaike's criterion: misfit plus a price for parameters; lower is better, for the same answers only",
        "bic_adjusted": "BIC with a lower price for parameters",
        "log_likelihood": "logarithm of the likelihood of the answers under the model",
        "ave": "average variance extracted: share of the variance of a factor's items that it explains",
        "composite_reliability": "reliability of the sum of a factor's items, if the model is right (McDonald's omega)",
        "htmt": "heterotrait-monotrait ratio: correlation of items across two scales against that within them; near 1 the "
        "scales measure one thing",
        "modification_index": "by how much chi-squared would fall if this parameter were freed",
        "expected_change": "the value it would take, standardised",
        "pearson_r": "linear correlation over respondents",
        "spearman_rho": "rank correlation over respondents",
    }
)
"""What each estimand is, in one line for a reader without training in psychometrics."""

STATUSES: Mapping[str, str] = MappingProxyType(
    {
        "answered": "answered",
        "refused": "refused",
        "unparsed": "could not be read as an option",
        "truncated": "cut off",
        "not_administered": "not asked",
    }
)
