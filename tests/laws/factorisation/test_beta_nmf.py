"""Descent, the minimum and the local rate of multiplicative updates, by two routes that share no code."""

import numpy as np
import pytest

from asymptopia import NoLimit, confront
from asymptopia.contract.batching import realize_block
from asymptopia.contract.record import StatementError
from asymptopia.laws.factorisation.beta_nmf import BetaNMF
from asymptopia.laws.factorisation.beta_nmf.theory import (
    Minimum,
    derivatives,
    divergence,
    flat_directions,
    minimum,
    slopes,
    unpacked,
    update_spectrum,
)  # fmt: skip
from asymptopia.parts.nonnegative import DigitImages, Notes, Planted


@pytest.mark.parametrize("beta", [-0.5, 0.0, 0.5, 1.0, 1.4, 2.0, 3.0])
def test_derivatives_against_differences(beta):
    rng = np.random.default_rng(0)
    X, z, step = rng.gamma(2, 1, (4, 3)) + 0.1, rng.gamma(2, 1, 14) + 0.2, 1e-5
    gradient, curvature, _ = derivatives(X, z, 2, beta, 0.3)

    def value(z):
        W, Ht = unpacked(z, X.shape, 2)
        return divergence(X, W @ Ht.T, beta).sum() + 0.3 * z.sum()

    for k in range(len(z)):
        e = step * (np.arange(len(z)) == k)
        assert (value(z + e) - value(z - e)) / (2 * step) == pytest.approx(gradient[k], rel=1e-6, abs=1e-7)
        columns = [derivatives(X, z + s * e, 2, beta, 0.3)[0] for s in (1, -1)]
        np.testing.assert_allclose((columns[0] - columns[1]) / (2 * step), curvature[k], rtol=1e-5, atol=1e-5)
    assert slopes(X, X, beta)[0] == pytest.approx(0, abs=1e-13)


@pytest.mark.parametrize(
    ("beta", "l1", "heuristic"),
    [(1.0, 2.0, False), (0.5, 1.0, False), (0.0, 1.0, True), (2.0, 0.5, False), (1.5, 0.5, False)],
)
def test_the_spectrum_is_that_of_the_differentiated_update(beta, l1, heuristic):
    """The update as one would write it, differentiated by differences at the minimum; no entry is at zero there."""
    from asymptopia.algorithms import factorise as steps
    from asymptopia.algorithms.factorise.nmf_problem import stated

    best = minimum(Planted(rows=6, columns=5, sparsity=0.0, noise=0.01), 1, beta, l1, 3)
    problem = stated(best.X, 1, beta, l1=(l1, l1))
    assert (best.z > 0).all()

    def update(z):
        step = steps.heuristic if heuristic else steps.mm
        return np.concatenate([A.ravel() for A in step(problem, unpacked(z, best.X.shape, 1))])

    np.testing.assert_allclose(update(best.z), best.z, rtol=1e-10)
    h = 1e-6
    columns = [(update(best.z + h * e) - update(best.z - h * e)) / (2 * h) for e in np.eye(len(best.z))]
    expected = np.sort(np.abs(np.linalg.eigvals(np.array(columns).T)))[::-1]
    np.testing.assert_allclose(update_spectrum(best, heuristic), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("fields", "n"),
    [
        (dict(), 400),
        (dict(beta=0.5, l1=1.0), 800),
        (dict(beta=1.0, rank=1, l1=1.0), 300),
        (dict(beta=0.0, rank=1, l1=0.0), 400),
        (dict(beta=3.0, rank=1, l1=0.0), 400),
        (dict(data=DigitImages(images=12), beta=0.5, rank=1, l1=0.0), 400),
        (dict(data=Notes(pitches=(60, 64), window=64, duration=0.1), beta=0.0, rank=1, l1=0.0), 400),
        (dict(beta=-0.5, rank=1, l1=0.0), 400),
        (dict(beta=0.5, rank=1, l1=0.0, heuristic=True), 400),
    ],
)
def test_the_measured_rate_is_the_predicted_one(fields, n):
    law = BetaNMF(**fields)
    limit, realisations = law.predict(), realize_block(law, n, (0, 1))
    assert 0.05 < limit["rate"] < 0.999
    np.testing.assert_allclose(realisations["rate"], limit["rate"], atol=1e-4)
    np.testing.assert_allclose(realisations["divergence"], limit["divergence"], rtol=1e-6)
    assert not realisations["violations"].any()


def test_a_wrong_exponent_gives_another_rate():
    best = minimum(Planted(), 2, 0.5, 1.0, 3)
    assert abs(update_spectrum(best, True)[0] - update_spectrum(best, False)[0]) > 1e-3


def test_one_component_is_the_product_of_the_marginals():
    law = BetaNMF(rank=1, l1=0.0)
    X = law.data.matrix()
    product = np.outer(X.sum(axis=1), X.sum(axis=0)) / X.sum()
    assert law.predict()["divergence"] == pytest.approx(np.mean(X * np.log(X / product)), rel=1e-12)


def test_mixtures_of_components_are_counted():
    rng = np.random.default_rng(1)
    W, Ht = rng.random((5, 2)), rng.random((4, 2))
    assert flat_directions(W, Ht, np.zeros(18, bool)) == 4
    W[0, 0] = 0  # now the second component cannot be mixed into the first column of W
    assert flat_directions(W, Ht, np.arange(18) == 0) == 3
    with pytest.raises(NoLimit, match="`l1` of BetaNMF must be > 0 here"):
        BetaNMF(l1=0.0).predict()


def test_it_is_refused_and_warned_about():
    with pytest.raises(NoLimit, match="`rank` of BetaNMF must be at most 12"):
        BetaNMF(rank=13).limit()
    with pytest.raises(NoLimit, match="`beta` of BetaNMF must be > 0, as the matrix has zeros"):
        BetaNMF(data=DigitImages(background=0.0), beta=0.0).limit()
    with pytest.raises(StatementError, match="`pitches` of Notes"):
        Notes(pitches=(60, 60))
    with pytest.raises(StatementError, match="below 4000 Hz"):
        Notes(pitches=(120,))
    assert "proved to descend" in BetaNMF(heuristic=True, beta=3.0).valid()
    assert isinstance(minimum(Planted(), 2, 1.0, 2.0, 6), Minimum)


def test_the_rate_agrees_and_a_wrong_one_would_not():
    law = BetaNMF()
    confrontation = confront(law, seeds=16)
    assert confrontation["rate"].verdict != "disagrees", str(confrontation)
    wrong = confrontation.limit.copy(deep=True)
    wrong["rate"] = wrong["rate"] + 2e-4
    judged = confront(law, experiment=confrontation.experiment, limit=wrong)["rate"]
    assert judged.verdict == "disagrees" and judged.largest_z > 10


@pytest.mark.parametrize("data", [Planted(), DigitImages(images=5), Notes(pitches=(60, 64), window=256)])
def test_matrices_are_positive_of_mean_one(data):
    X = data.matrix()
    assert (X > 0).all() and X.mean() == pytest.approx(1)


def test_the_loudest_frequencies_of_a_note_are_its_own():
    data = Notes(pitches=(69,), window=1024)
    times, frequencies = data.axes()
    X = data.matrix()
    assert X.shape == (len(times), len(frequencies))
    assert abs(frequencies[X[2].argmax()] - 440) < 8
    assert X[0].sum() > 3 * X[-1].sum(), "it decays"


def test_factors_too_large_for_newton_are_refused_before_work():
    with pytest.raises(NoLimit, match="2332 x 49 matrix have 9524 entries"):
        BetaNMF(data=Notes(rate=2000, duration=8.0, window=96), rank=4).predict()
