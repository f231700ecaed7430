/*
 * maillog_line - the head of a log line: when, whose, by which program.  Pure.
 *
 *     STAMP HOST postfix/cutover-new/smtp[26993]: TEXT
 *
 * Also without a host, without the colon, as RFC 5424 (`<134>1 STAMP HOST NAME PID - -
 * TEXT`), with `<134>` in front, with a second head inside the first (a container's; the
 * inner one names program and process, the outer one the time), with NULs in front, a
 * carriage return at the end.  Lines up to MAILLOG_LINE_MAX octets; what is longer is cut
 * by the reader.
 */
#ifndef POLICYD_MAILLOG_MAILLOG_LINE_H
#define POLICYD_MAILLOG_MAILLOG_LINE_H

#include "policyd/maillog/maillog_stamp.h"

enum { MAILLOG_LINE_MAX = 128 << 10 };

enum maillog_program {
    MAILLOG_FOREIGN, /* neither Postfix's nor ours */
    MAILLOG_POSTFIX,
    MAILLOG_OURS, /* postshift-auth, postshift-scan, postshift-policyd */
};

struct maillog_line {
    struct maillog_stamp stamp;
    struct span host; /* "" where it isn't said */
    enum maillog_program program;
    struct span instance; /* "postfix", "postfix-out"; of ours "" */
    struct span service;  /* "cutover-new" of postfix/cutover-new/smtp; "" for none */
    struct span daemon;   /* "smtp", "qmgr"; of ours "auth", "scan", "policyd" */
    uint32_t pid;         /* 0: not said */
    struct span text;
};

/*
 * `instances` are further syslog names of Postfix, by blanks ("mta" for mta/smtp[1]:).
 * False: no log line at all.
 */
bool maillog_line_parse(
    struct span line, struct span instances, struct maillog_line *out);

#endif
