"""peers - the programs that we are measured beside, each in a folder of its own; `make bench-peers` installs them.

Each function writes a configuration and gives a Process that is not yet started, or None where the program is missing.
What they have in common with ours: the resolver, the name in Authentication-Results, the signatures, logs at one line a
message or none.
"""
import ctypes
import pathlib
import shutil
import subprocess

from processes import Process

PSL = "/usr/share/publicsuffix/public_suffix_list.dat"


def find(program):
    return shutil.which(program, path="/usr/sbin:/usr/bin:/usr/libexec")


def own_resolver(folder, server):
    """For what reads /etc/resolv.conf alone: this process and all that it starts see one of their own."""
    clone_newns = 0x20000
    if ctypes.CDLL(None, use_errno=True).unshare(clone_newns) != 0:
        raise OSError(ctypes.get_errno(), "can't have a mount of my own: run it as root")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    conf = pathlib.Path(folder) / "resolv.conf"
    conf.write_text(f"nameserver {server}\n", encoding="ascii")
    conf.chmod(0o644)
    subprocess.run(["mount", "--bind", conf, "/etc/resolv.conf"], check=True)


def opendkim(folder, dns, authserv):
    """On folder/opendkim.sock."""
    if not find("opendkim"):
        return None
    (folder / "opendkim.conf").write_text(
        f"Mode v\nSocket local:{folder}/opendkim.sock\nNameservers {dns}\nUserID root\nUMask 000\nAuthservID {authserv}\nSyslog no\n"
        "AlwaysAddARHeader yes\nInternalHosts 203.0.113.1\n", encoding="ascii")
    return Process([find("opendkim"), "-f", "-x", folder / "opendkim.conf"], folder / "opendkim.log")


def opendmarc(folder, authserv):
    """On folder/opendmarc.sock; asks the resolver of own_resolver()."""
    if not find("opendmarc"):
        return None
    (folder / "opendmarc.conf").write_text(
        f"Socket local:{folder}/opendmarc.sock\nUserID root\nUMask 000\nAuthservID {authserv}\nTrustedAuthservIDs {authserv}\nSyslog false\n"
        f"RejectFailures false\nIgnoreHosts /dev/null\nPublicSuffixList {PSL}\n", encoding="ascii")
    return Process([find("opendmarc"), "-f", "-c", folder / "opendmarc.conf"], folder / "opendmarc.log")


def policyd_spf(folder, authserv):
    """Its command line, for whom runs it as Postfix's spawn does; asks the resolver of own_resolver()."""
    if not find("policyd-spf"):
        return None
    (folder / "spf.conf").write_text("debugLevel = 0\nHELO_reject = False\nMail_From_reject = False\n"
                                     f"Header_Type = AR\nAuthserv_Id = {authserv}\nskip_addresses = 127.0.0.0/8,::1\n", encoding="ascii")
    return [find("policyd-spf"), folder / "spf.conf"]


def clamd(folder, databases, temp=None):
    """On folder/clamd.sock; its temporary files in `temp`, else in `folder`.  Its cache of files seen before is off, as
    ours has none."""
    if not find("clamd"):
        return None
    (folder / "clamd.conf").write_text(
        f"DatabaseDirectory {databases}\nLocalSocket {folder}/clamd.sock\nForeground yes\nDisableCache yes\n"
        f"AlertEncrypted yes\nAlertExceedsMax yes\nUser root\nTemporaryDirectory {temp or folder}\n", encoding="ascii")
    return Process([find("clamd"), "-c", folder / "clamd.conf"], folder / "clamd.log")


def clamav_milter(folder, temp=None):
    """On folder/clamav-milter.sock, with the clamd of the same folder; its temporary files as clamd's."""
    if not find("clamav-milter"):
        return None
    (folder / "milter.conf").write_text(
        f"ClamdSocket unix:{folder}/clamd.sock\nMilterSocket unix:{folder}/clamav-milter.sock\nMilterSocketMode 666\nForeground yes\n"
        f"OnInfected Reject\nAddHeader Replace\nUser root\nTemporaryDirectory {temp or folder}\n", encoding="ascii")
    return Process([find("clamav-milter"), "-c", folder / "milter.conf"], folder / "clamav-milter.log")


RSPAMD = """
options {{ pidfile = "{folder}/rspamd.pid"; filters = "dkim"; tempdir = "{folder}"; cores_dir = "{folder}";
  url_tld = "/usr/share/rspamd/effective_tld_names.dat"; local_addrs = []; rrd = false; history_file = "{folder}/history";
  dns {{ nameserver = ["{dns}:53"]; timeout = 1s; retransmits = 2; enable_dnssec = false; }} }}
logging {{ type = "file"; filename = "{folder}/rspamd.log"; level = "info"; }}
actions {{ reject = 1000; }}
lua = "{folder}/rspamd.lua"
modules {{ path = "/usr/share/rspamd/plugins/spf.lua"; path = "/usr/share/rspamd/plugins/dmarc.lua"; {paths} }}
spf {{ }}
dkim {{ }}
dmarc {{ }}
{more}
worker "rspamd_proxy" {{ bind_socket = "{address}:11332"; milter = true; timeout = 60s; count = {count};
  upstream "local" {{ default = true; self_scan = true; }} }}
"""

RSPAMD_CHAIN = """
antivirus {{ clamav {{ type = "clamav"; symbol = "CLAM_VIRUS"; servers = "{folder}/clamd.sock"; scan_mime_parts = false; action = "reject"; }} }}
milter_headers {{ use = ["authentication-results", "x-virus"]; skip_local = false; skip_authenticated = false;
  routines {{ authentication-results {{ hostname = "{authserv}"; }} x-virus {{ symbols = ["CLAM_VIRUS"]; status_clean = "Clean"; }} }} }}
"""


def rspamd(folder, dns, address, count=1, chain=None):
    """On address:11332, with so many workers.  chain: the name in Authentication-Results, for one that writes it and asks
    the clamd of the same folder; without it SPF, DKIM and DMARC are checked alone."""
    if not find("rspamd"):
        return None
    (folder / "rspamd.lua").write_text("", encoding="ascii")
    plugins = ("antivirus", "milter_headers") if chain else ()
    (folder / "rspamd.conf").write_text(RSPAMD.format(
        folder=folder, dns=dns, address=address, count=count,
        paths=" ".join(f'path = "/usr/share/rspamd/plugins/{name}.lua";' for name in plugins),
        more=RSPAMD_CHAIN.format(folder=folder, authserv=chain) if chain else ""), encoding="ascii")
    return Process([find("rspamd"), "-f", "-i", "-c", folder / "rspamd.conf"], folder / "out.log")
