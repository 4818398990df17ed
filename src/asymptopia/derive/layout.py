"""Wide axes: which populations their coordinates belong to, and how many points stand for them.

An axis of length L is one population of exchangeable coordinates, unless the program cuts or joins it: halves of a
vector, heads of an attention layer, three projections computed by one matrix. Then it is a sequence of populations,
or a regular mixture of some (the flattened channels of an image), each with points of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from .refusal import Equation, Jaxpr, Refused
from .trace import WIDE, equations, is_wide, wide_axes

_MOST_CUTS = 256


@dataclasses.dataclass(frozen=True)
class Layout:
    """The populations of exchangeable coordinates on a wide axis, and which of the axis' points stand for each.

    length:  of the axis, in the program.
    sizes:   how many coordinates each population has; places: the positions of its points among all of the axis.
    singles: coordinates, taken out of matrices by their position, that have a point each, before all others.
    """

    length: int
    sizes: tuple[int, ...]
    places: tuple[np.ndarray, ...]
    singles: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """How many points stand for the axis."""
        return sum(len(p) for p in self.places)

    @property
    def weights(self) -> np.ndarray:
        """How many coordinates each point stands for."""
        weights = np.empty(self.count)
        for size, place in zip(self.sizes, self.places, strict=True):
            weights[place] = size / len(place)
        return weights

    def point(self, position: int) -> int:
        """The first point at or after the coordinate `position`, where a population begins or the axis ends.

        Raises `Refused` for a position inside a population, whose coordinates are exchangeable.
        """
        begin, at = 0, 0
        for size, place in zip(self.sizes, self.places, strict=True):
            if begin == position:
                return at
            begin, at = begin + size, at + len(place)
        if begin == position:
            return at
        raise Refused(
            "cannot derive: this takes out coordinates of a wide axis by their position, and neighbours on it are "
            "not exchangeable."
        )


def layouts(jaxpr: Jaxpr, points: int) -> dict[int, Layout]:
    """The layout of every wide length in a jaxpr, by the length.

    points: how many stand for a population.
    """
    lengths, cuts, mixtures, slices = _relations(jaxpr)
    singles = _singles(jaxpr)
    _close(lengths, cuts, slices)
    made: dict[int, Layout] = {}

    def layout(length: int) -> Layout:
        if length not in made:
            inner = [c for c in sorted(cuts.get(length, ())) if 0 < c < length]
            if inner and len(inner) <= _MOST_CUTS:
                ends = [0, *inner, length]
                made[length] = _joined(length, [layout(b - a) for a, b in pairwise(ends)])
            elif length in mixtures:
                made[length] = _mixed(layout(length // mixtures[length]), mixtures[length])
            elif length in singles:
                made[length] = _with_singles(length, points, tuple(sorted(singles[length])))
            else:
                made[length] = Layout(length, (length,), (np.arange(points),))
        return made[length]

    for length in sorted(lengths):
        layout(length)
    return made


def _singles(jaxpr: Jaxpr) -> dict[int, set[int]]:
    """The single rows and columns that are taken out of matrices."""
    singles: dict[int, set[int]] = {}
    for equation, _ in equations(jaxpr):
        shape = getattr(equation.invars[0].aval, "shape", ()) if equation.invars else ()
        if equation.primitive.name == "slice" and len(wide_axes(shape)) == 2:
            ends = zip(shape, equation.params["start_indices"], equation.params["limit_indices"], strict=True)
            for k, a, b in ends:
                if is_wide(k) and b - a == 1:
                    singles.setdefault(k, set()).add(a)
    return singles


def _with_singles(length: int, points: int, singles: tuple[int, ...]) -> Layout:
    count = len(singles)
    places = (*(np.array([i]) for i in range(count)), count + np.arange(points))
    return Layout(length, (*(1,) * count, length - count), places, singles)


def _joined(length: int, pieces: list[Layout]) -> Layout:
    starts = np.cumsum([0] + [p.count for p in pieces])
    places = [place + s for p, s in zip(pieces, starts, strict=False) for place in p.places]
    return Layout(length, tuple(s for p in pieces for s in p.sizes), tuple(places))


def _mixed(piece: Layout, copies: int) -> Layout:
    places = tuple(place * copies + k for place in piece.places for k in range(copies))
    return Layout(piece.length * copies, tuple(s for s in piece.sizes for _ in range(copies)), places)


Cuts = dict[int, set[int]]
Slices = set[tuple[int, int, int]]


def _relations(jaxpr: Jaxpr) -> tuple[set[int], Cuts, dict[int, int], Slices]:
    """The wide lengths; where they are cut; which are mixtures; and which are pieces of which, from where to where."""
    lengths: set[int] = set()
    cuts: Cuts = {}
    mixtures: dict[int, int] = {}
    slices: Slices = set()
    for equation, _ in equations(jaxpr):
        shapes = [getattr(v.aval, "shape", ()) for v in (*equation.invars, *equation.outvars)]
        lengths |= {k for shape in shapes for k in shape if is_wide(k) and not _flat(k)}
        name, params = equation.primitive.name, equation.params
        if name == "slice":
            for k, a, b in zip(shapes[0], params["start_indices"], params["limit_indices"], strict=True):
                if is_wide(k) and WIDE < b - a < k:
                    slices.add((k, a, b))
        elif name == "dynamic_slice":
            for k, size in zip(shapes[0], params["slice_sizes"], strict=True):
                if is_wide(size) and size < k <= _MOST_CUTS * size and not k % size:
                    slices |= {(k, a, a + size) for a in range(0, k, size)}
        elif name == "split":
            whole, ends = shapes[0][params["axis"]], np.cumsum((0, *params["sizes"]))
            slices |= {(whole, int(a), int(b)) for a, b in pairwise(ends) if is_wide(whole)}
        elif name == "concatenate":
            pieces = [s[params["dimension"]] for s in shapes[:-1]]
            ends = np.cumsum((0, *pieces))
            if all(map(is_wide, pieces)):
                slices |= {(int(ends[-1]), int(a), int(b)) for a, b in pairwise(ends)}
        elif name == "conv_general_dilated":
            slices |= set(_groups_of_channels(equation, shapes))
        elif name == "reshape":
            _reshaped(shapes[0], shapes[-1], cuts, mixtures)
    for whole, a, b in slices:
        cuts.setdefault(whole, set()).update(c for c in (a, b) if WIDE < c < whole - WIDE)
    return lengths, cuts, mixtures, slices


def _groups_of_channels(equation: Equation, shapes: list[tuple[int, ...]]) -> Iterator[tuple[int, int, int]]:
    """The parts of the channels in and out that a convolution in groups keeps apart."""
    numbers, groups = equation.params["dimension_numbers"], equation.params["feature_group_count"]
    for length in (shapes[0][numbers.lhs_spec[1]], shapes[1][numbers.rhs_spec[0]]):
        if is_wide(length) and 1 < groups <= _MOST_CUTS:
            part = length // groups
            yield from ((length, a, a + part) for a in range(0, length, part))


def _flat(length: int) -> bool:
    return length > 10**15


def _reshaped(
    before: tuple[int, ...], after: tuple[int, ...], cuts: dict[int, set[int]], mixtures: dict[int, int]
) -> None:
    """A wide axis that is folded, (k n) to (k, n) or (n, k), or unfolded."""
    for whole, parts in ((before, after), (after, before)):
        for group, length in _groups(whole, parts):
            small = [k for k in group if is_wide(k)]
            if not is_wide(length) or len(small) != 1 or small[0] == length:
                continue
            at = group.index(small[0])
            blocks, copies = int(np.prod(group[:at])), int(np.prod(group[at + 1 :]))
            if copies > 1:
                mixtures[length // blocks] = copies
            if 1 < blocks <= _MOST_CUTS:
                step = length // blocks
                cuts.setdefault(length, set()).update(step * (i + 1) for i in range(blocks))


def _groups(whole: tuple[int, ...], parts: tuple[int, ...]) -> list[tuple[list[int], int]]:
    """Each axis of `whole` with the axes of `parts` that it splits into, as far as they match."""
    groups, at = [], 0
    for length in whole:
        group: list[int] = []
        while at < len(parts) and int(np.prod(group, dtype=object)) < length:
            group.append(parts[at])
            at += 1
        if int(np.prod(group, dtype=object)) == length:
            groups.append((group, length))
    return groups


def _close(lengths: set[int], cuts: Cuts, slices: Slices) -> None:
    """Carry cuts from an axis to its pieces and back, until nothing changes."""
    size = -1
    while size != (size := sum(map(len, cuts.values()))) and size < _MOST_CUTS**2:
        for length in list(cuts):
            ends = sorted({0, length, *cuts[length]})
            slices |= {(length, a, b) for a, b in pairwise(ends)}
        for whole, a, b in slices:
            lengths.add(b - a)
            if cuts.get(b - a):
                cuts.setdefault(whole, set()).update(a + c for c in cuts[b - a])
            inside = {c - a for c in cuts.get(whole, ()) if a < c < b}
            if inside:
                cuts.setdefault(b - a, set()).update(inside)
