/*
 * fuzz_init_place - whatever is taken for a backend is a route that policyd can read, and
 * that stays itself when it is given again.
 */
#include "policyd/terminal/init_place.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct domain_state_rules rules = {NULL};
    struct arena *arena = arena_new(1 << 20);
    struct error error = {ERROR_NONE, ""};
    struct init_place_needs needs;
    struct domain_route read;
    const char *route = NULL;
    const char *again = NULL;

    if (init_place_read(span_make(data, size), "new", arena, &route, &error)) {
        assert(domain_route_read(span_of(route), &read, &error));
        assert(!span_starts(span_of(route), SPAN("smtp:")));
        assert(init_place_needs(route, &rules, arena, &needs, &error));
        if (init_place_read(span_of(route), "new", arena, &again, &error))
            assert(strcmp(route, again) == 0);
    } else {
        assert(error.kind == ERROR_PERMANENT && error.text[0] != '\0');
    }
    arena_free(arena);
    return 0;
}
