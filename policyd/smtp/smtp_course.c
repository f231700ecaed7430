#include "policyd/smtp/smtp_course.h"

#include <event2/event.h>
#include <stdio.h>

#include "shared/service/clock.h"

enum { QUIT_TIMEOUT_MS = 2000 };

const char *
smtp_phase_name(enum smtp_phase phase)
{
    static const char *const names[SMTP_PHASES] = {
        "connect", "banner", "ehlo", "tls", "mail", "rcpt", "rset", "quit"};

    return names[phase];
}

static void
soon(struct smtp_talk *talk)
{
    static const struct timeval at_once = {0, 0};

    (void)event_add(talk->turn, &at_once);
}

static void
arm(struct event *timer, unsigned timeout_ms)
{
    const struct timeval time = {
        timeout_ms / 1000, (suseconds_t)(timeout_ms % 1000) * 1000};

    (void)event_add(timer, &time);
}

/* Time that went by is the running phase's. */
static void
count_time(struct smtp_talk *talk)
{
    uint64_t now = clock_now_us();
    int64_t *duration = &talk->result.duration_us[talk->result.phase];

    if (*duration >= 0)
        *duration += (int64_t)(now - talk->phase_us);
    talk->phase_us = now;
}

void
smtp_course_reset(struct smtp_talk *talk)
{
    talk->result = (struct smtp_talk_result){.phase = SMTP_CONNECT};
    for (size_t i = 0; i < SMTP_PHASES; i++)
        talk->result.duration_us[i] = -1;
    talk->result.duration_us[SMTP_CONNECT] = 0;
    talk->says_helo = false;
    talk->has_failed = false;
}

void
smtp_course_begin(struct smtp_talk *talk, enum smtp_phase phase)
{
    count_time(talk);
    talk->result.phase = phase;
    if (talk->result.duration_us[phase] < 0)
        talk->result.duration_us[phase] = 0;
    arm(talk->step, phase == SMTP_QUIT && talk->step_timeout_ms > QUIT_TIMEOUT_MS
                        ? QUIT_TIMEOUT_MS
                        : talk->step_timeout_ms);
}

void
smtp_course_finish(struct smtp_talk *talk)
{
    if (talk->is_over)
        return;
    count_time(talk);
    talk->is_over = true;
    (void)event_del(talk->step);
    soon(talk);
}

void
smtp_course_fail(struct smtp_talk *talk, enum smtp_trouble trouble, const char *why)
{
    if (talk->is_over || talk->has_failed)
        return;
    talk->result.trouble = trouble;
    (void)snprintf(talk->result.why, sizeof(talk->result.why), "%s", why);
    if (talk->is_established) {
        smtp_course_finish(talk);
        return;
    }
    count_time(talk);
    talk->has_failed = true;
    (void)event_del(talk->step);
    soon(talk);
}

void
smtp_course_refused(struct smtp_talk *talk)
{
    char reply[SMTP_REPLY_WRITTEN_MAX + 1];
    char why[400];

    smtp_reply_write(&talk->result.reply, reply);
    (void)snprintf(why, sizeof(why), "%.300s (in reply to %s)", reply,
        talk->result.phase == SMTP_BANNER ? "the connection"
                                          : smtp_phase_name(talk->result.phase));
    smtp_course_fail(talk, SMTP_TROUBLE_REFUSED, why);
}
