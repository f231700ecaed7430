#include "milters/scan/scan_session.h"

#include "milters/message/edited_field.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shared/base/allocate.h"
#include "shared/service/clock.h"

enum {
    PENDING_MAX = 4 * 1024 * 1024,
    ARENA_MAX = 64 * 1024 * 1024,
    SEALS = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL,
};

struct scan_session *
scan_session_new(void)
{
    struct scan_session *session = allocate(sizeof(*session));

    session->arena = arena_new(ARENA_MAX);
    session->fd = -1;
    session->sender = "";
    buffer_init(&session->pending, PENDING_MAX);
    return session;
}

void
scan_session_free(struct scan_session *session)
{
    if (session == NULL)
        return;
    scan_session_reset(session);
    buffer_clear(&session->pending);
    arena_free(session->arena);
    free(session);
}

static void
drop_octets(struct scan_session *session)
{
    scan_store_leave(&session->share);
    if (session->fd >= 0)
        (void)close(session->fd);
    session->fd = -1;
}

void
scan_session_reset(struct scan_session *session)
{
    drop_octets(session);
    session->sender = "";
    session->recipients = 0;
    session->size = 0;
    session->written = 0;
    session->too_big = false;
    session->trouble = false;
    session->forged = false;
    session->foreign = NULL;
    session->foreign_count = 0;
    session->foreign_names = 0;
    session->foreign_octets = 0;
    session->results_seen = 0;
    buffer_clear(&session->pending);
    arena_reset(session->arena);
}

void
scan_session_begin(struct scan_session *session, struct span sender, uint64_t now_ms)
{
    scan_session_reset(session);
    session->began_ms = now_ms;
    buffer_append(&session->pending, SCAN_MARK);
    session->sender = arena_text(session->arena, span_first(sender, 1024));
}

static void
write_all(struct scan_session *session, struct span octets)
{
    if (session->fd < 0)
        session->fd = memfd_create("postshift-scan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    session->trouble |= session->fd < 0 || !scan_store_grow(&session->share, session->fd,
                                               octets.length, clock_now_ms());
    session->written += octets.length;
    while (octets.length > 0 && !session->trouble) {
        ssize_t written = write(session->fd, octets.data, octets.length);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            session->trouble = true;
        else
            octets = span_from(octets, (size_t)written);
    }
}

static void
flush(struct scan_session *session)
{
    write_all(session, buffer_span(&session->pending));
    buffer_reset(&session->pending);
}

/* Whether `length` more octets may be stored; beyond the ceiling nothing is, and that is
 * remembered. */
static bool
has_room(struct scan_session *session, size_t length, uint64_t most)
{
    if (session->too_big || session->trouble)
        return false;
    session->size += length;
    session->too_big = session->size > most;
    if (session->too_big)
        drop_octets(session); /* nobody will look at them */
    return !session->too_big;
}

static void
append_lines(struct scan_session *session, struct span value)
{
    struct span line;

    for (bool first = true; span_split(&value, '\n', &line); first = false) {
        if (!first)
            buffer_append_text(&session->pending, "\r\n");
        if (line.length > 0 && line.data[line.length - 1] == '\r')
            line.length--;
        buffer_append(&session->pending, line);
    }
}

static void
note_foreign(struct scan_session *session, struct span name)
{
    struct scan_foreign *foreign = session->foreign;

    while (foreign != NULL && !span_is_nocase(name, foreign->name))
        foreign = foreign->next;
    if (foreign == NULL) {
        session->foreign_names++;
        session->foreign_octets += name.length;
    }
    if (session->foreign_names > SCAN_FOREIGN_NAMES_MAX ||
        session->foreign_octets > SCAN_FOREIGN_OCTETS_MAX)
        session->forged = true;
    if (session->forged)
        return;
    session->foreign_count++;
    if (foreign == NULL) {
        foreign = arena_take(session->arena, sizeof(*foreign));
        foreign->next = session->foreign;
        foreign->name = arena_text(session->arena, name);
        session->foreign = foreign;
    }
    foreign->count++;
}

void
scan_session_field(struct scan_session *session, struct span name, struct span value,
    bool leading_space, bool spamd, uint64_t most)
{
    session->results_seen += edited_field_is_results(name);
    if (scan_is_ours(name, spamd))
        note_foreign(session, name);
    if (session->foreign_count > 0 &&
        session->foreign_count + session->results_seen > EDITED_FIELDS_MAX)
        session->forged = true;
    if (!has_room(session, name.length + value.length + (leading_space ? 3 : 4), most))
        return;
    buffer_append(&session->pending, name);
    buffer_append_text(&session->pending, leading_space ? ":" : ": ");
    append_lines(session, value);
    buffer_append_text(&session->pending, "\r\n");
    if (!buffer_ok(&session->pending))
        session->trouble = true;
    if (session->pending.length > SCAN_INLINE_MAX)
        flush(session);
}

void
scan_session_end_of_header(struct scan_session *session, uint64_t most)
{
    if (has_room(session, 2, most))
        buffer_append_text(&session->pending, "\r\n");
}

void
scan_session_body(struct scan_session *session, struct span chunk, uint64_t most)
{
    if (!has_room(session, chunk.length, most))
        return;
    if (session->pending.length + chunk.length > SCAN_INLINE_MAX) {
        flush(session);
        write_all(session, chunk);
    } else {
        buffer_append(&session->pending, chunk);
    }
}

static uint64_t
octets_of(const struct scan_session *session)
{
    return session->fd < 0 ? session->pending.length : session->written;
}

bool
scan_session_seal(struct scan_session *session)
{
    if (session->fd >= 0 || session->pending.length > SCAN_INLINE_MAX)
        flush(session);
    /* Without a descriptor for what has left the buffer the rest is no message. */
    if (session->trouble || !buffer_ok(&session->pending) ||
        !scan_store_complete(&session->share))
        return false;
    session->size = octets_of(session) - SCAN_MARK.length;
    return session->fd < 0 || fcntl(session->fd, F_ADD_SEALS, SEALS) == 0;
}

struct scan_message
scan_session_message(const struct scan_session *session)
{
    return (struct scan_message){.size = octets_of(session),
        .octets = buffer_span(&session->pending),
        .fd = session->fd};
}

void
scan_session_edits(struct scan_session *session, unsigned more, struct verdict *verdict)
{
    *verdict = (struct verdict){.action = VERDICT_ACCEPT};
    verdict_room(verdict, session->arena, session->foreign_count + more);
    for (const struct scan_foreign *foreign = session->foreign; foreign != NULL;
         foreign = foreign->next) {
        for (unsigned number = foreign->count; number > 0; number--)
            verdict_delete(verdict, foreign->name, number);
    }
}
