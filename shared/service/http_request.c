#include "shared/service/http_request.h"

#include "shared/base/number.h"
#include "shared/base/octet.h"

#include <string.h>

enum { METHOD_MAX = 16 };

static bool
is_token(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        char lower = span_lower_octet(text.data[i]);

        if ((lower < 'a' || lower > 'z') && (lower < '0' || lower > '9') &&
            (lower == '\0' || strchr("!#$%&'*+-.^_`|~", lower) == NULL))
            return false;
    }
    return text.length > 0;
}

/* Printable ASCII without blanks. */
static bool
is_visible(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] <= 0x20 || text.data[i] >= 0x7f)
            return false;
    }
    return true;
}

/* "host", "host:port", "[v6]", "[v6]:port". */
static bool
read_host(struct span text, struct http_request *request)
{
    size_t end = text.length > 0 && text.data[0] == '[' ? span_find(text, ']') : 0;
    size_t colon = span_find(span_from(text, end == SPAN_NONE ? 0 : end), ':');
    struct span host = text;
    uint64_t port;

    if (end == SPAN_NONE || !is_visible(text))
        return false;
    if (colon != SPAN_NONE) {
        if (!number_unsigned(span_from(text, end + colon + 1), 65535, &port))
            return false;
        host = span_first(text, end + colon);
    }
    if (end > 0) {
        if (host.length != end + 1)
            return false;
        host = span_first(span_from(host, 1), end - 1);
    }
    request->host = host;
    request->has_host = true;
    return true;
}

static bool
read_target(struct span target, struct http_request *request, bool *absolute)
{
    struct span scheme = SPAN("http://");
    size_t mark;

    *absolute = span_starts_nocase(target, scheme);
    if (*absolute) {
        struct span rest = span_from(target, scheme.length);
        size_t slash = span_find(rest, '/');

        if (slash == SPAN_NONE || slash == 0 ||
            !read_host(span_first(rest, slash), request))
            return false;
        target = span_from(rest, slash);
    }
    if (target.length == 0 || target.data[0] != '/' || !is_visible(target))
        return false;
    mark = span_find(target, '?');
    request->path = span_first(target, mark);
    request->query = mark == SPAN_NONE ? SPAN("") : span_from(target, mark + 1);
    return span_find(target, '#') == SPAN_NONE;
}

static bool
read_request_line(
    struct span line, struct http_request *request, bool *absolute, bool *host_is_needed)
{
    struct span target;

    if (!span_split(&line, ' ', &request->method) || !is_token(request->method) ||
        request->method.length > METHOD_MAX || !span_split(&line, ' ', &target))
        return false;
    *host_is_needed = span_is(line, "HTTP/1.1");
    return (*host_is_needed || span_is(line, "HTTP/1.0")) &&
           read_target(target, request, absolute);
}

/* The fields that matter; `hosts` counts Host, which may come once. */
static bool
read_field(struct span line, struct http_request *request, bool absolute, size_t *hosts)
{
    size_t colon = span_find(line, ':');
    struct span name = span_first(line, colon);
    struct span value;

    if (colon == SPAN_NONE || !is_token(name))
        return false;
    value = span_trim(span_from(line, colon + 1));
    for (size_t i = 0; i < value.length; i++) {
        unsigned char octet = (unsigned char)value.data[i];

        if ((octet < 0x20 && octet != '\t') || octet == 0x7f)
            return false;
    }
    if (span_is_nocase(name, "host")) {
        struct http_request other = {.has_host = false};

        ++*hosts;
        /* The target's host counts before the field (RFC 9112 section 3.2.2). */
        return *hosts == 1 && read_host(value, absolute ? &other : request);
    }
    if (span_is_nocase(name, "content-length"))
        request->has_body = request->has_body || !span_is(value, "0");
    if (span_is_nocase(name, "transfer-encoding"))
        request->has_body = true;
    return true;
}

static bool
has_whole_head(struct span rest)
{
    struct span line;

    while (span_line(&rest, &line)) {
        if (line.length == 0)
            return true;
    }
    return false;
}

enum http_request_result
http_request_parse(struct span octets, struct http_request *request)
{
    struct span rest = span_first(octets, HTTP_REQUEST_MAX);
    struct span line = SPAN("");
    bool absolute = false;
    bool host_is_needed = false;
    size_t hosts = 0;

    *request = (struct http_request){.has_host = false};
    if (!has_whole_head(rest))
        return octets.length >= HTTP_REQUEST_MAX ? HTTP_REQUEST_TOO_LARGE
                                                 : HTTP_REQUEST_MORE;
    if (!span_line(&rest, &line) ||
        !read_request_line(line, request, &absolute, &host_is_needed))
        return HTTP_REQUEST_BAD;
    while (span_line(&rest, &line) && line.length > 0) {
        if (!read_field(line, request, absolute, &hosts))
            return HTTP_REQUEST_BAD;
    }
    return host_is_needed && hosts == 0 ? HTTP_REQUEST_BAD : HTTP_REQUEST_DONE;
}

static bool
decode(struct span text, struct buffer *out)
{
    while (text.length > 0) {
        char octet = text.data[0];

        if (octet == '%') {
            int high = text.length > 2 ? octet_hex_value(text.data[1]) : -1;
            int low = text.length > 2 ? octet_hex_value(text.data[2]) : -1;

            if (high < 0 || low < 0)
                return false;
            octet = (char)(high * 16 + low);
            text = span_from(text, 2);
        }
        if (!buffer_append_octet(out, octet))
            return false;
        text = span_from(text, 1);
    }
    return true;
}

bool
http_request_query(struct span query, struct span name, struct buffer *value)
{
    struct span found = {NULL, 0};
    bool is_there = false;
    struct span part;

    while (span_split(&query, '&', &part)) {
        size_t equals = span_find(part, '=');

        if (equals == SPAN_NONE || !span_equal(span_first(part, equals), name))
            continue;
        if (is_there)
            return false;
        is_there = true;
        found = span_from(part, equals + 1);
    }
    return is_there && decode(found, value);
}
