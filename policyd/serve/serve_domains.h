/*
 * serve_domains - the option `domains`: names, and files (/PATH) with one a line.
 *
 * A file that can't be read, has a line that is none, or names nobody is an error:
 * without any domain policyd would obey all that Redis names.
 */
#ifndef POLICYD_SERVE_SERVE_DOMAINS_H
#define POLICYD_SERVE_SERVE_DOMAINS_H

#include "policyd/state/domain_list.h"
#include "shared/service/config.h"

/* For the table of options: `field` is a struct config_list. */
bool serve_domains_check(const void *field, struct error *error);

/* All of them, closed. */
void serve_domains_read(const struct config_list *words, struct domain_list *list);

#endif
