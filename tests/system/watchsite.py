"""watchsite - all daemons of a gateway, a plan that runs, and their pages of metrics.  They log JSON.

    site = WatchSite(folder, "127.20.97").start(); site.page("policyd"); site.families("auth"); site.stop()

The block is laid out as plansite has it; .10 is policyd, .11 auth, .12 scan, .13 undo, .14 the rehearsal.
"""
import contextlib
import json
import os
import re
import smtplib

import scanner
from authsite import AuthSite
from cutover import Cutover
from page import Page
from plansite import FAILED, PlanSite, hook_file
from policyd import Policyd
from processes import BIN, Process, wait_for
from rehearsal import Rehearsal


def families(page):
    """{name: (type, {series: value})} of a page; series as {labels: value}, labels a frozenset of pairs, buckets left out."""
    found, owner = {}, None
    for line in page.splitlines():
        if line.startswith("# TYPE "):
            _, _, owner, kind = line.split(" ")
            found[owner] = (kind, {})
        elif line and not line.startswith("#"):
            name, labels, value = re.fullmatch(r'([a-z0-9_]+)(?:\{(.*)\})? (\S+)', line).groups()
            if name in (owner, owner + "_count"):
                pairs = re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', labels or "")
                found[owner][1][frozenset(pairs)] = float(value)
    return found


JSON = {"format": "json"}


def log_json(config):
    with open(config, "a", encoding="utf-8") as file:
        file.write("[log]\nformat = json\n")


class Undo(Page):
    """postshift-undo by itself."""

    def __init__(self, folder, address):
        folder.mkdir()
        (folder / "journal").mkdir()
        self.sock, self.page_address = folder / "undo.sock", (address, 8795)
        key, config = folder / "undo.key", folder / "postshift.conf"
        key.write_bytes(os.urandom(32))
        key.chmod(0o400)
        config.write_text(f"[cutover]\nundo = 2d\nundo_key = {key}\nundo_folder = {folder}/journal\nundo_listen = unix:{self.sock}\n"
                          f"undo_metrics = inet:{address}:8795\n")
        log_json(config)
        self.process = Process([BIN / "postshift-undo", "-c", config], folder / "undo.log")

    def start(self):
        self.process.start()
        wait_for(self.is_well, 10, "postshift-undo's page")
        with smtplib.LMTP(str(self.sock)) as client:
            client.sendmail("s@outside.example", ["undo@undo.postshift.invalid"], "Subject: x\r\n\r\nx\r\n")
        return self


class WatchSite:
    def __init__(self, folder, block):
        self.folder, self.block = folder, block
        self.plans = PlanSite(folder, block)
        self.daemons = {}
        self.ends = contextlib.ExitStack()
        self.ends.callback(self.plans.stop)
        for name in ("auth", "scan"):
            (folder / name).mkdir()

    def start(self):
        self.begin()
        return self.wait()

    def begin(self):
        hook = hook_file(self.folder, "exit 0")
        self.daemons["cutover"] = self.plans.controller(after_transition=hook, start=False)
        log_json(self.daemons["cutover"].config)
        self.daemons["cutover"].start()
        self.plans.start()
        self.plans.feed.start()
        self.daemons["policyd"] = Policyd(self.folder, f"{self.block}.10", redis=self.plans.redis, domains="example.com", log_routes="yes")
        log_json(self.daemons["policyd"].config)
        self.ends.callback(self.daemons["policyd"].stop)
        self.daemons["policyd"].start()
        self.auth = AuthSite(self.folder / "auth", f"{self.block}.11")
        self.auth.milter.sections["log"] = JSON
        self.ends.callback(self.auth.stop)
        self.auth.start()
        self.daemons["auth"] = self.auth.milter
        self.daemons["scan"] = scanner.start(self.folder / "scan", f"{self.block}.12", log=JSON)
        self.ends.callback(self.daemons["scan"].stop)
        self.daemons["undo"] = Undo(self.folder / "undo", f"{self.block}.13")
        self.ends.callback(self.daemons["undo"].process.resume_and_kill)
        self.daemons["undo"].start()
        # By a file of its own, so that no plan waits for it.
        beside = Cutover(self.folder, f"{self.block}.14", redis=self.plans.redis, domains="example.com", name="beside",
                         books=self.daemons["cutover"].books, rehearsal="95")
        self.daemons["rehearsal"] = Rehearsal(beside)
        log_json(beside.config)
        self.ends.callback(self.daemons["rehearsal"].process.resume_and_kill)
        self.daemons["rehearsal"].start()

    def wait(self):
        """Until everything has happened that has a metric."""
        self.plans.wait_weight(30)
        cutover = self.daemons["cutover"]
        log = self.plans.logs[0]
        log.append(log.line("postfix/qmgr", "B0000001: from=<s@outside.example>, size=400, nrcpt=1 (queue active)") +
                   log.line("postfix/cutover-new/smtp", "B0000001: to=<b@example.com>, relay=none, delay=0.1, "
                            f"delays=0.05/0/0.05/0, {FAILED}"))
        wait_for(lambda: "postshift_oldest_waiting_seconds{" in cutover.page()[1], 30, "what waits")
        wait_for(lambda: cutover.metric('postshift_cutover_probe_success{domain="example.com",backend="new"}') == 1, 30, "a probe")
        wait_for(lambda: cutover.metric('postshift_cutover_availability_ratio{domain="example.com",backend="new",window="fast"}', -1) >= 0,
                 30, "availability of new")
        wait_for(lambda: self.daemons["rehearsal"].metric('postshift_rehearsal_movers{domain="example.com"}') >= 0, 30, "who moves next")
        self.daemons["rehearsal"].wait_until_well()
        wait_for(lambda: self.daemons["undo"].metric("postshift_undo_covers_since_timestamp_seconds") > 0, 30, "a copy")
        return self

    def page(self, program):
        status, text = self.daemons[program].page()
        assert status == 200, text
        return text

    def families(self, program):
        return families(self.page(program))

    def lines(self, program):
        """What it has logged: each line an object."""
        return [json.loads(line) for line in self.daemons[program].process.output().splitlines()]

    def stop(self):
        self.ends.close()
