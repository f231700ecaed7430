"""trace, audit and their kind on a log with everything in it, as an administrator reads them."""
import re
import shutil
import time

import pytest

from books import ZOO, Books
from processes import new_folder

HOST = "Nov 29 09:00:{second:02d} gw postfix/"


@pytest.fixture(scope="module")
def zoo(module_folder):
    return Books(module_folder).fill(ZOO)


@pytest.fixture
def fresh():
    folder = new_folder()
    yield Books(folder)
    shutil.rmtree(folder)


def message(qid, *, to="ok@new.test", service="cutover-new", text="250 2.0.0 Ok", status="sent", removed=True,
            nrcpt=1, start=0, sender="a@s.test", ends=1):
    """The lines of one message."""
    at = HOST.format(second=start)
    lines = [f"{at}smtpd[10]: {qid}: client=client.test[192.0.2.9]",
             f"{at}cleanup[11]: {qid}: message-id=<{qid}@s.test>",
             f"{at}qmgr[12]: {qid}: from=<{sender}>, size=1234, nrcpt={nrcpt} (queue active)"]
    lines += [f"{at}{service}/smtp[13]: {qid}: to=<{to}>, relay=127.0.0.2[127.0.0.2]:25, delay=0.3, "
              f"delays=0.1/0/0.1/0.1, dsn=2.0.0, status={status} ({text})"] * ends
    lines += [f"{at}qmgr[12]: {qid}: removed"] * removed
    return "\n".join(lines) + "\n"


def widths(text):
    return max(map(len, text.splitlines()))


# audit

def test_the_balance_is_double_entry(zoo):
    audit = zoo.json("audit")
    ends = ("delivered", "bounced", "expired", "discarded", "deleted", "replaced", "waiting")
    assert audit["balanced"] is True and audit["accepted"] == 50
    assert sum(audit[end] for end in ends) == 50
    assert (audit["messages"], audit["stories"], audit["probes"], audit["notices"]) == (43, 41, 5, 8)
    assert audit["double"] == ["4jcfz02JHqz1dSkC"] and audit["gateways_silent"] == []
    assert all(audit[key] == [] for key in ("lost", "misrouted", "queue_only", "books_only", "gaps"))
    assert audit["since"] is None and audit["until"] is None


def test_the_last_line_can_be_quoted(zoo):
    said = zoo.ctl("audit").stdout
    assert re.fullmatch(r"50 in, 46 out, 0 lost, 1 perhaps double, 4 waiting, oldest \d+ (s|min|h|d)",
                        said.splitlines()[-1])
    assert widths(said) <= 100 and len(said.splitlines()) < 24


def test_a_recipient_without_an_end_is_a_difference(fresh):
    fresh.fill(message("4jcfyz2BY5z1dTqX") + message("4jcfyz35LSz1dTqc", nrcpt=2, start=1))
    audit = fresh.json("audit", code=1)
    assert audit["balanced"] is False and audit["lost"] == ["4jcfyz35LSz1dTqc"]
    said = fresh.ctl("audit", code=1).stdout
    assert "\n  4jcfyz35LSz1dTqc\n" in said
    assert said.splitlines()[-1] == "3 in, 2 out, 1 lost, 0 perhaps double, 0 waiting"


def test_thousands_and_long_lists_stay_readable(fresh):
    fresh.fill("".join(message(f"{i:08X}AB", nrcpt=2, start=i % 60) for i in range(1200)))
    said = fresh.ctl("audit", code=1).stdout
    assert said.splitlines()[-1] == "2,400 in, 1,200 out, 1,200 lost, 0 perhaps double, 0 waiting"
    assert "and 1180 more (--json names them)" in said
    assert widths(said) <= 100 and len(said.splitlines()) < 30
    assert len(fresh.json("audit", code=1)["lost"]) == 1200


def test_a_window_takes_what_was_accepted_in_it(zoo):
    year = zoo.json("trace", "--queue-id", "4jcfyz2BY5z1dTqX")["stories"][0]["legs"][0]["accepted"]
    day = time.strftime("%Y-%m-%d", time.gmtime(year))
    window = zoo.json("audit", "--since", f"{day} 08:12:43", "--until", f"{day} 08:12:44")
    assert window["messages"] == 5 and window["since"] == year
    assert zoo.json("audit", "--since", "2099-01-01")["accepted"] == 0


def test_unknown_forms_are_shown(fresh):
    fresh.fill(message("4jcfyz2BY5z1dTqX") +
               HOST.format(second=2) + "qmgr[12]: 4jcfyz35LSz1dTqc: danced \x1b[2Jround the queue\n")
    assert fresh.json("audit")["unknown_forms"] == 1
    said = fresh.ctl("audit", "--unknown").stdout
    assert "danced" in said and "\x1b" not in said
    assert "danced" in fresh.json("audit", "--unknown")["examples"][0]
    assert "audit --unknown" in fresh.ctl("audit").stdout


# trace

def test_a_story_has_its_legs_and_notices(zoo):
    (story,) = zoo.json("trace", "--queue-id", "4jcfz16qzZz1dSsk")["stories"]
    assert [leg["queue_id"] for leg in story["legs"]] == ["4jcfz16RTJz1dSs7", "4jcfz16qzZz1dSsk"]
    assert [r["end"] for leg in story["legs"] for r in leg["recipients"]] == ["replaced", "delivered", "delivered"]
    said = zoo.ctl("trace", "--queue-id", "4jcfyz5C2sz1dTqf").stdout
    assert said.count("  notice 4jc") == 2 and "1 mail, recipients: 1 delivered, 1 bounced, 1 expired\n" in said


@pytest.mark.parametrize("handle, value", [
    ("--to", "unk@new.test"), ("--to", "<UNK@new.test>"), ("--queue-id", "4jcfyz5C2sz1dTqf"),
    ("--message-id", "<20261129081243.029522@vm>"), ("--from", "a@s.test"), ("--domain", "new.test"),
    ("--domain", "@new.test"), ("--ip", "127.0.0.1"), ("--ip", "[127.0.0.1]")])
def test_found_by_every_handle(zoo, handle, value):
    stories = zoo.json("trace", handle, value)["stories"]
    legs = [leg["queue_id"] for story in stories for leg in story["legs"]]
    assert "4jcfyz5C2sz1dTqf" in legs
    recipient = next(r for story in stories for leg in story["legs"] for r in leg["recipients"]
                     if r["to"] == "unk@new.test")
    assert recipient["end"] == "bounced" and recipient["backend"] == "new"
    assert recipient["reply"].startswith("host 127.18.0.2") and recipient["class"] == "unknown"


def test_all_that_is_given_holds(zoo):
    assert zoo.json("trace", "--to", "ok@new.test", "--from", "filt@s.test", code=1)["stories"] == []


def test_nothing_found_is_said(zoo):
    done = zoo.ctl("trace", "--to", "nobody@new.test", code=1)
    assert done.stdout == "" and "the books have no such mail" in done.stderr


def test_times_are_the_readers(zoo):
    words = ("trace", "--queue-id", "4jcfyz2BY5z1dTqX")
    assert " 08:12:43 +0000  from <a@s.test>" in zoo.ctl(*words, environment={"TZ": "UTC"}).stdout
    assert " 13:42:43 +0530  from <a@s.test>" in zoo.ctl(*words, environment={"TZ": "Asia/Kolkata"}).stdout


def test_lines_fit_the_screen(zoo):
    assert widths(zoo.ctl("trace", "--domain", "new.test").stdout) <= 100


def test_a_probe_waits_for_nothing(zoo):
    said = zoo.ctl("trace", "--to", "unkver@new.test").stdout
    assert "probe 4jcfz430rQz1dSsm" in said and "waiting" not in said


def test_hostile_texts_are_harmless(fresh):
    evil = "\x1b]0;owned\x07\x1b[2J \u202egnp.exe status=sent (250 ok) to=<x@new.test>, relay=none"
    fresh.fill(message("4jcfyz2BY5z1dTqX", text=f"host h[192.0.2.1] said: 450 {evil}", status="deferred", removed=False,
                       sender="\x1b[31mred@s.test"))
    said = fresh.ctl("trace", "--to", "ok@new.test").stdout
    assert "\x1b" not in said and "\x07" not in said and "\u202e" not in said
    assert "waiting" in said
    assert fresh.json("trace", "--to", "x@new.test", code=1)["stories"] == []
    assert fresh.json("trace", "--to", "ok@new.test")["stories"][0]["legs"][0]["recipients"][0]["end"] == "waiting"


# usage

@pytest.mark.parametrize("words, says", [
    (("trace",), "is wanted"),
    (("trace", "--since", "2h"), "is wanted"),
    (("trace", "--ip", "300.1.1.1"), "--ip takes"),
    (("trace", "--queue-id", "no id"), "--queue-id takes"),
    (("trace", "--to", "a@new.test", "--since", "1h", "--until", "2h"), "nothing is between them"),
    (("trace", "--to", "a@new.test", "--since", "yesterday"), "--since takes a time"),
    (("trace", "--to", "a@new.test", "more"), "too many words"),
    (("trace", "--to", "a@new.test", "--unknown"), "it takes no --unknown"),
    (("audit", "--since", "2026-02-28x"), "--since takes a time"),
    (("audit", "--since", "2026-02-30"), "--since takes a time"),
    (("audit", "--since", "2026-02-28 08:00:00 and more"), "--since takes a time"),
    (("audit", "--since", "1h", "--until", "1h"), "nothing is between them"),
    (("audit", "--unknown", "--since", "1h"), "goes without"),
    (("audit", "--to", "a@new.test"), "it takes no --to"),
])
def test_what_makes_no_sense_is_usage(zoo, words, says):
    assert says in zoo.ctl(*words, code=2).stderr


def test_no_books_is_one_clear_line(fresh):
    for verb in (("audit",), ("trace", "--to", "a@new.test")):
        said = fresh.ctl(*verb, code=1).stderr
        assert said.count("\n") == 1 and "books.db" in said and "postshift-cutover" in said
