/* sim/node/check_counter.c - a read lies between what must and what may have been added by then. */
#include "sim/node/check.h"

static bool counter_read(const struct check_counter_op *ops, size_t count,
                         const struct check_counter_op *read, struct check_verdict *verdict)
{
    int64_t least = 0;
    int64_t most = 0;
    for (size_t i = 0; i < count; i++) {
        if (!ops[i].is_read) {
            least += ops[i].span.answered < read->span.asked ? ops[i].value : 0;
            most += ops[i].span.asked < read->span.answered ? ops[i].value : 0;
        }
    }
    if (read->value < least || read->value > most) {
        return check_reject(verdict, "%s: a counter is %lld and must be from %lld to %lld",
                            read->value < least ? "lost" : "counted twice", (long long)read->value,
                            (long long)least, (long long)most);
    }
    return true;
}

bool check_counter(const struct check_counter_op *ops, size_t count, struct check_verdict *verdict)
{
    for (size_t i = 0; i < count; i++) {
        bool answered = ops[i].span.answered != CHECK_NEVER;
        if (ops[i].is_read && answered && !counter_read(ops, count, &ops[i], verdict)) {
            return false;
        }
    }
    return true;
}
