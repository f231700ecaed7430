/*
 * ctl_table - rows to lines of at most a stated width.  Pure.
 *
 * Columns are as wide as their widest cell; where the whole would be too wide, the widest
 * columns that aren't rigid give way and their cells are cut, which shows as ".."; what
 * was cut stands whole below its row.  Widths are counted in characters of UTF-8.
 */
#ifndef POLICYD_TERMINAL_CTL_TABLE_H
#define POLICYD_TERMINAL_CTL_TABLE_H

#include "shared/base/buffer.h"

#define CTL_TABLE_RED "\033[31m"
#define CTL_TABLE_PLAIN "\033[0m"

enum { CTL_TABLE_WIDTH = 100, CTL_TABLE_COLUMNS_MAX = 12 };

struct ctl_table_row {
    const char *cells[CTL_TABLE_COLUMNS_MAX]; /* NULL is "" */
    const char *below;                        /* lines that follow it, folded, or NULL */
    bool alarm;                               /* in red, where there is colour */
};

struct ctl_table {
    const char *titles[CTL_TABLE_COLUMNS_MAX]; /* NULL ends them */
    bool right[CTL_TABLE_COLUMNS_MAX];         /* numbers stand to the right */
    bool rigid[CTL_TABLE_COLUMNS_MAX];         /* never cut */
    const struct ctl_table_row *rows;
    size_t count;
};

void ctl_table_write(
    struct buffer *out, const struct ctl_table *table, size_t width, bool colour);

/*
 * Sentences, a line each, at most so wide: broken at blanks, within a word only where it
 * is wider by itself.  What was broken goes on two columns further in.
 */
void ctl_table_fold(struct buffer *out, struct span text, size_t width);

/* What is unseen (utf8_is_unseen) and what is no UTF-8 as \xNN, octet by octet. */
void ctl_table_escape(struct buffer *out, struct span text);

#endif
