#include "policyd/setup/setup_trial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *
path_of(const struct setup_site *site, const char *folder, size_t file)
{
    return arena_printf(site->arena, "%s/%s", folder, setup_file_names[file]);
}

static bool
put(const char *path, struct span text, struct error *error)
{
    static const struct timespec old[2] = {
        {1, 0},
        {1, 0}
    };
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool done = fd >= 0;

    while (done && text.length > 0) {
        ssize_t written = write(fd, text.data, text.length);

        done = written > 0 || errno == EINTR;
        text = span_from(text, written > 0 ? (size_t)written : 0);
    }
    done = done && futimens(fd, old) == 0;
    if (!done)
        (void)error_permanent(error, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    return done;
}

bool
setup_trial_list(const struct setup_site *site, const struct span texts[SETUP_FILES],
    struct setup_listing *listing, struct error *error)
{
    struct setup_site trial = *site;
    char folder[] = "/tmp/postshift-trial-XXXXXX";
    bool done = true;

    if (mkdtemp(folder) == NULL)
        return error_permanent(error, "%s: %s", folder, strerror(errno));
    for (size_t i = 0; i < SETUP_FILES && done; i++)
        done = put(path_of(site, folder, i), texts[i], error);
    trial.given = folder;
    done = done && setup_site_list(&trial, listing, error);
    for (size_t i = 0; i < SETUP_FILES; i++)
        (void)unlink(path_of(site, folder, i));
    (void)rmdir(folder);
    return done;
}
