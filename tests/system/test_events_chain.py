"""The chain of events: written by several at once, what is done to it in Redis is told as what it is."""
import hashlib
import json
import subprocess

import pytest

from cutover import Cutover
from processes import BIN, run, wait_for
from redis_server import RedisServer

STREAM, HEAD = "cutover:events", "cutover:events:head"
ZEROS = "0" * 64


class Chain:
    """One Redis, one controller that copies, postshiftctl as often as is wanted."""

    def __init__(self, folder):
        self.folder = folder
        self.redis = RedisServer(folder / "redis", "127.20.120.2").start()
        self.redis.command("HSET", "cutover:domain:example.com", "weight", "0", "old", "site", "new",
                           "cutover-new:[127.20.120.9]:2525", "inside", "accept")
        (folder / "mail.log").touch()
        self.cutover = Cutover(folder, "127.20.120.3", redis=self.redis, domains="example.com", log=folder / "mail.log").start()

    def stop(self):
        self.cutover.process.resume_and_kill()
        self.redis.stop()

    def entries(self):
        return [(entry, dict(zip(words[::2], words[1::2]))) for entry, words in self.redis.command("XRANGE", STREAM, "-", "+")]

    def head(self):
        return self.redis.command("GET", HEAD)

    def verify(self, *words, config=None):
        """Of the document: whether it is ok, and the kinds and places of faults."""
        done = run(BIN / "postshiftctl", "-c", config or self.cutover.config, "events", "verify", "--json", *words, check=False)
        found = json.loads(done.stdout)
        assert done.returncode == (0 if found["ok"] else 1), done
        assert (found["first_fault"] is None) == found["ok"]
        self.said = found
        return [(fault["kind"], fault["seq"]) for fault in found["faults"]]

    def wait_for_copies(self):
        wait_for(lambda: self.cutover.count("SELECT count(*) FROM event_copy WHERE seq || ':' || hash = ?", self.head()), 20,
                 "the last event is in the books")

    def keep(self):
        self.kept = self.redis_dump(), self.head(), self.entries()

    def redis_dump(self):
        with self.redis.connect() as client:
            client.send("DUMP", STREAM)
            length = int(client.file.readline()[1:])
            return client.file.read(length + 2)[:-2]

    def bring_back(self):
        dump, head, _ = self.kept
        self.redis.command("RESTORE", STREAM, 0, dump, "REPLACE")
        self.redis.command("SET", HEAD, head)

    def rewrite(self, change):
        """All entries anew, each as `change` gives it (None: left out)."""
        with self.redis.connect() as client:
            client.command("DEL", STREAM)
            for entry, pairs in self.kept[2]:
                changed = change(dict(pairs))
                if changed is not None:
                    client.command("XADD", STREAM, entry, *[word for pair in changed.items() for word in pair])


@pytest.fixture(scope="module")
def chain(module_folder):
    """A thousand events by four at once."""
    made = Chain(module_folder)
    made.redis.command("XADD", STREAM, "*", "time", "1764000000", "who", "root", "domain", "example.com", "what", "weight")
    writers = [subprocess.Popen([BIN / "postshiftctl", "-c", made.cutover.config, "list", "example.com", f"team{writer}", "add",
                                 *[f"p{writer}.{n}@example.com" for n in range(250)]], stdout=subprocess.DEVNULL)
               for writer in range(4)]
    assert [writer.wait(120) for writer in writers] == [0] * 4
    made.wait_for_copies()
    made.keep()
    yield made
    made.stop()


def canonical(pairs):
    """As the manual has it."""
    return "".join(f"{len(text.encode())}:{text}," for pair in pairs.items() if pair[0] not in ("prev", "hash") for text in pair)


def test_four_writers_make_one_chain(chain):
    assert chain.verify() == []
    assert chain.said["events"] == 1000 and chain.said["copies"] == 1000 and chain.said["not_chained_before"] == 1
    assert chain.said["head"] == chain.head()
    prev = ZEROS
    for number, (_, pairs) in enumerate(chain.entries()[1:], 1):
        assert (pairs["seq"], pairs["prev"]) == (str(number), prev)
        prev = hashlib.sha256((prev + canonical(pairs)).encode()).hexdigest()
        assert pairs["hash"] == prev
    text = chain.cutover.ctl("events", "verify", "--head", chain.head()).stdout
    assert "1000 events in the chain" in text and chain.head() in text and "1 before them, of an earlier version" in text


def without(seq):
    return lambda pairs: None if pairs.get("seq") == str(seq) else pairs


def with_another_octet(pairs):
    return {**pairs, "to": pairs["to"] + "x"} if pairs.get("seq") == "500" else pairs


def sealed_again(pairs):
    if pairs.get("seq") != "500":
        return pairs
    pairs["who"] = "somebody"
    return {**pairs, "hash": hashlib.sha256((pairs["prev"] + canonical(pairs)).encode()).hexdigest()}


def entry_of(chain, seq):
    return next(entry for entry, pairs in chain.kept[2] if pairs.get("seq") == str(seq))


DONE = {
    "an octet": (lambda chain: chain.rewrite(with_another_octet), [("changed", 500)]),
    "an octet and its hash": (lambda chain: chain.rewrite(sealed_again), [("fork", 501), ("fork", 500)]),
    "XDEL": (lambda chain: chain.redis.command("XDEL", STREAM, entry_of(chain, 700)), [("gap", 700)]),
    "XDEL of the last": (lambda chain: chain.redis.command("XDEL", STREAM, entry_of(chain, 1000)), [("cut-tail", 1000)]),
    "XTRIM": (lambda chain: chain.redis.command("XTRIM", STREAM, "MAXLEN", 900), [("cut-start", 1)]),
    "DEL": (lambda chain: chain.redis.command("DEL", STREAM), [("deleted", 1)]),
    "DEL of both": (lambda chain: chain.redis.command("DEL", STREAM, HEAD), [("deleted", 1)]),
    "DEL of the head": (lambda chain: chain.redis.command("DEL", HEAD), [("head-moved", 1000)]),
}


@pytest.mark.parametrize("what", DONE)
def test_what_was_done_is_told(chain, what):
    chain.bring_back()
    assert chain.verify() == []
    act, wanted = DONE[what]
    act(chain)
    assert chain.verify() == wanted, chain.said


def test_a_tail_that_was_cut_with_its_head_is_told_by_books_and_log(chain):
    chain.bring_back()
    last = chain.head()
    chain.redis.command("XDEL", STREAM, entry_of(chain, 1000))
    chain.redis.command("SET", HEAD, "999:" + dict(chain.entries()[-1][1])["hash"])
    assert chain.verify() == [("cut-tail", 1000)]
    # On a gateway that has no books the log's word does it.
    other = chain.folder / "other.conf"
    other.write_text(chain.cutover.config.read_text().replace("/books.db", "/no-books.db"))
    assert chain.verify(config=other) == [] and "no-books.db" in chain.said["books_unread"]
    assert chain.verify("--head", last, config=other) == [("cut-tail", 1000)]


def test_two_that_went_on_from_one_place_are_a_fork(chain):
    """As after a failover that lost what the old primary had said: the books have what nobody else has any more."""
    chain.bring_back()
    chain.redis.command("XDEL", STREAM, entry_of(chain, 1000))
    chain.redis.command("SET", HEAD, "999:" + dict(chain.entries()[-1][1])["hash"])
    chain.cutover.ctl("set", "example.com", "weight=30", "--force")
    assert chain.verify() == [("fork", 1000)]
    wait_for(lambda: chain.cutover.said("goes on from another event"), 10, "the controller warns")
    wait_for(lambda: chain.cutover.metric("postshift_cutover_event_faults_total") >= 1, 5, "it is counted")
    wait_for(lambda: chain.cutover.said(f"events: head={chain.head()}, after=weight"), 10, "the head is logged")


def test_what_was_deleted_and_begun_anew(chain):
    chain.bring_back()
    chain.redis.command("DEL", STREAM)
    chain.cutover.ctl("set", "example.com", "weight=40", "--force")
    kinds = chain.verify()
    assert kinds[-1] == ("deleted", 1), chain.said
    assert dict(chain.entries()[0][1])["seq"] == "1001"


def test_the_stream_is_cut_with_a_checkpoint(chain):
    chain.bring_back()
    with chain.redis.connect() as client:
        client.pipeline([("XADD", STREAM, "*", "what", "filler") for _ in range(9999)])
    chain.cutover.ctl("pin", "a@example.com", "new")
    cut = [pairs for _, pairs in chain.entries() if pairs["what"] == "checkpoint"]
    assert [pairs["to"] for pairs in cut] == ["999:" + next(p["hash"] for _, p in chain.kept[2] if p.get("seq") == "999")]
    assert chain.redis.command("XLEN", STREAM) == 10002
    chain.cutover.process.kill()    # its books have forks of the tests before
    other = chain.folder / "other.conf"
    other.write_text(chain.cutover.config.read_text().replace("/books.db", "/no-books.db"))
    assert chain.verify(config=other) == [], chain.said
    assert chain.said["events"] == 3 and chain.said["not_chained_since"] == 9999
