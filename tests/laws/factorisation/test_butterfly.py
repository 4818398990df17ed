"""Butterflies against their transforms, a derived noise gain, and wrong laws."""

import numpy as np
import pytest
from scipy.linalg import hadamard

from asymptopia import confront
from asymptopia.contract.batching import realize_block, seed_keys
from asymptopia.contract.record import StatementError
from asymptopia.laws.factorisation.butterfly import Butterfly, transform


def test_the_factors_multiply_to_the_transforms():
    rng = np.random.default_rng(0)
    assert (np.linalg.multi_dot(transform("hadamard", 32, rng)) == hadamard(32)).all()
    order = [int(f"{i:05b}"[::-1], 2) for i in range(32)]
    product = np.linalg.multi_dot(transform("fourier", 32, rng))
    np.testing.assert_allclose(product, np.fft.fft(np.eye(32))[:, order], atol=1e-13)


@pytest.mark.parametrize("matrix", ["hadamard", "fourier", "random"])
def test_recovery_and_the_gain_of_noise(matrix):
    realisations = realize_block(Butterfly(matrix=matrix), 128, range(6))
    assert realisations["error"].max() < 1e-13 and realisations["factors"].max() < 1e-12
    spread = np.sqrt(2 / (128 * 8) / 6) / (2**0.5 if matrix == "fourier" else 1)
    assert abs(realisations["amplification"].mean() - 1) < 4 * spread


def test_the_gain_is_the_dimension_of_the_set_of_butterflies():
    rng, n = np.random.default_rng(1), 16
    factors = transform("random", n, rng)
    columns = []
    for k, X in enumerate(factors):
        for i, j in np.argwhere(X):
            unit = np.zeros_like(X)
            unit[i, j] = 1
            columns.append(np.linalg.multi_dot([*factors[:k], unit, *factors[k + 1 :]]).ravel())
    assert np.linalg.matrix_rank(np.array(columns)) == n * (np.log2(n) + 1)


def test_bad_questions_are_refused():
    for n in (2, 24):
        with pytest.raises(StatementError, match="powers of two"):
            Butterfly().realize(n, seed_keys(n, [0])[0])
    assert "small noise" in Butterfly(noise=0.5).valid()
    with pytest.raises(ValueError, match="noise"):
        Butterfly(noise=0.0)


def test_the_experiment_agrees_and_a_wrong_law_is_refuted():
    class Wrong(Butterfly):
        """Counts the entries of the factors rather than the dimension."""

        def predict(self):
            return super().predict() | {"amplification": 2.0}

    confrontation = confront(Butterfly())
    assert all(confrontation[k].verdict != "disagrees" for k in Butterfly().observed())
    assert confront(Wrong(), sizes=(16, 32))["amplification"].verdict == "disagrees"
