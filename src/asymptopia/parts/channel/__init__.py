"""Channels: how a label arises from the teacher's field. Each knows its log-partition and how to sample."""

from .binary import Door, Logit, Probit, Sign
from .channel import Channel
from .real import Abs, Linear, ReLU

__all__ = ["Abs", "Channel", "Door", "Linear", "Logit", "Probit", "ReLU", "Sign"]
