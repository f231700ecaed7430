"""X-Cutover-Backend: one on each copy of ours, nothing of ours elsewhere, whatever way a mail takes through the gateway."""
import shutil
import smtplib

import pytest

from mailsite import MailSite
from processes import wait_for
from sink import Sink

OLDIE, NEWBIE = "alice@example.com", "user000@example.com"      # weight 50
LIST = """#!/usr/bin/python3
# A list as mailman is wired: takes the post on standard input, sends it on to each member, its fields as they came.
import smtplib, sys
post = sys.stdin.buffer.read()
post = post.partition(b"\\n")[2] if post.startswith(b"From ") else post
with smtplib.SMTP("%s", 10026, local_hostname="list.example") as client:
    client.sendmail("list-bounces@lists.example", ["%s", "%s", "member@elsewhere.example"], post)
"""


class Filter(Sink):
    """Stands before the queue: what it gets comes back by another port before it says yes."""
    back = None

    def keep(self, copy, sure):
        super().keep(copy, sure)
        with smtplib.SMTP(*self.back, local_hostname="filter.example") as client:
            client.sendmail(copy.sender, [copy.recipient], b"X-Filtered: yes\n" + copy.data)


@pytest.fixture
def site(folder):
    """Lists by pipe(8), aliases and mailboxes by local(8), a filter before the queue."""
    boxes = folder / "boxes"
    boxes.mkdir()
    shutil.chown(boxes, "nobody")
    made = MailSite(folder, "127.20.26", chroot=False, main={
        "mydestination": "gw.example", "local_recipient_maps": "", "alias_maps": f"texthash:{folder}/aliases", "default_privs": "nobody",
        "mail_spool_directory": f"{boxes}/", "mynetworks": "127.0.0.0/8", "mailbox_command": "",
        "allow_mail_to_commands": "alias", "allow_mail_to_files": "alias",
        "smtpd_recipient_restrictions": "permit_mynetworks, reject_unauth_destination",
        "transport_maps": "inline:{{lists.example=mailman:}}", "relay_domains": "example.com, example.org, mark.example, lists.example"})
    gateway = made.gateway
    script = folder / "post"
    script.write_text(LIST % (gateway.address, OLDIE, NEWBIE))
    script.chmod(0o755)
    (folder / "aliases").write_text(f"both {OLDIE}, {NEWBIE}, nobody, {boxes}/file\npiped |{script}\nnobody {boxes}/nobody\n")
    (folder / "aliases").chmod(0o644)
    back = "127.20.26.1:10026"
    gateway.postconf("-M", f"mailman/unix=mailman unix - n n - - pipe flags=FR user=nobody argv={script} ${{nexthop}} ${{user}}",
                     f"{back}/inet={back} inet n - n - - smtpd -o smtpd_proxy_filter= -o smtpd_authorized_xforward_hosts=127.0.0.0/8")
    gateway.postconf("-P", f"{gateway.address}:{gateway.port}/inet/smtpd_proxy_filter=127.20.26.8:10024")
    made.filter = Filter("filter", ("127.20.26.8", 10024))
    made.filter.back = ("127.20.26.1", 10026)
    made.filter.start()
    made.boxes = boxes
    try:
        made.start()
        made.set(weight=50)
        yield made
    finally:
        made.stop()
        made.filter.stop()


def wait_for_both(site, sender, count=1):
    """The copies of both movers: each with one field of ours, its own backend's."""
    for recipient, sink, backend in ((OLDIE, site.old, "old"), (NEWBIE, site.new, "new")):
        copies = wait_for(lambda: len(sink.copies_of(recipient, sender)) >= count and sink.copies_of(recipient, sender), 30,
                          f"{recipient} from {sender}")
        for copy in copies:
            assert copy.headers("X-Cutover-Backend") == [backend], copy.data
            assert not copy.headers("X-Cutover-Mark") and not copy.headers("Return-Path")


FORGED = [("X-Cutover-Backend", "new"), ("X-Cutover-Mark", "x"), ("Return-Path", "<forged@elsewhere.example>")]


def test_a_filter_before_the_queue(site):
    assert not site.gateway.send("a@outside.example", [OLDIE, NEWBIE, "any@example.org"], headers=FORGED)
    wait_for_both(site, "a@outside.example")
    [copy] = wait_for(lambda: site.other.copies_of("any@example.org", "a@outside.example"), 20, "the other domain")
    assert copy.headers("X-Filtered") == ["yes"] and copy.headers("X-Cutover-Backend") == ["new"], "theirs is left as it came"


@pytest.mark.parametrize("post", ["all@lists.example", "piped@gw.example"])
def test_a_list_behind_a_pipe(site, post):
    assert not site.gateway.send("b@outside.example", [post])
    wait_for_both(site, "list-bounces@lists.example")
    [copy] = wait_for(lambda: site.other.copies_of("member@elsewhere.example", "list-bounces@lists.example"), 20, "the member")
    assert not copy.headers("X-Cutover-Backend") and not copy.headers("X-Cutover-Mark")


def test_aliases_and_mailboxes_of_local(site):
    assert not site.gateway.send("c@outside.example", ["both@gw.example", OLDIE])
    wait_for_both(site, "c@outside.example")
    files = [site.boxes / "file", site.boxes / "nobody"]
    wait_for(lambda: all(file.exists() and b"Hello." in file.read_bytes() for file in files), 20, "the files")
    for file in files:
        assert b"cutover" not in file.read_bytes().lower(), "nothing of ours elsewhere"
    assert not site.gateway.log_lines("status=bounced")
