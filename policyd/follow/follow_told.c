#include "policyd/follow/follow_told.h"

#include <string.h>

#include "shared/base/span.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

enum { CALM_MS = 10000, SILENCE_MS = 600000, WRONG_LINES = 1000 };

void
follow_told_trouble(struct follow_told *told, const char *now)
{
    if (now[0] != '\0' && strcmp(told->trouble, now) != 0) {
        (void)span_copy(span_first(span_of(now), FOLLOW_TROUBLE_MAX - 1), told->trouble,
            FOLLOW_TROUBLE_MAX);
        log_say(LOG_LEVEL_ERROR, "%s", told->trouble);
    }
    if (now[0] != '\0')
        told->trouble_ms = clock_now_ms();
    if (now[0] == '\0' && told->trouble[0] != '\0' &&
        clock_now_ms() > told->trouble_ms + CALM_MS) {
        told->trouble[0] = '\0';
        log_say(LOG_LEVEL_INFO, "log and books can be used again");
    }
}

bool
follow_told_silence(struct follow_told *told, uint64_t heard_ms, const char *log)
{
    bool is_silent = clock_now_ms() > heard_ms + SILENCE_MS;

    if (is_silent && !told->is_silent)
        log_say(LOG_LEVEL_WARNING, "no line of Postfix has come from %s for %d minutes",
            log, SILENCE_MS / 60000);
    if (!is_silent && told->is_silent)
        log_say(LOG_LEVEL_INFO, "lines of Postfix come again");
    told->is_silent = is_silent;
    return is_silent;
}

void
follow_told_wrong(struct follow_told *told, const uint64_t lines[3], const char *log)
{
    if (told->is_wrong || lines[0] > 0 || lines[1] < WRONG_LINES)
        return;
    told->is_wrong = true;
    log_say(LOG_LEVEL_WARNING,
        "%d lines of %s and none of Postfix's: is it the right log ([cutover] log)?",
        WRONG_LINES, log);
}
