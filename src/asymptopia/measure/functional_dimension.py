"""How many directions of its parameters change what a network computes: functional dimension, local identifiability."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contract.record import StatementError
from .intrinsic_dimension import numerical_rank
from .operators import tangent_kernel

SURE = 1e3


@dataclass(frozen=True)
class FunctionalDimension:
    """The rank of the Jacobian of a network's outputs in its parameters, at these parameters and on these inputs.

    rank:       the functional dimension on these inputs; on more inputs it can only be larger.
    parameters: how many there are.
    outputs:    numbers that the network gives for these inputs: the rank is at most that.
    symmetries: directions that change nothing on any input, as the caller knows them.
    margin:     by what factor the last singular value that counts exceeds round-off.
    """

    rank: int
    parameters: int
    outputs: int
    symmetries: int
    margin: float

    @property
    def identifiable(self) -> bool:
        """Whether all that is not a symmetry is determined, nearby, by the outputs on these inputs: the rank is as
        large as symmetries allow, a thousand times above round-off.
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


def functional_dimension(model: Callable[[Any], Any], parameters: Any, symmetries: int = 0) -> FunctionalDimension:
    """The functional dimension of `model(parameters)`, the outputs on some inputs, an array of any shape.

    parameters: a tree of JAX arrays or a PyTorch module; symmetries: how many directions change nothing on any input,
    one for each hidden unit of a ReLU network, whose weights can be rescaled. Local identifiability of ReLU networks is
    that the rank is the number of parameters less those (Bona-Pellissier, Malgouyres and Bachoc, Adv. Neural Inf.
    Process. Syst. 35 (2022); Grigsby, Lindsey, Meyerhoff and Wu, arXiv 2209.04036).

    The rank is that of J J^T, so that singular values of J below 1e-8 of the largest do not count. What is not covered:
    other parameters with the same outputs far away, and inputs that are not among these. Raises `StatementError` as
    `operators.tangent_kernel` does, and for symmetries out of range.
    """
    import jax

    from . import pytorch

    if pytorch.is_module(parameters):
        count = sum(p.numel() for p in pytorch.trained(parameters))
    else:
        count = sum(np.size(leaf) for leaf in jax.tree.leaves(parameters))
    if not 0 <= symmetries < count:
        raise StatementError(f"`symmetries` must be from 0 to {count - 1}, but is {symmetries}.")
    kernel = tangent_kernel(model, parameters)
    rank, margin = numerical_rank(kernel @ np.eye(kernel.shape[0]))
    return FunctionalDimension(rank, int(count), kernel.shape[0], symmetries, margin)
