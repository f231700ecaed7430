/*
 * world - a site in memory: Redis, gateways with their queues and controllers, two
 * backends, operators and faults, all from one seed.
 *
 * The modules of the product decide (plan_record, plan_gates, plan_step, plan_write,
 * route_decide, domain_state); everything around them is a model.  Time goes by ticks.
 */
#ifndef TESTS_SIMULATE_WORLD_H
#define TESTS_SIMULATE_WORLD_H

#include "policyd/maillog/outcome.h"
#include "policyd/plan/plan_alike.h"
#include "policyd/plan/plan_guard.h"
#include "policyd/plan/plan_order.h"
#include "policyd/routing/route_decide.h"

enum {
    TICK_SECONDS = 30,
    SLOT_SECONDS = 60,
    UNITS = 120,
    GATEWAYS_MAX = 100,
    GATEWAYS_FEW = 3, /* as many as chance gives */
    REFUSALS_KEPT = 1000,
    WAITING_MAX = 4000,
    FIELDS_MAX = 28,
    VALUE_MAX = 120,
    COPIES = 8,
    LANDED_MAX = 300, /* messages on new that undo is asked about */
    BEAT_SECONDS = 5,
    START = 1795521600, /* a Tuesday, 12:00 UTC */
};

/* --- chance --- */

struct chance {
    uint64_t state;
};

uint64_t chance_next(struct chance *chance);
unsigned chance_below(struct chance *chance, unsigned limit);
bool chance_of(struct chance *chance, unsigned thousandths);

/* --- Redis --- */

struct hash {
    struct {
        char name[24];
        char value[VALUE_MAX];
    } fields[FIELDS_MAX];
    size_t count;
};

const char *hash_get(const struct hash *hash, const char *name); /* "" */
void hash_set(struct hash *hash, struct span name, struct span value);
bool hash_equal(const struct hash *left, const struct hash *right);
size_t hash_fields(const struct hash *hash, struct domain_field out[FIELDS_MAX]);

/* pin:<unit>; PIN_NONE: there is none. */
struct pin_model {
    enum pin_place place;
    int64_t until;
};

struct redis_data {
    struct hash plan;
    struct hash domain;
    struct pin_model pins[UNITS];
    int64_t read_at; /* of a copy that a controller has */
};

struct redis_model {
    bool is_up;
    bool is_read_only;
    struct redis_data data;
    struct redis_data copies[COPIES]; /* of the last ticks, in a ring */
    unsigned copied;
    struct plan_series stats;
    int64_t beats[GATEWAYS_MAX];       /* heartbeats */
    struct judge judges[GATEWAYS_MAX]; /* judge:<domain>, a field a gateway */
    int64_t judged_since[GATEWAYS_MAX];
};

/* --- backends --- */

struct backend {
    unsigned fails; /* of a thousand attempts */
    unsigned delay_ms;
    bool refuses_us;   /* everybody, at RCPT */
    bool lacks[UNITS]; /* mailboxes that it does not know */
};

/* --- gateways --- */

struct message {
    unsigned unit;
    int64_t since;
    int64_t again;
    unsigned attempts;
};

/* Who was refused by new at RCPT, until the controller reads of it. */
struct refused {
    unsigned unit;
    const char *reply;
};

struct refusals_model {
    struct refused rows[REFUSALS_KEPT];
    size_t count;
};

/* A pin of the guard's that Redis has not taken. */
struct kept_pin {
    int64_t found; /* unix time; 0: none */
    bool is_known;
};

/* Counts that Redis has not taken. */
struct unsent {
    int64_t slot;
    struct plan_counts sides[DOMAIN_SIDES];
};

struct controller {
    bool is_up;
    int64_t stopped_until; /* SIGSTOP */
    int64_t clock_off;     /* seconds its clock is wrong by */
    int64_t clock_step;    /* when it saw a step */
    struct redis_data read;
    struct plan_record plan; /* as last read and good */
    uint64_t plan_rev;       /* the highest seen */
    bool is_behind;          /* Redis has an older plan than was seen */
    enum plan_hook hook;
    int64_t hook_ends;
    size_t hook_stage;
    bool hook_fails;
    unsigned drains;
    struct judge_watch watch;
    int64_t watch_since; /* the stage that it judges */

    struct guard *guard;
    enum plan_state seen;        /* by the guard, at its last look */
    char stopped[PLAN_TEXT_MAX]; /* why it asks no more; "" */
    int64_t stopped_at;
    struct kept_pin kept[UNITS];
};

struct gateway {
    char name[8];
    bool is_cut; /* from Redis */
    struct replica *replica;
    uint64_t rev;
    bool is_suspect;
    int64_t troubled; /* when something last kept it from what it should do */
    struct message *waiting;
    size_t waiting_count;
    struct unsent unsent[64];
    size_t unsent_count;
    struct refusals_model refusals;
    struct pin_model pins[UNITS]; /* as its replica has them */
    struct controller controller;

    /* What has to be true of its guard, kept beside it. */
    int64_t refused_at[UNITS]; /* the last time new refused it here */
    unsigned us_fresh;         /* so many were, in us_began's tick, not within the hour */
    int64_t us_at;             /* so many that it must stop; 0: not, or it has */
    unsigned us_asked;         /* questions about those since */
};

/* --- undo --- */

struct landed_model {
    unsigned unit;
    bool has_copy;
    unsigned on_old; /* how often undo brought it there */
};

/* --- all --- */

/* What has to be true of a plan, kept beside it by other means. */
struct truth {
    bool is_stopped; /* since the last stop no start or resume */
    bool may_forget; /* Redis lost what was written last, or nobody is left who saw it */
    int64_t stage_since;
    int64_t rolled_back; /* 0: not, or started anew since */
    uint64_t ok_new;     /* first attempts since the stage began */
    uint64_t fail_new;
    unsigned weight; /* as last moved by a transition or an operator */
    uint64_t advances;
    uint64_t rollbacks;
    uint64_t freezes;
    uint64_t accepted;
    uint64_t delivered[DOMAIN_SIDES];
    uint64_t refused;      /* by old, the site's own: the sender has his answer */
    uint64_t pins;         /* of the guard's */
    int64_t ledger[UNITS]; /* the first mail on new; 0: none */
    bool lacks[UNITS];     /* new did not take it, once */
    int64_t told_to_go;    /* the last start or resume */
};

struct world {
    uint64_t seed;
    bool is_told; /* each thing that happens */
    struct chance chance;
    int64_t now;
    int64_t ends;
    int64_t calm_from; /* no more faults and orders */
    struct redis_model redis;
    struct backend backends[DOMAIN_SIDES];
    struct gateway gateways[GATEWAYS_MAX];
    size_t gateway_count;
    struct route_rules rules;
    bool has_hook;
    bool has_window;
    bool old_is_site; /* its word is final, and the guard can't ask it */
    unsigned min_samples;
    unsigned trouble; /* how much of faults and orders there is, 0: none */
    unsigned rate;    /* messages a tick and gateway, at most */
    int64_t us_began; /* new begins to refuse us; 0: not yet */
    int64_t us_ends;
    struct truth truth;
    struct chance undo_chance; /* of its own: schedules stay what they were */
    struct landed_model landed[LANDED_MAX];
    size_t landed_count;
    char fault[300]; /* the first invariant that does not hold; "" */
};

/* gateways 0: a few, by chance. */
void world_new(struct world *world, uint64_t seed, size_t gateways, bool is_told);
void world_free(struct world *world);

/* Runs to its end; false: an invariant does not hold, world->fault says which. */
bool world_run(struct world *world);

void world_tell(struct world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void world_fault(struct world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* In turn, each tick. */
void faults_tick(struct world *world);
void operators_tick(struct world *world);
void redis_tick(struct world *world);
void gateway_tick(struct world *world, struct gateway *gateway);
void controller_tick(struct world *world, struct gateway *gateway);
void checks_tick(struct world *world);
void checks_guard(struct world *world, struct gateway *gateway);
bool checks_is_final(const struct world *world);
void checks_at_end(struct world *world);

/* Both hashes still as `read`: all of it is set.  False: nothing is. */
bool redis_write(
    struct world *world, const struct redis_data *read, const struct plan_write *write);

/* A pin of the guard's; false: another one is there. */
bool redis_write_pin(struct world *world, const struct gateway *gateway, unsigned unit,
    const struct kept_pin *pin);

/* An operator who comes between a decision and its writing. */
void operators_between(struct world *world);

void controller_start(const struct world *world, struct controller *controller);
void controller_stop(struct controller *controller);

/* The misprovision guard. */
void guard_model_start(struct controller *controller);
void guard_model_stop(struct controller *controller);
void guard_model_refused(struct gateway *gateway, unsigned unit, const char *reply);
void guard_model_tick(struct world *world, struct gateway *gateway);

/* A move was written. */
void checks_moved(struct world *world, const struct gateway *gateway,
    const struct plan_view *view, const struct plan_decision *decision);

/* Of the guard: new refused one, all of this tick were told, it asks, it finds. */
void checks_refused(struct world *world, struct gateway *gateway, unsigned unit);
void checks_burst(const struct world *world, struct gateway *gateway);
void checks_asked(struct world *world, struct gateway *gateway, unsigned unit);
void checks_found(
    struct world *world, const struct gateway *gateway, unsigned unit, bool is_known);

/* A message has arrived: the one place where deliveries are known, with the ledger. */
void checks_delivered(
    struct world *world, const struct message *message, enum domain_side side);

/* Undo: new took a message; at the end all of that is brought to old. */
void undo_model_landed(struct world *world, unsigned unit);
void undo_model_run(struct world *world);

struct domain_state *gateway_parse(const struct hash *domain);
bool gateway_reaches(const struct world *world, const struct gateway *gateway);
void gateway_drain(struct world *world, struct gateway *gateway);
void gateway_accept(struct world *world, struct gateway *gateway, unsigned unit);

#endif
