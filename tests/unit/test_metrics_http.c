/*
 * The HTTP side: who is answered what, and in which time.
 */
#include "tests/unit/unit.h"

#include "shared/base/attributes.h"
#include "shared/service/listen.h"
#include "shared/service/metrics_http.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS = 70 };

static struct socket_address address = {
    .kind = SOCKET_INET, .host = "127.61.7.1", .port = 24392};
static pid_t server;

static bool
is_healthy(void *argument, struct buffer *why)
{
    const int *asked = argument;

    (void)buffer_append_text(why, *asked == 0 ? "" : "redis is away\n");
    return *asked == 0;
}

static int
answer_page(void *argument, const char *path, const char *query, struct buffer *body,
    const char **content_type)
{
    int *unhealthy = argument;

    if (strcmp(path, "/sick") == 0)
        *unhealthy = 1;
    if (strcmp(path, "/well") == 0)
        *unhealthy = 0;
    if (strcmp(path, "/huge") == 0) {
        while (buffer_append_text(body, "0123456789abcdef"))
            continue;
        return 200;
    }
    if (strcmp(path, "/large") == 0) {
        for (int i = 0; i < 1 << 16; i++)
            buffer_append_text(body, "0123456789abcdef");
        return 200;
    }
    if (strcmp(path, "/route.json") == 0) {
        *content_type = "application/json";
        buffer_append_octet(body, '<');
        if (!metrics_http_query(query, "address", body))
            return 400;
        buffer_append_octet(body, '>');
        return 200;
    }
    return 404;
}

/* Serves on `where`; NULL: it can't listen there. */
static struct metrics_http *
start_http(struct event_base *base, const struct socket_address *where,
    struct metrics *metrics, int *unhealthy)
{
    int fds[LISTEN_FDS_MAX];
    struct error error;
    size_t count;
    struct metrics_http *http;

    if (!listen_open(where, NULL, fds, &count, &error))
        return NULL;
    http = metrics_http_new(base, where, metrics, is_healthy, answer_page, unhealthy);
    server_listen(metrics_http_server(http), fds[0]);
    return http;
}

static void
serve(int ready)
{
    struct event_base *base = event_base_new();
    struct metrics *metrics = metrics_new("postshift-x", NULL, 0);
    int unhealthy = 0;

    (void)signal(SIGPIPE, SIG_IGN);
    if (start_http(base, &address, metrics, &unhealthy) == NULL ||
        write(ready, "r", 1) != 1)
        _exit(1);
    (void)event_base_dispatch(base);
    _exit(2);
}

static int
start_server(void **state)
{
    int ends[2];
    char octet;

    (void)state;
    if (pipe(ends) != 0)
        return -1;
    server = fork();
    if (server == 0)
        serve(ends[1]);
    (void)close(ends[1]);
    if (read(ends[0], &octet, 1) != 1)
        return -1;
    (void)close(ends[0]);
    return 0;
}

static int
stop_server(void **state)
{
    int status;

    (void)state;
    /* One that died has failed, whatever it answered. */
    if (waitpid(server, &status, WNOHANG) != 0)
        return -1;
    (void)kill(server, SIGKILL);
    return waitpid(server, &status, 0) == server ? 0 : -1;
}

static int
connect_to_server(void)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)address.port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(inet_pton(AF_INET, address.host, &to.sin_addr), 1);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

/* All that comes until the server closes, NUL behind it. */
static const char *
read_all(int fd)
{
    static char text[4 << 20];
    size_t length = 0;
    ssize_t count;

    while ((count = read(fd, text + length, sizeof(text) - 1 - length)) > 0)
        length += (size_t)count;
    text[length] = '\0';
    return text;
}

static const char *
ask(const char *request)
{
    int fd = connect_to_server();
    const char *text;

    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    text = read_all(fd);
    (void)close(fd);
    return text;
}

static const char *
body_of(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");

    return end == NULL ? "no end of the head" : end + 4;
}

static void
answers_by_method_path_and_host(void **state)
{
    static const struct {
        const char *what;
        const char *request;
        int status;
        const char *body; /* NULL: whatever */
    } rows[] = {
        /* clang-format off */
        {"health", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 200, "ok\n"},
        {"an old client", "GET /healthz HTTP/1.0\r\n\r\n", 200, "ok\n"},
        {"with a port", "GET /healthz HTTP/1.1\r\nHost: 127.61.7.1:24392\r\n\r\n", 200, "ok\n"},
        {"through a tunnel", "GET /healthz HTTP/1.1\r\nHost: LOCALHOST:9\r\n\r\n", 200, "ok\n"},
        {"another loopback address", "GET /healthz HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200, "ok\n"},
        {"a rebound name", "GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421, NULL},
        {"a name that looks like it", "GET /healthz HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n", 421, NULL},
        {"another address", "GET /healthz HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n", 421, NULL},
        {"no name at all", "GET /healthz HTTP/1.1\r\nHost:\r\n\r\n", 421, NULL},
        {"a foreign target", "GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 421, NULL},
        {"no Host", "GET /healthz HTTP/1.1\r\n\r\n", 400, NULL},
        {"two of them", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", 400, NULL},
        {"another method", "POST /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 405, NULL},
        {"with a body", "POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", 405, NULL},
        {"an unknown method", "BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405, NULL},
        {"a body where none is", "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", 413, NULL},
        {"an unknown path", "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", 404, ""},
        {"a path that only begins so", "GET /metrics/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 404, ""},
        {"a page with a query", "GET /route.json?address=a%40b+c HTTP/1.1\r\nHost: localhost\r\n\r\n", 200, "<a@b+c>"},
        {"a bad query", "GET /route.json?address=%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, NULL},
        {"HEAD", "HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 200, ""},
        {"a page too large", "GET /huge HTTP/1.1\r\nHost: localhost\r\n\r\n", 500, NULL},
        {"nonsense", "\x16\x03\x01\x02\r\n\r\n", 400, NULL},
        /* clang-format on */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const char *answer = ask(rows[i].request);
        char line[32];

        print_message("# %s: %.40s\n", rows[i].what, answer);
        (void)snprintf(line, sizeof(line), "HTTP/1.1 %d ", rows[i].status);
        assert_true(span_starts(span_of(answer), span_of(line)));
        assert_non_null(strstr(answer, "\r\nConnection: close\r\n"));
        assert_int_equal(
            strstr(answer, "\r\nAllow: GET, HEAD\r\n") != NULL, rows[i].status == 405);
        if (rows[i].body != NULL)
            assert_string_equal(body_of(answer), rows[i].body);
    }
    assert_non_null(
        strstr(ask("HEAD /healthz HTTP/1.0\r\n\r\n"), "Content-Length: 3\r\n"));
}

static void
serves_metrics_and_health(void **state)
{
    const char *answer = ask("GET /metrics HTTP/1.0\r\n\r\n");

    (void)state;
    assert_non_null(strstr(answer, "Content-Type: text/plain; version=0.0.4"));
    assert_non_null(strstr(answer, "\npostshift_build_info{program=\"postshift-x\""));
    assert_non_null(strstr(answer, "\nprocess_open_fds "));
    (void)ask("GET /sick HTTP/1.0\r\n\r\n");
    answer = ask("GET /healthz HTTP/1.0\r\n\r\n");
    assert_true(span_starts(span_of(answer), SPAN("HTTP/1.1 503 ")));
    assert_string_equal(body_of(answer), "redis is away\n");
    (void)ask("GET /well HTTP/1.0\r\n\r\n");
    assert_string_equal(body_of(ask("GET /healthz HTTP/1.0\r\n\r\n")), "ok\n");
}

static void
answers_one_who_has_closed_his_side(void **state)
{
    const char *request = "GET /large HTTP/1.0\r\n\r\n";
    int fd = connect_to_server();

    (void)state;
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    assert_int_equal(strlen(body_of(read_all(fd))), 1 << 20);
    (void)close(fd);
}

static void
survives_garbage_and_floods(void **state)
{
    char octets[20000];

    (void)state;
    srandom(7);
    for (int round = 0; round < 50; round++) {
        int fd = connect_to_server();

        for (size_t i = 0; i < sizeof(octets); i++)
            octets[i] = (char)random();
        (void)send(fd, octets, sizeof(octets), MSG_NOSIGNAL);
        if (round % 2 == 0)
            assert_true(span_starts(span_of(read_all(fd)), SPAN("HTTP/1.1 4")));
        (void)close(fd);
    }
    memset(octets, 'x', sizeof(octets));
    octets[sizeof(octets) - 1] = '\0';
    assert_true(span_starts(span_of(ask(octets)), SPAN("HTTP/1.1 431 ")));
    assert_string_equal(body_of(ask("GET /healthz HTTP/1.0\r\n\r\n")), "ok\n");
}

static double
seconds_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
gives_a_slow_client_five_seconds(void **state)
{
    int fd = connect_to_server();
    double start = seconds_now();
    struct pollfd closed = {.fd = fd, .events = POLLIN};

    (void)state;
    /* An octet each quarter of a second doesn't buy time. */
    while (poll(&closed, 1, 250) == 0 && seconds_now() - start < 20)
        assert_int_equal(send(fd, "G", 1, MSG_NOSIGNAL), 1);
    assert_string_equal(read_all(fd), "");
    assert_true(seconds_now() - start > 4.5 && seconds_now() - start < 10);
    (void)close(fd);
}

static void
closes_the_oldest_of_too_many(void **state)
{
    static const char request[] = "GET /healthz HTTP/1.0\r\n\r\n";
    int fds[CLIENTS];

    (void)state;
    for (size_t i = 0; i < CLIENTS; i++)
        fds[i] = connect_to_server();
    assert_true(send(fds[CLIENTS - 1], request, strlen(request), MSG_NOSIGNAL) > 0);
    assert_string_equal(body_of(read_all(fds[CLIENTS - 1])), "ok\n");
    for (size_t i = 0; i < CLIENTS - 64; i++) {
        struct pollfd closed = {.fd = fds[i], .events = POLLIN};

        assert_int_equal(poll(&closed, 1, 2000), 1);
    }
    for (size_t i = 0; i < CLIENTS; i++)
        (void)close(fds[i]);
}

static void
stops_with_clients_on_it(void **state)
{
    struct socket_address other = {
        .kind = SOCKET_INET, .host = "127.61.7.2", .port = 24392};
    struct event_base *base = event_base_new();
    struct metrics *metrics = metrics_new("postshift-x", NULL, 0);
    struct metrics_http *http = start_http(base, &other, metrics, NULL);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(24392)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    assert_non_null(http);
    assert_int_equal(inet_pton(AF_INET, other.host, &to.sin_addr), 1);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    (void)event_base_loop(base, EVLOOP_ONCE);
    metrics_http_free(http);
    event_base_free(base);
    assert_string_equal(read_all(fd), "");
    (void)close(fd);
    metrics_free(metrics);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_by_method_path_and_host),
        cmocka_unit_test(serves_metrics_and_health),
        cmocka_unit_test(answers_one_who_has_closed_his_side),
        cmocka_unit_test(survives_garbage_and_floods),
        cmocka_unit_test(gives_a_slow_client_five_seconds),
        cmocka_unit_test(closes_the_oldest_of_too_many),
        cmocka_unit_test(stops_with_clients_on_it),
    };

    return cmocka_run_group_tests_name("metrics_http", tests, start_server, stop_server);
}
