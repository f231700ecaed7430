#include "milters/mime/file_kind.h"

#include "milters/mime/cms.h"
#include "shared/base/attributes.h"

#define MAGIC(offset, text, name, state)                                                 \
    {                                                                                    \
        offset, {("" text), sizeof(text) - 1}, name, state                               \
    }

/* A length from which on a container has something in it: an empty one hides nothing. */
enum { CONTAINER_MIN = 40, SECTOR = 512, OLE_LOOK_MAX = 4 << 20 };

static const struct {
    size_t offset;
    struct span magic;
    const char *name;
    enum file_kind_state state;
} rows[] = {
    /* Archives. */
    MAGIC(0, "Rar!\x1a\x07", "RAR", FILE_CONTAINER),
    MAGIC(0, "RE~^", "RAR", FILE_UNOPENED),
    MAGIC(0, "7z\xbc\xaf\x27\x1c", "7z", FILE_CONTAINER),
    MAGIC(0, "MSCF\0\0\0\0", "CAB", FILE_CONTAINER),
    MAGIC(0, "\x60\xea", "ARJ", FILE_CONTAINER),
    MAGIC(2, "-lh", "LHA", FILE_CONTAINER),
    MAGIC(2, "-lz", "LHA", FILE_CONTAINER),
    MAGIC(2, "-pm", "LHA", FILE_UNOPENED),
    MAGIC(0, "SZDD\x88\xf0\x27\x33", "SZDD", FILE_CONTAINER),
    MAGIC(0, "ITSF\3\0\0\0", "CHM", FILE_CONTAINER),
    MAGIC(0, "HLSQZ", "SQZ", FILE_UNOPENED),
    MAGIC(0, "\0\0\0\x7b", "DAR", FILE_UNOPENED),
    MAGIC(14, "\x1aJar\x1b", "JAR", FILE_UNOPENED),
    MAGIC(0, "AA01", "Apple Archive", FILE_UNOPENED),
    MAGIC(0, "YAA1", "Apple Archive", FILE_UNOPENED),
    MAGIC(0, "pbzx", "Apple Archive", FILE_UNOPENED),
    MAGIC(0, "\xcf\xad\x12\xfe", "DBX", FILE_UNOPENED),
    MAGIC(0, "ALZ\x01", "ALZ", FILE_CONTAINER),
    MAGIC(0, "EGGA", "EGG", FILE_CONTAINER),
    MAGIC(0, "xar!", "XAR", FILE_CONTAINER),
    MAGIC(7, "**ACE**", "ACE", FILE_UNOPENED),
    MAGIC(20, "\xdc\xa7\xc4\xfd", "ZOO", FILE_UNOPENED),
    MAGIC(0, "!<arch>\n", "ar", FILE_UNOPENED),
    MAGIC(0, "!<thin>\n", "ar", FILE_UNOPENED),
    MAGIC(0, "\xed\xab\xee\xdb", "RPM", FILE_UNOPENED),
    MAGIC(0, "MSWIM\0\0\0", "WIM", FILE_UNOPENED),
    MAGIC(0, "WLPWM\0\0\0", "WIM", FILE_UNOPENED),
    MAGIC(0, "SIT!", "StuffIt", FILE_UNOPENED),
    MAGIC(0, "StuffIt ", "StuffIt", FILE_UNOPENED),
    MAGIC(0, "Joy!peffpwpc", "StuffIt", FILE_UNOPENED),
    MAGIC(0, "KGB_arch", "KGB", FILE_UNOPENED),
    MAGIC(0, "zPQ", "ZPAQ", FILE_UNOPENED),
    MAGIC(0, "7kSt", "ZPAQ", FILE_UNOPENED),
    MAGIC(0, "UHA", "UHA", FILE_UNOPENED),
    MAGIC(0, "ArC\x01", "FreeArc", FILE_UNOPENED),
    MAGIC(0, "PAR2\0PKT", "PAR2", FILE_UNOPENED),
    MAGIC(0, "!BDN", "PST", FILE_UNOPENED),
    MAGIC(0, "Cr24", "CRX", FILE_UNOPENED),
    MAGIC(0, "KWAJ\x88\xf0\x27\xd1", "KWAJ", FILE_UNOPENED),
    /* Compressed files. */
    MAGIC(0, "\x1f\x8b\x08", "gzip", FILE_CONTAINER),
    MAGIC(0, "BZh", "bzip2", FILE_CONTAINER),
    MAGIC(0,
        "\xfd"
        "7zXZ\0",
        "xz", FILE_CONTAINER),
    MAGIC(0, "\x28\xb5\x2f\xfd", "zstd", FILE_UNOPENED),
    MAGIC(1, "\x2a\x4d\x18", "zstd or lz4", FILE_UNOPENED), /* a skippable frame first */
    MAGIC(0, "\x04\x22\x4d\x18", "lz4", FILE_UNOPENED),
    MAGIC(0, "\x02\x21\x4c\x18", "lz4", FILE_UNOPENED),
    MAGIC(0, "LZIP", "lzip", FILE_UNOPENED),
    MAGIC(0, "\x89LZO\0\r\n\x1a\n", "lzop", FILE_UNOPENED),
    MAGIC(0, "LRZI", "lrzip", FILE_UNOPENED),
    MAGIC(0, "RZIP", "rzip", FILE_UNOPENED),
    MAGIC(0, "BZ3v1", "bzip3", FILE_UNOPENED),
    MAGIC(0, "\xff\x06\0\0sNaPpY", "snappy", FILE_UNOPENED),
    MAGIC(0, "\x1f\x9d", "compress", FILE_UNOPENED),
    MAGIC(0, "\x1f\xa0", "compress", FILE_UNOPENED),
    MAGIC(0, "\x1f\x1e", "pack", FILE_UNOPENED),
    MAGIC(0, "bvx2", "LZFSE", FILE_UNOPENED),
    MAGIC(0, "bvxn", "LZFSE", FILE_UNOPENED),
    MAGIC(0, "mozLz40\0", "lz4", FILE_UNOPENED),
    MAGIC(0, "\x06\x22\x4d\x18", "Lizard", FILE_UNOPENED),
    MAGIC(0, "XPKF", "XPK", FILE_UNOPENED),
    /* Disk images. */
    MAGIC(0, "COWD", "VMDK", FILE_UNOPENED),
    MAGIC(0, "CISO", "CISO", FILE_UNOPENED),
    MAGIC(0, "IsZ!", "ISZ", FILE_UNOPENED),
    MAGIC(0, "DAA\0", "DAA", FILE_UNOPENED),
    MAGIC(0, "MEDIA DESCRIPTOR", "MDF", FILE_UNOPENED),
    MAGIC(0, "\x85\x19\x03\x20", "JFFS2", FILE_UNOPENED),
    MAGIC(0, "UBI#\1\0", "UBI", FILE_UNOPENED),
    MAGIC(0, "\x31\x18\x10\x06", "UBIFS", FILE_UNOPENED),
    MAGIC(0x400, "\xe2\xe1\xf5\xe0", "EROFS", FILE_UNOPENED),
    MAGIC(0x400, "\x10\x20\xf5\xf2", "F2FS", FILE_UNOPENED),
    MAGIC(0x400, "H+\0\4", "HFS+", FILE_CONTAINER),
    MAGIC(0x400, "HX\0\5", "HFS+", FILE_CONTAINER),
    MAGIC(0, "conectix", "VHD", FILE_UNOPENED),
    MAGIC(0, "vhdxfile", "VHDX", FILE_UNOPENED),
    MAGIC(0, "KDMV", "VMDK", FILE_UNOPENED),
    MAGIC(0, "# Disk DescriptorFile", "VMDK", FILE_UNOPENED),
    MAGIC(0, "QFI\xfb", "QCOW", FILE_UNOPENED),
    MAGIC(0x40, "\x7f\x10\xda\xbe", "VDI", FILE_UNOPENED),
    MAGIC(0, "hsqs", "SquashFS", FILE_UNOPENED),
    MAGIC(0, "\x45\x3d\xcd\x28", "cramfs", FILE_UNOPENED),
    MAGIC(0, "-rom1fs-", "romfs", FILE_UNOPENED),
    MAGIC(0, "XFSB", "XFS", FILE_UNOPENED),
    MAGIC(3, "NTFS    ", "NTFS", FILE_UNOPENED),
    MAGIC(3, "EXFAT   ", "exFAT", FILE_UNOPENED),
    MAGIC(54, "FAT1", "FAT", FILE_UNOPENED),
    MAGIC(54, "FAT ", "FAT", FILE_UNOPENED),
    MAGIC(82, "FAT32 ", "FAT", FILE_UNOPENED),
    MAGIC(32, "NXSB", "APFS", FILE_UNOPENED),
    MAGIC(0x438, "\x53\xef", "ext", FILE_UNOPENED),
    MAGIC(0x10040, "_BHRfS_M", "Btrfs", FILE_UNOPENED),
    MAGIC(0x8001, "BEA01", "UDF", FILE_CONTAINER),
    MAGIC(0x8801, "BEA01", "UDF", FILE_CONTAINER),
    MAGIC(0x8001, "NSR0", "UDF", FILE_CONTAINER),
    MAGIC(0x8001, "CD001", "ISO", FILE_CONTAINER),
    MAGIC(0x200, "EFI PART", "GPT", FILE_CONTAINER),
    MAGIC(0x1fe, "\x55\xaa", "disk image", FILE_CONTAINER),
    /* Encrypted. */
    MAGIC(0, "-----BEGIN PGP MESSAGE-----", "PGP", FILE_ENCRYPTED),
    MAGIC(0, "age-encryption.org/v1", "age", FILE_ENCRYPTED),
    MAGIC(0, "-----BEGIN AGE ENCRYPTED FILE-----", "age", FILE_ENCRYPTED),
    MAGIC(0, "Salted__", "OpenSSL", FILE_ENCRYPTED),
    MAGIC(0, "U2FsdGVkX1", "OpenSSL", FILE_ENCRYPTED), /* the same in base64 */
    MAGIC(0, "AES\x02", "AES Crypt", FILE_ENCRYPTED),
    MAGIC(0, "AES\x03", "AES Crypt", FILE_ENCRYPTED),
    MAGIC(0, "\xc0\xb9\x07\x2e\x4f\x93\xf1\x46", "AxCrypt", FILE_ENCRYPTED),
    MAGIC(0, "\x76\xe8\x04\x60\xc4\x11\xe3\x86", "rights management", FILE_ENCRYPTED),
    MAGIC(0, "encrcdsa", "disk image", FILE_ENCRYPTED),
    MAGIC(0, "AEA1", "Apple Archive", FILE_ENCRYPTED),
    MAGIC(0, "LUKS\xba\xbe", "LUKS", FILE_ENCRYPTED),
    MAGIC(3, "-FVE-FS-", "BitLocker", FILE_ENCRYPTED),
};

static bool
has_at(struct span octets, size_t offset, struct span magic)
{
    return octets.length >= offset && span_starts(span_from(octets, offset), magic);
}

/* A session key for a public key (tag 1) or a pass phrase (tag 3) comes first, of a
 * version and a length that it has. */
static bool
is_pgp(struct span octets)
{
    unsigned char first;
    unsigned char length;
    unsigned char version;

    if (octets.length < 16)
        return false;
    first = (unsigned char)octets.data[0];
    length = (unsigned char)octets.data[1];
    if (first == 0x85) { /* old, two octets of length */
        return length <= 4 && octets.data[3] == 3;
    }
    version = (unsigned char)octets.data[2];
    if (first == 0x84 || first == 0xc1)
        return (length >= 0x2c && version == 3) ||
               (length >= 192 && length < 200 && octets.data[3] == 3);
    return (first == 0x8c || first == 0xc3) && length >= 4 && length <= 0x40 &&
           version == 4;
}

/* The properties octet of LZMA's defaults, a size of dictionary, and a length that is
 * unknown or below 256 GB. */
static bool
is_lzma(struct span octets)
{
    static const struct span unknown = {"\xff\xff\xff\xff\xff\xff\xff\xff", 8};

    return octets.length > 13 && octets.data[0] == 0x5d && octets.data[1] == 0 &&
           octets.data[2] == 0 &&
           (has_at(octets, 5, unknown) || has_at(octets, 10, SPAN("\0\0\0")));
}

/* UTF-16LE, as the names of streams are. */
static bool
has_stream(struct span octets, const char *name)
{
    char wide[64];
    size_t length = 0;

    for (; name[length / 2] != '\0'; length += 2) {
        wide[length] = name[length / 2];
        wide[length + 1] = '\0';
    }
    return span_find_text(octets, span_make(wide, length)) != SPAN_NONE;
}

/* Word's and Excel's older ciphers: a flag in Word's first block, a record behind Excel's
 * first one.  Streams begin at a sector. */
static bool
has_old_cipher(struct span octets)
{
    for (size_t at = SECTOR; at + 32 < octets.length; at += SECTOR) {
        const char *sector = octets.data + at;

        if (has_at(octets, at, SPAN("\xec\xa5")) && (sector[11] & 1) != 0)
            return true;
        if (has_at(octets, at, SPAN("\x09\x08\x10\0")) &&
            has_at(octets, at + 20, SPAN("\x2f\0")))
            return true;
    }
    return false;
}

static bool
is_encrypted_office(struct span octets)
{
    if (!span_starts(octets, SPAN("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")))
        return false;
    octets = span_first(octets, OLE_LOOK_MAX);
    return has_stream(octets, "EncryptedPackage") ||
           has_stream(octets, "EncryptedSummary") || has_old_cipher(octets);
}

/* OpenDocument says so in a file of its own, which libclamav opens. */
static bool
is_encrypted_manifest(struct span octets)
{
    return span_starts(octets, SPAN("<?xml")) &&
           span_find_text(span_first(octets, 4096), SPAN("manifest")) != SPAN_NONE &&
           span_find_text(octets, SPAN("encryption-data")) != SPAN_NONE;
}

static bool
is_vhd(struct span octets)
{
    return octets.length >= SECTOR &&
           has_at(octets, octets.length - SECTOR, SPAN("conectix"));
}

/* libclamav ends with the first stream of a bzip2 file; all else reads on. */
static bool
has_second_stream(struct span octets)
{
    static const struct span block = {"1AY&SY", 6}, end = {"\x17\x72\x45\x38\x50\x90", 6};
    struct span rest = span_from(octets, 4);
    size_t at;

    if (!span_starts(octets, SPAN("BZh")))
        return false;
    while ((at = span_find_text(rest, SPAN("BZh"))) != SPAN_NONE) {
        rest = span_from(rest, at + 3);
        if (rest.length > 6 && rest.data[0] >= '1' && rest.data[0] <= '9' &&
            (has_at(rest, 1, block) || has_at(rest, 1, end)))
            return true;
    }
    return false;
}

/* RAR is found behind whatever it is: a program that unpacks itself, a picture. */
static bool
has_rar(struct span octets)
{
    return !span_starts(octets, SPAN("Rar!")) &&
           (span_find_text(octets, SPAN("Rar!\x1a\x07\x00")) != SPAN_NONE ||
               span_find_text(octets, SPAN("Rar!\x1a\x07\x01\x00")) != SPAN_NONE);
}

struct file_kind
file_kind_of(struct span octets)
{
    struct file_kind kind = cms_kind(octets);

    if (kind.state != FILE_PLAIN)
        return kind;
    if (is_encrypted_office(octets))
        return (struct file_kind){FILE_ENCRYPTED, "Office"};
    if (is_encrypted_manifest(octets))
        return (struct file_kind){FILE_ENCRYPTED, "OpenDocument"};
    if (is_pgp(octets))
        return (struct file_kind){FILE_ENCRYPTED, "PGP"};
    if (is_vhd(octets))
        return (struct file_kind){FILE_UNOPENED, "VHD"};
    if (has_rar(octets))
        return (struct file_kind){FILE_UNOPENED, "RAR"};
    if (has_second_stream(octets))
        return (struct file_kind){FILE_UNOPENED, "bzip2"};
    if (is_lzma(octets))
        return (struct file_kind){FILE_UNOPENED, "lzma"};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (has_at(octets, rows[i].offset, rows[i].magic) &&
            (rows[i].state != FILE_CONTAINER || octets.length >= CONTAINER_MIN))
            return (struct file_kind){rows[i].state, rows[i].name};
    }
    return (struct file_kind){FILE_PLAIN, NULL};
}

struct file_kind
file_kind_of_leaf(struct span octets)
{
    struct file_kind kind = file_kind_of(octets);

    if (kind.state == FILE_PLAIN &&
        span_find_text(octets, SPAN("\n-----BEGIN PGP MESSAGE-----")) != SPAN_NONE)
        return (struct file_kind){FILE_ENCRYPTED, "PGP"};
    return kind;
}
