"""Planted faults are named, in JAX and in PyTorch, and sound networks are not accused."""

import json
import sys
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from click.testing import CliRunner

from asymptopia import StatementError
from asymptopia.cli import main
from asymptopia.scale import scale, transfer

X = np.random.default_rng(0).standard_normal((32, 16))
Y = np.sign(X[:, :3] @ np.ones((3, 2)))
WIDTHS = (64, 128, 256, 512)


def jax_step(fault="", rate=0.01, gradient=False):
    """A dense network in the maximal-update parametrisation, but for one layer."""

    def step(width, seed):
        keys = jax.random.split(jax.random.key(seed), 3)
        wide = 64 / width
        start = {"first": 16**-0.5, "middle": (2 / width) ** 0.5, "last": 0.1 * width**-0.5 * wide**0.5}
        rates = {"first": 1.0, "middle": wide, "last": wide}
        if gradient:
            rates = {"first": width / 64, "middle": 1.0, "last": wide}
        if fault == "rate":
            rates["middle"] = width / 64 if gradient else 1.0
        if fault == "start":
            start["last"] = 0.1 * width**-0.5
        shapes = {"first": (16, width), "middle": (width, width), "last": (width, 2)}
        weights = {
            name: start[name] * jax.random.normal(key, shapes[name]) for name, key in zip(shapes, keys, strict=True)
        }
        scaled = optax.stateless(lambda u, _: {name: -rate * rates[name] * u[name] for name in u})
        optimiser = scaled if gradient else optax.chain(optax.scale_by_adam(), scaled)

        def loss(p):
            h = jax.nn.relu(X @ p["first"])
            return jnp.mean((jax.nn.relu(h @ p["middle"]) @ p["last"] - Y) ** 2)

        return weights, optimiser, loss

    return step


@cache
def scanned(fault, gradient):
    return scale(jax_step(fault, gradient=gradient), WIDTHS)


@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize(("fault", "layer", "mend"), [("", None, ""), ("rate", "middle", "rate times width**-1"),
                                                      ("start", "last", "weights times width**-0.5")])  # fmt: skip
def test_the_layer_at_fault_is_named(gradient, fault, layer, mend):
    report = scanned(fault, gradient)
    assert report.degree == pytest.approx(float(gradient), abs=0.01)
    if layer is None:
        assert report.faults == ()
    else:
        assert {row.layer for row in report.faults} == {f"['{layer}']"}
        assert report.faults[0].mend.endswith(mend)
    assert report.unseen == ()


def test_a_mended_network_is_sound():
    """What is advised, a rate times width**-1, is what the sound network has."""
    (row,) = scanned("rate", False).faults
    assert row.exponent.low < 1 < row.exponent.high + 0.25 and not scanned("", False).faults


def test_the_best_rate_transfers_in_the_maximal_update_parametrisation():
    rates = np.geomspace(1e-4, 0.3, 9)
    sound = transfer(lambda n, s, r: jax_step(rate=r)(n, s), (32, 64, 128), rates, seeds=2, steps=15)
    broken = transfer(lambda n, s, r: jax_step("rate", rate=r)(n, s), (32, 64, 128), rates, seeds=2, steps=15)
    assert abs(sound.exponent.value) < 0.3 < abs(broken.exponent.value)
    with pytest.raises(StatementError, match="at an end, at size 32"):
        transfer(lambda n, s, r: jax_step(rate=r)(n, s), (32, 64, 128), rates[:5], seeds=2, steps=15)


@pytest.mark.parametrize(
    ("step", "sizes", "said"),
    [
        (lambda n, s: 1, WIDTHS, "must return"),
        (lambda n, s: 1 / 0, WIDTHS, "fails: ZeroDivisionError"),
        (jax_step(), (64, 64, 128), "At least three different widths"),
        (jax_step(rate=1e200), WIDTHS, "stay finite"),
        (lambda n, s: (jnp.ones(2), optax.sgd(0.1), lambda p, data: p @ data), WIDTHS, "bind its data"),
        (lambda n, s: (jnp.ones(2), optax.sgd(0.1), lambda p: p @ np.ones(3)), WIDTHS, "The loss fails: TypeError"),
    ],
)
def test_bad_input_is_said(step, sizes, said):
    with pytest.raises(StatementError, match=said):
        scale(step, sizes)


@pytest.fixture
def planted():
    pytest.importorskip("torch", reason="PyTorch is not installed: the extra `torch`")
    sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
    try:
        import planted_scales
    finally:
        sys.path.pop(0)
    return planted_scales


@pytest.mark.parametrize(
    "name", ["perceptron, rate of third", "convolutional, sound", "transformer, scores", "residual, sound",
             "residual, no factor"],
)  # fmt: skip
def test_planted_faults_of_modules(planted, name):
    step, along, layer = planted.planted()[name]
    sizes = (32, 64, 128, 256) if along == "width" else (4, 8, 16)
    assert planted.right(scale(step, sizes, along, seeds=4), layer)


@pytest.mark.parametrize("lowered", ["weights", "products"])
def test_a_step_in_half_precision_has_the_exponents_of_the_whole_one(lowered):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: the extra `torch`")
    x, y = torch.tensor(X, dtype=torch.float32), torch.tensor(Y, dtype=torch.float32)

    def step(width, seed, low):
        module = torch.nn.Sequential(torch.nn.Linear(16, width), torch.nn.ReLU(), torch.nn.Linear(width, 2))
        module = module.bfloat16() if low == "weights" else module
        given = x.bfloat16() if low == "weights" else x

        def loss(m):
            with torch.autocast("cpu", torch.bfloat16, enabled=low == "products"):
                return (m(given).float() - y).square().mean()

        return module, torch.optim.Adam(module.parameters(), 0.01), loss

    half, whole = (scale(lambda n, s, low=low: step(n, s, low), (32, 64, 128)) for low in (lowered, ""))
    assert [row.mend for row in half.faults] == [row.mend for row in whole.faults] and whole.faults
    rows = zip(half.rows, whole.rows, strict=True)
    judged = [
        (a.exponent.value, b.exponent.value) for a, b in rows if b.expected and b.exponent.value == b.exponent.value
    ]
    np.testing.assert_allclose(*np.transpose(judged), atol=0.1)


FILE = """
import torch
from torch import nn

X, Y = torch.randn(32, 8, generator=torch.Generator().manual_seed(0)), torch.ones(32, 1)

def step(width, seed):
    module = nn.Sequential(nn.Linear(8, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))
    return module, torch.optim.Adam(module.parameters(), 0.01), lambda m: ((m(X) - Y) ** 2).mean()
"""


def test_the_command(tmp_path):
    """The default parametrisation of PyTorch has the same rate everywhere: both layers above the first break."""
    pytest.importorskip("torch", reason="PyTorch is not installed: the extra `torch`")
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    done = CliRunner().invoke(main, ["scale", f"{path}:step", "--widths", "32,64,128,256", "--json"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert {row["layer"] for row in answer["faults"]} == {"2", "4"} and answer["degree"] == pytest.approx(0, abs=0.01)
    done = CliRunner().invoke(main, ["scale", f"{path}:step"])
    assert done.exit_code == 2 and "--widths or --depths" in done.output
    done = CliRunner().invoke(main, ["scale", f"{path}:stop", "--widths", "32,64,128"])
    assert done.exit_code == 2 and "Did you mean 'step'" in done.output
