/*
 * spf_macro - SPF's macro language (RFC 7208 section 7): is a text sound, and what does
 * it become.
 *
 * Pure.  Texts and values may hold any octets; what is not sound is never expanded.
 */
#ifndef SHARED_RECORDS_SPF_MACRO_H
#define SHARED_RECORDS_SPF_MACRO_H

#include "shared/base/buffer.h"

enum spf_macro_kind {
    SPF_MACRO_DOMAIN,      /* domain-spec: ends in a top label or a macro */
    SPF_MACRO_STRING,      /* macro-string: the value of an unknown modifier */
    SPF_MACRO_EXPLANATION, /* explain-string: blanks, and the letters c, r, t */
};

/* By letter: s is made of l and o. */
struct spf_values {
    struct span local;         /* l */
    struct span sender_domain; /* o */
    struct span domain;        /* d, the current one */
    struct span helo;          /* h */
    struct span validated;     /* p */
    struct span receiver;      /* r */
    int64_t now;               /* t, unix time */
    unsigned char address[16]; /* i, c, v: the client's */
    size_t address_length;     /* 4 or 16 */
};

bool spf_macro_is_sound(struct span text, enum spf_macro_kind kind);

/* Whether a sound text has a macro of this (lower-case) letter. */
bool spf_macro_has(struct span text, char letter);

/* A sound explanation, expanded; its ceiling is the buffer's. */
void spf_macro_expand(
    struct span text, const struct spf_values *values, struct buffer *out);

/*
 * A sound domain-spec, expanded to a name of at most 253 octets: a final dot goes, then
 * labels from the left.  The name may still be one that can't be asked for.
 */
enum { SPF_MACRO_NAME_MAX = 253 };
struct span spf_macro_name(
    struct span text, const struct spf_values *values, char out[SPF_MACRO_NAME_MAX]);

#endif
