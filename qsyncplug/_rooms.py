"""Rooms that are imported when one of their names is asked for, so that importing stays quick."""

from __future__ import annotations

__all__ = ["LATER"]

#: room -> its public names; a test holds that they are those of its ``__all__``
LATER: dict[str, tuple[str, ...]] = {
    room: tuple(names.split())
    for room, names in {
        "waves": """
            AliasingError AliasingWarning BlowUpError GlobalExistenceWarning GridHamiltonian
            Influence Locking LockingRegime NonUniquenessError NormalizationWarning
            QuadraticPotential UndefinedCentreError UnstableSetWarning absolute_kernel
            alignment_rates effective_coupling heavy_tail_kernel locking_regime
            synchronization_rate two_oscillator_correlation vanishing_time
        """,
        "lohe": """
            SchrodingerLohe SchrodingerLoheResult SchrodingerLoheSolver SynchronizedLimit
            TrajectoriesResult slsolve sltrajectories steady_spectrum synchronized_limit
            wedge_counterexample
        """,
        "wigner": """
            Hydrodynamics PairHydrodynamics PhaseSpace PhaseSpaceError PhaseSpaceWarning
            WignerLohe WignerLoheResult WignerLoheSolver WignerMatrix fock_grid h1_distance
            hydrodynamic_distances hydrodynamic_residuals hydrodynamics inverse_wigner_transform
            moyal_overlap pair_hydrodynamics phase_space_diagnostics qutip_wigner run_residuals
            state_diagnostics theta_operator wigner_transform wlsolve
        """,
        "circle": """
            AttentionCertificate Basin Chimera Circle CircleResult CircleSolver CirculantState
            ClusterState CoalesceResult Criterion GapProof Interaction LockedState MoebiusResult
            MoebiusSolver OttAntonsen OttAntonsenResult OttAntonsenSolver Populations Sphere
            SphereResult SphereSolver Stability StableState StationaryError
            SynchronizationCertificate ThreeClusterRange WidthError attention attention_threshold
            basin_of_synchronization batch_average bimodal_threshold certify_attention
            certify_synchronization chimera_state circlesolve circulant_density circulant_spectrum
            coalesce critical_coupling cross_ratios delay_frequencies delay_threshold
            densest_circulant energy find_stable_states fourier gaussian_noise_threshold
            inertia_growth inertia_threshold interaction lag_order_parameter linear_growth
            local_order_parameters locked_state locking_bound lorentz_order_parameter
            mean_square_order noise_growth noise_order_parameter noise_threshold oasolve
            polygon_state retrapping_drive sine spheresolve stability stationary_order_parameter
            synchronization_criterion three_cluster_arcs three_cluster_bound three_cluster_range
            three_cluster_sizes three_cluster_states three_cluster_threshold three_cluster_weights
            triad_order_parameters twisted_state_stability velocity wssolve
        """,
        "published": """
            CORRECTIONS Correction PublishedFigure PublishedResult PublishedSolver
            PublishedSpinChains SingularEquationsError Statement
        """,
        "comparison": "Comparison compare",
        "plot": """
            anim_circle anim_wave_packets anim_wigner_function plot_centres plot_circle
            plot_circle_order plot_comparison plot_correlations plot_criterion plot_dendrogram
            plot_densities plot_dtwa plot_entrainment plot_gram plot_hydrodynamics plot_interaction
            plot_limit_cycle plot_masses plot_measure plot_order_parameter plot_phase_distribution
            plot_published_figure plot_relative_phase plot_spectrum plot_spin_phase plot_sweep
            plot_trajectories plot_verdict plot_wigner_function plot_wigner_matrix
        """,
        "sweeps": "SweepError sweep",
    }.items()
}
