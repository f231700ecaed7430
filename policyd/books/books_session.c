#include "policyd/books/books_session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/allocate.h"
#include "shared/base/number.h"

enum {
    PLACES = 4096,
    VALUE_MAX = 300,
    FORGOTTEN_MS = 3600 * 1000,
    EXPECTED_MS = 60 * 1000,
};

enum kind {
    OF_PROCESS, /* decided for the next message of an smtpd */
    OF_MESSAGE, /* decided for a message */
    TLS,
    HOST,
    EXPECTED,
};

struct item {
    enum kind kind;
    int64_t key;
    int64_t at;
    char value[VALUE_MAX];
    bool is_changed;
    bool is_gone;
    struct item *next;
};

struct books_session {
    struct books *books;
    struct item *places[PLACES];
};

/* --- items --- */

static struct item **
place_of(struct books_session *session, enum kind kind, int64_t key)
{
    uint64_t number = (uint64_t)key * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)kind;

    return &session->places[(number >> 40) % PLACES];
}

/* What is too old counts no more, whether or not a flush has come by. */
static struct item *
find(struct books_session *session, enum kind kind, int64_t key, int64_t now_ms)
{
    struct item *item = *place_of(session, kind, key);

    while (item != NULL && (item->kind != kind || item->key != key))
        item = item->next;
    return item != NULL && !item->is_gone && item->at >= now_ms - FORGOTTEN_MS ? item
                                                                               : NULL;
}

static struct item *
put(struct books_session *session, enum kind kind, int64_t key, int64_t at)
{
    struct item **place = place_of(session, kind, key);
    struct item *item = *place;

    while (item != NULL && (item->kind != kind || item->key != key))
        item = item->next;
    if (item == NULL) {
        item = allocate(sizeof(*item));
        item->kind = kind;
        item->key = key;
        item->next = *place;
        *place = item;
    }
    item->at = at;
    item->is_gone = false;
    item->is_changed = true;
    return item;
}

static void
take_away(struct item *item)
{
    item->is_gone = true;
    item->is_changed = true;
}

static void
set(struct item *item, struct span value)
{
    (void)span_copy(span_first(value, VALUE_MAX - 1), item->value, VALUE_MAX);
}

/* --- the file --- */

static bool
write_item(struct books_session *session, const struct item *item, struct error *error)
{
    static const char save[] =
        "INSERT OR REPLACE INTO session(kind, pid, at, value) VALUES(?1, ?2, ?3, ?4)";
    static const char remove[] = "DELETE FROM session WHERE kind = ?1 AND pid = ?2";
    sqlite3_stmt *row =
        books_prepare(session->books, item->is_gone ? remove : save, error);

    if (row == NULL)
        return false;
    (void)sqlite3_bind_int(row, 1, (int)item->kind);
    (void)sqlite3_bind_int64(row, 2, item->key);
    if (!item->is_gone) {
        (void)sqlite3_bind_int64(row, 3, item->at);
        books_bind_text(row, 4, item->value);
    }
    return books_run(session->books, row, error);
}

bool
books_session_flush(struct books_session *session, int64_t now_ms, struct error *error)
{
    for (size_t i = 0; i < PLACES; i++) {
        struct item **link = &session->places[i];

        while (*link != NULL) {
            struct item *item = *link;

            if (item->at < now_ms - FORGOTTEN_MS && !item->is_gone)
                take_away(item);
            if (item->is_changed && !write_item(session, item, error))
                return false;
            item->is_changed = false;
            if (item->is_gone) {
                *link = item->next;
                free(item);
            } else {
                link = &item->next;
            }
        }
    }
    return true;
}

static void
clear(struct books_session *session)
{
    for (size_t i = 0; i < PLACES; i++) {
        while (session->places[i] != NULL) {
            struct item *item = session->places[i];

            session->places[i] = item->next;
            free(item);
        }
    }
}

bool
books_session_forget(struct books_session *session, struct error *error)
{
    sqlite3_stmt *row =
        books_prepare(session->books, "SELECT kind, pid, at, value FROM session", error);
    int result = -1;

    clear(session);
    while (row != NULL && (result = books_step(session->books, row, error)) == 1) {
        struct item *item = put(session, (enum kind)sqlite3_column_int(row, 0),
            sqlite3_column_int64(row, 1), sqlite3_column_int64(row, 2));

        set(item, span_of((const char *)sqlite3_column_text(row, 3)));
        item->is_changed = false;
    }
    return row != NULL && result == 0;
}

struct books_session *
books_session_new(struct books *books, struct error *error)
{
    struct books_session *session = allocate(sizeof(*session));

    session->books = books;
    if (books_session_forget(session, error))
        return session;
    books_session_free(session);
    return NULL;
}

void
books_session_free(struct books_session *session)
{
    if (session == NULL)
        return;
    clear(session);
    free(session);
}

/* --- decisions of smtpd --- */

static void
set_decision(struct item *item, enum maillog_action action, struct span recipient)
{
    (void)snprintf(item->value, sizeof(item->value), "%c%.*s",
        action == MAILLOG_ACTION_HOLD ? 'h' : 'd',
        (int)span_first(recipient, VALUE_MAX - 2).length,
        recipient.data != NULL ? recipient.data : "");
}

void
books_session_decide(struct books_session *session, uint32_t pid,
    enum maillog_action action, struct span recipient, int64_t now_ms)
{
    set_decision(put(session, OF_PROCESS, pid, now_ms), action, recipient);
}

void
books_session_decide_for(struct books_session *session, int64_t message,
    enum maillog_action action, struct span recipient, int64_t now_ms)
{
    set_decision(put(session, OF_MESSAGE, message, now_ms), action, recipient);
}

void
books_session_begin(
    struct books_session *session, int64_t message, uint32_t pid, int64_t now_ms)
{
    struct item *decision = find(session, OF_PROCESS, pid, now_ms);

    if (decision == NULL)
        return;
    set(put(session, OF_MESSAGE, message, now_ms), span_of(decision->value));
    take_away(decision);
}

enum maillog_action
books_session_decided(struct books_session *session, int64_t message, char *recipient,
    size_t size, bool content_comes, int64_t now_ms)
{
    struct item *decision = find(session, OF_MESSAGE, message, now_ms);

    recipient[0] = '\0';
    if (decision == NULL || (!content_comes && decision->value[0] == 'h'))
        return MAILLOG_ACTION_OTHER;
    (void)span_copy(span_of(decision->value + 1), recipient, size);
    decision->at = now_ms;
    take_away(decision);
    return decision->value[0] == 'h' ? MAILLOG_ACTION_HOLD : MAILLOG_ACTION_DISCARD;
}

void
books_session_clear(struct books_session *session, uint32_t pid)
{
    struct item *item = *place_of(session, OF_PROCESS, pid);

    while (item != NULL && (item->kind != OF_PROCESS || item->key != (int64_t)pid))
        item = item->next;
    if (item != NULL && !item->is_gone)
        take_away(item);
}

/* --- TLS --- */

void
books_session_tls_begun(struct books_session *session, uint32_t pid, struct span peer,
    struct span version, int64_t now_ms)
{
    struct item *item = put(session, TLS, pid, now_ms);

    (void)snprintf(item->value, sizeof(item->value), "%.*s %.*s",
        (int)span_first(version, 32).length, version.data,
        (int)span_first(peer, VALUE_MAX - 40).length, peer.data);
}

/* "VERSION PEER", then " QID" of the message that it was for. */
struct span
books_session_tls(struct books_session *session, uint32_t pid, struct span peer,
    struct span queue_id, int64_t now_ms)
{
    struct item *item = find(session, TLS, pid, now_ms);
    struct span version = SPAN("");
    struct span known = SPAN("");
    struct span first = SPAN("");
    struct span rest;

    if (item == NULL)
        return SPAN("");
    rest = span_of(item->value);
    if (!span_word(&rest, &version) || !span_word(&rest, &known) ||
        !span_equal(known, peer))
        return SPAN("");
    if (span_word(&rest, &first))
        return span_equal(first, queue_id) ? version : SPAN("");
    (void)snprintf(item->value + strlen(item->value),
        sizeof(item->value) - strlen(item->value), " %.*s", (int)queue_id.length,
        queue_id.data);
    item->is_changed = true;
    return version;
}

/* --- hosts --- */

/* "H[A]:25" of "connect to H[A]:25: Connection refused", "H[A]" of "host H[A] said". */
static struct span
host_in(struct span text)
{
    static const char *const before[] = {
        "connect to ", "host ", "lost connection with ", "conversation with "};
    size_t end;

    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
        size_t at = span_find_text(span_first(text, 200), span_of(before[i]));

        if (at == SPAN_NONE)
            continue;
        text = span_from(text, at + strlen(before[i]));
        end = span_find(text, ']');
        if (end != SPAN_NONE && end < span_find(text, ' '))
            return span_first(text, end + 1);
    }
    return SPAN("");
}

static void
saw(struct books_session *session, struct span host, enum books_backend backend,
    int64_t now_ms)
{
    struct item *item;
    int64_t key;

    if (host.length == 0)
        return;
    key = books_handle('h', host);
    item = find(session, HOST, key, now_ms);
    /* Once a minute is often enough to stay remembered. */
    if (item != NULL && item->value[0] == '0' + (char)backend &&
        now_ms < item->at + 60000)
        return;
    item = put(session, HOST, key, now_ms);
    item->value[0] = (char)('0' + (char)backend);
    item->value[1] = '\0';
}

void
books_session_saw_host(struct books_session *session, struct span relay, struct span text,
    enum books_backend backend, int64_t now_ms)
{
    size_t end = span_find(relay, ']');

    if (end != SPAN_NONE)
        saw(session, span_first(relay, end + 1), backend, now_ms);
    else
        saw(session, host_in(text), backend, now_ms);
}

enum books_backend
books_session_find_host(struct books_session *session, struct span text, int64_t now_ms)
{
    struct span host = host_in(text);
    const struct item *item =
        host.length == 0 ? NULL : find(session, HOST, books_handle('h', host), now_ms);

    return item == NULL ? BACKEND_OTHER : (enum books_backend)(item->value[0] - '0');
}

/* --- ids named before their time --- */

void
books_session_expect(struct books_session *session, struct span queue_id, int64_t story,
    bool is_notice, int64_t now_ms)
{
    struct item *item = put(session, EXPECTED, books_handle('q', queue_id), now_ms);

    (void)snprintf(
        item->value, sizeof(item->value), "%c%" PRId64, is_notice ? 'n' : 'f', story);
}

int64_t
books_session_claim(
    struct books_session *session, struct span queue_id, bool *is_notice, int64_t now_ms)
{
    struct item *item = find(session, EXPECTED, books_handle('q', queue_id), now_ms);
    int64_t story = 0;

    if (item == NULL)
        return 0;
    take_away(item);
    *is_notice = item->value[0] == 'n';
    if (now_ms > item->at + EXPECTED_MS ||
        !number_signed(span_of(item->value + 1), 1, INT64_MAX, &story))
        return 0;
    return story;
}
