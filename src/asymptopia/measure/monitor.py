"""Sharpness and gradient noise during training, measured from within your own training loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..contract.record import StatementError
from ..numerics.arrays import PyTree
from .extremes import extremes
from .gradient_noise import NoiseScale, gradient_noise_scale
from .operators import hessian


class Moment(NamedTuple):
    """The measurements at one step.

    sharpness, within: the largest eigenvalue of the Hessian, and the distance from it within which an eigenvalue lies.
    noise:             the noise scale with its error; None without samples.
    """

    step: int
    loss: float
    sharpness: float
    within: float
    noise: NoiseScale | None


@dataclass
class Monitor:
    """A callback for a loop in JAX or PyTorch: `monitor(step, parameters)` measures at each `every`-th step.

    loss:    a function of the parameters (a tree of JAX arrays or a PyTorch module), on fixed data.
    every:   steps between two measurements.
    rate:    the learning rate of gradient descent, if that trains the network: `edge` is then 2 / rate.
    sample_loss, samples: as in `gradient_noise_scale`, to measure the noise scale too.

    `share` is the part of the time since the first call that measuring took. A sharpness takes about a hundred products
    with the Hessian, each as costly as two gradients; with up to 2,000 parameters it takes one product for each. A
    noise scale takes two gradients of each sample.
    """

    loss: Callable[[Any], Any]
    every: int = 10
    rate: float | None = None
    sample_loss: Callable[[Any, Any], Any] | None = None
    samples: Any = None
    moments: list[Moment] = field(default_factory=list)
    _spent: float = 0.0
    _began: float | None = None

    def __post_init__(self) -> None:
        if self.every < 1:
            raise StatementError(f"`every` must be at least 1, but is {self.every!r}.")
        if self.rate is not None and not self.rate > 0:
            raise StatementError(f"`rate` must be > 0, but is {self.rate!r}.")
        if (self.sample_loss is None) != (self.samples is None):
            raise StatementError("`sample_loss` and `samples` go together: both, or neither.")

    def __call__(self, step: int, parameters: PyTree) -> Moment | None:
        """Measure, if it is time to; the parameters are as before."""
        now = time.perf_counter()
        self._began = now if self._began is None else self._began
        if step % self.every:
            return None
        eigenpairs = extremes(hessian(self.loss, parameters), 1)
        noise = None
        if self.sample_loss is not None:
            noise = gradient_noise_scale(self.sample_loss, parameters, self.samples)
        value = self.loss(parameters)
        value = float(value.detach() if hasattr(value, "detach") else value)
        self.moments.append(Moment(step, value, float(eigenpairs.values[-1]), float(eigenpairs.errors[-1]), noise))
        self._spent += time.perf_counter() - now
        return self.moments[-1]

    @property
    def edge(self) -> float:
        """2 / rate, where gradient descent on a quadratic loses its stability; nan without a rate."""
        return np.nan if self.rate is None else 2 / self.rate

    @property
    def share(self) -> float:
        """The part of the time since the first call that was spent on measuring."""
        return 0.0 if self._began is None else self._spent / max(time.perf_counter() - self._began, 1e-12)
