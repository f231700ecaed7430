#include "policyd/wiring/postfix_line.h"

#include "shared/base/allocate.h"
#include "shared/base/octet.h"

#include <stdlib.h>

struct span
postfix_line_skip_blanks(struct span text)
{
    size_t count = 0;

    while (count < text.length && octet_is_space(text.data[count]))
        count++;
    return span_from(text, count);
}

struct span
postfix_line_trim(struct span text)
{
    text = postfix_line_skip_blanks(text);
    while (text.length > 0 && octet_is_space(text.data[text.length - 1]))
        text.length--;
    return text;
}

static bool
is_comment(struct span line)
{
    struct span text = postfix_line_skip_blanks(line);

    return text.length == 0 || text.data[0] == '#';
}

void
postfix_line_init(struct postfix_line *line, size_t length)
{
    buffer_init(&line->octets, length + 1);
    line->places = allocate_array(length + 1, sizeof(*line->places));
}

void
postfix_line_clear(struct postfix_line *line)
{
    buffer_clear(&line->octets);
    free(line->places);
    line->places = NULL;
}

/* One more piece: the line end goes, blanks stay. */
static void
add_piece(struct postfix_line *line, struct span piece, size_t place)
{
    for (size_t i = 0; i < piece.length; i++)
        line->places[line->octets.length + i] = place + i;
    buffer_append(&line->octets, piece);
}

/* As postfix_line_next, for lines that Postfix passes over as well. */
static bool
next_line(struct postfix_line *line, struct span text, size_t *at)
{
    struct span look = span_from(text, *at);
    struct span piece;
    bool begun = false;

    buffer_reset(&line->octets);
    while (span_split(&look, '\n', &piece)) {
        if (!is_comment(piece)) {
            if (begun && !octet_is_space(piece.data[0]))
                return true;
            add_piece(line, piece, (size_t)(piece.data - text.data));
            begun = true;
        }
        *at = text.length - look.length;
    }
    return begun;
}

bool
postfix_line_next(struct postfix_line *line, struct span text, size_t *at)
{
    while (next_line(line, text, at)) {
        if (!octet_is_space(line->octets.data[0]))
            return true;
    }
    return false;
}

bool
postfix_line_sets(const struct postfix_line *line, const char *name)
{
    struct span text = buffer_span(&line->octets);
    size_t equals = span_find(text, '=');

    return equals != SPAN_NONE &&
           span_is(postfix_line_trim(span_first(text, equals)), name);
}

static bool
is_empty(struct span text)
{
    return postfix_line_trim(text).length == 0;
}

/* A change on its way through a text. */
struct splice {
    const struct postfix_line *line;
    struct postfix_range gone; /* what of it is still to be met */
    size_t place;
    struct span with;
};

/* What of one physical line is left, and what comes in. */
static void
copy_line(
    struct buffer *out, struct span text, size_t start, size_t end, struct splice *splice)
{
    bool leading = true;

    for (size_t i = start; i <= end; i++) {
        bool is_gone = splice->gone.from < splice->gone.to &&
                       splice->line->places[splice->gone.from] == i;

        if (i == splice->place)
            buffer_append(out, splice->with);
        if (i == end)
            break;
        leading = leading && octet_is_space(text.data[i]);
        if (is_gone)
            splice->gone.from++;
        if (!is_gone || leading)
            buffer_append_octet(out, text.data[i]);
    }
}

void
postfix_line_splice(struct buffer *text, const struct postfix_line *line,
    struct postfix_range gone, size_t place, struct span with)
{
    struct splice splice = {line, gone, place, with};
    struct span before = buffer_span(text);
    struct buffer out;
    size_t start = 0;

    buffer_init(&out, text->ceiling);
    while (start < before.length) {
        size_t length = span_find(span_from(before, start), '\n');
        bool has_end = length != SPAN_NONE;
        size_t end = has_end ? start + length : before.length;
        size_t kept = out.length;
        bool was_empty = is_empty(span_make(before.data + start, end - start));

        copy_line(&out, before, start, end, &splice);
        if (!was_empty && is_empty(span_from(buffer_span(&out), kept)))
            out.length = kept;
        else if (has_end)
            buffer_append_octet(&out, '\n');
        start = end + 1;
    }
    buffer_reset(text);
    buffer_append(text, buffer_span(&out));
    text->overflowed = text->overflowed || out.overflowed;
    buffer_clear(&out);
}

void
postfix_line_take_out(struct buffer *text, const struct postfix_line *line)
{
    postfix_line_splice(
        text, line, (struct postfix_range){0, line->octets.length}, SIZE_MAX, SPAN(""));
}

void
postfix_line_append(struct buffer *text, struct span line)
{
    if (postfix_line_lacks_end(buffer_span(text)))
        buffer_append_octet(text, '\n');
    buffer_append(text, line);
    buffer_append_octet(text, '\n');
}

bool
postfix_line_lacks_end(struct span text)
{
    return text.length > 0 && text.data[text.length - 1] != '\n';
}
