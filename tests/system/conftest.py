"""What every system test gets: a network and a folder of its own, a deadline, its logs shown when it fails."""
import contextlib
import os
import pathlib
import shutil
import signal

import pytest

from loopback import own_loopback
from processes import ROOT, new_folder
from scanner import start as start_scanner

LIMIT_SECONDS = 180     # a test; @pytest.mark.limit(SECONDS) states another
LOG_LINES = 40

# Those that take longest begin first, so that none is left to the end when other workers have nothing to do.
LONG = ("plan_cutover", "cluster", "plan_faults", "plan_failover", "replica_redis", "postfix_setup", "faults", "cutover_file",
        "scan_faults", "milter_peers", "setup_wiring", "wiring_status", "policyd_wire", "dict_dovecot", "cutover_postfix",
        "setup_day_one", "soak", "ctl", "two_gateways", "auth_enforced", "gateway_filter", "scan_fair", "cutover_journal", "scan",
        "gateway_storm", "auth", "metrics_port")

own_loopback()
os.environ["PATH"] = f"{ROOT}/tests/fakes/bin:{os.environ['PATH']}"


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): how long this test may take")
    # A thread that dies of an exception fails the test that runs meanwhile.
    config.addinivalue_line("filterwarnings", "error::pytest.PytestUnhandledThreadExceptionWarning")


def pytest_make_parametrize_id(val, argname):
    """What is long is called by its argument's name.  An archive has the time in it: of one that stands in a test's
    name, workers that collect in another second know nothing, and none of them runs anything."""
    return argname if isinstance(val, (str, bytes)) and len(val) > 80 else None


def pytest_collection_modifyitems(items):
    def place(item):
        name = item.path.stem.removeprefix("test_")
        return LONG.index(name) if name in LONG else len(LONG)

    items.sort(key=place)


@pytest.fixture(autouse=True)
def deadline(request):
    """A test that hangs fails; what it started is ended by its own fixtures."""
    marker = request.node.get_closest_marker("limit")
    seconds = marker.args[0] if marker else LIMIT_SECONDS

    def late(*unused):
        raise TimeoutError(f"the test took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def folder(request):
    """A folder that user postfix may enter; gone after the test.  Sockets in it have short paths."""
    made = new_folder()
    request.node.folders = [*getattr(request.node, "folders", []), made]
    yield made
    findings = sanitizer_findings(made)
    shutil.rmtree(made, ignore_errors=True)
    assert not findings, findings


@pytest.fixture(scope="module")
def module_folder(request):
    """The same, shared by the tests of a file."""
    made = new_folder()
    request.node.folders = [made]
    yield made
    findings = sanitizer_findings(made)
    shutil.rmtree(made, ignore_errors=True)
    assert not findings, findings


@pytest.fixture(scope="module")
def scanner(request, module_folder):
    """postshift-scan at the file's ADDRESS, with its SCANNER options if it has some; its tests share it."""
    milter = start_scanner(module_folder, request.module.ADDRESS, **getattr(request.module, "SCANNER", {}))
    yield milter
    milter.stop()


@pytest.fixture
def own(request, folder):
    """Scanners of the test's own, at the file's OWN_ADDRESS: own(option=value)."""
    started = []

    def make(**options):
        started.append(start_scanner(folder, request.module.OWN_ADDRESS, **options))
        return started[-1]

    yield make
    for milter in started:
        milter.stop()


def read_logs(folder):
    """Path and text of each log below; what goes away meanwhile is no matter."""
    for place, _, names in os.walk(folder):
        for name in sorted(names):
            if name.endswith(".log"):
                with contextlib.suppress(OSError):
                    log = pathlib.Path(place) / name
                    yield log, log.read_text(encoding="utf-8", errors="replace")


def sanitizer_findings(folder):
    """What a program built with SANITIZE= said in a log, with the lines behind it."""
    for log, text in read_logs(folder):
        for sign in ("Sanitizer: ", ": runtime error: "):
            if sign in text:
                return f"{log}: " + text[max(0, text.index(sign) - 200):][:6000]
    return ""


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows the end of every log in its folders."""
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    folders = [f for node in item.listchain() for f in getattr(node, "folders", [])]
    for log, text in (found for folder in folders for found in read_logs(folder)):
        if text:
            report.sections.append((f"end of {log}", "\n".join(text.splitlines()[-LOG_LINES:])))
