/*
 * One dialog with a mail server that answers as it is told: what is asked, what comes of
 * it, and how it ends when the server does not behave.
 */
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/smtp/smtp_talk.h"
#include "shared/base/attributes.h"
#include "tests/fakes/smtp_server.h"

enum { LONG_MS = 20000, SHORT_MS = 500, ANSWERS_MAX = 2000 };

struct site {
    struct event_base *base;
    struct smtp_server *server;
    struct smtp_tls *tls;
    const char *tls_name; /* NULL: as the route has it */
    bool resets;
    struct smtp_talk *talk;
    struct smtp_talk_result result;
    unsigned ends;
    char answers[ANSWERS_MAX]; /* "rcpt 0.1 550 5.1.1 no|" */
    bool free_in_answer;
};

static void
ended(void *argument, const struct smtp_talk_result *result)
{
    struct site *site = argument;

    site->result = *result;
    site->ends++;
    smtp_talk_free(site->talk);
    site->talk = NULL;
    (void)event_base_loopexit(site->base, NULL);
}

static void
answered(void *argument, enum smtp_phase phase, size_t envelope, size_t recipient,
    const struct smtp_reply *reply)
{
    struct site *site = argument;
    char text[SMTP_REPLY_WRITTEN_MAX + 1];
    size_t length = strlen(site->answers);

    smtp_reply_write(reply, text);
    (void)snprintf(site->answers + length, sizeof(site->answers) - length,
        "%s %zu.%zu %s|", smtp_phase_name(phase), envelope, recipient, text);
    if (site->free_in_answer) {
        smtp_talk_free(site->talk);
        site->talk = NULL;
        (void)event_base_loopexit(site->base, NULL);
    }
}

static const struct smtp_talk_events events = {answered, ended};

static int
open_site(void **state)
{
    static struct site site;
    struct error error;

    (void)signal(SIGPIPE, SIG_IGN);
    memset(&site, 0, sizeof(site));
    site.base = event_base_new();
    site.tls = smtp_tls_new(&error);
    site.server = smtp_server_new(site.base, "127.0.0.1");
    *state = &site;
    return site.tls == NULL;
}

static int
close_site(void **state)
{
    struct site *site = *state;

    smtp_talk_free(site->talk);
    smtp_server_free(site->server);
    smtp_tls_free(site->tls);
    /* What libevent puts off. */
    (void)event_base_loop(site->base, EVLOOP_NONBLOCK);
    event_base_free(site->base);
    return 0;
}

static bool
start(struct site *site, const char *route, const struct smtp_envelope *envelopes,
    size_t count, unsigned step_ms, struct error *error)
{
    const struct smtp_talk_options options = {
        .route = route,
        .hello = "gw.example",
        .tls_name = site->tls_name,
        .tls = site->tls,
        .timeout_ms = LONG_MS,
        .step_timeout_ms = step_ms,
        .envelopes = envelopes,
        .envelope_count = count,
        .resets = site->resets,
    };

    site->ends = 0;
    site->answers[0] = '\0';
    site->talk = smtp_talk_start(site->base, &options, &events, site, error);
    assert_int_equal(site->ends, 0);
    return site->talk != NULL;
}

static void
talk_to(struct site *site, const char *route, const struct smtp_envelope *envelopes,
    size_t count, unsigned step_ms)
{
    struct error error = {.text = ""};

    if (!start(site, route, envelopes, count, step_ms, &error))
        fail_msg("%s", error.text);
    (void)event_base_dispatch(site->base);
    assert_int_equal(site->ends, 1);
    assert_null(site->talk);
}

static void
talk(struct site *site, const struct smtp_envelope *envelopes, size_t count,
    unsigned step_ms)
{
    char route[100];

    (void)snprintf(route, sizeof(route), "cutover-new:[127.0.0.1]:%u",
        smtp_server_port(site->server));
    talk_to(site, route, envelopes, count, step_ms);
}

/* --- who behaves --- */

static const char *const alice_and_bob[] = {"alice@example.com", "bob smith@example.com"};
static const struct smtp_envelope one = {
    .sender = "", .recipients = alice_and_bob, .recipient_count = 1};

static void
asks_and_sends_nothing(void **state)
{
    struct site *site = *state;

    talk(site, &one, 1, LONG_MS);
    assert_int_equal(site->result.trouble, SMTP_TROUBLE_NONE);
    assert_int_equal(site->result.phase, SMTP_QUIT);
    assert_string_equal(smtp_server_heard(site->server),
        "EHLO gw.example|MAIL FROM:<>|RCPT TO:<alice@example.com>|QUIT|");
    assert_string_equal(
        site->answers, "mail 0.0 250 2.1.0 fine|rcpt 0.0 250 2.1.0 fine|");
    assert_true(
        site->result.extensions.size && site->result.extensions.size_max == 1000000);
    assert_false(site->result.tls.is_offered);
    for (int i = 0; i < SMTP_PHASES; i++)
        assert_int_equal(
            site->result.duration_us[i] >= 0, i != SMTP_TLS && i != SMTP_RSET);
    assert_true(site->result.total_us > 0);
    assert_non_null(strstr(site->result.host, "127.0.0.1[127.0.0.1]:"));
}

static void
asks_no_more_than_it_is_told_to(void **state)
{
    struct site *site = *state;

    talk(site, NULL, 0, LONG_MS);
    assert_int_equal(site->result.trouble, SMTP_TROUBLE_NONE);
    assert_string_equal(smtp_server_heard(site->server), "EHLO gw.example|QUIT|");
}

static void
takes_back_the_last_envelope_where_it_is_told_to(void **state)
{
    struct site *site = *state;

    site->resets = true;
    talk(site, &one, 1, LONG_MS);
    assert_int_equal(site->result.trouble, SMTP_TROUBLE_NONE);
    assert_string_equal(smtp_server_heard(site->server),
        "EHLO gw.example|MAIL FROM:<>|RCPT TO:<alice@example.com>|RSET|QUIT|");
}

static void
several_envelopes_are_parted_by_rset(void **state)
{
    static const struct smtp_rule rules[] = {{"MAIL", "bad@", "553 5.7.1 not you"},
        {"RCPT", "alice", "550 5.1.1 no"}, {NULL, NULL, NULL}};
    static const struct smtp_envelope envelopes[] = {
        {.sender = "s@outside.example",
            .recipients = alice_and_bob,
            .recipient_count = 2,
            .size = 4000},
        {.sender = "bad@outside.example",
            .recipients = alice_and_bob,
            .recipient_count = 2},
        {.sender = "", .recipients = alice_and_bob, .recipient_count = 1},
    };
    struct site *site = *state;

    smtp_server_rules(site->server, rules);
    talk(site, envelopes, 3, LONG_MS);
    assert_int_equal(site->result.trouble, SMTP_TROUBLE_NONE);
    assert_string_equal(smtp_server_heard(site->server),
        "EHLO gw.example|MAIL FROM:<s@outside.example> SIZE=4000|RCPT "
        "TO:<alice@example.com>|"
        "RCPT TO:<\"bob smith\"@example.com>|RSET|MAIL "
        "FROM:<bad@outside.example>|RSET|MAIL FROM:<>|"
        "RCPT TO:<alice@example.com>|QUIT|");
    assert_string_equal(site->answers,
        "mail 0.0 250 2.1.0 fine|rcpt 0.0 550 5.1.1 no|rcpt 0.1 250 2.1.0 fine|mail 1.0 "
        "553 5.7.1 not you|"
        "mail 2.0 250 2.1.0 fine|rcpt 2.0 550 5.1.1 no|");
}

static void
speaks_lmtp_to_a_unix_socket(void **state)
{
    struct site *site = *state;
    char folder[] = "/tmp/talk.XXXXXX";
    char path[60];
    char route[100];

    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/lmtp", folder);
    (void)snprintf(route, sizeof(route), "cutover-old-lmtp:unix:%s", path);
    smtp_server_free(site->server);
    site->server = smtp_server_new(site->base, path);
    smtp_server_certify(site->server, "lmtp.example");
    talk_to(site, route, &one, 1, LONG_MS);
    assert_int_equal(site->result.trouble, SMTP_TROUBLE_NONE);
    assert_string_equal(smtp_server_heard(site->server),
        "LHLO gw.example|STARTTLS|(tls)|LHLO gw.example|MAIL FROM:<>|RCPT "
        "TO:<alice@example.com>|QUIT|");
    assert_string_equal(site->result.host, route + strlen("cutover-old-lmtp:"));
    assert_string_equal(
        site->result.tls.fingerprint, smtp_server_fingerprint(site->server));
    (void)unlink(path);
    assert_int_equal(rmdir(folder), 0);
}

static void
says_helo_where_ehlo_is_not_known(void **state)
{
    static const struct smtp_rule rules[] = {
        {"EHLO", NULL, "502 5.5.1 unknown"}, {NULL, NULL, NULL}};
    struct site *site = *state;

    smtp_server_rules(site->server, rules);
    talk(site, &one, 1, LONG_MS);
    assert_int_equal(site->result.trouble, SMTP_TROUBLE_NONE);
    assert_string_equal(smtp_server_heard(site->server),
        "EHLO gw.example|HELO gw.example|MAIL FROM:<>|RCPT TO:<alice@example.com>|QUIT|");
}

/* --- TLS --- */

static void
speaks_tls_with_whom_ever_and_tells_who_it_is(void **state)
{
    struct site *site = *state;
    char first[65];

    smtp_server_certify(site->server, "mx.example");
    (void)snprintf(first, sizeof(first), "%s", smtp_server_fingerprint(site->server));
    talk(site, &one, 1, LONG_MS);
    assert_int_equal(site->result.trouble, SMTP_TROUBLE_NONE);
    assert_string_equal(smtp_server_heard(site->server),
        "EHLO gw.example|STARTTLS|(tls)|EHLO gw.example|MAIL FROM:<>|RCPT "
        "TO:<alice@example.com>|QUIT|");
    assert_true(site->result.tls.is_offered && site->result.tls.is_in_use);
    assert_false(site->result.tls.is_verified);
    assert_non_null(strstr(site->result.tls.why, "self"));
    assert_string_equal(site->result.tls.fingerprint, first);
    assert_string_equal(site->result.tls.subject, "CN=mx.example");
    assert_string_equal(site->result.tls.version, "TLSv1.3");
    assert_true(site->result.tls.not_after > (int64_t)time(NULL) + 29 * 86400L);
    assert_true(site->result.duration_us[SMTP_TLS] > 0);
    smtp_server_certify(site->server, "mx.example");
    talk(site, &one, 1, LONG_MS);
    assert_string_not_equal(site->result.tls.fingerprint, first);
    assert_string_equal(
        site->result.tls.fingerprint, smtp_server_fingerprint(site->server));
}

/* A host that is spoken to by its address has the certificate of its name. */
static void
checks_the_certificate_for_the_name_it_is_given(void **state)
{
    static const struct {
        const char *name;
        bool is_good;
    } rows[] = {{"mx.example", true}, {"other.example", false}, {NULL, false}};
    char path[] = "/tmp/postshift-certificate-XXXXXX";
    struct site *site = *state;
    struct error error;
    int fd = mkstemp(path);

    smtp_server_certify(site->server, "mx.example");
    assert_true(fd >= 0 && smtp_server_write_certificate(site->server, path));
    smtp_tls_free(site->tls);
    assert_int_equal(setenv("SSL_CERT_FILE", path, 1), 0);
    site->tls = smtp_tls_new(&error);
    assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
    (void)close(fd);
    (void)unlink(path);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        site->tls_name = rows[i].name;
        talk(site, &one, 1, LONG_MS);
        assert_true(site->result.tls.is_in_use);
        assert_int_equal(site->result.tls.is_verified, rows[i].is_good);
        assert_int_equal(
            strstr(site->result.tls.why, "mismatch") != NULL, !rows[i].is_good);
    }
}

static void
goes_on_in_clear_text_where_tls_is_not_to_be_had_now(void **state)
{
    static const struct smtp_rule rules[] = {
        {"STARTTLS", NULL, "454 4.7.0 not now"}, {NULL, NULL, NULL}};
    struct site *site = *state;

    smtp_server_certify(site->server, "mx.example");
    smtp_server_rules(site->server, rules);
    talk(site, &one, 1, LONG_MS);
    assert_int_equal(site->result.trouble, SMTP_TROUBLE_NONE);
    assert_true(site->result.tls.is_offered && !site->result.tls.is_in_use);
    assert_string_equal(
        site->answers, "mail 0.0 250 2.1.0 fine|rcpt 0.0 250 2.1.0 fine|");
}

/* --- who does not --- */

static void
tells_how_it_ended(void **state)
{
    static const char offers_tls[] = "250-mx.example\r\n250 STARTTLS";
    static const struct {
        const char *what;
        struct smtp_rule rules[3];
        enum smtp_trouble trouble;
        enum smtp_phase phase;
        const char *why;
    } rows[] = {
        {"no greeting", {{"connect", NULL, SMTP_SERVER_HANG}}, SMTP_TROUBLE_TIMEOUT,
            SMTP_BANNER, "no answer in time"},
        {"closed at once", {{"connect", NULL, SMTP_SERVER_CLOSE}}, SMTP_TROUBLE_LOST,
            SMTP_BANNER, "closed"},
        {"megabytes for a greeting", {{"connect", NULL, SMTP_SERVER_FLOOD}},
            SMTP_TROUBLE_PROTOCOL, SMTP_BANNER, "too long"},
        {"421 for a greeting", {{"connect", NULL, "421 4.3.2 too busy"}},
            SMTP_TROUBLE_REFUSED, SMTP_BANNER, "421 4.3.2 too busy"},
        {"554 for a greeting", {{"connect", NULL, "554 5.7.1 go away"}},
            SMTP_TROUBLE_REFUSED, SMTP_BANNER, "554 5.7.1 go away"},
        {"another protocol", {{"connect", NULL, "SSH-2.0-OpenSSH_9.2"}},
            SMTP_TROUBLE_PROTOCOL, SMTP_BANNER, "no reply"},
        {"a greeting and more", {{"connect", NULL, "220 hello\r\n250 and more"}},
            SMTP_TROUBLE_PROTOCOL, SMTP_BANNER, "more than it was asked"},
        {"hangs at EHLO", {{"EHLO", NULL, SMTP_SERVER_HANG}}, SMTP_TROUBLE_TIMEOUT,
            SMTP_HELLO, "(ehlo)"},
        {"two codes in one", {{"EHLO", NULL, "250-a\r\n550 b"}}, SMTP_TROUBLE_PROTOCOL,
            SMTP_HELLO, "different codes"},
        {"neither EHLO nor HELO",
            {{"EHLO", NULL, "550 no"}, {"HELO", NULL, "550 no, again"}},
            SMTP_TROUBLE_REFUSED, SMTP_HELLO, "no, again"},
        {"451 to EHLO", {{"EHLO", NULL, "451 4.3.0 later"}}, SMTP_TROUBLE_REFUSED,
            SMTP_HELLO, "451 4.3.0 later"},
        {"no handshake", {{"EHLO", NULL, offers_tls}, {"STARTTLS", NULL, "220 go"}},
            SMTP_TROUBLE_TIMEOUT, SMTP_TLS, "(tls)"},
        {"answers before TLS",
            {{"EHLO", NULL, offers_tls}, {"STARTTLS", NULL, "220 go\r\n250 for later"}},
            SMTP_TROUBLE_PROTOCOL, SMTP_TLS, "more than it was asked"},
        {"closed at STARTTLS",
            {{"EHLO", NULL, offers_tls}, {"STARTTLS", NULL, SMTP_SERVER_CLOSE}},
            SMTP_TROUBLE_LOST, SMTP_TLS, "closed"},
        {"hangs at MAIL", {{"MAIL", NULL, SMTP_SERVER_HANG}}, SMTP_TROUBLE_TIMEOUT,
            SMTP_MAIL, "(mail)"},
        {"hangs at RCPT", {{"RCPT", NULL, SMTP_SERVER_HANG}}, SMTP_TROUBLE_TIMEOUT,
            SMTP_RCPT, "(rcpt)"},
        {"closes at RCPT", {{"RCPT", NULL, SMTP_SERVER_CLOSE}}, SMTP_TROUBLE_LOST,
            SMTP_RCPT, "closed"},
        {"421 to RCPT", {{"RCPT", NULL, "421 4.7.0 too many"}}, SMTP_TROUBLE_REFUSED,
            SMTP_RCPT, "421 4.7.0 too many"},
        {"megabytes at RCPT", {{"RCPT", NULL, SMTP_SERVER_FLOOD}}, SMTP_TROUBLE_PROTOCOL,
            SMTP_RCPT, "too long"},
        {"no answer to QUIT", {{"QUIT", NULL, SMTP_SERVER_HANG}}, SMTP_TROUBLE_NONE,
            SMTP_QUIT, ""},
        {"closed at QUIT", {{"QUIT", NULL, SMTP_SERVER_CLOSE}}, SMTP_TROUBLE_NONE,
            SMTP_QUIT, ""},
    };
    struct site *site = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %s\n", rows[i].what);
        smtp_server_rules(site->server, rows[i].rules);
        talk(site, &one, 1,
            rows[i].trouble == SMTP_TROUBLE_TIMEOUT || i + 2 >= ARRAY_LENGTH(rows)
                ? SHORT_MS
                : LONG_MS);
        assert_int_equal(site->result.trouble, rows[i].trouble);
        assert_int_equal(site->result.phase, rows[i].phase);
        assert_non_null(strstr(site->result.why, rows[i].why));
        assert_int_equal(
            site->result.why[0] == '\0', site->result.trouble == SMTP_TROUBLE_NONE);
        assert_true(site->result.duration_us[rows[i].phase] >= 0);
    }
}

static void
all_of_it_has_a_deadline(void **state)
{
    /* Each step is in time. */
    static const struct smtp_rule rules[] = {
        {"RCPT", NULL, SMTP_SERVER_HANG}, {NULL, NULL, NULL}};
    struct site *site = *state;
    struct smtp_talk_options options = {.hello = "gw.example",
        .timeout_ms = SHORT_MS,
        .step_timeout_ms = LONG_MS,
        .envelopes = &one,
        .envelope_count = 1};
    char route[100];
    struct error error;

    smtp_server_rules(site->server, rules);
    (void)snprintf(route, sizeof(route), "cutover-new:[127.0.0.1]:%u",
        smtp_server_port(site->server));
    options.route = route;
    site->talk = smtp_talk_start(site->base, &options, &events, site, &error);
    (void)event_base_dispatch(site->base);
    assert_int_equal(site->ends, 1);
    assert_int_equal(site->result.trouble, SMTP_TROUBLE_TIMEOUT);
    assert_int_equal(site->result.phase, SMTP_RCPT);
    assert_true(site->result.total_us >= SHORT_MS * 900 &&
                site->result.total_us < LONG_MS * 1000);
}

static void
an_address_this_server_can_not_be_told_ends_it_politely(void **state)
{
    static const char *const wide[] = {"gr\xc3\xbc\xc3\x9f@example.com"};
    static const struct smtp_envelope envelope = {
        .sender = "", .recipients = wide, .recipient_count = 1};
    struct site *site = *state;

    talk(site, &envelope, 1, LONG_MS);
    assert_int_equal(site->result.trouble, SMTP_TROUBLE_ADDRESS);
    assert_non_null(strstr(site->result.why, "SMTPUTF8"));
    assert_string_equal(smtp_server_heard(site->server), "EHLO gw.example|QUIT|");
}

static void
what_can_not_be_asked_is_refused_at_the_start(void **state)
{
    static const char *const evil[] = {"a@example.com>\r\nDATA"};
    static const struct smtp_envelope envelopes[] = {
        {.sender = "", .recipients = evil, .recipient_count = 1},
        {.sender = "a@example.com\r\nDATA",
            .recipients = alice_and_bob,
            .recipient_count = 1},
    };
    struct site *site = *state;
    struct error error = {.text = ""};

    assert_false(
        start(site, "cutover-new:[127.0.0.1]:25", &envelopes[0], 1, LONG_MS, &error));
    assert_non_null(strstr(error.text, "controls"));
    assert_false(
        start(site, "cutover-new:[127.0.0.1]:25", &envelopes[1], 1, LONG_MS, &error));
    assert_false(start(site, "site", &one, 1, LONG_MS, &error));
    assert_false(start(site, "cutover-new:127.0.0.1:25", &one, 1, LONG_MS, &error));
    assert_int_equal(smtp_server_connections(site->server), 0);
}

/* --- places --- */

static unsigned
closed_port(void)
{
    struct event_base *base = event_base_new();
    struct smtp_server *server = smtp_server_new(base, "127.0.0.1");
    unsigned port = smtp_server_port(server);

    smtp_server_free(server);
    event_base_free(base);
    return port;
}

static void
tries_one_host_after_the_other(void **state)
{
    static const struct smtp_rule busy[] = {
        {"connect", NULL, "421 4.3.2 busy"}, {NULL, NULL, NULL}};
    struct site *site = *state;
    struct smtp_server *first = smtp_server_new(site->base, "127.0.0.2");
    char route[200];

    smtp_server_rules(first, busy);
    (void)snprintf(route, sizeof(route),
        "cutover-new:[127.0.0.1]:%u, [127.0.0.2]:%u [127.0.0.1]:%u", closed_port(),
        smtp_server_port(first), smtp_server_port(site->server));
    talk_to(site, route, &one, 1, LONG_MS);
    assert_int_equal(site->result.trouble, SMTP_TROUBLE_NONE);
    assert_string_equal(
        site->answers, "mail 0.0 250 2.1.0 fine|rcpt 0.0 250 2.1.0 fine|");
    assert_int_equal(smtp_server_connections(first), 1);
    assert_string_equal(site->result.why, "");
    /* Once one has answered EHLO no other is asked. */
    smtp_server_rules(first,
        (const struct smtp_rule[]){{"MAIL", NULL, "421 4.3.2 busy"}, {NULL, NULL, NULL}});
    smtp_server_forget(site->server);
    talk_to(site, route, &one, 1, LONG_MS);
    assert_int_equal(site->result.trouble, SMTP_TROUBLE_REFUSED);
    assert_int_equal(smtp_server_connections(site->server), 0);
    smtp_server_free(first);
}

static void
the_last_of_all_says_why(void **state)
{
    struct site *site = *state;
    char route[200];

    (void)snprintf(route, sizeof(route), "cutover-new:[127.0.0.1]:%u", closed_port());
    talk_to(site, route, &one, 1, LONG_MS);
    assert_int_equal(site->result.trouble, SMTP_TROUBLE_CONNECT);
    assert_int_equal(site->result.phase, SMTP_CONNECT);
    assert_non_null(strstr(site->result.why, "refused"));
    talk_to(site, "cutover-old-lmtp:unix:/nowhere/lmtp", &one, 1, LONG_MS);
    assert_int_equal(site->result.trouble, SMTP_TROUBLE_CONNECT);
}

static void
finds_names_in_the_hosts_file(void **state)
{
    struct site *site = *state;
    char route[200];

    (void)snprintf(route, sizeof(route), "cutover-new:[localhost]:%u",
        smtp_server_port(site->server));
    talk_to(site, route, &one, 1, LONG_MS);
    assert_int_equal(site->result.trouble, SMTP_TROUBLE_NONE);
    assert_non_null(strstr(site->result.host, "localhost[127.0.0.1]:"));
}

static void
a_name_without_an_address_is_passed_over(void **state)
{
    struct site *site = *state;
    struct error error;
    char route[200];

    (void)snprintf(route, sizeof(route), "cutover-new:[nobody.invalid]:25 [127.0.0.1]:%u",
        smtp_server_port(site->server));
    talk_to(site, route, &one, 1, SHORT_MS);
    assert_int_equal(site->result.trouble, SMTP_TROUBLE_NONE);
    assert_non_null(strstr(site->result.host, "127.0.0.1[127.0.0.1]:"));
    /* Where there is no other, that is what is told. */
    talk_to(site, "cutover-new:[nobody.invalid]:25", &one, 1, SHORT_MS);
    assert_int_equal(site->result.trouble, SMTP_TROUBLE_RESOLVE);
    assert_int_equal(site->result.phase, SMTP_CONNECT);
    assert_non_null(strstr(site->result.why, "nobody.invalid has no address"));
    /* Given up while it is looked up. */
    assert_true(start(site, route, &one, 1, SHORT_MS, &error));
    (void)event_base_loop(site->base, EVLOOP_ONCE);
}

static unsigned
open_files(void)
{
    unsigned count = 0;

    for (int fd = 0; fd < 200; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
}

static void
may_be_freed_at_any_time(void **state)
{
    struct site *site = *state;
    struct error error;
    char route[100];
    unsigned before;

    smtp_server_certify(site->server, "mx.example");
    (void)snprintf(route, sizeof(route), "cutover-new:[127.0.0.1]:%u",
        smtp_server_port(site->server));
    talk_to(site, route, &one, 1, LONG_MS);
    before = open_files();
    /* After so many turns of the loop. */
    for (int turns = 0; turns < 40; turns++) {
        assert_true(start(site, route, &one, 1, LONG_MS, &error));
        for (int i = 0; i < turns && site->ends == 0; i++)
            (void)event_base_loop(site->base, EVLOOP_ONCE);
        smtp_talk_free(site->talk);
        site->talk = NULL;
    }
    site->free_in_answer = true;
    assert_true(start(site, route, &one, 1, LONG_MS, &error));
    (void)event_base_dispatch(site->base);
    assert_string_equal(site->answers, "mail 0.0 250 2.1.0 fine|");
    assert_int_equal(site->ends, 0);
    site->free_in_answer = false;
    /* The server has seen them all go. */
    while (open_files() > before)
        (void)event_base_loop(site->base, EVLOOP_ONCE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(asks_and_sends_nothing, open_site, close_site),
        cmocka_unit_test_setup_teardown(
            asks_no_more_than_it_is_told_to, open_site, close_site),
        cmocka_unit_test_setup_teardown(
            takes_back_the_last_envelope_where_it_is_told_to, open_site, close_site),
        cmocka_unit_test_setup_teardown(
            several_envelopes_are_parted_by_rset, open_site, close_site),
        cmocka_unit_test_setup_teardown(
            speaks_lmtp_to_a_unix_socket, open_site, close_site),
        cmocka_unit_test_setup_teardown(
            says_helo_where_ehlo_is_not_known, open_site, close_site),
        cmocka_unit_test_setup_teardown(
            speaks_tls_with_whom_ever_and_tells_who_it_is, open_site, close_site),
        cmocka_unit_test_setup_teardown(
            checks_the_certificate_for_the_name_it_is_given, open_site, close_site),
        cmocka_unit_test_setup_teardown(
            goes_on_in_clear_text_where_tls_is_not_to_be_had_now, open_site, close_site),
        cmocka_unit_test_setup_teardown(tells_how_it_ended, open_site, close_site),
        cmocka_unit_test_setup_teardown(all_of_it_has_a_deadline, open_site, close_site),
        cmocka_unit_test_setup_teardown(
            an_address_this_server_can_not_be_told_ends_it_politely, open_site,
            close_site),
        cmocka_unit_test_setup_teardown(
            what_can_not_be_asked_is_refused_at_the_start, open_site, close_site),
        cmocka_unit_test_setup_teardown(
            tries_one_host_after_the_other, open_site, close_site),
        cmocka_unit_test_setup_teardown(the_last_of_all_says_why, open_site, close_site),
        cmocka_unit_test_setup_teardown(
            finds_names_in_the_hosts_file, open_site, close_site),
        cmocka_unit_test_setup_teardown(
            a_name_without_an_address_is_passed_over, open_site, close_site),
        cmocka_unit_test_setup_teardown(may_be_freed_at_any_time, open_site, close_site),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
