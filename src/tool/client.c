/* tool/client.c - one socket; a request goes out whole, its reply is read by header and rest.
 *
 * Time limits are the socket's own (SO_RCVTIMEO, SO_SNDTIMEO, which connect obeys too). Any failure
 * of the socket closes it: the stream's position is unknown afterwards. */
#include "tool/client.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "doc/build.h"
#include "doc/view.h"
#include "wire/compose.h"

void tool_client_init(struct tool_client *client)
{
    *client = (struct tool_client){.fd = -1, .timeout_ms = TOOL_TIMEOUT_MS};
    buf_init(&client->out, NULL);
    buf_init(&client->in, NULL);
}

static void client_disconnect(struct tool_client *client)
{
    if (client->fd >= 0) {
        close(client->fd);
        client->fd = -1;
    }
}

void tool_client_close(struct tool_client *client)
{
    client_disconnect(client);
    buf_close(&client->out);
    buf_close(&client->in);
}

/* ---- bytes ---- */

static int client_failed(struct tool_client *client, ssize_t moved, struct err *err)
{
    int number = errno;
    client_disconnect(client);
    if (moved == 0) {
        return err_set(err, LT_EHOSTUNREACHABLE, "%s closed the connection", client->peer);
    }
    if (number == EAGAIN || number == EINPROGRESS) {
        return err_set(err, LT_ENETWORKTIMEOUT, "%s did not answer within %d ms", client->peer,
                       client->timeout_ms);
    }
    return err_set(err, LT_EHOSTUNREACHABLE, "%s: %s", client->peer, strerror(number));
}

static int client_write(struct tool_client *client, const uint8_t *data, size_t size,
                        struct err *err)
{
    while (size > 0) {
        ssize_t moved = send(client->fd, data, size, MSG_NOSIGNAL);
        if (moved < 0 && errno == EINTR) {
            continue;
        }
        if (moved < 0) {
            return client_failed(client, moved, err);
        }
        data += moved;
        size -= (size_t)moved;
    }
    return 0;
}

static int client_read(struct tool_client *client, size_t size, struct err *err)
{
    uint8_t *data = buf_extend(&client->in, size);
    while (size > 0) {
        ssize_t moved = recv(client->fd, data, size, 0);
        if (moved < 0 && errno == EINTR) {
            continue;
        }
        if (moved <= 0) {
            return client_failed(client, moved, err);
        }
        data += moved;
        size -= (size_t)moved;
    }
    return 0;
}

/* ---- requests and replies ---- */

struct buf *tool_client_begin(struct tool_client *client)
{
    client->out.len = 0;
    client->start = wire_compose_begin(&client->out, WIRE_OP_MSG);
    return &client->out;
}

int tool_client_send(struct tool_client *client, uint32_t flags, struct err *err)
{
    if (client->fd < 0) {
        return err_set(err, LT_EHOSTUNREACHABLE, "not connected");
    }
    struct wire_stamp stamp = {.request_id = ++client->request_id, .flags = flags};
    wire_compose_end(&client->out, client->start, &stamp);
    return client_write(client, client->out.data, client->out.len, err);
}

static int client_check(struct slice reply, struct err *err)
{
    struct doc_value ok = doc_get_str(reply, "ok");
    if (doc_value_exists(ok) && doc_value_truth(ok)) {
        return 0;
    }
    struct doc_value code = doc_get_str(reply, "code");
    struct doc_value text = doc_get_str(reply, "errmsg");
    int64_t number = doc_value_is_number(code) ? doc_value_to_i64_clamped(code) : 0;
    struct slice words = text.type == DOC_STRING ? doc_value_get_string(text)
                                                 : SLICE("the server refused without a word");
    return err_set(err, number <= 0 || number > INT32_MAX ? LT_EUNKNOWNERROR : (int)number, "%.*s",
                   SLICE_FMT(words));
}

int tool_client_receive(struct tool_client *client, struct slice *ret_reply, struct err *err)
{
    struct wire_header header;
    struct wire_message message;
    if (client->fd < 0) {
        return err_set(err, LT_EHOSTUNREACHABLE, "not connected");
    }
    client->in.len = 0;
    int code = client_read(client, WIRE_HEADER_SIZE, err);
    code = code < 0
               ? code
               : wire_header_parse(buf_slice(&client->in), WIRE_MESSAGE_SIZE_MAX, &header, err);
    code = code < 0 ? code : client_read(client, header.length - WIRE_HEADER_SIZE, err);
    code = code < 0 ? code : wire_message_parse(buf_slice(&client->in), &message, err);
    if (code < 0) {
        client_disconnect(client);
        return code;
    }
    *ret_reply = message.body;
    return client_check(message.body, err);
}

int tool_client_run(struct tool_client *client, struct slice command, struct slice *ret_reply,
                    struct err *err)
{
    buf_append_slice(tool_client_begin(client), command);
    int code = tool_client_send(client, 0, err);
    return code < 0 ? code : tool_client_receive(client, ret_reply, err);
}

/* ---- connecting ---- */

static int client_open(struct tool_client *client, const struct addrinfo *info)
{
    const int one = 1;
    struct timeval limit = {client->timeout_ms / 1000, client->timeout_ms % 1000 * 1000};
    client->fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0) {
        return -1;
    }
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return connect(client->fd, info->ai_addr, info->ai_addrlen);
}

static int client_connect_seed(struct tool_client *client, const char *host, uint16_t port,
                               struct err *err)
{
    char service[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    snprintf(service, sizeof service, "%u", port);
    snprintf(client->peer, sizeof client->peer, "%s:%s", host, service);
    int code = getaddrinfo(host, service, &hints, &found);
    if (code != 0) {
        return err_set(err, LT_EHOSTNOTFOUND, "%s: %s", client->peer, gai_strerror(code));
    }
    int result = -1;
    for (struct addrinfo *info = found; info != NULL && result != 0; info = info->ai_next) {
        client_disconnect(client);
        result = client_open(client, info);
    }
    int number = errno;
    freeaddrinfo(found);
    errno = number;
    return result == 0 ? 0 : client_failed(client, -1, err);
}

static int client_hello(struct tool_client *client, const char *name, struct err *err)
{
    struct doc_builder builder;
    struct slice reply;
    doc_build_begin(&builder, tool_client_begin(client));
    doc_build_i32(&builder, "hello", 1);
    doc_build_open(&builder, SLICE("client"));
    doc_build_open(&builder, SLICE("application"));
    doc_build_text(&builder, "name", name);
    doc_build_close(&builder);
    doc_build_open(&builder, SLICE("driver"));
    doc_build_text(&builder, "name", name);
    doc_build_text(&builder, "version", LT_VERSION);
    doc_build_close(&builder);
    doc_build_open(&builder, SLICE("os"));
    doc_build_text(&builder, "type", "Linux");
    doc_build_close(&builder);
    doc_build_close(&builder);
    doc_build_text(&builder, "$db", "admin");
    doc_build_end(&builder);
    int code = tool_client_send(client, 0, err);
    return code < 0 ? code : tool_client_receive(client, &reply, err);
}

int tool_client_connect(struct tool_client *client, const struct tool_target *target,
                        const char *name, struct err *err)
{
    int code = -LT_EHOSTUNREACHABLE;
    for (uint32_t i = 0; i < target->seeds_count && code < 0; i++) {
        code = client_connect_seed(client, target->seeds[i].host, target->seeds[i].port, err);
        code = code < 0 ? code : client_hello(client, name, err);
    }
    return code;
}
