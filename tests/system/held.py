"""held - very many clients of policyd that keep their connection open and ask now and then, as login processes do.

    held.py DICT-SOCKET NUMBER SECONDS ROUTE-SOCKET NUMBER SECONDS ADDRESS-WITH-%d RESULT

Each of NUMBER clients asks once in SECONDS.  One that is closed comes back as soon as it can; one that has no answer yet
asks no second time.  At TERM a JSON object is
written to RESULT: answers as [kind, unix time, ms from the question written to its answer read], closed as [kind, unix
time], wrong (answers that are no route), and unanswered: questions that had no answer at the end.  `open` is printed once
all are.  A process of its own, which goes before all others where it may: what it measures must not wait for its own
turn.
"""
import collections
import contextlib
import heapq
import json
import os
import pathlib
import select
import signal
import socket
import sys
import time

from policyd import netstring

AGAIN = 0.2         # seconds until the next try, where policyd is not there
GREETING = {"dict": b"H3\t2\t0\t\tcutover\n", "route": b""}


class Held:
    def __init__(self, kind, path, number):
        self.kind, self.path, self.number = kind, path, number
        self.socket, self.asked, self.data = None, None, b""

    def connect(self):
        self.socket = socket.socket(socket.AF_UNIX)
        try:
            self.socket.connect(self.path)
            if GREETING[self.kind]:
                self.socket.sendall(GREETING[self.kind])
        except OSError:
            self.close()
            return False
        self.socket.setblocking(False)
        return True

    def close(self):
        self.socket.close()
        self.socket, self.asked, self.data = None, None, b""

    def question(self, address):
        if self.kind == "dict":
            return f"Lshared/route/imap/{address}\timap/{address}\n".encode()
        return netstring(f"transport {address}")

    def is_whole(self):
        return self.data[-1:] == (b"\n" if self.kind == "dict" else b",")

    def is_route(self):
        return self.data.startswith(b"O{") if self.kind == "dict" else b":OK cutover-" in self.data


class Clients:
    def __init__(self, address):
        self.address = address
        self.poll = select.epoll()
        self.by_fd, self.away = {}, collections.deque()
        self.due = []           # (when, number of the client, seconds)
        self.every = []
        self.answers, self.closed, self.wrong = [], [], []
        self.over = False

    def add(self, kind, path, number, seconds):
        for n in range(number):
            client = Held(kind, path, len(self.every))
            self.every.append(client)
            self.away.append(client)
            heapq.heappush(self.due, (time.monotonic() + seconds * (n + 1) / number, client.number, seconds))

    def come_back(self):
        """All that are away, until one can't; True where nobody is left."""
        while self.away:
            client = self.away[0]
            if not client.connect():
                return False
            self.away.popleft()
            self.by_fd[client.socket.fileno()] = client
            self.poll.register(client.socket, select.EPOLLIN)
            if client.kind == "route":
                self.ask(client)        # without a hello; who asks nothing at first is sent away
        return True

    def ask_some(self):
        """Those whose time has come; when the next one's is."""
        while self.due[0][0] <= time.monotonic():
            when, number, seconds = self.due[0]
            heapq.heapreplace(self.due, (when + seconds, number, seconds))
            client = self.every[number]
            if client.socket is not None and client.asked is None:
                self.ask(client)
        return self.due[0][0]

    def ask(self, client):
        question = client.question(self.address % client.number)
        client.asked = time.monotonic()
        try:
            client.socket.sendall(question)
        except OSError:
            self.lost(client)

    def lost(self, client):
        self.closed.append([client.kind, time.time()])
        del self.by_fd[client.socket.fileno()]
        self.poll.unregister(client.socket)
        client.close()
        self.away.append(client)

    def hear(self, client):
        try:
            data = client.socket.recv(4096)
        except OSError:
            data = b""
        if not data:
            self.lost(client)
            return
        client.data += data
        if not client.is_whole() or client.asked is None:
            return
        self.answers.append([client.kind, time.time(), (time.monotonic() - client.asked) * 1000])
        if not client.is_route():
            self.wrong.append([client.kind, time.time(), client.data.decode("utf-8", "replace")])
        client.asked, client.data = None, b""

    def run(self):
        again = 0
        while not self.over:
            wait = self.ask_some() - time.monotonic()
            if self.away and again <= time.monotonic():
                self.come_back()
                again = time.monotonic() + AGAIN
            if self.away:
                wait = min(wait, again - time.monotonic())
            for fd, _ in self.poll.poll(max(0.0, min(wait, 1.0))):
                self.hear(self.by_fd[fd])

    def end(self, *unused):
        self.over = True

    def result(self):
        return {"answers": self.answers, "closed": self.closed, "wrong": self.wrong, "away": len(self.away),
                "unanswered": sum(client.asked is not None for client in self.every)}


def main():
    dict_path, dicts, dict_seconds, route_path, routes, route_seconds, address, result = sys.argv[1:]
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    clients = Clients(address)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, clients.end)
    clients.add("dict", dict_path, int(dicts), float(dict_seconds))
    clients.add("route", route_path, int(routes), float(route_seconds))
    if clients.come_back():
        print("open", flush=True)
    clients.run()
    pathlib.Path(result).write_text(json.dumps(clients.result()), encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main())
