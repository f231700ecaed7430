"""The Debian packages: built, installed, used, kept while Postfix is wired, removed and purged, on a bare Debian with an
existing Postfix and a real systemd."""
import re
import subprocess
import time

import pytest

import booted
import readme

PROGRAMS = ("policyd", "auth", "scan")
NAMES = ("postshift-common", *(f"postshift-{program}" for program in (*PROGRAMS, "cutover")))
SOCKETS = "/var/spool/postfix/postshift"
CONF = "/etc/postshift/postshift.conf"
OUT = booted.BUILD / "packages"
BUILD = f"""set -e
rm -rf /var/tmp/source /src/build/packages
mkdir -p /var/tmp/source/postshift /src/build/packages
tar -C /src --exclude=./build --exclude=./.git -cf - . | tar -C /var/tmp/source/postshift -xf -
cd /var/tmp/source/postshift
dpkg-buildpackage -b -us -uc -j2
mv ../*.deb /src/build/packages/
"""


@pytest.fixture(scope="module")
def machine():
    try:
        made = booted.Machine(booted.root())
        made.boot()
    except booted.CantBoot as why:
        pytest.skip(str(why))
    yield made
    made.end()


def install(machine, how=""):
    """As from a shell, but for the network, which the machine doesn't have."""
    return machine.ok(f"apt-get install -y --no-install-recommends {how} /src/build/packages/postshift-*[0-9]_*.deb", 180)


def test_they_build_without_a_warning(machine):
    log = machine.ok(BUILD, 300)
    assert not re.findall(r".*warning: .*", log)
    assert "redefined" not in log
    assert len([f for f in OUT.glob("postshift-*.deb") if "dbgsym" not in f.name]) == len(NAMES)


def fields(package, name):
    deb = next(f for f in OUT.glob(f"{package}_*.deb"))
    return subprocess.run(["dpkg-deb", "-f", deb, name], capture_output=True, text=True, check=True).stdout


def test_what_they_recommend_starts_no_second_resolver():
    if not OUT.exists():
        pytest.skip("no packages were built")
    assert "unbound" not in fields("postshift-auth", "Recommends")
    assert "redis" not in fields("postshift-policyd", "Recommends"), "nor a Redis beside the site's own"


def test_installed_they_start_and_enable_nothing(machine):
    machine.ok("rm -f /src/build/packages/*dbgsym*")
    said = install(machine)
    assert "Could not execute systemctl" not in said and "Failed" not in said, said
    for program in PROGRAMS:
        assert machine.run(f"systemctl is-active postshift-{program}").output.strip() == "inactive"
        assert machine.run(f"systemctl is-enabled postshift-{program}").output.strip() == "disabled"
        assert f"postshift-{program} -t && systemctl enable --now postshift-{program}" in said
        assert not machine.run(f"ls {SOCKETS}/*.sock").code == 0
    assert machine.ok(f"stat -c '%U:%G %a' {CONF} {SOCKETS}").split() == \
        ["root:postshift", "640", "postshift:postfix", "2710"]
    machine.ok("ls /usr/share/doc/postshift-common/README.md*")
    machine.ok("ls /usr/lib/sysusers.d/postshift.conf /usr/lib/tmpfiles.d/postshift.conf")
    # Whoever starts them with the empty file is told what they do.
    assert machine.run("postfix check").output == ""


def test_the_readmes_steps(machine):
    machine.write(CONF, "\n".join(readme.block(2)) + "\n")
    machine.ok("postshift-policyd -t")
    for program in PROGRAMS:
        machine.ok(f"systemctl enable --now postshift-{program}")
    for number in (3, 5):
        for line in readme.block(number):
            machine.ok(line)
    machine.ok("printf 'Subject: x\\n\\nx\\n' | sendmail -f you@example.net root@gw.example.net")
    machine.wait("journalctl -q --no-pager | grep -q 'postfix/local.*status=sent'")


def test_an_upgrade_restarts_what_runs_and_keeps_the_file(machine):
    before = {program: machine.show(f"postshift-{program}", "MainPID") for program in PROGRAMS}
    install(machine, "--reinstall")
    for program in PROGRAMS:
        assert machine.show(f"postshift-{program}", "ActiveState") == "active"
        assert machine.show(f"postshift-{program}", "MainPID") not in ("0", before[program])
    assert "example.com" in machine.ok(f"cat {CONF}")
    assert machine.ok(f"stat -c '%U:%G %a' {CONF}").strip() == "root:postshift 640"


def test_they_come_back_after_a_reboot(machine):
    """What is enabled is started before Postfix."""
    for program in PROGRAMS:
        assert machine.run(f"systemctl is-enabled postshift-{program}").output.strip() == "enabled"
        assert "postfix@-.service" in machine.show(f"postshift-{program}.service", "Before").split()
    for program in ("auth", "scan"):
        assert "postfix@-.service" in machine.show(f"postshift-{program}.socket", "Before").split()


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("verb", ["remove", "purge"])
def test_none_goes_while_postfix_is_wired(machine, program, verb):
    done = machine.run(f"apt-get {verb} -y postshift-{program}")
    assert done.code != 0
    assert f"Postfix still counts on {program}" in done.output and "postshiftctl postfix-setup --remove" in done.output
    machine.ok(f"systemctl is-active postshift-{program}")
    machine.ok("printf 'Subject: x\\n\\nx\\n' | sendmail -f you@example.net root@gw.example.net")
    time.sleep(0.2)
    assert "address resolver failure" not in machine.ok("postqueue -p")


def test_they_go_once_postfix_let_go(machine):
    machine.ok("postshiftctl postfix-setup --remove")
    machine.ok(f"apt-get remove -y {' '.join(NAMES)}")
    assert machine.run("ls /usr/sbin/postshift-* /lib/systemd/system/postshift-*").code != 0
    machine.ok(f"test -e {CONF}")
    machine.ok(f"apt-get purge -y {' '.join(NAMES)}")
    for user in ("postshift", "postshift-auth", "postshift-scan", "postshift-cutover", "postshift-rehearsal", "postshift-undo"):
        assert machine.run(f"getent passwd {user} || getent group {user}").code != 0, user
    assert machine.ok("ls -d /etc/postshift /var/lib/postshift /var/spool/postfix/postshift "
                      "/etc/postfix/*postshift* 2>/dev/null || :") == ""
    assert machine.run("systemctl --failed --quiet | grep postshift").code != 0
    machine.ok("printf 'Subject: last\\n\\nx\\n' | sendmail -f you@example.net root@gw.example.net")
    machine.wait("test \"$(journalctl -q --no-pager | grep -c 'postfix/local.*status=sent')\" -gt 1")


def test_forced_they_go_wired(machine):
    install(machine)
    machine.write(CONF, "\n".join(readme.block(2)) + "\n")
    machine.ok(f"chgrp postshift {CONF}; systemctl enable --now postshift-policyd")
    machine.ok("postshiftctl postfix-setup --apply")
    done = machine.run("apt-get remove -y postshift-policyd", POSTSHIFT_FORCE="1")
    assert done.code == 0 and "removed all the same, by POSTSHIFT_FORCE" in done.output
