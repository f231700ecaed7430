#include "milters/common/milter_counts.h"

#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

/* As many as there are sockets, and what drains of some reloads. */
enum { PLACES = 64 };

struct place {
    atomic_int pid; /* 0: free */
    struct milter_counts counts;
};

static struct place *places;

void
milter_counts_share(void)
{
    void *shared = mmap(NULL, PLACES * sizeof(struct place), PROT_READ | PROT_WRITE,
        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    places = shared == MAP_FAILED ? NULL : shared;
}

struct milter_counts *
milter_counts_mine(void)
{
    static struct milter_counts own;

    for (size_t i = 0; places != NULL && i < PLACES; i++) {
        int nobody = 0;

        if (atomic_compare_exchange_strong(&places[i].pid, &nobody, getpid()))
            return &places[i].counts;
    }
    return &own;
}

int
milter_counts_left(pid_t pid)
{
    for (size_t i = 0; places != NULL && i < PLACES; i++) {
        int left;

        if (atomic_load(&places[i].pid) != pid)
            continue;
        left = atomic_exchange(&places[i].counts.sessions, 0);
        atomic_store(&places[i].counts.messages, 0);
        atomic_store(&places[i].pid, 0);
        return left;
    }
    return 0;
}
