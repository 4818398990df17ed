"""Ridge regression on a convolved graph against all responses of a node, weak training by hand, and wrong laws."""

import numpy as np
import pytest
from scipy.optimize import root

from asymptopia import StatementError, confront, sweep, thresholds
from asymptopia.laws.inference.graph_convolution import GraphConvolution

SETTINGS = [{}, dict(graph=0.8, features=2.0, aspect=2.0, labelled=0.3, ridge=0.3), dict(aspect=0.4, ridge=4.0)]


def node(responses, known):
    """(output, convolved residual, convolved features, residual) of a node from the fields on them, linear."""
    hy, hq, ay, aq, w = responses
    return np.linalg.inv([[1, 0, -hy, -hq], [0, 1, -ay, -aq], [0, -w, 1, 0], [known, 0, 0, 1.0]])


@pytest.mark.parametrize("fields", SETTINGS)
def test_all_four_reactions_of_a_symmetric_graph_solve_to_the_same(fields):
    """The cavity equations of a symmetric W without the cancellation: h and the residual react to both their fields."""
    law = GraphConvolution(**fields)
    share, gamma = law.labelled, law.aspect

    def found(c):
        mean = (1 - share) * node(c, 0.0) + share * node(c, 1.0)
        return np.array([mean[2, 0], mean[2, 1], mean[3, 0], mean[3, 1], 1 / (law.ridge - gamma * mean[1, 2])])

    y, c, t = law._responses()
    guess = np.array([0.1, c * (1 - y), -t * (1 - y), -0.1, c])
    solved = root(lambda x: found(x) - x, guess, tol=1e-13).x
    np.testing.assert_allclose(solved, [0.0, c * (1 - y), -t, 0.0, c], atol=1e-9)


def test_weak_training_by_hand():
    """With much ridge w is B'A v / r on labelled nodes: r times the overlap is graph**2 labelled (1 + features)."""
    law = GraphConvolution(ridge=1e7, labelled=0.3, features=2.0, aspect=1.7)
    limit = law.limit()
    assert 1e7 * float(limit["overlap"]) == pytest.approx(1.5**2 * 0.3 * 3.0, rel=1e-5)
    assert float(limit["train_loss"]) == pytest.approx(0.5, rel=1e-5)


def test_without_ridge_the_loss_peaks_at_the_interpolation_threshold():
    law = GraphConvolution(aspect=2.0, ridge=1e-7)
    shares = (0.3, 0.45, 0.5, 0.55, 0.7)
    losses = sweep(law, labelled=shares).limit()
    assert int(np.argmax(losses["test_loss"].values)) == 2 and float(losses["test_loss"][2]) > 50
    assert (losses["train_loss"][:2] < 1e-9).all() and (losses["train_loss"][3:] > 1e-3).all()
    assert thresholds(law, "labelled") == {"interpolation": 0.5}
    assert thresholds(GraphConvolution(aspect=0.5), "labelled") == {}
    assert "peak" in law.valid()
    with pytest.raises(StatementError, match="labelled"):
        thresholds(law, "ridge")


@pytest.mark.parametrize("fields", SETTINGS[1:])
def test_finite_graphs_come_close(fields):
    law = GraphConvolution(**fields)
    limit, seen = law.limit(), law.experiment(sizes=(300,), seeds=40)
    for name in limit:
        values = seen[name].values.ravel()
        error = values.std(ddof=1) / len(values) ** 0.5
        assert abs(values.mean() - float(limit[name])) < 4 * error + 0.03 * abs(float(limit[name])), name


class WithoutFeatures(GraphConvolution):
    """The features carry no signal."""

    def predict(self):
        return GraphConvolution(features=0.0).predict()


class Asymmetric(GraphConvolution):
    """Each edge is seen twice, with independent noise: the graph's signal is larger by sqrt(2)."""

    def predict(self):
        return GraphConvolution(graph=1.5 * 2**0.5).predict()


def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    law = GraphConvolution()
    experiment = law.experiment(sizes=(80, 160, 320), seeds=60)
    assert confront(law, experiment, resolution=0.1).verdict != "disagrees"
    for wrong in (WithoutFeatures(), Asymmetric()):
        assert confront(wrong, experiment).verdict == "disagrees"
