#include "policyd/cutover/cutover_page.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policyd/cutover/cutover_daemon.h"
#include "policyd/cutover/page_files.h"
#include "policyd/follow/log_source.h"
#include "shared/base/allocate.h"
#include "shared/base/json.h"
#include "shared/service/clock.h"

/* What is asked once for a page. */
struct page {
    struct json json;
    const struct cutover_daemon *daemon;
    struct follow_status log;
    struct queue_watch_status queue;
    struct figures_status figures;
};

/* --- its parts --- */

static void
write_head(struct page *page)
{
    const struct cutover_daemon *daemon = page->daemon;
    struct json *json = &page->json;
    char digest[HEARTBEAT_DIGEST_SIZE];

    json_text(json, "program", "postshift-cutover");
    json_text(json, "version", POSTSHIFT_VERSION);
    json_text(json, "gateway", daemon->gateway);
    json_text(
        json, "digest", heartbeat_digest(daemon->heartbeat, digest) ? digest : NULL);
    json_integer(json, "now", (int64_t)time(NULL));
    json_integer(json, "started", daemon->started);
    json_object_begin(json, "redis");
    json_text(json, "address", redis_address(daemon->redis));
    json_bool(json, "up", redis_is_up(daemon->redis));
    json_text_if(json, "error", redis_why(daemon->redis));
    json_object_end(json);
}

static void
write_log(struct page *page)
{
    const struct follow_status *log = &page->log;
    struct json *json = &page->json;

    json_object_begin(json, "log");
    json_text(json, "source", log_source_name(page->daemon->config->log));
    json_integer_if(json, "last_line", log->last_line_ms != 0, log->last_line_ms / 1000);
    json_integer(json, "lag_seconds", (int64_t)cutover_metrics_lag(log));
    json_bool(json, "up_to_date", log->is_up_to_date);
    json_bool(json, "silent", log->is_silent);
    json_text_if(json, "trouble", log->trouble);
    json_object_begin(json, "lines");
    json_integer(json, "used", (int64_t)log->lines[0]);
    json_integer(json, "other", (int64_t)log->lines[1]);
    json_integer(json, "unknown", (int64_t)log->lines[2]);
    json_object_end(json);
    json_object_end(json);
}

static void
write_books(struct page *page)
{
    const struct figures_status *figures = &page->figures;
    const struct books_waiting *waiting = figures->waiting;
    struct json *json = &page->json;
    bool is_known = figures->is_known;

    json_object_begin(json, "books");
    json_text(json, "file", page->daemon->config->books);
    json_integer_if(json, "committed", page->log.committed != 0, page->log.committed);
    json_integer(json, "lag_seconds", (int64_t)cutover_metrics_lag(&page->log));
    if (is_known)
        json_bool(json, "balanced", figures->difference == 0 && figures->gaps == 0);
    else
        json_null(json, "balanced");
    json_integer_if(json, "difference", is_known, (int64_t)figures->difference);
    json_integer_if(json, "gaps", is_known, (int64_t)figures->gaps);
    json_integer_if(json, "waiting", is_known, (int64_t)waiting->recipients);
    json_integer_if(json, "oldest_waiting", is_known && waiting->oldest_ms != 0,
        waiting->oldest_ms / 1000);
    json_object_end(json);
}

static void
write_queue(struct page *page)
{
    const struct queue_watch_status *queue = &page->queue;
    struct json *json = &page->json;

    json_object_begin(json, "queue");
    json_integer_if(json, "compared", queue->compared != 0, queue->compared);
    json_integer_if(json, "queue_only", queue->is_known, (int64_t)queue->queue_only);
    json_integer_if(json, "books_only", queue->is_known, (int64_t)queue->books_only);
    json_text_if(json, "trouble", queue->trouble);
    json_object_end(json);
}

/* --- domains --- */

static void
write_state(struct json *json, const struct replica_domain *domain)
{
    const struct replica_override *override = &domain->override;
    const struct domain_state *state = domain->state;

    if (override->has_mode || state != NULL)
        json_text(json, "mode",
            domain_mode_name(override->has_mode ? override->mode : state->mode));
    else
        json_null(json, "mode");
    if (override->has_weight || state != NULL)
        json_hundredths(
            json, "weight", override->has_weight ? override->weight : state->weight);
    else
        json_null(json, "weight");
    json_bool(json, "override", override->has_mode || override->has_weight);
}

static void
write_outcomes(struct json *json, const char *side, const struct deliveries_row *row,
    enum books_backend backend)
{
    json_object_begin(json, side);
    for (int i = 0; i < OUTCOME_COUNT; i++)
        json_integer(json, outcome_name((enum outcome)i),
            row == NULL ? 0 : (int64_t)row->outcomes[backend][i]);
    json_object_end(json);
}

static void
write_waiting(struct page *page, struct span name)
{
    const struct books_waiting *waiting = page->figures.waiting;
    struct json *json = &page->json;
    uint64_t recipients = 0;
    int64_t oldest_ms = 0;

    if (!page->figures.is_known) {
        json_null(json, "waiting");
        json_null(json, "oldest_waiting");
        json_null(json, "reasons");
        return;
    }
    json_object_begin(json, "reasons");
    for (size_t i = 0; i < waiting->count; i++) {
        const struct waiting_row *row = &waiting->rows[i];

        if (!span_is(name, row->domain))
            continue;
        json_integer(json, waiting_reason_name(row->reason), (int64_t)row->recipients);
        recipients += row->recipients;
        if (oldest_ms == 0 || row->oldest_ms < oldest_ms)
            oldest_ms = row->oldest_ms;
    }
    json_object_end(json);
    json_integer(json, "waiting", (int64_t)recipients);
    json_integer_if(json, "oldest_waiting", oldest_ms != 0, oldest_ms / 1000);
}

static void
write_domain(struct page *page, struct span name, const struct replica_domain *domain)
{
    const struct deliveries_row *row = deliveries_find(&page->daemon->deliveries, name);
    struct json *json = &page->json;

    json_object_begin(json, NULL);
    json_span(json, "domain", name);
    write_state(json, domain);
    write_outcomes(json, "old", row, BACKEND_OLD);
    write_outcomes(json, "new", row, BACKEND_NEW);
    write_outcomes(json, "standby", row, BACKEND_STANDBY);
    write_waiting(page, name);
    plan_runner_write_guard(page->daemon->plans, name, json);
    json_object_end(json);
}

static int
compare_names(const void *left, const void *right)
{
    const struct span *a = left;
    const struct span *b = right;

    return span_compare(*a, *b);
}

static void
write_domains(struct page *page)
{
    const struct replica *replica = page->daemon->replica;
    size_t most = replica_domain_count(replica);
    struct span *names = allocate_array(most + 1, sizeof(*names));
    struct replica_domain found;
    struct span name;
    uint64_t cursor = 0;
    size_t count = 0;

    while (count < most && replica_next_domain(replica, &cursor, &name, &found)) {
        if (found.ours)
            names[count++] = name;
    }
    qsort(names, count, sizeof(*names), compare_names);
    json_array_begin(&page->json, "domains");
    for (size_t i = 0; i < count; i++) {
        if (replica_find_domain(replica, names[i], &found))
            write_domain(page, names[i], &found);
    }
    /* What is none of theirs, as the metrics have it. */
    found = (struct replica_domain){.ours = false};
    write_domain(page, SPAN("other"), &found);
    json_array_end(&page->json);
    free(names);
}

/* --- the page --- */

static void
write_status(const struct cutover_daemon *daemon, struct buffer *body)
{
    struct page page = {.json = json_on(body), .daemon = daemon};

    follow_status(daemon->follow, &page.log);
    queue_watch_status(daemon->queue, &page.queue);
    figures_status(daemon->figures, &page.figures);
    json_object_begin(&page.json, NULL);
    write_head(&page);
    write_log(&page);
    write_books(&page);
    write_queue(&page);
    write_domains(&page);
    plan_runner_write(daemon->plans, &page.json);
    json_object_end(&page.json);
    buffer_append_octet(body, '\n');
}

/* For who leads mail to this gateway. */
static int
write_healthy(struct cutover_daemon *daemon, struct buffer *body)
{
    bool is_up = false;

    if (farewell_ask(&daemon->farewell, clock_now_ms()))
        buffer_append_text(body, "down: the controller stops");
    else
        is_up = health_watch_is_up(daemon->health, body);
    buffer_append_octet(body, '\n');
    return is_up ? 200 : 503;
}

int
cutover_page(void *argument, const char *path, const char *query, struct buffer *body,
    const char **content_type)
{
    (void)query;
    if (strcmp(path, "/status.json") == 0) {
        *content_type = "application/json";
        write_status(argument, body);
        return 200;
    }
    if (strcmp(path, "/healthy") == 0) {
        *content_type = "text/plain";
        return write_healthy(argument, body);
    }
    if (page_files_write(path, body, content_type))
        return 200;
    buffer_append_text(
        body, "not found (there are /, /status.json, /healthy, /metrics and /healthz)\n");
    return 404;
}

bool
cutover_page_healthy(void *argument, struct buffer *why)
{
    const struct cutover_daemon *daemon = argument;
    struct follow_status status;

    follow_status(daemon->follow, &status);
    buffer_append_text(why, status.trouble);
    return status.trouble[0] == '\0';
}
