"""acts_rehearsal - the act in which new is asked whether it would take the mail of those who move first."""
from processes import BIN, run, wait_for
from rehearsal import Rehearsal
from sink import Sink
from stage import BACKEND_PORT, DOMAIN


def rehearsed(demo):
    """The day before 70: would new take their mail?"""
    demo.cutover.wait_for_delivered(demo.sent.total())
    people = [person for person in demo.sent if demo.side(person, 30) == "old" and demo.side(person, 70) == "new"]
    full, unknown, *others = people
    store = Sink("new", (f"{demo.block}.6", BACKEND_PORT))
    store.answer("rcpt", "550 5.1.1 no such user here")
    for person in others:
        store.answer("rcpt", None, recipient=person)
    store.answer("rcpt", "552 5.2.2 mailbox is full", recipient=full)
    store.start()
    demo.books_ctl("set", DOMAIN, f"new=cutover-new:[{store.address[0]}]:{BACKEND_PORT}", quiet=True)
    demo.cutover.options["rehearsal"] = "95"
    asking = Rehearsal(demo.cutover)
    demo.extras["rehearsal"] = asking.process
    asking.start()
    demo.say("postshift-rehearsal says to new what Postfix would say for the mail that came, up to the recipient; it never sends "
             "DATA. Of those who move from 30 to 70 percent:")
    asking.wait(DOMAIN, lambda found: {problem["class"] for problem in found["problems"]} == {"unknown", "quota"})
    words = [BIN / "postshiftctl", "-c", demo.cutover.config, "rehearsal", DOMAIN]
    demo.show([f"$ {demo.short(words)}", *run(*words, check=False).stdout.splitlines()[:3]])
    demo.check(store.verbs["RCPT"] > 0 and store.verbs["DATA"] == 0 and not store.copies, f"new got no message: {store.verbs}")
    demo.say("They stay on old until somebody has seen to their mailboxes:")
    demo.books_ctl("rehearsal", DOMAIN, "--pin-refused")
    for person in (full, unknown):
        wait_for(lambda who=person: demo.policyd.document(f"/route.json?address={who}")["pin"], 5, f"{person} is pinned")
    # The story goes on with a new that takes them all.
    asking.stop()
    del demo.extras["rehearsal"]
    store.stop()
    demo.cutover.options["rehearsal"] = "no"
    demo.cutover.write_config()
    for person in (full, unknown):
        demo.ctl("unpin", person, quiet=True)
        demo.settle_unpinned(person)
    demo.books_ctl("set", DOMAIN, f"new=cutover-new:[{demo.new.address}]:{BACKEND_PORT}", quiet=True)
