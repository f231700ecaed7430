"""Both milters and the MTAs at their door: very many, idle, slow, broken, gone; and the end of a process with them in it."""
import os
import pathlib
import re
import resource
import signal
import socket
import struct
import threading
import time

import pytest

import scanner
from authsite import AuthSite, mail
from milter import Session
from processes import LIBMILTER, SANITIZED, Process, can_connect, is_alive, wait_for
from signatures import EICAR, attachment, long_work

ADDRESS = "127.20.48.1"
BODY = b"Hello.\r\n"


class Auth:
    """postshift-auth with its DNS."""

    def __init__(self, folder, **options):
        self.site = AuthSite(folder, ADDRESS, **options)
        self.milter = self.site.milter

    def start(self):
        self.site.start()
        return self

    def stop(self):
        self.site.stop()

    @staticmethod
    def is_done(answer):
        return answer.action == "accept" and "dmarc=" in answer.field("Authentication-Results")


class Scan:
    """postshift-scan with two workers."""

    def __init__(self, folder, **options):
        self.folder, self.options, self.milter = folder, options, None

    def start(self):
        self.milter = scanner.start(self.folder, ADDRESS, **self.options)
        return self

    def stop(self):
        self.milter.stop()

    @staticmethod
    def is_done(answer):
        return answer.action == "accept" and answer.field("X-Virus-Status") == "Clean"


KINDS = {"auth": Auth, "scan": Scan}


@pytest.fixture(autouse=True, scope="module")
def many_descriptors():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@pytest.fixture(params=KINDS)
def one(request, folder):
    made = KINDS[request.param](folder).start()
    yield made
    made.stop()


@pytest.fixture
def auth(folder):
    made = Auth(folder).start()
    yield made
    made.stop()


def serving(milter):
    """The newest serving process."""
    return int(wait_for(lambda: re.findall(r"started: process=serving, pid=(\d+)", milter.log()), 5)[-1])


def resident(pid):
    """MB."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024


def processor(pid):
    """Seconds used."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def message(session, **how):
    return session.message(mail(), BODY, **how)


def sessions(one, count):
    return [one.milter.session() for _ in range(count)]


def close(opened):
    for session in opened:
        session.close()


def raw(one):
    made = socket.create_connection(one.milter.address, timeout=20)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def packet(code, data=b""):
    return struct.pack(">I", len(data) + 1) + code + data


OFFER = packet(b"O", struct.pack(">III", 6, 0x1FF, 0x1FFFFF))


def serves(one):
    """A connection of now gets a whole answer."""
    with one.milter.session() as session:
        assert one.is_done(message(session))


def is_gone(session):
    """Has it been hung up on?  What was answered before doesn't count."""
    try:
        while session.socket.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return True


def none_is_left(one):
    wait_for(lambda: one.milter.metric("postshift_milter_sessions") == 0, 20, "all sessions to be gone")


def test_three_hundred_idle_ones_and_traffic(one):
    idle = sessions(one, 300)
    wrong = []

    def traffic():
        with one.milter.session() as session:
            for _ in range(25):
                answer = message(session)
                if not one.is_done(answer):
                    wrong.append(answer.parts)

    threads = [threading.Thread(target=traffic) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert wrong == []
    assert all(one.is_done(message(session)) for session in idle)
    wait_for(lambda: one.milter.metric("postshift_milter_sessions") == 300, 5, "the others to be gone")
    close(idle)
    none_is_left(one)


def test_memory_of_two_hundred_connections(one):
    pid = serving(one.milter)
    before = resident(pid)
    opened = sessions(one, 200)
    idle = resident(pid)
    assert all(one.is_done(message(session)) for session in opened)
    after = resident(pid)
    print(f"{one.milter.program}: {before:.1f} MB, with 200 connections {idle:.1f} MB, after a message on each {after:.1f} MB")
    assert SANITIZED or after < 60
    close(opened)


@pytest.mark.limit(300)
def test_two_thousand_idle_ones(one):
    pid = serving(one.milter)
    began, used = time.monotonic(), processor(pid)
    opened = sessions(one, 2000)
    took, used = time.monotonic() - began, processor(pid) - used
    print(f"{one.milter.program}: 2000 connections in {took:.1f} s, {used / 2:.2f} ms of processor each, {resident(pid):.1f} MB")
    assert all(one.is_done(message(session)) for session in opened[::100])
    serves(one)
    used = processor(pid)
    time.sleep(1)
    assert SANITIZED or processor(pid) - used < 0.1, "idle ones cost nothing"
    assert SANITIZED or resident(pid) < 200
    close(opened)
    none_is_left(one)
    serves(one)


def test_more_than_it_takes_are_hung_up_on(auth):
    """MILTER_SESSIONS_MAX; those that are there go on.  libmilter has no such ceiling."""
    opened = []
    if LIBMILTER:
        opened = sessions(auth, 4100)
        assert auth.is_done(message(opened[0])) and auth.is_done(message(opened[-1]))
        close(opened)
        none_is_left(auth)
        return
    with pytest.raises((EOFError, OSError)):
        while len(opened) < 4100:
            opened.append(auth.milter.session())
    assert len(opened) == 4000
    assert auth.is_done(message(opened[0])) and auth.is_done(message(opened[-1]))
    auth.milter.process.wait_for_output("hung up on an MTA: 4000 sessions")
    close(opened)
    none_is_left(auth)
    serves(auth)


def test_no_session_waits_for_those_that_are_busy(folder):
    """Thirty messages that wait for a silent DNS; another passes meanwhile."""
    one = Auth(folder).start()
    try:
        busy = [threading.Thread(target=lambda: one.site.send(mail("a@silent.example"), sender="<a@silent.example>"))
                for _ in range(30)]
        for thread in busy:
            thread.start()
        # libmilter's pool begins with some of them, and lets the others wait
        wait_for(lambda: one.milter.metric("postshift_milter_sessions") >= (2 if LIBMILTER else 30), 5)
        serves(one)
        if not LIBMILTER:     # its pool may let a session wait for a thread that is busy
            assert all(thread.is_alive() for thread in busy), "it waited for one of them"
        for thread in busy:
            thread.join(20)
    finally:
        one.stop()


def test_no_session_waits_for_those_that_scan(folder):
    """Six messages that take the one worker a while each; up to its end another gets all its answers."""
    one = Scan(folder, workers=1).start()
    slow = attachment(long_work(1))
    try:
        busy = [threading.Thread(target=lambda: one.milter.send(*slow)) for _ in range(6)]
        for thread in busy:
            thread.start()
        wait_for(lambda: one.milter.metric('postshift_scan_workers{state="busy"}') == 1, 5)

        def waits_for_none():
            """Whether all that were busy when it came still are when it has its answers."""
            before = sum(thread.is_alive() for thread in busy)
            with one.milter.session(steps=0x8) as session:
                # libmilter passes over what comes before RCPT and DATA, where the MTA has not agreed to leave them out
                for code, data in (("M", b"<a@b>\0"), *[("R", b"<b@example.net>\0"), ("T", b"")] * LIBMILTER, ("L", b"A\0b\0"), ("N", b""), ("B", b"x" * 1000)):
                    assert session.step(code, data)[0] == b"c"
            return 0 < before == sum(thread.is_alive() for thread in busy)

        # By chance a scan may end in this very moment.
        waited_for_none = [waits_for_none() for _ in range(3)]
        assert LIBMILTER or any(waited_for_none)     # its pool may let a session wait for a thread that is busy
        for thread in busy:
            thread.join(60)
    finally:
        one.stop()


def begin(session):
    """A message up to the middle of its body."""
    session.macros("M", {"{mail_addr}": "sender@example.org"})
    session.step("M", b"<sender@example.org>\0")
    session.step("R", b"<b@example.net>\0")
    session.step("T")
    for name, value in mail():
        session.step("L", name.encode() + b"\0 " + value.encode() + b"\0")
    session.step("N")
    session.step("B", b"Hello.\r\n")


def finish(session):
    session.step("B", b"Bye.\r\n")
    session.send(b"E")
    parts = [session.read()]
    while parts[-1][0] not in (b"a", b"y", b"r", b"t"):
        parts.append(session.read())
    return parts


@pytest.mark.parametrize("whom", ["the serving process", "the service"])
def test_term_waits_for_the_message_in_hand(one, whom):
    old = serving(one.milter)
    idle, busy = one.milter.session(), one.milter.session()
    begin(busy)
    serves(one)     # what was sent before has been read
    if whom == "the service":
        one.milter.process.signal(signal.SIGTERM)
    else:
        os.kill(old, signal.SIGTERM)
    time.sleep(0.5)
    assert is_alive(old)
    parts = finish(busy)
    assert parts[-1][0] == b"a" and any(code in (b"h", b"i") for code, _ in parts)
    assert is_gone(busy) and is_gone(idle)
    wait_for(lambda: not is_alive(old), 5, "the process to end")
    if whom == "the service":
        assert one.milter.process.wait(5) == 0
        return
    wait_for(lambda: serving(one.milter) != old, 5, "another process")
    serves(one)


def session_at_another(one, old):
    """A session; None where the old process took it, which it may until it is told to drain."""
    before, by_old = one.milter.log().count("]: 4QID"), one.milter.log().count(f"[{old}]: 4QID")
    session = one.milter.session()
    assert one.is_done(message(session))
    wait_for(lambda: one.milter.log().count("]: 4QID") > before, 5, "its line")
    if one.milter.log().count(f"[{old}]: 4QID") == by_old:
        return session
    session.close()
    return None


def test_sessions_of_a_killed_process_are_counted_no_longer(one):
    old = serving(one.milter)
    opened = sessions(one, 5)
    assert one.milter.metric("postshift_milter_sessions") == 5
    one.milter.process.signal(signal.SIGHUP)
    wait_for(lambda: serving(one.milter) != old, 10, "another serving process")
    with wait_for(lambda: session_at_another(one, old), 20, "the old one to take no more") as session:
        wait_for(lambda: one.milter.metric("postshift_milter_sessions") == 6, 5)
        os.kill(old, signal.SIGKILL)    # while it drains
        wait_for(lambda: one.milter.metric("postshift_milter_sessions") == 1, 20, "its sessions to be forgotten")
        assert one.is_done(message(session))
    opened += sessions(one, 3)
    os.kill(serving(one.milter), signal.SIGKILL)
    none_is_left(one)
    close(opened)


def test_hup_to_the_serving_process_is_no_end(one):
    pid = serving(one.milter)
    with one.milter.session() as session:
        begin(session)
        os.kill(pid, signal.SIGHUP)
        assert finish(session)[-1][0] == b"a"
    serves(one)
    assert serving(one.milter) == pid and is_alive(pid)


def test_stuck_ones_hold_up_neither_reload_nor_stop(one):
    old = serving(one.milter)
    stuck = [raw(one) for _ in range(5)]
    for peer in stuck[2:4]:
        peer.sendall(OFFER)
        assert peer.recv(100)[4:5] == b"O"
    # libmilter tells us of a session once it has negotiated
    wait_for(lambda: one.milter.metric("postshift_milter_sessions") == (2 if LIBMILTER else 5), 5)
    stuck[3].sendall(packet(b"M", b"<>\0") + packet(b"B", b"x"))
    stuck[2].sendall(packet(b"M", b"<>\0") + b"\0\1\0\0L")
    stuck[0].sendall(b"\0\0")
    stuck[1].sendall(OFFER[:-3])
    one.milter.process.signal(signal.SIGHUP)
    wait_for(lambda: serving(one.milter) != old, 10, "another serving process")
    began = time.monotonic()
    serves(one)
    assert time.monotonic() - began < 5
    assert is_alive(old), "it has sessions yet"
    for peer in stuck[:3]:
        peer.close()
    stuck[4].sendall(OFFER)
    assert stuck[4].recv(100)[4:5] == b"O", "the old one still answers"
    one.milter.process.signal(signal.SIGTERM)
    assert one.milter.process.wait(10) == 0, "the message of stuck[3] is in hand: 7 s"
    assert not is_alive(old)
    for peer in stuck[3:]:
        peer.close()


def test_a_drained_process_ends_with_its_last_session(one):
    old = serving(one.milter)
    opened = sessions(one, 3)
    one.milter.process.signal(signal.SIGHUP)
    wait_for(lambda: serving(one.milter) != old, 10, "another serving process")
    serves(one)
    for session in opened:
        assert is_alive(old)
        assert one.is_done(message(session))
        session.close()
    wait_for(lambda: not is_alive(old), 5, "its end")


@pytest.mark.limit(240)
def test_no_connection_is_lost_between_two_processes(one):
    """Each message on a connection of its own, while one process after the other takes over."""
    wrong, sent, going = [], [0], [True]

    def traffic():
        while going[0]:
            try:
                with one.milter.session() as session:
                    answer = message(session)
                    if not one.is_done(answer):
                        wrong.append(answer.parts)
                    sent[0] += 1
            except (OSError, EOFError) as problem:
                wrong.append(problem)

    threads = [threading.Thread(target=traffic) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            old, before = serving(one.milter), sent[0]
            one.milter.process.signal(signal.SIGHUP)
            wait_for(lambda old=old: serving(one.milter) != old, 20, "another serving process")
            wait_for(lambda old=old: not is_alive(old), 20, "the old one's end")
            wait_for(lambda before=before: sent[0] > before + 10, 20, "traffic")
    finally:
        going[0] = False
        for thread in threads:
            thread.join(30)
    assert wrong == []


def test_broken_and_vanishing_ones(one):
    pid = serving(one.milter)
    whole = OFFER + packet(b"C", b"a.example\0" b"4\0\0" b"192.0.2.1\0") + packet(b"M", b"<a@b>\0") + \
        packet(b"L", b"From\0 a@b\0") + packet(b"N") + packet(b"B", b"x" * 1000) + packet(b"E")
    for turn in range(200):
        peer = raw(one)
        peer.sendall(whole[:turn * len(whole) // 200])
        if turn % 2:        # with a reset
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
    for junk in (b"EHLO x\r\n", b"\0\0\0\0", b"\xff" * 100, OFFER + b"\x7f\xff\xff\xff", packet(b"M", b"x\0"), OFFER + packet(b"Z"),
                 OFFER + packet(b"K") + packet(b"C", b"x\0U") + packet(b"E") + OFFER, OFFER + packet(b"E"), OFFER + packet(b"D", b"Mx"), packet(b"O", b"\0\0\0\1" + OFFER[9:])):
        with raw(one) as peer:
            peer.sendall(junk)
            peer.settimeout(1 if LIBMILTER else 20)     # which waits for more of some
            try:
                while peer.recv(1000):
                    pass
            except ConnectionResetError:
                pass
            except TimeoutError:
                assert LIBMILTER
    none_is_left(one)
    serves(one)
    assert serving(one.milter) == pid and is_alive(pid)


def test_a_peer_that_closes_its_side_gets_the_answer(one):
    with one.milter.session() as session:
        begin(session)
        session.send(b"E")
        session.socket.shutdown(socket.SHUT_WR)
        parts = [session.read()]
        while parts[-1][0] != b"a":
            parts.append(session.read())
        assert session.socket.recv(10) == b""


def test_a_field_of_one_mebibyte(one):
    with one.milter.session() as session:
        answer = session.message([*mail(), ("X-Long", "x" * ((1 << 20) - 1))], BODY)
        assert answer.action == "accept"
        assert one.is_done(message(session))


def test_a_slow_reader_of_very_many_changes(auth):
    """1,000 deletions, taken 4 kB at a time; another has its answer meanwhile."""
    with auth.milter.session() as slow:
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.macros("M", {"{mail_addr}": "sender@example.org"})
        slow.step("M", b"<sender@example.org>\0")
        slow.step("R", b"<b@example.net>\0")
        slow.step("T")
        for _ in range(1000):
            slow.step("L", b"Authentication-Results\0 mx.example.net; dmarc=pass\0")
        slow.step("N")
        slow.send(b"E")
        time.sleep(0.3)
        serves(auth)
        numbers, got = [], None
        while got != b"a":
            got, data = slow.read()
            if got == b"m":
                numbers.append(struct.unpack(">I", data[:4])[0])
            if len(numbers) % 100 == 0:
                time.sleep(0.01)
        assert numbers == list(range(1000, 0, -1))
        assert auth.is_done(message(slow))


def limited(one, *words):
    """The same program under a limit, in the place of the one that runs."""
    milter = one.milter
    milter.process.stop()
    milter.process = Process(["prlimit", *words, "--", *milter.process.command], milter.process.log)
    milter.process.start()
    wait_for(lambda: can_connect(one.milter.page_address), 20, "its page")
    one.milter.wait_until_well(20)


def test_a_configuration_that_can_not_serve_leaves_the_one_before_in_force(one):
    """Started as nobody, told to become another: the new process ends, the old one serves on, and comes again if killed."""
    milter = one.milter
    milter.process.stop()
    for path in (milter.folder, *milter.folder.rglob("*")):
        os.chown(path, 65534, 65534)
    milter.process = Process(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", *milter.process.command],
                             milter.process.log)
    milter.process.start()
    wait_for(lambda: can_connect(milter.address) and milter.is_well(), 20, "it serves")
    with milter.session() as before:
        assert one.is_done(message(before))
        good = serving(milter)
        milter.write_config(user="daemon")
        milter.process.signal(signal.SIGHUP)
        milter.process.wait_for_output("the one before stays in force")
        assert "can't become user daemon" in milter.log()
        assert one.is_done(message(before))
    serves(one)
    assert milter.metric("postshift_config_last_reload_successful") == 0
    os.kill(good, signal.SIGKILL)
    wait_for(lambda: one.is_done(milter.send_when_back(mail(), BODY)), 20, "a process of the configuration before")
    milter.write_config(user="")
    milter.process.signal(signal.SIGHUP)
    milter.process.wait_for_output("configuration read again: new processes serve")
    wait_for(lambda: milter.metric("postshift_config_last_reload_successful") == 1, 10, "the reload is told")
    serves(one)


@pytest.mark.skipif(SANITIZED, reason="sanitizers need descriptors and threads of their own")
def test_out_of_descriptors(one):
    limited(one, "--nofile=64:64")
    pid = serving(one.milter)
    opened = []
    waiting = [raw(one) for _ in range(100)]
    for peer in waiting:
        peer.sendall(OFFER)
        peer.settimeout(0.3)
    for peer in waiting:
        try:
            if peer.recv(100)[4:5] == b"O":
                opened.append(peer)
        except TimeoutError:
            break
    assert 30 < len(opened) < 64
    used = processor(pid)
    time.sleep(1)
    assert is_alive(pid)
    if not LIBMILTER:       # which spins, and logs elsewhere
        assert processor(pid) - used < 0.1, "it waits, it does not spin"
        assert 1 <= one.milter.log().count("can't accept") <= 10
    for peer in opened:
        peer.close()
    for peer in waiting[len(opened):]:
        peer.settimeout(20)
    assert waiting[len(opened)].recv(100)[4:5] == b"O", "who waited is served"
    for peer in waiting:
        peer.close()
    none_is_left(one)
    serves(one)


@pytest.mark.skipif(SANITIZED, reason="sanitizers need descriptors and threads of their own")
@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
def test_out_of_threads(auth):
    auth.milter.write_config(user="games")
    limited(auth, "--nproc=40:40")
    pid = serving(auth.milter)
    opened, refused = [], 0
    for _ in range(60):
        peer = raw(auth)
        peer.sendall(OFFER)
        try:
            answer = peer.recv(100)
        except ConnectionResetError:
            answer = b""
        if answer[4:5] == b"O":
            opened.append(peer)
        else:
            refused += 1
            peer.close()
    assert opened and (refused or LIBMILTER), "libmilter's few threads serve all that are idle"
    assert is_alive(pid)
    if refused and not LIBMILTER:       # which tells syslog
        auth.milter.process.wait_for_output("hung up on an MTA: ")
    for peer in opened:
        peer.close()
    if not LIBMILTER:       # which never comes back to a session that it could not start a thread for
        none_is_left(auth)
    serves(auth)


def test_a_client_that_nobody_knows(one):
    """As Postfix tells of XCLIENT ADDR=[UNAVAILABLE]: a family, and an address that is none.  libmilter hangs up."""
    if LIBMILTER:
        with pytest.raises((EOFError, OSError)), Session(one.milter.address, client="unknown", name="unknown") as session:
            message(session)
        return
    for name in ("unknown", "localhost"):
        session = Session(one.milter.address, client="unknown", name=name)
        if isinstance(one, Scan):
            assert session.message(*attachment(EICAR)).reply.startswith("550 ")
        forged = [("Authentication-Results", "mx.example.net; dmarc=pass"), ("X-Virus-Status", "Clean (forged)")]
        answer = session.message([*forged, *mail()], BODY)
        assert one.is_done(answer)
        assert answer.deleted == [(forged[isinstance(one, Scan)][0], 1)]
        session.close()
