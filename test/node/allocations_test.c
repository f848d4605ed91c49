/* test/node/allocations_test.c - what is small and warm takes nothing from the heap.
 *
 * A whole node runs in this process, with its threads, store and journal; a client talks to it
 * over a socket. The linker sends each call of the allocator that our code makes, on any thread,
 * through the functions below, which count. What libraries take for themselves is not seen: of an
 * insert that is RocksDB's memory tables and libraft's entry, once a turn of the loop. */
#include <arpa/inet.h>
#include <ftw.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "doc/build.h"
#include "doc/view.h"
#include "lib/test.h"
#include "node/node.h"
#include "wire/compose.h"

enum { WARM = 2000, COUNTED = 1000, ROUNDS = 5, DOCUMENTS = 100, PAD = 400 };

/* ---- counting ---- */

static atomic_uint allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

void *__wrap_malloc(size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __real_realloc(old, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __real_aligned_alloc(alignment, size);
}

/* ---- a node and a client ---- */

struct kit {
    char directory[32];
    struct log *log;
    struct node *node;
    struct arena arena;
    int fd;
    uint8_t reply[4096];
};

static int kit_remove(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static void kit_open(struct kit *kit)
{
    *kit = (struct kit){.directory = "/tmp/allocations.XXXXXX"};
    arena_init(&kit->arena);
    assert_non_null(mkdtemp(kit->directory));
    kit->log = log_new("/dev/null", LOG_ERROR, false);
    struct node_config config = {
        .db_path = kit->directory,
        .bind_ip = "127.0.0.1",
        .conns_max = 8,
        .set_name = "rs0",
        .workers = 1,
        .memory_bytes = 512 << 20,
        .cache_bytes = 64 << 20,
        .block_bytes = 32 << 20,
        .cache_policy = "adaptive",
        .cache_compressor = "none",
        .numa = "off",
        .fetches_max = 8,
        .scans_max = 8,
        .writes_max = 8,
        .admin_max = 8,
        .tidy_percent = 25,
        .write_buffer_bytes = 64 << 20,
        .journal_segment_bytes = 64 << 20,
        .compressor = "lz4",
        .argv = doc_value_get_doc(doc_empty_array),
        .parsed = doc_value_get_doc(doc_empty_object),
        .log = kit->log,
    };
    struct err err;
    assert_int_equal(node_open(&config, &kit->node, &err), 0);
    assert_int_equal(node_start(kit->node, &err), 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(node_port(kit->node)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    kit->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(kit->fd, (struct sockaddr *)&address, sizeof address), 0);
}

static void kit_close(struct kit *kit)
{
    close(kit->fd);
    node_stop(kit->node);
    node_close(kit->node);
    log_free(kit->log);
    arena_close(&kit->arena);
    assert_int_equal(nftw(kit->directory, kit_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void kit_read(struct kit *kit, size_t from, size_t to)
{
    while (from < to) {
        ssize_t moved = read(kit->fd, kit->reply + from, to - from);
        assert_true(moved > 0);
        from += (size_t)moved;
    }
}

/* Send a message and read the reply's body. */
static struct slice kit_run(struct kit *kit, struct slice message)
{
    uint32_t size;
    assert_int_equal(write(kit->fd, message.data, message.len), (ssize_t)message.len);
    kit_read(kit, 0, sizeof size);
    memcpy(&size, kit->reply, sizeof size);
    assert_in_range(size, WIRE_HEADER_SIZE + 5, sizeof kit->reply);
    kit_read(kit, sizeof size, size);
    return slice_of(kit->reply + WIRE_HEADER_SIZE + 5, size - WIRE_HEADER_SIZE - 5);
}

/* ---- messages, which the counted part only fills in ---- */

struct message {
    struct buf buf;
    struct doc_builder builder;
    size_t id_at;
};

static void message_begin(struct kit *kit, struct message *message, const char *command)
{
    buf_init(&message->buf, &kit->arena);
    wire_compose_begin(&message->buf, WIRE_OP_MSG);
    doc_build_begin(&message->builder, &message->buf);
    doc_build_text(&message->builder, command, "c");
}

static void message_id(struct message *message)
{
    doc_build_i32(&message->builder, "_id", 0);
    message->id_at = message->buf.len - 4;
}

static void message_end(struct message *message)
{
    const struct wire_stamp stamp = {0};
    doc_build_text(&message->builder, "$db", "d");
    doc_build_end(&message->builder);
    wire_compose_end(&message->buf, 0, &stamp);
}

static void message_insert(struct kit *kit, struct message *message)
{
    static const uint8_t pad[PAD];
    message_begin(kit, message, "insert");
    doc_build_open_array(&message->builder, SLICE("documents"));
    doc_build_open(&message->builder, SLICE(""));
    message_id(message);
    doc_build_binary(&message->builder, "pad", 0, slice_of(pad, sizeof pad));
    doc_build_close(&message->builder);
    doc_build_close(&message->builder);
    message_end(message);
}

static void message_find(struct kit *kit, struct message *message)
{
    message_begin(kit, message, "find");
    doc_build_open(&message->builder, SLICE("filter"));
    message_id(message);
    doc_build_close(&message->builder);
    doc_build_i32(&message->builder, "limit", 1);
    doc_build_bool(&message->builder, "singleBatch", true);
    message_end(message);
}

static struct slice message_with(struct message *message, int32_t id)
{
    memcpy(message->buf.data + message->id_at, &id, sizeof id);
    return buf_slice(&message->buf);
}

static void insert(struct kit *kit, struct message *message, int32_t id)
{
    struct slice reply = kit_run(kit, message_with(message, id));
    assert_int_equal(doc_value_get_i32(doc_get_str(reply, "n")), 1);
    assert_false(doc_value_exists(doc_get_str(reply, "writeErrors")));
}

static void find(struct kit *kit, struct message *message, int32_t number)
{
    int32_t id = number % DOCUMENTS;
    struct slice reply = kit_run(kit, message_with(message, id));
    struct slice cursor = doc_value_get_doc(doc_get_str(reply, "cursor"));
    struct slice batch = doc_value_get_doc(doc_get_str(cursor, "firstBatch"));
    struct slice doc = doc_value_get_doc(doc_first(batch).value);
    assert_int_equal(doc_value_get_i32(doc_first(doc).value), id);
    assert_true(doc.len > PAD);
}

/* Allocations of COUNTED requests, numbered from `first` on; of several rounds the least, since
 * what the node does once a second, beside requests, may fall into some of them. */
static unsigned count(struct kit *kit, struct message *message, int32_t first,
                      void (*request)(struct kit *kit, struct message *message, int32_t number))
{
    unsigned least = UINT_MAX;
    for (int round = 0; round < ROUNDS && least > 0; round++) {
        unsigned before = atomic_load(&allocations);
        for (int32_t i = 0; i < COUNTED; i++) {
            request(kit, message, first++);
        }
        unsigned taken = atomic_load(&allocations) - before;
        least = taken < least ? taken : least;
    }
    return least;
}

TEST(allocations_of_cached_reads_are_none)
{
    struct kit kit;
    struct message message;
    kit_open(&kit);
    assert_true(atomic_load(&allocations) > 0); /* they are counted */
    message_insert(&kit, &message);
    for (int32_t i = 0; i < DOCUMENTS; i++) {
        insert(&kit, &message, i);
    }
    message_find(&kit, &message);
    for (int32_t i = 0; i < WARM; i++) {
        find(&kit, &message, i);
    }
    assert_int_equal(count(&kit, &message, 0, find), 0);
    kit_close(&kit);
}

TEST(allocations_of_small_inserts_are_none)
{
    struct kit kit;
    struct message message;
    kit_open(&kit);
    message_insert(&kit, &message);
    for (int32_t i = 0; i < WARM; i++) {
        insert(&kit, &message, i);
    }
    assert_int_equal(count(&kit, &message, WARM, insert), 0);
    kit_close(&kit);
}
