/* sim/node/check_watch.c - events in the order they were told, beside what the ledger knows. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sim/node/check.h"

/* What was told of one id. */
struct watch_told {
    const struct check_ledger_entry *entry;
    uint32_t inserted;
    uint32_t deleted;
    bool is_there;
};

static int watch_order(const void *a, const void *b)
{
    int64_t left = ((const struct watch_told *)a)->entry->id;
    int64_t right = ((const struct watch_told *)b)->entry->id;
    return (left > right) - (left < right);
}

static struct watch_told *watch_find(struct watch_told *told, size_t count, int64_t id)
{
    struct check_ledger_entry wanted = {.id = id};
    struct watch_told key = {.entry = &wanted};
    return count == 0 ? NULL : bsearch(&key, told, count, sizeof *told, watch_order);
}

/* The next event. */
static bool watch_take(struct watch_told *of, const struct check_watch_event *event,
                       struct check_verdict *verdict)
{
    long long id = (long long)event->id;
    if (of == NULL) {
        return check_reject(verdict, "from nowhere: %lld was never inserted", id);
    }
    of->inserted += !event->is_delete;
    of->deleted += event->is_delete;
    if (of->inserted > 1 || of->deleted > 1) {
        return check_reject(verdict, "doubled: %s of %lld is told twice",
                            event->is_delete ? "the deletion" : "the insertion", id);
    }
    return of->deleted <= of->inserted ||
           check_reject(verdict, "turned round: the deletion of %lld is told before it is there",
                        id);
}

/* All was told. */
static bool watch_end(const struct watch_told *of, struct check_verdict *verdict)
{
    const struct check_ledger_entry *entry = of->entry;
    long long id = (long long)entry->id;
    bool must = entry->inserted == CHECK_YES || entry->deleted == CHECK_YES;
    if (must && of->inserted == 0) {
        return check_reject(verdict, "lost: nothing tells that %lld was inserted", id);
    }
    if (entry->deleted == CHECK_YES && of->inserted == 1 && of->deleted == 0) {
        return check_reject(verdict, "lost: nothing tells that %lld was deleted", id);
    }
    if (of->is_there != (of->inserted > of->deleted)) {
        return check_reject(verdict, "untrue: %lld is %sthere, and something else is told", id,
                            of->is_there ? "" : "not ");
    }
    if (of->inserted == 1 && entry->inserted == CHECK_NO) {
        return check_reject(verdict, "refused: %lld was not inserted, and that is told", id);
    }
    return of->deleted == 0 || entry->deleted != CHECK_NO ||
           check_reject(verdict, "refused: %lld was not deleted, and that is told", id);
}

/* A client inserts one after the other: what it was told is done comes in that order. */
static bool watch_in_order(const struct check_watch *watch, struct watch_told *told,
                           struct check_verdict *verdict)
{
    const struct check_watch_event *events = watch->events;
    int64_t last[CHECK_CLIENTS] = {0};
    for (size_t i = 0; i < watch->events_count; i++) {
        const struct watch_told *of = watch_find(told, watch->count, events[i].id);
        int64_t *before = &last[(events[i].id / CHECK_CLIENT_IDS) % CHECK_CLIENTS];
        if (events[i].is_delete || of->entry->inserted != CHECK_YES) {
            continue;
        }
        if (events[i].id < *before) {
            return check_reject(verdict, "turned round: %lld is told behind %lld",
                                (long long)events[i].id, (long long)*before);
        }
        *before = events[i].id;
    }
    return true;
}

static struct watch_told *watch_prepare(const struct check_watch *watch)
{
    struct watch_told *told = mem_zero(watch->count + 1, sizeof *told);
    for (size_t i = 0; i < watch->count; i++) {
        told[i].entry = &watch->entries[i];
    }
    qsort(told, watch->count, sizeof *told, watch_order);
    for (size_t i = 0; i < watch->found_count; i++) {
        struct watch_told *of = watch_find(told, watch->count, watch->found[i]);
        if (of != NULL) {
            of->is_there = true;
        }
    }
    return told;
}

bool check_watch(const struct check_watch *watch, struct check_verdict *verdict)
{
    struct watch_told *told = watch_prepare(watch);
    bool fine = true;
    for (size_t i = 0; i < watch->events_count && fine; i++) {
        const struct check_watch_event *event = &watch->events[i];
        fine = watch_take(watch_find(told, watch->count, event->id), event, verdict);
    }
    for (size_t i = 0; i < watch->count && fine; i++) {
        fine = watch_end(&told[i], verdict);
    }
    fine = fine && watch_in_order(watch, told, verdict);
    mem_free(told);
    return fine;
}
