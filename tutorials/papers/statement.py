"""What a page about a paper holds: statements, and how each is shown."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    """A statement of a paper.

    Attributes
    ----------
    label : str
        As in the paper.
    printed : str
        What it says.
    verdict : str
        Empty where the code gives a prediction and its outcome, which tell.
    right : str
        What is right, or why; empty where the prediction says it.
    code : str
        Run in the names of the page; the last line is an expression: (prediction, outcome), an
        outcome, a statement on a figure, or whether it is so.
    """

    label: str
    printed: str
    verdict: str = ""
    right: str = ""
    code: str = ""


@dataclass(frozen=True)
class Paper:
    """A page."""

    name: str
    title: str
    about: str
    prelude: str
    items: tuple[Item, ...]
