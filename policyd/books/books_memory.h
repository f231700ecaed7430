/*
 * books_memory - the messages that are being written, and how they come from the file and
 * go back there.
 *
 * Inside policyd/books alone.  A message is loaded when it is asked for, and goes from
 * memory at a flush once it has ended, or when there are too many.
 */
#ifndef POLICYD_BOOKS_BOOKS_MEMORY_H
#define POLICYD_BOOKS_BOOKS_MEMORY_H

#include "policyd/books/books_base.h"
#include "policyd/books/books_enter.h"

enum {
    BOOKS_MEMORY_MAX = 20000, /* messages kept from one flush to the next */
    BOOKS_RECIPIENTS_MAX = 100000,
    BOOKS_TEXT_MAX = 4096,   /* of a reply, of all verdicts of a message */
    BOOKS_ATTEMPTS_MAX = 20, /* deferred ones of a recipient that are kept */
};

enum books_kind { KIND_MAIL, KIND_PROBE, KIND_NOTICE };
enum books_state { STATE_BEGUN, STATE_ACTIVE, STATE_HELD, STATE_ENDED };

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
    char *client;
    char *login;
    char *message_id;
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
    bool is_changed;
    bool is_joined;             /* others are of its story */
    struct books_message *next; /* of the same place in the table */
};

struct books_memory;

struct books_memory *books_memory_new(struct books *books, struct error *error);
void books_memory_free(struct books_memory *memory);

/* The message of this id that has not ended; NULL: none.  *failed: the file can't be
 * read. */
struct books_message *books_memory_find(struct books_memory *memory, struct span instance,
    struct span queue_id, bool *failed, struct error *error);

/*
 * Makes the message of this id that began at most `within_ms` before `at_ms`, and has
 * this Message-ID ("": any), a part of the same story.  *found: there is one.
 */
bool books_memory_join(struct books_memory *memory, struct books_message *first,
    struct span queue_id, struct span message_id, int64_t at_ms, int64_t within_ms,
    bool is_notice, bool *found, struct error *error);

/* A new one, which takes the place of an earlier one of that id. */
struct books_message *books_memory_add(struct books_memory *memory, struct span instance,
    struct span queue_id, struct span host, int64_t begun_ms);

/* Puts a copy of the text in the field. */
void books_keep(char **field, struct span text);

struct books_recipient *books_memory_recipient(
    struct books_message *message, struct span address, struct span orig);

/* One more that is found by this. */
void books_memory_handle(struct books_memory *memory, struct books_message *message,
    char kind, struct span value);

/* A deferred attempt, for trace. */
bool books_memory_attempt(struct books_memory *memory,
    const struct books_message *message, const struct books_recipient *recipient,
    struct error *error);

/* Writes all that has changed. */
bool books_memory_flush(struct books_memory *memory, struct error *error);

/* Empties the memory: what was not committed is to be entered again. */
bool books_memory_forget(struct books_memory *memory, struct error *error);

#endif
