"""A module as its syntax: what each name at its top stands for, and what counts of it (no comments, no docstrings)."""

from __future__ import annotations

import ast
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

LIBRARY = Path(__file__).resolve().parents[1]
_INSTALLED = tuple(Path(p).resolve() for k, p in sysconfig.get_paths().items() if k in ("stdlib", "purelib", "platlib"))
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = (*_FUNCTIONS, ast.ClassDef)


class Imported(NamedTuple):
    """What an import binds: a module's file and, of it, one name (None: the module; "*": all of it).

    package: the installed package instead, whose version counts.
    """

    file: Path | None
    name: str | None
    package: str = ""


class Module:
    """The top of a file: statements by the names that they bind, imports by theirs, and statements that bind none."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.bound: dict[str, list[ast.stmt]] = {}
        self.imports: dict[str, Imported] = {}
        self.effects: list[ast.stmt] = []
        self._bare: dict[ast.stmt, tuple[ast.stmt, dict[str, Imported]]] = {}
        tree = Module._parsed(file)
        self._tree = tree
        for statement in tree.body:
            self._take(statement)

    def text(self) -> str:
        """All of the file that counts; its statements are changed by it."""
        return ast.unparse(ast.fix_missing_locations(_Bare().visit(self._tree)))

    def inside(self) -> list[Imported]:
        """What the imports inside its functions lead to."""
        return [target for _, target in imports_in(Module._parsed(self.file), self.file)]

    @staticmethod
    def _parsed(file: Path) -> ast.Module:
        try:
            return ast.parse(file.read_bytes())
        except (OSError, SyntaxError, ValueError, RecursionError):
            return ast.Module([], [])

    def bare(self, statement: ast.stmt) -> tuple[ast.stmt, dict[str, Imported]]:
        """A statement without what does not count, and what the imports inside it bind."""
        if statement not in self._bare:
            inside = {} if isinstance(statement, ast.ClassDef) else dict(imports_in(statement, self.file))
            self._bare[statement] = bare(statement), inside
        return self._bare[statement]

    def _take(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            self.imports |= dict(imported(statement, self.file))
        elif isinstance(statement, ast.If) and getattr(statement.test, "id", "") == "TYPE_CHECKING":
            for inner in statement.body:
                self._take(inner)
        elif names := set(binds(statement)):
            for name in names:
                self.bound.setdefault(name, []).append(statement)
            if not isinstance(statement, SCOPES):
                self.imports |= dict(imports_in(statement, self.file))
        elif not _is_text(statement):
            self.effects.append(statement)


def module_of(file: Path) -> Module:
    """The syntax of a file as it was when its module was loaded (or, if it is not, when first asked for)."""
    loaded = _loaded(file)
    try:
        edited = 0 if loaded or file.is_relative_to(LIBRARY) else file.stat().st_mtime_ns
    except OSError:
        edited = 0
    return _module(file, loaded, edited)


@cache
def _module(file: Path, loaded: ModuleType | None, edited: int) -> Module:
    return Module(file)


def _loaded(file: Path) -> ModuleType | None:
    """The newest module that was loaded from a file of the user."""
    if file.is_relative_to(LIBRARY):
        return None
    text = str(file)
    return next((m for m in reversed(list(sys.modules.values())) if getattr(m, "__file__", None) == text), None)


def imported(node: ast.AST, file: Path) -> Iterator[tuple[str, Imported]]:
    """What an import statement of a file binds: names here, and what they stand for."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            whole = alias.name if alias.asname else alias.name.split(".")[0]
            yield alias.asname or whole, _found(whole, None, file)
            if not alias.asname and "." in alias.name:
                yield alias.name, _found(alias.name, None, file)
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            yield alias.asname or alias.name, _from(node, alias.name, file)


def imports_in(node: ast.AST, file: Path) -> Iterator[tuple[str, Imported]]:
    """What the import statements anywhere in a piece of code bind."""
    for n in ast.walk(node):
        if isinstance(n, ast.Import | ast.ImportFrom):
            yield from imported(n, file)


def _from(node: ast.ImportFrom, name: str, file: Path) -> Imported:
    if not node.level:
        below = _found(f"{node.module}.{name}", None, file)
        return below if below.file else _found(str(node.module), name, file)
    base = file.parents[node.level - 1].joinpath(*filter(None, (node.module or "").split(".")))
    module = _as_file(base / name)
    return Imported(module, None) if module else Imported(_as_file(base), name)


def _found(dotted: str, name: str | None, file: Path) -> Imported:
    """Where an absolute import leads: the library, a file of the user, or an installed package."""
    top, *rest = dotted.split(".")
    root = LIBRARY if top == LIBRARY.name else _beside(top, file)
    if root is None:
        return Imported(None, None, top)
    base = root.joinpath(*rest) if rest else root
    return Imported(_as_file(base), name)


def _beside(top: str, file: Path) -> Path | None:
    """The module or package of the user that a file means by a name; None if it is installed."""
    module = sys.modules.get(top)
    path = getattr(module, "__file__", None)
    if path and not is_installed(Path(path)):
        return Path(path).parent if Path(path).name == "__init__.py" else Path(path).with_suffix("")
    if module is None and top not in sys.stdlib_module_names and _as_file(file.parent / top):
        return file.parent / top
    return None


def _as_file(base: Path) -> Path | None:
    whole = (base.with_name(f"{base.name}.py"), base / "__init__.py")
    return next((f for f in whole if f.is_file()), None)


@cache
def is_installed(file: Path) -> bool:
    """Whether a file belongs to Python or to an installed package rather than to the user or to this library."""
    file = file.resolve()
    return any(file.is_relative_to(p) for p in _INSTALLED) and not file.is_relative_to(LIBRARY)


def binds(statement: ast.AST) -> Iterator[str]:
    """The names that a statement at the top binds, or whose content it changes."""
    if isinstance(statement, SCOPES):
        yield statement.name
    elif isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.For):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        yield from (name for t in targets for name in _roots(t))
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, ast.stmt | ast.ExceptHandler | ast.withitem) and not isinstance(statement, SCOPES):
            yield from binds(child)


def _roots(target: ast.AST) -> Iterator[str]:
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Attribute | ast.Subscript | ast.Starred):
        yield from _roots(target.value)
    elif isinstance(target, ast.Tuple | ast.List):
        for item in target.elts:
            yield from _roots(item)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


class _Bare(ast.NodeTransformer):
    """Without docstrings, annotations, imports (what they lead to counts instead) and the words of a field."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        return None

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.copy_location(ast.arg(node.arg), node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        return ast.FunctionDef(node.name, node.args, node.body or [ast.Pass()], node.decorator_list, None, None)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        return ast.ClassDef(node.name, node.bases, node.keywords, node.body or [ast.Pass()], node.decorator_list)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        self.generic_visit(node)
        value = node.value
        if value is None or (isinstance(value, ast.Call) and getattr(value.func, "id", "") == "field"):
            return None
        return ast.Assign([node.target], value)


def bare(node: ast.stmt) -> ast.stmt:
    """A statement without what does not count, changed in place; of a class, its head is not touched."""
    stripped = node if isinstance(node, ast.ClassDef) else _Bare().visit(node)
    return stripped if isinstance(stripped, ast.stmt) else ast.Pass()


def text_of(node: ast.stmt) -> str:
    """The text that stands for a statement, whatever its layout, comments and docstrings; of a class, its head."""
    if isinstance(node, ast.ClassDef):
        node = ast.ClassDef(node.name, node.bases, node.keywords, [ast.Pass()], node.decorator_list)
    return ast.unparse(ast.fix_missing_locations(node))
