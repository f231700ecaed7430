"""postshiftctl postfix-setup on real Postfix configurations, and through a running Postfix."""
import http.server
import json
import os
import pathlib
import shutil
import socket
import stat
import subprocess
import threading
import time

import pytest

from fake_policyd import FakePolicy, FakePolicyd
from gateway import Gateway
from processes import BIN, run, wait_for
from sink import Sink

CTL = BIN / "postshiftctl"
SHARE = pathlib.Path("/usr/share/postfix")
MASTER = pathlib.Path("/etc/postfix/master.cf.proto")

RICH_MAIN = """
# a site with a history
smtpd_recipient_restrictions =
    permit_mynetworks,
# their comment
    permit_sasl_authenticated,
    check_policy_service { unix:private/greylist, timeout=5s },
    reject_unauth_destination
smtpd_data_restrictions = reject_unauth_pipelining
smtpd_milters = inet:127.0.0.1:8891,
    { inet:127.0.0.1:8892, default_action=accept }
transport_maps = hash:/etc/postfix/transport,
    regexp:{ {/^a  b@/ relay:[192.0.2.1]} }
delay_warning_time = 2h
"""
RICH_MASTER = """
submission inet n       -       y       -       -       smtpd
  -o syslog_name=postfix/submission
  -o { smtpd_client_restrictions = permit_sasl_authenticated, reject }
  -o smtpd_recipient_restrictions=
smtps     inet  n       -       y       -       -       smtpd
  -o smtpd_tls_wrappermode=yes
"""
HEADER_CHECKS_MAIN = """
header_checks = regexp:/etc/postfix/header_checks
smtp_header_checks = regexp:/etc/postfix/smtp_header_checks
lmtp_header_checks =
smtpd_data_restrictions =
maximal_queue_lifetime = 30d
"""

SITES = {
    "debian": ("", "", ()),
    "rich": (RICH_MAIN, RICH_MASTER, ()),
    "header_checks": (HEADER_CHECKS_MAIN, "", ()),
    "no chroot": (RICH_MAIN, "", ("chroot",)),
}


class Site:
    """A Postfix configuration that nobody runs, and a configuration of ours."""

    def __init__(self, folder, main="", master="", options=(), **policyd):
        self.folder = folder
        self.etc, self.queue = folder / "etc", folder / "queue"
        self.etc.mkdir()
        (self.queue / "postshift").mkdir(parents=True)
        text = (SHARE / "main.cf.debian").read_text(encoding="utf-8")
        (self.etc / "main.cf").write_text(f"{text}queue_directory = {self.queue}\n{main}", encoding="utf-8")
        (self.etc / "master.cf").write_text(MASTER.read_text(encoding="utf-8") + master, encoding="utf-8")
        if "chroot" in options:
            for line in self.postconf("-M").splitlines():
                name, kind, _, _, chroot = line.split()[:5]
                if chroot == "y":
                    self.postconf("-F", f"{name}/{kind}/chroot=n")
        self.config = folder / "postshift.conf"
        self.write_config(**policyd)
        self.route = self.queue / "postshift/route.sock"

    def write_config(self, **policyd):
        sockets = self.queue / "postshift"
        keys = {"route": f"unix:{sockets}/route.sock", "policy": f"unix:{sockets}/policy.sock", "metrics": "none",
                "domains": "example.com", **policyd}
        self.config.write_text("\n".join([
            "[auth]", f"listen = unix:{sockets}/auth.sock", "[scan]", f"listen = unix:{sockets}/scan.sock",
            "[policyd]", *(f"{key} = {value}" for key, value in keys.items())]) + "\n", encoding="utf-8")

    def postconf(self, *words):
        os.utime(self.etc / "main.cf", (1, 1))
        return run("postconf", "-c", self.etc, *words).stdout

    def state(self):
        return self.postconf("-n"), self.postconf("-M")

    def setup(self, *words, check=True, environment=None):
        # Postfix's programs wait until main.cf has not been changed for two seconds.
        os.utime(self.etc / "main.cf", (1, 1))
        return run(CTL, "-c", self.config, "postfix-setup", *words, "-c", self.etc, check=check, environment=environment)

    def value(self, name):
        return self.postconf("-h", name).strip()

    def override(self, name):
        return self.postconf("-P", name).strip().partition(" = ")[2]


@pytest.fixture(params=SITES, name="site")
def any_site(request, folder):
    main, master, options = SITES[request.param]
    return Site(folder, main, master, options)


@pytest.fixture
def rich(folder):
    return Site(folder, RICH_MAIN, RICH_MASTER)


def test_apply_twice_then_remove_restores(site):
    before = site.state()
    with FakePolicyd(site.route):
        first = site.setup("--apply")
        wired = site.state()
        second = site.setup("--apply")
    assert second.stdout == "nothing to do\n"
    assert site.state() == wired != before
    assert "changed  the queue manager asks policyd at unix:postshift/route.sock" in first.stdout
    assert "if policyd dies now" in first.stdout and "swaks --server" in first.stdout
    assert site.override("qmgr/unix/rewrite_service_name") == "rewrite-cutover"
    assert site.setup("--remove").returncode == 0
    assert site.state() == before
    assert "postshift_" not in (site.etc / "main.cf").read_text(encoding="utf-8")
    assert site.setup("--remove").stdout == "nothing to do\n"


def test_what_it_prints_is_what_it_does(site, folder):
    printed = site.setup().stdout
    before = site.state()
    shutil.copytree(site.etc, folder / "by-hand")
    commands = "\n".join(line for line in printed.splitlines() if line.startswith("postconf "))
    subprocess.run(["sh", "-ec", commands.replace(str(site.etc), str(folder / "by-hand"))], check=True)
    assert site.state() == before, "printing changed something"
    with FakePolicyd(site.route):
        site.setup("--apply")
    by_hand = run("postconf", "-c", folder / "by-hand", "-n").stdout

    def elsewhere(text):
        return [line for line in text.splitlines() if "config_directory" not in line]

    assert elsewhere(by_hand) == elsewhere(site.state()[0])
    assert run("postconf", "-c", folder / "by-hand", "-M").stdout == site.state()[1]


def test_ours_stands_first_and_the_sites_own_stays(rich):
    with FakePolicyd(rich.route):
        rich.setup("--apply")
    main = (rich.etc / "main.cf").read_text(encoding="utf-8")
    assert rich.value("smtpd_recipient_restrictions").startswith("$postshift_policy, permit_mynetworks,")
    assert rich.value("smtpd_data_restrictions") == "reject_unauth_pipelining"
    assert "postshift_milters" not in main
    # Two blanks are another pattern than one.
    assert "hash:/etc/postfix/transport,    regexp:{ {/^a  b@/ relay:[192.0.2.1]} }, " \
           "socketmap:unix:postshift/route.sock:transport}\n" in (rich.etc / "master.cf").read_text(encoding="utf-8")
    assert rich.override("cutover-new/unix/syslog_name") == "postfix/cutover-new"
    assert rich.override("cutover-new-lmtp/unix/lmtp_delivery_status_filter").startswith("regexp:{")
    assert "postshift_" not in rich.postconf("-M"), "a main.cf from a template takes nothing away"
    for backend in ("old", "new", "standby"):
        for service in (f"cutover-{backend}", f"cutover-{backend}-lmtp"):
            assert rich.postconf("-Fh", f"{service}/unix/chroot").strip() == "y"
    assert rich.override("qmgr/unix/maximal_queue_lifetime") == "20d"
    assert "rewrite_service_name" not in rich.postconf("-P", "smtp/inet")


def test_lifetime_is_only_lengthened(folder):
    site = Site(folder, HEADER_CHECKS_MAIN)
    with FakePolicyd(site.route):
        said = site.setup("--apply").stdout
    assert site.override("qmgr/unix/maximal_queue_lifetime") == ""
    assert site.override("qmgr/unix/bounce_queue_lifetime") == "20d"
    assert "bounce_queue_lifetime becomes 20d" in said and "maximal_queue_lifetime" not in said
    # The site's own checks go on behind our stamp, and are left alone where they stand.
    assert site.override("cutover-old/unix/smtp_header_checks").endswith("old}}, regexp:/etc/postfix/smtp_header_checks")
    assert site.value("smtp_header_checks") == "regexp:/etc/postfix/smtp_header_checks"
    assert site.value("lmtp_header_checks") == ""


def test_a_changed_transport_maps_is_noticed_and_taken_over(rich):
    with FakePolicyd(rich.route):
        rich.setup("--apply")
        assert json.loads(rich.setup("--json").stdout)["transport_maps"]["changed"] is False
        rich.postconf("-e", "transport_maps = hash:/etc/postfix/other")
        told = rich.setup()
        assert "transport_maps has changed since the last --apply" in told.stdout
        assert "hash:/etc/postfix/other" in told.stdout
        document = json.loads(rich.setup("--json").stdout)
        assert document["wired"] is True
        assert document["transport_maps"] == {
            "changed": True, "copy": "hash:/etc/postfix/transport,    regexp:{ {/^a  b@/ relay:[192.0.2.1]} }",
            "now": "hash:/etc/postfix/other"}
        assert len(document["commands"]) == 2
        rich.setup("--apply")
    assert rich.override("rewrite-cutover/unix/transport_maps") == \
        "hash:/etc/postfix/other, socketmap:unix:postshift/route.sock:transport"
    assert json.loads(rich.setup("--json").stdout)["commands"] == []


def test_maps_of_the_rewrite_service_itself_are_followed(folder):
    site = Site(folder, "transport_maps = hash:/not/this\n")
    site.postconf("-P", "rewrite/unix/transport_maps=hash:/but/this")
    with FakePolicyd(site.route):
        site.setup("--apply")
    assert site.override("rewrite-cutover/unix/transport_maps").startswith("hash:/but/this, socketmap:")
    assert site.override("rewrite/unix/transport_maps") == "hash:/but/this"


def test_copies_come_first(rich):
    main = (rich.etc / "main.cf").read_bytes()
    master = (rich.etc / "master.cf").read_bytes()
    os.chmod(rich.etc / "main.cf", 0o640)
    with FakePolicyd(rich.route):
        rich.setup("--apply")
    copy, = rich.etc.glob("main.cf.postshift-*")
    other, = rich.etc.glob("master.cf.postshift-*")
    assert copy.read_bytes() == main and other.read_bytes() == master
    assert stat.S_IMODE(copy.stat().st_mode) == 0o640


def test_a_silent_policyd_is_a_guard(rich):
    before = rich.state()
    refused = rich.setup("--apply", check=False)
    assert refused.returncode == 4 and "policyd is silent" in refused.stderr
    assert rich.state() == before and not list(rich.etc.glob("*.postshift-*"))
    assert rich.setup("--apply", "--force").returncode == 0


def test_a_policyd_that_hangs_is_silent(rich):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(rich.route))
        listener.listen(4)
        refused = rich.setup("--apply", check=False)
    assert refused.returncode == 4 and "no answer within 2 s" in refused.stderr


def test_a_domain_without_state_is_a_guard(rich):
    before = rich.state()
    with FakePolicyd(rich.route, {"postmaster@example.com": "TEMP no state"}):
        refused = rich.setup("--apply", check=False)
    assert refused.returncode == 4 and "example.com has no good state yet" in refused.stderr
    assert rich.state() == before


def test_a_policyd_that_knows_nothing_is_a_guard(rich):
    rich.write_config(domains="")
    with FakePolicyd(rich.route, {"postmaster@postshift.invalid": "TEMP nothing read"}):
        refused = rich.setup("--apply", check=False)
    assert refused.returncode == 4 and "neither Redis nor a snapshot" in refused.stderr


HOSTED = {     # where example.com may stand so that its mail can't be routed
    "mydestination": ("mydestination = $myhostname, example.com", "mydestination"),
    "by a variable": ("mydomain = example.com\nmydestination = localhost, $mydomain", "mydestination"),
    "in a table": ("mydestination = texthash:{etc}/names", "mydestination"),
    "in a file": ("mydestination = {etc}/names", "mydestination"),
    "behind another that is taken out": ("mydestination = !other.example, texthash:{etc}/names", "mydestination"),
    "virtual_alias_domains": ("virtual_alias_domains = example.com", "virtual_alias_domains"),
    "in an alias table": ("virtual_alias_maps = texthash:{etc}/names", "virtual_alias_domains"),
    "by a pattern": ("virtual_alias_domains = regexp:{{{{/^ex.*com$$/ 1}}}}", "virtual_alias_domains"),
}


@pytest.mark.parametrize("how", HOSTED)
def test_a_domain_of_another_class_is_refused(folder, how):
    main, named = HOSTED[how]
    site = Site(folder, main.format(etc=folder / "etc") + "\n")
    (site.etc / "names").write_text("# names\nexample.com anything\n" if "table" in how or "behind" in how else "example.com\n",
                                    encoding="utf-8")
    before = site.state()
    assert f"--apply is refused: example.com stands in {named}" in site.setup().stdout
    with FakePolicyd(site.route):
        refused = site.setup("--apply", check=False)
        assert refused.returncode == 4 and f"example.com stands in {named}" in refused.stderr
        assert site.state() == before
        assert site.setup("--apply", "--force").returncode == 0


@pytest.mark.parametrize("main", ["mydestination = !example.com, example.com", "mydestination = sub.example.com, .com",
                                  "relay_domains = example.com", "virtual_alias_maps = inline:{{a@example.com=b@example.com}}"])
def test_a_domain_that_can_be_routed_is_not_refused(folder, main):
    site = Site(folder, main + "\n")
    assert "refused" not in site.setup().stdout


def test_a_table_that_cannot_be_asked_is_named(folder):
    site = Site(folder, "virtual_alias_maps = hash:/nowhere/at/all\n")
    assert "hash:/nowhere/at/all of virtual_alias_domains could not be asked" in site.setup().stdout


def maps_of(site):
    text = site.postconf("-M", "rewrite-cutover/unix")
    return text.split("{transport_maps=")[1].strip()[:-1]


OURS = "socketmap:unix:postshift/route.sock:transport"
MAPS = {     # transport_maps -> what our rewrite service asks, what is said
    "hash of addresses": ("inline:{{list@example.com=smtp:[192.0.2.9]}}", "{}, OURS", "1 address by hand (list@example.com)"),
    "domain in a hash": ("inline:{{example.com=smtp:[192.0.2.9]}}", "{}, OURS", ""),
    "pattern for all": ("regexp:{{/@example.com$$/ smtp:[192.0.2.9]}}", "OURS, {}", "answers for every address of example.com"),
    "pattern for some": ("regexp:{{/^list-.*@example.com$$/ smtp:[192.0.2.9]}}", "{}, OURS", ""),
    "static": ("static:smtp:[192.0.2.9]", "OURS, {}", "answers for every address"),
    "another domain's pattern": ("regexp:{{/@example.org$$/ smtp:[192.0.2.9]}}", "{}, OURS", ""),
    "not there": ("hash:/nowhere/at/all", "{}, OURS", "could not be asked"),
    "by proxy": ("proxy:inline:{{list@example.com=smtp:[192.0.2.9]}}", "{}, OURS", "1 address by hand"),
}


@pytest.mark.parametrize("how", MAPS)
def test_the_sites_own_addresses_win(folder, how):
    maps, wanted, said = MAPS[how]
    site = Site(folder, f"transport_maps = {maps}\n")
    with FakePolicyd(site.route):
        assert said in site.setup("--apply").stdout
        assert maps_of(site) == wanted.replace("OURS", OURS).replace("{}", maps)
        assert site.setup("--apply").stdout == "nothing to do\n"


@pytest.mark.parametrize("maps", ["regexp:{{/^list-.*@example.com$$/ smtp:[192.0.2.9]}}", "randmap:{smtp:[192.0.2.9],relay:}",
                                  "$relay_maps"])
def test_maps_that_cannot_be_listed_are_named(folder, maps):
    """SQL, LDAP and the like: nobody can say which addresses they hold back from moving."""
    site = Site(folder, f"relay_maps = regexp:{{{{/^x@/ smtp:[192.0.2.9]}}}}\ntransport_maps = {maps}\n")
    said = site.setup().stdout
    assert ("can't be listed" in said) == ("randmap" not in maps), said


def test_by_filter_the_sites_own_addresses_move_too(folder):
    site = Site(folder, "transport_maps = inline:{{list@example.com=smtp:[192.0.2.9]}}\n", routing="filter")
    said = site.setup().stdout
    assert "1 address by hand (list@example.com): a FILTER goes before transport_maps" in said
    assert "the site's word goes on" not in said and "with an extension" not in said


@pytest.mark.parametrize("main, master, refused", [
    ("smtpd_delay_open_until_valid_rcpt = no\n", "", "in main.cf"),
    ("delay = No\nsmtpd_delay_open_until_valid_rcpt = $delay\n", "", "in main.cf"),
    ("", "10587 inet n - y - - smtpd\n  -o smtpd_delay_open_until_valid_rcpt=no\n", "in 10587/inet of master.cf"),
    ("smtpd_delay_open_until_valid_rcpt = yes\n", "", None)])
def test_by_filter_the_queue_file_is_opened_late(folder, main, master, refused):
    """Else policyd would put off all mail: it knows a first recipient by the queue id that isn't there."""
    site = Site(folder, main, master, routing="filter")
    with FakePolicyd(site.route):
        done = site.setup("--apply", check=False)
        assert done.returncode == (4 if refused else 0), done.stderr
        assert not refused or refused in done.stderr
        site.write_config()
        assert site.setup("--apply", check=False).returncode == 0, "by the queue manager it is no matter"


class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = json.dumps({"domains": [
            {"domain": "stranger.example", "ours": False, "mode": "split"}, {"domain": "gone.example", "ours": True, "mode": "forgotten"},
            {"domain": "example.com", "ours": True, "mode": "split"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *unused):
        pass


@pytest.mark.parametrize("domain, refused", [("example.com", True), ("stranger.example", False), ("gone.example", False)])
def test_without_domains_those_that_policyd_knows_are_looked_at(folder, domain, refused):
    with http.server.ThreadingHTTPServer(("127.20.6.9", 8793), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        site = Site(folder, f"virtual_alias_domains = {domain}\ntransport_maps = inline:{{{{list@{domain}=smtp:[192.0.2.9]}}}}\n",
                    metrics="inet:127.20.6.9:8793", domains="")
        said = site.setup().stdout
        assert (f"{domain} stands in virtual_alias_domains" in said) == refused, said
        assert (f"by hand (list@{domain})" in said) == refused, said
        server.shutdown()


def test_an_extension_is_named(folder):
    """Postfix asks all tables for the whole address first: policyd answers for list+x@, and a pin to old gives it back."""
    site = Site(folder, "transport_maps = inline:{{list@example.com=smtp:[192.0.2.9]}}\nrecipient_delimiter = +\n")
    assert "with an extension (user+x@)" in site.setup().stdout


def test_maps_behind_a_pattern_stay_behind_it(folder):
    one, two, three = "inline:{{a@example.com=x:}}", "regexp:{{/@example.com/ y:}}", "inline:{{b@example.com=z:}}"
    site = Site(folder, f"two = {two}\ntransport_maps = {one} $two, {three}\n")
    with FakePolicyd(site.route):
        site.setup("--apply")
    assert maps_of(site) == f"{one}, {OURS}, $two, {three}"


def test_a_differing_delimiter_is_named(folder):
    assert 'recipient_delimiter is "-" in main.cf' in Site(folder, "recipient_delimiter = -\n").setup().stdout


COPIED_MAIN = """
relay_domains = example.com
relay_transport = relay:[192.0.2.1]
relay_destination_concurrency_limit = 2
relay_destination_rate_delay = 1s
relay_recipient_maps = static:yes
smtp_fallback_relay = [192.0.2.66]
"""
COPIED_MASTER = """
slow      unix  -       -       n       -       3       smtp
  -o { smtp_bind_address = 192.0.2.55 }
  -o smtp_tls_security_level=encrypt
  -o smtp_fallback_relay=[192.0.2.77]
deliver   unix  -       -       n       -       -       lmtp
  -o lmtp_connect_timeout=5s
"""


def test_ours_begin_as_copies_of_what_carries_the_domain(folder):
    site = Site(folder, COPIED_MAIN, COPIED_MASTER)
    site.postconf("-P", "relay/unix/smtp_helo_name=relay.example", "relay/unix/smtp_fallback_relay=[192.0.2.88]")
    assert "copies of relay: -o smtp_helo_name=relay.example" in site.setup().stdout
    with FakePolicyd(site.route):
        site.setup("--apply")
        for backend in ("old", "new", "standby"):
            assert site.override(f"cutover-{backend}/unix/smtp_helo_name") == "relay.example"
            assert site.override(f"cutover-{backend}/unix/smtp_fallback_relay") == ""
            assert f"-o smtp_fallback_relay= " in site.postconf("-M", f"cutover-{backend}/unix")
            # The log is to tell the version of TLS.
            assert site.override(f"cutover-{backend}/unix/smtp_tls_loglevel") == "1"
            assert site.override(f"cutover-{backend}-lmtp/unix/lmtp_tls_loglevel") == "1"
            assert site.value(f"cutover-{backend}_destination_concurrency_limit") == "2"
            assert site.value(f"cutover-{backend}_destination_rate_delay") == "1s"
        assert "recipient_maps" not in "".join(line for line in site.postconf("-n").splitlines() if line.startswith("cutover"))
        assert site.setup("--apply").stdout == "nothing to do\n"
        # Another one, told afterwards; and what somebody changed in ours stays.
        site.postconf("-P", "cutover-new/unix/smtp_connect_timeout=7s")
        site.setup("--apply", "--like", "slow")
        assert site.override("cutover-old/unix/smtp_bind_address") == "192.0.2.55"
        assert site.postconf("-Fh", "cutover-old/unix/process_limit").strip() == "3"
        assert site.override("cutover-old-lmtp/unix/lmtp_connect_timeout") == ""
        site.setup("--apply", "--like", "deliver")
        assert site.override("cutover-old-lmtp/unix/lmtp_connect_timeout") == "5s"
        again = site.setup()
        assert "# nothing to do" in again.stdout and "lacks what relay has" in again.stdout
        site.setup("--remove")
    assert "cutover" not in (site.etc / "main.cf").read_text(encoding="utf-8")


CARRIERS = {     # main.cf -> the service that carries example.com
    "relay": "relay_domains = example.com\n",
    "slow": "relay_domains = example.com\ntransport_maps = inline:{{example.com=slow:[192.0.2.1]}}\n",
    "deliver": "virtual_mailbox_domains = example.com\nvirtual_transport = deliver:unix:private/lmtp\n",
    "smtp": "default_transport = smtp\n",
}


@pytest.mark.parametrize("carrier", CARRIERS)
def test_what_carries_the_domain(folder, carrier):
    site = Site(folder, CARRIERS[carrier], COPIED_MASTER)
    assert f"begin as copies of {carrier}:" in site.setup().stdout


@pytest.mark.parametrize("main,carrier", [
    ("transport_maps = inline:{{example.com=:[192.0.2.1]}}\nrelay_domains = example.com\n", "relay"),
    ("transport_maps = inline:{{.com=slow:}}\nparent_domain_matches_subdomains =\n", "slow"),
    ("transport_maps = regexp:{{/@example.com$$/ slow:}}, inline:{{example.com=smtp:}}\n", "slow"),
    ("virtual_mailbox_domains = example.com\nvirtual_transport = virtual\ndefault_transport = slow\n", "slow"),
    ("relay_domains = .com, com\n", "relay"), ("transport_maps = inline:{{*=slow:}}\n", "slow")])
def test_what_carries_the_domain_by_other_ways(folder, main, carrier):
    site = Site(folder, main, COPIED_MASTER)
    assert f"begin as copies of {carrier}:" in site.setup().stdout


def test_like_names_a_client_of_master_cf(rich):
    for name, text in (("nobody", "no service nobody"), ("local", "run by local")):
        refused = rich.setup("--apply", "--like", name, check=False)
        assert refused.returncode == 1 and text in refused.stderr


def test_milters_are_wired_once_their_sockets_are_there(rich):
    old = rich.value("smtpd_milters")
    with FakePolicyd(rich.route), FakePolicyd(rich.queue / "postshift/scan.sock"):
        rich.setup("--apply")
        assert rich.value("smtpd_milters") == old + ", $postshift_milters"
        assert rich.value("postshift_milters") == \
            "{ unix:postshift/scan.sock, default_action=tempfail, connect_timeout=3s, content_timeout=120s }"
        with FakePolicyd(rich.queue / "postshift/auth.sock"):
            rich.setup("--apply")
        assert rich.value("postshift_milters").startswith("{ unix:postshift/auth.sock, default_action=tempfail")
    with FakePolicyd(rich.route):
        away = rich.setup("--apply")
        assert away.stdout == "nothing to do\n", "a milter that is down stays wired"
        assert "postshift-auth is wired, but its socket is not there" in rich.setup().stdout


def test_a_milter_with_policyds_user_is_named(rich):
    folder = rich.route.parent
    with FakePolicyd(rich.route), FakePolicyd(folder / "scan.sock"):
        shutil.chown(folder, "nobody")
        shutil.chown(rich.route, "nobody")
        assert "give it a user of its own" not in rich.setup().stdout
        shutil.chown(folder / "scan.sock", "nobody")
        assert f"note: postshift-scan runs as the user that owns {folder}" in rich.setup().stdout
        rich.queue.chmod(0o777)
        assert f"note: {rich.queue}, above the sockets of policyd, may be written by others" in rich.setup().stdout
        rich.queue.chmod(0o1777)
        assert "above the sockets" not in rich.setup().stdout


def test_by_filter_the_queue_manager_stays_as_it_is(rich):
    rich.write_config(routing="filter")
    with FakePolicyd(rich.route):
        rich.setup("--apply")
    assert rich.override("qmgr/unix/rewrite_service_name") == ""
    assert "rewrite-cutover" not in rich.postconf("-M")
    assert "default_action=DEFER_IF_PERMIT" in rich.value("postshift_policy")
    rich.write_config()
    with FakePolicyd(rich.route):
        rich.setup("--apply")
        assert rich.override("qmgr/unix/rewrite_service_name") == "rewrite-cutover"
        rich.write_config(routing="filter")
        rich.setup("--apply")
    assert rich.override("qmgr/unix/rewrite_service_name") == "", "a change of mind is followed"


def test_directories_are_absolute_and_hold_a_postfix(rich):
    for words, text in (("etc",), "absolute path"), (("/nonexistent",), "/nonexistent"):
        refused = run(CTL, "-c", rich.config, "postfix-setup", "-c", *words, check=False)
        assert refused.returncode == 1 and text in refused.stderr


def test_a_socket_outside_the_queue_directory_needs_no_chroot(rich):
    rich.write_config(route="unix:/run/elsewhere/route.sock")
    refused = rich.setup(check=False)
    assert refused.returncode == 1 and "outside Postfix's queue directory" in refused.stderr
    rich.write_config(route="inet:127.0.0.1:4711", policy="none")
    printed = rich.setup().stdout
    assert "socketmap:inet:127.0.0.1:4711:transport" in printed and "postshift_policy" not in printed


def fake_tool(folder, name, script):
    """A program that stands before Postfix's own in PATH."""
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    (tools / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (tools / name).chmod(0o755)
    return {"PATH": f"{tools}:{os.environ['PATH']}"}


def files_of(site):
    return {path.name: path.read_bytes() for path in site.etc.iterdir()}


@pytest.mark.parametrize("after", ["echo 'glued' >&2; exit 1", "/usr/sbin/postconf \"$@\" | sed 's/^queue_directory = .*/queue_directory = cut/'"])
def test_what_postfix_reads_otherwise_is_not_written(rich, folder, after):
    """Postfix itself is asked whether the site's own is as it was, before anything is taken into use."""
    before = files_of(rich)
    environment = fake_tool(folder, "postconf", f'case "$*" in *-n) if grep -q cutover-new "$2/master.cf"; then {after}; exit; fi;; esac\n'
                                                'exec /usr/sbin/postconf "$@"')
    with FakePolicyd(rich.route):
        failed = rich.setup("--apply", check=False, environment=environment)
    assert failed.returncode == 1
    assert "glued" in failed.stderr or "no longer says: queue_directory" in failed.stderr
    assert "nothing was changed" in failed.stderr
    assert files_of(rich) == before


def bare(folder, main="", master="", options=(), **policyd):
    """A site whose files hold no more than is said here; texts or octets."""
    site = Site(folder, options=options, **policyd)
    for name, text in (("main.cf", f"queue_directory = {site.queue}\n{main}"), ("master.cf", MASTER.read_text(encoding="utf-8") + master)):
        (site.etc / name).write_bytes(text.encode())
    return site


ODD_FILES = {
    "no final line end in main.cf": ("mynetworks = 127.0.0.1/32 127.15.9.0/24", ""),
    "nor in master.cf": ("# the end", "mine unix - - y - - smtp\n  -o smtp_helo_name=gw.example"),
    "lines ended by CR LF": ("mynetworks = 127.0.0.1/32,\r\n  127.15.9.0/24\r\nsmtpd_data_restrictions =\r\n  reject_unauth_pipelining\r\n", ""),
    "lists over several lines": (RICH_MAIN, RICH_MASTER),
    "set twice": ("smtpd_data_restrictions = sleep 1\nsmtpd_data_restrictions =\n", ""),
    "continuations of nothing": ("", "\n# c\n   # c\n\t\n"),
    "blanks at the ends": ("smtp_header_checks =   \nsmtpd_milters = inet:127.0.0.1:1   \n\n\n", "\n\n"),
}


@pytest.mark.parametrize("odd", ODD_FILES)
def test_remove_gives_back_each_octet(folder, odd):
    site = bare(folder, *ODD_FILES[odd])
    mynetworks = site.value("mynetworks")
    before = (site.etc / "main.cf").read_bytes(), (site.etc / "master.cf").read_bytes()
    with FakePolicyd(site.route):
        said = site.setup("--apply").stdout
        assert ("had no end" in said) == ("line end" in odd or "nor" in odd)
        assert site.value("mynetworks") == mynetworks
        assert site.setup("--apply").stdout == "nothing to do\n"
        # A second change of ours, and one more.
        site.setup("--off")
        assert site.override("qmgr/unix/rewrite_service_name") == ""
        site.setup("--apply")
    removed = site.setup("--remove").stdout
    assert removed.count("octet for octet") == 2
    assert ((site.etc / "main.cf").read_bytes(), (site.etc / "master.cf").read_bytes()) == before
    assert site.setup("--remove").stdout == "nothing to do\n"
    assert {path.name for path in site.etc.iterdir() if ".postshift-" not in path.name} == {"main.cf", "master.cf"}


def test_what_others_changed_since_stays(folder):
    """Only what is ours goes: lists keep their lines, comments their place."""
    site = Site(folder, RICH_MAIN, RICH_MASTER)
    before = (site.etc / "main.cf").read_text(), (site.etc / "master.cf").read_text()
    with FakePolicyd(site.route):
        site.setup("--apply")
    changes = ("\n# theirs\nbiff = yes\n", "theirs unix - - y - - smtp\n")
    for name, change in zip(("main.cf", "master.cf"), changes):
        with (site.etc / name).open("a") as file:
            file.write(change)
    removed = site.setup("--remove").stdout
    assert removed.count("changed by others since") == 2
    assert (site.etc / "main.cf").read_text() == before[0] + changes[0]
    assert (site.etc / "master.cf").read_text() == before[1] + changes[1]


def test_a_line_of_ours_that_was_glued_is_named(folder):
    """By postconf, typed by hand, on a file without a final line end."""
    site = Site(folder)
    with FakePolicyd(site.route):
        site.setup("--apply")
        main = site.etc / "main.cf"
        main.write_text(main.read_text().replace("\npostshift_policy", " postshift_policy"))
    for _ in range(2):
        removed = site.setup("--remove", check=False)
        assert removed.returncode == 1 and "main.cf still says: " in removed.stderr and "postshift_policy" in removed.stderr
        assert "nothing of ours is left" not in removed.stdout and "nothing to do" not in removed.stdout


def test_a_nul_octet_is_refused(rich):
    (rich.etc / "main.cf").write_bytes((rich.etc / "main.cf").read_bytes() + b"a = b\0c\n")
    before = files_of(rich)
    with FakePolicyd(rich.route):
        refused = rich.setup("--apply", check=False)
    assert refused.returncode == 1 and "main.cf has a NUL octet" in refused.stderr
    assert files_of(rich) == before


def test_three_copies_are_kept(rich):
    before = (rich.etc / "main.cf").read_bytes()
    with FakePolicyd(rich.route):
        for _ in range(3):
            rich.setup("--apply")
            rich.setup("--off")
    for name in ("main.cf", "master.cf"):
        assert len(list(rich.etc.glob(f"{name}.postshift-*"))) == 3
    rich.setup("--remove")
    assert (rich.etc / "main.cf").read_bytes() == before, "the copy that is needed is among them"
    assert len(list(rich.etc.glob("main.cf.postshift-*"))) == 3


def test_symbolic_links_stay(folder):
    site = Site(folder, RICH_MAIN, RICH_MASTER)
    away = folder / "kept-elsewhere"
    away.mkdir()
    for name in ("main.cf", "master.cf"):
        (site.etc / name).rename(away / name)
        (site.etc / name).symlink_to(f"../kept-elsewhere/{name}")
    before = (away / "main.cf").read_bytes(), (away / "master.cf").read_bytes()
    with FakePolicyd(site.route):
        site.setup("--apply")
        assert "$postshift_policy" in (away / "main.cf").read_text()
        assert all((site.etc / name).is_symlink() for name in ("main.cf", "master.cf"))
        site.setup("--remove")
    assert ((away / "main.cf").read_bytes(), (away / "master.cf").read_bytes()) == before
    assert all((site.etc / name).is_symlink() for name in ("main.cf", "master.cf"))
    assert sorted(path.name for path in away.iterdir()) == ["main.cf", "master.cf"]


def mounted(words, how, command):
    """Runs a command where `how` has been done to its files; None: it can't be done here."""
    script = f"{how} || exit 99\n{command}"
    done = run("unshare", "-m", "sh", "-c", script, *words, check=False)
    return None if done.returncode == 99 else done


@pytest.mark.parametrize("how, said", [
    ("mount --bind {etc}/master.cf {etc}/master.cf", "master.cf is a mount of its own"),
    ("mount --bind {etc} {etc} && mount -o remount,ro,bind {etc}", "mounted read-only"),
    ("chattr +i {etc}/master.cf", "master.cf is immutable"),
    ("chattr +i {etc}", "is immutable"),
])
def test_a_file_that_cannot_be_replaced_is_named_before_anything_is_changed(rich, how, said):
    before = files_of(rich)
    os.utime(rich.etc / "main.cf", (1, 1))
    with FakePolicyd(rich.route):
        try:
            refused = mounted((), how.format(etc=rich.etc), f"{CTL} -c {rich.config} postfix-setup --apply -c {rich.etc}")
        finally:
            run("chattr", "-i", rich.etc, rich.etc / "master.cf", check=False)
    if refused is None:
        pytest.skip(f"not possible here: {how.split(' {')[0]}")
    assert refused.returncode == 1 and said in refused.stderr and "nothing was changed" in refused.stderr
    assert files_of(rich) == before


@pytest.mark.parametrize("left", [0, 3, 6])
def test_a_full_disk_leaves_both_files_as_they_were(rich, left):
    """With room for nothing, for copies alone, for the first file alone: pages of 4 KiB."""
    before = files_of(rich)
    etc, kept = rich.etc, rich.folder / "kept"
    how = f"cp -a {etc} {kept} && mount -t tmpfs -o size=256k none {etc} && cp -a {kept}/. {etc} && head -c {4096 * left} /dev/zero > {etc}/room && " \
          f"{{ cat /dev/zero > {etc}/fill 2> /dev/null; rm {etc}/room; }}"
    os.utime(etc / "main.cf", (1, 1))
    with FakePolicyd(rich.route):
        failed = mounted((), how, f"{CTL} -c {rich.config} postfix-setup --apply -c {etc}; code=$?; "
                                  f"rm -rf {etc}/fill {kept}; cp -a {etc} {kept}; exit $code")
    if failed is None:
        pytest.skip("no tmpfs can be mounted here")
    assert failed.returncode == 1 and "No space left" in failed.stderr and "nothing was changed" in failed.stderr, failed
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == before


def test_killed_between_the_two_files_it_goes_on_with_the_next_run(folder):
    """main.cf is as it was to be, master.cf as it was: whole each, and what is half is known."""
    site = Site(folder, RICH_MAIN, RICH_MASTER)
    before = (site.etc / "main.cf").read_bytes(), (site.etc / "master.cf").read_bytes()
    with FakePolicyd(site.route):
        site.setup("--apply")
        wired = (site.etc / "master.cf").read_bytes()
        (site.etc / "master.cf").write_bytes(before[1])
        (site.etc / "main.cf.postshift-tmp-aB3xYz").write_text("half")
        site.setup("--apply")
        assert (site.etc / "master.cf").read_bytes() == wired
        assert not list(site.etc.glob("*-tmp-*"))
        (site.etc / "master.cf").write_bytes(before[1])
        removed = site.setup("--remove").stdout
    assert removed.count("octet for octet") == 2
    assert ((site.etc / "main.cf").read_bytes(), (site.etc / "master.cf").read_bytes()) == before


def test_killed_at_any_moment_each_file_is_whole(folder):
    """As it was or as it was to be; the next run goes on from there, and all can be given back."""
    site = Site(folder, RICH_MAIN, RICH_MASTER)
    names = ("main.cf", "master.cf")
    before = [(site.etc / name).read_bytes() for name in names]
    with FakePolicyd(site.route):
        site.setup("--apply")
        wired = [(site.etc / name).read_bytes() for name in names]
        site.setup("--remove")
        began = time.monotonic()
        site.setup("--apply")
        length = time.monotonic() - began
        site.setup("--remove")
        for step in range(6):
            os.utime(site.etc / "main.cf", (1, 1))
            with subprocess.Popen([CTL, "-c", site.config, "postfix-setup", "--apply", "-c", site.etc], stdout=subprocess.DEVNULL) as running:
                time.sleep(length * step / 6)
                running.kill()
            for name, *whole in zip(names, before, wired):
                assert (site.etc / name).read_bytes() in whole
            site.setup("--apply")
            assert [(site.etc / name).read_bytes() for name in names] == wired
            site.setup("--remove")
            assert [(site.etc / name).read_bytes() for name in names] == before


def test_two_at_once_do_not_mix(rich):
    holder = subprocess.Popen(["flock", rich.etc, "sh", "-c", "echo held; read line"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        holder.stdout.readline()
        with FakePolicyd(rich.route):
            refused = rich.setup("--apply", check=False)
        assert refused.returncode == 1 and "another postfix-setup" in refused.stderr
    finally:
        holder.communicate(b"\n")


def test_off_is_one_command_for_every_type_of_qmgr(folder):
    """A queue manager of type fifo is what old sites have."""
    site = Site(folder)
    master = site.etc / "master.cf"
    text = master.read_text()
    fifo = "\n".join("qmgr fifo n - n 300 1 qmgr" if line.startswith("qmgr ") else line for line in text.splitlines()) + "\n"
    master.write_text(fifo)
    with FakePolicyd(site.route):
        said = site.setup("--apply").stdout
        assert site.override("qmgr/fifo/rewrite_service_name") == "rewrite-cutover"
        off = next(line for line in said.splitlines() if line.startswith("off ")).split()[1:]
        assert "postconf" not in off and off[0] == "postshiftctl" and "--off" in off
        run(CTL, *off[1:])
        assert site.override("qmgr/fifo/rewrite_service_name") == ""
        assert site.override("rewrite-cutover/unix/transport_maps"), "all else stays"
        assert site.setup("--off").stdout == "nothing to do\n"
        site.setup("--apply")
        assert site.override("qmgr/fifo/rewrite_service_name") == "rewrite-cutover"
    site.setup("--remove")
    assert master.read_text() == fifo


def test_mail_config_names_the_instance(rich):
    """As postmulti -x has it; the command line goes before it, [ctl] postfix too."""
    def setup(*words, **environment):
        os.utime(rich.etc / "main.cf", (1, 1))
        return run(CTL, "-c", rich.config, "postfix-setup", "--json", *words, check=False, environment=environment)

    assert json.loads(setup(MAIL_CONFIG=str(rich.etc)).stdout)["directory"] == str(rich.etc)
    assert json.loads(setup("-c", rich.etc, MAIL_CONFIG="/nonexistent").stdout)["directory"] == str(rich.etc)
    assert "/nonexistent" in setup(MAIL_CONFIG="/nonexistent").stderr
    rich.config.write_text(rich.config.read_text(encoding="utf-8") + f"[ctl]\npostfix = {rich.etc}\n", encoding="utf-8")
    assert json.loads(setup(MAIL_CONFIG="").stdout)["directory"] == str(rich.etc)
    with FakePolicyd(rich.route):
        run(CTL, "-c", rich.config, "postfix-setup", "--apply")
    assert rich.override("qmgr/unix/rewrite_service_name") == "rewrite-cutover"


@pytest.mark.parametrize("queue", ["{queue}/", "{queue}//", "{folder}/link", "{folder}/link/"])
def test_the_queue_directory_may_be_written_in_many_ways(folder, queue):
    site = Site(folder)
    (folder / "link").symlink_to(site.queue)
    site.postconf("-e", f"queue_directory = {queue.format(queue=site.queue, folder=folder)}")
    printed = site.setup().stdout
    assert "socketmap:unix:postshift/route.sock:transport" in printed
    assert "check_policy_service { unix:postshift/policy.sock," in printed


def test_of_two_sockets_the_instances_own_is_taken(folder):
    site = Site(folder)
    away = folder / "other-queue/postshift"
    away.mkdir(parents=True)
    own = site.queue / "postshift"
    site.write_config(route=f"unix:{away}/route.sock inet:127.0.0.1:9 unix:{own}/route.sock",
                      policy=f"unix:{away}/policy.sock unix:{own}/policy.sock")
    with FakePolicyd(site.route):
        said = site.setup("--apply").stdout
    assert "asks policyd at unix:postshift/route.sock" in said
    assert "unix:postshift/policy.sock" in site.value("postshift_policy")


def test_another_ones_rewrite_service_is_left_alone(rich):
    rich.postconf("-P", "qmgr/unix/rewrite_service_name=theirs")
    refused = rich.setup("--apply", "--force", check=False)
    assert refused.returncode == 1 and "theirs" in refused.stderr


def test_apply_and_remove_exclude_each_other(rich):
    assert rich.setup("--apply", "--remove", check=False).returncode == 2
    assert rich.setup("--why", "x", check=False).returncode == 2


def test_status_names_a_changed_transport_maps(rich):
    with FakePolicyd(rich.route):
        rich.setup("--apply")
    rich.postconf("-e", "transport_maps = hash:/etc/postfix/other")
    rich.config.write_text(rich.config.read_text(encoding="utf-8") + "[redis]\naddress = inet:127.20.4.9:1\n", encoding="utf-8")
    # Neither policyd nor Redis is there: nothing to show, so nothing to compare.
    assert run(CTL, "-c", rich.config, "status", "--directory", rich.etc, check=False).returncode == 3


# Through a running Postfix.

def new_smtpd_is_there(gateway, policy):
    """One that is idle at a reload may take one more client, by what main.cf said before."""
    with gateway.session() as client:
        client.ehlo()
        client.mail("probe@outside.example")
        client.rcpt("probe@example.com")
    return bool(policy.asked)


@pytest.mark.parametrize("chroot", [True, False], ids=["chroot", "no chroot"])
def test_mail_takes_our_way_and_the_sites_own_again(folder, chroot):
    port = 2525 if chroot else 2526
    sinks = {name: Sink(name, (f"127.20.4.{last}", port)).start()
             for name, last in (("old", 3), ("new", 4), ("own", 6), ("other", 7))}
    gateway = Gateway(folder, "127.20.4.1", chroot=chroot, domains=("example.com", "example.org"), main={
        "relay_transport": f"smtp:[127.20.4.7]:{port}", "default_transport": f"smtp:[127.20.4.7]:{port}",
        "transport_maps": f"inline:{{{{own@example.org=smtp:[127.20.4.6]:{port}}}}}"})
    config = folder / "postshift.conf"
    config.write_text(f"[policyd]\nroute = unix:{gateway.sockets}/route.sock\npolicy = unix:{gateway.sockets}/policy.sock\n"
                      "metrics = none\n", encoding="utf-8")
    answers = {f"{name}@example.com": f"OK cutover-{name}:[127.20.4.{last}]:{port}" for name, last in (("old", 3), ("new", 4))}
    answers["held@example.com"] = "OK retry:4.2.1 mailbox is being moved"
    everybody = [*answers, "own@example.org", "other@example.org"]
    forged = (("X-Cutover-Backend", "forged"), ("Return-Path", "<forged@outside.example>"))

    def setup(*words):
        return run(CTL, "-c", config, "postfix-setup", *words, "-c", gateway.etc)

    try:
        with FakePolicyd(gateway.sockets / "route.sock", answers) as policyd, \
                FakePolicy(gateway.sockets / "policy.sock") as policy:
            gateway.start()
            before = gateway.postconf("-n"), gateway.postconf("-M")
            setup("--apply")
            wait_for(lambda: new_smtpd_is_there(gateway, policy), 20, "an smtpd that began after the reload", every=0.2)
            policy.asked.clear()
            asked = len(policyd.asked)
            # From a client in mynetworks: a policy behind permit_mynetworks would never see it.
            assert not gateway.send("a@outside.example", everybody, headers=forged, source="127.20.4.4")
            for name in ("old", "new", "own", "other"):
                sinks[name].wait_for(1)
            gateway.wait_for_waiting("held@example.com", "mailbox is being moved")
            assert [request["recipient"] for request in policy.asked] == everybody
            assert {request["client_address"] for request in policy.asked} == {"127.20.4.4"}
            keys = [key for key in policyd.asked[asked:] if key != "*"]
            assert sorted(set(keys)) == sorted(everybody), "only recipients, only by the queue manager"
            for name in ("old", "new"):
                assert sinks[name].copies[0].recipient == f"{name}@example.com"
                assert sinks[name].copies[0].headers("X-Cutover-Backend") == [name]
                assert sinks[name].copies[0].headers("Return-Path") == []
            for name in ("own", "other"):
                assert sinks[name].copies[0].headers("X-Cutover-Backend") == ["forged"]
            services = {line["recipient"]: line["service"] for line in gateway.deliveries()}
            assert services["new@example.com"] == "cutover-new/smtp"

            # A mailbox that isn't ready makes mail wait, it does not bounce; said after DATA it does.
            sinks["new"].answer("rcpt", "550 5.1.1 no such user")
            assert not gateway.send("b@outside.example", ["new@example.com"])
            assert "no such user" in gateway.wait_for_waiting("new@example.com", "550 5.1.1")
            sinks["new"].be_good()

            setup("--remove")
            assert (gateway.postconf("-n"), gateway.postconf("-M")) == before
            asked = len(policyd.asked)
            for sink in sinks.values():
                sink.forget()
            assert not gateway.send("c@outside.example", ["old@example.com"])
            sinks["other"].wait_for(1)
            assert policyd.asked[asked:] == [] and not sinks["old"].copies
            gateway.flush()
            wait_for(lambda: not gateway.queued(), 30, "what waited goes the site's own way")
    finally:
        gateway.stop()
        for sink in sinks.values():
            sink.stop()
