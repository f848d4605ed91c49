/* node/group.c - the owner's side of a write: evaluate, propose, persist, apply, answer.
 *
 *   submit --> step --> [wrote] --> end of turn: propose --> journal (one batch in flight)
 *                 |                                              | durable
 *                 |                                              v
 *                 +--> [nothing pending] --> reply      commit --> apply --> reply, publish catalog
 *
 * All writes of one loop turn share one log entry, all entries that come while a batch is being
 * synced share the next batch. What is in the entry is readable at once by the next write, through
 * the overlay; a reply waits until everything its command may have seen is applied. */
#include <assert.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/planted.h"
#include "command/member.h"
#include "node/node_private.h"
#include "store/effect.h"
#include "store/keys.h"

enum { GROUP_APPLY_MAX = 256, GROUP_PENDING_MAX = 64 << 20 };

static struct node_entry *group_entry(struct node_group *group, size_t position)
{
    return &group->entries[(group->entries_head + position) & (group->entries_cap - 1)];
}

void node__group_push_entry(struct node_group *group, const struct repl_entry *entry)
{
    if (group->entries_count == group->entries_cap) {
        size_t cap = group->entries_cap == 0 ? 256 : group->entries_cap * 2;
        struct node_entry *entries = mem_alloc(cap * sizeof *entries);
        for (size_t i = 0; i < group->entries_count; i++) {
            entries[i] = *group_entry(group, i);
        }
        mem_free(group->entries);
        group->entries = entries;
        group->entries_cap = cap;
        group->entries_head = 0;
    }
    group->entries_count++;
    group->pending_bytes += entry->payload.len;
    *group_entry(group, group->entries_count - 1) =
        (struct node_entry){entry->index, entry->term, entry->type, entry->payload, 0};
}

/* ---- answering ---- */

static void group_reply_mail(struct net_mail *mail)
{
    node__request_reply((struct node_request *)mail);
}

/* The op is done and all it saw is applied: reply where its connection lives. */
static void group_answer(struct node_group *group, struct node_request *request)
{
    struct net_conn *conn = request->client->conn;
    struct net_loop *loop = conn == NULL ? group->loop : net_conn_loop(conn);
    if (loop == group->loop) {
        node__request_reply(request);
    } else {
        request->mail.deliver = group_reply_mail;
        net_loop_post(loop, &request->mail);
    }
}

static void group_wait(struct node_group *group, struct node_request *request)
{
    request->next = NULL;
    if (group->waiting_last != NULL) {
        group->waiting_last->next = request;
    } else {
        group->waiting_first = request;
    }
    group->waiting_last = request;
}

static void group_answer_applied(struct node_group *group)
{
    while (group->waiting_first != NULL && group->waiting_first->op.wait_index <= group->applied) {
        struct node_request *request = group->waiting_first;
        group->waiting_first = request->next;
        if (group->waiting_first == NULL) {
            group->waiting_last = NULL;
        }
        group_answer(group, request);
    }
}

/* ---- applying ---- */

static void group_publish(struct node_group *group)
{
    size_t ready = 0;
    while (ready < group->catalogs_count && group->catalogs[ready].index <= group->applied) {
        ready++;
    }
    for (size_t i = 0; i + 1 < ready; i++) {
        store_catalog_release(group->catalogs[i].catalog);
    }
    if (ready > 0) {
        group->garbage = true;
        command_server_publish(&group->node->server, group->catalogs[ready - 1].catalog);
        group->catalogs_count -= ready;
        memmove(group->catalogs, group->catalogs + ready,
                group->catalogs_count * sizeof *group->catalogs);
    }
}

/* A configuration entry, as effects: the store remembers the newest. */
static struct slice group_configuration_effect(const struct node_entry *entry, struct arena *arena)
{
    struct buf value;
    struct buf effect;
    buf_init(&value, arena);
    buf_init(&effect, arena);
    buf_append(&value, &entry->index, sizeof entry->index);
    buf_append_slice(&value, entry->payload);
    store_effect_begin(&effect, 0);
    store_effect_put(&effect, store_key_configuration, buf_slice(&value));
    return buf_slice(&effect);
}

/* What came from the writer goes back there; what was read from the journal is freed. */
static void group_drop_payload(struct node_group *group, const struct node_entry *entry)
{
    struct buf memory = {.data = (uint8_t *)(uintptr_t)entry->payload.data, .cap = entry->cap};
    if (entry->cap > 0) {
        store_writer_give_back(&group->writer, &memory);
    } else {
        buf_close(&memory);
    }
}

static void group_tell(struct node_group *group, const struct node_entry *entry)
{
    struct store_mark mark = {entry->index, entry->term, store_effect_clock(entry->payload)};
    store_tail_append(&group->node->server.tail, &mark, entry->payload);
}

/* The oldest entries are applied now. */
static void group_tell_followers(struct node_group *group, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct node_entry *entry = group_entry(group, i);
        if (entry->type == REPL_ENTRY_COMMAND && !PLANTED(early)) {
            group_tell(group, entry);
        }
    }
}

/* Apply up to GROUP_APPLY_MAX committed entries in one engine write. */
static void group_apply_some(struct node_group *group, uint64_t commit)
{
    struct slice payloads[GROUP_APPLY_MAX];
    size_t count = 0;
    size_t taken = 0;
    struct store_mark mark = {0};
    struct arena arena;
    arena_init(&arena);
    while (taken < group->entries_count && count < GROUP_APPLY_MAX &&
           group_entry(group, taken)->index <= commit) {
        struct node_entry *entry = group_entry(group, taken++);
        if (entry->type == REPL_ENTRY_COMMAND) {
            payloads[count++] = entry->payload;
            group->applied_clock = store_effect_clock(entry->payload);
        } else if (entry->type == REPL_ENTRY_CHANGE) {
            payloads[count++] = group_configuration_effect(entry, &arena);
        }
        mark = (struct store_mark){entry->index, entry->term, group->applied_clock};
    }
    int code = group->node->kv->ops->apply(group->node->kv, payloads, count, mark);
    arena_close(&arena);
    if (code < 0) {
        node__die(group->node, "applying to the store", code);
    }
    group_tell_followers(group, taken);
    group->applied = mark.index;
    atomic_store(&group->node->server.applied_clock, mark.clock);
    node__wake_for_clock(group->node);
    for (size_t i = 0; i < taken; i++) {
        group->pending_bytes -= group_entry(group, i)->payload.len;
        group_drop_payload(group, group_entry(group, i));
    }
    group->entries_head = (group->entries_head + taken) & (group->entries_cap - 1);
    group->entries_count -= taken;
}

/* Let the parked writes go on, in the order they came. */
static void group_unpark(struct node_group *group)
{
    struct node_request *parked = group->parked;
    struct node_request *first = NULL;
    group->parked = NULL;
    while (parked != NULL) {
        struct node_request *next = parked->next;
        parked->next = first;
        first = parked;
        parked = next;
    }
    while (first != NULL) {
        struct node_request *next = first->next;
        net_loop_post(group->loop, &first->mail);
        first = next;
    }
}

/* The clock of the first effects that are committed; 0: none are. */
static uint64_t group_committed_clock(struct node_group *group, uint64_t commit)
{
    for (size_t i = 0; i < group->entries_count && group_entry(group, i)->index <= commit; i++) {
        if (group_entry(group, i)->type == REPL_ENTRY_COMMAND) {
            return store_effect_clock(group_entry(group, i)->payload);
        }
    }
    return 0;
}

static void group_apply(struct node_group *group, uint64_t commit)
{
    struct command_snapshots *snapshots = &group->node->server.snapshots;
    uint64_t clock = group_committed_clock(group, commit);
    if (clock > 0) {
        command_snapshots_apply(snapshots, clock);
    }
    while (group->entries_count > 0 && group_entry(group, 0)->index <= commit) {
        group_apply_some(group, commit);
    }
    store_writer_applied(&group->writer, group->applied);
    group_publish(group);
    if (clock > 0) {
        command_snapshots_applied(snapshots);
    }
    group_answer_applied(group);
    if (group->pending_bytes < GROUP_PENDING_MAX / 2) {
        group_unpark(group);
    }
}

/* ---- the log ---- */

static void batch_add(struct node_batch *batch, const struct store_journal_record *record)
{
    if (batch->count == batch->cap) {
        batch->cap = batch->cap == 0 ? 64 : batch->cap * 2;
        batch->records = mem_grow(batch->records, batch->cap * sizeof *batch->records);
    }
    batch->records[batch->count++] = *record;
}

void node__group_write_batch(struct node_group *group)
{
    struct node_batch *batch = &group->batches[group->filling];
    if (group->writing || (batch->count == 0 && batch->trim_index == 0)) {
        return;
    }
    group->writing = true;
    group->filling = !group->filling;
    node__journal_submit(&group->journal, batch);
}

/* Carry out what consensus decided: vote, entries, then what is committed. */
void node__group_carry_out(struct node_group *group, const struct repl_update *update)
{
    struct node_batch *batch = &group->batches[group->filling];
    atomic_store(&group->node->server.term, update->term);
    if (update->vote_changed) {
        struct store_journal_record vote = {
            .type = STORE_JOURNAL_VOTE, .index = update->voted_for, .term = update->term};
        batch_add(batch, &vote);
    }
    for (size_t i = 0; i < update->entries_count; i++) {
        const struct repl_entry *entry = &update->entries[i];
        struct store_journal_record record = {.type = (uint8_t)entry->type,
                                              .index = entry->index,
                                              .term = entry->term,
                                              .payload = entry->payload};
        batch_add(batch, &record);
        batch->last_index = entry->index;
        node__group_push_entry(group, entry);
    }
    node__group_write_batch(group);
    group_apply(group, update->commit_index);
}

static void group_step(struct node_group *group, struct repl_event *event)
{
    struct repl_update update;
    struct err err;
    event->now_ms = clock_mono_us() / 1000;
    int code = repl_step(group->repl, event, &update, &err);
    if (code < 0) {
        log_error(group->node->log, "repl", "%s", err.text);
        node__die(group->node, "consensus", code);
    }
    node__group_carry_out(group, &update);
}

/* At the end of the turn after a batch has come back the next one goes: the clients that were
 * answered have sent their next writes by then, and share it. */
static void group_write_next(struct net_mail *mail)
{
    struct node_group *group =
        (struct node_group *)((uint8_t *)mail - offsetof(struct node_group, next_mail));
    group->writing = false;
    net_loop_turn(group->loop, &group->turn);
}

void node__group_persisted(struct net_mail *mail)
{
    struct node_batch *batch = (struct node_batch *)mail;
    struct node_group *group = batch->group;
    uint64_t last_index = batch->last_index;
    group->segments = batch->segments;
    atomic_store(&group->node->server.log_bytes, batch->bytes);
    batch->count = 0;
    batch->last_index = 0;
    if (last_index > 0) {
        struct repl_event event = {.type = REPL_PERSISTED, .index = last_index};
        group_step(group, &event);
    }
    group->next_mail.deliver = group_write_next;
    net_loop_post(group->loop, &group->next_mail);
}

static void group_note_catalog(struct node_group *group)
{
    if (group->catalogs_count == group->catalogs_cap) {
        group->catalogs_cap = group->catalogs_cap == 0 ? 8 : group->catalogs_cap * 2;
        group->catalogs = mem_grow(group->catalogs, group->catalogs_cap * sizeof *group->catalogs);
    }
    group->catalogs[group->catalogs_count++] = (struct node_catalog_change){
        group->writer.index, store_catalog_hold(group->writer.catalog)};
}

/* Propose what the writer has collected. */
static void group_propose(struct node_group *group)
{
    struct buf payload = store_writer_take(&group->writer);
    if (payload.len == 0) {
        return;
    }
    assert(repl_next_index(group->repl) == group->writer.index);
    group->clock += group->writer.events > 0 ? group->writer.events - 1 : 0;
    if (group->writer.catalog_changed) {
        group_note_catalog(group);
    }
    struct repl_entry entry = {.type = REPL_ENTRY_COMMAND, .payload = buf_slice(&payload)};
    struct repl_event event = {.type = REPL_PROPOSE, .entries = &entry, .entries_count = 1};
    group_step(group, &event);
    struct node_entry *pushed = group_entry(group, group->entries_count - 1);
    assert(group->entries_count > 0 && pushed->payload.data == payload.data);
    pushed->cap = payload.cap;
    if (PLANTED(early)) {
        group_tell(group, pushed);
    }
    atomic_store(&group->node->server.logged_clock, group->writer.clock);
}

void node__group_turn(struct net_turn *turn)
{
    struct node_group *group =
        (struct node_group *)((uint8_t *)turn - offsetof(struct node_group, turn));
    group_propose(group);
    node__group_write_batch(group);
}

/* ---- stepping a write ---- */

/* Everything it may have seen must be applied before it is told. */
static void group_done(struct node_group *group, struct node_request *request)
{
    bool open = group->writer.effects.len > STORE_EFFECT_HEADER;
    uint64_t newest = repl_next_index(group->repl) - 1;
    if (!request->op.is_private) {
        request->op.wait_index = open ? group->writer.index : newest;
    }
    if (request->op.wait_index <= group->applied || PLANTED(hasty)) {
        group_answer(group, request);
    } else {
        group_wait(group, request);
    }
}

/* The next hybrid time: the wall clock's second, or one increment on from the latest that is
 * known. The events of an entry have its time and those that follow it, one each, which no other
 * entry gets. */
static uint64_t group_next_clock(struct node_group *group, int64_t wall_ms)
{
    uint64_t wall = (uint64_t)(wall_ms / 1000) << 32 | 1;
    uint64_t seen = atomic_load(&group->node->server.cluster_clock);
    uint64_t after = seen > group->clock ? seen : group->clock;
    group->clock = wall > after ? wall : after + 1;
    return group->clock;
}

/* What is written from now on must be after every time that a client brought: an open entry that is
 * not goes first. */
void node__group_begin_entry(struct node_group *group, int64_t wall_ms)
{
    if (group->writer.effects.len > 0 &&
        group->writer.clock <= atomic_load(&group->node->server.cluster_clock)) {
        group_propose(group);
    }
    if (group->writer.effects.len == 0) {
        store_writer_begin(&group->writer, repl_next_index(group->repl),
                           group_next_clock(group, wall_ms), wall_ms);
        net_loop_turn(group->loop, &group->turn);
    }
}

void node__group_go_on(struct node_group *group)
{
    struct command_op *op;
    while ((op = command_owner_ready(&group->owner)) != NULL) {
        struct node_request *request =
            (struct node_request *)((uint8_t *)op - offsetof(struct node_request, op));
        net_loop_post(group->loop, &request->mail);
    }
}

static void group_step_request(struct net_mail *mail)
{
    struct node_request *request = (struct node_request *)mail;
    struct node_group *group = request->group;
    if (group->pending_bytes > GROUP_PENDING_MAX) {
        request->mail.deliver = group_step_request;
        request->next = group->parked;
        group->parked = request;
        return;
    }
    node__request_clock(request);
    node__group_begin_entry(group, request->op.wall_ms);
    request->op.owner = &group->owner;
    store_writer_begin_run(&group->writer);
    enum command_state state = command_step(&request->op);
    if (group->writer.effects.len > NODE_ENTRY_BYTES_MAX) {
        group_propose(group);
    }
    request->mail.deliver = group_step_request;
    if (state == COMMAND_YIELD) {
        net_loop_post(group->loop, &request->mail);
    } else if (state == COMMAND_FETCH) {
        node__request_fetch(request, group->loop);
    } else if (state == COMMAND_SLEEP) {
        node__request_sleep(request);
    } else if (state == COMMAND_DONE) {
        group_done(group, request);
    }
    node__group_go_on(group);
}

void node__group_submit(struct node_group *group, struct node_request *request)
{
    request->group = group;
    request->mail.deliver = group_step_request;
    if (net_loop_is_here(group->loop)) {
        group_step_request(&request->mail);
    } else {
        net_loop_post(group->loop, &request->mail);
    }
}

static void group_clock_mail(struct net_mail *mail)
{
    struct node_group *group =
        (struct node_group *)((uint8_t *)mail - offsetof(struct node_group, clock_mail));
    struct command_server *server = &group->node->server;
    atomic_store(&group->clock_wanted, false);
    if (atomic_load(&server->logged_clock) <= atomic_load(&server->cluster_clock)) {
        node__group_begin_entry(group, clock_wall_ms());
        uint64_t clock = group->clock;
        store_writer_put(&group->writer, store_key_clock,
                         slice_of((const uint8_t *)&clock, sizeof clock));
    }
}

void node__group_advance_clock(struct node_group *group)
{
    if (!atomic_exchange(&group->clock_wanted, true)) {
        group->clock_mail.deliver = group_clock_mail;
        net_loop_post(group->loop, &group->clock_mail);
    }
}

static bool group_is_quiet(const struct node_group *group)
{
    return group->entries_count == 0 && !group->writing && group->writer.effects.len == 0 &&
           group->batches[group->filling].count == 0;
}

/* First the term, then, when it is durable, that we lead in it. The next tick asks again. */
static void group_elect_mail(struct net_mail *mail)
{
    struct node_group *group =
        (struct node_group *)((uint8_t *)mail - offsetof(struct node_group, elect_mail));
    struct command_server *server = &group->node->server;
    struct err err;
    atomic_store(&group->elect_wanted, false);
    group_propose(group);
    if (command_member_is_primary(server) || !group_is_quiet(group)) {
        return;
    }
    group->has_term = !group->has_term;
    if (!group->has_term) {
        command_member_elected(server);
        return;
    }
    int code = node__group_begin_term(group, &err);
    if (code < 0) {
        log_error(group->node->log, "repl", "%s", err.text);
        node__die(group->node, "beginning a new term", code);
    }
}

void node__group_elect(struct node_group *group)
{
    if (!atomic_exchange(&group->elect_wanted, true)) {
        group->elect_mail.deliver = group_elect_mail;
        net_loop_post(group->loop, &group->elect_mail);
    }
}

void node__group_close(struct node_group *group)
{
    node__journal_stop(&group->journal);
    if (group->writer.catalog != NULL) {
        command_owner_close(&group->owner);
    }
    for (size_t i = 0; i < group->entries_count; i++) {
        mem_free((void *)(uintptr_t)group_entry(group, i)->payload.data);
    }
    for (size_t i = 0; i < group->catalogs_count; i++) {
        store_catalog_release(group->catalogs[i].catalog);
    }
    mem_free(group->entries);
    mem_free(group->catalogs);
    mem_free(group->batches[0].records);
    mem_free(group->batches[1].records);
    if (group->writer.catalog != NULL) {
        store_writer_close(&group->writer);
    }
    store_journal_close(group->journal.journal);
    buf_close(&group->dropped);
    repl_free(group->repl);
}
