/*
 * What is said of a wiring, and what of it is bad.
 */
#include "tests/unit/unit.h"

#include "policyd/wiring/wiring_check.h"

#define APPLY "postshiftctl postfix-setup --apply"

struct row {
    const char *what;
    struct setup_plan plan;
    struct wiring_facts facts; /* its plan is the one beside it */
    enum wiring_state state;
    bool is_bad;
    const char *words[3]; /* that are said */
};

/* clang-format off */
static const struct row rows[] = {
    {"never wired, nobody moved", {.wired = false}, {0}, WIRING_NONE, false, {"not wired: postfix-setup has not been applied", APPLY}},
    {"never wired, people moved", {.wired = false}, {.moved = "a.example", .moved_count = 3}, WIRING_NONE, true,
     {"(a.example and 2 more domains) goes the site's own way", APPLY}},
    {"wired once, gone at weight 0", {.wired = false}, {.was_wired = true}, WIRING_NONE, false, {"replaced by another"}},
    {"wired once, gone, people moved", {.wired = false}, {.was_wired = true, .moved = "a.example", .moved_count = 1}, WIRING_NONE, true,
     {"nothing of ours is left in master.cf", APPLY}},
    {"switched off", {.wired = false}, {.has_services = true, .was_wired = true}, WIRING_OFF, false, {"switched off"}},
    {"switched off, people moved", {.wired = false}, {.has_services = true, .moved = "a.example", .moved_count = 1}, WIRING_OFF, true,
     {"switched off", APPLY}},
    {"wired", {.wired = true}, {.plan_is_sure = true}, WIRING_WHOLE, false, {"Postfix is wired: the queue manager asks policyd"}},
    {"by filter", {.wired = true}, {.plan_is_sure = true, .by_filter = true}, WIRING_WHOLE, false, {"smtpd filters"}},
    {"a list of main.cf is gone", {.wired = true, .count = 2, .steps = {{"-e", "smtpd_recipient_restrictions = $postshift_policy, x"}, {NULL, NULL}}},
     {.plan_is_sure = true}, WIRING_PART, true, {"in part", "smtpd_recipient_restrictions of main.cf", APPLY}},
    {"much is gone", {.wired = true, .count = 6, .steps = {{"-M", "a/unix=a"}, {"-M", "b/unix=b"}, {"-P", "c/unix/d=e"}, {"-X", "f"}, {"-e", "g = h"}, {NULL, NULL}}},
     {.plan_is_sure = true}, WIRING_PART, true, {"a/unix of master.cf", "c/unix/d of master.cf, f of main.cf and 1 more"}},
    {"what can't all be read is not judged", {.wired = true, .count = 1, .steps = {{"-M", "a/unix=a"}}}, {0}, WIRING_WHOLE, false, {"is wired"}},
    {"a milter more could be wired", {.wired = true, .count = 2, .steps = {{"-e", "postshift_milters = x"}, {NULL, NULL}}},
     {.plan_is_sure = true}, WIRING_WHOLE, false, {"is wired"}},
    {"the site's maps have changed", {.wired = true, .maps_changed = true, .maps_copy = "hash:/a", .maps_now = "hash:/b", .count = 2,
     .steps = {{"-M", "rewrite-cutover/unix=x"}, {NULL, NULL}}}, {.plan_is_sure = true}, WIRING_PART, true, {"\"hash:/a\"", "\"hash:/b\"", APPLY}},
    {"a file is newer", {.wired = true}, {.plan_is_sure = true, .newer = "/etc/postfix/main.cf"}, WIRING_WHOLE, true,
     {"/etc/postfix/main.cf is newer", "postfix reload"}},
    {"newer, but none of ours", {.wired = false}, {.newer = "/etc/postfix/main.cf"}, WIRING_NONE, false, {"not wired"}},
    {"no socket", {.wired = true}, {.plan_is_sure = true, .socket_count = 1, .sockets = {{"route", "/q/route.sock", .trouble = "No such file"}}},
     WIRING_WHOLE, true, {"/q/route.sock: No such file", "all mail waits"}},
    {"no policy socket", {.wired = true}, {.plan_is_sure = true, .socket_count = 1, .sockets = {{"policy", "/q/policy.sock", .trouble = "No such file"}}},
     WIRING_WHOLE, true, {"without the gate"}},
    {"others may write there", {.wired = true}, {.plan_is_sure = true, .socket_count = 1,
     .sockets = {{"route", "/q/route.sock", .threat = "everybody may write in its folder"}}}, WIRING_WHOLE, true, {"in policyd's place"}},
    {"no socket is needed where nothing asks", {.wired = false}, {.socket_count = 1, .sockets = {{"route", "/q/route.sock", .trouble = "No such file"}}},
     WIRING_NONE, false, {"not wired"}},
    {"stopped", {.wired = true}, {.plan_is_sure = true, .is_stopped = true}, WIRING_WHOLE, false, {"is wired", "isn't running"}},
    {"a class that is not routed", {.wired = true}, {.plan_is_sure = true, .refusal = "a.example is in virtual_alias_domains"}, WIRING_WHOLE, true,
     {"virtual_alias_domains"}},
    {"no Postfix here", {.wired = false}, {.obstacle = "postconf: No such file"}, WIRING_UNKNOWN, false, {"not looked at: postconf"}},
    {"none where one was named", {.wired = false}, {.obstacle = "/x: No such file", .was_named = true}, WIRING_UNKNOWN, true, {"/x"}},
};
/* clang-format on */

static bool
is_said(const struct wiring *wiring, const char *words)
{
    for (size_t i = 0; i < wiring->count; i++) {
        if (span_find_text(span_of(wiring->findings[i].text), span_of(words)) !=
            SPAN_NONE)
            return true;
    }
    return false;
}

static void
says_what_is_wrong(void **state)
{
    struct arena *arena = arena_new(1 << 20);

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct wiring_facts facts = rows[i].facts;
        struct wiring wiring;
        bool is_bad = false;

        facts.plan = &rows[i].plan;
        facts.apply = APPLY;
        facts.reload = "postfix reload";
        wiring_check(&wiring, &facts, arena);
        for (size_t j = 0; j < wiring.count; j++)
            is_bad = is_bad || wiring.findings[j].is_bad;
        if (wiring.count == 0 || wiring.state != rows[i].state ||
            is_bad != rows[i].is_bad)
            fail_msg("%s: %s, %s: %s", rows[i].what, wiring_state_name(wiring.state),
                is_bad ? "bad" : "good", wiring.count > 0 ? wiring.findings[0].text : "");
        for (size_t j = 0; j < 3 && rows[i].words[j] != NULL; j++) {
            if (!is_said(&wiring, rows[i].words[j]))
                fail_msg("%s: \"%s\" is not said: %s", rows[i].what, rows[i].words[j],
                    wiring.findings[0].text);
        }
    }
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
