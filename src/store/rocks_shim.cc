/* store/rocks_shim.cc - what RocksDB's C API leaves out: a task for its merging thread, and a file
 * system below it that seals what is written (store/rocks_shim.h).
 *
 *   head: magic, the file's seal mark | frame | frame | ... | last frame
 *   frame: length of the text, the sealed text; its number and length are authenticated
 *
 * Files are appended to only. A frame is full, unless a sync or the end of the file cut it short,
 * and is written once. Tables are read at any place: they are synced at their end only, so that all
 * their frames but the last are full. What else there is is read from its beginning. */
#include "store/rocks_shim.h"

#include <algorithm>
#include <mutex>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/utilities/object_registry.h>
#include <string>
#include <vector>

extern "C" {
#include "store/seal.h"
}

using rocksdb::FileOptions;
using rocksdb::FileSystem;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

namespace
{

constexpr uint64_t FRAME = 4096;
constexpr uint64_t FRAME_EXTRA = sizeof(uint32_t) + GCM_EXTRA;
constexpr uint64_t FRAME_TEXT = FRAME - FRAME_EXTRA;
constexpr size_t APPEND_BYTES = 64 * FRAME; /* that are given to the file at once */
constexpr char head_magic[8] = {'L', 'T', 'S', 'E', 'A', 'L', '0', '1'};

struct Head {
    char magic[sizeof head_magic];
    struct store_seal_mark mark;
};

/* What is authenticated with a frame. */
struct Place {
    uint64_t number;
    uint64_t len;
};

IOStatus damaged(const char *what)
{
    return IOStatus::Corruption("encrypted file", what);
}

/* RocksDB does not expect of its small files that reading them finds damage. */
IOStatus damaged_small(const IOStatus &status)
{
    return status.IsCorruption() ? IOStatus::IOError(status.getState()) : status;
}

/* A file's key, by its head. */
class Key
{
  public:
    ~Key() { gcm_free(gcm_); }

    IOStatus open(const store_seal *seal, const Slice &bytes)
    {
        Head head;
        if (bytes.size() != sizeof head || memcmp(bytes.data(), head_magic, sizeof head_magic)) {
            return damaged("it is not encrypted");
        }
        memcpy(&head, bytes.data(), sizeof head);
        return store_seal_gcm(seal, head.mark, &gcm_) < 0 ? damaged("its key is not in the keyring")
                                                         : IOStatus::OK();
    }

    /* Append a frame to `out`. */
    void seal(uint64_t number, const Slice &text, std::string *out)
    {
        const Place place = {number, text.size()};
        const auto len = static_cast<uint32_t>(text.size());
        const size_t at = out->size();
        out->append(reinterpret_cast<const char *>(&len), sizeof len);
        out->resize(at + FRAME_EXTRA + text.size());
        gcm_seal(gcm_, slice_of(&place, sizeof place), slice_of(text.data(), text.size()),
                 reinterpret_cast<uint8_t *>(&(*out)[at + sizeof len]));
    }

    /* Append the text of the frame that `bytes` begins with; *ret_used is how much of them it is,
     * 0 when it is not there as a whole. */
    IOStatus unseal(uint64_t number, const Slice &bytes, std::string *out, size_t *ret_used)
    {
        uint32_t len;
        *ret_used = 0;
        if (bytes.size() < FRAME_EXTRA) {
            return IOStatus::OK();
        }
        memcpy(&len, bytes.data(), sizeof len);
        if (len > FRAME_TEXT) {
            return damaged("a frame's length");
        }
        if (bytes.size() < FRAME_EXTRA + len) {
            return IOStatus::OK();
        }
        const Place place = {number, len};
        const size_t at = out->size();
        out->resize(at + len);
        *ret_used = FRAME_EXTRA + len;
        int code = gcm_unseal(gcm_, slice_of(&place, sizeof place),
                              slice_of(bytes.data() + sizeof len, len + GCM_EXTRA),
                              reinterpret_cast<uint8_t *>(&(*out)[at]));
        return code < 0 ? damaged("a frame does not match its tag") : IOStatus::OK();
    }

  private:
    gcm *gcm_ = nullptr;
};

class Writer : public rocksdb::FSWritableFile
{
  public:
    Writer(const FileOptions &options, std::unique_ptr<FSWritableFile> file)
        : FSWritableFile(options), file_(std::move(file))
    {
    }

    IOStatus begin(const store_seal *seal, const IOOptions &options, IODebugContext *debug)
    {
        Head head = {};
        memcpy(head.magic, head_magic, sizeof head.magic);
        head.mark = store_seal_mark(seal);
        const Slice bytes(reinterpret_cast<const char *>(&head), sizeof head);
        IOStatus status = key_.open(seal, bytes);
        return status.ok() ? file_->Append(bytes, options, debug) : status;
    }

    using FSWritableFile::Append;
    IOStatus Append(const Slice &data, const IOOptions &options, IODebugContext *debug) override
    {
        IOStatus status;
        size_t done = 0;
        size_ += data.size();
        while (status.ok() && text_.size() + data.size() - done >= FRAME_TEXT) {
            const size_t more = FRAME_TEXT - text_.size();
            text_.append(data.data() + done, more);
            done += more;
            end_frame();
            if (sealed_.size() >= APPEND_BYTES) {
                status = give(options, debug);
            }
        }
        text_.append(data.data() + done, data.size() - done);
        return status.ok() ? give(options, debug) : status;
    }

    IOStatus Flush(const IOOptions &options, IODebugContext *debug) override
    {
        return file_->Flush(options, debug);
    }

    IOStatus Sync(const IOOptions &options, IODebugContext *debug) override
    {
        IOStatus status = end(options, debug);
        return status.ok() ? file_->Sync(options, debug) : status;
    }

    IOStatus Fsync(const IOOptions &options, IODebugContext *debug) override
    {
        IOStatus status = end(options, debug);
        return status.ok() ? file_->Fsync(options, debug) : status;
    }

    IOStatus Close(const IOOptions &options, IODebugContext *debug) override
    {
        IOStatus status = end(options, debug);
        IOStatus closed = file_->Close(options, debug);
        return status.ok() ? closed : status;
    }

    IOStatus RangeSync(uint64_t offset, uint64_t bytes, const IOOptions &options,
                       IODebugContext *debug) override
    {
        return file_->RangeSync(offset, bytes, options, debug);
    }

    uint64_t GetFileSize(const IOOptions &, IODebugContext *) override { return size_; }

  private:
    void end_frame()
    {
        key_.seal(frames_++, text_, &sealed_);
        text_.clear();
    }

    IOStatus give(const IOOptions &options, IODebugContext *debug)
    {
        IOStatus status =
            sealed_.empty() ? IOStatus::OK() : file_->Append(sealed_, options, debug);
        sealed_.clear();
        return status;
    }

    IOStatus end(const IOOptions &options, IODebugContext *debug)
    {
        if (!text_.empty()) {
            end_frame();
        }
        return give(options, debug);
    }

    std::unique_ptr<FSWritableFile> file_;
    Key key_;
    std::string text_;   /* of the frame that is not full */
    std::string sealed_; /* frames that were not given to the file */
    uint64_t frames_ = 0;
    uint64_t size_ = 0; /* of all text */
};

class SequentialReader : public rocksdb::FSSequentialFile
{
  public:
    explicit SequentialReader(std::unique_ptr<FSSequentialFile> file) : file_(std::move(file)) {}

    IOStatus begin(const store_seal *seal, const IOOptions &options, IODebugContext *debug)
    {
        char scratch[sizeof(Head)];
        Slice bytes;
        IOStatus status = file_->Read(sizeof scratch, options, &bytes, scratch, debug);
        if (!status.ok() || is_unwritten(bytes)) {
            return status;
        }
        return damaged_small(key_.open(seal, bytes));
    }

    IOStatus Read(size_t n, const IOOptions &options, Slice *result, char *scratch,
                  IODebugContext *debug) override
    {
        size_t done = 0;
        IOStatus status;
        while (done < n && (status = fill(options, debug)).ok() && at_ < text_.size()) {
            const size_t some = std::min(n - done, text_.size() - at_);
            memcpy(scratch + done, text_.data() + at_, some);
            done += some;
            at_ += some;
        }
        *result = Slice(scratch, done);
        return status;
    }

    IOStatus Skip(uint64_t n) override
    {
        IOStatus status;
        while (n > 0 && (status = fill(IOOptions(), nullptr)).ok() && at_ < text_.size()) {
            const size_t some = std::min<uint64_t>(n, text_.size() - at_);
            n -= some;
            at_ += some;
        }
        return status;
    }

  private:
    /* A file that a crash left without its head, or with zeroes for it, has no text either. */
    static bool is_unwritten(const Slice &head)
    {
        return head.size() < sizeof(Head) ||
               std::all_of(head.data(), head.data() + head.size(), [](char c) { return c == 0; });
    }

    /* Have text to read, unless there is no more. A frame that a crash cut off ends the file. */
    IOStatus fill(const IOOptions &options, IODebugContext *debug)
    {
        char scratch[FRAME];
        Slice length;
        Slice rest;
        uint32_t len;
        size_t used;
        if (at_ < text_.size()) {
            return IOStatus::OK();
        }
        text_.clear();
        at_ = 0;
        IOStatus status = file_->Read(sizeof len, options, &length, scratch, debug);
        if (!status.ok() || length.size() < sizeof len) {
            return status;
        }
        memcpy(&len, length.data(), sizeof len);
        memcpy(scratch, &len, sizeof len);
        if (len == 0) { /* no frame is empty: a crash left zeroes behind the last one */
            return IOStatus::OK();
        }
        if (len > FRAME_TEXT) {
            return damaged_small(damaged("a frame's length"));
        }
        status = file_->Read(len + GCM_EXTRA, options, &rest, scratch + sizeof len, debug);
        if (status.ok()) {
            memmove(scratch + sizeof len, rest.data(), rest.size());
            status =
                key_.unseal(frames_++, Slice(scratch, sizeof len + rest.size()), &text_, &used);
        }
        return damaged_small(status);
    }

    std::unique_ptr<FSSequentialFile> file_;
    Key key_;
    std::string text_; /* of the frame in hand */
    size_t at_ = 0;    /* what of it was read */
    uint64_t frames_ = 0;
};

class RandomReader : public rocksdb::FSRandomAccessFile
{
  public:
    explicit RandomReader(std::unique_ptr<FSRandomAccessFile> file) : file_(std::move(file)) {}

    IOStatus begin(const store_seal *seal, const IOOptions &options, IODebugContext *debug)
    {
        char scratch[sizeof(Head)];
        Slice bytes;
        IOStatus status = file_->Read(0, sizeof scratch, options, &bytes, scratch, debug);
        return status.ok() ? key_.open(seal, bytes) : status;
    }

    IOStatus Read(uint64_t offset, size_t n, const IOOptions &options, Slice *result,
                  char *scratch, IODebugContext *debug) const override
    {
        const uint64_t first = offset / FRAME_TEXT;
        const uint64_t frames = (offset + n + FRAME_TEXT - 1) / FRAME_TEXT - first;
        const size_t within = offset % FRAME_TEXT;
        std::vector<char> room(frames * FRAME);
        std::string text;
        Slice bytes;
        IOStatus status = file_->Read(sizeof(Head) + first * FRAME, room.size(), options, &bytes,
                                      room.data(), debug);
        text.reserve(frames * FRAME_TEXT);
        for (uint64_t i = 0; i < frames && status.ok() && text.size() == i * FRAME_TEXT; i++) {
            size_t used;
            status = key_.unseal(first + i, bytes, &text, &used);
            bytes.remove_prefix(used);
        }
        const size_t len = text.size() > within ? std::min(n, text.size() - within) : 0;
        memcpy(scratch, text.data() + (len > 0 ? within : 0), len);
        *result = Slice(scratch, len);
        return status;
    }

    size_t GetUniqueId(char *id, size_t max_size) const override
    {
        return file_->GetUniqueId(id, max_size);
    }

  private:
    std::unique_ptr<FSRandomAccessFile> file_;
    mutable Key key_;
};

class SealedFileSystem : public rocksdb::FileSystemWrapper
{
  public:
    explicit SealedFileSystem(const store_seal *seal)
        : FileSystemWrapper(FileSystem::Default()), seal_(seal)
    {
    }

    const char *Name() const override { return "SealedFileSystem"; }

    IOStatus NewSequentialFile(const std::string &name, const FileOptions &options,
                               std::unique_ptr<rocksdb::FSSequentialFile> *result,
                               IODebugContext *debug) override
    {
        std::unique_ptr<rocksdb::FSSequentialFile> file;
        IOStatus status = target()->NewSequentialFile(name, options, &file, debug);
        return status.ok() ? begin<SequentialReader>(options, debug, result, std::move(file))
                           : status;
    }

    IOStatus NewRandomAccessFile(const std::string &name, const FileOptions &options,
                                 std::unique_ptr<rocksdb::FSRandomAccessFile> *result,
                                 IODebugContext *debug) override
    {
        std::unique_ptr<rocksdb::FSRandomAccessFile> file;
        IOStatus status = target()->NewRandomAccessFile(name, options, &file, debug);
        return status.ok() ? begin<RandomReader>(options, debug, result, std::move(file)) : status;
    }

    IOStatus NewWritableFile(const std::string &name, const FileOptions &options,
                             std::unique_ptr<rocksdb::FSWritableFile> *result,
                             IODebugContext *debug) override
    {
        std::unique_ptr<rocksdb::FSWritableFile> file;
        IOStatus status = target()->NewWritableFile(name, options, &file, debug);
        return status.ok() ? begin<Writer>(options, debug, result, options, std::move(file))
                           : status;
    }

    /* What writes a file otherwise than from its beginning on is not sealed here, so it is
     * refused. */
    IOStatus ReopenWritableFile(const std::string &, const FileOptions &,
                                std::unique_ptr<rocksdb::FSWritableFile> *,
                                IODebugContext *) override
    {
        return IOStatus::NotSupported("ReopenWritableFile");
    }

    IOStatus ReuseWritableFile(const std::string &, const std::string &, const FileOptions &,
                               std::unique_ptr<rocksdb::FSWritableFile> *,
                               IODebugContext *) override
    {
        return IOStatus::NotSupported("ReuseWritableFile");
    }

    IOStatus NewRandomRWFile(const std::string &, const FileOptions &,
                             std::unique_ptr<rocksdb::FSRandomRWFile> *, IODebugContext *) override
    {
        return IOStatus::NotSupported("NewRandomRWFile");
    }

    IOStatus NewMemoryMappedFileBuffer(const std::string &,
                                       std::unique_ptr<rocksdb::MemoryMappedFileBuffer> *) override
    {
        return IOStatus::NotSupported("NewMemoryMappedFileBuffer");
    }

    /* Of the text; somewhat more when there are short frames. */
    IOStatus GetFileSize(const std::string &name, const IOOptions &options, uint64_t *size,
                         IODebugContext *debug) override
    {
        IOStatus status = target()->GetFileSize(name, options, size, debug);
        const uint64_t frames = *size > sizeof(Head) ? *size - sizeof(Head) : 0;
        const uint64_t rest = frames % FRAME;
        *size = frames / FRAME * FRAME_TEXT + (rest > FRAME_EXTRA ? rest - FRAME_EXTRA : 0);
        return status;
    }

  private:
    /* Make the file of ours that stands before theirs, and read or write its head. */
    template <typename File, typename Result, typename... Arguments>
    IOStatus begin(const FileOptions &options, IODebugContext *debug,
                   std::unique_ptr<Result> *result, Arguments &&...arguments)
    {
        std::unique_ptr<File> file(new File(std::forward<Arguments>(arguments)...));
        IOStatus status = file->begin(seal_, options.io_options, debug);
        if (status.ok()) {
            *result = std::move(file);
        }
        return status;
    }

    const store_seal *seal_;
};

/* RocksDB finds an environment by its name: ours is that of the object. */
constexpr char environment_prefix[] = "sealed";

void environment_register()
{
    rocksdb::ObjectLibrary::Default()->AddFactory<rocksdb::Env>(
        rocksdb::ObjectLibrary::PatternEntry(environment_prefix, false).AddNumber(":"),
        [](const std::string &name, std::unique_ptr<rocksdb::Env> *, std::string *) {
            return reinterpret_cast<rocksdb::Env *>(
                std::stoull(name.substr(sizeof environment_prefix)));
        });
}

} // namespace

struct store_rocks_env {
    std::unique_ptr<rocksdb::Env> env;
    std::string option;
};

extern "C" {

void store__rocks_run_merging(void (*run)(void *))
{
    rocksdb::Env::Default()->Schedule(run, nullptr, rocksdb::Env::Priority::LOW);
}

store_rocks_env *store__rocks_env_new(const store_seal *seal)
{
    static std::once_flag once;
    std::call_once(once, environment_register);
    auto *env = new store_rocks_env;
    env->env = rocksdb::NewCompositeEnv(std::make_shared<SealedFileSystem>(seal));
    env->option = std::string("env=") + environment_prefix + ":" +
                  std::to_string(reinterpret_cast<uintptr_t>(env->env.get()));
    return env;
}

void store__rocks_env_free(store_rocks_env *env)
{
    delete env;
}

const char *store__rocks_env_option(const store_rocks_env *env)
{
    return env->option.c_str();
}
}
