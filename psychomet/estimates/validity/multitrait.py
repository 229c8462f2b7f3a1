"""Do several methods see the same traits, and do they tell the traits apart?

Every trait is measured by several methods: two questionnaires, self-report and behaviour, prompts, raters. The
multitrait-multimethod matrix holds all correlations of the scores:

- convergent r: mean correlation of one trait by two methods;
- discriminant r: mean absolute correlation of different traits by different methods;
- Delta: convergent minus discriminant r; of one trait, its validity less the mean absolute correlation in its row and
  column of the block of two methods (Serapio-Garcia et al. ask for convergent r of at least .60 and Delta of at least
  .40);
- Campbell and Fiske's criteria as counts;
- HTMT: correlations between the indicators of two traits in relation to those within them;
- models that part each measure into trait, method and error.

Misleads where methods share more than the trait (the same model answering two questionnaires in one style: everything
converges), where a scale is keyed the other way (noted), and where scores hardly vary. High convergent r between two
questionnaires of similar wording is reliability rather than validity. A mean of absolute correlations is biased
upwards, the more the fewer respondents there are (noted).

References
----------
Campbell, D. T. and Fiske, D. W. (1959). Convergent and discriminant validation by the multitrait-multimethod
matrix. Psychological Bulletin, 56(2), 81-105. https://doi.org/10.1037/h0046016

Serapio-Garcia, G. et al. (2025). A psychometric framework for evaluating and shaping personality traits in large
language models. Nature Machine Intelligence, 7, 1954-1968. https://doi.org/10.1038/s42256-025-01115-6

Hubert, L. J. and Baker, F. B. (1978). Analyzing the multitrait-multimethod matrix. Multivariate Behavioral
Research, 13(2), 163-179. https://doi.org/10.1207/s15327906mbr1302_4

Eid, M. (2000). A multitrait-multimethod model with minimal assumptions. Psychometrika, 65(2), 241-261.
https://doi.org/10.1007/BF02294377
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.estimates.validity.multitrait_measures import criterion_rows, measure_rows
from psychomet.estimates.validity.multitrait_models import Solution, model_rows, solve
from psychomet.estimates.validity.multitrait_notes import multitrait_notes
from psychomet.estimates.validity.multitrait_ratios import flat_words, indicator_sets, ratio_rows
from psychomet.estimates.validity.multitrait_rows import (
    Facts,
    Made,
    correlation_rows,
    facts,
    reliability_rows,
)
from psychomet.estimates.validity.multitrait_units import (
    Matrix,
    Traits,
    Unit,
    chosen_units,
    matrices,
    measured_units,
    scales_of,
)
from psychomet.notes import Note
from psychomet.numerics.multitrait_models import Kind
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.key import Key
from psychomet.scores.request import (
    boot_faults,
    facet_faults,
    held_table,
    seed_faults,
    table_notes,
    unscored_notes,
)
from psychomet.scores.score import Missing, resolve_key, scale_scores
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

Floats = NDArray[np.float64]


@declared
def multitrait(
    responses: ResponseTable,
    *,
    missing: Missing,
    seed: int,
    traits: Traits | None = None,
    method_facet: str | None = None,
    models: str | Sequence[str] = "none",
    reference: str | None = None,
    parcels: int = 1,
    by: str | None = None,
    key: Key | None = None,
    conf_level: float = 0.95,
    n_boot: int = 1000,
) -> Result:
    """Correlate several traits by several methods over respondents, and say how far they converge and discriminate.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    missing : {"available", "complete"}
        ``available``: each correlation over the respondents with both scores. ``complete``: all over the respondents
        with every score, each from every item.
    seed : int
        Seed of the bootstrap.
    traits : mapping or sequence
        Which scale measures which trait by which method: ``{"EXT": {"BFI": "bfi_ext", "IPIP": "ipip_ext"}, ...}`` or
        ``[("EXT", "BFI", "bfi_ext"), ...]``. With ``method_facet`` which scale measures which trait:
        ``{"EXT": "ext"}`` or names of scales; default every scale of the key. A trait that a method lacks is left out there.
    method_facet : str, optional
        A facet whose levels are the methods: the same scales at each of its levels (rater, prompt, language ...).
    models : "none" or sequence of {"ct_cm", "ct_cu", "ctc_m1"}
        Confirmatory models to fit.
    reference : str, optional
        The method whose trait is the trait in CTC(M-1); default the first.
    parcels : int
        Indicators of each measure in the models: 1 for its score; 2, 3 ... for parcels, means of every second, third ... item, with which
        CTC(M-1) has method factors for each trait.
    by : str, optional
        Another facet: the same at each of its levels beside the whole table (``group`` = "model = x").
    key : Key, optional
        The instrument; default the one the table was read with.
    conf_level : float
        Nominal coverage of the intervals; its complement is the level of the tests that are counted.
    n_boot : int
        Resamples of respondents; 0 for none.

    Returns
    -------
    Result
        ``pearson_r`` (rows ``fisher_z`` and ``bootstrap``), ``spearman_rho``, ``disattenuated_r`` of every pair of measures
        ("trait (method)"; ``level`` = kind of block) and ``alpha`` of each; ``convergent_r``, ``discriminant_r``,
        ``validity_delta`` (``term`` = trait or "all traits", ``other`` = "method ~ method" or "all methods");
        ``criterion_met``, ``criterion_comparisons``, ``criterion_by_chance``; ``htmt``. Of each model (``level``):
        ``consistency``, ``method_specificity``, ``true_consistency``, ``unreliability`` (``uniqueness`` in CT-CU),
        ``factor_correlation`` and fit. ``p_adjusted`` of correlations is Holm's over the matrix; the p value of
        ``validity_delta`` is Hubert and Baker's over matchings of the traits. ``arrays``: ``correlation``,
        ``rank_correlation``, ``pairs`` (respondents per pair), ``influence``.

    Raises
    ------
    InputError
        If there is no key, ``traits`` does not fit it or makes no matrix, or an argument is out of range.

    Notes
    -----
    Interval of discriminant r and Delta: t with the standard error from the respondents' influences; the limit to
    which absolute correlations are biased is moved out by the largest bias the data allow. Percentile and BCa limits
    hardly ever cover a discriminant r near 0, because resamples repeat its bias. In R the models are
    ``lavaan::cfa(model, estimator = "MLR", std.lv = TRUE)``. Validation is in docs/validation/multitrait.md.
    """
    table = held_table(responses, key=key, missing=missing, conf_level=conf_level)
    kinds = _check(table, method_facet, by, models=models, parcels=parcels, seed=seed, n_boot=n_boot)
    instrument = resolve_key(table, None)
    levels = table.design.levels[method_facet] if method_facet is not None else ()
    units = chosen_units(instrument, traits, method_facet=method_facet, levels=levels)
    named = units
    if method_facet is not None:
        units = measured_units(table, units, missing=missing, method_facet=method_facet)
    chosen = _reference(reference, tuple(unit.method for unit in units))
    made: list[Made] = []
    known: list[tuple[Matrix, Facts]] = []
    solved: list[Solution] = []
    flat: list[str] = []
    owners: list[Matrix] = []
    for matrix in matrices(table, units, missing=missing, by=by, method_facet=method_facet):
        here = facts(matrix, n_boot=n_boot, seed=seed)
        sets = list(indicator_sets(matrix))
        known.append((matrix, here))
        flat.append(flat_words(sets, matrix.group))
        models_here = [solve(matrix, kind, reference=chosen, parcels=parcels) for kind in kinds]
        solved += models_here
        made += measure_rows(matrix, here, conf_level, seed)
        made += criterion_rows(matrix, here, conf_level)
        made += correlation_rows(matrix, here, conf_level)
        made += reliability_rows(matrix, here, conf_level)
        made += ratio_rows(matrix, sets, conf_level)
        made += [Made(row) for one in models_here for row in model_rows(one, conf_level)]
        owners += [matrix] * (len(made) - len(owners))
    if not known or known[0][0].group:
        what = "no respondent has a score on every measure"
        raise InputError(table.intake.subject, [Fault("missing", what, "Use missing='available'")])
    used = scales_of(instrument, units)
    return make_result(
        "multitrait",
        [one.row for one in made],
        arrays=_arrays([matrix for matrix, _ in known], made, owners),
        settings=settings(
            table, missing=missing, seed=seed, method_facet=method_facet, models=list(kinds), reference=chosen,
            parcels=parcels, by=by, conf_level=conf_level, n_boot=n_boot,
            traits=[[unit.trait, unit.method, unit.scale] for unit in units],
            scales={scale.name: list(scale.items) for scale in used},
        ),
        notes=[
            *unscored_notes((scale_scores(table, scale=one.name, missing=missing) for one in used), missing),
            *_absent(named, units),
            *multitrait_notes(known, solved, flat, table),
            *table_notes(table),
        ],
    )  # fmt: skip


def _check(
    table: ResponseTable,
    method_facet: str | None,
    by: str | None,
    *,
    models: str | Sequence[str],
    parcels: int,
    seed: int,
    n_boot: int,
) -> tuple[Kind, ...]:
    """Tell every fault of the arguments that this question alone has; return the models."""
    faults = [
        *seed_faults(seed),
        *boot_faults(n_boot),
        *facet_faults(table, by),
        *facet_faults(table, method_facet, name="method_facet"),
    ]
    if by is not None and by == method_facet:
        faults.append(
            Fault("by", f"'{visible(by)}' is already the method", "Name another facet, or leave by out")
        )
    if isinstance(parcels, bool) or not isinstance(parcels, int) or parcels < 1:
        faults.append(
            Fault("parcels", f"'{visible(parcels)}' is not a whole number of at least 1", "Use 1, or 3")
        )
    names = [models] if isinstance(models, str) else list(models)
    known = get_args(Kind)
    kinds = tuple(kind for kind in known if kind in names)
    for name in names:
        if name not in known and (name != "none" or len(names) > 1):
            todo = f"Use 'none', or any of {', '.join(known)}"
            faults.append(Fault("models", f"'{visible(name)}' is not a model", todo))
    if faults:
        raise InputError("the call", faults)
    return kinds


def _reference(reference: str | None, methods: tuple[str, ...]) -> str:
    if reference is None:
        return methods[0]
    if reference not in methods:
        listed = ", ".join(map(visible, dict.fromkeys(methods)))
        what = f"'{visible(reference)}' is not a method"
        raise InputError("the call", [Fault("reference", what, f"The methods are: {listed}")])
    return reference


def _absent(named: tuple[Unit, ...], units: tuple[Unit, ...]) -> list[Note]:
    """Say which scales have no score at which level."""
    left = [visible(one.name) for one in named if one not in units]
    if not left:
        return []
    more = f" and {len(left) - 6} more" if len(left) > 6 else ""
    return [Note("not_measured", f"Without a score, and left out: {', '.join(left[:6])}{more}.", "info")]


def _arrays(
    found: Sequence[Matrix], made: Sequence[Made], owners: Sequence[Matrix]
) -> dict[str, xr.DataArray]:
    """Matrices by group, and the influence of respondents on rows; NaN for those who are not in a row."""
    if not found:
        return {}
    names = np.array([unit.name for unit in found[0].units], dtype=object)
    dims = ("group", "unit", "with_unit")
    coords = {
        "group": np.array([one.group for one in found], dtype=object),
        "unit": names,
        "with_unit": names,
    }
    stacked = {
        "correlation": [one.cor for one in found],
        "rank_correlation": [one.rank for one in found],
        "pairs": [one.sums.count for one in found],
    }
    arrays = {
        name: xr.DataArray(np.stack(parts), dims=dims, coords=coords) for name, parts in stacked.items()
    }
    felt = [(at, owners[at].ids, one.influence) for at, one in enumerate(made) if one.influence is not None]
    if felt:
        ids = np.unique(np.concatenate([one.ids for one in found]))
        values = np.full((ids.size, len(felt)), np.nan)
        for place, (_, who, moved) in enumerate(felt):
            values[np.searchsorted(ids, who), place] = moved
        rows = np.array([at for at, _, _ in felt])
        arrays["influence"] = xr.DataArray(
            values, dims=("respondent", "row"), coords={"respondent": ids, "row": rows}
        )
    return arrays
