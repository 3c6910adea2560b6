"""python -m qsyncplug: the tour; its rows are what the runs say, its page stands alone."""

import html.parser
import json
import re

import numpy as np
import pytest

import qsyncplug as qsp
from qsyncplug.__main__ import main
from qsyncplug.commands.compare import FAMILIES
from qsyncplug.commands.stops import STOPS
from qsyncplug.commands.tour import lines_of


class Page(html.parser.HTMLParser):
    """Every tag is closed; nothing is fetched from elsewhere."""

    VOID = ("meta", "img", "br")

    def __init__(self):
        super().__init__()
        self.open, self.sources, self.rows = [], [], 0

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.sources += [found[k] for k in ("src", "href") if k in found]
        self.rows += tag == "tr"
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.slow
def test_the_tour(tmp_path, capsys):
    out = tmp_path / "tour"
    assert main(["--quick", "--quiet", "--output", str(out)]) == 0
    text = capsys.readouterr().out
    data = json.loads(out.with_suffix(".json").read_text())
    assert {line["system"] for line in data["lines"]} == set(STOPS)
    for line in data["lines"]:
        assert line["verdict"] in text
        assert line["kind"] in ("exact", "approximate")
    page = Page()
    page.feed(out.with_suffix(".html").read_text())
    assert page.open == []
    assert len(page.sources) == len(STOPS)
    assert all(s.startswith("data:image/png;base64,") for s in page.sources)
    assert page.rows == 2 * len(data["lines"]) + len(STOPS) + 1
    assert "prefers-color-scheme: dark" in out.with_suffix(".html").read_text()


def test_one_system_in_three_families_agrees():
    """Kuramoto, its Schrödinger–Lohe and its Wigner–Lohe form: to 1e-9, in one comparison."""
    stop = STOPS["Kuramoto, three forms"](True)
    comparison = qsp.compare(stop.runs)
    lines = lines_of("x", stop, comparison)
    assert lines[0].worst is None
    assert all(line.worst < 1e-9 for line in lines[1:])
    assert {line.verdict for line in lines} == {"phase-locked"}
    # the rate is the slowest exponent of Kuramoto's equations at the locked phases
    x = stop.runs["Kuramoto"].positions[-1]
    jacobian = np.cos(x[None, :] - x[:, None]) / 3
    jacobian -= np.diag(jacobian.sum(axis=1))
    slowest = -np.sort(np.linalg.eigvals(jacobian).real)[-2]
    assert lines[0].rate == pytest.approx(slowest, rel=5e-3)
    assert stop.rate == pytest.approx(slowest, rel=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_help_shows_defaults_that_the_parser_accepts(family, capsys):
    with pytest.raises(SystemExit):
        main(["compare", family, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    shown = re.findall(r"(--[\w-]+) [A-Z_]+ [^()]*?\(default: ([^()]*|\([^()]*\))\)", text)
    assert shown
    for option, value in shown:
        with pytest.raises(SystemExit) as stop:
            main(["compare", family, f"{option}={value}", "--help"])
        assert stop.value.code == 0, (option, value)
        capsys.readouterr()
