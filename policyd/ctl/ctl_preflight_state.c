/*
 * preflight: what policyd, Redis and the other gateways say.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "policyd/checks/check_state.h"
#include "policyd/ctl/ctl_client.h"
#include "policyd/ctl/ctl_gateways.h"
#include "policyd/ctl/ctl_policyd.h"
#include "policyd/ctl/ctl_preflight_drill.h"
#include "policyd/ctl/ctl_walk.h"
#include "policyd/routing/bucket.h"
#include "shared/base/attributes.h"
#include "shared/base/number.h"
#include "shared/service/clock.h"

enum {
    VECTORS = 3,
    ANSWER_MAX = 1 << 16,
    GATEWAYS_MAX = 100,
    EVENTS = 1000,
    UNIT_PINS_MAX = 2000,
    DAYS = 7
};

/* --- policyd --- */

/* The socketmap, as Postfix asks it; the best of three, for this host may be busy. */
static const char *
time_the_map(struct ctl_preflight *preflight, const char *address, int64_t *took_us)
{
    const struct serve_config *serve = preflight->ctl->config->serve;
    const char *trouble = NULL;

    *took_us = -1;
    for (int i = 0; i < 3 && serve->route.count > 0 && trouble == NULL; i++) {
        uint64_t before = clock_now_us();
        struct buffer answer;
        struct error error;
        int64_t took;

        buffer_init(&answer, ANSWER_MAX);
        if (!ctl_client_socketmap(&serve->route.items[0], SPAN("transport"),
                span_of(address), &answer, &error))
            trouble = arena_text(preflight->ctl->arena, span_of(error.text));
        took = (int64_t)(clock_now_us() - before);
        if (trouble == NULL && (*took_us < 0 || took < *took_us))
            *took_us = took;
        buffer_clear(&answer);
    }
    return trouble;
}

/* Its folder is Postfix's and policyd's; what it answers is told by its page, too. */
static bool
is_hidden(const struct config_sockets *route)
{
    return route->count > 0 && route->items[0].kind == SOCKET_UNIX &&
           access(route->items[0].path, W_OK) != 0 && errno == EACCES;
}

static void
ask_vector(struct ctl_preflight *preflight, struct check_vector *vector)
{
    struct ctl *ctl = preflight->ctl;
    struct span address = span_of(vector->address);
    const struct ctl_json *route;
    struct error error;

    vector->trouble = time_the_map(preflight, vector->address, &vector->took_us);
    if (vector->trouble != NULL && is_hidden(&ctl->config->serve->route)) {
        vector->hidden = vector->trouble;
        vector->trouble = NULL;
    }
    if (vector->trouble != NULL)
        return;
    route = ctl_policyd_document(ctl, ctl_policyd_route_path(ctl, address), NULL, &error);
    if (route == NULL) {
        vector->trouble = arena_text(ctl->arena, span_of(error.text));
        return;
    }
    vector->has_bucket =
        number_unsigned(ctl_json_text(route, "bucket"), UINT64_MAX, &vector->bucket);
    vector->expected =
        bucket_of(ctl_json_text(route, "domain"), ctl_json_text(route, "unit"));
}

static void
look_at_vectors(struct ctl_preflight *preflight, struct check *check)
{
    struct check_vector vectors[VECTORS] = {{NULL}};

    for (size_t i = 0; i < VECTORS; i++) {
        vectors[i].address =
            arena_printf(preflight->ctl->arena, "user%03zu@%s", i, preflight->name);
        ask_vector(preflight, &vectors[i]);
    }
    check_state_vectors(vectors, VECTORS, check);
}

static void
look_at_snapshot(struct ctl_preflight *preflight, struct check *check)
{
    const char *path = preflight->ctl->config->serve->snapshot;
    struct stat status = {0};
    const char *fault = NULL;
    bool is_hidden = false;

    if (path[0] != '\0' && stat(path, &status) != 0) {
        is_hidden = errno == EACCES;
        fault = strerror(errno);
    }
    check_state_snapshot(path, fault, is_hidden, status.st_mtime, time(NULL), check);
}

/* --- Redis --- */

/* What INFO says; false with a line. */
static bool
ask_info(struct ctl_preflight *preflight, struct check *check, struct span *info)
{
    struct ctl *ctl = preflight->ctl;
    const struct redis_reply *reply;
    struct error error;

    if (!ctl_store_open(ctl, &error) ||
        !redis_call_words(ctl->redis, &reply, &error, SPAN("INFO"))) {
        check_add(check, CHECK_UNKNOWN, "Redis can't be asked: %s", error.text);
        check->is_final = true;
        return false;
    }
    *info = arena_span(ctl->arena, reply->text);
    return true;
}

struct pins {
    struct ctl_preflight *preflight;
    struct check *check;
    size_t count;
    int64_t now;
    struct span names[UNIT_PINS_MAX]; /* those that count, of so many */
    struct span texts[UNIT_PINS_MAX];
    size_t kept;
};

static void
take_pin(void *argument, struct span name, struct span value)
{
    struct pins *pins = argument;
    size_t at = span_find_last(name, '@');

    if (at == SPAN_NONE ||
        !span_is_nocase(span_from(name, at + 1), pins->preflight->name))
        return;
    pins->count++;
    check_state_pin(name, value, pins->now, pins->check);
    if (pins->kept == UNIT_PINS_MAX)
        return;
    pins->names[pins->kept] = arena_span(pins->preflight->ctl->arena, name);
    pins->texts[pins->kept++] = arena_span(pins->preflight->ctl->arena, value);
}

/* The string of a key; empty where there is none. */
static bool
read_string(struct ctl *ctl, const char *kind, struct span name, struct span *value,
    struct error *error)
{
    const struct redis_reply *reply;

    *value = SPAN("");
    if (!redis_call_words(ctl->redis, &reply, error, SPAN("GET"),
            ctl_store_key(ctl, ctl->arena, kind, name)))
        return false;
    if (reply->kind == REDIS_STRING)
        *value = arena_span(ctl->arena, reply->text);
    return true;
}

static bool
look_at_units(struct pins *pins, struct error *error)
{
    struct ctl *ctl = pins->preflight->ctl;

    for (size_t i = 0; i < pins->kept; i++) {
        struct span unit;
        struct span pin;

        if (!read_string(ctl, "unit:", pins->names[i], &unit, error))
            return false;
        if (unit.length == 0 || span_equal(unit, pins->names[i]))
            continue;
        if (!read_string(ctl, "pin:", unit, &pin, error))
            return false;
        check_state_pin_unit(pins->names[i], pins->texts[i], unit, pin, pins->check);
    }
    return true;
}

static void
look_at_pins(struct ctl_preflight *preflight, struct check *check)
{
    struct pins *pins = arena_take(preflight->ctl->arena, sizeof(*pins));
    struct error error;
    bool done;

    pins->preflight = preflight;
    pins->check = check;
    pins->now = time(NULL);
    done = ctl_walk(preflight->ctl, "pin:", take_pin, pins, &error) &&
           look_at_units(pins, &error);
    check_state_pins(pins->count,
        done
            ? NULL
            : arena_printf(preflight->ctl->arena, "Redis can't be asked: %s", error.text),
        check);
}

/* --- the gateways --- */

struct gateways {
    struct check_gateway items[GATEWAYS_MAX];
    size_t count;
};

/* False with a line. */
static bool
read_gateways(
    struct ctl_preflight *preflight, struct check *check, struct gateways *gateways)
{
    struct arena *arena = preflight->ctl->arena;
    struct gateway_row *rows;
    struct error error;
    size_t count;

    *gateways = (struct gateways){.count = 0};
    if (!ctl_gateways_read(preflight->ctl, &rows, &count, &error)) {
        check_add(check, CHECK_UNKNOWN, "Redis can't be asked: %s", error.text);
        check->is_final = true;
        return false;
    }
    for (size_t i = 0; i < count && i < GATEWAYS_MAX; i++)
        gateways->items[gateways->count++] = (struct check_gateway){
            .name = rows[i].name,
            .digest = span_of(rows[i].digest),
            .time = rows[i].time == 0
                        ? SPAN("")
                        : span_of(arena_printf(arena, "%" PRId64, rows[i].time)),
        };
    return true;
}

static void
look_at_clocks(struct ctl_preflight *preflight, struct check *check)
{
    struct gateways *gateways = arena_take(preflight->ctl->arena, sizeof(*gateways));
    int64_t before = clock_wall_ms();
    struct span info;

    if (ask_info(preflight, check, &info) && read_gateways(preflight, check, gateways))
        check_state_clocks(gateways->items, gateways->count,
            check_state_redis_clock(info), before, check);
}

static void
look_at_replicas(struct ctl_preflight *preflight, struct check *check)
{
    struct gateways *gateways = arena_take(preflight->ctl->arena, sizeof(*gateways));

    if (read_gateways(preflight, check, gateways))
        check_state_replicas(gateways->items, gateways->count, time(NULL), check);
}

static void
look_at_redis(struct ctl_preflight *preflight, struct check *check)
{
    struct ctl *ctl = preflight->ctl;
    const struct redis_reply *reply;
    struct span saves = SPAN("");
    struct error error;
    struct span info;

    if (!ask_info(preflight, check, &info))
        return;
    /* Our own users may not ask. */
    if (redis_call_words(
            ctl->redis, &reply, &error, SPAN("CONFIG"), SPAN("GET"), SPAN("save")) &&
        redis_reply_is_array(reply, 2))
        saves = arena_span(ctl->arena, reply->elements[1].text);
    check_state_redis(info, saves, ctl->config->serve->redis.username, check);
}

void
ctl_preflight_state(struct ctl_preflight *preflight)
{
    static const struct ctl_preflight_row rows[] = {
        {CHECK_VECTORS,  look_at_vectors     },
        {CHECK_REPLICAS, look_at_replicas    },
        {CHECK_REDIS,    look_at_redis       },
        {CHECK_SNAPSHOT, look_at_snapshot    },
        {CHECK_CLOCKS,   look_at_clocks      },
        {CHECK_PINS,     look_at_pins        },
        {CHECK_INSIDE,   ctl_preflight_inside},
        {CHECK_DRILL,    ctl_preflight_drill },
    };

    ctl_preflight_look(preflight, rows, ARRAY_LENGTH(rows));
}
