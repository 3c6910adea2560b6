"""A house that a stranger can live in: sizes of files, functions, classes and signatures."""

import ast
import functools
import pathlib

import pytest

import qsyncplug as qsp

ROOT = pathlib.Path(qsp.__file__).parent
KERNELS = ROOT.parent / "cython_ext"


def _lines(path):
    return path.read_text().count("\n")


@functools.cache
def _definitions():
    """Every function and class of the package, by file and name."""
    return [
        (f"{path.relative_to(ROOT)}:{node.name}", node)
        for path in sorted(ROOT.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]


def _nodes(kind):
    return ((name, node) for name, node in _definitions() if isinstance(node, kind))


def _body(function):
    doc = ast.get_docstring(function, clean=False)
    return function.end_lineno - function.lineno + 1 - (doc.count("\n") + 1 if doc else 0)


def _attributes(node):
    stored = {
        a.attr
        for a in ast.walk(node)
        if isinstance(a, ast.Attribute)
        and isinstance(a.ctx, ast.Store)
        and isinstance(a.value, ast.Name)
        and a.value.id == "self"
    }
    declared = {
        a.target.id
        for a in node.body
        if isinstance(a, ast.AnnAssign)
        and isinstance(a.target, ast.Name)
        and "ClassVar" not in ast.unparse(a.annotation)
    }
    return len(stored | declared)


def _parameters(function):
    names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
    return len(names) + len(function.args.kwonlyargs) - (names[:1] in (["self"], ["cls"]))


def test_modules_are_read_in_one_sitting():
    long = {str(p.relative_to(ROOT)) for p in ROOT.rglob("*.py") if _lines(p) > 450}
    assert not long


@pytest.mark.skipif(not KERNELS.is_dir(), reason="an installed package has no sources of kernels")
def test_kernel_files_are_read_in_one_sitting():
    long = {p.name for p in KERNELS.iterdir() if p.is_file() and _lines(p) > 600}
    assert not long


def test_every_line_is_formatted():
    marks = ("# fmt: " + "skip", "# fmt: " + "off")
    assert not [p.name for p in ROOT.rglob("*.py") if any(m in p.read_text() for m in marks)]


def test_functions_fit_on_a_page():
    assert not {n for n, f in _nodes(ast.FunctionDef) if _body(f) > 60}


def test_ready_systems_are_short():
    """At most 80 lines, what a system says of itself included."""
    models = [(n, f) for n, f in _nodes(ast.FunctionDef) if n.startswith("models/")]
    assert len(models) > 15
    assert not {n for n, f in models if f.end_lineno - f.lineno + 1 > 80}


def test_classes_have_few_attributes():
    assert not {n for n, c in _nodes(ast.ClassDef) if _attributes(c) > 15}


def test_signatures_are_short():
    # a model has as many parameters as its physics
    functions = {n for n, f in _nodes(ast.FunctionDef) if _parameters(f) > 8}
    assert not {n for n in functions if not n.startswith("models/")}


def _asserts(function, helpers):
    """Whether a test can fail by what it says itself, or by what a function of its file does."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func).split(".")[-1]
            checked = any(k.arg == "check" for k in node.keywords)
            if called in ("raises", "warns", "fail") or called.startswith("assert") or checked:
                return True
            if called in helpers and _asserts(helpers[called], {}):
                return True
    return False


def test_every_test_can_fail():
    folder = pathlib.Path(__file__).parent
    silent = []
    for path in sorted(folder.rglob("test_*.py")):
        tree = ast.parse(path.read_text())
        functions = [f for f in ast.walk(tree) if isinstance(f, ast.FunctionDef)]
        helpers = {f.name: f for f in functions if not f.name.startswith("test")}
        silent += [
            f"{path.relative_to(folder)}:{f.lineno} {f.name}"
            for f in functions
            if f.name.startswith("test") and not _asserts(f, helpers)
        ]
    assert not silent


def test_files_of_tests_are_of_one_topic():
    folder = pathlib.Path(__file__).parent
    assert not {str(p.relative_to(folder)) for p in folder.rglob("*.py") if _lines(p) > 650}
