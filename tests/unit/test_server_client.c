/*
 * One connection: whole, half and many requests, a peer that doesn't read, and how it
 * ends.
 */
#include "tests/unit/unit.h"

#include "shared/service/clock.h"
#include "shared/service/server_client.h"

#include <errno.h>
#include <event2/buffer.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_MAX = 64, ANSWERS_ROOM = 1 << 20 };

/* Requests are lines; the answer is the line a hundred times over; "bad" is none, "later"
 * waits, and after "last" comes none. */
static enum wire_result
serve(void *argument, struct server_client *client, struct span input, size_t *used,
    struct buffer *answers, struct error *error)
{
    size_t end = span_find(input, '\n');

    if (end == SPAN_NONE) {
        if (input.length < REQUEST_MAX)
            return WIRE_MORE;
        (void)error_permanent(error, "too long");
        return WIRE_BAD;
    }
    if (span_equal(span_first(input, end), SPAN("bad"))) {
        (void)error_permanent(error, "bad");
        return WIRE_BAD;
    }
    *used = end + 1;
    if (span_equal(span_first(input, end), SPAN("later"))) {
        client->waiting = argument;
        return WIRE_DONE;
    }
    client->is_last = span_equal(span_first(input, end), SPAN("last"));
    for (int i = 0; i < 100; i++)
        buffer_append(answers, span_first(input, end));
    buffer_append_octet(answers, '\n');
    client->stage++;
    return WIRE_DONE;
}

static void
give_up(void *waiting)
{
    int *given_up = waiting;

    (*given_up)++;
}

static const struct server_protocol protocol = {
    .name = "test",
    .request_ms = 10000,
    .idle_ms = 30000,
    .request_max = REQUEST_MAX,
    .last_octet = '\n',
    .serve = serve,
    .give_up = give_up,
};

struct scene {
    struct server_host host;
    struct server_client *client;
    int peer;
    bool ended;
    enum server_end end;
    char error[200];
    unsigned answered;
    int given_up;
};

static void
note_end(void *argument, struct server_client *client, enum server_end end,
    const struct error *error)
{
    struct scene *scene = argument;

    assert_ptr_equal(client, scene->client);
    scene->ended = true;
    scene->end = end;
    if (error != NULL)
        memcpy(scene->error, error->text, sizeof(scene->error));
}

static void
note_answer(void *argument, double seconds)
{
    struct scene *scene = argument;

    assert_true(seconds >= 0);
    scene->answered++;
}

static void
open_scene(struct scene *scene)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    *scene = (struct scene){.peer = fds[1]};
    scene->host.base = event_base_new();
    scene->host.protocol = &protocol;
    scene->host.protocol_argument = &scene->given_up;
    scene->host.ended = note_end;
    scene->host.answered = note_answer;
    scene->host.argument = scene;
    buffer_init(&scene->host.answers, ANSWERS_ROOM);
    scene->client = server_client_new(&scene->host, fds[0], clock_now_ms());
}

static void
close_scene(struct scene *scene)
{
    if (!scene->ended)
        server_client_close(scene->client, SERVER_END_STOPPED, NULL);
    (void)close(scene->peer);
    buffer_clear(&scene->host.answers);
    event_base_free(scene->host.base);
}

static void
turn(struct scene *scene)
{
    assert_true(event_base_loop(scene->host.base, EVLOOP_NONBLOCK) >= 0);
}

static void
say(struct scene *scene, const char *text)
{
    assert_int_equal(send(scene->peer, text, strlen(text), 0), (ssize_t)strlen(text));
    turn(scene);
}

/* What the peer finds to read, up to the room there is. */
static size_t
hear(struct scene *scene, char *out, size_t size)
{
    size_t length = 0;
    ssize_t count;

    while (
        length < size && (count = recv(scene->peer, out + length, size - length, 0)) > 0)
        length += (size_t)count;
    return length;
}

static void
answers_in_order_what_came_in_one_piece_and_in_several(void **state)
{
    struct scene scene;
    char heard[4096];

    (void)state;
    open_scene(&scene);
    assert_int_equal(scene.client->at_deadline, SERVER_END_SLOW);
    say(&scene, "a\nb\nc");
    assert_int_equal(hear(&scene, heard, sizeof(heard)), 202);
    assert_true(heard[0] == 'a' && heard[100] == '\n' && heard[101] == 'b');
    assert_int_equal(scene.client->at_deadline, SERVER_END_SLOW);
    assert_true(server_client_is_busy(scene.client));
    say(&scene, "d");
    assert_int_equal(hear(&scene, heard, sizeof(heard)), 0);
    say(&scene, "\n");
    assert_int_equal(hear(&scene, heard, sizeof(heard)), 201);
    assert_memory_equal(heard, "cdcd", 4);
    assert_int_equal(scene.client->at_deadline, SERVER_END_IDLE);
    assert_false(server_client_is_busy(scene.client));
    assert_null(scene.client->input.data);
    assert_null(scene.client->output);
    assert_int_equal(scene.answered, 3);
    assert_int_equal(scene.client->stage, 3);
    close_scene(&scene);
}

static void
half_a_request_gets_no_new_deadline_by_dripping(void **state)
{
    struct scene scene;
    uint64_t deadline_ms;

    (void)state;
    open_scene(&scene);
    deadline_ms = scene.client->deadline_ms;
    say(&scene, "a");
    scene.client->deadline_ms -= 5;
    say(&scene, "b");
    say(&scene, "c");
    assert_int_equal(scene.client->deadline_ms, deadline_ms - 5);
    say(&scene, "\n");
    assert_true(scene.client->deadline_ms >= deadline_ms + 20000 - 5);
    close_scene(&scene);
}

static void
what_is_malformed_ends_it_after_the_answers_before(void **state)
{
    struct scene scene;
    char heard[4096];

    (void)state;
    open_scene(&scene);
    say(&scene, "a\nbad\nb\n");
    assert_true(scene.ended);
    assert_int_equal(scene.end, SERVER_END_MALFORMED);
    assert_string_equal(scene.error, "bad");
    assert_int_equal(hear(&scene, heard, sizeof(heard)), 101);
    close_scene(&scene);

    open_scene(&scene);
    for (int i = 0; i < REQUEST_MAX && !scene.ended; i++)
        say(&scene, "x");
    assert_true(scene.ended);
    assert_string_equal(scene.error, "too long");
    close_scene(&scene);
}

static void
a_peer_that_does_not_read_is_not_read_from(void **state)
{
    static char heard[1 << 16];
    struct scene scene;
    size_t total = 0;
    size_t sent = 0;

    (void)state;
    open_scene(&scene);
    for (int i = 0; i < 200; i++) {
        char text[8192];
        ssize_t count;

        for (size_t j = 0; j + 1 < sizeof(text); j += 2)
            memcpy(text + j, "a\n", 2);
        count = send(scene.peer, text, sizeof(text), 0);
        if (count < 0)
            break;
        sent += (size_t)count;
        turn(&scene);
    }
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(scene.client->at_deadline, SERVER_END_UNREAD);
    assert_true(evbuffer_get_length(scene.client->output) < 1 << 18);
    assert_true(scene.client->input.length <= REQUEST_MAX + SERVER_READ_SIZE);
    for (int i = 0; i < 100000 && total < sent / 2 * 101; i++) {
        total += hear(&scene, heard, sizeof(heard));
        turn(&scene);
    }
    assert_int_equal(total, sent / 2 * 101);
    assert_int_equal(scene.answered, sent / 2);
    assert_int_equal(scene.client->at_deadline, SERVER_END_IDLE);
    close_scene(&scene);
}

static void
a_peer_that_goes_ends_it(void **state)
{
    struct scene scene;

    (void)state;
    open_scene(&scene);
    say(&scene, "a\nb");
    assert_int_equal(shutdown(scene.peer, SHUT_RDWR), 0);
    turn(&scene);
    assert_true(scene.ended);
    assert_int_equal(scene.end, SERVER_END_LEFT);
    close_scene(&scene);
}

static void
an_answer_that_comes_later_holds_up_those_behind_it(void **state)
{
    struct scene scene;
    char heard[4096];

    (void)state;
    open_scene(&scene);
    say(&scene, "a\nlater\nb\n");
    assert_int_equal(hear(&scene, heard, sizeof(heard)), 101);
    assert_true(server_client_is_busy(scene.client));
    say(&scene, "c\n");
    assert_int_equal(hear(&scene, heard, sizeof(heard)), 0);
    assert_int_equal(scene.client->deadline_ms, UINT64_MAX);
    (void)evbuffer_add_printf(server_client_output(scene.client), "now\n");
    server_client_go_on(scene.client);
    turn(&scene);
    turn(&scene);
    assert_int_equal(hear(&scene, heard, sizeof(heard)), 4 + 101 + 101);
    assert_memory_equal(heard, "now\nbb", 6);
    assert_int_equal(scene.client->at_deadline, SERVER_END_IDLE);
    say(&scene, "later\n");
    server_client_close(scene.client, SERVER_END_STOPPED, NULL);
    assert_int_equal(scene.given_up, 1);
    close_scene(&scene);
}

static void
behind_the_last_request_all_goes_by_unread_in_the_time_it_had(void **state)
{
    struct scene scene;
    char heard[4096];
    uint64_t deadline_ms;

    (void)state;
    open_scene(&scene);
    deadline_ms = scene.client->deadline_ms;
    say(&scene, "last\nbad\n");
    assert_int_equal(hear(&scene, heard, sizeof(heard)), 401);
    assert_int_equal(recv(scene.peer, heard, 1, 0), 0);
    say(&scene, "bad\n");
    assert_false(scene.ended);
    assert_int_equal(scene.client->deadline_ms, deadline_ms);
    assert_null(scene.client->input.data);
    assert_int_equal(shutdown(scene.peer, SHUT_WR), 0);
    turn(&scene);
    assert_int_equal(scene.end, SERVER_END_LEFT);
    close_scene(&scene);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_in_order_what_came_in_one_piece_and_in_several),
        cmocka_unit_test(half_a_request_gets_no_new_deadline_by_dripping),
        cmocka_unit_test(what_is_malformed_ends_it_after_the_answers_before),
        cmocka_unit_test(a_peer_that_does_not_read_is_not_read_from),
        cmocka_unit_test(a_peer_that_goes_ends_it),
        cmocka_unit_test(an_answer_that_comes_later_holds_up_those_behind_it),
        cmocka_unit_test(behind_the_last_request_all_goes_by_unread_in_the_time_it_had),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
