"""trace, audit and their kind on a log with everything in it, as an administrator reads them."""
import contextlib
import html.parser
import json
import re
import shutil
import sqlite3
import subprocess
import time

import pytest

from books import ZOO, Books
from processes import BIN, new_folder
from redis_server import RedisServer

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
    assert audit["balanced"] is True and audit["accepted"] == 51
    assert sum(audit[end] for end in ends) == 51
    assert (audit["messages"], audit["stories"], audit["probes"], audit["notices"]) == (44, 42, 5, 8)
    assert audit["double"] == ["4jcfz02JHqz1dSkC"] and audit["gateways_silent"] == []
    assert all(audit[key] == [] for key in ("lost", "misrouted", "queue_only", "books_only", "gaps"))
    assert audit["since"] is None and audit["until"] is None


def test_the_last_line_can_be_quoted(zoo):
    said = zoo.ctl("audit").stdout
    assert re.fullmatch(r"51 in, 47 out, 0 lost, 1 perhaps double, 4 waiting, oldest \d+ (s|min|h|d)",
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


SPELLED = [("AAAAAAAAAA1", "mx[2001:db8::1]", "alice@b\u00fccher.example"), ("AAAAAAAAAA2", "mx[192.0.2.9]", "bob@xn--bcher-kva.example")]


@pytest.fixture(scope="module")
def spelled(module_folder):
    (module_folder / "spelled").mkdir()
    return Books(module_folder / "spelled").fill("".join(
        f"Nov 29 10:00:0{n} gw postfix/smtpd[1]: {queue_id}: client={client}\n"
        f"Nov 29 10:00:0{n} gw postfix/qmgr[1]: {queue_id}: from=<s@b\u00fccher.example>, size=1, nrcpt=1 (queue active)\n"
        f"Nov 29 10:00:0{n} gw postfix/smtp[1]: {queue_id}: to=<{to}>, relay=h[192.0.2.1]:25, delay=0, delays=0/0/0/0, "
        "dsn=2.0.0, status=sent (ok)\n" for n, (queue_id, client, to) in enumerate(SPELLED)))


@pytest.mark.parametrize("handle, value, found", [
    ("--to", "alice@b\u00fccher.example", "1"), ("--to", "Alice@xn--bcher-kva.example", "1"),
    ("--to", "alice@B\u00dcCHER.example", "1"), ("--to", "bob@b\u00fccher.example", "2"), ("--to", "bob@XN--bcher-kva.example", "2"),
    ("--domain", "b\u00fccher.example", "12"), ("--domain", "@xn--bcher-kva.example.", "12"), ("--from", "s@xn--bcher-kva.example", "12"),
    ("--ip", "2001:DB8:0:0::1", "1"), ("--ip", "[IPv6:2001:db8::1]", "1"), ("--ip", "::ffff:192.0.2.9", "2"),
    ("--queue-id", "AAAAAAAAAA1:", "1")])
def test_found_however_it_is_spelled(spelled, handle, value, found):
    stories = spelled.json("trace", handle, value)["stories"]
    assert [leg["queue_id"][-1] for story in stories for leg in story["legs"]] == list(found)


def test_who_is_asked_for_stands_first_among_thousands(fresh):
    line = ("Nov 29 10:00:02 gw postfix/smtp[1]: AAAAAAAAAA1: to=<u{}@new.test>, relay=h[192.0.2.1]:25, delay=0, delays=0/0/0/0, "
            "dsn=2.0.0, status=sent (ok)\n")
    fresh.fill("Nov 29 10:00:00 gw postfix/qmgr[1]: AAAAAAAAAA1: from=<s@x.test>, size=1, nrcpt=3000 (queue active)\n"
               + "".join(line.format(n) for n in range(3000)))
    leg = fresh.json("trace", "--to", "U2999@new.test")["stories"][0]["legs"][0]
    assert leg["recipients"][0]["to"] == "u2999@new.test" and len(leg["recipients"]) == 1000
    assert leg["recipients_left_out"] == 2000
    said = fresh.ctl("trace", "--to", "u2999@new.test").stdout
    assert "    and 2,000 more recipients" in said and said.endswith("1 mail, recipients: 1,000 delivered, 2,000 not shown\n")


@pytest.mark.parametrize("time", ["2026-11-29 09:12:43 +0100", "2026-11-29 08:12:43+0000", "2026-11-29T08:12Z", "2026-11-29 08:12 -00:00"])
def test_times_as_tables_have_them(zoo, time):
    assert zoo.json("audit", "--since", time)["since"] in (1795939920, 1795939963)


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


def test_another_programs_database_is_left_alone(fresh):
    made = sqlite3.connect(fresh.file)
    made.execute("CREATE TABLE message(x)")
    made.commit()
    made.close()
    before = fresh.file.read_bytes()
    daemon = subprocess.Popen([BIN / "postshift-cutover", "-c", fresh.config], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        said = next(line for line in daemon.stderr if "database" in line)
    finally:
        daemon.kill()
        daemon.communicate()
    assert f"{fresh.file} is another program's database" in said
    assert fresh.file.read_bytes() == before
    assert f"{fresh.file} is another program's database" in fresh.ctl("audit", code=1).stderr


def test_damage_names_the_file(fresh):
    fresh.file.write_bytes(b"no database " * 1000)
    said = fresh.ctl("audit", code=1).stderr
    assert said.count("\n") == 1 and f"move {fresh.file} away" in said


def test_books_that_are_only_being_made(fresh):
    fresh.file.touch()
    said = fresh.ctl("audit", code=1).stderr
    assert said.count("\n") == 1 and "nothing in the books yet" in said


# report

class Page(html.parser.HTMLParser):
    """The figures of a report's page, and whatever would load something."""

    def __init__(self, text):
        super().__init__()
        self.figures, self.tags, self.links = {}, set(), []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        named = dict(attributes)
        if tag == "data":
            self.figures[named["id"]] = int(named["value"])
        self.links += [value for name, value in attributes if name in ("src", "href", "xlink:href")]


def stamp(time_s):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_s))


def move(days=20, each=12):
    """A log of a move that began ten days ago: from then on half of the mail goes to new, with TLS and verdicts."""
    now = int(time.time())
    lines = []
    for number in range(days * each):
        at = now - (days * each - number) * 86400 // each + 60
        new = at > now - 10 * 86400 and number % 2
        service = "cutover-new" if new else "cutover-old"
        qid = f"{number + 0x10000000:X}"
        delay = f"0/0/0.1/{0.2 if new else 0.4 + number % 5 / 10:.1f}"
        head = f"{stamp(at)} gw postfix/"
        if new:
            lines.append(f"{head}{service}/smtp[{number + 100}]: Trusted TLS connection established to "
                         "h.test[192.0.2.1]:25: TLSv1.3 with cipher X (256/256 bits)")
        lines += [
            f"{head}smtpd[10]: {qid}: client=c.test[192.0.2.9]",
            f"{head}cleanup[11]: {qid}: message-id=<{qid}@s.test>",
            f"{stamp(at)} gw postshift-auth[1]: {qid}: auth: action=accept, client=c.test[192.0.2.9], "
            f"spf=pass, dkim=pass, dmarc={'fail' if number % 4 == 0 else 'pass'}, policy=none",
            f"{stamp(at)} gw postshift-scan[1]: {qid}: scan: action=accept, from=<a@s.test>, size=1, clamav=clean, "
            f"spamd={'spam' if number % 10 == 0 else 'ham'}, score=1",
            f"{head}qmgr[12]: {qid}: from=<a@s.test>, size=100, nrcpt=1 (queue active)"]
        if number % 6 == 0:
            lines.append(f"{head}{service}/smtp[{number + 100}]: {qid}: to=<u{number}@new.test>, "
                         f"relay=h.test[192.0.2.1]:25, delay=1, delays={delay}, dsn=4.2.2, status=deferred (host "
                         "h.test[192.0.2.1] said: 452 4.2.2 <b>over quota</b> & full (in reply to RCPT TO command))")
        if number < days * each - 2:
            lines += [f"{head}{service}/smtp[{number + 100}]: {qid}: to=<u{number}@new.test>, "
                      f"relay=h.test[192.0.2.1]:25, delay=1, delays={delay}, dsn=2.0.0, status=sent (250 ok)",
                      f"{head}qmgr[12]: {qid}: removed"]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def moved():
    folder = new_folder()
    books = Books(folder, lines=["[ctl]", f"postfix = {folder}"]).fill(move())
    now = int(time.time() * 1000) - 5000
    with contextlib.closing(sqlite3.connect(books.file)) as file, file:
        for days, key, value in ((20, "domain:new.test", "weight=0\nmode=split\n"),
                                 (10, "domain:new.test", "weight=30\nmode=split\n"),
                                 (6, "pin:u1@new.test", "old note=x"),
                                 (5, "domain:new.test", "weight=50\nmode=split\n"),
                                 (2, "domain:new.test", "weight=30\nmode=split\n")):
            file.execute("INSERT INTO input(at, key, value) VALUES(?, ?, ?)", (now - days * 86400000, key, value))
    yield books
    shutil.rmtree(folder)


def test_the_report_tells_the_move(moved):
    report = moved.json("report", "--period", "30d")
    assert (report["mails"], report["recipients"], report["delivered"], report["waiting"]) == (240, 240, 238, 2)
    assert report["lost"] == 0 and report["days_since_start"] == 10
    assert report["sides"]["old"]["ok"] + report["sides"]["new"]["ok"] == 240 - 40 - 2
    assert report["sides"]["new"]["availability"] == 100 and report["sides"]["new"]["p95_ms"] == 300
    assert 500 <= report["sides"]["old"]["p50_ms"] <= report["sides"]["old"]["p95_ms"] <= 900
    assert set(report["tls"]["new"]) == {"TLSv1.3"} and set(report["tls"]["old"]) == {"unknown"}
    assert [(c["what"], c["from"], c["to"]) for c in report["changes"]] == [
        ("weight", "0", "30"), ("weight", "30", "50"), ("weight", "50", "30")]
    assert report["rollbacks"] == 1 and report["units_pinned_back"] == 1
    assert report["deferrals"][0]["class"] == "quota" and sum(c["recipients"] for c in report["deferrals"]) == 40
    assert report["verdicts"] == {"seen": 240, "dmarc_fail": 60, "infected": 0, "spam": 24, "refused": 0}
    assert report["oldest_waiting"]["queue_id"] in ("100000EE", "100000EF")
    started = next(c for c in report["changes"] if c["to"] == "30")
    assert started["before"]["new"]["p95_ms"] is None and started["after"]["new"]["p95_ms"] == 300


def test_the_report_fits_the_screen(moved):
    said = moved.ctl("report", "--period", "30d").stdout
    assert widths(said) <= 100 and "\nlost             0 " in said
    said = moved.ctl("report", "--period", "5d", "--compare").stdout
    assert widths(said) <= 100 and said.count("\n  before ") == 10


def test_two_periods_side_by_side(moved):
    both = moved.json("report", "--period", "5d", "--compare")
    assert both["since"] == both["before"]["until"] and both["before"]["since"] == both["since"] - 5 * 86400
    assert both["mails"] == 60 and both["before"]["mails"] == 60
    assert moved.json("report", "--period", "5d").get("before") is None


@pytest.mark.parametrize("words", [(), ("--compare",)])
def test_the_page_has_the_figures_of_the_json(moved, words):
    file = moved.folder / "report.html"
    report = json.loads(moved.ctl("report", "--period", "15d", "--html", file, "--json", *words).stdout)
    text = file.read_text(encoding="utf-8")
    page = Page(text)
    wanted = {key: report[key] for key in ("mails", "recipients", "delivered", "bounced", "expired", "removed",
                                           "waiting", "lost", "double")}
    wanted |= {f"{side}-{key}": report["sides"][side][key] for side in ("old", "new", "standby")
               for key in ("ok", "fail", "other")}
    for side in ("old", "new", "standby"):
        found = report["sides"][side]
        known = {"p50": found["p50_ms"], "p95": found["p95_ms"],
                 "availability": found["availability"] and round(found["availability"] * 100)}
        wanted |= {f"{side}-{key}": value for key, value in known.items() if value is not None}
    assert page.figures == wanted
    assert "script" not in page.tags and page.links == [] and "svg" in page.tags and "url(" not in text
    assert "&lt;b&gt;over quota&lt;/b&gt; &amp; full" in text and "prefers-color-scheme" in text


def test_when_the_oldest_would_expire_says_its_postfix(moved):
    (moved.folder / "main.cf").write_text("maximal_queue_lifetime = 30h\n", encoding="ascii")
    (moved.folder / "master.cf").write_text("qmgr unix n - n 300 1 qmgr\n", encoding="ascii")
    try:
        oldest = moved.json("report", "--period", "30d")["oldest_waiting"]
    finally:
        (moved.folder / "main.cf").unlink()
    assert oldest["expires"] - oldest["since"] == 30 * 3600


def test_report_usage(moved):
    for words, says in ((("--period", "0"), "--period takes"), (("--period", "soon"), "--period takes"),
                        (("--html", "-", "--json"), "both go"), (("--since", "1h"), "takes no --since")):
        assert says in moved.ctl("report", *words, code=2).stderr
    assert "cannot" in (said := moved.ctl("report", "--html", "/nowhere/x.html", code=1).stderr) or "/nowhere" in said
    assert moved.ctl("report", "--html", "-").stdout.startswith("<!DOCTYPE html>")


def test_an_empty_period_is_no_fault(zoo):
    report = zoo.json("report", "--period", "1s")
    assert report["mails"] == 0 and report["sides"]["new"]["availability"] is None
    assert "<svg" not in zoo.ctl("report", "--period", "1s", "--html", "-").stdout


# ledger

def test_the_ledger_by_time(fresh):
    redis = RedisServer(fresh.folder / "redis", "127.20.65.9").start()
    books = Books(fresh.folder, redis="inet:127.20.65.9:6379")
    try:
        assert "nobody of example.com" in books.ctl("ledger", "example.com").stdout
        redis.command("HSET", "cutover:ledger:example.com", "b@example.com", "1790000500 sure", "it dept",
                      "1790000900 maybe", "a@example.com", "1790000700 sure", "\x1b[2J@example.com", "soon sure")
        units = books.json("ledger", "EXAMPLE.com")["units"]
        assert [(unit["time"], unit["certainty"]) for unit in units] == [
            (None, "bad"), (1790000500, "sure"), (1790000700, "sure"), (1790000900, "maybe")]
        said = books.ctl("ledger", "example.com").stdout
        assert "2026-09-21 14:28:20 +0000  maybe  it dept" in said and said.endswith("4 units\n")
        assert "\x1b" not in said and widths(said) <= 100
    finally:
        redis.stop()
    assert "127.20.65.9" in books.ctl("ledger", "example.com", code=3).stderr
    books.ctl("ledger", code=2)


# erase

def test_nothing_of_an_erased_address_is_left(fresh):
    redis = RedisServer(fresh.folder / "redis", "127.20.65.10").start()
    books = Books(fresh.folder, redis="inet:127.20.65.10:6379", domains="new.test")
    try:
        for command in (("SET", "pin:alice@new.test", "old"), ("SET", "unit:alice@new.test", "it dept"),
                        ("SET", "unit:bob@new.test", "alice@new.test"), ("SET", "pin:malice@new.test", "new"),
                        ("SADD", "list:new.test:canary", "alice@new.test", "bob@new.test"),
                        ("HSET", "ledger:new.test", "alice@new.test", "1790000500 sure")):
            redis.command(command[0], f"cutover:{command[1]}", *command[2:])
        books.fill(message("4jcfyz2BY5z1dTqX", to="Alice@new.test") +
                   message("4jcfyz35LSz1dTqc", to="malice@new.test", start=1))
        said = books.ctl("erase", "alice@new.test").stdout
        assert "Redis: 1 pins, 2 units, 1 in the ledger, 1 lists, 0 in a rehearsal" in said and "1 recipients" in said
        keys = " ".join(redis.command("KEYS", "*"))
        assert " cutover:pin:alice@" not in f" {keys}" and "cutover:pin:malice@new.test" in keys
        members = redis.command("SMEMBERS", "cutover:list:new.test:canary")
        assert "bob@new.test" in members and len(members) == 2 and "alice@new.test" not in members
        assert redis.command("GET", "cutover:unit:bob@new.test").startswith("erased-")
        # The controller's own entry of malice may be there already.
        ledger = redis.command("HGETALL", "cutover:ledger:new.test")
        entries = dict(zip(ledger[::2], ledger[1::2]))
        entries.pop("malice@new.test", None)
        assert list(entries.values()) == ["1790000500 sure"] and "".join(entries).startswith("erased-")
        ((_, entry),) = redis.command("XRANGE", "cutover:events", "-", "+")
        event = dict(zip(entry[::2], entry[1::2]))
        assert event["what"] == "erase" and event["key"].startswith("erased-") and "alice" not in str(entry)
        for file in fresh.folder.glob("books.db*"):
            assert not re.search(rb"(?i)(?<!m)alice@new", file.read_bytes()), file
        assert books.json("trace", "--to", "alice@new.test", code=1)["stories"] == []
        assert books.json("audit")["delivered"] == 2
    finally:
        redis.stop()
    books.ctl("erase", "alice@new.test", code=3)


def test_an_address_is_erased_however_the_log_wrote_it(fresh):
    redis = RedisServer(fresh.folder / "redis", "127.20.65.11").start()
    books = Books(fresh.folder, redis="inet:127.20.65.11:6379", domains="xn--bcher-kva.example also.test")
    try:
        redis.command("HSET", "cutover:domain:xn--bcher-kva.example", "old", "site", "new", "cutover-new:[192.0.2.20]:25", "weight", "0", "mode", "bucket",
                      "rev", "1")
        redis.command("HSET", "cutover:domain:also.test", "same_as", "xn--bcher-kva.example", "rev", "1")
        for number, domain in enumerate(("xn--bcher-kva.example", "b\u00fccher.example", "also.test")):
            books.fill(message(f"AAAAAAAAAA{number}", to=f"bob@{domain}", text=f"<bob@{domain}> stored", start=number), with_redis=False)
        said = books.ctl("erase", "bob@also.test").stdout
        assert " 3 recipients" in said, said
        for file in fresh.folder.glob("books.db*"):
            assert b"bob@" not in file.read_bytes(), file
    finally:
        redis.stop()


def test_an_erase_that_can_not_be(fresh):
    books = Books(fresh.folder)
    books.ctl("erase", "alice@new.test", code=3)
    books.ctl("erase", "no address", code=2)
