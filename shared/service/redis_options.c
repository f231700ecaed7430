#include "shared/service/redis_options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *
copy_text(const char *text)
{
    char *copy = strdup(text == NULL ? "" : text);

    if (copy == NULL)
        abort();
    return copy;
}

/* The texts of a copy are our own, though its type says const. */
static void *
own_text(const char *text)
{
    void *own;

    memcpy(&own, &text, sizeof(own));
    return own;
}

bool
redis_password_read(
    const char *path, char password[REDIS_PASSWORD_MAX], struct error *error)
{
    char text[REDIS_PASSWORD_MAX + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t count;
    struct span line;
    struct span rest;
    bool fits;

    password[0] = '\0';
    if (fd < 0)
        return error_permanent(error, "%s: %s", path, strerror(errno));
    count = read(fd, text, sizeof(text));
    close(fd);
    if (count < 0)
        return error_permanent(error, "%s: %s", path, strerror(errno));
    rest = span_make(text, (size_t)count);
    fits = span_split(&rest, '\n', &line);
    if (fits && line.length > 0 && line.data[line.length - 1] == '\r')
        line.length--;
    fits = fits && span_copy(line, password, REDIS_PASSWORD_MAX);
    explicit_bzero(text, sizeof(text));
    if (!fits || password[0] == '\0')
        return error_permanent(error, "%s: no password on its first line", path);
    return true;
}

void
redis_options_copy(struct redis_options *copy, const struct redis_options *options)
{
    *copy = *options;
    copy->primary = copy_text(options->primary);
    copy->username = copy_text(options->username);
    copy->password = copy_text(options->password);
    if (copy->timeout_ms == 0)
        copy->timeout_ms = REDIS_TIMEOUT_MS;
}

void
redis_options_clear(struct redis_options *copy)
{
    free(own_text(copy->primary));
    free(own_text(copy->username));
    if (copy->password != NULL)
        explicit_bzero(own_text(copy->password), strlen(copy->password));
    free(own_text(copy->password));
    *copy = (struct redis_options){0};
}
