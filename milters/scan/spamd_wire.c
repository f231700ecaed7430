#include "milters/scan/spamd_wire.h"

#include <inttypes.h>

#include "shared/base/number.h"
#include "shared/base/octet.h"

enum { LINES_MAX = 50, CODE_MAX = 255, WORD_MAX = 255 };

/* Client-chosen text in a Received field: what could end a comment, a field or a literal
 * is left out. */
static void
append_harmless(struct buffer *out, struct span text)
{
    for (size_t i = 0; i < text.length && i < WORD_MAX; i++) {
        char octet = text.data[i];

        if (octet > 0x20 && octet < 0x7f &&
            span_find(SPAN("()[]<>\\\";,"), octet) == SPAN_NONE)
            buffer_append_octet(out, octet);
    }
}

static void
append_or(struct buffer *out, struct span text, const char *otherwise)
{
    size_t before = out->length;

    append_harmless(out, text);
    if (out->length == before)
        buffer_append_text(out, otherwise);
}

/* "SPAMD/1.1 0 EX_OK" */
static bool
read_status(struct span line, struct error *error)
{
    struct span version;
    struct span code;
    uint64_t number;

    if (!span_word(&line, &version) || !span_starts(version, SPAN("SPAMD/")) ||
        !span_word(&line, &code) || !number_unsigned(code, CODE_MAX, &number))
        return error_temporary(error, "spamd's answer is none of its protocol");
    if (number != 0)
        return error_temporary(error, "spamd answers %" PRIu64 " %.*s", number,
            (int)(line.length < 80 ? line.length : 80), line.data);
    return true;
}

/* "True ; 15.1 / 5.0" */
static bool
read_spam(struct span value, struct spamd_reply *reply)
{
    struct span word;
    struct span rest = value;
    struct span score;
    struct span required;

    if (!span_split(&rest, ';', &word) || !span_split(&rest, '/', &score))
        return false;
    required = span_trim(rest);
    word = span_trim(word);
    if (span_is_nocase(word, "true") || span_is_nocase(word, "yes"))
        reply->spam = true;
    else if (span_is_nocase(word, "false") || span_is_nocase(word, "no"))
        reply->spam = false;
    else
        return false;
    return number_thousandths(span_trim(score), &reply->score) &&
           number_thousandths(required, &reply->required);
}

static bool
is_test_octet(char octet)
{
    return octet_is_letter_or_digit(octet) || octet == '_';
}

/* Names that are none are left out, the list is cut between names. */
static void
read_tests(struct span body, char out[SPAMD_TESTS_MAX + 1])
{
    struct span rest = span_trim(body);
    struct span name;
    size_t length = 0;

    while (span_split(&rest, ',', &name)) {
        bool good;

        name = span_trim(name);
        good = name.length > 0 && length + name.length + 1 <= SPAMD_TESTS_MAX;
        for (size_t i = 0; i < name.length && good; i++)
            good = is_test_octet(name.data[i]);
        if (!good)
            continue;
        if (length > 0)
            out[length++] = ',';
        for (size_t i = 0; i < name.length; i++)
            out[length++] = name.data[i];
    }
    out[length] = '\0';
}

void
spamd_write_preamble(const struct spamd_envelope *envelope, struct buffer *out)
{
    buffer_append_text(out, "X-Envelope-From: <");
    append_harmless(out, envelope->sender);
    buffer_append_text(out, ">\r\nReceived: from ");
    append_or(out, envelope->helo, "unknown");
    buffer_append_text(out, " (");
    append_or(out, envelope->client_name, "unknown");
    buffer_append_text(out, " [");
    append_or(out, envelope->client_address, "127.0.0.1");
    buffer_append_text(out, "])\r\n\tby ");
    append_or(out, envelope->host, "localhost");
    buffer_printf(out, " (Postfix) with ESMTP%s%s id ", envelope->encrypted ? "S" : "",
        envelope->authenticated ? "A" : "");
    append_or(out, envelope->queue_id, "0");
    buffer_printf(out, ";\r\n\t%s\r\n", envelope->date);
}

void
spamd_write_request(const char *user, uint64_t length, struct buffer *out)
{
    buffer_printf(out, "SYMBOLS SPAMC/1.5\r\nContent-length: %" PRIu64 "\r\n", length);
    if (user[0] != '\0')
        buffer_printf(out, "User: %s\r\n", user);
    buffer_append_text(out, "\r\n");
}

bool
spamd_read_reply(struct span text, struct spamd_reply *reply, struct error *error)
{
    struct span rest = text;
    struct span line;
    bool spam_seen = false;
    bool length_seen = false;
    uint64_t length = 0;

    *reply = (struct spamd_reply){0};
    if (!span_line(&rest, &line))
        return error_temporary(error, "spamd closed without an answer");
    if (!read_status(line, error))
        return false;
    for (unsigned lines = 0;; lines++) {
        if (lines == LINES_MAX || !span_line(&rest, &line))
            return error_temporary(error, "spamd's answer is cut");
        if (line.length == 0)
            break;
        if (span_starts_nocase(line, SPAN("Spam:"))) {
            if (spam_seen || !read_spam(span_from(line, 5), reply))
                return error_temporary(error, "spamd's Spam line can't be read");
            spam_seen = true;
        } else if (span_starts_nocase(line, SPAN("Content-length:"))) {
            if (length_seen || !number_unsigned(span_trim(span_from(line, 15)),
                                   SPAMD_REPLY_MAX, &length))
                return error_temporary(error, "spamd's Content-length can't be read");
            length_seen = true;
        }
    }
    if (!spam_seen)
        return error_temporary(error, "spamd's answer has no score");
    if (length_seen && rest.length < length)
        return error_temporary(error, "spamd's answer is cut");
    read_tests(length_seen ? span_first(rest, length) : rest, reply->tests);
    return true;
}
