/*
 * milter_supervise - child processes by role, kept alive by a parent without threads.
 *
 * The parent (an event loop, no threads) keeps the listening sockets; a child serves on
 * them.  A child that dies is replaced at once (one that is stopped is killed), so
 * clients wait in the backlog for milliseconds; one that keeps dying is slowed down, up
 * to 5 s between starts.  A reload starts new children first and tells the old ones to
 * drain.
 *
 * A child learns what is wanted of it on its control descriptor: one octet,
 * SUPERVISE_DRAIN (take nothing new, finish the sessions, then exit) or SUPERVISE_STOP
 * (finish messages in hand, exit within 7 s); end of file means that the parent is gone
 * and counts as SUPERVISE_STOP.  Children stand in a process group of their own and have
 * default signal handlers, so that a terminal's Ctrl-C reaches the parent alone.
 */
#ifndef MILTERS_COMMON_MILTER_SUPERVISE_H
#define MILTERS_COMMON_MILTER_SUPERVISE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct event_base;

enum { SUPERVISE_DRAIN = 'D', SUPERVISE_STOP = 'T', SUPERVISE_READY = 'R' };
enum { SUPERVISE_KEEP_MAX = 8, SUPERVISE_ROLES_MAX = 12 };

struct supervise_role {
    const char *name; /* "serving", "keeper": for the log */
    /* Runs in the child, gives its exit status.  `control` is the descriptor described
     * above. */
    int (*run)(void *argument, int control);
    void *argument;
    /*
     * The child writes SUPERVISE_READY to its control descriptor once it can take over;
     * until then an older child of the role goes on.  One that ends before leaves the
     * older one in service.
     */
    bool says_ready;
    /*
     * Getting ready may take minutes: one that is told to drain meanwhile gets SIGTERM,
     * too, and has nothing to finish.  From when it may serve it ignores that; a child of
     * another role may serve before it is known to be ready, so the word has to do.
     */
    bool starts_long;
    /* Called in the parent once a child is no more, for whatever reason.  May be NULL. */
    void (*gone)(void *argument, pid_t pid);
    /* A reload tells the old child to drain before the new one starts. */
    bool drain_first;
    /* Others need it to finish what they have in hand: it is told to stop once they are
     * gone. */
    bool stops_last;
    /* Descriptors the child keeps besides 0, 1, 2 and `control`; all others are closed.
     */
    int keep[SUPERVISE_KEEP_MAX];
    size_t keep_count;
};

/* In the child. */
void supervise_say_ready(int control);

struct supervise_hooks {
    /* A child ended without having been told to; `status` as waitpid gives it.  May be
     * NULL. */
    void (*died)(void *argument, const struct supervise_role *role, int status);
    /* A child of a role with says_ready has said so.  May be NULL. */
    void (*ready)(void *argument, const struct supervise_role *role);
    /* All children are gone after supervise_stop. */
    void (*stopped)(void *argument);
    void *argument;
};

struct supervise;

struct supervise *supervise_new(
    struct event_base *base, const struct supervise_hooks *hooks);

/* Starts a role's child; the role is copied. */
void supervise_add(struct supervise *supervise, const struct supervise_role *role);

/*
 * New children for every role, then the old ones are told to drain, and those that are
 * still getting ready at once.  A drained child has 10 minutes, then it is killed.
 */
void supervise_reload(struct supervise *supervise);

/* The same for one role. */
void supervise_replace(struct supervise *supervise, const char *name);

/* Whether a child of that role is there that has not been told to end. */
bool supervise_is_running(const struct supervise *supervise, const char *name);

/* Whether one of them has yet to say that it is ready. */
bool supervise_is_starting(const struct supervise *supervise, const char *name);
void supervise_set_drain_first(
    struct supervise *supervise, const char *name, bool drain_first);

/* Tells all to stop; what is left after 8 s is killed (those that stop last: 1 s after
 * the others).  hooks.stopped is called at the end. */
void supervise_stop(struct supervise *supervise);

void supervise_free(struct supervise *supervise);

#endif
