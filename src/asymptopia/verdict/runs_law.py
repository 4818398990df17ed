"""What a law predicts for the runs in a table."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from ..contract.law import Law
from ..contract.record import StatementError, nearest
from ..contract.sweep import sweep
from .runs_table import Runs


def with_limit_of(law: Law, runs: Runs) -> Runs:
    """The runs with the limit of the law claimed of each observable of which nothing else is claimed.

    The columns of parameters are fields of the law, those of values are observables that are numbers.
    """
    unclaimed = [k for k, (kind, numbers) in runs.claims.items() if kind == "limit" and np.isnan(numbers).all()]
    _check(law, runs, unclaimed)
    axes = {name: tuple(values.tolist()) for name, values in runs.places.items()}
    limit = sweep(law, **axes).limit() if axes else law.limit()
    claims, errors = dict(runs.claims), {}
    for name in unclaimed:
        claims[name] = "limit", limit[name].transpose(*axes).values
        if f"{name}_error" in limit:
            errors[name] = limit[f"{name}_error"].transpose(*axes).values
    return replace(runs, claims=claims, errors=errors)


def _check(law: Law, runs: Runs, values: list[str]) -> None:
    """Refuse columns that mean nothing to the law, all at once."""
    title, known = type(law).__name__, [f.name for f in fields(law)]
    numbers = [k for k, o in law.observables.items() if not o.dims]
    wrong = [f"`by` names {k!r}, which is no field of {title}.{nearest(k, known)}" for k in runs.places
             if k not in known]  # fmt: skip
    for name in values:
        if name not in numbers:
            kind = "an array" if name in law.observables else "no observable"
            wrong.append(f"`value` names {name!r}, which is {kind} of {title}.{nearest(name, numbers)}")
    if wrong:
        raise StatementError("\n".join(wrong))
