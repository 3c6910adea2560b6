"""Cumulant equations of hybrids against ones derived without the algebra.

The adjoint of every moment's operator is a product of matrices, expanded in normal-ordered products
by solving for their coefficients; products beyond the order are replaced by the sum over all
partitions of them into joint cumulants of that order.
"""

import functools
import itertools
import math

import numpy as np
import pytest
import qutip
import scipy.sparse as sp

import qsyncplug as qsp


class Mode:
    """b†^p b^q with p, q ≤ D, on so many levels that products of matrices are right below D."""

    def __init__(self, D):
        self.kept, self.levels = D + 1, D + 4

    def matrix(self, key, levels=None):
        b = np.diag(np.sqrt(np.arange(1, levels or self.levels)), 1)
        power = np.linalg.matrix_power
        return power(b.T, key[0]) @ power(b, key[1])

    def basis(self):
        keys = list(itertools.product(range(self.kept), repeat=2))
        wide = 2 * self.kept
        return keys, [self.matrix(k, wide)[: self.kept, : self.kept] for k in keys]

    def split(self, key):
        return [(1, 0)] * key[0] + [(0, 1)] * key[1]

    def join(self, letters):
        return (letters.count((1, 0)), letters.count((0, 1)))


class Levels:
    """1 and |i⟩⟨j| without |0⟩⟨0|."""

    one = (0, 0)

    def __init__(self, d):
        self.kept = self.levels = d
        self.letters = [(i, j) for i in range(d) for j in range(d) if i or j]

    def matrix(self, key):
        if key == self.one:
            return np.eye(self.levels)
        out = np.zeros((self.levels, self.levels))
        out[key] = 1
        return out

    def basis(self):
        keys = [self.one, *self.letters]
        return keys, [self.matrix(k) for k in keys]

    def split(self, key):
        return [] if key == self.one else [key]

    def join(self, letters):
        return letters[0] if letters else self.one


class Spin(Levels):
    """1, σ+, σz/2 and σ−; level 0 is down."""

    one = (0, 0, 0)

    def __init__(self):
        self.kept = self.levels = 2
        self.letters = [(1, 0, 0), (0, 1, 0), (0, 0, 1)]

    def matrix(self, key):
        up, z, down = key
        return np.array([[1 - up - down - 1.5 * z, down], [up, 1 - up - down - 0.5 * z]])


def _partitions(items):
    if not items:
        yield []
        return
    last = items[-1]
    for rest in _partitions(items[:-1]):
        for k in range(len(rest)):
            yield [*rest[:k], (*rest[k], last), *rest[k + 1 :]]
        yield [*rest, (last,)]


def operator(nodes, word):
    """The matrix of a word, letters (node, key) in normal order."""
    parts = (n.matrix(n.join([x for j, x in word if j == k])) for k, n in enumerate(nodes))
    return functools.reduce(lambda a, b: sp.kron(a, b, format="csr"), parts)


def expanded(nodes, X):
    """Words and coefficients of a matrix."""
    kept = np.ix_(*(np.arange(n.kept) for n in nodes))
    index = np.ravel_multi_index(kept, [n.levels for n in nodes]).ravel()
    A = X[index][:, index].toarray()
    m, sizes = len(nodes), [n.kept for n in nodes]
    A = A.reshape(sizes + sizes).transpose([x for k in range(m) for x in (k, m + k)])
    A = A.reshape([s * s for s in sizes])
    every = []
    for k, n in enumerate(nodes):
        keys, matrices = n.basis()
        inverse = np.linalg.inv(np.array([x.ravel() for x in matrices]).T)
        A = np.moveaxis(np.tensordot(inverse, A, axes=(1, k)), 0, k)
        every.append(keys)
    for place in np.argwhere(np.abs(A) > 1e-10):
        keys = [every[k][p] for k, p in enumerate(place)]
        word = tuple((k, x) for k, key in enumerate(keys) for x in nodes[k].split(key))
        yield tuple(sorted(word)), A[tuple(place)]


def closed(moments, order):
    """⟨word⟩ for every word, from those of at most `order` letters."""

    @functools.cache
    def moment(word):
        if not word:
            return 1.0
        if len(word) <= order:
            return moments[word]
        small = (p for p in _partitions(word) if max(map(len, p)) <= order)
        return sum(math.prod(cumulant(tuple(sorted(x))) for x in p) for p in small)

    @functools.cache
    def cumulant(word):
        total = 0.0
        for p in _partitions(word):
            weight = (-1) ** (len(p) - 1) * math.factorial(len(p) - 1)
            total += weight * math.prod(moment(tuple(sorted(x))) for x in p)
        return total

    return moment


def _jaynes_cummings(order):
    """Two driven cavities with a spin ½ each, a coefficient of time in the drive."""
    nodes = [Mode(order + 1), Mode(order + 1), Spin(), Spin()]
    (a, b), (s, u) = qsp.modes(2), qsp.spins(1, 1)

    def swing(t):
        return np.cos(1.3 * t)

    H = 0.3 * a.dag() * a + 0.2 * s.z + 0.5 * (a.dag() * s.m + a * s.p) + 0.1 * u.x
    H = H + 0.4 * (b.dag() * u.m + b * u.p) + 0.25 * (a.dag() * b + b.dag() * a)
    H = H + swing * (0.3 * (a + a.dag()))
    system = qsp.System(H, [0.6 * a, 0.4 * b, 0.3 * s.m, 0.5 * u.p, 0.2 * s.z])
    A, B = (operator(nodes, [(k, (0, 1))]) for k in (0, 1))
    S, U = (operator(nodes, [(k, (0, 0, 1))]) for k in (2, 3))
    z = operator(nodes, [(2, (0, 1, 0))])
    right = 0.25 * (A.T @ B) + 0.5 * (A.T @ S) + 0.4 * (B.T @ U) + 0.05 * U
    H0 = 0.3 * A.T @ A + 0.2 * z + right + right.T
    H1 = 0.3 * (A + A.T)
    mine = [0.6 * A, 0.4 * B, 0.3 * S, 0.5 * U.T, 0.2 * z]
    return nodes, system, lambda t: H0 + swing(t) * H1, mine


def _oscillators(order):
    """Kerr, squeezing, two-quantum loss, dephasing and a common bath."""
    nodes = [Mode(order + 3), Mode(order + 3)]
    a, b = qsp.modes(2)
    right = 0.2 * a.dag() * b + 0.2 * a + 0.1j * a**2
    H = 0.3 * a.dag() * a + 0.15 * a.dag() ** 2 * a**2 + right + right.dag()
    jumps = [0.8 * a.dag(), 0.5 * a**2, 0.4 * b, 0.3 * (a - b), 0.2 * a.dag() * a]
    A, B = (operator(nodes, [(k, (0, 1))]) for k in (0, 1))
    right = 0.2 * A.T @ B + 0.2 * A + 0.1j * A @ A
    H0 = 0.3 * A.T @ A + 0.15 * A.T @ A.T @ A @ A + right + right.conj().T
    mine = [0.8 * A.T, 0.5 * A @ A, 0.4 * B, 0.3 * (A - B), 0.2 * A.T @ A]
    return nodes, qsp.System(H, jumps), lambda t: H0, mine


def _levels(order):
    """A driven mode with a three-level atom, and a second one with jumps in a common bath."""
    nodes = [Mode(order + 1), Levels(3), Levels(3)]
    (a,), (s, u) = qsp.modes(1), qsp.levels(3, 3)
    right = 0.5 * a.dag() * s[0, 1] + 0.4 * s[1, 2] * u[2, 1] + 0.2j * u[0, 2] + 0.1 * a
    H = 0.3 * a.dag() * a + right + right.dag()
    jumps = [0.5 * a, 0.6 * s[0, 2], 0.3 * (u[0, 1] + u[1, 2] + 1j * a), 0.2 * u[2, 0]]
    A = operator(nodes, [(0, (0, 1))])

    def S(i, j):
        return operator(nodes, [(1, (i, j))])

    def U(i, j):
        return operator(nodes, [(2, (i, j))])

    right = 0.5 * A.T @ S(0, 1) + 0.4 * S(1, 2) @ U(2, 1) + 0.2j * U(0, 2) + 0.1 * A
    H0 = 0.3 * A.T @ A + right + right.conj().T
    mine = [0.5 * A, 0.6 * S(0, 2), 0.3 * (U(0, 1) + U(1, 2) + 1j * A), 0.2 * U(2, 0)]
    return nodes, qsp.System(H, jumps), lambda t: H0, mine


def _start(node):
    if isinstance(node, Mode):
        return 0.1
    if isinstance(node, Spin):
        return (0.4, 0.3)
    psi = qutip.Qobj([0.6, 0.48j, 0.64])
    return psi.proj()


@pytest.mark.parametrize(
    ("make", "order"),
    [(_jaynes_cummings, 2), (_jaynes_cummings, 3), (_levels, 2)]
    + [(_oscillators, m) for m in (2, 3, 4)],
)
def test_rates_of_all_moments(make, order):
    nodes, system, hamiltonian, jumps = make(order)
    # a start without any symmetry: all moments
    start = {s: _start(node) for s, node in zip(system.symbols, nodes, strict=True)}
    run = qsp.mfsolve(system, start, [0.0, 0.1], closure="cumulants", order=order)
    equations = run.closure.equations
    rng = np.random.default_rng(order)
    values = rng.normal(size=(len(equations.words), 2)) @ [0.5, 0.5j]
    values[sorted(equations.real)] = values[sorted(equations.real)].real
    t = 0.7
    rates = run.closure.polynomials()(t, values)
    # the same moments by name
    place = {s: k for k, s in enumerate(system.symbols)}
    letters = [(place[symbol], key) for symbol, key in equations.letters]
    words = [tuple(sorted(letters[x] for x in word)) for word in equations.words]
    moments = {}
    for word, value in zip(words, values, strict=True):
        moments[word] = value
        moments[tuple(sorted((k, x[::-1]) for k, x in word))] = np.conj(value)
    expected = _rates(nodes, hamiltonian(t), jumps, words, closed(moments, order))
    np.testing.assert_allclose(rates, expected, rtol=1e-11, atol=1e-11 * np.abs(expected).max())


def _rates(nodes, H, jumps, words, moment):
    out = []
    for word in words:
        X = operator(nodes, word)
        change = 1j * (H @ X - X @ H)
        for L in jumps:
            dagger = L.conj().T
            change = change + dagger @ X @ L - 0.5 * (dagger @ L @ X + X @ dagger @ L)
        out.append(sum(c * moment(w) for w, c in expanded(nodes, change.tocsr())))
    return np.array(out)
