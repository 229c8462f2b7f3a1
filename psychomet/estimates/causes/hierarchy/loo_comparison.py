r"""Which of several models of the same answers predicts better, and is the difference more than noise?

The expected log predictive density of a model is a sum over respondents, each predicted by draws that did not see what is
predicted. Models of the same answers are compared by the differences of these terms, respondent by respondent:

.. math:: \Delta = \sum_i (e_{Ai} - e_{Bi}), \qquad s = \sqrt{n \operatorname{var}_i(e_{Ai} - e_{Bi})}

Misleads below a difference of about 4, with fewer than some hundred respondents, or where both models are wrong in the same
way: there the normal law of the difference is too narrow (Sivula and others 2025). And a model that predicts better need not
measure better.

Joint models are compared by all they predict of a respondent that was not asked, its own dimensions integrated out (Merkle,
Furr and Rabe-Hesketh 2019). They can differ in predictors, families, profiles, styles, growth, random effects, links and
priors; not in what is predicted: scales, outcomes, refusals.

References
----------
Vehtari, A., Gelman, A. and Gabry, J. (2017). Practical Bayesian model evaluation using leave-one-out cross-validation and
WAIC. Statistics and Computing, 27, 1413-1432. https://doi.org/10.1007/s11222-016-9696-4

Merkle, E. C., Furr, D. and Rabe-Hesketh, S. (2019). Bayesian comparison of latent variable models: conditional versus marginal
likelihoods. Psychometrika, 84(3), 802-829. https://doi.org/10.1007/s11336-019-09679-0

Sivula, T., Magnusson, M., Matamoros, A. A. and Vehtari, A. (2025). Uncertainty in Bayesian leave-one-out cross-validation
based model comparison. Bayesian Analysis. https://doi.org/10.1214/25-BA1569
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from psychomet.errors import Fault, InputError
from psychomet.notes import Note
from psychomet.result.result import Result, make_result
from psychomet.text import visible

Floats = NDArray[np.float64]

SMALL = 4.0
"""Differences of this size are not told apart from none by their standard error (Sivula and others 2025)."""
FEW = 100


class _Terms(NamedTuple):
    """The terms of one model by respondent, what was left out, and of a joint model what was predicted, by block."""

    elpd: Floats
    respondents: tuple[str, ...]
    left_out: str
    fingerprint: str
    predicted: dict[str, tuple[str, ...]]


def loo_comparison(
    results: Mapping[str, Result], *, scale: str, group: str = "", conf_level: float = 0.95
) -> Result:
    """Compare models of the same answers by what they predict when it is left out.

    Parameters
    ----------
    results : mapping of str to Result
        Results of :func:`hierarchy` of one table by a name: other priors, other facets, other structure.
    scale : str
        Name of the scale; "joint" for joint models.
    group : str
        "facet = level" with ``by``; empty for the whole table.
    conf_level : float
        Nominal coverage of the normal intervals of the differences.

    Returns
    -------
    Result
        Rows ``elpd_difference`` of every model (``level``) against the one that predicts best (``other``), 0 or below, with
        standard error and interval; ``statistic`` is the ratio of the two. A note where a difference is too small, or
        respondents are too few, for the interval to be relied upon.

    Raises
    ------
    InputError
        If there are fewer than two results, one has no such posterior or did not converge, or they are of other
        answers, predict other things (joint models of other outcomes), or leave other things out (respondents as against
        single answers): such sums cannot be compared.
    """
    faults: list[Fault] = []
    if not 0 < conf_level < 1:
        faults.append(Fault("conf_level", f"{visible(conf_level)} is not between 0 and 1", "Use 0.95, say"))
    if len(results) < 2:
        faults.append(Fault("results", f"{len(results)} result(s)", "Give two or more, each with a name"))
    label = f"{scale}{f' ({group})' if group else ''}"
    found: dict[str, _Terms] = {}
    for name, result in results.items():
        terms = _terms(result, scale=scale, group=group, label=label, name=str(name))
        if isinstance(terms, Fault):
            faults.append(terms)
        else:
            found[str(name)] = terms
    if not faults:
        faults = _unlike(found)
    if faults:
        raise InputError("the call", faults)
    best = max(found, key=lambda name: float(found[name].elpd.sum()))
    reach = float(ndtri((1 + conf_level) / 2))
    rows, notes = [], []
    for name, terms in found.items():
        if name == best:
            continue
        away = terms.elpd - found[best].elpd
        total, n = float(away.sum()), away.size
        error = float(np.sqrt(n * away.var(ddof=1)))
        rows.append({
            "estimand": "elpd_difference", "term": scale, "group": group, "level": name, "other": best,
            "estimate": total, "std_error": error, "conf_low": total - reach * error,
            "conf_high": total + reach * error, "conf_level": conf_level, "n": n,
            "statistic": total / error if error > 0 else float("nan"),
            "method": f"normal; paired differences by respondent; leave-one-out of {terms.left_out}",
        })  # fmt: skip
        notes += _doubts(name, best, total, n)
    settings = {
        "scale": scale,
        "group": group,
        "conf_level": conf_level,
        "results": list(found),
        "best": best,
    }
    return make_result("loo_comparison", rows, settings=settings, notes=notes)


def _doubts(name: str, best: str, total: float, n: int) -> list[Note]:
    """Say where the standard error of a difference is not to be relied upon."""
    pair = f"{visible(name)} and {visible(best)}"
    notes = []
    if abs(total) < SMALL:
        text = (
            f"{pair}: the difference is below {SMALL:g}: too small to be told, whatever its standard error."
        )
        notes.append(Note("small_difference", text, "info"))
    if n < FEW:
        text = f"{pair}: {n} respondents: the standard error of the difference is too small as a rule."
        notes.append(Note("few_respondents", text))
    return notes


def _terms(result: Any, *, scale: str, group: str, label: str, name: str) -> _Terms | Fault:
    """The terms of one result, or why there are none."""
    where = f"results[{visible(name)!r}]"
    if not isinstance(result, Result) or result.question != "hierarchy":
        return Fault(where, "it is no result of hierarchy", "Give what pm.hierarchy returned")
    frame = result.estimates
    mine = frame[(frame["estimand"] == "elpd_loo") & (frame["term"] == scale) & (frame["group"] == group)]
    array = result.arrays.get(f"{label} / loo")
    if mine.empty or array is None:
        return Fault(
            where, f"it has no elpd_loo of '{visible(label)}'", "Models without one cannot be compared so"
        )
    row = mine.iloc[0]
    if row["reason"] or not np.isfinite(row["estimate"]):
        return Fault(where, f"it has no elpd_loo: {row['reason']}", "Sample until the chains agree")
    method = str(row["method"])
    left_out = next(
        (part.strip().removeprefix("leave-one-out of ").split(",")[0] for part in method.split(";")
         if part.strip().startswith("leave-one-out of ")),
        "",
    )  # fmt: skip
    return _Terms(
        np.asarray(array.sel(statistic="elpd").to_numpy(), dtype=np.float64),
        tuple(map(str, array[array.dims[0]].to_numpy())),
        left_out,
        str(result.settings.get("table", {}).get("fingerprint", "")),
        _predicted(result, " / ".join(filter(None, [scale, group]))),
    )


def _predicted(result: Result, name: str) -> dict[str, tuple[str, ...]]:
    """What a joint model predicts: items of each block, how many answers, and whether they are numbers with a density."""
    told = result.settings.get("hierarchy", {}).get(name, {})
    return {
        str(block): (
            "numbers" if one["family"] == "normal" else "codes", str(one["answers"]), *map(str, one["items"]),
        )
        for block, one in told.get("blocks", {}).items()
    }  # fmt: skip


def _unlike(found: Mapping[str, _Terms]) -> list[Fault]:
    """What stands against a comparison with the first."""
    names = list(found)
    first = found[names[0]]
    faults = []
    for name in names[1:]:
        terms, where = found[name], f"results[{visible(name)!r}]"
        against = f"results[{visible(names[0])!r}]"
        if terms.fingerprint != first.fingerprint or terms.respondents != first.respondents:
            what = f"it is of other answers or respondents than {against}"
            faults.append(
                Fault(where, what, "Compare models of the same table, with the same rule of missing answers")
            )
        elif terms.predicted != first.predicted:
            blocks = sorted(
                one
                for one in terms.predicted.keys() | first.predicted.keys()
                if terms.predicted.get(one) != first.predicted.get(one)
            )
            what = f"what it predicts is not what {against} predicts: {', '.join(map(visible, blocks))}"
            todo = "Compare models of the same scales, outcomes and refusals, as the same kind of answers"
            faults.append(Fault(where, what, todo))
        elif terms.left_out != first.left_out:
            what = f"it leaves out {terms.left_out}, {against} leaves out {first.left_out}"
            faults.append(Fault(where, what, "Only sums over the same things can be compared"))
    return faults
