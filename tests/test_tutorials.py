"""Stories, gallery and the page on extending run from top to bottom, asserts included."""

import pathlib
import re

import jupytext
import nbclient
import pytest

FOLDER = pathlib.Path(__file__).parent.parent / "tutorials"
PAGES = sorted(p for p in FOLDER.glob("*.md") if "{code-cell}" in p.read_text())
STORIES = [p for p in PAGES if p.stem[0].isdigit()]


def test_there_are_stories():
    assert STORIES
    assert FOLDER / "extending.md" in PAGES


def test_every_story_is_listed():
    listed = re.findall(r"^\d\d_\w+$", (FOLDER / "stories.md").read_text(), re.MULTILINE)
    assert sorted(listed) == [p.stem for p in STORIES]


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_page(path, tmp_path):
    notebook = jupytext.read(path)
    code = [c.source for c in notebook.cells if c.cell_type == "code"]
    assert any("assert" in c for c in code[-3:]), "a page ends with asserts"
    nbclient.NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
