"""What is done to each entry of a wide matrix."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from .factors import Draw, Half, Pairs, Scale, Word
from .hadamard import Unsummed, of_words, scaled
from .matrix import Cell, Independent, Matrix, World
from .random_matrix import HALVED
from .refusal import Refused

Function = Callable[..., np.ndarray]

_RAREST = 1e-3
MULTIPLICATIVE = {"sign", "abs", "sqrt", "rsqrt", "square", "cbrt"}


def multiply(world: World, a: Cell, b: Cell) -> Cell:
    """The entrywise product of two cells, a and b.

    world: the matrices of the run. One without a rule is kept as its factors, as there may be a rule for its sum.
    """
    try:
        return _multiplied_entries(world, a, b)
    except Refused as refused:
        return cast(Cell, Unsummed(a.rows, a.cols, (a, b), refused.reason))


def _multiplied_entries(world: World, a: Cell, b: Cell) -> Cell:
    for x, y in ((a, b), (b, a)):
        value = uniform(x)
        if value is not None:
            return world.scale(y, float(value))
    if isinstance(a, Independent) and isinstance(b, Independent) and a.transposed == b.transposed:
        return _product(a, b)
    x, y = world.expand(a), world.expand(b)
    if x.triangle or y.triangle:
        return _half(world, *((x, y) if x.triangle else (y, x)))
    out: Cell = Matrix(x.rows, x.cols)
    for p, q in ((x, y), (y, x)):
        if q.left is not None and q.right is not None:
            for u, v in zip(q.left.T, q.right.T, strict=True):
                words = [(c, scaled(p, u, w, v)) for c, w in p.words]
                out = world.add(out, Matrix(x.rows, x.cols, tuple(words)))
    if x.left is not None and y.left is not None:
        out = world.add(out, _low_rank(x, y))
    for c, w in x.words:
        for d, v in y.words:
            out = world.add(out, world.scale(of_words(world, x, w, v), c * d))
    return out


def apply_function(world: World, name: str, function: Function, cells: Sequence[Cell | np.generic]) -> Cell:
    """One function of the entries of several cells, such as tanh of a matrix of independent entries.

    world: the matrices of the run. name: the primitive, for messages. function: of as many arrays as there are cells.
    cells: of one shape, or numbers. Returns a cell. Raises `Refused` for entries of sums and products of random
    matrices.
    """
    shape = next(c for c in cells if isinstance(c, Matrix | Independent))
    values = [uniform(c) for c in cells]
    drawn = [c for c in cells if isinstance(c, Independent)]
    if drawn and all(isinstance(c, Independent) or v is not None for c, v in zip(cells, values, strict=True)):
        if len({c.transposed for c in drawn}) > 1:
            raise Refused(f"cannot derive: `{name}` of a random matrix and its transpose has no rule.")
        arguments = [c.values if isinstance(c, Independent) else v for c, v in zip(cells, values, strict=True)]
        draws = frozenset().union(*(c.draws for c in drawn))
        image = np.asarray(function(*arguments))
        if name in ("add", "sub") and len(drawn) == 1:
            image = _centred(drawn[0].values, image)
        return dataclasses.replace(drawn[0], values=image, draws=draws, excess=_excess(name, image, arguments))
    constants = {
        i: world.constant(shape.rows, shape.cols, float(c)) for i, c in enumerate(cells) if isinstance(c, np.generic)
    }
    whole = [constants[i] if isinstance(c, np.generic) else world.expand(c) for i, c in enumerate(cells)]
    if any(m.random or m.triangle for m in whole):
        raise Refused(_no_function(name, whole))
    if name in MULTIPLICATIVE and whole[0].left is not None and whole[0].left.shape[1] == 1 and not whole[0].words:
        m = whole[0]
        return Matrix(m.rows, m.cols, (), np.asarray(function(m.left), float), np.asarray(function(m.right), float))
    arguments = [v if v is not None else dense(world, m) for v, m in zip(values, whole, strict=True)]
    image = np.asarray(function(*arguments), float)
    if image.ndim == 0:
        return world.constant(shape.rows, shape.cols, float(image))
    return Matrix(shape.rows, shape.cols, ((1.0, (Pairs(shape.rows, shape.cols, image),)),))


def chosen(world: World, mask: Independent, no: Cell | np.generic, yes: Cell | np.generic) -> Cell:
    """The matrix of `yes` where a random mask is one and of `no` where it is zero; the mask must not depend on either.

    world: the matrices of the run. mask, no, yes: cells of independent entries, or numbers.
    """
    if not isinstance(yes, Independent):
        return chosen(world, _opposite(mask), yes, no)
    if isinstance(no, Independent):
        other = _opposite(mask)
        return world.add(_product(mask, yes), _product(other, no))
    value = uniform(no)
    assert value is not None
    part = _product(mask, dataclasses.replace(yes, values=np.asarray(yes.values, float) - float(value)))
    return dataclasses.replace(part, values=part.values + float(value))


def _centred(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Entries from which their mean was subtracted, without what is left of it by the finite number of values."""
    if after.dtype.kind != "f":
        return after
    left, precision = np.mean(after), np.ptp(after) / (2 * len(after))
    return after - left if abs(left) <= precision < abs(np.mean(before)) / 100 else after


def _opposite(mask: Independent) -> Independent:
    return dataclasses.replace(mask, values=~np.asarray(mask.values, bool), excess=-mask.excess)


def _product(a: Independent, b: Independent) -> Independent:
    """The product of entries; if they share no draw, its mean is the product of their means to the last digit.

    A mean that should be zero acts on a vector as n times itself.
    """
    x, y = np.asarray(a.values, float), np.asarray(b.values, float)
    values = x * y
    if not a.draws & b.draws:
        values = values - values.mean() + (x.mean() + a.excess) * (y.mean() + b.excess)
    return dataclasses.replace(a, values=values, draws=a.draws | b.draws, excess=0.0)


def _excess(name: str, mask: np.ndarray, arguments: Sequence[Any]) -> float:
    """The probability that a uniform draw is below or above a number, minus how often it was."""
    sides = [np.size(a) > 1 for a in arguments]
    if name not in ("lt", "le", "gt", "ge") or sum(sides) != 1:
        return 0.0
    drawn, number = np.asarray(arguments[sides.index(True)]), float(np.ravel(arguments[sides.index(False)])[0])
    moments = abs(drawn.mean() - 1 / 2), abs(np.mean(drawn**2) - 1 / 3)
    if drawn.dtype.kind != "f" or drawn.min() < 0 or drawn.max() > 1 or max(moments) > 4 / len(drawn):
        return 0.0
    below = (name in ("lt", "le")) == sides[0]
    chance = min(max(number, 0.0), 1.0)
    chance = chance if below else 1 - chance
    if 0 < min(chance, 1 - chance) < _RAREST:
        raise Refused(
            f"cannot derive: a wide matrix of zeros and ones with probability {chance:.2g} is too sparse for sums over "
            "its rows to be normal; the probability must not vanish as n grows."
        )
    return chance - float(mask.mean())


def divide(world: World, a: Cell, b: Cell) -> Cell:
    """The entrywise quotient of two cells, a / b.

    world: the matrices of the run. Raises `Refused` for a quotient of random matrices without a rule.
    """
    value = uniform(b)
    if value is not None:
        return world.scale(a, 1.0 / float(value))
    if isinstance(b, Matrix) and not b.words and b.left is not None and b.right is not None and b.left.shape[1] == 1:
        return multiply(world, a, Matrix(b.rows, b.cols, (), np.reciprocal(b.left), np.reciprocal(b.right)))
    if isinstance(a, Matrix) and not a.random:
        return apply_function(world, "div", np.divide, [a, b])
    inverse = apply_function(world, "div", lambda x: 1.0 / x, [b])
    return multiply(world, a, inverse)


def compare(name: str, a: Cell, b: Cell, world: World) -> Cell | None:
    """The comparison of positions of rows and columns: the identity or a triangle.

    None if a and b are no such positions. name: "eq", "ne", "lt", "le", "gt" or "ge". a, b: cells. world: the matrices
    of the run. Raises `Refused` for neighbours on a wide axis, whose coordinates are not exchangeable.
    """
    if not (isinstance(a, Matrix) and isinstance(b, Matrix) and a.index and b.index and a.index[0] != b.index[0]):
        return None
    if a.index[0] == 1:
        swapped = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le"}
        return compare(swapped.get(name, name), b, a, world)
    shift = b.index[1] - a.index[1]
    if a.rows != a.cols or abs(shift) > 1:
        raise Refused("cannot derive: a matrix that depends on the distance of two coordinates of a wide axis.")
    if name in ("eq", "ne"):
        if shift:
            raise Refused(
                "cannot derive: this joins neighbours on a wide axis, whose coordinates are not exchangeable."
            )
        eye = Matrix(a.rows, a.cols, ((1.0, (Scale(a.rows, np.ones(world.space.count(a.rows))),)),))
        return eye if name == "eq" else world.add(world.constant(a.rows, a.cols, 1.0), eye, -1.0)
    return Matrix(a.rows, a.cols, triangle=-1 if name in ("gt", "ge") else 1)


def uniform(a: Cell | np.generic) -> float | np.generic | None:
    """The value that all entries of a cell have, if they are equal, else None."""
    if isinstance(a, np.generic):
        return a
    if isinstance(a, Independent) or a.words or a.triangle or a.index:
        return None
    if a.left is None or a.right is None:
        return 0.0
    if (a.left != a.left[:1]).any() or (a.right != a.right[:1]).any():
        return None
    return float(a.left[0] @ a.right[0])


def dense(world: World, m: Matrix) -> np.ndarray:
    """The values of a matrix m at all pairs of points, (rows, columns), where no random matrix is in it.

    world: the matrices of the run.
    """
    out = np.zeros((world.space.count(m.rows), world.space.count(m.cols)))
    if m.left is not None and m.right is not None:
        out += m.left @ m.right.T
    for c, w in m.words:
        for factor in w:
            assert isinstance(factor, Pairs)
        out += c * (w[0].values if len(w) == 1 else _multiplied(world, w))  # type: ignore[attr-defined]
    return out


def _multiplied(world: World, word: Word) -> np.ndarray:
    out = word[-1].values  # type: ignore[attr-defined]
    for factor in reversed(word[:-1]):
        out = factor.apply(world.space, out)
    return out


def _low_rank(x: Matrix, y: Matrix) -> Matrix:
    assert x.left is not None and x.right is not None and y.left is not None and y.right is not None
    left = (x.left[:, :, None] * y.left[:, None, :]).reshape(len(x.left), -1)
    right = (x.right[:, :, None] * y.right[:, None, :]).reshape(len(x.right), -1)
    return Matrix(x.rows, x.cols, (), left, right)


def _half(world: World, triangle: Matrix, m: Matrix) -> Matrix:
    """The part of a random matrix on one side of the diagonal."""
    words = []
    for c, w in m.words:
        draw = w[0]
        if all(isinstance(f, Scale) for f in w):
            continue
        if len(w) > 1 or not isinstance(draw, Draw):
            raise Refused("cannot derive: a triangle of such a wide matrix has no rule.")
        if draw.random.used:
            raise Refused(HALVED)
        draw.random.halved = True
        above = triangle.triangle > 0
        random = draw.random if above != draw.transposed else world.twin(draw.random, "below")
        words.append((c, (Half(m.rows, random, not above),)))
    if m.left is not None and m.right is not None and np.any(m.left):
        if np.ptp(m.left, axis=0).any() or np.ptp(m.right, axis=0).any():
            raise Refused("cannot derive: a triangle of a wide matrix whose entries have different means has no rule.")
        words.append((float(m.left[0] @ m.right[0]), (Half(m.rows, None, triangle.triangle < 0),)))
    return Matrix(m.rows, m.cols, tuple(words))


def _no_function(name: str, whole: Sequence[Matrix]) -> str:
    longest = max((len([f for f in w if isinstance(f, Draw)]) for m in whole for _, w in m.words), default=0)
    if longest > 1:
        return (
            f"cannot derive: `{name}` acts on each entry of a product of wide matrices. That needs a Gaussian "
            "equivalence, which is no rule here; a law derived by hand is needed."
        )
    return f"cannot derive: `{name}` acts on each entry of a sum of a random matrix and others; no rule covers that."
