"""What a kept preflight does to a plan, and how controllers keep it up to date: real Redis, controllers, postshiftctl."""
import time

import pytest

from plansite import PlanSite
from processes import wait_for

KEPT = "cutover:preflight:example.com"
BLOCKING = ("mx-gateways", "mx-target", "spf-outbound", "route-first", "no-bounce", "verify", "size", "class", "vectors", "redis", "probe",
            "movers", "inside")


@pytest.fixture(name="site")
def made(folder):
    site = PlanSite(folder, "127.20.91")
    yield site
    site.stop()


def keep(site, age=0, **results):
    """As `preflight --save` would, so long ago."""
    now = int(time.time()) - age
    values = {"time": now, "host": "gw", "blocking_time": now, "all_time": now, **dict.fromkeys(BLOCKING, "pass"),
              **{name.replace("_", "-"): result for name, result in results.items()}}
    site.redis.command("DEL", KEPT)
    site.redis.command("HSET", KEPT, *[word for pair in values.items() for word in pair])


def test_a_stage_waits_for_what_blocks(site):
    keep(site, mx_gateways="fail", probe="unknown")
    controller = site.controller()
    site.feed.start()
    site.start()
    site.wait_weight(30)
    gate = controller.wait_gate("preflight", "no", "mx-gateways fails at")
    assert "not known: probe" in gate["text"]
    wait_for(lambda: all(gate["answer"] == "yes" for gate in controller.plan()["gates"] if gate["name"] != "preflight"), 30,
             "all other gates say yes", every=0.2)
    keep(site, probe="unknown")
    controller.wait_gate("preflight", "not-known", "probe could not be asked")
    keep(site, probe="nonsense")
    controller.wait_gate("preflight", "not-known", "probe could not be asked")
    assert site.weight() == "30"
    assert controller.said("preflight: domain=example.com, failed=mx-gateways, unknown=probe")
    keep(site)
    site.wait_weight(70)
    assert controller.said("preflight: domain=example.com, blocking=none")
    assert site.redis.command("HGET", KEPT, "host") == "gw", "nobody has looked again: it was good and fresh"


def test_one_gateway_looks_for_all(site):
    """Nobody answers here, so nothing is good; what was found is kept, and says so."""
    controllers = [site.controller(name, start=False, preflight="yes") for name in ("one", "two")]
    for controller in controllers:
        controller.ctl_options.update({"preflight_pause": "10ms", "postfix": "/nowhere"})
        controller.write_config()
        with open(controller.config, "a", encoding="utf-8") as file:
            file.write("[dns]\nservers = 127.20.91.9@9\ntimeout = 100ms\n")
        controller.start()
    site.start()
    site.wait_weight(30)
    wait_for(lambda: site.redis.command("HGET", KEPT, "all_time"), 60, "one has looked", every=0.2)
    kept = site.redis.command("HGETALL", KEPT)
    kept = dict(zip(kept[::2], kept[1::2]))
    assert kept["mx-gateways"] == kept["route-first"] == "unknown" and kept["inside"] == "pass" and kept["probe"] == "fail"
    for controller in controllers:
        gate = controller.wait_gate("preflight", "no", "probe fail at")
        assert "not known: mx-gateways" in gate["text"], gate
    done = [line for controller in controllers for line in controller.said("preflight: domain=example.com, checks=all")]
    assert len(done) == 1 and "result=blocked" in done[0], done
    assert site.weight() == "30" and not site.events("preflight"), "it was never good"


def test_none_that_was_not_asked_for(site):
    controller = site.controller()
    site.start()
    site.wait_weight(30)
    controller.wait_gate("stay", "yes")
    assert controller.gate("preflight")["answer"] is None and not site.redis.command("EXISTS", KEPT)


def test_what_turns_bad_is_an_event(site):
    controller = site.controller(preflight="no")
    controller.ctl_options.update({"preflight_pause": "10ms"})
    controller.write_config()
    site.start()
    site.wait_weight(30)
    keep(site)
    site.redis.command("HDEL", "cutover:domain:example.com", "inside")
    for _ in range(2):                  # what is bad already is none
        controller.ctl("preflight", "example.com", "--only", "inside", "--save", check=False)
    events = site.events("preflight")
    assert [(event["key"], event["from"], event["to"], event["why"]) for event in events] == [("inside", "pass", "fail", "inside is not set")]
    assert controller.gate("preflight")["answer"] is None, "[cutover] preflight = no"
