"""Online learning: Gaussian integrals, reference trajectories, plateaus, ends, bad statements, wrong theories."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest

from asymptopia import NoLimit, StatementError, confront, parse, sweep
from asymptopia.laws.dynamics.online_sgd import OnlineSGD
from asymptopia.laws.dynamics.online_sgd.theory import integrals
from asymptopia.laws.dynamics.online_sgd.theory.plateau import (
    final_state,
    largest_rate,
    plateau,
    plateau_length,
    small_rate_error,
    small_rate_plateau,
)
from asymptopia.parts.activation import Activation, Erf, Gelu, Identity, Relu, Sign

REFERENCE = Path(__file__).parents[2] / "reference"
ROWS = [r for r in json.loads((REFERENCE / "dynamics.json").read_text()) if r["statement"].startswith("OnlineSGD")]
OTHER = {r["id"]: r for r in json.loads((REFERENCE / "other.json").read_text()) if r["id"].startswith("E_online")}
UNIT = Erf(scale=2**-0.5)
TWO = OnlineSGD(
    student_overlaps=((0.2, 0.01), (0.01, 0.3)), cross_overlaps=((0.02, -0.01), (0.0, 0.03)), rate=1.5, noise=0.0
)
LIMITS = {}
averages = jax.jit(integrals.averages, static_argnums=(0, 3))


class Softened(Activation):
    """An activation of a user: it happens to be erf(z / sqrt 2)."""

    def __call__(self, z):
        return jax.scipy.special.erf(z / np.sqrt(2))


def learned(units, rate, noise):
    """A student that starts at the teacher."""
    same = tuple(map(tuple, np.eye(units)))
    return OnlineSGD(student_overlaps=same, cross_overlaps=same, rate=rate, noise=noise)


@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r['id']} {list(r['at'].values())}")
def test_reference_trajectories(row):
    if row["statement"] not in LIMITS:
        LIMITS[row["statement"]] = parse(row["statement"]).limit()
    at = {k: v for k, v in row["at"].items() if k != "time"}
    limit = LIMITS[row["statement"]][row["observable"]].isel(time=0, **at)
    assert float(limit) == pytest.approx(row["value"], rel=1e-6, abs=1e-9)


def fields(rank, units=4):
    L = np.random.default_rng(5).normal(size=(units, rank))
    return L @ L.T


def test_the_closed_integrals_of_erf_are_those_of_saad_and_solla():
    row = OTHER["E_online.integrals"]
    C = np.array(row["params"]["C"])
    third, fourth = np.eye(4)[2:]
    means = averages(UNIT, C, third, 4)
    I4 = (averages(UNIT, C, third + fourth, 4).spread - averages(UNIT, C, third - fourth, 4).spread) / 4
    values = {
        "I2": means.power[0, 1],
        "J2": means.slopes[0, 1],
        "I3": C[0, 1] * means.curve[0, 2] + C[1, 2] * means.slopes[0, 2],
        "I4": I4[0, 1],
    }
    for name, value in values.items():
        assert float(value) == pytest.approx(row["value"][name], abs=1e-13)


@pytest.mark.parametrize(
    ("closed", "own", "tolerance"),
    [(UNIT, Softened(), 1e-7), (Identity(), Activation.from_callable(lambda z: 1.0 * z), 1e-6)],
)
def test_quadrature_gives_what_is_closed(closed, own, tolerance):
    C, c = fields(6) / 4, np.array([1.0, 0.7, -1.0, -0.5])
    for one, other in zip(averages(closed, C, c, 2), averages(own, C, c, 2), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * np.abs(C).max())


def test_the_integrals_of_relu_are_those_of_samples():
    C, c = fields(6) / 4, np.array([1.0, 0.7, -1.0, -0.5])
    x = np.random.default_rng(1).multivariate_normal(np.zeros(4), C, size=400_000)
    g, slope = np.maximum(x, 0), (x > 0).astype(float)
    error = g @ c
    means = averages(Relu(), C, c, 2)
    for i in range(2):
        for b in range(4):
            drift = C[i, b] * (means.curve @ c)[i] + means.slopes[i] @ (c * C[b])
            for sample, value in ((slope[:, i] * x[:, b] * error, drift), (g[:, i] * g[:, b], means.power[i, b])):
                assert abs(sample.mean() - value) < 4.5 * sample.std() / np.sqrt(len(x))
        for k in range(2):
            sample = slope[:, i] * slope[:, k] * error**2
            assert abs(sample.mean() - means.spread[i, k]) < 4.5 * sample.std() / np.sqrt(len(x))


def test_relu_and_linear_units_at_the_teacher_make_no_error():
    C = fields(2, 2)
    both = np.block([[C, C], [C, C]])
    for activation in (Relu(), Identity(), UNIT):
        assert np.abs(averages(activation, both, np.array([1.0, 1, -1, -1]), 2).spread).max() < 1e-9


def test_one_linear_unit_relaxes_as_it_should():
    """E = Q - 2R + 1 obeys dE/dt = (rate**2 - 2 rate) E + rate**2 noise, R the equation dR/dt = rate (1 - R)."""
    rate, noise, times = 0.7, 0.2, np.array([0.5, 2.0, 10.0])
    law = OnlineSGD(((0.5,),), ((0.1,),), activation=Identity(), rate=rate, noise=noise, times=tuple(times))
    limit, k = law.limit(), 2 * rate - rate**2
    rest = rate**2 * noise / k
    np.testing.assert_allclose(limit.R.values[:, 0, 0], 1 - 0.9 * np.exp(-rate * times), atol=1e-9)
    np.testing.assert_allclose(limit.test_error, ((1.3 - rest) * np.exp(-k * times) + rest) / 2, atol=1e-9)


def test_units_may_be_exchanged_and_the_first_moment_of_time_is_the_statement():
    law = OnlineSGD(second_layer=(1.0, 0.6), second_layer_rate=0.3, times=(0.0, 3.0))
    other = law.replace(
        student_overlaps=((0.4, 0.1), (0.1, 0.5)), cross_overlaps=((0.0, 0.3), (0.3, 0.0)), second_layer=(0.6, 1.0)
    )
    one, two = law.limit(), other.limit()
    np.testing.assert_allclose(one.R, two.R[:, ::-1], atol=1e-9)
    np.testing.assert_allclose(one.v, two.v[:, ::-1], atol=1e-9)
    np.testing.assert_array_equal(one.Q[0], law.student_overlaps)


@pytest.mark.parametrize(
    "row", [r for i, r in OTHER.items() if ".plateau." in i and not i.endswith("eta0")], ids=lambda r: r["id"]
)
def test_plateaus(row):
    length = plateau(learned(row["params"]["K"], row["params"]["eta"], 0.0))
    values = {
        "eps_g_split": length.height,
        "eps_g_collapsed": length.collapsed.test_error,
        "Q_split": length.split.Q[0, 0],
        "C_split": length.split.Q[0, 1],
        "R_split": length.split.R[0, 0],
        "Q_collapsed": length.collapsed.Q[0, 0],
        "R_collapsed": length.collapsed.R[0, 0],
        "slow_rate_split": length.relaxation,
        "escape_rate_split": length.escape,
    }
    for name, value in values.items():
        assert value == pytest.approx(row["value"][name], abs=max(row["abs_error"][name], 1e-11)), name


def test_the_plateau_of_small_rates():
    for M in (2, 3):
        assert small_rate_plateau(M) == pytest.approx(OTHER[f"E_online.plateau.K{M}.eta0"]["value"]["eps_g"], abs=1e-14)
    assert plateau(learned(2, 1e-3, 0.0)).height == pytest.approx(small_rate_plateau(2), abs=1e-5)


def test_a_closer_start_stays_longer_on_the_plateau():
    """A tenth of the difference costs log(10) / escape rate."""
    law = OnlineSGD(((0.4, 0.3), (0.3, 0.4)), ((0.42, 0.40), (0.40, 0.42)), rate=1.0, noise=0.0)
    closer = law.replace(cross_overlaps=((0.411, 0.409), (0.409, 0.411)))
    closest = law.replace(cross_overlaps=((0.4101, 0.4099), (0.4099, 0.4101)))
    longer = plateau_length(closest) - plateau_length(closer)
    assert longer == pytest.approx(np.log(10) / plateau(law).escape, rel=0.02)


@pytest.mark.parametrize(
    "row",
    [r for i, r in OTHER.items() if ".asym." in i and "coef" not in i and r["params"]["eta"] > 0.1],
    ids=lambda r: r["id"],
)
def test_where_learning_ends(row):
    p = row["params"]
    state = final_state(learned(p["K"], p["eta"], p["sigma2"]))
    assert state.test_error == pytest.approx(row["value"]["eps_g"], abs=1e-11)
    assert state.Q[0, 0] == pytest.approx(row["value"]["Q"], abs=1e-11)


def test_the_largest_rate_and_the_error_of_small_rates():
    for K in (1, 2):
        rate = OTHER[f"E_online.eta_c.K{K}"]["value"]
        assert largest_rate(learned(K, 1.0, 0.0)) == pytest.approx(rate, abs=1e-6)
        assert small_rate_error(1, 1, K, K) == pytest.approx(OTHER[f"E_online.asym.K{K}.coef"]["value"], abs=1e-8)
    assert largest_rate(learned(1, 1.0, 0.0).replace(activation=Identity())) == pytest.approx(2, abs=1e-8)


def test_a_sweep_over_rates_is_one_batch():
    rates = (0.5, 1.0, 1.5)
    together = sweep(TWO.replace(times=(30.0,)), rate=rates).limit()
    for i, rate in enumerate(rates):
        alone = TWO.replace(rate=rate, times=(30.0,)).limit()
        np.testing.assert_allclose(together.test_error[i], alone.test_error, rtol=1e-7)
        np.testing.assert_allclose(together.Q[i], alone.Q, rtol=1e-7)


def test_wrong_theories_are_refuted():
    class TwiceTheRate(OnlineSGD):
        def predict(self):
            return OnlineSGD(rate=2 * self.rate).predict()

    class NoNoise(OnlineSGD):
        def predict(self):
            return OnlineSGD(noise=0.0).predict()

    experiment = OnlineSGD().experiment(sizes=(30, 60), seeds=64)
    for law in (TwiceTheRate, NoNoise):
        verdicts = {j.observable: j.verdict for j in confront(law(), experiment).judgements}
        assert verdicts["Q"] == verdicts["test_error"] == "disagrees"


def test_quadrature_at_the_start_and_where_steps_blow_up_before_the_first_time():
    law = OnlineSGD(((0.7,),), ((0.2,),), activation=Gelu(), times=(0.0,))
    assert law.limit()["Q"].values.ravel() == [0.7] and law.limit()["R"].values.ravel() == [0.2]
    with pytest.raises(NoLimit, match="before time 5: `rate` of OnlineSGD must be smaller than 100"):
        law.replace(rate=100.0, times=(5.0, 10.0)).limit()


def test_the_overlaps_at_the_start_are_exact_at_every_size():
    seen = OnlineSGD(times=(0.0,)).experiment((7, 20), 3)
    np.testing.assert_allclose(seen.Q[0, 0, 0], OnlineSGD().student_overlaps, atol=1e-12)
    np.testing.assert_allclose(seen.R[1, 2, 0], OnlineSGD().cross_overlaps, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (dict(student_overlaps=((0.1, 0.3), (0.3, 0.1))), "negative eigenvalue"),
        (dict(cross_overlaps=((0.9, 0.0), (0.0, 0.3))), "negative eigenvalue"),
        (dict(student_overlaps=((0.5, 0.2), (0.1, 0.4))), "symmetric"),
        (dict(student_overlaps=((0.5,),)), "2 x 2"),
        (dict(cross_overlaps=(0.3, 0.1)), "rows of numbers"),
        (dict(teacher_overlaps=((1.0,),)), "2 x 2"),
        (dict(second_layer=(1.0,)), "`second_layer` .* 2 numbers"),
        (dict(times=(1.0, 1.0)), "`times` .* increase"),
        (dict(times=()), "`times`"),
        (dict(rate=0.0), "`rate`"),
    ],
)
def test_what_is_no_statement_is_refused(change, words):
    with pytest.raises(StatementError, match=words):
        OnlineSGD(**change)


def test_steps_that_blow_up_are_named():
    law = OnlineSGD(activation=Identity(), rate=2.5, times=(1.0, 50.0))
    with pytest.raises(NoLimit, match=r"before time 50: `rate` .* smaller than 2.5, at most 1\."):
        law.limit()
    with pytest.raises(NoLimit, match="gradient"):
        OnlineSGD(activation=Sign()).limit()
    with pytest.raises(StatementError, match="at least two students"):
        plateau(learned(1, 1.0, 0.0))


def test_units_that_start_alike_are_warned_of():
    law = OnlineSGD(((0.5, 0.1), (0.1, 0.5)), ((0.3, 0.3), (0.3, 0.3)))
    assert "start alike" in law.valid()
    assert TWO.valid() is None
