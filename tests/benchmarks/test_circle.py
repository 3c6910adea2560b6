"""Speed of the circle against peers, as ratios in one run; ``pytest tests/benchmarks
--benchmark-enable -m "" -s``.
"""

import time

import numpy as np
import pytest

from qsyncplug.circle import Circle, attention, circlesolve, coalesce, sine
from qsyncplug.circle.field import right_hand_side

from .timing import best, report

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)


def once(function):
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def evaluation(model, x, kernel):
    rhs, y = right_hand_side(model, x, kernel=kernel)
    return lambda: rhs(0.0, y)


def test_kuramoto_package(benchmark):
    """n=1000, T=10, 1000 outputs, end to end."""
    kuramoto = pytest.importorskip("kuramoto", reason="pip install kuramoto")
    n = 1000
    omega, x0, times = RNG.normal(size=n), RNG.uniform(0, 2 * np.pi, n), np.linspace(0, 10, 1000)
    model = Circle(sine(), "mean", coupling=3.0, frequencies=omega)
    benchmark(circlesolve, model, x0, times)
    ours = best(lambda: circlesolve(model, x0, times))
    peer = kuramoto.Kuramoto(coupling=3, dt=0.01, T=10, n_nodes=n, natfreqs=omega)
    theirs = once(lambda: peer.run(adj_mat=np.ones((n, n)) - np.eye(n), angles_vec=x0))
    report("Kuramoto, n=1000", ours, kuramoto=theirs)


def test_jitcode(benchmark, monkeypatch, tmp_path):
    """N=100, 1000 outputs, without the peer's compilation."""
    monkeypatch.chdir(tmp_path)  # it builds where it runs, and would read this project's settings
    jitcode = pytest.importorskip("jitcode", reason="pip install jitcode")
    symengine = pytest.importorskip("symengine", reason="pip install symengine")
    n = 100
    omega, x0, times = RNG.normal(size=n), RNG.uniform(0, 2 * np.pi, n), np.linspace(0, 10, 1000)
    model = Circle(sine(), "mean", coupling=3.0, frequencies=omega)
    benchmark(circlesolve, model, x0, times)
    ours = best(lambda: circlesolve(model, x0, times))

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
            peer.integrate(t)

    run()
    report("Kuramoto, N=100", ours, jitcode=best(run, 2))


@pytest.mark.parametrize("n", [10**5, 10**6])
def test_finufft(benchmark, n):
    """One evaluation at β=100: type 1 and type 2 with the same modes."""
    finufft = pytest.importorskip("finufft", reason="pip install finufft")
    model = Circle(attention(100.0, scaled=True))
    x = RNG.uniform(0, 2 * np.pi, n)
    unsorted, ordered = (evaluation(model, x, kernel) for kernel in ("taylor", "taylor-sorted"))
    benchmark(ordered)
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
    theirs = best(peer, 3)
    report(f"finufft, n={n:.0e}, unsorted", best(unsorted), finufft=theirs)
    report(f"finufft, n={n:.0e}, sorted", best(ordered), finufft=theirs)


def test_numba_pairs(benchmark):
    """One evaluation, n=1e4, β=10, against compiled sums over all pairs."""
    numba = pytest.importorskip("numba", reason="pip install numba")
    n, beta = 10**4, 10.0
    model = Circle(attention(beta, scaled=True))
    x = RNG.uniform(0, 2 * np.pi, n)
    unsorted, ordered = (evaluation(model, x, kernel) for kernel in ("taylor", "taylor-sorted"))
    benchmark(ordered)

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
    theirs = best(lambda: pairs(x), 2)
    report("numba O(n²), n=1e4, unsorted", best(unsorted, 20), numba=theirs)
    report("numba O(n²), n=1e4, sorted", best(ordered, 20), numba=theirs)


def test_edges(benchmark):
    """Sparse adjacency: split trigonometry against one sine an edge."""
    import scipy.sparse

    n = 20_000
    a = scipy.sparse.random_array((n, n), density=20 / n, rng=RNG, format="csr")
    model = Circle(sine(), adjacency=a)
    x = RNG.uniform(0, 2 * np.pi, n)
    split, direct = evaluation(model, x, "split"), evaluation(model, x, "direct")
    benchmark(split)
    report("CSR, split", best(split), edges=best(direct))


@pytest.mark.parametrize("kernel", ["taylor", "taylor-sorted"])
def test_cost_a_particle(benchmark, kernel):
    """Flat from n=1e4 to 1e6."""
    costs = {}
    for n in (10**4, 10**5, 10**6):
        run = evaluation(
            Circle(attention(100.0, scaled=True)), RNG.uniform(0, 2 * np.pi, n), kernel
        )
        costs[n] = best(run, 20 if n < 10**6 else 7) / n * 1e9
    benchmark(run)
    print(f"\n{kernel}: " + ", ".join(f"n={n:.0e} {c:.2f} ns" for n, c in costs.items()))
    print(f"largest/smallest {max(costs.values()) / min(costs.values()):.2f}")


@pytest.mark.parametrize("n", [10**5, 10**6])
def test_to_one_particle(benchmark, n):
    """From uniform to one particle at β=100."""
    x0 = np.random.default_rng(1).uniform(0, 2 * np.pi, n)
    model = Circle(attention(100.0, scaled=True), "mean")
    run = benchmark.pedantic(coalesce, (model, x0), rounds=1)
    assert run.complete
    print(f"\nn={n:.0e}: {run.stats['run time']:.2f} s, log10 t = {run.log_time / np.log(10):.2f}")
