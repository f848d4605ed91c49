/* store/rocks_shim.cc - what RocksDB's C API leaves out. */
#include <rocksdb/env.h>

extern "C" void store__rocks_run_merging(void (*run)(void *))
{
    rocksdb::Env::Default()->Schedule(run, nullptr, rocksdb::Env::Priority::LOW);
}
