"""tests/install-packages on a fresh Debian: what tests need comes without services for the next boot."""
import subprocess

import pytest

import booted


@pytest.fixture(scope="module")
def root():
    """The root of Debian 13, in which it has installed all of them."""
    folder = booted.BUILD / "root-debian13"
    made = subprocess.run([booted.ROOT / "tests/make-root", "tests", "trixie", folder], capture_output=True, text=True)
    if made.returncode != 0:
        pytest.skip(made.stderr.strip())
    return folder


def enabled(text):
    return {line.split()[0] for line in text.splitlines()}


def test_nothing_is_enabled_that_was_not_before(root):
    now = subprocess.run(["systemctl", f"--root={root}", "list-unit-files", "--state=enabled", "--no-legend"],
                         capture_output=True, text=True, check=True).stdout
    assert "systemd-" in now or "getty" in now, now
    assert enabled(now) == enabled((root / ".enabled").read_text(encoding="ascii"))
    assert (root / "lib/systemd/system/prometheus.service").exists()


def test_no_script_of_an_older_init_either(root):
    started = {link.name.lstrip("S0123456789") for link in root.glob("etc/rc2.d/S*")}
    assert not started & {"prometheus", "redis-server", "redis-sentinel", "spamd", "dovecot", "postfix", "syslog-ng"}


def test_its_policy_is_gone(root):
    assert not (root / "usr/sbin/policy-rc.d").exists()
