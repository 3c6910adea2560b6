"""A page a paper: every statement, what became of it, and the command that shows it.

The commands are run when the documentation is built. A statement held by a prediction takes its
verdict from the prediction: confirmed where it has no correction, corrected where it has one.
Whatever does not come out as said stops the build.
"""

from __future__ import annotations

import contextlib
import io
import pathlib
import textwrap
import warnings
from collections import Counter
from dataclasses import dataclass
from typing import Any

from . import ahkm, ar, gmdb, hhk, proved, pry
from .statement import Item, Paper

VERDICTS = (
    "confirmed",
    "corrected",
    "refuted",
    "open",
    "definition",
    "proved",
    "certified",
    "seen",
)


@dataclass(frozen=True)
class Record:
    """An item and what its code said."""

    item: Item
    verdict: str
    right: str
    found: str


def examine(paper: Paper) -> list[Record]:
    """Run every item; RuntimeError where one does not come out as said."""
    names: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(paper.prelude, names)
        return [_examine(paper, item, names) for item in paper.items]


def _examine(paper: Paper, item: Item, names: dict[str, Any]) -> Record:
    verdict, right, found = item.verdict, item.right, ""
    if item.code:
        try:
            holds, found, row = _evidence(_run(item.code, names))
        except Exception as error:
            raise RuntimeError(f"{paper.name}, {item.label}: {error!r}") from error
        if row is not None:
            right = right or row.statement + (f" ({row.correction})" if row.correction else "")
            verdict = verdict or ("corrected" if row.correction else "confirmed")
        if holds is not True:
            raise RuntimeError(f"{paper.name}, {item.label}: not as said: {found}")
    if verdict not in VERDICTS:
        raise RuntimeError(f"{paper.name}, {item.label}: no verdict ({verdict!r})")
    return Record(item, verdict, right, found)


def _run(code: str, names: dict[str, Any]) -> Any:
    """The value of the last line."""
    *body, last = _statements(code)
    with contextlib.redirect_stdout(io.StringIO()):
        exec("\n".join(body), names)
        return eval(last, names)


def _statements(code: str) -> list[str]:
    import ast

    text = textwrap.dedent(code).strip()
    nodes = ast.parse(text).body
    lines = text.splitlines()
    start = nodes[-1].lineno - 1
    return ["\n".join(lines[:start]), "\n".join(lines[start:])]


def _evidence(value: Any) -> tuple[bool | None, str, Any]:
    """Whether it is so, in words, and the prediction if there is one."""
    if isinstance(value, tuple) and len(value) == 2 and hasattr(value[0], "statement"):
        return value[1].passed, value[1].found, value[0]
    if hasattr(value, "passed"):
        return value.passed, value.found, None
    if hasattr(value, "holds"):
        # a figure's statement: the page says that it fails
        return (not value.holds), value.evidence, None
    if isinstance(value, tuple):
        return bool(value[0]), str(value[1]), None
    return bool(value), "", None


# ------------------------------------------------------------ writing

_MARK = {
    "confirmed": "✓",
    "corrected": "✎",
    "refuted": "✗",
    "open": "?",
    "definition": "",
    "proved": "∎",
    "certified": "▣",
    "seen": "◌",
}


def summary_of(records: list[Record]) -> str:
    """How many statements of each kind."""
    counts = Counter(r.verdict for r in records)
    return ", ".join(f"{counts[v]} {v}" for v in VERDICTS if counts[v])


def page(paper: Paper, records: list[Record]) -> str:
    """The page in MyST markdown."""
    lines = [f"# {paper.title}", "", paper.about, "", f"**{summary_of(records)}.**", ""]
    lines += ["| statement | verdict | |", "|---|---|---|"]
    lines += [f"| {_cell(r.item.label)} | {r.verdict} | {_MARK[r.verdict]} |" for r in records]
    lines += ["", "All commands begin with", "", *_block(paper.prelude)]
    for r in records:
        lines += ["", f"## {r.item.label}: {r.verdict}", ""]
        lines += [f"*Printed:* {_text(r.item.printed)}" if r.item.printed else "", ""]
        if r.right:
            lines += [f"*Here:* {_text(r.right)}", ""]
        if r.item.code:
            lines += [*_block(r.item.code)]
        if r.found:
            lines += ["", *_block(r.found, "text")]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _text(text: str) -> str:
    """Mathematics in plain characters: no markup."""
    parts = text.split("`")
    for k in range(0, len(parts), 2):
        for mark in ("\\", "*", "_", "|", "<", "$", "[", "]"):
            parts[k] = parts[k].replace(mark, "\\" + mark)
    return "`".join(parts)


def _block(code: str, language: str = "python") -> list[str]:
    text = textwrap.dedent(code).strip()
    if language == "text":
        text = "\n".join(textwrap.wrap(text, 100))
    return [f"```{{code-block}} {language}", *text.splitlines(), "```"]


def write(folder: pathlib.Path, put: Any) -> list[tuple[str, str, str]]:
    """Write all pages into `folder`; name, title and summary of each."""
    folder.mkdir(exist_ok=True)
    written = []
    for module in (proved, ahkm, hhk, ar, pry, gmdb):
        paper = module.PAPER
        records = examine(paper)
        put(folder / f"{paper.name}.md", page(paper, records))
        written.append((paper.name, paper.title, summary_of(records)))
    return written
