"""A training that is asked to stop: it saves its state first and says how it goes on.

Purpose: batch systems send SIGTERM some seconds before they end a job at its time limit, workstations when they are
shut down. Inputs: the signal. Outputs: a question that the loop asks after every step, and the error that ends the job.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: Exit code of a job that was asked to stop: that of a program which the signal ended.
EXIT_CODE = 128 + signal.SIGTERM


class StoppedError(RuntimeError):
    """The work was asked to stop, and what had been done is saved."""


@contextmanager
def asked_to_stop(at_once: Callable[[], None] | None = None) -> Iterator[Callable[[], bool]]:
    """Take SIGTERM as a question for the length of a block; the process goes on.

    Parameters
    ----------
    at_once : function, optional
        Called when the signal arrives, e.g. to pass it on.

    Yields
    ------
    function
        Whether the signal has arrived. Outside the main thread, which alone may take signals, it never does.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    arrived, owner = threading.Event(), os.getpid()

    def note(number: int, frame: object) -> None:
        if os.getpid() != owner:  # a forked child has inherited this, and is to end as it would have
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        arrived.set()
        if at_once is not None:
            at_once()

    before = signal.signal(signal.SIGTERM, note)
    try:
        yield arrived.is_set
    finally:
        signal.signal(signal.SIGTERM, before)
