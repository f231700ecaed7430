#include "policyd/checks/check_url.h"

#include <arpa/inet.h>
#include <stdbool.h>

/* "host" of "scheme://host:port/path".  "": none. */
static struct span
host_of(struct span url)
{
    size_t scheme = span_find(url, ':');
    size_t end = 0;

    if (scheme == SPAN_NONE || !span_starts(span_from(url, scheme), SPAN("://")))
        return SPAN("");
    url = span_from(url, scheme + 3);
    while (end < url.length && url.data[end] != '/')
        end++;
    url = span_first(url, end);
    if (span_find(url, '@') != SPAN_NONE)
        return SPAN("");
    if (span_starts(url, SPAN("[::1]:")))
        return SPAN("[::1]");
    end = span_find(url, ':');
    return end == SPAN_NONE || span_is(url, "[::1]") ? url : span_first(url, end);
}

bool
check_url_is_loopback(struct span url)
{
    struct span host = host_of(url);
    char text[INET_ADDRSTRLEN];
    unsigned char address[4];

    return span_is_nocase(host, "localhost") || span_is(host, "[::1]") ||
           (span_copy(host, text, sizeof(text)) &&
               inet_pton(AF_INET, text, address) == 1 && address[0] == 127);
}
