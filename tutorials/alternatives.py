"""Texts in place of pictures: what draws them, for readers that do not see them."""

from __future__ import annotations

import pathlib
import re
from typing import Any

from docutils import nodes
from sphinx.errors import ExtensionError

_FUNCTIONS = re.compile(r"\b(?:plot|anim)_(\w+)\(")
_FETCHED = re.compile(r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=\"https?:[^\"]*")
_LABELS = re.compile(r"[xy]label=\"([^\"]+)\"")


def _ancestor(node: Any, test: Any) -> Any:
    while node is not None and not test(node):
        node = node.parent
    return node


def _text_of(image: nodes.image) -> str:
    """The section and what the cell draws."""
    section = _ancestor(image, lambda n: isinstance(n, nodes.section))
    title = section.next_node(nodes.title).astext() if section is not None else "figure"
    cell = _ancestor(image, lambda n: "cell" in n.get("classes", ()) if hasattr(n, "get") else 0)
    code = "" if cell is None else "\n".join(b.astext() for b in cell.findall(nodes.literal_block))
    names = [name.replace("_", " ") for name in _FUNCTIONS.findall(code)]
    words = [*dict.fromkeys(names), *_LABELS.findall(code)]
    return f"{title}: picture of {', '.join(words)}" if words else f"{title}: picture"


def _name_pictures(app: Any, doctree: nodes.document) -> None:
    for image in doctree.findall(nodes.image):
        if not image.get("alt"):
            image["alt"] = _text_of(image)


def _whole(app: Any, exception: Exception | None) -> None:
    """A gallery without pictures is no gallery, and no page needs the network to be read."""
    if exception is not None or app.builder.format != "html":
        return
    out = pathlib.Path(app.outdir)
    count = (out / "gallery.html").read_text().count("<img")
    if count < 25:
        raise ExtensionError(f"the gallery has only {count} pictures")
    for page in out.rglob("*.html"):
        if found := _FETCHED.search(page.read_text()):
            raise ExtensionError(f"{page.relative_to(out)} needs the network: {found[0]}")


def setup(app: Any) -> dict[str, bool]:
    """After the pages are read, and after they are written."""
    app.connect("doctree-read", _name_pictures)
    app.connect("build-finished", _whole)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
