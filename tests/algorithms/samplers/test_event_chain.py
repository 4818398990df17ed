"""Event chains: rods on small rings against their exact law, disks against the virial series, and bad input."""

import numpy as np
import pytest
from scipy import stats

from asymptopia import StatementError
from asymptopia.algorithms.samplers.event_chain import disk_chains, rod_chains


@pytest.mark.parametrize("step", [0.0, 0.8, -0.8])
def test_two_gaps_have_the_law_of_their_energy(step):
    rng, free, width = np.random.default_rng(0), 1.6, 0.5
    chains = rod_chains(np.array([0.4, 1.2]), 400_000, rng, step=step, width=width, count=20_000)
    assert chains.snapshots.sum(axis=1) == pytest.approx(free)
    # with two gaps that sum to 1.6 > 2 width, one of them at most is within the range of the energy
    inside = (chains.snapshots < width).any(axis=1)
    weight = 2 * width * np.exp(-step)
    expected = weight / (weight + free - 2 * width)
    assert abs(inside.mean() - expected) < 4 * (expected * (1 - expected) / 20_000) ** 0.5
    gap = chains.snapshots[:, 0]
    assert stats.kstest(gap[gap < width] / width, "uniform").pvalue > 0.001
    between = gap[(gap > width) & (gap < free - width)]
    assert stats.kstest((between - width) / (free - 2 * width), "uniform").pvalue > 0.001


def test_hard_rods_have_the_exact_pressure_of_their_number():
    rng, n, density = np.random.default_rng(1), 6, 0.6
    length = n / density
    values = [rod_chains(np.full(n, 1 / density - 1), 4000, rng).pressure(density) for _ in range(100)]
    exact = density * (1 + (n - 1) / (length - n))  # the density of a gap at contact is (n - 1) / (length - n)
    assert abs(np.mean(values) - exact) < 4 * np.std(values) / 10


def test_hard_disks_have_the_pressure_of_the_virial_series():
    rng, side, packing = np.random.default_rng(2), 8, 0.2
    box = side * (np.pi / 4 / packing) ** 0.5
    line = (np.arange(side) + 0.5) * box / side
    start = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    state = disk_chains(start, box, 0.4 * box, 2000, rng).configuration
    values = []
    for _ in range(20):
        chains = disk_chains(state, box, 0.4 * box, 3000, rng)
        state = chains.configuration
        values.append(chains.pressure(1.0))
    # Clisby and McCoy, J. Stat. Phys. 122 (2006) 15: B_k / B_2**(k-1); finite size changes 1/n of the excess
    series = (1, 1, 0.782004, 0.5322318, 0.3335560, 0.1988425, 0.1148673, 0.0649930, 0.0362193, 0.0199537)
    exact = sum(b * (2 * packing) ** k for k, b in enumerate(series))
    assert abs(np.mean(values) - exact) < 4 * np.std(values) / 20**0.5 + (exact - 1) / side**2
    assert np.std(values) / 20**0.5 < 0.003
    apart = state[:, None] - state[None]
    apart -= box * np.rint(apart / box)
    assert np.hypot(*apart.transpose(2, 0, 1))[np.triu_indices(side**2, 1)].min() > 1 - 1e-9


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda rng: rod_chains([0.1, -0.2], 1, rng), "overlap"),
        (lambda rng: rod_chains([0.1, 0.2], 1, rng, step=np.nan), "step"),
        (lambda rng: rod_chains([0.1, 0.2], 1, rng, width=1.5), "width"),
        (lambda rng: rod_chains([0.1, 0.2], 0, rng), "chains"),
        (lambda rng: rod_chains([0.1, 0.2], 2, rng, count=3), "count"),
        (lambda rng: disk_chains([[0.0, 0.0], [0.5, 0.0]], 5.0, 1.0, 1, rng), "distance of 0.5"),
        (lambda rng: disk_chains([[0.0, np.nan], [2, 0]], 5.0, 1.0, 1, rng), "positions"),
        (lambda rng: disk_chains([[0.0, 0.0], [2, 0]], 1.5, 1.0, 1, rng), "box"),
        (lambda rng: disk_chains([[0.0, 0.0], [2, 0]], 5.0, -1.0, 1, rng), "chain"),
    ],
)
def test_bad_input_is_named(call, said):
    with pytest.raises(StatementError, match=said):
        call(np.random.default_rng(0))
