"""The verb that gives the kernels of a network of one's own, at infinite width and beside them at finite ones."""

from __future__ import annotations

from typing import Any

import click
import numpy as np

from ..contract.record import StatementError
from . import given
from .output import number, only_json, say, show_table
from .spectrum import named


@click.command()
@given.json_option
@click.option("--standard", is_flag=True, help="Divide the tangent kernel by the width.")
@click.option("--seeds", default=40, show_default=True, type=click.IntRange(min=2), help="Networks at each width.")
@click.option("--widths", type=given.WholeNumbers(), default="32,64,128,256", show_default=True, help="Finite widths.")
@click.option("--inputs", "inputs", default="inputs", show_default=True, help="The function that returns the inputs.")
@click.argument("network", metavar="FILE.py:NET")
def kernels(network: str, inputs: str, widths: tuple[int, ...], seeds: int, standard: bool, as_json: bool) -> None:
    """The kernels of your own network, as its layers grow wide.

    NET is a function of (n, key, inputs) in JAX that returns parameters drawn with the key, and a function of
    (parameters, inputs) to the last hidden layer (N, n), in plain JAX, Equinox or Flax; or a function of n that returns
    a PyTorch module from (N, d) to (N, n). The file also has a function without arguments that returns the inputs.

    The covariance of the outputs (NNGP) and the tangent kernel are derived from the code in the limit of infinite
    width; networks of finite widths stand beside them, with the coefficient of 1/width that they show. With weights as
    most libraries draw them the tangent kernel grows with the width: then give --standard.

    \b
    Examples:
      asymptopia kernels mymodel.py:net
      asymptopia kernels mymodel.py:net --standard --widths 64,128,256 --seeds 100

    --json prints {"network", "widths", "seeds", "nngp", "tangent"}, each of the last with "limit", "limit_error",
    "finite", "finite_error" (widths first), "correction" and "correction_error", the coefficient of 1/width.
    """
    from ..laws.kernels.wide_network import WideNetwork
    from ..parts.network import Network

    role = " that returns the inputs (N, d) of the kernels, such as [[1.0, 0.5], [0.2, -1.0]]; `--inputs` names another"
    function, at = named(network, "FILE.py:NET", also=inputs, role=role)
    with only_json(as_json) as printed:
        law = WideNetwork(network=Network.from_callable(function), inputs=_points(at, inputs), standard=standard)
        limit = law.limit()
        finite = law.experiment(sizes=tuple(widths), seeds=seeds)
        answer: dict[str, Any] = {"network": network, "widths": list(widths), "seeds": seeds}
        for name in ("nngp", "tangent"):
            answer[name] = _compared(limit, finite, name, np.array(widths, float))
        printed.append(answer)
    if not as_json:
        _show(network, answer)


def _points(function: Any, name: str) -> tuple[tuple[float, ...], ...]:
    try:
        points = np.atleast_2d(np.asarray(function(), float))
    except Exception as error:
        raise StatementError(f"{name!r} must return inputs (N, d): {type(error).__name__}: {error}") from error
    if points.ndim != 2:
        raise StatementError(f"{name!r} must return inputs (N, d), but their shape is {points.shape}.")
    return tuple(tuple(map(float, row)) for row in points)


def _compared(limit: Any, finite: Any, name: str, widths: np.ndarray) -> dict[str, list[Any]]:
    """The limit, the finite networks, and the coefficient c of limit + c / width, by weighted least squares."""
    values = finite[name].values
    mean, error = values.mean(axis=1), values.std(axis=1, ddof=1) / values.shape[1] ** 0.5
    inverse = (1 / widths)[:, None, None]
    weight = 1 / np.maximum(error, 1e-12 * np.abs(mean).max()) ** 2
    gain = (weight * inverse**2).sum(axis=0)
    correction = (weight * inverse * (mean - limit[name].values)).sum(axis=0) / gain
    shift = (weight * inverse).sum(axis=0) / gain * limit[f"{name}_error"].values
    quantities = {
        "limit": limit[name].values, "limit_error": limit[f"{name}_error"].values, "finite": mean,
        "finite_error": error, "correction": correction, "correction_error": np.hypot(gain**-0.5, shift),
    }  # fmt: skip
    return {key: value.tolist() for key, value in quantities.items()}


def _show(network: str, answer: dict[str, Any]) -> None:
    rows, widths = [], answer["widths"]
    for name, title in (("nngp", "covariance of outputs"), ("tangent", "tangent kernel")):
        one = {key: np.array(value) for key, value in answer[name].items()}
        for i, j in zip(*np.triu_indices(len(one["limit"])), strict=True):
            last = number(one["finite"][-1, i, j], one["finite_error"][-1, i, j])
            slope = number(one["correction"][i, j], one["correction_error"][i, j])
            rows.append([f"{title} ({i}, {j})", number(one["limit"][i, j], one["limit_error"][i, j]), last, slope])
    show_table(("kernel", "limit", f"at width {widths[-1]}", "times 1/width"), rows, network)
    say(f"the last column is the correction c of limit + c/width, from {answer['seeds']} networks at each of {widths}")
