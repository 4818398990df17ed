"""Bayes-optimal estimation with given singular values: independent entries, ridge, the R-transform, wrong designs."""

import numpy as np
import pytest
from scipy.integrate import quad

from asymptopia import confront, thresholds
from asymptopia.laws import BayesOptimal, RotationInvariantBayes, RotationInvariantDesign
from asymptopia.parts import (
    GaussBernoulli,
    Gaussian,
    Geometric,
    Laplace,
    Linear,
    MarchenkoPastur,
    Rademacher,
    RowOrthogonal,
)


@pytest.mark.parametrize("start", ["uninformative", "informative"])
@pytest.mark.parametrize("prior", [GaussBernoulli(rho=0.2), Rademacher(), Laplace()])
@pytest.mark.parametrize(("alpha", "noise"), [(0.35, 1e-4), (1.5, 0.3), (0.01, 10.0)])
def test_independent_entries_give_the_limit_of_generalised_linear_models(prior, alpha, noise, start):
    ours = RotationInvariantBayes(alpha=alpha, noise=noise, prior=prior, start=start, singular_values=MarchenkoPastur())
    other = BayesOptimal(alpha=alpha, prior=prior, channel=Linear(noise=noise), start=start)
    limit, theirs = ours.limit(), other.limit()
    assert float(limit.mse) == pytest.approx(float(theirs.mse), rel=1e-11, abs=1e-25)
    assert float(limit.overlap) == pytest.approx(float(theirs.overlap), rel=1e-12)
    assert ours.valid() == other.valid()
    best = max(p.free_entropy for p in other.fixed_points() if p.stable)
    information = -best - alpha / 2 * np.log(2 * np.pi * np.e * noise)
    assert float(limit.mutual_information) == pytest.approx(information, rel=1e-11, abs=1e-11)


@pytest.mark.parametrize("values", [MarchenkoPastur(), RowOrthogonal(), Geometric(condition=30.0)])
@pytest.mark.parametrize("alpha", [0.5, 1.7])
def test_a_gaussian_signal_is_best_estimated_by_ridge_regression(values, alpha):
    fields = dict(alpha=alpha, noise=0.2, prior=Gaussian(), singular_values=values)
    best = RotationInvariantBayes(**fields).limit()
    ridge = RotationInvariantDesign(ridge=0.2, l1=0.0, **fields).limit()
    for name in "overlap", "mse":
        assert float(best[name]) == pytest.approx(float(ridge[name]), rel=1e-12)
    X = values.design(int(alpha * 400), 400, np.random.default_rng(0))
    exact = np.linalg.slogdet(np.eye(len(X)) + X @ X.T / 0.2)[1] / 2 / 400
    assert float(best.mutual_information) == pytest.approx(exact, rel=1e-2)


@pytest.mark.parametrize("prior", [GaussBernoulli(rho=0.2), Rademacher()])
@pytest.mark.parametrize("start", ["uninformative", "informative"])
def test_orthogonal_rows_lead_message_passing_to_the_limit(prior, start):
    """State evolution iterated as written, with the variance of a coordinate by quadrature."""
    alpha, noise = 0.35, 1e-2

    def variance(A):
        def sparse(x):
            ends = 0.8 * np.exp(-x * x / 2), 0.2 * np.exp(-x * x / 2 / (1 + A)) / np.sqrt(1 + A)
            share, mean = ends[1] / sum(ends), np.sqrt(A) * x / (1 + A)
            return sum(ends) * (share * (1 / (1 + A) + mean**2) - (share * mean) ** 2)

        def binary(x):
            return np.exp(-((x - np.sqrt(A)) ** 2) / 2) * (1 - np.tanh(np.sqrt(A) * x))

        reach = 12 * np.sqrt(1 + A)
        density = sparse if isinstance(prior, GaussBernoulli) else binary
        return quad(density, -reach, reach, points=(0,), limit=200, epsabs=1e-13)[0] / np.sqrt(2 * np.pi)

    power = float(prior.second_moment)
    gamma = 1 / power if start == "uninformative" else 1e6
    for _ in range(2000):
        v = (1 - alpha) / gamma + alpha / (gamma + 1 / noise)
        A = 1 / v - gamma
        last, gamma = gamma, 1 / variance(A) - A
        if abs(gamma - last) < 1e-12 * gamma:
            break
    limit = RotationInvariantBayes(alpha=alpha, noise=noise, prior=prior, start=start, singular_values=RowOrthogonal())
    assert float(limit.limit().mse) == pytest.approx(v, rel=1e-8)


@pytest.mark.parametrize("values", [RowOrthogonal(), Geometric(condition=10.0), MarchenkoPastur()])
def test_information_grows_with_precision_as_the_fields_are_unknown(values):
    """The derivative of mutual information in 1 / noise is half of the unknown of all fields (Guo, Shamai, Verdu)."""
    law = RotationInvariantBayes(alpha=0.7, singular_values=values)

    def information(precision):
        return float(law.replace(noise=1 / precision).limit().mutual_information)

    step = 1e-3
    slope = (information(10 + step) - information(10 - step)) / (2 * step)
    assert slope == pytest.approx(0.7 / 2 * float(law.replace(noise=0.1).limit().field_error), rel=1e-7)


def test_states_appear_and_end_in_pairs_at_the_spinodals_of_the_hard_phase():
    """Two stable states between the spinodals, of which the informed one wins from the transition on."""
    law = RotationInvariantBayes(noise=1e-6, prior=GaussBernoulli(rho=0.2))
    at = thresholds(law, "alpha")
    assert at["informative_spinodal"] < at["information_theoretic"] < at["algorithmic"]
    for name, counts in (("informative_spinodal", (1, 3)), ("algorithmic", (3, 1))):
        for side, count in zip((0.9999, 1.0001), counts, strict=True):
            assert len(law.replace(alpha=side * at[name]).fixed_points()) == count
    before, after = (law.replace(alpha=side * at["information_theoretic"]) for side in (0.999, 1.001))
    assert before.valid() is None
    assert "hard phase" in after.valid()
    assert "metastable" in before.replace(start="informative").valid()


def test_message_passing_agrees_and_wrong_designs_and_noises_are_refuted():
    law = RotationInvariantBayes(prior=Rademacher(), alpha=0.8, noise=0.6)
    experiment = law.experiment(sizes=[100, 200, 300], seeds=160)
    assert confront(law, experiment).verdict == "agrees"
    for wrong in law.replace(singular_values=Geometric(condition=10.0)), law.replace(noise=0.9):
        assert confront(wrong, experiment).verdict == "disagrees"
