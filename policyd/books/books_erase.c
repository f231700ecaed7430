#include "policyd/books/books_erase.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "policyd/books/books_base.h"
#include "policyd/maillog/address_form.h"
#include "shared/base/allocate.h"
#include "shared/base/attributes.h"
#include "shared/base/buffer.h"

enum {
    WAIT_MS = 60000,
    LOOK_US = 1000,
    TEXT_MAX = 1 << 20,
    PIECE = 1 << 16,
    ADDRESS_MAX = 320
};

/* Within a call. */
struct erasing {
    struct books *books;
    struct span address;
    struct address_form form; /* its two parts */
    struct books_erased *erased;
    struct error *error;
};

/* --- for SQL: names(TEXT...), erased(TEXT), handle(KIND, TEXT) --- */

static struct span
argument_text(sqlite3_value *value)
{
    const unsigned char *text = sqlite3_value_text(value);

    return text == NULL ? SPAN("") : span_make(text, (size_t)sqlite3_value_bytes(value));
}

static void
sql_names(sqlite3_context *context, int count, sqlite3_value **values)
{
    const struct erasing *erasing = sqlite3_user_data(context);
    struct address_place place;
    bool found = false;

    for (int i = 0; i < count && !found; i++)
        found =
            address_form_find(&erasing->form, argument_text(values[i]), 0, false, &place);
    sqlite3_result_int(context, found);
}

static void
sql_erased(sqlite3_context *context, int count, sqlite3_value **values)
{
    const struct erasing *erasing = sqlite3_user_data(context);
    struct span name = span_of(erasing->erased->name);
    struct buffer out;

    (void)count;
    buffer_init(&out, TEXT_MAX);
    address_form_replace(&erasing->form, argument_text(values[0]),
        span_first(name, span_find(name, '@')), &out);
    if (out.length == 0)
        sqlite3_result_text(context, "", 0, SQLITE_STATIC);
    else
        sqlite3_result_text(context, out.data, (int)out.length, SQLITE_TRANSIENT);
    buffer_clear(&out);
}

static void
sql_handle(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct span kind = argument_text(values[0]);

    (void)count;
    sqlite3_result_int64(context, books_handle(kind.data[0], argument_text(values[1])));
}

static bool
add_functions(struct erasing *erasing)
{
    static const struct {
        const char *name;
        int count;
        void (*run)(sqlite3_context *, int, sqlite3_value **);
    } rows[] = {
        {"names",  -1, sql_names },
        {"erased", 1,  sql_erased},
        {"handle", 2,  sql_handle}
    };

    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (sqlite3_create_function(erasing->books->file, rows[i].name, rows[i].count,
                SQLITE_UTF8 | SQLITE_DETERMINISTIC, erasing, rows[i].run, NULL,
                NULL) != SQLITE_OK)
            return books_fail(erasing->books, erasing->error);
    }
    return true;
}

/* --- the rows --- */

static bool
change(struct erasing *erasing, const char *sql, uint64_t *count)
{
    if (!books_exec(erasing->books, sql, erasing->error))
        return false;
    *count += (uint64_t)sqlite3_changes(erasing->books->file);
    return true;
}

/* By what messages are found: all that was found by the address is found by its name. */
static bool
change_handles(struct erasing *erasing, char kind)
{
    static const char put[] = "INSERT OR IGNORE INTO handle(key, message)"
                              " SELECT ?2, message FROM handle WHERE key = ?1";
    static const char drop[] = "DELETE FROM handle WHERE key = ?1";
    const char *const both[] = {put, drop};

    for (size_t i = 0; i < ARRAY_LENGTH(both); i++) {
        sqlite3_stmt *row = books_prepare(erasing->books, both[i], erasing->error);

        if (row == NULL)
            return false;
        (void)sqlite3_bind_int64(row, 1, books_handle(kind, erasing->address));
        if (i == 0)
            (void)sqlite3_bind_int64(
                row, 2, books_handle(kind, span_of(erasing->erased->name)));
        if (!books_run(erasing->books, row, erasing->error))
            return false;
    }
    return true;
}

/* Where the address stands in another form, that text's own are changed; before the rows,
 * whose texts say which those are. */
static bool
change_forms(struct erasing *erasing)
{
#define CHANGE(kind, column, table, id)                                                  \
    "INSERT OR IGNORE INTO handle(key, message) SELECT handle('" kind                    \
    "', erased(" column ")), " id " FROM " table " WHERE names(" column ")",             \
        "DELETE FROM handle WHERE (key, message) IN (SELECT handle('" kind "', " column  \
        "), " id " FROM " table " WHERE names(" column "))"
    static const char *const all[] = {
        CHANGE("f", "sender", "message", "id"),
        CHANGE("m", "message_id", "message", "id"),
        CHANGE("t", "addr", "recipient", "message"),
        CHANGE("t", "orig", "recipient", "message"),
    };
#undef CHANGE

    for (size_t i = 0; i < ARRAY_LENGTH(all); i++) {
        if (!books_exec(erasing->books, all[i], erasing->error))
            return false;
    }
    return true;
}

static bool
change_rows(struct erasing *erasing)
{
    static const char *const others[] = {
        "UPDATE attempt SET reply = erased(reply) WHERE names(reply)",
        "UPDATE input SET key = erased(key), value = erased(value)"
        " WHERE names(key, value)",
        "UPDATE OR REPLACE input_now SET key = erased(key), value = erased(value)"
        " WHERE names(key, value)",
        "UPDATE OR REPLACE ledger SET unit = erased(unit) WHERE names(unit)",
        "UPDATE event_copy SET line = '' WHERE names(line)",
        "UPDATE outbox SET text = erased(text) WHERE names(text)",
        "UPDATE unknown_form SET line = erased(line) WHERE names(line)",
        /* A decision has its letter in front. */
        "UPDATE session SET value = substr(value, 1, 1) || erased(substr(value, 2))"
        " WHERE names(substr(value, 2))",
    };
    struct books_erased *erased = erasing->erased;

    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        if (!change(erasing, others[i], &erased->others))
            return false;
    }
    return change_forms(erasing) &&
           change(erasing,
               "UPDATE message SET sender = erased(sender), login = erased(login),"
               " message_id = CASE WHEN message_id IS NULL THEN NULL"
               "   ELSE erased(message_id) END,"
               " refused = erased(refused), verdicts = erased(verdicts)"
               " WHERE names(sender, login, message_id, refused, verdicts)",
               &erased->messages) &&
           change(erasing,
               "UPDATE recipient SET addr = erased(addr), orig = erased(orig),"
               " reply = erased(reply) WHERE names(addr, orig, reply)",
               &erased->recipients) &&
           change_handles(erasing, 't') && change_handles(erasing, 'f') &&
           books_exec(erasing->books,
               "INSERT INTO meta(name, value) VALUES('generation', 1)"
               " ON CONFLICT(name) DO UPDATE SET value = value + 1",
               erasing->error);
}

static bool
change_all(struct erasing *erasing)
{
    if (!books_begin(erasing->books, erasing->error))
        return false;
    if (change_rows(erasing) && books_commit(erasing->books, erasing->error))
        return true;
    books_rollback(erasing->books);
    return false;
}

/* --- what is left in free parts --- */

/* The octets of a file, in pieces that overlap by the longest of its forms. */
static bool
file_has(const char *path, const struct address_form *address)
{
    enum { OVERLAP = ADDRESS_MAX + ADDRESS_FORM_TAG_MAX + 2 };
    struct address_place place;
    char *piece = allocate(PIECE);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t kept = 0;
    bool found = false;
    ssize_t got;

    while (fd >= 0 && !found && (got = read(fd, piece + kept, PIECE - kept)) > 0) {
        size_t length = kept + (size_t)got;

        found = address_form_find(address, span_make(piece, length), 0, true, &place);
        kept = length < OVERLAP ? length : OVERLAP;
        memmove(piece, piece + length - kept, kept);
    }
    if (fd >= 0)
        (void)close(fd);
    free(piece);
    return found;
}

static bool
empty_wal(struct erasing *erasing)
{
    int result = sqlite3_wal_checkpoint_v2(
        erasing->books->file, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

    return result == SQLITE_OK ||
           error_temporary(erasing->error,
               "the address is in no row any more, but may be in free parts of the file: "
               "another program reads the books (%s), try again",
               sqlite3_errstr(result));
}

static bool
clean_file(struct erasing *erasing)
{
    struct books *books = erasing->books;

    if (!empty_wal(erasing))
        return false;
    if (!file_has(sqlite3_db_filename(books->file, "main"), &erasing->form))
        return true;
    return books_exec(books, "PRAGMA temp_store = FILE; VACUUM", erasing->error) &&
           empty_wal(erasing);
}

/* The controller leaves a few milliseconds between its transactions. */
static int
wait_for_gap(void *argument, int times)
{
    (void)argument;
    (void)usleep(LOOK_US);
    return times < WAIT_MS * 1000 / LOOK_US;
}

static bool
make_name(struct erasing *erasing, struct span domain)
{
    struct hash_key keys[2];
    char folded[ADDRESS_MAX];
    uint64_t hash[2];

    if (getrandom(keys, sizeof(keys), 0) != (ssize_t)sizeof(keys))
        return error_temporary(erasing->error, "no random octets");
    memcpy(folded, erasing->address.data, erasing->address.length);
    span_lower(folded, erasing->address.length);
    for (size_t i = 0; i < 2; i++)
        hash[i] = hash_of(span_make(folded, erasing->address.length), keys[i]);
    (void)snprintf(erasing->erased->name, sizeof(erasing->erased->name),
        "erased-%016llx%08llx@%.*s", (unsigned long long)hash[0],
        (unsigned long long)(hash[1] >> 32), (int)domain.length, domain.data);
    explicit_bzero(keys, sizeof(keys));
    return true;
}

bool
books_erase(struct books *books, struct span address, struct books_erased *erased,
    struct error *error)
{
    struct erasing erasing = {
        .books = books, .address = address, .erased = erased, .error = error};
    size_t at = span_find_last(address, '@');
    bool done;

    *erased = (struct books_erased){.messages = 0};
    if (at == SPAN_NONE || at == 0 || at + 1 == address.length ||
        address.length > ADDRESS_MAX - 64)
        return error_permanent(error, "an address has a local part and a domain");
    erasing.form =
        (struct address_form){span_first(address, at), span_from(address, at + 1)};
    (void)sqlite3_busy_handler(books->file, wait_for_gap, NULL);
    done = make_name(&erasing, span_from(address, at + 1)) &&
           books_exec(books, "PRAGMA secure_delete = ON", error) &&
           add_functions(&erasing) && change_all(&erasing) && clean_file(&erasing);
    (void)sqlite3_busy_timeout(books->file, BOOKS_BUSY_MS);
    return done;
}
