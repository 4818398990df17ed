"""Matrices with two wide axes: sums of products of random matrices, a part of low rank, functions of pairs."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence

import numpy as np

from .draws import Entries
from .factors import Draw, Half, Pairs, Scale, Word, same_word
from .points import Space
from .random_matrix import Random
from .refusal import Refused

_MOST_COLUMNS = 64
_LARGEST_SHARE = 0.05


@dataclasses.dataclass(frozen=True, eq=False)
class Matrix:
    """A matrix over two wide axes: a sum of words, and a part of low rank.

    It is the sum of coefficient times word over `words`, plus `left` times `right` transposed.

    rows, cols:  lengths of its axes, in the program.
    left, right: (points of the rows, rank) and (points of the columns, rank), or None.
    index:       the entries are the position of their row (0) or column (1), plus an offset.
    triangle:    the indicator of the entries above (+1) or below (-1) the diagonal.
    """

    rows: int
    cols: int
    words: tuple[tuple[float, Word], ...] = ()
    left: np.ndarray | None = None
    right: np.ndarray | None = None
    index: tuple[int, float] | None = None
    triangle: int = 0

    @property
    def T(self) -> Matrix:
        index = None if self.index is None else (1 - self.index[0], self.index[1])
        words = tuple((c, tuple(f.T for f in reversed(w))) for c, w in self.words)
        return Matrix(self.cols, self.rows, words, self.right, self.left, index, -self.triangle)

    @property
    def random(self) -> bool:
        """Whether any random matrix, or cut of an axis, is in it."""
        return any(not isinstance(f, Pairs) for _, w in self.words for f in w)


@dataclasses.dataclass(frozen=True, eq=False)
class Independent:
    """A matrix whose entries are one function of independent draws, by its values (ENTRIES,) at their joint values.

    rows, cols: lengths of its axes. draws: the keys whose numbers it is a function of. excess: the mean of a mask,
    where it is known, minus that of its values.
    """

    rows: int
    cols: int
    values: np.ndarray
    draws: frozenset[Hashable]
    transposed: bool = False
    excess: float = 0.0

    @property
    def T(self) -> Independent:
        return dataclasses.replace(self, rows=self.cols, cols=self.rows, transposed=not self.transposed)


Cell = Matrix | Independent


class World:
    """All random matrices of one run, over the points of its wide axes."""

    def __init__(self, space: Space, entries: Entries) -> None:
        self.space, self.entries = space, entries
        self.basis: dict[tuple[int, int], list[Random]] = {}
        self.twins: dict[tuple[int, str], Random] = {}
        self.scales: dict[Random, list[np.ndarray]] = {}
        self.corners: dict[int, list[tuple[frozenset[Hashable], np.ndarray]]] = {}
        self.lines: dict[Hashable, np.ndarray] = {}
        self.expanded: dict[Hashable, tuple[Independent, Matrix]] = {}

    def expand(self, cell: Cell) -> Matrix:
        """A cell of independent entries as its mean plus random matrices of a common orthonormal basis.

        Raises `Refused` for entries without a finite variance.
        """
        if isinstance(cell, Matrix):
            return cell
        if cell.transposed:
            return self.expand(cell.T).T
        place = id(cell.values), cell.rows, cell.cols, cell.excess
        if place not in self.expanded:
            self.expanded[place] = cell, self._expanded(cell)
        return self.expanded[place][1]

    def _expanded(self, cell: Independent) -> Matrix:
        known = self.basis.setdefault((cell.rows, cell.cols), [])
        values = np.asarray(cell.values, float) + cell.excess
        mean = float(values.mean())
        rest = values - mean
        total = np.sqrt(np.mean(rest**2))
        if np.max(np.abs(rest)) > np.sqrt(_LARGEST_SHARE * len(rest)) * total:
            raise Refused("cannot derive: the entries of this random matrix have no finite variance.")
        words: list[tuple[float, Word]] = []
        for random in known:
            if random.draws & cell.draws:
                part = float(np.mean(rest * random.entries))
                rest = rest - part * random.entries
                if abs(part) > 1e-6 * total:
                    words.append((part, (Draw(random),)))
        left = np.sqrt(np.mean(rest**2))
        if left > 1e-6 * max(total, abs(mean)):
            known.append(Random(cell.rows, cell.cols, rest / left, cell.draws))
            words.append((float(left), (Draw(known[-1]),)))
        whole = self._with_lines(cell, mean, Matrix(cell.rows, cell.cols, tuple(words)))
        if abs(mean) <= 1e-9 * total:
            return whole
        return self.expand(self.add(whole, self.constant(cell.rows, cell.cols, mean)))

    def _with_lines(self, cell: Independent, mean: float, m: Matrix) -> Matrix:
        """The same with the rows and columns that have a point of their own kept as they are."""
        for turned in (False, True):
            m = m.T if turned else m
            for k, index in enumerate(self.space.layouts[m.rows].singles):
                mark = np.zeros(self.space.count(m.rows))
                mark[k] = 1.0
                words = tuple((c, (Scale(m.rows, 1.0 - mark), *w)) for c, w in m.words)
                line = self.line(cell.T if turned else cell, index) - mean
                left, right = mark[:, None], line[:, None]
                if m.left is not None and m.right is not None:
                    left, right = np.hstack([m.left, left]), np.hstack([m.right, right])
                m = Matrix(m.rows, m.cols, words, left, right)
        return m.T

    def line(self, cell: Independent, index: int) -> np.ndarray:
        """The points of row number `index` of a cell of independent entries, (points of the columns,)."""
        tag = (cell.rows, cell.cols, index, cell.transposed)
        if tag not in self.lines:
            uniform = self.space.uniform(cell.cols, 1)[:, 0]
            self.lines[tag] = (uniform * len(cell.values)).astype(int)
        return np.asarray(cell.values, float)[self.lines[tag]]

    def twin(self, random: Random, role: str, times: np.ndarray | float = 1.0) -> Random:
        """A random matrix that stands for a part of another, the same for the same role.

        Its entries are distributed as `times` those of `random`.
        """
        if (id(random), role) not in self.twins:
            self.twins[id(random), role] = Random(random.rows, random.cols, times * random.entries, frozenset([role]))
        return self.twins[id(random), role]

    def constant(self, rows: int, cols: int, value: float) -> Matrix:
        """The matrix all of whose entries are `value`; rows and cols are lengths of wide axes."""
        left, right = np.full((self.space.count(rows), 1), value), np.ones((self.space.count(cols), 1))
        return Matrix(rows, cols, (), left, right)

    def add(self, a: Cell, b: Cell, factor: float = 1.0) -> Cell:
        """The cell a + factor b."""
        if isinstance(a, Independent) and isinstance(b, Independent) and _joint(a, b):
            values = a.values + a.excess + factor * (b.values + b.excess)
            return dataclasses.replace(a, values=values, draws=a.draws | b.draws, excess=0.0)
        x, y = self.expand(a), self.expand(b)
        words, constant = self._whole(_merged((*x.words, *((factor * c, w) for c, w in y.words))))
        parts = [(m.left, m.right, f) for m, f in ((x, 1.0), (y, factor)) if m.left is not None and m.right is not None]
        total = Matrix(x.rows, x.cols, words)
        if constant:
            ones = self.constant(x.rows, x.cols, constant)
            parts.append((ones.left, ones.right, 1.0))  # type: ignore[arg-type]
        if not parts:
            return total
        left = np.concatenate([u * f for u, _, f in parts], axis=1)
        right = np.concatenate([v for _, v, _ in parts], axis=1)
        left, right = _compressed(left, right)
        return dataclasses.replace(total, left=left, right=right)

    def scale(self, a: Cell, factor: float) -> Cell:
        """The cell factor a."""
        if isinstance(a, Independent):
            return dataclasses.replace(a, values=factor * (np.asarray(a.values, float) + a.excess), excess=0.0)
        words = tuple((factor * c, w) for c, w in a.words) if factor else ()
        left = None if a.left is None else factor * a.left
        return Matrix(a.rows, a.cols, words, left, a.right)

    def apply(self, a: Cell, x: np.ndarray) -> np.ndarray:
        """The product of a cell with the columns of x: (points of the columns of a, k) gives (points of its rows, k).

        Raises `Refused` for a triangle, which depends on the order of coordinates.
        """
        m = self.expand(a)
        if m.triangle:
            raise Refused(
                "cannot derive: a sum over all coordinates before each one depends on their order on a wide axis."
            )
        out = np.zeros((self.space.count(m.rows), x.shape[1]))
        for coefficient, word in m.words:
            y = x
            for factor in reversed(word):
                y = factor.apply(self.space, y)
            out += coefficient * y
        if m.left is not None and m.right is not None:
            out += m.left @ (m.right.T @ (self.space.in_sum(m.cols)[:, None] * x))
        return out

    def product(self, a: Cell, b: Cell) -> Matrix:
        """The cell a b, a matrix product over a wide axis."""
        x, y = self.expand(a), self.expand(b)
        words = [(c * d, (*w, *v)) for c, w in x.words for d, v in y.words]
        out: Cell = Matrix(x.rows, y.cols, _merged(words))
        if x.left is not None and x.right is not None:
            out = self.add(out, Matrix(x.rows, y.cols, (), x.left, self.apply(y.T, x.right)))
        if y.left is not None and y.right is not None and x.words:
            rest = Matrix(x.rows, x.cols, x.words)
            out = self.add(out, Matrix(x.rows, y.cols, (), self.apply(rest, y.left), y.right))
        return self.expand(out)

    def diagonal(self, a: Cell) -> np.ndarray:
        """The points of the diagonal of a square cell, (points,)."""
        m = self.expand(a)
        out = np.zeros(self.space.count(m.rows))
        if m.left is not None and m.right is not None:
            out += np.sum(m.left * m.right, axis=1)
        for coefficient, word in m.words:
            out += coefficient * self._diagonal(word)
        return out

    def _diagonal(self, word: Word) -> np.ndarray:
        inner = [f for f in word if not isinstance(f, Scale)]
        out = np.ones(self.space.count(word[0].rows))
        if not inner:
            for f in word:
                out = out * f.points  # type: ignore[attr-defined]
            return out
        if len(inner) == 1 and isinstance(inner[0], Draw):
            out = self._corner(inner[0].random)
            return out * _scales(word, 0, out) * _scales(word[::-1], 0, out)
        if len(inner) == 2 and all(isinstance(f, Draw) for f in inner) and inner[0].same(inner[1].T):
            middle = inner[0].cols
            weights = np.ones(self.space.count(middle))
            begin, end = word.index(inner[0]), word.index(inner[1])
            for f in word[begin + 1 : end]:
                weights = weights * f.points  # type: ignore[attr-defined]
            total = self.space.in_sum(middle) @ weights
            return total * out * _scales(word, 0, out) * _scales(word[::-1], 0, out)
        raise Refused("cannot derive: the diagonal of such a product of wide matrices has no rule.")

    def _corner(self, random: Random) -> np.ndarray:
        """The points of the diagonal of a random matrix; those that share a draw are taken at the same joint draws."""
        if random.parents or random.folded:
            raise Refused(
                "cannot derive: the diagonal of an entrywise product with a transpose, or of a triangle and its "
                "transpose, has no rule."
            )
        known = self.corners.setdefault(random.rows, [])
        joint = [k for k, (draws, _) in enumerate(known) if draws & random.draws]
        if len(joint) > 1:
            raise Refused("cannot derive: the diagonals of two random matrices and of a function of both have no rule.")
        if not joint:
            u = self.space.uniform(random.rows, 1)[:, 0]
            order = np.argsort(random.entries)
            known.append((random.draws, order[(u * len(order)).astype(int)]))
        draws, at = known[joint[0] if joint else -1]
        known[joint[0] if joint else -1] = draws | random.draws, at
        return random.entries[at]

    def _whole(self, words: tuple[tuple[float, Word], ...]) -> tuple[tuple[tuple[float, Word], ...], float]:
        """A triangle and its transpose are together a symmetric random matrix, or a constant one: its value."""
        for i, (c, w) in enumerate(words):
            for j, (d, v) in enumerate(words):
                first = w[0]
                if len(w) == len(v) == 1 and isinstance(first, Half) and first.same(v[0].T) and np.isclose(c, d):
                    left, constant = self._whole(tuple(x for k, x in enumerate(words) if k not in (i, j)))
                    if first.random is None:
                        return left, constant + c
                    random, half = self.twin(first.random, "symmetric"), c / np.sqrt(2)
                    random.folded = True
                    return (*left, (half, (Draw(random),)), (half, (Draw(random, True),))), constant
        return words, 0.0


def _joint(a: Independent, b: Independent) -> bool:
    """Whether two matrices are functions of draws that they share, entry by entry."""
    return a.transposed == b.transposed and bool(a.draws & b.draws)


def _scales(word: Sequence, begin: int, like: np.ndarray) -> np.ndarray:
    out = np.ones_like(like)
    for factor in word[begin:]:
        if not isinstance(factor, Scale):
            break
        out = out * factor.points
    return out


def _merged(words: Sequence[tuple[float, Word]]) -> tuple[tuple[float, Word], ...]:
    merged: list[tuple[float, Word]] = []
    for c, w in words:
        for i, (d, v) in enumerate(merged):
            if same_word(w, v):
                merged[i] = (c + d, v)
                break
        else:
            merged.append((c, w))
    return tuple((c, w) for c, w in merged if c)


def _compressed(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same product with as few columns as its rank, where there are many."""
    if left.shape[1] > _MOST_COLUMNS:
        scale = np.linalg.norm(left, axis=0) * np.linalg.norm(right, axis=0)
        left, right = left[:, scale > 0], right[:, scale > 0]
        q, r = np.linalg.qr(left)
        p, s = np.linalg.qr(right)
        u, d, v = np.linalg.svd(r @ s.T)
        keep = d > 1e-13 * d[:1]
        left, right = q @ u[:, keep] * d[keep], p @ v[keep].T
    return left, right
