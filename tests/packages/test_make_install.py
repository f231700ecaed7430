"""A bare Debian with an existing Postfix and a real systemd, and the suite by `make install`: the README to the letter,
then what an administrator does to units."""
import time

import pytest

import booted
import flowing
import readme
import signatures

PROGRAMS = ("policyd", "auth", "scan")
SOCKETS = "/var/spool/postfix/postshift"
CONF = "/etc/postshift/postshift.conf"
STARTED = "postshift-policyd postshift-auth postshift-scan"


@pytest.fixture(scope="module")
def machine():
    try:
        root = booted.root()
        made = booted.Machine(root)
        made.boot()
    except booted.CantBoot as why:
        pytest.skip(str(why))
    yield made
    made.end()


def install(machine):
    return machine.ok("make -C /src install prefix=/usr")


def conf_of_the_readme(machine, more=""):
    machine.write(CONF, "\n".join(readme.block(2)) + "\n" + more)


def good_again(machine):
    conf_of_the_readme(machine)
    machine.ok(f"chgrp postshift {CONF}; chmod 0640 {CONF}; systemctl reset-failed; systemctl restart postshift-policyd")


def test_step_1_installs_and_starts_nothing(machine):
    assert "make && sudo make install prefix=/usr" in readme.quoted(1)
    install(machine)
    assert machine.ok(f"stat -c '%U:%G %a' {CONF}").strip() == "root:postshift 640"
    assert machine.ok(f"stat -c '%U:%G %a' {SOCKETS}").strip() == "postshift:postfix 2710"
    assert machine.ok("ls /usr/lib/sysusers.d/postshift.conf /usr/lib/tmpfiles.d/postshift.conf")
    assert "Creating" not in machine.ok("systemd-sysusers --dry-run postshift.conf 2>&1")
    for program in PROGRAMS:
        assert machine.run(f"systemctl is-active postshift-{program}").output.strip() == "inactive"
        assert machine.run(f"systemctl is-enabled postshift-{program}").output.strip() == "disabled"
    assert machine.run("postfix check").output == ""


def test_steps_2_to_5_route_mail(machine):
    conf_of_the_readme(machine)
    assert machine.ok("postshift-policyd -t").strip() == f"{CONF}: the configuration is right"
    machine.ok("systemctl enable --now postshift-policyd postshift-auth postshift-scan")
    for number in (3, 4, 5):
        for line in readme.block(number):
            done = machine.run(line)
            # `postmap -q` of a recipient that the site's own maps decide finds nothing.
            assert done.code == 0 or line.startswith("postmap -q"), f"{line}: {done!r}"
    machine.ok("postshiftctl pin alice@example.com new")
    machine.ok("printf 'Subject: x\\n\\nx\\n' | sendmail -f you@example.net alice@example.com")
    machine.wait("journalctl -q --no-pager -o short | grep -q 'postfix/cutover-new/smtp.*to=<alice@example.com>'")


def test_each_program_is_its_own_user(machine):
    for program, user in (("policyd", "postshift"), ("auth", "postshift-auth"), ("scan", "postshift-scan")):
        machine.ok(f"systemctl is-active postshift-{program}")
        pid = machine.show(f"postshift-{program}", "MainPID")
        assert machine.ok(f"stat -c %U /proc/{pid}").strip() == user
        assert machine.show(f"postshift-{program}", "NRestarts") == "0"
    # A process with the rights of a milter can't answer in policyd's place.
    for user in ("postshift-auth", "postshift-scan", "postfix"):
        done = machine.run(f"setpriv --reuid {user} --regid postshift --init-groups mv {SOCKETS}/route.sock {SOCKETS}/x")
        assert done.code != 0 and "Permission denied" in done.output


def milter(machine, program, body="x"):
    machine.write("/tmp/body", body)
    return machine.run("setpriv --reuid postfix --regid postfix --init-groups python3 /src/tests/packages/ask_milter.py "
                       f"{SOCKETS}/{program}.sock < /tmp/body")


def test_milters_answer_postfix(machine):
    said = milter(machine, "auth")
    assert said.code == 0 and "Authentication-Results" in said.output, said
    rows = signatures.make_folder(machine.folder / "db") / "test.ndb"
    machine.ok("mkdir -p /var/lib/clamav")
    machine.write("/var/lib/clamav/test.ndb", rows.read_text(encoding="ascii"))
    machine.ok("systemctl restart postshift-scan")
    machine.wait("curl -sf http://127.0.0.1:8792/healthz")
    assert "Clean" in milter(machine, "scan").output
    found = milter(machine, "scan", signatures.EICAR.decode())
    assert "550 5.7.1" in found.output, found


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_refused_file_fails_the_reload_and_changes_nothing(machine, program):
    pid = machine.show(f"postshift-{program}", "MainPID")
    assert machine.run(f"systemctl reload postshift-{program}").code == 0
    conf_of_the_readme(machine, "nonsense = 1\n")
    done = machine.run(f"systemctl reload postshift-{program}")
    assert done.code != 0
    assert "nonsense: unknown key" in machine.journal(f"postshift-{program}")
    assert machine.show(f"postshift-{program}", "MainPID") == pid
    assert machine.show(f"postshift-{program}", "ActiveState") == "active"
    conf_of_the_readme(machine)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_killed_one_is_back_in_a_second(machine, program):
    path = f"{SOCKETS}/{'route' if program == 'policyd' else program}.sock"
    before = int(machine.show(f"postshift-{program}", "NRestarts"))
    start = time.monotonic()
    # A group that is empty before its last member was told is an error to systemd; the death is what is wanted.
    killed = machine.run(f"systemctl kill -s KILL postshift-{program}")
    assert killed.code == 0 or "auxiliary processes" in killed.output, killed
    machine.wait(f"test $(systemctl show -P NRestarts postshift-{program}) -gt {before} && "
                 f"test $(systemctl show -P ActiveState postshift-{program}) = active && test -S {path}")
    assert time.monotonic() - start < 2.0       # a second, and what it takes to ask from here
    machine.ok("postshiftctl route alice@example.com")


@pytest.mark.parametrize("spoil, says", [
    (f"echo 'nonsense = 1' >> {CONF}", "nonsense: unknown key"),
    (f"chgrp root {CONF}", f"{CONF}: can't be opened by user postshift: Permission denied"),
    (f"printf '[redis]\\npassword_file = /etc/postshift/secret\\n' >> {CONF}; (umask 077; "
     "echo word > /etc/postshift/secret)", "password file /etc/postshift/secret can't be opened by user postshift"),
])
def test_78_is_said_and_not_started_again(machine, spoil, says):
    machine.ok(spoil)
    checked = machine.run("postshift-policyd -t")
    assert checked.code == 78 and ("user postshift can't read" in checked.output or says in checked.output)
    machine.run("systemctl restart postshift-policyd")
    time.sleep(1.5)
    assert machine.show("postshift-policyd", "ActiveState") == "failed"
    assert machine.show("postshift-policyd", "ExecMainStatus") == "78"
    assert machine.show("postshift-policyd", "NRestarts") == "0"
    assert says in machine.journal("postshift-policyd")
    good_again(machine)


def test_what_never_starts_is_given_up(machine):
    machine.ok("systemctl stop postshift-policyd")
    machine.ok(f"touch {SOCKETS}/route.sock")       # a file that is no socket
    machine.run("systemctl start postshift-policyd")
    machine.wait("test $(systemctl show -P ActiveState postshift-policyd) = failed", 60)
    assert int(machine.show("postshift-policyd", "NRestarts")) > 5
    machine.ok(f"rm {SOCKETS}/route.sock")
    good_again(machine)


def test_a_milters_socket_that_the_file_does_not_name(machine):
    conf_of_the_readme(machine, f"[auth]\nlisten = unix:{SOCKETS}/other.sock\n")
    done = machine.run("postshift-auth -t")
    assert done.code == 78 and "ListenStream= in postshift-auth.socket" in done.output
    machine.run("systemctl restart postshift-auth")
    machine.wait("test $(systemctl show -P ActiveState postshift-auth) = failed")
    assert f"systemd opened unix:{SOCKETS}/auth.sock, which the configuration does not name" in \
        machine.journal("postshift-auth")
    good_again(machine)
    machine.ok("systemctl restart postshift-auth")
    assert milter(machine, "auth").code == 0


@pytest.mark.parametrize("program", ["auth", "scan"])
def test_no_connection_starts_a_milter_that_was_refused_or_stopped(machine, program):
    unit, path = f"postshift-{program}", f"{SOCKETS}/{program}.sock"
    knock = f"for n in 1 2 3; do python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(\"{path}\")'; done"
    conf_of_the_readme(machine, "nonsense = 1\n")
    machine.run(f"systemctl restart {unit}")
    before = machine.journal(unit).count("nonsense: unknown key")
    machine.run(knock)
    time.sleep(1)
    assert machine.show(unit, "ActiveState") == "failed"
    assert machine.journal(unit).count("nonsense: unknown key") == before
    conf_of_the_readme(machine)
    machine.ok(f"systemctl start {unit}")           # no reset-failed, nothing to wait for
    machine.ok(f"systemctl stop {unit}")
    machine.run(knock)
    time.sleep(0.5)
    assert machine.show(unit, "ActiveState") == "inactive"
    machine.ok(f"systemctl start {unit}")
    assert milter(machine, program).code == 0


def test_redis_on_another_address_needs_nothing_but_the_address(machine):
    machine.ok("ip address add 198.51.100.7/32 dev lo")
    machine.ok("redis-cli config set protected-mode no; redis-cli config set bind '127.0.0.1 198.51.100.7'")
    conf_of_the_readme(machine)
    machine.ok(f"sed -i 's/inet:127.0.0.1:6379/inet:198.51.100.7:6379/' {CONF}")
    machine.ok("systemctl restart postshift-policyd")
    machine.wait("curl -s http://127.0.0.1:8793/metrics | grep -q '^postshift_redis_up 1'")
    good_again(machine)


@pytest.fixture
def two_backends(machine):
    """The site that mail flows through, with everything started; then the one of the readme again."""
    kept = machine.ok(f"cat {CONF}")
    flowing.make_site(machine)
    machine.ok("systemctl log-target journal")      # what systemd itself says
    yield
    machine.write(CONF, kept)
    machine.ok("redis-cli del cutover:domain:example.com cutover:ledger:example.com; systemctl stop postshift-cutover; "
               "systemctl disable postshift-cutover")
    for line in readme.block(3):
        machine.ok(line)
    good_again(machine)


def test_newcomer_9_a_policyd_that_is_stuck_is_ended_by_its_watchdog(machine, two_backends):
    """Mail waits meanwhile, and all of it arrives."""
    before = int(machine.show("postshift-policyd", "NRestarts"))
    pid = machine.show("postshift-policyd", "MainPID")
    with flowing.mail(machine) as result:
        machine.ok(f"kill -STOP {pid}")
        machine.wait("postqueue -p | grep -q '@example.com'")
        machine.wait(f"test $(systemctl show -P NRestarts postshift-policyd) -gt {before} && "
                     "test $(systemctl show -P ActiveState postshift-policyd) = active", 60)
        assert "Watchdog timeout" in machine.journal("postshift-policyd")
        machine.wait("postshiftctl route user0001@example.com")
    flowing.nothing_lost(machine, result)


@pytest.mark.parametrize("program", ["auth", "scan", "cutover"])
def test_the_others_are_watched_too(machine, two_backends, program):
    unit = f"postshift-{program}"
    before = int(machine.show(unit, "NRestarts"))
    machine.ok(f"kill -STOP {machine.show(unit, 'MainPID')}")
    machine.wait(f"test $(systemctl show -P NRestarts {unit}) -gt {before} && "
                 f"test $(systemctl show -P ActiveState {unit}) = active", 60)
    assert "Watchdog timeout" in machine.journal(unit)


def test_what_the_controller_touches_makes_root_flush(machine, two_backends):
    """The path unit, and the root helper with as few rights as it has."""
    assert machine.ok("systemctl is-active postshift-flush.path").strip() == "active"
    machine.ok("postconf -e queue_run_delay=1h minimal_backoff_time=1h; postfix reload")
    machine.ok("postshiftctl pin carol@example.com hold")
    machine.ok("printf 'Subject: x\\n\\nx\\n' | sendmail -f you@example.net carol@example.com")
    machine.wait("postqueue -p | grep -q carol@example.com")
    machine.ok("postshiftctl unpin carol@example.com; touch /var/lib/postfix/verify_cache.db; "
               "postconf -P smtp/inet/smtpd_recipient_restrictions=reject_unverified_recipient")
    before = machine.show("postshift-flush.service", "InvocationID")
    machine.ok("setpriv --reuid postshift-cutover --regid postshift --init-groups touch /run/postshift/flush")
    machine.wait(f"test \"$(systemctl show -P InvocationID postshift-flush.service)\" != '{before}' && "
                 "test $(systemctl show -P ActiveState postshift-flush.service) = inactive", 30)
    assert machine.show("postshift-flush.service", "Result") == "success", machine.journal("postshift-flush.service")
    machine.wait("journalctl -q --no-pager | grep -q 'postfix/cutover-.*: to=<carol@example.com>'")
    machine.wait("test ! -e /var/lib/postfix/verify_cache.db")
    said = machine.journal("postshift-flush.service")
    assert "ermission denied" not in said and "fatal" not in said and "not permitted" not in said, said
    machine.ok("postconf -PX smtp/inet/smtpd_recipient_restrictions; postsuper -d ALL; "
               "postconf -e queue_run_delay=2s minimal_backoff_time=2s; postfix reload")


def test_uninstall_is_refused_while_postfix_is_wired(machine):
    done = machine.run("make -s -C /src uninstall prefix=/usr")
    assert done.code != 0 and "Postfix still counts on policyd auth scan" in done.output
    assert "postshiftctl postfix-setup --remove" in done.output
    machine.ok("test -x /usr/sbin/postshift-policyd && systemctl is-active postshift-policyd")
    # Whoever has moved would be left behind: she goes back first.
    assert machine.run("postshiftctl postfix-setup --remove").code == 4
    machine.ok("postshiftctl unpin alice@example.com")
    machine.wait("postshiftctl postfix-setup --remove")
    machine.ok("make -s -C /src uninstall prefix=/usr")
    assert machine.run(f"systemctl is-active {STARTED}").output.split() == ["inactive"] * 3
    assert machine.run("ls /usr/sbin/postshift-* /usr/share/postshift /lib/systemd/system/postshift-*").code != 0
    machine.ok("test -e " + CONF)
    # Mail goes on by the site's own maps.
    machine.ok("printf 'Subject: x\\n\\nx\\n' | sendmail -f you@example.net root@gw.example.net")
    machine.wait("journalctl -q --no-pager | grep -q 'postfix/local.*status=sent'")
