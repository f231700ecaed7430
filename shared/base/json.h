/*
 * json - write JSON (RFC 8259) into a buffer; there is no reader.
 *
 * The writer puts commas and closes nothing by itself: each begin has its end.  `key` is
 * NULL inside an array and for the outermost value.  Text that is no UTF-8 has each bad
 * octet replaced by U+FFFD, so the document is always valid.  Overflow shows in
 * buffer_ok().
 */
#ifndef SHARED_BASE_JSON_H
#define SHARED_BASE_JSON_H

#include "shared/base/buffer.h"

struct json {
    struct buffer *out;
    bool needs_comma;
};

struct json json_on(struct buffer *out);

void json_object_begin(struct json *json, const char *key);
void json_object_end(struct json *json);
void json_array_begin(struct json *json, const char *key);
void json_array_end(struct json *json);

void json_text(
    struct json *json, const char *key, const char *text); /* NULL writes null */
void json_span(struct json *json, const char *key, struct span text);
void json_integer(struct json *json, const char *key, int64_t number);
void json_hundredths(
    struct json *json, const char *key, int64_t hundredths); /* 3050 writes 30.5 */
void json_double(
    struct json *json, const char *key, double number); /* not finite: null */
void json_bool(struct json *json, const char *key, bool yes);
/* Of what may not be known: null for "", and for what is not. */
void json_text_if(struct json *json, const char *key, const char *text);
void json_integer_if(struct json *json, const char *key, bool is_known, int64_t number);
void json_null(struct json *json, const char *key);

#endif
