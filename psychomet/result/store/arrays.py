"""Labelled arrays as NetCDF variables plus a description that JSON can carry.

NetCDF 3 knows neither 64-bit integers nor text of any length (it drops trailing NULs and pads every
string to the longest one), and it gives names a narrow alphabet. So the file holds plain numbers
under plain names; dimensions, coordinates and every text stand in ``result.json``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from psychomet.errors import Fault
from psychomet.result.store.layout import NUMBER_TYPES, json_faults
from psychomet.text import visible

_EXACT = 2**53
_INT32 = np.iinfo(np.int32)


@dataclass(frozen=True, slots=True)
class Shelf:
    """What is collected while arrays are described.

    Attributes
    ----------
    variables : dict of str to xarray.Variable
        The content of the NetCDF file.
    labels : dict of tuple to int
        Distinct lists of text (respondent ids, mostly) and their position in ``result.json``.
    faults : list of Fault
        What cannot be stored.
    """

    variables: dict[str, xr.Variable] = field(default_factory=dict)
    labels: dict[tuple[str, ...], int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def describe(arrays: Mapping[str, Any], *, question: str, shelf: Shelf) -> list[dict[str, Any]]:
    """Put the numbers of some arrays on the shelf and return the JSON that describes them."""
    described = []
    for name, array in arrays.items():
        where = f"{question}: array '{visible(name)}'"
        if not isinstance(name, str) or not isinstance(array, xr.DataArray):
            shelf.faults.append(
                Fault(where, "it is not an xarray.DataArray under a text name", "Make it one")
            )
            continue
        stem = f"{question}_{name}"
        described.append(
            {
                "name": name,
                "title": array.name if isinstance(array.name, str) else None,
                "dims": _texts(array.dims, where, shelf),
                "values": _values(array.variable, stem, where, shelf),
                "coords": [
                    {
                        "name": str(label),
                        "dims": _texts(coordinate.dims, where, shelf),
                        "values": _values(
                            coordinate.variable, f"{stem}_{label}", f"{where}, {visible(label)}", shelf
                        ),
                    }
                    for label, coordinate in array.coords.items()
                ],
                "attrs": dict(array.attrs),
            }
        )
        shelf.faults.extend(json_faults(dict(array.attrs), f"{where}, attrs"))
    return described


def _texts(names: tuple[Any, ...], where: str, shelf: Shelf) -> list[str]:
    if not all(isinstance(name, str) for name in names):
        shelf.faults.append(Fault(where, "a dimension has no text as name", "Name every dimension"))
    return [str(name) for name in names]


def _values(variable: xr.Variable, stem: str, where: str, shelf: Shelf) -> dict[str, Any]:
    """Describe one block of values: text by its list of labels, numbers by a NetCDF variable."""
    values = np.asarray(variable.values)
    shape = list(values.shape)
    if values.dtype.kind in "OUT":
        flat = values.ravel().tolist()
        if not all(isinstance(value, str) for value in flat):
            shelf.faults.append(
                Fault(where, "it mixes text with other values", "Store text or numbers, not both")
            )
            return {}
        number = shelf.labels.setdefault(tuple(map(str, flat)), len(shelf.labels))
        return {"shape": shape, "dtype": "text", "labels": number}
    if values.dtype.name not in NUMBER_TYPES:
        what = f"values of type {values.dtype.name} cannot be stored"
        shelf.faults.append(Fault(where, what, "Store real numbers, truth values or text"))
        return {}
    block: dict[str, Any] = {"shape": shape, "dtype": values.dtype.name, "variable": None}
    # A dimension of length 0 would be the unlimited one in NetCDF 3; no values need no variable.
    if values.size:
        stored = _stored(values)
        if stored is None:
            shelf.faults.append(Fault(where, "it holds integers beyond 2**53", "Store them as text"))
            return {}
        plain = re.sub(r"[^A-Za-z0-9_]", "_", stem)[:60] + f"_{len(shelf.variables)}"
        shelf.variables[plain] = xr.Variable([f"{plain}_dim{axis}" for axis in range(values.ndim)], stored)
        block["variable"] = plain
    return block


def _stored(values: np.ndarray) -> np.ndarray | None:
    """Return the values in a type of NetCDF 3 that holds every one of them exactly, or None."""
    if values.dtype.kind == "b":
        return values.astype(np.int8)
    if values.dtype.kind == "f":
        return values.astype(np.float32) if values.dtype.itemsize < 8 else values
    low, high = int(values.min()), int(values.max())
    if low >= _INT32.min and high <= _INT32.max:
        return values.astype(np.int32)
    return values.astype(np.float64) if max(-low, high) <= _EXACT else None


def write_arrays(shelf: Shelf, *, path: Path) -> None:
    """Write the variables of a shelf into one NetCDF file."""
    dataset = xr.Dataset(dict(shelf.variables))
    dataset.to_netcdf(path, engine="scipy", format="NETCDF3_64BIT")


def read_variables(path: Path) -> dict[str, np.ndarray]:
    """Return the variables of a NetCDF file as plain arrays."""
    with xr.open_dataset(path, engine="scipy", decode_cf=False) as dataset:
        return {str(name): np.array(variable.values) for name, variable in dataset.variables.items()}


def restore(
    described: Mapping[str, Any], *, variables: Mapping[str, np.ndarray], labels: list[list[str]]
) -> xr.DataArray:
    """Build one array from its description; KeyError, ValueError or TypeError where it is damaged."""
    return xr.DataArray(
        _restored(described["values"], variables, labels),
        dims=tuple(described["dims"]),
        coords={
            part["name"]: (tuple(part["dims"]), _restored(part["values"], variables, labels))
            for part in described["coords"]
        },
        name=described["title"],
        attrs=dict(described["attrs"]),
    )


def _restored(
    block: Mapping[str, Any], variables: Mapping[str, np.ndarray], labels: list[list[str]]
) -> np.ndarray:
    shape = tuple(block["shape"])
    if block["dtype"] == "text":
        values = np.empty(len(labels[block["labels"]]), dtype=object)
        values[:] = labels[block["labels"]]
        return values.reshape(shape)
    if block["dtype"] not in NUMBER_TYPES:
        raise ValueError(f"unknown type {block['dtype']}")
    if block["variable"] is None:
        if 0 not in shape:
            raise ValueError("values without a variable")
        return np.zeros(shape, dtype=block["dtype"])
    return variables[block["variable"]].reshape(shape).astype(block["dtype"])
