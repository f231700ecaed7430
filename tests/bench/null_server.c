/*
 * null_server - the least that a server of these protocols can do, as the measure of
 * ours.
 *
 *     null_server socketmap|policy PATH
 *
 * One loop of libevent, one read, the framing, one write: it answers every request with
 * the same octets.
 */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ROOM = 16384 };

static const char socketmap_answer[] = "32:OK cutover-old:[192.0.2.10]:2525,";
static const char policy_answer[] = "action=DUNNO\n\n";

static bool is_policy;

struct connection {
    struct event *event;
    size_t length;
    char input[ROOM];
};

/* The length of the first whole request, or 0. */
static size_t
request_length(const char *data, size_t length)
{
    const char *end;
    char *colon;
    size_t body;

    if (is_policy) {
        end = memmem(data, length, "\n\n", 2);
        return end == NULL ? 0 : (size_t)(end - data) + 2;
    }
    if (memchr(data, ':', length) == NULL)
        return 0;
    body = strtoul(data, &colon, 10) + (size_t)(colon - data) + 2;
    return body <= length ? body : 0;
}

static void
on_readable(int fd, short what, void *argument)
{
    struct connection *connection = argument;
    char output[ROOM];
    size_t done = 0;
    size_t written = 0;
    size_t used;
    ssize_t count =
        read(fd, connection->input + connection->length, ROOM - connection->length);
    const char *answer = is_policy ? policy_answer : socketmap_answer;
    size_t answer_length = strlen(answer);

    (void)what;
    if (count <= 0) {
        event_free(connection->event);
        (void)close(fd);
        free(connection);
        return;
    }
    connection->length += (size_t)count;
    while (written + answer_length <= sizeof(output) &&
           (used = request_length(connection->input + done, connection->length - done)) >
               0) {
        memcpy(output + written, answer, answer_length);
        written += answer_length;
        done += used;
    }
    connection->length -= done;
    memmove(connection->input, connection->input + done, connection->length);
    if (written > 0 && write(fd, output, written) != (ssize_t)written)
        abort();
}

static void
on_connection(int fd, short what, void *argument)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)what;
    if (client < 0 || connection == NULL) {
        free(connection);
        return;
    }
    connection->event =
        event_new(argument, client, EV_READ | EV_PERSIST, on_readable, connection);
    (void)event_add(connection->event, NULL);
}

int
main(int argc, char **argv)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct event_base *base = event_base_new();
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (argc != 3 || strlen(argv[2]) >= sizeof(address.sun_path) || base == NULL) {
        (void)fprintf(stderr, "usage: null_server socketmap|policy PATH\n");
        return EXIT_FAILURE;
    }
    is_policy = strcmp(argv[1], "policy") == 0;
    memcpy(address.sun_path, argv[2], strlen(argv[2]) + 1);
    (void)unlink(argv[2]);
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(fd, 128) != 0) {
        perror(argv[2]);
        return EXIT_FAILURE;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    (void)event_add(event_new(base, fd, EV_READ | EV_PERSIST, on_connection, base), NULL);
    return event_base_dispatch(base) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
