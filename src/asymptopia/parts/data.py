"""Data sets: tables bundled with scikit-learn, patches of photographs, and a user's own files."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ..contract.record import Record, StatementError, field, nearest
from ..tables import Columns, digest_of, read_columns
from .activation import Activation

__all__ = ["Bundled", "Covariates", "Data", "Patches", "Table"]

_DEEPEST, _MOST_ROWS = 100, 6000


@dataclasses.dataclass(frozen=True)
class Samples:
    """N samples that are ready for learning: X (N, d) and y (N,), in the order in which training sets are drawn.

    Columns of X have mean zero over the N samples and, depending on the data, each variance 1, or mean variance 1.
    Labels are -1 and 1, or 0, 1, ... for several classes called `labels`; the target of a regression has mean zero and
    variance 1, and `unit` is its original standard deviation.
    """

    X: np.ndarray
    y: np.ndarray
    kind: str
    meaning: str
    unit: float = 1.0
    notes: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers N of samples and d of columns."""
        return self.X.shape


class Covariates(Record):
    """What a law takes as inputs: a Gaussian model whose dimension grows, or the rows of a data set."""


class Data(Covariates):
    """A finite data set, from which training sets are drawn without replacement.

    The dimension is that of the data. `columns()` gives the raw table; a data set of your own defines it. Columns are
    centred over all samples and divided by their standard deviations, or, where all share a unit (`common`, as pixels
    do), by one for all. The target of a regression is centred and divided by its standard deviation.
    """

    common: ClassVar[bool] = False

    @property
    def called(self) -> str:
        """The data in a word or two."""
        return type(self).__name__.lower()

    def columns(self) -> Columns:
        """The raw table. Raises `StatementError` if it cannot be read or used."""
        raise NotImplementedError(f"{type(self).__name__} defines no `columns(self)`.")

    def pinned(self) -> Data:
        """The same data with a digest of their present content in the statement, so that a changed file is noticed."""
        return self

    def samples(self, features: str = "none") -> Samples:
        """The scaled samples, after the features that `feature_map` reads, such as "relu:2000"; kept in memory."""
        return _samples(self, features)


def feature_map(features: str) -> Callable[[np.ndarray], np.ndarray] | None:
    """The feature map that a text names: inputs (N, d) -> features (N, P); None for "none".

    "relu:P" or "tanh:P": the activation at f.x / sqrt(d) with P fixed random Gaussian f, the same in every run.
    "ntk:DEPTH": the principal components, over all rows, of the tangent kernel of a relu network with DEPTH hidden
    layers of infinite width; a linear student of them is the kernel machine. Features are centred and divided by their
    root mean square deviation.
    """
    if features == "none":
        return None
    known = {c.__name__.lower(): c for c in Activation.__subclasses__() if not c.__name__.startswith("_")}
    kind, _, count = features.partition(":")
    if kind == "kernel":
        raise StatementError(
            "`features` that are those of a kernel go with the data: give KernelFeatures(data=..., kernel=...) as "
            f"`data`, but `features` is {features!r}."
        )
    whole = count.isascii() and count.isdigit() and int(count) >= 1
    if kind == "ntk":
        if not whole or int(count) > _DEEPEST:
            raise StatementError(
                f'`features` "ntk:DEPTH" must have a whole number of hidden layers, 1 to {_DEEPEST}, as in "ntk:3", '
                f"but is {features!r}."
            )
        return partial(_tangent_components, int(count))
    if kind not in known or not whole:
        raise StatementError(
            f'`features` must be "none" or "NAME:P" with an activation ({", ".join(sorted(known))}) and a whole number '
            f'P >= 1, as in "relu:2000", or "ntk:DEPTH", but is {features!r}.'
        )
    return partial(_random_features, known[kind](), int(count))


def _random_features(activation: Activation, count: int, X: np.ndarray) -> np.ndarray:
    if len(X) * count > 2e8:
        raise StatementError(
            f"{count} features of {len(X)} samples are more than fit in memory; ask for fewer of either."
        )
    directions = np.random.default_rng(0).standard_normal((X.shape[1], count))
    return np.asarray(activation(X @ directions / np.sqrt(X.shape[1])))


def _tangent_components(depth: int, X: np.ndarray) -> np.ndarray:
    from scipy.linalg import eigh

    from .kernel import NTK

    if len(X) > _MOST_ROWS:
        raise StatementError(
            f"The tangent kernel is a matrix of all pairs of samples, at most {_MOST_ROWS} of them, but there are "
            f'{len(X)}; give fewer, or random features as in "relu:2000".'
        )
    K = NTK(depth=depth).matrix(X)
    K = K - K.mean(axis=0)
    values, basis = eigh(K - K.mean(axis=1)[:, None], driver="evd")
    seen = values > 1e-13 * values[-1]
    return np.asarray((basis[:, seen] * np.sqrt(values[seen]))[:, ::-1])


_TARGETS = {
    "digits": {"odd": "the digit is odd", "digit": "which digit it is"}
    | {str(k): f"the digit is {k}" for k in range(10)},
    "breast_cancer": {"malignant": "the tumour is malignant"},
    "wine": {str(k): f"the cultivar is {k}" for k in range(3)} | {"cultivar": "which cultivar it is"},
    "diabetes": {"progression": "progression of the disease after a year"},
}


class Bundled(Data):
    """A data set that comes with scikit-learn: digits, breast_cancer, wine or diabetes.

    Targets are odd, one digit against the rest or digit, all ten classes (digits), malignant (breast_cancer), one
    cultivar against the rest or cultivar, all three (wine), and progression (diabetes, a regression). The digits'
    pixels share one scale, and those that never change are left out; the other tables have each column scaled.
    """

    name: str = field("digits", "which data set", one_of=tuple(_TARGETS))
    target: str = field("", "what to predict; empty for the first possibility")

    def __post_init__(self) -> None:
        super().__post_init__()
        targets = _TARGETS[self.name]
        if not self.target:
            object.__setattr__(self, "target", next(iter(targets)))
        if self.target not in targets:
            raise StatementError(
                f"The data set {self.name} has no target {self.target!r}.{nearest(self.target, targets)}"
            )

    @property
    def called(self) -> str:
        return self.name

    @property
    def common(self) -> bool:  # type: ignore[override]
        """Whether all columns share a unit, so that one scale serves them all."""
        return self.name == "digits"

    def columns(self) -> Columns:
        from sklearn import datasets

        bunch = getattr(datasets, f"load_{self.name}")()
        X, y = np.asarray(bunch.data, float), np.asarray(bunch.target)
        names = tuple(map(str, getattr(bunch, "feature_names", range(X.shape[1]))))
        moving = np.ptp(X, axis=0) > 0
        X, names = X[:, moving], tuple(n for n, keep in zip(names, moving, strict=True) if keep)
        meaning = _TARGETS[self.name][self.target]
        if self.name == "diabetes":
            return Columns(X, y.astype(float), names, "regression", meaning)
        if self.target in ("digit", "cultivar"):
            return Columns(X, y.astype(float), names, "classes", meaning, labels=tuple(map(str, np.unique(y))))
        positive = {"odd": y % 2 == 1, "malignant": y == 0}.get(self.target)
        if positive is None:
            positive = y == int(self.target)
        return Columns(X, np.where(positive, 1.0, -1.0), names, "classification", meaning)


class Patches(Data):
    """Grey square patches at random places of the two photographs that come with scikit-learn.

    Targets: "centre", the pixel in the middle, to be predicted from those around it (a regression), and "photograph",
    which of the two the patch is from. Pixels share one scale.
    """

    target: str = field("centre", "what to predict", one_of=("centre", "photograph"))
    side: int = field(7, "pixels along each side of a patch, odd", at_least=3, at_most=31)
    count: int = field(100000, "number of patches", at_least=100, at_most=400000)
    common: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.side % 2 == 0:
            raise StatementError(f"`side` of Patches must be odd, so that there is a centre, but is {self.side}.")

    def columns(self) -> Columns:
        from sklearn.datasets import load_sample_images

        pictures = [np.asarray(p, float).mean(axis=-1) for p in load_sample_images().images]
        windows = [np.lib.stride_tricks.sliding_window_view(p, (self.side, self.side)) for p in pictures]
        places = np.concatenate([np.full(w.shape[0] * w.shape[1], k) for k, w in enumerate(windows)])
        chosen = np.random.default_rng(0).choice(len(places), self.count, replace=False)
        start = np.searchsorted(places, np.arange(len(windows)))
        X = np.empty((self.count, self.side**2))
        for k, w in enumerate(windows):
            here = places[chosen] == k
            row, column = np.divmod(chosen[here] - start[k], w.shape[1])
            X[here] = w[row, column].reshape(-1, self.side**2)
        names = tuple(f"pixel {i},{j}" for i in range(self.side) for j in range(self.side))
        if self.target == "photograph":
            return Columns(
                X, np.where(places[chosen] == 1, 1.0, -1.0), names, "classification", "which photograph it is from"
            )
        centre = self.side**2 // 2
        rest = [k for k in range(self.side**2) if k != centre]
        return Columns(
            X[:, rest], X[:, centre], tuple(names[k] for k in rest), "regression", "grey level of the centre"
        )


class Table(Data):
    """Your own samples in a CSV, NPZ or Parquet file, one sample a row; each column is scaled by its own deviation.

    With a digest in the statement, the file must still have the content from which the digest was computed.
    """

    path: str = field("data.csv", "the file")
    target: str = field("y", 'the column to predict, or "column=value" for one class against the rest')
    task: str = field("auto", "what kind of target it is", one_of=("auto", "regression", "classification"))
    digest: str = field("", "first 12 hexadecimal digits of the file's SHA-256; empty for whatever it holds")
    drop: tuple[str, ...] = field((), "columns to leave out")
    only: tuple[str, ...] = field((), "the inputs to keep; empty for all")
    missing: str = field("refuse", "what is done with missing values", one_of=("refuse", "drop", "median"))
    encoding: str = field("", "that of a text file; empty for UTF-8")
    header: bool = field(True, "whether the first row of a text file has the names")

    @property
    def called(self) -> str:
        return Path(self.path).name

    def columns(self) -> Columns:
        if self.digest and digest_of(self.path) != self.digest:
            raise StatementError(
                f"The file {self.path!r} has changed since this was stated: "
                f"its digest was {self.digest}, and is {digest_of(self.path)}."
            )
        return read_columns(
            self.path, self.target, self.task, drop=self.drop, only=self.only, missing=self.missing,
            encoding=self.encoding, header=self.header,
        )  # fmt: skip

    def pinned(self) -> Data:
        return self if self.digest else self.replace(digest=digest_of(self.path))

    def samples(self, features: str = "none") -> Samples:
        return super().samples(features) if self.digest else self.pinned().samples(features)


def named_data(text: str, target: str | None = None, **reading: Any) -> Data:
    """The data set that a name or file stands for: digits, breast_cancer, wine, diabetes, patches, or a table.

    target: what is to be predicted. reading: fields of `Table` that say how a file is read, such as drop=("id",); they
    are refused for data that are not a file.
    """
    if reading and (text == "patches" or text in _TARGETS):
        raise StatementError(f"`{next(iter(reading))}` is for files; {text} is read as it is.")
    if text == "patches":
        return Patches(target=target or "centre")
    if text in _TARGETS:
        return Bundled(name=text, target=target or "")
    if "." not in text and "/" not in text:
        raise StatementError(
            f"There is no data set {text!r}, and it is not a file.{nearest(text, ['patches', *_TARGETS])}"
        )
    if target is None:
        raise StatementError(f"Say which column of {text!r} is to be predicted, as in --target y.")
    return Table(path=text, target=target, **reading)


@lru_cache(maxsize=4)
def _samples(data: Data, features: str) -> Samples:
    chosen = feature_map(features)
    table = data.columns()
    X = _scaled(table.X, data.common)
    if chosen is not None:
        X = _scaled(chosen(X), common=True)
        X = X[:, X.any(axis=0)]
    if table.kind != "regression":
        return Samples(X, table.y, table.kind, table.meaning, notes=table.notes, labels=table.labels)
    unit = float(table.y.std())
    return Samples(X, (table.y - table.y.mean()) / unit, table.kind, table.meaning, unit, table.notes)


def _scaled(X: np.ndarray, common: bool) -> np.ndarray:
    X = X - X.mean(axis=0)
    spread = np.sqrt((X**2).mean(axis=None if common else 0))
    return X / spread
