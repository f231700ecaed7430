#include "policyd/wiring/domain_class.h"

#include "policyd/wiring/postfix_text.h"

enum match { MATCH_NONE, MATCH_YES, MATCH_NO };

bool
domain_class_is_table(struct span item)
{
    size_t colon = span_find(item, ':');

    if (colon == SPAN_NONE || colon == 0)
        return false;
    for (size_t i = 0; i < colon; i++) {
        char octet = span_lower_octet(item.data[i]);

        if ((octet < 'a' || octet > 'z') && (octet < '0' || octet > '9') &&
            octet != '_' && octet != '-')
            return false;
    }
    return true;
}

static bool
table_has(struct span table, struct span domain, enum domain_class_names names,
    const struct domain_class_tables *tables)
{
    while (!tables->has(tables->argument, table, domain)) {
        size_t dot = span_find(domain, '.');

        if (names != DOMAIN_CLASS_PARENTS || dot == SPAN_NONE)
            return false;
        domain = span_from(domain, dot + 1);
    }
    return true;
}

static bool
name_matches(struct span name, struct span domain, enum domain_class_names names)
{
    struct span tail;

    if (span_equal_nocase(name, domain))
        return true;
    if (name.length == 0 || domain.length <= name.length)
        return false;
    tail = span_from(domain, domain.length - name.length);
    if (!span_equal_nocase(tail, name))
        return false;
    if (name.data[0] == '.')
        return names == DOMAIN_CLASS_DOTTED;
    return names == DOMAIN_CLASS_PARENTS &&
           domain.data[domain.length - name.length - 1] == '.';
}

/* NOLINTBEGIN(misc-no-recursion): DOMAIN_CLASS_DEPTH bounds it */
static enum match look_through(struct span list, struct span domain,
    enum domain_class_names names, const struct domain_class_tables *tables, int depth);

static enum match
match_item(struct span item, struct span domain, enum domain_class_names names,
    const struct domain_class_tables *tables, int depth)
{
    if (span_starts(item, SPAN("/")))
        return look_through(
            tables->text(tables->argument, item), domain, names, tables, depth + 1);
    if (domain_class_is_table(item))
        return table_has(item, domain, names, tables) ? MATCH_YES : MATCH_NONE;
    return name_matches(item, domain, names) ? MATCH_YES : MATCH_NONE;
}

/* A file's lines may be comments. */
static struct span
without_comment(struct span line)
{
    return span_starts(span_trim(line), SPAN("#")) ? SPAN("") : line;
}

static enum match
look_through(struct span list, struct span domain, enum domain_class_names names,
    const struct domain_class_tables *tables, int depth)
{
    struct span line;
    struct span item;

    if (depth > DOMAIN_CLASS_DEPTH)
        return MATCH_NONE;
    while (span_split(&list, '\n', &line)) {
        line = without_comment(line);
        while (postfix_text_next_item(&line, &item)) {
            bool negated = false;
            enum match match;

            for (; span_starts(item, SPAN("!")); item = span_from(item, 1))
                negated = !negated;
            match = match_item(item, domain, names, tables, depth);
            if (match == MATCH_NONE)
                continue;
            return negated ? (match == MATCH_YES ? MATCH_NO : MATCH_YES) : match;
        }
    }
    return MATCH_NONE;
}
/* NOLINTEND(misc-no-recursion) */

bool
domain_class_is_in(struct span list, struct span domain, enum domain_class_names names,
    const struct domain_class_tables *tables)
{
    return look_through(list, domain, names, tables, 0) == MATCH_YES;
}
