#include "policyd/books/books_routes.h"

#include "shared/base/allocate.h"

#include <stdlib.h>
#include <string.h>

enum {
    REMEMBERED_MS = 31000, /* by the queue manager, and the second a change may take */
    LATE_MS = 2000,        /* two clocks, and the second that stamps are rounded to */
    FIELDS_MAX = 100,
    ARENA_MAX = 1 << 30,
};

/* A change of what decides. */
struct input {
    int64_t at;
    struct span key;
    struct span value;
};

/* A delivery that the replica of its end does not explain. */
struct candidate {
    int64_t from;
    int64_t to;
    struct span recipient;
    const char *queue_id;
    enum books_backend backend;
    bool is_right;
};

struct books_routes {
    const struct route_rules *rules;
    const struct domain_state_rules *state_rules;
    struct arena *arena;
    struct input *inputs;
    size_t input_count;
    size_t input_room;
    struct candidate *candidates;
    size_t candidate_count;
    size_t candidate_room;
    /* The replica after the first `applied` inputs. */
    struct replica *replica;
    size_t applied;
    bool is_checked;
    size_t next;
};

/* --- one input into the replica --- */

static void
put_domain(struct books_routes *routes, struct span name, struct span value)
{
    struct domain_field fields[FIELDS_MAX];
    struct domain_problem problem;
    struct domain_state *state;
    size_t count = 0;
    struct span line;

    while (count < FIELDS_MAX && span_split(&value, '\n', &line)) {
        size_t equals = span_find(line, '=');

        if (equals == SPAN_NONE)
            continue;
        fields[count++] =
            (struct domain_field){span_first(line, equals), span_from(line, equals + 1)};
    }
    state = count == 0 ? NULL
                       : domain_state_parse(name, fields, count, routes->state_rules,
                             &problem, NULL, NULL);
    (void)replica_put_domain(routes->replica, name, state, 0);
}

static void
put_pin(struct books_routes *routes, struct span name, struct span value)
{
    struct error error;
    struct pin pin;

    if (value.length == 0)
        replica_remove(routes->replica, REPLICA_PIN, name);
    else if (pin_parse(value, &pin, &error))
        (void)replica_put_pin(routes->replica, name, pin.place, pin.until);
}

/* `DOMAIN:LIST:MEMBER`: "1", or gone. */
static void
put_member(struct books_routes *routes, struct span name, struct span value)
{
    size_t first = span_find(name, ':');
    struct span rest = first == SPAN_NONE ? SPAN("") : span_from(name, first + 1);
    size_t second = span_find(rest, ':');

    if (second == SPAN_NONE)
        return;
    if (value.length > 0)
        (void)replica_put_member(routes->replica, span_first(name, first),
            span_first(rest, second), span_from(rest, second + 1));
    else
        replica_remove_member(routes->replica, span_first(name, first),
            span_first(rest, second), span_from(rest, second + 1));
}

static void
apply(struct books_routes *routes, const struct input *input)
{
    size_t colon = span_find(input->key, ':');
    struct span kind = span_first(input->key, colon);
    struct span name = colon == SPAN_NONE ? SPAN("") : span_from(input->key, colon + 1);

    if (span_is(kind, "domain"))
        put_domain(routes, name, input->value);
    else if (span_is(kind, "pin"))
        put_pin(routes, name, input->value);
    else if (span_is(kind, "unit"))
        (void)replica_put_unit(routes->replica, name, input->value);
    else if (span_is(kind, "list"))
        put_member(routes, name, input->value);
}

static void
start_again(struct books_routes *routes)
{
    replica_free(routes->replica);
    routes->replica = replica_new();
    replica_set_loaded(routes->replica);
    routes->applied = 0;
}

static void
advance(struct books_routes *routes, int64_t to_ms)
{
    while (routes->applied < routes->input_count &&
           routes->inputs[routes->applied].at <= to_ms)
        apply(routes, &routes->inputs[routes->applied++]);
}

/* --- inputs --- */

static bool
read_inputs(struct books_routes *routes, struct books *books, struct error *error)
{
    static const char sql[] = "SELECT at, key, value FROM input ORDER BY at, id";
    sqlite3_stmt *row = books_prepare(books, sql, error);
    int result = -1;

    while (row != NULL && (result = books_step(books, row, error)) == 1) {
        routes->inputs = allocate_more(routes->inputs, routes->input_count,
            &routes->input_room, sizeof(*routes->inputs));
        routes->inputs[routes->input_count++] =
            (struct input){sqlite3_column_int64(row, 0),
                books_column(row, 1, routes->arena), books_column(row, 2, routes->arena)};
    }
    return row != NULL && result == 0;
}

struct books_routes *
books_routes_new(struct books *books, const struct route_rules *rules,
    const struct domain_state_rules *state_rules, struct error *error)
{
    struct books_routes *routes = allocate(sizeof(*routes));

    routes->rules = rules;
    routes->state_rules = state_rules;
    routes->arena = arena_new(ARENA_MAX);
    start_again(routes);
    if (read_inputs(routes, books, error))
        return routes;
    books_routes_free(routes);
    return NULL;
}

void
books_routes_free(struct books_routes *routes)
{
    if (routes == NULL)
        return;
    replica_free(routes->replica);
    arena_free(routes->arena);
    free(routes->inputs);
    free(routes->candidates);
    free(routes);
}

/* --- deliveries --- */

/* Where nothing is known of the domain at that time, nothing speaks against a delivery.
 */
static bool
names(const struct books_routes *routes, struct span recipient,
    enum books_backend backend, int64_t when_ms)
{
    struct route route;

    route_decide(routes->rules, routes->replica, recipient, when_ms / 1000, &route);
    switch (route.place) {
    case ROUTE_OLD:
        return backend == BACKEND_OLD || (route.at_site && backend == BACKEND_OTHER);
    case ROUTE_NEW:
        return backend == BACKEND_NEW;
    case ROUTE_STANDBY:
        return backend == BACKEND_STANDBY;
    case ROUTE_NOT_OURS:
    case ROUTE_UNKNOWN:
        return route.reason != ROUTE_REASON_FORGOTTEN && routes->applied == 0;
    case ROUTE_HOLD:
    default:
        return false;
    }
}

void
books_routes_add(struct books_routes *routes, const char *queue_id, struct span recipient,
    enum books_backend backend, int64_t begun_ms, int64_t end_ms)
{
    /* Before the first input nothing is known. */
    if (routes->input_count == 0 || end_ms < routes->inputs[0].at)
        return;
    advance(routes, end_ms);
    if ((routes->applied == 0 || routes->inputs[routes->applied - 1].at <= end_ms) &&
        names(routes, recipient, backend, end_ms))
        return;
    routes->candidates = allocate_more(routes->candidates, routes->candidate_count,
        &routes->candidate_room, sizeof(*routes->candidates));
    routes->candidates[routes->candidate_count++] = (struct candidate){
        .from = begun_ms - REMEMBERED_MS,
        .to = end_ms + LATE_MS,
        .recipient = arena_span(routes->arena, recipient),
        .queue_id = arena_text(routes->arena, span_of(queue_id)),
        .backend = backend,
        .is_right = begun_ms - REMEMBERED_MS < routes->inputs[0].at,
    };
}

static int
compare_starts(const void *left, const void *right)
{
    const struct candidate *a = left;
    const struct candidate *b = right;

    return (a->from > b->from) - (a->from < b->from);
}

/* All that are on their way at this moment, from `first` on; gives the first of them that
 * is still open. */
static size_t
look(struct books_routes *routes, size_t first, int64_t now_ms)
{
    bool is_front = true;

    for (size_t i = first;
         i < routes->candidate_count && routes->candidates[i].from <= now_ms; i++) {
        struct candidate *candidate = &routes->candidates[i];

        if (!candidate->is_right && candidate->to >= now_ms)
            candidate->is_right =
                names(routes, candidate->recipient, candidate->backend, now_ms);
        if (is_front && (candidate->is_right || candidate->to < now_ms))
            first = i + 1;
        else
            is_front = false;
    }
    return first;
}

/* Once more through time: at each start of a delivery and after each change. */
static void
check(struct books_routes *routes)
{
    size_t first = 0;
    size_t start = 0;

    if (routes->candidate_count > 0)
        qsort(routes->candidates, routes->candidate_count, sizeof(*routes->candidates),
            compare_starts);
    start_again(routes);
    while (start < routes->candidate_count) {
        int64_t now = routes->candidates[start].from;

        while (routes->applied < routes->input_count &&
               routes->inputs[routes->applied].at <= now) {
            int64_t changed = routes->inputs[routes->applied].at;

            advance(routes, changed);
            first = look(routes, first, changed);
        }
        first = look(routes, first, now);
        while (start < routes->candidate_count && routes->candidates[start].from <= now)
            start++;
    }
    while (routes->applied < routes->input_count && first < routes->candidate_count) {
        int64_t changed = routes->inputs[routes->applied].at;

        advance(routes, changed);
        first = look(routes, first, changed);
    }
    routes->is_checked = true;
}

const char *
books_routes_next_wrong(struct books_routes *routes)
{
    if (!routes->is_checked)
        check(routes);
    while (routes->next < routes->candidate_count) {
        const struct candidate *candidate = &routes->candidates[routes->next++];

        if (!candidate->is_right)
            return candidate->queue_id;
    }
    return NULL;
}
