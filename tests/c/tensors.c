/* Contexts and tensors through the public header alone: what is written is read, what is freed is refused, what fails has a text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tenon.h>

#define CHECK(condition)                                                             \
    do {                                                                             \
        if (!(condition)) {                                                          \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);          \
            exit(1);                                                                 \
        }                                                                            \
    } while (0)

_Static_assert(sizeof(TenonError) == 1024, "the layout of TenonError is part of the ABI");
_Static_assert(sizeof(TenonTensor) == 8, "handles are 64 bits");
_Static_assert(sizeof(TenonStatus) == 4, "statuses are int32_t");

static void statuses(void)
{
    CHECK(strcmp(tenon_status_name(TENON_SHAPE_MISMATCH), "TENON_SHAPE_MISMATCH") == 0);
    CHECK(strcmp(tenon_status_name(12345), "unknown status") == 0);
    CHECK(tenon_version() > 0);
    char text[32];
    unsigned version = tenon_version();
    snprintf(text, sizeof text, "%u.%u.%u", version >> 24, version >> 12 & 0xfff, version & 0xfff);
    CHECK(strcmp(text, tenon_version_string()) == 0);
    CHECK(tenon_dtype_size(TENON_BF16) == 2);
    CHECK(tenon_dtype_name(77) == NULL);
}

static void values(TenonContext context)
{
    TenonError error;
    memset(&error, 0xA5, sizeof error);
    TenonTensor tensor;
    float written[6] = {1, 2, 3, 4, 5, 6}, read[6];
    CHECK(tenon_tensor_new(context, TENON_F32, (int64_t[]){2, 3}, 2, &tensor, &error) == TENON_OK);
    CHECK(error.status == TENON_OK && error.message[0] == 0);
    CHECK(tenon_tensor_read(tensor, read, sizeof read, &error) == TENON_OK && read[5] == 0);
    CHECK(tenon_tensor_write(tensor, written, sizeof written, &error) == TENON_OK);
    CHECK(tenon_tensor_read(tensor, read, sizeof read, NULL) == TENON_OK);
    CHECK(memcmp(written, read, sizeof read) == 0);

    int64_t shape[TENON_MAX_RANK];
    size_t rank = 0, size = 0;
    TenonDType dtype = 0;
    CHECK(tenon_tensor_shape(tensor, NULL, 0, &rank, &error) == TENON_OK && rank == 2);
    CHECK(tenon_tensor_shape(tensor, shape, TENON_MAX_RANK, &rank, &error) == TENON_OK && shape[0] == 2 && shape[1] == 3);
    CHECK(tenon_tensor_dtype(tensor, &dtype, &error) == TENON_OK && dtype == TENON_F32);
    CHECK(tenon_tensor_size(tensor, &size, &error) == TENON_OK && size == sizeof written);
    CHECK(tenon_tensor_context(tensor).id == context.id);

    memset(read, 0, sizeof read);
    CHECK(tenon_tensor_read(tensor, read, sizeof read - 1, &error) == TENON_INVALID_ARGUMENT);
    CHECK(error.status == TENON_INVALID_ARGUMENT && strstr(error.message, "23 bytes") != NULL && read[0] == 0);
    double number = 7;
    CHECK(tenon_tensor_item(tensor, &number, &error) == TENON_INVALID_ARGUMENT && number == 7);

    TenonTensor copy, retained;
    CHECK(tenon_tensor_duplicate(tensor, &copy, &error) == TENON_OK);
    CHECK(tenon_tensor_retain(tensor, &retained, &error) == TENON_OK);
    written[0] = 10;
    CHECK(tenon_tensor_write(tensor, written, sizeof written, &error) == TENON_OK);
    CHECK(tenon_tensor_free(tensor) == TENON_OK);
    CHECK(tenon_tensor_read(tensor, read, sizeof read, &error) == TENON_INVALID_HANDLE);
    CHECK(strstr(error.message, "stale") != NULL);
    CHECK(tenon_tensor_read(retained, read, sizeof read, &error) == TENON_OK && read[0] == 10);
    CHECK(tenon_tensor_read(copy, read, sizeof read, &error) == TENON_OK && read[0] == 1);
    CHECK(tenon_tensor_free(tensor) == TENON_INVALID_HANDLE);
    CHECK(tenon_tensor_free((TenonTensor){0}) == TENON_OK);
    /* copy and retained are left to the context. */
}

static void refusals(TenonContext context)
{
    TenonError error;
    TenonTensor tensor = {77};
    CHECK(tenon_tensor_new(context, 99, NULL, 0, &tensor, &error) == TENON_INVALID_ARGUMENT);
    CHECK(strstr(error.message, "99 is not a dtype") != NULL);
    CHECK(tenon_tensor_new(context, TENON_F32, (int64_t[]){2, -3}, 2, &tensor, &error) == TENON_SHAPE_MISMATCH);
    CHECK(tenon_tensor_new(context, TENON_F32, (int64_t[]){INT64_MAX, 2}, 2, &tensor, &error) == TENON_SHAPE_MISMATCH);
    CHECK(tenon_tensor_new(context, TENON_F32, (int64_t[]){INT64_C(1) << 59}, 1, &tensor, &error) == TENON_OUT_OF_MEMORY);
    CHECK(tenon_tensor_new(context, TENON_F32, NULL, 3, &tensor, &error) == TENON_INVALID_ARGUMENT);
    CHECK(tenon_tensor_new(context, TENON_F32, NULL, 0, NULL, &error) == TENON_INVALID_ARGUMENT);
    CHECK(tensor.id == 77);
    TenonTensor confused = {context.id};
    CHECK(tenon_tensor_free(confused) == TENON_INVALID_HANDLE);
    size_t rank;
    CHECK(tenon_tensor_shape(confused, NULL, 0, &rank, &error) == TENON_INVALID_HANDLE);
    CHECK(strcmp(error.message, "a context handle was passed where a tensor handle is expected") == 0);
}

int main(void)
{
    statuses();
    TenonContextOptions options;
    CHECK(tenon_context_options_init(&options, sizeof options) == TENON_OK);
    CHECK(options.struct_size == sizeof options);
    options.seed = 7;
    TenonContext context, other;
    CHECK(tenon_context_new(&options, &context, NULL) == TENON_OK);
    CHECK(tenon_context_new(&(TenonContextOptions){.struct_size = sizeof(TenonContextOptions)}, &other, NULL) == TENON_OK);
    values(context);
    refusals(context);
    TenonTensor mine, others;
    CHECK(tenon_tensor_from_scalar(context, TENON_I32, 5, &mine, NULL) == TENON_OK);
    CHECK(tenon_tensor_from_scalar(other, TENON_F16, 0.5, &others, NULL) == TENON_OK);
    CHECK(tenon_context_free(context) == TENON_OK);
    double value = 0;
    CHECK(tenon_tensor_item(mine, &value, NULL) == TENON_INVALID_HANDLE);
    CHECK(tenon_tensor_item(others, &value, NULL) == TENON_OK && value == 0.5);
    CHECK(tenon_context_free(context) == TENON_INVALID_HANDLE);
    CHECK(tenon_context_free(other) == TENON_OK);
    return 0;
}
