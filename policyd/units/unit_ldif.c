#include "policyd/units/unit_ldif.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/allocate.h"
#include "shared/base/arena.h"
#include "shared/base/attributes.h"

enum { LDIF_OCTETS = 1 << 30 };

/* What an entry says of another one, or of an address of its own. */
struct statement {
    struct span owner;  /* name of the entry, as names are compared */
    struct span mail;   /* its address; empty: it has none */
    struct span target; /* name of an entry, or an address where kind is ALIAS */
    enum unit_link_kind kind;
    size_t line;
};

struct name {
    struct span name;
    struct span mail;
};

struct ldif {
    const struct unit_reader *reader;
    struct arena *arena;
    struct buffer line; /* unfolded */
    size_t number;
    /* Of the entry in hand. */
    struct span dn;
    struct span mail;
    size_t first; /* statement */
    struct name *names;
    size_t name_count;
    size_t name_room;
    struct statement *statements;
    size_t statement_count;
    size_t statement_room;
};

/* A name as it is compared: small letters, no blanks beside commas and equal signs. */
static struct span
fold_name(struct arena *arena, struct span dn)
{
    char *text = arena_take(arena, dn.length + 1);
    size_t length = 0;

    for (size_t i = 0; i < dn.length; i++) {
        bool is_blank = dn.data[i] == ' ';
        bool is_beside = is_blank && (length == 0 || text[length - 1] == ',' ||
                                         text[length - 1] == '=');

        if (is_beside)
            continue;
        while (length > 0 && text[length - 1] == ' ' &&
               (dn.data[i] == ',' || dn.data[i] == '='))
            length--;
        text[length++] = span_lower_octet(dn.data[i]);
    }
    return span_make(text, length);
}

static int
value_of(char octet)
{
    size_t at = span_find(
        SPAN("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"), octet);

    return at == SPAN_NONE ? -1 : (int)at;
}

/* RFC 4648 section 4; the empty span where it is none. */
static struct span
decode_base64(struct arena *arena, struct span text)
{
    char *out = arena_take(arena, text.length + 1);
    unsigned bits = 0;
    unsigned have = 0;
    size_t length = 0;

    for (size_t i = 0; i < text.length && text.data[i] != '='; i++) {
        int value = value_of(text.data[i]);

        if (value < 0)
            return SPAN("");
        bits = bits << 6 | (unsigned)value;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[length++] = (char)(bits >> have & 0xff);
        }
    }
    return span_make(out, length);
}

static void
end_entry(struct ldif *ldif)
{
    if (ldif->dn.length > 0) {
        ldif->names = allocate_more(
            ldif->names, ldif->name_count, &ldif->name_room, sizeof(*ldif->names));
        ldif->names[ldif->name_count++] = (struct name){ldif->dn, ldif->mail};
    }
    for (size_t i = ldif->first; i < ldif->statement_count; i++) {
        ldif->statements[i].owner = ldif->dn;
        ldif->statements[i].mail = ldif->mail;
    }
    ldif->first = ldif->statement_count;
    ldif->dn = ldif->mail = SPAN("");
}

static void
state(struct ldif *ldif, enum unit_link_kind kind, struct span target)
{
    ldif->statements = allocate_more(ldif->statements, ldif->statement_count,
        &ldif->statement_room, sizeof(*ldif->statements));
    ldif->statements[ldif->statement_count++] = (struct statement){
        .target = kind == UNIT_LINK_ALIAS ? target : fold_name(ldif->arena, target),
        .kind = kind,
        .line = ldif->number,
    };
}

static bool
is_one_of(struct span name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (span_is_nocase(name, names[i]))
            return true;
    }
    return false;
}

static void
take_attribute(struct ldif *ldif, struct span name, struct span value)
{
    static const char *const aliases[] = {
        "mailAlternateAddress", "mailAlias", "proxyAddresses", "rfc822MailAlias"};
    static const char *const members[] = {"member", "uniqueMember"};
    static const char *const managers[] = {"manager", "owner", "secretary"};

    if (span_is_nocase(name, "dn")) {
        end_entry(ldif);
        ldif->dn = fold_name(ldif->arena, value);
    } else if (span_is_nocase(name, "mail")) {
        /* The second and later ones are other names of the same box. */
        if (ldif->mail.length == 0)
            ldif->mail = value;
        else
            state(ldif, UNIT_LINK_ALIAS, value);
    } else if (is_one_of(name, aliases, ARRAY_LENGTH(aliases))) {
        size_t colon = span_find(value, ':');

        if (colon == SPAN_NONE || span_starts_nocase(value, SPAN("smtp:")))
            state(ldif, UNIT_LINK_ALIAS, value);
    } else if (is_one_of(name, members, ARRAY_LENGTH(members))) {
        state(ldif, UNIT_LINK_MEMBER, value);
    } else if (is_one_of(name, managers, ARRAY_LENGTH(managers))) {
        state(ldif, UNIT_LINK_MANAGER, value);
    }
}

/* `name: value`, `name:: base64`, `name;option: value`; an empty line ends an entry. */
static void
take_line(struct ldif *ldif)
{
    struct span line = buffer_span(&ldif->line);
    size_t colon = span_find(line, ':');
    struct span name;
    struct span value;

    if (line.length == 0) {
        end_entry(ldif);
        return;
    }
    if (line.data[0] == '#' || colon == SPAN_NONE)
        return;
    name = span_first(line, colon);
    if (span_find(name, ';') != SPAN_NONE)
        name = span_first(name, span_find(name, ';'));
    value = span_from(line, colon + 1);
    if (span_take(&value, SPAN(":")))
        value = decode_base64(ldif->arena, span_trim(value));
    else
        value = arena_span(ldif->arena, span_trim(value));
    take_attribute(ldif, name, value);
}

static int
compare_names(const void *left, const void *right)
{
    return span_compare(
        ((const struct name *)left)->name, ((const struct name *)right)->name);
}

/* The address of the entry of that name; empty where it isn't there, or has none. */
static struct span
mail_of(const struct ldif *ldif, struct span name)
{
    struct name wanted = {.name = name};
    const struct name *found = ldif->name_count == 0
                                   ? NULL
                                   : bsearch(&wanted, ldif->names, ldif->name_count,
                                         sizeof(wanted), compare_names);

    return found == NULL ? SPAN("") : found->mail;
}

static void
tell(const struct ldif *ldif)
{
    const struct unit_reader *reader = ldif->reader;
    struct buffer left = {.ceiling = UNIT_SOURCE_LINE_MAX};
    struct buffer right = {.ceiling = UNIT_SOURCE_LINE_MAX};

    for (size_t i = 0; i < ldif->statement_count; i++) {
        const struct statement *said = &ldif->statements[i];
        struct span owner = said->kind == UNIT_LINK_MEMBER
                                ? said->owner
                                : unit_link_address(reader, said->mail, &left);
        struct span target =
            said->kind == UNIT_LINK_ALIAS ? said->target : mail_of(ldif, said->target);

        target = unit_link_address(reader, target, &right);
        if (owner.length == 0 || target.length == 0)
            reader->left_out(reader->argument,
                "an entry of that name with a mail:", said->target, said->line);
        else if (!span_equal_nocase(owner, target))
            reader->link(reader->argument, said->kind, owner, target, said->line);
    }
    buffer_clear(&left);
    buffer_clear(&right);
}

static bool
take_lines(struct ldif *ldif, struct span text, struct error *error)
{
    size_t number = 0;
    struct span line;

    while (span_split(&text, '\n', &line)) {
        number++;
        if (line.length > 0 && line.data[line.length - 1] == '\r')
            line = span_first(line, line.length - 1);
        if (line.length > 0 && line.data[0] == ' ') {
            buffer_append(&ldif->line, span_from(line, 1));
        } else {
            if (number > 1)
                take_line(ldif);
            buffer_reset(&ldif->line);
            buffer_append(&ldif->line, line);
            ldif->number = number;
        }
        if (!buffer_ok(&ldif->line))
            return error_permanent(error, "line %zu: a line of over %d octets",
                ldif->number, UNIT_SOURCE_LINE_MAX);
    }
    take_line(ldif);
    end_entry(ldif);
    return true;
}

bool
unit_ldif_read(struct span text, const struct unit_reader *reader, struct error *error)
{
    struct ldif ldif = {.reader = reader, .arena = arena_new(LDIF_OCTETS)};
    bool done;

    buffer_init(&ldif.line, UNIT_SOURCE_LINE_MAX);
    done = take_lines(&ldif, text, error);
    if (done) {
        if (ldif.name_count > 0)
            qsort(ldif.names, ldif.name_count, sizeof(*ldif.names), compare_names);
        tell(&ldif);
    }
    free(ldif.names);
    free(ldif.statements);
    buffer_clear(&ldif.line);
    arena_free(ldif.arena);
    return done;
}
