"""What the tests of the analyses share: an analysis is a script, loaded here as a module."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ANALYSES = Path(__file__).resolve().parent.parent.parent / "analyses"


@pytest.fixture(scope="session")
def load_run() -> Callable[[str], ModuleType]:
    """Return a function that loads the ``run.py`` of a study, with its folder on the path as for a script."""

    def load(study: str) -> ModuleType:
        folder = ANALYSES / study
        spec = importlib.util.spec_from_file_location(f"analysis_{study}", folder / "run.py")
        module = importlib.util.module_from_spec(spec)
        sys.path.insert(0, str(folder))
        try:
            spec.loader.exec_module(module)
        finally:
            sys.path.remove(str(folder))
        return module

    return load
