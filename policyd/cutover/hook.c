#include "policyd/cutover/hook.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "policyd/cutover/hook_check.h"
#include "shared/base/allocate.h"
#include "shared/base/buffer.h"
#include "shared/service/log.h"

enum {
    STEP = 16 << 10,
    LAST_STEPS = 64, /* of what is left in the pipe at its end: more than that holds */
    END_POLLS = 50,  /* of 10 ms, at our own end */
    ENVIRONMENT_MAX = 9,
};

struct hook {
    pid_t pid;
    int in;  /* its standard input, -1 when all is written */
    int out; /* its output */
    struct event *child;
    struct event *timer;
    struct event *readable;
    struct event *writable;
    struct buffer input;
    size_t written;     /* octets of it */
    struct buffer line; /* the one that is being read */
    unsigned lines;
    char kind[64];
    char domain[256];
    char last[HOOK_LINE_MAX + 1];
    uint64_t limit_ms;
    uint64_t grace_ms;
    bool was_stopped;
    bool is_late;
    bool is_quiet; /* what it prints is not logged */
    void (*ended)(void *argument, const struct hook_result *result);
    void *argument;
};

/* --- its end --- */

static void
close_end(int *fd, struct event **event)
{
    if (*event != NULL)
        event_free(*event);
    *event = NULL;
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static void
release(struct hook *hook)
{
    close_end(&hook->in, &hook->writable);
    close_end(&hook->out, &hook->readable);
    if (hook->child != NULL)
        event_free(hook->child);
    if (hook->timer != NULL)
        event_free(hook->timer);
    buffer_clear(&hook->input);
    buffer_clear(&hook->line);
    free(hook);
}

static void
log_line(struct hook *hook)
{
    struct span line = span_trim(buffer_span(&hook->line));

    if (line.length > 0) {
        (void)span_copy(span_first(line, HOOK_LINE_MAX), hook->last, sizeof(hook->last));
        hook->lines++;
        if (hook->is_quiet)
            buffer_reset(&hook->line);
        else if (hook->lines <= HOOK_LINES)
            log_info("hook", log_text("kind", hook->kind),
                log_text("domain", hook->domain), log_note(hook->last));
        else if (hook->lines == HOOK_LINES + 1)
            log_info("hook", log_text("kind", hook->kind),
                log_text("domain", hook->domain),
                log_note("it prints more, which is not logged"));
    }
    buffer_reset(&hook->line);
}

/* Lines that are too long lose their end. */
static void
take_output(struct hook *hook, const char *data, size_t length)
{
    struct span rest = span_make(data, length);
    struct span part;

    while (rest.length > 0) {
        size_t end = span_find(rest, '\n');

        part = end == SPAN_NONE ? rest : span_first(rest, end);
        if (hook->line.length < HOOK_LINE_MAX)
            buffer_append(
                &hook->line, span_first(part, HOOK_LINE_MAX - hook->line.length));
        if (end == SPAN_NONE)
            return;
        log_line(hook);
        rest = span_from(rest, end + 1);
    }
}

/* False: nothing more, for now or for ever. */
static bool
read_output(struct hook *hook)
{
    char data[STEP];
    ssize_t count = hook->out < 0 ? 0 : read(hook->out, data, sizeof(data));

    if (count > 0) {
        take_output(hook, data, (size_t)count);
        return true;
    }
    if (count == 0 || (errno != EAGAIN && errno != EINTR))
        close_end(&hook->out, &hook->readable);
    return false;
}

static void
describe(const struct hook *hook, const siginfo_t *end, struct hook_result *result)
{
    *result = (struct hook_result){
        .is_good = end->si_code == CLD_EXITED && end->si_status == 0 &&
                   !hook->was_stopped && !hook->is_late,
        .was_stopped = hook->was_stopped,
        .code = end->si_code == CLD_EXITED ? end->si_status : -1,
    };
    if (hook->was_stopped)
        (void)snprintf(result->text, sizeof(result->text), "stopped");
    else if (hook->is_late)
        (void)snprintf(result->text, sizeof(result->text), "ended by us after %llu s",
            (unsigned long long)hook->limit_ms / 1000);
    else if (end->si_code == CLD_EXITED)
        (void)snprintf(result->text, sizeof(result->text), "exit %d", end->si_status);
    else
        (void)snprintf(
            result->text, sizeof(result->text), "ended by signal %d", end->si_status);
    if (span_starts(span_of(hook->last), SPAN("note=")))
        (void)span_copy(
            span_first(span_from(span_of(hook->last), 5), sizeof(result->note) - 1),
            result->note, sizeof(result->note));
}

/* Its number is not given to another process before we take the answer, so the group is
 * still its own. */
static void
look_for_end(struct hook *hook)
{
    void (*ended)(void *argument, const struct hook_result *result) = hook->ended;
    void *argument = hook->argument;
    struct hook_result result;
    siginfo_t end = {0};

    if (waitid(P_PID, (id_t)hook->pid, &end, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        end.si_pid == 0)
        return;
    (void)kill(-hook->pid, SIGKILL);
    while (waitpid(hook->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    for (int i = 0; i < LAST_STEPS && read_output(hook); i++)
        continue;
    log_line(hook);
    describe(hook, &end, &result);
    release(hook);
    ended(argument, &result);
}

static void
on_child(evutil_socket_t number, short what, void *argument)
{
    (void)number;
    (void)what;
    look_for_end(argument);
}

static void
set_timer(struct hook *hook, uint64_t milliseconds)
{
    const struct timeval span = {
        (time_t)(milliseconds / 1000), (suseconds_t)(milliseconds % 1000 * 1000)};

    (void)event_add(hook->timer, &span);
}

static void
on_timer(evutil_socket_t fd, short what, void *argument)
{
    struct hook *hook = argument;
    bool is_first = !hook->was_stopped && !hook->is_late;

    (void)fd;
    (void)what;
    hook->is_late = hook->is_late || is_first;
    (void)kill(-hook->pid, is_first ? SIGTERM : SIGKILL);
    set_timer(hook, hook->grace_ms);
}

void
hook_stop(struct hook *hook)
{
    if (hook->was_stopped || hook->is_late)
        return;
    hook->was_stopped = true;
    (void)kill(-hook->pid, SIGTERM);
    set_timer(hook, hook->grace_ms);
}

void
hook_free(struct hook *hook)
{
    const struct timespec moment = {0, 10L * 1000 * 1000};

    if (hook == NULL)
        return;
    (void)kill(-hook->pid, SIGTERM);
    for (int i = 0; i < END_POLLS; i++) {
        siginfo_t end = {0};

        if (waitid(P_PID, (id_t)hook->pid, &end, WEXITED | WNOHANG | WNOWAIT) != 0 ||
            end.si_pid != 0)
            break;
        (void)nanosleep(&moment, NULL);
    }
    (void)kill(-hook->pid, SIGKILL);
    while (waitpid(hook->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    release(hook);
}

/* --- its input and output --- */

static void
on_readable(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    (void)read_output(argument);
}

static void
on_writable(evutil_socket_t fd, short what, void *argument)
{
    struct hook *hook = argument;
    struct span left = span_from(buffer_span(&hook->input), hook->written);
    ssize_t count = write(hook->in, left.data, left.length);

    (void)fd;
    (void)what;
    if (count > 0)
        hook->written += (size_t)count;
    else if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (hook->written == hook->input.length || count < 0)
        close_end(&hook->in, &hook->writable);
}

/* --- its start --- */

struct environment {
    char texts[ENVIRONMENT_MAX][1100];
    char *words[ENVIRONMENT_MAX + 1];
    size_t count;
};

static void
add_variable(struct environment *environment, const char *name, const char *value)
{
    char *text = environment->texts[environment->count];

    (void)snprintf(
        text, sizeof(environment->texts[0]), "%s=%s", name, value != NULL ? value : "");
    environment->words[environment->count++] = text;
}

static void
fill_environment(struct environment *environment, const struct hook_order *order)
{
    environment->count = 0;
    add_variable(environment, "PATH",
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    add_variable(environment, "LANG", "C.UTF-8");
    if (getenv("TZ") != NULL)
        add_variable(environment, "TZ", getenv("TZ"));
    add_variable(environment, "POSTSHIFT_DOMAIN", order->domain);
    add_variable(environment, "POSTSHIFT_KIND", order->kind);
    add_variable(environment, "POSTSHIFT_STAGE", order->stage);
    add_variable(environment, "POSTSHIFT_FROM", order->from);
    add_variable(environment, "POSTSHIFT_TO", order->to);
    if (order->words != NULL && getenv("MAIL_CONFIG") != NULL)
        add_variable(environment, "MAIL_CONFIG", getenv("MAIL_CONFIG"));
    environment->words[environment->count] = NULL;
}

/* Between fork and exec: our one thread is here twice, so all may be called. */
static _Noreturn void
become(const char *path, const char *const *own, int in, int out,
    struct environment *environment, pid_t parent)
{
    char *words[HOOK_WORDS_MAX + 2] = {NULL};
    sigset_t none;

    /* NOLINTBEGIN(performance-no-int-to-ptr): execve only reads them */
    words[0] = (char *)(uintptr_t)path;
    for (size_t i = 0; own != NULL && own[i] != NULL && i < HOOK_WORDS_MAX; i++)
        words[i + 1] = (char *)(uintptr_t)own[i];
    /* NOLINTEND(performance-no-int-to-ptr) */

    (void)setpgid(0, 0);
    /* Should we be killed, it is told. */
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(127);
    for (int number = 1; number < NSIG; number++)
        (void)signal(number, SIG_DFL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
        dup2(out, STDERR_FILENO) < 0 || chdir("/") != 0)
        _exit(127);
    (void)close_range(3, ~0U, 0);
    (void)execve(path, words, environment->words);
    _exit(127);
}

static bool
spawn(struct hook *hook, const char *path, const struct hook_order *order,
    struct error *error)
{
    struct environment environment;
    pid_t parent = getpid();
    int in[2];
    int out[2];

    if (pipe2(in, O_CLOEXEC) != 0)
        return error_temporary(error, "no pipe: %s", strerror(errno));
    if (pipe2(out, O_CLOEXEC) != 0) {
        (void)error_temporary(error, "no pipe: %s", strerror(errno));
        (void)close(in[0]);
        (void)close(in[1]);
        return false;
    }
    fill_environment(&environment, order);
    hook->pid = fork();
    if (hook->pid == 0)
        become(path, order->words, in[0], out[1], &environment, parent);
    if (hook->pid > 0)
        (void)setpgid(hook->pid, hook->pid); /* whoever of us comes first */
    else
        (void)error_temporary(error, "no process: %s", strerror(errno));
    (void)close(in[0]);
    (void)close(out[1]);
    hook->in = in[1];
    hook->out = out[0];
    (void)fcntl(hook->in, F_SETFL, O_NONBLOCK);
    (void)fcntl(hook->out, F_SETFL, O_NONBLOCK);
    return hook->pid > 0;
}

static void
watch(struct hook *hook, struct event_base *base)
{
    hook->child = allocated(evsignal_new(base, SIGCHLD, on_child, hook));
    hook->timer = allocated(evtimer_new(base, on_timer, hook));
    hook->readable =
        allocated(event_new(base, hook->out, EV_READ | EV_PERSIST, on_readable, hook));
    hook->writable =
        allocated(event_new(base, hook->in, EV_WRITE | EV_PERSIST, on_writable, hook));
    (void)event_add(hook->child, NULL);
    (void)event_add(hook->readable, NULL);
    if (hook->input.length > 0)
        (void)event_add(hook->writable, NULL);
    else
        close_end(&hook->in, &hook->writable);
    set_timer(hook, hook->limit_ms);
}

struct hook *
hook_start(struct event_base *base, const struct hook_order *order,
    void (*ended)(void *argument, const struct hook_result *result), void *argument,
    struct error *error)
{
    struct hook *hook;
    char path[PATH_MAX];

    if (order->words != NULL)
        (void)snprintf(path, sizeof(path), "%s", order->path);
    else if (!hook_check(order->path, path, error))
        return NULL;
    hook = allocate(sizeof(*hook));
    *hook = (struct hook){.in = -1,
        .out = -1,
        .limit_ms = order->limit_ms > 0 ? order->limit_ms : HOOK_LIMIT_MS,
        .grace_ms = order->grace_ms > 0 ? order->grace_ms : HOOK_GRACE_MS,
        .is_quiet = order->words != NULL,
        .ended = ended,
        .argument = argument};
    (void)span_copy(span_of(order->kind), hook->kind, sizeof(hook->kind));
    (void)span_copy(span_of(order->domain), hook->domain, sizeof(hook->domain));
    buffer_init(&hook->input, HOOK_INPUT_MAX);
    buffer_init(&hook->line, HOOK_LINE_MAX);
    buffer_append(&hook->input, order->input);
    if (!spawn(hook, path, order, error)) {
        release(hook);
        return NULL;
    }
    watch(hook, base);
    /* Where it ended before we listened. */
    event_active(hook->child, EV_SIGNAL, 1);
    return hook;
}
