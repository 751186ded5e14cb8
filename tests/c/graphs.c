/* Graphs of the host's own: operations and their values, errors that stick, values and graphs that are gone. */
#include "check.h"

static TenonContext context;

static TenonGraph new_graph(void)
{
    TenonGraph graph;
    OK(tenon_graph_new(context, &graph, &error));
    return graph;
}

/* Evaluates one value of floats and compares. Frees the graph. */
static void expect(int line, TenonValue value, const double *wanted, size_t count)
{
    TenonGraph graph = tenon_value_graph(value);
    TenonTensor tensor, wide;
    double got[64];
    size_t size;
    memset(&error, 0, sizeof error);
    if (tenon_graph_eval(graph, &value, 1, &tensor, &error) != TENON_OK) {
        fprintf(stderr, "line %d: %s\n", line, error.message);
        exit(1);
    }
    OK(tenon_graph_free(graph));
    graph = new_graph();
    value = tenon_cast(tenon_constant(graph, tensor), TENON_F64);
    OK(tenon_graph_eval(graph, &value, 1, &wide, &error));
    OK(tenon_tensor_size(wide, &size, &error));
    CHECK(size == count * sizeof(double));
    OK(tenon_tensor_read(wide, got, size, &error));
    for (size_t i = 0; i < count; i++) {
        int both_nan = isnan(got[i]) && isnan(wanted[i]);
        if (!both_nan && !near(got[i], wanted[i])) {
            fprintf(stderr, "line %d: element %zu is %g, not %g\n", line, i, got[i], wanted[i]);
            exit(1);
        }
    }
    OK(tenon_graph_free(graph));
    OK(tenon_tensor_free(tensor));
    OK(tenon_tensor_free(wide));
}

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define EXPECT(value, ...)                                                          \
    do {                                                                            \
        const double wanted_[] = {__VA_ARGS__};                                     \
        expect(__LINE__, value, wanted_, COUNT(wanted_));                           \
    } while (0)

static TenonValue vector(size_t count, const float *values)
{
    int64_t shape = (int64_t)count;
    TenonTensor tensor = tensor_f32(context, values, &shape, 1);
    TenonValue value = tenon_constant(new_graph(), tensor);
    OK(tenon_tensor_free(tensor)); /* the graph keeps it */
    return value;
}
#define VECTOR(...) vector(COUNT(((const float[]){__VA_ARGS__})), (const float[]){__VA_ARGS__})

static TenonValue matrix(void) /* [[0, 1, 2], [3, 4, 5]] */
{
    return tenon_reshape(tenon_iota(new_graph(), TENON_F32, (int64_t[]){6}, 1, 0), (int64_t[]){2, -1}, 2);
}

static TenonValue number(TenonValue of, double value)
{
    return tenon_scalar(tenon_value_graph(of), TENON_F32, value);
}

static void elementwise(void)
{
    EXPECT(tenon_neg(VECTOR(1, -2)), -1, 2);
    EXPECT(tenon_abs(VECTOR(1, -2)), 1, 2);
    EXPECT(tenon_sign(VECTOR(1, -2, 0)), 1, -1, 0);
    EXPECT(tenon_exp(VECTOR(0, 1)), 1, 2.718281828);
    EXPECT(tenon_expm1(VECTOR(0, 1)), 0, 1.718281828);
    EXPECT(tenon_log(VECTOR(1, 2)), 0, 0.6931471806);
    EXPECT(tenon_log1p(VECTOR(0, 1)), 0, 0.6931471806);
    EXPECT(tenon_sqrt(VECTOR(4, 9)), 2, 3);
    EXPECT(tenon_rsqrt(VECTOR(4, 16)), 0.5, 0.25);
    EXPECT(tenon_reciprocal(VECTOR(4, -2)), 0.25, -0.5);
    EXPECT(tenon_square(VECTOR(4, -2)), 16, 4);
    EXPECT(tenon_sin(VECTOR(0, 1)), 0, 0.8414709848);
    EXPECT(tenon_cos(VECTOR(0, 1)), 1, 0.5403023059);
    EXPECT(tenon_tanh(VECTOR(0, 1)), 0, 0.761594156);
    EXPECT(tenon_sigmoid(VECTOR(0, 1)), 0.5, 0.7310585786);
    EXPECT(tenon_erf(VECTOR(0, 1)), 0, 0.8427007929);
    EXPECT(tenon_floor(VECTOR(1.5f, -1.5f)), 1, -2);
    EXPECT(tenon_ceil(VECTOR(1.5f, -1.5f)), 2, -1);
    EXPECT(tenon_round(VECTOR(2.5f, -1.6f)), 2, -2);
    EXPECT(tenon_trunc(VECTOR(1.5f, -1.5f)), 1, -1);
    EXPECT(tenon_relu(VECTOR(1, -2)), 1, 0);
    EXPECT(tenon_identity(VECTOR(1)), 1);
    EXPECT(tenon_stop_gradient(VECTOR(1)), 1);
    EXPECT(tenon_is_nan(VECTOR(NAN, 1)), 1, 0);
    EXPECT(tenon_is_inf(VECTOR(INFINITY, 1)), 1, 0);
    EXPECT(tenon_is_finite(VECTOR(INFINITY, 1)), 0, 1);
    EXPECT(tenon_logical_not(tenon_is_nan(VECTOR(NAN, 1))), 0, 1);
    EXPECT(tenon_clamp(VECTOR(-3, 0.5f, 3), -1, 1), -1, 0.5, 1);
    EXPECT(tenon_add_scalar(VECTOR(1, 2), 0.5), 1.5, 2.5);
    EXPECT(tenon_mul_scalar(VECTOR(1, 2), 0.5), 0.5, 1);

    TenonValue x = VECTOR(1, 2, 4);
    EXPECT(tenon_add(x, number(x, 1)), 2, 3, 5);
    x = VECTOR(1, 2, 4);
    EXPECT(tenon_sub(number(x, 1), x), 0, -1, -3);
    x = VECTOR(1, 2, 4);
    EXPECT(tenon_mul(x, x), 1, 4, 16);
    x = VECTOR(1, 2, 4);
    EXPECT(tenon_div(number(x, 1), x), 1, 0.5, 0.25);
    x = VECTOR(1, 2, 4);
    EXPECT(tenon_pow(x, number(x, 3)), 1, 8, 64);
    x = VECTOR(7, -7);
    EXPECT(tenon_fmod(x, number(x, 4)), 3, -3);
    x = VECTOR(1, 5);
    EXPECT(tenon_maximum(x, number(x, 3)), 3, 5);
    x = VECTOR(1, 5);
    EXPECT(tenon_minimum(x, number(x, 3)), 1, 3);
    x = VECTOR(1, 3, 5);
    EXPECT(tenon_logical_and(tenon_less_equal(x, number(x, 3)), tenon_greater_equal(x, number(x, 3))), 0, 1, 0);
    x = VECTOR(1, 3, 5);
    EXPECT(tenon_logical_or(tenon_less(x, number(x, 3)), tenon_greater(x, number(x, 3))), 1, 0, 1);
    x = VECTOR(1, 3, 5);
    EXPECT(tenon_logical_xor(tenon_equal(x, number(x, 3)), tenon_not_equal(x, number(x, 3))), 1, 1, 1);
    x = VECTOR(1, 3, 5);
    EXPECT(tenon_select(tenon_less(x, number(x, 3)), x, tenon_neg(x)), 1, -3, -5);
    EXPECT(tenon_cast(VECTOR(1.9f, -1.9f), TENON_I32), 1, -1);

    EXPECT(tenon_relu6(VECTOR(-1, 3, 8)), 0, 3, 6);
    EXPECT(tenon_leaky_relu(VECTOR(-1, 3), 0.1), -0.1, 3);
    EXPECT(tenon_elu(VECTOR(-1, 3), 2), -1.264241118, 3);
    EXPECT(tenon_gelu(VECTOR(1), false), 0.8413447461);
    EXPECT(tenon_gelu(VECTOR(1), true), 0.8411919906);
    EXPECT(tenon_silu(VECTOR(1)), 0.7310585786);
    EXPECT(tenon_hard_sigmoid(VECTOR(0, 4)), 0.5, 1);
    EXPECT(tenon_hard_swish(VECTOR(1, 4)), 0.6666666667, 4);
    EXPECT(tenon_softplus(VECTOR(0, 100)), 0.6931471806, 100);
    EXPECT(tenon_log_sigmoid(VECTOR(0, -100)), -0.6931471806, -100);
}

static void shapes_and_reductions(void)
{
    EXPECT(tenon_sum(matrix(), NULL, 0, false), 15);
    EXPECT(tenon_sum(matrix(), (int64_t[]){0}, 1, false), 3, 5, 7);
    EXPECT(tenon_mean(matrix(), (int64_t[]){-1}, 1, false), 1, 4);
    EXPECT(tenon_prod(matrix(), (int64_t[]){1}, 1, false), 0, 60);
    EXPECT(tenon_max(matrix(), (int64_t[]){1, 0}, 2, false), 5);
    EXPECT(tenon_min(matrix(), (int64_t[]){1}, 1, false), 0, 3);
    EXPECT(tenon_logsumexp(tenon_mul_scalar(matrix(), 0), (int64_t[]){1}, 1, false), 1.0986122887, 1.0986122887);
    EXPECT(tenon_argmax(matrix(), 1), 2, 2);
    EXPECT(tenon_argmin(matrix(), -2), 0, 0, 0);
    TenonValue x = matrix();
    EXPECT(tenon_any(tenon_greater(x, number(x, 3)), (int64_t[]){1}, 1, false), 0, 1);
    x = matrix();
    EXPECT(tenon_all(tenon_less(x, number(x, 3)), (int64_t[]){1}, 1, false), 1, 0);

    int64_t shape[TENON_MAX_RANK];
    size_t rank;
    TenonDType dtype;
    TenonValue kept = tenon_sum(matrix(), (int64_t[]){0}, 1, true);
    OK(tenon_value_shape(kept, shape, TENON_MAX_RANK, &rank, &error));
    CHECK(rank == 2 && shape[0] == 1 && shape[1] == 3);
    OK(tenon_value_dtype(kept, &dtype, &error));
    CHECK(dtype == TENON_F32);
    OK(tenon_graph_free(tenon_value_graph(kept)));

    EXPECT(tenon_transpose(matrix(), NULL, 0), 0, 3, 1, 4, 2, 5);
    EXPECT(tenon_transpose(matrix(), (int64_t[]){-1, 0}, 2), 0, 3, 1, 4, 2, 5);
    EXPECT(tenon_swap_axes(matrix(), 0, -1), 0, 3, 1, 4, 2, 5);
    EXPECT(tenon_slice(matrix(), (int64_t[]){0, -2}, (int64_t[]){2, 100}, NULL, 2), 1, 2, 4, 5);
    EXPECT(tenon_slice(matrix(), (int64_t[]){1, 0}, (int64_t[]){2, 3}, (int64_t[]){1, 2}, 2), 3, 5);
    EXPECT(tenon_narrow(matrix(), 1, 1, 1), 1, 4);
    EXPECT(tenon_reverse(matrix(), (int64_t[]){1}, 1), 2, 1, 0, 5, 4, 3);
    EXPECT(tenon_reverse(matrix(), NULL, 0), 5, 4, 3, 2, 1, 0);
    EXPECT(tenon_flatten(matrix(), 0), 0, 1, 2, 3, 4, 5);
    EXPECT(tenon_squeeze(tenon_unsqueeze(matrix(), -1), NULL, 0), 0, 1, 2, 3, 4, 5);
    EXPECT(tenon_broadcast_to(VECTOR(1, 2), (int64_t[]){2, 2}, 2), 1, 2, 1, 2);
    x = VECTOR(1, 2);
    EXPECT(tenon_pad(x, number(x, 9), (int64_t[]){1}, (int64_t[]){2}, (int64_t[]){1}, 1), 9, 1, 9, 2, 9, 9);
    x = VECTOR(1, 2);
    EXPECT(tenon_concat((TenonValue[]){x, tenon_neg(x)}, 2, 0), 1, 2, -1, -2);
    x = VECTOR(1, 2);
    EXPECT(tenon_stack((TenonValue[]){x, tenon_neg(x)}, 2, -1), 1, -1, 2, -2);

    x = matrix();
    EXPECT(tenon_matmul(x, tenon_swap_axes(x, 0, 1)), 5, 14, 14, 50);
    x = matrix();
    EXPECT(tenon_linear(x, x, (TenonValue){0}), 5, 14, 14, 50);
    x = matrix();
    EXPECT(tenon_linear(x, x, number(x, 1)), 6, 15, 15, 51);
    x = matrix();
    TenonValue last = tenon_integer(tenon_value_graph(x), TENON_I64, -1);
    EXPECT(tenon_gather(x, last, 1), 2, 5);
    x = VECTOR(0, 0, 0);
    TenonValue places = tenon_cast(tenon_mul_scalar(tenon_iota(tenon_value_graph(x), TENON_F32, (int64_t[]){2}, 1, 0), 2), TENON_I32);
    EXPECT(tenon_scatter_add(x, places, tenon_add_scalar(tenon_cast(places, TENON_F32), 1), 0), 1, 0, 3);
    x = VECTOR(2, 0);
    EXPECT(tenon_one_hot(tenon_cast(x, TENON_I32), 3, TENON_F32), 0, 0, 1, 1, 0, 0);

    EXPECT(tenon_full(new_graph(), TENON_BF16, (int64_t[]){2}, 1, 1.5), 1.5, 1.5);
    EXPECT(tenon_ones_like(VECTOR(3, 4)), 1, 1);
    EXPECT(tenon_zeros_like(VECTOR(3, 4)), 0, 0);
}

static void losses(void)
{
    TenonValue x = VECTOR(1, 2);
    EXPECT(tenon_softmax(tenon_sub(x, x), 0), 0.5, 0.5);
    x = VECTOR(1, 2);
    EXPECT(tenon_log_softmax(tenon_sub(x, x), -1), -0.6931471806, -0.6931471806);
    x = VECTOR(1, 3);
    EXPECT(tenon_mse_loss(x, tenon_zeros_like(x), TENON_REDUCTION_MEAN), 5);
    x = VECTOR(1, 3);
    EXPECT(tenon_mse_loss(x, tenon_zeros_like(x), TENON_REDUCTION_SUM), 10);
    x = VECTOR(1, 3);
    EXPECT(tenon_mse_loss(x, tenon_zeros_like(x), TENON_REDUCTION_NONE), 1, 9);
    /* Two samples of equal logits, the second of the class that does not count. */
    x = tenon_mul_scalar(matrix(), 0);
    TenonValue labels = tenon_cast(tenon_iota(tenon_value_graph(x), TENON_F32, (int64_t[]){2}, 1, 0), TENON_I32);
    TenonCrossEntropyOptions options;
    OK(tenon_cross_entropy_options_init(&options, sizeof options));
    CHECK(options.ignore_index == -100 && options.reduction == TENON_REDUCTION_MEAN);
    options.ignore_index = 0; /* meant, because the init function filled the struct */
    options.reduction = TENON_REDUCTION_SUM;
    EXPECT(tenon_cross_entropy_with(x, labels, &options), 1.0986122887);
    x = tenon_mul_scalar(matrix(), 0);
    labels = tenon_cast(tenon_iota(tenon_value_graph(x), TENON_F32, (int64_t[]){2}, 1, 0), TENON_I32);
    EXPECT(tenon_cross_entropy(x, labels, TENON_REDUCTION_NONE), 1.0986122887, 1.0986122887);
}

static void random_numbers(void)
{
    TenonGenerator generator, split;
    TenonRandomState before, after;
    OK(tenon_generator_new(context, 5, &generator, &error));
    OK(tenon_generator_state(generator, &before, &error));
    CHECK(before.seed == 5 && before.offset == 0);
    float first[8], second[8], again[8];
    float *rounds[3] = {first, second, again};
    for (int round = 0; round < 3; round++) {
        TenonGraph graph = new_graph();
        TenonValue value = tenon_random_uniform(graph, TENON_F32, (int64_t[]){8}, 1, generator);
        TenonTensor tensor;
        if (round == 2) OK(tenon_generator_set_state(generator, &before, &error));
        OK(tenon_graph_eval(graph, &value, 1, &tensor, &error));
        OK(tenon_tensor_read(tensor, rounds[round], sizeof first, &error));
        if (round == 0) {
            OK(tenon_generator_state(generator, &after, &error));
            CHECK(after.offset == 8);
        }
    }
    CHECK(memcmp(first, again, sizeof first) == 0 && memcmp(first, second, sizeof first) != 0);
    for (int i = 0; i < 8; i++) CHECK(first[i] >= 0 && first[i] < 1);
    OK(tenon_generator_split(generator, "a", &split, &error));
    OK(tenon_generator_state(split, &after, &error));
    CHECK(after.seed == 5 && after.stream != before.stream && after.offset == 0);
    OK(tenon_generator_manual_seed(generator, 6, &error));
    OK(tenon_generator_state(generator, &after, &error));
    CHECK(after.seed == 6 && after.offset == 0);

    /* The context's own, by a zero handle: it moves on, and the seed begins it anew. */
    TenonGenerator own;
    OK(tenon_context_generator(context, &own, &error));
    TenonGraph graph = new_graph();
    TenonValue drawn[2] = {
        tenon_random_normal(graph, TENON_F32, (int64_t[]){4}, 1, (TenonGenerator){0}),
        tenon_cast(tenon_random_bernoulli(graph, 1, (int64_t[]){4}, 1, (TenonGenerator){0}), TENON_F32),
    };
    TenonTensor tensors[2];
    OK(tenon_graph_eval(graph, drawn, 2, tensors, &error));
    OK(tenon_tensor_read(tensors[1], first, 16, &error));
    CHECK(first[0] == 1 && first[3] == 1);
    OK(tenon_generator_state(own, &after, &error));
    CHECK(after.offset > 0);
    OK(tenon_context_set_seed(context, 9, &error));
    OK(tenon_generator_state(own, &after, &error));
    CHECK(after.offset == 0 && after.seed == 9);
    TenonGenerator one, other;
    OK(tenon_context_generator_for(context, 3, &one, &error));
    OK(tenon_context_generator_for(context, 4, &other, &error));
    OK(tenon_generator_state(one, &before, &error));
    OK(tenon_generator_state(other, &after, &error));
    CHECK(before.stream != after.stream);
}

static void errors_stick(void)
{
    /* The first failure sticks, with the operation and the shapes; what depends on it is invalid; what does not goes on. */
    TenonGraph graph = new_graph();
    TenonValue a = tenon_full(graph, TENON_F32, (int64_t[]){32, 784}, 2, 1), b = tenon_full(graph, TENON_F32, (int64_t[]){512, 10}, 2, 1);
    TenonValue bad = tenon_relu(tenon_matmul(a, b)), worse = tenon_reshape(a, (int64_t[]){3}, 1);
    CHECK(!tenon_value_is_valid(bad) && !tenon_value_is_valid(worse) && tenon_value_is_valid(a));
    CHECK(bad.graph == graph.id && bad.index == UINT32_MAX);
    REFUSED(tenon_graph_status(graph, &error), TENON_SHAPE_MISMATCH, "matmul");
    CHECK(strstr(error.message, "[32, 784]") != NULL && strstr(error.message, "[512, 10]") != NULL);
    TenonDType dtype = 77;
    REFUSED(tenon_value_dtype(bad, &dtype, &error), TENON_SHAPE_MISMATCH, "matmul");
    CHECK(dtype == 77);
    TenonTensor tensor = {77};
    REFUSED(tenon_graph_eval(graph, &a, 1, &tensor, &error), TENON_SHAPE_MISMATCH, "matmul");
    CHECK(tensor.id == 77);
    /* The graph has ended. */
    CHECK(!tenon_value_is_valid(tenon_add(a, a)));
    REFUSED(tenon_graph_eval(graph, &a, 1, &tensor, &error), TENON_INVALID_ARGUMENT, "make a new one");
    OK(tenon_graph_free(graph));
    CHECK(tenon_add(a, a).index == UINT32_MAX);
    REFUSED(tenon_graph_status(graph, &error), TENON_INVALID_HANDLE, "stale");

    /* Values of different graphs: the first one's has the failure. */
    TenonGraph first = new_graph(), second = new_graph();
    TenonValue x = tenon_scalar(first, TENON_F32, 1), y = tenon_scalar(second, TENON_F32, 2);
    CHECK(tenon_mul(x, y).graph == first.id);
    REFUSED(tenon_graph_status(first, &error), TENON_INVALID_ARGUMENT, "mul: operand 2: belongs to another graph");
    OK(tenon_graph_status(second, &error));
    OK(tenon_graph_free(first));
    /* A stale value beside a good one: the failure is found where there is a graph. */
    CHECK(tenon_mul(x, y).graph == second.id);
    REFUSED(tenon_graph_status(second, &error), TENON_INVALID_HANDLE, "mul: operand 1: the graph handle is stale");
    OK(tenon_graph_free(second));

    struct {
        TenonStatus status;
        const char *words;
    } wanted[] = {
        {TENON_SHAPE_MISMATCH, "sum: there is no axis 2; the axes are -2 to 1"},
        {TENON_SHAPE_MISMATCH, "mean: axis 1 is named twice"},
        {TENON_INVALID_ARGUMENT, "cast: 99 is not a dtype"},
        {TENON_DTYPE_MISMATCH, "exp"},
        {TENON_INVALID_ARGUMENT, "axes is NULL but has length 3"},
        {TENON_SHAPE_MISMATCH, "reshape"},
        {TENON_INVALID_HANDLE, "constant: the tensor handle is zero"},
        {TENON_INVALID_ARGUMENT, "mse_loss: 9 is not a reduction"},
        {TENON_INVALID_HANDLE, "generator"},
        {TENON_IO, "the disk is full"},
        {TENON_SHAPE_MISMATCH, "concat"},
    };
    for (int i = 0; i < (int)COUNT(wanted); i++) {
        TenonValue m = matrix();
        TenonGraph of = tenon_value_graph(m);
        switch (i) {
        case 0: tenon_sum(m, (int64_t[]){2}, 1, false); break;
        case 1: tenon_mean(m, (int64_t[]){1, -1}, 2, false); break;
        case 2: tenon_cast(m, 99); break;
        case 3: tenon_exp(tenon_cast(m, TENON_I32)); break;
        case 4: tenon_max(m, NULL, 3, false); break;
        case 5: tenon_reshape(m, (int64_t[]){4, -1}, 2); break;
        case 6: tenon_constant(of, (TenonTensor){0}); break;
        case 7: tenon_mse_loss(m, m, 9); break;
        case 8: tenon_random_uniform(of, TENON_F32, NULL, 0, (TenonGenerator){of.id}); break;
        case 9: tenon_graph_fail(of, TENON_IO, "the disk is full"); break;
        case 10: tenon_concat((TenonValue[]){m, tenon_flatten(m, 0)}, 2, 0); break;
        }
        REFUSED(tenon_graph_status(of, &error), wanted[i].status, wanted[i].words);
        OK(tenon_graph_free(of));
    }
    CHECK(tenon_concat(NULL, 2, 0).graph == 0 && !tenon_value_is_valid(tenon_concat(NULL, 0, 0)));
    CHECK(!tenon_value_is_valid((TenonValue){0}) && tenon_value_graph((TenonValue){0}).id == 0);
}

static void texts(void)
{
    TenonValue x = tenon_tanh(matrix());
    TenonGraph graph = tenon_value_graph(x);
    char text[2000];
    size_t length = 0, longer;
    OK(tenon_graph_describe(graph, NULL, 0, &length, &error));
    CHECK(length > 10 && length < sizeof text);
    OK(tenon_graph_describe(graph, text, length + 1, &longer, &error));
    CHECK(longer == length && strlen(text) == length && strstr(text, "tanh") != NULL && strstr(text, "[2, 3]") != NULL);
    text[0] = '#';
    REFUSED(tenon_graph_describe(graph, text, length, &longer, &error), TENON_INVALID_ARGUMENT, "room for");
    CHECK(text[0] == '#');
    CHECK(tenon_graph_context(graph).id == context.id);
    OK(tenon_graph_free(graph));
}

int main(void)
{
    OK(tenon_context_new(&(TenonContextOptions){.struct_size = sizeof(TenonContextOptions), .worker_count = 2}, &context, &error));
    elementwise();
    shapes_and_reductions();
    losses();
    random_numbers();
    errors_stick();
    texts();
    TenonGraph left = new_graph();
    CHECK(tenon_context_free(context) == TENON_OK);
    REFUSED(tenon_graph_status(left, &error), TENON_INVALID_HANDLE, "stale");
    CHECK(tenon_scalar(left, TENON_F32, 1).index == UINT32_MAX);
    return 0;
}
