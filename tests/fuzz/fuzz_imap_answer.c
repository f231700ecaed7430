/*
 * What an IMAP server says: in steps of the size that the first octet names, and at once,
 * it is the same.
 */
#include <assert.h>
#include <string.h>

#include "policyd/compare/imap_answer.h"
#include "policyd/compare/mail_digest.h"

enum { OUT_MAX = 16 << 20 };

struct fed {
    struct buffer out;
    struct mail_digest mail;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
take_mail(void *argument, struct span part, struct error *error)
{
    struct fed *fed = argument;

    (void)error;
    mail_digest_add(&fed->mail, part);
    return true;
}

static bool
take_line(void *argument, struct span line, struct error *error)
{
    struct fed *fed = argument;
    struct imap_fetch fetch;
    struct imap_list list;
    uint32_t count = 0;

    (void)error;
    (void)imap_answer_exists(line, &count);
    (void)imap_answer_fetch(line, &fetch);
    assert(!imap_answer_list(line, &list) || strlen(list.name) < IMAP_NAME_MAX);
    buffer_append(&fed->out, line);
    buffer_append_octet(&fed->out, '\n');
    return true;
}

static bool
feed(struct fed *fed, struct span text, size_t step, uint8_t digest[DIGEST_SHA256_SIZE])
{
    const struct imap_sink sink = {take_mail, take_line, fed};
    struct imap_answer answer;
    struct error error;
    bool done = true;

    buffer_init(&fed->out, OUT_MAX);
    mail_digest_begin(&fed->mail);
    imap_answer_init(&answer);
    for (size_t i = 0; i < text.length && done; i += step)
        done = imap_answer_feed(
            &answer, span_first(span_from(text, i), step), &sink, &error);
    imap_answer_clear(&answer);
    mail_digest_end(&fed->mail, digest);
    return done;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fed once;
    static struct fed steps;
    uint8_t left[DIGEST_SHA256_SIZE];
    uint8_t right[DIGEST_SHA256_SIZE];
    struct span text;

    if (size < 2)
        return 0;
    text = span_make(data + 1, size - 1);
    assert(feed(&once, text, text.length, left) ==
           feed(&steps, text, 1U + data[0] % 32U, right));
    assert(span_equal(buffer_span(&once.out), buffer_span(&steps.out)));
    assert(memcmp(left, right, sizeof(left)) == 0);
    buffer_clear(&once.out);
    buffer_clear(&steps.out);
    return 0;
}
