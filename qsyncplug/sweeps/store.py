"""Where a sweep is kept: arrays in memory and, with a path, a zarr store that survives."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..core.archive import check_folder
from ..core.checks import check_memory, check_path
from ..core.errors import StorageError
from ..core.extras import need
from .points import OWN, Points
from .task import Outcome

__all__ = ["DONE", "FAILED", "PENDING", "Store"]

PENDING, DONE, FAILED = 0, 1, 2
_MARK = "qsyncplug_sweep"
#: a chunk of the store holds so many points, or so many bytes
_CHUNK_POINTS, _CHUNK_BYTES = 256, 2**20


class Store:
    """Every value by its point, the state of every point, and the same on disk.

    The arrays in memory are what a sweep returns. On disk each chunk is written to a new file that
    replaces the old one, values first, then the state of the points: whatever stops the program,
    a point that counts as finished has its values.

    Parameters
    ----------
    points : Points
        What is swept.
    path : path, optional
        A folder ending in .zarr; nothing is written without.
    identity : dict
        What must be the same for a later call to go on (function, measures).
    overwrite : bool
        Start again where there is one already.

    Raises
    ------
    ImportError
        zarr is missing: the extra ``sweep``.
    ValueError
        The store at `path` is of another sweep; the message says what differs.
    StorageError
        What is at `path` is no sweep, or damaged.
    """

    def __init__(self, points: Points, path: Any, identity: dict[str, Any], overwrite: bool):
        self.points = points
        self.arrays: dict[str, np.ndarray] = {}
        self.dims: dict[str, tuple[str, ...]] = {}
        self.coordinates: dict[str, tuple[tuple[str, ...], np.ndarray]] = {}
        self._disk: dict[str, Any] = {}
        self._group: Any = None
        self._lock: Any = None
        if path is not None:
            try:
                self._open(check_path("path", path), identity, overwrite)
            except BaseException:
                self.close()
                raise
        for name, dtype in (("status", np.int8), ("error", object), ("seconds", np.float64)):
            if name not in self.arrays:
                self._add(name, (), (), np.dtype(dtype))

    # ------------------------------------------------------------ what is there

    @property
    def status(self) -> np.ndarray:
        """State of every point, flat."""
        return self.arrays["status"].reshape(-1)

    def todo(self, retry: bool) -> np.ndarray:
        """Numbers of the points to run: those not yet run and, on request, those that failed."""
        status = self.status
        return np.flatnonzero((status == PENDING) | (retry & (status == FAILED)))

    # ------------------------------------------------------------ disk

    def _open(self, path: str, identity: dict[str, Any], overwrite: bool) -> None:
        zarr: Any = need("zarr", "sweep", "a sweep with a path")
        self._hold(path)
        here = {"schema": 1, **identity, "parameters": _fingerprint(self.points)}
        there = _mark(path, zarr)  # a folder that is no sweep is never replaced
        if there is None or overwrite:
            self._group = zarr.create_group(path, overwrite=True, attributes={_MARK: here})
        else:
            _compare(path, there, here)
            self._group = zarr.open_group(path, mode="r+")
            self._read(path)
        for name, (dims, values, attributes) in self.points.coordinates.items():
            self._write_coordinate(name, dims, values, attributes)

    def _hold(self, path: str) -> None:
        """One driver a store; the lock goes with the process, however it ends."""
        check_folder(path)
        try:
            import fcntl
        except ImportError:  # Windows
            return
        self._lock = open(f"{path.rstrip('/')}.lock", "w")  # noqa: SIM115
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise ValueError(f"path: another sweep is writing to {path} now") from None

    def close(self) -> None:
        """Let others write to the store."""
        if self._lock is not None:
            with contextlib.suppress(OSError):
                os.remove(self._lock.name)
            self._lock.close()
            self._lock = None

    def _read(self, path: str) -> None:
        """Everything that an earlier call finished."""
        try:
            for name, array in self._group.arrays():
                dims = tuple(array.metadata.dimension_names or ())
                if name in self.points.coordinates:
                    continue
                if dims[: len(self.points.dims)] != self.points.dims or (
                    array.shape[: len(self.points.dims)] != self.points.shape
                ):
                    self.coordinates[name] = (dims, _own(array[...]))
                    continue
                self.arrays[name] = _own(np.asarray(array[...]))
                self.dims[name], self._disk[name] = dims, array
        except Exception as error:
            raise StorageError(
                f"{path} is damaged ({type(error).__name__}: {error}); "
                "options={'overwrite': True} starts again"
            ) from error

    def _write_coordinate(
        self, name: str, dims: tuple[str, ...], values: np.ndarray, attributes: dict[str, Any]
    ) -> None:
        if self._group is None:
            return
        text = values.dtype.kind == "U"
        array = self._group.create_array(
            name,
            shape=values.shape,
            dtype=str if text else values.dtype,
            dimension_names=dims,
            attributes=_jsonable(attributes),
            overwrite=True,
        )
        array[...] = values.astype(object) if text else values

    # ------------------------------------------------------------ arrays

    def _add(self, name: str, dims: tuple[str, ...], shape: tuple[int, ...], dtype: Any) -> None:
        """A new array over all points, with nothing in it."""
        full = (*self.points.shape, *shape)
        dtype = np.dtype(object) if dtype.kind in "UTO" else dtype
        check_memory(
            f"the values {name!r} of all {len(self.points)} points",
            float(np.prod(full, dtype=float)) * dtype.itemsize,
            advice="let the function return less, such as the last time or a mean",
        )
        empty: Any = {"O": "", "i": 0}.get(dtype.kind, np.nan)
        self.arrays[name] = np.full(full, empty, dtype=dtype)
        self.dims[name] = (*self.points.dims, *dims)
        if self._group is not None:
            self._disk[name] = self._group.create_array(
                name,
                shape=full,
                chunks=self._chunks(shape, dtype.itemsize),
                dtype=str if dtype.kind == "O" else dtype,
                fill_value=empty,
                dimension_names=self.dims[name],
            )

    def _chunks(self, shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
        """Points that lie side by side share a file; no file is large, since it is rewritten."""
        each = int(np.prod(shape, dtype=int)) * itemsize
        left = max(1, min(_CHUNK_POINTS, _CHUNK_BYTES // max(each, 1)))
        grid: list[int] = []
        for n in reversed(self.points.shape):
            grid.append(max(1, min(n, left)))
            left = max(1, left // grid[-1])
        return (*reversed(grid), *(max(1, n) for n in shape))

    # ------------------------------------------------------------ writing

    def write(self, outcomes: Iterable[Outcome]) -> None:
        """Keep these outcomes, in memory and on disk."""
        touched: dict[str, set[int]] = {}
        for outcome in outcomes:
            status, error = self._accept(outcome, touched)
            place = self.points.place(outcome.number)
            self.arrays["seconds"][place] = outcome.seconds
            self.arrays["error"][place] = error
            self.arrays["status"][place] = status
            for name in ("seconds", "error", "status"):
                touched.setdefault(name, set()).add(outcome.number)
        # a point counts when its state says so: that is written last
        for name in sorted(touched, key=lambda n: n == "status"):
            self._flush(name, touched[name])

    def _accept(self, outcome: Outcome, touched: dict[str, set[int]]) -> tuple[int, str]:
        if outcome.values is None:
            return FAILED, outcome.error or "unknown error"
        self._drop_parameters(outcome)
        try:
            self._fits(outcome)
        except (ValueError, TypeError) as error:
            return FAILED, f"{type(error).__name__}: {error}"
        place = self.points.place(outcome.number)
        for name, (dims, value) in outcome.values.arrays.items():
            if name not in self.arrays:
                self._add(name, dims, value.shape, value.dtype)
            self.arrays[name][place] = value.tolist() if value.dtype.kind in "UT" else value
            touched.setdefault(name, set()).add(outcome.number)
        for name, (dims, value) in outcome.values.coordinates.items():
            if name not in self.coordinates:
                self.coordinates[name] = (dims, value)
                self._write_coordinate(name, dims, value, {})
        return DONE, ""

    def _drop_parameters(self, outcome: Outcome) -> None:
        """A value that repeats a parameter, as records of the package do, is there already."""
        assert outcome.values is not None
        arrays, point = outcome.values.arrays, self.points[outcome.number]
        for name in set(arrays) & set(point):
            value = arrays[name][1]
            if value.ndim == 0 and value.item() == point[name]:
                del arrays[name]

    def _fits(self, outcome: Outcome) -> None:
        """Every point must bring the same arrays, or one would be read as another."""
        assert outcome.values is not None
        mine = {n for n in self.arrays if n not in OWN}
        names = set(outcome.values.arrays)
        if taken := names & {*OWN, *self.points.coordinates}:
            raise ValueError(f"the names {sorted(taken)} are taken; rename the values")
        if not names:
            raise ValueError("returned nothing; return numbers, arrays, texts or a dict of these")
        if mine != names and not np.any(self.status == DONE):
            self._drop(mine - names)  # a call that was stopped while it made its first arrays
        elif mine != names:
            raise ValueError(f"returned {sorted(names)}, earlier points {sorted(mine)}")
        for name, (_, value) in outcome.values.arrays.items():
            if name not in self.arrays:
                continue
            array = self.arrays[name]
            shape = array.shape[len(self.points.shape) :]
            if value.shape != shape:
                raise ValueError(f"{name} has the shape {value.shape}, earlier points {shape}")
            if (value.dtype.kind in "UT") != (array.dtype.kind in "OT"):
                raise ValueError(f"{name} is text at some points and a number at others")
            if value.dtype.kind == "c" and array.dtype.kind == "f":
                raise ValueError(
                    f"{name} is complex, but was real at earlier points; make it complex"
                )
        for name, (_, value) in outcome.values.coordinates.items():
            known = self.coordinates.get(name)
            if known is not None and not np.array_equal(known[1], value):
                raise ValueError(f"{name} differs from that of earlier points; use one for all")

    def _drop(self, names: set[str]) -> None:
        for name in names:
            del self.arrays[name], self.dims[name]
            if self._disk.pop(name, None) is not None:
                del self._group[name]

    def _flush(self, name: str, numbers: set[int]) -> None:
        disk = self._disk.get(name)
        if disk is None:
            return
        array, grid = self.arrays[name], len(self.points.shape)
        chunks = disk.chunks[:grid]
        for corner in {
            tuple(i // c for i, c in zip(self.points.place(k), chunks, strict=True))
            for k in numbers
        }:
            block = tuple(
                slice(i * c, min((i + 1) * c, n))
                for i, c, n in zip(corner, chunks, array.shape, strict=False)
            )
            disk[block] = array[block]

    # ------------------------------------------------------------ reading

    def dataset(self) -> Any:
        """Everything as an ``xarray.Dataset``."""
        import xarray as xr

        coordinates = {n: (d, v, a) for n, (d, v, a) in self.points.coordinates.items()}
        coordinates |= {n: (d, v, {}) for n, (d, v) in self.coordinates.items()}
        variables = {n: (self.dims[n], a.copy()) for n, a in self.arrays.items()}
        data = xr.Dataset(variables, coords=coordinates)
        data["status"].attrs.update(
            flag_values=[PENDING, DONE, FAILED], flag_meanings="pending done failed"
        )
        data["seconds"].attrs["units"] = "s"
        return data


def _own(array: Any) -> np.ndarray:
    """A writable array with Python texts in it, whatever text type zarr reads."""
    array = np.array(array)
    return array.astype(object) if array.dtype.kind in "UT" else array


def _mark(path: str, zarr: Any) -> dict[str, Any] | None:
    """What the store at `path` says it is; None where nothing is yet."""
    # a call that was stopped before its first write leaves an empty folder
    if not os.path.exists(path):
        return None
    if os.path.isdir(path) and all(name.endswith(".partial") for name in os.listdir(path)):
        return None
    try:
        return dict(zarr.open_group(path, mode="r").attrs[_MARK])
    except Exception as error:
        raise StorageError(
            f"path: {path} exists and is no sweep that can be read ({type(error).__name__}: "
            f"{error}); give another path, or delete it"
        ) from error


#: what to do where this part of what a store belongs to is another
_ADVICE = {
    "parameters": "sweep what is new into a path of its own and join the two by xarray.concat",
    "measures": "only what was read off is kept: read off more at once, under another path",
    "digest": "where the function gives the same as before (its text or a value that does not "
    "matter changed), options={'check_function': False} goes on",
}


def _compare(path: str, there: dict[str, Any], here: dict[str, Any]) -> None:
    differ = [k for k in sorted(here) if there.get(k) != here[k]]
    if not differ:
        return
    what = ", ".join(_difference(k, there.get(k), here[k]) for k in differ)
    # with other parameters or measures, the function is not what hinders
    advice = [_ADVICE[k] for k in differ if k in _ADVICE and (k != "digest" or len(differ) == 1)]
    raise ValueError(
        f"path: {path} was filled by another sweep; these differ: {what}. Give another path, or "
        "options={'overwrite': True} to start again" + "".join(f"; {text}" for text in advice)
    )


def _difference(key: str, before: Any, now: Any) -> str:
    if key == "digest":
        return "the text of the function or a value that it uses"
    if key == "parameters" and isinstance(before, dict) and before.keys() == now.keys():
        changed = [name for name in now if before[name] != now[name]]
        return ", ".join(
            _difference(f"the values of {n}", before[n][1], now[n][1]) for n in changed
        )
    sizes = [f"{len(v)}: " if isinstance(v, list) and len(v) > 3 else "" for v in (before, now)]
    return f"{key} ({sizes[0]}{_short(before)} there, {sizes[1]}{_short(now)} now)"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _fingerprint(points: Points) -> dict[str, Any]:
    """Parameters as JSON: what is in them, not how it was given."""
    return {
        name: [list(dims), _plain(values)] for name, (dims, values, _) in points.coordinates.items()
    }


def _plain(values: np.ndarray) -> Any:
    if values.dtype.kind == "c":
        return [[float(v.real), float(v.imag)] for v in values.ravel()]
    return values.tolist()


def _jsonable(attributes: dict[str, Any]) -> dict[str, Any]:
    return {
        str(k): v if isinstance(v, (str, int, float)) else str(v) for k, v in attributes.items()
    }
