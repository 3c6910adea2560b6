"""Stories, gallery and the page on extending run from top to bottom, asserts included."""

import pathlib
import re

import jupytext
import nbclient
import pytest

FOLDER = pathlib.Path(__file__).parent.parent / "tutorials"
PAGES = sorted(p for p in FOLDER.glob("*.md") if "{code-cell}" in p.read_text())
#: pages that the build of the documentation writes
WRITTEN = {"api.md", "theory.md"}
STORIES = [p for p in PAGES if p.stem[0].isdigit()]


def test_there_are_stories():
    assert STORIES
    assert FOLDER / "extending.md" in PAGES


def test_every_story_is_listed():
    listed = re.findall(r"^\d\d_\w+$", (FOLDER / "stories.md").read_text(), re.MULTILINE)
    assert sorted(listed) == [p.stem for p in STORIES]


@pytest.mark.parametrize("path", STORIES, ids=lambda p: p.stem)
def test_stories_fold_their_asserts_at_the_end_and_import_in_one_way(path):
    cells = [c for c in jupytext.read(path).cells if c.cell_type == "code"]
    *before, last = cells
    assert "hide-input" in last.metadata.get("tags", []) and "assert " in last.source
    assert not any(re.search(r"^\s*assert ", c.source, re.MULTILINE) for c in before)
    code = "\n".join(c.source for c in cells)
    assert "import qsyncplug as qsp" in code and "from qsyncplug" not in code


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_code_fits_beside_the_bars_of_the_page(path):
    cells = [c for c in jupytext.read(path).cells if c.cell_type == "code"]
    assert not [line for c in cells for line in c.source.split("\n") if len(line) > 79]


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


@pytest.mark.parametrize("name", ["README.md", "tutorials/index.md"])
def test_the_first_ten_lines_run(name, tmp_path, monkeypatch, capsys):
    """What a newcomer copies."""
    monkeypatch.chdir(tmp_path)
    text = (FOLDER.parent / name).read_text()
    (code,) = re.findall(r"```(?:python|\{code-block\} python)\n(.*?)```", text, re.DOTALL)
    exec(compile(code, name, "exec"), {})
    assert "exact against mean field" in capsys.readouterr().out
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (FOLDER.parent / name).parent.joinpath(link).exists() or link in WRITTEN, link
