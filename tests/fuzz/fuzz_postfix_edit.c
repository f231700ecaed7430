/*
 * main.cf and master.cf of any kind: what is set has the value it was given, and what is
 * added and taken out again leaves what was there.
 */
#include <stdlib.h>

#include "policyd/wiring/postfix_edit.h"
#include "policyd/wiring/postfix_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool yes)
{
    if (!yes)
        abort();
}

static void
fill(struct postfix_files *files, struct span text)
{
    buffer_init(&files->main_cf, text.length + 1000);
    buffer_init(&files->master_cf, text.length + 1000);
    buffer_append(&files->main_cf, text);
    buffer_append(&files->master_cf, text);
}

static void
step(struct postfix_files *files, const char *flag, const char *argument)
{
    struct error error;

    (void)postfix_edit_step(files, flag, argument, &error);
}

static void
check_value(struct span main_cf, const char *wanted)
{
    struct buffer value;

    buffer_init(&value, main_cf.length + 1);
    check(postfix_text_value(main_cf, "smtpd_milters", &value));
    check(span_is(buffer_span(&value), wanted));
    buffer_clear(&value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(data, size);
    struct postfix_files files;

    if (span_find(text, '\0') != SPAN_NONE)
        return 0;
    fill(&files, text);
    step(&files, "-e", "smtpd_milters = a, b");
    check_value(buffer_span(&files.main_cf), "a, b");
    step(&files, "-e", "smtpd_milters = $ours, a, b");
    check_value(buffer_span(&files.main_cf), "$ours, a, b");
    step(&files, "-e", "smtpd_milters = b");
    check_value(buffer_span(&files.main_cf), "b");
    step(&files, "-X", "smtpd_milters");
    step(&files, "-M", "ours/unix=ours unix - - n - - smtp -o x=y");
    step(&files, "-P", "ours/unix/z=1");
    step(&files, "-PX", "qmgr/unix/rewrite_service_name");
    step(&files, "-P", "qmgr/unix/rewrite_service_name=ours");
    step(&files, "-PX", "qmgr/unix/rewrite_service_name");
    step(&files, "-MX", "ours/unix");
    buffer_clear(&files.main_cf);
    buffer_clear(&files.master_cf);
    return 0;
}
