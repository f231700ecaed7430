/*
 * fuzz_http_request - what was understood lies within the octets, and no less of them
 * would have done; a query's value is never longer than the query.
 */
#include "shared/service/http_request.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_within(struct span part, struct span whole)
{
    assert(part.length == 0 || (part.data >= whole.data &&
                                   part.data + part.length <= whole.data + whole.length));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span octets = span_make(data, size);
    enum http_request_result first = HTTP_REQUEST_MORE;
    struct http_request request;
    struct buffer value;
    size_t used = 0;

    /* It is decided at one octet and stays so. */
    while (used < size && used < 600 && first == HTTP_REQUEST_MORE)
        first = http_request_parse(span_first(octets, ++used), &request);
    if (first != HTTP_REQUEST_MORE)
        assert(http_request_parse(octets, &request) == first);
    if (http_request_parse(octets, &request) != HTTP_REQUEST_DONE)
        return 0;
    assert(request.method.length > 0 && span_starts(request.path, SPAN("/")));
    assert(span_find(request.path, '?') == SPAN_NONE && !span_has_control(request.host));
    check_within(request.method, octets);
    check_within(request.path, octets);
    check_within(request.query, octets);
    check_within(request.host, octets);
    buffer_init(&value, HTTP_REQUEST_MAX);
    if (http_request_query(request.query, SPAN("a"), &value))
        assert(value.length < request.query.length);
    buffer_clear(&value);
    return 0;
}
