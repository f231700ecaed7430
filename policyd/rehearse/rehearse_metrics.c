#include "policyd/rehearse/rehearse_metrics.h"

#include <math.h>

#include "shared/base/attributes.h"

static const struct metrics_family families[] = {
    {"redis_up",
     "Whether the connection to Redis is up; NaN: there is none, with rehearsal = no.",                    METRICS_GAUGE, {NULL},     NULL},
    {"rehearsal_questions_total",             "Questions to new, by what was answered.",
     METRICS_COUNTER,                                                                                                     {"answer"}, NULL},
    {"rehearsal_movers",                      "Who moves with the next stage and had mail in seven days.",
     METRICS_GAUGE,                                                                                                       {"domain"}, NULL},
    {"rehearsal_last_look_timestamp_seconds",
     "When the controller's books could last be read, in unix time; 0: not yet.",                          METRICS_GAUGE, {NULL},     NULL},
};

struct metrics *
rehearse_metrics_registry(void)
{
    struct metrics *metrics =
        metrics_new("postshift-rehearsal", families, ARRAY_LENGTH(families));

    for (int i = REHEARSAL_FINE; i < REHEARSAL_ANSWERS; i++) {
        const char *labels[] = {rehearsal_answer_name((enum rehearsal_answer)i)};

        (void)metrics_series(metrics, "rehearsal_questions_total", labels);
    }
    return metrics;
}

static enum rehearsal_answer
answer_of(const struct rehearsal_reply *reply)
{
    if (reply->heard != REHEARSAL_HEARD_REPLY)
        return REHEARSAL_CANT_TELL;
    switch (reply->code / 100) {
    case 2:
        return REHEARSAL_FINE;
    case 5:
        return REHEARSAL_REFUSED;
    default:
        return REHEARSAL_DEFERS;
    }
}

void
rehearse_metrics_question(struct metrics *metrics, const struct rehearsal_reply *reply)
{
    const char *labels[] = {rehearsal_answer_name(answer_of(reply))};

    metrics_add(metrics_series(metrics, "rehearsal_questions_total", labels), 1);
}

void
rehearse_metrics_movers(struct metrics *metrics, const char *domain, uint64_t movers)
{
    metrics_set(metrics_series(metrics, "rehearsal_movers", &domain), (double)movers);
}

void
rehearse_metrics_forget(struct metrics *metrics, const char *domain)
{
    metrics_forget(metrics, "rehearsal_movers", &domain);
}

void
rehearse_metrics_looked(struct metrics *metrics, int64_t looked)
{
    metrics_set(metrics_series(metrics, "rehearsal_last_look_timestamp_seconds", NULL),
        (double)looked);
}

void
rehearse_metrics_redis(struct metrics *metrics, enum rehearse_redis redis)
{
    static const double values[] = {
        [REHEARSE_REDIS_DOWN] = 0,
        [REHEARSE_REDIS_UP] = 1,
        [REHEARSE_REDIS_UNUSED] = NAN,
    };

    metrics_set(metrics_series(metrics, "redis_up", NULL), values[redis]);
}
