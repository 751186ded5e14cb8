#include <stdio.h>
#include <tenon.h>

/* The loss as a graph: recorded once, then differentiated and compiled. */
static TenonStatus record_loss(void *user, TenonGraph graph, const TenonValue *in, TenonValue *out)
{
    (void)graph;
    out[0] = tenon_mse_loss(tenon_cell_call(*(TenonCell *)user, in[0]), in[1], TENON_REDUCTION_MEAN);
    return TENON_OK;
}

int main(void)
{
    const float points[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}}, wanted[4][1] = {{0}, {1}, {1}, {0}};
    TenonContext context = {0}; TenonCell net, layer[3]; TenonFunction loss; TenonOptimizer adam;
    TenonTrainStep step; TenonTensor in[2], result; TenonError error; float value;

    int failed = tenon_context_new(NULL, &context, &error) || tenon_sequential_new(context, &net, &error)
        || tenon_dense_new(context, 2, 16, NULL, &layer[0], &error) || tenon_cell_insert_child(net, "fc1", layer[0], &error)
        || tenon_tanh_new(context, &layer[1], &error) || tenon_cell_insert_child(net, "tanh", layer[1], &error)
        || tenon_dense_new(context, 16, 1, NULL, &layer[2], &error) || tenon_cell_insert_child(net, "fc2", layer[2], &error)
        || tenon_cell_set_train(net, true, &error) || tenon_adam_new(net, NULL, &adam, &error)
        || tenon_function_new(context, record_loss, &net, NULL, 2, 1, &loss, &error)
        || tenon_train_step_new(loss, adam, NULL, &step, &error)
        || tenon_tensor_new(context, TENON_F32, (int64_t[]){4, 2}, 2, &in[0], &error)
        || tenon_tensor_new(context, TENON_F32, (int64_t[]){4, 1}, 2, &in[1], &error)
        || tenon_tensor_write(in[0], points, sizeof points, &error) || tenon_tensor_write(in[1], wanted, sizeof wanted, &error);
    for (int i = 0; i < 3000 && !failed; i++) /* forward pass, gradients, and update: one call */
        failed = tenon_train_step_run(step, in, 2, &result, 1, &error) || tenon_tensor_read(result, &value, sizeof value, &error);
    if (failed) fprintf(stderr, "%s\n", error.message);
    else printf("loss after 3000 steps: %g\n", value);
    tenon_context_free(context); /* and everything that was made in it */
    return failed;
}
