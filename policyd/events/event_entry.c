#include "policyd/events/event_entry.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shared/base/digest.h"
#include "shared/base/number.h"

struct span
event_entry_value(const struct event_entry *entry, const char *name)
{
    for (size_t i = 0; i < entry->count; i++) {
        if (span_is(entry->pairs[i].name, name))
            return entry->pairs[i].value;
    }
    return SPAN("");
}

/* --- the link --- */

static bool
is_hash(struct span text)
{
    if (text.length != EVENT_HASH_SIZE - 1)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        char octet = text.data[i];

        if (!(octet >= '0' && octet <= '9') && !(octet >= 'a' && octet <= 'f'))
            return false;
    }
    return true;
}

static size_t
count_of(const struct event_entry *entry, const char *name)
{
    size_t found = 0;

    for (size_t i = 0; i < entry->count; i++)
        found += span_is(entry->pairs[i].name, name);
    return found;
}

enum event_link
event_entry_link(
    const struct event_entry *entry, struct event_head *own, char prev[EVENT_HASH_SIZE])
{
    struct span seq = event_entry_value(entry, "seq");
    struct span before = event_entry_value(entry, "prev");
    struct span hash = event_entry_value(entry, "hash");
    size_t count =
        count_of(entry, "seq") + count_of(entry, "prev") + count_of(entry, "hash");
    bool is_whole = count == 3 && !entry->is_odd;

    event_head_init(own);
    prev[0] = '\0';
    if (count == 0 && !entry->is_odd)
        return EVENT_PLAIN;
    is_whole = number_unsigned(seq, EVENT_SEQ_MAX, &own->seq) && own->seq > 0 && is_whole;
    if (is_hash(before))
        (void)span_copy(before, prev, EVENT_HASH_SIZE);
    if (is_hash(hash))
        (void)span_copy(hash, own->hash, EVENT_HASH_SIZE);
    return is_whole && is_hash(before) && is_hash(hash) ? EVENT_CHAINED : EVENT_DAMAGED;
}

/* --- the line --- */

static void
write_text(struct span text, struct buffer *out)
{
    buffer_printf(out, "%zu:", text.length);
    buffer_append(out, text);
    buffer_append_octet(out, ',');
}

void
event_line_write(const struct event_pair *pairs, size_t count, struct buffer *out)
{
    for (size_t i = 0; i < count; i++) {
        if (span_is(pairs[i].name, "prev") || span_is(pairs[i].name, "hash"))
            continue;
        write_text(pairs[i].name, out);
        write_text(pairs[i].value, out);
    }
}

static bool
take_text(struct span *rest, struct span *text)
{
    size_t colon = span_find(span_first(*rest, 8), ':');
    uint64_t length;

    if (colon == SPAN_NONE ||
        !number_unsigned(span_first(*rest, colon), EVENT_LINE_MAX, &length))
        return false;
    *rest = span_from(*rest, colon + 1);
    if (rest->length <= length || rest->data[length] != ',')
        return false;
    *text = span_first(*rest, (size_t)length);
    *rest = span_from(*rest, (size_t)length + 1);
    return true;
}

bool
event_line_parse(struct span line, struct event_entry *entry)
{
    *entry = (struct event_entry){.id = SPAN("")};
    if (line.length > EVENT_LINE_MAX)
        return false;
    while (line.length > 0) {
        struct event_pair pair;

        if (entry->count == EVENT_PAIRS_MAX || !take_text(&line, &pair.name) ||
            !take_text(&line, &pair.value) || span_is(pair.name, "prev") ||
            span_is(pair.name, "hash"))
            return false;
        entry->pairs[entry->count++] = pair;
    }
    return true;
}

/* --- hashes --- */

void
event_hash(const char prev[EVENT_HASH_SIZE], struct span line, char out[EVENT_HASH_SIZE])
{
    const struct span parts[] = {span_of(prev), line};
    uint8_t digest[DIGEST_SHA256_SIZE];

    digest_sha256_of_parts(parts, 2, digest);
    for (size_t i = 0; i < DIGEST_SHA256_SIZE; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

void
event_entry_hash(const struct event_entry *entry, const char prev[EVENT_HASH_SIZE],
    char out[EVENT_HASH_SIZE])
{
    struct buffer line;

    buffer_init(&line, EVENT_LINE_MAX);
    event_line_write(entry->pairs, entry->count, &line);
    event_hash(prev, buffer_span(&line), out);
    buffer_clear(&line);
}

/* --- the head --- */

void
event_head_init(struct event_head *head)
{
    head->seq = 0;
    memset(head->hash, '0', EVENT_HASH_SIZE - 1);
    head->hash[EVENT_HASH_SIZE - 1] = '\0';
}

bool
event_head_parse(struct span text, struct event_head *head)
{
    size_t colon = span_find(text, ':');
    struct span hash;
    uint64_t seq;

    if (colon == SPAN_NONE)
        return false;
    hash = span_from(text, colon + 1);
    if (!is_hash(hash) || !number_unsigned(span_first(text, colon), EVENT_SEQ_MAX, &seq))
        return false;
    head->seq = seq;
    return span_copy(hash, head->hash, EVENT_HASH_SIZE);
}

void
event_head_write(const struct event_head *head, char out[EVENT_HEAD_SIZE])
{
    (void)snprintf(out, EVENT_HEAD_SIZE, "%" PRIu64 ":%s", head->seq, head->hash);
}
