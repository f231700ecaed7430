#include "policyd/copies/copies_entry.h"

#include "shared/base/cursor.h"

enum { EIGHT_BIT = 1, UTF8 = 2 };

static void
write_text(struct buffer *out, struct span text)
{
    text = span_first(text, COPIES_TEXT_MAX);
    buffer_append_u32(out, (uint32_t)text.length);
    buffer_append(out, text);
}

static struct span
read_text(struct cursor *cursor)
{
    uint32_t length = cursor_u32(cursor);

    if (length > COPIES_TEXT_MAX)
        cursor_fail(cursor);
    return cursor_bytes(cursor, length);
}

void
copies_entry_write(struct buffer *out, const struct copies_entry *entry)
{
    buffer_append_u64(out, (uint64_t)entry->time_ms);
    buffer_append_u32(
        out, (entry->eight_bit ? EIGHT_BIT : 0U) | (entry->utf8 ? UTF8 : 0U));
    buffer_append_u64(out, entry->size);
    write_text(out, entry->queue_id);
    write_text(out, entry->ident);
    write_text(out, entry->message_id);
    write_text(out, entry->sender);
    buffer_append_u32(out, (uint32_t)entry->chunk_count);
    for (size_t i = 0; i < entry->chunk_count; i++)
        buffer_append_u64(out, entry->chunks[i]);
}

bool
copies_entry_read(struct span octets, struct copies_entry *entry, struct arena *arena)
{
    struct cursor cursor = cursor_on(octets);
    uint32_t flags;
    uint64_t *chunks;

    entry->time_ms = (int64_t)cursor_u64(&cursor);
    flags = cursor_u32(&cursor);
    entry->eight_bit = (flags & EIGHT_BIT) != 0;
    entry->utf8 = (flags & UTF8) != 0;
    entry->size = cursor_u64(&cursor);
    entry->queue_id = read_text(&cursor);
    entry->ident = read_text(&cursor);
    entry->message_id = read_text(&cursor);
    entry->sender = read_text(&cursor);
    entry->chunk_count = cursor_u32(&cursor);
    if (!cursor_ok(&cursor) || flags > (EIGHT_BIT | UTF8) ||
        cursor_left(&cursor) != entry->chunk_count * sizeof(uint64_t) ||
        entry->chunk_count > COPIES_CHUNKS_MAX || entry->time_ms < 0)
        return false;
    chunks = arena_take(arena, (entry->chunk_count + 1) * sizeof(*chunks));
    for (size_t i = 0; i < entry->chunk_count; i++)
        chunks[i] = cursor_u64(&cursor);
    entry->chunks = chunks;
    return true;
}

void
copies_span_write(struct buffer *out, const struct copies_span *span)
{
    buffer_append_u64(out, (uint64_t)span->time_ms);
    buffer_append_u64(out, span->refused);
}

bool
copies_span_read(struct span octets, struct copies_span *span)
{
    struct cursor cursor = cursor_on(octets);

    span->time_ms = (int64_t)cursor_u64(&cursor);
    span->refused = cursor_u64(&cursor);
    return cursor_at_end(&cursor) && span->time_ms >= 0;
}
