"""``python -m qsyncplug compare``: the tour, or one family against its approximations."""

from __future__ import annotations

import argparse
from typing import Any

from . import circle, lohe, modes, spins, tour, wigner

__all__ = ["FAMILIES", "add_parser"]

#: each is a module of this room with ``add_parser`` and ``run``
FAMILIES = {"modes": modes, "circle": circle, "lohe": lohe, "spins": spins, "wigner": wigner}


class _Family:
    """Adds the parser of a family under the name ``compare FAMILY``."""

    def __init__(self, commands: Any):
        self.commands = commands

    def add_parser(self, name: str, **kw: Any) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = self.commands.add_parser(f"compare {name}", **kw)
        return parser


def add_parser(commands: Any) -> None:
    """Add the command and its options to the parser."""
    parser = commands.add_parser(
        "compare",
        help=f"a tour of all families; compare {{{','.join(FAMILIES)}}}: one of them",
        description="Every family in under two minutes: one table and one page. "
        f"`compare FAMILY` takes one of them with its own options: {', '.join(FAMILIES)}.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    tour.add_options(parser)
    parser.set_defaults(run=tour.run)
    for family in FAMILIES.values():
        family.add_parser(_Family(commands))
