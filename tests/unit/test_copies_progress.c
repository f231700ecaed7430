/*
 * How far an undo has come: the last word of each, whatever a killed writer left behind;
 * and the names by which a copy is found again.
 */
#include "tests/unit/unit.h"

#include "policyd/copies/copies_mail.h"
#include "policyd/copies/copies_progress.h"
#include "shared/base/attributes.h"

#include <stdio.h>
#include <string.h>

static struct copies_digest
digest_of(unsigned number)
{
    struct copies_digest digest;
    char text[20];

    (void)snprintf(text, sizeof(text), "u%u@example.com", number);
    copies_digest_make(SPAN("4jYVch3KtSz1bYFk"), span_of(text), &digest);
    return digest;
}

static void
the_last_word_counts(void **state)
{
    enum { MANY = 5000 };
    struct copies_progress *progress;
    struct copies_digest digest;
    enum copies_step step = COPIES_FOUND;
    struct buffer text;

    (void)state;
    buffer_init(&text, 10 << 20);
    buffer_append_text(&text, "\nbegin 12\nwhat is this\nsent xyz\n");
    for (unsigned i = 0; i < MANY; i++) {
        digest = digest_of(i);
        copies_progress_write(&text, COPIES_BEGUN, &digest);
        if (i % 3 != 0)
            copies_progress_write(
                &text, i % 3 == 1 ? COPIES_TWICE : COPIES_REFUSED, &digest);
    }
    /* A line that was cut was never written. */
    digest = digest_of(0);
    copies_progress_write(&text, COPIES_SENT, &digest);
    text.length--;
    progress = copies_progress_read(buffer_span(&text));
    for (unsigned i = 0; i < MANY; i++) {
        digest = digest_of(i);
        assert_true(copies_progress_find(progress, &digest, &step));
        assert_int_equal(step, i % 3 == 0   ? COPIES_BEGUN
                               : i % 3 == 1 ? COPIES_TWICE
                                            : COPIES_REFUSED);
    }
    digest = digest_of(MANY);
    assert_false(copies_progress_find(progress, &digest, &step));
    copies_progress_put(progress, &digest, COPIES_FOUND);
    assert_true(copies_progress_find(progress, &digest, &step) && step == COPIES_FOUND);
    copies_progress_free(progress);
    buffer_clear(&text);
}

static void
a_copy_has_names(void **state)
{
    static const struct {
        const char *head;
        const char *queue_id;
        const char *message_id;
    } rows[] = {
        {"Received: from c (c [192.0.2.1])\r\n\tby gw.example (Postfix) with ESMTP id "
         "4jYVch3KtSz1bYFk\r\n\tfor <a@example.com>; Sun\r\n"
         "Message-ID: <1@outside.example>\r\nSubject: x\r\n\r\nbody",
            "4jYVch3KtSz1bYFk", "<1@outside.example>"},
        /* What a milter puts above is no Received field. */
        {"Authentication-Results: gw; id none\r\nReceived: by gw (Postfix, from userid 0)"
         "\r\n\tid 886662A1CAD; Sun\r\nReceived: by b (Postfix) id EVIL\r\n\r\n",
            "886662A1CAD", ""},
        /* Another server's, where ours was taken away. */
        {"Received: by b (Sendmail) with id x1\r\nReceived: by c (Postfix) id "
         "EVIL\r\n\r\n",
            "", ""},
        {"Received: by gw (Postfix) with grid 12 id AB12;\r\n\r\n", "AB12", ""},
        {"message-id:\r\n <2@x>\r\nMessage-ID: <3@x>\r\n\r\n", "", "<2@x>"},
        {"Message-ID: <2\x01@x>\r\n\r\n", "", ""},
        {"Subject: x\r\n\r\nReceived: by gw (Postfix) id BODY\r\nMessage-ID: <b@x>\r\n",
            "", ""},
        {"", "", ""},
        {"Received", "", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct copies_mail mail;

        print_message("# row %zu\n", i);
        copies_mail_read(span_of(rows[i].head), &mail);
        assert_string_equal(mail.queue_id, rows[i].queue_id);
        assert_string_equal(mail.message_id, rows[i].message_id);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_word_counts),
        cmocka_unit_test(a_copy_has_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
