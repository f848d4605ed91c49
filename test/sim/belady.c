/* sim/belady.c - who is used next at the latest leaves.
 *
 * A heap of (next use, key), the latest first. A use pushes the key anew; what the heap still holds
 * of older uses is recognised, because the key's next use is another now. */
#include "sim/belady.h"

#include "base/mem.h"

struct next {
    uint32_t use;
    uint32_t key;
};

struct belady {
    struct next *heap;
    size_t count;
    size_t cap;
    uint32_t *next_of; /* by key, while it is cached; 0: it is not */
    uint32_t *size_of; /* by key */
    uint64_t bytes;
};

static void belady_push(struct belady *belady, struct next next)
{
    if (belady->count == belady->cap) {
        belady->cap = belady->cap == 0 ? 1024 : belady->cap * 2;
        belady->heap = mem_grow(belady->heap, belady->cap * sizeof *belady->heap);
    }
    size_t at = belady->count++;
    for (; at > 0 && belady->heap[(at - 1) / 2].use < next.use; at = (at - 1) / 2) {
        belady->heap[at] = belady->heap[(at - 1) / 2];
    }
    belady->heap[at] = next;
}

static struct next belady_pop(struct belady *belady)
{
    struct next top = belady->heap[0];
    struct next last = belady->heap[--belady->count];
    size_t at = 0;
    for (size_t child; (child = at * 2 + 1) < belady->count; at = child) {
        child += child + 1 < belady->count && belady->heap[child + 1].use > belady->heap[child].use;
        if (belady->heap[child].use <= last.use) {
            break;
        }
        belady->heap[at] = belady->heap[child];
    }
    belady->heap[at] = last;
    return top;
}

static void belady_evict(struct belady *belady)
{
    struct next top;
    do {
        top = belady_pop(belady);
    } while (belady->next_of[top.key] != top.use);
    belady->next_of[top.key] = 0;
    belady->bytes -= belady->size_of[top.key];
}

/* By request: the next one of the same key, or UINT32_MAX. */
static uint32_t *belady_nexts(const struct trace *trace)
{
    uint32_t *nexts = mem_alloc((trace->count + 1) * sizeof *nexts);
    uint32_t *seen = mem_zero(trace->distinct + 1, sizeof *seen);
    for (size_t i = trace->count; i-- > 0;) {
        uint32_t key = trace->keys[i];
        nexts[i] = seen[key] == 0 ? UINT32_MAX : seen[key];
        seen[key] = (uint32_t)i;
    }
    mem_free(seen);
    return nexts;
}

uint64_t belady_misses(const struct trace *trace, uint64_t bytes_max)
{
    struct belady belady = {
        .next_of = mem_zero(trace->distinct + 1, sizeof *belady.next_of),
        .size_of = mem_zero(trace->distinct + 1, sizeof *belady.size_of),
    };
    uint32_t *nexts = belady_nexts(trace);
    uint64_t misses = 0;
    for (size_t i = 0; i < trace->count; i++) {
        uint32_t key = trace->keys[i];
        bool hit = belady.next_of[key] != 0;
        misses += !hit;
        if (!hit && trace->sizes[i] > bytes_max) {
            continue;
        }
        while (!hit && belady.bytes + trace->sizes[i] > bytes_max) {
            belady_evict(&belady);
        }
        belady.bytes += hit ? 0 : trace->sizes[i];
        belady.size_of[key] = hit ? belady.size_of[key] : trace->sizes[i];
        belady.next_of[key] = nexts[i];
        belady_push(&belady, (struct next){nexts[i], key});
    }
    mem_free(nexts);
    mem_free(belady.heap);
    mem_free(belady.next_of);
    mem_free(belady.size_of);
    return misses;
}
