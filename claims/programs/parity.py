"""The parity of two directions, as a plain function of their fields."""

import numpy as np


def parity(z):
    return np.sign(z[..., 0] * z[..., 1])


parity.size = 2
