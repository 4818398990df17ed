"""Nonnegative matrices to factorise: planted, images of digits, and the spectrogram of synthesised notes."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from ..contract.record import Record, StatementError, field

__all__ = ["DigitImages", "NonnegativeData", "Notes", "Planted"]


class NonnegativeData(Record):
    """A nonnegative data matrix, one sample a row."""

    def matrix(self) -> np.ndarray:
        """The matrix (samples, entries), scaled to mean 1."""
        raise NotImplementedError(f"{type(self).__name__} defines no `matrix(self)`.")


class Planted(NonnegativeData):
    """A product of two sparse random factors and a background, each entry times independent noise.

    An entry of a factor is zero with probability `sparsity`, else a Gamma variable of shape 2; the noise is a Gamma
    variable of mean 1.
    """

    rows: int = field(16, "rows of the matrix", at_least=1)
    columns: int = field(12, "columns of the matrix", at_least=1)
    planted: int = field(2, "rank of the product", at_least=1)
    sparsity: float = field(0.5, "share of zeros in the factors", at_least=0, below=1)
    background: float = field(0.2, "added to every entry, in units of the mean of the product", at_least=0)
    noise: float = field(0.05, "variance of the noise, the mean being 1", above=0)
    number: int = field(0, "which of the random matrices", at_least=0)

    def matrix(self) -> np.ndarray:
        rng = np.random.default_rng(self.number)
        left, right = (
            rng.gamma(2.0, size=shape) * (rng.random(shape) >= self.sparsity)
            for shape in ((self.rows, self.planted), (self.planted, self.columns))
        )
        V = left @ right
        if not V.any():
            raise StatementError("The factors of Planted are all zero: lower `sparsity`, or take another `number`.")
        X = (V + self.background * V.mean()) * rng.gamma(1 / self.noise, self.noise, V.shape)
        return X / X.mean()


class DigitImages(NonnegativeData):
    """The images of handwritten digits of scikit-learn, one a row, on a background that leaves no pixel black."""

    images: int = field(40, "how many images", at_least=1, at_most=1797)
    background: float = field(0.1, "added to every pixel, in units of the mean", at_least=0)

    def matrix(self) -> np.ndarray:
        from sklearn.datasets import load_digits

        X = np.asarray(load_digits().data[: self.images], float)
        return (X / X.mean() + self.background) / (1 + self.background)


class Notes(NonnegativeData):
    r"""The power spectrogram of synthesised notes, one frame a row, one frequency a column.

    The notes sound first all together, then by each pair in turn. A note of frequency f is
    $\sum_p p^{-1} e^{-(1 + p/2) t} \sin(2 \pi p f t + \phi_p)$ over its harmonics up to half the sampling rate, from
    the stroke on, with random phases; MIDI number 69 is 440 Hz, 12 numbers an octave. White noise makes every entry
    positive. Frames overlap by half, under a Hann window.
    """

    pitches: tuple[int, ...] = field((61, 65, 68, 72), "MIDI numbers of the notes")
    duration: float = field(0.8, "between two strokes", above=0, unit="s")
    rate: int = field(8000, "samples per second", at_least=1000)
    window: int = field(512, "samples in a frame", at_least=16)
    noise: float = field(1e-3, "standard deviation of the white noise", above=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.pitches or len(set(self.pitches)) < len(self.pitches):
            raise StatementError(f"`pitches` of Notes must be one or more different notes, but is {self.pitches}.")
        high = max(self.frequencies())
        if high >= self.rate / 2:
            raise StatementError(f"`pitches` of Notes must be below {self.rate / 2:g} Hz, but one is {high:g} Hz.")

    def frequencies(self) -> tuple[float, ...]:
        """The frequencies of the notes, in Hz."""
        return tuple(440.0 * 2 ** ((p - 69) / 12) for p in self.pitches)

    def chords(self) -> list[tuple[int, ...]]:
        """The notes that are struck together, for each stroke in turn."""
        every = tuple(range(len(self.pitches)))
        return [every, *combinations(every, 2)] if len(every) > 1 else [every]

    def sound(self) -> np.ndarray:
        """The waveform of the whole piece, one number a sample."""
        rng = np.random.default_rng(0)
        each = int(self.duration * self.rate)
        t = np.arange(each) / self.rate
        sound = self.noise * rng.standard_normal(each * len(self.chords()))
        for stroke, chord in enumerate(self.chords()):
            for note in chord:
                f = self.frequencies()[note]
                p = np.arange(1, int(self.rate / 2 / f) + 1)[:, None]
                phase = 2 * np.pi * rng.random(p.shape)
                tone = np.exp(-(1 + p / 2) * t) * np.sin(2 * np.pi * p * f * t + phase) / p
                sound[stroke * each : (stroke + 1) * each] += tone.sum(axis=0)
        return sound

    def axes(self) -> tuple[np.ndarray, np.ndarray]:
        """The times of the rows in seconds, and the frequencies of the columns in Hz."""
        frames = self.matrix().shape[0]
        return np.arange(frames) * self.window / 2 / self.rate, np.fft.rfftfreq(self.window, 1 / self.rate)

    def matrix(self) -> np.ndarray:
        sound, half = self.sound(), self.window // 2
        starts = np.arange(0, len(sound) - self.window + 1, half)
        frames = sound[starts[:, None] + np.arange(self.window)] * np.hanning(self.window + 1)[:-1]
        power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
        return power / power.mean()
