/*
 * fuzz_completion - what a line that is being typed may go on with, is told of its own
 * words alone.
 */
#include "policyd/terminal/completion.h"

#include <assert.h>
#include <string.h>

enum { WORDS_MAX = 16, TEXT_MAX = 2000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whether a text begins in there, up to its end. */
static bool
is_inside(const char *text, const char *all, size_t size)
{
    return text >= all && text <= all + size;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[TEXT_MAX + 1];
    const char *words[WORDS_MAX];
    size_t count = 0;
    struct completion completion;

    if (size > TEXT_MAX)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    for (size_t at = 0; at <= size && count < WORDS_MAX; at += strlen(text + at) + 1)
        words[count++] = text + at;
    completion_read(&completion, words, count);
    assert(completion.kind <= COMPLETION_FILES);
    assert((completion.kind == COMPLETION_WORDS) == (completion.words != NULL));
    assert(completion.verb == NULL || is_inside(completion.verb, text, size));
    assert(completion.config == NULL || is_inside(completion.config, text, size));
    assert(completion.stem.length + completion.begun.length == strlen(words[count - 1]));
    assert(completion.kind != COMPLETION_VERBS || completion.verb == NULL);
    return 0;
}
