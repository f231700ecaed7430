#include "milters/scan/scan_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "shared/service/clock.h"

enum {
    LOOK_MS = 20,    /* for a place in a queue */
    READY_MS = 200,  /* whether there still are signatures */
    BEGIN_MS = 1000, /* for an idle worker to begin with it */
    BURIAL_MS = 500, /* for the keeper to say what a worker died of */
    OVERLOOKED_MAX = 3,
    TRIES_MAX = 10, /* to find one that does */
    DEATHS_MAX = 2,
};

/* A job under way. */
struct work {
    const struct scan_pool *pool;
    const struct scan_message *message;
    int reply; /* read end of a pipe; -1: over */
    uint64_t deadline_ms;
    uint64_t began_ms;
    uint64_t idle_ms; /* since when a worker has been idle, at each look */
    unsigned tries;
    uint64_t job;      /* its number */
    uint64_t taken_ms; /* by a worker */
    bool is_long;      /* takes long: sent on the long lane */
    bool waits;        /* for its client's turn there */
    bool is_counted;   /* against the message, a death of its doing */
    struct scan_findings *findings;
    struct scan_timing *timing;
};

/* Whether a worker has had the job in hand. */
static bool
is_taken(struct work *work)
{
    uint64_t taken_ms = 0;

    if (work->timing->worker < 0) {
        work->timing->worker =
            scan_board_find_job(work->pool->board, work->job, &taken_ms);
        work->taken_ms = taken_ms;
    }
    return work->timing->worker >= 0;
}

static void
work_end(struct work *work, enum scan_missing missing)
{
    if (work->reply >= 0)
        (void)close(work->reply);
    work->reply = -1;
    work->findings->missing = missing;
    work->timing->clamav_ms = (int64_t)(clock_now_ms() - work->began_ms);
}

static int
jobs_of(const struct work *work)
{
    return work->is_long ? work->pool->long_jobs : work->pool->jobs;
}

/* 0 done, else errno; EAGAIN: the queue of the jobs socket is full. */
static int
send_frame(const struct work *work, const struct buffer *frame, int reply, int message)
{
    int fds[2] = {reply, message};
    size_t size = message < 0 ? sizeof(fds[0]) : sizeof(fds);
    char control[CMSG_SPACE(sizeof(fds))] = {0};
    struct iovec part = {frame->data, frame->length};
    struct msghdr packet = {.msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = CMSG_SPACE(size)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&packet);

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(header), fds, size);
    return sendmsg(jobs_of(work), &packet, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? errno : 0;
}

/* For as long as a look at the deadline can wait. */
static void
wait_for_place(const struct work *work)
{
    struct pollfd jobs = {jobs_of(work), POLLOUT, 0};

    (void)poll(&jobs, 1, LOOK_MS);
}

static int
send_job(const struct work *work, int reply)
{
    const struct scan_message *message = work->message;
    struct scan_job job = {work->job, work->deadline_ms, message->size, message->octets};
    struct buffer frame;
    int problem;

    buffer_init(&frame, SCAN_JOB_MAX);
    scan_wire_write_job(&job, &frame);
    while ((problem = send_frame(work, &frame, reply, message->fd)) == EAGAIN &&
           clock_now_ms() < work->deadline_ms)
        wait_for_place(work);
    buffer_clear(&frame);
    return problem;
}

/* While signatures are being swapped in place jobs wait; without any the message is
 * refused at once. */
static bool
is_ready(const struct scan_board *board)
{
    return atomic_load(&board->ready) || atomic_load(&board->swapping);
}

static void
work_start(struct work *work)
{
    int ends[2];
    int problem;

    if (!is_ready(work->pool->board)) {
        work_end(work, SCAN_NOT_READY);
        return;
    }
    /* A pipe costs half of what a pair of sockets does, most of all when it is passed on.
     */
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
        work_end(work, SCAN_TROUBLE);
        return;
    }
    work->reply = ends[0];
    work->job = scan_board_number_job(work->pool->board);
    work->idle_ms = clock_now_ms();
    work->tries++;
    problem = send_job(work, ends[1]);
    (void)close(ends[1]);
    if (problem != 0)
        work_end(work, problem == EAGAIN ? SCAN_BUSY : SCAN_TROUBLE);
}

/* Another worker; who may still have the job finds nobody waiting for it. */
static void
work_start_again(struct work *work, enum scan_missing otherwise)
{
    if (work->tries >= TRIES_MAX || clock_now_ms() >= work->deadline_ms) {
        work_end(work, otherwise);
        return;
    }
    (void)close(work->reply);
    work->reply = -1;
    work->timing->worker = -1;
    work_start(work);
}

/* The pipe breaks before the keeper has heard of the death. */
static enum scan_death
learn_death(const struct work *work)
{
    uint64_t patience = clock_now_ms() + BURIAL_MS;
    enum scan_death death;

    while ((death = scan_board_death(
                work->pool->board, work->timing->worker, work->job)) == DEATH_NOT_KNOWN &&
           clock_now_ms() < patience)
        (void)poll(NULL, 0, 1);
    return death;
}

/* To the long lane, behind what the same client has there. */
static void
work_give_way(struct work *work)
{
    (void)close(work->reply);
    work->reply = -1;
    work->timing->worker = -1;
    work->waits = work->is_long = true;
}

static void
work_wait_turn(struct work *work, uint64_t now)
{
    bool turn = scan_turn_take(
        &work->pool->board->turns, work->message->client, work->deadline_ms, now);

    if (!turn && now < work->deadline_ms)
        return;
    work->waits = false;
    if (turn)
        work_start(work);
    else
        work_end(work, SCAN_BUSY);
}

static bool
is_pending(const struct work *work)
{
    return work->reply >= 0 || work->waits;
}

/* What crashes a worker is shown to one more; what crashes two is of no use to any. */
static void
work_died(struct work *work)
{
    struct scan_board *board = work->pool->board;
    enum scan_death death = learn_death(work);
    uint64_t digest;

    if (death == DEATH_FOR_OTHERS) {
        work_give_way(work);
        return;
    }
    if (death != DEATH_BY_CRASH) {
        work_end(work, SCAN_DIED);
        return;
    }
    digest = scan_message_digest(work->message);
    scan_board_add_death(board, digest, true, clock_now_ms());
    work->is_counted = true;
    if (scan_board_deaths(board, digest, clock_now_ms()).crashes >= DEATHS_MAX)
        work_end(work, SCAN_CRASHER);
    else
        work_start_again(work, SCAN_DIED);
}

static void
work_hear(struct work *work)
{
    char octets[SCAN_FRAME_MAX];
    ssize_t got = read(work->reply, octets, sizeof(octets));

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0 && is_taken(work)) {
        work_died(work);
    } else if (got <= 0) {
        /* Dropped by one that was too late to take it, or could not. */
        work_start_again(work, SCAN_BUSY);
    } else if (scan_wire_read_result(
                   span_make(octets, (size_t)got), &work->findings->result)) {
        work->timing->worker = (int)(work->findings->result.worker % SCAN_WORKERS_MAX);
        work_end(work, SCAN_DONE);
    } else {
        /* What speaks like that is no worker of ours any more. */
        (void)is_taken(work);
        work_end(work, SCAN_DIED);
    }
}

/* Without its folder, say, no worker passes its test. */
static enum scan_missing
reason_to_wait(const struct scan_board *board)
{
    return scan_board_has_workers(board) ? SCAN_BUSY : SCAN_NOT_READY;
}

/* Nobody has begun with it, and all the while one had nothing to do: who took it off the
 * queue has lost it.  One that is idle for a moment between others' jobs is no sign. */
static bool
is_overlooked(struct work *work, uint64_t now)
{
    if (work->timing->worker >= 0 || work->is_long ||
        scan_board_count(work->pool->board, WORKER_IDLE) == 0) {
        work->idle_ms = now;
        return false;
    }
    return work->tries <= OVERLOOKED_MAX && now >= work->idle_ms + BEGIN_MS &&
           !is_taken(work);
}

static void
work_check_time(struct work *work, uint64_t now)
{
    if (work->waits)
        work_wait_turn(work, now);
    else if (work->reply >= 0 && now >= work->deadline_ms)
        work_end(work, is_taken(work) ? SCAN_TIMEOUT : reason_to_wait(work->pool->board));
    else if (work->reply >= 0 && !is_ready(work->pool->board) && !is_taken(work))
        work_end(work, SCAN_NOT_READY);
    else if (work->reply >= 0 && is_overlooked(work, now))
        work_start_again(work, SCAN_BUSY);
}

/* Answers wake us; what has to be looked for by ourselves says how soon. */
static int
patience_ms(const struct work *work, const struct spamd_client *spamd)
{
    uint64_t now = clock_now_ms();

    if (work->waits || (spamd != NULL && !spamd_client_done(spamd)))
        return LOOK_MS;
    if (now >= work->deadline_ms)
        return 0;
    return work->deadline_ms - now < READY_MS ? (int)(work->deadline_ms - now) : READY_MS;
}

static void
wait_for_both(struct work *work, struct spamd_client *spamd)
{
    uint64_t began = clock_now_ms();

    while (is_pending(work) || (spamd != NULL && !spamd_client_done(spamd))) {
        struct pollfd waiting[2] = {
            {work->reply, POLLIN, 0},
            {-1,          0,      0},
        };
        uint64_t now;

        if (spamd != NULL && !spamd_client_done(spamd))
            waiting[1].fd = spamd_client_fd(spamd, &waiting[1].events);
        (void)poll(waiting, 2, patience_ms(work, spamd));
        now = clock_now_ms();
        if (waiting[0].revents != 0)
            work_hear(work);
        work_check_time(work, now);
        if (spamd != NULL && !spamd_client_done(spamd)) {
            spamd_client_step(spamd, waiting[1].revents, now);
            work->timing->spamd_ms = (int64_t)(now - began);
        }
    }
}

/* SCAN_DONE: nothing is known against it. */
static enum scan_missing
known_killer(const struct scan_board *board, const struct scan_message *message)
{
    struct scan_deaths deaths;

    if (!atomic_load(&board->has_killers))
        return SCAN_DONE;
    deaths = scan_board_deaths(board, scan_message_digest(message), clock_now_ms());
    if (deaths.crashes >= DEATHS_MAX)
        return SCAN_CRASHER;
    return deaths.all >= DEATHS_MAX ? SCAN_KILLER : SCAN_DONE;
}

/* A message that was waiting for most of its time is not the one to blame. */
static bool
is_to_blame(const struct work *work)
{
    if (work->is_counted)
        return false;
    return work->findings->missing == SCAN_DIED ||
           (work->findings->missing == SCAN_TIMEOUT &&
               work->taken_ms - work->began_ms < work->pool->deadline_ms / 2);
}

static void
take_spamd_answer(
    struct spamd_client *spamd, struct arena *arena, struct scan_findings *findings)
{
    struct error error = {0};

    if (spamd_client_reply(spamd, &findings->spam, &error)) {
        findings->spamd = SPAMD_DONE;
        return;
    }
    findings->spamd = SPAMD_UNKNOWN;
    findings->spamd_problem = arena_text(arena, span_of(error.text));
}

void
scan_run(const struct scan_pool *pool, const struct scan_message *message,
    struct span preamble, struct arena *arena, struct scan_findings *findings,
    struct scan_timing *timing)
{
    uint64_t began = clock_now_ms();
    struct work work = {.pool = pool,
        .message = message,
        .reply = -1,
        .deadline_ms = began + pool->deadline_ms,
        .began_ms = began,
        .taken_ms = began,
        .findings = findings,
        .timing = timing};
    enum scan_missing known = known_killer(pool->board, message);
    struct spamd_client *spamd = NULL;
    struct span octets = {NULL, 0};

    *findings = (struct scan_findings){.spamd = SPAMD_OFF};
    *timing = (struct scan_timing){.worker = -1, .spamd_ms = -1};
    if (pool->spamd.address.kind != SOCKET_NONE) {
        findings->spamd = SPAMD_UNKNOWN;
        findings->spamd_problem = "message too large for spamd";
        findings->too_large_for_spamd =
            message->size - SCAN_MARK.length > pool->spamd_max;
        if (!findings->too_large_for_spamd) {
            octets = scan_message_map(message);
            findings->spamd_problem = "no memory for the message";
        }
        if (octets.length > 0) {
            spamd = spamd_client_new(
                &pool->spamd, preamble, span_from(octets, SCAN_MARK.length), began);
        }
    }
    if (known != SCAN_DONE)
        work_end(&work, known);
    else
        work_start(&work);
    wait_for_both(&work, spamd);
    if (work.is_long)
        scan_turn_give_back(&pool->board->turns, message->client, work.deadline_ms);
    if (is_to_blame(&work))
        scan_board_add_death(
            pool->board, scan_message_digest(message), false, clock_now_ms());
    if (spamd != NULL)
        take_spamd_answer(spamd, arena, findings);
    spamd_client_free(spamd);
    scan_message_unmap(message, octets);
}
