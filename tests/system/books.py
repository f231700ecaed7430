"""books - books of a cutover, filled from a log, and postshiftctl with their configuration."""
import json
import pathlib
import subprocess

from processes import BIN, ROOT, run
from redis_server import RedisServer

ZOO = ROOT / "tests/data/maillog/own-postfix-3.7.11-zoo.log"


NO_REDIS = "inet:127.0.0.1:1"


class Books:
    """A folder with a configuration; fill() enters a log by postshift-cutover itself."""

    def __init__(self, folder, *, redis=NO_REDIS, domains="new.test example.com", lines=()):
        self.folder = pathlib.Path(folder)
        self.redis = redis
        self.file = self.folder / "books.db"
        self.config = self.folder / "postshift.conf"
        self.config.write_text("\n".join([
            "[redis]", f"address = {redis}", "timeout = 500ms", "[policyd]", f"domains = {domains}",
            f"snapshot = {self.folder}/snapshot", f"override = {self.folder}/override",
            "[cutover]", "log = -", f"books = {self.file}", "page = none", f"postfix = {self.folder}", *lines, ""]),
            encoding="ascii")

    def fill(self, log, *, with_redis=True):
        """`log` is a path or a text; ends when all of it is entered.  With an empty Redis for as long, since the
        controller waits seconds for one that is not there."""
        text = log.read_bytes() if isinstance(log, pathlib.Path) else log.encode("utf-8", "surrogateescape")
        if with_redis and self.redis == NO_REDIS:
            server = RedisServer(self.folder / "redis", "127.20.54.1").start()
            config = self.folder / "filling.conf"
            config.write_text(self.config.read_text(encoding="ascii").replace(NO_REDIS, "inet:127.20.54.1:6379"), encoding="ascii")
            try:
                self.enter(text, config)
            finally:
                server.stop()
        else:
            self.enter(text, self.config)
        return self

    @staticmethod
    def enter(text, config):
        done = subprocess.run([BIN / "postshift-cutover", "-c", config], input=text, capture_output=True,
                              timeout=60, check=False)
        assert done.returncode == 0, done.stderr.decode()

    def ctl(self, *words, code=0, environment=None, stdin=None):
        done = run(BIN / "postshiftctl", "-c", self.config, *words, check=False, stdin=stdin,
                   environment={"TZ": "UTC", **(environment or {})})
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def json(self, *words, code=0, **how):
        return json.loads(self.ctl(*words, "--json", code=code, **how).stdout)
