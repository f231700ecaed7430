"""acts_undo - the act in which mail is brought back that nobody has any more."""
import os
import shutil
import socket
import time

from processes import BIN, Process, can_connect, wait_for
from stage import DOMAIN

PEOPLE = [f"person{n}@{DOMAIN}" for n in range(10, 20)]


def listen(demo):
    """A key, a folder, the listener; Postfix is wired to it."""
    journal, key, sock = demo.folder / "undo", demo.folder / "undo.key", demo.gateway.sockets / "undo.sock"
    journal.mkdir()
    key.write_text(os.urandom(32).hex() + "\n", encoding="ascii")
    key.chmod(0o400)
    demo.cutover.options.update(undo="2d", undo_key=key, undo_folder=journal, undo_listen=f"unix:{sock}",
                                undo_metrics="none")
    demo.cutover.write_config()
    with open(demo.policyd.config, "a", encoding="ascii") as config:
        config.write(f"\n[cutover]\nundo = 2d\nundo_listen = unix:{sock}\n")
    demo.extras["undo"] = Process([BIN / "postshift-undo", "-c", demo.cutover.config], demo.folder / "undo.log", outlive=demo.outlive)
    demo.extras["undo"].start()
    wait_for(lambda: can_connect(str(sock), socket.AF_UNIX), 10, "the listener")
    shutil.chown(sock, group="postfix")
    before = demo.gateway.smtpds()
    demo.gateway.age_files()
    demo.ctl("postfix-setup", "--apply", "-c", demo.gateway.etc, quiet=True)
    demo.gateway.wait_for_new_smtpds(before)


def brought_back(demo):
    """New is gone for good, and so is all that it had: undo"""
    listen(demo)
    demo.say("Postfix hands a copy of each mail to postshift-undo, which keeps it encrypted. Ten mails at weight 100:")
    demo.new.start()
    demo.redis_cli("HSET", demo.key, "weight", "100")
    demo.settle(PEOPLE[0], "cutover-new:")
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    demo.send("undo", PEOPLE)
    places = demo.wait_delivered("undo", len(PEOPLE))
    landed = sorted(person for person, place in places.items() if place == "new")
    demo.check(landed, f"some landed on new: {places}")
    demo.gateway.wait_until_empty(20)
    demo.new.process.kill()
    for _, _, file in list(demo.new.copies("undo")):
        file.unlink()
    demo.say(f"kill -9 of new, and its copies are removed: {len(landed)} people have lost a mail.")
    demo.books_ctl("rollback", DOMAIN, quiet=True)
    demo.settle(PEOPLE[0], "cutover-old:")
    wait_for(lambda: f"{len(landed)} mails landed" in " ".join(demo.cutover.ctl("undo", DOMAIN, "--since", since, "--dry-run").stdout.split()),
             20, "the books have them", every=0.2)
    demo.books_ctl("undo", DOMAIN, "--since", since)
    found = sorted(who for who, _, _ in demo.old.copies("undo"))
    demo.check(found == sorted(PEOPLE), f"old has all ten, each once: {found}")
    demo.say("Old has all ten, each once.")
