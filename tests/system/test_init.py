"""postshiftctl init: the first file of a site, by what is asked or given and what is found."""
import os
import pty
import socket
import subprocess
import threading

import pytest

from gateway import Gateway
from processes import BIN, ROOT, run
from redis_server import RedisServer

BLOCK = "127.94.1"
CTL = BIN / "postshiftctl"
PROGRAMS = ["postshift-auth", "postshift-scan", "postshift-policyd", "postshift-cutover", "postshiftctl"]
HAS_GROUP = subprocess.run(["getent", "group", "postshift"], stdout=subprocess.DEVNULL).returncode == 0


class Spamd:
    """Says PONG."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 783))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client:
                assert client.recv(1000) == b"PING SPAMC/1.2\r\n\r\n"
                client.sendall(b"SPAMD/1.5 0 PONG\r\n")

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)


def init(file, *words, postfix=None, code=0):
    environment = {**os.environ, "MAIL_CONFIG": str(postfix or file.parent / "no-postfix")}
    done = subprocess.run([CTL, "-c", file, "init", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env=environment)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done


def settings(file):
    """section.key: value, of what is no comment."""
    found, section = {}, None
    for line in file.read_text(encoding="ascii").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition(" =")
            found[f"{section}.{key}"] = value.strip()
    return found


def is_right_for_all(file):
    for program in PROGRAMS:
        done = run(BIN / program, "-c", file, "-t", check=False)
        assert done.returncode == 0, (program, done.stdout, done.stderr)


@pytest.fixture
def file(folder):
    return folder / "postshift.conf"


def test_a_host_with_nothing_at_all(file):
    done = init(file, "--yes", "--domain", "Example.COM", "--new", "192.0.2.20")
    lines = done.stdout.splitlines()
    for thing in ("Postfix: ", "Redis at inet:127.0.0.1:6379", "ClamAV's signatures in /var/lib/clamav",
                  "spamd at inet:127.0.0.1:783"):
        assert [line for line in lines if line.startswith("not found  " + thing)], done.stdout
    assert settings(file) == {"policyd.domains": "example.com", "policyd.nexthops": "192.0.2.20"}
    assert file.stat().st_mode & 0o7777 == (0o640 if HAS_GROUP else 0o644)
    assert lines[-4:] == [
        "next:", f"  postshift-policyd -c {file} &",
        f"  postshiftctl -c {file} set example.com old=site 'new=cutover-new:[192.0.2.20]:25' weight=0",
        f"  postshiftctl -c {file} postfix-setup"]
    assert all(len(line) <= 160 for line in lines)
    is_right_for_all(file)
    assert os.listdir(file.parent) == [file.name]


@pytest.mark.parametrize("there", ["# mine\n", "", "[policyd]\ndomains = other.example\n"])
def test_what_is_there_stays(file, there):
    file.write_text(there, encoding="ascii")
    done = init(file, "--yes", "--domain", "example.com", "--new", "192.0.2.20", code=4)
    assert done.stdout == "" and f"{file} is there already" in done.stderr and "nothing was written" in done.stderr
    assert file.read_text(encoding="ascii") == there and os.listdir(file.parent) == [file.name]


def test_a_link_to_nowhere_stays_one(file):
    file.symlink_to(file.parent / "elsewhere")
    init(file, "--yes", "--domain", "example.com", "--new", "192.0.2.20", code=4)
    assert file.is_symlink() and not file.exists()


def test_the_sample_of_an_installation_is_no_work_of_anybodys(folder):
    """Every key in it is a comment, and it lies in share, too; one octet more, and it stays."""
    (folder / "bin").mkdir()
    (folder / "share/postshift").mkdir(parents=True)
    sample = (ROOT / "postfix-conf/postshift.conf").read_text(encoding="utf-8")
    (folder / "share/postshift/postshift.conf").write_text(sample, encoding="utf-8")
    (folder / "bin/postshiftctl").write_bytes(CTL.read_bytes())
    (folder / "bin/postshiftctl").chmod(0o755)
    file = folder / "postshift.conf"
    words = [folder / "bin/postshiftctl", "-c", file, "init", "--yes", "--domain", "example.com", "--new", "192.0.2.20"]
    file.write_text(sample + "\n", encoding="utf-8")
    assert run(*words, check=False).returncode == 4
    file.write_text(sample, encoding="utf-8")
    file.chmod(0o640)
    assert "in the place of the sample" in run(*words).stdout
    assert settings(file)["policyd.domains"] == "example.com"
    assert file.stat().st_mode & 0o7777 == 0o640
    assert run(*words, check=False).returncode == 4


@pytest.mark.parametrize("words, says", [
    (["--yes"], "--domain and --new must be given"),
    (["--yes", "--domain", "example.com"], "--domain and --new must be given"),
    ([], "nobody is at a terminal to be asked"),
    (["--domain", "example.com", "--new", "192.0.2.20"], "nobody is at a terminal to be asked"),
    (["--yes", "--domain", "a b", "--new", "192.0.2.20"], "a b is no domain name"),
    (["--yes", "--domain", "example.com", "--new", "127.1"], "--new 127.1: "),
    (["--yes", "--domain", "example.com", "--new", "site"], "only old can be `site`"),
    (["--yes", "--domain", "example.com", "--new", "192.0.2.20", "more"], "too many words"),
])
def test_what_is_missing_or_wrong_is_one_sentence(file, words, says):
    done = init(file, *words, code=2)
    assert says in done.stderr and done.stderr.count("\n") == 1 and not file.exists()


def test_all_words_need_no_yes(file):
    init(file, "--domain", "example.com", "--old", "192.0.2.10", "--new", "lmtp:unix:/run/lmtp")
    assert settings(file)["policyd.nexthops"] == "192.0.2.10 unix:/run/lmtp"


def test_a_folder_that_is_not_there(folder):
    done = init(folder / "none/postshift.conf", "--yes", "--domain", "example.com", "--new", "192.0.2.20", code=1)
    assert "nothing was written" in done.stderr


def test_at_a_terminal_it_asks(file):
    def talk(answers):
        master, slave = pty.openpty()
        with subprocess.Popen([CTL, "-c", file, "init"], stdin=slave, stdout=slave, stderr=slave,
                              env={**os.environ, "MAIL_CONFIG": "/none"}) as process:
            os.close(slave)
            os.write(master, answers)
            said = b""
            while True:
                try:
                    got = os.read(master, 10000)
                except OSError:
                    break
                said += got
        os.close(master)
        return process.returncode, said.decode()

    code, said = talk(b"no domain\nexample.com\n\n127.0.0.1:2525\nno\n")
    assert code == 1 and "no domain is no domain name" in said and "domains = example.com" in said and not file.exists()
    code, said = talk(b"example.com\n\n127.0.0.1:2525\n\n")
    assert code == 0, said
    assert settings(file) == {"policyd.domains": "example.com", "policyd.nexthops": "127.0.0.1",
                              "policyd.allow_loopback": "yes"}


# What a site has: its main.cf, who carries the domain, what is written.
SITES = {
    "relay": ({"relay_domains": "example.com, example.org", "relay_transport": "relay:[192.0.2.10]:2525"},
              "found      example.com, which relay:[192.0.2.10]:2525 (relay_domains) carries today"),
    "relayhost": ({"relay_domains": "example.com", "relay_transport": "relay", "relayhost": "[192.0.2.11]"},
                  "found      example.com, which relay:[192.0.2.11] (relay_domains) carries today"),
    "transport_maps": ({"relay_domains": "example.com", "relay_transport": "relay:[192.0.2.10]",
                        "transport_maps": "inline:{{hand@example.com=smtp:[192.0.2.9]},{example.com=smtp:[192.0.2.12]:26}}"},
                       "found      example.com, which smtp:[192.0.2.12]:26 (relay_domains) carries today"),
    "nexthop of a map alone": ({"relay_domains": "example.com", "relay_transport": "relay:[192.0.2.10]",
                                "transport_maps": "inline:{{example.com=:[192.0.2.12]}}"},
                               "found      example.com, which relay:[192.0.2.12] (relay_domains) carries today"),
    "virtual": ({"relay_domains": "", "virtual_mailbox_domains": "example.com",
                 "virtual_transport": "lmtp:unix:private/dovecot-lmtp"},
                "found      example.com, which lmtp:unix:private/dovecot-lmtp (virtual_mailbox_domains) carries today"),
    "nowhere": ({"relay_domains": "", "default_transport": "smtp"},
                "not found  example.com in the lists of main.cf: smtp carries it today, as any domain"),
    "mydestination": ({"relay_domains": "", "mydestination": "example.com"},
                      "note       postfix-setup would refuse: example.com stands in mydestination"),
}


@pytest.mark.parametrize("name", SITES)
def test_a_postfix_that_is_there(folder, file, name):
    main, says = SITES[name]
    gateway = Gateway(folder, f"{BLOCK}.1", main=main)
    done = init(file, "--yes", "--domain", "example.com", "--new", "192.0.2.20", postfix=gateway.etc)
    assert says in done.stdout, done.stdout
    assert f"found      Postfix {gateway.postconf('-h', 'mail_version').strip()}, {gateway.etc}\n" in done.stdout
    found = settings(file)
    assert found["policyd.route"] == f"unix:{gateway.queue}/postshift/route.sock"
    assert found["scan.listen"] == f"unix:{gateway.queue}/postshift/scan.sock"
    assert found["cutover.log"] == str(gateway.log) and found["ctl.postfix"] == str(gateway.etc)
    assert "policyd.recipient_delimiter" not in found
    if name != "nowhere":
        assert "is carried by" in file.read_text(encoding="ascii")
    is_right_for_all(file)


def test_what_postfix_has_otherwise(folder, file):
    gateway = Gateway(folder, f"{BLOCK}.1", main={"recipient_delimiter": "-"})
    init(file, "--yes", "--domain", "example.com", "--old", "relay:[192.0.2.10]:25", "--new", "192.0.2.20", "--directory",
         gateway.etc)
    found = settings(file)
    assert found["policyd.recipient_delimiter"] == "-"
    assert found["policyd.transports"].split()[-1] == "relay" and len(found["policyd.transports"].split()) == 7
    is_right_for_all(file)


def test_redis_and_spamd_that_are_there(folder, file):
    server = RedisServer(folder, "127.0.0.1", 6379)
    server.start()
    spamd = Spamd()
    try:
        done = init(file, "--yes", "--domain", "example.com", "--new", "192.0.2.20")
        assert "found      Redis at inet:127.0.0.1:6379\n" in done.stdout
        assert "found      spamd at inet:127.0.0.1:783\n" in done.stdout
        assert settings(file)["scan.spamd"] == "inet:127.0.0.1:783" and "redis.address" not in settings(file)
        is_right_for_all(file)
        # The command that it names is right.
        line = [line for line in done.stdout.splitlines() if " set example.com " in line][0].strip()
        run("sh", "-c", line, environment={"PATH": f"{BIN}:{os.environ['PATH']}"})
        assert server.command("HGET", "cutover:domain:example.com", "new") == "cutover-new:[192.0.2.20]:25"
    finally:
        spamd.close()
        server.stop()
    server = RedisServer(folder, "127.0.0.1", 6379, password="secret")
    server.start()
    try:
        file.unlink()
        assert "Redis at inet:127.0.0.1:6379, which wants a password" in init(
            file, "--yes", "--domain", "example.com", "--new", "192.0.2.20").stdout
        assert "#password_file = /etc/postshift/redis.password\n" in file.read_text(encoding="ascii")
        is_right_for_all(file)
    finally:
        server.stop()


def test_who_answers_at_spamds_port_may_be_another(file):
    with socket.create_server(("127.0.0.1", 783)) as listener:
        def serve():
            client, _ = listener.accept()
            with client:
                client.recv(1000)
                client.sendall(b"220 hello\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        assert "not found  spamd" in init(file, "--yes", "--domain", "example.com", "--new", "192.0.2.20").stdout
        thread.join()

