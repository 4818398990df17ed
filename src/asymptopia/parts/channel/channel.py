"""What every channel is: the law of a label given the teacher's field."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from ...contract.record import Record, StatementError
from ...numerics.breaks import resolve
from ..log_partition import derivatives, value

FAR = 5  # functions of the field are searched for jumps and kinks up to 2**5
TINY = 1e-300


class Channel(Record):
    """The law of a label given the teacher's field.

    A channel of your own defines `sample(self, z, rng)` and `log_partition(self, y, mean, variance)`, elementwise with
    `jax.numpy`; everything else follows. One that is a function of the field plus N(0, `noise`) may define
    `function(self, z)` for `sample`. Class attributes:

    binary:     the labels are +-1 (the default).
    labels:     the labels of positive probability; those of a binary channel by default.
    continuous: whether there are labels with a density besides; the default unless the channel is binary.
    symmetric:  the label -y at -z is as probable as y at z.
    """

    binary: ClassVar[bool] = True
    symmetric: ClassVar[bool] = False

    @property
    def labels(self) -> tuple[float, ...]:
        return (-1.0, 1.0) if self.binary else ()

    @property
    def continuous(self) -> bool:
        return not self.binary

    def sample(self, z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Labels of the fields z, of the same shape."""
        noise = getattr(self, "noise", 0.0)
        y = np.asarray(self.function(z), float)
        return y + np.sqrt(noise) * rng.standard_normal(np.shape(z)) if noise else y

    def log_partition(self, y: Any, mean: Any, variance: Any) -> Any:
        """The logarithm of the probability, or density, of the label y if the field is N(mean, variance)."""
        raise NotImplementedError(f"{type(self).__name__} defines no `log_partition(self, y, mean, variance)`.")

    def score(self, y: Any, mean: Any, variance: Any) -> tuple[np.ndarray, np.ndarray]:
        """First and second derivative of the log-partition in the mean, elementwise."""
        return derivatives(self, 1, y, mean, variance)

    def log_chance(self, y: Any, mean: Any, variance: Any) -> np.ndarray:
        """The log-partition as a NumPy array."""
        if type(self).score is Channel.score:
            return value(self, y, mean, variance)
        return np.asarray(self.log_partition(y, mean, variance), float)

    def partition(self, y: Any, mean: Any, variance: Any) -> np.ndarray:
        """The probability, or density, of the label y if the field is N(mean, variance)."""
        return np.exp(self.log_chance(y, mean, variance))

    def slope(self, y: Any, mean: Any, variance: Any) -> np.ndarray:
        """The derivative of `partition` in the mean."""
        return np.asarray(self.partition(y, mean, variance) * self.score(y, mean, variance)[0])

    def breaks(self) -> tuple[tuple[float, ...], Any]:
        """Fields at which the law of the label changes abruptly, and over what width it does."""
        return _found_breaks(self), 0.0

    def function(self, z: Any) -> Any:
        """The label without noise."""
        raise NotImplementedError(f"{type(self).__name__} has no label without noise.")

    def noiseless(self) -> Channel:
        """The channel without flips or added noise; where the label is random by nature (Logit, Probit), itself."""
        return self

    def check(self) -> None:
        """Raise `StatementError` unless the probabilities of the labels sum to one and are those of the samples."""
        _check(self)

    @classmethod
    def from_callable(cls, function: Callable[[Any], Any]) -> Channel:
        """A teacher that is a plain function of the field; the statement shows its name."""
        from .own import _Own

        return _Own(function)


@lru_cache(maxsize=64)
def _found_breaks(channel: Channel) -> tuple[float, ...]:
    """Where the probability of a label, as a function of the field, jumps or is kinked, or else is steep."""
    if not channel.labels:
        return ()

    def chance(z: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.exp(channel.log_chance(channel.labels[-1], z, np.full_like(z, TINY)))

    singular, ends = resolve(chance, FAR)
    steep = ends[:-1][np.diff(ends) < 0.5] if not len(singular) else singular
    return tuple(float(z) for z in steep)


@lru_cache(maxsize=256)
def _check(channel: Channel) -> None:
    rng = np.random.default_rng(0)
    for mean, variance in ((0.3, 1.0), (-1.1, 0.2)):
        y = channel.sample(mean + np.sqrt(variance) * rng.standard_normal(20_000), rng)
        chances = [float(channel.partition(label, mean, variance)) for label in channel.labels]
        total = sum(chances) + (_density_mass(channel, y, mean, variance) if channel.continuous else 0.0)
        if not abs(total - 1) < 1e-5:
            raise StatementError(
                f"The probabilities of the labels of {channel!r} must sum to 1, but sum to {total:.9g} "
                f"if the field is N({mean:g}, {variance:g})."
            )
        for label, chance in zip(channel.labels, chances, strict=True):
            share = float(np.mean(y == label))
            if abs(share - chance) > 8 * np.sqrt(max(chance * (1 - chance), 1e-6) / len(y)):
                raise StatementError(
                    f"The samples and the log-partition of {channel!r} must be of one law, but the label {label:g} has "
                    f"the share {share:.4g} of the samples and the probability {chance:.4g}."
                )


def _density_mass(channel: Channel, y: np.ndarray, mean: float, variance: float) -> float:
    """The integral of the density of the labels, on panels that follow a sample of them."""
    from scipy.integrate import quad_vec

    y = y[~np.isin(y, channel.labels)]
    low, high = float(y.min()), float(y.max())
    reach = high - low
    beyond = reach * np.r_[0.0, 10.0 ** np.arange(-7, 1)]
    ends = np.unique(np.r_[low - beyond, np.quantile(y, [0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99]), high + beyond])

    def density(t: float) -> np.ndarray:
        with np.errstate(all="ignore"):
            return channel.partition(t, mean, variance)

    return float(quad_vec(density, ends[0], ends[-1], points=ends, epsabs=1e-8, epsrel=1e-8, limit=2000)[0])
