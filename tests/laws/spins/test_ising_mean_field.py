"""The Ising ferromagnet against integrals, transfer matrices and derivatives; and a wrong law is refuted."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from asymptopia import confront, parse, thresholds
from asymptopia.contract.law import NoLimit
from asymptopia.contract.record import StatementError
from asymptopia.laws.spins.ising_mean_field import IsingMeanField
from asymptopia.laws.spins.ising_mean_field.theory import CRITICAL_SQUARE, bethe, naive, onsager, tap
from asymptopia.parts.graph import Lattice, RandomRegular


def log_partition(beta):
    """Onsager's double integral for log Z / n, one integral done."""

    def inner(a):
        p, q = math.cosh(2 * beta) ** 2 - math.sinh(2 * beta) * math.cos(a), math.sinh(2 * beta)
        return math.log((p + math.sqrt(p**2 - q**2)) / 2)

    return math.log(2) + quad(inner, 0, math.pi, epsabs=1e-13, epsrel=1e-13)[0] / (2 * math.pi)


@pytest.mark.parametrize("beta", [0.2, 0.38, 0.5, 0.9])
def test_onsagers_energy_is_the_derivative_of_the_double_integral(beta):
    h = 1e-4
    low, middle, high = (log_partition(beta + k * h) for k in (-1, 0, 1))
    value = onsager(beta)
    assert (low - high) / (2 * h) == pytest.approx(value["energy"], abs=1e-6)
    assert beta**2 * (high - 2 * middle + low) / h**2 == pytest.approx(value["heat_capacity"], abs=2e-5)


def test_the_square_lattice_by_transfer_matrices():
    """The magnetisation from the gap-free overlap of the two leading vectors of a strip, with growing width."""
    beta, values = 0.7, []
    for width in (6, 8, 10):
        S = np.array([[1 if k >> i & 1 else -1 for i in range(width)] for k in range(2**width)])
        inside = np.exp(beta / 2 * np.sum(S * np.roll(S, 1, axis=1), axis=1))
        T = inside[:, None] * np.exp(beta * S @ S.T) * inside
        _, vectors = np.linalg.eigh(T)
        odd, even = vectors[:, -2], vectors[:, -1]
        values.append(abs(odd @ (S.mean(axis=1) * even)))
    assert values[-1] == pytest.approx(onsager(beta)["magnetisation"], abs=2e-5)


@pytest.mark.parametrize("degree", [2, 3, 4, 6])
@pytest.mark.parametrize("beta", [0.15, 0.4, 0.7])
def test_bethes_heat_capacity_is_the_derivative_of_its_energy(degree, beta):
    h = 1e-5
    slope = (bethe(degree, beta + h)["energy"] - bethe(degree, beta - h)["energy"]) / (2 * h)
    assert bethe(degree, beta)["heat_capacity"] == pytest.approx(-(beta**2) * slope, abs=1e-8)


@pytest.mark.parametrize("degree", [3, 4, 6])
def test_bethes_free_energy_is_stationary_at_its_field(degree):
    """Its energy is the derivative of log Z = degree/2 log Z_link - ... along beta alone."""

    def free(beta, h):
        u = math.atanh(math.tanh(beta) * math.tanh(h))
        site = math.log(2 * math.cosh(degree * u)) + degree * (math.log(math.cosh(beta)) - math.log(math.cosh(u)))
        link = math.log(math.cosh(beta) * (1 + math.tanh(beta) * math.tanh(h) ** 2))
        return site - degree / 2 * link

    beta, d = 0.6, 1e-5
    h = 2.0
    for _ in range(2000):
        h = (degree - 1) * math.atanh(math.tanh(beta) * math.tanh(h))
    assert (free(beta, h + d) - free(beta, h - d)) / (2 * d) == pytest.approx(0, abs=1e-8)
    energy = -(free(beta + d, h) - free(beta - d, h)) / (2 * d)
    assert bethe(degree, beta)["energy"] == pytest.approx(energy, abs=1e-8)


def test_many_neighbours_make_all_mean_fields_one():
    degree = 2000
    for scaled in (0.8, 1.3):
        values = [f(degree, scaled / degree)["magnetisation"] for f in (bethe, tap, naive)]
        assert np.ptp(values) < 2e-3
    assert values[0] == pytest.approx(math.tanh(1.3 * values[0]), abs=2e-3)


@pytest.mark.parametrize("beta", [0.46, 0.5, 0.7, 1.5])
def test_approximations_order_too_much(beta):
    order = [onsager(beta), bethe(4, beta), tap(4, beta), naive(4, beta)]
    m = [x["magnetisation"] for x in order]
    assert 0 < m[0] < m[1] <= m[3] and m[2] <= m[3]
    for limit in order:
        assert -2 <= limit["energy"] <= -1.4


def test_tap_solves_its_equation_and_beats_independent_spins():
    m = tap(6, 0.3)["magnetisation"]
    assert m == pytest.approx(math.tanh(1.8 * m - 0.54 * (1 - m**2) * m), abs=1e-12)
    for beta in (0.1, 0.2, 0.25):
        exact = onsager(beta)["energy"]
        assert abs(tap(4, beta)["energy"] - exact) < abs(naive(4, beta)["energy"] - exact)


def test_extremes_are_finite():
    for graph in (Lattice(dimension=1), Lattice(dimension=2), RandomRegular(degree=3), Lattice(dimension=3)):
        for beta in (1e-4, 30.0, 500.0):
            limit = IsingMeanField(graph=graph, beta=beta).limit()
            assert all(np.isfinite(v).all() for v in limit.values())
            assert float(limit["energy"]) == pytest.approx(-graph.degree / 2 * math.tanh(beta), rel=1e-3)


def test_transitions():
    transitions = thresholds(IsingMeanField(), "beta")
    assert 1 / transitions["transition"] == pytest.approx(2.269185314, abs=1e-9)
    assert transitions["naive"] < transitions["bethe"] < transitions["transition"] and transitions["tap"] == 0.5
    assert thresholds(IsingMeanField(graph=RandomRegular(degree=3)), "beta")["transition"] == pytest.approx(
        math.log(3) / 2
    )
    assert "transition" not in thresholds(IsingMeanField(graph=Lattice(dimension=3)), "beta")
    assert thresholds(IsingMeanField(graph=Lattice(dimension=1)), "beta") == {"naive": 0.5}
    for name in ("bethe", "naive"):
        law = parse("IsingMeanField(graph=Lattice(dimension=3))")
        edge = thresholds(law, "beta")[name]
        below, above = (float(law.replace(beta=edge * c).limit()[f"{name}_magnetisation"]) for c in (0.999, 1.001))
        assert below == 0 < above < 0.1


def test_where_the_limit_is_not_to_be_trusted_or_none():
    assert "no exact solution" in IsingMeanField(graph=Lattice(dimension=3)).valid()
    assert "8 %" in IsingMeanField(beta=0.45).valid()
    assert IsingMeanField(graph=RandomRegular(degree=5), beta=0.6).valid() is None
    with pytest.raises(NoLimit, match="heat capacity"):
        IsingMeanField(beta=CRITICAL_SQUARE).check()
    with pytest.raises(StatementError, match="along 'beta'"):
        IsingMeanField().thresholds("graph")


@pytest.mark.parametrize(("degree", "n"), [(2, 31), (3, 40), (3, 41), (4, 30), (7, 20), (3, 2)])
def test_regular_graphs_are_regular_and_simple(degree, n):
    edges = RandomRegular(degree=degree).edges(n, np.random.default_rng(n))
    sites = edges.max() + 1
    assert np.all(np.bincount(edges.ravel()) == degree) and (edges[:, 0] != edges[:, 1]).all()
    assert len({frozenset(e) for e in edges.tolist()}) == len(edges) and sites >= n


def test_regular_graphs_have_the_triangles_of_random_ones():
    """Their number is Poisson with mean (degree - 1)**3 / 6."""
    rng, count = np.random.default_rng(5), []
    for _ in range(300):
        A = np.zeros((60, 60))
        i, j = RandomRegular(degree=4).edges(60, rng).T
        A[i, j] = A[j, i] = 1
        count.append(np.trace(A @ A @ A) / 6)
    assert np.mean(count) == pytest.approx(27 / 6, abs=0.5)


def test_lattices_are_periodic():
    edges = Lattice(dimension=3).edges(60, np.random.default_rng(0))
    assert np.all(np.bincount(edges.ravel()) == 6) and len(edges) == 3 * 64


def test_the_experiment_agrees_and_a_mean_field_is_refuted():
    class Wrong(IsingMeanField):
        """Bethe's approximation on the square lattice."""

        def predict(self):
            prediction = super().predict()
            return prediction | {k: prediction[f"bethe_{k}"] for k in ("energy", "magnetisation")}

    experiment = IsingMeanField().experiment(sizes=(144, 400, 900), seeds=30)
    right, wrong = (confront(law, experiment, resolution=0.1) for law in (IsingMeanField(), Wrong()))
    assert "disagrees" not in (right["energy"].verdict, right["magnetisation"].verdict)
    assert wrong["energy"].verdict == wrong["magnetisation"].verdict == "disagrees"
