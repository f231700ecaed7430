#include "policyd/rehearsal/rehearsal_queue.h"

bool
rehearsal_queue_is_empty(const struct rehearsal_queue *queue)
{
    return queue->fresh.first == NULL && queue->again.first == NULL;
}

void
rehearsal_queue_put_last(struct rehearsal_queue *queue, struct rehearsal_pair *pair)
{
    bool is_fresh = pair->asked_ms == 0 && pair->person->pair_count == 1;
    struct rehearsal_row *line = is_fresh ? &queue->fresh : &queue->again;

    if (pair->is_queued || pair->is_asked || !pair->person->moves)
        return;
    pair->is_queued = true;
    pair->queue_next = NULL;
    if (line->first == NULL)
        line->first = pair;
    else
        line->last->queue_next = pair;
    line->last = pair;
}

void
rehearsal_queue_put_first(struct rehearsal_queue *queue, struct rehearsal_pair *pair)
{
    pair->is_queued = true;
    pair->queue_next = queue->fresh.first;
    queue->fresh.first = pair;
    if (pair->queue_next == NULL)
        queue->fresh.last = pair;
}

static struct rehearsal_pair *
take_first(struct rehearsal_row *line)
{
    struct rehearsal_pair *pair = line->first;

    if (pair == NULL)
        return NULL;
    line->first = pair->queue_next;
    if (line->first == NULL)
        line->last = NULL;
    pair->is_queued = false;
    return pair;
}

struct rehearsal_pair *
rehearsal_queue_take(struct rehearsal_queue *queue)
{
    struct rehearsal_pair *pair;

    do {
        pair = take_first(&queue->fresh);
        if (pair == NULL)
            pair = take_first(&queue->again);
    } while (pair != NULL && !pair->person->moves);
    return pair;
}
