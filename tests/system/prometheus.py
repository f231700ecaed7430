"""prometheus - a real Prometheus that reads some pages every second, with our alert rules.

    it = Prometheus(folder, address, targets).start(); it.wait(); it.ask("up")  ->  [(labels, value)]; it.stop()

Its first look takes five seconds, whatever the interval: do something else between start and wait.
"""
import json
import urllib.parse

from page import OPENER
from processes import ROOT, Process, wait_for

PORT = 9090


class Prometheus:
    def __init__(self, folder, address, targets):
        """targets: [(host, port)]"""
        self.address, self.targets = f"{address}:{PORT}", targets
        place = folder / "prometheus"
        place.mkdir()
        config = place / "prometheus.yml"       # JSON is YAML
        config.write_text(json.dumps({
            "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"},
            "rule_files": [str(ROOT / "postfix-conf/postshift-alerts.yml")],
            "scrape_configs": [{"job_name": "postshift", "static_configs": [{"targets": [f"{h}:{p}" for h, p in targets]}]}]}))
        self.process = Process(["prometheus", f"--config.file={config}", f"--storage.tsdb.path={place / 'data'}",
                                f"--web.listen-address={self.address}", "--log.level=warn"], place / "prometheus.log")

    def start(self):
        self.process.start()
        return self

    def wait(self):
        wait_for(self.has_seen_all, 60, "Prometheus to read every page thrice", every=0.2)
        return self

    def stop(self):
        self.process.kill()

    def api(self, path, **words):
        with OPENER.open(f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(words)}", timeout=20) as answer:
            told = json.load(answer)
        assert told["status"] == "success", told
        return told["data"]

    def ask(self, expression):
        return [(one["metric"], float(one["value"][1])) for one in self.api("query", query=expression)["result"]]

    def has_seen_all(self):
        assert self.process.running(), self.process.output()
        try:
            return len(self.ask("count_over_time(up[1m]) > 2 and up == 1")) == len(self.targets)
        except OSError:
            return False
