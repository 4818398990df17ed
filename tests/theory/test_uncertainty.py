"""Scores of stated probabilities: against integrals over both fields, and of students who know all there is to know."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit, ndtr
from scipy.stats import norm

from asymptopia import sweep
from asymptopia.laws.inference.erm import ERM
from asymptopia.parts.channel import Logit, Probit, Sign
from asymptopia.parts.loss import Hinge
from asymptopia.theory.uncertainty import scores


@pytest.mark.parametrize(
    ("teacher", "chance"),
    [(Sign(flip=0.1), lambda f: np.where(f > 0, 0.9, 0.1)), (Logit(scale=2.0), lambda f: expit(2 * f))],
    ids=["sign", "logit"],
)
@pytest.mark.parametrize(("m", "q"), [(0.6, 0.8), (1.5, 2.3), (0.02, 0.5)])
def test_scores_are_averages_over_the_fields_of_student_and_teacher(teacher, chance, m, q):
    z, w = np.polynomial.legendre.leggauss(400)
    one = np.concatenate([4.25 * z - 4.25, 4.25 * z + 4.25])
    weight = 4.25 * np.tile(w, 2) * norm.pdf(one)
    student, rest = np.sqrt(q) * one[:, None], np.sqrt(1 - m**2 / q)
    # the teacher's field in two panels, which meet where it is 0
    cut = np.clip(-m / q * student / rest, -8.5, 8.5)
    low, high = (cut - 8.5) / 2 + (cut + 8.5) / 2 * z, (cut + 8.5) / 2 + (8.5 - cut) / 2 * z
    other = np.concatenate([low, high], axis=1)
    both = np.concatenate([(cut + 8.5) / 2 * w, (8.5 - cut) / 2 * w], axis=1) * norm.pdf(other) * weight[:, None]
    right = chance(m / q * student + rest * other)
    p = expit(student)
    expected = {
        "log_loss": -right * np.log(p) - (1 - right) * np.log1p(-p),
        "brier": right * (1 - p) ** 2 + (1 - right) * p**2,
        "overconfidence": np.maximum(p, 1 - p) - np.where(student > 0, right, 1 - right),
    }
    found = scores(teacher, np.array([m]), np.array([q]), np.array([1.0]), lambda z: z)
    for name, value in expected.items():
        assert found[name][0] == pytest.approx((both * value).sum(), abs=2e-9), name


def test_one_who_states_the_posterior_is_calibrated_and_pays_the_conditional_entropy():
    """Of a probit label the probability given the student's field is known; the log loss is its entropy."""
    m, q, noise = 0.5, 0.5, 0.3

    def stated(z):
        p = ndtr(z / np.sqrt(1 - q + noise))
        return np.log(p) - np.log1p(-p)

    found = scores(Probit(noise=noise), np.array([m]), np.array([q]), np.array([1.0]), stated)
    assert found["overconfidence"][0] == pytest.approx(0, abs=1e-12)

    def entropy(z):
        p = ndtr(z / np.sqrt(1 - q + noise))
        return -norm.pdf(z, scale=np.sqrt(q)) * (p * np.log(p) + (1 - p) * np.log1p(-p))

    assert found["log_loss"][0] == pytest.approx(quad(entropy, -5.5, 5.5, epsabs=1e-12)[0], abs=1e-9)


def test_one_large_system_sees_a_student_that_is_too_sure():
    law, d = ERM(alpha=3.0, ridge=0.1, teacher=Logit(scale=2.0)), 200
    limit, runs = law.limit(), law.experiment((d,), 8)
    assert float(limit["overconfidence"]) > 0.08
    for name in ("log_loss", "brier", "overconfidence"):
        values = runs[name].values.ravel()
        assert values.mean() == pytest.approx(float(limit[name]), abs=4 * values.std() / 8**0.5 + 5 / d), name


def test_teachers_may_be_swept():
    flips = (Sign(flip=0.0), Sign(flip=0.3))
    limit = sweep(ERM(), teacher=flips).limit()
    for k, teacher in enumerate(flips):
        alone = ERM(teacher=teacher).limit()
        for name in ("log_loss", "brier", "overconfidence"):
            assert float(limit[name][k]) == pytest.approx(float(alone[name]), rel=1e-9)


def test_only_the_logistic_loss_states_probabilities():
    assert "log_loss" in ERM().limit() and "log_loss" not in ERM(loss=Hinge()).limit()
