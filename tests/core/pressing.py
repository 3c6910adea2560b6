"""Ctrl-C at any call, of Python or of a kernel, while one function runs."""

import signal
import sys

import numpy as np


class Press:
    """Presses Ctrl-C once at one of the calls inside a function that is waited for.

    Parameters
    ----------
    begins : callable
        ``begins(frame)``: whether a frame is that of the function.
    at : int
        The event, from 1; 0: never, they are counted alone.
    counted : callable, optional
        ``counted(frame, event)``: whether an event is one; all without it.
    """

    def __init__(self, begins, at=0, counted=None):
        self.begins, self.at, self.counted = begins, at, counted
        self.number, self.fired, self.inside = 0, False, None

    def __call__(self, frame, event, argument):
        if self.inside is None:
            if event == "call" and self.begins(frame):
                self.inside = frame
            return
        if frame is self.inside and event == "return":
            self.inside = None
            return
        if self.fired or (self.counted and not self.counted(frame, event)):
            return
        self.number += 1
        if self.number == self.at:
            self.fired = True
            signal.raise_signal(signal.SIGINT)

    def during(self, function):
        """What the function returns."""
        before = sys.getprofile()
        # a press just before ``__exit__`` of the errstate of numpy.linalg, where a real signal is
        # never handled, would leave its settings to every later test of the process
        with np.errstate():
            sys.setprofile(self)
            try:
                return function()
            finally:
                sys.setprofile(before)
