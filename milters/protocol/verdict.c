#include "milters/protocol/verdict.h"

#include <assert.h>
#include <string.h>

void
verdict_room(struct verdict *verdict, struct arena *arena, size_t room)
{
    struct verdict_edit *edits = arena_take(arena, room * sizeof(*edits));

    assert(room >= verdict->edit_count);
    if (verdict->edit_count > 0)
        memcpy(edits, verdict->edits, verdict->edit_count * sizeof(*edits));
    verdict->edits = edits;
    verdict->edit_room = room;
}

static void
add(struct verdict *verdict, struct verdict_edit edit)
{
    assert(verdict->edit_count < verdict->edit_room);
    verdict->edits[verdict->edit_count++] = edit;
}

void
verdict_delete(struct verdict *verdict, const char *name, unsigned number)
{
    add(verdict, (struct verdict_edit){VERDICT_DELETE, name, NULL, number});
}

void
verdict_insert(struct verdict *verdict, const char *name, const char *value)
{
    add(verdict, (struct verdict_edit){VERDICT_INSERT, name, value, 0});
}

void
verdict_append(struct verdict *verdict, const char *name, const char *value)
{
    add(verdict, (struct verdict_edit){VERDICT_APPEND, name, value, 0});
}
