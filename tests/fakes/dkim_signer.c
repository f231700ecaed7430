#include "tests/fakes/dkim_signer.h"

#include "shared/base/digest.h"
#include "shared/records/base64.h"

#include <assert.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

enum { CEILING = 64 << 20 };

EVP_PKEY *
dkim_signer_rsa(unsigned bits)
{
    EVP_PKEY *key = EVP_RSA_gen(bits);

    assert(key != NULL);
    return key;
}

EVP_PKEY *
dkim_signer_ed25519(void)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

    assert(key != NULL);
    return key;
}

static const char *
base64_text(struct span data, struct arena *arena)
{
    struct buffer out;
    const char *text;

    buffer_init(&out, CEILING);
    assert(base64_encode(data, &out));
    text = arena_text(arena, buffer_span(&out));
    buffer_clear(&out);
    return text;
}

const char *
dkim_signer_public(const EVP_PKEY *key, enum dkim_signer_form form, struct arena *arena)
{
    unsigned char raw[32];
    size_t raw_length = sizeof(raw);
    unsigned char *der = NULL;
    const char *text;
    int length;

    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519) {
        assert(EVP_PKEY_get_raw_public_key(key, raw, &raw_length) == 1);
        return base64_text(span_make(raw, raw_length), arena);
    }
    length = form == DKIM_SIGNER_SPKI ? i2d_PUBKEY(key, &der) : i2d_PublicKey(key, &der);
    assert(length > 0);
    text = base64_text(span_make(der, (size_t)length), arena);
    OPENSSL_free(der);
    return text;
}

static bool
is_blank(char octet)
{
    return octet == ' ' || octet == '\t';
}

/* Runs of blanks to one, none at the end (RFC 6376, 3.4.2 and 3.4.4). */
static void
append_relaxed_line(struct span line, struct buffer *out)
{
    bool blank = false;

    for (size_t i = 0; i < line.length; i++) {
        if (is_blank(line.data[i])) {
            blank = true;
            continue;
        }
        if (blank)
            buffer_append_octet(out, ' ');
        blank = false;
        buffer_append_octet(out, line.data[i]);
    }
}

/* The next line without its CRLF; a bare CR or LF is text. */
static bool
next_line(struct span *rest, struct span *line)
{
    size_t end = span_find_text(*rest, SPAN("\r\n"));

    if (rest->length == 0)
        return false;
    *line = span_first(*rest, end == SPAN_NONE ? rest->length : end);
    *rest = span_from(*rest, end == SPAN_NONE ? rest->length : end + 2);
    return true;
}

static void
append_body(struct span body, enum dkim_form form, struct buffer *out)
{
    struct span line;

    while (next_line(&body, &line)) {
        if (form == DKIM_RELAXED)
            append_relaxed_line(line, out);
        else
            buffer_append(out, line);
        buffer_append(out, SPAN("\r\n"));
    }
    while (out->length >= 4 && memcmp(out->data + out->length - 4, "\r\n\r\n", 4) == 0)
        out->length -= 2;
    if (out->length == 2 && memcmp(out->data, "\r\n", 2) == 0)
        out->length = 0;
    if (out->length == 0 && form == DKIM_SIMPLE)
        buffer_append(out, SPAN("\r\n"));
}

/* Folds of a milter's fields are LF; on the wire they are CRLF. */
static void
append_field(const struct header_field *field, enum dkim_form form, struct buffer *out)
{
    struct buffer unfolded;

    if (form == DKIM_SIMPLE) {
        buffer_append(out, field->name);
        buffer_append_octet(out, ':');
        for (size_t i = 0; i < field->value.length; i++) {
            if (field->value.data[i] == '\n' &&
                (i == 0 || field->value.data[i - 1] != '\r'))
                buffer_append_octet(out, '\r');
            buffer_append_octet(out, field->value.data[i]);
        }
        return;
    }
    for (size_t i = 0; i < field->name.length; i++) {
        if (!is_blank(field->name.data[i]))
            buffer_append_octet(out, span_lower_octet(field->name.data[i]));
    }
    buffer_append_octet(out, ':');
    buffer_init(&unfolded, CEILING);
    for (size_t i = 0; i < field->value.length; i++) {
        char octet = field->value.data[i];

        if (octet != '\n' && !(octet == '\r' && i + 1 < field->value.length &&
                                 field->value.data[i + 1] == '\n'))
            buffer_append_octet(&unfolded, octet);
    }
    append_relaxed_line(span_trim(buffer_span(&unfolded)), out);
    buffer_clear(&unfolded);
}

/* The last field of each name that isn't taken yet (RFC 6376, 5.4.2). */
static void
append_signed_fields(const struct dkim_signer *signer, const struct header_field *fields,
    size_t field_count, struct buffer *out)
{
    struct span rest = span_of(signer->names);
    struct span name;
    bool taken[1024] = {false};

    assert(field_count <= sizeof(taken));
    while (span_split(&rest, ':', &name)) {
        for (size_t i = field_count; i > 0; i--) {
            if (taken[i - 1] || !header_field_is(&fields[i - 1], name))
                continue;
            taken[i - 1] = true;
            append_field(&fields[i - 1], signer->header_form, out);
            buffer_append(out, SPAN("\r\n"));
            break;
        }
    }
}

const char *
dkim_signer_replace(
    const char *text, const char *what, const char *with, struct arena *arena)
{
    size_t at = span_find_text(span_of(text), span_of(what));

    if (at == SPAN_NONE)
        return text;
    return arena_printf(arena, "%.*s%s%s", (int)at, text, with, text + at + strlen(what));
}

static const char *
body_hash(const struct dkim_signer *signer, struct span body, struct arena *arena)
{
    uint8_t digest[DIGEST_SHA256_SIZE];
    struct buffer out;
    struct span text;

    buffer_init(&out, CEILING);
    append_body(body, signer->body_form, &out);
    text = buffer_span(&out);
    if (signer->has_length)
        text = span_first(text, signer->length);
    digest_sha256(text, digest);
    buffer_clear(&out);
    return base64_text(span_make(digest, sizeof(digest)), arena);
}

static const char *
sign_text(EVP_PKEY *key, struct span text, struct arena *arena)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
    uint8_t digest[DIGEST_SHA256_SIZE];
    unsigned char signature[1024];
    size_t length = sizeof(signature);

    /* RFC 8463: Ed25519 signs the digest. */
    digest_sha256(text, digest);
    if (!is_rsa)
        text = span_make(digest, sizeof(digest));
    assert(
        EVP_DigestSignInit(context, NULL, is_rsa ? EVP_sha256() : NULL, NULL, key) == 1);
    assert(EVP_DigestSign(context, signature, &length, (const unsigned char *)text.data,
               text.length) == 1);
    EVP_MD_CTX_free(context);
    return base64_text(span_make(signature, length), arena);
}

struct header_field
dkim_signer_sign(const struct dkim_signer *signer, const struct header_field *fields,
    size_t field_count, struct span body, struct arena *arena)
{
    const char *value =
        dkim_signer_replace(signer->value, "@BH@", body_hash(signer, body, arena), arena);
    struct header_field field = {SPAN("DKIM-Signature"), {NULL, 0}};
    struct buffer text;

    buffer_init(&text, CEILING);
    append_signed_fields(signer, fields, field_count, &text);
    field.value = span_of(dkim_signer_replace(value, "@B@", "", arena));
    append_field(&field, signer->header_form, &text);
    field.value = span_of(dkim_signer_replace(
        value, "@B@", sign_text(signer->key, buffer_span(&text), arena), arena));
    buffer_clear(&text);
    return field;
}
