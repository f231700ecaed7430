/*
 * domain_state - a Redis hash to a checked state, or what is wrong with it.
 *
 * Values are untrusted: one bad field makes the whole hash bad, an unknown field is only
 * warned of.  `old`, `new` and `weight` are required, but for mode=forgotten and a hash
 * with same_as; what is there is checked all the same.  mode=standby without standby is
 * bad.  `old=site` names no next hop: the site's own maps decide, as before.  Only
 * `lists` may be empty.  `old@SITE`, `new@SITE`, `standby@SITE` are checked as `old`,
 * `new`, `standby` and go before them where rules.site is SITE; elsewhere they are passed
 * over.  `exclude` and `known` may stand in lists: the first changes
 * nothing (exclude goes before), the second moves all its units.
 */
#ifndef POLICYD_STATE_DOMAIN_STATE_H
#define POLICYD_STATE_DOMAIN_STATE_H

#include "policyd/state/domain_route.h"
#include "policyd/state/domain_word.h"

/* What people log in by, and what mail is handed over by. */
enum domain_login {
    DOMAIN_LOGIN_IMAP,
    DOMAIN_LOGIN_POP3,
    DOMAIN_LOGIN_LMTP,
    DOMAIN_LOGIN_SUBMISSION,
    DOMAIN_LOGIN_SIEVE,
    DOMAIN_LOGINS,
};

enum domain_side { SIDE_OLD, SIDE_NEW, DOMAIN_SIDES };

enum {
    DOMAIN_STATE_FIELDS_MAX = 64,  /* fields of a hash */
    DOMAIN_STATE_VALUE_MAX = 4096, /* octets of a value */
    DOMAIN_STATE_LISTS_MAX = 32,
};

/* What a JSON number holds exactly; far above any unix time. */
#define DOMAIN_REV_MAX (UINT64_C(1) << 53)

/* What `old` says where the site's own maps decide. */
#define DOMAIN_OLD_SITE "site"

/* The fields that mean something; domain_fields.c names them. */
enum { DOMAIN_FIELDS_COUNT = 19 };

/* Immutable once parsed; one block on the heap. */
struct domain_state {
    enum domain_mode mode;
    enum domain_inside inside;
    /* old, new and weight are there: only a forgotten domain and one with same_as may
     * lack some, and then decide nothing by themselves. */
    bool complete;
    unsigned weight; /* hundredths of a percent, 0..10000; 0 where absent */
    bool has_rev;
    uint64_t rev;
    /* "" where absent. */
    const char *old_route; /* or DOMAIN_OLD_SITE */
    const char *new_route;
    const char *standby_route;
    const char *same_as; /* canonical domain */
    /* imap_old, imap_new, pop3_old ...: host or host:port. */
    const char *logins[DOMAIN_LOGINS][DOMAIN_SIDES];
    const char *lists[DOMAIN_STATE_LISTS_MAX];
    size_t list_count;
};

struct domain_field {
    struct span name;
    struct span value;
};

/* What is wrong, field by field; also used for warnings. */
struct domain_problem {
    char field[64];
    char value[200]; /* cut, printable */
    char text[200];  /* what is allowed */
};

/* Cut, and nothing in it that could disturb a log or a terminal. */
void domain_problem_tell(struct domain_problem *problem, struct span field,
    struct span value, const char *text);

/*
 * NULL: bad, *problem says why.  `warn` (may be NULL) is called for each unknown field.
 * `domain` is the domain's own canonical name (same_as may not name it).
 */
struct domain_state *domain_state_parse(struct span domain,
    const struct domain_field *fields, size_t count,
    const struct domain_state_rules *rules, struct domain_problem *problem,
    void (*warn)(void *argument, const struct domain_problem *problem), void *argument);
void domain_state_free(struct domain_state *state);

bool domain_state_old_is_site(const struct domain_state *state);

/* `old@SITE`, `new@SITE`, `standby@SITE`: next hops of one site. */
bool domain_site_field(struct span name, struct span *site);

bool domain_state_equal(
    const struct domain_state *left, const struct domain_state *right);

/* "imap_old", "pop3_new" ... */
const char *domain_login_field(enum domain_login login, enum domain_side side);

#endif
