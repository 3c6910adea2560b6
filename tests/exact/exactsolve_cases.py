"""A van der Pol pair, and moments by matrices."""

import warnings

import numpy as np
import qutip

import qsyncplug as qsp
from qsyncplug.core.errors import CutoffWarning

TIMES = np.linspace(0, 2, 9)


def pair():
    return qsp.van_der_pol_pair(
        gain=(0.3, 0.2), loss=(1.0, 1.4), detuning=0.5, coherent=0.2, dissipative=0.6
    )


def kets(levels, *amplitudes):
    return qutip.tensor(
        [
            qutip.coherent(d, a, method="analytic").unit()
            for d, a in zip(levels, amplitudes, strict=True)
        ]
    )


def quietly(*args, **kw):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CutoffWarning)
        return qsp.exactsolve(*args, **kw)
