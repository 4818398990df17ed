"""The law to copy satisfies what a law of the library must, and the experiment tells a wrong one from it."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad

from asymptopia import NoLimit, confront, load_file, parse

FILE = Path(__file__).parents[1] / "docs" / "skeletons" / "law.py"


@pytest.fixture(scope="module")
def law_class():
    return load_file(FILE)["SampleCovariance"]


def test_it_says_what_a_law_says(law_class):
    assert law_class.summary().endswith(".") and law_class.source and law_class.bibtex and law_class.status
    assert all(f.metadata["doc"] for f in dataclasses.fields(law_class))
    law = law_class(alpha=1.5)
    assert parse(repr(law), {"SampleCovariance": law_class}) == law


@pytest.mark.parametrize("alpha", [1.2, 2.0, 7.0])
def test_the_limit_is_the_average_over_the_density(law_class, alpha):
    low, high = (1 - alpha**-0.5) ** 2, (1 + alpha**-0.5) ** 2

    def average(f):
        # x = centre - radius cos(angle) takes the roots of the density at its edges away
        def integrand(angle):
            x = (low + high) / 2 - (high - low) / 2 * np.cos(angle)
            return f(x) * ((high - low) / 2 * np.sin(angle)) ** 2 / x

        return alpha / (2 * np.pi) * quad(integrand, 0, np.pi, epsabs=1e-13, epsrel=1e-13)[0]

    limit = law_class(alpha=alpha).limit()
    assert average(np.ones_like) == pytest.approx(1, rel=1e-11)
    assert float(limit.log_volume) == pytest.approx(average(np.log), rel=1e-10)
    assert float(limit.mean_inverse) == pytest.approx(average(lambda x: 1 / x), rel=1e-10)


def test_landmarks_are_reproduced(law_class):
    for mark in law_class.landmarks:
        predicted = law_class(**mark.fields).limit()[mark.observable]
        assert abs(float(predicted) - mark.value) <= mark.tolerance


def test_limit_and_experiment_agree_and_a_wrong_limit_is_refuted(law_class):
    assert confront(law_class()).verdict == "agrees"

    class Wrong(law_class):
        def predict(self):
            return {name: 1.02 * value for name, value in law_class.predict(self).items()}

    assert confront(Wrong()).verdict == "disagrees"


def test_where_there_is_no_limit_it_says_so(law_class):
    with pytest.raises(NoLimit, match="must be > 1"):
        law_class(alpha=1.0).limit()
    assert "smallest eigenvalue" in law_class(alpha=1.01).valid()
