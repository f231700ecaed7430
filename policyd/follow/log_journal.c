#include "policyd/follow/log_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policyd/maillog/journal_export.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"

enum { CURSOR_MAX = 1024, TEXT_MAX = 300, AGAIN_MS = 5000, STEP = 64 << 10 };

struct log_journal {
    char cursor[CURSOR_MAX];
    pid_t child; /* 0: none runs */
    int fd;
    uint64_t started_ms;
    bool was_started;
    bool has_given; /* since it was started */
    struct buffer octets;
    struct buffer line;
    char trouble[TEXT_MAX];
};

struct log_journal *
log_journal_new(struct span cursor)
{
    struct log_journal *journal = allocate(sizeof(*journal));

    journal->fd = -1;
    (void)span_copy(cursor, journal->cursor, sizeof(journal->cursor));
    buffer_init(&journal->octets, (size_t)2 * JOURNAL_ENTRY_MAX);
    buffer_init(&journal->line, JOURNAL_ENTRY_MAX);
    return journal;
}

/* What it exited with, 0 where a signal ended it. */
static int
end_child(struct log_journal *journal)
{
    int status = 0;

    if (journal->fd >= 0)
        (void)close(journal->fd);
    journal->fd = -1;
    if (journal->child > 0) {
        (void)kill(journal->child, SIGKILL); /* it only reads, and none waits for it */
        while (waitpid(journal->child, &status, 0) < 0 && errno == EINTR)
            continue;
    }
    journal->child = 0;
    buffer_reset(&journal->octets);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

void
log_journal_free(struct log_journal *journal)
{
    if (journal == NULL)
        return;
    (void)end_child(journal);
    buffer_clear(&journal->octets);
    buffer_clear(&journal->line);
    free(journal);
}

/* The facility is mail's: what else is in the journal is none of ours. */
static bool
spawn(struct log_journal *journal, int out)
{
    char after[CURSOR_MAX + 20];
    char *const words[] = {(char[]){"journalctl"}, (char[]){"-q"}, (char[]){"-f"},
        (char[]){"-o"}, (char[]){"export"}, (char[]){"--no-tail"},
        (char[]){"SYSLOG_FACILITY=2"}, journal->cursor[0] != '\0' ? after : NULL, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t manners;
    sigset_t all;
    sigset_t none;
    int result;

    /* Of our signals, none is held back or ignored there. */
    (void)sigfillset(&all);
    (void)sigemptyset(&none);
    (void)posix_spawnattr_init(&manners);
    (void)posix_spawnattr_setsigdefault(&manners, &all);
    (void)posix_spawnattr_setsigmask(&manners, &none);
    (void)posix_spawnattr_setflags(
        &manners, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    (void)snprintf(after, sizeof(after), "--after-cursor=%s", journal->cursor);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    (void)posix_spawn_file_actions_addopen(
        &actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    /* It is started again and again: what it has to say is said by us, once. */
    (void)posix_spawn_file_actions_addopen(
        &actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    result = posix_spawnp(&journal->child, words[0], &actions, &manners, words, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&manners);
    errno = result;
    return result == 0;
}

static bool
start(struct log_journal *journal)
{
    uint64_t now = clock_now_ms();
    int ends[2];

    if (journal->was_started && now < journal->started_ms + AGAIN_MS)
        return false;
    journal->was_started = true;
    journal->started_ms = now;
    journal->has_given = false;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    if (!spawn(journal, ends[1])) {
        journal->child = 0;
        (void)snprintf(journal->trouble, sizeof(journal->trouble),
            "journalctl can't be started: %s", strerror(errno));
        (void)close(ends[0]);
        (void)close(ends[1]);
        return false;
    }
    (void)close(ends[1]);
    journal->fd = ends[0];
    (void)fcntl(journal->fd, F_SETFL, O_NONBLOCK);
    return true;
}

static void
tell_end(struct log_journal *journal, const char *what, int status)
{
    if (journal->has_given && status == 0)
        return; /* it was restarted, perhaps: it is tried again without a word */
    (void)snprintf(journal->trouble, sizeof(journal->trouble),
        "journalctl %s (exit %d): may this user read the journal (group "
        "systemd-journal)?",
        what, status);
}

/* False: nothing has come. */
static bool
read_more(struct log_journal *journal)
{
    ssize_t count;

    if (!buffer_reserve(&journal->octets, STEP)) {
        tell_end(journal, "gives an entry that is too large", end_child(journal));
        return false;
    }
    count = read(journal->fd, journal->octets.data + journal->octets.length, STEP);
    if (count > 0) {
        journal->octets.length += (size_t)count;
        return true;
    }
    if (count == 0 || (errno != EAGAIN && errno != EINTR))
        tell_end(journal, "ended", end_child(journal));
    else if (clock_now_ms() > journal->started_ms + AGAIN_MS)
        journal->trouble[0] = '\0'; /* it stays: there is just nothing new */
    return false;
}

bool
log_journal_next(struct log_journal *journal, struct span *line)
{
    struct journal_entry entry;

    if (journal->fd < 0 && !start(journal))
        return false;
    for (;;) {
        buffer_reset(&journal->line);
        switch (
            journal_export_read(buffer_span(&journal->octets), &entry, &journal->line)) {
        case WIRE_DONE:
            (void)span_copy(entry.cursor, journal->cursor, sizeof(journal->cursor));
            buffer_consume(&journal->octets, entry.length);
            journal->has_given = true;
            journal->trouble[0] = '\0';
            if (journal->line.length == 0)
                continue;
            *line = buffer_span(&journal->line);
            return true;
        case WIRE_BAD:
            journal->has_given = false;
            tell_end(journal, "gives what is no export format", end_child(journal));
            return false;
        case WIRE_MORE:
        default:
            if (!read_more(journal))
                return false;
        }
    }
}

void
log_journal_position(const struct log_journal *journal, struct buffer *out)
{
    buffer_append_text(out, journal->cursor);
}

const char *
log_journal_trouble(const struct log_journal *journal)
{
    return journal->trouble;
}
