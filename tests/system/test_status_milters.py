"""postshiftctl status tells what the milters complain of."""
import http.server
import threading

import pytest

from policyd import Policyd
from processes import BIN, run
from redis_server import RedisServer

ADDRESS = "127.20.52.1"


class Page(http.server.BaseHTTPRequestHandler):
    text = b"ok\n"
    status = 200

    def do_GET(self):
        assert self.path == "/healthz"
        self.send_response(Page.status)
        self.send_header("Content-Length", str(len(Page.text)))
        self.end_headers()
        self.wfile.write(Page.text)

    def log_message(self, *unused):
        pass


@pytest.fixture
def site(folder):
    redis = RedisServer(folder / "redis", "127.20.52.2").start()
    redis.set_domain("example.com", old="cutover-old:[192.0.2.10]:25", new="cutover-new:[192.0.2.20]:25", weight=0, inside="accept")
    policyd = Policyd(folder, "127.20.52.3", redis=redis, domains="example.com", nexthops="192.0.2.0/24")
    policyd.start()
    with open(policyd.config, "a", encoding="utf-8") as config:
        config.write(f"[scan]\nmetrics = inet:{ADDRESS}:8892\n[auth]\nmetrics = none\n")
    yield policyd
    policyd.stop()
    redis.process.resume_and_kill()


def test_a_reload_that_failed_is_in_status(site):
    def complaints():
        done = run(BIN / "postshiftctl", "-c", site.config, "status", check=False)
        return done.returncode, [l for l in done.stdout.splitlines() if "postshift-scan" in l]

    assert complaints()[1] == [], "one that is silent may not be there"
    server = http.server.ThreadingHTTPServer((ADDRESS, 8892), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        Page.text = b"ok\n"
        assert complaints()[1] == []
        Page.text = b"the last reload of signatures failed: the former ones are in use\n"
        code, lines = complaints()
        assert code == 1 and len(lines) == 1 and lines[0].endswith(
            "postshift-scan: the last reload of signatures failed: the former ones are in use"), lines
        Page.text, Page.status = b"no signatures loaded\n", 503
        assert complaints()[1] and complaints()[0] == 1
    finally:
        server.shutdown()
        server.server_close()
