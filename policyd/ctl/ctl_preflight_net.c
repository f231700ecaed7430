/*
 * preflight: what is asked of DNS and of the backends.
 */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_postconf.h"
#include "policyd/ctl/ctl_preflight_movers.h"
#include "policyd/preflight/preflight_dns.h"
#include "policyd/preflight/preflight_peers.h"
#include "policyd/preflight/preflight_talks.h"
#include "shared/base/number.h"

enum {
    DNS_MS = 5000,
    DNS_CHECK_MS = 2500,
    PLACES_MS = 2000,
    TALKS_MS = 8000,
    PEERS_MS = 2000
};
/* default_destination_concurrency_limit of Postfix. */
enum { SESSIONS = 20 };
enum { FAMILIES = 2 };

static struct check_texts
texts_of(const struct config_list *list)
{
    return (struct check_texts){list->items, list->count};
}

void
ctl_preflight_dns(struct ctl_preflight *preflight)
{
    const struct ctl_config *config = preflight->ctl->config;
    struct error error = {.text = ""};
    struct preflight_dns *dns = preflight_dns_new(&config->dns, DNS_MS, &error);
    struct preflight_peers *peers = NULL;
    struct check_dns facts = {
        .lookup = dns != NULL ? preflight_dns_lookup(dns) : NULL,
        .domain = span_of(preflight->name),
        .gateways = texts_of(&config->gateways),
        .outbound_old = texts_of(&config->outbound[SIDE_OLD]),
        .outbound_new = texts_of(&config->outbound[SIDE_NEW]),
        .selectors = texts_of(&config->dkim_selectors),
        .zones = texts_of(&config->dnsbl),
    };

    if (dns != NULL) {
        peers = preflight_peers_new(
            &config->dns, facts.lookup, preflight->ctl->host, PEERS_MS);
        preflight_peers_join(peers, &facts);
    }
    for (int i = 0; i < CHECKS; i++) {
        struct check *check = check_rows[i].group == CHECK_DNS
                                  ? ctl_preflight_begin(preflight, (enum check_name)i)
                                  : NULL;

        if (check == NULL)
            continue;
        if (dns == NULL) {
            check_add(check, CHECK_UNKNOWN, "no DNS server can be asked: %s", error.text);
            continue;
        }
        preflight_dns_limit(dns, DNS_CHECK_MS);
        check_dns_look(&facts, (enum check_name)i, check);
    }
    preflight_peers_free(peers);
    preflight_dns_free(dns);
}

/* --- backends --- */

/* Checks that come out of the same dialogs. */
static const enum check_name of_talks[] = {CHECK_TLS, CHECK_PROBE, CHECK_EXTENSIONS,
    CHECK_CALLOUT, CHECK_JUDGES_US, CHECK_SOURCE_ADDRESS};

/* One run of dialogs, and what it was about. */
struct backends {
    struct ctl_preflight *preflight;
    struct preflight_places places[PREFLIGHT_SIDES];
    const struct preflight_places *asked[PREFLIGHT_SIDES];
    const char *missing[PREFLIGHT_SIDES];
    /* What Postfix sends from, by family; "": any. */
    const char *sources[PREFLIGHT_SIDES][FAMILIES];
    const char *faults[PREFLIGHT_SIDES][FAMILIES]; /* why it can't; NULL: it can */
};

/* Those of the group, but one that asks nobody by SMTP; and two of Postfix's. */
static bool
needs_backends(int name)
{
    return name == CHECK_SIZE || name == CHECK_SOURCE_ADDRESS ||
           (check_rows[name].group == CHECK_BACKENDS && name != CHECK_ARRIVAL);
}

static bool
wants_backends(const struct ctl_preflight *preflight)
{
    for (int i = 0; i < CHECKS; i++) {
        if (needs_backends(i) && preflight->wanted[i] && !preflight->settled[i])
            return true;
    }
    return false;
}

static void
find_places(struct backends *backends, const struct dns_lookup *lookup)
{
    const struct domain_state *state = backends->preflight->domain.state;
    struct arena *arena = backends->preflight->ctl->arena;

    for (size_t i = 0; i < PREFLIGHT_SIDES; i++) {
        const char *route = i == PREFLIGHT_OLD ? state->old_route : state->new_route;
        struct error error;

        if (route[0] == '\0')
            backends->missing[i] = "the domain names none (same_as)";
        else if (strcmp(route, DOMAIN_OLD_SITE) == 0)
            backends->missing[i] = "old=site: the site's own maps know where";
        else if (!preflight_places_find(
                     &backends->places[i], route, lookup, arena, &error))
            backends->missing[i] = arena_text(arena, span_of(error.text));
        else
            backends->asked[i] = &backends->places[i];
    }
}

/* Whether it is an address of this host. */
static bool
is_own(const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct sockaddr_in6 wide = {.sin6_family = AF_INET6};
    bool is_wide = inet_pton(AF_INET6, text, &wide.sin6_addr) == 1;
    int fd = socket(is_wide ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool done;

    if (fd < 0)
        return false;
    done = is_wide
               ? bind(fd, (const struct sockaddr *)&wide, sizeof(wide)) == 0
               : inet_pton(AF_INET, text, &address.sin_addr) == 1 &&
                     bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
    (void)close(fd);
    return done;
}

/* As the delivery service of a route has it, else main.cf. */
static const char *
find_source(struct ctl *ctl, const char *route, bool is_wide)
{
    struct span transport = span_first(span_of(route), span_find(span_of(route), ':'));
    const char *parameter = arena_printf(ctl->arena, "%s_bind_address%s",
        span_find_text(transport, SPAN("lmtp")) != SPAN_NONE ? "lmtp" : "smtp",
        is_wide ? "6" : "");
    const char *of_service = arena_printf(
        ctl->arena, "%.*s/unix/%s", (int)transport.length, transport.data, parameter);
    const char *ignored = NULL;
    const char *said = ctl_postfix_ask(ctl, "postconf", "-P", of_service, &ignored);
    struct span value = span_of(said != NULL ? said : "");
    size_t equals = span_find(value, '=');

    if (equals != SPAN_NONE)
        return arena_text(ctl->arena, span_trim(span_from(value, equals + 1)));
    said = ctl_postconf(ctl, parameter, &ignored);
    return said != NULL ? said : "";
}

/* One that isn't ours Postfix warns of, and sends from any. */
static void
find_sources(struct backends *backends)
{
    struct ctl *ctl = backends->preflight->ctl;
    const struct domain_state *state = backends->preflight->domain.state;

    for (size_t i = 0; i < (size_t)PREFLIGHT_SIDES * FAMILIES; i++) {
        size_t side = i / FAMILIES;
        const char *route = side == PREFLIGHT_OLD ? state->old_route : state->new_route;
        const char *source = backends->asked[side] != NULL
                                 ? find_source(ctl, route, i % FAMILIES == 1)
                                 : "";

        backends->sources[side][i % FAMILIES] = source;
        if (source[0] == '\0' || is_own(source))
            continue;
        backends->sources[side][i % FAMILIES] = "";
        backends->faults[side][i % FAMILIES] = arena_printf(
            ctl->arena, "bind address %s: this host does not have it", source);
    }
}

/* A local part alone is of this domain; an address of another is not asked here. */
static const char *
probe_address(const struct ctl_preflight *preflight)
{
    const char *given = preflight->ctl->config->probe_recipient;
    struct span text = span_of(given);
    size_t at = span_find_last(text, '@');

    if (given[0] == '\0')
        return NULL;
    if (at == SPAN_NONE)
        return arena_printf(preflight->ctl->arena, "%s@%s", given, preflight->name);
    return span_is_nocase(span_from(text, at + 1), preflight->name) ? given : NULL;
}

static void
look_at_size(const struct check_talks *talks, struct ctl_preflight *preflight)
{
    struct check *check = ctl_preflight_begin(preflight, CHECK_SIZE);
    const char *fault = NULL;
    const char *text;
    uint64_t limit;

    if (check == NULL)
        return;
    text = ctl_postconf(preflight->ctl, "message_size_limit", &fault);
    if (text == NULL || !number_unsigned(span_of(text), UINT64_MAX, &limit)) {
        check_add(check, CHECK_UNKNOWN, "message_size_limit: %s",
            fault != NULL ? fault : "is no number");
        check->is_final = true;
        return;
    }
    check_talk_size(talks, limit, check);
}

static void
look_at_sessions(struct backends *backends)
{
    struct ctl_preflight *preflight = backends->preflight;
    struct check *check = ctl_preflight_begin(preflight, CHECK_SESSIONS);
    const struct preflight_place *new =
        preflight_places_first(backends->asked[PREFLIGHT_NEW]);
    struct check_sessions sessions;

    if (check == NULL)
        return;
    if (new == NULL) {
        check_add(check, CHECK_SKIPPED, "new: there is nobody to be asked");
        return;
    }
    preflight_sessions_run(
        new, preflight->ctl->host, SESSIONS, &sessions, preflight->ctl->arena);
    check_talk_sessions(&sessions, check);
}

static void
look(struct backends *backends)
{
    struct ctl_preflight *preflight = backends->preflight;
    const struct ctl_config *config = preflight->ctl->config;
    struct arena *arena = preflight->ctl->arena;
    struct check_talk items[PREFLIGHT_SIDES * CHECK_PLACES_MAX];
    const struct preflight_talks talks = {
        .sides = {backends->asked[0],      backends->asked[1]     },
        .hello = preflight->ctl->host,
        .probe = probe_address(preflight),
        .invented = arena_printf(arena, "postshift-preflight-%x@%s",
            (unsigned)getpid() ^ (unsigned)time(NULL), preflight->name),
        .foreign = config->foreign_sender[0] != '\0' ? config->foreign_sender : NULL,
        .source4 = {backends->sources[0][0], backends->sources[1][0]},
        .source6 = {backends->sources[0][1], backends->sources[1][1]},
        .budget_ms = TALKS_MS,
    };
    struct check_talks found = {
        .items = items,
        .missing = {backends->missing[0], backends->missing[1]},
        .probe_address = talks.probe,
        .foreign = talks.foreign,
        .now = (int64_t)time(NULL),
    };

    found.count = preflight_talks_run(&talks, items, arena);
    for (size_t i = 0; i < found.count; i++)
        items[i].source_fault =
            backends->faults[items[i].is_new][strcmp(items[i].family, "IPv6") == 0];
    for (size_t i = 0; i < sizeof(of_talks) / sizeof(of_talks[0]); i++) {
        struct check *check = ctl_preflight_begin(preflight, of_talks[i]);

        if (check != NULL)
            check_talk_look(&found, of_talks[i], check);
    }
    look_at_size(&found, preflight);
    look_at_sessions(backends);
    ctl_preflight_movers(preflight, backends->asked[PREFLIGHT_NEW]);
}

/* Nobody to be asked: why. */
static void
tell_none(struct ctl_preflight *preflight)
{
    bool is_sure = preflight->domain.count > 0;

    for (int i = 0; i < CHECKS; i++) {
        struct check *check;

        if (!needs_backends(i))
            continue;
        check = ctl_preflight_begin(preflight, (enum check_name)i);
        if (check == NULL)
            continue;
        check_add(check, CHECK_UNKNOWN, "%s%s", preflight->no_domain,
            is_sure ? " (postshiftctl status)" : "");
        check->is_final = true;
    }
}

void
ctl_preflight_backends(struct ctl_preflight *preflight)
{
    struct backends backends = {.preflight = preflight};
    struct preflight_dns *dns;
    struct error error;

    if (!wants_backends(preflight))
        return;
    if (preflight->no_domain != NULL) {
        tell_none(preflight);
        return;
    }
    dns = preflight_dns_new(&preflight->ctl->config->dns, PLACES_MS, &error);
    find_places(&backends, dns != NULL ? preflight_dns_lookup(dns) : NULL);
    preflight_dns_free(dns);
    find_sources(&backends);
    look(&backends);
}
