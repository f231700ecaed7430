#include "policyd/setup/setup_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHUNK = 16384 };

#define SYSTEM_FOLDERS "/usr/sbin:/usr/bin:/sbin:/bin"

/* One of the child's channels, and where what comes from it goes. */
struct channel {
    int fds[2];
    struct buffer *into;
};

static bool
channel_open(struct channel *channel)
{
    channel->fds[0] = channel->fds[1] = -1;
    return pipe2(channel->fds, O_CLOEXEC) == 0;
}

static void
channel_close(struct channel *channel, int end)
{
    if (channel->fds[end] >= 0)
        (void)close(channel->fds[end]);
    channel->fds[end] = -1;
}

/* False once nothing more can come. */
static bool
channel_read(struct channel *channel)
{
    char chunk[CHUNK];
    ssize_t got = read(channel->fds[0], chunk, sizeof(chunk));

    if (got < 0)
        return errno == EINTR;
    if (got > 0 && channel->into != NULL)
        buffer_append(channel->into, span_make(chunk, (size_t)got));
    return got > 0;
}

static void
read_all(struct channel *channels, size_t count)
{
    size_t open = count;

    while (open > 0) {
        struct pollfd polls[2];

        for (size_t i = 0; i < count; i++)
            polls[i] = (struct pollfd){channels[i].fds[0], POLLIN, 0};
        if (poll(polls, (nfds_t)count, -1) < 0 && errno != EINTR)
            return;
        for (size_t i = 0; i < count; i++) {
            if (polls[i].fd < 0 || polls[i].revents == 0 || channel_read(&channels[i]))
                continue;
            channel_close(&channels[i], 0);
            open--;
        }
    }
}

static bool
wait_for(pid_t child, int *status, struct error *error)
{
    int ended;

    while (waitpid(child, &ended, 0) < 0) {
        if (errno != EINTR)
            return error_temporary(error, "waitpid: %s", strerror(errno));
    }
    *status = WIFEXITED(ended) ? WEXITSTATUS(ended) : 128 + WTERMSIG(ended);
    return true;
}

/* posix_spawnp looks in our own PATH, so that is the one to add to; once is enough. */
static void
add_system_folders(void)
{
    const char *now = getenv("PATH");
    struct buffer path;

    if (now != NULL && span_ends(span_of(now), SPAN(SYSTEM_FOLDERS)))
        return;
    buffer_init(&path, 65536);
    buffer_printf(
        &path, "%s%s" SYSTEM_FOLDERS, now != NULL ? now : "", now != NULL ? ":" : "");
    (void)setenv("PATH", buffer_text(&path), 1);
    buffer_clear(&path);
}

static int
spawn(pid_t *child, const char *const *words, int input, const struct channel *channels)
{
    static char locale[] = "LC_ALL=C";
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    char *environment[3] = {NULL, locale, NULL};
    char **argv;
    int failed;

    add_system_folders();
    if (asprintf(&environment[0], "PATH=%s", getenv("PATH")) < 0)
        return ENOMEM;
    /* execve doesn't change them; its type is older than const. */
    memcpy(&argv, &words, sizeof(argv));
    (void)posix_spawn_file_actions_init(&actions);
    if (input >= 0)
        (void)posix_spawn_file_actions_adddup2(&actions, input, 0);
    else
        (void)posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, channels[0].fds[1], 1);
    (void)posix_spawn_file_actions_adddup2(&actions, channels[1].fds[1], 2);
    /* We ignore SIGPIPE; programs don't expect to begin so. */
    (void)sigemptyset(&defaults);
    (void)sigaddset(&defaults, SIGPIPE);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawnattr_setsigdefault(&attributes, &defaults);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    failed = posix_spawnp(child, words[0], &actions, &attributes, argv, environment);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    free(environment[0]);
    return failed;
}

static bool
run(const char *const *words, int input, struct buffer *out, struct buffer *said,
    int *status, struct error *error)
{
    struct channel channels[2] = {
        {{-1, -1}, out },
        {{-1, -1}, said}
    };
    pid_t child;
    int failed = 0;
    bool done = false;

    if (!channel_open(&channels[0]) || !channel_open(&channels[1])) {
        (void)error_temporary(error, "pipe: %s", strerror(errno));
        goto out;
    }
    failed = spawn(&child, words, input, channels);
    channel_close(&channels[0], 1);
    channel_close(&channels[1], 1);
    if (failed != 0) {
        (void)error_permanent(error, "%s: %s", words[0], strerror(failed));
        goto out;
    }
    read_all(channels, 2);
    done = wait_for(child, status, error);
out:
    for (size_t i = 0; i < 2; i++) {
        channel_close(&channels[i], 0);
        channel_close(&channels[i], 1);
    }
    return done;
}

bool
setup_process_run(const char *const *words, struct buffer *out, struct buffer *said,
    int *status, struct error *error)
{
    return run(words, -1, out, said, status, error);
}

/* A file in memory that holds it all, so that neither side waits for the other. */
static int
input_file(struct span input)
{
    int fd = memfd_create("input", MFD_CLOEXEC);

    while (fd >= 0 && input.length > 0) {
        ssize_t done = write(fd, input.data, input.length);

        if (done < 0 && errno != EINTR) {
            (void)close(fd);
            return -1;
        }
        input = span_from(input, done > 0 ? (size_t)done : 0);
    }
    if (fd >= 0)
        (void)lseek(fd, 0, SEEK_SET);
    return fd;
}

bool
setup_process_feed(const char *const *words, struct span input, struct buffer *out,
    struct buffer *said, int *status, struct error *error)
{
    int fd = input_file(input);
    bool done;

    if (fd < 0)
        return error_temporary(error, "memfd: %s", strerror(errno));
    done = run(words, fd, out, said, status, error);
    (void)close(fd);
    return done;
}
