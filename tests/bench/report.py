"""report - a benchmark's lines: what, measured, limit, and whether it holds."""


class Report:
    def __init__(self):
        self.failed = False

    def line(self, what, measured, unit="", limit=None, note=""):
        verdict = ""
        if limit is not None:
            holds = measured <= limit
            self.failed |= not holds
            verdict = f"{'ok' if holds else 'MISSED'} (at most {limit:g}{unit})"
        print(f"{what:<58} {measured:>10.4g}{unit:<4} {verdict}{'  ' + note if note else ''}", flush=True)
