#include "policyd/undo/undo_key.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
check_owner(const char *path, const struct stat *status, struct error *error)
{
    if (!S_ISREG(status->st_mode))
        return error_permanent(error, "undo_key %s: it is no regular file", path);
    if (status->st_uid != 0 && status->st_uid != geteuid() && geteuid() != 0)
        return error_permanent(error,
            "undo_key %s: it belongs to uid %u, not to root or to the user that reads it",
            path, (unsigned)status->st_uid);
    if ((status->st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return error_permanent(error,
            "undo_key %s: others than its owner may use it (mode %04o): chmod 0400 it",
            path, (unsigned)status->st_mode & 07777U);
    return true;
}

bool
undo_key_read(const char *path, uint8_t key[COPIES_KEY_SIZE], struct error *error)
{
    char text[COPIES_KEY_TEXT_MAX + 1];
    struct stat status;
    struct error why = {.text = ""};
    ssize_t length;
    bool done;
    int fd;

    if (path[0] == '\0')
        return error_permanent(error,
            "undo_key is not set: [cutover] undo needs the file of a key (openssl rand "
            "-hex 32)");
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &status) != 0) {
        (void)error_permanent(error, "undo_key %s: %s", path, strerror(errno));
        if (fd >= 0)
            (void)close(fd);
        return false;
    }
    if (!check_owner(path, &status, error)) {
        (void)close(fd);
        return false;
    }
    length = read(fd, text, sizeof(text));
    (void)close(fd);
    if (length < 0)
        return error_permanent(error, "undo_key %s: %s", path, strerror(errno));
    done = copies_key_parse(span_make(text, (size_t)length), key, &why);
    explicit_bzero(text, sizeof(text));
    return done || error_permanent(error, "undo_key %s: %s", path, why.text);
}
