"""postshiftctl postfix-setup on a gateway that works already: mail flows before, wired, and after."""
import os
import shlex

import pytest

from mailsite import MailSite
from processes import BIN, run, wait_for

OLDIE, NEWBIE, OWN = "alice@example.com", "user000@example.com", "own@example.org"   # weight 50
SITE = {        # what the administrator had
    "smtpd_recipient_restrictions": "permit_mynetworks, reject_unauth_destination",
    "smtpd_data_restrictions": "reject_unauth_pipelining",
    "smtp_header_checks": "regexp:{{/^X-Site:/ REPLACE X-Site: checked}}",
    "mynetworks": "127.0.0.0/8",
}


@pytest.fixture
def site(folder):
    """Wired last: everything runs, example.com has a state, Postfix knows nothing of us."""
    made = MailSite(folder, "127.20.17", main=SITE)
    made.setup_at_start = False
    made.start()
    made.set(weight=50)
    yield made
    made.stop()


def configuration(site):
    """Postfix 3.10 names its directory or not, by how new main.cf is."""
    set_there = [line for line in site.gateway.postconf("-n").splitlines() if not line.startswith("config_directory ")]
    return set_there, site.gateway.postconf("-M"), site.gateway.postconf("-P")


def deliver(site, tag, wanted):
    """Sends to all, waits for each copy where it is wanted; the copies by recipient."""
    sender = f"{tag}@outside.example"
    assert not site.gateway.send(sender, wanted, headers=[("X-Site", "as sent")])
    copies = {}
    for recipient, sink in wanted.items():
        [copies[recipient]] = wait_for(lambda: sink.copies_of(recipient, sender), 20,
                                       f"{tag}: {recipient} on {sink.name}")
    return copies


def check_unwired(site, tag):
    copies = deliver(site, tag, {OLDIE: site.other, NEWBIE: site.other, OWN: site.own})
    for copy in copies.values():
        assert copy.headers("X-Cutover-Backend") == []
        assert copy.headers("X-Site") == ["checked"]


def check_wired(site, tag, own=None):
    copies = deliver(site, tag, {OLDIE: site.old, NEWBIE: site.new, OWN: own or site.own})
    assert site.backend_of(copies[OLDIE]) == "old"
    assert site.backend_of(copies[NEWBIE]) == "new"
    assert copies[OWN].headers("X-Cutover-Backend") == []
    assert copies[OLDIE].headers("X-Site") == copies[NEWBIE].headers("X-Site") == ["checked"]
    assert copies[OWN].headers("X-Site") == ["checked"]


def test_apply_twice_and_remove(site):
    before = configuration(site)
    check_unwired(site, "before")
    assert "nothing" not in site.setup("--apply").stdout
    check_wired(site, "wired")
    wired = configuration(site)
    assert "nothing to do" in site.setup("--apply").stdout
    assert configuration(site) == wired
    for option in ("--off", "--remove"):
        refused = run(*site.setup_words(option), check=False)
        assert refused.returncode == 4 and "example.com: about 50 % of its people are on new" in refused.stderr
        assert "rollback" in refused.stderr and configuration(site) == wired
    site.setup("--remove", "--force")
    assert configuration(site) == before
    check_unwired(site, "removed")
    assert "nothing to do" in site.setup("--remove").stdout
    run("postfix", "-c", site.gateway.etc, "check")


def test_print_changes_nothing_and_can_be_typed(site):
    """What it prints does the same as --apply, command by command."""
    before = configuration(site)
    printed = site.setup().stdout
    assert configuration(site) == before
    commands = [line for line in printed.splitlines() if line and not line.startswith("#")]
    assert commands
    before = site.gateway.smtpds()
    for command in commands:
        run(*shlex.split(command))
        site.gateway.age_files()
    site.gateway.wait_for_new_smtpds(before)
    check_wired(site, "typed")
    assert "nothing to do" in site.setup("--apply").stdout


def test_sites_own_map_goes_on_and_its_change_is_taken_over(site):
    site.setup("--apply")
    check_wired(site, "wired")
    site.gateway.set(transport_maps=f"inline:{{{{{OWN}={site.route('smtp', site.other)}}}}}")
    assert "transport_maps" in site.setup().stdout          # it is named...
    site.gateway.reload()
    check_wired(site, "not-yet")                            # ...and not in force behind ours yet
    site.setup("--apply")
    check_wired(site, "taken-over", own=site.other)
    assert "nothing to do" in site.setup("--apply").stdout


def test_one_command_switches_it_off(site):
    printed = site.setup("--apply").stdout
    check_wired(site, "wired")
    assert "qmgr/unix/rewrite_service_name" in printed, "it says how"
    site.gateway.postconf("-PX", "qmgr/unix/rewrite_service_name")
    site.gateway.reload()
    deliver(site, "off", {OLDIE: site.other, NEWBIE: site.other})
    site.setup("--apply")
    check_wired(site, "on-again")


def test_refused_while_mail_would_wait(site):
    """With policyd silent, or a domain without a state, all its mail would wait: exit 4, nothing changed."""
    before = configuration(site)
    site.policyd.kill()
    done = run(*site.setup_words("--apply"), check=False)
    assert done.returncode == 4, done
    assert configuration(site) == before
    site.policyd.policyd_options["domains"] += " stateless.example"
    site.policyd.write_config()
    site.policyd.start()
    done = run(*site.setup_words("--apply"), check=False)
    assert done.returncode == 4 and "stateless.example" in done.stdout + done.stderr
    assert configuration(site) == before
    check_unwired(site, "untouched")


def test_a_reload_that_fails_puts_both_files_back(site, folder):
    tools = folder / "tools"
    tools.mkdir()
    (tools / "postfix").write_text("#!/bin/sh\necho 'no reload today' >&2\nexit 1\n")
    (tools / "postfix").chmod(0o755)
    before = configuration(site)
    failed = run(*site.setup_words("--apply"), check=False, environment={"PATH": f"{tools}:{os.environ['PATH']}"})
    assert failed.returncode == 1 and "no reload today" in failed.stderr
    assert "main.cf and master.cf are as they were" in failed.stderr
    assert configuration(site) == before
    check_unwired(site, "not-wired")


def test_applied_while_postfix_is_stopped(site):
    site.gateway.stop()
    site.setup("--apply")
    words = [BIN / "postshiftctl", "-c", site.policyd.config, "status", "--directory", site.gateway.etc]
    said = run(*words).stdout
    assert "Postfix is wired" in said and "Postfix isn't running" in said
    site.gateway.start()
    assert "isn't running" not in run(*words).stdout
    check_wired(site, "wired")


def test_a_folder_where_others_could_answer_is_named(site):
    """Whoever may put a socket in the place of route.sock decides where mail goes."""
    folder = site.gateway.queue / "postshift"
    folder.chmod(0o2770)
    assert f"note: {folder}, where policyd answers, may be written by others (mode 2770)" in site.setup().stdout
    folder.chmod(0o2710)
    os.chown(folder, 65533, -1)
    assert f"note: {folder}, where policyd answers, belongs to neither policyd's user nor root" in site.setup().stdout
    os.chown(folder, 0, -1)
    assert "where policyd answers" not in site.setup().stdout


def test_nobody_is_moved_so_nothing_is_feared(site):
    """At weight 0; but not while somebody is pinned to new, with Redis away neither."""
    site.set(weight=0)
    while site.marked:
        site.settled()
    site.setup("--apply")
    site.setup("--off")
    site.setup("--apply")
    site.pin("somebody@example.com", "new")
    refused = run(*site.setup_words("--off"), check=False)
    assert refused.returncode == 4 and "pins to new, standby or hold: 1" in refused.stderr
    site.redis.process.kill()
    refused = run(*site.setup_words("--off"), check=False)
    assert refused.returncode == 4 and "can't be told with Redis away" in refused.stderr
    site.policyd.stop()
    refused = run(*site.setup_words("--off"), check=False)
    assert refused.returncode == 4 and "neither policyd nor Redis" in refused.stderr
    site.setup("--off", "--force")


def test_a_domain_that_changes_its_class_is_seen(site):
    """Wired already; then somebody makes it a domain of the gateway's own aliases."""
    site.setup("--apply")
    assert "virtual_alias_domains" not in site.policyd.ctl("status", "--directory", site.gateway.etc, check=False).stdout
    site.gateway.set(virtual_alias_domains="example.com")
    seen = site.policyd.ctl("status", "--directory", site.gateway.etc, check=False)
    assert seen.returncode == 1 and "example.com stands in virtual_alias_domains" in seen.stdout + seen.stderr
