/* sim/node/client.c - make a command, send it, wait, and decide what a loss means. */
#include "sim/node/client.h"

#include <assert.h>

#include "base/mem.h"
#include "doc/build.h"
#include "doc/json.h"
#include "doc/view.h"
#include "sim/node/history.h"
#include "wire/compose.h"

enum { CLIENT_TEXT = 220, CLIENT_OVERLOADED = 462, CLIENT_DISK_FULL = 14031 };

static void client_connect(void *context);
static void client_next(void *context);

/* ---- what a reader of the trace sees ---- */

static void client_note(const struct sim_client *client, const char *arrow, struct slice doc)
{
    struct buf text;
    sim_digest(client->world, doc);
    if (client->world->trace == NULL) {
        return;
    }
    buf_init(&text, NULL);
    doc_json_write(&text, doc, DOC_JSON_RELAXED);
    sim_note(client->world, client->name, "%s %.*s%s", arrow,
             (int)(text.len < CLIENT_TEXT ? text.len : CLIENT_TEXT), (const char *)text.data,
             text.len < CLIENT_TEXT ? "" : "...");
    buf_close(&text);
}

/* ---- the command ---- */

static void client_build_session(struct sim_client *client, struct doc_builder *builder)
{
    bool starts = client->manner == SIM_BEGIN;
    doc_build_open(builder, SLICE("lsid"));
    doc_build_binary(builder, "id", 4, slice_of(client->session, sizeof client->session));
    doc_build_close(builder);
    if (client->manner == SIM_PLAIN || (client->manner == SIM_WRITE && !client->retries)) {
        return;
    }
    client->txn_number += client->manner == SIM_WRITE || starts;
    doc_build_i64(builder, "txnNumber", client->txn_number);
    if (client->manner != SIM_WRITE) {
        doc_build_bool(builder, "autocommit", false);
    }
    if (starts) {
        doc_build_bool(builder, "startTransaction", true);
    }
}

static void client_compose(struct sim_client *client, const struct sim_request *request)
{
    struct doc_builder builder;
    struct buf body;
    size_t used;
    struct err err = {0};
    buf_init(&body, NULL);
    int code = doc_json_read(buf_slice(&request->json), &body, &used, &err);
    if (code < 0) {
        sim_fail(client->world, "a client's command is no JSON: %s", err.text);
        return;
    }
    client->frame.len = 0;
    size_t start = wire_compose_begin(&client->frame, WIRE_OP_MSG);
    doc_build_begin(&builder, &client->frame);
    doc_build_fields(&builder, buf_slice(&body));
    doc_build_text(&builder, "$db", request->db);
    client_build_session(client, &builder);
    client_note(client, "->", doc_build_end(&builder));
    struct wire_stamp stamp = {.request_id = ++client->request_id};
    wire_compose_end(&client->frame, start, &stamp);
    buf_close(&body);
}

/* ---- ends ---- */

static void client_plan(struct sim_client *client, uint64_t least_us, uint64_t most_us)
{
    sim_after(client->world, sim_between(client->world, least_us, most_us), client_connect, client);
}

static void client_answer(struct sim_client *client, const struct sim_answer *answer)
{
    struct sim_world *world = client->world;
    uint32_t pause = client->life->options->pause_us;
    client->work->answered(client, answer);
    sim_after(world, sim_between(world, 0, pause), client_next, client);
}

/* The connection is lost, and with it the answer to what was sent. */
static void client_lost(struct sim_client *client)
{
    bool again = client->manner == SIM_PLAIN || client->manner == SIM_END ||
                 (client->manner == SIM_WRITE && client->retries);
    client->link = NULL;
    if (!client->sent) {
        return;
    }
    client->sent = false;
    if (again) {
        client_plan(client, 100, 20000);
        return;
    }
    sim_note(client->world, client->name, "does not know what became of it");
    client_answer(client, &(struct sim_answer){.outcome = SIM_UNKNOWN});
}

static void client_on_close(void *user)
{
    client_lost(user);
}

static int client_code(struct slice reply)
{
    struct doc_value code = doc_get_str(reply, "code");
    return code.type == DOC_INT32 ? doc_value_get_i32(code) : -1;
}

static bool client_is_ok(struct slice reply)
{
    struct doc_value ok = doc_get_str(reply, "ok");
    return doc_value_is_number(ok) && doc_value_to_double(ok) == 1;
}

/* Nothing was done, and later it may be. */
static bool client_may_ask_again(const struct sim_client *client, int code)
{
    bool within = client->manner == SIM_BEGIN || client->manner == SIM_WITHIN;
    return code == CLIENT_OVERLOADED || (code == CLIENT_DISK_FULL && !within);
}

static void client_on_reply(void *user, struct slice bytes)
{
    struct sim_client *client = user;
    struct sim_world *world = client->world;
    struct wire_message message;
    struct err err;
    if (wire_message_parse(bytes, &message, &err) < 0) {
        sim_fail(world, "%s gets bytes that are no message: %s", client->name, err.text);
        return;
    }
    assert(client->sent && message.header.response_to == client->request_id);
    client->sent = false;
    client_note(client, "<-", message.body);
    if (client_is_ok(message.body)) {
        client_answer(client, &(struct sim_answer){SIM_DONE, message.body, 0});
    } else if (client_may_ask_again(client, client_code(message.body))) {
        client_plan(client, 1000, 20000);
    } else {
        client_answer(client,
                      &(struct sim_answer){SIM_REFUSED, message.body, client_code(message.body)});
    }
}

static const struct sim_link_ops client_link_ops = {
    .on_reply = client_on_reply,
    .on_close = client_on_close,
};

/* ---- sending ---- */

struct client_patience {
    struct sim_client *client;
    struct sim_link *link;
    int32_t request_id;
};

/* The first try goes on at the node, beside the next one. */
static void client_gives_up(void *context)
{
    struct client_patience *patience = context;
    struct sim_client *client = patience->client;
    bool same = client->sent && client->link == patience->link &&
                client->request_id == patience->request_id;
    mem_free(patience);
    if (same && client->life->troubled) {
        sim_note(client->world, client->name, "gives up waiting");
        sim_link_close(client->link);
        client_lost(client);
    }
}

static void client_send(struct sim_client *client)
{
    struct sim_world *world = client->world;
    bool hasty = sim_life_has(client->life, SIM_IMPATIENCE) && sim_chance(world, 10);
    client->sent = true;
    sim_link_send(client->link, buf_slice(&client->frame));
    if (hasty) {
        struct client_patience *patience = mem_alloc(sizeof *patience);
        *patience = (struct client_patience){client, client->link, client->request_id};
        sim_after(world, sim_between(world, 100, 5000), client_gives_up, patience);
    }
}

static void client_connect(void *context)
{
    struct sim_client *client = context;
    if (client->link == NULL) {
        client->link = sim_net_connect(client->life->net, &client_link_ops, client);
    }
    if (client->link == NULL) {
        client_plan(client, 5000, 50000);
    } else {
        client_send(client);
    }
}

static void client_next(void *context)
{
    struct sim_client *client = context;
    struct sim_request request = {.manner = SIM_PLAIN, .db = "sim"};
    buf_init(&request.json, NULL);
    if (client->work->next(client, &request)) {
        client->manner = request.manner;
        client_compose(client, &request);
        client_connect(client);
    } else {
        client->ended = true;
    }
    buf_close(&request.json);
}

void sim_client_open(struct sim_client *client, uint32_t number, const struct sim_work *work)
{
    client->number = number;
    client->work = work;
    client->retries = sim_chance(client->world, 75);
    buf_init(&client->frame, NULL);
    snprintf(client->name, sizeof client->name, "client %u", number);
    for (size_t i = 0; i < sizeof client->session; i++) {
        client->session[i] = (uint8_t)(number * 16 + i);
    }
    client->state = work->open(client);
}

void sim_client_begin(struct sim_client *client)
{
    sim_after(client->world, sim_below(client->world, 5000), client_next, client);
}
