"""Many statements, or many realisations, in one compiled call: numbers are traced, the rest is structure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from .record import StatementError, join, nearest, split

if TYPE_CHECKING:
    from .law import Law


def predict_all(laws: Sequence[Law]) -> list[dict[str, Any]]:
    """The predictions of each law; laws that differ in numbers only are predicted together."""
    groups: dict[Any, list[int]] = {}
    parts = [split(law) for law in laws]
    for i, (structure, _) in enumerate(parts):
        groups.setdefault(structure, []).append(i)
    found: list[dict[str, Any]] = [{} for _ in laws]
    for structure, members in groups.items():
        table = np.array([parts[i][1] for i in members], float).reshape(len(members), -1)
        for i, values in zip(members, _predict_group([laws[i] for i in members], structure, table), strict=True):
            found[i] = values
    for law, values in zip(laws, found, strict=True):
        needed = list(law.observables)
        _check_names(law, values, needed + [f"{k}_error" for k in needed], needed, "predict")
    return found


def realize_block(law: Law, n: int, seeds: Sequence[int]) -> dict[str, np.ndarray]:
    """The observables of the realisations of size `n` with these seeds: arrays with the seeds first."""
    keys = seed_keys(n, seeds)
    if law.compiled:
        import jax
        import jax.numpy as jnp

        structure, numbers = split(law)
        values = _compiled_realize()(structure, n, jnp.asarray(numbers, float), keys)
        values = jax.tree.map(np.asarray, values)
    else:
        values = law.realize_all(n, keys)
    _check_names(law, values, law.observed(), law.observed(), "realize")
    return {k: np.asarray(values[k], float) for k in law.observed()}


def seed_keys(n: int, seeds: Sequence[int]) -> Any:
    """The JAX keys of these seeds at size `n`; that of one seed is the same whatever else runs."""
    import jax.numpy as jnp

    return _compiled_keys()(n, jnp.asarray(seeds, jnp.uint32))


def generator(key: Any) -> np.random.Generator:
    """A NumPy generator seeded by a JAX key, for laws whose `realize` is ordinary Python."""
    import jax

    return np.random.default_rng([int(word) for word in np.asarray(jax.random.key_data(key)).ravel()])


def whole(expected: float, rng: np.random.Generator, least: int = 1) -> int:
    """A whole number >= `least` whose mean is the one asked for, for a system whose share of n is not one."""
    return max(least, int(expected) + int(rng.random() < expected - int(expected)))


def _predict_group(laws: list[Law], structure: Any, table: np.ndarray) -> list[dict[str, Any]]:
    if laws[0].vectorised:
        varying = (table != table[:1]).any(axis=0)
        if not varying.any():
            return [laws[0].predict()] * len(laws)
        columns = [table[:, j] if varying[j] else float(table[0, j]) for j in range(table.shape[1])]
        return _rows(join(structure, columns).predict(), len(laws))
    if laws[0].compiled and len(laws) > 1:
        values = _traced_predict(structure, table)
        if values is not None:
            return _rows(values, len(laws))
    return [{k: np.asarray(v, float) for k, v in law.predict().items()} for law in laws]


def _rows(values: dict[str, Any], count: int) -> list[dict[str, Any]]:
    arrays = {k: np.asarray(v, float) for k, v in values.items()}
    for k, v in arrays.items():
        if v.shape[:1] != (count,):
            raise StatementError(f"`predict` returned {k!r} of shape {v.shape} for {count} statements at once.")
    return [{k: v[i] for k, v in arrays.items()} for i in range(count)]


def _traced_predict(structure: Any, table: np.ndarray) -> dict[str, Any] | None:
    """All predictions in one compiled call, or None if `predict` is ordinary Python that JAX cannot trace."""
    try:
        traced = _compiled_predict().lower(structure, table)
    except Exception:  # whatever stops the tracing is raised again, undisguised, by the call point by point
        return None
    return {k: np.asarray(v) for k, v in traced.compile()(table).items()}


@cache
def _compiled_keys() -> Any:
    import jax

    def keys(n: Any, seeds: Any) -> Any:
        base = jax.random.fold_in(jax.random.key(0), n)
        return jax.vmap(lambda seed: jax.random.fold_in(base, seed))(seeds)

    return jax.jit(keys)


@cache
def _compiled_predict() -> Any:
    import jax

    def predict(structure: Any, table: Any) -> Any:
        return jax.vmap(lambda numbers: join(structure, list(numbers)).predict())(table)

    return jax.jit(predict, static_argnums=0)


@cache
def _compiled_realize() -> Any:
    import jax

    def realize(structure: Any, n: int, numbers: Any, keys: Any) -> Any:
        return jax.vmap(lambda key: join(structure, list(numbers)).realize(n, key))(keys)

    return jax.jit(realize, static_argnums=(0, 1))


def _check_names(law: Law, values: dict[str, Any], known: list[str], needed: list[str], method: str) -> None:
    name = type(law).__name__
    for k in values:
        if k not in known:
            hint = nearest(k, known)
            raise StatementError(f"`{method}` of {name} returned {k!r}, which is not among its observables.{hint}")
    for k in needed:
        if k not in values:
            found = ", ".join(values) or "nothing"
            raise StatementError(f"`{method}` of {name} did not return its observable {k!r}; it returned {found}.")
