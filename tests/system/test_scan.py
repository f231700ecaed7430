"""postshift-scan with the real libclamav, over the milter protocol."""
import os
import signal
import socket
import threading
import time
import zipfile

import pytest

from milter import Milter, Session
from processes import is_alive, wait_for
from scanner import Load, children, keeper_of, workers_of
from signatures import EICAR, MARKER_A, MARKER_B, PLAIN, attachment, make_folder, office, pdf, tarred, zipped

ADDRESS, OWN_ADDRESS = "127.20.40.1", "127.20.40.2"


NESTED = zipped("outer.zip", zipped("inner.zip", zipped("deep.com", EICAR)))
RFC822 = b"From: x@example.org\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n" + EICAR + b"\r\n"

CONTAINERS = {
    "base64": (EICAR, "base64"), "quoted-printable": (EICAR, "quoted-printable"), "8bit": (EICAR, "8bit"),
    "zip": (zipped("a.com", EICAR), "base64"), "stored zip": (zipped("a.com", EICAR, zipfile.ZIP_STORED), "base64"),
    "nested zip": (NESTED, "base64"), "tar.gz": (tarred("a.com", EICAR), "base64"),
    "tar.bz2": (tarred("a.com", EICAR, "w:bz2"), "base64"), "tar.xz": (tarred("a.com", EICAR, "w:xz"), "base64"),
    "office": (office(EICAR), "base64"), "pdf": (pdf(EICAR), "base64"), "rfc822": (RFC822, "base64"),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_finds_the_test_file_in(scanner, name):
    data, encoding = CONTAINERS[name]
    answer = scanner.send(*attachment(data, encoding=encoding))
    assert answer.reply == "550 5.7.1 message refused: it contains Eicar-Test-Signature.UNOFFICIAL"


def behind(octets, fields, body):
    """The same mail with a first part of that size before its own."""
    filler = (b"line after line after line\r\n" * (octets // 28 + 1))[:octets]
    return fields, b"--part\r\nContent-Type: text/plain\r\n\r\n" + filler + b"\r\n" + body


@pytest.mark.parametrize("name", CONTAINERS)
def test_finds_the_test_file_in_a_large_mail_in(scanner, name):
    """Small mails reach a worker another way than large ones."""
    data, encoding = CONTAINERS[name]
    answer = scanner.send(*behind(60000, *attachment(data, encoding=encoding)))
    assert answer.reply == "550 5.7.1 message refused: it contains Eicar-Test-Signature.UNOFFICIAL"


def test_mails_about_the_size_where_the_way_changes_are_scanned_to_their_end(scanner):
    """32768 octets with our line ends is the last size that goes along with the job."""
    fields, body = attachment(EICAR, encoding="8bit")
    plain = sum(len(n) + len(v) + 4 for n, v in fields) + 2 + len(behind(0, fields, body)[1])
    sizes = []
    with scanner.session() as session:
        for size in range(32768 - 3, 32768 + 4):
            fields, longer = behind(size - plain, fields, body)
            for chunk in (65535, 1000):
                answer = session.message(fields, longer, chunk=chunk, queue_id=f"SIZE{size}")
                assert answer.reply.startswith("550 5.7.1 "), (size, chunk)
            sizes.append(f"size={size}, ")
    assert all(scanner.log().count(text) == 2 for text in sizes)


def test_mails_of_next_to_nothing(scanner):
    with scanner.session() as session:
        for octets in range(12):
            answer = session.message([], b"x" * octets)
            assert answer.field("X-Virus-Status") == "Clean"


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_clean_counterpart_of_is_clean(scanner, name):
    data, encoding = CONTAINERS[name]
    clean = {EICAR: b"nothing to see here, move along please, thank you all the same!!"}.get(data)
    if clean is None:
        clean = {"nested zip": zipped("outer.zip", zipped("inner.zip", zipped("deep.com", b"clean"))),
                 "office": office(b"clean"), "pdf": pdf(b"clean"), "rfc822": RFC822.replace(EICAR, b"clean"),
                 "tar.gz": tarred("a.com", b"clean"), "tar.bz2": tarred("a.com", b"clean", "w:bz2"),
                 "tar.xz": tarred("a.com", b"clean", "w:xz")}.get(name, zipped("a.com", b"clean"))
    answer = scanner.send(*attachment(clean, encoding=encoding))
    assert answer.action == "accept"
    assert answer.field("X-Virus-Status") == "Clean"


def test_plain_text_in_the_body(scanner):
    assert scanner.send(PLAIN, EICAR + b"\r\n").reply.startswith("550 5.7.1 ")


def test_writes_its_fields_and_removes_what_looks_like_them(scanner):
    forged = [("X-Virus-Status", "Clean"), ("x-virus-status", "Clean (trust me)"), ("X-Virus-Scanned", "by nobody"),
              ("X-Spam-Flag", "NO")]
    answer = scanner.send(PLAIN + forged, b"hello\r\n")
    assert answer.field("X-Virus-Status") == "Clean"
    assert answer.field("X-Virus-Scanned").startswith("postshift-scan (ClamAV ")
    assert sorted((n.lower(), i) for n, i in answer.deleted) == [
        ("x-virus-scanned", 1), ("x-virus-status", 1), ("x-virus-status", 2)]
    numbers = [i for n, i in answer.deleted if n.lower() == "x-virus-status"]
    assert numbers == [2, 1], "the last goes first"


def test_one_line_a_message(scanner):
    scanner.send(PLAIN, b"hello\r\n", queue_id="LOGLINE1")
    line = scanner.process.wait_for_output("LOGLINE1: scan: ")
    line = next(l for l in scanner.log().splitlines() if "LOGLINE1" in l)
    for part in ("action=accept", "client=", "[", "from=<sender@example.org>", "nrcpt=1", "clamav=clean", "worker=", "delay="):
        assert part in line


@pytest.mark.parametrize("how,action,quarantined", [("hold", "accept", 1), ("tag", "accept", 0), ("discard", "discard", 0)])
def test_on_infected(own, how, action, quarantined):
    answer = own(on_infected=how).send(*attachment(EICAR))
    assert answer.action == action
    assert len(answer.quarantined) == quarantined
    if how != "discard":
        assert answer.field("X-Virus-Status") == "Infected (Eicar-Test-Signature.UNOFFICIAL)"


def test_an_allowed_signature_hides_nothing_else(own):
    milter = own(allow_signatures="Eicar-Test-Signature")
    assert milter.send(*attachment(EICAR)).field("X-Virus-Status") == "Clean"
    both = milter.send(*attachment(EICAR + b"\r\n" + MARKER_A))
    assert "Test.Marker.A" in both.reply


def test_what_is_too_big_is_not_called_clean(own):
    milter = own(max_message="20k")
    answer = milter.send(PLAIN, b"x" * 40000)
    assert (answer.action, answer.field("X-Virus-Status")) == ("accept", "Unscanned (too big)")


@pytest.mark.parametrize("option,start_of", [("tag", "Unscanned (limit reached: MaxFileSize"), ("fail", None), ("infected", None)])
def test_a_cut_member_is_not_called_clean(own, option, start_of):
    milter = own(max_file="100k", max_scan="300k", on_limits=option)
    answer = milter.send(*attachment(zipped("big.bin", b"\0" * 400000)))
    if option == "tag":
        assert answer.field("X-Virus-Status").startswith("Unscanned (limit reached: ")
    else:
        assert answer.reply.startswith("552 5.3.4" if option == "fail" else "550 5.7.1")


def test_an_encrypted_archive_is_not_called_clean(own, folder):
    import subprocess
    (folder / "secret.txt").write_bytes(b"secret" * 100)
    subprocess.run(["7z", "a", "-tzip", "-psecret", str(folder / "e.zip"), str(folder / "secret.txt")], check=True,
                   stdout=subprocess.DEVNULL)
    answer = own().send(*attachment((folder / "e.zip").read_bytes()))
    assert answer.field("X-Virus-Status") == "Unscanned (encrypted part)"


def test_a_worker_that_is_killed_costs_at_most_its_message(own):
    milter = own()
    for worker in workers_of(milter):
        os.kill(worker, signal.SIGKILL)
    wait_for(lambda: milter.metric('postshift_scan_worker_exits_total{reason="signal"}') >= 2, 10, "deaths to be counted")
    wait_for(lambda: milter.send(PLAIN, b"hello\r\n").action == "accept", 5, "the next mail to pass")


def test_a_stopped_worker_is_replaced(own):
    milter = own(workers=1)
    wait_for(lambda: len(workers_of(milter)) == 2, 5, "the worker and the spare")
    for worker in workers_of(milter):
        os.kill(worker, signal.SIGSTOP)
    assert milter.send(PLAIN, b"hello\r\n").action == "accept", "it waits for a new one"
    wait_for(lambda: milter.metric('postshift_scan_worker_exits_total{reason="stuck"}') == 2, 5, "both to be counted")


def test_a_killed_keeper_is_replaced(own):
    milter = own()
    keeper = keeper_of(milter)
    workers = children(keeper)
    os.kill(keeper, signal.SIGKILL)
    wait_for(lambda: not any(is_alive(w) for w in workers), 5, "its workers to end")
    wait_for(lambda: milter.send(PLAIN, b"hello\r\n").action == "accept", 10, "the next mail to pass")
    assert milter.send(*attachment(EICAR)).reply.startswith("550")


def test_a_killed_serving_process_is_replaced(own):
    milter = own()
    keeper = keeper_of(milter)
    for pid in children(milter.process.pid):
        if pid != keeper:
            os.kill(pid, signal.SIGKILL)
    assert milter.send_when_back(PLAIN, b"hello\r\n").action == "accept"


def test_new_broken_and_mended_signatures_under_load_cost_no_mail(own, folder):
    milter = own()
    load = Load(milter)
    marker = attachment(MARKER_B)
    assert milter.send(*marker).action == "accept"
    make_folder(folder / "db", [("Test.Marker.B", MARKER_B)])
    wait_for(lambda: milter.send(*marker).reply.startswith("550"), 20, "the new signature to be used")
    (folder / "db/broken.ndb").write_text("this is no signature\n", encoding="ascii")
    failed = 'postshift_scan_database_reloads_total{result="fail"}'
    wait_for(lambda: milter.metric(failed) >= 1, 20, "the broken file to be noticed")
    assert milter.send(*marker).reply.startswith("550"), "the old signatures go on"
    (folder / "db/broken.ndb").unlink()
    loads = milter.metric('postshift_scan_database_reloads_total{result="ok"}')
    wait_for(lambda: milter.metric('postshift_scan_database_reloads_total{result="ok"}') > loads, 20, "the mended folder")
    actions = load.end()
    assert set(actions) == {"accept"}, actions
    assert actions["accept"] > 20


def test_without_signatures_mail_waits_until_there_are_some(folder):
    (folder / "db").mkdir()
    milter = Milter(folder, "postshift-scan", "127.20.40.3", options={
        "databases": folder / "db", "temp": "/tmp", "reload_check": "200ms", "reload_quiet": "100ms"})
    milter.start()
    try:
        assert milter.send(PLAIN, b"x\r\n").reply == "451 4.7.1 message not scanned (scanner not ready), try again later"
        assert milter.page("/healthz")[0] == 503
        make_folder(folder / "db")
        wait_for(lambda: milter.send(PLAIN, b"x\r\n").action == "accept", 20, "signatures to be loaded")
    finally:
        milter.stop()


def test_reload_serves_with_the_new_configuration_and_finishes_old_sessions(own):
    milter = own()
    with milter.session() as old:
        milter.write_config(on_infected="tag")
        milter.process.signal(signal.SIGHUP)
        milter.process.wait_for_output("configuration read again")
        wait_for(lambda: milter.send(*attachment(EICAR)).action == "accept", 10, "the new configuration")
        assert old.message(*attachment(EICAR)).reply.startswith("550"), "an open session keeps what it began with"
    milter.write_config(on_infected="perhaps")
    milter.process.signal(signal.SIGHUP)
    milter.process.wait_for_output("on_infected")
    assert milter.send(*attachment(EICAR)).action == "accept", "a bad file changes nothing"


def test_aborted_messages_and_many_sessions(scanner):
    sessions = [scanner.session() for _ in range(100)]
    for session in sessions:
        session.step("M", b"<a@example.org>\0")
        session.step("L", b"Subject\0 x\0")
    for session in sessions[::2]:
        session.abort()
        assert session.message(PLAIN, b"after an abort\r\n").action == "accept"
    for session in sessions[1::2]:
        session.socket.close()
    for session in sessions[::2]:
        session.close()
    wait_for(lambda: scanner.metric("postshift_milter_sessions") == 0, 10, "all sessions to be gone")


def test_two_hundred_connections_at_once(own, spamd):
    """Whole messages, aborts and hang-ups between each other, while the configuration is read again: a run with a
    thread sanitizer's build looks for races here."""
    address, _ = spamd(HAM)
    milter = own(workers=3, spamd=address, spamd_connections=20)
    replies, lock = [], threading.Lock()

    def connection(number):
        with milter.session() as session:
            for step in range(4):
                if (number + step) % 4 == 0:
                    session.step("M", b"<a@example.org>\0")
                    session.step("L", b"X-Virus-Status\0 x\0")
                    session.abort()
                elif (number + step) % 7 == 0:
                    session.step("M", b"<a@example.org>\0")
                    return
                else:
                    infected = (number + step) % 5 == 0
                    answer = session.message(*attachment(EICAR if infected else b"clean %d" % number))
                    with lock:
                        replies.append((infected, answer.reply[:3]))

    threads = [threading.Thread(target=connection, args=(n,), daemon=True) for n in range(200)]
    for thread in threads:
        thread.start()
    milter.process.signal(signal.SIGHUP)
    for thread in threads:
        thread.join(60)
    assert len(replies) > 400
    assert set(replies) == {(True, "550"), (False, "")}


def test_more_small_mails_at_once_than_the_queue_holds(own):
    """30 kB each for one worker: the queue takes some, the rest waits for a place."""
    milter = own(workers=1)
    mails = [behind(30000, *attachment(EICAR if n % 2 else b"clean")) for n in range(60)]
    actions = [None] * len(mails)

    def send(number):
        actions[number] = milter.send(*mails[number]).action

    os.kill(workers_of(milter)[0], signal.SIGSTOP)
    threads = [threading.Thread(target=send, args=(n,), daemon=True) for n in range(len(mails))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert actions == ["reply" if n % 2 else "accept" for n in range(len(mails))]


def test_a_peer_that_begins_anew_without_negotiating(scanner):
    for command in (b"C", b"H", b"M", b"L", b"E"):
        with scanner.session() as peer:
            peer.send(b"K")
            peer.send(b"C", b"client.example\0" + b"4\x09\xdd192.0.2.1\0")
            peer.send(command, b"<a@sender.example>\0")
    assert scanner.send(PLAIN, b"hello\r\n").action == "accept"
    assert scanner.metric('postshift_scan_process_exits_total{process="serving"}') == 0


def test_many_foreign_fields_are_all_removed(scanner):
    answer = scanner.send(PLAIN + [("X-Virus-Status", "Clean")] * 1000, b"hello\r\n")
    assert [i for _, i in answer.deleted] == list(range(1000, 0, -1))


def test_more_than_a_thousand_for_both_milters_are_refused(scanner):
    ours, results = [("X-Virus-Status", "Clean")], [("Authentication-Results", "other.example; none")]
    for fields in (ours * 1001, ours * 11000, results * 1000 + ours, ours * 501 + [("Received-SPF", "none")] * 500):
        assert scanner.send(PLAIN + fields, b"hello\r\n").reply == "550 5.7.1 message refused: too many X-Virus or X-Spam fields"
    assert scanner.send(PLAIN + results * 1500, b"hello\r\n").action == "accept", "nothing of ours is to be taken out"


class FakeSpamd:
    """Answers as it is told to: a text, or nothing at all."""

    def __init__(self, address, answer):
        self.answer = answer
        self.requests = []
        self.pause = 0
        self.now, self.most = 0, 0      # requests under way
        self.lock = threading.Lock()
        self.socket = socket.create_server(address)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def count(self, change):
        with self.lock:
            self.now += change
            self.most = max(self.most, self.now)

    def serve(self, client):
        self.count(1)
        with client:
            data = b""
            while more := client.recv(65536):
                data += more
            self.requests.append(data)
            time.sleep(self.pause)
            self.count(-1)
            if self.answer is not None:
                client.sendall(self.answer)
            else:
                time.sleep(5)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(5)
        self.socket.close()


HAM = b"SPAMD/1.1 0 EX_OK\r\nContent-length: 3\r\nSpam: False ; 1.5 / 5.0\r\n\r\nA,B"
SPAM = b"SPAMD/1.1 0 EX_OK\r\nContent-length: 5\r\nSpam: True ; 15.1 / 5.0\r\n\r\nGTUBE"


@pytest.fixture
def spamd():
    servers = []

    def make(answer):
        servers.append(FakeSpamd(("127.20.40.9", 7830), answer))
        return "inet:127.20.40.9:7830", servers[-1]

    yield make
    for server in servers:
        server.close()


def test_spamd_says_ham(own, spamd):
    address, server = spamd(HAM)
    milter = own(spamd=address)
    answer = milter.send(PLAIN + [("X-Spam-Flag", "YES"), ("X-Spam-Status", "Yes")], b"hello\r\n")
    assert answer.field("X-Spam-Status").replace("\n\t", " ").startswith("No, score=1.5 required=5.0 tests=A,B")
    assert answer.field("X-Spam-Flag") is None
    assert len(answer.deleted) == 2
    request = server.requests[0]
    assert request.startswith(b"SYMBOLS SPAMC/1.5\r\nContent-length: ")
    head, _, message = request.partition(b"\r\n\r\n")
    assert int(head.split(b"Content-length: ")[1].split()[0]) == len(message)
    assert b"by postshift-scan" not in message, "what is for libclamav alone"
    assert message.startswith(b"X-Envelope-From: <sender@example.org>\r\nReceived: from helo.example "
                              b"(client.example [192.0.2.1])\r\n\tby mx.example.net (Postfix) with ESMTP id 4QID0001;")


@pytest.mark.parametrize("option,reply,quarantined", [("tag", "", 0), ("hold", "", 1), ("reject", "550 5.7.1", 0)])
def test_spamd_says_spam(own, spamd, option, reply, quarantined):
    address, _ = spamd(SPAM)
    answer = own(spamd=address, on_spam=option).send(PLAIN, b"hello\r\n")
    assert answer.reply.startswith(reply)
    assert len(answer.quarantined) == quarantined
    if option != "reject":
        assert answer.field("X-Spam-Flag") == "YES"
        assert answer.field("X-Spam-Level") == "*" * 15


def test_thresholds_count_under_their_own_option(own, spamd):
    address, _ = spamd(SPAM)
    assert own(spamd=address, on_spam="reject", spam_reject="20", spam_hold="1").send(PLAIN, b"x").action == "accept"


NONSENSE = {"nothing": b"", "garbage": b"garbage\r\n\r\n", "an error": b"SPAMD/1.1 76 EX_PROTOCOL\r\n\r\n",
            "half": HAM[:40], "no end": b"x" * 100000, "silence": None}


@pytest.mark.parametrize("kind", NONSENSE)
def test_a_spamd_that_says_nothing_sensible(own, spamd, kind):
    address, _ = spamd(NONSENSE[kind])
    milter = own(spamd=address, spamd_timeout="1s")
    found = milter.send(*attachment(b"clean"))
    assert (found.action, found.field("X-Virus-Status"), found.field("X-Spam-Status")) == ("accept", "Clean", "Unknown")
    assert milter.send(*attachment(EICAR)).reply.startswith("550")


def test_spamd_away_is_tempfail_by_choice(own):
    milter = own(spamd="inet:127.20.40.9:7839", on_spamd_fail="tempfail")
    assert milter.send(PLAIN, b"hello\r\n").reply == "451 4.7.1 message not checked for spam, try again later"


def test_a_silent_spamd_is_waited_for_no_longer_than_the_deadline(own, spamd):
    address, _ = spamd(None)
    milter = own(spamd=address, spamd_timeout="20s", deadline="1s")
    began = time.monotonic()
    answer = milter.send(PLAIN, b"x\r\n")
    assert time.monotonic() - began < 3
    assert (answer.field("X-Virus-Status"), answer.field("X-Spam-Status")) == ("Clean", "Unknown")


def test_no_more_requests_to_spamd_than_it_may_have_whatever_the_socket(own, spamd):
    address, server = spamd(HAM)
    server.pause = 0.1
    milter = own(spamd=address, spamd_connections=2, listen="inet:127.20.40.2:8892 inet:127.20.40.2:8893")
    answers = []

    def send(port):
        with Session(("127.20.40.2", port)) as session:
            answers.append(session.message(PLAIN, b"x\r\n").field("X-Spam-Status"))

    threads = [threading.Thread(target=send, args=(8892 + n % 2,), daemon=True) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(answers) == 12 and "Unknown" not in answers
    assert server.most == 2
    assert milter.process.stop() == 0


def test_ends_within_ten_seconds_and_leaves_nothing(own, folder):
    milter = own()
    milter.send(PLAIN, b"hello\r\n")
    pids = children(milter.process.pid) + workers_of(milter)
    began = time.monotonic()
    milter.process.signal(signal.SIGTERM)
    assert milter.process.wait(10) == 0
    assert time.monotonic() - began < 10
    wait_for(lambda: not any(is_alive(p) for p in pids), 5, "all processes to end")
    assert list((folder / "temp").iterdir()) == []
