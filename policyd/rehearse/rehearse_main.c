/*
 * postshift-rehearsal - asks the new backend, by the envelopes of real mail, whether it
 * would take the mail of those who move with the next stage.
 */
#include <stdlib.h>

#include "policyd/rehearse/rehearse_daemon.h"

int
main(int argc, char **argv)
{
    struct daemon_options options = daemon_options_read(argc, argv, rehearse_usage());
    struct rehearse_daemon daemon = {.options = &options};

    rehearse_daemon_configure(&daemon);
    if (options.check_only)
        return rehearse_daemon_checked(&daemon);

    /* While we may. */
    rehearse_daemon_listen(&daemon);
    rehearse_daemon_drop_privileges(&daemon);

    /* What it is made of, behind its walls. */
    rehearse_daemon_start(&daemon);
    rehearse_daemon_run(&daemon);

    rehearse_daemon_clear(&daemon);
    return EXIT_SUCCESS;
}
