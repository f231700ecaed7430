/*
 * rehearse_share - Redis, for what a rehearsal reads (plans) and what it tells: the
 * answers of this gateway and their sum, as rehearsal_answer.h has them.
 *
 * Nothing waits for Redis; what could not be written while it was away is told anew when
 * it comes back (`up`).  What it tells goes by itself after eight days without a word.
 */
#ifndef POLICYD_REHEARSE_REHEARSE_SHARE_H
#define POLICYD_REHEARSE_REHEARSE_SHARE_H

#include "policyd/redis/redis.h"

struct rehearse_share;

struct rehearse_share_options {
    const struct redis_options *redis;
    const char *prefix;
    const char *gateway;
    void (*up)(void *argument);
    /* HGETALL of `plan:<domain>`. */
    void (*plan)(void *argument, const char *domain, const struct redis_reply *reply);
    void *argument;
};

/* Texts are borrowed. */
struct rehearse_share *rehearse_share_new(
    struct event_base *base, const struct rehearse_share_options *options);
void rehearse_share_free(struct rehearse_share *share);

bool rehearse_share_is_up(const struct rehearse_share *share);
/* Commands that may still be given. */
size_t rehearse_share_room(const struct rehearse_share *share);

void rehearse_share_ask_plan(struct rehearse_share *share, const char *domain);

/* What this gateway said of the domain's people is no more. */
void rehearse_share_clear(struct rehearse_share *share, const char *domain);
void rehearse_share_put(struct rehearse_share *share, const char *domain,
    const char *recipient, const char *value);
void rehearse_share_drop(
    struct rehearse_share *share, const char *domain, const char *recipient);
void rehearse_share_sum(
    struct rehearse_share *share, const char *domain, const char *value);

#endif
