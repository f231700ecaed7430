"""rehearsal - postshift-rehearsal beside a Cutover, by its configuration file.

    rehearsal = Rehearsal(cutover).start(); rehearsal.wait("example.com", lambda found: found["asked"] == 7)
"""
import json

from page import Page
from processes import BIN, Process, wait_for

PROGRAM = BIN / "postshift-rehearsal"


class Rehearsal(Page):
    def __init__(self, cutover, name="rehearsal", environment=None, **options):
        """options: keys of [rehearsal]."""
        self.cutover = cutover
        self.page_address = (cutover.page_address[0], 8796)
        cutover.more["rehearsal"] = {"state": cutover.folder / f"{name}.db", "metrics": "inet:%s:%d" % self.page_address, **options}
        cutover.write_config()
        self.process = Process([PROGRAM, "-c", cutover.config], cutover.folder / f"{name}.log", environment=environment)

    def start(self):
        self.process.start()
        return self

    def stop(self):
        return self.process.stop(seconds=5.0)

    def said(self, text):
        return [line for line in self.process.output().splitlines() if text in line]

    def look(self, domain):
        """What the verb says, as JSON."""
        done = self.cutover.ctl("rehearsal", domain, "--json", check=False)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def wait(self, domain, condition, seconds=30.0):
        last = {}

        def holds():
            assert self.process.running(), self.process.output()
            last.update(self.look(domain))
            return condition(last) and last
        try:
            return wait_for(holds, seconds, f"the rehearsal of {domain}", every=0.2)
        except AssertionError:
            raise AssertionError(f"{last}\n{self.process.output()}") from None
