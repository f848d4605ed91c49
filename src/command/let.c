/* command/let.c - what expressions of a command see besides documents: its variables, time, chance.
 */
#include "command/server.h"
#include "command/write.h"
#include "doc/view.h"
#include "query/expr.h"

struct query_context command_context(struct command_op *op, struct arena *arena,
                                     const struct query_memory *memory)
{
    return (struct query_context){
        .arena = arena,
        .now_ms = op->wall_ms,
        .cluster_time = atomic_load(&op->server->applied_clock),
        .random = command_random(op->server),
        .memory = memory,
    };
}

static int let_name(struct slice name, struct err *err)
{
    if (slice_is(name, "NOW") || slice_is(name, "CLUSTER_TIME")) {
        return err_set(err, 4738901, "Attempt to set internal constant: %.*s", SLICE_FMT(name));
    }
    return query_variable_name(name, err);
}

static void let_reads(void *context, struct slice path)
{
    (void)path;
    *(bool *)context = true;
}

/* A variable's value, which no document and no clock has a part in. */
static int let_value(struct query_context *context, struct doc_value spec,
                     struct doc_value *ret_value, struct err *err)
{
    struct query_expr *expr;
    struct query_eval eval;
    bool reads = false;
    context->timeless = true;
    int code = query_expr_parse(context, spec, &expr, err);
    context->timeless = false;
    if (code < 0) {
        return code;
    }
    query_expr_fields(expr, let_reads, &reads);
    if (reads) {
        return err_set(err, 4890500,
                       "Command let Expression tried to access a field, but this is not allowed "
                       "because command let expressions run before the query examines any "
                       "documents.");
    }
    query_eval_init(&eval, context, context->arena);
    return query_expr_eval(expr, &eval, ret_value, err);
}

int command_let(struct command_op *op, struct query_context *context, struct slice let)
{
    struct doc_iter iter;
    struct doc_elem elem;
    struct buf *buf = arena_alloc(context->arena, sizeof *buf);
    struct doc_builder *builder = arena_alloc(context->arena, sizeof *builder);
    if (let.len == 0) {
        return 0;
    }
    buf_init(buf, context->arena);
    doc_build_begin(builder, buf);
    doc_iter_init(&iter, let);
    while (doc_iter_next(&iter, &elem)) {
        struct doc_value value;
        int code = let_name(elem.name, &op->err);
        code = code < 0 ? code : let_value(context, elem.value, &value, &op->err);
        if (code < 0) {
            return code;
        }
        doc_build_value(builder, elem.name, doc_value_exists(value) ? value : doc_null);
    }
    context->let = doc_build_end(builder);
    return 0;
}
