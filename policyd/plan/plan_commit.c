#include "policyd/plan/plan_commit.h"

#include <inttypes.h>

/* KEYS: events.  Pairs of the event stand last in ARGV. */
#define ADD_EVENT                                                                        \
    "local function add_event() "                                                        \
    "  redis.call('XADD', KEYS[1], 'MAXLEN', '~', '10000', '*', "                        \
    "    unpack(ARGV, at + 1)) end "

#define TAKE "local at = 0 local function take() at = at + 1 return ARGV[at] end "

/* When it was read and how long that holds, the two hashes as they were read, what is set
 * on each ("" takes it out), the event.
 * Of the stream it is asked first whether it is one: nothing is half done. */
static const char commit_script[] =
    TAKE "local age = tonumber(redis.call('TIME')[1]) - tonumber(take()) "
         "if math.abs(age) > tonumber(take()) then return -1 end "
         "local function is_same(key) "
         "  local count, was = tonumber(take()), {} "
         "  for _ = 1, count do local name = take() was[name] = take() end "
         "  local now = redis.call('HGETALL', key) "
         "  if #now ~= 2 * count then return false end "
         "  for i = 1, #now, 2 do if was[now[i]] ~= now[i + 1] then return false end end "
         "  return true end "
         "local function change(key) "
         "  for _ = 1, tonumber(take()) do "
         "    local name, value = take(), take() "
         "    if value == '' then redis.call('HDEL', key, name) "
         "    else redis.call('HSET', key, name, value) end end end " ADD_EVENT
         "local plan = is_same(KEYS[2]) "
         "local domain = is_same(KEYS[3]) "
         "if not plan or not domain then return 0 end "
         "redis.call('XLEN', KEYS[1]) "
         "change(KEYS[2]) change(KEYS[3]) add_event() "
         "return 1";

/* The pin, when, how long it counts, the event.  Who was pinned stands hashed in the
 * sorted set: it only counts.  The same pin again: an answer was lost. */
static const char pin_script[] = TAKE ADD_EVENT
    "local value, now, kept = take(), take(), take() "
    "local was = redis.call('GET', KEYS[2]) "
    "if was == value then return 1 end "
    "if was and was:sub(1, 10) ~= 'old until=' then return 0 end "
    "redis.call('XLEN', KEYS[1]) redis.call('ZCARD', KEYS[3]) "
    "redis.call('SET', KEYS[2], value) "
    "redis.call('ZADD', KEYS[3], now, redis.sha1hex(KEYS[2])) "
    "redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', tonumber(now) - tonumber(kept)) "
    "redis.call('EXPIRE', KEYS[3], kept) "
    "add_event() "
    "return 1";

struct words {
    struct span *at;
    size_t count;
    struct arena *arena;
};

static void
add(struct words *words, struct span word)
{
    words->at[words->count++] = word;
}

static void
add_number(struct words *words, uint64_t number)
{
    add(words, span_of(arena_printf(words->arena, "%" PRIu64, number)));
}

static void
add_key(struct words *words, const char *prefix, const char *kind, const char *name)
{
    add(words, span_of(arena_printf(words->arena, "%s%s%s", prefix, kind, name)));
}

static void
add_pair(struct words *words, const char *name, const char *value)
{
    add(words, span_of(name));
    add(words, span_of(value));
}

static void
add_event(struct words *words, const struct plan_event *event)
{
    add(words, SPAN("time"));
    add_number(words, (uint64_t)event->time);
    add_pair(words, "who", event->who);
    add_pair(words, "host", event->host);
    add_pair(words, "domain", event->domain);
    add_pair(words, "what", event->what);
    if (event->key != NULL && event->key[0] != '\0')
        add_pair(words, "key", event->key);
    add_pair(words, "from", event->from);
    add_pair(words, "to", event->to);
    add_pair(words, "why", event->why);
    add(words, SPAN("rev"));
    if (event->rev > 0)
        add_number(words, event->rev);
    else
        add(words, SPAN(""));
}

static void
add_fields(struct words *words, const struct domain_field *fields, size_t count)
{
    add_number(words, count);
    for (size_t i = 0; i < count; i++) {
        add(words, fields[i].name);
        add(words, fields[i].value);
    }
}

size_t
plan_commit_words(const struct plan_commit *commit, struct arena *arena,
    struct span words[PLAN_COMMIT_WORDS_MAX])
{
    const struct plan_write *write = commit->write;
    const struct plan_event event = {
        .time = commit->now,
        .who = write->by,
        .host = commit->host,
        .domain = commit->domain,
        .what = write->what,
        .from = write->from,
        .to = write->to,
        .why = write->why,
        .rev = write->rev,
    };
    struct words all = {words, 0, arena};

    if (commit->plan_count > DOMAIN_STATE_FIELDS_MAX ||
        commit->state_count > DOMAIN_STATE_FIELDS_MAX)
        return 0;
    add(&all, SPAN("EVAL"));
    add(&all, span_of(commit_script));
    add(&all, SPAN("3"));
    add_key(&all, commit->prefix, "events", "");
    add_key(&all, commit->prefix, "plan:", commit->domain);
    add_key(&all, commit->prefix, "domain:", commit->domain);
    add_number(&all, (uint64_t)commit->read_at);
    add_number(&all, PLAN_COMMIT_SECONDS);
    add_fields(&all, commit->plan, commit->plan_count);
    add_fields(&all, commit->state, commit->state_count);
    add_fields(&all, write->plan, write->plan_count);
    add_fields(&all, write->domain, write->domain_count);
    add_event(&all, &event);
    return all.count;
}

size_t
plan_event_words(const char *prefix, const struct plan_event *event, struct arena *arena,
    struct span words[PLAN_EVENT_WORDS_MAX])
{
    struct words all = {words, 0, arena};

    add(&all, SPAN("XADD"));
    add_key(&all, prefix, "events", "");
    add(&all, SPAN("MAXLEN"));
    add(&all, SPAN("~"));
    add(&all, SPAN("10000"));
    add(&all, SPAN("*"));
    add_event(&all, event);
    return all.count;
}

size_t
plan_pin_words(const char *prefix, const struct plan_pin *pin,
    const struct plan_event *event, struct arena *arena,
    struct span words[PLAN_COMMIT_WORDS_MAX])
{
    struct words all = {words, 0, arena};

    add(&all, SPAN("EVAL"));
    add(&all, span_of(pin_script));
    add(&all, SPAN("3"));
    add_key(&all, prefix, "events", "");
    add_key(&all, prefix, "pin:", pin->unit);
    add_key(
        &all, prefix, "guard:", arena_printf(arena, "%s:%s", pin->kind, event->domain));
    add(&all, span_of(pin->value));
    add_number(&all, (uint64_t)event->time);
    add_number(&all, pin->kept_s);
    add_event(&all, event);
    return all.count;
}
