"""Who asks for pages, reads them or not, is not noticed by those who ask for routes.

Addresses: 127.20.18.0/24.
"""
import socket
import threading
import time

import pytest

from policyd import Policyd
from redis_server import RedisServer

OLD, NEW = "cutover-old:[192.0.2.10]:25", "cutover-new:[192.0.2.20]:25"
SECONDS = 3.0


def ask_and_read_nothing(address, stop):
    """Asks on and on, on new connections, the last fifty of which stay open and unread."""
    held = []
    while not stop.is_set():
        try:
            client = socket.create_connection(address, timeout=5)
            client.sendall(b"GET /status.json HTTP/1.0\r\n\r\n")
            held.append(client)
        except OSError:
            pass
        if len(held) > 50:
            held.pop(0).close()
    for client in held:
        client.close()


def ask_quickly(address, stop):
    """Reads a page and asks for the next one."""
    while not stop.is_set():
        try:
            with socket.create_connection(address, timeout=5) as client:
                client.sendall(b"GET /status.json HTTP/1.0\r\n\r\n")
                while client.recv(1 << 20):
                    pass
        except OSError:
            pass


def times(policyd, seconds=SECONDS):
    """How long routes took, sorted."""
    taken, end = [], time.monotonic() + seconds
    with policyd.route_client() as client:
        while time.monotonic() < end:
            begun = time.monotonic()
            assert client.ask("alice@d0.example").startswith("OK ")
            taken.append(time.monotonic() - begun)
            time.sleep(0.002)
    return sorted(taken)


@pytest.mark.limit(120)
@pytest.mark.parametrize("domains", [20, 1000, 10000])
def test_pages_do_not_hold_up_routes(folder, domains):
    redis = RedisServer(folder / "redis", "127.20.18.1").start()
    with redis.connect() as client:
        client.pipeline([("HSET", f"cutover:domain:d{n}.example", "old", OLD, "new", NEW, "weight", 30, "inside", "accept")
                         for n in range(domains)])
    policyd = Policyd(folder, "127.20.18.2", redis=redis).start()
    stop = threading.Event()
    threads = [threading.Thread(target=work, args=(policyd.page_address, stop))
               for work in (ask_and_read_nothing, ask_and_read_nothing, ask_quickly)]
    try:
        quiet = times(policyd, 1.0)
        for thread in threads:
            thread.start()
        busy = times(policyd)
        # A page that is asked for meanwhile comes, and is whole.
        page = policyd.document("/status.json")
        assert len(page["domains"]) == domains
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        code = policyd.stop()
        redis.stop()
    print(f"{domains} domains: median {quiet[len(quiet) // 2] * 1000:.2f} ms quiet, {busy[len(busy) // 2] * 1000:.2f} ms "
          f"busy; worst {quiet[-1] * 1000:.1f} and {busy[-1] * 1000:.1f} ms")
    assert code == 0
    # At most a twentieth of the time goes into pages; one of them is made at a time.
    # A busy machine keeps even a quiet policyd waiting: what that took then is no page's doing.
    assert busy[len(busy) * 9 // 10] < 0.1 + quiet[len(quiet) * 9 // 10] and busy[-1] < 0.4 + 3 * quiet[-1]
