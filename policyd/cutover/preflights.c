#include "policyd/cutover/preflights.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policyd/cutover/hook.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

enum {
    KEY_ROOM = 300,
    RENEW_MS = 30000,
    LATER_MS = 5000, /* another gateway looks */
    DONE_S = 10,     /* so long until all have read what was kept */
    FAILED_MS = PREFLIGHT_AGAIN_S * 1000,
    GOOD_EXIT = 0,
    BLOCKED_EXIT = 1, /* kept all the same */
};

enum phase { PHASE_IDLE, PHASE_CLAIM, PHASE_RUN };

struct preflights {
    const struct plan_context *context;
    enum phase phase;
    char domain[256];
    enum plan_preflight_due due;
    int64_t since;
    struct hook *hook;
    uint64_t next_ms; /* by the steady clock: not before; or when the claim is renewed */
};

struct preflights *
preflights_new(const struct plan_context *context)
{
    struct preflights *preflights = allocate(sizeof(*preflights));

    *preflights = (struct preflights){.context = context};
    return preflights;
}

void
preflights_free(struct preflights *preflights)
{
    if (preflights == NULL)
        return;
    hook_free(preflights->hook);
    free(preflights);
}

static void
be_idle(struct preflights *preflights, uint64_t for_ms)
{
    preflights->phase = PHASE_IDLE;
    preflights->next_ms = clock_now_ms() + for_ms;
}

static void
write_key(const struct preflights *preflights, char out[KEY_ROOM])
{
    (void)snprintf(out, KEY_ROOM, "claim:preflight:%s", preflights->domain);
}

/* --- the child --- */

static void
has_ended(void *argument, const struct hook_result *result)
{
    struct preflights *preflights = argument;
    bool is_kept = result->code == GOOD_EXIT || result->code == BLOCKED_EXIT;
    char key[KEY_ROOM];

    preflights->hook = NULL;
    if (is_kept)
        log_info("preflight", log_text("domain", preflights->domain),
            log_text("checks", preflights->due == PREFLIGHT_ALL ? "all" : "blocking"),
            log_number("seconds", (int64_t)time(NULL) - preflights->since),
            log_text("result", result->code == GOOD_EXIT ? "good" : "blocked"));
    else
        log_say(LOG_LEVEL_WARNING,
            "preflight of %s: %s, nothing was kept (postshiftctl preflight %s "
            "--as-cutover tells more)",
            preflights->domain, result->text, preflights->domain);
    write_key(preflights, key);
    plan_store_claim_done(
        preflights->context->store, key, is_kept ? DONE_S : PREFLIGHT_AGAIN_S);
    be_idle(preflights, is_kept ? LATER_MS : FAILED_MS);
}

/* Beside us, or where `make install` puts it. */
static bool
find_program(char path[PATH_MAX])
{
    static const char *const places[] = {"postshiftctl", "../bin/postshiftctl"};
    char own[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);

    if (length <= 0)
        return false;
    own[length] = '\0';
    own[span_find_last(span_of(own), '/') + 1] = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (snprintf(path, PATH_MAX, "%s%s", own, places[i]) < PATH_MAX &&
            access(path, X_OK) == 0)
            return true;
    }
    return false;
}

static void
run(struct preflights *preflights)
{
    char file[PATH_MAX];
    char path[PATH_MAX];
    const struct cutover_config *config = preflights->context->config;
    const char *given = config_name(config->file);
    bool has_file = realpath(given, file) != NULL;
    const char *words[HOOK_WORDS_MAX] = {
        "preflight", preflights->domain, "--save", "--as-cutover"};
    size_t count = 4;
    struct error error = {.text = "there is no postshiftctl beside it"};

    if (has_file) {
        words[count++] = "-c";
        words[count++] = file;
    }
    if (preflights->due == PREFLIGHT_BLOCKING)
        words[count++] = "--blocking";
    /* The Postfix whose log we read, where postshiftctl is told no other. */
    if (config->postfix[0] != '\0' && !config_has(config->file, "ctl", "postfix")) {
        words[count++] = "--directory";
        words[count++] = config->postfix;
    }
    preflights->since = (int64_t)time(NULL);
    if (find_program(path))
        preflights->hook = hook_start(preflights->context->base,
            &(struct hook_order){.path = path,
                .kind = "preflight",
                .domain = preflights->domain,
                .stage = "",
                .from = "",
                .to = "",
                .limit_ms = PREFLIGHTS_LIMIT_MS,
                .words = words},
            has_ended, preflights, &error);
    if (preflights->hook == NULL)
        has_ended(preflights,
            &(struct hook_result){.code = -1, .text = "postshiftctl can't be run"});
    else {
        preflights->phase = PHASE_RUN;
        preflights->next_ms = clock_now_ms() + RENEW_MS;
    }
}

/* --- the claim --- */

/* Ours from a former life is ours again. */
static void
was_looked_at(void *argument, const struct redis_reply *reply)
{
    struct preflights *preflights = argument;

    if (reply != NULL && reply->kind == REDIS_STRING &&
        span_is(reply->text, preflights->context->gateway))
        run(preflights);
    else
        be_idle(preflights, LATER_MS);
}

static void
was_claimed(void *argument, enum plan_store_result result)
{
    struct preflights *preflights = argument;
    struct plan_store *store = preflights->context->store;
    char whole[KEY_ROOM + 1200];
    char key[KEY_ROOM];

    write_key(preflights, key);
    (void)snprintf(whole, sizeof(whole), "%.1100s%s", plan_store_prefix(store), key);
    if (result == PLAN_STORE_DONE)
        run(preflights);
    else if (result != PLAN_STORE_STALE ||
             !redis_ask(plan_store_redis(store), was_looked_at, preflights, SPAN("GET"),
                 span_of(whole)))
        be_idle(preflights, LATER_MS);
}

void
preflights_want(
    struct preflights *preflights, const char *domain, enum plan_preflight_due due)
{
    char key[KEY_ROOM];

    if (preflights->phase == PHASE_RUN && clock_now_ms() >= preflights->next_ms) {
        preflights->next_ms = clock_now_ms() + RENEW_MS;
        write_key(preflights, key);
        plan_store_claim_renew(preflights->context->store, key, PREFLIGHTS_CLAIM_S);
    }
    if (preflights->phase != PHASE_IDLE || due == PREFLIGHT_NOTHING ||
        clock_now_ms() < preflights->next_ms)
        return;
    (void)span_copy(span_of(domain), preflights->domain, sizeof(preflights->domain));
    preflights->due = due;
    write_key(preflights, key);
    preflights->phase = PHASE_CLAIM;
    if (!plan_store_claim(
            preflights->context->store, key, PREFLIGHTS_CLAIM_S, was_claimed, preflights))
        be_idle(preflights, LATER_MS);
}

int64_t
preflights_since(const struct preflights *preflights, const char *domain)
{
    return preflights->phase == PHASE_RUN && strcmp(preflights->domain, domain) == 0
               ? preflights->since
               : 0;
}
