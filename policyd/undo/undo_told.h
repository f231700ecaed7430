/*
 * undo_told - what the journal says of itself, in a file beside it (`told.json`), for
 * `postshiftctl status` and `undo`.
 *
 * The file has its place from the start and is written over, so that a full disk can be
 * told, too.
 */
#ifndef POLICYD_UNDO_UNDO_TOLD_H
#define POLICYD_UNDO_UNDO_TOLD_H

#include "policyd/copies/copies_key.h"

#define UNDO_TOLD_NAME "told.json"

enum { UNDO_TOLD_SIZE = 1024 };

struct undo_told {
    int fd;           /* -1: it can't be written */
    int64_t since_ms; /* the first copy that is still there; 0: none */
    int64_t now_ms;   /* when this was told */
    uint64_t octets;  /* of all files */
    uint64_t files;
    uint64_t copies;    /* kept since the listener was started */
    uint64_t refused;   /* since then */
    int64_t refused_ms; /* the last of them; 0: none */
    bool is_refusing;   /* the last copy was refused */
    uint64_t early;     /* files that went before their time, for undo_max; since then */
};

void undo_told_prepare(struct undo_told *told, int folder);
void undo_told_write(struct undo_told *told, int folder);
void undo_told_close(struct undo_told *told);

/* When the file of this name was begun: told->since_ms, 0 where it can't be read. */
void undo_told_look(struct undo_told *told, int folder, const char *name,
    const uint8_t key[COPIES_KEY_SIZE]);

#endif
