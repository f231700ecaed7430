/*
 * books_message - a message that is being written, with its recipients.  Plain values.
 *
 * Inside policyd/books alone.
 */
#ifndef POLICYD_BOOKS_BOOKS_MESSAGE_H
#define POLICYD_BOOKS_BOOKS_MESSAGE_H

#include "policyd/books/books_enter.h"

enum {
    BOOKS_RECIPIENTS_MAX = 100000,
    BOOKS_TEXT_MAX = 4096,   /* of a reply, of all verdicts of a message */
    BOOKS_ATTEMPTS_MAX = 20, /* deferred ones of a recipient that are kept */
};

enum books_kind { KIND_MAIL, KIND_PROBE, KIND_NOTICE };
enum books_state { STATE_BEGUN, STATE_ACTIVE, STATE_HELD, STATE_ENDED };

/* Whose id it is: an instance's ("": of any), on a host ("": of any). */
struct books_id {
    struct span queue_id;
    struct span instance;
    struct span host;
};

struct books_recipient {
    char *address;
    char *orig; /* "" where it is the same */
    char *domain;
    char *service;
    char *relay;
    char *tls;
    char *reply;
    enum books_end end;
    enum books_backend backend;
    enum outcome outcome;
    enum reply_class class;
    bool is_maybe;
    int64_t at;
    uint64_t attempts;
    uint64_t delay_ms;
    int64_t first_at;
    enum outcome first_outcome;
    enum reply_class first_class;
    enum books_backend first_backend;
    uint64_t first_delay_ms;
    bool is_changed;
};

struct books_message {
    int64_t id;
    char *instance;
    char *queue_id;
    char *host;
    char *sender;
    char *client; /* NULL: no line said who brought it */
    char *login;
    char *message_id; /* NULL: no line said it */
    char *refused;
    char *verdicts;
    enum books_kind kind;
    enum books_state state;
    enum maillog_removal removal;
    int64_t begun;
    int64_t accepted; /* 0: not yet */
    int64_t ended;    /* 0: not yet */
    int64_t seen;     /* last line */
    int64_t story;
    uint64_t nrcpt; /* 0: not known */
    uint64_t size;
    struct books_recipient *recipients;
    size_t recipient_count;
    size_t recipient_room;
    uint32_t
        *index; /* of many recipients: places by the hash of the name, 1 is the first */
    size_t index_size;
    size_t index_count; /* recipients that are in it */
    bool is_changed;
    bool is_joined;             /* others may be of its story */
    bool is_alone;              /* no other host has an open one of this id */
    struct books_message *next; /* of the same place in the table */
};

void books_message_free(struct books_message *message);

/* Puts a copy of the text in the field. */
void books_keep(char **field, struct span text);

/* One more, without a name. */
struct books_recipient *books_message_add(struct books_message *message);

/*
 * The recipient of this name; a new one where there is none, or in the place of one that
 * a hold named (an alias may have become another by the time of its attempt).  NULL:
 * there are too many.
 */
struct books_recipient *books_message_recipient(
    struct books_message *message, struct span address, struct span orig);

#endif
