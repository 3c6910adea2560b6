"""qsyncplug: quantum synchronisation with QuTiP.

A system is written once, run exactly with QuTiP and approximately with compiled
solvers, and both are read off with the same measures.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import (
    _kernels,  # noqa: F401  (first: it finds the compiled kernels)
    adapters,  # noqa: F401  (so that views of results are known)
    approximate,
    exact,
    models,
    operators,
    sync,
)
from ._rooms import LATER
from .approximate import *  # noqa: F403
from .core import Grid, errors, late, load, resume
from .core.entry import exactsolve, mfsolve, predictions, steadystate
from .core.errors import *  # noqa: F403
from .core.predictions import Outcome, Prediction, Predictions
from .core.version import VERSION
from .exact import *  # noqa: F403
from .models import *  # noqa: F403
from .operators import *  # noqa: F403
from .sync import *  # noqa: F403

__version__ = VERSION

__all__ = [
    "Grid",
    "Outcome",
    "Prediction",
    "Predictions",
    "__version__",
    "exactsolve",
    "load",
    "mfsolve",
    "predictions",
    "resume",
    "steadystate",
]
__all__ += errors.__all__
__all__ += approximate.__all__
__all__ += exact.__all__
__all__ += models.__all__
__all__ += operators.__all__
__all__ += sync.__all__

if TYPE_CHECKING:
    from . import circle, lohe, plot, published, sweeps, waves, wigner
    from .circle import *  # noqa: F403
    from .comparison import Comparison, compare
    from .lohe import *  # noqa: F403
    from .plot import *  # noqa: F403
    from .published import *  # noqa: F403
    from .sweeps import *  # noqa: F403
    from .waves import *  # noqa: F403
    from .wigner import *  # noqa: F403

    __all__ += circle.__all__
    __all__ += ["Comparison", "compare"]
    __all__ += lohe.__all__
    __all__ += plot.__all__
    __all__ += published.__all__
    __all__ += sweeps.__all__
    __all__ += waves.__all__
    __all__ += wigner.__all__
else:
    _room_of = {name: room for room, names in LATER.items() for name in (room, *names)}
    __all__ += [name for name in _room_of if name not in LATER]

    def _rooms() -> list[Any]:
        """Import every room, also those that wait until a name of theirs is asked for."""
        return [import_module(f".{room}", __name__) for room in LATER]

    # files and their solvers may be of any room
    late.promise(_rooms)

    def __getattr__(name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        rooms = [_room_of[name]] if name in _room_of else LATER
        for room in rooms:
            module = import_module(f".{room}", __name__)
            value = module if name == room else getattr(module, name, None)
            if value is not None:
                # asked for once
                return globals().setdefault(name, value)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__, *LATER})
