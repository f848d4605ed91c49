/* sim/node/check_bank.c - the sum of every view is the total. */
#include "sim/node/check.h"

bool check_bank(const struct check_bank_view *views, size_t count, int64_t total,
                struct check_verdict *verdict)
{
    for (size_t i = 0; i < count; i++) {
        int64_t sum = 0;
        for (size_t k = 0; k < views[i].count; k++) {
            sum += views[i].balances[k];
        }
        if (sum != total) {
            return check_reject(verdict, "half a transfer: view %zu sums up to %lld, not to %lld",
                                i, (long long)sum, (long long)total);
        }
    }
    return true;
}
