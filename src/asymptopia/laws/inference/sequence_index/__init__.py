"""One layer of attention, learned from its attention matrices by the best estimator and by message passing."""

from __future__ import annotations

from collections.abc import Sequence

from ....contract.law import Defaults, Law, Observable, References
from ....contract.record import StatementError, field
from ..common import none_drawn
from .landmarks import LANDMARKS

TROIANI = "Troiani, Cui, Dandi, Krzakala and Zdeborova, ICML 2025 (PMLR 267, 60147), arXiv:2502.00901"
LEAST_NOISE = 0.002  # times beta^2: labels less noisy than this need more nodes than fit in memory


class SequenceIndex(Law):
    r"""One layer of attention is learned by the best algorithm from its attention matrices.

    A sentence X has L `tokens`, rows of d independent N(0, 1) coordinates. A teacher of tied weights $w^\star$,
    $|w^\star|^2 = d$, attends by the fields $h = X w^\star / \sqrt d$, and the label is its attention matrix,

    $$y = S(h) + \sqrt{\Delta}\, \xi, \qquad S(h) = \mathrm{softmax}(\beta\, h h^T) \text{ by rows},$$

    with independent standard normal $\xi$ in its $L^2$ entries; $\Delta$ is `noise`. There are $n = \alpha d$
    sentences.

    Limit: d to infinity, message passing for weights of which nothing is known but their length. `overlap`
    $m = \langle w \rangle \cdot w^\star / d$, up to the sign that attention does not see, solves

    $$\frac{m}{1 - m} = \alpha\, Q(m), \qquad Q(m) = E\, \frac{|E[h | y, \omega] - \omega|^2}{(1 - m)^2}, \qquad
      \omega \sim N(0, m I_L), \quad h \sim N(\omega, (1 - m) I_L) .$$

    The solution is the one reached from nothing, the smallest. The weights are found from nothing above
    `weak_recovery`, $\alpha_c^{-1} = E_y |E[h h^T | y] - 1|^2$ (Frobenius norm). Without noise labels give h up to its
    sign, whatever beta, so that $\alpha_c = 1 / L(L + 1)$ and

    $$Q(m) = \frac{E\, r \tanh^2(s r + \sqrt{s r}\, \xi) - L m}{(1 - m)^2}, \qquad s = \frac{m}{1 - m}, \quad
      r \sim \chi^2_L ;$$

    the overlap reaches 1 at `perfect_recovery`, $\alpha = 1/L$: one equation for each unknown. With one token in place
    of L the equations are those of phase retrieval.

    `test_error` is the mean squared error of an entry of the best guess of $S$ for a new sentence. With noise the
    limit is computed for two tokens and overlaps up to 0.99, by nets of random points; its error is their spread.
    """

    alpha: float = field(2.0, "sentences per dimension, n / d", above=0)
    beta: float = field(1.0, "inverse temperature of the attention", above=0)
    tokens: int = field(2, "tokens of a sentence, L", at_least=2, at_most=16)
    noise: float = field(0.05, "variance added to the entries of the label; 0, or at least beta^2 / 500", at_least=0)

    defaults = Defaults(size="dimension", sizes=(50, 100, 200), seeds=200, block=20)
    references = References(
        source=TROIANI,
        status="proved (state evolution of message passing); its optimality among fast algorithms is conjectured",
        bibtex="""@inproceedings{TroianiCuiDandiKrzakalaZdeborova2025,
  author = {Troiani, Emanuele and Cui, Hugo and Dandi, Yatin and Krzakala, Florent and Zdeborov{\\'a}, Lenka},
  title = {Fundamental limits of learning in sequence multi-index models and deep attention networks:
           high-dimensional asymptotics and sharp thresholds},
  booktitle = {International Conference on Machine Learning}, series = {PMLR}, volume = {267}, year = {2025}
}""",
    )
    observables = {
        "overlap": Observable("m", "overlap of the estimate with the teacher, per dimension", scale=1.0),
        "test_error": Observable(r"\varepsilon", "squared error of an attention weight, new sentences", resolution=0.1),
    }
    exercises = (
        dict(alpha=0.25, noise=0.0, tokens=3),
        dict(alpha=1.4, beta=0.7, noise=0.03),
    )
    landmarks = LANDMARKS

    def check(self) -> None:
        if self.noise > 0 and self.tokens > 2:
            raise StatementError(f"With noise the limit is computed for 2 `tokens`, but there are {self.tokens}.")
        if 0 < self.noise < LEAST_NOISE * self.beta**2:
            least = LEAST_NOISE * self.beta**2
            raise StatementError(f"`noise` must be 0 or at least beta^2 / 500 = {least:.3g}, but is {self.noise}.")

    def too_small(self, sizes: Sequence[int]) -> str | None:
        return none_drawn({"sentences": self.alpha}, sizes)

    def valid(self) -> str | None:
        from .theory import weak_recovery

        edge = weak_recovery(self)
        if abs(self.alpha / edge - 1) < 0.25:
            return f"close to weak recovery at alpha = {edge:.6g} finite systems are smeared and slow"
        if self.noise == 0 and self.alpha > 0.9 / self.tokens:
            return f"close to perfect recovery at alpha = {1 / self.tokens:.6g} message passing is slow"
        return None

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `alpha`: `weak_recovery`, and without noise `perfect_recovery`."""
        if along != "alpha":
            raise StatementError(f"SequenceIndex has no known transition along {along!r}; there is one along 'alpha'.")
        self.check()
        from .theory import weak_recovery

        edges = {"weak_recovery": weak_recovery(self)}
        return edges if self.noise else edges | {"perfect_recovery": 1 / self.tokens}
