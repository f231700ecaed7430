#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "policyd/store/override.h"
#include "shared/service/log.h"

struct site {
    char folder[64];
    char file[128];
    char other[128];
    struct event_base *base;
    struct override *override;
    unsigned calls;
    size_t count;
    bool unclear;
    struct override_entry entry; /* the first one */
};

static void
was_changed(
    void *argument, const struct override_entry *entries, size_t count, bool unclear)
{
    struct site *site = argument;

    site->calls++;
    site->count = count;
    site->unclear = unclear;
    if (count > 0)
        site->entry = entries[0];
}

static void
write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void
site_open(struct site *site, const char *text)
{
    memset(site, 0, sizeof(*site));
    log_set_level(LOG_LEVEL_ERROR);
    snprintf(site->folder, sizeof(site->folder), "/tmp/test_override.XXXXXX");
    assert_non_null(mkdtemp(site->folder));
    snprintf(site->file, sizeof(site->file), "%s/override", site->folder);
    snprintf(site->other, sizeof(site->other), "%s/other", site->folder);
    if (text != NULL)
        write_text(site->file, text);
    site->base = event_base_new();
    site->override = override_watch(site->base, site->file, was_changed, site);
}

static void
site_close(struct site *site)
{
    override_free(site->override);
    event_base_free(site->base);
    unlink(site->file);
    unlink(site->other);
    rmdir(site->folder);
}

/* False: nothing was told within the time. */
static bool
is_told(struct site *site, unsigned calls, int milliseconds)
{
    for (int i = 0; i < milliseconds && site->calls < calls; i++) {
        struct timeval turn = {0, 1000};

        event_base_loopexit(site->base, &turn);
        event_base_dispatch(site->base);
    }
    return site->calls >= calls;
}

static void
it_is_read_at_start(void **state)
{
    struct site site;

    (void)state;
    site_open(&site, "Example.COM weight=0\n");
    assert_int_equal(site.calls, 1);
    assert_int_equal(site.count, 1);
    assert_string_equal(site.entry.domain, "example.com");
    assert_true(site.entry.override.has_weight);
    assert_int_equal(override_count(site.override), 1);
    site_close(&site);

    site_open(&site, NULL);
    assert_int_equal(site.calls, 1);
    assert_int_equal(site.count, 0);
    site_close(&site);
}

static void
changes_are_told(void **state)
{
    struct site site;

    (void)state;
    site_open(&site, NULL);
    write_text(site.file, "example.com weight=0\n");
    assert_true(is_told(&site, 2, 2000));
    assert_int_equal(site.entry.override.weight, 0);
    write_text(site.other, "example.com weight=5\n");
    assert_int_equal(rename(site.other, site.file), 0);
    assert_true(is_told(&site, 3, 2000));
    assert_int_equal(site.entry.override.weight, 500);
    /* The same text again is no change, nor is another file. */
    write_text(site.file, "example.com weight=5\n");
    write_text(site.other, "example.com weight=6\n");
    assert_false(is_told(&site, 4, 100));
    write_text(site.file, "example.com weight=7\nexample.com nonsense\n");
    assert_true(is_told(&site, 4, 2000));
    assert_int_equal(site.entry.override.weight, 700);
    assert_int_equal(override_bad_lines(site.override), 1);
    unlink(site.file);
    assert_true(is_told(&site, 5, 2000));
    assert_int_equal(site.count, 0);
    site_close(&site);
}

static void
what_is_half_written_is_not_read(void **state)
{
    struct site site;
    FILE *file;

    (void)state;
    site_open(&site, NULL);
    file = fopen(site.file, "w");
    assert_true(fputs("example.com weight=1", file) >= 0);
    assert_int_equal(fflush(file), 0);
    /* Another file in the folder is no reason to look. */
    write_text(site.other, "x\n");
    assert_false(is_told(&site, 2, 100));
    assert_true(fputs("00\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_true(is_told(&site, 2, 2000));
    assert_int_equal(site.entry.override.weight, 10000);
    site_close(&site);
}

static void
what_can_not_be_read_stays_in_force(void **state)
{
    struct site site;

    (void)state;
    site_open(&site, "example.com weight=0\n");
    unlink(site.file);
    assert_int_equal(mkdir(site.file, 0700), 0);
    (void)is_told(&site, 3, 200);
    assert_int_not_equal(strlen(override_trouble(site.override)), 0);
    assert_int_equal(rmdir(site.file), 0);
    write_text(site.file, "example.com weight=9\n");
    for (int i = 0; i < 2000 && site.entry.override.weight != 900; i++)
        (void)is_told(&site, site.calls + 1, 1);
    assert_int_equal(site.entry.override.weight, 900);
    assert_string_equal(override_trouble(site.override), "");
    site_close(&site);
}

/* Then nothing is known of what it said before. */
static void
what_can_not_be_read_at_start_is_unclear(void **state)
{
    struct site site;

    (void)state;
    site_open(&site, "example.com weigth=0\nexample.net weight=5\n");
    assert_int_equal(site.count, 2);
    assert_false(site.unclear);
    assert_int_equal(site.entry.override.weight, 500);
    write_text(site.file, "example.com mode=odl\n");
    assert_true(is_told(&site, 2, 2000));
    assert_int_equal(site.count, 1);
    assert_string_equal(site.entry.domain, "example.com");
    assert_true(site.entry.override.unclear);
    write_text(site.file, "example.com mode=old\n");
    assert_true(is_told(&site, 3, 2000));
    assert_false(site.entry.override.unclear);
    site_close(&site);

    site_open(&site, "example.com weight=0\n= nonsense\n");
    assert_true(site.unclear);
    assert_int_equal(site.count, 1);
    write_text(site.file, "example.com weight=0\n");
    assert_true(is_told(&site, 2, 2000));
    assert_false(site.unclear);
    /* Later on a line that names nobody is no reason to stop all. */
    write_text(site.file, "example.com weight=0\n= nonsense\n");
    assert_true(is_told(&site, 3, 2000));
    assert_false(site.unclear);
    site_close(&site);
}

static void
a_file_that_can_not_be_opened_at_start_stops_all(void **state)
{
    struct site site;

    (void)state;
    site_open(&site, NULL);
    override_free(site.override);
    assert_int_equal(mkdir(site.file, 0700), 0);
    site.calls = 0;
    site.override = override_watch(site.base, site.file, was_changed, &site);
    assert_int_equal(site.calls, 1);
    assert_true(site.unclear);
    assert_int_equal(rmdir(site.file), 0);
    assert_true(is_told(&site, 2, 12000));
    assert_false(site.unclear);
    site_close(&site);
}

static void
a_link_to_elsewhere_is_looked_at(void **state)
{
    struct site site;
    char target[128];

    (void)state;
    site_open(&site, NULL);
    snprintf(target, sizeof(target), "%s.target", site.folder);
    write_text(target, "example.com weight=1\n");
    assert_int_equal(symlink(target, site.file), 0);
    assert_true(is_told(&site, 2, 2000));
    assert_int_equal(site.entry.override.weight, 100);
    write_text(target, "example.com weight=2\n");
    assert_true(is_told(&site, 3, 12000));
    assert_int_equal(site.entry.override.weight, 200);
    unlink(target);
    site_close(&site);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_read_at_start),
        cmocka_unit_test(changes_are_told),
        cmocka_unit_test(what_is_half_written_is_not_read),
        cmocka_unit_test(what_can_not_be_read_stays_in_force),
        cmocka_unit_test(what_can_not_be_read_at_start_is_unclear),
        cmocka_unit_test(a_file_that_can_not_be_opened_at_start_stops_all),
        cmocka_unit_test(a_link_to_elsewhere_is_looked_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
