"""Attention that learns where tokens stand or what they mean."""

from __future__ import annotations

from collections.abc import Sequence

from ....contract.law import Defaults, Law, Observable, References
from ....contract.record import StatementError, field
from ..common import none_drawn
from .landmarks import LANDMARKS

CUI = "Cui, Behrens, Krzakala and Zdeborova, NeurIPS 37 (2024), arXiv:2402.03902, result 4.2"


class AttentionIndex(Law):
    r"""Dot-product attention learns to attend by the positions of tokens or by their meaning.

    A sentence x is two tokens, independent $N(0, \sigma^2 I_d)$ with $\sigma^2$ = `variance`. The student adds the
    encodings of their positions, p and -p with $|p|^2$ = `encoding`, and attends with tied weights Q of one column,

    $$f_Q(x) = S\big((x + p) Q/\sqrt d\big)\, (x + p), \qquad S(h) = \mathrm{softmax}(h h^T) \text{ by rows}.$$

    The target mixes attention by meaning, along $Q^\star$ of $|Q^\star|^2 = d$, with fixed attention by position, where
    a token keeps `share` for itself: with $\omega$ = `positional`,

    $$y = T(x Q^\star/\sqrt d)\, x, \qquad
      T(h) = (1 - \omega)\, S(h) + \omega \begin{pmatrix} a & 1 - a \\ 1 - a & a \end{pmatrix} .$$

    On $n = \alpha d$ sentences descent from $Q^\star$ (`start="semantic"`) or from p (`"positional"`) leads to a
    minimum of $\sum_i |y_i - f_Q(x_i)|^2 / 2d + \frac{\text{ridge}}2 |Q|^2$.

    Limit: d to infinity. The loss of a sentence becomes $\ell(h) = \frac{\sigma^2}2 |T(h^\star) - S(h)|^2$ of the two
    fields h of the student and $h^\star$ of the target, of variances $q = \sigma^2 |Q|^2/d$ and $\sigma^2$ and
    covariance m, around the means $\pm\theta$, $\theta = Q \cdot p / \sqrt d$. With w the fields and
    $z = \mathrm{argmin}\, |z - w|^2/2V + \ell(z)$, $g = (z - w)/V$,

    $$\hat q = \alpha E|g|^2, \quad \hat V = -\alpha E\, \mathrm{div}\, g, \quad
      \sigma^2 \hat m = \alpha E[g \cdot h^\star] + m \hat V, \quad \hat\theta = \alpha E[g_1 - g_2],$$
    $$V = \sigma^2/D, \quad m = \sigma^4 \hat m/D, \quad \theta = |p|^2 \hat\theta/D, \quad
      q = \sigma^2 (\sigma^2 \hat q + \sigma^4 \hat m^2 + |p|^2 \hat\theta^2)/D^2,
      \qquad D = \text{ridge} + \sigma^2 \hat V .$$

    One solution has $\theta = 0$, the other m = 0. `thresholds` along `alpha` gives `semantic`: below it the positional
    minimum has the lower penalised loss, above it the semantic one, a first-order transition.

    `test_error` is the mean square of a coordinate of $y - f$ on new sentences, `train_loss` the mean loss of a
    sentence seen, without penalty (with two tokens both are on one scale). Corrections are of order 1/d.
    """

    alpha: float = field(3.0, "sentences per dimension, n / d", above=0)
    positional: float = field(0.3, "weight of the positional rule in the target", at_least=0, at_most=1)
    share: float = field(0.6, "attention that the positional rule leaves a token on itself", at_least=0, at_most=1)
    variance: float = field(1.0, "variance of a coordinate of a token", above=0)
    encoding: float = field(1.0, "squared length of a position's encoding", above=0)
    ridge: float = field(0.2, "strength of the penalty ridge/2 |Q|^2", above=0)
    start: str = field("semantic", "direction from which descent starts", one_of=("semantic", "positional"))

    defaults = Defaults(size="dimension", sizes=(200, 400, 800, 1600), seeds=20, block=10)
    references = References(
        source=CUI,
        status="heuristic (replica-symmetric equations of a loss that is not convex)",
        bibtex="""@inproceedings{CuiBehrensKrzakalaZdeborova2024,
  author = {Cui, Hugo and Behrens, Freya and Krzakala, Florent and Zdeborov{\\'a}, Lenka},
  title = {A phase transition between positional and semantic learning in a solvable model of dot-product attention},
  booktitle = {Advances in Neural Information Processing Systems}, volume = {37}, year = {2024}, eprint = {2402.03902}
}""",
    )
    observables = {
        "semantic_overlap": Observable(r"c_s", "cosine of Q with the target's direction", scale=1.0, resolution=0.1),
        "positional_overlap": Observable(r"c_p", "cosine of Q with the encodings", scale=1.0, resolution=0.1),
        "norm": Observable("|Q|^2/d", "squared length of Q per dimension", resolution=0.1),
        "test_error": Observable(r"\varepsilon_g", "mean squared error of a coordinate, new sentences", resolution=0.1),
        "train_loss": Observable(r"\mathcal{L}_t", "mean loss of the sentences seen", resolution=0.1),
    }
    exercises = (
        dict(alpha=2.5, positional=0.2, share=0.7, variance=0.4, encoding=0.8, ridge=0.05),
        dict(alpha=1.2, positional=0.4, share=0.75, variance=0.3, encoding=1.5, ridge=0.03, start="positional"),
    )
    landmarks = LANDMARKS

    def too_small(self, sizes: Sequence[int]) -> str | None:
        return none_drawn({"sentences": self.alpha}, sizes)

    def valid(self) -> str | None:
        from .theory import unstable

        return unstable(self)

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `alpha`: `semantic`, where the two minima have equal penalised losses."""
        if along != "alpha":
            raise StatementError(f"AttentionIndex has no known transition along {along!r}; there is one along 'alpha'.")
        from .theory import crossing

        return {"semantic": crossing(self)}
