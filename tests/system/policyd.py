"""policyd - postshift-policyd with a configuration of its own, and clients for what it serves.

    policyd = Policyd(folder, "127.20.10.4", redis=server, domains="example.com").start()
    policyd.ask("alice@example.com")              # "OK cutover-old:[192.0.2.10]:25"
    policyd.check(recipient="a@example.com")      # {"action": "DUNNO"}
    policyd.login("a@example.com")                # {"host": ..., "port": ...}, None (not found) or an error's text
    policyd.page("/route.json?address=a@example.com"), policyd.metric("postshift_redis_up")

sockets: the folder of its sockets (a gateway's gateway.sockets); else folder/run.
"""
import json
import pathlib
import shutil
import socket
import time

from page import Page
from processes import BIN, Process, run, wait_for

PROGRAM = BIN / "postshift-policyd"


class Connection:
    """A client's stream connection."""

    def __init__(self, path, seconds=5.0):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(seconds)
        try:
            self.socket.connect(str(path))
        except OSError:
            self.socket.close()
            raise
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def line(self):
        line = self.file.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("the server closed the connection")
        return line[:-1].decode("utf-8", "surrogateescape")

    def netstring(self):
        length = b""
        while (octet := self.file.read(1)) != b":":
            if not octet.isdigit():
                raise ConnectionError(f"not a netstring: {length + octet!r}")
            length += octet
        data = self.file.read(int(length) + 1)
        if data[-1:] != b",":
            raise ConnectionError("the server closed the connection")
        return data[:-1].decode("utf-8", "surrogateescape")


def netstring(text):
    data = text.encode("utf-8", "surrogateescape")
    return b"%d:%s," % (len(data), data)


class RouteClient(Connection):
    """The socketmap, over one connection."""

    def ask(self, address, name="transport"):
        self.send(netstring(f"{name} {address}"))
        return self.netstring()

    def ask_many(self, addresses, name="transport"):
        """In bulk: hundreds of questions are on their way at once; answers in their order."""
        answers = []
        for first in range(0, len(addresses), 500):
            some = addresses[first:first + 500]
            self.send(b"".join(netstring(f"{name} {address}") for address in some))
            answers += [self.netstring() for _ in some]
        return answers


class PolicyClient(Connection):
    """Policy delegation, over one connection."""

    DEFAULTS = {"request": "smtpd_access_policy", "protocol_state": "RCPT", "protocol_name": "ESMTP",
                "client_address": "192.0.2.9", "client_name": "unknown", "helo_name": "client.example",
                "sender": "sender@outside.example", "instance": "1.1.1.0", "size": "0", "queue_id": ""}

    def check(self, **attributes):
        """One request; the reply's attributes."""
        lines = [f"{name}={value}" for name, value in {**self.DEFAULTS, **attributes}.items()]
        self.send(("\n".join(lines) + "\n\n").encode("utf-8", "surrogateescape"))
        reply = {}
        while line := self.line():
            name, _, value = line.partition("=")
            reply[name] = value
        return reply


class DictClient(Connection):
    """Dovecot's dict protocol, as its passdb uses it."""

    def __init__(self, path, seconds=5.0):
        super().__init__(path, seconds)
        self.send(b"H3\t2\t0\t\tcutover\n")

    def lookup(self, user, protocol=None):
        """protocol: of the key route/PROTOCOL/USER; None: route/USER."""
        user = f"{protocol}/{user}" if protocol else user
        escaped = user.replace("\001", "\0011").replace("\t", "\001t").replace("\n", "\001n")
        self.send(f"Lshared/route/{escaped}\t{escaped}\n".encode())
        return self.line()


class Policyd(Page):
    def __init__(self, folder, address, *, redis=None, domains=None, sockets=None, name="policyd", metrics_port=8793,
                 redis_lines=None, outlive=False, **options):
        """options: keys of [policyd]; redis_lines: keys of [redis]; None or absent keeps the default."""
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.sockets = pathlib.Path(sockets) if sockets else self.folder / "run"
        self.config = self.folder / "postshift.conf"
        self.override = self.folder / "override"
        self.snapshot = self.folder / "snapshot"
        self.page_address = (address, metrics_port)
        self.policyd_options = {
            "policy": f"unix:{self.sockets}/policy.sock", "route": f"unix:{self.sockets}/route.sock",
            "dict": f"unix:{self.sockets}/dict.sock", "metrics": f"inet:{address}:{metrics_port}",
            "domains": domains, "allow_loopback": "yes", "snapshot": self.snapshot, "override": self.override,
            **options}
        self.redis_options = {"timeout": "1s"}
        if redis is not None:
            self.redis_options["address"] = f"inet:{redis.address}:{redis.port}"
            if redis.password:
                secret = self.folder / "redis-password"
                secret.write_text(redis.password + "\n")
                secret.chmod(0o600)
                self.redis_options["password_file"] = secret
        self.redis_options.update(redis_lines or {})
        if "user" in options:
            shutil.chown(self.folder, options["user"])      # its snapshot
        self.write_config()
        self.process = Process([PROGRAM, "-c", self.config], self.folder / "policyd.log", outlive=outlive)

    def write_config(self):
        lines = []
        for section, options in (("redis", self.redis_options), ("policyd", self.policyd_options)):
            lines += [f"[{section}]", *(f"{key} = {value}" for key, value in options.items() if value is not None), ""]
        self.config.write_text("\n".join(lines))

    # Life.

    def start(self, *, loaded=None, seconds=20.0):
        """Waits until it answers; and until Redis has been read, where one is configured and it is up."""
        self.process.start()
        wait_for(self.is_serving, seconds, "policyd answers")
        if loaded if loaded is not None else "address" in self.redis_options or "sentinels" in self.redis_options:
            self.wait_until_loaded(seconds)
        return self

    def is_serving(self):
        assert self.process.running(), f"policyd ended: {self.process.output()}"
        try:
            return self.ask("*").startswith("NOTFOUND")
        except OSError:
            return False

    def wait_until_loaded(self, seconds=20.0):
        def loaded():
            try:
                return self.metric("postshift_policyd_replica_synced_timestamp_seconds", 0) > 0
            except OSError:
                return False

        wait_for(loaded, seconds, "policyd has read Redis")

    def stop(self):
        return self.process.stop()

    def kill(self):
        self.process.kill()

    def pause(self):
        """Stuck: sockets stay, nothing is answered."""
        self.process.pause()

    def resume(self):
        self.process.resume()

    def restart(self, **how):
        self.kill()
        return self.start(**how)

    def wait_for_snapshot(self, changed):
        """Waits until a change made at that time is on disk.  One is written at most once a second, rarer where
        writing takes long; and one that is newer than the change may have begun before it."""
        def quiet():
            return self.snapshot.exists() and time.time() > max(changed, self.snapshot.stat().st_mtime) + 3

        wait_for(quiet, 20, "the snapshot")

    # What it serves.

    def route_client(self, seconds=5.0):
        return RouteClient(self.sockets / "route.sock", seconds)

    def ask(self, address, name="transport"):
        with self.route_client() as client:
            return client.ask(address, name)

    def policy_client(self, seconds=5.0):
        return PolicyClient(self.sockets / "policy.sock", seconds)

    def check(self, **attributes):
        with self.policy_client() as client:
            return client.check(**attributes)

    def login(self, user, protocol=None):
        with DictClient(self.sockets / "dict.sock") as client:
            reply = client.lookup(user, protocol)
        if reply[:1] == "O":
            return json.loads(reply[1:])
        return None if reply[:1] == "N" else reply[1:]

    def wait_for_route(self, address, text, seconds=5.0):
        """Waits until the answer contains such a text and gives it."""
        def routed():
            answer = self.ask(address)
            return answer if text in answer else None

        return wait_for(routed, seconds, f"{address} is routed to {text!r}")

    def ctl(self, *words, check=True):
        """postshiftctl with this configuration."""
        return run(BIN / "postshiftctl", "-c", self.config, *words, check=check)
