#include "shared/service/config_names.h"

#include "shared/base/attributes.h"
#include "shared/service/config.h"

#include <string.h>

/* The keys of each section, and `sections`: made from postfix-conf/postshift.conf. */
#include "config_keys.h"

enum { WORD_MAX = 40 };

/*
 * How many letters to add, drop, change or swap with their neighbour until the words are
 * the same, case aside ("optimal string alignment").
 */
static size_t
distance(struct span left, struct span right)
{
    size_t rows[3][WORD_MAX + 1];

    for (size_t j = 0; j <= right.length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= left.length; i++) {
        size_t *now = rows[i % 3];
        const size_t *last = rows[(i + 2) % 3];
        const size_t *before = rows[(i + 1) % 3];
        char letter = span_lower_octet(left.data[i - 1]);

        now[0] = i;
        for (size_t j = 1; j <= right.length; j++) {
            char other = span_lower_octet(right.data[j - 1]);
            size_t least = last[j - 1] + (letter != other);

            if (last[j] + 1 < least)
                least = last[j] + 1;
            if (now[j - 1] + 1 < least)
                least = now[j - 1] + 1;
            if (i > 1 && j > 1 && letter == span_lower_octet(right.data[j - 2]) &&
                other == span_lower_octet(left.data[i - 2]) && before[j - 2] + 1 < least)
                least = before[j - 2] + 1;
            now[j] = least;
        }
    }
    return rows[left.length % 3][right.length];
}

/* A third of the letters may be wrong, one at least. */
static size_t
nearness(struct span word)
{
    return word.length < 6 ? 1 : word.length / 3;
}

const char *
config_nearest(struct span word, const char *const *names, size_t count)
{
    const char *nearest = NULL;
    size_t best = nearness(word) + 1;

    if (word.length == 0 || word.length > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        struct span name = span_of(names[i]);
        size_t away = name.length > WORD_MAX ? best : distance(word, name);

        if (away < best) {
            best = away;
            nearest = names[i];
        }
    }
    return nearest;
}

size_t
config_names_count(void)
{
    return ARRAY_LENGTH(sections);
}

const struct config_section *
config_names_section(size_t i)
{
    return &sections[i];
}

const struct config_section *
config_names_find(struct span name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(sections); i++) {
        if (span_is(name, sections[i].name))
            return &sections[i];
    }
    return NULL;
}

const char *
config_names_key(const struct config_section *section, struct span key)
{
    for (size_t i = 0; i < section->count; i++) {
        if (span_is(key, section->keys[i]))
            return section->keys[i];
    }
    return NULL;
}

const char *
config_names_near_section(struct span name)
{
    const char *names[ARRAY_LENGTH(sections)];

    for (size_t i = 0; i < ARRAY_LENGTH(sections); i++)
        names[i] = sections[i].name;
    return config_nearest(name, names, ARRAY_LENGTH(names));
}

const char *
config_names_near_key(const struct config_section *section, struct span key)
{
    return config_nearest(key, section->keys, section->count);
}

const char *
config_names_home(struct span key)
{
    for (size_t i = 0; i < ARRAY_LENGTH(sections); i++) {
        if (config_names_key(&sections[i], key) != NULL)
            return sections[i].name;
    }
    return NULL;
}
