#include "policyd/compare/imap_answer.h"

#include <string.h>

#include "shared/base/attributes.h"
#include "shared/base/hash.h"
#include "shared/base/number.h"

enum { DEPTH_MAX = 16 };

void
imap_answer_init(struct imap_answer *answer)
{
    *answer = (struct imap_answer){.literal = 0};
    buffer_init(&answer->line, IMAP_LINE_MAX);
}

void
imap_answer_clear(struct imap_answer *answer)
{
    buffer_clear(&answer->line);
}

void
imap_answer_quote(struct buffer *out, struct span text)
{
    buffer_append_octet(out, '"');
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            buffer_append_octet(out, '\\');
        buffer_append_octet(out, text.data[i]);
    }
    buffer_append_octet(out, '"');
}

/* --- octets to lines --- */

/* "... {123}" at the end of what there is of a line. */
static bool
ends_with_literal(struct span line, uint64_t *length)
{
    size_t brace = span_find_last(line, '{');
    struct span number;

    if (brace == SPAN_NONE || !span_ends(line, SPAN("}")))
        return false;
    number = span_first(span_from(line, brace + 1), line.length - brace - 2);
    if (span_ends(number, SPAN("+")))
        number = span_first(number, number.length - 1);
    return number_unsigned(number, UINT32_MAX, length);
}

static bool
begin_literal(struct imap_answer *answer, uint64_t length, struct error *error)
{
    struct span line = buffer_span(&answer->line);

    answer->line.length = span_find_last(line, '{');
    line = buffer_span(&answer->line);
    answer->is_mail =
        span_ends(line, SPAN("BODY[] ")) || span_ends(line, SPAN("BODY[HEADER] "));
    answer->literal = length;
    if (length > (answer->is_mail ? IMAP_MAIL_MAX : IMAP_LITERAL_MAX))
        return error_permanent(
            error, "a literal of %llu octets is too long", (unsigned long long)length);
    buffer_append_text(&answer->line, answer->is_mail ? "\"\"" : "\"");
    if (!answer->is_mail && length == 0)
        buffer_append_octet(&answer->line, '"');
    return true;
}

static bool
take_literal(struct imap_answer *answer, struct span part, const struct imap_sink *sink,
    struct error *error)
{
    answer->literal -= part.length;
    if (answer->is_mail)
        return sink->mail(sink->argument, part, error);
    for (size_t i = 0; i < part.length; i++) {
        if (part.data[i] == '"' || part.data[i] == '\\')
            buffer_append_octet(&answer->line, '\\');
        /* No line end gets into a line. */
        if (part.data[i] == '\r' || part.data[i] == '\n')
            buffer_append_octet(&answer->line, '?');
        else
            buffer_append_octet(&answer->line, part.data[i]);
    }
    if (answer->literal == 0)
        buffer_append_octet(&answer->line, '"');
    return true;
}

static bool
take_line(struct imap_answer *answer, const struct imap_sink *sink, struct error *error)
{
    uint64_t length;
    bool done;

    if (answer->line.length > 0 && answer->line.data[answer->line.length - 1] == '\r')
        answer->line.length--;
    if (ends_with_literal(buffer_span(&answer->line), &length))
        return begin_literal(answer, length, error);
    done = sink->line(sink->argument, buffer_span(&answer->line), error);
    buffer_reset(&answer->line);
    return done;
}

bool
imap_answer_feed(struct imap_answer *answer, struct span data,
    const struct imap_sink *sink, struct error *error)
{
    while (data.length > 0) {
        size_t end = span_find(data, '\n');
        struct span part;

        if (answer->literal > 0) {
            part = span_first(data,
                answer->literal < data.length ? (size_t)answer->literal : data.length);
            data = span_from(data, part.length);
            if (!take_literal(answer, part, sink, error))
                return false;
            continue;
        }
        part = span_first(data, end);
        buffer_append(&answer->line, part);
        if (!buffer_ok(&answer->line))
            return error_permanent(
                error, "a line of more than %d octets", (int)IMAP_LINE_MAX);
        if (end == SPAN_NONE)
            return true;
        data = span_from(data, end + 1);
        if (!take_line(answer, sink, error))
            return false;
    }
    return true;
}

/* --- words of a line --- */

static void
skip_blanks(struct span *rest)
{
    while (rest->length > 0 && rest->data[0] == ' ')
        *rest = span_from(*rest, 1);
}

/* Behind the string that begins here; 0: it has no end. */
static size_t
quoted_length(struct span text)
{
    for (size_t i = 1; i < text.length; i++) {
        if (text.data[i] == '\\')
            i++;
        else if (text.data[i] == '"')
            return i + 1;
    }
    return 0;
}

/* A list in its brackets, a string in its quotes, or an atom. */
static bool
take_word(struct span *rest, struct span *word)
{
    int depth = 0;
    size_t i = 0;

    skip_blanks(rest);
    while (i < rest->length) {
        char octet = rest->data[i];
        size_t quoted = octet == '"' ? quoted_length(span_from(*rest, i)) : 1;

        if (quoted == 0 || depth > DEPTH_MAX)
            return false;
        if (depth == 0 && (octet == ' ' || octet == ')'))
            break;
        depth += octet == '(' ? 1 : octet == ')' ? -1 : 0;
        i += quoted;
    }
    *word = span_first(*rest, i);
    *rest = span_from(*rest, i);
    return i > 0 && depth == 0;
}

/* What is between the brackets of a list. */
static bool
inside_of(struct span word, struct span *inside)
{
    if (word.length < 2 || word.data[0] != '(' || !span_ends(word, SPAN(")")))
        return false;
    *inside = span_first(span_from(word, 1), word.length - 2);
    return true;
}

/* "* 7 WORD ..." */
static bool
take_number(struct span *rest, uint64_t *number, const char *word)
{
    struct span taken;

    return span_take(rest, SPAN("* ")) && take_word(rest, &taken) &&
           number_unsigned(taken, UINT32_MAX, number) && take_word(rest, &taken) &&
           span_is_nocase(taken, word);
}

bool
imap_answer_exists(struct span line, uint32_t *count)
{
    uint64_t number;

    if (!take_number(&line, &number, "EXISTS"))
        return false;
    *count = (uint32_t)number;
    return true;
}

static void
take_flags(struct span inside, struct imap_fetch *fetch)
{
    static const char *const names[] = {
        "\\Seen", "\\Answered", "\\Flagged", "\\Draft", "\\Deleted"};
    static const struct hash_key key = {1, 2};
    struct span flag;

    while (inside.length > 0 && take_word(&inside, &flag)) {
        char folded[128] = "";
        size_t known = 0;

        while (known < ARRAY_LENGTH(names) && !span_is_nocase(flag, names[known]))
            known++;
        if (known < ARRAY_LENGTH(names)) {
            fetch->flags |= 1U << known;
        } else if (!span_is_nocase(flag, "\\Recent")) {
            flag = span_first(flag, sizeof(folded) - 1);
            (void)span_copy(flag, folded, sizeof(folded));
            span_lower(folded, strlen(folded));
            fetch->keywords += (uint32_t)hash_of(span_of(folded), key);
        }
    }
    fetch->has_flags = true;
}

bool
imap_answer_fetch(struct span line, struct imap_fetch *fetch)
{
    struct span rest = line;
    struct span word;
    struct span name;
    struct span value;
    uint64_t number;

    *fetch = (struct imap_fetch){.uid = 0};
    if (!take_number(&rest, &number, "FETCH") || !take_word(&rest, &word) ||
        !inside_of(word, &rest))
        return false;
    while (take_word(&rest, &name) && take_word(&rest, &value)) {
        struct span inside;

        if (span_is_nocase(name, "UID") && number_unsigned(value, UINT32_MAX, &number))
            fetch->uid = (uint32_t)number;
        else if (span_is_nocase(name, "FLAGS") && inside_of(value, &inside))
            take_flags(inside, fetch);
        else if (span_is_nocase(name, "BODY[]") || span_is_nocase(name, "BODY[HEADER]")) {
            fetch->has_mail = true;
            if (value.length > 2 && value.data[0] == '"')
                fetch->quoted = span_first(span_from(value, 1), value.length - 2);
        }
    }
    return true;
}

/* A string's text; an atom's is the atom. */
static bool
unquote(struct span word, char *out, size_t size)
{
    size_t length = 0;

    if (word.length == 0 || word.data[0] != '"')
        return span_copy(word, out, size) && word.length > 0;
    for (size_t i = 1; i + 1 < word.length; i++) {
        if (word.data[i] == '\\')
            i++;
        if (i + 1 >= word.length || word.data[i] == '\0' || length + 1 >= size)
            return false;
        out[length++] = word.data[i];
    }
    out[length] = '\0';
    return true;
}

static void
take_attributes(struct span inside, struct imap_list *list)
{
    static const char *const uses[] = {"Sent", "Drafts", "Trash", "Junk", "Archive"};
    struct span word;

    while (inside.length > 0 && take_word(&inside, &word)) {
        if (span_is_nocase(word, "\\Noselect") || span_is_nocase(word, "\\NonExistent"))
            list->can_select = false;
        for (size_t i = 0; i < ARRAY_LENGTH(uses); i++) {
            if (word.length > 1 && span_is_nocase(span_from(word, 1), uses[i]))
                memcpy(list->use, uses[i], strlen(uses[i]) + 1);
        }
    }
}

bool
imap_answer_list(struct span line, struct imap_list *list)
{
    struct span rest = line;
    struct span word;
    struct span inside;
    char separator[4];

    *list = (struct imap_list){.can_select = true};
    if (!span_take(&rest, SPAN("* ")) || !take_word(&rest, &word) ||
        !span_is_nocase(word, "LIST") || !take_word(&rest, &word) ||
        !inside_of(word, &inside))
        return false;
    take_attributes(inside, list);
    if (!take_word(&rest, &word))
        return false;
    if (!span_is_nocase(word, "NIL")) {
        if (!unquote(word, separator, sizeof(separator)) || strlen(separator) != 1)
            return false;
        list->separator = separator[0];
    }
    return take_word(&rest, &word) && unquote(word, list->name, sizeof(list->name)) &&
           list->name[0] != '\0' && span_trim(rest).length == 0;
}
