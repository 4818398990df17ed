"""Functions compiled at their first call: JAX is imported then, and one program serves all arrays of a shape."""

import subprocess
import sys

import numpy as np

from asymptopia.numerics.compiled import compiled


def test_one_program_for_each_shape_and_each_value_that_is_no_array():
    traced = []

    @compiled("power")
    def scaled(x, factor, power):
        traced.append((x.shape, power))
        return factor * x**power

    for factor in (2.0, 3.0):
        np.testing.assert_allclose(scaled(np.arange(3.0), factor, 2), factor * np.arange(3.0) ** 2)
    np.testing.assert_allclose(scaled(np.arange(3.0), 1.0, 3), [0, 1, 8])
    np.testing.assert_allclose(scaled(np.arange(2.0), 1.0, 3), [0, 1])
    assert traced == [((3,), 2), ((3,), 3), ((2,), 3)]
    assert scaled.__name__ == "scaled"


def test_jax_is_imported_by_the_first_call():
    code = (
        "import sys; from asymptopia.numerics.compiled import compiled\n"
        "@compiled()\ndef twice(x): return 2 * x\n"
        "before = 'jax' in sys.modules; twice(1.0); print(before, 'jax' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False", "True"]
