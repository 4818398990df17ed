"""The laws by name, each loaded when it is first asked for: `from asymptopia.laws import ERM`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
@@PAGE@@


def __getattr__(name: str) -> Any:
    from ..contract.catalogue import law_modules, law_named
    from ..contract.record import nearest

    law = law_named(name)
    if law is None:
        raise AttributeError(f"There is no law {name!r}.{nearest(name, law_modules())}")
    return law


def __dir__() -> list[str]:
    from ..contract.catalogue import law_modules

    return list(law_modules())
