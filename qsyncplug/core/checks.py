"""Checks of arguments: each names the argument, its value and what would be right."""

from __future__ import annotations

import contextlib
import functools
import numbers
import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import MemoryLimitError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = [
    "available_memory",
    "check_array",
    "check_choice",
    "check_integer",
    "check_memory",
    "check_ndim",
    "check_number",
    "check_numbers",
    "check_positive",
    "check_times",
]


_MASKED = (np.ma.MaskedArray, type(np.ma.masked))
#: what Python or NumPy take for numbers
_NO_NUMBERS = (bool, np.bool_, np.timedelta64, *_MASKED)


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def check_number(
    name: str,
    value: Any,
    *,
    minimum: float = -np.inf,
    maximum: float = np.inf,
    strict: bool = False,
) -> float:
    """Return `value` as a finite float between `minimum` and `maximum` (exclusive when
    `strict`).
    """
    number = value
    if isinstance(value, np.ndarray) and value.ndim == 0 and not isinstance(value, _MASKED):
        number = value[()]
    if isinstance(number, _NO_NUMBERS) or not isinstance(number, numbers.Real):
        raise TypeError(f"{name} must be a real number, not {_show(value)}")
    try:
        x = float(number)
    except OverflowError:
        raise ValueError(f"{name} must be within the range of floats, not {_show(value)}") from None
    if not np.isfinite(x):
        raise ValueError(f"{name} must be finite, not {x}")
    low = x <= minimum if strict else x < minimum
    high = x >= maximum if strict else x > maximum
    if low or high:
        if np.isfinite(minimum) and np.isfinite(maximum):
            range_ = f"between {minimum:g} and {maximum:g}" + (" (exclusive)" if strict else "")
        elif np.isfinite(minimum):
            range_ = f"{'above' if strict else 'at least'} {minimum:g}"
        else:
            range_ = f"{'below' if strict else 'at most'} {maximum:g}"
        raise ValueError(f"{name} must be {range_}, not {x:g}")
    return x


def check_integer(
    name: str, value: Any, *, minimum: int | None = None, maximum: int | None = None
) -> int:
    """Return `value` as an int between `minimum` and `maximum`."""
    if isinstance(value, _NO_NUMBERS) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer, not {_show(value)}")
    x = int(value)
    if minimum is not None and x < minimum:
        raise ValueError(f"{name} must be at least {minimum}, not {_show(x)}")
    if maximum is not None and x > maximum:
        raise ValueError(f"{name} must be at most {maximum}, not {_show(x)}")
    return x


def check_flag(name: str, value: Any) -> bool:
    """Return `value` if it is True or False: a text would count as True."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, not {_show(value)}")
    return bool(value)


def check_sequence(name: str, value: Any, what: str) -> tuple[Any, ...]:
    """The entries of a sequence, of which `what` says what they are; a text is none."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise TypeError(f"{name} must be a sequence of {what}, not {_show(value)}")
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} must be a sequence of {what}, not a masked array")
    return tuple(value)


def check_mapping(name: str, value: Any) -> dict[str, Any]:
    """Return `value` as a dict; an empty one for None."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a dict, not {_show(value)}")
    return dict(value)


def check_index(name: str, value: Any, count: int) -> int:
    """Return `value` as an index of `count` entries, from either end."""
    return check_integer(name, value, minimum=-count, maximum=count - 1)


def check_label(name: str, value: Any) -> str | None:
    """Return `value` if it is a text or None."""
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} must be a text or None, not {_show(value)}")
    return value


def check_seed(name: str, value: Any) -> np.random.Generator:
    """Return the random generator of a seed: None, an integer ≥0, or what NumPy seeds with."""
    if isinstance(value, (np.random.Generator, np.random.SeedSequence, np.random.BitGenerator)):
        return np.random.default_rng(value)
    return np.random.default_rng(None if value is None else check_integer(name, value, minimum=0))


def check_path(name: str, value: Any) -> str:
    """Return `value` as the path of a file."""
    if isinstance(value, (str, os.PathLike)):
        return str(os.fspath(value))
    raise TypeError(f"{name} must be a path, not {_show(value)}")


def check_pair(name: str, value: Any, count: int = 2, *, minimum: float = -np.inf) -> np.ndarray:
    """Return one number for all of `count`, or a number for each, as an array; none below
    `minimum`.
    """
    if isinstance(value, numbers.Real):
        return np.full(count, check_number(name, value, minimum=minimum))
    array = check_array(name, value)
    if array.ndim == 0:
        array = np.full(count, float(array))
    if array.shape != (count,):
        several = "a pair" if count == 2 else f"{count} numbers"
        raise ValueError(f"{name} must be a number or {several}, not of shape {array.shape}")
    for x in array.tolist():
        check_number(name, x, minimum=minimum)
    return array


def check_choice(name: str, value: Any, choices: Iterable[Any]) -> Any:
    """Return `value` if it is one of `choices`."""
    choices = list(choices)
    # a list: Ctrl-C in a generator that is not read to its end would be lost
    if not [c for c in choices if value is c or (isinstance(value, type(c)) and value == c)]:
        raise ValueError(
            f"{name} must be one of {', '.join(map(repr, choices))}, not {_show(value)}"
        )
    return value


def check_array(
    name: str,
    value: Any,
    *,
    shape: tuple[int | None, ...] | None = None,
    dtype: type = float,
    finite: bool = True,
) -> np.ndarray:
    """Return `value` as a C-ordered array of `dtype` and `shape` (``None``: any length) without NaN
    or infinity.
    """
    _refuse_non_numbers(name, value)
    try:
        raw = np.asarray(value)
        if raw.dtype.kind not in "iufcO" and not (raw.dtype.kind == "b" and dtype is bool):
            raise TypeError(f"{_KINDS.get(raw.dtype.kind, raw.dtype)} are no numbers")
        if raw.size > _LARGE:
            # the copy, and a look at every number
            check_memory(
                f"{name} of shape {raw.shape}", raw.size * (np.dtype(dtype).itemsize + 1.0)
            )
        if raw.dtype == object:
            _refuse_objects(raw)
        if dtype is float and np.iscomplexobj(raw):
            if np.any(raw.imag != 0):
                raise TypeError(f"{name} must be real, not {_show(value)}")
            raw = raw.real
        array: np.ndarray = np.array(raw, dtype=dtype, order="C")
    except (TypeError, ValueError, OverflowError) as error:
        if str(error).startswith(name):
            raise
        raise TypeError(
            f"{name} must be an array of numbers, not {_show(value)} ({error})"
        ) from None
    if shape is not None and (
        array.ndim != len(shape)
        or any(n is not None and n != m for n, m in zip(shape, array.shape, strict=True))
    ):
        wanted = (
            "("
            + ", ".join("any" if n is None else str(n) for n in shape)
            + ("," if len(shape) == 1 else "")
            + ")"
        )
        raise ValueError(f"{name} must have shape {wanted}, not {array.shape}")
    if finite and not np.isfinite(array).all():
        raise ValueError(
            f"{name} must be finite; it holds {np.count_nonzero(~np.isfinite(array))} NaN or "
            "infinite values"
        )
    return array


def check_numbers(name: str, value: Any) -> np.ndarray:
    """`value` as floats or complex numbers of any shape and size; not copied where it is such an
    array.

    Examples
    --------
    >>> check_numbers("x", [1, 2])
    array([1., 2.])
    """
    if type(value) is np.ndarray and value.dtype.kind in "fc":
        return value
    # one number, as of a search for a zero
    if type(value) in (float, np.float64):
        return np.asarray(value)
    dtype = complex if np.iscomplexobj(value) else float
    return check_array(name, value, dtype=dtype, finite=False)


#: numbers that are copied without asking how much memory is free
_LARGE = 2**22
#: what NumPy would turn into numbers without a word
_KINDS = {
    "b": "truth values",
    "m": "time differences",
    "M": "dates",
    "S": "bytes",
    "U": "texts",
    "V": "records",
}


def _refuse_non_numbers(name: str, value: Any) -> None:
    """Masked arrays, whose masked entries would count, also inside lists."""
    parts = value if isinstance(value, (list, tuple)) else ()
    if isinstance(value, _MASKED) or any(isinstance(v, _MASKED) for v in parts):
        raise TypeError(
            f"{name} must not be a masked array, whose masked entries would count; "
            f"give {name}.compressed() or {name}.filled(...)"
        )
    # a list with one truth value among numbers is no longer of truth values
    if any(isinstance(v, (bool, np.bool_, str, bytes)) for v in parts):
        raise TypeError(f"{name} must be an array of numbers, not {_show(value)}")


def _refuse_objects(raw: np.ndarray) -> None:
    for v in raw.ravel():
        if isinstance(v, (bool, np.bool_)) or not isinstance(v, numbers.Number):
            raise TypeError(f"a {type(v).__name__} is no number")


def check_ndim(name: str, value: Any) -> int:
    """Return the number of dimensions of `value`, whose rows must be of one length."""
    try:
        return int(np.ndim(value))
    except ValueError:
        raise TypeError(
            f"{name} must be an array of numbers with rows of one length, not {_show(value)}"
        ) from None


def check_times(tlist: ArrayLike, name: str = "tlist", *, minimum: int = 1) -> np.ndarray:
    """Return `tlist` as a strictly increasing, finite, one-dimensional array of at least `minimum`
    times.
    """
    times = check_array(name, tlist, shape=(None,))
    if times.size < minimum:
        raise ValueError(
            f"{name} must hold at least {minimum} time{'s' if minimum > 1 else ''}, not "
            f"{times.size}"
        )
    late = times[1:] <= times[:-1]
    if late.any():
        k = int(np.argmax(late))
        raise ValueError(
            f"{name} must increase strictly; {name}[{k + 1}]={times[k + 1]:g} follows {times[k]:g}"
        )
    return times


#: limits and use of a container, of the second and the first version of cgroups
_CGROUPS = (
    ("memory.max", "memory.current", "/sys/fs/cgroup"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "/sys/fs/cgroup/memory"),
)


#: seconds for which what was read of the memory holds: a run asks several times while it is set up
_FRESH = 0.01


def _read(path: str) -> bytes:
    """The start of a small file of the system: without buffers, a fifth of the time of `open`."""
    file = os.open(path, os.O_RDONLY)
    try:
        return os.read(file, 4096)
    finally:
        os.close(file)


def _number_in(path: str) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return int(_read(path))
    return None


@functools.cache
def _own_groups(root: str) -> list[str]:
    """Folders of the group that this process is in, and of those around it."""
    out = [root]
    with contextlib.suppress(OSError), open("/proc/self/cgroup", encoding="ascii") as f:
        for line in f:
            path = line.strip().split(":", 2)[-1].strip("/")
            while path:
                out.append(os.path.join(root, path))
                path = os.path.dirname(path)
    # asked at every allocation of some size: groups that are not there are looked for once
    return [folder for folder in out if os.path.isdir(folder)]


def _container_memory() -> list[int]:
    """Bytes left in every group that limits this process."""
    left = []
    for limit, use, root in _CGROUPS:
        for folder in _own_groups(root):
            most = _number_in(os.path.join(folder, limit))
            now = None if most is None else _number_in(os.path.join(folder, use))
            if most is not None and now is not None:
                left.append(max(most - now, 0))
    return left


def _process_memory() -> list[int]:
    """Bytes left under the limits of the process (``ulimit -v``, ``-d``)."""
    try:
        import resource
    except ImportError:  # Windows
        return []
    left: list[int] = []
    with contextlib.suppress(OSError, ValueError):
        pages = [int(n) for n in _read("/proc/self/statm").split()]
        for limit, used in ((resource.RLIMIT_AS, pages[0]), (resource.RLIMIT_DATA, pages[5])):
            soft = resource.getrlimit(limit)[0]
            if soft != resource.RLIM_INFINITY:
                left.append(max(soft - used * resource.getpagesize(), 0))
    return left


def _measure_memory() -> int:
    limits = _container_memory() + _process_memory()
    with contextlib.suppress(OSError):
        lines = _read("/proc/meminfo").split(b"\n")
        limits += [int(line.split()[1]) * 1024 for line in lines if line[:13] == b"MemAvailable:"]
    if hasattr(os, "sysconf"):
        with contextlib.suppress(ValueError, OSError):
            limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min(limits) if limits else 8 * 2**30


_last_look = (-1.0, 0)


def available_memory() -> int:
    """Bytes of memory that a new array could take now: free in the machine, the container and the
    process; as they were a hundredth of a second ago at most.
    """
    global _last_look
    now = time.monotonic()
    when, free = _last_look
    # in that time no more than some tens of megabytes can be filled
    if when < 0 or now - when > _FRESH:
        free = _measure_memory()
        _last_look = (now, free)
    return free


def _gibibytes(size: float) -> str:
    size = size / 2**30
    return f"{size:.2f} GiB" if size < 1e6 else f"{size:.1e} GiB"


def asked(name: str, function: Callable[..., Any], *arguments: Any, when: str = "") -> Any:
    """What a function returns that was given as `name`; a ValueError that says what it raises.

    Examples
    --------
    >>> asked("potential", lambda x: {}[x], 1.0)
    Traceback (most recent call last):
        ...
    ValueError: potential raised KeyError: 1.0
    """
    try:
        return function(*arguments)
    except Exception as error:
        raise ValueError(f"{name} raised {type(error).__name__}{when}: {error}") from error


def check_memory(what: str, required: float, *, advice: str = "") -> int:
    """Raise :class:`MemoryLimitError` unless `required` bytes for `what` fit into the memory that
    is free now.
    """
    available = available_memory()
    # what is counted in floats may be beyond them
    required = min(required, 2.0**1000)
    if required > available:
        raise MemoryLimitError(
            f"{what} needs about {_gibibytes(required)} and {_gibibytes(available)} are free"
            + (f"; {advice}" if advice else ""),
            required=int(required),
            available=int(available),
        )
    return int(required)


def check_positive(name: str, rho: np.ndarray, tolerance: float = 1e-6) -> None:
    """Refuse a Hermitian matrix with eigenvalues below −tolerance."""
    try:
        # the quickest proof that there are none
        np.linalg.cholesky(rho + tolerance * np.eye(len(rho)))
    except np.linalg.LinAlgError:
        lowest = float(np.linalg.eigvalsh(rho)[0])
        if lowest < -tolerance:
            raise ValueError(
                f"{name} must not have negative eigenvalues; its smallest is {lowest:.3g}"
            ) from None
