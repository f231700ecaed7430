"""compound - Office files of the old form (OLE2), with a VBA project in any code page."""
import struct

FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def entry(name, kind, child=FREE, left=FREE, right=FREE, start=0, size=0):
    spelt = name.encode("utf-16-le")
    return spelt.ljust(64, b"\0") + struct.pack("<HBBIII", len(spelt) + 2, kind, 1, left, right, child) + b"\0" * 36 + \
        struct.pack("<IQ", start, size)


def compound(streams, storage):
    """All streams in one storage below the root, none in the small sectors (cut-off 0)."""
    sectors = []
    chain = []

    def add(data):
        first = len(sectors)
        count = max(1, -(-len(data) // 512))
        for number in range(count):
            sectors.append(data[number * 512:number * 512 + 512].ljust(512, b"\0"))
            chain.append(first + number + 1 if number + 1 < count else END)
        return first

    placed = [(name, add(data), len(data)) for name, data in streams]
    folder = [entry("Root Entry", 5, child=1, start=END), entry(storage, 1, child=2)]
    for number, (name, start, size) in enumerate(placed):
        folder.append(entry(name, 2, right=number + 3 if number + 1 < len(placed) else FREE, start=start, size=size))
    first_folder = add(b"".join(folder).ljust(-(-len(folder) // 4) * 512, b"\0"))
    table = chain + [FAT]
    assert len(table) <= 128
    sectors.append(struct.pack("<128I", *table, *[FREE] * (128 - len(table))))
    head = (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + b"\0" * 6
            + struct.pack("<IIIIIIIII", 0, 1, first_folder, 0, 0, END, 0, END, 0) + struct.pack("<I", len(table) - 1) + b"\xff" * 432)
    assert len(head) == 512
    return head + b"".join(sectors)


def packed(data):
    """Compressed in name alone: all literals, up to 4096 octets a chunk."""
    out = b"\x01"
    for at in range(0, len(data), 3600):
        piece = data[at:at + 3600]
        body = b"".join(b"\0" + piece[i:i + 8] for i in range(0, len(piece), 8))
        out += struct.pack("<H", (len(body) - 1) | 0xB000) + body
    return out


def record(number, data=b""):
    return struct.pack("<HI", number, len(data)) + data


def macros(source, code_page, name="Module1"):
    """A document with one module, `source` in octets of that code page."""
    wide = name.encode("utf-16-le")
    plain = name.encode()
    project = (record(1, struct.pack("<I", 1)) + record(2, struct.pack("<I", 0x409)) + record(0x14, struct.pack("<I", 0x409))
               + record(3, struct.pack("<H", code_page)) + record(4, b"Project") + record(5) + record(0x40) + record(6) + record(0x3D)
               + record(7, b"\0" * 4) + record(8, b"\0" * 4) + struct.pack("<HIIH", 9, 4, 1, 1) + record(0x0C) + record(0x3C)
               + record(0x0F, struct.pack("<H", 1)) + record(0x13, b"\xff\xff")
               + record(0x19, plain) + record(0x47, wide) + record(0x1A, plain) + record(0x32, wide) + record(0x1C) + record(0x48)
               + record(0x31, b"\0" * 4) + record(0x1E, b"\0" * 4) + record(0x2C, b"\xff\xff") + record(0x21) + record(0x2B) + record(0x10))
    return compound([("_VBA_PROJECT", b"\xcc\x61\xff\xff\0\0\0"), ("dir", packed(project)), (name, packed(source))], "VBA")
