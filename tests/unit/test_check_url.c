/*
 * URLs that name this machine, and those that only begin so.
 */
#include "tests/unit/unit.h"

#include "policyd/checks/check_url.h"
#include "shared/base/attributes.h"

static void
tells_this_machine_from_others(void **state)
{
    static const struct {
        const char *url;
        bool wanted;
    } rows[] = {
        {"imap://127.0.0.1", true},
        {"imap://127.9.8.7:143/INBOX", true},
        {"imap://[::1]:143", true},
        {"imap://localhost:143", true},
        {"imap://LocalHost/", true},
        {"imap://127.example.com", false},
        {"imap://127.0.0.1.example.com", false},
        {"imap://localhost.example.com", false},
        {"imap://localhosts", false},
        {"imap://localhost@example.com", false},
        {"imap://[::1]", true},
        {"imap://[::1].example.com", false},
        {"imap://[::1", false},
        {"imap://128.0.0.1", false},
        {"localhost", false},
        {"imap:localhost", false},
        {"", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %s\n", rows[i].url);
        assert_int_equal(check_url_is_loopback(span_of(rows[i].url)), rows[i].wanted);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_this_machine_from_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
