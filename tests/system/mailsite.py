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
    def __init__(self, folder, block, *, chroot=True, domains=("example.com",), main=None, **policyd_options):
        """main: parameters of main.cf that stand there before postshift comes."""
        self.folder = pathlib.Path(folder)
        self.block, self.marked, self.resets = block, False, 0
        address = [f"{block}.{last}" for last in range(8)]
        self.address = address
        self.redis = RedisServer(self.folder / "redis", address[2])
        self.old, self.new, self.own, self.other = (
            Sink(name, (address[last], SINK_PORT)) for name, last in (("old", 3), ("new", 4), ("own", 6), ("other", 7)))
        self.gateway = Gateway(self.folder, address[1], chroot=chroot, domains=(*domains, "example.org"), main={
            "relay_transport": f"smtp:[{address[7]}]:{SINK_PORT}", "default_transport": f"smtp:[{address[7]}]:{SINK_PORT}",
            "transport_maps": f"inline:{{{{own@example.org=smtp:[{address[6]}]:{SINK_PORT}}}}}", **(main or {})})
        self.policyd = Policyd(self.folder, address[5], redis=self.redis, domains=" ".join((*domains, MARK_DOMAIN)),
                               sockets=self.gateway.sockets, **policyd_options)
        self.old_route = f"cutover-old:[{address[3]}]:{SINK_PORT}"
        self.new_route = f"cutover-new:[{address[4]}]:{SINK_PORT}"

    def start(self):
        try:
            for sink in (self.old, self.new, self.own, self.other):
                sink.start()
            self.redis.start()
            self.redis.set_domain("example.com", old=self.old_route, new=self.new_route, weight=0, inside="accept")
            self.policyd.start()
            self.gateway.start()
            self.setup("--apply")
        except BaseException:
            self.stop()
            raise
        return self

    def setup(self, *words):
        """postshiftctl postfix-setup, as an administrator would call it."""
        return run(BIN / "postshiftctl", "-c", self.policyd.config, "postfix-setup", *words, "-c", self.gateway.etc)

    def stop(self):
        """Ends all that runs, whatever state it is in."""
        self.gateway.stop()
        self.policyd.process.resume_and_kill()
        self.redis.process.resume_and_kill()
        for sink in (self.old, self.new, self.own, self.other):
            sink.stop()

    def reset(self):
        """As after start: empty queue and sinks, no pins, weight 0, a sender that nobody has seen."""
        self.resets += 1
        for sink in (self.old, self.new, self.own, self.other):
            sink.be_good()
            sink.accept()
        self.gateway.delete_queue()
        for sink in (self.old, self.new, self.own, self.other):
            sink.forget()
        with self.redis.connect() as client:
            for kind in ("pin", "unit"):
                for key in client.command("KEYS", f"cutover:{kind}:*"):
                    client.command("DEL", key)
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
        self.redis.set_domain(MARK_DOMAIN, old=self.old_route, new=self.new_route, weight=0, mode=side)
        wait_for(lambda: self.policyd.ask(f"mark@{MARK_DOMAIN}") == f"OK {route}", 5, "policyd took the changes")

    def backend_of(self, copy):
        return copy.header("X-Cutover-Backend")
