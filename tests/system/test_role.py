"""The Ansible role, on this machine: Postfix's configuration and ours in folders of the test's own, no package, no service."""
import itertools
import json
import os
import re
import shutil
import subprocess

import pytest
import yaml

from fake_policyd import FakePolicyd
from processes import BIN, ROOT, run
from test_postfix_setup import Site

ROLE = ROOT / "postfix-conf/ansible/roles/postshift"

pytestmark = pytest.mark.skipif(shutil.which("ansible-playbook") is None, reason="no ansible here (ansible-core)")


class Play:
    """A site, and the role with variables for it."""

    def __init__(self, folder):
        self.folder = folder
        self.site = Site(folder)
        self.site.config.unlink()
        sockets = self.site.queue / "postshift"
        self.variables = {
            "postshift_config": {
                "auth": {"listen": f"unix:{sockets}/auth.sock"}, "scan": {"listen": f"unix:{sockets}/scan.sock"},
                "policyd": {"route": f"unix:{sockets}/route.sock", "policy": f"unix:{sockets}/policy.sock", "metrics": "none",
                            "domains": ["example.com", "example.org"], "fold_local_part": True, "override": f"{folder}/override",
                            "snapshot": f"{folder}/snapshot"}},
            "postshift_config_file": str(self.site.config), "postshift_config_group": "root", "postshift_services": [],
            "postshift_files": [{"path": f"{folder}/redis.password", "content": "secret of the test\n"}],
            "postshift_postfix_directory": str(self.site.etc), "postshift_ctl": str(BIN / "postshiftctl"),
            "postshift_policyd": str(BIN / "postshift-policyd"), "postshift_wired": True}
        (folder / "site.yml").write_text(json.dumps([
            {"hosts": "all", "connection": "local", "gather_facts": False, "roles": ["postshift"]}]))

        (folder / "ansible.cfg").write_text("[defaults]\n")

    def run(self, *words, good=True, **variables):
        """The tasks that changed something."""
        given = self.folder / "variables.json"
        given.write_text(json.dumps({**self.variables, **variables, "ansible_python_interpreter": "/usr/bin/python3"}))
        os.utime(self.site.etc / "main.cf", (1, 1))     # Postfix's programs wait after a change
        environment = {**os.environ, "ANSIBLE_ROLES_PATH": str(ROLE.parent), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_LOCAL_TEMP": str(self.folder / "ansible"),
                       "ANSIBLE_REMOTE_TEMP": str(self.folder / "ansible"), "ANSIBLE_DEPRECATION_WARNINGS": "false",
                       "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"), "HOME": str(self.folder)}
        done = subprocess.run(["ansible-playbook", "-i", "localhost,", "-e", f"@{given}", *words, str(self.folder / "site.yml")],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=100, check=False, env=environment)
        assert (done.returncode == 0) == good, done.stdout + done.stderr
        self.said = done.stdout
        parts = re.split(r"^(?:TASK|RUNNING HANDLER|PLAY RECAP) ", done.stdout, flags=re.M)
        return [part.partition(" : ")[2].partition("]")[0] for part in parts if "\nchanged: [" in part]

    def postfix(self):
        return [(self.site.etc / name).read_bytes() for name in ("main.cf", "master.cf")]


@pytest.fixture
def play(folder):
    play = Play(folder)
    with FakePolicyd(play.site.route):
        yield play


def test_the_example_is_a_playbook(folder):
    lines = (ROLE / "README.md").read_text(encoding="ascii").splitlines()
    begin = lines.index("    # site.yml")
    example = "\n".join(line[4:] for line in itertools.takewhile(lambda line: line.startswith("    "), lines[begin:])) + "\n"
    assert set(yaml.safe_load(example)[0]["roles"][0]["vars"]) <= set(yaml.safe_load((ROLE / "defaults/main.yml").read_text()))
    (folder / "site.yml").write_text(example)
    done = run("ansible-playbook", "--syntax-check", "-i", "localhost,", folder / "site.yml", check=False,
               environment={"ANSIBLE_ROLES_PATH": str(ROLE.parent)})
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_variable_is_described_and_used():
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text(encoding="ascii"))
    options = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text(encoding="ascii"))["argument_specs"]["main"]["options"]
    assert list(options) == list(defaults)
    assert {name: option["default"] for name, option in options.items()} == defaults
    used = "".join(path.read_text(encoding="ascii") for folder in ("tasks", "handlers", "templates", "vars")
                   for path in (ROLE / folder).iterdir())
    assert all(name in used for name in defaults)


@pytest.mark.limit(180)
def test_a_second_run_changes_nothing_and_absent_gives_back(play):
    before = play.postfix()
    # What would be done.
    everything = ["Files that the configuration names", "Configuration"]
    assert play.run("--check") == [*everything, "What wiring would change"] and play.postfix() == before
    assert not play.site.config.exists() and "secret of the test" not in play.said
    # It is.
    assert play.run() == [*everything, "Postfix asks"]
    assert play.site.config.read_text() == """\
# Written by Ansible: what is edited here is lost.  postshift.conf(5) explains each key.

[auth]
listen = unix:{0}/auth.sock

[scan]
listen = unix:{0}/scan.sock

[policyd]
route = unix:{0}/route.sock
policy = unix:{0}/policy.sock
metrics = none
domains = example.com example.org
fold_local_part = yes
override = {1}/override
snapshot = {1}/snapshot
""".format(play.site.queue / "postshift", play.folder)
    assert play.site.config.stat().st_mode & 0o777 == 0o640
    assert (play.folder / "redis.password").stat().st_mode & 0o777 == 0o400 and "secret of the test" not in play.said
    assert play.site.override("qmgr/unix/rewrite_service_name") == "rewrite-cutover"
    # And once more.
    wired = play.postfix()
    assert play.run() == [] and play.postfix() == wired
    # Out again, and once more.
    assert play.run(postshift_state="absent") == ["Postfix asks no longer"] and play.postfix() == before
    assert play.run(postshift_state="absent") == [] and play.postfix() == before


def test_a_configuration_that_is_refused_is_not_put_in_place(play):
    play.site.config.write_text("[policyd]\ndomains = example.com\n")
    before = play.site.config.read_text(), play.postfix()
    play.run(good=False, postshift_config={"policyd": {"domain": "example.com"}})
    assert "did you mean" in play.said and (play.site.config.read_text(), play.postfix()) == before
