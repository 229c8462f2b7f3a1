"""The feature table: one row = one respondent, typed columns, each a measurement of a modality."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.notes import Note
from psychomet.table.codebook import Codebook, Feature, measurement_of, modality_of
from psychomet.text import visible

Values = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FeatureTable:
    """Features of respondents; read one with :func:`psychomet.read_features`.

    Parameters
    ----------
    respondents : ndarray of str, shape (n,)
        Ids, each once.
    codebook : Codebook
        What the features are; ordinal and nominal ones have their levels.
    values : mapping of str to ndarray
        By feature: float of shape (n,) for numbers and circular features, NaN where there is none; int
        of shape (n,), the position of the level, -1 where there is none, for ordinal and nominal ones;
        float of shape (n, d) for vectors, a row of NaN where there is none.
    cluster : ndarray of int, shape (n,), or None
        Number of the cluster of each respondent.
    subject : str
        What was read.
    notes : tuple of Note
        What a reader must know.
    """

    respondents: NDArray[Any]
    codebook: Codebook
    values: Mapping[str, Values]
    cluster: NDArray[np.int64] | None = None
    subject: str = "the features"
    notes: tuple[Note, ...] = ()

    @property
    def features(self) -> tuple[Feature, ...]:
        """The features, in the order of the codebook."""
        return self.codebook.features

    @property
    def modalities(self) -> dict[str, dict[str, Feature]]:
        """Modality -> measurement -> feature."""
        out: dict[str, dict[str, Feature]] = {}
        for feature in self.features:
            out.setdefault(modality_of(feature), {})[measurement_of(feature)] = feature
        return out

    @property
    def contract(self) -> dict[str, Any]:
        """What must agree before two results may be compared, and the fingerprint of the values."""
        return {
            "key_name": self.codebook.name,
            "key": self.codebook.fingerprint,
            "items": fingerprint_names([feature.name for feature in self.features]),
            "n_items": len(self.features),
            "n_respondents": int(self.respondents.size),
            "fingerprint": fingerprint_features(self),
        }

    def __repr__(self) -> str:
        kinds: dict[str, int] = {}
        for feature in self.features:
            kinds[feature.kind] = kinds.get(feature.kind, 0) + 1
        shown = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        return (
            f"<FeatureTable {visible(self.subject)}: {self.respondents.size} respondents, "
            f"{len(self.features)} features ({shown}), {len(self.modalities)} modalities>"
        )


def feature_of(table: FeatureTable, name: str, where: str = "features") -> Feature:
    """Return the feature of that name; raise :class:`InputError` naming those there are.

    Parameters
    ----------
    table : FeatureTable
        The table.
    name : str
        Name of the feature.
    where : str
        The argument it was given as, for the message.

    Raises
    ------
    InputError
        If there is no such feature.
    """
    for feature in table.features:
        if feature.name == name:
            return feature
    there = ", ".join(visible(feature.name, 40) for feature in table.features[:30])
    more = f" and {len(table.features) - 30} more" if len(table.features) > 30 else ""
    fault = Fault(where, f"there is no feature '{visible(name)}'", f"The features are: {there}{more}")
    raise InputError(table.subject, [fault])


def present(table: FeatureTable, name: str) -> NDArray[np.bool_]:
    """Return which respondents have a value of a feature.

    Parameters
    ----------
    table : FeatureTable
        The table.
    name : str
        Name of the feature.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    values = table.values[name]
    if values.dtype.kind == "i":
        return np.asarray(values >= 0)
    there = np.isfinite(values)
    return np.asarray(there.all(axis=1) if there.ndim == 2 else there)


def fingerprint_names(names: list[str]) -> str:
    """Return the SHA-256 of sorted names."""
    digest = hashlib.sha256()
    for name in sorted(names):
        digest.update(name.encode("utf-8", "surrogatepass") + b"\x1f")
    return digest.hexdigest()


def fingerprint_features(table: FeatureTable) -> str:
    """Return the SHA-256 of who has which values, whatever the order of the rows.

    Parameters
    ----------
    table : FeatureTable
        The table.
    """
    order = np.argsort(table.respondents.astype(str), kind="stable")
    digest = hashlib.sha256("\x1f".join(table.respondents[order].tolist()).encode("utf-8", "surrogatepass"))
    for feature in sorted(table.features, key=lambda one: one.name):
        values = table.values[feature.name][order]
        digest.update(feature.name.encode("utf-8", "surrogatepass") + b"\x1e")
        digest.update("\x1f".join(feature.levels).encode("utf-8", "surrogatepass"))
        kind = "<i8" if values.dtype.kind == "i" else "<f8"
        # Adding zero makes one number of -0.0 and 0.0.
        digest.update(np.ascontiguousarray(values + 0, dtype=kind).tobytes())
    return digest.hexdigest()
