/*
 * smtp_load - hands messages to an SMTP server, one a session, many sessions at a time,
 * as servers on the internet do.
 *
 *     smtp_load ADDRESS PORT SESSIONS SECONDS RECIPIENT FILE...
 *
 * Each session says first, by the PROXY protocol, that it comes from 192.0.2.2; the
 * server's port has smtpd_upstream_proxy_protocol = haproxy.  MAIL, RCPT and DATA go in
 * one write.  A file is what follows DATA, dots doubled, with its last dot; they take
 * turns.  SECONDS 0: one message for each session, no more.
 *
 * Prints one JSON object: accepted, refused, the last refusal, the seconds it took, and
 * how long one session took from its connection to the answer, in milliseconds.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SESSIONS_MAX = 256, FILES_MAX = 512, SAMPLES_MAX = 1 << 20, REPLY_ROOM = 4096 };

static const char GREETING[] =
    "PROXY TCP4 192.0.2.2 192.0.2.25 40000 25\r\n"; /* before the server's own */

enum step {
    STEP_BANNER,
    STEP_HELO,
    STEP_MAIL,
    STEP_RCPT,
    STEP_DATA,
    STEP_END,
    STEP_QUIT
};

struct session {
    int fd;
    enum step step;
    uint64_t began_ns;
    size_t used;
    char reply[REPLY_ROOM];
};

struct message {
    char *text;
    size_t length;
};

static struct sockaddr_in server = {.sin_family = AF_INET};
static struct message messages[FILES_MAX];
static size_t message_count;
static size_t next_message;
static char envelope[1024];
static double *samples;
static size_t accepted;
static size_t refused;
static char refusal[200];

static void
fail(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

static uint64_t
clock_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static struct message
message_read(const char *path)
{
    struct message message = {0};
    FILE *file = fopen(path, "rb");
    long length;

    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (length = ftell(file)) <= 0)
        fail(path);
    rewind(file);
    message.length = (size_t)length;
    message.text = malloc(message.length);
    if (message.text == NULL ||
        fread(message.text, 1, message.length, file) != message.length)
        fail(path);
    (void)fclose(file);
    return message;
}

/* A socket has room for all that is written at a time. */
static void
say(struct session *session, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t count = send(session->fd, text, length, MSG_NOSIGNAL);

        if (count <= 0)
            return; /* it hung up: its reading tells */
        text += count;
        length -= (size_t)count;
    }
}

static void
session_open(struct session *session)
{
    int on = 1;
    int room = 1 << 18;

    session->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    session->step = STEP_BANNER;
    session->used = 0;
    session->began_ns = clock_ns();
    if (session->fd < 0)
        fail("socket");
    (void)setsockopt(session->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(session->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    if (connect(session->fd, (const struct sockaddr *)&server, sizeof(server)) != 0)
        fail("connect");
    say(session, GREETING, sizeof(GREETING) - 1);
}

static void
session_close(struct session *session)
{
    (void)close(session->fd);
    session->fd = -1;
}

static void
note_refusal(const char *line)
{
    refused++;
    (void)snprintf(refusal, sizeof(refusal), "%s", line);
    for (char *at = refusal; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\' || (unsigned char)*at < ' ')
            *at = '\'';
    }
}

/* False where the session is over. */
static bool
on_reply(struct session *session, const char *line)
{
    static const char hello[] = "EHLO mx2.sender.example\r\n";
    static const char quit[] = "QUIT\r\n";
    static const char wanted[] = {'2', '2', '2', '2', '3', '2', '2'};
    const struct message *message;

    if (line[0] != wanted[session->step]) {
        note_refusal(line);
        return false;
    }
    switch (session->step) {
    case STEP_BANNER:
        say(session, hello, sizeof(hello) - 1);
        break;
    case STEP_HELO:
        say(session, envelope, strlen(envelope));
        break;
    case STEP_DATA:
        message = &messages[next_message++ % message_count];
        say(session, message->text, message->length);
        say(session, quit, sizeof(quit) - 1);
        break;
    case STEP_END:
        if (accepted < SAMPLES_MAX)
            samples[accepted] = (double)(clock_ns() - session->began_ns) / 1e6;
        accepted++;
        break;
    case STEP_QUIT:
        return false;
    case STEP_MAIL:
    case STEP_RCPT:
        break;
    }
    session->step++;
    return true;
}

/* False where the session is over. */
static bool
session_read(struct session *session)
{
    ssize_t count = recv(
        session->fd, session->reply + session->used, REPLY_ROOM - 1 - session->used, 0);
    char *line = session->reply;
    char *end;

    if (count <= 0) {
        note_refusal("the server hung up");
        return false;
    }
    session->used += (size_t)count;
    session->reply[session->used] = '\0';
    while ((end = strchr(line, '\n')) != NULL) {
        *end = '\0';
        /* Of several lines the last one counts. */
        if (strlen(line) > 3 && line[3] != '-' && !on_reply(session, line))
            return false;
        line = end + 1;
    }
    session->used = strlen(line);
    memmove(session->reply, line, session->used + 1);
    return true;
}

static int
compare(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return (a > b) - (a < b);
}

static void
work(size_t count, uint64_t end_ns)
{
    static struct session sessions[SESSIONS_MAX];
    static struct pollfd polls[SESSIONS_MAX];
    size_t open = count;

    for (size_t i = 0; i < count; i++) {
        session_open(&sessions[i]);
        polls[i] = (struct pollfd){sessions[i].fd, POLLIN, 0};
    }
    while (open > 0) {
        if (poll(polls, count, 60000) <= 0)
            fail("poll");
        for (size_t i = 0; i < count; i++) {
            if (polls[i].fd < 0 || polls[i].revents == 0 || session_read(&sessions[i]))
                continue;
            session_close(&sessions[i]);
            if (clock_ns() < end_ns)
                session_open(&sessions[i]);
            else
                open--;
            polls[i].fd = sessions[i].fd;
        }
    }
}

int
main(int argc, char **argv)
{
    size_t count = argc > 6 ? (size_t)strtoul(argv[3], NULL, 10) : 0;
    uint64_t began_ns;
    size_t kept;

    if (count < 1 || count > SESSIONS_MAX || argc - 6 > FILES_MAX ||
        inet_pton(AF_INET, argv[1], &server.sin_addr) != 1) {
        (void)fprintf(
            stderr, "usage: smtp_load ADDRESS PORT SESSIONS SECONDS RECIPIENT FILE...\n");
        return EXIT_FAILURE;
    }
    server.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
    (void)snprintf(envelope, sizeof(envelope),
        "MAIL FROM:<a@sender.example>\r\nRCPT TO:<%s>\r\nDATA\r\n", argv[5]);
    for (int i = 6; i < argc; i++)
        messages[message_count++] = message_read(argv[i]);
    samples = calloc(SAMPLES_MAX, sizeof(*samples));
    if (samples == NULL)
        fail("memory");
    began_ns = clock_ns();
    work(count, began_ns + (uint64_t)(strtod(argv[4], NULL) * 1e9));
    kept = accepted < SAMPLES_MAX ? accepted : SAMPLES_MAX;
    qsort(samples, kept, sizeof(*samples), compare);
    (void)printf("{\"accepted\": %zu, \"refused\": %zu, \"refusal\": \"%s\", "
                 "\"seconds\": %.3f, \"median_ms\": %.2f, "
                 "\"p99_ms\": %.2f}\n",
        accepted, refused, refusal, (double)(clock_ns() - began_ns) / 1e9,
        kept ? samples[kept / 2] : 0.0, kept ? samples[kept * 99 / 100] : 0.0);
    return EXIT_SUCCESS;
}
