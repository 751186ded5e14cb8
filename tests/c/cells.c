/* Cells: the tree and its names, built-in cells, cells in C within built-in cells within cells in C, and the paths in errors. */
#include "check.h"

static TenonContext context;
static int drops;

static void count_drop(void *user)
{
    drops++;
    free(user);
}

static const char *name_of(TenonParameter parameter)
{
    static char text[200];
    size_t length;
    OK(tenon_parameter_name(parameter, text, sizeof text, &length, &error));
    CHECK(length == strlen(text));
    return text;
}

/* y = scale x, where scale is a parameter; its child, if there is one, first; counts its recordings. */
struct scale {
    TenonCell self, child;
    TenonParameter scale;
    int records, records_in_training;
};

static TenonStatus construct_scale(void *user, TenonGraph graph, const TenonValue *inputs, TenonValue *outputs)
{
    struct scale *scale = user;
    bool training;
    OK(tenon_cell_training(scale->self, &training, &error));
    scale->records++;
    scale->records_in_training += training;
    TenonValue x = scale->child.id != 0 ? tenon_cell_call(scale->child, inputs[0]) : inputs[0];
    outputs[0] = tenon_mul(x, tenon_parameter_read_value(graph, scale->scale));
    return TENON_OK;
}

static struct scale *new_scale(TenonCell child, double start)
{
    struct scale *scale = calloc(1, sizeof *scale);
    TenonInitializerOptions constant;
    OK(tenon_initializer_options_init(&constant, sizeof constant));
    constant.kind = TENON_INITIALIZER_CONSTANT;
    constant.value = start;
    OK(tenon_cell_new(context, construct_scale, scale, count_drop, &scale->self, &error));
    OK(tenon_cell_parameter(scale->self, "scale", TENON_F32, NULL, 0, &constant, &scale->scale, &error));
    if (child.id != 0) OK(tenon_cell_insert_child(scale->self, "inner", child, &error));
    scale->child = child;
    return scale;
}

static TenonStatus record_call(void *user, TenonGraph graph, const TenonValue *inputs, TenonValue *outputs)
{
    (void)graph;
    outputs[0] = tenon_cell_call(*(TenonCell *)user, inputs[0]);
    return TENON_OK;
}

/* A cell's output for one input of f32. */
static TenonTensor run(TenonCell *cell, TenonTensor input)
{
    TenonFunction f;
    TenonTensor output;
    OK(tenon_function_new(context, record_call, cell, NULL, 1, 1, &f, &error));
    OK(tenon_function_call(f, &input, 1, &output, 1, &error));
    OK(tenon_function_free(f));
    return output;
}

static void nested(void)
{
    /* C within Sequential within C. */
    struct scale *innermost = new_scale((TenonCell){0}, 3);
    TenonCell sequence, relu;
    OK(tenon_sequential_new(context, &sequence, &error));
    OK(tenon_relu_new(context, &relu, &error));
    OK(tenon_cell_insert_child(sequence, "first", innermost->self, &error));
    OK(tenon_cell_insert_child(sequence, "relu", relu, &error));
    struct scale *outer = new_scale(sequence, 5);
    CHECK(strcmp(name_of(innermost->scale), "inner.first.scale") == 0);

    TenonFunction f, df;
    TenonTensor x = tensor_f32(context, (float[]){-1, 2}, (int64_t[]){2}, 1), y, gradients[3];
    OK(tenon_function_new(context, record_call, &outer->self, NULL, 1, 1, &f, &error));
    OK(tenon_function_call(f, &x, 1, &y, 1, &error));
    float values[2];
    OK(tenon_tensor_read(y, values, sizeof values, &error));
    CHECK(values[0] == 0 && values[1] == 30 && outer->records == 1 && innermost->records == 1);

    /* With respect to the input and both parameters. */
    TenonGradOptions options;
    OK(tenon_grad_options_init(&options, sizeof options));
    options.positions = (size_t[]){0};
    options.position_count = 1;
    options.weights = (TenonParameter[]){outer->scale, innermost->scale};
    options.weight_count = 2;
    OK(tenon_grad(f, &options, &df, &error));
    OK(tenon_function_call(df, &x, 1, gradients, 3, &error));
    OK(tenon_tensor_read(gradients[0], values, sizeof values, &error));
    CHECK(values[0] == 0 && values[1] == 15 && item(gradients[1]) == 6 && item(gradients[2]) == 10);

    /* A new value needs no new recording; a training flag does, and only where it is looked at. */
    TenonTensor seven;
    OK(tenon_tensor_from_scalar(context, TENON_F32, 7, &seven, &error));
    OK(tenon_parameter_set_data(outer->scale, seven, &error));
    int records = outer->records;
    OK(tenon_function_call(f, &x, 1, &y, 1, &error));
    OK(tenon_tensor_read(y, values, sizeof values, &error));
    CHECK(values[1] == 42 && outer->records == records && outer->records_in_training == 0);
    OK(tenon_cell_set_train(outer->self, true, &error));
    OK(tenon_function_call(f, &x, 1, &y, 1, &error));
    CHECK(outer->records == records + 1 && outer->records_in_training == 1);
    OK(tenon_cell_set_train(outer->self, false, &error));
    OK(tenon_function_call(f, &x, 1, &y, 1, &error));
    CHECK(outer->records == records + 1); /* the program of before */

    REFUSED(tenon_parameter_set_requires_grad(outer->scale, false, NULL) == TENON_OK
                ? tenon_function_call(df, &x, 1, gradients, 3, &error)
                : TENON_OK,
            TENON_INVALID_ARGUMENT, "scale does not require a gradient");
}

static void tree(void)
{
    TenonCell net, block, fc1, fc2;
    OK(tenon_sequential_new(context, &net, &error));
    OK(tenon_sequential_new(context, &block, &error));
    OK(tenon_dense_new(context, 4, 3, NULL, &fc1, &error));
    OK(tenon_dense_new(context, 3, 2, &(TenonDenseOptions){.struct_size = sizeof(TenonDenseOptions), .no_bias = true}, &fc2, &error));
    OK(tenon_cell_insert_child(block, "fc1", fc1, &error));
    OK(tenon_cell_insert_child(net, "block", block, &error));
    OK(tenon_cell_insert_child(net, "fc2", fc2, &error));
    REFUSED(tenon_cell_insert_child(net, "fc2", fc1, &error), TENON_ALREADY_EXISTS, "fc2");
    REFUSED(tenon_cell_insert_child(net, "a.b", fc1, &error), TENON_INVALID_ARGUMENT, "no dot");
    REFUSED(tenon_cell_insert_child(block, "loop", net, &error), TENON_INVALID_ARGUMENT, "stands below");

    TenonParameter parameters[8];
    TenonCell cells[8];
    size_t count = 0, length;
    char text[1000];
    OK(tenon_cell_parameters(net, NULL, 0, &count, &error));
    CHECK(count == 3);
    OK(tenon_cell_parameters(net, parameters, 8, &count, &error));
    CHECK(count == 3 && strcmp(name_of(parameters[0]), "block.fc1.weight") == 0 && strcmp(name_of(parameters[2]), "fc2.weight") == 0);
    OK(tenon_cell_parameter_path(block, 1, text, sizeof text, &length, &error));
    CHECK(strcmp(text, "fc1.bias") == 0);
    REFUSED(tenon_cell_parameter_path(block, 2, text, sizeof text, &length, &error), TENON_NOT_FOUND, "there are 2 parameters");
    REFUSED(tenon_cell_parameters(net, parameters, 2, &count, &error), TENON_INVALID_ARGUMENT, "room for 2, but there are 3");
    OK(tenon_cell_cells(net, cells, 8, &count, &error));
    CHECK(count == 4 && tenon_cell_is_same(cells[0], net) && tenon_cell_is_same(cells[2], fc1) && !tenon_cell_is_same(cells[2], fc2));
    OK(tenon_cell_cell_path(net, 2, text, sizeof text, &length, &error));
    CHECK(strcmp(text, "block.fc1") == 0);
    TenonCell found;
    TenonParameter bias;
    OK(tenon_cell_find_cell(net, "block.fc1", &found, &error));
    CHECK(tenon_cell_is_same(found, fc1) && tenon_cell_context(found).id == context.id);
    REFUSED(tenon_cell_find_cell(net, "block.fc9", &found, &error), TENON_NOT_FOUND, "fc1");
    OK(tenon_cell_find_parameter(net, "block.fc1.bias", &bias, &error));
    CHECK(tenon_parameter_is_same(bias, parameters[1]) && !tenon_parameter_is_same(bias, parameters[0]));
    int64_t shape[2];
    TenonDType dtype;
    OK(tenon_parameter_shape(parameters[0], shape, 2, &length, &error));
    OK(tenon_parameter_dtype(parameters[0], &dtype, &error));
    CHECK(length == 2 && shape[0] == 3 && shape[1] == 4 && dtype == TENON_F32);

    bool flag = true;
    OK(tenon_cell_training(fc1, &flag, &error));
    CHECK(!flag);
    OK(tenon_cell_set_train(net, true, &error));
    OK(tenon_cell_training(fc1, &flag, &error));
    CHECK(flag);
    OK(tenon_parameter_set_requires_grad(bias, false, &error));
    OK(tenon_parameter_requires_grad(bias, &flag, &error));
    CHECK(!flag);
    OK(tenon_cell_trainable_params(net, parameters, 8, &count, &error));
    CHECK(count == 2);
    OK(tenon_cell_describe(net, text, sizeof text, &length, &error));
    CHECK(strstr(text, "block.fc1: Dense (training)") != NULL && strstr(text, "bias: f32[3], frozen") != NULL);

    /* A shared parameter: one more place, one parameter. */
    TenonParameter shared;
    OK(tenon_parameter_new(context, "shared", TENON_F32, (int64_t[]){2}, 1, NULL, &shared, &error));
    OK(tenon_cell_insert_parameter(fc1, "shared", shared, &error));
    OK(tenon_cell_insert_parameter(fc2, "shared", shared, &error));
    OK(tenon_cell_parameters(net, NULL, 0, &count, &error));
    CHECK(count == 4);

    /* Errors name the path of the cell, the operation, and the shapes. */
    TenonFunction f;
    TenonTensor bad, out;
    OK(tenon_function_new(context, record_call, &net, NULL, 1, 1, &f, &error));
    OK(tenon_tensor_new(context, TENON_F32, (int64_t[]){5, 9}, 2, &bad, &error));
    REFUSED(tenon_function_call(f, &bad, 1, &out, 1, &error), TENON_SHAPE_MISMATCH, "block.fc1: ");
    CHECK(strstr(error.message, "[5, 9]") != NULL && strstr(error.message, "4") != NULL);
}

static void built_in(void)
{
    TenonCell cell;
    TenonTensor x = tensor_f32(context, (float[]){-2, -1, 0, 1, 2, 7}, (int64_t[]){1, 2, 3}, 3), y;
    float values[6];
    /* The second and the last element, in the order of the switch below. */
    const double wanted[15][2] = {
        {0, 6},
        {-0.5, 7},
        {-0.6321205588, 7},
        {-0.1586552539, 7},
        {-0.2689414214, 6.993622464},
        {0.2689414214, 0.9990889488},
        {-1.313261688, -0.0009114664538},
        {-0.761594156, 0.9999983369},
        {0.3132616875, 7.000911466},
        {-0.3333333333, 7},
        {0.3333333333, 1},
        {0.2447284711, 0.9908673886},
        {-1.407605964, -0.0091745572},
        {-1, 7},
        {-1, 7},
    };
    for (int i = 0; i < 15; i++) {
        switch (i) {
        case 0: OK(tenon_relu6_new(context, &cell, &error)); break;
        case 1: OK(tenon_leaky_relu_new(context, 0.5, &cell, &error)); break;
        case 2: OK(tenon_elu_new(context, 1, &cell, &error)); break;
        case 3: OK(tenon_gelu_new(context, false, &cell, &error)); break;
        case 4: OK(tenon_silu_new(context, &cell, &error)); break;
        case 5: OK(tenon_sigmoid_new(context, &cell, &error)); break;
        case 6: OK(tenon_log_sigmoid_new(context, &cell, &error)); break;
        case 7: OK(tenon_tanh_new(context, &cell, &error)); break;
        case 8: OK(tenon_softplus_new(context, &cell, &error)); break;
        case 9: OK(tenon_hard_swish_new(context, &cell, &error)); break;
        case 10: OK(tenon_hard_sigmoid_new(context, &cell, &error)); break;
        case 11: OK(tenon_softmax_new(context, -1, &cell, &error)); break;
        case 12: OK(tenon_log_softmax_new(context, 2, &cell, &error)); break;
        case 13: OK(tenon_flatten_new(context, 1, -1, &cell, &error)); break;
        case 14: OK(tenon_dropout_new(context, NULL, &cell, &error)); break;
        }
        y = run(&cell, x);
        OK(tenon_tensor_read(y, values, sizeof values, &error));
        if (!near(values[1], wanted[i][0]) || !near(values[5], wanted[i][1])) {
            fprintf(stderr, "cell %d: %g %g\n", i, values[1], values[5]);
            exit(1);
        }
    }

    /* Dense with everything said: relu(W x + b), W = 0.5, b = 1. */
    TenonInitializerOptions half, one;
    OK(tenon_initializer_options_init(&half, sizeof half));
    CHECK(half.sigma == 0.01 && half.is_filled && half.kind == TENON_INITIALIZER_ZEROS);
    half.kind = TENON_INITIALIZER_CONSTANT;
    half.value = 0.5;
    one = half;
    one.kind = TENON_INITIALIZER_ONES;
    TenonDenseOptions options;
    OK(tenon_dense_options_init(&options, sizeof options));
    options.weight_init = &half;
    options.bias_init = &one;
    options.activation = TENON_ACTIVATION_RELU;
    OK(tenon_dense_new(context, 3, 1, &options, &cell, &error));
    y = run(&cell, x);
    OK(tenon_tensor_read(y, values, 2 * sizeof(float), &error));
    CHECK(values[0] == 0 && values[1] == 6);
    half.kind = 99;
    REFUSED(tenon_dense_new(context, 3, 1, &options, &cell, &error), TENON_INVALID_ARGUMENT, "weight_init: 99 is not an initializer");
    REFUSED(tenon_dense_new(context, 0, 1, NULL, &cell, &error), TENON_INVALID_ARGUMENT, "at least 1");
    REFUSED(tenon_dropout_new(context, &(TenonDropoutOptions){.struct_size = sizeof(TenonDropoutOptions), .p = 1.5}, &cell, &error),
            TENON_INVALID_ARGUMENT, "p is");

    /* Dropout in training drops some, scales the others, and draws anew each time. */
    OK(tenon_dropout_new(context, &(TenonDropoutOptions){.struct_size = sizeof(TenonDropoutOptions), .has_op_seed = true, .op_seed = 4}, &cell, &error));
    OK(tenon_cell_set_train(cell, true, &error));
    TenonTensor ones;
    OK(tenon_tensor_new(context, TENON_F32, (int64_t[]){64}, 1, &ones, &error));
    float in[64], first[64], second[64], sum = 0;
    for (int i = 0; i < 64; i++) in[i] = 1;
    OK(tenon_tensor_write(ones, in, sizeof in, &error));
    OK(tenon_tensor_read(run(&cell, ones), first, sizeof first, &error));
    OK(tenon_tensor_read(run(&cell, ones), second, sizeof second, &error));
    for (int i = 0; i < 64; i++) {
        CHECK(first[i] == 0 || first[i] == 2);
        sum += first[i];
    }
    CHECK(sum > 20 && sum < 108 && memcmp(first, second, sizeof first) != 0);
}

/* Two inputs, two outputs, and a parameter that counts its own uses: assigned in the graph. */
static TenonParameter uses;

static TenonStatus construct_pair(void *user, TenonGraph graph, const TenonValue *inputs, TenonValue *outputs)
{
    (void)user;
    TenonValue now = tenon_add(tenon_parameter_read_value(graph, uses), tenon_scalar(graph, TENON_F32, 1));
    outputs[0] = tenon_add(inputs[0], inputs[1]);
    outputs[1] = tenon_parameter_assign_value(uses, now);
    return TENON_OK;
}

static TenonStatus record_pair(void *user, TenonGraph graph, const TenonValue *inputs, TenonValue *outputs)
{
    tenon_cell_call_many(*(TenonCell *)user, graph, inputs, 2, outputs, 2);
    return TENON_OK;
}

static TenonStatus construct_itself(void *user, TenonGraph graph, const TenonValue *inputs, TenonValue *outputs)
{
    (void)graph;
    outputs[0] = tenon_cell_call(*(TenonCell *)user, inputs[0]);
    return TENON_OK;
}

static TenonStatus construct_failing(void *user, TenonGraph graph, const TenonValue *inputs, TenonValue *outputs)
{
    (void)user;
    outputs[0] = tenon_matmul(inputs[0], tenon_full(graph, TENON_F32, (int64_t[]){512, 10}, 2, 0));
    return TENON_OK;
}

static void counts_and_failures(void)
{
    TenonCell pair, itself, failing, net;
    TenonFunction f;
    TenonTensor in[2], out[2];
    OK(tenon_cell_new_with_counts(context, construct_pair, NULL, NULL, 2, 2, &pair, &error));
    OK(tenon_cell_parameter(pair, "uses", TENON_F32, NULL, 0, NULL, &uses, &error));
    OK(tenon_parameter_set_requires_grad(uses, false, &error));
    OK(tenon_function_new(context, record_pair, &pair, NULL, 2, 2, &f, &error));
    OK(tenon_tensor_from_scalar(context, TENON_F32, 2, &in[0], &error));
    OK(tenon_tensor_from_scalar(context, TENON_F32, 3, &in[1], &error));
    for (int i = 1; i <= 3; i++) {
        OK(tenon_function_call(f, in, 2, out, 2, &error));
        CHECK(item(out[0]) == 5 && item(out[1]) == i);
    }
    TenonTensor value;
    OK(tenon_parameter_value(uses, &value, &error));
    CHECK(item(value) == 3);
    OK(tenon_function_new(context, record_call, &pair, NULL, 1, 1, &f, &error));
    REFUSED(tenon_function_call(f, in, 1, out, 1, &error), TENON_INVALID_ARGUMENT, "takes 2 inputs, not 1");

    OK(tenon_cell_new(context, construct_itself, &itself, NULL, &itself, &error));
    OK(tenon_function_new(context, record_call, &itself, NULL, 1, 1, &f, &error));
    REFUSED(tenon_function_call(f, in, 1, out, 1, &error), TENON_BUSY, "calls itself");

    OK(tenon_cell_new(context, construct_failing, NULL, NULL, &failing, &error));
    OK(tenon_sequential_new(context, &net, &error));
    OK(tenon_cell_insert_child(net, "fc1", failing, &error));
    OK(tenon_function_new(context, record_call, &net, NULL, 1, 1, &f, &error));
    TenonTensor image;
    OK(tenon_tensor_new(context, TENON_F32, (int64_t[]){32, 784}, 2, &image, &error));
    REFUSED(tenon_function_call(f, &image, 1, out, 1, &error), TENON_SHAPE_MISMATCH, "fc1: matmul");
    CHECK(strstr(error.message, "[32, 784]") != NULL && strstr(error.message, "[512, 10]") != NULL);

    /* A cell of another context, and a cell that is gone. */
    TenonContext other;
    TenonCell foreign;
    OK(tenon_context_new(NULL, &other, &error));
    OK(tenon_relu_new(other, &foreign, &error));
    OK(tenon_function_new(context, record_call, &foreign, NULL, 1, 1, &f, &error));
    REFUSED(tenon_function_call(f, in, 1, out, 1, &error), TENON_INVALID_ARGUMENT, "another context");
    REFUSED(tenon_cell_insert_child(net, "foreign", foreign, &error), TENON_INVALID_ARGUMENT, "another context");
    CHECK(tenon_context_free(other) == TENON_OK);
    REFUSED(tenon_function_call(f, in, 1, out, 1, &error), TENON_INVALID_HANDLE, "cell: the cell handle is stale");
}

int main(void)
{
    OK(tenon_context_new(NULL, &context, &error));
    nested();
    tree();
    built_in();
    counts_and_failures();
    CHECK(drops == 0);
    CHECK(tenon_context_free(context) == TENON_OK);
    CHECK(drops == 2);
    return 0;
}
