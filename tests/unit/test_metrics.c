/*
 * What Prometheus reads.
 */
#include "tests/unit/unit.h"

#include "shared/base/attributes.h"
#include "shared/service/metrics.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define VALUES(...) ((const char *const[]){__VA_ARGS__})

static const double bounds[] = {0.005, 0.1, 1, 0};

static const struct metrics_family families[] = {
    {"policyd_requests_total", "Requests answered.", METRICS_COUNTER,
        {"listener", "answer"}, NULL},
    {"redis_up", "Whether Redis answers.", METRICS_GAUGE, {NULL}, NULL},
    {"policyd_request_duration_seconds", "Time to an answer.", METRICS_HISTOGRAM,
        {"listener"}, bounds},
    {"dns_query_duration_seconds", "Time to an answer.", METRICS_HISTOGRAM, {NULL},
        bounds},
    {"domain_weight_ratio", "Weight.", METRICS_GAUGE, {"domain"}, NULL},
    {"deliveries_total", "Deliveries.", METRICS_COUNTER, {"domain", "outcome"}, NULL},
};

static const char *
write_all(struct metrics *metrics, struct buffer *out)
{
    buffer_init(out, 4 << 20);
    metrics_write(metrics, out);
    assert_true(buffer_ok(out));
    return buffer_text(out);
}

static bool
has_line(const struct buffer *out, const char *wanted)
{
    struct span rest = buffer_span(out);
    struct span line;

    while (span_split(&rest, '\n', &line)) {
        if (span_is(line, wanted))
            return true;
    }
    return false;
}

static size_t
count_of(const struct buffer *out, const char *text)
{
    struct span rest = buffer_span(out);
    size_t count = 0;
    size_t at;

    while ((at = span_find_text(rest, span_of(text))) != SPAN_NONE) {
        rest = span_from(rest, at + 1);
        count++;
    }
    return count;
}

static void
writes_help_type_and_series(void **state)
{
    struct metrics *metrics =
        metrics_new("postshift-x", families, ARRAY_LENGTH(families));
    struct buffer out;

    (void)state;
    metrics_add(
        metrics_series(metrics, "policyd_requests_total", VALUES("policy", "DUNNO")), 3);
    (void)metrics_series(metrics, "policyd_requests_total", VALUES("route", "OK"));
    metrics_set(metrics_series(metrics, "domain_weight_ratio", VALUES("a.example")), 0.3);
    write_all(metrics, &out);
    assert_true(
        has_line(&out, "# HELP postshift_policyd_requests_total Requests answered."));
    assert_true(has_line(&out, "# TYPE postshift_policyd_requests_total counter"));
    assert_true(has_line(&out,
        "postshift_policyd_requests_total{listener=\"policy\",answer=\"DUNNO\"} 3"));
    assert_true(has_line(
        &out, "postshift_policyd_requests_total{listener=\"route\",answer=\"OK\"} 0"));
    assert_true(has_line(&out, "postshift_redis_up 0"));
    assert_true(
        has_line(&out, "postshift_domain_weight_ratio{domain=\"a.example\"} 0.3"));
    assert_true(has_line(&out, "postshift_dns_query_duration_seconds_count 0"));
    assert_true(
        has_line(&out, "# TYPE postshift_policyd_request_duration_seconds histogram"));
    assert_true(has_line(&out,
        "postshift_build_info{program=\"postshift-x\",version=\"" POSTSHIFT_VERSION
        "\"} 1"));
    buffer_clear(&out);
    metrics_free(metrics);
    metrics_free(NULL);
}

static void
counts_into_cumulative_buckets(void **state)
{
    static const double seen[] = {0.001, 0.005, 0.0050001, 0.1, 0.5, 1, 1.5, 100};
    struct metrics *metrics =
        metrics_new("postshift-x", families, ARRAY_LENGTH(families));
    struct metrics_series *series =
        metrics_series(metrics, "policyd_request_duration_seconds", VALUES("policy"));
    static const char *const wanted[] = {"_bucket{listener=\"policy\",le=\"0.005\"} 2",
        "_bucket{listener=\"policy\",le=\"0.1\"} 4",
        "_bucket{listener=\"policy\",le=\"1\"} 6",
        "_bucket{listener=\"policy\",le=\"+Inf\"} 8", "_count{listener=\"policy\"} 8"};
    struct buffer out;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(seen); i++)
        metrics_observe(series, seen[i]);
    write_all(metrics, &out);
    for (size_t i = 0; i < ARRAY_LENGTH(wanted); i++) {
        char line[200];

        (void)snprintf(line, sizeof(line), "postshift_policyd_request_duration_seconds%s",
            wanted[i]);
        assert_true(has_line(&out, line));
    }
    assert_true(fabs(metrics_value(series) - 103.1110001) < 1e-9);
    buffer_clear(&out);
    metrics_free(metrics);
}

static void
escapes_label_values(void **state)
{
    struct metrics *metrics =
        metrics_new("postshift-x", families, ARRAY_LENGTH(families));
    struct buffer out;

    (void)state;
    (void)metrics_series(
        metrics, "domain_weight_ratio", VALUES("a\"b\\c\nd\xff\xc3\xa4"));
    write_all(metrics, &out);
    assert_true(has_line(&out, "postshift_domain_weight_ratio{domain=\"a\\\"b\\\\c\\nd"
                               "\xef\xbf\xbd\xc3\xa4\"} 0"));
    buffer_clear(&out);
    metrics_free(metrics);
}

static void
bounds_the_series_of_a_family(void **state)
{
    struct metrics *metrics =
        metrics_new("postshift-x", families, ARRAY_LENGTH(families));
    char huge[8192];
    struct buffer out;

    (void)state;
    for (int i = 0; i < 1500; i++) {
        char listener[32];

        (void)snprintf(listener, sizeof(listener), "l%d", i);
        metrics_add(
            metrics_series(metrics, "policyd_requests_total", VALUES(listener, "OK")), 1);
    }
    memset(huge, 'x', sizeof(huge) - 1);
    huge[sizeof(huge) - 1] = '\0';
    metrics_add(metrics_series(metrics, "policyd_requests_total", VALUES(huge, "OK")), 1);
    write_all(metrics, &out);
    assert_int_equal(count_of(&out, "postshift_policyd_requests_total{"), 1001);
    assert_true(has_line(&out,
        "postshift_policyd_requests_total{listener=\"other\",answer=\"other\"} 501"));
    buffer_clear(&out);
    metrics_free(metrics);
}

static void
bounds_the_domains_of_a_family(void **state)
{
    struct metrics *metrics =
        metrics_new("postshift-x", families, ARRAY_LENGTH(families));
    char domain[32];
    struct buffer out;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(domain, sizeof(domain), "d%d.example", i % 250);
        metrics_add(metrics_series(metrics, "deliveries_total", VALUES(domain, "ok")), 1);
    }
    metrics_add(
        metrics_series(metrics, "deliveries_total", VALUES("d249.example", "fail")), 1);
    write_all(metrics, &out);
    assert_int_equal(count_of(&out, "postshift_deliveries_total{"), 202);
    assert_true(has_line(
        &out, "postshift_deliveries_total{domain=\"d7.example\",outcome=\"ok\"} 4"));
    assert_true(has_line(
        &out, "postshift_deliveries_total{domain=\"other\",outcome=\"ok\"} 200"));
    assert_true(has_line(
        &out, "postshift_deliveries_total{domain=\"other\",outcome=\"fail\"} 1"));
    buffer_clear(&out);
    /* One goes, and makes room for one. */
    metrics_forget(metrics, "deliveries_total", VALUES("d7.example", "ok"));
    metrics_add(
        metrics_series(metrics, "deliveries_total", VALUES("d249.example", "ok")), 1);
    metrics_add(
        metrics_series(metrics, "deliveries_total", VALUES("d7.example", "ok")), 1);
    write_all(metrics, &out);
    assert_true(has_line(
        &out, "postshift_deliveries_total{domain=\"d249.example\",outcome=\"ok\"} 1"));
    assert_true(has_line(
        &out, "postshift_deliveries_total{domain=\"other\",outcome=\"ok\"} 201"));
    assert_int_equal(count_of(&out, "d7.example"), 0);
    buffer_clear(&out);
    metrics_free(metrics);
}

static void
forgets_a_series_and_starts_it_anew(void **state)
{
    struct metrics *metrics =
        metrics_new("postshift-x", families, ARRAY_LENGTH(families));
    struct metrics_series *series =
        metrics_series(metrics, "domain_weight_ratio", VALUES("a.example"));
    struct buffer out;

    (void)state;
    metrics_set(series, 0.7);
    metrics_forget(metrics, "domain_weight_ratio", VALUES("a.example"));
    metrics_forget(metrics, "domain_weight_ratio", VALUES("a.example"));
    metrics_forget(metrics, "domain_weight_ratio", VALUES("b.example"));
    metrics_set(series, 0.8); /* harmless */
    write_all(metrics, &out);
    assert_int_equal(count_of(&out, "a.example"), 0);
    buffer_clear(&out);
    assert_ptr_equal(
        metrics_series(metrics, "domain_weight_ratio", VALUES("a.example")), series);
    write_all(metrics, &out);
    assert_true(has_line(&out, "postshift_domain_weight_ratio{domain=\"a.example\"} 0"));
    buffer_clear(&out);
    metrics_free(metrics);
}

static void
tells_of_the_last_reload(void **state)
{
    struct metrics *metrics = metrics_new("postshift-x", NULL, 0);
    double now = (double)time(NULL);
    struct buffer out;

    (void)state;
    metrics_reloaded(metrics, false);
    write_all(metrics, &out);
    assert_true(has_line(&out, "postshift_config_last_reload_successful 0"));
    buffer_clear(&out);
    metrics_reloaded(metrics, true);
    write_all(metrics, &out);
    assert_true(has_line(&out, "postshift_config_last_reload_successful 1"));
    assert_true(metrics_value(metrics_series(metrics,
                    "config_last_reload_success_timestamp_seconds", NULL)) >= now);
    buffer_clear(&out);
    metrics_free(metrics);
}

static double
number_behind(const struct buffer *out, const char *name)
{
    struct span text = buffer_span(out);
    size_t at = span_find_text(text, span_of(name));

    assert_int_not_equal(at, SPAN_NONE);
    return strtod(span_from(text, at + strlen(name)).data, NULL);
}

static void
tells_of_its_process(void **state)
{
    struct metrics *metrics = metrics_new("postshift-x", NULL, 0);
    double now = (double)time(NULL);
    struct buffer out;
    double before;
    int fd;

    (void)state;
    write_all(metrics, &out);
    before = number_behind(&out, "\nprocess_open_fds ");
    assert_true(number_behind(&out, "\nprocess_cpu_seconds_total ") >= 0);
    assert_true(number_behind(&out, "\nprocess_resident_memory_bytes ") > 100000);
    assert_true(number_behind(&out, "\nprocess_max_fds ") >= before);
    assert_true(fabs(number_behind(&out, "\nprocess_start_time_seconds ") - now) < 300);
    buffer_clear(&out);
    fd = dup(STDERR_FILENO);
    write_all(metrics, &out);
    assert_true(number_behind(&out, "\nprocess_open_fds ") == before + 1);
    (void)close(fd);
    buffer_clear(&out);
    metrics_free(metrics);
}

static void
set_gauge(void *argument)
{
    metrics_set(argument, metrics_value(argument) + 1);
}

static void
asks_before_each_writing(void **state)
{
    struct metrics *metrics =
        metrics_new("postshift-x", families, ARRAY_LENGTH(families));
    struct buffer out;

    (void)state;
    metrics_on_write(metrics, set_gauge, metrics_series(metrics, "redis_up", NULL));
    write_all(metrics, &out);
    assert_true(has_line(&out, "postshift_redis_up 1"));
    buffer_clear(&out);
    write_all(metrics, &out);
    assert_true(has_line(&out, "postshift_redis_up 2"));
    buffer_clear(&out);
    metrics_free(metrics);
}

static void
sees_what_forked_processes_count(void **state)
{
    struct metrics *metrics =
        metrics_new_shared("postshift-x", families, ARRAY_LENGTH(families));
    struct metrics_series *requests =
        metrics_series(metrics, "policyd_requests_total", VALUES("l", "a"));
    struct metrics_series *time =
        metrics_series(metrics, "dns_query_duration_seconds", NULL);
    struct buffer out;
    pid_t children[4];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(children); i++) {
        children[i] = fork();
        if (children[i] == 0) {
            for (int n = 0; n < 5000; n++) {
                metrics_add(requests, 1);
                metrics_observe(time, 0.5);
            }
            /* One made after the fork is this process's alone. */
            metrics_add(
                metrics_series(metrics, "policyd_requests_total", VALUES("l", "late")),
                1);
            _exit(0);
        }
    }
    for (size_t i = 0; i < ARRAY_LENGTH(children); i++) {
        int status;

        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    write_all(metrics, &out);
    assert_true(has_line(
        &out, "postshift_policyd_requests_total{listener=\"l\",answer=\"a\"} 20000"));
    assert_true(has_line(&out, "postshift_dns_query_duration_seconds_count 20000"));
    assert_int_equal(count_of(&out, "late"), 0);
    buffer_clear(&out);
    metrics_free(metrics);
}

enum { THREADS = 4, ROUNDS = 20000 };

static void *
count_many(void *argument)
{
    struct metrics *metrics = argument;
    struct metrics_series *time =
        metrics_series(metrics, "dns_query_duration_seconds", NULL);

    for (int i = 0; i < ROUNDS; i++) {
        metrics_observe(time, 0.5);
        if (i % 100 == 0)
            metrics_add(metrics_series(metrics, "policyd_requests_total",
                            VALUES("l", i % 200 == 0 ? "a" : "b")),
                1);
    }
    return NULL;
}

static void
loses_no_count_between_threads(void **state)
{
    struct metrics *metrics =
        metrics_new("postshift-x", families, ARRAY_LENGTH(families));
    pthread_t threads[THREADS];
    struct buffer out;

    (void)state;
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_many, metrics), 0);
    write_all(metrics, &out);
    buffer_clear(&out);
    for (size_t i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    write_all(metrics, &out);
    assert_true(has_line(&out, "postshift_dns_query_duration_seconds_count 80000"));
    assert_true(has_line(&out, "postshift_dns_query_duration_seconds_sum 40000"));
    assert_true(has_line(
        &out, "postshift_policyd_requests_total{listener=\"l\",answer=\"a\"} 400"));
    buffer_clear(&out);
    metrics_free(metrics);
}

/* Exit code of `promtool check metrics` on the text, and what it had to say. */
static int
ask_promtool(struct span text, char *said, size_t size)
{
    FILE *file = tmpfile();
    int ends[2];
    ssize_t length;
    pid_t child;
    int status;

    assert_non_null(file);
    assert_int_equal(fwrite(text.data, 1, text.length, file), text.length);
    assert_int_equal(fflush(file), 0);
    rewind(file);
    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        (void)dup2(fileno(file), STDIN_FILENO);
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)dup2(ends[1], STDERR_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
        (void)execlp("promtool", "promtool", "check", "metrics", (char *)NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    length = read(ends[0], said, size - 1);
    said[length < 0 ? 0 : length] = '\0';
    assert_int_equal(waitpid(child, &status, 0), child);
    (void)close(ends[0]);
    (void)fclose(file);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
leaves_promtool_silent(void **state)
{
    struct metrics *metrics =
        metrics_new("postshift-x", families, ARRAY_LENGTH(families));
    struct buffer out;
    char said[1000];

    (void)state;
    (void)metrics_series(metrics, "policyd_requests_total", VALUES("\xff\"\n\\", ""));
    metrics_observe(
        metrics_series(metrics, "policyd_request_duration_seconds", VALUES("policy")), 2);
    metrics_set(metrics_series(metrics, "domain_weight_ratio", VALUES("a")), NAN);
    metrics_set(metrics_series(metrics, "domain_weight_ratio", VALUES("b")), INFINITY);
    metrics_set(metrics_series(metrics, "domain_weight_ratio", VALUES("c")), -INFINITY);
    write_all(metrics, &out);
    assert_int_equal(ask_promtool(buffer_span(&out), said, sizeof(said)), 0);
    assert_string_equal(said, "");
    assert_int_not_equal(
        ask_promtool(SPAN("# TYPE a_total gauge\na_total 1\n"), said, sizeof(said)), 0);
    assert_string_not_equal(said, "");
    buffer_clear(&out);
    metrics_free(metrics);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_help_type_and_series),
        cmocka_unit_test(counts_into_cumulative_buckets),
        cmocka_unit_test(escapes_label_values),
        cmocka_unit_test(bounds_the_series_of_a_family),
        cmocka_unit_test(bounds_the_domains_of_a_family),
        cmocka_unit_test(forgets_a_series_and_starts_it_anew),
        cmocka_unit_test(tells_of_the_last_reload),
        cmocka_unit_test(tells_of_its_process),
        cmocka_unit_test(asks_before_each_writing),
        cmocka_unit_test(sees_what_forked_processes_count),
        cmocka_unit_test(loses_no_count_between_threads),
        cmocka_unit_test(leaves_promtool_silent),
    };

    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
