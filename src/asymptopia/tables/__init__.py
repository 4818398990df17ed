"""Tables as people save them: read correctly, or refused with a list of all problems and their remedies."""

from .columns import Columns, read_columns
from .files import name_of, read_table
from .numbers import numbers_in
from .reading import Reading, digest_of, existing

__all__ = ["Columns", "Reading", "digest_of", "existing", "name_of", "numbers_in", "read_columns", "read_table"]
