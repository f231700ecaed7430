/*
 * load - asks a server as Postfix does, one request under way a connection, and says what
 * it cost.
 *
 *     load socketmap|policy PATH PID CONNECTIONS SECONDS USERS
 *
 * Addresses are user0@example.com to userN@example.com, in an order that caches don't
 * like.  Prints one JSON object: requests, CPU of the server by request, latencies, in
 * nanoseconds.
 */
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 512, SAMPLES_MAX = 1 << 22, ROOM = 4096 };

static bool is_policy;
static uint64_t users;
static uint64_t state = 88172645463325252;
static uint64_t *samples;
static size_t sample_count;

struct connection {
    int fd;
    uint64_t sent_ns;
};

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

/* Time on a processor as the scheduler counts it. */
static uint64_t
cpu_ns(const char *pid)
{
    char path[64];
    unsigned long long spent = 0;
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/%s/schedstat", pid);
    file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%llu", &spent) != 1)
        fail(path);
    (void)fclose(file);
    return spent;
}

static uint64_t
next_user(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % users;
}

static void
ask(struct connection *connection)
{
    char text[ROOM];
    char key[64];
    unsigned long long number = next_user();
    int length = snprintf(key, sizeof(key), "%s%llu@example.com",
        state >> 40 & 1 ? "user" : "pinned", number);

    if (is_policy)
        length = snprintf(text, sizeof(text),
            "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n"
            "client_address=192.0.2.9\nclient_name=mail.outside.example\nclient_port="
            "51234\n"
            "reverse_client_name=mail.outside.example\nserver_address=192.0.2.1\nserver_"
            "port=25\n"
            "helo_name=mail.outside.example\nsender=somebody@outside.example\nrecipient=%"
            "s\n"
            "recipient_count=0\nqueue_id=\ninstance=1f4.6741b2c8.3b2e1.0\nsize=12345\n"
            "etrn_domain=\nstress=\nsasl_method=\nsasl_username=\nsasl_sender=\nccert_"
            "subject=\n"
            "ccert_issuer=\nccert_fingerprint=\nccert_pubkey_fingerprint=\nencryption_"
            "protocol=\n"
            "encryption_cipher=\nencryption_keysize=0\npolicy_context=\n\n",
            key);
    else
        length = snprintf(text, sizeof(text), "%d:transport %s,", length + 10, key);
    connection->sent_ns = clock_ns();
    if (write(connection->fd, text, (size_t)length) != length)
        fail("write");
}

/* Our requests are small and each has one answer: an answer comes in one piece. */
static void
take_answer(struct connection *connection)
{
    char text[ROOM];
    ssize_t count = read(connection->fd, text, sizeof(text));

    if (count <= 0)
        fail("read");
    if (sample_count < SAMPLES_MAX)
        samples[sample_count] = clock_ns() - connection->sent_ns;
    sample_count++;
}

static int
compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;

    return (a > b) - (a < b);
}

static int
connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
        fail(path);
    return fd;
}

int
main(int argc, char **argv)
{
    static struct connection connections[CONNECTIONS_MAX];
    static struct pollfd polls[CONNECTIONS_MAX];
    size_t count = argc == 7 ? (size_t)strtoul(argv[4], NULL, 10) : 0;
    uint64_t end_ns;
    uint64_t cpu;
    size_t kept;

    if (count < 1 || count > CONNECTIONS_MAX) {
        (void)fprintf(
            stderr, "usage: load socketmap|policy PATH PID CONNECTIONS SECONDS USERS\n");
        return EXIT_FAILURE;
    }
    is_policy = strcmp(argv[1], "policy") == 0;
    users = strtoull(argv[6], NULL, 10);
    samples = calloc(SAMPLES_MAX, sizeof(*samples));
    if (samples == NULL)
        fail("memory");
    for (size_t i = 0; i < count; i++) {
        connections[i].fd = connect_to(argv[2]);
        polls[i] = (struct pollfd){connections[i].fd, POLLIN, 0};
    }
    cpu = cpu_ns(argv[3]);
    end_ns = clock_ns() + (uint64_t)(strtod(argv[5], NULL) * 1e9);
    for (size_t i = 0; i < count; i++)
        ask(&connections[i]);
    while (clock_ns() < end_ns) {
        if (poll(polls, count, 1000) < 0)
            fail("poll");
        for (size_t i = 0; i < count; i++) {
            if (polls[i].revents == 0)
                continue;
            take_answer(&connections[i]);
            ask(&connections[i]);
        }
    }
    cpu = cpu_ns(argv[3]) - cpu;
    kept = sample_count < SAMPLES_MAX ? sample_count : SAMPLES_MAX;
    if (kept == 0)
        fail("no answers");
    qsort(samples, kept, sizeof(*samples), compare);
    (void)printf("{\"requests\": %zu, \"cpu_ns\": %.1f, \"median_ns\": %llu, \"p99_ns\": "
                 "%llu, \"max_ns\": %llu}\n",
        sample_count, (double)cpu / (double)sample_count,
        (unsigned long long)samples[kept / 2],
        (unsigned long long)samples[kept * 99 / 100],
        (unsigned long long)samples[kept - 1]);
    return EXIT_SUCCESS;
}
