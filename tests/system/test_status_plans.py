"""postshiftctl status with plans: a real Redis and policyd, a controller's page of the test's own; the screen in tmux."""
import copy
import json
import shutil
import subprocess
import time

import pytest

import plan_sample
from controller_page import ControllerPage
from policyd import Policyd
from processes import BIN, run, wait_for
from redis_server import RedisServer

OLD, NEW = "cutover-old:[192.0.2.10]:25", "cutover-new:[192.0.2.20]:25"


class World:
    def __init__(self, folder):
        self.folder = folder
        self.redis = RedisServer(folder / "redis", "127.20.75.2").start()
        self.redis.set_domain("example.com", old=OLD, new=NEW, weight=70, inside="accept", rev=1)
        self.policyd = Policyd(folder, "127.20.75.5", redis=self.redis, domains="example.com").start()
        self.config = folder / "ctl.conf"
        self.config.write_text(self.policyd.config.read_text() + "\n[cutover]\npage = inet:127.20.75.4:8794\n")
        self.page = None

    def controller(self, *plans):
        shift = int(time.time()) - plan_sample.NOW
        plans = copy.deepcopy(plans)
        for plan in plans:
            for event in plan["events"]:
                event["time"] += shift
            if plan["hook"]:
                plan["hook"]["since"] += shift
        self.page = ControllerPage("127.20.75.4", plans=plans)

    def status(self, *words):
        return run(BIN / "postshiftctl", "-c", self.config, "status", *words, check=False)

    def stop(self):
        if self.page:
            self.page.stop()
        self.policyd.process.resume_and_kill()
        self.redis.process.resume_and_kill()


@pytest.fixture
def world(folder):
    world = World(folder)
    yield world
    world.stop()


def test_a_plan_is_told_in_two_lines(world):
    world.controller(plan_sample.RUNNING)
    done = world.status()
    assert "plan of example.com: running in stage 2 of 3, 70 %, for 5 h\n  waits for stay (19 h of 24 h left) and 2 more gates" in done.stdout
    assert done.returncode == 0 and "samples" not in done.stdout.replace("2 more gates", "")
    document = json.loads(world.status("--json").stdout)
    assert [plan["domain"] for plan in document["plans"]] == ["example.com"] and document["controller_not_asked"] is None
    assert [gate["name"] for gate in document["plans"][0]["gates"]][:2] == ["stay", "window"]


def test_a_plan_that_was_rolled_back_or_is_bad_is_bad(world):
    world.controller({**plan_sample.ROLLED_BACK, "domain": "example.com"})
    done = world.status()
    assert done.returncode == 1 and "its plan is rolled-back: availability of new 43.10 % for 2 h" in done.stdout
    world.page.plans[0].update({**plan_sample.BAD, "domain": "example.com"})
    done = world.status()
    assert done.returncode == 1 and 'its plan is bad: stays: "3d"' in done.stdout


def test_a_plan_without_its_controller_is_bad(world):
    assert world.status().returncode == 0, "a controller that isn't set up is not"
    for state, code in (("running", 1), ("waiting", 1), ("done", 1), ("paused", 0), ("aborted", 0)):
        world.redis.command("HSET", "cutover:plan:example.com", "state", state, "stage", "1")
        done = world.status()
        assert done.returncode == code, state
        assert (f"its plan is {state}, and the controller of this gateway can't be asked" in done.stdout) == (code == 1)
    document = json.loads(world.status("--json").stdout)
    assert document["plans"] is None and "refused" in document["controller_not_asked"]


def test_all_of_it_fits_a_screen_of_100_by_30(world):
    if shutil.which("tmux") is None:
        pytest.skip("no tmux here (apt-get install tmux)")
    world.controller(plan_sample.RUNNING)
    tmux = ["tmux", "-S", str(world.folder / "tmux")]

    def screen():
        return subprocess.run([*tmux, "capture-pane", "-p"], stdout=subprocess.PIPE, text=True, check=True).stdout

    subprocess.run([*tmux, "new-session", "-d", "-x", "100", "-y", "30",
                    f"{BIN}/postshiftctl -c {world.config} status --watch"], check=True)
    try:
        wait_for(lambda: "plan-advance" in screen(), 15, "the whole screen")
        rows = screen().splitlines()
        assert "every 2 s; q ends" in rows[0] and any(row.startswith("policyd ") for row in rows)
        for part in ("waits for: stay (19 h of 24 h left)", "running hook: after_transition", "stages: 30 %, over", "no: samples: 143 of 200",
                     "gates: yes: window success delay alarm probe", "not-known: judge:", "old         812", "new        1843", "plan-advance"):
            assert any(part in row for row in rows), part + "\n" + "\n".join(rows)
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)
