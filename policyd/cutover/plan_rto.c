#include "policyd/cutover/plan_rto.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policyd/books/books_domain.h"
#include "shared/base/allocate.h"
#include "shared/service/log.h"

enum { EVERY_S = 2, SETTLE_S = 3 };

struct measured {
    char domain[256];
    int64_t rolled_back;
    int64_t since_ms;
    uint64_t at_first; /* most that was seen waiting */
    int64_t next;
};

struct plan_rto {
    const struct plan_context *context;
    struct measured items[PLAN_RTO_MAX];
    size_t count;
};

struct plan_rto *
plan_rto_new(const struct plan_context *context)
{
    struct plan_rto *rto = allocate(sizeof(*rto));

    rto->context = context;
    return rto;
}

void
plan_rto_free(struct plan_rto *rto)
{
    free(rto);
}

void
plan_rto_begin(
    struct plan_rto *rto, const char *domain, int64_t rolled_back, int64_t bad_since_ms)
{
    struct measured *item = NULL;

    for (size_t i = 0; i < rto->count && item == NULL; i++) {
        if (strcmp(rto->items[i].domain, domain) == 0)
            item = &rto->items[i];
    }
    if (item == NULL && rto->count == PLAN_RTO_MAX)
        return;
    if (item == NULL)
        item = &rto->items[rto->count++];
    *item = (struct measured){.rolled_back = rolled_back,
        .since_ms = bad_since_ms > 0 ? bad_since_ms : rolled_back * 1000};
    (void)span_copy(span_of(domain), item->domain, sizeof(item->domain));
}

static void
tell(const struct plan_rto *rto, const struct measured *item, uint64_t left, int64_t now)
{
    int64_t seconds = now - item->since_ms / 1000;
    char why[120];
    const struct event_fields event = {
        .time = now,
        .who = "plan",
        .host = rto->context->gateway,
        .domain = item->domain,
        .what = "drain",
        .why = why,
    };

    (void)snprintf(why, sizeof(why),
        "rto_s=%" PRId64 " drained=%" PRIu64 " left=%" PRIu64, seconds,
        item->at_first - left, left);
    plan_store_event(rto->context->store, &event);
    log_info("drained", log_text("domain", item->domain), log_number("rto_s", seconds),
        log_number("drained", (int64_t)(item->at_first - left)),
        log_number("left", (int64_t)left));
}

/* False: it goes on. */
static bool
is_over(const struct plan_rto *rto, struct measured *item, struct books *books)
{
    int64_t now = (int64_t)time(NULL);
    struct error error;
    uint64_t left = 0;

    if (now < item->next && now >= item->next - EVERY_S)
        return false;
    item->next = now + EVERY_S;
    if (!books_domain_waiting(
            books, span_of(item->domain), item->rolled_back * 1000, &left, &error))
        return false;
    if (left > item->at_first)
        item->at_first = left;
    /* What was logged before is in the books by then. */
    if (now < item->rolled_back + SETTLE_S ||
        (left > 0 && now < item->rolled_back + PLAN_RTO_SECONDS))
        return false;
    tell(rto, item, left, now);
    return true;
}

void
plan_rto_tick(struct plan_rto *rto, struct books *books)
{
    size_t kept = 0;

    if (books == NULL)
        return;
    for (size_t i = 0; i < rto->count; i++) {
        if (!is_over(rto, &rto->items[i], books))
            rto->items[kept++] = rto->items[i];
    }
    rto->count = kept;
}
