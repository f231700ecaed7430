#include "shared/service/log_limit.h"

#include "shared/service/clock.h"

enum { MINUTE_MS = 60000 };

bool
log_limit_may(struct log_limit *limit)
{
    uint64_t now_ms = clock_now_ms();

    limit->to_tell = 0;
    if (limit->logged == 0 || now_ms - limit->minute_ms >= MINUTE_MS)
        *limit = (struct log_limit){.minute_ms = now_ms, .to_tell = limit->left_out};
    if (limit->logged == LOG_LIMIT_A_MINUTE) {
        limit->left_out++;
        return false;
    }
    limit->logged++;
    return true;
}

struct log_field
log_limit_field(const struct log_limit *limit)
{
    return limit->to_tell > 0 ? log_number("unlogged", limit->to_tell) : log_nothing();
}
