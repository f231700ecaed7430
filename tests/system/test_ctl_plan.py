"""postshiftctl plan, rollback, probe, events ack: a real Redis, a controller's page of the test's own."""
import json

import pytest

import plan_sample
from controller_page import ControllerPage
from processes import BIN, run
from redis_server import RedisServer

OLD, NEW = "cutover-old:[192.0.2.10]:25", "cutover-new:[192.0.2.20]:25"
PAGE = "127.20.71.4"


class World:
    """Redis and the tool; nobody else is there unless a test starts it."""

    def __init__(self, folder):
        self.folder = folder
        self.redis = RedisServer(folder / "redis", "127.20.71.2").start()
        self.config = folder / "postshift.conf"
        self.config.write_text(f"""[redis]
address = inet:127.20.71.2:6379
timeout = 1s
[policyd]
domains = example.com alias.example
override = {folder}/override
metrics = inet:127.20.71.3:8793
[cutover]
page = inet:{PAGE}:8794
books = {folder}/books.db
""")
        self.page = None

    def controller(self, *plans):
        self.page = ControllerPage(PAGE, plans=plans)
        return self.page

    def ctl(self, *words, check=True):
        return run(BIN / "postshiftctl", "-c", self.config, *words, check=check)

    def fails(self, code, *words):
        """The tool ends with this code; what it said on standard error."""
        done = self.ctl(*words, check=False)
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stderr

    def json(self, *words, check=True):
        return json.loads(self.ctl(*words, "--json", check=check).stdout)

    def state(self, domain="example.com", **fields):
        self.redis.set_domain(domain, **{"old": OLD, "new": NEW, "weight": 0, "inside": "accept", **fields})

    def plan(self, domain="example.com", **fields):
        self.redis.command("HSET", f"cutover:plan:{domain}", *(word for pair in fields.items() for word in pair))

    def hash(self, kind="plan", domain="example.com"):
        flat = self.redis.command("HGETALL", f"cutover:{kind}:{domain}")
        return dict(zip(flat[::2], flat[1::2]))

    def events(self):
        """(what, from, to, why), oldest first."""
        return [tuple(event[name] for name in ("what", "from", "to", "why")) for event in self.json("events")]

    def stop(self):
        if self.page:
            self.page.stop()
        self.redis.process.resume_and_kill()


@pytest.fixture
def world(folder):
    world = World(folder)
    world.state()
    yield world
    world.stop()


# start

def test_start_writes_what_the_controller_goes_by(world):
    said = world.ctl("plan", "start", "example.com", "--stages", "list:it 30 100", "--stays", "1h 3d 24h", "min_success=99.5",
                     "advance_window=Mon-Fri 08:00-16:00", "timezone=Europe/Berlin", "--why", "as agreed").stdout
    assert "the plan was none, is waiting" in said and "controller not asked" in said
    plan = world.hash()
    assert (plan["stages"], plan["stays"], plan["state"], plan["stage"]) == ("list:it 30 100", "1h 3d 24h", "waiting", "0")
    assert plan["min_success"] == "99.5" and int(plan["rev"]) > 1_700_000_000 and int(plan["since"]) > 1_700_000_000
    assert world.hash("domain")["weight"] == "0"
    assert world.events() == [("plan-start", "none", "waiting", "as agreed")]


def test_new_stages_do_not_keep_the_stays_of_the_old_ones(world):
    world.plan(stages="30 70 100", stays="1h 2h 3h", state="aborted", stage=2, why="enough")
    world.ctl("plan", "start", "example.com", "--stages", "50 100")
    assert "stays" not in world.hash() and world.hash()["state"] == "waiting" and "why" not in world.hash()


@pytest.mark.parametrize("words, code, says", [
    (["--stages", "70 30"], 1, "stages"), (["--stages", "30 100", "--stays", "3d"], 1, "stays"), (["min_success=101"], 1, "min_success"),
    (["slow=95"], 1, "slow"), (["state=done"], 2, "no field state that is set by hand"), (["stagse=30"], 2, "did you mean stages?"),
    (["min_success"], 2, "field=value"), (["slow=95 2h", "slow=90 1h"], 2, "given twice"), (["timezone=Europe/Nowhere"], 2, "no time zone"),
])
def test_start_refuses_what_is_no_plan(world, words, code, says):
    assert says in world.fails(code, "plan", "start", "example.com", *words)
    assert world.hash() == {} and world.events() == []


def test_start_is_refused_where_nothing_could_be_moved(world):
    world.redis.command("HDEL", "cutover:domain:example.com", "inside")
    assert "without `inside` is refused" in world.fails(4, "plan", "start", "example.com")
    assert world.hash() == {}
    world.ctl("plan", "start", "example.com", "--force")
    assert world.events()[0][3] == "(forced: a plan without `inside`)"
    world.redis.command("DEL", "cutover:plan:example.com")
    world.state(weight="30%")
    assert "its state is bad" in world.fails(4, "plan", "start", "example.com", "--force")
    world.state(weight=0, mode="hold")
    assert "not split" in world.fails(4, "plan", "start", "example.com", "--force")
    world.redis.set_domain("alias.example", same_as="example.com")
    assert "same_as another" in world.fails(4, "plan", "start", "alias.example")
    world.redis.command("DEL", "cutover:domain:alias.example")
    assert "it has no state" in world.fails(4, "plan", "start", "alias.example")


@pytest.mark.parametrize("state", ["waiting", "running", "paused"])
def test_a_plan_that_is_under_way_is_not_started_again(world, state):
    world.plan(state=state, stage=1)
    assert f"the plan is {state}" in world.fails(4, "plan", "start", "example.com", "--force")
    assert world.hash() == {"state": state, "stage": "1"}


# stop and go on

def test_pause_and_resume(world):
    world.plan(state="running", stage=1, since=1, step=2, step_by="gw2", step_since=2, order="advance", past="stay", weight=30)
    world.ctl("plan", "pause", "example.com", "--why", "the storage is full")
    plan = world.hash()
    assert plan["state"] == "paused" and plan["why"] == "the storage is full" and plan["stage"] == "1"
    assert not {"step", "step_by", "step_since", "order", "past"} & set(plan), "what was prepared is called off"
    assert "says nothing there" in world.fails(1, "plan", "pause", "example.com")
    world.ctl("plan", "resume", "example.com")
    plan = world.hash()
    assert plan["state"] == "running" and int(plan["since"]) > 1_700_000_000 and "why" not in plan
    assert [event[0] for event in world.events()] == ["plan-pause", "plan-resume"]


def test_abort_from_every_state(world):
    for state in ("waiting", "running", "paused", "done", "rolled-back"):
        world.plan(state=state, stage=1)
        world.ctl("plan", "abort", "example.com")
        assert world.hash()["state"] == "aborted", state
    assert "says nothing there" in world.fails(1, "plan", "abort", "example.com")


def test_a_bad_plan_can_be_stopped_and_begun_anew(world):
    world.plan(state="running", stages="nonsense", stage=1)
    world.ctl("plan", "pause", "example.com")
    assert world.hash()["state"] == "paused"
    assert "stages \"nonsense\"" in world.fails(1, "plan", "resume", "example.com")
    assert world.hash()["state"] == "paused"
    world.ctl("plan", "abort", "example.com")
    world.ctl("plan", "start", "example.com", "--stages", "50 100")
    assert world.hash()["state"] == "waiting"


def test_without_a_plan_there_is_nothing_to_say(world):
    for what in ("pause", "resume", "abort"):
        assert "there is no plan" in world.fails(1, "plan", what, "example.com")
    assert world.hash() == {}


def test_if_rev_is_the_plans(world):
    world.plan(state="running", stage=1, rev=7)
    assert "has rev 7, not 8" in world.fails(4, "plan", "pause", "example.com", "--if-rev", "8")
    assert world.hash()["state"] == "running"
    world.ctl("plan", "pause", "example.com", "--if-rev", "7")
    assert world.hash()["state"] == "paused" and int(world.hash()["rev"]) > 7


def test_a_key_of_another_type_is_told(world):
    world.redis.command("SET", "cutover:plan:example.com", "x")
    assert "is no hash" in world.fails(1, "plan", "start", "example.com")
    assert "is no hash" in world.fails(1, "plan", "show", "example.com")


# advance

def test_advance_without_a_controller_is_refused(world):
    world.plan(state="running", stage=1)
    said = world.fails(4, "plan", "advance", "example.com")
    assert "the controller, which asks the gates and sets the stage, can't be asked" in said and len(said.splitlines()) == 1
    assert world.hash() == {"state": "running", "stage": "1"}


def test_gates_that_do_not_say_yes_are_to_be_named(world):
    world.plan(state="running", stage=1)
    world.controller(plan_sample.RUNNING)
    said = world.fails(4, "plan", "advance", "example.com", "--past", "stay")
    assert "gate samples says no: 143 of 200 deliveries on new, about 2 h" in said and "gate judge says not-known" in said
    assert "gate stay" not in said and "2 gates are not yes" in said and world.hash() == {"state": "running", "stage": "1"}
    said = world.ctl("plan", "advance", "example.com", "--past", "stay", "samples", "judge").stdout
    assert "ordered to advance past stay samples judge" in said
    assert (world.hash()["order"], world.hash()["past"]) == ("advance", "stay samples judge")
    assert world.events()[-1][0] == "plan-order" and "stay samples judge" in world.events()[-1][2]


def test_advance_takes_only_gates_that_there_are(world):
    world.plan(state="running", stage=1)
    world.controller(plan_sample.RUNNING)
    assert "there is no gate stya" in world.fails(2, "plan", "advance", "example.com", "--past", "stya")
    assert "gates stand behind --past" in world.fails(2, "plan", "advance", "example.com", "stay")


# rollback

def test_rollback_takes_the_plan_along(world):
    world.state(weight=30, lists="vip it")
    world.plan(state="running", stages="list:it 30 100", stage=2, step=3, step_by="gw1", step_since=1)
    said = world.ctl("rollback", "example.com", "--why", "new is slow").stdout
    assert "example.com rollback: 30 -> 0" in said and "stay on new by the list vip" in said and "list it" not in said
    domain, plan = world.hash("domain"), world.hash()
    assert (domain["weight"], domain["lists"]) == ("0", "vip")
    assert (plan["state"], plan["why"]) == ("rolled-back", "new is slow") and "step" not in plan
    assert [event[:3] for event in world.events()] == [
        ("rollback", "30", "0"), ("lists", "vip it", "vip"), ("plan-rollback", "running", "rolled-back")]


def test_a_rollback_is_one_event_of_that_name(world):
    world.state(weight=30, lists="it", mode="new")
    world.plan(state="running", stages="list:it 30 100", stage=2)
    world.ctl("rollback", "example.com", "--all")
    assert sorted(event[0] for event in world.events()) == ["lists", "mode", "plan-rollback", "rollback"]


def test_rollback_of_a_plan_that_has_set_nothing_yet(world):
    world.plan(state="waiting")
    world.ctl("rollback", "example.com")
    assert world.hash()["state"] == "rolled-back"
    said = world.ctl("rollback", "example.com").stdout
    assert "nothing changes" in said and len(world.events()) == 1


def test_rollback_works_with_a_plan_that_is_nonsense(world):
    world.state(weight=30)
    world.plan(state="running", stages="nonsense")
    world.ctl("rollback", "example.com")
    assert world.hash("domain")["weight"] == "0" and world.hash()["state"] == "rolled-back"
    world.redis.command("DEL", "cutover:plan:example.com")
    world.redis.command("SET", "cutover:plan:example.com", "x")
    world.state(weight=30)
    world.ctl("rollback", "example.com")
    assert world.hash("domain")["weight"] == "0"


def test_an_edit_by_hand_leaves_the_plan_to_see_it(world):
    world.plan(state="running", stage=1, weight=0)
    world.ctl("set", "example.com", "weight=40")
    assert world.hash() == {"state": "running", "stage": "1", "weight": "0"}


def test_forget_ends_the_plan(world):
    world.state(old="site")
    world.plan(state="done", stage=1)
    world.ctl("forget", "example.com")
    assert "state" not in world.hash() and world.hash("domain")["mode"] == "forgotten"


# show

def test_show_is_what_the_controller_says(world):
    world.controller(plan_sample.RUNNING, plan_sample.ROLLED_BACK)
    said = world.ctl("plan", "show", "example.com").stdout
    assert all(len(line) <= 100 for line in said.splitlines()), said
    for part in ("example.com: running in stage 2 of 3, 70 %, for 5 h", "waits for: stay (19 h of 24 h left) and 2 more gates",
                 "running hook: after_transition, for", "weight 70 %; on new: 69.41 % of the mail, 70.12 % of the units",
                 "stages: 30 %, over  >  [70 %, 19 h left]  >  100 %, for 24 h"):
        assert part in said, part
    rows = [line.split(None, 2) for line in said.splitlines()]
    assert ["samples", "no", "143 of 200 deliveries on new, about 2 h"] in rows
    assert any(row[:2] == ["judge", "not-known"] for row in rows)
    shown = world.json("plan", "show", "example.com")
    assert shown["source"] == "controller" and {name: shown[name] for name in plan_sample.RUNNING} == plan_sample.RUNNING
    back = world.ctl("plan", "show", "rolled.example", check=False).stdout
    assert "why: availability of new 43.10 % for 2 h (below 95 %)" in back and "to do: postshiftctl ledger rolled.example" in back


def test_show_without_a_controller_is_what_redis_says(world):
    world.state(weight=30)
    world.plan(state="paused", stage=1, why="a storm", since=1795560000)
    done = world.ctl("plan", "show", "example.com", check=False)
    assert done.returncode == 1 and "controller not asked" in done.stdout
    assert "example.com: paused in stage 1 of 3, 30 %" in done.stdout and "why: a storm" in done.stdout
    assert "waits for: a person who says resume" in done.stdout and "to do: postshiftctl plan resume example.com" in done.stdout
    shown = world.json("plan", "show", "example.com", check=False)
    assert (shown["source"], shown["state"], shown["stage"], shown["weight"], shown["gates"]) == ("redis", "paused", 1, 30, [])
    assert "refused" in shown["controller_not_asked"]


def test_show_of_no_plan_and_of_a_bad_one(world):
    assert "example.com has no plan" in world.fails(1, "plan", "show", "example.com")
    world.plan(state="running", stays="3d")
    done = world.ctl("plan", "show", "example.com", check=False)
    assert done.returncode == 1 and "the plan is bad and moves nothing: stays" in done.stdout


# probe accept, events ack

def test_probe_accept_expects_the_certificate_that_was_seen(world):
    assert "no certificate of new has been seen" in world.fails(1, "probe", "accept", "example.com", "new")
    world.redis.command("HSET", "cutover:probe:example.com", "new", "aa11", "new_seen", "bb22", "old", "cc", "old_seen", "cc")
    world.ctl("probe", "accept", "example.com", "new", "--why", "renewed")
    assert world.hash("probe")["new"] == "bb22"
    assert world.events() == [("probe-pin", "aa11", "bb22", "renewed")]
    assert "expected one already" in world.ctl("probe", "accept", "example.com", "old").stdout
    assert "neither old nor new" in world.fails(2, "probe", "accept", "example.com", "both")
    assert len(world.events()) == 1


def test_an_event_is_acknowledged_once(world):
    world.state(weight=30)
    world.ctl("rollback", "example.com")
    number = world.json("events")[0]["id"]
    assert "rollback of example.com: acknowledged" in world.ctl("events", "ack", number).stdout
    who = world.redis.command("GET", f"cutover:acked:{number}")
    assert who and 7 * 86400 < world.redis.command("TTL", f"cutover:acked:{number}") <= 8 * 86400
    assert "acknowledged already, by " + who in world.ctl("events", "ack", number).stdout
    assert [event["what"] for event in world.json("events")] == ["rollback", "ack"]
    assert "there is no event" in world.fails(1, "events", "ack", "1-0")
    assert "is no id" in world.fails(2, "events", "ack", "yesterday")
