"""What the packages' tests get: a deadline, and machines that end with them."""
import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

LIMIT_SECONDS = 300


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): how long this test may take")


@pytest.fixture(autouse=True)
def deadline(request):
    marker = request.node.get_closest_marker("limit")
    seconds = marker.args[0] if marker else LIMIT_SECONDS

    def late(*unused):
        raise TimeoutError(f"the test took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
