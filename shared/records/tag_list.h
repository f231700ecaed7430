/*
 * tag_list - the lists of tags that DKIM signatures and keys are written in (RFC 6376
 * section 3.2), strictly.
 *
 * Refused are control octets other than folds, an empty tag between semicolons, a name
 * that is none, and a name that stands twice: also where only case differs, since
 * libopendkim takes such tags for one.  Octets above 0x7f are taken and told of.  Nothing
 * is copied: the spans point into the text.
 */
#ifndef SHARED_RECORDS_TAG_LIST_H
#define SHARED_RECORDS_TAG_LIST_H

#include "shared/base/buffer.h"

enum { TAG_LIST_MAX = 64 };

struct tag {
    struct span name;
    struct span value; /* without white space around it */
};

struct tag_list {
    struct tag tags[TAG_LIST_MAX];
    size_t count;
    bool is_ascii;
};

/* False with what is wrong, in words of ours. */
bool tag_list_parse(struct span text, struct tag_list *list, const char **wrong);

/* NULL where there is no such tag; names are told by case. */
const struct tag *tag_list_find(const struct tag_list *list, const char *name);

/* The value without any white space, folds included. */
bool tag_append_squeezed(struct span value, struct buffer *out);
bool tag_has_white_space(struct span value);

/* The next part of a list with colons, white space around it cut; like span_split. */
bool tag_next_part(struct span *rest, struct span *part);

#endif
