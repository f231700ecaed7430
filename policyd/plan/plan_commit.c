#include "policyd/plan/plan_commit.h"

/* When it was read and how long that holds, the two hashes as they were read, what is set
 * on each ("" takes it out), the event. */
static const char commit_script[] = EVENT_SCRIPT(
    "local age = tonumber(redis.call('TIME')[1]) - tonumber(take()) "
    "if math.abs(age) > tonumber(take()) then return -1 end "
    "local function is_same(key) "
    "  local count, was = tonumber(take()), {} "
    "  for _ = 1, count do local name = take() was[name] = take() end "
    "  local now = redis.call('HGETALL', key) "
    "  if #now ~= 2 * count then return false end "
    "  for i = 1, #now, 2 do if was[now[i]] ~= now[i + 1] then return false end end "
    "  return true end "
    "local plan = is_same(KEYS[3]) "
    "local domain = is_same(KEYS[4]) "
    "if not plan or not domain then return 0 end ",
    "local function change(key) "
    "  for _ = 1, tonumber(take()) do "
    "    local name, value = take(), take() "
    "    if value == '' then redis.call('HDEL', key, name) "
    "    else redis.call('HSET', key, name, value) end end end "
    "change(KEYS[3]) change(KEYS[4]) add_event() "
    "return 1");

static const char event_script[] = EVENT_SCRIPT("", "add_event() return 1");

/* The pin, when, how long it counts, the event.  Who was pinned stands hashed in the
 * sorted set: it only counts.  The same pin again: an answer was lost. */
static const char pin_script[] =
    EVENT_SCRIPT("local value, now, kept = take(), take(), take() "
                 "local was = redis.call('GET', KEYS[3]) "
                 "if was == value then return 1 end "
                 "if was and was:sub(1, 10) ~= 'old until=' then return 0 end "
                 "redis.call('ZCARD', KEYS[4]) ",
        "redis.call('SET', KEYS[3], value) "
        "redis.call('ZADD', KEYS[4], now, redis.sha1hex(KEYS[3])) "
        "redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', tonumber(now) - tonumber(kept)) "
        "redis.call('EXPIRE', KEYS[4], kept) "
        "add_event() "
        "return 1");

static void
add_key(struct event_write *write, struct arena *arena, const char *prefix,
    const char *kind, const char *name)
{
    event_write_key(write, span_of(arena_printf(arena, "%s%s%s", prefix, kind, name)));
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

struct event_write *
plan_commit_write(const struct plan_commit *commit, struct arena *arena)
{
    const struct plan_write *plan = commit->write;
    const struct event_fields event = {
        .time = commit->now,
        .who = plan->by,
        .host = commit->host,
        .domain = commit->domain,
        .what = plan->what,
        .from = plan->from,
        .to = plan->to,
        .why = plan->why,
        .rev = plan->rev,
    };
    struct event_write *write;

    if (commit->plan_count > DOMAIN_STATE_FIELDS_MAX ||
        commit->state_count > DOMAIN_STATE_FIELDS_MAX)
        return NULL;
    write = event_write_new(arena, commit->prefix, commit_script);
    add_key(write, arena, commit->prefix, "plan:", commit->domain);
    add_key(write, arena, commit->prefix, "domain:", commit->domain);
    event_write_number(write, (uint64_t)commit->read_at);
    event_write_number(write, PLAN_COMMIT_SECONDS);
    add_fields(write, commit->plan, commit->plan_count);
    add_fields(write, commit->state, commit->state_count);
    add_fields(write, plan->plan, plan->plan_count);
    add_fields(write, plan->domain, plan->domain_count);
    event_write_event(write, &event);
    return write;
}

struct event_write *
plan_event_write(
    const char *prefix, const struct event_fields *event, struct arena *arena)
{
    struct event_write *write = event_write_new(arena, prefix, event_script);

    event_write_event(write, event);
    return write;
}

struct event_write *
plan_pin_write(const char *prefix, const struct plan_pin *pin,
    const struct event_fields *event, struct arena *arena)
{
    struct event_write *write = event_write_new(arena, prefix, pin_script);

    add_key(write, arena, prefix, "pin:", pin->unit);
    add_key(write, arena, prefix,
        "guard:", arena_printf(arena, "%s:%s", pin->kind, event->domain));
    event_write_argument(write, span_of(pin->value));
    event_write_number(write, (uint64_t)event->time);
    event_write_number(write, pin->kept_s);
    event_write_event(write, event);
    return write;
}
