#include "policyd/cutover/drain.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "policyd/cutover/policyd_ask.h"
#include "policyd/routing/route_page.h"
#include "policyd/routing/status_page.h"
#include "shared/base/allocate.h"
#include "shared/base/attributes.h"
#include "shared/base/buffer.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

enum {
    ASK_MS = 250,
    DOMAINS_MAX = 64, /* that are compared; of more, all */
    NAME_ROOM = 256,
    RECIPIENT_ROOM = 1025,
    PAGE_MAX = 1 << 20,
    TELL_AGAIN_MS = 10 * 60 * 1000,
};

struct drain {
    struct drain_options options;
    struct event_base *base;
    struct event *timer;
    struct policyd_ask *ask;
    bool is_pending;
    bool is_answered; /* policyd answers as we do */
    uint64_t since_ms;
    uint64_t touched_ms; /* 0: never */
    uint64_t told_ms;
    char domains[DOMAINS_MAX][NAME_ROOM];
    size_t domain_count;
    char recipient[RECIPIENT_ROOM]; /* the last one; "": none */
    char last[NAME_ROOM];
    char why[200]; /* policyd does not answer so */
};

/* --- what is asked for --- */

static void
wake(struct drain *drain)
{
    static const struct timeval moment = {0, ASK_MS * 1000};

    if (!event_pending(drain->timer, EV_TIMEOUT, NULL))
        (void)event_add(drain->timer, &moment);
}

static void
begin(struct drain *drain, struct span domain)
{
    drain->is_pending = true;
    drain->is_answered = false;
    drain->since_ms = clock_now_ms();
    (void)snprintf(drain->why, sizeof(drain->why), "it was not asked yet");
    (void)span_copy(domain, drain->last, sizeof(drain->last));
    wake(drain);
}

static void
note_domain(struct drain *drain, struct span name)
{
    for (size_t i = 0; i < drain->domain_count; i++) {
        if (span_is(name, drain->domains[i]))
            return;
    }
    if (drain->domain_count < DOMAINS_MAX)
        (void)span_copy(name, drain->domains[drain->domain_count++], NAME_ROOM);
}

/* What was not there before turns no mail round, but for lists, which may be empty. */
static bool
turns(const struct replica_change *change)
{
    static const char *const fields[] = {
        "weight", "mode", "lists", "old", "new", "standby"};

    if (change->kind != CHANGE_DOMAIN || change->field == NULL)
        return false;
    for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
        if (strcmp(change->field, fields[i]) == 0)
            return change->from.length > 0 || strcmp(fields[i], "lists") == 0;
    }
    return false;
}

void
drain_change(struct drain *drain, const struct replica_change *change)
{
    if (!turns(change) || change->name.length >= NAME_ROOM)
        return;
    note_domain(drain, change->name);
    begin(drain, change->name);
}

void
drain_recipient(struct drain *drain, struct span domain, struct span recipient)
{
    (void)span_copy(recipient, drain->recipient, sizeof(drain->recipient));
    begin(drain, domain);
}

bool
drain_is_pending(const struct drain *drain)
{
    return drain->is_pending;
}

/* --- does policyd answer so? --- */

static bool
says_same_of_domains(const struct drain *drain, struct span body)
{
    const struct replica *replica = drain->options.replica(drain->options.argument);
    struct buffer entry;
    bool same = true;

    buffer_init(&entry, PAGE_MAX);
    for (size_t i = 0; i < drain->domain_count && same; i++) {
        buffer_reset(&entry);
        status_page_write_domain(
            &entry, drain->options.rules, replica, span_of(drain->domains[i]));
        same =
            buffer_ok(&entry) && span_find_text(body, buffer_span(&entry)) != SPAN_NONE;
    }
    buffer_clear(&entry);
    return same;
}

static bool
says_same_of_recipient(const struct drain *drain, struct span body)
{
    struct span address = span_of(drain->recipient);
    struct buffer page;
    struct route route;
    bool same;

    buffer_init(&page, PAGE_MAX);
    route_decide(drain->options.rules, drain->options.replica(drain->options.argument),
        address, (int64_t)time(NULL), &route);
    route_page_write(&page, "policyd", address, &route);
    same = span_equal(span_trim(body), span_trim(buffer_span(&page)));
    buffer_clear(&page);
    return same;
}

static void
was_answered(void *argument, struct span body, const char *why)
{
    struct drain *drain = argument;
    bool asked_domains = drain->domain_count > 0;
    bool same;

    drain->ask = NULL;
    if (why != NULL) {
        (void)snprintf(drain->why, sizeof(drain->why), "%s", why);
        return;
    }
    same = asked_domains ? says_same_of_domains(drain, body)
                         : says_same_of_recipient(drain, body);
    if (!same) {
        (void)snprintf(drain->why, sizeof(drain->why), "it answers something else");
        return;
    }
    /* One thing after the other. */
    if (asked_domains)
        drain->domain_count = 0;
    else
        drain->recipient[0] = '\0';
    drain->is_answered = drain->domain_count == 0 && drain->recipient[0] == '\0';
}

static void
ask(struct drain *drain)
{
    struct buffer path;

    buffer_init(&path, PAGE_MAX);
    if (drain->domain_count > 0) {
        buffer_append_text(&path, "/status.json");
    } else {
        buffer_append_text(&path, "/route.json?address=");
        for (const char *i = drain->recipient; *i != '\0'; i++)
            buffer_printf(&path, "%%%02X", (unsigned)(unsigned char)*i);
    }
    drain->ask = policyd_ask_start(
        drain->base, drain->options.policyd, buffer_text(&path), was_answered, drain);
    buffer_clear(&path);
}

/* --- the file --- */

static bool
touch(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
    bool done = fd >= 0 && futimens(fd, NULL) == 0;
    int reason = errno;

    if (fd >= 0)
        (void)close(fd);
    errno = reason;
    return done;
}

static void
finish(struct drain *drain, uint64_t now)
{
    bool is_late = !drain->is_answered;

    drain->is_pending = false;
    drain->touched_ms = now;
    drain->domain_count = 0;
    drain->recipient[0] = '\0';
    if (is_late)
        log_say(LOG_LEVEL_WARNING,
            "policyd does not answer the new way within %d s (%s): mail that waits is "
            "drained all the same",
            DRAIN_DEADLINE_MS / 1000, drain->why);
    if (!touch(drain->options.file)) {
        if (drain->told_ms == 0 || now > drain->told_ms + TELL_AGAIN_MS)
            log_say(LOG_LEVEL_WARNING,
                "%s can't be touched: %s; mail that waits is routed anew by `postfix "
                "reload && sleep 2 && postqueue -f`",
                drain->options.file, strerror(errno));
        drain->told_ms = now;
        return;
    }
    log_info("drain", log_text("domain", drain->last),
        log_text("file", drain->options.file),
        log_milliseconds("delay", (int64_t)(now - drain->since_ms)));
    if (drain->options.drained != NULL)
        drain->options.drained(drain->options.argument, drain->last);
}

static void
on_timer(evutil_socket_t fd, short what, void *argument)
{
    struct drain *drain = argument;
    uint64_t now = clock_now_ms();
    bool may =
        drain->touched_ms == 0 || now >= drain->touched_ms + drain->options.every_ms;

    (void)fd;
    (void)what;
    if (!drain->is_pending)
        return;
    if (may && (drain->is_answered || now >= drain->since_ms + DRAIN_DEADLINE_MS)) {
        policyd_ask_free(drain->ask);
        drain->ask = NULL;
        finish(drain, now);
        return;
    }
    if (!drain->is_answered && drain->ask == NULL)
        ask(drain);
    wake(drain);
}

/* --- life --- */

struct drain *
drain_new(struct event_base *base, const struct drain_options *options)
{
    struct drain *drain = allocate(sizeof(*drain));

    drain->base = base;
    drain->options = *options;
    drain->timer = allocated(evtimer_new(base, on_timer, drain));
    return drain;
}

void
drain_free(struct drain *drain)
{
    if (drain == NULL)
        return;
    policyd_ask_free(drain->ask);
    event_free(drain->timer);
    free(drain);
}

void
drain_set_options(struct drain *drain, const struct drain_options *options)
{
    policyd_ask_free(drain->ask);
    drain->ask = NULL;
    drain->options = *options;
}
