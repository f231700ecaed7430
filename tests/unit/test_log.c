/*
 * Lines of the log: their form, their escapes, and that they stay whole.
 */
#include "tests/unit/unit.h"

#include "shared/service/log.h"
#include "shared/service/log_json.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void
writes_fields_as_postfix_does(void **state)
{
    char out[4096];

    (void)state;
    log_format(out, sizeof(out), LOG_LEVEL_INFO, NULL, "route",
        LOG_FIELDS(log_address("to", SPAN("alice@example.com")),
            log_text("backend", "new"), log_text("not", NULL), log_nothing(),
            log_number("bucket", -5319), log_hundredths("weight", 3050),
            log_hundredths("low", -5), log_hundredths("whole", 7000),
            log_milliseconds("delay", 40), log_milliseconds("long", 61001)));
    assert_string_equal(out, "route: to=<alice@example.com>, backend=new, bucket=-5319, "
                             "weight=30.5, low=-0.05, whole=70, delay=0.040, "
                             "long=61.001");
    log_format(out, sizeof(out), LOG_LEVEL_WARNING, "", "",
        LOG_FIELDS(log_note("a number from 0 to 100"), log_text("field", "weight"),
            log_text("value", "30%")));
    assert_string_equal(
        out, "warning: field=weight, value=\"30%\" (a number from 0 to 100)");
    log_format(out, sizeof(out), LOG_LEVEL_INFO, "4TtYz", "auth",
        LOG_FIELDS(log_text("spf", "pass")));
    assert_string_equal(out, "4TtYz: auth: spf=pass");
    log_format(out, sizeof(out), LOG_LEVEL_ERROR, NULL, "redis",
        LOG_FIELDS(log_note("connection lost")));
    assert_string_equal(out, "error: redis: (connection lost)");
    log_format(
        out, sizeof(out), LOG_LEVEL_INFO, NULL, "start", LOG_FIELDS(log_nothing()));
    assert_string_equal(out, "start:");
}

static void
quotes_and_escapes_what_comes_from_outside(void **state)
{
    static const struct {
        const char *what;
        struct span value;
        const char *as_text;
        const char *as_address;
    } rows[] = {
        {"plain", {"a-b.c/d:e", 9}, "a-b.c/d:e", "<a-b.c/d:e>"},
        {"a per cent", {"30%", 3}, "\"30%\"", "<30%>"},
        {"nothing", {NULL, 0}, "\"\"", "<>"},
        {"a blank", {"a b", 3}, "\"a b\"", "<a b>"},
        {"a comma", {"a,b", 3}, "\"a,b\"", "<a,b>"},
        {"an equals sign", {"a=b", 3}, "\"a=b\"", "<a=b>"},
        {"a parenthesis", {"(a)", 3}, "\"(a)\"", "<(a)>"},
        {"a quote", {"a\"b", 3}, "\"a\\x22b\"", "<a\\x22b>"},
        {"a backslash", {"\\x41", 4}, "\\x5cx41", "<\\x5cx41>"},
        {"brackets", {"a>,<b", 5}, "\"a>,<b\"", "<a\\x3e,\\x3cb>"},
        {"a line end", {"a\r\nb", 4}, "a\\x0d\\x0ab", "<a\\x0d\\x0ab>"},
        {"NUL", {"a\0b", 3}, "a\\x00b", "<a\\x00b>"},
        {"an escape", {"\x1b[2J", 4}, "\\x1b[2J", "<\\x1b[2J>"},
        {"delete", {"\x7f", 1}, "\\x7f", "<\\x7f>"},
        {"UTF-8", {"\xc3\xa4", 2}, "\xc3\xa4", "<\xc3\xa4>"},
        {"a C1 control",
            {"\xc2\x9b"
             "2J",
                4},
            "\\xc2\\x9b2J", "<\\xc2\\x9b2J>"},
        {"not UTF-8", {"\xc3\xa4\xff", 3}, "\\xc3\\xa4\\xff", "<\\xc3\\xa4\\xff>"},
    };
    char out[4096];
    char wanted[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %s\n", rows[i].what);
        log_format(out, sizeof(out), LOG_LEVEL_INFO, NULL, NULL,
            LOG_FIELDS(log_span("v", rows[i].value), log_address("a", rows[i].value)));
        (void)snprintf(
            wanted, sizeof(wanted), "v=%s, a=%s", rows[i].as_text, rows[i].as_address);
        assert_string_equal(out, wanted);
    }
    log_format(out, sizeof(out), LOG_LEVEL_INFO, "Q: x\n", "word",
        LOG_FIELDS(log_note("550 \"no\"\r\n(really)\xff")));
    assert_string_equal(
        out, "Q\\x3a\\x20x\\x0a: word: (550 \"no\"\\x0d\\x0a(really)\\xff)");
}

/* 2026-11-29T21:50:53.007Z. */
static struct log_json_head
head_of(const char *queue_id, const char *word)
{
    return (struct log_json_head){.time_ms = INT64_C(1795989053007),
        .level = LOG_LEVEL_INFO,
        .program = "postshift-x",
        .pid = 812,
        .queue_id = queue_id,
        .word = word};
}

#define HEAD                                                                             \
    "{\"time\":\"2026-11-29T21:50:53.007Z\",\"level\":\"info\","                         \
    "\"program\":\"postshift-x\",\"pid\":812"

static void
writes_json_with_keys_that_stay(void **state)
{
    struct log_json_head head = head_of("4TtYz", "auth");
    struct buffer out;

    (void)state;
    buffer_init(&out, 1 << 16);
    log_json_write(&out, &head,
        LOG_FIELDS(log_note("why \"not\""), log_text("action", "reject"), log_nothing(),
            log_address("from", SPAN("a@b.example")), log_number("pid", -5),
            log_hundredths("score", 120), log_milliseconds("delay", 40)));
    assert_string_equal(buffer_text(&out),
        HEAD ",\"queue_id\":\"4TtYz\",\"event\":\"auth\",\"fields\":{"
             "\"action\":\"reject\",\"from\":\"a@b.example\",\"pid\":-5,\"score\":1.2,"
             "\"delay\":0.04},\"note\":\"why \\\"not\\\"\"}");
    head = head_of(NULL, "");
    log_json_write(&out, &head, LOG_FIELDS(log_nothing()));
    assert_string_equal(buffer_text(&out), HEAD "}");
    head.message = SPAN("says\n\x1b[2J \xff\xc3\xa4");
    log_json_write(&out, &head, NULL);
    assert_string_equal(buffer_text(&out),
        HEAD ",\"message\":\"says\\n\\u001b[2J \xef\xbf\xbd\xc3\xa4\"}");
    buffer_clear(&out);
}

static void
cuts_json_and_says_so(void **state)
{
    static const char whole[] = ",\"fields\":{\"a\":1},\"cut\":true}";
    char value[5000];
    struct log_json_head head = head_of("Q", "w");
    struct buffer out;

    (void)state;
    buffer_init(&out, 1 << 16);
    memset(value, 'x', sizeof(value));
    for (size_t length = 3700; length <= sizeof(value); length++) {
        log_json_write(&out, &head,
            LOG_FIELDS(log_number("a", 1), log_span("long", span_make(value, length)),
                log_note("n")));
        assert_true(out.length <= LOG_JSON_MAX && buffer_ok(&out));
    }
    assert_true(span_ends(buffer_span(&out), span_of(whole)));
    memset(value, '\x01', sizeof(value));
    log_json_write(&out, &head,
        LOG_FIELDS(log_number("a", 1), log_span("long", span_make(value, 1000)),
            log_number("b", 1)));
    assert_true(span_ends(buffer_span(&out), span_of(whole)));
    /* A sentence is cut between characters. */
    for (size_t i = 0; i + 1 < sizeof(value); i += 2)
        memcpy(value + i, "\xc3\xa4", 2);
    for (size_t length = 3000; length <= sizeof(value); length++) {
        head.message = span_make(value, length);
        log_json_write(&out, &head, NULL);
        assert_true(out.length <= LOG_JSON_MAX && buffer_ok(&out));
    }
    assert_true(span_ends(buffer_span(&out), SPAN("\xc3\xa4...\",\"cut\":true}")));
    buffer_clear(&out);
}

static void
cuts_at_the_end_of_a_field(void **state)
{
    char value[5000];
    char out[8192];
    size_t length;

    (void)state;
    memset(value, 'x', sizeof(value));
    length = log_format(out, sizeof(out), LOG_LEVEL_INFO, "Q", "w",
        LOG_FIELDS(log_text("a", "1"), log_span("long", span_make(value, 3950)),
            log_text("b", "2")));
    assert_true(length <= 4000);
    assert_int_equal(length, strlen(out));
    assert_true(span_ends(span_of(out), SPAN("xxx, b=2")));
    length = log_format(out, sizeof(out), LOG_LEVEL_INFO, "Q", "w",
        LOG_FIELDS(log_text("a", "1"), log_span("long", span_make(value, sizeof(value))),
            log_text("b", "2"), log_note("n")));
    assert_string_equal(out, "Q: w: a=1, ...");
    length = log_format(out, sizeof(out), LOG_LEVEL_INFO, "Q", "w",
        LOG_FIELDS(log_span("long", span_make(value, sizeof(value)))));
    assert_string_equal(out, "Q: w: ...");
    memset(value, '\n', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    length = log_format(out, sizeof(out), LOG_LEVEL_INFO, "Q", "w",
        LOG_FIELDS(log_text("a", "1"), log_note(value)));
    assert_true(length <= 4000);
    assert_true(span_ends(span_of(out), SPAN("\\x0a...)")));
    length = log_format(
        out, sizeof(out), LOG_LEVEL_INFO, value, "w", LOG_FIELDS(log_nothing()));
    assert_true(length <= 4000);
    for (size_t size = 1; size < 40; size++) {
        length = log_format(out, size, LOG_LEVEL_INFO, "Q", "w",
            LOG_FIELDS(log_text("a", "1"), log_note("n")));
        assert_true(length < size);
        assert_int_equal(length, strlen(out));
    }
}

/* Runs `write` in a child whose stderr is a pipe; gives what came. */
static char *
output_of(void (*write_lines)(void))
{
    static char text[1 << 20];
    size_t length = 0;
    ssize_t count;
    int ends[2];
    pid_t child;
    int status;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
        write_lines();
        _exit(0);
    }
    (void)close(ends[1]);
    while ((count = read(ends[0], text + length, sizeof(text) - 1 - length)) > 0)
        length += (size_t)count;
    text[length] = '\0';
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 78);
    return text;
}

static void
write_levels(void)
{
    log_open("postshift-x", false, LOG_LEVEL_WARNING);
    log_info("not", log_text("a", "b"));
    log_warning("w", log_text("a", "b"));
    log_say(LOG_LEVEL_DEBUG, "not");
    log_say(LOG_LEVEL_ERROR, "bad\n%s", "\x1b");
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("d", log_number("n", 1));
    log_bare(LOG_LEVEL_ERROR, SPAN("file:3: a\tb"));
    log_fatal(78, "can't go on");
}

static void
names_the_program_and_minds_the_level(void **state)
{
    char *text = output_of(write_levels);
    struct span rest = span_of(text);
    struct span line;
    static const char *const wanted[] = {"warning: w: a=b", "error: bad\\x0a\\x1b",
        "debug: d: n=1", NULL, "error: can't go on"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(wanted); i++) {
        assert_true(span_split(&rest, '\n', &line));
        if (wanted[i] == NULL) {
            assert_true(span_is(line, "file:3: a\\x09b"));
            continue;
        }
        assert_true(span_starts(line, SPAN("postshift-x[")));
        assert_true(
            span_is(span_from(line, span_find_text(line, SPAN("]: ")) + 3), wanted[i]));
    }
    assert_true(span_is(rest, ""));
}

static void
write_to_journal(void)
{
    struct stat status;
    char stream[64];

    if (fstat(STDERR_FILENO, &status) != 0)
        _exit(1);
    (void)snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)status.st_dev,
        (uintmax_t)status.st_ino);
    (void)setenv("JOURNAL_STREAM", stream, 1);
    log_open("postshift-x", false, LOG_LEVEL_DEBUG);
    log_info("i", log_text("a", "b"));
    log_debug("d", log_text("a", "b"));
    log_bare(LOG_LEVEL_ERROR, SPAN("f"));
    (void)setenv("JOURNAL_STREAM", "1:1", 1);
    log_open("postshift-x", false, LOG_LEVEL_DEBUG);
    log_warning("w", log_text("a", "b"));
}

static void
prefixes_levels_for_the_journal_alone(void **state)
{
    const char *text = output_of(write_to_journal);

    (void)state;
    assert_true(span_starts(
        span_of(text), SPAN("<6>i: a=b\n<7>debug: d: a=b\n<3>f\npostshift-x[")));
}

enum { THREADS = 4, LINES = 500 };

static void *
write_many(void *argument)
{
    char value[900];

    (void)argument;
    memset(value, 'x', sizeof(value));
    for (int i = 0; i < LINES; i++)
        log_info("thread",
            log_span("v", span_make(value, (size_t)(1 + i * 7 % (int)sizeof(value)))),
            log_text("end", "here"));
    return NULL;
}

static void
write_in_threads(void)
{
    pthread_t threads[THREADS];

    log_open("postshift-x", false, LOG_LEVEL_INFO);
    for (size_t i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, write_many, NULL) != 0)
            _exit(1);
    }
    for (size_t i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
}

static void
keeps_lines_of_threads_whole(void **state)
{
    struct span rest = span_of(output_of(write_in_threads));
    struct span line;
    int count = 0;

    (void)state;
    while (span_split(&rest, '\n', &line) && line.length > 0) {
        assert_true(span_starts(line, SPAN("postshift-x[")));
        assert_true(span_ends(line, SPAN("x, end=here")));
        assert_int_equal(
            span_find_text(span_from(line, 1), SPAN("postshift-x[")), SPAN_NONE);
        count++;
    }
    assert_int_equal(count, THREADS * LINES);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_fields_as_postfix_does),
        cmocka_unit_test(quotes_and_escapes_what_comes_from_outside),
        cmocka_unit_test(writes_json_with_keys_that_stay),
        cmocka_unit_test(cuts_json_and_says_so),
        cmocka_unit_test(cuts_at_the_end_of_a_field),
        cmocka_unit_test(names_the_program_and_minds_the_level),
        cmocka_unit_test(prefixes_levels_for_the_journal_alone),
        cmocka_unit_test(keeps_lines_of_threads_whole),
    };

    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
