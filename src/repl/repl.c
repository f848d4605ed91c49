/* repl/repl.c - the one file that knows libraft.
 *
 * libraft keeps terms, not payloads: entries stay with the caller. Debian 12's own 0.15 commits
 * entries of older terms by counting replicas; it must never be linked. */
#include "repl/repl.h"

#include <assert.h>
#include <raft.h>

#include "base/buf.h"
#include "base/mem.h"

#if RAFT_VERSION_NUMBER < 2201
#error "libraft 0.22.1 or newer is needed (Debian 12: the backports suite)"
#endif

enum { REPL_INFLIGHT_ENTRIES = 4096 };

struct repl {
    struct raft raft;
    struct repl_entry *entries; /* of the last update */
    size_t entries_cap;
    struct raft_entry *submitted; /* libraft hands it back in the update; then it is freed */
};

static int repl_error(const struct repl *repl, int code, struct err *err)
{
    if (code == RAFT_NOTLEADER || code == RAFT_LEADERSHIPLOST) {
        return err_set(err, LT_ENOTWRITABLEPRIMARY, "not primary");
    }
    return err_set(err, LT_EINTERNALERROR, "consensus: %s: %s", raft_strerror(code),
                   repl->raft.errmsg);
}

int repl_new(uint64_t id, const char *address, uint32_t seed, struct repl **ret_repl,
             struct err *err)
{
    struct repl *repl = mem_zero(1, sizeof *repl);
    int code = raft_init(&repl->raft, NULL, NULL, id, address);
    if (code != 0) {
        mem_free(repl);
        return err_set(err, LT_EINTERNALERROR, "consensus: %s", raft_strerror(code));
    }
    repl->raft.tracer = NULL; /* or it writes a text for each step */
    raft_seed(&repl->raft, seed);
    raft_set_pre_vote(&repl->raft, true);
    raft_set_max_inflight_entries(&repl->raft, REPL_INFLIGHT_ENTRIES);
    *ret_repl = repl;
    return 0;
}

void repl_free(struct repl *repl)
{
    if (repl != NULL) {
        raft_close(&repl->raft, NULL);
        mem_free(repl->entries);
        mem_free(repl);
    }
}

/* Entries as libraft wants them: an array of its own that it frees, payloads that are ours. */
static struct raft_entry *repl_raft_entries(const struct repl_event *event, uint64_t term)
{
    size_t count = event->entries_count;
    struct raft_entry *entries = count == 0 ? NULL : raft_calloc(count, sizeof *entries);
    for (size_t i = 0; i < count; i++) {
        const struct repl_entry *from = &event->entries[i];
        entries[i].term = term != 0 ? term : from->term;
        entries[i].type = (enum raft_entry_type)from->type;
        entries[i].buf.base = (void *)(uintptr_t)from->payload.data;
        entries[i].buf.len = from->payload.len;
        entries[i].batch = entries[i].buf.base;
    }
    return entries;
}

static int repl_start(struct repl *repl, const struct repl_event *event, struct raft_event *to,
                      struct raft_update *update)
{
    struct raft_snapshot_metadata metadata = {0};
    const struct repl_base *base = &event->start.base;
    to->start.term = event->start.term;
    to->start.voted_for = event->start.voted_for;
    to->start.start_index = base->index + 1;
    to->start.n_entries = (unsigned)event->entries_count;
    if (base->index != 0) {
        struct raft_buffer bytes = {(void *)(uintptr_t)base->configuration.data,
                                    base->configuration.len};
        int code = raft_configuration_decode(&bytes, &metadata.configuration);
        if (code != 0) {
            return code;
        }
        metadata.index = base->index;
        metadata.term = base->term;
        metadata.configuration_index = base->configuration_index;
        to->start.metadata = &metadata;
    }
    to->start.entries = repl_raft_entries(event, 0);
    int code = raft_step(&repl->raft, to, update);
    raft_free(to->start.entries);
    return code; /* libraft has taken the decoded configuration */
}

static int repl_propose(struct repl *repl, const struct repl_event *event, struct raft_event *to,
                        struct raft_update *update)
{
    assert(event->entries_count > 0);
    to->submit.n = (unsigned)event->entries_count;
    to->submit.entries = repl_raft_entries(event, raft_current_term(&repl->raft));
    repl->submitted = to->submit.entries;
    return raft_step(&repl->raft, to, update);
}

static int repl_dispatch(struct repl *repl, const struct repl_event *event,
                         struct raft_update *update)
{
    static const enum raft_event_type types[] = {
        [REPL_START] = RAFT_START,
        [REPL_PROPOSE] = RAFT_SUBMIT,
        [REPL_PERSISTED] = RAFT_PERSISTED_ENTRIES,
        [REPL_TICK] = RAFT_TIMEOUT,
    };
    struct raft_event to = {.time = event->now_ms, .type = types[event->type], .capacity = 65535};
    switch (event->type) {
    case REPL_START:
        return repl_start(repl, event, &to, update);
    case REPL_PROPOSE:
        return repl_propose(repl, event, &to, update);
    case REPL_PERSISTED:
        to.persisted_entries.index = event->index;
        return raft_step(&repl->raft, &to, update);
    default:
        return raft_step(&repl->raft, &to, update);
    }
}

static void repl_take_entries(struct repl *repl, const struct raft_update *from,
                              struct repl_update *to)
{
    to->entries = NULL;
    to->entries_count = 0;
    if (!(from->flags & (RAFT_UPDATE_ENTRIES))) {
        return;
    }
    if (from->entries.n > repl->entries_cap) {
        repl->entries_cap = from->entries.n * 2;
        repl->entries = mem_grow(repl->entries, repl->entries_cap * sizeof *repl->entries);
    }
    for (unsigned i = 0; i < from->entries.n; i++) {
        const struct raft_entry *entry = &from->entries.batch[i];
        repl->entries[i] = (struct repl_entry){
            .index = from->entries.index + i,
            .term = entry->term,
            .type = (enum repl_entry_type)entry->type,
            .payload = slice_of(entry->buf.base, entry->buf.len),
        };
    }
    to->entries = repl->entries;
    to->entries_count = from->entries.n;
}

int repl_step(struct repl *repl, const struct repl_event *event, struct repl_update *ret_update,
              struct err *err)
{
    struct raft_update update = {0};
    int code = repl_dispatch(repl, event, &update);
    if (code == 0) {
        repl_take_entries(repl, &update, ret_update);
    }
    raft_free(repl->submitted);
    repl->submitted = NULL;
    if (code != 0) {
        return repl_error(repl, code, err);
    }
    ret_update->vote_changed =
        (update.flags & (RAFT_UPDATE_CURRENT_TERM)) || (update.flags & (RAFT_UPDATE_VOTED_FOR));
    ret_update->term = raft_current_term(&repl->raft);
    ret_update->voted_for = raft_voted_for(&repl->raft);
    ret_update->commit_index = raft_commit_index(&repl->raft);
    ret_update->leader = raft_state(&repl->raft) == RAFT_LEADER;
    ret_update->deadline_ms = raft_timeout(&repl->raft);
    return 0;
}

uint64_t repl_next_index(const struct repl *repl)
{
    return raft_last_index((struct raft *)(uintptr_t)&repl->raft) + 1;
}

int repl_first_configuration(uint64_t id, const char *address, struct buf *payload)
{
    struct raft_configuration configuration;
    struct raft_buffer bytes;
    raft_configuration_init(&configuration);
    int code = raft_configuration_add(&configuration, id, address, RAFT_VOTER);
    if (code == 0) {
        code = raft_configuration_encode(&configuration, &bytes);
    }
    raft_configuration_close(&configuration);
    if (code != 0) {
        return -LT_EINTERNALERROR;
    }
    buf_append(payload, bytes.base, bytes.len);
    raft_free(bytes.base);
    return 0;
}
