#include "policyd/ctl/ctl_postconf.h"

#include "policyd/ctl/ctl_output.h"
#include "policyd/setup/setup_process.h"
#include "policyd/setup/setup_site.h"

enum { OUT_MAX = 64 << 20, SAID_MAX = 1 << 16 };

const char *
ctl_postfix_ask(struct ctl *ctl, const char *program, const char *option,
    const char *name, const char **fault)
{
    const char *directory =
        setup_site_directory(ctl->arguments.values[CTL_DIRECTORY], ctl->config->postfix);
    const char *words[6] = {program};
    size_t count = 1;
    struct buffer out;
    struct buffer said;
    struct error error = {ERROR_NONE, ""};
    const char *answer = NULL;
    int status = 0;

    if (directory != NULL) {
        words[count++] = "-c";
        words[count++] = directory;
    }
    words[count++] = option;
    words[count] = name;
    buffer_init(&out, OUT_MAX);
    buffer_init(&said, SAID_MAX);
    if (!setup_process_run(words, &out, &said, &status, &error))
        *fault = arena_text(ctl->arena, span_of(error.text));
    else if (status != 0)
        *fault =
            ctl_output_text(ctl->arena, span_trim(span_first(buffer_span(&said), 200)));
    else
        answer = arena_text(ctl->arena, span_trim(buffer_span(&out)));
    buffer_clear(&out);
    buffer_clear(&said);
    return answer;
}

const char *
ctl_postconf(struct ctl *ctl, const char *name, const char **fault)
{
    return ctl_postfix_ask(ctl, "postconf", "-xh", name, fault);
}
