"""Hamiltonians that stop being Hermitian, or finite, during a run are noticed."""

import numpy as np
import pytest
import qutip

from qsyncplug import Grid, GridHamiltonian, SchrodingerLohe, slsolve
from qsyncplug.core.errors import SolverError
from qsyncplug.waves.hermitian import check_over_time
from qsyncplug.waves.motion import EvoMotion

GRID = Grid(32, 12.0)
TRAP = GridHamiltonian(GRID, lambda x: x**2 / 2)
N = qutip.num(2)
KETS = [qutip.basis(2, 1), (qutip.basis(2, 0) + qutip.basis(2, 1)).unit()]
PACKETS = [GRID.gaussian(0.5), GRID.gaussian(-0.5)]


def late(value):
    """A potential that is fine until t=0.3."""
    return GridHamiltonian(
        GRID, lambda t, x: x**2 / 2 + (value if t > 0.3 else 0.0), time_dependent=True
    )


@pytest.mark.parametrize("method", ["auto", "reduction", "mobius", "splitting", "dop853"])
@pytest.mark.parametrize("tlist", [[0.0, 1.0], np.linspace(0, 1, 2001)])
def test_a_qobjevo_that_loses_hermiticity(method, tlist):
    h = qutip.QobjEvo([N, [N, lambda t: -0.5j * t]])
    with pytest.raises(ValueError, match="hamiltonian must be Hermitian"):
        slsolve(SchrodingerLohe(h, 1.0), KETS, tlist, options={"method": method})


@pytest.mark.parametrize("value, words", [(1j, "must be real"), (np.nan, "must be finite")])
@pytest.mark.parametrize("many", [False, True])
def test_a_potential_that_becomes_complex_or_nan(value, words, many):
    h = [TRAP, late(value)] if many else late(value)
    with pytest.raises(ValueError, match=words + r".*\(at t="):
        slsolve(SchrodingerLohe(h, 1.0), PACKETS, [0.0, 1.0])


def test_only_between_the_outputs():
    h = qutip.QobjEvo([N, [N, lambda t: -5j if 0.2 < t < 0.4 else 0.0]])
    with pytest.raises(ValueError, match="hamiltonian must be Hermitian"):
        slsolve(SchrodingerLohe(h, 1.0), KETS, [0.0, 1.0])


def test_the_member_of_a_list_is_named():
    h = qutip.QobjEvo([N, [N, lambda t: -0.5j * t]])
    with pytest.raises(ValueError, match=r"hamiltonian\[1\] must be Hermitian"):
        check_over_time([N, h], np.array([0.0, 1.0]), "hamiltonian")


def test_what_falls_between_the_looks_is_noticed_where_states_move():
    """The motion keeps products of states; where it does not, the Hamiltonian is not Hermitian."""
    h = qutip.QobjEvo([N, [N, lambda t: -0.5j * t]])
    motion = EvoMotion(h, np.eye(2, dtype=complex), 0.0)
    with pytest.raises(SolverError, match="Hermitian"):
        motion.at(1.0)
    good = EvoMotion(qutip.QobjEvo([N, [N, lambda t: np.sin(t)]]), np.eye(2, dtype=complex), 0.0)
    assert abs(np.linalg.norm(good.at(3.0)[1]) - 1) < 1e-10


def test_hermitian_motion_passes():
    h = qutip.QobjEvo([N, [qutip.sigmax(), lambda t: np.cos(t)]])
    result = slsolve(SchrodingerLohe(h, 1.0), KETS, [0.0, 1.0])
    assert np.allclose(result.masses, 1)
