/* Trains a small network on handwritten digits. This is the main job, the way a C host writes it.
 *
 *     train_digits [--seed N] [--workers N] [--out DIR]
 *
 * Writes digits.safetensors (network and optimizer) and digits_loss.svg (the loss of each step) into DIR, by default the working
 * directory. The seed decides every number that is printed but the time; the number of workers (0: one for each core) decides none. */
#define _POSIX_C_SOURCE 199309L /* clock_gettime */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tenon.h>
#include <time.h>

#include "digits.h" /* digits_load(): the UCI digits in this repository, as float images and int32 labels */
#include "plot.h"

static TenonError error;

static void check(TenonStatus status)
{
    if (status != TENON_OK) {
        fprintf(stderr, "tenon: %s\n", error.message);
        exit(1);
    }
}

/* Records what the loss is. Runs once per input signature, never once per step. */
static TenonStatus record_loss(void *user, TenonGraph graph, const TenonValue *inputs, TenonValue *outputs)
{
    (void)graph;
    TenonCell net = *(const TenonCell *)user;
    TenonValue logits = tenon_cell_call(net, inputs[0]);
    outputs[0] = tenon_cross_entropy(logits, inputs[1], TENON_REDUCTION_MEAN);
    outputs[1] = tenon_mean(tenon_cast(tenon_equal(tenon_argmax(logits, 1), inputs[1]), TENON_F32), NULL, 0, false);
    return TENON_OK;
}

/* What the finished network is asked for: the class of each image. */
static TenonStatus record_classes(void *user, TenonGraph graph, const TenonValue *inputs, TenonValue *outputs)
{
    (void)graph;
    outputs[0] = tenon_cast(tenon_argmax(tenon_cell_call(*(const TenonCell *)user, inputs[0]), 1), TENON_I32);
    return TENON_OK;
}

/* The share of held-out digits that the network gets right, in percent. */
static double test_accuracy(TenonContext context, TenonCell *net, const struct digits *digits)
{
    TenonFunction classify;
    TenonTensor images, classes;
    int32_t *predicted = malloc(digits->test_count * sizeof *predicted);
    size_t right = 0;
    if (predicted == NULL) exit(1);

    check(tenon_cell_set_train(*net, false, &error)); /* inference: dropout lets everything through */
    check(tenon_function_new(context, record_classes, net, NULL, 1, 1, &classify, &error));
    check(tenon_tensor_new(context, TENON_F32, (int64_t[]){(int64_t)digits->test_count, 64}, 2, &images, &error));
    check(tenon_tensor_write(images, digits->test_images, digits->test_count * 64 * sizeof(float), &error));
    check(tenon_function_call(classify, &images, 1, &classes, 1, &error));
    check(tenon_tensor_read(classes, predicted, digits->test_count * sizeof *predicted, &error));
    for (size_t i = 0; i < digits->test_count; i++) right += predicted[i] == digits->test_labels[i];
    free(predicted);
    return 100.0 * (double)right / (double)digits->test_count;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static const char *in_directory(const char *directory, const char *name)
{
    static char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path) {
        fprintf(stderr, "train_digits: the path %s/%s is too long\n", directory, name);
        exit(1);
    }
    return path;
}

int main(int argc, char **argv)
{
    enum { BATCH = 32, EPOCHS = 20, STEPS = DIGITS_TRAIN / BATCH };
    static float losses[EPOCHS * STEPS];
    const char *out = ".";

    TenonContextOptions options;
    tenon_context_options_init(&options, sizeof options);
    options.seed = 7;
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 < argc && strcmp(argv[i], "--seed") == 0) {
            options.seed = strtoull(argv[i + 1], NULL, 10);
        } else if (i + 1 < argc && strcmp(argv[i], "--workers") == 0) {
            options.worker_count = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        } else if (i + 1 < argc && strcmp(argv[i], "--out") == 0) {
            out = argv[i + 1];
        } else {
            fprintf(stderr, "usage: %s [--seed N] [--workers N] [--out DIR]\n", argv[0]);
            return 2;
        }
    }
    struct digits digits = digits_load();

    TenonContext context;
    check(tenon_context_new(&options, &context, &error));

    /* A cell is a tree of named children; parameters are named by their path: "fc1.weight". */
    TenonCell net, fc1, relu, drop, fc2;
    check(tenon_dense_new(context, 64, 128, NULL, &fc1, &error));
    check(tenon_relu_new(context, &relu, &error));
    check(tenon_dropout_new(context, &(TenonDropoutOptions){.struct_size = sizeof(TenonDropoutOptions), .keep_prob = 0.9}, &drop, &error));
    check(tenon_dense_new(context, 128, 10, NULL, &fc2, &error));
    check(tenon_sequential_new(context, &net, &error));
    check(tenon_cell_insert_child(net, "fc1", fc1, &error));
    check(tenon_cell_insert_child(net, "relu", relu, &error));
    check(tenon_cell_insert_child(net, "drop", drop, &error));
    check(tenon_cell_insert_child(net, "fc2", fc2, &error));
    check(tenon_cell_set_train(net, true, &error));

    TenonFunction loss;
    check(tenon_function_new(context, record_loss, &net, NULL, 2, 2, &loss, &error));

    TenonMomentumOptions momentum;
    tenon_momentum_options_init(&momentum, sizeof momentum);
    momentum.learning_rate = 0.1;
    momentum.momentum = 0.9;
    TenonOptimizer optimizer;
    check(tenon_momentum_new(net, &momentum, &optimizer, &error));

    /* Forward, backward, and update: one compiled program. */
    TenonTrainStep step;
    check(tenon_train_step_new(loss, optimizer, NULL, &step, &error));

    printf("training on %u digits, %u held out\n", (unsigned)digits.train_count, (unsigned)digits.test_count);
    TenonTensor images, labels, results[2];
    check(tenon_tensor_new(context, TENON_F32, (int64_t[]){BATCH, 64}, 2, &images, &error));
    check(tenon_tensor_new(context, TENON_I32, (int64_t[]){BATCH}, 1, &labels, &error));
    double start = seconds();
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        double loss_sum = 0, accuracy_sum = 0;
        digits_shuffle(&digits, options.seed + (uint64_t)epoch);
        for (size_t i = 0; i < STEPS; i++) {
            float accuracy, *loss_of_step = &losses[(size_t)epoch * STEPS + i];
            check(tenon_tensor_write(images, digits.train_images + i * BATCH * 64, BATCH * 64 * sizeof(float), &error));
            check(tenon_tensor_write(labels, digits.train_labels + i * BATCH, BATCH * sizeof(int32_t), &error));
            check(tenon_train_step_run(step, (TenonTensor[]){images, labels}, 2, results, 2, &error));
            check(tenon_tensor_read(results[0], loss_of_step, sizeof *loss_of_step, &error));
            check(tenon_tensor_read(results[1], &accuracy, sizeof accuracy, &error));
            loss_sum += *loss_of_step;
            accuracy_sum += accuracy;
        }
        printf("epoch %2d  loss %.4f  train accuracy %6.2f %%\n", epoch + 1, loss_sum / STEPS, 100 * accuracy_sum / STEPS);
        fflush(stdout); /* progress is for now, also through a pipe */
    }
    printf("trained in %.2f s\n", seconds() - start);

    check(tenon_checkpoint_save(net, optimizer, in_directory(out, "digits.safetensors"), &error));
    struct plot plot = {
        .title = "Training on the digits", .x_label = "epoch", .y_label = "cross-entropy",
        .values = losses, .count = EPOCHS * STEPS, .x_step = 1.0 / STEPS, .smoothing = STEPS / 2,
    };
    if (plot_write(&plot, in_directory(out, "digits_loss.svg")) != 0) {
        fprintf(stderr, "train_digits: cannot write %s\n", in_directory(out, "digits_loss.svg"));
        return 1;
    }
    printf("wrote digits.safetensors and digits_loss.svg to %s\n", out);
    printf("test accuracy %.2f %%\n", test_accuracy(context, &net, &digits));

    digits_free(&digits);
    tenon_context_free(context); /* frees everything made in it */
    return 0;
}
