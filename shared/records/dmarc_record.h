/*
 * dmarc_record - the text of a DMARC policy record to a policy (RFC 9989 sections 4.7 and
 * 4.10.1).
 *
 * The version decides whether it is a record at all; behind it unknown tags and bad
 * values are passed over.  Where a tag stands twice the first counts.
 */
#ifndef SHARED_RECORDS_DMARC_RECORD_H
#define SHARED_RECORDS_DMARC_RECORD_H

#include "shared/base/span.h"

enum dmarc_policy { DMARC_POLICY_NONE, DMARC_POLICY_QUARANTINE, DMARC_POLICY_REJECT };
enum dmarc_psd { DMARC_PSD_UNKNOWN, DMARC_PSD_YES, DMARC_PSD_NO };

struct dmarc_record {
    bool
        usable; /* false: no valid policy and nowhere to report: as if it weren't there */
    enum dmarc_policy policy;             /* p= */
    enum dmarc_policy subdomain_policy;   /* sp=, else p= */
    enum dmarc_policy nonexistent_policy; /* np=, else sp=, else p= */
    bool strict_dkim;
    bool strict_spf;
    bool testing; /* t=y */
    enum dmarc_psd psd;
    bool repeats; /* a tag stands twice: worth telling its owner */
};

/* False when it is no DMARC record. */
bool dmarc_record_parse(struct span text, struct dmarc_record *record);

/* "none", "quarantine", "reject" */
const char *dmarc_policy_name(enum dmarc_policy policy);

#endif
