#include "policyd/cutover/queue_child.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "policyd/books/queue_listing.h"
#include "shared/base/allocate.h"
#include "shared/base/attributes.h"
#include "shared/base/buffer.h"
#include "shared/service/clock.h"

enum {
    DEADLINE_MS = 30000,
    LOOK_MS = 50, /* between two looks whether it has ended */
    STEP = 64 << 10,
    OUT_MAX = 256 << 20,
    LINE_MAX_OCTETS = 8 << 20,
    ENTRIES_MAX = 300000,
    ARENA_MAX = 64 << 20, /* of so many ids of the greatest length */
    SAID_MAX = 300,
    WRONG_MAX = 500,
};

struct queue_child {
    const char *postfix;
    void (*listed)(void *argument, struct queue_listed *listed);
    void *argument;
    struct event_base *base;
    struct event *timer;
    struct event *out; /* NULL: none, or over */
    struct event *err;
    pid_t pid; /* 0: none that has to be waited for */
    uint64_t started_ms;
    size_t octets;
    struct buffer line; /* the beginning of one */
    size_t room;
    char said[SAID_MAX]; /* on standard error */
    char wrong[WRONG_MAX];
    bool is_told;
    struct queue_listed result;
};

static void
close_event(struct event **event)
{
    if (*event == NULL)
        return;
    (void)close(event_get_fd(*event));
    event_free(*event);
    *event = NULL;
}

/* A group of its own: what it may have started goes with it. */
static void
kill_child(struct queue_child *child)
{
    if (child->pid > 0)
        (void)kill(-child->pid, SIGKILL);
    close_event(&child->out);
    close_event(&child->err);
}

ATTRIBUTE_PRINTF(2, 3)
static void
fail(struct queue_child *child, const char *format, ...)
{
    va_list arguments;

    if (child->wrong[0] == '\0') {
        va_start(arguments, format);
        (void)vsnprintf(child->wrong, sizeof(child->wrong), format, arguments);
        va_end(arguments);
    }
    kill_child(child);
}

/* --- what it prints --- */

static bool
add_entry(struct queue_child *child, struct span line)
{
    struct queue_listed *result = &child->result;

    if (line.length == 0)
        return true;
    if (result->count == ENTRIES_MAX) {
        fail(child, "the queue has more than %d messages", ENTRIES_MAX);
        return false;
    }
    if (result->count == child->room) {
        child->room = child->room == 0 ? 256 : 2 * child->room;
        result->entries =
            allocate_grow(result->entries, child->room, sizeof(*result->entries));
    }
    if (!queue_listing_line(result->arena, line, &result->entries[result->count])) {
        fail(child, "postqueue -j prints what is no listing");
        return false;
    }
    result->count++;
    return true;
}

static void
take_lines(struct queue_child *child)
{
    struct span rest = buffer_span(&child->line);
    size_t end;
    size_t taken = 0;

    while ((end = span_find(rest, '\n')) != SPAN_NONE) {
        if (!add_entry(child, span_first(rest, end)))
            return;
        taken += end + 1;
        rest = span_from(rest, end + 1);
    }
    buffer_consume(&child->line, taken);
    if (child->line.length > LINE_MAX_OCTETS - STEP)
        fail(child, "postqueue -j prints a line of more than %d MiB",
            LINE_MAX_OCTETS >> 20);
}

static void
can_read_out(evutil_socket_t fd, short what, void *argument)
{
    struct queue_child *child = argument;
    ssize_t count;

    (void)what;
    (void)buffer_reserve(&child->line, STEP);
    count = read(fd, child->line.data + child->line.length, STEP);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0) {
        close_event(&child->out);
        if (child->line.length > 0)
            (void)add_entry(child, buffer_span(&child->line));
        return;
    }
    child->line.length += (size_t)count;
    child->octets += (size_t)count;
    if (child->octets > OUT_MAX)
        fail(child, "postqueue -j prints more than %d MiB", OUT_MAX >> 20);
    else
        take_lines(child);
}

/* The beginning of it tells; the rest is read and passed over. */
static void
can_read_err(evutil_socket_t fd, short what, void *argument)
{
    struct queue_child *child = argument;
    size_t length = strlen(child->said);
    char octets[4096];
    ssize_t count = read(fd, octets, sizeof(octets));

    (void)what;
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0) {
        close_event(&child->err);
        return;
    }
    for (ssize_t i = 0; i < count && length + 1 < sizeof(child->said); i++)
        child->said[length++] = octets[i] == '\n' || octets[i] == '\0' ? ' ' : octets[i];
}

/* --- its life --- */

static void
tell(struct queue_child *child)
{
    if (child->is_told)
        return;
    child->is_told = true;
    buffer_clear(&child->line);
    buffer_init(&child->line, LINE_MAX_OCTETS);
    child->result.wrong = child->wrong[0] == '\0' ? NULL : child->wrong;
    child->listed(child->argument, &child->result);
}

static void
has_ended(struct queue_child *child, int status)
{
    struct span said;

    child->pid = 0;
    if (status == 0 || child->wrong[0] != '\0')
        return;
    if (child->err != NULL)
        can_read_err(event_get_fd(child->err), 0, child);
    said = span_trim(span_of(child->said));
    if (WIFSIGNALED(status))
        fail(child, "postqueue -j was ended by signal %d", WTERMSIG(status));
    else
        fail(child, "postqueue -j: exit %d%s%.*s", WEXITSTATUS(status),
            said.length > 0 ? ": " : "", (int)said.length, said.data);
}

/* It has ended when nothing more can come and it is gone; one that was killed is not
 * waited for. */
static void
look(evutil_socket_t fd, short what, void *argument)
{
    static const struct timeval pause = {0, LOOK_MS * 1000};
    struct queue_child *child = argument;
    int status = 0;

    (void)fd;
    (void)what;
    if (child->out == NULL && child->pid > 0 &&
        waitpid(child->pid, &status, WNOHANG) == child->pid)
        has_ended(child, status);
    if (child->pid > 0 && child->wrong[0] == '\0' &&
        clock_now_ms() >= child->started_ms + DEADLINE_MS)
        fail(child, "postqueue -j has not ended within %d seconds", DEADLINE_MS / 1000);
    if (child->pid == 0)
        kill_child(child);
    if (child->pid == 0 || child->wrong[0] != '\0')
        tell(child);
    if (child->pid > 0)
        (void)event_add(child->timer, &pause);
}

static int
spawn(struct queue_child *child, int out, int err)
{
    char *const with_folder[] = {(char[]){"postqueue"}, (char[]){"-c"},
        allocate_text(span_of(child->postfix)), (char[]){"-j"}, NULL};
    char *const plain[] = {(char[]){"postqueue"}, (char[]){"-j"}, NULL};
    char *const *words = child->postfix[0] == '\0' ? plain : with_folder;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t manners;
    sigset_t all;
    sigset_t none;
    int failed;

    /* Of our signals, none is held back or ignored there. */
    (void)sigfillset(&all);
    (void)sigemptyset(&none);
    (void)posix_spawnattr_init(&manners);
    (void)posix_spawnattr_setsigdefault(&manners, &all);
    (void)posix_spawnattr_setsigmask(&manners, &none);
    (void)posix_spawnattr_setpgroup(&manners, 0);
    (void)posix_spawnattr_setflags(
        &manners, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    (void)posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
    (void)posix_spawn_file_actions_addopen(
        &actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    failed = posix_spawnp(&child->pid, words[0], &actions, &manners, words, environ);
    /* Not everybody's PATH has it. */
    if (failed == ENOENT)
        failed = posix_spawn(
            &child->pid, "/usr/sbin/postqueue", &actions, &manners, words, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&manners);
    free(with_folder[2]);
    if (failed != 0)
        child->pid = 0;
    return failed;
}

static struct event *
read_by(struct queue_child *child, int fd, event_callback_fn callback)
{
    struct event *event =
        allocated(event_new(child->base, fd, EV_READ | EV_PERSIST, callback, child));

    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    (void)event_add(event, NULL);
    return event;
}

static void
run(struct queue_child *child)
{
    int out[2];
    int err[2];
    int failed;

    if (pipe2(out, O_CLOEXEC) < 0) {
        fail(child, "postqueue can't be run: %s", strerror(errno));
        return;
    }
    if (pipe2(err, O_CLOEXEC) < 0) {
        fail(child, "postqueue can't be run: %s", strerror(errno));
        (void)close(out[0]);
        (void)close(out[1]);
        return;
    }
    failed = spawn(child, out[1], err[1]);
    (void)close(out[1]);
    (void)close(err[1]);
    child->out = read_by(child, out[0], can_read_out);
    child->err = read_by(child, err[0], can_read_err);
    if (failed != 0)
        fail(child, "postqueue can't be run: %s", strerror(failed));
}

void
queue_child_start(struct queue_child *child)
{
    static const struct timeval at_once = {0, 0};

    if (evtimer_pending(child->timer, NULL) != 0)
        return;
    free(child->result.entries);
    arena_free(child->result.arena);
    child->room = 0;
    child->result = (struct queue_listed){
        .arena = arena_new(ARENA_MAX),
        .asked_ms = (int64_t)time(NULL) * 1000,
    };
    child->octets = 0;
    memset(child->said, 0, sizeof(child->said));
    child->wrong[0] = '\0';
    child->is_told = false;
    child->started_ms = clock_now_ms();
    run(child);
    (void)event_add(child->timer, &at_once);
}

struct queue_child *
queue_child_new(struct event_base *base, const char *postfix,
    void (*listed)(void *argument, struct queue_listed *listed), void *argument)
{
    struct queue_child *child = allocate(sizeof(*child));

    child->base = base;
    child->postfix = postfix;
    child->listed = listed;
    child->argument = argument;
    child->timer = allocated(evtimer_new(base, look, child));
    buffer_init(&child->line, LINE_MAX_OCTETS);
    return child;
}

void
queue_child_free(struct queue_child *child)
{
    if (child == NULL)
        return;
    kill_child(child);
    if (child->pid > 0)
        (void)waitpid(child->pid, NULL, 0);
    event_free(child->timer);
    free(child->result.entries);
    arena_free(child->result.arena);
    buffer_clear(&child->line);
    free(child);
}
