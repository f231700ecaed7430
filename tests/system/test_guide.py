"""The example of a whole cutover in the manual: each command that it names is run, in its order, on a real Redis.

Addresses: 127.20.84.0/24.
"""
import re
import shlex

import plan_sample
from controller_page import ControllerPage
from processes import BIN, ROOT, Process, run, wait_for
from redis_server import RedisServer

GUIDE = ROOT / "policyd/cutover/postshift-cutover-guide.7"
PAGE = "127.20.84.4"

# What has no answer here: no policyd, no books, no log, no weight of 100 for a week.
WITHOUT_ANSWER = {"status": {1}, "route": {0, 1}, "plan simulate": {1}, "audit": {1}, "trace": {1}, "report": {1}, "plan show": {0, 1},
                  "rehearsal": {0, 1}, "finish": {4}, "plan advance": {4}}


def examples():
    """What stands between .nf and .fi, as it is shown."""
    text = GUIDE.read_text().replace("\\-", "-").replace("\\e", "\\").replace("\\(dq", '"').replace("\\\\", "\\")
    return re.findall(r"^\.nf\n(.*?)^\.fi$", text, re.DOTALL | re.MULTILINE)


def commands():
    lines = "\n".join(examples()).replace("\\\n", " ").splitlines()
    return [shlex.split(line)[1:] for line in lines if line.startswith("postshiftctl ")]


def verb_of(words):
    return " ".join(words[:2]) if words[0] in ("plan", "probe", "--local") else words[0]


def test_the_page_has_commands():
    assert {"set", "list", "pin", "plan start", "plan show", "plan advance", "plan pause", "plan resume", "plan abort", "plan simulate",
            "probe accept", "events", "rollback", "ledger", "audit", "finish", "--local rollback"} <= {verb_of(words) for words in commands()}


def test_its_configuration_is_one(folder):
    [section] = [example for example in examples() if example.startswith("[cutover]\n")]
    config = folder / "postshift.conf"
    config.write_text(section)
    done = run(BIN / "postshift-cutover", "-c", config, "-t", check=False)
    assert "did you mean" not in done.stderr and "unknown" not in done.stderr, done.stderr


def test_each_command_of_the_example_is_one(folder):
    redis = RedisServer(folder / "redis", "127.20.84.2").start()
    redis.command("HSET", "cutover:probe:example.com", "new", "a" * 64, "new_seen", "b" * 64)
    redis.command("XADD", "cutover:events", "1795564800000-0", "time", 1795564800, "who", "fast-trigger", "host", "gw1", "domain",
                  "example.com", "what", "freeze", "from", "running", "to", "paused", "why", "bad", "rev", "")
    page = ControllerPage(PAGE, plans=[plan_sample.RUNNING])
    config = folder / "postshift.conf"
    config.write_text(f"[redis]\naddress = inet:127.20.84.2:6379\ntimeout = 1s\n[policyd]\ndomains = example.com\noverride = {folder}/override\n"
                      f"metrics = inet:127.20.84.3:8793\n[cutover]\npage = inet:{PAGE}:8794\nbooks = {folder}/books.db\n"
                      f"[ctl]\npostfix = {folder}/postfix\n")
    try:
        for words in commands():
            given = None
            if "<" in words:
                words, given = words[:words.index("<")], "dave@example.com\n"
            words = [word.replace("/root/", f"{folder}/").replace("/var/log/", f"{folder}/") for word in words]
            command = [BIN / "postshiftctl", "-c", config, *words]
            if "--watch" in words:
                watched = Process(command, folder / "watch.log").start()
                wait_for(lambda: "example.com" in watched.output(), 10, "it shows something")
                watched.kill()
                continue
            done = run(*command, check=False, stdin=given)
            wanted = WITHOUT_ANSWER.get(verb_of(words), {0})
            assert done.returncode in wanted, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
    finally:
        page.stop()
        redis.stop()
