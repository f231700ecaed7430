/*
 * books_load - lines of made-up mail into books, and questions to them, with their times;
 * bench_books calls it.
 *
 *     books_load log MESSAGES                     the lines, to standard output
 *     books_load parse MESSAGES                   lines a second of CPU
 *     books_load enter BOOKS MESSAGES [DAYS]      messages a second, memory; DAYS ago
 *     books_load ask BOOKS                        trace by each handle, audit: in ms
 *     books_load retire BOOKS                     all of it thrown away: the longest step
 *
 * One JSON object each.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "policyd/books/books_audit.h"
#include "policyd/books/books_base.h"
#include "policyd/books/books_retire.h"
#include "policyd/books/books_trace.h"
#include "shared/base/buffer.h"

enum { CHUNK = 20000, A_SECOND = 2000, DOMAINS = 20, SENDERS = 5000, USERS = 50000 };

static int64_t begin_ms = INT64_C(1795939200000); /* 2026-11-29 08:00 */

static double
seconds(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double
memory_mb(void)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

static void
stamp(struct buffer *out, long i, int later)
{
    time_t second = begin_ms / 1000 + i / A_SECOND + later;
    struct tm parts;
    char text[32];

    (void)gmtime_r(&second, &parts);
    (void)strftime(text, sizeof(text), "%b %e %H:%M:%S", &parts);
    buffer_append_text(out, text);
    buffer_append_text(out, " gw postfix/");
}

static const char *
id_of(long i, char out[20])
{
    static const char digits[] = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";
    char *at = out + 16;

    memcpy(out, "4jZ0000000z00000", 17);
    for (; i > 0; i /= 52)
        *--at = digits[i % 52];
    return out;
}

/* Five lines, six where it has waited once. */
static unsigned
write_message(struct buffer *out, long i)
{
    const char *side = i % 3 == 0 ? "old" : "new";
    char id[20];

    (void)id_of(i, id);
    stamp(out, i, 0);
    buffer_printf(out, "smtpd[%ld]: %s: client=mx%ld.example[198.51.100.%ld]\n",
        1000 + i % 50, id, i % 777, i % 250);
    stamp(out, i, 0);
    buffer_printf(out, "cleanup[%ld]: %s: message-id=<20261129.%ld@mx%ld.example>\n",
        2000 + i % 50, id, i, i % 777);
    stamp(out, i, 0);
    buffer_printf(out,
        "qmgr[3]: %s: from=<s%ld@sender%ld.example>, size=%ld, nrcpt=1 (queue active)\n",
        id, i % SENDERS, i % 777, 1000 + i % 90000);
    for (int tried = i % 20 == 0; tried >= 0; tried--) {
        stamp(out, i, 1);
        buffer_printf(out,
            "cutover-%s/smtp[%ld]: %s: to=<u%ld@d%ld.test>, "
            "relay=%s.example[192.0.2.%d]:25, "
            "delay=0.28, delays=0.03/0.01/0.06/0.18, dsn=2.0.0, status=%s\n",
            side, 4000 + i % 20, id, i % USERS, i % DOMAINS, side, i % 3 == 0 ? 1 : 2,
            tried
                ? "deferred (host x[192.0.2.1] said: 450 4.2.0 busy (in reply to RCPT TO "
                  "command))"
                : "sent (250 2.0.0 Ok: queued as 4ABCDEF012)");
    }
    stamp(out, i, 1);
    buffer_printf(out, "qmgr[3]: %s: removed\n", id);
    return i % 20 == 0 ? 6 : 5;
}

/* The next lines; false: there are no more. */
static bool
next_chunk(struct buffer *out, long *from, long messages, unsigned *lines)
{
    long to = *from + CHUNK < messages ? *from + CHUNK : messages;

    out->length = 0;
    *lines = 0;
    for (; *from < to; (*from)++)
        *lines += write_message(out, *from);
    return out->length > 0;
}

static bool
parse(struct span text, struct maillog_line *line, struct maillog_event *event)
{
    if (!maillog_line_parse(text, SPAN(""), line) || line->program == MAILLOG_FOREIGN)
        return false;
    maillog_event_parse(line, event);
    return true;
}

static void
must(bool done, const struct error *error)
{
    if (done)
        return;
    (void)fprintf(stderr, "books_load: %s\n", error->text);
    exit(1);
}

static void
write_log(long messages)
{
    struct buffer out;
    unsigned lines;

    buffer_init(&out, 64 << 20);
    for (long i = 0; next_chunk(&out, &i, messages, &lines);)
        (void)fwrite(out.data, 1, out.length, stdout);
    buffer_clear(&out);
}

static void
parse_log(long messages)
{
    struct maillog_event event;
    struct maillog_line line;
    struct buffer out;
    double cpu = 0;
    uint64_t count = 0;
    unsigned lines;

    buffer_init(&out, 64 << 20);
    for (long i = 0; next_chunk(&out, &i, messages, &lines);) {
        double start = seconds(CLOCK_PROCESS_CPUTIME_ID);
        struct span rest = buffer_span(&out);
        struct span text;

        while (span_split(&rest, '\n', &text))
            count += parse(text, &line, &event);
        cpu += seconds(CLOCK_PROCESS_CPUTIME_ID) - start;
    }
    (void)printf("{\"lines\": %" PRIu64 ", \"cpu\": %.6f}\n", count, cpu);
    buffer_clear(&out);
}

static void
enter_log(const char *path, long messages)
{
    static const struct books_rules rules = {.find_domain = NULL};
    struct error error = {.text = ""};
    struct books *books = books_open(path, BOOKS_WRITE, &error);
    struct books_writer *writer =
        books == NULL ? NULL : books_writer_new(books, &rules, &error);
    struct maillog_event event;
    struct maillog_line line;
    struct buffer out;
    double cpu = 0;
    double wall = 0;
    unsigned lines;

    must(writer != NULL, &error);
    buffer_init(&out, 64 << 20);
    for (long i = 0; next_chunk(&out, &i, messages, &lines);) {
        double start = seconds(CLOCK_PROCESS_CPUTIME_ID);
        double began = seconds(CLOCK_MONOTONIC);
        struct span rest = buffer_span(&out);
        struct span text;

        must(books_begin(books, &error), &error);
        while (span_split(&rest, '\n', &text)) {
            if (parse(text, &line, &event))
                must(books_enter(writer, &line, &event,
                         maillog_stamp_time(&line.stamp, begin_ms, 0), &error),
                    &error);
        }
        must(books_flush(writer, &error) && books_commit(books, &error), &error);
        cpu += seconds(CLOCK_PROCESS_CPUTIME_ID) - start;
        wall += seconds(CLOCK_MONOTONIC) - began;
    }
    (void)printf("{\"messages\": %ld, \"cpu\": %.6f, \"wall\": %.6f, \"mb\": %.1f}\n",
        messages, cpu, wall, memory_mb() - (double)out.capacity / 1048576);
    buffer_clear(&out);
    books_writer_free(writer);
    books_close(books);
}

static double
time_trace(struct books *books, const struct trace_query *query)
{
    struct arena *arena = arena_new(256 << 20);
    double start = seconds(CLOCK_MONOTONIC);
    struct trace_story *stories;
    struct error error;
    size_t count = 0;
    bool more;

    must(books_trace(books, arena, query, &stories, &count, &more, &error), &error);
    start = seconds(CLOCK_MONOTONIC) - start;
    if (count == 0)
        (void)fprintf(stderr, "books_load: nothing found\n");
    arena_free(arena);
    return start * 1000;
}

static void
ask(const char *path)
{
    struct error error = {.text = ""};
    struct books *books = books_open(path, BOOKS_READ, &error);
    char id[20];
    const struct {
        const char *what;
        struct trace_query query;
    } rows[] = {
        {"queue_id", {.queue_id = span_of(id_of(12345, id))}},
        {"message_id", {.message_id = SPAN("20261129.12345@mx690.example")}},
        {"to", {.to = SPAN("u12345@d5.test")}},
        {"from", {.from = SPAN("s2345@sender690.example")}},
        {"ip", {.ip = SPAN("198.51.100.95")}},
        {"domain", {.domain = SPAN("d5.test")}},
        {"both", {.domain = SPAN("d5.test"), .from = SPAN("s2345@sender690.example")}},
    };
    struct arena *arena = arena_new(256 << 20);
    struct audit audit;
    double start;

    must(books != NULL, &error);
    (void)printf("{");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        (void)printf("\"%s\": %.3f, ", rows[i].what, time_trace(books, &rows[i].query));
    start = seconds(CLOCK_MONOTONIC);
    must(books_audit(books, arena, 0, INT64_MAX, NULL, NULL, &audit, &error), &error);
    (void)printf("\"audit\": %.1f, \"messages\": %" PRIu64 ", \"mb\": %.1f}\n",
        (seconds(CLOCK_MONOTONIC) - start) * 1000, audit.messages, memory_mb());
    arena_free(arena);
    books_close(books);
}

static void
retire(const char *path)
{
    static const struct books_keeping keeping = {1, UINT64_MAX};
    struct error error = {.text = ""};
    struct books *books = books_open(path, BOOKS_WRITE, &error);
    double all = seconds(CLOCK_MONOTONIC);
    double longest = 0;
    unsigned steps = 0;
    bool left = true;

    must(books != NULL, &error);
    for (; left; steps++) {
        double start = seconds(CLOCK_MONOTONIC);

        must(books_retire(
                 books, &keeping, begin_ms * 2, BOOKS_RETIRE_ROWS_MAX, &left, &error),
            &error);
        start = seconds(CLOCK_MONOTONIC) - start;
        longest = start > longest ? start : longest;
    }
    all = seconds(CLOCK_MONOTONIC) - all;
    (void)printf("{\"steps\": %u, \"longest\": %.3f, \"wall\": %.3f}\n", steps,
        longest * 1000, all);
    books_close(books);
}

int
main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "log") == 0)
        write_log(atol(argv[2]));
    else if (argc == 3 && strcmp(argv[1], "parse") == 0)
        parse_log(atol(argv[2]));
    else if ((argc == 4 || argc == 5) && strcmp(argv[1], "enter") == 0) {
        if (argc == 5)
            begin_ms = ((int64_t)time(NULL) - atol(argv[4]) * 86400) * 1000;
        enter_log(argv[2], atol(argv[3]));
    } else if (argc == 3 && strcmp(argv[1], "ask") == 0)
        ask(argv[2]);
    else if (argc == 3 && strcmp(argv[1], "retire") == 0)
        retire(argv[2]);
    else
        return 2;
    return 0;
}
