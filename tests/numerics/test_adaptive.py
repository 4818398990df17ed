"""Integrals on panels that are halved where needed."""

import numpy as np
import pytest

from asymptopia.numerics.adaptive import adaptive


def test_spikes_jumps_and_kinks():
    width = np.array([1.0, 1e-2, 1e-4])

    def function(x, owner):
        spike = np.exp(-((x / width[owner, None]) ** 2) / 2)
        return np.stack([spike, np.where(x > 0.123, 1.0, 0.0), np.abs(x - 0.3)])

    spike, jump, kink = adaptive(function, np.tile([-9.0, -1.0, -0.01, 0.0, 0.01, 2.0], (3, 1)), tolerance=1e-12)
    assert np.allclose(spike[1:], np.sqrt(2 * np.pi) * width[1:], rtol=1e-10)
    assert np.allclose(jump, 2 - 0.123, atol=1e-10)
    assert np.allclose(kink, (9.3**2 + 1.7**2) / 2, rtol=1e-11)


def test_what_does_not_settle_raises():
    with pytest.raises(ArithmeticError, match="did not settle"):
        adaptive(
            lambda x, owner: np.sign(x - 0.1234)[None] / np.abs(x - 0.1234)[None], np.array([[0.0, 1.0]]), rounds=5
        )
