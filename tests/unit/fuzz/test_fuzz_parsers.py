"""No parser ends with anything but a result or an error for the user, whatever bytes it is given.

Few examples of each here; ``pytest -m slow tests/unit/fuzz`` tries 50 times as many.
"""

from __future__ import annotations

import random
import resource
import signal
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, seed, settings
from parsers import PARSERS

FEW, MANY = 50, 1500
HANG = 120  # seconds
MOST_MEMORY = 400  # MB that a parser may add to the largest size of this process


@contextmanager
def watched():
    """Ends what hangs."""

    def stop(*_):
        raise TimeoutError(f"no answer within {HANG} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(HANG)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def fuzz(name, folder, examples, number):
    """Give a parser many inputs."""
    parser = PARSERS[name]

    @settings(
        max_examples=max(3, round(examples * parser.weight)),
        database=None,
        derandomize=number is None,
        suppress_health_check=list(HealthCheck),
    )
    @given(parser.given)
    def try_all(data):
        with watched():
            refused = "-"
            try:
                parser.parse(data, folder)
            except parser.refuses as error:
                refused = str(error)
            assert refused

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (try_all if number is None else seed(number)(try_all))()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_MEMORY * 1024


@pytest.mark.parametrize("name", PARSERS)
def test_a_result_or_an_error_for_the_user(name, tmp_path):
    fuzz(name, tmp_path, FEW, None)


@pytest.mark.slow
@pytest.mark.parametrize("name", PARSERS)
def test_many_examples(name, tmp_path):
    fuzz(name, tmp_path, MANY, random.SystemRandom().randrange(1 << 30))
