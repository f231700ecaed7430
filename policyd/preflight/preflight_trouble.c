#include "policyd/preflight/preflight_trouble.h"

const char *
preflight_trouble(struct arena *arena, const struct smtp_talk_result *result)
{
    char written[SMTP_REPLY_WRITTEN_MAX + 1];

    if (result->trouble == SMTP_TROUBLE_NONE)
        return NULL;
    if (result->trouble == SMTP_TROUBLE_REFUSED && result->reply.code != 0) {
        smtp_reply_write(&result->reply, written);
        return arena_printf(
            arena, "%.160s (at %s)", written, smtp_phase_name(result->phase));
    }
    return arena_printf(
        arena, "%.160s (at %s)", result->why, smtp_phase_name(result->phase));
}
