/*
 * mta_sts - an MTA-STS policy (RFC 8461) as it stands behind
 * https://mta-sts.DOMAIN/.well-known/mta-sts.txt, and the record that announces it.
 *
 * Lines `name: value`, ended by LF or CRLF; unknown names count for nothing.  Pure.
 */
#ifndef POLICYD_CHECKS_MTA_STS_H
#define POLICYD_CHECKS_MTA_STS_H

#include "shared/base/span.h"

enum {
    MTA_STS_MX_MAX = 100,
    MTA_STS_MOST = 64 << 10,    /* octets of a policy */
    MTA_STS_AGE_MAX = 31557600, /* seconds: a year */
};

enum mta_sts_mode { MTA_STS_NONE, MTA_STS_TESTING, MTA_STS_ENFORCE };

struct mta_sts {
    enum mta_sts_mode mode;
    uint64_t max_age;               /* seconds */
    struct span mx[MTA_STS_MX_MAX]; /* patterns: a name, or "*." and a name */
    size_t mx_count;
};

/* Borrows from `text`.  False: it is no policy, *wrong says why. */
bool mta_sts_parse(struct span text, struct mta_sts *policy, const char **wrong);

/* Whether a host may be delivered to. */
bool mta_sts_names(const struct mta_sts *policy, struct span host);

/* Whether a TXT record of _mta-sts.DOMAIN announces a policy: "v=STSv1; id=...". */
bool mta_sts_is_announced(struct span record);

#endif
