"""What a page exports says in its docstring what it takes, and that it raises if it does."""

import ast
import importlib
import inspect
import re
import textwrap

import pytest

PAGES = ["", "derive", "tables", "scale", "extrapolate", "engine", "report", "study", "algorithms"] + [
    f"algorithms.{room}"
    for room in ("samplers", "optimisers", "amp", "race", "spins", "factorise", "transport", "pde_networks")
]


def exported(page):
    """The functions of ours on a page, by name."""
    module = importlib.import_module(f"asymptopia.{page}".rstrip("."))
    named = {name: getattr(module, name) for name in module.__all__}
    return {name: value for name, value in named.items() if inspect.isfunction(value)}


def raises(function):
    """Whether a function raises an error in its own lines."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return any(isinstance(node, ast.Raise) and node.exc is not None for node in ast.walk(tree))


def lacking(function):
    """What the docstring of a function does not say."""
    text = inspect.getdoc(function) or ""
    first = text.split("\n\n")[0]
    missing = [name for name in inspect.signature(function).parameters if not re.search(rf"\b{name}\b", text)]
    missing += ["Raises"] if raises(function) and not re.search("[Rr]aise|[Rr]efuse", text) else []
    return missing + ["a first sentence"] * (len(first) < 15 or first[0].islower() or first[-1] not in ".:?")


@pytest.mark.parametrize("page", PAGES)
def test_exported_functions_say_what_they_take_and_raise(page):
    functions = exported(page)
    assert functions
    assert not {name: lacks for name, function in functions.items() if (lacks := lacking(function))}


def test_what_is_not_said_is_seen():
    def halve(number, other):
        """The half of `number`."""
        raise ValueError(number, other)

    assert lacking(halve) == ["other", "Raises"]
