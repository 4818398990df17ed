"""Fast second derivatives of layers of PyTorch against its own, and where they must stand back."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: the extra `torch`")
from torch import nn  # noqa: E402
from torch.nn.functional import cross_entropy  # noqa: E402

from asymptopia.measure import pytorch  # noqa: E402
from asymptopia.measure.operators import hessian  # noqa: E402
from asymptopia.measure.pytorch_second import FastSecond  # noqa: E402

RNG = np.random.default_rng(5)
X, Y = torch.from_numpy(RNG.standard_normal((6, 2, 6))), torch.from_numpy(RNG.integers(0, 3, 6))


class Twice(nn.Module):
    """A layer on inputs that depend on parameters, and its like on what it gives."""

    def __init__(self, layer, again):
        super().__init__()
        self.first, self.layer, self.again = nn.Linear(6, 6), layer, again
        self.last = nn.LazyLinear(3)

    def forward(self, x):
        return self.last(self.again(self.layer(self.first(x))).flatten(1))


class Scored(nn.Module):
    """Attention as a function, with and without a mask."""

    def forward(self, x):
        mask = torch.full((2, 2), 0.3, dtype=x.dtype).triu()
        own = torch.nn.functional.scaled_dot_product_attention
        seen = torch.ones(2, 2, dtype=torch.bool).tril()
        scored = own(x, x, x) + own(x, 2 * x, x, attn_mask=mask, scale=0.2) + own(x, x, x, is_causal=True)
        return scored + own(x, x, 3 * x, attn_mask=seen)


class Masked(nn.Module):
    """Heads that see positions before, but for a key of the first sample, and show their weights."""

    def __init__(self):
        super().__init__()
        self.heads = nn.MultiheadAttention(6, 2, batch_first=True)

    def forward(self, x):
        later = torch.ones(2, 2, dtype=torch.bool).triu(1)
        keys = torch.zeros(6, 2, dtype=torch.bool)
        keys[0, 1] = True
        mixed, weights = self.heads(x, x, x, attn_mask=later, key_padding_mask=keys)
        return mixed + weights @ x + self.heads(x, x, x, attn_mask=0.3 * later.to(x.dtype), need_weights=False)[0]


LAYERS = {
    "gelu": lambda: nn.GELU(), "gelu by tanh": lambda: nn.GELU("tanh"), "silu": lambda: nn.SiLU(),
    "silu in place": lambda: nn.SiLU(inplace=True), "softplus": lambda: nn.Softplus(2.0), "mish": lambda: nn.Mish(),
    "elu": lambda: nn.ELU(0.7), "tanh": lambda: nn.Tanh(), "sigmoid": lambda: nn.Sigmoid(),
    "hardswish": lambda: nn.Hardswish(), "layer norm": lambda: nn.LayerNorm(6),
    "no bias": lambda: nn.Linear(6, 6, False),
    "layer norm of two axes": lambda: nn.LayerNorm((2, 6), elementwise_affine=False), "linear": lambda: nn.Linear(6, 6),
    "convolution": lambda: nn.Conv1d(2, 2, 3, padding=1), "dilated": lambda: nn.Conv1d(2, 2, 3, padding=2, dilation=2),
    "grouped": lambda: nn.Conv1d(2, 2, 3, padding=1, groups=2, bias=False), "softmax": lambda: nn.Softmax(-1),
    "attention": lambda: nn.TransformerEncoderLayer(6, 2, 8, 0.0, "gelu", batch_first=True),
    "own attention": lambda: Scored(), "masked heads": lambda: Masked(), "relu": lambda: nn.ReLU(),
    "pooling": lambda: nn.Sequential(nn.MaxPool1d(2), nn.Linear(3, 6)),
    "mean pooling": lambda: nn.Sequential(nn.AvgPool1d(2), nn.Linear(3, 6)),
    "same": lambda: nn.Conv1d(2, 2, 3, padding="same"),
}  # fmt: skip


def loss(module):
    return cross_entropy(module(X), Y)


def made(make):
    torch.manual_seed(0)
    module = Twice(make(), make()).double()
    module(X)
    return module


def slow(function, module):
    """Products with the Hessian as PyTorch alone has them."""
    return pytorch._product(pytorch._called(function, module), pytorch.trained(module))


def quick(function, module):
    """The value with fast second derivatives."""

    def fast(at):
        with FastSecond():
            return function(at)

    return pytorch._called(fast, module)


@pytest.mark.parametrize("name", LAYERS)
def test_products_are_those_of_pytorch(name):
    module = made(LAYERS[name])
    vectors = torch.from_numpy(RNG.standard_normal((3, sum(p.numel() for p in module.parameters()))))
    value = quick(loss, module)
    assert value.item() == pytest.approx(loss(module).item(), rel=1e-12)
    product = pytorch._product(value, pytorch.trained(module))
    truth = slow(loss, module)(vectors)
    assert float(truth.abs().max()) > 1e-3
    tolerance = 1e-10 * float(truth.abs().max())
    torch.testing.assert_close(product(vectors), truth, rtol=0, atol=tolerance)
    torch.testing.assert_close(product(vectors[0]), truth[0], rtol=0, atol=tolerance)


class Image(nn.Module):
    """Two strided convolutions in two dimensions, the first on the data alone."""

    def __init__(self):
        super().__init__()
        self.parts = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), nn.GELU(), nn.Conv2d(4, 4, (2, 1)), nn.Flatten())
        self.last = nn.LazyLinear(3)

    def forward(self, x):
        return self.last(self.parts(torch.stack([x, x, x], 2).reshape(6, 1, 6, 6)))


def test_convolutions_in_two_dimensions():
    torch.manual_seed(0)
    module = Image().double()
    module(X)
    matrix = hessian(loss, module) @ np.eye(sum(p.numel() for p in module.parameters()))
    truth = slow(loss, module)(torch.eye(len(matrix), dtype=torch.float64)).numpy()
    np.testing.assert_allclose(matrix, truth, atol=1e-10 * np.abs(truth).max())


FIRES = {
    "linear": (lambda: nn.Linear(6, 6), {"_Bilinear"}), "convolution": (LAYERS["convolution"], {"_Bilinear"}),
    "layer norm": (lambda: nn.LayerNorm(6), {"_Normalised"}), "own attention": (lambda: Scored(), {"_Softmax"}),
    "masked heads": (lambda: Masked(), {"_Softmax", "_Bilinear"}), "gelu": (lambda: nn.GELU(), {"_Elementwise"}),
    "tanh": (lambda: nn.Tanh(), {"_Elementwise"}),
    "image": (lambda: nn.Sequential(nn.Unflatten(1, (1, 2)), nn.Conv2d(1, 2, 1)), {"_Bilinear"}),
}  # fmt: skip


def nodes(value):
    """The names of the functions in the graph behind a value, without the numbers of their layers."""
    left, names = [value.grad_fn], set()
    while left:
        node = left.pop()
        names.add(type(node).__name__.removesuffix("Backward"))
        left += [behind for behind, _ in node.next_functions if behind is not None]
    return names


@pytest.mark.parametrize("name", FIRES)
def test_each_rule_is_used(name):
    """The graph holds the rule and none of PyTorch's own, so that the comparison above compares two things."""
    make, rules = FIRES[name]
    layer, x = make().double(), X.clone().requires_grad_()
    own = {"Addmm", "Mm", "Convolution", "NativeLayerNorm", "Softmax", "SafeSoftmax", "Gelu", "Tanh"}
    with FastSecond():
        names = nodes(layer(x).sum())
    assert rules <= names and not {n.rstrip("0123456789").removesuffix("Backward") for n in names} & own
    assert not rules & nodes(layer(x).sum())


@pytest.mark.parametrize(
    "make", [nn.ReLU, lambda: nn.MaxPool1d(2), lambda: nn.AvgPool1d(2)], ids=["relu", "max", "mean"]
)
def test_what_is_linear_in_pieces_needs_no_rule(make):
    """Their gradients do not bend, and PyTorch's own product is one function of the vector."""
    x = X.clone().requires_grad_()
    seed = torch.ones_like(make()(X)).requires_grad_()
    (slope,) = torch.autograd.grad(make()(x), x, seed, create_graph=True)
    (bent,) = torch.autograd.grad(slope.sum(), x, allow_unused=True)
    assert bent is None or not bent.any()


def test_a_loss_with_derivatives_of_its_own_is_left_to_pytorch():
    """A penalty on gradients in the inputs needs third derivatives, which fast layers refuse."""
    module = made(nn.Tanh)

    def penalised(at):
        x = X.clone().requires_grad_()
        (slope,) = torch.autograd.grad(at(x).square().sum(), x, create_graph=True)
        return slope.square().mean()

    parameters = pytorch.trained(module)
    assert pytorch._fast_product(penalised, module, parameters, penalised(module)) is None
    matrix = hessian(penalised, module) @ np.eye(sum(p.numel() for p in parameters))
    truth = slow(penalised, module)(torch.eye(len(matrix), dtype=torch.float64)).numpy()
    np.testing.assert_allclose(matrix, truth, atol=1e-10 * np.abs(truth).max())


def test_a_loss_transformed_by_functions_of_torch():
    module = made(nn.GELU)

    def mapped(at):
        return torch.func.vmap(lambda x: at(x[None]).square().sum())(X).mean()

    matrix = hessian(mapped, module) @ np.eye(sum(p.numel() for p in module.parameters()))
    plain = hessian(lambda at: at(X).square().sum() / len(X), module) @ np.eye(len(matrix))
    np.testing.assert_allclose(matrix, plain, atol=1e-10 * np.abs(plain).max())
