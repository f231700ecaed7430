#include "policyd/setup/setup_domains.h"

#include "policyd/setup/setup_file.h"
#include "policyd/setup/setup_process.h"
#include "policyd/setup/setup_tables.h"
#include "policyd/wiring/domain_class.h"
#include "policyd/wiring/service_options.h"

/* A local part that nobody has. */
#define INVENTED "postshiftinvented"

enum { MAPS_MAX = 64, OUTPUT_MAX = 4 << 20, TOLD_MAX = 3 };

/* What is asked of postconf, with $names expanded and as the rewrite service has it. */
enum value {
    MYDESTINATION,
    VIRTUAL_ALIAS_DOMAINS,
    VIRTUAL_MAILBOX_DOMAINS,
    RELAY_DOMAINS,
    LOCAL_TRANSPORT,
    VIRTUAL_TRANSPORT,
    RELAY_TRANSPORT,
    DEFAULT_TRANSPORT,
    PARENTS,
    DELIMITERS,
    VALUES
};
static const char *const value_names[VALUES] = {
    [MYDESTINATION] = "mydestination",
    [VIRTUAL_ALIAS_DOMAINS] = "virtual_alias_domains",
    [VIRTUAL_MAILBOX_DOMAINS] = "virtual_mailbox_domains",
    [RELAY_DOMAINS] = "relay_domains",
    [LOCAL_TRANSPORT] = "local_transport",
    [VIRTUAL_TRANSPORT] = "virtual_transport",
    [RELAY_TRANSPORT] = "relay_transport",
    [DEFAULT_TRANSPORT] = "default_transport",
    [PARENTS] = "parent_domain_matches_subdomains",
    [DELIMITERS] = "recipient_delimiter",
};

/* One of transport_maps as it is written, and what its $names stand for. */
struct map {
    struct span text;
    struct span tables;
};

struct reader {
    const struct setup_domains *domains;
    struct setup_site *site;
    struct arena *arena;
    struct postfix_service rewrite;
    struct span values[VALUES];
    struct map maps[MAPS_MAX];
    size_t map_count;
    struct setup_tables *tables;
};

static void
add_note(struct reader *reader, const char *text)
{
    struct setup_facts *facts = &reader->site->facts;

    if (facts->note_count < SETUP_NOTES_MAX)
        facts->notes[facts->note_count++] = text;
}

/* postconf -xh with settings that go before those of main.cf. */
static bool
ask_postconf(struct reader *reader, const char *const *settings, size_t setting_count,
    const char *const *names, size_t count, struct span *answer, struct error *error)
{
    enum { WORDS = 160 };
    const char *words[WORDS];
    size_t used = 0;
    struct buffer out;
    struct buffer said;
    int status;
    bool done;

    words[used++] = "postconf";
    if (reader->site->given != NULL) {
        words[used++] = "-c";
        words[used++] = reader->site->given;
    }
    for (size_t i = 0; i < setting_count && used + count + 4 < WORDS; i++) {
        words[used++] = "-o";
        words[used++] = settings[i];
    }
    words[used++] = "-xh";
    for (size_t i = 0; i < count; i++)
        words[used++] = names[i];
    words[used] = NULL;
    buffer_init(&out, OUTPUT_MAX);
    buffer_init(&said, OUTPUT_MAX);
    done = setup_process_run(words, &out, &said, &status, error);
    if (done && status != 0)
        done = error_permanent(error, "postconf -xh failed: %s", buffer_text(&said));
    if (done)
        *answer = arena_span(reader->arena, buffer_span(&out));
    buffer_clear(&out);
    buffer_clear(&said);
    return done;
}

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
    if (!ask_postconf(reader, settings, count, value_names, VALUES, &answer, error))
        return false;
    for (size_t i = 0; i < VALUES; i++) {
        if (!span_split(&answer, '\n', &reader->values[i]))
            return error_permanent(error, "postconf does not know %s", value_names[i]);
        reader->values[i] = span_trim(reader->values[i]);
    }
    return true;
}

static bool
read_maps(struct reader *reader, struct error *error)
{
    static const char *const name[] = {"transport_maps"};
    struct span rest =
        setup_plan_site_maps(&reader->site->facts, &reader->rewrite, reader->arena);
    struct span item;

    while (reader->map_count < MAPS_MAX && postfix_text_next_item(&rest, &item)) {
        struct map *map = &reader->maps[reader->map_count++];
        const char *setting;

        *map = (struct map){item, item};
        if (span_find(item, '$') == SPAN_NONE)
            continue;
        setting = arena_printf(
            reader->arena, "transport_maps=%s", arena_text(reader->arena, item));
        if (!ask_postconf(reader, &setting, 1, name, 1, &map->tables, error))
            return false;
    }
    return true;
}

static struct span
invented_at(struct reader *reader, const char *domain)
{
    return span_of(arena_printf(reader->arena, INVENTED "@%s", domain));
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

        keys[count++] = invented_at(reader, domains->names[i]);
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

    buffer_init(&buffer, OUTPUT_MAX);
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

/* What one of transport_maps says to a key; `whole`: the full address. */
static bool
ask_map(struct reader *reader, const struct map *map, struct span key, bool whole,
    struct span *value)
{
    struct span rest = map->tables;
    struct span table;

    while (postfix_text_next_item(&rest, &table)) {
        if ((whole || !setup_tables_is_pattern(table)) &&
            setup_tables_find(reader->tables, table, key, value))
            return true;
    }
    return false;
}

static bool
ask_maps(struct reader *reader, struct span key, bool whole, struct span *value)
{
    for (size_t i = 0; i < reader->map_count; i++) {
        if (ask_map(reader, &reader->maps[i], key, whole, value))
            return true;
    }
    return false;
}

/* The name of the service that carries an address which stands in no table by itself. */
static struct span
carrier_of(struct reader *reader, const char *domain)
{
    static const struct {
        enum value list;
        enum value transport;
    } classes[] = {
        {MYDESTINATION,           LOCAL_TRANSPORT  },
        {VIRTUAL_MAILBOX_DOMAINS, VIRTUAL_TRANSPORT},
        {RELAY_DOMAINS,           RELAY_TRANSPORT  },
    };
    enum value class = class_of(reader, domain);
    struct span transport = reader->values[DEFAULT_TRANSPORT];
    struct span parent = span_of(domain);
    struct span value = SPAN("");
    bool found = ask_maps(reader, invented_at(reader, domain), true, &value) ||
                 ask_maps(reader, parent, false, &value);

    while (!found && span_find(parent, '.') != SPAN_NONE) {
        parent = span_from(parent, span_find(parent, '.'));
        found = ask_maps(reader, parent, false, &value) ||
                ask_maps(reader, span_from(parent, 1), false, &value);
        parent = span_from(parent, 1);
    }
    if (!found)
        (void)ask_maps(reader, SPAN("*"), false, &value);
    for (size_t i = 0; i < ARRAY_LENGTH(classes); i++) {
        if (classes[i].list == class)
            transport = reader->values[classes[i].transport];
    }
    value = span_trim(value);
    if (span_first(value, span_find(value, ':')).length > 0)
        transport = value;
    return span_first(transport, span_find(transport, ':'));
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
    first = carrier_of(reader, domains->names[0]);
    for (size_t i = 1; i < domains->count; i++) {
        other = carrier_of(reader, domains->names[i]);
        if (span_equal(first, other))
            continue;
        add_note(reader,
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

/* Whether a map answers for an address of the domain that nobody has. */
static bool
answers_all(struct reader *reader, const struct map *map, const char **domain)
{
    struct span value;

    for (size_t i = 0; i < reader->domains->count; i++) {
        *domain = reader->domains->names[i];
        if (ask_map(reader, map, invented_at(reader, *domain), true, &value))
            return true;
    }
    return false;
}

static void
find_maps_first(struct reader *reader)
{
    size_t *first = &reader->site->facts.maps_first;
    const char *domain = "";

    while (reader->domains->count > 0 && *first < reader->map_count &&
           !answers_all(reader, &reader->maps[*first], &domain))
        (*first)++;
    if (reader->domains->count > 0 && *first < reader->map_count)
        add_note(reader,
            arena_printf(reader->arena,
                "%s of transport_maps answers for every address of %s, so policyd is "
                "asked before it: single addresses of it and of what stands behind it "
                "move too, unless pinned to old",
                arena_text(reader->arena, reader->maps[*first].text), domain));
}

static bool
is_of_a_domain(struct reader *reader, struct span address)
{
    size_t at = span_find_last(address, '@');

    for (size_t i = 0; at != SPAN_NONE && i < reader->domains->count; i++) {
        if (span_equal_nocase(
                span_from(address, at + 1), span_of(reader->domains->names[i])))
            return true;
    }
    return false;
}

/* Counts the addresses of our domains in a table, and names some. */
static size_t
count_addresses(struct reader *reader, struct span table, const char **told)
{
    struct span rest;
    struct span line;
    size_t count = 0;

    if (!setup_tables_list(reader->tables, table, &rest))
        return 0;
    while (span_split(&rest, '\n', &line)) {
        struct span key = span_first(line, span_find(line, '\t'));

        if (!is_of_a_domain(reader, key))
            continue;
        if (count++ < TOLD_MAX)
            *told = arena_printf(reader->arena, "%s%s%s", *told,
                (*told)[0] == '\0' ? "" : ", ", arena_text(reader->arena, key));
    }
    return count;
}

/* Addresses that the site routes by hand go on; said, since they will never move. */
static void
note_addresses(struct reader *reader)
{
    const char *told = "";
    size_t count = 0;

    for (size_t i = 0; i < reader->site->facts.maps_first; i++) {
        struct span rest = reader->maps[i].tables;
        struct span table;

        while (postfix_text_next_item(&rest, &table)) {
            const char *fault = setup_tables_fault(reader->tables, table);

            if (fault != NULL)
                add_note(reader,
                    arena_printf(reader->arena,
                        "%s of transport_maps could not be asked (%s): it stays before "
                        "policyd",
                        arena_text(reader->arena, table), fault));
            else
                count += count_addresses(reader, table, &told);
        }
    }
    if (count > 0)
        add_note(reader,
            arena_printf(reader->arena,
                "transport_maps routes %zu address%s by hand (%s%s): the site's word "
                "goes "
                "on, whatever the weight; take out what is to move",
                count, count == 1 ? "" : "es", told, count > TOLD_MAX ? ", ..." : ""));
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
        add_note(reader,
            arena_printf(reader->arena,
                "recipient_delimiter is \"%s\" in main.cf and \"%s\" in [policyd]: what "
                "is one mailbox to Postfix may be two to policyd; make them alike",
                arena_text(reader->arena, theirs), arena_text(reader->arena, ours)));
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
    if (!setup_plan_find_rewrite(&site->facts, site->arena, &reader.rewrite, error) ||
        !read_values(&reader, error) || !read_maps(&reader, error))
        return false;
    make_tables(&reader);
    for (size_t i = 0; i < some.count && *refusal == NULL; i++)
        *refusal = refusal_of(&reader, some.names[i]);
    find_like(&reader);
    find_maps_first(&reader);
    note_addresses(&reader);
    note_delimiter(&reader);
    return true;
}
