"""The Ansible role where there are real units and a Postfix that runs: the suite by `make install`, ansible on the machine."""
import json
import re

import pytest

import booted
import readme

PLAY = [{"hosts": "all", "connection": "local", "gather_facts": False, "roles": ["postshift"]}]
FIRST = ["Configuration", "Daemons", "Daemons read their configuration"]
UNITS = ("postshift-policyd.service", "postshift-cutover.service", "postshift-flush.path")


@pytest.fixture(scope="module")
def machine():
    try:
        made = booted.Machine(booted.root())
        made.boot()
    except booted.CantBoot as why:
        pytest.skip(str(why))
    made.ok("make -C /src install prefix=/usr")
    made.write("/root/site.yml", json.dumps(PLAY))
    made.ok("cp /etc/postfix/main.cf /root/main.cf && cp /etc/postfix/master.cf /root/master.cf")
    yield made
    made.end()


def configuration():
    """The README's, as a variable."""
    found, section = {}, None
    for line in readme.block(2):
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), {})
        else:
            key, _, value = line.partition(" = ")
            section[key.strip()] = value
    return found


def play(machine, *words, **variables):
    """The tasks and handlers that changed something."""
    machine.write("/root/variables.json", json.dumps(
        {"postshift_config": configuration(), "ansible_python_interpreter": "/usr/bin/python3", **variables}))
    said = machine.ok("ANSIBLE_NOCOLOR=1 ansible-playbook -i localhost, "
                      f"-e @/root/variables.json {' '.join(words)} /root/site.yml", 180)
    parts = re.split(r"^(?:TASK|RUNNING HANDLER|PLAY RECAP) ", said, flags=re.M)
    return [part.partition(" : ")[2].partition("]")[0] for part in parts if "\nchanged: [" in part]


def states(machine):
    return {machine.run(f"systemctl is-active {unit}; systemctl is-enabled {unit}").output for unit in UNITS}


def test_it_starts_what_is_named_and_a_second_run_changes_nothing(machine):
    assert play(machine, "--check") == FIRST
    assert states(machine) == {"inactive\ndisabled\n"}
    assert play(machine) == FIRST
    assert states(machine) == {"active\nenabled\n"}
    assert play(machine) == []


def test_it_wires_once_the_domain_has_a_state(machine):
    for line in readme.block(3):
        machine.ok(line)
    assert play(machine, postshift_wired=True) == ["Postfix asks"]
    assert machine.ok("postconf -P qmgr/unix/rewrite_service_name").strip().endswith("rewrite-cutover")
    assert play(machine, postshift_wired=True) == []


def test_a_changed_file_is_in_force_without_a_restart(machine):
    before = machine.show("postshift-policyd", "MainPID")
    changed = configuration()
    changed["policyd"]["log_routes"] = True
    assert play(machine, postshift_wired=True, postshift_config=changed) == ["Configuration", "Daemons read their configuration"]
    assert machine.show("postshift-policyd", "MainPID") == before
    machine.ok("postmap -q alice@example.com socketmap:unix:/var/spool/postfix/postshift/route.sock:transport || :")
    machine.wait("journalctl -q --no-pager -u postshift-policyd | grep -q 'route: to=<alice@example.com>'")


def test_absent_gives_postfix_back(machine):
    assert play(machine, postshift_state="absent") == ["Postfix asks no longer", "No daemon"]
    machine.ok("cmp /etc/postfix/main.cf /root/main.cf && cmp /etc/postfix/master.cf /root/master.cf")
    assert states(machine) == {"inactive\ndisabled\n"}
    assert play(machine, postshift_state="absent") == []
