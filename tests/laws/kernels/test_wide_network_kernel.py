"""Kernels of wide networks: reference values, closed forms against quadrature, nearly equal inputs, finite widths."""

import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia import StatementError, confront, parse
from asymptopia.laws.kernels.wide_network_kernel import WideNetworkKernel
from asymptopia.parts.activation import Activation, Erf, Identity, Relu, Sign, Tanh
from asymptopia.parts.architecture import Convolutional, Dense, Residual
from asymptopia.parts.dual import dual
from asymptopia.parts.network_kernels import kernels

ROWS = json.loads((Path(__file__).parents[2] / "reference" / "kernels.json").read_text())
ROWS = [r for r in ROWS if r["statement"].startswith("WideNetworkKernel")]
STATEMENTS = sorted({r["statement"] for r in ROWS})


@pytest.mark.parametrize("statement", STATEMENTS)
def test_reference_values(statement):
    limit = parse(statement).limit()
    for row in (r for r in ROWS if r["statement"] == statement):
        value = float(limit[row["observable"]].isel(row["at"]))
        assert value == pytest.approx(row["value"], rel=1e-10, abs=1e-12), row["id"]


def by_quadrature(activation, *pair):
    return (
        dual.registry[object](activation, *pair)
        if object in dual.registry
        else dual.dispatch(Activation)(activation, *pair)
    )


@pytest.mark.parametrize("activation", [Relu(), Erf(), Erf(scale=0.3), Identity()], ids=repr)
def test_closed_forms_are_what_quadrature_gives(activation):
    rng = np.random.default_rng(0)
    u, v = rng.uniform(0.01, 3, (2, 12))
    cosine = np.r_[rng.uniform(-1, 1, 10), 1.0, -0.999]
    apart = u + v - 2 * cosine * np.sqrt(u * v)
    for closed, numerical in zip(
        dual(activation, u, v, apart), dual.dispatch(Activation)(activation, u, v, apart), strict=True
    ):
        np.testing.assert_allclose(closed, numerical, atol=2e-10)


def test_a_function_of_ones_own_is_as_good_as_a_named_one():
    class Bent(Activation):
        def __call__(self, z):
            return z * (z > 0)

        def derivative(self, z):
            return 1.0 * (z > 0)

        def breaks(self):
            return (0.0,)

    inputs = ((1.0, 0.2), (0.3, -0.8), (1.0, 0.2 + 1e-7))
    own = WideNetworkKernel(inputs=inputs, depth=3, activation=Bent()).limit()
    named = WideNetworkKernel(inputs=inputs, depth=3).limit()
    for name in ("nngp", "ntk"):
        np.testing.assert_allclose(own[name], named[name], rtol=1e-9)


def test_nearly_equal_inputs_keep_their_digits():
    """For relu without biases 1 - nngp / variance is theta**2 / 2 - theta**3 / (3 pi) + ... at depth 1."""
    theta = 1e-7
    inputs = ((1.0, 0.0), (float(np.cos(theta)), float(np.sin(theta))))
    law = WideNetworkKernel(inputs=inputs, depth=1).limit()
    # the tangent kernel loses theta / pi of one slope: the first order in theta is what careless codes lose
    exact = 2 * (1 - theta / (2 * np.pi))
    assert float(law.ntk[0, 1]) == pytest.approx(exact, abs=1e-12)
    assert float(law.ntk[0, 0]) == 2.0 and float(law.nngp[1, 1]) == pytest.approx(1.0, abs=1e-15)


@pytest.mark.parametrize("wiring", [Dense(), Residual()], ids=repr)
def test_a_kernel_of_many_points_is_that_of_its_pairs(wiring):
    """Blocks of points, their transposes, near and far ones: each entry is what the pair alone gives."""
    x = np.random.default_rng(4).normal(size=(70, 3))
    x[50:] = x[:20] + np.geomspace(1e-8, 1e-1, 20)[:, None]
    given = (3, Erf(), 1.4, 0.1, wiring)
    every = kernels(x, *given)
    for i, j in ((0, 50), (69, 19), (5, 60), (33, 31), (68, 18)):
        for table, alone in zip(every, kernels(x[[i, j]], *given), strict=True):
            np.testing.assert_allclose(table[np.ix_([i, j], [i, j])], alone, rtol=1e-14)


def test_identity_is_a_linear_model():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(4, 3))
    law = WideNetworkKernel(
        inputs=tuple(map(tuple, x.tolist())), depth=2, activation=Identity(), weight_variance=1.5, bias_variance=0.2
    ).limit()
    first = 0.2 + 1.5 * x @ x.T / 3
    nngp = 0.2 + 1.5 * (0.2 + 1.5 * first)
    np.testing.assert_allclose(law.nngp, nngp, rtol=1e-13)
    ntk = nngp + 1.5 * (0.2 + 1.5 * first + 1.5 * first)
    np.testing.assert_allclose(law.ntk, ntk, rtol=1e-13)


def test_fluctuations_of_a_linear_layer():
    """At depth 1 and phi(z) = z, n Var(K_xy) = w**2 (K_xx K_yy + K_xy**2): the variance of a Wishart entry."""
    law = WideNetworkKernel(depth=1, activation=Identity(), weight_variance=1.3, bias_variance=0.1)
    x = np.asarray(law.inputs)
    k = 0.1 + 1.3 * x @ x.T / 2
    expected = 1.69 * (np.outer(np.diag(k), np.diag(k)) + k**2)
    np.testing.assert_allclose(law.limit().kernel_variance, expected, rtol=1e-10)


@pytest.mark.parametrize("wiring", [Residual(), Convolutional(), Convolutional(window=2, pooling=True)], ids=repr)
def test_other_architectures_agree_with_their_networks(wiring):
    inputs = ((1.0, 0.5, -1.0), (-0.2, 1.1, 0.4))
    law = WideNetworkKernel(inputs=inputs, depth=2, activation=Tanh(), bias_variance=0.1, architecture=wiring)
    confrontation = confront(law, sizes=(16, 32, 64), seeds=400)
    assert confrontation.verdict != "disagrees", str(confrontation)
    right = law.limit()
    wrong = right.assign(ntk=1.25 * right.ntk)
    assert confront(law, confrontation.experiment, wrong)["ntk"].verdict == "disagrees"


def test_dropping_the_readout_from_the_tangent_kernel_is_noticed():
    law = WideNetworkKernel()
    right, experiment = law.limit(), law.experiment(sizes=(16, 32), seeds=800)
    assert confront(law, experiment, right.assign(ntk=right.ntk - right.nngp))["ntk"].verdict == "disagrees"
    assert confront(law, experiment, right.assign(nngp=1.5 * right.nngp))["nngp"].verdict == "disagrees"


@pytest.mark.parametrize(
    "text",
    [
        "WideNetworkKernel(inputs=())",
        "WideNetworkKernel(inputs=((1.0,), (1.0, 2.0)))",
        "WideNetworkKernel(depth=0)",
        "WideNetworkKernel(architecture=Convolutional(channels=3))",
    ],
)
def test_bad_statements_are_refused(text):
    with pytest.raises(StatementError):
        parse(text)


def test_an_activation_without_the_moments_is_refused():
    with pytest.raises(StatementError, match="derivative"):
        WideNetworkKernel(activation=Sign()).limit()


@pytest.mark.parametrize("power", [2, 3])
def test_an_activation_that_grows_too_fast_is_refused(power):
    class Wild(Activation):
        def __call__(self, z):
            return jnp.exp(jnp.abs(z) ** power)

    with pytest.raises(StatementError, match="second moment"):
        WideNetworkKernel(activation=Wild()).limit()


def test_an_activation_may_grow_if_its_second_moment_exists():
    """E exp(x + y) = exp((u + v + 2 c) / 2) for fields of covariance c, and exp' = exp."""

    class Exponential(Activation):
        def __call__(self, z):
            return jnp.exp(z)

    law = WideNetworkKernel(depth=1, activation=Exponential(), weight_variance=1.0)
    x = np.asarray(law.inputs)
    k = x @ x.T / 2
    expected = np.exp((np.diag(k)[:, None] + np.diag(k) + 2 * k) / 2)
    np.testing.assert_allclose(law.limit().nngp, expected, rtol=1e-9)
    np.testing.assert_allclose(law.limit().ntk, expected * (1 + k), rtol=1e-9)
