"""The number of parameter directions that change the outputs of a network, and its local identifiability."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contract.record import StatementError
from ..numerics.arrays import PyTree
from .intrinsic_dimension import numerical_rank
from .operators import flat_parameters, tangent_kernel

SURE = 1e3


@dataclass(frozen=True)
class FunctionalDimension:
    """The rank of the Jacobian of a network's outputs with respect to its parameters, on given inputs.

    rank:       the functional dimension on these inputs; more inputs can only increase it.
    parameters: how many there are.
    outputs:    number of outputs on these inputs, a bound on the rank.
    symmetries: number of directions that change no output on any input, as given by the caller.
    margin:     the smallest singular value that counts towards the rank, over its round-off.
    """

    rank: int
    parameters: int
    outputs: int
    symmetries: int
    margin: float

    @property
    def identifiable(self) -> bool:
        """Whether the outputs on these inputs determine the parameters locally, up to symmetries.

        That is, the rank is parameters - symmetries, with a margin of at least a thousand.
        """
        return self.rank == self.parameters - self.symmetries and self.margin >= SURE

    def __str__(self) -> str:
        most = self.parameters - self.symmetries
        said = f"functional dimension {self.rank} of at most {most}, {self.margin:.3g} times above round-off"
        if self.identifiable:
            return f"{said}: locally identifiable from these inputs, up to {self.symmetries} symmetries."
        if self.rank == min(self.outputs, most) == self.outputs:
            return f"{said}: as many as there are outputs; more inputs may determine more."
        return f"{said}: {most - self.rank} more directions change nothing on these inputs; on others they may."


def functional_dimension(model: Callable[[Any], Any], parameters: PyTree, symmetries: int = 0) -> FunctionalDimension:
    """The functional dimension of `model(parameters)`, the outputs on some inputs, an array of any shape.

    parameters: a tree of JAX arrays, or a PyTorch module.
    symmetries: number of parameter directions that change no output on any input: in a ReLU network one for each
                hidden unit, whose weights can be rescaled.

    A ReLU network is locally identifiable if the rank is the number of parameters minus that of symmetries
    (Bona-Pellissier, Malgouyres and Bachoc, Adv. Neural Inf. Process. Syst. 35 (2022); Grigsby, Lindsey, Meyerhoff and
    Wu, arXiv 2209.04036). Distant parameters may still give the same outputs, and other inputs may determine more.

    The rank is that of J J^T, so that singular values of J below 1e-8 of the largest do not count. Raises
    `StatementError` as `operators.tangent_kernel` does, and for symmetries out of range.
    """
    from . import pytorch

    if pytorch.is_module(parameters):
        count = sum(p.numel() for p in pytorch.trained(parameters))
    else:
        count = flat_parameters(parameters)[0].size
    if not 0 <= symmetries < count:
        raise StatementError(f"`symmetries` must be from 0 to {count - 1}, but is {symmetries}.")
    kernel = tangent_kernel(model, parameters)
    rank, margin = numerical_rank(kernel @ np.eye(kernel.shape[0]))
    return FunctionalDimension(rank, int(count), kernel.shape[0], symmetries, margin)
