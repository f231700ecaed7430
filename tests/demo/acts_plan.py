"""acts_plan - the acts in which a plan moves the domain while mail comes in, and new fails."""
import email
import json
import os
import threading
import time

from gateway import make_message
from processes import BIN, ROOT, Process, run, wait_for
from stage import DOMAIN

PEOPLE = [f"person{n}@{DOMAIN}" for n in range(100)]
EVERY = 0.07        # seconds from one message to the next


class Mail(threading.Thread):
    """A message to one after the other, until it is told to end."""

    def __init__(self, demo, story):
        super().__init__(daemon=True)
        self.demo, self.story, self.over, self.problem, self.number = demo, story, threading.Event(), None, 0
        self.start()

    def run(self):
        try:
            with self.demo.gateway.session() as client:
                while not self.over.wait(EVERY):
                    person = PEOPLE[self.number % len(PEOPLE)]
                    client.sendmail(f"{self.story}-{self.number}@outside.example", [person], make_message(
                        f"{self.story}@outside.example", f"{self.story} {self.number}", [("X-Story", self.story)]))
                    self.number += 1
                    self.demo.sent.update([person])
        except Exception as problem:    # told by the act
            self.problem = problem

    def end(self):
        self.over.set()
        self.join(20)
        self.demo.check(self.problem is None, f"mail could be handed in all the while: {self.problem}")


def shown(demo):
    """`plan show`, as a document."""
    return json.loads(run(BIN / "postshiftctl", "-c", demo.cutover.config, "plan", "show", DOMAIN, "--json", check=False).stdout)


def answers(plan):
    return {gate["name"]: gate["answer"] for gate in plan["gates"]}


def wait_for_plan(demo, condition, what, seconds=45):
    plan = {}

    def reached():
        plan.update(shown(demo))
        return condition(plan)

    wait_for(reached, seconds, what, every=0.2)
    return plan


def events(demo):
    return json.loads(run(BIN / "postshiftctl", "-c", demo.cutover.config, "events", "--json", "--limit", "100").stdout)


def copies(demo, backend):
    return len(demo.backends[backend].files())


def advances(demo):
    """By a plan: 30, 70, 100 while mail comes in"""
    demo.redis.start()
    demo.new.start()
    demo.ctl("--local", "clear", DOMAIN)
    pinned = next(p for p in PEOPLE if demo.side(p, 70) == "new")
    demo.ctl("unpin", pinned, quiet=True)
    demo.settle_unpinned(pinned)
    demo.books_ctl("set", DOMAIN, "weight=0")
    demo.settle(next(p for p in PEOPLE if demo.side(p, 30) == "new"), "cutover-old:")
    demo.say("Redis and the new backend are back, the weight is 0. A root helper waits to flush the queue, and mail comes in.")
    helper = Process([ROOT / "postfix-conf/flush", "--watch"], demo.folder / "flush.log", outlive=demo.outlive,
                     environment={**os.environ, "POSTSHIFT_CONF": str(demo.cutover.config), "MAIL_CONFIG": ""})
    demo.extras["flush"] = helper.start()
    demo.mail = Mail(demo, "plan")
    demo.books_ctl("plan", "start", DOMAIN, "--stages", "30 70 100", "--stays", "5s 5s 10m", "min_samples=10", "min_success=99",
                   "slow=95 10m", "fast=50 3s")
    wait_for_plan(demo, lambda plan: plan["weight"] == 30, "the first stage")
    wait_for_plan(demo, lambda plan: plan["weight"] == 70, "the second stage")
    wait_for_plan(demo, lambda plan: plan["weight"] == 100, "the third stage")
    moves = [event for event in events(demo) if event["what"] == "plan-advance"]
    demo.check([(move["from"], move["to"]) for move in moves] == [("0", "30"), ("30", "70"), ("70", "100")], f"its stages: {moves}")
    demo.say("It went on by itself, each time when every gate said yes:")
    demo.show(f"{time.strftime('%H:%M:%S', time.localtime(move['time']))}  {move['from']} -> {move['to']}  {move['why']}" for move in moves)
    wait_for_plan(demo, lambda plan: plan["stage"] == 3 and answers(plan).get("samples") == "yes", "mail on new")
    demo.say("Now it waits for the stay of the last stage:")
    demo.books_ctl("plan", "show", DOMAIN)


def goes_back(demo):
    """New fails under the plan: frozen at once, rolled back by a person, waiting mail follows"""
    pid = demo.new.process.pid
    demo.new.process.kill()
    demo.say(f"kill -9 {pid}: no new backend, at weight 100. The fast trigger:")
    plan = wait_for_plan(demo, lambda plan: plan["state"] == "paused", "the plan is frozen")
    demo.check(plan["weight"] == 100, f"a freeze moves nobody: {plan['weight']}")
    [freeze] = [event for event in events(demo) if event["what"] == "freeze"]
    demo.check(freeze["who"] == "fast-trigger", f"by the fast trigger: {freeze}")
    demo.show([plan["sentence"], f"why: {plan['why']}"])
    waiting = wait_for(lambda: len(demo.gateway.queued()), 10, "mail that waits")
    demo.say(f"A freeze moves nobody: {waiting} messages wait. Should it last, a person decides:")
    demo.books_ctl("rollback", DOMAIN, "--why", "new does not answer")
    demo.settle(PEOPLE[3], "cutover-old:")
    before = copies(demo, "old")
    wait_for(lambda: copies(demo, "old") >= before + 20, 20, "new mail is on old")
    demo.mail.end()
    demo.gateway.wait_until_empty(45)
    drain = wait_for(lambda: [event for event in events(demo) if event["what"] == "drain"], 30, "how long it took was told", every=0.2)[-1]
    figures = dict(word.split("=") for word in drain["why"].split())
    demo.check(figures["left"] == "0", f"nothing is left: {drain}")
    demo.say("Nobody flushed: the controller saw that policyd answers the new way, and the helper did it. What is told of it:")
    demo.show([f"drain: {drain['why']}"])
    demo.check(shown(demo)["state"] == "rolled-back", "the plan waits for a person")


def who_has_mail_on_new(demo):
    """Who has mail on new, and has anything been lost?"""
    demo.cutover.wait_for_delivered(demo.sent.total())
    people = {email.message_from_bytes(file.read_bytes())["Delivered-To"] for file in demo.new.files()}
    lines = demo.books_ctl("ledger", DOMAIN, quiet=True).splitlines()
    ledger = {unit["unit"]: unit["certainty"]
              for unit in json.loads(run(BIN / "postshiftctl", "-c", demo.cutover.config, "ledger", DOMAIN, "--json").stdout)["units"]}
    sure = {unit for unit, certainty in ledger.items() if certainty == "sure"}
    demo.check(sure <= people <= set(ledger), f"the ledger has who has mail on new: {sorted(people ^ set(ledger))}")
    demo.show([*lines[:4], f"... {len(ledger)} in all"])
    maybe = len(ledger) - len(sure)
    demo.say("Each of them has a copy on new, and nobody else has" + (f"; of {maybe} it isn't sure." if maybe else "."))
    demo.books_ctl("audit")
    # What was on its way to new when it was killed has lost its answer: perhaps it is on both sides.
    audit = demo.cutover.audit()
    demo.check(audit["balanced"] and not audit["lost"] and len(audit["double"]) <= 2, f"the books balance: {audit}")
    found = copies(demo, "old") + copies(demo, "new")
    demo.check(0 <= found - demo.sent.total() <= len(audit["double"]), f"{demo.sent.total()} accepted, {found} copies: {audit}")
    if audit["double"]:
        demo.say("The kill took an answer with it: that mail is on old, and perhaps on new as well; the books name it.")
