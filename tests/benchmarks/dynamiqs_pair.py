"""A van der Pol pair by dynamiqs, in a process of its own: prints seconds and ⟨n1⟩ at the end.

``dynamiqs_pair.py CUTOFF DETUNING DISSIPATIVE DRIVE``; compiled before the time is taken.
"""

import json
import sys
import time
from importlib import metadata

import dynamiqs as dq
import jax.numpy as jnp
import numpy as np

dq.set_precision("double")


def coherent(n, alpha):
    k = np.arange(n)
    logs = np.cumsum(np.log(np.maximum(k, 1)))
    ket = np.exp(-0.5 * logs) * alpha**k
    return ket / np.linalg.norm(ket)


def main():
    n, detuning, dissipative, drive = int(sys.argv[1]), *map(float, sys.argv[2:])
    a, b = dq.destroy(n, n)
    H = 0.5 * detuning * (a.dag() @ a - b.dag() @ b) + drive * (a + a.dag())
    jumps = [a.dag(), b.dag(), a @ a, b @ b, dissipative**0.5 * (a - b)]
    ket = np.kron(coherent(n, 1.0), coherent(n, 0.5j))
    rho = dq.asqarray(np.outer(ket, ket.conj()), dims=(n, n))
    times = jnp.linspace(0, 10, 101)
    best = {}
    for name in ("Tsit5", "Dopri8"):
        method = getattr(dq.method, name)(rtol=1e-9, atol=1e-11, max_steps=10**7)
        seconds = []
        for _ in range(3):
            begin = time.process_time()
            out = dq.mesolve(H, jumps, rho, times, method=method, progress_meter=False)
            last = np.asarray(out.states[-1].to_jax())
            seconds.append(time.process_time() - begin)
        best[name] = min(seconds[1:])
    number = np.kron(np.diag(np.arange(n)), np.eye(n))
    found = {"seconds": min(best.values()), "n1": np.trace(number @ last).real, **best}
    print(json.dumps({"version": metadata.version("dynamiqs"), **found}))


if __name__ == "__main__":
    main()
