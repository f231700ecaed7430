/*
 * rehearsal_people - those of a domain who had mail and move with the next stage, each
 * with the domains that wrote to them, and what new said of each.  Pure.  Inside
 * policyd/rehearsal.
 *
 * A person has a pair for each domain that wrote, the null sender's among them, up to
 * REHEARSAL_PAIRS_MAX; who writes for the first time when there is no more room is asked
 * for with none.
 */
#ifndef POLICYD_REHEARSAL_REHEARSAL_PEOPLE_H
#define POLICYD_REHEARSAL_REHEARSAL_PEOPLE_H

#include "policyd/rehearsal/rehearsal_answer.h"
#include "policyd/replica/packed_table.h"

enum {
    REHEARSAL_PEOPLE_MAX = 50000, /* of a domain */
    REHEARSAL_PAIRS_MAX = 40,     /* of a person */
};

struct rehearsal_person;

/* A recipient and a domain that wrote. */
struct rehearsal_pair {
    struct rehearsal_pair *next;       /* of the same person */
    struct rehearsal_pair *queue_next; /* while it waits for its turn */
    struct rehearsal_person *person;
    char *sender; /* "" is the null sender; the latest one of that domain */
    uint64_t size;
    int64_t asked_ms;  /* unix time of the last answer; 0: never */
    int64_t again_ms;  /* then it is asked again without new mail; 0: not */
    unsigned deferred; /* 4xx one after the other */
    unsigned unheard;  /* no answers one after the other */
    enum rehearsal_answer answer;
    unsigned class;
    uint64_t times;
    char *reply; /* NULL: none */
    bool is_queued;
    bool is_asked;   /* just now */
    bool needs_null; /* it was refused: the null sender is next */
};

struct rehearsal_person {
    char *recipient;
    struct rehearsal_pair *pairs;
    size_t pair_count;
    int64_t last_mail_ms;
    uint64_t volume;   /* of the last count, and since */
    uint64_t counting; /* so far */
    uint64_t after;    /* behind the message where the count began */
    int64_t last_message;
    bool moves;
    bool is_late;    /* it moves only since the count began */
    bool is_gone;    /* no mail in seven days, or erased: freed once that was told */
    bool is_changed; /* what is told of it */
};

struct rehearsal_people {
    struct packed_table by_name;
    struct rehearsal_person **items;
    size_t count;
    size_t room;
    uint64_t left_out; /* there was no room for them */
};

void rehearsal_people_init(struct rehearsal_people *people, struct hash_key key);
void rehearsal_people_clear(struct rehearsal_people *people);

/* Made where there is none; NULL: no room. */
struct rehearsal_person *rehearsal_people_get(
    struct rehearsal_people *people, struct span recipient);
struct rehearsal_person *rehearsal_people_find(
    const struct rehearsal_people *people, struct span recipient);

/* Of the sender's domain; NULL: none, or no room for one more. */
struct rehearsal_pair *rehearsal_person_find(
    const struct rehearsal_person *person, struct span sender);
struct rehearsal_pair *rehearsal_person_add(
    struct rehearsal_person *person, struct span sender);

/* None of its pairs may be queued or asked. */
void rehearsal_people_remove(struct rehearsal_people *people, size_t i);

/* What is known of one: the worst of its pairs' answers since then. */
enum rehearsal_answer rehearsal_person_answer(
    const struct rehearsal_person *person, int64_t since_ms);
void rehearsal_person_result(const struct rehearsal_person *person, int64_t since_ms,
    struct rehearsal_result *result);

void rehearsal_pair_set_reply(struct rehearsal_pair *pair, struct span reply);

#endif
