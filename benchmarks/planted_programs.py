"""More planted faults: other ways to write a network and to train it, and whether `scale` names the layer.

PyTorch: gradient descent, factors on outputs of layers, its own attention, Muon, skips added outside of the branch.
JAX: plain trees, Equinox, Flax, factors on products, attention, Muon, stacks as loops and as `scan`. Each kind is in
the maximal-update parametrisation, or with one layer that is not; stacks with and without depth**-1/2. Beside
`planted_scales.py`, which has the kinds of Adam in PyTorch.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
import torch
from flax import linen
from planted_scales import Planted, images, run
from torch import nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

BASE = 64


class Dense(nn.Module):
    """A layer without bias, times a factor."""

    def __init__(self, inputs: int, outputs: int, deviation: float, factor: float = 1.0) -> None:
        super().__init__()
        self.inner, self.factor = nn.Linear(inputs, outputs, bias=False), factor
        nn.init.normal_(self.inner.weight, 0, deviation)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x) * self.factor


def _torch_loss(module: nn.Module) -> torch.Tensor:
    x, y = images()
    return cross_entropy(module(x), y)


def descent(fault: str = "") -> Any:
    """A perceptron under gradient descent."""

    def step(width: int, seed: int) -> Any:
        wide = width / BASE
        last = width**-0.5 if fault == "last" else 8 / width
        shapes = ((64, width, 64**-0.5), (width, width, (2 / width) ** 0.5), (width, 10, last))
        layers = [Dense(*shape) for shape in shapes]
        rates = [1.0 if fault == "first" else wide, wide if fault == "second" else 1.0, 1 / wide]
        groups = [{"params": [w.inner.weight], "lr": 0.1 * r} for w, r in zip(layers, rates, strict=True)]
        module = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
        return module, torch.optim.SGD(groups), _torch_loss

    return step


def factors(fault: str = "") -> Any:
    """A perceptron of standard normal weights with factors behind them, under Adam."""

    def step(width: int, seed: int) -> Any:
        second = width**-0.5
        layers = [
            Dense(64, width, 1.0, 1 / 8), Dense(width, width, 1.0, second), Dense(width, 10, 1.0, 2 / width),
        ]  # fmt: skip
        rates = [1.0, 1.0 if fault == "second" else (BASE / width) ** 0.5, 1.0]
        if fault == "last":
            layers[2].factor = 0.25 * width**-0.5
        groups = [{"params": [w.inner.weight], "lr": 0.02 * r} for w, r in zip(layers, rates, strict=True)]
        return (
            nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2]),
            torch.optim.Adam(groups),
            _torch_loss,
        )

    return step


class Encoder(nn.Module):
    """Rows of an image as tokens, attention as PyTorch has it, and a dense layer."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.embed, self.last = nn.Linear(8, width), nn.Linear(width, 10)
        self.attention = nn.MultiheadAttention(width, heads, bias=False, batch_first=True)
        self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x.view(-1, 8, 8))
        at = self.before(x)
        x = x + self.attention(at, at, at, need_weights=False)[0]
        return self.last(self.after(x).mean(1))


def encoder(fault: str = "") -> Any:
    """Attention of PyTorch under Adam: more heads of sixteen units, or four heads that grow."""

    def step(width: int, seed: int) -> Any:
        module = Encoder(width, 4 if fault == "scores" else width // 16)
        wide = BASE / width
        nn.init.normal_(module.attention.in_proj_weight, 0, width**-0.5)
        nn.init.normal_(module.attention.out_proj.weight, 0, width**-0.5)
        nn.init.normal_(module.last.weight, 0, 4 / width)
        nn.init.normal_(module.embed.weight, 0, 0.5)
        rates = {"attention.in_proj_weight": wide, "attention.out_proj.weight": wide, "last.weight": wide}
        rates.pop(fault, None)
        groups = [{"params": [p], "lr": 0.01 * rates.get(n, 1.0)} for n, p in module.named_parameters()]
        return module, torch.optim.Adam(groups), _torch_loss

    return step


class Both:
    """Two optimisers as one."""

    def __init__(self, *inner: torch.optim.Optimizer) -> None:
        self.inner = inner

    def zero_grad(self) -> None:
        for one in self.inner:
            one.zero_grad()

    def step(self) -> None:
        for one in self.inner:
            one.step()


def muon(fault: str = "") -> Any:
    """A perceptron under Muon, and Adam for the first and the last layer; at fault: lengths as those of Adam."""

    def step(width: int, seed: int) -> Any:
        first, second, last = (nn.Linear(a, b, bias=False) for a, b in ((64, width), (width, width), (width, 10)))
        for layer, deviation in ((first, 1 / 8), (second, (2 / width) ** 0.5), (last, 4 / width)):
            nn.init.normal_(layer.weight, 0, deviation)
        kind = "match_rms_adamw" if fault == "second" else "original"
        hidden = torch.optim.Muon([second.weight], lr=0.05, weight_decay=0.0, adjust_lr_fn=kind)
        other = torch.optim.Adam(
            [{"params": [first.weight]}, {"params": [last.weight], "lr": 0.01 * BASE / width}], 0.01
        )
        return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), last), Both(hidden, other), _torch_loss

    return step


class Outside(nn.Module):
    """A stack whose skips are added by the network, not by its blocks."""

    def __init__(self, depth: int, power: float, attention: bool) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(8, 32), nn.Linear(32, 10)
        make = _Attention if attention else lambda: nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 32))
        self.branches = nn.ModuleList([make() for _ in range(depth)])
        self.norms = nn.ModuleList([nn.LayerNorm(32) for _ in range(depth)])
        self.factor = depth**-power

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x.view(-1, 8, 8))
        for norm, branch in zip(self.norms, self.branches, strict=True):
            x = x + self.factor * branch(norm(x))
        return self.last(x.mean(1))


class _Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.entering, self.leaving = nn.Linear(32, 96), nn.Linear(32, 32)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.leaving(scaled_dot_product_attention(*self.entering(x).chunk(3, dim=-1)))


def outside(power: float, attention: bool = False) -> Any:
    """A stack of blocks of PyTorch in depth."""

    def step(depth: int, seed: int) -> Any:
        module = Outside(depth, power, attention)
        return module, torch.optim.Adam(module.parameters(), 1e-3), _torch_loss

    return step


def _images() -> tuple[Any, Any]:
    x, y = images()
    return jnp.asarray(x.numpy(), float), jnp.asarray(y.numpy())


def _entropy(z: Any, y: Any) -> Any:
    return optax.softmax_cross_entropy_with_integer_labels(z, y).mean()


def _rated(rates: Any, rate: float, adam: bool) -> Any:
    scaled = optax.stateless(lambda u, _: jax.tree.map(lambda r, v: -rate * r * v, rates, u))
    return optax.chain(optax.scale_by_adam(), scaled) if adam else scaled


def equinox_network(fault: str = "") -> Any:
    """An MLP of Equinox under Adam."""
    import equinox as eqx

    def step(width: int, seed: int) -> Any:
        keys = jax.random.split(jax.random.key(seed), 4)
        sizes = ((64, width), (width, width), (width, 10))
        deviations = (1 / 8, (2 / width) ** 0.5, 0.5 * width**-0.5 if fault == "last" else 4 / width)
        layers = [eqx.nn.Linear(*s, use_bias=False, key=keys[3]) for s in sizes]
        layers = [
            eqx.tree_at(lambda m: m.weight, m, d * jax.random.normal(k, m.weight.shape))
            for m, k, d in zip(layers, keys[:3], deviations, strict=True)
        ]
        model = eqx.nn.Sequential(
            [layers[0], eqx.nn.Lambda(jax.nn.relu), layers[1], eqx.nn.Lambda(jax.nn.relu), layers[2]]
        )
        parameters, rest = eqx.partition(model, eqx.is_inexact_array)
        wide = BASE / width
        rates = iter([1.0, 1.0 if fault == "second" else wide, wide])
        rated = jax.tree.map(lambda _: next(rates), parameters)
        x, y = _images()
        return parameters, _rated(rated, 0.01, True), lambda p: _entropy(jax.vmap(eqx.combine(p, rest))(x), y)

    return step


class Convolutions(linen.Module):
    """Two convolutions of n channels, mean pooling, a dense layer."""

    width: int
    last: float

    @linen.compact
    def __call__(self, x: Any) -> Any:
        normal = linen.initializers.normal
        x = x.reshape(-1, 8, 8, 1)
        x = linen.relu(linen.Conv(self.width, (3, 3), strides=2, kernel_init=normal(1 / 3), name="first")(x))
        x = linen.relu(
            linen.Conv(self.width, (3, 3), kernel_init=normal((2 / 9 / self.width) ** 0.5), name="second")(x)
        )
        return linen.Dense(10, kernel_init=normal(self.last), name="last")(x.mean((1, 2)))


def flax_convolutions(fault: str = "") -> Any:
    """A convolutional network of Flax under gradient descent."""

    def step(size: int, seed: int) -> Any:
        width = size // 4
        x, y = _images()
        module = Convolutions(width, 0.5 * width**-0.5 if fault == "last" else 2 / width)
        parameters = module.init(jax.random.key(seed), x)
        wide = width / 16
        layer = {"first": wide, "second": wide if fault == "second" else 1.0, "last": 1 / wide}
        # biases
        rates = {"params": {n: {"kernel": r, "bias": 1.0 if n == "last" else wide} for n, r in layer.items()}}
        return parameters, _rated(rates, 0.05, False), lambda p: _entropy(module.apply(p, x), y)

    return step


def plain_attention(fault: str = "") -> Any:
    """Attention in plain JAX under Adam, one head of the width, with factors behind the weights."""

    def step(width: int, seed: int) -> Any:
        keys = dict(
            zip(
                ("embed", "query", "key", "value", "out", "last"),
                jax.random.split(jax.random.key(seed), 6),
                strict=True,
            )
        )
        shapes = {n: (width, width) for n in keys} | {"embed": (8, width), "last": (width, 10)}
        weights = {n: jax.random.normal(k, shapes[n]) for n, k in keys.items()}
        rates = {n: (BASE / width) ** 0.5 for n in keys} | {"embed": 1.0, "last": 1.0}
        if fault in rates:
            rates[fault] = 1.0
        x, y = _images()
        scale = 8 / BASE**0.5 / width**0.5 if fault == "scores" else 8 / width

        def loss(w: Any) -> Any:
            h = x.reshape(-1, 8, 8) @ w["embed"] / 8**0.5
            q, k, v = ((h @ w[n]) / width**0.5 for n in ("query", "key", "value"))
            mixed = jax.nn.softmax(scale * q @ k.swapaxes(1, 2)) @ v
            h = h + (mixed @ w["out"]) / width**0.5
            h = (h - h.mean(-1, keepdims=True)) / jnp.std(h, axis=-1, keepdims=True)
            return _entropy(h.mean(1) @ w["last"] * (2 / width), y)

        return weights, _rated(rates, 0.02, True), loss

    return step


def jax_muon(fault: str = "") -> Any:
    """A perceptron in plain JAX under Muon of optax, and Adam for the first and the last layer."""

    def step(width: int, seed: int) -> Any:
        a, b, c = jax.random.split(jax.random.key(seed), 3)
        weights = {
            "first": jax.random.normal(a, (64, width)) / 8,
            "second": jax.random.normal(b, (width, width)) * (2 / width) ** 0.5,
            "last": jax.random.normal(c, (width, 10)) * 4 / width,
        }
        orthogonal = optax.contrib.muon(0.05, consistent_rms=0.2 if fault == "second" else None)
        last = optax.adam(0.01 if fault == "last" else 0.01 * BASE / width)
        optimiser = optax.multi_transform(
            {"first": optax.adam(0.01), "second": orthogonal, "last": last}, {n: n for n in weights}
        )
        x, y = _images()

        def loss(w: Any) -> Any:
            return _entropy(jax.nn.relu(jax.nn.relu(x @ w["first"]) @ w["second"]) @ w["last"], y)

        return weights, optimiser, loss

    return step


def stack(power: float, scanned: bool) -> Any:
    """Residual blocks in plain JAX, in a loop or in `scan`."""

    def step(depth: int, seed: int) -> Any:
        a, b, c, d = jax.random.split(jax.random.key(seed), 4)
        blocks = jax.random.normal(b, (depth, 64, 64)) / 8, jax.random.normal(c, (depth, 64, 64)) / 8
        if not scanned:
            blocks = [(u, v) for u, v in zip(*blocks, strict=True)]
        weights = {
            "first": jax.random.normal(a, (64, 64)) / 8,
            "blocks": blocks,
            "last": jax.random.normal(d, (64, 10)) / 8,
        }
        x, y = _images()

        def block(h: Any, both: Any) -> tuple[Any, None]:
            return h + depth**-power * jax.nn.relu(h @ both[0]) @ both[1], None

        def loss(w: Any) -> Any:
            h = x @ w["first"]
            if scanned:
                h, _ = jax.lax.scan(block, h, w["blocks"])
            else:
                for both in w["blocks"]:
                    h, _ = block(h, both)
            return _entropy(h @ w["last"], y)

        return weights, optax.adam(1e-3), loss

    return step


def planted() -> dict[str, Planted]:
    """The networks: (step, width or depth, the layer at fault or None)."""
    networks: dict[str, Planted] = {}
    for kind, make, faults in (
        ("torch descent", descent, {"first": "0.inner", "second": "2.inner", "last": "4.inner"}),
        ("torch factors", factors, {"second": "2.inner", "last": "4.inner"}),
        ("torch encoder", encoder, {"scores": "attention.scores", "attention.in_proj_weight": "attention.in_proj",
                                    "attention.out_proj.weight": "attention.out_proj"}),
        ("torch muon", muon, {"second": "2"}),
        ("equinox", equinox_network, {"second": ".layers[2]", "last": ".layers[4]"}),
        ("flax convolutions", flax_convolutions, {"second": "['params']['second']", "last": "['params']['last']"}),
        ("jax attention", plain_attention, {"scores": "scores", "value": "['value']", "query": "['query']"}),
        ("jax muon", jax_muon, {"second": "['second']", "last": "['last']"}),
    ):  # fmt: skip
        networks[f"{kind}, sound"] = (make(), "width", None)
        networks |= {f"{kind}, {fault}": (make(fault), "width", layer) for fault, layer in faults.items()}
    for kind, make, name in (
        ("torch branches", outside, "branches"),
        ("torch attention branches", lambda power: outside(power, True), "branches"),
        ("jax loop", lambda power: stack(power, False), "['blocks']"),
        ("jax scan", lambda power: stack(power, True), "['blocks']"),
    ):
        networks[f"{kind}, sound"] = (make(0.5), "depth", None)
        networks[f"{kind}, no factor"] = (make(0.0), "depth", name)
    return networks


if __name__ == "__main__":
    run(planted())
