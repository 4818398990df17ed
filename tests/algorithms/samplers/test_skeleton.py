"""The sampler to copy leaves its targets invariant, and a wrong acceptance is caught."""

import importlib.util
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia import StatementError
from asymptopia.algorithms.samplers import run

FILE = Path(__file__).parents[3] / "docs" / "skeletons" / "sampler.py"


@pytest.fixture(scope="module")
def skeleton():
    spec = importlib.util.spec_from_file_location("skeleton", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def size(target):
    return 2 * float(np.sqrt(np.linalg.eigvalsh(target.covariance).min())) / target.dimension**0.5


def test_it_leaves_its_target_invariant(skeleton, target, invariance):
    assert invariance(target, skeleton.barker_walk(target.logdensity, size(target))) > 0.01


def test_half_the_ratio_is_caught(skeleton, targets, invariance):
    target = targets["mixture"]
    wrong = skeleton.barker_walk(lambda x: target.logdensity(x) / 2, size(target))
    assert invariance(target, wrong) < 0.01


def test_a_density_that_is_no_number_is_named(skeleton):
    broken = skeleton.barker_walk(lambda x: jnp.where(x[0] > 1, jnp.nan, -jnp.sum(x**2) / 2), 1.0)
    with pytest.raises(StatementError, match="is nan at the state"):
        run(jax.random.key(0), broken, jnp.zeros((5, 2)), 200)
