/*
 * What was committed goes into the file itself when somebody says so, and when nobody
 * does.
 */
#include "tests/unit/unit.h"

#include <sys/stat.h>

#include "policyd/books/books_base.h"
#include "tests/fakes/books_feed.h"

/* About 20 MB. */
static void
commit_much(struct books_feed *feed)
{
    static const char sql[] = "INSERT INTO unknown_form(line) WITH RECURSIVE n(i) AS"
                              " (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
                              " SELECT hex(zeroblob(10000)) FROM n";
    struct error error;

    assert_true(books_begin(feed->books, &error));
    assert_true(books_exec(feed->books, sql, &error));
    assert_true(books_commit(feed->books, &error));
}

static long
file_megabytes(const struct books_feed *feed)
{
    struct stat status;

    assert_int_equal(stat(feed->path, &status), 0);
    return (long)(status.st_size >> 20);
}

static void
a_commit_leaves_it_to_who_settles(void **state)
{
    struct books_feed feed = {.path = ""};

    (void)state;
    books_feed_open(&feed);
    commit_much(&feed);
    books_settle(feed.books); /* too little */
    assert_true(file_megabytes(&feed) < 1);
    commit_much(&feed);
    assert_true(file_megabytes(&feed) < 1);
    books_settle(feed.books);
    assert_true(file_megabytes(&feed) > 30);
    books_feed_remove(&feed);
}

static void
nobody_settles(void **state)
{
    struct books_feed feed = {.path = ""};

    (void)state;
    books_feed_open(&feed);
    for (int i = 0; i < 4; i++)
        commit_much(&feed);
    assert_true(file_megabytes(&feed) > 60);
    books_feed_remove(&feed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_commit_leaves_it_to_who_settles),
        cmocka_unit_test(nobody_settles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
