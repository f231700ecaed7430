/*
 * ctl_json - the documents that policyd answers with, read by jansson into values that
 * live in an arena.
 *
 * Depth and size are bounded; a name that stands twice in an object is refused.
 */
#ifndef POLICYD_CTL_CTL_JSON_H
#define POLICYD_CTL_CTL_JSON_H

#include "shared/base/arena.h"
#include "shared/base/error.h"

enum {
    CTL_JSON_DEPTH_MAX = 16,
    CTL_JSON_NODES_MAX = 1 << 20,
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
    struct span name;       /* of a member; ends with a 0 */
    struct span text;       /* of a text, decoded; of a number, as short as can be */
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
/* A whole number from 0 to 2^53; false: it is none. */
bool ctl_json_number(const struct ctl_json *object, const char *name, uint64_t *number);
bool ctl_json_is_true(const struct ctl_json *object, const char *name);
bool ctl_json_is_null(const struct ctl_json *object, const char *name);

#endif
