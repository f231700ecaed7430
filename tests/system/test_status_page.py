"""The controller's status page: its files, what a browser makes of them, and that it reads strangers' text as text."""
import html
import http.server
import json
import re
import shutil
import subprocess
import threading
import urllib.request

import pytest

import plan_sample
from cutover import Cutover, Maillog
from processes import ROOT

ADDRESS = "127.20.70.4"
FILES = {"/": ("page.html", "text/html; charset=utf-8"), "/page.css": ("page.css", "text/css; charset=utf-8"),
         "/page.js": ("page.js", "text/javascript; charset=utf-8")}


@pytest.fixture
def cutover(folder):
    log = Maillog(folder / "mail.log")
    log.write(1)
    cutover = Cutover(folder, ADDRESS, log=log.path, domains="example.com").start()
    yield cutover
    cutover.kill()


def test_the_files_are_in_the_program(cutover):
    for path, (name, kind) in FILES.items():
        with urllib.request.urlopen(f"http://{ADDRESS}:8794{path}", timeout=5) as answer:
            assert answer.read().decode() == (ROOT / "policyd/cutover" / name).read_text(encoding="utf-8")
            assert answer.headers["Content-Type"] == kind
            assert "default-src 'none'; script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert cutover.page("/page.txt")[0] == 404


def test_a_foreign_host_is_not_served(cutover):
    request = urllib.request.Request(f"http://{ADDRESS}:8794/", headers={"Host": "rebound.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=5)
    assert refused.value.code == 421
    assert cutover.page("/")[0] == 200


def test_nothing_that_the_policy_of_the_page_forbids():
    page = (ROOT / "policyd/cutover/page.html").read_text(encoding="utf-8")
    script = (ROOT / "policyd/cutover/page.js").read_text(encoding="utf-8")
    assert not re.search(r"<script>|<style|\son\w+=|\sstyle=|<button|<form|<input", page)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|POST", script)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page + script)


# What a browser makes of it.

class Sample(http.server.ThreadingHTTPServer):
    """The page's own files beside a document that a test chooses, under the same policy."""

    def __init__(self, policy, document):
        self.policy, self.document_text = policy, document
        super().__init__(("127.20.70.5", 0), self.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path in FILES:
                name, kind = FILES[self.path]
                status, body = 200, (ROOT / "policyd/cutover" / name).read_bytes()
            else:
                kind = "application/json"
                status, body = (200, self.server.document_text.encode()) if self.server.document_text else (503, b"")
            self.send_response(status)
            for header, value in (("Content-Type", kind), ("Content-Length", len(body)),
                                  ("Content-Security-Policy", self.server.policy)):
                self.send_header(header, str(value))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *unused):
            pass


def drawn(folder, policy, document):
    """The page's document once its script has run."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium here (apt-get install chromium)")
    server = Sample(policy, document)
    done = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'browser'}",
         "--virtual-time-budget=3000", "--dump-dom", f"http://127.20.70.5:{server.server_address[1]}/"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    server.shutdown()
    assert "</html>" in done.stdout, done.stderr
    return done.stdout


def text_of(markup):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", markup)))


@pytest.fixture
def policy(cutover):
    with urllib.request.urlopen(f"http://{ADDRESS}:8794/", timeout=5) as answer:
        return answer.headers["Content-Security-Policy"]


def test_a_browser_draws_a_card_for_each_plan(folder, policy):
    page = drawn(folder, policy, json.dumps(plan_sample.STATUS))
    cards = re.findall(r"<article.*?</article>", page, re.S)
    assert len(cards) == 4
    running, back, bad, others = (text_of(card) for card in cards)
    assert "To do" not in running, "it goes on by itself"
    for part in ("example.com running running in stage 2 of 3, 70 %, for 5 h.", "Waits for: stay (19 h of 24 h left) and 2 more gates",
                 "Running hook: after_transition, for 1 min", "weight 70 % share of mail on new 69.41 % share of units on new 70.12 %",
                 "2 70 % stays 24 h 19 h left",
                 "no samples 143 of 200 deliveries on new, about 2 h", "not known judge", "delivered 812 1,843", "success 99.87 % 99.97 %",
                 "mean delay 440 ms 310 ms", "unknown mailbox 0 4", "waiting 2 11", "oldest waits 37 s 10 min",
                 "13 messages wait, the oldest for 10 min (quota 1, outage 12)",
                 "plan-advance 30 to 70 every gate said yes", "<kim@example.com>: old knows it"):
        assert part in running, part
    assert cards[0].count("<polyline") >= 6 and 'class="card alarm"' in cards[1]
    assert "Rolled back : availability of new 43.10 % for 2 h (below 95 %); drained 812, rto_s 94" in back
    assert "postshiftctl ledger rolled.example" in back and "postshiftctl plan start rolled.example" in back
    assert "more than a factor of two apart" in back and "factor of two" not in running
    assert "The plan is bad : stays:" in bad and "not counted here" in bad
    assert "plain.example split 12.5 % 1,234 170 1 1 min 3" in others and "unknown.example not known - 0 0 - - -" in others
    assert "example.com" not in others and 'id="trouble" role="alert" hidden=""' in page


def test_text_of_strangers_stays_text(folder, policy):
    page = drawn(folder, policy, json.dumps(plan_sample.STATUS))
    assert "<img" not in page and "<b>eve" not in page
    assert "<img src=x onerror=alert(1)>" in text_of(page)


def test_a_controller_that_does_not_answer_is_told(folder, policy):
    page = drawn(folder, policy, None)
    assert re.search(r'<p id="trouble" role="alert">The controller can\'t be asked: it answers 503', html.unescape(page)), page


def test_what_is_wrong_with_the_controller_is_told(folder, policy):
    status = {**plan_sample.STATUS, "redis": {"up": False, "error": "Connection refused"},
              "log": {"silent": True, "trouble": "the books can't be written: disk full"}, "books": {"balanced": False},
              "queue": {"trouble": "[cutover] queue = no"}}
    page = text_of(drawn(folder, policy, json.dumps(status)))
    assert ("Redis is away: Connection refused; the books can't be written: disk full; no line of Postfix for ten minutes; "
            "the books do not balance: postshiftctl audit") in page
    assert "queue = no" not in page, "which is a choice"


def test_without_a_plan_it_says_how_one_begins(folder, policy):
    page = drawn(folder, policy, json.dumps({**plan_sample.STATUS, "plans": []}))
    assert "No domain has a plan: postshiftctl plan start DOMAIN" in text_of(page)
