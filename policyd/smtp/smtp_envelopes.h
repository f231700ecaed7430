/*
 * smtp_envelopes - who a dialog asks about: a copy of its own, each address checked.
 */
#ifndef POLICYD_SMTP_SMTP_ENVELOPES_H
#define POLICYD_SMTP_SMTP_ENVELOPES_H

#include "policyd/smtp/smtp_talk.h"

struct smtp_envelopes;

/* NULL: one of the addresses can't be said; *error names it. */
struct smtp_envelopes *smtp_envelopes_new(
    const struct smtp_envelope *envelopes, size_t count, struct error *error);
void smtp_envelopes_free(struct smtp_envelopes *envelopes);

/* NULL: there are no more. */
const struct smtp_envelope *smtp_envelopes_at(
    const struct smtp_envelopes *envelopes, size_t place);

/* Whether one of its addresses isn't ASCII. */
bool smtp_envelope_is_wide(const struct smtp_envelope *envelope);

#endif
