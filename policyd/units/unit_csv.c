#include "policyd/units/unit_csv.h"

#include <string.h>

#include "shared/base/attributes.h"

/* What a column is about. */
enum column {
    COLUMN_OWNER, /* whose mailbox it is */
    COLUMN_USER,  /* who may use it */
    COLUMN_GROUP,
    COLUMN_MEMBER,
    COLUMN_DENIED,
    COLUMN_INHERITED,
    COLUMN_KIND,
    COLUMN_COUNT
};

/* The names that PowerShell gives them; the first that is there counts. */
static const struct {
    enum column column;
    const char *name;
} names[] = {
    {COLUMN_GROUP,     "Group"                    },
    {COLUMN_GROUP,     "GroupAddress"             },
    {COLUMN_GROUP,     "GroupName"                },
    {COLUMN_GROUP,     "DistributionGroup"        },
    {COLUMN_GROUP,     "GroupPrimarySmtpAddress"  },
    {COLUMN_USER,      "User"                     },
    {COLUMN_USER,      "Trustee"                  },
    {COLUMN_USER,      "Delegate"                 },
    {COLUMN_USER,      "GrantSendOnBehalfTo"      },
    {COLUMN_OWNER,     "Mailbox"                  },
    {COLUMN_OWNER,     "MailboxPrimarySmtpAddress"},
    {COLUMN_OWNER,     "Owner"                    },
    {COLUMN_OWNER,     "PrimarySmtpAddress"       },
    {COLUMN_OWNER,     "UserPrincipalName"        },
    {COLUMN_OWNER,     "Identity"                 },
    {COLUMN_MEMBER,    "Member"                   },
    {COLUMN_MEMBER,    "MemberAddress"            },
    {COLUMN_MEMBER,    "PrimarySmtpAddress"       },
    {COLUMN_MEMBER,    "EmailAddress"             },
    {COLUMN_MEMBER,    "Mail"                     },
    {COLUMN_MEMBER,    "WindowsLiveID"            },
    {COLUMN_MEMBER,    "UserPrincipalName"        },
    {COLUMN_DENIED,    "Deny"                     },
    {COLUMN_INHERITED, "IsInherited"              },
    {COLUMN_KIND,      "Kind"                     },
};

/* Read so far, field by field. */
struct csv {
    struct span rest;
    size_t line; /* of what comes next */
    char separator;
    struct buffer text; /* of the fields of a row, one behind the other */
    struct span fields[UNIT_SOURCE_COLUMNS_MAX];
    size_t ends[UNIT_SOURCE_COLUMNS_MAX];
    size_t count;
    size_t row_line;
};

/* A field in quotes; they are behind `rest`. */
static bool
take_quoted(struct csv *csv, struct error *error)
{
    for (;;) {
        if (csv->rest.length == 0)
            return error_permanent(
                error, "line %zu: a quote that never ends", csv->row_line);
        if (csv->rest.data[0] == '"') {
            csv->rest = span_from(csv->rest, 1);
            if (csv->rest.length == 0 || csv->rest.data[0] != '"')
                return true;
        }
        if (csv->rest.data[0] == '\n')
            csv->line++;
        buffer_append_octet(&csv->text, csv->rest.data[0]);
        csv->rest = span_from(csv->rest, 1);
        if (!buffer_ok(&csv->text))
            return error_permanent(error, "line %zu: a row of over %d octets",
                csv->row_line, UNIT_SOURCE_LINE_MAX);
    }
}

static void
take_bare(struct csv *csv)
{
    size_t end = 0;

    while (end < csv->rest.length && csv->rest.data[end] != csv->separator &&
           csv->rest.data[end] != '\n')
        end++;
    buffer_append(&csv->text, span_trim(span_first(csv->rest, end)));
    csv->rest = span_from(csv->rest, end);
}

static bool
take_field(struct csv *csv, struct error *error)
{
    if (csv->count >= UNIT_SOURCE_COLUMNS_MAX)
        return error_permanent(error, "line %zu: more than %d columns", csv->row_line,
            UNIT_SOURCE_COLUMNS_MAX);
    if (span_take(&csv->rest, SPAN("\""))) {
        if (!take_quoted(csv, error))
            return false;
        /* What stands behind the quote belongs to nothing. */
        while (csv->rest.length > 0 && csv->rest.data[0] != csv->separator &&
               csv->rest.data[0] != '\n')
            csv->rest = span_from(csv->rest, 1);
    } else {
        take_bare(csv);
    }
    if (!buffer_ok(&csv->text))
        return error_permanent(error, "line %zu: a row of over %d octets", csv->row_line,
            UNIT_SOURCE_LINE_MAX);
    csv->ends[csv->count++] = csv->text.length;
    return true;
}

/* The next row that has something; *found false at the end. */
static bool
take_row(struct csv *csv, bool *found, struct error *error)
{
    size_t begin = 0;

    buffer_reset(&csv->text);
    csv->count = 0;
    while (csv->rest.length > 0 &&
           (csv->rest.data[0] == '\n' || csv->rest.data[0] == '\r')) {
        csv->line += csv->rest.data[0] == '\n';
        csv->rest = span_from(csv->rest, 1);
    }
    *found = csv->rest.length > 0;
    if (!*found)
        return true;
    csv->row_line = csv->line;
    do {
        if (!take_field(csv, error))
            return false;
    } while (csv->rest.length > 0 && csv->rest.data[0] == csv->separator &&
             (csv->rest = span_from(csv->rest, 1), true));
    for (size_t i = 0; i < csv->count; i++) {
        csv->fields[i] =
            span_first(span_from(buffer_span(&csv->text), begin), csv->ends[i] - begin);
        begin = csv->ends[i];
    }
    return true;
}

/* Excel writes semicolons where a comma parts decimals. */
static char
separator_of(struct span text)
{
    struct span line = text;
    size_t end;

    while (line.length > 0 && (line.data[0] == '#' || line.data[0] == '\n')) {
        end = span_find(line, '\n');
        line = end == SPAN_NONE ? SPAN("") : span_from(line, end + 1);
    }
    end = span_find(line, '\n');
    line = span_first(line, end == SPAN_NONE ? line.length : end);
    if (span_find(line, ',') == SPAN_NONE && span_find(line, ';') != SPAN_NONE)
        return ';';
    return span_find(line, ',') == SPAN_NONE && span_find(line, '\t') != SPAN_NONE ? '\t'
                                                                                   : ',';
}

static struct csv
csv_on(struct span text)
{
    struct csv csv = {.rest = text, .line = 1, .separator = separator_of(text)};
    struct span line;

    buffer_init(&csv.text, UNIT_SOURCE_LINE_MAX);
    /* `#TYPE ...`, which Export-Csv begins with. */
    while (span_starts(csv.rest, SPAN("#")) && span_split(&csv.rest, '\n', &line))
        csv.line++;
    return csv;
}

struct columns {
    size_t at[COLUMN_COUNT]; /* SIZE_MAX: not there */
    bool has_groups;
};

static size_t
find_column(const struct csv *csv, const char *name)
{
    for (size_t i = 0; i < csv->count; i++) {
        if (span_is_nocase(csv->fields[i], name))
            return i;
    }
    return SIZE_MAX;
}

/* False: neither permissions nor groups. */
static bool
read_columns(const struct csv *csv, struct columns *columns)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        columns->at[i] = SIZE_MAX;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (columns->at[names[i].column] == SIZE_MAX)
            columns->at[names[i].column] = find_column(csv, names[i].name);
    }
    columns->has_groups =
        columns->at[COLUMN_GROUP] != SIZE_MAX && columns->at[COLUMN_MEMBER] != SIZE_MAX;
    if (!columns->has_groups && columns->at[COLUMN_MEMBER] != SIZE_MAX &&
        columns->at[COLUMN_USER] == SIZE_MAX) {
        /* The group stands in the column that else names a mailbox. */
        columns->at[COLUMN_GROUP] = find_column(csv, "Identity");
        columns->has_groups = columns->at[COLUMN_GROUP] != SIZE_MAX;
    }
    return columns->has_groups || (columns->at[COLUMN_OWNER] != SIZE_MAX &&
                                      columns->at[COLUMN_USER] != SIZE_MAX);
}

static struct span
field_of(const struct csv *csv, const struct columns *columns, enum column column)
{
    size_t at = columns->at[column];

    return at < csv->count ? span_trim(csv->fields[at]) : SPAN("");
}

/* Rights that were inherited or denied, and those of the system's own accounts. */
static bool
says_nothing(const struct csv *csv, const struct columns *columns)
{
    return span_is_nocase(field_of(csv, columns, COLUMN_DENIED), "true") ||
           span_is_nocase(field_of(csv, columns, COLUMN_INHERITED), "true") ||
           unit_link_is_system(field_of(csv, columns, COLUMN_USER));
}

static void
tell_row(const struct csv *csv, const struct columns *columns,
    const struct unit_reader *reader, struct buffer *left, struct buffer *right)
{
    bool groups = columns->has_groups;
    enum unit_link_kind kind = groups ? UNIT_LINK_MEMBER : UNIT_LINK_DELEGATE;
    struct span owner = field_of(csv, columns, groups ? COLUMN_GROUP : COLUMN_OWNER);
    struct span user = field_of(csv, columns, groups ? COLUMN_MEMBER : COLUMN_USER);

    if (!groups && says_nothing(csv, columns))
        return;
    if (!groups)
        owner = unit_link_address(reader, owner, left);
    user = unit_link_address(reader, user, right);
    if (user.length == 0 || owner.length == 0) {
        reader->left_out(reader->argument,
            owner.length == 0 ? "whose it is, is no address" : "who it is, is no address",
            buffer_span(&csv->text), csv->row_line);
        return;
    }
    /* `unit suggest` says what its links are. */
    if (!groups && span_is(field_of(csv, columns, COLUMN_KIND), "mail"))
        kind = UNIT_LINK_MAIL;
    if (groups || !span_equal_nocase(owner, user))
        reader->link(reader->argument, kind, owner, user, csv->row_line);
}

bool
unit_csv_is(struct span text)
{
    struct csv csv = csv_on(text);
    struct columns columns;
    struct error error;
    bool found;
    bool is = take_row(&csv, &found, &error) && found && read_columns(&csv, &columns);

    buffer_clear(&csv.text);
    return is;
}

bool
unit_csv_read(struct span text, const struct unit_reader *reader, struct error *error)
{
    struct csv csv = csv_on(text);
    struct buffer left = {.ceiling = UNIT_SOURCE_LINE_MAX};
    struct buffer right = {.ceiling = UNIT_SOURCE_LINE_MAX};
    struct columns columns = {.has_groups = false};
    bool found;
    bool done = take_row(&csv, &found, error);

    if (done && (!found || !read_columns(&csv, &columns)))
        done = error_permanent(error,
            "line %zu: no row of columns that says whose (Mailbox, PrimarySmtpAddress, "
            "Identity) and who (User), or which group (Group) and who (Member, "
            "PrimarySmtpAddress)",
            csv.row_line == 0 ? 1 : csv.row_line);
    while (done && (done = take_row(&csv, &found, error)) && found)
        tell_row(&csv, &columns, reader, &left, &right);
    buffer_clear(&csv.text);
    buffer_clear(&left);
    buffer_clear(&right);
    return done;
}
