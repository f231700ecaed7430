#include "milters/scan/scan_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "milters/scan/clam_calls.h"
#include "milters/scan/scan_lock.h"
#include "milters/scan/scan_parts.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

enum {
    SEALS = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK,
    KEEP_BLOCK = 32 << 20, /* octets; larger ones are the kernel's again when freed */
    KEEP_IN_ALL = 128 << 20,
    REST_MS = 5,          /* without a job, before memory is given back */
    REST_ABOVE = 2 << 20, /* less is kept: to take it again costs more than it is worth */
    LOOK_MS = 500,        /* for a job whose waker died on the way */
};

_Static_assert(SCAN_FRAME_MAX <= PIPE_BUF, "an answer is written in one piece");

/* A job as it came: the message and where the answer goes. */
struct received {
    struct scan_job job;
    int message; /* -1: it stands in the job */
    int reply;
    char frame[SCAN_JOB_MAX];
};

static bool
is_worn(const struct scan_worker *worker, unsigned scans)
{
    struct timespec used;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return scans >= worker->most_scans || used.tv_sec >= WORKER_CPU_WORN;
}

static void
set_state(const struct scan_worker *worker, enum scan_worker_state state)
{
    atomic_store(&worker->slot->state, (int)state);
}

static void
close_received(const struct received *received)
{
    if (received->message >= 0)
        (void)close(received->message);
    if (received->reply >= 0)
        (void)close(received->reply);
}

static void
take_descriptors(struct msghdr *message, struct received *received)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL;
         c = CMSG_NXTHDR(message, c)) {
        int fds[2] = {-1, -1};

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
            c->cmsg_len > CMSG_LEN(sizeof(fds)))
            continue;
        memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
        received->reply = fds[0];
        received->message = fds[1];
    }
}

enum receipt { RECEIPT_JOB, RECEIPT_NONE, RECEIPT_BROKEN };

/* None: another worker was quicker, or what came is no job.  Broken: this process can't
 * take what comes with one, and would drop the next as well. */
static enum receipt
receive(int jobs, struct received *received)
{
    char control[CMSG_SPACE(2 * sizeof(int))];
    struct iovec part = {received->frame, sizeof(received->frame)};
    struct msghdr message = {.msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof(control)};
    ssize_t length;

    received->message = -1;
    received->reply = -1;
    length = recvmsg(jobs, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (length < 0 && errno != EAGAIN && errno != EINTR)
        return RECEIPT_BROKEN;
    if (length <= 0)
        return RECEIPT_NONE;
    take_descriptors(&message, received);
    if ((message.msg_flags & MSG_CTRUNC) != 0) {
        close_received(received);
        return RECEIPT_BROKEN;
    }
    if (received->reply < 0 ||
        !scan_wire_read_job(span_make(received->frame, (size_t)length), &received->job) ||
        (received->message < 0) != (received->job.size <= SCAN_INLINE_MAX)) {
        close_received(received);
        return RECEIPT_NONE;
    }
    return RECEIPT_JOB;
}

/* In one piece: a frame is shorter than what a pipe takes at once.  Nobody may be there.
 */
static void
answer(int reply, const struct buffer *frame)
{
    ssize_t written = write(reply, frame->data, frame->length);

    (void)written;
}

/* Whoever asked may have given up while the job waited. */
static bool
is_wanted(const struct received *received)
{
    struct pollfd reply = {received->reply, 0, 0};

    if (received->job.deadline_ms <= clock_now_ms())
        return false;
    return poll(&reply, 1, 0) == 0 || (reply.revents & POLLERR) == 0;
}

/* A message that could still be changed or cut while it is looked at is none. */
static bool
map_message(const struct received *received, struct span *message)
{
    size_t size = (size_t)received->job.size;
    struct stat status;
    void *memory;
    int seals;

    *message = received->job.octets;
    if (received->message < 0)
        return true;
    seals = fcntl(received->message, F_GET_SEALS);
    if (seals < 0 || (seals & SEALS) != SEALS || fstat(received->message, &status) < 0 ||
        (uint64_t)status.st_size != received->job.size)
        return false;
    memory =
        mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, received->message, 0);
    if (memory == MAP_FAILED)
        return false;
    *message = span_make(memory, size);
    return true;
}

static void
unmap_message(const struct received *received, struct span message)
{
    union {
        const char *given;
        void *passed;
    } memory = {.given = message.data};

    if (received->message >= 0)
        (void)munmap(memory.passed, message.length);
}

/* The job in hand, for who is called in the middle of it. */
static struct {
    const struct scan_worker *worker;
    int reply;
} in_hand;

/* Out of the library, from where there is no way back.  What it has found is found. */
static void
be_late(void)
{
    struct scan_result result = {
        .status = SCAN_STATUS_LATE, .worker = in_hand.worker->number};
    struct buffer frame;

    if (clam_engine_found()[0] != '\0') {
        result.status = SCAN_STATUS_INFECTED;
        scan_name_copy(result.virus, clam_engine_found());
    }
    buffer_init(&frame, SCAN_FRAME_MAX);
    scan_wire_write_result(&result, &frame);
    answer(in_hand.reply, &frame);
    _exit(WORKER_EXIT_WORN);
}

/* False: the scan failed, or what it stands on is not sound. */
static bool
scan_one(const struct scan_worker *worker, const struct received *received)
{
    struct scan_result result = {.status = SCAN_STATUS_FAILED};
    struct span message;
    struct buffer frame;
    bool sound = false;

    buffer_init(&frame, SCAN_FRAME_MAX);
    scan_slot_take_job(
        worker->slot, received->job.number, received->job.deadline_ms, clock_now_ms());
    if (map_message(received, &message)) {
        in_hand.worker = worker;
        in_hand.reply = received->reply;
        clam_calls_on_late(be_late);
        sound = scan_parts_run(worker->engine, message, worker->allowed, &result);
        unmap_message(received, message);
    } else {
        scan_text_copy(result.problem, "message not sealed, or no memory for it");
    }
    result.worker = worker->number;
    scan_wire_write_result(&result, &frame);
    answer(received->reply, &frame);
    buffer_clear(&frame);
    scan_slot_end_job(worker->slot);
    return sound;
}

static bool
listen_to(int waiting, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data = {.fd = fd}};

    return epoll_ctl(waiting, EPOLL_CTL_ADD, fd, &event) == 0;
}

/*
 * One worker is woken by a job and not all that are idle, and the one that waited last:
 * its caches are the warmest.
 */
static bool
begin(const struct scan_worker *worker, int waiting)
{
    set_state(worker, WORKER_IDLE);
    return listen_to(waiting, worker->jobs, EPOLLIN | EPOLLEXCLUSIVE);
}

static bool
obey(const struct scan_worker *worker, int waiting)
{
    char command;

    if (read(worker->commands, &command, 1) != 1 || command == WORKER_RETIRE)
        return false;
    return begin(worker, waiting);
}

/* False: a scan failed, or none can be taken. */
static bool
take_job(const struct scan_worker *worker, unsigned *scans)
{
    struct received received;
    enum receipt receipt = receive(worker->jobs, &received);
    bool good = true;

    if (receipt != RECEIPT_JOB)
        return receipt == RECEIPT_NONE;
    if (is_wanted(&received)) {
        good = scan_one(worker, &received);
        *scans += 1;
    }
    close_received(&received);
    return good;
}

/*
 * For each part of a message libclamav takes memory in proportion to the number of
 * signatures, megabytes with as many as there are, and frees it again.  Left to itself
 * malloc would have the kernel clear those pages anew each time; what a worker needs
 * while it scans it keeps until it has nothing to do.
 */
static void
keep_memory(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, KEEP_BLOCK);
    (void)mallopt(M_TRIM_THRESHOLD, KEEP_IN_ALL);
}

static void
give_back_memory(void)
{
    if (mallinfo2().fordblks > REST_ABOVE)
        (void)malloc_trim(0);
}

static int
patience_ms(bool active, bool keeps)
{
    if (keeps)
        return REST_MS;
    return active ? LOOK_MS : -1;
}

static void
serve(const struct scan_worker *worker, int waiting)
{
    unsigned scans = 0;
    bool active = false;
    bool keeps = true; /* memory, also that of the self test */
    bool good = true;
    uint64_t worked_ms = clock_now_ms();

    set_state(worker, WORKER_SPARE);
    if (worker->is_long)
        active = begin(worker, waiting);
    while (good && !is_worn(worker, scans)) {
        struct epoll_event event;
        int count = epoll_wait(waiting, &event, 1, patience_ms(active, keeps));

        if (count < 0 && errno != EINTR)
            _exit(WORKER_EXIT_UNFIT);
        if (count == 0 && keeps)
            give_back_memory();
        keeps = count > 0;
        if (worker->is_long && count == 0 &&
            clock_now_ms() - worked_ms >= SCAN_LONG_IDLE_MS)
            _exit(WORKER_EXIT_DONE);
        if (count > 0 && event.data.fd == worker->commands) {
            if (!obey(worker, waiting))
                _exit(WORKER_EXIT_DONE);
            active = true;
        } else if (active) {
            good = take_job(worker, &scans);
            worked_ms = count > 0 ? clock_now_ms() : worked_ms;
        }
    }
    _exit(WORKER_EXIT_WORN);
}

static void __attribute__((noreturn))
be_unfit(const struct scan_worker *worker, const struct error *error)
{
    log_error("scan worker", log_number("worker", worker->number), log_note(error->text));
    _exit(WORKER_EXIT_UNFIT);
}

void
scan_worker_run(const struct scan_worker *worker)
{
    struct error error;
    int waiting = epoll_create1(EPOLL_CLOEXEC);

    (void)signal(SIGPIPE, SIG_IGN); /* who asked may be gone */
    keep_memory();
    clam_calls_tell(&worker->slot->troubled);
    clam_engine_set_room(worker->engine, worker->room);
    if (waiting < 0 || !listen_to(waiting, worker->commands, EPOLLIN))
        _exit(WORKER_EXIT_UNFIT);
    if (worker->is_long)
        (void)setpriority(PRIO_PROCESS, 0, SCAN_LONG_NICE);
    if (!scan_lock_enter(worker, &error))
        be_unfit(worker, &error);
    if (!clam_engine_self_test(worker->engine, &error)) {
        if (error.kind == ERROR_PERMANENT)
            _exit(WORKER_EXIT_BLIND);
        be_unfit(worker, &error);
    }
    serve(worker, waiting);
    _exit(WORKER_EXIT_DONE);
}
