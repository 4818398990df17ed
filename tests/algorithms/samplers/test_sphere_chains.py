"""Event chains of spheres: two of them by quadrature, many against Metropolis and by two pressures, and bad input."""

import numpy as np
import pytest
from scipy.integrate import quad

from asymptopia import StatementError
from asymptopia.algorithms.samplers.sphere_chains import lattice, sphere_chains

SURFACE = {1: 2.0, 2: 2 * np.pi, 3: 4 * np.pi}


def errors(values):
    """Mean of a correlated series and its error, from the means of fifty parts."""
    means = np.array([p.mean() for p in np.array_split(values, 50)])
    return means.mean(), means.std() / 49**0.5


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("core", [0.0, 0.5])
def test_two_spheres_have_the_averages_of_quadrature(d, core):
    strength, power, scale, reach, box = 1.5, 6.0, 0.7, 1.2, 4.8
    base = (scale / (reach - core)) ** power

    def integral(f):
        """Over the shell of distances below the reach, of f(u, -u'(r) r) with Boltzmann's weight."""

        def shell(r):
            u = strength * ((scale / (r - core)) ** power - base)
            return (
                SURFACE[d] * r ** (d - 1) * np.exp(-u) * f(u, strength * power * r / (r - core) * (u / strength + base))
            )

        return quad(shell, core + 0.05, reach)[0]

    outside = box**d - quad(lambda r: SURFACE[d] * r ** (d - 1), 0, reach)[0]
    whole = integral(lambda u, w: 1.0) + outside
    energy, virial = integral(lambda u, w: u) / whole / 2, integral(lambda u, w: w) / whole / (2 * d)
    chains = sphere_chains(
        lattice(2, d, box), box, 60_000, 4.0, np.random.default_rng(d),
        power=power, strength=strength, scale=scale, core=core, reach=reach, count=30_000,
    )  # fmt: skip
    for values, exact in ((chains.energies, energy), (chains.virials, virial)):
        mean, error = errors(values)
        assert abs(mean - exact) < 4 * error < 0.4 * exact
    # the jumps are the virial of the events
    assert chains.pressure / chains.density - 1 == pytest.approx(virial, rel=0.15 if d == 3 else 0.06)


@pytest.mark.parametrize("n, d, density", [(32, 1, 1.1), (80, 2, 0.9), (150, 3, 0.7)])
def test_events_and_virial_give_the_same_pressure(n, d, density):
    box, rng, by_events, by_virial = (n / density) ** (1 / d), np.random.default_rng(7), [], []
    state = sphere_chains(lattice(n, d, box), box, 2000, n / 8, rng, reach=1.3).configuration
    for _ in range(20):
        chains = sphere_chains(state, box, 300, n / 8, rng, reach=1.3, count=50)
        state = chains.configuration
        by_events.append(chains.pressure)
        by_virial.append(chains.virial_pressure)
    apart = np.subtract(by_events, by_virial)
    assert abs(apart.mean()) < 4 * apart.std() / 19**0.5 < 0.03 * np.mean(by_events)
    assert np.mean(by_events) > 1.5 * density


def test_soft_disks_have_the_energy_of_metropolis_sampling():
    n, box, reach, replicas = 16, 5.0, 1.2, 300
    chains = sphere_chains(
        lattice(n, 2, box), box, 40_000, 4.0, np.random.default_rng(0), power=4.0, reach=reach, count=4000
    )
    rng, x, seen = np.random.default_rng(1), np.tile(lattice(n, 2, box), (replicas, 1, 1)), []

    def energies(here, others):
        """Of one disk at `here` (replicas, 2) with the others (replicas, m, 2)."""
        apart = here[:, None] - others
        r = np.sqrt(((apart - box * np.rint(apart / box)) ** 2).sum(axis=2))
        return np.where(r < reach, np.maximum(r, 1e-3) ** -4.0 - reach**-4.0, 0.0).sum(axis=1)

    for sweep in range(120):
        for i in range(n):
            others = np.delete(x, i, axis=1)
            proposed = x[:, i] + rng.uniform(-0.5, 0.5, (replicas, 2))
            rise = energies(proposed, others) - energies(x[:, i], others)
            accepted = np.log(rng.random(replicas)) < -rise
            x[accepted, i] = proposed[accepted]
        if sweep >= 60 and sweep % 10 == 0:
            total = sum(energies(x[:, i], np.delete(x, i, axis=1)) for i in range(n))
            seen.append(total / 2 / n)
    other = np.mean(seen, axis=0)
    mean, error = errors(chains.energies)
    error = np.hypot(error, other.std() / replicas**0.5)
    assert abs(mean - other.mean()) < 4 * error < 0.05 * mean


def test_hard_spheres_have_the_pressure_of_the_virial_series():
    """Of diameter 1 and packing .2 in three dimensions; finite size changes 1/n of the excess."""
    n, packing = 216, 0.2
    box, rng = (n * np.pi / 6 / packing) ** (1 / 3), np.random.default_rng(3)
    state = sphere_chains(lattice(n, 3, box), box, 2000, n / 4, rng, strength=0.0, core=1.0).configuration
    values = []
    for _ in range(20):
        chains = sphere_chains(state, box, 300, n / 4, rng, strength=0.0, core=1.0)
        state = chains.configuration
        values.append(chains.pressure / chains.density)
    # Clisby and McCoy, J. Stat. Phys. 122 (2006) 15: B_k / B_2**(k-1), B_2 density = 4 packing
    series = (1, 1, 0.625, 0.28694951, 0.11025210, 0.03888198, 0.01302354, 0.00418324)
    exact = sum(b * (4 * packing) ** k for k, b in enumerate(series))
    assert abs(np.mean(values) - exact) < 4 * np.std(values) / 19**0.5 + (exact - 1) / n
    assert np.std(values) / 19**0.5 < 0.005 * exact
    assert np.isnan(chains.virial_pressure)
    apart = state[:, None] - state[None]
    apart -= box * np.rint(apart / box)
    assert np.sqrt((apart**2).sum(axis=2))[np.triu_indices(n, 1)].min() > 1 - 1e-9


GOOD = np.array([[0.5, 0.5], [3.0, 3.0]])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (dict(positions=GOOD[:1]), "`positions` must be finite"),
        (dict(positions=GOOD * np.nan), "`positions` must be finite"),
        (dict(positions=np.ones((2, 4))), "d = 1, 2 or 3"),
        (dict(power=0.0), "`power` must be finite and > 0, but is 0.0"),
        (dict(scale=-1.0), "`scale`"),
        (dict(length=np.inf), "`length`"),
        (dict(strength=-1.0), "`strength` and `core`"),
        (dict(strength=0.0), "one of them > 0"),
        (dict(core=1.5), "`reach` must be finite and > `core` = 1.5"),
        (dict(box=4.0), "at least 4 times the reach of 1.2"),
        (dict(core=0.8, positions=np.array([[0.5, 0.5], [0.5, 1.2]])), "must not overlap"),
        (dict(core=0.8, positions=[[0.5, 0.5], [0.5, 1.3]]), "`positions` must have a finite energy"),
        (dict(positions=np.zeros((3, 2))), "`positions` must have a finite energy"),
        (dict(positions=[[1, 2], [3]]), "`positions` must be finite numbers"),
        (dict(positions=lattice(4, 1, 4.0), box=4.0, strength=0, core=1.0), "4 rods .* are jammed"),
        (dict(power=1200.0, reach=0.5), "the energy that is cut at the reach"),
        (dict(strength=1e14, scale=1.2), "the energy that is cut at the reach"),
        (dict(box="8"), "`box` must be finite, a number, but is '8'"),
        (dict(box=1e10), "`box` must be finite and at least 4 times the reach of 1.2, at most"),
        (dict(length=1e8), "at most 1e.06 times the box"),
        (dict(rng=0), "`rng` must be a NumPy random generator, but is 0"),
        (dict(chains="3"), "`chains`"),
        (dict(chains=0), "`chains`"),
        (dict(count=20), "`count`"),
    ],
)
def test_bad_input_is_named(changed, said):
    given = dict(positions=GOOD, box=6.0, chains=10, length=1.0, rng=np.random.default_rng(0), reach=1.2) | changed
    with pytest.raises(StatementError, match=said):
        sphere_chains(**given)


@pytest.mark.parametrize(
    ("n", "box", "energy"),
    [(16, 4.0, dict(strength=0, core=1.0)), (100, 8.0, dict(power=1200.0, reach=2.0))],
    ids=["hard", "steep"],
)
def test_jammed_spheres_are_told_and_do_not_run_for_ever(n, box, energy):
    with pytest.raises(StatementError, match="The spheres are jammed: after"):
        sphere_chains(lattice(n, 2, box), box, 1, box, np.random.default_rng(0), **energy)


def test_spheres_in_contact_that_can_move_are_not_jammed():
    """Fifty rods, of which only one has a gap: up to fifty events in a row do not move."""
    x = np.arange(50.0)[:, None]
    chains = sphere_chains(x, 50.01, 20, 5.0, np.random.default_rng(0), strength=0, core=1.0)
    assert chains.events > 10_000
    assert chains.pressure == pytest.approx(50 / 0.01, rel=0.02)


@pytest.mark.parametrize("given", [(5, 0, 1.0), (-3, 2, 8.0), (0, 2, 8.0), (4, 2, 0.0), (2.5, 2, 8.0), (4, 2, "8")])
def test_what_is_no_lattice_is_refused(given):
    with pytest.raises(StatementError, match="`lattice` needs n >= 1, d = 1, 2 or 3|`box` must be finite"):
        lattice(*given)
