"""mailsite - a whole site on loopback: gateway, Redis, policyd, two backends and two others.

    site = MailSite(folder, "127.20.10").start()     # wired by postshiftctl postfix-setup --apply
    site.redis.set_domain("example.com", weight=30)
    site.gateway.send("a@outside.example", ["x@example.com"]); site.new.wait_for(1)
    site.stop()

Of its block, .1 is the gateway, .2 Redis, .3 old, .4 new, .5 policyd's metrics, .6 the site's own
relay, .7 everything else (bounces to outside senders among it).  example.com is routed; example.org
is a relay domain of the site, without a state.
"""
import hashlib
import pathlib
import time

from gateway import Gateway
from policyd import Policyd
from processes import BIN, run, wait_for
from redis_server import RedisServer
from sink import Sink

SINK_PORT = 2525
MARK_DOMAIN = "mark.example"    # gets no mail; tells that earlier changes are in force


def bucket(unit, domain="example.com"):
    """A unit's stable place in 0..9999, computed apart from the programs."""
    digest = hashlib.sha256(domain.encode() + b"\0" + unit.encode()).digest()
    return (int.from_bytes(digest[:8], "big") * 10000) >> 64


def side(recipient, weight):
    """Where a recipient without pin, unit or list goes at a weight."""
    return "new" if bucket(recipient, recipient.rpartition("@")[2]) < weight * 100 else "old"


class MailSite:
    def __init__(self, folder, block, *, chroot=True, states=None, main=None, beside=None, save=False,
                 redis_line=None, **policyd_options):
        """states: what else is routed, domain -> fields of its hash.
        main: parameters of main.cf that stand there before postshift comes.
        beside: another site, whose Redis and backends this one uses too.  save: Redis keeps its data.
        redis_line: what policyd connects to in place of Redis itself (a function of the server)."""
        self.folder = pathlib.Path(folder)
        self.block, self.marked, self.resets = block, False, 0
        self.setup_at_start = True
        address = [f"{block}.{last}" for last in range(8)]
        self.address = address
        self.beside = beside
        self.redis = beside.redis if beside else RedisServer(self.folder / "redis", address[2], save=save)
        self.sinks = beside.sinks if beside else tuple(
            Sink(name, (address[last], SINK_PORT)) for name, last in (("old", 3), ("new", 4), ("own", 6), ("other", 7)))
        self.old, self.new, self.own, self.other = self.sinks
        self.old_route = self.route("cutover-old", self.old)
        self.new_route = self.route("cutover-new", self.new)
        self.states = {domain: {"old": self.old_route, "new": self.new_route, "weight": 0, "inside": "accept", **fields}
                       for domain, fields in {"example.com": {}, MARK_DOMAIN: {}, **(states or {})}.items()}
        self.gateway = Gateway(self.folder, address[1], chroot=chroot, domains=(*self.states, "example.org"), main={
            "relay_transport": self.route("smtp", self.other), "default_transport": self.route("smtp", self.other),
            "transport_maps": f"inline:{{{{own@example.org={self.route('smtp', self.own)}}}}}", **(main or {})})
        self.policyd = Policyd(self.folder, address[5], domains=" ".join(self.states),
                               redis=redis_line(self.redis) if redis_line else self.redis, sockets=self.gateway.sockets, **policyd_options)

    @staticmethod
    def route(service, sink):
        """transport:nexthop, as in a transport map."""
        host, port = sink.address
        return f"{service}:[{host}]:{port}"

    def start(self):
        try:
            if not self.beside:
                for sink in self.sinks:
                    sink.start()
                self.redis.start()
                for domain, fields in self.states.items():
                    self.redis.set_domain(domain, **fields)
            self.policyd.start()
            self.gateway.start()
            if self.setup_at_start:
                self.setup("--apply")
        except BaseException:
            self.stop()
            raise
        return self

    def setup(self, *words):
        """postshiftctl postfix-setup, as an administrator would call it."""
        before = self.gateway.smtpds()
        done = run(*self.setup_words(*words))
        if words and "nothing to do" not in done.stdout:
            self.gateway.wait_for_new_smtpds(before)
        return done

    def setup_words(self, *words):
        self.gateway.age_files()
        return [BIN / "postshiftctl", "-c", self.policyd.config, "postfix-setup", *words, "-c", self.gateway.etc]

    def stop(self):
        """Ends all that runs, whatever state it is in; policyd in its own orderly way."""
        self.gateway.stop()
        code = self.policyd.stop() if self.policyd.process.running() else 0
        if not self.beside:
            self.redis.process.resume_and_kill()
            for sink in self.sinks:
                sink.stop()
        assert code == 0, f"policyd ended with {code}"

    def reset(self):
        """As after start: empty queue and sinks, no pins, weight 0, a sender that nobody has seen."""
        self.resets += 1
        for sink in self.sinks:
            sink.be_good()
            sink.accept()
        self.gateway.delete_queue()
        for sink in self.sinks:
            sink.forget()
        with self.redis.connect() as client:
            gone = [key for kind in ("pin", "unit") for key in client.command("KEYS", f"cutover:{kind}:*")]
            for key in gone:
                client.command("DEL", key)
            if len(gone) > 100:     # so many are no order, unless somebody says so
                client.command("SET", "cutover:accept", f"* {int(time.time())}")
                wait_for(lambda: self.policyd.metric("postshift_policyd_replica_pins") == 0, 20, "policyd has taken it")
        self.set(weight=0, mode="split", inside="accept")

    @property
    def sender(self):
        """The queue manager remembers its last answer, for a sender and recipient, up to 30 s."""
        return f"writer{self.resets}@outside.example"

    def set(self, domain="example.com", **fields):
        """Plain HSET, and waits until policyd answers accordingly where that can be told."""
        self.redis.set_domain(domain, **fields)
        self.settled()

    def pin(self, recipient, text):
        """Plain SET; text None: plain DEL."""
        if text is None:
            self.redis.command("DEL", f"cutover:pin:{recipient}")
        else:
            self.redis.command("SET", f"cutover:pin:{recipient}", text)
        self.settled()

    def settled(self):
        """Changes arrive in order: once one written after them is in force, they are."""
        self.marked = not self.marked
        side, route = ("new", self.new_route) if self.marked else ("old", self.old_route)
        self.redis.set_domain(MARK_DOMAIN, mode=side)
        wait_for(lambda: self.policyd.ask(f"mark@{MARK_DOMAIN}") == f"OK {route}", 5, "policyd took the changes")

    def backend_of(self, copy):
        return copy.header("X-Cutover-Backend")
