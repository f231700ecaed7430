/*
 * books_session - what must be remembered from one line to another, and is no account:
 * what a process of Postfix said before it named a message.
 *
 * Inside policyd/books alone.  Lives in memory and is written beside the accounts, so
 * that a restart between two lines changes nothing.  What is older than an hour (by the
 * log's time) is forgotten.
 */
#ifndef POLICYD_BOOKS_BOOKS_SESSION_H
#define POLICYD_BOOKS_BOOKS_SESSION_H

#include "policyd/books/books_memory.h"

struct books_session;

struct books_session *books_session_new(struct books *books, struct error *error);
void books_session_free(struct books_session *session);
bool books_session_flush(
    struct books_session *session, int64_t now_ms, struct error *error);
bool books_session_forget(struct books_session *session, struct error *error);

/* smtpd decided to hold or discard: the next message of this process, or this one. */
void books_session_decide(struct books_session *session, uint32_t pid,
    enum maillog_action action, struct span recipient, int64_t now_ms);
void books_session_decide_for(struct books_session *session, int64_t message,
    enum maillog_action action, struct span recipient, int64_t now_ms);

/* A message has begun at this smtpd. */
void books_session_begin(
    struct books_session *session, int64_t message, uint32_t pid, int64_t now_ms);

/* What was decided for it, MAILLOG_ACTION_OTHER for nothing; then it is forgotten.  A
 * hold waits until the content comes. */
enum maillog_action books_session_decided(struct books_session *session, int64_t message,
    char *recipient, size_t size, bool content_comes, int64_t now_ms);

/* A client has come or gone: what was decided for the next message was for another's. */
void books_session_clear(struct books_session *session, uint32_t pid);

/* A TLS connection of this process; and the version for its deliveries of the next
 * message to the same peer, "" where it isn't known (a connection that is used again). */
void books_session_tls_begun(struct books_session *session, uint32_t pid,
    struct span peer, struct span version, int64_t now_ms);
struct span books_session_tls(struct books_session *session, uint32_t pid,
    struct span peer, struct span queue_id, int64_t now_ms);

/* Which backend a host is, by the words of our services' lines; and for error(8)'s. */
void books_session_saw_host(struct books_session *session, struct span relay,
    struct span text, enum books_backend backend, int64_t now_ms);
enum books_backend books_session_find_host(
    struct books_session *session, struct span text, int64_t now_ms);

/* An id that was named before its own first line; which story it belongs to: 0 none. */
void books_session_expect(struct books_session *session, struct span queue_id,
    int64_t story, bool is_notice, int64_t now_ms);
int64_t books_session_claim(
    struct books_session *session, struct span queue_id, bool *is_notice, int64_t now_ms);

#endif
