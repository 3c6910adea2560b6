"""Kernels that a stranger can read: short lines, and what every argument is for."""

import pathlib
import re

import pytest

import qsyncplug as qsp

KERNELS = pathlib.Path(qsp.__file__).parent.parent / "cython_ext"
FILES = sorted(p for p in KERNELS.rglob("*.*") if p.suffix in (".pyx", ".pxd", ".h", ".c"))

pytestmark = pytest.mark.skipif(not FILES, reason="an installed package has no sources of kernels")

#: a tag, or where the tags of the same arguments stand
TAG = re.compile(r"\b(IN|OUT|INOUT)\b|see q\w_kernels|as in \w+\.pxd")
CYTHON = re.compile(r"\s*(?:cdef|cpdef|def)\b[^=\[]*?\b\w+\(")
C = re.compile(r"(?!\s|#|typedef|return|\}|/\*| \*|\*)[\w\*\s\(\)]*?\b[A-Za-z_]\w*(?:\(\w+\))?\(")


def signature(lines, i):
    """The text of a function's head that begins in line i, and its last line."""
    text, j = lines[i], i
    while text.count("(") > text.count(")") and j + 1 < len(lines):
        j += 1
        text += "\n" + lines[j]
    return text, j


def has_arrays(text, cython):
    arguments = text.split("(", 1)[1]
    if not cython:
        return re.search(r"\w\s*\*|\* ?\w", arguments)
    if text.lstrip().startswith("def"):
        return re.search(r"\[[:, ]*:", arguments)
    return re.search(r"\*|\[[:, ]*:", arguments)


def comment_before(lines, i):
    """The comment that ends right before line i."""
    k = i - 1
    if k < 0:
        return ""
    if lines[k].rstrip().endswith("*/"):
        while k > 0 and "/*" not in lines[k]:
            k -= 1
        return "\n".join(lines[k:i])
    while k >= 0 and lines[k].strip().startswith("#"):
        k -= 1
    return "\n".join(lines[k + 1 : i])


def untagged(path):
    """Heads of functions with pointers or arrays of which nothing says IN or OUT."""
    cython, lines, i = path.suffix in (".pyx", ".pxd"), path.read_text().splitlines(), 0
    while i < len(lines):
        if (CYTHON if cython else C).match(lines[i]) and "cdef extern" not in lines[i]:
            text, j = signature(lines, i)
            follows = "\n".join(lines[j + 1 : j + 8]) if cython else ""
            docstring = follows if follows.lstrip().startswith(('"""', 'r"""')) else ""
            said = comment_before(lines, i) + text + docstring
            if has_arrays(text, cython) and not TAG.search(said):
                yield f"{path.name}:{i + 1}: {lines[i].strip()}"
            i = j
        i += 1


def test_every_argument_of_a_kernel_says_whether_it_is_read_or_written():
    assert len(FILES) > 30
    assert not [head for path in FILES for head in untagged(path)]


def test_the_reader_of_tags_finds_what_has_none(tmp_path):
    path = tmp_path / "some.pyx"
    path.write_text("cdef void f(const double* x, double* y) noexcept nogil:\n    pass\n")
    assert list(untagged(path))
    path.write_text('cdef void f(const double* x) noexcept nogil:\n    """IN x."""\n')
    assert not list(untagged(path))
    path = tmp_path / "some.h"
    path.write_text("static void f(const double *x)\n{\n}\n")
    assert list(untagged(path))
    path.write_text("/* IN x */\nstatic void f(const double *x)\n{\n}\n")
    assert not list(untagged(path))


def test_lines_of_kernels_fit_a_page():
    long = {p.name for p in FILES if any(len(line) > 100 for line in p.read_text().splitlines())}
    assert not long


def test_intrinsics_of_one_processor_stand_behind_their_guard():
    for path in FILES:
        text = path.read_text()
        assert not re.search(r"immintrin|_mm\d*_|__m\d+|arm_neon", text), path.name
        if "__builtin_cpu_supports" in text:
            guarded = "".join(re.findall(r"#ifdef \w+_X86\n.*?#endif", text, flags=re.S))
            assert text.count("__builtin_cpu_supports") == guarded.count("__builtin_cpu_supports")


#: two doubles that are one complex number: re, im; z_re, z_im; zr, zi
PARTS = re.compile(r"\b(\w*_)?re, (?:\1)?im\b|\b([a-z]{1,2})r, (?:\2)i\b")
#: kernels whose arrays have real and imaginary parts apart, which C makes vectors of
APART = {"bosons.pyx", "liouvillian.pyx", "liouvillian.pxd", "moving.pyx", "stochastic.pyx"}


def numbers_in_parts(path):
    """Declarations of complex numbers as two doubles that no comment beside gives a reason for."""
    lines = path.read_text().splitlines()
    for i, line in enumerate(lines):
        said = "apart" in "\n".join(lines[max(i - 2, 0) : i + 2])
        double = re.match(r"\s*cdef double\b(?! complex)", line)
        if double and PARTS.search(line) and not said:
            yield f"{path.name}:{i + 1}: {line.strip()}"


def test_complex_numbers_are_written_in_one_way():
    """``double complex`` and complexes.pxd; in parts only where the line before says why."""
    kernels = [p for p in FILES if p.suffix in (".pyx", ".pxd") and p.name not in APART]
    assert not [line for path in kernels for line in numbers_in_parts(path)]


def test_the_reader_of_complex_numbers_finds_parts(tmp_path):
    path = tmp_path / "some.pyx"
    for line in ("re, im, x", "x, hr, hi", "turn_re, turn_im"):
        path.write_text(f"def f():\n    cdef double {line}\n")
        assert list(numbers_in_parts(path)), line
        path.write_text(f"def f():\n    # apart: vectors\n    cdef double {line}\n")
        assert not list(numbers_in_parts(path)), line


def test_how_a_kernel_ended_is_told_by_the_status_of_all():
    """No kernel has numbers of its own for it."""
    own = re.compile(r"^    (DONE|STOPPED|STEPS|MEMORY|[A-Z_]*(?:LIMIT|FINITE|FAILED)) = \d", re.M)
    found = {p.name for p in FILES if own.search(p.read_text())}
    assert found == {"status.pxd"}
