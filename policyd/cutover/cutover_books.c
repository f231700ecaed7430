#include "policyd/cutover/cutover_books.h"

#include <event2/event.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policyd/cutover/cutover_metrics.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"

enum {
    INSTANCES_MAX = 64 << 10,
    SETTLE_MS = 5000,         /* at the end of standard input: so long for Redis */
    ROUTES_UNKNOWN_MS = 2000, /* at a start: so long for what Redis knows of domains */
};

/* --- what an attempt means --- */

static struct span
find_domain(void *argument, struct span recipient, bool *old_is_site, char out[256])
{
    struct cutover_daemon *daemon = argument;
    struct route route;

    route_decide(&daemon->config->served.route_rules, daemon->replica, recipient,
        time(NULL), &route);
    if (route.place == ROUTE_NOT_OURS || !span_copy(route.domain, out, 256))
        return SPAN("");
    *old_is_site = route.state != NULL && domain_state_old_is_site(route.state);
    return span_of(out);
}

static void
attempted(void *argument, const struct books_attempt *attempt)
{
    struct cutover_daemon *daemon = argument;
    struct route route;

    counts_attempt(daemon->counts, attempt);
    cutover_tally_attempt(&daemon->tally, attempt);
    if (daemon->plans != NULL)
        plan_runner_attempt(daemon->plans, attempt);
    if (attempt->backend != BACKEND_NEW || attempt->domain.length == 0 ||
        (!attempt->is_accepted && !attempt->is_maybe))
        return;
    route_decide(&daemon->config->served.route_rules, daemon->replica, attempt->recipient,
        time(NULL), &route);
    if (route.unit.length > 0)
        counts_accepted(daemon->counts, route.domain, route.unit, attempt->time_ms,
            attempt->is_accepted);
}

/* --- with the transaction --- */

static bool
save(void *argument, struct books *books, struct error *error)
{
    struct cutover_daemon *daemon = argument;

    return counts_settle(daemon->counts, books, error) &&
           counts_save(daemon->counts, books, error) &&
           route_inputs_save(daemon->inputs, daemon->replica, books, error) &&
           event_copies_save(daemon->copies, books, error);
}

static void
missed(void *argument, const struct replica_change *change, int64_t since_ms)
{
    struct cutover_daemon *daemon = argument;

    if (daemon->plans != NULL)
        plan_runner_missed(daemon->plans, change, since_ms);
}

static void
saved(void *argument, struct books *books)
{
    struct cutover_daemon *daemon = argument;

    counts_settled(daemon->counts);
    event_copies_saved(daemon->copies);
    route_inputs_saved(daemon->inputs, missed, daemon);
    cutover_metrics_take(daemon->metrics, &daemon->tally, &daemon->deliveries);
    counts_send(daemon->counts, books, daemon->redis, &daemon->parts_left);
    if (daemon->plans != NULL)
        plan_runner_saved(daemon->plans);
}

static void
undone(void *argument)
{
    struct cutover_daemon *daemon = argument;

    counts_forget(daemon->counts);
    daemon->tally.count = 0;
    if (daemon->plans != NULL)
        plan_runner_undone(daemon->plans);
    route_inputs_compare(daemon->inputs);
}

/* Domains that Redis alone names would be counted for none. */
static bool
may_read(void *argument)
{
    struct cutover_daemon *daemon = argument;

    return replica_is_loaded(daemon->replica) ||
           clock_now_ms() > daemon->started_ms + ROUTES_UNKNOWN_MS;
}

/* What was counted should reach Redis, where that is there. */
static void
ended(void *argument)
{
    struct cutover_daemon *daemon = argument;

    if (daemon->ended_ms == 0)
        daemon->ended_ms = clock_now_ms();
    if (!daemon->parts_left || clock_now_ms() > daemon->ended_ms + SETTLE_MS)
        (void)event_base_loopexit(daemon->base, NULL);
}

/* --- to Redis --- */

static void
send_counts(struct cutover_daemon *daemon)
{
    counts_send(
        daemon->counts, follow_books(daemon->follow), daemon->redis, &daemon->parts_left);
}

static void
redis_came_up(void *argument)
{
    send_counts(argument);
}

static void
part_taken(void *argument)
{
    struct cutover_daemon *daemon = argument;

    follow_touch(daemon->follow); /* it leaves the outbox with the next commit */
    send_counts(daemon);
}

static void
each_second(evutil_socket_t fd, short what, void *argument)
{
    struct cutover_daemon *daemon = argument;

    (void)fd;
    (void)what;
    send_counts(daemon);
    if (event_copies_tick(daemon->copies, follow_books(daemon->follow)))
        follow_touch(daemon->follow);
}

static struct books *
books_as_they_are(void *argument)
{
    struct cutover_daemon *daemon = argument;

    return daemon->follow == NULL ? NULL : follow_books(daemon->follow);
}

static void
gather_beat(void *argument, struct heartbeat_facts *facts)
{
    struct cutover_daemon *daemon = argument;
    struct follow_status status;
    struct figures_status figures;

    follow_status(daemon->follow, &status);
    figures_status(daemon->figures, &figures);
    *facts = (struct heartbeat_facts){
        .log_time = status.last_line_ms / 1000,
        .is_known = figures.is_known,
        .difference = figures.difference,
        .waiting = figures.waiting->recipients,
    };
}

static struct books *
books_of_then(void *argument, uint64_t since_ms)
{
    struct cutover_daemon *daemon = argument;
    struct follow_status status;

    if (daemon->follow == NULL)
        return NULL;
    follow_status(daemon->follow, &status);
    return status.caught_up_ms >= since_ms ? follow_books(daemon->follow) : NULL;
}

/* --- start and stop --- */

static void
find_names(struct cutover_daemon *daemon)
{
    const struct cutover_config *config = daemon->config;

    if (config->gateway[0] != '\0' ||
        gethostname(daemon->gateway, sizeof(daemon->gateway) - 1) != 0)
        (void)span_copy(
            span_of(config->gateway), daemon->gateway, sizeof(daemon->gateway));
    buffer_init(&daemon->instances, INSTANCES_MAX);
    for (size_t i = 0; i < config->instances.count; i++)
        buffer_printf(&daemon->instances, "%s ", config->instances.items[i]);
}

/* They outlive a new configuration: what was told is not told again. */
static void
start_watching(struct cutover_daemon *daemon)
{
    const struct cutover_config *config = daemon->config;
    const struct queue_watch_source queue = {books_of_then, daemon};
    const struct figures_source figures = {books_as_they_are, &daemon->rules, daemon};
    const struct heartbeat_options heartbeat = {
        .prefix = config->served.redis.prefix,
        .gateway = daemon->gateway,
        .slot_ms = config->slot_ms,
        .site = config->served.site,
        .without_hops = config->served.site[0] != '\0',
        .gather = gather_beat,
        .argument = daemon,
    };

    if (daemon->queue == NULL) {
        daemon->started = (int64_t)time(NULL);
        daemon->queue = queue_watch_new(daemon->base, &queue);
        daemon->figures = figures_new(daemon->base, &figures);
    }
    queue_watch_configure(daemon->queue, config->queue ? config->postfix : NULL);
    daemon->heartbeat =
        heartbeat_new(daemon->base, daemon->redis, daemon->replica, &heartbeat);
}

void
cutover_books_start(struct cutover_daemon *daemon)
{
    static const struct redis_events events = {.up = redis_came_up};
    static const struct timeval second = {1, 0};
    const struct cutover_config *config = daemon->config;
    struct follow_options options = {
        .log = config->log,
        .books = config->books,
        .rules = &daemon->rules,
        .keeping = {(int64_t)config->keep_ms, config->books_max},
        .may_read = may_read,
        .save = save,
        .saved = saved,
        .undone = undone,
        .ended = ended,
        .argument = daemon,
    };

    find_names(daemon);
    options.instances = buffer_text(&daemon->instances);
    daemon->started_ms = clock_now_ms();
    daemon->ended_ms = 0;
    daemon->parts_left = true;
    daemon->redis =
        redis_new(daemon->base, &config->served.redis.options, &events, daemon);
    daemon->counts =
        counts_new(config->served.redis.prefix, daemon->gateway, config->slot_ms);
    counts_on_taken(daemon->counts, part_taken, daemon);
    daemon->copies = event_copies_new(daemon->redis, config->served.redis.prefix);
    daemon->rules = (struct books_rules){find_domain, attempted, daemon};
    daemon->follow = follow_new(daemon->base, &options);
    daemon->tick =
        allocated(event_new(daemon->base, -1, EV_PERSIST, each_second, daemon));
    (void)event_add(daemon->tick, &second);
    start_watching(daemon);
}

void
cutover_books_stop(struct cutover_daemon *daemon)
{
    heartbeat_free(daemon->heartbeat);
    daemon->heartbeat = NULL;
    event_free(daemon->tick);
    follow_free(daemon->follow);
    daemon->follow = NULL;
    redis_free(daemon->redis);
    event_copies_free(daemon->copies);
    counts_free(daemon->counts);
    buffer_clear(&daemon->instances);
    memset(daemon->lines_told, 0, sizeof(daemon->lines_told));
}
