/*
 * privs - become a user, keep nothing that is not needed.
 */
#ifndef SHARED_SERVICE_PRIVS_H
#define SHARED_SERVICE_PRIVS_H

#include "shared/base/error.h"

/*
 * Sets no_new_privs and, started as root with a `user` (not NULL or ""), becomes that
 * user (group `group` where given, else its own, with its supplementary groups) and drops
 * all capabilities.  Not root and a user other than the own: error.
 */
bool privs_become(const char *user, const char *group, struct error *error);

/* The same with more supplementary groups, by blanks, as a unit gives them; those that
 * are not there are passed over. */
bool privs_become_with(
    const char *user, const char *group, const char *more_groups, struct error *error);

/* For options `user` and `group` (struct config_option's check): whether there is one. */
bool privs_check_user(const void *field, struct error *error);
bool privs_check_group(const void *field, struct error *error);

/* In the log, where root is to serve and no user was given. */
void privs_warn_of_root(const char *user);

/* Core dumps off, the soft limit of open files up to the hard one. */
void privs_limits(void);

#endif
