"""What a monitoring system sees: the metrics of a gateway's daemons, the rules and the dashboard that read them."""
import itertools
import json
import re
import subprocess

import pytest
import yaml

from authsite import mail
from processes import ROOT, run, wait_for
from prometheus import Prometheus
from test_watch_lines import MANUAL, documented_keys
from watchsite import WatchSite

C, G, H = "counter", "gauge", "histogram"

# Of each: type, labels; a name without process_ is prefixed with postshift_.
ALL = {
    "build_info": (G, "program version"),
    "config_last_reload_successful": (G, ""),
    "config_last_reload_success_timestamp_seconds": (G, ""),
    "process_cpu_seconds_total": (C, ""),
    "process_resident_memory_bytes": (G, ""),
    "process_open_fds": (G, ""),
    "process_max_fds": (G, ""),
    "process_start_time_seconds": (G, ""),
}
REDIS = {"redis_up": (G, ""), "redis_reconnects_total": (C, ""), "redis_errors_total": (C, "reason")}
METRICS = {
    "auth": {
        **ALL,
        "auth_messages_total": (C, "action"),
        "auth_results_total": (C, "method result"),
        "auth_forged_headers_total": (C, ""),
        "auth_message_duration_seconds": (H, ""),
        "auth_process_exits_total": (C, "process"),
        "dns_queries_total": (C, "result"),
        "dns_query_duration_seconds": (H, ""),
        "milter_sessions": (G, ""),
    },
    "scan": {
        **ALL,
        "scan_messages_total": (C, "action"),
        "scan_results_total": (C, "engine result"),
        "scan_duration_seconds": (H, "engine"),
        "scan_workers": (G, "state"),
        "scan_worker_exits_total": (C, "reason"),
        "scan_signatures": (G, ""),
        "scan_database_timestamp_seconds": (G, ""),
        "scan_database_reloads_total": (C, "result"),
        "scan_process_exits_total": (C, "process"),
        "milter_sessions": (G, ""),
    },
    "policyd": {
        **ALL, **REDIS,
        "policyd_requests_total": (C, "listener answer"),
        "policyd_request_duration_seconds": (H, "listener"),
        "policyd_clients": (G, "listener"),
        "policyd_clients_closed_total": (C, "listener reason"),
        "policyd_replica_domains": (G, ""),
        "policyd_replica_pins": (G, ""),
        "policyd_replica_units": (G, ""),
        "policyd_replica_invalid": (G, ""),
        "policyd_replica_suspect": (G, ""),
        "policyd_replica_synced_timestamp_seconds": (G, ""),
        "policyd_replica_changes_total": (C, "source"),
        "policyd_replica_loads_total": (C, "result"),
        "policyd_snapshot_writes_total": (C, "result"),
        "domain_weight_ratio": (G, "domain"),
    },
    "cutover": {
        **ALL, **REDIS,
        "cutover_deliveries_total": (C, "domain backend outcome"),
        "cutover_delivery_delay_seconds": (H, "domain backend"),
        "cutover_duplicates_total": (C, "domain backend"),
        "cutover_availability_ratio": (G, "domain backend window"),
        "cutover_plan_state": (G, "domain state"),
        "cutover_plan_stage": (G, "domain"),
        "cutover_transitions_total": (C, "domain kind"),
        "cutover_probe_success": (G, "domain backend"),
        "cutover_probe_duration_seconds": (G, "domain backend phase"),
        "cutover_hook_runs_total": (C, "hook result"),
        "cutover_guard_pins": (G, "domain kind"),
        "cutover_log_lines_total": (C, "result"),
        "cutover_log_last_line_timestamp_seconds": (G, ""),
        "cutover_log_lag_seconds": (G, ""),
        "cutover_books_commit_timestamp_seconds": (G, ""),
        "cutover_trouble": (G, ""),
        "cutover_healthy": (G, ""),
        "cutover_gateways_differ": (G, ""),
        "cutover_gateways_silent": (G, ""),
        "cutover_event_faults_total": (C, ""),
        "cutover_replica_digest": (G, ""),
        "books_difference": (G, ""),
        "oldest_waiting_seconds": (G, "domain reason"),
        "queue_disagreement": (G, ""),
    },
    "undo": {
        **ALL,
        "undo_copies_total": (C, "result"),
        "undo_early_removals_total": (C, ""),
        "undo_bytes": (G, ""),
        "undo_covers_since_timestamp_seconds": (G, ""),
    },
    "rehearsal": {
        **ALL, "redis_up": REDIS["redis_up"],
        "rehearsal_questions_total": (C, "answer"),
        "rehearsal_movers": (G, "domain"),
        "rehearsal_last_look_timestamp_seconds": (G, ""),
    },
}
# What stands there before anything has happened.
FROM_THE_START = {
    "auth": ["auth_messages_total", "auth_results_total", "dns_queries_total", "auth_process_exits_total"],
    "scan": ["scan_messages_total", "scan_results_total", "scan_workers", "scan_worker_exits_total", "scan_process_exits_total",
             "scan_database_reloads_total"],
    "policyd": ["policyd_requests_total", "policyd_clients_closed_total", "policyd_replica_changes_total", "policyd_replica_loads_total",
                "policyd_snapshot_writes_total", "redis_errors_total"],
    "cutover": ["redis_errors_total", "cutover_deliveries_total", "cutover_transitions_total", "cutover_hook_runs_total",
                "cutover_log_lines_total", "cutover_duplicates_total"],
    "undo": ["undo_copies_total"],
    "rehearsal": ["rehearsal_questions_total"],
}
PROGRAMS = list(METRICS)


def full_name(name):
    return name if name.startswith("process_") else f"postshift_{name}"


@pytest.fixture(scope="module")
def site(module_folder):
    site = WatchSite(module_folder, "127.20.97")
    try:
        site.begin()
        site.prometheus = Prometheus(module_folder, f"{site.block}.20", [each.page_address for each in site.daemons.values()]).start()
        site.ends.callback(site.prometheus.stop)
        yield site.wait()
    finally:
        site.stop()


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_metric_is_there_with_its_type_and_labels(site, program):
    def seen():
        return {name: (kind, {key for key, _ in next(iter(series))} if series else None)
                for name, (kind, series) in site.families(program).items()}

    wanted = {full_name(name): (kind, set(labels.split())) for name, (kind, labels) in METRICS[program].items()}
    # Some have no series until something waits, or a probe has ended.
    if program == "cutover":
        wait_for(lambda: not [name for name, (_, labels) in seen().items() if labels is None], 20, "a series of each metric")
    assert seen() == wanted


@pytest.mark.parametrize("program", PROGRAMS)
def test_promtool_finds_nothing_to_complain_of(site, program):
    done = subprocess.run(["promtool", "check", "metrics"], input=site.page(program), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_counts_begins_at_nothing(site, program):
    found = site.families(program)
    for name in FROM_THE_START[program]:
        values = found[full_name(name)][1].values()
        assert len(values) > 1 and (0 in values or name == "scan_workers"), (name, found[full_name(name)])


def test_no_address_and_no_queue_id_is_a_label(site):
    site.auth.send(mail(), queue_id="4LABEL0001")
    text = "".join(site.page(program) for program in PROGRAMS)
    for stranger in ("@", "4LABEL", "sender.example", "192.0.2."):
        assert stranger not in text, stranger


def test_the_manual_lists_every_metric(site):
    """In both directions: name, type, labels, and what /metrics itself says it is."""
    text = MANUAL.read_text(encoding="ascii")
    written = set(re.findall(r'^\.TP\n\.BI (\S+) "(.*)"\n(.*)$', text.replace("\\-", "-"), re.M))
    shown = set()
    for program in PROGRAMS:
        said = dict(re.findall(r"^# HELP (\S+) (.*)$", site.page(program), re.M))
        for name, (kind, labels) in METRICS[program].items():
            braces = f" {{{','.join(labels.split())}}}" if labels else ""
            shown.add((full_name(name), f" {kind}{braces}", said[full_name(name)]))
    # Two programs may have a help text of their own for a name that both have; the page has one of them.
    assert {one[:2] for one in written} == {one[:2] for one in shown} and written <= shown


# Their lines, as JSON.

HEAD = ["time", "level", "program", "pid", "queue_id", "event", "fields", "note", "message", "cut"]


@pytest.fixture(scope="module")
def lines(site):
    """All lines of all, once each documented kind is among them."""
    site.auth.send(mail(), queue_id="4QAUTH00001")
    site.daemons["scan"].send(mail(), b"hello\r\n", queue_id="4QSCAN00001")
    site.daemons["policyd"].ask("alice@example.com")
    site.plans.redis.command("SET", "cutover:pin:bob@example.com", "30%")
    wanted = {"auth": "auth", "scan": "scan", "route": "policyd", "change": "policyd", "transition": "cutover", "warning": "policyd"}

    def kinds():
        return {kind(line) for program in set(wanted.values()) for line in site.lines(program)}

    wait_for(lambda: set(wanted) <= kinds(), 20, "a line of each kind")
    return {program: site.lines(program) for program in PROGRAMS}


def kind(line):
    return line.get("event") or ("warning" if "value" in line.get("fields", {}) else None)


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_line_is_an_object_with_keys_that_stay(lines, program):
    for line in lines[program]:
        assert list(line) == [key for key in HEAD if key in line], line
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]), line
        assert line["level"] in ("error", "warning", "info", "debug") and line["program"] == f"postshift-{program}"
        assert isinstance(line["pid"], int) and ("message" in line) != ("fields" in line or "note" in line), line


def test_documented_lines_have_the_documented_keys(lines):
    seen = {}
    for line in itertools.chain(*lines.values()):
        seen.setdefault(kind(line), []).append({**line.get("fields", {}), **({"note": line["note"]} if "note" in line else {})})
    for word, keys in documented_keys().items():
        for fields in seen[word]:
            if word != "warning" or "value" in fields:
                assert list(fields) == [key for key in keys if key in fields], (word, fields)
    by_id = {line["queue_id"]: line["fields"] for line in itertools.chain(*lines.values()) if "queue_id" in line}
    assert by_id["4QAUTH00001"]["from"] == "a@sender.example" and isinstance(by_id["4QAUTH00001"]["delay"], (int, float))
    assert by_id["4QSCAN00001"]["clamav"] == "clean" and isinstance(by_id["4QSCAN00001"]["size"], int)
    assert seen["route"][0]["to"] == "alice@example.com" and seen["transition"][0]["to"] == "30"


def test_the_table_to_ecs_names_keys_that_are_there(lines):
    keys = re.findall(r"^([a-z_.]+)\t[a-z_.@]+", MANUAL.read_text(encoding="ascii").partition(".TS")[2], re.M)
    assert [key for key in keys if "." not in key] == HEAD
    there = {f"fields.{key}" for every in documented_keys().values() for key in every}
    assert {key for key in keys if "." in key} <= there


# What reads them.

DASHBOARD = ROOT / "postfix-conf/postshift-dashboard.json"


def expressions_of_rules():
    groups = yaml.safe_load((ROOT / "postfix-conf/postshift-alerts.yml").read_text(encoding="ascii"))["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


def dashboard():
    return json.loads(DASHBOARD.read_text(encoding="ascii"))


def expressions_of_dashboard():
    return [target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", [])]


@pytest.fixture(scope="module")
def everything(site):
    """{name: (type, series)} over the four pages; of a name that several have, all series."""
    found = {}
    for program in PROGRAMS:
        for name, (kind, series) in site.families(program).items():
            found.setdefault(name, (kind, {}))[1].update(series)
    return found


@pytest.mark.parametrize("source", [expressions_of_rules, expressions_of_dashboard])
def test_what_is_read_is_there(everything, source):
    """Each metric, each label by which it is chosen or summed, and each value that a label is compared with."""
    for expression in source():
        plain = re.sub(r"count_values\(\"\w+\", ", "(", re.sub(r"by \(postshift_digest\)", "", expression))
        named = re.findall(r"\b((?:postshift|process)_[a-z0-9_]+)(?:\{([^}]*)\})?", plain)
        assert named or "up{" in expression, expression
        labels = set()
        for name, chosen in named:
            whole = re.sub(r"_bucket$", "", name)
            kind, series = everything[whole]
            assert (kind == "histogram") == (whole != name), name
            pairs = {pair for one in series for pair in one}
            labels |= {key for key, _ in pairs}
            for key, comparison, value in re.findall(r'(\w+)(=~|=|!=)"([^"]*)"', chosen or ""):
                assert key in {label for label, _ in pairs}, (name, key)
                for one in value.split("|") if value != "$domain" else []:
                    assert (key, one) in pairs, (name, key, one)
        for names in re.findall(r"\bby \(([a-z_, ]+)\)", plain):
            assert set(names.split(", ")) <= labels | {"instance", "le"}, expression


def test_every_metric_of_ours_is_on_the_dashboard():
    text = " ".join(expressions_of_dashboard())
    for program in PROGRAMS:
        for name in METRICS[program]:
            assert re.search(rf"\b{full_name(name)}(_bucket)?\b", text), name


def test_every_expression_of_the_dashboard_parses(folder):
    """promtool reads expressions in rules: each becomes one."""
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(expressions_of_dashboard())]
    path = folder / "rules.yml"
    path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = run("promtool", "check", "rules", path, check=False)
    assert done.returncode == 0 and f"SUCCESS: {len(rules)} rules found" in done.stdout, done.stdout + done.stderr


def test_the_dashboard_is_one_that_grafana_takes():
    board = dashboard()
    panels = board["panels"]
    assert board["title"] == "postshift" and board["uid"] and board["schemaVersion"] >= 30
    assert len({panel["id"] for panel in panels}) == len(panels)
    variables = {one["name"] for one in board["templating"]["list"]}
    assert set(re.findall(r"\$\{?([a-z_]+)", json.dumps(panels))) == variables
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken and place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells


# What a real Prometheus makes of it.

# Nothing has come of them yet, in a site that is well.
SILENT = ["Transitions of a day", "Redis: new connections and errors", "DNS questions", "Scanner: results"]


def test_every_panel_shows_something(site):
    """Each expression is evaluated without an error, and those that can have a value by now have one."""
    prometheus = site.prometheus.wait()
    for panel in dashboard()["panels"]:
        shown = [row for target in panel.get("targets", []) for row in prometheus.ask(target["expr"].replace("$domain", ".*"))]
        assert shown or panel["title"] in SILENT or panel["type"] == "row", panel["title"]


def test_no_rule_has_an_error_and_a_site_that_is_well_none_that_fires(site):
    prometheus = site.prometheus.wait()
    groups = prometheus.api("rules")["groups"]
    found = {rule["name"]: rule for group in groups for rule in group["rules"]}
    assert len(found) == len(expressions_of_rules())
    wait_for(lambda: all(rule["health"] == "ok" for group in prometheus.api("rules")["groups"] for rule in group["rules"]), 20,
             "every rule to be evaluated")
    firing = [labels["alertname"] for labels, _ in prometheus.ask('ALERTS{alertstate="firing"}')]
    assert firing == [], firing
