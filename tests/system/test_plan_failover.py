"""Two controllers on one Redis with Sentinel: the primary, or a controller, is killed in mid-transition."""
import os
import time

import pytest

from mailsite import MailSite
from plansite import DOMAIN, PLAN, PlanSite, hook_file
from processes import Process, wait_for
from redis_server import RedisServer, Sentinel
from test_plan_cutover import FLUSH, Mail, controller, weight
from test_plan_cutover import events as plan_events
from test_plan_cutover import start as plan_start

BLOCK, MAIL_BLOCK, OTHER_BLOCK = "127.20.88", "127.20.89", "127.20.94"


class Pair(PlanSite):
    """`redis` is the one that is the primary now; `one` it was at first."""

    def __init__(self, folder):
        self.one = RedisServer(folder / "one", f"{BLOCK}.10").start()
        self.two = RedisServer(folder / "two", f"{BLOCK}.11", lines=[f"replicaof {BLOCK}.10 6379"]).start()
        self.sentinel = Sentinel(folder / "sentinel", f"{BLOCK}.12", 26379, self.one)
        super().__init__(folder, BLOCK, redis=self.one)
        self.sentinel.start(replicas=1)

    def controller(self, name="one", **options):
        made = super().controller(name, start=False, **options)
        made.redis_options = {"sentinels": f"inet:{BLOCK}.12:26379", "primary": "cutover", "timeout": "1s"}
        made.write_config()
        return made.start()

    def fail_over(self):
        """The primary is dead; the other takes its place."""
        self.redis = self.two
        wait_for(lambda: self.two.role() == "master", 40, "promoted", every=0.1)

    def stop(self):
        super().stop()
        for each in (self.one, self.two, self.sentinel):
            each.process.resume_and_kill()

    def agree(self, seconds=20, **fields):
        """All controllers show the same plan, after so long at most."""
        def is_so():
            return all(plan.get(name) == value for plan in (each.plan() for each in self.controllers if each.process.running())
                       for name, value in fields.items())
        wait_for(is_so, seconds, f"all say {fields}", every=0.1)


@pytest.fixture
def pair(folder):
    made = Pair(folder)
    yield made
    made.stop()


def replicated(pair, field, value, key=PLAN):
    wait_for(lambda: pair.two.command("HGET", key, field) == str(value), 10, f"{field} is replicated")


@pytest.mark.limit(180)
def test_the_primary_dies_while_a_step_is_prepared(pair, folder):
    body = f"echo $POSTSHIFT_TO >> {folder}/before\nwhile [ ! -e {folder}/go ]; do sleep 0.1; done"
    after = hook_file(folder, f"echo $POSTSHIFT_TO >> {folder}/after", "after")
    for name in ("one", "two"):
        pair.controller(name, before_advance=hook_file(folder, body), after_transition=after)
    pair.feed.start()
    pair.start(stages="30", stays="600s")
    wait_for((folder / "before").exists, 30, "the hook runs")
    replicated(pair, "step", 1)
    pair.one.kill()
    pair.fail_over()
    (folder / "go").touch()
    pair.wait_weight(30)
    pair.agree(state="running", stage=1, weight=30)
    assert len(pair.events("plan-advance")) == 1
    assert (folder / "before").read_text().split() == ["30"]
    wait_for((folder / "after").exists, 20, "what follows was run")
    time.sleep(2)       # nothing to wait for: nothing is to happen
    assert (folder / "after").read_text().split() == ["30"]


@pytest.mark.limit(180)
def test_a_controller_dies_while_it_prepares_a_step(pair, folder):
    """The other leaves it alone until its time is over, then takes it over; the first comes back and does nothing twice."""
    body = f"echo $POSTSHIFT_TO >> {folder}/before\n[ -e {folder}/go ] || sleep 600"
    both = {name: pair.controller(name, before_advance=hook_file(folder, body)) for name in ("one", "two")}
    pair.feed.start()
    pair.start(stages="30", stays="600s")
    wait_for((folder / "before").exists, 30, "the hook runs")
    owner = pair.get("step_by").removeprefix("gw-")
    both[owner].kill()
    (folder / "go").touch()
    time.sleep(3)       # nothing to wait for: nothing is to happen
    assert pair.weight() == "0"
    pair.redis.command("HSET", PLAN, "step_since", int(time.time()) - 905)
    pair.wait_weight(30)
    both[owner].start()
    pair.agree(state="running", stage=1, weight=30)
    time.sleep(2)       # nothing to wait for: nothing is to happen
    assert len(pair.events("plan-advance")) == 1 and (folder / "before").read_text().split() == ["30", "30"]


@pytest.mark.limit(180)
def test_the_primary_dies_with_a_transition_that_nobody_copied(pair):
    """All controllers saw it done; the new primary has what was before: an old state, which moves nothing."""
    both = [pair.controller(name) for name in ("one", "two")]
    pair.feed.start()
    pair.start(stays="6s 600s 600s")
    pair.wait_weight(30)
    pair.agree(state="running", stage=1)
    replicated(pair, "stage", 1)
    wait_for(lambda: both[0].gate("stay")["text"].startswith(("1 s", "2 s", "3 s")), 20, "the stay is nearly over", every=0.05)
    # Its connection is cut while it stands still, so that nothing lies there for it to read when it wakes.
    pair.two.pause()
    pair.one.command("CLIENT", "KILL", "TYPE", "replica")
    wait_for(lambda: pair.one.command("HGET", PLAN, "stage") == "2", 20, "the second stage", every=0.02)
    wait_for(lambda: all(each.plan()["stage"] == 2 for each in both), 10, "all have seen it", every=0.05)
    pair.one.kill()
    pair.two.resume()
    pair.fail_over()
    assert pair.two.command("HGET", PLAN, "stage") == "1"
    for each in both:
        wait_for(lambda: each.plan()["state"] == "bad" and "old state" in each.plan()["problem"], 20, "an old state", every=0.1)
    time.sleep(3)       # nothing to wait for: nothing is to happen
    assert pair.weight() == "30" and len(pair.events("plan-advance")) == 1
    assert [len(each.said("is lower than")) for each in both].count(0) == 0
    # A person takes it as it is; the stage's gates are asked anew.
    both[0].ctl("accept-state")
    pair.wait_weight(70)
    pair.agree(state="running", stage=2, weight=70)


@pytest.mark.limit(180)
def test_the_primary_dies_at_the_script(pair):
    """It stands still with the order in its hands, and never wakes; the other has the state before, and it is done once there."""
    for name in ("one", "two"):
        pair.controller(name)
    pair.feed.start()
    pair.start(stays="600s 600s 600s", state="paused")
    replicated(pair, "state", "paused")
    with pair.one.connect() as client:
        client.send("HSET", PLAN, "state", "waiting", "rev", int(time.time()) + 1)
        client.send("CLIENT", "PAUSE", 60000, "WRITE")
        client.read(), client.read()
    replicated(pair, "state", "waiting")
    wait_for(lambda: "cmd=eval" in pair.one.command("CLIENT", "LIST") or
             int(pair.one.command("INFO", "clients").split("blocked_clients:")[1].split()[0]) > 0, 20, "it has come to Redis")
    pair.one.kill()
    pair.fail_over()
    pair.wait_weight(30)
    pair.agree(state="running", stage=1, weight=30)
    assert len(pair.events("plan-advance")) == 1
    # The old primary comes back as a replica: nothing of before is believed.
    pair.one.start()
    wait_for(lambda: pair.one.role() == "slave", 40, "demoted")
    pair.agree(state="running", stage=1, weight=30)
    assert pair.get("weight", DOMAIN) == "30"


# --- with real mail: two gateways, each with its Postfix, policyd and controller ---

class Gateways:
    """A primary of Sentinel and its replica; two whole sites on it, with the same backends."""

    def __init__(self, folder):
        where = {"sentinels": f"inet:{MAIL_BLOCK}.9:26379", "primary": "cutover"}
        self.folder = folder
        self.one = MailSite(folder / "one", MAIL_BLOCK, redis_lines=where)
        self.two = MailSite(folder / "two", OTHER_BLOCK, beside=self.one, redis_lines=where)
        self.both = (self.one, self.two)
        self.primary = self.redis = self.one.redis
        self.replica = RedisServer(folder / "replica", f"{MAIL_BLOCK}.8", lines=[f"replicaof {MAIL_BLOCK}.2 6379"])
        self.sentinel = Sentinel(folder / "sentinel", f"{MAIL_BLOCK}.9", 26379, self.primary)
        self.where, self.controllers, self.helpers, self.mail = where, [], [], []
        for site in self.both:
            site.folder.chmod(0o755)

    def start(self):
        self.primary.start()
        self.primary.start = lambda: self.primary       # as MailSite would
        self.replica.start()
        self.sentinel.start(replicas=1)
        for number, site in enumerate(self.both):
            site.start()
            folder = site.folder / "controller"
            folder.mkdir()
            made = controller(site, folder, gateway=f"gw{number}")
            made.redis_options = {**self.where, "timeout": "1s"}
            made.write_config()
            self.controllers.append(made)
            self.helpers.append(Process([FLUSH, "--watch"], folder / "helper.log",
                                        environment={**os.environ, "POSTSHIFT_CONF": str(made.config), "MAIL_CONFIG": ""}).start())
            made.start()
        self.mail = [Mail(site) for site in self.both]
        return self

    def arrived(self):
        return len(self.one.old.copies) + len(self.one.new.copies)

    def stop(self):
        for mail in self.mail:
            mail.over.set()
        for program in (*self.helpers, *(each.process for each in self.controllers)):
            program.resume_and_kill()
        self.two.stop()
        self.one.stop()
        for server in (self.sentinel, self.replica):
            server.process.resume_and_kill()


@pytest.fixture
def gateways(folder):
    made = Gateways(folder)
    try:
        yield made.start()
    finally:
        made.stop()


@pytest.mark.limit(300)
def test_two_gateways_go_on_and_go_back(gateways):
    """Redis fails over between two stages, a controller is killed before new fails; nothing twice, nothing lost, all drained."""
    plan_start(gateways, stays="6s 600s 600s", slow="95 8s", fast_action="none")
    wait_for(lambda: weight(gateways) == "30", 40, "the first stage", every=0.1)
    wait_for(lambda: gateways.replica.command("HGET", PLAN, "stage") == "1", 10, "it is replicated")
    gateways.primary.kill()
    gateways.redis = gateways.replica
    wait_for(lambda: gateways.replica.role() == "master", 40, "promoted", every=0.1)
    wait_for(lambda: weight(gateways) == "70", 60, "the second stage", every=0.1)
    gateways.controllers[0].kill()
    gateways.one.new.refuse()
    wait_for(lambda: gateways.redis.command("HGET", PLAN, "state") == "rolled-back", 60, "it went back", every=0.1)
    assert weight(gateways) == "0"
    gateways.controllers[0].start()
    for mail in gateways.mail:
        mail.end()
    sent = sum(len(mail.sent) for mail in gateways.mail)
    wait_for(lambda: gateways.arrived() >= sent, 120, "all mail arrived", every=0.2)
    assert gateways.arrived() == sent
    assert [event["to"] for event in plan_events(gateways, "plan-advance")] == ["30", "70"]
    assert len(plan_events(gateways, "rollback")) == 1
    wait_for(lambda: sorted(event["host"] for event in plan_events(gateways, "drain")) == ["gw0", "gw1"], 60, "both have told it")
    assert all("left=0" in event["why"] for event in plan_events(gateways, "drain"))
    for site, each in zip(gateways.both, gateways.controllers):
        assert not site.gateway.log_lines("status=bounced")
        wait_for(lambda: each.audit()["waiting"] == 0, 60, "the books have it all", every=0.5)
        assert each.audit()["balanced"]
