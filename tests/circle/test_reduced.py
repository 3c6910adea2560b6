"""Ott and Antonsen's equations against closed forms and against many oscillators."""

import numpy as np
import pytest

import qsyncplug as qsp
from qsyncplug.circle import Circle, OttAntonsen, circlesolve, lag_order_parameter, oasolve, sine


def test_one_lorentz_distribution():
    times = np.linspace(0, 2, 5)
    run = oasolve(OttAntonsen(3.0, 1.0), 0.1, times)
    r2 = 1 / 3
    exact = np.sqrt(r2 / (1 + (r2 / 0.01 - 1) * np.exp(-times)))
    assert run.order_parameter == pytest.approx(exact, rel=1e-9)
    assert run.order_parameter[-1] == pytest.approx(0.2490096467075881, rel=1e-9)


def test_two_of_them():
    model = OttAntonsen(4.0, 1.0, [0.5, -0.5])
    r = oasolve(model, [0.5 + 0.1j, 0.5 - 0.1j], [0.0, 60.0]).order_parameter[-1]
    assert r == pytest.approx(0.686151904086543, rel=1e-8)


def test_lag():
    run = oasolve(OttAntonsen(3.0, 1.0, phase_lag=-0.3), 0.5, [0.0, 80.0, 81.0])
    r, frequency = lag_order_parameter(3.0, 1.0, -0.3)
    assert run.order_parameter[-1] == pytest.approx(r, rel=1e-9)
    turned = np.angle(run.modes[2, 0] / run.modes[1, 0])
    assert turned == pytest.approx(frequency, rel=1e-8)


def test_identical_oscillators():
    # γ=0 on the manifold of uniform arcs: tan-like growth r(t) of ż = K(z − z³)/2
    run = oasolve(OttAntonsen(2.0, 0.0), 0.3, [0.0, 1.0])
    z2 = 1 / (1 + (1 / 0.09 - 1) * np.exp(-2.0))
    assert run.order_parameter[-1] == pytest.approx(np.sqrt(z2), rel=1e-10)


def test_against_many_oscillators():
    n = 2000
    omega = np.tan(np.pi * ((np.arange(n) + 0.5) / n - 0.5))
    keep = np.abs(omega) < 100
    # points of the Poisson kernel of r=0.5
    u = 2 * np.pi * (np.random.default_rng(0).permutation(keep.sum()) + 0.5) / keep.sum()
    w = np.exp(1j * u)
    x = np.angle((w + 0.5) / (1 + 0.5 * w))
    model = Circle(sine(), "mean", coupling=3.0, frequencies=omega[keep])
    many = circlesolve(model, x, [0.0, 1.0, 2.0], options={"rtol": 1e-7, "atol": 1e-7})
    reduced = oasolve(OttAntonsen(3.0, 1.0), many.order_parameter[0], [0.0, 1.0, 2.0])
    assert many.order_parameter == pytest.approx(reduced.order_parameter, abs=0.05)


def test_bad_input(tmp_path):
    with pytest.raises(ValueError, match="widths must not be negative"):
        OttAntonsen(1.0, -1.0)
    with pytest.raises(ValueError, match="state0 must have modulus"):
        oasolve(OttAntonsen(1.0, 1.0), 1.5, [0.0, 1.0])
    with pytest.raises(TypeError, match="model must be an OttAntonsen"):
        oasolve(Circle(sine()), 0.5, [0.0, 1.0])
    with pytest.raises(ValueError, match="centres must be one number"):
        OttAntonsen(1.0, [1.0, 2.0, 3.0], [0.0, 1.0])
    assert "oasolve" in qsp.circle.__all__


class TestTriads:
    @pytest.mark.parametrize(("start", "limit"), [(0.6, 0.8337830063038607), (0.3, 0.0)])
    def test_both_limits(self, start, limit):
        model = OttAntonsen(1.0, 1.0, triads=(5.0, 3.0))
        run = oasolve(model, start, np.linspace(0, 40, 81))
        assert run.order_parameter[-1] == pytest.approx(limit, abs=1e-8)
        (row,) = qsp.predictions(model, start)
        assert row.check(run).passed is True
        assert row.limits["order_parameter"] == pytest.approx(limit, abs=1e-12)
        # at the rate of the slowest mode
        away = np.abs(run.order_parameter - limit)
        near = (away < 1e-3) & (away > 1e-6)
        slope = np.polyfit(run.times[near], np.log(away[near]), 1)[0]
        assert -slope == pytest.approx(row.rate, rel=1e-2)

    def test_on_the_unstable_one(self):
        (row,) = qsp.predictions(OttAntonsen(1.0, 1.0, triads=(8.0, 0.0)), 0.4240352560800767)
        assert row.rate is None and "not stable" in row.statement

    def test_as_particles(self):
        # the mean of the nonlinear forces on an oscillator, as on paper
        rng = np.random.default_rng(3)
        model = OttAntonsen(0.7, 0.0, [0.4, -0.2], [2.0, 1.0], triads=(1.3, -0.6))
        z = rng.uniform(-0.6, 0.6, 2) + 0.3j
        n = 600
        x = model.positions(z, n)
        many = model.circle(n)
        means = np.array([np.mean(np.exp(1j * x[:400])), np.mean(np.exp(1j * x[400:]))])
        assert means == pytest.approx(z, abs=1e-9)
        assert many.frequencies[[0, 399, 400]] == pytest.approx([0.4, 0.4, -0.2])
        moved = 1j * np.exp(1j * x) * qsp.circle.velocity(many, x)
        rates = np.array([moved[:400].mean(), moved[400:].mean()])
        assert rates == pytest.approx(model.velocity(0.0, z), abs=1e-9)

    def test_refused(self):
        for wrong in ({"coupling": np.eye(2)}, {"modulation": np.cos}, {"phase_lag": np.eye(2)}):
            with pytest.raises(ValueError, match="triads act on all alike"):
                OttAntonsen(**{"coupling": 1.0, "widths": 1.0, "triads": (1.0, 1.0), **wrong})
        with pytest.raises(ValueError, match="triads must have shape"):
            OttAntonsen(1.0, 1.0, triads=1.0)


class TestParticles:
    def test_matrices(self):
        """Couplings and lags of pairs act on the particles as on the means."""
        coupling = np.array([[1.5, 0.8], [-0.6, 1.9]])
        lag = np.array([[0.1, 0.4], [-0.3, 0.2]])
        for a in (lag, 0.3):
            model = OttAntonsen(coupling, 0.0, [0.4, -0.3], [3.0, 2.0], phase_lag=a)
            z = np.array([0.5, 0.2 - 0.4j])
            x, many = model.positions(z, 250), model.circle(250)
            moved = 1j * np.exp(1j * x) * qsp.circle.velocity(many, x)
            rates = np.array([moved[:150].mean(), moved[150:].mean()])
            assert rates == pytest.approx(model.velocity(0.0, z), abs=1e-9)

    def test_sizes(self):
        with pytest.raises(ValueError, match="n must be"):
            OttAntonsen(1.0, 1.0, [1.0, 2.0]).circle(1)


class TestView:
    """Two Lorentz distributions and one, in the words of every other result."""

    def run(self, coupling, width, centres=0.0, start=0.3, end=40.0, **more):
        model = OttAntonsen(coupling, width, centres, **more)
        return oasolve(model, start, np.linspace(0, end, 401))

    def test_fields(self):
        run = self.run(4.0, 1.0, [0.5, -0.5], phase_lag=0.2)
        view = qsp.synchronization(run)
        assert view.amplitudes == pytest.approx(run.modes.conj())
        assert qsp.measures.order_parameter(run) == pytest.approx(run.order_parameter)
        one = self.run(3.0, 1.0, 0.7, phase_lag=-0.3)
        assert qsp.measures.mean_phase(one) == pytest.approx(one.mean_phase)
        r, turns = lag_order_parameter(3.0, 1.0, -0.3)
        assert one.frequency[-1] == pytest.approx(turns + 0.7, rel=1e-8)
        assert one.order_parameter[-1] == pytest.approx(r, rel=1e-8)

    def test_share_that_turns(self):
        # Kuramoto's locked oscillators, |ω| ≤ Kr, of the Lorentz distribution
        run = self.run(3.0, 1.0)
        share = 2 / np.pi * np.arctan(3 * np.sqrt(1 / 3))
        assert run.locked()[0] == pytest.approx(share, rel=1e-9)
        found = qsp.verdict(run)
        assert found.label == "partially synchronised"
        assert abs(found.rate - 1.0) <= found.rate.error < 0.01

    @pytest.mark.parametrize(
        ("label", "given", "start"),
        [
            ("incoherent", {"coupling": 1.5, "width": 1.0}, 0.4),
            ("incoherent", {"coupling": 1.0, "width": 1.0}, 0.0),
            ("undecided", {"coupling": 3.0, "width": 1.0}, 0.0),
            # at the threshold r falls as 1/√t
            ("undecided", {"coupling": 2.0, "width": 1.0}, 0.3),
            ("complete", {"coupling": 2.0, "width": 0.0}, 0.3),
            ("drifting", {"coupling": 3.0, "width": 0.2, "centres": [3.0, -3.0]}, [0.5, 0.3]),
            # two that do not act on each other, at one frequency by themselves
            ("undecided", {"coupling": 3 * np.eye(2), "width": 0.5, "centres": [0.1, 0.1]}, 0.5),
            ("undecided", {"coupling": lambda t: 3.0, "width": 1.0}, 0.3),
            ("partially synchronised", {"coupling": 1.0, "width": 1.0, "triads": (4, 4)}, 0.6),
            ("incoherent", {"coupling": 1.0, "width": 1.0, "triads": (4, 4)}, 0.3),
        ],
    )
    def test_verdicts(self, label, given, start):
        found = qsp.verdict(self.run(start=start, **given))
        assert found.label == label, str(found)

    @pytest.mark.parametrize("unit", [1.0, 1e6])
    @pytest.mark.parametrize("coupling", [0.2, 1.0])
    def test_what_decays_is_at_no_time_partially_synchronised(self, coupling, unit):
        labels = set()
        for span in np.geomspace(4.0, 40.0, 7):
            model = OttAntonsen(coupling * unit, unit, centres=-5.0 * unit)
            run = oasolve(model, 1.0, np.linspace(0, span / unit, 201))
            labels.add(qsp.verdict(run).label.value)
        assert labels == {"undecided", "incoherent"}

    def test_populations_in_antiphase(self):
        model = OttAntonsen([[1.0, -1.0], [-1.0, 1.0]], 0.0, [0.7, 0.7])
        run = oasolve(model, [1.0, -1.0], np.linspace(0, 20, 201))
        assert run.locked().tolist() == [1.0, 1.0]
        assert run.order_parameter.max() < 1e-12
        assert qsp.verdict(run).label == "phase-locked"
        # at the same place, where it is not stable
        lag = np.pi / 2 - 0.1
        model = OttAntonsen([[0.6, 0.4], [0.4, 0.6]], [0.0, 0.0], phase_lag=lag)
        found = qsp.verdict(oasolve(model, [1.0, -1.0], np.linspace(0, 20, 201)))
        assert found.label == "undecided", str(found)

    def test_chimera(self):
        coupling = [[0.6, 0.4], [0.4, 0.6]]
        run = self.run(
            coupling,
            0.0,
            [0.0, 0.0],
            start=[1.0, 0.6780 * np.exp(0.1j)],
            end=1500.0,
            phase_lag=np.pi / 2 - 0.05,
        )
        assert np.abs(run.modes[-1, 1]) == pytest.approx(0.678073284572829, abs=1e-5)
        found = qsp.verdict(run)
        assert found.label == "partially synchronised" and found.chimera
        assert run.locked().tolist() == [1.0, 0.0]

    def test_files_and_parts(self, tmp_path):
        run = self.run(3.0, 1.0)
        qsp.synchronization(run).save(tmp_path / "view.npz")
        again = qsp.load(tmp_path / "view.npz")
        assert qsp.verdict(again).label == "partially synchronised"
        # the same from a part of the times
        assert qsp.verdict(qsp.synchronization(run).at(slice(100, None))).label == (
            "partially synchronised"
        )

    def test_beside_particles(self):
        model = OttAntonsen(3.0, 1.0, 0.5)
        times, few = np.linspace(0, 20, 101), {"rtol": 1e-7, "atol": 1e-7}
        reduced = oasolve(model, 0.1, times)
        grown = reduced.order_parameter[-1] / reduced.order_parameter[0]
        for n in (4000, 1000):
            many = circlesolve(model.circle(n), model.positions(0.1, n), times, options=few)
            both = qsp.compare({"reduced": reduced, "particles": many})
            assert both.answer.endswith("they agree")
            r, phase = both.rows
            assert r.whole and phase.measure == "mean_phase"
            # quantiles at multiples of the golden mean: their means are off by the discrepancy, at
            # most ln n/n, which grows as r does; numbers drawn at random would be off by n^(-1/2)
            assert r.largest < grown * np.log(n) / n
            assert phase.largest < 0.1
        # another model does not agree
        other = oasolve(OttAntonsen(2.5, 1.0, 0.4), 0.1, times)
        apart = qsp.compare({"particles": many, "other": other}, verdicts=False)
        assert not any(row.whole for row in apart.rows)

    def test_pictures(self):
        run = self.run(4.0, 1.0, [0.5, -0.5])
        _, ax = qsp.plot_order_parameter(run)
        assert ax.lines[0].get_ydata() == pytest.approx(run.order_parameter)
        _, ax = qsp.plot_relative_phase(run)
        away = np.angle(np.exp(1j * ax.lines[0].get_ydata()) * run.modes[:, 0] / run.modes[:, 1])
        other = np.angle(np.exp(1j * ax.lines[0].get_ydata()) * run.modes[:, 1] / run.modes[:, 0])
        assert min(np.abs(away).max(), np.abs(other).max()) < 1e-9
        assert qsp.plot_trajectories(run) and qsp.verdict(run).plot()
