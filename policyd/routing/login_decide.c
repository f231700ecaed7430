#include "policyd/routing/login_decide.h"

#include <stdio.h>

#include "shared/base/attributes.h"

static const struct {
    const char *name;
    enum domain_login protocol;
} names[] = {
    {"imap",        DOMAIN_LOGIN_IMAP      },
    {"pop3",        DOMAIN_LOGIN_POP3      },
    {"lmtp",        DOMAIN_LOGIN_LMTP      },
    {"submission",  DOMAIN_LOGIN_SUBMISSION},
    {"sieve",       DOMAIN_LOGIN_SIEVE     },
    {"managesieve", DOMAIN_LOGIN_SIEVE     },
};

static const unsigned usual_ports[DOMAIN_LOGINS] = {
    [DOMAIN_LOGIN_IMAP] = 143,
    [DOMAIN_LOGIN_POP3] = 110,
    [DOMAIN_LOGIN_LMTP] = 24,
    [DOMAIN_LOGIN_SUBMISSION] = 587,
    [DOMAIN_LOGIN_SIEVE] = 4190,
};

/* "imap", "pop3", "lmtp", "submission", "sieve", also "managesieve"; false: another. */
static bool
read_protocol(struct span text, enum domain_login *protocol)
{
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (span_is_nocase(text, names[i].name)) {
            *protocol = names[i].protocol;
            return true;
        }
    }
    return false;
}

void
login_key_parse(struct span key, enum domain_login *protocol, struct span *user)
{
    size_t slash = span_find(key, '/');

    *protocol = DOMAIN_LOGIN_IMAP;
    *user = key;
    if (slash != SPAN_NONE && read_protocol(span_first(key, slash), protocol))
        *user = span_from(key, slash + 1);
}

bool
login_follows_route(enum domain_login protocol)
{
    return protocol == DOMAIN_LOGIN_LMTP;
}

static void
send_to(const struct domain_state *state, enum domain_side side,
    enum domain_login protocol, struct login *login)
{
    bool is_own = state->logins[protocol][side][0] != '\0';
    enum domain_login named = is_own ? protocol : DOMAIN_LOGIN_IMAP;
    unsigned port = 0;

    login->answer = side == SIDE_OLD ? LOGIN_TO_OLD : LOGIN_TO_NEW;
    if (!domain_route_split_login(
            span_of(state->logins[named][side]), &login->host, &port)) {
        login->answer = LOGIN_LATER;
        snprintf(login->why, sizeof(login->why), "the domain has no %s",
            domain_login_field(DOMAIN_LOGIN_IMAP, side));
        return;
    }
    /* The port of imap_old is IMAP's alone. */
    login->port = named == protocol && port != 0 ? port : usual_ports[protocol];
}

static void
later(struct login *login, const char *why)
{
    login->answer = LOGIN_LATER;
    snprintf(login->why, sizeof(login->why), "%s", why);
}

/* What a login is refused for, or not found: mail waits for it. */
static void
refuse(struct login *login, enum domain_login protocol, enum login_answer answer,
    const char *why)
{
    if (protocol == DOMAIN_LOGIN_LMTP)
        later(login, why);
    else
        login->answer = answer;
}

void
login_decide(const struct route *route, enum domain_login protocol, struct login *login)
{
    *login = (struct login){.answer = LOGIN_LATER};
    switch (route->place) {
    case ROUTE_OLD:
        send_to(route->state, SIDE_OLD, protocol, login);
        return;
    case ROUTE_NEW:
        send_to(route->state, SIDE_NEW, protocol, login);
        return;
    case ROUTE_STANDBY:
        refuse(login, protocol, LOGIN_ON_STANDBY, "the mailbox is on standby");
        return;
    case ROUTE_HOLD:
        refuse(login, protocol, LOGIN_HELD, "the mailbox is held");
        return;
    case ROUTE_UNKNOWN:
        later(login, "where this mailbox is can't be told right now");
        return;
    case ROUTE_NOT_OURS:
        refuse(login, protocol, LOGIN_NOT_FOUND, "not a domain that is moved here");
        return;
    }
}
