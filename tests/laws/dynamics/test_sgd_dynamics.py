"""SGD step by step: closed recursions, limits known otherwise, and wrong theories refuted."""

import json
from itertools import pairwise
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia import NoLimit, StatementError, confront, field, parse
from asymptopia.laws.dynamics.sgd_dynamics import SGDDynamics
from asymptopia.laws.dynamics.sgd_dynamics.theory import kinks, solve
from asymptopia.laws.dynamics.sgd_dynamics.theory import process as sgd_process
from asymptopia.laws.dynamics.sgd_dynamics.theory.bounds import stable_rate
from asymptopia.laws.dynamics.sgd_dynamics.theory.labels import second_moments
from asymptopia.laws.dynamics.sgd_dynamics.theory.process import SampledProcess, SquareProcess
from asymptopia.laws.inference.erm import ERM
from asymptopia.parts.amplitude import Amplitude
from asymptopia.parts.channel import Abs, Door, Linear, Logit, Probit, ReLU, Sign
from asymptopia.parts.loss import Absolute, Hinge, Huber, Logistic, Loss, Square
from asymptopia.parts.mixture import Mixture
from asymptopia.parts.perceptron import Perceptron

REFERENCE = Path(__file__).parents[2] / "reference"
ROWS = [r for r in json.loads((REFERENCE / "dynamics.json").read_text()) if r["statement"].startswith("SGDDynamics")]
OTHER = json.loads((REFERENCE / "other.json").read_text())
FLOW, KERNELS, SINGLE = (
    [r for r in OTHER if r["id"].startswith(f"K_dmft.{kind}") and r["params"].get(time, 9) <= last]
    for kind, time, last in (("gf.C.", "t", 2), ("gf.RM.", "t", 2), ("hsgd.", "tau", 1))
)
SMALL = SGDDynamics(steps=6, samples=4000)
LINEAR = SGDDynamics(loss=Square(), teacher=Linear(noise=0.25), rate=0.1, ridge=0.0)


def bent_hinge(y, z):
    u = 1 - y * z
    return jnp.maximum(u, 0.0) + jnp.maximum(u, 0.0) ** 2


class Soft(Loss):
    """The hinge with a smooth corner."""

    width: float = field(0.1, "of the corner", above=0)

    margin = True

    def __call__(self, y, z):
        return self.width * jax.nn.softplus((1 - y * z) / self.width)


@pytest.fixture(scope="module")
def experiment():
    return SMALL.experiment((50, 100, 200), 96)


@pytest.mark.parametrize("row", ROWS, ids=[r["id"] for r in ROWS])
def test_reference_values_of_the_square_loss(row):
    value = float(parse(row["statement"]).limit()[row["observable"]].sel(row["at"]))
    assert abs(value - row["value"]) < 1e-11


def flow(params, time, parts):
    """The law in which `parts` steps cover this time of gradient flow."""
    return SGDDynamics(
        alpha=params["alpha"],
        ridge=params["lam"],
        loss=Square(),
        teacher=Linear(noise=params.get("Delta", 0.0)),
        start_variance=params.get("init_var", 0.0),
        batch=1.0,
        rate=time / parts,
        steps=parts,
    )


def extrapolated(values):
    """Richardson: the errors of values at halved steps are a series in the step."""
    values = list(values)
    for power in range(1, len(values)):
        values = [b + (b - a) / (2**power - 1) for a, b in pairwise(values)]
    return values[-1]


@pytest.mark.parametrize("row", FLOW, ids=lambda r: r["id"])
def test_small_steps_are_gradient_flow(row):
    p = row["params"]

    def at(parts):
        law = flow(p, p["t"], parts)
        run = solve(law, SquareProcess(law))
        other = round(parts * p["tp"] / p["t"])
        C, m = run.correlation, run.overlap
        return np.array([C[-1, other], m[-1], 1 - 2 * m[-1] + C[-1, -1]])

    extrapolation = extrapolated(at(parts) for parts in (16, 32, 64, 128))
    np.testing.assert_allclose(extrapolation, [row["value"][k] for k in ("C", "m_t", "mse_t")], rtol=0, atol=2e-6)


@pytest.mark.parametrize("row", KERNELS, ids=lambda r: r["id"])
def test_response_and_memory_of_gradient_flow(row):
    p = row["params"]

    def at(parts):
        law = flow(p, p["t"], parts)
        run = solve(law, SquareProcess(law))
        return np.array([run.response[-1, 0], -p["alpha"] * run.memory[-1, 0] / law.rate])

    extrapolation = extrapolated(at(parts) for parts in (16, 32, 64, 128))
    np.testing.assert_allclose(extrapolation, [row["value"][k] for k in ("R", "M_R")], rtol=0, atol=3e-6)


@pytest.mark.parametrize("row", SINGLE, ids=lambda r: r["id"])
def test_small_batches_are_single_samples(row):
    """Batches of a share b -> 0 in 1 / b steps an epoch are one sample after the other."""
    p = row["params"]

    def at(steps):
        batch = p["tau"] / steps
        teacher = Linear(noise=p["Delta"])
        law = LINEAR.replace(alpha=p["alpha"], teacher=teacher, batch=batch, rate=p["gamma"] * batch, steps=steps)
        last = law.limit().isel(step=-1)
        return np.array([last["train_loss"], last["test_error"]])

    extrapolation = extrapolated(at(steps) for steps in (16, 32, 64, 128))
    np.testing.assert_allclose(extrapolation, [row["value"][k] for k in ("train_loss", "mse")], rtol=0, atol=2e-6)


@pytest.mark.parametrize("batch", [1.0, 0.3])
@pytest.mark.parametrize("teacher", [Linear(noise=0.25), ReLU(), Sign(flip=0.1), Mixture(separation=1.5)])
def test_sampling_meets_the_closed_form(batch, teacher):
    law = SGDDynamics(loss=lambda y, z: (y - z) ** 2 / 2, teacher=teacher, batch=batch, rate=0.15, steps=15)
    exact, limit = law.replace(loss=Square()).limit(), law.limit()
    assert law.replace(loss=Square()).closed and not law.closed
    for name in law.observables:
        far = np.abs(limit[name] - exact[name]).values
        error = limit[f"{name}_error"].values
        assert np.all(far < 5 * error + 2e-5), name
        assert far.max() < (1e-3 if batch == 1 else 4e-3) * max(1, np.abs(exact[name]).max())


def test_the_stated_error_is_the_error():
    """Over many independent answers the distance from the closed form is as large as stated."""
    law = LINEAR.replace(batch=0.4, steps=10)
    exact = solve(law, SquareProcess(law)).overlap[1:]
    measured = np.array([solve(law, SampledProcess(law, 256, seed)).overlap[1:] for seed in range(64)])
    spread = measured.std(axis=0, ddof=1)
    assert np.all(np.abs(measured.mean(axis=0) - exact) < 4 * spread / 8)
    assert spread.max() < 0.6 * np.sqrt(1.25 / 256) * law.alpha  # better than independent points


def test_many_steps_reach_the_minimum():
    """Full-batch gradient descent ends in the minimum that replicas predict."""
    law = SGDDynamics(ridge=1.0, batch=1.0, rate=0.6, steps=40)
    limit = law.limit().isel(step=-1, step2=-1)
    minimum = ERM(alpha=law.alpha, ridge=law.ridge, loss=Logistic()).limit()
    for name in ("overlap", "norm", "train_loss", "test_error"):
        error = float(limit[f"{name}_error"])
        assert abs(float(limit[name] - minimum[name])) < 4 * error + 2e-5, name


def test_membership_that_lasts_for_ever_leaves_samples_out():
    """A batch drawn once is a smaller data set: alpha b samples, rate / b, ridge b."""
    law = LINEAR.replace(batch=0.5, ridge=0.2, persistence=1e12, steps=8)
    small = law.replace(alpha=law.alpha / 2, batch=1.0, rate=law.rate / 0.5, ridge=0.1, persistence=1.0)
    assert small.closed and not law.closed
    limit, exact = law.limit(), small.limit()
    for name in ("overlap", "correlation", "test_error"):
        far = np.abs(limit[name] - exact[name]).values
        assert np.all(far < 5 * limit[f"{name}_error"].values + 1e-5), name


def test_without_data_langevin_is_an_autoregression():
    law = LINEAR.replace(alpha=1e-12, ridge=0.5, temperature=0.7, start_variance=0.3, start_overlap=0.4, steps=20)
    q, decay = law.start_overlap**2 + law.start_variance, (1 - law.rate * law.ridge) ** 2
    for norms in law.limit()["norm"].values:
        assert abs(norms - q) < 1e-9
        q = decay * q + 2 * law.rate * law.temperature


@pytest.mark.parametrize("teacher", [Sign(flip=0.2), Logit(scale=2.0), Probit(noise=0.5), Door(), Abs(), Mixture()])
def test_second_moments_are_those_of_the_points(teacher):
    from asymptopia.laws.dynamics.sgd_dynamics.theory.labels import points

    rng = np.random.default_rng(0)
    star, y = points(teacher, rng.standard_normal(400_000), rng.random(400_000))
    for exact, product in zip(second_moments(teacher), (star**2, star * y, y**2), strict=True):
        assert abs(product.mean() - exact) < 5 * product.std() / np.sqrt(len(y)) + 1e-12


@pytest.mark.parametrize(
    "law",
    [
        SMALL.replace(teacher=Logit(scale=3.0), alpha=1.0, batch=0.4),
        SMALL.replace(
            alpha=1.0, loss=Amplitude(), teacher=Abs(), start_overlap=0.3, start_variance=0.5, rate=0.3, ridge=0.0
        ),
    ],
    ids=["logistic", "phase retrieval"],
)
def test_a_thousand_dimensions_agree(law):
    law = law.replace(samples=20_000)
    assert confront(law, sizes=(1000,), seeds=24, resolution=0.1).verdict != "disagrees"


@pytest.mark.parametrize(
    "law",
    [
        SMALL.replace(loss=Huber(), teacher=Linear(noise=0.3), persistence=3.0, rate=0.2),
        SMALL.replace(teacher=Mixture(separation=1.0, balance=0.3), temperature=0.05, start_variance=0.2),
        SMALL.replace(loss=Perceptron(kappa=0.5), teacher=Sign(flip=0.1)),
    ],
    ids=["persistent", "mixture, Langevin", "perceptron"],
)
def test_the_other_dynamics_agree(law):
    assert confront(law, sizes=(50, 100, 200), seeds=64).verdict != "disagrees"


def test_the_truth_agrees(experiment):
    assert confront(SMALL, experiment, resolution=0.1).verdict != "disagrees"


def without_memory(self, t, overlap, covariance, reaction, step=SampledProcess.step):
    return step(self, t, overlap, covariance, 0 * reaction)


def with_a_longer_teacher(teacher, normal, uniform, points=sgd_process.points):
    star, y = points(teacher, normal, uniform)
    return 1.15 * star, y


@pytest.mark.parametrize("fault", ["memory", "batch", "teacher", "response"])
def test_a_wrong_theory_is_refuted(fault, experiment, monkeypatch):
    law = SMALL
    if fault == "memory":
        monkeypatch.setattr(SampledProcess, "step", without_memory)
    elif fault == "batch":
        law = SMALL.replace(rate=SMALL.rate * SMALL.batch)
    elif fault == "teacher":
        monkeypatch.setattr(sgd_process, "points", with_a_longer_teacher)
    else:
        monkeypatch.setattr(sgd_process, "volterra_row", lambda kernel, gains, last: 0 * gains)
    assert confront(SMALL, experiment, law.limit(), resolution=0.1).verdict == "disagrees"


@pytest.mark.parametrize("teacher", [Linear(), Sign(), Abs()])
def test_rates_below_the_bound_do_not_blow_up(teacher):
    loss = Logistic() if teacher.binary else Square()
    law = SGDDynamics(loss=loss, teacher=teacher, start_variance=1.0, ridge=0.0, steps=60, samples=2000)
    for batch in (1.0, 0.2):
        here = law.replace(batch=batch)
        below = here.replace(rate=0.99 * stable_rate(here)).limit()
        assert float(below["norm"].max()) < 20 * max(1, float(below["norm"][1]))


def test_the_bound_of_the_square_loss_is_sharp():
    law = LINEAR.replace(batch=1.0, start_variance=1.0, steps=400)
    edge = 2 / (1 + 2**0.5) ** 2
    assert abs(stable_rate(law) / edge - 1) < 1e-12
    below, above = (law.replace(rate=f * edge).limit()["norm"].values for f in (0.99, 1.01))
    assert below[-1] < below[200] * 1.001 and above[-1] > 3 * above[200]
    assert "diverges exponentially" in law.replace(rate=1.01 * edge).valid()


def test_what_blows_up_is_refused_with_the_largest_stable_rate():
    with pytest.raises(StatementError, match=r"blows up: at step 6 .* rate=1.5.* It cannot do so for rate < 0\.3431"):
        LINEAR.replace(batch=1.0, rate=1.5, steps=40).limit()
    quartic = SGDDynamics(loss=lambda y, z: (y**2 - z**2) ** 2 / 4, teacher=Abs(), start_variance=1.0, rate=1.0)
    with pytest.raises(StatementError, match=r"blows up.*Lower `rate`"):
        quartic.limit()
    assert "rare samples" in quartic.valid()


def test_what_would_not_fit_is_refused_with_what_would(monkeypatch):
    from asymptopia.laws.dynamics.sgd_dynamics import experiment
    from asymptopia.laws.dynamics.sgd_dynamics.theory import bounds

    for module in (bounds, experiment):
        monkeypatch.setattr(module, "available", lambda: 4e8)
    with pytest.raises(StatementError, match=r"takes about .* GB with steps=500 and samples=1000000") as caught:
        SGDDynamics(steps=500, samples=10**6).limit()
    steps, samples = (int(str(caught.value).split(f"{k}=")[-1].split(" ")[0].rstrip(",")) for k in ("steps", "samples"))
    SGDDynamics(steps=steps, samples=10**6).check()
    SGDDynamics(steps=500, samples=samples).check()
    with pytest.raises(StatementError, match=r"systems of dimension 5000 .* dimension \d+ would fit"):
        SMALL.experiment((5000,), 2)


def test_what_has_no_limit_is_refused():
    with pytest.raises(NoLimit, match=r"slope of .* jumps and bends"):
        SGDDynamics(loss=Loss.from_callable(bent_hinge)).limit()
    with pytest.raises(NoLimit, match="labels \\+-1"):
        SGDDynamics(teacher=Linear()).limit()
    with pytest.raises(StatementError, match="`batch` of SGDDynamics must be > 0 and <= 1, but is 0"):
        SGDDynamics(batch=0)
    with pytest.raises(StatementError, match="`steps` must be at most 10000"):
        SGDDynamics(steps=20_000).check()


HINGE = SGDDynamics(loss=Hinge(), alpha=1.5, rate=0.6, start_variance=0.3, steps=5, samples=8000)


@pytest.fixture(scope="module")
def smooth():
    """The hinge's limit from smooth corners of widths w and w/2, free of the term of order w, and its error."""
    wide, narrow = (values(HINGE.replace(loss=Soft(width=width))) for width in (0.1, 0.05))
    return 2 * narrow[0] - wide[0], np.hypot(2 * narrow[1], wide[1])


def values(law):
    """The observables at each step, and their errors."""
    limit = law.limit()
    names = ("overlap", "norm", "train_loss", "test_error")
    return tuple(np.array([limit[name + suffix].values for name in names]) for suffix in ("", "_error"))


def test_a_slope_that_jumps_is_the_limit_of_smooth_ones(smooth):
    value, error = values(HINGE)
    assert np.all(np.abs(value - smooth[0]) < 4 * np.hypot(error, smooth[1]) + 0.003)  # the width squared


def test_without_the_paths_that_part_at_a_kink_it_is_not(smooth, monkeypatch):
    whole = kinks.DividedPaths.memory
    now = lambda self, t: np.where(np.arange(t + 1) == t, whole(self, t), 0.0)  # noqa: E731
    monkeypatch.setattr(kinks.DividedPaths, "memory", now)
    value, error = values(HINGE)
    assert np.any(np.abs(value - smooth[0]) > 4 * np.hypot(error, smooth[1]) + 0.003)


@pytest.mark.parametrize(
    "law",
    [
        SGDDynamics(loss=Hinge(), steps=5, samples=8000),
        SGDDynamics(
            loss=Absolute(), teacher=Linear(noise=0.2), persistence=3.0, temperature=0.1, start_overlap=0.3, steps=5
        ),
    ],
    ids=["hinge", "absolute, persistent, warm"],
)
def test_subgradient_descent_is_confronted(law):
    limit, measured = law.limit(), law.experiment((400,), 48)
    for name in ("overlap", "norm", "train_loss", "test_error"):
        values = measured[name].squeeze("size")
        error = np.hypot(values.std("seed", ddof=1).values / 48**0.5, limit[f"{name}_error"].values)
        assert np.all(np.abs(values.mean("seed").values - limit[name].values) < 4 * error + 1e-9)


def test_one_subgradient_step_in_closed_form():
    """From zero every sample of the hinge pushes: w(1) is that of the linear loss -y z."""
    limit = SGDDynamics(loss=Hinge(), batch=1.0, steps=1, alpha=1.5, rate=0.6).limit()
    m = 0.6 * 1.5 * (2 / np.pi) ** 0.5
    assert abs(float(limit["overlap"][1]) - m) < 1e-3
    assert abs(float(limit["norm"][1]) - m**2 - 0.36 * 1.5) < 2e-3
