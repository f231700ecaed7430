#include "policyd/store/override.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/allocate.h"
#include "shared/service/log.h"

enum {
    /* Where inotify sees nothing (a symbolic link to elsewhere, a network file system),
       looking does. */
    LOOK_SECONDS = 5,
    QUIET_SECONDS = 1, /* such a file must have been left alone for so long */
    EVENTS_SIZE = 64 * 1024,
};

struct override {
    char path[PATH_MAX];
    const char *name;       /* the file's, in its folder */
    char watched[PATH_MAX]; /* the folder, or the nearest one above it that is there */
    int notify;
    int watch; /* -1: none */
    struct event *notified;
    struct event *look;
    override_changed *callback;
    void *argument;
    struct buffer text;        /* as it was read last */
    struct stat stat;          /* of that; st_ino 0: no file */
    struct override_text said; /* what that says, and what bad lines left in force */
    bool told;                 /* the callback has been called */
    char trouble[200];
};

/* --- the file --- */

static void
tell_problems(const struct override *override, const struct override_text *text)
{
    for (size_t i = 0; i < text->problem_count; i++)
        log_warning("", log_text("override", override->path),
            log_number("line", (int64_t)text->problems[i].line),
            log_note(text->problems[i].error.text));
}

static void
take_text(struct override *override, struct buffer *text)
{
    struct override_text parsed;

    if (!override_text_parse(buffer_span(text), &parsed))
        tell_problems(override, &parsed);
    if (override->told)
        override_text_keep(&parsed, &override->said);
    else
        override_text_doubt(&parsed);
    override_text_clear(&override->said);
    override->said = parsed;
    buffer_clear(&override->text);
    override->text = *text;
    if (parsed.count > 0 || override->stat.st_ino != 0)
        log_info("override", log_text("file", override->path),
            log_number("domains", (int64_t)parsed.count),
            log_number("bad_lines", (int64_t)parsed.bad_lines));
    override->told = true;
    override->callback(override->argument, parsed.entries, parsed.count, parsed.unclear);
}

/* True also where there is no file: then the text is empty. */
static bool
read_text(struct override *override, struct buffer *text, struct stat *stat)
{
    int fd = open(override->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t count = -1;

    memset(stat, 0, sizeof(*stat));
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR;
    if (fstat(fd, stat) == 0 && !S_ISREG(stat->st_mode)) {
        close(fd);
        errno = EISDIR;
        return false;
    }
    while (buffer_reserve(text, 4096)) {
        count = read(fd, text->data + text->length, 4096);
        if (count <= 0)
            break;
        text->length += (size_t)count;
    }
    close(fd);
    if (buffer_ok(text))
        return count == 0;
    errno = EFBIG;
    return false;
}

static void
read_file(struct override *override)
{
    struct buffer text;
    struct stat stat;

    buffer_init(&text, OVERRIDE_TEXT_MAX);
    if (!read_text(override, &text, &stat)) {
        const char *why = strerror(errno);

        if (strcmp(override->trouble, why) != 0)
            log_warning("", log_text("override", override->path),
                log_note(override->told
                             ? "can't be read; what it said last is in force"
                             : "can't be read; what it says is not known, so all mail "
                               "waits until it can be or is gone"),
                log_text("reason", why));
        snprintf(override->trouble, sizeof(override->trouble), "%s", why);
        buffer_clear(&text);
        return;
    }
    override->trouble[0] = '\0';
    override->stat = stat;
    if (override->told && span_equal(buffer_span(&text), buffer_span(&override->text)))
        buffer_clear(&text);
    else
        take_text(override, &text);
}

/* --- the folder --- */

/* Cuts the last component off; "/" stays. */
static void
to_parent(char *path)
{
    char *slash = strrchr(path, '/');

    if (slash == NULL)
        snprintf(path, 2, ".");
    else if (slash == path)
        path[1] = '\0';
    else
        *slash = '\0';
}

static bool
watch_folder(struct override *override, const char *folder)
{
    static const uint32_t events = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM |
                                   IN_CREATE | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF |
                                   IN_MOVE_SELF | IN_ONLYDIR;

    if (override->watch >= 0)
        inotify_rm_watch(override->notify, override->watch);
    override->watch = inotify_add_watch(override->notify, folder, events);
    snprintf(override->watched, sizeof(override->watched), "%s", folder);
    return override->watch >= 0;
}

/* The nearest folder that is there; one that comes while we look is met by looking again.
 */
static void
watch_nearest(struct override *override)
{
    char folder[PATH_MAX];

    if (override->notify < 0)
        return;
    for (unsigned tries = 0; tries < 10; tries++) {
        snprintf(folder, sizeof(folder), "%s", override->path);
        do {
            to_parent(folder);
        } while (access(folder, F_OK) != 0 && strlen(folder) > 1);
        if (override->watch >= 0 && strcmp(folder, override->watched) == 0)
            return;
        (void)watch_folder(override, folder);
    }
}

static bool
is_folder_of_file(const struct override *override)
{
    size_t length = strlen(override->watched);
    const char *rest = override->path + length + (length > 1);

    return strncmp(override->path, override->watched, length) == 0 && length > 0 &&
           strchr(rest, '/') == NULL;
}

/* A file that is being written is complete when it is closed; links come complete. */
static bool
is_complete(const struct override *override)
{
    struct stat stat;

    return lstat(override->path, &stat) == 0 &&
           (S_ISLNK(stat.st_mode) || stat.st_nlink > 1);
}

/* Whether the event can have changed what the file says. */
static bool
concerns_file(const struct override *override, const struct inotify_event *event)
{
    if ((event->mask & (IN_Q_OVERFLOW | IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) !=
            0 ||
        !is_folder_of_file(override))
        return true;
    if (event->len == 0 || strcmp(event->name, override->name) != 0)
        return false;
    return (event->mask & IN_CREATE) == 0 || is_complete(override);
}

static void
on_notified(evutil_socket_t fd, short what, void *argument)
{
    struct override *override = argument;
    _Alignas(struct inotify_event) char events[EVENTS_SIZE];
    ssize_t count = read(fd, events, sizeof(events));
    bool concerned = false;

    (void)what;
    for (ssize_t at = 0; count > 0 && at < count;) {
        const struct inotify_event *event = (const void *)(events + at);

        if (event->wd == override->watch || (event->mask & IN_Q_OVERFLOW) != 0) {
            concerned = concerns_file(override, event) || concerned;
            if ((event->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) != 0)
                override->watched[0] = '\0';
        }
        at += (ssize_t)(sizeof(*event) + event->len);
    }
    if (concerned) {
        watch_nearest(override);
        read_file(override);
    }
}

static bool
same_file(const struct stat *left, const struct stat *right)
{
    return left->st_dev == right->st_dev && left->st_ino == right->st_ino &&
           left->st_size == right->st_size &&
           left->st_mtim.tv_sec == right->st_mtim.tv_sec &&
           left->st_mtim.tv_nsec == right->st_mtim.tv_nsec;
}

static void
on_look(evutil_socket_t fd, short what, void *argument)
{
    struct override *override = argument;
    struct stat now;
    struct timespec clock;

    (void)fd;
    (void)what;
    watch_nearest(override);
    if (stat(override->path, &now) != 0)
        memset(&now, 0, sizeof(now));
    clock_gettime(CLOCK_REALTIME, &clock);
    if (override->trouble[0] != '\0' ||
        (!same_file(&now, &override->stat) &&
            (now.st_ino == 0 || now.st_mtim.tv_sec + QUIET_SECONDS < clock.tv_sec)))
        read_file(override);
}

struct override *
override_watch(
    struct event_base *base, const char *path, override_changed *callback, void *argument)
{
    static const struct timeval look = {LOOK_SECONDS, 0};
    struct override *override = allocate(sizeof(*override));

    snprintf(override->path, sizeof(override->path), "%s", path);
    override->name = strrchr(override->path, '/');
    override->name = override->name == NULL ? override->path : override->name + 1;
    override->callback = callback;
    override->argument = argument;
    override->watch = -1;
    buffer_init(&override->text, OVERRIDE_TEXT_MAX);
    override->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (override->notify < 0) {
        log_warning(
            "", log_text("override", path), log_note("no inotify: looked at every 5 s"));
    } else {
        override->notified = event_new(
            base, override->notify, EV_READ | EV_PERSIST, on_notified, override);
        watch_nearest(override);
        event_add(override->notified, NULL);
    }
    override->look = event_new(base, -1, EV_PERSIST, on_look, override);
    event_add(override->look, &look);
    read_file(override);
    if (!override->told)
        callback(argument, NULL, 0, true);
    return override;
}

void
override_free(struct override *override)
{
    if (override == NULL)
        return;
    if (override->notified != NULL)
        event_free(override->notified);
    event_free(override->look);
    if (override->notify >= 0)
        close(override->notify);
    buffer_clear(&override->text);
    override_text_clear(&override->said);
    free(override);
}

size_t
override_count(const struct override *override)
{
    return override->said.count;
}

size_t
override_bad_lines(const struct override *override)
{
    return override->said.bad_lines;
}

const char *
override_trouble(const struct override *override)
{
    return override->trouble;
}
