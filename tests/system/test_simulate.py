"""Plans under faults, by seeds: the pure modules with a model of everything around them."""
import os
import pathlib
import re
import subprocess

import pytest

from processes import BIN

PROGRAM = pathlib.Path(os.environ.get("POSTSHIFT_SIMULATE") or BIN.parent / "obj-plain/simulate")
PART = 2500


@pytest.mark.skipif(not PROGRAM.exists(), reason="simulate is not built: with a sanitizer it takes too long")
@pytest.mark.parametrize("first", range(1, 10001, PART))
def test_what_must_hold_of_a_plan_holds(first):
    done = subprocess.run([PROGRAM, "--schedules", str(PART), "--seed", str(first)], stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stdout
    told = [int(n) for n in re.search(r"(\d+) advances, (\d+) rollbacks, (\d+) freezes, (\d+) done, \d+ messages, (\d+) pins", done.stdout).groups()]
    assert all(told), done.stdout       # all of it happens


@pytest.mark.skipif(not PROGRAM.exists(), reason="simulate is not built")
def test_with_a_hundred_gateways():
    done = subprocess.run([PROGRAM, "--schedules", "2", "--seed", "1", "--gateways", "100"], stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(not PROGRAM.exists(), reason="simulate is not built")
def test_a_seed_replays_alone():
    tells = [subprocess.run([PROGRAM, "--schedules", "1", "--seed", "7", "--tell"], stdout=subprocess.PIPE).stdout
             for _ in range(2)]
    assert tells[0] == tells[1] and b"operator: start" in tells[0]
