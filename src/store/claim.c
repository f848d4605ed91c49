/* store/claim.c - the owner's writer asks who has a key; a fork takes it, if it is as it was. */
#include "store/claim.h"

#include "base/planted.h"
#include "store/fork.h"
#include "store/keys.h"
#include "store/record.h"

/* The newest value of a key, or an empty slice: 0, or negative. */
static int claim_newest(struct store_fork *fork, struct slice key, struct store_pin *ret_pin)
{
    *ret_pin = (struct store_pin){0};
    int code = store_view_get(&fork->base->view, key, ret_pin);
    if (code == -LT_EAGAIN) {
        struct store_view *view = &fork->writer.view;
        view->miss.len = 0;
        buf_append_slice(&view->miss, key);
        view->miss_is_alone = true;
    }
    return code == -LT_ENOSUCHKEY ? 0 : code;
}

/* Whoever else has the key, or NULL. */
static struct store_locks_holder *claim_other(struct store_writer *writer, struct slice key,
                                              bool *ret_is_ours)
{
    struct store_fork *fork = writer->fork;
    struct store_locks *locks = fork == NULL ? &writer->locks : &fork->base->locks;
    struct store_locks_holder *holder = store_locks_find(locks, key);
    *ret_is_ours = fork != NULL && holder == &fork->holder;
    return *ret_is_ours ? NULL : holder;
}

static int claim_refuse(struct store_writer *writer, struct store_locks_holder *other)
{
    if (writer->fork != NULL) {
        return -LT_EWRITECONFLICT;
    }
    writer->blocker = other;
    return -LT_EWAIT;
}

/* Is the key free for a fork: 1, 0 it has it already, negative. */
static int claim_is_free(struct store_writer *writer, struct slice key)
{
    bool is_ours;
    struct store_locks_holder *other = claim_other(writer, key, &is_ours);
    if (other != NULL) {
        return claim_refuse(writer, other);
    }
    return writer->fork != NULL && !is_ours;
}

/* The key's value is what the snapshot has: then it is the fork's. */
static int claim_take(struct store_fork *fork, struct slice key, bool same)
{
    if (!same && !PLANTED(unclaimed)) {
        return -LT_EWRITECONFLICT;
    }
    store_locks_take(&fork->base->locks, key, &fork->holder);
    return 0;
}

int store_claim_record(struct store_writer *writer, struct slice key, struct slice doc)
{
    struct store_pin newest = {0};
    struct slice is = {0};
    int code = claim_is_free(writer, key);
    if (code <= 0) {
        return code;
    }
    struct store_writer *base = writer->fork->base;
    bool is_new = doc.len == 0 && store_highest_knows_none(base->highest, &base->view, key);
    code = is_new ? 0 : claim_newest(writer->fork, key, &newest);
    if (code == 0 && newest.value.len > 0) {
        code = store_record_doc(newest.value, &is);
    }
    bool same = slice_equal(is, doc);
    store_pin_release(&newest);
    return code < 0 ? code : claim_take(writer->fork, key, same);
}

int store_claim(struct store_writer *writer, struct slice key)
{
    struct store_pin newest;
    struct store_pin was = {0};
    int code = claim_is_free(writer, key);
    if (code <= 0) {
        return code;
    }
    code = store_view_get(&writer->view, key, &was);
    code = code == -LT_ENOSUCHKEY ? 0 : code;
    if (code < 0) {
        return code;
    }
    code = claim_newest(writer->fork, key, &newest);
    bool same = slice_equal(was.value, newest.value);
    store_pin_release(&was);
    store_pin_release(&newest);
    return code < 0 ? code : claim_take(writer->fork, key, same);
}

int store_claim_name(struct store_writer *writer, struct slice ns)
{
    struct store_fork *fork = writer->fork;
    struct buf key;
    bool is_ours;
    buf_init(&key, NULL);
    store_key_name(&key, ns);
    struct store_locks_holder *other = claim_other(writer, buf_slice(&key), &is_ours);
    int code = other != NULL ? claim_refuse(writer, other) : 0;
    if (code == 0 && fork != NULL && !is_ours) {
        if (store_catalog_find(fork->base->catalog, ns) != NULL) {
            code = -LT_EWRITECONFLICT;
        } else {
            store_locks_take(&fork->base->locks, buf_slice(&key), &fork->holder);
        }
    }
    buf_close(&key);
    return code;
}
