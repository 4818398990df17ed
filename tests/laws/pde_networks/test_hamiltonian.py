"""Hamiltonian networks: rates and invariants, dense and convolutional, and what refutes them."""

import pytest

from asymptopia import confront, parse
from asymptopia.algorithms.checks import NotSolved
from asymptopia.laws.pde_networks.hamiltonian import Hamiltonian

SMALL = dict(features=4, hidden=4)


def test_the_experiment_agrees_and_a_first_order_scheme_is_refuted():
    class Wrong(Hamiltonian):
        def predict(self):
            return super().predict() | {"rate": -1.0, "memory": 2.0}

    experiment = Hamiltonian(**SMALL).experiment(sizes=(8, 32, 128), seeds=240)
    assert confront(Hamiltonian(**SMALL), experiment).verdict != "disagrees"
    confrontation = confront(Wrong(**SMALL), experiment)
    assert confrontation["rate"].verdict == confrontation["memory"].verdict == "disagrees"


def test_convolutional_layers_keep_volume_and_energy():
    law = parse("Hamiltonian(features=3, hidden=2, architecture=Convolutional(channels=1))")
    values = law.experiment((8, 16), 4)
    assert (values["volume"] < 1e-12).all() and (values["reconstruction_error"] < 1).all()
    assert (values["energy_drift"] < 1e-3).all()


def test_kinks_are_warned_of():
    assert "smooth" in parse("Hamiltonian(activation=Relu())").valid()


def test_growth_beyond_all_numbers_is_said():
    law = parse("Hamiltonian(activation=PolynomialUnit(coefficients=(0.0, 1.0, 1.0, 1.0)), horizon=26.0)")
    with pytest.raises(NotSolved, match="beyond all numbers"):
        law.experiment((4,), 2)
