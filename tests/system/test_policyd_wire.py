"""postshift-policyd at its sockets: what hostile, slow and many clients get, and what the others don't notice.

Addresses: 127.20.3.0/24.
"""
import pathlib
import re
import select
import signal
import socket
import time

import pytest

from policyd import Connection, DictClient, Policyd, PolicyClient, netstring
from processes import Process, run, wait_for
from redis_server import RedisServer

OLD, NEW, STANDBY = "cutover-old:[192.0.2.10]:25", "cutover-new:[192.0.2.20]:25", "cutover-standby:[192.0.2.30]:25"
DOMAIN = "example.com"


@pytest.fixture(scope="module")
def redis(module_folder):
    server = RedisServer(module_folder / "redis", "127.20.3.1").start()
    server.set_domain(DOMAIN, old=OLD, new=NEW, standby=STANDBY, weight="30", imap_old="192.0.2.10:143",
                      imap_new="[2001:db8::20]:993")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def policyd(module_folder, redis):
    daemon = Policyd(module_folder, "127.20.3.2", redis=redis, domains=f"{DOMAIN} unready.example").start()
    yield daemon
    assert daemon.stop() == 0
    assert_clean(daemon)


def assert_clean(daemon):
    output = daemon.process.output()
    assert "Sanitizer" not in output and "runtime error" not in output, output


def ends(connection, seconds=5.0):
    """The connection is closed by the server; what came before that."""
    connection.socket.settimeout(seconds)
    data = b""
    try:
        while piece := connection.socket.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    return data


def route(daemon):
    return Connection(daemon.sockets / "route.sock")


def resident(daemon):
    """Octets in memory."""
    return int(pathlib.Path(f"/proc/{daemon.process.pid}/statm").read_text().split()[1]) * 4096


def closed(daemon, listener, reason):
    return daemon.metric(f'postshift_policyd_clients_closed_total{{listener="{listener}",reason="{reason}"}}')


# Answers.

def test_the_vectors_of_the_decision(policyd):
    for address, bucket in (("alice@example.com", 5319), ("bob@example.com", 5374), ("user000@example.com", 4649)):
        document = policyd.document(f"/route.json?address={address}")
        assert (document["bucket"], document["result"], document["reason"]) == (bucket, "old", "bucket")
        assert policyd.ask(address) == f"OK {OLD}"
    assert policyd.ask("Alice+list@Example.COM") == f"OK {OLD}"


def test_30147_of_100000_are_below_30_percent(policyd):
    addresses = [f"user{n}@{DOMAIN}" for n in range(100000)]
    with policyd.route_client() as client:
        answers = client.ask_many(addresses)
    assert answers.count(f"OK {NEW}") == 30147
    assert answers.count(f"OK {OLD}") == 100000 - 30147


def test_views_leave_out_the_asker(policyd):
    on_old = f"alice@{DOMAIN}"
    on_new = next(f"user{n}@{DOMAIN}" for n in range(100) if policyd.ask(f"user{n}@{DOMAIN}") == f"OK {NEW}")
    assert policyd.ask(on_old, "from-old") == "NOTFOUND "
    # A backend's Postfix has no cutover-* services.
    assert policyd.ask(on_old, "from-new") == "OK smtp:[192.0.2.10]:25"
    assert policyd.ask(on_new, "from-old") == "OK smtp:[192.0.2.20]:25"
    assert policyd.ask(on_new, "from-new") == "NOTFOUND "


def test_old_site_is_left_to_the_sites_own_maps(module_folder, redis):
    """In every answer; Dovecot needs imap_old all the same."""
    redis.set_domain("site.example", old="site", new=NEW, weight="50", imap_new="192.0.2.20:143")
    redis.command("SET", "cutover:pin:new@site.example", "new")
    redis.command("SET", "cutover:pin:old@site.example", "old")
    daemon = Policyd(module_folder / "site", "127.20.3.60", redis=redis, domains="site.example",
                     backends_old="192.0.2.10", log_routes="yes").start()
    try:
        daemon.wait_for_route("new@site.example", NEW)
        for name, on_old in (("transport", "NOTFOUND "), ("from-old", "NOTFOUND "), ("from-new", "TEMP old=site")):
            assert daemon.ask("old@site.example", name).startswith(on_old)
        page = daemon.document("/route.json?address=old@site.example")
        assert (page["result"], page["nexthop"], page["reason"]) == ("old", "site", "pin") and "old=site" in page["why"]
        assert daemon.check(recipient="old@site.example", client_address="192.0.2.10") == {"action": "DUNNO"}
        assert "imap_old" in daemon.login("old@site.example")
        redis.command("HSET", "cutover:domain:site.example", "imap_old", "192.0.2.10:143")
        wait_for(lambda: "192.0.2.10" in str(daemon.login("old@site.example")), what="imap_old")
        assert [row["old"] for row in daemon.document("/status.json")["domains"]
                if row["domain"] == "site.example"] == ["site"]
    finally:
        assert daemon.stop() == 0
    redis.command("DEL", "cutover:domain:site.example")
    redis.command("DEL", "cutover:pin:new@site.example", "cutover:pin:old@site.example")


@pytest.mark.parametrize("name", ["transport", "from-old", "from-new"])
def test_what_is_not_ours_is_not_found(policyd, name):
    for key in ("*", "a@other.example", "no-address", "", "@", "a@[192.0.2.1]", "a@sub.example.com"):
        assert policyd.ask(key, name) == "NOTFOUND "


def test_ours_without_a_state_waits(policyd):
    for name in ("transport", "from-old", "from-new"):
        assert policyd.ask("a@unready.example", name).startswith("TEMP ")
    assert policyd.check(recipient="a@unready.example") == {"action": "DUNNO"}
    assert "can't be told" in policyd.login("a@unready.example")


def test_an_unknown_map_is_temporary_and_logged(policyd):
    assert policyd.ask(f"alice@{DOMAIN}", "cutover").startswith("TEMP ")
    policyd.process.wait_for_output("map=cutover")


def test_held_and_standby(policyd, redis):
    redis.command("SET", "cutover:pin:held@example.com", "hold")
    redis.command("SET", "cutover:pin:spare@example.com", "standby")
    assert policyd.wait_for_route(f"held@{DOMAIN}", "retry:") == "OK retry:4.2.1 mailbox is being moved, try again later"
    assert policyd.wait_for_route(f"spare@{DOMAIN}", "standby") == f"OK {STANDBY}"
    for name in ("from-old", "from-new"):
        assert policyd.ask(f"held@{DOMAIN}", name).startswith("OK retry:4.2.1 ")
    redis.command("SET", "cutover:text:hold", "being moved until six, mail waits")
    assert policyd.wait_for_route(f"held@{DOMAIN}", "until six") == "OK retry:4.2.1 being moved until six, mail waits"
    assert policyd.login(f"held@{DOMAIN}")["reason"] == "being moved until six, mail waits"
    redis.command("DEL", "cutover:text:hold")
    policyd.wait_for_route(f"held@{DOMAIN}", "mailbox is being moved")
    assert policyd.check(recipient=f"held@{DOMAIN}") == {"action": "DUNNO"}


# Framing.

def test_thousands_of_requests_in_one_piece_keep_their_order(policyd):
    addresses = [f"user{n}@{DOMAIN}" if n % 3 else f"x{n}@other.example" for n in range(20000)]
    with policyd.route_client() as client:
        wanted = client.ask_many(addresses)
        client.socket.setblocking(False)
        rest = b"".join(netstring(f"transport {address}") for address in addresses)
        data = b""
        deadline = time.monotonic() + 20
        while data.count(b",") < len(addresses):
            assert time.monotonic() < deadline
            readable, writable, _ = select.select([client.socket], [client.socket] if rest else [], [], 5)
            if writable:
                rest = rest[client.socket.send(rest):]
            if readable:
                data += client.socket.recv(65536)
    assert data == b"".join(netstring(answer) for answer in wanted)


def test_requests_octet_by_octet(policyd):
    with route(policyd) as client:
        for octet in netstring(f"transport alice@{DOMAIN}"):
            client.send(bytes([octet]))
        assert client.netstring() == f"OK {OLD}"
    with policyd.policy_client() as client:
        for octet in b"request=smtpd_access_policy\nrecipient=a@b\n\n":
            client.send(bytes([octet]))
        assert client.line() == "action=DUNNO"


@pytest.mark.parametrize("listener, data", [
    ("route", b"hello\n"), ("route", b"03:m k,"), ("route", b"3:m k;"), ("route", b"0:,"), ("route", b"100001:"),
    ("route", b"99999999999999999999:x"), ("route", b"\0"), ("route", b"-1:,"),
    ("policy", b"hello\n"), ("policy", b"\n"), ("policy", b"request=junk\n\n"), ("policy", b"=x\n"),
    ("policy", b"request=smtpd_access_policy\r\n\r\n"), ("policy", b"request=smtpd_access_policy\nx=1\nx=2\n"),
    ("policy", b"request=smtpd_access_policy\nx=\0\n\n"), ("policy", b"a" * 70000),
    ("policy", b"request=smtpd_access_policy\n" + b"".join(b"x%d=\n" % n for n in range(200))),
    ("dict", b"Lshared/route/a@b\n"), ("dict", b"HELLO\n"), ("dict", b"H3\t2\t0\t\tx\nB1\n"), ("dict", b"x" * 9000),
    ("dict", b"H3\t2\t0\t\tx\nH3\t2\t0\t\tx\n"), ("dict", b"\n"), ("dict", b"H3\t2\t0\t\tx\nLa\001z\n"),
])
def test_malformed_closes_that_client_alone(policyd, listener, data):
    before = closed(policyd, listener, "malformed")
    with policyd.route_client() as other, Connection(policyd.sockets / f"{listener}.sock") as client:
        try:
            client.send(data)
        except BrokenPipeError:
            pass
        assert ends(client) == b""
        assert other.ask(f"alice@{DOMAIN}") == f"OK {OLD}"
    wait_for(lambda: closed(policyd, listener, "malformed") > before, 5, "it is counted")    # a page is a second old


def test_what_came_before_the_malformed_is_answered(policyd):
    with route(policyd) as client:
        client.send(netstring(f"transport alice@{DOMAIN}") + b"x")
        assert ends(client) == netstring(f"OK {OLD}")


def test_malformed_is_logged_but_does_not_fill_the_log(folder, redis):
    daemon = Policyd(folder, "127.20.3.3", redis=redis, domains=DOMAIN).start()
    try:
        for _ in range(300):
            with route(daemon) as client:
                client.send(b"x")
                ends(client)
        lines = [line for line in daemon.process.output().splitlines() if "reason=malformed" in line]
        assert 1 <= len(lines) <= 20
        assert "listener=route" in lines[0] and "netstring" in lines[0]
    finally:
        assert daemon.stop() == 0


def test_as_large_as_postfix_sends(policyd):
    with policyd.route_client() as client:
        assert client.ask("a" * (100000 - len("transport @example.com")) + "@example.com") == "NOTFOUND "
    with policyd.policy_client() as client:
        assert client.check(recipient=f"a@{DOMAIN}", sender="a" * 60000) == {"action": "DUNNO"}


# Slow and many.

@pytest.mark.limit(120)
def test_slow_idle_and_deaf_clients_go_when_their_time_is_over(policyd):
    """All at once, since they wait for seconds: who is closed, when, and that nobody else notices."""
    whole = netstring(f"transport alice@{DOMAIN}")
    silent, half, dripping, idle, deaf = (route(policyd) for _ in range(5))
    half_policy = policyd.policy_client()
    begin = time.monotonic()
    half.send(whole + whole[:9])
    half_policy.send(b"request=smtpd_access_policy\nrecip")
    idle.send(whole)
    dripping.send(whole[:1])
    drip = iter(whole[1:] * 100)
    deaf.socket.setblocking(False)
    ended = {}
    names = {silent: "silent", half: "half", dripping: "dripping", idle: "idle", half_policy: "half policy"}
    deaf_gone = None
    size = resident(policyd)
    largest = 0
    with policyd.route_client() as other:
        next_drip = begin
        while len(ended) < len(names) and time.monotonic() < begin + 45:
            asked = time.monotonic()
            assert other.ask(f"alice@{DOMAIN}") == f"OK {OLD}"
            assert time.monotonic() - asked < 1
            largest = max(largest, resident(policyd) - size)
            if deaf_gone is None:
                try:
                    deaf.socket.send(whole * 1000)
                except BlockingIOError:
                    pass
                except (BrokenPipeError, ConnectionResetError):
                    deaf_gone = time.monotonic() - begin
            if dripping not in ended and time.monotonic() >= next_drip:
                next_drip += 0.5
                try:
                    dripping.send(bytes([next(drip)]))
                except (BrokenPipeError, ConnectionResetError):
                    ended[dripping] = time.monotonic() - begin
            for client in [c for c in names if c not in ended and c is not dripping]:
                client.socket.setblocking(False)
                try:
                    if client.socket.recv(4096) == b"":
                        ended[client] = time.monotonic() - begin
                except BlockingIOError:
                    pass
            time.sleep(0.05)
    ended = {names[client]: seconds for client, seconds in ended.items()}
    for name in ("silent", "half", "half policy"):
        assert 9 < ended[name] < 20, ended
    assert 9 < ended["dripping"] < 20, ended
    assert 29 < ended["idle"] < 40, ended
    assert deaf_gone is not None and 9 < deaf_gone < 20
    assert largest < 8 << 20
    for client in (silent, half, dripping, idle, deaf, half_policy):
        client.close()
    assert closed(policyd, "route", "slow") >= 3 and closed(policyd, "route", "idle") >= 1
    assert closed(policyd, "route", "unread") >= 1


def test_500_idle_clients_are_not_noticed(policyd):
    before = resident(policyd)
    clients = [route(policyd) for _ in range(500)]
    try:
        for client in clients[::2]:
            client.send(b"21:transport ali")
        wait_for(lambda: policyd.metric('postshift_policyd_clients{listener="route"}') >= 500, 5)
        with policyd.route_client() as other:
            took = []
            for _ in range(2000):
                asked = time.monotonic()
                assert other.ask(f"alice@{DOMAIN}") == f"OK {OLD}"
                took.append(time.monotonic() - asked)
        assert sorted(took)[-20] < 0.5, "but for a busy machine's worst"
        assert resident(policyd) - before < 4 << 20
    finally:
        for client in clients:
            client.close()
    wait_for(lambda: policyd.metric('postshift_policyd_clients{listener="route"}') == 0, 5)


def test_the_longest_idle_of_a_thousand_makes_room(policyd):
    before = closed(policyd, "route", "crowded-out")
    clients = [route(policyd) for _ in range(1000)]
    try:
        wait_for(lambda: policyd.metric('postshift_policyd_clients{listener="route"}') == 1000, 5)
        clients[0].send(netstring(f"transport alice@{DOMAIN}"))
        assert clients[0].netstring() == f"OK {OLD}"
        assert policyd.ask(f"alice@{DOMAIN}") == f"OK {OLD}"
        assert ends(clients[1]) == b""
        clients[0].send(netstring(f"transport alice@{DOMAIN}"))
        assert clients[0].netstring() == f"OK {OLD}"
        wait_for(lambda: closed(policyd, "route", "crowded-out") > before, 5, "it is counted")
    finally:
        for client in clients:
            client.close()


def test_with_4096_descriptors_dovecot_alone_has_fewer(folder, redis):
    daemon = Policyd(folder, "127.20.3.4", redis=redis, domains=DOMAIN)
    daemon.process.command = ["prlimit", "--nofile=4096:4096", "--", *daemon.process.command]
    daemon.start()
    try:
        assert "1000 clients a listener, 2056 of Dovecot's" in daemon.process.output()
    finally:
        assert daemon.stop() == 0
        assert_clean(daemon)


def test_few_descriptors_mean_fewer_clients(folder, redis):
    daemon = Policyd(folder, "127.20.3.4", redis=redis, domains=DOMAIN)
    daemon.process.command = ["prlimit", "--nofile=100:100", "--", *daemon.process.command]
    daemon.start()
    try:
        daemon.process.wait_for_output("20 clients a listener, 20 of Dovecot's")
        clients = [route(daemon) for _ in range(100)]
        wait_for(lambda: closed(daemon, "route", "crowded-out") >= 80, 5)
        assert daemon.ask(f"alice@{DOMAIN}") == f"OK {OLD}"
        assert daemon.metric('postshift_policyd_clients{listener="route"}') <= 20
        for client in clients:
            client.close()
    finally:
        assert daemon.stop() == 0
        assert_clean(daemon)


def test_out_of_descriptors_it_pauses_and_goes_on(folder, redis):
    daemon = Policyd(folder, "127.20.3.25", redis=redis, domains=DOMAIN).start()
    try:
        run("prlimit", "--pid", str(daemon.process.pid), "--nofile=48:48")
        clients = [route(daemon) for _ in range(100)]
        daemon.process.wait_for_output("Too many open files")
        spent = cpu_seconds(daemon)
        for _ in range(10):
            assert daemon.ask(f"alice@{DOMAIN}") == f"OK {OLD}"
        time.sleep(1)
        assert cpu_seconds(daemon) - spent < 0.5
        for client in clients:
            client.close()
        assert daemon.ask(f"alice@{DOMAIN}") == f"OK {OLD}"
    finally:
        assert daemon.stop() == 0
        assert_clean(daemon)


def cpu_seconds(daemon):
    fields = pathlib.Path(f"/proc/{daemon.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


# Policy.

def test_only_the_rcpt_stage_decides(folder, redis):
    redis.command("SET", "cutover:pin:held@example.com", "hold")
    daemon = Policyd(folder, "127.20.3.5", redis=redis, domains=DOMAIN, hold_at="smtp", hold_text="wait a bit").start()
    try:
        daemon.wait_for_route(f"held@{DOMAIN}", "retry:")
        with daemon.policy_client() as client:
            for stage in ("CONNECT", "EHLO", "MAIL", "DATA", "END-OF-MESSAGE", "VRFY", "ETRN", ""):
                assert client.check(protocol_state=stage, recipient=f"held@{DOMAIN}") == {"action": "DUNNO"}
            assert client.check(recipient=f"held@{DOMAIN}") == {"action": "DEFER_IF_PERMIT 4.2.1 wait a bit"}
            assert client.check(recipient=f"alice@{DOMAIN}") == {"action": "DUNNO"}
            assert client.check(recipient="a@other.example") == {"action": "DUNNO"}
        assert daemon.ask(f"held@{DOMAIN}") == "OK retry:4.2.1 wait a bit"
    finally:
        assert daemon.stop() == 0


def test_mail_from_a_backend_to_itself_is_a_loop(folder, redis):
    redis.set_domain("relayed.example", old=OLD, new=NEW, weight="0", inside="relay")
    daemon = Policyd(folder, "127.20.3.6", redis=redis, domains=f"{DOMAIN} relayed.example",
                     backends_old="192.0.2.10 2001:db8:1::/48", backends_new="192.0.2.20/31").start()
    redis.command("SET", "cutover:pin:moved@example.com", "new")
    try:
        daemon.wait_for_route(f"moved@{DOMAIN}", "new")
        with daemon.policy_client() as client:
            for address, recipient, wanted in (
                    ("192.0.2.10", "alice", "loop"), ("2001:db8:1::25", "alice", "loop"), ("192.0.2.11", "alice", "dunno"),
                    ("192.0.2.20", "alice", "dunno"), ("192.0.2.20", "moved", "loop"), ("192.0.2.21", "moved", "loop"),
                    ("192.0.2.22", "moved", "dunno"), ("192.0.2.10", "moved", "dunno"), ("unknown", "moved", "dunno"),
                    ("", "alice", "dunno")):
                action = client.check(client_address=address, recipient=f"{recipient}@{DOMAIN}")["action"]
                assert action.startswith("DEFER 4.4.6 ") if wanted == "loop" else action == "DUNNO", (address, recipient)
            assert client.check(client_address="192.0.2.10", recipient="a@relayed.example") == {"action": "DUNNO"}
        # A page is given again for a moment, which is longer on a busy machine.
        wait_for(lambda: daemon.metric('postshift_policyd_requests_total{listener="policy",answer="loop"}') == 4, 5)
        daemon.process.wait_for_output("loop: client=192.0.2.10")
    finally:
        assert daemon.stop() == 0


def test_filter_sends_each_backend_its_own_transaction(folder, redis):
    redis.command("SET", "cutover:pin:moved@example.com", "new")
    redis.command("SET", "cutover:pin:held@example.com", "hold")
    daemon = Policyd(folder, "127.20.3.7", redis=redis, domains=f"{DOMAIN} unready.example", routing="filter").start()
    try:
        daemon.wait_for_route(f"moved@{DOMAIN}", "new")
        daemon.wait_for_route(f"held@{DOMAIN}", "retry:")
        with daemon.policy_client() as client:
            def ask(instance, recipient, **more):
                return client.check(instance=instance, recipient=recipient, **more)["action"]

            assert ask("1.1.1.0", f"alice@{DOMAIN}") == f"FILTER {OLD}"
            assert ask("1.1.1.0", f"bob@{DOMAIN}") == f"FILTER {OLD}"
            assert ask("1.1.1.0", f"moved@{DOMAIN}").startswith("DEFER 4.5.3 ")
            assert ask("1.1.1.0", "a@other.example").startswith("DEFER 4.5.3 ")
            assert ask("1.1.1.0", f"held@{DOMAIN}").startswith("DEFER_IF_PERMIT 4.2.1 ")
            assert ask("1.1.1.0", "a@unready.example").startswith("DEFER_IF_PERMIT 4.3.0 ")
            assert ask("1.1.1.0", f"alice@{DOMAIN}") == f"FILTER {OLD}"
            assert ask("1.1.2.0", f"moved@{DOMAIN}") == f"FILTER {NEW}"
            assert ask("1.1.2.0", f"alice@{DOMAIN}").startswith("DEFER 4.5.3 ")
            assert ask("1.1.3.0", "a@other.example") == "DUNNO"
            assert ask("1.1.3.0", f"alice@{DOMAIN}").startswith("DEFER 4.5.3 ")
            assert ask("1.1.2.0", f"moved@{DOMAIN}", queue_id="8045F2AB23") == f"FILTER {NEW}"
            # What has a queue id and isn't known is bound to we don't know what, whenever it began.
            now = int(time.time())
            for instance in ("1f4.5f000000.1.0", f"1f4.{now:x}.1.0", f"1f4.{now + 86400:x}.1.0", "8045F2AB23.7", ""):
                for recipient in (f"alice@{DOMAIN}", f"moved@{DOMAIN}", "a@other.example"):
                    assert ask(instance, recipient, queue_id="8045F2AB23").startswith("DEFER 4.5.3 ")
                assert ask(instance, f"held@{DOMAIN}", queue_id="8045F2AB23").startswith("DEFER_IF_PERMIT 4.2.1 ")
    finally:
        assert daemon.stop() == 0


# Dict.

def test_dict_answers(policyd, redis):
    redis.command("SET", "cutover:pin:held@example.com", "hold")
    redis.command("SET", "cutover:pin:moved@example.com", "new")
    redis.command("SET", "cutover:pin:spare@example.com", "standby")
    redis.set_domain("noimap.example", old=OLD, new=NEW, weight="0")
    policyd.wait_for_route(f"moved@{DOMAIN}", "new")
    policyd.wait_for_route(f"spare@{DOMAIN}", "standby")
    old = {"proxy": "y", "nopassword": "y", "host": "192.0.2.10", "port": "143"}
    assert policyd.login(f"alice@{DOMAIN}") == old
    on_new = next(f"user{n}@{DOMAIN}" for n in range(100) if policyd.ask(f"user{n}@{DOMAIN}") == f"OK {NEW}")
    assert policyd.login(on_new) == old
    assert policyd.login(f"moved@{DOMAIN}") == {**old, "host": "2001:db8::20", "port": "993"}
    refused = {"nologin": "y", "reason": "mailbox is being moved, try again later", "nopassword": "y"}
    assert policyd.login(f"held@{DOMAIN}") == refused
    assert policyd.login(f"spare@{DOMAIN}") == refused
    assert policyd.login("a@other.example") is None
    assert policyd.login("no-address") is None
    with DictClient(policyd.sockets / "dict.sock") as client:
        client.send(b"Lpriv/route/alice@example.com\t\nI0\t0\tshared/route/\n")
        assert client.line() == "Fno such key (shared/route/PROTOCOL/USER)"
        assert client.line().startswith("F")


def test_each_protocol_has_its_port(folder, redis):
    redis.set_domain("ports.example", old=OLD, new=NEW, weight="100", imap_old="192.0.2.10:993", imap_new="192.0.2.20",
                     pop3_new="pop.example:995", lmtp_new="192.0.2.21")
    for place in ("old", "new", "hold"):
        redis.command("SET", f"cutover:pin:{place}@ports.example", place)
    daemon = Policyd(folder, "127.20.3.9", redis=redis, domains="ports.example").start()
    try:
        def where(user, protocol=None):
            answer = daemon.login(f"{user}@ports.example", protocol)
            return (answer["host"], answer["port"]) if isinstance(answer, dict) and "host" in answer else answer

        assert where("old") == where("old", "imap") == ("192.0.2.10", "993")
        assert [where("old", protocol) for protocol in ("pop3", "lmtp", "submission", "sieve")] == [
            ("192.0.2.10", "110"), ("192.0.2.10", "24"), ("192.0.2.10", "587"), ("192.0.2.10", "4190")]
        assert [where("new", protocol) for protocol in ("imap", "pop3", "lmtp", "submission", "sieve")] == [
            ("192.0.2.20", "143"), ("pop.example", "995"), ("192.0.2.21", "24"), ("192.0.2.20", "587"),
            ("192.0.2.20", "4190")]
        # LMTP is mail: it goes where mail goes, heeds no nologin, and "not found" would be final.
        assert where("anybody", "imap") == ("192.0.2.10", "993") and where("anybody", "lmtp") == ("192.0.2.21", "24")
        assert where("hold", "pop3")["nologin"] == "y" and where("hold", "lmtp") == "the mailbox is held"
        assert daemon.login("a@other.example", "imap") is None
        assert daemon.login("a@other.example", "lmtp").startswith("not a domain")
    finally:
        assert daemon.stop() == 0


def test_imap_follows_the_route_where_asked_to(folder, redis):
    redis.set_domain("noimap.example", old=OLD, new=NEW, weight="0")
    daemon = Policyd(folder, "127.20.3.8", redis=redis, domains=f"{DOMAIN} noimap.example", imap_follows="route").start()
    try:
        on_new = next(f"user{n}@{DOMAIN}" for n in range(100) if daemon.ask(f"user{n}@{DOMAIN}") == f"OK {NEW}")
        assert daemon.login(on_new)["host"] == "2001:db8::20"
        assert daemon.login("a@noimap.example") == "the domain has no imap_old"
    finally:
        assert daemon.stop() == 0


# The configuration.

def write(path, text):
    path.write_text(text)
    return path


def check(path):
    return run(Policyd_program(), "-t", "-c", path, check=False)


def Policyd_program():
    from policyd import PROGRAM
    return PROGRAM


def test_all_errors_of_the_file_at_once(folder):
    path = write(folder / "bad.conf", """\
[policyd]
domains = example.com exa_mple..com
route = somewhere
hold_at = never
backends_old = 192.0.2.0/33
transports = cutover-old smtp:[x]
recipient_delimiter = @
allow_loopback = maybe
rout = unix:/tmp/x
[redis]
timeout = 2
database = -1
[nonsense]
""")
    done = check(path)
    assert done.returncode == 78
    lines = (done.stdout + done.stderr).strip().splitlines()
    assert [int(re.match(rf"{re.escape(str(path))}:(\d+): ", line)[1]) for line in lines] == [
        2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13]
    assert "[policyd] rout: unknown key" in lines[7] and "route" in lines[7]
    assert run(Policyd_program(), "-c", path, check=False).returncode == 78


def test_what_several_values_are_together_is_told_in_the_same_run(folder):
    path = write(folder / "bad.conf", """\
[redis]
sentinels = inet:192.0.2.1:26379 nonsense
password_file = /nonexistent/password
[policyd]
domains = @a example.com b..c
nexthops = 192.0.2.10 [192.0.2.20] foo..bar 192.0.2.30:25 192.0.2.0/33 unix:/run/lmtp
transports = a: cutover-old b/c
snapshot =
override =
metrics =
hold_at = never
user = nobody-of-that-name
group = no-group-of-that-name
""")
    done = check(path)
    assert done.returncode == 78
    lines = {}
    for line in (done.stdout + done.stderr).strip().splitlines():
        number, text = re.match(rf"{re.escape(str(path))}:(\d+): (.*)", line).groups()
        lines[int(number)] = lines.get(int(number), "") + text + "\n"
    assert sorted(lines) == [2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13]
    assert "nonsense" in lines[2] and "primary = NAME" in lines[2]
    assert "[redis] password_file: " in lines[3] and "No such file" in lines[3]
    assert "[policyd] domains: @a, b..c: no domain name" in lines[5]
    assert "[policyd] nexthops: foo..bar, 192.0.2.30:25, 192.0.2.0/33: no nexthop" in lines[6]
    assert "[policyd] transports: a:, b/c: no name" in lines[7]
    assert all("has no value" in lines[number] for number in (8, 9, 10))
    assert "there is no user" in lines[12] and "there is no group" in lines[13]


def test_lists_may_be_empty_and_then_allow_nothing(folder):
    server = RedisServer(folder / "redis", "127.20.3.27").start()
    server.set_domain(DOMAIN, old=OLD, new=NEW, weight="0")
    try:
        for key, why in (("nexthops", "not in [policyd] nexthops"), ("transports", "transports allows none")):
            daemon = Policyd(folder, "127.20.3.26", redis=server, domains=DOMAIN, name=key, **{key: ""}).start()
            assert daemon.ask(f"alice@{DOMAIN}").startswith("TEMP ")
            assert why in daemon.process.output()
            assert daemon.stop() == 0
    finally:
        server.kill()


def test_a_password_that_others_may_read_is_warned_of(folder):
    secret = write(folder / "secret", "secret\n")
    path = write(folder / "right.conf", f"[redis]\npassword_file = {secret}\n")
    for mode, warned in ((0o640, False), (0o644, True)):
        secret.chmod(mode)
        done = check(path)
        assert done.returncode == 0
        assert (f"password file {secret} has mode 0644" in done.stdout + done.stderr) == warned


def test_right_files_missing_files_and_usage(folder):
    assert check(write(folder / "empty.conf", "")).returncode == 0
    assert check(write(folder / "idn.conf", "[policyd]\ndomains = BÜCHER.example\n")).returncode == 0
    assert check(folder / "missing.conf").returncode == 78
    assert run(Policyd_program(), "-x", check=False).returncode == 78
    long = run(Policyd_program(), "--hepl", check=False)
    assert long.returncode == 78 and "unknown option --hepl (-h shows the options)" in long.stderr
    assert run(Policyd_program(), "-h").stdout.startswith("usage: postshift-policyd")
    assert run(Policyd_program(), "-V").stdout.startswith("postshift-policyd ")


def test_nexthops_that_are_not_set_are_warned_of_once(folder, redis):
    for name, nexthops in (("open", None), ("any", "any"), ("closed", "192.0.2.0/24 2001:db8::20")):
        daemon = Policyd(folder, "127.20.3.64", name=name, redis=redis, domains=DOMAIN, nexthops=nexthops).start()
        try:
            warnings = daemon.document("/status.json")["warnings"]
            assert (len(warnings), daemon.process.output().count("nexthops is not set")) == ((0, 0) if nexthops else (1, 1))
            done = run(daemon.process.command[0].replace("-policyd", "ctl"), "-c", daemon.config, "status", check=False)
            assert ("nexthops is not set" in done.stdout + done.stderr) == (not nexthops)
        finally:
            assert daemon.stop() == 0


def test_two_on_one_socket_is_an_error(folder, policyd):
    second = Policyd(folder, "127.20.3.9", domains=DOMAIN, sockets=policyd.sockets)
    done = run(Policyd_program(), "-c", second.config, check=False, seconds=10)
    assert done.returncode == 1 and len(done.stderr.strip().splitlines()) <= 2
    assert policyd.ask(f"alice@{DOMAIN}") == f"OK {OLD}"


def test_listeners_may_be_none_and_several(folder, redis):
    daemon = Policyd(folder, "127.20.3.10", redis=redis, domains=DOMAIN, policy="none", dict="none",
                     route=f"unix:{folder}/policyd/run/route.sock inet:127.20.3.10:8790 unix:{folder}/policyd/run/b.sock")
    daemon.start()
    try:
        assert not (daemon.sockets / "policy.sock").exists() and not (daemon.sockets / "dict.sock").exists()
        for family, address in ((socket.AF_INET, ("127.20.3.10", 8790)), (socket.AF_UNIX, str(daemon.sockets / "b.sock"))):
            with socket.socket(family, socket.SOCK_STREAM) as client:
                client.settimeout(5)
                client.connect(address)
                client.sendall(netstring(f"transport alice@{DOMAIN}"))
                assert client.recv(4096) == netstring(f"OK {OLD}")
        assert (daemon.sockets / "b.sock").stat().st_mode & 0o777 == 0o660
    finally:
        assert daemon.stop() == 0
    assert not (daemon.sockets / "b.sock").exists()


def test_reload_is_whole_or_not_at_all(folder, redis):
    redis.command("SET", "cutover:pin:held@example.com", "hold")
    daemon = Policyd(folder, "127.20.3.11", redis=redis, domains=DOMAIN, hold_text="first").start()
    held = f"held@{DOMAIN}"
    try:
        daemon.wait_for_route(held, "first")
        with daemon.route_client() as client:
            assert client.ask(held) == "OK retry:4.2.1 first"
            daemon.policyd_options.update(hold_text="second", metrics="inet:127.20.3.11:8799")
            daemon.write_config()
            daemon.process.signal(signal.SIGHUP)
            daemon.wait_for_route(held, "second")
            daemon.process.wait_for_output("metrics: changed")
            assert client.ask(held) == "OK retry:4.2.1 second"

            daemon.policyd_options.update(hold_text="third", hold_at="never")
            daemon.write_config()
            daemon.process.signal(signal.SIGHUP)
            daemon.process.wait_for_output("[policyd] hold_at:")
            assert client.ask(held) == "OK retry:4.2.1 second"
            wait_for(lambda: daemon.metric("postshift_config_last_reload_successful") == 0, 5, "the reload is told")

            daemon.policyd_options.update(hold_at="smtp")
            daemon.write_config()
            daemon.process.signal(signal.SIGHUP)
            daemon.wait_for_route(held, "third")
            wait_for(lambda: daemon.metric("postshift_config_last_reload_successful") == 1, 5, "the reload is told")
            assert daemon.check(recipient=held)["action"] == "DEFER_IF_PERMIT 4.2.1 third"
    finally:
        assert daemon.stop() == 0
        assert_clean(daemon)


def test_a_reload_takes_other_domains_and_rules(folder, redis):
    redis.set_domain("second.example", old="cutover-old:[192.0.2.10]:25", new="cutover-new:[198.51.100.1]:25", weight="100")
    daemon = Policyd(folder, "127.20.3.12", redis=redis, domains=DOMAIN).start()
    try:
        assert daemon.ask("a@second.example") == "NOTFOUND "
        daemon.policyd_options.update(domains=f"{DOMAIN} second.example")
        daemon.write_config()
        daemon.process.signal(signal.SIGHUP)
        assert daemon.wait_for_route("a@second.example", "OK") == "OK cutover-new:[198.51.100.1]:25"
    finally:
        assert daemon.stop() == 0


def test_domains_stand_in_a_file(folder, redis):
    """One a line, ten thousand of them; taken whole or not at all."""
    listed = folder / "domains"
    listed.write_text("# ours\n" + "".join(f"d{n}.example\n" for n in range(9999)) + "Example.COM\n")
    daemon = Policyd(folder, "127.20.3.61", redis=redis, domains=listed).start()
    try:
        assert daemon.ask(f"bob@{DOMAIN}") == f"OK {OLD}" and daemon.ask("a@d9998.example").startswith("TEMP ")
        assert daemon.ask("a@d10000.example") == "NOTFOUND "
        for text, wrong in (("", "names no domain"), ("example.com\nx@example.net\n", "line 2: x@example.net"),
                            ("".join(f"e{n}.example\n" for n in range(10001)), "more than 10000 domains")):
            listed.write_text(text)
            done = run(daemon.process.command[0], "-c", daemon.config, "-t", check=False)
            assert done.returncode == 78 and f"[policyd] domains: {listed}" in done.stderr and wrong in done.stderr
            daemon.process.signal(signal.SIGHUP)
            daemon.process.wait_for_output(wrong)
            assert daemon.ask(f"bob@{DOMAIN}") == f"OK {OLD}" and daemon.ask("a@d1.example").startswith("TEMP ")
        listed.write_text(f"{DOMAIN}\n")
        daemon.process.signal(signal.SIGHUP)
        wait_for(lambda: daemon.ask("a@d1.example") == "NOTFOUND ", what="the shorter file")
        listed.unlink()
        assert run(daemon.process.command[0], "-c", daemon.config, "-t", check=False).returncode == 78
    finally:
        assert daemon.stop() == 0


def test_a_domain_taken_out_of_the_file_is_no_loss(folder):
    redis = RedisServer(folder / "redis", "127.20.3.62").start()
    for domain in ("a.example", "b.example"):
        redis.set_domain(domain, old=OLD, new=NEW, weight="100")
    for n in range(300):
        redis.command("SET", f"cutover:pin:p{n}@b.example", "old")
    redis.command("SET", "cutover:pin:single@a.example", "old")
    daemon = Policyd(folder, "127.20.3.63", redis=redis, domains="a.example b.example").start()
    try:
        assert daemon.ask("p1@b.example") == f"OK {OLD}"
        daemon.policyd_options["domains"] = "a.example"
        daemon.write_config()
        daemon.process.signal(signal.SIGHUP)
        wait_for(lambda: daemon.ask("p1@b.example") == "NOTFOUND ", what="the shorter list")
        wait_for(lambda: daemon.metric('postshift_policyd_replica_loads_total{result="taken"}', 0) >= 2, what="the load after it")
        with redis.connect() as client:
            client.command("DEL", "cutover:domain:b.example")
            for n in range(300):
                client.command("DEL", f"cutover:pin:p{n}@b.example")
        redis.command("DEL", "cutover:pin:single@a.example")
        daemon.wait_for_route("single@a.example", NEW)
        assert daemon.document("/status.json")["notes"] == []
        assert "lost" not in daemon.process.output() and "refused" not in daemon.process.output()
    finally:
        assert daemon.stop() == 0
        redis.stop()


def test_a_reload_follows_another_redis_with_another_password(folder):
    first = RedisServer(folder / "first", "127.20.3.20", password="one").start()
    second = RedisServer(folder / "second", "127.20.3.21", password="two").start()
    first.set_domain(DOMAIN, old=OLD, new=NEW, weight="0")
    second.set_domain(DOMAIN, old=OLD, new=NEW, weight="100")
    daemon = Policyd(folder, "127.20.3.22", redis=first, domains=DOMAIN).start()
    secret = daemon.redis_options["password_file"]
    address = f"a@{DOMAIN}"
    try:
        daemon.wait_for_route(address, "old")
        daemon.redis_options["address"] = f"inet:{second.address}:{second.port}"
        daemon.write_config()
        daemon.process.signal(signal.SIGHUP)        # with the password of the first
        daemon.process.wait_for_output("reason=auth")
        assert daemon.ask(address) == f"OK {OLD}"
        wait_for(lambda: daemon.metric("postshift_redis_up") == 0, 10, "the page tells it")
        secret.write_text("two\n")
        daemon.process.signal(signal.SIGHUP)
        daemon.wait_for_route(address, "new")
        wait_for(lambda: daemon.metric("postshift_redis_up") == 1, 10, "the page tells it")
        second.set_domain(DOMAIN, weight="0")
        daemon.wait_for_route(address, "old")
        first.set_domain(DOMAIN, weight="100")      # nobody listens there any more
        second.command("SET", f"cutover:pin:{address}", "hold")
        daemon.wait_for_route(address, "retry")
    finally:
        assert daemon.stop() == 0
        first.kill()
        second.kill()


# Life and death.

def test_killed_it_starts_from_the_snapshot_without_redis(folder):
    server = RedisServer(folder / "redis", "127.20.3.13").start()
    server.set_domain(DOMAIN, old=OLD, new=NEW, weight="100")
    server.command("SET", "cutover:pin:back@example.com", "old")
    daemon = Policyd(folder, "127.20.3.14", redis=server, domains=DOMAIN).start()
    try:
        daemon.wait_for_route(f"back@{DOMAIN}", "old")
        wait_for(daemon.snapshot.exists, 10, "a snapshot")
        size = daemon.snapshot.stat().st_size
        server.command("SET", "cutover:pin:alice@example.com", "old")
        daemon.wait_for_route(f"alice@{DOMAIN}", "old")
        wait_for(lambda: daemon.snapshot.stat().st_size != size, 10, "the next snapshot")
        server.kill()
        daemon.kill()
        daemon.start(loaded=False)
        assert daemon.ask(f"back@{DOMAIN}") == f"OK {OLD}"
        assert daemon.ask(f"alice@{DOMAIN}") == f"OK {OLD}"
        assert daemon.ask(f"bob@{DOMAIN}") == f"OK {NEW}"
        assert daemon.ask("a@other.example") == "NOTFOUND "
    finally:
        daemon.stop()
        server.kill()


def test_without_redis_it_waits_says_so_once_and_takes_it_when_it_comes(folder):
    server = RedisServer(folder / "redis", "127.20.3.15")
    daemon = Policyd(folder, "127.20.3.16", redis=server, domains=DOMAIN).start(loaded=False)
    try:
        assert daemon.ask(f"alice@{DOMAIN}").startswith("TEMP ")
        assert daemon.ask("a@other.example") == "NOTFOUND "
        assert daemon.page("/healthz")[0] == 503
        time.sleep(2)
        lines = [line for line in daemon.process.output().splitlines() if "127.20.3.15" in line]
        assert len(lines) == 1, lines
        server.start()
        server.set_domain(DOMAIN, old=OLD, new=NEW, weight="0")
        daemon.wait_for_route(f"alice@{DOMAIN}", OLD, seconds=10)
        assert daemon.page("/healthz")[0] == 200
    finally:
        daemon.stop()
        server.kill()


def test_no_domains_listed_waits_for_all(folder):
    server = RedisServer(folder / "redis", "127.20.3.17")
    daemon = Policyd(folder, "127.20.3.18", redis=server)
    daemon.start(loaded=False)
    try:
        daemon.process.wait_for_output(
            "no domains listed: every answer is TEMP until Redis or a snapshot has been read; then those named there")
        assert daemon.ask("a@other.example").startswith("TEMP ")
        assert daemon.ask("*") == "NOTFOUND "
        server.start()
        server.set_domain(DOMAIN, old=OLD, new=NEW, weight="0")
        daemon.wait_for_route(f"alice@{DOMAIN}", OLD, seconds=10)
        assert daemon.ask("a@other.example") == "NOTFOUND "
    finally:
        daemon.stop()
        server.kill()


def test_wrong_password_and_wrong_database(folder):
    server = RedisServer(folder / "redis", "127.20.3.19", password="secret").start()
    server.set_domain(DOMAIN, old=OLD, new=NEW, weight="0")
    try:
        wrong = Policyd(folder, "127.20.3.20", redis=server, domains=DOMAIN, name="wrong-password")
        (wrong.folder / "redis-password").write_text("guess\n")
        wrong.start(loaded=False)
        wrong.process.wait_for_output("WRONGPASS")
        assert wrong.ask(f"alice@{DOMAIN}").startswith("TEMP ")
        time.sleep(1.5)
        output = wrong.process.output()
        assert output.count("WRONGPASS") == 1 and "guess" not in output
        assert wrong.stop() == 0

        other = Policyd(folder, "127.20.3.21", redis=server, domains=DOMAIN, name="wrong-database",
                        redis_lines={"database": "99"})
        other.start(loaded=False)
        other.process.wait_for_output("DB index")
        assert other.ask(f"alice@{DOMAIN}").startswith("TEMP ")
        assert other.stop() == 0

        # Another database that exists, but is empty: ours, without a state.
        empty = Policyd(folder, "127.20.3.22", redis=server, domains=DOMAIN, name="empty-database",
                        redis_lines={"database": "3"})
        empty.start()
        assert empty.ask(f"alice@{DOMAIN}").startswith("TEMP ")
        assert empty.stop() == 0
    finally:
        server.kill()


def test_a_redis_that_does_not_let_us_read_is_told_once(folder):
    server = RedisServer(folder / "redis", "127.20.3.24").start()
    server.set_domain(DOMAIN, old=OLD, new=NEW, weight="0")
    reads = "~cutover:* resetchannels &__redis__:invalidate -@all +@read +@connection +subscribe +unsubscribe " \
            "+client|id +client|tracking +info +role +scan"
    server.command("ACL", "SETUSER", "reader", "on", ">secret", *reads.split(), "-hgetall")
    secret = folder / "secret"
    secret.write_text("secret\n")
    secret.chmod(0o600)
    try:
        daemon = Policyd(folder, "127.20.3.25", redis=server, domains=DOMAIN,
                         redis_lines={"username": "reader", "password_file": secret})
        daemon.start(loaded=False)
        daemon.process.wait_for_output("redis=unreadable, address=inet:127.20.3.24:6379, reason=permission")
        assert daemon.ask(f"alice@{DOMAIN}").startswith("TEMP ")
        wait_for(lambda: daemon.metric('postshift_redis_errors_total{reason="permission"}') >= 3, 20, "more attempts")
        assert daemon.process.output().count("unreadable") == 1
        server.command("ACL", "SETUSER", "reader", "+hgetall")
        daemon.wait_for_route(f"alice@{DOMAIN}", OLD, seconds=20)
        daemon.process.wait_for_output("redis: state=readable")
        assert daemon.stop() == 0
    finally:
        server.kill()


def test_term_ends_it_with_clients_of_all_kinds(folder, redis):
    daemon = Policyd(folder, "127.20.3.23", redis=redis, domains=DOMAIN).start()
    clients = [route(daemon) for _ in range(20)]
    clients[0].send(b"21:trans")
    clients[1].send(netstring("transport *"))
    assert clients[1].netstring() == "NOTFOUND "
    begin = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - begin < 5
    assert all(ends(client) == b"" for client in clients)
    assert not (daemon.sockets / "route.sock").exists()
    for client in clients:
        client.close()


def test_routes_are_logged_where_asked_for(folder, redis):
    daemon = Policyd(folder, "127.20.3.24", redis=redis, domains=DOMAIN, log_routes="yes").start()
    try:
        daemon.ask(f"Alice+x@{DOMAIN}")
        daemon.process.wait_for_output(
            f"route: to=<alice@example.com>, backend=old, reason=bucket, bucket=5319, weight=30, nexthop={OLD}")
    finally:
        assert daemon.stop() == 0


def test_pages(policyd):
    status = policyd.document("/status.json")
    assert status["program"] == "postshift-policyd" and status["loaded"] is True
    assert status["redis"]["up"] is True and status["redis"]["address"] == "inet:127.20.3.1:6379"
    domains = {entry["domain"]: entry for entry in status["domains"]}
    assert domains[DOMAIN]["weight"] == 30 and domains[DOMAIN]["old"] == OLD
    assert domains["unready.example"]["good"] is False
    assert policyd.page("/route.json")[0] == 400
    assert policyd.page("/nothing")[0] == 404
    assert policyd.page("/healthz")[0] == 200
    document = policyd.document("/route.json?address=Alice%2Bx%40Example.com")
    assert document["recipient"] == "alice@example.com" and document["nexthop"] == OLD
    assert policyd.metric('postshift_domain_weight_ratio{domain="example.com"}') == 0.3
