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
    said = []
    for test in doctest.DocTestFinder().find(module, name):
        if not test.examples:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            runner.run(test, out=said.append)
    plt.close("all")
    assert not runner.failures, "".join(said)
