/* query/hold.c - a hold tells its counter the difference. */
#include "query/hold.h"

#include "query/pipeline.h"

int query_hold_set(struct query_hold *hold, uint64_t bytes, struct err *err)
{
    if (hold->memory == NULL || bytes == hold->bytes) {
        return 0;
    }
    if (bytes > hold->bytes) {
        int code = hold->memory->take(hold->memory->owner, bytes - hold->bytes, err);
        if (code < 0) {
            return code;
        }
    } else {
        hold->memory->give(hold->memory->owner, hold->bytes - bytes);
    }
    hold->bytes = bytes;
    return 0;
}

void query_hold_drop(struct query_hold *hold)
{
    if (hold->bytes > 0) {
        hold->memory->give(hold->memory->owner, hold->bytes);
        hold->bytes = 0;
    }
}

int query_hold_check(const char *what, uint64_t bytes, struct err *err)
{
    if (bytes <= QUERY_STAGE_BYTES_MAX) {
        return 0;
    }
    return err_set(err, LT_EQUERYEXCEEDEDMEMORYLIMITNODISKUSEALLOWED,
                   "Exceeded memory limit for %s: it may hold %d bytes and cannot use the disk",
                   what, QUERY_STAGE_BYTES_MAX);
}
