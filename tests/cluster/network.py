"""network - one loopback, on which places can be cut from each other.

    network = Network(); network.place("127.20.121.9", uid=2, towards="127.20.122.0/24")
    network.cut(["127.20.120.9", "127.20.122.1"], ["127.20.122.2", "127.20.121.9"]); network.heal(); network.leave()

Everybody on loopback has the same address towards others unless he binds one.  In a network of its own, whose
routes are ours, each user of the system gets one: so a daemon's connections can be told apart, and cut, by nft.
Needs root, and a kernel that gives both; Unable says what is missing.
"""
import ctypes
import os
import shutil

from loopback import own_loopback
from processes import run

CLONE_NEWNET = 0x40000000


class Unable(Exception):
    """This machine can't."""


class Network:
    def __init__(self):
        for program in ("ip", "nft"):
            if not shutil.which(program, path="/usr/sbin:/sbin:/usr/bin:/bin"):
                raise Unable(f"{program} is not there")
        self.before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        own_loopback()
        if os.stat("/proc/thread-self/ns/net").st_ino == os.fstat(self.before).st_ino:
            os.close(self.before)
            raise Unable("the kernel gives no network of its own")
        self.tables = 100
        try:
            # Rules of users go before the one that knows all local addresses.
            self.ip("rule", "add", "pref", "50", "lookup", "local")
            self.ip("rule", "del", "pref", "0")
            self.nft("add table inet cluster")
            self.nft("add chain inet cluster input { type filter hook input priority 0; }")
        except AssertionError as error:
            self.leave()
            raise Unable(f"{error}") from error

    @staticmethod
    def ip(*words):
        run("ip", *words)

    @staticmethod
    def nft(text):
        run("nft", text)

    def place(self, address, uid, towards):
        """What this user's processes connect to there comes from that address."""
        self.tables += 1
        self.ip("rule", "add", "pref", str(self.tables - 90), "uidrange", f"{uid}-{uid}", "lookup", str(self.tables))
        self.ip("route", "add", "local", towards, "dev", "lo", "src", address, "table", str(self.tables))

    def cut(self, one, other):
        """Nothing goes between these and those any more; connections stay open on both ends."""
        for here, there in ((one, other), (other, one)):
            self.nft(f"add rule inet cluster input ip saddr {{ {', '.join(here)} }} ip daddr {{ {', '.join(there)} }} drop")

    def heal(self):
        self.nft("flush chain inet cluster input")

    def leave(self):
        """Back to the network that was before; this one goes with its last process."""
        ctypes.CDLL(None).setns(self.before, CLONE_NEWNET)
        os.close(self.before)
