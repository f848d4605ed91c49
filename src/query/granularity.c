/* query/granularity.c - the series as their digits; the finer E series by their formula. */
#include "query/granularity.h"

#include <math.h>

struct query__granularity {
    const char *name;
    uint16_t count;         /* numbers in a decade; 0: the powers of two */
    uint16_t scale;         /* digits after the point of a number in [1, 10) */
    const uint16_t *digits; /* NULL: round(10^(i / count)) */
};

static const uint16_t series_r5[] = {10, 16, 25, 40, 63};
static const uint16_t series_r10[] = {100, 125, 160, 200, 250, 315, 400, 500, 630, 800};
static const uint16_t series_r20[] = {100, 112, 125, 140, 160, 180, 200, 224, 250, 280,
                                      315, 355, 400, 450, 500, 560, 630, 710, 800, 900};
static const uint16_t series_r40[] = {100, 106, 112, 118, 125, 132, 140, 150, 160, 170,
                                      180, 190, 200, 212, 224, 236, 250, 265, 280, 300,
                                      315, 335, 355, 375, 400, 425, 450, 475, 500, 530,
                                      560, 600, 630, 670, 710, 750, 800, 850, 900, 950};
static const uint16_t series_r80[] = {
    103, 109, 115, 122, 128, 136, 145, 155, 165, 175, 185, 195, 206, 218,
    230, 243, 258, 272, 290, 307, 325, 345, 365, 387, 412, 437, 462, 487,
    515, 545, 580, 615, 650, 690, 730, 775, 825, 875, 925, 975, /* and those of R40 */
};
static const uint16_t series_125[] = {10, 20, 50};
static const uint16_t series_e6[] = {10, 15, 22, 33, 47, 68};
static const uint16_t series_e12[] = {10, 12, 15, 18, 22, 27, 33, 39, 47, 56, 68, 82};
static const uint16_t series_e24[] = {10, 11, 12, 13, 15, 16, 18, 20, 22, 24, 27, 30,
                                      33, 36, 39, 43, 47, 51, 56, 62, 68, 75, 82, 91};

static const struct query__granularity series_all[] = {
    {"R5", 5, 1, series_r5},    {"R10", 10, 2, series_r10}, {"R20", 20, 2, series_r20},
    {"R40", 40, 2, series_r40}, {"R80", 80, 2, series_r80}, {"1-2-5", 3, 1, series_125},
    {"E6", 6, 1, series_e6},    {"E12", 12, 1, series_e12}, {"E24", 24, 1, series_e24},
    {"E48", 48, 2, NULL},       {"E96", 96, 2, NULL},       {"E192", 192, 2, NULL},
    {"POWERSOF2", 0, 0, NULL},
};

const struct query__granularity *query__granularity_find(struct slice name)
{
    for (size_t i = 0; i < sizeof series_all / sizeof series_all[0]; i++) {
        if (slice_is(name, series_all[i].name)) {
            return &series_all[i];
        }
    }
    return NULL;
}

static double series_digits(const struct query__granularity *series, unsigned index)
{
    if (series->digits == series_r80) {
        return index % 2 == 0 ? series_r40[index / 2] : series_r80[index / 2];
    }
    if (series->digits != NULL) {
        return series->digits[index];
    }
    double digits = round(100 * pow(10, (double)index / series->count));
    return digits == 919 ? 920 : digits; /* the one exception in the standard */
}

/* Number `index` of the decade that begins at 10^exponent, rounded once. */
static double series_number(const struct query__granularity *series, unsigned index, int exponent)
{
    int power = exponent - series->scale;
    double digits = series_digits(series, index);
    return power < 0 ? digits / pow(10, -power) : digits * pow(10, power);
}

double query__granularity_up(const struct query__granularity *series, double number)
{
    if (number == 0 || !isfinite(number)) {
        return number;
    }
    if (series->count == 0) {
        return exp2(floor(log2(number)) + 1);
    }
    for (int exponent = (int)floor(log10(number)) - 1;; exponent++) {
        for (unsigned i = 0; i < series->count; i++) {
            double candidate = series_number(series, i, exponent);
            if (candidate > number) {
                return candidate;
            }
        }
    }
}

double query__granularity_down(const struct query__granularity *series, double number)
{
    if (number == 0 || !isfinite(number)) {
        return number;
    }
    if (series->count == 0) {
        double below = exp2(floor(log2(number)));
        return below == number ? below / 2 : below;
    }
    for (int exponent = (int)floor(log10(number)) + 1; exponent > -400; exponent--) {
        for (unsigned i = series->count; i > 0; i--) {
            double candidate = series_number(series, i - 1, exponent);
            if (candidate < number) {
                return candidate;
            }
        }
    }
    return 0;
}

struct doc_value query__granularity_value(const struct query__granularity *series, double number,
                                          struct arena *arena)
{
    bool whole = series->count == 0 && number >= 1 && number < 0x1p63;
    return whole ? doc_value_integer(arena, (int64_t)number) : doc_value_double(arena, number);
}
