"""The Debian packages: built, looked at by lintian, installed, used, kept while Postfix is wired, removed and purged, on
a bare Debian 12 with an existing Postfix and a real systemd; then those of the commit before, and an upgrade of them
while mail flows.  test_debs_trixie does it all on Debian 13."""
import re
import subprocess
import time

import pytest

import booted
import debs
import flowing
import readme

SUITE = "bookworm"
PROGRAMS = ("policyd", "auth", "scan")
EVERY = ("postshift-auth", "postshift-scan", "postshift-policyd", "postshift-cutover", "postshiftctl")
SOCKETS = "/var/spool/postfix/postshift"
CONF = "/etc/postshift/postshift.conf"


@pytest.fixture(scope="module")
def machine(request):
    try:
        made = booted.Machine(debs.root(request.module.SUITE))
        made.boot()
    except booted.CantBoot as why:
        pytest.skip(str(why))
    yield made
    made.end()


@pytest.fixture(scope="module")
def packages(request, machine):
    """The folder that they are in."""
    return debs.of_this_tree(request.module.SUITE)


def install(machine, packages, how=""):
    return machine.ok(debs.install_line(packages, how), 180)


@pytest.mark.limit(700)
def test_they_build_without_a_warning(packages):
    log = (packages / "build.log").read_text(encoding="utf-8")
    assert not re.findall(r".*warning: .*", log)
    assert "redefined" not in log
    assert {f.name.partition("_")[0] for f in packages.glob("postshift*.deb") if "dbgsym" not in f.name} == set(debs.NAMES)


def test_lintian_has_nothing_to_say(machine, packages):
    """But for what is overridden; of that each line has its reason before it."""
    files = " ".join(f"/src/{debs.package(packages, name).relative_to(debs.ROOT)}" for name in debs.NAMES)
    assert machine.ok(f"lintian --allow-root --pedantic --color never {files}") == ""
    for path in (debs.ROOT / "debian").glob("*.lintian-overrides"):
        lines = path.read_text(encoding="ascii").splitlines()
        assert all(line.startswith("#") or before.startswith("#") for before, line in zip(["", *lines], lines)), path


def test_what_they_recommend_starts_no_second_resolver(packages):
    def recommends(name):
        return subprocess.run(["dpkg-deb", "-f", debs.package(packages, name), "Recommends"], capture_output=True, text=True,
                              check=True).stdout

    assert "unbound" not in recommends("postshift-auth")
    assert "redis" not in recommends("postshift-policyd"), "nor a Redis beside the site's own"


def test_installed_they_start_and_enable_nothing(machine, packages):
    said = install(machine, packages)
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
    machine.ok("ls /usr/share/bash-completion/completions/postshiftctl /usr/share/zsh/vendor-completions/_postshiftctl")


def test_newcomer_1_all_five_are_content_with_an_empty_file(machine):
    machine.ok("install -m 0640 -g postshift /dev/null /tmp/empty.conf")
    for program in EVERY:
        assert machine.ok(f"{program} -c /tmp/empty.conf -t").strip().endswith("/tmp/empty.conf: the configuration is right")
        assert machine.ok(f"{program} -t").strip().endswith(f"{CONF}: the configuration is right")


def test_init_takes_the_place_of_the_sample_and_of_nothing_else(machine):
    said = machine.ok("postshiftctl init --yes --domain example.com --new 192.0.2.20")
    assert "in the place of the sample" in said and "found      Redis at inet:127.0.0.1:6379" in said
    assert "  postshift-policyd -t && systemctl enable --now postshift-policyd" in said.splitlines()
    assert machine.ok(f"stat -c '%U:%G %a' {CONF}").strip() == "root:postshift 640"
    for program in EVERY:
        machine.ok(f"{program} -t")
    before = machine.ok(f"cat {CONF}")
    assert machine.run("postshiftctl init --yes --domain example.org --new 192.0.2.20").code == 4
    assert machine.ok(f"cat {CONF}") == before and "domains = example.com" in before


def test_init_finds_a_redis_by_its_socket(machine):
    machine.ok("redis-cli config set unixsocket /run/redis/redis-server.sock 2>/dev/null; "
               "echo 'port 0\nunixsocket /run/redis/redis-server.sock\nunixsocketperm 777' >> /etc/redis/redis.conf; "
               "systemctl restart redis-server")
    machine.wait("test -S /run/redis/redis-server.sock")
    said = machine.ok("rm -f /tmp/found.conf; postshiftctl -c /tmp/found.conf init --yes --domain example.com --new 192.0.2.20")
    assert "found      Redis at unix:/run/redis/redis-server.sock" in said
    assert "address = unix:/run/redis/redis-server.sock" in machine.ok("cat /tmp/found.conf")
    machine.ok("postshift-policyd -c /tmp/found.conf -t; sed -i '/^port 0$/d; /^unixsocket/d' /etc/redis/redis.conf; "
               "systemctl restart redis-server")
    machine.wait("redis-cli ping | grep -q PONG")


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


def test_an_upgrade_restarts_what_runs_and_keeps_the_file(machine, packages):
    before = {program: machine.show(f"postshift-{program}", "MainPID") for program in PROGRAMS}
    install(machine, packages, "--reinstall")
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


def users():
    """Those of the suite."""
    return re.findall(r"^u (\S+)", (debs.ROOT / "postfix-conf/postshift.sysusers").read_text(encoding="ascii"), re.M)


def test_they_go_once_postfix_let_go(machine):
    machine.ok("postshiftctl postfix-setup --remove")
    machine.ok(f"apt-get remove -y {' '.join(debs.NAMES)}")
    assert machine.run("ls /usr/sbin/postshift-* /lib/systemd/system/postshift-*").code != 0
    machine.ok(f"test -e {CONF}")
    machine.ok(f"apt-get purge -y {' '.join(debs.NAMES)}")
    for user in users():
        assert machine.run(f"getent passwd {user} || getent group {user}").code != 0, user
    assert machine.ok("ls -d /etc/postshift /var/lib/postshift /var/spool/postfix/postshift "
                      "/etc/postfix/*postshift* 2>/dev/null || :") == ""
    assert machine.run("systemctl --failed --quiet | grep postshift").code != 0
    machine.ok("printf 'Subject: last\\n\\nx\\n' | sendmail -f you@example.net root@gw.example.net")
    machine.wait("test \"$(journalctl -q --no-pager | grep -c 'postfix/local.*status=sent')\" -gt 1")


def test_forced_they_go_wired(machine, packages):
    install(machine, packages)
    machine.write(CONF, "\n".join(readme.block(2)) + "\n")
    machine.ok(f"chgrp postshift {CONF}; systemctl enable --now postshift-policyd")
    machine.ok("postshiftctl postfix-setup --apply")
    done = machine.run("apt-get remove -y postshift-policyd", POSTSHIFT_FORCE="1")
    assert done.code == 0 and "removed all the same, by POSTSHIFT_FORCE" in done.output
    # What is left over is taken out by hand, and all is as before.
    install(machine, packages)
    machine.ok("postshiftctl postfix-setup --remove")
    machine.ok(f"apt-get purge -y {' '.join(debs.NAMES)}")
    machine.ok("redis-cli flushall")


@pytest.mark.limit(700)
def test_an_upgrade_from_the_commit_before_loses_no_mail(machine, packages, request):
    before = debs.of_the_commit_before(request.module.SUITE)
    if before is None:
        pytest.skip("there is no history: this is no clone")
    machine.ok(debs.install_line(before), 180)
    flowing.make_site(machine)
    pids = {program: machine.show(f"postshift-{program}", "MainPID") for program in debs.PROGRAMS}
    site = machine.ok(f"cat {CONF}; postconf -n; postconf -M")
    with flowing.mail(machine) as result:
        said = install(machine, packages)
    assert f"({debs.BEFORE})" in said and "Failed" not in said, said
    for program in debs.PROGRAMS:
        assert machine.show(f"postshift-{program}", "ActiveState") == "active", program
        assert machine.show(f"postshift-{program}", "MainPID") not in ("0", pids[program]), program
        assert machine.show(f"postshift-{program}", "NRestarts") == "0", program
        assert machine.run(f"systemctl is-enabled postshift-{program}").output.strip() == "enabled"
    assert machine.ok(f"cat {CONF}; postconf -n; postconf -M") == site
    flowing.nothing_lost(machine, result)
    assert machine.ok("postshiftctl audit | head -n 3")


def test_an_upgrade_leaves_what_is_stopped_or_not_enabled(machine, packages):
    machine.ok("systemctl stop postshift-scan; systemctl disable postshift-auth")
    install(machine, packages, "--reinstall")
    assert machine.run("systemctl is-active postshift-scan").output.strip() == "inactive"
    assert machine.run("systemctl is-enabled postshift-auth").output.strip() == "disabled"
    machine.ok("systemctl start postshift-scan")


def test_a_postfix_that_comes_later(machine, packages):
    """What is enabled starts by itself then; before, it says what is missing, and goes no further."""
    machine.ok("postshiftctl postfix-setup --remove --force; "
               f"apt-get purge -y {' '.join(debs.NAMES)}; apt-get purge -y postfix; rm -rf /var/spool/postfix /etc/postfix; "
               "groupdel postdrop; userdel postfix; getent group postfix && groupdel postfix; test ! -e /var/spool/postfix")
    assert "there is no Postfix yet" in install(machine, packages)
    assert "not found  Postfix" in machine.ok(f"postshiftctl init --yes --domain example.com --new 127.0.0.22:2525; cat {CONF}")
    machine.run(flowing.START)
    # Without the group none can have its socket; where a purge has left it, systemd makes the folder all the same.
    settled = "is-failed" if machine.run("getent group postfix").code != 0 else "is-active"
    for program in debs.PROGRAMS[:3]:
        machine.wait(f"systemctl {settled} postshift-{program} postshift-{program}.socket", 60)
    if settled == "is-failed":
        assert "/var/spool/postfix" in machine.journal("postshift-policyd")
    machine.ok("apt-get install -y --no-install-recommends /var/lib/kept/postfix_*.deb", 180)
    for program in debs.PROGRAMS:
        machine.wait(f"systemctl is-active postshift-{program}", 30)
    for name in ("route", "auth", "scan"):
        machine.ok(f"test -S {SOCKETS}/{name}.sock")
    assert machine.ok(f"stat -c '%U:%G %a' {SOCKETS}").split() == ["postshift:postfix", "2710"]
    assert machine.run("postfix check").output == ""
