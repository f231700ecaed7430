"""flowing - a machine's gateway with two backends and mail that flows through it all the while."""
import contextlib
import json

import signatures

CONF = "/etc/postshift/postshift.conf"
SITE = """[policyd]
domains = example.com
nexthops = 127.0.0.21 127.0.0.22
allow_loopback = yes
"""
DAEMONS = "postshift-policyd postshift-auth postshift-scan postshift-cutover"
START = f"systemctl enable {DAEMONS}; systemctl restart {DAEMONS}"
# The controller, which follows the journal here, has booked as much, and misses nothing.
BOOKED = """import json, sys
books = json.load(sys.stdin)
sys.exit(books["lost"] != [] or books["double"] != [] or books["delivered"] < int(sys.argv[1]) or books["queue_only"] != [])"""
SETUP = [
    "postconf -e 'relay_domains = example.com' 'inet_interfaces = loopback-only' 'smtputf8_enable = no'",
    START,
    "postshiftctl set example.com old=cutover-old:[127.0.0.21]:2525 new=cutover-new:[127.0.0.22]:2525 weight=50 inside=accept",
    "postshiftctl postfix-setup --apply",
    # What policyd does not tell within its time is asked again soon.
    "postconf -e 'minimal_backoff_time = 2s' 'queue_run_delay = 2s'; postfix reload"]


def make_site(machine):
    """The suite is installed; scan gets signatures of our own."""
    machine.write(CONF, SITE)
    machine.ok(f"chgrp postshift {CONF}; chmod 0640 {CONF}")
    machine.ok("mkdir -p /var/lib/clamav")
    rows = signatures.make_folder(machine.folder / "db") / "test.ndb"
    machine.write("/var/lib/clamav/test.ndb", rows.read_text(encoding="ascii"))
    for line in SETUP:
        machine.ok(line)
    machine.wait("test -S /var/spool/postfix/postshift/route.sock && curl -sf http://127.0.0.1:8792/healthz", 30)


@contextlib.contextmanager
def mail(machine):
    """Flows while the block runs; what became of it is in the dictionary that it gives."""
    folder = machine.ok("mktemp -d").strip()
    machine.ok(f"systemd-run --quiet --unit=load-{folder.rpartition('.')[2]} python3 /src/tests/packages/load.py {folder}")
    machine.wait(f"test -e {folder}/going", 60)
    result = {}
    yield result
    machine.ok(f"touch {folder}/stop")
    result.update(json.loads(machine.wait(f"cat {folder}/result.json 2>/dev/null", 120)))


def nothing_lost(machine, result):
    """Each message that was taken has arrived, once; nobody got a bounce."""
    assert result["accepted"] > 10 and result["lost"] == [] and result["twice"] == [], result
    assert result["accepted"] == result["arrived"], result
    assert machine.run("journalctl -q --no-pager | grep -q 'status=bounced'").code == 1
    machine.wait(f"postshiftctl audit --json | python3 -c '{BOOKED}' {result['accepted']}", 30)
    assert "journalctl ended" not in machine.ok("postshiftctl status || :")
