"""Random runs whose truth theory knows.

(description, result, labels that are true, could it be decided).
"""

import numpy as np

import qsyncplug as qsp

LOCKED = {"phase-locked", "complete", "bipolar"}


def adler(rng):
    """φ'=Δ−K sinφ: locked iff |Δ|<K, at the rate √(K²−Δ²); else the beat √(Δ²−K²)."""
    coupling = 10 ** rng.uniform(-1, 1)
    detuning = coupling * rng.uniform(0, 2.5)
    span = 10 ** rng.uniform(0.5, 2.7) / coupling
    times = np.linspace(0, span, int(rng.integers(80, 1500)))
    w = [detuning / 2, -detuning / 2]
    model = qsp.Circle(qsp.sine(), "mean", coupling=coupling, frequencies=w)
    run = qsp.circlesolve(model, rng.uniform(-3, 3, 2), times)
    speed = np.sqrt(abs(coupling**2 - detuning**2))
    text = f"Adler Δ/K={detuning / coupling:.4f} K={coupling:.3g} T={span:.3g} n={times.size}"
    if detuning < coupling:
        return text, run, LOCKED, speed * span / 2 > 9
    return text, run, {"drifting"}, speed * span / 2 > 4 * 2 * np.pi


def van_der_pol(rng):
    """Aronson, Ermentrout, Kopell 1990, κ=V/g1: death for κ>1 and Δ²>2κ−1, else locked iff Δ<V."""
    dissipative, detuning = 10 ** rng.uniform(-1, 0.6), rng.uniform(0, 4)
    loss, span = 10 ** rng.uniform(-2, -0.5), rng.uniform(20, 300)
    times = np.linspace(0, span, int(rng.integers(100, 2001)))
    system = qsp.van_der_pol_pair(loss=loss, detuning=detuning, dissipative=dissipative)
    start = rng.uniform(0.3, 2, 2) * np.exp(1j * rng.uniform(-3, 3, 2))
    run = qsp.mfsolve(system, start, times)
    text = f"vdP V={dissipative:.3f} Δ={detuning:.3f} g2={loss:.3g} T={span:.3g} n={times.size}"
    if dissipative > 1 and detuning**2 > 2 * dissipative - 1:
        rest = (dissipative - 1) / 2 - np.sqrt(max(dissipative**2 - detuning**2, 0)) / 2
        return text, run, {"amplitude death"}, rest * span / 2 > 9
    if detuning < dissipative:
        rate = min(np.sqrt(dissipative**2 - detuning**2), 1.0)
        return text, run, LOCKED, rate * span / 2 > 20 and detuning < 0.97 * dissipative
    beat = np.sqrt(detuning**2 - dissipative**2)
    dense = beat * times[1] < 0.3 * np.pi
    return text, run, {"drifting"}, beat * span / 2 > 8 * np.pi and dense


def kuramoto(rng):
    """Normal frequencies: incoherent well below K_c.

    All locked above the exact finite threshold.
    """
    n = int(rng.choice([30, 100, 300, 1000]))
    w = rng.normal(size=n)
    critical = 2 / (np.pi / np.sqrt(2 * np.pi))
    coupling = rng.uniform(0, 6)
    span = rng.uniform(20, 120)
    times = np.linspace(0, span, int(rng.integers(120, 600)))
    model = qsp.Circle(qsp.sine(), "mean", coupling=coupling, frequencies=w)
    run = qsp.circlesolve(model, rng.uniform(-np.pi, np.pi, n), times)
    text = f"Kuramoto n={n} K={coupling:.3f} T={span:.3g}"
    full = qsp.critical_coupling(w)
    partial = {"partially synchronised"}
    if coupling > full:
        return text, run, LOCKED, coupling > 1.3 * full and span > 60
    if coupling < 0.75 * critical:
        # a few of 30 nodes may lock by chance
        return text, run, {"incoherent", *(partial if n < 100 else ())}, n >= 100 and span > 60
    if coupling > 1.4 * critical:
        return text, run, partial, n >= 300 and span > 60
    return text, run, {"incoherent"} | partial, False


def lohe(rng):
    """Schrödinger–Lohe pair, z'=2iΩz+K/2(1−z²): locked iff 2Ω<K."""
    coupling, omega = 10 ** rng.uniform(-0.5, 0.5), rng.uniform(0, 2)
    span = rng.uniform(10, 200)
    times = np.linspace(0, span, int(rng.integers(150, 1500)))
    start = rng.normal(size=(2, 3)) + 1j * rng.normal(size=(2, 3))
    start /= np.linalg.norm(start, axis=1)[:, None]
    import qutip

    H = qutip.Qobj(np.diag([0.0, 1.0, 2.3]))
    model = qsp.SchrodingerLohe(H, coupling, frequencies=[omega, -omega])
    run = qsp.slsolve(model, start, times)
    text = f"Lohe 2Ω/K={2 * omega / coupling:.4f} K={coupling:.3g} T={span:.3g} n={times.size}"
    speed = np.sqrt(abs(coupling**2 - 4 * omega**2))
    if 2 * omega < coupling:
        return text, run, LOCKED, speed * span / 2 > 9
    dense = speed * times[1] < 0.3 * np.pi
    return text, run, {"drifting"}, speed * span / 2 > 8 * np.pi and dense


def driven(rng):
    """β'=−iΔβ+β/2−g2|β|²β+F for weak F: locked iff Δ<F/R (Adler)."""
    loss = 10 ** rng.uniform(-2, -1)
    radius = np.sqrt(0.5 / loss)
    ratio, detuning = rng.choice([rng.uniform(0, 0.7), rng.uniform(1.4, 3)]), rng.uniform(0.01, 0.1)
    drive = detuning * radius / ratio if ratio > 0.15 else detuning * radius / 0.3
    if drive / radius > 0.12:
        drive, ratio = 0.12 * radius, detuning / 0.12
    span = 10 ** rng.uniform(1.5, 3.3)
    times = np.linspace(0, span, int(rng.integers(200, 2001)))
    (b,) = qsp.modes(1)
    system = getattr(qsp, "System", None) or qsp.ModeSystem
    H = detuning * b.dag() * b + 1j * drive * (b.dag() - b)
    model = system(H, [b.dag(), np.sqrt(loss) * b**2])
    run = qsp.mfsolve(model, [radius * np.exp(1j * rng.uniform(-3, 3))], times)
    ratio = detuning * radius / drive
    text = f"driven ΔR/F={ratio:.3f} Δ={detuning:.3g} T={span:.3g}"
    if 0.85 < ratio < 1.2:
        return text, run, {"locked to the drive", "slipping"}, False
    speed = np.sqrt(abs((drive / radius) ** 2 - detuning**2))
    if ratio < 1:
        return text, run, {"locked to the drive"}, speed * span / 2 > 12
    return text, run, {"slipping"}, speed * span / 2 > 10 * np.pi


FAMILIES = (adler, van_der_pol, kuramoto, lohe, driven)
