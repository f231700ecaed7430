/*
 * http_page - a page that is answered: its status, its type, its text, for any number of
 * clients.
 */
#ifndef SHARED_SERVICE_HTTP_PAGE_H
#define SHARED_SERVICE_HTTP_PAGE_H

#include <stdbool.h>

#include "shared/base/span.h"

struct evbuffer;

enum { HTTP_PATH_SIZE = 256, HTTP_QUERY_SIZE = 4096 };

struct http_page {
    char path[HTTP_PATH_SIZE];
    char query[HTTP_QUERY_SIZE];
    int status;
    const char *content_type;
    struct evbuffer *body; /* NULL: no page */
};

extern const char http_plain_text[];

/* An empty one of plain text. */
void http_page_begin(struct http_page *page);
void http_page_end(struct http_page *page);
bool http_page_is_of(const struct http_page *page, struct span path, struct span query);

/* The whole answer; the body is shared, not copied: a client that doesn't read holds no
 * memory of its own. */
void http_page_write(const struct http_page *page, bool is_head, struct evbuffer *out);

/*
 * Whether a Host may be served.  A page of the web can make a browser ask us by a name
 * that was bound to our address: then Host has that name.  Our own names and addresses
 * (`listening` is the one that is listened on) can't be had that way.
 */
bool http_host_is_own(struct span host, const char *listening);

#endif
