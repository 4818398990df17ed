"""The limit of a program: an interpreter of its jaxpr, in which wide axes are points of typical coordinates.

Words in this room: an axis is *wide* if its *length* grows with n, *narrow* if not. *Points* stand for the coordinates
of a wide axis; those of a *net* spread evenly. A *cell* is a matrix over two wide axes, a sum of *words*: products of
random matrices, diagonal ones and cuts. A *readout* is a sum of order sqrt(n) of fresh draws, itself random in the
limit.

Source: the theorem known as tensor programs (Yang 2020, arXiv:2009.10685; Golikov and Yang 2022, arXiv:2210.15458 for
entries that are not normal), state evolution of first-order methods (Bayati and Montanari 2011; Celentano, Montanari
and Wu 2020, arXiv:2002.12903; Gerbelot and Berthier 2023) and dynamical mean-field theory in discrete time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..contract.record import StatementError, nearest
from .crossing import crossing

__all__ = ["THEOREM", "crossing", "derive", "derive_observables", "exponents", "precision"]

THEOREM = (
    "derived from `realize` by the theorem of tensor programs (Yang 2020; also known as state evolution of first-order "
    "methods and as dynamical mean-field theory in discrete time). Assumed: independent entries with bounded moments, "
    "functions of each coordinate that grow no faster than a power, a number of steps that does not depend on the "
    "size. Theory and experiment share the program."
)

_precision: ContextVar[dict[str, int] | None] = ContextVar("precision", default=None)


def derive(
    program: Callable[[int, Any], Mapping[str, Any]], points: int | None = None, nets: int | None = None
) -> dict[str, np.ndarray]:
    """The limit of a program `program(n, key) -> {name: array}` in JAX as its size n grows.

    The jaxpr of the program is interpreted with every axis that grows with n replaced by points of one typical
    coordinate. A matrix with two such axes and independent entries acts by Gaussian vectors and by a reaction to what
    its transpose met before; updates by gradients add to it a part of low rank.

    Arguments:
        program: uses `jax.numpy` and randomness from the JAX key `key` alone; sizes are n or in proportion to it.
        points:  how many stand for the coordinates of a wide axis, a power of two. By default, as many as needed.
        nets:    how many independent nets of points give the error, at least 3.

    Returns: every output in the limit, and `<name>_error`, its standard error over the nets.

    Raises: `NoLimit`, with the file, line and text of the program, where there is no limit or none can be derived.

    Source: Yang 2020, arXiv:2009.10685, theorem 2.10.
    """
    from .limit import derive_limit

    chosen = dict(_precision.get() or {})
    chosen |= {k: v for k, v in (("points", points), ("nets", nets)) if v is not None}
    return derive_limit(program, **_checked(chosen))


def exponents(program: Callable[[int, Any], Mapping[str, Any]]) -> dict[str, float]:
    """The power of n with which each output of a program `program(n, key) -> {name: array}` grows as n does.

    Arguments:
        program: as in `derive`.

    Returns: a multiple of 1/4 for each output. nan for an output that goes as no such power, that is zero, or on whose
    power the runs do not agree: at two large sizes, with two nets of points, and with sums over wide axes that
    fluctuate as they do at finite size.

    Raises: `NoLimit`, with the file, line and text of the program, where that cannot be derived.
    """
    from .limit import derive_exponents

    return derive_exponents(program)


def derive_observables(
    program: Callable[[int, Any], Mapping[str, Any]], observables: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """The limits of the observables of a law that are outputs of its program, with their errors.

    Arguments:
        program:     `realize` of a law: `program(n, key) -> {name: array}`, as in `derive`.
        observables: the law's, by name; those that the program does not return are left out.

    Returns: as `derive`.

    Raises: `StatementError` for an output that is not among the observables; `NoLimit` as `derive` does.
    """
    limits = derive(program)
    for name in limits:
        if name not in observables and name.removesuffix("_error") not in observables:
            known = nearest(name, observables)
            raise StatementError(f"`realize` returned {name!r}, which is not among its observables.{known}")
    return limits


@contextmanager
def precision(points: int | None = None, nets: int | None = None) -> Iterator[None]:
    """Within it, limits are derived with that many points and nets: `with precision(points=4096): law.limit()`.

    Arguments:
        points, nets: as in `derive`; None leaves the choice to it.

    Raises: `StatementError` unless `points` is a power of two >= 64 and `nets` at least 3.
    """
    chosen = {k: v for k, v in (("points", points), ("nets", nets)) if v is not None}
    token = _precision.set(_checked(chosen))
    try:
        yield
    finally:
        _precision.reset(token)


def _checked(chosen: dict[str, int]) -> dict[str, int]:
    points, nets = chosen.get("points", 1024), chosen.get("nets", 8)
    if points < 64 or points & (points - 1):
        raise StatementError(f"`points` must be a power of two >= 64, but is {points}.")
    if nets < 3:
        raise StatementError(f"`nets` must be at least 3 to give an error, but is {nets}.")
    return chosen
