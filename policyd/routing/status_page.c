#include "policyd/routing/status_page.h"

#include "shared/base/allocate.h"

#include <assert.h>
#include <stdlib.h>

struct entry {
    struct span name;
    struct replica_domain domain;
};

static int
compare_entries(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;

    return span_compare(a->name, b->name);
}

/* How many domains the replica knows, ours or not. */
static size_t
count_known(const struct replica *replica)
{
    struct replica_domain found;
    struct span name;
    uint64_t cursor = 0;
    size_t count = 0;

    while (replica_next_domain(replica, &cursor, &name, &found))
        count++;
    return count;
}

/* All domains of the replica, and the listed ones that are not in it. */
static struct entry *
collect(const struct route_rules *rules, const struct replica *replica, size_t *count)
{
    size_t most = count_known(replica) + rules->domain_count + 1;
    struct entry *entries = allocate_array(most, sizeof(*entries));
    struct replica_domain found;
    struct span name;
    uint64_t cursor = 0;

    *count = 0;
    while (*count < most && replica_next_domain(replica, &cursor, &name, &found))
        entries[(*count)++] = (struct entry){name, found};
    for (size_t i = 0; i < rules->domain_count && *count < most; i++) {
        name = span_of(rules->domains[i]);
        if (!replica_find_domain(replica, name, &found))
            entries[(*count)++] = (struct entry){name, {.suspect = false}};
    }
    qsort(entries, *count, sizeof(*entries), compare_entries);
    return entries;
}

static void
write_override(struct json *json, const struct replica_override *override, bool unclear)
{
    unclear =
        override->unclear || (unclear && !override->has_weight && !override->has_mode);
    if (!override->has_weight && !override->has_mode && !unclear) {
        json_null(json, "override");
        return;
    }
    json_object_begin(json, "override");
    if (override->has_weight)
        json_hundredths(json, "weight", override->weight);
    else
        json_null(json, "weight");
    json_text(json, "mode", override->has_mode ? domain_mode_name(override->mode) : NULL);
    if (unclear)
        json_bool(json, "unclear", true);
    json_object_end(json);
}

static void
write_state(struct json *json, const struct domain_state *state)
{
    if (state == NULL) {
        json_null(json, "mode");
        json_null(json, "weight");
        return;
    }
    json_text(json, "mode", domain_mode_name(state->mode));
    json_hundredths(json, "weight", state->weight);
    json_text(json, "old", state->old_route);
    json_text(json, "new", state->new_route);
    json_text(json, "standby", state->standby_route);
    json_text(json, "same_as", state->same_as);
    json_text(json, "inside", domain_inside_name(state->inside));
    json_array_begin(json, "lists");
    for (size_t i = 0; i < state->list_count; i++)
        json_text(json, NULL, state->lists[i]);
    json_array_end(json);
}

static void
write_entry(struct json *json, const struct route_rules *rules,
    const struct replica *replica, const struct entry *entry)
{
    json_object_begin(json, NULL);
    json_span(json, "domain", entry->name);
    json_bool(json, "ours",
        rules->domain_count > 0 ? route_rules_list(rules, entry->name)
                                : entry->domain.ours);
    json_bool(json, "good", entry->domain.state != NULL);
    write_state(json, entry->domain.state);
    json_integer(json, "rev", (int64_t)entry->domain.rev);
    write_override(json, &entry->domain.override, replica_is_unclear(replica));
    json_bool(json, "suspect", entry->domain.suspect);
    json_text(json, "why", entry->domain.why);
    json_object_end(json);
}

static void
write_config(struct json *json, const struct status_facts *facts)
{
    if (facts->config_file == NULL) {
        json_null(json, "config");
        return;
    }
    json_object_begin(json, "config");
    json_text(json, "file", facts->config_file);
    json_integer(json, "modified", facts->config_modified);
    json_bool(json, "refused", facts->config_refused);
    json_object_end(json);
}

static void
write_facts(
    struct json *json, const struct status_facts *facts, const struct route_rules *rules)
{
    bool has_site = rules->site != NULL && rules->site[0] != '\0';

    json_text(json, "source", facts->source);
    json_text(json, "program", "postshift-policyd");
    json_text(json, "version", facts->version);
    json_text(json, "host", facts->host);
    json_text(json, "site", has_site ? rules->site : NULL);
    json_object_begin(json, "redis");
    json_text(json, "address", facts->redis_address);
    json_bool(json, "up", facts->redis_up);
    if (facts->synced != 0)
        json_integer(json, "synced", facts->synced);
    else
        json_null(json, "synced");
    json_text(json, "error", facts->redis_error);
    json_object_end(json);
    write_config(json, facts);
    json_array_begin(json, "notes");
    for (size_t i = 0; i < facts->note_count; i++)
        json_text(json, NULL, facts->notes[i]);
    json_array_end(json);
    json_array_begin(json, "warnings");
    if (facts->warning != NULL)
        json_text(json, NULL, facts->warning);
    json_array_end(json);
}

static void
write_count(struct json *json, const char *key, bool unknown, size_t count)
{
    if (unknown)
        json_null(json, key);
    else
        json_integer(json, key, (int64_t)count);
}

void
status_page_write(struct buffer *out, const struct status_facts *facts,
    const struct route_rules *rules, const struct replica *replica)
{
    struct json json = json_on(out);
    size_t count;
    struct entry *entries = collect(rules, replica, &count);

    json_object_begin(&json, NULL);
    write_facts(&json, facts, rules);
    json_bool(&json, "loaded", replica_is_loaded(replica));
    write_count(&json, "pins", facts->only_domains, replica_count(replica, REPLICA_PIN));
    write_count(
        &json, "units", facts->only_domains, replica_count(replica, REPLICA_UNIT));
    json_array_begin(&json, "domains");
    for (size_t i = 0; i < count; i++)
        write_entry(&json, rules, replica, &entries[i]);
    json_array_end(&json);
    json_object_end(&json);
    buffer_append_octet(out, '\n');
    free(entries);
}

void
status_page_write_domain(struct buffer *out, const struct route_rules *rules,
    const struct replica *replica, struct span name)
{
    struct json json = json_on(out);
    struct entry entry = {name, {.suspect = false}};

    (void)replica_find_domain(replica, name, &entry.domain);
    write_entry(&json, rules, replica, &entry);
}
