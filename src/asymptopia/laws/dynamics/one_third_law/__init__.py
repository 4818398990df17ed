"""Learning slows down as a power of time where labels are certain and the loss is a cross-entropy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....contract.law import Defaults, Landmark, Law, Observable, References
from ....contract.record import field

if TYPE_CHECKING:
    import jax

KUEHN = "Kuehn, Thelge and Rosenow, arXiv:2605.22341 (2026); exponent also Liu, Liu, Pehlevan and Gore, ICML 2026"
DERIVED = "late expansion of the two equations, by another quadrature"
FRESH = 4000


def _landmarks() -> tuple[Landmark, ...]:
    rows = []
    for rate, residual, alignment, error, loss in (
        (0.5, 0.10292642216498024, 1.0050236862437911, 0.10161019113196083, 0.6733817399407029),
        (1.0, 0.2199328, 1.2806426, 0.1165647, None),
    ):
        close = 1e-9 if loss else 1e-7
        named = dict(late_residual=residual, alignment_amplitude=alignment, error_amplitude=error, loss_amplitude=loss)
        rows += [Landmark(dict(rate=rate), k, v, close, DERIVED) for k, v in named.items() if v]
    for rate, at, alignment, residual in (
        (1.0, 0, 0.354860051033636, 0.17558791350843128),
        (1.0, 2, 5.4629528333017685, 0.23064849219565176),
        (4.0, 1, 4.2150095075779435, 1.6230295008907163),
    ):
        rows.append(Landmark(dict(rate=rate), "alignment", alignment, 1e-7, DERIVED, at=(at,)))
        rows.append(Landmark(dict(rate=rate), "residual", residual, 1e-7, DERIVED, at=(at,)))
    return tuple(rows)


class OneThirdLaw(Law):
    r"""Online logistic regression of certain labels: alignment grows, and the loss falls, as cube roots of time.

    A teacher $w^\star$, $|w^\star|^2 = d$, labels inputs $x \sim N(0, I_d)$ by $y = \mathrm{sign}(w^\star \cdot x)$.
    From $w = 0$ every sample is used once, in one step of rate $\eta$,

    $$w \leftarrow w + \frac{\eta}{\sqrt d} y\,\sigma(-y z)\, x, \qquad z = \frac{w \cdot x}{\sqrt d}, \qquad
      \sigma(a) = \frac{1}{1 + e^{-a}},$$

    and time is steps / d.

    Limit: d to infinity at fixed times. The `alignment` $R = w \cdot w^\star / d$ and the `residual`
    $\Delta = |w|^2/d - R^2$ obey $R' = \eta E[v g]$, $(R^2 + \Delta)' = 2 \eta E[a g] + \eta^2 E[g^2]$ with
    $g = \sigma(-a)$, $a = R v + \sqrt\Delta \xi$, $v = |N(0, 1)|$ and a standard normal $\xi$. `test_error` is
    $\arctan(\sqrt\Delta / R) / \pi$, `test_loss` $E \log(1 + e^{-a})$.

    Late the residual tends to the root (`late_residual`) of $\Delta = \eta (E \log(1 + e^{\sqrt\Delta \xi}) - 1/2)$,
    and, with $C = \int_0^\infty E \log(1 + e^{-(v + \sqrt\Delta \xi)}) dv$,

    $$R \simeq a\, t^{1/3}, \quad a^3 = 3 \eta \sqrt{2/\pi}\, C, \quad \text{test\_error} \simeq
      \frac{\sqrt\Delta}{\pi a} t^{-1/3}, \quad \text{test\_loss} \simeq \sqrt{2/\pi}\, \frac Ca\, t^{-1/3} .$$

    These powers are approached with relative corrections of order $t^{-2/3}$: a fit over t < 100 does not give 1/3.
    Corrections in d are of order 1/d and grow with time and rate.
    """

    rate: float = field(1.0, "rate of a step", above=0)
    times: tuple[float, ...] = field((1.0, 10.0, 100.0), "times, steps / d, increasing", at_least=0, axis="time")

    defaults = Defaults(size="dimension", sizes=(50, 100, 200), seeds=400, block=40)
    references = References(
        source=KUEHN,
        status="proved at fixed times (two equations for online SGD); the late powers are derived from them",
        bibtex="""@article{KuehnThelgeRosenow2026,
  author = {K{\\"u}hn, Marcel and Thelge, Yoon and Rosenow, Bernd},
  title = {A boundary-layer mechanism for one-third scaling in online softmax classification},
  journal = {arXiv:2605.22341}, year = {2026}
}
@article{LiuLiuPehlevanGore2026,
  author = {Liu, Yizhou and Liu, Ziming and Pehlevan, Cengiz and Gore, Jeff},
  title = {Universal one-third time scaling in learning peaked distributions},
  journal = {arXiv:2602.03685}, year = {2026}
}""",
    )
    observables = {
        "alignment": Observable("R", "overlap with the teacher per dimension", dims=("time",)),
        "residual": Observable(
            r"\Delta", "squared norm off the direction of the teacher, per dimension", dims=("time",), resolution=0.1
        ),
        "test_error": Observable(r"\varepsilon", "share of wrong labels", dims=("time",)),
        "test_loss": Observable(r"\ell", "mean loss of fresh samples", dims=("time",)),
        "late_residual": Observable(r"\Delta_\infty", "the residual at late times", limit_only=True),
        "alignment_amplitude": Observable("a", "factor of t**(1/3) in the alignment", limit_only=True),
        "error_amplitude": Observable(r"a_\varepsilon", "factor of t**(-1/3) in the error", limit_only=True),
        "loss_amplitude": Observable(r"a_\ell", "factor of t**(-1/3) in the loss", limit_only=True),
    }
    landmarks = _landmarks()

    def predict(self) -> dict[str, Any]:
        from .theory import predict

        return predict(float(self.rate), self.times)

    def realize(self, n: int, key: jax.Array) -> dict[str, Any]:
        import jax
        import jax.numpy as jnp

        def step(w: jax.Array, at: jax.Array) -> tuple[jax.Array, None]:
            x = jax.random.normal(jax.random.fold_in(going, at), (n,), jnp.float32).astype(float)
            y = jnp.sign(x[0])  # the teacher points along the first axis
            return w + self.rate / n**0.5 * y * jax.nn.sigmoid(-y * (w @ x) / n**0.5) * x, None

        going, fresh = jax.random.split(key)
        steps = [round(n * t) for t in self.times]
        w, begun, seen = jnp.zeros(n), 0, []
        for count in steps:
            w, _ = jax.lax.scan(step, w, jnp.arange(begun, count))
            begun = count
            seen.append(w)
        weights = jnp.stack(seen)
        R, Q = weights[:, 0] / n**0.5, jnp.sum(weights**2, axis=1) / n
        spread = jnp.maximum(Q - R**2, 0.0)
        v, xi = jax.random.normal(fresh, (2, FRESH, 1))
        signed = R * jnp.abs(v) + jnp.sqrt(spread) * xi
        return {
            "alignment": R,
            "residual": spread,
            "test_error": jnp.arctan2(jnp.sqrt(spread), R) / jnp.pi,
            "test_loss": jax.nn.softplus(-signed).mean(axis=0),
        }

    def valid(self) -> str | None:
        if self.rate > 20:
            return (
                f"at rate {self.rate:g} single steps change the field of a sample by more than its width, and "
                "corrections of order rate**2 / d are large at the default sizes"
            )
        return None
