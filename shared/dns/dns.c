#include "shared/dns/dns.h"

#include "shared/base/allocate.h"
#include "shared/base/arena.h"
#include "shared/dns/dns_channels.h"
#include "shared/dns/dns_wire.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

enum {
    KEPT_MAX = 4 << 20,   /* octets of a context's answers */
    ARENA_MAX = 16 << 20, /* never reached: KEPT_MAX, one answer more, all questions */
};

struct dns {
    struct dns_channels *channels;
    uint64_t timeout_us;
    uint64_t message_us;
    struct dns_observer observer;
};

struct dns_question {
    struct dns_question *next;
    struct dns_context *context;
    struct dns_name name;
    enum dns_type type;
    struct dns_answer answer;
    uint64_t asked_at; /* by the context's clock */
    bool done;         /* the answer counts */
};

/* What two contexts of a message may have in common: the way to the servers. */
struct wire {
    struct dns_channel *channel; /* while anything is sent */
    unsigned sent;               /* c-ares has them, and will call back for each */
    unsigned waiting;            /* sent and not done */
};

/*
 * The clock of a context goes only while dns_wait blocks; all times below are on it.
 */
struct dns_context {
    struct dns *dns;
    struct arena *arena;
    struct wire *wire; /* its own, or its twin's */
    struct wire own_wire;
    struct dns_context *twin; /* or NULL */
    struct dns_question *questions;
    unsigned count;
    bool running; /* the clock is */
    uint64_t started_us;
    uint64_t clock_us;
    uint64_t timeout_us;
    uint64_t budget_us;
    uint64_t limit_us;
    struct dns_question bad_name; /* the answers to what is not sent */
    struct dns_question too_late;
    struct dns_question too_many;
};

static uint64_t
monotonic_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t
clock_read(struct dns_context *context)
{
    if (context->running)
        context->clock_us = monotonic_us() - context->started_us;
    return context->clock_us;
}

static void
clock_run(struct dns_context *context, bool running)
{
    (void)clock_read(context);
    context->running = running;
    context->started_us = monotonic_us() - context->clock_us;
}

struct dns *
dns_new(const struct dns_config *config, const struct dns_observer *observer,
    struct error *error)
{
    struct dns_channels *channels = dns_channels_new(config, error);
    struct dns *dns;

    if (channels == NULL)
        return NULL;
    dns = allocate(sizeof(*dns));
    dns->channels = channels;
    dns->timeout_us = config->timeout * 1000;
    dns->message_us = config->message_timeout * 1000;
    if (observer != NULL)
        dns->observer = *observer;
    return dns;
}

void
dns_free(struct dns *dns)
{
    if (dns == NULL)
        return;
    dns_channels_free(dns->channels);
    free(dns);
}

static void
context_start(struct dns_context *context)
{
    context->timeout_us = context->dns->timeout_us;
    context->budget_us = context->dns->message_us;
    context->limit_us = context->budget_us;
    context->clock_us = 0;
    context->questions = NULL;
    context->count = 0;
}

static struct dns_question
answered_with(enum dns_status status)
{
    return (struct dns_question){.done = true, .answer = {.status = status}};
}

struct dns_context *
dns_context_new(struct dns *dns)
{
    struct dns_context *context = allocate(sizeof(*context));

    context->dns = dns;
    context->arena = arena_new(ARENA_MAX);
    context->bad_name = answered_with(DNS_BADNAME);
    context->too_late = answered_with(DNS_TIMEOUT);
    context->too_many = answered_with(DNS_LOCAL);
    context->wire = &context->own_wire;
    context_start(context);
    return context;
}

struct dns_context *
dns_context_new_twin(struct dns_context *context)
{
    struct dns_context *twin = dns_context_new(context->dns);

    assert(context->twin == NULL);
    twin->wire = context->wire;
    twin->twin = context;
    context->twin = twin;
    return twin;
}

void
dns_context_free(struct dns_context *context)
{
    if (context == NULL)
        return;
    dns_cancel(context);
    if (context->twin != NULL)
        context->twin->twin = NULL;
    arena_free(context->arena);
    free(context);
}

void
dns_context_reset(struct dns_context *context)
{
    dns_cancel(context);
    arena_reset(context->arena);
    context_start(context);
}

void
dns_context_limit(struct dns_context *context, uint64_t milliseconds)
{
    uint64_t used = context->clock_us;
    uint64_t left = context->budget_us > used ? context->budget_us - used : 0;

    context->limit_us =
        milliseconds < left / 1000 ? used + milliseconds * 1000 : used + left;
}

uint64_t
dns_context_used(const struct dns_context *context)
{
    return context->clock_us / 1000;
}

static void
settle(struct dns_question *question, enum dns_status status)
{
    struct dns_context *context = question->context;
    const struct dns_observer *observer = &context->dns->observer;

    if (status != question->answer.status)
        question->answer = (struct dns_answer){.status = status};
    question->done = true;
    context->wire->waiting--;
    if (observer->done != NULL)
        observer->done(
            observer->context, status, clock_read(context) - question->asked_at);
}

/* From 1.22 on c-ares refuses to ask for names that no host could have (for good, however
 * often they are asked), and reads answers itself before it gives them to us. */
static enum dns_status
status_without_answer(int status)
{
    if (status == ARES_EBADNAME)
        return DNS_BADNAME;
    if (status == ARES_EBADRESP)
        return DNS_MALFORMED;
    return status == ARES_ETIMEOUT ? DNS_TIMEOUT : DNS_LOCAL;
}

/* c-ares calls back, once for each question sent; perhaps inside ares_send. */
static void
answered(void *argument, int status, int timeouts, unsigned char *data, int length)
{
    struct dns_question *question = argument;
    struct dns_context *context = question->context;
    struct dns_answer *answer = &question->answer;
    struct span packet;

    (void)timeouts;
    context->wire->sent--;
    if (status != ARES_SUCCESS || data == NULL || length <= 0) {
        context->wire->channel->spoilt = true;
        if (!question->done)
            settle(question, status_without_answer(status));
        return;
    }
    packet = span_make(data, (size_t)length);
    if (!dns_wire_has_edns(packet))
        context->wire->channel->spoilt = true;
    if (question->done)
        return;
    if (arena_taken(context->arena) > KEPT_MAX) {
        settle(question, DNS_LOCAL);
        return;
    }
    dns_wire_answer(packet, &question->name, question->type, context->arena, answer);
    answer->secure = answer->secure && context->wire->channel->trusted;
    settle(question, answer->status);
}

/*
 * Gives the channel back once no answer is waited for any more.  One that still has
 * questions is not for anybody else: c-ares forgets them in ares_cancel, but not what of
 * them its open TCP connections have yet to send, which is freed memory then.  Destroying
 * the channel calls back for each.
 */
static void
release(struct dns_context *context)
{
    struct dns_channel *channel = context->wire->channel;

    if (context->wire->waiting > 0 || channel == NULL)
        return;
    if (context->wire->sent > 0 || channel->spoilt)
        dns_channel_destroy(channel);
    else
        dns_channels_return(context->dns->channels, channel);
    assert(context->wire->sent == 0);
    context->wire->channel = NULL;
}

static void
send_question(struct dns_context *context, struct dns_question *question)
{
    unsigned char packet[DNS_WIRE_QUESTION_MAX];
    uint16_t id;

    context->wire->waiting++;
    if (context->wire->channel == NULL)
        context->wire->channel = dns_channels_borrow(context->dns->channels);
    if (context->wire->channel == NULL || getrandom(&id, sizeof(id), 0) != sizeof(id)) {
        settle(question, DNS_LOCAL);
        return;
    }
    context->wire->sent++;
    ares_send(context->wire->channel->ares, packet,
        (int)dns_wire_question(packet, id, &question->name, question->type), answered,
        question);
}

static struct dns_question *
find_question(
    struct dns_context *context, const struct dns_name *name, enum dns_type type)
{
    struct dns_question *question = context->questions;

    while (question != NULL &&
           (question->type != type || !dns_name_equal(&question->name, name)))
        question = question->next;
    return question;
}

struct dns_question *
dns_ask(struct dns_context *context, struct span name, enum dns_type type)
{
    struct dns_question *question;
    struct dns_name asked;

    if (!dns_name_parse(name, &asked))
        return &context->bad_name;
    question = find_question(context, &asked, type);
    if (question != NULL)
        return question;
    if (context->clock_us >= context->limit_us)
        return &context->too_late;
    if (context->count == DNS_QUESTIONS_MAX)
        return &context->too_many;

    question = arena_take(context->arena, sizeof(*question));
    question->next = context->questions;
    question->context = context;
    question->name = asked;
    question->type = type;
    question->asked_at = context->clock_us;
    context->questions = question;
    context->count++;
    send_question(context, question);
    return question;
}

/* All that is waited for ends as timed out; what c-ares has of it goes with release. */
static void
give_up(struct dns_context *context)
{
    for (struct dns_question *question = context->questions; question != NULL;
         question = question->next) {
        if (!question->done)
            settle(question, DNS_TIMEOUT);
    }
}

static void
wait_a_turn(struct dns_context *context, struct dns_question *question)
{
    uint64_t deadline = question->asked_at + context->timeout_us;
    uint64_t now = clock_read(context);

    if (deadline > context->limit_us)
        deadline = context->limit_us;
    dns_channel_turn(context->wire->channel, deadline > now ? deadline - now : 0);
    now = clock_read(context);
    if (now >= context->limit_us)
        give_up(context);
    else if (!question->done && now >= deadline)
        settle(question, DNS_TIMEOUT);
}

const struct dns_answer *
dns_wait(struct dns_context *context, struct dns_question *question)
{
    clock_run(context, true);
    while (!question->done)
        wait_a_turn(context, question);
    clock_run(context, false);
    release(context);
    return &question->answer;
}

void
dns_cancel(struct dns_context *context)
{
    give_up(context);
    /* No answer may come later for what a twin's reset forgets. */
    if (context->twin != NULL)
        give_up(context->twin);
    release(context);
}

static struct dns_question *
lookup_ask(void *context, struct span name, enum dns_type type)
{
    return dns_ask(context, name, type);
}

static const struct dns_answer *
lookup_wait(void *context, struct dns_question *question)
{
    return dns_wait(context, question);
}

struct dns_lookup
dns_context_lookup(struct dns_context *context)
{
    return (struct dns_lookup){context, lookup_ask, lookup_wait};
}
