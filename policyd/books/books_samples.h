/*
 * books_samples - first attempts of a period, judged over parts of it: how many, and the
 * delay that half of them, or 95 of 100, were within.
 */
#ifndef POLICYD_BOOKS_BOOKS_SAMPLES_H
#define POLICYD_BOOKS_BOOKS_SAMPLES_H

#include "policyd/books/books.h"
#include "policyd/terminal/report.h"

struct books_samples;

/* 24 octets each are held; NULL with an error. */
struct books_samples *books_samples_read(
    struct books *books, int64_t since_ms, int64_t until_ms, struct error *error);
void books_samples_free(struct books_samples *samples);

/* `domain` NULL: all. */
struct report_attempts books_samples_judge(struct books_samples *samples,
    const char *domain, enum report_side side, int64_t from_ms, int64_t to_ms);

#endif
