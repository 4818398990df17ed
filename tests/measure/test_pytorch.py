"""Curvature of PyTorch modules: the dense matrices, the same answers as in JAX, and sentences where it cannot be."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: the extra `torch`")
from torch import nn  # noqa: E402
from torch.nn.functional import cross_entropy  # noqa: E402

from asymptopia import StatementError  # noqa: E402
from asymptopia.measure.certify import certify  # noqa: E402
from asymptopia.measure.extremes import extremes  # noqa: E402
from asymptopia.measure.gradient_noise import gradient_noise_scale  # noqa: E402
from asymptopia.measure.operators import fisher, gauss_newton, hessian, tangent_kernel  # noqa: E402
from asymptopia.measure.pytorch import dense_layers  # noqa: E402
from asymptopia.measure.sharpness import sharpness, sharpness_along  # noqa: E402

RNG = np.random.default_rng(3)
X, LABELS, Y = RNG.standard_normal((20, 4)), RNG.integers(0, 3, 20), RNG.standard_normal((20, 3))
Xt, Lt, Yt = torch.from_numpy(X), torch.from_numpy(LABELS), torch.from_numpy(Y)


def dense(activation=nn.Tanh):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), activation(), nn.Linear(5, 3)).double()


class Attention(nn.Module):
    """Two heads over the four inputs as tokens, layer norm and a skip."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(1, 8)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.out = nn.Linear(8, 3)

    def forward(self, x):
        return self.out(self.layer(self.embed(x[..., None])).mean(1))


class Convolution(nn.Module):
    """With batch normalisation, whose running means are buffers."""

    def __init__(self):
        super().__init__()
        self.parts = nn.Sequential(
            nn.Conv1d(1, 4, 3), nn.BatchNorm1d(4), nn.GELU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(4, 3)
        )

    def forward(self, x):
        return self.parts(x[:, None])


def loss(module):
    return cross_entropy(module(Xt.to(next(module.parameters()).dtype)), Lt)


def written_out(function, module):
    """The Hessian of a function of the module by torch.func, and the Jacobian."""
    from torch.func import functional_call

    names, values = zip(*module.named_parameters(), strict=True)
    sizes = [v.numel() for v in values]
    wrapper = _Bound(module, function)

    def of(flat):
        pieces = [p.view_as(v) for p, v in zip(flat.split(sizes), values, strict=True)]
        return functional_call(wrapper, {f"module.{n}": p for n, p in zip(names, pieces, strict=True)}, ())

    return of, torch.cat([v.detach().reshape(-1) for v in values])


class _Bound(nn.Module):
    def __init__(self, module, function):
        super().__init__()
        self.module, self.function = module, function

    def forward(self):
        return self.function(self.module)


@pytest.mark.parametrize("make", [dense, Attention, Convolution])
def test_the_hessian_is_the_dense_matrix(make):
    torch.manual_seed(0)
    module = make().double()
    buffers = {k: v.clone() for k, v in module.named_buffers()}
    operator = hessian(loss, module)
    torch.backends.mha.set_fastpath_enabled(False)
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        of, flat = written_out(loss, module.eval() if make is Attention else module)
        truth = torch.autograd.functional.hessian(of, flat).numpy()
    np.testing.assert_allclose(operator @ np.eye(len(flat)), truth, atol=1e-10 * np.abs(truth).max())
    values = np.linalg.eigvalsh(truth)[[0, 1, -2, -1]]
    np.testing.assert_allclose(extremes(operator, 2).values, values, rtol=0, atol=1e-9 * np.abs(values).max())
    assert all(p.grad is None for p in module.parameters())
    again = hessian(loss, module)
    assert buffers.keys() == dict(module.named_buffers()).keys()
    assert (make is Convolution) or np.allclose(again @ np.ones(len(flat)), operator @ np.ones(len(flat)))


def test_single_precision_is_exact_to_a_millionth():
    module = dense()
    double = extremes(hessian(loss, module), 1).values
    single = extremes(hessian(loss, module.float()), 1).values
    np.testing.assert_allclose(single, double, rtol=0, atol=1e-6 * np.abs(double).max())


def in_jax(module):
    """The same parameters, in the same order."""
    return [jnp.asarray(p.detach().numpy()) for p in module.parameters()]


def jax_network(p, x):
    return jnp.tanh(x @ p[0].T + p[1]) @ p[2].T + p[3]


def jax_loss(z):
    return jnp.mean(jax.nn.logsumexp(z, axis=-1) - jnp.take_along_axis(z, jnp.asarray(LABELS)[:, None], 1)[:, 0])


def test_the_answers_are_those_of_jax():
    module = dense()
    p, one = in_jax(module), np.eye(43)
    pairs = [
        (hessian(loss, module), hessian(lambda q: jax_loss(jax_network(q, X)), p), one),
        (
            gauss_newton(lambda m: m(Xt), lambda z: cross_entropy(z, Lt), module),
            gauss_newton(lambda q: jax_network(q, X), jax_loss, p),
            one,
        ),
        (fisher(lambda m: m(Xt)[:, 0], module), fisher(lambda q: jax_network(q, X)[:, 0], p), one),
        (tangent_kernel(lambda m: m(Xt), module), tangent_kernel(lambda q: jax_network(q, X), p), np.eye(60)),
    ]
    for ours, theirs, eye in pairs:
        np.testing.assert_allclose(ours @ eye, theirs @ eye, atol=1e-12)


def test_sharpness_and_noise_are_those_of_jax():
    module = dense()
    p = in_jax(module)

    def mean(q):
        return jnp.mean((jax_network(q, X) - Y) ** 2)

    def in_torch(m):
        return ((m(Xt) - Yt) ** 2).mean()

    assert sharpness(in_torch, module) == pytest.approx(sharpness(mean, p), rel=1e-9)
    ours, theirs = (sharpness_along(f, at, 0.1, 20, every=10) for f, at in ((in_torch, module), (mean, p)))
    np.testing.assert_allclose(ours.losses, theirs.losses, rtol=1e-10)
    np.testing.assert_allclose(ours.sharpness, theirs.sharpness, rtol=1e-8)
    assert ours.parameters is not module
    np.testing.assert_allclose(in_jax(module)[0], p[0])
    noise = gradient_noise_scale(lambda m, s: ((m(s[0]) - s[1]) ** 2).mean(), module, (Xt, Yt))
    truth = gradient_noise_scale(lambda q, s: jnp.mean((jax_network(q, s[0]) - s[1]) ** 2), p, (X, Y))
    np.testing.assert_allclose(noise, truth, rtol=1e-9)


def test_certificates_of_a_module():
    network = dense_layers(dense())
    assert [w.shape for w in network.weights] == [(5, 4), (3, 5)]
    assert repr(network.activation) == "Tanh()"
    certify(network.weights, X, Y, network.activation, network.biases)
    with pytest.raises(StatementError, match="'1' is GELU"):
        dense_layers(dense(nn.GELU))


def test_parameters_that_are_frozen_do_not_count():
    module = dense()
    module[0].requires_grad_(False)
    assert hessian(loss, module).shape == (18, 18)


@pytest.mark.parametrize(
    ("change", "function", "said"),
    [
        (lambda m: m.bfloat16(), loss, "single or double precision, but 0.weight is torch.bfloat16"),
        (lambda m: m.requires_grad_(False), loss, "no parameters"),
        (lambda m: m, lambda m: (loss(m), 1), "a scalar alone, but returns a tuple of 2"),
        (lambda m: m, lambda m: m(Xt), r"scalar tensor, but has the shape \(20, 3\)"),
        (lambda m: m, lambda m: loss(m).item(), "scalar tensor, but is a float"),
        (lambda m: m, lambda m: loss(m) * torch.nan, "finite"),
        (lambda m: m, lambda m: loss(m) * torch.rand(()), "fix its random numbers"),
        (lambda m: m, lambda m: m(Xt[:, :2]).sum(), "The loss fails"),
    ],
)
def test_bad_input_is_said(change, function, said):
    with pytest.raises(StatementError, match=said):
        hessian(function, change(dense()))


def test_a_loss_without_curvature_has_a_hessian_of_zeros():
    linear = nn.Linear(3, 1).double()
    operator = hessian(lambda m: m.weight.sum(), linear)
    assert not (operator @ np.eye(4)).any()
    assert list(itertools.chain(extremes(operator, 1).values)) == [0.0, 0.0]


class Tokens(nn.Module):
    """Rows of digits as tokens, one encoder layer, a dense layer."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(8, 4)
        self.layer = nn.TransformerEncoderLayer(4, 2, 4, dropout=0.0, batch_first=True, activation="gelu")
        self.last = nn.Linear(4, 10)

    def forward(self, x):
        return self.last(self.layer(self.embed(x.view(-1, 8, 8))).mean(1))


def images():
    """Two convolutions and a dense layer."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 3, 3, stride=2), nn.GELU(), nn.Conv2d(3, 4, 2), nn.GELU(),
        nn.Flatten(), nn.Linear(16, 10),
    )  # fmt: skip


@pytest.mark.parametrize("make", [Tokens, images])
def test_both_ends_on_digits_in_single_and_double_precision(make, monkeypatch):
    """By iteration, where so small a Hessian would be written out; `benchmarks/pytorch_curvature.py` is larger."""
    from sklearn.datasets import load_digits

    data = load_digits()
    x, y = torch.tensor(data.data[:40] / 16), torch.tensor(data.target[:40])
    torch.manual_seed(0)
    module = make()

    def on_digits(at):
        return cross_entropy(at(x.to(next(at.parameters()).dtype)), y)

    truth = np.linalg.eigvalsh(
        hessian(on_digits, module.double()) @ np.eye(sum(p.numel() for p in module.parameters()))
    )
    monkeypatch.setattr("asymptopia.measure.extremes.DENSE", 0)
    for dtype, goal in ((torch.float64, 1e-9), (torch.float32, 1e-6)):
        values = extremes(hessian(on_digits, module.to(dtype)), 2).values
        np.testing.assert_allclose(values, truth[[0, 1, -2, -1]], rtol=0, atol=goal * np.abs(truth).max())
