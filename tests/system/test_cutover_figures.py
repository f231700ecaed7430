"""What postshift-cutover shows of the books and of itself: metrics, /status.json, its heartbeat in Redis."""
import shutil
import time

import pytest

from cutover import Cutover, Maillog
from processes import wait_for
from redis_server import RedisServer

ADDRESS = "127.20.63.1"
STATE = {"old": "cutover-old:[127.20.63.3]:25", "new": "cutover-new:[127.20.63.4]:25", "weight": "30"}
OLDEST = "postshift_oldest_waiting_seconds"
BEAT = ("version", "digest", "log_time", "books", "waiting", "time")


@pytest.fixture
def redis(folder):
    made = RedisServer(folder / "redis", "127.20.63.2").start()
    made.command("HSET", "cutover:domain:example.com", *(word for pair in STATE.items() for word in pair))
    yield made
    made.process.resume_and_kill()


@pytest.fixture
def log(folder):
    (folder / "log").mkdir()
    return Maillog(folder / "log" / "mail.log")


@pytest.fixture
def make(folder, log, redis):
    started = []

    def make_one(gateway="gw1", port=8794, **options):
        options = {"log": log.path, "redis": redis, "gateway": gateway, **options}
        started.append(Cutover(folder, ADDRESS, domains="example.com", name=gateway, page_port=port, **options))
        return started[-1]
    yield make_one
    for cutover in started:
        cutover.process.resume_and_kill()


def waiting(log, reply, **how):
    text = log.message(result=f"dsn=4.0.0, status=deferred ({reply})", **how)
    log.append("".join(text.splitlines(keepends=True)[:-1]))
    return log.last


def said(reply):
    return f"host 127.0.0.3[127.0.0.3] said: {reply} (in reply to RCPT TO command)"


def beat(redis, gateway="gw1"):
    words = redis.command("HGETALL", f"cutover:gateway:{gateway}")
    return dict(zip(words[::2], words[1::2]))


def test_status_has_what_the_books_have(make, log, redis):
    log.write(4)
    log.append(log.message(service="postfix/cutover-old/smtp"))
    waiting(log, said("452 4.2.2 mailbox full"))
    waiting(log, said("550 5.1.1 user unknown"), service="postfix/cutover-old/smtp")
    waiting(log, said("550 5.1.1 user unknown"))
    waiting(log, "mailbox is being moved, try again later", service="postfix/error")
    cutover = make().start()
    page = wait_for(lambda: (found := cutover.document("/status.json"))["books"]["waiting"] == 4 and found, 15, "what waits")
    assert (page["program"], page["gateway"], page["redis"]["up"]) == ("postshift-cutover", "gw1", True)
    assert page["log"] | {"last_line": 0} == {
        "source": f"file:{log.path}", "last_line": 0, "lag_seconds": 0, "up_to_date": True, "silent": False, "trouble": None,
        "lines": {"used": 41, "other": 0, "unknown": 0}}
    assert abs(page["log"]["last_line"] - log.clock) < 2
    books = page["books"]
    assert (books["balanced"], books["difference"], books["gaps"]) == (True, 0, 0)
    assert abs(books["committed"] - time.time()) < 60 and abs(books["oldest_waiting"] - log.clock) < 2
    assert page["queue"] == {"compared": None, "queue_only": None, "books_only": None, "trouble": "[cutover] queue = no"}
    domain, other = page["domains"]
    assert (domain["domain"], domain["mode"], domain["weight"], domain["override"]) == ("example.com", "split", 30, False)
    assert (other["domain"], other["mode"], other["waiting"]) == ("other", None, 0)
    assert domain["new"] == {"ok": 4, "fail": 0, "neutral": 1, "rejected": 0, "unknown": 1, "toobig": 0}
    assert domain["old"] == {"ok": 1, "fail": 0, "neutral": 0, "rejected": 0, "unknown": 1, "toobig": 0}
    assert sum(domain["standby"].values()) == 0
    assert (domain["waiting"], domain["reasons"]) == (4, {"quota": 1, "unknown": 2, "hold": 1})
    # The metrics say the same.
    assert cutover.metric("postshift_books_difference") == 0
    for reason in ("quota", "unknown", "hold"):
        assert 3590 < cutover.metric(f'{OLDEST}{{domain="example.com",reason="{reason}"}}') < 3700
    audit = cutover.audit()
    assert (audit["waiting"], audit["oldest_waiting"]) == (4, books["oldest_waiting"])
    # The file that wins over Redis.
    (cutover.folder / "override").write_text("example.com weight=0\n", encoding="ascii")
    wait_for(lambda: (found := cutover.document("/status.json")["domains"][0])["override"] and found["weight"] == 0, 5,
             "the override")


def test_what_waited_and_waits_no_more_is_0(make, log):
    one = waiting(log, said("452 4.2.2 mailbox full"))
    cutover = make().start()
    series = f'{OLDEST}{{domain="example.com",reason="quota"}}'
    wait_for(lambda: cutover.metric(series) > 3000, 15, "it waits")
    log.append(log.line("postfix/cutover-new/smtp", f"{one}: to=<a@example.com>, relay=127.0.0.3[127.0.0.3]:25, delay=9, "
                        "delays=0/0/0/0, dsn=2.0.0, status=sent (250 ok)") + log.line("postfix/qmgr", f"{one}: removed"))
    wait_for(lambda: cutover.metric(series) == 0, 15, "it waits no more")
    assert cutover.document("/status.json")["books"]["oldest_waiting"] is None


def test_a_difference_is_a_metric(make, log):
    """A recipient without an end, and a gap."""
    lines = log.message().splitlines(keepends=True)
    log.append("".join(lines[:3] + lines[4:]))
    cutover = make().start()
    wait_for(lambda: cutover.metric("postshift_books_difference") == 1, 15, "the difference")
    books = cutover.document("/status.json")["books"]
    assert (books["balanced"], books["difference"]) == (False, 1)
    assert cutover.audit()["lost"] == [log.last]


def test_not_known_is_not_zero(make, log):
    """Books that can't be opened: no figure."""
    log.write(1)
    cutover = make()
    cutover.books.write_bytes(b"no database" * 1000)
    cutover.start()
    wait_for(lambda: cutover.said("damaged"), 10, "it says so")
    status, text = cutover.page("/healthz")
    assert status == 503 and "damaged" in text
    page = cutover.document("/status.json")
    assert page["books"]["difference"] is page["books"]["waiting"] is page["books"]["balanced"] is None
    assert "damaged" in page["log"]["trouble"]
    assert page["domains"][0]["waiting"] is None
    assert "\npostshift_books_difference NaN\n" in cutover.page("/metrics")[1]


def test_heartbeat(make, log, redis):
    log.write(3)
    waiting(log, said("452 4.2.2 mailbox full"))
    cutover = make().start()
    found = wait_for(lambda: (now := beat(redis)).get("waiting") == "1" and now.get("digest") != "unknown" and "taken" in now
                     and now, 15, "a whole heartbeat")
    assert set(found) == {*BEAT, "taken"}
    assert found["books"] == "0" and abs(int(found["log_time"]) - log.clock) < 2
    assert found["digest"] == cutover.document("/status.json")["digest"] and len(found["digest"]) == 16
    assert found["version"] == cutover.document("/status.json")["version"]
    # Every slot, which is a second here; and what was taken stays.
    later = wait_for(lambda: (now := beat(redis))["time"] > found["time"] and now, 3, "another one")
    assert int(later["time"]) - int(found["time"]) <= 2 and later["taken"] == found["taken"]
    assert 0 < redis.command("TTL", "cutover:gateway:gw1") <= 8 * 86400
    cutover.stop()
    last = beat(redis)["time"]
    time.sleep(2)
    assert beat(redis)["time"] == last


def test_redis_away_and_back(make, log, redis):
    log.write(3)
    cutover = make().start()
    wait_for(lambda: "time" in beat(redis), 10, "a heartbeat")
    redis.stop()
    wait_for(lambda: cutover.metric("postshift_redis_up") == 0, 10, "Redis is down")
    log.write(2)
    cutover.wait_for_delivered(5)
    page = cutover.document("/status.json")
    assert page["redis"]["up"] is False and page["redis"]["error"]
    assert page["digest"] and page["domains"][0]["weight"] == 30       # as it was
    redis.start()
    wait_for(lambda: "time" in beat(redis), 15, "a heartbeat again")


def test_gateways_that_answer_the_same_have_one_digest(make, folder, log, redis):
    log.write(1)
    for number in range(300):
        redis.command("SET", f"cutover:pin:p{number}@example.com", "new" if number % 2 else "old")
    shutil.copy(log.path, folder / "other.log")
    one = make("gw1").start()
    two = make("gw2", port=8795, log=folder / "other.log").start()

    def digests():
        return [beat(redis, gateway).get("digest", "unknown") for gateway in ("gw1", "gw2")]

    def agree(other_than=None):
        now = digests()
        return now[0] == now[1] not in ("unknown", other_than) and now[0]

    first = wait_for(agree, 15, "one digest")
    redis.command("SET", "cutover:pin:p7@example.com", "hold")
    second = wait_for(lambda: agree(first), 10, "another one on both")
    redis.command("SET", "cutover:pin:p7@example.com", "new")
    assert wait_for(lambda: agree(second), 10, "as before") == first
    # What one of them alone is told.
    (two.folder / "override").write_text("example.com weight=0\n", encoding="ascii")
    wait_for(lambda: (now := digests())[0] == first and now[1] not in ("unknown", first), 10, "they differ")
    assert one.document("/status.json")["digest"] != two.document("/status.json")["digest"]
