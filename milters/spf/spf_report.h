/*
 * spf_report - who is checked, and what came of it: plain values.
 */
#ifndef MILTERS_SPF_SPF_REPORT_H
#define MILTERS_SPF_SPF_REPORT_H

#include "milters/message/auth_result.h"
#include "shared/base/span.h"

struct spf_client {
    unsigned char address[16]; /* IPv4: the first 4 octets */
    size_t address_length;     /* 4 or 16; IPv4 in IPv6 is unwrapped */
    struct span helo;          /* as said at HELO or EHLO */
    struct span receiver;      /* our host name, for %{r} */
    int64_t now;               /* unix time, for %{t} */
};

enum spf_identity { SPF_IDENTITY_MAILFROM, SPF_IDENTITY_HELO };

struct spf_report {
    enum auth_result result;
    enum spf_identity identity;
    struct span domain;  /* that was checked; empty where there was none to check */
    const char *problem; /* of errors and none: a static text of ours; or NULL */
    struct span
        explanation; /* of a fail: printable ASCII, at most 400 octets; or empty */
};

#endif
