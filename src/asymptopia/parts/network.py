"""Random networks of any width, and the kernel that the derived limit of their code gives."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract.record import Record, StatementError, field
from ..numerics.arrays import PyTree
from ..numerics.trained import trained_arrays
from .kernel import Kernel
from .own_function import OwnFunction

if TYPE_CHECKING:
    import jax

__all__ = ["Network", "NetworkKernel", "ReluNetwork"]

_MOST_POINTS, _WORK, _NETS, _MOST_ROWS = 16384, 1e6, 3, 1000
_COMPARED, _SHIFT = 8, 0.02  # rows, and how far a finite width may shift the mean


class Network(Record):
    """A family of random networks, one for each width.

    `__call__(self, n, key, inputs)` returns `(parameters, features)`: a tree of JAX arrays drawn with the JAX key, and
    a function `features(parameters, inputs)` that takes inputs (N, d) to the last hidden layer (N, n).
    """

    def __call__(self, n: int, key: jax.Array, inputs: jax.Array) -> tuple[Any, Callable[[Any, jax.Array], jax.Array]]:
        raise NotImplementedError(f"{type(self).__name__} defines no `__call__(self, n, key, inputs)`.")

    @classmethod
    def from_callable(cls, function: Callable[..., Any]) -> Network:
        """A network that is a plain function of (n, key, inputs), or of n for PyTorch; the statement shows its name."""
        return _Own(function)


class ReluNetwork(Network):
    """Dense layers of relu units, with standard normal parameters, and the scale sqrt(2 / units before) on them."""

    depth: int = field(2, "number of hidden layers", at_least=1)

    def __call__(self, n: int, key: jax.Array, inputs: jax.Array) -> tuple[Any, Callable[[Any, jax.Array], jax.Array]]:
        import jax
        import jax.numpy as jnp

        before = (inputs.shape[1], *(n for _ in range(self.depth - 1)))
        keys = jax.random.split(key, self.depth)
        parameters = [jax.random.normal(k, (m, n)) for k, m in zip(keys, before, strict=True)]

        def features(weights: PyTree, x: jax.Array) -> jax.Array:
            for w, m in zip(weights, before, strict=True):
                x = jnp.maximum(x @ w * jnp.sqrt(2 / m), 0)
            return x

        return parameters, features


class _Own(OwnFunction, Network):
    """A plain function of the width, the key and the inputs."""

    function: Callable[..., Any] = ReluNetwork()

    def __call__(self, n: int, key: jax.Array, inputs: jax.Array) -> tuple[Any, Callable[[Any, jax.Array], jax.Array]]:
        given = _family(self.function)(n, key, inputs)
        if not (isinstance(given, tuple) and len(given) == 2 and callable(given[1])):
            what = f"{len(given)} things" if isinstance(given, tuple) else type(given).__name__
            raise StatementError(
                f"A network of (n, key, inputs) must return (parameters, features), where features(parameters, inputs) "
                f"is the last hidden layer, but returns {what}."
            )
        trained, whole = trained_arrays(given[0])
        return trained, lambda parameters, x: _hidden(given[1](whole(parameters), x), len(x), n)


def _hidden(h: jax.Array, count: int, n: int) -> jax.Array:
    if getattr(h, "shape", None) != (count, n):
        raise StatementError(
            f"A network of width n = {n} must map {count} inputs to its last hidden layer, of shape ({count}, {n}), "
            f"but gives {getattr(h, 'shape', type(h).__name__)}. A linear output of n weights is put on it."
        )
    return h


@lru_cache(maxsize=16)
def _family(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function in JAX; one of the width alone makes PyTorch modules."""
    try:
        inspect.signature(function).bind(1, None, None)
    except TypeError:
        from .pytorch_network import family

        return family(function)
    return function


class NetworkKernel(Kernel):
    r"""The kernel of a network of your own as its layers grow wide, derived from its code.

    A linear output with standard normal weights is put on the last hidden layer. The tangent kernel is that of training
    all parameters with small steps, the other one (NNGP) that of training the output alone. The matrix is divided by
    the mean of its diagonal, so that it exists for weights of any scale. It is known on the rows of data, not on
    spheres.
    """

    network: Network = field(ReluNetwork(), "networks by width, or a function of (n, key, inputs), or of n")
    tangent: bool = field(True, "whether all parameters are trained, or the output alone")

    @classmethod
    def from_callable(cls, function: Callable[..., Any]) -> NetworkKernel:
        """The tangent kernel of a network that is a plain function."""
        return cls(network=function)  # type: ignore[arg-type]

    def matrix(self, X: np.ndarray) -> np.ndarray:
        """The matrix (N, N) over rows of X (N, d), whose diagonal has the mean 1.

        Beyond 1,000 rows it is the mean over networks of finite width (`sampled_kernel`), after the limit of eight rows
        was derived. Raises `NoLimit` where the network's code has no limit, and `StatementError` where finite networks
        are far from it.
        """
        from ..derive import derive

        if len(X) > _MOST_ROWS:
            return self._of_many(np.asarray(X, float))
        least = 1 << (2 * len(X) - 1).bit_length()  # with fewer points than rows the kernel is biased
        points = max(least, 1 << int(np.log2(min(_WORK / len(X), _MOST_POINTS))))
        inputs = np.asarray(X, float)
        return derive(lambda n, key: {"kernel": self._of(n, key, inputs)}, points=points, nets=_NETS)["kernel"]

    def _of_many(self, X: np.ndarray) -> np.ndarray:
        from .sampled_kernel import sampled_kernel

        some = np.linspace(0, len(X) - 1, _COMPARED).astype(int)
        limit = self.matrix(X[some])
        sampled = sampled_kernel(self.network, X, self.tangent)
        finite = sampled.values[np.ix_(some, some)]
        apart = float(np.sqrt(np.mean((finite / np.mean(np.diag(finite)) - limit) ** 2)))
        if not apart <= 5 * sampled.error + _SHIFT:
            raise StatementError(
                f"The kernel of more than {_MOST_ROWS} rows is that of networks of finite width, and must be near the "
                f"limit, but is {apart:.2g} from it on {_COMPARED} rows, with an error of {sampled.error:.2g}."
            )
        return sampled.values

    def at(self, angle: np.ndarray) -> np.ndarray:
        raise StatementError(
            f"{self!r} is for data: give `data`, as the kernel of a network depends on more than angles."
        )

    def _of(self, n: int, key: jax.Array, X: np.ndarray) -> jax.Array:
        """The matrix of one network of width n: inner products of the gradients of the outputs."""
        import jax
        import jax.numpy as jnp

        first, second = jax.random.split(key)
        x = jnp.asarray(X)
        parameters, features = self.network(n, first, x)
        h = features(parameters, x)
        K = h @ h.T / n
        if self.tangent:
            v = jax.random.normal(second, (n,)) / jnp.sqrt(n)

            def gradient(one: jax.Array) -> PyTree:
                return jax.vjp(lambda p: features(p, one[None])[0], parameters)[1](v)[0]

            for g in jax.tree.leaves(jax.vmap(gradient)(x)):
                K = K + jnp.tensordot(g, g, [list(range(1, g.ndim))] * 2)
        return K / jnp.mean(jnp.diag(K))
