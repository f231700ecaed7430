"""cluster_site - a site with several gateways: Redis with two replicas and three Sentinels, two backends, and on each
gateway Postfix, both milters, policyd, the controller and the root helper.

    cluster = Cluster(folder).start(); cluster.set(weight=30)
    cluster.gateways[0].send("a@outside.example", ["x@example.com"]); cluster.stop()

Block 127.20.120 is the first gateway's, .121 the second's (.1 Postfix, .5 pages, .9 what its daemons come from);
127.20.122.1 to .3 are Redis, .4 to .6 the Sentinels; 127.20.123.3 is old, .4 new, .7 everything else.
"""
import json
import pathlib
import shutil

from cutover import Cutover
from gateway import Gateway
from network import Network
from policyd import Policyd
from processes import BIN, ROOT, Process, run, wait_for
from redis_server import RedisServer, Sentinel
from signatures import make_folder
from sink import Sink

DOMAIN = "example.com"
REDIS = "127.20.122"
BACKENDS = "127.20.123"
USERS = (("daemon", 1), ("bin", 2))
FLUSH = ROOT / "postfix-conf/flush"
PORT = 2525


def route(service, sink):
    return f"{service}:[{sink.address[0]}]:{sink.address[1]}"


class ClusterGateway:
    """gw1, gw2, ...: its own folder, addresses and user of the system."""

    def __init__(self, cluster, number):
        self.cluster, self.number, self.name = cluster, number, f"gw{number}"
        self.block = f"127.20.{119 + number}"
        self.source = f"{self.block}.9"
        user, self.uid = USERS[number - 1]
        self.folder = cluster.folder / self.name
        self.folder.mkdir(mode=0o755)
        redis = {"sentinels": " ".join(f"{s.address}:{s.port}" for s in cluster.sentinels), "primary": "cutover"}
        self.postfix = Gateway(self.folder, f"{self.block}.1", main={
            "relay_transport": route("smtp", cluster.old), "default_transport": route("smtp", cluster.other),
            "myhostname": f"{self.name}.example", "smtp_bind_address": f"{self.block}.1"})
        sockets = self.postfix.sockets
        self.policyd = Policyd(self.folder, f"{self.block}.5", domains=DOMAIN, redis_lines=redis, sockets=sockets, user=user)
        self.drain = self.folder / "drain"
        self.drain.touch()
        shutil.chown(self.drain, user)
        self.controller = Cutover(self.folder, f"{self.block}.5", domains=DOMAIN, log=self.postfix.log, gateway=self.name,
                                  drain=self.drain, probe_interval="1s", user=user, min_samples="20",
                                  policyd_lines={"metrics": "inet:%s:%d" % self.policyd.page_address},
                                  ctl_lines={"postfix": self.postfix.etc, "gateways": " ".join(cluster.names),
                                             "gateways_command": f"{cluster.ask} %h"})
        self.controller.redis_options = {"timeout": "1s", **redis}
        self.controller.write_config()
        with open(self.policyd.config, "a", encoding="ascii") as config:
            config.write(f"[dns]\nservers = {self.block}.6@5353\ntimeout = 200ms\nmessage_timeout = 1s\n"
                         f"[auth]\nlisten = unix:{sockets}/auth.sock\nmetrics = inet:{self.block}.5:8791\nauthserv_id = {self.name}.example\n"
                         f"trusted_networks = {cluster.trusted}\nuser = {user}\n"
                         f"[scan]\nlisten = unix:{sockets}/scan.sock\nmetrics = inet:{self.block}.5:8792\ndatabases = {cluster.folder}/signatures\n"
                         f"temp = {self.folder}/scan-temp\nworkers = 1\nuser = {user}\n")
        (self.folder / "scan-temp").mkdir(mode=0o755)
        self.milters = {name: Process([BIN / f"postshift-{name}", "-c", self.policyd.config], self.folder / f"{name}.log")
                        for name in ("auth", "scan")}
        self.helper = Process([FLUSH, "--watch"], self.folder / "flush.log",
                              environment={"MAIL_CONFIG": str(self.postfix.etc), "POSTSHIFT_CONF": str(self.controller.config)})

    def start(self):
        self.policyd.start()
        for name, milter in self.milters.items():
            milter.start()
            wait_for((self.postfix.sockets / f"{name}.sock").exists, 20, f"{self.name}: {name} listens")
        self.milters["scan"].wait_for_output("signatures: ")
        self.postfix.start()
        self.postfix.age_files()
        before = self.postfix.smtpds()
        run(BIN / "postshiftctl", "-c", self.policyd.config, "postfix-setup", "--apply", "-c", self.postfix.etc)
        self.postfix.wait_for_new_smtpds(before)
        self.controller.start()
        self.helper.start()

    @property
    def processes(self):
        return [self.controller.process, self.helper, *self.milters.values(), self.policyd.process]

    def kill(self):
        """The machine is gone: all at once, and nobody says good-bye."""
        for process in self.processes:
            process.kill()
        self.postfix.stop()

    def come_back(self):
        for process in (self.policyd, *self.milters.values()):
            process.start()
        self.postfix.start()
        self.controller.start()
        self.helper.start()

    def stop(self):
        self.postfix.stop()
        for process in self.processes:
            process.resume_and_kill()

    # What it is asked.

    def send(self, sender, recipients, subject="test", **how):
        return self.postfix.send(sender, recipients, subject, **how)

    def ctl(self, *words, check=True):
        return self.controller.ctl(*words, check=check)

    def json(self, *words):
        return json.loads(self.ctl(*words, "--json", check=False).stdout)

    def answers(self, addresses):
        with self.policyd.route_client() as client:
            return client.ask_many(addresses)


class Cluster:
    """trusted: networks whose mail the auth milter lets through unchecked; sink: what a backend is."""

    def __init__(self, folder, gateways=2, down_after_ms=1000, *, trusted="127.0.0.0/8", sink=Sink):
        self.folder, self.trusted, self.sink = pathlib.Path(folder), trusted, sink
        self.folder.chmod(0o755)
        self.network = Network()
        try:
            self.build(gateways, down_after_ms)
        except BaseException:
            self.network.leave()
            raise

    def build(self, gateways, down_after_ms):
        make_folder(self.folder / "signatures")
        primary = RedisServer(self.folder / "redis1", f"{REDIS}.1", lines=["repl-ping-replica-period 1", "repl-timeout 5", "repl-diskless-sync-delay 0"])
        self.redis = [primary, *(RedisServer(self.folder / f"redis{n}", f"{REDIS}.{n}",
                                             lines=[f"replicaof {REDIS}.1 6379", "repl-ping-replica-period 1", "repl-timeout 5", "repl-diskless-sync-delay 0"])
                                 for n in (2, 3))]
        self.sentinels = [Sentinel(self.folder / f"sentinel{n}", f"{REDIS}.{n + 3}", 26379, primary, quorum=2,
                                   down_after_ms=down_after_ms) for n in (1, 2, 3)]
        self.old, self.new, self.other = self.sinks = tuple(
            self.sink(name, (f"{BACKENDS}.{last}", PORT)) for name, last in (("old", 3), ("new", 4), ("other", 7)))
        self.names = [f"gw{n}" for n in range(1, gateways + 1)]
        # What ssh would do: the tool on that gateway, with its configuration.
        self.ask = self.folder / "ask"
        self.ask.write_text(f'#!/bin/sh\nhost=$1\nshift\nexec {BIN}/postshiftctl -c {self.folder}/"$host"/cutover/postshift.conf "$@"\n')
        self.ask.chmod(0o755)
        self.gateways = [ClusterGateway(self, n) for n in range(1, gateways + 1)]
        for gateway in self.gateways:
            self.network.place(gateway.source, gateway.uid, f"{REDIS}.0/24")

    def start(self):
        try:
            for server in (*self.sinks, *self.redis):
                server.start()
            for sentinel in self.sentinels:
                sentinel.start(replicas=2)
            wait_for(lambda: all(self.known_sentinels(s) == 2 for s in self.sentinels), 30, "the Sentinels know each other")
            self.redis[0].set_domain(DOMAIN, old=route("cutover-old", self.old), new=route("cutover-new", self.new), weight=0,
                                     inside="accept")
            for gateway in self.gateways:
                gateway.start()
        except BaseException:
            self.stop()
            raise
        return self

    @staticmethod
    def known_sentinels(sentinel):
        return len(sentinel.command("SENTINEL", "sentinels", sentinel.name))

    def stop(self):
        """Ends all that runs, whatever state it is in."""
        try:
            for gateway in self.gateways:
                gateway.stop()
            for server in (*self.sentinels, *self.redis):
                server.process.resume_and_kill()
            for sink in self.sinks:
                sink.stop()
        finally:
            self.network.leave()

    # Redis.

    def primary(self):
        """As most Sentinels see it."""
        def said(sentinel):
            try:
                return sentinel.primary()[0]
            except (OSError, TypeError):
                return None

        names = [said(s) for s in self.sentinels]
        return next((r for r in self.redis if names.count(r.address) >= 2), None)

    def is_at_rest(self):
        """No Sentinel is in a failover, or takes the primary for dead."""
        for sentinel in self.sentinels:
            words = sentinel.command("SENTINEL", "master", sentinel.name)
            if dict(zip(words[::2], words[1::2]))["flags"] != "master":
                return False
        return True

    def set(self, **fields):
        wait_for(self.primary, 30, "a primary").set_domain(DOMAIN, **fields)

    def cut_off(self, gateway):
        """This gateway, the first Redis and the first Sentinel on one side, all others on the other; backends and the
        world outside see both."""
        here = [gateway.source, self.redis[0].address, self.sentinels[0].address]
        there = [*(g.source for g in self.gateways if g is not gateway), *(r.address for r in self.redis[1:]),
                 *(s.address for s in self.sentinels[1:])]
        self.network.cut(here, there)
