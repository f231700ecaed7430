#include "policyd/ctl/ctl_write.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "shared/base/number.h"

enum {
    EVENT_VALUES = 10,
    BUNCH = 400, /* keys of one script */
    WORDS_MAX = 1024,
};

/* The scripts add events: ten values for each, in the order of their names; `key` is left
 * out where it is empty. */
#define ADD_EVENT                                                                        \
    "local names = {'time', 'who', 'host', 'domain', 'what', 'key', 'from', 'to', "      \
    "'why', "                                                                            \
    "'rev'} "                                                                            \
    "local function add_event(take, before) "                                            \
    "  local entry = {} "                                                                \
    "  for _, name in ipairs(names) do "                                                 \
    "    local value = take() "                                                          \
    "    if name == 'from' and value == '\\0' then value = before or '' end "            \
    "    if name ~= 'key' or value ~= '' then "                                          \
    "      entry[#entry + 1] = name "                                                    \
    "      entry[#entry + 1] = value "                                                   \
    "    end "                                                                           \
    "  end "                                                                             \
    "  redis.call('XADD', KEYS[1], 'MAXLEN', '~', '10000', '*', unpack(entry)) "         \
    "end "                                                                               \
    "local at = 0 "                                                                      \
    "local function take() at = at + 1 return ARGV[at] end "

/* The hash as it was read, the plan's as it was read, what to set, what to drop, what to
 * set or drop ('') of the plan's, the events.  Two keys: the plan's is left alone. */
static const char domain_script[] =
    ADD_EVENT "local function is_same(key) "
              "  local was, count = {}, tonumber(take()) "
              "  for _ = 1, count do local name = take() was[name] = take() end "
              "  if not key then return true end "
              "  local now = redis.call('HGETALL', key) "
              "  if #now ~= 2 * count then return false end "
              "  for i = 1, #now, 2 do "
              "    if was[now[i]] ~= now[i + 1] then return false end end "
              "  return true end "
              "local same, plan_same = is_same(KEYS[2]), is_same(KEYS[3]) "
              "if not same or not plan_same then return 0 end "
              "for _ = 1, tonumber(take()) do "
              "  local name = take() redis.call('HSET', KEYS[2], name, take()) end "
              "for _ = 1, tonumber(take()) do redis.call('HDEL', KEYS[2], take()) end "
              "for _ = 1, tonumber(take()) do "
              "  local name, value = take(), take() "
              "  if value == '' then redis.call('HDEL', KEYS[3], name) "
              "  else redis.call('HSET', KEYS[3], name, value) end end "
              "for _ = 1, tonumber(take()) do add_event(take) end "
              "return 1";

/* The field, its value, the values of an event. */
static const char field_script[] =
    ADD_EVENT "local name, value = take(), take() "
              "local before = redis.call('HGET', KEYS[2], name) "
              "redis.call('HSET', KEYS[2], name, value) add_event(take, before) "
              "return 1";

/* How long they stay, the values ('' removes), then the values of an event or nothing. */
static const char values_script[] = ADD_EVENT
    "local seconds, before = take(), redis.call('GET', KEYS[2]) "
    "for i = 2, #KEYS do "
    "  local value = take() "
    "  if value == '' then redis.call('DEL', KEYS[i]) "
    "  elseif seconds ~= '0' then redis.call('SET', KEYS[i], value, 'EX', seconds) "
    "  else redis.call('SET', KEYS[i], value) end "
    "end "
    "if at < #ARGV and (ARGV[2] ~= '' or before) then add_event(take, before) end "
    "return before";

/* SADD or SREM, the member, the values of an event. */
static const char member_script[] =
    ADD_EVENT "local changed = redis.call(take(), KEYS[2], take()) "
              "if changed == 1 then add_event(take) end "
              "return changed";

/* The address, its new name, how many lists, the values of the event; keys: pin, its new
 * place, unit, its new place, ledger, lists, units that are named after it. */
static const char erase_script[] =
    ADD_EVENT "local address, name, lists = take(), take(), tonumber(take()) "
              "local function move(from, to) "
              "  if redis.call('EXISTS', from) == 0 then return 0 end "
              "  redis.call('RENAME', from, to) return 1 end "
              "local done = {move(KEYS[2], KEYS[3]), move(KEYS[4], KEYS[5]), 0, 0} "
              "local value = redis.call('HGET', KEYS[6], address) "
              "if value then redis.call('HDEL', KEYS[6], address) "
              "  redis.call('HSET', KEYS[6], name, value) done[3] = 1 end "
              "for i = 7, #KEYS do "
              "  if i < 7 + lists then "
              "    if redis.call('SREM', KEYS[i], address) == 1 then "
              "      redis.call('SADD', KEYS[i], name) done[4] = done[4] + 1 end "
              "  elseif redis.call('EXISTS', KEYS[i]) == 1 then "
              "    redis.call('SET', KEYS[i], name) done[2] = done[2] + 1 end "
              "end "
              "add_event(take) "
              "return done";

/* The words of one command. */
struct command {
    struct arena *arena;
    struct span words[WORDS_MAX];
    size_t count;
};

static void
add(struct command *command, struct span word)
{
    assert(command->count < WORDS_MAX);
    command->words[command->count++] = word;
}

static void
add_number(struct command *command, uint64_t number)
{
    add(command, span_of(arena_printf(command->arena, "%" PRIu64, number)));
}

static void
add_event(struct command *command, const struct ctl *ctl, const struct ctl_event *event)
{
    add_number(command, (uint64_t)time(NULL));
    add(command, span_of(ctl->who));
    add(command, span_of(ctl->host));
    add(command, span_of(event->domain));
    add(command, span_of(event->what));
    add(command, span_of(event->key));
    add(command, event->from != NULL ? span_of(event->from) : span_make("", 1));
    add(command, span_of(event->to));
    add(command, span_of(event->why));
    if (event->rev > 0)
        add_number(command, event->rev);
    else
        add(command, span_of(""));
}

static struct command *
new_command(struct ctl *ctl, const char *script, size_t keys)
{
    struct command *command = arena_take(ctl->arena, sizeof(*command));

    command->arena = ctl->arena;
    add(command, SPAN("EVAL"));
    add(command, span_of(script));
    add_number(command, keys + 1);
    add(command, ctl_store_key(ctl, ctl->arena, "events", span_of("")));
    return command;
}

static void
add_fields(struct command *command, const struct domain_field *fields, size_t count)
{
    add_number(command, count);
    for (size_t i = 0; i < count; i++) {
        add(command, fields[i].name);
        add(command, fields[i].value);
    }
}

bool
ctl_write_domain(struct ctl *ctl, const struct ctl_domain *domain,
    const struct ctl_change *change, bool *written, struct error *error)
{
    const struct ctl_hash *plan = change->plan;
    size_t plan_count = plan == NULL ? 0 : plan->count;
    struct command *command = new_command(ctl, domain_script, plan == NULL ? 1 : 2);
    const struct redis_reply *reply;

    if (2 * (domain->count + plan_count + change->set_count + change->plan_set_count) +
            change->drop_count + EVENT_VALUES * change->event_count >
        WORDS_MAX - 20)
        return error_permanent(error, "the hash has too many fields to be changed");
    add(command, ctl_store_key(ctl, ctl->arena, "domain:", domain->name));
    if (plan != NULL)
        add(command, plan->key);
    add_fields(command, domain->fields, domain->count);
    add_fields(command, plan == NULL ? NULL : plan->fields, plan_count);
    add_fields(command, change->set, change->set_count);
    add_number(command, change->drop_count);
    for (size_t i = 0; i < change->drop_count; i++)
        add(command, change->drop[i]);
    add_fields(command, change->plan_set, change->plan_set_count);
    add_number(command, change->event_count);
    for (size_t i = 0; i < change->event_count; i++)
        add_event(command, ctl, &change->events[i]);
    if (!ctl_store_open(ctl, error) ||
        !redis_call(ctl->redis, command->count, command->words, &reply, error))
        return false;
    *written = reply->kind == REDIS_INTEGER && reply->integer == 1;
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
    struct command *command = new_command(ctl, values_script, 1);
    const struct redis_reply *reply;

    add(command, key);
    add_number(command, 0);
    add(command, value);
    add_event(command, ctl, event);
    *before = (struct span){NULL, 0};
    if (!ctl_store_open(ctl, error) ||
        !redis_call(ctl->redis, command->count, command->words, &reply, error))
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
    struct command *command = new_command(ctl, field_script, 1);

    add(command, key);
    add(command, field->name);
    add(command, field->value);
    add_event(command, ctl, event);
    return ctl_store_open(ctl, error) &&
           redis_call(ctl->redis, command->count, command->words, NULL, error);
}

bool
ctl_write_member(struct ctl *ctl, struct span key, struct span member, bool removes,
    const struct ctl_event *event, bool *changed, struct error *error)
{
    struct command *command = new_command(ctl, member_script, 1);
    const struct redis_reply *reply;

    add(command, key);
    add(command, removes ? SPAN("SREM") : SPAN("SADD"));
    add(command, member);
    add_event(command, ctl, event);
    if (!ctl_store_open(ctl, error) ||
        !redis_call(ctl->redis, command->count, command->words, &reply, error))
        return false;
    *changed = reply->kind == REDIS_INTEGER && reply->integer == 1;
    return true;
}

static bool
write_bunch(struct ctl *ctl, const struct ctl_values *values, size_t first, size_t count,
    const struct ctl_event *event, struct error *error)
{
    struct command *command = new_command(ctl, values_script, count);

    for (size_t i = first; i < first + count; i++)
        add(command, values->keys[i]);
    add_number(command, values->seconds);
    for (size_t i = first; i < first + count; i++)
        add(command, values->values[i]);
    if (event != NULL)
        add_event(command, ctl, event);
    return redis_call(ctl->redis, command->count, command->words, NULL, error);
}

bool
ctl_write_erase(struct ctl *ctl, const struct ctl_erasure *erasure,
    const struct ctl_event *event, struct ctl_erased *erased, struct error *error)
{
    struct arena *arena = ctl->arena;
    struct command *command =
        new_command(ctl, erase_script, 5 + erasure->list_count + erasure->unit_count);
    const struct redis_reply *reply;

    add(command, ctl_store_key(ctl, arena, "pin:", erasure->address));
    add(command, ctl_store_key(ctl, arena, "pin:", erasure->name));
    add(command, ctl_store_key(ctl, arena, "unit:", erasure->address));
    add(command, ctl_store_key(ctl, arena, "unit:", erasure->name));
    add(command, ctl_store_key(ctl, arena, "ledger:", erasure->domain));
    for (size_t i = 0; i < erasure->list_count; i++)
        add(command, erasure->lists[i]);
    for (size_t i = 0; i < erasure->unit_count; i++)
        add(command, erasure->units[i]);
    add(command, erasure->address);
    add(command, erasure->name);
    add_number(command, erasure->list_count);
    add_event(command, ctl, event);
    if (!ctl_store_open(ctl, error) ||
        !redis_call(ctl->redis, command->count, command->words, &reply, error))
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
    if (!ctl_store_open(ctl, error))
        return false;
    for (size_t first = 0; first < values->count; first += BUNCH) {
        size_t left = values->count - first;
        size_t some = left < BUNCH ? left : BUNCH;

        if (!write_bunch(ctl, values, first, some, some == left ? event : NULL, error))
            return false;
    }
    return true;
}
