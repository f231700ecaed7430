"""load FOLDER - mail through this machine's Postfix to two backends, until FOLDER/stop is there; then what became of it.

Numbered messages to user0000@example.com and on, one every 50 ms; a client that is told to come later does.  The
backends are at 127.0.0.21:2525 (old) and 127.0.0.22:2525 (new).  FOLDER/going is there once ten have arrived.  At the
end the queue is flushed until all have arrived, for a minute and a half at most, and FOLDER/result.json has `accepted`,
`arrived`, `later` (how often a client was told so), `lost` and `twice` (numbers of messages).
"""
import collections
import json
import pathlib
import re
import smtplib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

from sink import Sink  # noqa: E402

PAUSE, LAST = 0.05, 90


class Load:
    def __init__(self, folder):
        self.folder = folder
        self.sinks = [Sink(name, (f"127.0.0.{n}", 2525)).start() for name, n in (("old", 21), ("new", 22))]
        self.number = self.later = 0
        self.accepted = []

    def arrived(self):
        """What waited before we came has no number."""
        found = [re.search(rb"^Subject: number (\d+)$", copy.data, re.M) for sink in self.sinks for copy in list(sink.copies)]
        return [int(number[1]) for number in found if number]

    def send(self, number):
        """Whether the gateway has taken it."""
        message = f"Subject: number {number}\nFrom: <a@example.net>\nTo: <user{number:04}@example.com>\n\nx\n"
        try:
            with smtplib.SMTP("127.0.0.1", 25, local_hostname="client.example", timeout=60) as client:
                client.sendmail("a@example.net", [f"user{number:04}@example.com"], message)
        except (smtplib.SMTPException, OSError) as error:
            codes = [code for code, _ in error.recipients.values()] if isinstance(error, smtplib.SMTPRecipientsRefused) \
                else [getattr(error, "smtp_code", 421)]
            assert all(400 <= code < 500 or code == -1 for code in codes), error
            return False
        return True

    def go(self):
        while not (self.folder / "stop").exists():
            if self.send(self.number):
                self.accepted.append(self.number)
                self.number += 1
            else:
                self.later += 1
            if len(self.arrived()) > 10:
                (self.folder / "going").touch()
            time.sleep(PAUSE)

    def end(self):
        deadline = time.monotonic() + LAST
        while set(self.accepted) - set(self.arrived()) and time.monotonic() < deadline:
            subprocess.run(["postqueue", "-f"], check=False)
            time.sleep(1)
        counts = collections.Counter(self.arrived())
        result = {"accepted": len(self.accepted), "arrived": len(counts), "later": self.later,
                  "lost": sorted(set(self.accepted) - set(counts)), "twice": sorted(n for n, c in counts.items() if c > 1)}
        (self.folder / "result.json.new").write_text(json.dumps(result), encoding="ascii")
        (self.folder / "result.json.new").rename(self.folder / "result.json")


def main():
    load = Load(pathlib.Path(sys.argv[1]))
    load.go()
    load.end()


if __name__ == "__main__":
    main()
