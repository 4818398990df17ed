"""Storage capacity: reference values, moments by other quadrature, identities, and exact decisions at small sizes."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import Bounds, LinearConstraint, fsolve, milp, nnls
from scipy.special import logsumexp
from scipy.stats import norm

from asymptopia import NoLimit, StatementError, confront, parse, thresholds
from asymptopia.algorithms.erm.max_margin import max_margin
from asymptopia.laws.inference.capacity import Capacity
from asymptopia.laws.inference.capacity.experiment import _reaches_sphere, _separated, stored
from asymptopia.laws.inference.capacity.theory import (
    _broken_energy,
    _solve,
    _state,
    capacity,
    fewest_errors,
    instability,
    squared_distance,
    symmetric_errors,
)

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "inference.json").read_text())
ROWS = [r for r in REFERENCE if r["statement"].startswith("Capacity")]
SETS = {
    "halfspace": lambda z, k: np.maximum(k - z, 0),
    "symmetric": lambda z, k: np.maximum(np.abs(z) - k, 0),
    "outside": lambda z, k: np.maximum(k - np.abs(z), 0),
}


def average(function, *points):
    return quad(lambda z: function(z) * norm.pdf(z), -14, 14, points=points or None, limit=400, epsabs=1e-13)[0]


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r["statement"])
def test_reference_values(row):
    assert float(parse(row["statement"]).limit()[row["observable"]]) == pytest.approx(row["value"], rel=1e-9)


@pytest.mark.parametrize("constraint", SETS)
@pytest.mark.parametrize("kappa", [0.02, 0.3, 1.0, 3.0])
def test_the_distance_from_the_allowed_fields(constraint, kappa):
    expected = average(lambda z: SETS[constraint](z, kappa) ** 2, -kappa, kappa)
    assert squared_distance(kappa, constraint) == pytest.approx(expected, rel=1e-9)


def test_the_capacity_of_a_large_stability_is_a_number():
    """It was refused, as the density of such a field vanishes."""
    assert Capacity(kappa=50.0, alpha=1e-4).predict()["capacity"] == pytest.approx(1 / 2501, rel=1e-14)


@pytest.mark.parametrize("kappa", [-1.0, 0.0, 0.7])
def test_the_capacity_of_binary_weights_by_other_quadrature(kappa):
    """Order parameters by a general solver of the saddle point; the entropy vanishes there."""

    def u(z, q):
        return (kappa - np.sqrt(q) * z) / np.sqrt(1 - q)

    def hazard(x):
        return np.exp(norm.logpdf(x) - norm.logsf(x))

    def conditions(x):
        alpha, q, q_hat = x
        entropy = (
            -q_hat * (1 - q) / 2
            + average(lambda z: np.logaddexp(np.sqrt(q_hat) * z, -np.sqrt(q_hat) * z))
            + alpha * average(lambda z: norm.logsf(u(z, q)))
        )
        return [
            q - average(lambda z: np.tanh(np.sqrt(q_hat) * z) ** 2),
            q_hat - alpha / (1 - q) * average(lambda z: hazard(u(z, q)) ** 2),
            entropy,
        ]

    alpha_c = capacity(kappa, "binary", "halfspace")
    q_hat = np.exp(_solve(alpha_c, kappa, "binary"))
    q = average(lambda z: np.tanh(np.sqrt(q_hat) * z) ** 2)
    solution = fsolve(conditions, [1.01 * alpha_c, 0.99 * q, 1.01 * q_hat], xtol=1e-12)
    assert alpha_c == pytest.approx(solution[0], rel=1e-8)


@pytest.mark.parametrize("weights", ["binary", "spherical"])
def test_the_entropy_falls_by_the_mean_cost_of_a_pattern(weights):
    """The envelope theorem: d entropy / d alpha = E log Phi((sqrt(q) Z - kappa) / sqrt(1 - q))."""
    kappa, alpha, step = 0.3, 0.4, 1e-4
    law = Capacity(kappa=kappa, weights=weights)
    low, high = (float(law.replace(alpha=alpha + s).limit().entropy) for s in (-step, step))
    x = np.exp(_solve(alpha, kappa, weights))
    q = average(lambda z: np.tanh(np.sqrt(x) * z) ** 2) if weights == "binary" else x / (1 + x)
    cost = average(lambda z: norm.logcdf((np.sqrt(q) * z - kappa) / np.sqrt(1 - q)))
    assert (high - low) / (2 * step) == pytest.approx(cost, rel=1e-6)
    start = np.log(2) if weights == "binary" else 0.0
    few = float(law.replace(alpha=1e-6).limit().entropy)
    assert few == pytest.approx(start + 1e-6 * norm.logsf(kappa), abs=1e-10)


def test_the_typical_volume_is_below_the_mean_volume():
    for weights, start in (("spherical", 0.0), ("binary", np.log(2))):
        for kappa in (0.0, 0.5):
            law = Capacity(kappa=kappa, weights=weights, alpha=0.3)
            assert float(law.limit().entropy) < start + 0.3 * norm.logsf(kappa)


def test_the_stability_of_replica_symmetry_at_gardners_capacity_is_marginal():
    eigenvalues = [_state(_solve(2.0 - gap, 0.0, "spherical"), 0.0, "spherical")[2] for gap in (1e-2, 1e-4, 1e-6)]
    assert np.all(np.diff(eigenvalues) > 0) and eigenvalues[-1] == pytest.approx(1, abs=2e-3)
    assert instability(0.8, 0.0, "binary", "halfspace") < 1


def test_thresholds_along_both_fields_agree():
    for fields in (dict(kappa=0.8), dict(kappa=0.8, weights="binary", constraint="symmetric"), dict(kappa=-0.4)):
        law = Capacity(**fields)
        alpha = thresholds(law)["capacity"]
        assert thresholds(law.replace(alpha=alpha), "kappa")["capacity"] == pytest.approx(law.kappa, abs=1e-9)
    with pytest.raises(StatementError, match="along 'weights'"):
        thresholds(Capacity(), "weights")


def test_above_the_capacity_nothing_is_left():
    limit = Capacity(alpha=2.5).limit()
    assert float(limit.satisfiable) == 0 and float(limit.entropy) == -np.inf


def test_what_is_not_exact_is_said():
    assert "upper bound" in Capacity(kappa=-0.5).valid()
    assert "upper bound" in Capacity(kappa=1.0, constraint="symmetric").valid()
    outside = Capacity(kappa=0.8, weights="binary", constraint="outside")
    assert outside.valid() is None and "first moment" in outside.replace(kappa=0.83).valid()
    assert "close" in Capacity(alpha=1.9).valid()


def test_what_has_no_capacity_is_refused():
    for constraint in ("symmetric", "outside"):
        with pytest.raises(NoLimit, match="`kappa` of Capacity must be > 0"):
            Capacity(constraint=constraint).limit()
    with pytest.raises(StatementError, match="one of 'spherical', 'binary'"):
        Capacity(weights="ternary")


def test_covers_count_is_met_at_every_size():
    """The mean number of patterns that can be stored is 2 n exactly: a waiting time for n heads."""
    rng = np.random.default_rng(0)
    for n in (1, 3, 10):
        measured = np.array([stored(n, 0.0, "spherical", "halfspace", rng) for _ in range(2000)])
        assert abs(measured.mean() - 2 * n) < 4 * measured.std() / np.sqrt(2000)


def test_a_single_weight_stores_a_geometric_number():
    """Of one weight both signs serve for a set that is symmetric: the mean is p / (1 - p)."""
    rng = np.random.default_rng(1)
    for weights, constraint in (("binary", "symmetric"), ("binary", "outside"), ("spherical", "symmetric")):
        p = 2 * norm.cdf(0.9) - 1 if constraint == "symmetric" else 2 * norm.sf(0.9)
        measured = np.array([stored(1, 0.9, weights, constraint, rng) for _ in range(3000)])
        assert abs(measured.mean() - p / (1 - p)) < 4 * measured.std() / np.sqrt(3000)


@pytest.mark.parametrize("constraint", SETS)
def test_enumeration_is_brute_force(constraint):
    n, kappa = 7, 0.6
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X = np.random.default_rng(seed).standard_normal((200, n)) / np.sqrt(n)
        W = np.array(np.meshgrid(*[[-1, 1]] * n)).reshape(n, -1)
        violated = np.concatenate([SETS[constraint](X @ W, kappa) > 0, np.ones((1, W.shape[1]), bool)])
        assert stored(n, kappa, "binary", constraint, rng) == violated.argmax(axis=0).max()


def test_a_half_space_is_decided_by_the_largest_margin():
    rng = np.random.default_rng(2)
    for _ in range(20):
        X = rng.standard_normal((14, 9))
        margin = max_margin(X, np.ones(14))
        margin_or_none = -1.0 if margin is None else margin[1]
        assert _separated(X, 0.0) == (margin_or_none > 0)
        if margin_or_none > 0:
            assert _separated(X, 0.999 * margin_or_none) and not _separated(X, 1.001 * margin_or_none)


def test_vertices_decide_what_a_fine_grid_decides():
    rng = np.random.default_rng(3)
    angle = np.linspace(0, 2 * np.pi, 20001)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    for count in (1, 2, 3, 4, 6, 9) * 5:
        X = rng.standard_normal((count, 2))
        smallest = (X @ circle).max(axis=0).min()  # of the largest field, over unit vectors
        for bound in (0.9 * abs(smallest), 1.1 * abs(smallest)):
            assert _reaches_sphere(X, bound) == (smallest <= bound)


def test_sizes_that_cannot_be_decided_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(StatementError, match="at most 26, but a size is 30"):
        stored(30, 0.0, "binary", "halfspace", rng)
    with pytest.raises(StatementError, match="at most 8, but a size is 12"):
        stored(12, -0.5, "spherical", "halfspace", rng)
    with pytest.raises(StatementError, match="outside"):
        stored(5, 0.5, "spherical", "outside", rng)


@pytest.mark.parametrize(
    "statement",
    ["Capacity()", "Capacity(kappa=0.5)", "Capacity(kappa=1, weights='binary', constraint='symmetric')"],
)
def test_experiments_agree_and_wrong_limits_are_refuted(statement):
    law = parse(statement)
    experiment = law.experiment((6, 10, 16), 400)
    limit = law.limit()
    assert confront(law, experiment, limit)["capacity"].verdict != "disagrees"
    wrong = limit.assign(capacity=limit.capacity * 1.25)
    assert confront(law, experiment, wrong)["capacity"].verdict == "disagrees"


@pytest.mark.parametrize("alpha, kappa", [(2.5, 0.0), (4.0, 0.0), (1.0, 1.0)])
def test_the_least_errors_by_envelope_and_quadrature(alpha, kappa):
    """The energy with the envelope minimised on a grid and both averages as sums; stationary, and above Gardner's."""
    value = fewest_errors(alpha, kappa)
    assert value > 1.03 * symmetric_errors(alpha, kappa) > 0
    z = np.linspace(-8.5, 8.5, 1701)
    bell = norm.pdf(z) * (z[1] - z[0])

    def energy(x):
        chi, q0, mu = np.exp(x[0]), 1 / (1 + np.exp(-x[1])), np.exp(x[2])
        fields = np.sqrt(q0) * z[:, None] + np.sqrt(1 - q0) * z
        below = np.where(fields < kappa, 1.0, 0.0)
        envelope = np.minimum(below, np.maximum(kappa - fields, 0) ** 2 / (2 * chi))
        average = bell @ logsumexp(-mu * envelope, b=bell, axis=1)
        return (
            -np.log1p(mu * (1 - q0) / chi) / (2 * mu) - q0 / (2 * (chi + mu * (1 - q0))) - alpha / mu * average
        )  # fmt: skip

    x = np.log([0.3, 3.0, 5.0])
    assert energy(x) == pytest.approx(_broken_energy(x, alpha, kappa), abs=2e-5)
    assert energy(x) < alpha * value + 2e-5
    flat = np.array([np.log((kappa - norm.ppf(symmetric_errors(alpha, kappa))) ** 2 / 2), 0.0, -9.0])
    assert _broken_energy(flat, alpha, kappa) / alpha == pytest.approx(symmetric_errors(alpha, kappa), rel=1e-3)


@pytest.mark.parametrize(("kappa", "excess", "place"), [(0.3, 1.1, (-0.3, 2.7, 2.6)), (1.0, 1.5, (-0.4, 2.2, 2.2))])
def test_no_place_has_more_energy_than_the_least_errors(kappa, excess, place):
    """Also where a maximum of small mu, hardly above replica symmetry, lies beside the largest one."""
    alpha = excess * capacity(kappa, "spherical", "halfspace")
    value = fewest_errors(alpha, kappa)
    width = kappa - norm.ppf(symmetric_errors(alpha, kappa))
    there = _broken_energy(np.add(place, [np.log(width**2 / 2), 0, 0]), alpha, kappa) / alpha
    assert there <= value < 1.001 * there
    assert value > 1.015 * symmetric_errors(alpha, kappa)


def fewest(X):
    """The least number of rows to drop so that some w has X w > 0 for the rest: exact, by cores that must be hit.

    A core is the support of the point of the convex hull that is the origin; the least set that hits all cores so far
    comes from integer programming, until what is left is separable.
    """
    target, cores, hit = np.append(np.zeros(X.shape[1]), 1.0), [], np.zeros(len(X), bool)
    while True:
        left, before = np.flatnonzero(~hit), len(cores)
        while len(left):
            weight, distance = nnls(np.vstack([X[left].T, np.ones(len(left))]), target)
            if distance > 1e-9:
                break
            cores.append(np.isin(np.arange(len(X)), left[weight > 1e-12]))
            left = left[weight <= 1e-12]
        if len(cores) == before:
            return int(hit.sum())
        constraint = LinearConstraint(np.array(cores, float), 1, np.inf)
        hit = milp(np.ones(len(X)), constraints=constraint, integrality=np.ones(len(X)), bounds=Bounds(0, 1)).x > 0.5


def test_the_least_errors_of_small_systems_fall_towards_the_limit():
    """Exact minima at n = 3 and 6, alpha = 3."""
    assert fewest(np.array([[1.0, 0.2], [1.0, -0.1], [-1.0, 0.0], [0.5, 1.0]])) == 1
    rng, means, errors = np.random.default_rng(3), [], []
    for n, seeds in ((3, 80), (6, 40)):
        shares = np.array([fewest(rng.standard_normal((3 * n, n))) / (3 * n) for _ in range(seeds)])
        means.append(shares.mean())
        errors.append(shares.std(ddof=1) / np.sqrt(seeds))
    limit = float(Capacity(alpha=3.0).limit().errors)
    assert means[0] > means[1] > limit + 3 * errors[1]
    assert means[1] - limit < 0.8 * (means[0] - limit) + 3 * np.hypot(*errors)


def test_errors_start_at_the_capacity():
    assert float(Capacity(alpha=1.999).limit().errors) == 0
    assert 0 < float(Capacity(alpha=2.02).limit().errors) < 1e-3
    assert float(Capacity(alpha=1000.0).limit().errors) == pytest.approx(0.5, abs=0.05)
    assert "errors" not in Capacity(weights="binary").limit() and "errors" not in Capacity(kappa=-0.5).limit()


def test_at_no_margin_replica_symmetry_is_marginal_at_the_capacity():
    """Gardner and Derrida: at kappa = 0 the line of de Almeida and Thouless is met at alpha = 2, with margin later."""
    values = [instability(a, 0.0, "spherical", "halfspace") for a in (1.9, 1.99, 1.999)]
    assert values[0] < values[1] < values[2] < 1 and values[2] > 0.98
    c = capacity(1.0, "spherical", "halfspace")
    assert instability(0.999 * c, 1.0, "spherical", "halfspace") == pytest.approx(c * norm.cdf(1.0), abs=0.02)
