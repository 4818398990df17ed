import numpy as np

from asymptopia import Law, NoLimit, Observable, field, generator


class DoubleDescent(Law):
    r"""The least-squares fit of smallest norm to $\alpha n$ noisy samples of a random linear function of n inputs.

    Its error tends to $\sigma^2/(\alpha-1)$ if $\alpha>1$, to $1-\alpha+\sigma^2\alpha/(1-\alpha)$ if $\alpha<1$."""

    alpha: float = field(2.0, "samples per input", above=0)
    noise: float = field(0.25, "variance of the noise", at_least=0)
    size, sizes, seeds = "inputs", (50, 100, 200), 400
    source = "Hastie, Montanari, Rosset and Tibshirani, Annals of Statistics 50 (2022) 949"
    observables = {"error": Observable(r"\varepsilon", "squared distance between student and teacher")}

    def check(self):
        if self.alpha == 1:
            raise NoLimit("`alpha` must not be 1: the error diverges there.")

    def predict(self):
        a, s = self.alpha, self.noise
        return {"error": s / (a - 1) if a > 1 else 1 - a + s * a / (1 - a)}

    def realize(self, n, key):
        rng = generator(key)
        x, teacher = rng.normal(size=(round(self.alpha * n), n)), rng.normal(size=n) / np.sqrt(n)
        student = np.linalg.lstsq(x, x @ teacher + np.sqrt(self.noise) * rng.normal(size=len(x)))[0]
        return {"error": np.sum((student - teacher) ** 2)}
