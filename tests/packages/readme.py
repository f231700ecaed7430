"""readme - the steps of "From an existing main.cf to the first routed mail", as somebody types them."""
import re

from booted import ROOT

HEADING = "## From an existing main.cf to the first routed mail"


def step(number):
    """The text of one step."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split(HEADING)[1].split("\n## ")[0]
    found = re.search(rf"^{number}\. (.*?)(?=^\d+\. |\Z)", section, re.M | re.S)
    assert found, f"README: no step {number}"
    return found[1]


def block(number):
    """The lines that stand by themselves in a step, without the remarks behind them."""
    lines = [line[8:] for line in step(number).splitlines() if line.startswith(" " * 8)]
    return [re.sub(r"\s+# .*", "", line) for line in lines]


def quoted(number):
    """What stands in back quotes in its sentences."""
    return re.findall(r"`([^`]+)`", step(number))
