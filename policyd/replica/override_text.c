#include "policyd/replica/override_text.h"

#include <stdlib.h>
#include <string.h>

#include "policyd/replica/packed_table.h"
#include "shared/base/allocate.h"
#include "shared/base/idn.h"
#include "shared/base/number.h"

/* Reads `weight=…` or `mode=…`; each may be given once. */
static bool
read_word(struct span word, struct replica_override *override, struct error *error)
{
    static const struct span weight = {"weight=", 7};
    static const struct span mode = {"mode=", 5};

    if (span_starts(word, weight)) {
        if (override->has_weight)
            return error_permanent(error, "a weight is given twice");
        override->has_weight =
            number_percent(span_from(word, weight.length), &override->weight);
        return override->has_weight ||
               error_permanent(error, "a weight is 0 to 100, with up to two decimals");
    }
    if (span_starts(word, mode)) {
        if (override->has_mode)
            return error_permanent(error, "a mode is given twice");
        override->has_mode =
            domain_mode_parse(span_from(word, mode.length), &override->mode) &&
            override->mode != DOMAIN_MODE_FORGOTTEN;
        return override->has_mode ||
               error_permanent(error, "a mode is split, old, new, standby or hold");
    }
    return error_permanent(error, "behind the domain stand weight=NUMBER, mode=MODE");
}

/* A line that is neither blank nor a comment. */
static bool
read_line(struct span line, struct override_entry *entry, struct error *error)
{
    struct span rest = line;
    struct span word;

    *entry = (struct override_entry){0};
    if (!span_word(&rest, &word) || !idn_to_ascii(word, entry->domain)) {
        entry->domain[0] = '\0';
        return error_permanent(error, "a line begins with a domain");
    }
    if (!span_word(&rest, &word))
        return error_permanent(error, "behind the domain stand weight=NUMBER, mode=MODE");
    do {
        if (!read_word(word, &entry->override, error))
            return false;
    } while (span_word(&rest, &word));
    return true;
}

static bool
is_empty(struct span line)
{
    return line.length == 0 || line.data[0] == '#';
}

static void
add_problem(struct override_text *text, size_t line, const char *domain,
    const struct error *error)
{
    struct override_problem *problem = &text->problems[text->problem_count];

    text->bad_lines++;
    if (text->problem_count == OVERRIDE_PROBLEMS_MAX)
        return;
    text->problem_count++;
    *problem = (struct override_problem){.line = line, .error = *error};
    (void)span_copy(span_of(domain), problem->domain, sizeof(problem->domain));
}

/* One entry a domain; `numbers` knows which. */
static bool
add_entry(struct override_text *text, const struct override_entry *entry,
    struct packed_table *numbers, struct error *error)
{
    const struct replica_override *more = &entry->override;
    struct replica_override *known;
    struct span value;
    size_t number;

    if (!packed_table_find(numbers, span_of(entry->domain), &value)) {
        if (text->count == REPLICA_DOMAINS_MAX)
            return error_permanent(error, "at most %d domains", REPLICA_DOMAINS_MAX);
        number = text->count++;
        text->entries[number] = *entry;
        return packed_table_put(
            numbers, span_of(entry->domain), span_make(&number, sizeof(number)));
    }
    memcpy(&number, value.data, sizeof(number));
    known = &text->entries[number].override;
    if ((more->has_weight && known->has_weight) || (more->has_mode && known->has_mode))
        return error_permanent(error, "another line says so of this domain already");
    if (more->has_weight) {
        known->has_weight = true;
        known->weight = more->weight;
    }
    if (more->has_mode) {
        known->has_mode = true;
        known->mode = more->mode;
    }
    return true;
}

/* Cuts a text that is too long behind its last whole line. */
static bool
cut(struct span *text)
{
    if (text->length <= OVERRIDE_TEXT_MAX)
        return false;
    *text = span_first(*text, OVERRIDE_TEXT_MAX);
    *text = span_first(*text, span_find_last(*text, '\n'));
    return true;
}

bool
override_text_parse(struct span text, struct override_text *out)
{
    struct packed_table numbers;
    struct override_entry entry;
    struct error error = {0};
    struct span rest;
    struct span line;
    size_t number = 0;
    bool is_cut = cut(&text);
    size_t room = span_count_parts(text, '\n') + 1;

    if (room > REPLICA_DOMAINS_MAX)
        room = REPLICA_DOMAINS_MAX;
    *out = (struct override_text){
        .entries = allocate_array(room, sizeof(*out->entries)),
        .problems = allocate_array(OVERRIDE_PROBLEMS_MAX, sizeof(*out->problems)),
    };
    packed_table_init(&numbers, (struct hash_key){0});
    for (rest = text; span_split(&rest, '\n', &line);) {
        number++;
        line = span_trim(line);
        if (!is_empty(line) && (!read_line(line, &entry, &error) ||
                                   !add_entry(out, &entry, &numbers, &error)))
            add_problem(out, number, entry.domain, &error);
    }
    if (is_cut) {
        (void)error_permanent(&error, "from here on the file is too long to be read");
        add_problem(out, number + 1, "", &error);
    }
    packed_table_clear(&numbers);
    return out->bad_lines == 0;
}

/* A bad line may be about any domain: it names none, or isn't kept. */
static bool
names_nobody(const struct override_text *text)
{
    for (size_t i = 0; i < text->problem_count; i++) {
        if (text->problems[i].domain[0] == '\0')
            return true;
    }
    return text->bad_lines > text->problem_count;
}

static bool
is_spoilt(const struct override_text *text, const char *domain)
{
    for (size_t i = 0; i < text->problem_count; i++) {
        if (strcmp(text->problems[i].domain, domain) == 0)
            return true;
    }
    return names_nobody(text);
}

static bool
has_entry(const struct override_text *text, const char *domain)
{
    for (size_t i = 0; i < text->count; i++) {
        if (strcmp(text->entries[i].domain, domain) == 0)
            return true;
    }
    return false;
}

void
override_text_doubt(struct override_text *now)
{
    struct override_entry *entries = allocate_grow(
        now->entries, now->count + now->problem_count + 1, sizeof(*entries));

    now->entries = entries;
    now->unclear = names_nobody(now);
    for (size_t i = 0; i < now->problem_count; i++) {
        const char *domain = now->problems[i].domain;

        if (domain[0] == '\0' || has_entry(now, domain))
            continue;
        entries[now->count] = (struct override_entry){.override = {.unclear = true}};
        (void)span_copy(
            span_of(domain), entries[now->count].domain, sizeof(entries->domain));
        now->count++;
    }
}

void
override_text_keep(struct override_text *now, const struct override_text *before)
{
    struct packed_table named;
    struct override_entry *entries;
    struct span ignored;

    now->unclear = before->unclear && names_nobody(now);
    if (now->bad_lines == 0 || before->count == 0)
        return;
    entries = allocate_grow(now->entries, now->count + before->count, sizeof(*entries));
    now->entries = entries;
    packed_table_init(&named, (struct hash_key){0});
    for (size_t i = 0; i < now->count; i++)
        (void)packed_table_put(&named, span_of(entries[i].domain), SPAN(""));
    for (size_t i = 0; i < before->count && now->count < REPLICA_DOMAINS_MAX; i++) {
        const char *domain = before->entries[i].domain;

        if (is_spoilt(now, domain) &&
            !packed_table_find(&named, span_of(domain), &ignored))
            entries[now->count++] = before->entries[i];
    }
    packed_table_clear(&named);
}

void
override_text_clear(struct override_text *text)
{
    free(text->entries);
    free(text->problems);
    *text = (struct override_text){0};
}

static bool
is_about(struct span line, struct span domain)
{
    char name[DOMAIN_MAX + 1];
    struct span rest = span_trim(line);
    struct span word;

    return !is_empty(rest) && span_word(&rest, &word) && idn_to_ascii(word, name) &&
           span_is(domain, name);
}

static void
write_line(
    struct span domain, const struct replica_override *override, struct buffer *out)
{
    char weight[8];

    if (!override->has_weight && !override->has_mode)
        return;
    buffer_append(out, domain);
    if (override->has_weight) {
        domain_weight_write(override->weight, weight);
        buffer_printf(out, " weight=%s", weight);
    }
    if (override->has_mode)
        buffer_printf(out, " mode=%s", domain_mode_name(override->mode));
    buffer_append_octet(out, '\n');
}

bool
override_text_replace(struct span text, struct span domain,
    const struct replica_override *override, struct buffer *out)
{
    bool is_written = false;
    struct span rest = text;
    struct span line;

    /* The new line stands where the first old one stood, else at the end. */
    while (rest.length > 0 && span_split(&rest, '\n', &line)) {
        if (!is_about(line, domain)) {
            buffer_append(out, line);
            buffer_append_octet(out, '\n');
        } else if (!is_written) {
            write_line(domain, override, out);
            is_written = true;
        }
    }
    if (!is_written)
        write_line(domain, override, out);
    return buffer_ok(out);
}
