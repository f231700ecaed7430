/*
 * An address is found in each of its forms, and another's is not.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "policyd/maillog/address_form.h"
#include "shared/base/attributes.h"

static const struct address_form alice = {
    {"alice", 5},
    {"example.com", 11},
};

struct row {
    const char *what;
    const char *text;
    const char *wanted; /* NULL: another's, it stays */
};

static const struct row rows[] = {
    {"as it is", "alice@example.com", "X@example.com"},
    {"in any case", "<Alice@EXAMPLE.com>", "<X@example.com>"},
    {"twice", "alice@example.com alice@example.com.", "X@example.com X@example.com."},
    {"at the end of a sentence", "no alice@example.com.", "no X@example.com."},
    {"quoted in a reply", "450 <alice@example.com>: no", "450 <X@example.com>: no"},
    {"subaddress", "alice+news@example.com", "X@example.com"},
    {"subaddress with signs", "alice+a.b-c+d@example.com", "X@example.com"},
    {"BATV", "prvs=1234567890=alice@example.com", "prvs=1234567890=X@example.com"},
    {"BATV of old", "btv1==123==alice@example.com", "btv1==123==X@example.com"},
    {"VERP", "bounce+alice=example.com@list.example",
        "bounce+X=example.com@list.example"},
    {"VERP by a hyphen", "list-bounces-77-Alice=Example.com@list.example",
        "list-bounces-77-X=example.com@list.example"},
    {"VERP alone", "alice=example.com@list.example", "X=example.com@list.example"},
    {"VERP of a subaddress", "b+alice+x=example.com@l.test", "b+X=example.com@l.test"},
    {"by way of another host", "alice%example.com@gw.test", "X%example.com@gw.test"},
    {"SRS0", "SRS0=HHHH=TT=example.com=alice@gw.test",
        "SRS0=HHHH=TT=example.com=X@gw.test"},
    {"SRS0 of a subaddress", "SRS0=H=T=example.com=alice+n@gw.test",
        "SRS0=H=T=example.com=X@gw.test"},
    {"SRS1", "srs1=HH=other.test==HHH=TT=example.com=ALICE@gw.test",
        "srs1=HH=other.test==HHH=TT=example.com=X@gw.test"},
    {"VERP of SRS", "b+SRS0=H=T=example.com=alice@gw.test",
        "b+SRS0=H=T=example.com=X@gw.test"},
    {"a longer local part", "malice@example.com", NULL},
    {"another's subaddress", "bounce+alice@example.com", NULL},
    {"another's by a hyphen", "mary-alice@example.com", NULL},
    {"another's by a dot", "mary.alice@example.com", NULL},
    {"a local part that goes on", "alice2@example.com", NULL},
    {"a longer domain", "alice@example.com.test", NULL},
    {"another domain", "alice@example.community", NULL},
    {"a domain with a hyphen", "alice@example.com-x", NULL},
    {"VERP without a host", "key=alice=example.com", NULL},
    {"another's VERP", "bounce+malice=example.com@list.example", NULL},
    {"another's SRS", "SRS0=H=T=example.com=alice2@gw.test", NULL},
    {"SRS of another domain", "SRS0=H=T=my.example.com=alice@gw.test", NULL},
    {"a subaddress too long",
        "alice+aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@"
        "example.com",
        NULL},
    {"nothing", "", NULL},
    {"its beginning", "alice@example.co", NULL},
    {"its local part", "alice", NULL},
    {"a subaddress without end", "alice+", NULL},
};

static void
each_form_is_found_and_no_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const char *wanted = rows[i].wanted != NULL ? rows[i].wanted : rows[i].text;
        struct buffer out;

        buffer_init(&out, 1000);
        address_form_replace(&alice, span_of(rows[i].text), SPAN("X"), &out);
        if (!span_is(buffer_span(&out), wanted))
            print_message("# %s: %.*s\n", rows[i].what, (int)out.length, out.data);
        assert_true(span_is(buffer_span(&out), wanted));
        buffer_clear(&out);
    }
}

static void
anywhere_is_in_any_octets(void **state)
{
    static const char *const texts[] = {"xxalice@example.comyy",
        "\1\2Alice=EXAMPLE.com\3", "example.com=alice", "alice+x@example.com"};
    struct address_place place;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
        assert_true(address_form_find(&alice, span_of(texts[i]), 0, true, &place));
    assert_false(
        address_form_find(&alice, SPAN("alice at example.com"), 0, true, &place));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_is_found_and_no_others),
        cmocka_unit_test(anywhere_is_in_any_octets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
