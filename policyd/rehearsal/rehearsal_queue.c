#include "policyd/rehearsal/rehearsal_queue.h"

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
take_first(struct rehearsal_row *row)
{
    struct rehearsal_pair *pair = row->first;

    if (pair == NULL)
        return NULL;
    row->first = pair->queue_next;
    if (row->first == NULL)
        row->last = NULL;
    pair->is_queued = false;
    return pair;
}

/* Its head is one who moves. */
static void
drop_others(struct rehearsal_row *row)
{
    while (row->first != NULL && !row->first->person->moves)
        (void)take_first(row);
}

bool
rehearsal_queue_is_empty(struct rehearsal_queue *queue)
{
    drop_others(&queue->fresh);
    drop_others(&queue->again);
    return queue->fresh.first == NULL && queue->again.first == NULL;
}

struct rehearsal_pair *
rehearsal_queue_take(struct rehearsal_queue *queue)
{
    if (rehearsal_queue_is_empty(queue))
        return NULL;
    return take_first(queue->fresh.first != NULL ? &queue->fresh : &queue->again);
}
