/* node/group_open.c - bringing the shard back: store, then journal, then consensus.
 *
 * The store says how far it has applied the log. The journal gives what comes after. Consensus is
 * started on both; what it says is committed is applied, and then the writer reads the catalog. A
 * data directory without anything begins a group of one: a vote for term 1 and the configuration.
 */
#include <assert.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/planted.h"
#include "base/rng.h"
#include "command/session.h"
#include "node/node_private.h"
#include "store/keys.h"

/* What the journal holds beyond the store. */
struct group_found {
    uint64_t after; /* entries up to here are in the store */
    uint64_t term;
    uint64_t voted_for;
    struct repl_entry *entries;
    size_t count;
    size_t cap;
};

static int found_record(void *context, const struct store_journal_record *record)
{
    struct group_found *found = context;
    if (record->type == STORE_JOURNAL_VOTE) {
        found->term = record->term;
        found->voted_for = record->index;
        return 0;
    }
    if (record->type == STORE_JOURNAL_MARK || record->index <= found->after) {
        return 0;
    }
    while (found->count > 0 && found->entries[found->count - 1].index >= record->index) {
        mem_free((void *)(uintptr_t)found->entries[--found->count].payload.data);
    }
    uint64_t expected = found->after + found->count + 1;
    if (record->index != expected) {
        return -LT_ECORRUPT;
    }
    if (found->count == found->cap) {
        found->cap = found->cap == 0 ? 256 : found->cap * 2;
        found->entries = mem_grow(found->entries, found->cap * sizeof *found->entries);
    }
    found->entries[found->count++] =
        (struct repl_entry){record->index, record->term, (enum repl_entry_type)record->type,
                            slice_of(mem_copy(record->payload), record->payload.len)};
    return 0;
}

static int open_journal(struct node_group *group, struct group_found *found, struct err *err)
{
    struct store_journal_options options = {
        .segment_bytes = group->node->config.journal_segment_bytes,
        .durable = found->after,
        .on_record = found_record,
        .context = found,
    };
    int code =
        store_journal_open(group->node->journal_disk, &options, &group->journal.journal, err);
    if (code == 0) {
        group->node->journal_disk = NULL; /* it has taken it */
    }
    if (code == 0 && (code = node__journal_look(&group->journal)) < 0) {
        err_set(err, -code, "cannot see how much room the disk has");
    }
    return code;
}

/* A new database: this member alone is the group, by its first log entry. */
static int open_bootstrap(struct node_group *group, struct group_found *found, struct err *err)
{
    struct buf configuration;
    buf_init(&configuration, NULL);
    int code = repl_first_configuration(NODE_MEMBER_ID, group->node->address, &configuration);
    struct store_journal_record records[] = {
        {.type = STORE_JOURNAL_VOTE, .index = NODE_MEMBER_ID, .term = 1},
        {.type = STORE_JOURNAL_CHANGE, .index = 1, .term = 1, .payload = buf_slice(&configuration)},
    };
    code = code < 0 ? code : store_journal_write(group->journal.journal, records, 2);
    for (int i = 0; i < 2 && code == 0; i++) {
        code = found_record(found, &records[i]);
    }
    buf_close(&configuration);
    return code < 0 ? err_set(err, -code, "cannot write the first journal entries") : 0;
}

/* The configuration that the store remembers, for a log that begins after it. */
static int open_base(struct node_group *group, struct store_mark mark, struct store_pin *pin,
                     struct repl_base *ret_base, struct err *err)
{
    *ret_base = (struct repl_base){.index = mark.index, .term = mark.term};
    if (mark.index == 0) {
        return 0;
    }
    int code = group->node->kv->ops->get(group->node->kv, NULL, store_key_configuration,
                                         STORE_MAY_WAIT, pin);
    if (code < 0 || pin->value.len <= sizeof ret_base->configuration_index) {
        return err_set(err, LT_ECORRUPT, "the store does not know its group's configuration");
    }
    memcpy(&ret_base->configuration_index, pin->value.data, sizeof ret_base->configuration_index);
    ret_base->configuration = slice_from(pin->value, sizeof ret_base->configuration_index);
    return 0;
}

static int open_consensus(struct node_group *group, const struct group_found *found,
                          struct store_mark mark, struct err *err)
{
    struct store_pin pin = {0};
    struct repl_update update;
    struct repl_event event = {.type = REPL_START,
                               .now_ms = clock_mono_us() / 1000,
                               .start = {.term = found->term, .voted_for = found->voted_for},
                               .entries = found->entries,
                               .entries_count = found->count};
    int code =
        repl_new(NODE_MEMBER_ID, group->node->address, (uint32_t)rng_u64(), &group->repl, err);
    code = code < 0 ? code : open_base(group, mark, &pin, &event.start.base, err);
    code = code < 0 ? code : repl_step(group->repl, &event, &update, err);
    if (code == 0) {
        node__group_carry_out(group, &update);
    }
    store_pin_release(&pin);
    return code;
}

int node__group_begin_term(struct node_group *group, struct err *err)
{
    struct store_mark mark = group->node->kv->ops->applied(group->node->kv);
    struct group_found found = {.term = atomic_load(&group->node->server.term) + 1,
                                .voted_for = NODE_MEMBER_ID};
    struct repl_update vote = {
        .vote_changed = true, .term = found.term, .voted_for = found.voted_for};
    assert(mark.index == group->applied);
    node__group_carry_out(group, &vote);
    repl_free(group->repl);
    group->repl = NULL;
    return open_consensus(group, &found, mark, err);
}

int node__group_open(struct node_group *group, struct node *node, struct err *err)
{
    struct store_mark mark = node->kv->ops->applied(node->kv);
    struct group_found found = {.after = mark.index};
    *group = (struct node_group){.node = node, .loop = node->loops[0]};
    group->turn.cb = node__group_turn;
    group->applied = mark.index;
    group->applied_clock = mark.clock;
    group->journal.log = node->log;
    group->journal.owner = group->loop;
    group->journal.keep_bytes = node->config.oplog_bytes;
    group->journal.reserve_bytes = node->config.disk_reserve_bytes;
    group->journal.is_full = &node->server.disk_is_full;
    for (int i = 0; i < 2; i++) {
        group->batches[i].group = group;
        group->batches[i].mail.deliver = node__group_persisted;
    }
    int code = open_journal(group, &found, err);
    if (code == 0 && found.term == 0) {
        code = open_bootstrap(group, &found, err);
    }
    found.count -= PLANTED(shortened) && found.count > 1;
    for (size_t i = 0; i < found.count && code == 0; i++) {
        node__group_push_entry(group, &found.entries[i]);
    }
    log_info(node->log, "recovery", "the store stands at log entry %llu, the journal adds %zu",
             (unsigned long long)mark.index, found.count);
    code = code < 0 ? code : node__journal_start(&group->journal, err);
    code = code < 0 ? code : open_consensus(group, &found, mark, err);
    mem_free(found.entries);
    code = code < 0 ? code : store_writer_open(&group->writer, node->kv, &command_filter_ops, err);
    if (code < 0) {
        return code;
    }
    command_shown_install(&node->server, &group->writer);
    command_owner_init(&group->owner, &node->server, &group->writer);
    group->writer.view.wait = STORE_MAY_WAIT;
    code = command_sessions_load(node->server.sessions, &group->writer.view, clock_mono_us());
    if (code < 0) {
        return err_set(err, -code, "the sessions cannot be read");
    }
    code = command_cluster_params_load(&node->server.cluster_params, &group->writer.view);
    if (code < 0) {
        return err_set(err, -code, "the parameters of the cluster cannot be read");
    }
    group->clock = group->applied_clock | UINT32_MAX; /* past the times of its events */
    mark = (struct store_mark){group->applied, found.term, group->applied_clock};
    store_tail_append(&node->server.tail, &mark, (struct slice){0});
    atomic_store(&node->server.applied_clock, group->applied_clock);
    atomic_store(&node->server.logged_clock, group->applied_clock);
    command_server_publish(&node->server, store_catalog_hold(group->writer.catalog));
    return 0;
}
