/*
 * ctl_pause - the pauses of what goes on until it is told to end: by INT or TERM, or by q
 * where a person sits at a terminal.
 */
#ifndef POLICYD_CTL_CTL_PAUSE_H
#define POLICYD_CTL_CTL_PAUSE_H

#include <stdbool.h>

/* Signals are heard from here on, keys without Return and without being shown. */
void ctl_pause_begin(void);

/* Waits; false when it is time to end. */
bool ctl_pause(unsigned seconds);

/* The terminal is as it was. */
void ctl_pause_end(void);

#endif
