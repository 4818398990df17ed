"""The conjugate posterior by a second route, its limits, and every sampler against it."""

import numpy as np
import pytest

from asymptopia import StatementError, confront
from asymptopia.laws.sampling.bayesian_network import BayesianNetwork
from asymptopia.parts.data import Bundled
from asymptopia.parts.sampler import HMC, InfiniteSwapping, RandomWalk


def test_the_posterior_in_the_space_of_functions():
    """The output as a Gaussian process: mean k (K + s2)^-1 y, variance k(x, x) - k (K + s2)^-1 k."""
    law = BayesianNetwork(noise=0.3, ridge=2.0, features="relu:20")
    features, labels, probes = law.design()
    kernel = features @ features.T / law.ridge + law.noise * np.eye(law.samples)
    cross = probes @ features.T / law.ridge
    limit = law.limit()
    np.testing.assert_allclose(limit["mean"], cross @ np.linalg.solve(kernel, labels), rtol=1e-9)
    own = (probes**2).sum(axis=1) / law.ridge
    np.testing.assert_allclose(
        limit["variance"], own - np.einsum("ij,ji->i", cross, np.linalg.solve(kernel, cross.T)), rtol=1e-9
    )


def test_a_regression_without_hidden_layer_is_scikit_learn_s_ridge():
    from sklearn.linear_model import Ridge

    law = BayesianNetwork(data=Bundled(name="diabetes"), features="none", noise=0.5, ridge=3.0, samples=100)
    features, labels, probes = law.design()
    fitted = Ridge(alpha=law.noise * law.ridge, fit_intercept=False).fit(features, labels)
    np.testing.assert_allclose(law.limit()["mean"], fitted.predict(probes), rtol=1e-8)


def test_more_samples_than_there_are_are_refused():
    with pytest.raises(StatementError, match="`samples` of BayesianNetwork must be <= 1793"):
        BayesianNetwork(samples=1795).limit()
    with pytest.raises(StatementError, match="activation"):
        BayesianNetwork(features="tanhh:4")


@pytest.mark.parametrize(
    "sampler", [HMC(), RandomWalk(), InfiniteSwapping(temperatures=(1.0, 2.0))], ids=lambda s: type(s).__name__
)
def test_limit_and_experiment_agree(sampler):
    confrontation = confront(BayesianNetwork(sampler=sampler), sizes=(500,), seeds=200)
    assert confrontation.verdict != "disagrees"


def test_a_wrong_posterior_is_refuted():
    class Wrong(BayesianNetwork):
        def predict(self):
            prediction = super().predict()
            return prediction | {"variance": 1.5 * prediction["variance"]}

    assert confront(Wrong(), sizes=(100, 200), seeds=100)["variance"].verdict == "disagrees"
