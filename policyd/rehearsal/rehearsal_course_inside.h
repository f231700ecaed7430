/*
 * rehearsal_course_inside - what the files of rehearsal_course share.
 */
#ifndef POLICYD_REHEARSAL_REHEARSAL_COURSE_INSIDE_H
#define POLICYD_REHEARSAL_REHEARSAL_COURSE_INSIDE_H

#include "policyd/rehearsal/rehearsal_course.h"
#include "policyd/rehearsal/rehearsal_queue.h"

#define REHEARSAL_DAYS_MS ((int64_t)REHEARSAL_DAYS * 86400 * 1000)
#define REHEARSAL_ANEW_MS ((int64_t)REHEARSAL_ANEW_S * 1000)

struct rehearsal_course {
    struct rehearsal_people people;
    struct rehearsal_queue queue;
    int64_t stopped_until_ms;
    char stopped[REHEARSAL_WHY_MAX + 1];
    int64_t invent_ms; /* when nobody is asked about */
    bool takes_all;
    bool is_counting;
    int64_t count_from; /* the message where it began */
    size_t changed_at;  /* how far the changes were told */
};

#endif
