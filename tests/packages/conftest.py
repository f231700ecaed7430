"""What the packages' tests get: a deadline, and machines that end with them."""
import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

LIMIT_SECONDS = 300


@pytest.fixture(autouse=True)
def deadline():
    def late(*unused):
        raise TimeoutError(f"the test took longer than {LIMIT_SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(LIMIT_SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
