"""Faults planted in the parametrisation of 20 networks, and whether `scale` names the layer: PyTorch, on digits.

MLPs, convolutional networks and transformers in the maximal-update parametrisation of Adam (Yang et al., arXiv
2203.03466, table 8), each sound, or with one layer as in the standard parametrisation: its learning rate without
1/width, the last layer's initial weights of 1/sqrt(width), or attention scores of 1/sqrt(head). In depth, residual
branches with and without 1/sqrt(depth). Prints what was found, and the seconds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy, relu, softmax

from asymptopia.scale import Scale, scale

Planted = tuple[Any, str, str | None]
WIDTHS, DEPTHS, RATE = (64, 128, 256, 512), (4, 8, 16, 32), 0.01


@cache
def images() -> tuple[torch.Tensor, torch.Tensor]:
    """64 digits and their labels."""
    data = load_digits()
    return torch.tensor(data.data[:64] / 8 - 1, dtype=torch.float32), torch.tensor(data.target[:64])


class Perceptron(nn.Module):
    """64-n-n-n-10."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(64, width), nn.Linear(width, width)
        self.third, self.last = nn.Linear(width, width), nn.Linear(width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(relu(self.third(relu(self.second(relu(self.first(x)))))))


class Convolutional(nn.Module):
    """Two convolutions of n channels, mean pooling, a dense layer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        channels = width // 4
        self.first = nn.Conv2d(1, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.last = nn.Linear(channels, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = relu(self.first(x.view(-1, 1, 8, 8)))
        return self.last(relu(self.second(x[:, :, ::2, ::2])).mean((2, 3)))


class Attention(nn.Module):
    """One head of the width."""

    def __init__(self, width: int, power: float) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.factor = 8 ** (power - 0.5) / width**power

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = self.query(x) @ self.key(x).transpose(1, 2) * self.factor
        return softmax(scores, dim=-1) @ self.value(x)


class Transformer(nn.Module):
    """The rows of an image as tokens, one block with layer norms and skips, a dense layer."""

    def __init__(self, width: int, power: float = 1.0) -> None:
        super().__init__()
        self.embed, self.attention = nn.Linear(8, width), Attention(width, power)
        self.before, self.between, self.after = (nn.LayerNorm(width) for _ in range(3))
        self.up, self.down, self.last = nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x.view(-1, 8, 8))
        x = x + self.attention(self.before(x))
        x = x + self.down(relu(self.up(self.between(x))))
        return self.last(self.after(x).mean(1))


class Block(nn.Module):
    """A residual branch, times a factor."""

    def __init__(self, width: int, factor: float) -> None:
        super().__init__()
        self.inner, self.outer, self.factor = nn.Linear(width, width), nn.Linear(width, width), factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.factor * self.outer(relu(self.inner(x)))


class Residual(nn.Module):
    """A stack of residual blocks of 64 units."""

    def __init__(self, depth: int, power: float) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(64, 64), nn.Linear(64, 10)
        self.blocks = nn.ModuleList([Block(64, depth**-power) for _ in range(depth)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        for block in self.blocks:
            x = block(x)
        return self.last(x)


def width_step(make: Callable[[int], nn.Module], rate_of: str = "", start_of: str = "") -> Any:
    """A training step; the layers `rate_of` and `start_of` have a standard learning rate, and standard weights."""

    def step(width: int, seed: int) -> Any:
        module = make(width)
        groups = []
        for name, part in module.named_modules():
            if not isinstance(part, (nn.Linear, nn.Conv2d)):
                continue
            inputs, last = part.weight[0].numel(), name == "last"
            wide = part.weight.shape[1] >= 16 and name not in ("first", "embed")
            standard = inputs**-0.5
            deviation = standard * (64 / width) ** 0.5 if last and name != start_of else standard * 2**0.5
            nn.init.normal_(part.weight, 0, deviation)
            groups.append({"params": [part.weight], "lr": RATE * (64 / width if wide and name != rate_of else 1.0)})
            if part.bias is not None:
                nn.init.zeros_(part.bias)
                groups.append({"params": [part.bias], "lr": RATE})
        x, y = images()
        return module, torch.optim.Adam(groups), lambda m: cross_entropy(m(x), y)

    return step


def depth_step(power: float) -> Any:
    """A training step of a residual network whose branches have the factor depth**-power."""

    def step(depth: int, seed: int) -> Any:
        module = Residual(depth, power)
        for part in module.modules():
            if isinstance(part, nn.Linear):
                nn.init.normal_(part.weight, 0, (2 / part.weight.shape[1]) ** 0.5)
        x, y = images()
        return module, torch.optim.Adam(module.parameters(), 1e-3), lambda m: cross_entropy(m(x), y)

    return step


def standard_scores(width: int) -> nn.Module:
    """A transformer whose scores are over the root of the head's dimension."""
    return Transformer(width, 0.5)


def planted() -> dict[str, Planted]:
    """The 20 networks: (step, width or depth, the layer at fault or None)."""
    rates = {
        Perceptron: ("second", "third", "last"),
        Convolutional: ("second", "last"),
        Transformer: ("attention.query", "attention.value", "up", "down", "last"),
    }
    networks: dict[str, Planted] = {}
    for make, layers in rates.items():
        kind = make.__name__.lower()
        networks[f"{kind}, sound"] = (width_step(make), "width", None)
        networks[f"{kind}, weights of last"] = (width_step(make, start_of="last"), "width", "last")
        for layer in layers:
            networks[f"{kind}, rate of {layer}"] = (width_step(make, rate_of=layer), "width", layer)
    networks["transformer, scores"] = (width_step(standard_scores), "width", "attention.scores")
    networks["residual, sound"] = (depth_step(0.5), "depth", None)
    networks["residual, no factor"] = (depth_step(0.0), "depth", "blocks")
    networks["residual, a weak factor"] = (depth_step(0.125), "depth", "blocks")
    return networks


def right(report: Scale, layer: str | None) -> bool:
    """Whether the layers named are the one at fault, or none."""
    named = {row.layer for row in report.faults}
    return named == set() if layer is None else len(named) == 1 and next(iter(named)).startswith(layer)


def run(networks: dict[str, Planted]) -> None:
    """Print each network, what was found, and how often it was right; only those whose names have the words given."""
    torch.set_num_threads(1)
    chosen = {k: v for k, v in networks.items() if all(word in k for word in sys.argv[1:])}
    hits = 0
    for name, (step, along, layer) in chosen.items():
        before = time.process_time()
        report = scale(step, WIDTHS if along == "width" else DEPTHS, along, seeds=8)
        hits += right(report, layer)
        named = "; ".join(f"{r.layer}: {r.mend} ({r.exponent.value:+.2f})" for r in report.faults) or "sound"
        open_rows = f", {len(report.undecided)} undecided" if report.undecided else ""
        seconds = time.process_time() - before
        print(
            f"{'right' if right(report, layer) else 'WRONG'}  {name}: {named}{open_rows} [{seconds:.0f} s]", flush=True
        )
    print(f"{hits} of {len(chosen)} right")


if __name__ == "__main__":
    run(planted())
