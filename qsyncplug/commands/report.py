"""One self-contained HTML page: figures inside, readable in the light and in the dark."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["figure_tag", "page", "table_tag"]

_STYLE = """
:root { color-scheme: light dark; --ground: #fff; --text: #1c2430; --faint: #5b6675;
  --line: #d7dce2; --card: #f5f7f9; --accent: #0072b2; }
@media (prefers-color-scheme: dark) { :root { --ground: #14181d; --text: #e3e8ee; --faint: #9aa7b5;
  --line: #323a44; --card: #1c2229; --accent: #6cb6e8; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text);
  font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 76rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { margin: 0 0 .3rem; font-size: 1.8rem; } h2 { margin: 2.5rem 0 .4rem; font-size: 1.25rem; }
p { margin: .3rem 0 .8rem; max-width: 46rem; } .faint { color: var(--faint); font-size: .9rem; }
.wide { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-size: .88rem; }
th, td { padding: .35rem .5rem; text-align: left; border-bottom: 1px solid var(--line);
  white-space: nowrap; font-variant-numeric: tabular-nums; }
th { background: var(--card); } tr:last-child td { border-bottom: 0; }
td.number, th.number { text-align: right; }
figure { margin: .8rem 0; background: #fff; border: 1px solid var(--line); border-radius: 6px;
  padding: .5rem; overflow-x: auto; }
figure img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
@media (max-width: 600px) { figure img { max-width: none; width: 46rem; } }
details { margin: .5rem 0; } summary { cursor: pointer; color: var(--accent); }
pre { overflow-x: auto; background: var(--card); padding: .8rem; border-radius: 6px;
  font-size: .8rem; line-height: 1.4; }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """The whole document; `parts` are HTML.

    Parameters
    ----------
    title : str
    parts : iterable of str

    Returns
    -------
    str
    """
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def table_tag(header: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int]) -> str:
    """A table; the columns `numbers` stand to the right."""
    head = "".join(
        f"<th{' class=number' if k in numbers else ''}>{html.escape(cell)}</th>"
        for k, cell in enumerate(header)
    )
    body = ""
    for row in rows:
        cells = "".join(
            f"<td{' class=number' if k in numbers else ''}>{html.escape(cell)}</td>"
            for k, cell in enumerate(row)
        )
        body += f"<tr>{cells}</tr>"
    return (
        f"<div class=wide><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def figure_tag(figure: Any, text: str) -> str:
    """The picture, inside the page."""
    import matplotlib.pyplot as plt

    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=130)
    plt.close(figure)
    code = base64.b64encode(data.getvalue()).decode()
    return f'<figure><img alt="{html.escape(text)}" src="data:image/png;base64,{code}"></figure>'
