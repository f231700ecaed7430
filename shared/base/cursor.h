/*
 * cursor - read a bounded span, one field after another.
 *
 * Reading past the end marks the cursor bad and yields zero (or the empty span), as does
 * every later read: read all fields, then ask cursor_ok() once.  The bytes are borrowed
 * and outlive the cursor.  Numbers are big endian.
 */
#ifndef SHARED_BASE_CURSOR_H
#define SHARED_BASE_CURSOR_H

#include "shared/base/span.h"

struct cursor {
    struct span rest;
    bool bad;
};

struct cursor cursor_on(struct span span);

uint8_t cursor_u8(struct cursor *cursor);
uint16_t cursor_u16(struct cursor *cursor);
uint32_t cursor_u32(struct cursor *cursor);
uint64_t cursor_u64(struct cursor *cursor);
struct span cursor_bytes(struct cursor *cursor, size_t length);

/* For what the reader itself finds wrong: marks the cursor bad. */
void cursor_fail(struct cursor *cursor);

bool cursor_ok(const struct cursor *cursor);
bool cursor_at_end(
    const struct cursor *cursor); /* nothing left, and nothing went wrong */
size_t cursor_left(const struct cursor *cursor);

#endif
