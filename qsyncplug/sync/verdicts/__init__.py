"""Verdicts: what a run shows of synchronisation, with the evidence that decides."""

from .judge import verdict
from .order import null_value
from .rates import Estimate
from .report import Label, Verdict

__all__ = ["Estimate", "Label", "Verdict", "null_value", "verdict"]
