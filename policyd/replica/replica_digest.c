#include "policyd/replica/replica_digest.h"

#include "shared/base/buffer.h"
#include "shared/base/hash.h"

enum { TEXT_MAX = 256 << 10 };

enum stage { STAGE_DOMAINS, STAGE_PINS, STAGE_UNITS, STAGE_LISTS, STAGE_DONE };

/* Sums, so that the order is of no account. */
static void
add(struct replica_digest *digest, const struct buffer *text)
{
    static const struct hash_key key = {0x7265706c6963612d, 0x6469676573742d31};

    digest->sum += hash_of(buffer_span(text), key);
}

/* No part of a text can be taken for two. */
static void
put(struct buffer *text, struct span part)
{
    (void)buffer_append_u32(text, (uint32_t)part.length);
    (void)buffer_append(text, part);
}

static void
put_state(struct buffer *text, const struct domain_state *state, bool without_hops)
{
    buffer_printf(text, "%d %d %u %zu ", (int)state->mode, (int)state->inside,
        state->weight, state->list_count);
    put(text, span_of(state->same_as));
    for (size_t i = 0; i < state->list_count; i++)
        put(text, span_of(state->lists[i]));
    if (without_hops)
        return;
    put(text, span_of(state->old_route));
    put(text, span_of(state->new_route));
    put(text, span_of(state->standby_route));
    for (size_t i = 0; i < DOMAIN_LOGINS; i++) {
        for (size_t side = 0; side < DOMAIN_SIDES; side++)
            put(text,
                span_of(state->logins[i][side] == NULL ? "" : state->logins[i][side]));
    }
}

static bool
next_domain(
    struct replica_digest *digest, const struct replica *replica, struct buffer *text)
{
    struct replica_domain found;
    struct span name;

    if (!replica_next_domain(replica, &digest->cursor, &name, &found))
        return false;
    put(text, name);
    buffer_printf(text, "%d %d %u %d %d ", found.override.unclear,
        found.override.has_weight, found.override.weight, found.override.has_mode,
        (int)found.override.mode);
    if (found.state != NULL)
        put_state(text, found.state, digest->without_hops);
    return true;
}

static bool
next_of_kind(struct replica_digest *digest, const struct replica *replica,
    enum replica_kind kind, struct buffer *text)
{
    struct span name;
    struct span value;

    if (!replica_next(replica, kind, &digest->cursor, &name, &value))
        return false;
    put(text, name);
    put(text, value);
    return true;
}

static bool
next_member(
    struct replica_digest *digest, const struct replica *replica, struct buffer *text)
{
    struct span unit;
    size_t count;

    while (digest->domain.length == 0 || !replica_next_member(replica, digest->domain,
                                             digest->list, &digest->member, &unit)) {
        digest->member = 0;
        if (!replica_next_list(
                replica, &digest->cursor, &digest->domain, &digest->list, &count))
            return false;
    }
    put(text, digest->domain);
    put(text, digest->list);
    put(text, unit);
    return true;
}

static bool
next(struct replica_digest *digest, const struct replica *replica, struct buffer *text)
{
    (void)buffer_append_octet(text, (char)('0' + digest->stage));
    switch ((enum stage)digest->stage) {
    case STAGE_DOMAINS:
        return next_domain(digest, replica, text);
    case STAGE_PINS:
        return next_of_kind(digest, replica, REPLICA_PIN, text);
    case STAGE_UNITS:
        return next_of_kind(digest, replica, REPLICA_UNIT, text);
    case STAGE_LISTS:
        return next_member(digest, replica, text);
    case STAGE_DONE:
    default:
        return false;
    }
}

void
replica_digest_begin(struct replica_digest *digest, bool without_hops)
{
    *digest = (struct replica_digest){.without_hops = without_hops};
}

bool
replica_digest_step(
    struct replica_digest *digest, const struct replica *replica, size_t entries)
{
    struct buffer text;

    buffer_init(&text, TEXT_MAX);
    while (entries > 0 && digest->stage != STAGE_DONE) {
        buffer_reset(&text);
        if (next(digest, replica, &text)) {
            add(digest, &text);
            entries--;
        } else {
            digest->stage++;
            digest->cursor = 0;
        }
    }
    buffer_clear(&text);
    return digest->stage == STAGE_DONE;
}
