/* query/context.c - variables in view, random numbers, and making an evaluation ready. */
#include "query/context.h"

#include <assert.h>

#include "doc/view.h"
#include "query/expr_private.h"

uint64_t query_random(struct query_context *context)
{
    context->random += 0x9E3779B97F4A7C15u;
    uint64_t mixed = context->random;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    return mixed ^ (mixed >> 31);
}

void query_eval_init(struct query_eval *eval, struct query_context *context, struct arena *arena)
{
    *eval = (struct query_eval){.arena = arena, .context = context, .root = doc_empty_object};
    eval->slots = arena_zero(arena, context->slots_count, sizeof *eval->slots);
}

uint32_t query_scope_push(struct query_context *context, struct slice name)
{
    struct query_scope *scope = arena_alloc(context->arena, sizeof *scope);
    scope->outer = context->scope;
    scope->name = arena_copy(context->arena, name);
    scope->slot = context->slots_count++;
    context->scope = scope;
    return scope->slot;
}

void query_scope_pop(struct query_context *context, uint32_t count)
{
    for (; count > 0; count--) {
        assert(context->scope != NULL);
        context->scope = context->scope->outer;
    }
}

int32_t query__scope_find(const struct query_context *context, struct slice name)
{
    for (const struct query_scope *scope = context->scope; scope != NULL; scope = scope->outer) {
        if (slice_equal(scope->name, name)) {
            return (int32_t)scope->slot;
        }
    }
    return -1;
}
