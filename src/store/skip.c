/* store/skip.c - the classic skip list of Pugh, one level in four. */
#include "store/skip.h"

#include <assert.h>

#include "base/mem.h"

void store_skip_init(struct store_skip *skip)
{
    *skip = (struct store_skip){.random = 0x9e3779b97f4a7c15u};
}

void store_skip_close(struct store_skip *skip)
{
    struct store_skip_node *node = skip->head[0];
    while (node != NULL) {
        struct store_skip_node *next = node->next[0];
        mem_free(node);
        node = next;
    }
    store_skip_init(skip);
}

/* Is the node before (key, version)? */
static bool skip_is_before(const struct store_skip_node *node, struct slice key, uint64_t version)
{
    int order = slice_compare(node->key, key);
    return order < 0 || (order == 0 && node->version > version);
}

/* For each level, the link that leads to the first node not before (key, version). */
static void skip_find(struct store_skip *skip, struct slice key, uint64_t version,
                      struct store_skip_node **links[STORE_SKIP_HEIGHT])
{
    struct store_skip_node **row = skip->head;
    for (int level = STORE_SKIP_HEIGHT - 1; level >= 0; level--) {
        while (row[level] != NULL && skip_is_before(row[level], key, version)) {
            row = row[level]->next;
        }
        links[level] = &row[level];
    }
}

static int skip_height(struct store_skip *skip)
{
    skip->random ^= skip->random << 13;
    skip->random ^= skip->random >> 7;
    skip->random ^= skip->random << 17;
    int height = 1;
    for (uint64_t bits = skip->random; (bits & 3) == 0 && height < STORE_SKIP_HEIGHT; bits >>= 2) {
        height++;
    }
    return height;
}

struct store_skip_node *store_skip_insert(struct store_skip *skip, struct slice key,
                                          uint64_t version, struct slice value, bool deleted)
{
    struct store_skip_node **links[STORE_SKIP_HEIGHT];
    int height = skip_height(skip);
    size_t links_size = (size_t)height * sizeof(struct store_skip_node *);
    struct store_skip_node *node = mem_alloc(sizeof *node + links_size + key.len + value.len);
    uint8_t *bytes = (uint8_t *)node->next + links_size;
    memcpy(bytes, key.data, key.len);
    if (value.len > 0) {
        memcpy(bytes + key.len, value.data, value.len);
    }
    node->key = slice_of(bytes, key.len);
    node->value = slice_of(bytes + key.len, value.len);
    node->version = version;
    node->deleted = deleted;
    skip_find(skip, key, version, links);
    for (int level = 0; level < height; level++) {
        node->next[level] = *links[level];
        *links[level] = node;
    }
    skip->count++;
    skip->bytes += sizeof *node + links_size + key.len + value.len;
    return node;
}

void store_skip_remove(struct store_skip *skip, struct store_skip_node *node)
{
    struct store_skip_node **links[STORE_SKIP_HEIGHT];
    skip_find(skip, node->key, node->version, links);
    assert(*links[0] == node);
    size_t height = 0;
    for (; height < STORE_SKIP_HEIGHT && *links[height] == node; height++) {
        *links[height] = node->next[height];
    }
    skip->count--;
    skip->bytes -= sizeof *node + height * sizeof node->next[0] + node->key.len + node->value.len;
    mem_free(node);
}

struct store_skip_node *store_skip_at_or_after(struct store_skip *skip, struct slice key,
                                               uint64_t version)
{
    struct store_skip_node **links[STORE_SKIP_HEIGHT];
    skip_find(skip, key, version, links);
    return *links[0];
}

struct store_skip_node *store_skip_before(struct store_skip *skip, struct slice key,
                                          uint64_t version)
{
    struct store_skip_node *last = NULL;
    struct store_skip_node **row = skip->head;
    for (int level = STORE_SKIP_HEIGHT - 1; level >= 0; level--) {
        while (row[level] != NULL && skip_is_before(row[level], key, version)) {
            last = row[level];
            row = last->next;
        }
    }
    return last;
}
