#include "policyd/ctl/ctl_write.h"

#include <time.h>
#include <unistd.h>

#include "policyd/events/event_write.h"
#include "shared/base/number.h"

enum { BUNCH = 400 /* keys of one script */, PAUSE_US_MAX = 2000, WRITE_MAX = 64 << 20 };

/* The hash as it was read, the plan's as it was read, what to set, what to drop, what to
 * set or drop ('') of the plan's, how many events.  Without the plan's key it is left
 * alone. */
static const char domain_script[] =
    EVENT_SCRIPT("local function is_same(key) "
                 "  local was, count = {}, tonumber(take()) "
                 "  for _ = 1, count do local name = take() was[name] = take() end "
                 "  if not key then return true end "
                 "  local now = redis.call('HGETALL', key) "
                 "  if #now ~= 2 * count then return false end "
                 "  for i = 1, #now, 2 do "
                 "    if was[now[i]] ~= now[i + 1] then return false end end "
                 "  return true end "
                 "local same, plan_same = is_same(KEYS[3]), is_same(KEYS[4]) "
                 "if not same or not plan_same then return 0 end ",
        "for _ = 1, tonumber(take()) do "
        "  local name = take() redis.call('HSET', KEYS[3], name, take()) end "
        "for _ = 1, tonumber(take()) do redis.call('HDEL', KEYS[3], take()) end "
        "for _ = 1, tonumber(take()) do "
        "  local name, value = take(), take() "
        "  if value == '' then redis.call('HDEL', KEYS[4], name) "
        "  else redis.call('HSET', KEYS[4], name, value) end end "
        "for _ = 1, tonumber(take()) do add_event() end "
        "return 1");

/* The field, its value, an event. */
static const char field_script[] =
    EVENT_SCRIPT("local name, value = take(), take() "
                 "before = redis.call('HGET', KEYS[3], name) ",
        "redis.call('HSET', KEYS[3], name, value) add_event() "
        "return 1");

/* How long they stay, how many events (of a string that is there, or is to be), the
 * values ('' removes). */
static const char values_script[] = EVENT_SCRIPT(
    "local seconds, events = take(), tonumber(take()) "
    "before = redis.call('GET', KEYS[3]) "
    "if #KEYS == 3 and ARGV[at + 1] == '' and not before then return before end ",
    "for i = 3, #KEYS do "
    "  local value = take() "
    "  if value == '' then redis.call('DEL', KEYS[i]) "
    "  elseif seconds ~= '0' then redis.call('SET', KEYS[i], value, 'EX', seconds) "
    "  else redis.call('SET', KEYS[i], value) end "
    "end "
    "if events > 0 then add_event() end "
    "return before");

/* An event alone. */
static const char event_script[] = EVENT_SCRIPT("", "add_event() return 1");

/* SADD or SREM, the member, an event. */
static const char member_script[] =
    EVENT_SCRIPT("local command, member = take(), take() "
                 "local is_there = redis.call('SISMEMBER', KEYS[3], member) "
                 "if (command == 'SADD') == (is_there == 1) then return 0 end ",
        "redis.call(command, KEYS[3], member) add_event() "
        "return 1");

/* The address, its new name, how many lists, the event; keys: pin, its new place, unit,
 * its new place, ledger, lists, units that are named after it. */
static const char erase_script[] =
    EVENT_SCRIPT("local address, name, lists = take(), take(), tonumber(take()) ",
        "local function move(from, to) "
        "  if redis.call('EXISTS', from) == 0 then return 0 end "
        "  redis.call('RENAME', from, to) return 1 end "
        "local done = {move(KEYS[3], KEYS[4]), move(KEYS[5], KEYS[6]), 0, 0} "
        "local value = redis.call('HGET', KEYS[7], address) "
        "if value then redis.call('HDEL', KEYS[7], address) "
        "  redis.call('HSET', KEYS[7], name, value) done[3] = 1 end "
        "for i = 8, #KEYS do "
        "  if i < 8 + lists then "
        "    if redis.call('SREM', KEYS[i], address) == 1 then "
        "      redis.call('SADD', KEYS[i], name) done[4] = done[4] + 1 end "
        "  elseif redis.call('EXISTS', KEYS[i]) == 1 then "
        "    redis.call('SET', KEYS[i], name) done[2] = done[2] + 1 end "
        "end "
        "add_event() "
        "return done");

/* In an arena of its own, which goes with send: many may follow each other. */
static struct event_write *
new_write(const struct ctl *ctl, const char *script)
{
    return event_write_new(
        arena_new(WRITE_MAX), ctl->config->serve->redis.prefix, script);
}

static void
add_event(struct event_write *write, const struct ctl *ctl, const struct ctl_event *event)
{
    const struct event_fields fields = {
        .time = (int64_t)time(NULL),
        .who = ctl->who,
        .host = ctl->host,
        .domain = event->domain,
        .what = event->what,
        .key = event->key,
        .from = event->from != NULL ? event->from : EVENT_BEFORE,
        .to = event->to,
        .why = event->why,
        .rev = event->rev,
    };

    event_write_event(write, &fields);
}

static void
add_fields(struct event_write *write, const struct domain_field *fields, size_t count)
{
    event_write_number(write, count);
    for (size_t i = 0; i < count; i++) {
        event_write_argument(write, fields[i].name);
        event_write_argument(write, fields[i].value);
    }
}

/* For a moment of no known length, so that not the same two meet again and again. */
static void
give_way(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    (void)usleep((useconds_t)(now.tv_nsec / 64 % PAUSE_US_MAX));
}

/* Until the head of the events stays where it is for one round trip. */
static bool
try_to_send(struct ctl *ctl, struct event_write *write, const struct redis_reply **reply,
    struct error *error)
{
    if (!ctl_store_open(ctl, error))
        return false;
    for (unsigned tries = 0; tries < EVENT_WRITE_TRIES; tries++) {
        const struct span *words;
        struct span texts[4];
        size_t count = event_write_words(write, &words);

        if (!redis_call(ctl->redis, count, words, reply, error))
            return false;
        if (!event_write_moved(write, texts, redis_reply_texts(*reply, texts, 4)))
            return true;
        if (tries > 1)
            give_way();
    }
    return error_temporary(error,
        "too many write events at once: %d times another one was first",
        EVENT_WRITE_TRIES);
}

static bool
send(struct ctl *ctl, struct event_write *write, const struct redis_reply **reply,
    struct error *error)
{
    bool done = try_to_send(ctl, write, reply, error);

    arena_free(event_write_arena(write));
    return done;
}

static bool
was_done(const struct redis_reply *reply)
{
    return reply->kind == REDIS_INTEGER && reply->integer == 1;
}

bool
ctl_write_domain(struct ctl *ctl, const struct ctl_domain *domain,
    const struct ctl_change *change, bool *written, struct error *error)
{
    const struct ctl_hash *plan = change->plan;
    size_t plan_count = plan == NULL ? 0 : plan->count;
    struct event_write *write;
    const struct redis_reply *reply;

    if (change->event_count > EVENT_WRITE_EVENTS_MAX ||
        2 * (domain->count + plan_count + change->set_count + change->plan_set_count) +
                change->drop_count + EVENT_WRITE_EACH * (change->event_count + 1) >
            EVENT_WRITE_WORDS_MAX - 20)
        return error_permanent(error, "the hash has too many fields to be changed");
    write = new_write(ctl, domain_script);
    event_write_key(write, ctl_store_key(ctl, ctl->arena, "domain:", domain->name));
    if (plan != NULL)
        event_write_key(write, plan->key);
    add_fields(write, domain->fields, domain->count);
    add_fields(write, plan == NULL ? NULL : plan->fields, plan_count);
    add_fields(write, change->set, change->set_count);
    event_write_number(write, change->drop_count);
    for (size_t i = 0; i < change->drop_count; i++)
        event_write_argument(write, change->drop[i]);
    add_fields(write, change->plan_set, change->plan_set_count);
    event_write_number(write, change->event_count);
    for (size_t i = 0; i < change->event_count; i++)
        add_event(write, ctl, &change->events[i]);
    if (!send(ctl, write, &reply, error))
        return false;
    *written = was_done(reply);
    return true;
}

uint64_t
ctl_write_next_rev(const struct ctl_domain *domain)
{
    uint64_t now = (uint64_t)time(NULL);
    uint64_t rev = 0;

    for (size_t i = 0; i < domain->count; i++) {
        if (span_is(domain->fields[i].name, "rev"))
            (void)number_unsigned(domain->fields[i].value, DOMAIN_REV_MAX, &rev);
    }
    /* Somebody typed the highest one.  The same again is no lower, so it is taken. */
    if (rev == DOMAIN_REV_MAX)
        return rev;
    return rev >= now ? rev + 1 : now;
}

bool
ctl_write_value(struct ctl *ctl, struct span key, struct span value,
    const struct ctl_event *event, struct span *before, struct error *error)
{
    struct event_write *write = new_write(ctl, values_script);
    const struct redis_reply *reply;

    event_write_key(write, key);
    event_write_number(write, 0);
    event_write_number(write, 1);
    event_write_argument(write, value);
    add_event(write, ctl, event);
    *before = (struct span){NULL, 0};
    if (!send(ctl, write, &reply, error))
        return false;
    if (redis_reply_is_string(reply))
        *before = span_of(arena_text(ctl->arena, reply->text));
    return true;
}

bool
ctl_write_for_a_time(struct ctl *ctl, struct span key, struct span value,
    unsigned seconds, const struct ctl_event *event, struct error *error)
{
    const struct ctl_values values = {&key, &value, 1, seconds};

    return ctl_write_values(ctl, &values, event, error);
}

bool
ctl_write_field(struct ctl *ctl, struct span key, const struct domain_field *field,
    const struct ctl_event *event, struct error *error)
{
    struct event_write *write = new_write(ctl, field_script);
    const struct redis_reply *reply;

    event_write_key(write, key);
    event_write_argument(write, field->name);
    event_write_argument(write, field->value);
    add_event(write, ctl, event);
    return send(ctl, write, &reply, error);
}

bool
ctl_write_event(struct ctl *ctl, const struct ctl_event *event, struct error *error)
{
    struct event_write *write = new_write(ctl, event_script);
    const struct redis_reply *reply;

    add_event(write, ctl, event);
    return send(ctl, write, &reply, error);
}

bool
ctl_write_member(struct ctl *ctl, struct span key, struct span member, bool removes,
    const struct ctl_event *event, bool *changed, struct error *error)
{
    struct event_write *write = new_write(ctl, member_script);
    const struct redis_reply *reply;

    event_write_key(write, key);
    event_write_argument(write, removes ? SPAN("SREM") : SPAN("SADD"));
    event_write_argument(write, member);
    add_event(write, ctl, event);
    if (!send(ctl, write, &reply, error))
        return false;
    *changed = was_done(reply);
    return true;
}

static bool
write_bunch(struct ctl *ctl, const struct ctl_values *values, size_t first, size_t count,
    const struct ctl_event *event, struct error *error)
{
    struct event_write *write = new_write(ctl, values_script);
    const struct redis_reply *reply;

    for (size_t i = first; i < first + count; i++)
        event_write_key(write, values->keys[i]);
    event_write_number(write, values->seconds);
    event_write_number(write, event != NULL);
    for (size_t i = first; i < first + count; i++)
        event_write_argument(write, values->values[i]);
    if (event != NULL)
        add_event(write, ctl, event);
    return send(ctl, write, &reply, error);
}

bool
ctl_write_erase(struct ctl *ctl, const struct ctl_erasure *erasure,
    const struct ctl_event *event, struct ctl_erased *erased, struct error *error)
{
    struct arena *arena = ctl->arena;
    struct event_write *write = new_write(ctl, erase_script);
    const struct redis_reply *reply;

    event_write_key(write, ctl_store_key(ctl, arena, "pin:", erasure->address));
    event_write_key(write, ctl_store_key(ctl, arena, "pin:", erasure->name));
    event_write_key(write, ctl_store_key(ctl, arena, "unit:", erasure->address));
    event_write_key(write, ctl_store_key(ctl, arena, "unit:", erasure->name));
    event_write_key(write, ctl_store_key(ctl, arena, "ledger:", erasure->domain));
    for (size_t i = 0; i < erasure->list_count; i++)
        event_write_key(write, erasure->lists[i]);
    for (size_t i = 0; i < erasure->unit_count; i++)
        event_write_key(write, erasure->units[i]);
    event_write_argument(write, erasure->address);
    event_write_argument(write, erasure->name);
    event_write_number(write, erasure->list_count);
    add_event(write, ctl, event);
    if (!send(ctl, write, &reply, error))
        return false;
    if (!redis_reply_is_array(reply, 4))
        return error_temporary(error, "the script was answered by something else");
    *erased = (struct ctl_erased){(uint64_t)reply->elements[0].integer,
        (uint64_t)reply->elements[1].integer, (uint64_t)reply->elements[2].integer,
        (uint64_t)reply->elements[3].integer};
    return true;
}

bool
ctl_write_values(struct ctl *ctl, const struct ctl_values *values,
    const struct ctl_event *event, struct error *error)
{
    for (size_t first = 0; first < values->count; first += BUNCH) {
        size_t left = values->count - first;
        size_t some = left < BUNCH ? left : BUNCH;

        if (!write_bunch(ctl, values, first, some, some == left ? event : NULL, error))
            return false;
    }
    return true;
}
