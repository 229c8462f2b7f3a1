"""The rows of an answer that a sentence in short may speak of."""

from __future__ import annotations

from typing import Any

import pandas as pd

from psychomet.pages.tables import records
from psychomet.result.result import Result


def whole_rows(result: Result, *estimands: str) -> list[dict[str, Any]]:
    """Rows of the whole table that have an estimate, or of the groups where there is no other."""
    frame: pd.DataFrame = result.estimates
    frame = frame[frame["estimand"].isin(estimands) & frame["estimate"].notna()]
    whole = frame[frame["group"] == ""]
    return records(frame if whole.empty else whole)
