"""Whether mail may be led to a gateway: down and up when it is stated, and the samples for keepalived and routing daemons."""
import json
import os
import subprocess
import threading
import time

import pytest

from cutover import Cutover
from policyd import Connection, Policyd
from processes import BIN, ROOT, run, wait_for
from redis_server import RedisServer

SAMPLES = ROOT / "postfix-conf/gateways"


class Gateway:
    def __init__(self, folder):
        self.folder = folder
        self.redis = RedisServer(folder / "redis", "127.20.121.2").start()
        self.redis.set_domain("example.com", old="cutover-old:[127.20.121.8]:2525", new="cutover-new:[127.20.121.9]:2525", weight=30)
        self.policyd = Policyd(folder, "127.20.121.3", redis=self.redis, domains="example.com").start()
        (folder / "mail.log").touch()
        self.cutover = Cutover(folder, "127.20.121.4", redis=self.redis, domains="example.com", log=folder / "mail.log",
                               policyd_lines={"metrics": "inet:127.20.121.3:8793"}).start()
        self.bin = folder / "bin"
        self.bin.mkdir()
        (self.bin / "postshiftctl").write_text(f'#!/bin/sh\nexec {BIN}/postshiftctl -c {self.cutover.config} "$@"\n')
        (self.bin / "postshiftctl").chmod(0o755)
        self.environment = {**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}"}

    def page(self):
        """Up, and why."""
        status, body = self.cutover.page("/healthy")
        assert status in (200, 503)
        return status == 200, body.strip()

    def ctl(self):
        done = self.cutover.ctl("healthy", check=False)
        assert done.returncode in (0, 1) and done.stdout.count("\n") == 1
        return done.returncode, done.stdout.strip()

    def wait_up(self, seconds=15):
        wait_for(lambda: self.page()[0], seconds, "healthy again", every=0.1)

    def stop(self):
        for each in (self.cutover, self.policyd, self.redis):
            each.process.resume_and_kill()


@pytest.fixture(scope="module")
def gateway(module_folder):
    made = Gateway(module_folder)
    made.wait_up()
    yield made
    made.stop()


def test_up_and_for_whom(gateway):
    assert gateway.ctl() == (0, "up: policyd answers")
    assert json.loads(gateway.cutover.ctl("healthy", "--json").stdout) == {"healthy": True, "why": "up: policyd answers"}
    done = run("sh", SAMPLES / "keepalived-check", environment=gateway.environment)
    assert done.stdout.startswith("up:")
    wait_for(lambda: gateway.cutover.metric("postshift_cutover_healthy") == 1, 5, "the metric")


def test_policyd_that_hangs_and_the_routing_daemon(gateway):
    """Down within 2 s, up within 10 s; ExaBGP would have heard each once."""
    with subprocess.Popen(["sh", SAMPLES / "announce"], env=gateway.environment, stdout=subprocess.PIPE, text=True) as announce:
        said = []
        threading.Thread(target=lambda: said.extend(iter(announce.stdout.readline, "")), daemon=True).start()
        try:
            wait_for(lambda: said == ["announce route 192.0.2.25/32 next-hop self\n"], 10, "it is announced")
            gateway.policyd.process.pause()
            begun = time.monotonic()
            wait_for(lambda: not gateway.page()[0], 5, "it is down")
            assert time.monotonic() - begun < 2.5   # 2 s, and what a busy machine adds to two pages
            assert "no answer within 0.4 s" in gateway.page()[1] and gateway.ctl()[0] == 1
            assert run("sh", SAMPLES / "keepalived-check", environment=gateway.environment, check=False).returncode == 1
            wait_for(lambda: len(said) == 2, 10, "it is withdrawn")
            gateway.policyd.process.resume()
            gateway.wait_up()
            wait_for(lambda: len(said) == 3, 10, "it is announced again")
        finally:
            announce.terminate()
        wait_for(lambda: len(said) == 4, 10, "its end withdraws")
    assert [line.split()[0] for line in said] == ["announce", "withdraw"] * 2
    assert [line.split("state=")[1].split(",")[0].split(" ")[0] for line in gateway.cutover.said("healthy: state=")][-2:] == ["down", "up"]


def can_connect(gateway):
    try:
        with Connection(gateway.policyd.sockets / "route.sock"):
            return True
    except OSError:
        return False


def test_redis_is_no_cause(gateway):
    gateway.redis.kill()
    wait_for(lambda: gateway.policyd.metric("postshift_redis_up") == 0, 10, "policyd knows")
    for _ in range(25):
        assert gateway.page()[0]
        time.sleep(0.1)     # as long as it would take to go down
    assert gateway.ctl()[0] == 0


def test_a_controller_that_ends_says_so_and_a_silent_one_is_done_without(gateway):
    seen = []

    def watch():
        try:
            while True:
                seen.append(gateway.page())
        except OSError:
            pass

    watcher = threading.Thread(target=watch)
    watcher.start()
    wait_for(lambda: seen, 5, "it is watched")
    gateway.cutover.stop()
    watcher.join(20)
    assert seen[0][0] and seen[-1] == (False, "down: the controller stops")
    assert gateway.ctl() == (0, "up: policyd answers; the controller is silent")
    gateway.cutover.start()


def test_down_before_the_sockets_close(gateway):
    seen = []
    gateway.wait_up()

    end = time.monotonic() + 15

    def watch():
        while time.monotonic() < end and (not seen or seen[-1][1]):
            up = gateway.page()
            seen.append((up, can_connect(gateway)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    wait_for(lambda: seen, 5, "it is watched")
    gateway.policyd.process.stop()
    watcher.join(20)
    assert ((False, "down: policyd: it stops (since 0 s)"), True) in seen
    assert not seen[-1][1]
    gateway.cutover.kill()
    code, said = gateway.ctl()
    assert code == 1 and said.startswith("down: policyd: ")
