"""Verdicts: what a run shows of synchronisation, with the evidence that decides."""

from .judge import verdict
from .order import excess, null_value
from .rates import Estimate
from .report import Label, Verdict

__all__ = ["Estimate", "Label", "Verdict", "excess", "null_value", "verdict"]
