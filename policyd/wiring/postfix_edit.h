/*
 * postfix_edit - main.cf and master.cf changed as postconf(1) would change them, with all
 * that is not to be changed left as it is: lines, comments, blanks.
 *
 * postconf makes one line of a list over several, moves comments, and glues what it adds
 * to a last line that has no end.  Here a value changes just where the new one differs
 * from the old one; what is added stands on lines of its own, so that taking it out again
 * leaves what was there.  A file's last line gets its end first.  Pure.
 */
#ifndef POLICYD_WIRING_POSTFIX_EDIT_H
#define POLICYD_WIRING_POSTFIX_EDIT_H

#include "shared/base/buffer.h"
#include "shared/base/error.h"

/* The two texts. */
struct postfix_files {
    struct buffer main_cf;
    struct buffer master_cf;
};

/*
 * What `postconf FLAG ARGUMENT` does, for -e and -X (main.cf), -M, -MX, -P and -PX
 * (master.cf).  False: there is no such entry, or that can't be read.
 */
bool postfix_edit_step(struct postfix_files *files, const char *flag,
    const char *argument, struct error *error);

#endif
