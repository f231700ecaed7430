/*
 * ctl_json - reads the documents that policyd answers with (RFC 8259, strictly).
 *
 * Depth and size are bounded; a name that stands twice in an object, an unpaired
 * surrogate and text that is no UTF-8 are refused.  Pure.
 */
#ifndef POLICYD_CTL_CTL_JSON_H
#define POLICYD_CTL_CTL_JSON_H

#include "shared/base/arena.h"
#include "shared/base/error.h"

enum {
    CTL_JSON_DEPTH_MAX = 16,
    CTL_JSON_NODES_MAX = 1 << 20,
    CTL_JSON_MEMBERS_MAX = 1000, /* of one object */
};

enum ctl_json_kind {
    CTL_JSON_NULL,
    CTL_JSON_FALSE,
    CTL_JSON_TRUE,
    CTL_JSON_NUMBER,
    CTL_JSON_TEXT,
    CTL_JSON_ARRAY,
    CTL_JSON_OBJECT,
};

struct ctl_json {
    enum ctl_json_kind kind;
    struct span name;       /* of a member */
    struct span text;       /* of a text, decoded; of a number, as it is written */
    struct ctl_json *first; /* of an array or object */
    struct ctl_json *next;  /* the following one of the same array or object */
};

/* NULL: it is no document, the error says where. */
const struct ctl_json *ctl_json_parse(
    struct arena *arena, struct span text, struct error *error);

/* Never NULL: what isn't there is a null. */
const struct ctl_json *ctl_json_get(const struct ctl_json *object, const char *name);

/* The text or number of a member; empty for all else. */
struct span ctl_json_text(const struct ctl_json *object, const char *name);
bool ctl_json_is_true(const struct ctl_json *object, const char *name);
bool ctl_json_is_null(const struct ctl_json *object, const char *name);

#endif
