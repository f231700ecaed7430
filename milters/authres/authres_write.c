#include "milters/authres/authres_write.h"

#include "shared/base/octet.h"

#include <string.h>

enum {
    LINE_MAX_OCTETS = 200,
    SIGNATURE_OCTETS = 8,      /* of header.b (RFC 6008) */
    SIGNATURE_OCTETS_MAX = 64, /* where others begin alike */
    NAME_MAX_OCTETS = 255,
};

struct writer {
    struct buffer *out;
    size_t line; /* where the last one begins */
};

static void
begin_line(struct writer *writer)
{
    buffer_append(writer->out, SPAN("\n\t"));
    writer->line = writer->out->length - 1;
}

/* A word behind the others of its line; lines are folded where they grow very long. */
static void
put(struct writer *writer, struct span word)
{
    if (writer->out->length - writer->line + word.length > LINE_MAX_OCTETS)
        begin_line(writer);
    else
        buffer_append_octet(writer->out, ' ');
    buffer_append(writer->out, word);
}

static void
begin_result(struct writer *writer, const char *method, enum auth_result result)
{
    buffer_append_octet(writer->out, ';');
    begin_line(writer);
    buffer_append_text(writer->out, method);
    buffer_append_octet(writer->out, '=');
    buffer_append_text(writer->out, auth_result_name(result));
}

static bool
is_token(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        char octet = text.data[i];

        if (octet <= ' ' || octet >= 0x7f || strchr("()<>,;:\\\"/[]?=", octet) != NULL)
            return false;
    }
    return text.length > 0;
}

/* Bare where it is a token or an address of tokens, else as a quoted string. */
static void
put_property(struct writer *writer, const char *name, struct span value)
{
    struct buffer word;
    bool quoted = !is_token(value);

    buffer_init(&word, AUTHRES_MAX);
    buffer_append_text(&word, name);
    buffer_append_octet(&word, '=');
    if (quoted)
        buffer_append_octet(&word, '"');
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] == '"' || value.data[i] == '\\')
            buffer_append_octet(&word, '\\');
        buffer_append_octet(&word, value.data[i]);
    }
    if (quoted)
        buffer_append_octet(&word, '"');
    put(writer, buffer_span(&word));
    buffer_clear(&word);
}

static void
put_text(struct writer *writer, const char *name, const char *value)
{
    if (value != NULL && value[0] != '\0')
        put_property(writer, name, span_of(value));
}

/* Words of ours: no parenthesis is in them. */
static void
put_comment(struct writer *writer, const char *before, const char *text)
{
    struct buffer word;

    buffer_init(&word, AUTHRES_MAX);
    buffer_printf(&word, "(%s%s)", before, text);
    put(writer, buffer_span(&word));
    buffer_clear(&word);
}

/* A host name or an address literal, as HELO may give. */
static void
put_host(struct writer *writer, const char *name, struct span host)
{
    for (size_t i = 0; i < host.length; i++) {
        char octet = host.data[i];

        if (!octet_is_letter_or_digit(octet) &&
            (octet == '\0' || strchr("-._:[]", octet) == NULL))
            return;
    }
    if (host.length > 0 && host.length <= NAME_MAX_OCTETS)
        put_property(writer, name, host);
}

static void
write_spf(struct writer *writer, const struct authres_spf *spf)
{
    begin_result(writer, "spf", spf->result);
    put_host(writer, "smtp.mailfrom", spf->mail_from);
    put_host(writer, "smtp.helo", spf->helo);
}

static size_t
common_length(struct span left, struct span right)
{
    size_t length = 0;

    while (length < left.length && length < right.length &&
           left.data[length] == right.data[length])
        length++;
    return length;
}

/* As much of b= as tells it from the other signatures. */
static struct span
signature_start(const struct dkim_plan *plan, size_t index)
{
    struct span own = plan->candidates[index].signature.signature;
    size_t length = SIGNATURE_OCTETS;

    for (size_t i = 0; i < plan->count; i++) {
        struct span other = plan->candidates[i].signature.signature;
        size_t common = common_length(own, other);

        if (i != index && !span_equal(own, other) && common + 1 > length)
            length = common + 1;
    }
    return span_first(own, length > SIGNATURE_OCTETS_MAX ? SIGNATURE_OCTETS_MAX : length);
}

static void
write_signature(struct writer *writer, const struct dkim_plan *plan, size_t index)
{
    const struct dkim_candidate *candidate = &plan->candidates[index];
    const struct dkim_signature *signature = &candidate->signature;
    struct span start = signature_start(plan, index);

    begin_result(writer, "dkim", signature->result);
    if (signature->result == AUTH_PASS && candidate->testing)
        put_comment(writer, "", "test key");
    put_text(writer, "reason", signature->reason);
    put_text(writer, "header.d", signature->domain);
    put_text(writer, "header.i", signature->identity);
    put_text(writer, "header.s", signature->selector);
    put_text(writer, "header.a", signature->algorithm_name);
    if (start.length > 0)
        put_property(writer, "header.b", start);
}

static void
write_dkim(struct writer *writer, const struct dkim_plan *plan)
{
    if (plan->found == 0)
        begin_result(writer, "dkim", AUTH_NONE);
    for (size_t i = 0; i < plan->count; i++)
        write_signature(writer, plan, i);
}

static void
write_dmarc(struct writer *writer, const struct authres *results)
{
    const struct dmarc_verdict *verdict = results->dmarc;

    if (results->author->kind != AUTHOR_ONE || verdict == NULL) {
        begin_result(writer, "dmarc", AUTH_PERMERROR);
        if (results->author->reason != NULL)
            put_comment(writer, "", results->author->reason);
        return;
    }
    begin_result(writer, "dmarc", verdict->result);
    if (verdict->reason != NULL)
        put_comment(writer, "", verdict->reason);
    else if (verdict->result != AUTH_NONE)
        put_comment(writer, "p=", dmarc_policy_name(verdict->published));
    put_text(writer, "header.from", results->author->domains[0]);
    if (verdict->result == AUTH_PASS || verdict->result == AUTH_FAIL)
        put_text(writer, "policy.dmarc", dmarc_policy_name(verdict->policy));
}

bool
authres_write(const struct authres *results, struct buffer *out)
{
    struct writer writer = {out, out->length};

    buffer_append(out, results->authserv_id);
    if (results->spf != NULL)
        write_spf(&writer, results->spf);
    if (results->dkim != NULL)
        write_dkim(&writer, results->dkim);
    if (results->wants_dmarc)
        write_dmarc(&writer, results);
    if (results->spf == NULL && results->dkim == NULL && !results->wants_dmarc)
        buffer_append(out, SPAN("; none"));
    return buffer_ok(out);
}
