#include "milters/scan/clam_test_mail.h"

#include <assert.h>
#include <openssl/evp.h>

/* Never spelt out, so that no scanner takes this program for the test file. */
static void
write_eicar(struct buffer *out)
{
    static const unsigned char mixed[] =
        "Y6P\"Q&ABQ\\5]Q[Y65)Q_*8DD*8~%FJDBS.TUBOEBSE.BOUJWJSVT.UFTU.GJMF\"%I,I+";

    for (size_t i = 0; i + 1 < sizeof(mixed); i++)
        buffer_append_octet(out, (char)(mixed[i] - 1));
}

static void
append_little(struct buffer *out, unsigned octets, uint32_t number)
{
    for (unsigned i = 0; i < octets; i++)
        buffer_append_octet(out, (char)(number >> (8 * i) & 0xff));
}

/* CRC-32. */
static uint32_t
check_sum(struct span octets)
{
    uint32_t sum = 0xffffffff;

    for (size_t i = 0; i < octets.length; i++) {
        sum ^= (unsigned char)octets.data[i];
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (0xedb88320 & (0 - (sum & 1)));
    }
    return ~sum;
}

/* As it is packed: a zip with one member, deflated in a block that is not compressed. */
static void
write_zip(struct span content, struct buffer *out)
{
    static const char name[] = "test.com";
    struct buffer same; /* what the member's two headers share */
    uint32_t size = (uint32_t)content.length;
    uint32_t start;

    buffer_init(&same, 64);
    append_little(&same, 2, 20); /* version */
    append_little(&same, 2, 0);
    append_little(&same, 2, 8); /* deflated */
    append_little(&same, 4, 0x5a210000);
    append_little(&same, 4, check_sum(content));
    append_little(&same, 4, size + 5);
    append_little(&same, 4, size);
    append_little(&same, 4, sizeof(name) - 1);
    buffer_append_text(out, "PK\3\4");
    buffer_append(out, buffer_span(&same));
    buffer_append_text(out, name);
    buffer_append_octet(out, 1); /* the last block, as it is */
    append_little(out, 2, size);
    append_little(out, 2, ~size);
    buffer_append(out, content);
    start = (uint32_t)out->length;
    buffer_append_text(out, "PK\1\2");
    append_little(out, 2, 20);
    buffer_append(out, buffer_span(&same));
    for (int i = 0; i < 7; i++)
        append_little(out, 2, 0); /* no comment; the member stands at the beginning */
    buffer_append_text(out, name);
    buffer_append_text(out, "PK\5\6");
    append_little(out, 4, 0);
    append_little(out, 2, 1);
    append_little(out, 2, 1);
    append_little(out, 4, (uint32_t)out->length - 12 - start);
    append_little(out, 4, start);
    append_little(out, 2, 0);
    buffer_clear(&same);
}

static void
write_base64(struct span octets, struct buffer *out)
{
    unsigned char encoded[512];
    int length;

    assert(octets.length < sizeof(encoded) / 2);
    length =
        EVP_EncodeBlock(encoded, (const unsigned char *)octets.data, (int)octets.length);
    buffer_append(out, span_make(encoded, (size_t)length));
}

void
clam_test_mail_write(bool packed, struct buffer *out)
{
    struct buffer file;
    struct buffer zip;

    buffer_init(&file, 512);
    buffer_init(&zip, 512);
    write_eicar(&file);
    write_zip(buffer_span(&file), &zip);
    buffer_append_text(out, "From: <postshift-scan@localhost>\r\n"
                            "Subject: self test\r\n"
                            "MIME-Version: 1.0\r\n"
                            "Content-Type: multipart/mixed; boundary=\"part\"\r\n"
                            "\r\n--part\r\n"
                            "Content-Type: text/plain\r\n"
                            "\r\nself test\r\n--part\r\n"
                            "Content-Type: application/octet-stream; name=\"test\"\r\n"
                            "Content-Transfer-Encoding: base64\r\n\r\n");
    write_base64(buffer_span(packed ? &zip : &file), out);
    buffer_append_text(out, "\r\n--part--\r\n");
    buffer_clear(&zip);
    buffer_clear(&file);
}
