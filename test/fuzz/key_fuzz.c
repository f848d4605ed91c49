/* test/fuzz/key_fuzz.c - bytes as an index key: what decodes encodes to the same bytes; two values
 * decoded from one input order as their keys do. */
#include <stdlib.h>

#include "doc/compare.h"
#include "doc/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_require(bool truth)
{
    if (!truth) {
        abort();
    }
}

static int fuzz_sign(int order)
{
    return (order > 0) - (order < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    bool descending = data[0] & 1;
    struct slice key = slice_of(data + 1, size - 1);
    struct slice rest = key;
    struct doc_value first, second;
    struct arena arena;
    arena_init(&arena);
    if (doc_key_decode(&rest, descending, &arena, &first, NULL) == 0) {
        struct slice first_key = slice_of(key.data, key.len - rest.len);
        struct slice second_key = rest;
        fuzz_require(doc_key_size(key, descending) == first_key.len);
        if (doc_key_decode(&rest, descending, &arena, &second, NULL) == 0) {
            second_key.len -= rest.len;
            int order = fuzz_sign(doc_compare(first, second));
            int bytes = fuzz_sign(slice_compare(first_key, second_key));
            fuzz_require(bytes == (descending ? -order : order));
        }
    }
    arena_close(&arena);
    return 0;
}
