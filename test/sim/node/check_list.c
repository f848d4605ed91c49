/* sim/node/check_list.c - the last read is the order of all appends; everything else agrees with
 * it: reads are its beginnings, each with all that was answered before it was asked and nothing
 * that was asked after it was answered. */
#include <assert.h>

#include "sim/node/check.h"

enum { LIST_ABSENT = -1 };

/* Where the value is in the final list. */
static int64_t list_place(const struct check_list_op *final, int64_t value)
{
    for (size_t i = 0; i < final->values_count; i++) {
        if (final->values[i] == value) {
            return (int64_t)i;
        }
    }
    return LIST_ABSENT;
}

static bool list_is_of_appends(const struct check_list_op *ops, size_t count,
                               const struct check_list_op *final, struct check_verdict *verdict)
{
    for (size_t i = 0; i < final->values_count; i++) {
        bool appended = false;
        for (size_t k = 0; k < count && !appended; k++) {
            appended = !ops[k].is_read && ops[k].value == final->values[i];
        }
        if (!appended) {
            return check_reject(verdict, "from nowhere: %lld was never appended",
                                (long long) final->values[i]);
        }
        if (list_place(final, final->values[i]) != (int64_t)i) {
            return check_reject(verdict, "doubled: %lld was appended once",
                                (long long) final->values[i]);
        }
    }
    return true;
}

static bool list_read(const struct check_list_op *read, const struct check_list_op *final,
                      struct check_verdict *verdict)
{
    bool is_beginning = read->values_count <= final->values_count;
    for (size_t i = 0; i < read->values_count && is_beginning; i++) {
        is_beginning = read->values[i] == final->values[i];
    }
    return is_beginning ||
           check_reject(verdict, "reordered: a list of %zu is no beginning of the last, of %zu",
                        read->values_count, final->values_count);
}

/* Two operations, one answered before the other was asked. */
static bool list_pair(const struct check_list_op *first, const struct check_list_op *second,
                      const struct check_list_op *final, struct check_verdict *verdict)
{
    int64_t place = list_place(final, first->value);
    int64_t other = list_place(final, second->value);
    if (!first->is_read && !second->is_read && other != LIST_ABSENT && other < place) {
        return check_reject(verdict, "reordered: %lld before %lld", (long long)second->value,
                            (long long)first->value);
    }
    if (!first->is_read && second->is_read && place >= (int64_t)second->values_count) {
        return check_reject(verdict, "stale: a read misses %lld", (long long)first->value);
    }
    if (first->is_read && !second->is_read && other != LIST_ABSENT &&
        other < (int64_t)first->values_count) {
        return check_reject(verdict, "early: %lld was read before it was asked for",
                            (long long)second->value);
    }
    if (first->is_read && second->is_read && second->values_count < first->values_count) {
        return check_reject(verdict, "stale: a list of %zu is read after one of %zu",
                            second->values_count, first->values_count);
    }
    return true;
}

bool check_list(const struct check_list_op *ops, size_t count, struct check_verdict *verdict)
{
    if (count == 0) {
        return true;
    }
    const struct check_list_op *final = &ops[count - 1];
    assert(final->is_read);
    if (!list_is_of_appends(ops, count, final, verdict)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        bool answered = ops[i].span.answered != CHECK_NEVER;
        if (ops[i].is_read && answered && !list_read(&ops[i], final, verdict)) {
            return false;
        }
        if (!ops[i].is_read && answered && list_place(final, ops[i].value) == LIST_ABSENT) {
            return check_reject(verdict, "lost: %lld was acknowledged", (long long)ops[i].value);
        }
        for (size_t k = 0; k < count && answered; k++) {
            bool counts = !ops[k].is_read || ops[k].span.answered != CHECK_NEVER;
            if (counts && ops[i].span.answered < ops[k].span.asked &&
                !list_pair(&ops[i], &ops[k], final, verdict)) {
                return false;
            }
        }
    }
    return true;
}
