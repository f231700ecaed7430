"""postshiftctl status on a gateway's wiring: whether and how Postfix asks policyd, and what to type where it does not."""
import json
import os
import shlex
import shutil
import time

import pytest

from mailsite import MailSite
from processes import BIN, run, wait_for

CTL = BIN / "postshiftctl"


class Look:
    """What status said."""

    def __init__(self, site, *words, environment=None):
        done = run(CTL, "-c", site.policyd.config, "status", "--json", *words, check=False, environment=environment)
        self.code, self.document = done.returncode, json.loads(done.stdout)
        self.postfix = self.document["postfix"]
        self.bad = [finding["text"] for finding in self.postfix["findings"] if finding["bad"]]
        self.texts = " / ".join(finding["text"] for finding in self.postfix["findings"])


def look(site):
    found = Look(site, "--directory", site.gateway.etc)
    assert (found.code == 1) == bool(found.bad), (found.code, found.document["findings"])
    assert found.postfix["bad"] == bool(found.bad)
    return found


def type_command(text):
    """The command at the end of a sentence, as an administrator would paste it."""
    words = shlex.split(text[text.rindex(": ") + 2:])
    assert words[0] in ("postshiftctl", "postfix"), text
    run(CTL if words[0] == "postshiftctl" else words[0], *words[1:])


def managers(site):
    return run("pgrep", "-P", site.gateway.master_pid(), "-x", "qmgr", check=False).stdout.split()


def set_weight(site, weight):
    site.set(weight=weight)
    while site.marked:          # the domain that tells of changes is on old again
        site.settled()


@pytest.fixture(scope="module", name="whole_site")
def made(module_folder):
    site = MailSite(module_folder, "127.20.30")
    site.setup_at_start = False
    site.start()
    yield site
    site.stop()


@pytest.fixture
def site(whole_site, folder):
    """Not wired, weight 0; its files as they were, afterwards."""
    etc = whole_site.gateway.etc
    for name in ("main.cf", "master.cf"):
        shutil.copy2(etc / name, folder / name)
    set_weight(whole_site, 0)
    yield whole_site
    for name in ("main.cf", "master.cf"):
        shutil.copy2(folder / name, etc / name)
    (etc / "postshift-setup.record").unlink(missing_ok=True)
    if not whole_site.policyd.process.running():
        whole_site.policyd.start()
    whole_site.gateway.reload()


def test_not_wired_is_said_and_is_bad_once_people_are_moved(site):
    found = look(site)
    assert found.postfix["state"] == "not wired" and not found.postfix["wired"]
    assert "Postfix is not wired: postfix-setup has not been applied" in found.texts
    set_weight(site, 30)
    found = look(site)
    assert "example.com" in found.bad[0]
    site.gateway.age_files()
    type_command(found.bad[0])
    found = look(site)
    assert found.postfix["state"] == "wired" and found.postfix["wired"], found.texts
    printed = run(CTL, "-c", site.policyd.config, "status", "--directory", site.gateway.etc).stdout
    assert "Postfix is wired: the queue manager asks policyd" in printed


def test_switched_off(site):
    set_weight(site, 30)
    site.setup("--apply")
    assert look(site).postfix["state"] == "wired"
    assert run(*site.setup_words("--off"), check=False).returncode == 4, "people are on new"
    set_weight(site, 0)
    site.setup("--off")
    found = look(site)
    assert found.postfix["state"] == "off" and not found.bad and "switched off" in found.texts
    set_weight(site, 30)
    found = look(site)
    type_command(found.bad[0])
    assert look(site).postfix["state"] == "wired"


def test_a_file_that_is_newer_than_what_runs(site):
    site.setup("--apply")
    assert not look(site).bad
    for name in ("main.cf", "master.cf"):
        os.utime(site.gateway.etc / name)
        found = look(site)
        assert len(found.bad) == 1 and f"{name} is newer than what Postfix runs with" in found.bad[0]
        before = managers(site)
        type_command(found.bad[0])
        wait_for(lambda: managers(site) not in ([], before), 10, "the queue manager began anew")
        assert not look(site).bad


@pytest.mark.parametrize("names", [("main.cf",), ("master.cf",), ("main.cf", "master.cf")])
def test_a_template_that_writes_over_it(site, folder, names):
    """At weight 30; the record beside the files may go with them."""
    before = managers(site)
    site.setup("--apply")
    # One that begins after a file was written over runs with that file.
    wait_for(lambda: managers(site) not in ([], before), 10, "the queue manager began anew")
    set_weight(site, 30)
    second = int(time.time())
    wait_for(lambda: int(time.time()) > second, 3, "a second that is not the queue manager's first")
    for name in names:
        shutil.copy(folder / name, site.gateway.etc / name)
    if len(names) == 2:
        (site.gateway.etc / "postshift-setup.record").unlink()
    found = look(site)
    assert any("newer" in text for text in found.bad)
    site.gateway.reload()
    found = look(site)
    assert len(found.bad) == 1, found.bad
    assert found.postfix["state"] == ("part" if names == ("main.cf",) else "not wired")
    if names == ("main.cf",):
        assert "smtpd_recipient_restrictions of main.cf" in found.bad[0]
    site.gateway.age_files()
    type_command(found.bad[0])
    assert not look(site).bad


def test_changed_maps_of_the_site(site):
    site.setup("--apply")
    site.gateway.set(transport_maps="inline:{x@example.org=smtp:[127.0.0.1]:9}")
    site.gateway.reload()
    found = look(site)
    assert len(found.bad) == 1 and "transport_maps has changed since the last --apply" in found.bad[0]
    assert "x@example.org" in found.bad[0]
    type_command(found.bad[0])
    assert not look(site).bad


def test_sockets(site):
    site.setup("--apply")
    sockets = site.gateway.sockets
    mode = sockets.stat().st_mode & 0o7777
    try:
        sockets.chmod(0o777)
        assert "everybody may write in its folder" in look(site).bad[0]
        sockets.chmod(0o700)
        assert "keeps user postfix out" in look(site).bad[0]
        sockets.chmod(mode)
        os.chown(sockets, 1, -1)
        assert "its folder belongs to" in look(site).bad[0]
    finally:
        os.chown(sockets, 0, -1)
        sockets.chmod(mode)
    assert not look(site).bad
    site.policyd.stop()
    found = Look(site, "--directory", site.gateway.etc)
    assert found.code == 1 and any("route.sock" in text and "all mail waits" in text for text in found.bad)


def test_which_postfix(site):
    """The option, the file, MAIL_CONFIG; one that isn't there is bad where it was named."""
    assert Look(site, environment={"MAIL_CONFIG": str(site.gateway.etc)}).postfix["directory"] == str(site.gateway.etc)
    found = Look(site, "--directory", "/nonexistent")
    assert found.code == 1 and found.postfix["state"] == "unknown" and "/nonexistent" in found.bad[0]


def test_an_ordinary_user_is_told_what_she_may_see(site):
    site.setup("--apply")
    done = run("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups",
               CTL, "-c", site.policyd.config, "status", "--json", "--directory", site.gateway.etc, check=False)
    document = json.loads(done.stdout)
    assert done.returncode == 0 and document["postfix"]["state"] == "wired", document["findings"]
