"""acts - the demo's story, one function an act; its docstring's first line is the title.

An act plays on a stage.Stage: it shows commands as an operator would type them, runs them, sends mail
and checks each thing that it says.  New acts go into ACTS where the story wants them.
"""
from acts_milters import authenticated, quarantined, scanned
from acts_plan import advances, goes_back, who_has_mail_on_new
from acts_rehearsal import rehearsed
from acts_undo import brought_back
from processes import BIN
from stage import DOMAIN

PEOPLE = [f"person{n}@{DOMAIN}" for n in range(100)]


def mail_at(demo, weight, story, also=()):
    """Everybody gets mail; each copy must be on the side that its bucket says."""
    messages = demo.send(story, PEOPLE)
    places = demo.wait_delivered(story, len(PEOPLE))
    wanted = {person: demo.side(person, weight) for person in PEOPLE} | dict(also)
    demo.check(places == wanted, f"at {weight} percent: {places}, wanted {wanted}")
    demo.say(f"{messages} messages to {len(PEOPLE)} recipients: {demo.sums(places)}. Each one is where SHA-256 of "
             "domain and address puts it, and X-Cutover-Backend on its copy names that backend.")
    return places


def wire(demo):
    """An existing gateway, wired"""
    demo.say(f"D={demo.folder}: a Postfix whose main.cf sends {DOMAIN} to the old backend by relay_transport, a Redis, "
             f"the two backends {demo.old.address} and {demo.new.address}, and policyd.")
    before = demo.gateway.smtpds()
    printed = demo.ctl("postfix-setup", "--apply", "-c", demo.gateway.etc, quiet=True)
    demo.gateway.wait_for_new_smtpds(before)
    demo.show(line for line in printed.splitlines() if line.startswith(("changed", "off", "if ")))
    again = demo.ctl("postfix-setup", "--apply", "-c", demo.gateway.etc)
    demo.check("nothing to do" in again, "a second --apply has nothing to do")
    demo.send("zero", PEOPLE[:5])
    places = demo.wait_delivered("zero", 5)
    demo.check(set(places.values()) == {"old"}, f"at weight 0 all go to old: {places}")
    demo.say("Weight 0: mail to five recipients, all on old.")


def thirty(demo):
    """30 percent, by plain redis-cli"""
    demo.redis_cli("HSET", demo.key, "weight", "30")
    demo.settle(next(p for p in PEOPLE if demo.side(p, 30) == "new"), "cutover-new:")
    places = mail_at(demo, 30, "thirty")
    message = next(PEOPLE[first:first + 5] for first in range(0, len(PEOPLE), 5)
                   if len({places[p] for p in PEOPLE[first:first + 5]}) == 2)
    demo.say("Two copies of one and the same message:")
    for name in ("old", "new"):
        demo.show(demo.headers("thirty", next(p for p in message if places[p] == name)))


def seventy(demo):
    """70 percent: units only move from old to new"""
    before = demo.delivered("thirty")
    demo.redis_cli("HSET", demo.key, "weight", "70")
    demo.settle(next(p for p in PEOPLE if demo.side(p, 30) == "old" and demo.side(p, 70) == "new"), "cutover-new:")
    places = mail_at(demo, 70, "seventy")
    back = [person for person in PEOPLE if before[person] == "new" and places[person] == "old"]
    demo.check(not back, f"{back} went back")
    demo.say(f"{sum(places[p] != before[p] for p in PEOPLE)} moved to new, nobody moved back.")


def pin(demo):
    """One recipient pinned to old, whatever the weight"""
    person = next(p for p in PEOPLE if demo.side(p, 70) == "new")
    demo.redis_cli("SET", f"cutover:pin:{person}", "old note=asked to wait")
    demo.settle(person, "cutover-old:")
    demo.ctl("route", person)
    demo.send("pinned", [person, *[p for p in PEOPLE if demo.side(p, 70) == "new"][1:3]])
    places = demo.wait_delivered("pinned", 3)
    demo.check([p for p in places if places[p] == "old"] == [person], f"only the pinned one is on old: {places}")
    demo.show(demo.headers("pinned", person))


def hold(demo):
    """One recipient held while her mailbox is copied"""
    held, other = PEOPLE[1], PEOPLE[2]
    demo.redis_cli("SET", f"cutover:pin:{held}", "hold")
    demo.settle(held, "retry:")
    demo.send("held", [held, other])
    demo.wait_delivered("held", 1)
    reason = demo.gateway.wait_for_waiting(held)
    demo.check(list(demo.gateway.waiting()) == [held], "one recipient waits, alone")
    demo.say(f"One message to two: {other} has it, {held} waits in the queue, not refused, not bounced ({reason}).")
    demo.redis_cli("SET", f"cutover:pin:{held}", "new")
    demo.settle(held, "cutover-new:")
    demo.send("release", [PEOPLE[3]])       # another question: the queue manager remembers its last answer for a while
    demo.command("postqueue", "-c", demo.gateway.etc, "-f")
    places = demo.wait_delivered("held", 2)
    demo.check(places[held] == "new", f"the held mail went to new: {places}")
    demo.say("Copied; pinned to new, and the waiting mail follows:")
    demo.show(demo.headers("held", held))
    demo.redis_cli("DEL", f"cutover:pin:{held}")
    demo.settle_unpinned(held)


def redis_dies(demo):
    """Redis is killed, mail goes on"""
    demo.redis.command("SAVE")
    pid = demo.redis.process.pid
    demo.redis.kill()
    demo.say(f"kill -9 {pid}: no Redis. policyd answers from memory,")
    pinned = next(p for p in PEOPLE if demo.side(p, 70) == "new")
    mail_at(demo, 70, "no-redis", {pinned: "old"})
    demo.policyd.wait_for_snapshot(demo.changed)
    demo.policyd.kill()
    demo.policyd.start(loaded=False)
    demo.say("and after kill -9 of policyd, too, from its snapshot:")
    mail_at(demo, 70, "snapshot", {pinned: "old"})


def roll_back(demo):
    """The new backend dies; rolled back with Redis still down"""
    demo.new.process.kill()
    demo.say(f"kill -9 of the new backend. Mail to {len(PEOPLE)} recipients:")
    demo.send("rollback", PEOPLE)
    pinned = next(p for p in PEOPLE if demo.side(p, 70) == "new")
    on_old = [p for p in PEOPLE if demo.side(p, 70) == "old" or p == pinned]
    demo.wait_delivered("rollback", len(on_old))
    demo.wait_waiting(len(PEOPLE) - len(on_old))
    demo.say(f"{len(on_old)} are delivered to old, {len(PEOPLE) - len(on_old)} wait in the queue; none bounced.")
    demo.ctl("--local", "rollback", DOMAIN)
    demo.settle(PEOPLE[3], "cutover-old:")
    demo.command("postfix", "-c", demo.gateway.etc, "reload", quiet=True)
    demo.command("postqueue", "-c", demo.gateway.etc, "-f")
    places = demo.wait_delivered("rollback", len(PEOPLE))
    demo.check(set(places.values()) == {"old"}, f"all on old: {places}")
    demo.gateway.wait_until_empty(20)
    demo.say("All of it is on old, the queue is empty.")


def books(demo):
    """The sums"""
    copies = [message for backend in demo.backends.values() for message in backend.files()]
    bounced = demo.gateway.log_lines("status=bounced")
    demo.check(len(copies) == demo.sent.total(), f"{demo.sent.total()} accepted, {len(copies)} delivered")
    demo.check(not bounced, f"bounced: {bounced}")
    demo.check(not demo.gateway.queued(), "nothing waits")
    demo.say(f"Accepted: {demo.sent.total()} recipients. Delivered: {len(copies)}, each once. Bounced: 0. Waiting: 0.")


def told_by_the_books(demo):
    """Where is that mail, and has anything been lost?"""
    demo.cutover.wait_for_delivered(demo.sent.total())
    demo.say("postshift-cutover has followed the log all the while. The mail that was held:")
    held = demo.cutover.trace("--to", PEOPLE[1], "--from", "held-0@outside.example")
    demo.check(len(held) == 1, f"one story: {held}")
    demo.books_ctl("trace", "--queue-id", held[0]["legs"][0]["queue_id"])
    demo.say("And all of it, by double entry:")
    demo.books_ctl("audit")
    audit = demo.cutover.audit()
    demo.check(audit["balanced"] and not audit["lost"], f"the books balance: {audit}")
    demo.check(audit["queue_silent"] is None, f"Postfix's queue agrees: {audit}")


ACTS = [wire, thirty, rehearsed, seventy, pin, hold, redis_dies, roll_back, authenticated, scanned, books, told_by_the_books, advances,
        goes_back, who_has_mail_on_new, quarantined, brought_back]


def leave_running(demo):
    """KEEP=1: everything runs again, and what to try."""
    demo.new.start()
    script = demo.write_end()
    redis = " ".join(demo.redis.cli_words())
    ctl = f"{demo.short(['postshiftctl'])} -c $D/{demo.policyd.config.relative_to(demo.folder)}"
    print(f"""
It goes on running.  To try (copy the first two lines):

   D={demo.folder}
   PATH={BIN}:$PATH
   swaks --server {demo.gateway.address}:{demo.gateway.port} --from you@outside.example --to {PEOPLE[0]},{PEOPLE[1]}
   {redis} HSET {demo.key} weight 50
   {redis} SET cutover:pin:{PEOPLE[0]} hold
   {ctl} status
   {ctl} route {PEOPLE[0]}
   {ctl} postfix-setup --remove -c $D/postfix/etc
   postqueue -c $D/postfix/etc -p;  postqueue -c $D/postfix/etc -f
   ls $D/mail-old $D/mail-new;  tail -f $D/postfix/mail.log
   postshiftctl -c $D/{demo.cutover.config.relative_to(demo.folder)} trace --to {PEOPLE[0]}
   curl -s http://{"%s:%d" % demo.policyd.page_address}/status.json
   postshiftctl -c $D/{demo.cutover.config.relative_to(demo.folder)} plan start {DOMAIN} --stays "10s 10s 10m" min_samples=1
   postshiftctl -c $D/{demo.cutover.config.relative_to(demo.folder)} status --watch;  the page: http://{"%s:%d" % demo.cutover.page_address}/

To end it: {script}""")
