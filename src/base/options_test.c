/* base/options_test.c - the table, its four sources and what they refuse. */
#include "base/options.h"

#include <ctype.h>

#include "lib/test.h"

static void take(struct options *options, const char *yaml)
{
    struct err err = {0};
    if (options_read_yaml(options, slice_str(yaml), "f", &err) != 0) {
        fail_msg("%s: %s", yaml, err.text);
    }
}

static void refused_yaml(const char *yaml, const char *words)
{
    struct err err = {0};
    struct options *options = options_new();
    assert_int_equal(options_read_yaml(options, slice_str(yaml), "f", &err), -LT_EBADVALUE);
    if (strstr(err.text, words) == NULL) {
        fail_msg("%s: %s", yaml, err.text);
    }
    options_free(options);
}

static void refused_flag(const char *flag, const char *words)
{
    struct err err = {0};
    char *argv[] = {"largetable", (char *)flag, NULL};
    assert_int_equal(options_check_flags(2, argv, &err), -LT_EBADVALUE);
    assert_string_equal(err.text, words);
}

static void refused_variable(const char *variable, const char *words)
{
    struct err err = {0};
    struct options *options = options_new();
    char *variables[] = {"PATH=/bin", (char *)variable, NULL};
    assert_int_equal(options_read_environment(options, variables, &err), -LT_EBADVALUE);
    assert_string_equal(err.text, words);
    options_free(options);
}

/* ---- the table ---- */

TEST(options_id_is_the_name_in_capitals)
{
    for (int i = 0; i < OPTIONS_COUNT; i++) {
        const struct option_row *row = option_row((enum option_id)i);
        const char *name = row->name != NULL ? row->name : row->flag;
        name += strncmp(name, "largetable.", 11) == 0 ? 11 : 0;
        assert_int_equal(strlen(name), strlen(row->id));
        for (size_t j = 0; name[j] != '\0'; j++) {
            char expected = name[j] == '.' ? '_' : (char)toupper(name[j]);
            assert_int_equal(row->id[j], expected);
        }
    }
}

TEST(options_names_and_flags_are_unique)
{
    for (int i = 0; i < OPTIONS_COUNT; i++) {
        for (int j = 0; j < i; j++) {
            const struct option_row *a = option_row((enum option_id)i);
            const struct option_row *b = option_row((enum option_id)j);
            assert_true(a->name == NULL || b->name == NULL || strcmp(a->name, b->name) != 0);
            assert_true(a->flag == NULL || b->flag == NULL || strcmp(a->flag, b->flag) != 0);
            assert_true(a->letter == 0 || a->letter != b->letter);
        }
    }
}

TEST(options_defaults_are_within_their_own_bounds)
{
    struct options *options = options_new();
    for (int i = 0; i < OPTIONS_COUNT; i++) {
        const struct option_row *row = option_row((enum option_id)i);
        assert_int_equal(options_source(options, (enum option_id)i), OPTION_FROM_DEFAULT);
        if (row->kind == OPTION_KIND_INT) {
            assert_true(row->number >= row->low && row->number <= row->high);
        } else if (row->kind == OPTION_KIND_ONE && row->fallback != NULL) {
            assert_int_equal(options_set(options, (enum option_id)i, row->fallback,
                                         (struct option_origin){OPTION_FROM_FILE, "x"}, NULL),
                             0);
        }
    }
    options_free(options);
}

TEST(options_sections_stand_together)
{
    for (int i = 0; i < OPTIONS_COUNT; i++) {
        const char *name = option_row((enum option_id)i)->name;
        bool left = false;
        for (int j = i + 1; j < OPTIONS_COUNT && name != NULL; j++) {
            const char *other = option_row((enum option_id)j)->name;
            size_t section = strcspn(name, ".");
            bool same = other != NULL && strncmp(name, other, section + 1) == 0;
            assert_false(same && left);
            left = !same;
        }
    }
}

/* ---- precedence ---- */

TEST(options_flag_beats_environment_beats_file_beats_default)
{
    static const char *const texts[] = {"", "1", "2", "3"};
    /* in every order of reading */
    static const enum option_source orders[][3] = {{1, 2, 3}, {1, 3, 2}, {2, 1, 3},
                                                   {2, 3, 1}, {3, 1, 2}, {3, 2, 1}};
    for (size_t i = 0; i < 6; i++) {
        struct options *options = options_new();
        int64_t strongest = 0;
        assert_int_equal(options_int(options, OPTION_NET_PORT), 27017);
        for (int j = 0; j < 3; j++) {
            enum option_source source = orders[i][j];
            assert_int_equal(options_set(options, OPTION_NET_PORT, texts[source],
                                         (struct option_origin){source, "x"}, NULL),
                             0);
            strongest = (int64_t)source > strongest ? (int64_t)source : strongest;
            assert_int_equal(options_int(options, OPTION_NET_PORT), strongest);
        }
        options_free(options);
    }
}

TEST(options_lists_keep_every_pair_the_strongest_last)
{
    const char *name;
    const char *value;
    struct options *options = options_new();
    options_set(options, OPTION_SETPARAMETER, "a=flag",
                (struct option_origin){OPTION_FROM_FLAG, "x"}, NULL);
    take(options, "setParameter:\n  a: file\n  b: 2\n");
    assert_int_equal(options_list_count(options), 3);
    options_list_at(options, 0, &name, &value);
    assert_string_equal(value, "file");
    options_list_at(options, 2, &name, &value);
    assert_string_equal(name, "a");
    assert_string_equal(value, "flag");
    options_free(options);
}

/* ---- the file ---- */

TEST(options_take_the_configuration_file_that_mongod_is_installed_with)
{
    struct options *options = options_new();
    take(options, "# mongod.conf\n"
                  "storage:\n  dbPath: /var/lib/mongodb\n#  engine:\n"
                  "systemLog:\n  destination: file\n  logAppend: true\n"
                  "  path: /var/log/mongodb/mongod.log\n"
                  "net:\n  port: 27018\n  bindIp: 127.0.0.1,::1\n"
                  "processManagement:\n  timeZoneInfo: /usr/share/zoneinfo\n"
                  "security:\n\n#operationProfiling:\n");
    assert_string_equal(options_text(options, OPTION_STORAGE_DBPATH), "/var/lib/mongodb");
    assert_string_equal(options_text(options, OPTION_NET_BINDIP), "127.0.0.1,::1");
    assert_int_equal(options_int(options, OPTION_NET_PORT), 27018);
    assert_true(options_bool(options, OPTION_SYSTEMLOG_LOGAPPEND));
    assert_int_equal(options_source(options, OPTION_NET_PORT), OPTION_FROM_FILE);
    options_free(options);
}

TEST(options_take_an_empty_file)
{
    struct options *options = options_new();
    take(options, "");
    take(options, "# nothing\n");
    take(options, "---\n");
    options_free(options);
}

TEST(options_tell_the_line_of_a_mistake)
{
    refused_yaml("net:\n  bindIp: a\n  prot: 1\n",
                 "f:3: there is no option net.prot; the nearest is net.port");
    refused_yaml("net:\n  port: 70000\n",
                 "f:2: net.port must be a whole number from 0 to 65535, not '70000'");
    refused_yaml("net:\n  port: 1\n  port: 2\n", "f:3: net.port is given twice");
    refused_yaml("net:\n  port:\n    x: 1\n", "f:3: net.port is an option, not a section");
    refused_yaml("net: 1\n", "f:1: net is a section, not an option");
    refused_yaml("nett:\n  port: 1\n", "f:2: there is no option nett");
    refused_yaml("net:\n  bindIp: [a, b]\n", "f:2: net.bindIp: lists are not understood");
    refused_yaml("- a\n", "f:1: ");
    refused_yaml("just words\n", "f:1: expected 'name: value', found 'just words'");
    refused_yaml("storage:\n  dbPath: \"a\n", "f:3: this is no YAML: ");
    refused_yaml("a: 1\n b: 2\n", "f:");
    refused_yaml("net:\n  port: *x\n", "f:2: aliases are not understood");
    refused_yaml("a: &x 1\nb: *x\n", "f:1: ");
    refused_yaml("---\nnet: {port: 1}\n---\nnet: {port: 2}\n", "f:3: a second document");
    refused_yaml("? [a, b]\n: c\n", "f:1: ");
    refused_yaml("storage:\n  dbPath:\n", "f:2: storage.dbPath needs a value");
    refused_yaml("config: x\n", "f:1: there is no option config");
    refused_yaml("storage:\n  dbPath: \"a\\0b\"\n", "zero byte");
}

TEST(options_refuse_nesting_without_end)
{
    refused_yaml("{a: {a: {a: {a: {a: {a: {a: {a: {a: {a: 1}}}}}}}}}}", "f:1: ");
}

TEST(options_refuse_a_file_that_is_not_there)
{
    struct err err = {0};
    struct options *options = options_new();
    assert_int_equal(options_read_file(options, "/nonexistent/x.conf", &err), -LT_EIO);
    assert_non_null(strstr(err.text, "/nonexistent/x.conf"));
    assert_int_equal(options_read_file(options, "/", &err), -LT_EIO);
    options_free(options);
}

/* ---- bounds ---- */

TEST(options_check_even_a_value_that_does_not_win)
{
    struct options *options = options_new();
    options_set(options, OPTION_NET_PORT, "1", (struct option_origin){OPTION_FROM_FLAG, "x"}, NULL);
    assert_true(options_set(options, OPTION_NET_PORT, "-1",
                            (struct option_origin){OPTION_FROM_FILE, "x"}, NULL) < 0);
    assert_int_equal(options_int(options, OPTION_NET_PORT), 1);
    options_free(options);
}

TEST(options_take_bounds_and_refuse_one_more)
{
    static const struct {
        enum option_id id;
        const char *text;
        bool good;
    } cases[] = {
        {OPTION_NET_PORT, "0", true},
        {OPTION_NET_PORT, "65535", true},
        {OPTION_NET_PORT, "65536", false},
        {OPTION_NET_PORT, "-1", false},
        {OPTION_NET_PORT, "", false},
        {OPTION_NET_PORT, "1x", false},
        {OPTION_NET_PORT, " 1", false},
        {OPTION_NET_PORT, "99999999999999999999999", false},
        {OPTION_SYSTEMLOG_QUIET, "true", true},
        {OPTION_SYSTEMLOG_QUIET, "0", true},
        {OPTION_SYSTEMLOG_QUIET, "yes", false},
        {OPTION_COMPRESSION, "zstd", true},
        {OPTION_COMPRESSION, "none", true},
        {OPTION_COMPRESSION, "zst", false},
        {OPTION_COMPRESSION, "none|lz4", false},
        {OPTION_COMPRESSION, "", false},
        {OPTION_SECURITY_AUTHORIZATION, "disabled", true},
        {OPTION_SECURITY_AUTHORIZATION, "enabled", true},
        {OPTION_SECURITY_AUTHORIZATION, "on", false},
        {OPTION_SETPARAMETER, "a=", true},
        {OPTION_SETPARAMETER, "=a", false},
        {OPTION_SETPARAMETER, "a", false},
        {OPTION_STORAGE_DBPATH, "", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct options *options = options_new();
        int code = options_set(options, cases[i].id, cases[i].text,
                               (struct option_origin){OPTION_FROM_FLAG, "x"}, NULL);
        if ((code == 0) != cases[i].good) {
            fail_msg("%s = '%s'", option_row(cases[i].id)->id, cases[i].text);
        }
        options_free(options);
    }
}

/* ---- flags and variables ---- */

TEST(options_name_the_nearest_flag)
{
    refused_flag("--prot", "there is no option --prot; the nearest is --port");
    refused_flag("--dbPaht=x", "there is no option --dbPaht; the nearest is --dbpath");
    refused_flag("--bindip", "there is no option --bindip; the nearest is --bind_ip");
}

TEST(options_pass_known_flags_their_values_and_abbreviations)
{
    char *argv[] = {"x",         "--port", "1",      "--quiet", "--logpath", "--odd", "--dbp=x",
                    "--verbose", "-f",     "--file", "-v",      "--help",    "--",    "--what"};
    struct err err = {0};
    assert_int_equal(options_check_flags(14, argv, &err), 0);
}

TEST(options_read_the_environment)
{
    struct options *options = options_new();
    char *variables[] = {"LARGETABLE_NET_PORT=5",
                         "LARGETABLE_WORKERS=3",
                         "LARGETABLE_SETPARAMETER=ttlMonitorSleepSecs=1",
                         "LARGETABLE_PORT=tcp://10.0.0.1:27017",
                         "LARGETABLE_PORT_27017_TCP_ADDR=10.0.0.1",
                         "LARGETABLE_SERVICE_HOST=10.0.0.1",
                         "LARGETABLE_CONFORMANCE=/vectors",
                         NULL};
    struct err err = {0};
    assert_int_equal(options_read_environment(options, variables, &err), 0);
    assert_int_equal(options_int(options, OPTION_NET_PORT), 5);
    assert_int_equal(options_int(options, OPTION_WORKERS), 3);
    assert_int_equal(options_list_count(options), 1);
    options_free(options);
}

TEST(options_refuse_wrong_variables)
{
    refused_variable("LARGETABLE_NET_PROT=5", "LARGETABLE_NET_PROT: there is no such option; the "
                                              "nearest is LARGETABLE_NET_PORT");
    refused_variable("LARGETABLE_NET_PORT=x", "LARGETABLE_NET_PORT: net.port must be a whole "
                                              "number from 0 to 65535, not 'x'");
}
