/*
 * rehearsal_answer - what new said of a recipient, and the sum over all who move with the
 * next stage: values, and the texts that Redis keeps of them.  Pure.
 *
 * `rehearsal:<domain>:<gateway>`, a field a recipient:
 *
 *     TIME ANSWER CLASS TIMES VOLUME REPLY
 *     1764000000 refused unknown 2 41 550 5.1.1 no such user here
 *
 * `rehearsal:<domain>`, a field a gateway:
 *
 *     TIME STAGE MOVERS ASKED CLEAN REFUSED DEFERS CANT-TELL WHY
 *     1764000000 70 120 118 112 4 2 0
 *
 * STAGE is a weight, `list:NAME`, `-` where none follows, or `?` while those who move
 * with it are still being found; WHY and REPLY are the rest
 * of the line and may be empty.  Times are unix seconds.  Another process wrote it, and
 * Redis kept it: each number has its ceiling, a text that can't be shown is refused.
 */
#ifndef POLICYD_REHEARSAL_REHEARSAL_ANSWER_H
#define POLICYD_REHEARSAL_REHEARSAL_ANSWER_H

#include "policyd/maillog/reply_class.h"
#include "policyd/plan/plan_stage.h"

/* The worse, the higher. */
enum rehearsal_answer {
    REHEARSAL_NOT_ASKED,
    REHEARSAL_FINE,
    REHEARSAL_CANT_TELL, /* no connection, 421, or new takes whatever it is given */
    REHEARSAL_DEFERS,    /* 4xx */
    REHEARSAL_REFUSED,   /* 5xx */
    REHEARSAL_ANSWERS
};

const char *rehearsal_answer_name(
    enum rehearsal_answer answer); /* not-asked fine cant-tell defers refused */

/* What a reply is about: an enum reply_class, or one of these. */
enum {
    REHEARSAL_SENDER = REPLY_CLASS_COUNT, /* with the null sender it is taken */
    REHEARSAL_NO_CLASS,                   /* there is no reply */
    REHEARSAL_CLASSES
};

const char *rehearsal_class_name(unsigned class); /* "sender", "-", as reply_class_name */

enum {
    REHEARSAL_REPLY_MAX = 300,
    REHEARSAL_WHY_MAX = 200,
    REHEARSAL_STAGE_MAX = 80,
    REHEARSAL_TEXT_MAX = 600, /* of either value */
};

struct rehearsal_result {
    int64_t time; /* of the answer; 0: not asked */
    enum rehearsal_answer answer;
    unsigned class;
    uint64_t times;  /* how often it was so answered */
    uint64_t volume; /* messages in seven days */
    char reply[REHEARSAL_REPLY_MAX + 1];
};

void rehearsal_result_write(
    const struct rehearsal_result *result, char out[REHEARSAL_TEXT_MAX]);
bool rehearsal_result_parse(struct span text, struct rehearsal_result *result);

/* The word by which a list of problems calls it: "unknown", "sender"; "defers" where the
 * reply has no cause of its own (greylisting, rates); "cant-tell". */
const char *rehearsal_result_class(const struct rehearsal_result *result);

/* Whether this recipient may be pinned to old for it: it is the mailbox that new refuses,
 * whoever writes. */
bool rehearsal_result_is_of_mailbox(const struct rehearsal_result *result);

/* Of the same recipient at another gateway: the worse answer, the sums. */
void rehearsal_result_merge(
    struct rehearsal_result *result, const struct rehearsal_result *other);

#define REHEARSAL_UNREAD "?"

struct rehearsal_sum {
    int64_t time;
    char stage[REHEARSAL_STAGE_MAX];
    uint64_t movers; /* those with mail in seven days */
    uint64_t answers[REHEARSAL_ANSWERS];
    char why[REHEARSAL_WHY_MAX + 1]; /* of what it waits for; "": nothing */
};

uint64_t rehearsal_sum_asked(const struct rehearsal_sum *sum);

void rehearsal_sum_write(const struct rehearsal_sum *sum, char out[REHEARSAL_TEXT_MAX]);
bool rehearsal_sum_parse(struct span text, struct rehearsal_sum *sum);

/* "70", "list:canary"; NULL: "-". */
void rehearsal_stage_write(const struct plan_stage *stage, char out[REHEARSAL_STAGE_MAX]);

/* One printable line of what a server said, cut at whole characters. */
void rehearsal_line(struct span text, char *out, size_t size);

#endif
