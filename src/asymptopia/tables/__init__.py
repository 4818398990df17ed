"""Tables as people save them: read rightly, or refused with all problems at once and what mends each."""

from .columns import Columns, read_columns
from .files import read_table
from .numbers import numbers_in
from .reading import Reading, digest_of, existing

__all__ = ["Columns", "Reading", "digest_of", "existing", "numbers_in", "read_columns", "read_table"]
