"""The base class of channels, and plain functions as channels."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from ...contract.record import Record, StatementError
from ...numerics.arrays import ArrayLike
from ...numerics.breaks import resolve
from ...numerics.gaussian import nodes
from ...numerics.tails import log_density
from ..log_partition import derivatives, value
from ..own_function import OwnFunction

FAR = 5  # functions of the field are searched for jumps and kinks up to 2**5
TINY = 1e-300
DRAWS = 30  # labels at each field where they are random by nature


class Channel(Record):
    """The distribution of a label y given the teacher's field z.

    A channel of your own defines `sample(self, z, rng)` and `log_partition(self, y, mean, variance)`, elementwise with
    `jax.numpy`; everything else follows. One that is a function of the field plus N(0, `noise`) may define
    `function(self, z)` in place of `sample`. Class attributes:

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
        """Random labels of the fields z, an array of the same shape."""
        noise = getattr(self, "noise", 0.0)
        y = np.asarray(self.function(z), float)
        return y + np.sqrt(noise) * rng.standard_normal(np.shape(z)) if noise else y

    def log_partition(self, y: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> Any:
        """log P(y), or the log-density of y, for a field z ~ N(mean, variance), elementwise."""
        raise NotImplementedError(f"{type(self).__name__} defines no `log_partition(self, y, mean, variance)`.")

    def score(self, y: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """First and second derivative of the log-partition with respect to the mean, elementwise."""
        return derivatives(self, 1, y, mean, variance)

    def log_chance(self, y: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> np.ndarray:
        """The log-partition as a NumPy array."""
        if type(self).score is Channel.score:
            return value(self, y, mean, variance)
        return np.asarray(self.log_partition(y, mean, variance), float)

    def partition(self, y: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> np.ndarray:
        """P(y), or the density of y, for a field z ~ N(mean, variance), elementwise."""
        return np.exp(self.log_chance(y, mean, variance))

    def slope(self, y: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> np.ndarray:
        """The derivative of `partition` with respect to the mean, elementwise."""
        return np.asarray(self.partition(y, mean, variance) * self.score(y, mean, variance)[0])

    def breaks(self) -> tuple[tuple[float, ...], Any]:
        """The fields at which the distribution of the label jumps, and the width over which it does."""
        return _found_breaks(self), 0.0

    def function(self, z: ArrayLike) -> Any:
        """The label without noise."""
        raise NotImplementedError(f"{type(self).__name__} has no label without noise.")

    def noiseless(self) -> Channel:
        """The channel without flips or added noise; Logit and Probit, random by definition, return themselves."""
        return self

    def even(self) -> bool:
        """Whether z and -z give labels of the same distribution, so that the sign of a signal cannot be learned."""
        return _even(self)

    def guess(self, mean: np.ndarray, variance: float, rng: np.random.Generator) -> np.ndarray:
        """The best guess of each label for a field z ~ N(mean, variance), without noise where that can be removed.

        The most probable label if labels are discrete, else their mean; mean and guess have shape (N,).
        """
        clean = self.noiseless()
        if not clean.continuous:
            chances = [clean.partition(y, mean, variance) for y in clean.labels]
            return np.asarray(clean.labels)[np.argmax(chances, axis=0)]
        z, weights = nodes(clean.breaks()[0], mean, np.sqrt(variance))
        draws = 1 if type(clean).function is not Channel.function else DRAWS
        return sum(((weights * clean.sample(z, rng)).sum(axis=-1) for _ in range(draws)), np.zeros(len(z))) / draws

    def check(self) -> None:
        """Raise `StatementError` unless the probabilities of the labels sum to one and agree with `sample`."""
        _check(self)

    @classmethod
    def from_callable(cls, function: Callable[[Any], Any]) -> Channel:
        """A plain function of the field as a channel; a statement shows the function's name."""
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


def _even(channel: Channel) -> bool:
    y = channel.labels or tuple(channel.sample(np.linspace(-2.0, 2.0, 7), np.random.default_rng(0)))
    at, mirrored = (channel.partition(np.array(y)[:, None], s * np.array([0.3, 1.7]), 0.5) for s in (1, -1))
    return bool(np.allclose(at, mirrored, rtol=1e-9, atol=1e-300))


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
                    f"The samples and the log-partition of {channel!r} must agree, but the label {label:g} has "
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


class _Own(OwnFunction, Channel):
    """A plain function of the field as a teacher; its labels are binary if all its values are +-1."""

    teacher: Callable[[Any], Any] = np.abs

    @property
    def binary(self) -> bool:  # type: ignore[override]
        return _traits(self.teacher)[0]

    def function(self, z: ArrayLike) -> Any:
        z = np.asarray(z, float)
        return np.broadcast_to(np.asarray(self.teacher(z), float), z.shape)

    def breaks(self) -> tuple[tuple[float, ...], Any]:
        return _traits(self.teacher)[1], 0.0

    def log_partition(self, y: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> np.ndarray:
        self.check()
        with np.errstate(divide="ignore"):
            return np.log(self.partition(y, mean, variance))

    def score(self, y: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        p, (first, second) = self.partition(y, mean, variance), self._bells(y, mean, variance)
        with np.errstate(invalid="ignore", divide="ignore"):
            g = first / p
            return g, second / p - g**2

    def partition(self, y: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> np.ndarray:
        """The probability of the label y: half-lines and intervals of the field on which the function is y."""
        from scipy.special import ndtr

        _, places, values = _traits(self.teacher)
        y, mean, s = np.broadcast_arrays(np.asarray(y, float), np.asarray(mean, float), np.sqrt(variance))
        ends = np.r_[-np.inf, places, np.inf]
        total = np.zeros(mean.shape)
        for low, high, label in zip(ends[:-1], ends[1:], values, strict=True):
            a, b = (low - mean) / s, (high - mean) / s
            total += (y == label) * np.where(a > 0, ndtr(-a) - ndtr(-b), ndtr(b) - ndtr(a))
        return total

    def slope(self, y: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> np.ndarray:
        return self._bells(y, mean, variance)[0]

    def _bells(self, y: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """First and second derivative of `partition` in the mean."""
        _, places, values = _traits(self.teacher)
        y, mean, s = np.broadcast_arrays(np.asarray(y, float), np.asarray(mean, float), np.sqrt(variance))
        first, second = np.zeros(mean.shape), np.zeros(mean.shape)
        for place, rise in zip(places, np.diff(values), strict=True):
            t = (place - mean) / s
            bell = y * rise / 2 * np.exp(log_density(t)) / s
            first, second = first + bell, second + bell * t / s
        return first, second

    def check(self) -> None:
        if not self.binary:
            raise StatementError(
                f"The density of the real labels of {self!r} is not known from the function alone: state a Channel "
                "with `sample(self, z, rng)` and `log_partition(self, y, mean, variance)`."
            )


@lru_cache(maxsize=64)
def _traits(function: Callable[[Any], Any]) -> tuple[bool, tuple[float, ...], tuple[float, ...]]:
    """Whether a function of the field makes labels +-1, where it is not smooth, and its values between those places."""

    def values(z: np.ndarray) -> np.ndarray:
        return np.broadcast_to(np.asarray(function(z), float), z.shape)

    places = [float(z) for z in resolve(values, FAR)[0]]
    between = np.convolve([-(2.0**FAR), *places, 2.0**FAR], [0.5, 0.5], "valid")
    probes = np.concatenate([between, np.linspace(-12.0, 12.0, 4801) + 1.234e-5])
    binary = bool(np.all(np.abs(values(probes)) == 1.0))
    return binary, tuple(places), tuple(float(v) for v in values(between))
