"""A network with nothing but loopback, so that no port is in anyone's way."""
import ctypes
import fcntl
import socket
import struct


def own_loopback():
    """For this process and all it starts, where the kernel allows it.  Elsewhere the machine's loopback does; each
    file of tests has a block of addresses of its own."""
    clone_newnet, get_flags, set_flags, up_and_running = 0x40000000, 0x8913, 0x8914, 0x41
    if ctypes.CDLL(None).unshare(clone_newnet) != 0:
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(sock, get_flags, request))[1]
        fcntl.ioctl(sock, set_flags, struct.pack("16sH14x", b"lo", flags | up_and_running))
