"""Networks as their authors write them: recurrent, with dropout, normalised over batches, as modules of Equinox."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from asymptopia import StatementError
from asymptopia.measure.functional_dimension import functional_dimension
from asymptopia.measure.gradient_noise import gradient_noise_scale
from asymptopia.measure.operators import fisher, gauss_newton, hessian, tangent_kernel
from asymptopia.measure.recording import recorded
from asymptopia.measure.sharpness import sharpness_along

X = jax.random.normal(jax.random.key(1), (10, 3))


def torch_gradients(module, loss, samples):
    import torch

    parameters = list(module.parameters())
    each = [torch.autograd.grad(loss(module, one), parameters) for one in zip(*samples, strict=True)]
    return np.stack([torch.cat([g.reshape(-1) for g in gradient]).numpy() for gradient in each])


def words(kind):
    from torch import nn

    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.cells, self.last = nn.Embedding(7, 3), kind(3, 4, batch_first=True), nn.Linear(4, 1)

        def forward(self, tokens):
            return self.last(self.cells(self.embedding(tokens))[0][:, -1])

    return Words().double()


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_the_noise_of_a_recurrent_network_is_that_of_its_gradients(kind):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: the extra `torch`")
    torch.manual_seed(0)
    module = words(getattr(torch.nn, kind))
    tokens, y = torch.randint(0, 7, (12, 5)), torch.full((12,), 2.0, dtype=torch.double)

    def loss(m, sample):
        return (m(sample[0][None])[0, 0] - sample[1]) ** 2

    G = torch_gradients(module, loss, (tokens, y))
    mean, noise = G.mean(axis=0), G.var(axis=0, ddof=1).sum()
    seen = gradient_noise_scale(loss, module, (tokens, y), chunk=5)
    assert seen.value == pytest.approx(noise / (mean @ mean - noise / 12), rel=1e-10)


def test_what_is_random_or_mixes_samples_is_said():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: the extra `torch`")
    torch.manual_seed(0)
    x = torch.randn(6, 3)
    dropped = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))
    with pytest.raises(StatementError, match=r"outputs must be a function.*module.eval"):
        tangent_kernel(lambda m: m(x), dropped)
    normal = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 1))
    with pytest.raises(StatementError, match=r"'1' mixes samples.*module.eval"):
        gradient_noise_scale(lambda m, s: m(s[None]).sum(), normal, x)
    normal.eval()
    K = tangent_kernel(lambda m: m(x), normal) @ np.eye(6)
    G = torch_gradients(normal, lambda m, s: m(s[0][None]).sum(), (x,))
    np.testing.assert_allclose(K, G @ G.T, rtol=1e-5)


def test_a_module_with_functions_in_it_is_as_its_arrays():
    module = {"first": jnp.ones((3, 4)) / 3, "activation": jnp.tanh, "last": jnp.arange(4.0), "on": True, "rate": 0.5}
    arrays = {"first": module["first"], "last": module["last"]}

    def outputs(m):
        return jnp.tanh(X @ m["first"]) @ m["last"]

    H, same = (hessian(lambda m: jnp.mean(outputs(m) ** 2), one) @ np.eye(16) for one in (module, arrays))
    np.testing.assert_allclose(H, same, rtol=1e-12)
    assert functional_dimension(outputs, module).parameters == 16
    with pytest.raises(StatementError, match="no array"):
        hessian(lambda m: 1.0, {"activation": jnp.tanh, "rate": 0.5})


def test_outputs_of_another_precision_than_the_parameters():
    w = jnp.ones(3, "float32")
    K = tangent_kernel(lambda w: jnp.asarray(X, float) @ w, w) @ np.eye(10)
    np.testing.assert_allclose(K, np.asarray(X @ X.T), rtol=1e-5)


def test_half_precision_inside_of_a_program_is_said():
    """Weights in single precision, and products in half: values are right to a percent, and no error would say so."""

    def outputs(w):
        return (jnp.asarray(X, "bfloat16") @ w.astype("bfloat16")).astype("float32")

    w = jnp.ones(3, "float32")
    for call in (lambda: hessian(lambda w: jnp.sum(outputs(w) ** 2), w), lambda: tangent_kernel(outputs, w)):
        with pytest.raises(StatementError, match="numbers in bfloat16"):
            call()


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda w: (w.sum(), {"accuracy": 1.0}), "must return .* alone, but returns a tuple of 2"),
        (lambda w, data: (data @ w).sum(), "bind its data"),
        (lambda w: np.mean(np.asarray(w) ** 2), "not NumPy"),
        (lambda w: float(w.sum()), "not NumPy"),
        (lambda w: w[:0], "must return at least one number"),
    ],
    ids=["beside", "data", "numpy", "number", "empty"],
)
def test_functions_of_another_form_are_refused_everywhere(function, said):
    w = jnp.ones(3)
    for call in (hessian, tangent_kernel, fisher, lambda f, w: recorded(optax.sgd(0.1), f).init(w)):
        with pytest.raises(StatementError, match=said):
            call(function, w)


def test_functions_of_modules_of_another_form_are_refused_everywhere():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: the extra `torch`")
    module = torch.nn.Linear(3, 1)
    x = torch.ones(5, 3)

    def lowered(m):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return m(x).float().square().sum()

    functions = {
        "numbers in bfloat16": lowered,
        "alone, but returns a tuple of 2": lambda m: (m(x).sum(), 0.5),
        "bind its data": lambda m, data: m(data).sum(),
        "not NumPy": lambda m: m(x).sum().item(),
        "must return at least one number": lambda m: m(x)[:0],
        "does not depend on the parameters": lambda m: m(x).sum().detach(),
    }
    for said, function in functions.items():
        for call in (hessian, tangent_kernel, fisher, lambda f, m: sharpness_along(f, m, 0.1, 2, 1)):
            with pytest.raises(StatementError, match=said):
                call(function, module)
    with pytest.raises(StatementError, match="must be a scalar tensor"):
        gauss_newton(lambda m: m(x), lambda outputs: outputs, module)
    for model, parameters in ((lambda m: m(x), module), (lambda w: X @ w, jnp.ones(3))):
        with pytest.raises(StatementError, match="of the outputs of the model alone; bind its data"):
            gauss_newton(model, lambda outputs, labels: outputs.sum(), parameters)
