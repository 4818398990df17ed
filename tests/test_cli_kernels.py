"""The kernels of a network of one's own at the command line."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from asymptopia.cli import main

PLAIN = """
import jax
import jax.numpy as jnp

def inputs():
    return [[1.0, 0.0], [0.0, 1.0]]

def net(n, key, x):
    return jax.random.normal(key, (2, n)), lambda w, x: jnp.maximum(x @ w, 0)

def odd():
    return [[1.0], [1.0, 2.0]]
"""


def test_the_kernels_of_one_layer(tmp_path):
    """Cho and Saul's kernel at a right angle; at finite width it has the same mean, so that nothing goes as 1/width."""
    path = tmp_path / "mine.py"
    path.write_text(PLAIN)
    done = CliRunner().invoke(main, ["kernels", f"{path}:net", "--widths", "64,128", "--seeds", "20", "--json"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    nngp, tangent = ({k: np.array(v) for k, v in answer[name].items()} for name in ("nngp", "tangent"))
    np.testing.assert_allclose(nngp["limit"], [[0.5, 0.5 / np.pi], [0.5 / np.pi, 0.5]], rtol=1e-3)
    np.testing.assert_allclose(np.diag(tangent["limit"]), 1.0, rtol=1e-3)
    for one in (nngp, tangent):
        assert one["finite"].shape == (2, 2, 2)
        assert (np.abs(one["finite"] - one["limit"]) < 4 * one["finite_error"] + 1e-3).all()
        assert (np.abs(one["correction"]) < 4 * one["correction_error"]).all()


@pytest.mark.parametrize(
    ("words", "said"), [(["mine.py:nets"], "Did you mean 'net'"), (["mine.py:net", "--inputs", "odd"], "inputs (N, d)")]
)
def test_bad_input_is_said(tmp_path, words, said):
    (tmp_path / "mine.py").write_text(PLAIN)
    done = CliRunner().invoke(main, ["kernels", str(tmp_path / words[0]), *words[1:]])
    assert done.exit_code == 2 and said in done.output


def test_a_module_of_pytorch(tmp_path):
    pytest.importorskip("torch", reason="PyTorch is not installed: the extra `torch`")
    path = tmp_path / "mine.py"
    path.write_text("from torch import nn\ndef inputs():\n    return [[1.0, 2.0]]\n"
                    "def net(n):\n    return nn.Sequential(nn.Linear(2, n, bias=False))\n")  # fmt: skip
    done = CliRunner().invoke(main, ["kernels", f"{path}:net", "--widths", "32,64", "--seeds", "4", "--json"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)  # weights of variance 1 / 6, two inputs of length 5
    np.testing.assert_allclose(answer["nngp"]["limit"], [[5 / 6]], rtol=1e-3)
    np.testing.assert_allclose(answer["tangent"]["limit"], [[5 / 6 + 5]], rtol=1e-3)
