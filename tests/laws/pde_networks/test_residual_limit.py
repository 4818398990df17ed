"""The flow of deep residual networks: closed forms, derivatives, and a confrontation."""

import numpy as np
import pytest

from asymptopia import NoLimit, confront, parse
from asymptopia.contract.law import NoNumber
from asymptopia.laws.pde_networks.residual_limit import ResidualLimit, matrices
from asymptopia.parts.activation import Power, Relu, Tanh


def test_one_linear_unit_has_a_closed_form():
    """y' = g (A cos + B sin) y in one dimension: y(1) = exp(2 g B / pi), and the variance is a multiple of y(1)^2."""
    law = parse("ResidualLimit(activation=Identity(), width=1, weights=3, keep=0.5, gain=0.7)")
    A, B = (float(m[0, 0]) for m in matrices(1, 3))
    found = law.predict()
    end = np.exp(2 * 0.7 * B / np.pi)
    assert found["outputs"][0] == pytest.approx(end, rel=1e-9)
    assert found["gradient"][0] == pytest.approx(end, rel=1e-9)
    assert found["fluctuation"][0] == pytest.approx(end**2 * 0.49 * (A**2 + B**2) / 2, rel=1e-8)
    assert found["length"] == pytest.approx(np.exp(0.49), rel=1e-9)


def test_steep_activations_have_a_limit_until_they_blow_up():
    """E sigma^2 of x^5 is 945 q^5: q(1) = (1 - 3780 g^2)^(-1/4) while that is finite, and no limit beyond."""
    law = ResidualLimit(activation=Power(degree=5), gain=0.015)
    assert law.predict()["length"] == pytest.approx((1 - 3780 * 0.015**2) ** -0.25, rel=1e-8)
    with pytest.raises(NoLimit, match="squared length .* at the time 0.01039 of 1"):
        law.replace(gain=0.15958385503410907).predict()
    with pytest.raises(NoNumber, match="grow without bound within 16 layers"):
        law.replace(gain=0.15958385503410907, width=1).realized(16, (0,))
    with pytest.raises(NoLimit, match="The state of"):
        law.replace(gain=9.0).predict()


def test_the_gradient_is_the_derivative_of_the_flow():
    law = ResidualLimit(width=3)
    step = 1e-5
    for k in range(3):
        sides = []
        for sign in (1, -1):
            begun = np.ones(3)
            begun[k] += sign * step
            sides.append(_flow_from(law, begun))
        assert (sides[0] - sides[1]) / (2 * step) == pytest.approx(law.predict()["gradient"][k], rel=1e-6)


def _flow_from(law, y):
    from scipy.integrate import solve_ivp

    def slope(t, y):
        return np.tanh(law._weights_at(t) @ y)

    return solve_ivp(slope, (0.0, 1.0), y, rtol=1e-11, atol=1e-12).y[:, -1].sum()


def test_limit_and_experiment_agree():
    found = confront(ResidualLimit(), seeds=1200)
    assert found.verdict != "disagrees"


def test_a_wrong_law_is_refuted():
    class Wrong(ResidualLimit):
        def predict(self):
            found = super().predict()
            return found | {"fluctuation": found["fluctuation"] * self.keep, "length": found["length"] * 1.1}

    found = confront(Wrong(keep=0.5), sizes=(8, 16, 32, 64), seeds=600)
    assert found["fluctuation"].verdict == found["length"].verdict == "disagrees"


def test_without_dropping_nothing_fluctuates_and_it_says_so():
    assert "no layer is skipped" in ResidualLimit(keep=1.0).valid()


def test_kinks_and_skipped_layers_are_warned_of():
    """Corrections of n**(-1/2) refuted the limit, whose corrections were taken to fall as 1/n."""
    law = ResidualLimit(activation=Relu(), gain=1.0, keep=0.5, width=3)
    assert "n**(-1/2)" in law.valid()
    assert ResidualLimit().valid() is None and ResidualLimit(activation=Tanh(), keep=0.5).valid() is None
    found = law.experiment((6, 96), 150)["outputs"].values
    near, far = (np.abs(x.mean(axis=0) - law.predict()["outputs"]).max() for x in (found[0], found[1]))
    assert far < near / 3 + 0.01


def test_networks_that_skip_almost_every_layer_are_too_small():
    assert "it takes at least 1000 layers" in ResidualLimit(keep=0.002).too_small((16, 128))
    assert ResidualLimit(keep=0.002).too_small((1000,)) is ResidualLimit().too_small((16,)) is None
