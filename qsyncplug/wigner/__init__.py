"""Wigner–Lohe models, Wigner transforms and quantum hydrodynamics."""

from .phase_space import PhaseSpace, fock_grid

__all__ = ["PhaseSpace", "fock_grid"]
