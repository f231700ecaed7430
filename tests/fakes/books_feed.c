#include "tests/fakes/books_feed.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/books/books_base.h"

static const int64_t near_ms = INT64_C(1795939200000); /* 2026-11-29 08:00 */

static struct span
find_domain(void *argument, struct span recipient, bool *old_is_site, char out[256])
{
    size_t at = span_find_last(recipient, '@');

    (void)argument;
    *old_is_site = false;
    (void)span_copy(at == SPAN_NONE ? SPAN("") : span_from(recipient, at + 1), out, 256);
    return span_of(out);
}

void
books_feed_open(struct books_feed *feed)
{
    struct error error = {.text = ""};

    if (feed->path[0] == '\0') {
        char folder[] = "/tmp/books.XXXXXX";

        assert(mkdtemp(folder) != NULL);
        (void)snprintf(feed->path, sizeof(feed->path), "%s/books.db", folder);
    }
    feed->rules.find_domain = find_domain;
    feed->books = books_open(feed->path, BOOKS_WRITE, &error);
    feed->writer =
        feed->books == NULL ? NULL : books_writer_new(feed->books, &feed->rules, &error);
    if (feed->writer == NULL)
        (void)fprintf(stderr, "%s\n", error.text);
    assert(feed->writer != NULL);
}

void
books_feed_close(struct books_feed *feed)
{
    books_writer_free(feed->writer);
    books_close(feed->books);
    feed->writer = NULL;
    feed->books = NULL;
}

void
books_feed_remove(struct books_feed *feed)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    char path[80];

    books_feed_close(feed);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s%s", feed->path, ends[i]);
        (void)unlink(path);
    }
    *strrchr(feed->path, '/') = '\0';
    (void)rmdir(feed->path);
    feed->path[0] = '\0';
}

bool
books_feed_line(struct books_feed *feed, struct span text, struct error *error)
{
    struct maillog_line line;
    struct maillog_event event;

    if (!maillog_line_parse(text, SPAN(""), &line) || line.program == MAILLOG_FOREIGN)
        return true;
    maillog_event_parse(&line, &event);
    feed->lines++;
    feed->unknown += event.kind == MAILLOG_UNKNOWN_FORM;
    feed->last_ms =
        maillog_stamp_time(&line.stamp, feed->last_ms != 0 ? feed->last_ms : near_ms, 0);
    return (event.kind != MAILLOG_UNKNOWN_FORM ||
               books_enter_unknown(feed->writer, text, error)) &&
           books_enter(feed->writer, &line, &event, feed->last_ms, error);
}

static void
done(bool good, const struct error *error)
{
    if (!good)
        (void)fprintf(stderr, "%s\n", error->text);
    assert(good);
}

void
books_feed_lines(struct books_feed *feed, const char *lines, unsigned each)
{
    struct span rest = span_of(lines);
    struct error error = {.text = ""};
    unsigned count = 0;
    struct span line;

    done(books_begin(feed->books, &error), &error);
    while (span_split(&rest, '\n', &line)) {
        done(books_feed_line(feed, line, &error), &error);
        if (each > 0 && ++count % each == 0)
            done(books_flush(feed->writer, &error) && books_commit(feed->books, &error) &&
                     books_forget_since_commit(feed->writer, &error) &&
                     books_begin(feed->books, &error),
                &error);
    }
    done(books_flush(feed->writer, &error) && books_commit(feed->books, &error), &error);
}

void
books_feed_file(struct books_feed *feed, const char *path, unsigned each)
{
    FILE *file = fopen(path, "r");
    char *text = malloc(1 << 20);
    size_t length;

    assert(file != NULL && text != NULL);
    length = fread(text, 1, (1 << 20) - 1, file);
    text[length] = '\0';
    (void)fclose(file);
    books_feed_lines(feed, text, each);
    free(text);
}

const char *
books_feed_ask(struct books_feed *feed, const char *sql)
{
    sqlite3_stmt *row = NULL;
    size_t at = 0;

    feed->text[0] = '\0';
    if (sqlite3_prepare_v2(feed->books->file, sql, -1, &row, NULL) != SQLITE_OK)
        (void)fprintf(stderr, "%s\n", sqlite3_errmsg(feed->books->file));
    assert(row != NULL);
    while (sqlite3_step(row) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(row); i++) {
            const unsigned char *text = sqlite3_column_text(row, i);

            at += (size_t)snprintf(feed->text + at, sizeof(feed->text) - at, "%s%s",
                i > 0 ? " " : (at > 0 ? "\n" : ""),
                text != NULL ? (const char *)text : "");
            assert(at < sizeof(feed->text));
        }
    }
    (void)sqlite3_finalize(row);
    return feed->text;
}
