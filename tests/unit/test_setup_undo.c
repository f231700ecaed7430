/*
 * The copy for undo, wired: beside the site's own copies, the same on a second look, and
 * gone without a trace.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "policyd/wiring/setup_plan.h"

#define ROUTE "unix:postshift/route.sock"
#define UNDO "undo@undo.postshift.invalid"
#define BASE                                                                             \
    "qmgr unix n - n 300 1 qmgr\n"                                                       \
    "rewrite unix - - y - - trivial-rewrite\n"

static const char *const domains[] = {"example.com", "example.net"};

static const struct setup_facts plain = {
    .queue_lifetime = UINT64_C(30) * 86400,
    .bounce_lifetime = UINT64_C(30) * 86400,
    .route = ROUTE,
    .policy = "",
    .undo = "unix:postshift/undo.sock",
    .domains = domains,
    .domain_count = 2,
};

/* Whether the plan has a step that begins so, and what it says behind that. */
static const char *
find(const struct setup_plan *plan, const char *flag, const char *begin)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct setup_step *step = &plan->steps[i];

        if (step->flag != NULL && strcmp(step->flag, flag) == 0 &&
            strncmp(step->argument, begin, strlen(begin)) == 0)
            return step->argument + strlen(begin);
    }
    return NULL;
}

static const char *
wanted_maps(const char *main_cf, const char *cleanup, enum setup_want want,
    struct arena *arena, struct setup_plan *plan)
{
    struct setup_facts facts = plain;
    struct error error;

    facts.main_cf = span_of(main_cf);
    facts.services = span_of(arena_printf(arena, BASE "%s", cleanup));
    assert_true(setup_plan_make(plan, want, &facts, arena, &error));
    return find(plan, "-P", "cleanup/unix/recipient_bcc_maps=");
}

#define OURS "inline:{@example.com=" UNDO ",@example.net=" UNDO "}"

static void
copies_stand_behind_the_sites_own(void **state)
{
    static const struct {
        const char *what;
        const char *main_cf;
        const char *cleanup; /* its arguments */
        const char *applied; /* NULL: nothing to do */
        const char *removed; /* "-PX" drops it; NULL: nothing to do */
    } rows[] = {
        {"a site without copies", "", "", OURS, NULL},
        {"its own in main.cf", "recipient_bcc_maps = hash:/b\n", "", "hash:/b, " OURS,
            NULL},
        {"its own in master.cf", "recipient_bcc_maps = hash:/b\n",
            " -o recipient_bcc_maps=hash:/m", "hash:/m, " OURS, NULL},
        {"ours", "", " -o recipient_bcc_maps=" OURS, NULL, "-PX"},
        {"ours with theirs", "recipient_bcc_maps = hash:/b\n",
            " -o { recipient_bcc_maps = hash:/b, " OURS " }", NULL, "-PX"},
        {"theirs has changed since", "recipient_bcc_maps = hash:/c\n",
            " -o { recipient_bcc_maps = hash:/b, " OURS " }", "hash:/c, " OURS,
            "hash:/b"},
        {"a domain more", "", " -o recipient_bcc_maps=inline:{@example.com=" UNDO "}",
            OURS, "-PX"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena *arena = arena_new(1 << 20);
        struct setup_plan plan;
        const char *cleanup =
            arena_printf(arena, "cleanup unix n - y - 0 cleanup%s\n", rows[i].cleanup);
        const char *said =
            wanted_maps(rows[i].main_cf, cleanup, SETUP_APPLY, arena, &plan);

        print_message("# %s\n", rows[i].what);
        assert_int_equal(said == NULL, rows[i].applied == NULL);
        if (said != NULL)
            assert_string_equal(said, rows[i].applied);
        assert_non_null(find(&plan, "-M", "cutover-undo/unix="));
        said = wanted_maps(rows[i].main_cf, cleanup, SETUP_REMOVE, arena, &plan);
        if (rows[i].removed != NULL && strcmp(rows[i].removed, "-PX") == 0)
            assert_non_null(find(&plan, "-PX", "cleanup/unix/recipient_bcc_maps"));
        else if (rows[i].removed != NULL)
            assert_string_equal(said, rows[i].removed);
        else
            assert_null(said);
        arena_free(arena);
    }
}

static void
the_copy_is_routed_behind_policyd(void **state)
{
    static const char maps[] = "socketmap:" ROUTE ":transport, "
                               "inline:{" UNDO "=cutover-undo:unix:postshift/undo.sock}";
    struct arena *arena = arena_new(1 << 20);
    struct setup_facts facts = plain;
    struct setup_plan plan;
    struct error error;
    const char *entry;

    (void)state;
    facts.services = SPAN(BASE "cleanup unix n - y - 0 cleanup\n");
    assert_true(setup_plan_make(&plan, SETUP_APPLY, &facts, arena, &error));
    entry = find(&plan, "-M", "rewrite-cutover/unix=");
    assert_non_null(entry);
    assert_non_null(strstr(entry, maps));
    facts.main_cf = SPAN("transport_maps = hash:/t\n");
    facts.services = span_of(arena_printf(arena,
        BASE "cleanup unix n - y - 0 cleanup\nrewrite-cutover unix - - y - - "
             "trivial-rewrite -o { transport_maps = %s, hash:/t }\n",
        maps));
    assert_true(setup_plan_make(&plan, SETUP_APPLY, &facts, arena, &error));
    assert_null(find(&plan, "-M", "rewrite-cutover/unix="));
    assert_false(plan.maps_changed);
    assert_string_equal(plan.maps_copy, "hash:/t");
    arena_free(arena);
}

static bool
has_note(const struct setup_plan *plan, const char *part)
{
    for (size_t i = 0; i < plan->note_count; i++) {
        if (strstr(plan->notes[i], part) != NULL)
            return true;
    }
    return false;
}

static void
goes_where_undo_is_off(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    struct setup_facts facts = plain;
    struct setup_plan plan;
    struct error error;

    (void)state;
    facts.services =
        SPAN(BASE "cleanup unix n - y - 0 cleanup -o recipient_bcc_maps=" OURS
                  "\ncutover-undo unix - - y - - lmtp\n");
    facts.undo = "";
    assert_true(setup_plan_make(&plan, SETUP_APPLY, &facts, arena, &error));
    assert_non_null(find(&plan, "-PX", "cleanup/unix/recipient_bcc_maps"));
    assert_non_null(find(&plan, "-MX", "cutover-undo/unix"));
    facts.undo = plain.undo;
    assert_true(setup_plan_make(&plan, SETUP_OFF, &facts, arena, &error));
    assert_non_null(find(&plan, "-PX", "cleanup/unix/recipient_bcc_maps"));
    assert_null(find(&plan, "-MX", "cutover-undo/unix"));
    /* A FILTER would take the copy along. */
    facts.by_filter = true;
    facts.policy = "unix:postshift/policy.sock";
    assert_true(setup_plan_make(&plan, SETUP_APPLY, &facts, arena, &error));
    assert_non_null(find(&plan, "-MX", "cutover-undo/unix"));
    assert_true(has_note(&plan, "undo is set and not wired"));
    facts.undo = "";
    assert_true(setup_plan_make(&plan, SETUP_APPLY, &facts, arena, &error));
    assert_false(has_note(&plan, "undo is set and not wired"));
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_stand_behind_the_sites_own),
        cmocka_unit_test(the_copy_is_routed_behind_policyd),
        cmocka_unit_test(goes_where_undo_is_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
