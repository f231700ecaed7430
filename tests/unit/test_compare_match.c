/*
 * Which mails are the same on both sides, and how the others differ.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "policyd/compare/compare_match.h"
#include "policyd/compare/mail_digest.h"
#include "shared/base/attributes.h"
#include "shared/base/span.h"

enum { SIDE_MAX = 8 };

/* "ID BODY FLAGS", by commas; "-" is no Message-ID. */
static size_t
read_side(const char *text, struct compare_mail mails[SIDE_MAX])
{
    struct span rest = span_of(text);
    struct span part;
    size_t count = 0;

    while (rest.length > 0 && span_split(&rest, ',', &part)) {
        struct compare_mail *mail = &mails[count++];

        *mail = (struct compare_mail){.uid = (uint32_t)count};
        mail->id = part.data[0] == '-' ? 0 : (uint64_t)part.data[0];
        mail->digest[3] = (uint8_t)part.data[1];
        mail->flags = part.length > 2 ? (uint16_t)part.data[2] : 0;
    }
    return count;
}

static void
names_each_difference(void **state)
{
    static const struct {
        const char *what;
        const char *old;
        const char *new;
        const char *wanted; /* kind old-uid:new-uid */
        size_t only_new;
    } rows[] = {
        {"nothing", "", "", "", 0},
        {"the same", "ax,by", "by,ax", "", 0},
        {"lost", "ax,by", "by", "lost 1:0 ", 0},
        {"all lost", "ax,by", "", "lost 1:0 lost 2:0 ", 0},
        {"later mail", "ax", "ax,by", "", 1},
        {"doubled", "ax", "ax,ax", "doubled 0:2 ", 0},
        {"three times", "ax", "ax,ax,ax", "doubled 0:2 doubled 0:3 ", 0},
        {"doubled on both", "ax,ax", "ax,ax", "", 0},
        {"one of two copies lost", "ax,ax", "ax", "lost 2:0 ", 0},
        {"doubled without an id", "-x", "-x,-x", "doubled 0:2 ", 0},
        {"altered", "ax", "ay", "altered 1:1 ", 0},
        {"renamed", "ax", "bx", "renamed 1:1 ", 0},
        {"one id, two mails", "ax,ay", "ay,ax", "", 0},
        {"of these one altered", "ax,ay", "ay,az", "altered 1:2 ", 0},
        {"of these one lost", "ax,ay", "ay", "lost 1:0 ", 0},
        {"without an id", "-x", "-x", "", 0},
        {"flags", "axS", "axF", "flags 1:1 ", 0},
        {"the words of another mail, later", "ax", "ax,bx", "", 1},
        {"the same words, each with its id", "ax,bx,cx", "cx,bx,ax", "", 0},
        {"and one of these lost", "ax,bx,cx", "cx,ax", "lost 2:0 ", 0},
        {"altered beside a later one", "ax", "by,az", "altered 1:2 ", 1},
        {"altered and flagged", "axS", "ayF", "altered 1:1 ", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct compare_mail old[SIDE_MAX];
        struct compare_mail new[SIDE_MAX];
        struct compare_result result;
        char told[200] = "";

        print_message("# %s\n", rows[i].what);
        compare_match(
            old, read_side(rows[i].old, old), new, read_side(rows[i].new, new), &result);
        for (size_t k = 0; k < result.count; k++)
            (void)snprintf(told + strlen(told), sizeof(told) - strlen(told), "%s %u:%u ",
                compare_kind_name(result.differences[k].kind),
                (unsigned)result.differences[k].old_uid,
                (unsigned)result.differences[k].new_uid);
        assert_string_equal(told, rows[i].wanted);
        assert_int_equal(result.only_new, rows[i].only_new);
        compare_result_clear(&result);
    }
}

static void
digest_of(const char *text, size_t step, char id[MAIL_DIGEST_ID_MAX],
    uint8_t digest[DIGEST_SHA256_SIZE])
{
    static struct mail_digest mail;
    struct span rest = span_of(text);

    mail_digest_begin(&mail);
    for (; rest.length > 0; rest = span_from(rest, step))
        mail_digest_add(&mail, span_first(rest, step));
    mail_digest_end(&mail, digest);
    memcpy(id, mail.message_id, MAIL_DIGEST_ID_MAX);
}

#define PART                                                                             \
    "Message-Id: <1@x>\n\n--b\nContent-Type: text/plain\nContent-Transfer-Encoding: "

static void
a_mail_is_known_however_it_is_encoded(void **state)
{
    static const struct {
        const char *what;
        const char *left;
        const char *right;
        bool same;
        const char *id; /* of the left one */
    } rows[] = {
        {"line ends", "Message-ID: <1@x>\n\nHello.\n",
            "Message-ID: <1@x>\r\n\r\nHello.\r\n", true, "<1@x>"},
        {"fields that were added", "A: b\n\nHello.\n", "Received: x\nA: c\n\nHello.\n",
            true, ""},
        {"empty lines at the end", "A: b\n\nHello.\n", "A: b\n\nHello.\n\n\n", true, ""},
        {"empty lines before", "A: b\n\nHello.\n", "A: b\n\n\nHello.\n", false, ""},
        {"another body", "A: b\n\nHello.\n", "A: b\n\nHello!\n", false, ""},
        {"quoted-printable", "A: b\n\nGr\xc3\xbc\xc3\x9f = e\n",
            "content-transfer-encoding:\n Quoted-Printable\n\nGr=C3=BC=\n=c3=9f =3D e  "
            "\n",
            true, ""},
        {"base64", "A: b\n\nHello.\nYou.\n",
            "Content-Transfer-Encoding: base64\n\nSGVsbG8u\nDQpZb3Uu\nDQo=\n", true, ""},
        {"a part", PART "8bit\n\nx=y\n--b--\n", PART "quoted-printable\n\nx=3Dy\n--b--\n",
            true, "<1@x>"},
        {"the type of a part", PART "8bit\n\nx\n--b--\n",
            "Message-Id: <1@x>\n\n--b\nContent-Type: text/html\n\nx\n--b--\n", false,
            "<1@x>"},
        {"a folded id", "Message-ID:\n <a@b>\nMessage-ID: <second@b>\n\n", "\n", true,
            "<a@b>"},
        {"only a header", "Message-ID: <a@b>", "", true, "<a@b>"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        for (size_t step = 1; step < 40; step += 6) {
            uint8_t left[DIGEST_SHA256_SIZE];
            uint8_t right[DIGEST_SHA256_SIZE];
            char id[MAIL_DIGEST_ID_MAX];
            char other[MAIL_DIGEST_ID_MAX];

            print_message("# %s by %zu\n", rows[i].what, step);
            digest_of(rows[i].left, step, id, left);
            digest_of(rows[i].right, step, other, right);
            assert_int_equal(memcmp(left, right, sizeof(left)) == 0, rows[i].same);
            assert_string_equal(id, rows[i].id);
        }
    }
}

static void
a_line_may_be_of_any_length(void **state)
{
    static char text[3 * MAIL_DIGEST_LINE_MAX];
    uint8_t one[DIGEST_SHA256_SIZE];
    uint8_t two[DIGEST_SHA256_SIZE];
    char id[MAIL_DIGEST_ID_MAX];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    memcpy(text, "A: b\n\n", 6);
    digest_of(text, 1000, id, one);
    digest_of(text, 7, id, two);
    assert_memory_equal(one, two, sizeof(one));
    text[sizeof(text) - 2] = 'y';
    digest_of(text, 7, id, two);
    assert_memory_not_equal(one, two, sizeof(one));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_each_difference),
        cmocka_unit_test(a_mail_is_known_however_it_is_encoded),
        cmocka_unit_test(a_line_may_be_of_any_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
