"""Docstrings that say something: what is public is documented, itself or by what it overrides."""

import ast
import importlib
import inspect
import pathlib
import pkgutil
import re

import pytest

import qsyncplug as qsp

ROOT = pathlib.Path(qsp.__file__).parent
#: as long as "Number of oscillators N." is, and no longer
SAYS_NOTHING = 24
#: a docstring that only sends elsewhere: an override inherits what it overrides instead
ONLY_A_LINK = re.compile(r"See :\w+:`[^`]+`\.")


def _said(doc):
    return doc and len(doc) > SAYS_NOTHING and not ONLY_A_LINK.fullmatch(doc)


@pytest.mark.parametrize("room", sorted(p.stem for p in ROOT.iterdir() if p.suffix != ".pyi"))
def test_what_is_written_says_something(room):
    files = [ROOT / f"{room}.py"] if (ROOT / f"{room}.py").exists() else ROOT.rglob(f"{room}/*.py")
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef
    thin = [
        f"{path.relative_to(ROOT)}: {getattr(node, 'name', 'module')}: {doc}"
        for path in files
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, kinds) and (doc := ast.get_docstring(node)) and not _said(doc)
    ]
    assert not thin


def _modules():
    """Every module but the one that runs when it is imported."""
    for found in pkgutil.walk_packages(qsp.__path__, "qsyncplug."):
        if "._ext" not in found.name and not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def _members(cls):
    """Public methods and properties of a class that the package wrote, inherited ones too."""
    for name in dir(cls):
        owner = next(c for c in cls.__mro__ if name in vars(c)) if not name.startswith("_") else cls
        member = vars(owner).get(name)
        member = getattr(member, "__func__", member)
        # properties, cached ones, and those of symbols that are written as lambdas
        function = getattr(member, "fget", None) or getattr(member, "func", member)
        ours = owner.__module__.startswith("qsyncplug") and not name.startswith("_")
        if ours and inspect.isfunction(function) and function.__name__ != "<lambda>":
            yield name, function


def _doc(cls, name):
    """Of a method or property, by the class or by the nearest base that documents it."""
    for base in cls.__mro__:
        member = vars(base).get(name)
        member = getattr(member, "__func__", member)
        if doc := getattr(getattr(member, "func", member), "__doc__", None):
            return inspect.cleandoc(doc)
    return None


def test_every_public_member_of_every_room_is_documented():
    """What ruff's D102 asks for, and overrides may inherit."""
    silent = {
        f"{cls.__module__}.{cls.__qualname__}.{name}"
        for module in _modules()
        for cls in vars(module).values()
        if inspect.isclass(cls)
        and cls.__module__ == module.__name__
        and not cls.__name__.startswith("_")
        for name, _ in _members(cls)
        if not _said(_doc(cls, name))
    }
    assert not silent


def _public():
    """Names that ``qsp.__all__`` reaches, with what they stand for."""
    for name in qsp.__all__:
        item = getattr(qsp, name)
        if inspect.ismodule(item):
            yield from ((f"{name}.{k}", getattr(item, k)) for k in getattr(item, "__all__", ()))
        else:
            yield name, item


FUNCTIONS = {name: item for name, item in _public() if inspect.isfunction(item)}
CLASSES = {name: item for name, item in _public() if inspect.isclass(item)}


def _missing(parameters, doc):
    """Parameters that a docstring does not name, as `x` or in its list."""
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    names = [p.name for p in parameters if p.name not in ("self", "cls") and p.kind not in kinds]
    return [name for name in names if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", doc)]


def test_public_functions_document_every_parameter_and_what_they_return():
    poor = {}
    for name, function in FUNCTIONS.items():
        doc, signature = inspect.getdoc(function) or "", inspect.signature(function)
        lacking = _missing(signature.parameters.values(), doc)
        if signature.parameters and "Parameters\n---" not in doc:
            lacking.append("Parameters")
        if str(signature.return_annotation) != "None" and not re.search(
            "(Returns|Yields)\n---", doc
        ):
            lacking.append("Returns")
        if lacking:
            poor[name] = lacking
    assert not poor


#: where the parameters of a method are told
ELSEWHERE = re.compile(r"rguments as for\s+:\w+:`")


def test_public_methods_name_every_parameter():
    """In their own docstring, or in that of what they override."""
    poor = {}
    for name, cls in CLASSES.items():
        if not cls.__module__.startswith("qsyncplug"):
            continue
        for member, function in _members(cls):
            documented = [vars(base).get(member) for base in cls.__mro__]
            doc = "\n".join(getattr(each, "__doc__", None) or "" for each in documented)
            lacking = _missing(inspect.signature(function).parameters.values(), doc)
            if lacking and not ELSEWHERE.search(doc):
                poor[f"{name}.{member}"] = lacking
    assert not poor


def test_public_classes_say_what_they_are_made_of():
    """In their own docstring: as parameters, or as attributes of a record."""
    poor = {}
    for name, cls in CLASSES.items():
        if not cls.__module__.startswith("qsyncplug") or issubclass(
            cls, (qsp.core.result.Result, BaseException)
        ):
            continue
        made = vars(cls).get("__init__")
        if made is not None:
            doc = inspect.getdoc(cls) or ""
            lacking = _missing(inspect.signature(made).parameters.values(), doc)
            if lacking:
                poor[name] = lacking
    assert not poor
