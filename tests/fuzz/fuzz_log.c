/*
 * fuzz_log - whatever the values: one line without control octets, within its bounds,
 * whose fields can be told apart.
 */
#include "shared/base/utf8.h"
#include "shared/service/log.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t half = size / 2;
    struct span first = span_make(data, half);
    struct span second = span_from(span_make(data, size), half);
    char out[8192];
    struct span line;
    size_t room = size == 0 ? sizeof(out) : 1 + data[0] * 32U;

    line = span_make(out, log_format(out, room, LOG_LEVEL_INFO, NULL, "word",
                              LOG_FIELDS(log_span("a", first), log_address("b", second),
                                  log_span("c", second))));
    assert(line.length < room && line.length <= 4000 && out[line.length] == '\0');
    assert(!span_has_control(line) && utf8_is_valid(line));
    if (span_find_text(line, SPAN("...")) != SPAN_NONE)
        return 0;
    /* Behind the first value comes the second key: by quotes where it has them. */
    line = span_from(line, span_find_text(line, SPAN("a=")) + 2);
    if (line.length > 0 && line.data[0] == '"')
        line = span_from(line, span_find(span_from(line, 1), '"') + 2);
    else
        line = span_from(line, span_find(line, ','));
    assert(line.length == 0 || room < sizeof(out) || span_starts(line, SPAN(", b=<")));
    return 0;
}
