/* base/options_yaml.c - a configuration file, read event by event.
 *
 * Mappings nest: the path of keys down to a scalar is an option's name. The scalar under
 * setParameter.NAME joins a list. An empty section is fine; a sequence, a second document, an
 * unknown name and a name given twice are not. Every error says file and line. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "base/buf.h"
#include "base/options_private.h"

enum { YAML_DEPTH_MAX = 8, YAML_FILE_MAX = 1 << 20 };

struct yaml_reader {
    struct options *options;
    const char *file;
    struct err *err;
    bool started; /* a document has begun */
    int depth;    /* of open mappings */
    bool has_key; /* a key waits for its value */
    char path[OPTION__NAME_MAX + 1];
    size_t ends[YAML_DEPTH_MAX]; /* where the path ends at each depth */
    size_t line;
    bool seen[OPTIONS_COUNT];
};

#define yaml_refuse(reader, format, ...)                                                           \
    err_set((reader)->err, LT_EBADVALUE, "%s:%zu: " format, (reader)->file, (reader)->line,        \
            ##__VA_ARGS__)

static int yaml_key(struct yaml_reader *reader, struct slice key)
{
    size_t end = reader->ends[reader->depth - 1];
    if (end + 1 + key.len > OPTION__NAME_MAX) {
        return yaml_refuse(reader, "a name longer than %d bytes", OPTION__NAME_MAX);
    }
    if (memchr(key.data, '\0', key.len) != NULL) {
        return yaml_refuse(reader, "a name with a zero byte in it");
    }
    if (end > 0) {
        reader->path[end++] = '.';
    }
    memcpy(reader->path + end, key.data, key.len);
    reader->path[end + key.len] = '\0';
    reader->has_key = true;
    return 0;
}

/* Is the path the front of an option's name? */
static bool yaml_is_section(const char *path)
{
    size_t len = strlen(path);
    for (int i = 0; i < OPTIONS_COUNT; i++) {
        const char *name = option_row((enum option_id)i)->name;
        if (name != NULL && strncmp(name, path, len) == 0 && name[len] == '.') {
            return true;
        }
    }
    return strcmp(path, option_row(OPTION_SETPARAMETER)->name) == 0;
}

static int yaml_unknown(struct yaml_reader *reader)
{
    const char *nearest = option__nearest(slice_str(reader->path), OPTION__FACE_FILE);
    return yaml_refuse(reader, "there is no option %s; the nearest is %s", reader->path,
                       nearest == NULL ? "storage.dbPath" : nearest);
}

static int yaml_pair(struct yaml_reader *reader, const char *name, const char *value)
{
    char where[512];
    char *pair = (char *)arena_format(&reader->options->arena, "%s=%s", name, value).data;
    snprintf(where, sizeof where, "%s:%zu", reader->file, reader->line);
    return options_set(reader->options, OPTION_SETPARAMETER, pair,
                       (struct option_origin){OPTION_FROM_FILE, where}, reader->err);
}

static int yaml_value(struct yaml_reader *reader, struct slice text, bool plain)
{
    static const char list[] = "setParameter.";
    char where[512];
    const char *value = (const char *)arena_copy(&reader->options->arena, text).data;
    reader->has_key = false;
    bool nothing = plain && (text.len == 0 || slice_is(text, "~") || slice_is(text, "null"));
    if (memchr(text.data, '\0', text.len) != NULL) {
        return yaml_refuse(reader, "%s: a value with a zero byte in it", reader->path);
    }
    if (nothing && yaml_is_section(reader->path)) {
        return 0;
    }
    if (strncmp(reader->path, list, sizeof list - 1) == 0) {
        return yaml_pair(reader, reader->path + sizeof list - 1, value);
    }
    int id = option_find(slice_str(reader->path));
    if (id < 0 && yaml_is_section(reader->path)) {
        return yaml_refuse(reader, "%s is a section, not an option", reader->path);
    }
    if (id < 0) {
        return yaml_unknown(reader);
    }
    if (reader->seen[id]) {
        return yaml_refuse(reader, "%s is given twice", reader->path);
    }
    reader->seen[id] = true;
    snprintf(where, sizeof where, "%s:%zu", reader->file, reader->line);
    return options_set(reader->options, (enum option_id)id, value,
                       (struct option_origin){OPTION_FROM_FILE, where}, reader->err);
}

static int yaml_open(struct yaml_reader *reader)
{
    if (reader->depth == YAML_DEPTH_MAX) {
        return yaml_refuse(reader, "nested deeper than %d levels", YAML_DEPTH_MAX);
    }
    if (reader->depth > 0 && option_find(slice_str(reader->path)) >= 0 &&
        !yaml_is_section(reader->path)) {
        return yaml_refuse(reader, "%s is an option, not a section", reader->path);
    }
    if (reader->depth > 0 && !yaml_is_section(reader->path)) {
        return yaml_unknown(reader);
    }
    reader->ends[reader->depth] = reader->depth == 0 ? 0 : strlen(reader->path);
    reader->depth++;
    reader->has_key = false;
    return 0;
}

static int yaml_scalar(struct yaml_reader *reader, const yaml_event_t *event)
{
    struct slice text = slice_of(event->data.scalar.value, event->data.scalar.length);
    if (reader->depth == 0) {
        bool empty = text.len == 0;
        return empty ? 0
                     : yaml_refuse(reader, "expected 'name: value', found '%.*s'", SLICE_FMT(text));
    }
    if (!reader->has_key) {
        return yaml_key(reader, text);
    }
    return yaml_value(reader, text, event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE);
}

static int yaml_event(struct yaml_reader *reader, const yaml_event_t *event)
{
    reader->line = event->start_mark.line + 1;
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (reader->started) {
            return yaml_refuse(reader, "a second document");
        }
        reader->started = true;
        return 0;
    case YAML_MAPPING_START_EVENT:
        if (reader->depth > 0 && !reader->has_key) {
            return yaml_refuse(reader, "a name must be a plain word");
        }
        return yaml_open(reader);
    case YAML_MAPPING_END_EVENT:
        reader->depth--;
        return 0;
    case YAML_SCALAR_EVENT:
        return yaml_scalar(reader, event);
    case YAML_SEQUENCE_START_EVENT:
        return yaml_refuse(reader, "%s: lists are not understood; write values with commas between",
                           reader->path);
    case YAML_ALIAS_EVENT:
        return yaml_refuse(reader, "aliases are not understood");
    default:
        return 0;
    }
}

static int yaml_parse(struct yaml_reader *reader, yaml_parser_t *parser)
{
    yaml_event_t event;
    bool more = true;
    int code = 0;
    while (more && code == 0) {
        if (!yaml_parser_parse(parser, &event)) {
            reader->line = parser->problem_mark.line + 1;
            return yaml_refuse(reader, "this is no YAML: %s",
                               parser->problem == NULL ? "unreadable" : parser->problem);
        }
        more = event.type != YAML_STREAM_END_EVENT;
        code = yaml_event(reader, &event);
        yaml_event_delete(&event);
    }
    return code;
}

int options_read_yaml(struct options *options, struct slice text, const char *name, struct err *err)
{
    struct yaml_reader reader = {.options = options, .file = name, .err = err};
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        return err_set(err, LT_EINTERNALERROR, "%s: no memory for the YAML parser", name);
    }
    yaml_parser_set_input_string(&parser, text.data, text.len);
    int code = yaml_parse(&reader, &parser);
    yaml_parser_delete(&parser);
    return code;
}

static int yaml_load(struct buf *buf, const char *path, struct err *err)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_set(err, LT_EIO, "cannot open the configuration file %s: %s", path,
                       strerror(errno));
    }
    ssize_t got = 1;
    if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
        errno = EISDIR;
        got = -1;
    }
    while (got > 0 && buf->len <= YAML_FILE_MAX) {
        buf_reserve(buf, 4096);
        got = read(fd, buf->data + buf->len, 4096);
        buf->len += got > 0 ? (size_t)got : 0;
    }
    int number = errno;
    close(fd);
    if (got < 0) {
        return err_set(err, LT_EIO, "cannot read the configuration file %s: %s", path,
                       strerror(number));
    }
    return buf->len <= YAML_FILE_MAX
               ? 0
               : err_set(err, LT_EBADVALUE, "the configuration file %s is larger than %d bytes",
                         path, YAML_FILE_MAX);
}

int options_read_file(struct options *options, const char *path, struct err *err)
{
    struct buf buf;
    buf_init(&buf, NULL);
    int code = yaml_load(&buf, path, err);
    if (code == 0) {
        code = options_read_yaml(options, buf_slice(&buf), path, err);
    }
    buf_close(&buf);
    return code;
}
