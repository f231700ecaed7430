"""A /status.json of the controller, for what draws it: one plan on its way, one rolled back, one bad."""
import math

NOW = 1795564800
CHART = {side: {"delivered": [], "fail": [], "delay_ms": []} for side in ("old", "new")}
for i in range(60):
    wave = 40 + round(25 * math.sin(i / 9))
    CHART["old"]["delivered"].append(wave if i < 30 else wave // 2)
    CHART["new"]["delivered"].append(wave // 3 if i < 30 else wave)
    CHART["old"]["fail"].append(1 if i % 17 == 3 else 0)
    CHART["new"]["fail"].append(2 if i in (33, 34) else 0)
    CHART["old"]["delay_ms"].append(420 + 9 * (i % 7))
    CHART["new"]["delay_ms"].append(None if i in (10, 11) else 260 + 13 * (i % 5))


def side(**fields):
    return {"delivered": 0, "success": None, "delay_ms": None, "fail": 0, "neutral": 0, "rejected": 0, "unknown": 0, "toobig": 0,
            "waiting": 0, "oldest_s": None, **fields}


def event(number, what, before, after, why="", who="plan", ago=60):
    return {"id": f"{NOW - ago}000-{number}", "time": NOW - ago, "who": who, "what": what, "from": before, "to": after, "why": why}


RUNNING = {
    "domain": "example.com", "state": "running", "stage": 2, "weight": 70, "problem": None,
    "sentence": "running in stage 2 of 3, 70 %, for 5 h",
    "waits_for": "stay (19 h of 24 h left) and 2 more gates; 100 % is next", "why": None, "edited": False,
    "since": NOW - 5 * 3600, "command": None,
    "stages": [{"name": "30 %", "stay_s": 259200, "is_over": True, "left_s": None},
               {"name": "70 %", "stay_s": 86400, "is_over": False, "left_s": 19 * 3600},
               {"name": "100 %", "stay_s": 86400, "is_over": False, "left_s": None}],
    "gates": [
        {"name": "stay", "answer": "no", "text": "19 h of 24 h left"},
        {"name": "window", "answer": "yes", "text": "open: Mon-Fri 08:00-16:00 Europe/Berlin"},
        {"name": "samples", "answer": "no", "text": "143 of 200 deliveries on new, about 2 h"},
        {"name": "success", "answer": "yes", "text": "99.97 % of 143 on new in 5 h (at least 99.95 %)"},
        {"name": "delay", "answer": "yes", "text": "310 ms on new in 5 h (at most 1.2 s)"},
        {"name": "judge", "answer": "not-known", "text": "not known yet: 3 failures on old, 1 on new; about 40 more are needed, since 09:00"},
        {"name": "alarm", "answer": "yes", "text": "none"},
        {"name": "probe", "answer": "yes", "text": "new answered 12 s ago"}],
    "step": None, "hook": {"name": "after_transition", "since": NOW - 95},
    "sides": {"old": side(delivered=812, success=99.87, delay_ms=440, fail=1, waiting=2, oldest_s=37),
              "new": side(delivered=1843, success=99.97, delay_ms=310, unknown=4, rejected=2, waiting=11, oldest_s=612)},
    "sides_since": NOW - 5 * 3600, "guard": {"pinned": 5, "unknown": 3, "stopped": None}, "share": {"mail": 69.41, "units": 70.12, "apart": False},
    "chart": {"start": NOW - 86400, "step_s": 1440, **CHART},
    "events": [event(4, "hook-start", "", "", "after_transition", who="gw1", ago=95),
               event(3, "plan-advance", "30", "70", "every gate said yes", ago=5 * 3600),
               event(2, "misprovision", "new", "old", "<kim@example.com>: old knows it", who="gw2", ago=7 * 3600),
               event(1, "plan-start", "0", "30", "the first stage", who="anna", ago=80 * 3600)]}

ROLLED_BACK = {
    **RUNNING, "domain": "rolled.example", "state": "rolled-back", "stage": 2, "weight": 0, "gates": [], "hook": None,
    "sentence": "rolled-back in stage 2 of 3, 70 %, for 12 min",
    "why": "availability of new 43.10 % for 2 h (below 95 %); drained 812, rto_s 94",
    "waits_for": "a person who says start",
    "command": "postshiftctl ledger rolled.example",
    "share": {"mail": 12.5, "units": 0, "apart": True},
    "stages": [dict(stage, left_s=None) for stage in RUNNING["stages"]],
    "events": [event(5, "rollback", "70", "0", "availability of new 43.10 % for 2 h (below 95 %)", who="slow-trigger", ago=720)]}

BAD = {
    **RUNNING, "domain": "bad.example", "state": "bad", "stage": 0, "weight": None, "stages": [], "gates": [], "hook": None,
    "problem": 'stays: "3d" (one duration for each stage, by blanks)', "sides": None, "sides_since": None, "chart": None,
    "sentence": 'the plan is bad and moves nothing: stays: "3d" (one duration for each stage, by blanks)',
    "waits_for": "a person who mends it", "command": None, "since": None, "share": {"mail": None, "units": None, "apart": False},
    "events": [event(6, "plan-pause", "running", "paused", "<img src=x onerror=alert(1)>", who="<b>eve</b>", ago=3)]}



def domain(name, **fields):
    outcomes = {outcome: 0 for outcome in ("ok", "fail", "neutral", "rejected", "unknown", "toobig")}
    return {"domain": name, "mode": "split", "weight": 0, "override": False, "old": {**outcomes}, "new": {**outcomes}, "standby": {**outcomes},
            "waiting": 0, "oldest_waiting": None, "reasons": {}, "guard": None, **fields}


STATUS = {
    "program": "postshift-cutover", "version": "0.1", "gateway": "gw1", "digest": None, "now": NOW, "started": NOW - 9 * 86400,
    "redis": {"address": "inet:127.0.0.1:6379", "up": True, "error": None},
    "log": {"source": "file:/var/log/mail.log", "last_line": NOW - 2, "lag_seconds": 0, "up_to_date": True, "silent": False,
            "trouble": None, "lines": {"used": 9, "other": 1, "unknown": 0}},
    "books": {"file": "books.db", "committed": NOW - 1, "lag_seconds": 0, "balanced": True, "difference": 0, "gaps": 0, "waiting": 13,
              "oldest_waiting": NOW - 612},
    "queue": {"compared": NOW - 40, "queue_only": 0, "books_only": 0, "trouble": None},
    "domains": [domain("example.com", weight=70, waiting=13, oldest_waiting=NOW - 612, reasons={"quota": 1, "outage": 12}),
                domain("plain.example", weight=12.5, waiting=1, guard={"pinned": 2, "unknown": 1, "stopped": None}, oldest_waiting=NOW - 90, old={"ok": 1234}, new={"ok": 170}),
                domain("unknown.example", mode=None, weight=None, waiting=None)],
    "plans": [RUNNING, ROLLED_BACK, BAD]}
