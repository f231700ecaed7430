"""The alert rules: each fires at the minute stated on one series and stays silent on another; what they point at is there."""
import html
import json
import re
import subprocess

import pytest
import yaml

from processes import BIN, ROOT, run

RULES = ROOT / "postfix-conf/postshift-alerts.yml"
RUNBOOK = ROOT / "postfix-conf/runbook.html"

HEALTHY, SICK, UNKNOWN = "0x400", "0x4 1x400", "NaN " * 60


def stuck_at(minute):
    """A time stamp that grows up to that minute and then stands still."""
    return f"0+60x{minute} {minute * 60}x400"


def counter_from(minute, step=1):
    """0, and from that minute on so much more each minute."""
    return f"0x{minute - 1} {step}+{step}x400"


# alert: (minute of the first firing, series that make it fire, series that don't).  What is sick is so from minute 5 on,
# but for ages.
CASES = {
    "PostshiftDown": (7, {'up{job="postshift"}': "1x4 0x400"}, {'up{job="postshift"}': "1x400", 'up{job="node"}': "0x400"}),
    "PostshiftConfigNotTaken": (6, {"postshift_config_last_reload_successful": "1x4 0x400"},
                                {"postshift_config_last_reload_successful": "1x4 0 1x400"}),
    "PostshiftRedisDown": (6, {"postshift_redis_up": "1x4 0x400"}, {"postshift_redis_up": "1x4 0 1x400"}),
    # At minute 6 the age is 60 s, and not more.
    "PostshiftNotSynced": (7, {"postshift_policyd_replica_synced_timestamp_seconds": stuck_at(5)},
                           {"postshift_policyd_replica_synced_timestamp_seconds": "0+60x400"}),
    "PostshiftSuspect": (6, {"postshift_policyd_replica_suspect": SICK}, {"postshift_policyd_replica_suspect": "0x4 1 0x400"}),
    "PostshiftInvalidState": (10, {"postshift_policyd_replica_invalid": SICK}, {"postshift_policyd_replica_invalid": "0x4 1x4 0x400"}),
    "PostshiftSnapshotFailing": (5, {'postshift_policyd_snapshot_writes_total{result="failed"}': counter_from(5)},
                                 {'postshift_policyd_snapshot_writes_total{result="failed"}': HEALTHY,
                                  'postshift_policyd_snapshot_writes_total{result="done"}': counter_from(5)}),
    # From minute 5 on all take 0.1 to 0.5 s; before, and always on the other, 10 us.
    "PostshiftAnswersSlow": (10, {'postshift_policyd_request_duration_seconds_bucket{le="0.00001"}': "0+100x4 400x400",
                                  'postshift_policyd_request_duration_seconds_bucket{le="0.1"}': "0+100x4 400x400",
                                  'postshift_policyd_request_duration_seconds_bucket{le="0.5"}': "0+100x400",
                                  'postshift_policyd_request_duration_seconds_bucket{le="+Inf"}': "0+100x400"},
                             {'postshift_policyd_request_duration_seconds_bucket{le="0.00001"}': "0+100x400",
                              'postshift_policyd_request_duration_seconds_bucket{le="0.5"}': "0+100x400",
                              'postshift_policyd_request_duration_seconds_bucket{le="+Inf"}': "0+100x400"}),
    "PostshiftRolledBack": (5, {'postshift_cutover_transitions_total{domain="example.com",kind="rollback"}': "0x4 1x400"},
                            {'postshift_cutover_transitions_total{domain="example.com",kind="advance"}': "0x4 1x400",
                             'postshift_cutover_transitions_total{domain="example.com",kind="rollback"}': "1x400"}),
    "PostshiftFrozen": (5, {'postshift_cutover_transitions_total{domain="example.com",kind="freeze"}': "0x4 1x400"},
                        {'postshift_cutover_transitions_total{domain="example.com",kind="pause"}': "0x4 1x400"}),
    "PostshiftProbeFailing": (10, {'postshift_cutover_probe_success{domain="example.com",backend="new"}': "1x4 0x400"},
                              {'postshift_cutover_probe_success{domain="example.com",backend="new"}': "1x4 0x4 1x400"}),
    "PostshiftHookFailed": (5, {'postshift_cutover_hook_runs_total{hook="notify",result="failed"}': "0x4 1x400"},
                            {'postshift_cutover_hook_runs_total{hook="notify",result="good"}': "0x4 1x400"}),
    # The age of what waits grows by 60 s a minute, and is a day, or ten, at minute 5.
    "PostshiftMailWaits": (6, {'postshift_oldest_waiting_seconds{domain="example.com",reason="quota"}': "86100+60x60"},
                           {'postshift_oldest_waiting_seconds{domain="example.com",reason="quota"}': "86100+60x5 0x60"}),
    "PostshiftMailNearsItsEnd": (6, {'postshift_oldest_waiting_seconds{domain="example.com",reason="hold"}': "863700+60x60"},
                                 {'postshift_oldest_waiting_seconds{domain="example.com",reason="hold"}': "863700+60x5 0x60"}),
    "PostshiftBooksDifference": (10, {"postshift_books_difference": "0x4 -1x400"}, {"postshift_books_difference": f"0x4 {UNKNOWN}"}),
    "PostshiftBooksUnknown": (35, {"postshift_books_difference": f"0x4 {UNKNOWN}"}, {"postshift_books_difference": "0x4 2x400"}),
    "PostshiftBooksTrouble": (6, {"postshift_cutover_trouble": SICK}, {"postshift_cutover_trouble": "0x4 1 0x400"}),
    # 5 + 10 minutes are not more than 600 s.
    "PostshiftLogSilent": (16, {"postshift_cutover_log_last_line_timestamp_seconds": stuck_at(5)},
                           {"postshift_cutover_log_last_line_timestamp_seconds": "0+60x5 300x9 900+60x400"}),
    "PostshiftLogBehind": (10, {"postshift_cutover_log_lag_seconds": "0x4 61x400"}, {"postshift_cutover_log_lag_seconds": "0x4 60x400"}),
    "PostshiftLogUnknownForms": (5, {'postshift_cutover_log_lines_total{result="unknown"}': "0x4 1x400"},
                                 {'postshift_cutover_log_lines_total{result="used"}': counter_from(5),
                                  'postshift_cutover_log_lines_total{result="unknown"}': "7x400"}),
    "PostshiftQueueDisagrees": (20, {"postshift_queue_disagreement": SICK}, {"postshift_queue_disagreement": "0x4 1x14 0x400"}),
    "PostshiftDigestsDiffer": (6, {'postshift_cutover_replica_digest{instance="a"}': "281474976710655x400",
                                   'postshift_cutover_replica_digest{instance="b"}': "281474976710655x4 281474976710654x400"},
                               {'postshift_cutover_replica_digest{instance="a"}': "281474976710655x400",
                                'postshift_cutover_replica_digest{instance="b"}': f"281474976710655x4 {UNKNOWN}"}),
    "PostshiftGatewaySilent": (6, {"postshift_cutover_gateways_silent": SICK}, {"postshift_cutover_gateways_silent": "0x4 1 0x400"}),
    "PostshiftUnhealthy": (6, {"postshift_cutover_healthy": "1x4 0x400"}, {"postshift_cutover_healthy": "1x4 0 1x400"}),
    "PostshiftEventsFault": (5, {"postshift_cutover_event_faults_total": counter_from(5)},
                             {"postshift_cutover_event_faults_total": "2x400"}),
    "PostshiftUndoRefused": (5, {'postshift_undo_copies_total{result="refused"}': counter_from(5)},
                             {'postshift_undo_copies_total{result="kept"}': counter_from(5),
                              'postshift_undo_copies_total{result="refused"}': "3x400"}),
    "PostshiftUndoCoversLess": (5, {"postshift_undo_early_removals_total": counter_from(5)},
                                {"postshift_undo_early_removals_total": "2x400"}),
    # One in five from minute 5 on: over ten minutes that is more than one in ten at minute 6, and 5 minutes have to pass.
    "PostshiftTempfails": (13, {'postshift_scan_messages_total{action="tempfail"}': counter_from(5, 20),
                                'postshift_scan_messages_total{action="accept"}': "0+80x400"},
                           {'postshift_auth_messages_total{action="tempfail"}': counter_from(5, 5),
                            'postshift_auth_messages_total{action="accept"}': "0+95x400"}),
    "PostshiftWorkerExits": (8, {'postshift_scan_worker_exits_total{reason="signal"}': counter_from(5)},
                             {'postshift_scan_worker_exits_total{reason="worn"}': counter_from(5, 100),
                              'postshift_scan_worker_exits_total{reason="signal"}': "0x4 2x400"}),
    "PostshiftProcessExits": (5, {'postshift_auth_process_exits_total{process="serving"}': "0x4 1x400"},
                              {'postshift_scan_process_exits_total{process="keeper"}': "3x400"}),
    "PostshiftNoSignatures": (10, {"postshift_scan_signatures": "8000000x4 0x400"}, {"postshift_scan_signatures": "0x4 2x400"}),
    # Two days old at minute 5, and an hour; the clock begins at 0.
    "PostshiftOldSignatures": (66, {"postshift_scan_database_timestamp_seconds": "-172500x100"},
                               {"postshift_scan_database_timestamp_seconds": "-172500x60 0x100"}),
    "PostshiftSignaturesNotTaken": (5, {'postshift_scan_database_reloads_total{result="fail"}': "0x4 1x400"},
                                    {'postshift_scan_database_reloads_total{result="ok"}': "0x4 1x400"}),
    # More than one in five at minute 6.
    "PostshiftDnsFailing": (16, {'postshift_dns_queries_total{result="timeout"}': counter_from(5, 50),
                                 'postshift_dns_queries_total{result="ok"}': "0+50x400"},
                            {'postshift_dns_queries_total{result="nxdomain"}': counter_from(5, 50),
                             'postshift_dns_queries_total{result="timeout"}': counter_from(5, 10),
                             'postshift_dns_queries_total{result="ok"}': "0+50x400"}),
}


def rules():
    """The alerts as promtool reads them: name, expression, labels, annotations."""
    groups = yaml.safe_load(RULES.read_text(encoding="ascii"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def with_gateway(series):
    """Each series as a scrape makes it: with an instance."""
    def labelled(name):
        if "instance=" in name:
            return name
        return name.replace("{", '{instance="gw1:1",') if "{" in name else name + '{instance="gw1:1"}'

    return [{"series": labelled(name), "values": values} for name, values in series.items()]


def firing(alert, minute, fires):
    return {"expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) or vector(0)', "eval_time": f"{minute}m",
            "exp_samples": [{"labels": "{}", "value": 1 if fires else 0}]}


def test_promtool_takes_the_rules():
    done = run("promtool", "check", "rules", RULES, check=False)
    assert done.returncode == 0 and f"SUCCESS: {len(CASES)} rules found" in done.stdout, done.stdout


def test_each_rule_fires_at_its_minute_and_on_nothing_else(folder):
    cases = []
    for alert, (minute, sick, well) in CASES.items():
        cases.append({"name": f"{alert} fires", "interval": "1m", "input_series": with_gateway(sick),
                      "promql_expr_test": [firing(alert, minute - 1, False), firing(alert, minute, True)]})
        cases.append({"name": f"{alert} does not", "interval": "1m", "input_series": with_gateway(well),
                      "promql_expr_test": [firing(alert, at, False) for at in (minute, minute + 20)]})
    test = folder / "test.yml"      # JSON is YAML
    test.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": cases}))
    done = subprocess.run(["promtool", "test", "rules", str(test)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, timeout=60)
    assert done.returncode == 0, done.stdout


def test_every_rule_has_a_case():
    assert [rule["alert"] for rule in rules()] == list(CASES)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_every_rule_says_what_it_is_and_where_more_stands(rule):
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["summary"] and rule["annotations"]["description"]
    where, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert where == f"file:///usr/share/postshift/{RUNBOOK.name}" and anchor == rule["alert"]
    part = RUNBOOK.read_text(encoding="ascii").partition(f'<h2 id="{anchor}">{anchor}</h2>')[2].partition("<h2")[0]
    assert part.count("<p>") >= 2 and "<pre>" in part, anchor


def test_the_commands_of_the_runbook_exist():
    text = html.unescape(RUNBOOK.read_text(encoding="ascii"))
    usage = run(BIN / "postshiftctl", "-h").stdout
    verbs = {line.split()[0] for line in re.findall(r"^  ([a-z].*|--local .*)$", usage, re.M)}
    named = set(re.findall(r"postshiftctl (--local|[a-z-]+)\b", text))
    assert named and named <= verbs | {"--local"}, named - verbs
    assert re.findall(r'<a href="#(\w+)">', text) == re.findall(r'<h2 id="(\w+)">', text) == list(CASES)
