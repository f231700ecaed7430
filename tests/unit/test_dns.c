/*
 * The resolver's client against a server that answers from a table, and misbehaves.
 */
#include "tests/unit/unit.h"

#include "shared/base/attributes.h"
#include "shared/dns/dns.h"

#include <ares_version.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char zones[] = "example.com TXT v=spf1 mx -all\n"
                            "example.com TXT \"a\" \"b\\000c\" \"\"\n"
                            "example.com MX 10 mx.example.com\n"
                            "example.com MX 20 .\n"
                            "example.com MX 30 a\\.b.example.com\n"
                            "mx.example.com A 192.0.2.1\n"
                            "mx.example.com A 192.0.2.2\n"
                            "mx.example.com AAAA 2001:db8::1\n"
                            "1.2.0.192.in-addr.arpa PTR mx.example.com\n"
                            "www.example.com CNAME web.example.com\n"
                            "web.example.com CNAME mx.example.com\n"
                            "a\\032b\\092c\\255.example.com A 192.0.2.3\n"
                            "signed.example.org TXT yes\n"
                            "example.org SIGNED\n"
                            "servfail.test MODE servfail\n"
                            "refused.test MODE refused\n"
                            "notimp.test MODE notimp\n"
                            "formerr.test MODE formerr\n"
                            "silent.test MODE silent\n"
                            "silent2.test MODE silent\n"
                            "garbage.test MODE garbage\n"
                            "broken.test MODE broken\n"
                            "empty.test MODE empty\n"
                            "short.test MODE short\n"
                            "loop.test MODE loop\n"
                            "wrongid.test MODE wrong-id\n"
                            "wrongid.test A 192.0.2.4\n"
                            "wrongquestion.test MODE wrong-question\n"
                            "wrongquestion.test A 192.0.2.5\n"
                            "liar.test MODE wrong-id only\n"
                            "truncated.test MODE truncated\n"
                            "truncated.test A 192.0.2.6\n"
                            "truncatedsilent.test MODE truncated-silent\n"
                            "noedns.test MODE no-edns\n"
                            "noedns.test A 192.0.2.7\n"
                            "slow.test MODE slow 0.3\n"
                            "slow.test A 192.0.2.8\n"
                            "slow2.test MODE slow 0.3\n"
                            "slow2.test A 192.0.2.9\n";

enum { HUGE_STRINGS = 200 };

struct server {
    char zone_file[64];
    char address[64];
    pid_t pid;
};

static struct server server;

static void
write_zones(void)
{
    int fd = mkstemp(server.zone_file);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;

    assert_non_null(file);
    (void)fputs(zones, file);
    (void)fputs("huge.test TXT ", file);
    for (int i = 0; i < HUGE_STRINGS; i++)
        (void)fprintf(file, "\"%0240d\" ", i);
    (void)fputs("\n", file);
    assert_int_equal(fclose(file), 0);
}

static int
start_server(void **state)
{
    int pipes[2];
    FILE *output;

    (void)state;
    (void)strcpy(server.zone_file, "/tmp/test_dns.XXXXXX");
    write_zones();
    assert_int_equal(pipe(pipes), 0);
    server.pid = fork();
    if (server.pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* not to outlive a crash */
        (void)dup2(pipes[1], STDOUT_FILENO);
        (void)close(pipes[0]);
        (void)execl("tests/fakes/dns_server.py", "dns_server.py", "--listen",
            "127.0.0.1@0", server.zone_file, (char *)NULL);
        _exit(127);
    }
    (void)close(pipes[1]);
    output = fdopen(pipes[0], "r");
    assert_non_null(output);
    assert_int_equal(fscanf(output, "listening %63s", server.address), 1);
    (void)fclose(output);
    return 0;
}

static int
stop_server(void **state)
{
    (void)state;
    (void)kill(server.pid, SIGTERM);
    (void)waitpid(server.pid, NULL, 0);
    (void)unlink(server.zone_file);
    return 0;
}

static struct dns *
dns_to(const char *address, uint64_t timeout, uint64_t message_timeout)
{
    const char *servers[] = {address};
    struct dns_config config = {
        {servers, 1}, timeout, message_timeout, DNS_TRUST_LOOPBACK};
    struct error error;
    struct dns *dns = dns_new(&config, NULL, &error);

    assert_non_null(dns);
    return dns;
}

static uint64_t
now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct row {
    const char *what;
    const char *name;
    enum dns_type type;
    enum dns_status status;
    size_t count;
    unsigned least_ms; /* 0: at once */
    bool secure;
};

/* It does not ask for odd names, and reads an answer before we do: what is junk is
 * no longer waited past. */
enum { NEWER = ARES_VERSION >= 0x011600 };

static const struct row rows[] = {
    {"TXT, several", "example.com", DNS_TXT, DNS_OK, 2, 0, false},
    {"MX", "Example.COM", DNS_MX, DNS_OK, 3, 0, false},
    {"A", "mx.example.com", DNS_A, DNS_OK, 2, 0, false},
    {"AAAA", "mx.example.com", DNS_AAAA, DNS_OK, 1, 0, false},
    {"PTR", "1.2.0.192.in-addr.arpa", DNS_PTR, DNS_OK, 1, 0, false},
    {"CNAMEs", "www.example.com", DNS_A, DNS_OK, 2, 0, false},
    {"CNAMEs to no data", "www.example.com", DNS_TXT, DNS_NODATA, 0, 0, false},
    {"odd octets", "a b\\c\xff.example.com", DNS_A, NEWER ? DNS_BADNAME : DNS_OK, !NEWER,
        0, false},
    {"no data", "mx.example.com", DNS_TXT, DNS_NODATA, 0, 0, false},
    {"no name", "nix.example.com", DNS_A, DNS_NXDOMAIN, 0, 0, false},
    {"secure", "signed.example.org", DNS_TXT, DNS_OK, 1, 0, true},
    {"secure absence", "nix.example.org", DNS_TXT, DNS_NXDOMAIN, 0, 0, true},
    {"empty label", "a..example.com", DNS_A, DNS_BADNAME, 0, 0, false},
    {"no name at all", "", DNS_A, DNS_BADNAME, 0, 0, false},
    {"SERVFAIL", "servfail.test", DNS_A, DNS_SERVFAIL, 0, 0, false},
    {"REFUSED", "refused.test", DNS_A, DNS_REFUSED, 0, 0, false},
    {"NOTIMP", "notimp.test", DNS_A, DNS_SERVFAIL, 0, 0, false},
    {"FORMERR", "formerr.test", DNS_A, DNS_SERVFAIL, 0, 0, false},
    {"a CNAME to itself", "loop.test", DNS_A, DNS_MALFORMED, 0, 0, false},
    {"nonsense behind the question", "broken.test", DNS_A, DNS_MALFORMED, 0, 0, false},
    {"wrong id, then right", "wrongid.test", DNS_A, DNS_OK, 1, 0, false},
    {"wrong question, then right", "wrongquestion.test", DNS_A, DNS_OK, 1, 0, false},
    {"truncated", "truncated.test", DNS_A, DNS_OK, 1, 0, false},
    {"no EDNS", "noedns.test", DNS_A, DNS_OK, 1, 0, false},
    {"huge, by TCP", "huge.test", DNS_TXT, DNS_OK, 1, 0, false},
    {"slow", "slow.test", DNS_A, DNS_OK, 1, 290, false},
    {"silent", "silent.test", DNS_A, DNS_TIMEOUT, 0, 390, false},
    {"only lies", "liar.test", DNS_A, DNS_TIMEOUT, 0, 390, false},
    {"truncated, TCP silent", "truncatedsilent.test", DNS_A, DNS_TIMEOUT, 0, 390, false},
    {"junk with the right id", "garbage.test", DNS_A, NEWER ? DNS_MALFORMED : DNS_TIMEOUT,
        0, NEWER ? 0 : 390, false},
    {"nothing in the packet", "empty.test", DNS_A, DNS_TIMEOUT, 0, 390, false},
    {"half a header", "short.test", DNS_A, NEWER ? DNS_MALFORMED : DNS_TIMEOUT, 0,
        NEWER ? 0 : 390, false},
    {"right after all that", "mx.example.com", DNS_A, DNS_OK, 2, 0, false},
};

static void
tells_each_answer_and_failure_apart(void **state)
{
    struct dns *dns = dns_to(server.address, 400, 20000);

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct row *row = &rows[i];
        struct dns_context *context = dns_context_new(dns);
        uint64_t start = now_ms();
        const struct dns_answer *answer;

        print_message("# %s\n", row->what);
        answer = dns_wait(context, dns_ask(context, span_of(row->name), row->type));
        assert_string_equal(
            dns_status_name(answer->status), dns_status_name(row->status));
        assert_int_equal(answer->count, row->count);
        assert_int_equal(answer->secure, row->secure);
        assert_true(now_ms() - start >= row->least_ms);
        assert_true(now_ms() - start < 3000);
        dns_context_free(context);
    }
    dns_free(dns);
}

static void
gives_the_content_of_records(void **state)
{
    struct dns *dns = dns_to(server.address, 2000, 20000);
    struct dns_context *context = dns_context_new(dns);
    struct dns_lookup lookup = dns_context_lookup(context);
    const struct dns_answer *text = dns_lookup_one(&lookup, SPAN("example.com"), DNS_TXT);
    const struct dns_answer *mail = dns_lookup_one(&lookup, SPAN("example.com"), DNS_MX);
    const struct dns_answer *address =
        dns_lookup_one(&lookup, SPAN("www.example.com"), DNS_A);
    const struct dns_answer *huge = dns_lookup_one(&lookup, SPAN("huge.test"), DNS_TXT);

    (void)state;
    assert_true(span_equal(text->records[0].text, SPAN("v=spf1 mx -all")));
    assert_true(span_equal(text->records[1].text, SPAN("ab\0c")));
    assert_true(span_equal(mail->records[0].text, SPAN("mx.example.com")));
    assert_int_equal(mail->records[1].text.length, 0);
    assert_true(span_equal(mail->records[2].text, SPAN(".")));
    assert_int_equal(mail->records[2].preference, 30);
    assert_memory_equal(address->records[1].address, "\xc0\x00\x02\x02", 4);
    assert_true(span_equal(address->owner, SPAN("mx.example.com")));
    assert_int_equal(address->ttl, 60);
    assert_int_equal(huge->records[0].text.length, 240 * HUGE_STRINGS);
    dns_context_free(context);
    dns_free(dns);
}

static void
open_questions_run_at_the_same_time(void **state)
{
    struct dns *dns = dns_to(server.address, 2000, 20000);
    struct dns_context *context = dns_context_new(dns);
    uint64_t start = now_ms();
    struct dns_question *first = dns_ask(context, SPAN("slow.test"), DNS_A);
    struct dns_question *second = dns_ask(context, SPAN("slow2.test"), DNS_A);

    (void)state;
    assert_int_equal(dns_wait(context, second)->status, DNS_OK);
    assert_int_equal(dns_wait(context, first)->status, DNS_OK);
    assert_true(now_ms() - start < 550);
    assert_ptr_equal(dns_ask(context, SPAN("SLOW.test"), DNS_A), first);
    assert_true(dns_ask(context, SPAN("slow.test"), DNS_AAAA) != first);
    dns_context_free(context); /* with one still open */
    dns_free(dns);
}

static void
the_message_has_one_budget(void **state)
{
    struct dns *dns = dns_to(server.address, 300, 500);
    struct dns_context *context = dns_context_new(dns);
    uint64_t start = now_ms();

    (void)state;
    assert_int_equal(
        dns_wait(context, dns_ask(context, SPAN("silent.test"), DNS_A))->status,
        DNS_TIMEOUT);
    /* Time that nobody waits is free. */
    (void)usleep(300000);
    assert_int_equal(
        dns_wait(context, dns_ask(context, SPAN("mx.example.com"), DNS_A))->status,
        DNS_OK);
    assert_int_equal(
        dns_wait(context, dns_ask(context, SPAN("silent2.test"), DNS_A))->status,
        DNS_TIMEOUT);
    assert_in_range(now_ms() - start, 750, 1100);
    start = now_ms();
    assert_int_equal(
        dns_wait(context, dns_ask(context, SPAN("example.com"), DNS_TXT))->status,
        DNS_TIMEOUT);
    assert_true(now_ms() - start < 50);
    dns_context_reset(context);
    assert_int_equal(
        dns_wait(context, dns_ask(context, SPAN("example.com"), DNS_TXT))->status,
        DNS_OK);
    dns_context_free(context);
    dns_free(dns);
}

static void
a_limit_leaves_time_for_others(void **state)
{
    struct dns *dns = dns_to(server.address, 2000, 2000);
    struct dns_context *context = dns_context_new(dns);
    uint64_t start = now_ms();

    (void)state;
    dns_context_limit(context, 200);
    assert_int_equal(
        dns_wait(context, dns_ask(context, SPAN("silent.test"), DNS_A))->status,
        DNS_TIMEOUT);
    assert_in_range(now_ms() - start, 190, 600);
    assert_int_equal(
        dns_wait(context, dns_ask(context, SPAN("slow.test"), DNS_A))->status,
        DNS_TIMEOUT);
    dns_context_limit(context, UINT64_MAX);
    assert_int_equal(
        dns_wait(context, dns_ask(context, SPAN("slow.test"), DNS_A))->status, DNS_OK);
    dns_context_free(context);
    dns_free(dns);
}

/* What one of them has used up is nothing to the other. */
static void
a_twin_has_time_of_its_own(void **state)
{
    struct dns *dns = dns_to(server.address, 300, 400);
    struct dns_context *context = dns_context_new(dns);
    struct dns_context *twin = dns_context_new_twin(context);
    struct dns_question *open = dns_ask(twin, SPAN("example.com"), DNS_TXT);

    (void)state;
    assert_int_equal(
        dns_wait(context, dns_ask(context, SPAN("silent.test"), DNS_A))->status,
        DNS_TIMEOUT);
    assert_int_equal(
        dns_wait(context, dns_ask(context, SPAN("silent2.test"), DNS_A))->status,
        DNS_TIMEOUT);
    assert_int_equal(
        dns_wait(context, dns_ask(context, SPAN("mx.example.com"), DNS_A))->status,
        DNS_TIMEOUT);
    assert_int_equal(dns_wait(twin, open)->status, DNS_OK);
    assert_int_equal(
        dns_wait(twin, dns_ask(twin, SPAN("mx.example.com"), DNS_A))->status, DNS_OK);
    /* With questions of both open. */
    (void)dns_ask(twin, SPAN("silent.test"), DNS_AAAA);
    dns_context_reset(context);
    (void)dns_ask(context, SPAN("silent.test"), DNS_TXT);
    dns_context_reset(twin);
    assert_int_equal(
        dns_wait(context, dns_ask(context, SPAN("example.com"), DNS_TXT))->status,
        DNS_OK);
    (void)dns_ask(context, SPAN("silent2.test"), DNS_TXT);
    dns_context_free(twin);
    dns_context_free(context);
    dns_free(dns);
}

static void
an_end_ends_all(void **state)
{
    struct dns *dns = dns_to(server.address, 2000, 20000);
    struct dns_context *context = dns_context_new(dns);
    struct dns_question *open = dns_ask(context, SPAN("silent.test"), DNS_A);
    struct dns_question *done = dns_ask(context, SPAN("mx.example.com"), DNS_A);
    uint64_t start = now_ms();

    (void)state;
    assert_int_equal(dns_wait(context, done)->status, DNS_OK);
    dns_cancel(context);
    assert_int_equal(dns_wait(context, open)->status, DNS_TIMEOUT);
    assert_int_equal(dns_wait(context, done)->status, DNS_OK);
    assert_true(now_ms() - start < 1000);
    assert_int_equal(
        dns_wait(context, dns_ask(context, SPAN("example.com"), DNS_TXT))->status,
        DNS_OK);
    dns_context_free(context);
    dns_free(dns);
}

static void
questions_have_a_ceiling(void **state)
{
    struct dns *dns = dns_to(server.address, 2000, 20000);
    struct dns_context *context = dns_context_new(dns);
    char name[32];

    (void)state;
    for (int i = 0; i <= DNS_QUESTIONS_MAX; i++) {
        (void)snprintf(name, sizeof(name), "n%d.example.com", i);
        assert_int_equal(
            dns_wait(context, dns_ask(context, span_of(name), DNS_A))->status,
            i < DNS_QUESTIONS_MAX ? DNS_NXDOMAIN : DNS_LOCAL);
    }
    dns_context_free(context);
    dns_free(dns);
}

static void
nobody_at_the_port_is_told_at_once(void **state)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    char text[32];
    struct dns *dns;
    struct dns_context *context;
    uint64_t start = now_ms();

    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    (void)snprintf(text, sizeof(text), "127.0.0.1@%u", ntohs(address.sin_port));
    (void)close(fd);
    dns = dns_to(text, 2000, 20000);
    context = dns_context_new(dns);
    assert_int_equal(
        dns_wait(context, dns_ask(context, SPAN("example.com"), DNS_A))->status,
        DNS_LOCAL);
    assert_true(now_ms() - start < 1000);
    dns_context_free(context);
    dns_free(dns);
}

static void
believes_no_server_where_it_is_told_to(void **state)
{
    const char *servers[] = {server.address};
    struct dns_config config = {{servers, 1}, 2000, 20000, DNS_TRUST_NO};
    struct error error;
    struct dns *dns = dns_new(&config, NULL, &error);
    struct dns_context *context = dns_context_new(dns);
    const struct dns_answer *answer;

    (void)state;
    answer = dns_wait(context, dns_ask(context, SPAN("signed.example.org"), DNS_TXT));
    assert_int_equal(answer->status, DNS_OK);
    assert_false(answer->secure);
    dns_context_free(context);
    dns_free(dns);
}

static void
servers_are_addresses(void **state)
{
    static const struct {
        const char *server;
        bool good;
    } servers[] = {
        {"127.0.0.1", true},
        {"127.0.0.1@5353", true},
        {"::1", true},
        {"::1@53", true},
        {"2001:db8::1@530", true},
        {"localhost", false},
        {"127.0.0.1:53", false},
        {"127.0.0.1@", false},
        {"127.0.0.1@0", false},
        {"127.0.0.1@65536", false},
        {"127.0.0.1@53@53", false},
        {"[::1]@53", false},
        {"fe80::1%eth0@53", false},
        {"", false},
    };
    struct error error;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(servers); i++) {
        const char *items[] = {servers[i].server};
        struct config_list list = {items, 1};

        print_message("# %s\n", servers[i].server);
        assert_int_equal(dns_servers_check(&list, &error), servers[i].good);
    }
}

enum { THREADS = 8, ROUNDS = 40 };

static void *
ask_often(void *argument)
{
    struct dns *dns = argument;
    struct dns_context *context = dns_context_new(dns);
    uintptr_t wrong = 0;

    for (int i = 0; i < ROUNDS; i++) {
        struct dns_question *text = dns_ask(context, SPAN("example.com"), DNS_TXT);
        struct dns_question *mail = dns_ask(context, SPAN("example.com"), DNS_MX);

        wrong +=
            dns_wait(context, mail)->count != 3 || dns_wait(context, text)->count != 2;
        dns_context_reset(context);
    }
    dns_context_free(context);
    return (void *)wrong;
}

static void
count(void *context, enum dns_status status, uint64_t microseconds)
{
    unsigned *counted = context;

    if (status == DNS_OK && microseconds < 10000000)
        (void)__atomic_add_fetch(counted, 1, __ATOMIC_RELAXED);
}

static void
threads_ask_at_once(void **state)
{
    const char *servers[] = {server.address};
    struct dns_config config = {{servers, 1}, 5000, 20000, DNS_TRUST_LOOPBACK};
    unsigned counted = 0;
    struct dns_observer observer = {count, &counted};
    struct error error;
    struct dns *dns = dns_new(&config, &observer, &error);
    pthread_t threads[THREADS];

    (void)state;
    assert_non_null(dns);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, dns), 0);
    for (int i = 0; i < THREADS; i++) {
        void *wrong;

        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    assert_int_equal(counted, 2 * THREADS * ROUNDS);
    dns_free(dns);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_each_answer_and_failure_apart),
        cmocka_unit_test(gives_the_content_of_records),
        cmocka_unit_test(open_questions_run_at_the_same_time),
        cmocka_unit_test(the_message_has_one_budget),
        cmocka_unit_test(a_limit_leaves_time_for_others),
        cmocka_unit_test(a_twin_has_time_of_its_own),
        cmocka_unit_test(an_end_ends_all),
        cmocka_unit_test(questions_have_a_ceiling),
        cmocka_unit_test(nobody_at_the_port_is_told_at_once),
        cmocka_unit_test(believes_no_server_where_it_is_told_to),
        cmocka_unit_test(servers_are_addresses),
        cmocka_unit_test(threads_ask_at_once),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
