"""unit load from what a site knows, unit why, unit suggest: with a real Redis, and books."""
import random
import time

import pytest

from books import Books
from processes import BIN, run
from test_ctl import World, bucket

DAY = 86400


@pytest.fixture(scope="module")
def shared(module_folder):
    """Redis without policyd, for all tests of this file."""
    world = World(module_folder)
    yield world
    world.stop()


@pytest.fixture
def bare(shared):
    shared.redis.command("FLUSHALL")
    shared.state(weight=0)
    return shared


def written(world):
    keys = world.redis.command("KEYS", "cutover:unit:*")
    return {key.split(":", 2)[2]: world.redis.command("GET", key) for key in keys}


def load(world, text, *words, check=True):
    return world.ctl("unit", "load", "-", *words, stdin=text, check=check)


PERMISSIONS = """"Identity","User","AccessRights","IsInherited","Deny"
"info@example.com","NT AUTHORITY\\SELF","FullAccess","False","False"
"info@example.com","anna@example.com","FullAccess","False","False"
"info@example.com","CORP\\bert","FullAccess","False","False"
"Big Boss","anna@example.com","FullAccess","False","False"
"info@example.com","out@elsewhere.test","FullAccess","False","False"
"""


def test_a_shared_mailbox_and_its_delegates_are_one(bare):
    said = load(bare, PERMISSIONS, "--domain", "example.com").stdout
    units = written(bare)
    assert len(set(units.values())) == 1
    assert set(units) | set(units.values()) == {f"{n}@example.com" for n in ("info", "anna", "bert")}
    assert "standard input:5: left out: Big Boss" in said and "1 link left out" in said
    assert "1 unit of 3 addresses" in said and "nobody changes sides" in said
    # The same once more writes nothing; a new delegate joins the unit, which keeps its name.
    assert "nothing to write" in load(bare, PERMISSIONS, "--domain", "example.com").stdout
    load(bare, "Mailbox,User\nanna@example.com,carl@example.com\n")
    assert written(bare) == {**units, "carl@example.com": next(iter(units.values()))}
    event = bare.json("events")[-1]
    assert event["what"] == "unit" and "(1)" in event["to"]


def test_forms_beside_each_other(bare, folder):
    (folder / "groups.csv").write_text("Group,PrimarySmtpAddress\nSales,a@example.com\nSales,b@example.com\n")
    (folder / "people.ldif").write_text("dn: cn=B,dc=x\nmail: b@example.com\nmanager: cn=C,dc=x\n\ndn: cn=C,dc=x\nmail: c@example.com\n")
    bare.ctl("unit", "load", folder / "groups.csv", folder / "people.ldif")
    (folder / "virtual").write_text("d@example.com c@example.com\n")
    bare.ctl("unit", "load", "--format", "virtual", folder / "virtual")
    units = written(bare)
    assert len(set(units.values())) == 1 and len(set(units) | set(units.values())) == 4
    (folder / "units").write_text("a@example.com b@example.com\n")
    assert "one after the other" in bare.fails(2, "unit", "load", folder / "groups.csv", folder / "units")
    assert "none.csv" in bare.fails(1, "unit", "load", folder / "none.csv")


def test_who_would_change_sides_is_named_and_refused(bare):
    on_new = next(f"n{i}@example.com" for i in range(1000) if bucket(f"n{i}@example.com") < 3000)
    on_old = [f"o{i}@example.com" for i in range(1000) if bucket(f"o{i}@example.com") > 7000][:2]
    bare.state(weight=30)
    text = "Mailbox,User\n" + "".join(f"{on_new},{o}\n" for o in on_old)
    done = load(bare, text, check=False)
    # The fewest move: one of three.
    assert done.returncode == 4 and f"{on_new}: new -> old" in done.stdout and "1 address would change sides" in done.stderr
    assert written(bare) == {}
    load(bare, text, "--force")
    assert len(written(bare)) == 2
    assert "forced: 1 change sides" in bare.json("events")[-1]["why"]
    # An order is told by the same rule.
    order = f"{on_new} {on_new}\n{on_old[0]} {on_new}\n"
    assert load(bare, order, check=False).returncode == 4
    bare.state(weight=0)
    assert load(bare, order).returncode == 0


def test_why(bare, folder):
    (folder / "p.csv").write_text("Mailbox,User\ninfo@example.com,anna@example.com\ninfo@example.com,bert@example.com\n")
    bare.ctl("unit", "load", folder / "p.csv")
    done = bare.ctl("unit", "why", "anna@example.com", "Bert@example.com", folder / "p.csv")
    assert "one unit" in done.stdout and "anna@example.com - info@example.com (delegate, " in done.stdout and "p.csv:3" in done.stdout
    told = bare.json("unit", "why", "anna@example.com", "bert@example.com", folder / "p.csv")
    assert told["together"] is True and [link["kind"] for link in told["links"]] == ["delegate", "delegate"]
    apart = bare.ctl("unit", "why", "anna@example.com", "x@example.com", check=False)
    assert apart.returncode == 1 and "two units" in apart.stdout
    for words in (("anna@example.com",), ("anna@example.com", "nobody")):
        bare.fails(2, "unit", "why", *words)


def test_planted_communities(bare):
    """Of 20,000 users in teams, with noise and hubs: teams stay whole, the weight holds, twice the same."""
    chance = random.Random(7)
    users = [f"user{i:05d}@example.com" for i in range(20000)]
    teams, at = [], 0
    while at < len(users):
        size = chance.randint(8, 40)
        teams.append(users[at:at + size])
        at += size
    rows = []
    for team in teams:
        rows += [(user, chance.choice(team)) for user in team for _ in range(3)]
        rows += [(user, chance.choice(users)) for user in team if chance.random() < 0.3]
    for hub in chance.sample(users, 10):
        rows += [(hub, user) for user in chance.sample(users, 300)]
    chance.shuffle(rows)
    text = "Mailbox,User\n" + "".join(f"{a},{b}\n" for a, b in rows if a != b)
    began = time.monotonic()
    said = load(bare, text).stdout
    assert time.monotonic() - began < 10
    units = written(bare)
    side = {user: bucket(units.get(user, user)) < 3000 for user in users}
    assert 0.29 < sum(side.values()) / len(users) < 0.31
    pairs = together = 0
    for team in teams:
        on_new = sum(side[user] for user in team)
        pairs += len(team) * (len(team) - 1) // 2
        together += on_new * (on_new - 1) // 2 + (len(team) - on_new) * (len(team) - on_new - 1) // 2
    assert together / pairs > 0.9
    assert said.count("joins nobody") == 10
    bare.redis.command("FLUSHALL")
    bare.state(weight=0)
    assert load(bare, text).stdout == said and written(bare) == units


LOG = ("{at} gw postfix/smtpd[1]: {id}: client=x[192.0.2.9]\n{at} gw postfix/qmgr[1]: {id}: from=<{sender}>, size=1000, nrcpt=1 (queue active)\n"
       "{at} gw postfix/cutover-old/smtp[1]: {id}: to=<{to}>, relay=x[192.0.2.10]:25, delay=0.1, delays=0/0/0/0.1, dsn=2.0.0, status=sent (250 ok)\n"
       "{at} gw postfix/qmgr[1]: {id}: removed\n")


def test_suggest_from_the_books(folder, bare):
    at = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() - DAY))
    mails = [("anna@example.com", "bert@example.com")] * 5 + [("Bert@example.com", "anna+x@example.com")] * 6 + \
        [("anna@example.com", "carl@example.com")] * 9 + [("carl@example.com", "anna@example.com")] * 4 + \
        [("out@elsewhere.test", "anna@example.com")] * 9
    log = "".join(LOG.format(at=at, id=f"4jcf{n:08d}zz", sender=s, to=t) for n, (s, t) in enumerate(mails))
    books = Books(folder, redis=f"inet:{bare.redis.address}:{bare.redis.port}", domains="example.com").fill(log)
    text = books.ctl("unit", "suggest", "example.com").stdout
    assert text.splitlines()[2:] == ["Mailbox,User,Kind,Mails,Back", "anna@example.com,bert@example.com,mail,5,6"]
    assert books.json("unit", "suggest", "example.com") == {
        "pairs": [{"mailbox": "anna@example.com", "user": "bert@example.com", "mails": 5, "back": 6}]}
    assert written(bare) == {}
    books.ctl("unit", "load", "-", stdin=text)
    assert len(written(bare)) == 1
    assert "mails in 30 days: 9 there, 4 back" in books.ctl("unit", "why", "anna@example.com", "carl@example.com", code=1).stdout
    movers = books.ctl("moves", "example.com", "--to", "100", "--format", "csv", stdin="anna@example.com\nbert@example.com\n").stdout
    assert [line.split(",")[5:7] for line in movers.splitlines()[1:]] == [["19", "1000"], ["5", "1000"]]


def test_movers_with_their_names_and_forwards(bare, folder):
    (folder / "aliases").write_text("a.smith@example.com anna@example.com\nas: anna@example.com\nteam@example.com anna@example.com, bert@example.com\n"
                                    "annie@example.com anna@example.com\n")
    (folder / "forwards").write_text("anna@example.com anna@elsewhere.test\n")
    config = folder / "ctl.conf"
    config.write_text(bare.policyd.config.read_text() + f"\n[ctl]\naliases = {folder}/aliases\nforwards = {folder}/forwards\n")
    now = int(time.time())
    bare.redis.command("HSET", "cutover:rehearsal:example.com", "gw1", f"{now} 100 2 2 1 1 0 0")
    bare.redis.command("HSET", "cutover:rehearsal:example.com:gw1", "anna@example.com", f"{now} fine - 1 41",
                       "bert@example.com", f"{now} refused quota 2 3 552 5.2.2 mailbox is full")
    csv = run(BIN / "postshiftctl", "-c", config, "moves", "example.com", "--to", "100", "--format", "csv",
              stdin="anna@example.com\nbert@example.com\n").stdout.splitlines()
    assert [line.split(",")[7:] for line in csv[1:]] == [
        ["a.smith@example.com annie@example.com as", "anna@elsewhere.test", "fine"], ["", "", "refused quota"]]
