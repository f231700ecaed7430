/*
 * preflight: a result that is kept, and what has changed since.
 *
 * The hash preflight:<domain>: `time` (unix time), `host`, each check's result by its
 * name, `blocking_time` and `all_time`: when all that block and when all of them were
 * looked at last (--load's aside).  It goes by itself after 30 days.  A blocking one that
 * turns from good to bad is an event.
 */
#include <inttypes.h>
#include <signal.h>
#include <time.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_preflight.h"
#include "policyd/ctl/ctl_write.h"
#include "shared/base/number.h"

#define KEPT_SECONDS "2592000"

static struct span
key_of(const struct ctl_preflight *preflight)
{
    return ctl_store_key(
        preflight->ctl, preflight->ctl->arena, "preflight:", span_of(preflight->name));
}

/* Whether all that block were looked at, or all. */
static bool
has_all(const struct ctl_preflight *preflight, bool blocking_alone)
{
    for (int i = 0; i < CHECKS; i++) {
        if (!preflight->wanted[i] && i != CHECK_SESSIONS &&
            (check_rows[i].blocks || !blocking_alone))
            return false;
    }
    return true;
}

/* One that held nothing up before, and does now. */
static bool
tell_turn(const struct ctl_preflight *preflight, const struct ctl_hash *before,
    enum check_name name, struct error *error)
{
    const struct check *check = &preflight->checks[name];
    const char *result = check_result_name(check->result);
    struct span kept = ctl_hash_value(before, check_rows[name].name);
    const struct domain_field field = {span_of(check_rows[name].name), span_of(result)};
    const struct ctl_event event = {
        .domain = preflight->name,
        .what = "preflight",
        .key = check_rows[name].name,
        .from = arena_text(preflight->ctl->arena, kept),
        .to = result,
        .why = check_bad_line(check),
    };
    enum check_result was;

    return !preflight->wanted[name] || !check_holds_up(name, check->result) ||
           !check_result_read(kept, &was) || check_holds_up(name, was) ||
           ctl_write_field(preflight->ctl, key_of(preflight), &field, &event, error);
}

static bool
save(const struct ctl_preflight *preflight, struct error *error)
{
    struct ctl *ctl = preflight->ctl;
    struct span now = span_of(arena_printf(ctl->arena, "%" PRId64, (int64_t)time(NULL)));
    struct span words[2 * CHECKS + 10] = {SPAN("HSET"), key_of(preflight), SPAN("time"),
        now, SPAN("host"), span_of(ctl->host)};
    struct ctl_hash before;
    size_t count = 6;

    if (!ctl_store_open(ctl, error) ||
        !ctl_store_hash(ctl, key_of(preflight), &before, error))
        return false;
    for (int i = 0; i < CHECKS; i++) {
        if (!preflight->wanted[i])
            continue;
        words[count++] = span_of(check_rows[i].name);
        words[count++] = span_of(check_result_name(preflight->checks[i].result));
    }
    if (has_all(preflight, true)) {
        words[count++] = SPAN("blocking_time");
        words[count++] = now;
    }
    if (has_all(preflight, false)) {
        words[count++] = SPAN("all_time");
        words[count++] = now;
    }
    if (!redis_call(ctl->redis, count, words, NULL, error) ||
        !redis_call_words(
            ctl->redis, NULL, error, SPAN("EXPIRE"), words[1], SPAN(KEPT_SECONDS)))
        return false;
    for (int i = 0; i < CHECKS; i++) {
        if (!tell_turn(preflight, &before, (enum check_name)i, error))
            return false;
    }
    return true;
}

bool
ctl_preflight_save(const struct ctl_preflight *preflight)
{
    struct error error;
    sigset_t ends;
    sigset_t before;
    bool done;

    /* All of it, or nothing. */
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGINT);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &ends, &before);
    done = save(preflight, &error);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    if (!done)
        (void)ctl_store_fail(preflight->ctl, &error);
    return done;
}

static void
tell_change(const struct ctl_preflight *preflight, enum check_name name,
    const char *before, struct json *json)
{
    const struct check *check = &preflight->checks[name];
    const char *result = check_result_name(check->result);

    if (json == NULL) {
        ctl_output_note("%s: %s -> %s: %s", check_rows[name].name, before, result,
            ctl_output_text(preflight->ctl->arena, span_of(check_bad_line(check))));
        return;
    }
    json_object_begin(json, NULL);
    json_text(json, "name", check_rows[name].name);
    json_bool(json, "blocks", check_rows[name].blocks);
    json_text(json, "from", before);
    json_text(json, "to", result);
    json_text(json, "found", check_found(check, preflight->ctl->arena));
    json_object_end(json);
}

/* Those that are otherwise than kept; gives how many. */
static size_t
tell_changes(const struct ctl_preflight *preflight, const struct ctl_hash *hash,
    struct json *json, bool *worse)
{
    size_t changed = 0;

    for (int i = 0; i < CHECKS; i++) {
        enum check_name name = (enum check_name)i;
        enum check_result now = preflight->checks[i].result;
        enum check_result before = CHECK_SKIPPED;
        bool is_known =
            check_result_read(ctl_hash_value(hash, check_rows[i].name), &before);

        if (!preflight->wanted[i] || (is_known && before == now))
            continue;
        *worse = *worse || (check_holds_up(name, now) && !check_holds_up(name, before));
        tell_change(preflight, name, is_known ? check_result_name(before) : "none", json);
        changed++;
    }
    return changed;
}

bool
ctl_preflight_diff(const struct ctl_preflight *preflight, struct json *json, bool *worse)
{
    struct ctl *ctl = preflight->ctl;
    struct ctl_hash hash;
    struct error error;
    size_t changed;

    *worse = false;
    if (!ctl_store_open(ctl, &error) ||
        !ctl_store_hash(ctl, key_of(preflight), &hash, &error)) {
        (void)ctl_store_fail(ctl, &error);
        return false;
    }
    if (json != NULL) {
        json_object_begin(json, NULL);
        json_text(json, "domain", preflight->name);
        json_array_begin(json, "changed");
    }
    changed = tell_changes(preflight, &hash, json, worse);
    if (json != NULL) {
        json_array_end(json);
        json_bool(json, "worse", *worse);
        json_object_end(json);
    } else if (changed == 0) {
        ctl_output_say("%s: nothing has changed", preflight->name);
    }
    return true;
}

const char *
ctl_preflight_kept(struct ctl *ctl, const char *domain)
{
    struct ctl_hash hash;
    const char *names = "";
    struct error error;
    uint64_t at = 0;
    char when[21];

    if (!ctl_store_open(ctl, &error) ||
        !ctl_store_hash(ctl,
            ctl_store_key(ctl, ctl->arena, "preflight:", span_of(domain)), &hash, &error))
        return NULL;
    for (int i = 0; i < CHECKS; i++) {
        enum check_result result;

        if (check_result_read(ctl_hash_value(&hash, check_rows[i].name), &result) &&
            check_holds_up((enum check_name)i, result))
            names = arena_printf(ctl->arena, "%s%s%s", names,
                names[0] == '\0' ? "" : ", ", check_rows[i].name);
    }
    if (names[0] == '\0')
        return NULL;
    (void)number_unsigned(ctl_hash_value(&hash, "time"), INT64_MAX, &at);
    number_rfc3339_write((int64_t)at, when);
    return arena_printf(ctl->arena,
        "a weight above 0 while the preflight of %s says no (%s)", when, names);
}
