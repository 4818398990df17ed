"""Pieces of a statement that several laws share: priors, channels, losses, activations, potentials, data, by name.

`from asymptopia.parts import Logistic, Rademacher` loads them when they are first asked for. A part that only one law
knows stands beside that law. Where two families use one name (`Sign` is a channel and an activation), the page has the
channel; the other is `asymptopia.parts.activation.Sign`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
@@PAGE@@


def __getattr__(name: str) -> Any:
    from ..contract.catalogue import part_named, part_names
    from ..contract.record import nearest

    if name.startswith("_"):
        raise AttributeError(name)
    part = part_named(name)
    if part is None:
        raise AttributeError(f"There is no part {name!r}.{nearest(name, part_names())}")
    return part


def __dir__() -> list[str]:
    from ..contract.catalogue import part_names

    return part_names()
