#include "policyd/state/domain_fields.h"

#include "shared/base/allocate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const domain_field_names[DOMAIN_FIELDS_COUNT] = {"weight", "mode", "old",
    "new", "standby", "same_as", "lists", "inside", "imap_old", "imap_new", "pop3_old",
    "pop3_new", "lmtp_old", "lmtp_new", "submission_old", "submission_new", "sieve_old",
    "sieve_new", "rev"};

static void
add(struct domain_fields *fields, const char *name, const char *value)
{
    if (value[0] == '\0')
        return;
    fields->items[fields->count].name = span_of(name);
    fields->items[fields->count].value = span_of(value);
    fields->count++;
}

/* Parsed from one value of that size, so they fit again, one blank between. */
static void
write_lists(const struct domain_state *state, struct domain_fields *fields)
{
    size_t used = 0;

    for (size_t i = 0; i < state->list_count; i++) {
        size_t length = strlen(state->lists[i]);

        if (used + 1 + length > DOMAIN_STATE_VALUE_MAX)
            break;
        if (used > 0)
            fields->lists[used++] = ' ';
        memcpy(fields->lists + used, state->lists[i], length);
        used += length;
    }
    fields->lists[used] = '\0';
}

void
domain_fields_write(const struct domain_state *state, struct domain_fields *fields)
{
    fields->count = 0;
    fields->weight[0] = '\0';
    fields->rev[0] = '\0';
    write_lists(state, fields);
    if (state->complete || state->weight > 0)
        domain_weight_write(state->weight, fields->weight);
    if (state->has_rev)
        snprintf(fields->rev, sizeof(fields->rev), "%" PRIu64, state->rev);
    add(fields, "weight", fields->weight);
    add(fields, "mode", domain_mode_name(state->mode));
    add(fields, "old", state->old_route);
    add(fields, "new", state->new_route);
    add(fields, "standby", state->standby_route);
    add(fields, "same_as", state->same_as);
    add(fields, "lists", fields->lists);
    add(fields, "inside", domain_inside_name(state->inside));
    for (enum domain_login i = 0; i < DOMAIN_LOGINS; i++) {
        for (enum domain_side side = 0; side < DOMAIN_SIDES; side++)
            add(fields, domain_login_field(i, side), state->logins[i][side]);
    }
    add(fields, "rev", fields->rev);
}

struct span
domain_fields_find(const struct domain_fields *fields, struct span name)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (span_equal(fields->items[i].name, name))
            return fields->items[i].value;
    }
    return span_of("");
}

/* The text copied to `room`, which moves behind it. */
static const char *
copy_text(char **room, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = *room;

    memcpy(copy, text, size);
    *room += size;
    return copy;
}

struct domain_state *
domain_fields_copy(const struct domain_state *state)
{
    size_t size = sizeof(*state);
    struct domain_state *copy;
    char *room;

    size += strlen(state->old_route) + strlen(state->new_route) +
            strlen(state->standby_route) + strlen(state->same_as) + 4;
    for (enum domain_login i = 0; i < DOMAIN_LOGINS; i++) {
        for (enum domain_side side = 0; side < DOMAIN_SIDES; side++)
            size += strlen(state->logins[i][side]) + 1;
    }
    for (size_t i = 0; i < state->list_count; i++)
        size += strlen(state->lists[i]) + 1;
    copy = allocated(malloc(size));
    *copy = *state;
    room = (char *)(copy + 1);
    copy->old_route = copy_text(&room, state->old_route);
    copy->new_route = copy_text(&room, state->new_route);
    copy->standby_route = copy_text(&room, state->standby_route);
    copy->same_as = copy_text(&room, state->same_as);
    for (enum domain_login i = 0; i < DOMAIN_LOGINS; i++) {
        for (enum domain_side side = 0; side < DOMAIN_SIDES; side++)
            copy->logins[i][side] = copy_text(&room, state->logins[i][side]);
    }
    for (size_t i = 0; i < state->list_count; i++)
        copy->lists[i] = copy_text(&room, state->lists[i]);
    return copy;
}

void
domain_fields_compare(const struct domain_state *from, const struct domain_state *to,
    void (*differs)(void *argument, const char *field, struct span from, struct span to),
    void *argument)
{
    struct domain_fields left = {.count = 0};
    struct domain_fields right = {.count = 0};

    if (from != NULL)
        domain_fields_write(from, &left);
    if (to != NULL)
        domain_fields_write(to, &right);
    for (size_t i = 0; i < DOMAIN_FIELDS_COUNT; i++) {
        struct span before = domain_fields_find(&left, span_of(domain_field_names[i]));
        struct span after = domain_fields_find(&right, span_of(domain_field_names[i]));

        if (!span_equal(before, after))
            differs(argument, domain_field_names[i], before, after);
    }
}
