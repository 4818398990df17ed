"""Laws that give only `realize`: the contract and the command line."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from asymptopia import NoLimit, StatementError
from asymptopia.cli import main
from asymptopia.contract.batching import realize_block
from asymptopia.contract.statement import laws_of_file
from asymptopia.derive import crossing, precision

MINE = """
import jax
import jax.numpy as jnp
from asymptopia import Law, Observable, field, generator

class Mine(Law):
    "The second moment of a wide random layer."

    alpha: float = field(0.5, "rows per column", above=0)
    size, sizes, seeds = "width", (60, 120, 240), 30
    observables = {"q": Observable("q", "mean square", dims=("layer",))}

    def realize(self, n, key):
        k1, k2 = jax.random.split(key)
        W = jax.random.normal(k1, (round(self.alpha * n), n))
        x = jax.random.normal(k2, (n,))
        y = W @ x / jnp.sqrt(n)
        return {"q": jnp.array([jnp.mean(y**2), jnp.mean((W.T @ y) ** 2) / n])}

class Broken(Mine):
    "The same with an eigenvalue."

    def realize(self, n, key):
        return {"q": jnp.linalg.eigvalsh(jax.random.normal(key, (n, n)))[:2]}

class Outside(Mine):
    "The same outside JAX."

    def realize(self, n, key):
        x = generator(key).normal(size=n)
        return {"q": [x @ x / n, 1.0]}
"""


@pytest.fixture
def laws(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    return tmp_path / "mine.py", laws_of_file(tmp_path / "mine.py")


def exact(alpha):
    return [1, alpha * (1 + alpha)]


def run(*words):
    return CliRunner().invoke(main, words)


def test_a_law_without_predict_has_its_limit_derived(laws):
    law = laws[1]["Mine"](alpha=0.25)
    assert law.is_derived()
    limit = law.limit()
    assert np.allclose(limit["q"], exact(0.25), atol=1e-6)
    assert "q_error" in limit


def test_a_field_that_makes_a_shape_is_compiled_and_swept(laws):
    law = laws[1]["Mine"](alpha=0.5)
    mean = realize_block(law, 400, range(64))["q"].mean(axis=0)
    assert np.allclose(mean, exact(0.5), atol=0.1)
    assert realize_block(law.replace(alpha=0.3), 50, range(3))["q"].shape == (3, 2)


def test_the_command_line_sweeps_a_derived_law(laws):
    done = run("limit", str(laws[0]), "--law", "Mine()", "--sweep", "alpha=0.5,2", "--json")
    assert done.exit_code == 0
    assert np.allclose(json.loads(done.stdout)["values"]["q"], [exact(0.5), exact(2.0)], atol=1e-6)


def test_points_and_nets_are_for_derived_limits(laws):
    assert run("limit", "Mine()", "--with", str(laws[0]), "--points", "256", "--nets", "4").exit_code == 0
    refused = run("limit", "CurieWeiss()", "--points", "256")
    assert refused.exit_code == 2
    assert "derived" in refused.output


def test_show_says_that_the_limit_is_derived(laws):
    shown = run("show", str(laws[0])).output
    assert "derived from `realize`" in " ".join(shown.split())
    assert "tensor programs" in shown


def test_what_cannot_be_derived_exits_with_two_and_names_the_line(laws):
    refused = run("limit", "Broken()", "--with", str(laws[0]))
    assert refused.exit_code == 2
    assert "mine.py:24" in refused.output
    assert "eigvalsh" in refused.output


def test_ordinary_python_is_not_derived(laws):
    with pytest.raises(NoLimit, match="leaves JAX"):
        laws[1]["Outside"]().limit()


def test_an_output_that_is_no_observable_is_named(laws):
    law = laws[1]["Mine"]

    class Misnamed(law):
        def realize(self, n, key):
            return {"p": super().realize(n, key)["q"]}

    with pytest.raises(StatementError, match="'p'"):
        Misnamed().limit()


def test_a_transition_is_where_a_derived_limit_crosses_a_value(tmp_path):
    (tmp_path / "mine.py").write_text(
        MINE.replace(
            "    def realize",
            """    def thresholds(self, along):
        return {"unit": crossing(self, along, "q", 0.75, between=(0.1, 2), at=1)}

    landmarks = (Landmark({}, "unit", 0.5, 1e-3, "by hand", along="alpha"),)

    def realize""",
            1,
        ).replace(
            "import jax\n", "import jax\nfrom asymptopia import Landmark\nfrom asymptopia.derive import crossing\n", 1
        )
    )
    done = run("thresholds", "Mine()", "--with", str(tmp_path / "mine.py"), "--along", "alpha", "--json")
    assert json.loads(done.stdout)["thresholds"]["unit"] == pytest.approx(0.5, abs=1e-3)  # alpha (1 + alpha) = 3 / 4
    atlas = run("atlas", str(tmp_path / "mine.py"), "--json")
    rows = [r for r in json.loads(atlas.stdout)["landmarks"] if r["statement"].startswith("Mine")]
    assert [r["verdict"] for r in rows] == ["reproduced"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"value": 99.0}, "does not cross 99"),
        ({"observable": "p"}, "no observable 'p'"),
        ({"value": float("nan")}, "finite"),
        ({"between": (2.0, 1.0)}, "increasing"),
        ({"between": (2.0,)}, "two"),
        ({"at": ()}, "one entry"),
        ({"at": 9}, "one entry"),
        ({"along": "beta"}, "no field 'beta'"),
    ],
)
def test_a_crossing_that_is_not_there_is_an_error(laws, change, told):
    asked = {"along": "alpha", "observable": "q", "value": 0.75, "between": (0.1, 2.0), "at": 1} | change
    with precision(256, 3), pytest.raises(StatementError, match=told):
        crossing(laws[1]["Mine"](), **asked)
