#include "policyd/rehearsal/rehearsal_answer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policyd/state/domain_state.h"
#include "shared/base/number.h"
#include "shared/base/utf8.h"

enum { COUNT_MAX = 1000000000 };

static const char *const answer_names[REHEARSAL_ANSWERS] = {
    "not-asked", "fine", "cant-tell", "defers", "refused"};

const char *
rehearsal_answer_name(enum rehearsal_answer answer)
{
    assert(answer < REHEARSAL_ANSWERS);
    return answer_names[answer];
}

const char *
rehearsal_class_name(unsigned class)
{
    if (class < REPLY_CLASS_COUNT)
        return reply_class_name((enum reply_class) class);
    return class == REHEARSAL_SENDER ? "sender" : "-";
}

static bool
find_answer(struct span name, enum rehearsal_answer *answer)
{
    for (unsigned i = 0; i < REHEARSAL_ANSWERS; i++) {
        if (span_is(name, answer_names[i])) {
            *answer = (enum rehearsal_answer)i;
            return true;
        }
    }
    return false;
}

static bool
find_class(struct span name, unsigned *class)
{
    for (unsigned i = 0; i < REHEARSAL_CLASSES; i++) {
        if (span_is(name, rehearsal_class_name(i))) {
            *class = i;
            return true;
        }
    }
    return false;
}

void
rehearsal_line(struct span text, char *out, size_t size)
{
    size_t length = 0;

    text = span_trim(text);
    while (text.length > 0 && length + 1 < size) {
        size_t octets = utf8_length(text);

        if (octets == 0 || (octets == 1 && span_has_control(span_first(text, 1)))) {
            out[length++] = '?';
            octets = 1;
        } else {
            if (length + octets + 1 > size)
                break;
            memcpy(out + length, text.data, octets);
            length += octets;
        }
        text = span_from(text, octets);
    }
    out[length] = '\0';
}

/* The rest of a value: a line that fits, and can be shown. */
static bool
take_rest(struct span rest, char *out, size_t size)
{
    rest = span_trim(rest);
    return !span_has_control(rest) && span_copy(rest, out, size);
}

/* The next word, a number below the ceiling. */
static bool
take_number(struct span *rest, uint64_t most, uint64_t *number)
{
    struct span word;

    return span_word(rest, &word) && number_unsigned(word, most, number);
}

static bool
take_time(struct span *rest, int64_t *seconds)
{
    struct span word;

    return span_word(rest, &word) && number_signed(word, 0, INT64_MAX / 1000, seconds);
}

/* --- of one recipient --- */

void
rehearsal_result_write(
    const struct rehearsal_result *result, char out[REHEARSAL_TEXT_MAX])
{
    (void)snprintf(out, REHEARSAL_TEXT_MAX,
        "%" PRId64 " %s %s %" PRIu64 " %" PRIu64 "%s%s", result->time,
        rehearsal_answer_name(result->answer), rehearsal_class_name(result->class),
        result->times, result->volume, result->reply[0] == '\0' ? "" : " ",
        result->reply);
}

bool
rehearsal_result_parse(struct span text, struct rehearsal_result *result)
{
    struct span answer;
    struct span class;

    *result = (struct rehearsal_result){.class = REHEARSAL_NO_CLASS};
    return text.length < REHEARSAL_TEXT_MAX && take_time(&text, &result->time) &&
           span_word(&text, &answer) && find_answer(answer, &result->answer) &&
           span_word(&text, &class) && find_class(class, &result->class) &&
           take_number(&text, COUNT_MAX, &result->times) &&
           take_number(&text, COUNT_MAX, &result->volume) &&
           take_rest(text, result->reply, sizeof(result->reply));
}

const char *
rehearsal_result_class(const struct rehearsal_result *result)
{
    switch (result->answer) {
    case REHEARSAL_REFUSED:
        return rehearsal_class_name(result->class);
    case REHEARSAL_DEFERS:
        return result->class == REPLY_RATE || result->class >= REPLY_OTHER
                   ? answer_names[REHEARSAL_DEFERS]
                   : rehearsal_class_name(result->class);
    case REHEARSAL_NOT_ASKED:
    case REHEARSAL_FINE:
    case REHEARSAL_CANT_TELL:
    case REHEARSAL_ANSWERS:
    default:
        return rehearsal_answer_name(result->answer);
    }
}

bool
rehearsal_result_is_of_mailbox(const struct rehearsal_result *result)
{
    return result->answer == REHEARSAL_REFUSED &&
           (result->class == REPLY_UNKNOWN || result->class == REPLY_DISABLED ||
               result->class == REPLY_QUOTA || result->class == REPLY_OTHER);
}

void
rehearsal_result_merge(
    struct rehearsal_result *result, const struct rehearsal_result *other)
{
    uint64_t volume = result->volume + other->volume;
    uint64_t times = result->times + other->times;

    if (other->answer != result->answer) {
        if (other->answer > result->answer)
            *result = *other;
        result->volume = volume;
        return;
    }
    if (other->time > result->time)
        *result = *other;
    result->volume = volume;
    result->times = times;
}

/* --- the sum --- */

void
rehearsal_stage_write(const struct plan_stage *stage, char out[REHEARSAL_STAGE_MAX])
{
    char weight[8];

    if (stage == NULL) {
        (void)snprintf(out, REHEARSAL_STAGE_MAX, "-");
    } else if (stage->list[0] != '\0') {
        (void)snprintf(out, REHEARSAL_STAGE_MAX, "list:%s", stage->list);
    } else {
        domain_weight_write(stage->weight, weight);
        (void)snprintf(out, REHEARSAL_STAGE_MAX, "%s", weight);
    }
}

uint64_t
rehearsal_sum_asked(const struct rehearsal_sum *sum)
{
    return sum->movers - sum->answers[REHEARSAL_NOT_ASKED];
}

void
rehearsal_sum_write(const struct rehearsal_sum *sum, char out[REHEARSAL_TEXT_MAX])
{
    (void)snprintf(out, REHEARSAL_TEXT_MAX,
        "%" PRId64 " %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
        " %" PRIu64 "%s%s",
        sum->time, sum->stage, sum->movers, rehearsal_sum_asked(sum),
        sum->answers[REHEARSAL_FINE], sum->answers[REHEARSAL_REFUSED],
        sum->answers[REHEARSAL_DEFERS], sum->answers[REHEARSAL_CANT_TELL],
        sum->why[0] == '\0' ? "" : " ", sum->why);
}

bool
rehearsal_sum_parse(struct span text, struct rehearsal_sum *sum)
{
    uint64_t asked;
    struct span stage;
    uint64_t *answers = sum->answers;

    *sum = (struct rehearsal_sum){.time = 0};
    if (text.length >= REHEARSAL_TEXT_MAX || !take_time(&text, &sum->time) ||
        !span_word(&text, &stage) || span_has_control(stage) ||
        !span_copy(stage, sum->stage, sizeof(sum->stage)) ||
        !take_number(&text, COUNT_MAX, &sum->movers) ||
        !take_number(&text, sum->movers, &asked) ||
        !take_number(&text, asked, &answers[REHEARSAL_FINE]) ||
        !take_number(&text, asked, &answers[REHEARSAL_REFUSED]) ||
        !take_number(&text, asked, &answers[REHEARSAL_DEFERS]) ||
        !take_number(&text, asked, &answers[REHEARSAL_CANT_TELL]))
        return false;
    answers[REHEARSAL_NOT_ASKED] = sum->movers - asked;
    return answers[REHEARSAL_FINE] + answers[REHEARSAL_REFUSED] +
                   answers[REHEARSAL_DEFERS] + answers[REHEARSAL_CANT_TELL] ==
               asked &&
           take_rest(text, sum->why, sizeof(sum->why));
}
