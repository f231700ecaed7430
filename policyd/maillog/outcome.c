#include "policyd/maillog/outcome.h"

#include "policyd/maillog/reply_class.h"

static const char *const names[OUTCOME_COUNT] = {
    "ok", "fail", "neutral", "rejected", "unknown", "toobig"};

const char *
outcome_name(enum outcome outcome)
{
    return names[outcome];
}

/* 4.3.x: the system, not the mailbox or the message. */
static bool
is_of_system(struct span enhanced)
{
    return span_starts(enhanced, SPAN("4.3.")) || span_starts(enhanced, SPAN("5.3."));
}

static enum outcome
outcome_of_4xx(const struct maillog_reply *reply)
{
    bool at_start = reply->phase == PHASE_CONNECT || reply->phase == PHASE_HELLO;

    return reply->code == 421 || (at_start && is_of_system(reply->enhanced)) ||
                   reply->phase == PHASE_CONNECT || reply->phase == PHASE_TLS
               ? OUTCOME_FAIL
               : OUTCOME_NEUTRAL;
}

static enum outcome
outcome_of_5xx(const struct maillog_reply *reply)
{
    enum reply_class class = reply_class_of(reply);

    if (reply->phase == PHASE_CONNECT || reply->phase == PHASE_TLS)
        return OUTCOME_FAIL;
    if (reply->phase == PHASE_RCPT)
        return class == REPLY_UNKNOWN || reply->enhanced.length == 0 ||
                       span_starts(reply->enhanced, SPAN("5.1."))
                   ? OUTCOME_UNKNOWN
                   : OUTCOME_REJECTED;
    return class == REPLY_SIZE ? OUTCOME_TOO_BIG : OUTCOME_REJECTED;
}

static enum outcome
outcome_of_reply(const struct maillog_reply *reply)
{
    if (reply->code >= 500)
        return outcome_of_5xx(reply);
    if (reply->code >= 400)
        return outcome_of_4xx(reply);
    return OUTCOME_NEUTRAL;
}

enum outcome
outcome_of(enum maillog_status status, const struct maillog_reply *reply)
{
    if (status == MAILLOG_SENT)
        return OUTCOME_OK;
    switch (reply->said) {
    case SAID_REPLY:
        return outcome_of_reply(reply);
    case SAID_NOTHING:
    case SAID_SUSPENDED:
        return OUTCOME_FAIL;
    case SAID_TOO_BIG:
        return OUTCOME_TOO_BIG;
    case SAID_OTHER:
    default:
        return OUTCOME_NEUTRAL;
    }
}
