/*
 * http_request - the head of an HTTP/1 request: what a read-only server has to know of
 * it.
 *
 * Pure.  Takes no more than the grammar of RFC 9112 has: one blank between the parts of
 * the request line, no folded fields, no blank before a colon, one Host (needed by
 * HTTP/1.1), no control octets.  A target is a path or "http://host/path"; the path is
 * not decoded.
 */
#ifndef SHARED_SERVICE_HTTP_REQUEST_H
#define SHARED_SERVICE_HTTP_REQUEST_H

#include "shared/base/buffer.h"

enum { HTTP_REQUEST_MAX = 8192 };

enum http_request_result {
    HTTP_REQUEST_DONE,
    HTTP_REQUEST_MORE,      /* the head isn't complete */
    HTTP_REQUEST_BAD,       /* 400 */
    HTTP_REQUEST_TOO_LARGE, /* 431: above HTTP_REQUEST_MAX */
};

/* Borrowed from what was parsed. */
struct http_request {
    struct span method;
    struct span path;  /* begins with / */
    struct span query; /* without ? */
    struct span host;  /* without port and brackets, empty when there was none */
    bool has_host;
    bool has_body;
};

enum http_request_result http_request_parse(
    struct span octets, struct http_request *request);

/*
 * The value of `name` in a query, percent-decoded; "+" stays, as it is common in
 * addresses. False when it isn't there, is there twice, or is badly encoded.
 */
bool http_request_query(struct span query, struct span name, struct buffer *value);

#endif
