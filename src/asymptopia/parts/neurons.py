"""Neurons of a two-layer network, and the distribution from which their parameters start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..contract.record import Record, StatementError, field
from ..numerics.arrays import Key
from .activation import Activation

if TYPE_CHECKING:
    import jax

__all__ = ["Complete", "Neurons", "StudentWeights", "Weights"]


class Neurons(Record):
    """A neuron with p parameters, and the distribution from which they start, independently.

    The first `linear` parameters are factors of the neuron's output.
    """

    linear: ClassVar[int] = 0

    @staticmethod
    def parameters(d: int) -> int:
        """The number p of a neuron's parameters for inputs of d entries."""
        raise NotImplementedError

    @staticmethod
    def outputs(activation: Activation, theta: np.ndarray | jax.Array, X: np.ndarray | jax.Array) -> Any:
        """The outputs (K, n) of neurons theta (K, p) for inputs X (n, d); NumPy or JAX."""
        raise NotImplementedError

    def place(self, z: np.ndarray) -> np.ndarray:
        """The starting parameters (K, p) as a function of standard normal coordinates z (K, p)."""
        raise NotImplementedError

    def draw(self, key: Key, count: int, d: int) -> Any:
        """Random starting parameters of `count` neurons, a JAX array (count, p)."""
        raise NotImplementedError

    def second_moment(self) -> float:
        """The largest second moment of a starting parameter; inf if it has none."""
        raise NotImplementedError


class _Inner(Neurons):
    """Neurons f(w.x)."""

    @staticmethod
    def parameters(d: int) -> int:
        return d

    @staticmethod
    def outputs(activation: Activation, theta: np.ndarray | jax.Array, X: np.ndarray | jax.Array) -> Any:
        return activation(_fields(theta, X))


class Weights(_Inner):
    """Neurons f(w.x), without output weight or bias; each weight starts from a normal distribution."""

    mean: float = field(0.0, "mean of a weight")
    variance: float = field(1.0, "variance of a weight", at_least=0)

    def place(self, z: np.ndarray) -> np.ndarray:
        return self.mean + np.sqrt(self.variance) * z

    def draw(self, key: Key, count: int, d: int) -> Any:
        import jax
        import jax.numpy as jnp

        return self.mean + jnp.sqrt(self.variance) * jax.random.normal(key, (count, d))

    def second_moment(self) -> float:
        return self.mean**2 + self.variance


class StudentWeights(_Inner):
    """Neurons f(w.x) whose weights start from Student's t distribution, which has heavy tails."""

    degrees: float = field(6.0, "degrees of freedom; moments below this order exist", above=0)
    scale: float = field(1.0, "scale", above=0)

    def place(self, z: np.ndarray) -> np.ndarray:
        from scipy.special import ndtr, stdtrit

        # the quantile of the nearer tail, so that no digit is lost far out
        return np.asarray(-np.sign(z) * self.scale * stdtrit(self.degrees, ndtr(-np.abs(z))))

    def draw(self, key: Key, count: int, d: int) -> Any:
        import jax

        return self.scale * jax.random.t(key, self.degrees, (count, d))

    def second_moment(self) -> float:
        return self.scale**2 * self.degrees / (self.degrees - 2) if self.degrees > 2 else float("inf")


class Complete(Neurons):
    """Neurons c f(w.x + b) whose output weight, weights and bias are all trained, from normal starts of mean 0."""

    linear: ClassVar[int] = 1

    output: float = field(1.0, "variance of the output weight c", at_least=0)
    weight: float = field(1.0, "variance of a weight", at_least=0)
    bias: float = field(1.0, "variance of the bias", at_least=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        scales = (self.output, self.weight, self.bias)
        if all(isinstance(s, float) for s in scales) and self.output == 0 and self.weight == self.bias == 0:
            raise StatementError("`output`, `weight` and `bias` of Complete are all 0: such neurons never move.")

    @staticmethod
    def parameters(d: int) -> int:
        return d + 2

    @staticmethod
    def outputs(activation: Activation, theta: np.ndarray | jax.Array, X: np.ndarray | jax.Array) -> Any:
        return theta[:, :1] * activation(_fields(theta[:, 2:], X) + theta[:, 1:2])

    def place(self, z: np.ndarray) -> np.ndarray:
        spread = np.sqrt([self.output, self.bias] + [self.weight] * (z.shape[1] - 2))
        return np.asarray(spread * z)

    def draw(self, key: Key, count: int, d: int) -> Any:
        import jax
        import jax.numpy as jnp

        spread = jnp.sqrt(jnp.stack([self.output, self.bias] + [self.weight] * d))
        return spread * jax.random.normal(key, (count, d + 2))

    def second_moment(self) -> float:
        return max(self.output, self.weight, self.bias)


def _fields(w: np.ndarray | jax.Array, X: np.ndarray | jax.Array) -> Any:
    """The fields (K, n) of inputs (n, d); for a single input number without a matrix product, which is slower."""
    return w * X[:, 0] if X.shape[1] == 1 else w @ X.T
