"""costs - what processes have used of the machine, by /proc; one that ended meanwhile counts as nothing."""
import os
import pathlib

TICK = os.sysconf("SC_CLK_TCK")


def read(pid, name):
    try:
        return pathlib.Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def family(pid):
    """A process and all below it."""
    found = [pid]
    for child in read(pid, f"task/{pid}/children").split():
        found += family(int(child))
    return found


def name_of(pid):
    return read(pid, "comm").strip()


def cpu_seconds(pids):
    """User's and system's, of the processes and of their children that have ended."""
    total = 0
    for pid in pids:
        fields = read(pid, "stat").rpartition(")")[2].split()
        total += sum(int(fields[i]) for i in (11, 12, 13, 14) if fields)
    return total / TICK


def pss(pids):
    """Octets of memory; what several share counts once."""
    return sum(int(line.split()[1]) * 1024 for pid in pids
               for line in read(pid, "smaps_rollup").splitlines() if line.startswith("Pss:"))
