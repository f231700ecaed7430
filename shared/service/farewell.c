#include "shared/service/farewell.h"

bool
farewell_ask(struct farewell *farewell, uint64_t now_ms)
{
    farewell->asked_ms = now_ms;
    if (farewell->begun_ms != 0 && farewell->told_ms == 0)
        farewell->told_ms = now_ms;
    return farewell->begun_ms != 0;
}

bool
farewell_is_over(struct farewell *farewell, uint64_t now_ms)
{
    if (farewell->begun_ms == 0) {
        farewell->begun_ms = now_ms;
        return farewell->asked_ms == 0 ||
               now_ms > farewell->asked_ms + FAREWELL_WATCHED_MS;
    }
    return (farewell->told_ms != 0 && now_ms >= farewell->told_ms + FAREWELL_SENT_MS) ||
           now_ms >= farewell->begun_ms + FAREWELL_MS;
}
