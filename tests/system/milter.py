"""milter - speaks the milter protocol (version 6) to one of our milters, as Postfix does."""
import contextlib
import os
import socket
import struct

from page import Page
from processes import Process, BIN, wait_for, can_connect

NR = {"C": 0x1000, "H": 0x2000, "M": 0x4000, "R": 0x8000, "T": 0x10000, "L": 0x80, "N": 0x40000, "B": 0x80000}
NOT_WANTED = {"C": 0x1, "H": 0x2, "M": 0x4, "R": 0x8, "B": 0x10, "L": 0x20, "N": 0x40, "T": 0x200}
FINAL = b"acdtry"


class Answer:
    """What came back at the end of a message."""

    def __init__(self, parts):
        self.parts = parts
        code, text = parts[-1]
        self.action = {b"a": "accept", b"c": "accept", b"d": "discard", b"t": "tempfail", b"r": "reject",
                       b"y": "reply"}[code]
        self.reply = text.rstrip(b"\0").decode("latin-1") if code == b"y" else ""
        self.quarantined = [d.rstrip(b"\0").decode() for c, d in parts if c == b"q"]

    @property
    def added(self):
        """[(name, value)] of fields added or inserted, values without their leading blank."""
        found = []
        for code, data in self.parts:
            if code == b"h":
                name, value = data.split(b"\0")[:2]
            elif code == b"i":
                name, value = data[4:].split(b"\0")[:2]
            else:
                continue
            found.append((name.decode(), value.decode("latin-1").lstrip(" ")))
        return found

    @property
    def deleted(self):
        """[(name, number)] in the order of the requests."""
        return [(d[4:].split(b"\0")[0].decode(), struct.unpack(">I", d[:4])[0])
                for c, d in self.parts if c == b"m" and d[4:].split(b"\0")[1] == b""]

    def field(self, name):
        values = [v for n, v in self.added if n.lower() == name.lower()]
        assert len(values) <= 1, values
        return values[0] if values else None


class Session:
    """One connection of an MTA.  buffered: nothing goes out before an answer is waited for, as with Postfix."""

    def __init__(self, address, *, client="192.0.2.1", name=None, helo="helo.example", seconds=60.0,
                 steps=0x1FFFFF, actions=0x1FF, macros=(), buffered=False):
        name = name or ("client.example" if client else "localhost")
        self.buffered, self.pending = buffered, b""
        if isinstance(address, tuple):
            self.socket = socket.create_connection(address, timeout=seconds)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(seconds)
            self.socket.connect(str(address))
        self.send(b"O", struct.pack(">III", 6, actions, steps))
        code, data = self.read()
        assert code == b"O", (code, data)
        _, self.actions, self.steps = struct.unpack(">III", data[:12])
        self.macros("C", {"j": "mx.example.net", "{daemon_name}": "mx", **dict(macros)})
        if client is None:
            self.step("C", name.encode() + b"\0U")
        else:
            family = b"6" if ":" in client else b"4"
            spelt = ("IPv6:" + client) if ":" in client else client
            self.step("C", name.encode() + b"\0" + family + struct.pack(">H", 2525) + spelt.encode() + b"\0")
        self.step("H", helo.encode() + b"\0")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        try:
            self.send(b"Q")
            self.flush()
        except OSError:
            pass
        self.socket.close()

    def send(self, code, data=b""):
        self.pending += struct.pack(">I", len(data) + 1) + code + data
        if not self.buffered or len(self.pending) > 65536:
            self.flush()

    def flush(self):
        pending, self.pending = self.pending, b""
        self.socket.sendall(pending)

    def read(self):
        if self.pending:
            self.flush()
        length = struct.unpack(">I", self.exactly(4))[0]
        data = self.exactly(length)
        return data[:1], data[1:]

    def exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise EOFError("the milter hung up")
            data += more
        return data

    def macros(self, stage, values):
        self.send(b"D", stage.encode() + b"".join(f"{k}\0{v}\0".encode() for k, v in values.items()))

    def step(self, code, data=b""):
        """A command that the milter wants, and its answer if there is to be one; gives the answer's code."""
        if self.steps & NOT_WANTED.get(code, 0):
            return None
        self.send(code.encode(), data)
        if self.steps & NR.get(code, 0):
            return None
        answer, text = self.read()
        return answer, text

    def message(self, fields, body=b"", *, sender="<sender@example.org>", mail_addr=None, queue_id="4QID0001",
                macros=(), chunk=65535):
        """A whole message; fields are (name, value) with the value's leading blank left out.  An Answer."""
        given = sender if isinstance(sender, bytes) else sender.encode()
        plain = given.strip(b"<>").decode("latin-1") if mail_addr is None else mail_addr
        self.macros("M", {"i": "", "{mail_addr}": plain, **dict(macros)})
        refused = self.step("M", given + b"\0")
        if refused and refused[0] in b"yrtd":
            return Answer([refused])
        self.step("R", b"<b@example.net>\0")
        self.step("T")
        for name, value in fields:
            spelt = value if isinstance(value, bytes) else value.encode()
            lead = b" " if self.steps & 0x100000 else b""
            self.step("L", (name if isinstance(name, bytes) else name.encode()) + b"\0" + lead + spelt + b"\0")
        self.macros("N", {"i": queue_id})
        self.step("N")
        for at in range(0, len(body), chunk):
            answer = self.step("B", body[at:at + chunk])
            if answer and answer[0] == b"s":
                break
        self.macros("E", {"i": queue_id})
        self.send(b"E")
        parts = []
        while True:
            part = self.read()
            if part[0] == b"p":
                continue
            parts.append(part)
            if part[0] in FINAL:
                return Answer(parts)

    def abort(self):
        self.send(b"A")


class Milter(Page):
    """One of our milters in a folder of its own."""

    def __init__(self, folder, program, address, port=8892, metrics_port=9892, **sections):
        self.folder = folder
        self.program = program
        self.address = (address, port)
        self.page_address = (address, metrics_port)
        self.section = program.removeprefix("postshift-")
        self.options = {"listen": f"inet:{address}:{port}", "metrics": f"inet:{address}:{metrics_port}", "user": "",
                        **sections.pop("options", {})}
        self.sections = sections
        self.config = folder / f"{program}.conf"
        self.process = Process([BIN / program, "-c", self.config, "-v"], folder / f"{program}.log")

    def write_config(self, **changed):
        self.options.update(changed)
        lines = [f"[{self.section}]"] + [f"{k} = {v}" for k, v in self.options.items()]
        for name, options in self.sections.items():
            lines += [f"[{name}]"] + [f"{k} = {v}" for k, v in options.items()]
        self.config.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def start(self, **changed):
        self.write_config(**changed)
        self.process.start()
        wait_for(self.is_listening, 20, f"{self.program} to listen")
        return self

    def is_listening(self):
        """On its address, and on each socket in the file system that it is to have: they come one after the other."""
        paths = [word.removeprefix("unix:") for word in self.options["listen"].split() if word.startswith("unix:")]
        return can_connect(self.address) and all(map(os.path.exists, paths))

    def stop(self):
        self.process.stop()

    def session(self, **how):
        return Session(self.address, **how)

    def send(self, fields, body=b"", *, connection=None, **how):
        """One message over a connection of its own."""
        with self.session(**(connection or {})) as session:
            return session.message(fields, body, **how)

    def send_when_back(self, fields, body=b"", *, seconds=10.0, **how):
        """The same once somebody answers: a connection of the moment of a crash goes down with it."""
        def sent():
            with contextlib.suppress(OSError, EOFError):
                return self.send(fields, body, **how)
            return None

        return wait_for(sent, seconds, f"{self.program} to answer")

    def log(self):
        return self.process.output()
