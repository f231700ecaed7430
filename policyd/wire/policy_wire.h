/*
 * policy_wire - Postfix's policy delegation protocol: lines `name=value`, an empty line;
 * `action=…` back.
 *
 * A request is at most POLICY_REQUEST_MAX octets and POLICY_ATTRIBUTES_MAX attributes,
 * each at most once, the names of letters, digits and underscores; `request` is there and
 * says smtpd_access_policy.  Unknown attributes are read over.  CR and NUL are malformed.
 * The spans of a request are borrowed from the input; what did not come is empty.
 */
#ifndef POLICYD_WIRE_POLICY_WIRE_H
#define POLICYD_WIRE_POLICY_WIRE_H

#include "shared/base/buffer.h"
#include "shared/base/error.h"
#include "shared/base/wire.h"

enum { POLICY_REQUEST_MAX = 65536, POLICY_ATTRIBUTES_MAX = 200 };

struct policy_request {
    struct span request;
    struct span protocol_state;
    struct span client_address;
    struct span recipient;
    struct span queue_id;
    struct span instance;
};

/* WIRE_DONE: *used octets of the input were the request.  WIRE_BAD: *error says why. */
enum wire_result policy_wire_parse(
    struct span input, struct policy_request *request, size_t *used, struct error *error);

/* Appends `action=ACTION` and the empty line.  `text` (may be empty) follows a blank;
 * control octets become '?'. */
void policy_wire_write(struct buffer *out, struct span action, struct span text);

#endif
