/*
 * redis - a connection to Redis that keeps itself up (hiredis' reader and writer on
 * libevent).
 *
 * Finds the primary (a fixed address, or by Sentinel), connects, logs in, selects the
 * database and checks ROLE; where one of these fails it tries the next address, then
 * waits 100 ms to 5 s, with jitter, and begins anew, resolving names again.  Names are
 * resolved through libevent's evdns: nothing here blocks. hiredis parses and formats; the
 * sockets are ours, since its own connecting resolves names, and its callback table
 * asserts what a server sends.
 *
 * A command that is not answered within the timeout, or a server that breaks the
 * protocol, ends the connection; all commands in flight then get a NULL reply.  One line
 * is logged for each change of state and never a password.
 *
 * Limits: no password for sentinels.
 */
#ifndef POLICYD_REDIS_REDIS_H
#define POLICYD_REDIS_REDIS_H

#include "policyd/redis/redis_options.h"
#include "policyd/redis/redis_reply.h"

struct event_base;

enum {
    REDIS_IN_FLIGHT_MAX = 16384, /* commands without an answer */
    REDIS_UNSENT_OCTETS_MAX =
        16 * 1024 * 1024, /* of commands that the socket doesn't take */
};

/* Why a connection was not made or was lost. */
enum redis_trouble {
    REDIS_TROUBLE_RESOLVE,    /* a name with no address */
    REDIS_TROUBLE_CONNECT,    /* refused, unreachable, no such socket */
    REDIS_TROUBLE_TIMEOUT,    /* connecting, or a command not answered */
    REDIS_TROUBLE_SENTINEL,   /* no sentinel knows the primary */
    REDIS_TROUBLE_AUTH,       /* wrong or missing password */
    REDIS_TROUBLE_PERMISSION, /* the user may not do this */
    REDIS_TROUBLE_DATABASE,   /* no such database */
    REDIS_TROUBLE_ROLE,       /* not a primary */
    REDIS_TROUBLE_BUSY,       /* reads its dataset, has too many clients */
    REDIS_TROUBLE_LOST,       /* closed or reset by the server */
    REDIS_TROUBLE_PROTOCOL,   /* what came is no answer */
    REDIS_TROUBLE_COUNT
};

const char *redis_trouble_name(
    enum redis_trouble trouble); /* "resolve", "connect", ... */

struct redis;

/* Any of them may be NULL.  redis_free may be called in any of them. */
struct redis_events {
    void (*up)(void *argument);
    void (*down)(void *argument, enum redis_trouble trouble, const char *why);
    void (*push)(void *argument,
        const struct redis_reply *message); /* a message for a subscriber */
    /*
     * Logged in, but there is more to be said before the connection is up: redis_command
     * works already, and ends with redis_greeted or redis_drop.
     */
    void (*greet)(void *argument);
};

/* Connecting begins with the next turn of the loop. */
struct redis *redis_new(struct event_base *base, const struct redis_options *options,
    const struct redis_events *events, void *argument);
void redis_free(struct redis *redis);

void redis_greeted(struct redis *redis);

bool redis_is_up(const struct redis *redis);

/* Ends the connection for a reason of the caller's; it is made anew as after a loss. */
void redis_drop(struct redis *redis, enum redis_trouble trouble, const char *why);

/* `reply` is borrowed for the call; NULL when the connection was lost before the answer.
 */
typedef void redis_callback(void *argument, const struct redis_reply *reply);

/*
 * False when down or when too much is in flight: then the callback is not called.
 * `callback` NULL: the answer is of no interest.  SUBSCRIBE is answered by its
 * confirmation, messages go to `push`.
 */
bool redis_command(struct redis *redis, redis_callback *callback, void *argument,
    size_t count, const struct span *words);

/* redis_ask(redis, callback, argument, SPAN("GET"), key) */
#define REDIS_WORDS(...) ((const struct span[]){__VA_ARGS__})
#define redis_ask(redis, callback, argument, ...)                                        \
    redis_command(redis, callback, argument,                                             \
        sizeof(REDIS_WORDS(__VA_ARGS__)) / sizeof(struct span),                          \
        REDIS_WORDS(__VA_ARGS__))

/* Commands that may still be given before redis_command refuses. */
size_t redis_room(const struct redis *redis);

/* For status and metrics. */
const char *redis_address(
    const struct redis *redis); /* "inet:127.0.0.1:6379"; the last one tried when down */
const char *redis_why(
    const struct redis *redis); /* of being down, one line; "" when up */
uint64_t redis_connects(const struct redis *redis); /* how often it came up */
uint64_t redis_troubles(const struct redis *redis, enum redis_trouble trouble);

#endif
