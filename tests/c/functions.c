/* Functions and gradients: recording once per signature, gradients of gradients, what callbacks may do, and what goes wrong in them. */
#include "check.h"

#include <pthread.h>

static TenonContext context;
static int drops;

static void count_drop(void *user)
{
    (void)user;
    drops++;
}

static TenonTensor scalar(double value)
{
    TenonTensor tensor;
    OK(tenon_tensor_from_scalar(context, TENON_F64, value, &tensor, &error));
    return tensor;
}

/* f(x, y) = (x^3 y, x + y) */
static TenonStatus record_cubic(void *user, TenonGraph graph, const TenonValue *in, TenonValue *out)
{
    if (user != NULL) ++*(int *)user;
    out[0] = tenon_mul(tenon_pow(in[0], tenon_scalar(graph, TENON_F64, 3)), in[1]);
    out[1] = tenon_add(in[0], in[1]);
    return TENON_OK;
}

static void calls(void)
{
    int records = 0;
    TenonFunction f;
    OK(tenon_function_new(context, record_cubic, &records, count_drop, 2, 2, &f, &error));
    CHECK(tenon_function_input_count(f) == 2 && tenon_function_output_count(f) == 2 && records == 0);
    CHECK(tenon_function_context(f).id == context.id);
    TenonTensor in[2] = {scalar(2), scalar(5)}, out[2] = {{77}, {77}};
    OK(tenon_function_call(f, in, 2, out, 2, &error));
    CHECK(item(out[0]) == 40 && item(out[1]) == 7 && records == 1);
    TenonTensor three = scalar(3);
    OK(tenon_function_call_into(f, (TenonTensor[]){three, in[1]}, 2, out, 2, &error));
    CHECK(item(out[0]) == 135 && item(out[1]) == 8 && records == 1);
    size_t compiled;
    OK(tenon_function_compilations(f, &compiled, &error));
    CHECK(compiled == 1);

    TenonTensor refused[2] = {{77}, {77}};
    REFUSED(tenon_function_call(f, in, 1, refused, 2, &error), TENON_INVALID_ARGUMENT, "takes 2 inputs, not 1");
    REFUSED(tenon_function_call(f, in, 2, refused, 1, &error), TENON_INVALID_ARGUMENT, "outputs has length 1, but the call gives 2");
    REFUSED(tenon_function_call(f, (TenonTensor[]){in[0], {0}}, 2, refused, 2, &error), TENON_INVALID_HANDLE, "inputs[1]: the tensor handle is zero");
    REFUSED(tenon_function_call_into(f, in, 2, in, 2, &error), TENON_INVALID_ARGUMENT, "share memory");
    CHECK(refused[0].id == 77 && refused[1].id == 77 && item(in[0]) == 2);

    /* Another signature: recorded again, and a batch of it broadcasts. */
    TenonTensor pair = tensor_f32(context, (float[]){1, 2}, (int64_t[]){2}, 1);
    OK(tenon_function_prepare(f, (TenonTensor[]){pair, pair}, 2, &error));
    CHECK(records == 2);
    OK(tenon_function_call(f, (TenonTensor[]){pair, pair}, 2, out, 2, &error));
    float both[2];
    OK(tenon_tensor_read(out[1], both, sizeof both, &error));
    CHECK(records == 2 && both[1] == 4);

    char text[20000];
    size_t length;
    OK(tenon_function_describe(f, in, 2, text, sizeof text, &length, &error));
    CHECK(strstr(text, "f64[]") != NULL && strstr(text, "pow") != NULL && strlen(text) == length);

    /* What is made from a function keeps its callback. */
    TenonFunction df;
    OK(tenon_grad(f, NULL, &df, &error));
    OK(tenon_function_free(f));
    CHECK(drops == 0 && tenon_function_output_count(f) == 0);
    REFUSED(tenon_function_call(f, in, 2, out, 2, &error), TENON_INVALID_HANDLE, "the function handle is stale");
    OK(tenon_function_call(df, in, 2, out, 1, &error));
    CHECK(item(out[0]) == 61); /* 3 x^2 y + 1 */
    OK(tenon_function_free(df));
    CHECK(drops == 1);
}

static void gradients(void)
{
    TenonFunction f, both, with_values, aux, second, weighted;
    OK(tenon_function_new(context, record_cubic, NULL, NULL, 2, 2, &f, &error));
    TenonTensor in[4] = {scalar(2), scalar(5), scalar(10), scalar(100)}, out[4];
    TenonGradOptions options;
    OK(tenon_grad_options_init(&options, sizeof options));
    options.positions = (size_t[]){1, 0};
    options.position_count = 2;
    OK(tenon_grad(f, &options, &both, &error));
    CHECK(tenon_function_input_count(both) == 2 && tenon_function_output_count(both) == 2);
    OK(tenon_function_call(both, in, 2, out, 2, &error));
    CHECK(item(out[0]) == 9 && item(out[1]) == 61);
    OK(tenon_value_and_grad(f, &options, &with_values, &error));
    OK(tenon_function_call(with_values, in, 2, out, 4, &error));
    CHECK(item(out[0]) == 40 && item(out[1]) == 7 && item(out[2]) == 9 && item(out[3]) == 61);

    options.sens = true;
    OK(tenon_grad(f, &options, &weighted, &error));
    CHECK(tenon_function_input_count(weighted) == 4);
    OK(tenon_function_call(weighted, in, 4, out, 2, &error));
    CHECK(item(out[0]) == 180 && item(out[1]) == 700); /* 10 x^3 + 100, 10 * 3 x^2 y + 100 */
    options.sens = false;

    options.positions = (size_t[]){0};
    options.position_count = 1;
    options.has_aux = true;
    OK(tenon_grad(f, &options, &aux, &error));
    OK(tenon_function_call(aux, in, 2, out, 2, &error));
    CHECK(item(out[0]) == 60 && item(out[1]) == 7);
    OK(tenon_grad(aux, &options, &second, &error));
    OK(tenon_function_call(second, in, 2, out, 2, &error));
    CHECK(item(out[0]) == 60); /* 6 x y */

    TenonFunction none = {77};
    options.positions = (size_t[]){2};
    REFUSED(tenon_grad(f, &options, &none, &error), TENON_INVALID_ARGUMENT, "no position 2");
    options.positions = (size_t[]){1, 1};
    options.position_count = 2;
    REFUSED(tenon_grad(f, &options, &none, &error), TENON_INVALID_ARGUMENT, "named twice");
    options.positions = NULL;
    REFUSED(tenon_grad(f, &options, &none, &error), TENON_INVALID_ARGUMENT, "positions is NULL");
    CHECK(none.id == 77);
}

/* What a callback does wrong, by number. */
static TenonFunction self;
static TenonGraph remembered;
static TenonValue remembered_value;
enum { FAILS, LEAVES_UNWRITTEN, STALE_VALUE, CALLS_ITSELF, FREES_THE_GRAPH, EVALUATES, RETURNS_NOTHING_OF_THIS_GRAPH, IS_FINE };

static TenonStatus record_badly(void *user, TenonGraph graph, const TenonValue *in, TenonValue *out)
{
    TenonTensor result;
    TenonGraph own;
    out[0] = in[0];
    switch (*(int *)user) {
    case FAILS:
        return 4711;
    case LEAVES_UNWRITTEN:
        memset(out, 0, sizeof *out);
        return TENON_OK;
    case STALE_VALUE:
        CHECK(!tenon_value_is_valid(remembered_value));
        out[0] = tenon_add(in[0], remembered_value);
        return TENON_OK;
    case CALLS_ITSELF: {
        TenonTensor one = scalar(1);
        TenonError inner;
        TenonStatus status = tenon_function_call(self, &one, 1, &result, 1, &inner);
        CHECK(status == TENON_BUSY && strstr(inner.message, "calls itself") != NULL);
        tenon_function_record(self, graph, in, 1, out, 1);
        return TENON_OK;
    }
    case FREES_THE_GRAPH:
        CHECK(tenon_graph_free(graph) == TENON_BUSY);
        return TENON_OK;
    case EVALUATES:
        CHECK(tenon_graph_eval(graph, in, 1, &result, NULL) == TENON_BUSY);
        return TENON_OK;
    case RETURNS_NOTHING_OF_THIS_GRAPH:
        OK(tenon_graph_new(context, &own, &error));
        out[0] = tenon_scalar(own, TENON_F64, 1);
        return TENON_OK;
    default:
        remembered = graph;
        remembered_value = in[0];
        return TENON_OK;
    }
}

static void misbehaviour(void)
{
    int what = IS_FINE;
    OK(tenon_function_new(context, record_badly, &what, NULL, 1, 1, &self, &error));
    const struct {
        int what;
        TenonStatus status;
        const char *words;
    } wanted[] = {
        {IS_FINE, TENON_OK, ""},
        {FAILS, TENON_CALLBACK_FAILED, "the record callback returned 4711"},
        {LEAVES_UNWRITTEN, TENON_INVALID_ARGUMENT, "output 0 is not a value"},
        {STALE_VALUE, TENON_INVALID_HANDLE, "add: operand 2: the graph handle is stale"},
        {CALLS_ITSELF, TENON_BUSY, "calls itself"},
        {FREES_THE_GRAPH, TENON_OK, ""},
        {EVALUATES, TENON_OK, ""},
        {RETURNS_NOTHING_OF_THIS_GRAPH, TENON_INVALID_ARGUMENT, "outputs[0]: belongs to another graph"},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        int64_t shape = (int64_t)i + 1; /* a new signature: recorded anew */
        TenonTensor in, out = {77};
        OK(tenon_tensor_new(context, TENON_F64, &shape, 1, &in, &error));
        what = wanted[i].what;
        TenonStatus status = tenon_function_call(self, &in, 1, &out, 1, &error);
        if (status != wanted[i].status || strstr(error.message, wanted[i].words) == NULL) {
            fprintf(stderr, "misbehaviour %d: %d: %s\n", what, status, error.message);
            exit(1);
        }
        CHECK((status == TENON_OK) == (out.id != 77));
        /* The graph of a callback that has returned is gone. */
        REFUSED(tenon_graph_status(remembered, &error), TENON_INVALID_HANDLE, "stale");
        CHECK(tenon_relu(remembered_value).index == UINT32_MAX);
    }
}

/* A function inside of a function: loss = |df/dx|^2, with the gradient recorded as a part of the graph. */
static TenonFunction inner;

static TenonStatus record_outer(void *user, TenonGraph graph, const TenonValue *in, TenonValue *out)
{
    (void)user;
    TenonValue gradient;
    tenon_function_record(inner, graph, in, 2, &gradient, 1);
    out[0] = tenon_square(gradient);
    return TENON_OK;
}

static void nested(void)
{
    TenonFunction f, outer, d_outer;
    OK(tenon_function_new(context, record_cubic, NULL, NULL, 2, 2, &f, &error));
    OK(tenon_grad(f, NULL, &inner, &error)); /* 3 x^2 y + 1 */
    OK(tenon_function_new(context, record_outer, NULL, NULL, 2, 1, &outer, &error));
    OK(tenon_grad(outer, NULL, &d_outer, &error));
    TenonTensor in[2] = {scalar(2), scalar(5)}, out;
    OK(tenon_function_call(outer, in, 2, &out, 1, &error));
    CHECK(item(out) == 61 * 61);
    OK(tenon_function_call(d_outer, in, 2, &out, 1, &error));
    CHECK(item(out) == 2 * 61 * 60);

    /* On a graph of the host's own, too; and a wrong count is an error that sticks. */
    TenonGraph graph;
    OK(tenon_graph_new(context, &graph, &error));
    TenonValue values[2] = {tenon_constant(graph, in[0]), tenon_constant(graph, in[1])}, result[2];
    tenon_function_record(outer, graph, values, 2, result, 1);
    OK(tenon_graph_eval(graph, result, 1, &out, &error));
    CHECK(item(out) == 61 * 61);
    OK(tenon_graph_free(graph));
    OK(tenon_graph_new(context, &graph, &error));
    values[0] = values[1] = tenon_scalar(graph, TENON_F64, 1);
    tenon_function_record(outer, graph, values, 2, result, 2);
    CHECK(!tenon_value_is_valid(result[0]) && !tenon_value_is_valid(result[1]) && result[0].graph == graph.id);
    REFUSED(tenon_graph_status(graph, &error), TENON_INVALID_ARGUMENT, "function: outputs has length 2");
}

/* A graph is its callback's thread's: what another thread does with it fails and sticks, and nothing tears. */
static void *record_elsewhere(void *value)
{
    CHECK(!tenon_value_is_valid(tenon_exp(*(TenonValue *)value)));
    return NULL;
}

static TenonStatus record_on_two_threads(void *user, TenonGraph graph, const TenonValue *in, TenonValue *out)
{
    TenonValue value = in[0];
    pthread_t thread;
    (void)user;
    (void)graph;
    CHECK(pthread_create(&thread, NULL, record_elsewhere, &value) == 0);
    for (int i = 0; i < 100; i++) value = tenon_add_scalar(value, 1);
    CHECK(pthread_join(thread, NULL) == 0);
    out[0] = value;
    return TENON_OK;
}

/* Threads that call one function at once, each with its own shape: each has its own graph. */
static void *call_often(void *function)
{
    for (int64_t size = 1; size <= 20; size++) {
        TenonTensor in[2], out[2];
        double sum[20];
        CHECK(tenon_tensor_new(context, TENON_F64, &size, 1, &in[0], NULL) == TENON_OK);
        in[1] = in[0];
        CHECK(tenon_function_call(*(TenonFunction *)function, in, 2, out, 2, NULL) == TENON_OK);
        CHECK(tenon_tensor_read(out[1], sum, (size_t)size * sizeof *sum, NULL) == TENON_OK);
        CHECK(sum[size - 1] == 0);
        tenon_tensor_free(in[0]);
        tenon_tensor_free(out[0]);
        tenon_tensor_free(out[1]);
    }
    return NULL;
}

static void threads(void)
{
    TenonFunction f;
    TenonTensor in, out = {77};
    OK(tenon_function_new(context, record_on_two_threads, NULL, NULL, 1, 1, &f, &error));
    in = scalar(1);
    REFUSED(tenon_function_call(f, &in, 1, &out, 1, &error), TENON_BUSY, "exp: the graph belongs to a callback on another thread");
    CHECK(out.id == 77);
    pthread_t all[3];
    OK(tenon_function_new(context, record_cubic, NULL, NULL, 2, 2, &f, &error));
    for (int i = 0; i < 3; i++) CHECK(pthread_create(&all[i], NULL, call_often, &f) == 0);
    for (int i = 0; i < 3; i++) CHECK(pthread_join(all[i], NULL) == 0);
}

/* A context that is freed from inside of its own callback. */
static TenonStatus record_suicide(void *user, TenonGraph graph, const TenonValue *in, TenonValue *out)
{
    TenonContext *doomed = user;
    CHECK(tenon_context_free(*doomed) == TENON_OK);
    CHECK(tenon_scalar(graph, TENON_F32, 1).index == UINT32_MAX);
    out[0] = in[0];
    return TENON_OK;
}

static void freed_inside(void)
{
    TenonContext doomed;
    TenonFunction f;
    TenonTensor in, out = {77};
    OK(tenon_context_new(NULL, &doomed, &error));
    int before = drops;
    OK(tenon_function_new(doomed, record_suicide, &doomed, count_drop, 1, 1, &f, &error));
    OK(tenon_tensor_from_scalar(doomed, TENON_F32, 1, &in, &error));
    CHECK(tenon_function_call(f, &in, 1, &out, 1, &error) != TENON_OK && error.message[0] != 0 && out.id == 77);
    CHECK(drops == before + 1);
}

int main(void)
{
    OK(tenon_context_new(NULL, &context, &error));
    calls();
    gradients();
    misbehaviour();
    nested();
    threads();
    freed_inside();
    TenonFunction f = {77};
    drops = 0;
    REFUSED(tenon_function_new(context, NULL, NULL, count_drop, 1, 1, &f, &error), TENON_INVALID_ARGUMENT, "record is NULL");
    REFUSED(tenon_function_new((TenonContext){0}, record_cubic, NULL, count_drop, 1, 1, &f, &error), TENON_INVALID_HANDLE, "zero");
    CHECK(f.id == 77 && drops == 2);
    CHECK(tenon_context_free(context) == TENON_OK);
    return 0;
}
