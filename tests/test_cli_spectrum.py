"""The spectrum of a model of one's own at the command line."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from asymptopia.cli import main

MODEL = """
import jax.numpy as jnp

def parameters():
    return {"w": jnp.zeros(3), "b": jnp.zeros(())}

def loss(p):
    return 0.5 * jnp.sum(jnp.array([1.0, 2.0, 3.0]) * p["w"] ** 2) - 0.25 * p["b"] ** 2

def flat(p):
    return jnp.sum(p["w"])

def vector(p):
    return p["w"]
"""


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MODEL)
    return path


def test_the_spectrum_of_a_quadratic(model, tmp_path):
    figure = tmp_path / "out" / "spectrum.pdf"
    done = CliRunner().invoke(
        main, ["spectrum", f"{model}:loss", "--json", "--count", "1", "--probes", "200", "--out", str(figure)]
    )
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    np.testing.assert_allclose(answer["smallest"] + answer["largest"], [-0.5, 3.0], atol=1e-12)
    assert answer["size"] == 4 and answer["exact"] and answer["trace_error"] == 0
    np.testing.assert_allclose([answer["trace"], *answer["trace_interval"]], 5.5, rtol=1e-12)
    low, value, high = (np.array(answer[k]) for k in ("density_low", "density", "density_high"))
    assert ((low <= value) & (value <= high)).all()
    assert figure.stat().st_size > 1000


def test_a_loss_without_curvature_has_no_density(model):
    done = CliRunner().invoke(main, ["spectrum", f"{model}:flat", "--json"])
    assert json.loads(done.stdout)["largest"] == [0.0, 0.0] and "density" not in json.loads(done.stdout)


@pytest.mark.parametrize(
    ("asked", "said"),
    [("mine.py:los", "Did you mean 'loss'"), ("mine.py", "FILE.py:LOSS"), ("mine.py:vector", "scalar")],
)
def test_bad_input_is_said(model, asked, said):
    done = CliRunner().invoke(main, ["spectrum", str(model.parent / asked)])
    assert done.exit_code == 2 and said in done.output


REGRESSION = """
import jax.numpy as jnp
import numpy as np

X = jnp.asarray(np.random.default_rng(0).standard_normal((600, 200)))

def parameters():
    return jnp.zeros(200)

def loss(w):
    return jnp.mean((X @ w - 1.0) ** 2) / 2

def alike():
    return np.ones(200), 600

def unlike():
    return np.linspace(0.5, 1.5, 200), 600
"""


def test_the_law_of_noise_is_drawn_where_it_applies(tmp_path):
    path, figure = tmp_path / "regression.py", tmp_path / "spectrum.svg"
    path.write_text(REGRESSION)
    done = CliRunner().invoke(main, ["spectrum", f"{path}:loss", "--json", "--out", str(figure)])
    assert done.exit_code == 0, done.output
    law = json.loads(done.stdout)["marchenko_pastur"]
    assert law["ratio"] == pytest.approx(1 / 3, rel=0.05) and law["variance"] == pytest.approx(1, rel=0.02)
    np.testing.assert_allclose(law["edges"], [(1 - 3**-0.5) ** 2, (1 + 3**-0.5) ** 2], rtol=0.1)
    assert law["outliers"] == [] and "Marchenko-Pastur" in figure.read_text()
    assert json.loads(done.stdout)["p_value"] > 0.01


@pytest.mark.parametrize(("population", "holds"), [("alike", True), ("unlike", False)])
def test_the_law_of_a_population_is_judged(tmp_path, population, holds):
    path = tmp_path / "regression.py"
    path.write_text(REGRESSION)
    done = CliRunner().invoke(main, ["spectrum", f"{path}:loss", "--json", "--population", population])
    assert done.exit_code == 0, done.output
    assert (json.loads(done.stdout)["population_p_value"] > 0.01) == holds
    done = CliRunner().invoke(main, ["spectrum", f"{path}:loss", "--population", "loss"])
    assert done.exit_code == 2 and "must return (variances, samples)" in done.output


ODD = """
import jax.numpy as jnp
import numpy as np

def parameters():
    return jnp.ones(3)

def half():
    return jnp.ones(3, jnp.bfloat16)

def of_seed(seed):
    return jnp.ones(3)

def loss(p):
    return jnp.sum(p**2)

def with_aux(p):
    return jnp.sum(p**2), {"accuracy": 1.0}

def of_data(p, data):
    return jnp.sum(p**2)

def in_numpy(p):
    return float(np.sum(np.asarray(p) ** 2))

def as_list(p):
    return sum(p["w"])

def at_random(p):
    return np.random.default_rng().normal() * jnp.sum(p**2)
"""


@pytest.mark.parametrize(
    ("loss", "at", "said"),
    [
        ("with_aux", "parameters", "scalar alone, but returns a tuple of 2"),
        ("of_data", "parameters", "the parameters alone"),
        ("in_numpy", "parameters", "not NumPy"),
        ("as_list", "parameters", "The loss fails at `parameters`: TypeError"),
        ("at_random", "parameters", "fix its random numbers"),
        ("loss", "half", "single or double precision, but the array is bfloat16"),
        ("loss", "of_seed", "no arguments"),
    ],
)
def test_losses_that_do_not_fit_are_said(tmp_path, loss, at, said):
    path = tmp_path / "odd.py"
    path.write_text(ODD)
    done = CliRunner().invoke(main, ["spectrum", f"{path}:{loss}", "--at", at])
    assert done.exit_code == 2 and said in done.output, done.output
