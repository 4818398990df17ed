"""Compute-optimal training of random features on power-law data."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ....contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ....contract.record import StatementError, check_increasing, field

PAQUETTE = "Paquette, Paquette, Xiao and Pennington, NeurIPS 37 (2024), table of the 4 + 3 phases"
VOLTERRA = "the same Volterra equation by another contour and a direct recursion"


def _landmarks() -> tuple[Landmark, ...]:
    rows = []
    for a, b, loss, width in (
        (1.0, 0.3, 1.6 / 3, 1 / 3),
        (1.0, 0.8, 2.6 / 3.6, 0.8 / 1.8),
        (1.0, 1.2, 0.75, 0.5),
        (0.4, 0.8, 0.4, 0.5),
        (0.35, 0.4, 0.25, 0.5),
    ):
        rows.append(Landmark(dict(alpha=a, beta=b), "loss_exponent", loss, 1e-12, PAQUETTE))
        rows.append(Landmark(dict(alpha=a, beta=b), "width_exponent", width, 1e-12, PAQUETTE))
    for a, b, floor, values in (
        (1.0, 0.3, 0.00242415881904263, (0.23779132406610803, 0.04120810156131084, 0.010231347517125918)),
        (0.7, 1.2, 0.004645699755307164, (0.13401134160355838, 0.015231570092943613, 0.00749875977334063)),
        (0.2, 0.7, 0.684485776560024, (1.7061168489432719, 1.1283022677769166, 0.9175883289357607)),
    ):
        fields = dict(alpha=a, beta=b)
        rows.append(Landmark(fields, "floor", floor, 1e-11, VOLTERRA))
        rows += [Landmark(fields, "test_error", x, 1e-9, VOLTERRA, at=(i,)) for i, x in enumerate(values)]
    return tuple(rows)


class ScalingPhases(Law):
    r"""How the loss falls with width and steps: SGD on power-law random features, and its compute-optimal exponents.

    Data have components $x_j = j^{-\alpha} z_j$, $j \le v$ (`ratio` v / d), z standard normal; the target is
    $\sum_j j^{-\beta} x_j$. A model of width d sees $W^T x$, W of variance 1/d, and is trained in one pass from 0,

    $$\theta \leftarrow \theta - \frac{\gamma}{B} \sum_{\text{batch}} W^T x\, (\langle W^T x, \theta\rangle - y), \qquad
      \gamma = \text{rate} / \sum_j j^{-2\alpha} .$$

    (Here $\alpha$ is the exponent of the data, as in the source, not a ratio of sizes.) `test_error` is the mean
    squared error, without 1/2, after r steps (`times`).

    The limit is that of many runs at the given width, with the resolvent of the features' covariance replaced by its
    deterministic equivalent: a Volterra equation $P = F + K * P$ in the steps, see `theory`. That replacement is
    exact up to relative corrections of order 1/d, which `test_error_error` states as 1/d. `floor` is the least error of
    that width, $\sum_j l_j b_j^2/(1 + l_j k)$ with $\sum_j l_j k/(1 + l_j k) = d$, $l_j = j^{-2\alpha}$,
    $b_j = j^{-\beta}$; SGD ends at $\text{floor}/(1 - \sum K)$.

    With $f = d \cdot r$ of compute the best width grows as $f^{\text{width\_exponent}}$ and its loss falls as
    $f^{-\text{loss\_exponent}}$. Which terms compete depends on the `phase`, numbered 1 to 7:

    - Ia: $2\beta < 1 < 2\alpha$, exponents $(2\alpha+2\beta-1)/(2\alpha+1)$ and $1/(2\alpha+1)$;
    - Ib: $2\beta < 1$, $2\alpha < 1$: $(2\alpha+2\beta-1)/2$ and $1/2$;
    - Ic: $2\beta > 1$, $4\alpha < 1$: $\alpha(2\alpha+2\beta-1)/D$ and $(2\alpha+2\beta-1)/2D$,
      $D = \alpha(3-2\beta)+2\beta-1$;
    - II: $2\beta > 1$, $2\alpha > 1$, $\beta < \alpha$: $(2\alpha+2\beta-1)/2(\alpha+\beta)$ and
      $\beta/(\alpha+\beta)$;
    - III: $2\alpha > 1$, $\beta > \alpha$: $(4\alpha-1)/4\alpha$ and $1/2$;
    - IVa: $2\beta > 1$, $1 - 1/\sqrt2 < \alpha < 1/2$: $\alpha$ and $1/2$;
    - IVb: $2\beta > 1$, $1/4 < \alpha < 1 - 1/\sqrt2$: $(1-2\alpha)(2\alpha+2\beta-1)/2D$ and $(\beta-\alpha)/D$,
      $D = 2\beta-\alpha-2\alpha\beta$.

    These exponents are those of infinite compute. For $2\alpha > 1$ slopes at $10^7$ are within a few hundredths; in
    Ib, Ic and IVb they are far from them still.
    """

    alpha: float = field(1.0, "decay of the data's components", above=0)
    beta: float = field(0.3, "decay of the target's coefficients")
    width: int = field(100, "width d of the model", at_least=2)
    ratio: float = field(4.0, "components of the data per width, v / d", above=1)
    rate: float = field(0.5, "rate, in units of 1 / trace of the data's covariance", above=0)
    batch: int = field(1, "samples of a step", at_least=1)
    times: tuple[int, ...] = field((10, 100, 1000), "numbers of steps, increasing")

    defaults = Defaults(size="runs", sizes=(8, 16, 32), seeds=72, block=12)
    references = References(
        source=PAQUETTE,
        status=(
            "heuristic (deterministic equivalent of the resolvent; exact in the mean over samples for given features)"
        ),
        bibtex="""@inproceedings{PaquettePaquetteXiaoPennington2024,
  author = {Paquette, Elliot and Paquette, Courtney and Xiao, Lechao and Pennington, Jeffrey},
  title = {4+3 phases of compute-optimal neural scaling laws},
  booktitle = {Advances in Neural Information Processing Systems},
  volume = {37}, year = {2024}
}""",
    )
    observables = {
        "test_error": Observable("P", "mean squared error", dims=("time",), resolution=0.1, bias=math.inf),
        "floor": Observable("P_0", "least error of a model of this width", limit_only=True),
        "loss_exponent": Observable(r"\eta", "exponent of the loss in compute", limit_only=True),
        "width_exponent": Observable(r"\xi", "exponent of the best width in compute", limit_only=True),
        "phase": Observable(r"\Phi", "phase: 1 to 7 for Ia, Ib, Ic, II, III, IVa, IVb", limit_only=True),
    }
    exercises = (
        dict(alpha=0.3, beta=0.5, ratio=1.3, rate=0.8, width=50, times=(10, 100, 500)),
        dict(alpha=0.7, beta=0.2, ratio=1.6, rate=0.4),
    )
    landmarks = _landmarks()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_increasing(self, "times", "whole numbers >= 0 that increase")
        if any(int(t) != t for t in self.times):
            raise StatementError(f"`times` of ScalingPhases must be whole numbers of steps, but is {self.times}.")
        object.__setattr__(self, "times", tuple(int(t) for t in self.times))

    def coords(self) -> dict[str, Any]:
        return {"time": np.array(self.times)}

    def check(self) -> None:
        if self.alpha + self.beta <= 0.5:
            raise NoLimit(
                f"`alpha` + `beta` must be > 1/2, but is {self.alpha + self.beta:g}: the target has no finite variance "
                "when data have many components."
            )
        if max(self.times) > 10**12:
            raise NoLimit(f"`times` of ScalingPhases must be at most 1e12 steps, but reaches {max(self.times)}.")
        if self._noise() >= 1:
            raise NoLimit(
                f"`rate` is too large: at {self.rate:g} the noise of the steps grows faster than they shrink it."
            )

    def _noise(self) -> float:
        """What the noise of a step adds in total, over itself: sum g l / (2 - g (B + 1) l), g the rate of a sample."""
        values = np.arange(1, round(self.ratio * self.width) + 1.0) ** (-2 * self.alpha)
        g = self.rate / values.sum() / self.batch
        left = 2 - g * (self.batch + 1) * values
        return float(np.sum(g * values / left)) if (left > 0).all() else np.inf

    def valid(self) -> str | None:
        if self._noise() > 0.9:
            return f"at rate {self.rate:g} the noise of SGD nearly sustains itself, and runs differ by large factors"
        return None
