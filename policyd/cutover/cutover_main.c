/*
 * postshift-cutover - keeps the books of every message, by Postfix's log, and counts what
 * became of mail for the old and the new backend.
 */
#include <stdlib.h>

#include "policyd/cutover/cutover_daemon.h"

int
main(int argc, char **argv)
{
    struct daemon_options options = daemon_options_read(argc, argv, cutover_usage());
    struct cutover_daemon daemon = {.options = &options};

    cutover_daemon_configure(&daemon);
    if (options.check_only)
        return cutover_daemon_checked(&daemon);

    /* While we may. */
    cutover_daemon_listen(&daemon);
    cutover_daemon_drop_privileges(&daemon);

    /* What it is made of. */
    cutover_daemon_replicate(&daemon);
    cutover_daemon_keep_books(&daemon);

    /* It runs journalctl, postqueue and hooks: walls are its unit's business. */
    cutover_daemon_run(&daemon);

    cutover_daemon_clear(&daemon);
    return EXIT_SUCCESS;
}
