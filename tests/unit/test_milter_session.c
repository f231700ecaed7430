/*
 * A connection from its first octet to its last: who is called when, which answers are
 * due, what is refused, and what a message leaves to the next.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/base/attributes.h"
#include "tests/fakes/milter_contract.h"

enum { STREAM_MAX = 8 << 20, ALL_ACTIONS = 0x1ff, ALL_STEPS = 0x1fffff };

struct scene {
    struct milter_contract contract;
    const struct milter_handler *handler;
    struct milter_counts counts;
    struct buffer input;
    struct buffer answers;
    int fds[2]; /* ours, the session's */
    pthread_t thread;
};

static struct scene scene;

static int
begin(void **state)
{
    (void)state;
    scene = (struct scene){.handler = &milter_contract_handler};
    milter_contract_init(&scene.contract);
    buffer_init(&scene.input, STREAM_MAX);
    buffer_init(&scene.answers, STREAM_MAX);
    return 0;
}

static int
end(void **state)
{
    (void)state;
    milter_contract_clear(&scene.contract);
    buffer_clear(&scene.input);
    buffer_clear(&scene.answers);
    return 0;
}

static void
again(void)
{
    (void)end(NULL);
    (void)begin(NULL);
}

/* What the MTA sends. */

static void
send_packet(char command, struct span data)
{
    milter_wire_write(&scene.input, command, data);
}

static void
send_offer(uint32_t version, uint32_t actions, uint32_t steps)
{
    const struct milter_offer offer = {version, actions, steps};

    milter_wire_write_offer(&scene.input, &offer);
}

static void
send_greeting(void)
{
    send_offer(6, ALL_ACTIONS, ALL_STEPS);
    send_packet('D', SPAN("Cj\0mx\0"));
    send_packet('C', SPAN("a.example\0"
                          "4\0\x19"
                          "192.0.2.1\0"));
    send_packet('H', SPAN("helo.example\0"));
}

/* All but its end. */
static void
send_message(void)
{
    send_packet('M', SPAN("<a@b>\0SIZE=1\0"));
    send_packet('R', SPAN("<c@d>\0"));
    send_packet('T', SPAN(""));
    send_packet('D', SPAN("Li\0QID\0"));
    send_packet('L', SPAN("Subject\0 hello\0"));
    send_packet('N', SPAN(""));
    send_packet('B', SPAN("text\r\n"));
}

/* A session with it. */

static void *
serve(void *argument)
{
    (void)argument;
    milter_session_run(scene.fds[1], scene.handler, &scene.contract, &scene.counts);
    (void)close(scene.fds[1]);
    return NULL;
}

static void
connect_to_it(void)
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, scene.fds), 0);
    assert_int_equal(pthread_create(&scene.thread, NULL, serve, NULL), 0);
}

static void
disconnect(void)
{
    (void)close(scene.fds[0]);
    assert_int_equal(pthread_join(scene.thread, NULL), 0);
    assert_int_equal(atomic_load(&scene.counts.messages), 0);
    assert_int_equal(scene.contract.state, CONTRACT_CLOSED);
}

static bool
receive(int flags)
{
    ssize_t got;

    assert_true(buffer_reserve(&scene.answers, 65536));
    got = recv(scene.fds[0], scene.answers.data + scene.answers.length, 65536, flags);
    if (got > 0)
        scene.answers.length += (size_t)got;
    return got > 0 || (got < 0 && errno == EAGAIN);
}

/* Sends `rest`, `at_once` octets a time, and takes answers meanwhile; then closes that
 * side and takes what is left. */
static void
exchange(struct span rest, size_t at_once)
{
    bool open = true;

    while (rest.length > 0 && open) {
        struct pollfd ours = {scene.fds[0], POLLIN | POLLOUT, 0};

        assert_true(poll(&ours, 1, 20000) > 0);
        if ((ours.revents & POLLIN) != 0)
            open = receive(MSG_DONTWAIT);
        if ((ours.revents & POLLOUT) != 0) {
            ssize_t sent = send(scene.fds[0], rest.data,
                rest.length < at_once ? rest.length : at_once,
                MSG_NOSIGNAL | MSG_DONTWAIT);

            if (sent > 0)
                rest = span_from(rest, (size_t)sent);
            else if (errno != EAGAIN)
                open = false; /* hung up on us */
        }
    }
    (void)shutdown(scene.fds[0], SHUT_WR);
    while (receive(0))
        ;
}

static void
talk(void)
{
    connect_to_it();
    exchange(buffer_span(&scene.input), 65536);
    disconnect();
}

/* The answers' first octets; what stands behind them where it is short text. */
static const char *
answers(void)
{
    static char told[20000];
    struct span rest = buffer_span(&scene.answers);
    struct milter_packet packet;
    size_t used;
    size_t count = 0;

    while (milter_wire_parse(rest, &packet, &used) == WIRE_DONE) {
        assert_true(count < sizeof(told) - 1);
        told[count++] = packet.command;
        rest = span_from(rest, used);
    }
    told[count] = '\0';
    assert_int_equal(rest.length, 0);
    return told;
}

static void
calls(const char *wanted)
{
    assert_string_equal(buffer_text(&scene.contract.calls), wanted);
}

static void
a_message_in_its_order(void **state)
{
    (void)state;
    send_greeting();
    send_message();
    send_packet('B', SPAN("more\r\n"));
    send_packet('E', SPAN(""));
    send_packet('Q', SPAN(""));
    talk();
    calls("open\nmail <a@b>\nfield Subject= hello\nend of fields\nbody 6\nbody 6\n"
          "end of message\nreset\nclose\n");
    /* R and T were not to be sent: they are answered all the same. */
    assert_string_equal(answers(), "Occa");
}

static void
offers_what_both_can(void **state)
{
    static const struct {
        const char *what;
        struct milter_offer offered;
        struct milter_offer taken;
    } rows[] = {
        {"Postfix 3.7", {6, 0x1ff, 0x1fffff}, {6, 0x31, 0x1c7788}},
        {"Sendmail 8.17", {6, 0x1ff, 0x301fffff}, {6, 0x31, 0x1c7788}},
        {"protocol 4", {4, 0x1ff, 0x37f}, {4, 0x31, 0x308}},
        {"protocol 3", {3, 0x1ff, 0x17f}, {3, 0x31, 0x108}},
        {"protocol 2", {2, 0x3f, 0x7f}, {2, 0x31, 0x08}},
        {"one of tomorrow", {9, 0xffffffff, 0xffffffff}, {6, 0x31, 0x1c7788}},
        {"no steps at all", {6, 0x31, 0}, {6, 0x31, 0}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct milter_packet packet;
        struct milter_offer taken;
        size_t used;

        print_message("# %s\n", rows[i].what);
        again();
        send_offer(
            rows[i].offered.version, rows[i].offered.actions, rows[i].offered.steps);
        talk();
        assert_int_equal(
            milter_wire_parse(buffer_span(&scene.answers), &packet, &used), WIRE_DONE);
        assert_int_equal(used, scene.answers.length);
        assert_true(milter_wire_offer(packet.data, &taken));
        assert_memory_equal(&taken, &rows[i].taken, sizeof(taken));
        calls("open\nclose\n");
    }
}

/* An MTA of old is answered at each step. */
static void
each_step_is_answered_unless_agreed(void **state)
{
    static const struct {
        const char *what;
        uint32_t steps;
        const char *answers;
    } rows[] = {
        {"nothing agreed", 0, "Occccccccca"},
        {"connect", MILTER_NR_CONNECT, "Occcccccca"},
        {"helo", MILTER_NR_HELO, "Occcccccca"},
        {"mail", MILTER_NR_MAIL, "Occcccccca"},
        {"a field", MILTER_NR_FIELD, "Occcccccca"},
        {"end of fields", MILTER_NR_END_FIELDS, "Occcccccca"},
        {"a chunk", MILTER_NR_BODY, "Occcccccca"},
        {"what we never want", MILTER_NR_RCPT | MILTER_NR_DATA | MILTER_NR_UNKNOWN,
            "Occccccccca"},
        {"all of them", ALL_STEPS, "Occca"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %s\n", rows[i].what);
        again();
        send_offer(2, ALL_ACTIONS, rows[i].steps);
        /* Nine steps and the end. */
        send_packet('C', SPAN("x\0U"));
        send_packet('H', SPAN("x\0"));
        send_packet('M', SPAN("<>\0"));
        send_packet('U', SPAN("XYZZY\0"));
        send_packet('R', SPAN("<c@d>\0"));
        send_packet('T', SPAN(""));
        send_packet('L', SPAN("A\0b\0"));
        send_packet('N', SPAN(""));
        send_packet('B', SPAN("x"));
        send_packet('E', SPAN(""));
        talk();
        assert_string_equal(answers(), rows[i].answers);
        calls("open\nmail <>\nfield A=b\nend of fields\nbody 1\nend of "
              "message\nreset\nclose\n");
    }
}

static void
enough_of_a_body(void **state)
{
    static const struct {
        const char *what;
        const struct milter_handler *handler;
        uint32_t steps;
        const char *answers;
    } rows[] = {
        {"understood", &milter_contract_talker, MILTER_SKIP, "Occcssa"},
        {"not understood", &milter_contract_talker, 0, "Occccca"},
        {"none waited for", &milter_contract_handler, MILTER_SKIP | MILTER_NR_BODY,
            "Occa"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %s\n", rows[i].what);
        again();
        scene.handler = rows[i].handler;
        scene.contract.body_wanted = 4;
        send_offer(6, ALL_ACTIONS, rows[i].steps);
        send_packet('M', SPAN("<>\0"));
        send_packet('N', SPAN(""));
        send_packet('B', SPAN("abc"));
        send_packet('B', SPAN("def"));
        send_packet('B', SPAN("ghi"));
        send_packet('E', SPAN("jkl"));
        talk();
        assert_string_equal(answers(), rows[i].answers);
        calls("open\nmail <>\nend of fields\nbody 3\nbody 3\nend of "
              "message\nreset\nclose\n");
    }
}

static void
what_may_be_left_out(void **state)
{
    static const struct {
        const char *what;
        const char *commands;
        const char *calls;
    } rows[] = {
        {"a last chunk with the end", "MLNe",
            "mail x\nfield x=y\nend of fields\nbody 3\nend of message\nreset\n"},
        {"no end of fields", "MLBE",
            "mail x\nfield x=y\nend of fields\nbody 3\nend of message\nreset\n"},
        {"no fields", "MNBE", "mail x\nend of fields\nbody 3\nend of message\nreset\n"},
        {"nothing at all", "ME", "mail x\nend of fields\nend of message\nreset\n"},
        {"nothing but text", "Me",
            "mail x\nend of fields\nbody 3\nend of message\nreset\n"},
        {"empty chunks", "MNbbE", "mail x\nend of fields\nend of message\nreset\n"},
        {"two messages", "MEME",
            "mail x\nend of fields\nend of message\nreset\n"
            "mail x\nend of fields\nend of message\nreset\n"},
        {"an abort of nothing", "AAMA", "mail x\nreset\n"},
        {"aborts everywhere", "MAMLAMLNAMLNBAME",
            "mail x\nreset\nmail x\nfield x=y\nreset\n"
            "mail x\nfield x=y\nend of fields\nreset\n"
            "mail x\nfield x=y\nend of fields\nbody 3\nreset\n"
            "mail x\nend of fields\nend of message\nreset\n"},
        {"another mail instead", "MLM", "mail x\nfield x=y\nreset\nmail x\nreset\n"},
        {"a greeting instead", "MLHM", "mail x\nfield x=y\nreset\nmail x\nreset\n"},
        {"another client instead", "MLCM", "mail x\nfield x=y\nreset\nmail x\nreset\n"},
        {"another connection", "MLKCM", "mail x\nfield x=y\nreset\nmail x\nreset\n"},
        {"the end in the middle", "MLNBQM",
            "mail x\nfield x=y\nend of fields\nbody 3\nreset\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char wanted[1000];

        print_message("# %s\n", rows[i].what);
        again();
        send_greeting();
        for (const char *at = rows[i].commands; *at != '\0'; at++) {
            switch (*at) {
            case 'L':
                send_packet('L', SPAN("x\0y\0"));
                break;
            case 'C':
                send_packet('C', SPAN("x\0U"));
                break;
            case 'B':
                send_packet('B', SPAN("abc"));
                break;
            case 'b':
                send_packet('B', SPAN(""));
                break;
            case 'e':
                send_packet('E', SPAN("abc"));
                break;
            default:
                send_packet(*at, *at == 'M' || *at == 'H' ? SPAN("x\0") : SPAN(""));
            }
        }
        talk();
        (void)snprintf(wanted, sizeof(wanted), "open\n%sclose\n", rows[i].calls);
        calls(wanted);
    }
}

/* Whether a client has logged in decides whether it is trusted. */
static void
no_message_hears_of_another(void **state)
{
    static const struct {
        const char *what;
        const char *between;
    } rows[] = {
        {"the end", "ME"},
        {"an end and an abort, as Postfix", "MEA"},
        {"an abort", "MA"},
        {"an abort before it began", "A"},
        {"nothing", "M"},
        {"a greeting", "MH"},
        {"a greeting before it began", "H"},
        {"a client", "MC"},
        {"another connection", "MK"},
        {"another connection before it began", "K"},
        {"a new beginning", "MO"},
        {"a new beginning before it began", "O"},
        {"macros of a greeting", "d"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct span last;

        print_message("# %s\n", rows[i].what);
        again();
        scene.contract.macros = "auth_authen i";
        send_greeting();
        send_packet('D', SPAN("M{auth_authen}\0alice\0i\0Q1\0"));
        for (const char *at = rows[i].between; *at != '\0'; at++) {
            if (*at == 'O')
                send_offer(6, ALL_ACTIONS, ALL_STEPS);
            else if (*at == 'd')
                send_packet('D', SPAN("Hx\0y\0"));
            else
                send_packet(*at, *at == 'M' || *at == 'H' ? SPAN("x\0")
                                 : *at == 'C'             ? SPAN("x\0U")
                                                          : SPAN(""));
        }
        send_packet('M', SPAN("<b@c>\0"));
        send_packet('E', SPAN(""));
        talk();
        last = buffer_span(&scene.contract.calls);
        assert_true(
            span_find_text(
                last, SPAN("mail <b@c> auth_authen=(none) i=(none)\nend of fields\n"
                           "end of message auth_authen=(none) i=(none)\n")) != SPAN_NONE);
    }
}

static void
macros_hold_for_their_message(void **state)
{
    (void)state;
    scene.contract.macros = "j auth_authen i";
    send_greeting();
    send_packet('D', SPAN("M{auth_authen}\0alice\0"));
    send_packet('M', SPAN("<a@b>\0"));
    send_packet('D', SPAN("Ri\0Q1\0"));
    send_packet('R', SPAN("<c@d>\0"));
    send_packet('D', SPAN("R{rcpt_addr}\0e@f\0"));
    send_packet('R', SPAN("<e@f>\0"));
    send_packet('D', SPAN("Ni\0Q2\0"));
    send_packet('N', SPAN(""));
    send_packet('D', SPAN("Bi\0Q3\0"));
    send_packet('B', SPAN("x"));
    send_packet('E', SPAN(""));
    send_packet('M', SPAN("<g@h>\0"));
    talk();
    calls("open\nmail <a@b> j=mx auth_authen=alice i=(none)\nend of fields\nbody 1\n"
          "end of message j=mx auth_authen=alice i=Q2\nreset\n"
          "mail <g@h> j=mx auth_authen=(none) i=(none)\nreset\nclose\n");
}

static void
look_at_client(struct milter_contract *contract)
{
    *(struct milter_client *)contract->at_end_argument =
        *milter_session_client(contract->session);
}

static void
another_connection_is_another_client(void **state)
{
    static const struct {
        const char *what;
        const char *between;
        const char *address;
        const char *helo;
        bool local;
    } rows[] = {
        {"the same", "", "", "helo.example", true},
        {"another greeting", "H", "", "x", true},
        {"another client", "C", "192.0.2.9", "", false},
        {"another connection", "K", "", "", false},
        {"a new beginning", "O", "", "", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct milter_client seen;

        print_message("# %s\n", rows[i].what);
        again();
        scene.contract.at_end = look_at_client;
        scene.contract.at_end_argument = &seen;
        send_offer(6, ALL_ACTIONS, ALL_STEPS);
        send_packet('C', SPAN("localhost\0L\0\0/run/x\0"));
        send_packet('H', SPAN("helo.example\0"));
        switch (rows[i].between[0]) {
        case 'O':
            send_offer(6, ALL_ACTIONS, ALL_STEPS);
            break;
        case 'C':
            send_packet('C', SPAN("x\0"
                                  "4\0\0"
                                  "192.0.2.9\0"));
            break;
        case '\0':
            break;
        default:
            send_packet(rows[i].between[0], SPAN("x\0"));
        }
        send_packet('M', SPAN("<a@b>\0"));
        send_packet('E', SPAN(""));
        talk();
        assert_string_equal(seen.address, rows[i].address);
        assert_string_equal(seen.helo, rows[i].helo);
        assert_int_equal(seen.local, rows[i].local);
    }
}

#define OCTETS(literal)                                                                  \
    {                                                                                    \
        ("" literal), sizeof(literal) - 1                                                \
    }

/* What breaks the protocol is hung up on: no answer, nothing more is called. */
static void
hangs_up(void **state)
{
    static const struct {
        const char *what;
        struct span before; /* commands with no data */
        struct span packet; /* the whole of it */
        const char *answers;
        const char *calls;
    } rows[] = {
        {"no negotiation", OCTETS(""), OCTETS("\0\0\0\1M"), "", ""},
        {"another protocol", OCTETS(""), OCTETS("EHLO x\r\n"), "", ""},
        {"no command", OCTETS("O"), OCTETS("\0\0\0\0"), "O", "open\nclose\n"},
        {"an unknown command", OCTETS("O"), OCTETS("\0\0\0\1Z"), "O", "open\nclose\n"},
        {"the same in a message", OCTETS("OM"), OCTETS("\0\0\0\1Z"), "O",
            "open\nmail x\nreset\nclose\n"},
        {"too long a packet", OCTETS("OM"), OCTETS("\0\x11\0\1L"), "O",
            "open\nmail x\nreset\nclose\n"},
        {"half an offer", OCTETS(""), OCTETS("\0\0\0\2O\0"), "", ""},
        {"protocol 1", OCTETS(""), OCTETS("\0\0\0\x0dO\0\0\0\1\0\0\1\xff\0\x1f\xff\xff"),
            "", ""},
        {"too few actions", OCTETS(""),
            OCTETS("\0\0\0\x0dO\0\0\0\6\0\0\0\x1f\0\x1f\xff\xff"), "", ""},
        {"too few after all", OCTETS("OM"),
            OCTETS("\0\0\0\x0dO\0\0\0\6\0\0\0\x1f\0\x1f\xff\xff"), "O",
            "open\nmail x\nreset\nclose\n"},
        {"a client without family", OCTETS("O"), OCTETS("\0\0\0\3Cx\0"), "O",
            "open\nclose\n"},
        {"half a greeting", OCTETS("O"), OCTETS("\0\0\0\2Hx"), "O", "open\nclose\n"},
        {"two greetings", OCTETS("O"), OCTETS("\0\0\0\5Hx\0y\0"), "O", "open\nclose\n"},
        {"half a sender", OCTETS("O"), OCTETS("\0\0\0\2Mx"), "O", "open\nclose\n"},
        {"no sender", OCTETS("O"), OCTETS("\0\0\0\1M"), "O", "open\nclose\n"},
        {"a field before mail", OCTETS("O"), OCTETS("\0\0\0\5Lx\0y\0"), "O",
            "open\nclose\n"},
        {"half a field", OCTETS("OM"), OCTETS("\0\0\0\4Lx\0y"), "O",
            "open\nmail x\nreset\nclose\n"},
        {"a name alone", OCTETS("OM"), OCTETS("\0\0\0\3Lx\0"), "O",
            "open\nmail x\nreset\nclose\n"},
        {"a field and a half", OCTETS("OM"), OCTETS("\0\0\0\7Lx\0y\0z\0"), "O",
            "open\nmail x\nreset\nclose\n"},
        {"a field behind the last", OCTETS("OMN"), OCTETS("\0\0\0\5Lx\0y\0"), "O",
            "open\nmail x\nend of fields\nreset\nclose\n"},
        {"a second end of fields", OCTETS("OMN"), OCTETS("\0\0\0\1N"), "O",
            "open\nmail x\nend of fields\nreset\nclose\n"},
        {"an end of no fields", OCTETS("O"), OCTETS("\0\0\0\1N"), "O", "open\nclose\n"},
        {"a body without a mail", OCTETS("O"), OCTETS("\0\0\0\2Bx"), "O",
            "open\nclose\n"},
        {"an end without a mail", OCTETS("O"), OCTETS("\0\0\0\1E"), "O", "open\nclose\n"},
        {"a second end", OCTETS("OME"), OCTETS("\0\0\0\1E"), "Oa",
            "open\nmail x\nend of fields\nend of message\nreset\nclose\n"},
        {"a field behind an abort", OCTETS("OMA"), OCTETS("\0\0\0\5Lx\0y\0"), "O",
            "open\nmail x\nreset\nclose\n"},
        {"macros of no command", OCTETS("OM"), OCTETS("\0\0\0\1D"), "O",
            "open\nmail x\nreset\nclose\n"},
        {"half a macro", OCTETS("OM"), OCTETS("\0\0\0\4DNi\0"), "O",
            "open\nmail x\nreset\nclose\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %s\n", rows[i].what);
        again();
        for (size_t k = 0; k < rows[i].before.length; k++) {
            if (rows[i].before.data[k] == 'O')
                send_offer(6, ALL_ACTIONS, ALL_STEPS);
            else
                send_packet(rows[i].before.data[k],
                    rows[i].before.data[k] == 'M' ? SPAN("x\0") : SPAN(""));
        }
        /* What is answered stands before what is wrong, or it may get lost. */
        connect_to_it();
        if (scene.input.length > 0) {
            assert_int_equal(send(scene.fds[0], scene.input.data, scene.input.length, 0),
                scene.input.length);
            while (strlen(answers()) < strlen(rows[i].answers))
                assert_true(receive(0));
        }
        exchange(rows[i].packet, 65536);
        disconnect();
        assert_string_equal(answers(), rows[i].answers);
        calls(rows[i].calls);
    }
}

static void
send_all_there_is(void)
{
    send_greeting();
    send_packet('D', SPAN("M{auth_authen}\0alice\0"));
    send_message();
    send_packet('E', SPAN("end"));
    send_message();
    send_packet('A', SPAN(""));
    send_message();
    send_packet('E', SPAN(""));
    send_packet('Q', SPAN(""));
}

static void
octets_come_one_by_one(void **state)
{
    char *whole;

    (void)state;
    send_all_there_is();
    talk();
    assert_string_equal(answers(), "Occacccca");
    whole = strdup(buffer_text(&scene.contract.calls));
    assert_non_null(whole);
    for (size_t at_once = 1; at_once < 8; at_once++) {
        again();
        send_all_there_is();
        connect_to_it();
        exchange(buffer_span(&scene.input), at_once);
        disconnect();
        calls(whole);
    }
    free(whole);
}

/* A peer may vanish behind any octet. */
static void
a_stream_may_end_anywhere(void **state)
{
    struct span whole;
    char *copy;

    (void)state;
    send_all_there_is();
    whole = buffer_span(&scene.input);
    copy = malloc(whole.length);
    assert_non_null(copy);
    memcpy(copy, whole.data, whole.length);
    for (size_t length = 0; length < whole.length; length++) {
        struct span said;

        again();
        connect_to_it();
        exchange(span_make(copy, length), 65536);
        disconnect();
        said = buffer_span(&scene.contract.calls);
        assert_true(said.length == 0 || scene.contract.closed);
    }
    free(copy);
}

static void
send_long(char command, size_t length)
{
    char *data = malloc(length);

    assert_non_null(data);
    memset(data, 'x', length);
    if (command == 'L') {
        data[1] = '\0';
        data[length - 1] = '\0';
    }
    send_packet(command, span_make(data, length));
    free(data);
}

static void
long_packets(void **state)
{
    static const struct {
        const char *what;
        char command;
        size_t length;
        bool taken;
    } rows[] = {
        {"a chunk of Postfix", 'B', 65535, true},
        {"a chunk of Sendmail", 'B', (1 << 20) - 1, true},
        {"a field of 1 MiB", 'L', (1 << 20) + 3, true},
        {"a field of 70 kB", 'L', 70000, true},
        {"the longest", 'B', MILTER_PACKET_MAX - 1, true},
        {"longer than that", 'B', MILTER_PACKET_MAX, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        for (size_t at_once = 65536; at_once >= 4096; at_once /= 16) {
            print_message("# %s\n", rows[i].what);
            again();
            send_offer(6, ALL_ACTIONS, ALL_STEPS);
            send_packet('M', SPAN("<>\0"));
            for (size_t times = 0; times < 3; times++)
                send_long(rows[i].command, rows[i].length);
            send_packet('E', SPAN(""));
            connect_to_it();
            exchange(buffer_span(&scene.input), at_once);
            disconnect();
            if (rows[i].taken)
                assert_string_equal(answers(), "Oa");
            else
                assert_null(strchr(answers(), 'a'));
            if (rows[i].command == 'B' && rows[i].taken)
                assert_int_equal(scene.contract.body, 3 * rows[i].length);
        }
    }
}

/* A thousand messages without waiting for an answer. */
static void
does_not_mind_a_hurry(void **state)
{
    const char *told;

    (void)state;
    send_offer(6, ALL_ACTIONS, 0);
    for (size_t i = 0; i < 1000; i++) {
        send_message();
        send_packet('E', SPAN(""));
    }
    talk();
    told = answers();
    assert_int_equal(strlen(told), 1 + 1000 * 7);
    for (size_t i = 0; i < 1000; i++)
        assert_memory_equal(told + 1 + i * 7, "cccccca", 7);
    assert_int_equal(scene.contract.messages, 1000);
}

enum { MANY_EDITS = 60000, OFFER_OCTETS = 5 + 12 };

static struct verdict_edit many[MANY_EDITS];

static void
delete_many(void)
{
    for (unsigned i = 0; i < MANY_EDITS; i++)
        many[i] =
            (struct verdict_edit){VERDICT_DELETE, "Authentication-Results", NULL, i + 1};
    scene.contract.verdict = (struct verdict){
        .action = VERDICT_ACCEPT, .edits = many, .edit_count = MANY_EDITS};
}

/* It is in hand until the MTA has all of the answer: a stop waits for that. */
static void
an_answer_that_is_taken_slowly(void **state)
{
    static const size_t total =
        OFFER_OCTETS + MANY_EDITS * (5 + 4 + sizeof("Authentication-Results") + 1) + 5;

    (void)state;
    delete_many();
    send_offer(6, ALL_ACTIONS, ALL_STEPS);
    send_packet('M', SPAN("<>\0"));
    send_packet('E', SPAN(""));
    connect_to_it();
    assert_int_equal(
        send(scene.fds[0], scene.input.data, scene.input.length, 0), scene.input.length);
    while (scene.answers.length < total) {
        assert_true(receive(0));
        /* The last of it may be on its way already. */
        if (scene.answers.length > OFFER_OCTETS &&
            total - scene.answers.length > (1 << 19))
            assert_int_equal(atomic_load(&scene.counts.messages), 1);
    }
    (void)shutdown(scene.fds[0], SHUT_WR);
    while (receive(0))
        ;
    disconnect();
    assert_int_equal(scene.answers.length, total);
    assert_int_equal(scene.contract.told, VERDICT_ACCEPT);
}

static void
shut_the_door(struct milter_contract *contract)
{
    (void)shutdown(*(int *)contract->at_end_argument, SHUT_RDWR);
}

static void
a_peer_that_is_gone_meanwhile(void **state)
{
    (void)state;
    delete_many();
    scene.contract.at_end = shut_the_door;
    scene.contract.at_end_argument = &scene.fds[0];
    send_greeting();
    send_message();
    send_packet('E', SPAN(""));
    talk();
    calls("open\nmail <a@b>\nfield Subject= hello\nend of fields\nbody 6\n"
          "end of message\nreset\nclose\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_message_in_its_order, begin, end),
        cmocka_unit_test_setup_teardown(offers_what_both_can, begin, end),
        cmocka_unit_test_setup_teardown(each_step_is_answered_unless_agreed, begin, end),
        cmocka_unit_test_setup_teardown(enough_of_a_body, begin, end),
        cmocka_unit_test_setup_teardown(what_may_be_left_out, begin, end),
        cmocka_unit_test_setup_teardown(no_message_hears_of_another, begin, end),
        cmocka_unit_test_setup_teardown(macros_hold_for_their_message, begin, end),
        cmocka_unit_test_setup_teardown(another_connection_is_another_client, begin, end),
        cmocka_unit_test_setup_teardown(hangs_up, begin, end),
        cmocka_unit_test_setup_teardown(octets_come_one_by_one, begin, end),
        cmocka_unit_test_setup_teardown(a_stream_may_end_anywhere, begin, end),
        cmocka_unit_test_setup_teardown(long_packets, begin, end),
        cmocka_unit_test_setup_teardown(does_not_mind_a_hurry, begin, end),
        cmocka_unit_test_setup_teardown(an_answer_that_is_taken_slowly, begin, end),
        cmocka_unit_test_setup_teardown(a_peer_that_is_gone_meanwhile, begin, end),
    };

    return cmocka_run_group_tests_name("milter_session", tests, NULL, NULL);
}
