#include "policyd/terminal/mail_view.h"

#include "policyd/terminal/ctl_table.h"
#include "shared/base/octet.h"

enum { TAG_MAX = 4096 };

static void
write_line(struct buffer *out, struct span line)
{
    struct span part;

    while (line.length > 0 && line.data[line.length - 1] == '\r')
        line = span_first(line, line.length - 1);
    for (bool is_first = true; span_split(&line, '\t', &part); is_first = false) {
        buffer_append_text(out, is_first ? "" : "    ");
        ctl_table_escape(out, part);
    }
    buffer_append_octet(out, '\n');
}

/* --- HTML --- */

/* Octets of the tag at the start of the text, 0 where there is none. */
static size_t
tag_length(struct span text)
{
    size_t end;

    if (text.length < 2 || text.data[0] != '<')
        return 0;
    if (!octet_is_letter(text.data[1]) && text.data[1] != '/' && text.data[1] != '!' &&
        text.data[1] != '?')
        return 0;
    end = span_find(span_first(text, TAG_MAX), '>');
    return end == SPAN_NONE ? 0 : end + 1;
}

/* The value behind `name`, with or without quotes. */
static struct span
value_of(struct span tag, struct span name)
{
    size_t at = span_find_text_nocase(tag, name);
    struct span value;
    size_t end = 0;

    if (at == SPAN_NONE)
        return SPAN("");
    value = span_from(tag, at + name.length);
    if (value.length > 0 && (value.data[0] == '"' || value.data[0] == '\''))
        return span_first(
            span_from(value, 1), span_find(span_from(value, 1), value.data[0]));
    while (
        end < value.length && !octet_is_space(value.data[end]) && value.data[end] != '>')
        end++;
    return span_first(value, end);
}

/* "<https://a.example/x>", "<a@b.example>", which are no tags. */
static bool
is_address(struct span inside)
{
    return span_find(inside, ' ') == SPAN_NONE &&
           (span_find(inside, '@') != SPAN_NONE ||
               span_find_text(inside, SPAN("://")) != SPAN_NONE);
}

static void
write_link(struct buffer *out, struct span link)
{
    if (link.length == 0)
        return;
    buffer_append_octet(out, '[');
    buffer_append(out, link);
    buffer_append_octet(out, ']');
}

static void
write_tag(struct buffer *out, struct span tag)
{
    struct span inside = span_first(span_from(tag, 1), tag.length - 2);

    if (is_address(inside)) {
        write_link(out, inside);
        return;
    }
    write_link(out, value_of(tag, SPAN("href=")));
    write_link(out, value_of(tag, SPAN("src=")));
    write_link(out, value_of(tag, SPAN("action=")));
}

/* What a link shows may itself look like a tag: those are parted from their '<' below. */
static void
strip(struct buffer *out, struct span text)
{
    while (text.length > 0) {
        size_t length = tag_length(text);

        if (length > 0)
            write_tag(out, span_first(text, length));
        else
            buffer_append_octet(out, text.data[0]);
        text = span_from(text, length > 0 ? length : 1);
    }
}

static void
write_html(struct buffer *out, struct span text)
{
    struct buffer stripped;
    struct span rest;
    struct span line;

    buffer_init(&stripped, 2 * (size_t)MAIL_VIEW_MAX);
    strip(&stripped, text);
    for (size_t i = 0; i < stripped.length; i++) {
        if (tag_length(span_from(buffer_span(&stripped), i)) > 0)
            stripped.data[i] = '(';
    }
    rest = buffer_span(&stripped);
    while (rest.length > 0 && span_split(&rest, '\n', &line))
        write_line(out, line);
    buffer_clear(&stripped);
}

/* --- lines --- */

struct view {
    bool in_header; /* of the mail, or of a part */
    bool in_type;   /* within its Content-Type */
    bool is_html;
};

static bool
says_html(struct view *view, struct span line)
{
    if (line.length > 0 && !octet_is_blank(line.data[0]))
        view->in_type = span_starts_nocase(line, SPAN("content-type"));
    return view->in_type && span_find_text_nocase(line, SPAN("html")) != SPAN_NONE;
}

/* What the line, which is shown, makes of the next. */
static void
follow(struct view *view, struct span line)
{
    if (span_trim(line).length == 0)
        view->in_header = view->in_type = false;
    else if (view->in_header)
        view->is_html = view->is_html || says_html(view, line);
    else
        view->in_header = span_starts(line, SPAN("--")) && line.length > 2;
}

void
mail_view_write(struct buffer *out, struct span mail)
{
    struct span rest = span_first(mail, MAIL_VIEW_MAX);
    struct view view = {.in_header = true};
    struct span line;

    while (rest.length > 0 && !(view.is_html && !view.in_header) &&
           span_split(&rest, '\n', &line)) {
        write_line(out, line);
        follow(&view, line);
    }
    if (rest.length > 0)
        write_html(out, rest);
    if (mail.length > MAIL_VIEW_MAX)
        buffer_printf(out, "(%zu octets more are not shown)\n",
            mail.length - (size_t)MAIL_VIEW_MAX);
}
