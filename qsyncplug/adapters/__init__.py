"""Result → view: one small file a family, and one for plain QuTiP results."""

from importlib import import_module

from ..core import late
from ..sync.reading import FINDERS, synchronization
from . import _ensembles, _phases, bosons, cumulants, plain, samples, spins

__all__ = ["synchronization"]

#: rooms that are imported when they are used, and the modules that read their results
_LATER = {
    "qsyncplug.circle": ("circle", "particles"),
    "qsyncplug.lohe": ("lohe",),
    "qsyncplug.wigner": ("wigner",),
}


def _import_readers(module: str) -> None:
    """Of a class of that module."""
    for name in _LATER.get(".".join(module.split(".")[:2]), ()):
        import_module(f".{name}", __name__)


def _import_all() -> None:
    for room in _LATER:
        _import_readers(room)


FINDERS.append(_import_readers)
# what files hold of views may be functions of any adapter
late.promise(_import_all)

del _ensembles, _phases, bosons, cumulants, plain, samples, spins
