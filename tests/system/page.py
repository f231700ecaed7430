"""What a daemon of ours shows by HTTP."""
import contextlib
import http.client
import json
import math
import urllib.error
import urllib.request

from processes import wait_for

# Straight there, whatever proxy the environment has for the world.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Page:
    """For what has a page_address: (host, port)."""

    def page(self, path="/metrics"):
        """Status and text; an OSError where nobody answers."""
        host, port = self.page_address
        try:
            with OPENER.open(f"http://{host}:{port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except http.client.HTTPException as error:
            raise ConnectionError(f"half an answer: {error!r}") from error

    def is_well(self):
        """Its page may be there a moment later than its other sockets."""
        with contextlib.suppress(OSError):
            return self.page("/healthz")[0] == 200
        return False

    def wait_until_well(self, seconds=30.0):
        wait_for(self.is_well, seconds, "/healthz to say ok")

    def document(self, path):
        status, text = self.page(path)
        assert status == 200, f"{path}: {status} {text}"
        return json.loads(text)

    def metric(self, series, default=math.nan):
        """The value of one series, labels as printed: name{label="value"}.  Where there is none, or nobody to ask
        just now, a number that compares with nothing: what waits for a value goes on, what asserts one fails."""
        with contextlib.suppress(OSError):
            for line in self.page()[1].splitlines():
                if line.startswith(series + " "):
                    return float(line.rpartition(" ")[2])
        return default
