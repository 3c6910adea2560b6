"""What a notebook shows: escaped, and the same as the text."""

import enum
import inspect
from html.parser import HTMLParser

import numpy as np
import pytest

import qsyncplug as qsp
from tests.core.saved_examples import SAVED


def test_results_and_predictions_as_html():
    run = qsp.mfsolve(qsp.van_der_pol_pair(), [1, 0.5j], np.linspace(0, 1, 3))
    page = run._repr_html_()
    assert page.startswith("<p><b>MeanFieldResult: mfsolve</b></p><table>")
    assert "<th>times</th><td>3 from 0 to 1</td>" in page
    model = qsp.Circle(qsp.sine(), "mean", coupling=2.0, frequencies=[0.5, -0.5])
    found = qsp.predictions(model, [0.0, 1.0])
    page = found._repr_html_()
    assert page.count("<tr>") == len(found) + len(found.notes)
    assert all(name.replace("'", "&#x27;") in page for name in found.names)


def test_fields_print_in_a_line():
    grid = qsp.Grid(points=64, length=16.0)
    text = repr(qsp.hydrodynamics(grid.gaussian(0.0), grid))
    assert "\n" not in text
    assert len(text) < 120


class _Page(HTMLParser):
    """What is opened is closed, in order."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], 0

    def handle_starttag(self, tag, attributes):
        self.seen += 1
        if tag not in ("br", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.filterwarnings("ignore::qsyncplug.QsyncplugWarning")
@pytest.mark.parametrize("name", SAVED)
def test_every_public_class_shows_itself_in_a_notebook(name):
    thing = SAVED[name]()
    if isinstance(thing, float):  # a number
        return
    if not hasattr(thing, "_repr_html_"):  # a model, by its equation
        tex = thing._repr_latex_()
        assert tex.startswith("$$") and tex.endswith("$$")
        assert tex.count("{") == tex.count("}") and len(tex) < 2000
        return
    text = thing._repr_html_()
    page = _Page()
    page.feed(text)
    assert not page.open and page.seen >= 2
    assert len(text) < 6000 and " at 0x" not in text and "array([" not in text


def test_what_files_do_not_hold_shows_itself_too():
    bare = []
    for name in qsp.__all__:
        kind = getattr(qsp, name)
        if not inspect.isclass(kind) or name in SAVED:
            continue
        word = issubclass(kind, (BaseException, enum.Enum, tuple))
        if not (word or hasattr(kind, "_repr_html_") or hasattr(kind, "_repr_latex_")):
            bare.append(name)
    assert not bare


def test_solvers_show_what_is_not_the_default():
    solver = qsp.MeanFieldSolver(qsp.van_der_pol_pair(), options={"rtol": 1e-6})
    assert "<th>rtol</th><td>1e-06</td>" in solver._repr_html_()
    assert "atol" not in solver._repr_html_()


def test_systems_are_short_and_escaped():
    b = qsp.modes(40)
    ring = sum(b[k].dag() * b[k - 1] + b[k - 1].dag() * b[k] for k in range(40))
    system = qsp.System(ring, [x.dag() for x in b], name="<ring>")
    page = system._repr_html_()
    assert "System (&lt;ring&gt;, 40 nodes)" in page
    assert "b<sub>1</sub><sup>†</sup> b<sub>2</sub>" in page and "(80 terms)" in page
    assert len(page) < 4000 and len(repr(system)) < 1000
    assert "L40 = b40†" in system.summary()
