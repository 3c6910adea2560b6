"""The documentation: ``sphinx-build -W --keep-going -b html tutorials build/html``."""

from __future__ import annotations

import inspect
import os
import pathlib
import re
import sys
from collections import defaultdict

from docutils import nodes

import qsyncplug as qsp

HERE = pathlib.Path(__file__).parent
#: formulas and the pages about papers are made by modules beside this file
sys.path.insert(0, str(HERE))

project = "qsyncplug"
author = "the qsyncplug developers"
copyright = f"2026, {author}"
version = release = qsp.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_nb",
    "formulas",
    "alternatives",
]
html_math_renderer = "mathml"
exclude_patterns = ["build", "_api/templates", "papers", "matplotlibrc"]
templates_path = ["_templates"]
suppress_warnings = ["mystnb.unknown_mime_type"]

# ------------------------------------------------------------ pages
html_theme = "pydata_sphinx_theme"
html_title = "qsyncplug"
html_static_path = ["_static"]
html_css_files = ["page.css"]
html_show_sourcelink = False
html_theme_options = {
    "show_prev_next": False,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "logo": {"text": "qsyncplug"},
}
html_sidebars = {"index": [], "gallery": []}

# ------------------------------------------------------------ stories
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE.parent / "build" / "stories")
nb_execution_in_temp = True
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_merge_streams = True

# ------------------------------------------------------------ API
autosummary_generate = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

#: rooms of the API in the order of the work, and what each is about
ROOMS = {
    "operators": "Operators and systems",
    "models": "Ready systems",
    "exact": "Exact evolution, steady states, spectra",
    "approximate": "Mean field, cumulants, samples",
    "published": "The spin-chain paper as printed",
    "waves": "Grids, potentials and closed forms",
    "lohe": "Schrödinger–Lohe",
    "wigner": "Wigner–Lohe and hydrodynamics",
    "circle": "Particles on the circle",
    "sync": "Views and verdicts",
    "measures": "Measures",
    "comparison": "Comparison",
    "sweeps": "Sweeps",
    "plot": "Pictures",
    "core": "Solvers, files, errors",
}


def _room(name: str) -> str:
    if name == "measures":
        return "measures"
    parts = getattr(getattr(qsp, name), "__module__", "qsyncplug.core").split(".")
    return parts[1] if len(parts) > 1 else "core"


def _names() -> dict[str, list[str]]:
    """Public names by room; a room that is new is listed last until it has a title."""
    rooms: dict[str, list[str]] = defaultdict(list)
    for name in dict.fromkeys(qsp.__all__):
        item = getattr(qsp, name)
        if name.startswith("_") or inspect.ismodule(item) or not callable(item):
            continue
        rooms[_room(name)].append(f"qsyncplug.{name}")
    rooms["measures"] = [
        f"qsyncplug.sync.measures.{n}" for n in qsp.measures.__all__ if n != "RECORDS"
    ]
    return rooms


def _intro(room: str) -> str:
    where = "qsyncplug.sync.measures" if room == "measures" else f"qsyncplug.{room}"
    doc = getattr(sys.modules.get(where), "__doc__", None) or ""
    return inspect.cleandoc(doc).split("\n\n")[0]


def _in_a_line(room: str) -> str:
    return " ".join(_intro(room).split())


def _first(names: list[str]) -> str:
    """A few functions that give an idea of the room."""
    short = [n.rsplit(".", 1)[1] for n in names]
    return ", ".join(f"`{n}`" for n in [n for n in short if n[0].islower()][:4] or short[:4])


def _index_page(title: str, about: str, heads: list[str], rows: list[str], pages: list[str]) -> str:
    """A page that says what the pages below it hold, in a table."""
    lines = [f"# {title}", "", about, "", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    return "\n".join([*lines, *rows, "", "```{toctree}", ":hidden:", "", *pages, "```"]) + "\n"


def _write_api() -> None:
    """One page a room, written from ``qsyncplug.__all__``: nothing public can be missing."""
    folder = HERE / "_api"
    folder.mkdir(exist_ok=True)
    names = _names()
    order = [r for r in ROOMS if names.get(r)] + sorted(set(names) - set(ROOMS))
    for room in order:
        title = ROOMS.get(room, room)
        lines = [title, "=" * len(title), "", _intro(room), "", ".. autosummary::"]
        lines += ["   :toctree: generated", "   :nosignatures:", ""]
        lines += [f"   {name}" for name in sorted(names[room], key=str.lower)]
        _put(folder / f"{room}.rst", "\n".join(lines) + "\n")
    table = [
        f"| [{ROOMS.get(r, r)}](_api/{r}.rst) | {_in_a_line(r)} | {_first(names[r])} |"
        for r in order
    ]
    _put(
        HERE / "api.md",
        _index_page(
            "API",
            "By room, in the order of the work.",
            ["room", "what it is about", "for example"],
            table,
            [f"_api/{r}" for r in order],
        ),
    )


def _put(path: pathlib.Path, text: str) -> None:
    """Written only when it differs, so that a second build is quick."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


_write_api()


def _write_papers() -> None:
    """A page a paper, and one of what is proved: every command in them is run here."""
    from papers import pages

    written = pages.write(HERE / "_papers", _put)
    rows = [f"| [{title}](_papers/{name}.md) | {summary} |" for name, title, summary in written]
    about = (
        "Every definition, theorem, remark and figure of the five papers: confirmed, corrected, "
        "refuted or open, with the command that shows it. The commands are run when this page is "
        "built; what does not come out as said stops the build."
    )
    page = _index_page(
        "Theory: what holds",
        about,
        ["paper", "its statements"],
        rows,
        [f"_papers/{name}" for name, _, _ in written],
    )
    _put(HERE / "theory.md", page)


_write_papers()


# ------------------------------------------------------------ |ψ|² and (d, *shape) in plain text
_CODE = re.compile(r"(``.*?``|:[\w:]+:`[^`]*`|`[^`]*`)", re.DOTALL)
_EMPHASIS = re.compile(r"(\*\*[\w ,]+\*\*|(?<!\*)\*\w[^*]*\w\*(?!\*))")


def _escape(text: str) -> str:
    """Bars and stars that are mathematics, not markup."""
    parts = _CODE.split(text)
    for k in range(0, len(parts), 2):
        words = _EMPHASIS.split(parts[k])
        for m in range(0, len(words), 2):
            words[m] = re.sub(r"([|]|\*(?=\S)|(?<=\w)_(?=\W|$))", r"\\\1", words[m])
        parts[k] = "".join(words)
    return "".join(parts)


def _plain_mathematics(app, what, name, item, options, lines: list[str]) -> None:
    """Docstrings are written to be read as text; code and formulas are left alone."""
    out: list[str] = []
    text: list[str] = []
    verbatim: int | None = None
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if verbatim is not None and line.strip() and indent <= verbatim:
            # a formula of several lines is set in by its first
            if (
                out[-1].strip()
                and ".. math::" in out[-1] + "".join(out[-3:])
                and indent == verbatim
            ):
                out.append("   " + line)
                continue
            verbatim = None
        directive = ".. math" in line or line.rstrip().endswith("::")
        if verbatim is not None or directive or line.lstrip().startswith((">>>", "...")):
            out += _escape("\n".join(text)).split("\n") if text else []
            text = []
            out.append(line)
            verbatim = indent if directive else verbatim
        else:
            text.append(line)
    lines[:] = out + (_escape("\n".join(text)).split("\n") if text else [])


# ------------------------------------------------------------ pictures
# notebooks show their figures whatever the environment says of a backend, in one style
os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
os.environ["MATPLOTLIBRC"] = str(HERE / "matplotlibrc")


#: where in which temporary file a cell warned is of no use to a reader
_PLACE = re.compile(r"^/\S+:\d+: (?=\w*Warning: )", re.MULTILINE)


def _plain_warnings(app, doctree: nodes.document) -> None:
    for block in doctree.findall(nodes.literal_block):
        if _PLACE.search(text := block.astext()):
            block.children = [nodes.Text(_PLACE.sub("", text))]
            block.rawsource = block.astext()


def setup(app) -> None:
    """Docstrings before numpydoc, which runs at 500."""
    app.connect("autodoc-process-docstring", _plain_mathematics, priority=100)
    app.connect("doctree-read", _plain_warnings)
