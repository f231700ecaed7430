#include "policyd/ctl/ctl_commands.h"

#include <string.h>

#include "policyd/ctl/ctl_verbs.h"

#define BIT CTL_OPTION_BIT

enum { WORDS_MAX = 1000 };

/* clang-format off */
static const struct ctl_verb verbs[] = {
    {"init", "[--domain DOMAIN] [--old BACKEND] [--new BACKEND] [--directory DIR] [--yes]",
     "the first configuration file of a site",
     "Asks for what is not given, looks what is there (main.cf, Redis, Dovecot, signatures,\n"
     "spamd), and writes the file of -c, with what differs from the defaults, and the next\n"
     "three commands.  BACKEND is host, host:port, lmtp:host or unix:/path; of old also\n"
     "`site`, which is proposed: what main.cf says today.  --yes asks nothing; DOMAIN and new\n"
     "must then be given.  A file that is there stays (exit code 4).\n",
     BIT(CTL_DOMAIN) | BIT(CTL_OLD) | BIT(CTL_NEW) | BIT(CTL_YES) | BIT(CTL_DIRECTORY), false, 0, 0, ctl_init_run,
     CTL_NEEDS_NOTHING},
    {"status", "[--watch | --gateways] [--json]", "all domains as policyd answers them",
     "Asks policyd, with Redis down too; with policyd silent, Redis is asked and that is\n"
     "said.  A value with ! comes from the override file.  --watch looks every 2 seconds,\n"
     "and shows plans whole: gates, old beside new, last events; q ends it.  Exit code 1: something is bad, and is told.\n"
     "Says whether and how Postfix is wired; --directory DIR is where main.cf is.\n"
     "--gateways: each gateway in a row, as its controller has it; exit code 1: one is silent, or\n"
     "two have answered otherwise for over 5 s.\n",
     BIT(CTL_JSON) | BIT(CTL_GATEWAYS) | BIT(CTL_WATCH) | BIT(CTL_DIRECTORY), false, 0, 0, ctl_status_run,
     CTL_NEEDS_RULES},
    {"route", "ADDRESS [--json]", "where an address goes, and why",
     "Exit code 1: it is none of ours, or its mail waits because nothing good is known.\n",
     BIT(CTL_JSON), false, 1, 1, ctl_route_run,
     CTL_NEEDS_RULES},
    {"set", "DOMAIN field=value... [--why TEXT] [--if-rev N] [--force]",
     "change a domain's state",
     "Fields: weight, old, new, standby, mode, same_as, lists, inside, imap_old, imap_new\n"
     "(also pop3_, lmtp_, submission_, sieve_).\n"
     "`field=` takes an optional field out.  All is checked as policyd would check it, then\n"
     "written in one step, unless somebody else changed it meanwhile.  A weight above 0\n"
     "without `inside`, or while a blocking check of the preflight that was kept last says no,\n"
     "is refused (exit code 4).\n",
     BIT(CTL_WHY) | BIT(CTL_IF_REV) | BIT(CTL_FORCE), false, 2, WORDS_MAX, ctl_set_run,
     CTL_NEEDS_REDIS},
    {"rollback", "DOMAIN [--all] [--why TEXT] [--if-rev N]", "weight 0: all back to old",
     "Its plan stops, and the plan's lists are taken out of the domain's.  Pinned\n"
     "units and those of other lists stay on new and are named; --all sets mode=old, which\n"
     "takes them back too.\n",
     BIT(CTL_ALL) | BIT(CTL_WHY) | BIT(CTL_IF_REV) | BIT(CTL_FORCE), false, 1, 1, ctl_rollback_run,
     CTL_NEEDS_REDIS},
    {"pin", "ADDRESS|UNIT old|new|standby|hold [--until TIME] [--note TEXT]",
     "put one address or unit on a side, or hold its mail",
     "TIME is a duration (2h, 7d) or a date and time (2026-12-24T18:00:00Z).\n"
     "pin --file FILE [PLACE]: an address a line, with a place of its own behind it or not;\n"
     "all lines are good, or nothing is written.  FILE may be - for standard input.\n"
     "pin --list [DOMAIN] [--json]: the pins there are.\n",
     BIT(CTL_UNTIL) | BIT(CTL_NOTE) | BIT(CTL_FILE) | BIT(CTL_WHY) | BIT(CTL_LIST) | BIT(CTL_JSON), false, 0, 2, ctl_pin_run,
     CTL_NEEDS_REDIS},
    {"unpin", "ADDRESS|UNIT", "take a pin away",
     "unpin --file FILE: many; their pins say `none` for ten minutes and then go, so that\n"
     "policyd does not take it for a loss.\n",
     BIT(CTL_FILE) | BIT(CTL_WHY), false, 0, 1, ctl_pin_remove,
     CTL_NEEDS_REDIS},
    {"list", "DOMAIN [NAME [add|remove ADDRESS...]] [--json]", "the named lists of a domain",
     "Without NAME: which there are.  What a list means stands in the domain's field\n"
     "`lists` (on new); `exclude` stays on old, `known` is all that has a mailbox.\n",
     BIT(CTL_JSON) | BIT(CTL_WHY), false, 1, WORDS_MAX, ctl_list_run,
     CTL_NEEDS_REDIS},
    {"unit",
     "set ADDRESS UNIT | load FILE... [--format units|csv|ldif|virtual] [--domain DOMAIN] [--force] | delete ADDRESS |"
     " show ADDRESS|UNIT [--json] | why ADDRESS ADDRESS [FILE...] [--json] | suggest DOMAIN [--json]",
     "what moves as one",
     "load: `ADDRESS UNIT` or `ADDRESS,UNIT` a line; or who belongs together: permissions and\n"
     "groups as CSV (Mailbox, User; Group, Member), LDIF, virtual(5).  What hangs together is a\n"
     "unit of at most 50; who is linked with more than 100, and groups of more than 40, join\n"
     "nobody.  Refused (exit code 4) where somebody would change sides by it, each is named.\n"
     "FILE may be -.  why: exit code 1 where the two are not one unit.  suggest: who writes to\n"
     "whom, by the books, as a file for `load` that a person reads first.\n",
     BIT(CTL_JSON) | BIT(CTL_WHY) | BIT(CTL_FORMAT) | BIT(CTL_DOMAIN) | BIT(CTL_FORCE), false, 1, WORDS_MAX, ctl_unit_run,
     CTL_NEEDS_REDIS},
    {"moves", "DOMAIN --to WEIGHT [--format lines|csv|sieve|virtual] [--json] < ADDRESSES",
     "who of these would change side at that weight",
     "csv, sieve and virtual have a redirect to <local>@new.<domain> for each who goes to\n"
     "new, for inside=forward.\n",
     BIT(CTL_TO) | BIT(CTL_FORMAT) | BIT(CTL_JSON), false, 1, 1, ctl_moves_run,
     CTL_NEEDS_REDIS},
    {"plan",
     "start DOMAIN [--stages STAGES] [--stays STAYS] [field=value...] | advance DOMAIN [--past GATE...] |"
     " pause|resume|abort DOMAIN [--why TEXT] | show DOMAIN [--json] |"
     " simulate DOMAIN --log FILE [--json]",
     "the staged plan: begin it, see why it waits, stop it",
     "start: stages such as \"30 70 100\" or \"list:it 30 70 100\" with a stay each (\"3d 24h\n"
     "24h\"); fields: advance_window timezone freeze_until min_success max_delay new_rate\n"
     "min_samples slow fast slow_action fast_action max_misprovisioned.\n"
     "advance: now; a gate that does not say yes is to be named.  pause, abort and rollback\n"
     "stop it whatever is under way; nothing restarts by itself.  show asks the controller;\n"
     "exit code 1: there is no plan, it is bad, or the controller is silent.\n"
     "simulate: what this plan would have decided on a log; the same on every run.\n",
     BIT(CTL_STAGES) | BIT(CTL_STAYS) | BIT(CTL_PAST) | BIT(CTL_LOG) | BIT(CTL_WHY) | BIT(CTL_IF_REV) | BIT(CTL_FORCE) | BIT(CTL_JSON),
     false, 2, WORDS_MAX, ctl_plan_run, CTL_NEEDS_REDIS},
    {"probe", "accept DOMAIN old|new [--why TEXT]", "a backend's new certificate is right",
     "The gate `probe` is not known from the moment a probe sees another certificate than\n"
     "before until somebody says this.\n",
     BIT(CTL_WHY), false, 3, 3, ctl_probe_run, CTL_NEEDS_REDIS},
    {"finish", "DOMAIN [--file LEDGER] [--directory DIR] [--why TEXT] [--force]",
     "the end: new becomes the domain's home, then it is forgotten",
     "Refused (exit code 4), a line for each reason: the weight has been 100 for less than 7\n"
     "days, mail of it waits, pins keep people from new, the site's own transport_maps lead\n"
     "elsewhere.  Prints the lines that mend the last, writes the ledger to LEDGER\n"
     "(DOMAIN-ledger.json), and says from when on old may be switched off.\n",
     BIT(CTL_FILE) | BIT(CTL_DIRECTORY) | BIT(CTL_WHY) | BIT(CTL_FORCE), false, 1, 1, ctl_finish_run,
     CTL_NEEDS_ALL},
    {"forget", "DOMAIN [--why TEXT] [--force]", "end our say: the site's own maps route it again",
     "Refused (exit code 4) while people of it are on new, on standby or on hold, and where\n"
     "old is not `site`.\n",
     BIT(CTL_WHY) | BIT(CTL_IF_REV) | BIT(CTL_FORCE), false, 1, 1, ctl_state_forget,
     CTL_NEEDS_REDIS},
    {"accept-state", "[DOMAIN]", "make every gateway take what Redis says now",
     "For what policyd took for no order: a loss, an older rev.  Once, at each gateway.\n",
     BIT(CTL_WHY), false, 0, 1, ctl_state_accept,
     CTL_NEEDS_REDIS},
    {"set", "DOMAIN weight=0..100 mode=split|old|new|standby|hold",
     "override Redis on this gateway; works with Redis down",
     "Writes [policyd] override; other lines stay.  `weight=` or `mode=` takes it out.\n",
     BIT(CTL_WHY), true, 2, 3, ctl_local_set,
     CTL_NEEDS_RULES},
    {"rollback", "DOMAIN [--all]", "the same as --local set DOMAIN weight=0 (--all: and mode=old)", NULL,
     BIT(CTL_ALL) | BIT(CTL_WHY), true, 1, 1, ctl_local_rollback,
     CTL_NEEDS_RULES},
    {"clear", "DOMAIN", "take the override out: Redis counts again", NULL,
     BIT(CTL_WHY), true, 1, 1, ctl_local_clear,
     CTL_NEEDS_RULES},
    {"events", "[--domain DOMAIN] [--limit N] [--follow] [--json] | verify [--head SEQ:HASH] [--json] | ack ID [--why TEXT]", "who changed what",
     "The last 20, or N.  --follow goes on with new ones (with --json one object a line).\n"
     "verify: whether the stream is what was written to it: an octet that was changed, entries that\n"
     "are missing, a stream that was deleted, two entries at one place are each told as such; exit\n"
     "code 1.  --head: as the log of postshift-cutover has it (events: head=...).\n"
     "ack: somebody has seen it; a rollback or freeze is then not told once more.\n",
     BIT(CTL_DOMAIN) | BIT(CTL_LIMIT) | BIT(CTL_FOLLOW) | BIT(CTL_HEAD) | BIT(CTL_JSON) | BIT(CTL_WHY), false, 0, 2, ctl_events_run,
     CTL_NEEDS_REDIS},
    {"trace",
     "--to|--from|--ip|--queue-id|--message-id|--domain VALUE... [--since TIME] [--until TIME] [--all-gateways] [--json]",
     "what became of a mail",
     "All that is given must hold.  TIME is a duration ago (2h), a date, a date and time.\n"
     "Exit code 1: the books have no such mail.\n",
     BIT(CTL_TO) | BIT(CTL_FROM) | BIT(CTL_IP) | BIT(CTL_QUEUE_ID) | BIT(CTL_MESSAGE_ID) |
         BIT(CTL_DOMAIN) | BIT(CTL_SINCE) | BIT(CTL_UNTIL) | BIT(CTL_ALL_GATEWAYS) | BIT(CTL_JSON),
     false, 0, 0, ctl_trace_run, CTL_NEEDS_RULES},
    {"audit", "[--since TIME] [--until TIME] [--unknown] [--all-gateways] [--json]",
     "whether the books balance: what came in, what became of it",
     "In recipients, by the time at which Postfix accepted the message.  Lost, perhaps\n"
     "double and misrouted messages are named by their queue ids.  --unknown shows lines\n"
     "of the log in no form that is known.  Exit code 1: there is a difference.\n",
     BIT(CTL_SINCE) | BIT(CTL_UNTIL) | BIT(CTL_UNKNOWN) | BIT(CTL_ALL_GATEWAYS) | BIT(CTL_JSON), false, 0, 0,
     ctl_audit_run, CTL_NEEDS_RULES},
    {"report", "[--period DURATION] [--compare] [--html FILE] [--all-gateways] [--json]",
     "what a period of the move was like",
     "The last 30 days, or DURATION (24h, 90d): ten lines and their tables.  Sides are judged\n"
     "by first attempts.  --compare tells the period before beside it; --html writes one\n"
     "page that needs nothing else.\n",
     BIT(CTL_PERIOD) | BIT(CTL_HTML) | BIT(CTL_COMPARE) | BIT(CTL_ALL_GATEWAYS) | BIT(CTL_JSON), false, 0, 0,
     ctl_report_run, CTL_NEEDS_RULES},
    {"healthy", "[--json]", "whether mail may be led to this gateway",
     "For keepalived and routing daemons: exit code 0 or 1, one line why.  Asks the controller,\n"
     "which looks at policyd twice a second: down after two bad looks within 2 s, up after\n"
     "three good ones within 10 s, down before anything closes; never for what all gateways\n"
     "share (Redis, DNS, a backend).\n",
     BIT(CTL_JSON), false, 0, 0, ctl_healthy_run, CTL_NEEDS_RULES},
    {"ledger", "DOMAIN [--json]", "who has mail on new, since when",
     "By the time of the first mail; maybe: new may have taken it without saying so.\n"
     "Exit code 3: Redis can't be reached.\n",
     BIT(CTL_JSON), false, 1, 1, ctl_ledger_run, CTL_NEEDS_REDIS},
    {"undo", "DOMAIN --since TIME [--dry-run] [--maybe] [--to TRANSPORT:NEXTHOP] [--json]",
     "bring what landed on new to old, out of the copies kept for it",
     "What the books have as delivered by new since then: once each, with its envelope, past\n"
     "Postfix, 20 a second; --maybe: also what new may have taken.  --dry-run counts.  May be\n"
     "killed and run again; what may have come twice then is named.  --to: where old=site.\n"
     "Exit code 1: something is left, and is told.\n",
     BIT(CTL_SINCE) | BIT(CTL_DRY_RUN) | BIT(CTL_MAYBE) | BIT(CTL_TO) | BIT(CTL_WHY) | BIT(CTL_JSON),
     false, 1, 1, ctl_undo_run, CTL_NEEDS_REDIS},
    {"erase", "ADDRESS [--why TEXT]", "take an address out of Redis and of this gateway's books",
     "Its rows stay, under a name from which nobody can tell whose they were; the event\n"
     "`erase` has that name.  At once, and for good.\n",
     BIT(CTL_WHY), false, 1, 1, ctl_erase_run, CTL_NEEDS_REDIS},
    {"quarantine",
     "list | show ID [--body] | release ID... | delete ID... | expire --older DURATION"
     " [--verdict TEXT] [--from|--to|--domain VALUE] [--all] [--any] [--why TEXT] [--json]",
     "mail that our milters put on hold: see it, let it go, throw it away",
     "Only what postshift-auth and postshift-scan put on hold, as the books say; --any takes\n"
     "what others did as well.  release and delete take ids, or all that match --verdict,\n"
     "--from, --to, --domain, --older; --all alone takes all; the oldest 1,000 of them a call.\n"
     "release says the route that each recipient will take; the mail is not scanned again.\n"
     "show makes what could move the cursor harmless, and shows HTML without its tags.\n"
     "Exit code 4: one of the ids is not ours, or is another mail's by now; nothing was done.\n",
     BIT(CTL_BODY) | BIT(CTL_ANY) | BIT(CTL_OLDER) | BIT(CTL_VERDICT) | BIT(CTL_FROM) | BIT(CTL_TO) |
         BIT(CTL_DOMAIN) | BIT(CTL_ALL) | BIT(CTL_WHY) | BIT(CTL_DIRECTORY) | BIT(CTL_JSON),
     false, 1, WORDS_MAX + 1, ctl_quarantine_run, CTL_NEEDS_REDIS},
    {"compare", "USER... [--file STATE] [--json]",
     "two mailboxes over IMAP: what is lost, doubled or altered",
     "By Message-ID where that stands once on each side, else by the decoded body; flags too.\n"
     "Reads only: no flag is set, \\Recent stays.  Servers and logins stand in [compare].  With\n"
     "--file a run that was interrupted goes on behind the last folder that was done.\n"
     "Exit code 1: there is a difference, or something could not be read.\n",
     BIT(CTL_FILE) | BIT(CTL_JSON), false, 1, WORDS_MAX, ctl_compare_run, CTL_NEEDS_ALL},
    {"classify", "[--json] < REPLIES", "what refusing replies are about",
     "One a line, `PHASE<TAB>REPLY` or the reply alone (then to RCPT); PHASE is connect,\n"
     "hello, tls, auth, mail, rcpt, data or end.  The class stands first: unknown disabled\n"
     "quota size policy rate outage other.\n",
     BIT(CTL_JSON), false, 0, 0, ctl_classify_run, CTL_NEEDS_RULES},
    {"preflight",
     "[DOMAIN] [--only NAME] [--group dns|postfix|state|backends|people] [--blocking] [--load] [--save] [--diff] [--json] | --list",
     "what can be looked at before a domain is moved",
     "Each check passes, fails, is unknown (could not be asked, three times over 30 s) or is\n"
     "skipped (the file does not say what it needs).  Exit code 1: a blocking one failed or is\n"
     "unknown.  --blocking looks at those alone.  --load opens sessions at once with new.  --save\n"
     "keeps the result in Redis: while a blocking one of it fails `set` refuses a weight above what\n"
     "it is.  --diff prints what is otherwise than kept; exit code 1: a blocking one is worse.\n"
     "--as-cutover goes by the controller's user of Redis.  Without DOMAIN: all of them.\n",
     BIT(CTL_ONLY) | BIT(CTL_GROUP) | BIT(CTL_BLOCKING) | BIT(CTL_AS_CUTOVER) | BIT(CTL_LOAD) | BIT(CTL_SAVE) | BIT(CTL_DIFF) | BIT(CTL_LIST) | BIT(CTL_JSON) | BIT(CTL_DIRECTORY),
     false, 0, 1, ctl_preflight_run, CTL_NEEDS_ALL},
    {"rehearsal", "DOMAIN [--pin-refused] [--why TEXT] [--json]",
     "whether new would take the mail of those who move next",
     "What postshift-rehearsal found by the envelopes of real mail: who is refused, deferred or\n"
     "can't be told, with reply, by the volume of seven days.  --pin-refused pins those to old\n"
     "whose mailbox new refuses (unknown, disabled, quota, other), with note=rehearsal, not those\n"
     "whose sender, size or content it minds.  Exit code 1: somebody is not ready, or nobody was\n"
     "asked.\n",
     BIT(CTL_PIN_REFUSED) | BIT(CTL_WHY) | BIT(CTL_JSON), false, 1, 1, ctl_rehearsal_run,
     CTL_NEEDS_REDIS},
    {"postfix-setup", "[--apply|--off|--remove] [--like SERVICE] [-c DIR] [--force] [--json]",
     "wire the suite into Postfix, or out of it",
     "Without option it prints the commands that --apply would run, and says whether\n"
     "transport_maps of main.cf has changed since.  --apply copies main.cf and master.cf\n"
     "first; a second one has nothing to do.  It is refused (exit code 4) while policyd is\n"
     "silent or a listed domain has no state, or Postfix can't route it.  --off ends routing,\n"
     "--remove restores what was there; refused while people are on new.  --like SERVICE: what our delivery services begin as copies of.\n"
     "-c DIR names another configuration directory of Postfix (an absolute path).\n",
     BIT(CTL_APPLY) | BIT(CTL_OFF) | BIT(CTL_REMOVE) | BIT(CTL_LIKE) | BIT(CTL_DIRECTORY) | BIT(CTL_FORCE) | BIT(CTL_JSON),
     false, 0, 0, ctl_setup_run,
     CTL_NEEDS_ALL},
    {"complete", "-- WORD...", "what the last of these words may be",
     "Asked by the completions of bash and zsh: a word a line, behind a tab what it means;\n"
     "`:files` for the name of a file.  The last WORD is the one that is being typed.\n",
     0, false, 0, WORDS_MAX, ctl_complete_run,
     CTL_NEEDS_NOTHING},
};
/* clang-format on */

const struct ctl_verb *
ctl_commands_all(size_t *count)
{
    *count = ARRAY_LENGTH(verbs);
    return verbs;
}

const struct ctl_verb *
ctl_commands_find(const char *name, bool local)
{
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        if (strcmp(verbs[i].name, name) == 0 && verbs[i].local == local)
            return &verbs[i];
    }
    return NULL;
}

const char *
ctl_commands_nearest(const char *name, bool local)
{
    const char *names[ARRAY_LENGTH(verbs)];
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        if (verbs[i].local == local)
            names[count++] = verbs[i].name;
    }
    return config_nearest(span_of(name), names, count);
}

void
ctl_commands_names(struct buffer *out)
{
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        if (!verbs[i].local)
            buffer_printf(out, "%s%s", i > 0 ? " " : "", verbs[i].name);
    }
}

static void
write_synopsis(struct buffer *out, const struct ctl_verb *verb)
{
    buffer_printf(out, "%s%s%s%s", verb->local ? "--local " : "", verb->name,
        verb->arguments[0] == '\0' ? "" : " ", verb->arguments);
}

void
ctl_commands_help(struct buffer *out)
{
    buffer_append_text(out,
        "usage: postshiftctl [-c FILE] VERB ...\n\n"
        "Weights, pins and units of a mail cutover, what decides and why.\n\n");
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        buffer_append_text(out, "  ");
        write_synopsis(out, &verbs[i]);
        buffer_printf(out, "\n        %s\n", verbs[i].summary);
    }
    buffer_append_text(out,
        "\n  -c FILE   configuration (/etc/postshift/postshift.conf)\n"
        "  -t        check the configuration and exit\n"
        "  -V        versions\n"
        "  -h        this help; after a verb, what that verb does\n\n"
        "Exit codes: 0 done, 1 the answer is no or bad, 2 usage, 3 Redis can't be "
        "reached,\n"
        "4 refused by a guard (--force overrides), 78 error in the configuration.\n"
        "The manual page is postshiftctl(1).\n");
}

void
ctl_commands_usage(struct buffer *out, const struct ctl_verb *verb)
{
    buffer_append_text(out, "usage: postshiftctl ");
    write_synopsis(out, verb);
}

void
ctl_commands_help_of(struct buffer *out, const struct ctl_verb *verb)
{
    ctl_commands_usage(out, verb);
    buffer_printf(out, "\n\n%s\n", verb->summary);
    if (verb->more != NULL)
        buffer_printf(out, "\n%s", verb->more);
}
