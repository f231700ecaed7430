"""What breaks around routing, and what becomes of the mail: a test for each fault, with real mail."""
import subprocess
import time

import pytest

from mailsite import MailSite, bucket
from processes import wait_for
from redis_server import SilentLine

OLDIE, NEWBIE = "alice@example.com", "user000@example.com"      # on different sides at weight 50
BLOCK = "127.20.14"


@pytest.fixture
def make_site(folder):
    """Sites that end with the test; weight 50."""
    made = []

    def make(**how):
        made.append(MailSite(folder, BLOCK, **how))
        made[-1].start()
        made[-1].set(weight=50)
        return made[-1]

    assert bucket(OLDIE) >= 5000 > bucket(NEWBIE)
    yield make
    for site in made:
        site.stop()


@pytest.fixture
def site(make_site):
    return make_site()


def check_split(site, tag, sides=None):
    """New mail goes on, each recipient's to its side."""
    sender = f"{tag}@outside.example"
    assert not site.gateway.send(sender, [OLDIE, NEWBIE])
    for recipient, side in (sides or {OLDIE: "old", NEWBIE: "new"}).items():
        sink = {"old": site.old, "new": site.new}[side]
        [copy] = wait_for(lambda: sink.copies_of(recipient, sender), 20, f"{tag}: {recipient} on {side}")
        assert site.backend_of(copy) == side


def check_waits(site, tag, recipient, text):
    """Accepted from the client, kept in the queue, not bounced."""
    assert not site.gateway.send(f"{tag}@outside.example", [recipient])
    site.gateway.wait_for_waiting(recipient, text)
    assert not site.gateway.log_lines("status=bounced")


def redis_up(site):
    return site.policyd.metric("postshift_redis_up")


def test_redis_down(make_site):
    site = make_site(save=True)
    site.redis.command("SAVE")
    site.redis.kill()
    wait_for(lambda: redis_up(site) == 0, 10, "policyd says that Redis is down")
    check_split(site, "down")
    site.redis.start()
    wait_for(lambda: redis_up(site) == 1, 20, "policyd found Redis again")
    site.set(weight=0)
    check_split(site, "back", {OLDIE: "old", NEWBIE: "old"})


def test_redis_stuck(site):
    """It accepts connections and says nothing."""
    site.redis.pause()
    check_split(site, "stuck")
    wait_for(lambda: redis_up(site) == 0, 25, "policyd noticed the silence")
    check_split(site, "stuck-and-known")
    site.redis.resume()
    wait_for(lambda: redis_up(site) == 1, 30, "policyd found Redis again")
    site.set(weight=100)
    check_split(site, "back", {OLDIE: "new", NEWBIE: "new"})


def test_redis_half_open(make_site):
    """Connections that are open on this side alone are given up, new ones are made."""
    lines = []

    def through_a_line(server):
        lines.append(SilentLine(f"{BLOCK}.8", 6379, server))
        return lines[0]

    site = make_site(redis_line=through_a_line)
    try:
        lines[0].silent.set()
        site.redis.set_domain("example.com", weight=100)        # nobody hears of it
        wait_for(lambda: redis_up(site) == 0, 25, "policyd noticed the silence")
        check_split(site, "half-open")
        lines[0].restore()
        wait_for(lambda: redis_up(site) == 1, 30, "policyd connected anew")
        site.policyd.wait_for_route(OLDIE, "cutover-new:", 20)      # each dead connection has to be noticed
        check_split(site, "back", {OLDIE: "new", NEWBIE: "new"})
    finally:
        lines[0].stop()


def test_redis_flushed(site):
    site.redis.command("FLUSHALL")
    wait_for(lambda: site.policyd.metric("postshift_policyd_replica_suspect") > 0, 10, "policyd is alarmed")
    check_split(site, "flushed")


def test_redis_restarted_empty(site):
    site.redis.kill()
    site.redis.start()
    wait_for(lambda: site.policyd.metric("postshift_policyd_replica_suspect") > 0, 20, "policyd is alarmed")
    check_split(site, "empty")


def test_state_expired(site):
    """What eviction looks like from outside."""
    site.redis.command("PEXPIRE", "cutover:domain:example.com", 1)
    wait_for(lambda: site.policyd.metric("postshift_policyd_replica_suspect") > 0, 10, "policyd is alarmed")
    check_split(site, "expired")


def test_old_dump_restored(site):
    site.set(rev=1700000500)
    site.redis.set_domain("example.com", rev=1700000400, weight=100)
    wait_for(lambda: site.policyd.metric("postshift_policyd_replica_suspect") > 0, 10, "policyd is alarmed")
    check_split(site, "older")


def test_redis_and_policyd_restart_together(site):
    site.pin("pinned@example.com", "new")
    changed = time.time()
    site.policyd.wait_for_snapshot(changed)
    site.redis.kill()
    site.policyd.kill()
    site.policyd.start(loaded=False)
    assert site.policyd.ask("pinned@example.com").startswith("OK cutover-new:")
    check_split(site, "from-the-snapshot")


def test_policyd_down(site):
    site.policyd.kill()
    started = time.monotonic()
    check_waits(site, "down", OLDIE, "")
    assert time.monotonic() - started < 10
    assert site.gateway.wait_for_delivery(OLDIE, "deferred")["dsn"] == "4.3.0"
    site.policyd.start()
    check_split(site, "back")       # besides, clears the queue manager's memory of its last answer
    site.gateway.flush()
    wait_for(lambda: site.old.copies_of(OLDIE, "down@outside.example"), 20, "the waiting mail on old")


def test_policyd_stuck(site):
    """A queue manager that waits for an answer is the worst there is: it ends as soon as policyd does."""
    site.policyd.pause()
    started = time.monotonic()
    assert not site.gateway.send("stuck@outside.example", [OLDIE])
    assert time.monotonic() - started < 15, "intake goes on after the policy service's time-out"
    assert OLDIE in site.gateway.waiting() and not site.old.copies
    site.policyd.kill()         # as its watchdog does
    site.policyd.start()
    check_split(site, "back")
    site.gateway.flush()
    wait_for(lambda: site.old.copies_of(OLDIE, "stuck@outside.example"), 70, "the waiting mail on old")


def test_new_backend_down_and_rollback(site):
    """Its recipients wait, the others' mail does not; rolled back, the waiting mail goes to old."""
    site.new.refuse()
    assert not site.gateway.send("down@outside.example", [OLDIE, NEWBIE])
    site.old.wait_for(1)
    site.gateway.wait_for_waiting(NEWBIE, "onnection refused")
    site.set(weight=0)
    site.gateway.reload()
    site.gateway.flush()
    [copy] = wait_for(lambda: site.old.copies_of(NEWBIE, "down@outside.example"), 20, "rolled back mail on old")
    assert site.backend_of(copy) == "old"
    site.gateway.wait_until_empty()


def test_new_does_not_know_a_recipient(site):
    """Deferred; pinned to old, and its mail follows."""
    site.new.answer("rcpt", "550 5.1.1 no such user", recipient=NEWBIE)
    check_waits(site, "unknown", NEWBIE, "no such user")
    site.pin(NEWBIE, "old note=not there yet")
    site.gateway.reload()
    site.gateway.flush()
    [copy] = wait_for(lambda: site.old.copies_of(NEWBIE, "unknown@outside.example"), 20, "the mail on old")
    assert site.backend_of(copy) == "old"


def test_both_refuse_a_recipient(site):
    for sink in (site.old, site.new):
        sink.answer("rcpt", "550 5.1.1 no such user", recipient=NEWBIE)
    check_waits(site, "nobody", NEWBIE, "no such user")
    site.pin(NEWBIE, "old")
    site.gateway.reload()
    site.gateway.flush()
    wait_for(lambda: len(site.gateway.deliveries(NEWBIE)) == 2, 20, "the second attempt")
    assert [d["status"] for d in site.gateway.deliveries(NEWBIE)] == ["deferred", "deferred"]
    assert not site.other.copies


def test_override_while_redis_is_down(site):
    """A rollback that needs no Redis."""
    site.redis.kill()
    site.policyd.override.write_text("example.com mode=old\n")
    site.policyd.wait_for_route(NEWBIE, "cutover-old:")
    check_split(site, "overridden", {OLDIE: "old", NEWBIE: "old"})
    site.policyd.override.write_text("example.com weight=100\n")
    site.policyd.wait_for_route(NEWBIE, "cutover-new:")
    check_split(site, "overridden-again", {OLDIE: "new", NEWBIE: "new"})
    site.policyd.override.unlink()
    site.policyd.wait_for_route(OLDIE, "cutover-old:")
    check_split(site, "as-before")


@pytest.fixture
def small_disk(folder):
    """A file system of 64 KiB."""
    place = folder / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", place], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"can't mount a small file system here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.limit(240)
def test_disk_full_for_the_snapshot(make_site, small_disk):
    """Routing goes on and edits are in force; the snapshot is there again once there is space."""
    site = make_site(snapshot=small_disk / "snapshot")
    snapshot = small_disk / "snapshot"
    wait_for(snapshot.exists, 10, "the first snapshot")
    before = snapshot.read_bytes()
    (small_disk / "ballast").write_bytes(b"")
    with open(small_disk / "ballast", "wb", buffering=0) as ballast:
        try:
            while ballast.write(bytes(1024)):
                pass
        except OSError:
            pass
    site.set(weight=100)
    check_split(site, "full", {OLDIE: "new", NEWBIE: "new"})
    wait_for(lambda: "snapshot" in site.policyd.process.output(), 60, "policyd says that it can't write the snapshot")
    assert snapshot.read_bytes() == before, "the last good one stays whole"
    (small_disk / "ballast").unlink()
    wait_for(lambda: snapshot.read_bytes() != before, 90, "a new snapshot")     # tried again once a minute
    check_split(site, "space", {OLDIE: "new", NEWBIE: "new"})
