/*
 * socketmap_wire - Postfix's socketmap protocol: a netstring `name key`, a netstring
 * `STATUS text` back.
 *
 * A request is at most SOCKETMAP_REQUEST_MAX octets, which is also Postfix's own limit.
 * The length has no leading zeros, the name and the key are parted by the first blank; a
 * request without one is malformed, an empty key is not.  The spans of a request are
 * borrowed from the input.
 */
#ifndef POLICYD_WIRE_SOCKETMAP_WIRE_H
#define POLICYD_WIRE_SOCKETMAP_WIRE_H

#include "shared/base/buffer.h"
#include "shared/base/error.h"
#include "shared/base/wire.h"

enum { SOCKETMAP_REQUEST_MAX = 100000 };

struct socketmap_request {
    struct span name;
    struct span key;
};

/* WIRE_DONE: *used octets of the input were the request.  WIRE_BAD: *error says why. */
enum wire_result socketmap_wire_parse(struct span input,
    struct socketmap_request *request, size_t *used, struct error *error);

/*
 * Appends the netstring `status` blank `first``second`: "OK" "retry:4.2.1 " "text".
 * Postfix wants the blank also behind NOTFOUND.
 */
void socketmap_wire_write(
    struct buffer *out, struct span status, struct span first, struct span second);

#endif
