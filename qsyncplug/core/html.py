"""How objects show themselves in a notebook: a title and a table of two columns."""

from __future__ import annotations

import html
from collections.abc import Iterable

__all__ = ["table", "table_of_text"]


def table(title: str, rows: Iterable[tuple[str, str]], *, markup: bool = False) -> str:
    """HTML of a bold title over rows of name and text; all are escaped.

    Parameters
    ----------
    title : str
    rows : iterable of (str, str)
    markup : bool
        Whether the texts of the rows are HTML already.

    Returns
    -------
    str

    Examples
    --------
    >>> table("run", [("times", "3 < 4")])
    '<p><b>run</b></p><table><tr><th>times</th><td>3 &lt; 4</td></tr></table>'
    """
    cells = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{text if markup else html.escape(text)}</td></tr>"
        for name, text in rows
    )
    return f"<p><b>{html.escape(title)}</b></p><table>{cells}</table>"


def table_of_text(kind: str, text: str) -> str:
    r"""HTML of what an object prints: the first line is the title, what follows is in rows.

    Parameters
    ----------
    kind : str
        Name of the class, which the first line may begin with.
    text : str
        Lines of a name and, behind two blanks or a colon, what there is to say of it.

    Returns
    -------
    str

    Examples
    --------
    >>> table_of_text("Modes", "<Modes: gap 1\n  -1  order 0 >")
    '<p><b>Modes: gap 1</b></p><table><tr><th>-1</th><td>order 0</td></tr></table>'
    """
    first, *lines = text.removeprefix("<").removesuffix(">").rstrip().split("\n")
    title = first if first.startswith(kind) else f"{kind}: {first}"
    return table(title, [_split(line.strip()) for line in lines])


def _split(line: str) -> tuple[str, str]:
    at = min((k for k in (line.find("  "), line.find(": ")) if k > 0), default=0)
    return line[:at], line[at:].lstrip(": ")
