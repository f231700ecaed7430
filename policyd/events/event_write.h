/*
 * event_write - a change and its events as one script for Redis.  Pure.
 *
 * All that writes events does it by this script, in which the checks of the caller, the
 * compare-and-set on the head of the chain, the change and its events are one step: all
 * of it is written, or nothing.  The hashes are made here, since Redis has no SHA-256,
 * for the head that was last heard of; where that has moved on, nothing was written, the
 * answer names the new one, and the caller sends the same again:
 *
 *     write = event_write_new(arena, prefix, script);
 *     event_write_key(...); event_write_argument(...); event_write_event(...);
 *     do
 *         send event_write_words(write, ...)
 *     while (event_write_moved(write, answer ...));
 *
 * A script is EVENT_SCRIPT(checks, changes), two literals of Lua.  KEYS[1] is the stream
 * and KEYS[2] its head; the caller's keys are behind them, and take() gives its arguments
 * one by one.  `checks` may return (then nothing was written), and may set `before` to
 * what stood there: an event whose `from` is EVENT_BEFORE tells that.  `changes` writes
 * and calls add_event() once for each event, in their order.
 *
 * The stream is cut by this script alone, to EVENT_KEPT and in bunches: first it writes
 * the event `checkpoint`, whose `to` is the SEQ:HASH of the last one that goes.
 */
#ifndef POLICYD_EVENTS_EVENT_WRITE_H
#define POLICYD_EVENTS_EVENT_WRITE_H

#include "policyd/events/event_entry.h"
#include "shared/base/arena.h"

enum {
    EVENT_KEPT = 10000,           /* entries, at least, where there ever were as many */
    EVENT_WRITE_TRIES = 1000,     /* more writers than that at once are not to be */
    EVENT_WRITE_WORDS_MAX = 1024, /* as redis_call takes them */
    EVENT_WRITE_EACH = 28,        /* words of an event among them */
    EVENT_WRITE_EVENTS_MAX = 32,
};

/* Literals of Lua, for EVENT_SCRIPT alone. */
#define EVENT_SCRIPT_BEGIN                                                               \
    "local at, before = 0, nil "                                                         \
    "local function take() at = at + 1 return ARGV[at] end "                             \
    "local chain_head, chain_before, chain_cut = take(), take(), take() "                \
    "local function take_event() "                                                       \
    "  local entry = {} "                                                                \
    "  for i = 1, tonumber(take()) do entry[i] = take() end "                            \
    "  return entry, take() end "                                                        \
    "local function append(entry, head) "                                                \
    "  redis.call('XADD', KEYS[1], '*', unpack(entry)) "                                 \
    "  redis.call('SET', KEYS[2], head) end "                                            \
    "local function add_event() append(take_event()) end "                               \
    "local checkpoint, checkpoint_head "                                                 \
    "if chain_cut ~= '' then checkpoint, checkpoint_head = take_event() end "

/* The head is asked of its key; where that has gone, of the last entry. */
#define EVENT_SCRIPT_GUARD                                                               \
    "if before then before = before:sub(1, 4096) end "                                   \
    "local function is_head(text) "                                                      \
    "  return #text < 90 and text:match('^%d+:%x+$') or '' end "                         \
    "local function head_of(entry) "                                                     \
    "  local seq, hash "                                                                 \
    "  for i = 1, #entry[2], 2 do "                                                      \
    "    if entry[2][i] == 'seq' then seq = entry[2][i + 1] end "                        \
    "    if entry[2][i] == 'hash' then hash = entry[2][i + 1] end end "                  \
    "  return is_head((seq or '') .. ':' .. (hash or '')) end "                          \
    "local length = redis.call('XLEN', KEYS[1]) "                                        \
    "local head = is_head(redis.call('GET', KEYS[2]) or '') "                            \
    "if head == '' then "                                                                \
    "  local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1] "          \
    "  head = last and head_of(last) or '' end "                                         \
    "local drop, cut = 0, '' "                                                           \
    "if length >= 11000 then "                                                           \
    "  drop = math.min(length - 10000, 1000) "                                           \
    "  local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', drop) "           \
    "  for i = #oldest, 1, -1 do "                                                       \
    "    if cut == '' then cut = head_of(oldest[i]) end end end "                        \
    "if chain_head ~= '-' then "                                                         \
    "  if head ~= chain_head or cut ~= chain_cut or "                                    \
    "     (chain_before ~= '' and chain_before ~= '=' .. (before or '')) then "          \
    "    return {'head', head, before or '', cut} end "                                  \
    "  if checkpoint then append(checkpoint, checkpoint_head) "                          \
    "    length = length + 1 end "                                                       \
    "  if drop > 0 then "                                                                \
    "    redis.call('XTRIM', KEYS[1], 'MAXLEN', length - drop) end end "

#define EVENT_SCRIPT(checks, changes)                                                    \
    EVENT_SCRIPT_BEGIN checks " " EVENT_SCRIPT_GUARD changes

/* One entry.  NULL, "" and 0 are written as "" but for `key`, which is left out. */
struct event_fields {
    int64_t time; /* unix time */
    const char *who;
    const char *host;
    const char *domain;
    const char *what;
    const char *key; /* an address, a unit: what it is about */
    const char *from;
    const char *to;
    const char *why;
    uint64_t rev;
};

/* As `from`: what stood there before. */
extern const char EVENT_BEFORE[];

struct event_write;

/* Copies live in the arena, which is to have room for about 100 KB beside them; `script`
 * is a literal.  Not more than EVENT_WRITE_WORDS_MAX words may come together. */
struct event_write *event_write_new(
    struct arena *arena, const char *prefix, const char *script);
void event_write_key(struct event_write *write, struct span key); /* whole */
void event_write_argument(struct event_write *write, struct span argument);
void event_write_number(struct event_write *write, uint64_t value);
void event_write_event(struct event_write *write, const struct event_fields *fields);

/* The arena that it was given: it goes with it. */
struct arena *event_write_arena(const struct event_write *write);

/* The words, borrowed until the next call; without an event, the head is not looked at.
 */
size_t event_write_words(struct event_write *write, const struct span **words);

/* An answer's texts.  True: the head has moved, nothing was written, and the next words
 * are for where it is now; false: it is the script's own answer. */
bool event_write_moved(struct event_write *write, const struct span *texts, size_t count);

/* What goes before the next words: the head where somebody knows it. */
void event_write_guess(struct event_write *write, const char *head);
/* The head that the last words lead to, "" without an event. */
const char *event_write_head(const struct event_write *write);

#endif
