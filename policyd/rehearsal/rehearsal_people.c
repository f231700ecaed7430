#include "policyd/rehearsal/rehearsal_people.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/allocate.h"

void
rehearsal_people_init(struct rehearsal_people *people, struct hash_key key)
{
    *people = (struct rehearsal_people){.count = 0};
    packed_table_init(&people->by_name, key);
}

static void
free_person(struct rehearsal_person *person)
{
    while (person->pairs != NULL) {
        struct rehearsal_pair *pair = person->pairs;

        person->pairs = pair->next;
        free(pair->sender);
        free(pair->reply);
        free(pair);
    }
    free(person->recipient);
    free(person);
}

void
rehearsal_people_clear(struct rehearsal_people *people)
{
    for (size_t i = 0; i < people->count; i++)
        free_person(people->items[i]);
    free(people->items);
    packed_table_clear(&people->by_name);
}

struct rehearsal_person *
rehearsal_people_find(const struct rehearsal_people *people, struct span recipient)
{
    struct rehearsal_person *person;
    struct span value;

    if (!packed_table_find(&people->by_name, recipient, &value) ||
        value.length != sizeof(struct rehearsal_person *))
        return NULL;
    memcpy(&person, value.data, sizeof(struct rehearsal_person *));
    return person;
}

struct rehearsal_person *
rehearsal_people_get(struct rehearsal_people *people, struct span recipient)
{
    struct rehearsal_person *person = rehearsal_people_find(people, recipient);

    if (person != NULL)
        return person;
    if (people->count == REHEARSAL_PEOPLE_MAX) {
        people->left_out++;
        return NULL;
    }
    person = allocate(sizeof(*person));
    if (!packed_table_put(&people->by_name, recipient,
            span_make(&person, sizeof(struct rehearsal_person *)))) {
        free(person);
        people->left_out++;
        return NULL;
    }
    person->recipient = allocate_text(recipient);
    people->items = allocate_more(
        people->items, people->count, &people->room, sizeof(struct rehearsal_person *));
    people->items[people->count++] = person;
    return person;
}

void
rehearsal_people_remove(struct rehearsal_people *people, size_t i)
{
    struct rehearsal_person *person = people->items[i];

    (void)packed_table_remove(&people->by_name, span_of(person->recipient));
    people->items[i] = people->items[--people->count];
    free_person(person);
}

static struct span
domain_of(struct span sender)
{
    size_t at = span_find_last(sender, '@');

    return at == SPAN_NONE ? sender : span_from(sender, at + 1);
}

struct rehearsal_pair *
rehearsal_person_find(const struct rehearsal_person *person, struct span sender)
{
    struct span domain = domain_of(sender);

    for (struct rehearsal_pair *pair = person->pairs; pair != NULL; pair = pair->next) {
        if (span_equal_nocase(domain_of(span_of(pair->sender)), domain))
            return pair;
    }
    return NULL;
}

struct rehearsal_pair *
rehearsal_person_add(struct rehearsal_person *person, struct span sender)
{
    struct rehearsal_pair *pair;

    if (person->pair_count == REHEARSAL_PAIRS_MAX)
        return NULL;
    pair = allocate(sizeof(*pair));
    pair->person = person;
    pair->class = REHEARSAL_NO_CLASS;
    pair->sender = allocate_text(sender);
    pair->next = person->pairs;
    person->pairs = pair;
    person->pair_count++;
    return pair;
}

void
rehearsal_pair_set_reply(struct rehearsal_pair *pair, struct span reply)
{
    char line[REHEARSAL_REPLY_MAX + 1];

    rehearsal_line(reply, line, sizeof(line));
    free(pair->reply);
    pair->reply = line[0] == '\0' ? NULL : allocate_text(span_of(line));
}

static bool
counts(const struct rehearsal_pair *pair, int64_t since_ms)
{
    return pair->answer != REHEARSAL_NOT_ASKED && pair->asked_ms >= since_ms;
}

enum rehearsal_answer
rehearsal_person_answer(const struct rehearsal_person *person, int64_t since_ms)
{
    enum rehearsal_answer worst = REHEARSAL_NOT_ASKED;

    for (const struct rehearsal_pair *pair = person->pairs; pair != NULL;
         pair = pair->next) {
        if (counts(pair, since_ms) && pair->answer > worst)
            worst = pair->answer;
    }
    return worst;
}

void
rehearsal_person_result(const struct rehearsal_person *person, int64_t since_ms,
    struct rehearsal_result *result)
{
    *result =
        (struct rehearsal_result){.class = REHEARSAL_NO_CLASS, .volume = person->volume};
    for (const struct rehearsal_pair *pair = person->pairs; pair != NULL;
         pair = pair->next) {
        struct rehearsal_result of_pair = {.time = pair->asked_ms / 1000,
            .answer = pair->answer,
            .class = pair->class,
            .times = pair->times};

        if (!counts(pair, since_ms))
            continue;
        (void)snprintf(of_pair.reply, sizeof(of_pair.reply), "%s",
            pair->reply == NULL ? "" : pair->reply);
        rehearsal_result_merge(result, &of_pair);
    }
}
