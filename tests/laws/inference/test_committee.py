"""The committee machine: the perceptron as one unit, Gaussian closed forms, transitions, and finite systems."""

import numpy as np
import pytest

from asymptopia import NoLimit, StatementError, confront, parse, thresholds
from asymptopia.laws.inference.bayes_optimal import BayesOptimal
from asymptopia.laws.inference.committee import Committee
from asymptopia.laws.inference.committee.theory import (
    State,
    _excesses,
    apart,
    crossings,
    instability,
    machine_of,
    state,
    together,
    uninformative,
)
from asymptopia.laws.inference.committee.theory.exchangeable import outputs, votes, votes_error
from asymptopia.laws.inference.committee.theory.fields import output, output_error
from asymptopia.laws.inference.committee.theory.labels import vote, vote_error
from asymptopia.laws.inference.committee.theory.prior import learnt
from asymptopia.numerics.fixed_points import NotConverged
from asymptopia.parts.activation import Erf, Identity, Relu, Sign, Tanh
from asymptopia.parts.channel import Linear
from asymptopia.parts.prior import GaussBernoulli, Gaussian, Laplace, Rademacher, SparseRademacher


class Shifted(Gaussian):
    """Weights of mean 1 and variance 1/4."""

    def components(self):
        return (1.0,), (1.0,), (0.25,)


STATES = [np.array(q) for q in ([0.7, 0.0], [0.6, 1e-4], [0.75, 0.1], [0.9, 0.75])]


@pytest.mark.parametrize("prior", [Gaussian(), Rademacher(), GaussBernoulli(0.3)])
def test_one_unit_is_the_perceptron(prior):
    one = Committee(alpha=1.1, K=1, prior=prior).limit()
    other = BayesOptimal(alpha=1.1, prior=prior).limit()
    assert float(one.overlap[0, 0]) == pytest.approx(float(other.overlap), abs=1e-8)
    assert float(one.test_error) == pytest.approx(float(other.test_error), abs=1e-8)
    assert float(one.free_entropy) == pytest.approx(float(other.free_entropy), abs=1e-8)


@pytest.mark.parametrize(("K", "accuracy"), [(2, 1e-8), (3, 1e-6)])
def test_linear_units_are_linear_regression_on_their_sum(K, accuracy):
    several = Committee(alpha=1.5, K=K, activation=Identity(), noise=0.2).limit()
    other = BayesOptimal(alpha=1.5, channel=Linear(noise=0.2)).limit()
    np.testing.assert_allclose(several.overlap, float(other.overlap) / K, atol=accuracy)
    assert float(several.test_error) == pytest.approx(float(other.mse), abs=accuracy)


@pytest.mark.parametrize("q", STATES, ids=str)
def test_exchangeable_units_are_those_of_the_plane(q):
    """For two units the sums over a complex common field are the integrals over the plane."""
    V = 1 - q
    for one, other in ((votes(q, V, 2), vote(q, V)), (outputs(q, V, 2, Erf(), 0.2), output(q, V, Erf(), 0.2))):
        np.testing.assert_allclose(one[0], other[0], rtol=2e-5)
        assert one[1] == pytest.approx(other[1], abs=1e-5)
    assert votes_error(q, V, 2) == pytest.approx(vote_error(q, V), abs=1e-5)


@pytest.mark.parametrize(("activation", "noise", "K"), [(Sign(), 0.0, 3), (Sign(), 0.0, 4), (Relu(), 0.2, 2)])
def test_what_a_label_of_several_units_tells_by_sampling(activation, noise, K):
    """Against message passing's scores, which come from sums over fields, at fields that are drawn."""
    from asymptopia.algorithms.amp.committee_parts import label_scores, vote_probabilities
    from asymptopia.algorithms.amp.committee_parts import outputs as noiseless

    q, V, count = np.array([0.75, 0.3]), np.array([0.25, 0.7]), 20_000 if K == 3 else 2_000
    rng = np.random.default_rng(0)
    modes = np.linalg.qr(np.column_stack([np.ones(K), np.eye(K)[:, 1:]]))[0]
    spread = [modes @ np.diag(np.r_[v[0], np.full(K - 1, v[1])]) @ modes.T for v in (q, V)]
    omega = rng.multivariate_normal(np.zeros(K), spread[0], count)
    fields = omega + rng.multivariate_normal(np.zeros(K), spread[1], count)
    if noise:
        y = noiseless(fields, activation) + np.sqrt(noise) * rng.standard_normal(count)
        told = outputs(q, V, K, activation, noise)[0]
    else:
        y = np.sign(np.sign(fields).sum(axis=1))
        told = votes(q, V, K)[0]
        labels, shares = vote_probabilities(omega, spread[1])
        wrong = labels[shares.argmax(axis=1)] != y
        assert abs(wrong.mean() - votes_error(q, V, K)) < 4 * wrong.std() / np.sqrt(count)
    g = label_scores(y, K, activation, noise)(omega, spread[1])[0] @ modes
    for sample, value in ((g[:, 0] ** 2, told[0]), ((g[:, 1:] ** 2).mean(axis=1), told[1])):
        assert abs(sample.mean() - value) < 4 * sample.std() / np.sqrt(count)


def test_three_units_are_told_apart_in_a_jump():
    """At alpha = 12 the teacher's basin is the equilibrium, at 11 metastable; the other becomes unstable at 19.232."""
    law = Committee(alpha=12.0, K=3)
    assert "hard phase" in law.valid()
    points = law.fixed_points()
    assert points[0].values["difference"] == 0 and points[0].stable
    assert points[-1].values["difference"] > 0.8 and points[-1].stable
    assert "metastable" in law.replace(alpha=11.0, start="informative").valid()
    machine = machine_of(law)
    assert [instability(machine, together_at(machine, alpha)) > 1 for alpha in (19.22, 19.24)] == [False, True]


def together_at(machine, alpha):
    """The log precision at which the units are not told apart, by bisection."""
    low, high = 0.0, 5.0
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if together(machine, middle).alpha < alpha else (low, middle)
    return low


def test_where_three_units_told_apart_exist_and_are_the_equilibrium():
    """Their branch, by the log precision of the difference, turns at alpha = 10.924 and gains from 11.332."""
    machine = machine_of(Committee(K=3))
    _excesses(machine)[1.26] = 2.59970344 - 1.26  # where the search begins, not what it finds
    before, turn, after = (apart(machine, x).alpha for x in (0.54, 0.64, 0.74))
    assert 10.92 < turn < 10.926 and turn < min(before, after)
    gains = []
    for x, alpha in ((1.26, 11.3127), (1.28, 11.3374)):
        s = apart(machine, x)
        assert s.alpha == pytest.approx(alpha, abs=2e-3)
        gains.append(s.free_entropy(s.alpha) - next(crossings(machine, together, s.alpha)).free_entropy(s.alpha))
    assert gains[0] < 0 < gains[1]


def test_a_jump_turns_and_crosses(monkeypatch):
    """On a branch with alpha = 10 + (x - 1)^2 whose free entropy exceeds the other's by x - 2."""
    from asymptopia.laws.inference.committee.theory import transitions

    def along(machine, x):
        A, alpha = np.exp([x, x]), 10 + (x - 1) ** 2
        return State(A, A, A, A / alpha, x - 2, 0.0)

    zero = State(*(np.ones(2),) * 4, 0.0, 0.0)
    monkeypatch.setattr(transitions, "apart", along)
    monkeypatch.setattr(transitions, "crossings", lambda *_: iter([zero]))
    path = [(along, x) for x in np.arange(-1.2, 4.0, 0.5)]
    transition = transitions.jump(machine_of(Committee(K=3)), 13.0, path)
    assert transition["algorithmic"] == 13.0
    assert transition["informative_spinodal"] == pytest.approx(10, abs=1e-5)
    assert transition["information_theoretic"] == pytest.approx(11, abs=1e-3)


def test_a_narrow_passage_is_no_fixed_point(monkeypatch):
    """Steps that nearly stop at x = 1, where two fixed points have just met, go on to the one at -1."""
    from asymptopia.laws.inference.committee import theory

    def passing(machine, A):
        x = np.log(A)
        new = np.array([x[1] / 2, x[1] - 0.15 * ((x[1] - 1) ** 2 + 1e-3) * (x[1] + 1)])
        return theory.State(A, A, A, np.exp(new) / 3.0, 0.0, 0.0)

    monkeypatch.setattr(theory, "state", passing)
    settled = theory.settled(machine_of(Committee(K=3)), 3.0, np.array([1.5, 2.5]))
    np.testing.assert_allclose(np.log(settled.A), [-0.5, -1.0], atol=1e-4)


@pytest.mark.parametrize("prior", [Gaussian(), Rademacher()])
def test_averages_that_fail_are_not_a_recovered_teacher(monkeypatch, prior):
    from asymptopia.laws.inference.committee import theory

    def failing(machine, A):
        if A[0] > 1:
            raise NotConverged("too sharp")
        return State(A, A, A, np.full(2, 0.9), 0.0, 0.0)

    monkeypatch.setattr(theory, "state", failing)
    with pytest.raises(NoLimit, match="beyond quadrature|too sharp"):
        theory.predict(Committee(activation=Erf(), noise=0.317, prior=prior))


def test_recovered_weights_leave_the_noise_of_real_labels():
    law = Committee(K=1, activation=Erf(), noise=0.3, prior=Rademacher(), alpha=30.0)
    expected = -np.log(2) - 15 * np.log(2 * np.pi * np.e * 0.3)
    assert float(law.limit().free_entropy) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("noise", [0.05, 1e6])
def test_linear_labels_of_any_noise_tell_as_one_unit(noise):
    q = np.array([0.7, 0.0])
    told, entropy = outputs(q, 1 - q, 3, Identity(), noise)
    assert told[0] == pytest.approx(1 / (0.3 + noise), rel=1e-4)
    assert entropy == pytest.approx(-np.log(2 * np.pi * np.e * (0.3 + noise)) / 2, abs=1e-5)


@pytest.mark.parametrize("q", STATES, ids=str)
def test_what_a_vote_tells_by_sampling(q):
    """E Z |d log Z / d omega|**2 and the error by drawing fields; the law of large numbers bounds the deviation."""
    from asymptopia.algorithms.amp.committee_parts import label_scores, vote_probabilities

    V, count = 1 - q, 200_000
    rng = np.random.default_rng(0)
    turn = np.array([[1, 1], [1, -1]]) / np.sqrt(2)
    omega = (rng.standard_normal((count, 2)) * np.sqrt(q)) @ turn
    covariance = turn @ np.diag(V) @ turn
    y = np.sign(np.sign(omega + (rng.standard_normal((count, 2)) * np.sqrt(V)) @ turn).sum(axis=1))
    g = label_scores(y, 2, Sign(), 0.0)(omega, covariance)[0] @ turn
    labels, shares = vote_probabilities(omega, covariance)
    information, entropy = vote(q, V)
    of_y = np.log(np.take_along_axis(shares, np.searchsorted(-labels, -y)[:, None], axis=1)[:, 0])
    for values, sample in (
        (information[0], g[:, 0] ** 2),
        (information[1], g[:, 1] ** 2 * (q[1] > 0)),
        (entropy, of_y),
        (vote_error(q, V), labels[shares.argmax(axis=1)] != y),
    ):
        assert abs(np.mean(sample) - values) <= 4 * np.std(sample) / np.sqrt(count) + 1e-12


@pytest.mark.parametrize("q", STATES[2:], ids=str)
def test_the_information_is_the_derivative_of_the_free_entropy(q):
    """I-MMSE: d E log Z / d q = information / 2, for votes and for real labels."""
    h = 1e-4
    for function in (vote, lambda q, V: output(q, V, Erf(), 0.2)):
        information, _ = function(q, 1 - q)
        for k in range(2):
            step = h * np.eye(2)[k]
            slope = (function(q + step, 1 - q - step)[1] - function(q - step, 1 - q + step)[1]) / (2 * h)
            assert slope == pytest.approx(information[k] / 2, rel=2e-6)
    for function in (lambda q, V: votes(q, V, 3), lambda q, V: outputs(q, V, 3, Relu(), 0.3)):
        information, _ = function(q, 1 - q)
        for k in range(2):
            step = 1e-2 * np.eye(2)[k]
            slope = (function(q + step, 1 - q - step)[1] - function(q - step, 1 - q + step)[1]) / 2e-2
            assert slope == pytest.approx((1, 2)[k] * information[k] / 2, rel=3e-3)


@pytest.mark.parametrize("prior", [Rademacher(), SparseRademacher(0.3), GaussBernoulli(0.3)])
def test_weights_are_learnt_as_the_mmse_says(prior):
    A, h = np.array([2.0, 0.7]), 1e-4
    q, V, _ = learnt(prior, A)
    np.testing.assert_allclose(q + V, prior.second_moment, atol=1e-8)
    for k in range(2):
        step = h * np.eye(2)[k]
        slope = (learnt(prior, A + step)[2] - learnt(prior, A - step)[2]) / (2 * h)
        assert slope == pytest.approx(q[k] / 2, abs=1e-7)


def test_the_error_of_smooth_units_is_a_variance():
    rng = np.random.default_rng(1)
    overlap = np.array([[0.6, 0.2], [0.2, 0.6]])
    omega = rng.multivariate_normal([0, 0], overlap, 4000)
    fields = omega[:, None] + rng.multivariate_normal([0, 0], np.eye(2) - overlap, (4000, 200))
    spread = Tanh()(fields).sum(axis=-1).var(axis=1, ddof=1) / 2
    expected = output_error(overlap, np.eye(2), Tanh())
    assert abs(spread.mean() - expected) < 4 * spread.std() / np.sqrt(4000)


def test_specialisation():
    """At the transition the two curves meet; the units are equal below, and differ above it."""
    law = Committee()
    alpha = thresholds(law)["specialisation"]
    assert alpha == pytest.approx(2.05238, abs=1e-5)
    machine = machine_of(law)
    assert apart(machine, -14.0).alpha == pytest.approx(alpha, abs=1e-5)
    below, above = (law.replace(alpha=alpha * s).limit().overlap.values for s in (0.99, 1.01))
    assert below[0, 0] == below[0, 1] and above[0, 0] - above[0, 1] > 1e-3
    points = law.replace(alpha=3.0).fixed_points()
    assert [p.stable for p in points] == [False, True]
    assert points[0].free_entropy < points[1].free_entropy
    assert points[1].values["difference"] > 0 == points[0].values["difference"]


def test_smooth_units_are_told_apart_where_a_direct_sum_says():
    """There alpha E[(d^2 log p / d omega_2^2)^2] = 1, by a dense sum over fields and labels at q = 0.88462375."""
    machine, x = machine_of(Committee(activation=Erf(), noise=0.1)), np.log(0.8846237549 / (1 - 0.8846237549))
    assert together(machine, x).alpha == pytest.approx(3.177556, abs=2e-6)
    assert instability(machine, x) == pytest.approx(1, abs=2e-6)


def test_fixed_points_solve_the_equations():
    machine = machine_of(Committee(prior=Rademacher()))
    for s in (together(machine, 0.3), apart(machine, -0.5), uninformative(machine, 1.8)):
        again = state(machine, s.A)
        np.testing.assert_allclose(s.alpha * again.information, s.A, rtol=1e-8)
    assert instability(machine, 0.3) < 1 < instability(machine, 1.0)


def test_signs_are_recovered_in_a_jump():
    law = Committee(prior=Rademacher())
    transitions = thresholds(law)
    assert transitions["information_theoretic"] < transitions["specialisation"] < transitions["algorithmic"]
    for name, value in (("information_theoretic", 1.54609), ("specialisation", 1.58932), ("algorithmic", 1.97706)):
        assert transitions[name] == pytest.approx(value, abs=2e-5)
    hard = law.replace(alpha=1.7)
    assert "hard phase" in hard.valid() and law.replace(alpha=1.5).valid() is None
    easy = law.replace(alpha=2.0).limit()
    np.testing.assert_array_equal(easy.overlap, np.eye(2))
    assert float(easy.test_error) == 0 and float(easy.free_entropy) == pytest.approx(-2 * np.log(2))
    assert float(hard.replace(start="informative").limit().overlap[0, 0]) == 1
    assert "metastable" in law.replace(alpha=1.5, start="informative").valid()


def test_bad_statements_are_refused():
    for law, message in (
        (Committee(noise=0.1), "must be None"),
        (Committee(activation=Erf()), "must be a number > 0"),
        (Committee(K=3, prior=Rademacher()), "must be Gaussian of mean 0 for three or more"),
        (Committee(K=3, prior=Shifted()), "must be Gaussian of mean 0 for three or more"),
        (Committee(activation=Relu(), noise=1e-9), "labels of 2 Relu.* are so sharp"),
        (Committee(activation=Erf(), noise=1e-9), "labels of 2 Erf.* are so sharp"),
        (Committee(prior=Laplace()), "mixture of at most 8 Gaussians"),
    ):
        with pytest.raises(NoLimit, match=message):
            law.limit()
    with pytest.raises(StatementError, match="one of 1, 2, 3, 4"):
        Committee(K=5)
    with pytest.raises(StatementError, match="one of 1, 2, 3, 4, but is '3'"):
        Committee(K="3")
    with pytest.raises(StatementError, match="along 'noise'"):
        thresholds(Committee(), "noise")


@pytest.mark.parametrize(
    ("statement", "size", "seeds"),
    [
        ("Committee(alpha=1.2)", 200, 10),
        ("Committee(alpha=3.5, prior=Rademacher())", 120, 3),
        ("Committee(alpha=1.5, activation=Erf(), noise=0.3)", 150, 5),
        ("Committee(alpha=2.0, K=3)", 100, 4),
        ("Committee(alpha=1.5, activation=Relu(), noise=0.3)", 100, 4),
    ],
)
def test_message_passing_meets_the_limit(statement, size, seeds):
    law = parse(statement)
    limit, runs = law.limit(), law.experiment((size,), seeds).isel(size=0)
    for name in ("overlap", "test_error"):
        mean, error = runs[name].mean("seed"), runs[name].std("seed", ddof=1) / np.sqrt(seeds)
        assert np.all(np.abs(mean - limit[name]) < 4.5 * error + 3 / size), name


def test_a_wrong_limit_is_refuted():
    law = Committee(alpha=1.2)
    experiment, limit = law.experiment((100, 200), 8), law.limit()
    wrong = law.replace(alpha=2.4).limit()
    assert confront(law, experiment, limit).verdict != "disagrees"
    assert confront(law, experiment, wrong)["overlap"].verdict == "disagrees"
