"""Functions that JAX compiles when they are first called, so that no module imports JAX before it computes."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any


class Compiled:
    """A function of arrays, or of trees of them such as laws and parts, compiled by JAX when it is first called.

    One program is made for each shape of its arguments, and for each value of those named in `static`.
    """

    def __init__(self, function: Callable[..., Any], static: tuple[str, ...]) -> None:
        functools.update_wrapper(self, function)
        self.function, self.static = function, static

    @functools.cached_property
    def program(self) -> Any:
        """The function under `jax.jit`, which imports JAX."""
        import jax

        return jax.jit(self.function, static_argnames=self.static)

    def __call__(self, *arguments: Any) -> Any:
        """Call the program. Raises `FloatingPointError` where a check within it does, without JAX's traceback."""
        try:
            return self.program(*arguments)
        except RuntimeError as error:
            said = re.search(r"FloatingPointError: (.+)", str(error))
            if said is None:
                raise
            raise FloatingPointError(said[1]) from None


def compiled(*static: str) -> Callable[[Callable[..., Any]], Compiled]:
    """A decorator that makes a function a `Compiled` one.

    static: names of the arguments that are no arrays but a part of the program, such as a number of steps.
    """
    return lambda function: Compiled(function, static)
