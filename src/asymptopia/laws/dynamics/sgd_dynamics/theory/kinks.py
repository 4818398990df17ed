"""The response of a sample whose loss is linear in pieces: where a field meets a kink, the path divides in two."""

from __future__ import annotations

import numpy as np

from .....parts.loss import Loss

BESIDE = 1e-7  # distance from a kink at which the slopes of its two sides are read


def linear_in_pieces(loss: Loss) -> bool:
    """Whether the slope of the loss is constant between its kinks, on a grid of fields and labels -1, 0 and 1."""
    from .bounds import curvatures

    return bool(loss.kinks(np.array([1.0])).size) and curvatures(loss) == (0.0, 0.0)


class DividedPaths:
    r"""E of the change of the force f(t) by a kick to the field at s <= t, for a slope that jumps at kinks k.

    A small kick $\epsilon$ changes f only if z(s) is next to a kink. Given the past, $z(s) = \mu + \sigma g$ with a
    normal g, so that this happens with probability $\epsilon\, \varphi((k - \mu)/\sigma)/\sigma$; from there two paths
    go on with the same noise, one with the slope of either side, and

    $$M(t,s) = E \sum_k \frac{\varphi((k - \mu)/\sigma)}{\sigma} \big(f_+(t) - f_-(t)\big).$$

    A time at which the past determines the field has no such paths; its weights are no new direction either, so that
    its column of M multiplies zero.
    """

    def __init__(self, loss: Loss, y: np.ndarray, times: int) -> None:
        self.loss, self.y = loss, y
        self.places = np.moveaxis(loss.kinks(y), -1, 0)  # (kinks, points)
        self.slopes = np.stack([loss.gradient(y, self.places + side) for side in (-BESIDE, BESIDE)], axis=1)
        self.origins: list[int] = []
        room = times * len(self.places)
        self.shift, self.chance = np.empty((2, room, len(y)))  # of g(s) from its value on the point; of the kink
        self.force = np.zeros((times, room, 2, len(y)))

    def advance(
        self, row: np.ndarray, z: np.ndarray, past: np.ndarray, reaction: np.ndarray, weight: np.ndarray
    ) -> None:
        """Carry all paths to time t, where the undivided ones have the fields z; `past` are their forces before."""
        t, count = len(reaction), len(self.origins)
        if count:
            paths = self.force[:t, :count]
            moved = row[self.origins][:, None] * self.shift[:count]
            fields = (z + reaction @ past + moved)[:, None] - np.tensordot(reaction, paths, axes=1)
            self.force[t, :count] = weight * self.loss.gradient(self.y, fields)

    def divide(self, row: np.ndarray, z: np.ndarray, past: np.ndarray, normal: np.ndarray, weight: np.ndarray) -> None:
        """Let new pairs of paths begin at time t, with the past of the undivided ones."""
        t, scale = len(past), row[-1]
        if scale == 0:
            return
        begin = len(self.origins)
        pairs = slice(begin, begin + len(self.places))
        self.shift[pairs] = (self.places - z) / scale
        self.chance[pairs] = np.exp(-((normal + self.shift[pairs]) ** 2) / 2) / np.sqrt(2 * np.pi) / scale
        self.force[:t, pairs] = past[:, None, None]
        self.force[t, pairs] = weight * self.slopes
        self.origins += [t] * len(self.places)

    def memory(self, t: int) -> np.ndarray:
        """M(t, s) for s <= t; shape (t + 1,)."""
        count, row = len(self.origins), np.zeros(t + 1)
        forces = self.force[t, :count]
        np.add.at(row, self.origins, np.mean(self.chance[:count] * (forces[:, 1] - forces[:, 0]), axis=1))
        return row
