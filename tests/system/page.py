"""What a daemon of ours shows by HTTP."""
import json
import urllib.error
import urllib.request


class Page:
    """For what has an address and a page_port."""

    def page(self, path):
        """Status and text."""
        try:
            with urllib.request.urlopen(f"http://{self.address}:{self.page_port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def document(self, path):
        status, text = self.page(path)
        assert status == 200, f"{path}: {status} {text}"
        return json.loads(text)

    def metric(self, series, default=None):
        """The value of one series, labels as printed: name{label="value"}."""
        for line in self.page("/metrics")[1].splitlines():
            if line.startswith(series + " "):
                return float(line.rpartition(" ")[2])
        assert default is not None, f"no {series}"
        return default
