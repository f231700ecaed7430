#include "milters/common/milter_ending.h"

#include <errno.h>
#include <unistd.h>

#include "milters/common/milter_supervise.h"
#include "shared/service/clock.h"

enum { STOP_MS = 7000 };

void
milter_ending_stop(struct milter_ending *ending)
{
    if (ending->stopping_ms == 0)
        ending->stopping_ms = clock_now_ms();
}

void
milter_ending_hear(struct milter_ending *ending)
{
    char word = SUPERVISE_STOP;
    ssize_t got = read(ending->control, &word, 1);

    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got == 1 && word == SUPERVISE_DRAIN)
        ending->draining = true;
    else if (got <= 0 || word == SUPERVISE_STOP)
        milter_ending_stop(ending); /* without a supervisor there is no use */
}

bool
milter_ending_has_begun(const struct milter_ending *ending)
{
    return ending->draining || ending->stopping_ms > 0;
}

bool
milter_ending_is_over(const struct milter_ending *ending)
{
    if (ending->draining && atomic_load(&ending->counts->sessions) == 0)
        return true;
    return ending->stopping_ms > 0 &&
           (atomic_load(&ending->counts->messages) == 0 ||
               clock_now_ms() - ending->stopping_ms >= STOP_MS);
}
