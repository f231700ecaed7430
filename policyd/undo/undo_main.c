/*
 * postshift-undo - keeps an encrypted copy of each mail that Postfix delivers while
 * people are on the new backend, for `postshiftctl undo`.
 */
#include <stdlib.h>

#include "policyd/undo/undo_daemon.h"
#include "shared/service/log.h"
#include "shared/service/sandbox.h"

int
main(int argc, char **argv)
{
    struct daemon_options options = daemon_options_read(argc, argv, undo_usage());
    struct undo_daemon daemon = {.options = &options};
    struct error error;

    undo_daemon_configure(&daemon);
    if (options.check_only)
        return undo_daemon_checked(&daemon);

    /* While we may. */
    undo_daemon_listen(&daemon);
    undo_daemon_drop_privileges(&daemon);

    /* What it is made of. */
    undo_daemon_serve(&daemon);

    /* Nothing more than serving needs. */
    if (!sandbox_enter(SANDBOX_EVENT_DAEMON, &error))
        log_fatal(EXIT_FAILURE, "sandbox: %s", error.text);
    undo_daemon_run(&daemon);

    undo_daemon_clear(&daemon);
    return EXIT_SUCCESS;
}
