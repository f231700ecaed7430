/*
 * A whole message through libopendkim, with a key record that may lie.
 *
 * The input is the key record, a line with one octet of the look-up's status, the header
 * and the body, each parted by a line end alone; the first octet of the body is the size
 * of its chunks.
 */
#include <assert.h>
#include <stdlib.h>

#include "tests/fakes/dkim_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELDS_MAX = 64 };

static size_t
read_fields(struct span text, struct header_field *fields)
{
    struct span line;
    size_t count = 0;

    while (count < FIELDS_MAX && span_split(&text, '\n', &line)) {
        size_t colon = span_find(line, ':');

        if (line.length > 0 && (line.data[0] == ' ' || line.data[0] == '\t') && count > 0)
            fields[count - 1].value.length =
                (size_t)(line.data + line.length - fields[count - 1].value.data);
        else if (colon != SPAN_NONE)
            fields[count++] = (struct header_field){
                span_first(line, colon), span_from(line, colon + 1)};
    }
    return count;
}

static struct span
take_until(struct span *rest, const char *end)
{
    size_t at = span_find_text(*rest, span_of(end));
    struct span part = span_first(*rest, at == SPAN_NONE ? rest->length : at);

    *rest = span_from(*rest, at == SPAN_NONE ? rest->length : at + span_of(end).length);
    return part;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dkim_library *library;
    static const enum dns_status statuses[] = {
        DNS_OK, DNS_OK, DNS_OK, DNS_NXDOMAIN, DNS_TIMEOUT, DNS_OK, DNS_OK, DNS_OK};
    const struct dkim_check_options options = {10, false, 1000000000};
    struct arena *arena = arena_new(16 << 20);
    struct span rest = span_make(data, size);
    struct span key = take_until(&rest, "\n");
    struct span status = take_until(&rest, "\n");
    struct header_field fields[FIELDS_MAX];
    size_t count = read_fields(take_until(&rest, "\n\n"), fields);
    struct dns_table_row row = {"s._domainkey.a.example", DNS_TXT, key.data, key.length,
        statuses[status.length > 0 ? status.data[0] & 7 : 0], false};
    const struct dkim_plan *plan;
    struct dkim_check *check;
    struct error error;

    if (library == NULL)
        library = dkim_library_new(&error);
    if (library == NULL)
        abort();
    check = dkim_message_check(library, fields, count, span_from(rest, 1), &row,
        key.length > 0 ? 1 : 0, &options,
        rest.length > 0 ? (unsigned char)rest.data[0] : 0, arena);
    plan = dkim_check_plan(check);
    for (size_t i = 0; i < plan->count; i++) {
        assert(plan->candidates[i].signature.result != AUTH_NONE);
        assert((plan->candidates[i].signature.result == AUTH_PASS) ==
               (plan->candidates[i].signature.reason == NULL));
    }
    dkim_check_free(check);
    arena_free(arena);
    return 0;
}
