"""The face: every public name loads, from where the type checker thinks it does, and stays a name."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import psychomet
from psychomet.errors import MissingEngineError

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "psychomet"
FACE = PACKAGE / "__init__.py"
MANY_NAMES = 76  # sorted in the five parts of the data flow; half of them are questions, one name each


def module_file(module: str) -> Path:
    """Return where the source of a module of the package lies."""
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@pytest.mark.parametrize("name", psychomet.__all__)
def test_every_name_loads(name: str) -> None:
    value = getattr(psychomet, name)
    assert value is getattr(importlib.import_module(psychomet._HOME[name]), name)
    assert not isinstance(value, type(ast)), f"{name} is a module"
    assert vars(psychomet)[name] is value, "a name is loaded once"


def test_the_type_checker_sees_the_same_names() -> None:
    tree = ast.parse(FACE.read_text(encoding="utf-8"))
    blocks = [
        node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    assert len(blocks) == 1
    seen = {
        alias.name: statement.module
        for statement in blocks[0].body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    assert seen == psychomet._HOME


def test_all_and_dir_list_the_names() -> None:
    assert sorted(psychomet.__all__) == sorted(psychomet._HOME)
    assert len(psychomet.__all__) == len(set(psychomet.__all__)) <= MANY_NAMES
    assert set(psychomet.__all__) <= set(dir(psychomet))


def test_no_name_is_also_a_module() -> None:
    modules = {path.stem for path in PACKAGE.glob("*.py")} | {
        path.parent.name for path in PACKAGE.glob("*/__init__.py")
    }
    assert not modules & set(psychomet.__all__)


def test_importing_modules_does_not_hide_names() -> None:
    modules = sorted({*psychomet._HOME.values()})
    code = "\n".join([
        *(f"import {module}" for module in modules),
        "import psychomet, types",
        "hidden = [n for n in psychomet.__all__ if isinstance(getattr(psychomet, n), types.ModuleType)]",
        "raise SystemExit(', '.join(hidden) or 0)",
    ])  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'relaibility'"):
        psychomet.relaibility  # noqa: B018
    with pytest.raises(ImportError, match="relaibility"):
        exec("from psychomet import relaibility")
    assert not hasattr(psychomet, "__path_of_nothing__")


def test_a_missing_engine_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "psychomet_needs_pingouin.py").write_text("import pingouin.reliability\n", encoding="utf-8")
    (tmp_path / "psychomet_needs_nothing.py").write_text(
        "import no_such_package_anywhere\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "pingouin", None)
    monkeypatch.setitem(psychomet._HOME, "engine", "psychomet_needs_pingouin")
    monkeypatch.setitem(psychomet._HOME, "broken", "psychomet_needs_nothing")
    with pytest.raises(
        MissingEngineError, match=r"psychomet\.engine needs .*pingouin.*psychomet\[crosscheck\]"
    ):
        psychomet.engine  # noqa: B018
    # A core package that is missing is a broken installation, not a choice: it is not dressed up.
    with pytest.raises(ModuleNotFoundError, match="no_such_package_anywhere"):
        psychomet.broken  # noqa: B018


def test_every_engine_stands_in_its_extra() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    package = {
        "causallearn": "causal-learn",
        "factor_analyzer": "factor-analyzer",
        "pypandoc": "pypandoc_binary",
    }
    for module, extra in psychomet._ENGINES.items():
        wanted = package.get(module, module)
        assert any(requirement.startswith(wanted) for requirement in extras[extra]), (module, extra)


def test_the_version_is_a_literal_that_the_build_reads() -> None:
    tree = ast.parse(FACE.read_text(encoding="utf-8"))
    values = [
        node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__version__"
    ]
    assert values == [psychomet.__version__]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {psychomet.__version__}\n" in citation


def test_python_m_is_the_command() -> None:
    if not module_file("psychomet.cli").exists():
        pytest.skip("the command line is not written yet")
    environment = os.environ | {"COLUMNS": "100"}
    done = subprocess.run(
        [sys.executable, "-m", "psychomet", "--help"], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert "report" in done.stdout and "gate" in done.stdout
