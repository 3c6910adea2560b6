"""Functions of classical variables with powers of polynomials: derivatives against mpmath, brackets
against their rules.
"""

import mpmath
import numpy as np
import pytest

from qsyncplug.operators.functions import ClassicalSpace

POINT = np.array([0.4 - 0.3j, -0.2 + 0.5j])


def two_modes():
    space = ClassicalSpace()
    return space, space.mode(), space.mode()


def values(space, *functions):
    return space.compiled(functions)(0.0, POINT)


@pytest.mark.parametrize("related", [False, True])
def test_derivatives_of_powers(related):
    space, b, c = two_modes()
    room = space.power(1 - b.dag() * b / 3, 1)
    if related:
        space.relate(b, 3 - 3 * room)
    other = space.power(2 + b.dag() * b + c.dag() * c, -1)
    f = space.power(room, 0.5) * b * c.dag() + other * space.power(room, -1.5) * c * c

    def by_hand(z, zbar, w, wbar):
        root = mpmath.sqrt(1 - z * zbar / 3)
        return root * z * wbar + w**2 / (2 + z * zbar + w * wbar) / root**3

    z, w = POINT
    at = (z, z.conjugate(), w, w.conjugate())
    with mpmath.workdps(30):
        wanted = [by_hand(*map(mpmath.mpc, at))]
        for k in range(4):
            orders = tuple(int(k == i) for i in range(4))
            wanted.append(mpmath.diff(by_hand, at, orders))
        wanted.append(mpmath.diff(by_hand, at, (1, 1, 0, 0)))
    first = [f.derivative(k // 2, bool(k % 2)) for k in range(4)]
    found = values(space, f, *first, f.derivative(0).derivative(0, True))
    np.testing.assert_allclose(found, np.array(wanted, dtype=complex), rtol=1e-13)


def test_products_of_powers_are_powers():
    space, b, _ = two_modes()
    base = 1 + b.dag() * b
    root, inverse = space.power(base, 0.5), space.power(base, -1)
    assert (root * space.power(base, -0.5)).terms == {((), ()): 1.0}
    assert (root * root * inverse).terms == {((), ()): 1.0}
    assert len(root.terms) == len((root * inverse).terms) == 1


def test_brackets():
    space = ClassicalSpace()
    b, (minus, z) = space.mode(), space.spin()
    x, y = 0.5 * (minus + minus.dag()), 0.5j * (minus - minus.dag())
    assert space.bracket(b, b.dag()).terms == {((), ()): -1j}
    for a, other, out in ((x, y, z), (y, z, x), (z, x, y)):
        assert not {
            k: v for k, v in (space.bracket(a, other) - out).terms.items() if abs(v) > 1e-15
        }
    # a function of the length commutes with everything
    square = minus.dag() * minus + z * z
    assert not space.bracket(square, z * z * x + b.dag() * minus).terms
    # Jacobi
    f, g, h = b.dag() * minus + z, x * b * b, z * z + b.dag() * b
    total = (
        space.bracket(f, space.bracket(g, h))
        + space.bracket(g, space.bracket(h, f))
        + space.bracket(h, space.bracket(f, g))
    )
    assert all(abs(v) < 1e-14 for v in total.terms.values())


def test_outside_of_the_domain():
    space, b, c = two_modes()
    root = space.power(1 - b.dag() * b - c.dag() * c, 0.5)
    assert space.compiled([root])(0.0, [0.6, 0.0])[0] == pytest.approx(0.8)
    with pytest.raises(ValueError, match="domain"):
        space.compiled([root])(0.0, [1.1, 0.0])
    space, b, _ = two_modes()
    inverse = space.power(1 - b.dag() * b, -1)
    assert space.compiled([inverse])(0.0, [2.0, 0.0])[0] == pytest.approx(-1 / 3)
    with pytest.raises(ValueError, match="domain"):
        space.compiled([inverse])(0.0, [1.0, 0.0])
