/*
 * What a message becomes on its way to a worker: whole, or no message at all.
 */
#include "tests/unit/unit.h"

#include "milters/scan/scan_session.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST = 1 << 20, PIECE = 10000 };

static char piece[PIECE];

static struct scan_session *
begin(unsigned pieces)
{
    struct scan_session *session = scan_session_new();

    memset(piece, 'x', sizeof(piece));
    scan_session_begin(session, SPAN("a@b.example"), 0);
    scan_session_field(session, SPAN("Subject"), SPAN(" hello"), true, false, MOST);
    scan_session_end_of_header(session, MOST);
    for (unsigned i = 0; i < pieces; i++)
        scan_session_body(session, span_make(piece, sizeof(piece)), MOST);
    return session;
}

/* Descriptors are at an end while a message is built. */
static struct scan_session *
begin_without_descriptors(unsigned pieces)
{
    struct scan_session *session;
    struct rlimit before;
    struct rlimit none;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    session = begin(pieces);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    return session;
}

static void
a_small_message_needs_no_descriptor(void **state)
{
    struct scan_session *session = begin_without_descriptors(3);
    struct scan_message message;

    (void)state;
    assert_true(scan_session_seal(session));
    message = scan_session_message(session);
    assert_int_equal(message.fd, -1);
    assert_int_equal(session->size, 3 * PIECE + strlen("Subject: hello\r\n\r\n"));
    assert_int_equal(message.size, session->size + SCAN_MARK.length);
    assert_true(span_starts(message.octets, SCAN_MARK));
    assert_int_equal(message.octets.length, message.size);
    scan_session_free(session);
}

static void
a_large_one_is_whole_and_sealed(void **state)
{
    struct scan_session *session = begin(20);
    struct scan_message message;
    struct stat about;

    (void)state;
    assert_true(scan_session_seal(session));
    message = scan_session_message(session);
    assert_int_equal(fstat(message.fd, &about), 0);
    assert_int_equal(session->size, 20 * PIECE + strlen("Subject: hello\r\n\r\n"));
    assert_int_equal(about.st_size, session->size + SCAN_MARK.length);
    assert_int_equal(message.size, about.st_size);
    assert_int_equal(message.octets.length, 0);
    assert_true((fcntl(message.fd, F_GET_SEALS) & F_SEAL_WRITE) != 0);
    scan_session_free(session);
}

/* Descriptors may be there again when it ends: what is left of it is not taken for it. */
static void
one_that_lost_octets_is_none(void **state)
{
    (void)state;
    for (unsigned pieces = 4; pieces < 9; pieces++) {
        struct scan_session *session = begin_without_descriptors(pieces);

        scan_session_body(session, SPAN("the rest"), MOST);
        assert_false(scan_session_seal(session));
        scan_session_free(session);
    }
}

/* As it was sent: its own blank, if it has one, is part of a field's value. */
static void
a_message_of_exactly_the_most_is_not_too_big(void **state)
{
    static const uint64_t size = sizeof("Subject: hello\r\n\r\nbody") - 1;

    (void)state;
    for (unsigned more = 0; more < 2; more++) {
        for (unsigned leading_space = 0; leading_space < 2; leading_space++) {
            struct scan_session *session = scan_session_new();

            scan_session_begin(session, SPAN(""), 0);
            scan_session_field(session, SPAN("Subject"),
                leading_space != 0 ? SPAN(" hello") : SPAN("hello"), leading_space != 0,
                false, size - more);
            scan_session_end_of_header(session, size - more);
            scan_session_body(session, SPAN("body"), size - more);
            assert_int_equal(session->too_big, more != 0);
            scan_session_free(session);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_message_needs_no_descriptor),
        cmocka_unit_test(a_large_one_is_whole_and_sealed),
        cmocka_unit_test(one_that_lost_octets_is_none),
        cmocka_unit_test(a_message_of_exactly_the_most_is_not_too_big),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
