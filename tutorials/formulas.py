"""Formulas as MathML, written when the pages are: they need neither script, font nor network."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.util import logging

_LOG = logging.getLogger(__name__)
_CONVERT = LatexToMathML(fancy_error=False)


def mathml(tex: str, display: bool) -> str:
    """The element of a formula; rows that are set apart by a double backslash are aligned."""
    tex = tex.strip()
    if display and r"\\" in tex and not re.match(r"\\begin\{", tex):
        tex = rf"\begin{{aligned}}{tex}\end{{aligned}}"
    return _CONVERT.convert_with_local_state(tex, displaystyle=display)


def _written(node: nodes.Element, display: bool) -> str:
    try:
        return mathml(node.astext(), display)
    except LatexError as error:
        # warnings are errors here: a formula that cannot be shown stops the build
        _LOG.warning("formula %r: %s", node.astext(), error, location=node)
        return f"<code>{node.astext()}</code>"


def _inline(self: Any, node: nodes.math) -> None:
    self.body.append(_written(node, display=False))
    raise nodes.SkipNode


def _block(self: Any, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", CLASS="math"))
    self.body.append(_written(node, display=True) + "</div>\n")
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Sphinx's word for it is a math renderer."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
