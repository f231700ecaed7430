/*
 * buffer - owned bytes that grow up to a stated ceiling.
 *
 * An append that would pass the ceiling changes nothing and marks the buffer as
 * overflowed; so do all later ones: append all, then ask buffer_ok() once.  A failed
 * allocation ends the process (inputs are capped). A buffer of zeroes with a ceiling is a
 * valid empty buffer.
 */
#ifndef SHARED_BASE_BUFFER_H
#define SHARED_BASE_BUFFER_H

#include <stdarg.h>

#include "shared/base/attributes.h"
#include "shared/base/span.h"

struct buffer {
    char *data;
    size_t length;
    size_t capacity;
    size_t ceiling; /* octets of content, at most */
    bool overflowed;
};

void buffer_init(struct buffer *buffer, size_t ceiling);
void buffer_clear(struct buffer *buffer); /* releases all; the ceiling stays */
void buffer_reset(struct buffer *buffer); /* empties, keeps the memory */

bool buffer_append(struct buffer *buffer, struct span span);
bool buffer_append_text(struct buffer *buffer, const char *text);
bool buffer_append_octet(struct buffer *buffer, char octet);
bool buffer_append_u32(
    struct buffer *buffer, uint32_t number); /* big endian, as cursor reads */
bool buffer_append_u64(struct buffer *buffer, uint64_t number);
bool buffer_printf(struct buffer *buffer, const char *format, ...) ATTRIBUTE_PRINTF(2, 3);
bool buffer_vprintf(struct buffer *buffer, const char *format, va_list arguments)
    ATTRIBUTE_PRINTF(2, 0);

/* Room for `length` more octets to be written at data + length by the caller, who then
 * adds to length. */
bool buffer_reserve(struct buffer *buffer, size_t length);

/* Drops octets at the front, for streams. */
void buffer_consume(struct buffer *buffer, size_t length);

bool buffer_ok(const struct buffer *buffer);
struct span buffer_span(const struct buffer *buffer); /* borrowed until the next append */

/* The content as a C string (a NUL is put behind it, not counted); borrowed like
 * buffer_span. */
const char *buffer_text(struct buffer *buffer);

#endif
