/*
 * setup_site - the Postfix that is to be wired: what its configuration says, and commands
 * run on it.
 */
#ifndef POLICYD_SETUP_SETUP_SITE_H
#define POLICYD_SETUP_SETUP_SITE_H

#include "policyd/wiring/setup_plan.h"
#include "policyd/wiring/setup_verify.h"
#include "shared/base/buffer.h"
#include "shared/service/config.h"

struct setup_site {
    const char *given;     /* told to postconf and postfix; NULL: their own default */
    const char *directory; /* of main.cf and master.cf */
    const char *queue;     /* queue_directory */
    const char *owner;     /* mail_owner: who its services run as */
    const struct socket_address *route; /* what this instance is to ask */
    const struct socket_address *policy;
    struct span master_cf; /* as it is; the facts have its lines joined */
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
    const struct socket_address *undo;                   /* NULL where undo is off */
    bool by_filter;
};

/*
 * The directory to be told to Postfix's programs: what the command line says, else what
 * our configuration file says, else MAIL_CONFIG, which postmulti(1) sets; NULL: none.
 */
const char *setup_site_directory(const char *given, const char *configured);

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

/* Whether its master runs. */
bool setup_site_is_running(const struct setup_site *site);

/* Where it isn't running that is no error: *skipped. */
bool setup_site_reload(const struct setup_site *site, bool *skipped, struct error *error);

/* What `postconf -n` and `postconf -M` say. */
bool setup_site_list(
    const struct setup_site *site, struct setup_listing *listing, struct error *error);

#endif
