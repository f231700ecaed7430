#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "policyd/store/snapshot.h"
#include "policyd/store/snapshot_file.h"
#include "policyd/store/state_record.h"
#include "shared/service/log.h"

static const struct replica_rules rules;

struct site {
    char folder[64];
    char file[128];
    struct event_base *base;
    struct snapshot *snapshot;
    struct replica *replica;
    unsigned given;
};

static const struct replica *
give(void *argument, struct snapshot_extra *extra)
{
    struct site *site = argument;

    site->given++;
    *extra = (struct snapshot_extra){true, 1234, time(NULL)};
    return site->replica;
}

static void
site_open(struct site *site)
{
    memset(site, 0, sizeof(*site));
    log_set_level(LOG_LEVEL_ERROR);
    snprintf(site->folder, sizeof(site->folder), "/tmp/test_snapshot.XXXXXX");
    assert_non_null(mkdtemp(site->folder));
    snprintf(site->file, sizeof(site->file), "%s/snapshot", site->folder);
    site->base = event_base_new();
    site->replica = replica_new();
    replica_put_domain(site->replica, SPAN("example.com"), NULL, 7);
    site->snapshot = snapshot_new(site->base, site->file, give, site);
}

static void
unlink_states(const struct site *site)
{
    char states[160];

    snprintf(states, sizeof(states), "%s.states", site->file);
    unlink(states);
}

static void
site_close(struct site *site)
{
    char temporary[160];

    snapshot_free(site->snapshot);
    replica_free(site->replica);
    event_base_free(site->base);
    snprintf(temporary, sizeof(temporary), "%s.new", site->file);
    assert_int_not_equal(access(temporary, F_OK), 0);
    unlink(site->file);
    unlink_states(site);
    assert_int_equal(rmdir(site->folder), 0);
}

static void
run_for(struct site *site, int milliseconds)
{
    struct timeval time = {milliseconds / 1000, milliseconds % 1000 * 1000};

    event_base_loopexit(site->base, &time);
    event_base_dispatch(site->base);
}

static void
wait_for_writes(struct site *site, uint64_t writes)
{
    for (int i = 0; i < 500 && snapshot_writes(site->snapshot) < writes; i++)
        run_for(site, 10);
    assert_int_equal(snapshot_writes(site->snapshot), writes);
}

/* How many pins the file has; -1: it can't be read. */
static int
pins_in_file(struct site *site)
{
    struct snapshot_extra extra;
    struct error error;
    struct replica *replica = snapshot_file_read(site->file, &rules, &extra, &error);
    int count;

    if (replica == NULL)
        return -1;
    assert_int_equal(extra.accepted, 1234);
    count = (int)replica_count(replica, REPLICA_PIN);
    replica_free(replica);
    return count;
}

static void
changes_are_written_at_most_once_a_second(void **state)
{
    struct site site;
    char name[32];

    (void)state;
    site_open(&site);
    assert_int_equal(pins_in_file(&site), -1);
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof(name), "user%d@example.com", i);
        replica_put_pin(site.replica, span_of(name), PIN_NEW, 0);
        snapshot_touch(site.snapshot);
        run_for(&site, 10);
    }
    assert_int_equal(site.given, 1);
    wait_for_writes(&site, 2);
    assert_int_equal(pins_in_file(&site), 50);
    assert_true(snapshot_written(site.snapshot) >= time(NULL) - 5);
    run_for(&site, 1200);
    assert_int_equal(site.given, 2);
    site_close(&site);
}

static void
the_end_writes_what_is_left(void **state)
{
    struct site site;

    (void)state;
    site_open(&site);
    snapshot_touch(site.snapshot);
    wait_for_writes(&site, 1);
    replica_put_pin(site.replica, SPAN("a@example.com"), PIN_NEW, 0);
    snapshot_touch(site.snapshot);
    snapshot_free(site.snapshot);
    site.snapshot = NULL;
    assert_int_equal(pins_in_file(&site), 1);
    site_close(&site);
}

static void
a_failure_is_counted_and_leaves_the_file(void **state)
{
    struct site site;
    char text[400];

    (void)state;
    site_open(&site);
    snapshot_touch(site.snapshot);
    wait_for_writes(&site, 1);
    assert_int_equal(unlink(site.file), 0);
    unlink_states(&site);
    assert_int_equal(rmdir(site.folder), 0);
    snapshot_touch(site.snapshot);
    for (int i = 0; i < 500 && snapshot_failures(site.snapshot) == 0; i++)
        run_for(&site, 10);
    assert_int_equal(snapshot_failures(site.snapshot), 1);
    assert_int_equal(snapshot_writes(site.snapshot), 1);
    assert_true(snapshot_trouble(site.snapshot, text, sizeof(text)));
    assert_non_null(strstr(text, "No such file or directory"));
    assert_non_null(strstr(text, "goes back"));
    assert_int_equal(mkdir(site.folder, 0700), 0);
    site_close(&site);
}

static void
other_files_are_refused(void **state)
{
    struct site site;
    struct snapshot_extra extra;
    struct error error;
    FILE *file;

    (void)state;
    site_open(&site);
    assert_null(snapshot_file_read(site.file, &rules, &extra, &error));
    assert_int_equal(error.kind, ERROR_NONE);
    file = fopen(site.file, "w");
    for (int i = 0; i < 1000000; i++)
        fputs("x", file);
    fclose(file);
    assert_null(snapshot_file_read(site.file, &rules, &extra, &error));
    assert_string_equal(error.text, "not a snapshot");
    assert_null(snapshot_file_read(site.folder, &rules, &extra, &error));
    assert_int_not_equal(error.kind, ERROR_NONE);
    site_close(&site);
}

/* A state whose weight is a number. */
static struct domain_state *
state_of(const char *weight)
{
    const struct domain_field fields[] = {
        {SPAN("weight"), span_of(weight)},
        {SPAN("old"), SPAN("cutover-old:[192.0.2.1]:25")},
        {SPAN("new"), SPAN("cutover-new:[192.0.2.2]:25")},
    };
    struct domain_problem problem;
    struct domain_state *made = domain_state_parse(
        SPAN("example.com"), fields, 3, &rules.state, &problem, NULL, NULL);

    assert_non_null(made);
    return made;
}

static unsigned
weight_read(const struct site *site, int64_t written, bool taken)
{
    struct replica *replica = replica_new();
    struct replica_domain domain = {.state = NULL};
    unsigned weight;

    replica_put_domain(replica, SPAN("example.com"), state_of("100"), 1);
    assert_int_equal(state_record_read(site->file, &rules, replica, &written), taken);
    assert_true(replica_find_domain(replica, SPAN("example.com"), &domain));
    weight = domain.state->weight;
    replica_free(replica);
    return weight;
}

static void
write_weight(struct site *site, const char *weight, int64_t written)
{
    const struct snapshot_extra extra = {.written = written};

    replica_put_domain(site->replica, SPAN("example.com"), state_of(weight), 1);
    assert_int_equal(state_record_write(site->file, site->replica, &extra), 0);
}

static off_t
states_size(const struct site *site)
{
    char states[160];
    struct stat status;

    snprintf(states, sizeof(states), "%s.states", site->file);
    assert_int_equal(stat(states, &status), 0);
    return status.st_size;
}

static void
spoil(const struct site *site, off_t at)
{
    char states[160];
    FILE *file;

    snprintf(states, sizeof(states), "%s.states", site->file);
    file = fopen(states, "r+");
    fseek(file, at, SEEK_SET);
    fputc('#', file);
    fclose(file);
}

static void
states_are_kept_in_place(void **state)
{
    struct site site;
    off_t size;

    (void)state;
    site_open(&site);
    assert_int_equal(weight_read(&site, 0, false), 10000);
    write_weight(&site, "30", 1000);
    size = states_size(&site);
    assert_int_equal(weight_read(&site, 999, true), 3000);
    assert_int_equal(weight_read(&site, 1000, false), 10000);
    for (int i = 1; i < 10; i++) {
        write_weight(&site, i % 2 == 0 ? "20" : "10", 1000 + i);
        assert_int_equal(weight_read(&site, 1000, true), i % 2 == 0 ? 2000 : 1000);
    }
    assert_int_equal(states_size(&site), size);
    site_close(&site);
}

/* A half that was torn doesn't count: the other one does. */
static void
a_torn_half_leaves_the_other(void **state)
{
    struct site site;

    (void)state;
    site_open(&site);
    write_weight(&site, "30", 1000);
    write_weight(&site, "20", 1001);
    assert_int_equal(weight_read(&site, 0, true), 2000);
    spoil(&site, states_size(&site) / 2 + 60);
    assert_int_equal(weight_read(&site, 0, true), 3000);
    spoil(&site, 60);
    assert_int_equal(weight_read(&site, 0, false), 10000);
    write_weight(&site, "40", 1002);
    assert_int_equal(weight_read(&site, 0, true), 4000);
    site_close(&site);
}

static void
more_domains_get_more_room(void **state)
{
    struct site site;
    off_t size;

    (void)state;
    site_open(&site);
    write_weight(&site, "30", 1000);
    size = states_size(&site);
    for (int i = 0; i < 200; i++) {
        char name[40];

        snprintf(name, sizeof(name), "d%d.example", i);
        replica_put_domain(site.replica, span_of(name), state_of("50"), 1);
    }
    write_weight(&site, "60", 1001);
    assert_true(states_size(&site) > size);
    assert_int_equal(weight_read(&site, 0, true), 6000);
    site_close(&site);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_are_written_at_most_once_a_second),
        cmocka_unit_test(the_end_writes_what_is_left),
        cmocka_unit_test(a_failure_is_counted_and_leaves_the_file),
        cmocka_unit_test(states_are_kept_in_place),
        cmocka_unit_test(a_torn_half_leaves_the_other),
        cmocka_unit_test(more_domains_get_more_room),
        cmocka_unit_test(other_files_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
