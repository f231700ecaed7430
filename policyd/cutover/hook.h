/*
 * hook - a program of the site's, run on the event loop.
 *
 * It is named by the file alone: an absolute path, owned by root, as are the folders
 * above it, and writable by nobody else; that is looked at before each run.  No shell, a
 * clean environment (PATH, LANG, TZ and POSTSHIFT_DOMAIN, _KIND, _STAGE, _FROM, _TO), the
 * folder /, a process group of its own, none of our files.  What it is given on standard
 * input is a buffer; who doesn't read it is none the worse.
 *
 * A program of our own is run the same way, with words of its own and our MAIL_CONFIG;
 * what it prints is not logged.
 *
 * What it prints is logged line by line, up to HOOK_LINES of them, and the rest thrown
 * away; a last line `note=TEXT` is kept.  After the limit it gets TERM, ten seconds later
 * KILL, its whole group; what is left of the group when it ends gets KILL too, and nobody
 * waits for who keeps its output open.  It ends with us.
 */
#ifndef POLICYD_CUTOVER_HOOK_H
#define POLICYD_CUTOVER_HOOK_H

#include <stdint.h>

#include "shared/base/error.h"
#include "shared/base/span.h"

struct event_base;
struct hook;

enum {
    HOOK_LIMIT_MS = 10 * 60 * 1000,
    HOOK_GRACE_MS = 10 * 1000,
    HOOK_LINES = 100,     /* that are logged */
    HOOK_LINE_MAX = 1000, /* octets of one */
    HOOK_TEXT_MAX = 200,  /* of what is kept of it */
    HOOK_INPUT_MAX = 64 << 20,
    HOOK_WORDS_MAX = 16,
};

/* All is copied. */
struct hook_order {
    const char *path;
    const char *kind; /* "before_advance", "notify" ... */
    const char *domain;
    const char *stage; /* "2/3" */
    const char *from;
    const char *to;
    struct span input;
    uint64_t limit_ms; /* 0: HOOK_LIMIT_MS */
    uint64_t grace_ms; /* 0: HOOK_GRACE_MS */
    /* Of a program of our own, which stands beside us: after its name, ended by NULL.
     * NULL: a hook. */
    const char *const *words;
};

struct hook_result {
    bool is_good;             /* it exited with 0, of its own accord */
    bool was_stopped;         /* by hook_stop */
    int code;                 /* that it exited with; -1: it did not */
    char text[HOOK_TEXT_MAX]; /* "exit 1", "ended after 600 s", ... */
    char note[HOOK_TEXT_MAX]; /* its last line's note=, "" for none */
};

/* NULL: it can't be run.  `ended` is called once, later; the hook is gone by then. */
struct hook *hook_start(struct event_base *base, const struct hook_order *order,
    void (*ended)(void *argument, const struct hook_result *result), void *argument,
    struct error *error);

/* TERM now, KILL later; `ended` is called as always. */
void hook_stop(struct hook *hook);

/* At our own end: TERM, KILL half a second later; `ended` is not called. */
void hook_free(struct hook *hook);

#endif
