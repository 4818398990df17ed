"""Wide networks on digits: derivatives against differences, the bound met with equality, searches, wrong statements."""

import numpy as np
import pytest

from asymptopia import NoLimit, confront
from asymptopia.algorithms.landscape.gradient_norm import find_critical_points
from asymptopia.contract.record import StatementError
from asymptopia.laws.landscape import wide_network_landscape as module
from asymptopia.laws.landscape.wide_network_landscape import (
    WideNetworkLandscape,
    digits,
    forward,
    jacobian,
    residual_ratio,
    train,
)
from asymptopia.parts.activation import Erf, Relu, Sigmoid, Softplus, Tanh


@pytest.mark.parametrize("shapes", [[(5, 64), (1, 5)], [(6, 64), (4, 6), (2, 4), (1, 2)]], ids=len)
def test_derivatives_are_those_of_differences(shapes):
    rng = np.random.default_rng(0)
    X, _ = digits(4, rng)
    x = rng.standard_normal(sum(a * b + a for a, b in shapes)) / 4
    direction = rng.standard_normal(x.shape)
    ends = [forward(x + s * 1e-5 * direction, shapes, X, Tanh())[-1][1][:, 0] for s in (1, -1)]
    np.testing.assert_allclose(jacobian(x, shapes, X, Tanh()) @ direction, (ends[0] - ends[1]) / 2e-5, rtol=1e-7)


def test_the_bound_is_that_of_the_whole_gradient_and_is_met_on_the_last_singular_vector():
    rng = np.random.default_rng(0)
    X, y = digits(6, rng)
    shapes = [(6, 64), (1, 6)]
    x = rng.standard_normal(sum(a * b + a for a, b in shapes)) / 8
    F = np.column_stack([forward(x, shapes, X, Tanh())[1][1], np.ones(6)])
    last = np.linalg.svd(F)[0][:, 5]
    y = forward(x, shapes, X, Tanh())[-1][1][:, 0] - last
    assert residual_ratio(x, shapes, X, y, Tanh()) == pytest.approx(1.0, rel=1e-9)
    gradient = jacobian(x, shapes, X, Tanh())[:, -7:].T @ last
    assert np.linalg.norm(gradient) == pytest.approx(np.linalg.svd(F, compute_uv=False)[-1], rel=1e-9)


@pytest.mark.parametrize("activation", [Sigmoid(), Softplus(), Erf()], ids=repr)
@pytest.mark.parametrize("above", [(), (6, 3)], ids=str)
def test_no_ratio_exceeds_its_bound_at_any_depth(activation, above):
    law, rng = WideNetworkLandscape(activation=activation, above=above), np.random.default_rng(1)
    X, y = digits(12, rng)
    shapes = law.shapes(12)
    for _ in range(20):
        x = rng.standard_normal(sum(a * b + a for a, b in shapes)) * rng.uniform(0.1, 0.4)
        assert 0 < residual_ratio(x, shapes, X, y, activation) <= 1


def loss(x, data):
    import jax.numpy as jnp

    X, y = data
    d = X.shape[1]
    m = (len(x) - 1) // (d + 2)
    z = X @ x[: d * m].reshape(m, d).T + x[d * m : d * m + m]
    return ((jnp.tanh(z) @ x[d * m + m : -1] + x[-1] - y) ** 2).mean() / 2


def test_critical_points_of_any_index_have_loss_zero_when_wide_and_not_when_narrow():
    """Searched by descent on the norm of the gradient, which does not prefer minima, on five samples of the digits."""
    rng = np.random.default_rng(0)
    X, _ = digits(5, rng)
    X = X @ rng.standard_normal((64, 2)) / 8
    y = np.array([1.0, -1.0, 1.0, 1.0, -1.0])
    ends = {}
    for m in (1, 4):
        search = find_critical_points(loss, rng.standard_normal((24, 4 * m + 1)), (X, y), tolerance=1e-9, rounds=24)
        points, losses = search.point[search.converged], search.loss[search.converged]
        rank = []
        for x in points:
            F = np.column_stack([np.tanh(X @ x[: 2 * m].reshape(m, 2).T + x[2 * m : 3 * m]), np.ones(5)])
            rank.append(np.linalg.matrix_rank(F, tol=1e-4))
        ends[m] = (losses, np.array(rank))
    narrow, wide = ends[1][0], ends[4]
    assert len(narrow) >= 5 and (narrow > 1e-3).mean() > 0.5
    full = wide[1] == 5
    assert full.sum() >= 2 and (wide[0][full] < 1e-8).all()
    assert (wide[0][~full] > 1e-3).any()  # the exceptions, of features that lost their rank


def test_training_reaches_the_gradient_it_is_asked_for():
    rng = np.random.default_rng(0)
    X, y = digits(10, rng)
    shapes = [(2, 64), (1, 2)]
    x = train(rng.standard_normal(133) / 8, shapes, X, y, Tanh())
    residual = forward(x, shapes, X, Tanh())[-1][1][:, 0] - y
    assert np.linalg.norm(jacobian(x, shapes, X, Tanh()).T @ residual) / 10 <= 1e-8


def test_bad_statements_are_refused_by_name():
    with pytest.raises(NoLimit, match="`activation` of WideNetworkLandscape must be analytic"):
        WideNetworkLandscape(activation=Relu()).limit()
    for fields, match in (
        (dict(above=(0,)), "above"),
        (dict(above=(2, 3)), "do not increase"),
        (dict(ratio=0.0), "ratio"),
    ):
        with pytest.raises(StatementError, match=match):
            WideNetworkLandscape(**fields)
    assert "nothing is proved" in WideNetworkLandscape(ratio=0.5).valid()
    with pytest.raises(StatementError, match="samples"):
        WideNetworkLandscape().experiment(sizes=(2000,), seeds=2)


def test_the_experiment_agrees_and_a_rank_that_ignores_the_width_is_refuted(monkeypatch):
    law = WideNetworkLandscape(ratio=0.5)
    experiment = law.experiment(sizes=(20, 40, 80), seeds=6)
    assert confront(law, experiment)["feature_rank"].verdict != "disagrees"
    predict = module.WideNetworkLandscape.predict
    monkeypatch.setattr(module.WideNetworkLandscape, "predict", lambda self: predict(self) | {"feature_rank": 0.55})
    wrong = confront(law, experiment)["feature_rank"]
    assert wrong.largest_z > 5 and wrong.verdict == "inconclusive", "the law warns here, so that nothing is refuted"
