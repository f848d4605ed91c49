/* command/shown.c - the list of what is shown, and its place in the catalog.
 *
 * Ids are taken from the end of their space, where no counter gets to. */
#include "command/shown.h"

#include <assert.h>

#include "command/oplog.h"
#include "command/server.h"
#include "store/describe.h"

static const struct command_shown_ops *const shown_list[COMMAND_SHOWN_COUNT] = {
    &command_shown_oplog,
    &command_shown_sessions,
    &command_shown_transactions,
};

/* {capped: true, size: ...} */
static struct slice shown_options(const struct command_shown *shown, struct arena *arena)
{
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    if (!shown->ops->capped) {
        return doc_value_get_doc(doc_empty_object);
    }
    buf_init(buf, arena);
    doc_build_begin(builder, buf);
    doc_build_bool(builder, "capped", true);
    doc_build_i64(builder, "size", (int64_t)shown->server->log_bytes_max);
    doc_build_bool(builder, "autoIndexId", false);
    return doc_build_end(builder);
}

static struct store_collection *shown_collection(const struct command_shown *shown, uint32_t id)
{
    struct store_collection *collection;
    struct arena arena;
    arena_init(&arena);
    struct store_describe_head head = {.id = id,
                                       .db = slice_str(shown->ops->db),
                                       .name = slice_str(shown->ops->name),
                                       .options = shown_options(shown, &arena)};
    memset(head.uuid, 0xff, sizeof head.uuid);
    memcpy(head.uuid, &id, sizeof id);
    head.uuid[6] = 0x4f; /* as of version 4 */
    head.uuid[8] = 0xbf;
    struct store_describe *describe = store_describe_begin(&arena, &head);
    if (!shown->ops->capped) {
        store_describe_id_index(describe, id);
    }
    int code = store_collection_parse(store_describe_end(describe), NULL, &collection);
    arena_close(&arena);
    assert(code == 0);
    collection->shown = shown;
    return collection;
}

void command_shown_install(struct command_server *server, struct store_writer *writer)
{
    for (uint32_t i = 0; i < COMMAND_SHOWN_COUNT; i++) {
        struct store_catalog *old = writer->catalog;
        server->shown[i] = (struct command_shown){shown_list[i], server};
        writer->catalog = store_catalog_with(
            old, old->version, shown_collection(&server->shown[i], UINT32_MAX - 1 - i), NULL);
        store_catalog_release(old);
    }
}

int command_shown_next(struct command_read *read, struct slice *ret_doc)
{
    const struct command_shown *shown = read->collection->shown;
    if (read->plan.branches_count == 0) {
        return 0;
    }
    if (read->reader == NULL) {
        read->reader = shown->ops->open(shown, read);
    }
    return shown->ops->next(read->reader, read, ret_doc);
}

void command_shown_close(struct command_read *read)
{
    if (read->reader != NULL) {
        read->collection->shown->ops->close(read->reader);
        read->reader = NULL;
    }
}

uint64_t command_shown_awaits(const struct command_read *read)
{
    return read->reader == NULL ? 0 : read->collection->shown->ops->awaits(read->reader);
}

int command_shown_refuse(struct command_op *op, const struct store_collection *collection)
{
    return command_shown_of(collection) == NULL
               ? 0
               : err_set(&op->err, LT_EINVALIDNAMESPACE, "cannot write to '%.*s'",
                         SLICE_FMT(collection->ns));
}

/* ---- local.oplog.rs ---- */

static void *shown_oplog_open(const struct command_shown *shown, const struct command_read *read)
{
    return command_oplog_new(shown->server, read->match, read->plan.branches[0].backward);
}

static int shown_oplog_next(void *reader, struct command_read *read, struct slice *ret_doc)
{
    return command_oplog_next(reader, &read->scratch, ret_doc, read->err);
}

static void shown_oplog_close(void *reader)
{
    command_oplog_free(reader);
}

static void shown_oplog_fetch(void *reader)
{
    command_oplog_fetch(reader);
}

static uint64_t shown_oplog_awaits(const void *reader)
{
    return command_oplog_awaits(reader);
}

const struct command_shown_ops command_shown_oplog = {
    .db = "local",
    .name = "oplog.rs",
    .capped = true,
    .open = shown_oplog_open,
    .next = shown_oplog_next,
    .close = shown_oplog_close,
    .fetch = shown_oplog_fetch,
    .awaits = shown_oplog_awaits,
};
