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

int command_let(struct command_op *op, struct query_context *context, struct slice let)
{
    struct doc_iter iter;
    struct doc_elem elem;
    struct buf *buf = arena_alloc(context->arena, sizeof *buf);
    struct doc_builder *builder = arena_alloc(context->arena, sizeof *builder);
    struct query_eval eval;
    if (let.len == 0) {
        return 0;
    }
    buf_init(buf, context->arena);
    doc_build_begin(builder, buf);
    doc_iter_init(&iter, let);
    while (doc_iter_next(&iter, &elem)) {
        struct query_expr *expr;
        struct doc_value value;
        int code = query_expr_parse(context, elem.value, &expr, &op->err);
        if (code < 0) {
            return code;
        }
        query_eval_init(&eval, context, context->arena);
        eval.root = doc_empty_object;
        code = query_expr_eval(expr, &eval, &value, &op->err);
        if (code < 0) {
            return code;
        }
        doc_build_value(builder, elem.name, doc_value_exists(value) ? value : doc_null);
    }
    context->let = doc_build_end(builder);
    return 0;
}
