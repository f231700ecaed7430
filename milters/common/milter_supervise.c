#include "milters/common/milter_supervise.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "milters/common/milter_child.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

enum {
    QUICK_DEATH_MS = 2000,
    FIRST_DELAY_MS = 100,
    LONGEST_DELAY_MS = 5000,
    STOP_SECONDS = 8,
    LAST_SECONDS = 1, /* for those that were told once all others were gone */
    DRAIN_SECONDS = 600,
};

struct child {
    struct child *next;
    struct supervise_role role; /* a copy: the list of roles may change */
    pid_t pid;
    int control;
    uint64_t started_ms;
    bool told;     /* to drain or to stop: its end is no surprise */
    bool starting; /* has yet to say that it is ready */
    bool stopping;
    struct event *deadline;
    struct event *heard; /* for roles that say when they are ready */
    struct supervise *owner;
};

struct slot {
    struct supervise_role role;
    unsigned quick_deaths;
    struct event *restart;
    struct supervise *owner;
};

struct supervise {
    struct event_base *base;
    struct supervise_hooks hooks;
    struct slot slots[SUPERVISE_ROLES_MAX];
    size_t slot_count;
    struct child *children;
    struct event *on_child;
    bool stopping;
};

static struct timeval
seconds(long count)
{
    return (struct timeval){count, 0};
}

static void
child_tell(struct child *child, char octet, long deadline)
{
    const struct timeval when = seconds(deadline);

    child->told = true;
    (void)send(child->control, &octet, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)evtimer_add(child->deadline, &when);
}

static void
on_deadline(evutil_socket_t fd, short what, void *argument)
{
    struct child *child = argument;

    (void)fd;
    (void)what;
    log_warning("", log_text("process", child->role.name), log_number("pid", child->pid),
        log_note("did not end in time: killed"));
    (void)kill(child->pid, SIGKILL);
}

static void
child_free(struct child *child)
{
    event_free(child->deadline);
    event_free(child->heard);
    (void)close(child->control);
    free(child);
}

static void schedule(struct slot *slot);

static void
child_end(struct child *child, char octet, long deadline)
{
    child_tell(child, octet, deadline);
    if (child->starting && (octet == SUPERVISE_STOP || child->role.starts_long))
        (void)kill(child->pid, SIGTERM);
}

static bool
child_is_of(const struct child *child, const char *name)
{
    return !child->told && strcmp(child->role.name, name) == 0;
}

/* The children of a role that were started before `since` (NULL: all) and are not on
 * their way out.  The list has the newest first. */
static void
drain_older(struct supervise *supervise, const char *name, const struct child *since)
{
    for (struct child *child = since == NULL ? supervise->children : since->next;
         child != NULL; child = child->next) {
        if (child_is_of(child, name))
            child_end(child, SUPERVISE_DRAIN, DRAIN_SECONDS);
    }
}

/* Those that are still getting ready, with what is out of date by now. */
static void
end_starting(struct supervise *supervise, const char *name)
{
    for (struct child *child = supervise->children; child != NULL; child = child->next) {
        if (child->starting && child_is_of(child, name))
            child_end(child, SUPERVISE_DRAIN, DRAIN_SECONDS);
    }
}

static void
on_heard(evutil_socket_t fd, short what, void *argument)
{
    struct child *child = argument;
    struct supervise *supervise = child->owner;
    char word;

    (void)what;
    if (recv(fd, &word, 1, MSG_DONTWAIT) != 1) {
        (void)event_del(child->heard); /* closed: its end comes as a signal */
        return;
    }
    if (word != SUPERVISE_READY || child->told)
        return;
    child->starting = false;
    drain_older(supervise, child->role.name, child);
    if (supervise->hooks.ready != NULL)
        supervise->hooks.ready(supervise->hooks.argument, &child->role);
}

/* False: it could not be started and is tried again later. */
static bool
slot_start(struct slot *slot)
{
    struct supervise *supervise = slot->owner;
    struct child *child = allocate(sizeof(*child));

    child->pid = milter_child_fork(&slot->role, &child->control);
    if (child->pid < 0) {
        log_say(LOG_LEVEL_ERROR, "can't start the %s process: %s", slot->role.name,
            strerror(errno));
        free(child);
        slot->quick_deaths++;
        schedule(slot);
        return false;
    }
    child->role = slot->role;
    child->started_ms = clock_now_ms();
    child->starting = child->role.says_ready;
    child->owner = supervise;
    child->deadline = allocated(evtimer_new(supervise->base, on_deadline, child));
    child->heard = allocated(event_new(
        supervise->base, child->control, EV_READ | EV_PERSIST, on_heard, child));
    child->next = supervise->children;
    supervise->children = child;
    if (child->role.says_ready)
        (void)event_add(child->heard, NULL);
    log_debug(
        "started", log_text("process", slot->role.name), log_number("pid", child->pid));
    return true;
}

static void
on_restart(evutil_socket_t fd, short what, void *argument)
{
    struct slot *slot = argument;

    (void)fd;
    (void)what;
    if (!slot->owner->stopping)
        (void)slot_start(slot);
}

/* The first replacement comes at once; each further quick death doubles the wait. */
static long
delay_ms(unsigned quick_deaths)
{
    long delay = FIRST_DELAY_MS;

    if (quick_deaths <= 1)
        return 0;
    for (unsigned i = 2; i < quick_deaths && delay < LONGEST_DELAY_MS; i++)
        delay *= 2;
    return delay < LONGEST_DELAY_MS ? delay : LONGEST_DELAY_MS;
}

static void
schedule(struct slot *slot)
{
    struct timeval when = clock_timeval((uint64_t)delay_ms(slot->quick_deaths));

    (void)evtimer_add(slot->restart, &when);
}

static struct slot *
slot_find(struct supervise *supervise, const char *name)
{
    for (size_t i = 0; i < supervise->slot_count; i++) {
        if (strcmp(supervise->slots[i].role.name, name) == 0)
            return &supervise->slots[i];
    }
    return NULL;
}

bool
supervise_is_running(const struct supervise *supervise, const char *name)
{
    for (const struct child *child = supervise->children; child != NULL;
         child = child->next) {
        if (child_is_of(child, name))
            return true;
    }
    return false;
}

bool
supervise_is_starting(const struct supervise *supervise, const char *name)
{
    for (const struct child *child = supervise->children; child != NULL;
         child = child->next) {
        if (child->starting && child_is_of(child, name))
            return true;
    }
    return false;
}

static void
child_died(struct supervise *supervise, const struct child *child, int status)
{
    struct slot *slot = slot_find(supervise, child->role.name);
    bool quick = clock_now_ms() - child->started_ms < QUICK_DEATH_MS;
    bool another = supervise_is_running(supervise, child->role.name);

    if (supervise->hooks.died != NULL)
        supervise->hooks.died(supervise->hooks.argument, &child->role, status);
    slot->quick_deaths = quick ? slot->quick_deaths + 1 : 1;
    log_error("process ended", log_text("process", child->role.name),
        log_number("pid", child->pid),
        WIFSIGNALED(status) ? log_number("signal", WTERMSIG(status))
                            : log_number("status", WEXITSTATUS(status)),
        another ? log_nothing()
                : log_milliseconds("next_start", delay_ms(slot->quick_deaths)),
        log_note(WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "ended by itself"));
    if (!another)
        schedule(slot);
}

static struct child *
child_unlink(struct supervise *supervise, pid_t pid)
{
    for (struct child **link = &supervise->children; *link != NULL;
         link = &(*link)->next) {
        struct child *child = *link;

        if (child->pid != pid)
            continue;
        *link = child->next;
        return child;
    }
    return NULL;
}

/* Those that others need come when these are gone. */
static void
stop_children(struct supervise *supervise)
{
    bool last = true;

    for (struct child *child = supervise->children; child != NULL; child = child->next)
        last = last && child->role.stops_last;
    for (struct child *child = supervise->children; child != NULL; child = child->next) {
        if (child->stopping || (child->role.stops_last && !last))
            continue;
        child->stopping = true;
        child_end(
            child, SUPERVISE_STOP, child->role.stops_last ? LAST_SECONDS : STOP_SECONDS);
    }
    if (supervise->children == NULL && supervise->hooks.stopped != NULL)
        supervise->hooks.stopped(supervise->hooks.argument);
}

static void
on_child(evutil_socket_t fd, short what, void *argument)
{
    struct supervise *supervise = argument;
    pid_t pid;
    int status;

    (void)fd;
    (void)what;
    while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
        struct child *child;

        /* Stopped it holds what it has and serves nobody: another can. */
        if (WIFSTOPPED(status)) {
            (void)kill(pid, SIGKILL);
            continue;
        }
        child = child_unlink(supervise, pid);
        if (child == NULL)
            continue;
        if (child->role.gone != NULL)
            child->role.gone(child->role.argument, pid);
        if (!child->told && !supervise->stopping)
            child_died(supervise, child, status);
        child_free(child);
    }
    if (supervise->stopping)
        stop_children(supervise);
}

void
supervise_say_ready(int control)
{
    const char word = SUPERVISE_READY;

    (void)send(control, &word, 1, MSG_NOSIGNAL);
}

struct supervise *
supervise_new(struct event_base *base, const struct supervise_hooks *hooks)
{
    struct supervise *supervise = allocate(sizeof(*supervise));

    supervise->base = base;
    supervise->hooks = *hooks;
    supervise->on_child = allocated(evsignal_new(base, SIGCHLD, on_child, supervise));
    if (event_add(supervise->on_child, NULL) < 0)
        abort();
    return supervise;
}

void
supervise_add(struct supervise *supervise, const struct supervise_role *role)
{
    struct slot *slot = &supervise->slots[supervise->slot_count++];

    assert(supervise->slot_count <= SUPERVISE_ROLES_MAX);
    *slot = (struct slot){.role = *role, .owner = supervise};
    slot->restart = allocated(evtimer_new(supervise->base, on_restart, slot));
    (void)slot_start(slot);
}

void
supervise_set_drain_first(struct supervise *supervise, const char *name, bool drain_first)
{
    struct slot *slot = slot_find(supervise, name);

    assert(slot != NULL);
    slot->role.drain_first = drain_first;
}

void
supervise_replace(struct supervise *supervise, const char *name)
{
    struct slot *slot = slot_find(supervise, name);

    assert(slot != NULL);
    (void)evtimer_del(slot->restart);
    slot->quick_deaths = 0;
    end_starting(supervise, name);
    if (slot->role.drain_first)
        drain_older(supervise, name, NULL);
    if (slot_start(slot) && !slot->role.says_ready)
        drain_older(supervise, name, supervise->children);
}

void
supervise_reload(struct supervise *supervise)
{
    for (size_t i = 0; i < supervise->slot_count; i++)
        supervise_replace(supervise, supervise->slots[i].role.name);
}

void
supervise_stop(struct supervise *supervise)
{
    supervise->stopping = true;
    for (size_t i = 0; i < supervise->slot_count; i++)
        (void)evtimer_del(supervise->slots[i].restart);
    stop_children(supervise);
}

void
supervise_free(struct supervise *supervise)
{
    if (supervise == NULL)
        return;
    while (supervise->children != NULL) {
        struct child *child = supervise->children;

        supervise->children = child->next;
        child_free(child);
    }
    for (size_t i = 0; i < supervise->slot_count; i++)
        event_free(supervise->slots[i].restart);
    event_free(supervise->on_child);
    free(supervise);
}
