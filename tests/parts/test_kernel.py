"""Kernels of pairs of inputs: the angle between them, where a cosine keeps only half the digits too."""

import numpy as np
import pytest

from asymptopia.parts.kernel import NNGP, NTK


@pytest.mark.parametrize("kernel", [NNGP(depth=1), NTK(depth=3)], ids=repr)
@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-5, 1e-3, 1.0, np.pi - 1e-5, np.pi - 1e-9, np.pi])
def test_the_kernel_knows_angles_near_0_and_pi(kernel, angle):
    rng = np.random.default_rng(0)
    first, second = np.linalg.qr(rng.normal(size=(7, 2)))[0].T * np.sqrt(7)
    X = np.stack([first, second])
    Y = np.cos(angle) * X + np.sin(angle) * X[::-1] * [[1.0], [-1.0]]
    expected = float(kernel.at(np.array([angle]))[0])
    np.testing.assert_allclose(np.diagonal(kernel.between(X, Y)), expected, rtol=0, atol=2e-9)


def test_an_input_is_at_no_angle_from_itself():
    X = np.random.default_rng(1).normal(size=(40, 12))
    X *= np.sqrt(12) / np.linalg.norm(X, axis=1, keepdims=True)
    kernel = NTK(depth=3)
    own = float(kernel.at(np.zeros(1))[0])
    np.testing.assert_allclose(np.diagonal(kernel.between(X, X)), own, rtol=1e-14)
    np.testing.assert_allclose(np.diagonal(kernel.between(X, -X)), float(kernel.at(np.array([np.pi]))[0]), atol=1e-13)
