/* command/target.c - a read on the writer's view that remembers what it gave.
 *
 * With a sort that no index delivers, all matches are looked at and the first by sort key is taken:
 * only findAndModify and updateOne sort, and they want one document. */
#include "command/target.h"

#include "command/server.h"
#include "command/validator.h"
#include "doc/view.h"

void command_target_init(struct command_op *op, struct command_target *target, struct slice let)
{
    *target = (struct command_target){0};
    arena_init(&target->arena);
    store_skip_init(&target->given);
    buf_init(&target->best, NULL);
    buf_init(&target->best_key, NULL);
    buf_init(&target->again, NULL);
    target->context = command_context(op, &target->arena, &op->memory.query);
    target->context.let = let;
    target->hold.memory = &op->memory.query;
}

int command_target_open(struct command_op *op, struct command_target *target,
                        const struct command_target_spec *spec)
{
    struct command_read_spec read = {
        .server = op->server,
        .collection = spec->collection,
        .filter = spec->filter,
        .sort = spec->sort,
        .hint = spec->hint,
        .hidden_too = spec->hidden_too,
    };
    target->spec = *spec;
    target->open = true;
    int code =
        command_read_open(&target->read, &target->context, &op->writer->view, &read, &op->err);
    if (code == 0 && spec->sort.len > 0 && !doc_is_empty(spec->sort) &&
        !command_read_is_sorted(&target->read)) {
        code = query_sort_parse(&target->context, spec->sort, &target->sort, &op->err);
    }
    return code;
}

void command_target_begin(struct command_target *target)
{
    command_read_begin(&target->read, &target->context);
}

void command_target_close(struct command_target *target)
{
    store_pin_release(&target->pin);
    if (target->open) {
        command_read_close(&target->read);
        target->open = false;
    }
    store_skip_close(&target->given);
    query_hold_drop(&target->hold);
    buf_close(&target->best);
    buf_close(&target->best_key);
    buf_close(&target->again);
    arena_close(&target->arena);
}

void command_target_slice(struct command_op *op, struct command_target *target)
{
    command_read_slice(&target->read, NULL, &op->err);
}

void command_target_pause(struct command_target *target)
{
    if (target->open) {
        command_read_pause(&target->read);
    }
    store_pin_release(&target->pin);
}

static struct slice target_record_key(struct command_target *target, struct slice doc)
{
    return store_record_key(&target->read.scratch, target->read.collection,
                            doc_get_str(doc, "_id"));
}

/* Was it given before: 1, 0, negative. Notes it as given. */
static int target_given(struct command_op *op, struct command_target *target, struct slice doc)
{
    struct slice key = target_record_key(target, doc);
    struct store_skip_node *node = store_skip_at_or_after(&target->given, key, 0);
    if (node != NULL && slice_equal(node->key, key)) {
        return 1;
    }
    store_skip_insert(&target->given, key, 0, (struct slice){0}, false);
    uint64_t bytes = target->given.bytes;
    int code = query_hold_check("knowing which documents were written already", bytes, &op->err);
    return code < 0 ? code : query_hold_set(&target->hold, bytes, &op->err);
}

static int target_missed(struct command_op *op, struct command_target *target, int code)
{
    return code == -LT_EAGAIN ? command_wants(op, target->read.view, target->read.scan.backward)
                              : code;
}

/* One record by its key, if it still matches: 1, 0, negative. */
static int target_by_key(struct command_op *op, struct command_target *target, struct buf *key,
                         struct slice *ret_doc)
{
    store_pin_release(&target->pin);
    int code = store_view_get(target->read.view, buf_slice(key), &target->pin);
    if (code == -LT_EAGAIN) {
        return target_missed(op, target, code);
    }
    key->len = 0;
    if (code < 0) {
        return code == -LT_ENOSUCHKEY ? 0 : code;
    }
    code = store_record_doc(target->pin.value, ret_doc);
    if (code < 0) {
        return code;
    }
    target->read.eval.root = doc_value_object(*ret_doc);
    return query_match_doc(target->read.match, &target->read.eval, *ret_doc,
                           &target->read.array_index, &op->err);
}

/* The document that was chosen does not match any more: with a sort, another one is the first. */
static void target_search_again(struct command_target *target)
{
    if (target->sort != NULL) {
        target->sorted_out = false;
        target->best_key.len = 0;
        command_read_restart(&target->read);
    }
}

/* Look at every match, keep the key of the first by sort order: 0 done, negative. */
static int target_find_best(struct command_op *op, struct command_target *target)
{
    struct slice doc;
    int code;
    while ((code = command_read_next(&target->read, &doc)) > 0) {
        struct buf key;
        buf_init(&key, &target->read.scratch);
        code = query_sort_key(target->sort, &target->read.eval, doc, &key, &op->err);
        if (code < 0) {
            return code;
        }
        if (target->best_key.len == 0 ||
            slice_compare(buf_slice(&key), buf_slice(&target->best)) < 0) {
            target->best.len = 0;
            target->best_key.len = 0;
            buf_append_slice(&target->best, buf_slice(&key));
            buf_append_slice(&target->best_key, target_record_key(target, doc));
        }
    }
    return target_missed(op, target, code);
}

/* From the beginning, in the collection as it is now: it may not have been there before. */
static int target_look_again(struct command_op *op, struct command_target *target)
{
    struct command_target_spec spec = target->spec;
    spec.collection = store_catalog_find(op->writer->catalog, target->look_again);
    target->look_again = (struct slice){0};
    target->sorted_out = false;
    target->best_key.len = 0;
    command_read_close(&target->read);
    int code = command_target_open(op, target, &spec);
    if (code == 0) {
        command_target_begin(target);
        command_target_slice(op, target);
    }
    return code;
}

int command_target_next(struct command_op *op, struct command_target *target, struct slice *ret_doc)
{
    int code = target->look_again.len > 0 ? target_look_again(op, target) : 0;
    if (code < 0) {
        return code;
    }
    if (target->again.len > 0) {
        code = target_by_key(op, target, &target->again, ret_doc);
        if (code != 0) {
            return code;
        }
        target_search_again(target);
    }
    while (target->sort != NULL && !target->sorted_out) {
        code = target_find_best(op, target);
        if (code < 0 || target->best_key.len == 0) {
            return code;
        }
        code = target_by_key(op, target, &target->best_key, ret_doc);
        if (code != 0) {
            target->sorted_out = code != -LT_EAGAIN;
            return code;
        }
        target_search_again(target);
    }
    if (target->sort != NULL) {
        return 0;
    }
    while ((code = command_read_next(&target->read, ret_doc)) > 0) {
        int given = command_read_may_repeat(&target->read) ? target_given(op, target, *ret_doc) : 0;
        if (given <= 0) {
            return given < 0 ? given : 1;
        }
    }
    return target_missed(op, target, code);
}

int command_target_collection(struct command_op *op, struct command_target *target,
                              struct store_collection **ret_collection)
{
    const struct store_collection *began = target->read.collection;
    struct store_collection *now = store_catalog_find(op->writer->catalog, began->ns);
    if (now == NULL || now->id != began->id) {
        return err_set(&op->err, LT_EQUERYPLANKILLED,
                       "collection %.*s was dropped or renamed while it was being written",
                       SLICE_FMT(began->ns));
    }
    *ret_collection = now;
    return 0;
}

int command_target_again(struct command_op *op, struct command_target *target, struct slice doc,
                         int code)
{
    target->again.len = 0;
    buf_append_slice(&target->again, target_record_key(target, doc));
    return code == -LT_EAGAIN ? command_wants(op, &op->writer->view, false) : code;
}

int command_target_delete(struct command_op *op, struct command_target *target, bool just_one,
                          int64_t *n)
{
    struct slice doc;
    int code;
    command_target_slice(op, target);
    while ((code = command_target_next(op, target, &doc)) > 0) {
        struct store_collection *collection;
        code = command_target_collection(op, target, &collection);
        if (code < 0) {
            return code;
        }
        struct store_write write = {op->writer, collection, &target->read.scratch, &op->err};
        code = store_delete(&write, doc);
        if (command_is_paused(code)) {
            return command_target_again(op, target, doc, code);
        }
        if (code < 0) {
            return code;
        }
        ++*n;
        if (just_one) {
            return 0;
        }
        if (command_entry_is_full(op)) {
            return -LT_EYIELD;
        }
    }
    return code;
}

int command_target_upsert(struct command_op *op, struct command_target *target,
                          const struct command_upsert *upsert, struct slice *ret_doc)
{
    struct store_collection *collection;
    struct query_update_io io = {.new_doc = upsert->supplied};
    struct slice doc;
    int code = upsert->supplied.len > 0 ? 0
                                        : query_update_upsert(upsert->update, &target->read.eval,
                                                              target->read.match, &io, &op->err);
    code = code < 0 ? code : command_write_collection(op, upsert->ns, true, &collection);
    code = code < 0 ? code : command_prepare_document(op, io.new_doc, &target->arena, &doc);
    if (code < 0) {
        return code;
    }
    code = target->spec.bypass ? 0 : command_validate(op, collection, (struct slice){0}, doc);
    if (code < 0) {
        return code;
    }
    struct store_write write = {op->writer, collection, &target->arena, &op->err};
    code = store_insert(&write, doc);
    if (code == 0) {
        *ret_doc = doc;
    }
    if (command_is_paused(code)) {
        target->look_again = upsert->ns;
    }
    return code == -LT_EAGAIN ? command_wants(op, &op->writer->view, false) : code;
}
