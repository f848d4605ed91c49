/* test/conformance/client.c - connect, send all, receive by header and rest, each step with the
 * time that is left. */
#include "conformance/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "wire/compose.h"
#include "wire/message.h"

void conf_client_init(struct conf_client *client, int port, int timeout_ms)
{
    *client = (struct conf_client){.fd = -1, .port = port, .timeout_ms = timeout_ms};
    buf_init(&client->request, NULL);
    buf_init(&client->reply, NULL);
}

static void client_disconnect(struct conf_client *client)
{
    if (client->fd >= 0) {
        close(client->fd);
        client->fd = -1;
    }
}

void conf_client_close(struct conf_client *client)
{
    client_disconnect(client);
    buf_close(&client->request);
    buf_close(&client->reply);
}

static int client_connect(struct conf_client *client)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)client->port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const int one = 1;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0) {
        return CONF_CLIENT_REFUSED;
    }
    if (connect(client->fd, (struct sockaddr *)&address, sizeof address) != 0) {
        client_disconnect(client);
        return CONF_CLIENT_REFUSED;
    }
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return 0;
}

static int64_t client_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Move `size` bytes out or in before the deadline. */
static int client_move(struct conf_client *client, uint8_t *data, size_t size, bool out,
                       int64_t deadline_ms)
{
    while (size > 0) {
        struct pollfd wait = {.fd = client->fd, .events = out ? POLLOUT : POLLIN};
        int64_t left = deadline_ms - client_now_ms();
        int ready = left <= 0 ? 0 : poll(&wait, 1, (int)left);
        if (ready == 0) {
            return CONF_CLIENT_TIMEOUT;
        }
        ssize_t moved = out ? send(client->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT)
                            : recv(client->fd, data, size, MSG_DONTWAIT);
        if (moved < 0 && (errno == EAGAIN || errno == EINTR)) {
            continue;
        }
        if (moved <= 0) {
            return CONF_CLIENT_LOST;
        }
        data += moved;
        size -= (size_t)moved;
    }
    return 0;
}

static int client_receive(struct conf_client *client, int64_t deadline_ms, struct slice *ret_reply)
{
    struct wire_header header;
    struct wire_message message;
    client->reply.len = 0;
    uint8_t *at = buf_extend(&client->reply, WIRE_HEADER_SIZE);
    int result = client_move(client, at, WIRE_HEADER_SIZE, false, deadline_ms);
    if (result != 0) {
        return result;
    }
    if (wire_header_parse(buf_slice(&client->reply), WIRE_MESSAGE_SIZE_MAX, &header, NULL) != 0) {
        return CONF_CLIENT_UNREADABLE;
    }
    at = buf_extend(&client->reply, header.length - WIRE_HEADER_SIZE);
    result = client_move(client, at, header.length - WIRE_HEADER_SIZE, false, deadline_ms);
    if (result != 0) {
        return result;
    }
    if (wire_message_parse(buf_slice(&client->reply), &message, NULL) != 0 ||
        message.header.response_to != client->request_id) {
        return CONF_CLIENT_UNREADABLE;
    }
    *ret_reply = message.body;
    return 0;
}

int conf_client_call(struct conf_client *client, struct slice command, struct slice *ret_reply)
{
    int64_t deadline_ms = client_now_ms() + client->timeout_ms;
    int result = client->fd < 0 ? client_connect(client) : 0;
    if (result != 0) {
        return result;
    }
    struct wire_stamp stamp = {.request_id = ++client->request_id};
    client->request.len = 0;
    size_t start = wire_compose_begin(&client->request, WIRE_OP_MSG);
    buf_append_slice(&client->request, command);
    wire_compose_end(&client->request, start, &stamp);
    result = client_move(client, client->request.data, client->request.len, true, deadline_ms);
    if (result == 0) {
        result = client_receive(client, deadline_ms, ret_reply);
    }
    if (result != 0) {
        client_disconnect(client);
    }
    return result;
}

const char *conf_client_error_text(int error)
{
    static const char *const texts[] = {"", "connection refused", "connection lost", "timeout",
                                        "unreadable reply"};
    return texts[-error];
}
