#include "milters/auth/auth_session.h"

#include "milters/message/edited_field.h"
#include "shared/base/allocate.h"

#include <stdlib.h>
#include <string.h>

/* Fields, their copies and everything the checks keep of one message. */
enum { ARENA_MAX = 64 * 1024 * 1024, FIRST_ROOM = 32 };

struct auth_session *
auth_session_new(const struct milter_client *client)
{
    struct auth_session *session = allocate(sizeof(*session));

    session->arena = arena_new(ARENA_MAX);
    session->client = client;
    return session;
}

void
auth_session_free(struct auth_session *session)
{
    if (session == NULL)
        return;
    auth_session_reset(session);
    dns_context_free(session->policy_dns);
    dns_context_free(session->dns);
    arena_free(session->arena);
    free(session);
}

void
auth_session_reset(struct auth_session *session)
{
    dkim_check_free(session->dkim);
    session->dkim = NULL;
    session->message = NULL;
    session->trusted = false;
    session->skipped = false;
    session->sender_argument = (struct span){"", 0};
    session->sender = (struct span){"", 0};
    session->fields = NULL;
    session->field_count = 0;
    session->field_room = 0;
    session->header_size = 0;
    session->header_too_large = false;
    session->is_signed = false;
    session->authors_missing = false;
    session->late_from_size = 0;
    session->results_seen = 0;
    session->received_seen = 0;
    session->forged = NULL;
    session->forged_count = 0;
    session->scans_seen = 0;
    if (session->dns != NULL)
        dns_context_reset(session->dns);
    if (session->policy_dns != NULL)
        dns_context_reset(session->policy_dns);
    arena_reset(session->arena);
}

/* Twice the room in the arena: what is left behind is at most as much again. */
static void
make_room(struct auth_session *session)
{
    size_t room = session->field_room == 0 ? FIRST_ROOM : session->field_room * 2;
    struct header_field *fields = arena_take(session->arena, room * sizeof(*fields));

    if (session->field_count > 0)
        memcpy(fields, session->fields, session->field_count * sizeof(*fields));
    session->fields = fields;
    session->field_room = room;
}

static void
keep(struct auth_session *session, const struct header_field *field)
{
    if (session->field_count == session->field_room)
        make_room(session);
    session->fields[session->field_count++] =
        (struct header_field){arena_span(session->arena, field->name),
            arena_span(session->arena, field->value)};
}

static void
keep_late_from(struct auth_session *session, const struct header_field *field)
{
    session->late_from_size += sizeof(*field) + field->name.length + field->value.length;
    if (session->late_from_size > AUTH_LATE_FROM_MAX)
        session->authors_missing = true;
    else
        keep(session, field);
}

void
auth_session_field(struct auth_session *session, struct span name, struct span value)
{
    const struct header_field field = {name, value};

    session->is_signed |= header_field_is(&field, SPAN("DKIM-Signature"));
    session->header_size += name.length + value.length;
    if (session->field_count >= AUTH_FIELDS_MAX || session->header_size > AUTH_HEADER_MAX)
        session->header_too_large = true;
    if (!session->header_too_large)
        keep(session, &field);
    else if (header_field_is(&field, SPAN("From")))
        keep_late_from(session, &field);
}

bool
auth_session_has_too_many_forged(const struct auth_session *session)
{
    return session->forged_count > 0 &&
           session->forged_count + session->scans_seen > EDITED_FIELDS_MAX;
}

void
auth_session_forged(struct auth_session *session, const char *name, unsigned number)
{
    struct auth_forged *forged;

    if (session->forged_count++ >= EDITED_FIELDS_MAX)
        return;
    forged = arena_take(session->arena, sizeof(*forged));
    *forged = (struct auth_forged){session->forged, name, number};
    session->forged = forged;
}
