"""Kernels run on any x86-64: wide instructions stand only in functions chosen when they run."""

import pathlib
import platform
import re
import shutil
import subprocess

import pytest
from qsyncplug._ext import integrator

FOLDER = pathlib.Path(integrator.__file__).parent
KERNELS = sorted(p for p in FOLDER.iterdir() if re.search(r"\.so$", p.name))


@pytest.mark.skipif(
    platform.machine() != "x86_64" or not shutil.which("objdump") or not KERNELS,
    reason="needs objdump, and kernels for x86-64",
)
@pytest.mark.parametrize("path", KERNELS, ids=lambda p: p.name.split(".")[0])
def test_wide_registers_only_where_the_processor_was_asked(path):
    command = ["objdump", "-d", "--no-show-raw-insn", str(path)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert text.count("%rsp") > 10
    wide, function = set(), ""
    for line in text.splitlines():
        if line.endswith(">:"):
            function = line.split("<")[1][:-2]
        elif "%ymm" in line or "%zmm" in line or "%k1" in line:
            wide.add(function)
    assert not {name for name in wide if not re.search(r"[_.](avx2|avx512|arch_x86_64_v3)", name)}
