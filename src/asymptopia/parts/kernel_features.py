"""Data as a kernel machine sees them: the principal components of a kernel's matrix in place of the columns."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from ..contract.record import StatementError, field
from ..contract.statement import parse_value
from .data import Bundled, Data, Samples
from .kernel import NTK, Kernel
from .network import NetworkKernel

__all__ = ["KernelFeatures", "kernel_named"]


class KernelFeatures(Data):
    """The rows of a data set by the principal components of a kernel's matrix over all of them.

    A student that is linear in them, with a ridge, is the kernel machine. Components are centred, and divided by their
    root mean square.
    """

    data: Data = field(Bundled(), "the data set")
    kernel: Kernel | NetworkKernel = field(NTK(), "the kernel, or a network of your own, for its tangent kernel")

    @property
    def called(self) -> str:
        return f"{self.data.called} seen by {self.kernel.short()}"

    def pinned(self) -> Data:
        return self.replace(data=self.data.pinned())

    def samples(self, features: str = "none") -> Samples:
        if features != "none":
            raise StatementError(f'`features` must be "none" for the features of a kernel, but is {features!r}.')
        return _samples(self.data.pinned(), self.kernel)


def kernel_named(features: str, names: Mapping[str, Any]) -> Kernel:
    """The kernel in a text such as "kernel:RBF(width=2.0)" or "kernel:net", where `names` has your own network."""
    return KernelFeatures(kernel=parse_value(features.removeprefix("kernel:"), KernelFeatures, "kernel", names)).kernel


@lru_cache(maxsize=4)
def _samples(data: Data, kernel: Kernel) -> Samples:
    from scipy.linalg import eigh

    raw = data.samples()
    K = kernel.matrix(raw.X)
    K = K - K.mean(axis=0)
    values, basis = eigh(K - K.mean(axis=1)[:, None], driver="evd")
    seen = values > 1e-13 * values[-1]
    X = (basis[:, seen] * np.sqrt(values[seen]))[:, ::-1]
    return dataclasses.replace(raw, X=X / np.sqrt(np.mean(X**2)))
