"""Several runs of one system side by side: the table, the windows of agreement, the checks."""

from .table import Comparison, compare

__all__ = ["Comparison", "compare"]
