#include "policyd/plan/plan_alike.h"

#include <string.h>

#include "shared/base/buffer.h"
#include "shared/base/mailbox.h"
#include "shared/base/octet.h"

enum { WORDS_MAX = 2000 };

/* Without what surrounds a name in a sentence. */
static struct span
bare_word(struct span word)
{
    static const char around[] = "<>()[]{}\"'`.,:;!?";

    while (
        word.length > 0 && word.data[0] != '\0' && strchr(around, word.data[0]) != NULL)
        word = span_from(word, 1);
    while (word.length > 0 && word.data[word.length - 1] != '\0' &&
           strchr(around, word.data[word.length - 1]) != NULL)
        word = span_first(word, word.length - 1);
    return word;
}

static bool
has_digit(struct span word)
{
    for (size_t i = 0; i < word.length; i++) {
        if (octet_is_digit(word.data[i]))
            return true;
    }
    return false;
}

static bool
is_code(struct span word)
{
    for (size_t i = 0; i < word.length; i++) {
        if (!octet_is_digit(word.data[i]) && word.data[i] != '.')
            return false;
    }
    return true;
}

/* Of a log's text: what the host said. */
static struct span
words_said(struct span reply)
{
    size_t said = span_find_text(reply, SPAN(" said: "));
    size_t command = span_find_text(reply, SPAN(" (in reply to "));

    reply = span_first(reply, command);
    return said == SPAN_NONE ? reply : span_from(reply, said + strlen(" said: "));
}

uint64_t
plan_alike_hash(struct span reply, struct span recipient, struct hash_key key)
{
    struct span rest = words_said(reply);
    struct mailbox mailbox = {recipient, recipient};
    struct buffer words;
    struct span word;
    uint64_t hash;

    (void)mailbox_split(recipient, &mailbox);
    buffer_init(&words, WORDS_MAX);
    for (size_t i = 0; buffer_ok(&words) && span_word(&rest, &word); i++) {
        struct span bare = bare_word(word);

        if (span_find(word, '@') != SPAN_NONE || span_equal_nocase(bare, mailbox.local) ||
            (has_digit(word) && (i > 1 || !is_code(word))))
            continue;
        (void)buffer_append(&words, bare);
        (void)buffer_append_octet(&words, ' ');
    }
    span_lower(words.data, words.length);
    hash = hash_of(buffer_span(&words), key);
    buffer_clear(&words);
    return hash == 0 ? 1 : hash;
}

void
plan_alike_refused(struct plan_alike *alike, int64_t now_ms)
{
    alike->heard_ms = now_ms;
    alike->refused_ms[alike->refused++ % (PLAN_ALIKE + 1)] = now_ms;
}

void
plan_alike_answered(struct plan_alike *alike, int64_t refused_ms, bool accepted)
{
    size_t at = alike->answered++ % PLAN_ALIKE_ASKED;

    alike->answers[at].refused_ms = refused_ms;
    alike->answers[at].accepted = accepted;
}

enum plan_alike_word
plan_alike_judge(const struct plan_alike *alike)
{
    int64_t newest;
    int64_t oldest;
    size_t accepted = 0;

    if (alike->refused <= PLAN_ALIKE)
        return PLAN_ALIKE_FEW;
    newest = alike->refused_ms[(alike->refused - 1) % (PLAN_ALIKE + 1)];
    oldest = alike->refused_ms[alike->refused % (PLAN_ALIKE + 1)];
    if (newest - oldest > PLAN_ALIKE_MS)
        return PLAN_ALIKE_FEW;
    if (alike->answered < PLAN_ALIKE_ASKED)
        return PLAN_ALIKE_NOT_YET;
    /* Those of the same minutes: what old knew an hour ago says nothing about now. */
    for (size_t i = 0; i < PLAN_ALIKE_ASKED; i++) {
        if (alike->answers[i].refused_ms < newest - PLAN_ALIKE_MS)
            return PLAN_ALIKE_NOT_YET;
        accepted += alike->answers[i].accepted;
    }
    return 2 * accepted > PLAN_ALIKE_ASKED ? PLAN_ALIKE_US : PLAN_ALIKE_SPAM;
}
