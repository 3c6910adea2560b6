"""Appendices A to C of the paper in its own notation and 40 digits, transcribed apart from the
kernel.
"""

from mpmath import conj, exp, mp, mpc, mpf, sqrt

mp.dps = 40


class Printed:
    def __init__(self, n, g, sigma_z, omega, lam, gl, gnl, t, beta):
        self.N1, self.N2 = (mpf(v) for v in n)
        self.g1, self.g2 = (mpf(v) for v in g)
        self.sz, self.gl, self.gnl = mpf(sigma_z), mpf(gl), mpf(gnl)
        self.b1, self.b2 = (mpc(complex(b)) for b in beta)
        lam, t = mpf(lam), mpf(t)
        w1, w2 = (mpf(v) for v in omega)
        B1 = lam**2 * (1 - 1 / (2 * self.N1)) + 1 / self.N1
        B2 = lam**2 * (1 - 1 / (2 * self.N2)) + 1 / self.N2
        self.theta = w2 / 2 * B2 - w1 / 2 * B1
        self.m1, self.m2 = abs(self.b1) ** 2, abs(self.b2) ** 2
        self.R1 = mpc(0, 1) * w1 * lam**2 / (2 * self.N1) * t
        self.R2 = mpc(0, 1) * w2 * lam**2 / (2 * self.N2) * t
        self.a1, self.a2 = 1 + 2 * self.m1, 1 + 2 * self.m2
        self.A1, self.A2 = 1 - self.m1 / (4 * self.N1), 1 - self.m2 / (4 * self.N2)
        self.X = self.g1 / sqrt(self.N1) * (self.m1 - self.N1) + self.g2 / sqrt(self.N2) * (
            self.m2 - self.N2
        )
        self.pre = mpc(0, 1) * self.sz / self.X

    def swapped(self):
        """The same with 1 and 2 exchanged."""
        other = object.__new__(Printed)
        for name, value in vars(self).items():
            if name[-1] in "12":
                setattr(other, name[:-1] + ("2" if name[-1] == "1" else "1"), value)
            else:
                setattr(other, name, value)
        other.theta = -self.theta
        return other

    def B1(self):
        s, i = self, mpc(0, 1)
        return (
            i * s.theta * s.b1
            - s.gl / 2 * s.b1
            - s.gnl / s.N1**2 * s.m1**2 * s.b1
            - 2 * s.gnl / s.N1**2 * s.m1 * s.b1
            - 2 / s.N1 * sqrt(s.gl * s.gnl) * s.m1 * s.b1
            + s.pre
            * (
                s.g1**2 * s.m1 * s.b1 / s.N1
                - 3 * s.g1**2 * s.m1**2 * s.b1 / (16 * s.N1**2)
                - s.g1**2 * s.b1
                + s.g1
                * s.g2
                * conj(s.b2)
                * exp(-s.R2 * s.a2 + s.R1 * s.a1)
                * s.A2
                * (s.b1**2 / (4 * s.N1) - 2 * s.R1 * s.A1 * s.b1**2)
                + s.g1
                * s.g2
                * s.A2
                * exp(s.R2 * s.a2 - s.R1 * s.a1)
                * s.b2
                * (s.m1 * s.b1 / (4 * s.N1) + 2 * s.R1 * s.A1 * s.m1 - s.A1)
            )
        )

    def A1_without_noise(self, misprint=False):
        """(A1); with `misprint` the first line of the braces ends in the other amplitude, as (A2)
        prints it.
        """
        s, i = self, mpc(0, 1)
        b, c = s.b1, s.b2
        up1, up2 = exp(s.R1 * s.a1), exp(s.R2 * s.a2)
        return (
            i * s.theta * b
            - s.gl / 2 * b
            - s.gnl / s.N1**2 * conj(b) ** 2 * b**3
            - 2 * s.gnl / s.N1**2 * conj(b) * b**2
            - 2 / s.N1 * sqrt(s.gl * s.gnl) * conj(b) * b**2
            + s.pre
            * (
                s.g1**2 * (s.m1 / (2 * s.N1) - 1) * s.A1 * (c if misprint else b)
                + s.g1**2 * conj(b) * s.A1 * b**2 / (4 * s.N1)
                + s.g1
                * s.g2
                * conj(c)
                / up2
                * s.A2
                * (b / (4 * s.N1) * up1 * b - 2 * s.R1 * s.A1 * up1 * b**2)
                + s.g1
                * s.g2
                * (
                    conj(b) / up1 * b / (4 * s.N1)
                    + 2 * s.R1 * conj(b) / up1 * b * s.A1
                    - s.A1 / up1
                )
                * s.A2
                * up2
                * c
            )
        )

    def E1(self, denominator):
        """E1; E7 has 2N in place of N in one `denominator`."""
        s, i = self, mpc(0, 1)
        p1, m1, p2, m2 = exp(s.R1 * s.a1), exp(-s.R1 * s.a1), exp(s.R2 * s.a2), exp(-s.R2 * s.a2)
        return (
            i * s.theta
            - s.gl / 2
            - 3 / s.N1 * s.gnl * s.m1**2
            - 4 / s.N1**2 * s.gnl * s.m1
            - 4 / s.N1 * sqrt(s.gl * s.gnl) * s.m1
            + s.pre
            * (
                s.g1 * (3 * s.m1 / (2 * s.N1) - 9 * s.m1**2 / (16 * s.N1**2) - 1)
                + s.g1
                * s.g2
                * s.A2
                * s.b1
                * conj(s.b2)
                * m2
                * (
                    1 / (2 * s.N1) * p1
                    + s.R1 * (conj(s.b1) / (2 * s.N1))
                    + s.R1 * s.m1 * p1 / (2 * s.N1)
                    - 4 * s.R1**2 * s.A1 * s.m1
                    - 4 * s.R1 * s.A1 * p1
                )
                + s.g1
                * s.g2
                * s.A2
                * conj(s.b1)
                * s.b2
                * p2
                * (
                    -s.R1 * (s.m1 / (2 * s.N1))
                    + 1 / (denominator * s.N1) * m1
                    - 4 * s.R1**2 * s.m1 * s.A1
                    + 2 * s.R1 * m1 * s.A1
                    + 2 * s.R1 * s.A1
                    - s.R1 * m1 * s.m1 / (2 * s.N1)
                )
            )
        )

    def E2(self):
        s = self
        p1, m1, p2, m2 = exp(s.R1 * s.a1), exp(-s.R1 * s.a1), exp(s.R2 * s.a2), exp(-s.R2 * s.a2)
        return (
            -2 / s.N1**2 * s.gnl * s.m1 * s.b1**2
            - 2 / s.N1**2 * s.gnl * s.b1**2
            - 2 / s.N1 * sqrt(s.gl * s.gnl) * s.b1**2
            + s.pre
            * (
                s.g1 * (3 * s.m1 / (2 * s.N1) - 9 * s.m1**2 / (16 * s.N1**2) - 1)
                + s.g1
                * s.g2
                * s.R1
                * s.A2
                * s.b1**2
                * conj(s.b2)
                * m2
                * (1 / (2 * s.N1) + s.b1 / (2 * s.N1) * p1 - 4 * s.R1 * s.A1 * s.b1)
                + s.g1
                * s.g2
                * s.A2
                * s.b1
                * s.b2
                * p2
                * (
                    1 / (2 * s.N1) * m1
                    - s.R1 * (s.m1 / (2 * s.N1))
                    + 2 * s.R1 * s.A1 * m1
                    - 4 * s.A1 * s.R1**2 * s.m1
                    - s.R1 * (s.m1 / (2 * s.N1)) * m1
                    + 2 * s.R1 * s.A1
                )
            )
        )

    def E3(self):
        s = self
        p1, m1, p2, m2 = exp(s.R1 * s.a1), exp(-s.R1 * s.a1), exp(s.R2 * s.a2), exp(-s.R2 * s.a2)
        return (
            s.g1
            * s.g2
            * s.pre
            * (
                s.b1**2
                * conj(s.b2) ** 2
                * p1
                * (2 * s.R2 * s.A2 + m2 / (4 * s.N2))
                * (2 * s.R1 * s.A1 - 1 / (4 * s.N1))
                + m1
                * (2 * s.A2 * s.R2 * s.m2 - p2 * s.m2 / (4 * s.N2) + s.A2 * p2)
                * (s.m1 / (4 * s.N1) + 2 * s.R1 * s.A1 * s.m1 - s.A1)
            )
        )

    def E4(self):
        s = self
        p1, m1, p2, m2 = exp(s.R1 * s.a1), exp(-s.R1 * s.a1), exp(s.R2 * s.a2), exp(-s.R2 * s.a2)
        return (
            s.g1
            * s.g2
            * s.pre
            * (
                p1
                * s.b1**2
                * (-2 * s.R2 * s.A2 * s.m2 + s.A2 * m2 - m2 * s.m2 / (4 * s.N2))
                * (1 / (4 * s.N1) - 2 * s.R1 * s.A1)
                + m1
                * s.b2**2
                * (2 * s.R2 * s.A2 - p2 / (4 * s.N2))
                * (s.m1 / (4 * s.N1) + 2 * s.R1 * s.A1 * s.m1 - s.A1)
            )
        )

    def drift(self):
        return [complex(self.B1()), complex(self.swapped().B1())]

    def langevin(self):
        return [
            complex(self.A1_without_noise()),
            complex(self.swapped().A1_without_noise(misprint=True)),
        ]

    def fluctuations(self):
        o = self.swapped()
        rows = [[self.E1(1), self.E2(), self.E3(), self.E4()], [o.E3(), o.E4(), o.E1(2), o.E2()]]
        return [[complex(v) for v in row] for row in rows]

    def noise(self, thermal):
        out = []
        for b, m, N in ((self.b1, self.m1, self.N1), (self.b2, self.m2, self.N2)):
            U = sqrt(self.gl) + sqrt(self.gnl) / N * (2 * m - b**2)
            out.append(float(abs(U) ** 2 * (mpf(thermal) + mpf("0.5"))))
        return out
