/*
 * check_three - each check is tested three times at least: it passes, it fails, it can't
 * tell.
 *
 * A check belongs to one test; a new one has no home, which does not compile.
 */
#ifndef TESTS_UNIT_CHECK_THREE_H
#define TESTS_UNIT_CHECK_THREE_H

#include "policyd/checks/check.h"
#include "tests/unit/unit.h"

enum three_home { THREE_CHECK, THREE_DNS, THREE_INTAKE, THREE_PEOPLE, THREE_TALK };

static inline enum three_home
three_home(enum check_name name)
{
    switch (name) {
    case CHECK_MX_GATEWAYS:
    case CHECK_MX_TARGET:
    case CHECK_MX_TTL:
    case CHECK_NS_AGREE:
    case CHECK_SPF_RECORD:
    case CHECK_SPF_OUTBOUND:
    case CHECK_DKIM_KEYS:
    case CHECK_DMARC_RECORD:
    case CHECK_MTA_STS:
    case CHECK_TLSA:
    case CHECK_PTR:
    case CHECK_DNSBL:
        return THREE_DNS;
    case CHECK_MILTERS:
    case CHECK_CONTENT_FILTER:
    case CHECK_ALIASES:
    case CHECK_THIRD_SYSTEMS:
        return THREE_INTAKE;
    case CHECK_SIZE:
    case CHECK_SOURCE_ADDRESS:
    case CHECK_TLS:
    case CHECK_PROBE:
    case CHECK_MOVERS:
    case CHECK_SESSIONS:
    case CHECK_EXTENSIONS:
    case CHECK_JUDGES_US:
    case CHECK_CALLOUT:
        return THREE_TALK;
    case CHECK_ARRIVAL:
    case CHECK_UNITS:
    case CHECK_QUOTA:
    case CHECK_FORWARDS:
    case CHECK_LOOP:
        return THREE_PEOPLE;
    case CHECK_ROUTE_FIRST:
    case CHECK_INTAKE_FREE:
    case CHECK_SERVICES:
    case CHECK_NO_BOUNCE:
    case CHECK_VERIFY:
    case CHECK_LIFETIME:
    case CHECK_NULL_LIFETIME:
    case CHECK_RECIPIENTS:
    case CHECK_LOG:
    case CHECK_CLASS:
    case CHECK_TLS_LOG:
    case CHECK_VECTORS:
    case CHECK_REPLICAS:
    case CHECK_REDIS:
    case CHECK_SNAPSHOT:
    case CHECK_CLOCKS:
    case CHECK_PINS:
    case CHECK_INSIDE:
    case CHECK_DRILL:
    case CHECKS:
        break;
    }
    return THREE_CHECK;
}

/* What came of each so far. */
static unsigned three_seen[CHECKS];

static inline void
three_note(enum check_name name, enum check_result result)
{
    three_seen[name] |= 1U << result;
}

/* At the end: all those of a home. */
static inline void
three_count(enum three_home home)
{
    const unsigned all = 1U << CHECK_PASS | 1U << CHECK_FAIL | 1U << CHECK_UNKNOWN;

    for (int i = 0; i < CHECKS; i++) {
        if (three_home((enum check_name)i) == home && (three_seen[i] & all) != all)
            fail_msg("%s: has no test of each of its three results", check_rows[i].name);
    }
}

#endif
