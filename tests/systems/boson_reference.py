"""Boson algebra written a second time, in a different way, to check the package against.

An operator is a sum of *words*, (coefficient, ((mode, dagger), ...)), in whatever order they were
written. Nothing here normal-orders: matrices are products of ``qutip.destroy``, Gaussian moments
are Wick sums over ordered contractions, and the classical rule works on the polynomial that the
word list of a normal-ordered operator spells out.
"""

import functools
import math

import numpy as np
import qutip

# ---------------------------------------------------------------- words


def word_product(left, right):
    return [(a * b, u + v) for a, u in left for b, v in right]


def word_dag(words):
    return [(np.conj(a), tuple((k, not d) for k, d in reversed(u))) for a, u in words]


def scaled(words, factor):
    return [(factor * a, u) for a, u in words]


def expression(words, b):
    """The package's expression, multiplied out letter by letter."""
    total = 0 * b[0]
    for a, u in words:
        term = 0 * b[0] + 1
        for k, dagger in u:
            term = term * (b[k].dag() if dagger else b[k])
        total = total + a * term
    return total


def matrix(words, levels):
    """Dense matrix of products of truncated annihilation operators; levels: one a mode."""
    n = len(levels)
    single = [np.diag(np.sqrt(np.arange(1.0, d)), 1) for d in levels]
    letter = {}
    for k in range(n):
        for dagger in (False, True):
            parts = [np.eye(d) for d in levels]
            parts[k] = single[k].T if dagger else single[k]
            letter[k, dagger] = functools.reduce(np.kron, parts)
    total = np.zeros((math.prod(levels),) * 2, dtype=complex)
    for a, u in words:
        product = np.eye(len(total))
        for x in u:
            product = product @ letter[x]
        total += a * product
    return total


def corner(full, levels, low):
    """Rows and columns with fewer than `low` quanta levels in each mode."""
    n = len(levels)
    tensor = full.reshape(tuple(levels) * 2)[tuple(slice(low) for _ in range(2 * n))]
    return tensor.reshape((low**n,) * 2)


def degree(words):
    return max((len(u) for _, u in words), default=0)


def adjoint_words(hamiltonian, jumps, a):
    """i[H,A] + Σ L†AL − ½{L†L,A}."""
    total = scaled(word_product(hamiltonian, a), 1j) + scaled(word_product(a, hamiltonian), -1j)
    for jump in jumps:
        dag = word_dag(jump)
        square = word_product(dag, jump)
        total += word_product(word_product(dag, a), jump)
        total += scaled(word_product(square, a), -0.5) + scaled(word_product(a, square), -0.5)
    return total


# ---------------------------------------------------------------- Gaussian states


def wick(word, beta, m, c):
    """⟨X1 X2 ...⟩ in the Gaussian state with ⟨b⟩=β, ⟨δb_jδb_k⟩=m, ⟨δb_j†δb_k⟩=c; any operator
    order.
    """
    if not word:
        return 1.0

    def contraction(x, y):
        (j, jd), (k, kd) = x, y
        if jd and kd:
            return np.conj(m[j, k])
        if not jd and not kd:
            return m[j, k]
        if jd:
            return c[j, k]
        return c[k, j] + (j == k)

    first, rest = word[0], word[1:]
    mean = np.conj(beta[first[0]]) if first[1] else beta[first[0]]
    total = mean * wick(rest, beta, m, c)
    for i, other in enumerate(rest):
        total += contraction(first, other) * wick(rest[:i] + rest[i + 1 :], beta, m, c)
    return total


def gaussian_rates(hamiltonian, jumps, beta, m, c):
    """d/dt of β, m, c that the exact equations of ⟨b⟩, ⟨bb⟩, ⟨b†b⟩ give in a Gaussian state."""
    n = len(beta)

    def rate(word):
        return sum(
            a * wick(u, beta, m, c) for a, u in adjoint_words(hamiltonian, jumps, [(1.0, word)])
        )

    db = np.array([rate(((j, False),)) for j in range(n)])
    s = np.array([[rate(((j, False), (k, False))) for k in range(n)] for j in range(n)])
    t = np.array([[rate(((j, True), (k, False))) for k in range(n)] for j in range(n)])
    dm = s - np.multiply.outer(db, beta) - np.multiply.outer(beta, db)
    dc = t - np.multiply.outer(db.conj(), beta) - np.multiply.outer(beta.conj(), db)
    return db, dm, dc


def covariance(m, c):
    """Symmetrised quadrature covariance, entry by entry from q=(b+b†)/√2, p=(b−b†)/(i√2)."""
    n = len(m)
    out = np.empty((2 * n, 2 * n))
    for j in range(n):
        for k in range(n):
            same = 0.5 * (j == k)
            out[2 * j, 2 * k] = m[j, k].real + c[j, k].real + same
            out[2 * j + 1, 2 * k + 1] = c[j, k].real - m[j, k].real + same
            out[2 * j, 2 * k + 1] = m[j, k].imag + c[j, k].imag
            out[2 * j + 1, 2 * k] = m[j, k].imag - c[j, k].imag
    return out


def moments_of(state, operators):
    """⟨b⟩, ⟨δbδb⟩, ⟨δb†δb⟩ of a QuTiP state."""
    n = len(operators)
    beta = np.array([qutip.expect(b, state) for b in operators], dtype=complex)
    m = np.array(
        [[qutip.expect(x * y, state) for y in operators] for x in operators]
    ) - np.multiply.outer(beta, beta)
    c = np.array([[qutip.expect(x.dag() * y, state) for y in operators] for x in operators])
    return beta, m.reshape(n, n), c.reshape(n, n) - np.multiply.outer(beta.conj(), beta)


def destroy(levels):
    """Annihilation operators of the modes of a joint space."""
    out = []
    for k, d in enumerate(levels):
        parts = [qutip.qeye(x) for x in levels]
        parts[k] = qutip.destroy(d)
        out.append(qutip.tensor(parts).to("CSR"))
    return out


# ---------------------------------------------------------------- the classical rule
#
# A symbol is {(p_1, q_1, p_2, q_2, ...): coefficient} for Π β_k*^p_k β_k^q_k, and β, β* are
# independent variables.


def symbol(words, n):
    """Symbol of an operator whose words are all normal-ordered."""
    out = {}
    for a, u in words:
        for k in range(n):
            letters = [d for j, d in u if j == k]
            assert letters == sorted(letters, reverse=True), "the word is not normal-ordered"
        key = tuple(
            sum(1 for j, d in u if j == k and d == dagger)
            for k in range(n)
            for dagger in (True, False)
        )
        out[key] = out.get(key, 0) + a
    return out


def value(sym, beta, bar):
    return sum(
        a
        * np.prod(
            [bar[i // 2] ** p if i % 2 == 0 else beta[i // 2] ** p for i, p in enumerate(key)]
        )
        for key, a in sym.items()
    )


def slope(sym, index):
    """∂/∂β_k* (index 2k) or ∂/∂β_k (index 2k+1)."""
    out = {}
    for key, a in sym.items():
        if key[index]:
            new = list(key)
            new[index] -= 1
            out[tuple(new)] = a * key[index]
    return out


def conjugate(sym):
    return {tuple(key[i ^ 1] for i in range(len(key))): np.conj(a) for key, a in sym.items()}


def drift(H, Ls, beta, bar):
    """F_j = −i∂H/∂β_j* + ½Σ(L*∂L/∂β_j* − L∂L*/∂β_j*), analytic in (β, β*)."""
    out = []
    for j in range(len(beta)):
        f = -1j * value(slope(H, 2 * j), beta, bar)
        for L in Ls:
            Lc = conjugate(L)
            f += 0.5 * (
                value(Lc, beta, bar) * value(slope(L, 2 * j), beta, bar)
                - value(L, beta, bar) * value(slope(Lc, 2 * j), beta, bar)
            )
        out.append(f)
    return np.array(out)


def drift_bar(H, Ls, beta, bar):
    """The complex conjugate of F as an analytic function of (β, β*)."""
    out = []
    for j in range(len(beta)):
        f = 1j * value(slope(H, 2 * j + 1), beta, bar)
        for L in Ls:
            Lc = conjugate(L)
            f += 0.5 * (
                value(L, beta, bar) * value(slope(Lc, 2 * j + 1), beta, bar)
                - value(Lc, beta, bar) * value(slope(L, 2 * j + 1), beta, bar)
            )
        out.append(f)
    return np.array(out)


def times(a, b):
    """Product of two polynomials in any variables."""
    out = {}
    for x, u in a.items():
        for y, v in b.items():
            key = tuple(i + j for i, j in zip(x, y, strict=True))
            out[key] = out.get(key, 0) + u * v
    return out


def drift_symbol(H, Ls, j):
    """F_j as a polynomial in (β*, β)."""
    out = {key: -1j * a for key, a in slope(H, 2 * j).items()}
    for L in Ls:
        Lc = conjugate(L)
        for factor, part in ((0.5, times(Lc, slope(L, 2 * j))), (-0.5, times(L, slope(Lc, 2 * j)))):
            for key, a in part.items():
                out[key] = out.get(key, 0) + factor * a
    return out


def in_quadratures(sym):
    """The polynomial in (q1, p1, q2, p2, ...) that β=(q+ip)/√2 makes of a symbol."""
    out = {}
    for key, a in sym.items():
        term = {(0,) * len(key): a}
        for i, power in enumerate(key):
            unit = [[0] * len(key) for _ in range(2)]
            unit[0][i - i % 2] = 1
            unit[1][i - i % 2 + 1] = 1
            sign = 1j if i % 2 else -1j
            for _ in range(power):
                term = times(term, {tuple(unit[0]): 0.5**0.5, tuple(unit[1]): sign * 0.5**0.5})
        for x, u in term.items():
            out[x] = out.get(x, 0) + u
    return out


def complex_step_jacobian(H, Ls, beta):
    """Jacobian of (q̇1, ṗ1, ...): real polynomials of real quadratures, differentiated by the
    complex step.
    """
    Y = np.empty(2 * len(beta))
    Y[0::2], Y[1::2] = np.sqrt(2) * np.real(beta), np.sqrt(2) * np.imag(beta)
    fields = []
    for j in range(len(beta)):
        F = in_quadratures(drift_symbol(H, Ls, j))
        fields += [
            {x: np.sqrt(2) * np.real(a) for x, a in F.items()},
            {x: np.sqrt(2) * np.imag(a) for x, a in F.items()},
        ]
    h = 1e-30
    M = np.empty((len(Y), len(Y)))
    for i, e in enumerate(np.eye(len(Y))):
        Z = Y + 1j * h * e
        M[:, i] = [
            np.imag(sum(a * np.prod(Z ** np.array(x)) for x, a in f.items())) / h for f in fields
        ]
    return M


def diffusion(Ls, beta):
    """Each channel adds the noise of the operators i[L†, Y] and −i[L, Y]: D = Re Σ w* wᵀ, w_j =
    [Y_j, L] up to a phase.
    """
    bar = np.conj(beta)
    n = len(beta)
    total = np.zeros((2 * n, 2 * n))
    for L in Ls:
        w = np.empty(2 * n, dtype=complex)
        for k in range(n):
            # [b, L] = ∂L/∂b†, [b†, L] = −∂L/∂b, q=(b+b†)/√2, p=(b−b†)/(i√2)
            commutes, anti = (
                value(slope(L, 2 * k), beta, bar),
                -value(slope(L, 2 * k + 1), beta, bar),
            )
            w[2 * k], w[2 * k + 1] = (
                (commutes + anti) / np.sqrt(2),
                (commutes - anti) / (1j * np.sqrt(2)),
            )
        total += np.multiply.outer(w.conj(), w).real
    return total
