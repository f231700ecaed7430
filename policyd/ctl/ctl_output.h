/*
 * ctl_output - what postshiftctl prints: sentences, and tables of at most 100 columns.
 *
 * Lines are made harmless here: what would move the cursor and what is no UTF-8 become
 * \xNN; cells of tables are by ctl_output_text before.  Colour only on a terminal, and
 * not where NO_COLOR is set.
 */
#ifndef POLICYD_CTL_CTL_OUTPUT_H
#define POLICYD_CTL_CTL_OUTPUT_H

#include "shared/base/arena.h"
#include "shared/base/buffer.h"

/* A line to standard output. */
void ctl_output_say(const char *format, ...) ATTRIBUTE_PRINTF(1, 2);

/* The same folded to the width of a table; an alarm is red. */
void ctl_output_note(const char *format, ...) ATTRIBUTE_PRINTF(1, 2);
void ctl_output_alarm(const char *format, ...) ATTRIBUTE_PRINTF(1, 2);

/* As it is, a document or what a table wrote. */
void ctl_output_raw(struct span text);
/* A document, whose line it ends; clears the buffer. */
void ctl_output_document(struct buffer *out);

/* A line to standard error, "postshiftctl: ..."; gives `status`, for `return`. */
int ctl_output_fail(int status, const char *format, ...) ATTRIBUTE_PRINTF(2, 3);
void ctl_output_warn(const char *format, ...) ATTRIBUTE_PRINTF(1, 2);

/* To a person at a terminal who may not know that lines of standard input are waited for.
 */
void ctl_output_invite(const char *lines);

/* What is being waited for, to a terminal alone (standard error), in the place of what
 * was told there before; "" takes it away. */
void ctl_output_progress(const char *format, ...) ATTRIBUTE_PRINTF(1, 2);

bool ctl_output_is_terminal(void);
bool ctl_output_has_colour(void);

const char *ctl_output_text(struct arena *arena, struct span text);

#endif
