"""Several runs of one system side by side: the table, the windows of agreement, the checks."""

from .checks import Check
from .result import Comparison
from .rows import Row
from .table import compare

__all__ = ["Check", "Comparison", "Row", "compare"]
