"""acts_milters - the acts in which mail from outside is checked: SPF, DKIM, DMARC; viruses and spam."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import smtplib
import subprocess
import sys
import time

from processes import BIN, ROOT, Process, can_connect, run, wait_for
from signatures import EICAR, attachment, make_folder
from stage import DOMAIN

sys.path.insert(0, str(ROOT / "tests/fakes"))

READER = f"person9@{DOMAIN}"
AUTHSERV = "mx.demo.example"
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*" + "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"


def sections(demo):
    """What the two milters need in the configuration file."""
    sockets, block = demo.gateway.sockets, demo.block
    return f"""
[dns]
servers = {block}.6@5353

[auth]
listen = unix:{sockets}/auth.sock
metrics = inet:{block}.5:8791
authserv_id = {AUTHSERV}
trusted_networks = ::1
user = nobody

[scan]
listen = unix:{sockets}/scan.sock
metrics = inet:{block}.5:8792
databases = {demo.folder}/signatures
temp = {demo.folder}/scan-temp
spamd = inet:{block}.7:783
user = nobody
"""


def zone(demo, record):
    """bank.example is in order; friend.example has no records at all."""
    return "\n".join([
        f"bank.example                 TXT  v=spf1 ip4:{demo.block}.8 -all",
        f"mail.bank.example            A    {demo.block}.8",
        "_dmarc.bank.example          TXT  v=DMARC1; p=reject",
        f"s1._domainkey.bank.example   TXT  {record}",
        f"friend.example               A    {demo.block}.9", ""])


def make_key(folder):
    """A key and its record."""
    key = folder / "bank.pem"
    subprocess.run(["openssl", "genrsa", "-traditional", "-out", key, "2048"], check=True, stderr=subprocess.DEVNULL)
    public = subprocess.run(["openssl", "rsa", "-in", key, "-pubout"], check=True, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True).stdout
    return key, "v=DKIM1; k=rsa; p=" + "".join(line for line in public.splitlines() if not line.startswith("-"))


def signed(key, text):
    import dkim
    message = text.replace("\n", "\r\n").encode()
    return (dkim.sign(message, b"s1", b"bank.example", key.read_bytes(), canonicalize=(b"relaxed", b"relaxed"))
            + message).decode().replace("\r\n", "\n")


def mail(author, story, body="Dear customer, all is well.\n"):
    return (f"From: {author}\nTo: {READER}\nSubject: {story}\nDate: Tue, 24 Nov 2026 12:00:00 +0000\n"
            f"Message-ID: <{story}@{author.partition('@')[2]}>\nX-Story: {story}\n\n{body}")


def deliver(demo, client, sender, text, story):
    """Sends from that address; gives the delivered copy."""
    with demo.gateway.session(f"{demo.block}.{client}") as session:
        session.sendmail(sender, [READER], text)
    demo.sent.update([READER])
    demo.wait_delivered(story, 1)
    return next(message for backend in demo.backends.values() for _, message, _ in backend.copies(story))


def start_daemon(demo, program, socket):
    process = Process([BIN / program, "-c", demo.policyd.config], demo.folder / f"{program}.log", outlive=demo.outlive)
    process.start()
    demo.extras[program] = process
    wait_for(lambda: (demo.gateway.sockets / socket).exists(), 20, f"{program} listens")


def wire_milter(demo):
    printed = demo.ctl("postfix-setup", "--apply", "-c", demo.gateway.etc, quiet=True)
    demo.check("smtpd_milters" in printed or "milter" in printed, f"the milter is wired:\n{printed}")
    demo.show(line for line in printed.splitlines() if "milter" in line)


def authenticated(demo):
    """Mail from outside is checked: SPF, DKIM, DMARC"""
    key, record = make_key(demo.folder)
    (demo.folder / "zone").write_text(zone(demo, record), encoding="ascii")
    dns = Process(["/usr/bin/python3", "-B", ROOT / "tests/fakes/dns_server.py", "--listen", f"{demo.block}.6@5353",
                   demo.folder / "zone"], demo.folder / "dns.log", outlive=demo.outlive)
    dns.start()
    demo.extras["dns"] = dns
    dns.wait_for_output("listening")
    start_daemon(demo, "postshift-auth", "auth.sock")
    wire_milter(demo)
    text = mail("office@bank.example", "aligned")
    rows = [
        ("A message of bank.example, signed, from its own address", 8, "office@bank.example", signed(key, text), "aligned",
         ("spf=pass", "dkim=pass", "dmarc=pass")),
        ("Somebody else who says he is bank.example, with a result he made up", 9, "x@friend.example",
         f"Authentication-Results: {AUTHSERV}; dmarc=pass\n" + mail("office@bank.example", "forged"), "forged",
         ("dkim=none", "dmarc=fail", "policy.dmarc=reject")),
        ("An unsigned message of a domain without records", 9, "a@friend.example", mail("a@friend.example", "unsigned"),
         "unsigned", ("spf=none", "dkim=none", "dmarc=none")),
    ]
    for what, client, sender, message, story, wanted in rows:
        copy = deliver(demo, client, sender, message, story)
        found = copy.get_all("Authentication-Results") or []
        demo.check(len(found) == 1 and all(word in found[0] for word in wanted), f"{story}: {found}, wanted {wanted}")
        demo.check(copy.keys().index("Authentication-Results") < copy.keys().index("Received"), f"{story}: not on top")
        demo.say(f"{what}:")
        demo.show(f"Authentication-Results: {found[0]}".splitlines())


def start_spamd(demo):
    rules = demo.folder / "spamassassin"
    rules.mkdir()
    for file in pathlib.Path("/etc/spamassassin").glob("*.pre"):
        shutil.copy(file, rules)
    (rules / "local.cf").write_text("use_bayes 0\n", encoding="ascii")
    spamd = Process([shutil.which("spamd", path="/usr/sbin:/usr/bin"), "-L", "-x", "-i", f"{demo.block}.7", "-p", "783",
                     "-A", "127.0.0.0/8", "--siteconfigpath", rules, "-m", "2", "-s", "stderr", "--pidfile",
                     demo.folder / "spamd.pid"], demo.folder / "spamd.log",
                    environment={**os.environ, "HOME": str(demo.folder)}, outlive=demo.outlive)
    spamd.start()
    demo.extras["spamd"] = spamd
    wait_for(lambda: can_connect((f"{demo.block}.7", 783)), 60, "spamd")


def workers(demo):
    """The scan workers' process ids."""
    def below(pid):
        return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]

    return next(below(child) for child in below(demo.extras["postshift-scan"].pid) if below(child))


def scanned(demo):
    """Viruses and spam, by workers that can die without anyone noticing"""
    make_folder(demo.folder / "signatures")
    (demo.folder / "scan-temp").mkdir(mode=0o755)
    start_spamd(demo)
    start_daemon(demo, "postshift-scan", "scan.sock")
    demo.extras["postshift-scan"].wait_for_output("signatures: ")
    wire_milter(demo)
    wait_for(lambda: any(workers(demo)), 20, "scan workers")

    def shown(story, body="Hello.\n"):
        copy = deliver(demo, 9, "a@friend.example", mail("a@friend.example", story, body), story)
        return {name: value for name, value in copy.items() if name.startswith(("X-Virus-", "X-Spam-"))}

    def until_scanned():
        with contextlib.suppress(smtplib.SMTPDataError):
            return shown("clean")
        return None

    fields = wait_for(until_scanned, 20, "a mail to be scanned")
    demo.check(fields["X-Virus-Status"] == "Clean" and fields["X-Spam-Status"].startswith("No,"), f"clean: {fields}")
    demo.say("A clean mail:")
    demo.show(f"{name}: {' '.join(value.split())}"[:90] for name, value in fields.items())
    parts, body = attachment(EICAR, "eicar.com")
    text = "".join(f"{name}: {value}\n" for name, value in parts) + "\n" + body.decode().replace("\r\n", "\n")
    try:
        deliver(demo, 9, "a@friend.example", text, "virus")
        demo.check(False, "the EICAR test file was taken")
    except smtplib.SMTPDataError as refused:
        demo.check(refused.smtp_code == 550, f"{refused}")
        demo.say("The EICAR test file in an attachment:")
        demo.show([f"{refused.smtp_code} {refused.smtp_error.decode()}"])
    fields = shown("gtube", GTUBE + "\n")
    demo.check(fields.get("X-Spam-Flag") == "YES", f"gtube: {fields}")
    demo.say("The GTUBE test text:")
    demo.show(f"{name}: {' '.join(value.split())}"[:90] for name, value in fields.items() if name.startswith("X-Spam-"))
    victim = workers(demo)[0]
    os.kill(victim, signal.SIGKILL)
    fields = shown("after-the-kill")
    demo.check(fields["X-Virus-Status"] == "Clean", f"after the kill: {fields}")
    demo.say(f"kill -9 {victim}, a scan worker; a spare takes its place, the next mail: X-Virus-Status: Clean")


def quarantined(demo):
    """A virus on hold: looked at, and let go"""
    scan = demo.extras["postshift-scan"]
    text = demo.policyd.config.read_text(encoding="ascii")
    demo.policyd.config.write_text(text.replace("[scan]", "[scan]\non_infected = hold"), encoding="ascii")
    for process in (scan, demo.policyd.process):
        process.signal(signal.SIGHUP)
    before = len(scan.output().splitlines())
    virus = mail("a@friend.example", "held", f"Look at this: \x1b[2J{EICAR.decode()}\n")

    def taken():
        with contextlib.suppress(smtplib.SMTPDataError), demo.gateway.session(f"{demo.block}.9") as session:
            session.sendmail("a@friend.example", [READER], virus)
            return True
        return False

    wait_for(taken, 20, "on_infected = hold is in force", every=0.2)
    demo.sent.update([READER])
    lines = [line for line in scan.output().splitlines()[before:] if "action=hold" in line]
    with open(demo.gateway.log, "a", encoding="utf-8") as log:      # as syslog does
        log.writelines(f"{time.strftime('%b %e %H:%M:%S')} gw {line}\n" for line in lines)
    held = wait_for(lambda: json.loads(run(BIN / "postshiftctl", "-c", demo.cutover.config, "quarantine", "list", "--json",
                                           check=False).stdout)["mails"], 20, "the mail on hold", every=0.2)
    demo.say("on_infected = hold, and the EICAR test file again:")
    demo.books_ctl("quarantine", "list")
    shown = demo.books_ctl("quarantine", "show", held[0]["queue_id"], "--body", quiet=True)
    demo.check("\x1b" not in shown and "\\x1b[2J" in shown, f"no escape reaches the terminal: {shown}")
    demo.show(line for line in shown.splitlines() if line.startswith(("Look", "X-Virus-Status", "on hold")))
    printed = demo.books_ctl("quarantine", "release", held[0]["queue_id"], "--why", "a test file")
    demo.check(f"{READER} -> " in printed, f"release tells the route: {printed}")
    demo.wait_delivered("held", 1)
    demo.say("It is delivered, and nothing is on hold any more.")
