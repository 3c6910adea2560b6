"""python -m qsyncplug."""

import json
import re

import numpy as np
import pytest

import qsyncplug as qsp
from qsyncplug.__main__ import main

QUICK = [
    "compare",
    "modes",
    "--end",
    "1",
    "--times",
    "6",
    "--cutoff",
    "6",
    "--amplitudes",
    "0.5,0.5i",
    "--quiet",
]


def test_compare_prints_and_writes(tmp_path, capsys):
    out = tmp_path / "run"
    assert main([*QUICK, "--output", str(out), "--gain", "1,1.1"]) == 0
    captured = capsys.readouterr()
    text = captured.out
    # a cut-off of 6 is too low, and is said to be in one line
    assert "warning: the cut-off 6 is too low" in captured.err
    for word in (
        "van der Pol pair",
        "mean field",
        "cumulants",
        "S_q^φ",
        "checks",
        "run.png",
        "run.json",
    ):
        assert word in text
    assert out.with_suffix(".png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    data = json.loads(out.with_suffix(".json").read_text())
    result = qsp.load(f"{out}-mean-field.npz")
    assert np.array_equal(result.times, data["times"])
    assert "agrees for t in" in out.with_suffix(".txt").read_text()
    assert data["parameters"]["gain"] == "(1.0, 1.1)"
    assert len(data["times"]) == 6
    assert data["values"]["coherence"]["exact"][0] == pytest.approx(1.0, abs=1e-3)


def test_a_pdf_where_the_output_says_so(tmp_path, capsys):
    out = tmp_path / "run.pdf"
    words = ["compare", "lohe", "--end", "1", "--times", "5", "--quiet", "--output", str(out)]
    assert main(words) == 0
    assert out.read_bytes()[:5] == b"%PDF-"
    assert str(out) in capsys.readouterr().out


def test_info(capsys):
    assert main(["info"]) == 0
    text = capsys.readouterr().out
    for word in ("qsyncplug", "qutip", "numpy", "threads", "FFT backend"):
        assert word in text


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["compare", "modes", "--gain", "-1"], "gain must be at least 0, not -1"),
        (["compare", "modes", "--gain", "1,2,3"], "one number or two"),
        (["compare", "modes", "--cutoff", "1"], "cutoff must be at least 2, not 1"),
        (["compare", "modes", "--end", "0"], "--end must be above 0"),
        (["compare", "modes", "--times", "1"], "--times must be at least 2"),
        (["compare", "modes", "--amplitudes", "1"], "two amplitudes"),
        (["compare", "modes", "--detuning", "nan"], "detuning must be finite"),
        (["compare", "modes", "--tolerance", "0"], "tolerance must be above 0"),
        (["compare", "--output", "/nowhere/x"], "folder /nowhere does not exist"),
        (["compare", "--colour", "red"], "unrecognized arguments"),
        (["dance"], "invalid choice"),
        (["compare", "fish"], "no family 'fish'; there are modes, circle"),
        (["compare", "circle", "--n", "5"], "unrecognized arguments: --n"),
        (["--colour", "red"], "unrecognized arguments"),
        (["compare", "modes", "--gain", "a"], "one number or two, separated by a comma; not 'a'"),
        (["compare", "modes", "--amplitudes", "1,x"], "such as 1,0.5+0.5j; not '1,x'"),
        (["compare", "spins", "--omega", "x"], "one number or two, separated by a comma; not 'x'"),
        (["compare", "spins", "--sizes", ""], "such as 4,8,16; not ''"),
        (["compare", "circle", "--seed=-1"], "--seed must be at least 0, not -1"),
        (["compare", "circle", "--output", ""], "--output must name files, not '.'"),
    ],
)
def test_bad_options_give_one_line_and_exit_2(arguments, text, capsys):
    try:
        code = main([*arguments, "--quiet"] if arguments[:1] == ["compare"] else arguments)
    except SystemExit as stop:
        code = stop.code
    captured = capsys.readouterr()
    assert code == 2
    assert text in captured.err
    assert captured.err.count("\n") == 1


def test_a_point_in_the_name_is_kept_and_json_has_no_nan(tmp_path):
    words = ["compare", "spins", "--sizes", "2,3", "--ntraj", "0", "--end", "0.2", "--times", "3"]
    assert main([*words, "--quiet", "--output", str(tmp_path / "g1.5")]) == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert {"g1.5.png", "g1.5.json", "g1.5.txt", "g1.5-n-3-exact.npz"} <= names

    def refuse(word):
        raise AssertionError(word)

    data = json.loads((tmp_path / "g1.5.json").read_text(encoding="utf-8"), parse_constant=refuse)
    # of two sizes a power is known, its error is not
    assert [p["standard error"] for p in data["powers"].values()] == [None] * len(data["powers"])


SMALL = {
    "modes": QUICK[2:],
    "spins": ["--sizes", "2,3", "--ntraj", "20"],
    "lohe": ["--points", "32"],
    "wigner": ["--points", "32", "--oscillators", "2", "--length", "12", "--end", "0.5"],
    "circle": ["--particles", "20"],
}


@pytest.mark.filterwarnings("ignore::qsyncplug.QsyncplugWarning")
@pytest.mark.parametrize("family", SMALL)
def test_every_family_writes_figure_data_and_table(family, tmp_path, capsys):
    words = ["compare", family, "--end", "1", *SMALL[family], "--quiet", "--times", "5"]
    assert main([*words, "--output", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out.png").stat().st_size > 5000
    assert (tmp_path / "out.txt").read_text().strip() in capsys.readouterr().out
    assert json.loads((tmp_path / "out.json").read_text())["parameters"]
    kept = list(tmp_path.glob("out-*.npz"))
    assert kept
    for path in kept:
        assert len(qsp.load(path).times) == 5


@pytest.mark.parametrize("family", SMALL)
def test_help_shows_defaults_that_are_accepted(family, capsys):
    with pytest.raises(SystemExit):
        main(["compare", family, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    shown = re.findall(r"--([a-z-]+) [A-Z{][^-]*?(?:-[^-]+?)*?\(default: ([^)]*)\)", text)
    assert len(shown) >= 5
    words = [f"--{name}={value}" for name, value in shown]
    # the last option is wrong, so that nothing is run: all before it were read
    with pytest.raises(SystemExit):
        main(["compare", family, *words, "--times", "no number"])
    assert "--times: invalid int value: 'no number'" in capsys.readouterr().err
