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
def load_run() -> Callable[..., ModuleType]:
    """Return a function that loads a script of a study, ``run.py`` or another, with its folder on the path."""

    def load(study: str, script: str = "run") -> ModuleType:
        folder = ANALYSES / study
        spec = importlib.util.spec_from_file_location(f"analysis_{study}_{script}", folder / f"{script}.py")
        module = importlib.util.module_from_spec(spec)
        sys.path.insert(0, str(folder))
        # Each study has a run.py: that of another one must not be taken for it.
        sys.modules.pop("run", None)
        try:
            spec.loader.exec_module(module)
        finally:
            sys.path.remove(str(folder))
            sys.modules.pop("run", None)
        return module

    return load
