#include "tests/fakes/smtp_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

enum { HEARD_MAX = 1 << 20, FLOOD_OCTETS = 1 << 16 };

struct smtp_server {
    struct event_base *base;
    struct evconnlistener *listener;
    char path[108];
    unsigned port;
    const struct smtp_rule *rules;
    SSL_CTX *tls;
    char fingerprint[65];
    char heard[HEARD_MAX];
    size_t heard_length;
    unsigned connections;
    unsigned open;
    unsigned most;
    struct client *clients;
};

struct client {
    struct smtp_server *server;
    struct client *next;
    struct bufferevent *stream;
    int fd;
    SSL *session;
    bool floods;
    bool closes;
};

static void
hear(struct smtp_server *server, const char *what)
{
    server->heard_length += (size_t)snprintf(server->heard + server->heard_length,
        sizeof(server->heard) - server->heard_length, "%s|", what);
    assert(server->heard_length < sizeof(server->heard));
}

static void
close_client(struct client *client)
{
    struct client **at = &client->server->clients;

    while (*at != client)
        at = &(*at)->next;
    *at = client->next;
    client->server->open--;
    bufferevent_free(client->stream);
    SSL_free(client->session);
    close(client->fd);
    free(client);
}

static void
flood(struct client *client)
{
    char octets[FLOOD_OCTETS];

    memset(octets, 'x', sizeof(octets));
    memcpy(octets, "220-", 4);
    bufferevent_write(client->stream, octets, sizeof(octets));
}

static void take_stream(struct client *client, struct bufferevent *stream);

static void
begin_tls(struct client *client)
{
    hear(client->server, "(tls)");
    bufferevent_free(client->stream);
    client->session = SSL_new(client->server->tls);
    take_stream(client, bufferevent_openssl_socket_new(client->server->base, client->fd,
                            client->session, BUFFEREVENT_SSL_ACCEPTING, 0));
}

static const char *
good_reply(const struct client *client, const char *verb)
{
    if (strcmp(verb, "connect") == 0)
        return "220 mx.example ESMTP";
    if (strcmp(verb, "EHLO") == 0 || strcmp(verb, "LHLO") == 0)
        return client->server->tls != NULL && client->session == NULL
                   ? "250-mx.example\r\n250-SIZE 1000000\r\n250-STARTTLS\r\n250 8BITMIME"
                   : "250-mx.example\r\n250-SIZE 1000000\r\n250 8BITMIME";
    if (strcmp(verb, "STARTTLS") == 0)
        return client->server->tls != NULL ? "220 2.0.0 go ahead" : "502 5.5.1 what?";
    return strcmp(verb, "QUIT") == 0 ? "221 2.0.0 bye" : "250 2.1.0 fine";
}

static const char *
reply_to(const struct client *client, const char *verb, const char *command)
{
    const struct smtp_rule *rule = client->server->rules;

    for (; rule != NULL && rule->verb != NULL; rule++) {
        if (strcmp(rule->verb, verb) == 0 &&
            (rule->text == NULL || strstr(command, rule->text) != NULL))
            return rule->reply;
    }
    return good_reply(client, verb);
}

static void
on_sent(struct bufferevent *stream, void *argument)
{
    struct client *client = argument;

    (void)stream;
    if (client->closes)
        close_client(client);
    else if (client->floods)
        flood(client);
}

static void
answer(struct client *client, const char *verb, const char *command)
{
    const char *reply = reply_to(client, verb, command);

    if (strcmp(reply, SMTP_SERVER_HANG) == 0)
        return;
    if (strcmp(reply, SMTP_SERVER_CLOSE) == 0) {
        close_client(client);
        return;
    }
    if (strcmp(reply, SMTP_SERVER_FLOOD) == 0) {
        client->floods = true;
        flood(client);
        return;
    }
    client->closes = strncmp(reply, "421", 3) == 0 || strcmp(verb, "QUIT") == 0;
    if (strcmp(verb, "STARTTLS") == 0 && strncmp(reply, "220", 3) == 0 &&
        client->server->tls != NULL) {
        assert(dprintf(client->fd, "%s\r\n", reply) > 0);
        begin_tls(client);
        return;
    }
    evbuffer_add_printf(bufferevent_get_output(client->stream), "%s\r\n", reply);
    /* Promised, and not kept: what comes now is no command. */
    if (strcmp(verb, "STARTTLS") == 0 && strncmp(reply, "220", 3) == 0)
        bufferevent_disable(client->stream, EV_READ);
}

static void
on_read(struct bufferevent *stream, void *argument)
{
    struct client *client = argument;
    struct smtp_server *server = client->server;
    char *line =
        evbuffer_readln(bufferevent_get_input(stream), NULL, EVBUFFER_EOL_CRLF_STRICT);
    char verb[20] = "";

    if (line == NULL)
        return;
    hear(server, line);
    for (size_t i = 0; i < sizeof(verb) - 1 && line[i] != '\0' && line[i] != ' '; i++)
        verb[i] = line[i];
    /* One command at a time: who is to be asked says no more before. */
    assert(evbuffer_get_length(bufferevent_get_input(stream)) == 0);
    answer(client, verb, line);
    free(line);
}

static void
on_event(struct bufferevent *stream, short what, void *argument)
{
    (void)stream;
    if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0)
        close_client(argument);
}

static void
take_stream(struct client *client, struct bufferevent *stream)
{
    client->stream = stream;
    bufferevent_setcb(stream, on_read, on_sent, on_event, client);
    bufferevent_enable(stream, EV_READ | EV_WRITE);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
    int length, void *argument)
{
    struct smtp_server *server = argument;
    struct client *client = calloc(1, sizeof(*client));

    (void)listener;
    (void)address;
    (void)length;
    assert(client != NULL);
    client->server = server;
    client->fd = fd;
    client->next = server->clients;
    server->clients = client;
    server->connections++;
    server->open++;
    if (server->open > server->most)
        server->most = server->open;
    take_stream(client, bufferevent_socket_new(server->base, fd, 0));
    answer(client, "connect", "");
}

static socklen_t
address_of(struct smtp_server *server, const char *place, struct sockaddr_storage *out)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_un local = {.sun_family = AF_UNIX};

    memset(out, 0, sizeof(*out));
    if (place[0] == '/') {
        (void)snprintf(server->path, sizeof(server->path), "%s", place);
        memcpy(local.sun_path, server->path, sizeof(local.sun_path));
        memcpy(out, &local, sizeof(local));
        return sizeof(local);
    }
    assert(inet_pton(AF_INET, place, &v4.sin_addr) == 1);
    memcpy(out, &v4, sizeof(v4));
    return sizeof(v4);
}

struct smtp_server *
smtp_server_new(struct event_base *base, const char *place)
{
    struct smtp_server *server = calloc(1, sizeof(*server));
    struct sockaddr_storage address;
    struct sockaddr_in bound;
    socklen_t length = sizeof(bound);
    socklen_t size;

    assert(server != NULL);
    size = address_of(server, place, &address);
    server->base = base;
    server->listener = evconnlistener_new_bind(base, on_accept, server,
        LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 100, (struct sockaddr *)&address,
        (int)size);
    assert(server->listener != NULL);
    assert(getsockname(evconnlistener_get_fd(server->listener), (struct sockaddr *)&bound,
               &length) == 0);
    server->port = ntohs(bound.sin_port);
    return server;
}

void
smtp_server_free(struct smtp_server *server)
{
    while (server->clients != NULL)
        close_client(server->clients);
    evconnlistener_free(server->listener);
    if (server->path[0] != '\0')
        (void)unlink(server->path);
    SSL_CTX_free(server->tls);
    free(server);
}

void
smtp_server_rules(struct smtp_server *server, const struct smtp_rule *rules)
{
    server->rules = rules;
}

static X509 *
make_certificate(EVP_PKEY *key, const char *name)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);

    (void)ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400L * 30);
    X509_NAME_add_entry_by_txt(
        subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    X509_set_pubkey(certificate, key);
    assert(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

void
smtp_server_certify(struct smtp_server *server, const char *name)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = make_certificate(key, name);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length;

    SSL_CTX_free(server->tls);
    server->tls = SSL_CTX_new(TLS_server_method());
    assert(SSL_CTX_use_certificate(server->tls, certificate) == 1);
    assert(SSL_CTX_use_PrivateKey(server->tls, key) == 1);
    assert(X509_digest(certificate, EVP_sha256(), digest, &length) == 1 && length == 32);
    for (size_t i = 0; i < length; i++)
        (void)snprintf(server->fingerprint + 2 * i, 3, "%02x", digest[i]);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

const char *
smtp_server_fingerprint(const struct smtp_server *server)
{
    return server->fingerprint;
}

bool
smtp_server_write_certificate(const struct smtp_server *server, const char *path)
{
    FILE *file = fopen(path, "we");
    bool done =
        file != NULL && PEM_write_X509(file, SSL_CTX_get0_certificate(server->tls)) == 1;

    return file != NULL && fclose(file) == 0 && done;
}

unsigned
smtp_server_port(const struct smtp_server *server)
{
    return server->port;
}

const char *
smtp_server_heard(const struct smtp_server *server)
{
    return server->heard;
}

void
smtp_server_forget(struct smtp_server *server)
{
    server->heard[0] = '\0';
    server->heard_length = 0;
    server->connections = 0;
    server->most = server->open;
}

unsigned
smtp_server_connections(const struct smtp_server *server)
{
    return server->connections;
}

unsigned
smtp_server_most(const struct smtp_server *server)
{
    return server->most;
}
