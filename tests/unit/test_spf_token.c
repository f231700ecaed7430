/*
 * What libspf2 sees of a record: tokens for what asks, only the address term that
 * matches, nothing behind what ends the record.
 */
#include "tests/unit/unit.h"

#include "milters/spf/spf_token.h"
#include "shared/base/attributes.h"

#include <arpa/inet.h>

struct row {
    const char *what;
    const char *address;
    const char *record;
    const char *wanted;
    unsigned tokens;
};

/* clang-format off */
static const struct row rows[] = {
    {"nothing",             "192.0.2.1",   "v=spf1",                                  "v=spf1", 0},
    {"terms that ask",      "192.0.2.1",   "v=spf1 a mx:x.test -ptr ~include:y.test ?exists:%{i}.z.test",
        "v=spf1 +a:0.t +mx:1.t -exists:2.t ~include:3.t ?exists:4.t", 5},
    {"prefix lengths",      "192.0.2.1",   "v=spf1 a/24//64 mx/32 a/0 mx//0",         "v=spf1 +a:0.t/24 +mx:1.t +a:2.t +mx:3.t", 4},
    {"those of IPv6",       "2001:db8::1", "v=spf1 a/24//64 mx/32 a/0 mx//0",         "v=spf1 +a:0.t//64 +mx:1.t +a:2.t +mx:3.t", 4},
    {"all ends it",         "192.0.2.1",   "v=spf1 a -all mx redirect=x.test",        "v=spf1 +a:0.t -all", 1},
    {"no redirect with all", "192.0.2.1",  "v=spf1 redirect=x.test ~all",             "v=spf1 ~all", 0},
    {"redirect",            "192.0.2.1",   "v=spf1 redirect=x.test exp=y.test a",     "v=spf1 +a:0.t redirect=1.t", 2},
    {"other addresses",     "192.0.2.1",   "v=spf1 ip4:192.0.2.2 ip4:10.0.0.0/8 ip6:::/0 -all", "v=spf1 -all", 0},
    {"the address",         "192.0.2.1",   "v=spf1 a ~ip4:192.0.2.1 mx -all",         "v=spf1 +a:0.t ~ip4:192.0.2.1/32", 1},
    {"its network",         "192.0.2.129", "v=spf1 ip4:192.0.2.0/25 -ip4:192.0.2.255/25 +all", "v=spf1 -ip4:192.0.2.255/25", 0},
    {"any network",         "192.0.2.1",   "v=spf1 ip4:1.2.3.4/0",                    "v=spf1 +ip4:192.0.2.1/32", 0},
    {"its IPv6 network",    "2001:db8::1", "v=spf1 ip4:0.0.0.0/0 ip6:2001:DB8:8000::/32", "v=spf1 +ip6:2001:db8:8000::/32", 0},
    {"any IPv6 network",    "2001:db8::1", "v=spf1 ip6:::/0",                         "v=spf1 +ip6:2001:db8::1/128", 0},
    {"12 terms",            "192.0.2.1",   "v=spf1 a a a a a a a a a a a a redirect=x.test",
        "v=spf1 +a:0.t +a:1.t +a:2.t +a:3.t +a:4.t +a:5.t +a:6.t +a:7.t +a:8.t +a:9.t +a:10.t", 11},
};
/* clang-format on */

static void
shows_what_can_have_a_say(void **state)
{
    static struct spf_tokens tokens;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        bool is_v6 = span_find(span_of(rows[i].address), ':') != SPAN_NONE;
        struct spf_scope scope = {.domain = SPAN("e.test")};
        const char *problem;
        struct buffer out;

        print_message("# %s\n", rows[i].what);
        tokens.count = 0;
        tokens.client.length = is_v6 ? 16 : 4;
        assert_int_equal(
            inet_pton(is_v6 ? AF_INET6 : AF_INET, rows[i].address, tokens.client.octets),
            1);
        assert_true(spf_record_parse(span_of(rows[i].record), &scope.record, &problem));
        buffer_init(&out, SPF_TOKEN_TEXT_MAX);
        spf_token_record(&tokens, &scope, &out);
        assert_string_equal(buffer_text(&out), rows[i].wanted);
        assert_int_equal(tokens.count, rows[i].tokens);
        buffer_clear(&out);
    }
}

static void
finds_tokens_by_name(void **state)
{
    static struct spf_tokens tokens;
    static const char *const none[] = {
        "2.t", "-1.t", "01.t", "0.t.", "0", ".t", "t", "", "0.x"};

    (void)state;
    assert_null(spf_token_find(&tokens, SPAN("0.t")));
    (void)spf_token_new(&tokens, SPF_TOKEN_MX, NULL);
    (void)spf_token_new(&tokens, SPF_TOKEN_PTR, NULL);
    assert_ptr_equal(spf_token_find(&tokens, SPAN("1.t")), &tokens.items[1]);
    for (size_t i = 0; i < ARRAY_LENGTH(none); i++)
        assert_null(spf_token_find(&tokens, span_of(none[i])));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_what_can_have_a_say),
        cmocka_unit_test(finds_tokens_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
