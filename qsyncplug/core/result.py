"""What comes out of a solver."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import qutip

from . import storage
from .stats import Stats

__all__ = ["Result"]


class Result(qutip.solver.result.Result):
    """Times, arrays and statistics of a run; a ``qutip.solver.result.Result`` with named arrays.

    A subclass lists its arrays in ``_fields`` with the name of each axis, time
    first; printing, saving, trimming and :meth:`to_xarray` follow from that.

    Attributes
    ----------
    times : ndarray of shape (T,)
        Output times reached.
    model : object
        The system that was run, or None for a file of a model that cannot be stored.
    stats : Stats
        How the run went: method, steps, times, ``"drift"`` with the worst drift of
        each invariant, ``"neglected"`` with what the approximation leaves out.
    """

    #: name of each array -> names of its axes
    _fields: ClassVar[dict[str, tuple[str, ...]]] = {}
    #: how its runs are described; subclasses may extend it
    _stats_type: ClassVar[type[Stats]] = Stats

    def __init__(self, e_ops: Any, options: dict[str, Any], *, model: Any = None, **kw: Any):
        self.model = model
        super().__init__(e_ops, options, **kw)
        self.stats = self._stats_type.of(self.stats)

    def __init_subclass__(cls, **kw: Any):
        super().__init_subclass__(**kw)
        storage.register(cls)

    def _e_op_func(self, e_op: Any) -> Any:
        """Refuse by name what is no function (QuTiP's own message names only the object)."""
        if not callable(e_op):
            raise TypeError(
                f"e_ops must be a function f(t, state), or a list or dict of them; got {e_op!r:.60}"
            )
        return super()._e_op_func(e_op)

    # ------------------------------------------------------------ recording

    def _allocate(self, count: int) -> None:
        """Make the arrays for `count` outputs; subclasses extend ``_shapes``."""
        self.times = np.empty(count)
        for name, (shape, dtype) in self._shapes().items():
            setattr(self, name, np.empty((count, *shape), dtype=dtype))

    def _shapes(self) -> dict[str, tuple[tuple[int, ...], type]]:
        """Shape (without time) and type of each array."""
        return {}

    def _record(self, start: int, times: np.ndarray, rows: np.ndarray) -> None:
        """Store the solver's `rows` (one an output) from index `start`; subclasses fill their
        arrays.
        """
        self.times[start : start + len(times)] = times

    def _state(self, t: float, row: np.ndarray) -> Any:
        """The state at time `t` that expectation functions are given and ``states`` holds."""
        return row.copy()

    def _trim(self, count: int) -> None:
        """Keep the first `count` outputs."""
        self.times = self.times[:count]
        for name in self._fields:
            value = getattr(self, name, None)
            if isinstance(value, np.ndarray):
                setattr(self, name, value[:count])
        # in place: the recorders hold these lists
        for values in self.e_data.values():
            del values[count:]
        states = vars(self).get("states")
        if isinstance(states, list):
            del states[count:]

    # ------------------------------------------------------------ reading

    @property
    def nbytes(self) -> int:
        """Bytes held in arrays."""
        total = np.asarray(self.times).nbytes
        for name in self._fields:
            value = getattr(self, name, None)
            total += value.nbytes if isinstance(value, np.ndarray) else 0
        for state in self.states:
            if isinstance(state, np.ndarray):
                total += state.nbytes
            elif isinstance(state, qutip.Qobj):
                total += 16 * state.shape[0] * state.shape[1]
        return total

    def __repr__(self) -> str:
        stats = self.stats
        lines = [f"<{type(self).__name__}: {self.solver}"]

        def row(label: str, text: str) -> None:
            lines.append(f"  {label:<16}{text}")

        if self.model is not None:
            row("model", str(self.model).splitlines()[0][:100])
        row(
            "method",
            str(stats.get("method", "?"))
            + (f" ({stats['method reason']})" if "method reason" in stats else ""),
        )
        if len(self.times):
            row("times", f"{len(self.times)} from {self.times[0]:g} to {self.times[-1]:g}")
        if "steps accepted" in stats:
            row(
                "steps",
                f"{stats['steps accepted']} accepted, {stats['steps rejected']} rejected, "
                f"{stats['right-hand sides']} right-hand sides",
            )
        shapes = [
            f"{name} {getattr(self, name).shape}"
            for name in self._fields
            if isinstance(getattr(self, name, None), np.ndarray)
        ]
        row("arrays", ", ".join(shapes) or "none")
        row("states", f"{len(self.states)} stored" if self.states else "not stored")
        if self.e_ops:
            row("e_ops", ", ".join(map(str, self.e_data)))
        row("memory", f"{self.nbytes / 1e6:.3g} MB")
        drift = stats.get("drift", {})
        if drift:
            worst = max(drift, key=lambda k: drift[k])
            row("worst drift", f"{drift[worst]:.2g} ({worst})")
        for text in stats.get("neglected", ()):
            row("neglected", text)
        if "stopped" in stats:
            row("stopped early", str(stats["stopped"]))
        row("time", f"{stats.get('run time', float('nan')):.3g} s")
        return "\n".join(lines) + " >"

    def to_xarray(self) -> Any:
        """The arrays as an ``xarray.Dataset`` with the times as coordinate.

        Raises
        ------
        ImportError
            xarray is not installed.
        """
        try:
            import xarray
        except ImportError as error:
            raise ImportError("to_xarray needs xarray: pip install xarray") from error
        data = {}
        for name, axes in self._fields.items():
            value = getattr(self, name, None)
            if isinstance(value, np.ndarray):
                data[name] = (axes, value)
        for key, values in self.e_data.items():
            data[f"expect_{key}"] = (("time",), np.asarray(values))
        attrs = {"solver": str(self.solver), "model": str(self.model)}
        return xarray.Dataset(data, coords={"time": np.asarray(self.times)}, attrs=attrs)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the result to `path` (NumPy's npz, no pickle); :func:`qsyncplug.load` reads it
        back.
        """
        storage.save(self, path)

    # ------------------------------------------------------------ storage hooks

    def _to_store(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Header (JSON) and arrays."""
        arrays = {"times": np.asarray(self.times)}
        for name in self._fields:
            value = getattr(self, name, None)
            if isinstance(value, np.ndarray):
                arrays[name] = value
        header: dict[str, Any] = {
            "solver": self.solver,
            "options": self.options,
            "stats": dict(self.stats),
        }
        header["e_ops"] = []
        for k, (key, values) in enumerate(self.e_data.items()):
            values = np.asarray(values)
            if values.dtype != object:
                arrays[f"expect:{k}"] = values
                header["e_ops"].append(key if isinstance(key, (int, str)) else str(key))
        if hasattr(self.model, "to_dict"):
            header["model"] = self.model.to_dict()
        else:
            header["model_text"] = str(self.model)
        states = list(self.states)
        if states:
            if isinstance(states[0], qutip.Qobj):
                header["states"] = {"kind": "Qobj", "dims": states[0].dims}
                arrays["states"] = np.stack([s.full() for s in states])
            else:
                header["states"] = {"kind": "array"}
                arrays["states"] = np.stack([np.asarray(s) for s in states])
        final = self._final_state
        if isinstance(final, qutip.Qobj):
            header["final"] = {"kind": "Qobj", "dims": final.dims}
            arrays["final"] = final.full()
        return header, arrays

    @classmethod
    def _from_store(cls, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> Result:
        """Rebuild what :meth:`_to_store` gave."""
        self = cls.__new__(cls)
        qutip.solver.result._BaseResult.__init__(
            self,
            header["options"],
            solver=header["solver"],
            stats=cls._stats_type.of(header["stats"]),
        )
        self.model = storage.build_model(header["model"]) if "model" in header else None
        self.times = arrays["times"]
        self._final_state = None
        self.e_ops = dict.fromkeys(header["e_ops"])
        self.e_data = {key: list(arrays[f"expect:{k}"]) for k, key in enumerate(header["e_ops"])}
        for name in cls._fields:
            setattr(self, name, arrays.get(name))
        kind = header.get("states")
        if kind is None:
            self.states = []
        elif kind["kind"] == "Qobj":
            self.states = [qutip.Qobj(a, dims=kind["dims"]) for a in arrays["states"]]
        else:
            self.states = list(arrays["states"])
        if "final" in header:
            self._final_state = qutip.Qobj(arrays["final"], dims=header["final"]["dims"])
        return self


StateFunction = Callable[[float, Any], Any]
