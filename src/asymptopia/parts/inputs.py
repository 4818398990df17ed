"""Inputs of low dimension with their labels: distributions that can be integrated over and sampled."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contract.record import Record, StatementError, field
from ..numerics.arrays import Key
from ..numerics.gaussian import nodes
from .activation import Activation, Identity
from .data import Data, Samples

__all__ = ["Curve", "Inputs", "IsotropicGaussians", "QuadraticForm"]


class Inputs(Record):
    """A distribution of inputs x (d,) and of their labels y, which have no noise."""

    @property
    def dimension(self) -> int:
        """The number d of entries of an input."""
        raise NotImplementedError

    def nodes(self, level: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A quadrature over inputs: X (n, d), y (n,) and weights (n,); `level` 1 is finer than 0."""
        raise NotImplementedError

    def rule(self) -> tuple[Any, Any, Any]:
        """A quadrature for experiments on the mean over inputs; JAX can trace it in the numbers of the statement."""
        return self.nodes(0)

    def draw(self, key: Key, count: int) -> tuple[Any, Any]:
        """`count` random inputs (count, d) and their labels (count,), as JAX arrays."""
        raise NotImplementedError

    def probes(self) -> np.ndarray:
        """The inputs (P, d) at which outputs are observed, unless the statement names others."""
        raise NotImplementedError


class Curve(Inputs):
    """One standard normal input x; the label is a function of it, times a factor."""

    target: Activation = field(Identity(), "function of the input")
    scale: float = field(1.0, "factor of the label")

    @property
    def dimension(self) -> int:
        return 1

    def nodes(self, level: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x, w = nodes(np.asarray(self.target.breaks(), float), order=(4, 6)[level])
        return x[:, None], np.asarray(self.scale * self.target(x), float), w / w.sum()

    def rule(self) -> tuple[Any, Any, Any]:
        import jax.numpy as jnp

        x, w = map(jnp.asarray, nodes(order=5))  # where the target is steep depends on numbers that are traced
        return x[:, None], self.scale * self.target(x), w / w.sum()

    def draw(self, key: Key, count: int) -> tuple[Any, Any]:
        import jax

        x = jax.random.normal(key, (count,))
        return x[:, None], self.scale * self.target(x)

    def probes(self) -> np.ndarray:
        return np.array([[-1.0], [0.5], [1.0], [2.0]])


class QuadraticForm(Inputs):
    """d independent standard normal inputs; the label is sum_j eigenvalue_j x_j**2."""

    eigenvalues: tuple[float, ...] = field((2.0, 1.0, 0.0), "eigenvalues, one for each input")

    def __post_init__(self) -> None:
        super().__post_init__()
        values = np.asarray(self.eigenvalues, float)
        if values.ndim != 1 or not 1 <= len(values) <= 4 or not np.isfinite(values).all():
            raise StatementError(
                f"`eigenvalues` of QuadraticForm must be one to four finite numbers, but is {self.eigenvalues}."
            )

    @property
    def dimension(self) -> int:
        return len(self.eigenvalues)

    def nodes(self, level: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        from ..numerics.product_normal import tensor_nodes

        X, w = tensor_nodes(*[(5, 6)[level]] * self.dimension)
        return X, X**2 @ np.asarray(self.eigenvalues), w

    def draw(self, key: Key, count: int) -> tuple[Any, Any]:
        import jax
        import jax.numpy as jnp

        X = jax.random.normal(key, (count, self.dimension))
        return X, X**2 @ jnp.asarray(self.eigenvalues)

    def probes(self) -> np.ndarray:
        return np.eye(self.dimension)


class IsotropicGaussians(Inputs):
    """Two equally likely classes y = +-1 around one centre, of different spread: x ~ N(0, (1 + y contrast)**2 I)."""

    features: int = field(20, "dimension d", at_least=2, at_most=10_000)
    contrast: float = field(0.8, "how much their spreads differ", above=0, below=1)

    @property
    def dimension(self) -> int:
        return self.features

    def nodes(self, level: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        raise StatementError(
            "IsotropicGaussians has no nodes of all its inputs, as gradient flow (`batch` = 0) and fluctuations need: "
            "use SGD (`batch` >= 1)."
        )

    def radial_nodes(self, level: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A quadrature over the lengths of inputs: lengths, labels and weights, each (n,)."""
        from ..numerics.product_normal import chi_nodes

        r, w = chi_nodes(self.features, (24, 32)[level])
        s = np.concatenate([(1 - self.contrast) * r, (1 + self.contrast) * r])
        return s, np.repeat([-1.0, 1.0], len(r)), np.tile(w / 2, 2)

    def draw(self, key: Key, count: int) -> tuple[Any, Any]:
        import jax
        import jax.numpy as jnp

        first, second = jax.random.split(key)
        y = jnp.where(jax.random.bernoulli(first, 0.5, (count,)), 1.0, -1.0)
        return (1 + y * self.contrast)[:, None] * jax.random.normal(second, (count, self.features)), y

    def probes(self) -> np.ndarray:
        lengths = np.sqrt(self.features) * np.array([0.5, 1.0, 1.5])
        return lengths[:, None] * np.eye(1, self.features)


class Rows:
    """The rows of a data set, each equally likely."""

    def __init__(self, samples: Samples) -> None:
        self.X, self.y = samples.X, samples.y
        self.dimension = samples.X.shape[1]

    def nodes(self, level: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All rows with equal weights, at any level."""
        return self.X, self.y, np.full(len(self.y), 1 / len(self.y))

    def rule(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All rows with equal weights."""
        return self.nodes(0)

    def draw(self, key: Key, count: int) -> tuple[Any, Any]:
        """`count` random rows, drawn with replacement, and their labels."""
        import jax
        import jax.numpy as jnp

        chosen = jax.random.randint(key, (count,), 0, len(self.y))
        return jnp.asarray(self.X)[chosen], jnp.asarray(self.y)[chosen]

    def probes(self) -> np.ndarray:
        """Four rows, evenly spaced in the order of the labels."""
        order = np.argsort(self.y, kind="stable")
        return np.asarray(self.X[order[np.linspace(0, len(order) - 1, 6).astype(int)[1:-1]]])


def inputs_of(data: Inputs | Data) -> Inputs | Rows:
    """The inputs of a law's field `data`: the distribution itself, or the rows of the data set."""
    return data if isinstance(data, Inputs) else Rows(data.samples())
