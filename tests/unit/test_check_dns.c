/*
 * What DNS must say before a domain is moved: right, wrong, and not to be told.
 */
#include "tests/unit/check_three.h"

#include <string.h>

#include "policyd/checks/check_dns.h"
#include "shared/base/attributes.h"
#include "tests/fakes/dns_table.h"

enum { ROWS_MAX = 12 };

static const char *const gateways[] = {"gw1.example.net", "gw2.example.net"};
static const char *const old_addresses[] = {"192.0.2.10"};
static const char *const new_addresses[] = {"2001:db8::20"};
static const char *const selectors[] = {"s1"};
static const char *const zones[] = {"list.example"};

#define RSA_1024                                                                         \
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/"      \
    "zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/"     \
    "NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB"

/* 32 of one octet. */
#define OF(octet)                                                                        \
    octet octet octet octet octet octet octet octet octet octet octet octet octet octet  \
        octet octet octet octet octet octet octet octet octet octet octet octet octet    \
            octet octet octet octet octet

static const struct {
    const char *what;
    enum check_name name;
    enum check_result wanted;
    const char *line; /* stands in what was found */
    struct dns_table_row rows[ROWS_MAX];
} rows[] = {
    /* mx-gateways */
    {"named", CHECK_MX_GATEWAYS, CHECK_PASS, "MX 10 GW1.example.net: a gateway",
        {{"example.com", DNS_MX, "10 GW1.example.net"}}},
    {"by another name", CHECK_MX_GATEWAYS, CHECK_PASS,
        "IPv4 192.0.2.1: an address of a gateway",
        {{"example.com", DNS_MX, "10 mx.example.com"},
            {"mx.example.com", DNS_A, "192.0.2.1"},
            {"gw1.example.net", DNS_A, "192.0.2.1"}}},
    {"one family of it is another host", CHECK_MX_GATEWAYS, CHECK_FAIL,
        "IPv6 2001:db8::66: not an address",
        {{"example.com", DNS_MX, "10 mx.example.com"},
            {"mx.example.com", DNS_A, "192.0.2.1"},
            {"mx.example.com", DNS_AAAA, "2001:db8::66"},
            {"gw1.example.net", DNS_A, "192.0.2.1"}}},
    {"an MX of others", CHECK_MX_GATEWAYS, CHECK_FAIL,
        "192.0.2.99: not an address of a gateway",
        {{"example.com", DNS_MX, "20 backup.example.org"},
            {"backup.example.org", DNS_A, "192.0.2.99"},
            {"gw1.example.net", DNS_A, "192.0.2.1"}}},
    {"a gateway's name has no answer", CHECK_MX_GATEWAYS, CHECK_UNKNOWN, "192.0.2.99",
        {{"example.com", DNS_MX, "20 backup.example.org"},
            {"backup.example.org", DNS_A, "192.0.2.99"},
            {"gw1.example.net", 0, .status = DNS_TIMEOUT}}},
    {"no MX", CHECK_MX_GATEWAYS, CHECK_FAIL, "MX of example.com: there is none, nxdomain",
        {{"example.org", DNS_A, "192.0.2.1"}}},
    {"SERVFAIL is no missing record", CHECK_MX_GATEWAYS, CHECK_UNKNOWN,
        "no answer, servfail", {{"example.com", 0, .status = DNS_SERVFAIL}}},
    /* mx-target */
    {"IPv4 alone is no fault", CHECK_MX_TARGET, CHECK_PASS, "IPv6: none",
        {{"example.com", DNS_MX, "10 mx.example.com"},
            {"mx.example.com", DNS_A, "192.0.2.1"}}},
    {"IPv6 alone neither", CHECK_MX_TARGET, CHECK_PASS, "IPv4: none",
        {{"example.com", DNS_MX, "10 mx.example.com"},
            {"mx.example.com", DNS_AAAA, "2001:db8::1"}}},
    {"an alias", CHECK_MX_TARGET, CHECK_FAIL, "an alias of host.example.com",
        {{"example.com", DNS_MX, "10 mx.example.com"},
            {"mx.example.com", DNS_TABLE_CNAME, "host.example.com"},
            {"host.example.com", DNS_A, "192.0.2.1"}}},
    {"no address", CHECK_MX_TARGET, CHECK_FAIL, "has no address",
        {{"example.com", DNS_MX, "10 mx.example.com"}, {"mx.example.com", DNS_TXT, "x"}}},
    {"time-out", CHECK_MX_TARGET, CHECK_UNKNOWN, "no answer, timeout",
        {{"example.com", DNS_MX, "10 mx.example.com"},
            {"mx.example.com", 0, .status = DNS_TIMEOUT}}},
    /* mx-ttl: the table has 60 s */
    {"short", CHECK_MX_TTL, CHECK_PASS, "at most 1800",
        {{"example.com", DNS_MX, "10 mx.example.com"}}},
    {"none", CHECK_MX_TTL, CHECK_FAIL, "there is none", {{"example.com", DNS_TXT, "x"}}},
    {"refused", CHECK_MX_TTL, CHECK_UNKNOWN, "refused",
        {{"example.com", DNS_MX, .status = DNS_REFUSED}}},
    /* ns-agree: 192.0.2.53 has serial 7, .54 serial 8, .55 is silent, .56 has it not */
    {"the same", CHECK_NS_AGREE, CHECK_PASS, "ns.example.com, IPv4 192.0.2.53: serial 7",
        {{"example.com", DNS_NS, "ns.example.com"},
            {"ns.example.com", DNS_A, "192.0.2.53"}}},
    {"of the name above it", CHECK_NS_AGREE, CHECK_PASS, "serial 7",
        {{"com", DNS_NS, "ns.example.com"}, {"ns.example.com", DNS_A, "192.0.2.53"},
            {"example.com", DNS_TXT, "x"}}},
    {"another serial", CHECK_NS_AGREE, CHECK_FAIL, "192.0.2.54: serial 8",
        {{"example.com", DNS_NS, "a.example.com"},
            {"example.com", DNS_NS, "b.example.com"},
            {"a.example.com", DNS_A, "192.0.2.53"},
            {"b.example.com", DNS_A, "192.0.2.54"}}},
    {"does not know it", CHECK_NS_AGREE, CHECK_FAIL, "192.0.2.56: does not have the zone",
        {{"example.com", DNS_NS, "a.example.com"},
            {"a.example.com", DNS_A, "192.0.2.56"}}},
    {"is silent", CHECK_NS_AGREE, CHECK_UNKNOWN, "192.0.2.55: no answer, timeout",
        {{"example.com", DNS_NS, "a.example.com"},
            {"a.example.com", DNS_A, "192.0.2.55"}}},
    {"has no address", CHECK_NS_AGREE, CHECK_FAIL, "a.example.com: has no address",
        {{"example.com", DNS_NS, "a.example.com"}}},
    {"this host has no IPv6", CHECK_NS_AGREE, CHECK_PASS, "not to be reached from here",
        {{"example.com", DNS_NS, "a.example.com"}, {"a.example.com", DNS_A, "192.0.2.53"},
            {"a.example.com", DNS_AAAA, "2001:db8::53"}}},
    {"SERVFAIL", CHECK_NS_AGREE, CHECK_UNKNOWN, "no answer, servfail",
        {{"example.com", DNS_NS, .status = DNS_SERVFAIL}}},
    /* spf-record */
    {"few terms", CHECK_SPF_RECORD, CHECK_PASS, "2 terms that ask DNS",
        {{"example.com", DNS_TXT,
             "v=spf1 mx include:_spf.example.net ip4:192.0.2.1 -all"},
            {"example.com", DNS_MX, "10 mx.example.com"},
            {"_spf.example.net", DNS_TXT, "v=spf1 ip4:192.0.2.2 -all"}}},
    {"eleven terms", CHECK_SPF_RECORD, CHECK_FAIL, "11 terms that ask DNS",
        {{"example.com", DNS_TXT, "v=spf1 a a a a a a a a a a a -all"},
            {"example.com", DNS_A, "192.0.2.1"}}},
    {"hosts of one mx count once", CHECK_SPF_RECORD, CHECK_PASS, "1 terms",
        {{"example.com", DNS_TXT, "v=spf1 mx -all"},
            {"example.com", DNS_MX, "10 a.example.com"},
            {"example.com", DNS_MX, "10 b.example.com"}}},
    {"three find nothing", CHECK_SPF_RECORD, CHECK_FAIL, "3 of them find nothing",
        {{"example.com", DNS_TXT, "v=spf1 a:x.test a:y.test a:z.test -all"}}},
    {"two records", CHECK_SPF_RECORD, CHECK_FAIL, "more than one record",
        {{"example.com", DNS_TXT, "v=spf1 -all"},
            {"example.com", DNS_TXT, "v=spf1 mx -all"}}},
    {"none", CHECK_SPF_RECORD, CHECK_FAIL, "has no SPF record",
        {{"example.com", DNS_TXT, "x"}}},
    {"includes itself", CHECK_SPF_RECORD, CHECK_FAIL, "too many includes",
        {{"example.com", DNS_TXT, "v=spf1 include:example.com -all"}}},
    {"an include without answer", CHECK_SPF_RECORD, CHECK_UNKNOWN,
        "_spf.example.net: no answer",
        {{"example.com", DNS_TXT, "v=spf1 include:_spf.example.net -all"},
            {"_spf.example.net", 0, .status = DNS_SERVFAIL}}},
    /* spf-outbound */
    {"both pass", CHECK_SPF_OUTBOUND, CHECK_PASS, "new 2001:db8::20, IPv6: passes",
        {{"example.com", DNS_TXT,
             "v=spf1 ip4:192.0.2.0/24 include:_spf.example.net -all"},
            {"_spf.example.net", DNS_TXT, "v=spf1 a:out.example.net ~all"},
            {"out.example.net", DNS_AAAA, "2001:db8::20"}}},
    {"new does not", CHECK_SPF_OUTBOUND, CHECK_FAIL,
        "new 2001:db8::20, IPv6: does not pass: by \"-\" in the record of example.com",
        {{"example.com", DNS_TXT, "v=spf1 ip4:192.0.2.0/24 -all"}}},
    {"softfail is no pass", CHECK_SPF_OUTBOUND, CHECK_FAIL, "by \"~\"",
        {{"example.com", DNS_TXT, "v=spf1 ip6:2001:db8::/32 ~all"}}},
    {"by redirect", CHECK_SPF_OUTBOUND, CHECK_PASS, "old 192.0.2.10, IPv4: passes",
        {{"example.com", DNS_TXT, "v=spf1 redirect=_spf.example.net"},
            {"_spf.example.net", DNS_TXT,
                "v=spf1 ip4:192.0.2.10 ip6:2001:db8::20 -all"}}},
    {"no answer", CHECK_SPF_OUTBOUND, CHECK_UNKNOWN, "no answer, timeout",
        {{"example.com", 0, .status = DNS_TIMEOUT}}},
    /* dkim-keys */
    {"a key", CHECK_DKIM_KEYS, CHECK_PASS, "s1: RSA, 1024 bits",
        {{"s1._domainkey.example.com", DNS_TXT, "v=DKIM1; p=" RSA_1024}}},
    {"withdrawn", CHECK_DKIM_KEYS, CHECK_FAIL, "the key is withdrawn",
        {{"s1._domainkey.example.com", DNS_TXT, "v=DKIM1; p="}}},
    {"none", CHECK_DKIM_KEYS, CHECK_FAIL, "there is none",
        {{"example.com", DNS_TXT, "x"}}},
    {"no answer", CHECK_DKIM_KEYS, CHECK_UNKNOWN, "servfail",
        {{"s1._domainkey.example.com", 0, .status = DNS_SERVFAIL}}},
    /* dmarc-record */
    {"valid", CHECK_DMARC_RECORD, CHECK_PASS, "_dmarc.example.com: p=reject",
        {{"_dmarc.example.com", DNS_TXT, "v=DMARC1; p=reject"},
            {"example.com", DNS_TXT, "v=spf1 ip6:2001:db8::20 -all"}}},
    {"by a key alone", CHECK_DMARC_RECORD, CHECK_PASS, "passes by DKIM alone",
        {{"_dmarc.example.com", DNS_TXT, "v=DMARC1; p=reject"},
            {"example.com", DNS_TXT, "v=spf1 -all"},
            {"s1._domainkey.example.com", DNS_TXT, "v=DKIM1; p=" RSA_1024}}},
    {"by neither", CHECK_DMARC_RECORD, CHECK_FAIL, "neither SPF nor a key",
        {{"_dmarc.example.com", DNS_TXT, "v=DMARC1; p=reject"},
            {"example.com", DNS_TXT, "v=spf1 -all"}}},
    {"a key without answer", CHECK_DMARC_RECORD, CHECK_UNKNOWN, "had no answer",
        {{"_dmarc.example.com", DNS_TXT, "v=DMARC1; p=reject"},
            {"example.com", DNS_TXT, "v=spf1 -all"},
            {"s1._domainkey.example.com", 0, .status = DNS_SERVFAIL}}},
    {"two", CHECK_DMARC_RECORD, CHECK_FAIL, "more than one record",
        {{"_dmarc.example.com", DNS_TXT, "v=DMARC1; p=reject"},
            {"_dmarc.example.com", DNS_TXT, "v=DMARC1; p=none"}}},
    {"none", CHECK_DMARC_RECORD, CHECK_FAIL, "there is none",
        {{"example.com", DNS_TXT, "x"}}},
    {"no answer", CHECK_DMARC_RECORD, CHECK_UNKNOWN, "timeout",
        {{"_dmarc.example.com", 0, .status = DNS_TIMEOUT}}},
    /* mta-sts: the policy names gw1.example.net and *.example.org */
    {"none", CHECK_MTA_STS, CHECK_PASS, "there is none", {{"example.com", DNS_TXT, "x"}}},
    {"names both", CHECK_MTA_STS, CHECK_PASS, "gw2.example.net: named by the policy",
        {{"_mta-sts.example.com", DNS_TXT, "v=STSv1; id=both"}}},
    {"names one", CHECK_MTA_STS, CHECK_FAIL, "gw2.example.net: not named",
        {{"_mta-sts.example.com", DNS_TXT, "v=STSv1; id=one"}}},
    {"too short", CHECK_MTA_STS, CHECK_FAIL, "max_age: 86399 s",
        {{"_mta-sts.example.com", DNS_TXT, "v=STSv1; id=short"}}},
    {"is no policy", CHECK_MTA_STS, CHECK_FAIL, "can't be read: a line of it",
        {{"_mta-sts.example.com", DNS_TXT, "v=STSv1; id=html"}}},
    {"404", CHECK_MTA_STS, CHECK_FAIL, "HTTP 404, though the record",
        {{"_mta-sts.example.com", DNS_TXT, "v=STSv1; id=404"}}},
    {"two records", CHECK_MTA_STS, CHECK_FAIL, "2 records, so none counts",
        {{"_mta-sts.example.com", DNS_TXT, "v=STSv1; id=1"},
            {"_mta-sts.example.com", DNS_TXT, "v=STSv1; id=2"}}},
    {"the web server is away", CHECK_MTA_STS, CHECK_UNKNOWN, "refused",
        {{"_mta-sts.example.com", DNS_TXT, "v=STSv1; id=dead"}}},
    {"time-out", CHECK_MTA_STS, CHECK_UNKNOWN, "no answer, timeout",
        {{"_mta-sts.example.com", 0, .status = DNS_TIMEOUT}}},
    /* tlsa: 192.0.2.1 shows a certificate of 'c' with the key 'k', above it 'C' and 'K'
     */
    {"none", CHECK_TLSA, CHECK_PASS, "no MX host has",
        {{"example.com", DNS_MX, "10 mx.test"}, {"mx.test", DNS_A, "192.0.2.1"}}},
    {"the key", CHECK_TLSA, CHECK_PASS, "a record fits",
        {{"example.com", DNS_MX, "10 mx.test"}, {"mx.test", DNS_A, "192.0.2.1"},
            {"_25._tcp.mx.test", DNS_TLSA, "\3\1\1" OF("k"), .secure = true}}},
    {"the certificate above", CHECK_TLSA, CHECK_PASS, "(not signed as this resolver",
        {{"example.com", DNS_MX, "10 mx.test"}, {"mx.test", DNS_A, "192.0.2.1"},
            {"_25._tcp.mx.test", DNS_TLSA, "\2\0\1" OF("C"), 35}}},
    {"its own is none above it", CHECK_TLSA, CHECK_FAIL, "none of the records fits",
        {{"example.com", DNS_MX, "10 mx.test"}, {"mx.test", DNS_A, "192.0.2.1"},
            {"_25._tcp.mx.test", DNS_TLSA, "\2\1\1" OF("k")}}},
    {"another key", CHECK_TLSA, CHECK_FAIL, "none of the records fits",
        {{"example.com", DNS_MX, "10 mx.test"}, {"mx.test", DNS_A, "192.0.2.1"},
            {"_25._tcp.mx.test", DNS_TLSA, "\3\1\1" OF("x")}}},
    {"one of two", CHECK_TLSA, CHECK_PASS, "a record fits",
        {{"example.com", DNS_MX, "10 mx.test"}, {"mx.test", DNS_A, "192.0.2.1"},
            {"_25._tcp.mx.test", DNS_TLSA, "\3\1\1" OF("x")},
            {"_25._tcp.mx.test", DNS_TLSA, "\3\1\1" OF("k")}}},
    {"for the web", CHECK_TLSA, CHECK_FAIL, "none of the records fits",
        {{"example.com", DNS_MX, "10 mx.test"}, {"mx.test", DNS_A, "192.0.2.1"},
            {"_25._tcp.mx.test", DNS_TLSA, "\1\1\1" OF("k")}}},
    {"by SHA-512", CHECK_TLSA, CHECK_UNKNOWN, "a form that is not looked into",
        {{"example.com", DNS_MX, "10 mx.test"}, {"mx.test", DNS_A, "192.0.2.1"},
            {"_25._tcp.mx.test", DNS_TLSA, "\3\1\2" OF("k") OF("k")}}},
    {"the host is away", CHECK_TLSA, CHECK_UNKNOWN, "mx.test, IPv4 192.0.2.2: timed out",
        {{"example.com", DNS_MX, "10 mx.test"}, {"mx.test", DNS_A, "192.0.2.2"},
            {"_25._tcp.mx.test", DNS_TLSA, "\3\1\1" OF("k")}}},
    {"no answer", CHECK_TLSA, CHECK_UNKNOWN, "no answer, servfail",
        {{"example.com", DNS_MX, "10 mx.test"}, {"mx.test", DNS_A, "192.0.2.1"},
            {"_25._tcp.mx.test", 0, .status = DNS_SERVFAIL}}},
    /* ptr */
    {"forward and back", CHECK_PTR, CHECK_PASS, "192.0.2.10 is out.example.com",
        {{"10.2.0.192.in-addr.arpa", DNS_PTR, "out.example.com"},
            {"out.example.com", DNS_A, "192.0.2.10"},
            {"0.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
                DNS_PTR, "out.example.com"},
            {"out.example.com", DNS_AAAA, "2001:db8::20"}}},
    {"not back", CHECK_PTR, CHECK_FAIL, "does not lead back",
        {{"10.2.0.192.in-addr.arpa", DNS_PTR, "out.example.com"},
            {"out.example.com", DNS_A, "192.0.2.11"}}},
    {"no answer", CHECK_PTR, CHECK_UNKNOWN, "no answer",
        {{"10.2.0.192.in-addr.arpa", 0, .status = DNS_TIMEOUT},
            {"0.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
                0, .status = DNS_TIMEOUT}}},
    /* dnsbl */
    {"not listed", CHECK_DNSBL, CHECK_PASS, "192.0.2.10 at list.example: not listed",
        {{"2.0.0.127.list.example", DNS_A, "127.0.0.2"}}},
    {"listed", CHECK_DNSBL, CHECK_FAIL, "listed (127.0.0.4)",
        {{"10.2.0.192.list.example", DNS_A, "127.0.0.4"}}},
    {"the list refuses the resolver", CHECK_DNSBL, CHECK_UNKNOWN,
        "the list refuses your resolver (127.255.255.254)",
        {{"10.2.0.192.list.example", DNS_A, "127.255.255.254"}}},
    {"a zone that is parked", CHECK_DNSBL, CHECK_UNKNOWN, "is no answer of a block list",
        {{"10.2.0.192.list.example", DNS_A, "198.51.100.1"}}},
    {"no answer", CHECK_DNSBL, CHECK_UNKNOWN, "no answer, servfail",
        {{"10.2.0.192.list.example", 0, .status = DNS_SERVFAIL}}},
};

/* --- who else is asked --- */

static const struct dns_table_row server_rows[] = {
    {"192.0.2.53", DNS_SOA, "ns.example.com 7"},
    {"192.0.2.54", DNS_SOA, "ns.example.com 8"}, {"192.0.2.55", 0, .status = DNS_TIMEOUT},
    {"192.0.2.56", DNS_TXT, "x"}, {"2001:db8::53", 0, .status = DNS_LOCAL}};

/* What one of them says of any zone. */
struct server {
    struct dns_table table;
    struct dns_lookup own;
    struct dns_lookup lookup;
    const char *address;
};

static struct dns_question *
ask_server(void *context, struct span name, enum dns_type type)
{
    struct server *server = context;

    (void)name;
    return server->own.ask(server->own.context, span_of(server->address), type);
}

static const struct dns_answer *
wait_for_server(void *context, struct dns_question *question)
{
    struct server *server = context;

    return server->own.wait(server->own.context, question);
}

static const struct dns_lookup *
find_server(void *context, const char *address)
{
    struct server *server = arena_take(context, sizeof(*server));

    server->table = (struct dns_table){
        .rows = server_rows, .count = ARRAY_LENGTH(server_rows), .arena = context};
    server->own = dns_table_lookup(&server->table);
    server->address = address;
    server->lookup = (struct dns_lookup){server, ask_server, wait_for_server};
    return &server->lookup;
}

static const char *announced; /* id= of the record */

static void
fetch(void *context, const char *host, const char *path, struct check_document *document)
{
#define POLICY(hosts, age)                                                               \
    "version: STSv1\r\nmode: enforce\r\n" hosts "max_age: " age "\r\n"
    static const struct {
        const char *id;
        const char *trouble;
        unsigned status;
        const char *text;
    } documents[] = {
        {"both", NULL, 200, POLICY("mx: gw1.example.net\nmx: *.example.net\n", "604800")},
        {"one", NULL, 200, POLICY("mx: gw1.example.net\n", "604800")},
        {"short", NULL, 200, POLICY("mx: *.example.net\n", "86399")},
        {"html", NULL, 200, "<html>\n"},
        {"404", NULL, 404, ""},
        {"dead", "connection refused", 0, ""},
    };

    (void)context;
    assert_string_equal(host, "mta-sts.example.com");
    assert_string_equal(path, "/.well-known/mta-sts.txt");
    for (size_t i = 0; i < ARRAY_LENGTH(documents); i++) {
        if (strcmp(documents[i].id, announced) == 0)
            *document = (struct check_document){
                documents[i].trouble, documents[i].status, span_of(documents[i].text)};
    }
}

static void
find_chain(void *context, const char *address, struct check_chain *chain)
{
    (void)context;
    *chain = (struct check_chain){.count = 2};
    if (strcmp(address, "192.0.2.1") != 0)
        chain->trouble = "timed out";
    memset(chain->links[0].certificate, 'c', CHECK_DIGEST);
    memset(chain->links[0].key, 'k', CHECK_DIGEST);
    memset(chain->links[1].certificate, 'C', CHECK_DIGEST);
    memset(chain->links[1].key, 'K', CHECK_DIGEST);
}

static void
look(const struct dns_table_row *table_rows, bool is_told, enum check_name name,
    struct arena *arena, struct check *check)
{
    struct dns_table table = {.rows = table_rows, .arena = arena};
    struct dns_lookup lookup;
    struct check_dns dns = {.lookup = &lookup, .domain = SPAN("example.com")};

    while (table.count < ROWS_MAX && table_rows[table.count].name != NULL)
        table.count++;
    lookup = dns_table_lookup(&table);
    dns.context = arena;
    dns.server = find_server;
    dns.fetch = fetch;
    dns.chain = find_chain;
    announced = strstr(table_rows[0].text != NULL ? table_rows[0].text : "", "id=");
    announced = announced != NULL ? announced + 3 : "";
    if (is_told) {
        dns.gateways = (struct check_texts){gateways, ARRAY_LENGTH(gateways)};
        dns.outbound_old = (struct check_texts){old_addresses, 1};
        dns.outbound_new = (struct check_texts){new_addresses, 1};
        dns.selectors = (struct check_texts){selectors, 1};
        dns.zones = (struct check_texts){zones, 1};
    }
    check_begin(check, arena);
    check_dns_look(&dns, name, check);
}

static void
says_what_dns_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct arena *arena = arena_new(1 << 20);
        struct check check;
        const char *found;

        look(rows[i].rows, true, rows[i].name, arena, &check);
        found = check_found(&check, arena);
        if (check.result != rows[i].wanted || strstr(found, rows[i].line) == NULL)
            fail_msg("%s, %s: %s:\n%s", check_rows[rows[i].name].name, rows[i].what,
                check_result_name(check.result), found);
        three_note(rows[i].name, check.result);
        arena_free(arena);
    }
}

static void
skips_what_it_was_not_told(void **state)
{
    static const struct dns_table_row table[ROWS_MAX] = {
        {"example.com", DNS_MX, "10 mx.example.com"}};
    static const enum check_name names[] = {
        CHECK_MX_GATEWAYS, CHECK_SPF_OUTBOUND, CHECK_DKIM_KEYS, CHECK_PTR, CHECK_DNSBL};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        struct arena *arena = arena_new(1 << 20);
        struct check check;

        look(table, false, names[i], arena, &check);
        assert_int_equal(check.result, CHECK_SKIPPED);
        assert_non_null(strstr(check_found(&check, arena), "needs [ctl] "));
        arena_free(arena);
    }
}

/* A look-up with one answer to all. */
static struct dns_question *
ask_nothing(void *context, struct span name, enum dns_type type)
{
    (void)name;
    (void)type;
    return context;
}

static const struct dns_answer *
wait_for_it(void *context, struct dns_question *question)
{
    (void)question;
    return context;
}

static void
measures_the_ttl(void **state)
{
    static const struct dns_record record = {.preference = 10, .text = {"mx.test", 7}};
    struct arena *arena = arena_new(1 << 20);

    (void)state;
    for (uint32_t ttl = 1799; ttl <= 1801; ttl++) {
        struct dns_answer answer = {
            .status = DNS_OK, .ttl = ttl, .records = &record, .count = 1};
        struct dns_lookup lookup = {&answer, ask_nothing, wait_for_it};
        struct check_dns dns = {.lookup = &lookup, .domain = SPAN("example.com")};
        struct check check;

        check_begin(&check, arena);
        check_dns_look(&dns, CHECK_MX_TTL, &check);
        assert_int_equal(check.result, ttl <= 1800 ? CHECK_PASS : CHECK_FAIL);
    }
    arena_free(arena);
}

static void
has_three_of_each(void **state)
{
    (void)state;
    three_count(THREE_DNS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_dns_says),
        cmocka_unit_test(skips_what_it_was_not_told),
        cmocka_unit_test(measures_the_ttl),
        cmocka_unit_test(has_three_of_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
