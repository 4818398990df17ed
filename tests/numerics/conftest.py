"""The functions of `numerics` as their tests see them: with the shapes in their annotations checked at each call."""

import importlib
import inspect
import pkgutil

import jaxtyping
from beartype import beartype

import asymptopia.numerics as room

for entry in pkgutil.iter_modules(room.__path__):
    module = importlib.import_module(f"{room.__name__}.{entry.name}")
    vars(module).setdefault("Float", jaxtyping.Float)
    for name, thing in list(vars(module).items()):
        if inspect.isfunction(thing) and any("Float[" in str(a) for a in thing.__annotations__.values()):
            setattr(module, name, jaxtyping.jaxtyped(thing, typechecker=beartype))
