"""python -m qsyncplug sweep: the tongue is the exact one, is kept, and goes on."""

import sys

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.__main__ import main
from qsyncplug.commands.sweep import tongue_point

xr = pytest.importorskip("xarray")
pytest.importorskip("zarr")


def test_a_point_is_the_steady_state_of_qutip():
    """Coherence and excitations against qutip.steadystate of the master equation written here."""
    n, detuning, coupling, loss = 7, 0.7, 0.5, 3.0
    b, one = qutip.destroy(n), qutip.qeye(n)
    a1, a2 = qutip.tensor(b, one), qutip.tensor(one, b)
    H = detuning / 2 * (a1.dag() * a1 - a2.dag() * a2)
    jumps = [a1.dag(), a2.dag(), np.sqrt(loss) * a1**2, np.sqrt(loss) * a2**2]
    rho = qutip.steadystate(H, [*jumps, np.sqrt(coupling) * (a1 - a2)])
    n1, n2 = (qutip.expect(a.dag() * a, rho) for a in (a1, a2))
    with pytest.warns(qsp.core.errors.CutoffWarning):
        point = tongue_point(detuning, coupling, loss=loss, cutoff=n)
    assert point["excitations"] == pytest.approx(n1, abs=1e-9)
    want = abs(qutip.expect(a1.dag() * a2, rho)) / np.sqrt(n1 * n2)
    assert point["coherence"] == pytest.approx(want, abs=1e-9)


def test_the_command(tmp_path, capsys):
    out = tmp_path / "tongue"
    words = ["sweep", "--points", "3", "--cutoff", "5", "--loss", "8", "--workers", "1"]
    assert main([*words, "--output", str(out), "--quiet"]) == 0
    text = capsys.readouterr()
    assert "strongest preference" in text.out
    assert "warning" in text.err  # the cut-off, in one line for all points
    assert text.err.count("\n") == 1
    assert out.with_suffix(".png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    data = xr.open_zarr(out.with_suffix(".zarr"), consolidated=False, chunks=None)
    assert data.sizes == {"coupling": 3, "detuning": 3}
    preference = data["preference"].values
    assert np.abs(preference[0]).max() < 1e-12  # no coupling, no preference
    assert preference[2].argmax() == 1  # most of it on resonance
    assert np.allclose(preference, preference[:, ::-1], atol=1e-9)  # Δ and −Δ are alike
    # another grid is another sweep
    assert main([*words, "--output", str(out), "--quiet", "--detuning", "1"]) == 2
    assert "filled by another sweep" in capsys.readouterr().err


def test_without_its_extra_it_says_so_in_a_line(monkeypatch, tmp_path, capsys):
    # None in sys.modules is a module that cannot be imported
    monkeypatch.setitem(sys.modules, "xarray", None)
    assert main(["sweep", "--output", str(tmp_path / "x")]) == 1
    said = capsys.readouterr().err
    assert 'sweep needs xarray: pip install "qsyncplug[sweep]" (in a checkout ".[sweep]")' in said
    assert said.count("\n") == 1
