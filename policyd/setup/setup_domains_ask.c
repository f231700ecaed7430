#include "policyd/setup/setup_domains_inside.h"

#include "policyd/setup/setup_process.h"

/* A local part that nobody has. */
#define INVENTED "postshiftinvented"

void
setup_domains_note(struct reader *reader, const char *text)
{
    struct setup_facts *facts = &reader->site->facts;

    if (facts->note_count < SETUP_NOTES_MAX)
        facts->notes[facts->note_count++] = text;
}

bool
setup_domains_ask(struct reader *reader, const char *const *settings,
    size_t setting_count, const char *const *names, size_t count, struct span *answer,
    struct error *error)
{
    enum { WORDS = 160 };
    const char *words[WORDS];
    size_t used = 0;
    struct buffer out;
    struct buffer said;
    int status;
    bool done;

    words[used++] = "postconf";
    if (reader->site->given != NULL) {
        words[used++] = "-c";
        words[used++] = reader->site->given;
    }
    for (size_t i = 0; i < setting_count && used + count + 4 < WORDS; i++) {
        words[used++] = "-o";
        words[used++] = settings[i];
    }
    words[used++] = "-xh";
    for (size_t i = 0; i < count; i++)
        words[used++] = names[i];
    words[used] = NULL;
    buffer_init(&out, SETUP_TEXT_MAX);
    buffer_init(&said, SETUP_TEXT_MAX);
    done = setup_process_run(words, &out, &said, &status, error);
    if (done && status != 0)
        done = error_permanent(error, "postconf -xh failed: %s", buffer_text(&said));
    if (done)
        *answer = arena_span(reader->arena, buffer_span(&out));
    buffer_clear(&out);
    buffer_clear(&said);
    return done;
}

struct span
setup_domains_invent(struct reader *reader, const char *domain)
{
    return span_of(arena_printf(reader->arena, INVENTED "@%s", domain));
}
