"""The codebook: what kind of thing each feature is, and to which modality it belongs.

A codebook is written as TOML so that it can be reviewed and versioned beside the data::

    name = "Public figures"
    respondent = "id"               # column that names the respondent; default "respondent"
    cluster = "family"              # optional: respondents of one cluster are not independent

    [[feature]]
    name = "birth_year"
    kind = "number"

    [[feature]]
    name = "birth_month"
    kind = "circular"
    period = 12

    [[feature]]
    name = "openness_gpt"
    kind = "ordinal"
    levels = [1, 2, 3]
    missing = [0]                   # codes that mean "no answer"
    modality = "openness"           # several measurements of one modality:
    measurement = "gpt"             # here the rater

    [[feature]]
    name = "face"
    kind = "vector"
    columns = ["face_*"]            # or leave it out where the column face holds lists
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from psychomet.errors import Fault, InputError
from psychomet.text import is_control, visible

Kind = Literal["number", "ordinal", "nominal", "circular", "vector"]
KINDS: tuple[str, ...] = get_args(Kind)
_TOP = ("name", "respondent", "cluster", "feature")
_FEATURE = ("name", "kind", "modality", "measurement", "period", "levels", "missing", "columns")
MAX_NAME = 1000


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature of respondents.

    Parameters
    ----------
    name : str
        Its name, and that of its column unless ``columns`` says otherwise.
    kind : {"number", "ordinal", "nominal", "circular", "vector"}
        ``circular`` numbers return after a period (month, longitude); ``vector`` features have several
        coordinates (embeddings).
    modality : str
        What it is a look at; default its own name. Features of one modality are several
        measurements of the same thing (three raters of one trait).
    measurement : str
        Which of them it is; default its name.
    period : float, optional
        Of a circular feature.
    levels : tuple of str
        Of an ordinal feature, from the lowest; of a nominal one in any order. Empty: those in the table,
        ordinal ones in the order of their numbers.
    missing : tuple of str
        Values that mean that there is none.
    columns : tuple of str
        Of a vector: the columns of its coordinates; a name that ends in ``*`` stands for all that begin so.
    """

    name: str
    kind: Kind
    modality: str = ""
    measurement: str = ""
    period: float | None = None
    levels: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Codebook:
    """The features of a table, checked at birth.

    Parameters
    ----------
    features : tuple of Feature
        At least one.
    name : str
        Name of the table, for pages.
    respondent : str
        Column of the respondents' ids.
    cluster : str
        Column of what respondents have in common, or empty.

    Raises
    ------
    InputError
        Naming every fault at once.
    """

    features: tuple[Feature, ...]
    name: str = "unnamed features"
    respondent: str = "respondent"
    cluster: str = ""

    def __post_init__(self) -> None:
        faults = list(_faults(self))
        if faults:
            raise InputError(f"codebook '{visible(self.name)}'", faults)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what the features are."""
        rules = [[f.name, f.kind, modality_of(f), measurement_of(f), f.period, list(f.levels), list(f.missing)]
                 for f in self.features]  # fmt: skip
        return hashlib.sha256(json.dumps(rules, ensure_ascii=True).encode()).hexdigest()


def modality_of(feature: Feature) -> str:
    """Return the modality of a feature: the one given, or its name."""
    return feature.modality or feature.name


def measurement_of(feature: Feature) -> str:
    """Return which measurement of its modality a feature is: the one given, or its name."""
    return feature.measurement or feature.name


def read_codebook(source: str | os.PathLike[str] | Mapping[str, Any] | Codebook) -> Codebook:
    """Read a codebook from a TOML file, a mapping of the same shape, or return one as it is.

    Parameters
    ----------
    source : path, mapping or Codebook
        See the module's docstring for the shape.

    Returns
    -------
    Codebook

    Raises
    ------
    InputError
        If the file cannot be read or the codebook has any fault; all of them are listed.
    """
    if isinstance(source, Codebook):
        return source
    if isinstance(source, Mapping):
        return _from_mapping(source, "the codebook")
    path = Path(source)
    subject = f"codebook {visible(path)}"
    check = "Check the path given as --codebook"
    try:
        content = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise InputError(subject, [Fault("file", "there is no such file", check)]) from None
    except OSError as error:
        raise InputError(subject, [Fault("file", f"it cannot be read ({error.strerror})", check)]) from None
    except UnicodeDecodeError as error:
        fault = Fault(f"byte {error.start}", "the file is not UTF-8", "Save the codebook as UTF-8")
        raise InputError(subject, [fault]) from None
    except tomllib.TOMLDecodeError as error:
        fault = Fault("file", f"it is not valid TOML: {visible(error, 200)}", "Mend the line named")
        raise InputError(subject, [fault]) from None
    return _from_mapping(content, subject)


def _from_mapping(content: Mapping[str, Any], subject: str) -> Codebook:
    """Turn the loose mapping into a strict codebook, telling every fault of shape at once."""
    faults = [
        Fault(visible(name), "not a field of a codebook", f"The fields are: {', '.join(_TOP)}")
        for name in sorted(map(str, set(content) - set(_TOP)))
    ]
    for name in ("name", "respondent", "cluster"):
        if not isinstance(content.get(name, ""), str):
            faults.append(Fault(name, "it is not text", "Put it in quotes"))
    tables = content.get("feature")
    if not isinstance(tables, list) or not tables or not all(isinstance(t, Mapping) for t in tables):
        todo = "Add one [[feature]] with name and kind for each"
        faults.append(Fault("feature", "the codebook has no [[feature]] table", todo))
        tables = []
    features = [_feature(table, number, faults) for number, table in enumerate(tables, 1)]
    if faults:
        raise InputError(subject, faults)
    return Codebook(
        features=tuple(feature for feature in features if feature is not None),
        name=content.get("name") or "unnamed features",
        respondent=content.get("respondent") or "respondent",
        cluster=content.get("cluster", ""),
    )


def _feature(table: Mapping[str, Any], number: int, faults: list[Fault]) -> Feature | None:
    """Read one [[feature]] table; append its faults and return None when it has any."""
    before = len(faults)
    name = table.get("name")
    where = f"feature '{visible(name)}'" if isinstance(name, str) else f"feature number {number}"
    if not isinstance(name, str):
        faults.append(Fault(where, "it has no name", 'Add name = "..."'))
    for extra in sorted(map(str, set(table) - set(_FEATURE))):
        todo = f"The fields are: {', '.join(_FEATURE)}"
        faults.append(Fault(where, f"'{visible(extra)}' is not a field of a feature", todo))
    if table.get("kind") not in KINDS:
        what = f"its kind is {visible(repr(table.get('kind')))}" if "kind" in table else "it has no kind"
        faults.append(Fault(where, what, f"The kinds are: {', '.join(KINDS)}"))
    for field in ("modality", "measurement"):
        if not isinstance(table.get(field, ""), str):
            faults.append(Fault(where, f"{field} is not text", "Put it in quotes"))
    lists = {field: _texts(table.get(field, ())) for field in ("levels", "missing", "columns")}
    for field, texts in lists.items():
        if texts is None:
            faults.append(
                Fault(where, f"{field} is not a list of texts or numbers", f"Write {field} = [...]")
            )
    period = table.get("period")
    if period is not None and (isinstance(period, bool) or not isinstance(period, int | float)):
        faults.append(Fault(where, "period is not a number", "Write period = 12, say"))
    if len(faults) > before:
        return None
    return Feature(
        name=str(name),
        kind=table["kind"],
        modality=table.get("modality", ""),
        measurement=table.get("measurement", ""),
        period=None if period is None else float(period),
        **{field: texts or () for field, texts in lists.items()},
    )


def _texts(value: object) -> tuple[str, ...] | None:
    """Return texts or numbers as texts; None for anything else."""
    if not isinstance(value, list | tuple):
        return None
    if any(isinstance(entry, bool) or not isinstance(entry, str | int | float) for entry in value):
        return None
    return tuple(level_text(entry) for entry in value)


def level_text(value: object) -> str:
    """Return a value as the name of a level; a whole float has no decimals."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _faults(codebook: Codebook) -> Iterator[Fault]:
    """Every fault of meaning in a codebook whose shape is right."""
    names = Counter(feature.name for feature in codebook.features)
    if not codebook.features:
        yield Fault("feature", "the codebook has no feature", "Add at least one")
    for name, count in names.items():
        if count > 1:
            yield Fault(f"feature '{visible(name)}'", f"the name is used {count} times", "Give each its own")
    looks = Counter((modality_of(f), measurement_of(f)) for f in codebook.features)
    for (modality, measurement), count in looks.items():
        if count > 1:
            what = f"measurement '{visible(measurement)}' is there {count} times"
            yield Fault(f"modality '{visible(modality)}'", what, "Name each measurement apart")
    for label in (codebook.name, codebook.respondent, codebook.cluster):
        if len(label) > MAX_NAME or any(map(is_control, label)):
            yield Fault(visible(label), "the name is too long or not printable", "Use a printable name")
    for feature in codebook.features:
        yield from _feature_faults(feature, codebook)


def _feature_faults(feature: Feature, codebook: Codebook) -> Iterator[Fault]:
    where = f"feature '{visible(feature.name)}'"
    for label in (feature.name, modality_of(feature), measurement_of(feature), *feature.levels):
        if not label or len(label) > MAX_NAME or any(map(is_control, label)):
            what = f"'{visible(label)}' is empty, longer than {MAX_NAME} characters or not printable"
            yield Fault(where, what, "Use printable names")
    if feature.name in (codebook.respondent, codebook.cluster):
        yield Fault(where, "it is the column of respondents or clusters", "Choose another name")
    circular, period = feature.kind == "circular", feature.period
    if circular and (period is None or not 0 < period < math.inf):
        yield Fault(where, "a circular feature needs a period above 0", "Write period = 12, say")
    if not circular and period is not None:
        yield Fault(where, f"a {feature.kind} feature has no period", "Leave it out")
    if feature.levels and feature.kind not in ("ordinal", "nominal"):
        yield Fault(where, f"a {feature.kind} feature has no levels", "Leave them out")
    if len(set(feature.levels)) < len(feature.levels):
        yield Fault(where, "a level is named twice", "Name each once")
    if len(feature.levels) == 1:
        yield Fault(where, "it has one level", "Name at least two, or leave the feature out")
    if both := sorted(set(feature.levels) & set(feature.missing)):
        yield Fault(where, f"'{visible(both[0])}' is a level and missing", "Take it out of one of the two")
    if feature.columns and feature.kind != "vector":
        yield Fault(where, f"a {feature.kind} feature has one column", "Leave columns out")
    if feature.missing and feature.kind == "vector":
        yield Fault(where, "a vector has no codes for missing", "Leave the cells of its row empty")
