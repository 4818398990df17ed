"""What width or depth does to a training step of your own: exponents, verdicts, and the layer that breaks the limit."""

from .exponents import Exponent, fitted
from .scan import Row, Scale, scale
from .transfer import Transfer, transfer

__all__ = ["Exponent", "Row", "Scale", "Transfer", "fitted", "scale", "transfer"]
