"""The package as a whole: names, entry point, import direction."""

import ast
import importlib
import pathlib
import subprocess
import sys

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


#: room -> rooms it must not import from: data flows model → solver → result → adapter → view → comparison, plot
FORBIDDEN = {
    "core": {"bosons", "spins", "lohe", "wigner", "circle", "sync", "adapters", "plot", "commands", "comparison"},
    "sync": {"bosons", "spins", "lohe", "wigner", "circle", "adapters", "plot", "commands", "comparison"},
    "bosons": {"sync", "adapters", "plot", "commands", "comparison"},
    "adapters": {"plot", "commands", "comparison"},
}


@pytest.mark.parametrize("room", FORBIDDEN)
def test_imports_run_one_way(room):
    for path in (ROOT / room).rglob("*.py"):
        depth = len(path.relative_to(ROOT).parts)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level == depth:
                target = (node.module or "").split(".")[0]
                assert target not in FORBIDDEN[room], f"{path}: imports {node.module}"


def test_importing_opens_no_plotting_window_and_registers_nothing():
    code = (
        "import qutip, sys; before = set(qutip.core.data.to.dtypes); import qsyncplug; "
        "assert set(qutip.core.data.to.dtypes) == before; assert 'qsyncplug.commands' not in sys.modules; "
        # it alone takes a third of the time of importing QuTiP
        "assert 'scipy.stats' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
