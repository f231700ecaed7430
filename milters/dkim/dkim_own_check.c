#include "milters/dkim/dkim_own_check.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "milters/dkim/dkim_key_cache.h"
#include "shared/base/allocate.h"
#include "shared/base/octet.h"
#include "shared/records/base64.h"

enum { HASH_SIZE = 32, FIELD_MAX = 4 << 20, DATA_MAX = 1 << 16 };

struct dkim_own_check {
    EVP_PKEY *key;
    EVP_MD_CTX *body;
    enum dkim_form form;
    enum dkim_algorithm algorithm;
    unsigned char header[HASH_SIZE];
    struct buffer body_hash; /* as the signature has it */
    struct buffer signature;
    bool hashes_something;
    size_t empty_lines; /* that count when something follows */
    bool in_line;
    bool blank;
    bool cr; /* the last octet was one */
};

static void
put_body(struct dkim_own_check *check, const char *octets, size_t length)
{
    check->hashes_something = true;
    (void)EVP_DigestUpdate(check->body, octets, length);
}

static void
put_octet(struct dkim_own_check *check, char octet)
{
    if (check->form == DKIM_RELAXED && octet_is_blank(octet)) {
        check->blank = true;
        return;
    }
    for (; check->empty_lines > 0; check->empty_lines--)
        put_body(check, "\r\n", 2);
    if (check->blank)
        put_body(check, " ", 1);
    put_body(check, &octet, 1);
    check->blank = false;
    check->in_line = true;
}

static void
end_line(struct dkim_own_check *check)
{
    if (check->in_line)
        put_body(check, "\r\n", 2);
    else
        check->empty_lines++;
    check->in_line = false;
    check->blank = false;
}

static void
feed(struct dkim_own_check *check, struct span chunk)
{
    for (size_t i = 0; i < chunk.length; i++) {
        char octet = chunk.data[i];

        if (check->cr && octet == '\n') {
            check->cr = false;
            end_line(check);
            continue;
        }
        if (check->cr)
            put_octet(check, '\r');
        check->cr = octet == '\r';
        if (!check->cr)
            put_octet(check, octet);
    }
}

/* The value in its canonical form, folds as CRLF or gone. */
static void
put_value(struct buffer *out, struct span value, enum dkim_form form)
{
    bool blank = false;
    size_t start = out->length;

    for (size_t i = 0; i < value.length; i++) {
        char octet = value.data[i];
        bool ends_line = octet == '\n' || (octet == '\r' && i + 1 < value.length &&
                                              value.data[i + 1] == '\n');

        if (form == DKIM_SIMPLE) {
            if (octet == '\n')
                buffer_append_text(out, "\r\n");
            else if (!ends_line)
                buffer_append_octet(out, octet);
        } else if (octet_is_blank(octet)) {
            blank = true;
        } else if (!ends_line) {
            if (blank && out->length > start)
                buffer_append_octet(out, ' ');
            blank = false;
            buffer_append_octet(out, octet);
        }
    }
}

static void
put_field(struct buffer *out, struct span name, struct span value, enum dkim_form form)
{
    struct span shown = form == DKIM_RELAXED ? span_trim(name) : name;

    for (size_t i = 0; i < shown.length; i++)
        buffer_append_octet(
            out, (char)(form == DKIM_RELAXED ? span_lower_octet(shown.data[i])
                                             : shown.data[i]));
    buffer_append_octet(out, ':');
    put_value(out, value, form);
}

/* The last field of that name that stands before `before`; `count` where there is none.
 */
static size_t
find_field(const struct header_field *fields, size_t before, struct span name, size_t own)
{
    for (size_t i = before; i > 0; i--) {
        if (i - 1 != own && header_field_is(&fields[i - 1], name))
            return i - 1;
    }
    return SIZE_MAX;
}

/* How often h= has named it already. */
static size_t
named_before(struct span names, const char *until, struct span name)
{
    struct span other;
    size_t count = 0;

    while (tag_next_part(&names, &other) && other.data < until)
        count += span_equal_nocase(other, name);
    return count;
}

static void
put_signed_fields(struct buffer *out, const struct dkim_candidate *candidate,
    const struct header_field *fields, size_t field_count)
{
    struct span rest = candidate->signature.names;
    struct span name;

    while (tag_next_part(&rest, &name)) {
        size_t skip = named_before(candidate->signature.names, name.data, name);
        size_t at = find_field(fields, field_count, name, candidate->field);

        for (; skip > 0 && at != SIZE_MAX; skip--)
            at = find_field(fields, at, name, candidate->field);
        if (at == SIZE_MAX)
            continue;
        put_field(
            out, fields[at].name, fields[at].value, candidate->signature.header_form);
        buffer_append_text(out, "\r\n");
    }
}

/* The signature's own field, without what b= says. */
static void
put_signature_field(struct buffer *out, const struct header_field *field,
    const struct tag_list *tags, enum dkim_form form)
{
    const struct tag *tag = tag_list_find(tags, "b");
    struct span value = field->value;
    struct buffer without;
    size_t start = (size_t)(tag->name.data - value.data);
    size_t end;

    start += span_find(span_from(value, start), '=') + 1;
    end = span_find(span_from(value, start), ';');
    buffer_init(&without, FIELD_MAX);
    buffer_append(&without, span_first(value, start));
    if (end != SPAN_NONE)
        buffer_append(&without, span_from(value, start + end));
    put_field(out, field->name, buffer_span(&without), form);
    buffer_clear(&without);
}

/* Of "...; p=<base64>", as dkim_key writes it. */
static EVP_PKEY *
read_key(const char *record, enum dkim_algorithm algorithm)
{
    struct span text = span_of(record);
    size_t at = span_find_text(text, SPAN("p="));
    struct buffer der;
    EVP_PKEY *key = NULL;

    buffer_init(&der, DATA_MAX);
    if (at != SPAN_NONE && base64_decode(span_from(text, at + 2), &der)) {
        const unsigned char *octets = (const unsigned char *)der.data;

        key =
            algorithm == DKIM_ED25519_SHA256
                ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, octets, der.length)
                : dkim_key_cache_take(octets, der.length);
    }
    buffer_clear(&der);
    return key;
}

static bool
hash_header(struct dkim_own_check *check, const struct dkim_candidate *candidate,
    const struct header_field *fields, size_t field_count, const struct tag_list *tags)
{
    struct buffer text;
    bool done;

    buffer_init(&text, FIELD_MAX);
    put_signed_fields(&text, candidate, fields, field_count);
    put_signature_field(
        &text, &fields[candidate->field], tags, candidate->signature.header_form);
    done = buffer_ok(&text) && EVP_Digest(text.data, text.length, check->header, NULL,
                                   EVP_sha256(), NULL) == 1;
    buffer_clear(&text);
    return done;
}

static void
check_free(struct dkim_own_check *check)
{
    EVP_PKEY_free(check->key);
    EVP_MD_CTX_free(check->body);
    buffer_clear(&check->body_hash);
    buffer_clear(&check->signature);
    free(check);
}

/* NULL where the key is none. */
static struct dkim_own_check *
check_new(const struct dkim_candidate *candidate, const struct header_field *fields,
    size_t field_count)
{
    struct dkim_own_check *check = allocate(sizeof(*check));
    struct tag_list tags;
    const char *wrong;

    check->form = candidate->signature.body_form;
    check->algorithm = candidate->signature.algorithm;
    buffer_init(&check->body_hash, DATA_MAX);
    buffer_init(&check->signature, DATA_MAX);
    check->body = EVP_MD_CTX_new();
    check->key = read_key(candidate->record, check->algorithm);
    if (check->body != NULL && check->key != NULL &&
        EVP_DigestInit_ex(check->body, EVP_sha256(), NULL) == 1 &&
        tag_list_parse(fields[candidate->field].value, &tags, &wrong) &&
        base64_decode(tag_list_find(&tags, "bh")->value, &check->body_hash) &&
        base64_decode(tag_list_find(&tags, "b")->value, &check->signature) &&
        hash_header(check, candidate, fields, field_count, &tags))
        return check;
    check_free(check);
    return NULL;
}

/* RFC 8463: Ed25519 signs the hash as its message. */
static bool
verify_ed25519(const struct dkim_own_check *check)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context != NULL &&
                EVP_DigestVerifyInit(context, NULL, NULL, NULL, check->key) == 1 &&
                EVP_DigestVerify(context, (const unsigned char *)check->signature.data,
                    check->signature.length, check->header, HASH_SIZE) == 1;

    EVP_MD_CTX_free(context);
    return good;
}

static bool
verify_rsa(const struct dkim_own_check *check)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(check->key, NULL);
    bool good = context != NULL && EVP_PKEY_verify_init(context) == 1 &&
                EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1 &&
                EVP_PKEY_verify(context, (const unsigned char *)check->signature.data,
                    check->signature.length, check->header, HASH_SIZE) == 1;

    EVP_PKEY_CTX_free(context);
    return good;
}

static bool
verifies(struct dkim_own_check *check)
{
    unsigned char hash[HASH_SIZE];

    if (check->cr)
        put_octet(check, '\r');
    check->cr = false;
    if (check->in_line)
        end_line(check);
    if (!check->hashes_something && check->form == DKIM_SIMPLE)
        put_body(check, "\r\n", 2);
    return EVP_DigestFinal_ex(check->body, hash, NULL) == 1 &&
           check->body_hash.length == HASH_SIZE &&
           memcmp(check->body_hash.data, hash, HASH_SIZE) == 0 &&
           (check->algorithm == DKIM_ED25519_SHA256 ? verify_ed25519(check)
                                                    : verify_rsa(check));
}

void
dkim_own_checks_open(struct dkim_own_checks *checks, const struct dkim_plan *plan,
    const struct header_field *fields, size_t field_count)
{
    for (size_t i = 0; i < plan->count && checks->count < DKIM_OWN_CHECKS_MAX; i++) {
        struct dkim_own_check *check = NULL;

        if (plan->candidates[i].for_own)
            check = check_new(&plan->candidates[i], fields, field_count);
        if (check == NULL)
            continue;
        checks->candidates[checks->count] = i;
        checks->items[checks->count++] = check;
    }
}

void
dkim_own_checks_clear(struct dkim_own_checks *checks)
{
    while (checks->count > 0)
        check_free(checks->items[--checks->count]);
}

void
dkim_own_checks_body(struct dkim_own_checks *checks, struct span chunk)
{
    for (size_t i = 0; i < checks->count; i++)
        feed(checks->items[i], chunk);
}

void
dkim_own_checks_end(struct dkim_own_checks *checks, struct dkim_plan *plan)
{
    for (size_t i = 0; i < checks->count; i++) {
        if (verifies(checks->items[i]))
            plan->candidates[checks->candidates[i]].signature.has_verified = true;
    }
}
