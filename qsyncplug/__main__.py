"""``python -m qsyncplug``: compare exact with approximate, and say what is installed."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from typing import Any, NoReturn

from .core.errors import QsyncplugWarning, SolverError
from .core.version import VERSION
from .sweeps.errors import SweepError

__all__ = ["main"]


class _Parser(argparse.ArgumentParser):
    """One clear line, exit code 2; a part of an option's name is no option."""

    def __init__(self, **options: Any):
        # --n would be taken for --normalization
        super().__init__(**{**options, "allow_abbrev": False})

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    int
        Exit code: 0, 1 for a run that had to stop, 2 for bad options.
    """
    from .commands import compare, info, sweep

    parser = _Parser(
        prog="python -m qsyncplug",
        description="Quantum synchronisation: exact against approximate.",
    )
    parser.add_argument("--version", action="version", version=f"qsyncplug {VERSION}")
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=_Parser
    )
    compare.add_parser(commands)
    sweep.add_parser(commands)
    info.add_parser(commands)
    words = list(sys.argv[1:] if argv is None else argv)
    general = ("-h", "--help", "--version")
    if not words or (words[0].startswith("-") and words[0] not in general):
        words.insert(0, "compare")  # without a command: the tour
    if words[:1] == ["compare"] and words[1:2] and words[1] in compare.FAMILIES:
        words[:2] = [f"compare {words[1]}"]
    elif words[:1] == ["compare"] and words[1:2] and not words[1].startswith("-"):
        known = ", ".join(compare.FAMILIES)
        parser.error(f"compare: no family {words[1]!r}; there are {known}, and all without a name")
    args = parser.parse_args(words)

    def one_line(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        print(f"{parser.prog} {args.command}: warning: {message}", file=sys.stderr)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", QsyncplugWarning)
            warnings.showwarning = one_line
            return int(args.run(args))
    except (ValueError, TypeError, MemoryError) as error:
        print(f"{parser.prog} {args.command}: {error}", file=sys.stderr)
        return 2
    except (SolverError, SweepError, OSError, ImportError) as error:
        print(f"{parser.prog} {args.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{parser.prog} {args.command}: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
