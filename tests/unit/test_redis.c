#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <hiredis/hiredis.h>

#include "policyd/redis/redis.h"
#include "shared/base/attributes.h"
#include "shared/base/buffer.h"
#include "shared/service/log.h"

#define OK "+OK\r\n"
#define MASTER "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"
#define SLAVE "*3\r\n$5\r\nslave\r\n:0\r\n*0\r\n"

enum { HEARD_MAX = 4096 };

/* A server that gives the next line of its script for each command; at its end it says
 * nothing, or hangs up. */
struct fake {
    struct evconnlistener *listener;
    unsigned port;
    const char *const *script;
    size_t said;
    bool hangs_up; /* at the end of the script */
    unsigned connections;
    char heard[HEARD_MAX]; /* commands, each in brackets */
};

struct site {
    struct event_base *base;
    struct fake fakes[3];
    struct redis *redis;
    unsigned ups;
    unsigned downs;
    enum redis_trouble trouble;
    unsigned answers;
    unsigned losses;
    unsigned pushes;
    char answer[100];
    bool free_in_up;
    bool free_in_down;
    bool is_greeter;
};

struct peer {
    struct fake *fake;
    struct redisReader *reader;
    struct redis_pool *pool;
};

static void
peer_free(struct peer *peer, struct bufferevent *stream)
{
    redisReaderFree(peer->reader);
    redis_pool_free(peer->pool);
    free(peer);
    bufferevent_free(stream);
}

static void
hear(struct fake *fake, const struct redis_reply *command)
{
    size_t used = strlen(fake->heard);

    for (size_t i = 0; i < command->count && used < HEARD_MAX; i++) {
        struct span word = command->elements[i].text;

        used += (size_t)snprintf(fake->heard + used, HEARD_MAX - used, "%s%.*s%s",
            i == 0 ? "[" : " ", (int)word.length, word.data,
            i + 1 == command->count ? "]" : "");
    }
}

static void
peer_reads(struct bufferevent *stream, void *argument)
{
    struct peer *peer = argument;
    struct fake *fake = peer->fake;
    char octets[4096];
    size_t count;
    void *command = NULL;

    while ((count = bufferevent_read(stream, octets, sizeof(octets))) > 0)
        redisReaderFeed(peer->reader, octets, count);
    while (redisReaderGetReply(peer->reader, &command) == REDIS_OK && command != NULL) {
        hear(fake, command);
        if (fake->script[fake->said] != NULL) {
            const char *line = fake->script[fake->said++];

            bufferevent_write(stream, line, strlen(line));
        } else if (fake->hangs_up) {
            peer_free(peer, stream);
            return;
        }
    }
}

static void
peer_ends(struct bufferevent *stream, short what, void *argument)
{
    (void)what;
    peer_free(argument, stream);
}

static void
accepts(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
    int length, void *argument)
{
    struct fake *fake = argument;
    struct peer *peer = calloc(1, sizeof(*peer));
    struct bufferevent *stream = bufferevent_socket_new(
        evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);

    (void)address;
    (void)length;
    peer->fake = fake;
    peer->reader = redisReaderCreate();
    peer->pool = redis_pool_new();
    redis_pool_attach(peer->pool, peer->reader);
    fake->connections++;
    bufferevent_setcb(stream, peer_reads, NULL, peer_ends, peer);
    bufferevent_enable(stream, EV_READ | EV_WRITE);
}

static void
fake_open(struct site *site, size_t i, const char *const *script)
{
    struct fake *fake = &site->fakes[i];
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof(address);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fake->script = script;
    fake->listener = evconnlistener_new_bind(site->base, accepts, fake,
        LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, -1, (const struct sockaddr *)&address,
        sizeof(address));
    assert_non_null(fake->listener);
    getsockname(
        evconnlistener_get_fd(fake->listener), (struct sockaddr *)&address, &length);
    fake->port = ntohs(address.sin_port);
}

static struct socket_address
address_of(const struct fake *fake)
{
    return (struct socket_address){
        .kind = SOCKET_INET, .host = "127.0.0.1", .port = fake->port};
}

static void
was_answered(void *argument, const struct redis_reply *reply)
{
    struct site *site = argument;

    if (reply == NULL) {
        site->losses++;
        return;
    }
    site->answers++;
    (void)span_copy(reply->text, site->answer, sizeof(site->answer));
}

static void
free_redis(struct site *site)
{
    redis_free(site->redis);
    site->redis = NULL;
}

static void
is_up(void *argument)
{
    struct site *site = argument;

    site->ups++;
    if (site->free_in_up)
        free_redis(site);
}

static void
is_down(void *argument, enum redis_trouble trouble, const char *why)
{
    struct site *site = argument;

    assert_int_not_equal(strlen(why), 0);
    site->downs++;
    site->trouble = trouble;
    if (site->free_in_down)
        free_redis(site);
}

static void
was_pushed(void *argument, const struct redis_reply *message)
{
    struct site *site = argument;

    site->pushes++;
    (void)span_copy(message->elements[2].text, site->answer, sizeof(site->answer));
}

static void
greet(void *argument)
{
    struct site *site = argument;

    assert_false(redis_is_up(site->redis));
    assert_true(redis_ask(site->redis, was_answered, site, SPAN("HELLO")));
}

static void
site_open(struct site *site)
{
    memset(site, 0, sizeof(*site));
    site->base = event_base_new();
    log_set_level(LOG_LEVEL_ERROR);
}

static void
site_start(struct site *site, const struct redis_options *options)
{
    struct redis_events events = {
        is_up, is_down, was_pushed, site->is_greeter ? greet : NULL};

    site->redis = redis_new(site->base, options, &events, site);
}

static void
site_close(struct site *site)
{
    static const struct timeval moment = {0, 50000};

    free_redis(site);
    for (size_t i = 0; i < ARRAY_LENGTH(site->fakes); i++) {
        if (site->fakes[i].listener != NULL)
            evconnlistener_free(site->fakes[i].listener);
    }
    /* What is closed is noticed by the other side. */
    event_base_loopexit(site->base, &moment);
    event_base_dispatch(site->base);
    event_base_free(site->base);
}

/* Runs the loop until the number is there, 5 s at most. */
static void
run_until(struct site *site, const unsigned *number, unsigned wanted)
{
    for (int i = 0; i < 5000 && *number < wanted; i++) {
        struct timeval turn = {0, 1000};

        event_base_loopexit(site->base, &turn);
        event_base_dispatch(site->base);
    }
    assert_true(*number >= wanted);
}

/* For as long. */
static void
run_for(struct site *site, int milliseconds)
{
    struct timeval turn = {milliseconds / 1000, milliseconds % 1000 * 1000};

    event_base_loopexit(site->base, &turn);
    event_base_dispatch(site->base);
}

static void
logs_in_and_answers(void **state)
{
    static const char *const script[] = {OK, OK, MASTER, "$5\r\nvalue\r\n", NULL};
    struct site site;
    struct redis_options options = {
        .username = "reader", .password = "secret", .database = 3, .timeout_ms = 500};

    (void)state;
    site_open(&site);
    fake_open(&site, 0, script);
    options.address = address_of(&site.fakes[0]);
    site_start(&site, &options);
    assert_false(redis_ask(site.redis, was_answered, &site, SPAN("GET"), SPAN("a")));
    run_until(&site, &site.ups, 1);
    assert_true(redis_is_up(site.redis));
    assert_string_equal(site.fakes[0].heard, "[AUTH reader secret][SELECT 3][ROLE]");
    assert_true(redis_ask(site.redis, was_answered, &site, SPAN("GET"), SPAN("a")));
    run_until(&site, &site.answers, 1);
    assert_string_equal(site.answer, "value");
    assert_int_equal(redis_connects(site.redis), 1);
    site_close(&site);
}

static void
what_hinders_a_login_is_told(void **state)
{
    static const struct {
        const char *what;
        const char *script[4];
        unsigned database;
        const char *password;
        enum redis_trouble trouble;
    } rows[] = {
        {"wrong password", {"-WRONGPASS invalid\r\n"}, 0, "x", REDIS_TROUBLE_AUTH},
        {"no password set", {"-ERR AUTH called without any password\r\n"}, 0, "x",
            REDIS_TROUBLE_AUTH},
        {"password needed", {"-NOAUTH Authentication required.\r\n"}, 0, "",
            REDIS_TROUBLE_AUTH},
        {"no such database", {"-ERR DB index is out of range\r\n"}, 99, "",
            REDIS_TROUBLE_DATABASE},
        {"not allowed", {"-NOPERM no permissions to run the 'role' command\r\n"}, 0, "",
            REDIS_TROUBLE_PERMISSION},
        {"a replica", {SLAVE}, 0, "", REDIS_TROUBLE_ROLE},
        {"loading", {"-LOADING Redis is loading the dataset in memory\r\n"}, 0, "",
            REDIS_TROUBLE_BUSY},
        {"too many clients", {"-ERR max number of clients reached\r\n"}, 5, "",
            REDIS_TROUBLE_BUSY},
        {"no role", {OK}, 0, "", REDIS_TROUBLE_PROTOCOL},
        {"not Redis", {"HTTP/1.1 400 Bad Request\r\n"}, 0, "", REDIS_TROUBLE_PROTOCOL},
        {"silence", {NULL}, 0, "", REDIS_TROUBLE_TIMEOUT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct site site;
        struct redis_options options = {
            .database = rows[i].database, .password = rows[i].password, .timeout_ms = 60};

        print_message("%s\n", rows[i].what);
        site_open(&site);
        fake_open(&site, 0, rows[i].script);
        options.address = address_of(&site.fakes[0]);
        site_start(&site, &options);
        for (int turn = 0; turn < 100 && redis_troubles(site.redis, rows[i].trouble) == 0;
             turn++)
            run_for(&site, 10);
        assert_int_equal(redis_troubles(site.redis, rows[i].trouble), 1);
        assert_int_not_equal(strlen(redis_why(site.redis)), 0);
        assert_null(strstr(redis_why(site.redis), "secret"));
        assert_int_equal(site.ups + site.downs, 0);
        site_close(&site);
    }
}

static void
a_refused_connection_is_tried_again(void **state)
{
    struct site site;
    struct redis_options options = {.timeout_ms = 500};

    (void)state;
    site_open(&site);
    fake_open(&site, 0, NULL);
    options.address = address_of(&site.fakes[0]);
    evconnlistener_free(site.fakes[0].listener);
    site.fakes[0].listener = NULL;
    site_start(&site, &options);
    run_for(&site, 700);
    assert_true(redis_troubles(site.redis, REDIS_TROUBLE_CONNECT) >= 2);
    assert_true(redis_troubles(site.redis, REDIS_TROUBLE_CONNECT) <= 5);
    site_close(&site);
}

static void
an_answer_that_does_not_come_ends_the_connection(void **state)
{
    static const char *const script[] = {MASTER, "+one\r\n", NULL};
    struct site site;
    struct redis_options options = {.timeout_ms = 100};

    (void)state;
    site_open(&site);
    fake_open(&site, 0, script);
    options.address = address_of(&site.fakes[0]);
    site_start(&site, &options);
    run_until(&site, &site.ups, 1);
    for (int i = 0; i < 3; i++)
        assert_true(redis_ask(site.redis, was_answered, &site, SPAN("PING")));
    run_until(&site, &site.downs, 1);
    assert_int_equal(site.trouble, REDIS_TROUBLE_TIMEOUT);
    assert_int_equal(site.answers, 1);
    assert_int_equal(site.losses, 2);
    assert_false(redis_is_up(site.redis));
    site_close(&site);
}

static void
a_lost_connection_is_made_again(void **state)
{
    static const char *const script[] = {MASTER, "+one\r\n", MASTER, NULL};
    struct site site;
    struct redis_options options = {.timeout_ms = 500};

    (void)state;
    site_open(&site);
    fake_open(&site, 0, script);
    site.fakes[0].hangs_up = true;
    options.address = address_of(&site.fakes[0]);
    site_start(&site, &options);
    run_until(&site, &site.ups, 1);
    assert_true(redis_ask(site.redis, was_answered, &site, SPAN("PING")));
    run_until(&site, &site.answers, 1);
    redis_drop(site.redis, REDIS_TROUBLE_ROLE, "not wanted");
    assert_int_equal(site.downs, 1);
    run_until(&site, &site.ups, 2);
    assert_true(redis_ask(site.redis, was_answered, &site, SPAN("PING")));
    run_until(&site, &site.downs, 2);
    assert_int_equal(site.trouble, REDIS_TROUBLE_LOST);
    assert_int_equal(site.losses, 1);
    assert_int_equal(redis_connects(site.redis), 2);
    site_close(&site);
}

static void
nonsense_ends_the_connection(void **state)
{
    static const char *const answers[] = {
        "+one\r\n+two\r\n", "*1\r\n!\r\n", ":1\r\n-ERR bye\r\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        const char *script[] = {MASTER, answers[i], NULL};
        struct site site;
        struct redis_options options = {.timeout_ms = 500};

        site_open(&site);
        fake_open(&site, 0, script);
        options.address = address_of(&site.fakes[0]);
        site_start(&site, &options);
        run_until(&site, &site.ups, 1);
        assert_true(redis_ask(site.redis, was_answered, &site, SPAN("PING")));
        run_until(&site, &site.downs, 1);
        site_close(&site);
    }
}

static void
messages_are_no_answers(void **state)
{
    static const char *const script[] = {MASTER,
        "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$"
        "5\r\nhello\r\n",
        "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n", NULL};
    struct site site;
    struct redis_options options = {.timeout_ms = 500};

    (void)state;
    site_open(&site);
    fake_open(&site, 0, script);
    options.address = address_of(&site.fakes[0]);
    site_start(&site, &options);
    run_until(&site, &site.ups, 1);
    assert_true(redis_ask(site.redis, was_answered, &site, SPAN("SUBSCRIBE"), SPAN("c")));
    run_until(&site, &site.pushes, 1);
    assert_string_equal(site.answer, "hello");
    assert_int_equal(site.answers, 1);
    assert_true(redis_ask(site.redis, was_answered, &site, SPAN("SUBSCRIBE"), SPAN("c")));
    run_until(&site, &site.answers, 2);
    assert_int_equal(site.pushes, 1);
    site_close(&site);
}

static void
a_greeting_comes_before_up(void **state)
{
    static const char *const script[] = {
        MASTER, "+hello\r\n", "+later\r\n", MASTER, NULL};
    struct site site;
    struct redis_options options = {.timeout_ms = 300};

    (void)state;
    site_open(&site);
    site.is_greeter = true;
    fake_open(&site, 0, script);
    site.fakes[0].hangs_up = true;
    options.address = address_of(&site.fakes[0]);
    site_start(&site, &options);
    run_until(&site, &site.answers, 1);
    assert_int_equal(site.ups, 0);
    redis_greeted(site.redis);
    assert_int_equal(site.ups, 1);
    assert_true(redis_ask(site.redis, was_answered, &site, SPAN("PING")));
    run_until(&site, &site.answers, 2);
    /* The next time the server hangs up on the greeting: it never was up. */
    redis_drop(site.redis, REDIS_TROUBLE_ROLE, "again");
    run_until(&site, &site.losses, 1);
    assert_int_equal(site.ups, 1);
    assert_int_equal(site.downs, 1);
    assert_int_equal(redis_troubles(site.redis, REDIS_TROUBLE_LOST), 1);
    site_close(&site);
}

static void
it_may_be_freed_from_within(void **state)
{
    static const char *const script[] = {MASTER, NULL};
    struct site site;
    struct redis_options options = {.timeout_ms = 100};

    (void)state;
    site_open(&site);
    site.free_in_up = true;
    fake_open(&site, 0, script);
    options.address = address_of(&site.fakes[0]);
    site_start(&site, &options);
    run_until(&site, &site.ups, 1);
    site_close(&site);

    site_open(&site);
    site.free_in_down = true;
    fake_open(&site, 0, script);
    options.address = address_of(&site.fakes[0]);
    site_start(&site, &options);
    run_until(&site, &site.ups, 1);
    assert_true(redis_ask(site.redis, was_answered, &site, SPAN("PING")));
    run_until(&site, &site.downs, 1);
    assert_int_equal(site.losses, 1);
    site_close(&site);
}

static void
sentinels_tell_where_the_primary_is(void **state)
{
    static const char *const knows_nothing[] = {"*-1\r\n", NULL};
    static const char *const primary[] = {MASTER, NULL};
    static char answer[64];
    static const char *const knows[] = {answer, NULL};
    struct site site;
    struct redis_options options = {.primary = "cutover", .timeout_ms = 500};
    char port[16];

    (void)state;
    site_open(&site);
    fake_open(&site, 0, knows_nothing);
    fake_open(&site, 1, knows);
    fake_open(&site, 2, primary);
    snprintf(port, sizeof(port), "%u", site.fakes[2].port);
    snprintf(answer, sizeof(answer), "*2\r\n$9\r\n127.0.0.1\r\n$%zu\r\n%s\r\n",
        strlen(port), port);
    options.sentinels[0] = address_of(&site.fakes[0]);
    options.sentinels[1] = address_of(&site.fakes[1]);
    options.sentinel_count = 2;
    site_start(&site, &options);
    run_until(&site, &site.ups, 1);
    assert_string_equal(site.fakes[0].heard,
        "[SENTINEL get-master-addr-by-name cutover][SENTINEL MASTER cutover]");
    assert_string_equal(site.fakes[2].heard, "[ROLE]");
    assert_non_null(strstr(redis_address(site.redis), port));
    assert_int_equal(redis_troubles(site.redis, REDIS_TROUBLE_SENTINEL), 0);
    site_close(&site);
}

/* One that was cut off from the others goes on naming the old primary. */
static void
the_newest_word_of_the_sentinels_counts(void **state)
{
    static char old[128];
    static char new[128];
    static const char *const stale[] = {old,
        "*4\r\n$4\r\nname\r\n$7\r\ncutover\r\n$12\r\nconfig-epoch\r\n$1\r\n3\r\n", NULL};
    static const char *const fresh[] = {
        new, "*2\r\n$12\r\nconfig-epoch\r\n$2\r\n10\r\n", NULL};
    static const char *const primary[] = {MASTER, NULL};
    struct site site;
    struct redis_options options = {.primary = "cutover", .timeout_ms = 500};
    char port[16];

    (void)state;
    site_open(&site);
    fake_open(&site, 0, stale);
    fake_open(&site, 1, fresh);
    fake_open(&site, 2, primary);
    snprintf(port, sizeof(port), "%u", site.fakes[2].port);
    snprintf(old, sizeof(old), "*2\r\n$9\r\n127.0.0.1\r\n$1\r\n1\r\n");
    snprintf(
        new, sizeof(new), "*2\r\n$9\r\n127.0.0.1\r\n$%zu\r\n%s\r\n", strlen(port), port);
    options.sentinels[0] = address_of(&site.fakes[0]);
    options.sentinels[1] = address_of(&site.fakes[1]);
    options.sentinel_count = 2;
    site_start(&site, &options);
    run_until(&site, &site.ups, 1);
    assert_non_null(strstr(redis_address(site.redis), port));
    site_close(&site);
}

static void
too_much_is_refused(void **state)
{
    static const char *const script[] = {MASTER, NULL};
    struct site site;
    struct redis_options options = {.timeout_ms = 5000};
    unsigned taken = 0;

    (void)state;
    site_open(&site);
    fake_open(&site, 0, script);
    options.address = address_of(&site.fakes[0]);
    site_start(&site, &options);
    run_until(&site, &site.ups, 1);
    while (redis_ask(site.redis, was_answered, &site, SPAN("PING")))
        taken++;
    assert_int_equal(taken, REDIS_IN_FLIGHT_MAX);
    assert_int_equal(redis_room(site.redis), 0);
    site_close(&site);
    assert_int_equal(site.losses, REDIS_IN_FLIGHT_MAX);
}

static void
names_are_resolved_or_not(void **state)
{
    static const char *const script[] = {MASTER, NULL};
    struct site site;
    struct redis_options options = {.timeout_ms = 300};

    (void)state;
    site_open(&site);
    fake_open(&site, 0, script);
    options.address = address_of(&site.fakes[0]);
    snprintf(options.address.host, sizeof(options.address.host), "localhost");
    site_start(&site, &options);
    run_until(&site, &site.ups, 1);
    site_close(&site);

    /* Given up while the question is on its way. */
    site_open(&site);
    snprintf(options.address.host, sizeof(options.address.host), "nobody.invalid");
    options.address.port = 6379;
    site_start(&site, &options);
    run_for(&site, 20);
    site_close(&site);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logs_in_and_answers),
        cmocka_unit_test(what_hinders_a_login_is_told),
        cmocka_unit_test(a_refused_connection_is_tried_again),
        cmocka_unit_test(an_answer_that_does_not_come_ends_the_connection),
        cmocka_unit_test(a_lost_connection_is_made_again),
        cmocka_unit_test(nonsense_ends_the_connection),
        cmocka_unit_test(messages_are_no_answers),
        cmocka_unit_test(a_greeting_comes_before_up),
        cmocka_unit_test(it_may_be_freed_from_within),
        cmocka_unit_test(sentinels_tell_where_the_primary_is),
        cmocka_unit_test(the_newest_word_of_the_sentinels_counts),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(names_are_resolved_or_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
