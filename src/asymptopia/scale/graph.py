"""What follows from what in one evaluation of a loss: which factors belong to which layer, and what each skip adds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

STRAIGHT = 8  # steps without a second operand from a layer to the product of queries and keys


@dataclass
class Graph:
    """Values as nodes, in the order in which they came.

    parents: the nodes that each node was computed from, parameters apart.
    layers:  of the output of a layer, also times a factor, the name of the layer.
    factors: of a layer, what is multiplied with its input or its output.
    """

    parents: list[tuple[int, ...]] = field(default_factory=list)
    layers: dict[int, str] = field(default_factory=dict)
    factors: dict[str, float] = field(default_factory=dict)
    _multiples: dict[int, tuple[int, float]] = field(default_factory=dict)
    _products: set[int] = field(default_factory=set)

    def add(self, parents: Sequence[int] = ()) -> int:
        """A new node."""
        self.parents.append(tuple(parents))
        return len(self.parents) - 1

    def add_layer(self, name: str, entering: int) -> int:
        """The output of a layer, whose input may be a multiple of something that is not a layer's output."""
        node = self.add((entering,))
        self.factors[name] = abs(self._resolved(entering)[1]) if entering not in self.layers else 1.0
        self.layers[node] = name
        return node

    def add_multiple(self, of: int, factor: float) -> int:
        """A node times a constant, or in another shape: of a layer's output, the factor is the layer's."""
        node = self.add((of,))
        self._multiples[node] = (of, factor)
        if of in self.layers:
            name = self.layers[of]
            self.layers[node] = name
            self.factors[name] *= abs(factor)
        return node

    def add_product(self, operands: Sequence[int]) -> int:
        """A product of two values that both depend on the data, as of queries and keys: what one of their layers is
        multiplied with beyond the other is the product's factor, not that layer's.
        """
        node = self.add(operands)
        self._products.add(node)
        names = [name for name in map(self._layer_before, operands) if name is not None]
        if len(names) == 2:
            one, other = sorted(names, key=lambda name: abs(math.log(self.factors[name])))
            self.factors[other] = self.factors[one]
        return node

    def _layer_before(self, node: int) -> str | None:
        """The layer that leads here with nothing else on the way."""
        for _ in range(STRAIGHT):
            if node in self.layers:
                return self.layers[node]
            if len(self.parents[node]) != 1:
                return None
            (node,) = self.parents[node]
        return None

    def follows_product(self, node: int) -> bool:
        """Whether a product of two values leads here without a layer between."""
        return any(n in self._products for n in self._before(node, stop=self.layers))

    def branch(self, one: int, other: int) -> tuple[int, str] | None:
        """Of two values that are added, the one that a layer made from the other, as a skip has it, by its position;
        and the name of the last layer on its way. None if there is none.
        """
        for position, (start, end) in enumerate(((other, one), (one, other))):
            for at in dict.fromkeys((start, self._resolved(start)[0])):
                before = self._before(end, stop={at})
                inside = [n for n in before if n in self.layers and n not in self._multiples and n > at]
                if at in before and at != end and inside:
                    return position, self.layers[max(inside)]
        return None

    def _resolved(self, node: int) -> tuple[int, float]:
        """What a node is a multiple of, and the factor."""
        factor = 1.0
        while node in self._multiples:
            node, one = self._multiples[node]
            factor *= one
        return node, factor

    def _before(self, node: int, stop: object) -> set[int]:
        """All that leads to a node, itself included, not beyond the nodes to stop at."""
        seen, ahead = set(), [node]
        while ahead:
            at = ahead.pop()
            if at not in seen:
                seen.add(at)
                if at not in stop:  # type: ignore[operator]
                    ahead.extend(self.parents[at])
        return seen
