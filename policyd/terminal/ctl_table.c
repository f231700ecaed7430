#include "policyd/terminal/ctl_table.h"

#include "shared/base/utf8.h"

enum { GAP = 2, CUT = 2, NARROWEST = 6, FURTHER = 2, WHOLE_MAX = 1 << 20 };

void
ctl_table_escape(struct buffer *out, struct span text)
{
    while (text.length > 0) {
        size_t length = utf8_length(text);
        bool is_seen = length > 0 && !utf8_is_unseen(utf8_code_point(text, length));

        if (length == 0)
            length = 1;
        for (size_t i = 0; i < length && !is_seen; i++)
            buffer_printf(out, "\\x%02x", (unsigned char)text.data[i]);
        if (is_seen)
            buffer_append(out, span_first(text, length));
        text = span_from(text, length);
    }
}

static size_t
width_of(const char *cell)
{
    struct span text = span_of(cell);
    size_t width = 0;

    while (text.length > 0) {
        size_t length = utf8_length(text);

        text = span_from(text, length == 0 ? 1 : length);
        width++;
    }
    return width;
}

/* So many characters of it. */
static struct span
first_characters(struct span text, size_t count)
{
    size_t octets = 0;

    while (count-- > 0 && octets < text.length) {
        size_t length = utf8_length(span_from(text, octets));

        octets += length == 0 ? 1 : length;
    }
    return span_first(text, octets);
}

static void
pad(struct buffer *out, size_t count)
{
    while (count-- > 0)
        buffer_append_octet(out, ' ');
}

static void
write_cell(struct buffer *out, const char *cell, size_t width, bool right, bool last)
{
    size_t has = width_of(cell);

    if (has > width) {
        buffer_append(out, first_characters(span_of(cell), width - CUT));
        buffer_append_text(out, "..");
        has = width;
    } else {
        if (right)
            pad(out, width - has);
        buffer_append_text(out, cell);
    }
    if (!last) {
        if (!right)
            pad(out, width - has);
        pad(out, GAP);
    }
}

static size_t
count_columns(const struct ctl_table *table)
{
    size_t count = 0;

    while (count < CTL_TABLE_COLUMNS_MAX && table->titles[count] != NULL)
        count++;
    return count;
}

static const char *
cell_of(const struct ctl_table_row *row, size_t column)
{
    return row->cells[column] != NULL ? row->cells[column] : "";
}

/* The widest column that may give way; `columns` for none. */
static size_t
find_widest(const struct ctl_table *table, const size_t *widths, size_t columns)
{
    size_t widest = columns;

    for (size_t i = 0; i < columns; i++) {
        if (!table->rigid[i] && widths[i] > NARROWEST &&
            (widest == columns || widths[i] > widths[widest]))
            widest = i;
    }
    return widest;
}

static void
fit(const struct ctl_table *table, size_t *widths, size_t columns, size_t most)
{
    size_t total = columns > 0 ? (columns - 1) * GAP : 0;

    for (size_t i = 0; i < columns; i++)
        total += widths[i];
    for (; total > most; total--) {
        size_t widest = find_widest(table, widths, columns);

        if (widest == columns)
            return;
        widths[widest]--;
    }
}

static void
write_row(struct buffer *out, const struct ctl_table *table,
    const struct ctl_table_row *row, const size_t *widths, size_t columns)
{
    size_t used = columns;

    /* Nothing is padded at the end of a line. */
    while (used > 1 && cell_of(row, used - 1)[0] == '\0')
        used--;
    for (size_t i = 0; i < used; i++)
        write_cell(out, cell_of(row, i), widths[i], table->right[i], i + 1 == used);
    buffer_append_octet(out, '\n');
}

/* What had to be cut stands whole below its row. */
static void
write_whole(struct buffer *out, const struct ctl_table *table,
    const struct ctl_table_row *row, const size_t *widths, size_t columns, size_t width)
{
    for (size_t i = 0; i < columns; i++) {
        struct buffer line;

        if (width_of(cell_of(row, i)) <= widths[i])
            continue;
        buffer_init(&line, WHOLE_MAX);
        buffer_append_text(&line, "  ");
        for (const char *title = table->titles[i]; *title != '\0'; title++)
            buffer_append_octet(&line, span_lower_octet(*title));
        buffer_printf(&line, ": %s", cell_of(row, i));
        ctl_table_fold(out, buffer_span(&line), width);
        buffer_clear(&line);
    }
}

void
ctl_table_write(
    struct buffer *out, const struct ctl_table *table, size_t width, bool colour)
{
    size_t columns = count_columns(table);
    size_t widths[CTL_TABLE_COLUMNS_MAX] = {0};
    struct ctl_table_row titles = {.below = NULL};

    for (size_t i = 0; i < columns; i++) {
        titles.cells[i] = table->titles[i];
        widths[i] = width_of(table->titles[i]);
        for (size_t j = 0; j < table->count; j++) {
            size_t has = width_of(cell_of(&table->rows[j], i));

            if (has > widths[i])
                widths[i] = has;
        }
    }
    fit(table, widths, columns, width);
    write_row(out, table, &titles, widths, columns);
    for (size_t i = 0; i < table->count; i++) {
        bool red = colour && table->rows[i].alarm;

        buffer_append_text(out, red ? CTL_TABLE_RED : "");
        write_row(out, table, &table->rows[i], widths, columns);
        write_whole(out, table, &table->rows[i], widths, columns, width);
        if (table->rows[i].below != NULL)
            ctl_table_fold(out, span_of(table->rows[i].below), width);
        buffer_append_text(out, red ? CTL_TABLE_PLAIN : "");
    }
}

/* The words that fit, or as much of the first one. */
static struct span
first_words(struct span text, size_t width)
{
    struct span head = first_characters(text, width + 1);
    size_t blank = span_find_last(head, ' ');

    if (blank != SPAN_NONE && span_trim(span_first(head, blank)).length > 0)
        return span_first(head, blank);
    return first_characters(text, width);
}

static void
fold_line(struct buffer *out, struct span line, size_t width)
{
    size_t indent = FURTHER;
    size_t room = width;

    for (size_t i = 0; i < line.length && line.data[i] == ' ' && indent < width / 2; i++)
        indent++;
    while (first_characters(line, room).length < line.length) {
        struct span head = first_words(line, room);

        buffer_append(out, head);
        buffer_append_octet(out, '\n');
        pad(out, indent);
        line = span_trim(span_from(line, head.length));
        room = width - indent;
    }
    buffer_append(out, line);
    buffer_append_octet(out, '\n');
}

void
ctl_table_fold(struct buffer *out, struct span text, size_t width)
{
    struct span line;

    while (text.length > 0 && span_split(&text, '\n', &line))
        fold_line(out, line, width);
}
