"""fake_policyd - a socketmap that answers from a dictionary, for tests of what asks policyd.

    with FakePolicyd(folder / "route.sock") as policyd:
        policyd.answers["a@example.com"] = "OK cutover-old:[192.0.2.1]:25"
        ...; policyd.asked           # the keys, in their order

What isn't in the dictionary is answered NOTFOUND.
"""
import os
import pathlib
import socket
import threading


class FakePolicyd:
    def __init__(self, path, answers=None):
        self.path = pathlib.Path(path)
        self.answers = dict(answers or {})
        self.asked = []
        self.listener = None

    def __enter__(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(self.path))
        os.chmod(self.path, 0o666)
        self.listener.listen(64)
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *unused):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.path.unlink(missing_ok=True)

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(client,), daemon=True).start()

    def talk(self, client):
        with client, client.makefile("rb") as lines:
            while True:
                digits = b""
                while (octet := lines.read(1)) not in (b":", b""):
                    digits += octet
                if not digits:
                    return
                text = lines.read(int(digits) + 1)[:-1].decode()
                key = text.partition(" ")[2]
                self.asked.append(key)
                answer = self.answers.get(key, "NOTFOUND ").encode()
                client.sendall(b"%d:%s," % (len(answer), answer))


class FakePolicy(FakePolicyd):
    """Policy delegation: remembers the attributes it was asked with, answers DUNNO."""

    def talk(self, client):
        with client, client.makefile("r", encoding="utf-8") as lines:
            request = {}
            for line in lines:
                name, _, value = line.rstrip("\n").partition("=")
                if name:
                    request[name] = value
                    continue
                self.asked.append(request)
                request = {}
                client.sendall(b"action=DUNNO\n\n")
