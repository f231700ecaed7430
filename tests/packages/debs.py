"""debs - the packages of this tree, and of the commit before, built inside a root of the Debian that they are for.

They are kept in build/debs as long as the source is the same, so that several files of tests have them built once.
"""
import fcntl
import hashlib
import os
import shutil
import subprocess

import booted

ROOT, BUILD = booted.ROOT, booted.BUILD
FOLDERS = {"bookworm": "root-debian12", "trixie": "root-gateway13"}
PROGRAMS = ("policyd", "auth", "scan", "cutover")
NAMES = ("postshift-common", *(f"postshift-{program}" for program in PROGRAMS))
BEFORE = "0.0.9~before"


def root(suite):
    return booted.root(suite, FOLDERS[suite])


def source_files():
    """Whatever a package may be made of."""
    for folder, below, files in os.walk(ROOT):
        below[:] = sorted(name for name in below if name not in ("build", ".git", "__pycache__"))
        yield from (os.path.join(folder, name) for name in sorted(files) if name != ".git")


def digest_of(paths):
    digest = hashlib.sha256()
    for path in paths:
        digest.update(os.fsencode(os.path.relpath(path, ROOT)) + b"\0")
        if os.path.isfile(path):
            with open(path, "rb") as file:
                digest.update(hashlib.sha256(file.read()).digest())
    return digest.hexdigest()[:16]


def built(suite, kind, key, make):
    """The folder with packages and build.log of one kind; what was built of older sources goes."""
    place = BUILD / "debs"
    place.mkdir(parents=True, exist_ok=True)
    folder = place / f"{suite}-{kind}-{key}"
    with open(place / f"{suite}-{kind}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            for old in place.glob(f"{suite}-{kind}-*"):
                shutil.rmtree(old)
            folder.mkdir()
            make(folder)
            (folder / "done").touch()
    return folder


def build(suite, tree, folder, *version):
    """Offline, as a packager's machine is."""
    done = subprocess.run(
        [ROOT / "tests/enter-root", root(suite), "sh", f"/src/{tree.relative_to(ROOT)}/debian/make-debs",
         f"/src/{folder.relative_to(ROOT)}", *version],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600,
        env={**os.environ, "ALONE": "yes"})
    (folder / "build.log").write_text(done.stdout, encoding="utf-8")
    assert done.returncode == 0, done.stdout[-4000:]


def of_this_tree(suite):
    return built(suite, "now", digest_of(source_files()), lambda folder: build(suite, ROOT, folder))


def of_the_commit_before(suite):
    """None where there is no history (a released source)."""
    asked = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD~1"], capture_output=True, text=True)
    if asked.returncode != 0:
        return None
    commit = asked.stdout.strip()

    def make(folder):
        tree = folder / "tree"
        tree.mkdir()
        archive = subprocess.run(["git", "-C", ROOT, "archive", commit], stdout=subprocess.PIPE, check=True).stdout
        subprocess.run(["tar", "-C", tree, "-xf", "-"], input=archive, check=True)
        shutil.copy(ROOT / "debian/make-debs", tree / "debian/make-debs")
        build(suite, tree, folder, BEFORE)
        shutil.rmtree(tree)

    return built(suite, "before", commit, make)


def package(folder, name):
    """The file, as this host sees it."""
    return next(folder.glob(f"{name}_*.deb"))


def install_line(folder, how=""):
    """As from a shell, but for the network, which the machine doesn't have."""
    files = " ".join(f"/src/{package(folder, name).relative_to(ROOT)}" for name in NAMES)
    return f"apt-get install -y --no-install-recommends {how} {files}"
