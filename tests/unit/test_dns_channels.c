/*
 * Channels that have met trouble: a server that says "ask by TCP" and then lets the
 * connection stall.
 */
#include "tests/unit/unit.h"

#include "shared/dns/dns.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG_FILLERS = 3, FIRST_MS = 300, WHOLE_MS = 4000 };

struct stall {
    int udp;
    int tcp;
    int fillers[BACKLOG_FILLERS];
    struct sockaddr_in address;
    atomic_bool over;
    pthread_t thread;
};

/* Whatever is asked by UDP: ask again by TCP. */
static void *
say_truncated(void *argument)
{
    struct stall *stall = argument;

    while (!atomic_load(&stall->over)) {
        struct pollfd waiting = {stall->udp, POLLIN, 0};
        unsigned char packet[512];
        struct sockaddr_in peer;
        socklen_t length = sizeof(peer);
        ssize_t got;

        if (poll(&waiting, 1, 20) <= 0)
            continue;
        got = recvfrom(
            stall->udp, packet, sizeof(packet), 0, (struct sockaddr *)&peer, &length);
        if (got < 12)
            continue;
        packet[2] |= 0x82; /* an answer, cut */
        (void)sendto(
            stall->udp, packet, (size_t)got, 0, (struct sockaddr *)&peer, length);
    }
    return NULL;
}

/* A TCP socket whose backlog is full: who connects waits. */
static void
start(struct stall *stall)
{
    socklen_t length = sizeof(stall->address);

    *stall = (struct stall){.udp = socket(AF_INET, SOCK_DGRAM, 0),
        .tcp = socket(AF_INET, SOCK_STREAM, 0),
        .address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}};
    assert_int_equal(
        bind(stall->tcp, (struct sockaddr *)&stall->address, sizeof(stall->address)), 0);
    assert_int_equal(
        getsockname(stall->tcp, (struct sockaddr *)&stall->address, &length), 0);
    assert_int_equal(
        bind(stall->udp, (struct sockaddr *)&stall->address, sizeof(stall->address)), 0);
    assert_int_equal(listen(stall->tcp, 0), 0);
    for (int i = 0; i < BACKLOG_FILLERS; i++) {
        stall->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(stall->fillers[i], (struct sockaddr *)&stall->address,
            sizeof(stall->address));
    }
    assert_int_equal(pthread_create(&stall->thread, NULL, say_truncated, stall), 0);
}

static void
stop(struct stall *stall)
{
    atomic_store(&stall->over, true);
    (void)pthread_join(stall->thread, NULL);
    (void)close(stall->udp);
    (void)close(stall->tcp);
}

static void *
wait_for_answer(void *argument)
{
    struct dns *dns = argument;
    struct dns_context *context = dns_context_new(dns);

    (void)dns_wait(context, dns_ask(context, SPAN("later.example"), DNS_TXT));
    dns_context_free(context);
    return NULL;
}

/* Room in the backlog, and what comes in until a question by TCP is read whole. */
static size_t
take_question(struct stall *stall, char *out, size_t size)
{
    for (int i = 0; i < BACKLOG_FILLERS; i++)
        (void)close(stall->fillers[i]);
    for (int tries = 0; tries < 20; tries++) {
        struct pollfd waiting = {stall->tcp, POLLIN, 0};
        ssize_t got = 0;
        int peer;

        if (poll(&waiting, 1, 500) <= 0)
            continue;
        peer = accept(stall->tcp, NULL, NULL);
        waiting = (struct pollfd){peer, POLLIN, 0};
        if (poll(&waiting, 1, 500) > 0)
            got = recv(peer, out, size, 0);
        (void)close(peer);
        if (got > 0)
            return (size_t)got;
    }
    return 0;
}

/*
 * A question that was given up leaves nothing behind: the next message's connection says
 * what that message asks.  (c-ares keeps the stalled connection in a channel that is lent
 * again, and sends through it from memory that ares_cancel has freed.)
 */
static void
what_was_given_up_is_not_sent_later(void **state)
{
    struct stall stall;
    char address[64];
    const char *servers[] = {address};
    struct dns_config config = {{servers, 1}, WHOLE_MS, WHOLE_MS, DNS_TRUST_LOOPBACK};
    struct error error;
    struct dns *dns;
    struct dns_context *context;
    pthread_t later;
    char question[1024];
    size_t length;

    (void)state;
    start(&stall);
    (void)snprintf(
        address, sizeof(address), "127.0.0.1@%u", ntohs(stall.address.sin_port));
    dns = dns_new(&config, NULL, &error);
    assert_non_null(dns);
    context = dns_context_new(dns);
    dns_context_limit(context, FIRST_MS);
    assert_int_equal(
        dns_wait(context, dns_ask(context, SPAN("first.example"), DNS_TXT))->status,
        DNS_TIMEOUT);
    dns_context_free(context);

    assert_int_equal(pthread_create(&later, NULL, wait_for_answer, dns), 0);
    length = take_question(&stall, question, sizeof(question));
    (void)pthread_join(later, NULL);
    assert_true(length > 14);
    assert_int_equal(
        (unsigned char)question[0] << 8 | (unsigned char)question[1], (int)length - 2);
    assert_memory_equal(question + 14, "\5later\7example", 14);
    dns_free(dns);
    stop(&stall);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_given_up_is_not_sent_later),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
