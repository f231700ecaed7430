#include "policyd/setup/setup_domains_inside.h"

enum { TOLD_MAX = 3 };

bool
setup_maps_read(struct reader *reader, struct error *error)
{
    static const char *const name[] = {"transport_maps"};
    struct span rest =
        setup_plan_site_maps(&reader->site->facts, &reader->rewrite, reader->arena);
    struct span item;

    while (reader->map_count < SETUP_MAPS_MAX && postfix_text_next_item(&rest, &item)) {
        struct map *map = &reader->maps[reader->map_count++];
        const char *setting;

        *map = (struct map){item, item};
        if (span_find(item, '$') == SPAN_NONE)
            continue;
        setting = arena_printf(
            reader->arena, "transport_maps=%s", arena_text(reader->arena, item));
        if (!setup_domains_ask(reader, &setting, 1, name, 1, &map->tables, error))
            return false;
    }
    return true;
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

bool
setup_maps_find(struct reader *reader, struct span key, bool whole, struct span *value)
{
    for (size_t i = 0; i < reader->map_count; i++) {
        if (ask_map(reader, &reader->maps[i], key, whole, value))
            return true;
    }
    return false;
}

/* Whether a map answers for an address of the domain that nobody has. */
static bool
answers_all(struct reader *reader, const struct map *map, const char **domain)
{
    struct span value;

    for (size_t i = 0; i < reader->domains->count; i++) {
        *domain = reader->domains->names[i];
        if (ask_map(reader, map, setup_domains_invent(reader, *domain), true, &value))
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
        setup_domains_note(reader,
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

/* SQL, LDAP, expressions: they can be asked for an address, and don't tell which they
 * have. */
static void
note_unlisted(struct reader *reader, struct span table)
{
    setup_domains_note(reader,
        arena_printf(reader->arena,
            "%s of transport_maps can't be listed: single addresses of ours that it "
            "routes "
            "%s (postmap -q ADDRESS asks it)",
            arena_text(reader->arena, table),
            reader->site->facts.by_filter
                ? "move like all others, unless pinned to old"
                : "go on that way, whatever the weight; take out what is to move"));
}

static void
keep(struct reader *reader, struct span table, struct span key, bool is_first)
{
    struct setup_facts *facts = &reader->site->facts;

    if (facts->by_hand == NULL)
        facts->by_hand =
            arena_take(reader->arena, SETUP_BY_HAND_MAX * sizeof(*facts->by_hand));
    if (facts->by_hand_count < SETUP_BY_HAND_MAX)
        facts->by_hand[facts->by_hand_count++] = (struct setup_by_hand){
            arena_text(reader->arena, key), arena_text(reader->arena, table), is_first};
}

/* Counts the addresses of our domains in a table, and names some. */
static size_t
count_addresses(
    struct reader *reader, struct span table, bool is_first, const char **told)
{
    struct span rest;
    struct span line;
    size_t count = 0;

    if (!reader->domains->counts)
        return 0;
    if (!setup_tables_list(reader->tables, table, &rest)) {
        reader->site->facts.by_hand_fault = arena_printf(reader->arena,
            "%s of transport_maps can't be listed", arena_text(reader->arena, table));
        if (is_first || reader->site->facts.by_filter)
            note_unlisted(reader, table);
        return 0;
    }
    while (span_split(&rest, '\n', &line)) {
        struct span key = span_first(line, span_find(line, '\t'));

        if (!is_of_a_domain(reader, key))
            continue;
        keep(reader, table, key, is_first);
        if (count++ < TOLD_MAX && told != NULL)
            *told = arena_printf(reader->arena, "%s%s%s", *told,
                (*told)[0] == '\0' ? "" : ", ", arena_text(reader->arena, key));
    }
    return count;
}

/* Addresses that the site routes by hand go on; said, since they will never move. */
static void
note_addresses(struct reader *reader)
{
    bool by_filter = reader->site->facts.by_filter;
    size_t last = by_filter ? reader->map_count : reader->site->facts.maps_first;
    const char *told = "";
    size_t count = 0;

    for (size_t i = 0; i < last; i++) {
        struct span rest = reader->maps[i].tables;
        struct span table;

        while (postfix_text_next_item(&rest, &table)) {
            const char *fault = setup_tables_fault(reader->tables, table);

            if (fault != NULL)
                reader->site->facts.by_hand_fault = arena_printf(reader->arena,
                    "%s of transport_maps: %s", arena_text(reader->arena, table), fault);
            if (fault != NULL)
                setup_domains_note(
                    reader, arena_printf(reader->arena,
                                "%s of transport_maps could not be asked (%s)%s",
                                arena_text(reader->arena, table), fault,
                                by_filter ? "" : ": it stays before policyd"));
            else
                count += count_addresses(reader, table, !by_filter, &told);
        }
    }
    if (count == 0)
        return;
    setup_domains_note(reader,
        arena_printf(reader->arena,
            "transport_maps routes %zu address%s by hand (%s%s): %s", count,
            count == 1 ? "" : "es", told, count > TOLD_MAX ? ", ..." : "",
            by_filter ? "a FILTER goes before transport_maps, so they move like all "
                        "others; pin to old what is to stay"
                      : "the site's word goes on, whatever the weight; take out what is "
                        "to move"));
    if (by_filter)
        return;
    /* Postfix looks them up whole in all tables first, and finds policyd's answer. */
    if (reader->values[DELIMITERS].length > 0)
        setup_domains_note(reader,
            arena_printf(reader->arena,
                "with an extension (user%cx@) such an address is policyd's to route: pin "
                "it to old where that is used",
                reader->values[DELIMITERS].data[0]));
}

/* Those behind ours: policyd has answered before they are asked. */
static void
look_behind(struct reader *reader)
{
    for (size_t i = reader->site->facts.maps_first; i < reader->map_count; i++) {
        struct span rest = reader->maps[i].tables;
        struct span table;

        while (postfix_text_next_item(&rest, &table)) {
            if (setup_tables_fault(reader->tables, table) == NULL)
                (void)count_addresses(reader, table, false, NULL);
        }
    }
}

void
setup_maps_order(struct reader *reader)
{
    if (!reader->site->facts.by_filter)
        find_maps_first(reader);
    note_addresses(reader);
    if (!reader->site->facts.by_filter)
        look_behind(reader);
}
