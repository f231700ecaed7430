/*
 * However the books end, at whichever write, they become those of a run that nothing
 * disturbed: what was not committed is entered again from the place that was.
 *
 * BOOKS_SEEDS says how many ends are tried (`make crash` tries a thousand).
 */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/books/books_base.h"
#include "policyd/books/books_inputs.h"
#include "policyd/books/books_outbox.h"
#include "policyd/books/books_retire.h"
#include "shared/base/attributes.h"
#include "shared/base/buffer.h"
#include "shared/base/number.h"
#include "tests/fakes/books_feed.h"
#include "tests/fakes/failing_vfs.h"

#define ZOO "tests/data/maillog/own-postfix-3.7.11-zoo.log"

enum {
    LINES_MAX = 1000,
    DUMP_MAX = 4 << 20,
    SEEDS = 60,
    PLACE = 32,
    BESIDES_EACH = 40,
    DAY_MS = 86400000
};

static unsigned long ends; /* of runs, before their time */
static char text[1 << 18];
static struct span lines[LINES_MAX];
static size_t line_count;

static void
read_zoo(void)
{
    FILE *file = fopen(ZOO, "r");
    struct span rest;

    assert_non_null(file);
    rest = span_make(text, fread(text, 1, sizeof(text), file));
    (void)fclose(file);
    line_count = 0;
    while (line_count < LINES_MAX && span_split(&rest, '\n', &lines[line_count]))
        line_count++;
}

/* --- a run --- */

/* What the controller enters besides: what is told to Redis, the ledger, what decides
 * routes; here all of it follows from the lines. */
static bool
enter_besides(struct books_feed *feed, size_t line, struct error *error)
{
    char text_of_line[PLACE];
    bool news;

    (void)snprintf(text_of_line, sizeof(text_of_line), "%zu", line);
    return books_enter_input(feed->books, (int64_t)line, SPAN("domain:new.test"),
               span_of(text_of_line), error) &&
           books_ledger_add(feed->books, SPAN("new.test"), span_of(text_of_line),
               (int64_t)line, line % 2 == 0, &news, error) &&
           (!news || books_outbox_add(feed->books, span_of(text_of_line), error));
}

static bool
commit(struct books_feed *feed, size_t line, struct error *error)
{
    char place[PLACE];

    (void)snprintf(place, sizeof(place), "%zu", line);
    return books_flush(feed->writer, error) &&
           books_set_position(feed->books, "zoo", span_of(place), error) &&
           books_commit(feed->books, error);
}

/* From the place that was saved on; false where the disk or the process gave up. */
static bool
enter_rest(struct books_feed *feed, unsigned each, struct error *error)
{
    struct arena *arena = arena_new(4096);
    struct span place;
    uint64_t line = 0;
    bool done = books_position(feed->books, "zoo", arena, &place, error);

    if (done && place.length > 0)
        assert_true(number_unsigned(place, LINES_MAX, &line));
    arena_free(arena);
    done = done && books_begin(feed->books, error);
    for (; done && line < line_count; line++) {
        done = books_feed_line(feed, lines[line], error) &&
               (line % BESIDES_EACH != 0 || enter_besides(feed, (size_t)line, error));
        if (done && (line + 1) % each == 0)
            done =
                commit(feed, (size_t)line + 1, error) && books_begin(feed->books, error);
    }
    return done && commit(feed, line_count, error);
}

static bool
open_books(struct books_feed *feed, struct error *error)
{
    static const struct books_rules rules = {.find_domain = NULL};

    feed->books = books_open(feed->path, BOOKS_WRITE, error);
    feed->writer =
        feed->books == NULL ? NULL : books_writer_new(feed->books, &rules, error);
    return feed->writer != NULL;
}

static void
new_path(struct books_feed *feed)
{
    char folder[] = "/tmp/books.XXXXXX";

    *feed = (struct books_feed){.path = ""};
    assert_non_null(mkdtemp(folder));
    (void)snprintf(feed->path, sizeof(feed->path), "%s/books.db", folder);
}

/* --- what is in them --- */

static void
dump(struct books_feed *feed, struct buffer *out)
{
    static const char *const queries[] = {"SELECT * FROM message ORDER BY id",
        "SELECT * FROM recipient ORDER BY message, n",
        "SELECT * FROM attempt ORDER BY message, n, at",
        "SELECT * FROM handle ORDER BY key, message",
        "SELECT * FROM session ORDER BY kind, pid", "SELECT * FROM meta ORDER BY name",
        "SELECT * FROM unknown_form ORDER BY id", "SELECT * FROM ledger ORDER BY unit",
        "SELECT text FROM outbox ORDER BY seq", "SELECT * FROM input ORDER BY id",
        "SELECT * FROM input_now ORDER BY key"};

    buffer_init(out, DUMP_MAX);
    for (size_t i = 0; i < ARRAY_LENGTH(queries); i++) {
        sqlite3_stmt *row = NULL;

        assert_int_equal(
            sqlite3_prepare_v2(feed->books->file, queries[i], -1, &row, NULL), SQLITE_OK);
        while (sqlite3_step(row) == SQLITE_ROW) {
            for (int c = 0; c < sqlite3_column_count(row); c++) {
                const unsigned char *column = sqlite3_column_text(row, c);

                buffer_printf(out, "%s|", column != NULL ? (const char *)column : "NULL");
            }
            buffer_append_octet(out, '\n');
        }
        (void)sqlite3_finalize(row);
    }
}

/* Also how many writes it took. */
static void
run_undisturbed(unsigned each, struct buffer *out, unsigned long *writes)
{
    struct books_feed feed;
    struct error error;

    new_path(&feed);
    failing_vfs_arm(FAILING_KILL, 0);
    assert_true(open_books(&feed, &error) && enter_rest(&feed, each, &error));
    *writes = failing_vfs_writes();
    dump(&feed, out);
    books_feed_remove(&feed);
}

/* --- seeds --- */

static uint64_t
next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void
run_disturbed(uint64_t seed, enum failing_how how, struct buffer *out)
{
    static const unsigned each[] = {1, 3, 10, 25, 60};
    unsigned long writes = 4000 / each[seed % ARRAY_LENGTH(each)] + 200;
    uint64_t random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    struct books_feed feed;
    struct error error;
    bool done = false;

    new_path(&feed);
    for (unsigned life = 0; !done; life++) {
        assert_true(life < 20);
        failing_vfs_arm(how, life < 3 ? 1 + next(&random) % writes : 0);
        done = open_books(&feed, &error) &&
               enter_rest(&feed, each[seed % ARRAY_LENGTH(each)], &error);
        assert_true(done || failing_vfs_has_failed());
        if (!done && how == FAILING_FULL && feed.books != NULL)
            assert_non_null(strstr(error.text, "disk is full"));
        ends += !done;
        if (!done)
            books_feed_close(&feed);
    }
    failing_vfs_arm(how, 0);
    dump(&feed, out);
    books_feed_remove(&feed);
}

/* The first row that is not alike. */
static void
tell_difference(uint64_t seed, const struct buffer *wanted, const struct buffer *found)
{
    struct span left = buffer_span(wanted);
    struct span right = buffer_span(found);
    struct span a = SPAN("");
    struct span b = SPAN("");

    while (
        span_equal(a, b) && span_split(&left, '\n', &a) && span_split(&right, '\n', &b))
        continue;
    print_message("# seed %lu: %.*s, and not %.*s\n", (unsigned long)seed, (int)b.length,
        b.data, (int)a.length, a.data);
}

static void
check_seeds(enum failing_how how, unsigned long count)
{
    struct buffer wanted;
    unsigned long writes;

    run_undisturbed(10, &wanted, &writes);
    assert_true(writes > 100);
    ends = 0;
    for (uint64_t seed = 1; seed <= count; seed++) {
        struct buffer found;

        run_disturbed(seed, how, &found);
        if (found.length != wanted.length ||
            memcmp(found.data, wanted.data, wanted.length) != 0)
            tell_difference(seed, &wanted, &found);
        assert_int_equal(found.length, wanted.length);
        assert_memory_equal(found.data, wanted.data, wanted.length);
        buffer_clear(&found);
    }
    buffer_clear(&wanted);
    print_message("# %lu seeds, %lu ends\n", count, ends);
    assert_true(ends >= count);
}

static unsigned long
seeds(void)
{
    const char *wanted = getenv("BOOKS_SEEDS");
    unsigned long count = wanted == NULL ? SEEDS : strtoul(wanted, NULL, 10);

    return count < 4 ? 4 : count;
}

static void
killed_at_any_write(void **unused)
{
    (void)unused;
    check_seeds(FAILING_KILL, seeds() * 3 / 4);
}

static void
a_full_disk_for_a_while(void **unused)
{
    (void)unused;
    check_seeds(FAILING_FULL, seeds() - seeds() * 3 / 4);
}

/* --- what is old goes --- */

/* Until there is nothing left to do; false where the disk or the process gave up. */
static bool
retire_rest(struct books_feed *feed, int64_t now_ms, struct error *error)
{
    const struct books_keeping keeping = {DAY_MS, UINT64_MAX};
    bool left = true;

    feed->books = books_open(feed->path, BOOKS_WRITE, error);
    while (left) {
        if (feed->books == NULL || !books_retire(feed->books, &keeping, now_ms,
                                       BOOKS_RETIRE_ROWS_MIN, &left, error))
            return false;
    }
    return true;
}

static void
fill_and_retire(uint64_t seed, struct buffer *out)
{
    uint64_t random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    struct books_feed feed;
    struct error error;
    bool done = false;

    new_path(&feed);
    failing_vfs_arm(FAILING_KILL, 0);
    assert_true(open_books(&feed, &error) && enter_rest(&feed, 100, &error));
    for (unsigned life = 0; !done; life++) {
        books_feed_close(&feed);
        failing_vfs_arm(FAILING_KILL, seed > 0 && life < 3 ? 1 + next(&random) % 120 : 0);
        done = retire_rest(&feed, feed.last_ms + 2 * (int64_t)DAY_MS, &error);
        assert_true(done || failing_vfs_has_failed());
        ends += !done;
    }
    failing_vfs_arm(FAILING_KILL, 0);
    dump(&feed, out);
    books_feed_remove(&feed);
}

static void
killed_while_the_old_goes(void **unused)
{
    struct buffer wanted;

    (void)unused;
    ends = 0;
    fill_and_retire(0, &wanted);
    for (uint64_t seed = 1; seed <= seeds() / 4; seed++) {
        struct buffer found;

        fill_and_retire(seed, &found);
        if (found.length != wanted.length ||
            memcmp(found.data, wanted.data, wanted.length) != 0)
            tell_difference(seed, &wanted, &found);
        assert_int_equal(found.length, wanted.length);
        assert_memory_equal(found.data, wanted.data, wanted.length);
        buffer_clear(&found);
    }
    buffer_clear(&wanted);
    print_message("# %lu ends\n", ends);
    assert_true(ends >= seeds() / 4);
}

/* --- others --- */

static void
locked_by_another(void **unused)
{
    struct books_feed feed;
    struct error error = {.text = ""};
    sqlite3 *other = NULL;

    (void)unused;
    new_path(&feed);
    failing_vfs_arm(FAILING_KILL, 0);
    assert_true(open_books(&feed, &error));
    assert_int_equal(sqlite3_open(feed.path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_false(books_begin(feed.books, &error));
    assert_string_equal(error.text, "the books are locked by another process");
    (void)sqlite3_close(other);
    assert_true(enter_rest(&feed, 10, &error));
    books_feed_remove(&feed);
}

static void
damaged(void **unused)
{
    struct books_feed feed;
    struct error error = {.text = ""};
    char octets[8192];
    int fd;

    (void)unused;
    new_path(&feed);
    failing_vfs_arm(FAILING_KILL, 0);
    assert_true(open_books(&feed, &error) && enter_rest(&feed, 600, &error));
    books_feed_close(&feed);
    memset(octets, 'x', sizeof(octets));
    fd = open(feed.path, O_WRONLY);
    assert_int_equal(pwrite(fd, octets, sizeof(octets), 0), (ssize_t)sizeof(octets));
    (void)close(fd);
    assert_false(open_books(&feed, &error));
    print_message("# %s\n", error.text);
    assert_non_null(strstr(error.text, "the books are damaged"));
    assert_int_equal(error.kind, ERROR_PERMANENT);
    books_feed_remove(&feed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_any_write),
        cmocka_unit_test(a_full_disk_for_a_while),
        cmocka_unit_test(killed_while_the_old_goes),
        cmocka_unit_test(locked_by_another),
        cmocka_unit_test(damaged),
    };

    failing_vfs_register();
    read_zoo();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
