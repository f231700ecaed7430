#include "policyd/replica/replica_problems.h"

#include "shared/base/allocate.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_MAX = 300 }; /* octets kept of a key: the longest ones are cut */

struct entry {
    enum replica_problem_kind kind;
    bool stale; /* between begin and end: not met again yet */
    bool seen;  /* by the load that is going on */
    struct domain_problem detail;
    char key[KEY_MAX + 1];
};

struct replica_problems {
    struct entry *entries[REPLICA_PROBLEMS_MAX];
    size_t count;
    size_t counts[PROBLEM_KIND_COUNT]; /* of what is kept */
    size_t more[PROBLEM_KIND_COUNT];   /* not kept, since the last load began */
};

static void
copy_key(struct span key, char out[KEY_MAX + 1])
{
    size_t length = key.length < KEY_MAX ? key.length : KEY_MAX;

    for (size_t i = 0; i < length; i++)
        out[i] = (char)(key.data[i] >= ' ' && key.data[i] <= '~' ? key.data[i] : '?');
    out[length] = '\0';
}

static void
drop(struct replica_problems *problems, size_t i)
{
    problems->counts[problems->entries[i]->kind]--;
    free(problems->entries[i]);
    problems->entries[i] = problems->entries[--problems->count];
}

static struct entry *
find(struct replica_problems *problems, const char *key, const char *field)
{
    for (size_t i = 0; i < problems->count; i++) {
        struct entry *entry = problems->entries[i];

        if (strcmp(entry->key, key) == 0 && strcmp(entry->detail.field, field) == 0)
            return entry;
    }
    return NULL;
}

struct replica_problems *
replica_problems_new(void)
{
    struct replica_problems *problems = allocate(sizeof(*problems));

    return problems;
}

void
replica_problems_free(struct replica_problems *problems)
{
    if (problems == NULL)
        return;
    while (problems->count > 0)
        drop(problems, 0);
    free(problems);
}

void
replica_problems_begin_key(struct replica_problems *problems, struct span key)
{
    char text[KEY_MAX + 1];

    if (problems->count == 0)
        return;
    copy_key(key, text);
    for (size_t i = 0; i < problems->count; i++) {
        if (strcmp(problems->entries[i]->key, text) == 0)
            problems->entries[i]->stale = true;
    }
}

void
replica_problems_end_key(struct replica_problems *problems, struct span key)
{
    char text[KEY_MAX + 1];

    if (problems->count == 0)
        return;
    copy_key(key, text);
    for (size_t i = problems->count; i-- > 0;) {
        if (problems->entries[i]->stale && strcmp(problems->entries[i]->key, text) == 0)
            drop(problems, i);
    }
}

bool
replica_problems_add(struct replica_problems *problems, enum replica_problem_kind kind,
    struct span key, const struct domain_problem *detail)
{
    char text[KEY_MAX + 1];
    struct entry *entry;
    bool is_new;

    copy_key(key, text);
    entry = find(problems, text, detail->field);
    if (entry == NULL && problems->count == REPLICA_PROBLEMS_MAX) {
        problems->more[kind]++;
        return false;
    }
    is_new = entry == NULL;
    if (is_new) {
        entry = allocate(sizeof(*entry));
        problems->entries[problems->count++] = entry;
        memcpy(entry->key, text, sizeof(text));
    } else {
        problems->counts[entry->kind]--;
        is_new = entry->kind != kind || strcmp(entry->detail.value, detail->value) != 0 ||
                 strcmp(entry->detail.text, detail->text) != 0;
    }
    problems->counts[kind]++;
    entry->kind = kind;
    entry->detail = *detail;
    entry->stale = false;
    entry->seen = true;
    return is_new;
}

void
replica_problems_remove(struct replica_problems *problems, struct span key)
{
    replica_problems_begin_key(problems, key);
    replica_problems_end_key(problems, key);
}

bool
replica_problems_has(const struct replica_problems *problems, struct span key)
{
    char text[KEY_MAX + 1];

    copy_key(key, text);
    for (size_t i = 0; i < problems->count; i++) {
        if (problems->entries[i]->seen && strcmp(problems->entries[i]->key, text) == 0)
            return true;
    }
    return false;
}

void
replica_problems_begin_load(struct replica_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++)
        problems->entries[i]->seen = false;
    memset(problems->more, 0, sizeof(problems->more));
}

void
replica_problems_end_load(struct replica_problems *problems, bool complete)
{
    if (!complete)
        return;
    for (size_t i = problems->count; i-- > 0;) {
        if (!problems->entries[i]->seen)
            drop(problems, i);
    }
}

size_t
replica_problems_count(
    const struct replica_problems *problems, enum replica_problem_kind kind)
{
    return problems->counts[kind] + problems->more[kind];
}

bool
replica_problems_next(const struct replica_problems *problems, size_t *cursor,
    struct replica_problem *problem)
{
    const struct entry *entry;

    if (*cursor >= problems->count)
        return false;
    entry = problems->entries[(*cursor)++];
    *problem = (struct replica_problem){entry->kind, entry->key, entry->detail};
    return true;
}
