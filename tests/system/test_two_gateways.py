"""Two gateways on one Redis: the same answers always, also through a failover, and either can fall."""
import pytest

from mailsite import MailSite, side
from policyd import Policyd
from processes import wait_for
from redis_server import RedisServer, Sentinel

BLOCK = "127.20.15"
ADDRESSES = [f"user{n}@example.com" for n in range(2000)]
OLD, NEW = "cutover-old:[192.0.2.10]:25", "cutover-new:[192.0.2.20]:25"


class Pair:
    """Two policyds; asks both."""

    def __init__(self, folder, **how):
        self.both = [Policyd(folder, f"{BLOCK}.{last}", name=f"policyd{last}", domains="example.com", **how)
                     for last in (5, 6)]

    def start(self):
        for policyd in self.both:
            policyd.start()

    def stop(self):
        for policyd in self.both:
            policyd.process.resume_and_kill()

    def ask(self):
        """The answers, which must be those of both."""
        one, other = (self.ask_one(policyd) for policyd in self.both)
        assert one == other
        return one

    @staticmethod
    def ask_one(policyd):
        with policyd.route_client() as client:
            return client.ask_many(ADDRESSES)

    def wait_for(self, address, text, seconds=5.0):
        for policyd in self.both:
            policyd.wait_for_route(address, text, seconds)


def wanted(weight, pins=None):
    sides = {address: side(address, weight) for address in ADDRESSES} | (pins or {})
    return [f"OK {NEW}" if sides[address] == "new" else f"OK {OLD}" for address in ADDRESSES]


def test_an_order_between_two_reconnections_reaches_both(folder):
    """Redis comes back empty.  One hears the order live, the other reads it later; what is absent is kept by both."""
    redis = RedisServer(folder / "redis", f"{BLOCK}.8").start()
    for domain in ("example.com", "kept.example", "gone.example"):
        redis.set_domain(domain, old=OLD, new=NEW, weight="100", rev="7")
    pair = Pair(folder, redis=redis)
    early, late = pair.both
    for policyd in pair.both:
        policyd.policyd_options["domains"] = "example.com kept.example gone.example"
        policyd.write_config()
    refused = 'postshift_policyd_replica_loads_total{result="refused"}'
    try:
        pair.start()
        late.pause()
        redis.kill()
        redis.start()
        wait_for(lambda: early.metric(refused, 0) >= 1, 30, "the empty Redis was refused")
        redis.command("HSET", "cutover:domain:kept.example", "weight", "0")      # no state: not taken, and seen
        redis.set_domain("example.com", old=OLD, new=NEW, weight="0", rev="8")
        early.wait_for_route("alice@example.com", OLD)
        late.resume()
        wait_for(lambda: late.metric(refused, 0) >= 1, 30, "the late one has read it")
        pair.wait_for("alice@example.com", OLD)
        assert pair.ask() == wanted(0)
        for policyd in pair.both:
            assert policyd.ask("alice@kept.example") == policyd.ask("alice@gone.example") == f"OK {NEW}"
            rows = {row["domain"]: row for row in policyd.document("/status.json")["domains"]}
            assert rows["kept.example"]["suspect"] and "is missing" in rows["kept.example"]["why"]
            assert rows["example.com"]["weight"] == 0 and rows["example.com"]["rev"] == 8
    finally:
        pair.stop()
        redis.stop()


@pytest.fixture
def redis_pair(folder):
    """A primary, its replica, and a Sentinel that watches them."""
    primary = RedisServer(folder / "redis1", f"{BLOCK}.2").start()
    replica = RedisServer(folder / "redis2", f"{BLOCK}.3", lines=[f"replicaof {BLOCK}.2 6379"]).start()
    sentinel = Sentinel(folder / "sentinel", f"{BLOCK}.4", 26379, primary)
    try:
        sentinel.start(replicas=1)
        yield primary, replica, sentinel
    finally:
        for server in (sentinel, primary, replica):
            server.process.resume_and_kill()


def test_same_answers_through_a_failover(folder, redis_pair):
    primary, replica, sentinel = redis_pair
    primary.set_domain("example.com", old=OLD, new=NEW, weight="30", inside="accept")
    pair = Pair(folder, redis_lines={"sentinels": f"{BLOCK}.4:26379", "primary": "cutover"})
    try:
        pair.start()
        assert pair.ask() == wanted(30)
        for weight in (70.25, 12.5, 100, 0, 55):
            primary.set_domain("example.com", weight=weight)
            mark = f"mark{weight}@example.com"
            primary.command("SET", f"cutover:pin:{mark}", "hold")
            pair.wait_for(mark, "retry:")
            assert pair.ask() == wanted(weight)
        pins = {ADDRESSES[0]: "old", ADDRESSES[1]: "new"}
        for address, place in pins.items():
            primary.command("SET", f"cutover:pin:{address}", place)
        primary.command("SET", "cutover:pin:pinned@example.com", "hold")
        pair.wait_for("pinned@example.com", "retry:")
        assert pair.ask() == wanted(55, pins)
        wait_for(lambda: replica.command("EXISTS", "cutover:pin:pinned@example.com"), 5, "the replica has it all")

        primary.kill()
        while sentinel.primary() != (replica.address, replica.port):
            assert pair.ask() == wanted(55, pins)       # nobody decides in the meantime
        assert pair.ask() == wanted(55, pins)
        wait_for(lambda: replica.role() == "master", 20, "the new primary")
        replica.set_domain("example.com", weight=90)
        replica.command("SET", "cutover:pin:after@example.com", "hold")
        pair.wait_for("after@example.com", "retry:", 30)
        assert pair.ask() == wanted(90, pins)

        primary.start()                                 # it believes to be a primary until the Sentinel tells it
        assert pair.ask() == wanted(90, pins)
        wait_for(lambda: primary.role() == "slave", 40, "the old primary follows")
        replica.set_domain("example.com", weight=10)
        replica.command("SET", "cutover:pin:last@example.com", "hold")
        pair.wait_for("last@example.com", "retry:", 10)
        assert pair.ask() == wanted(10, pins)
    finally:
        pair.stop()


def test_one_of_two_gateways_is_killed(folder):
    """Clients go on with the other; what the dead one had accepted is delivered when it is back."""
    one = MailSite(folder / "one", BLOCK)
    other = MailSite(folder / "other", "127.20.16", beside=one)
    for path in (one.folder, other.folder):
        path.chmod(0o755)
    try:
        one.start()
        other.start()
        one.set(weight=50)
        other.set(weight=50)
        people = [f"person{n}@example.com" for n in range(60)]
        one.new.refuse()                                # so that some wait in each queue
        for first in range(0, 30, 3):
            one.gateway.send(f"first{first}@outside.example", people[first:first + 3])
            other.gateway.send(f"second{first}@outside.example", people[first + 30:first + 33])
        wait_for(lambda: one.gateway.waiting() and other.gateway.waiting(), 20, "waiting mail in both queues")
        one.policyd.kill()
        one.gateway.stop()
        one.new.accept()
        other.gateway.flush()
        other.gateway.wait_until_empty(30, flush=True)
        assert {copy.recipient for sink in (one.old, one.new) for copy in sink.copies} >= set(people[30:])
        assert not other.gateway.send("third@outside.example", people[:2])
        wait_for(lambda: sum(c.sender.startswith("third") for s in (one.old, one.new) for c in list(s.copies)) == 2, 20,
                 "mail through the other gateway")

        one.policyd.start()
        one.gateway.start()
        one.gateway.wait_until_empty(30, flush=True)
        for sink, name in ((one.old, "old"), (one.new, "new")):
            copies = [copy for copy in sink.copies if not copy.sender.startswith("third")]
            assert sorted(copy.recipient for copy in copies) == sorted(p for p in people if side(p, 50) == name)
            assert {copy.header("X-Cutover-Backend") for copy in copies} == {name}
        for gateway in (one.gateway, other.gateway):
            assert not gateway.log_lines("status=bounced")
    finally:
        other.stop()
        one.stop()
