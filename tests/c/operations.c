/* Which operations there are, as the library lists them. */
#include <stdint.h>

#include "check.h"

static TenonOperation find(const char *name)
{
    TenonOperation operation;
    OK(tenon_operation_find(name, &operation, sizeof operation, &error));
    CHECK(strcmp(operation.name, name) == 0 && operation.struct_size == sizeof operation);
    return operation;
}

static void rows(void)
{
    size_t count = tenon_operation_count(), any = 0, flat = 0;
    CHECK(count >= 80);
    for (size_t i = 0; i < count; i++) {
        TenonOperation operation, again;
        OK(tenon_operation_at(i, &operation, sizeof operation, &error));
        CHECK(operation.name[0] != 0 && operation.meaning[0] != 0 && operation.dtypes != 0);
        CHECK(operation.least_operands <= operation.most_operands);
        CHECK(operation.order == TENON_ANY_ORDER || operation.order == 1 || operation.order == 0 || operation.order == -1);
        CHECK((operation.order == TENON_ANY_ORDER) == (operation.reason[0] == 0));
        OK(tenon_operation_find(operation.name, &again, sizeof again, &error));
        CHECK(memcmp(&operation, &again, sizeof operation) == 0);
        any += operation.order == TENON_ANY_ORDER;
        flat += operation.order == 0;
    }
    CHECK(any > flat && flat > 0);
}

static void facts(void)
{
    TenonOperation add = find("add"), floor = find("floor"), concat = find("concat"), linear = find("linear");
    const uint32_t bools = 1u << TENON_BOOL, floats = 1u << TENON_F64 | 1u << TENON_F32 | 1u << TENON_F16 | 1u << TENON_BF16;
    CHECK(add.least_operands == 2 && add.most_operands == 2 && add.order == TENON_ANY_ORDER && add.shapes[0] == 0);
    CHECK((add.dtypes & floats) == floats && (add.dtypes & bools) == 0 && (add.dtypes & 1u << TENON_I64) != 0);
    CHECK(strcmp(add.torch, "torch.add") == 0 && strcmp(add.mindspore, "mindspore.ops.add") == 0);
    CHECK(floor.order == 0 && strstr(floor.reason, "constant") != NULL && floor.dtypes == floats);
    CHECK(concat.most_operands == SIZE_MAX && strcmp(concat.torch, "torch.cat") == 0 && concat.shapes[0] != 0);
    CHECK(linear.least_operands == 2 && linear.most_operands == 3);
}

static void refusals(void)
{
    TenonOperation operation = {0};
    REFUSED(tenon_operation_find("transmogrify", &operation, sizeof operation, &error), TENON_NOT_FOUND, "transmogrify");
    REFUSED(tenon_operation_at(tenon_operation_count(), &operation, sizeof operation, &error), TENON_INVALID_ARGUMENT, "there are");
    REFUSED(tenon_operation_at(0, NULL, sizeof operation, &error), TENON_INVALID_ARGUMENT, "operation is NULL");
    REFUSED(tenon_operation_at(0, &operation, 3, &error), TENON_INVALID_ARGUMENT, "sizeof");
    CHECK(operation.name == NULL);
}

/* A host of an older header has less room, one of a newer header more. */
static void versions(void)
{
    struct {
        size_t struct_size;
        const char *name, *after;
    } old = {0, NULL, "untouched"};
    OK(tenon_operation_find("exp", (TenonOperation *)&old, 2 * sizeof(size_t), &error));
    CHECK(old.struct_size == 2 * sizeof(size_t) && strcmp(old.name, "exp") == 0 && strcmp(old.after, "untouched") == 0);
    struct {
        TenonOperation known;
        uint64_t more[2];
    } newer;
    memset(&newer, 0xA5, sizeof newer);
    OK(tenon_operation_find("exp", &newer.known, sizeof newer, &error));
    CHECK(newer.known.struct_size == sizeof(TenonOperation) && newer.more[0] == 0 && newer.more[1] == 0);
}

int main(void)
{
    rows();
    facts();
    refusals();
    versions();
    return 0;
}
