"""routing = filter, for sites that can't give the queue manager a rewrite service: a message goes to one
backend, the client sends it again for the recipients of the other."""
import pytest

from mailsite import MailSite, side

BLOCK = "127.20.80"
PEOPLE = [f"person{n}@example.com" for n in range(10)]


@pytest.fixture
def site(folder):
    made = MailSite(folder, BLOCK, routing="filter", main={"smtpd_recipient_restrictions": "permit_mynetworks, reject"},
                    states={"site.example": {"old": "site", "weight": 0}})
    made.start()
    made.set(weight=50)
    yield made
    made.stop()


def send_until_accepted(site, sender, recipients):
    """As a client does: again for those who were deferred.  How often, and the last refusals."""
    for attempt in range(1, 5):
        refused = site.gateway.send(sender, recipients)
        if not refused or set(refused) == set(recipients):
            return attempt, refused
        assert all(code // 100 == 4 for code, _ in refused.values()), refused
        recipients = list(refused)
    raise AssertionError(f"never accepted: {recipients}")


def test_recipients_of_both_backends(site):
    wanted = {person: side(person, 50) for person in PEOPLE}
    assert set(wanted.values()) == {"old", "new"}
    attempts, refused = send_until_accepted(site, "writer@outside.example", PEOPLE)
    assert (attempts, refused) == (2, {})
    for sink, name in ((site.old, "old"), (site.new, "new")):
        copies = sink.wait_for(sum(place == name for place in wanted.values()))
        assert {copy.recipient: site.backend_of(copy) for copy in copies} == {
            person: place for person, place in wanted.items() if place == name}
    assert site.gateway.log_lines("450 4.5.3 ")


def test_held_recipient_is_refused_for_now(site):
    site.pin(PEOPLE[0], "hold")
    attempts, refused = send_until_accepted(site, "hold@outside.example", PEOPLE[:1])
    assert attempts == 1 and b"4.2.1" in refused[PEOPLE[0]][1]
    assert not site.gateway.queued()


def test_each_message_of_a_session_starts_anew(site):
    """The first recipient fixes the backend of its message, not of the next."""
    with site.gateway.session() as client:
        for person in PEOPLE:
            assert not client.sendmail("series@outside.example", [person], f"Subject: for {person}\r\n\r\nHello.\r\n")
    wanted = {person: side(person, 50) for person in PEOPLE}
    for sink, name in ((site.old, "old"), (site.new, "new")):
        copies = sink.wait_for(sum(place == name for place in wanted.values()))
        assert all(wanted[copy.recipient] == name == site.backend_of(copy) for copy in copies)


@pytest.mark.parametrize("first", ["old", "new"])
def test_old_site_takes_no_part_in_a_filter(site, first):
    """A FILTER takes the whole message, so who is on old=site, or none of ours, comes in another one."""
    site.pin("mover@site.example", "new")
    stays, moves = ["stayer@site.example", "any@example.org"], ["mover@site.example"]
    attempts, refused = send_until_accepted(
        site, "writer@outside.example", stays + moves if first == "old" else moves + stays)
    assert (attempts, refused) == (2, {})
    assert sorted(copy.recipient for copy in site.other.wait_for(2)) == sorted(stays)
    [copy] = site.new.wait_for(1)
    assert copy.recipient == "mover@site.example" and site.backend_of(copy) == "new"


def test_a_message_whose_first_recipient_nobody_remembers_goes_nowhere_else(site):
    """policyd is restarted between two recipients: a FILTER for the second would take the first along."""
    on_old = next(person for person in PEOPLE if side(person, 50) == "old")
    on_new = next(person for person in PEOPLE if side(person, 50) == "new")
    with site.gateway.session() as client:
        client.ehlo()
        client.mail("slow@outside.example")
        assert client.rcpt(on_old)[0] == 250
        client.noop()
        site.policyd.restart()
        for person in (on_new, on_old, "any@example.org"):
            code, text = client.rcpt(person)
            assert code == 450 and b"4.5.3" in text
        assert client.data("Subject: slow\r\n\r\nHello.\r\n")[0] == 250
    [copy] = site.old.wait_for(1)
    assert copy.recipient == on_old and site.backend_of(copy) == "old" and not site.new.copies
    assert send_until_accepted(site, "slow@outside.example", [on_new]) == (1, {})
    assert [copy.recipient for copy in site.new.wait_for(1)] == [on_new]
