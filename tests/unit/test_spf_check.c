/*
 * Whole SPF checks over a table of DNS, with libspf2 in them: where libspf2 alone goes
 * wrong, what RFC 7208 wants.
 */
#include "tests/unit/unit.h"

#include "milters/spf/spf_check.h"
#include "shared/base/attributes.h"
#include "shared/base/buffer.h"
#include "tests/fakes/dns_table.h"
#include "tests/fakes/spf_guard.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define L63 "a23456789b23456789c23456789d23456789e23456789f23456789g23456789"

/* clang-format off */
static const struct dns_table_row zone[] = {
    /* A plain one, with others beside its record. */
    {"e.test", DNS_TXT, "other \xff text"}, {"e.test", DNS_TXT, "v=spf1 mx a:a.e.test/24 -all"},
    {"e.test", DNS_MX, "10 mx1.e.test"}, {"e.test", DNS_MX, "20 mx2.e.test"},
    {"mx1.e.test", DNS_A, "192.0.2.1"}, {"mx1.e.test", DNS_AAAA, "2001:db8::1"},
    {"mx2.e.test", DNS_A, "192.0.2.2"}, {"mx2.e.test", DNS_A, "192.0.2.3"},
    {"a.e.test", DNS_A, "198.51.100.1"},

    /* Grammar: errors anywhere, before anything is asked. */
    {"g1.test", DNS_TXT, "v=spf1 a:a.e.test exists:%(i).e.test -all"},
    {"g2.test", DNS_TXT, "v=spf1 +all a:"},
    {"g3.test", DNS_TXT, "v=spf1 +all exp=x.e.test exp=x.e.test"},
    {"g4.test", DNS_TXT, "v=spf1 +all redirect:e.test"},
    {"g5.test", DNS_TXT, "v=spf1 a:192.0.2.1 -all"},
    {"g6.test", DNS_TXT, "v=spf1 ip4:192.0.2.1/032 -all"},
    {"g7.test", DNS_TXT, "v=spf1 a.b-c_d=%{d} ip4:0.0.0.0/0 -all"},
    {"g8.test", DNS_TXT, "v=spf1 ip4:10.0.0.0/4294967296 -all"},
    {"g9.test", DNS_TXT, "v=spf1 -a:none.test/0 a:a.e.test/0 -all"},
    {"g10.test", DNS_TXT, "v=spf1 mx:e.test/0 -all"},
    {"g11.test", DNS_TXT, "v=spf1 ip6:::/0 -all"},
    {"g12.test", DNS_TXT, "v=spf1 +all\xc3\xa9"},
    {"g13.test", DNS_TXT, "v=spf1 +all\0 -all", 17},
    {"g14.test", DNS_TXT, "v=spf1\t+all"}, {"g14.test", DNS_TXT, "V=SPF1 ~all"},
    {"g15.test", DNS_TXT, "v=spf1 +all"}, {"g15.test", DNS_TXT, "v=spf1 +all"},
    {"g16.test", DNS_TXT, "v=spf1 mx//64 a:a6.e.test//33 -all"}, {"a6.e.test", DNS_AAAA, "2001:db8:8000::"},

    /* Counts over all records: 10 terms, 2 void look-ups. */
    {"t5.test", DNS_TXT, "v=spf1 a:a.e.test a:a.e.test a:a.e.test a:a.e.test a:a.e.test ?all"},
    {"t10.test", DNS_TXT, "v=spf1 include:t5.test mx:e.test a:a.e.test a:a.e.test ~exists:a.e.test -all"},
    {"t11.test", DNS_TXT, "v=spf1 include:t5.test mx:e.test a:a.e.test a:a.e.test ptr:x.test exists:a.e.test -all"},
    {"t12.test", DNS_TXT, "v=spf1 a:a.e.test a:a.e.test a:a.e.test a:a.e.test a:a.e.test a:a.e.test"
        " a:a.e.test a:a.e.test a:a.e.test a:a.e.test redirect=e.test"},
    {"t13.test", DNS_TXT, "v=spf1 a:a.e.test a:a.e.test a:a.e.test a:a.e.test a:a.e.test a:a.e.test a:a.e.test"
        " a:a.e.test a:a.e.test a:a.e.test a:a.e.test a:a.e.test a:a.e.test a:a.e.test -all"},
    {"v2.test", DNS_TXT, "v=spf1 a:v.test mx:v.test ?all"},
    {"v3.test", DNS_TXT, "v=spf1 include:v2.test exists:v.test +all"},
    {"v4.test", DNS_TXT, "v=spf1 a:v.test a:" L63 "x.test ?all"},
    {"v5.test", DNS_TXT, "v=spf1 mx:mxmany0.test ptr:v.test a:v.test a:v.test ?all"},
    {"mxmany0.test", DNS_MX, "1 v1.v.test"}, {"mxmany0.test", DNS_MX, "2 v2.v.test"}, {"mxmany0.test", DNS_MX, "3 v3.v.test"},

    /* MX and PTR. */
    {"m1.test", DNS_TXT, "v=spf1 mx:m10.test -all"}, {"m2.test", DNS_TXT, "v=spf1 mx:m11.test -all"},
    {"m10.test", DNS_MX, "0 mx2.e.test"}, {"m10.test", DNS_MX, "1 n1.e.test"}, {"m10.test", DNS_MX, "2 n2.e.test"},
    {"m10.test", DNS_MX, "3 n3.e.test"}, {"m10.test", DNS_MX, "4 n4.e.test"}, {"m10.test", DNS_MX, "5 n5.e.test"},
    {"m10.test", DNS_MX, "6 n6.e.test"}, {"m10.test", DNS_MX, "7 n7.e.test"}, {"m10.test", DNS_MX, "8 n8.e.test"},
    {"m10.test", DNS_MX, "9 mx1.e.test"},
    {"m11.test", DNS_MX, "0 mx1.e.test"}, {"m11.test", DNS_MX, "1 n1.e.test"}, {"m11.test", DNS_MX, "2 n2.e.test"},
    {"m11.test", DNS_MX, "3 n3.e.test"}, {"m11.test", DNS_MX, "4 n4.e.test"}, {"m11.test", DNS_MX, "5 n5.e.test"},
    {"m11.test", DNS_MX, "6 n6.e.test"}, {"m11.test", DNS_MX, "7 n7.e.test"}, {"m11.test", DNS_MX, "8 n8.e.test"},
    {"m11.test", DNS_MX, "9 n9.e.test"}, {"m11.test", DNS_MX, "10 n10.e.test"},
    {"m3.test", DNS_TXT, "v=spf1 mx -all"}, {"m3.test", DNS_A, "192.0.2.1"},
    {"m4.test", DNS_TXT, "v=spf1 mx:m5.test +all"}, {"m5.test", DNS_MX, "1 silent.test"},
    {"m6.test", DNS_TXT, "v=spf1 mx ~all"}, {"m6.test", DNS_MX, "0 "},
    {"p1.test", DNS_TXT, "v=spf1 ptr:e.test -all"}, {"p2.test", DNS_TXT, "v=spf1 ptr:late.test ?all"},
    {"p3.test", DNS_TXT, "v=spf1 exists:%{p}.p.test exists:%{p}.q.test exists:%{d}.r.test -all exp=exp.p3.test"},
    {"exp.p3.test", DNS_TXT, "%{p} is who it is"},
    {"1.2.0.192.in-addr.arpa", DNS_PTR, "mx1.e.test"},
    {"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", DNS_PTR, "mx1.e.test"},
    {"5.2.0.192.in-addr.arpa", DNS_PTR, "forged.e.test"}, {"forged.e.test", DNS_A, "192.0.2.6"},
    {"6.2.0.192.in-addr.arpa", DNS_PTR, "servfail.test"},
    {"7.2.0.192.in-addr.arpa", 0, NULL, 0, DNS_SERVFAIL},
    {"8.2.0.192.in-addr.arpa", DNS_PTR, "n0.late.test"}, {"8.2.0.192.in-addr.arpa", DNS_PTR, "n1.x.test"},
    {"8.2.0.192.in-addr.arpa", DNS_PTR, "n2.x.test"}, {"8.2.0.192.in-addr.arpa", DNS_PTR, "n3.x.test"},
    {"8.2.0.192.in-addr.arpa", DNS_PTR, "n4.x.test"}, {"8.2.0.192.in-addr.arpa", DNS_PTR, "n5.x.test"},
    {"8.2.0.192.in-addr.arpa", DNS_PTR, "n6.x.test"}, {"8.2.0.192.in-addr.arpa", DNS_PTR, "n7.x.test"},
    {"8.2.0.192.in-addr.arpa", DNS_PTR, "n8.x.test"}, {"8.2.0.192.in-addr.arpa", DNS_PTR, "n9.x.test"},
    {"8.2.0.192.in-addr.arpa", DNS_PTR, "right.late.test"}, {"right.late.test", DNS_A, "192.0.2.8"},
    {"9.2.0.192.in-addr.arpa", DNS_PTR, "any.x.test"}, {"9.2.0.192.in-addr.arpa", DNS_PTR, "sub.p3.test"},
    {"9.2.0.192.in-addr.arpa", DNS_PTR, "p3.test"}, {"any.x.test", DNS_A, "192.0.2.9"}, {"sub.p3.test", DNS_A, "192.0.2.9"},
    {"p3.test", DNS_A, "192.0.2.9"},
    {"10.2.0.192.in-addr.arpa", DNS_PTR, "any.x.test"}, {"10.2.0.192.in-addr.arpa", DNS_PTR, "sub.p3.test"},
    {"any.x.test", DNS_A, "192.0.2.10"}, {"sub.p3.test", DNS_A, "192.0.2.10"},
    {"11.2.0.192.in-addr.arpa", DNS_PTR, "any.x.test"}, {"any.x.test", DNS_A, "192.0.2.11"},

    /* include and redirect. */
    {"i1.test", DNS_TXT, "v=spf1 include:i1.test -all"}, {"i2.test", DNS_TXT, "v=spf1 redirect=i2.test"},
    {"i3.test", DNS_TXT, "v=spf1 include:fail.test include:fail.test -include:soft.test include:pass.test"},
    {"i4.test", DNS_TXT, "v=spf1 ?include:pass.test -all"},
    {"i5.test", DNS_TXT, "v=spf1 include:none.test +all"}, {"i6.test", DNS_TXT, "v=spf1 redirect=none.test"},
    {"i7.test", DNS_TXT, "v=spf1 include:servfail.test +all"}, {"i8.test", DNS_TXT, "v=spf1 redirect=refused.test"},
    {"i9.test", DNS_TXT, "v=spf1 redirect=none.test ~all"}, {"i10.test", DNS_TXT, "v=spf1 include:bad.test +all"},
    {"i11.test", DNS_TXT, "v=spf1 include:%{l}.test +all"},
    {"bad.test", DNS_TXT, "v=spf1 bad"}, {"fail.test", DNS_TXT, "v=spf1 -all exp=exp.fail.test"},
    {"soft.test", DNS_TXT, "v=spf1 ~all"}, {"pass.test", DNS_TXT, "v=spf1 +all"},
    {"d1.test", DNS_TXT, "v=spf1 include:d2.test -all"}, {"d2.test", DNS_TXT, "v=spf1 exists:%{o}.%{d}.%{h}"},
    {"d1.test.d2.test.helo.test", DNS_A, "127.0.0.2"},

    /* DNS failures. */
    {"servfail.test", 0, NULL, 0, DNS_SERVFAIL}, {"refused.test", 0, NULL, 0, DNS_REFUSED},
    {"silent.test", 0, NULL, 0, DNS_TIMEOUT}, {"malformed.test", 0, NULL, 0, DNS_MALFORMED}, {"local.test", 0, NULL, 0, DNS_LOCAL},
    {"f1.test", DNS_TXT, "v=spf1 a:silent.test a:a.e.test +all"}, {"f2.test", DNS_TXT, "v=spf1 exists:malformed.test +all"},
    {"f3.test", DNS_TXT, "v=spf1 include:f1.test +all"},

    /* Explanations. */
    {"exp.fail.test", DNS_TXT, "not this one"},
    {"x1.test", DNS_TXT, "v=spf1 -all exp=exp1.test"}, {"exp1.test", DNS_TXT, "%{i} may not send for %{o} (%{l}, %{h}, %{r})"},
    {"x2.test", DNS_TXT, "v=spf1 redirect=x1.test exp=exp2.test"}, {"exp2.test", DNS_TXT, "not the redirecting one's"},
    {"x3.test", DNS_TXT, "v=spf1 include:fail.test -all"},
    {"x4.test", DNS_TXT, "v=spf1 include:fail.test -all exp=exp.x4.test"}, {"exp.x4.test", DNS_TXT, "%{d} says no"},
    {"x5.test", DNS_TXT, "v=spf1 -all exp=two.test"}, {"two.test", DNS_TXT, "one"}, {"two.test", DNS_TXT, "two"},
    {"x6.test", DNS_TXT, "v=spf1 -all exp=servfail.test"}, {"x7.test", DNS_TXT, "v=spf1 -all exp=badexp.test"},
    {"badexp.test", DNS_TXT, "%{x}"}, {"x8.test", DNS_TXT, "v=spf1 -all exp=eight.test"},
    {"eight.test", DNS_TXT, "caf\xc3\xa9"}, {"x9.test", DNS_TXT, "v=spf1 -all exp=lines.test"},
    {"lines.test", DNS_TXT, "a\r\nb"}, {"x10.test", DNS_TXT, "v=spf1 -all exp=%{l}.test"},
    {"x11.test", DNS_TXT, "v=spf1 -all exp=longexp.test"},
    {"longexp.test", DNS_TXT, "%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}"
        "%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}"},
    {"x12.test", DNS_TXT, "v=spf1 ~all exp=exp1.test"},
    {"x13.test", DNS_TXT, "v=spf1 include:x14.test -all exp=exp.x4.test"}, {"x14.test", DNS_TXT, "v=spf1 redirect=fail.test"},

    /* Names. */
    {"o1.test", DNS_TXT, "v=spf1 exists:%{l}.o.test -all"}, {"a b\\c\xff.o.test", DNS_A, "127.0.0.2"},
    {"o2.test", DNS_TXT, "v=spf1 exists:%{h}.o.test -all"}, {"postmaster.o.test", DNS_A, "127.0.0.2"},
    {"Macro Error.o.test", DNS_A, "127.0.0.2"}, {"a@b.o.test", DNS_A, "127.0.0.2"},
    {"xn--bcher-kva.test", DNS_TXT, "v=spf1 +all"},
};

struct row {
    const char *what;
    const char *address;
    const char *mailbox;
    enum auth_result result;
    const char *explanation; /* NULL: none */
    unsigned asked;          /* 0: whatever */
};

static const struct row rows[] = {
    {"a host of mx",                    "192.0.2.3",      "a@e.test",     AUTH_PASS,      NULL, 0},
    {"a host of mx by IPv6",            "2001:db8::1",    "a@e.test",     AUTH_PASS,      NULL, 0},
    {"IPv4 in IPv6",                    "::ffff:192.0.2.3", "a@e.test",   AUTH_PASS,      NULL, 0},
    {"in the network of a",             "198.51.100.200", "a@e.test",     AUTH_PASS,      NULL, 0},
    {"none of these",                   "203.0.113.1",    "a@e.test",     AUTH_FAIL,      NULL, 0},
    {"loopback is evaluated",           "127.0.0.1",      "a@e.test",     AUTH_FAIL,      NULL, 0},
    {"loopback by IPv6 too",            "::1",            "a@e.test",     AUTH_FAIL,      NULL, 0},
    {"no record",                       "192.0.2.1",      "a@none.test",  AUTH_NONE,      NULL, 1},

    {"percent and junk",                "192.0.2.1",      "a@g1.test",    AUTH_PERMERROR, NULL, 1},
    {"an empty name behind all",        "192.0.2.1",      "a@g2.test",    AUTH_PERMERROR, NULL, 1},
    {"exp= twice",                      "192.0.2.1",      "a@g3.test",    AUTH_PERMERROR, NULL, 1},
    {"redirect as a mechanism",         "192.0.2.1",      "a@g4.test",    AUTH_PERMERROR, NULL, 1},
    {"a numeric top label",             "192.0.2.1",      "a@g5.test",    AUTH_PERMERROR, NULL, 1},
    {"a leading zero",                  "192.0.2.1",      "a@g6.test",    AUTH_PERMERROR, NULL, 1},
    {"dots in a modifier's name, /0",   "192.0.2.1",      "a@g7.test",    AUTH_PASS,      NULL, 1},
    {"the same by IPv6",                "2001:db8::1",    "a@g7.test",    AUTH_FAIL,      NULL, 1},
    {"a prefix length beyond 2^32",     "192.0.2.1",      "a@g8.test",    AUTH_PERMERROR, NULL, 1},
    {"a/0 with an address",             "203.0.113.1",    "a@g9.test",    AUTH_PASS,      NULL, 3},
    {"a/0 by IPv6 is no /0",            "2001:db8::1",    "a@g9.test",    AUTH_FAIL,      NULL, 0},
    {"mx/0",                            "203.0.113.1",    "a@g10.test",   AUTH_PASS,      NULL, 0},
    {"ip6 /0",                          "2001:db8::1",    "a@g11.test",   AUTH_PASS,      NULL, 0},
    {"ip6 /0 by IPv4",                  "192.0.2.1",      "a@g11.test",   AUTH_FAIL,      NULL, 0},
    {"an octet above 0x7f",             "192.0.2.1",      "a@g12.test",   AUTH_PERMERROR, NULL, 1},
    {"a NUL",                           "192.0.2.1",      "a@g13.test",   AUTH_PERMERROR, NULL, 1},
    {"another version beside it",       "192.0.2.1",      "a@g14.test",   AUTH_SOFTFAIL,  NULL, 1},
    {"the record twice",                "192.0.2.1",      "a@g15.test",   AUTH_PERMERROR, NULL, 1},
    {"an IPv6 prefix length",           "2001:db8:ffff::", "a@g16.test",  AUTH_PASS,      NULL, 0},
    {"outside of it",                   "2001:db9::",     "a@g16.test",   AUTH_FAIL,      NULL, 0},

    {"10 terms",                        "203.0.113.1",    "a@t10.test",   AUTH_SOFTFAIL,  NULL, 0},
    {"11 terms",                        "203.0.113.1",    "a@t11.test",   AUTH_PERMERROR, NULL, 0},
    {"redirect is the 11th",            "203.0.113.1",    "a@t12.test",   AUTH_PERMERROR, NULL, 0},
    {"14 terms in a record",            "203.0.113.1",    "a@t13.test",   AUTH_PERMERROR, NULL, 0},
    {"a match before the 11th",         "198.51.100.1",   "a@t13.test",   AUTH_PASS,      NULL, 2},
    {"2 void look-ups",                 "203.0.113.1",    "a@v2.test",    AUTH_NEUTRAL,   NULL, 3},
    {"3 void look-ups",                 "203.0.113.1",    "a@v3.test",    AUTH_PERMERROR, NULL, 5},
    {"names that can't be asked are void", "203.0.113.1", "a@v4.test",    AUTH_NEUTRAL,   NULL, 0},
    {"hosts of mx and ptr are not",     "203.0.113.1",    "a@v5.test",    AUTH_NEUTRAL,   NULL, 0},

    {"10 MX records, the last",         "192.0.2.1",      "a@m1.test",    AUTH_PASS,      NULL, 12},
    {"11 MX records",                   "192.0.2.1",      "a@m2.test",    AUTH_PERMERROR, NULL, 2},
    {"no MX: no fall-back to A",        "192.0.2.1",      "a@m3.test",    AUTH_FAIL,      NULL, 2},
    {"a failure at an MX host",         "192.0.2.1",      "a@m4.test",    AUTH_TEMPERROR, NULL, 0},
    {"the null MX",                     "192.0.2.1",      "a@m6.test",    AUTH_SOFTFAIL,  NULL, 0},
    {"ptr below the name",              "192.0.2.1",      "a@p1.test",    AUTH_PASS,      NULL, 3},
    {"ptr by IPv6",                     "2001:db8::1",    "a@p1.test",    AUTH_PASS,      NULL, 3},
    {"a forged ptr",                    "192.0.2.5",      "a@p1.test",    AUTH_FAIL,      NULL, 3},
    {"a ptr host that fails is no match", "192.0.2.6",    "a@p1.test",    AUTH_FAIL,      NULL, 3},
    {"a ptr that fails is no match",    "192.0.2.7",      "a@p1.test",    AUTH_FAIL,      NULL, 2},
    {"the 11th ptr is not looked at",   "192.0.2.8",      "a@p2.test",    AUTH_NEUTRAL,   NULL, 12},
    {"p: the domain itself",            "192.0.2.9",      "a@p3.test",    AUTH_PERMERROR, NULL, 8},

    {"an include of itself",            "192.0.2.1",      "a@i1.test",    AUTH_PERMERROR, NULL, 0},
    {"a redirect to itself",            "192.0.2.1",      "a@i2.test",    AUTH_PERMERROR, NULL, 0},
    {"an include twice, fail and softfail", "192.0.2.1",  "a@i3.test",    AUTH_PASS,      NULL, 0},
    {"the qualifier of an include",     "192.0.2.1",      "a@i4.test",    AUTH_NEUTRAL,   NULL, 0},
    {"an include without a record",     "192.0.2.1",      "a@i5.test",    AUTH_PERMERROR, NULL, 0},
    {"a redirect without a record",     "192.0.2.1",      "a@i6.test",    AUTH_PERMERROR, NULL, 0},
    {"an include that fails",           "192.0.2.1",      "a@i7.test",    AUTH_TEMPERROR, NULL, 0},
    {"a redirect that fails",           "192.0.2.1",      "a@i8.test",    AUTH_TEMPERROR, NULL, 0},
    {"a redirect beside all",           "192.0.2.1",      "a@i9.test",    AUTH_SOFTFAIL,  NULL, 1},
    {"an include of a bad record",      "192.0.2.1",      "a@i10.test",   AUTH_PERMERROR, NULL, 0},
    {"an include with an empty label",  "192.0.2.1",      "\"a..b\"@i11.test", AUTH_PERMERROR, NULL, 0},
    {"d changes in an include, o does not", "192.0.2.1",  "a@d1.test",    AUTH_PASS,      NULL, 0},

    {"SERVFAIL",                        "192.0.2.1",      "a@servfail.test", AUTH_TEMPERROR, NULL, 1},
    {"REFUSED",                         "192.0.2.1",      "a@refused.test", AUTH_TEMPERROR, NULL, 1},
    {"silence",                         "192.0.2.1",      "a@silent.test", AUTH_TEMPERROR, NULL, 1},
    {"nonsense",                        "192.0.2.1",      "a@malformed.test", AUTH_TEMPERROR, NULL, 1},
    {"nobody there",                    "192.0.2.1",      "a@local.test", AUTH_TEMPERROR, NULL, 1},
    {"a failure ends it",               "198.51.100.1",   "a@f1.test",    AUTH_TEMPERROR, NULL, 2},
    {"a failure at exists",             "192.0.2.1",      "a@f2.test",    AUTH_TEMPERROR, NULL, 2},
    {"a failure inside an include",     "198.51.100.1",   "a@f3.test",    AUTH_TEMPERROR, NULL, 3},

    {"an explanation",                  "192.0.2.1",      "a@x1.test",    AUTH_FAIL,
        "192.0.2.1 may not send for x1.test (a, helo.test, mx.example.net)", 0},
    {"the redirect target's",           "192.0.2.1",      "a@x2.test",    AUTH_FAIL,
        "192.0.2.1 may not send for x2.test (a, helo.test, mx.example.net)", 0},
    {"never an include's",              "192.0.2.1",      "a@x3.test",    AUTH_FAIL,      NULL, 2},
    {"but one's own",                   "192.0.2.1",      "a@x4.test",    AUTH_FAIL,      "x4.test says no", 0},
    {"two texts",                       "192.0.2.1",      "a@x5.test",    AUTH_FAIL,      NULL, 0},
    {"a failure on the way to it",      "192.0.2.1",      "a@x6.test",    AUTH_FAIL,      NULL, 0},
    {"a bad macro in it",               "192.0.2.1",      "a@x7.test",    AUTH_FAIL,      NULL, 0},
    {"not ASCII",                       "192.0.2.1",      "a@x8.test",    AUTH_FAIL,      NULL, 0},
    {"line ends in it",                 "192.0.2.1",      "a@x9.test",    AUTH_FAIL,      NULL, 0},
    {"at no name",                      "192.0.2.1",      "\"a..b\"@x10.test", AUTH_FAIL, NULL, 0},
    {"a sender's octets in it",         "192.0.2.1",      "a\xfe@x1.test", AUTH_FAIL,     NULL, 0},
    {"too long once expanded",          "192.0.2.1",      "abcdefghijk@x11.test", AUTH_FAIL, NULL, 0},
    {"only of a fail",                  "192.0.2.1",      "a@x12.test",   AUTH_SOFTFAIL,  NULL, 1},
    {"not of a redirect in an include", "192.0.2.1",      "a@x13.test",   AUTH_FAIL,      "x13.test says no", 0},

    {"no local part",                   "192.0.2.1",      "@o1.test",     AUTH_PASS,      NULL, 0},
    {"an empty quoted local part",      "192.0.2.1",      "\"\"@o1.test", AUTH_PASS,      NULL, 0},
    {"any octets of the sender",        "192.0.2.1",      "a b\\c\xff@o1.test", AUTH_PASS, NULL, 0},
    {"a quoted local part",             "192.0.2.1",      "\"Macro Error\"@o1.test", AUTH_PASS, NULL, 0},
    {"the last @ counts",               "192.0.2.1",      "a@b@o1.test",  AUTH_PASS,      NULL, 0},
    {"no domain",                       "192.0.2.1",      "alice",        AUTH_NONE,      NULL, 0},
    {"an empty domain",                 "192.0.2.1",      "a@",           AUTH_NONE,      NULL, 0},
    {"one label",                       "192.0.2.1",      "a@localhost",  AUTH_NONE,      NULL, 0},
    {"an empty label",                  "192.0.2.1",      "a@e..test",    AUTH_NONE,      NULL, 0},
    {"a label over 63",                 "192.0.2.1",      "a@" L63 "x.test", AUTH_NONE,   NULL, 0},
    {"a name over 253",                 "192.0.2.1",      "a@" L63 "." L63 "." L63 "." L63, AUTH_NONE, NULL, 0},
    {"a literal",                       "192.0.2.1",      "a@[192.0.2.1]", AUTH_NONE,     NULL, 0},
    {"a final dot",                     "192.0.2.3",      "a@e.test.",    AUTH_PASS,      NULL, 0},
    {"a U-label",                       "192.0.2.3",      "a@b\xc3\xbc" "cher.test", AUTH_PASS, NULL, 0},
    {"a domain of no UTF-8",            "192.0.2.3",      "a@\xff.test",  AUTH_NONE,      NULL, 0},
};
/* clang-format on */

static struct spf_client
client_at(const char *address, struct span helo)
{
    bool is_v6 = strchr(address, ':') != NULL;
    struct spf_client client = {
        .address_length = is_v6 ? 16 : 4,
        .helo = helo,
        .receiver = SPAN("mx.example.net"),
        .now = 1700000000,
    };

    assert_int_equal(inet_pton(is_v6 ? AF_INET6 : AF_INET, address, client.address), 1);
    return client;
}

static struct dns_table
table_in(struct arena *arena)
{
    return (struct dns_table){.rows = zone, .count = ARRAY_LENGTH(zone), .arena = arena};
}

static void
follows_rfc_7208_where_libspf2_does_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct row *row = &rows[i];
        struct arena *arena = arena_new(8 << 20);
        struct dns_table table = table_in(arena);
        struct dns_lookup lookup = dns_table_lookup(&table);
        struct spf_client client = client_at(row->address, SPAN("helo.test"));
        struct spf_report report =
            spf_check_mailfrom(&client, span_of(row->mailbox), &lookup, arena);

        print_message(
            "# %s: %s\n", row->what, report.problem == NULL ? "" : report.problem);
        assert_string_equal(
            auth_result_name(report.result), auth_result_name(row->result));
        assert_true(span_is(
            report.explanation, row->explanation != NULL ? row->explanation : ""));
        if (row->asked > 0)
            assert_int_equal(table.asked, row->asked);
        if (row->result == AUTH_TEMPERROR || row->result == AUTH_PERMERROR)
            assert_non_null(report.problem);
        arena_free(arena);
    }
    assert_true(spf_guard_count() > 50);
}

static void
a_name_to_check_is_needed_before_asking(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct arena *arena = arena_new(8 << 20);
        struct dns_table table = table_in(arena);
        struct dns_lookup lookup = dns_table_lookup(&table);
        struct spf_client client = client_at(rows[i].address, SPAN("helo.test"));
        struct spf_report report =
            spf_check_mailfrom(&client, span_of(rows[i].mailbox), &lookup, arena);

        assert_int_equal(report.domain.length > 0, table.asked > 0);
        arena_free(arena);
    }
}

struct name_row {
    const char *address;
    const char *wanted;
};

static void
names_of_the_client_are_chosen_and_asked_for_once(void **state)
{
    static const struct dns_table_row more[] = {
        {"c.test", DNS_TXT,
            "v=spf1 exists:%{p}.is -exists:%{p}.no ptr:nowhere.test ~all"},
        {"c.test.is", DNS_A, "127.0.0.2"},
        {"sub.c.test.is", DNS_A, "127.0.0.3"},
        {"c.test", DNS_A, "192.0.2.1"},
        {"sub.c.test", DNS_A, "192.0.2.2"},
        {"sub.c.test", DNS_A, "192.0.2.1"},
        {"other.test", DNS_A, "192.0.2.1"},
        {"other.test", DNS_A, "192.0.2.2"},
        {"other.test", DNS_A, "192.0.2.3"},
        {"other.test.no", DNS_A, "127.0.0.4"},
        {"1.2.0.192.in-addr.arpa", DNS_PTR, "other.test"},
        {"1.2.0.192.in-addr.arpa", DNS_PTR, "sub.c.test"},
        {"1.2.0.192.in-addr.arpa", DNS_PTR, "c.test"},
        {"2.2.0.192.in-addr.arpa", DNS_PTR, "other.test"},
        {"2.2.0.192.in-addr.arpa", DNS_PTR, "sub.c.test"},
        {"3.2.0.192.in-addr.arpa", DNS_PTR, "other.test"},
        {"unknown.no", DNS_A, "127.0.0.5"},
    };
    static const struct {
        const char *what;
        const char *address;
        enum auth_result result;
        unsigned asked;
    } names[] = {
        {"the domain itself", "192.0.2.1", AUTH_PASS, 6},
        {"else one below", "192.0.2.2", AUTH_PASS, 5},
        {"else any", "192.0.2.3", AUTH_FAIL, 5},
        {"else unknown", "192.0.2.4", AUTH_FAIL, 4},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        struct arena *arena = arena_new(8 << 20);
        struct dns_table table = {
            .rows = more, .count = ARRAY_LENGTH(more), .arena = arena};
        struct dns_lookup lookup = dns_table_lookup(&table);
        struct spf_client client = client_at(names[i].address, SPAN("helo.test"));
        struct spf_report report =
            spf_check_mailfrom(&client, SPAN("a@c.test"), &lookup, arena);

        print_message("# %s\n", names[i].what);
        assert_string_equal(
            auth_result_name(report.result), auth_result_name(names[i].result));
        assert_int_equal(table.asked, names[i].asked);
        arena_free(arena);
    }
}

static void
helo_is_an_identity_and_that_of_the_null_sender(void **state)
{
    struct arena *arena = arena_new(8 << 20);
    struct dns_table table = table_in(arena);
    struct dns_lookup lookup = dns_table_lookup(&table);
    struct spf_client client = client_at("192.0.2.3", SPAN("e.test"));
    struct spf_report report = spf_check_mailfrom(&client, SPAN(""), &lookup, arena);

    (void)state;
    assert_int_equal(report.result, AUTH_PASS);
    assert_int_equal(report.identity, SPF_IDENTITY_MAILFROM);
    assert_true(span_is(report.domain, "e.test"));
    report = spf_check_mailfrom(&client, SPAN("a@fail.test"), &lookup, arena);
    assert_int_equal(report.result, AUTH_FAIL);
    assert_true(span_is(report.domain, "fail.test"));
    report = spf_check_helo(&client, &lookup, arena);
    assert_int_equal(report.result, AUTH_PASS);
    assert_int_equal(report.identity, SPF_IDENTITY_HELO);
    client.helo = SPAN("o1.test");
    assert_int_equal(spf_check_helo(&client, &lookup, arena).result, AUTH_PASS);
    client.helo = SPAN("[192.0.2.3]");
    assert_int_equal(spf_check_helo(&client, &lookup, arena).result, AUTH_NONE);
    assert_int_equal(
        spf_check_mailfrom(&client, SPAN(""), &lookup, arena).result, AUTH_NONE);
    client.helo = SPAN("a b\\c\xff");
    assert_int_equal(
        spf_check_mailfrom(&client, SPAN("a@o2.test"), &lookup, arena).result, AUTH_PASS);
    client.helo = SPAN("");
    assert_int_equal(
        spf_check_mailfrom(&client, SPAN("a@o2.test"), &lookup, arena).result, AUTH_FAIL);
    arena_free(arena);
}

/* The class of CVE-2023-42118: a text that is nearly all macros, of any length. */
static enum auth_result
result_of_macros(const char *before, const char *macro, unsigned count, const char *after,
    bool in_explanation)
{
    struct arena *arena = arena_new(8 << 20);
    struct buffer text;
    struct dns_table_row made[] = {
        {"h.test", DNS_TXT, "v=spf1 -all exp=e.h.test", 0, DNS_OK, false},
        {"e.h.test", DNS_TXT, "", 0, DNS_OK, false},
    };
    struct dns_table table = {.rows = made, .count = ARRAY_LENGTH(made), .arena = arena};
    struct dns_lookup lookup = dns_table_lookup(&table);
    struct spf_client client = client_at("2001:db8::1", SPAN("helo.test"));
    struct spf_report report;

    buffer_init(&text, 64 << 10);
    buffer_append_text(&text, before);
    for (unsigned i = 0; i < count; i++)
        buffer_append_text(&text, macro);
    buffer_append_text(&text, after);
    assert_true(buffer_ok(&text));
    made[in_explanation ? 1 : 0].text = buffer_text(&text);
    report = spf_check_mailfrom(&client, SPAN("\"l o n g\"@h.test"), &lookup, arena);
    assert_true(report.explanation.length <= 400);
    buffer_clear(&text);
    arena_free(arena);
    return report.result;
}

static void
texts_of_macros_are_evaluated(void **state)
{
    static const unsigned counts[] = {
        1, 50, 63, 64, 100, 120, 128, 200, 255, 256, 500, 2000};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(counts); i++) {
        unsigned count = counts[i];

        assert_int_equal(
            result_of_macros("v=spf1 exists:", "%{i}", count, " ~all", false),
            AUTH_SOFTFAIL);
        assert_int_equal(
            result_of_macros("v=spf1 a:", "%{L}", count, ".test ~all", false),
            AUTH_SOFTFAIL);
        assert_int_equal(result_of_macros("v=spf1 x=", "%{s1r.+}", count, " ?all", false),
            AUTH_NEUTRAL);
        assert_int_equal(result_of_macros("", "%{s}", count, "", true), AUTH_FAIL);
        assert_int_equal(result_of_macros("", "%%", count, "", true), AUTH_FAIL);
        assert_int_equal(result_of_macros("", "%{t}%{c}", count, ".", true), AUTH_FAIL);
    }
}

/* libspf2 drops what passes 511 compiled octets; no term may get lost that way. */
static void
long_records_lose_no_term(void **state)
{
    (void)state;
    for (unsigned count = 1; count <= 1500; count += 299) {
        assert_int_equal(result_of_macros("v=spf1", " ip6:2001:db9::1", count,
                             " ip6:2001:db8::1 -all", false),
            AUTH_PASS);
        assert_int_equal(
            result_of_macros("v=spf1", " ip4:192.0.2.1", count, " -all", false),
            AUTH_FAIL);
    }
}

enum { THREADS = 8 };

static void *
check_all(void *argument)
{
    uintptr_t wrong = 0;

    (void)argument;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct arena *arena = arena_new(8 << 20);
        struct dns_table table = table_in(arena);
        struct dns_lookup lookup = dns_table_lookup(&table);
        struct spf_client client = client_at(rows[i].address, SPAN("helo.test"));

        wrong += spf_check_mailfrom(&client, span_of(rows[i].mailbox), &lookup, arena)
                     .result != rows[i].result;
        arena_free(arena);
    }
    return (void *)wrong;
}

static void
checks_run_at_the_same_time(void **state)
{
    pthread_t threads[THREADS];
    void *wrong;

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, check_all, NULL), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_rfc_7208_where_libspf2_does_not),
        cmocka_unit_test(a_name_to_check_is_needed_before_asking),
        cmocka_unit_test(names_of_the_client_are_chosen_and_asked_for_once),
        cmocka_unit_test(helo_is_an_identity_and_that_of_the_null_sender),
        cmocka_unit_test(texts_of_macros_are_evaluated),
        cmocka_unit_test(long_records_lose_no_term),
        cmocka_unit_test(checks_run_at_the_same_time),
    };

    spf_check_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
