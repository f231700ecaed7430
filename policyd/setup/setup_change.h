/*
 * setup_change - one change of main.cf and master.cf: all of it, or nothing.
 *
 * Only one at a time; nothing is touched where one of the files can't be replaced; copies
 * are made before anything is written, three are kept.  A run that is killed leaves each
 * file whole, as it was or as it was to be, and the next one goes on from there: the
 * record beside the files says what was ours (setup_record).
 */
#ifndef POLICYD_SETUP_SETUP_CHANGE_H
#define POLICYD_SETUP_SETUP_CHANGE_H

#include "policyd/setup/setup_site.h"
#include "policyd/wiring/setup_record.h"

struct setup_change {
    struct setup_site *site;
    int lock;
    struct setup_record record;
    struct span record_text; /* as it was; empty: there was none */
    bool is_record_written;
    struct span before[SETUP_FILES]; /* as it was */
    struct span now[SETUP_FILES];    /* as it was written last */
    const char *copies[SETUP_FILES]; /* names of the copies of `before` */
    const char *suffix;              /* what they end in */
};

/* Reads both files anew while nobody else of us can change them. */
bool setup_change_lock(
    struct setup_change *change, struct setup_site *site, struct error *error);

/* Looks whether both files can be replaced, and copies them.  `clean`: nothing of ours
 * stands in them. */
bool setup_change_prepare(struct setup_change *change, bool clean, struct error *error);

/* Writes both, where they differ from what they are. */
bool setup_change_write(struct setup_change *change, const struct span texts[SETUP_FILES],
    struct error *error);

/* The text from before anything of ours was in it, where nobody else has changed the file
 * since; else false. */
bool setup_change_original(
    const struct setup_change *change, size_t file, struct span *text);

/* Gives back what was there before. */
bool setup_change_undo(struct setup_change *change, struct error *error);

/* It is done; `clean`: nothing of ours is left. */
void setup_change_finish(struct setup_change *change, bool clean);

/* Releases the lock; after all of the above, or some. */
void setup_change_clear(struct setup_change *change);

/* Whether postfix-setup has written here, and has not taken all out again. */
bool setup_change_is_recorded(const struct setup_site *site);

#endif
