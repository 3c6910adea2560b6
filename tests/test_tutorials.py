"""Every tutorial runs from top to bottom, its asserts included."""

import pathlib

import jupytext
import nbclient
import pytest

FOLDER = pathlib.Path(__file__).parent.parent / "tutorials"
TUTORIALS = sorted(FOLDER.glob("*.md"))


def test_there_are_tutorials():
    assert TUTORIALS


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda p: p.stem)
def test_tutorial(path, tmp_path):
    notebook = jupytext.read(path)
    code = [c.source for c in notebook.cells if c.cell_type == "code"]
    assert any("assert" in c for c in code[-3:]), "a tutorial ends with asserts"
    nbclient.NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
