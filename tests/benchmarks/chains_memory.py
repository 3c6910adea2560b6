"""Memory of two chains of 24 spins, in a process of its own: ``chains_memory.py sectors|mesolve``.

Prints by how many bytes the resident set grew at most, after a small run of the same kind, and
⟨J_z⟩ of the first chain at the end of that one.
"""

import pathlib
import sys

import numpy as np
import qutip

import qsyncplug as qsp


def moments(chains):
    """All first and second moments."""
    space = chains.matrices()
    (m1, m2), s = space.lowering, space.sigma_minus
    z = [0.5 * space.sigma_z, *space.jz]
    lower = [s, m1, m2]
    operators = [*lower, *z]
    for i in range(3):
        for j in range(i, 3):
            operators += [
                lower[i] @ lower[j],
                lower[i].conj().T @ lower[j],
                z[i] @ z[j],
                z[i] @ lower[j],
            ]
    return [qutip.Qobj(o, dims=[chains.dims()] * 2) for o in operators]


def run(kind, n, end):
    chains = qsp.SpinChains(n=n, loss=0.1, thermal=0.2)
    state, t = chains.product_state("down", (0.3, 0.5), (0, 0.7)), np.linspace(0, end, 11)
    if kind == "sectors":
        return qsp.exactsolve(chains, state, t, options={"method": "sectors"}).jz[:, 0]
    e_ops = moments(chains)
    run = qutip.mesolve(chains.hamiltonian(), state, t, chains.c_ops(), e_ops=e_ops)
    return run.expect[4]


def resident(name):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(name))


def main():
    kind = sys.argv[1]
    inversion = run(kind, 2, 1.0)[-1]
    # the peak is forgotten, and begins anew
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    # the memory is taken by the first steps
    run(kind, 24, 1.0 if kind == "sectors" else 0.01)
    print(resident("VmHWM") - before, inversion)


if __name__ == "__main__":
    main()
