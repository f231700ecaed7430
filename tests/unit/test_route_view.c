/*
 * What a socketmap answers to whom: the gateway, or a backend that asks for the others.
 */
#include "tests/unit/unit.h"

#include "policyd/routing/route_view.h"

#include "shared/base/attributes.h"
#include "shared/base/buffer.h"

#define OLD "cutover-old:[192.0.2.10]:25"
#define NEW "cutover-new:[192.0.2.20]:25, [192.0.2.21]:26"
#define LMTP "cutover-new-lmtp:[192.0.2.20]:24"
#define SOCKET "cutover-new-lmtp:unix:/run/lmtp"
#define SITE DOMAIN_OLD_SITE

static void
tells_each_asker_what_it_can_use(void **state)
{
    static const struct {
        const char *view;
        enum route_place place;
        const char *nexthop;
        enum route_view_status status;
        const char *text;
    } rows[] = {
        {"transport", ROUTE_OLD, OLD, VIEW_OK, OLD},
        {"transport", ROUTE_NEW, NEW, VIEW_OK, NEW},
        {"transport", ROUTE_NEW, SOCKET, VIEW_OK, SOCKET},
        {"transport", ROUTE_OLD, SITE, VIEW_NOTFOUND, ""},
        {"transport", ROUTE_HOLD, "", VIEW_OK, "retry:4.2.1 moved"},
        {"transport", ROUTE_UNKNOWN, "", VIEW_TEMP, NULL},
        {"transport", ROUTE_NOT_OURS, "", VIEW_NOTFOUND, ""},
        {"verify", ROUTE_OLD, OLD, VIEW_OK, "cutover-verify:[192.0.2.10]:25"},
        {"verify", ROUTE_NEW, NEW, VIEW_OK,
            "cutover-verify:[192.0.2.20]:25, [192.0.2.21]:26"},
        {"verify", ROUTE_NEW, SOCKET, VIEW_OK, "cutover-verify-lmtp:unix:/run/lmtp"},
        {"verify", ROUTE_OLD, SITE, VIEW_NOTFOUND, ""},
        {"verify", ROUTE_HOLD, "", VIEW_OK, "retry:4.2.1 moved"},
        {"verify", ROUTE_UNKNOWN, "", VIEW_TEMP, NULL},
        {"verify", ROUTE_NOT_OURS, "", VIEW_NOTFOUND, ""},
        {"from-old", ROUTE_OLD, OLD, VIEW_NOTFOUND, ""},
        {"from-old", ROUTE_OLD, SITE, VIEW_NOTFOUND, ""},
        {"from-old", ROUTE_NEW, NEW, VIEW_OK, "smtp:[192.0.2.20]:25, [192.0.2.21]:26"},
        {"from-old", ROUTE_NEW, LMTP, VIEW_OK, "lmtp:[192.0.2.20]:24"},
        {"from-old", ROUTE_NEW, "lmtp:[192.0.2.20]:24", VIEW_OK, "lmtp:[192.0.2.20]:24"},
        {"from-old", ROUTE_NEW, SOCKET, VIEW_TEMP, NULL},
        {"from-old", ROUTE_STANDBY, "cutover-standby:[192.0.2.30]:25", VIEW_OK,
            "smtp:[192.0.2.30]:25"},
        {"from-old", ROUTE_HOLD, "", VIEW_OK, "retry:4.2.1 moved"},
        {"from-new", ROUTE_NEW, NEW, VIEW_NOTFOUND, ""},
        {"from-new", ROUTE_OLD, OLD, VIEW_OK, "smtp:[192.0.2.10]:25"},
        {"from-new", ROUTE_OLD, SITE, VIEW_TEMP, NULL},
        {"from-new", ROUTE_UNKNOWN, "", VIEW_TEMP, NULL},
        {"from-new", ROUTE_NOT_OURS, "", VIEW_NOTFOUND, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        static struct route route;
        struct route_view_answer answer;
        struct buffer whole;

        print_message("# %s, %s\n", rows[i].view, rows[i].nexthop);
        route.place = rows[i].place;
        route.nexthop = rows[i].nexthop;
        route.at_site = span_is(span_of(rows[i].nexthop), SITE);
        answer =
            route_view_answer(route_view_find(span_of(rows[i].view)), &route, "moved");
        assert_int_equal(answer.status, rows[i].status);
        buffer_init(&whole, 1000);
        buffer_append(&whole, answer.text);
        buffer_append(&whole, answer.rest);
        if (rows[i].text == NULL)
            assert_true(whole.length > 0);
        else
            assert_string_equal(buffer_text(&whole), rows[i].text);
        buffer_clear(&whole);
    }
}

static void
knows_four_names(void **state)
{
    (void)state;
    assert_null(route_view_find(SPAN("")));
    assert_null(route_view_find(SPAN("Transport")));
    assert_null(route_view_find(SPAN("from-standby")));
    assert_non_null(route_view_find(SPAN("from-new")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_each_asker_what_it_can_use),
        cmocka_unit_test(knows_four_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
