/*
 * ctl_imap - a session with an IMAP server over libcurl, which connects, checks
 * certificates and logs in; what is asked then only reads.
 */
#ifndef POLICYD_CTL_CTL_IMAP_H
#define POLICYD_CTL_CTL_IMAP_H

#include "policyd/compare/imap_answer.h"

struct ctl_imap;

struct ctl_imap_login {
    const char *url; /* imap://HOST:PORT, imaps://HOST:PORT */
    const char *user;
    const char *password;
    const char *tls_ca; /* "": the system's */
};

/* NULL with an error: nobody there, certificate, login.  imap:// to anything but loopback
 * wants STARTTLS. */
struct ctl_imap *ctl_imap_open(const struct ctl_imap_login *login, struct error *error);
void ctl_imap_close(struct ctl_imap *imap);

/* One command, without tag and line end; what comes before its OK goes to the sink.
 * False with an error: NO, BAD, trouble of the line, or the sink refused. */
bool ctl_imap_ask(struct ctl_imap *imap, const char *command,
    const struct imap_sink *sink, struct error *error);

#endif
