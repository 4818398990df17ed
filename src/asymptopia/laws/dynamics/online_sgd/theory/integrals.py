"""Gaussian averages over the fields of two-layer networks: closed, or by quadrature."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from .....numerics.arrays import ArrayLike, PyTree
from .....numerics.gaussian import legendre
from .....parts.activation import Activation, Erf, Identity, Relu
from .....parts.loss import namespace

if TYPE_CHECKING:
    import jax

    Index: TypeAlias = np.ndarray | jax.Array

CLOSED = (Erf, Relu, Identity)
ORDER = 28  # nodes a panel, for activations without closed forms
REACH, HERMITE = 6.0, 30
POWER, PATH = 2, 24  # nodes of the one integral that relu units leave


class Rule(NamedTuple):
    """Nodes and weights (ORDER,) of a panel of unit length; without panels, those of a standard normal.

    hermite: shape (ORDER, HERMITE), weights times the orthonormal Hermite polynomials at the nodes; without panels.
    """

    nodes: Any
    weights: Any
    hermite: Any = None


def rule_of(breaks: tuple[float, ...], order: int = ORDER) -> Rule:
    """The rule with so many nodes, and others of weight 0: rules of all orders share a compiled program."""
    if breaks:
        nodes, weights = legendre(order)
    else:  # the trapezoidal rule, which converges geometrically on the whole line
        nodes = np.linspace(-REACH, REACH, order)
        weights = np.exp(-(nodes**2) / 2) / np.exp(-(nodes**2) / 2).sum()
    rest = max(ORDER - order, 0)
    nodes, weights = np.pad(nodes, (0, rest), mode="edge"), np.pad(weights, (0, rest))
    if breaks:
        return Rule(nodes, weights)
    before, now, columns = np.zeros(len(nodes)), weights, []
    for n in range(HERMITE):
        columns.append(now)
        before, now = now, (nodes * now - np.sqrt(n) * before) / np.sqrt(n + 1)
    return Rule(nodes, weights, np.stack(columns, axis=1))


class Averages(NamedTuple):
    r"""Averages over jointly normal fields $a \sim N(0, C)$ of P units g(a), the first K of them students.

    power (P, P):   $E g(a_i) g(a_j)$.
    slopes (K, P):  $E g'(a_i) g'(a_j)$.
    curve (K, P):   $E g''(a_i) g(a_j)$.
    spread (K, K):  $E g'(a_i) g'(a_j) \Delta^2$ with $\Delta = \sum_j c_j g(a_j)$.
    """

    power: Any
    slopes: Any
    curve: Any
    spread: Any


def averages(
    activation: Activation, C: Any, c: Any, K: int, breaks: tuple[float, ...] = (), rule: Rule | None = None
) -> Any:
    """The averages of P units of covariance C (P, P) and weights c (P,), of which the first K are students.

    `breaks` and `rule` are for activations without closed forms: where they are not smooth, and the nodes.
    """
    if not isinstance(activation, CLOSED):
        return _quadrature(activation, C, c, K, breaks, rule or rule_of(breaks))
    import jax.numpy as jnp

    C, c = jnp.asarray(C), jnp.asarray(c)
    if isinstance(activation, Erf):
        return _erf(activation.scale, C, c, K)
    return (_identity if isinstance(activation, Identity) else _relu)(C, c, K)


def pairs(K: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pairs i <= k of K units, and the (K, K) table of the number of each pair."""
    i, k = np.triu_indices(K)
    table = np.zeros((K, K), int)
    table[i, k] = table[k, i] = np.arange(len(i))
    return i, k, table


def _erf(scale: Any, C: ArrayLike, c: jax.Array, K: int) -> Averages:
    """erf(scale a) is erf(b / sqrt 2) of b = sqrt 2 scale a, for which Saad and Solla have the integrals."""
    import jax.numpy as jnp

    s2 = 2 * scale**2
    D = s2 * C
    one = 1 + jnp.diagonal(D)
    det = one[:K, None] * one[None, :] - D[:K] ** 2
    power = 2 / np.pi * jnp.arcsin(D / jnp.sqrt(one[:, None] * one[None, :]))
    slopes = 2 / np.pi * s2 / jnp.sqrt(det)
    curve = -2 / np.pi * s2 * D[:K] / (jnp.sqrt(det) * one[:K, None])
    i, k, table = pairs(K)
    return Averages(power, slopes, curve, s2 * _erf_spread(D, c, i, k)[table])


def _erf_spread(D: jax.Array, c: jax.Array, i: Index, k: Index) -> Any:
    """E g'_i g'_k g_a g_b summed with c_a c_b, for every pair (i, k): the fields given the two slopes are normal."""
    import jax.numpy as jnp

    a, b = np.triu_indices(D.shape[0])
    ii, kk, ik = 1 + D[i, i], 1 + D[k, k], D[i, k]
    det = (ii * kk - ik**2)[:, None]
    U, V = D[i], D[k]
    ii, kk, ik = ii[:, None], kk[:, None], ik[:, None]
    own = det * (1 + jnp.diagonal(D)) - V**2 * ii - U**2 * kk + 2 * ik * U * V
    ua, ub, va, vb = U[:, a], U[:, b], V[:, a], V[:, b]
    across = det * D[a, b] - va * vb * ii - ua * ub * kk + ik * (ua * vb + va * ub)
    angle = jnp.arcsin(across / jnp.sqrt(own[:, a] * own[:, b]))
    weight = c[a] * c[b] * np.where(a == b, 1.0, 2.0)
    return 4 / np.pi**2 * (angle @ weight) / jnp.sqrt(det[:, 0])


def _identity(C: jax.Array, c: jax.Array, K: int) -> Averages:
    import jax.numpy as jnp

    ones = jnp.ones((K, C.shape[0]))
    return Averages(C, ones, 0 * ones, (c @ C @ c) * ones[:, :K])


def _relu(C: jax.Array, c: jax.Array, K: int) -> Averages:
    """theta(a) = (1 + sign a)/2 and relu(a) = (a + |a|)/2 leave averages of signs and fields at the origin."""
    import jax.numpy as jnp

    own = jnp.sqrt(jnp.diagonal(C))
    rho = C / (own[:, None] * own[None, :])
    moduli = _moduli(own[:, None], own[None, :], rho)
    slopes = (1 + 2 / np.pi * _arcsin(rho[:K])) / 4
    curve = _root(1 - rho[:K] ** 2) * own[None, :] / (2 * np.pi * own[:K, None])
    i, k, table = pairs(K)
    a, b = np.triu_indices(C.shape[0])
    weight = c[a] * c[b] * np.where(a == b, 1.0, 2.0)
    one, other, A, B = np.broadcast_arrays(i[:, None], k[:, None], a, b)
    signs = _two_signs(C, one, other, A, B)
    total = C[a, b] + moduli[a, b] + signs
    for s in (one, other):
        total += _two_signs(C, s, B, A, B) + _two_signs(C, s, A, B, A)
    four = jnp.where(one == other, moduli[a, b], signs)
    apart = np.nonzero((one != other) & (A != B))
    total += four.at[apart].set(_two_signs_moduli(C, *(x[apart] for x in (one, other, A, B))))
    return Averages((C + moduli) / 4, slopes, curve, (total @ weight / 16)[table])


def _root(x: ArrayLike) -> Any:
    import jax.numpy as jnp

    return jnp.sqrt(jnp.maximum(x, 0.0))


def _arcsin(rho: ArrayLike) -> Any:
    import jax.numpy as jnp

    return jnp.arcsin(jnp.clip(rho, -1.0, 1.0))


def _ratio(numerator: jax.Array, denominator: jax.Array) -> Any:
    """numerator / denominator, and 0 where the denominator vanishes, as the numerator then does."""
    import jax.numpy as jnp

    return jnp.where(denominator > 0, numerator / jnp.where(denominator > 0, denominator, 1.0), 0.0)


def _moduli(u: ArrayLike, v: ArrayLike, rho: ArrayLike) -> Any:
    """E |x| |y| for deviations u, v and correlation rho."""
    return 2 / np.pi * u * v * (_root(1 - rho**2) + rho * _arcsin(rho))


def _two_signs(C: jax.Array, i: Index, k: Index, a: Index, b: Index) -> Any:
    """E sign(x_i) sign(x_k) x_a x_b, by Stein's lemma."""
    import jax.numpy as jnp

    ik, ii, kk = C[i, k], C[i, i], C[k, k]
    product = C[a, b] * 2 / np.pi * _arcsin(ik / jnp.sqrt(ii * kk))
    for s, o in ((i, k), (k, i)):
        left = _root(C[o, o] - ik**2 / C[s, s])
        across = _ratio(C[o, b] - ik * C[s, b] / C[s, s], left)
        product += 2 / np.pi * C[a, s] / jnp.sqrt(C[s, s]) * across
    return product


def _two_signs_moduli(C: jax.Array, i: Index, k: Index, a: Index, b: Index) -> Any:
    """E sign(x_i) sign(x_k) |x_a| |x_b|: it vanishes without correlations of x_i, along which it is integrated."""
    import jax.numpy as jnp

    u, weight = (x[:, None] for x in legendre(PATH))
    left = np.pi / 2 * u**POWER  # nodes gather at the end, where fields of two units are almost the same
    weight = weight * np.pi / 2 * POWER * u ** (POWER - 1) * np.sin(left)
    ii, ik = C[i, i], C[i, k]

    def given(x: Index, y: Index) -> Any:
        own = C[i, x] * C[i, y] / ii
        rest = C[x, y] - own
        return jnp.where(x == y, jnp.maximum(rest, 0.0), rest) + np.sin(left) ** 2 * own

    kk, ka, kb, aa, bb, ab = given(k, k), given(k, a), given(k, b), given(a, a), given(b, b), given(a, b)
    near, far, middle = _root(aa - ka**2 / kk), _root(bb - kb**2 / kk), ab - ka * kb / kk
    both = ik * 2 / np.pi / jnp.sqrt(ii * kk) * _moduli(near, far, jnp.clip(_ratio(middle, near * far), -1, 1))
    one = C[i, a] * _signs_modulus(kk, aa, bb, ka, kb, ab) + C[i, b] * _signs_modulus(kk, bb, aa, kb, ka, ab)
    return (weight * (both + 2 * one / jnp.sqrt(2 * np.pi * ii))).sum(axis=0)


def _signs_modulus(xx: jax.Array, yy: jax.Array, zz: jax.Array, xy: jax.Array, xz: jax.Array, yz: jax.Array) -> Any:
    """E sign(x) sign(y) |z| from the six covariances."""
    import jax.numpy as jnp

    def given(own: jax.Array, u: ArrayLike, v: ArrayLike, uu: jax.Array, vv: jax.Array, uv: jax.Array) -> Any:
        """2 phi E sign(u) sign(v) at x = 0, from its variance and covariances with u and v; if both are x, a third."""
        left, right = uu - u**2 / own, vv - v**2 / own
        one, other = left > 1e-13 * uu, right > 1e-13 * vv
        rho = _ratio(uv - u * v / own, jnp.where(one & other, _root(left * right), 0.0))
        return jnp.sqrt(2 / (np.pi * own)) * 2 / np.pi * _arcsin(jnp.where(one | other, rho, 0.5))

    return xz * given(xx, xy, xz, yy, zz, yz) + yz * given(yy, xy, yz, xx, zz, xz) + zz * given(zz, xz, yz, xx, yy, xy)


def _quadrature(activation: Activation, C: Any, c: Any, K: int, breaks: tuple[float, ...], rule: Rule) -> Averages:
    """Two fields are integrated on panels; given them, each other field is expanded in Hermite polynomials."""
    xp, P = namespace(C), C.shape[0]
    first, second, every = pairs(P)

    def pair(i: Any, k: Any) -> Any:
        (x, y), weight = _outer(C, i, k, breaks, rule)
        x = x[:, None]
        g, h, slope, other = activation(x), activation(y), activation.derivative(x), activation.derivative(y)
        return xp.stack([(weight * f).sum() for f in (g * h, slope * other, slope * x * h, other * y * g)])

    power, slopes, above, below = _each(pair, first, second, xp).T[:, every]
    curve = (xp.where(np.tri(P, k=-1) > 0, below, above) - C * slopes) / xp.diagonal(C)[:, None]
    i, k, table = pairs(K)
    spread = _each(lambda i, k: _spread(activation, C, c, i, k, breaks, rule), i, k, xp)
    return Averages(power, slopes[:K], curve[:K], spread[table])


def _each(function: Callable[[Any, Any], Any], first: np.ndarray, second: np.ndarray, xp: Any) -> Any:
    """The function of each pair of indices, one after the other."""
    if xp is np:
        return np.stack([function(i, k) for i, k in zip(first, second, strict=True)])
    from jax import lax

    return lax.map(lambda ik: function(*ik), (xp.asarray(first), xp.asarray(second)))


def _panels(mean: Any, deviation: Any, breaks: tuple[float, ...], rule: Rule) -> tuple[Any, Any]:
    """Standard normal nodes and weights (..., N), split where mean + deviation x meets a break; (N,) without any."""
    if not breaks:
        return rule.nodes, rule.weights
    xp = namespace(mean, deviation)
    mean, deviation = (xp.asarray(v)[..., None] for v in (mean, deviation))
    inner = (xp.asarray(breaks, float) - mean) / xp.maximum(deviation, 1e-12)
    shape = np.broadcast_shapes(inner.shape[:-1], deviation.shape[:-1])
    ends = [xp.full((*shape, 1), -REACH), xp.clip(inner, -REACH, REACH), xp.full((*shape, 1), REACH)]
    edges = xp.sort(xp.concatenate([xp.broadcast_to(e, (*shape, e.shape[-1])) for e in ends], axis=-1), axis=-1)
    length = xp.diff(edges, axis=-1)[..., None]
    x = (edges[..., :-1, None] + length * rule.nodes).reshape(*shape, -1)
    weight = (length * rule.weights).reshape(x.shape) * xp.exp(-(x**2) / 2)
    return x, weight / weight.sum(axis=-1, keepdims=True)


def _outer(C: Any, i: Index, k: Index, breaks: tuple[float, ...], rule: Rule) -> tuple[Any, Any]:
    """Nodes of the fields i (N,) and k (N, N), and weights (N, N); the second axis is 1 where both are known as one."""
    xp = namespace(C)
    own = xp.sqrt(C[i, i])
    z, w = _panels(0.0, own, breaks, rule)
    if xp is np and i == k:
        return (own * z, own * z[:, None]), w[:, None]
    mean, left = C[i, k] / own * z, xp.sqrt(xp.maximum(C[k, k] - C[i, k] ** 2 / C[i, i], 0.0))
    y, v = _panels(mean, left, breaks, rule)
    return (own * z, mean[:, None] + left * y), w[:, None] * v


def _spread(activation: Activation, C: Any, c: Any, i: Index, k: Index, breaks: tuple[float, ...], rule: Rule) -> Any:
    """E g'_i g'_k Delta**2: given both fields the others have correlations r, and E g_a g_b = sum_n r**n h_an h_bn."""
    xp = namespace(C)
    (x, y), weight = _outer(C, i, k, breaks, rule)
    weight = weight * activation.derivative(x)[:, None] * activation.derivative(y)
    kk = C[k, k] - C[i, k] ** 2 / C[i, i]
    slope_y = xp.where(kk > 1e-12 * C[k, k], (C[k] - C[i, k] * C[i] / C[i, i]) / xp.maximum(kk, 1e-300), 0.0)
    slope_x = (C[i] - C[i, k] * slope_y) / C[i, i]
    left = C - xp.outer(slope_x, C[i]) - xp.outer(slope_y, C[k])
    deviation = xp.sqrt(xp.maximum(xp.diagonal(left), 0.0))
    free = deviation > 1e-7 * xp.sqrt(xp.diagonal(C))
    scale = xp.where(free, deviation, xp.inf)
    r = xp.clip(left / scale / scale[:, None], -1.0, 1.0)
    mean = slope_x * x[:, None, None] + slope_y * y[..., None]
    z, w = _panels(mean, deviation, breaks, rule)
    if rule.hermite is not None:
        f = activation(mean[..., None] + deviation[:, None] * z)
        h = xp.moveaxis(f @ rule.hermite, -1, 0).reshape(HERMITE, -1, len(c)) * c
        products = xp.swapaxes(h, 1, 2) @ (weight.reshape(-1, 1) * h)
        return (products * r ** np.arange(HERMITE)[:, None, None]).sum()
    f = c[:, None] * w * activation(mean[..., None] + deviation[:, None] * z)

    def add(n: Any, carry: PyTree) -> Any:
        total, before, now, power = carry
        h = (f * now).sum(axis=-1)
        total += (weight * ((h @ power) * h).sum(axis=-1)).sum()
        return total, now, (z * now - xp.sqrt(n) * before) / xp.sqrt(n + 1), power * r

    start = (0.0, xp.zeros_like(z), xp.ones_like(z), xp.ones_like(r))
    if xp is np:
        return functools.reduce(lambda carry, n: add(n, carry), range(HERMITE), start)[0]
    from jax import lax

    return lax.fori_loop(0, HERMITE, add, start)[0]
