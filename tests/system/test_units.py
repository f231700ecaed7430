"""The units and what starts daemons by them, as far as no systemd has to be booted: sockets that systemd opens, what
-t says of a user's rights, walls.  tests/packages boots one."""
import os
import pathlib
import pwd
import re
import shutil
import socket
import stat
import subprocess

import pytest

from milter import Session
from processes import BIN, ROOT, Process, wait_for

UNITS = ROOT / "postfix-conf"
PROGRAMS = ("policyd", "auth", "scan")
EXPOSURE_MOST = 1.5
# The root helper runs Postfix's own programs: they change to user postfix, want sockets of each family, and it has to
# see all processes.  The unit says so, too.
MORE_EXPOSED = {"postshift-flush": 1.6}
# Hands sockets over as systemd does: from descriptor 3 on, with the number of the process that reads them.
GIVER = """
import os, socket, sys
fds = []
for path in sys.argv[3].split(","):
    s = socket.socket(socket.AF_UNIX); s.bind(path); os.chmod(path, 0o660); s.listen(50); s.set_inheritable(True)
    fds.append(s.detach())
os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[1]))
for n, fd in enumerate(fds):
    os.dup2(fd, 3 + n)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)))
os.execv(sys.argv[4], sys.argv[4:])
"""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def unit(name):
    return (UNITS / name).read_text(encoding="ascii")


@pytest.fixture
def queue(folder):
    """A sockets' folder as on a gateway: its owner and root may write there, nobody else."""
    place = folder / "queue"
    place.mkdir()
    os.chown(place, 0, pwd.getpwnam("nobody").pw_gid)
    place.chmod(0o2710)
    return place


def config(folder, program, text):
    path = folder / "postshift.conf"
    path.write_text(f"[{program}]\nmetrics = none\n{text}", encoding="ascii")
    path.chmod(0o644)
    return path


def given(folder, program, sockets, file):
    nobody = pwd.getpwnam("nobody")
    return Process(["python3", "-c", GIVER, nobody.pw_uid, nobody.pw_gid, ",".join(str(s) for s in sockets),
                    BIN / f"postshift-{program}", "-c", file], folder / "daemon.log")


@needs_root
@pytest.mark.parametrize("program", ["auth", "scan"])
def test_a_milter_serves_on_a_socket_where_it_may_not_write(folder, queue, program):
    path = queue / f"{program}.sock"
    file = config(folder, program, f"listen = unix:{path}\nuser =\n" +
                  ("" if program == "auth" else f"databases = {folder}\nrequire_sandbox = no\n"))
    daemon = given(folder, program, [path], file)
    daemon.start()
    try:
        with wait_for(lambda: session(path), what="an answer to the milter's first packet"):
            pass
        assert pathlib.Path(f"/proc/{daemon.pid}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
    finally:
        daemon.stop()
    # The file is systemd's.
    assert stat.S_ISSOCK(path.stat().st_mode)


def session(path):
    try:
        return Session(str(path), seconds=5)
    except (OSError, EOFError):
        return None


@needs_root
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_socket_that_no_address_asked_for_is_an_error(folder, queue, program):
    own, other = queue / "own.sock", queue / "other.sock"
    listen = f"route = unix:{own}\npolicy = none\ndict = none\nsnapshot = {folder}/snapshot\n" if program == "policyd" \
        else f"listen = unix:{own}\nuser =\n"
    daemon = given(folder, program, [own, other], config(folder, program, listen))
    daemon.start()
    assert daemon.popen.wait(20) == 78
    said = (folder / "daemon.log").read_text(encoding="utf-8")
    assert f"systemd opened unix:{other}, which the configuration does not name" in said


@needs_root
def test_a_milters_folder_is_not_its_users(folder):
    """Started as root by hand, it makes the folder; who can write there could answer for policyd."""
    place = folder / "made"
    file = config(folder, "auth", f"listen = unix:{place}/auth.sock\nuser = nobody\n")
    daemon = Process([BIN / "postshift-auth", "-c", file], folder / "daemon.log")
    daemon.start()
    try:
        wait_for(lambda: session(place / "auth.sock"), what="the milter").close()
        assert place.stat().st_uid in {0} | {u.pw_uid for u in pwd.getpwall() if u.pw_name == "postshift"}
        assert stat.S_IMODE(place.stat().st_mode) == 0o2710
        assert (place / "auth.sock").stat().st_uid == pwd.getpwnam("nobody").pw_uid
    finally:
        daemon.stop()


def checked(program, file, user=None):
    command = [BIN / f"postshift-{program}", "-t", "-c", file]
    return subprocess.run(command, capture_output=True, text=True, check=False, user=user,
                          extra_groups=[] if user else None)


@needs_root
def test_what_the_files_user_cannot_do_is_named(folder):
    secret = folder / "secret"
    secret.write_text("word\n", encoding="ascii")
    secret.chmod(0o600)
    (folder / "shut").mkdir(mode=0o700)
    shown = folder / "override"
    shown.write_text("", encoding="ascii")
    shown.chmod(0o600)
    file = config(folder, "policyd", f"user = nobody\nroute = unix:{folder}/route.sock\npolicy = none\ndict = none\n"
                  f"snapshot = {folder}/shut/snapshot\noverride = {shown}\n[redis]\npassword_file = {secret}\n")
    done = checked("policyd", file)
    assert done.returncode == 78
    assert re.search(rf"{file}:\d+: \[redis\] password_file: user nobody can't read {secret}: Permission", done.stderr)
    assert re.search(rf"{file}:\d+: \[policyd\] snapshot: user nobody can't write in {folder}/shut: ", done.stderr)
    assert re.search(rf"{file}:\d+: \[policyd\] override: user nobody can't read {shown}: ", done.stderr)
    # Root opens the sockets before it becomes the user.
    assert "route.sock" not in done.stderr
    file.chmod(0o600)
    assert f"{file}: user nobody can't read {file}: Permission denied" in checked("policyd", file).stderr
    secret.chmod(0o604)
    shown.chmod(0o604)
    file.chmod(0o604)
    (folder / "shut").chmod(0o777)
    done = checked("policyd", file)
    assert (done.returncode, done.stdout) == (0, f"{file}: the configuration is right\n")


@needs_root
def test_who_is_not_root_needs_the_sockets_folder(folder):
    nobody = pwd.getpwnam("nobody").pw_uid
    text = f"route = unix:{folder}/route.sock\npolicy = none\ndict = none\nsnapshot = {folder}/snapshot\n"
    done = checked("policyd", config(folder, "policyd", text), nobody)
    assert done.returncode == 78
    assert f"[policyd] route: user nobody can't make a socket in {folder}: Permission denied" in done.stderr
    for program in ("auth", "scan"):
        file = config(folder, program, f"listen = unix:{folder}/a.sock\nuser =\n")
        done = checked(program, file, nobody)
        assert done.returncode == 78
        assert f"[{program}] listen: user nobody can't make a socket in {folder}: Permission denied (systemd opens " \
            f"it where ListenStream= in postshift-{program}.socket says so)" in done.stderr
    file.chmod(0o600)
    done = checked("scan", file, nobody)
    assert (done.returncode, done.stderr) == (78, f"{file}: can't be opened by user nobody: Permission denied\n")


@needs_root
def test_signatures_and_temporary_folder_of_the_scanners_user(folder):
    (folder / "db").mkdir(mode=0o700)
    (folder / "temp").mkdir(mode=0o755)
    file = config(folder, "scan", f"listen = unix:{folder}/a.sock\nuser = nobody\ndatabases = {folder}/db\n"
                  f"temp = {folder}/temp\n")
    done = checked("scan", file)
    assert done.returncode == 78
    assert f"[scan] databases: user nobody can't read {folder}/db: Permission denied" in done.stderr
    assert f"[scan] temp: user nobody can't write in {folder}/temp: Permission denied" in done.stderr


@needs_root
def test_log_and_books_of_the_controllers_user(folder):
    (folder / "log").mkdir(mode=0o755)
    log, books = folder / "log" / "mail.log", folder / "books"
    log.write_text("", encoding="ascii")
    log.chmod(0o600)
    books.mkdir(mode=0o700)
    text = f"user = nobody\nlog = {log}\nbooks = {books}/books.db\n"
    file = folder / "postshift.conf"
    file.write_text(f"[cutover]\n{text}", encoding="ascii")
    file.chmod(0o644)
    done = checked("cutover", file)
    assert done.returncode == 78
    assert f"{file}:3: [cutover] log: user nobody can't read {log}: Permission denied (setfacl -m g:adm:r {log}" in done.stderr
    assert f"{file}:4: [cutover] books: user nobody can't write in {books}: Permission denied" in done.stderr
    assert "books.db" not in done.stderr        # who may not look into the folder is told so once
    # What somebody made as root in a folder of the right one.
    shutil.chown(books, "nobody")
    log.chmod(0o644)
    for name in ("books.db-wal", "routes.snapshot"):
        (books / name).write_text("", encoding="ascii")
        (books / name).chmod(0o600)
    done = checked("cutover", file)
    assert f"[cutover] books: user nobody can't write {books}/books.db-wal: Permission denied" in done.stderr
    assert f"[cutover] books: user nobody can't read {books}/routes.snapshot: Permission denied" in done.stderr
    for path in books.iterdir():
        shutil.chown(path, "nobody")
    done = checked("cutover", file)
    assert (done.returncode, done.stdout) == (0, f"{file}: the configuration is right\n"), done.stderr
    # Rotated logs are looked for in its folder; a log that is not there yet is waited for.
    (folder / "log").chmod(0o711)
    assert f"[cutover] log: user nobody can't read {folder}/log: Permission denied" in checked("cutover", file).stderr
    (folder / "log").chmod(0o755)
    log.unlink()
    assert checked("cutover", file).returncode == 0


@needs_root
@pytest.mark.parametrize("code", [0, 1])
def test_a_journal_that_the_controllers_user_may_not_read(folder, code, monkeypatch):
    (folder / "journalctl").write_text(f"#!/bin/sh\nid -un > {folder}/who\nexit {code}\n", encoding="ascii")
    (folder / "journalctl").chmod(0o755)
    (folder / "who").touch()
    (folder / "who").chmod(0o666)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    file = folder / "postshift.conf"
    file.write_text(f"[cutover]\nuser = nobody\nlog = journal\nbooks = {folder}/books.db\n", encoding="ascii")
    file.chmod(0o644)
    folder.chmod(0o777)
    done = checked("cutover", file)
    assert (folder / "who").read_text(encoding="ascii") == "nobody\n"
    said = "[cutover] log: user nobody can't read by journalctl: Permission denied (is this user in group systemd-journal?)"
    assert (said in done.stderr, done.returncode) == ((False, 0) if code == 0 else (True, 78)), done.stderr


@needs_root
def test_a_socket_of_others_that_the_user_cannot_reach(folder):
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(folder / "redis.sock"))
        (folder / "redis.sock").chmod(0o770)
        redis = config(folder, "policyd", "user = nobody\n[redis]\naddress = unix:{folder}/redis.sock\n".format(folder=folder))
        assert f"[redis] address: user nobody can't connect to {folder}/redis.sock: " in checked("policyd", redis).stderr
        spamd = config(folder, "scan", f"user = nobody\nspamd = unix:{folder}/redis.sock\n")
        assert f"[scan] spamd: user nobody can't connect to {folder}/redis.sock: " in checked("scan", spamd).stderr


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("key", ["user", "group"])
def test_a_user_or_group_that_is_not_there_is_refused(folder, program, key):
    done = checked(program, config(folder, program, f"{key} = no-such-one\n"))
    assert done.returncode == 78
    assert f"[{program}] {key}: there is no {key} no-such-one" in done.stderr


@pytest.mark.parametrize("path", sorted(UNITS.glob("*.service")), ids=lambda path: path.stem)
def test_newcomer_8_exposure(folder, path):
    """What a service could do to its machine, 0 (nothing) to 10, as systemd itself judges a unit: each one, scan and the
    root helper too."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze here")
    judged = folder / path.name
    judged.write_text(re.sub(r"^(Exec\w+=[-+!@:]*).*", r"\1/bin/true", unit(path.name), flags=re.M), encoding="ascii")
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", judged], capture_output=True, text=True)
    found = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found, done
    assert float(found[1]) <= MORE_EXPOSED.get(path.stem, EXPOSURE_MOST), done.stdout
    assert path.stem not in MORE_EXPOSED or f"the exposure (systemd-analyze security) is {found[1]}" in unit(path.name)


@pytest.mark.parametrize("path", sorted(UNITS.glob("*.service")), ids=lambda path: path.stem)
def test_each_daemon_is_watched_and_comes_back(path):
    service = unit(path.name)
    if "Type=oneshot\n" in service:
        return
    for line in ("Type=notify", "Restart=on-failure", "RestartPreventExitStatus=78", "SyslogFacility=mail", "UMask=00[027]7",
                 "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="):
        assert re.search(rf"^{line}$", service, re.M), (path.name, line)
    assert re.search(r"^WatchdogSec=\d+s$", service, re.M), path.name
    user = re.search(r"^User=(\S+)$", service, re.M)[1]
    assert re.search(rf"^u {user} ", unit("postshift.sysusers"), re.M), (path.name, user)
    assert f"man:{path.stem}(8)" in service and "WantedBy=multi-user.target" in service


def test_the_controller_may_read_the_log_and_write_its_books():
    service = unit("postshift-cutover.service")
    assert "User=postshift-cutover\n" in service and re.search("^u postshift-cutover ", unit("postshift.sysusers"), re.M)
    assert "SupplementaryGroups=adm systemd-journal postdrop\n" in service
    assert "StateDirectory=postshift/cutover\n" in service
    assert re.findall("^ReadWritePaths=(.*)$", service, re.M) == ["-/run/postshift/flush"]
    assert "PrivateUsers" not in service        # its groups would be nobody's
    # journalctl -f reads the boot id in /proc/sys, postqueue lists the interfaces by netlink.
    assert "ProcSubset=pid" not in service
    assert re.search("^RestrictAddressFamilies=.*AF_NETLINK", service, re.M)
    assert "RestartPreventExitStatus=78\n" in service


def test_the_rehearsal_has_a_user_of_its_own_and_reads_the_books():
    service = unit("postshift-rehearsal.service")
    assert "User=postshift-rehearsal\nGroup=postshift\n" in service.replace("# The configuration file and the books are its group's to read.\n", "")
    assert re.search("^u postshift-rehearsal ", unit("postshift.sysusers"), re.M)
    assert "StateDirectory=postshift/rehearsal\n" in service and "ReadWritePaths" not in service and "SupplementaryGroups" not in service
    assert "Nice=10\n" in service and "IOSchedulingClass=idle\n" in service       # live mail goes first


def test_what_the_controller_touches_is_what_the_root_helper_watches():
    path, service = unit("postshift-flush.path"), unit("postshift-flush.service")
    touched = re.search("^#?drain = (.*)$", unit("postshift.conf"), re.M)[1]
    assert f"PathChanged={touched}\nUnit=postshift-flush.service\n" in path
    assert f"ReadWritePaths=-{touched}\n" in unit("postshift-cutover.service")
    assert re.search(rf"^f {touched} +0644 postshift-cutover postshift -$", unit("postshift.tmpfiles"), re.M)
    assert "Type=oneshot\n" in service and "ExecStart=/usr/share/postshift/flush\n" in service and "User=" not in service
    assert os.access(UNITS / "flush", os.X_OK)


@pytest.mark.parametrize("program", PROGRAMS)
def test_units_agree_with_their_programs(program):
    service = unit(f"postshift-{program}.service")
    users = unit("postshift.sysusers")
    user = re.search(r"^User=(.*)$", service, re.M)[1]
    assert user == ("postshift" if program == "policyd" else f"postshift-{program}")
    assert re.search(rf"^u {user} ", users, re.M)
    assert "IPAddress" not in service           # Redis, resolvers and spamd may stand on another host
    assert "RestartPreventExitStatus=78\n" in service
    assert re.search(r"^Before=.*\bpostfix@-\.service\b", service, re.M)
    if program == "policyd":
        assert "/var/spool/postfix/postshift" in service
        return
    opened = unit(f"postshift-{program}.socket")
    assert f"ListenStream=/var/spool/postfix/postshift/{program}.sock\n" in opened
    assert f"SocketUser={user}\nSocketGroup=postfix\nSocketMode=0660\n" in opened
    assert f"Requires=postshift-{program}.socket\n" in service and f"PartOf=postshift-{program}.service\n" in opened
    # No right to the folder where policyd answers.
    assert "ReadWritePaths" not in service
