/* command/capped.c - the options of a capped collection. */
#include "command/capped.h"

#include "command/command.h"
#include "doc/view.h"

enum { CAPPED_MULTIPLE = 256, CAPPED_RESIZE_MIN = 4096 };

static const int64_t capped_size_max = INT64_C(1) << 50;

int command_capped_check_size(struct command_op *op, const char *field, int64_t size)
{
    return size > 0 && size <= capped_size_max
               ? 0
               : err_set(&op->err, LT_EBADVALUE,
                         "BSON field '%s' value must be > 0 and <= %lld, actual value '%lld'",
                         field, (long long)capped_size_max, (long long)size);
}

int command_capped_check_max(struct command_op *op, int64_t max)
{
    return max <= INT32_MAX ? 0
                            : err_set(&op->err, LT_EBADVALUE,
                                      "max in a capped collection has to be < 2^31 or not set");
}

int64_t command_capped_size(int64_t size)
{
    return (size + CAPPED_MULTIPLE - 1) / CAPPED_MULTIPLE * CAPPED_MULTIPLE;
}

int64_t command_capped_resize(int64_t size)
{
    int64_t rounded = command_capped_size(size);
    return rounded < CAPPED_RESIZE_MIN ? CAPPED_RESIZE_MIN : rounded;
}

static void capped_number(struct doc_builder *builder, const char *name, int64_t number)
{
    if (number <= INT32_MAX) {
        doc_build_i32(builder, name, (int32_t)number);
    } else {
        doc_build_i64(builder, name, number);
    }
}

void command_capped_build(struct doc_builder *builder, int64_t size, int64_t max)
{
    doc_build_bool(builder, "capped", true);
    capped_number(builder, "size", size);
    if (max > 0) {
        capped_number(builder, "max", max);
    }
}

struct slice command_capped_options(struct arena *arena, struct slice options, int64_t size,
                                    int64_t max)
{
    static const char *const others[] = {"capped", "size", "max", "clusteredIndex"};
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    struct doc_iter iter;
    struct doc_elem elem;
    buf_init(buf, arena);
    doc_build_begin(builder, buf);
    command_capped_build(builder, size, max);
    doc_iter_init(&iter, options);
    while (doc_iter_next(&iter, &elem)) {
        bool is_other = false;
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
            is_other |= slice_is(elem.name, others[i]);
        }
        if (!is_other) {
            doc_build_value(builder, elem.name, elem.value);
        }
    }
    return doc_build_end(builder);
}

int command_capped_refuse(struct command_op *op, const struct store_collection *collection)
{
    if (op->txn == NULL || collection == NULL || collection->capped == NULL) {
        return 0;
    }
    return err_set(&op->err, LT_EOPERATIONNOTSUPPORTEDINTRANSACTION,
                   "Collection '%.*s' is a capped collection. Writes in transactions are not "
                   "allowed on capped collections.",
                   SLICE_FMT(collection->ns));
}
