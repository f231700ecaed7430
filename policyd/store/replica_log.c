#include "policyd/store/replica_log.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/allocate.h"
#include "shared/base/attributes.h"
#include "shared/service/log.h"

enum { LINES_A_SECOND = 20, DOMAIN_LINES_A_SECOND = 500 };

struct replica_log {
    struct event *second;
    bool counting;  /* a second has begun */
    unsigned lines; /* in it */
    unsigned domain_lines;
    int64_t untold[CHANGE_MEMBER + 1];
    char unreadable[250]; /* why, as told last; "": it is readable */
};

static void
tell_rest(struct replica_log *log)
{
    int64_t fields = log->untold[CHANGE_DOMAIN];
    int64_t pins = log->untold[CHANGE_PIN];
    int64_t units = log->untold[CHANGE_UNIT];
    int64_t members = log->untold[CHANGE_MEMBER];

    if (fields + pins + units + members > 0)
        log_info("change", fields > 0 ? log_number("fields", fields) : log_nothing(),
            pins > 0 ? log_number("pins", pins) : log_nothing(),
            units > 0 ? log_number("units", units) : log_nothing(),
            members > 0 ? log_number("members", members) : log_nothing(),
            log_text("source", "redis"), log_note("more of them within a second"));
    memset(log->untold, 0, sizeof(log->untold));
    log->lines = 0;
    log->domain_lines = 0;
}

static void
on_second(evutil_socket_t fd, short what, void *argument)
{
    struct replica_log *log = argument;

    (void)fd;
    (void)what;
    log->counting = false;
    tell_rest(log);
}

struct replica_log *
replica_log_new(struct event_base *base)
{
    struct replica_log *log = allocate(sizeof(*log));

    log->second = allocated(event_new(base, -1, 0, on_second, log));
    return log;
}

void
replica_log_free(struct replica_log *log)
{
    if (log == NULL)
        return;
    tell_rest(log);
    event_free(log->second);
    free(log);
}

static bool
may_tell(struct replica_log *log, enum replica_change_kind kind)
{
    static const struct timeval second = {1, 0};

    unsigned *lines = kind == CHANGE_DOMAIN ? &log->domain_lines : &log->lines;
    unsigned most = kind == CHANGE_DOMAIN ? DOMAIN_LINES_A_SECOND : LINES_A_SECOND;

    if (!log->counting)
        event_add(log->second, &second);
    log->counting = true;
    if (*lines < most) {
        (*lines)++;
        return true;
    }
    log->untold[kind]++;
    return false;
}

void
replica_log_change(struct replica_log *log, const struct replica_change *change)
{
    static const char *const subjects[] = {
        [CHANGE_DOMAIN] = "domain",
        [CHANGE_PIN] = "pin",
        [CHANGE_UNIT] = "recipient",
        [CHANGE_MEMBER] = "domain",
    };

    if (!may_tell(log, change->kind))
        return;
    log_info("change", log_span(subjects[change->kind], change->name),
        change->kind == CHANGE_MEMBER ? log_span("list", change->list) : log_nothing(),
        change->kind == CHANGE_PIN ? log_nothing() : log_text("field", change->field),
        change->from.length > 0 ? log_span("from", change->from) : log_nothing(),
        change->to.length > 0 ? log_span("to", change->to) : log_nothing(),
        log_text("source", replica_source_name(change->source)));
}

/* "domain:example.com" is told as domain=example.com. */
static struct log_field
subject_of(const char *key)
{
    static const char *const kinds[] = {"domain", "pin", "unit", "list"};

    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        size_t length = strlen(kinds[i]);

        if (strncmp(key, kinds[i], length) == 0 && key[length] == ':')
            return log_text(kinds[i], key + length + 1);
    }
    return log_text("key", key);
}

void
replica_log_problem(const struct replica_problem *problem, const char *kept)
{
    const struct domain_problem *detail = &problem->detail;
    bool has_field = problem->kind == PROBLEM_INVALID ||
                     problem->kind == PROBLEM_UNKNOWN || problem->kind == PROBLEM_OLDER;

    log_warning("", subject_of(problem->key),
        has_field ? log_text("field", detail->field) : log_nothing(),
        has_field ? log_text("value", detail->value) : log_nothing(),
        kept[0] != '\0' ? log_text("kept", kept) : log_nothing(), log_note(detail->text));
}

void
replica_log_alarm(const char *text)
{
    if (text[0] == '\0')
        log_info("alarm", log_text("state", "over"),
            log_note("Redis says again what is answered"));
    else
        log_error("", log_text("alarm", "redis lost what is answered"), log_note(text));
}

void
replica_log_unreadable(struct replica_log *log, const struct redis *redis,
    enum redis_trouble trouble, const char *why)
{
    if (strncmp(why, log->unreadable, sizeof(log->unreadable) - 1) == 0)
        return;
    (void)snprintf(log->unreadable, sizeof(log->unreadable), "%s", why);
    log_warning("", log_text("redis", "unreadable"),
        log_text("address", redis_address(redis)),
        log_text("reason", redis_trouble_name(trouble)), log_note(log->unreadable));
}

void
replica_log_readable(struct replica_log *log, const struct redis *redis)
{
    if (log->unreadable[0] == '\0')
        return;
    log->unreadable[0] = '\0';
    log_info("redis", log_text("state", "readable"),
        log_text("address", redis_address(redis)));
}

void
replica_log_problem_line(const struct replica_problem *problem, char *out, size_t size)
{
    const struct domain_problem *detail = &problem->detail;

    if (problem->kind == PROBLEM_INVALID || problem->kind == PROBLEM_UNKNOWN ||
        problem->kind == PROBLEM_OLDER)
        snprintf(out, size, "%s: %s%s%s: %s", problem->key, detail->field,
            detail->value[0] != '\0' ? "=" : "", detail->value, detail->text);
    else
        snprintf(out, size, "%s: %s", problem->key, detail->text);
}
