#include "policyd/ctl/ctl_pause.h"

#include <poll.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include "policyd/ctl/ctl_output.h"
#include "shared/service/clock.h"

static volatile sig_atomic_t interrupted;
static struct termios before;
static bool changed;

static void
interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

void
ctl_pause_begin(void)
{
    const struct sigaction action = {.sa_handler = interrupt};
    struct termios keys;

    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    if (!ctl_output_is_terminal() || tcgetattr(STDIN_FILENO, &before) != 0)
        return;
    keys = before;
    keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    changed = tcsetattr(STDIN_FILENO, TCSANOW, &keys) == 0;
}

/* Whether a q was among what was typed. */
static bool
was_told_to_end(void)
{
    char typed[64];
    ssize_t count = read(STDIN_FILENO, typed, sizeof(typed));

    for (ssize_t i = 0; i < count; i++) {
        if (typed[i] == 'q' || typed[i] == 'Q')
            return true;
    }
    /* Whose terminal is gone would be asked without end. */
    return count <= 0;
}

bool
ctl_pause(unsigned seconds)
{
    uint64_t end = clock_now_ms() + (uint64_t)1000 * seconds;
    struct pollfd keys = {.fd = changed ? STDIN_FILENO : -1, .events = POLLIN};

    for (;;) {
        uint64_t now = clock_now_ms();

        if (interrupted)
            return false;
        if (now >= end)
            return true;
        if (poll(&keys, 1, (int)(end - now)) > 0 && was_told_to_end())
            return false;
    }
}

void
ctl_pause_end(void)
{
    if (changed)
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
    changed = false;
}
