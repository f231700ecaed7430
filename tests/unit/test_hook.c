/*
 * A program of the site's: what it is given, what is kept of it, and that it ends.
 */
#include "tests/unit/unit.h"

#include "policyd/cutover/hook.h"
#include "policyd/cutover/hook_check.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GUARD_SECONDS = 60, PATH_ROOM = 300 };

struct run {
    struct event_base *base;
    struct hook_result result;
    unsigned ends;
};

static char folder[100];

static void
ended(void *argument, const struct hook_result *result)
{
    struct run *run = argument;

    run->result = *result;
    run->ends++;
    (void)event_base_loopbreak(run->base);
}

static const char *
script(const char *name, const char *body)
{
    static char path[PATH_ROOM];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "w");
    assert_non_null(file);
    (void)fprintf(file, "#!/bin/sh\ncd %s\n%s\n", folder, body);
    (void)fclose(file);
    assert_int_equal(chmod(path, 0700), 0);
    return path;
}

static void
run_for(struct run *run, struct hook *hook)
{
    const struct timeval guard = {GUARD_SECONDS, 0};

    assert_non_null(hook);
    (void)event_base_loopexit(run->base, &guard);
    while (run->ends == 0 && !event_base_got_exit(run->base))
        (void)event_base_loop(run->base, EVLOOP_ONCE);
    assert_int_equal(run->ends, 1);
}

static void
run_script(struct run *run, const char *body, struct span input, uint64_t limit_ms)
{
    const struct hook_order order = {
        .path = script("hook", body),
        .kind = "before_advance",
        .domain = "example.com",
        .stage = "2/3",
        .from = "30",
        .to = "70",
        .input = input,
        .limit_ms = limit_ms,
        .grace_ms = 200,
    };
    struct error error = {.text = ""};

    *run = (struct run){.base = event_base_new()};
    run_for(run, hook_start(run->base, &order, ended, run, &error));
    event_base_free(run->base);
}

static char *
content(const char *name)
{
    static char text[4096];
    char path[PATH_ROOM];
    FILE *file;
    size_t length;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "r");
    if (file == NULL)
        return NULL;
    length = fread(text, 1, sizeof(text) - 1, file);
    text[length] = '\0';
    (void)fclose(file);
    return text;
}

/* One whose parent is gone may stay as a zombie until somebody takes its answer. */
static bool
is_running(long process)
{
    char path[PATH_ROOM];
    char state = '?';
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/%ld/stat", process);
    file = fopen(path, "r");
    if (file == NULL)
        return false;
    if (fscanf(file, "%*d %*s %c", &state) != 1)
        state = '?';
    (void)fclose(file);
    return state != 'Z' && state != 'X';
}

/* --- tests --- */

static void
ends_well_with_its_note(void **state)
{
    struct run run;

    (void)state;
    run_script(
        &run, "cat > given\necho first\necho note=snapshot-7", SPAN("alice\nbob\n"), 0);
    assert_true(run.result.is_good);
    assert_string_equal(run.result.note, "snapshot-7");
    assert_string_equal(content("given"), "alice\nbob\n");
}

static void
gets_a_clean_environment(void **state)
{
    struct run run;
    const char *seen;

    (void)state;
    (void)setenv("SECRET", "word", 1);
    run_script(&run, "/usr/bin/env > env; ls /proc/self/fd | wc -l > files; pwd > at",
        SPAN(""), 0);
    seen = content("env");
    assert_non_null(seen);
    assert_null(strstr(seen, "SECRET"));
    assert_non_null(strstr(seen, "POSTSHIFT_DOMAIN=example.com\n"));
    assert_non_null(strstr(seen, "POSTSHIFT_KIND=before_advance\n"));
    assert_non_null(strstr(seen, "POSTSHIFT_STAGE=2/3\n"));
    assert_non_null(strstr(seen, "POSTSHIFT_FROM=30\n"));
    assert_non_null(strstr(seen, "POSTSHIFT_TO=70\n"));
    /* Three, and the one by which ls reads the folder. */
    assert_string_equal(content("files"), "4\n");
}

static void
fails_with_its_code(void **state)
{
    struct run run;

    (void)state;
    run_script(&run, "echo note=no; exit 3", SPAN(""), 0);
    assert_false(run.result.is_good);
    assert_string_equal(run.result.text, "exit 3");
    run_script(&run, "kill -9 $$", SPAN(""), 0);
    assert_false(run.result.is_good);
    assert_string_equal(run.result.text, "ended by signal 9");
}

static void
does_not_hang(void **state)
{
    struct run run;
    uint64_t start = clock_now_ms();

    (void)state;
    run_script(&run, "trap '' TERM; while :; do sleep 0.05; done", SPAN(""), 300);
    assert_false(run.result.is_good);
    assert_non_null(strstr(run.result.text, "ended by us"));
    assert_true(clock_now_ms() - start >= 500);
}

static void
prints_megabytes(void **state)
{
    struct run run;

    (void)state;
    run_script(&run,
        "head -c 20000000 /dev/zero | tr '\\0' x; yes | head -n 300000; echo; echo "
        "note=end",
        SPAN(""), 0);
    assert_true(run.result.is_good);
    assert_string_equal(run.result.note, "end");
}

static void
need_not_read(void **state)
{
    struct run run;
    size_t length = 5000000;
    char *input = allocate(length);

    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    memset(input, 'x', length);
    run_script(&run, "exit 0", span_make(input, length), 0);
    assert_true(run.result.is_good);
    run_script(&run, "wc -c > count", span_make(input, length), 0);
    assert_true(run.result.is_good);
    assert_string_equal(content("count"), "5000000\n");
    free(input);
}

static void
leaves_nobody_behind(void **state)
{
    struct run run;
    uint64_t start = clock_now_ms();
    long child;

    (void)state;
    run_script(&run, "sleep 300 & echo $! > child; exit 0", SPAN(""), 0);
    assert_true(run.result.is_good);
    assert_true(clock_now_ms() - start < 30000);
    child = strtol(content("child"), NULL, 10);
    for (int i = 0; i < 3000 && is_running(child); i++)
        (void)usleep(10000);
    assert_false(is_running(child));
}

static void
who_keeps_the_pipe_is_not_waited_for(void **state)
{
    struct run run;
    uint64_t start = clock_now_ms();

    (void)state;
    run_script(
        &run, "setsid sleep 20 & echo $! > child; echo note=out; exit 0", SPAN(""), 0);
    assert_true(run.result.is_good);
    assert_string_equal(run.result.note, "out");
    assert_true(clock_now_ms() - start < 15000);
    (void)kill((pid_t)strtol(content("child"), NULL, 10), SIGKILL);
}

static void
stop_later(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    hook_stop(argument);
}

static void
is_stopped(void **state)
{
    const struct hook_order order = {
        .path = script("hook", "sleep 300"), .kind = "notify"};
    const struct timeval soon = {0, 100000};
    struct error error;
    struct run run = {.base = event_base_new()};
    struct hook *hook = hook_start(run.base, &order, ended, &run, &error);

    (void)state;
    assert_non_null(hook);
    (void)event_base_once(run.base, -1, EV_TIMEOUT, stop_later, hook, &soon);
    run_for(&run, hook);
    assert_true(run.result.was_stopped);
    assert_false(run.result.is_good);
    event_base_free(run.base);
}

static void
ends_with_us(void **state)
{
    const struct hook_order order = {
        .path =
            script("hook", "trap '' TERM; echo $$ > own; while :; do sleep 0.05; done"),
        .kind = "notify"};
    struct error error;
    struct run run = {.base = event_base_new()};
    struct hook *hook = hook_start(run.base, &order, ended, &run, &error);
    const char *own = NULL;

    (void)state;
    assert_non_null(hook);
    for (int i = 0; i < 1000 && (own == NULL || own[0] == '\0'); i++) {
        (void)usleep(10000);
        own = content("own");
    }
    assert_non_null(own);
    hook_free(hook);
    assert_int_equal(kill((pid_t)strtol(own, NULL, 10), 0), -1);
    assert_int_equal(errno, ESRCH);
    assert_int_equal(run.ends, 0);
    event_base_free(run.base);
}

static void
only_what_root_alone_may_write(void **state)
{
    char found[PATH_MAX];
    struct error error = {.text = ""};
    char other[PATH_ROOM];
    const char *path = script("other", "exit 0");

    (void)state;
    assert_true(hook_check(path, found, &error));
    (void)chmod(path, 0722);
    assert_false(hook_check(path, found, &error));
    assert_non_null(strstr(error.text, "may be written by others"));
    (void)chmod(path, 0600);
    assert_false(hook_check(path, found, &error));
    assert_non_null(strstr(error.text, "can't be executed"));
    (void)chmod(path, 0700);
    if (chown(path, 65534, 0) == 0) {
        assert_false(hook_check(path, found, &error));
        assert_non_null(strstr(error.text, "does not belong to root"));
        assert_int_equal(chown(path, 0, 0), 0);
    }
    /* By a link, and below a folder that others may write. */
    (void)snprintf(other, sizeof(other), "%s/link", folder);
    assert_int_equal(symlink(path, other), 0);
    assert_true(hook_check(other, found, &error));
    (void)chmod(folder, 0777);
    assert_false(hook_check(other, found, &error));
    (void)chmod(folder, 0700);
    assert_false(hook_check("bin/true", found, &error));
    assert_non_null(strstr(error.text, "no absolute path"));
    assert_false(hook_check("/nowhere/at/all", found, &error));
    assert_false(hook_check(folder, found, &error));
}

static int
make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/test_hook.XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int
remove_folder(void **state)
{
    static const char *const names[] = {
        "hook", "other", "link", "given", "env", "files", "at", "count", "child", "own"};
    char path[PATH_ROOM];

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    return rmdir(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_well_with_its_note),
        cmocka_unit_test(gets_a_clean_environment),
        cmocka_unit_test(fails_with_its_code),
        cmocka_unit_test(does_not_hang),
        cmocka_unit_test(prints_megabytes),
        cmocka_unit_test(need_not_read),
        cmocka_unit_test(leaves_nobody_behind),
        cmocka_unit_test(who_keeps_the_pipe_is_not_waited_for),
        cmocka_unit_test(is_stopped),
        cmocka_unit_test(ends_with_us),
        cmocka_unit_test(only_what_root_alone_may_write),
    };

    if (geteuid() != 0)
        return 0; /* nobody else owns a hook */
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
