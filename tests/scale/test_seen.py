"""What is seen of layers that are written in other ways, and that all ways agree."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from asymptopia.scale import scale
from asymptopia.scale.runs import observe

X = np.random.default_rng(0).standard_normal((12, 8))


def dense(width, way):
    """A hidden layer of standard normal weights over the root of the width, in JAX."""
    a, b, c = jax.random.split(jax.random.key(0), 3)
    weights = {"a": jax.random.normal(a, (8, width)), "b": jax.random.normal(b, (width, width)),
               "c": jax.random.normal(c, (width, 1))}  # fmt: skip
    ways = {
        "inside": lambda h, w: h @ (w / width**0.5),
        "behind": lambda h, w: (h @ w) / width**0.5,
        "before": lambda h, w: (h / width**0.5) @ w,
        "mapped": lambda h, w: jax.vmap(lambda row: w.T @ row)(h) * width**-0.5,
    }

    def loss(p):
        h = jnp.tanh(X @ p["a"])
        return jnp.mean((jnp.tanh(ways[way](h, p["b"])) @ p["c"] / width - 1) ** 2)

    return weights, optax.adam(0.01), loss


def test_a_factor_belongs_to_its_layer_wherever_it_is_written():
    seen = {way: observe(lambda n, s, w=way: dense(n, w), 40, 0, 2).layers["['b']"]
            for way in ("inside", "behind", "before", "mapped")}  # fmt: skip
    for way, layer in seen.items():
        assert layer.shape == (40, 40)
        for name in ("initial_gain", "gain_of_change", "update"):
            assert getattr(layer, name) == pytest.approx(getattr(seen["inside"], name), rel=1e-6), (way, name)
    assert seen["inside"].initial_gain == pytest.approx(1, abs=0.1)


def stack(depth, power, scanned):
    """Residual blocks, unrolled or scanned."""
    a, b = jax.random.split(jax.random.key(0))
    blocks = jax.random.normal(b, (depth, 8, 8)) / 8**0.5
    weights = {"blocks": blocks if scanned else list(blocks), "last": jax.random.normal(a, (8, 1))}

    def block(h, w):
        return h + depth**-power * jnp.tanh(h) @ w, None

    def loss(p):
        h = jnp.asarray(X)
        if scanned:
            h, _ = jax.lax.scan(block, h, p["blocks"])
        else:
            for w in p["blocks"]:
                h, _ = block(h, w)
        return jnp.mean((h @ p["last"]) ** 2)

    return weights, optax.adam(1e-3), loss


@pytest.mark.parametrize("scanned", [False, True])
def test_stacks_in_jax_are_judged_in_depth(scanned):
    sound = scale(lambda n, s: stack(n, 0.5, scanned), (2, 4, 8), "depth", seeds=2, steps=1)
    assert sound.faults == () and any(row.quantity == "what a block adds" for row in sound.rows)
    (row,) = scale(lambda n, s: stack(n, 0.0, scanned), (2, 4, 8), "depth", seeds=2, steps=1).faults
    assert row.layer.startswith("['blocks']") and row.exponent.value == pytest.approx(0, abs=0.1)


def test_scores_are_seen_without_their_mask():
    """A causal mask of -1e30 on two of three pairs; the softmax of the loss is not of scores."""
    tokens = jnp.asarray(X.reshape(6, 2, 8))

    def step(size, seed):
        q, k, last = jax.random.normal(jax.random.key(0), (3, 8, 8))

        def scores(p):
            return (tokens @ p["q"]) @ (tokens @ p["k"]).swapaxes(1, 2) * 0.1

        def loss(p):
            mixed = jax.nn.softmax(jnp.where(jnp.tri(2) > 0, scores(p), -1e30)) @ tokens
            return -jax.nn.log_softmax(mixed[:, -1] @ p["last"])[:, 0].mean()

        return {"q": q, "k": k, "last": last}, optax.sgd(0.1), loss

    seen = observe(step, 8, 0, 1)
    assert list(seen.scores) == ["scores 0"] and 0 < seen.scores["scores 0"][1] < seen.scores["scores 0"][0] < 100


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="PyTorch is not installed: the extra `torch`")


def test_attention_of_pytorch_and_bare_parameters(torch):
    class Bare(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = torch.nn.MultiheadAttention(8, 2, batch_first=True)
            self.weights = torch.nn.Parameter(torch.randn(8, 3))
            self.unused = torch.nn.Parameter(torch.randn(2, 2))

        def forward(self, x):
            h = x + self.attention(x, x, x, need_weights=False)[0]
            return torch.einsum("bti,io->bto", torch.relu_(h), self.weights) / 2

    def step(size, seed):
        module = Bare()
        x = torch.tensor(X.reshape(3, 4, 8), dtype=torch.float32)
        return module, torch.optim.SGD(module.parameters(), 0.1), lambda m: m(x).square().mean()

    seen = observe(step, 8, 0, 2)
    assert set(seen.layers) == {"attention.in_proj_weight", "attention.out_proj", "weights"}
    assert seen.unseen == ["unused"] and list(seen.scores) == ["attention.scores"]
    assert seen.layers["weights"].shape == (3, 8) and seen.layers["attention.in_proj_weight"].shape == (24, 8)
    assert list(seen.blocks) == ["attention.out_proj"]
    torch.manual_seed(0)
    module, _, loss = step(8, 0)
    assert seen.losses[0] == pytest.approx(float(loss(module).detach()), rel=1e-6)


def test_pytorch_and_jax_see_the_same(torch):
    rng = np.random.default_rng(1)
    first, second = rng.standard_normal((16, 8)) / 3, rng.standard_normal((1, 16)) / 4

    def in_torch(size, seed):
        module = torch.nn.Sequential(torch.nn.Linear(8, 16, bias=False), torch.nn.Tanh(),
                                     torch.nn.Linear(16, 1, bias=False)).double()  # fmt: skip
        with torch.no_grad():
            module[0].weight.copy_(torch.tensor(first))
            module[2].weight.copy_(torch.tensor(second))
        x = torch.tensor(X)
        return module, torch.optim.SGD(module.parameters(), 0.1), lambda m: ((m(x) - 1) ** 2).mean()

    def in_jax(size, seed):
        weights = [jnp.asarray(first), jnp.asarray(second)]
        return weights, optax.sgd(0.1), lambda p: jnp.mean((jnp.tanh(X @ p[0].T) @ p[1].T - 1) ** 2)

    one, other = observe(in_torch, 16, 0, 3), observe(in_jax, 16, 0, 3)
    for name, mine in (("0", "[0]"), ("2", "[1]")):
        np.testing.assert_allclose(one.layers[name][1:], other.layers[mine][1:], rtol=1e-5)
        assert one.layers[name].shape == other.layers[mine].shape
    np.testing.assert_allclose(one.losses, other.losses, rtol=1e-6)
