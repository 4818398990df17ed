"""Entrywise products of products of wide matrices."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NoReturn

import numpy as np
from scipy import special

from .factors import Draw, Half, Pairs, Scale, Word
from .matrix import Cell, Independent, Matrix, World
from .random_matrix import Random
from .refusal import Refused

_NO_PRODUCT = "cannot derive: the entrywise product of such wide matrices has no rule, unless all of it is summed."


@dataclasses.dataclass(frozen=True, eq=False)
class Unsummed:
    """An entrywise product that has no rule by itself: only the sum of all its entries has one.

    rows, cols: lengths of its axes. factors: the two cells. reason: why there is no rule, for messages.
    """

    rows: int
    cols: int
    factors: tuple[Cell, Cell]
    reason: str

    @property
    def T(self) -> Unsummed:
        return Unsummed(self.cols, self.rows, (self.factors[0].T, self.factors[1].T), self.reason)

    @property
    def words(self) -> NoReturn:
        """Raises `Refused`: every other use of a matrix asks for its words."""
        raise Refused(self.reason)

    transposed = words

    def total(self, world: World) -> float:
        """The sum of all entries: the trace of one factor's transpose times the other.

        Of the products of random matrices by a random vector, of the parts of low rank by what they act on.
        """
        a, b = map(world.expand, self.factors)
        x = world.space.normal(self.cols, 1)
        random = [Matrix(m.rows, m.cols, m.words) for m in (a, b)]
        sums = np.prod([world.apply(m, x)[:, 0] for m in random], axis=0)
        for low, other in ((a, b), (b, random[0])):
            if low.left is not None and low.right is not None:
                sums = sums + np.sum(low.left * world.apply(other, low.right), axis=1)
        return float(world.space.in_sum(self.rows) @ sums)


def of_words(world: World, m: Matrix, a: Word, b: Word) -> Cell:
    """The entrywise product of two words, as a cell.

    world: the matrices of the run. m: a matrix of their shape. a, b: the words. Raises `Refused` where their entries
    depend on each other in a way without a rule.
    """
    for x, y in ((a, b), (b, a)):
        if all(isinstance(f, Scale) for f in x):
            points = world._diagonal(y)
            return Matrix(m.rows, m.cols, ((1.0, (Scale(m.rows, points), *x)),))
    if all(len(w) == 1 and isinstance(w[0], Pairs) for w in (a, b)):
        values = a[0].values * b[0].values  # type: ignore[attr-defined]
        return Matrix(m.rows, m.cols, ((1.0, (Pairs(m.rows, m.cols, values),)),))
    if all(len(w) == 1 and isinstance(w[0], Half) for w in (a, b)) and a[0].transposed != b[0].transposed:  # type: ignore
        return Matrix(m.rows, m.cols)
    (u, p, v), (s, q, t) = _core(a), _core(b)
    if isinstance(p, tuple) and isinstance(q, Draw):
        (u, p, v), (s, q, t) = (s, q, t), (u, p, v)
    if not (isinstance(p, Draw) and isinstance(q, Draw | tuple)):
        raise Refused(_NO_PRODUCT)
    _check_apart(p.random, [q.random] if isinstance(q, Draw) else [f.random for f in q if isinstance(f, Draw)])
    if isinstance(q, tuple):
        out: Cell = _times_product(world, m, p, q)
    elif p.transposed == q.transposed:
        r, o = p.random, q.random
        entries = r.entries * o.entries
        entries = entries if r is o else entries - entries.mean()  # those of a basis are orthogonal
        out = Independent(r.rows, r.cols, entries, r.draws | o.draws)
        out = out.T if p.transposed else out
    elif p.random is q.random:
        random, half = _child(world, p.random, "pair", _shuffled(p.random.entries), [p.random]), 1 / np.sqrt(2)
        random.folded = True
        out = Matrix(m.rows, m.cols, ((half, (Draw(random),)), (half, (Draw(random, True),))))
    else:  # entries a_ij b_ji, of which no two are correlated
        plain, turned = (q, p) if p.transposed else (p, q)
        first, second = sorted((plain.random, turned.random), key=id)
        random = _child(world, first, f"pair {id(second)}", _shuffled(second.entries), [first, second])
        out = Matrix(m.rows, m.cols, ((1.0, (Draw(random, plain.random is not first),)),))
    left, right = (_times(x, y) for x, y in ((u, s), (v, t)))
    return out if left is None and right is None else _between(world, world.expand(out), left, right)


def _check_apart(random: Random, others: Sequence[Random]) -> None:
    """Refuse products of entries that depend on each other in a way which their distributions do not tell."""
    for other in others:
        if random is other:
            apart = not random.folded or random.normal
        else:
            apart = not random.roots & other.roots
        if not apart:
            raise Refused(_NO_PRODUCT)


def _child(world: World, random: Random, role: str, times: np.ndarray, parents: Sequence[Random]) -> Random:
    child = world.twin(random, role, times)
    child.parents = frozenset(parents)
    return child


def _times(a: np.ndarray | None, b: np.ndarray | None) -> np.ndarray | None:
    return b if a is None else a if b is None else a * b


def _between(world: World, m: Matrix, left: np.ndarray | None, right: np.ndarray | None) -> Matrix:
    """diag(left) m diag(right)."""
    u, v = (np.ones(world.space.count(k)) if x is None else x for x, k in ((left, m.rows), (right, m.cols)))
    words = tuple((c, scaled(m, u, w, v)) for c, w in m.words)
    if m.left is None or m.right is None:
        return Matrix(m.rows, m.cols, words)
    return Matrix(m.rows, m.cols, words, u[:, None] * m.left, v[:, None] * m.right)


def _shuffled(entries: np.ndarray) -> np.ndarray:
    return np.random.default_rng(0).permutation(entries)


def _times_product(world: World, m: Matrix, p: Draw, word: Word) -> Matrix:
    """The entrywise product of a random matrix and a product of others: entries of which no two are correlated.

    Those of the product have mean zero and the same variance if its random matrices differ from each other.
    """
    draws = [f for f in word if isinstance(f, Draw)]
    randoms = [f.random for f in draws]
    if len({*map(id, randoms), id(p.random)}) <= len(draws) or any(not isinstance(f, Draw | Scale) for f in word):
        raise Refused(_NO_PRODUCT)
    variance, names, scales = 1.0, [], []
    for draw in draws[1:]:
        variance *= draw.rows
    for f in word[::-1] if p.transposed else word:
        if isinstance(f, Draw):
            names.append(f"{id(f.random)} {f.transposed != p.transposed}")
        elif isinstance(f, Scale):
            variance *= float(world.space.weight[f.length] @ f.points**2) / f.length
            scales.append(f.points)
    normal = special.ndtri(world.entries.uniform("product"))
    random = _child(world, p.random, "times " + " ".join(names), normal, [p.random, *randoms])
    if not _same_points(world.scales.setdefault(random, scales), scales):
        raise Refused(_NO_PRODUCT)  # it is correlated with one of other scales
    return Matrix(m.rows, m.cols, ((float(np.sqrt(variance)), (Draw(random, p.transposed),)),))


def _same_points(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> bool:
    return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def _core(word: Word) -> tuple[np.ndarray | None, object, np.ndarray | None]:
    """A word as scale, what is between, scale: one factor, or the word of several."""
    inner = [i for i, f in enumerate(word) if not isinstance(f, Scale)]
    before, after = word[: inner[0]], word[inner[-1] + 1 :]
    sides = []
    for scales in (before, after):
        points = None
        for f in scales:
            points = f.points if points is None else points * f.points  # type: ignore[attr-defined]
        sides.append(points)
    between = word[inner[0] : inner[-1] + 1]
    return sides[0], between[0] if len(between) == 1 else between, sides[1]


def scaled(m: Matrix, u: np.ndarray, word: Word, v: np.ndarray) -> Word:
    """The word diag(u) word diag(v), without the scales that are one.

    m: a matrix of its shape. u: (points of the rows,). v: (points of the columns,).
    """
    if len(word) == 1 and isinstance(word[0], Pairs):
        return (Pairs(m.rows, m.cols, u[:, None] * word[0].values * v),)
    if all(isinstance(f, Scale) for f in word):
        return (Scale(m.rows, u * v), *word)
    before = () if not np.ptp(u) and u[0] == 1 else (Scale(m.rows, u),)
    after = () if not np.ptp(v) and v[0] == 1 else (Scale(m.cols, v),)
    return (*before, *word, *after)
