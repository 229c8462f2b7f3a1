"""The array library on which kernels without a factor are evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from psychomet.errors import MissingEngineError

ENGINES = ("numpy", "jax")


@contextmanager
def array_module(engine: str) -> Iterator[Any]:
    """Give numpy, or jax.numpy with double precision inside this context and nowhere else.

    Parameters
    ----------
    engine : {"numpy", "jax"}
        JAX computes where it is installed to compute: on a GPU where it finds one.

    Raises
    ------
    MissingEngineError
        If JAX is asked for and not installed.
    """
    if engine == "numpy":
        yield np
        return
    try:
        import jax
    except ModuleNotFoundError as error:
        text = (
            "independence with engine='jax' needs the package jax, which is not installed. "
            "Install it with: pip install 'psychomet[jax]'; engine='numpy' needs no extra"
        )
        raise MissingEngineError(text) from error
    from jax import experimental

    # Older versions of JAX have it elsewhere.
    double: Any = getattr(jax if hasattr(jax, "enable_x64") else experimental, "enable_x64")  # noqa: B009
    with double(True):
        yield jax.numpy
