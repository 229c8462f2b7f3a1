"""The house rules that a program can check. They read the source; they do not import it.

Each rule is a function from source text to the offences in it. Below the rules stand two kinds of test:
every rule holds for every file of the package, and every rule finds what it is there to find.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "psychomet"
LONGEST_FILE = 400

# --- the map ---------------------------------------------------------------------------------------

GROUND = {"errors", "notes", "text"}
LOW = GROUND | {"schema", "numerics"}

ENGINES = {"arviz", "causallearn", "jax", "joblib", "nutpie", "optax", "pymc", "pytensor"}
"""Optional packages that compute: the questions on causes alone may import them."""
ENGINES_ROOM = "psychomet.estimates.causes."

# Room -> (rooms it may import, packages it may import). A room is a folder or a file of the package.
# A room of several files may import itself; within `estimates` a rule of its own says how far.
MAP: dict[str, tuple[set[str], set[str]]] = {
    "errors": (set(), set()),
    "notes": (set(), set()),
    "text": (set(), set()),
    "numerics": ({"numerics", "errors"}, {"numpy", "scipy"}),
    "schema": (GROUND, set()),
    "table": (LOW | {"table"}, {"duckdb", "ibis", "narwhals", "numpy", "pandas", "pyarrow", "scipy"}),
    "result": (LOW | {"result"}, {"numpy", "pandas", "scipy", "xarray"}),
    "scores": (LOW | {"scores", "table"}, {"ibis", "numpy", "pandas"}),
    "pages": (
        {"errors", "notes", "pages", "result", "text"},
        {"jinja2", "markupsafe", "matplotlib", "numpy", "pandas"},
    ),
    "estimates": (
        LOW | {"table", "result", "scores", "estimates"},
        {"ibis", "numpy", "pandas", "scipy", "xarray", *ENGINES},
    ),
    "second_opinion": (
        LOW | {"table", "result", "scores"},
        {"factor_analyzer", "krippendorff", "numpy", "pandas", "pingouin", "statsmodels", "xarray"},
    ),
    "studies": (LOW | {"table", "result", "scores", "pages", "estimates", "studies"}, {"numpy", "pandas"}),
    "cli": (
        LOW | {"cli", "table", "result", "scores", "pages", "estimates", "second_opinion", "studies"},
        {"click"},
    ),
    "__main__": ({"cli"}, set()),
}
GPL = {"factor_analyzer", "krippendorff", "pingouin"}
GPL_ROOM = "second_opinion"

# One word for one thing: parameter names that the field also uses, and the house's word for each.
SYNONYMS = {
    "bootstrap_samples": "n_boot", "n_boots": "n_boot", "n_bootstrap": "n_boot", "n_bootstraps": "n_boot",
    "n_resamples": "n_boot", "nboot": "n_boot", "n_draws": "n_boot",
    "random_state": "seed", "rng_seed": "seed", "random_seed": "seed",
    "ci": "conf_level", "ci_level": "conf_level", "ci_prob": "conf_level", "conf": "conf_level",
    "confidence": "conf_level", "confidence_level": "conf_level", "prob": "conf_level",
    "dropna": "missing", "impute": "missing", "na": "missing", "na_action": "missing", "na_rm": "missing",
    "nan_policy": "missing", "skipna": "missing",
    "groupby": "by", "group_by": "by", "grouping": "by",
    "codebook": "key", "scoring": "key", "scoring_key": "key",
}  # fmt: skip
READ_WITH_A_CODEBOOK = {"read_features", "features_of", "features_report"}
# Words with a meaning of their own elsewhere (a generator handed down, the level of a facet): not on the face.
SYNONYMS_ON_THE_FACE = {"alpha": "conf_level", "level": "conf_level", "rng": "seed", "generator": "seed"}

# A second thing by position, where a verb has two: save what, and where to.
SECOND_THING = {"save": "folder", "write_page": "out", "make_result": "rows"}

BLOCKED_CALLS = {"print": "write with click.echo in cli/", "eval": "no eval", "exec": "no exec"}
BLOCKED_MODULES = {
    "pickle": "no pickle", "cPickle": "no pickle", "dill": "no pickle", "cloudpickle": "no pickle",
    "joblib": "no pickle", "shelve": "no pickle", "marshal": "no pickle", "random": "np.random.default_rng(seed)",
}  # fmt: skip
GLOBAL_OPTIONS = {"rcParams", "rcdefaults", "seterr", "set_option", "set_printoptions"}
MODERN_RANDOM = {"default_rng", "Generator", "SeedSequence", "BitGenerator", "PCG64", "Philox"}

# Put together from parts, so that this file does not hold what it looks for.
MACHINE_PATH = re.compile(
    r"(?<![\w.:/-])/(?:" + "|".join(["work", "root", "home/\\w+", "Users/\\w+", "tmp/\\w+"]) + r")/"
)
HOSTS = re.compile(
    "|".join(
        [
            "pypi" + r"\.org",
            "python" + "hosted",
            "npm" + r"js\.org",
            "deb" + r"\.debian",
            "--(?:extra-)?index" + "-url [^-]",
        ]
    )
)


# --- reading source --------------------------------------------------------------------------------


def module_name(path: Path) -> str:
    """Return the dotted name of a file of the package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(module: str) -> str:
    """Return the room of a module: the first name under the package."""
    return module.split(".")[1] if "." in module else module


@cache
def imports(source: str, module: str, *, is_package: bool = False) -> tuple[tuple[int, str], ...]:
    """Line and dotted name of all that is imported, in functions and for type checking too."""
    return tuple(imported(ast.parse(source), module, is_package=is_package))


def imported(tree: ast.AST, module: str, *, is_package: bool = False) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of all that is imported below a node.

    ``from a import b`` yields ``a.b``: b may be a module.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                keep = len(parts) - node.level + (1 if is_package else 0)
                base = ".".join([*parts[:keep], *([base] if base else [])])
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the functions of a module that others may call: at the top, without an underscore."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield node


def arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[list[ast.arg], list[ast.arg]]:
    """Return the positional and the keyword-only parameters."""
    given = function.args
    extra = [given.vararg] if given.vararg else []
    return [*given.posonlyargs, *given.args, *extra], [
        *given.kwonlyargs,
        *([given.kwarg] if given.kwarg else []),
    ]


# --- the rules: source and module -> offences ------------------------------------------------------


def map_offences(source: str, module: str) -> list[str]:
    """Imports that the map does not allow."""
    here = room(module)
    if module == "psychomet":
        return []
    if here not in MAP:
        return [f"{module}: no place on the map of test_architecture.py"]
    rooms, packages = MAP[here]
    found = []
    for line, name in imports(source, module):
        top = name.partition(".")[0]
        if top == "psychomet":
            target = name.split(".")[1] if "." in name else "the face"
            if target not in rooms:
                found.append(f"{module}:{line}: {here} must not import {target} ({name})")
        elif top not in sys.stdlib_module_names and top not in packages:
            found.append(f"{module}:{line}: {here} must not import {top}")
    return found


def gpl_offences(source: str, module: str) -> list[str]:
    """GPL packages outside their one file, or at its top."""
    found = []
    suspects = [(line, name) for line, name in imports(source, module) if name.partition(".")[0] in GPL]
    if not suspects:
        return []
    deep = {
        name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
        for _, name in imported(node, module)
    }
    for line, name in suspects:
        if room(module) != GPL_ROOM or name not in deep:
            found.append(
                f"{module}:{line}: {name} is GPL: only {GPL_ROOM}.py may import it, inside a function"
            )
    return found


def engine_offences(source: str, module: str) -> list[str]:
    """Optional packages that compute, outside the chapter that needs them."""
    return [
        f"{module}:{line}: {name}: only {ENGINES_ROOM}* may import it"
        for line, name in imports(source, module)
        if name.partition(".")[0] in ENGINES and not module.startswith(ENGINES_ROOM)
    ]


def hidden_import_offences(source: str, module: str) -> list[str]:
    """Imports that no arrow shows, and private names of other packages."""
    found = []
    for node in ast.walk(ast.parse(source)):
        called = (
            getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
        )
        if module != "psychomet" and called in {"import_module", "__import__"}:
            found.append(f"{module}:{node.lineno}: imports by name, where no rule sees it")
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            found.append(f"{module}:{node.lineno}: star import")
    for line, name in imports(source, module):
        parts = name.split(".")
        if parts[0] not in {"psychomet", "__future__"} and any(
            p.startswith("_") and not p.endswith("__") for p in parts[1:]
        ):
            found.append(f"{module}:{line}: {name} is a private name of another package")
    return found


def _folder(module: str) -> list[str]:
    """The chapter of a question of one file, the folder of one that has a folder of its own."""
    parts = module.split(".")
    return parts[:4] if len(parts) > 4 else parts[:-1]


def estimate_offences(source: str, module: str) -> list[str]:
    """Estimate files that import each other.

    A question that grew may have parts beside it, in its own folder and the folders in that: files that hold no public name.
    """
    if room(module) != "estimates":
        return []
    homes = set(face_homes().values())
    found = []
    for line, name in imports(source, module):
        if name.startswith("psychomet.estimates"):
            target = name if name in FILES else name.rpartition(".")[0]
            beside = _folder(target) == _folder(module)
            if target in homes or not beside:
                found.append(f"{module}:{line}: estimates do not import each other ({name})")
    return found


def conduct_offences(source: str, module: str) -> list[str]:
    """Print, assert, pickle, legacy random numbers, broad except, mutable defaults, globals."""
    found = []
    tree = ast.parse(source)
    restored = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef) and ".rc_context(" in ast.unparse(function)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        what = ""
        if isinstance(node, ast.Assert):
            what = "assert is gone under -O: raise an error"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BLOCKED_CALLS:
            what = f"{node.func.id}: {BLOCKED_CALLS[node.func.id]}"
        elif isinstance(node, ast.Global):
            what = "global state"
        elif isinstance(node, ast.ExceptHandler):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            names = {"everything" if kind is None else ast.unparse(kind) for kind in caught}
            reraises = bool(node.body) and isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
            if names & {"everything", "Exception", "BaseException"} and not reraises:
                what = "broad except"
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            defaults = [*node.args.defaults, *(default for default in node.args.kw_defaults if default)]
            if any(isinstance(default, ast.List | ast.Dict | ast.Set) for default in defaults):
                what = "mutable default"
        elif isinstance(node, ast.Attribute) and (
            node.attr in GLOBAL_OPTIONS or getattr(node.value, "attr", "") == "random"
        ):
            chain = ast.unparse(node)
            legacy = re.fullmatch(r"(?:np|numpy)\.random\.(\w+)", chain)
            if legacy and legacy[1] not in MODERN_RANDOM:
                what = f"{chain}: use np.random.default_rng(seed)"
            elif id(node) not in restored and node.attr in GLOBAL_OPTIONS:
                what = f"{chain}: a global option"
        if what:
            found.append(f"{module}:{getattr(node, 'lineno', 0)}: {what}")
    for line, name in imports(source, module):
        # What joblib sends to its own processes stays among them; its files are pickles.
        own = name in {"joblib.Parallel", "joblib.delayed", "joblib.parallel_config"}
        blocked = None if own else BLOCKED_MODULES.get(name.partition(".")[0])
        if blocked:
            found.append(f"{module}:{line}: {name}: {blocked}")
    return found


def vocabulary_offences(source: str, module: str, *, face: frozenset[str]) -> list[str]:
    """Parameters named by a word for which the house has another."""
    found = []
    for function in functions(ast.parse(source)):
        forbidden = SYNONYMS | (SYNONYMS_ON_THE_FACE if function.name in face else {})
        positional, keywords = arguments(function)
        for argument in [*positional, *keywords]:
            # A table of features has a codebook; a key belongs to items.
            if argument.arg == "codebook" and function.name in READ_WITH_A_CODEBOOK:
                continue
            if argument.arg in forbidden:
                found.append(
                    f"{module}.{function.name}: {argument.arg} is called {forbidden[argument.arg]} here"
                )
    return found


def signature_offences(source: str, module: str, *, face: frozenset[str]) -> list[str]:
    """Signatures: one thing by position, the rest by keyword; everything annotated."""
    found = []
    tree = ast.parse(source)
    for function in functions(tree):
        positional, keywords = arguments(function)
        where = f"{module}.{function.name}"
        free = [argument.arg for argument in positional if argument.arg != SECOND_THING.get(function.name)]
        if function.name in face and len(free) > 1:
            found.append(f"{where}: a public function takes one positional argument")
        elif room(module) not in {"numerics", "cli"} and len(positional) + len(keywords) > 4 and not keywords:
            found.append(f"{where}: five parameters or more, and none of them keyword-only")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            positional, keywords = arguments(node)
            bare = [
                a.arg
                for a in [*positional, *keywords]
                if a.annotation is None and a.arg not in {"self", "cls"}
            ]
            if bare or node.returns is None:
                found.append(f"{module}.{node.name}: not annotated: {', '.join(bare) or 'the return value'}")
    return found


def sections(docstring: str) -> dict[str, str]:
    """Split a numpydoc docstring into its sections."""
    pieces = re.split(r"^(\w[\w ]*)\n-{3,}$", docstring, flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def docstring_offences(source: str, module: str, *, face: frozenset[str]) -> list[str]:
    """Docstrings: there for all that is public, numpydoc for the face, and true to the signature."""
    tree = ast.parse(source)
    found = [] if ast.get_docstring(tree) or not tree.body else [f"{module}: no module docstring"]
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and not ast.get_docstring(node):
            found.append(f"{module}.{node.name}: no docstring")
    for function in functions(tree):
        where = f"{module}.{function.name}"
        docstring = ast.get_docstring(function)
        if not docstring:
            found.append(f"{where}: no docstring")
            continue
        there = sections(docstring)
        positional, keywords = arguments(function)
        names = [argument.arg for argument in [*positional, *keywords]]
        documented = re.findall(
            r"^\*{0,2}(\w[\w, *]*?)(?: *:.*)?$", there.get("Parameters", ""), flags=re.MULTILINE
        )
        listed = [name.strip(" *") for entry in documented for name in entry.split(",")]
        if "Parameters" in there and sorted(listed) != sorted(names):
            found.append(f"{where}: Parameters lists {listed}, the signature has {names}")
        if function.name not in face:
            continue
        returns = ast.unparse(function.returns) if function.returns else "None"
        raises = any(isinstance(node, ast.Raise) for node in ast.walk(function))
        for section, needed in (
            ("Parameters", bool(names)),
            ("Returns", returns != "None"),
            ("Raises", raises),
        ):
            if needed and section not in there:
                found.append(f"{where}: no {section} section")
    return found


def column_offences(source: str, module: str, *, glossary: frozenset[str]) -> list[str]:
    """Rows of estimates with a column that is not in the glossary.

    A row is a dict or a call of ``dict`` that names an ``estimand``; tables of a page are no rows.
    """
    if room(module) == "pages":
        return []
    found = []
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Dict):
            names = [k.value for k in node.keys if isinstance(k, ast.Constant) and isinstance(k.value, str)]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
            names = [keyword.arg for keyword in node.keywords if keyword.arg]
        if "estimand" in names:
            found += [
                f"{module}:{node.lineno}: column {name} is not in VOCABULARY"
                for name in names
                if name not in glossary
            ]
    return found


def length_offences(source: str, module: str) -> list[str]:
    """Files past the length at which they become folders."""
    lines = len(source.splitlines())
    return [f"{module}: {lines} lines, more than {LONGEST_FILE}"] if lines > LONGEST_FILE else []


def leak_offences(text: str, name: str) -> list[str]:
    """Paths of one machine and hosts of registries, which mean nothing to a reader elsewhere."""
    return [
        f"{name}:{number}: {match[0]!r}"
        for number, line in enumerate(text.splitlines(), 1)
        for match in [*MACHINE_PATH.finditer(line), *HOSTS.finditer(line)]
    ]


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules that import each other (Tarjan's strongly connected components)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph.get(node, ())):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = []
            while not group or group[-1] != node:
                group.append(stack.pop())
            if len(group) > 1 or node in graph.get(node, ()):
                groups.append(sorted(group))

    for start in sorted(graph):
        if start not in index:
            visit(start)
    return groups


# --- what the rules are held against ---------------------------------------------------------------

FILES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def read(module: str) -> str:
    return FILES[module].read_text(encoding="utf-8")


@cache
def face_homes() -> dict[str, str]:
    """Read the face's table of names without importing it."""
    for node in ast.parse(read("psychomet")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_HOME":
            return ast.literal_eval(node.value)
    raise LookupError("psychomet/__init__.py has no _HOME")


def public_in(module: str) -> frozenset[str]:
    """Return the public names that live in a module; those of a folder may be defined in any file of it."""
    return frozenset(
        name for name, home in face_homes().items() if module == home or module.startswith(f"{home}.")
    )


@cache
def glossary() -> frozenset[str]:
    """Read the names of VOCABULARY without importing it."""
    for node in ast.parse(read("psychomet.result.result")).body:
        target = (
            node.target
            if isinstance(node, ast.AnnAssign)
            else node.targets[0]
            if isinstance(node, ast.Assign)
            else None
        )
        if target is not None and ast.unparse(target) == "VOCABULARY" and isinstance(node.value, ast.Dict):
            return frozenset(ast.literal_eval(key) for key in node.value.keys if key is not None)
    raise LookupError("psychomet/result/result.py has no VOCABULARY")


@cache
def module_graph() -> dict[str, set[str]]:
    """Which file imports which; the face, being lazy, stands outside."""
    graph: dict[str, set[str]] = {}
    for module, path in FILES.items():
        if module == "psychomet":
            continue
        wanted = {name for _, name in imports(read(module), module, is_package=path.name == "__init__.py")}
        graph[module] = {name if name in FILES else name.rpartition(".")[0] for name in wanted} & set(
            FILES
        ) - {"psychomet"}
    return graph


Rule = Callable[[str, str], list[str]]


def with_face(rule: Callable[..., list[str]]) -> Rule:
    return lambda source, module: rule(source, module, face=public_in(module))


RULES: dict[str, Rule] = {
    "map": map_offences,
    "gpl": gpl_offences,
    "engines": engine_offences,
    "hidden imports": hidden_import_offences,
    "estimates": estimate_offences,
    "conduct": conduct_offences,
    "vocabulary": with_face(vocabulary_offences),
    "signatures": with_face(signature_offences),
    "docstrings": with_face(docstring_offences),
    "columns": lambda source, module: column_offences(source, module, glossary=glossary()),
    "length": length_offences,
}


@pytest.mark.parametrize("rule", RULES)
def test_the_package_keeps_the_rule(rule: str) -> None:
    offences = [offence for module in FILES for offence in RULES[rule](read(module), module)]
    assert not offences, "\n" + "\n".join(offences)


def test_no_cycles() -> None:
    assert cycles(module_graph()) == []
    rooms: dict[str, set[str]] = {}
    for module, wanted in module_graph().items():
        rooms.setdefault(room(module), set()).update({room(other) for other in wanted} - {room(module)})
    assert cycles(rooms) == []


def test_a_part_belongs_to_one_question() -> None:
    """What two questions share goes down to numerics/ or scores/, it does not lie between them."""
    homes = {home for home in face_homes().values() if room(home) == "estimates"}
    graph = module_graph()
    parts = {module for module in FILES if room(module) == "estimates"} - homes
    for part in parts:
        users = {module for module in homes if part in graph.get(module, ())}
        assert len(users) <= 1, f"{part} is shared by {sorted(users)}"


def test_the_map_has_no_cycle_and_no_stranger() -> None:
    assert cycles({name: rooms - {name} for name, (rooms, _) in MAP.items()}) == []
    rooms = {path.stem for path in PACKAGE.glob("*.py")} | {
        path.parent.name for path in PACKAGE.glob("*/__init__.py")
    }
    assert set(MAP) >= rooms - {"__init__"}


def test_no_tracked_file_names_a_machine_or_a_registry() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    offences = []
    for name in filter(None, listed.stdout.decode().split("\0")):
        path = ROOT / name
        content = path.read_bytes() if path.is_file() else b""
        if b"\0" not in content[:8192]:
            offences += leak_offences(content.decode("utf-8", "replace"), name)
    assert not offences, "\n" + "\n".join(offences[:40])


# --- what is loaded, and when ----------------------------------------------------------------------


def loaded_after(code: str) -> set[str]:
    """Run code in a fresh interpreter and return the top-level packages then loaded."""
    script = f"import json, sys\n{code}\nprint(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


HEAVY = {
    "arviz", "click", "duckdb", "ibis", "jax", "jinja2", "matplotlib", "narwhals", "numpy", "pandas", "pingouin", "polars",
    "pyarrow", "pymc", "scipy", "sklearn", "statsmodels", "xarray",
}  # fmt: skip


def test_importing_the_package_loads_nothing() -> None:
    before = loaded_after("pass")
    after = loaded_after("import psychomet; psychomet.__version__; dir(psychomet)")
    assert after - before <= {"psychomet", "__future__"}


def test_help_loads_no_engine() -> None:
    if "psychomet.cli" not in FILES:
        pytest.skip("the command line is not written yet")
    code = (
        "from psychomet.cli import main\n"
        "sys.argv = ['psychomet', '--help']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code"
    )
    assert not loaded_after(code) & (HEAVY - {"click"})


def test_a_report_needs_no_engine() -> None:
    """The page stands on results alone: nothing that reads tables or computes is loaded."""
    pages = [module for module in FILES if room(module) == "pages"]
    if not pages:
        pytest.skip("the pages are not written yet")
    loaded = loaded_after("\n".join(f"import {module}" for module in pages))
    assert not loaded & {"duckdb", "ibis", "jax", "narwhals", "pingouin", "polars", "pymc", "statsmodels"}


def test_numerics_stands_on_numpy_and_scipy_alone() -> None:
    """The ground floor loads with nothing but NumPy and SciPy, whatever else is installed."""
    modules = [module for module in FILES if room(module) == "numerics"]
    blocked = sorted(HEAVY - {"numpy", "scipy"})
    code = f"sys.modules.update(dict.fromkeys({blocked!r}))\n" + "\n".join(
        f"import {module}" for module in modules
    )
    assert loaded_after(code) >= {"numpy"}


# --- every rule finds what it is there to find -----------------------------------------------------

BAD: list[tuple[str, str, str]] = [
    ("map", "psychomet.table.read", "from psychomet.estimates.design import design"),
    ("map", "psychomet.table.read", "def f():\n    from psychomet.scores import key"),
    (
        "map",
        "psychomet.scores.score",
        "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    import psychomet.pages.page",
    ),
    ("map", "psychomet.numerics.icc", "import pandas as pd"),
    ("map", "psychomet.numerics.icc", "from psychomet.text import visible"),
    ("map", "psychomet.pages.page", "from psychomet.table.read import read_responses"),
    ("map", "psychomet.estimates.design", "from psychomet import read_responses"),
    ("map", "psychomet.table.read", "from ..scores import key"),
    ("map", "psychomet.result.gate", "import requests"),
    ("map", "psychomet.helpers", "x = 1"),
    ("gpl", "psychomet.estimates.design", "def f():\n    import pingouin as pg"),
    ("gpl", "psychomet.second_opinion", "from pingouin import cronbach_alpha"),
    ("engines", "psychomet.estimates.validity.link", "import jax"),
    ("engines", "psychomet.numerics.lingam", "def f():\n    from causallearn.search import x"),
    ("conduct", "psychomet.estimates.causes.discovery", "from joblib import load"),
    (
        "hidden imports",
        "psychomet.table.read",
        "import importlib\nm = importlib.import_module('psychomet.cli')",
    ),
    ("hidden imports", "psychomet.table.read", "from numpy import *"),
    ("hidden imports", "psychomet.numerics.icc", "from scipy.stats import _continuous_distns"),
    ("hidden imports", "psychomet.numerics.icc", "import scipy._lib.doccer"),
    ("estimates", "psychomet.estimates.design", "from psychomet.estimates.profile import profile"),
    (
        "estimates",
        "psychomet.estimates.precision.agreement",
        "from psychomet.estimates.sensitivity import parts",
    ),
    (
        "estimates",
        "psychomet.estimates.causes.hierarchy.joint.fit",
        "from psychomet.estimates.causes.representation import parts",
    ),
    (
        "estimates",
        "psychomet.estimates.causes.independence",
        "from psychomet.estimates.causes.hierarchy.sampling import Sampling",
    ),
    ("conduct", "psychomet.table.read", "def f(x):\n    assert x"),
    ("conduct", "psychomet.table.read", "print('x')"),
    ("conduct", "psychomet.table.read", "import pickle"),
    ("conduct", "psychomet.table.read", "from random import choice"),
    ("conduct", "psychomet.table.read", "import numpy as np\nnp.random.seed(1)"),
    ("conduct", "psychomet.table.read", "import numpy as np\nx = np.random.RandomState(1)"),
    ("conduct", "psychomet.table.read", "import matplotlib as mpl\nmpl.rcParams['font.size'] = 8"),
    ("conduct", "psychomet.table.read", "try:\n    x = 1\nexcept Exception:\n    x = 2"),
    ("conduct", "psychomet.table.read", "try:\n    x = 1\nexcept (ValueError, BaseException):\n    x = 2"),
    ("conduct", "psychomet.table.read", "try:\n    x = 1\nexcept:\n    x = 2"),
    ("conduct", "psychomet.table.read", "def f(x=[]):\n    pass"),
    ("conduct", "psychomet.table.read", "def f(*, x={}):\n    pass"),
    ("conduct", "psychomet.table.read", "def f():\n    global x\n    x = 1"),
    ("vocabulary", "psychomet.estimates.design", "def design(responses, *, random_state): pass"),
    ("vocabulary", "psychomet.estimates.design", "def design(responses, *, alpha): pass"),
    ("vocabulary", "psychomet.numerics.resample", "def boot(x, n_bootstrap): pass"),
    ("signatures", "psychomet.estimates.design", "def design(responses: int, key: int) -> int: ..."),
    (
        "signatures",
        "psychomet.estimates.design",
        "def design(*responses: int, key: int) -> int: ...\ndef f(x): ...",
    ),
    (
        "signatures",
        "psychomet.estimates.design",
        "def other(a: int, b: int, c: int, d: int, e: int) -> int: ...",
    ),
    ("signatures", "psychomet.estimates.design", "def design(responses: int): ..."),
    ("docstrings", "psychomet.estimates.design", '"""M."""\ndef design(responses: int) -> int: ...'),
    (
        "docstrings",
        "psychomet.estimates.design",
        '"""M."""\ndef design(responses: int) -> int:\n    """D."""',
    ),
    (
        "docstrings",
        "psychomet.estimates.design",
        '"""M."""\ndef f(a: int, b: int) -> int:\n    """D.\n\n    Parameters\n    ----------\n    a : int\n        A.\n    """',
    ),
    (
        "docstrings",
        "psychomet.estimates.design",
        '"""M."""\ndef design(a: int) -> None:\n    """D.\n\n    Parameters\n    ----------\n    a : int\n        A.\n    """\n'
        "    raise ValueError",
    ),
    ("docstrings", "psychomet.estimates.design", '"""M."""\nclass C:\n    x = 1'),
    ("docstrings", "psychomet.estimates.design", "x = 1"),
    ("columns", "psychomet.estimates.design", "row = {'estimand': 'alpha', 'lower': 0.1}"),
    ("columns", "psychomet.estimates.design", "row = dict(estimand='alpha', CI95=(0, 1))"),
    ("length", "psychomet.estimates.design", "x = 1\n" * (LONGEST_FILE + 1)),
]

GOOD = '''
"""A module as it should be."""

from __future__ import annotations

import numpy as np

from psychomet.errors import InputError
from psychomet.result.result import Result, make_result


def design(responses: int, *, conf_level: float = 0.95, seed: int | None = None) -> Result:
    """Answer one question.

    Parameters
    ----------
    responses : ResponseTable
        The table; two kinds::

            wide : not this one
    conf_level, seed
        As everywhere.

    Returns
    -------
    Result
        One row.

    Raises
    ------
    InputError
        When there is nothing.
    """
    if responses < 0:
        raise InputError("x", [])
    rng = np.random.default_rng(seed)
    try:
        value = rng.normal()
    except ValueError:
        value = 0.0
    return make_result("design", [{"estimand": "alpha", "estimate": value, "reason": "a count"}])
'''


@pytest.mark.parametrize(("rule", "module", "source"), BAD)
def test_the_rule_finds_it(rule: str, module: str, source: str) -> None:
    assert RULES[rule](source, module)


@pytest.mark.parametrize("rule", RULES)
def test_good_code_passes(rule: str) -> None:
    assert RULES[rule](GOOD.strip(), "psychomet.estimates.design") == []


def test_the_gpl_packages_are_welcome_in_their_place() -> None:
    source = "def f():\n    import pingouin\n    return pingouin"
    assert gpl_offences(source, "psychomet.second_opinion") == []
    assert map_offences(source, "psychomet.second_opinion") == []


def test_cycles_are_found() -> None:
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
    assert cycles({"a": {"a"}}) == [["a"]]
    assert cycles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_leaks_are_found() -> None:
    for part in ("work", "root", "home/ann", "tmp/dev"):
        assert leak_offences(f"open('/{part}/x.csv')", "f")
    assert leak_offences("https://pypi" + ".org/simple", "f")
    assert leak_offences("pip install --index" + "-url http://x", "f")
    for fine in (
        "../shared/data",
        "https://doi.org/10.1/work/2",
        "a/root/b",
        "https://example.org/home/ann/x",
        "/tmp",
        "--no-emit-index-url -o x",
    ):
        assert leak_offences(fine, "f") == [], fine


def test_lazy_loading_is_measured() -> None:
    assert "json" in loaded_after("import json")
    assert "tomllib" in loaded_after("import tomllib") - loaded_after("pass")
