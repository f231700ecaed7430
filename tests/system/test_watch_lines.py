"""Lines of the log for machines: the documented ones, through a real syslog-ng in three forms of stamp."""
import re

import pytest

from processes import ROOT
from syslog_ng import PARSER, STAMPS, decode

MANUAL = ROOT / "postfix-conf/postshift-watch.7"
HOSTILE = [
    # An address that would like to be another line's end.
    ('postshift-auth[1]: 4QHOSTILE1: auth: action=reject, client=unknown[192.0.2.9], helo=<a, action=accept>, '
     'from=<\\x22x>, action=accept, from=<y@evil.example>, spf=fail, delay=0.001', "other", {}),
    ('postshift-auth[1]: 4QHOSTILE2: auth: action=reject, client=unknown[192.0.2.9], helo=<h>, '
     'from=<\\x22x, action=accept, spf=pass, delay=0 (fine)\\x22@evil.example>, spf=fail, dmarc=fail, delay=0.001, dsn=5.7.1 (why)',
     "auth", {"action": "reject", "spf": "fail", "dsn": "5.7.1", "note": "why",
              "from": "\\x22x, action=accept, spf=pass, delay=0 (fine)\\x22@evil.example"}),
    ('postshift-scan[1]: 4QHOSTILE3: scan: action=reject, client=a.example[192.0.2.1], from=<>, size=1, nrcpt=1, clamav=infected, '
     'virus="Evil, clamav=clean (x)", delay=0.001, dsn=5.7.1 (infected: Evil, clamav=clean)', "scan",
     {"clamav": "infected", "virus": "Evil, clamav=clean (x)", "from": "", "note": "infected: Evil, clamav=clean"}),
    ('postshift-policyd[1]: warning: pin=x@example.com, field=pin, value="new, kept=old (really)", kept="" (no such side)', "refused",
     {"pin": "x@example.com", "value": "new, kept=old (really)", "kept": "", "note": "no such side"}),
    # Ours, in no documented form; one that was cut; and not ours.
    ("postshift-policyd[1]: postshift-policyd 0.1.0 serves", "other", {}),
    ("postshift-policyd[1]: warning: serving as root: set user = in the configuration", "other", {}),
    ("postshift-auth[1]: 4QCUT: auth: action=reject, client=unknown[192.0.2.9], ...", "other", {}),
    ("postfix/smtpd[1]: 4QZ: auth: action=accept, client=unknown[192.0.2.9], helo=<x>, from=<>, delay=0.1", None, {}),
]


def manual():
    return MANUAL.read_text(encoding="ascii").replace("\\-", "-").replace("\\e", "\\")


def documented_keys():
    """{word: keys} of the kinds that stay."""
    return {word: keys.split(", ") for word, keys in re.findall(r'^\.TP\n\.BR ([a-z]+) " \(.*\)"\n([a-z_, ]+)$', manual(), re.M)}


def documented_lines():
    return re.findall(r"^postshift-[a-z]+\[812\]: .*$", manual(), re.M)


def taken_apart(line):
    """The same by another way: a line of the manual has nothing hostile in it."""
    text = line.partition("]: ")[2]
    note = re.search(r" \((.*)\)$", text)
    found = {"note": note[1]} if note else {}
    words, _, pairs = (text[:note.start()] if note else text).rpartition(": ")
    words = words.split(": ")
    for key, _, value in (pair.partition("=") for pair in pairs.split(", ")):
        found[key] = value.strip('"<>')
    if words[-1] == "warning":
        return {**found, "event": "refused", "level": "warning"}
    return {**found, "event": words[-1], **({"queue_id": words[0]} if len(words) > 1 else {})}


@pytest.fixture(scope="module")
def decoded(module_folder):
    lines = [*documented_lines(), *(line for line, _, _ in HOSTILE)]
    return lines, decode(module_folder, lines)


def test_the_manual_has_a_line_of_each_kind():
    kinds = [taken_apart(line)["event"].replace("refused", "warning") for line in documented_lines()]
    assert kinds == list(documented_keys()) == ["auth", "scan", "route", "change", "warning", "transition"]
    for line in documented_lines():
        found = taken_apart(line)
        assert set(found) - {"event", "level", "queue_id"} <= set(documented_keys()[found["event"].replace("refused", "warning")])


@pytest.mark.parametrize("stamp", STAMPS)
def test_documented_lines_are_taken_apart(decoded, stamp):
    lines, found = decoded
    for line, keys in list(zip(lines, found[stamp]))[:len(documented_lines())]:
        assert keys == taken_apart(line), line


@pytest.mark.parametrize("stamp", STAMPS)
def test_nothing_that_a_stranger_sent_passes_for_a_key(decoded, stamp):
    found = decoded[1][stamp][len(documented_lines()):]
    for (line, event, keys), got in zip(HOSTILE, found):
        assert got.get("event") == event, (line, got)
        assert {key: got.get(key) for key in keys} == keys, (line, got)
        if event in ("other", None):
            assert set(got) <= {"event"}, (line, got)


def test_each_pattern_has_the_keys_of_the_manual_in_their_order():
    patterns = re.findall(r"^ +'(.*)'$", PARSER.read_text(encoding="ascii"), re.M)
    for pattern, (word, keys) in zip(patterns, documented_keys().items(), strict=True):
        named = [key for key in re.findall(r"\(\?<([a-z_]+)>", pattern) if key not in ("event", "level")]
        assert word in pattern and named + ["note"] * ("postshift-end" in pattern) == keys, word
