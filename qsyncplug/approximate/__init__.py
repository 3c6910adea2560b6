"""Mean field, covariance and cumulants of a system written once."""

from .meanfield import MeanFieldResult, MeanFieldSolver

__all__ = ["MeanFieldResult", "MeanFieldSolver"]
