"""A site with a history: what day one, the move and the way back change for whom; and templates that rewrite its files.

The moved domain has hand-routed addresses, lists on a third system, aliases and a relay service with options of its own;
the site has a content filter, mailboxes of its own (virtual(8), pipe(8)), and a chroot.
"""
import os
import pathlib
import shutil
import smtplib
import subprocess

import pytest

from mailsite import MailSite
from processes import wait_for
from sink import Sink

MOVERS = ["alice@example.com", "user000@example.com", "user000+list@example.com", "bob@example.com"]
OUTSIDE = {     # who is outside the move -> where the mail is found
    "hand@example.com": "own", "hand+tag@example.com": "own", "list-a@example.com": "own", "any@example.org": "other",
    "own@example.org": "own", "far@elsewhere.example": "other", "box@virtual.example": "box", "piped@pipe.example": "pipe",
    "new@sub.example.com": "other"}
ALIASES = {"team@example.com": ["alice@example.com", "any@example.org"], "info@alias.example": ["user000@example.com"]}


class Filter(Sink):
    """A content filter behind the queue: what it gets comes back by another port."""
    back = None

    def keep(self, copy, sure):
        super().keep(copy, sure)
        with smtplib.SMTP(*self.back, local_hostname="filter.example") as client:
            client.sendmail(copy.sender, [copy.recipient], b"X-Filtered: yes\n" + copy.data)


class OldSite:
    def __init__(self, folder, block, chroot):
        where = {name: f"[{block}.{last}]:2525" for name, last in (("old", 3), ("own", 6), ("other", 7))}
        self.boxes = folder / "boxes"
        self.boxes.mkdir()
        shutil.chown(self.boxes, "nobody")
        self.site = site = MailSite(folder, block, chroot=chroot, user="nobody", main={
            "relay_domains": "example.com, example.org, pipe.example, mark.example, sub.example.com",
            "relay_transport": f"relay:{where['other']}", "default_transport": f"smtp:{where['other']}",
            "transport_maps": f"inline:{{{{hand@example.com=smtp:{where['own']}}},{{own@example.org=smtp:{where['own']}}}}}, "
                              f"regexp:{{{{/^list-[a-z]+@example\\.com$$/ smtp:{where['own']}}}}}, "
                              f"inline:{{{{example.com=relay:{where['old']}}},{{pipe.example=archive:}}}}",
            "virtual_alias_domains": "alias.example",
            "virtual_alias_maps": "inline:{" + ",".join(f"{{{key}={','.join(to)}}}" for key, to in ALIASES.items()) + "}",
            "virtual_mailbox_domains": "virtual.example", "virtual_mailbox_maps": "inline:{{box@virtual.example=box/}}",
            "virtual_mailbox_base": self.boxes, "virtual_uid_maps": "static:65534", "virtual_gid_maps": "static:65534",
            "virtual_minimum_uid": "1", "relay_destination_concurrency_limit": "2", "smtp_fallback_relay": where["other"],
            "smtp_header_checks": "regexp:{{/^X-Site:/ REPLACE X-Site: checked}}",
            "content_filter": f"filter:[{block}.8]:10024"})
        site.setup_at_start = False
        site.states["example.com"]["old"] = "site"
        gateway = site.gateway
        gateway.postconf("-P", f"relay/unix/smtp_bind_address={block}.9", "relay/unix/smtp_helo_name=relay.gw.example")
        back = f"{block}.1:10026"
        gateway.postconf("-M", "filter/unix=filter unix - - n - 2 smtp -o disable_dns_lookups=yes",
                         f"archive/unix=archive unix - n n - - pipe flags=F user=nobody argv=/usr/bin/tee {self.boxes}/piped",
                         f"{back}/inet={back} inet n - n - - smtpd -o content_filter= -o smtpd_data_restrictions= "
                         "-o {smtpd_recipient_restrictions=permit_mynetworks, reject}")
        gateway.postconf("-e", "mynetworks=127.0.0.0/8")
        # As an administrator's editor left them: comments, a list on several lines.
        for name in ("main.cf", "master.cf"):
            path = gateway.etc / name
            path.write_text("# the site's own\n" + path.read_text() + "\n# end\n")
        self.filter = Filter("filter", (f"{block}.8", 10024))
        self.filter.back = (f"{block}.1", 10026)
        self.asked = 0

    def __enter__(self):
        self.filter.start()
        self.site.start()
        self.template = {name: (self.site.gateway.etc / name).read_bytes() for name in ("main.cf", "master.cf")}
        return self

    def __exit__(self, *unused):
        self.site.stop()
        self.filter.stop()

    def deliver(self, tag):
        """One mail to everybody: recipient -> where it came, how, and the names of its fields."""
        sender = f"{tag}@outside.example"
        everybody = [*MOVERS, *OUTSIDE, *ALIASES]
        for path in self.boxes.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        assert not self.site.gateway.send(sender, everybody, headers=[("X-Site", "as sent")])
        wanted = {r for r in (*MOVERS, *OUTSIDE) if OUTSIDE.get(r) not in ("box", "pipe")}
        found = {}

        def all_there():
            for sink in self.site.sinks:
                for copy in sink.copies:
                    if copy.sender == sender:
                        found[copy.recipient] = (sink.name, copy.client, copy.helo, fields(copy.data))
            return wanted <= set(found) and self.local("box") and self.local("pipe")

        wait_for(all_there, 40, f"{tag}: all copies ({sorted(wanted)})")
        for recipient, where in OUTSIDE.items():
            if where in ("box", "pipe"):
                found[recipient] = (where, "", "", fields(self.local(where)))
        return found

    def local(self, where):
        files = [self.boxes / "piped"] if where == "pipe" else list((self.boxes / "box/new").glob("*")) \
            if (self.boxes / "box/new").exists() else []
        return files[0].read_bytes() if files and files[0].exists() and files[0].stat().st_size else b""

    def put_back(self, name):
        """As a configuration management would: the file it knows, and a reload."""
        path = self.site.gateway.etc / name
        path.write_bytes(self.template[name])
        self.site.gateway.reload()


def fields(data):
    """Names of the header fields in their order, and what ours would say."""
    head = data.partition(b"\n\n")[0].decode()
    return [line if line.startswith("X-") else line.split(":")[0] for line in head.split("\n")
            if line[:1] not in " \t" and not line.startswith("From ")]


def outside(found):
    return {recipient: found[recipient] for recipient in OUTSIDE}


@pytest.mark.limit(400)
@pytest.mark.parametrize("chroot", [True, False], ids=["chroot", "no chroot"])
def test_day_one_changes_nothing(folder, chroot):
    with OldSite(folder, "127.20.21" if chroot else "127.20.22", chroot) as old_site:
        site = old_site.site
        before = old_site.deliver("before")
        assert {name for name, *_ in (before[r] for r in MOVERS)} == {"old"}
        assert {r: before[r][0] for r in OUTSIDE} == OUTSIDE
        assert {before[r][1:3] for r in MOVERS} == {(site.address[0][:-1] + "9", "relay.gw.example")}
        said = site.setup("--apply").stdout
        assert "copied   relay: -o smtp_bind_address" in said and "1 address by hand (hand@example.com)" in said
        assert old_site.deliver("weight-0") == before, "wired at weight 0 nothing changes for anybody"
        site.pin("hand@example.com", "old")     # since it is used with an extension: said by postfix-setup
        assert "with an extension (user+x@)" in said
        site.set(weight=100)
        moved = old_site.deliver("weight-100")
        assert outside(moved) == outside(before)
        for recipient in MOVERS:
            name, client, helo, names = moved[recipient]
            # As the relay service sends: its address and name, its site's checks; and one field of ours.
            assert (name, client, helo) == ("new", *before[recipient][1:3])
            assert names == ["X-Cutover-Backend: new", *before[recipient][3]]
        site.set(weight=0)
        assert old_site.deliver("back") == before
        while site.marked:      # nobody may be on new
            site.settled()
        site.setup("--remove")
        assert {name: (site.gateway.etc / name).read_bytes() for name in old_site.template} == old_site.template
        assert old_site.deliver("removed") == before
        assert not site.gateway.log_lines("status=bounced")


@pytest.mark.limit(400)
def test_files_from_a_template(folder):
    """At weight 30 main.cf, then master.cf is what it was: as before, or as routed; others notice nothing."""
    with OldSite(folder, "127.20.23", True) as old_site:
        site = old_site.site
        before = old_site.deliver("before")
        site.setup("--apply")
        site.set(weight=50)
        wired = old_site.deliver("wired")
        assert {r: wired[r][0] for r in MOVERS} == {"alice@example.com": "old", "bob@example.com": "old",
                                                    "user000@example.com": "new", "user000+list@example.com": "new"}
        old_site.put_back("main.cf")
        assert old_site.deliver("main-cf") == wired, "all that routes and delivers stands in master.cf"
        site.setup("--apply")
        assert old_site.deliver("again") == wired
        old_site.put_back("master.cf")
        assert old_site.deliver("master-cf") == before, "mail goes as before"
        site.setup("--apply")
        assert old_site.deliver("once-more") == wired
        # Each line of ours out of main.cf, its words left in the lists: as a template of lists would.
        main = site.gateway.etc / "main.cf"
        main.write_text("".join(line for line in main.read_text().splitlines(True)
                                if not line.startswith(("postshift_", "cutover-"))))
        site.gateway.reload()
        assert old_site.deliver("words") == wired
        assert not site.gateway.log_lines("status=bounced")


def test_mail_from_inside_is_stamped_once(folder):
    """sendmail(1), a bounce, a mailing list's pipe and a forged field: exactly one on our copies, none elsewhere."""
    site = MailSite(folder, "127.20.24", main={"mynetworks": "127.0.0.0/8"}).start()
    try:
        site.set(weight=50)
        gateway = site.gateway
        environment = {**os.environ, "MAIL_CONFIG": str(gateway.etc)}
        subprocess.run(["sendmail", "-i", "-f", "inside@example.com", "user000@example.com", "any@example.org"], env=environment,
                       input=b"Subject: by hand\n\nHello.\n", check=True)
        [copy] = site.new.wait_for(1)
        assert site.backend_of(copy) == "new" and not copy.headers("Return-Path")
        [copy] = site.other.wait_for(1)
        assert copy.headers("X-Cutover-Backend") == []
        # What came to new once comes back through a list, and is sent to both sides.
        text = site.new.copies[0].data.replace(b"\n", b"\r\n")
        with gateway.session() as client:
            client.sendmail("list-bounces@example.org", ["alice@example.com", "user000@example.com"], text)
        assert site.backend_of(site.old.wait_for(1)[0]) == "old"
        assert [site.backend_of(copy) for copy in site.new.wait_for(2)] == ["new", "new"]
        # A bounce to a sender of the moved domain.
        site.other.answer("rcpt", "550 5.1.1 no such user", times=1)
        gateway.send("alice@example.com", ["nobody@example.org"])
        bounce = site.old.wait_for(2)[1]
        assert bounce.sender == "" and site.backend_of(bounce) == "old"
    finally:
        site.stop()


def test_probes_get_the_backends_own_word(folder):
    """reject_unverified_recipient: unknown is 550 at once, also on new; what is accepted still waits for its mailbox."""
    site = MailSite(folder, "127.20.25", main={
        "smtpd_recipient_restrictions": "permit_auth_destination, reject", "mynetworks": "127.0.0.1",
        "smtpd_relay_restrictions": "reject_unauth_destination, reject_unverified_recipient",
        "unverified_recipient_reject_code": "550", "address_verify_map": "", "address_verify_poll_count": "30",
        "address_verify_poll_delay": "1s"})
    site.setup_at_start = False
    site.start()
    try:
        said = site.setup("--apply").stdout
        assert "probes ask the routed backend" in said and "make it 450 while mail moves" in said
        site.set(weight=50)
        site.new.answer("rcpt", "550 5.1.1 no such user", recipient="user000@example.com")
        refused = site.gateway.send(site.sender, ["user000@example.com", "alice@example.com", "user001@example.com"])
        assert list(refused) == ["user000@example.com"] and refused["user000@example.com"][0] == 550
        assert b"no such user" in refused["user000@example.com"][1]
        wait_for(lambda: len(site.old.copies) + len(site.new.copies) == 2, 20, "what is known is delivered")
        assert site.gateway.log_lines("postfix/cutover-verify/smtp") and "nothing to do" in site.setup("--apply").stdout
        site.old.answer("rcpt", "550 5.1.1 gone", recipient="alice@example.com")
        site.gateway.send("later@outside.example", ["alice@example.com"])     # verified before
        site.gateway.wait_for_waiting("alice@example.com", "gone")
    finally:
        site.stop()
