/* test/conformance/report.c - counting. */
#include "conformance/report.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

struct report_area {
    int counts[CONF_SKIP + 1];
    int order_differs;
    int drop_failed;
};

static int report_judged(const struct report_area *area)
{
    return area->counts[CONF_PASS] + area->counts[CONF_FAIL] + area->counts[CONF_ERROR];
}

static void report_count(const struct conf_report *report, struct report_area *areas)
{
    for (size_t i = 0; i < conf_vectors_count(report->vectors); i++) {
        struct report_area *area = &areas[conf_vectors_at(report->vectors, i)->area];
        area->counts[report->results[i].status]++;
        area->order_differs += report->results[i].order_differs;
        area->drop_failed += report->results[i].drop_failed;
    }
}

static void report_line(const char *name, const struct report_area *area)
{
    int judged = report_judged(area);
    printf("%-16s %6d / %6d  %5.1f %%  fail %5d  error %4d  skip %4d  field order %4d\n", name,
           area->counts[CONF_PASS], judged,
           judged > 0 ? 100.0 * area->counts[CONF_PASS] / judged : 0.0, area->counts[CONF_FAIL],
           area->counts[CONF_ERROR], area->counts[CONF_SKIP], area->order_differs);
}

static int report_order_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct report_cause {
    const char *text;
    int count;
};

static int report_order_count(const void *a, const void *b)
{
    return ((const struct report_cause *)b)->count - ((const struct report_cause *)a)->count;
}

static void report_causes(const struct conf_report *report, int causes_max)
{
    size_t count = conf_vectors_count(report->vectors);
    const char **texts = mem_zero(count + 1, sizeof *texts);
    struct report_cause *causes = mem_zero(count + 1, sizeof *causes);
    size_t texts_count = 0;
    size_t causes_count = 0;
    for (size_t i = 0; i < count; i++) {
        enum conf_status status = report->results[i].status;
        if (status == CONF_FAIL || status == CONF_ERROR) {
            texts[texts_count++] = report->results[i].cause;
        }
    }
    qsort(texts, texts_count, sizeof *texts, report_order_text);
    for (size_t i = 0; i < texts_count; i++) {
        if (causes_count == 0 || strcmp(causes[causes_count - 1].text, texts[i]) != 0) {
            causes[causes_count++].text = texts[i];
        }
        causes[causes_count - 1].count++;
    }
    qsort(causes, causes_count, sizeof *causes, report_order_count);
    for (size_t i = 0; i < causes_count && i < (size_t)causes_max; i++) {
        printf("%6d  %s\n", causes[i].count, causes[i].text);
    }
    mem_free(causes);
    mem_free(texts);
}

void conf_report_print(const struct conf_report *report, int causes_max)
{
    struct report_area areas[CONF_AREAS_MAX] = {0};
    struct report_area total = {0};
    report_count(report, areas);
    for (int i = 0; i < report->vectors->areas_count; i++) {
        report_line(report->vectors->areas[i], &areas[i]);
        for (int status = 0; status <= CONF_SKIP; status++) {
            total.counts[status] += areas[i].counts[status];
        }
        total.order_differs += areas[i].order_differs;
        total.drop_failed += areas[i].drop_failed;
    }
    report_line("total", &total);
    if (total.drop_failed > 0) {
        printf("dropDatabase failed before %d cases: what is left over may fail them\n",
               total.drop_failed);
    }
    report_causes(report, causes_max);
}

bool conf_report_failures(const struct conf_report *report, const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        fprintf(stderr, "conformance: cannot write %s\n", path);
        return false;
    }
    for (size_t i = 0; i < conf_vectors_count(report->vectors); i++) {
        enum conf_status status = report->results[i].status;
        if (status == CONF_FAIL || status == CONF_ERROR) {
            fprintf(file, "%.*s\t%s\n", SLICE_FMT(conf_vectors_at(report->vectors, i)->id),
                    report->results[i].cause);
        }
    }
    return fclose(file) == 0;
}

/* ---- ratchet ---- */

struct report_mark {
    char area[CONF_AREA_NAME_MAX];
    int passed;
    int total;
};

struct report_marks {
    struct report_mark marks[2 * CONF_AREAS_MAX];
    int count;
};

static void report_read_marks(struct report_marks *marks, const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return;
    }
    struct report_mark mark;
    while (marks->count < CONF_AREAS_MAX &&
           fscanf(file, "%63s %d %d", mark.area, &mark.passed, &mark.total) == 3) {
        marks->marks[marks->count++] = mark;
    }
    fclose(file);
}

static struct report_mark *report_find_mark(struct report_marks *marks, const char *area)
{
    for (int i = 0; i < marks->count; i++) {
        if (strcmp(marks->marks[i].area, area) == 0) {
            return &marks->marks[i];
        }
    }
    return NULL;
}

static bool report_write_marks(const struct report_marks *marks, const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        fprintf(stderr, "conformance: cannot write %s\n", path);
        return false;
    }
    for (int i = 0; i < marks->count; i++) {
        const struct report_mark *mark = &marks->marks[i];
        fprintf(file, "%s %d %d\n", mark->area, mark->passed, mark->total);
    }
    return fclose(file) == 0;
}

static void report_set_mark(struct report_marks *marks, const char *area,
                            const struct report_area *counts)
{
    struct report_mark *mark = report_find_mark(marks, area);
    if (mark == NULL) {
        mark = &marks->marks[marks->count++];
        snprintf(mark->area, sizeof mark->area, "%s", area);
    }
    mark->passed = counts->counts[CONF_PASS];
    mark->total = report_judged(counts);
}

bool conf_report_ratchet(const struct conf_report *report, const char *path, bool update)
{
    struct report_area areas[CONF_AREAS_MAX] = {0};
    struct report_marks marks = {.count = 0};
    bool fine = true;
    report_count(report, areas);
    report_read_marks(&marks, path);
    for (int i = 0; i < report->vectors->areas_count; i++) {
        const char *area = report->vectors->areas[i];
        const struct report_mark *mark = report_find_mark(&marks, area);
        int passed = areas[i].counts[CONF_PASS];
        if (update) {
            report_set_mark(&marks, area, &areas[i]);
        } else if (mark != NULL && passed < mark->passed) {
            printf("RATCHET: %s passes %d, it passed %d before\n", area, passed, mark->passed);
            fine = false;
        } else if (mark != NULL && passed > mark->passed) {
            printf("ratchet: %s gained %d, record it by --update-ratchet\n", area,
                   passed - mark->passed);
        }
    }
    return update ? report_write_marks(&marks, path) : fine;
}
