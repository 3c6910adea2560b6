"""The circle against peers; ``pytest tests/benchmarks/test_circle.py -m "" -s``."""

import numpy as np
import pytest

from qsyncplug import certify_attention
from qsyncplug.circle import Circle, attention, circlesolve, coalesce, sine
from qsyncplug.circle.field import right_hand_side

from .timing import cpu, many, timed

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)


def evaluation(model, x, kernel):
    rhs, y = right_hand_side(model, x, kernel=kernel)
    return lambda: rhs(0.0, y)


def test_kuramoto_package(record):
    """n=1000, T=10, 1000 outputs, end to end."""
    kuramoto = pytest.importorskip("kuramoto", reason="pip install kuramoto")
    n = 1000
    omega, x0, times = RNG.normal(size=n), RNG.uniform(0, 2 * np.pi, n), np.linspace(0, 10, 1000)
    model = Circle(sine(), "mean", coupling=3.0, frequencies=omega)
    ours = cpu(lambda: circlesolve(model, x0, times))
    peer = kuramoto.Kuramoto(coupling=3, dt=0.01, T=10, n_nodes=n, natfreqs=omega)
    # with each its own neighbour the peer divides by n, too
    theirs, phases = timed(lambda: peer.run(adj_mat=np.ones((n, n)), angles_vec=x0), 1)
    same = circlesolve(model, x0, [0.0, 10.0]).positions[-1]
    assert np.abs(np.exp(1j * phases[:, -1]) - np.exp(1j * same)).max() < 1e-5
    record.ratio("kuramoto", ours, theirs)


def test_jitcode(record, monkeypatch, tmp_path):
    """N=100, 1000 outputs, without the peer's compilation."""
    monkeypatch.chdir(tmp_path)  # it builds where it runs, and would read this project's settings
    jitcode = pytest.importorskip("jitcode", reason="pip install jitcode")
    symengine = pytest.importorskip("symengine", reason="pip install symengine")
    n = 100
    omega, x0, times = RNG.normal(size=n), RNG.uniform(0, 2 * np.pi, n), np.linspace(0, 10, 1000)
    model = Circle(sine(), "mean", coupling=3.0, frequencies=omega)
    ours = many(lambda: circlesolve(model, x0, times), 3)

    def velocities():
        for i in range(n):
            yield omega[i] + 3 / n * sum(
                symengine.sin(jitcode.y(j) - jitcode.y(i)) for j in range(n)
            )

    peer = jitcode.jitcode(velocities, n=n, verbose=False)
    peer.set_integrator("dop853", rtol=1e-12, atol=1e-12)

    def run():
        peer.set_initial_value(x0, 0.0)
        for t in times[1:]:
            last = peer.integrate(t)
        return last

    assert np.abs(run() - circlesolve(model, x0, times).positions[-1]).max() < 1e-9
    record.ratio("jitcode", ours, cpu(run, 2))


@pytest.mark.parametrize("n", [10**5, 10**6])
def test_finufft(record, n):
    """One evaluation at β=100: type 1 and type 2 with the same modes."""
    finufft = pytest.importorskip("finufft", reason="pip install finufft")
    model = Circle(attention(100.0, scaled=True))
    x = RNG.uniform(0, 2 * np.pi, n)
    unsorted, ordered = (evaluation(model, x, kernel) for kernel in ("taylor", "taylor-sorted"))
    b = model.interaction.coefficients()
    k = b.size
    full = np.concatenate([-b[::-1], [0], b])
    c = np.ones(n, complex)
    one = finufft.Plan(1, (2 * k + 1,), eps=1e-14, isign=-1, nthreads=1)
    two = finufft.Plan(2, (2 * k + 1,), eps=1e-14, isign=1, nthreads=1)

    def peer():
        one.setpts(x)
        two.setpts(x)
        return (two.execute(full * one.execute(c)) * 0.5j).real

    assert np.max(np.abs(peer() - unsorted())) < 1e-10 * np.max(np.abs(peer()))
    theirs, name = cpu(peer, 3), f"finufft 1e{int(np.log10(n))}"
    record.ratio(name, cpu(unsorted), theirs)
    record.ratio(f"{name}, sorted", cpu(ordered), theirs)


def test_numba_pairs(record):
    """One evaluation, n=1e4, β=10, against compiled sums over all pairs."""
    numba = pytest.importorskip("numba", reason="pip install numba")
    n, beta = 10**4, 10.0
    model = Circle(attention(beta, scaled=True))
    x = RNG.uniform(0, 2 * np.pi, n)
    unsorted, ordered = (evaluation(model, x, kernel) for kernel in ("taylor", "taylor-sorted"))

    @numba.njit
    def pairs(x):
        out = np.zeros(x.size)
        for i in range(x.size):
            for j in range(x.size):
                d = x[i] - x[j]
                out[i] -= np.sin(d) * np.exp(beta * (np.cos(d) - 1))
        return out

    expected = pairs(x)
    assert np.max(np.abs(expected - unsorted())) < 1e-12 * np.max(np.abs(expected))
    theirs = cpu(lambda: pairs(x), 2)
    record.ratio("numba", many(unsorted, 20), theirs)
    record.ratio("numba, sorted", many(ordered, 20), theirs)


def test_edges(record):
    """Sparse adjacency: split trigonometry against one sine an edge."""
    import scipy.sparse

    n = 20_000
    a = scipy.sparse.random_array((n, n), density=20 / n, rng=RNG, format="csr")
    model = Circle(sine(), adjacency=a)
    x = RNG.uniform(0, 2 * np.pi, n)
    split, direct = evaluation(model, x, "split"), evaluation(model, x, "direct")
    assert np.abs(split() - direct()).max() < 1e-12 * np.abs(direct()).max()
    record.ratio("edges", cpu(split, 9), cpu(direct, 9))


@pytest.mark.parametrize(
    ("kernel", "name"), [("taylor", "flat"), ("taylor-sorted", "flat, sorted")]
)
def test_cost_a_particle(record, kernel, name):
    """Flat from n=1e4 to 1e6."""
    costs = {}
    for n in (10**4, 10**5, 10**6):
        x = RNG.uniform(0, 2 * np.pi, n)
        run = evaluation(Circle(attention(100.0, scaled=True)), x, kernel)
        some, first = run()[:3], (np.sort(x) if kernel == "taylor-sorted" else x)[:3]
        d = x - first[:, None]
        plain = np.sum(np.sin(d) * np.exp(100 * (np.cos(d) - 1)), axis=1)
        assert np.abs(some - plain).max() < 1e-10 * np.abs(plain).max()
        costs[n] = many(run, 10**6 // n, 7) / n * 1e9
    print(f"\n{kernel}: " + ", ".join(f"n={n:.0e} {c:.2f} ns" for n, c in costs.items()))
    record.limit(name, max(costs.values()) / min(costs.values()))


@pytest.mark.parametrize("n", [10**5, 10**6])
def test_to_one_particle(record, n):
    """From uniform to one particle at β=100."""
    x0 = np.random.default_rng(1).uniform(0, 2 * np.pi, n)
    model = Circle(attention(100.0, scaled=True), "mean")
    seconds, run = timed(lambda: coalesce(model, x0), 1)
    record.limit(f"one particle 1e{int(np.log10(n))}", seconds)
    assert run.complete


@pytest.mark.parametrize(("lo", "hi"), [(-0.62, -0.26), (-0.66, -0.62)])
def test_certificates(record, lo, hi):
    """In balls, whole intervals of β; the proof is printed and read by its own checker besides."""
    pytest.importorskip("flint", reason="pip install qsyncplug[certify]")
    seconds, proof = timed(lambda: certify_attention(lo, hi, method="gap"), 1)
    assert proof.certified and proof.intervals == ((lo, hi),)
    record.limit(f"certificate to −.{round(-100 * lo)}", seconds)
