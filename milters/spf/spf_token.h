/*
 * spf_token - a record as libspf2 may see it: "v=spf1 +a:3.t/24 -include:4.t ~all".
 *
 * Pure.  A token is a place in a check's table, where what was really written stands: its
 * record, kind and domain-spec.  Whatever strangers wrote, the text matches
 *
 *   ^v=spf1(
 * [+?~-](all|(a|mx|exists|include):[0-9]+\.t(//?[0-9]+)?|ip[46]:[0-9a-f.:]+/[0-9]+) |
 * redirect=[0-9]+\.t)*$
 *
 * and is short: terms that can have no say are left out.
 */
#ifndef MILTERS_SPF_SPF_TOKEN_H
#define MILTERS_SPF_SPF_TOKEN_H

#include "shared/base/buffer.h"
#include "shared/records/spf_record.h"

enum {
    SPF_TOKEN_ASKING_MAX = 11,  /* in a record: one more than may be asked */
    SPF_TOKEN_RECORDS_MAX = 11, /* of a check: its own, and 10 by include or redirect */
    SPF_TOKEN_HOSTS_MAX = 100,  /* of 10 mx terms */
    SPF_TOKENS_MAX =
        SPF_TOKEN_RECORDS_MAX * (SPF_TOKEN_ASKING_MAX + 1) + SPF_TOKEN_HOSTS_MAX,
    SPF_TOKEN_TEXT_MAX = 512, /* octets of a record's text */
};

/* A record of the check, and the domain that it is of. */
struct spf_scope {
    struct span domain;
    struct spf_record record;
};

enum spf_token_kind {
    SPF_TOKEN_INCLUDE,
    SPF_TOKEN_REDIRECT,
    SPF_TOKEN_ADDRESS, /* a */
    SPF_TOKEN_MX,
    SPF_TOKEN_EXISTS,
    SPF_TOKEN_PTR,  /* goes over as exists */
    SPF_TOKEN_HOST, /* of an mx */
};

struct spf_token {
    enum spf_token_kind kind;
    const struct spf_scope *scope;
    struct span spec;
    bool any_address;              /* a prefix length of 0: any address matches */
    struct dns_question *question; /* of a host: asked already */
};

struct spf_address {
    unsigned char octets[16]; /* IPv4: the first 4 */
    size_t length;            /* 4 or 16 */
};

struct spf_tokens {
    struct spf_address client;
    struct spf_token items[SPF_TOKENS_MAX];
    unsigned count;
};

struct spf_token *spf_token_new(
    struct spf_tokens *tokens, enum spf_token_kind kind, const struct spf_scope *scope);

/* Its name, "3.t". */
void spf_token_write(
    const struct spf_tokens *tokens, const struct spf_token *token, struct buffer *out);

/* NULL for what is no token's name. */
struct spf_token *spf_token_find(struct spf_tokens *tokens, struct span name);

/* The record's text, and a token for each term in it that asks. */
void spf_token_record(
    struct spf_tokens *tokens, const struct spf_scope *scope, struct buffer *out);

#endif
