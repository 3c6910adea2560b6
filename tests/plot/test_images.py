"""Every picture of the gallery against the one that was looked at.

Text is left out: fonts differ between machines. `pytest tests/plot/test_images.py --draw` makes the
pictures anew; look at them before they are committed.
"""

import pathlib
import re

import jupytext
import matplotlib.pyplot as plt
import pytest
from matplotlib.testing.compare import compare_images
from matplotlib.text import Text

import qsyncplug as qsp

GALLERY = pathlib.Path(__file__).parents[2] / "tutorials" / "gallery.md"
BASELINE = pathlib.Path(__file__).parent / "baseline"
#: root mean square of the difference, of 255; what a lost panel exceeds (last test)
TOLERANCE = 3.0
CALL = re.compile(r"qsp\.((?:plot|anim)_\w+)\(")
NAMES = sorted(n for n in qsp.__all__ if n.startswith(("plot_", "anim_")))


def _save(fig, path):
    for text in fig.findobj(Text):
        text.set_visible(False)
    # a layout settles within a few drawings
    for _ in range(4):
        fig.canvas.draw()
    fig.savefig(path, dpi=60, metadata={"Software": None})


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """The figures of the gallery's cells, by the function that draws them."""
    folder = tmp_path_factory.mktemp("gallery")
    figures, space = {}, {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with plt.rc_context():
            for cell in jupytext.read(GALLERY).cells:
                if cell.cell_type == "code" and "globals()" not in cell.source:
                    exec(compile(cell.source, "gallery.md", "exec"), space)
                    for name in CALL.findall(cell.source):
                        figures.setdefault(name, space["fig"])
                    plt.close("all")
    yield figures
    plt.close("all")


def test_the_gallery_shows_every_picture(gallery):
    assert sorted(gallery) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_picture(name, gallery, tmp_path, request):
    expected = BASELINE / f"{name}.png"
    if request.config.getoption("--draw"):
        _save(gallery[name], expected)
        pytest.skip("drawn anew: look at it")
    actual = tmp_path / f"{name}.png"
    _save(gallery[name], actual)
    assert compare_images(expected, actual, TOLERANCE) is None


@pytest.mark.parametrize("name", NAMES)
def test_a_lost_panel_would_be_seen(name, gallery, tmp_path):
    panel = gallery[name].axes[0]
    for artist in (*panel.images, *panel.collections, *panel.lines):
        artist.set_visible(False)
    _save(gallery[name], tmp_path / "lost.png")
    assert compare_images(BASELINE / f"{name}.png", tmp_path / "lost.png", TOLERANCE) is not None
