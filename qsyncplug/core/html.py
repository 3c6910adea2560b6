"""How objects show themselves in a notebook: a title and a table of two columns."""

from __future__ import annotations

import html
from collections.abc import Iterable

__all__ = ["table"]


def table(title: str, rows: Iterable[tuple[str, str]]) -> str:
    """HTML of a bold title over rows of name and text; both are escaped.

    Parameters
    ----------
    title : str
    rows : iterable of (str, str)

    Returns
    -------
    str

    Examples
    --------
    >>> table("run", [("times", "3 < 4")])
    '<p><b>run</b></p><table><tr><th>times</th><td>3 &lt; 4</td></tr></table>'
    """
    cells = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>" for name, text in rows
    )
    return f"<p><b>{html.escape(title)}</b></p><table>{cells}</table>"
