"""The rooms: imports run downwards, a law imports no law, and what only lists laws imports nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import asymptopia
from asymptopia.contract.statement import law_classes

ROOT = Path(asymptopia.__file__).parent

# what each room may import, itself aside; the contract is the modules at the top that every law needs
CONTRACT = {
    "record", "law", "sweep", "statement", "batching", "calculus", "phases", "_environment",
}  # fmt: skip
BELOW = {
    "numerics": set(),
    "problem": {"record", "numerics"},
    "algorithms": {"record", "numerics", "problem"},
    "measure": {"record", "numerics", "problem"},
    "laws": {"record", "law", "batching", "numerics", "problem", "algorithms", "measure"},
    "contract": {"numerics", "laws"},
    "verdict": {"contract", "numerics"},
    "engine": {"contract", "verdict"},
    "report": {"contract", "verdict", "engine"},
    "forecast": {"contract", "verdict", "numerics", "problem", "algorithms", "laws", "engine"},
    "study": {"contract", "verdict", "engine", "forecast", "problem", "report", "laws"},
    "cli": {"contract", "verdict", "engine", "forecast", "study", "report", "problem", "laws", "measure"},
}


def room(parts):
    return "contract" if parts[0] in CONTRACT else parts[0]


def walk(node):
    """Every node but those that are there for the type checker alone."""
    if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from walk(child)


def imported(path):
    """Dotted paths below the package of everything that a module imports, also inside functions."""
    here = path.relative_to(ROOT).with_suffix("").parts
    package = here if path.name == "__init__.py" and (here := here[:-1]) is not None else here[:-1]
    for node in walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            target = (*base, *(node.module.split(".") if node.module else ()))
            yield from ((*target, a.name) for a in node.names) if not target else [target]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "asymptopia":
            yield tuple(node.module.split(".")[1:]) or (node.names[0].name,)
        elif isinstance(node, ast.Import):
            yield from (tuple(a.name.split(".")[1:]) for a in node.names if a.name.startswith("asymptopia."))


MODULES = sorted(p for p in ROOT.rglob("*.py") if p.parent != ROOT or p.stem not in ("__init__", "__main__"))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_run_downwards(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    here = room(parts)
    for target in imported(path):
        there = room(target)
        allowed = BELOW[here] | {here}
        assert there in allowed or target[0] in allowed or target[0] == "__version__", (
            f"{here} imports {'.'.join(target)}"
        )


@pytest.mark.parametrize("path", sorted((ROOT / "laws").rglob("*.py")), ids=lambda p: p.stem)
def test_a_law_imports_no_law(path):
    laws = {cls.__module__.removeprefix("asymptopia.") for cls in law_classes().values()}
    assert not [t for t in imported(path) if ".".join(t) in laws]


def test_nothing_heavy_is_imported_to_know_the_laws():
    code = (
        "import sys; from asymptopia.contract.statement import law_classes; law_classes();"
        "heavy = {'jax', 'xarray', 'matplotlib', 'sklearn', 'distributed', 'pandas', 'scipy.optimize', 'scipy.stats'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
