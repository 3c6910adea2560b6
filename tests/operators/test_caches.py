"""What is remembered of products stays small, however many systems come and go."""

import gc
import sys
import tracemalloc

import qsyncplug as qsp


def caches():
    """Every cache of products in the rooms that handle expressions."""
    rooms = ("qsyncplug.operators", "qsyncplug.approximate")
    found = {}
    for name, module in list(sys.modules.items()):
        if name.startswith(rooms):
            for value in vars(module).values():
                if hasattr(value, "cache_info"):
                    found[id(value)] = value
    return list(found.values())


def equations(n):
    """Moments of a cavity and ensembles, of symbols that nobody has seen before."""
    (b,), A = qsp.modes(1), qsp.atoms(*[100] * n)
    H = sum((0.1 * (b * a.p + b.dag() * a.m) for a in A), 0.3 * b.dag() * b)
    system = qsp.System(H, [b] + [0.7 * a.each.p for a in A])
    return qsp.approximate.cumulants.Closure(system, 2, neutral=False).arrays()


def test_caches_of_many_systems_stay_below_ten_megabytes():
    for cache in caches():
        assert cache.cache_info().maxsize is not None
        cache.cache_clear()
    gc.collect()
    tracemalloc.start()
    try:
        # more products than are remembered
        for _ in range(8):
            equations(6)
        gc.collect()
        full = [c.cache_info() for c in caches()]
        before = tracemalloc.get_traced_memory()[0]
        for cache in caches():
            cache.cache_clear()
        gc.collect()
        held = before - tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert any(info.currsize == info.maxsize for info in full)
    assert held < 10e6
