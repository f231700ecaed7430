#include "shared/service/http_page.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/allocate.h"
#include "shared/base/attributes.h"
#include "shared/base/network.h"

const char http_plain_text[] = "text/plain; charset=utf-8";

static const char *
reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"                             },
        {400, "Bad Request"                    },
        {404, "Not Found"                      },
        {405, "Method Not Allowed"             },
        {413, "Content Too Large"              },
        {421, "Misdirected Request"            },
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"          },
        {503, "Service Unavailable"            },
    };

    for (size_t i = 0; i < ARRAY_LENGTH(reasons); i++) {
        if (reasons[i].status == status)
            return reasons[i].reason;
    }
    return "See Status";
}

void
http_page_begin(struct http_page *page)
{
    *page = (struct http_page){
        .content_type = http_plain_text, .body = allocated(evbuffer_new())};
}

void
http_page_end(struct http_page *page)
{
    if (page->body != NULL)
        evbuffer_free(page->body);
    page->body = NULL;
}

bool
http_page_is_of(const struct http_page *page, struct span path, struct span query)
{
    return page->body != NULL && span_is(path, page->path) && span_is(query, page->query);
}

void
http_page_write(const struct http_page *page, bool is_head, struct evbuffer *out)
{
    (void)evbuffer_add_printf(out,
        "HTTP/1.1 %d %s\r\n"
        "Content-Type: %s\r\n"
        "Content-Length: %zu\r\n"
        "Connection: close\r\n"
        "Cache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        "Referrer-Policy: no-referrer\r\n"
        "Content-Security-Policy: default-src 'none'; script-src 'self'; "
        "style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
        "%s\r\n",
        page->status, reason_of(page->status), page->content_type,
        evbuffer_get_length(page->body),
        page->status == 405 ? "Allow: GET, HEAD\r\n" : "");
    if (!is_head && evbuffer_get_length(page->body) > 0)
        (void)evbuffer_add_buffer_reference(out, page->body);
}

static bool
is_address_in(struct span host, const char *const *networks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct network network;

        if (network_parse(span_of(networks[i]), &network) && network_has(&network, host))
            return true;
    }
    return false;
}

static const char *
own_name(void)
{
    static char name[256];

    if (name[0] == '\0' && gethostname(name, sizeof(name) - 1) != 0)
        name[0] = '\0';
    return name;
}

bool
http_host_is_own(struct span host, const char *listening)
{
    static const char *const names[] = {
        "localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"};
    static const char *const loopback[] = {"127.0.0.0/8", "::1"};
    static const char *const all[] = {"0.0.0.0/0", "::/0"};
    bool on_any = strcmp(listening, "*") == 0 || strcmp(listening, "0.0.0.0") == 0 ||
                  strcmp(listening, "::") == 0;

    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (span_is_nocase(host, names[i]))
            return true;
    }
    return is_address_in(host, loopback, ARRAY_LENGTH(loopback)) ||
           (on_any && is_address_in(host, all, ARRAY_LENGTH(all))) ||
           span_is_nocase(host, listening) || span_is_nocase(host, own_name());
}
