"""The equations written down plainly, for SciPy's integrator: what the solvers are compared
with.
"""

import numpy as np
from scipy.integrate import solve_ivp


def lines(
    psi0,
    times,
    *,
    k,
    kinetic=None,
    potentials=None,
    hamiltonians=None,
    weight=1.0,
    variant="standard",
    omega=None,
    theta=None,
    mu=0.0,
    h=None,
    positions=None,
    coupling_matrix=None,
    rtol=1e-12,
    atol=1e-13,
    method="DOP853",
):
    """Method of lines. psi0 (N, M...), potentials (N, M...) or hamiltonians (N, M, M);
    positions: list of arrays on the grid, or of matrices.
    Returns psi (T, N, M...), theta (T, N)."""
    psi0 = np.asarray(psi0, complex)
    n, shape = len(psi0), psi0.shape[1:]
    axes = tuple(range(1, psi0.ndim))
    omega = np.zeros(n) if omega is None else np.asarray(omega, float)
    theta = np.ones(n) if theta is None else np.asarray(theta, float)
    c = np.ones((n, n)) / n if coupling_matrix is None else np.asarray(coupling_matrix)
    flat = (n, -1)
    column = (n,) + (1,) * len(shape)

    def rhs(t, y):
        psi = y[: psi0.size].reshape(psi0.shape)
        th = y[psi0.size :].real
        if hamiltonians is not None:
            hpsi = np.einsum("jab,jb->ja", hamiltonians, psi)
        else:
            hpsi = np.fft.ifftn(kinetic * np.fft.fftn(psi, axes=axes), axes=axes) + potentials * psi
        hpsi = hpsi + omega.reshape(column) * psi
        zeta = np.tensordot(c, psi, axes=1)
        norm = np.sum(np.abs(psi.reshape(flat)) ** 2, axis=1) * weight
        s = np.sum(zeta.reshape(flat).conj() * psi.reshape(flat), axis=1) * weight
        coefficient = s if variant == "model2" else s / norm
        out = -1j * hpsi + 0.5 * k * (th.reshape(column) * zeta - coefficient.reshape(column) * psi)
        dth = np.zeros(n)
        if mu:
            if positions is None:
                dth = mu / n * np.sum(h(np.zeros((n, n))) * (th[None, :] - th[:, None]), axis=1)
            else:
                if hamiltonians is None:
                    x = np.array(
                        [
                            np.sum(np.abs(psi.reshape(flat)) ** 2 * p.ravel(), axis=1)
                            * weight
                            / norm
                            for p in positions
                        ]
                    ).T
                else:
                    x = np.array(
                        [
                            np.einsum("ja,ab,jb->j", psi.conj(), p, psi).real / norm
                            for p in positions
                        ]
                    ).T
                distance = np.linalg.norm(x[:, None] - x[None], axis=2)
                dth = mu / n * np.sum(h(distance) * (th[None, :] - th[:, None]), axis=1)
        return np.concatenate([out.ravel(), dth])

    y0 = np.concatenate([psi0.ravel(), theta.astype(complex)])
    sol = solve_ivp(
        rhs, (times[0], times[-1]), y0, method=method, t_eval=times, rtol=rtol, atol=atol
    )
    assert sol.success, sol.message
    y = sol.y.T
    return y[:, : psi0.size].reshape(len(times), *psi0.shape), y[:, psi0.size :].real


def gram(psi, weight=1.0):
    """<psi_j, psi_k> of (T, N, M...)."""
    flat = psi.reshape(psi.shape[0], psi.shape[1], -1)
    return flat.conj() @ flat.swapaxes(1, 2) * weight
