#include "policyd/serve/line_limit.h"

#include "policyd/serve/client.h"

enum { MINUTE_MS = 60000 };

bool
line_limit_may(struct line_limit *limit)
{
    uint64_t now_ms = client_clock_ms();

    limit->to_tell = 0;
    if (limit->logged == 0 || now_ms - limit->minute_ms >= MINUTE_MS)
        *limit = (struct line_limit){.minute_ms = now_ms, .to_tell = limit->left_out};
    if (limit->logged == LINE_LIMIT_A_MINUTE) {
        limit->left_out++;
        return false;
    }
    limit->logged++;
    return true;
}

struct log_field
line_limit_field(const struct line_limit *limit)
{
    return limit->to_tell > 0 ? log_number("unlogged", limit->to_tell) : log_nothing();
}
