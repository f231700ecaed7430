#include "policyd/ctl/ctl_store.h"

#include <stdlib.h>
#include <string.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/redis/redis_pattern.h"
#include "policyd/replica/replica_key.h"
#include "shared/base/idn.h"
#include "shared/base/number.h"

enum { PIPELINE = 1000 };

/* A domain and what it is same_as, "" for nothing. */
struct ctl_same_as {
    struct span domain;
    struct span target;
    struct ctl_same_as *next;
};

bool
ctl_store_open(struct ctl *ctl, struct error *error)
{
    /* A verb that can do without Redis was let through, and warned. */
    if (!ctl_config_serves(ctl->config, CTL_NEEDS_REDIS))
        return error_permanent(error, "what the file says of it is wrong");
    if (ctl->redis == NULL)
        ctl->redis = redis_sync_open(&ctl->config->serve->redis.options, error);
    return ctl->redis != NULL;
}

int
ctl_store_fail(const struct ctl *ctl, const struct error *error)
{
    if (span_starts(span_of(error->text), SPAN("WRONGTYPE")))
        return ctl_output_fail(CTL_NO,
            "a key in Redis has a value of another type than it should: delete it first");
    return ctl_output_fail(CTL_NO_REDIS,
        "Redis can't be used: %s (--local set and --local rollback work without it)",
        ctl_output_text(ctl->arena, span_of(error->text)));
}

struct span
ctl_store_key(
    const struct ctl *ctl, struct arena *arena, const char *kind, struct span name)
{
    return span_of(arena_printf(arena, "%s%s%.*s", ctl->config->serve->redis.prefix, kind,
        (int)name.length, name.data != NULL ? name.data : ""));
}

static void
take_fields(struct ctl *ctl, const struct redis_reply *reply, struct ctl_hash *hash)
{
    hash->count = reply->count / 2;
    hash->fields = arena_take(ctl->arena, (hash->count + 1) * sizeof(*hash->fields));
    for (size_t i = 0; i < hash->count; i++) {
        hash->fields[i] = (struct domain_field){
            .name = arena_span(ctl->arena, reply->elements[2 * i].text),
            .value = arena_span(ctl->arena, reply->elements[2 * i + 1].text),
        };
    }
}

bool
ctl_store_hash(
    struct ctl *ctl, struct span key, struct ctl_hash *hash, struct error *error)
{
    const struct redis_reply *reply;

    *hash = (struct ctl_hash){.key = key};
    if (!ctl_store_open(ctl, error))
        return false;
    if (!redis_call_words(ctl->redis, &reply, error, SPAN("HGETALL"), key)) {
        hash->is_no_hash = redis_reply_is_error_of(reply, "WRONGTYPE");
        return hash->is_no_hash;
    }
    if (!redis_reply_is_array(reply, 0) || reply->count % 2 != 0)
        return error_temporary(error, "HGETALL was answered by no hash");
    take_fields(ctl, reply, hash);
    return true;
}

bool
ctl_store_fields(struct ctl *ctl, struct span key,
    void (*take)(void *argument, struct span name, struct span value), void *argument,
    struct error *error)
{
    char cursor[24] = "0";

    if (!ctl_store_open(ctl, error))
        return false;
    do {
        const struct redis_reply *reply;
        const struct redis_reply *pairs;

        if (!redis_call_words(ctl->redis, &reply, error, SPAN("HSCAN"), key,
                span_of(cursor), SPAN("COUNT"), SPAN("1000")))
            return false;
        if (!redis_reply_is_array(reply, 2) ||
            !span_copy(reply->elements[0].text, cursor, sizeof(cursor)) ||
            !redis_reply_is_array(&reply->elements[1], 0))
            return error_temporary(error, "HSCAN was answered by something else");
        pairs = &reply->elements[1];
        for (size_t i = 0; i + 1 < pairs->count; i += 2)
            take(argument, pairs->elements[i].text, pairs->elements[i + 1].text);
    } while (strcmp(cursor, "0") != 0);
    return true;
}

struct span
ctl_hash_value(const struct ctl_hash *hash, const char *name)
{
    for (size_t i = 0; i < hash->count; i++) {
        if (span_is(hash->fields[i].name, name))
            return hash->fields[i].value;
    }
    return SPAN("");
}

bool
ctl_store_domain(
    struct ctl *ctl, struct span name, struct ctl_domain *domain, struct error *error)
{
    struct ctl_hash hash;

    *domain = (struct ctl_domain){.name = name};
    if (!ctl_store_hash(
            ctl, ctl_store_key(ctl, ctl->arena, "domain:", name), &hash, error))
        return false;
    domain->fields = hash.fields;
    domain->count = hash.count;
    domain->is_no_hash = hash.is_no_hash;
    if (domain->count > 0)
        domain->state = domain_state_parse(name, domain->fields, domain->count,
            &ctl->config->serve->state_rules, &domain->problem, NULL, NULL);
    return true;
}

void
ctl_domain_clear(struct ctl_domain *domain)
{
    domain_state_free(domain->state);
    domain->state = NULL;
}

bool
ctl_store_value(struct ctl *ctl, struct span key, struct span *value, bool *found,
    struct error *error)
{
    if (!ctl_store_values(ctl, ctl->arena, &key, 1, value, error))
        return false;
    *found = value->data != NULL;
    return true;
}

static bool
take_values(struct ctl *ctl, struct arena *arena, size_t count, struct span *values,
    struct error *error)
{
    const struct redis_reply *reply;

    if (!redis_sync_receive(ctl->redis, &reply, error))
        return false;
    if (!redis_reply_is_array(reply, count) || reply->count != count)
        return error_temporary(error, "MGET was answered by too few values");
    for (size_t i = 0; i < count; i++) {
        values[i] = (struct span){NULL, 0};
        if (redis_reply_is_string(&reply->elements[i]))
            values[i] = span_of(arena_text(arena, reply->elements[i].text));
    }
    return true;
}

/* MGET, since it gives nil for values of another type. */
bool
ctl_store_values(struct ctl *ctl, struct arena *arena, const struct span *keys,
    size_t count, struct span *values, struct error *error)
{
    struct span words[PIPELINE + 1] = {SPAN("MGET")};

    if (!ctl_store_open(ctl, error))
        return false;
    while (count > 0) {
        size_t some = count < PIPELINE ? count : PIPELINE;

        memcpy(words + 1, keys, some * sizeof(*keys));
        redis_sync_send(ctl->redis, some + 1, words);
        if (!take_values(ctl, arena, some, values, error))
            return false;
        keys += some;
        values += some;
        count -= some;
    }
    return true;
}

/* The names of one bunch, copied: the callback may ask Redis itself. */
static bool
give_names(const struct redis_reply *list, size_t skip, ctl_store_key_callback *callback,
    void *argument, struct error *error)
{
    struct arena *arena = arena_new(REDIS_REPLY_OCTETS_MAX);
    size_t count = list->count;
    struct span *names = arena_take(arena, (count + 1) * sizeof(*names));
    bool done = true;

    for (size_t i = 0; i < count; i++)
        names[i] = arena_span(arena, span_from(list->elements[i].text, skip));
    for (size_t i = 0; i < count && done; i++)
        done = callback(argument, names[i], error);
    arena_free(arena);
    return done;
}

/* SCAN or SSCAN; what stands before and behind the cursor differs. */
static bool
scan(struct ctl *ctl, const struct span *before, size_t before_count,
    const struct span *behind, size_t behind_count, size_t skip,
    ctl_store_key_callback *callback, void *argument, struct error *error)
{
    char cursor[24] = "0";

    if (!ctl_store_open(ctl, error))
        return false;
    do {
        const struct redis_reply *reply;
        struct span words[8];
        size_t count = 0;

        for (size_t i = 0; i < before_count; i++)
            words[count++] = before[i];
        words[count++] = span_of(cursor);
        for (size_t i = 0; i < behind_count; i++)
            words[count++] = behind[i];
        if (!redis_call(ctl->redis, count, words, &reply, error))
            return false;
        if (!redis_reply_is_array(reply, 2) ||
            !span_copy(reply->elements[0].text, cursor, sizeof(cursor)) ||
            !redis_reply_is_array(&reply->elements[1], 0))
            return error_temporary(error, "SCAN was answered by something else");
        if (!give_names(&reply->elements[1], skip, callback, argument, error))
            return false;
    } while (strcmp(cursor, "0") != 0);
    return true;
}

bool
ctl_store_scan(struct ctl *ctl, const char *pattern, ctl_store_key_callback *callback,
    void *argument, struct error *error)
{
    const char *prefix = ctl->config->serve->redis.prefix;
    const struct span before[] = {SPAN("SCAN")};
    struct buffer match;
    bool done;

    buffer_init(&match, 65536);
    redis_pattern_literal(&match, span_of(prefix));
    buffer_append_text(&match, pattern);
    {
        const struct span behind[] = {
            SPAN("MATCH"), buffer_span(&match), SPAN("COUNT"), SPAN("1000")};

        done = scan(ctl, before, ARRAY_LENGTH(before), behind, ARRAY_LENGTH(behind),
            strlen(prefix), callback, argument, error);
    }
    buffer_clear(&match);
    return done;
}

bool
ctl_store_members(struct ctl *ctl, struct span key, ctl_store_key_callback *callback,
    void *argument, struct error *error)
{
    const struct span before[] = {SPAN("SSCAN"), key};
    const struct span behind[] = {SPAN("COUNT"), SPAN("1000")};

    return scan(ctl, before, ARRAY_LENGTH(before), behind, ARRAY_LENGTH(behind), 0,
        callback, argument, error);
}

bool
ctl_store_member_count(
    struct ctl *ctl, struct span key, uint64_t *count, struct error *error)
{
    const struct redis_reply *reply;

    *count = 0;
    if (!ctl_store_open(ctl, error))
        return false;
    if (!redis_call_words(ctl->redis, &reply, error, SPAN("SCARD"), key))
        return redis_reply_is_error_of(reply, "WRONGTYPE");
    *count = reply->kind == REDIS_INTEGER ? (uint64_t)reply->integer : 0;
    return true;
}

const char *
ctl_store_canonical_domain(struct ctl *ctl, const char *text)
{
    char name[DOMAIN_MAX + 1];

    if (idn_to_ascii(span_of(text), name))
        return arena_text(ctl->arena, span_of(name));
    (void)ctl_output_fail(
        CTL_USAGE, "%s is no domain name", ctl_output_text(ctl->arena, span_of(text)));
    return NULL;
}

bool
ctl_store_canonical_recipient(
    const struct ctl *ctl, struct span text, struct recipient *recipient)
{
    return recipient_parse(text, &ctl->config->serve->route_rules.recipient, recipient);
}

struct span
ctl_store_canonical_unit(struct ctl *ctl, struct arena *arena, struct span text)
{
    struct recipient recipient;

    if (replica_name_is_pattern(text))
        return (struct span){NULL, 0};
    if (span_find(text, '@') != SPAN_NONE)
        return ctl_store_canonical_recipient(ctl, text, &recipient)
                   ? arena_span(arena, recipient_address(&recipient))
                   : (struct span){NULL, 0};
    if (text.length == 0 || text.length > REPLICA_NAME_MAX || span_has_control(text))
        return (struct span){NULL, 0};
    return arena_span(arena, text);
}

static bool
find_same_as(
    struct ctl *ctl, struct span domain, struct span *target, struct error *error)
{
    struct ctl_domain found;
    struct ctl_same_as *known = ctl->same_as;

    while (known != NULL && !span_equal(known->domain, domain))
        known = known->next;
    if (known == NULL) {
        if (!ctl_store_domain(ctl, domain, &found, error))
            return false;
        known = arena_take(ctl->arena, sizeof(*known));
        known->domain = arena_span(ctl->arena, domain);
        if (found.state != NULL)
            known->target = arena_span(ctl->arena, span_of(found.state->same_as));
        known->next = ctl->same_as;
        ctl->same_as = known;
        ctl_domain_clear(&found);
    }
    *target = known->target;
    return true;
}

bool
ctl_store_follow(struct ctl *ctl, struct span *name, struct error *error)
{
    size_t at = span_find_last(*name, '@');
    struct span target;

    if (at == SPAN_NONE)
        return true;
    if (!find_same_as(ctl, span_from(*name, at + 1), &target, error))
        return false;
    if (target.length > 0)
        *name = span_of(arena_printf(ctl->arena, "%.*s@%.*s", (int)at, name->data,
            (int)target.length, target.data));
    return true;
}
