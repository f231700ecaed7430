#include "tests/fakes/dkim_message.h"

struct dkim_check *
dkim_message_check(struct dkim_library *library, const struct header_field *fields,
    size_t count, struct span body, const struct dns_table_row *rows, size_t row_count,
    const struct dkim_check_options *options, size_t chunk, struct arena *arena)
{
    struct dns_table table = {.rows = rows, .count = row_count, .arena = arena};
    struct dns_lookup lookup = dns_table_lookup(&table);
    struct dkim_check *check = dkim_check_new(library, options, arena);
    struct author author;

    author_read(fields, count, &author);
    dkim_check_start(check, fields, count, &author, &lookup);
    dkim_check_begin(check);
    while (body.length > 0) {
        struct span part = span_first(body, chunk == 0 ? body.length : chunk);

        dkim_check_body(check, part);
        body = span_from(body, part.length);
    }
    dkim_check_end(check);
    return check;
}
