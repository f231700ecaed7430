#include "policyd/redis/redis_pattern.h"

#include <string.h>

void
redis_pattern_literal(struct buffer *pattern, struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] != '\0' && strchr("*?[]\\^-", text.data[i]) != NULL)
            buffer_append_octet(pattern, '\\');
        buffer_append_octet(pattern, text.data[i]);
    }
}
