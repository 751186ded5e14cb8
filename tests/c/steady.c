/* From the second step on nothing is allocated, as seen by the process's own malloc: the library's and everything below. */
#include "check.h"

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)

#include <errno.h>
#include <stdatomic.h>

static atomic_long allocations;

/* Programs may define these; glibc keeps its own under other names. */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

void *malloc(size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_malloc(size);
}
void *calloc(size_t count, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_calloc(count, size);
}
void *realloc(void *pointer, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_realloc(pointer, size);
}
void *aligned_alloc(size_t alignment, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_memalign(alignment, size);
}
int posix_memalign(void **pointer, size_t alignment, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    *pointer = __libc_memalign(alignment, size);
    return *pointer == NULL ? ENOMEM : 0;
}
void free(void *pointer)
{
    __libc_free(pointer);
}

static TenonStatus record_loss(void *user, TenonGraph graph, const TenonValue *in, TenonValue *out)
{
    TenonValue logits = tenon_cell_call(*(const TenonCell *)user, in[0]);
    (void)graph;
    out[0] = tenon_cross_entropy(logits, in[1], TENON_REDUCTION_MEAN);
    out[1] = tenon_mean(tenon_cast(tenon_equal(tenon_argmax(logits, 1), in[1]), TENON_F32), NULL, 0, false);
    return TENON_OK;
}

/* The network of c_examples/train_digits.c, on made-up pictures. */
static void steps_of(uint32_t workers)
{
    enum { BATCH = 32 };
    static float pixels[BATCH * 64];
    static int32_t classes[BATCH];
    const int64_t image_shape[] = {BATCH, 64}, label_shape[] = {BATCH};
    TenonContextOptions options;
    TenonDropoutOptions dropout;
    TenonContext context;
    TenonCell net, fc1, relu, drop, fc2;
    TenonFunction loss;
    TenonOptimizer optimizer;
    TenonTrainStep step;
    TenonTensor in[2], results[2];
    float first = 0, last = 0;

    OK(tenon_context_options_init(&options, sizeof options));
    options.seed = 7;
    options.worker_count = workers;
    OK(tenon_context_new(&options, &context, &error));
    OK(tenon_dropout_options_init(&dropout, sizeof dropout));
    dropout.keep_prob = 0.9;
    OK(tenon_dense_new(context, 64, 128, NULL, &fc1, &error));
    OK(tenon_relu_new(context, &relu, &error));
    OK(tenon_dropout_new(context, &dropout, &drop, &error));
    OK(tenon_dense_new(context, 128, 10, NULL, &fc2, &error));
    OK(tenon_sequential_new(context, &net, &error));
    OK(tenon_cell_insert_child(net, "fc1", fc1, &error));
    OK(tenon_cell_insert_child(net, "relu", relu, &error));
    OK(tenon_cell_insert_child(net, "drop", drop, &error));
    OK(tenon_cell_insert_child(net, "fc2", fc2, &error));
    OK(tenon_cell_set_train(net, true, &error));
    OK(tenon_function_new(context, record_loss, &net, NULL, 2, 2, &loss, &error));
    OK(tenon_momentum_new(net, NULL, &optimizer, &error));
    OK(tenon_train_step_new(loss, optimizer, NULL, &step, &error));
    OK(tenon_tensor_new(context, TENON_F32, image_shape, 2, &in[0], &error));
    OK(tenon_tensor_new(context, TENON_I32, label_shape, 1, &in[1], &error));

    for (int i = 0; i < 30; i++) {
        for (int j = 0; j < BATCH * 64; j++)
            pixels[j] = (float)((j * 37 + i % 3 * 11) % 101) / 101;
        for (int j = 0; j < BATCH; j++)
            classes[j] = j % 10;
        long before = atomic_load(&allocations);
        OK(tenon_tensor_write(in[0], pixels, sizeof pixels, &error));
        OK(tenon_tensor_write(in[1], classes, sizeof classes, &error));
        OK(tenon_train_step_run(step, in, 2, results, 2, &error));
        OK(tenon_tensor_read(results[0], &last, sizeof last, &error));
        if (i == 0) {
            first = last;
            printf("%u workers: %ld allocations in the first step\n", workers, atomic_load(&allocations) - before);
        } else if (atomic_load(&allocations) != before) {
            fprintf(stderr, "step %d with %u workers allocated %ld times\n", i + 1, workers, atomic_load(&allocations) - before);
            exit(1);
        }
    }
    CHECK(last < first);
    OK(tenon_context_free(context));
}

int main(void)
{
    void *volatile probe = malloc(1);
    free(probe);
    CHECK(probe != NULL);
    steps_of(1);
    steps_of(3);
    return 0;
}

#else
int main(void)
{
    return 0; /* Only glibc lets a program count the library's allocations this way. */
}
#endif
