#include "shared/service/metrics_process.h"

#include "shared/base/number.h"

#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { STRETCH = 256 }; /* descriptors asked for at once */

/* Fields of /proc/self/stat behind the name, which may have blanks: numbers of proc(5)
 * less 3. */
enum { STAT_STARTTIME = 22 - 3, STAT_RSS = 24 - 3 };

static bool
read_stat(char *text, size_t size, struct span *fields)
{
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, size);
    size_t name_end;

    if (fd >= 0)
        (void)close(fd);
    if (length <= 0)
        return false;
    *fields = span_make(text, (size_t)length);
    name_end = span_find_last(*fields, ')');
    if (name_end == SPAN_NONE)
        return false;
    *fields = span_from(*fields, name_end + 1);
    return true;
}

static bool
stat_field(size_t index, uint64_t *number)
{
    char text[1024];
    struct span fields;
    struct span word;

    if (!read_stat(text, sizeof(text), &fields))
        return false;
    for (size_t i = 0; span_word(&fields, &word); i++) {
        if (i == index)
            return number_unsigned(word, UINT64_MAX, number);
    }
    return false;
}

static double
seconds_of(struct timespec time)
{
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static bool
cpu_seconds(double *value)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return false;
    *value = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
             (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    return true;
}

static bool
resident_memory(double *value)
{
    uint64_t pages;

    if (!stat_field(STAT_RSS, &pages))
        return false;
    *value = (double)pages * (double)sysconf(_SC_PAGESIZE);
    return true;
}

/* Asked of poll, as /proc/self/fd is shut to a process that was root.  Descriptors are
 * given out from below: a stretch without any is the end. */
static bool
open_fds(double *value)
{
    size_t count = 0;
    int next = 0;
    size_t open_here;

    do {
        struct pollfd asked[STRETCH];

        for (size_t i = 0; i < STRETCH; i++)
            asked[i] = (struct pollfd){.fd = next++};
        if (poll(asked, STRETCH, 0) < 0)
            return false;
        open_here = 0;
        for (size_t i = 0; i < STRETCH; i++)
            open_here += (asked[i].revents & POLLNVAL) == 0;
        count += open_here;
    } while (open_here > 0);
    *value = (double)count;
    return true;
}

static bool
max_fds(double *value)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    *value = (double)limit.rlim_cur;
    return true;
}

/* /proc counts in ticks since boot; boot is now less the time since then.  Whole seconds,
 * so that it stays the same from one look to the next. */
static bool
start_time(double *value)
{
    struct timespec now;
    struct timespec since_boot;
    uint64_t ticks;

    if (!stat_field(STAT_STARTTIME, &ticks) || clock_gettime(CLOCK_REALTIME, &now) != 0 ||
        clock_gettime(CLOCK_BOOTTIME, &since_boot) != 0)
        return false;
    *value = round(seconds_of(now) - seconds_of(since_boot) +
                   (double)ticks / (double)sysconf(_SC_CLK_TCK));
    return true;
}

void
metrics_process_write(struct buffer *out)
{
    static const struct {
        const char *name;
        const char *type;
        const char *help;
        bool (*value)(double *value);
    } families[] = {
        {"process_cpu_seconds_total",     "counter", "User and system CPU time in seconds.",
         cpu_seconds                                                                                 },
        {"process_resident_memory_bytes", "gauge",   "Resident memory in bytes.",
         resident_memory                                                                             },
        {"process_open_fds",              "gauge",   "Open descriptors.",                    open_fds},
        {"process_max_fds",               "gauge",   "Most descriptors.",                    max_fds },
        {"process_start_time_seconds",    "gauge",   "Start of the process in unix time.",
         start_time                                                                                  },
    };

    for (size_t i = 0; i < ARRAY_LENGTH(families); i++) {
        double value;

        if (!families[i].value(&value))
            continue;
        buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.15g\n", families[i].name,
            families[i].help, families[i].name, families[i].type, families[i].name,
            value);
    }
}
