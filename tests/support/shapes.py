"""The shapes in the annotations of a room's functions, checked at their first calls in its tests and in no others."""

import contextlib
import functools
import importlib
import inspect
import pkgutil
import re
import sys
import traceback
import types
from collections import Counter
from typing import Annotated, Any

import jax
import jaxtyping
import numpy as np
from beartype import beartype
from beartype.vale import Is

KINDS = ("Bool", "Complex", "Float", "Inexact", "Int", "Integer", "Num", "Real", "Shaped")
_KIND = re.compile(rf"\b({'|'.join(KINDS)})\[")


MOST = 100
"""So many calls of a function are checked in a file of tests: beyond, it stands in a loop, and checks take longer."""

_rooms = set()
_calls = Counter()


@contextlib.contextmanager
def checking(room):
    """Within, the shapes of this room are checked."""
    _rooms.add(room.__name__)
    _calls.clear()
    try:
        yield
    finally:
        _rooms.discard(room.__name__)


def check_shapes(room):
    """Make them checked, where that is asked for, under every name that these functions have in the library."""
    checked = {}
    for entry in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
        module = importlib.import_module(entry.name)
        for thing in list(vars(module).values()):
            if getattr(thing, "__module__", None) != module.__name__:
                continue
            if inspect.isfunction(thing) and _stated(thing):
                checked[thing] = _checked(thing)
            elif inspect.isclass(thing):
                for name, method in list(vars(thing).items()):
                    if inspect.isfunction(method) and _stated(method):
                        setattr(thing, name, _checked(method))
    for name, module in list(sys.modules.items()):
        if name.startswith("asymptopia"):
            for key, thing in list(vars(module).items()):
                if inspect.isfunction(thing) and thing in checked:
                    setattr(module, key, checked[thing])


def _stated(function):
    return {name: a for name, a in function.__annotations__.items() if isinstance(a, str) and _KIND.search(a)}


def _checked(function):
    """The function with its shapes checked; it may refuse a wrong one itself, by an error that says what must hold."""
    room = ".".join(function.__module__.split(".")[:2])
    made = []

    @functools.wraps(function)
    def called(*given, **named):
        if room not in _rooms or _calls[function] >= MOST:
            return function(*given, **named)
        _calls[function] += 1
        if not made:
            made.append(jaxtyping.jaxtyped(_with_shapes_alone(function), typechecker=beartype))
        try:
            return made[0](*given, **named)
        except jaxtyping.TypeCheckError as wrong:
            try:
                function(*given, **named)
            except Exception as error:
                last = traceback.extract_tb(error.__traceback__)[-1]
                if re.search("asymptopia|sklearn", last.filename) and (last.line or "").startswith("raise "):
                    raise
                raise wrong from None
            raise

    return called


def _with_shapes_alone(function):
    copy = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    names = function.__globals__ | {kind: _Kind(getattr(jaxtyping, kind)) for kind in KINDS}
    names |= {"jax": _Arrays(jax), "np": _Arrays(np), "ArrayLike": Any, "Key": Any, "PyTree": Any}
    copy.__annotations__ = {name: eval(a, names) for name, a in _stated(function).items()}
    copy.__kwdefaults__, copy.__module__, copy.__qualname__, copy.__doc__ = (
        function.__kwdefaults__, function.__module__, function.__qualname__, function.__doc__
    )  # fmt: skip
    return copy


class _Arrays:
    """NumPy or JAX, whose arrays stand for those of both: shapes are checked here, types by the type checker."""

    Array = ndarray = np.ndarray | np.generic | jax.Array

    def __init__(self, module):
        self.module = module

    def __getattr__(self, name):
        return getattr(self.module, name)


class _Kind:
    """A kind of numbers with a shape; what may be a list or a number (`ArrayLike`) is seen as the array of it."""

    def __init__(self, kind):
        self.kind = kind

    def __getitem__(self, stated):
        kind, _ = stated
        array = self.kind[stated]
        return array if kind is not Any else Annotated[object, Is[functools.partial(_fits, array)]]


def _fits(array, given):
    return isinstance(given if hasattr(given, "shape") else np.asarray(given), array)
