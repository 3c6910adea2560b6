"""What comes out of a solver."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import qutip

from . import storage
from .checks import check_flag
from .encoding import decode, encode
from .errors import StorageError, warn
from .extras import need
from .html import table
from .stats import Stats
from .types import EOps, Model, Options

if TYPE_CHECKING:
    import xarray

__all__ = ["Result"]


# QuTiP has no types
class Result(qutip.solver.result.Result):  # type: ignore[misc]
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
    stats: Stats
    #: how its runs are described; subclasses may extend it
    _stats_type: ClassVar[type[Stats]] = Stats

    def __init__(
        self,
        e_ops: EOps,
        options: Options,
        *,
        model: Model | None = None,
        solver: str | None = None,
        stats: Mapping[str, Any] | None = None,
    ):
        self.model: Any = model
        super().__init__(e_ops, options, solver=solver, stats=stats)
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
        shapes = self._shapes()
        for name, (shape, dtype) in shapes.items():
            setattr(self, name, np.empty((count, *shape), dtype=dtype))
        for name in self._fields:
            # what this run does not give is None, as it is after a file
            if name not in shapes and not hasattr(type(self), name):
                setattr(self, name, None)

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

    def _continue(self, partial: Result, done: int) -> None:
        """Take the first `done` outputs from the result of an earlier part of the run."""
        if len(partial.times) < done:
            raise StorageError("the checkpoint holds fewer outputs than it says")
        self.times[:done] = partial.times[:done]
        for name in self._fields:
            here, before = getattr(self, name, None), getattr(partial, name, None)
            if isinstance(here, np.ndarray) and isinstance(before, np.ndarray):
                here[:done] = before[:done]
        for key, values in self.e_data.items():
            values.extend(partial.e_data[key][:done])
        states = vars(self).get("states")
        if isinstance(states, list):
            states.extend(list(vars(partial).get("states") or ())[:done])

    def _add_stats(self, partial: Result) -> None:
        """The time and the worst drifts of an earlier part of the run count too."""
        before = partial.stats
        if before.run_time is not None and self.stats.run_time is not None:
            self.stats.run_time += before.run_time
        drift = self.stats.drift
        if drift is not None:
            for name, value in (before.drift or {}).items():
                drift[name] = max(drift.get(name, 0.0), value)

    def _complete(self) -> None:
        """After the last output, reached or not: what is read off the arrays."""

    # ------------------------------------------------------------ reading

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays and states that the result holds; those made when asked for do not
        count.
        """
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

    def _repr_html_(self) -> str:
        title, *lines = repr(self).rstrip(">").split("\n")
        rows = [(line[:18].strip(), line[18:].strip()) for line in lines]
        return table(title.lstrip("<"), rows)

    def _counts(self) -> tuple[tuple[str, str], ...]:
        """What is printed before the arrays: label and text of every line."""
        return ()

    def _kept(self) -> tuple[str, str]:
        """What is printed of the states: their name, and where they are."""
        return "states", f"{len(self.states)} stored" if self.states else "not stored"

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
        counts = ("steps accepted", "steps rejected", "right-hand sides")
        if all(name in stats for name in counts):
            accepted, rejected, sides = (stats[name] for name in counts)
            row("steps", f"{accepted} accepted, {rejected} rejected, {sides} right-hand sides")
        shapes = [
            f"{name.lstrip('_')} {getattr(self, name).shape}"
            for name in self._fields
            if isinstance(getattr(self, name, None), np.ndarray)
        ]
        for label, text in self._counts():
            row(label, text)
        row("arrays", ", ".join(shapes) or "none")
        row(*self._kept())
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
        if "run time" in stats:
            row("time", f"{stats['run time']:.3g} s")
        return "\n".join(lines) + " >"

    def to_xarray(self, *, real: bool = False) -> xarray.Dataset:
        """The arrays as an ``xarray.Dataset`` with the times as coordinate.

        Parameters
        ----------
        real : bool
            Two real arrays, ``name_real`` and ``name_imag``, for every complex one: what
            ``.to_netcdf(path)`` can write.

        Raises
        ------
        ImportError
            xarray is not installed.
        """
        need("xarray", "sweep", "to_xarray")
        data: dict[str, tuple[tuple[str, ...], np.ndarray]] = {}
        for name, axes in self._fields.items():
            value = getattr(self, name, None)
            if isinstance(value, np.ndarray):
                data[name] = (axes, value)
        for key, array in self._expectations():
            own = (f"expect_{key}_{k}" for k in range(array.ndim - 1))
            data[f"expect_{key}"] = (("time", *own), array)
        return self._dataset(data, real)

    def _expectations(self) -> Iterator[tuple[Any, np.ndarray]]:
        """Key and values, (T, ...), of every entry of ``e_ops`` that arrays can hold."""
        for key, values in self.e_data.items():
            array = _numbers(values)
            if array is None:
                warn(f"e_ops[{key!r}] holds no numbers of one shape and is left out of the dataset")
            else:
                yield key, array

    def _dataset(
        self, data: dict[str, tuple[tuple[str, ...], np.ndarray]], real: bool
    ) -> xarray.Dataset:
        """Named arrays over the times; complex ones in two parts if they shall be `real`."""
        import xarray

        if check_flag("real", real):
            parts = {}
            for name, (axes, array) in data.items():
                if array.dtype.kind != "c":
                    parts[name] = (axes, array)
                else:
                    parts[f"{name}_real"], parts[f"{name}_imag"] = (
                        (axes, array.real.copy()),
                        (axes, array.imag.copy()),
                    )
            data = parts
        attrs = {"solver": str(self.solver), "model": self._model_text()}
        return xarray.Dataset(data, coords={"time": np.asarray(self.times)}, attrs=attrs)

    # ------------------------------------------------------------ copies

    def __copy__(self) -> Result:
        other = type(self).__new__(type(self))
        other.__dict__.update(vars(self))
        return other

    def __getstate__(self) -> dict[str, Any]:
        """Without the recorders, and without functions that belong to one process."""
        state = dict(vars(self))
        state["_state_processors"] = []
        state["e_ops"] = {key: _portable(op) for key, op in self.e_ops.items()}
        return state

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the result to `path` (NumPy's npz, no pickle); :func:`qsyncplug.load` reads it
        back.
        """
        storage.save(self, path)

    # ------------------------------------------------------------ storage hooks

    def _to_store(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Header (JSON) and arrays."""
        arrays = {"times": np.asarray(self.times)}
        fields = [n for n in self._fields if isinstance(getattr(self, n, None), np.ndarray)]
        arrays.update((name, getattr(self, name)) for name in fields)
        header: dict[str, Any] = {
            "solver": self.solver,
            "options": encode(dict(self.options), arrays, "options", text=True),
            "stats": encode(dict(self.stats), arrays, "stats", text=True),
            "fields": fields,
            "model": storage.model_to_store(self.model, np.asarray(self.times)),
            "model_text": self._model_text(),
            "e_ops": [
                [encode(key, arrays, "e_ops"), encode(list(values), arrays, f"e_ops[{key!r}]")]
                for key, values in self.e_data.items()
            ],
            # what a property rebuilds is not stored
            "states": encode(list(vars(self).get("states") or ()), arrays, "states"),
            "final": encode(self._final_state, arrays, "final_state"),
        }
        return header, arrays

    def _model_text(self) -> str:
        """What the model calls itself, also where a file could not hold it."""
        if self.model is not None:
            return str(self.model)
        return str(vars(self).get("_text_of_model", None))

    @classmethod
    def _from_store(cls, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> Result:
        """Rebuild what :meth:`_to_store` gave; subclasses check what is their own."""
        self = cls.__new__(cls)
        options, stats = decode(header["options"], arrays), decode(header["stats"], arrays)
        if not isinstance(options, dict) or not isinstance(stats, dict):
            raise StorageError("its options or statistics are no mapping")
        said = stats.get("neglected", ())
        if not (isinstance(said, (list, tuple)) and all(isinstance(text, str) for text in said)):
            raise StorageError("what it neglects is no list of texts")
        qutip.solver.result._BaseResult.__init__(
            self, options, solver=header["solver"], stats=cls._stats_type.of(stats)
        )
        data = header["model"]
        self.model = None if data is None else storage.build_model(data)
        self._text_of_model = str(header["model_text"])
        self.times = arrays["times"]
        for name in cls._fields:
            if name in header["fields"] and name not in arrays:
                raise StorageError(f"it lacks the array {name}")
            setattr(self, name, arrays.get(name) if name in header["fields"] else None)
        self.e_data = {decode(k, arrays): decode(v, arrays) for k, v in header["e_ops"]}
        self.e_ops = dict.fromkeys(self.e_data)
        self.states = decode(header["states"], arrays)
        self._final_state = decode(header["final"], arrays)
        self._check_stored()
        return self

    def _check_stored(self) -> None:
        """Arrays of one length in time, and of one length along every axis of one name."""
        times = self.times
        if times.ndim != 1 or times.dtype.kind != "f" or np.any(np.isnan(times)):
            raise StorageError("its times are no list of times")
        if np.any(times[1:] < times[:-1]):
            raise StorageError("its times do not increase")
        lengths = {"time": times.size}
        for name, axes in self._fields.items():
            value = getattr(self, name, None)
            if value is None:
                continue
            if value.ndim != len(axes):
                raise StorageError(f"{name} has the shape {value.shape}, not ({', '.join(axes)})")
            for axis, length in zip(axes, value.shape, strict=True):
                if lengths.setdefault(axis.removesuffix("_2"), length) != length:
                    raise StorageError(f"{name} has the shape {value.shape}: {axis} differs")
        for key, values in self.e_data.items():
            if not isinstance(values, list) or len(values) != times.size:
                raise StorageError(f"e_ops[{key!r}] has not one value an output")
        if not isinstance(vars(self).get("states", []), list):
            raise StorageError("its states are no list")


def _numbers(values: list[Any]) -> np.ndarray | None:
    """Numbers, or arrays of one shape, as one array; None for anything else."""
    try:
        array = np.asarray(values)
    except ValueError:
        return None
    return array if array.dtype.kind in "biufc" else None


def _portable(op: Any) -> Any:
    """What an expectation value was made of, where that can leave the process."""
    op = getattr(op, "op", op)
    inside = getattr(op, "__qualname__", "<locals>")
    return op if isinstance(op, qutip.Qobj) or "<" not in inside else None
