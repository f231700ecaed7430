/*
 * undo_metrics - what postshift-undo counts and measures, as rows; taken from what the
 * journal says of itself.
 */
#ifndef POLICYD_UNDO_UNDO_METRICS_H
#define POLICYD_UNDO_UNDO_METRICS_H

#include "policyd/undo/undo_told.h"
#include "shared/service/metrics.h"

struct metrics *undo_metrics_registry(void);

void undo_metrics_take(struct metrics *metrics, const struct undo_told *told);

#endif
