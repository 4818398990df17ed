"""What a label without a scale says about its field, from one table for all priors."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ..parts.channel import Abs, Channel
from .seen import Label, label

if TYPE_CHECKING:
    from jaxtyping import Float

ORDER = 14  # Chebyshev polynomials on each unit of log(q / v)
LOW, HIGH = -24, 33
MANY = 4  # priors from which on a table costs less than integrals


def tabulated(channel: Channel, priors: int) -> bool:
    """Whether `label_from_table` serves this channel, and pays for so many priors."""
    return isinstance(channel, Abs) and priors >= MANY


def label_from_table(channel: Abs, q: Float[np.ndarray, " K"], v: Float[np.ndarray, " K"]) -> Label:
    """`label(channel, q, v)` to 10 digits: |z| scales as z, so that only q / v matters.

    With s = q + v the information is that at (q / s, v / s) over s, and the log-likelihood, of a density, falls by
    log(s) / 2. Beyond the table the integrals are computed.
    """
    size = q + v
    with np.errstate(divide="ignore"):
        u = np.log(q) - np.log(v)
    inside = (u >= LOW) & (u < HIGH)
    information, likelihood = np.empty_like(size), np.empty_like(size)
    if inside.any():
        panel = np.floor(u[inside]).astype(int)
        angle = np.arccos(np.clip(2 * (u[inside] - panel) - 1, -1, 1))
        basis = np.cos(angle[:, None] * np.arange(ORDER))
        logs, likelihood[inside] = np.einsum("cnk,nk->cn", _table(channel)[:, panel - LOW], basis)
        information[inside] = np.exp(logs)
    if not inside.all():
        beyond = label(channel, q[~inside] / size[~inside], v[~inside] / size[~inside])
        information[~inside], likelihood[~inside] = beyond.information, beyond.log_likelihood
    return Label(information / size, likelihood - np.log(size) / 2)


@lru_cache(maxsize=4)
def _table(channel: Abs) -> Float[np.ndarray, "2 panel order"]:
    """Chebyshev coefficients (2, panel, order) of the logarithm of the information and of the log-likelihood."""
    angles = np.pi * (np.arange(ORDER) + 0.5) / ORDER
    u = np.arange(LOW, HIGH)[:, None] + (1 + np.cos(angles)) / 2
    v = 1 / (1 + np.exp(u))
    seen = label(channel, (1 / (1 + np.exp(-u))).ravel(), v.ravel())
    values = np.stack([np.log(seen.information), seen.log_likelihood]).reshape(2, *u.shape)
    project = np.cos(angles[:, None] * np.arange(ORDER)) * np.where(np.arange(ORDER) == 0, 1, 2) / ORDER
    return values @ project
