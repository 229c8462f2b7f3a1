"""The settings that every result carries: the arguments, the versions and the table's contract."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from psychomet.table.features import FeatureTable
from psychomet.table.responses import ResponseTable

ENGINES = ("psychomet", "numpy", "scipy", "pandas", "duckdb", "ibis-framework")


def settings(responses: ResponseTable | FeatureTable, **arguments: Any) -> dict[str, Any]:
    """Return the settings of a result: every argument, the versions and the table's contract.

    Parameters
    ----------
    responses : ResponseTable or FeatureTable
        The table the result is about.
    **arguments
        The arguments of the call, as JSON values.

    Returns
    -------
    dict
    """
    versions = {"python": platform.python_version()}
    for name in ENGINES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed as a package"
    return {**arguments, "table": dict(responses.contract), "versions": versions}
