"""Draw the factorisations of the guide: `python docs/figures/nmf.py` takes a minute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import linear_sum_assignment

from asymptopia.algorithms.factorise import Factorisation, factorise
from asymptopia.parts.nonnegative import DigitImages, Notes

FOLDER = Path(__file__).parents[1] / "images"
SPARE = 1  # components beyond the notes, for the noise
STARTS = 5
NUMBERS = np.arange(48, 85)  # the notes that a spectrum is compared with


def main() -> None:
    """Both pictures, and which notes were found."""
    notes()
    images()


def best(X: np.ndarray, rank: int, beta: float, **options: Any) -> Factorisation:
    """The lowest of several random starts."""
    found = [factorise(X, rank, beta=beta, seed=seed, tolerance=1e-7, **options) for seed in range(STARTS)]
    return min(found, key=lambda f: f.objectives[-1])


def scores(spectra: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """How far the first harmonics of each of the notes `NUMBERS` stand out of the spectra (r, m), in logarithms."""
    level = np.log(spectra)
    level -= np.median(level, axis=1, keepdims=True)
    harmonics = 440 * 2 ** ((NUMBERS[:, None] - 69) / 12) * np.arange(1, 5)
    return np.array([np.interp(harmonics, frequencies, row).mean(axis=1) for row in level])


def notes() -> None:
    """The spectrogram of the notes, the spectra of the components, and when they sound."""
    data = Notes(window=1024)
    X, (times, frequencies) = data.matrix(), data.axes()
    found = best(X, len(data.pitches) + SPARE, 0.0)
    played = np.array([[i in chord for i in range(len(data.pitches))] for chord in data.chords()])
    strokes = np.minimum((times / data.duration).astype(int), len(played) - 1)
    score = scores(found.H, frequencies)
    component, note = linear_sum_assignment(-score[:, [int(p - NUMBERS[0]) for p in data.pitches]])
    for k, i in zip(component, note, strict=True):
        sounds = np.corrcoef(np.log(found.W[:, k]), played[strokes, i])[0, 1]
        heard = NUMBERS[score[k].argmax()]
        print(
            f"note {data.pitches[i]}: most like {heard} of {NUMBERS[0]} to {NUMBERS[-1]}; sounds in time {sounds:.2f}"
        )
    rest = [k for k in range(found.W.shape[1]) if k not in component]
    order = [*component[np.argsort(note)], *rest]
    figure, axes = plt.subplot_mosaic(
        [["all", "all"], *[[f"H{k}", f"W{k}"] for k in order]], figsize=(9, 10), layout="constrained",
        height_ratios=[2.2, *[1] * len(order)],
    )  # fmt: skip
    axes["all"].pcolormesh(times, frequencies, 10 * np.log10(X.T), cmap="magma", vmin=-60, vmax=25, rasterized=True)
    axes["all"].set(xlabel="time (s)", ylabel="frequency (Hz)", title="Power spectrogram (dB)")
    for row, k in enumerate(order):
        name = f"MIDI {data.pitches[row]}" if row < len(data.pitches) else "the rest"
        axes[f"H{k}"].semilogy(frequencies, found.H[k], lw=0.8)
        axes[f"H{k}"].set(ylabel=name, ylim=(1e-9 * found.H[k].max(), 5 * found.H[k].max()))
        axes[f"W{k}"].set_xlim(times[0], times[-1])
        axes[f"W{k}"].plot(times, found.W[:, k] / found.W[:, k].max(), lw=0.8)
        if row < len(data.pitches):
            axes[f"H{k}"].axvline(data.frequencies()[row], color="C3", lw=0.8, ls=":")
            for stroke in np.flatnonzero(played[:, row]):
                axes[f"W{k}"].axvspan(
                    stroke * data.duration, (stroke + 1) * data.duration, color="C1", alpha=0.15, lw=0
                )
        for side in "HW":
            axes[f"{side}{k}"].tick_params(labelbottom=row == len(order) - 1)
    axes[f"H{order[0]}"].set_title("spectra H; dotted: the note's frequency", fontsize=10)
    axes[f"W{order[0]}"].set_title("activations W; shaded: when the note is played", fontsize=10)
    axes[f"H{order[-1]}"].set_xlabel("frequency (Hz)")
    axes[f"W{order[-1]}"].set_xlabel("time (s)")
    figure.savefig(FOLDER / "nmf-notes.png", dpi=150)


def images() -> None:
    """Components of digits by two divergences."""
    X = DigitImages(images=1797, background=0.0).matrix()
    figure, axes = plt.subplots(2, 16, figsize=(10, 1.5), layout="constrained")
    for row, beta in zip(axes, (1.0, 2.0), strict=True):
        found = best(X, 16, beta, iterations=200)
        order = np.argsort(-found.W.sum(axis=0) * found.H.sum(axis=1))
        print(f"beta = {beta:g}: {np.mean(1e-3 * found.H.max() > found.H):.0%} of the components' pixels are zero")
        for axis, k in zip(row, order, strict=True):
            axis.imshow(found.H[k].reshape(8, 8), cmap="gray_r", vmin=0)
            axis.set(xticks=[], yticks=[])
        row[0].set_ylabel(f"beta = {beta:g}", fontsize=9)
    figure.savefig(FOLDER / "nmf-digits.png", dpi=150)


if __name__ == "__main__":
    main()
