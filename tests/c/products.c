/* What takes an equation, lists of values, and parameters in a graph: einsum, clipping, assignments that add. */
#include "check.h"

static TenonContext context;

static TenonGraph new_graph(void)
{
    TenonGraph graph;
    OK(tenon_graph_new(context, &graph, &error));
    return graph;
}

/* The elements of one value of f32. Ends and frees its graph. */
static void read_value(TenonValue value, float *elements, size_t count)
{
    TenonGraph graph = tenon_value_graph(value);
    TenonTensor tensor;
    OK(tenon_graph_eval(graph, &value, 1, &tensor, &error));
    OK(tenon_tensor_read(tensor, elements, count * sizeof *elements, &error));
    OK(tenon_tensor_free(tensor));
    OK(tenon_graph_free(graph));
}

static TenonValue counted(TenonGraph graph, int64_t rows, int64_t columns)
{
    TenonValue numbers = tenon_arange(graph, TENON_F32, 0, (double)(rows * columns), 1);
    return tenon_reshape(numbers, (int64_t[]){rows, columns}, 2);
}

static void equations(void)
{
    float got[4];
    TenonGraph graph = new_graph();
    TenonValue operands[2] = {counted(graph, 2, 3), counted(graph, 3, 2)};
    read_value(tenon_einsum("ij,jk->ki", operands, 2), got, 4);
    /* [[0, 1, 2], [3, 4, 5]] [[0, 1], [2, 3], [4, 5]], transposed */
    CHECK(got[0] == 10 && got[1] == 28 && got[2] == 13 && got[3] == 40);

    TenonTensor none = {0};
    graph = new_graph();
    TenonValue odd[2] = {counted(graph, 2, 3), counted(graph, 2, 3)};
    TenonValue refused = tenon_einsum("ij,jk->ik", odd, 2);
    REFUSED(tenon_graph_eval(graph, &refused, 1, &none, &error), TENON_SHAPE_MISMATCH, "'j' is 3 in operand 1, which is [2, 3], and 2 in");
    OK(tenon_graph_free(graph));
    graph = new_graph();
    TenonValue one = counted(graph, 2, 2);
    refused = tenon_einsum(NULL, &one, 1);
    REFUSED(tenon_graph_eval(graph, &refused, 1, &none, &error), TENON_INVALID_ARGUMENT, "equation is NULL");
    OK(tenon_graph_free(graph));
}

static void clipping(void)
{
    float got[3];
    TenonGraph graph = new_graph();
    TenonValue gradients[2] = {tenon_full(graph, TENON_F32, (int64_t[]){2}, 1, 2), tenon_scalar(graph, TENON_F32, 1)}, clipped[2];
    CHECK(tenon_value_is_valid(tenon_all_finite(gradients, 2)));
    tenon_clip_by_global_norm(gradients, 2, 1.5, clipped, 2); /* their norm is 3 */
    read_value(clipped[0], got, 2);
    CHECK(near(got[0], 1) && near(got[1], 1));

    TenonTensor none = {0};
    graph = new_graph();
    TenonValue whole = tenon_integer(graph, TENON_I64, 3);
    tenon_clip_by_norm(&whole, 1, 1, 2, clipped, 1);
    REFUSED(tenon_graph_eval(graph, clipped, 1, &none, &error), TENON_DTYPE_MISMATCH, "clip_by_norm: of floats, not i64");
    OK(tenon_graph_free(graph));
}

static void assignments(void)
{
    TenonParameter total;
    TenonTensor tensor = tensor_f32(context, (float[]){1, 2}, (int64_t[]){2}, 1);
    OK(tenon_parameter_from_tensor(context, "total", tensor, &total, &error));
    OK(tenon_tensor_free(tensor));
    float got[2];
    TenonGraph graph = new_graph();
    TenonValue more = tenon_parameter_assign_add(total, tenon_scalar(graph, TENON_F32, 4));
    more = tenon_parameter_assign_sub(total, tenon_mul(more, tenon_scalar(graph, TENON_F32, 0.5)));
    read_value(more, got, 2);
    CHECK(got[0] == 2.5f && got[1] == 3);
    /* The parameter holds it now. */
    OK(tenon_parameter_value(total, &tensor, &error));
    OK(tenon_tensor_read(tensor, got, sizeof got, &error));
    CHECK(got[0] == 2.5f && got[1] == 3);
    OK(tenon_tensor_free(tensor));
    OK(tenon_parameter_free(total));
}

int main(void)
{
    OK(tenon_context_new(NULL, &context, &error));
    equations();
    clipping();
    assignments();
    OK(tenon_context_free(context));
    return 0;
}
