/* What a context takes from its host: memory, a job system, a log; and the promises that can be seen through them. */
#include "check.h"

/* Enough rows for products that are cut into tasks, little enough work for valgrind. */
enum { BATCH = 1024, WIDTH = 64 };

struct memory {
    size_t allocations, live, dropped;
    int refuses, misaligns;
};

static void *allocate(void *user, size_t size, size_t alignment)
{
    struct memory *memory = user;
    char *block;
    if (memory->refuses) return NULL;
    /* The address of the whole block lies in front of the aligned part. */
    block = malloc(size + 2 * alignment + sizeof(void *));
    if (block == NULL) return NULL;
    char *aligned = block + sizeof(void *);
    aligned += (alignment - (uintptr_t)aligned % alignment) % alignment;
    if (memory->misaligns) aligned += sizeof(void *);
    memcpy(aligned - sizeof(void *), &block, sizeof block);
    memory->allocations++;
    memory->live += size;
    return aligned;
}

static void deallocate(void *user, void *pointer, size_t size, size_t alignment)
{
    struct memory *memory = user;
    void *block;
    CHECK(alignment != 0);
    memcpy(&block, (char *)pointer - sizeof(void *), sizeof block);
    memory->live -= size;
    free(block);
}

static void drop_memory(void *user)
{
    ((struct memory *)user)->dropped++;
}

struct jobs {
    size_t calls, pieces, dropped;
    int fails;
};

static TenonStatus parallel_for(void *user, size_t count, TenonJobFunction function, void *job)
{
    struct jobs *jobs = user;
    jobs->calls++;
    if (jobs->fails) return TENON_CANCELLED;
    for (size_t index = count; index-- > 0;) { /* backwards: the order does not matter */
        function(job, index);
        jobs->pieces++;
    }
    return TENON_OK;
}

static void drop_jobs(void *user)
{
    ((struct jobs *)user)->dropped++;
}

struct lines {
    size_t count, dropped;
    char last[256];
};

static void log_line(void *user, TenonLogLevel level, const char *text)
{
    struct lines *lines = user;
    CHECK(level >= TENON_LOG_ERROR && level <= TENON_LOG_INFO);
    lines->count++;
    snprintf(lines->last, sizeof lines->last, "%s", text);
}

static void drop_log(void *user)
{
    ((struct lines *)user)->dropped++;
}

static TenonStatus record_loss(void *user, TenonGraph graph, const TenonValue *inputs, TenonValue *outputs)
{
    (void)graph;
    outputs[0] = tenon_mse_loss(tenon_cell_call(*(TenonCell *)user, inputs[0]), inputs[1], TENON_REDUCTION_MEAN);
    return TENON_OK;
}

/* Trains a wide layer and returns the last loss. `cell` must live as long as the context. */
static double train(TenonContext context, TenonCell *cell, TenonTrainStep *step, TenonTensor *inputs)
{
    static float numbers[BATCH * WIDTH];
    TenonOptimizer optimizer;
    TenonFunction loss;
    TenonTensor result;
    for (int i = 0; i < BATCH * WIDTH; i++) numbers[i] = (float)(i * 7919 % 101) / 101.0f;
    OK(tenon_dense_new(context, WIDTH, WIDTH, NULL, cell, &error));
    OK(tenon_cell_set_train(*cell, true, &error));
    OK(tenon_adam_new(*cell, NULL, &optimizer, &error));
    OK(tenon_function_new(context, record_loss, cell, NULL, 2, 1, &loss, &error));
    OK(tenon_train_step_new(loss, optimizer, NULL, step, &error));
    inputs[0] = tensor_f32(context, numbers, (int64_t[]){BATCH, WIDTH}, 2);
    inputs[1] = tensor_f32(context, numbers, (int64_t[]){BATCH, WIDTH}, 2);
    for (int i = 0; i < 3; i++) OK(tenon_train_step_run(*step, inputs, 2, &result, 1, &error));
    return item(result);
}

static void everything(void)
{
    struct memory memory = {0};
    struct jobs jobs = {0};
    struct lines lines = {0};
    TenonContextOptions options;
    OK(tenon_context_options_init(&options, sizeof options));
    options.seed = 5;
    options.allocate = allocate;
    options.deallocate = deallocate;
    options.allocator_user = &memory;
    options.allocator_drop = drop_memory;
    options.parallel_for = parallel_for;
    options.concurrency = 3;
    options.jobs_user = &jobs;
    options.jobs_drop = drop_jobs;
    options.log = log_line;
    options.log_user = &lines;
    options.log_drop = drop_log;
    TenonContext context;
    TenonCell cell, other_cell;
    TenonTrainStep step, other_step;
    TenonTensor inputs[2], result;
    OK(tenon_context_new(&options, &context, &error));
    uint32_t concurrency;
    OK(tenon_context_concurrency(context, &concurrency, &error));
    CHECK(concurrency == 3);
    double loss = train(context, &cell, &step, inputs);
    CHECK(memory.allocations > 0 && memory.live > 0 && jobs.calls > 0 && jobs.pieces > jobs.calls);
    CHECK(lines.count == 1 && strstr(lines.last, "compiled a program") != NULL);
    size_t used, peak;
    OK(tenon_context_memory(context, &used, &peak, &error));
    CHECK(used == memory.live && peak >= used);

    /* From the second step on the host's memory is not asked. */
    size_t allocations = memory.allocations;
    for (int i = 0; i < 5; i++) OK(tenon_train_step_run(step, inputs, 2, &result, 1, &error));
    CHECK(memory.allocations == allocations);

    /* A job system that fails fails the run; parameters are as before, and the next run goes on. */
    TenonParameter weight;
    TenonTensor value;
    float before[4], after[4], *all = malloc(WIDTH * WIDTH * sizeof(float));
    OK(tenon_cell_find_parameter(cell, "weight", &weight, &error));
    OK(tenon_parameter_value(weight, &value, &error));
    OK(tenon_tensor_read(value, all, WIDTH * WIDTH * sizeof(float), &error));
    memcpy(before, all, sizeof before);
    jobs.fails = 1;
    REFUSED(tenon_train_step_run(step, inputs, 2, &result, 1, &error), TENON_CALLBACK_FAILED, "parallel_for");
    OK(tenon_tensor_read(value, all, WIDTH * WIDTH * sizeof(float), &error));
    memcpy(after, all, sizeof after);
    CHECK(memcmp(before, after, sizeof before) == 0);
    jobs.fails = 0;
    OK(tenon_train_step_run(step, inputs, 2, &result, 1, &error));
    free(all);

    /* No memory, and memory at odd places. */
    TenonTensor none = {77};
    memory.refuses = 1;
    REFUSED(tenon_tensor_new(context, TENON_F32, (int64_t[]){100}, 1, &none, &error), TENON_OUT_OF_MEMORY, "could not be allocated");
    memory.refuses = 0;
    memory.misaligns = 1;
    size_t live = memory.live;
    REFUSED(tenon_tensor_new(context, TENON_F32, (int64_t[]){100}, 1, &none, &error), TENON_OUT_OF_MEMORY, "could not be allocated");
    CHECK(none.id == 77 && memory.live == live);
    memory.misaligns = 0;

    /* The same bits from the library's own threads, however many. */
    for (uint32_t workers = 1; workers <= 3; workers++) {
        TenonContext other;
        TenonTensor other_inputs[2];
        OK(tenon_context_new(&(TenonContextOptions){.struct_size = sizeof options, .seed = 5, .worker_count = workers}, &other, &error));
        CHECK(train(other, &other_cell, &other_step, other_inputs) == loss);
        CHECK(tenon_context_free(other) == TENON_OK);
    }

    CHECK(jobs.dropped == 0 && memory.dropped == 0 && lines.dropped == 0);
    CHECK(tenon_context_free(context) == TENON_OK);
    CHECK(memory.live == 0 && memory.dropped == 1 && jobs.dropped == 1 && lines.dropped == 1);
}

static void cap_and_level(void)
{
    TenonContext context;
    TenonContextOptions options;
    OK(tenon_context_options_init(&options, sizeof options));
    options.memory_cap = 100000;
    options.simd_level = "portable";
    OK(tenon_context_new(&options, &context, &error));
    TenonTensor tensor;
    OK(tenon_tensor_new(context, TENON_F32, (int64_t[]){20000}, 1, &tensor, &error));
    TenonTensor more = {77};
    REFUSED(tenon_tensor_new(context, TENON_F32, (int64_t[]){20000}, 1, &more, &error), TENON_OUT_OF_MEMORY, "cap of 100000 bytes");
    char name[16];
    size_t length;
    OK(tenon_context_simd_level(context, name, sizeof name, &length, &error));
    CHECK(strcmp(name, "portable") == 0);
    uint64_t seed;
    OK(tenon_context_set_seed(context, 11, &error));
    OK(tenon_context_seed(context, &seed, &error));
    CHECK(seed == 11);
    CHECK(tenon_context_free(context) == TENON_OK);
}

/* Callbacks are dropped once also where the context is not made. */
static void refusals(void)
{
    struct memory memory = {0};
    struct jobs jobs = {0};
    struct lines lines = {0};
    TenonContext context = {77};
    TenonContextOptions options;
    OK(tenon_context_options_init(&options, sizeof options));
    options.allocate = allocate;
    options.allocator_user = &memory;
    options.allocator_drop = drop_memory;
    REFUSED(tenon_context_new(&options, &context, &error), TENON_INVALID_ARGUMENT, "without the other");
    options.deallocate = deallocate;
    options.parallel_for = parallel_for;
    options.jobs_user = &jobs;
    options.jobs_drop = drop_jobs;
    REFUSED(tenon_context_new(&options, &context, &error), TENON_INVALID_ARGUMENT, "concurrency is 0");
    options.concurrency = 2;
    options.log_user = &lines;
    options.log_drop = drop_log;
    options.simd_level = "sse9";
    REFUSED(tenon_context_new(&options, &context, &error), TENON_INVALID_ARGUMENT, "sse9");
    options.simd_level = NULL;
    REFUSED(tenon_context_new(&options, NULL, &error), TENON_INVALID_ARGUMENT, "context is NULL");
    CHECK(memory.dropped == 4 && jobs.dropped == 3 && lines.dropped == 2 && context.id == 77 && memory.live == 0);
}

int main(void)
{
    everything();
    cap_and_level();
    refusals();
    return 0;
}
