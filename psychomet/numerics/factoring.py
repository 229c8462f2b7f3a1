"""Extraction of common factors: the import path from before :mod:`psychomet.numerics.factors`."""

from __future__ import annotations

from psychomet.numerics.factors.extraction import LEAST_UNIQUENESS, Extraction, Factoring, extract

__all__ = ["LEAST_UNIQUENESS", "Extraction", "Factoring", "extract"]
