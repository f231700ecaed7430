#include "policyd/setup/setup_sockets.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct {
    const char *name;
    const char *settings;
} milters[SETUP_MILTERS] = {
    [SETUP_MILTER_AUTH] = {"postshift-auth",
                           "default_action=tempfail, connect_timeout=3s"                      },
    [SETUP_MILTER_SCAN] = {"postshift-scan",
                           "default_action=tempfail, connect_timeout=3s, content_timeout=120s"},
};

/* Without links, and without slashes that mean nothing; the end may be missing. */
static const char *
/* NOLINTNEXTLINE(misc-no-recursion): each time by a shorter path */
real_path(struct arena *arena, const char *path)
{
    char resolved[PATH_MAX];
    struct span text = span_of(path);
    size_t slash;

    while (text.length > 1 && text.data[text.length - 1] == '/')
        text.length--;
    path = arena_text(arena, text);
    if (realpath(path, resolved) != NULL)
        return arena_text(arena, span_of(resolved));
    slash = span_find_last(text, '/');
    if (slash == SPAN_NONE || slash == 0)
        return path;
    return arena_printf(arena, "%s/%s",
        real_path(arena, arena_text(arena, span_first(text, slash))), path + slash + 1);
}

/* The folder's links are followed; what the last name is does not matter here. */
static const char *
real_socket(struct arena *arena, const char *path)
{
    const char *name = strrchr(path, '/');

    return name == NULL || name == path
               ? path
               : arena_printf(arena, "%s%s",
                     real_path(arena,
                         arena_text(arena, span_make(path, (size_t)(name - path)))),
                     name);
}

/* A path relative to the queue directory; NULL: it lies elsewhere. */
static const char *
below_queue(const struct setup_site *site, const char *path)
{
    const char *queue = real_path(site->arena, site->queue);
    const char *real = real_socket(site->arena, path);
    size_t length = strlen(queue);

    return strncmp(real, queue, length) == 0 && real[length] == '/' ? real + length + 1
                                                                    : NULL;
}

static const char *
postfix_form(const struct setup_site *site, const struct socket_address *address)
{
    const char *inside =
        address->kind == SOCKET_UNIX ? below_queue(site, address->path) : NULL;
    char text[300];

    if (address->kind == SOCKET_NONE)
        return "";
    if (inside != NULL)
        return arena_printf(site->arena, "unix:%s", inside);
    socket_address_write(address, text);
    return arena_text(site->arena, span_of(text));
}

/* The one that this Postfix is to ask: one in the queue directory, else a unix socket,
 * else the first; SOCKET_NONE where there is none. */
static const struct socket_address *
pick(const struct setup_site *site, const struct config_sockets *sockets)
{
    static const struct socket_address none = {.kind = SOCKET_NONE};
    const struct socket_address *unix_socket = NULL;

    for (size_t i = 0; i < sockets->count; i++) {
        const struct socket_address *address = &sockets->items[i];

        if (address->kind != SOCKET_UNIX)
            continue;
        if (below_queue(site, address->path) != NULL)
            return address;
        if (unix_socket == NULL)
            unix_socket = address;
    }
    if (unix_socket != NULL)
        return unix_socket;
    return sockets->count > 0 ? &sockets->items[0] : &none;
}

static bool
is_socket(const struct socket_address *address)
{
    struct stat status;

    return address->kind == SOCKET_UNIX && stat(address->path, &status) == 0 &&
           S_ISSOCK(status.st_mode);
}

/* Folders above, whose owner could move ours away; a sticky one leaves it alone. */
static const char *
open_parent(struct setup_site *site, const char *path, uid_t owner)
{
    struct span rest = span_of(path);
    struct stat folder;

    for (size_t slash; (slash = span_find_last(rest, '/')) != SPAN_NONE && slash > 0;) {
        const char *parent;

        rest = span_first(rest, slash);
        parent = arena_text(site->arena, rest);
        if (stat(parent, &folder) != 0)
            return "";
        if ((folder.st_mode & (S_IWGRP | S_IWOTH)) != 0 &&
            (folder.st_mode & S_ISVTX) == 0)
            return arena_printf(site->arena,
                "%s, above the sockets of policyd, may be written by others (mode %04o), "
                "who could put another folder in their place",
                parent, (unsigned)folder.st_mode & 07777U);
        if (folder.st_uid != 0 && folder.st_uid != owner)
            return arena_printf(site->arena,
                "%s, above the sockets of policyd, belongs to uid %u, who could put "
                "another folder in their place",
                parent, (unsigned)folder.st_uid);
    }
    return "";
}

/*
 * Who can write in the folder can put a socket of his own in the place of policyd's, and
 * what Postfix is told there is where mail goes: that is for policyd's user and root.
 */
static const char *
open_folder(struct setup_site *site, const struct socket_address *address)
{
    const char *slash = address->kind == SOCKET_UNIX ? strrchr(address->path, '/') : NULL;
    struct stat folder;
    struct stat socket;
    const char *path;

    if (slash == NULL || slash == address->path)
        return "";
    path = arena_text(
        site->arena, span_make(address->path, (size_t)(slash - address->path)));
    if (stat(path, &folder) != 0)
        return "";
    if ((folder.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return arena_printf(site->arena,
            "%s, where policyd answers, may be written by others (mode %04o), who could "
            "answer in its place: chmod 2710 %s",
            path, (unsigned)folder.st_mode & 07777U, path);
    if (folder.st_uid != 0 && stat(address->path, &socket) == 0 &&
        folder.st_uid != socket.st_uid)
        return arena_printf(site->arena,
            "%s, where policyd answers, belongs to neither policyd's user nor root (uid "
            "%u), who could answer in its place",
            path, (unsigned)folder.st_uid);
    return open_parent(site, path, folder.st_uid);
}

/* A milter reads what strangers send: should it fall, it must not answer for policyd. */
static const char *
shared_user(
    struct setup_site *site, const struct socket_address *milter, const char *name)
{
    const struct socket_address *route = site->route;
    const char *slash = route->kind == SOCKET_UNIX ? strrchr(route->path, '/') : NULL;
    struct stat folder;
    struct stat socket;
    const char *path;

    if (slash == NULL || slash == route->path || milter->kind != SOCKET_UNIX)
        return "";
    path = arena_text(site->arena, span_make(route->path, (size_t)(slash - route->path)));
    if (stat(path, &folder) != 0 || stat(milter->path, &socket) != 0 ||
        folder.st_uid == 0 || folder.st_uid != socket.st_uid)
        return "";
    return arena_printf(site->arena,
        "%s runs as the user that owns %s, where policyd answers: give it a user of its "
        "own",
        name, path);
}

void
setup_sockets_read(struct setup_site *site, const struct setup_sockets *sockets)
{
    struct setup_facts *facts = &site->facts;

    site->route = pick(site, sockets->route);
    site->policy = pick(site, sockets->policy);
    facts->route = postfix_form(site, site->route);
    facts->policy = postfix_form(site, site->policy);
    facts->undo = sockets->undo == NULL ? "" : postfix_form(site, sockets->undo);
    facts->by_filter = sockets->by_filter;
    facts->open_folder = open_folder(site, site->route);
    if (facts->open_folder[0] == '\0')
        facts->open_folder = open_folder(site, site->policy);
    for (size_t i = 0; i < ARRAY_LENGTH(milters); i++) {
        const struct socket_address *address = pick(site, sockets->milters[i]);

        if (facts->open_folder[0] == '\0')
            facts->open_folder = shared_user(site, address, milters[i].name);
        facts->milters[facts->milter_count++] = (struct setup_milter){
            .name = milters[i].name,
            .settings = milters[i].settings,
            .address = postfix_form(site, address),
            .present = is_socket(address),
        };
    }
}
