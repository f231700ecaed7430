/*
 * The configuration file: what it may say, and what is said about mistakes in it.
 */
#include "tests/unit/unit.h"

#include "shared/base/attributes.h"
#include "shared/service/config.h"
#include "shared/service/config_names.h"
#include "shared/service/daemon.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One option of each type, under names that exist. */
struct sample {
    struct daemon_log log;
    const char *user;
    const char *snapshot;
    struct config_list domains;
    bool allow_loopback;
    uint64_t database;
    uint64_t redis_timeout;
    uint64_t max_message;
    int64_t spam_hold;
    int hold_at;
    struct socket_address dict;
    struct config_sockets policy;
    struct config_list backends_old;
};

/* clang-format off */
static const struct config_option options[] = {
    DAEMON_LOG_OPTIONS(struct sample, log),
    CONFIG_OPTION(struct sample, "policyd", user, CONFIG_TEXT, "", .may_be_empty = true),
    CONFIG_OPTION(struct sample, "policyd", snapshot, CONFIG_PATH, "/var/x"),
    CONFIG_OPTION(struct sample, "policyd", domains, CONFIG_LIST, ""),
    CONFIG_OPTION(struct sample, "policyd", allow_loopback, CONFIG_YES_NO, "no"),
    CONFIG_OPTION(struct sample, "redis", database, CONFIG_NUMBER, "0", NULL, 0, 15),
    CONFIG_OPTION_AS(struct sample, "redis", "timeout", redis_timeout, CONFIG_DURATION,
        "2s", NULL, 100, 60000),
    CONFIG_OPTION(struct sample, "scan", max_message, CONFIG_SIZE, "64M", NULL, 1024),
    CONFIG_OPTION(struct sample, "scan", spam_hold, CONFIG_SCORE, "", NULL, 0, 0, true),
    CONFIG_OPTION(struct sample, "policyd", hold_at, CONFIG_CHOICE, "queue", "queue|smtp"),
    CONFIG_OPTION(
        struct sample, "policyd", dict, CONFIG_SOCKET, "none", .may_be_empty = true),
    CONFIG_OPTION(struct sample, "policyd", policy, CONFIG_SOCKETS, "unix:/run/policy"),
    CONFIG_OPTION(struct sample, "policyd", backends_old, CONFIG_NETWORKS, ""),
};
/* clang-format on */

static struct config *
parse(struct span text, struct sample *sample, struct buffer *errors)
{
    buffer_init(errors, 1 << 20);
    return config_parse("x.conf", text, options, ARRAY_LENGTH(options), sample, errors);
}

static void
has_presets_for_an_empty_file(void **state)
{
    struct sample sample;
    struct buffer errors;
    struct config *config = parse(SPAN(""), &sample, &errors);

    (void)state;
    assert_non_null(config);
    assert_int_equal(errors.length, 0);
    assert_int_equal(sample.log.target, 0);
    assert_int_equal(sample.log.level, 2);
    assert_string_equal(sample.user, "");
    assert_string_equal(sample.snapshot, "/var/x");
    assert_int_equal(sample.domains.count, 0);
    assert_false(sample.allow_loopback);
    assert_int_equal(sample.redis_timeout, 2000);
    assert_int_equal(sample.max_message, 64 << 20);
    assert_true(sample.spam_hold == INT64_MAX);
    assert_int_equal(sample.hold_at, 0);
    assert_int_equal(sample.dict.kind, SOCKET_NONE);
    assert_int_equal(sample.policy.count, 1);
    assert_string_equal(sample.policy.items[0].path, "/run/policy");
    assert_false(config_has(config, "policyd", "snapshot"));
    config_free(config);
    config_free(NULL);
    buffer_clear(&errors);
}

static void
reads_each_type(void **state)
{
    struct sample sample;
    struct buffer errors;
    struct config *config =
        parse(SPAN("\xef\xbb\xbf# a comment\r\n"
                   "; another\n"
                   "\n"
                   "[policyd]\r\n"
                   "user = postshift\n"
                   "snapshot=/var/lib/a b # no comment\n"
                   "\tdomains  =\t a.example\tb.example  c.example \r\n"
                   "allow_loopback = yes\n"
                   "hold_at = smtp\n"
                   "dict = inet:5000@127.0.0.1\n"
                   "policy = unix:/a inet:[::1]:25\n"
                   "backends_old = 192.0.2.0/24 2001:db8::1\n"
                   "log_routes = whatever its program makes of it\n"
                   "[log]\n"
                   "target = syslog\n"
                   "[redis]\n"
                   "timeout = 250ms\n"
                   "database = 15\n"
                   "[scan]\n"
                   "max_message = 1k\n"
                   "spam_hold = -1.5\n"
                   "[log]\n"
                   "level = debug"),
            &sample, &errors);

    (void)state;
    assert_string_equal(buffer_text(&errors), "");
    assert_non_null(config);
    assert_string_equal(sample.user, "postshift");
    assert_string_equal(sample.snapshot, "/var/lib/a b # no comment");
    assert_int_equal(sample.domains.count, 3);
    assert_string_equal(sample.domains.items[0], "a.example");
    assert_string_equal(sample.domains.items[1], "b.example");
    assert_string_equal(sample.domains.items[2], "c.example");
    assert_true(sample.allow_loopback);
    assert_int_equal(sample.hold_at, 1);
    assert_int_equal(sample.dict.port, 5000);
    assert_int_equal(sample.policy.count, 2);
    assert_string_equal(sample.policy.items[1].host, "::1");
    assert_int_equal(sample.backends_old.count, 2);
    assert_int_equal(sample.log.target, 1);
    assert_int_equal(sample.log.level, 3);
    assert_int_equal(sample.redis_timeout, 250);
    assert_int_equal(sample.database, 15);
    assert_int_equal(sample.max_message, 1024);
    assert_int_equal(sample.spam_hold, -1500);
    assert_true(config_has(config, "policyd", "log_routes"));
    config_free(config);
    buffer_clear(&errors);
}

static void
says_what_is_wrong_and_where(void **state)
{
    static const struct {
        const char *text;
        const char *wanted;
    } rows[] = {
        /* clang-format off */
        {"[polcyd]\nx = y",
            "x.conf:1: [polcyd]: unknown section (did you mean [policyd]?)\n"},
        {"[Policyd]",
            "x.conf:1: [Policyd]: unknown section (did you mean [policyd]?)\n"},
        {"[zzz]",
            "x.conf:1: [zzz]: unknown section (log redis dns auth scan policyd cutover "
            "ctl)\n"},
        {"[]",
            "x.conf:1: []: unknown section (log redis dns auth scan policyd cutover "
            "ctl)\n"},
        {"\n[log",
            "x.conf:2: a section is written [name], and nothing follows it\n"},
        {"[log] # x",
            "x.conf:1: a section is written [name], and nothing follows it\n"},
        {"[policyd]\ndomians = a",
            "x.conf:2: [policyd] domians: unknown key (did you mean domains?)\n"},
        {"[policyd]\nDomains = a",
            "x.conf:2: [policyd] Domains: unknown key (did you mean domains?)\n"},
        {"[policyd]\ntimeout = 2s",
            "x.conf:2: [policyd] timeout: unknown key here (it belongs in [redis])\n"},
        {"[policyd]\nqqqqqq = a",
            "x.conf:2: [policyd] qqqqqq: unknown key\n"},
        {"domains = a",
            "x.conf:1: domains: stands before any [section]\n"},
        {"[policyd]\ndomains = a\n\ndomains = b",
            "x.conf:4: [policyd] domains: set before on line 2\n"},
        {"[policyd]\ndomains = a\n[log]\n[policyd]\ndomains = b",
            "x.conf:5: [policyd] domains: set before on line 2\n"},
        {"[policyd]\nhold_at = smpt",
            "x.conf:2: [policyd] hold_at: \"smpt\" is no choice (one of queue|smtp; "
            "did you mean smtp?)\n"},
        {"[policyd]\nhold_at = x",
            "x.conf:2: [policyd] hold_at: \"x\" is no choice (one of queue|smtp)\n"},
        {"[policyd]\nallow_loopback = true",
            "x.conf:2: [policyd] allow_loopback: \"true\" is neither yes nor no (yes "
            "or no)\n"},
        {"[policyd]\nsnapshot = var/x",
            "x.conf:2: [policyd] snapshot: \"var/x\" is no absolute path (it starts "
            "with /)\n"},
        {"[policyd]\nsnapshot =",
            "x.conf:2: [policyd] snapshot: has no value (leave the line out for the "
            "default)\n"},
        {"[redis]\ntimeout = 3",
            "x.conf:2: [redis] timeout: \"3\" is no duration here (such as 250ms, 5s, "
            "2m, 3h, 7d, from 100ms to 1m)\n"},
        {"[redis]\ntimeout = 99ms\ndatabase = 16",
            "x.conf:2: [redis] timeout: \"99ms\" is no duration here (such as 250ms, "
            "5s, 2m, 3h, 7d, from 100ms to 1m)\n"
            "x.conf:3: [redis] database: \"16\" is no number here (digits, from 0 to "
            "15)\n"},
        {"[scan]\nmax_message = 1023",
            "x.conf:2: [scan] max_message: \"1023\" is no size here (such as 64k, 25M, "
            "1G, at least 1k)\n"},
        {"[scan]\nspam_hold = high",
            "x.conf:2: [scan] spam_hold: \"high\" is no score (such as 5 or 6.5)\n"},
        {"[policyd]\npolicy = unix:/a none",
            "x.conf:2: [policyd] policy: may not be none here (unix:/path, "
            "inet:host:port, local:/path, inet:port@host)\n"},
        {"[policyd]\npolicy =",
            "x.conf:2: [policyd] policy: has no value (leave the line out for the "
            "default)\n"},
        {"[policyd]\npolicy = /run/x",
            "x.conf:2: [policyd] policy: not a socket (unix:/path, inet:host:port, "
            "local:/path, inet:port@host)\n"},
        {"[policyd]\nbackends_old = 192.0.2.1 old.example",
            "x.conf:2: [policyd] backends_old: \"old.example\" is no network (address "
            "or address/prefix, by blanks)\n"},
        {"[policyd]\nuser = a\x1b[2J",
            "x.conf:2: [policyd] user: the value has a control character\n"},
        {"[policyd]\na\x1b\xff = b",
            "x.conf:2: [policyd] a??: unknown key\n"},
        {"[policyd]\njunk",
            "x.conf:2: neither [section] nor key = value (values end with their line, "
            "comments have lines of their own)\n"},
        {"[policyd]\n = junk",
            "x.conf:2: neither [section] nor key = value (values end with their line, "
            "comments have lines of their own)\n"},
        /* clang-format on */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct sample sample;
        struct buffer errors;

        print_message("# '%s'\n", rows[i].text);
        assert_null(parse(span_of(rows[i].text), &sample, &errors));
        assert_string_equal(buffer_text(&errors), rows[i].wanted);
        buffer_clear(&errors);
    }
}

static void
names_all_mistakes_of_a_file(void **state)
{
    struct sample sample;
    struct buffer errors;
    struct buffer text;

    (void)state;
    buffer_init(&text, 1 << 20);
    buffer_append_text(&text, "[policyd]\n");
    for (int i = 0; i < 900; i++)
        buffer_append_text(&text, "wrong = x\n");
    assert_null(parse(buffer_span(&text), &sample, &errors));
    assert_int_not_equal(
        span_find_text(buffer_span(&errors), SPAN("x.conf:901:")), SPAN_NONE);
    buffer_clear(&errors);
    for (int i = 0; i < 900; i++)
        buffer_append_text(&text, "wrong = x\n");
    assert_null(parse(buffer_span(&text), &sample, &errors));
    assert_true(
        span_ends(buffer_span(&errors), SPAN("x.conf: more errors are not shown\n")));
    buffer_clear(&errors);
    buffer_clear(&text);
}

static void
takes_empty_values_where_there_may_be_none(void **state)
{
    struct sample sample;
    struct buffer errors;
    struct config *config =
        parse(SPAN("[policyd]\nuser=\ndomains =\nbackends_old=\ndict = none\n[scan]\n"
                   "spam_hold =\n"),
            &sample, &errors);

    (void)state;
    assert_non_null(config);
    assert_string_equal(sample.user, "");
    assert_int_equal(sample.domains.count, 0);
    assert_int_equal(sample.backends_old.count, 0);
    assert_int_equal(sample.dict.kind, SOCKET_NONE);
    assert_true(sample.spam_hold == INT64_MAX);
    assert_true(config_has(config, "policyd", "user"));
    config_free(config);
    buffer_clear(&errors);
    assert_null(parse(SPAN("[policyd]\ndict =\n"), &sample, &errors));
    assert_string_equal(buffer_text(&errors),
        "x.conf:2: [policyd] dict: has no value (leave the line out for the default)\n");
    buffer_clear(&errors);
}

static void
has_limits(void **state)
{
    struct sample sample;
    struct buffer errors;
    struct buffer text;
    struct config *config;

    (void)state;
    assert_null(parse(SPAN("[log]\nlevel = in\0fo\nx"), &sample, &errors));
    assert_string_equal(
        buffer_text(&errors), "x.conf:2: has a NUL octet: not a text file\n");
    buffer_clear(&errors);

    buffer_init(&text, 1 << 20);
    buffer_append_text(&text, "[policyd]\ndomains =");
    while (text.length < 10 + 65536)
        buffer_append_text(&text, " a");
    text.length = 10 + 65536;
    config = parse(buffer_span(&text), &sample, &errors);
    assert_non_null(config);
    assert_int_equal(sample.domains.count, (65536 - 9) / 2);
    config_free(config);
    buffer_clear(&errors);
    buffer_append_text(&text, "a");
    assert_null(parse(buffer_span(&text), &sample, &errors));
    assert_string_equal(
        buffer_text(&errors), "x.conf:2: line longer than 65536 octets\n");
    buffer_clear(&errors);
    buffer_clear(&text);
}

static void
complains_with_the_line_of_the_key(void **state)
{
    struct sample sample;
    struct buffer errors;
    struct config *config = parse(SPAN("\n[policyd]\ndomains = a\n"), &sample, &errors);

    (void)state;
    assert_non_null(config);
    config_complain(config, &errors, "policyd", "domains", "\"%s\" is no domain", "a");
    config_complain(config, &errors, "policyd", "snapshot", "no folder");
    assert_string_equal(buffer_text(&errors),
        "x.conf:3: [policyd] domains: \"a\" is no domain\n"
        "x.conf: [policyd] snapshot: no folder\n");
    config_free(config);
    buffer_clear(&errors);
}

static char folder[] = "/tmp/postshift-test-config-XXXXXX";

static const char *
path_of(const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void
write_file(const char *name, const char *text, mode_t mode)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    (void)close(fd);
}

static int
make_test_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int
remove_test_folder(void **state)
{
    static const char *const names[] = {"good", "large", "password"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        (void)unlink(path_of(names[i]));
    return rmdir(folder);
}

static bool
file_reads(const char *path, bool must_exist, char *said, size_t size)
{
    struct sample sample;
    struct buffer errors;
    struct config *config;

    buffer_init(&errors, 4096);
    config =
        config_read(path, must_exist, options, ARRAY_LENGTH(options), &sample, &errors);
    (void)snprintf(said, size, "%s", buffer_text(&errors));
    buffer_clear(&errors);
    config_free(config);
    return config != NULL;
}

static void
reads_files_and_says_why_not(void **state)
{
    char said[512];
    char wanted[512];
    int fd;

    (void)state;
    write_file("good", "[log]\nlevel = debug\n", 0640);
    assert_true(file_reads(path_of("good"), true, said, sizeof(said)));
    assert_true(file_reads("/dev/null", true, said, sizeof(said)));
    assert_true(file_reads(path_of("absent"), false, said, sizeof(said)));
    assert_string_equal(said, "");
    assert_false(file_reads(path_of("absent"), true, said, sizeof(said)));
    (void)snprintf(wanted, sizeof(wanted),
        "%s: can't be opened: No such file or directory\n", path_of("absent"));
    assert_string_equal(said, wanted);
    assert_false(file_reads(folder, false, said, sizeof(said)));
    (void)snprintf(wanted, sizeof(wanted), "%s: is a directory, not a file\n", folder);
    assert_string_equal(said, wanted);
    fd = open(path_of("large"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (4 << 20) + 1), 0);
    (void)close(fd);
    assert_false(file_reads(path_of("large"), true, said, sizeof(said)));
    (void)snprintf(wanted, sizeof(wanted), "%s: is too large (at most 4194304 octets)\n",
        path_of("large"));
    assert_string_equal(said, wanted);
}

static void
reads_the_first_line_of_a_password_file(void **state)
{
    static const struct {
        const char *what;
        const char *text;
        const char *wanted; /* NULL: refused */
    } rows[] = {
        {"one line", "secret\n", "secret"},
        {"no line end", "secret", "secret"},
        {"CR LF", "secret\r\n", "secret"},
        {"more lines", "secret\nother\n", "secret"},
        {"blanks are its own", " se cret \n", " se cret "},
        {"an empty file", "", NULL},
        {"an empty line", "\nsecret\n", NULL},
        {"a control character", "sec\tret\n", NULL},
    };
    struct buffer password;
    struct error error;
    char long_one[1100];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %s\n", rows[i].what);
        buffer_init(&password, 2048);
        write_file("password", rows[i].text, 0640);
        assert_int_equal(config_read_password(path_of("password"), &password, &error),
            rows[i].wanted != NULL);
        assert_string_equal(
            buffer_text(&password), rows[i].wanted == NULL ? "" : rows[i].wanted);
        buffer_clear(&password);
    }
    memset(long_one, 'x', sizeof(long_one));
    long_one[1025] = '\0';
    write_file("password", long_one, 0640);
    assert_false(config_read_password(path_of("password"), &password, &error));
    long_one[1024] = '\0';
    write_file("password", long_one, 0640);
    assert_true(config_read_password(path_of("password"), &password, &error));
    buffer_clear(&password);
    assert_false(config_read_password(path_of("absent"), &password, &error));
    assert_non_null(strstr(error.text, "No such file"));
    assert_false(config_read_password(folder, &password, &error));
}

static void
warns_of_a_password_that_others_may_read(void **state)
{
    static const struct {
        mode_t mode;
        bool warned;
    } rows[] = {
        {0600, false},
        {0640, false},
        {0440, false},
        {0644, true},
        {0660, true},
        {0604, true},
        {0602, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buffer password;
        struct error error;
        char said[1024] = "";
        int kept = dup(STDERR_FILENO);
        int ends[2];
        ssize_t length;

        write_file("password", "secret\n", rows[i].mode);
        buffer_init(&password, 2048);
        assert_int_equal(pipe(ends), 0);
        (void)dup2(ends[1], STDERR_FILENO);
        assert_true(config_read_password(path_of("password"), &password, &error));
        (void)dup2(kept, STDERR_FILENO);
        (void)close(kept);
        (void)close(ends[1]);
        length = read(ends[0], said, sizeof(said) - 1);
        (void)close(ends[0]);
        assert_true(length >= 0);
        print_message("# %04o %s\n", rows[i].mode, said);
        assert_int_equal(strstr(said, "warning: password file ") != NULL, rows[i].warned);
        assert_null(strstr(said, "secret"));
        buffer_clear(&password);
    }
}

static void
finds_the_nearest_name(void **state)
{
    static const char *const names[] = {
        "listen", "timeout", "user", "spf", "dkim", "dkim_max_signatures"};
    static const struct {
        const char *word;
        const char *wanted;
    } rows[] = {
        {"lisen", "listen"},
        {"litsen", "listen"},
        {"listening", "listen"},
        {"TimeOut", "timeout"},
        {"usr", "user"},
        {"fps", NULL},
        {"spff", "spf"},
        {"dkm", "dkim"},
        {"dkim_max_signature", "dkim_max_signatures"},
        {"", NULL},
        {"completely", NULL},
        {"listenlistenlistenlistenlistenlistenlistenlisten", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const char *nearest =
            config_nearest(span_of(rows[i].word), names, ARRAY_LENGTH(names));

        print_message("# %s\n", rows[i].word);
        if (rows[i].wanted == NULL)
            assert_null(nearest);
        else
            assert_string_equal(nearest, rows[i].wanted);
    }
}

static void
knows_each_name_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_names_count(); i++) {
        const struct config_section *section = config_names_section(i);

        assert_ptr_equal(config_names_find(span_of(section->name)), section);
        for (size_t j = 0; j < section->count; j++) {
            for (size_t k = 0; k < j; k++)
                assert_string_not_equal(section->keys[j], section->keys[k]);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_presets_for_an_empty_file),
        cmocka_unit_test(reads_each_type),
        cmocka_unit_test(says_what_is_wrong_and_where),
        cmocka_unit_test(names_all_mistakes_of_a_file),
        cmocka_unit_test(takes_empty_values_where_there_may_be_none),
        cmocka_unit_test(has_limits),
        cmocka_unit_test(complains_with_the_line_of_the_key),
        cmocka_unit_test(reads_files_and_says_why_not),
        cmocka_unit_test(reads_the_first_line_of_a_password_file),
        cmocka_unit_test(warns_of_a_password_that_others_may_read),
        cmocka_unit_test(finds_the_nearest_name),
        cmocka_unit_test(knows_each_name_once),
    };

    return cmocka_run_group_tests_name(
        "config", tests, make_test_folder, remove_test_folder);
}
