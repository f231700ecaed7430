#include "milters/scan/clam_engine.h"

#include <clamav.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "milters/scan/clam_calls.h"
#include "milters/scan/clam_charsets.h"
#include "milters/scan/clam_test_mail.h"
#include "shared/base/allocate.h"
#include "shared/base/attributes.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

enum {
    WARNINGS_MAX = 20,
};

struct clam_engine {
    struct cl_engine *library;
    unsigned signatures;
    uint64_t max_file;
    uint64_t share; /* of a file system */
    uint64_t most_room;
    uint64_t scan_ms;
};

/* The library's messages have no context but the process. */
static struct {
    bool loading;
    unsigned warnings;
    bool error;
    bool late;
    char virus[SCAN_NAME_MAX + 1]; /* found so far */
    char text[SCAN_NAME_MAX + 1];
} said;

static struct opened *watching;

/* What a scan has found so far. */
struct scan {
    const struct clam_engine *engine;
    const struct config_list *allowed;
    struct scan_result *result;
};

/* Warnings that mean: this could not be read.  Others (a JPEG's markers in an odd order)
 * are no matter. */
static bool
is_unread(struct span text)
{
    static const char *const starts[] = {"cli_codepage_to_utf8: Failed",
        "cli_codepage_to_utf8: iconv error: There is not",
        "cli_codepage_to_utf8: iconv error: Unexpected", "cli_egg_", "egg_parse_",
        "Failed to decompress", "dmg_", "fmap", "iso_scan_file", "hashtab.c",
        "Growing closed blob", "Reopening closed blob", "HWPML: Failed",
        "cli_tnef: file truncated", "Corrupt TNEF",
        "cli_scanswf: ", "writeWholeFile: ", "extractFile: Unable",
        "pdf_extract_obj: Failed", "pdf_extract_obj: out of", "pdf_findobj",
        "cli_pdf: ", "cli_unzip: failed", "cli_unzip: decrypt - failed",
        "WARNING: VBA project", "vba_readdir_new: ", "Couldn't grow the blob"};

    for (size_t i = 0; i < ARRAY_LENGTH(starts); i++) {
        size_t at = span_find_text_nocase(text, span_of(starts[i]));

        if (at < text.length)
            return true;
    }
    return false;
}

static void
on_message(enum cl_msg severity, const char *full, const char *text, void *context)
{
    size_t length;

    (void)full;
    (void)context;
    length = strcspn(text, "\n");
    /* A file that the library leaves out with a warning alone is worth a line: YARA. */
    if (said.loading && severity >= CL_MSG_WARN && said.warnings++ < WARNINGS_MAX)
        log_warning("signatures", log_span("says", span_make(text, length)));
    if (severity < CL_MSG_ERROR &&
        (severity < CL_MSG_WARN || said.loading || !is_unread(span_make(text, length))))
        return;
    if (!said.error) {
        scan_text_copy(said.text, text);
        said.text[length < SCAN_NAME_MAX ? length : SCAN_NAME_MAX] = '\0';
    }
    said.error = true;
    log_debug("libclamav", log_span("says", span_make(text, length)));
}

static bool
library_ready(struct error *error)
{
    static bool done;
    cl_error_t code;

    if (done)
        return true;
    cl_set_clcb_msg(on_message);
    code = cl_init(CL_INIT_DEFAULT);
    if (code != CL_SUCCESS)
        return error_permanent(error, "libclamav does not start: %s", cl_strerror(code));
    done = true;
    return true;
}

static bool
is_allowed(const struct config_list *allowed, const char *name)
{
    static const struct span mark = {".UNOFFICIAL", 11};
    struct span found = span_of(name);

    if (span_ends(found, mark))
        found.length -= mark.length;
    for (size_t i = 0; i < allowed->count; i++) {
        struct span item = span_of(allowed->items[i]);

        if (span_ends(item, mark))
            item.length -= mark.length;
        if (span_equal(item, found))
            return true;
    }
    return false;
}

static void
on_found(int fd, const char *name, void *context)
{
    static const struct span limits = {"Heuristics.Limits.Exceeded", 26};
    static const struct span encrypted = {"Heuristics.Encrypted.", 21};
    static const char time[] = "Heuristics.Limits.Exceeded.MaxScanTime";
    struct scan *scan = context;

    (void)fd;
    if (scan == NULL || name == NULL)
        return;
    if (strcmp(name, time) == 0) {
        said.late = true;
    } else if (span_starts(span_of(name), limits)) {
        scan_result_doubt(scan->result, SCAN_LIMITED,
            name[limits.length] == '.' ? name + limits.length + 1 : "Limits");
    } else if (span_starts(span_of(name), encrypted)) {
        scan_result_doubt(scan->result, SCAN_ENCRYPTED, "");
    } else if (scan->result->status != SCAN_STATUS_INFECTED &&
               !is_allowed(scan->allowed, name)) {
        scan->result->status = SCAN_STATUS_INFECTED;
        scan_name_copy(scan->result->virus, name[0] == '\0' ? "unnamed" : name);
        memcpy(said.virus, scan->result->virus, sizeof(said.virus));
    }
}

/* A member larger than the limit is cut without a word: its true size tells. */
static cl_error_t
on_member(const char *container, unsigned long packed, const char *name,
    unsigned long size, int encrypted, unsigned int position, void *context)
{
    struct scan *scan = context;

    (void)packed;
    (void)name;
    (void)position;
    if (scan == NULL)
        return CL_CLEAN;
    if (watching != NULL)
        opened_member(watching, span_of(container), size);
    if (size > scan->engine->max_file)
        scan_result_doubt(scan->result, SCAN_LIMITED, "MaxFileSize");
    if (encrypted != 0)
        scan_result_doubt(scan->result, SCAN_ENCRYPTED, "");
    return CL_CLEAN;
}

/* What the library has made of a file to match better (a text without blanks, say) is no
 * file of the message. */
static cl_error_t
on_file(int fd, const char *type, const char **ancestors, size_t parent_size,
    const char *name, size_t size, const char *octets, uint32_t level,
    uint32_t attributes, void *context)
{
    (void)fd;
    (void)ancestors;
    (void)parent_size;
    (void)name;
    (void)context;
    if (watching != NULL && octets != NULL &&
        (attributes & LAYER_ATTRIBUTES_NORMALIZED) == 0)
        opened_file(watching, level, span_of(type), span_make(octets, size));
    return CL_CLEAN;
}

static bool
configure(struct cl_engine *library, const struct clam_limits *limits)
{
    const struct {
        enum cl_engine_field field;
        uint64_t value;
    } numbers[] = {
        {CL_ENGINE_MAX_SCANSIZE,      limits->max_scan     },
        {CL_ENGINE_MAX_FILESIZE,      limits->max_file     },
        {CL_ENGINE_PCRE_MAX_FILESIZE, limits->max_file     },
        {CL_ENGINE_MAX_FILES,         limits->max_files    },
        {CL_ENGINE_MAX_RECURSION,     limits->max_recursion},
        {CL_ENGINE_MAX_SCANTIME,      limits->scan_ms      },
        {CL_ENGINE_DISABLE_CACHE,     1                    },
    };

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (cl_engine_set_num(library, numbers[i].field, (long long)numbers[i].value) !=
            CL_SUCCESS)
            return false;
    }
    cl_engine_set_clcb_virus_found(library, on_found);
    cl_engine_set_clcb_meta(library, on_member);
    cl_engine_set_clcb_file_inspection(library, on_file);
    return cl_engine_set_str(library, CL_ENGINE_TMPDIR, ".") == CL_SUCCESS;
}

struct clam_engine *
clam_engine_load(
    const char *folder, const struct clam_limits *limits, struct error *error)
{
    struct clam_engine *engine;
    struct cl_engine *library;
    unsigned signatures = 0;
    cl_error_t code;

    if (!library_ready(error))
        return NULL;
    library = allocated(cl_engine_new());
    said.error = false;
    said.warnings = 0;
    said.loading = true;
    code = cl_load(folder, library, &signatures, CL_DB_STDOPT);
    if (code == CL_SUCCESS && signatures > 0)
        code = cl_engine_compile(library);
    said.loading = false;
    if (code != CL_SUCCESS || signatures == 0 || !configure(library, limits)) {
        error_temporary(error, "signatures in %s can't be used: %s%s%s", folder,
            code == CL_SUCCESS ? "none there" : cl_strerror(code), said.error ? ": " : "",
            said.error ? said.text : "");
        cl_engine_free(library);
        return NULL;
    }
    engine = allocate(sizeof(*engine));
    *engine = (struct clam_engine){library, signatures, limits->max_file, UINT64_MAX,
        limits->max_room, limits->scan_ms};
    return engine;
}

void
clam_engine_set_room(struct clam_engine *engine, uint64_t octets)
{
    if (octets < engine->max_file)
        engine->share = octets;
    else if (octets < engine->most_room)
        engine->most_room = octets;
}

unsigned
clam_engine_signatures(const struct clam_engine *engine)
{
    return engine->signatures;
}

int64_t
clam_engine_time(const struct clam_engine *engine)
{
    int code = 0;

    return cl_engine_get_num(engine->library, CL_ENGINE_DB_TIME, &code);
}

void
clam_engine_version(const struct clam_engine *engine, char *out, size_t size)
{
    int code = 0;
    long long version = cl_engine_get_num(engine->library, CL_ENGINE_DB_VERSION, &code);

    (void)snprintf(out, size, "%s/%lld", cl_retver(), version);
}

void
clam_engine_preload(void)
{
    time_t now = time(NULL);
    struct tm local;

    tzset();
    (void)localtime_r(&now, &local);
    clam_charsets_load();
    (void)OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
    (void)EVP_MD_fetch(NULL, "SHA256", NULL);
    (void)EVP_MD_fetch(NULL, "SHA1", NULL);
    (void)EVP_MD_fetch(NULL, "MD5", NULL);
}

static cl_error_t
call_library(struct span message, const char **name, struct scan *scan)
{
    struct cl_scan_options options = {
        .general = CL_SCAN_GENERAL_HEURISTICS | CL_SCAN_GENERAL_ALLMATCHES,
        .parse = ~0U,
        .heuristic = CL_SCAN_HEURISTIC_EXCEEDS_MAX | CL_SCAN_HEURISTIC_ENCRYPTED_ARCHIVE |
                     CL_SCAN_HEURISTIC_ENCRYPTED_DOC,
    };
    unsigned long scanned = 0;
    cl_fmap_t *map = cl_fmap_open_memory(message.data, message.length);
    cl_error_t code;

    if (map == NULL)
        return CL_EMEM;
    code = cl_scanmap_callback(
        map, NULL, name, &scanned, scan->engine->library, &options, scan);
    cl_fmap_close(map);
    return code;
}

/* Where calls are not seen the library's words are all there is. */
static bool
is_of_system(const char *text)
{
    return strstr(text, "Can't") != NULL || strstr(text, "memory") != NULL;
}

/*
 * What is missing of a scan that found nothing.  Where no call to the system failed, the
 * library's complaint is about the message, and will be the same next time.  Time is no
 * property of the message.
 */
static void
doubt(const struct clam_engine *engine, cl_error_t code, uint64_t took_ms,
    struct scan_result *result)
{
    const char *failed = clam_calls_failed();
    bool complains = said.error || (code != CL_CLEAN && code != CL_VIRUS);

    if (failed == NULL && complains && !clam_calls_are_seen() && is_of_system(said.text))
        failed = said.error ? said.text : cl_strerror(code);
    if (said.late || code == CL_ETIMEOUT || took_ms >= engine->scan_ms) {
        result->status = SCAN_STATUS_LATE;
    } else if (failed != NULL) {
        result->status = SCAN_STATUS_FAILED;
        scan_text_copy(result->problem, failed);
    } else if (clam_calls_room_was_short()) {
        scan_result_doubt(result, SCAN_LIMITED, "MaxTempSpace");
    } else if (complains) {
        scan_result_doubt(
            result, SCAN_DAMAGED, said.error ? said.text : cl_strerror(code));
    }
}

void
clam_engine_watch(struct opened *opened)
{
    watching = opened;
}

bool
clam_engine_scan(const struct clam_engine *engine, struct span message,
    const struct config_list *allowed, struct scan_result *result)
{
    struct scan scan = {engine, allowed, result};
    uint64_t began = clock_now_ms();
    const char *name = NULL;
    cl_error_t code;

    *result = (struct scan_result){.status = SCAN_STATUS_CLEAN};
    said.error = said.late = false;
    said.virus[0] = said.text[0] = '\0';
    clam_calls_start(engine->share, engine->most_room, began + engine->scan_ms);
    code = call_library(message, &name, &scan);
    clam_calls_end();
    if (result->status != SCAN_STATUS_INFECTED && code == CL_VIRUS &&
        !result->doubted[SCAN_LIMITED] && !result->doubted[SCAN_ENCRYPTED] &&
        name != NULL && !is_allowed(allowed, name))
        on_found(-1, name, &scan);
    /* Found is found, whatever went wrong besides. */
    if (result->status != SCAN_STATUS_INFECTED)
        doubt(engine, code, clock_now_ms() - began, result);
    return result->status < SCAN_STATUS_FAILED && clam_calls_failed() == NULL;
}

static bool
finds_test_file(const struct clam_engine *engine, bool packed, struct error *error)
{
    static const struct config_list nothing = {NULL, 0};
    struct scan_result result;
    struct buffer mail;
    bool sound;

    buffer_init(&mail, 4096);
    clam_test_mail_write(packed, &mail);
    sound = clam_engine_scan(engine, buffer_span(&mail), &nothing, &result);
    buffer_clear(&mail);
    if (!sound)
        return error_temporary(error, "the self test failed: %s",
            result.problem[0] != '\0' ? result.problem : clam_calls_failed());
    if (result.status == SCAN_STATUS_INFECTED)
        return true;
    return error_permanent(error, "the signatures do not find the EICAR test mail%s",
        packed ? " in an archive" : "");
}

const char *
clam_engine_found(void)
{
    return said.virus;
}

bool
clam_engine_self_test(const struct clam_engine *engine, struct error *error)
{
    return finds_test_file(engine, false, error) && finds_test_file(engine, true, error);
}
