"""Results on disk: JSON, CSV and NetCDF in one folder, written whole or not at all.

``result.json`` is the canonical form and the one that :func:`load` reads; the CSV files show the
same estimates to a spreadsheet; ``arrays.nc`` (NetCDF 3, any NetCDF reader opens it) holds the
numeric arrays; ``manifest.json`` lists what psychomet wrote, so that a folder is replaced only when
nothing else lies in it. There is no pickle anywhere: reading a stored result runs no code.
"""

from __future__ import annotations

from psychomet.result.store.folder import whole_folder, write_files
from psychomet.result.store.read import load
from psychomet.result.store.write import save, write_csv, write_results

__all__ = ["load", "save", "whole_folder", "write_csv", "write_files", "write_results"]
