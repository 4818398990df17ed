"""The rooms: imports run downwards and in no circle, a law reaches no law, and no experiment reaches theory."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import asymptopia
from asymptopia.contract.catalogue import law_modules

ROOT = Path(asymptopia.__file__).parent

# what each room may import, itself aside; what stands at the top, beside the rooms, is free
BELOW = {
    "numerics": set(),
    "contract": {"numerics", "derive"},
    "derive": {"contract"},
    "tables": {"contract"},
    "parts": {"contract", "derive", "tables", "numerics"},
    "theory": {"contract", "numerics", "parts"},
    "algorithms": {"contract", "numerics", "parts"},
    "measure": {"contract", "numerics", "parts"},
    "scale": {"contract", "derive", "numerics", "measure"},
    "laws": {"contract", "numerics", "parts", "theory", "algorithms", "measure"},
    "verdict": {"contract", "tables", "numerics"},
    "engine": {"contract", "tables", "verdict"},
    "report": {"contract", "verdict", "engine"},
    "extrapolate": {"contract", "tables", "numerics", "report"},
    "forecast": {"contract", "tables", "verdict", "numerics", "parts", "algorithms", "laws", "engine"},
    "study": {"contract", "tables", "verdict", "engine", "forecast", "parts", "report", "laws"},
    "cli": {"contract", "tables", "verdict", "engine", "forecast", "extrapolate", "study", "report", "parts", "laws",
            "measure", "theory", "derive", "scale"},
}  # fmt: skip
FREE = {"", "_environment"}


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(p): p for p in ROOT.rglob("*.py")}


def walk(node):
    """Every node but those that are there for the type checker alone."""
    if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from walk(child)


@cache
def tree(module):
    return ast.parse(FILES[module].read_text())


def imports(module, node):
    """(name here, module of ours, name there) of every import below a node; the name there is None for a module."""
    package = module if FILES[module].name == "__init__.py" else module.rpartition(".")[0]
    for n in walk(node):
        if isinstance(n, ast.ImportFrom):
            if n.level:
                parts = package.split(".") if package else []
                base = [*parts[: len(parts) - n.level + 1], *filter(None, [n.module])]
            elif (n.module or "").split(".")[0] == "asymptopia":
                base = n.module.split(".")[1:]
            else:
                continue
            for alias in n.names:
                whole = ".".join([*base, alias.name])
                here = alias.asname or alias.name
                yield (here, whole, None) if whole in FILES else (here, ".".join(base), alias.name)
        elif isinstance(n, ast.Import):
            for alias in n.names:
                if alias.name.startswith("asymptopia."):
                    yield alias.asname or alias.name, alias.name.removeprefix("asymptopia."), None


@cache
def targets(module):
    """The modules of ours that a module imports, at its top or in its functions."""
    return frozenset(target for _, target, _ in imports(module, tree(module))) - {module}


def reached(modules):
    """The modules and all that they import, and so on."""
    visited, todo = set(), list(modules)
    while todo:
        module = todo.pop()
        if module not in visited:
            visited.add(module)
            todo += targets(module)
    return visited


def used_by(module, cls, methods):
    """The modules of ours that some methods of a class use, and the functions and methods of the module they call."""
    top = {n.name: n for n in tree(module).body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    inside = {n.name: n for n in top[cls].body if isinstance(n, ast.FunctionDef)}
    named = {here: target for n in tree(module).body for here, target, _ in imports(module, n)}
    targets, done, todo = set(), set(), [inside[m] for m in methods if m in inside]
    while todo:
        node = todo.pop()
        if node in done:
            continue
        done.add(node)
        targets |= {target for _, target, _ in imports(module, node)}
        for n in walk(node):
            if isinstance(n, ast.Name) and n.id != cls:
                targets |= {named.get(n.id)} & set(FILES)
                todo += [top[n.id]] if n.id in top else []
            elif isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id == "self":
                todo += [inside[n.attr]] if n.attr in inside else []
    return targets


@pytest.mark.parametrize("module", sorted(set(FILES) - FREE))
def test_imports_run_downwards(module):
    room = module.split(".")[0]
    for target in targets(module):
        there = target.split(".")[0]
        assert there in BELOW.get(room, set()) | FREE | {room} or room not in BELOW, f"{module} imports {target}"


def test_every_room_is_known():
    rooms = {m.split(".")[0] for m in FILES}
    assert rooms - FREE - {"__main__"} == set(BELOW)


def test_imports_run_in_no_circle():
    for module in FILES:
        assert module not in reached(targets(module)), f"{module} reaches itself"


LAWS = {name: module.removeprefix("asymptopia.") for name, module in law_modules().items()}


def own(module, law):
    """Whether a module is the law's, one of its folder or shared in its field."""
    return module == law or module.startswith(f"{law}.") or module == f"{law.rpartition('.')[0]}.common"


@pytest.mark.parametrize("law", LAWS)
def test_a_law_reaches_no_law(law):
    module = LAWS[law]
    files = [m for m in FILES if m == module or m.startswith(f"{module}.")]
    assert not [m for m in reached(files) if m.startswith("laws.") and not own(m, module)]


def test_the_contract_reaches_no_law_and_no_part():
    files = [m for m in FILES if m.startswith("contract")]
    assert not [
        m for m in reached(files) if m.split(".")[0] not in ("contract", "derive", "numerics", "", "_environment")
    ]


def is_theory(module):
    return module.split(".")[0] == "theory" or (module.startswith("laws.") and "theory" in module.split("."))


@pytest.mark.parametrize("law", LAWS)
def test_no_experiment_reaches_theory(law):
    module = LAWS[law]
    begin = used_by(module, law, ("realize", "realize_all"))
    begin |= {f"{module}.experiment"} & set(FILES)
    assert not sorted(m for m in reached(begin - {module}) if is_theory(m))


def test_nothing_heavy_is_imported_to_know_the_laws():
    code = (
        "import sys; from asymptopia.contract.catalogue import law_classes; law_classes();"
        "heavy = {'jax', 'xarray', 'matplotlib', 'sklearn', 'distributed', 'pandas', 'scipy.optimize', 'scipy.stats'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
