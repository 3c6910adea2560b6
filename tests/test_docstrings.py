"""Docstrings say what the code does: every parameter, none that is not there, the right default."""

import ast
import builtins
import importlib
import inspect
import pathlib
import re

import qsyncplug as qsp
from qsyncplug.core.solver import Solver

ROOT = pathlib.Path(qsp.__file__).parent
TREES = {path: ast.parse(path.read_text()) for path in sorted(ROOT.rglob("*.py"))}
#: classes whose parameters are those of a base
INHERITED = {"SpinChains", "PublishedSpinChains"}


def _sections(doc):
    """Title -> lines of the numpydoc sections."""
    lines, found, title = inspect.cleandoc(doc).split("\n"), {}, None
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if line.strip() and re.fullmatch(r"-{3,}", below.strip()):
            title = line.strip()
            found[title] = []
        elif title and not re.fullmatch(r"-{3,}", line.strip()):
            found[title].append(line)
    return found


def _entries(lines):
    """Names -> text of their entry, of one section."""
    found, names = {}, ()
    for line in lines:
        if line and not line.startswith(" "):
            names = tuple(n.strip().lstrip("*") for n in line.split(" : ")[0].split(","))
            found |= {name: line for name in names}
        else:
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
    return found


def _parameters(node, owner):
    """Names of the parameters of a function or of the ``__init__`` of a class."""
    if isinstance(node, ast.ClassDef):
        made = [f for f in node.body if getattr(f, "name", "") == "__init__"]
        if made:
            return _parameters(made[0], node)
        if not any("dataclass" in ast.unparse(d) for d in node.decorator_list):
            return None
        return [
            a.target.id
            for a in node.body
            if isinstance(a, ast.AnnAssign)
            and not re.search(r"ClassVar|init=False", ast.unparse(a))
        ]
    args = node.args
    names = [a.arg for a in (*args.posonlyargs, *args.args)]
    names = names[1:] if owner is not None and names[:1] in (["self"], ["cls"]) else names
    rest = [a.arg for a in (args.vararg, args.kwarg) if a is not None]
    return names + [a.arg for a in args.kwonlyargs] + rest


def _documented():
    for path, tree in TREES.items():
        owners = {f: c for c in ast.walk(tree) if isinstance(c, ast.ClassDef) for f in c.body}
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
                where = f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
                yield where, node, owners.get(node), ast.get_docstring(node)


def test_parameters_are_those_of_the_signature():
    wrong = {}
    for where, node, owner, doc in _documented():
        said, names = _sections(doc).get("Parameters"), _parameters(node, owner)
        if said is None or names is None or node.name in INHERITED:
            continue
        entries = set(_entries(said))
        decorators = [ast.unparse(d) for d in getattr(node, "decorator_list", ())]
        if any(d.startswith("measure(") for d in decorators):
            entries |= {"view"}  # the decorator documents it
        if entries != set(names):
            wrong[where] = sorted(entries ^ set(names))
    assert not wrong


def test_docstrings_say_something():
    """Not the letter that stands in the name, nor a word of it."""
    assert not {w for w, _, _, doc in _documented() if len(doc) < 10}


def _public():
    for module in (qsp, qsp.measures):
        for name in module.__all__:
            item = getattr(module, name)
            if inspect.isclass(item) or inspect.isfunction(item):
                yield name, item
                if inspect.isclass(item):
                    for key, method in vars(item).items():
                        if not key.startswith("_") and inspect.isfunction(method):
                            yield f"{name}.{key}", method


#: so many statements of a default are compared
LEAST = 5
#: "1e-9 by default", "default 1e-9", "(default: 1e-9)"; of words None, True and False
VALUE = r"(\"\w+\"|[-−]?\d[\d.]*(?:e[-−]?\d+)?|None|True|False)"
DEFAULT = re.compile(rf"(?:{VALUE}`* by default|default(?:s to|:| is|)? `*{VALUE})")


def test_defaults_are_those_of_the_signature():
    compared, wrong = [], {}
    for name, item in _public():
        try:
            known = inspect.signature(item).parameters
        except ValueError:  # errors of compiled bases
            continue
        said = _entries(_sections(inspect.getdoc(item) or "").get("Parameters", []))
        for key, text in said.items():
            found = DEFAULT.search(text)
            if key not in known or found is None:
                continue
            value = ast.literal_eval((found[1] or found[2]).replace("−", "-").rstrip("."))
            default = known[key].default
            compared.append((name, key))
            # None stands for a default that is found out, which the text then names
            if default is not None and default != value:
                wrong[f"{name}({key})"] = text
    assert not wrong
    assert len(compared) >= LEAST, compared


def test_defaults_of_options_are_those_of_the_solver():
    """``rtol`` (1e-9) in the text of `options`, against the solver of the same module."""
    compared, wrong = [], {}
    for where, node, _, doc in _documented():
        text = _entries(_sections(doc).get("Parameters", [])).get("options", "")
        said = re.findall(rf"``(\w+)`` \(`*{VALUE}", text)
        path = where.split(":")[0].removesuffix(".py").replace("/", ".")
        module = importlib.import_module(f"qsyncplug.{path}") if said else None
        for solver in vars(module).values() if module else ():
            if inspect.isclass(solver) and issubclass(solver, Solver):
                if solver.__module__ != module.__name__:
                    continue
                for option, value in said:
                    compared.append((node.name, option))
                    if solver.solver_options[option] != ast.literal_eval(value):
                        wrong[f"{node.name}({option})"] = value
    assert not wrong
    assert len(compared) >= LEAST, compared


def test_errors_that_are_named_exist():
    known = {n for n, c in vars(builtins).items() if inspect.isclass(c)}
    for tree in TREES.values():
        known |= {n.name for n in ast.walk(tree) if isinstance(n, ast.ClassDef)}
    wrong = {}
    for where, _, _, doc in _documented():
        for title in ("Raises", "Warns"):
            said = {n.split(".")[-1] for n in _entries(_sections(doc).get(title, []))}
            said -= {*known, "", "IntegratorException"}  # the last is QuTiP's
            if said:
                wrong[where] = said
    assert not wrong
