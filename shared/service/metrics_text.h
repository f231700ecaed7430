/*
 * metrics_text - labels and numbers as Prometheus reads them.  Pure.
 */
#ifndef SHARED_SERVICE_METRICS_TEXT_H
#define SHARED_SERVICE_METRICS_TEXT_H

#include "shared/base/buffer.h"

/*
 * Appends `name="value"`, behind a comma where something stands before it.  Values may
 * come from outside: octets that are not UTF-8, which would make the whole page
 * unreadable, are U+FFFD.
 */
void metrics_text_label(struct buffer *out, const char *name, const char *value);

/* The shortest text that reads back as the same number; NaN, +Inf, -Inf. */
void metrics_text_number(struct buffer *out, double number);

#endif
