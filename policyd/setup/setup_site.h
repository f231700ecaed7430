/*
 * setup_site - the Postfix that is to be wired: what its configuration says, and commands
 * run on it.
 */
#ifndef POLICYD_SETUP_SETUP_SITE_H
#define POLICYD_SETUP_SETUP_SITE_H

#include "policyd/wiring/setup_plan.h"
#include "shared/base/buffer.h"
#include "shared/service/config.h"

struct setup_site {
    const char *given;     /* the directory of -c; NULL: Postfix's own default */
    const char *directory; /* of main.cf and master.cf */
    const char *queue;     /* queue_directory */
    struct setup_facts facts;
    struct arena *arena; /* where all texts live */
};

/* The milters of the suite, in the order in which they are to be asked. */
enum { SETUP_MILTER_AUTH, SETUP_MILTER_SCAN, SETUP_MILTERS };

/* What of our own configuration file matters here. */
struct setup_sockets {
    const struct config_sockets *route;
    const struct config_sockets *policy;
    const struct config_sockets *milters[SETUP_MILTERS]; /* where they listen */
    bool by_filter;
};

/* Asks Postfix what it is, and reads main.cf and master.cf. */
bool setup_site_read(struct setup_site *site, const char *directory,
    const struct setup_sockets *sockets, struct arena *arena, struct error *error);

/* Reads main.cf and master.cf anew, which needs nobody: Postfix's own programs wait until
 * main.cf has not been changed for two seconds. */
bool setup_site_read_again(struct setup_site *site, struct error *error);

/* The words of a command that runs some steps of one kind, ended by NULL. */
enum { SETUP_WORDS_MAX = SETUP_STEPS_MAX + 8 };
void setup_site_words(const struct setup_site *site, const struct setup_step *steps,
    size_t count, const char *words[SETUP_WORDS_MAX]);

/* How many of the steps can go in one command: those of the first one's kind. */
size_t setup_site_bunch(const struct setup_step *steps, size_t count);

/* A reload where Postfix isn't running is no error: *skipped. */
bool setup_site_run(const struct setup_site *site, const struct setup_step *steps,
    size_t count, bool *skipped, struct error *error);

/* Copies main.cf and master.cf beside themselves; the suffix of the copies. */
bool setup_site_save(
    const struct setup_site *site, const char **suffix, struct error *error);
bool setup_site_restore(
    const struct setup_site *site, const char *suffix, struct error *error);

#endif
