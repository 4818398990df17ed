"""A race of optimisers: the same data, starts and budget for all, and rates tuned for those that need one.

`race(task, optimisers, budget, seeds)` gives their losses and accuracies as a labelled Dataset. An optimiser is any
function of a `Task` that returns a solver (`asymptopia.algorithms.optimisers`) or an optax transformation; `Tuned`
lets the race choose its rate, on starts that are not raced.
"""

from __future__ import annotations

from .entrants import ENTRANTS, Tuned, batches, lbfgs
from .running import Budget, race, summary
from .tasks import Task, digits, patches, teacher

__all__ = ["ENTRANTS", "Budget", "Task", "Tuned", "batches", "digits", "lbfgs", "patches", "race", "summary", "teacher"]
