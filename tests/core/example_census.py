"""Every argument of every public function, replaced by something wrong.

The right calls are those of the functions' own examples: they are run with the function recorded.
"""

import datetime
import doctest
import functools
import inspect
import sys

import numpy as np

import qsyncplug as qsp
from qsyncplug.sync.measures.record import Record

NUMBERS = {
    "text": "1",
    "truth value": True,
    "not a number": np.nan,
    "timedelta": datetime.timedelta(seconds=1),
    "masked": np.ma.array([1.0, 2.0], mask=[True, False]),
    "object": object(),
    "dict": {"a": 1},
}
INTEGERS = {**NUMBERS, "half": 2.5}
CHOICES = {"unknown": "nothing of the kind", "number": 3}
FLAGS = {"text": "no", "number": 1.5}
#: for what is left out unless wanted
UNWANTED = {"object": object(), "not a number": np.nan}
#: models and states that a user makes; other classes are what functions return
MADE = {
    "CentralChain",
    "Circle",
    "Grid",
    "GridHamiltonian",
    "OttAntonsen",
    "PhaseSpace",
    "PublishedSpinChains",
    "SchrodingerLohe",
    "Sphere",
    "SpinChains",
    "SyncView",
    "System",
    "WignerLohe",
}
#: (function, argument, what) that are right after all
RIGHT = {
    ("Circle", "normalization", "number"),
    # any text is a name or a label
    ("System", "name", "unknown"),
    ("interaction", "name", "unknown"),
    ("plot_order_parameter", "label", "unknown"),
    ("plot_spin_phase", "label", "unknown"),
    # a whole number in the example that need not be one
    ("kerr_van_der_pol", "loss", "half"),
    ("polygon_state", "size", "half"),
    # one phase for all
    ("phase", "frame", "number"),
    ("phase_rotated", "frame", "number"),
    # looked at for another form alone, or for an array
    *(("inverse_wigner_transform", "levels", label) for label in UNWANTED),
    *(("plot_wigner_function", "space", label) for label in UNWANTED),
    # no such file
    ("load", "path", "unknown"),
    ("resume", "path", "unknown"),
}


def arrays(value):
    """Wrong arrays of the shape of a right one."""
    right = np.asarray(value)
    out = {"text": "12", "object": object(), "dict": {"a": 1}}
    if right.size:
        broken = np.array(right, dtype=complex if right.dtype == complex else float)
        broken.flat[0] = np.nan
        mask = np.zeros(right.shape, bool)
        mask.flat[0] = True
        out |= {
            "texts": right.real.astype(str).tolist(),
            "truth values": np.ones(right.shape, bool).tolist(),
            "not a number": broken,
            "masked": np.ma.array(right, mask=mask),
            "time differences": np.ones(right.shape, "m8[s]"),
        }
    return out


def wrong(value):
    """What is wrong instead of a right `value`; nothing where that cannot be told."""
    if value is None:
        return UNWANTED
    if isinstance(value, bool):
        return FLAGS
    if isinstance(value, (int, np.integer)):
        return INTEGERS
    if isinstance(value, (float, complex, np.floating)):
        return NUMBERS
    if isinstance(value, str):
        return CHOICES
    if isinstance(value, (np.ndarray, list, tuple)):
        try:
            numbers = np.asarray(value).dtype.kind in "ifc"
        except ValueError:
            return {}
        return arrays(value) if numbers and len(value) else {}
    return {}


def public():
    """(module, name, function or class) of what a user calls."""
    for module in (qsp, qsp.measures):
        for name in module.__all__:
            item = getattr(module, name)
            if inspect.isclass(item):
                if name in MADE:
                    yield module, name, item
            elif callable(item) and not isinstance(item, Record):
                yield module, name, item


def recorded(module, name, item, monkeypatch):
    """Arguments of the last call of `item` in its own example."""
    calls = []
    target = item.__init__ if inspect.isclass(item) else item
    signature = inspect.signature(target)

    @functools.wraps(target)
    def record(*args, **kw):
        given = dict(signature.bind(*args, **kw).arguments)
        given.pop("self", None)
        calls.append(given)
        return target(*args, **kw)

    names = dict(vars(sys.modules[item.__module__]))
    if inspect.isclass(item):
        monkeypatch.setattr(item, "__init__", record)
    else:
        for place in (qsp, qsp.measures, sys.modules[item.__module__]):
            if getattr(place, name, None) is item:
                monkeypatch.setattr(place, name, record)
        names[name] = record
    for example in doctest.DocTestParser().get_examples(item.__doc__ or ""):
        exec(compile(example.source, name, "single"), names)
        if names.get(name) is item and not inspect.isclass(item):
            names[name] = record
    monkeypatch.undo()
    return calls[-1] if calls else None


def cases(item, right):
    """(argument, what is wrong with it, call)."""
    parameters = inspect.signature(item).parameters
    # what is given one by one leaves no room for a keyword in a call by position
    many = any(p.kind is p.VAR_POSITIONAL for p in parameters.values())
    for name, parameter in parameters.items():
        value = right.get(name, parameter.default)
        if value is parameter.empty or parameter.kind in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        ):
            continue
        if many and value is None:
            continue
        for label, other in wrong(value).items():
            yield name, label, call(item, {**right, name: other})


def call(item, arguments):
    """A call that gives by position what may be given so: the names of wrappers differ."""
    rest, placed = dict(arguments), []
    for name, parameter in inspect.signature(item).parameters.items():
        if name not in rest or parameter.kind is parameter.KEYWORD_ONLY:
            break
        placed.append(rest.pop(name))
    return lambda: item(*placed, **rest)
