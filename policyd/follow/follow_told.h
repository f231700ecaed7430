/*
 * follow_told - what the follower of the log tells an operator, once: trouble that begins
 * and is over, a log that says nothing, one that is not Postfix's.
 */
#ifndef POLICYD_FOLLOW_FOLLOW_TOLD_H
#define POLICYD_FOLLOW_FOLLOW_TOLD_H

#include <stdbool.h>
#include <stdint.h>

enum { FOLLOW_TROUBLE_MAX = 400 };

/* A value of zeroes: nothing was told. */
struct follow_told {
    char trouble[FOLLOW_TROUBLE_MAX];
    uint64_t trouble_ms;
    bool is_silent;
    bool is_wrong;
};

/* The trouble of now, "" for none.  What comes and goes within a minute (a disk that is
 * nearly full) is told once. */
void follow_told_trouble(struct follow_told *told, const char *now);

/* Whether no line of Postfix came for ten minutes: a log that says nothing is not a log
 * that says all is well. */
bool follow_told_silence(struct follow_told *told, uint64_t heard_ms, const char *log);

/* After a line that is not ours; `lines` as follow_status has them.  Nobody should wait
 * for what is never to come. */
void follow_told_wrong(
    struct follow_told *told, const uint64_t lines[3], const char *log);

#endif
