"""Designs with given singular values against independent entries, closed forms, and quadrature."""

import numpy as np
import pytest
from scipy.integrate import quad

from asymptopia import NoLimit, StatementError
from asymptopia.laws import ERM, RotationInvariantDesign
from asymptopia.laws.inference.rotation_invariant_design.theory import coordinate, penalised, ridge_regression
from asymptopia.parts import GaussBernoulli, Geometric, Linear, MarchenkoPastur, Rademacher, RowOrthogonal, Square
from asymptopia.parts.singular_values import SingularValues


@pytest.mark.parametrize(
    "fields",
    [
        dict(alpha=0.6, l1=0.1, ridge=0.0),
        dict(alpha=1.0, l1=0.02, ridge=1e-3),
        dict(alpha=3.0, l1=0.0, ridge=0.3),
        dict(alpha=0.2, l1=0.5, ridge=2.0, prior=Rademacher()),
    ],
)
def test_independent_entries_give_the_limit_of_empirical_risk_minimisation(fields):
    fields = dict(prior=GaussBernoulli(rho=0.2)) | fields
    ours = RotationInvariantDesign(singular_values=MarchenkoPastur(), noise=0.05, **fields).limit()
    other = ERM(loss=Square(), teacher=Linear(noise=0.05), **fields).limit()
    for name, theirs in (("overlap", "overlap"), ("norm", "norm"), ("mse", "test_error"), ("train_loss", "train_loss")):
        assert float(ours[name]) == pytest.approx(float(other[theirs]), rel=1e-8), name


@pytest.mark.parametrize("values", [MarchenkoPastur(), RowOrthogonal(), Geometric(condition=30.0)])
@pytest.mark.parametrize("alpha", [0.5, 1.7])
def test_state_evolution_without_l1_is_what_the_eigenvalues_say(values, alpha):
    law = RotationInvariantDesign(alpha=alpha, singular_values=values, ridge=0.3, l1=0.0, noise=0.1)
    by_eigenvalues, (by_messages, residual) = ridge_regression(law), penalised(law)
    assert residual < 1e-8
    assert by_messages == pytest.approx(by_eigenvalues, rel=1e-9)


def test_orthogonal_rows_shrink_what_they_see_by_one_factor():
    law = RotationInvariantDesign(alpha=0.6, l1=0.0, ridge=0.3, noise=0.05)
    values = law.limit()
    assert float(values["overlap"]) == pytest.approx(0.2 * 0.6 / 1.3, rel=1e-12)
    assert float(values["norm"]) == pytest.approx(0.6 * (0.2 + 0.05) / 1.3**2, rel=1e-12)
    assert float(values["train_loss"]) == pytest.approx((0.2 + 0.05) * (0.3 / 1.3) ** 2 / 2, rel=1e-12)


@pytest.mark.parametrize(("alpha", "gamma"), [(0.4, 0.3), (1.0, 0.01), (2.5, 7.0)])
def test_averages_over_independent_entries_are_integrals_over_the_density_of_marchenko_and_pastur(alpha, gamma):
    centre, radius = 1 + alpha, 2 * np.sqrt(alpha)

    def mean(function):  # over the nonzero eigenvalues, eigenvalue = centre + radius cos(t)
        def at(t):
            x = centre + radius * np.cos(t)
            return function(x) * (radius * np.sin(t)) ** 2 / (2 * np.pi * max(x, 1e-300))

        return quad(at, 0, np.pi, epsabs=1e-13, epsrel=1e-12, limit=500)[0]

    seen = MarchenkoPastur().shrinkage(alpha, gamma)
    nothing = max(1 - alpha, 0)
    information = mean(lambda x: x * gamma / (x + gamma))
    assert seen.information == pytest.approx(information, rel=1e-9)
    assert seen.spread == pytest.approx(mean(lambda x: (x * gamma / (x + gamma)) ** 2) - information**2, rel=1e-8)
    assert seen.noise == pytest.approx(mean(lambda x: x * (gamma / (x + gamma)) ** 2), rel=1e-9)
    assert seen.left == pytest.approx(nothing + mean(lambda x: gamma / (x + gamma)), rel=1e-9)
    assert seen.left_squared == pytest.approx(nothing + mean(lambda x: (gamma / (x + gamma)) ** 2), rel=1e-9)


@pytest.mark.parametrize("shape", [(30, 50), (50, 30)])
def test_a_design_has_the_singular_values_that_it_states(shape):
    X = Geometric(condition=20.0).design(*shape, np.random.default_rng(0))
    s = np.linalg.svd(X, compute_uv=False)
    assert np.sum(X**2) == pytest.approx(shape[0])
    assert s[0] / s[-1] == pytest.approx(20 ** (29 / 30), rel=1e-9)
    assert np.ptp(np.diff(np.log(s))) < 1e-9


def test_a_coordinate_that_is_never_moved_is_told_all():
    law = RotationInvariantDesign(l1=1e4)
    assert coordinate(law, 1.0, 1.0).active == 0
    values = law.limit()
    assert float(values["norm"]) == 0
    assert float(values["train_loss"]) == pytest.approx((0.2 + 0.05) / 2, rel=1e-9)


class Halved(SingularValues):
    """Three of ten singular values are ten times the others: no smooth function of the rank."""

    def squares(self, u):
        return np.where(u < 0.3, 1.0, 0.01)


class Steep(SingularValues):
    """So steep that their mean is right and what a penalty makes of them is not."""

    def squares(self, u):
        return np.exp(-100 * u)


class Constant(SingularValues):
    """One number, whatever the ranks."""

    def squares(self, u):
        return 1.0


def test_without_noise_orthogonal_columns_show_each_coordinate():
    """All eigenvalues are alpha: the estimate is soft(alpha w, l1) / (alpha + ridge), by quadrature."""
    law = RotationInvariantDesign(alpha=1.5, noise=0.0, ridge=0.5, l1=0.1)
    limit = law.limit()
    w = np.linspace(0, 12, 200_001)
    density = 2 * law.prior.rho * np.exp(-(w**2) / 2) / np.sqrt(2 * np.pi)
    estimate = np.maximum(1.5 * w - 0.1, 0) / 2
    for name, value in (("overlap", w * estimate), ("norm", estimate**2), ("mse", (w - estimate) ** 2)):
        assert float(limit[name]) == pytest.approx(np.trapezoid(density * value, w), rel=1e-7), name
    assert float(limit["active"]) == pytest.approx(np.trapezoid(density * (1.5 * w > 0.1), w), abs=1e-5)


def test_what_has_no_limit_or_cannot_be_averaged_is_refused():
    with pytest.raises(NoLimit, match="must not both be 0"):
        RotationInvariantDesign(l1=0.0, ridge=0.0).limit()
    with pytest.raises(StatementError, match="smooth function of the rank"):
        RotationInvariantDesign(singular_values=Halved()).limit()
    with pytest.raises(StatementError, match="smooth function of the rank.*nodes differ by 6.0e-05"):
        RotationInvariantDesign(singular_values=Steep()).limit()
    with pytest.raises(StatementError, match="one number for each rank, but gives an array of shape"):
        RotationInvariantDesign(singular_values=Constant()).limit()
