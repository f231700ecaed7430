"""redis_server - a private Redis, and a Sentinel, on an address of its own.

RedisServer(folder, "127.20.10.1", 6379).start(); server.command("HSET", key, ...) speaks RESP, as
redis-cli would; server.cli("HSET", ...) is redis-cli itself.
"""
import pathlib
import socket
import threading

from processes import Process, run, wait_for


class RedisError(Exception):
    """Redis answered with an error."""


class RedisClient:
    """One connection, one command at a time."""

    def __init__(self, address, port, password=None, seconds=5.0):
        self.socket = socket.create_connection((address, port), timeout=seconds)
        self.file = self.socket.makefile("rb")
        if password:
            self.command("AUTH", password)

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def send(self, *words):
        parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))

    def command(self, *words):
        self.send(*words)
        return self.read()

    def pipeline(self, commands):
        """Many commands in one go; their answers."""
        for first in range(0, len(commands), 1000):
            some = commands[first:first + 1000]
            for words in some:
                self.send(*words)
            for _ in some:
                self.read()

    def read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("Redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"$":
            if rest == b"-1":
                return None
            return self.file.read(int(rest) + 2)[:-2].decode("utf-8", "surrogateescape")
        assert kind == b"*", line
        return None if rest == b"-1" else [self.read() for _ in range(int(rest))]


class RedisServer:
    """One redis-server in a folder of its own; it forgets at the end unless save=True."""

    def __init__(self, folder, address, port=6379, *, password=None, save=False, lines=(), outlive=False):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.address, self.port, self.password = address, port, password
        self.config = self.folder / "redis.conf"
        self.config.write_text("\n".join([
            f"bind {address}", f"bind-source-addr {address}", f"replica-announce-ip {address}",
            f"port {port}", "protected-mode no", "daemonize no", f"dir {self.folder}",
            "appendonly no", "enable-debug-command yes", *(["save 3600 1"] if save else ['save ""']),
            *([f"requirepass {password}", f"masterauth {password}"] if password else []), *lines]) + "\n")
        self.process = Process(["redis-server", self.config], self.folder / "redis.log", outlive=outlive)

    def start(self):
        self.process.start()
        wait_for(self.is_ready, 15, f"Redis on {self.address}:{self.port}")
        return self

    def is_ready(self):
        assert self.process.running(), self.process.output()
        try:
            return f"process_id:{self.process.pid}\r\n" in self.command("INFO", "server")
        except OSError:
            return False
        except RedisError as error:
            if "LOADING" in str(error):
                return False
            raise

    def stop(self):
        return self.process.stop()

    def kill(self):
        self.process.kill()

    def pause(self):
        self.process.pause()

    def resume(self):
        self.process.resume()

    def connect(self, seconds=5.0):
        return RedisClient(self.address, self.port, self.password, seconds)

    def command(self, *words):
        with self.connect() as client:
            return client.command(*words)

    def role(self):
        """master or slave; None while a Sentinel, which cuts all clients, changes it."""
        try:
            return self.command("ROLE")[0]
        except OSError:
            return None

    def cli_words(self):
        """How a person would call redis-cli."""
        return ["redis-cli", "-h", self.address, "-p", str(self.port),
                *(["--no-auth-warning", "-a", self.password] if self.password else [])]

    def cli(self, *words):
        done = run(*self.cli_words(), *words)
        answer = done.stdout.strip()
        assert not answer.startswith(("ERR", "WRONG", "NO", "READONLY")), answer
        return answer

    def set_domain(self, domain, **fields):
        """HSET cutover:domain:DOMAIN field value ..."""
        words = [word for field, value in fields.items() for word in (field, value)]
        return self.command("HSET", f"cutover:domain:{domain}", *words)


class SilentLine:
    """A TCP line to Redis that can go silent: connections stay open, nothing comes through any more,
    as when a firewall forgot them or the other host lost its power."""

    def __init__(self, address, port, server):
        self.address, self.port, self.server = address, port, server
        self.password = server.password
        self.silent = threading.Event()
        self.pairs = []
        self.listener = socket.create_server((address, port))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = None if self.silent.is_set() else socket.create_connection((self.server.address, self.server.port))
            self.pairs.append((client, server))
            if server:
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self.carry, args=(source, target), daemon=True).start()

    def carry(self, source, target):
        try:
            while data := source.recv(65536):
                if self.silent.is_set():
                    return
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def restore(self):
        """New connections work; the old ones stay dead."""
        self.silent.clear()

    def stop(self):
        self.listener.close()
        for pair in self.pairs:
            for end in pair:
                if end:
                    end.close()


class Sentinel:
    """One Sentinel that watches one primary under a name."""

    def __init__(self, folder, address, port, primary, name="cutover", *, down_after_ms=1000, quorum=1, user=None):
        """user: (name, password) of its own at the servers; else those of the primary."""
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.address, self.port, self.name = address, port, name
        config = self.folder / "sentinel.conf"
        config.write_text("\n".join([
            f"bind {address}", f"bind-source-addr {address}", f"sentinel announce-ip {address}",
            f"port {port}", "protected-mode no", f"dir {self.folder}",
            f"sentinel monitor {name} {primary.address} {primary.port} {quorum}",
            f"sentinel down-after-milliseconds {name} {down_after_ms}",
            f"sentinel failover-timeout {name} 6000", f"sentinel parallel-syncs {name} 1",
            *([f"sentinel auth-pass {name} {primary.password}"] if primary.password and not user else []),
            *([f"sentinel auth-user {name} {user[0]}", f"sentinel auth-pass {name} {user[1]}"] if user else [])]) + "\n")
        self.process = Process(["redis-sentinel", config], self.folder / "sentinel.log")

    def start(self, replicas=0):
        """Waits until the Sentinel knows so many replicas; before that it can't fail over."""
        self.process.start()
        wait_for(lambda: self.replicas() >= replicas, 30, "Sentinel knows the replicas")
        return self

    def command(self, *words):
        with RedisClient(self.address, self.port) as client:
            return client.command(*words)

    def replicas(self):
        try:
            known = self.command("SENTINEL", "replicas", self.name)
        except (OSError, RedisError):
            return -1
        return sum(dict(zip(r[::2], r[1::2])).get("master-link-status") == "ok" for r in known)

    def primary(self):
        """Address and port of the primary, as the Sentinel sees it."""
        answer = self.command("SENTINEL", "get-master-addr-by-name", self.name)
        return answer and (answer[0], int(answer[1]))

    def stop(self):
        return self.process.stop()
