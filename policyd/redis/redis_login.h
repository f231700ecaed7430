/*
 * redis_login - the words a new connection says before it may be used: AUTH, SELECT,
 * ROLE.
 *
 * What an answer means is shared by both kinds of connection: redis and redis_sync.
 */
#ifndef POLICYD_REDIS_REDIS_LOGIN_H
#define POLICYD_REDIS_REDIS_LOGIN_H

#include "policyd/redis/redis.h"

struct redis_link;

enum { REDIS_LOGIN_STEPS = 3, REDIS_LOGIN_WORDS_MAX = 3 };

/* The words of a step; 0: this step is not needed.  `number` is for SELECT's and lives as
 * long as `words`. */
size_t redis_login_words(const struct redis_options *options, unsigned step,
    struct span words[REDIS_LOGIN_WORDS_MAX], char number[16]);

/* Whether the answer to a step lets us go on; else `trouble` and `error` say why not. */
bool redis_login_check(unsigned step, const struct redis_reply *reply,
    enum redis_trouble *trouble, struct error *error);

typedef void redis_logged_in(
    void *argument, bool successful, enum redis_trouble trouble, const char *why);

/* All steps on a connected link.  When the link is lost meanwhile, the callback is not
 * called. */
struct redis_login {
    struct redis_link *link;
    const struct redis_options *options;
    unsigned step;
    redis_logged_in *callback;
    void *argument;
};
void redis_login_start(struct redis_login *login, struct redis_link *link,
    const struct redis_options *options, redis_logged_in *callback, void *argument);

#endif
