/*
 * books_memory - the messages that are being written, by their ids.
 *
 * Inside policyd/books alone.  A message is loaded when it is asked for, and goes from
 * memory at a flush once it has ended, or when there are too many.
 */
#ifndef POLICYD_BOOKS_BOOKS_MEMORY_H
#define POLICYD_BOOKS_BOOKS_MEMORY_H

#include "policyd/books/books_base.h"
#include "policyd/books/books_message.h"

enum { BOOKS_MEMORY_MAX = 20000 }; /* messages kept from one flush to the next */

struct books_memory;

struct books_memory *books_memory_new(struct books *books, struct error *error);
void books_memory_free(struct books_memory *memory);
struct books *books_memory_books(struct books_memory *memory);

/* The message of this id that has not ended; NULL: none.  That of its host goes before
 * others, which count as well: a smtpd with another myhostname writes another host.
 * *failed: the file can't be read. */
struct books_message *books_memory_find(struct books_memory *memory,
    const struct books_id *id, bool *failed, struct error *error);

/* The one that was discarded since then. */
struct books_message *books_memory_find_discarded(struct books_memory *memory,
    const struct books_id *id, int64_t since_ms, bool *failed, struct error *error);

/* A new one, which takes the place of an earlier one of that id. */
struct books_message *books_memory_add(
    struct books_memory *memory, const struct books_id *id, int64_t begun_ms);

/* Who follows a message under another id. */
struct books_link {
    struct span queue_id;
    struct span message_id; /* to be the same, "" too, unless any is right */
    bool any_message_id;
    bool is_notice;
    int64_t at_ms; /* it began about then */
    int64_t within_ms;
};

/* In memory, also one that has ended: a second pass may be through before the first is
 * told of it.  NULL: there is none. */
struct books_message *books_memory_follower(struct books_memory *memory,
    const struct books_message *first, const struct books_link *link);

/* All of one story to another, in memory. */
void books_memory_rename(struct books_memory *memory, int64_t from, int64_t to);

/* One more that is found by this. */
void books_memory_handle(struct books_memory *memory, struct books_message *message,
    char kind, struct span value);

/* Writes all that has changed. */
bool books_memory_flush(struct books_memory *memory, struct error *error);

/* Empties the memory: what was not committed is to be entered again. */
bool books_memory_forget(struct books_memory *memory, struct error *error);

#endif
