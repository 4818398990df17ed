"""Phases of scaling against exact means over samples, slopes of the limit's own frontier, and wrong laws."""

import numpy as np
import pytest
from scipy.special import zeta

from asymptopia import NoLimit, StatementError, confront
from asymptopia.laws.dynamics.scaling_phases import ScalingPhases, theory
from asymptopia.laws.dynamics.scaling_phases.theory import Problem, floor, generating, phase, resolvent


def exact_risk(law, steps, rng):
    """The mean over samples for given features, from the second moments of the error in the eigenbasis."""
    d, v = law.width, round(law.ratio * law.width)
    j = np.arange(1, v + 1.0)
    lam, b = j ** (-2 * law.alpha), j**-law.beta
    W = rng.standard_normal((v, d)) / np.sqrt(d)
    values, vectors = np.linalg.eigh(W.T @ (lam[:, None] * W))
    best = np.linalg.solve(W.T @ (lam[:, None] * W), W.T @ (lam * b))
    left = np.sum(lam * (W @ best - b) ** 2)
    rho = (vectors.T @ best) ** 2
    g, B = law.rate / lam.sum() / law.batch, law.batch
    h = 1 - 2 * g * B * values + g**2 * B * (B + 1) * values**2
    risks = []
    for _ in range(steps + 1):
        P = values @ rho + left
        risks.append(P)
        rho = h * rho + g**2 * B * values * P
    return np.array(risks)


@pytest.mark.parametrize(("alpha", "beta", "batch"), [(1.0, 0.3, 1), (0.7, 1.2, 3), (0.35, 0.6, 1)])
def test_the_limit_is_the_mean_over_samples_and_features(alpha, beta, batch):
    law = ScalingPhases(alpha=alpha, beta=beta, batch=batch, width=60, times=(5, 50, 400))
    rng = np.random.default_rng(0)
    runs = np.array([exact_risk(law, 400, rng)[list(law.times)] for _ in range(60)])
    limit = law.limit()
    error = runs.std(axis=0) / np.sqrt(len(runs))
    assert (np.abs(runs.mean(axis=0) - limit["test_error"]) < 4 * error + limit["test_error_error"]).all()


def circle(problem, nodes=2400):
    """F(r) and K(r), r <= 300, as integrals over a circle around the spectrum, and the equation's residual on it."""
    top = theory.edge(problem)
    left = -0.9 / (problem.g * problem.batch * 300)
    right = min(1.2 * top, (top + 2 / problem.g / (problem.batch + 1)) / 2)
    turn = np.exp(2j * np.pi * (np.arange(nodes) + 0.5) / nodes)
    z = (left + right) / 2 - (right - left) / 2 * turn
    m = resolvent(problem, z, 0.01)
    inverse = 1 / (problem.values[:, None] * m - z)
    residual = np.abs(1 / m - 1 - (problem.values @ inverse) / problem.width).max()
    dz = (right - left) / 2 * turn / nodes  # of -1 / (2 pi i) dz
    forcing = dz * ((problem.values * problem.target) @ inverse)
    kernel = dz * problem.g**2 * problem.batch * z**2 * inverse.sum(axis=0)
    powers = problem.step(z) ** np.arange(301)[:, None]
    return (powers @ forcing).real, (powers @ kernel).real, residual


@pytest.mark.parametrize("fields", [dict(), dict(alpha=0.4, beta=1.0, batch=30, rate=1.0), dict(alpha=2.0, rate=0.4)])
def test_the_risk_is_that_of_the_recursion(fields):
    law = ScalingPhases(width=20, times=(0, 1, 2, 30, 300), **fields)
    F, K, residual = circle(Problem.of(law))
    assert residual < 1e-9
    P = np.empty(301)
    for r in range(301):
        P[r] = F[r] + K[:r][::-1] @ P[:r]
    np.testing.assert_allclose(law.limit()["test_error"], P[list(law.times)], rtol=1e-9)


def test_noise_that_sustains_itself_is_refused():
    """A rate that the data's own spectrum bears, and the wider one of few features does not."""
    law = ScalingPhases(width=20, alpha=2.0, rate=0.7)
    law.check()
    _, K, _ = circle(Problem.of(law))
    noise = generating(Problem.of(law), np.array([-1e-13 + 0j]))[1][0].real
    assert noise == pytest.approx(K.sum(), rel=2e-3) and noise > 1
    with pytest.raises(NoLimit, match=f"{noise:.4g}-fold"):
        law.limit()


def test_a_curve_over_twelve_decades_ends_on_the_floor_with_its_noise():
    law = ScalingPhases(alpha=0.35, beta=0.4, width=40, times=tuple(10**k for k in range(13)))
    problem = Problem.of(law)
    noise = generating(problem, np.array([-1e-13 + 0j]))[1][0].real
    curve = law.limit()["test_error"].values
    assert (np.diff(curve[:5]) < 0).all()
    assert curve[-1] == pytest.approx(floor(problem) / (1 - noise), rel=1e-9)


def test_the_phases_join():
    for edge, neighbours in (
        ((1.0, 0.5), ((1.0, 0.5 - 1e-9), (1.0, 0.5 + 1e-9))),
        ((0.9, 0.9), ((0.9, 0.9 - 1e-9), (0.9, 0.9 + 1e-9))),
        ((0.5, 1.0), ((0.5 - 1e-9, 1.0), (0.5 + 1e-9, 1.0))),
        ((0.25, 1.0), ((0.25 - 1e-9, 1.0), (0.25 + 1e-9, 1.0))),
        ((1 - 0.5**0.5, 0.8), ((1 - 0.5**0.5 - 1e-9, 0.8), (1 - 0.5**0.5 + 1e-9, 0.8))),
        ((0.4, 0.5), ((0.4, 0.5 - 1e-9), (0.4, 0.5 + 1e-9))),
    ):
        (one, *a), (other, *b) = (phase(*p) for p in neighbours)
        assert one != other, edge
        if edge == (0.4, 0.5):  # from Ib to IVa the exponents jump where floors do
            continue
        assert a[0] == pytest.approx(b[0], abs=1e-6), edge
        if edge[0] != 1 - 0.5**0.5:  # there the noise is the same for a range of widths, and the best one jumps
            assert a[1] == pytest.approx(b[1], abs=1e-6), edge


@pytest.mark.parametrize(
    ("a", "b"), [(1.0, 0.3), (1.0, 0.8), (0.7, 1.2), (0.4, 0.8), (0.27, 0.9), (0.2, 0.7), (0.35, 0.4), (2.0, 0.1)]
)
def test_the_exponents_solve_the_trade_off_between_the_terms_of_the_loss(a, b):
    """With width f**x and f**(1 - x) steps each term is a power of f; the best x is the least of their largest."""
    x = np.linspace(0, 1, 400_001)
    T = 1 - x + min(0.0, 2 * a - 1) * x
    terms = [-(2 * a + 2 * b - 1) / (2 * a) * T, -(2 * a - max(0.0, 1 - 2 * b)) * x]
    if 2 * a > 1 and 2 * b > 1:
        terms.append(-x - (1 - 1 / (2 * a)) * T)
    if a > 0.25:
        terms.append(min(0.0, 2 * a - 1) * x - (2 - 1 / (2 * a)) * T)
    loss = np.where(T > 0, np.max(terms, axis=0), np.inf)
    _, exponent, width = phase(a, b)
    assert -loss.min() == pytest.approx(exponent, abs=1e-5)
    assert x[np.argmin(loss)] == pytest.approx(width, abs=1e-5)


def test_statements_are_checked():
    with pytest.raises(NoLimit, match="1/2"):
        ScalingPhases(alpha=0.2, beta=0.2).limit()
    with pytest.raises(NoLimit, match="too large"):
        ScalingPhases(rate=2.5).limit()
    with pytest.raises(StatementError, match="whole"):
        ScalingPhases(times=(1.5, 3))
    assert float(zeta(2.0)) > 1  # the trace of the data's covariance is finite for alpha = 1


class WithoutNoise(ScalingPhases):
    """Gradient flow in steps: no Volterra kernel."""

    def predict(self):
        return ScalingPhases(self.alpha, self.beta, self.width, self.ratio, self.rate, 10**4, self.times).predict()


class KernelRegression(ScalingPhases):
    """As wide as the data."""

    def predict(self):
        wide = ScalingPhases(self.alpha, self.beta, 2000, 1.01, self.rate * 1.0, self.batch, self.times)
        return wide.predict()


def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    law = ScalingPhases(alpha=0.7, beta=1.2, times=(10, 100, 500), width=50)
    experiment = law.experiment(sizes=(1, 2), seeds=160)
    assert confront(law, experiment).verdict != "disagrees"
    for wrong in (WithoutNoise, KernelRegression):
        fields = dict(alpha=0.7, beta=1.2, times=(10, 100, 500), width=50)
        assert confront(wrong(**fields), experiment).verdict == "disagrees"


def test_steps_that_grow_along_the_strongest_feature_are_refused():
    for alpha in (1.505146132114559, 128.9):
        with pytest.raises(NoLimit, match="rate"):
            ScalingPhases(alpha=alpha, beta=-0.3, width=2, ratio=5.0).limit()
        assert ScalingPhases(alpha=alpha, beta=-0.3, width=2, ratio=5.0, rate=0.1).limit()["floor"] >= 0
