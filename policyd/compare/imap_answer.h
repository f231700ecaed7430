/*
 * imap_answer - what an IMAP server (RFC 3501) says, as far as two mailboxes are
 * compared: a stream of octets to lines, and lines to what FETCH and LIST tell.  Pure.
 *
 * A literal of a mail (BODY[], BODY[HEADER]) is passed on as it comes and is never whole
 * in memory; any other is put into its line as a quoted string.  A line of more than
 * IMAP_LINE_MAX, and a literal of more than IMAP_MAIL_MAX (of others IMAP_LITERAL_MAX),
 * are refused.
 */
#ifndef POLICYD_COMPARE_IMAP_ANSWER_H
#define POLICYD_COMPARE_IMAP_ANSWER_H

#include "shared/base/buffer.h"
#include "shared/base/error.h"

enum { IMAP_LINE_MAX = 64 << 10, IMAP_LITERAL_MAX = 4 << 10, IMAP_MAIL_MAX = 1 << 30 };

struct imap_answer {
    struct buffer line;
    uint64_t literal; /* octets of it that are to come */
    bool is_mail;     /* that literal */
};

/* Either may refuse, which ends it. */
struct imap_sink {
    bool (*mail)(void *argument, struct span part, struct error *error);
    bool (*line)(void *argument, struct span line, struct error *error);
    void *argument;
};

void imap_answer_init(struct imap_answer *answer);
void imap_answer_clear(struct imap_answer *answer);

bool imap_answer_feed(struct imap_answer *answer, struct span data,
    const struct imap_sink *sink, struct error *error);

enum imap_flag {
    IMAP_SEEN = 1,
    IMAP_ANSWERED = 2,
    IMAP_FLAGGED = 4,
    IMAP_DRAFT = 8,
    IMAP_DELETED = 16,
};

struct imap_fetch {
    uint32_t uid; /* 0: not told */
    unsigned flags;
    uint32_t keywords; /* of all others but \Recent, whatever their order and case */
    bool has_flags;
    bool has_mail;
    struct span quoted; /* a mail that came as a quoted string, its backslashes still in
                           it; borrowed from the line */
};

/* "* 7 FETCH (UID 9 FLAGS (\Seen) BODY[] "")" */
bool imap_answer_fetch(struct span line, struct imap_fetch *fetch);

/* "* 7 EXISTS" */
bool imap_answer_exists(struct span line, uint32_t *count);

enum { IMAP_NAME_MAX = 1024 };

struct imap_list {
    char name[IMAP_NAME_MAX]; /* as the server has it */
    char separator;           /* '\0': none */
    char use[16];             /* "Sent", "Trash", ... of RFC 6154; "" none */
    bool can_select;
};

/* "* LIST (\HasNoChildren \Sent) "/" "Sent Items"" */
bool imap_answer_list(struct span line, struct imap_list *list);

/* A name as a quoted string. */
void imap_answer_quote(struct buffer *out, struct span text);

#endif
