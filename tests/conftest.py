"""One thread for linear algebra: tests run side by side, and small matrices gain nothing from more."""

import os
import re

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"


def pytest_make_parametrize_id(config, val):
    """Tests are named by what they are given, without addresses in memory, which differ from process to process."""
    text = val if isinstance(val, str) else getattr(val, "__name__", None) or repr(val)
    return re.sub(r"<(?:function )?(\S+)(?: object)? at 0x[0-9a-f]+>", r"\1", text)
