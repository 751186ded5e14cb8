/* Functions from functions through the header alone: derivatives of all kinds, lanes, loops, and what the host computes. */
#include "check.h"

static TenonContext context;
static int drops;

static void count_drop(void *user)
{
    (void)user;
    drops++;
}

static TenonTensor f64s(const double *values, const int64_t *shape, size_t rank)
{
    TenonTensor tensor;
    size_t size;
    OK(tenon_tensor_new(context, TENON_F64, shape, rank, &tensor, &error));
    OK(tenon_tensor_size(tensor, &size, &error));
    OK(tenon_tensor_write(tensor, values, size, &error));
    return tensor;
}

static void expect(TenonTensor tensor, const double *values, size_t count)
{
    double read[64];
    size_t size;
    OK(tenon_tensor_size(tensor, &size, &error));
    CHECK(size == count * sizeof *values && count <= 64);
    OK(tenon_tensor_read(tensor, read, size, &error));
    for (size_t i = 0; i < count; i++) {
        if (!near(read[i], values[i])) fprintf(stderr, "element %zu: %g, not %g\n", i, read[i], values[i]);
        CHECK(near(read[i], values[i]));
    }
    OK(tenon_tensor_free(tensor));
}

/* f(x, y) = (x^2 + y, x) */
static TenonStatus record_two(void *user, TenonGraph graph, const TenonValue *in, TenonValue *out)
{
    (void)user, (void)graph;
    out[0] = tenon_add(tenon_square(in[0]), in[1]);
    out[1] = in[0];
    return TENON_OK;
}

/* Rosenbrock's function of [2]. */
static TenonStatus record_rosenbrock(void *user, TenonGraph graph, const TenonValue *in, TenonValue *out)
{
    (void)user;
    int64_t first[1] = {0}, second[1] = {1}, third[1] = {2};
    TenonValue a = tenon_slice(in[0], first, second, NULL, 1), b = tenon_slice(in[0], second, third, NULL, 1);
    TenonValue one = tenon_scalar(graph, TENON_F64, 1), hundred = tenon_scalar(graph, TENON_F64, 100);
    TenonValue gap = tenon_square(tenon_sub(b, tenon_square(a)));
    out[0] = tenon_sum(tenon_add(tenon_square(tenon_sub(one, a)), tenon_mul(hundred, gap)), NULL, 0, false);
    return TENON_OK;
}

static void derivatives(void)
{
    TenonFunction f, made, again;
    TenonTensor out[4];
    OK(tenon_function_new(context, record_two, NULL, NULL, 2, 2, &f, &error));
    double one = 1, two = 2, three = 3;
    TenonTensor in[4] = {f64s(&one, NULL, 0), f64s(&two, NULL, 0), f64s(&three, NULL, 0), f64s(&two, NULL, 0)};
    size_t position[2] = {1, 0};
    TenonGradOptions options = {sizeof options, position, 1, NULL, 0, false, false};
    OK(tenon_grad(f, &options, &made, &error));
    OK(tenon_function_call(made, in, 2, out, 1, &error));
    expect(out[0], &one, 1);
    options.position_count = 2;
    OK(tenon_value_and_grad(f, &options, &made, &error));
    int64_t input;
    size_t output, length;
    OK(tenon_function_gradient_position(made, 2, &input, &error));
    CHECK(input == 1);
    OK(tenon_function_find_gradient_of_input(made, 0, &output, &error));
    CHECK(output == 3);
    OK(tenon_function_gradient_name(made, 3, NULL, 0, &length, &error));
    CHECK(length == 0);
    REFUSED(tenon_function_gradient_position(made, 1, &input, &error), TENON_NOT_FOUND, "output 1 of the function is no gradient");
    REFUSED(tenon_function_find_gradient_of_weight(made, "w", &output, &error), TENON_NOT_FOUND, "no gradient of the weight w");

    /* d(x^2 + y, x) along (3, 2), and weighted by (3, 2). */
    options.positions = NULL;
    size_t both[2] = {0, 1};
    options.positions = both;
    OK(tenon_jvp(f, &options, &made, &error));
    OK(tenon_function_call(made, in, 4, out, 4, &error));
    double eight = 8;
    expect(out[2], &eight, 1);
    expect(out[3], &three, 1);
    OK(tenon_vjp(f, &options, &made, &error));
    OK(tenon_function_call(made, in, 4, out, 4, &error));
    expect(out[2], &eight, 1);
    expect(out[3], &three, 1);
    options.sens = true;
    REFUSED(tenon_jvp(f, &options, &made, &error), TENON_INVALID_ARGUMENT, "sens");
    OK(tenon_function_free(f));

    OK(tenon_function_new(context, record_rosenbrock, NULL, NULL, 1, 1, &f, &error));
    double at[2] = {-0.7, 1.9}, along[2] = {1, -2};
    double hessian[4] = {2 - 400 * (1.9 - 3 * 0.49), 280, 280, 200};
    double product[2] = {hessian[0] - 2 * hessian[1], hessian[2] - 2 * hessian[3]};
    int64_t pair[1] = {2};
    TenonTensor x[2] = {f64s(at, pair, 1), f64s(along, pair, 1)};
    OK(tenon_hessian(f, NULL, &made, &error));
    OK(tenon_function_call(made, x, 1, out, 1, &error));
    expect(out[0], hessian, 4);
    OK(tenon_grad(f, NULL, &again, &error));
    OK(tenon_jacobian_rows(again, NULL, &made, &error));
    OK(tenon_function_call(made, x, 1, out, 1, &error));
    expect(out[0], hessian, 4);
    OK(tenon_jacobian_columns(again, NULL, &made, &error));
    OK(tenon_function_call(made, x, 1, out, 1, &error));
    expect(out[0], hessian, 4);
    OK(tenon_hvp(f, NULL, &made, &error));
    OK(tenon_function_call(made, x, 2, out, 2, &error));
    expect(out[1], product, 2);

    /* The same in each of two lanes, the direction shared; and computed again for its gradient. */
    double lanes[4] = {-0.7, 1.9, -0.7, 1.9}, products[4] = {product[0], product[1], product[0], product[1]};
    int64_t shape[2] = {2, 2}, axes[2] = {0, -1};
    TenonVmapOptions vmap = {sizeof vmap, axes, 2, NULL, 0};
    TenonTensor many[2] = {f64s(lanes, shape, 2), x[1]};
    OK(tenon_vmap(made, &vmap, &again, &error));
    OK(tenon_function_call(again, many, 2, out, 2, &error));
    expect(out[1], products, 4);
    axes[0] = -2;
    REFUSED(tenon_vmap(made, &vmap, &again, &error), TENON_INVALID_ARGUMENT, "in_axes has -2");
    OK(tenon_recompute(f, &made, &error));
    OK(tenon_hessian(made, NULL, &again, &error));
    OK(tenon_function_call(again, x, 1, out, 1, &error));
    expect(out[0], hessian, 4);
}

/* A step: h' = h w + x, stacked. */
static TenonStatus record_step(void *user, TenonGraph graph, const TenonValue *in, TenonValue *out)
{
    (void)graph;
    ++*(int *)user;
    out[0] = tenon_add(tenon_mul(in[0], in[2]), in[1]);
    out[1] = out[0];
    return TENON_OK;
}

static TenonStatus record_loop(void *user, TenonGraph graph, const TenonValue *in, TenonValue *out)
{
    TenonScanOptions options;
    if (tenon_scan_options_init(&options, sizeof options) != TENON_OK) return TENON_INTERNAL;
    options.carries = &in[0], options.carry_count = 1;
    options.slices = &in[1], options.slice_count = 1;
    options.constants = &in[2], options.constant_count = 1;
    tenon_scan(graph, &options, record_step, user, out, 2);
    return TENON_OK;
}

static void loops(void)
{
    int recorded = 0;
    TenonFunction f, made;
    OK(tenon_function_new(context, record_loop, &recorded, count_drop, 3, 2, &f, &error));
    double h = 1, w = 2, xs[3] = {1, 2, 3}, stack[3] = {3, 8, 19};
    int64_t three[1] = {3};
    TenonTensor in[3] = {f64s(&h, NULL, 0), f64s(xs, three, 1), f64s(&w, NULL, 0)}, out[4];
    OK(tenon_function_call(f, in, 3, out, 2, &error));
    CHECK(recorded == 1);
    expect(out[1], stack, 3);
    expect(out[0], &stack[2], 1);
    size_t positions[3] = {0, 1, 2};
    TenonGradOptions options = {sizeof options, positions, 3, NULL, 0, true, false};
    OK(tenon_grad(f, &options, &made, &error));
    OK(tenon_function_call(made, in, 3, out, 4, &error));
    double dh = 8, dx[3] = {4, 2, 1}, dw = 3 * 4 + 1 * 2 * 2 + 2;
    expect(out[0], &dh, 1);
    expect(out[1], dx, 3);
    expect(out[2], &dw, 1);
    TenonTensor two = f64s(xs, (int64_t[]){1, 3}, 2), bad[3] = {in[0], two, in[2]};
    REFUSED(tenon_function_call(f, bad, 3, out, 2, &error), TENON_SHAPE_MISMATCH, "carry 0 goes in as f64[] and comes out as f64[3]");
    int before = drops;
    OK(tenon_function_free(f));
    OK(tenon_function_free(made));
    CHECK(drops == before + 1);
}

/* The host's own operation: y = x^3, refused for anything but f64. */
static TenonStatus cube_types(void *user, const TenonType *inputs, TenonType *outputs)
{
    (void)user;
    outputs[0] = inputs[0];
    return inputs[0].dtype == TENON_F64 ? TENON_OK : TENON_DTYPE_MISMATCH;
}

static TenonStatus cube_run(void *user, const TenonHostArray *inputs, const TenonHostArray *outputs)
{
    (void)user;
    int64_t count = 1;
    for (int axis = 0; axis < inputs[0].type.rank; axis++) count *= inputs[0].type.shape[axis];
    const double *x = inputs[0].data;
    double *y = outputs[0].data;
    for (int64_t i = 0; i < count; i++) {
        if (x[i] > 1000) return TENON_UNSUPPORTED;
        y[i] = x[i] * x[i] * x[i];
    }
    return TENON_OK;
}

static TenonStatus cube_gradient(
    void *user, TenonGraph graph, const TenonValue *in, const TenonValue *out, const TenonValue *dy, TenonValue *dx)
{
    (void)user, (void)out;
    dx[0] = tenon_mul(dy[0], tenon_mul(tenon_scalar(graph, TENON_F64, 3), tenon_square(in[0])));
    return TENON_OK;
}

static void host_functions(void)
{
    TenonFunction cube, first, second, lanes, bare;
    drops = 0;
    OK(tenon_host_function_new(context, "cube", cube_types, cube_run, cube_gradient, NULL, count_drop, 1, 1, &cube, &error));
    double x[2] = {2, -1}, y[2] = {8, -1}, dy[2] = {12, 3}, d2y[2] = {12, -6}, large[2] = {1, 2000};
    int64_t two[1] = {2};
    TenonTensor in = f64s(x, two, 1), out;
    OK(tenon_function_call(cube, &in, 1, &out, 1, &error));
    expect(out, y, 2);
    OK(tenon_grad(cube, NULL, &first, &error));
    OK(tenon_function_call(first, &in, 1, &out, 1, &error));
    expect(out, dy, 2);
    OK(tenon_grad(first, NULL, &second, &error));
    OK(tenon_function_call(second, &in, 1, &out, 1, &error));
    expect(out, d2y, 2);
    OK(tenon_vmap(second, NULL, &lanes, &error));
    OK(tenon_function_call(lanes, &in, 1, &out, 1, &error));
    expect(out, d2y, 2);
    TenonTensor f32 = tensor_f32(context, (float[]){1, 2}, two, 1), big = f64s(large, two, 1);
    REFUSED(tenon_function_call(cube, &f32, 1, &out, 1, &error), TENON_CALLBACK_FAILED, "cube: the types callback returned");
    REFUSED(tenon_function_call(cube, &big, 1, &out, 1, &error), TENON_CALLBACK_FAILED, "cube: the run callback returned");
    CHECK(drops == 0);
    OK(tenon_function_free(cube));
    OK(tenon_function_free(first));
    OK(tenon_function_free(second));
    OK(tenon_function_free(lanes));
    CHECK(drops == 1);

    OK(tenon_host_function_new(context, "cube", cube_types, cube_run, NULL, NULL, count_drop, 1, 1, &bare, &error));
    OK(tenon_grad(bare, NULL, &first, &error));
    REFUSED(tenon_function_call(first, &in, 1, &out, 1, &error), TENON_NOT_DIFFERENTIABLE, "host_call has no gradient");
    REFUSED(tenon_host_function_new(context, "cube", NULL, cube_run, NULL, NULL, count_drop, 1, 1, &bare, &error), TENON_INVALID_ARGUMENT, "NULL");
    CHECK(drops == 2);
}

/* A cell whose gradient is clipped to [-1, 1], over a parameter that gets none. */
static TenonStatus construct_scale(void *user, TenonGraph graph, const TenonValue *in, TenonValue *out)
{
    out[0] = tenon_mul(in[0], tenon_parameter_read_value(graph, *(TenonParameter *)user));
    return TENON_OK;
}

static TenonStatus clipped(
    void *user, TenonGraph graph, const TenonValue *in, const TenonValue *out, const TenonValue *dy, TenonValue *dx)
{
    (void)user, (void)graph, (void)in, (void)out;
    dx[0] = tenon_clamp(dy[0], -1, 1);
    return TENON_OK;
}

static TenonStatus forgetful(
    void *user, TenonGraph graph, const TenonValue *in, const TenonValue *out, const TenonValue *dy, TenonValue *dx)
{
    (void)user, (void)graph, (void)in, (void)out, (void)dy, (void)dx;
    return TENON_OK;
}

static TenonStatus record_cell(void *user, TenonGraph graph, const TenonValue *in, TenonValue *out)
{
    out[0] = tenon_square(tenon_cell_call(*(TenonCell *)user, in[0]));
    (void)graph;
    return TENON_OK;
}

static void custom_gradients(void)
{
    TenonCell cell;
    TenonParameter scale;
    TenonFunction f, made, custom;
    TenonTensor out[2];
    OK(tenon_cell_new_with_gradient(context, construct_scale, &scale, NULL, clipped, NULL, count_drop, 1, 1, &cell, &error));
    TenonInitializerOptions initializer;
    OK(tenon_initializer_options_init(&initializer, sizeof initializer));
    OK(tenon_cell_parameter(cell, "scale", TENON_F64, NULL, 0, &initializer, &scale, &error));
    double three = 3, x[2] = {0.01, 5}, dx[2] = {0.18, 1};
    OK(tenon_parameter_set_data(scale, f64s(&three, NULL, 0), &error));
    OK(tenon_function_new(context, record_cell, &cell, NULL, 1, 1, &f, &error));
    TenonGradOptions options = {sizeof options, (size_t[]){0}, 1, &scale, 1, false, false};
    OK(tenon_grad(f, &options, &made, &error));
    TenonTensor in = f64s(x, (int64_t[]){2}, 1);
    OK(tenon_function_call(made, &in, 1, out, 2, &error));
    /* The slope of the square is 2 * 3x; the cell clips it, and its parameter gets nothing. */
    double clipped_dx[2] = {2 * 3 * 0.01, 1}, zero = 0;
    expect(out[0], clipped_dx, 2);
    expect(out[1], &zero, 1);
    size_t output;
    OK(tenon_function_find_gradient_of_weight(made, "scale", &output, &error));
    CHECK(output == 1);
    (void)dx;

    OK(tenon_function_new(context, record_rosenbrock, NULL, NULL, 1, 1, &f, &error));
    OK(tenon_custom_gradient(f, forgetful, NULL, NULL, &custom, &error));
    OK(tenon_grad(custom, NULL, &made, &error));
    OK(tenon_function_call(made, &in, 1, out, 1, &error));
    expect(out[0], (double[]){0, 0}, 2);

    /* A cell that is computed again in its gradient. */
    TenonCell plain;
    OK(tenon_cell_new(context, construct_scale, &scale, NULL, &plain, &error));
    OK(tenon_function_new(context, record_cell, &plain, NULL, 1, 1, &f, &error));
    OK(tenon_grad(f, &options, &made, &error));
    for (int recompute = 0; recompute < 2; recompute++) {
        OK(tenon_cell_set_recompute(plain, recompute != 0, &error));
        OK(tenon_function_call(made, &in, 1, out, 2, &error));
        expect(out[0], (double[]){0.18, 90}, 2);
        double ds = 2 * 3 * (0.0001 + 25);
        expect(out[1], &ds, 1);
    }
    size_t compiled;
    OK(tenon_function_compilations(made, &compiled, &error));
    CHECK(compiled == 2);
}

int main(void)
{
    OK(tenon_context_new(NULL, &context, &error));
    derivatives();
    loops();
    host_functions();
    custom_gradients();
    OK(tenon_context_free(context));
    return 0;
}
