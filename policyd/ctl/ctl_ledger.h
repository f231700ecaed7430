/*
 * ctl_ledger - who has mail on new, as a document.
 */
#ifndef POLICYD_CTL_CTL_LEDGER_H
#define POLICYD_CTL_CTL_LEDGER_H

#include "policyd/ctl/ctl.h"

/* What `ledger DOMAIN --json` prints, and how many units it names. */
bool ctl_ledger_write(struct ctl *ctl, const char *domain, struct buffer *out,
    size_t *units, struct error *error);

#endif
