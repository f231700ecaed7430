/*
 * compare_match - the mails of a folder on two sides, and how they differ.  Pure.
 *
 * By Message-ID where it stands once on each side; else by the digest of the decoded
 * body.  What is on new alone is no difference: mail goes on coming there.
 */
#ifndef POLICYD_COMPARE_COMPARE_MATCH_H
#define POLICYD_COMPARE_COMPARE_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { COMPARE_DIGEST = 16 };

/* 40 octets of each mail are all that is kept. */
struct compare_mail {
    uint64_t id; /* a hash of its Message-ID, 0: it has none */
    uint8_t digest[COMPARE_DIGEST];
    uint32_t uid;
    uint32_t keywords;
    uint16_t flags;
    bool is_matched; /* set here */
};

enum compare_kind {
    COMPARE_LOST,    /* on old alone */
    COMPARE_DOUBLED, /* once more on new than on old */
    COMPARE_ALTERED, /* another body under the same Message-ID */
    COMPARE_RENAMED, /* the same body under another Message-ID */
    COMPARE_FLAGS,   /* the same mail with other flags */
    COMPARE_KINDS
};

struct compare_difference {
    enum compare_kind kind;
    uint32_t old_uid; /* 0: none */
    uint32_t new_uid;
    uint16_t old_flags;
    uint16_t new_flags;
};

struct compare_result {
    struct compare_difference *differences; /* on the heap, by kind and uid */
    size_t count;
    size_t same; /* mails that are on both sides */
    size_t only_new;
};

/* Both lists are put in another order. */
void compare_match(struct compare_mail *old, size_t old_count, struct compare_mail *new,
    size_t new_count, struct compare_result *result);
void compare_result_clear(struct compare_result *result);

const char *compare_kind_name(enum compare_kind kind); /* "lost", "doubled", ... */

#endif
