"""Shared parts of docstrings stand where numpydoc wants them, and only where they lack."""

import itertools

import pytest

from qsyncplug.core.documented import documented, with_parameters, with_section

DOC = "One line.\n\nParameters\n----------\nx, y\n    Numbers.\n\nNotes\n-----\nWhy.\n\nExamples\n"
DOC += "--------\n>>> 1\n1\n"


def titles(doc):
    lines = doc.splitlines()
    return [a for a, b in itertools.pairwise(lines) if b and set(b) == {"-"}]


def test_sections_stand_in_order():
    doc = with_section(with_section(DOC, "Raises", "ValueError"), "Returns", "float")
    assert titles(doc) == ["Parameters", "Returns", "Raises", "Notes", "Examples"]
    assert with_section(doc, "Returns", "int") == doc
    assert with_section("One line.", "Returns", "int") == "One line.\n\nReturns\n-------\nint\n"


@pytest.mark.parametrize("name", ["x", "y"])
def test_what_is_told_is_not_told_again(name):
    assert with_parameters(DOC, {name: f"{name} : int"}) == DOC


def test_entries_come_first_or_last():
    assert "Numbers.\nz : int\n\nNotes" in with_parameters(DOC, {"z": "z : int"})
    assert "---\nz : int\nx, y\n" in with_parameters(DOC, {"z": "z : int"}, first=True)


def test_only_arguments_of_its_own():
    @documented(parameters={"a": "a : int", "b": "b : int"})
    def f(a):
        """Something."""
        return a

    assert "a : int" in f.__doc__ and "b : int" not in f.__doc__
    assert f(3) == 3
