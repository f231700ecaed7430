#!/usr/bin/python3
"""dns_server - a DNS server that answers from a table, or misbehaves as the table says.

    tests/fakes/dns_server.py [--listen 127.0.0.1@5353] ZONEFILE

Prints `listening ADDRESS@PORT` once it answers (port 0 takes a free one), reads the file again on
HUP, ends on TERM.  As a module:

    server = DnsServer(text)        # or DnsServer(text, "127.0.0.5", 5353)
    server.start(); ...; server.load(other_text); server.asked; server.stop()

The table has a line a record, `NAME TYPE VALUE`; `#` starts a comment line, blank lines are nothing.

    example.com          TXT    v=spf1 mx -all           the rest of the line, cut into strings of 255
    example.com          TXT    "v=spf1 " "-all\\000"    or strings with \\DDD, \\" and \\\\ in them
    example.com          MX     10 mx.example.com        `MX 0 .` is the null MX
    mx.example.com       A      192.0.2.1
    example.com          SOA    ns.example.com host.example.com 7      first server, mailbox, serial
    _25._tcp.mx.example.com TLSA 3 1 1 00ff...
    1.2.0.192.in-addr.arpa PTR  mx.example.com
    www.example.com      CNAME  mx.example.com
    *.wild.example.com   A      192.0.2.2                any name below that has no lines of its own
    example.com          SIGNED                          answers at and below it are secure (AD)
    gone.example.com     NXDOMAIN                        though names below it exist
    silent.example.com   MODE   silent                   for all types; `MODE TXT silent` for one

Modes: silent; slow SECONDS; servfail; refused; formerr; notimp; garbage (octets that are no DNS);
broken (the question, then nonsense); empty (an answer of no octets); short (half a header);
wrong-id and wrong-question (a lie first, the right answer 0.1 s later; with `only` the lie alone); truncated (UDP says TC, TCP answers);
truncated-silent (TCP takes the question and says nothing); no-edns (FORMERR while the question has
an OPT record, then an answer without one); loop (a CNAME to itself).  In names too, \\DDD is an
octet.  What has no line: NXDOMAIN, or NODATA where a line is at the name or below it.
"""
import argparse
import re
import signal
import socket
import struct
import sys
import threading

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "TLSA": 52, "SPF": 99}
RCODES = {"formerr": 1, "servfail": 2, "notimp": 4, "refused": 5}
OPT = 41
UDP_MAX = 512           # without EDNS


def unescape(text):
    """Text of the table to octets."""
    def octet(match):
        what = match.group(1)
        return chr(int(what)) if what.isdigit() else what
    return re.sub(r"\\([0-9]{3}|.)", octet, text).encode("latin-1")


def labels_of(text):
    """A name of the table to its labels; a dot that is escaped stands inside one."""
    if text in (".", ""):
        return ()
    return tuple(unescape(part) for part in re.findall(r"(?:\\[0-9]{3}|\\.|[^.\\])+", text))


def lower(labels):
    return tuple(label.lower() for label in labels)


def pack_name(labels):
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def text_strings(value):
    if value.startswith('"'):
        return [unescape(part) for part in re.findall(r'"((?:\\.|[^"\\])*)"', value)]
    octets = unescape(value)
    return [octets[at:at + 255] for at in range(0, len(octets), 255)] or [b""]


def pack_value(kind, value):
    if kind == "A":
        return socket.inet_pton(socket.AF_INET, value)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, value)
    if kind == "MX":
        preference, name = value.split(None, 1)
        return struct.pack(">H", int(preference)) + pack_name(labels_of(name))
    if kind == "SOA":
        server, mailbox, serial = value.split()
        return pack_name(labels_of(server)) + pack_name(labels_of(mailbox)) + struct.pack(">IIIII", int(serial), 3600, 600, 86400, 60)
    if kind == "TLSA":
        usage, selector, matching, data = value.split()
        return bytes([int(usage), int(selector), int(matching)]) + bytes.fromhex(data)
    if kind in ("TXT", "SPF"):
        return b"".join(bytes([len(part)]) + part for part in text_strings(value))
    return pack_name(labels_of(value))


class Table:
    """What is known: records and modes by name; the wildcard is the label `*`."""

    def __init__(self, text):
        self.records = {}       # labels -> [(type number, rdata)]
        self.modes = {}         # labels -> {type number or None: [words]}
        self.signed = []
        self.gone = set()
        self.known = set()      # names at or above a line
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip() and not line.lstrip().startswith("#"):
                try:
                    self.add(line)
                except (ValueError, KeyError, OSError, IndexError) as error:
                    raise ValueError(f"line {number}: {line!r}: {error}") from error

    def add(self, line):
        name, kind, *value = line.strip().split(None, 2)
        value = value[0] if value else ""
        labels = lower(labels_of(name))
        if kind == "SIGNED":
            self.signed.append(labels)
        elif kind == "NXDOMAIN":
            self.gone.add(labels)
        elif kind == "MODE":
            words = value.split()
            wanted = TYPES[words.pop(0)] if words[0] in TYPES else None
            self.modes.setdefault(labels, {})[wanted] = words
        else:
            record = (TYPES[kind], pack_value(kind, value))
            self.records.setdefault(labels, []).append(record)
        if kind not in ("SIGNED", "NXDOMAIN"):
            for at in range(len(labels)):
                self.known.add(labels[at:])

    def find(self, table, labels):
        """The entry of a name, or of the nearest wildcard above a name that nothing is known of."""
        if labels in table or labels in self.known:
            return table.get(labels)
        for at in range(1, len(labels)):
            if (b"*",) + labels[at:] in table:
                return table[(b"*",) + labels[at:]]
            if labels[at:] in self.known:
                return None
        return None

    def mode(self, labels, wanted):
        modes = self.find(self.modes, lower(labels)) or {}
        return modes.get(wanted) or modes.get(None) or [""]

    def answer(self, labels, wanted):
        """rcode and records as (owner, type, rdata), CNAMEs followed."""
        records = []
        for _ in range(12):
            name = lower(labels)
            if name in self.gone:
                return 3, records
            found = self.find(self.records, name)
            if found is None:
                return (0 if name in self.known else 3), records
            here = [(labels, kind, data) for kind, data in found if kind == wanted]
            aliases = [data for kind, data in found if kind == TYPES["CNAME"]]
            if here or not aliases:
                return 0, records + here
            records.append((labels, TYPES["CNAME"], aliases[0]))
            labels = read_name(aliases[0], 0)[0]
        return 2, []

    def secure(self, labels):
        name = lower(labels)
        return any(name[len(name) - len(zone):] == zone for zone in self.signed)


def read_name(data, at):
    labels = []
    while data[at]:
        labels.append(data[at + 1:at + 1 + data[at]])
        at += 1 + data[at]
    return tuple(labels), at + 1


class Question:
    def __init__(self, packet):
        self.id, self.flags, _, _, _, additional = struct.unpack(">6H", packet[:12])
        self.labels, at = read_name(packet, 12)
        self.type, _ = struct.unpack(">HH", packet[at:at + 4])
        self.section = packet[12:at + 4]
        self.edns = UDP_MAX if not additional else max(UDP_MAX, self.payload(packet[at + 4:]))
        self.has_opt = additional > 0

    @staticmethod
    def payload(rest):
        kind, size = struct.unpack(">xHH", rest[:5])
        return size if kind == OPT else 0


def build(question, rcode, records=(), secure=False, truncated=False, opt=True, **lie):
    flags = 0x8080 | (question.flags & 0x0100) | rcode
    flags |= 0x0020 if secure and question.flags & 0x0020 else 0
    flags |= 0x0200 if truncated else 0
    opt = opt and question.has_opt
    section = lie.get("section", question.section)
    body = b"".join(
        (b"\xc0\x0c" if owner == question.labels else pack_name(owner))
        + struct.pack(">HHIH", kind, 1, 60, len(data)) + data
        for owner, kind, data in records)
    return (struct.pack(">6H", question.id ^ lie.get("id", 0), flags, 1, len(records), 0, int(opt))
            + section + body + (b"\0" + struct.pack(">HHIH", OPT, 1232, 0, 0) if opt else b""))


class DnsServer:
    def __init__(self, text, address="127.0.0.1", port=0):
        self.table = Table(text)
        self.asked = []         # (name, type number, "udp" or "tcp"), in order
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.host, self.port = address, port
        self.threads = []
        self.sockets = []

    def load(self, text):
        self.table = Table(text)

    def start(self):
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        for _ in range(50):     # a port that is free for both
            self.tcp = socket.socket(family, socket.SOCK_STREAM)
            self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.tcp.bind((self.host, self.port))
            self.udp = socket.socket(family, socket.SOCK_DGRAM)
            try:
                self.udp.bind((self.host, self.tcp.getsockname()[1]))
                break
            except OSError:
                self.tcp.close()
                self.udp.close()
                if self.port:
                    raise
        self.port = self.tcp.getsockname()[1]
        self.address = f"{self.host}@{self.port}"
        self.tcp.listen(64)
        self.sockets = [self.tcp, self.udp]
        for serve in (self.serve_udp, self.serve_tcp):
            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            self.threads.append(thread)
        return self

    def stop(self):
        self.stopping.set()
        for end in self.sockets:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
        for thread in self.threads:
            thread.join(2)

    def serve_udp(self):
        while not self.stopping.is_set():
            try:
                packet, peer = self.udp.recvfrom(65535)
            except OSError:
                return
            if packet:
                self.respond(packet, "udp", lambda data, peer=peer: self.send_udp(data, peer))

    def send_udp(self, data, peer):
        try:
            self.udp.sendto(data, peer)
        except OSError:
            pass

    def serve_tcp(self):
        while not self.stopping.is_set():
            try:
                peer, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self.serve_stream, args=(peer,), daemon=True).start()

    def serve_stream(self, peer):
        stream = peer.makefile("rb")

        def send(data):
            try:
                peer.sendall(struct.pack(">H", len(data)) + data)
            except OSError:
                pass
        with peer, stream:
            while not self.stopping.is_set():
                try:
                    length = stream.read(2)
                    packet = stream.read(*struct.unpack(">H", length)) if len(length) == 2 else b""
                except OSError:
                    return
                if not packet:
                    return
                self.respond(packet, "tcp", send)

    def respond(self, packet, by, send):
        try:
            question = Question(packet)
        except (struct.error, IndexError):
            return
        with self.lock:
            name = b".".join(question.labels).decode("latin-1")
            self.asked.append((name, question.type, by))
        for delay, data in self.packets(question, by):
            if delay:
                timer = threading.Timer(delay, send, (data,))
                timer.daemon = True
                timer.start()
            else:
                send(data)

    def packets(self, question, by):
        """What to send, and after how many seconds each."""
        mode, *words = self.table.mode(question.labels, question.type)
        rcode, records = self.table.answer(question.labels, question.type)
        secure = self.table.secure(question.labels)
        right = build(question, rcode, records, secure)
        if by == "udp" and len(right) > question.edns:
            right = build(question, rcode, (), secure, truncated=True)
        late = [] if "only" in words else [(0.1, right)]
        other = pack_name((b"other", b"example")) + question.section[-4:]
        if mode == "loop":
            cname = (question.labels, TYPES["CNAME"], pack_name(question.labels))
            return [(0, build(question, 0, [cname]))]
        if mode == "slow":
            return [(float(words[0]), right)]
        if mode == "no-edns":
            return [(0, build(question, 1, opt=False) if question.has_opt else right)]
        if mode in RCODES:
            return [(0, build(question, RCODES[mode]))]
        if mode.startswith("truncated") and by == "udp":
            return [(0, build(question, 0, truncated=True))]
        return {
            "": [(0, right)],
            "truncated": [(0, right)],
            "truncated-silent": [],
            "silent": [],
            "garbage": [(0, packet_id(question) + b"\xff" * 40)],
            "broken": [(0, build(question, 0, [(question.labels, 1, b"")] * 3)[:-9] + b"\xff" * 9)],
            "empty": [(0, b"")],
            "short": [(0, right[:6])],
            "wrong-id": [(0, build(question, rcode, records, id=1))] + late,
            "wrong-question": [(0, build(question, rcode, records, section=other))] + late,
        }[mode]


def packet_id(question):
    return struct.pack(">H", question.id)


def main():
    parser = argparse.ArgumentParser(description="a DNS server that answers from a table")
    parser.add_argument("--listen", default="127.0.0.1@0", metavar="ADDRESS@PORT")
    parser.add_argument("zones", metavar="ZONEFILE")
    options = parser.parse_args()
    host, _, port = options.listen.partition("@")

    def read():
        with open(options.zones, encoding="latin-1") as file:
            return file.read()
    signals = {signal.SIGHUP, signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    server = DnsServer(read(), host, int(port or 53)).start()
    print("listening", server.address, flush=True)
    while signal.sigwait(signals) == signal.SIGHUP:
        try:
            server.load(read())
        except (OSError, ValueError) as error:
            print(error, file=sys.stderr)
    server.stop()


if __name__ == "__main__":
    main()
