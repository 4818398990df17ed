"""Kernels of networks of one's own, derived from their code, against closed forms."""

import numpy as np
import pytest

from asymptopia.contract.record import StatementError
from asymptopia.contract.statement import parse
from asymptopia.parts import network
from asymptopia.parts import sampled_kernel as sampled
from asymptopia.parts.kernel import NNGP, NTK, RBF
from asymptopia.parts.network import Network, NetworkKernel, ReluNetwork

X = np.random.default_rng(0).standard_normal((4, 4))


def of_order_root(n, key, inputs):
    """The same network with weights as most libraries draw them."""
    import jax
    import jax.numpy as jnp

    a, b = jax.random.split(key)
    weights = [jax.random.normal(a, (4, n)) * (2 / 4) ** 0.5, jax.random.normal(b, (n, n)) * (2 / n) ** 0.5]

    def features(w, x):
        return jnp.maximum(jnp.maximum(x @ w[0], 0) @ w[1], 0)

    return weights, features


def close(K, known):
    T = known.matrix(X)
    size = np.sqrt(np.diag(T))
    apart = K * np.mean(np.diag(T)) - T
    np.testing.assert_allclose(apart / np.outer(size, size), 0, atol=0.012)  # three nets of 16,384 points


@pytest.mark.parametrize("tangent", [True, False])
def test_the_kernel_of_relu_layers_is_that_of_cho_and_saul(tangent):
    known = (NTK if tangent else NNGP)(depth=2, weight_variance=2.0)
    close(NetworkKernel(network=ReluNetwork(depth=2), tangent=tangent).matrix(X), known)


def test_weights_of_any_scale_have_a_kernel():
    K = NetworkKernel(network=of_order_root).matrix(X)
    # what grows is the part of the second matrix: relu keeps half of |x|**2, and half of the slopes are one
    size = np.sum(X**2, axis=1)
    np.testing.assert_allclose(np.diag(K), size / size.mean(), rtol=0.02)
    assert np.linalg.eigvalsh(K)[0] > -1e-9


def test_a_plain_function_is_a_kernel_in_a_statement():
    text = "KernelRegression(kernel=of_order_root, data=Bundled('wine'))"
    names = {"of_order_root": of_order_root}
    law = parse(text, names)
    assert law.kernel == NetworkKernel(network=of_order_root)
    assert parse(repr(law), names) == law


def test_spheres_are_refused():
    with pytest.raises(StatementError, match="is for data"):
        NetworkKernel().at(np.zeros(1))


@pytest.mark.parametrize("tangent", [True, False])
def test_networks_of_finite_width_have_the_kernel_within_the_stated_error(monkeypatch, tangent):
    monkeypatch.setattr(sampled, "NUMBERS", 2e5)  # three blocks
    rows = np.random.default_rng(1).standard_normal((24, 4))
    K, error = sampled.sampled_kernel(ReluNetwork(depth=2), rows, tangent, 64, 8)
    known = (NTK if tangent else NNGP)(depth=2, weight_variance=2.0).matrix(rows)
    apart = np.sqrt(np.mean((K - known / np.mean(np.diag(known))) ** 2))
    assert 0.5 * error < apart < 2 * error < 0.2
    assert np.linalg.eigvalsh(K)[0] > -1e-5


def test_many_rows_are_those_of_finite_networks_if_these_are_near_the_limit(monkeypatch):
    monkeypatch.setattr(network, "_MOST_ROWS", 10)
    monkeypatch.setattr(sampled.sampled_kernel, "__defaults__", (64, 4))
    rows = np.random.default_rng(1).standard_normal((12, 4))
    K = NetworkKernel(tangent=False).matrix(rows)
    np.testing.assert_array_equal(K, sampled.sampled_kernel(ReluNetwork(), rows, False, 64, 4).values)
    for other in (of_small_width, without_a_number):
        with pytest.raises(StatementError, match="must be near the limit"):
            NetworkKernel(network=Network.from_callable(other), tangent=False).matrix(rows)


def of_small_width(n, key, inputs):
    """Features that are nearly constant below a width of 500."""
    import jax
    import jax.numpy as jnp

    return jax.random.normal(key, (4, n)), lambda w, x: jnp.maximum(x @ w, 0) + 100 / (1 + (n / 200) ** 4)


def without_a_number(n, key, inputs):
    """Features that are nan below a width of 500."""
    parameters, features = of_small_width(n, key, inputs)
    return parameters, lambda w, x: features(w, x) * (np.nan if n < 500 else 1)


def test_kernel_features_have_the_inner_products_of_the_centred_kernel():
    from asymptopia.parts.data import Bundled
    from asymptopia.parts.kernel_features import KernelFeatures

    data = Bundled("wine", target="0")
    rows, mapped = data.samples(), KernelFeatures(data=data, kernel=RBF()).samples()
    K = RBF().matrix(rows.X)
    C = np.eye(len(K)) - 1 / len(K)
    centred = C @ K @ C
    gram = mapped.X @ mapped.X.T
    np.testing.assert_allclose(gram / np.trace(gram), centred / np.trace(centred), atol=1e-12)
    np.testing.assert_allclose(np.mean(mapped.X**2), 1)
    np.testing.assert_array_equal(mapped.y, rows.y)


def test_features_of_a_study_may_be_a_kernel(tmp_path):
    from asymptopia.parts.kernel_features import KernelFeatures
    from asymptopia.study import as_toml
    from asymptopia.study.schema import checked

    file = tmp_path / "own.py"
    file.write_text("def net(n):\n    raise ValueError\n")

    def study(features, files=()):
        entry = {"kind": "forecast", "data": "wine", "features": features, "samples": [40]}
        return checked(as_toml("own", [entry], files), tmp_path / "study.toml")

    law = study("kernel:RBF(width=2.0)").items[0].plan.law
    assert law.data == KernelFeatures(data=law.data.data, kernel=RBF(width=2.0)) and law.features == "none"
    with pytest.raises(StatementError, match="kernel:nat"):
        study("kernel:nat", [file])


def with_functions(n, key, inputs):
    """One layer whose activation stands among the parameters, as in a module of Equinox."""
    import jax
    import jax.numpy as jnp

    module = {"weights": jax.random.normal(key, (4, n)) * (2 / 4) ** 0.5, "activation": jax.nn.relu, "on": True}
    return module, lambda m, x: m["activation"](x @ m["weights"]) if m["on"] else jnp.zeros((len(x), n))


def test_functions_among_the_parameters_are_not_trained():
    close(NetworkKernel(network=Network.from_callable(with_functions), tangent=False).matrix(X), NNGP(depth=1))


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (lambda n, key, x: 3, "must return .parameters, features.*returns int"),
        (lambda n, key, x: (1.0, lambda p, x: x), r"of shape \(4, 960\), but gives \(4, 4\)"),
    ],
    ids=["no pair", "another width"],
)
def test_a_network_of_another_form_is_refused(network, said):
    with pytest.raises(StatementError, match=said):
        NetworkKernel(network=Network.from_callable(network), tangent=False).matrix(X)
