"""The law of large numbers of two-layer networks: closed forms, other quadratures, data, bad statements."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

from asymptopia import NoLimit, StatementError, confront, parse
from asymptopia.engine.cells import measured
from asymptopia.laws.mean_field.two_layer import TwoLayer
from asymptopia.parts.activation import Erf, Identity, Power, Ramp, Sign, Tanh
from asymptopia.parts.data import Bundled, Table
from asymptopia.parts.inputs import Curve, IsotropicGaussians, QuadraticForm
from asymptopia.parts.neurons import Complete, StudentWeights, Weights
from asymptopia.theory.two_layer.radial import spherical_mean

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "other.json").read_text())
QUADRATIC = [r for r in REFERENCE if r["id"].startswith("G_flow.quadnet.d")]


@pytest.mark.parametrize("row", QUADRATIC, ids=lambda row: row["id"])
def test_quadratic_units_against_the_reference(row):
    given, value = row["params"], row["value"]
    one = "a0" in given
    form = QuadraticForm((given["a_star"],) if one else (1.0, 0.5, 0.1))
    start = Weights(variance=given["a0"] if one else 0.3)
    limit = TwoLayer(Power(), form, start, batch=0, times=(given["t"],)).limit()
    expected = [value["a"]] if one else [value[f"a{k}"] for k in (1, 2, 3)]
    np.testing.assert_allclose(limit["output"][0], expected, atol=2e-7)
    assert float(limit["risk"][0]) == pytest.approx(value["loss"], abs=3e-7)
    assert (limit["output_error"] < 1e-6).all()


def test_linear_units_relax_at_their_rate():
    a, times = 0.7, (0.0, 0.4, 2.0)
    limit = TwoLayer(Identity(), Curve(scale=1.5), Weights(0.3, 2.0), rate=a, times=times, probes=(1.0, -2.0)).limit()
    mean = 1.5 + (0.3 - 1.5) * np.exp(-a * np.array(times))
    np.testing.assert_allclose(limit["output"], mean[:, None] * [1.0, -2.0], atol=1e-6)
    np.testing.assert_allclose(limit["risk"], (mean - 1.5) ** 2 / 2, atol=1e-6)


def test_the_flow_against_nested_quadrature():
    """Complete neurons at the start: d/dt of the output at time 0, by integrals that share nothing with the nodes."""
    step, x = 1e-3, 0.7
    law = TwoLayer(Tanh(), Curve(Erf()), Complete(1.0, 0.5, 0.25), batch=0, times=(0.0, step), probes=(x,))
    z, w = np.polynomial.hermite_e.hermegauss(60)
    w = w / w.sum()
    W, B = np.sqrt(0.5) * z[:, None], np.sqrt(0.25) * z

    def kernel(u):
        """Mean over neurons of the product of gradients at x and u; output weights have mean 0, variance 1."""
        f, g = np.tanh(W * x + B), np.tanh(W * u + B)
        return w @ (f * g + (1 - f**2) * (1 - g**2) * (1 + x * u)) @ w

    target = Erf()
    slope = quad(lambda u: kernel(u) * float(target(np.array(u))) * np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi), -8, 8)[0]
    values = law.limit()["output"].values[:, 0]
    assert values[0] == pytest.approx(0, abs=1e-12)
    assert (values[1] - values[0]) / step == pytest.approx(slope, rel=2e-3)


def test_isotropic_neurons_on_isotropic_data_against_gaussian_averages():
    """Quadratic units see d numbers only: E w.w obeys an equation of its own."""
    d, contrast, v = 6, 0.5, 0.1
    law = TwoLayer(Power(), IsotropicGaussians(d, contrast), Weights(variance=v), rate=0.02, times=(0.5, 2.0))
    spread = (1 + contrast * np.array([-1.0, 1.0])) ** 2

    def grow(_, m):
        # a neuron moves by -2a E(g - y)(w.x) x, with g = m |x|**2 / d and x ~ N(0, s I)
        force = ((m[0] / d) * (d + 2) * spread**2 - np.array([-1.0, 1.0]) * spread).mean()
        return -4 * 0.02 * force * m

    exact = solve_ivp(grow, (0, 2), [d * v], t_eval=(0.5, 2.0), rtol=1e-11, atol=1e-12).y[0]
    lengths = np.linalg.norm(IsotropicGaussians(d, contrast).probes(), axis=1)
    np.testing.assert_allclose(law.limit()["output"], np.outer(exact, lengths**2) / d, rtol=1e-6)


def test_means_over_a_sphere():
    h, slope = spherical_mean(Ramp(), 5, 12.0)
    for s in (0.3, 2.0, 9.0):
        f = Ramp()
        exact = quad(lambda u, s=s: 0.75 * (1 - u**2) * float(f(np.array(s * u))), -1, 1, points=(0.5 / s, 1.5 / s))[0]
        assert float(h(s)) == pytest.approx(exact, abs=1e-7)
        assert float(slope(s)) == pytest.approx(float(h(s + 1e-4) - h(s - 1e-4)) / 2e-4, abs=1e-5)


def test_a_table_is_learned_from_its_rows(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, 40)
    (tmp_path / "t.csv").write_text("x,y\n" + "\n".join(f"{a},{np.sin(a)}" for a in x))
    law = TwoLayer(data=Table(str(tmp_path / "t.csv"), target="y"), times=(0.5,), batch=0)
    limit = law.limit()
    assert limit.sizes["probe"] == 4 and float(limit["output_error"].max()) < 1e-5
    few = law.experiment(sizes=(400,), seeds=20)["output"]
    error = few.std("seed", ddof=1) / np.sqrt(20)
    assert (np.abs(few.mean("seed") - limit["output"]) < 4 * error + 0.002).all()


def test_a_table_with_holes_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n" + "\n".join(f"{i},{'nan' if i == 3 else i}" for i in range(20)))
    with pytest.raises(StatementError, match="missing values in 1 of 20 rows"):
        TwoLayer(data=Table(str(tmp_path / "t.csv"), target="y")).limit()


def test_in_many_dimensions_nets_state_their_error():
    law = TwoLayer(data=Bundled("diabetes"), start=Weights(variance=0.1), times=(0.25,))
    limit = law.limit()
    assert 0 < float(limit["output_error"].max()) < 0.01
    # at the start all outputs of odd neurons are zero, and those of a mean are known
    odd = law.replace(times=(0.0,)).limit()
    assert (np.abs(odd["output"]) < 5 * odd["output_error"] + 1e-9).all()


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        (dict(times=(1.0, 0.5)), StatementError, "`times` of TwoLayer must be numbers >= 0 that increase"),
        (dict(rate=-1.0), StatementError, "`rate` of TwoLayer must be > 0, but is -1"),
        (dict(noise=-0.1), StatementError, "`noise` of TwoLayer must be >= 0"),
        (dict(start=StudentWeights(degrees=2.0)), NoLimit, "`start` of TwoLayer must have a second moment"),
        (dict(activation=Sign()), NoLimit, "has slope 0 almost everywhere"),
        (dict(probes=((1.0, 2.0),)), StatementError, "`probes` of TwoLayer must be points of 1 numbers each"),
        (dict(probes=(float("nan"),)), StatementError, "all finite"),
        (dict(data=IsotropicGaussians(), batch=0), StatementError, "`batch` of TwoLayer must be >= 1 on Isotropic"),
        (dict(data=IsotropicGaussians()), StatementError, "must be Weights of mean 0"),
        (dict(activation=Power(3), start=Weights(0.0, 4.0), times=(9.0,)), NoLimit, "do not stay finite"),
    ],
)
def test_bad_statements_are_refused(fields, error, message):
    with pytest.raises(error, match=message):
        TwoLayer(**fields).limit()


def test_starts_and_inputs_are_stated_in_words():
    for text in ("Complete(output=0.0, weight=0.0, bias=0.0)", "Ramp(start=1.0, end=1.0)", "QuadraticForm(())"):
        with pytest.raises(StatementError):
            parse(text)


@pytest.mark.runs_long
def test_limit_and_experiment_agree():
    confrontation = confront(TwoLayer(), sizes=(25, 50, 100, 200), seeds=800)
    assert all(confrontation[k].verdict != "disagrees" for k in ("output", "risk", "deviation", "exponent"))


def test_they_agree_where_the_neurons_are_isotropic(monkeypatch):
    monkeypatch.setattr(TwoLayer, "block", 10)  # of seeds at once, each of which takes megabytes
    law = TwoLayer(Ramp(), IsotropicGaussians(8, 0.8), Weights(variance=0.1), rate=0.3, times=(0.5, 2.0))
    confrontation = confront(law, sizes=(50, 100), seeds=100)
    assert confrontation["risk"].verdict != "disagrees" and confrontation["output"].largest_z < 3.5


def test_a_wrong_law_is_refuted():
    class Slower(TwoLayer):
        def predict(self):
            return TwoLayer(**{f: getattr(self, f) for f in ("data", "start", "times")}, rate=0.5).predict()

    assert confront(Slower(), sizes=(50, 100, 200), seeds=200)["output"].verdict == "disagrees"


def test_steep_quadratic_units_are_stable_at_every_width():
    law = TwoLayer(
        batch=0,
        activation=Power(degree=2),
        data=QuadraticForm(eigenvalues=(20.0, 10.0, 0.0)),
        start=Weights(mean=0.0, variance=1.0),
        times=(0.2,),
    )
    limit = law.predict()
    np.testing.assert_allclose(limit["output"][0], (19.88469, 9.88084, 0.45844), atol=1e-5)
    assert limit["risk"][0] == pytest.approx(0.262749, abs=1e-6)
    measured = law.experiment((50,), 20)["output"].values.reshape(-1, 3)
    assert (np.abs(measured.mean(axis=0) - limit["output"][0]) < 4 * measured.std(axis=0) / 20**0.5 + 0.02).all()


def test_steps_that_are_too_long_are_told_by_the_law_and_by_the_engine():
    fast = TwoLayer(
        rate=1000.0, activation=Power(degree=2), data=QuadraticForm(), start=Weights(), times=(1.0,), batch=1
    )
    with pytest.raises(ArithmeticError, match=r"no number at size 25: steps of rate / n = 40 can be too long"):
        fast.experiment((25,), 2)
    status, _, error, *_ = measured(fast, 25, (0, 1))
    assert status == "nan" and "take more neurons or a smaller `rate`" in error
