#include "milters/mime/cms.h"

#include "shared/base/cursor.h"

enum {
    BER_INTEGER = 0x02,
    BER_OCTETS = 0x04,
    BER_PIECES = 0x24, /* an octet string of several */
    BER_OID = 0x06,
    BER_SEQUENCE = 0x30,
    BER_SET = 0x31,
    BER_CONTENT = 0xa0, /* [0], what a content info holds */
};

/* A tag and its length; the length is left out where it is indefinite. */
static bool
enter(struct cursor *cursor, uint8_t tag, size_t *length)
{
    uint8_t first;

    *length = 0;
    if (cursor_u8(cursor) != tag || !cursor_ok(cursor))
        return false;
    first = cursor_u8(cursor);
    if (first < 0x80)
        *length = first;
    for (unsigned count = first < 0x80 ? 0 : first & 0x7fU; count > 0; count--) {
        if (*length >> 24 != 0)
            return false;
        *length = *length << 8 | cursor_u8(cursor);
    }
    return cursor_ok(cursor);
}

static bool
skip(struct cursor *cursor, uint8_t tag)
{
    size_t length;

    if (!enter(cursor, tag, &length))
        return false;
    (void)cursor_bytes(cursor, length);
    return cursor_ok(cursor);
}

/* Behind the type "signed data": whether what is signed is there too.  A content info of
 * a length has nothing behind its type else; of an indefinite one its end follows. */
static bool
holds_content(struct cursor *cursor)
{
    size_t length;
    size_t left;

    if (!enter(cursor, BER_CONTENT, &length) || !enter(cursor, BER_SEQUENCE, &length) ||
        !skip(cursor, BER_INTEGER) || !skip(cursor, BER_SET) ||
        !enter(cursor, BER_SEQUENCE, &length))
        return false;
    left = cursor_left(cursor);
    return skip(cursor, BER_OID) &&
           (length == 0 || left - cursor_left(cursor) < length) &&
           cursor_u8(cursor) == BER_CONTENT && cursor_ok(cursor);
}

/* A cursor behind the type's octets, which are in `type`. */
static bool
take_type(struct cursor *cursor, struct span *type)
{
    size_t length;

    if (!enter(cursor, BER_SEQUENCE, &length) || !enter(cursor, BER_OID, &length))
        return false;
    *type = cursor_bytes(cursor, length);
    return cursor_ok(cursor);
}

static bool
is_signed(struct span type)
{
    return span_equal(type, SPAN("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"));
}

struct file_kind
cms_kind(struct span octets)
{
    static const struct span pkcs7 = {"\x2a\x86\x48\x86\xf7\x0d\x01\x07", 8};
    static const struct span smime = {"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01", 10};
    static const struct file_kind none = {FILE_PLAIN, NULL};
    static const struct file_kind encrypted = {FILE_ENCRYPTED, "S/MIME"};
    static const struct file_kind unopened = {FILE_UNOPENED, "S/MIME"};
    static const struct file_kind opaque = {FILE_SIGNED, "S/MIME"};
    struct cursor cursor = cursor_on(octets);
    struct span type;

    if (!take_type(&cursor, &type) || type.length < 9)
        return none;
    if (span_starts(type, pkcs7) && type.length == 9) {
        if (type.data[8] == 3 || type.data[8] == 4 || type.data[8] == 6)
            return encrypted;
        return is_signed(type) && holds_content(&cursor) ? opaque : none;
    }
    if (!span_starts(type, smime) || type.length != 11)
        return none;
    if (type.data[10] == 23)
        return encrypted;
    return type.data[10] == 9 ? unopened : none;
}

bool
cms_content(struct span octets, struct buffer *out)
{
    struct cursor cursor = cursor_on(octets);
    struct span type;
    size_t length;

    if (!take_type(&cursor, &type) || !is_signed(type) || !holds_content(&cursor))
        return false;
    /* Behind the tag; its length, then octets in one piece or in several. */
    cursor.rest = span_make(cursor.rest.data - 1, cursor.rest.length + 1);
    if (!enter(&cursor, BER_CONTENT, &length))
        return false;
    while (cursor_left(&cursor) > 0) {
        uint8_t tag = (uint8_t)cursor.rest.data[0];

        if ((tag != BER_OCTETS && tag != BER_PIECES) || !enter(&cursor, tag, &length))
            break;
        if (tag == BER_OCTETS)
            (void)buffer_append(out, cursor_bytes(&cursor, length));
    }
    return cursor_ok(&cursor) && buffer_ok(out);
}
