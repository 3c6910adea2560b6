"""Two spin chains as published: the equations, their figures, and their place in files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.saved import PlainModel
from .equations import PublishedEquations
from .figures import PublishedFigure, figure

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["PublishedSpinChains"]


@dataclass(frozen=True)
class PublishedSpinChains(PublishedEquations, PlainModel):
    r"""Two spin chains as published: the mean field of appendix B, the fluctuations of appendix C,
    eqs (13) to (21).

    Without corrections every equation is the printed one, **with its mistakes** (see
    :data:`CORRECTIONS`); for the physics use :class:`SpinChains`. With :math:`A_j=1-|β_j|^2/4N_j`,
    :math:`a_j=1+2|β_j|^2`, :math:`R_j=iω_jλ^2t/2N_j`,
    :math:`X=Σ_j g_j(|β_j|^2-N_j)/\sqrt{N_j}` and :math:`θ=(ω_2B_2-ω_1B_1)/2`,

    .. math::
        \dot β_1 =
        \Big[iθ-\tfrac{γ_l}2-\tfrac{γ_{nl}}{N_1^2}(|β_1|^4+2|β_1|^2)-\tfrac2{N_1}\sqrt{γ_lγ_{nl}}|β_1|^2\Big]β_1
        + \tfrac{i⟨σ_z⟩}{X}\Big[g_1^2\Big(\tfrac{|β_1|^2}{N_1}-\tfrac{3|β_1|^4}{16N_1^2}-1\Big)β_1 +
        g_1g_2A_2\Big\{β_2^*e^{R_1a_1-R_2a_2}\Big(\tfrac{β_1^2}{4N_1}-2R_1A_1β_1^2\Big) +
        β_2e^{R_2a_2-R_1a_1}\Big(\tfrac{|β_1|^2β_1}{4N_1}+2R_1A_1|β_1|^2-A_1\Big)\Big\}\Big]

    and the same with 1 and 2 exchanged and θ reversed.

    Parameters
    ----------
    n : pair of int
        Spins N_j ≥ 1 of the chains.
    g : pair of float
        Coupling of each chain to the central spin.
    sigma_z : float
        ⟨σz⟩ of the central spin, from −1 to 1.
    omega : pair of float
        Frequencies ω_j.
    exchange : float
        λ, from 0 to 1.
    linear_loss, nonlinear_loss : float
        γ_l and γ_nl.
    thermal : float
        Occupation n̄ of the bath.
    corrections : sequence of str, str or "all"
        Names from :data:`CORRECTIONS`. ``"all"`` gives equations that follow from one Hamiltonian
        and one set of jump operators: the fluctuation matrix is the Jacobian of the drift and the
        covariance stays physical.
    x : float, optional
        X frozen at this value; by default it follows the amplitudes, as in the paper. See
        :meth:`frozen`.
    detuning : float
        δ=ω0−ν of the central spin, used by the correction "eq7_factor_two".

    Raises
    ------
    ValueError, TypeError
        A number is out of range, or a correction unknown.

    Notes
    -----
    J. Ghildiyal, Manju, S. Dasgupta, A. Biswas, *Quantum synchronization between two spin chains
    using pseudo-bosonic equivalence*. Amplitudes are those of the rotating frame b1 → b1 exp(−iθt),
    b2 → b2 exp(iθt).

    Examples
    --------
    >>> published = PublishedSpinChains()
    >>> bool(abs(published.drift(0.0, [0, 0])).max() == 0)  # the initial state does not move
    True
    """

    def figure(
        self,
        name: str,
        *,
        beta0: ArrayLike = (1.0, 1.0),
        end: float = 1e4,
        n_times: int = 10001,
        thermal: ArrayLike = (0.0, 0.5, 1.0, 2.0, 3.0, 5.0),
    ) -> PublishedFigure:
        """Run a figure of the paper, with these corrections, and judge what is said about it.

        Parameters
        ----------
        name : str
            "2a" … "2i", "3a" or "3b". The panels a–c, d–f and g–i of Fig. 2 are the same runs.
        beta0 : array_like of shape (2,)
            Initial amplitudes. The paper's (0, 0) never leave the origin.
        end : float
            Last time, in units of 1/ω1.
        n_times : int
            Number of output times, at least 100.
        thermal : array_like
            Values of n̄ for "3b".

        Returns
        -------
        PublishedFigure
            Printing it lists each statement with "holds" or "FAILS" and the evidence.

        Raises
        ------
        ValueError
            Unknown name or bad numbers.

        Examples
        --------
        >>> figure = PublishedSpinChains().figure("2a", beta0=(2, 2))
        >>> round(figure.singular_at, 2)      # the printed equations end there
        4.27
        """
        return figure(self, name, beta0=beta0, end=end, n_times=n_times, thermal=thermal)
