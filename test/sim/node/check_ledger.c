/* sim/node/check_ledger.c - both sides sorted by id, walked side by side. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sim/node/check.h"

bool check_reject(struct check_verdict *verdict, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(verdict->text, sizeof verdict->text, format, args);
    va_end(args);
    return false;
}

static int ledger_order_ids(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static int ledger_order_entries(const void *a, const void *b)
{
    const struct check_ledger_entry *left = a;
    const struct check_ledger_entry *right = b;
    return ledger_order_ids(&left->id, &right->id);
}

static void *ledger_sorted(const void *items, size_t count, size_t size,
                           int (*order)(const void *a, const void *b))
{
    void *copy = mem_alloc(count * size + 1);
    if (count > 0) {
        memcpy(copy, items, count * size);
        qsort(copy, count, size, order);
    }
    return copy;
}

static bool ledger_entry(const struct check_ledger_entry *entry, size_t times,
                         struct check_verdict *verdict)
{
    long long id = (long long)entry->id;
    if (times > 1) {
        return check_reject(verdict, "doubled: %lld is there %zu times", id, times);
    }
    if (times == 0 && entry->inserted == CHECK_YES && entry->deleted == CHECK_NO) {
        return check_reject(verdict, "lost: %lld was acknowledged and is not there", id);
    }
    if (times == 1 && entry->deleted == CHECK_YES) {
        return check_reject(verdict, "back: %lld was deleted and is there", id);
    }
    if (times == 1 && entry->inserted == CHECK_NO) {
        return check_reject(verdict, "refused: %lld was not inserted and is there", id);
    }
    return true;
}

static bool ledger_walk(const struct check_ledger_entry *entries, size_t count,
                        const int64_t *found, size_t found_count, struct check_verdict *verdict)
{
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        size_t times = 0;
        if (at < found_count && found[at] < entries[i].id) {
            break;
        }
        while (at < found_count && found[at] == entries[i].id) {
            at++;
            times++;
        }
        if (!ledger_entry(&entries[i], times, verdict)) {
            return false;
        }
    }
    return at == found_count ||
           check_reject(verdict, "from nowhere: %lld was never inserted", (long long)found[at]);
}

bool check_ledger(const struct check_ledger_entry *entries, size_t count, const int64_t *found,
                  size_t found_count, struct check_verdict *verdict)
{
    struct check_ledger_entry *ordered =
        ledger_sorted(entries, count, sizeof *entries, ledger_order_entries);
    int64_t *there = ledger_sorted(found, found_count, sizeof *found, ledger_order_ids);
    bool fine = ledger_walk(ordered, count, there, found_count, verdict);
    mem_free(ordered);
    mem_free(there);
    return fine;
}
