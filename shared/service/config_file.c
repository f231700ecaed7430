#include "shared/service/config_file.h"

#include "shared/service/config.h"
#include "shared/service/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEP = 16384, PASSWORD_MAX = 1024, PASSWORD_FILE_MAX = 4096 };

static bool
read_all(int fd, struct buffer *content, struct error *error)
{
    for (;;) {
        char octets[STEP];
        ssize_t count = read(fd, octets, sizeof(octets));

        if (count == 0)
            return true;
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return error_permanent(error, "can't be read: %s", strerror(errno));
        if (!buffer_append(content, span_make(octets, (size_t)count)))
            return error_permanent(
                error, "is too large (at most %zu octets)", content->ceiling);
    }
}

/* Whoever reads it in a journal must see which user's rights to look at. */
static bool
cant_open(struct error *error)
{
    const char *why = strerror(errno);
    const struct passwd *user = errno == EACCES ? getpwuid(geteuid()) : NULL;

    if (user == NULL)
        return error_permanent(error, "can't be opened: %s", why);
    return error_permanent(error, "can't be opened by user %s: %s", user->pw_name, why);
}

bool
config_file_read(
    const char *path, struct buffer *content, mode_t *mode, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat status;
    bool done;

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return error_temporary(error, "can't be opened: %s", strerror(errno));
    if (fd < 0)
        return cant_open(error);
    if (fstat(fd, &status) != 0)
        done = error_permanent(error, "can't be asked for: %s", strerror(errno));
    else if (S_ISDIR(status.st_mode))
        done = error_permanent(error, "is a directory, not a file");
    else
        done = read_all(fd, content, error);
    if (done && mode != NULL)
        *mode = status.st_mode;
    (void)close(fd);
    return done;
}

static bool
take_password(
    struct span content, struct buffer *password, const char *path, struct error *error)
{
    struct span line = span_first(content, span_find(content, '\n'));

    if (line.length > 0 && line.data[line.length - 1] == '\r')
        line.length--;
    if (line.length == 0)
        return error_permanent(error, "password file %s: its first line is empty", path);
    if (line.length > PASSWORD_MAX)
        return error_permanent(
            error, "password file %s: more than %d octets", path, PASSWORD_MAX);
    if (span_has_control(line))
        return error_permanent(
            error, "password file %s: a control character in its first line", path);
    return buffer_append(password, line) ||
           error_permanent(error, "password file %s: too long", path);
}

bool
config_read_password(const char *path, struct buffer *password, struct error *error)
{
    struct buffer content;
    struct error why;
    mode_t mode = 0;
    bool done;

    buffer_init(&content, PASSWORD_FILE_MAX);
    if (config_file_read(path, &content, &mode, &why))
        done = take_password(buffer_span(&content), password, path, error);
    else
        done = error_permanent(error, "password file %s %s", path, why.text);
    if (done && S_ISREG(mode) && (mode & (S_IWGRP | S_IWOTH | S_IROTH)) != 0)
        log_say(LOG_LEVEL_WARNING,
            "password file %s has mode %04o: others may read or write it (chmod 0640 %s)",
            path, (unsigned)mode & 07777U, path);
    if (content.data != NULL)
        explicit_bzero(content.data, content.capacity);
    buffer_clear(&content);
    return done;
}
