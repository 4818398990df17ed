"""Limits of many statements, and many realisations, in one compiled call.

The numbers of a statement are arguments of the compiled program, everything else in it is part of the program.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..numerics.arrays import Key
from ..numerics.compiled import compiled
from .computable import Computable
from .record import Record, StatementError, join, nearest, split


def predict_all(laws: Sequence[Computable]) -> list[dict[str, Any]]:
    """The limits of several laws, one dictionary each; laws that differ only in numbers are predicted in one call."""
    groups: dict[Any, list[int]] = {}
    parts = [split(law) for law in laws]
    for i, (structure, _) in enumerate(parts):
        groups.setdefault(structure, []).append(i)
    predictions: list[dict[str, Any]] = [{} for _ in laws]
    for structure, members in groups.items():
        table = np.array([parts[i][1] for i in members], float).reshape(len(members), -1)
        for i, values in zip(members, _predict_group([laws[i] for i in members], structure, table), strict=True):
            predictions[i] = values
    for law, values in zip(laws, predictions, strict=True):
        needed = list(law.observables)
        _check_names(law, values, needed + [f"{k}_error" for k in needed], needed, "predict")
    return predictions


def realize_block(law: Computable, n: int, seeds: Sequence[int]) -> dict[str, np.ndarray]:
    """The observables of one system of size `n` for each seed: arrays (seeds, ...), by name."""
    keys = seed_keys(n, seeds)
    how = compiled_as(law, n)
    if how is None:
        values = law.realize_all(n, keys)
    else:
        import jax

        values = _realize_traced(law, n, keys) if how == "traced" else _realize_alone(law, n, keys)
        values = jax.tree.map(np.asarray, values)
    _check_names(law, values, law.observed(), law.observed(), "realize")
    return {k: _numbers(law, k, values[k]) for k in law.observed()}


def compiled_as(law: Computable, n: int) -> str | None:
    """How `realize` is compiled: "traced", "static", or None for ordinary Python, which is called seed by seed.

    A traced program takes the law's numbers as arguments and serves all of them. A static one has the numbers built in,
    because they decide on shapes.
    """
    cls = type(law)
    if cls not in _COMPILED:
        _COMPILED[cls] = None if law.gives_many() else next((h for h in _WAYS if _traces(law, n, h)), None)
    return _COMPILED[cls]


def known_as_python(law: Computable) -> bool:
    """Whether `realize` has been seen to be ordinary Python, which JAX cannot trace."""
    return law.gives_many() or _COMPILED.get(type(law), "unknown") is None


_COMPILED: WeakKeyDictionary[type[Computable], str | None] = WeakKeyDictionary()
_WAYS = ("traced", "static")


def _traces(law: Computable, n: int, how: str) -> bool:
    import jax

    key = jax.random.key(0)
    try:
        if how == "traced":
            jax.eval_shape(lambda at, k: at.realize(n, k), law, key)
        else:
            jax.eval_shape(lambda k: law.realize(n, k), key)
    except Exception:  # whatever stops the tracing is raised again, undisguised, by the call seed by seed
        return False
    return True


def seed_keys(n: int, seeds: Sequence[int]) -> Any:
    """The JAX keys of these seeds at size `n`. A seed always has the same key, whatever else runs."""
    import jax

    padded = np.zeros(1 << (len(seeds) - 1).bit_length(), np.uint32)  # one program serves many numbers of seeds
    padded[: len(seeds)] = seeds
    return jax.random.wrap_key_data(jax.numpy.asarray(np.asarray(_keys(n, padded))[: len(seeds)]))


def generator(key: Key) -> np.random.Generator:
    """A NumPy generator seeded by a JAX key, for a `realize` that is ordinary Python.

    key: the key that `realize` is given. Returns a `numpy.random.Generator`; equal keys give equal numbers.
    """
    import jax

    return np.random.default_rng([int(word) for word in np.asarray(jax.random.key_data(key)).ravel()])


def whole(expected: float, rng: np.random.Generator, least: int = 1) -> int:
    """A random whole number of mean `expected`, for counts such as alpha n that are not whole.

    expected: the mean; it is rounded up or down at random, so that rounding adds no bias to a mean over seeds.
    rng: the source of randomness. least: the result is at least this, even where `expected` is less.
    """
    return max(least, int(expected) + int(rng.random() < expected - int(expected)))


def equal_width(count: int, most: int) -> int:
    """The largest number, at most `most`, that divides `count`, so that one program serves all blocks; or `most`.

    It is `most` where that number would be less than half of it.
    """
    fewest = max(1, -(-count // most))
    return next((count // parts for parts in range(fewest, 2 * count // most + 1) if count % parts == 0), most)


def stacked(law: Record) -> int:
    """The number K of statements in a law or part whose number fields hold arrays (K,); 1 without arrays."""
    return next((len(v) for v in split(law)[1] if np.ndim(v)), 1)


def _predict_group(laws: list[Computable], structure: Any, table: np.ndarray) -> list[dict[str, Any]]:
    if laws[0].predicts_many():
        varying = (table != table[:1]).any(axis=0)
        columns = [table[:, j] if varying[j] else float(table[0, j]) for j in range(table.shape[1])]
        rows = _rows(join(structure, columns).predict_many(), len(laws) if varying.any() else 1)
        return rows if varying.any() else rows * len(laws)
    if laws[0].is_derived():
        return [_arrays(law.predict()) for law in laws]
    done: list[dict[str, Any]] = []
    if "jax" not in sys.modules:  # a law that does without it is not made to wait for it
        done = [_arrays(laws[0].predict())]
    if len(laws) > 1 and "jax" in sys.modules:
        values = _traced_predict(structure, table)
        if values is not None:
            return _rows(values, len(laws))
    return [*done, *(_arrays(law.predict()) for law in laws[len(done) :])]


def _arrays(values: dict[str, Any]) -> dict[str, np.ndarray]:
    return {k: np.asarray(v, float) for k, v in values.items()}


def _rows(values: dict[str, Any], count: int) -> list[dict[str, Any]]:
    arrays = _arrays(values)
    for k, v in arrays.items():
        if v.shape[:1] != (count,):
            raise StatementError(f"`predict` returned {k!r} of shape {v.shape} for {count} statements at once.")
    return [{k: v[i] for k, v in arrays.items()} for i in range(count)]


def _traced_predict(structure: Any, table: np.ndarray) -> dict[str, Any] | None:
    """All predictions in one compiled call, or None if `predict` is ordinary Python that JAX cannot trace."""
    try:
        traced = _predict_rows.program.lower(structure, table)
    except Exception:  # whatever stops the tracing is raised again, undisguised, by the call point by point
        return None
    return {k: np.asarray(v) for k, v in traced.compile()(table).items()}


@compiled()
def _keys(n: int, seeds: Any) -> Any:
    import jax

    base = jax.random.fold_in(jax.random.key(0), n)
    return jax.vmap(lambda seed: jax.random.key_data(jax.random.fold_in(base, seed)))(seeds)


@compiled("structure")
def _predict_rows(structure: Any, table: np.ndarray) -> Any:
    import jax
    import jax.numpy as jnp

    def one(numbers: Any) -> dict[str, Any]:
        return {k: jnp.asarray(v) for k, v in join(structure, list(numbers)).predict().items()}

    return jax.vmap(one)(table)


@compiled("n")
def _realize_traced(law: Computable, n: int, keys: Key) -> Any:
    import jax
    import jax.numpy as jnp

    return _realizations(jax.tree.map(lambda x: jnp.asarray(x, float), law), n, keys)


@compiled("law", "n")
def _realize_alone(law: Computable, n: int, keys: Key) -> Any:
    return _realizations(law, n, keys)


def _realizations(law: Computable, n: int, keys: Key) -> Any:
    import jax
    import jax.numpy as jnp

    return jax.vmap(lambda key: {k: jnp.asarray(v) for k, v in law.realize(n, key).items()})(keys)


def _numbers(law: Computable, name: str, values: Any) -> np.ndarray:
    """Realisations (seeds, ...) of an observable: real numbers, with the axes that it declares."""
    array, dims, whose = np.asarray(values), law.observables[name].dims, f"`realize` of {type(law).__name__}"
    if np.iscomplexobj(array):
        raise StatementError(f"{whose} gives complex numbers for {name!r}; an observable is real.")
    if array.ndim != 1 + len(dims):
        axes = f"the axes ({', '.join(dims)})" if dims else "no axes"
        raise StatementError(f"{whose} gives {name!r} in the shape {array.shape[1:]}, but it declares {axes}.")
    return np.asarray(array, float)


def _check_names(law: Computable, values: dict[str, Any], known: list[str], needed: list[str], method: str) -> None:
    name = type(law).__name__
    for k in values:
        if k not in known:
            hint = nearest(k, known) or f' Declare it: `observables = {{{k!r}: Observable("symbol", "its meaning")}}`.'
            raise StatementError(f"`{method}` of {name} returned {k!r}, which is not among its observables.{hint}")
    for k in needed:
        if k not in values:
            given = ", ".join(values) or "nothing"
            raise StatementError(f"`{method}` of {name} did not return its observable {k!r}; it returned {given}.")
