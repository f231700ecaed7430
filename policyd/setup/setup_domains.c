#include "policyd/setup/setup_domains_inside.h"

#include "policyd/setup/setup_file.h"
#include "policyd/wiring/domain_class.h"
#include "policyd/wiring/service_options.h"
#include "policyd/wiring/setup_filter.h"

static const char *const value_names[VALUES] = {
    [MYDESTINATION] = "mydestination",
    [VIRTUAL_ALIAS_DOMAINS] = "virtual_alias_domains",
    [VIRTUAL_MAILBOX_DOMAINS] = "virtual_mailbox_domains",
    [RELAY_DOMAINS] = "relay_domains",
    [LOCAL_TRANSPORT] = "local_transport",
    [VIRTUAL_TRANSPORT] = "virtual_transport",
    [RELAY_TRANSPORT] = "relay_transport",
    [DEFAULT_TRANSPORT] = "default_transport",
    [RELAYHOST] = "relayhost",
    [PARENTS] = "parent_domain_matches_subdomains",
    [DELIMITERS] = "recipient_delimiter",
    [DELAYS] = "smtpd_delay_open_until_valid_rcpt",
};

static bool
read_values(struct reader *reader, struct error *error)
{
    enum { SETTINGS = 32 };
    const char *settings[SETTINGS];
    size_t count = 0;
    struct span rest = reader->rewrite.arguments;
    struct service_option option;
    struct span answer;

    while (count < SETTINGS && service_options_next(&rest, &option)) {
        if (option.is_setting)
            settings[count++] = arena_printf(reader->arena, "%s=%s",
                arena_text(reader->arena, option.name),
                arena_text(reader->arena, option.value));
    }
    if (!setup_domains_ask(reader, settings, count, value_names, VALUES, &answer, error))
        return false;
    for (size_t i = 0; i < VALUES; i++) {
        if (!span_split(&answer, '\n', &reader->values[i]))
            return error_permanent(error, "postconf does not know %s", value_names[i]);
        reader->values[i] = span_trim(reader->values[i]);
    }
    return true;
}

/* All that a table may be asked about the domains. */
static void
make_tables(struct reader *reader)
{
    enum { KEYS_EACH = 34 };
    const struct setup_domains *domains = reader->domains;
    struct span *keys =
        arena_take(reader->arena, (domains->count * KEYS_EACH + 1) * sizeof(*keys));
    size_t count = 0;

    for (size_t i = 0; i < domains->count; i++) {
        struct span parent = span_of(domains->names[i]);
        size_t last = count + KEYS_EACH;

        keys[count++] = setup_domains_invent(reader, domains->names[i]);
        keys[count++] = parent;
        while (count + 2 <= last && span_find(parent, '.') != SPAN_NONE) {
            parent = span_from(parent, span_find(parent, '.'));
            keys[count++] = parent;
            parent = span_from(parent, 1);
            keys[count++] = parent;
        }
    }
    keys[count++] = SPAN("*");
    reader->tables = setup_tables_new(reader->arena, reader->site->given, keys, count);
}

static bool
table_has(void *argument, struct span table, struct span key)
{
    struct reader *reader = argument;
    struct span value;

    return setup_tables_find(reader->tables, table, key, &value);
}

static struct span
file_text(void *argument, struct span path)
{
    struct reader *reader = argument;
    struct span text = SPAN("");
    struct buffer buffer;
    struct error error;

    buffer_init(&buffer, SETUP_TEXT_MAX);
    if (setup_file_read(arena_text(reader->arena, path), &buffer, &error))
        text = arena_span(reader->arena, buffer_span(&buffer));
    buffer_clear(&buffer);
    return text;
}

static bool
is_in(struct reader *reader, enum value list, const char *domain)
{
    const struct domain_class_tables tables = {table_has, file_text, reader};
    enum domain_class_names names = DOMAIN_CLASS_EXACT;

    if (list == RELAY_DOMAINS)
        names = postfix_text_list_has(reader->values[PARENTS], value_names[RELAY_DOMAINS])
                    ? DOMAIN_CLASS_PARENTS
                    : DOMAIN_CLASS_DOTTED;
    return domain_class_is_in(reader->values[list], span_of(domain), names, &tables);
}

/* Postfix' own order. */
static enum value
class_of(struct reader *reader, const char *domain)
{
    static const enum value order[] = {
        MYDESTINATION, VIRTUAL_ALIAS_DOMAINS, VIRTUAL_MAILBOX_DOMAINS, RELAY_DOMAINS};

    for (size_t i = 0; i < ARRAY_LENGTH(order); i++) {
        if (is_in(reader, order[i], domain))
            return order[i];
    }
    return VALUES;
}

/* A table that can't be asked may have a domain all the same: said, not guessed. */
static void
note_faults(struct reader *reader)
{
    static const enum value lists[] = {MYDESTINATION, VIRTUAL_ALIAS_DOMAINS};

    for (size_t i = 0; i < ARRAY_LENGTH(lists); i++) {
        struct span rest = reader->values[lists[i]];
        struct span item;

        while (postfix_text_next_item(&rest, &item)) {
            const char *fault = domain_class_is_table(item)
                                    ? setup_tables_fault(reader->tables, item)
                                    : NULL;

            if (fault != NULL)
                setup_domains_note(reader,
                    arena_printf(reader->arena,
                        "%s of %s could not be asked (%s): whether a domain of ours "
                        "stands in it is not known",
                        arena_text(reader->arena, item), value_names[lists[i]], fault));
        }
    }
}

static const char *
refusal_of(struct reader *reader, const char *domain)
{
    enum value class = class_of(reader, domain);

    if (class == MYDESTINATION)
        return arena_printf(reader->arena,
            "%s stands in mydestination, where aliases and .forward count that routed "
            "mail would pass by: make it a relay or virtual mailbox domain first",
            domain);
    if (class == VIRTUAL_ALIAS_DOMAINS)
        return arena_printf(reader->arena,
            "%s stands in virtual_alias_domains (or in a table of virtual_alias_maps), "
            "whose addresses are rewritten and never routed: take the domain out of it "
            "first",
            domain);
    return NULL;
}

/* Where transport_maps send an address that stands in no table by itself; empty: nowhere.
 */
static struct span
mapped_to(struct reader *reader, const char *domain)
{
    struct span parent = span_of(domain);
    struct span value = SPAN("");
    bool found =
        setup_maps_find(reader, setup_domains_invent(reader, domain), true, &value) ||
        setup_maps_find(reader, parent, false, &value);

    while (!found && span_find(parent, '.') != SPAN_NONE) {
        parent = span_from(parent, span_find(parent, '.'));
        found = setup_maps_find(reader, parent, false, &value) ||
                setup_maps_find(reader, span_from(parent, 1), false, &value);
        parent = span_from(parent, 1);
    }
    if (!found)
        (void)setup_maps_find(reader, SPAN("*"), false, &value);
    return span_trim(value);
}

/* `transport:nexthop`; what a map leaves empty stays. */
static void
take_transport(struct span text, struct span *service, struct span *nexthop)
{
    size_t colon = span_find(text, ':');

    if (span_first(text, colon).length > 0)
        *service = span_first(text, colon);
    *nexthop = colon == SPAN_NONE ? SPAN("") : span_from(text, colon + 1);
}

static enum value
carrier_of(
    struct reader *reader, const char *domain, struct span *service, struct span *nexthop)
{
    static const struct {
        enum value list;
        enum value transport;
        bool leaves; /* relayhost counts */
    } classes[] = {
        {MYDESTINATION,           LOCAL_TRANSPORT,   false},
        {VIRTUAL_MAILBOX_DOMAINS, VIRTUAL_TRANSPORT, false},
        {RELAY_DOMAINS,           RELAY_TRANSPORT,   true },
        {VALUES,                  DEFAULT_TRANSPORT, true },
    };
    enum value class = class_of(reader, domain);
    struct span value = mapped_to(reader, domain);

    *service = reader->values[DEFAULT_TRANSPORT];
    *nexthop = SPAN("");
    for (size_t i = 0; i < ARRAY_LENGTH(classes); i++) {
        if (classes[i].list != class)
            continue;
        take_transport(reader->values[classes[i].transport], service, nexthop);
        if (nexthop->length == 0 && classes[i].leaves)
            *nexthop = reader->values[RELAYHOST];
    }
    if (value.length > 0)
        take_transport(value, service, nexthop);
    return class;
}

static struct span
service_of(struct reader *reader, const char *domain)
{
    struct span service;
    struct span nexthop;

    (void)carrier_of(reader, domain, &service, &nexthop);
    return service;
}

static bool
is_client(struct reader *reader, struct span name)
{
    struct postfix_service service;

    return !span_starts(name, SPAN("cutover-")) &&
           postfix_text_find_service(
               reader->site->facts.services, name, "unix", &service) &&
           (span_is(service.command, "smtp") || span_is(service.command, "lmtp"));
}

/* Ours begin as copies of what carries the first domain; where that is delivered here, of
 * what carries mail to other hosts. */
static void
find_like(struct reader *reader)
{
    const struct setup_domains *domains = reader->domains;
    struct setup_facts *facts = &reader->site->facts;
    struct span first;
    struct span other;

    facts->like_is_told = domains->like != NULL;
    facts->like = domains->like;
    if (facts->like_is_told || domains->count == 0)
        return;
    first = service_of(reader, domains->names[0]);
    for (size_t i = 1; i < domains->count; i++) {
        other = service_of(reader, domains->names[i]);
        if (span_equal(first, other))
            continue;
        setup_domains_note(reader,
            arena_printf(reader->arena,
                "%s is carried by %s, %s by %s: ours begin as copies of the first "
                "(--like SERVICE names another)",
                domains->names[0], arena_text(reader->arena, first), domains->names[i],
                arena_text(reader->arena, other)));
        break;
    }
    if (!is_client(reader, first)) {
        other = span_first(reader->values[DEFAULT_TRANSPORT],
            span_find(reader->values[DEFAULT_TRANSPORT], ':'));
        first = is_client(reader, other) ? other : SPAN("");
    }
    if (first.length > 0)
        facts->like = arena_text(reader->arena, first);
}

/* The same letters, in any order. */
static bool
same_letters(struct span left, struct span right)
{
    for (int turn = 0; turn < 2; turn++) {
        struct span other = turn == 0 ? right : left;
        struct span one = turn == 0 ? left : right;

        for (size_t i = 0; i < one.length; i++) {
            if (span_find(other, one.data[i]) == SPAN_NONE)
                return false;
        }
    }
    return true;
}

static void
note_delimiter(struct reader *reader)
{
    struct span theirs = reader->values[DELIMITERS];
    struct span ours = span_of(reader->domains->delimiters);

    if (!same_letters(theirs, ours))
        setup_domains_note(reader,
            arena_printf(reader->arena,
                "recipient_delimiter is \"%s\" in main.cf and \"%s\" in [policyd]: what "
                "is one mailbox to Postfix may be two to policyd; make them alike",
                arena_text(reader->arena, theirs), arena_text(reader->arena, ours)));
}

static bool
open_reader(struct reader *reader, struct error *error)
{
    if (!setup_plan_find_rewrite(
            &reader->site->facts, reader->arena, &reader->rewrite, error) ||
        !read_values(reader, error) || !setup_maps_read(reader, error))
        return false;
    make_tables(reader);
    return true;
}

bool
setup_domains_read(
    const struct setup_domains *domains, struct setup_site *site, struct error *error)
{
    struct setup_domains some = *domains;
    struct reader reader = {.domains = &some, .site = site, .arena = site->arena};
    const char **refusal = &site->facts.refusal;

    if (some.count > SETUP_DOMAINS_MAX)
        some.count = SETUP_DOMAINS_MAX;
    site->facts.domains = some.names;
    site->facts.domain_count = some.count;
    if (!open_reader(&reader, error))
        return false;
    for (size_t i = 0; i < some.count && *refusal == NULL; i++)
        *refusal = refusal_of(&reader, some.names[i]);
    if (*refusal == NULL && site->facts.by_filter)
        *refusal =
            setup_filter_refusal(&site->facts, reader.values[DELAYS], reader.arena);
    note_faults(&reader);
    find_like(&reader);
    setup_maps_order(&reader);
    note_delimiter(&reader);
    return true;
}

bool
setup_domains_today(const char *domain, struct setup_site *site,
    struct setup_today *today, struct error *error)
{
    const struct setup_domains one = {.names = &domain, .count = 1};
    struct reader reader = {.domains = &one, .site = site, .arena = site->arena};
    struct span service;
    struct span nexthop;
    enum value class;

    if (!open_reader(&reader, error))
        return false;
    class = carrier_of(&reader, domain, &service, &nexthop);
    *today = (struct setup_today){
        .list = class < VALUES ? value_names[class] : "",
        .service = arena_text(site->arena, service),
        .nexthop = arena_text(site->arena, nexthop),
    };
    return true;
}
