"""What the shells offer while a command line is typed: bash and zsh themselves, against the tables of postshiftctl."""
import json
import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

from policyd import Policyd
from processes import BIN, ROOT, run
from redis_server import RedisServer

BLOCK = "127.94.2"
CTL = BIN / "postshiftctl"
TABLE = (ROOT / "policyd/ctl/ctl_commands.c").read_text(encoding="utf-8")
NAMES = dict(re.findall(r'\[(CTL_\w+)\] = \{"([a-z-]+)"', (ROOT / "policyd/terminal/ctl_arguments.c").read_text(encoding="utf-8")))


def rows():
    """(name, whether it goes with --local, options) of each verb, as the table's source has them."""
    table = TABLE.partition("verbs[] = {\n")[2].partition("\n};")[0]
    for row in re.split(r"\n(?=    \{\")", table):
        name = re.match(r'\s*\{"([a-z-]+)"', row)[1]
        options = {NAMES[option] for option in re.findall(r"BIT\((CTL_\w+)\)", row)}
        yield name, bool(re.search(r",\s*true,\s*\d", row)), options


ROWS = list(rows())
VERBS = [name for name, local, _ in ROWS if not local and name != "complete"]


def complete(*words):
    return [line.partition("\t")[0] for line in run(CTL, "complete", "--", *words).stdout.splitlines()]


@pytest.fixture(scope="module")
def site(module_folder):
    redis = RedisServer(module_folder, f"{BLOCK}.1", 6379)
    redis.start()
    redis.set_domain("example.com", old=f"cutover-old:[{BLOCK}.3]:25", new=f"cutover-new:[{BLOCK}.4]:25", weight="0")
    for name in ("canary", "known", "x y", "$(touch gone)"):
        redis.command("SADD", f"cutover:list:example.com:{name}", "a@example.com")
    policyd = Policyd(module_folder, f"{BLOCK}.2", redis=redis, domains="example.com example.org")
    policyd.start()
    yield policyd
    policyd.stop()
    redis.stop()


class Bash:
    """The completion's function, called as bash calls it."""

    SCRIPT = ('source "$1"; shift; COMP_LINE="$*"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _postshiftctl; '
              'printf "%s\\n" "${COMPREPLY[@]}"')

    def __call__(self, *words):
        """`words` as bash parts them, at `=` too."""
        done = run("bash", "-c", self.SCRIPT, "bash", ROOT / "postfix-conf/postshiftctl.bash-completion", CTL, *words)
        return [line for line in done.stdout.splitlines() if line]


class Zsh:
    """A zsh at a terminal: what its line is after Tab."""

    SETUP = """PS1=; PROMPT=; unsetopt zle_bracketed_paste 2>/dev/null; unset zle_bracketed_paste
autoload -Uz compinit; compinit -u -d {folder}/dump; source {file}; path=({bin} $path)
tell() {{ print -r -- "LINE<$BUFFER>"; BUFFER= }}; zle -N tell; bindkey '^X' tell; bindkey '^I' complete-word
setopt no_auto_menu no_list_beep; print READ''Y
"""

    def __init__(self, folder):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.environ.update(TERM="dumb", HOME=str(folder), ZDOTDIR=str(folder))
            os.execvp("zsh", ["zsh", "-f", "-i"])
        self.said = ""
        self.type(self.SETUP.format(folder=folder, file=ROOT / "postfix-conf/postshiftctl.zsh-completion", bin=BIN))
        self.wait("READY")

    def type(self, text):
        os.write(self.terminal, text.encode())

    def wait(self, pattern, seconds=20):
        deadline = time.monotonic() + seconds
        while not (found := re.search(pattern, self.said, re.S)):
            assert time.monotonic() < deadline, self.said
            if select.select([self.terminal], [], [], 0.1)[0]:
                self.said += os.read(self.terminal, 65536).decode("utf-8", "replace")
        self.said = self.said[found.end():]
        return found

    def __call__(self, line):
        """What Tab makes of it, and what it listed."""
        self.type(line + "\t\x18")
        found = self.wait(r"(.*?)LINE<([^>]*)>")
        return found[2], found[1]

    def end(self):
        os.close(self.terminal)
        os.waitpid(self.pid, 0)


@pytest.fixture(scope="module")
def zsh(module_folder):
    if shutil.which("zsh") is None:
        pytest.skip("there is no zsh here (tests/install-packages brings it)")
    shell = Zsh(module_folder)
    yield shell
    shell.end()


def test_every_verb_and_every_option_of_the_table():
    assert len(VERBS) > 20 and complete("") == VERBS
    assert complete("--local", "") == [name for name, local, _ in ROWS if local]
    for name, local, options in ROWS:
        words = ["--local", name] if local else [name]
        assert {word.removeprefix("--") for word in complete(*words, "--")} == options, name


def test_each_is_in_the_manual():
    manual = (ROOT / "policyd/ctl/postshiftctl.1").read_text(encoding="utf-8").replace("\\-", "-")
    for name, local, options in ROWS:
        assert re.search(rf'^(\.(BR|BI|B) "?|\\fB){"--local " if local else ""}{name}\b', manual, re.M), name
        for option in options:
            assert f"--{option}" in manual, (name, option)


def test_gates_checks_and_groups():
    gates = complete("plan", "advance", "example.com", "--past", "")
    assert gates == re.search(r'names: "([^"]*)"', (ROOT / "policyd/plan/plan_gates.h").read_text(encoding="utf-8")
                              .replace("\n * ", " "))[1].split()
    checks = json.loads(run(CTL, "preflight", "--list", "--json").stdout)["checks"]
    assert complete("preflight", "--only", "") == [check["name"] for check in checks]
    assert complete("preflight", "--only=mx-g") == ["--only=mx-gateways"]
    assert set(complete("preflight", "--group", "")) == {check["group"] for check in checks}


def test_domains_and_lists(site):
    words = ["-c", str(site.config)]
    assert complete(*words, "set", "") == ["example.com", "example.org"]
    assert complete(*words, "rollback", "example.c") == ["example.com"]
    assert complete(*words, "events", "--domain", "") == ["example.com", "example.org"]
    assert sorted(set(complete(*words, "list", "example.com", ""))) == ["canary", "known"]
    assert complete(*words, "list", "example.org", "") == []


def test_nobody_who_types_is_told_of_errors(folder):
    (folder / "bad.conf").write_text("[redis]\naddress = inet:127.0.0.1:1\nnonsense = 1\n", encoding="ascii")
    for file in (folder / "bad.conf", folder / "none.conf"):
        for words in (("set", ""), ("list", "example.com", "")):
            done = run(CTL, "complete", "--", "-c", file, *words)
            assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_bash(site, folder):
    bash = Bash()
    assert bash("") == VERBS and bash("ro") == ["route", "rollback"]
    assert bash("set", "--i") == ["--if-rev"]
    # Parted at "=", and only what stands behind it is the word.
    assert bash("preflight", "--only", "=", "mx-g") == ["mx-gateways"]
    assert bash("preflight", "--only", "=") == complete("preflight", "--only", "")
    assert bash("set", "example.com", "we") == ["weight="]
    assert bash("set", "example.com", "mode", "=", "st") == ["standby"]
    assert bash("-c", site.config, "set", "") == ["example.com", "example.org"]
    (folder / "a file.conf").touch()
    assert bash("-c", f"{folder}/a") == [f"{folder}/a file.conf"]


def test_zsh(zsh, site):
    assert zsh("postshiftctl rollba")[0] == "postshiftctl rollback "
    line, listed = zsh("postshiftctl ro")
    assert line == "postshiftctl ro" and "where an address goes, and why" in listed and "weight 0: all back to old" in listed
    assert zsh("postshiftctl set example.com weig")[0] == "postshiftctl set example.com weight="
    assert zsh("postshiftctl set example.com mode=st")[0] == "postshiftctl set example.com mode=standby "
    assert zsh("postshiftctl preflight --only=mx-g")[0] == "postshiftctl preflight --only=mx-gateways "
    assert zsh("postshiftctl preflight --on")[0] == "postshiftctl preflight --only "
    assert zsh(f"postshiftctl -c {site.config} set example.o")[0] == f"postshiftctl -c {site.config} set example.org "
    assert zsh(f"postshiftctl -c {site.config} list example.com ca")[0].endswith(" list example.com canary ")
    (site.config.parent / "afile").touch()
    assert zsh(f"postshiftctl -c {site.config.parent}/afi")[0] == f"postshiftctl -c {site.config.parent}/afile "


def test_both_are_installed(folder):
    run("make", "-s", "-C", ROOT, "install", f"DESTDIR={folder}/root", "prefix=/usr", f"BIN={BIN}", seconds=120)
    share = folder / "root/usr/share"
    assert (share / "bash-completion/completions/postshiftctl").read_bytes() == \
        (ROOT / "postfix-conf/postshiftctl.bash-completion").read_bytes()
    assert (share / "zsh/vendor-completions/_postshiftctl").read_text(encoding="utf-8").startswith("#compdef postshiftctl\n")
    packages = "".join(path.read_text(encoding="ascii") for path in (ROOT / "debian").glob("*.install"))
    assert "usr/share/zsh/vendor-completions/_postshiftctl" in packages
    done = subprocess.run(["bash", "-n", ROOT / "postfix-conf/postshiftctl.bash-completion"])
    assert done.returncode == 0
