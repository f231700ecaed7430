"""Redis that speaks TLS alone: followed where hiredis has TLS, else the reason is told.

Addresses: 127.20.19.0/24.
"""
import re

import pytest

from policyd import PROGRAM, Policyd
from processes import BIN, run
from redis_server import RedisServer

OLD, NEW = "cutover-old:[192.0.2.10]:25", "cutover-new:[192.0.2.20]:25"
HAS_TLS = int(re.search(r"hiredis (\d+)", run(PROGRAM, "-V").stdout)[1]) >= 1
ADDRESS, TLS_PORT = "127.20.19.1", 6390


def certificates(folder):
    """An authority, a server's certificate for redis.test and 127.20.19.1, a client's; another authority."""
    def openssl(*words):
        run("openssl", *words)

    for name in ("ca", "other"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem")
    for name, more in (("server", f"subjectAltName=DNS:redis.test,IP:{ADDRESS}"), ("client", "subjectAltName=DNS:gw.test")):
        (folder / "ext").write_text(more + "\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.csr")
        openssl("x509", "-req", "-days", "2", "-in", folder / f"{name}.csr", "-CA", folder / "ca.pem", "-CAkey",
                folder / "ca.key", "-CAcreateserial", "-extfile", folder / "ext", "-out", folder / f"{name}.pem")


@pytest.fixture(scope="module")
def redis(module_folder):
    certificates(module_folder)
    server = RedisServer(module_folder / "redis", ADDRESS, lines=[
        f"tls-port {TLS_PORT}", f"tls-cert-file {module_folder}/server.pem", f"tls-key-file {module_folder}/server.key",
        f"tls-ca-cert-file {module_folder}/ca.pem"]).start()
    server.set_domain("example.com", old=OLD, new=NEW, weight=0, inside="accept")
    server.certificates = module_folder
    yield server
    server.stop()


def lines(redis, **more):
    """[redis] for the port that speaks TLS alone; None takes a line out."""
    where = redis.certificates
    options = {"address": f"inet:{ADDRESS}:{TLS_PORT}", "tls": "yes", "tls_ca": where / "ca.pem",
               "tls_certificate": where / "client.pem", "tls_key": where / "client.key", **more}
    return {key: value for key, value in options.items() if value is not None}


def test_without_tls_the_reason_is_told(folder, redis):
    """Not a bare "connection reset"."""
    policyd = Policyd(folder, "127.20.19.2", domains="example.com",
                      redis_lines={"address": f"inet:{ADDRESS}:{TLS_PORT}"}).start(loaded=False)
    try:
        policyd.process.wait_for_output("redis=down")
        assert "TLS" in policyd.process.output()
        assert "TLS" in policyd.document("/status.json")["redis"]["error"]
        done = run(BIN / "postshiftctl", "-c", policyd.config, "set", "example.com", "weight=0", check=False)
        assert done.returncode == 3 and "TLS" in done.stderr
    finally:
        policyd.stop()


@pytest.mark.skipif(HAS_TLS, reason="this hiredis has TLS")
def test_where_hiredis_has_no_tls_the_file_is_refused(folder, redis):
    policyd = Policyd(folder, "127.20.19.2", domains="example.com", redis_lines=lines(redis))
    for program in (PROGRAM, BIN / "postshiftctl"):
        words = ("-t",) if program == PROGRAM else ("status",)
        done = run(program, "-c", policyd.config, *words, check=False)
        assert done.returncode == 78 if program == PROGRAM else done.returncode != 0
        assert re.search(r"postshift.conf:\d+: \[redis\] tls: .*stunnel", done.stderr), done.stderr


@pytest.mark.skipif(not HAS_TLS, reason="hiredis before 1.0 has no TLS")
@pytest.mark.parametrize("more", [{}, {"tls_name": "redis.test"}, {"tls_ca": "folder"}], ids=str)
def test_tls_is_followed(folder, redis, more):
    if "tls_ca" in more:
        more = {"tls_ca": folder / "authorities"}
        more["tls_ca"].mkdir()
        (more["tls_ca"] / "ca.pem").write_bytes((redis.certificates / "ca.pem").read_bytes())
        run("openssl", "rehash", more["tls_ca"])
    redis.set_domain("example.com", weight=0)
    policyd = Policyd(folder, "127.20.19.2", domains="example.com", redis_lines=lines(redis, **more)).start()
    try:
        assert policyd.ask("a@example.com") == f"OK {OLD}"
        redis.set_domain("example.com", weight=100)
        policyd.wait_for_route("a@example.com", NEW)
        # A load of many octets, and postshiftctl over the same.
        with redis.connect() as client:
            client.pipeline([("SET", f"cutover:pin:u{n}@example.com", "hold note=" + "x" * 200) for n in range(20000)])
        policyd.wait_for_route("u19999@example.com", "retry:", 20)
        done = run(BIN / "postshiftctl", "-c", policyd.config, "set", "example.com", "weight=40")
        assert "40" in done.stdout and redis.command("HGET", "cutover:domain:example.com", "weight") == "40"
        policyd.process.kill()
        policyd.snapshot.unlink(missing_ok=True)
        policyd.start()
        assert policyd.ask("u7@example.com").startswith("OK retry:")
        with redis.connect() as client:
            client.pipeline([("DEL", f"cutover:pin:u{n}@example.com") for n in range(20000)])
    finally:
        policyd.stop()


BAD = {"another name": ({"tls_name": "other.test"}, "certificate"),
       "another authority": ({"tls_ca": "other.pem"}, "certificate"),
       "no client certificate": ({"tls_certificate": None, "tls_key": None}, ""),
       "a server without TLS": ({"address": f"inet:{ADDRESS}:6379"}, "TLS")}


@pytest.mark.skipif(not HAS_TLS, reason="hiredis before 1.0 has no TLS")
@pytest.mark.parametrize("what", BAD)
def test_who_is_not_known_is_not_talked_to(folder, redis, what):
    more, text = BAD[what]
    if "tls_ca" in more:
        more = {"tls_ca": redis.certificates / more["tls_ca"]}
    policyd = Policyd(folder, "127.20.19.2", domains="example.com", redis_lines=lines(redis, **more)).start(loaded=False)
    try:
        policyd.process.wait_for_output("redis=down")
        assert text in policyd.document("/status.json")["redis"]["error"]
        assert policyd.ask("a@example.com").startswith("TEMP")
    finally:
        policyd.stop()


@pytest.mark.skipif(not HAS_TLS, reason="hiredis before 1.0 has no TLS")
@pytest.mark.parametrize("more, key", [({"tls_ca": "/nonexistent"}, "tls_ca"), ({"tls_key": None}, "tls_key"),
                                       ({"tls_certificate": None}, "tls_certificate"),
                                       ({"tls_key": "/dev/null"}, "tls_key")])
def test_files_that_can_not_be_used_are_named(folder, redis, more, key):
    policyd = Policyd(folder, "127.20.19.2", domains="example.com", redis_lines=lines(redis, **more))
    done = run(PROGRAM, "-c", policyd.config, "-t", check=False)
    assert done.returncode == 78 and re.search(rf"\[redis\] {key}: ", done.stderr), done.stderr
