/* What the programs of this folder share: checks that name the line and what the library said. */
#ifndef CHECK_H
#define CHECK_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tenon.h>

static TenonError error;

#define CHECK(condition)                                                                        \
    do {                                                                                        \
        if (!(condition)) {                                                                     \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                     \
            exit(1);                                                                            \
        }                                                                                       \
    } while (0)

/* The call succeeds. */
#define OK(call)                                                                                \
    do {                                                                                        \
        memset(&error, 0xA5, sizeof error);                                                     \
        if ((call) != TENON_OK) {                                                               \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, error.message);       \
            exit(1);                                                                            \
        }                                                                                       \
    } while (0)

/* The call is refused with this status and a text that has these words. */
#define REFUSED(call, expected, words)                                                          \
    do {                                                                                        \
        TenonStatus status_ = (call);                                                           \
        if (status_ != (expected) || error.status != (expected) || strstr(error.message, words) == NULL) { \
            fprintf(stderr, "%s:%d: %s: %s: %s\n", __FILE__, __LINE__, #call, tenon_status_name(status_), error.message); \
            exit(1);                                                                            \
        }                                                                                       \
    } while (0)

static inline TenonTensor tensor_f32(TenonContext context, const float *values, const int64_t *shape, size_t rank)
{
    TenonTensor tensor;
    size_t size;
    OK(tenon_tensor_new(context, TENON_F32, shape, rank, &tensor, &error));
    OK(tenon_tensor_size(tensor, &size, &error));
    OK(tenon_tensor_write(tensor, values, size, &error));
    return tensor;
}

static inline double item(TenonTensor tensor)
{
    double value;
    OK(tenon_tensor_item(tensor, &value, &error));
    return value;
}

static inline int near(double a, double b)
{
    return fabs(a - b) <= 1e-5 * (1 + fabs(b));
}

#endif
