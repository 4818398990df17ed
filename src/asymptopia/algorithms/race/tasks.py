"""The tasks of the race: a network, its training data and its test data."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import PyTree
from ...parts.activation import Activation, Tanh
from ...parts.data import Patches
from ...parts.loss import Square
from ..optimisers import CrossEntropy, Network

if TYPE_CHECKING:
    from jaxtyping import Float, Real


@dataclasses.dataclass(frozen=True)
class Task:
    """A network to be trained on X (n, d) and y, and tested on other samples; parameters have the type of X.

    key: the randomness of an optimiser that draws batches or labels; the race gives each seed its own.

    Raises `StatementError` for data that do not fit the network or are not finite.
    """

    name: str
    network: Network
    X: Real[Any, "n d"]
    y: Real[Any, "n ..."]
    test_X: Real[Any, "m d"]
    test_y: Real[Any, "m ..."]
    key: Any = None

    def __post_init__(self) -> None:
        for X, y in (("X", "y"), ("test_X", "test_y")):
            for name, value in zip((X, y), self.network.checked(getattr(self, X), getattr(self, y)), strict=True):
                object.__setattr__(self, name, value)

    def objective(self, parameters: PyTree) -> Float[jax.Array, ""]:
        """The mean loss of the training samples."""
        return self.network.objective(parameters, self.X, self.y)

    def outputs(self, parameters: PyTree) -> Float[jax.Array, "n outputs"]:
        """The network's outputs for the training samples."""
        return self.network.outputs(parameters, self.X)

    def loss(self, z: Float[jax.Array, "n outputs"]) -> Float[jax.Array, ""]:
        """The mean loss of the training samples from their outputs."""
        return self.network.losses(self.y, z).mean()

    def accuracy(self, parameters: PyTree) -> Float[jax.Array, ""]:
        """On the test samples: the share of right classes or signs, or the explained variance (square loss)."""
        z = self.network.outputs(parameters, self.test_X)
        if isinstance(self.network.loss, CrossEntropy):
            return jnp.mean(jnp.argmax(z, axis=1) == self.test_y)
        if isinstance(self.network.loss, Square):
            spread = jnp.mean((self.test_y - self.test_y.mean(axis=0)) ** 2)
            return 1 - jnp.mean((self.test_y - z) ** 2) / spread
        return jnp.mean(z * self.test_y > 0)

    def start(self, seed: int) -> Any:
        """The parameters from which every optimiser starts with this seed."""
        return self.network.draw(jax.random.key(seed), self.X.dtype)


def digits(samples: int = 600, hidden: tuple[int, ...] = (32,), activation: Activation = Tanh()) -> Task:  # noqa: B008
    """The digits of scikit-learn in ten classes; those not trained on are the test set.

    samples: to train on. hidden: units of each hidden layer. activation: of these. Raises `StatementError` if no sample
    is left for the test.
    """
    from sklearn.datasets import load_digits

    images = load_digits()
    if not 1 <= samples < len(images.data):
        raise StatementError(f"`samples` must be from 1 to {len(images.data) - 1}, but is {samples}.")
    order = np.random.default_rng(0).permutation(len(images.data))
    X = images.data[order] / 16
    X, y = X - X[:samples].mean(axis=0), images.target[order]
    network = Network((64, *hidden, 10), activation, CrossEntropy())
    return Task("digits", network, X[:samples], y[:samples], X[samples:], y[samples:])


def patches(samples: int = 600, side: int = 5, hidden: tuple[int, ...] = (16, 6, 16)) -> Task:
    """An autoencoder of grey patches from the photographs of scikit-learn, centred one by one.

    samples: to train on. side: of a patch, in pixels. hidden: units of each hidden layer. Raises `StatementError`
    unless there is a sample.
    """
    if samples < 1:
        raise StatementError(f"`samples` must be at least 1, but is {samples}.")
    X = Patches(target="photograph", side=side, count=max(2 * samples, 100)).columns().X
    X = X - X.mean(axis=1, keepdims=True)
    X = X / X[:samples].std()
    network = Network((side**2, *hidden, side**2), Tanh(), Square())
    seen, unseen = X[:samples], X[samples:]
    return Task("patches", network, seen, seen, unseen, unseen)


def teacher(samples: int = 300, inputs: int = 5, hidden: tuple[int, ...] = (8,), width: int = 4) -> Task:
    """A random tanh network of `width` units as a teacher, to be fitted exactly by a larger network.

    samples: to train on, three times as many to test. inputs: dimension of a sample. hidden: units of the layers of the
    student.
    """
    rng = np.random.default_rng(0)
    master = Network((inputs, width, 1), Tanh(), Square()).draw(jax.random.key(2**31))
    X = rng.standard_normal((4 * samples, inputs))
    y = np.asarray(Network((inputs, width, 1), Tanh(), Square()).outputs(master, jnp.asarray(X)))
    y = (y - y[:samples].mean()) / y[:samples].std()
    network = Network((inputs, *hidden, 1), Tanh(), Square())
    return Task("teacher", network, X[:samples], y[:samples], X[samples:], y[samples:])
