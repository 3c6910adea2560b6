"""Every public name has an example, and every example in the package runs."""

import doctest
import importlib
import inspect
import pathlib
import warnings

import matplotlib.pyplot as plt
import pytest

import qsyncplug as qsp

ROOT = pathlib.Path(qsp.__file__).parent
MODULES = [
    ".".join(("qsyncplug", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
    for path in sorted(ROOT.rglob("*.py"))
    if path.name != "__main__.py" and ">>> " in path.read_text()
]
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def _public():
    for name in sorted(set(qsp.__all__)):
        item = getattr(qsp, name)
        if callable(item) and not name.startswith("_"):
            yield name, item
    for name in qsp.measures.__all__:
        if callable(getattr(qsp.measures, name)):
            yield f"measures.{name}", getattr(qsp.measures, name)


def test_every_public_name_has_an_example():
    bare = [name for name, item in _public() if ">>> " not in (inspect.getdoc(item) or "")]
    assert not bare, f"without an example: {', '.join(bare)}"


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # what an example writes is not left behind
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    said, made = [], []
    for test in doctest.DocTestFinder().find(module, name):
        if not test.examples:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            runner.run(test, out=said.append, clear_globs=False)
            made += [v for k, v in test.globs.items() if k not in vars(module)]
    plt.close("all")
    assert not runner.failures, "".join(said)
    for item in made:
        if getattr(qsp, type(item).__name__, None) is type(item):
            assert not (says_little := _says_little(item)), says_little


def _says_little(item):
    """How a value shows itself, if that is an address or a wall of numbers."""
    text = repr(item)
    wall = "array([" in text or (len(text) > 1500 and text.count("\n") < 5)
    return text if wall or " object at 0x" in text else ""
