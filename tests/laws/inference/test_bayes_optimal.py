"""State evolution: reference values, closed forms, every prior with every channel against sampling, and transitions."""

import itertools
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia import confront, parse, sweep, thresholds
from asymptopia.algorithms.amp.gamp import gamp
from asymptopia.contract.record import StatementError
from asymptopia.contract.transitions import State
from asymptopia.laws.inference.bayes_optimal import BayesOptimal
from asymptopia.laws.inference.bayes_optimal import theory as bayes_theory
from asymptopia.parts.channel import Abs, Channel, Door, Linear, Logit, Probit, ReLU, Sign
from asymptopia.parts.prior import GaussBernoulli, Gaussian, Laplace, Prior, Rademacher, SparseRademacher
from asymptopia.theory.scalar import coordinate
from asymptopia.theory.seen import label

ROWS = [
    row
    for row in json.loads((Path(__file__).parents[2] / "reference" / "inference.json").read_text())
    if row["statement"].startswith("BayesOptimal")
]
PRIORS = [Gaussian(), Rademacher(), GaussBernoulli(rho=0.3), SparseRademacher(rho=0.3), Laplace()]
CHANNELS = [Linear(noise=0.1), Sign(), Sign(flip=0.1), Logit(scale=2.0), Probit(noise=0.3), Abs(), ReLU(), Door()]


class Spikes(Prior):
    """SparseRademacher(rho=0.3), from its log-partition alone."""

    def sample(self, size, rng):
        return SparseRademacher(rho=0.3).sample(size, rng)

    def log_partition(self, A, B):
        height = 0.3**-0.5
        both = jnp.logaddexp(B * height, -B * height) - A * height**2 / 2
        return jnp.logaddexp(jnp.log(0.7), jnp.log(0.15) + both)


class Smooth(Channel):
    """Probit(noise=0.3), from its log-partition alone."""

    def sample(self, z, rng):
        return Probit(noise=0.3).sample(z, rng)

    def log_partition(self, y, mean, variance):
        return jax.scipy.special.log_ndtr(y * mean / jnp.sqrt(variance + 0.3))


class Unfair(Smooth):
    """Probabilities that sum to 0.9."""

    def log_partition(self, y, mean, variance):
        return jnp.log(0.9) + super().log_partition(y, mean, variance)


@pytest.mark.parametrize("row", [r for r in ROWS if r["kind"] == "value"], ids=lambda r: r["id"])
def test_reference_values(row):
    value = float(parse(row["statement"]).limit()[row["observable"]])
    assert value == pytest.approx(row["value"], rel=1e-8, abs=1e-10)


@pytest.mark.parametrize("statement", sorted({r["statement"] for r in ROWS if r["kind"] == "threshold"}))
def test_reference_thresholds(statement):
    transitions = thresholds(parse(statement), "alpha")
    for row in ROWS:
        if row["statement"] == statement:
            assert transitions[row["observable"]] == pytest.approx(row["value"], rel=2e-6)


@pytest.mark.parametrize("rho, algorithmic", [(0.1, 0.20756), (0.3, 0.48021), (0.5, 0.68570)])
def test_compressed_sensing(rho, algorithmic):
    """Perfect recovery needs alpha > rho (Wu and Verdu); message passing more (Krzakala et al. 2012)."""
    transitions = thresholds(BayesOptimal(prior=GaussBernoulli(rho=rho), channel=Linear()), "alpha")
    assert transitions["information_theoretic"] == pytest.approx(rho, rel=1e-5)
    assert transitions["algorithmic"] == pytest.approx(algorithmic, abs=1e-5)


@pytest.mark.parametrize("prior, channel", list(itertools.product(PRIORS, CHANNELS)), ids=repr)
def test_every_prior_with_every_channel(prior, channel):
    """The fixed point, by sampling of both scalar problems, and the slope of the free entropy in alpha."""
    laws = (BayesOptimal(alpha=alpha, prior=prior, channel=channel) for alpha in (1.3, 0.55, 0.3, 0.15))
    law = next(x for x in laws if State.of(x.fixed_points()).low.values["mse"] > 0)  # without perfect recovery
    alpha, h, state = law.alpha, 1e-4, State.of(law.fixed_points()).low
    q, v = state.values["overlap"], state.values["mse"]
    assert q + v == pytest.approx(prior.second_moment, rel=1e-9)
    rng, count = np.random.default_rng(5), 40_000
    omega, xi = np.sqrt(q) * rng.standard_normal(count), rng.standard_normal(count)
    y = channel.sample(omega + np.sqrt(v) * xi, rng)
    g = channel.score(y, omega, v)[0]
    A = alpha * float(label(channel, q, v).information[0])
    w = prior.sample(count, rng)
    mean, _ = prior.posterior(A, A * w + np.sqrt(A) * rng.standard_normal(count))
    for expected, sample in (
        (A / alpha, g**2), (A / alpha, g * xi / np.sqrt(v)), (q, mean**2), (q, mean * w), (v, (w - mean) ** 2),
    ):  # fmt: skip
        assert abs(sample.mean() - expected) < 4.5 * sample.std() / np.sqrt(count) + 1e-12
    up, down = (State.of(law.replace(alpha=alpha + s * h).fixed_points()).low.free_entropy for s in (1, -1))
    assert (up - down) / (2 * h) == pytest.approx(float(label(channel, q, v).log_likelihood[0]), rel=1e-6, abs=1e-8)


def test_all_fixed_points_are_stationary_points_of_the_free_entropy():
    """phi(v) = alpha E log P - I(A(v)) + A(v) v / 2 with A(v) the precision that leaves v: flat at the fixed points."""
    law = BayesOptimal(alpha=1.3, prior=Rademacher(), channel=Sign())
    solutions = law.fixed_points()
    assert [p.stable for p in solutions] == [True, False, True] and solutions[-1].values["mse"] == 0

    def phi(t):
        seen = coordinate(law.prior, np.exp(t))
        told = label(law.channel, seen.overlap, seen.mse).log_likelihood
        return law.alpha * told - seen.information + np.exp(t) * seen.mse / 2

    for point in solutions[:-1]:
        A = law.alpha * label(law.channel, point.overlap, point.values["mse"]).information
        t, h = np.log(A), 1e-4
        assert phi(t) == pytest.approx(point.free_entropy, rel=1e-12)
        assert abs(phi(t + h) - phi(t - h)) / (2 * h) < 1e-7
        bend = phi(t + 100 * h) + phi(t - 100 * h) - 2 * phi(t)
        assert (bend < 0) == point.stable, "stable ones are maxima"


@pytest.mark.parametrize("noise", [0.01, 0.5])
def test_a_gaussian_signal_in_gaussian_noise(noise):
    """Ridge regression at the best penalty: a quadratic equation, and the log-determinant of a Wishart matrix."""
    alpha = np.array([0.3, 1.0, 2.5])
    limit = sweep(BayesOptimal(channel=Linear(noise=noise)), alpha=tuple(alpha)).limit()
    b = noise + alpha - 1
    v = (-b + np.sqrt(b**2 + 4 * noise)) / 2
    assert np.allclose(limit.mse, v, rtol=1e-10)
    assert np.allclose(limit.overlap, 1 - v, rtol=1e-10)
    assert np.allclose(limit.test_error, v, rtol=1e-10)
    rng = np.random.default_rng(1)
    for a, phi in zip(alpha, limit.free_entropy.values, strict=True):
        X = rng.standard_normal((round(800 * a), 800)) / np.sqrt(800)
        _, logdet = np.linalg.slogdet(2 * np.pi * np.e * (X @ X.T + noise * np.eye(len(X))))
        assert phi == pytest.approx(-logdet / 1600, abs=5e-3)


def test_perfect_recovery_is_a_fixed_point_where_labels_have_no_noise():
    below, above = (BayesOptimal(alpha=a, prior=GaussBernoulli(rho=0.2), channel=Linear()) for a in (0.19, 0.21))
    assert [p.values["mse"] == 0 for p in below.fixed_points()] == [False, True]
    assert [p.stable for p in below.fixed_points()] == [True, False]
    assert [p.stable for p in above.fixed_points()] == [True, False, True]
    assert [law.fixed_points()[-1].free_entropy for law in (below, above)] == [-np.inf, np.inf]
    assert len(BayesOptimal(alpha=50.0).fixed_points()) == 1, "signs never tell a real number"


def test_few_labels_tell_little_and_many_nearly_all():
    few, many = (BayesOptimal(alpha=a).limit() for a in (1e-6, 1e5))
    assert float(few.overlap) == pytest.approx(1e-6 * 2 / np.pi, rel=1e-5)
    assert 1e5 * float(many.test_error) == pytest.approx(0.441700, abs=1e-6)
    nothing = BayesOptimal(channel=Sign(flip=0.5)).limit()
    assert float(nothing.overlap) == 0 and float(nothing.test_error) == pytest.approx(0.5)


def test_starts_and_warnings():
    law = BayesOptimal(alpha=1.3, prior=Rademacher())
    assert "hard phase" in law.valid() and float(law.limit().overlap) < 0.73
    informed = law.replace(start="informative")
    assert informed.valid() is None and float(informed.limit().overlap) == 1
    assert "metastable" in informed.replace(alpha=1.2).valid()
    assert law.replace(alpha=1.2).valid() is None and law.replace(alpha=1.5).valid() is None


def test_fields_of_parts_are_swept():
    law = BayesOptimal(alpha=0.5, prior=GaussBernoulli(rho=0.2), channel=Linear(noise=0.01))
    parts = (GaussBernoulli(rho=0.2), GaussBernoulli(rho=0.4), Laplace())
    together = sweep(law, prior=parts, alpha=(0.5, 1.0)).limit()
    for i, j in itertools.product(range(3), range(2)):
        alone = law.replace(prior=parts[i], alpha=(0.5, 1.0)[j]).limit()
        assert float(together.mse[i, j]) == pytest.approx(float(alone.mse), rel=1e-10)


def test_thresholds_along_a_field_of_a_part():
    """The share of flips at the transition for alpha = 1.3 inverts the transition in alpha at that share."""
    law = BayesOptimal(alpha=1.3, prior=Rademacher())
    flip = thresholds(law, "channel.flip")["information_theoretic"]
    there = thresholds(law.replace(channel=Sign(flip=flip)), "alpha")
    assert there["information_theoretic"] == pytest.approx(1.3, rel=1e-6)
    with pytest.raises(StatementError, match="no field 'flips'"):
        thresholds(law, "channel.flips")
    with pytest.raises(StatementError, match="must be a real number to vary"):
        thresholds(law, "start")


def test_a_users_prior_and_channel_do_all_that_those_built_in_do():
    own = BayesOptimal(alpha=1.5, prior=Spikes(), channel=Smooth())
    built = BayesOptimal(alpha=1.5, prior=SparseRademacher(rho=0.3), channel=Probit(noise=0.3))
    for name in own.observables:
        assert float(own.limit()[name]) == pytest.approx(float(built.limit()[name]), rel=1e-8)
    rng = np.random.default_rng(2)
    X = rng.standard_normal((300, 200)) / np.sqrt(200)
    y = own.channel.sample(X @ own.prior.sample(200, rng), rng)
    ours, theirs = (gamp(X, y, law.prior, law.channel).means for law in (own, built))
    assert np.allclose(ours, theirs, atol=1e-5)


def test_a_users_prior_has_the_transitions_of_the_one_built_in():
    class Signs(Prior):
        def sample(self, size, rng):
            return Rademacher().sample(size, rng)

        def log_partition(self, A, B):
            return jnp.logaddexp(B, -B) - A / 2 - jnp.log(2.0)

    solutions = bayes_theory.fixed_points(Signs(), Sign(), [1.3, 1.4926, 1.4927])
    assert [len(points) for points in solutions] == [3, 3, 1]


@pytest.mark.parametrize(
    "law, message",
    [
        (BayesOptimal(channel=Unfair()), "must sum to 1, but sum to 0.9"),
        (BayesOptimal(channel=Channel.from_callable(np.tanh)), "log_partition"),
    ],
)
def test_bad_parts_say_what_is_wrong(law, message):
    with pytest.raises(StatementError, match=message):
        law.limit()


@pytest.mark.parametrize(
    "law",
    [
        BayesOptimal(alpha=2.0, prior=Rademacher(), channel=Sign(flip=0.1)),
        BayesOptimal(alpha=3.0, channel=Abs()),
    ],
    ids=repr,
)
def test_message_passing_agrees(law):
    confrontation = confront(law, sizes=(150, 300), seeds=12)
    assert confrontation.verdict != "disagrees"


def test_a_wrong_theory_is_refuted(monkeypatch):
    """The information of a label counted twice: as if there were twice as many."""
    told = bayes_theory.label

    def twice(channel, q, v):
        information = told(channel, q, v)
        return type(information)(2 * information.information, information.log_likelihood)

    bayes_theory.curve.cache_clear()
    monkeypatch.setattr(bayes_theory, "label", twice)
    assert confront(BayesOptimal(), sizes=(200, 400), seeds=10).verdict == "disagrees"
    bayes_theory.curve.cache_clear()


def test_a_transition_at_the_edge_of_a_field_is_found():
    law = BayesOptimal(alpha=1.5, prior=Rademacher())
    transitions = thresholds(law, "channel.flip")
    assert transitions["algorithmic"] == pytest.approx(2.7717e-4, rel=1e-3)
    there = thresholds(law.replace(channel=Sign(flip=transitions["algorithmic"])), "alpha")
    assert there["algorithmic"] == pytest.approx(1.5, abs=1e-6)


@pytest.mark.parametrize("law", [BayesOptimal(prior=Rademacher(), channel=ReLU())])
def test_hard_from_the_first_sample_on_is_said(law):
    """Real outputs without noise determine a binary signal as soon as there are any."""
    transitions = thresholds(law, "alpha")
    assert transitions["information_theoretic"] == 0.0 and transitions["algorithmic"] > 0.5
    assert "information_theoretic" not in {k for k, v in thresholds(BayesOptimal(), "alpha").items() if v == 0}
