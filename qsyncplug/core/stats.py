"""How a run went, typed, printable, and read like a mapping."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

__all__ = ["SampledStats", "Stats"]


@dataclass(eq=False, repr=False)
class Stats(MutableMapping[str, Any]):
    """How a run went; subclasses add fields, which print and are saved by themselves.

    Every field is also an entry: ``stats.steps_accepted`` is ``stats["steps accepted"]``. A field
    that is None is no entry. Entries without a field of their own live in ``extra``.

    Attributes
    ----------
    method, method_reason : str
        What ran, and why it was chosen.
    steps_accepted, steps_rejected, right_hand_sides : int
        Counted work.
    preparation_time, run_time : float
        Seconds.
    stopped : str
        Why the run ended early.
    drift : dict
        Worst drift of each invariant.
    neglected : list of str
        What the approximation leaves out.

    Examples
    --------
    >>> stats = Stats(method="dop853", steps_accepted=12)
    >>> stats["steps accepted"], "stopped" in stats
    (12, False)
    >>> print(stats)
    method          dop853
    steps accepted  12
    """

    method: str | None = None
    method_reason: str | None = None
    steps_accepted: int | None = None
    steps_rejected: int | None = None
    right_hand_sides: int | None = None
    preparation_time: float | None = None
    run_time: float | None = None
    stopped: str | None = None
    drift: dict[str, float] | None = None
    neglected: list[str] | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: MutableMapping[str, Any] | dict[str, Any]) -> Stats:
        """From a mapping, a file's for instance."""
        if isinstance(entries, cls):
            return entries
        stats = cls()
        stats.update(entries)
        return stats

    @classmethod
    @cache
    def _names(cls) -> dict[str, str]:
        """What each entry is called when it is printed or asked for, and the field behind it."""
        spoken = {"right_hand_sides": "right-hand sides"}
        return {
            spoken.get(f.name, f.name.replace("_", " ")): f.name
            for f in fields(cls)
            if f.name != "extra"
        }

    def __getitem__(self, key: str) -> Any:
        name = self._names().get(key)
        value = getattr(self, name) if name is not None else self.extra.get(key)
        if value is None and (name is not None or key not in self.extra):
            raise KeyError(key)
        return value

    def __setitem__(self, key: str, value: Any) -> None:
        name = self._names().get(key)
        if name is not None:
            setattr(self, name, value)
        else:
            self.extra[key] = value

    def __delitem__(self, key: str) -> None:
        self[key]  # KeyError for what is not there
        name = self._names().get(key)
        if name is not None:
            setattr(self, name, None)
        else:
            del self.extra[key]

    def __iter__(self) -> Iterator[str]:
        yield from (k for k, name in self._names().items() if getattr(self, name) is not None)
        yield from self.extra

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __str__(self) -> str:
        width = max((len(k) for k in self), default=0)
        return "\n".join(f"{k:<{width}}  {_text(v)}" for k, v in self.items())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self)!r})"


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, dict):
        return ", ".join(f"{k}: {_text(v)}" for k, v in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return "; ".join(map(_text, value)) or "nothing"
    return str(value)


@dataclass(eq=False, repr=False)
class SampledStats(Stats):
    """How sampling went.

    Attributes
    ----------
    ntraj : int
        Samples in the averages.
    seed : int
        That gives the same numbers again.
    """

    ntraj: int | None = None
    seed: int | None = None
