"""The shapes in the annotations of a room's functions, checked at each call in its tests."""

import importlib
import inspect
import pkgutil
import sys
import types

import jaxtyping
from beartype import beartype


def check_shapes(room):
    """Check them from now on, under every name that these functions have in the library."""
    checked = {}
    for entry in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
        module = importlib.import_module(entry.name)
        for thing in list(vars(module).values()):
            if inspect.isfunction(thing) and thing.__module__ == module.__name__ and _shapes(thing):
                vars(module).setdefault("Float", jaxtyping.Float)
                checked[thing] = jaxtyping.jaxtyped(_with_shapes_alone(thing), typechecker=beartype)
    for name, module in list(sys.modules.items()):
        if name.startswith("asymptopia"):
            for key, thing in list(vars(module).items()):
                if inspect.isfunction(thing) and thing in checked:
                    setattr(module, key, checked[thing])


def _shapes(function):
    return {name: a for name, a in function.__annotations__.items() if "Float[" in str(a)}


def _with_shapes_alone(function):
    copy = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__kwdefaults__, copy.__annotations__, copy.__module__ = (
        function.__kwdefaults__, _shapes(function), function.__module__
    )  # fmt: skip
    return copy
