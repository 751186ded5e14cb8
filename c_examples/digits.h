/* The UCI digits of data/digits as float images and int32 labels: read from the CSV file, split, and shuffled.
 *
 * Every fifth digit is held out. The file is ordered by writer, so both parts have all writers in the same proportion.
 *
 * The file is looked for at the path in the environment variable TENON_DATA, else at the path that TENON_DATA was defined as when the
 * program was compiled, else at data/digits/digits.csv below the working directory. */
#ifndef DIGITS_H
#define DIGITS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef TENON_DATA
#define TENON_DATA "data/digits/digits.csv"
#endif

enum { DIGITS_COUNT = 1797, DIGITS_TEST = (DIGITS_COUNT + 4) / 5, DIGITS_TRAIN = DIGITS_COUNT - DIGITS_TEST, DIGITS_PIXELS = 64 };

/* Images are rows of 64 pixels between 0 and 1. The test data stand behind the training data in the same memory: digits_free frees both. */
struct digits {
    size_t train_count, test_count;
    float *train_images;
    int32_t *train_labels;
    float *test_images;
    int32_t *test_labels;
};

/* Puts the rows in an order that follows from the seed alone, the same on every machine: Fisher and Yates, with SplitMix64 as the source. */
static inline void digits_shuffle_rows(float *images, int32_t *labels, size_t count, uint64_t seed)
{
    size_t left, pixel;
    for (left = count; left > 1; left--) {
        uint64_t bits = (seed += UINT64_C(0x9e3779b97f4a7c15));
        size_t other;
        int32_t label;
        bits = (bits ^ (bits >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        bits = (bits ^ (bits >> 27)) * UINT64_C(0x94d049bb133111eb);
        other = (size_t)((bits ^ (bits >> 31)) % left);
        for (pixel = 0; pixel < DIGITS_PIXELS; pixel++) {
            float value = images[(left - 1) * DIGITS_PIXELS + pixel];
            images[(left - 1) * DIGITS_PIXELS + pixel] = images[other * DIGITS_PIXELS + pixel];
            images[other * DIGITS_PIXELS + pixel] = value;
        }
        label = labels[left - 1];
        labels[left - 1] = labels[other];
        labels[other] = label;
    }
}

/* A new order for the training data, for example before each epoch. The test data stay as they are. */
static inline void digits_shuffle(struct digits *digits, uint64_t seed)
{
    digits_shuffle_rows(digits->train_images, digits->train_labels, digits->train_count, seed);
}

/* The whole set, always split and ordered in the same way: 1437 digits to train with, 360 held out. Ends the program with a message if the
 * file cannot be had. */
static inline struct digits digits_load(void)
{
    struct digits digits;
    const char *path = getenv("TENON_DATA") != NULL ? getenv("TENON_DATA") : TENON_DATA;
    float *images = malloc(sizeof *images * DIGITS_COUNT * DIGITS_PIXELS);
    int32_t *labels = malloc(sizeof *labels * DIGITS_COUNT);
    FILE *file = fopen(path, "r");
    size_t row, column;

    if (file == NULL) {
        fprintf(stderr, "digits: cannot open %s; run this from the top of the source tree, or set TENON_DATA to the path of digits.csv\n",
                path);
        exit(1);
    }
    if (images == NULL || labels == NULL) {
        fprintf(stderr, "digits: out of memory\n");
        exit(1);
    }
    for (row = 0; row < DIGITS_COUNT; row++) {
        size_t place = row % 5 == 0 ? DIGITS_TRAIN + row / 5 : row - row / 5 - 1;
        for (column = 0; column <= DIGITS_PIXELS; column++) {
            int number, largest = column < DIGITS_PIXELS ? 16 : 9;
            if (fscanf(file, column == 0 ? "%d" : ",%d", &number) != 1 || number < 0 || number > largest) {
                fprintf(stderr, "digits: %s, line %u: number %u is missing or not between 0 and %d\n", path, (unsigned)row + 1,
                        (unsigned)column + 1, largest);
                exit(1);
            }
            if (column < DIGITS_PIXELS)
                images[place * DIGITS_PIXELS + column] = (float)number / 16.0f;
            else
                labels[place] = number;
        }
    }
    fclose(file);

    digits.train_count = DIGITS_TRAIN;
    digits.test_count = DIGITS_TEST;
    digits.train_images = images;
    digits.train_labels = labels;
    digits.test_images = images + (size_t)DIGITS_TRAIN * DIGITS_PIXELS;
    digits.test_labels = labels + DIGITS_TRAIN;
    digits_shuffle(&digits, 0);
    return digits;
}

static inline void digits_free(struct digits *digits)
{
    free(digits->train_images);
    free(digits->train_labels);
}

#endif
