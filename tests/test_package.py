"""The package as a whole: names, entry point, import direction."""

import ast
import enum
import functools
import importlib
import inspect
import pathlib
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import qsyncplug as qsp

ROOT = pathlib.Path(qsp.__file__).parent


def test_every_public_name_is_documented():
    for name in qsp.__all__:
        item = getattr(qsp, name)
        if callable(item):
            assert item.__doc__ and len(item.__doc__) > 20, name


def test_no_module_bears_the_name_of_a_public_function():
    modules = {p.stem for p in ROOT.glob("*.py")} | {p.name for p in ROOT.iterdir() if p.is_dir()}
    functions = {n for n in qsp.__all__ if callable(getattr(qsp, n)) and n.islower()}
    assert not modules & functions


def test_about_lists_the_package(capsys):
    import qutip

    if not importlib.metadata.entry_points(group="qutip.family"):
        pytest.fail("the entry point qutip.family is missing: install the package")
    qutip.about()
    assert f"qsyncplug: {qsp.__version__}" in capsys.readouterr().out


#: room -> rooms that it may import from, beside itself and the compiled kernels
CORE = {"core"}
QUANTUM = CORE | {"operators"}
FAMILIES = QUANTUM | {
    "exact",
    "approximate",
    "models",
    "published",
    "waves",
    "lohe",
    "wigner",
    "circle",
}
VIEWS = FAMILIES | {"sync", "adapters"}
ALLOWED = {
    "core": set(),
    "operators": CORE,
    "exact": QUANTUM,
    "approximate": QUANTUM,
    "models": QUANTUM | {"exact", "approximate"},
    "published": QUANTUM | {"exact", "approximate", "models"},
    "waves": CORE,
    "lohe": CORE | {"waves"},
    "wigner": CORE | {"waves", "lohe"},
    "circle": CORE,
    "sync": CORE,
    "adapters": FAMILIES | {"sync"},
    "comparison": VIEWS,
    "plot": VIEWS | {"comparison"},
    "sweeps": VIEWS | {"comparison", "plot"},
    "commands": VIEWS | {"comparison", "plot", "sweeps"},
}
MODULES = {
    ".".join(p.relative_to(ROOT.parent).with_suffix("").parts): p for p in ROOT.rglob("*.py")
}


def _plots(tree: ast.AST) -> set[ast.AST]:
    """Imports of ``plot`` inside methods called plot or anim: the declared exception."""
    return {
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef) and function.name.split("_")[0] in ("plot", "anim")
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "plot"
    }


def _imports(name: str, path: pathlib.Path):
    """Modules of the package that `name` imports anywhere: relative, absolute, inside functions."""
    tree = ast.parse(path.read_text())
    exempt = _plots(tree)
    package = name.split(".")[:-1]
    for node in ast.walk(tree):
        if node in exempt:
            continue
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = [*base, *(node.module.split(".") if node.module else [])]
            for alias in node.names:
                whole = ".".join([*base, alias.name])
                yield (
                    whole if whole in MODULES or whole + ".__init__" in MODULES else ".".join(base)
                )
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@functools.cache
def _package_imports():
    """Pairs of a module and one that it imports, within the package."""
    return [
        (name, target)
        for name, path in MODULES.items()
        for target in _imports(name, path)
        if target.split(".")[0] == "qsyncplug"
    ]


def test_every_room_is_in_the_order():
    rooms = {p.name for p in ROOT.iterdir() if p.is_dir() and (p / "__init__.py").exists()}
    assert rooms - {"_ext"} <= set(ALLOWED)


def test_imports_run_one_way():
    wrong = []
    for name, target in _package_imports():
        room, other = name.split(".")[1], (target.split(".") + [""])[1]
        if room in ALLOWED and other not in ALLOWED[room] | {room, "_ext"}:
            wrong.append(f"{name} imports {target}")
    assert not wrong


def test_nobody_imports_the_top():
    assert not [
        (name, target)
        for name, target in _package_imports()
        if target == "qsyncplug" and "commands" not in name
    ]


#: circles that wait for the drive of core
CIRCLES = []


def test_no_circles():
    """Tarjan's components of the imports between modules, those inside functions included."""
    import scipy.sparse
    from scipy.sparse.csgraph import connected_components

    names = sorted(MODULES)
    index = {n: k for k, n in enumerate(names)}
    edges = set()
    for name, target in _package_imports():
        target = target if target in index else target + ".__init__"
        if target in index and not name.endswith("__init__"):
            edges.add((index[name], index[target]))
    rows, columns = zip(*edges, strict=True)
    graph = scipy.sparse.csr_matrix((np.ones(len(edges)), (rows, columns)), shape=(len(names),) * 2)
    count, label = connected_components(graph, directed=True, connection="strong")
    groups = [[names[k] for k in np.flatnonzero(label == c)] for c in range(count)]
    assert not [g for g in groups if len(g) > 1 and not any(set(g) <= c for c in CIRCLES)]


def _after_import(code: str) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_importing_loads_and_registers_nothing_outside():
    """Counted in modules: they hold on any machine, and time follows them."""
    _after_import("""if True:
        import sys
        import qutip
        before, types = set(sys.modules), set(qutip.core.data.to.dtypes)
        import qsyncplug
        assert set(qutip.core.data.to.dtypes) == types
        ours = {m for m in sys.modules if m.startswith("qsyncplug.")}
        new = set(sys.modules) - before - ours - {"qsyncplug"}
        # Cython's own, and the editable build, which looks for changed kernels
        passed = ("_cython", "cython_runtime", "_qsyncplug_editable")
        outside = {
            m for m in new
            if m.split(".")[0] not in sys.stdlib_module_names and not m.startswith(passed)
        }
        assert not outside, sorted(outside)
        assert len(new) < 40, sorted(new)
        # rooms that wait until a name of theirs is asked for
        for room in ("circle", "lohe", "wigner", "published", "plot", "sweeps", "commands"):
            assert f"qsyncplug.{room}" not in ours, room
        assert len(ours) < 230, len(ours)
    """)


def test_every_public_name_is_where_it_is_looked_for():
    from qsyncplug._rooms import LATER

    for room, names in LATER.items():
        module = importlib.import_module(f"qsyncplug.{room}")
        public = {"Comparison", "compare"} if room == "comparison" else set(module.__all__)
        assert set(names) == public, f"qsyncplug/_rooms.py, {room}"
        assert all(getattr(qsp, name) is getattr(module, name) for name in names)
    assert set(qsp.__all__) <= set(dir(qsp))
    assert len(qsp.__all__) == len(set(qsp.__all__))


def _public_calls():
    """Every public function, class and method of this package with its name."""
    for name in qsp.__all__:
        item = getattr(qsp, name)
        if callable(item):
            yield name, item
        for inner, method in inspect.getmembers(item, inspect.isroutine):
            if str(getattr(method, "__module__", "")).startswith("qsyncplug") and inner[0] != "_":
                yield f"{name}.{inner}", method


def test_public_signatures_are_written_out():
    kept = {"spins.N", "levels.d", "atoms.N"}  # as many numbers as there are factors
    starred = {
        f"{name}.{parameter.name}"
        for name, item in _public_calls()
        if not (inspect.isclass(item) and issubclass(item, (BaseException, tuple)))
        for parameter in inspect.signature(item).parameters.values()
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    }
    assert starred == kept


def test_public_parameters_are_typed():
    vague = {
        f"{name}.{parameter.name}"
        for name, item in _public_calls()
        if not (inspect.isclass(item) and issubclass(item, (BaseException, tuple, enum.Enum)))
        for parameter in inspect.signature(item).parameters.values()
        if parameter.name not in ("self", "cls")
        and parameter.annotation in (Any, "Any", inspect.Parameter.empty)
    }
    assert not vague


#: returns that are whatever fits: by the family of the model, by an option, or by the shape given.
#: May only shrink
RETURNS_ANYTHING = {
    "Grid.integrate",
    "PhaseSpace.integrate",
    "correlation",
    "exactsolve",
    "load",
    "mfsolve",
    "spectrum",
    "steadystate",
}


def test_public_returns_are_typed():
    vague = {
        name
        for name, item in _public_calls()
        if not inspect.isclass(item)
        and inspect.signature(item).return_annotation in (Any, "Any", inspect.Signature.empty)
        # the state as functions of e_ops see it, which every solver says itself
        and not name.endswith("Solver.step")
    }
    assert vague == RETURNS_ANYTHING


def test_rooms_come_when_they_are_asked_for(tmp_path):
    path = tmp_path / "run.npz"
    grid = qsp.Grid(points=32, length=12.0)
    trap = qsp.GridHamiltonian(grid, lambda x: x**2 / 2)
    qsp.slsolve(qsp.SchrodingerLohe(trap), [grid.gaussian(0.5)] * 2, [0.0, 0.1]).save(path)
    _after_import(f"""if True:
        # a room by its own name: what reads its results comes with the first of them
        from qsyncplug.circle import Circle, circlesolve, sine
        import sys
        import qsyncplug as q
        run = circlesolve(Circle(sine(), "mean"), [0.0, 1.0], [0.0, 1.0])
        assert q.measures.order_parameter(run).shape == (2,)
        assert {{"slsolve", "circle", "plot_gram"}} <= set(dir(q))
        assert q.circle.sine is q.sine is sine
        # a file of a room that nobody named
        assert "qsyncplug.lohe" not in sys.modules
        assert q.synchronization(q.load({str(path)!r})).n == 2
        from qsyncplug import *
        assert plot_circle and wlsolve and sweep
    """)
    with pytest.raises(AttributeError, match="no attribute 'nothing_of_the_kind'"):
        qsp.nothing_of_the_kind  # noqa: B018


def test_every_result_is_read_by_an_adapter_that_is_looked_for():
    from qsyncplug import adapters
    from qsyncplug.sync.reading import reader

    for name in LATE_ADAPTERS:
        importlib.import_module(f"qsyncplug.adapters.{name}")
    for kind, function in reader.registry.items():
        room = ".".join(kind.__module__.split(".")[:2])
        adapter = function.__module__.rsplit(".", 1)[-1]
        if adapter in LATE_ADAPTERS and function.__module__.startswith("qsyncplug.adapters."):
            assert adapter in adapters._LATER[room], (kind, adapter)


#: adapters that are not imported with the package
LATE_ADAPTERS = sorted(
    p.stem
    for p in (ROOT / "adapters").glob("[!_]*.py")
    if p.stem not in ("bosons", "cumulants", "plain", "samples", "spins")
)


def test_scripts_name_tests_that_exist():
    folder = ROOT.parent
    if not (folder / ".ci/slow").exists():
        pytest.skip("an installed package")
    named = re.findall(r"tests/[a-z_/]+\.py", (folder / ".ci/slow").read_text())
    assert len(named) > 10
    assert [name for name in named if not (folder / name).exists()] == []
