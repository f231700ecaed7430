#include "policyd/wiring/postfix_text.h"

#include "shared/base/number.h"
#include "shared/base/octet.h"

static bool
is_separator(char octet)
{
    return octet_is_space(octet) || octet == ',';
}

static bool
is_comment(struct span line)
{
    struct span text = postfix_line_skip_blanks(line);

    return text.length == 0 || text.data[0] == '#';
}

bool
postfix_text_value(struct span main_cf, const char *name, struct buffer *value)
{
    struct postfix_line line;
    size_t before = value->length;
    size_t at = 0;
    bool found = false;

    postfix_line_init(&line, main_cf.length);
    while (postfix_line_next(&line, main_cf, &at)) {
        struct span text = buffer_span(&line.octets);

        if (!postfix_line_sets(&line, name))
            continue;
        value->length = before;
        buffer_append(
            value, postfix_line_trim(span_from(text, span_find(text, '=') + 1)));
        found = true;
    }
    postfix_line_clear(&line);
    return found;
}

void
postfix_text_join(struct buffer *out, struct span text)
{
    struct postfix_line line;
    size_t at = 0;

    postfix_line_init(&line, text.length);
    while (postfix_line_next(&line, text, &at)) {
        buffer_append(out, buffer_span(&line.octets));
        buffer_append_octet(out, '\n');
    }
    postfix_line_clear(&line);
}

static bool
next_word(struct span *rest, struct span *word)
{
    size_t count = 0;

    *rest = postfix_line_skip_blanks(*rest);
    while (count < rest->length && !octet_is_space(rest->data[count]))
        count++;
    *word = span_first(*rest, count);
    *rest = span_from(*rest, count);
    return count > 0;
}

bool
postfix_text_next_service(struct span *rest, struct postfix_service *service)
{
    struct span line;

    while (span_split(rest, '\n', &line)) {
        if (is_comment(line) || octet_is_space(line.data[0]))
            continue;
        if (!next_word(&line, &service->name) || !next_word(&line, &service->type) ||
            !next_word(&line, &service->private) ||
            !next_word(&line, &service->unprivileged) ||
            !next_word(&line, &service->chroot) || !next_word(&line, &service->wakeup) ||
            !next_word(&line, &service->processes) ||
            !next_word(&line, &service->command))
            continue;
        service->arguments = postfix_line_trim(line);
        return true;
    }
    return false;
}

bool
postfix_text_find_service(struct span services, struct span name, const char *type,
    struct postfix_service *service)
{
    while (postfix_text_next_service(&services, service)) {
        if (span_equal(service->name, name) &&
            (type == NULL || span_is(service->type, type)))
            return true;
    }
    return false;
}

/* The length of a group that starts with a brace, both braces counted; without its end,
 * all of it. */
static size_t
braced_length(struct span text)
{
    size_t depth = 0;

    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '{')
            depth++;
        else if (text.data[i] == '}' && --depth == 0)
            return i + 1;
    }
    return text.length;
}

/* Blanks within braces part nothing, wherever in a word these begin. */
static size_t
argument_length(struct span text, bool braced)
{
    size_t count = 0;

    if (braced)
        return braced_length(text);
    while (count < text.length && !octet_is_space(text.data[count]))
        count += text.data[count] == '{' ? braced_length(span_from(text, count)) : 1;
    return count;
}

bool
postfix_text_next_argument(struct span *rest, struct span *argument, bool *braced)
{
    size_t length;

    *rest = postfix_line_skip_blanks(*rest);
    if (rest->length == 0)
        return false;
    *braced = rest->data[0] == '{';
    length = argument_length(*rest, *braced);
    *argument = span_first(*rest, length);
    *rest = span_from(*rest, length);
    if (!*braced)
        return true;
    *argument = span_from(*argument, 1);
    if (span_ends(*argument, SPAN("}")))
        argument->length--;
    *argument = postfix_line_trim(*argument);
    return true;
}

bool
postfix_text_override(struct span arguments, const char *name, struct span *value)
{
    struct span argument;
    bool braced;
    bool after_option = false;
    bool found = false;

    while (postfix_text_next_argument(&arguments, &argument, &braced)) {
        size_t equals = span_find(argument, '=');

        if (after_option && equals != SPAN_NONE &&
            span_is(postfix_line_trim(span_first(argument, equals)), name)) {
            *value = postfix_line_trim(span_from(argument, equals + 1));
            found = true;
        }
        after_option = !braced && span_is(argument, "-o");
    }
    return found;
}

bool
postfix_text_next_item(struct span *rest, struct span *word)
{
    size_t count = 0;

    while (count < rest->length && is_separator(rest->data[count]))
        count++;
    *rest = span_from(*rest, count);
    count = 0;
    while (count < rest->length && !is_separator(rest->data[count])) {
        if (rest->data[count] == '{')
            count += braced_length(span_from(*rest, count));
        else
            count++;
    }
    *word = span_first(*rest, count);
    *rest = span_from(*rest, count);
    return count > 0;
}

bool
postfix_text_list_has(struct span list, const char *word)
{
    struct span found;

    while (postfix_text_next_item(&list, &found)) {
        if (span_is(found, word))
            return true;
    }
    return false;
}

bool
postfix_text_list_starts(struct span list, const char *word)
{
    struct span found;

    return postfix_text_next_item(&list, &found) && span_is(found, word);
}

void
postfix_text_list_add(
    struct buffer *out, struct span list, bool is_set, const char *word, bool first)
{
    if (first) {
        buffer_append_text(out, word);
        buffer_append_text(out, !is_set ? "" : list.length > 0 ? ", " : ",");
        buffer_append(out, list);
    } else {
        buffer_append(out, list);
        buffer_append_text(out, is_set ? ", " : "");
        buffer_append_text(out, word);
    }
}

/* Takes out the word at `word` and the one comma that came with it. */
static void
take_out(struct buffer *out, struct span list, struct span word, bool *comma)
{
    size_t place = (size_t)(word.data - list.data);
    struct span before = postfix_line_trim(span_first(list, place));
    struct span after = postfix_line_trim(span_from(list, place + word.length));

    if (before.length == 0 && span_starts(after, SPAN(","))) {
        after = postfix_line_skip_blanks(span_from(after, 1));
        *comma = true;
    } else if (span_ends(before, SPAN(","))) {
        before.length--;
        *comma = true;
    }
    buffer_append(out, before);
    if (before.length > 0 && after.length > 0 && after.data[0] != ',')
        buffer_append_octet(out, ' ');
    buffer_append(out, after);
}

bool
postfix_text_list_remove(struct buffer *out, struct span list, const char *word)
{
    struct span rest = list;
    struct span found;
    bool comma = false;

    while (postfix_text_next_item(&rest, &found)) {
        if (!span_is(found, word))
            continue;
        take_out(out, list, found, &comma);
        return comma || out->length > 0;
    }
    buffer_append(out, list);
    return true;
}

bool
postfix_text_time(struct span text, char unit, uint64_t *seconds)
{
    static const struct {
        char unit;
        uint64_t seconds;
    } units[] = {
        {'s', 1     },
        {'m', 60    },
        {'h', 3600  },
        {'d', 86400 },
        {'w', 604800},
    };
    uint64_t number;

    if (text.length > 0 &&
        (text.data[text.length - 1] < '0' || text.data[text.length - 1] > '9')) {
        unit = span_lower_octet(text.data[text.length - 1]);
        text.length--;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (units[i].unit != unit || !number_unsigned(text, INT32_MAX, &number))
            continue;
        *seconds = number * units[i].seconds;
        return true;
    }
    return false;
}
