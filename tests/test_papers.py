"""The pages of the papers: every statement is there, and comes out as its page says."""

import importlib
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tutorials"))
pages = importlib.import_module("papers.pages")

PAPERS = ("ahkm", "ar", "gmdb", "hhk", "pry", "proved")
#: what is numbered in the papers
NUMBERED = {
    "ahkm": """Definition 1.1, Lemma 2.1, Definition 2.2, Remark 1, Theorem 2.3, Remark 2,
        Theorem 2.4, Lemma 4.1, Theorem 4.2, Remark 3, Theorem 5.1""",
    "hhk": """Definition 1.1, Definition 2.1, Remark 1, Lemma 2.2, Remark 2, Lemma 2.3, Remark 3,
        Theorem 2.4, Lemma 2.5, Theorem 3.1, Lemma 3.2, Remark 4, Corollary 1, Theorem 4.1,
        Lemma 4.2, Lemma 4.3, A.1, A.2, A.3""",
    "ar": """Remark 2.1, Assumption 3.1, Remark 3.2, Proposition 3.3, Proposition 3.4,
        Proposition 3.5, Lemma 3.6, Theorem 4.1, Corollary 4.2, Remark 4.3, Theorem 4.4,
        Theorem 5.1, Lemma 5.2, Theorem 5.3, Theorem 6.1, Proposition 6.2,
        Proposition 6.3, Example 7.1, Example 7.2""",
    "pry": """Definition 1.1, Theorem 2.1, Lemma 2.2, Theorem 2.3, Corollary 2.4, Figure 1,
        Corollary 2.5, Corollary 2.6, Figure 2, Lemma 3.1, Lemma 3.2, Corollary 3.3, Remark 3.4,
        Corollary 3.5, Lemma 4.1, Lemma 4.2, 4.3, 4.4, Theorem 6.1, Theorem 6.2, Lemma 6.3,
        Corollary 6.4, Lemma A.1, Lemma A.2, A.3, A.4, A.7, Lemma B.1, B.2, B.3, Lemma B.4,
        Lemma C.1, C.2, C.3, Lemma C.4, Lemma C.5, Lemma C.6""",
    "gmdb": """Figure 1, Figure 2a, Figure 2d, Figure 2g, Figure 3a, Figure 3b, (4), (5), (7), (8),
        (A1), (A2), B1, E1, E2, (18), (20)""",
    "proved": "",
}


def paper(name):
    return importlib.import_module(f"papers.{name}").PAPER


@pytest.mark.parametrize("name", PAPERS)
def test_every_statement_comes_out_as_said(name):
    text = pages.page(paper(name), pages.examine(paper(name)))
    assert text.startswith(f"# {paper(name).title}")
    assert all(f"## {item.label}: " in text for item in paper(name).items)


@pytest.mark.parametrize("name", PAPERS)
def test_nothing_numbered_is_missing(name):
    labels = " ".join(item.label for item in paper(name).items)
    for label in filter(None, (" ".join(word.split()) for word in NUMBERED[name].split(","))):
        assert label in labels, label
    assert len({item.label for item in paper(name).items}) == len(paper(name).items)


#: what no command can show: quoted from the literature, and a story of its own
ONLY_WORDS = {
    "hhk": {"Theorems A.1, A.2, Lemma A.3"},
    "proved": {"Locking of different potentials"},
}


@pytest.mark.parametrize("name", PAPERS)
def test_every_verdict_has_a_command(name):
    bare = {i.label for i in paper(name).items if not i.code and i.verdict != "definition"}
    assert bare == ONLY_WORDS.get(name, set())


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (pages.Item("a", "b", "confirmed", "", "1 > 2, 'no'"), "not as said: no"),
        (pages.Item("a", "b", "confirmed", "", "undefined"), "NameError"),
        (pages.Item("a", "b"), "no verdict"),
        (pages.Item("a", "b", "confirmed", "", "qsp.Outcome('row', None, 'short')"), "short"),
    ],
)
def test_what_does_not_come_out_stops_the_build(item, message):
    bad = pages.Paper("bad", "Bad", "", "import qsyncplug as qsp", (item,))
    with pytest.raises(RuntimeError, match=message):
        pages.examine(bad)


def test_a_prediction_tells_the_verdict():
    import qsyncplug as qsp

    rows = {"correction": "", "name": "T"}, {"correction": "printed otherwise", "name": "T"}
    for row, verdict in zip(rows, ("confirmed", "corrected"), strict=True):
        made = qsp.Prediction(**row, statement="s", source="p", test=lambda result: (True, "seen"))
        names = {"row": made}
        record = pages._examine(None, pages.Item("T", "printed", code="row, row.check(0)"), names)
        assert record.verdict == verdict and record.found == "seen"
