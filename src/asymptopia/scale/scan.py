"""A training step at several sizes: the exponent of everything in it, and the layer that is to be mended."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..contract.record import StatementError
from .exponents import MARGIN, Exponent, fitted
from .limits import Derived, derived_exponents
from .runs import Step, observe, update_degrees
from .seen import Seen

Values = dict[tuple[str, str], np.ndarray]


@dataclass(frozen=True)
class Row:
    """One quantity of one layer against the size.

    exponent: as measured; expected: the least and the largest exponent of a sound parametrisation, or None where the
    quantity is shown and not judged; mend: what would bring it there, or None; derived: the exponent that the limit of
    the step's code has, or None where none is derived.
    """

    layer: str
    quantity: str
    exponent: Exponent
    expected: tuple[float, float] | None = None
    mend: str | None = None
    derived: float | None = None

    @property
    def verdict(self) -> str:
        return self.exponent.verdict


@dataclass(frozen=True)
class Scale:
    """What the size does to a training step.

    rows:    all quantities; faults: those of them that break the limit, the cause before its consequences.
    degree:  how an update grows with the loss: 1 for gradient descent, 0 for Adam or Muon.
    unseen:  weights that no layer was seen to use, of which nothing is said.
    level:   the probability that all intervals of judged rows hold.
    underived: why the limit gives no exponents, or None.
    """

    rows: tuple[Row, ...]
    sizes: tuple[int, ...]
    seeds: int
    degree: float
    unseen: tuple[str, ...]
    level: float
    underived: str | None = None

    @property
    def faults(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.mend is not None)

    @property
    def undecided(self) -> tuple[Row, ...]:
        """Judged rows whose interval is too wide to call them sound."""
        return tuple(r for r in self.rows if r.expected is not None and r.mend is None and not _sound(r))


def scale(
    step: Step, sizes: Sequence[int], along: str = "width", seeds: int = 4, steps: int = 4, level: float = 0.95
) -> Scale:
    r"""The exponents in the size of all that happens in some training steps of your own, and what would mend them.

    step(size, seed) returns (model, optimiser, loss): a PyTorch module, its optimiser and a function of the module, or
    a tree of JAX parameters, an optax transformation and a function of the parameters. `sizes` are at least three of
    what `along` names, "width" or "depth"; each is run with `seeds` seeds. What is shown beside the judged rows is
    after `steps` steps on the same batch.

    Of a layer W on inputs x, three gains are judged, which the other layers enter only by what they hand over:
    |W_0 x_0| / |x_0| at the start, |W_0 (x_1 - x_0)| / |x_1 - x_0| for the first change of its inputs, and
    |(W_1 - W_0) x_0| / |x_0| for the first change of its weights, the last one freed from the exponent that gradients
    bring to an optimiser that follows their size. In a parametrisation that learns features at every width all three
    are of order one; the first may fall as width**-1/2 in the last layer (Yang and Hu, ICML 2021; Yang, Simon and
    Bernstein, arXiv 2310.17813). In depth, what a block adds must fall as depth**-1/2 (Yang, Yu, Zhu and Hayou, ICLR
    2024). Intervals hold together with the probability `level`.

    Of a step in JAX exponents in the width are also derived, from the limit of its first update.

    Raises `StatementError` if `step` does not return what it must, or a run is not finite.
    """
    sizes = _checked(sizes, along, seeds, steps, level)
    seen = [[observe(step, n, seed, steps) for n in sizes] for seed in range(seeds)]
    degrees = update_degrees(step, sizes[0]) if along == "width" else {"": 1.0}
    values, shapes = _collected(seen), _shapes(seen)
    judged = max(1, sum(quantity in JUDGED[along] for _, quantity in values))
    each = 1 - (1 - level) / judged
    x = np.array(sizes, float)
    exponents = {key: fitted(x, v, each) for key, v in values.items()}
    slopes = {name: _slopes(x, s) for name, s in shapes.items()}
    if along == "depth":
        rows, derived = _depth_rows(exponents), Derived(reason="limits in the depth are not derived")
    else:
        derived = derived_exponents(step, degrees[""])
        rows = _width_rows(exponents, slopes, degrees, derived)
    return Scale(tuple(rows), tuple(sizes), seeds, degrees[""], tuple(seen[0][0].unseen), level, derived.reason)


GAINS = ("initial gain", "gain of changes", "gain of updates")
JUDGED = {"width": (*GAINS, "change of scores"), "depth": ("what a block adds",)}


def _checked(sizes: Sequence[int], along: str, seeds: int, steps: int, level: float) -> list[int]:
    if along not in JUDGED:
        raise StatementError(f"`along` must be 'width' or 'depth', but is {along!r}.")
    checked = sorted(set(map(int, sizes)))
    if len(checked) < 3 or checked[0] < 1:
        raise StatementError(f"At least three different {along}s >= 1 must be given, but they are {list(sizes)}.")
    if seeds < 2 or steps < 1:
        raise StatementError(f"`seeds` must be at least 2 and `steps` at least 1, but are {seeds} and {steps}.")
    if not 0 < level < 1:
        raise StatementError(f"`level` must be between 0 and 1, but is {level!r}.")
    return checked


def _pattern(name: str) -> str:
    """Layers of a stack, and uses of a layer, by one name: their number may be what grows."""
    return re.sub(r"(^|[.\['])(\d+)(?=$|[.\]'])", r"\1*", re.sub(r" \d+$", "", name))


def _quantities(one: Seen) -> dict[tuple[str, str], float]:
    quantities: dict[tuple[str, str], float] = {}
    for name, s in one.layers.items():
        gains = zip(GAINS, (s.initial_gain, s.gain_of_change, s.update), strict=True)
        quantities |= {(name, quantity): value for quantity, value in gains}
        quantities |= {
            (name, "preactivation"): s.preactivation,
            (name, "change"): s.change,
            (name, "gradient"): s.gradient,
        }
    for name, (size, change) in one.scores.items():
        quantities |= {(name, "scores"): size, (name, "change of scores"): change}
    if one.output is not None:
        quantities |= {("output", "size"): one.output[0], ("output", "change of size"): one.output[1]}
    for name, (added, entering) in one.blocks.items():
        # only the first block of a stack counts
        quantities.setdefault((_pattern(name), "what a block adds"), added / max(entering, 1e-300))
    return quantities


def _collected(seen: list[list[Seen]]) -> Values:
    """(seeds, sizes) of every quantity; where the layers are not the same at all sizes, stacks count as one."""
    every = [[_quantities(one) for one in row] for row in seen]
    if len({frozenset(q) for row in every for q in row}) > 1:
        every = [[_stacked(q) for q in row] for row in every]
    keys = [key for key in every[0][0] if all(key in q for row in every for q in row)]
    return {key: np.array([[q[key] for q in row] for row in every]) for key in keys}


def _stacked(one: dict[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    groups: dict[tuple[str, str], list[float]] = {}
    for (name, quantity), value in one.items():
        groups.setdefault((_pattern(name), quantity), []).append(value)
    return {key: float(np.sqrt(np.mean(np.square(v)))) for key, v in groups.items()}


def _shapes(seen: list[list[Seen]]) -> dict[str, list[tuple[int, ...]]]:
    names = [n for n in seen[0][0].layers if all(n in one.layers for one in seen[0])]
    return {name: [one.layers[name].shape for one in seen[0]] for name in names}


def _slopes(x: np.ndarray, shapes: list[tuple[int, ...]]) -> tuple[float, float]:
    """The exponents of the layer's outputs and inputs in the size."""
    y = np.log(np.maximum(np.array(shapes, float), 1))
    return tuple(float(np.polyfit(np.log(x), column, 1)[0]) for column in y.T)  # type: ignore[return-value]


def _width_rows(
    exponents: dict[tuple[str, str], Exponent], slopes: dict[str, tuple[float, float]], degrees: dict[str, float],
    limits: Derived,
) -> list[Row]:  # fmt: skip
    rows = []
    for (name, quantity), exponent in exponents.items():
        derived = limits.values.get((name, quantity))
        if quantity not in GAINS:
            rows.append(Row(name, quantity, exponent, derived=derived))
            continue
        outputs, inputs = slopes[name]
        last = outputs < 0.5 and inputs >= 0.5
        degree = degrees.get(name, degrees[""])
        if quantity == "gain of updates" and degree > 0.5 and not np.isnan(exponents[name, "gradient"].value):
            # the gradient beyond the share of one of so many outputs
            brought = degree * (exponents[name, "gradient"].value + outputs)
            exponent = Exponent(
                exponent.value - brought, exponent.low - brought, exponent.high - brought, exponent.seeds
            )
            derived = _freed(derived, limits.values.get((name, "gradient")), outputs)
        expected = (-0.5, 0.0) if last and quantity != "gain of updates" else (0.0, 0.0)
        rows.append(Row(name, quantity, exponent, expected, _mend(quantity, exponent, expected), derived))
    return _scores_last(rows)


def _freed(update: float | None, gradient: float | None, outputs: float) -> float | None:
    """The derived exponent of an update that follows the gradient, without what the gradient brings."""
    return None if update is None or gradient is None else update - gradient - float(np.round(2 * outputs) / 2)


def _mend(quantity: str, exponent: Exponent, expected: tuple[float, float]) -> str | None:
    """What would bring a gain to order one; None where it is, or where that is not known."""
    least, most = expected
    above = exponent.low > most and exponent.value > most + MARGIN
    lacking = 3 * MARGIN if quantity == "gain of updates" else MARGIN  # outputs that shrink from the start bring -1/2
    below = exponent.high < least and exponent.value < least - lacking
    if not (above or (below and quantity != "gain of changes")):
        return None
    power = -round(2 * (exponent.value - (most if above else least))) / 2
    what = "its learning rate" if quantity == "gain of updates" else "its initial weights"
    return f"{what} times width**{power:+g}"


def _scores_last(rows: list[Row]) -> list[Row]:
    """Scores that grow are the fault of attention where no layer is at fault."""
    if any(row.mend for row in rows):
        return rows
    judged = []
    for row in rows:
        if row.quantity == "change of scores":
            grows = row.exponent.value > MARGIN and row.exponent.low > 0
            power = -round(2 * row.exponent.value) / 2
            mend = f"its scores times width**{power:+g}" if grows else None
            row = Row(row.layer, row.quantity, row.exponent, (-np.inf, 0.0), mend, row.derived)
        judged.append(row)
    return judged


def _depth_rows(exponents: dict[tuple[str, str], Exponent]) -> list[Row]:
    rows = []
    for (name, quantity), exponent in exponents.items():
        if quantity != "what a block adds":
            rows.append(Row(name, quantity, exponent))
            continue
        grows = exponent.low > -0.5 and exponent.value > MARGIN - 0.5
        mend = f"what it adds times depth**{-0.5 - exponent.value:+.2f}" if grows else None
        rows.append(Row(name, quantity, exponent, (-np.inf, -0.5), mend))
    return rows


def _sound(row: Row) -> bool:
    assert row.expected is not None
    least, most = row.expected
    e = row.exponent
    return bool(np.isnan(e.value) or (e.high <= most + MARGIN and e.low >= least - MARGIN))
