"""The functions, methods and values, in any file, that a law's realisations depend on.

The analysis is static and finds rather too much than too little: a method counts if anything reached names it. Of
installed packages the version counts; of this library and of the user's own files the syntax of what is reached.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from .syntax import LIBRARY, Imported, Module, binds, module_of, text_of

Node = tuple[Path, str]
_CONTRACT = {
    LIBRARY / "contract" / f"{name}.py"
    for name in ("law", "computable", "record", "sweep", "statement", "fields", "transitions", "phases")
}
_GETTERS = {"getattr", "hasattr", "attrgetter", "methodcaller"}
_SELVES = ("self", "law", "cls")
EVERY = "*"


class Reach:
    """Follows names from where it is started; `parts` are the digests of what was found, by place and name.

    never: the methods of a law that are not followed unless it calls them itself: its theory.
    """

    def __init__(self, never: Iterable[str] = ()) -> None:
        self.never = frozenset(never)
        self.parts: dict[str, str] = {}
        self.packages: set[str] = set()
        self._seen: set[Node] = set()
        self._touched: set[Path] = set()
        self._named: set[str] = set()
        self._laws: set[Node] = set()
        self._members: dict[Node, dict[str, list[ast.stmt]]] = {}
        self._left: list[tuple[Module, ast.stmt, str]] = []

    def start(self, file: Path, name: str, members: Iterable[str] = (), law: bool = False) -> None:
        """Follow a name of a file; of a class, these members and what else is named somewhere."""
        if law:
            self._laws.add((file, name))
        self._named |= set(members)
        self._name(module_of(file), name)

    def finish(self) -> None:
        """Follow everything to its end."""
        while self._left or self._called():
            module, node, label = self._left.pop()
            self._follow(module, node, label)

    def _called(self) -> bool:
        """Queue the members of the classes found whose names have come up; whether there were any."""
        for (file, cls), members in self._members.items():
            for name in [m for m in members if self._counts(m, (file, cls))]:
                for node in members.pop(name):
                    self._left.append((module_of(file), node, f"{cls}.{name}"))
        return bool(self._left)

    def _counts(self, member: str, cls: Node) -> bool:
        if cls in self._laws and member in self.never:
            return f"self.{member}" in self._named
        every = f"self.{EVERY}" if cls in self._laws else EVERY
        return bool({member, every} & self._named) or (member.startswith("__") and member.endswith("__"))

    def _name(self, module: Module, name: str) -> None:
        if (module.file, name) in self._seen:
            return
        self._seen.add((module.file, name))
        self._touch(module)
        for node in module.bound.get(name, ()):
            self._left.append((module, node, name))
        if name in module.imports:
            self._import(module.imports[name])

    def _touch(self, module: Module) -> None:
        """A module that is used at all: what it does when it is loaded counts."""
        if module.file in self._touched:
            return
        self._touched.add(module.file)
        for node in module.effects:
            self._left.append((module, node, "(when loaded)"))
        if not module.file.is_relative_to(LIBRARY):
            for target in module.imports.values():
                if target.file and not target.file.is_relative_to(LIBRARY):
                    self._touch(module_of(target.file))

    def _import(self, target: Imported, attribute: str | None = None) -> None:
        if target.package:
            self.packages.add(target.package)
        if target.file is None or target.file in _CONTRACT:
            return
        module = module_of(target.file)
        name = target.name or attribute
        if name in (None, EVERY):
            for every in [*module.bound, *module.imports]:
                self._name(module, every)
        elif target.name is None and name not in module.bound and name not in module.imports:
            below = Imported(_below(target.file, str(name)), None)
            self._import(below) if below.file else self._touch(module)
        else:
            self._name(module, str(name))

    def _follow(self, module: Module, node: ast.stmt, label: str) -> None:
        node, inside = module.bare(node)
        if isinstance(node, ast.Pass) or self._is_theory(node):
            return
        self._note(module.file, label, text_of(node))
        heads: list[ast.AST] = [node]
        if isinstance(node, ast.ClassDef):
            members = self._members.setdefault((module.file, node.name), {})
            for statement in node.body:
                for name in list(binds(statement)) or ("__body__",):
                    members.setdefault(name, []).append(statement)
            heads = [*node.bases, *node.decorator_list, *node.keywords]
        for head in heads:
            self._expression(module, head, inside)

    def _is_of_law(self, module: Module) -> bool:
        return any(module.file.parent == file.parent for file, _ in self._laws)

    def _is_theory(self, node: ast.stmt) -> bool:
        """Whether a statement gives a law nothing but theory afterwards, as in `ERM.landmarks = ...`."""
        return isinstance(node, ast.Assign) and all(
            isinstance(t, ast.Attribute) and t.attr in self.never for t in node.targets
        )

    def _note(self, file: Path, label: str, text: str) -> None:
        where = file.relative_to(LIBRARY.parent).as_posix() if file.is_relative_to(LIBRARY) else file.name
        name, k = f"{where}: {label}", 1
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        while self.parts.get(name, digest) != digest:
            k += 1
            name = f"{where}: {label} ({k})"
        self.parts[name] = digest

    def _expression(self, module: Module, node: ast.AST, inside: Mapping[str, Imported]) -> None:
        """Note the names and attributes in a piece of code; `inside` are the imports in it."""
        known = {**module.imports, **inside}
        followed: set[ast.AST] = set()
        for n in ast.walk(node):
            if isinstance(n, ast.Attribute):
                if self._attribute(module, n, known):
                    followed |= set(ast.walk(n.value))
            elif isinstance(n, ast.Name) and n not in followed:
                self._import(inside[n.id]) if n.id in inside else self._name(module, n.id)
            elif isinstance(n, ast.Call) and getattr(n.func, "id", getattr(n.func, "attr", "")) in _GETTERS:
                self._named |= set(_looked_up(n, self._is_of_law(module)))
        for target in inside.values():
            if target.package:
                self.packages.add(target.package)

    def _attribute(self, module: Module, node: ast.Attribute, known: Mapping[str, Imported]) -> bool:
        """Note an attribute; whether it is that of an imported module, which is followed."""
        if node.attr not in self.never:
            self._named.add(node.attr)
        elif isinstance(node.value, ast.Name) and node.value.id in _SELVES and self._is_of_law(module):
            self._named.add(f"self.{node.attr}")
        dotted = ast.unparse(node.value) if isinstance(node.value, ast.Name | ast.Attribute) else ""
        target = known.get(dotted)
        if target is None or target.name is not None:
            return False
        self._touch(module)
        self._import(target, node.attr)
        return True


def _looked_up(call: ast.Call, in_law: bool) -> Iterator[str]:
    """The attributes that a call of `getattr` and the like can mean: those it names, or every one."""
    named = call.args[1:2] if getattr(call.func, "id", "") in ("getattr", "hasattr") else call.args
    if named and all(isinstance(a, ast.Constant) for a in named):
        yield from (str(a.value).split(".")[0] for a in named if isinstance(a, ast.Constant))
        return
    yield EVERY
    if in_law and call.args and isinstance(call.args[0], ast.Name) and call.args[0].id in _SELVES:
        yield f"self.{EVERY}"


def _below(file: Path, name: str) -> Path | None:
    base = file.parent / name
    files = (base.with_suffix(".py"), base / "__init__.py") if file.name == "__init__.py" else ()
    return next((f for f in files if f.is_file()), None)
