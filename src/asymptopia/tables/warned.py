"""Warnings about a table: columns that number the samples, or give the target away."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from .problems import listed
from .target import absent_words

if TYPE_CHECKING:
    import pandas as pd

_FEW = 20
_SHUFFLES = 8
_ID = re.compile(r"(^|_|\b)(id|uuid|guid|index|key)($|\b)|[a-z]I[dD]$")
_STEM = re.compile(r".+[_=.:]")
_CODES = (99.0, 999.0, 9999.0, 99999.0, 999999.0)


def warnings(
    table: pd.DataFrame, inputs: Sequence[str], X: np.ndarray, y: np.ndarray, names: Sequence[str], kind: str,
    target: str,
) -> list[str]:  # fmt: skip
    """All warnings about a table, in sentences.

    table:  the columns as read. inputs: their names. X, names: the inputs as numbers, one more for each word.
    y, kind, target: the target, as in `Columns`, and its name.
    """
    columns = table[list(inputs)]
    which = columns.dtypes.map(lambda d: d.kind in "biuf").to_numpy()
    M, numeric = columns.loc[:, which].to_numpy(float), np.array(inputs, object)[which]
    words = np.array(inputs, object)[~which]
    counting, given = _counting(M, numeric), _giving(table, M, numeric, words, X, y, names, kind, target)
    unclear = {c: absent_words(table[c]) for c in (*words, target)}
    return [
        *(f"{n} numbers the rows; leave it out with --drop {n} unless it means something." for n in counting),
        *(
            f"{n} determines {target} by itself; if it would not be known in practice, leave it out with --drop {n}."
            for n in given
        ),
        *(
            f"{listed(words)} in {c} counts as a class of its own; if it stands for a missing value, give "
            f"--missing drop." for c, words in unclear.items() if words
        ),
        *_repeated(table, M, words, target), *_alike(table[target], target), *_coded(M, numeric),
        *_one_of_several(table, inputs, target),
        *(_coded(y[:, None], np.array([target], object)) if kind == "regression" else []),
        *([f"{target} has {table[target].nunique()} different numbers, taken as classes; if they measure something, "
           f"give --task regression."] if kind == "classes" and table[target].dtype.kind in "iuf" else []),
    ]  # fmt: skip


def _counting(M: np.ndarray, names: np.ndarray) -> list[str]:
    """Columns of whole numbers, each once, without a gap: they number the rows in some order, and an order by class or
    time would give the target away; and those called id with a value for each row."""
    steps = np.diff(M, axis=0)
    ordered = (steps == steps[0]).all(axis=0) & (np.abs(steps[0]) == 1)
    whole = np.flatnonzero((np.round(M) == M).all(axis=0) & ~ordered)
    once = [k for k in whole if len(np.unique(M[:, k])) == len(M)]
    numbering = {k for k in once if np.ptp(M[:, k]) == len(M) - 1 or _ID.search(names[k])}
    return [n for k, n in enumerate(names) if ordered[k] or k in numbering]


def _giving(
    table: pd.DataFrame, M: np.ndarray, numeric: np.ndarray, words: np.ndarray, X: np.ndarray, y: np.ndarray,
    names: Sequence[str], kind: str, target: str,
) -> list[str]:  # fmt: skip
    """Columns that determine the target: a line through it, a threshold on it, an order as its own, or few values each
    of which has one."""
    rare = kind == "classification" and min((y > 0).sum(), (y < 0).sum()) < 5
    if rare:
        return []
    if kind == "classification":
        up, down = X[y > 0], X[y < 0]
        sure = (up.min(axis=0) > down.max(axis=0)) | (down.min(axis=0) > up.max(axis=0))
    elif kind == "regression":
        sure = _in_order(X, y)
    else:
        sure = np.zeros(X.shape[1], bool)
    giving = {n for n, s in zip(names, sure, strict=True) if s}
    most = min(_FEW, len(table) // 5)
    counts = 1 + (np.diff(np.sort(M, axis=0), axis=0) > 0).sum(axis=0)
    few = [*numeric[(counts > 1) & (counts <= most)], *(c for c in words if 1 < table[c].nunique() <= most)]
    by_value = {c for c in few if bool((table[target].groupby(table[c]).nunique() == 1).all())}
    return [c for c in (*numeric, *words) if c in giving | by_value]


def _in_order(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Which columns of X (N, d) rise or fall with y wherever y does, or have a correlation of one with it."""
    centred, z = X - X.mean(axis=0), y - y.mean()
    correlation = np.abs(centred.T @ z) / np.sqrt((centred**2).sum(axis=0) * (z @ z))
    sure = correlation > 1 - 1e-9
    if len(np.unique(y)) < len(y) // 2:
        return sure
    for k in np.flatnonzero(correlation > 0.5):
        steps = np.diff(X[np.argsort(y, kind="stable"), k])
        moves = np.diff(np.sort(y)) > 0
        sure[k] |= bool((steps[moves] > 0).all() or (steps[moves] < 0).all())
    return np.asarray(sure)


def _repeated(table: pd.DataFrame, M: np.ndarray, words: np.ndarray, target: str) -> list[str]:
    """Rows that are there before, where chance does not make them.

    The even and the odd columns of numbers are compared by one random sum of each row, as tables may be large. Chance
    would leave about as many copies once the sums, the words and the target are shuffled each by itself, or, where they
    depend on each other, as many rows that agree in half of the numbers and differ in the rest. Nothing is said of
    tables where neither half has a third as many different rows.
    """
    rng = np.random.default_rng(0)
    columns = _unlike(M)
    halves = {f"\0{k}": M[:, columns[k::2]] @ rng.standard_normal(len(columns[k::2])) for k in (0, 1)}
    parts = table[[*words, target]].assign(**halves)
    copies = parts.duplicated()
    again, kinds = int(copies.sum()), max(parts[half].nunique() for half in halves)
    if again < max(2, len(table) // 100) or 3 * kinds < len(table):
        return []
    alike = min(int(parts.loc[~copies, half].duplicated().sum()) for half in halves)
    shuffles = (parts.apply(lambda c: rng.permutation(c.to_numpy())).duplicated().sum() for _ in range(_SHUFFLES))
    chance = sum(shuffles) / _SHUFFLES
    if again <= chance + 3 * np.sqrt(chance) or again < 2 * alike:
        return []
    return [
        f"{again} of {len(table)} rows are copies of earlier ones: training and test samples share them, and errors "
        "come out too small. Leave the copies out unless they were measured anew."
    ]


def _unlike(M: np.ndarray) -> np.ndarray:
    """Which columns of M (N, d) are no linear function of an earlier one: told by their correlation with one noise."""
    noise = np.random.default_rng(0).standard_normal(len(M))
    spread = np.sqrt(len(M)) * M.std(axis=0)
    correlation = np.abs((noise - noise.mean()) @ M) / np.where(spread > 0, spread, 1)
    return np.sort(np.unique(correlation.round(8), return_index=True)[1])


def _alike(column: pd.Series, target: str) -> list[str]:
    """Classes that differ only in capitals or in rounding."""
    if column.dtype.kind in "biu" or column.nunique() > _FEW:
        return []
    if column.dtype.kind == "f":
        values = np.sort(column.unique())
        near = np.flatnonzero(np.diff(values) <= 1e-12 * np.abs(values).max())
        pairs = [f"{values[k]!r} and {values[k + 1]!r}".replace("np.float64", "") for k in near]
        return [f"Values of {target} differ only by rounding: {listed(pairs)}."] if pairs else []
    words = sorted(map(str, column.unique()), key=lambda w: (w.casefold(), w))
    pairs = [f"{a} and {b}" for a, b in pairwise(words) if a.casefold() == b.casefold()]
    return [f"Values of {target} differ only in capitals: {listed(pairs)}."] if pairs else []


def _coded(M: np.ndarray, names: np.ndarray) -> list[str]:
    """Numbers that often stand for a missing value: -999 and the like, repeated, and far from all others."""
    notes = []
    for code in (M.min(axis=0), M.max(axis=0)) if M.size else ():
        for k in np.flatnonzero(np.isin(np.abs(code), _CODES)):
            others = M[M[:, k] != code[k], k]
            if len(M) - len(others) < 2 or len(others) < 3:
                continue
            if min(abs(code[k] - others.min()), abs(code[k] - others.max())) > 2 * np.ptp(others):
                notes.append(
                    f"{code[k]:g} in {names[k]} is far from all else; if it stands for a missing value, leave it empty."
                )
    return notes


def _one_of_several(table: pd.DataFrame, inputs: Sequence[str], target: str) -> list[str]:
    """Columns of zeros and ones that add up to one with the target in every row: they state it together."""

    def binary_one(c: str) -> bool:
        return table[c].dtype.kind in "biuf" and all(v.isin((0, 1)).all() for v in (table[c].iloc[:_FEW], table[c]))

    if not binary_one(target):
        return []
    binary = [target, *filter(binary_one, inputs)]
    stem = _STEM.match(target)
    alike = [c for c in binary if stem and c.startswith(stem[0])]
    for group in (alike, binary):
        if len(group) > 2 and (table[group].sum(axis=1) == 1).all():
            drops = " ".join(f"--drop {c}" for c in group[1:])
            return [f"{listed(group[1:])} are 0 wherever {target} is 1, and one of them is 1 elsewhere: they give the "
                    f"target away. Leave them out with {drops}, or join all into one column of classes."]  # fmt: skip
    return []
