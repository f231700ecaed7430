"""A plan when things break: what was stopped and woken, what Redis refuses, hooks, nonsense; no advance, one line, then on."""
import os
import pathlib
import time

import pytest

from plansite import DOMAIN, PLAN, PlanSite, hook_file
from processes import BIN, ROOT, SANITIZED, wait_for
from redis_server import RedisError

BLOCK = "127.20.87"


@pytest.fixture
def site(folder):
    made = PlanSite(folder, BLOCK)
    yield made
    made.stop()


def in_first_stage(site, **fields):
    """One controller, mail on both sides, the first stage in force."""
    made = site.controller()
    site.feed.start()
    site.start(**fields)
    site.wait_weight(30)
    return made


# --- stopped and woken ---

def test_what_was_decided_before_redis_stood_still_is_not_written(site):
    """The order to advance lies at Redis for longer than what was read holds; then it is decided anew."""
    made = site.controller(redis_lines={"timeout": "60s"})
    with site.redis.connect(seconds=60) as client:
        site.start(state="paused", stays="600s 600s 600s")
        wait_for(lambda: made.plan()["state"] == "paused", 10, "it is read")
        client.send("HSET", PLAN, "state", "waiting", "rev", int(time.time()) + 1)
        client.send("CLIENT", "PAUSE", 14000, "WRITE")
        client.read(), client.read()
    wait_for(lambda: made.said("plan-advance of example.com: not done"), 40, "it was refused for its age")
    site.wait_weight(30)
    assert len(site.events("plan-advance")) == 1 and len(made.said("not done")) == 1


def test_a_controller_that_was_stopped_reads_what_it_missed(site):
    """Its stay is over when it wakes; what another gateway counted meanwhile is bad."""
    made = in_first_stage(site, stays="10s 600s 600s")
    made.wait_gate("samples", "yes")
    made.process.pause()
    try:
        began = int(time.time())
        wait_for(lambda: time.time() > began + 14, 20, "longer than its figures hold", every=0.2)
        for slot in range(began + 1, began + 12):
            site.redis.command("HSET", f"cutover:stat:example.com:new:{slot}", "fail", 500)
    finally:
        made.process.resume()
    made.wait_gate("samples", "not-known", "was stopped for", 5)
    made.wait_gate("success", "no")
    assert site.weight() == "30" and len(site.events("plan-advance")) == 1


@pytest.mark.limit(120)
def test_a_part_of_the_figures_pulls_no_trigger(site):
    """A stage of three hours, all of it good but the last seconds; a controller that starts reads it in parts."""
    now = int(time.time())
    with site.redis.connect() as client:
        client.pipeline([["HSET", f"cutover:stat:example.com:new:{slot}", *(("fail", 10) if slot >= now - 12 else ("ok", 10))]
                         for slot in range(now - 11000, now + 1)])
    site.redis.set_domain("example.com", weight=30, rev=now)
    site.start(state="running", stage=1, since=now - 11000, weight=30, stays="9h 600s 600s", slow="95 2h", slow_action="rollback")
    made = site.controller()
    wait_for(lambda: made.gate("success")["text"].startswith("99."), 60, "all was read", every=0.1)
    assert site.get("state") == "running" and not site.events("rollback")


# --- clocks ---

SHIFTED = pathlib.Path(os.environ.get("POSTSHIFT_FAKES") or BIN.parent / "obj-plain/fakes") / "libshifted_clock.so"


@pytest.fixture
def clock(folder):
    if SANITIZED or not SHIFTED.exists():
        pytest.skip("a sanitizer wants to be loaded first")
    path = folder / "clock"
    path.write_text("0")
    return path


def environment(clock):
    return {"LD_PRELOAD": str(SHIFTED), "SHIFTED_CLOCK": str(clock)}


@pytest.mark.parametrize("seconds", [3600, -3600])
def test_a_clock_that_is_set(site, clock, seconds):
    """By it the stay is over; nothing is believed then, and nobody else is disturbed."""
    made = site.controller(environment=environment(clock))
    site.feed.start()
    site.start(stays="1800s 600s 600s")
    site.wait_weight(30)
    made.wait_gate("samples", "yes")
    clock.write_text(str(seconds))
    made.wait_gate("samples", "not-known", f"{'ahead of' if seconds > 0 else 'behind'} Redis'")
    if seconds > 0:
        made.wait_gate("stay", "yes")
    time.sleep(2)       # nothing to wait for: nothing is to happen
    assert site.weight() == "30"
    clock.write_text("0")
    made.wait_gate("samples", "not-known", "the clock was set")
    time.sleep(2)       # nothing to wait for: nothing is to happen
    assert site.weight() == "30" and len(site.events("plan-advance")) == 1


def test_a_clock_that_was_always_wrong(site, clock):
    """Of two controllers the one whose clock is ahead does not end a stay before its time."""
    clock.write_text("3600")
    wrong = site.controller(name="two", environment=environment(clock))
    site.feed.start()
    site.start(stays="1800s 600s 600s")
    site.wait_weight(30)
    wrong.wait_gate("samples", "not-known", "ahead of Redis'")
    time.sleep(3)       # nothing to wait for: nothing is to happen
    assert site.weight() == "30" and len(site.events("plan-advance")) == 1


def test_a_log_that_says_nothing_while_the_probe_succeeds(site, clock):
    """Ten minutes pass for the controller; what it has counted before no longer counts."""
    made = site.controller(environment={"LD_PRELOAD": str(SHIFTED), "SHIFTED_STEADY": str(clock)})
    site.feed.start()
    site.start(stays="15s 600s 600s")
    site.wait_weight(30)
    made.wait_gate("samples", "yes")
    site.feed.end()
    wait_for(lambda: made.rows("SELECT count(*) FROM recipient WHERE end IS NOT NULL AND end != 0")[0][0] >= site.logs[0].number, 15,
             "all of it is read", every=0.2)
    clock.write_text("650")
    made.wait_gate("samples", "not-known", "no line of Postfix for 10 min, though the probe of new succeeds")
    made.wait_gate("stay", "yes")
    time.sleep(2)       # nothing to wait for: nothing is to happen
    assert site.weight() == "30" and len(made.said("no line of Postfix has come")) == 1
    assert "no line of Postfix for 10 min" in made.ctl("plan", "show", "example.com", check=False).stdout


# --- a step that another prepares ---

@pytest.mark.parametrize("age, taken", [(890, False), (905, True)])
def test_a_step_of_a_dead_gateway_is_taken_over(site, folder, age, taken):
    hook = hook_file(folder, f"echo $$ >> {folder}/ran")
    site.start(step=1, step_by="gw-dead", step_since=int(time.time()) - age)
    made = site.controller(before_advance=hook)
    if taken:
        site.wait_weight(30)
        assert len((folder / "ran").read_text().split()) == 1
        return
    wait_for(lambda: made.plan()["step"], 10, "it is shown")
    time.sleep(3)       # nothing to wait for: nothing is to happen
    assert site.weight() == "0" and not (folder / "ran").exists()
    site.redis.command("HSET", PLAN, "step_since", int(time.time()) - 905)
    site.wait_weight(30)


# --- what Redis refuses ---

def full(client):
    used = int(client.command("INFO", "memory").split("used_memory:")[1].split()[0])
    client.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
    client.command("CONFIG", "SET", "maxmemory", used // 2)


def hash_for_text(key):
    def spoil(client):
        client.command("RENAME", key, "aside")
        client.command("SET", key, "text")
    return spoil


def hash_again(key):
    def mend(client):
        client.command("RENAME", "aside", key)
    return mend


def count_for_text(client):
    client.command("SET", f"cutover:stat:example.com:new:{int(time.time()) + 1}", "text", "EX", "8")


ALLOWED = ("+eval", "+time")
TROUBLE = {
    "full": (full, lambda client: client.command("CONFIG", "SET", "maxmemory", 0), "OOM"),
    "read only": (lambda client: client.command("REPLICAOF", f"{BLOCK}.9", 6379), lambda client: client.command("REPLICAOF", "NO", "ONE"),
                  "READONLY"),
    "no script": (lambda client: client.command("ACL", "SETUSER", "default", "-eval"),
                  lambda client: client.command("ACL", "SETUSER", "default", "+eval"), "NOPERM"),
    "no time": (lambda client: client.command("ACL", "SETUSER", "default", "-time"),
                lambda client: client.command("ACL", "SETUSER", "default", "+time"), "NOPERM"),
    "plan is text": (hash_for_text(PLAN), hash_again(PLAN), "its key is no hash"),
    "domain is text": (hash_for_text(DOMAIN), hash_again(DOMAIN), "the domain's own hash can't be read"),
    "events are text": (lambda client: hash_for_text("cutover:events")(client), hash_again("cutover:events"), "WRONGTYPE"),
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_redis_refuses_in_the_middle_of_a_plan(site, trouble):
    spoil, mend, word = TROUBLE[trouble]
    made = in_first_stage(site, stays="6s 600s 600s")
    before = site.get("rev")
    with site.redis.connect() as client:
        spoil(client)
        try:
            wait_for(lambda: made.said(word), 20, "it was told")
            lines = len(made.said(word))
            time.sleep(8)       # nothing to wait for: nothing is to happen, though the stay is over
            told = [line for line in made.said(word) if "plan" in line]
            assert len(told) <= 1, told
            assert len(made.said(word)) <= lines + 6, made.said(word)
        finally:
            mend(client)
    assert site.weight() == "30" and site.get("rev") == before
    site.wait_weight(70)
    assert [event["to"] for event in site.events("plan-advance")][-1] == "70"
    assert made.plan()["state"] == "running"


def test_counts_of_another_type_hold_it_up(site):
    made = in_first_stage(site, stays="5s 600s 600s")
    with site.redis.connect() as client:
        key = f"cutover:stat:example.com:old:{int(time.time()) + 1}"
        client.command("SET", key, "text")
        made.wait_gate("samples", "not-known", "can't be read", 15)
        made.wait_gate("stay", "yes")
        time.sleep(2)       # nothing to wait for: nothing is to happen
        assert site.weight() == "30" and len(made.said("redis refuses to read counts: WRONGTYPE")) == 1
        client.command("DEL", key)
    site.wait_weight(70, 240)


def test_scripts_flushed(site):
    in_first_stage(site, stays="4s 600s 600s")
    site.redis.command("SCRIPT", "FLUSH")
    site.wait_weight(70)


def test_with_the_user_that_is_proposed(site, folder):
    """postfix-conf/redis-users.acl."""
    [line] = [line for line in (ROOT / "postfix-conf/redis-users.acl").read_text().splitlines()
              if line.startswith("user postshift-cutover ")]
    site.redis.command("ACL", "SETUSER", "postshift-cutover", *line.split()[2:], "on", ">secret")
    secret = folder / "secret"
    secret.write_text("secret\n")
    secret.chmod(0o600)
    made = site.controller(redis_lines={"username": "postshift-cutover", "password_file": secret})
    site.feed.start()
    site.start()
    site.wait_weight(70)
    assert not made.said("redis refuses")


# --- hooks ---

def spoiled(path, how):
    if how == "not root's":
        os.chown(path, 65534, 65534)
    elif how == "writable":
        path.chmod(0o777)
    elif how == "a folder":
        path.unlink()
        path.mkdir()
    elif how == "gone":
        path.unlink()
    elif how == "not executable":
        path.chmod(0o644)


SPOILED = {"not root's": "does not belong to root", "writable": "may be written by others", "a folder": "is no file",
           "gone": "No such file", "not executable": "can't be executed"}


@pytest.mark.parametrize("how", SPOILED)
def test_a_hook_that_may_not_be_run_pauses(site, folder, how):
    """It was good when the controller started."""
    path = hook_file(folder, "exit 0")
    made = site.controller(before_advance=path)
    spoiled(path, how)
    site.start()
    site.wait_state("paused")
    assert site.weight() == "0" and site.get("why") == "before_advance failed"
    wait_for(lambda: site.events("hook-end"), 10, "its end was told")
    assert SPOILED[how] in site.events("hook-end")[0]["why"]
    assert len(made.said("hook: kind=before_advance")) == 1
    assert SPOILED[how] in made.ctl("plan", "show", "example.com", check=False).stdout


def test_a_hook_that_prints_megabytes(site, folder):
    path = hook_file(folder, "yes 'a line of some length, again and again' | head -c 30000000\nhead -c 3000000 /dev/zero\necho\necho note=kept")
    made = site.controller(before_advance=path)
    site.start()
    site.wait_weight(30)
    assert len(made.process.output()) < 100000
    assert site.events("hook-end")[0]["why"].endswith("note=kept")


def test_a_hook_that_was_cut_off_is_run_again(site, folder):
    """Its controller was killed, not it; once it has ended it stays so."""
    path = hook_file(folder, f"echo x >> {folder}/runs; [ -e {folder}/quick ] || exec sleep 600")
    made, other = site.controller(after_transition=path), site.controller(name="two")
    site.start(stays="600s 600s 600s")
    wait_for(lambda: (folder / "runs").exists(), 20, "it runs")
    [key] = site.redis.command("KEYS", "cutover:claim:*:after_transition")
    assert site.redis.command("GET", key) == "gw-one"
    made.kill()
    (folder / "quick").touch()
    made.start()
    wait_for(lambda: site.redis.command("GET", key) == "done", 20, "it was run to its end")
    made.kill()
    made.start()
    wait_for(lambda: made.plan().get("events"), 10, "it has read the events")
    time.sleep(3)       # nothing to wait for: nothing is to happen
    assert (folder / "runs").read_text().split() == ["x", "x"] and other.plan()["state"] == "running"


def test_a_hook_of_a_gateway_that_never_comes_back_is_taken_over(site, folder):
    """Its claim runs out; what was done to its end stays so."""
    path = hook_file(folder, f"cat >> {folder}/news")
    now = int(time.time())
    dead, done = f"{now}000-7", f"{now}000-8"
    site.redis.command("SET", f"cutover:claim:{dead}:notify", "gw-dead", "EX", 5)
    site.redis.command("SET", f"cutover:claim:{done}:notify", "done", "EX", 600)
    for event in (dead, done):
        site.redis.command("XADD", "cutover:events", event, "time", now, "who", "anna", "host", "gw-dead", "domain", "example.com",
                           "what", "plan-abort", "from", "", "to", "", "why", "", "rev", "")
    made, other = site.controller(notify=path), site.controller(name="two", notify=path)
    wait_for(lambda: site.redis.command("GET", f"cutover:claim:{dead}:notify") == "done", 40, "it was run to its end")
    assert (folder / "news").read_text().count(f"{dead}\",") == 1 and done not in (folder / "news").read_text()
    [begun] = site.events("hook-start")
    assert begun["why"].startswith("taken over from gw-dead")
    assert len(made.said("taken over from gw-dead") + other.said("taken over from gw-dead")) == 1


@pytest.mark.limit(120)
def test_notify_is_tried_three_times(site, folder):
    path = hook_file(folder, f"echo x >> {folder}/tries; exit 1")
    site.controller(notify=path)
    site.controller(name="two", notify=path)
    site.start(stays="600s 600s 600s")
    wait_for(lambda: (folder / "tries").exists() and len((folder / "tries").read_text().split()) == 3, 60, "three tries", every=0.2)
    time.sleep(5)       # nothing to wait for: nothing is to happen
    assert len((folder / "tries").read_text().split()) == 3


# --- who counts is not there ---

def test_a_log_that_is_gone_is_doubted_at_once(site):
    made = site.controller()
    log = site.logs[0]
    site.start(stays="600s 600s 600s")
    made.wait_gate("samples", "no")
    away = log.path.rename(log.path.with_name("somewhere.else"))
    made.wait_gate("samples", "not-known", "one.log can't be read: No such file", 20)
    assert len(made.said("can't be read")) == 1
    away.rename(log.path)
    made.wait_gate("samples", "no")


def test_a_gateway_whose_controller_is_dead(site):
    made = in_first_stage(site, stays="12s 600s 600s")
    other = site.controller(name="two")
    wait_for(lambda: len(site.redis.command("ZRANGE", "cutover:gateways", "0", "-1")) == 2, 10, "both are known")
    wait_for(lambda: site.redis.command("HGET", "cutover:gateway:gw-two", "time"), 10, "it has said something")
    other.kill()
    found = made.wait_gate("samples", "not-known", "gw-two is silent")
    made.wait_gate("stay", "yes")
    time.sleep(2)       # nothing to wait for: nothing is to happen
    assert site.weight() == "30"
    shown = made.ctl("plan", "show", "example.com", check=False).stdout
    assert "gw-two is silent" in shown, (shown, found)
    other.start()
    site.wait_weight(70)
    assert len(site.events("plan-advance")) == 2


def test_a_log_that_can_no_longer_be_read(site):
    made = in_first_stage(site, stays="8s 600s 600s")
    path = site.logs[0].path
    site.feed.over.set()
    site.feed.join()
    path.rename(path.with_name("aside"))
    path.symlink_to(path.name)      # round and round
    found = made.wait_gate("samples", "not-known", path.name, seconds=40)
    made.wait_gate("stay", "yes")
    time.sleep(3)       # nothing to wait for: nothing is to happen
    assert site.weight() == "30", found
    assert found["text"] in made.ctl("plan", "show", "example.com", check=False).stdout
    path.unlink()
    path.with_name("aside").rename(path)
    site.logs[0].clock = time.time()
    site.logs[0].write(20)
    site.wait_weight(70)


# --- nonsense ---

HUGE = "9" * 30
NONSENSE = [(field, value) for field, values in {
    "stages": ["", "0", "101", "30 30", "70 30", "abc", "list:", "list:exclude", "30 \x01", "30 " * 50, "1e1"],
    "stays": ["", "1s", "-1s 1s 1s", "1s 1s 1s 1s", f"{HUGE}s 1s 1s", "soon 1s 1s"],
    "state": ["", "RUNNING", "walking", "running ", "\xff"],
    "stage": ["-1", "4", HUGE, "x", "1.5"],
    "since": ["-1", HUGE, "yesterday", "1764000000.5"],
    "advance_window": ["Mon", "Mon-Foo 08:00-16:00", "Mon-Fri 25:00-26:00", "always"],
    "timezone": ["../../etc/passwd", "Mars/Base", "/etc/localtime", "A" * 300],
    "freeze_until": ["tomorrow", "2026-13-01T00:00:00Z", HUGE],
    "min_success": ["101", "-1", "abc", "99.999", "1e2"],
    "max_delay": ["-1s", "fast", HUGE + "s"],
    "new_rate": ["20", "-1/s", "x/s", HUGE + "/s"],
    "min_samples": ["-1", "x", HUGE],
    "slow": ["95", "95 8d", "abc 2h", "101 2h", "95 0s"],
    "fast": ["50", "50 8d", "fifty 5m", "-1 5m"],
    "slow_action": ["explode", ""],
    "fast_action": ["explode", ""],
    "max_misprovisioned": ["-1", "x", HUGE],
    "rev": ["-1", "x", HUGE, "1.5"],
    "order": ["back", "advance now"],
    "step": ["-1", "9", HUGE, "x"],
    "step_since": ["-1", "x", HUGE],
    "weight": ["101", "-1", "abc", "30%", HUGE],
    "edited": ["maybe"],
}.items() for value in values]


@pytest.mark.limit(300)
def test_nonsense_in_each_field(site):
    """Each in turn on a plan that would start at once without it."""
    made = site.controller()
    good = {"state": "waiting", "stages": "30 70 100", "stays": "600s 600s 600s", "slow_action": "none", "fast_action": "none"}
    rev = int(time.time())
    quiet = []
    for number, (field, value) in enumerate(NONSENSE):
        fields = {**good, "rev": rev + number, field: value}
        with site.redis.connect() as client:
            for words in (["MULTI"], ["DEL", PLAN], ["HSET", PLAN, *[word for pair in fields.items() for word in pair]]):
                client.command(*words)
            client.command("EXEC")
        try:
            wait_for(lambda: [line for line in made.said("state=bad") if f'({field}="' in line], 4, field)
        except AssertionError:
            quiet.append((field, value, site.get("state"), site.weight()))
            site.redis.set_domain("example.com", weight=0, rev=rev + number + 1000)
            continue
        # One line for it, told by the page and by the verbs.
        if number % 9 == 0:
            plan = made.plan()
            assert plan["state"] == "bad" and field in plan["problem"], plan
            shown = made.ctl("plan", "show", "example.com", check=False)
            assert field in shown.stdout and shown.returncode == 1, shown
            status = made.ctl("status", check=False)
            assert "plan" in status.stdout and status.returncode == 1 and field in status.stdout, status
    assert not quiet, quiet
    assert site.weight() == "0" and not site.events("plan-advance")
    assert len(made.said("state=bad")) <= len(NONSENSE) + 5


def test_a_hash_that_is_too_large_or_binary(site):
    made = site.controller()
    site.start()
    site.wait_weight(30)
    with site.redis.connect() as client:
        client.command("HSET", PLAN, *[word for n in range(10000) for word in (f"field{n}", "x")])
        wait_for(lambda: made.said("too many fields"), 15, "it was told")
        assert made.plan()["state"] == "bad"
        assert "too many fields" in made.ctl("plan", "show", "example.com", check=False).stdout
        client.command("HDEL", PLAN, *[f"field{n}" for n in range(10000)])
        wait_for(lambda: made.plan()["state"] == "running", 15, "it goes on")
        client.command("HSET", PLAN, b"\x00\xff\x1b[31m", bytes(range(256)))
        client.command("HSET", PLAN, "why", bytes(range(256)))
        time.sleep(2)       # nothing to wait for: nothing is to happen
        assert made.plan()["state"] == "running"
        shown = made.ctl("plan", "show", "example.com", check=False)
        assert "\x1b" not in shown.stdout and "\x00" not in shown.stdout
        client.command("HSET", PLAN, "step_by", b"\xff\xfe\x00")
        wait_for(lambda: "step_by" in (made.plan()["problem"] or ""), 15, "it is told")
        client.command("HSET", PLAN, "why", b"x" * 100000)
        wait_for(lambda: len(made.said("too many fields")) == 2, 15, "it is told")
    assert site.weight() == "30"


# --- other verbs meanwhile ---

def test_finish_standby_and_rollback_while_a_plan_runs(site):
    made = in_first_stage(site, stays="600s 600s 600s", step_by="")
    refused = made.ctl("finish", "example.com", check=False)
    assert refused.returncode in (1, 4), refused
    simulated = made.ctl("plan", "simulate", "example.com", "--log", site.logs[0].path, check=False)
    assert simulated.returncode in (0, 1), simulated
    assert site.weight() == "30" and site.get("state") == "running"
    made.ctl("set", "example.com", f"standby=cutover-standby:[{BLOCK}.3]:2525")
    made.ctl("set", "example.com", "mode=standby")
    site.wait_state("paused")
    assert "standby" in site.get("why")
    wait_for(lambda: made.plan()["state"] == "paused", 10, "the page has it")
    for words in (("plan", "show", "example.com"), ("status",)):
        shown = made.ctl(*words, check=False).stdout
        assert "standby" in shown and "paused" in shown, shown
    made.ctl("set", "example.com", "mode=split")
    made.ctl("plan", "resume", "example.com")
    wait_for(lambda: made.plan()["state"] == "running", 15, "it goes on")
    made.ctl("rollback", "example.com", "--all", "--why", "enough")
    wait_for(lambda: made.plan()["state"] == "rolled-back", 15, "it is over")
    assert site.weight() == "0" and site.get("mode", DOMAIN) == "old"
    wait_for(lambda: site.events("drain"), 30, "how long it took was told")
    figures = dict(word.split("=") for word in site.events("drain")[0]["why"].split())
    assert set(figures) == {"rto_s", "drained", "left"} and int(figures["rto_s"]) >= 0
    shown = made.ctl("plan", "show", "example.com", check=False).stdout
    assert "rolled-back" in shown and "enough" in shown, shown
