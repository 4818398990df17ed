"""Stein variational gradient descent against closed forms, its partial differential equation, and wrong laws."""

import numpy as np
import pytest

from asymptopia import NoLimit, confront
from asymptopia.algorithms.particles.stein import descend, velocity
from asymptopia.laws.mean_field.stein_particles import Bilinear, Radial, SteinParticles
from asymptopia.parts.potential import DoubleWell, Normal, Quadratic


def test_two_particles_by_hand():
    x, width = np.array([0.3, -0.8]), 0.7
    k = np.exp(-(1.1**2) / (2 * width**2))
    slope = 2 * x
    expected = [
        (-slope[0] + k * (1.1 / width**2) - k * slope[1]) / 2,
        (-slope[1] - k * (1.1 / width**2) - k * slope[0]) / 2,
    ]
    np.testing.assert_allclose(velocity(x, slope, Radial(width)), expected, rtol=1e-13)
    linear = [(2 * y - (1 + x * y) @ slope + (x.sum() - y) * 0) / 2 for y in x]
    np.testing.assert_allclose(velocity(x, slope, Bilinear()), linear, rtol=1e-13)


@pytest.mark.parametrize("kernel", [Bilinear(), Radial(0.6)])
def test_the_derivative_of_a_kernel_is_its_own(kernel):
    x, y, h = np.array([0.2, -1.0]), np.array([0.9, 0.4]), 1e-5
    differences = (kernel(x, y + h) - kernel(x, y - h)) / (2 * h)
    np.testing.assert_allclose(kernel.derivative(x, y), differences, atol=1e-9)


def test_finite_clouds_follow_the_equations_of_their_own_moments():
    """With the kernel 1 + x y and a quadratic potential only the first two moments enter, whatever the start."""
    x = np.random.default_rng(0).exponential(size=5)
    law = SteinParticles(target=Quadratic(1.5), start=Normal(mean=x.mean(), variance=x.var()), times=(0.4, 1.3))
    path, limit = descend(x, law.target.slope, law.kernel, law.times), law.limit()
    np.testing.assert_allclose(path.mean(axis=1), limit["mean"], rtol=1e-6)
    np.testing.assert_allclose(path.var(axis=1), limit["variance"], rtol=1e-6)


def test_the_first_instants_of_the_density_are_those_of_integrals_over_pairs():
    """m' = E u and v' = 2 E (x - m) u, with the mean over pairs by a product of Gauss-Hermite rules."""
    law = SteinParticles(target=DoubleWell(), kernel=Radial(0.8), start=Normal(mean=0.5, variance=0.6), times=(1e-4,))
    z, w = np.polynomial.hermite_e.hermegauss(80)
    w = w / w.sum()
    x = 0.5 + np.sqrt(0.6) * z
    a, b = x[:, None], x[None, :]
    k = np.exp(-((a - b) ** 2) / (2 * 0.64))
    u = (k * ((a - b) / 0.64 - (b**3 - b))) @ w
    limit = law.limit()
    assert (float(limit["mean"][0]) - 0.5) / 1e-4 == pytest.approx(w @ u, rel=1e-3)
    assert (float(limit["variance"][0]) - 0.6) / 1e-4 == pytest.approx(2 * w @ ((x - 0.5) * u), rel=1e-3)


def test_both_routes_of_the_theory_agree_for_normal_laws():
    """The map from the start, followed for the kernel 1 + x y, stays affine and gives the two numbers."""

    class Rewritten(Bilinear):
        """The same kernel by another formula."""

    class Mapped(SteinParticles):
        def predict(self):
            from asymptopia.laws.mean_field.stein_particles import theory

            mean, variance = theory._mapped(self, *theory._quadrature(160))
            return {"mean": mean, "variance": variance}

    fields = dict(target=DoubleWell(), start=Normal(mean=0.3, variance=0.5))
    one, other = SteinParticles(**fields).limit(), Mapped(kernel=Rewritten(), **fields).limit()
    for name in ("mean", "variance"):
        np.testing.assert_allclose(one[name], other[name], rtol=1e-7)


def test_a_normal_target_is_kept_and_reached():
    target = Normal(mean=0.0, variance=0.5)
    for kernel in (Bilinear(), Radial(1.0)):
        limit = SteinParticles(target=Quadratic(2.0), kernel=kernel, start=target).limit()
        np.testing.assert_allclose(limit["mean"], 0.0, atol=1e-9)
        np.testing.assert_allclose(limit["variance"], 0.5, rtol=1e-8)
    late = SteinParticles(times=(12.0,)).limit()
    assert float(late["variance"][0]) == pytest.approx(0.5, rel=1e-6)
    still = SteinParticles(start=Normal(mean=1.0, variance=0.0)).limit()
    np.testing.assert_array_equal(still["variance"], 0.0)


def test_what_has_no_limit_is_refused_and_narrow_kernels_are_not_trusted():
    with pytest.raises(NoLimit, match="confining"):
        SteinParticles(target=Quadratic(1.0).from_callable(lambda x: 0 * x)).limit()
    assert "wide" in SteinParticles(kernel=Radial(0.02)).valid()
    assert SteinParticles(kernel=Radial(0.5)).valid() is None


class WithoutRepulsion(SteinParticles):
    """The derivative of the kernel is forgotten."""

    def predict(self):
        from asymptopia.laws.mean_field.stein_particles import theory

        class Alone(Radial):
            def derivative(self, x, y):
                return 0 * x * y

        mean, variance = theory._mapped(self.replace(kernel=Alone(self.kernel.width)), *theory._quadrature(160))
        return {"mean": mean, "variance": variance}


class Steeper(SteinParticles):
    """A potential 20 % steeper than that of the particles."""

    def predict(self):
        return SteinParticles(target=Quadratic(2.4), kernel=self.kernel, start=self.start, times=self.times).predict()


def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    fields = dict(kernel=Radial(1.0), times=(0.5, 1.5))
    law = SteinParticles(**fields)
    experiment = law.experiment(sizes=(12, 24, 48), seeds=60)
    assert confront(law, experiment, resolution=0.1).verdict != "disagrees"
    for wrong in (WithoutRepulsion(**fields), Steeper(**fields)):
        assert confront(wrong, experiment).verdict == "disagrees"
