"""Kernel regression: closed forms, an independent sum over modes, staircases, data sets, and bad statements."""

import numpy as np
import pytest

from asymptopia import NoLimit, StatementError, confront, parse
from asymptopia.laws.kernels.kernel_regression import KernelRegression
from asymptopia.laws.kernels.kernel_regression.theory import population
from asymptopia.numerics.harmonics import harmonic, harmonics
from asymptopia.parts.activation import Erf, Relu, Sign, Tanh
from asymptopia.parts.data import Bundled, Data, Table
from asymptopia.parts.kernel import NNGP, NTK, RBF, Polynomial, Powers


def test_powers_of_the_cosine():
    """Of relu with one hidden layer half the kernel is (sqrt(1 - t**2) + (pi - arccos t) t) / pi."""
    np.testing.assert_allclose(NNGP(depth=1).powers(3) / 2, [1 / np.pi, 0.5, 0.5 / np.pi, 0.0], atol=1e-10)
    np.testing.assert_allclose(RBF(width=0.7).powers(2) * np.exp(1 / 0.49), [1, 1 / 0.49, 0.5 / 0.49**2], rtol=1e-11)
    np.testing.assert_allclose(Polynomial(degree=3, offset=0.5).powers(3), [0.125, 0.75, 1.5, 1.0], atol=1e-12)
    np.testing.assert_allclose(Powers((0.2, 0.0, 3.0)).powers(3), [0.2, 0.0, 3.0, 0.0], atol=1e-11)


@pytest.mark.parametrize(
    "kernel",
    [NTK(depth=3, activation=Erf(), bias_variance=0.3), NNGP(activation=Tanh()), RBF(), Polynomial(), Powers()],
    ids=lambda k: type(k).__name__,
)
def test_a_kernel_is_one_function(kernel):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((7, 5))
    x *= np.sqrt(5 / np.square(x).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(kernel.between(x, x), kernel.matrix(x), rtol=1e-7)


def test_harmonics_have_unit_variance_and_are_orthogonal():
    d = 6
    rng = np.random.default_rng(1)
    x = rng.standard_normal((200_000, d))
    cosine = x[:, 0] / np.linalg.norm(x, axis=1)
    values = np.stack([harmonic(k, d, cosine) for k in range(4)])
    np.testing.assert_allclose(values @ values.T / len(x), np.eye(4), atol=0.03)
    assert [harmonics(3, k) for k in (1, 2, 3)] == [3, 5, 7]


def test_the_limit_is_the_sum_over_modes_in_a_huge_dimension():
    """Solve Canatar's equations with every mode of a sphere in 20 000 dimensions, mode by mode."""
    law = KernelRegression(alpha=1.3, kernel=Powers((0.5, 1.0, 0.7, 0.2)), target=(0.3, 1.0, 0.4, 0.1), ridge=0.2)
    d = 20_000
    count = np.array([1.0, d, harmonics(d, 2), harmonics(d, 3)])
    powers, target = np.array(law.kernel.coefficients), np.array(law.target)
    n, eta = law.samples_drawn(d), powers / count
    kappa = 1.0
    for _ in range(2000):
        kappa = law.ridge + float((count * kappa * eta / (kappa + n * eta)).sum())
    gamma = n * float((count * eta**2 / (kappa + n * eta) ** 2).sum())
    error = (float((target * (kappa / (kappa + n * eta)) ** 2).sum()) + gamma * law.noise) / (1 - gamma)
    limit = law.limit()
    assert float(limit.test_error) == pytest.approx(error, rel=1e-3)
    assert float(limit.train_loss) == pytest.approx((law.ridge / kappa) ** 2 * (error + law.noise) / 2, rel=1e-3)


def test_wrong_theories_are_noticed():
    law = KernelRegression(kernel=RBF())
    confrontation = confront(law, sizes=(40, 80, 160), seeds=60)
    assert confrontation.verdict != "disagrees", str(confrontation)
    limit = law.limit()
    kernel = law.replace(kernel=Polynomial(degree=1, offset=0.0)).limit()  # without the ridge of higher degrees
    assert confront(law, confrontation.experiment, kernel)["test_error"].verdict == "disagrees"
    assert (
        confront(law, confrontation.experiment, limit.assign(train_loss=1.5 * limit.train_loss)).verdict == "disagrees"
    )


def test_more_samples_of_a_degree_stop_helping_at_its_end():
    """After degree 1 is learned, degree 2 remains, as noise."""
    law = KernelRegression(alpha=1e6, noise=0.0)
    assert float(law.limit().test_error) == pytest.approx(0.2, rel=1e-4)
    second = law.replace(degree=2, target=(0.0, 1.0, 0.2), alpha=1e-6)
    assert float(second.limit().test_error) == pytest.approx(0.2, rel=1e-4)
    assert float(second.replace(alpha=1e7).limit().test_error) < 1e-4


class Gaussian(Data):
    """A thousand rows of a model of which the theory is known: a linear target of variance 1 and noise 0.2."""

    def columns(self):
        from asymptopia.tables import Columns

        rng = np.random.default_rng(3)
        X = rng.standard_normal((1000, 20))
        y = X @ rng.standard_normal(20) / np.sqrt(20) + np.sqrt(0.2) * rng.standard_normal(1000)
        return Columns(X, y, tuple(map(str, range(20))), "regression", "a line")


def test_a_population_is_seen_through_its_rows():
    """The theory of 1000 rows, of which it knows the noise only by its effects, is that of the model behind them."""
    data = Gaussian()
    X, y = data.samples().X, data.samples().y
    known = np.linalg.lstsq(X, y, rcond=None)[0]
    noise = float(np.mean((y - X @ known) ** 2)) * 1000 / 979
    linear = Polynomial(degree=1, offset=0.0)
    for n, ridge in ((40, 2.0), (100, 0.1)):
        model = KernelRegression(alpha=n / 20, kernel=linear, ridge=ridge, noise=noise, target=(0.0, 1 - noise))
        error, seen = population(data, linear, ridge, n)
        assert error == pytest.approx(float(model.limit().test_error) + noise, rel=0.03)
        assert seen / 2 == pytest.approx(float(model.limit().train_loss), rel=0.06)


def test_digits():
    law = KernelRegression(data=Bundled(), ridge=1.0)
    confrontation = confront(law)
    assert confrontation.verdict != "disagrees", str(confrontation)
    limit = law.limit()
    assert (
        confront(law, confrontation.experiment, limit.assign(test_error=1.2 * limit.test_error)).verdict == "disagrees"
    )


@pytest.mark.parametrize(
    "text",
    [
        "KernelRegression(alpha=0.0)",
        "KernelRegression(kernel=NTK(depth=0))",
        "KernelRegression(kernel=Powers(()))",
        "KernelRegression(kernel=Powers((1.0, -1.0)))",
        "KernelRegression(target=(1.0, -1.0))",
        "KernelRegression(target=1.0)",
        "KernelRegression(degree=0)",
    ],
)
def test_bad_statements_are_refused(text):
    with pytest.raises(StatementError):
        parse(text)


def test_a_student_that_fits_what_the_rows_do_not_determine_is_not_to_be_trusted():
    law = KernelRegression(data=Bundled(), alpha=10.0, ridge=0.05)
    assert "ridge" in law.valid()
    assert law.replace(alpha=4.0).valid() is None


def test_problems_without_a_limit():
    with pytest.raises(NoLimit, match="ridge"):
        KernelRegression(ridge=0.0, kernel=Polynomial(degree=1)).limit()
    with pytest.raises(NoLimit, match="alpha"):
        KernelRegression(data=Bundled(name="wine"), alpha=100.0).limit()
    with pytest.raises(StatementError, match="second moment"):
        KernelRegression(kernel=NTK(activation=Sign())).limit()
    with pytest.raises(StatementError, match="no-such-file"):
        KernelRegression(data=Table("no-such-file.csv")).limit()
    assert np.isfinite(float(KernelRegression(ridge=0.0, kernel=NNGP(activation=Relu())).limit().test_error))


def of_spectrum(law, d):
    """The same error in d dimensions, from all eigenvalues of a kernel of powers with their numbers of harmonics."""
    from scipy.optimize import brentq

    a = np.asarray(law.kernel.coefficients)
    weight, power = np.zeros(len(a)), np.eye(1, len(a) + 1)[0]  # of t**k on the harmonics that depend on t alone
    for k in range(len(a)):
        weight += a[k] * power[:-1]
        j = np.arange(len(a))
        up, down = power[:-1] * (j + d - 2) / (2 * j + d - 2), power[:-1] * j / (2 * j + d - 2)
        power = np.append(0.0, up) + np.append(down[1:], [0.0, 0.0])
    number = np.array([float(harmonics(d, k)) for k in range(len(a))])
    value, n = weight / number, law.alpha * harmonics(d, law.degree)

    def excess(log_kappa):
        kappa = np.exp(log_kappa)
        return law.ridge / kappa + (number * value / (value + kappa)).sum() - n

    kappa = np.exp(brentq(excess, -60, 20))
    gamma = (number * (value / (value + kappa)) ** 2).sum() / n
    target = np.zeros(len(a))
    target[: len(law.target)] = law.target
    return (target @ (kappa / (value + kappa)) ** 2 + law.noise) / (1 - gamma) - law.noise


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        (dict(kernel=Powers((0.0, 1.0, 0.0, 0.5)), target=(1.0, 1.0)), 1.434924),
        (dict(kernel=Powers((0.0, 1.0, 1.0)), target=(1.0, 1.0)), 0.585714),
        (dict(kernel=Powers((1.0, 0.0, 1.0)), degree=2, ridge=0.1, target=(0.0, 1.0, 0.5)), 1.799864),
        (dict(kernel=Powers((1.0, 0.0, 1.0, 1.0)), degree=2, ridge=0.1, target=(0.0, 1.0, 0.5)), 0.267547),
        (dict(kernel=Powers((0.0, 0.0, 0.0, 1.0, 1.0, 0.5)), degree=3, target=(1.0, 1.0, 1.0, 1.0)), None),
    ],
)
def test_degrees_that_a_kernel_lacks_are_learned_through_higher_ones_or_never(fields, error):
    law = KernelRegression(**fields)
    test_error = law.predict()["test_error"]
    near, far = of_spectrum(law, 10_000), of_spectrum(law, 20_000)
    assert test_error == pytest.approx(2 * far - near, abs=2e-6)
    if error is not None:
        assert test_error == pytest.approx(error, abs=1e-6)


def test_an_odd_kernel_learns_no_offset():
    law = KernelRegression(kernel=NTK(activation=Erf(), depth=1), target=(1.0, 1.0), ridge=0.1)
    measured = law.experiment((150,), 30)["test_error"].values.ravel()
    assert law.predict()["test_error"] > 1.4
    assert abs(measured.mean() - law.predict()["test_error"]) < 4 * measured.std() / 30**0.5 + 0.02
