"""The gap functional: its reduction, its values, and proofs that a checker checks."""

import ast
import dataclasses
import inspect
import math

import mpmath
import numpy as np
import pytest
import scipy.optimize

from qsyncplug.circle import (
    GapProof,
    attention,
    certify_attention,
    certify_synchronization,
    find_stable_states,
    fourier,
    gapcheck,
    polygon_state,
    sine,
    stability,
    synchronization_criterion,
    three_cluster_states,
)
from qsyncplug.circle.gapcheck import Gamma, Tables, attention_distance, check_gap
from qsyncplug.circle.gapsearch import (
    Edges,
    attention_vertex,
    best_gamma,
    cover,
    longest,
    make_proof,
)
from qsyncplug.circle.model import Circle

flint = pytest.importorskip("flint")


def functional(f, theta, weights, g):
    """Σ_j W_j T_j, written down from the statement, in plain loops."""
    k = len(theta)
    gaps = np.append(np.diff(theta), theta[0] + 2 * np.pi - theta[-1])
    f0 = float(f.df(0.0))
    total = 0.0
    for j in range(k):
        t = -0.5 * (g(gaps[j]) + g(gaps[j - 1])) * f0
        for i in range(k):
            a = theta[i] - theta[j]
            b = a + gaps[i]
            t += g(gaps[i]) * float(0.5 * (f.df(a) + f.df(b)) - (f.f(b) - f.f(a)) / gaps[i])
        total += weights[j] * t
    return total


@pytest.mark.parametrize(
    ("beta", "sizes"), [(-0.7, (2, 2, 2)), (-2.0, (3, 2, 2)), (-1.0, (6, 7, 7))]
)
@pytest.mark.parametrize("g", [lambda d: 1 / d, lambda d: 1.0, lambda d: np.exp(-d) / d])
def test_stable_states_obey_the_inequality(beta, sizes, g):
    # the reduction: for stable states of several clusters the sum is not negative, whatever g>0
    state = three_cluster_states(attention(beta), sizes)[0]
    assert state.stable
    order = np.argsort(np.mod(state.angles, 2 * np.pi))
    theta = np.mod(state.angles, 2 * np.pi)[order]
    value = functional(attention(beta), theta, np.array(sizes, float)[order], g)
    assert value >= 0


def test_unstable_states_need_not():
    theta = 2 * np.pi * np.arange(3) / 3
    f = attention(-0.3)
    assert not stability(Circle(f), np.repeat(theta, 2)).stable
    assert functional(f, theta, np.full(3, 2.0), lambda d: 1 / d) < 0


@pytest.mark.parametrize(("beta", "positive"), [(-0.605, False), (-0.62, True)])
def test_reciprocal_gaps(beta, positive):
    # g = 1/Δ: holds at −0.605, fails by 0.0096 at −0.62; worst are three clusters, with one long
    # gap opposite to the one that is looked at
    f, one = attention(beta), np.array([1 / float(attention(beta).df(0.0)), 0.0, 0.0])
    worst = scipy.optimize.minimize_scalar(
        lambda d: -functional(f, np.array([0, d, 2 * np.pi - d]), one, lambda gap: 1 / gap),
        bounds=(1.6, 2.0),
        method="bounded",
    )
    edges = Edges(attention_vertex(beta), 480)
    end = longest(edges, np.ones(edges.top)).end
    assert (end > 0) == positive
    # those on the grid of 480 cells are no worse, and as bad to second order
    assert -worst.fun - 2e-5 < end <= -worst.fun


def test_longest_path_is_a_path():
    # independent: the value of random partitions from their own sum never exceeds it
    beta, n = -0.5, 120
    edges = Edges(attention_vertex(beta), n)
    tau = edges.tau * edges.h
    end = longest(edges, np.ones(edges.top)).end
    rng = np.random.default_rng(5)
    f, h, values = attention(beta), 2 * np.pi / n, []
    for _ in range(300):
        nodes = np.sort(rng.choice(np.arange(1, n), rng.integers(1, 8), replace=False))
        theta = np.concatenate([[0], nodes]) * h
        gaps = np.append(np.diff(theta), 2 * np.pi - theta[-1])
        if np.sum(gaps > tau) > 1 or np.max(gaps) > np.pi:
            continue
        one = np.zeros(theta.size)
        one[0] = 1 / float(f.df(0.0))
        values.append(functional(f, theta, one, lambda d: 1 / d))
    assert len(values) > 50 and max(values) <= end + 1e-12


def test_criterion_of_any_odd_function():
    for f, expected in ((sine(), True), (attention(-0.6), True), (attention(-0.665), True)):
        found = synchronization_criterion(f, method="gap")
        assert found.certified is expected and found.method == "gap" and bool(found)
    # stable three-cluster states exist: it must not hold
    for f in (attention(-0.68), attention(-1.0)):
        assert not synchronization_criterion(f, method="gap")
    mixed = synchronization_criterion(fourier([1.0, -0.2]), method="gap")
    assert mixed.certified and mixed.gap_value < 0
    # f changes sign on (0, π)
    other = synchronization_criterion(fourier([1.0, 0.0, 1.1]), method="gap")
    assert not other.certified and "f>0" in other.statement
    with pytest.raises(ValueError, match="method must be"):
        synchronization_criterion(sine(), method="gaps")


# ---------------------------------------------------------------------- the checker


def proof_at(beta, width=1e-3, cells=288):
    ends = (beta - width, beta + width)
    slopes = best_gamma(Edges(attention_vertex(ends[0]), 192))[1]
    vertices = np.array([attention_vertex(b) for b in ends])
    radius = attention_distance(*ends, vertices) * (1 + 1e-9)
    return make_proof(vertices, radius, slopes, cells, 5, ends)


@pytest.fixture(scope="module")
def proof():
    return proof_at(-0.5)


def derivatives(b, x, count=3):
    k = np.arange(1, b.size + 1)
    waves = [np.sin, np.cos, lambda t: -np.sin(t), lambda t: -np.cos(t)]
    return [waves[j % 4](np.multiply.outer(x, k)) @ (k**j * b) for j in range(count)]


class Claim:
    """The inequalities of a proof at any point, by plain formulas, for one of its functions."""

    def __init__(self, proof, rng):
        share = rng.random()
        shares = np.array([share, 1 - share])[: len(proof.vertices)]
        shares /= shares.sum()
        rest = rng.normal(size=proof.vertices.shape[1])
        cube = np.arange(1, rest.size + 1) ** 3
        rest *= proof.radius / np.sum(np.abs(rest) * cube)
        self.smooth, self.b = shares @ proof.vertices, shares @ proof.vertices + rest
        self.psi = [shares @ part for part in (proof.before, proof.after)]
        self.nodes = np.linspace(0, 2 * np.pi, proof.cells + 1)
        self.slopes, self.end, self.h = proof.slopes, proof.end, self.nodes[1]
        self.areas = np.append(0, np.cumsum(0.5 * (self.slopes[1:] + self.slopes[:-1]))) * self.h

    def gamma(self, gap):
        d = np.minimum((gap / self.h).astype(int), self.slopes.size - 2)
        t = gap / self.h - d
        low, high = self.slopes[d], self.slopes[d + 1]
        return 1 + self.areas[d] + self.h * t * (low + 0.5 * t * (high - low))

    def phi(self, layer, x):
        return derivatives(self.smooth, x)[2] / 12 + np.interp(x, self.nodes, self.psi[layer])

    def pair(self, first, last, a, b):
        (fa, f1a), (fb, f1b) = derivatives(self.b, a, 2), derivatives(self.b, b, 2)
        w = self.gamma(b - a) / (b - a) * (0.5 * (f1a + f1b) - (fb - fa) / (b - a))
        return w - (self.phi(last, b) - self.phi(first, a))

    def ends(self, layer, x):
        f, f1 = derivatives(self.b, x, 2)
        w = self.gamma(x) / x * (0.5 * f1 - f / x)
        far = 2 * np.pi - x
        return w - self.phi(layer, x), w - (self.end - self.phi(layer, far))


@pytest.mark.parametrize("beta", [-0.3, -0.5, -0.62])
def test_what_is_checked_holds_everywhere(beta):
    proof = proof_at(beta)
    assert check_gap(proof)
    rng = np.random.default_rng(3)
    tau = proof.tau * 2 * np.pi / proof.cells
    for _ in range(20):
        claim = Claim(proof, rng)
        for first, last in ((0, 0), (1, 1), (0, 1)):
            low, high = (1e-2, tau) if first == last else (tau, np.pi)
            gap = rng.uniform(low, high, 4000)
            a = rng.uniform(0, 2 * np.pi - gap)
            assert np.max(claim.pair(first, last, a, a + gap)) <= 1e-11
        x = rng.uniform(1e-3, np.pi, 4000)
        first, last = claim.ends(0, x)
        assert np.max(first[x <= tau]) <= 0 and np.max(last) <= 0
        first, last = claim.ends(1, x)
        assert np.max(first[x >= tau]) <= 0 and np.max(last[x <= tau]) <= 0
        f, f1 = derivatives(claim.b, x, 2)
        assert np.min(f) > 0 and np.max(f1[x >= tau]) < 0


def test_the_remainder():
    # the constants in the checker's text, for f = sin kx, whose derivatives are at most k^j
    mpmath.mp.dps = 30
    try:
        for k, a, gap in ((1, 0.3, 0.7), (2, 1.1, 2.0), (3, 4.0, 0.4), (5, 2.0, 0.05)):

            def rest(s, t, k=k):
                d = t - s
                f1 = 0.5 * k * (mpmath.cos(k * s) + mpmath.cos(k * t))
                f2 = -k * k * (mpmath.sin(k * t) - mpmath.sin(k * s)) / 12
                return (f1 - (mpmath.sin(k * t) - mpmath.sin(k * s)) / d) / d - f2

            point = (mpmath.mpf(a), mpmath.mpf(a) + gap)

            def by(order, rest=rest, point=point):
                return abs(float(mpmath.diff(rest, point, order)))

            f5 = float(k) ** 5
            assert abs(float(rest(*point))) <= gap**3 * f5 / 720
            assert max(by((1, 0)), by((0, 1))) <= gap**2 * f5 / 240
            assert max(by((2, 0)), by((0, 2))) + by((1, 1)) <= gap * f5 / 50
            kernel = mpmath.quad(
                lambda t, k=k, gap=gap, a=a: (
                    -(gap**3) * t**2 * (1 - t) ** 2 / 24 * k**5 * mpmath.cos(k * (a + gap * t))
                ),
                [0, 1],
            )
            assert float(rest(*point)) == pytest.approx(float(kernel), rel=1e-12)
        one = mpmath.quad(lambda t: (1 - t) ** 3 * abs(1 - 3 * t), [0, mpmath.mpf(1) / 3, 1])
        assert float(one / 12 + mpmath.mpf(1) / 120) <= 1 / 50
    finally:
        mpmath.mp.dps = 15


def test_tables_of_the_checker(proof):
    b = proof.vertices[0]
    its = Tables(b, proof.cells // 2)
    x = 2 * np.pi * np.arange(proof.cells + 1) / proof.cells
    for table, exact in zip((its.f, its.f1, its.f2), derivatives(b, x), strict=True):
        assert np.max(np.abs(table - exact)) < 1e-13
    for j, bound in enumerate(its.size):
        # all harmonics of the attention add up at π
        assert bound >= np.max(np.abs(derivatives(b, np.linspace(0, 2 * np.pi, 999), 6)[j]))
    g, claim = Gamma(proof.slopes), Claim(proof, np.random.default_rng(0))
    assert g.value == pytest.approx(claim.gamma(g.gap), abs=1e-12) and g.positive
    for d in range(g.most.size):
        inside = claim.gamma(np.linspace(g.gap[d], g.gap[d + 1], 9))
        assert np.max(inside) <= g.most[d] + 1e-12
        assert np.max(np.abs(inside - 1)) <= g.off[d] + 1e-12


@pytest.mark.parametrize(("lo", "hi"), [(-0.6, -0.55), (-0.3, -0.2), (-1.0, -0.98), (-0.1, 0.0)])
def test_distance_from_the_chord(lo, hi):
    vertices = np.array([attention_vertex(b) for b in (lo, hi)])
    bound, worst = attention_distance(lo, hi, vertices), 0.0
    cube = np.arange(1, 25) ** 3
    for share in np.linspace(0, 1, 11):
        beta = lo + share * (hi - lo)
        exact = np.array(
            [
                float(
                    (mpmath.besseli(k - 1, beta) - mpmath.besseli(k + 1, beta)) * mpmath.exp(-beta)
                )
                for k in range(1, 25)
            ]
        )
        away = float(np.sum(cube * np.abs(exact - (1 - share) * vertices[0] - share * vertices[1])))
        worst = max(worst, away)
    assert 0.7 * bound < worst <= bound
    assert attention_distance(-1.1, -1.0, vertices) == np.inf
    assert attention_distance(lo, hi, vertices[:, :20]) == np.inf


class TestChecker:
    def test_right(self, proof):
        assert check_gap(proof) and proof.verify() and proof.end < 0

    def test_printed(self, proof):
        text = proof.text()
        back = GapProof.read(text)
        assert back.text() == text and back.beta == proof.beta and check_gap(back)
        one = certify_synchronization(sine()).proof
        assert GapProof.read(one.text()).text() == one.text()

    def test_small_and_alone(self):
        source = inspect.getsource(gapcheck)
        tree = ast.parse(source)
        modules = {
            a.name if isinstance(node, ast.Import) else node.module
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for a in node.names
        }
        assert modules == {"__future__", "operator", "typing", "numpy", "flint"}
        docs = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef):
                docs |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
        lines = [
            line
            for k, line in enumerate(source.splitlines(), 1)
            if k not in docs and line.strip() and not line.strip().startswith("#")
        ]
        assert len(lines) <= 150

    @pytest.mark.parametrize(
        "change",
        [
            {"end": 0.0},
            {"end": -5.0},
            {"beta": (-0.7, -0.499)},
            {"beta": (-0.501, -0.48)},
            {"beta": (-0.499, -0.501)},
            {"radius": 1e-9},
            {"radius": 1.0},
            {"radius": np.nan},
            {"tau": 5},
            {"tau": 60},
            {"tau": 145},
            {"short": 40},
            {"short": 0},
        ],
    )
    def test_wrong_numbers(self, proof, change):
        assert not check_gap(dataclasses.replace(proof, **change))

    def test_wrong_functions(self, proof):
        slopes = proof.slopes.copy()
        slopes[60:] = -3.0  # γ becomes negative
        assert not check_gap(dataclasses.replace(proof, slopes=slopes))
        for name in ("before", "after"):
            for cell in (5, 100, 250):
                for vertex in (0, 1):
                    psi = getattr(proof, name).copy()
                    psi[vertex, cell:] += 1.0  # a jump that no later gap can undo
                    lower = getattr(proof, name).copy()
                    lower[vertex, cell] -= 0.5
                    assert not check_gap(dataclasses.replace(proof, **{name: psi}))
                    assert not check_gap(dataclasses.replace(proof, **{name: lower}))
            flat = np.zeros_like(getattr(proof, name))
            assert not check_gap(dataclasses.replace(proof, **{name: flat}))
            nan = getattr(proof, name).copy()
            nan[0, 3] = np.nan
            assert not check_gap(dataclasses.replace(proof, **{name: nan}))

    def test_nothing_is_proved_where_stable_states_exist(self):
        # whatever is proposed at β<−2/3 must be refused; γ and φ of a proof that holds is proposed
        good = proof_at(-0.66, 1e-4, 480)
        assert check_gap(good)
        vertices = np.array([attention_vertex(b) for b in (-0.7, -0.699)])
        moved = dataclasses.replace(good, beta=None, vertices=vertices)
        assert not check_gap(moved)
        proofs, edge = cover(-0.68, -0.675, check_gap, smallest=1e-4)
        assert proofs == [] and edge == -0.675


# ---------------------------------------------------------------------- any odd function


class TestAnyOddFunction:
    @pytest.mark.parametrize(
        "b",
        [[1.0], [1.0, 0.45], [1.0, -0.4], [1.0, 0.0, 0.166], [1.0, 0.0, -0.2], [1, 0.3, 0.1, 0.03]],
    )
    def test_certified(self, b):
        found = certify_synchronization(fourier(b))
        assert found and found.verify() and found.value < 0 and found.proof.end < 0
        assert "proved" in found.statement and str(found) == found.statement
        # what is proved is seen: no stable state but the synchronised one
        model = Circle(fourier(b), "mean")
        for n in (3, 5, 8):
            states = find_stable_states(model, n, trials=12, seed=n)
            assert states
            for state in states:
                assert np.abs(np.mean(np.exp(1j * state.positions))) > 1 - 1e-9

    @pytest.mark.parametrize("corners", [3, 4, 5])
    def test_stable_polygons_are_never_certified(self, corners):
        # sin x + a·sin mx: the m-gon is stable from some a on; below, it may or may not be proved
        stable = []
        for a in np.linspace(0.02, 0.9, 12):
            b = np.zeros(corners)
            b[0], b[-1] = 1.0, a
            stable.append(polygon_state(fourier(b), corners, 2).stable)
            if stable[-1]:
                assert not certify_synchronization(fourier(b))
        assert any(stable)

    def test_the_triangle_sets_the_limit(self):
        # stable for a>1/6, as f'(2π/3) = 3a − ½: proved up to .4 per cent before
        assert certify_synchronization(fourier([1.0, 0.0, 0.166]))
        above = fourier([1.0, 0.0, 0.167])
        assert polygon_state(above, 3, 2).stable and not certify_synchronization(above)

    def test_tail(self):
        b = [1.0, 0.1, 0.05]
        assert certify_synchronization(fourier(b), tail=0.01)
        wide = certify_synchronization(fourier([1.0, 0.0, 0.166]), tail=0.01)
        assert not wide and wide.proof is None and "not certified" in wide.statement
        assert not wide.verify()
        # a tail that could make the triangle stable
        assert not certify_synchronization(fourier([1.0, 0.0, 0.15]), tail=27 * (1 / 6 - 0.15))

    def test_scales(self):
        for scale in (1e-300, 1e-3, 1e9):
            assert certify_synchronization(fourier([scale, -0.2 * scale]), tail=1e-3 * scale)

    def test_hypotheses(self):
        for b in ([-1.0], [1.0, 0.0, 1.1], [1.0, 0.6], [0.0, 1.0]):
            found = certify_synchronization(fourier(b))
            assert not found and "F>0" in found.reason and np.isnan(found.value)

    def test_attention(self):
        assert certify_synchronization(attention(-0.65))
        assert not certify_synchronization(attention(-0.7))
        with pytest.raises(ValueError, match="certify_attention"):
            certify_synchronization(attention(2.0))
        with pytest.raises(ValueError, match="exact"):
            certify_synchronization(np.sin)
        with pytest.raises(ValueError, match="tail must"):
            certify_synchronization(sine(), tail=-1.0)
        with pytest.raises(ValueError, match="at most 512 coefficients here, not 513"):
            # there was no cell that is fine enough, after seconds and gigabytes
            certify_synchronization(fourier([1.0] + 512 * [1e-9]))


def test_certificate():
    proof = certify_attention(-0.3, 0.0, method="gap")
    assert proof and proof.certified and proof.intervals == ((-0.3, 0.0),)
    assert proof.gap_proofs and proof.verify()
    text = proof.summary()
    assert "gap functional" in text and "Σ_jW_jT_j ≥ 0" in text and "check_gap" in text
    # intervals touch: nothing is left out
    ends = [p.beta for p in proof.gap_proofs]
    assert all(ends[k][0] == ends[k + 1][1] for k in range(len(ends) - 1))
    assert ends[-1][0] == -0.3 and ends[0][1] == -0.26
    assert not certify_attention(-0.3, 0.0)
    # nothing below −2/3, where stable three-cluster states exist
    below = certify_attention(-0.8, -0.7, method="gap")
    assert not below and below.status == "open" and below.statement.startswith("not certified")


@pytest.mark.slow
@pytest.mark.parametrize(("lo", "hi"), [(-0.62, -0.26), (-0.6664, 0.0)])
def test_certificate_to_the_end(lo, hi):
    proof = certify_attention(lo, hi, method="gap")
    assert proof.certified, proof.statement
    assert proof.intervals == ((lo, hi),)


def test_certificates_are_held_to_what_they_say():
    """A proof says nothing about another interaction, or about more than it covers."""
    found = certify_synchronization(sine())
    assert found.verify()
    assert not dataclasses.replace(found, interaction=fourier([1.0, 0.0, 0.2])).verify()
    assert not dataclasses.replace(found, tail=5.0).verify()
    lower = certify_synchronization(attention(-0.6))
    assert lower.verify() and not dataclasses.replace(lower, interaction=attention(-0.61)).verify()
    part = certify_attention(-0.27, 0.0, method="ratio")
    assert not part and part.verify()
    assert not dataclasses.replace(part, intervals=((-0.27, 0.0),)).verify()
    assert not dataclasses.replace(part, certified=True).verify()
    proof = certify_attention(-0.3, 0.0, method="gap")
    assert not dataclasses.replace(proof, intervals=((-5.0, 0.0),)).verify()
    assert certify_attention(1.0, np.inf).verify()


class TestHostileProofs:
    """A checker that a stranger's object talks into something proves nothing."""

    proof = certify_synchronization(sine()).proof

    def test_numbers_with_a_will_of_their_own(self):
        """Comparisons that say no after the first leave no inequality to check."""

        class Evasive(int):
            count = 0

            def __ge__(self, other):
                Evasive.count += 1
                return Evasive.count < 3 and int(self) >= int(other)

            def __le__(self, other):
                Evasive.count += 1
                return Evasive.count < 3 and int(self) <= int(other)

            __gt__, __lt__ = __ge__, __le__

        triangle = dataclasses.replace(self.proof, vertices=np.array([[1.0, 0.0, 0.2]]))
        assert not check_gap(dataclasses.replace(triangle, tau=Evasive(self.proof.tau)))

    def test_attributes_that_change(self):
        """The radius that is compared with β's distance is the one that is used."""

        class Changing:
            reads = 0

            def __getattr__(self, name):
                if name == "radius":
                    Changing.reads += 1
                    return 9e5 if Changing.reads == 1 else 0.0
                if name == "beta":
                    return (-0.9, -0.9)
                return getattr(TestHostileProofs.lower, name)

        assert check_gap(self.lower) and not check_gap(Changing())

    lower = certify_synchronization(attention(-0.5)).proof

    @pytest.mark.parametrize(
        "change",
        [
            {"tau": 40.0},
            {"short": "3"},
            {"end": 1j},
            {"slopes": np.zeros((3, 3))},
            {"vertices": np.array([[1.0 + 5j]])},
            {"vertices": np.ma.masked_array([[1.0]], [[True]])},
        ],
    )
    def test_what_is_no_plain_number(self, change):
        assert not check_gap(dataclasses.replace(self.proof, **change))

    def test_the_precision_of_flint_does_not_matter(self):
        import flint

        with flint.ctx.workprec(20):
            assert check_gap(self.proof) and check_gap(self.lower)
            small = Tables(np.ones(1), 96)
        np.testing.assert_array_equal(small.f, Tables(np.ones(1), 96).f)

    def test_a_gamma_that_rounding_makes_positive(self):
        """Sums of 2e5 large slopes err by more than what they are held to be above: +3e-6 here,
        where the exact sum is below 0.
        """
        half = 200000
        h, unit = np.pi / half, 2.0**-32

        def slopes(up, down, last):
            out = np.full(half + 1, up)
            out[:2001], out[half // 2 + 1 :] = np.linspace(0, up, 2001), -down
            out[half // 2] += last
            return out

        def odd(slope, part):
            return (np.floor(slope * h / unit) + part) * unit / h

        up = odd(9.9e5, 0.51)
        down, last = odd(9.9e5 + (1 / h - 9.9e8) / (half // 2), 0.49), 0.0
        for _ in range(60):
            last += (3e-6 - Gamma(slopes(up, down, last)).value[-1]) / h * 0.9
        tried = slopes(up, down, last)
        exact = 1 + 0.5 * h * (math.fsum(tried[1:]) + math.fsum(tried[:-1]))
        gamma = Gamma(tried)
        assert exact < 0 < 1e-6 < np.min(gamma.value) and not gamma.positive
