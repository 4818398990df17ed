"""Finite systems of the Gaussian covariate model: random inputs, or random training sets drawn from a data set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....algorithms.generalisation import area, error, scores
from ....numerics.arrays import Key
from ....parts.classes import Softmax, class_scores, paid, signs
from ....parts.data import Data
from ....parts.loss import Logistic, Loss, Square

if TYPE_CHECKING:
    from . import GaussianCovariate


_CONSTANT = 100.0
_FRESH = 100_000
SHARE = 0.9  # of new targets in a conformal interval
_SURE = 20.0  # the log-odds of an answer to which the training set knows no other

Predictor = tuple[np.ndarray, float]
"""Weights (d,) of inputs divided by sqrt(d), and intercept."""


def data_realisation(law: GaussianCovariate, d: int, rng: np.random.Generator) -> dict[str, float]:
    """Train on alpha d rows of the data, drawn without replacement, and test on the rest."""
    samples = law.data.samples(law.features)  # type: ignore[attr-defined]
    order = rng.permutation(len(samples.y))
    train, test = np.split(order, [law.samples_drawn(d)])
    return trained_errors(samples.X, samples.y, train, test, law.loss, law.chosen_ridge(), samples.kind)


def trained_errors(
    X: np.ndarray, y: np.ndarray, train: np.ndarray, test: np.ndarray, loss: Loss, ridge: float, kind: str
) -> dict[str, float]:
    """Errors of the student with an intercept that is trained on some rows and tested on others.

    kind: of the data, as in `Samples`. If all training labels are equal the intercept is infinite: every row gets that
    label, and the loss is its infimum; of probabilities stated then, see `_SURE`.
    """
    if kind == "classes":
        return _several_errors(X, y, train, test, loss, ridge)
    classes = kind == "classification"
    scaled = np.sqrt(X.shape[1])
    seen, unseen = y[train], y[test]
    if classes and np.ptp(seen) == 0:
        infimum = float(np.mean(loss(seen, 1e3 * seen))) if loss.margin else 0.0
        alone = {"test_error": float(np.mean(unseen != seen[0])), "train_error": 0.0, "train_loss": infimum}
        return alone | {"auc": 0.5} | _worth(loss, unseen, np.full(len(unseen), _SURE * seen[0]))
    w, intercept = trained(X[train] / scaled, seen, loss, ridge)
    w = w / scaled
    inside, outside = X[train] @ w + intercept, X[test] @ w + intercept
    errors = {
        "test_error": error(unseen, outside, classes),
        "train_error": error(seen, inside, classes),
        "train_loss": float(np.mean(loss(seen, inside))),
    }
    if not classes:
        return errors | {"conformal_width": float(np.quantile(np.abs(unseen - outside), SHARE))}
    return errors | {"auc": area(unseen, outside)} | _worth(loss, unseen, outside)


def _worth(loss: Loss, y: np.ndarray, z: np.ndarray) -> dict[str, float]:
    """What the probabilities that a student with fields z (N,) states are worth; nothing if it states none."""
    if not isinstance(loss, (Logistic, Softmax)):
        return {}
    return scores(y, 2 * z if isinstance(loss, Softmax) else z)


def _several_errors(
    X: np.ndarray, y: np.ndarray, train: np.ndarray, test: np.ndarray, loss: Loss, ridge: float
) -> dict[str, float]:
    """Errors and scores of a student with a field for each class."""
    K, scaled = int(y.max()) + 1, np.sqrt(X.shape[1])
    W, intercepts = _several_trained(X[train] / scaled, y[train], K, loss, ridge)
    inside, outside = (X[rows] @ (W / scaled).T + intercepts for rows in (train, test))
    return {
        "test_error": float(np.mean(outside.argmax(axis=1) != y[test])),
        "train_error": float(np.mean(inside.argmax(axis=1) != y[train])),
        "train_loss": float(np.mean(paid(loss, y[train], inside))),
        **class_scores(loss, y[test], outside),
    }


def _several_trained(X: np.ndarray, y: np.ndarray, K: int, loss: Loss, ridge: float) -> tuple[np.ndarray, np.ndarray]:
    """Weights (K, d) and intercepts (K,); a class that is not in the training set is never the answer."""
    W, intercepts = np.zeros((K, X.shape[1])), np.full(K, -_SURE)
    seen = np.unique(y).astype(int)
    if len(seen) == 1:
        intercepts[seen] = _SURE
    elif not isinstance(loss, Softmax):
        for k in seen:
            W[k], intercepts[k] = trained(X, signs(y, K)[:, k], loss, ridge)
    else:
        from sklearn.linear_model import LogisticRegression

        pair = len(seen) == 2  # scikit-learn has one field for two classes: the difference of ours, w - (-w)
        model = LogisticRegression(C=(1 + pair) / ridge, solver="newton-cg", tol=1e-5, max_iter=2000).fit(X, y)
        turn = np.array([[-0.5], [0.5]]) if pair else np.eye(len(seen))
        W[seen], intercepts[seen] = turn @ model.coef_, turn @ model.intercept_
    return W, intercepts


def trained(X: np.ndarray, y: np.ndarray, loss: Loss, ridge: float) -> Predictor:
    """The minimiser of sum_i loss(y_i, x_i.w + c) + ridge/2 |w|**2 over w and c; by scikit-learn where it can."""
    if isinstance(loss, Square):
        from sklearn.linear_model import Ridge

        model = Ridge(alpha=ridge, solver="cholesky").fit(X, y)
        return model.coef_, float(model.intercept_)
    if isinstance(loss, Logistic):
        from sklearn.linear_model import LogisticRegression

        solver = "newton-cholesky" if X.shape[1] <= min(500, 4 * len(y)) else "lbfgs"
        model = LogisticRegression(C=1 / ridge, solver=solver, tol=1e-5, max_iter=2000).fit(X, y)
        return model.coef_[0], float(model.intercept_[0])
    from ....algorithms.erm.fit import fit

    extended = np.column_stack([X, np.full(len(y), _CONSTANT)])
    w = fit(extended, y, loss, ridge).w
    return w[:-1], float(w[-1] * _CONSTANT)


def model_realisation(law: GaussianCovariate, d: int, rng: np.random.Generator) -> dict[str, float]:
    """Train on alpha d random inputs of a Gaussian model in dimension d, on average, and test on fresh ones."""
    from ....algorithms.erm.fit import fit

    ensemble, teacher = law.data.ensemble(d, rng), law.label_law  # type: ignore[attr-defined]
    n = max(1, int(law.alpha * d + rng.random()))
    X, nu = ensemble.draw(n, rng)
    X /= np.sqrt(d)
    y = teacher.sample(nu, rng)
    w = fit(X, y, law.loss, law.chosen_ridge()).w
    a, b = rng.standard_normal((2, _FRESH))
    student, width = ensemble.coefficients(w), np.linalg.norm(ensemble.direction)
    along = student @ ensemble.direction / width
    across = np.linalg.norm(student - along / width * ensemble.direction)
    fields = width * a, along * a + across * b
    return {
        "test_error": error(teacher.noiseless().sample(fields[0], rng), fields[1], teacher.binary),
        "train_error": error(y, X @ w, teacher.binary),
        "train_loss": float(np.mean(law.loss(y, X @ w))),
    }


def realize(law: GaussianCovariate, n: int, key: Key) -> dict[str, Any]:
    """The observables of one random system of size n."""
    from ....contract.batching import generator

    rng = generator(key)
    return data_realisation(law, n, rng) if isinstance(law.data, Data) else model_realisation(law, n, rng)
