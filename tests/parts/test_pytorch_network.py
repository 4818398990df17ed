"""Networks of PyTorch as programs in JAX: the same outputs, and refusals by the name of the layer."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia import StatementError
from asymptopia.parts.pytorch_network import _evaluated, _traced, family

torch = pytest.importorskip("torch", reason="PyTorch is not installed: the extra `torch`")
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402


class Skips(nn.Module):
    """Dense layers with a normalisation, skips, factors and three activations."""

    def __init__(self, n):
        super().__init__()
        self.first, self.second, self.norm = nn.Linear(6, n), nn.Linear(n, n, bias=False), nn.LayerNorm(n)

    def forward(self, x):
        h = functional.gelu(self.first(x))
        h = h + 0.5 * torch.tanh(self.second(self.norm(h)))
        return (h - functional.silu(h)) / 2


class Convolution(nn.Module):
    """A convolution over images of six pixels, its activation, and the mean over pixels."""

    def __init__(self, n):
        super().__init__()
        self.inner, self.act = nn.Conv2d(1, n, 3, padding=1, stride=(1, 2)), nn.Softplus()

    def forward(self, x):
        return self.act(self.inner(x.view(-1, 1, 2, 3))).mean((2, 3))


def at_rest(n):
    """Layers that training changes, in evaluation mode; means over windows and over all positions."""
    return nn.Sequential(
        Images(), nn.Conv2d(1, n, 3, padding=1), nn.BatchNorm2d(n), nn.LeakyReLU(0.2), nn.AvgPool2d((1, 2)), nn.ELU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Dropout(0.3), nn.BatchNorm1d(n),
    ).eval()  # fmt: skip


class Images(nn.Module):
    """Six numbers as an image."""

    def forward(self, x):
        return x.view(-1, 1, 2, 3)


class Attention(nn.Module):
    """Three tokens of two numbers, a causal head, one written out, and the two joined."""

    def __init__(self, n):
        super().__init__()
        self.embed, self.inner = nn.Linear(2, n), nn.Linear(n, 3 * n)
        self.join = nn.Linear(2 * n, n)

    def forward(self, x):
        h = self.embed(x.reshape(x.shape[0], 3, -1))
        q, k, v = self.inner(h).chunk(3, -1)
        causal = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        scores = torch.matmul(q, k.permute(0, 2, 1)) / q.size(-1)
        mixed = scores.softmax(dim=-1) @ v + torch.softmax(q @ k.transpose(1, 2), -1) @ v
        return self.join(torch.cat([causal, mixed], dim=-1))[:, -1].unsqueeze(1).sum(1)


class Arguments(nn.Module):
    """Functions and layers with arguments that change what they compute."""

    def __init__(self, n):
        super().__init__()
        self.first, self.soft, self.flat = nn.Linear(2, n), nn.Softplus(3.0, 1.0), nn.Flatten(1, 2)

    def forward(self, x):
        h = self.first(self.flat(x.view(-1, 1, 3, 2)))
        h = functional.softplus(h, 2.0) + functional.softplus(h, beta=0.5, threshold=0.1) + self.soft(h)
        h = functional.relu(h - 1, inplace=True)
        return h.unsqueeze(1).flatten(-3, -2).mean(1)


NETWORKS = {
    "arguments": Arguments,
    "attention": Attention,
    "unflattened": lambda n: nn.Sequential(nn.Unflatten(1, (2, 3)), nn.Flatten(), nn.Linear(6, n)),
    "at rest": at_rest,
    "sequence": lambda n: nn.Sequential(nn.Linear(6, n), nn.ReLU(), nn.Linear(n, n), nn.GELU("tanh"), nn.Sigmoid()),
    "skips": Skips,
    "convolution": Convolution,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_program_computes_what_the_module_does(name):
    torch.manual_seed(0)
    module = NETWORKS[name](8)
    x = np.random.default_rng(0).standard_normal((5, 6)).astype(np.float32)
    values = {
        layer: {kind: jnp.asarray(p.detach().numpy()) for kind, p in part.named_parameters(recurse=False)}
        for layer, part in module.named_modules()
    }
    graph, traced = _traced(NETWORKS[name], 8)
    expected = module(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(_evaluated(graph, traced, values, jnp.asarray(x)), expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_parameters_are_drawn_as_those_of_the_module(name):
    torch.manual_seed(0)
    module = NETWORKS[name](300)
    parameters, features = family(NETWORKS[name])(300, jax.random.key(0), jnp.ones((2, 6)))
    assert features(parameters, jnp.ones((2, 6))).shape == (2, 300)
    mine = {f"{layer}.{kind}": value for layer, kinds in parameters.items() for kind, value in kinds.items()}
    assert mine.keys() == dict(module.named_parameters()).keys()
    for key, p in module.named_parameters():
        assert mine[key].shape == tuple(p.shape)
        ours, theirs = np.asarray(mine[key]), p.detach().numpy()
        assert abs(ours.std() - theirs.std()) <= 4 * theirs.std() / ours.size**0.5
        assert np.abs(ours).max() == pytest.approx(np.abs(theirs).max(), rel=0.02)


def own(n):
    """Weights that are not PyTorch's."""
    module = nn.Sequential(nn.Linear(6, n), nn.ReLU())
    nn.init.normal_(module[0].weight)
    return module


class Typed(nn.Module):
    """Asks a tensor for what an array has not."""

    def __init__(self, n):
        super().__init__()
        self.first = nn.Linear(6, n)

    def forward(self, x):
        return self.first(x).view(x.dtype)


class InPlace(nn.Module):
    """Adds what was changed in place."""

    def __init__(self, n):
        super().__init__()
        self.first, self.relu = nn.Linear(6, n), nn.ReLU(inplace=True)

    def forward(self, x):
        h = self.first(x)
        return self.relu(h) + h


class Loose(nn.Module):
    """A parameter outside of a layer."""

    def __init__(self, n):
        super().__init__()
        self.first, self.shift = nn.Linear(6, n), nn.Parameter(torch.zeros(n))

    def forward(self, x):
        return self.first(x) + self.shift


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda n: nn.Sequential(nn.Linear(6, n), nn.PReLU()), "'1.weight' is of no layer known here, but of PReLU"),
        (
            lambda n: nn.Sequential(nn.Linear(6, n), nn.Hardtanh()),
            "layer '1' has no translation.*or write the network in",
        ),
        (lambda n: nn.Sequential(nn.Linear(6, n), nn.Dropout()), "layer '1' is random or mixes inputs.*.eval()"),
        (lambda n: nn.Sequential(nn.Linear(6, n), nn.BatchNorm1d(n)), "layer '1' is random or mixes inputs"),
        (own, "weight of '0' is not as PyTorch draws it"),
        (Loose, "'shift' is of no layer"),
        (lambda n: nn.Linear(5, n), r"fails on inputs of shape \(2, 6\): RuntimeError: mat1 and mat2"),
        (InPlace, "does not compute what the module does. Perhaps a value that is used again was changed in place"),
        (Typed, "the attribute 'dtype' of a tensor is not translated"),
    ],
)
def test_what_is_not_known_is_refused_by_name(make, said):
    with pytest.raises(StatementError, match=said):
        parameters, features = family(make)(64, jax.random.key(0), jnp.ones((2, 6)))
        features(parameters, jnp.ones((2, 6)))
