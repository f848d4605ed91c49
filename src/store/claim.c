/* store/claim.c - the owner's writer asks who has a key; a fork takes it, if it is as it was. */
#include "store/claim.h"

#include "base/planted.h"
#include "store/fork.h"
#include "store/keys.h"

/* The two values of a key: 1 they are the same, 0 they are not, negative. */
static int claim_compare(struct store_view *was, struct store_view *is, struct slice key)
{
    struct store_pin old;
    struct store_pin new;
    int had = store_view_get(was, key, &old);
    if (had < 0 && had != -LT_ENOSUCHKEY) {
        return had;
    }
    int has = store_view_get(is, key, &new);
    int same = had == has && (had < 0 || slice_equal(old.value, new.value));
    if (has == -LT_EAGAIN) {
        was->miss.len = 0;
        buf_append_slice(&was->miss, key);
        was->miss_is_alone = true;
    }
    if (has == 0) {
        store_pin_release(&new);
    }
    if (had == 0) {
        store_pin_release(&old);
    }
    return has < 0 && has != -LT_ENOSUCHKEY ? has : same;
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

int store_claim(struct store_writer *writer, struct slice key)
{
    struct store_fork *fork = writer->fork;
    bool is_ours;
    struct store_locks_holder *other = claim_other(writer, key, &is_ours);
    if (other != NULL) {
        return claim_refuse(writer, other);
    }
    if (fork == NULL || is_ours || PLANTED(unclaimed)) {
        return 0;
    }
    int same = claim_compare(&writer->view, &fork->base->view, key);
    if (same <= 0) {
        return same < 0 ? same : -LT_EWRITECONFLICT;
    }
    store_locks_take(&fork->base->locks, key, &fork->holder);
    return 0;
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
