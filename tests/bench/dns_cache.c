/*
 * dns_cache - a resolver that remembers, as a gateway has one: it asks another server
 * once for each question and gives the same answer ever after.
 *
 *     dns_cache ADDRESS UPSTREAM
 *
 * Both on port 53, UDP alone; prints `listening` once it answers.  A question is known
 * again by its octets behind the id.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { PACKET_MAX = 4096, KNOWN_MAX = 1024, ID = 2 };

struct known {
    size_t question_length;
    size_t answer_length;
    uint8_t question[PACKET_MAX];
    uint8_t answer[PACKET_MAX];
};

static struct known known[KNOWN_MAX];
static size_t known_count;

static void
fail(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

static struct sockaddr_in
address_of(const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(53)};

    if (inet_pton(AF_INET, text, &address.sin_addr) != 1) {
        (void)fprintf(stderr, "usage: dns_cache ADDRESS UPSTREAM\n");
        exit(EXIT_FAILURE);
    }
    return address;
}

static const struct known *
find(const uint8_t *question, size_t length)
{
    for (size_t i = 0; i < known_count; i++) {
        if (known[i].question_length == length &&
            memcmp(known[i].question + ID, question + ID, length - ID) == 0)
            return &known[i];
    }
    return NULL;
}

/* NULL where upstream says nothing: the question is asked again. */
static const struct known *
learn(const struct sockaddr_in *upstream, const uint8_t *question, size_t length)
{
    struct timeval patience = {.tv_sec = 1};
    struct known *fresh = &known[known_count];
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ssize_t count;

    if (fd < 0 || known_count == KNOWN_MAX)
        fail("another question");
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    (void)connect(fd, (const struct sockaddr *)upstream, sizeof(*upstream));
    (void)send(fd, question, length, 0);
    count = recv(fd, fresh->answer, sizeof(fresh->answer), 0);
    (void)close(fd);
    if (count < ID)
        return NULL;
    memcpy(fresh->question, question, length);
    fresh->question_length = length;
    fresh->answer_length = (size_t)count;
    known_count++;
    return fresh;
}

int
main(int argc, char **argv)
{
    struct sockaddr_in own = address_of(argc == 3 ? argv[1] : "");
    struct sockaddr_in upstream = address_of(argc == 3 ? argv[2] : "");
    static uint8_t question[PACKET_MAX];
    static uint8_t answer[PACKET_MAX];
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int room = 1 << 20;

    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
    if (fd < 0 || bind(fd, (const struct sockaddr *)&own, sizeof(own)) != 0)
        fail(argv[1]);
    (void)printf("listening\n");
    (void)fflush(stdout);
    for (;;) {
        struct sockaddr_in peer;
        socklen_t size = sizeof(peer);
        ssize_t count =
            recvfrom(fd, question, sizeof(question), 0, (struct sockaddr *)&peer, &size);
        const struct known *found;

        if (count <= ID)
            continue;
        found = find(question, (size_t)count);
        if (found == NULL)
            found = learn(&upstream, question, (size_t)count);
        if (found == NULL)
            continue;
        memcpy(answer, found->answer, found->answer_length);
        memcpy(answer, question, ID);
        (void)sendto(
            fd, answer, found->answer_length, 0, (const struct sockaddr *)&peer, size);
    }
}
