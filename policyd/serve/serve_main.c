/*
 * postshift-policyd - tells Postfix and Dovecot where each recipient's mailbox is, out of
 * a table held in memory.
 */
#include <event2/event.h>
#include <stdlib.h>

#include "policyd/serve/serve_daemon.h"
#include "shared/service/daemon.h"
#include "shared/service/log.h"

int
main(int argc, char **argv)
{
    struct daemon_options options = daemon_options_read(argc, argv, serve_usage());
    struct serve_daemon daemon = {.options = &options};

    serve_daemon_configure(&daemon);
    if (options.check_only)
        return serve_daemon_checked(&daemon);

    /* While we may. */
    serve_daemon_listen(&daemon);
    serve_daemon_drop_privileges(&daemon);

    /* What it is made of. */
    serve_daemon_replicate(&daemon);
    serve_daemon_serve(&daemon);

    /* Nothing more than serving needs. */
    serve_daemon_lock_up();
    serve_daemon_run(&daemon);

    serve_daemon_clear(&daemon);
    return EXIT_SUCCESS;
}
