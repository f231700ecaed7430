/*
 * moves: which of the addresses on standard input change side between what decides now
 * and a given weight, in the forms that hooks and the old backend can use.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_rehearsal.h"
#include "policyd/ctl/ctl_related.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/ctl/ctl_volumes.h"
#include "policyd/ctl/ctl_world.h"
#include "policyd/routing/route_decide.h"
#include "policyd/setup/setup_file.h"
#include "policyd/terminal/moves_format.h"
#include "shared/base/number.h"

enum { INPUT_MAX = 512 << 20, BUNCH = 1000, BUNCH_OCTETS = 64 << 20, OUT_MAX = 64 << 20 };

/* One run. */
struct moves {
    struct ctl *ctl;
    const char *domain; /* whose weight changes */
    unsigned weight;
    const struct moves_format *format;
    struct ctl_world world;
    struct ctl_domain now; /* of `domain` */
    struct arena *arena;   /* of a bunch */
    struct span addresses[BUNCH];
    struct span names[BUNCH]; /* what pins and units know them by */
    enum route_place places[BUNCH];
    size_t count;
    size_t ignored; /* lines that are no address of ours */
    struct moves_writer writer;
    bool has_volumes;
    struct ctl_volumes volumes;
    struct ctl_related aliases;
    struct ctl_related forwards;
    struct ctl_related rehearsed;
};

/* The state that decides now, but for its weight. */
static struct domain_state *
make_next(struct moves *moves)
{
    struct domain_field *fields =
        arena_take(moves->ctl->arena, (moves->now.count + 1) * sizeof(*fields));
    struct domain_problem problem;
    char weight[8];
    size_t count = 0;

    domain_weight_write(moves->weight, weight);
    for (size_t i = 0; i < moves->now.count; i++) {
        if (!span_is(moves->now.fields[i].name, "weight"))
            fields[count++] = moves->now.fields[i];
    }
    fields[count++] = (struct domain_field){
        SPAN("weight"), span_of(arena_text(moves->ctl->arena, span_of(weight)))};
    return domain_state_parse(moves->now.name, fields, count,
        &moves->ctl->config->serve->state_rules, &problem, NULL, NULL);
}

static void
put_state(struct moves *moves, struct domain_state *state)
{
    (void)replica_put_domain(moves->world.replica, span_of(moves->domain), state, 0);
}

static struct domain_state *
parse_now(const struct moves *moves)
{
    struct domain_problem problem;

    return domain_state_parse(moves->now.name, moves->now.fields, moves->now.count,
        &moves->ctl->config->serve->state_rules, &problem, NULL, NULL);
}

static void
decide(struct moves *moves, size_t i, struct route *route)
{
    route_decide(&moves->ctl->config->serve->route_rules, moves->world.replica,
        moves->addresses[i], (int64_t)time(NULL), route);
}

/* By the books, where they can be read, and the files that the site gives. */
static void
know(const struct moves *moves, struct span address, struct moves_known *known)
{
    const struct ctl_volume *volume =
        moves->has_volumes ? ctl_volumes_find(&moves->volumes, address) : NULL;

    known->aliases = ctl_related_find(&moves->aliases, moves->arena, address);
    known->forwards = ctl_related_find(&moves->forwards, moves->arena, address);
    known->rehearsal = ctl_related_find(&moves->rehearsed, moves->arena, address);
    known->has_volume = moves->has_volumes;
    if (volume == NULL)
        return;
    known->mails = volume->mails;
    known->mean_octets = volume->octets / volume->mails;
}

static void
write_mover(struct moves *moves, size_t i, const struct route *route)
{
    struct moves_mover mover = {
        .address = moves->addresses[i],
        .unit = route->unit,
        .domain = recipient_domain(&route->recipient),
        .local = recipient_local(&route->recipient),
        .from = moves->places[i],
        .to = route->place,
        .bucket = route->bucket,
    };

    know(moves, moves->names[i], &mover.known);
    moves_format_write(&moves->writer, &mover);
    if (moves->writer.out.length > OUT_MAX / 2) {
        ctl_output_raw(buffer_span(&moves->writer.out));
        buffer_reset(&moves->writer.out);
    }
}

/* All of the bunch by the present weight, then all by the other one. */
static bool
work_off(struct moves *moves, struct error *error)
{
    struct route route;

    if (!ctl_world_add_names(&moves->world, moves->names, moves->count, error))
        return false;
    put_state(moves, parse_now(moves));
    for (size_t i = 0; i < moves->count; i++) {
        decide(moves, i, &route);
        moves->places[i] = route.place;
    }
    put_state(moves, make_next(moves));
    for (size_t i = 0; i < moves->count; i++) {
        decide(moves, i, &route);
        if (route.place != moves->places[i])
            write_mover(moves, i, &route);
    }
    moves->count = 0;
    arena_reset(moves->arena);
    return true;
}

static bool
take_address(struct moves *moves, struct span line, struct error *error)
{
    struct recipient recipient;
    struct span address;
    struct span name;

    line = span_trim(line);
    if (line.length == 0 || line.data[0] == '#')
        return true;
    if (!ctl_store_canonical_recipient(moves->ctl, line, &recipient)) {
        moves->ignored++;
        return true;
    }
    address = arena_span(moves->arena, recipient_address(&recipient));
    name = address;
    if (!ctl_world_add_domain(
            &moves->world, span_from(address, span_find_last(address, '@') + 1), error) ||
        !ctl_store_follow(moves->ctl, &name, error))
        return false;
    moves->addresses[moves->count] = address;
    moves->names[moves->count++] = name;
    return moves->count < BUNCH || work_off(moves, error);
}

static bool
take_all(struct moves *moves, struct span text, struct error *error)
{
    struct span line;

    while (span_split(&text, '\n', &line)) {
        if (!take_address(moves, line, error))
            return false;
    }
    return work_off(moves, error);
}

/* Reads all of standard input: Redis' answers may take their time. */
static int
run(struct moves *moves)
{
    struct buffer text;
    struct error error;
    int status = CTL_DONE;

    buffer_init(&text, INPUT_MAX);
    ctl_output_invite("addresses");
    if (!setup_file_read("-", &text, &error)) {
        buffer_clear(&text);
        return ctl_output_fail(CTL_NO, "%s", error.text);
    }
    moves_format_begin(&moves->writer, moves->format, OUT_MAX);
    if (!ctl_world_add_domain(&moves->world, span_of(moves->domain), &error) ||
        !ctl_world_add_lists(&moves->world, span_of(moves->domain), &error) ||
        !take_all(moves, buffer_span(&text), &error)) {
        status = ctl_store_fail(moves->ctl, &error);
    } else {
        moves_format_end(&moves->writer);
        ctl_output_raw(buffer_span(&moves->writer.out));
        if (moves->ignored > 0)
            ctl_output_warn("%zu line%s no address", moves->ignored,
                moves->ignored == 1 ? " is" : "s are");
    }
    moves_format_clear(&moves->writer);
    buffer_clear(&text);
    return status;
}

/* What the command line asks for; false: said so. */
static bool
read_order(struct moves *moves)
{
    const struct ctl_arguments *arguments = &moves->ctl->arguments;
    const char *to = arguments->values[CTL_TO];
    const char *format = arguments->values[CTL_FORMAT];

    moves->domain = ctl_store_canonical_domain(moves->ctl, arguments->words[0]);
    if (moves->domain == NULL)
        return false;
    if (to == NULL || !number_percent(span_of(to), &moves->weight)) {
        (void)ctl_output_fail(CTL_USAGE, "--to takes a weight from 0 to 100");
        return false;
    }
    if (format == NULL)
        format = ctl_arguments_has(arguments, CTL_JSON) ? "json" : "lines";
    moves->format = moves_format_find(format);
    if (moves->format != NULL)
        return true;
    (void)ctl_output_fail(CTL_USAGE, "--format is one of lines, csv, sieve, virtual");
    return false;
}

/* What new said, where those who move next were asked about. */
static bool
learn_rehearsal(struct moves *moves, struct error *error)
{
    struct ctl *ctl = moves->ctl;
    struct ctl_rehearsal *rehearsal = arena_take(ctl->arena, sizeof(*rehearsal));
    bool done = ctl_rehearsal_read(rehearsal, ctl, moves->domain, error);

    moves->rehearsed.ctl = ctl;
    for (size_t i = 0; done && i < rehearsal->count; i++) {
        const struct rehearsal_result *result = &rehearsal->people[i].result;
        const char *answer = rehearsal_answer_name(result->answer);

        if (result->answer == REHEARSAL_REFUSED)
            answer =
                arena_printf(ctl->arena, "%s %s", answer, rehearsal_result_class(result));
        ctl_related_add(&moves->rehearsed, rehearsal->people[i].address, span_of(answer));
    }
    ctl_related_sort(&moves->rehearsed);
    ctl_rehearsal_clear(rehearsal);
    return done;
}

/* What can't be read is said, and its columns stay empty. */
static void
learn(struct moves *moves)
{
    struct ctl *ctl = moves->ctl;
    struct error error;

    moves->has_volumes = ctl_volumes_read(ctl, moves->domain, &moves->volumes, &error);
    if (!moves->has_volumes)
        ctl_output_warn("who gets how much is not told: %s", error.text);
    if (!ctl_related_read(ctl, ctl->config->aliases, true, &moves->aliases, &error))
        ctl_output_warn("other names are not told: %s", error.text);
    if (!ctl_related_read(ctl, ctl->config->forwards, false, &moves->forwards, &error))
        ctl_output_warn("forwards are not told: %s", error.text);
    if (!learn_rehearsal(moves, &error))
        ctl_output_warn("the rehearsal is not told: %s", error.text);
}

int
ctl_moves_run(struct ctl *ctl)
{
    struct moves *moves = arena_take(ctl->arena, sizeof(*moves));
    struct error error;
    int status;

    moves->ctl = ctl;
    if (!read_order(moves))
        return CTL_USAGE;
    if (!ctl_store_domain(ctl, span_of(moves->domain), &moves->now, &error))
        return ctl_store_fail(ctl, &error);
    if (moves->now.state == NULL || !moves->now.state->complete) {
        ctl_domain_clear(&moves->now);
        return ctl_output_fail(CTL_NO, "%s has no good state in Redis", moves->domain);
    }
    moves->arena = arena_new(BUNCH_OCTETS);
    if (moves_format_tells(moves->format))
        learn(moves);
    ctl_world_open(&moves->world, ctl);
    status = run(moves);
    ctl_world_clear(&moves->world);
    arena_free(moves->arena);
    ctl_volumes_clear(&moves->volumes);
    ctl_related_clear(&moves->aliases);
    ctl_related_clear(&moves->forwards);
    ctl_related_clear(&moves->rehearsed);
    ctl_domain_clear(&moves->now);
    return status;
}
