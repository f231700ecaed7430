#include "policyd/ctl/ctl_walk.h"

#include <string.h>

enum { BUNCH = 1000, BUNCH_OCTETS = 32 << 20 };

struct walk {
    struct ctl *ctl;
    const char *kind;
    ctl_walk_callback *callback;
    void *argument;
    struct arena *arena; /* of a bunch */
    struct span names[BUNCH];
    struct span keys[BUNCH];
    struct span values[BUNCH];
    size_t count;
};

static bool
ask_bunch(struct walk *walk, struct error *error)
{
    if (!ctl_store_values(
            walk->ctl, walk->arena, walk->keys, walk->count, walk->values, error))
        return false;
    for (size_t i = 0; i < walk->count; i++) {
        if (walk->values[i].data != NULL)
            walk->callback(walk->argument, walk->names[i], walk->values[i]);
    }
    walk->count = 0;
    arena_reset(walk->arena);
    return true;
}

static bool
take_key(void *argument, struct span key, struct error *error)
{
    struct walk *walk = argument;
    struct span name = span_from(key, strlen(walk->kind));

    walk->names[walk->count] = arena_span(walk->arena, name);
    walk->keys[walk->count] = ctl_store_key(walk->ctl, walk->arena, walk->kind, name);
    return ++walk->count < BUNCH || ask_bunch(walk, error);
}

bool
ctl_walk(struct ctl *ctl, const char *kind, ctl_walk_callback *callback, void *argument,
    struct error *error)
{
    struct walk *walk = arena_take(ctl->arena, sizeof(*walk));
    bool done;

    *walk = (struct walk){.ctl = ctl,
        .kind = kind,
        .callback = callback,
        .argument = argument,
        .arena = arena_new(BUNCH_OCTETS)};
    done = ctl_store_scan(
               ctl, arena_printf(ctl->arena, "%s*", kind), take_key, walk, error) &&
           ask_bunch(walk, error);
    arena_free(walk->arena);
    return done;
}
