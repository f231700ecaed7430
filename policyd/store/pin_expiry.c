#include "policyd/store/pin_expiry.h"

#include <stdlib.h>

#include "shared/base/allocate.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

enum {
    ROOM_LEFT = 64, /* commands that others may want to ask at once */
    MILLISECONDS = 1000,
    TOLD_MS = 60 * 1000,
};

struct question {
    struct reading *reading;
    bool is_live;
    struct replica_name name;
};

/* Once a minute at most: who sets one sets many. */
static void
warn(const struct question *question, int64_t milliseconds)
{
    struct reading *reading = question->reading;
    uint64_t now = clock_now_ms();

    if (!question->is_live ||
        (reading->expiry_told_ms != 0 && now - reading->expiry_told_ms < TOLD_MS))
        return;
    reading->expiry_told_ms = now;
    log_warning("", log_span("pin", replica_name_span(&question->name)),
        log_number("expires", milliseconds / MILLISECONDS),
        log_note(
            "Redis is to delete this pin: it ends then, but where policyd has not "
            "seen it written many that go at once look lost: until=TIME in the pin is "
            "the way"));
}

/* Whole seconds, rounded down: never later than Redis.  One of less than a second is left
 * to Redis: rounded down it would never count. */
static void
was_answered(void *argument, const struct redis_reply *reply, bool stale)
{
    struct question *question = argument;
    struct reading *reading = question->reading;

    (void)stale;
    if (reply != NULL && reply->kind == REDIS_INTEGER && reply->integer > 0)
        warn(question, reply->integer);
    if (reply != NULL && reply->kind == REDIS_INTEGER && reply->integer >= MILLISECONDS) {
        replica_orders_take_expiry(reading->orders, replica_name_span(&question->name),
            reply->integer / MILLISECONDS);
    }
    free(question);
}

static bool
is_worth_asking(const struct reading *reading, unsigned targets,
    const struct replica_key *about, const struct replica_value *value)
{
    struct pin pin;

    if (about->kind != REPLICA_KEY_PIN || value->kind != VALUE_TEXT)
        return false;
    return (targets & REPLICA_ANSWERING) != 0 || span_starts(value->text, SPAN("hold")) ||
           (replica_find_pin(replica_orders_answering(reading->orders),
                replica_name_span(&about->name), &pin) &&
               pin.until != 0);
}

void
pin_expiry_ask(struct reading *reading, unsigned targets, struct span key,
    const struct replica_key *about, const struct replica_value *value)
{
    struct question *question;
    struct buffer whole;

    if (!is_worth_asking(reading, targets, about, value) ||
        redis_room(reading->redis) <= ROOM_LEFT)
        return;
    question = allocate(sizeof(*question));
    question->reading = reading;
    question->is_live = (targets & REPLICA_ANSWERING) != 0;
    question->name = about->name;
    buffer_init(&whole, (size_t)2 * REPLICA_NAME_MAX);
    if (!reading_ask_words(reading, REPLICA_ANSWERING, was_answered, question,
            SPAN("PTTL"), reading_whole_key(reading, key, &whole)))
        free(question);
    buffer_clear(&whole);
}
