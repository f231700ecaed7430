#include "shared/records/rsa_key.h"

#include "shared/base/cursor.h"

enum {
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_NULL = 0x05,
    DER_OBJECT = 0x06,
    DER_SEQUENCE = 0x30,
};

enum { EXPONENT_MAX = 8, KEY_MAX = 8192 };

/* rsaEncryption, 1.2.840.113549.1.1.1 */
#define RSA_ENCRYPTION "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"

/* The content of the element `tag` that stands next; the cursor is bad if another does.
 */
static struct span
read_element(struct cursor *cursor, uint8_t tag)
{
    size_t length;

    if (cursor_u8(cursor) != tag)
        cursor_fail(cursor);
    length = cursor_u8(cursor);
    if (length == 0x81)
        length = cursor_u8(cursor);
    else if (length == 0x82)
        length = cursor_u16(cursor);
    else if (length >= 0x80)
        cursor_fail(cursor);
    return cursor_bytes(cursor, length);
}

static bool
next_is(const struct cursor *cursor, uint8_t tag)
{
    return cursor->rest.length > 0 && (uint8_t)cursor->rest.data[0] == tag;
}

static struct span
read_number(struct cursor *cursor)
{
    struct span number = read_element(cursor, DER_INTEGER);

    while (number.length > 0 && number.data[0] == '\0')
        number = span_from(number, 1);
    return number;
}

static bool
parse_numbers(struct span content, struct rsa_key *key)
{
    struct cursor cursor = cursor_on(content);

    key->modulus = read_number(&cursor);
    key->exponent = read_number(&cursor);
    return cursor_at_end(&cursor) && key->modulus.length > 0 &&
           key->exponent.length > 0 && key->exponent.length <= EXPONENT_MAX;
}

/* The RSAPublicKey inside a SubjectPublicKeyInfo, still as a sequence. */
static bool
unwrap(struct cursor *info, struct span *content)
{
    struct cursor algorithm = cursor_on(read_element(info, DER_SEQUENCE));
    struct cursor bits = cursor_on(read_element(info, DER_BIT_STRING));
    struct span object = read_element(&algorithm, DER_OBJECT);

    if (next_is(&algorithm, DER_NULL) && read_element(&algorithm, DER_NULL).length > 0)
        return false;
    if (!cursor_at_end(&algorithm) || !cursor_at_end(info) ||
        !span_equal(object, SPAN(RSA_ENCRYPTION)) || cursor_u8(&bits) != 0)
        return false;
    *content = read_element(&bits, DER_SEQUENCE);
    return cursor_at_end(&bits);
}

static unsigned
count_bits(struct span number)
{
    unsigned bits = (unsigned)(number.length - 1) * 8;

    for (unsigned first = (uint8_t)number.data[0]; first != 0; first >>= 1)
        bits++;
    return bits;
}

bool
rsa_key_parse(struct span der, struct rsa_key *key)
{
    struct cursor outer = cursor_on(der);
    struct span content = read_element(&outer, DER_SEQUENCE);
    struct cursor inner = cursor_on(content);

    *key = (struct rsa_key){0};
    if (!cursor_at_end(&outer))
        return false;
    if (next_is(&inner, DER_SEQUENCE) && !unwrap(&inner, &content))
        return false;
    if (!parse_numbers(content, key))
        return false;
    key->bits = count_bits(key->modulus);
    return true;
}

static void
write_head(struct buffer *out, uint8_t tag, size_t length)
{
    buffer_append_octet(out, (char)tag);
    if (length >= 0x100) {
        buffer_append_octet(out, (char)0x82);
        buffer_append_octet(out, (char)(length >> 8 & 0xff));
    } else if (length >= 0x80) {
        buffer_append_octet(out, (char)0x81);
    }
    buffer_append_octet(out, (char)(length & 0xff));
}

static void
write_number(struct buffer *out, struct span number)
{
    bool sign = (number.data[0] & 0x80) != 0;

    write_head(out, DER_INTEGER, number.length + sign);
    if (sign)
        buffer_append_octet(out, '\0');
    buffer_append(out, number);
}

/* An element of `first` and `content`. */
static void
wrap(struct buffer *out, struct span content, uint8_t tag, struct span first)
{
    write_head(out, tag, first.length + content.length);
    buffer_append(out, first);
    buffer_append(out, content);
}

bool
rsa_key_write(const struct rsa_key *key, struct buffer *out)
{
    struct buffer numbers;
    struct buffer sequence;
    struct buffer string;
    bool done;

    buffer_init(&numbers, KEY_MAX);
    buffer_init(&sequence, KEY_MAX);
    buffer_init(&string, KEY_MAX);
    write_number(&numbers, key->modulus);
    write_number(&numbers, key->exponent);
    wrap(&sequence, buffer_span(&numbers), DER_SEQUENCE, SPAN(""));
    /* AlgorithmIdentifier before the bit string, which begins with its unused bits. */
    buffer_append(&string, SPAN("\x30\x0d\x06\x09"));
    buffer_append(&string, SPAN(RSA_ENCRYPTION));
    buffer_append(&string, SPAN("\x05\x00"));
    wrap(&string, buffer_span(&sequence), DER_BIT_STRING, SPAN("\0"));
    wrap(out, buffer_span(&string), DER_SEQUENCE, SPAN(""));
    done = buffer_ok(&numbers) && buffer_ok(&sequence) && buffer_ok(&string);
    buffer_clear(&numbers);
    buffer_clear(&sequence);
    buffer_clear(&string);
    return done && buffer_ok(out);
}
