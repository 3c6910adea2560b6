"""What a notebook shows: escaped, and the same as the text."""

import numpy as np

import qsyncplug as qsp


def test_results_and_predictions_as_html():
    run = qsp.mfsolve(qsp.van_der_pol_pair(), [1, 0.5j], np.linspace(0, 1, 3))
    page = run._repr_html_()
    assert page.startswith("<p><b>MeanFieldResult: mfsolve</b></p><table>")
    assert "<th>times</th><td>3 from 0 to 1</td>" in page
    model = qsp.Circle(qsp.sine(), "mean", coupling=2.0, frequencies=[0.5, -0.5])
    found = qsp.predictions(model, [0.0, 1.0])
    page = found._repr_html_()
    assert page.count("<tr>") == len(found) + len(found.notes)
    assert all(name.replace("'", "&#x27;") in page for name in found.names)


def test_fields_print_in_a_line():
    grid = qsp.Grid(points=64, length=16.0)
    text = repr(qsp.hydrodynamics(grid.gaussian(0.0), grid))
    assert "\n" not in text
    assert len(text) < 120
