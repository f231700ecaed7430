#include "policyd/maillog/queue_id.h"

#include <string.h>

enum { SHORT_ID_LEAST = 6, SHORT_ID_MOST = 16, LONG_ID_LEAST = 10, LONG_ID_MOST = 32 };

static bool
is_among(char octet, const char *letters)
{
    return octet != '\0' && strchr(letters, octet) != NULL;
}

bool
queue_id_is_valid(struct span text)
{
    bool is_short = text.length >= SHORT_ID_LEAST && text.length <= SHORT_ID_MOST;
    bool is_long = text.length >= LONG_ID_LEAST && text.length <= LONG_ID_MOST;

    for (size_t i = 0; i < text.length && (is_short || is_long); i++) {
        is_short = is_short && is_among(text.data[i], "0123456789ABCDEF");
        is_long = is_long && is_among(text.data[i],
                                 "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz");
    }
    return is_short || is_long;
}
