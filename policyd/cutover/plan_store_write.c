/* What is written: a part of plan_store. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "policyd/cutover/plan_store_inside.h"
#include "shared/base/allocate.h"

enum { JUDGES_KEPT_S = 8 * 86400, WRITE_ARENA_MAX = 4 << 20 };

struct writing {
    struct plan_store *store;
    struct plan_entry *entry; /* NULL: of no plan */
    const char *about;
    plan_store_done *done;
    void *argument;
};

static enum plan_store_result
result_of(const struct redis_reply *reply)
{
    if (reply == NULL)
        return PLAN_STORE_LOST;
    if (reply->kind == REDIS_NIL || (reply->kind == REDIS_INTEGER && reply->integer == 0))
        return PLAN_STORE_STALE;
    if (reply->kind == REDIS_INTEGER && reply->integer < 0)
        return PLAN_STORE_LATE;
    return reply->kind == REDIS_ERROR ? PLAN_STORE_REFUSED : PLAN_STORE_DONE;
}

static void
was_written(void *argument, const struct redis_reply *reply)
{
    struct writing writing = *(struct writing *)argument;

    free(argument);
    if (writing.entry != NULL)
        writing.entry->is_writing = false;
    plan_store_tell(writing.store, writing.about, reply);
    if (writing.done != NULL)
        writing.done(writing.argument, result_of(reply));
}

static bool
send_words(const struct writing *writing, size_t count, const struct span *words)
{
    struct writing *copy = allocate(sizeof(*copy));

    *copy = *writing;
    if (redis_command(writing->store->redis, was_written, copy, count, words))
        return true;
    free(copy);
    return false;
}

/* The arena, in which `write` is, goes with it. */
static bool
append(const struct writing *writing, struct arena *arena, struct event_write *write)
{
    struct writing *copy = allocate(sizeof(*copy));

    *copy = *writing;
    if (event_append_add(writing->store->append, arena, write, was_written, copy))
        return true;
    free(copy);
    return false;
}

bool
plan_store_commit(struct plan_store *store, struct plan_entry *entry,
    const struct plan_write *write, int64_t now, plan_store_done *done, void *argument)
{
    const struct plan_commit commit = {
        .prefix = store->prefix,
        .domain = entry->domain,
        .host = store->gateway,
        .now = now,
        .read_at = store->redis_time,
        .plan = entry->plan.fields,
        .plan_count = entry->plan.count,
        .state = entry->state.fields,
        .state_count = entry->state.count,
        .write = write,
    };
    const struct writing writing = {store, entry, "to write plans", done, argument};
    struct event_write *made;
    struct arena *arena;

    if (entry->is_writing || store->redis_time == 0)
        return false;
    arena = arena_new(WRITE_ARENA_MAX);
    made = plan_commit_write(&commit, arena);
    if (made == NULL) {
        arena_free(arena);
        return false;
    }
    entry->is_writing = true; /* the answer may be there before we are back */
    if (!append(&writing, arena, made))
        entry->is_writing = false;
    return entry->is_writing;
}

void
plan_store_event(struct plan_store *store, const struct event_fields *event)
{
    const struct writing writing = {.store = store, .about = "to write events"};
    struct arena *arena = arena_new(WRITE_ARENA_MAX);

    (void)append(&writing, arena, plan_event_write(store->prefix, event, arena));
}

bool
plan_store_pin(struct plan_store *store, const struct plan_pin *pin,
    const struct event_fields *event, plan_store_done *done, void *argument)
{
    const struct writing writing = {store, NULL, "to write pins", done, argument};
    struct arena *arena = arena_new(WRITE_ARENA_MAX);

    return append(&writing, arena, plan_pin_write(store->prefix, pin, event, arena));
}

bool
plan_store_append(struct plan_store *store, struct arena *arena,
    struct event_write *write, redis_callback *done, void *argument)
{
    return event_append_add(store->append, arena, write, done, argument);
}

bool
plan_store_claim(struct plan_store *store, const char *key, unsigned seconds,
    plan_store_done *done, void *argument)
{
    const struct writing writing = {store, NULL, "to write claims", done, argument};
    char name[1500];
    char expiry[16];

    (void)snprintf(name, sizeof(name), "%s%s", store->prefix, key);
    (void)snprintf(expiry, sizeof(expiry), "%u", seconds);
    return send_words(&writing, 6,
        REDIS_WORDS(SPAN("SET"), span_of(name), span_of(store->gateway), SPAN("NX"),
            SPAN("EX"), span_of(expiry)));
}

/* Nobody waits for the answer. */
static void
set_claim(struct plan_store *store, const char *key, const char *value, unsigned seconds)
{
    const struct writing writing = {.store = store, .about = "to write claims"};
    char name[1500];
    char expiry[16];

    (void)snprintf(name, sizeof(name), "%s%s", store->prefix, key);
    (void)snprintf(expiry, sizeof(expiry), "%u", seconds);
    (void)send_words(&writing, 5,
        REDIS_WORDS(
            SPAN("SET"), span_of(name), span_of(value), SPAN("EX"), span_of(expiry)));
}

void
plan_store_claim_renew(struct plan_store *store, const char *key, unsigned seconds)
{
    set_claim(store, key, store->gateway, seconds);
}

void
plan_store_claim_done(struct plan_store *store, const char *key, unsigned seconds)
{
    set_claim(store, key, "done", seconds);
}

void
plan_store_judges(struct plan_store *store, const char *domain, const char *value)
{
    const struct writing writing = {.store = store, .about = "to write what is judged"};
    char key[1000];
    char expiry[16];

    (void)snprintf(key, sizeof(key), "%sjudge:%s", store->prefix, domain);
    (void)snprintf(expiry, sizeof(expiry), "%d", JUDGES_KEPT_S);
    if (send_words(&writing, 4,
            REDIS_WORDS(
                SPAN("HSET"), span_of(key), span_of(store->gateway), span_of(value))))
        (void)send_words(
            &writing, 3, REDIS_WORDS(SPAN("EXPIRE"), span_of(key), span_of(expiry)));
}
