#include "policyd/setup/setup_tables.h"

#include "policyd/setup/setup_process.h"
#include "shared/base/buffer.h"

enum { TABLES_MAX = 64, OUTPUT_MAX = 64 << 20, LINE_MAX = 200 };

/* One table that was asked. */
struct table {
    struct span name;
    struct span answers; /* "key\tvalue" lines, in the order of the keys */
    const char *fault;
};

struct setup_tables {
    struct arena *arena;
    const char *directory;
    struct span keys; /* one a line */
    struct table tables[TABLES_MAX];
    size_t count;
};

struct setup_tables *
setup_tables_new(
    struct arena *arena, const char *directory, const struct span *keys, size_t key_count)
{
    struct setup_tables *tables = arena_take(arena, sizeof(*tables));
    struct buffer text;

    tables->arena = arena;
    tables->directory = directory;
    buffer_init(&text, OUTPUT_MAX);
    for (size_t i = 0; i < key_count; i++) {
        buffer_append(&text, keys[i]);
        buffer_append_octet(&text, '\n');
    }
    tables->keys = arena_span(arena, buffer_span(&text));
    buffer_clear(&text);
    return tables;
}

/* postmap opens by itself what proxymap(8) would open for others, and needs no running
 * Postfix for it. */
static struct span
without_proxy(struct span table)
{
    const struct span proxy = SPAN("proxy:");

    return span_starts(table, proxy) ? span_from(table, proxy.length) : table;
}

/* `what` is -q or -s. */
static bool
run_postmap(struct setup_tables *tables, struct span table, const char *what,
    struct buffer *out, struct buffer *said)
{
    const char *words[8];
    size_t count = 0;
    struct error error;
    int status;

    words[count++] = "postmap";
    if (tables->directory != NULL) {
        words[count++] = "-c";
        words[count++] = tables->directory;
    }
    words[count++] = what;
    if (span_is(span_of(what), "-q"))
        words[count++] = "-";
    words[count++] = arena_text(tables->arena, without_proxy(table));
    words[count] = NULL;
    if (setup_process_feed(words, tables->keys, out, said, &status, &error))
        return true;
    buffer_append_text(said, error.text);
    return false;
}

static const char *
fault_of(struct setup_tables *tables, struct span said)
{
    struct span line;

    while (span_split(&said, '\n', &line)) {
        size_t place = span_find_text(line, SPAN("fatal: "));

        if (place != SPAN_NONE)
            return arena_text(
                tables->arena, span_first(span_from(line, place + 7), LINE_MAX));
    }
    return NULL;
}

static struct table *
ask(struct setup_tables *tables, struct span name)
{
    struct table *table;
    struct buffer out;
    struct buffer said;

    for (size_t i = 0; i < tables->count; i++) {
        if (span_equal(tables->tables[i].name, name))
            return &tables->tables[i];
    }
    if (tables->count == TABLES_MAX)
        return NULL;
    table = &tables->tables[tables->count++];
    table->name = arena_span(tables->arena, name);
    buffer_init(&out, OUTPUT_MAX);
    buffer_init(&said, OUTPUT_MAX);
    if (!run_postmap(tables, name, "-q", &out, &said))
        table->fault = arena_text(tables->arena, buffer_span(&said));
    else
        table->fault = fault_of(tables, buffer_span(&said));
    table->answers = arena_span(tables->arena, buffer_span(&out));
    buffer_clear(&out);
    buffer_clear(&said);
    return table;
}

bool
setup_tables_find(
    struct setup_tables *tables, struct span name, struct span key, struct span *value)
{
    const struct table *table = ask(tables, name);
    struct span rest;
    struct span line;

    if (table == NULL || table->fault != NULL)
        return false;
    rest = table->answers;
    while (span_split(&rest, '\n', &line)) {
        size_t tab = span_find(line, '\t');

        if (tab == SPAN_NONE || !span_equal_nocase(span_first(line, tab), key))
            continue;
        *value = span_from(line, tab + 1);
        return true;
    }
    return false;
}

const char *
setup_tables_fault(struct setup_tables *tables, struct span name)
{
    const struct table *table = ask(tables, name);

    return table == NULL ? "there are too many tables" : table->fault;
}

static bool
has_type(struct span table, const char *const *types, size_t count)
{
    struct span name = without_proxy(table);
    struct span type = span_first(name, span_find(name, ':'));

    for (size_t i = 0; i < count; i++) {
        if (span_is(type, types[i]))
            return true;
    }
    return false;
}

bool
setup_tables_is_pattern(struct span table)
{
    static const char *const types[] = {"regexp", "pcre", "tcp", "socketmap"};

    return has_type(table, types, ARRAY_LENGTH(types));
}

bool
setup_tables_list(struct setup_tables *tables, struct span table, struct span *keys)
{
    static const char *const types[] = {
        "hash", "btree", "lmdb", "dbm", "sdbm", "texthash", "inline"};
    struct buffer out;
    struct buffer said;
    bool done;

    if (!has_type(table, types, ARRAY_LENGTH(types)))
        return false;
    buffer_init(&out, OUTPUT_MAX);
    buffer_init(&said, OUTPUT_MAX);
    done = run_postmap(tables, table, "-s", &out, &said) &&
           fault_of(tables, buffer_span(&said)) == NULL;
    if (done)
        *keys = arena_span(tables->arena, buffer_span(&out));
    buffer_clear(&out);
    buffer_clear(&said);
    return done;
}
