#include "policyd/wiring/postfix_edit.h"

#include <stdlib.h>
#include <string.h>

#include "policyd/wiring/postfix_text.h"
#include "shared/base/octet.h"

/* What an option of a service is put before. */
#define OPTION_LINE "\n    -o "

/* Right behind an octet of the line, rather than before the next one: that may stand on
 * another physical line. */
static size_t
behind(const struct postfix_line *line, size_t offset)
{
    return line->places[offset - 1] + 1;
}

/* Just what differs is replaced: what a word is put before or behind keeps its lines. */
static void
change_value(struct buffer *text, const struct postfix_line *line,
    struct postfix_range value, struct span next)
{
    struct span now = span_make(line->octets.data + value.from, value.to - value.from);
    size_t most = now.length < next.length ? now.length : next.length;
    size_t same = 0;
    size_t tail = 0;

    while (same < most && now.data[same] == next.data[same])
        same++;
    while (tail < most - same &&
           now.data[now.length - tail - 1] == next.data[next.length - tail - 1])
        tail++;
    postfix_line_splice(text, line,
        (struct postfix_range){value.from + same, value.to - tail},
        same > 0 ? behind(line, value.from + same) : line->places[value.from],
        span_make(next.data + same, next.length - tail - same));
}

/* "name =" without a value: one blank, then the value. */
static void
give_value(struct buffer *text, const struct postfix_line *line, size_t equals_end,
    const char *value)
{
    struct buffer with;
    bool has_blank =
        equals_end < line->octets.length && line->octets.data[equals_end] == ' ';

    buffer_init(&with, text->ceiling);
    buffer_printf(&with, "%s%s", has_blank ? "" : " ", value);
    postfix_line_splice(text, line, (struct postfix_range){0, 0},
        behind(line, equals_end + (has_blank ? 1 : 0)), buffer_span(&with));
    buffer_clear(&with);
}

static struct postfix_range
range_of(const struct postfix_line *line, struct span part)
{
    size_t from = (size_t)(part.data - line->octets.data);

    return (struct postfix_range){from, from + part.length};
}

/* The last line that sets it. */
static bool
find_parameter(struct span text, const char *name, struct postfix_line *line)
{
    size_t at = 0;
    size_t found = SIZE_MAX;
    size_t begin = 0;

    while (postfix_line_next(line, text, &at)) {
        if (postfix_line_sets(line, name))
            found = begin;
        begin = at;
    }
    at = found;
    return found != SIZE_MAX && postfix_line_next(line, text, &at);
}

static bool
has_value(const struct buffer *text, const char *name, const char *wanted)
{
    struct buffer value;
    bool same;

    buffer_init(&value, text->length + 1);
    same = postfix_text_value(buffer_span(text), name, &value) &&
           span_is(buffer_span(&value), wanted);
    buffer_clear(&value);
    return same;
}

static void
change_parameter(
    struct buffer *text, struct postfix_line *line, const char *name, const char *value)
{
    struct span octets = buffer_span(&line->octets);
    size_t start = span_find(octets, '=') + 1;
    struct span now = postfix_line_trim(span_from(octets, start));

    if (now.length == 0)
        give_value(text, line, start, value);
    else
        change_value(text, line, range_of(line, now), span_of(value));
    /* Blanks between lines that the new value has not: then it is one line. */
    if (has_value(text, name, value) || !find_parameter(buffer_span(text), name, line))
        return;
    now = postfix_line_trim(span_from(buffer_span(&line->octets), start));
    postfix_line_splice(text, line, range_of(line, now),
        line->places[range_of(line, now).from], span_of(value));
}

static void
set_parameter(struct buffer *text, const char *name, const char *value)
{
    struct postfix_line line;
    struct buffer added;

    buffer_init(&added, text->ceiling);
    /* The second look is at a text that may be longer by the value. */
    postfix_line_init(&line, text->length + strlen(value) + 1);
    if (find_parameter(buffer_span(text), name, &line)) {
        change_parameter(text, &line, name, value);
    } else {
        buffer_printf(&added, "%s = %s", name, value);
        postfix_line_append(text, buffer_span(&added));
    }
    postfix_line_clear(&line);
    buffer_clear(&added);
}

static void
drop_parameter(struct buffer *text, const char *name)
{
    struct postfix_line line;

    postfix_line_init(&line, text->length);
    while (find_parameter(buffer_span(text), name, &line))
        postfix_line_take_out(text, &line);
    postfix_line_clear(&line);
}

/* "qmgr/unix" */
static bool
find_entry(struct span text, struct span name, struct postfix_line *line,
    struct postfix_service *service)
{
    size_t at = 0;

    while (postfix_line_next(line, text, &at)) {
        struct span rest = buffer_span(&line->octets);
        struct span given = name;
        struct span part;

        if (postfix_text_next_service(&rest, service) && span_split(&given, '/', &part) &&
            span_equal(part, service->name) && span_equal(given, service->type))
            return true;
    }
    return false;
}

/* An entry with each option on a line of its own. */
static bool
write_entry(struct buffer *out, struct span line)
{
    struct postfix_service service;
    struct span rest = line;
    struct span argument;
    bool braced;
    bool after_option = false;

    if (!postfix_text_next_service(&rest, &service))
        return false;
    rest = service.arguments;
    buffer_append(
        out, postfix_line_trim(span_first(line, (size_t)(rest.data - line.data))));
    for (;;) {
        struct span start = postfix_line_trim(rest);
        bool is_option;

        if (!postfix_text_next_argument(&rest, &argument, &braced))
            return true;
        is_option = !braced && !after_option && span_is(argument, "-o");
        buffer_append_text(out, is_option ? OPTION_LINE : after_option ? "" : " ");
        if (!is_option)
            buffer_append(out, span_first(start, (size_t)(rest.data - start.data)));
        after_option = is_option;
    }
}

static bool
set_entry(struct buffer *text, struct span name, struct span entry, struct error *error)
{
    struct postfix_line line;
    struct postfix_service now;
    struct buffer written;
    bool done;

    buffer_init(&written, text->ceiling);
    postfix_line_init(&line, text->length);
    done = write_entry(&written, entry) ||
           error_permanent(error, "postconf -M: no entry of master.cf");
    if (done && find_entry(buffer_span(text), name, &line, &now))
        postfix_line_splice(text, &line, (struct postfix_range){0, line.octets.length},
            line.places[0], buffer_span(&written));
    else if (done)
        postfix_line_append(text, buffer_span(&written));
    postfix_line_clear(&line);
    buffer_clear(&written);
    return done;
}

/* The last option of that name: all of it from its -o on, and its value. */
static bool
find_option(const struct postfix_line *line, const struct postfix_service *service,
    const char *name, struct postfix_range *option, struct span *value)
{
    struct span rest = service->arguments;
    struct span argument;
    bool braced;
    size_t from = SIZE_MAX; /* of a -o that waits for its setting */
    bool found = false;

    while (postfix_text_next_argument(&rest, &argument, &braced)) {
        size_t equals = span_find(argument, '=');

        if (from != SIZE_MAX && equals != SPAN_NONE &&
            span_is(postfix_line_trim(span_first(argument, equals)), name)) {
            *value = postfix_line_trim(span_from(argument, equals + 1));
            *option =
                (struct postfix_range){from, (size_t)(rest.data - line->octets.data)};
            found = true;
        }
        from = from == SIZE_MAX && !braced && span_is(argument, "-o")
                   ? range_of(line, argument).from
                   : SIZE_MAX;
    }
    return found;
}

static void
add_option(struct buffer *text, const struct postfix_line *line, struct span setting)
{
    size_t end = postfix_line_trim(buffer_span(&line->octets)).length;
    bool braced = false;
    struct buffer with;

    for (size_t i = 0; i < setting.length; i++)
        braced = braced || setting.data[i] == ' ' || setting.data[i] == '{';
    buffer_init(&with, text->ceiling);
    buffer_append_text(&with, OPTION_LINE);
    buffer_append_text(&with, braced ? "{ " : "");
    buffer_append(&with, setting);
    buffer_append_text(&with, braced ? " }" : "");
    postfix_line_splice(
        text, line, (struct postfix_range){0, 0}, behind(line, end), buffer_span(&with));
    buffer_clear(&with);
}

static bool
no_entry(struct span name, struct error *error)
{
    char text[100];

    (void)span_copy(name, text, sizeof(text));
    return error_permanent(error, "master.cf has no entry %s", text);
}

/* "name=value" */
static bool
set_option(
    struct buffer *text, struct span service, struct span setting, struct error *error)
{
    size_t equals = span_find(setting, '=');
    struct postfix_line line;
    struct postfix_service entry;
    struct postfix_range option;
    struct span value;
    char name[200];
    bool done =
        equals != SPAN_NONE &&
        span_copy(postfix_line_trim(span_first(setting, equals)), name, sizeof(name));

    if (!done)
        return error_permanent(error, "postconf -P: no setting of an option");
    postfix_line_init(&line, text->length);
    done = find_entry(buffer_span(text), service, &line, &entry);
    if (!done)
        (void)no_entry(service, error);
    else if (find_option(&line, &entry, name, &option, &value) && value.length > 0)
        change_value(text, &line, range_of(&line, value),
            postfix_line_trim(span_from(setting, equals + 1)));
    else
        add_option(text, &line, setting);
    postfix_line_clear(&line);
    return done;
}

static bool
drop_option(
    struct buffer *text, struct span service, struct span option, struct error *error)
{
    struct postfix_line line;
    struct postfix_service entry;
    struct postfix_range range;
    struct span value;
    char name[200];
    bool done = span_copy(option, name, sizeof(name));

    postfix_line_init(&line, text->length);
    done = done && find_entry(buffer_span(text), service, &line, &entry);
    if (!done)
        (void)no_entry(service, error);
    while (done && find_entry(buffer_span(text), service, &line, &entry) &&
           find_option(&line, &entry, name, &range, &value)) {
        /* The blank before it on the same line goes with it. */
        while (range.from > 0 && octet_is_space(line.octets.data[range.from - 1]) &&
               line.places[range.from - 1] + 1 == line.places[range.from])
            range.from--;
        postfix_line_splice(text, &line, range, SIZE_MAX, SPAN(""));
    }
    postfix_line_clear(&line);
    return done;
}

static void
drop_entry(struct buffer *text, struct span name)
{
    struct postfix_line line;
    struct postfix_service entry;

    postfix_line_init(&line, text->length);
    while (find_entry(buffer_span(text), name, &line, &entry))
        postfix_line_take_out(text, &line);
    postfix_line_clear(&line);
}

/* Parts "qmgr/unix/name..." behind the type. */
static bool
split_service(struct span argument, struct span *service, struct span *rest)
{
    size_t first = span_find(argument, '/');
    size_t second =
        first == SPAN_NONE ? first : span_find(span_from(argument, first + 1), '/');

    if (second == SPAN_NONE)
        return false;
    *service = span_first(argument, first + 1 + second);
    *rest = span_from(argument, first + second + 2);
    return true;
}

static bool
step_parameter(struct postfix_files *files, struct span argument, struct error *error)
{
    size_t equals = span_find(argument, '=');
    struct buffer value;
    char name[200];

    if (equals == SPAN_NONE ||
        !span_copy(postfix_line_trim(span_first(argument, equals)), name, sizeof(name)))
        return error_permanent(error, "postconf -e: no setting of a parameter");
    buffer_init(&value, argument.length + 1);
    buffer_append(&value, postfix_line_trim(span_from(argument, equals + 1)));
    set_parameter(&files->main_cf, name, buffer_text(&value));
    buffer_clear(&value);
    return true;
}

static bool
step_master(struct postfix_files *files, const char *flag, struct span argument,
    struct error *error)
{
    size_t equals = span_find(argument, '=');
    struct span service;
    struct span rest;

    if (strcmp(flag, "-MX") == 0) {
        drop_entry(&files->master_cf, argument);
        return true;
    }
    if (strcmp(flag, "-M") == 0 && equals != SPAN_NONE)
        return set_entry(&files->master_cf, span_first(argument, equals),
            span_from(argument, equals + 1), error);
    if (strcmp(flag, "-P") == 0 && split_service(argument, &service, &rest))
        return set_option(&files->master_cf, service, rest, error);
    if (strcmp(flag, "-PX") == 0 && split_service(argument, &service, &rest))
        return drop_option(&files->master_cf, service, rest, error);
    return error_permanent(error, "postconf %s: not understood", flag);
}

bool
postfix_edit_step(struct postfix_files *files, const char *flag, const char *argument,
    struct error *error)
{
    bool done = true;

    if (strcmp(flag, "-e") == 0)
        done = step_parameter(files, span_of(argument), error);
    else if (strcmp(flag, "-X") == 0)
        drop_parameter(&files->main_cf, argument);
    else
        done = step_master(files, flag, span_of(argument), error);
    if (done && (!buffer_ok(&files->main_cf) || !buffer_ok(&files->master_cf)))
        done = error_permanent(error, "main.cf or master.cf becomes too large");
    return done;
}
