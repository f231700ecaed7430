#include "policyd/ctl/ctl_fleet.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "policyd/ctl/ctl_books.h"
#include "policyd/ctl/ctl_gateways.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/terminal/shell_word.h"
#include "shared/base/number.h"
#include "shared/service/clock.h"

enum {
    WORDS_MAX = 200,
    SAID_MAX = 4096,
    PIECE = 65536,
    DOCUMENT_ARENA_MAX = 512 << 20,
    WORD_MAX = 65536,
};

/* One gateway's program. */
struct call {
    const char *host;
    pid_t pid; /* 0: it is not there (any more) */
    int out;   /* -1: closed */
    int said;
    struct buffer answer;
    struct buffer error;
    const char *why; /* NULL: nothing is wrong yet */
};

/* --- its words --- */

static bool
is_ssh(struct span command)
{
    struct span word;
    size_t slash;

    if (!span_word(&command, &word))
        return false;
    slash = span_find_last(word, '/');
    return span_is(slash == SPAN_NONE ? word : span_from(word, slash + 1), "ssh");
}

/* A word of the command: %h is the gateway, %% a percent sign. */
static const char *
fill_in(struct arena *arena, struct span word, const char *host)
{
    struct buffer out;
    const char *text;

    buffer_init(&out, WORD_MAX);
    for (size_t i = 0; i < word.length; i++) {
        struct span rest = span_from(word, i);

        if (span_starts(rest, SPAN("%h")))
            buffer_append_text(&out, host);
        else
            buffer_append_octet(&out, word.data[i]);
        if (span_starts(rest, SPAN("%h")) || span_starts(rest, SPAN("%%")))
            i++;
    }
    text = arena_text(arena, buffer_span(&out));
    buffer_clear(&out);
    return text;
}

static const char *
quote(struct arena *arena, const char *word, bool for_a_shell)
{
    struct buffer out;
    const char *text;

    if (!for_a_shell)
        return word;
    buffer_init(&out, WORD_MAX);
    shell_word_write(&out, word);
    text = arena_text(arena, buffer_span(&out));
    buffer_clear(&out);
    return text;
}

static const char *
absolute(struct arena *arena, int64_t milliseconds)
{
    char text[21];

    number_rfc3339_write(milliseconds / 1000, text);
    return arena_text(arena, span_of(text));
}

/* The options of this command line that are the verb's own. */
static size_t
add_options(struct ctl *ctl, bool for_a_shell, const char **words, size_t count)
{
    static const enum ctl_option ours[] = {
        CTL_CONFIG, CTL_DEBUG, CTL_JSON, CTL_HTML, CTL_ALL_GATEWAYS};
    const struct ctl_arguments *arguments = &ctl->arguments;
    int64_t times[2] = {0, 0};

    (void)ctl_books_window(ctl, &times[0], &times[1]);
    for (int i = 0; i < CTL_OPTION_COUNT && count < WORDS_MAX - 3; i++) {
        enum ctl_option option = (enum ctl_option)i;
        const char *value = arguments->values[i];
        bool is_ours = value == NULL;

        for (size_t n = 0; n < sizeof(ours) / sizeof(ours[0]); n++)
            is_ours = is_ours || option == ours[n];
        if (is_ours)
            continue;
        if (option == CTL_SINCE || option == CTL_UNTIL)
            value = absolute(ctl->arena, times[option == CTL_UNTIL]);
        words[count++] = quote(ctl->arena,
            ctl_arguments_value_of(option) == NULL
                ? arena_printf(ctl->arena, "--%s", ctl_arguments_name_of(option))
                : arena_printf(
                      ctl->arena, "--%s=%s", ctl_arguments_name_of(option), value),
            for_a_shell);
    }
    return count;
}

static void
make_words(struct ctl *ctl, const char *host, const char *words[WORDS_MAX])
{
    struct span command = span_of(ctl->config->gateways_command);
    bool for_a_shell = is_ssh(command);
    struct span word;
    size_t count = 0;

    while (count < WORDS_MAX / 2 && span_word(&command, &word))
        words[count++] = fill_in(ctl->arena, word, host);
    words[count++] = ctl->arguments.verb;
    count = add_options(ctl, for_a_shell, words, count);
    words[count++] = "--json";
    words[count] = NULL;
}

/* --- its life --- */

static void
start(struct ctl *ctl, struct call *call)
{
    const char *words[WORDS_MAX] = {NULL};
    char *argv[WORDS_MAX]; /* execve doesn't change them; its type is older than const */
    posix_spawn_file_actions_t actions;
    int out[2] = {-1, -1};
    int said[2] = {-1, -1};
    int failed;

    make_words(ctl, call->host, words);
    memcpy(argv, words, sizeof(argv));
    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(said, O_CLOEXEC) != 0) {
        call->why = "no pipe to its command";
        return;
    }
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(
        &actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    (void)posix_spawn_file_actions_adddup2(&actions, said[1], STDERR_FILENO);
    failed = posix_spawnp(&call->pid, argv[0], &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(out[1]);
    (void)close(said[1]);
    call->out = out[0];
    call->said = said[0];
    if (failed != 0) {
        call->pid = 0;
        call->why = arena_printf(ctl->arena, "%s: %s", words[0], strerror(failed));
    }
}

static void
close_end(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static void
give_up(struct call *call, const char *why)
{
    call->why = why;
    close_end(&call->out);
    close_end(&call->said);
    if (call->pid != 0)
        (void)kill(call->pid, SIGKILL);
}

static void
read_end(struct call *call, int *fd, struct buffer *into)
{
    static char piece[PIECE];
    ssize_t got = read(*fd, piece, sizeof(piece));

    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got <= 0) {
        close_end(fd);
        return;
    }
    if (into == &call->error)
        (void)buffer_append(into,
            span_first(span_make(piece, (size_t)got), into->ceiling - into->length));
    else if (!buffer_append(into, span_make(piece, (size_t)got)))
        give_up(call, "it said more than 64 MB");
}

/* Until all have ended, or time is over. */
static void
collect(struct call *calls, size_t count, uint64_t deadline_ms)
{
    struct pollfd polled[2 * FLEET_GATEWAYS_MAX];

    for (;;) {
        uint64_t now = clock_now_ms();
        bool is_open = false;

        for (size_t i = 0; i < count; i++) {
            polled[2 * i] = (struct pollfd){calls[i].out, POLLIN, 0};
            polled[2 * i + 1] = (struct pollfd){calls[i].said, POLLIN, 0};
            is_open = is_open || calls[i].out >= 0 || calls[i].said >= 0;
        }
        if (!is_open || now >= deadline_ms)
            return;
        if (poll(polled, 2 * count, (int)(deadline_ms - now)) < 0 && errno != EINTR)
            return;
        for (size_t i = 0; i < count; i++) {
            if (calls[i].out >= 0 && polled[2 * i].revents != 0)
                read_end(&calls[i], &calls[i].out, &calls[i].answer);
            if (calls[i].said >= 0 && polled[2 * i + 1].revents != 0)
                read_end(&calls[i], &calls[i].said, &calls[i].error);
        }
    }
}

static void
end(struct ctl *ctl, struct call *call)
{
    struct span said = span_trim(buffer_span(&call->error));
    size_t line = span_find(said, '\n');
    int status = 0;

    if (call->out >= 0 || call->said >= 0)
        give_up(call, arena_printf(ctl->arena, "no answer within %" PRIu64 " s",
                          ctl->config->gateways_timeout_ms / 1000));
    while (call->pid != 0 && waitpid(call->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (call->why != NULL || call->pid == 0)
        return;
    if (WIFSIGNALED(status) || WEXITSTATUS(status) > CTL_NO || call->answer.length == 0)
        call->why = said.length > 0 ? ctl_output_text(ctl->arena, span_first(said, line))
                    : WIFSIGNALED(status)
                        ? arena_printf(ctl->arena, "its command ended by signal %d",
                              WTERMSIG(status))
                        : arena_printf(ctl->arena, "its command ended with exit code %d",
                              WEXITSTATUS(status));
}

/* --- answers --- */

static void
read_answer(struct ctl *ctl, struct call *call, struct fleet_answer *answer)
{
    struct error error;

    *answer = (struct fleet_answer){.host = call->host, .why = call->why};
    if (call->why == NULL) {
        answer->arena = arena_new(DOCUMENT_ARENA_MAX);
        answer->document =
            ctl_json_parse(answer->arena, buffer_span(&call->answer), &error);
        if (answer->document == NULL)
            answer->why = arena_printf(ctl->arena, "its answer is %s",
                ctl_output_text(ctl->arena, span_of(error.text)));
        else if (answer->document->kind != CTL_JSON_OBJECT)
            answer->why = "its answer is no object of JSON";
    }
    if (answer->why != NULL)
        answer->document = NULL;
    buffer_clear(&call->answer);
    buffer_clear(&call->error);
}

static bool
is_usable(const struct ctl_config *config)
{
    struct span command = span_of(config->gateways_command);
    struct span word;

    if (config->gateways.count == 0 || config->gateways.count > FLEET_GATEWAYS_MAX) {
        (void)ctl_output_fail(CTL_USAGE,
            "--all-gateways: [ctl] gateways names %s (1 to %d are to be)",
            config->gateways.count == 0 ? "none" : "too many", FLEET_GATEWAYS_MAX);
        return false;
    }
    for (size_t i = 0; i < config->gateways.count; i++) {
        /* It would be an option of the command's. */
        if (config->gateways.items[i][0] != '-')
            continue;
        (void)ctl_output_fail(CTL_USAGE,
            "--all-gateways: [ctl] gateways: %s begins with a dash",
            config->gateways.items[i]);
        return false;
    }
    if (span_word(&command, &word))
        return true;
    (void)ctl_output_fail(CTL_USAGE, "--all-gateways: [ctl] gateways_command is empty");
    return false;
}

bool
ctl_fleet_ask(struct ctl *ctl, struct fleet *fleet)
{
    const struct config_list *hosts = &ctl->config->gateways;
    struct call *calls;

    *fleet = (struct fleet){.count = 0};
    if (!is_usable(ctl->config))
        return false;
    fleet->count = hosts->count;
    calls = arena_take(ctl->arena, fleet->count * sizeof(*calls));
    for (size_t i = 0; i < fleet->count; i++) {
        calls[i] = (struct call){.host = hosts->items[i], .out = -1, .said = -1};
        buffer_init(&calls[i].answer, FLEET_ANSWER_MAX);
        buffer_init(&calls[i].error, SAID_MAX);
        start(ctl, &calls[i]);
    }
    collect(calls, fleet->count, clock_now_ms() + ctl->config->gateways_timeout_ms);
    for (size_t i = 0; i < fleet->count; i++) {
        end(ctl, &calls[i]);
        read_answer(ctl, &calls[i], &fleet->answers[i]);
        if (fleet->answers[i].document == NULL)
            fleet->silent[fleet->silent_count++] = calls[i].host;
    }
    return true;
}

/* --- telling --- */

/* gw1 is gw1.example.net. */
static bool
is_same_host(const char *host, const char *name)
{
    struct span left = span_of(host);
    struct span right = span_of(name);
    size_t at = span_find(left, '@');

    if (at != SPAN_NONE)
        left = span_from(left, at + 1);
    if (span_equal_nocase(left, right))
        return true;
    return span_equal_nocase(
        span_first(left, span_find(left, '.')), span_first(right, span_find(right, '.')));
}

void
ctl_fleet_tell_silent(struct ctl *ctl, const struct fleet *fleet)
{
    struct gateway_row *rows = NULL;
    struct error error;
    size_t count = 0;

    if (fleet->silent_count > 0 && ctl_config_serves(ctl->config, CTL_NEEDS_REDIS))
        (void)ctl_gateways_read(ctl, &rows, &count, &error);
    for (size_t i = 0; i < fleet->count; i++) {
        const struct fleet_answer *answer = &fleet->answers[i];
        const char *waiting = "";

        if (answer->document != NULL)
            continue;
        for (size_t n = 0; n < count; n++) {
            if (is_same_host(answer->host, rows[n].name) && rows[n].knows_waiting)
                waiting = arena_printf(ctl->arena,
                    "; %" PRIu64 " waited there at its last word", rows[n].waiting);
        }
        ctl_output_warn("%s did not answer: %s%s",
            ctl_output_text(ctl->arena, span_of(answer->host)), answer->why, waiting);
    }
}
