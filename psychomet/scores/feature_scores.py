"""Trait scores as features of respondents."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from psychomet.errors import Fault, InputError
from psychomet.notes import Note
from psychomet.scores.key import Key
from psychomet.scores.score import Missing, resolve_key, score
from psychomet.table.codebook import Feature
from psychomet.table.features import FeatureTable
from psychomet.table.responses import ResponseTable
from psychomet.text import visible


def with_scores(
    features: FeatureTable,
    *,
    responses: ResponseTable,
    missing: Missing,
    key: Key | None = None,
    scales: Sequence[str] | None = None,
    across: str | None = None,
) -> FeatureTable:
    """Add the scores of a table of answers to the features of the same respondents.

    Parameters
    ----------
    features : FeatureTable
        The features.
    responses : ResponseTable
        The answers; respondents are matched by id.
    missing : {"available", "complete"}
        The rule for missing answers.
    key : Key, optional
        The instrument; default the one the answers were read with.
    scales : sequence of str, optional
        The scales wanted; default all.
    across : str, optional
        A facet (rater, prompt): one feature for each of its levels, as measurements of one modality.

    Returns
    -------
    FeatureTable
        With one number for each scale, the mean of the respondent's administration scores; or one for each
        scale and level. The modality of a score is its scale. Respondents without a score have a missing
        value; those without features are not added, and a note counts them.

    Raises
    ------
    InputError
        If a scale or facet is not there, a name is taken, or no respondent is in both tables.
    """
    chosen = resolve_key(responses, key)
    wanted = [scale.name for scale in chosen.scales] if scales is None else list(scales)
    faults = [
        Fault("scales", f"there is no scale '{visible(name)}'", "Name scales of the key")
        for name in wanted
        if name not in {scale.name for scale in chosen.scales}
    ]
    if across is not None and across not in responses.facets:
        todo = f"The facets are: {', '.join(responses.facets) or 'none'}"
        faults.append(Fault("across", f"there is no facet '{visible(across)}'", todo))
    if faults:
        raise InputError("with_scores(...)", faults)
    frame = score(responses, missing=missing, key=key)
    frame = frame[frame["scale"].isin(wanted)]
    by = ["scale", *([across] if across else [])]
    wide = frame.pivot_table(index="respondent", columns=by, values="score", aggfunc="mean", observed=True)
    ids = features.respondents.astype(str)
    wide.index = wide.index.astype(str)
    both = np.isin(ids, wide.index)
    taken = {feature.name for feature in features.features}
    made, values = [], {}
    for label in wide.columns:
        parts = [str(part) for part in (label if isinstance(label, tuple) else (label,))]
        name = " ".join(parts)
        if name in taken:
            faults.append(Fault("scales", f"'{visible(name)}' is a feature already", "Rename the feature"))
        made.append(Feature(name, "number", modality=parts[0], measurement=parts[1] if across else ""))
        values[name] = wide[label].reindex(ids).to_numpy(dtype=float)
    if not both.any():
        todo = "Use the same respondent ids in both tables"
        faults.append(Fault("respondents", "none is in both tables", todo))
    if faults:
        raise InputError("with_scores(...)", faults)
    lost = len(set(wide.index) - set(ids))
    text = f"{int((~both).sum())} respondents have no answers; {lost} with answers have no features and are left out."
    notes = [Note("unmatched_respondents", text, "caution")] if lost or not both.all() else []
    book = dataclasses.replace(features.codebook, features=(*features.features, *made))
    return dataclasses.replace(
        features,
        codebook=book,
        values={**features.values, **values},
        notes=tuple(dict.fromkeys((*features.notes, *responses.notes, *notes))),
    )
