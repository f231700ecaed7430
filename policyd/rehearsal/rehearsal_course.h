/*
 * rehearsal_course - of one domain: whom new is asked about next, and what its answers
 * mean.  Pure: times are unix milliseconds that are given.
 *
 * A recipient and a sender's domain is asked about when mail of theirs comes, and no
 * sooner than a day after the last answer; what was refused or deferred, or could not be
 * told, is asked again after a day without mail, too.  4xx: again after an hour, three
 * times.  5xx: again with the null sender, at once: where that is taken, the sender was
 * refused (REHEARSAL_SENDER), else the mailbox.  No connection, a lost one, a 421:
 * nothing is known, that recipient stands last, and nobody is asked for five minutes;
 * after three of those in a row it rests for a day.  Those of whom nothing is known go
 * first.
 *
 * At the start and each hour an address is asked about that nobody has: while it is
 * taken, what new accepts tells nothing.
 */
#ifndef POLICYD_REHEARSAL_REHEARSAL_COURSE_H
#define POLICYD_REHEARSAL_REHEARSAL_COURSE_H

#include "policyd/rehearsal/rehearsal_people.h"

struct rehearsal_course;

enum {
    REHEARSAL_DAYS = 7,       /* so old may the last mail be */
    REHEARSAL_STOP_S = 300,   /* after no answer */
    REHEARSAL_RETRY_S = 3600, /* after a 4xx */
    REHEARSAL_RETRIES = 3,
    REHEARSAL_ANEW_S = 86400,
    REHEARSAL_INVENT_S = 3600, /* between two questions after nobody */
};

struct rehearsal_course *rehearsal_course_new(struct hash_key key);
void rehearsal_course_free(struct rehearsal_course *course);

/* --- mail --- */

/* A message to somebody who moves. */
struct rehearsal_mail {
    struct span recipient; /* canonical */
    struct span sender;
    uint64_t size;
    int64_t time_ms;
    int64_t number; /* grows from message to message; read twice, it counts once */
};
void rehearsal_course_mail(
    struct rehearsal_course *course, const struct rehearsal_mail *mail, int64_t now_ms);

/* All mail of seven days is given anew, newest first, up to message `number`; what comes
 * behind it meanwhile is counted, too.  Who is not among them has had none, or was
 * erased, and is let go. */
void rehearsal_course_count_begin(struct rehearsal_course *course, int64_t number);
void rehearsal_course_count_end(struct rehearsal_course *course);

/* Who moves, of those that are known. */
void rehearsal_course_sort(struct rehearsal_course *course,
    bool (*moves)(void *argument, struct span recipient), void *argument);

/* --- questions --- */

struct rehearsal_question {
    const char *recipient; /* NULL: one that nobody has */
    const char *sender;    /* "" is the null sender */
    uint64_t size;
    struct rehearsal_pair *pair;
};

/* Brings in what is due by time, and lets go who had no mail for long: every few seconds.
 */
void rehearsal_course_look(struct rehearsal_course *course, int64_t now_ms);

/* False: there is nothing to be asked now.  What was asked is answered once. */
bool rehearsal_course_next(
    struct rehearsal_course *course, int64_t now_ms, struct rehearsal_question *question);

enum rehearsal_heard {
    REHEARSAL_HEARD_REPLY,   /* to MAIL or RCPT: 2xx, 4xx, 5xx, no 421 */
    REHEARSAL_HEARD_NOTHING, /* no connection, a lost one, 421 */
    REHEARSAL_HEARD_UNSAID,  /* this address can't be told to this server */
};

struct rehearsal_reply {
    enum rehearsal_heard heard;
    enum maillog_phase phase; /* PHASE_MAIL or PHASE_RCPT */
    unsigned code;
    const char *text; /* "550 5.1.1 no such user", or what went wrong */
};
void rehearsal_course_answered(struct rehearsal_course *course,
    const struct rehearsal_question *question, const struct rehearsal_reply *reply,
    int64_t now_ms);

/* --- what came of it --- */

/* Of all who move; `why`, where it waits for something. */
void rehearsal_course_sum(
    const struct rehearsal_course *course, int64_t now_ms, struct rehearsal_sum *sum);

/* The next recipient of whom something else is to be told than before; *is_there false:
 * nothing any more.  False: there is none. */
bool rehearsal_course_change(struct rehearsal_course *course, int64_t now_ms,
    const char **recipient, bool *is_there, struct rehearsal_result *result);
/* Let go, and not only pinned or of another stage. */
bool rehearsal_course_is_gone(
    const struct rehearsal_course *course, struct span recipient);
void rehearsal_course_tell_all(struct rehearsal_course *course);

/* --- what outlives the process --- */

struct rehearsal_kept {
    const char *recipient;
    const char *sender;
    uint64_t size;
    int64_t asked_ms;
    int64_t again_ms;
    unsigned deferred;
    enum rehearsal_answer answer;
    unsigned class;
    uint64_t times;
    const char *reply; /* "" for none */
};
/* Borrowed. */
struct rehearsal_kept rehearsal_course_keep(const struct rehearsal_pair *pair);
/* Before the first mail.  Whether it moves, rehearsal_course_sort says. */
void rehearsal_course_restore(
    struct rehearsal_course *course, const struct rehearsal_kept *kept);

#endif
