/* A cell written in C, and a training loop written by hand: value_and_grad makes the function, the optimizer applies what it returns.
 *
 * The cell is a gated residual block, y = x + sigmoid(gate) * relu(dense(x)), with one gate for each feature. It has a parameter of its own
 * ("gate") and a child ("dense"); a network finds both by their paths, as with any built-in cell. */
#include <stdio.h>
#include <stdlib.h>
#include <tenon.h>

#include "digits.h"

static TenonError error;

static void check(TenonStatus status)
{
    if (status != TENON_OK) {
        fprintf(stderr, "tenon: %s\n", error.message);
        exit(1);
    }
}

struct gated_residual {
    TenonCell dense;
    TenonParameter gate;
};

/* The cell's forward pass. Errors stick to the graph: nothing needs a check here. */
static TenonStatus construct_gated_residual(void *user, TenonGraph graph, const TenonValue *inputs, TenonValue *outputs)
{
    const struct gated_residual *block = user;
    TenonValue gate = tenon_sigmoid(tenon_parameter_read_value(graph, block->gate));
    TenonValue branch = tenon_relu(tenon_cell_call(block->dense, inputs[0]));
    outputs[0] = tenon_add(inputs[0], tenon_mul(gate, branch)); /* the gate is broadcast over the batch */
    return TENON_OK;
}

static TenonCell gated_residual_new(TenonContext context, int64_t features, TenonParameter *gate)
{
    struct gated_residual *block = malloc(sizeof *block);
    TenonCell cell;
    if (block == NULL) exit(1);
    check(tenon_cell_new(context, construct_gated_residual, block, free, &cell, &error)); /* the cell frees its block when it goes */
    check(tenon_dense_new(context, features, features, NULL, &block->dense, &error));
    check(tenon_cell_insert_child(cell, "dense", block->dense, &error));
    check(tenon_cell_parameter(cell, "gate", TENON_F32, &features, 1, NULL, &block->gate, &error)); /* no initializer: zeros, half open */
    *gate = block->gate;
    return cell;
}

/* Loss first, then what only interests the reader: the share of right answers. */
static TenonStatus record_loss(void *user, TenonGraph graph, const TenonValue *inputs, TenonValue *outputs)
{
    (void)graph;
    TenonValue logits = tenon_cell_call(*(const TenonCell *)user, inputs[0]);
    outputs[0] = tenon_cross_entropy(logits, inputs[1], TENON_REDUCTION_MEAN);
    outputs[1] = tenon_mean(tenon_cast(tenon_equal(tenon_argmax(logits, 1), inputs[1]), TENON_F32), NULL, 0, false);
    return TENON_OK;
}

int main(void)
{
    enum { BATCH = 32, EPOCHS = 10, BLOCKS = 2, LARGEST = 32 };
    struct digits digits = digits_load();

    TenonContextOptions options;
    tenon_context_options_init(&options, sizeof options);
    options.seed = 3;
    TenonContext context;
    check(tenon_context_new(&options, &context, &error));

    TenonCell net, out;
    TenonParameter gates[BLOCKS];
    check(tenon_sequential_new(context, &net, &error));
    for (int i = 0; i < BLOCKS; i++)
        check(tenon_cell_insert_child(net, i == 0 ? "block1" : "block2", gated_residual_new(context, 64, &gates[i]), &error));
    check(tenon_dense_new(context, 64, 10, NULL, &out, &error));
    check(tenon_cell_insert_child(net, "out", out, &error));
    check(tenon_cell_set_train(net, true, &error));

    TenonOptimizer optimizer;
    check(tenon_adam_new(net, NULL, &optimizer, &error));
    TenonParameter weights[LARGEST];
    size_t weight_count;
    check(tenon_optimizer_parameters(optimizer, weights, LARGEST, &weight_count, &error));

    /* (images, labels) -> (loss, accuracy, one gradient for each weight) */
    TenonFunction forward, backward;
    check(tenon_function_new(context, record_loss, &net, NULL, 2, 2, &forward, &error));
    TenonGradOptions grad;
    tenon_grad_options_init(&grad, sizeof grad);
    grad.position_count = 0; /* not with respect to images or labels */
    grad.weights = weights;
    grad.weight_count = weight_count;
    grad.has_aux = true; /* the accuracy is returned as it is */
    check(tenon_value_and_grad(forward, &grad, &backward, &error));

    TenonTensor images, labels, results[2 + LARGEST];
    size_t result_count = 2 + weight_count;
    check(tenon_tensor_new(context, TENON_F32, (int64_t[]){BATCH, 64}, 2, &images, &error));
    check(tenon_tensor_new(context, TENON_I32, (int64_t[]){BATCH}, 1, &labels, &error));
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        float loss = 0;
        digits_shuffle(&digits, (uint64_t)epoch);
        for (size_t i = 0; i + BATCH <= digits.train_count; i += BATCH) {
            check(tenon_tensor_write(images, digits.train_images + i * 64, BATCH * 64 * sizeof(float), &error));
            check(tenon_tensor_write(labels, digits.train_labels + i, BATCH * sizeof(int32_t), &error));
            check(tenon_function_call(backward, (TenonTensor[]){images, labels}, 2, results, result_count, &error));
            /* The gradients are tensors like any other: here a host could look at them, clip them, or send them to other machines. */
            check(tenon_optimizer_apply(optimizer, results + 2, weight_count, &error));
            check(tenon_tensor_read(results[0], &loss, sizeof loss, &error));
            for (size_t k = 0; k < result_count; k++) tenon_tensor_free(results[k]);
        }
        printf("epoch %2d  loss %.4f\n", epoch + 1, loss);
        fflush(stdout);
    }

    for (int i = 0; i < BLOCKS; i++) {
        float gate[64], mean = 0;
        TenonTensor value;
        check(tenon_parameter_value(gates[i], &value, &error));
        check(tenon_tensor_read(value, gate, sizeof gate, &error));
        for (int k = 0; k < 64; k++) mean += gate[k] / 64;
        printf("block%d.gate: began at 0, is now %+.3f on average\n", i + 1, mean);
    }

    /* The forward function again, on the held-out digits, in inference mode. */
    TenonTensor test_images, test_labels, test_results[2];
    float accuracy;
    check(tenon_cell_set_train(net, false, &error));
    check(tenon_tensor_new(context, TENON_F32, (int64_t[]){(int64_t)digits.test_count, 64}, 2, &test_images, &error));
    check(tenon_tensor_new(context, TENON_I32, (int64_t[]){(int64_t)digits.test_count}, 1, &test_labels, &error));
    check(tenon_tensor_write(test_images, digits.test_images, digits.test_count * 64 * sizeof(float), &error));
    check(tenon_tensor_write(test_labels, digits.test_labels, digits.test_count * sizeof(int32_t), &error));
    check(tenon_function_call(forward, (TenonTensor[]){test_images, test_labels}, 2, test_results, 2, &error));
    check(tenon_tensor_read(test_results[1], &accuracy, sizeof accuracy, &error));
    printf("test accuracy %.2f %%\n", 100 * accuracy);

    digits_free(&digits);
    tenon_context_free(context);
    return 0;
}
