/*
 * postfix_text - what stands in main.cf and master.cf.
 *
 * main.cf is read as Postfix does: a line that begins with a blank goes on with the one
 * before, comments and empty lines count for nothing wherever they stand, the last of
 * several values wins.  postconf(1) would do it too, but it hides parameters that nothing
 * uses, makes one blank of several, which changes a pattern, and waits for two seconds
 * after each change.  Pure.
 */
#ifndef POLICYD_WIRING_POSTFIX_TEXT_H
#define POLICYD_WIRING_POSTFIX_TEXT_H

#include "policyd/wiring/postfix_line.h"

/* Appends the value of a parameter, continuation lines joined; false when it isn't set.
 */
bool postfix_text_value(struct span main_cf, const char *name, struct buffer *value);

/* Logical lines, one a line: what master.cf is before it is looked into. */
void postfix_text_join(struct buffer *out, struct span text);

/* One service; what is "-" in the file is "-" here. */
struct postfix_service {
    struct span name;
    struct span type;
    struct span private;
    struct span unprivileged;
    struct span chroot;
    struct span wakeup;
    struct span processes;
    struct span command;
    struct span arguments;
};

/* The next service of a joined `rest`; lines that aren't one are passed over. */
bool postfix_text_next_service(struct span *rest, struct postfix_service *service);

/* `type` NULL: of any type. */
bool postfix_text_find_service(struct span services, struct span name, const char *type,
    struct postfix_service *service);

/* The next argument of a command: a word, or what stands in braces, these left out. */
bool postfix_text_next_argument(struct span *rest, struct span *argument, bool *braced);

/* What `-o name=value` says in a service's arguments; the last one wins. */
bool postfix_text_override(struct span arguments, const char *name, struct span *value);

/* Words of a list, parted by commas and blanks; braces keep together what is in them.
 * The next one, and `rest` behind it. */
bool postfix_text_next_item(struct span *rest, struct span *word);
bool postfix_text_list_has(struct span list, const char *word);
bool postfix_text_list_starts(struct span list, const char *word);

/*
 * Puts our word before or behind what a list has, and takes it out again.  A list that
 * was set to nothing keeps a comma beside our word, one that was not set has the word
 * alone: so that taking it out restores either.
 */
void postfix_text_list_add(
    struct buffer *out, struct span list, bool is_set, const char *word, bool first);
/* False: nothing is left and the parameter was not set before. */
bool postfix_text_list_remove(struct buffer *out, struct span list, const char *word);

/* A time as main.cf has it ("5d", "100s", "1w") in seconds; `unit` where it has none. */
bool postfix_text_time(struct span text, char unit, uint64_t *seconds);

#endif
