"""Channels: the distribution of a label given the teacher's field."""

from .binary import Door, Logit, Probit, Sign
from .channel import Channel
from .real import Abs, Linear, ReLU

__all__ = ["Abs", "Channel", "Door", "Linear", "Logit", "Probit", "ReLU", "Sign"]
