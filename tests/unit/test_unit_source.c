/*
 * A site's lists, as programs write them, into links.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "policyd/units/unit_source.h"
#include "shared/base/attributes.h"

static void
note_link(void *argument, enum unit_link_kind kind, struct span left, struct span right,
    size_t line)
{
    buffer_printf(argument, "%zu %s %.*s %.*s\n", line, unit_link_name(kind),
        (int)left.length, left.data, (int)right.length, right.data);
}

static void
note_left_out(void *argument, const char *why, struct span text, size_t line)
{
    (void)why;
    (void)text;
    buffer_printf(argument, "%zu left out\n", line);
}

struct row {
    const char *what;
    enum unit_format format;
    const char *text;
    const char *wanted; /* NULL: it can't be read, and the error names: */
    const char *error;
};

static const struct row rows[] = {
    {"units", UNIT_FORMAT_UNITS,
        "# no one\na@x.test,it dept\nb@x.test  c@x.test\nd@x.test\n",
        "2 order a@x.test it dept\n3 order b@x.test c@x.test\n4 left out\n", NULL},
    {"permissions of Exchange", UNIT_FORMAT_CSV,
        "#TYPE Selected.System.Object\r\n"
        "\"Identity\",\"User\",\"AccessRights\",\"IsInherited\",\"Deny\"\r\n"
        "\"info@x.test\",\"NT AUTHORITY\\SELF\",\"FullAccess\",\"False\",\"False\"\r\n"
        "\"info@x.test\",\"a@x.test\",\"FullAccess, "
        "ReadPermission\",\"False\",\"False\"\r\n"
        "\"info@x.test\",\"b@x.test\",\"FullAccess\",\"True\",\"False\"\r\n"
        "\"info@x.test\",\"c@x.test\",\"FullAccess\",\"False\",\"True\"\r\n"
        "\"info@x.test\",\"CORP\\dora\",\"FullAccess\",\"False\",\"False\"\r\n"
        "\"Big Boss\",\"a@x.test\",\"FullAccess\",\"False\",\"False\"\r\n"
        "\"info@x.test\",\"S-1-5-21-1\",\"FullAccess\",\"False\",\"False\"\r\n",
        "4 delegate info@x.test a@x.test\n7 delegate info@x.test dora@x.test\n"
        "8 left out\n",
        NULL},
    {"groups", UNIT_FORMAT_CSV,
        "Group;Name;PrimarySmtpAddress\nSales Team;Anna;a@x.test\nSales "
        "Team;Bert;b@x.test\n",
        "2 group Sales Team a@x.test\n3 group Sales Team b@x.test\n", NULL},
    {"groups whose name is the identity", UNIT_FORMAT_CSV,
        "Identity,PrimarySmtpAddress\nsales@x.test,a@x.test\n",
        "2 group sales@x.test a@x.test\n", NULL},
    {"what unit suggest writes", UNIT_FORMAT_CSV,
        "# Who wrote\nMailbox,User,Kind,Mails,Back\na@x.test,b@x.test,mail,7,8\n",
        "3 mail a@x.test b@x.test\n", NULL},
    {"a field over two lines", UNIT_FORMAT_CSV,
        "Mailbox,User,Note\na@x.test,b@x.test,\"one\ntwo "
        "\"\"three\"\"\"\nc@x.test,d@x.test,\n",
        "2 delegate a@x.test b@x.test\n4 delegate c@x.test d@x.test\n", NULL},
    {"a quote that never ends", UNIT_FORMAT_CSV, "Mailbox,User\n\"a@x.test,b@x.test\n",
        NULL, "line 2: a quote"},
    {"columns of something else", UNIT_FORMAT_CSV, "Colour,Size\nred,3\n", NULL,
        "no row of columns"},
    {"a directory", UNIT_FORMAT_LDIF,
        "version: 1\n\n"
        "dn: CN=Anna Muster,OU=People,DC=x,DC=test\nmail: a@x.test\n"
        "proxyAddresses: SMTP:a@x.test\nproxyAddresses: smtp:anna@x.test\n"
        "proxyAddresses: x500:/o=x\nmanager: cn=bert, ou=People,\n  dc=x,dc=test\n\n"
        "dn:: Q049QmVydCxPVT1QZW9wbGUsREM9eCxEQz10ZXN0\nmail: b@x.test\n\n"
        "dn: CN=Team,DC=x,DC=test\nmember: CN=Bert,OU=People,DC=x,DC=test\n"
        "member: CN=Anna Muster,OU=People,DC=x,DC=test\nmember: CN=Gone,DC=x\n",
        "6 alias a@x.test anna@x.test\n8 manager a@x.test b@x.test\n"
        "15 group cn=team,dc=x,dc=test b@x.test\n16 group cn=team,dc=x,dc=test a@x.test\n"
        "17 left out\n",
        NULL},
    {"aliases of Postfix", UNIT_FORMAT_VIRTUAL,
        "# comment\nx.test anything\nanna@x.test a@x.test\nteam@x.test a@x.test,\n"
        "   b@x.test\n@y.test a@x.test\n",
        "2 alias x.test@x.test anything@x.test\n3 alias anna@x.test a@x.test\n"
        "4 group team@x.test a@x.test\n4 group team@x.test b@x.test\n6 left out\n",
        NULL},
};

static void
lists_become_links(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buffer said = {.ceiling = 1 << 16};
        const struct unit_reader reader = {note_link, note_left_out, &said, "x.test"};
        struct error error;
        bool done =
            unit_source_read(rows[i].format, span_of(rows[i].text), &reader, &error);

        if (rows[i].wanted != NULL) {
            if (!done)
                fail_msg("%s: %s", rows[i].what, error.text);
            if (strcmp(buffer_text(&said), rows[i].wanted) != 0)
                fail_msg("%s:\n%s", rows[i].what, buffer_text(&said));
        } else if (done || strstr(error.text, rows[i].error) == NULL) {
            fail_msg("%s: %s", rows[i].what, done ? "read" : error.text);
        }
        buffer_clear(&said);
    }
}

static void
the_form_is_guessed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        /* virtual(5) looks like units: it is named. */
        if (rows[i].format != UNIT_FORMAT_VIRTUAL && rows[i].wanted != NULL &&
            unit_format_guess(span_of(rows[i].text)) != rows[i].format)
            fail_msg("%s", rows[i].what);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_become_links),
        cmocka_unit_test(the_form_is_guessed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
