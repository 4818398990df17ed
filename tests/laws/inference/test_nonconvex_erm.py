"""Broken replica symmetry in empirical risk minimisation: other laws where they meet, sums on grids, finite systems."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit, logsumexp, ndtr

from asymptopia import NoLimit, StatementError, confront
from asymptopia.laws.inference.capacity.theory import _broken_energy
from asymptopia.laws.inference.erm import ERM
from asymptopia.laws.inference.erm.theory.stability import replicon
from asymptopia.laws.inference.nonconvex_erm import NonconvexERM
from asymptopia.laws.inference.nonconvex_erm.theory.averages import Order, averages
from asymptopia.laws.inference.nonconvex_erm.theory.envelope import envelope
from asymptopia.laws.inference.nonconvex_erm.theory.saddle import _energy, broken, symmetric
from asymptopia.parts.amplitude import Amplitude, Cauchy, Mistakes
from asymptopia.parts.channel import Abs, Linear, Logit, Sign
from asymptopia.parts.loss import Hinge, Logistic, Square

STORED = dict(teacher=Sign(flip=0.3), alpha=3.0, ridge=0.05)
ROBUST = dict(loss=Cauchy(scale=0.5), teacher=Linear(noise=4.0), alpha=3.0, ridge=0.03)


@pytest.mark.parametrize("fields", [
    ROBUST, dict(loss=Logistic(), teacher=Logit(), alpha=2.0, ridge=0.3),
    dict(loss=Square(), teacher=Abs(), alpha=1.5, ridge=0.2),
])  # fmt: skip
def test_without_a_step_it_is_the_replica_symmetric_student(fields):
    law, other = NonconvexERM(**fields, breaking=0), ERM(**fields)
    limit, expected = law.predict(), other.predict()
    assert limit["norm"] == pytest.approx(float(expected["norm"]), rel=1e-6, abs=1e-7)
    assert limit["cosine"] * limit["norm"] ** 0.5 == pytest.approx(float(expected["overlap"]), rel=1e-6, abs=1e-7)
    penalty = law.ridge / 2 * limit["norm"] / law.alpha
    assert limit["least_loss"] == pytest.approx(float(expected["train_loss"]) + penalty, rel=1e-6)
    assert limit["eigenvalue"] == pytest.approx(replicon(other), rel=1e-5)


def test_a_convex_loss_does_not_break():
    law = NonconvexERM(loss=Logistic(), teacher=Sign(flip=0.1), alpha=2.0, ridge=0.1)
    limit, before = law.predict(), law.replace(breaking=0).predict()
    assert limit == before and limit["eigenvalue"] < 1 and law.valid() is None


@pytest.mark.parametrize("loss, y, V", [
    (Mistakes(), 1.0, 9.0), (Mistakes(width=0.02), -1.0, 3.0), (Amplitude(), 2.0, 1.0), (Cauchy(scale=0.5), 0.0, 30.0),
    (Square(), 0.3, 2.0),
])  # fmt: skip
def test_the_envelope_is_the_minimum(loss, y, V):
    at = envelope(loss, y, V, -9.0, 11.0, 0.7)
    assert at.weight.sum() == pytest.approx(20.0, abs=1e-9) and np.all(np.diff(at.h) > 0)
    grid = np.linspace(-40, 40, 160_001)
    for k in range(0, len(at.h), 17):
        low = loss(np.full_like(grid, y), grid) + (grid - at.h[k]) ** 2 / (2 * V)
        assert low.min() - 1e-5 <= at.value[k] <= low.min() + 1e-11
        assert abs(grid[low.argmin()] - at.z[k]) < 5e-3
    assert at.jump == (type(loss) is not Square)


def test_a_steep_step_is_the_perceptron_above_its_capacity():
    """The energy of Majer, Engel and Zippelius, by the code of `Capacity`, at the same order parameters."""
    law = NonconvexERM(alpha=3.0, loss=Mistakes(kappa=1.0, width=1e-6), teacher=Sign(flip=0.5), ridge=1e-12)
    for x in (np.array([-0.3, 1.0, 1.5]), np.array([0.5, 0.0, 0.5])):
        V, q0, mu = float(np.exp(x[0])), float(expit(x[1])), float(np.exp(x[2]))
        order = Order(m=0.0, q=1.0, q0=q0, V=V, mu=mu)
        energy = _energy(law, order, averages(law.loss, law.teacher, order, 1.0))[0]
        assert energy == pytest.approx(_broken_energy(x, 3.0, 1.0) / 3.0, abs=2e-5)


def grid_energy(law, m, q, q0, V, mu):
    """The energy of a sample as sums over grids: of the proximal point, of both normal fields."""
    x, h = np.linspace(-12, 34, 4601), np.linspace(-30, 30, 1601)
    loss = law.loss(1.0, x)
    M = np.concatenate([(loss + (x - part[:, None]) ** 2 / (2 * V)).min(axis=1) for part in np.split(h[:-1], 16)])
    t = np.linspace(-7.5, 7.5, 201)
    bell = np.exp(-(t**2) / 2) / np.exp(-(t**2) / 2).sum()
    omega = np.sqrt(q0) * t
    chance = 2 * (0.3 + 0.4 * ndtr(m * omega / q0 / np.sqrt(1 - m**2 / q0)))
    value = np.interp(omega[:, None] + np.sqrt(q - q0) * t, h[:-1], M)
    average = (bell * chance) @ -logsumexp(-mu * value, b=bell, axis=1) / mu
    s = V + mu * (q - q0)
    return (law.ridge * q / 2 - np.log(s / V) / (2 * mu) - (q0 - m**2) / (2 * s)) / law.alpha + average


def test_the_broken_energy_is_a_saddle_of_sums_on_grids():
    """Stationary in all five order parameters; a maximum in V, q0 and mu."""
    law = NonconvexERM(**STORED)
    ground = broken(law)
    at = {k: getattr(ground.order, k) for k in ("m", "q", "q0", "V", "mu")}
    middle = grid_energy(law, **at)
    assert middle == pytest.approx(ground.energy, abs=0.0375**2 / (8 * at["V"]))  # of interpolation between fields
    for name, value in at.items():
        up, down = (grid_energy(law, **at | {name: value * (1 + e)}) for e in (0.01, -0.01))
        bend = (up + down - 2 * middle) / 1e-4
        assert abs(up - down) / 0.02 < 0.01 * middle, name
        assert (bend < 0) if name in ("V", "q0", "mu") else True


def test_one_step_raises_the_least_loss_and_is_uncertain_by_it():
    for law, least, most in ((NonconvexERM(**STORED), 0.02, 0.05), (NonconvexERM(), 0.001, 0.005)):
        limit, before = law.limit(), law.replace(breaking=0).limit()
        rise = float(limit.least_loss - before.least_loss)
        assert least < rise / float(limit.least_loss) < most
        assert float(limit.least_loss_error) == pytest.approx(rise) and "least_loss_error" not in before
        assert float(limit.symmetric_loss) == float(before.least_loss) == float(before.symmetric_loss)
        assert 0 < float(limit.state_overlap) < float(limit.norm)
        penalty = law.ridge / 2 * float(limit.norm) / law.alpha
        assert float(limit.train_loss) == pytest.approx(float(limit.least_loss) - penalty, rel=1e-5)


def test_what_is_not_exact_is_said_with_the_eigenvalue():
    assert "the eigenvalue 1.541 is above 1" in NonconvexERM(**ROBUST, breaking=0).valid()
    assert "jumps" in NonconvexERM(breaking=0).valid() and "inf" in NonconvexERM(breaking=0).valid()
    assert all(NonconvexERM(**fields).valid() is None for fields in ({}, STORED, ROBUST))


def test_a_small_step_where_replica_symmetry_is_hardly_unstable():
    ground, before = broken(NonconvexERM(**ROBUST)), symmetric(NonconvexERM(**ROBUST))
    assert 0 < ground.energy / before.energy - 1 < 2e-3
    assert ground.order.q0 < ground.order.q < before.order.q


def test_phase_retrieval_finds_the_signal_or_nothing():
    """The sign of the student is free: of both solutions the lower one counts."""
    law = NonconvexERM(loss=Amplitude(), teacher=Abs(), alpha=3.0, ridge=0.1)
    limit = law.predict()
    assert limit["cosine"] > 0.95 and limit["eigenvalue"] < 1 and law.valid() is None
    assert limit["least_loss"] < 0.6 * 0.0715  # of the solution without knowledge


def test_bad_statements_are_refused():
    with pytest.raises(NoLimit, match="must be smooth, but the slope of Hinge"):
        NonconvexERM(loss=Hinge()).limit()
    with pytest.raises(NoLimit, match="labels"):
        NonconvexERM(teacher=Linear()).limit()
    with pytest.raises(StatementError, match="breaking"):
        NonconvexERM(breaking=2)
    with pytest.raises(StatementError, match="ridge"):
        NonconvexERM(ridge=0.0)


def test_a_loss_of_ones_own_is_taken():
    def mistakes(y, z):
        return 0.5 - jnp.tanh((y * z - 0.5) / 0.6) / 2

    own, part = (NonconvexERM(**STORED, loss=loss, breaking=0).predict() for loss in (mistakes, Mistakes()))
    assert own["least_loss"] == pytest.approx(part["least_loss"], rel=1e-6)


def test_experiments_do_not_refute_the_limit_and_refute_wrong_ones():
    law = NonconvexERM()
    experiment, limit = law.experiment((6, 9, 12, 18), 40), law.limit()
    assert confront(law, experiment, limit).verdict != "disagrees"
    for factor in (0.6, 1.4):
        wrong = limit.assign(least_loss=factor * limit.least_loss)
        assert confront(law, experiment, wrong)["least_loss"].verdict == "disagrees"


def test_a_minimum_at_0_has_no_angle_with_the_teacher():
    law = NonconvexERM(loss=Mistakes(kappa=-9.0, width=0.05), alpha=1.0, ridge=1.0)
    values = law.experiment((4,), 2)
    assert (values["cosine"] == 0).all() and (values["norm"] == 0).all()
