/* Optimizers, training steps, and checkpoints: what is updated, what is handed out, what a file brings back. */
#include "check.h"

static TenonContext context;

struct model {
    TenonCell net, fc1, drop, fc2;
    TenonFunction loss;
    TenonOptimizer optimizer;
    TenonTrainStep step;
    TenonTensor inputs[2];
};

static TenonStatus record_loss(void *user, TenonGraph graph, const TenonValue *inputs, TenonValue *outputs)
{
    (void)graph;
    TenonValue y = tenon_cell_call(((struct model *)user)->net, inputs[0]);
    outputs[0] = tenon_mse_loss(y, inputs[1], TENON_REDUCTION_MEAN);
    outputs[1] = y;
    return TENON_OK;
}

static void new_model(struct model *model)
{
    TenonCell act;
    OK(tenon_sequential_new(context, &model->net, &error));
    OK(tenon_dense_new(context, 2, 8, NULL, &model->fc1, &error));
    OK(tenon_tanh_new(context, &act, &error));
    OK(tenon_dropout_new(context, &(TenonDropoutOptions){.struct_size = sizeof(TenonDropoutOptions), .keep_prob = 0.9}, &model->drop, &error));
    OK(tenon_dense_new(context, 8, 1, NULL, &model->fc2, &error));
    OK(tenon_cell_insert_child(model->net, "fc1", model->fc1, &error));
    OK(tenon_cell_insert_child(model->net, "act", act, &error));
    OK(tenon_cell_insert_child(model->net, "drop", model->drop, &error));
    OK(tenon_cell_insert_child(model->net, "fc2", model->fc2, &error));
    OK(tenon_cell_set_train(model->net, true, &error));
    OK(tenon_adam_new(model->net, NULL, &model->optimizer, &error));
    OK(tenon_function_new(context, record_loss, model, NULL, 2, 2, &model->loss, &error));
    OK(tenon_train_step_new(model->loss, model->optimizer, NULL, &model->step, &error));
    model->inputs[0] = tensor_f32(context, (float[]){0, 0, 0, 1, 1, 0, 1, 1}, (int64_t[]){4, 2}, 2);
    model->inputs[1] = tensor_f32(context, (float[]){0, 1, 1, 0}, (int64_t[]){4, 1}, 2);
}

static void weights(const struct model *model, float *values) /* 33 of them */
{
    TenonParameter parameters[4];
    size_t count, size;
    OK(tenon_cell_parameters(model->net, parameters, 4, &count, &error));
    CHECK(count == 4);
    for (size_t i = 0; i < count; i++) {
        TenonTensor tensor;
        OK(tenon_parameter_value(parameters[i], &tensor, &error));
        OK(tenon_tensor_size(tensor, &size, &error));
        OK(tenon_tensor_read(tensor, values, size, &error));
        values += size / sizeof *values;
        OK(tenon_tensor_free(tensor));
        OK(tenon_parameter_free(parameters[i]));
    }
}

static void steps(void)
{
    struct model model;
    new_model(&model);
    TenonTensor outputs[2] = {{77}, {77}}, again[2];
    REFUSED(tenon_train_step_run(model.step, model.inputs, 2, outputs, 1, &error), TENON_INVALID_ARGUMENT, "the call gives 2");
    REFUSED(tenon_train_step_run(model.step, model.inputs, 1, outputs, 2, &error), TENON_INVALID_ARGUMENT, "takes 2 inputs");
    CHECK(outputs[0].id == 77);
    OK(tenon_train_step_prepare(model.step, model.inputs, 2, &error));
    OK(tenon_train_step_run(model.step, model.inputs, 2, outputs, 2, &error));
    double first = item(outputs[0]);
    for (int i = 0; i < 300; i++) {
        OK(tenon_train_step_run(model.step, model.inputs, 2, again, 2, &error));
        CHECK(again[0].id == outputs[0].id && again[1].id == outputs[1].id);
    }
    CHECK(item(outputs[0]) < first);
    size_t compiled;
    uint64_t made;
    OK(tenon_train_step_compilations(model.step, &compiled, &error));
    OK(tenon_optimizer_global_step(model.optimizer, &made, &error));
    CHECK(compiled == 1 && made == 301);

    /* A freed output comes back as another handle, the other stays. */
    OK(tenon_tensor_free(outputs[0]));
    OK(tenon_train_step_run(model.step, model.inputs, 2, again, 2, &error));
    CHECK(again[0].id != outputs[0].id && again[1].id == outputs[1].id);
    item(again[0]);
    /* Another batch size: other outputs, and the old ones come back with the old size. */
    TenonTensor fewer[2], other[2];
    fewer[0] = tensor_f32(context, (float[]){0, 1}, (int64_t[]){1, 2}, 2);
    fewer[1] = tensor_f32(context, (float[]){1}, (int64_t[]){1, 1}, 2);
    OK(tenon_train_step_run(model.step, fewer, 2, other, 2, &error));
    CHECK(other[0].id != again[0].id);
    OK(tenon_train_step_run(model.step, model.inputs, 2, outputs, 2, &error));
    CHECK(outputs[0].id == again[0].id && outputs[1].id == again[1].id);
    REFUSED(tenon_train_step_run(model.step, (TenonTensor[]){model.inputs[0], outputs[1]}, 2, again, 2, &error), TENON_INVALID_ARGUMENT,
            "share memory");

    /* Into tensors of the host. */
    TenonTensor mine[2];
    OK(tenon_tensor_new(context, TENON_F32, NULL, 0, &mine[0], &error));
    OK(tenon_tensor_new(context, TENON_F32, (int64_t[]){4, 1}, 2, &mine[1], &error));
    OK(tenon_train_step_run_into(model.step, model.inputs, 2, mine, 2, &error));
    CHECK(item(mine[0]) > 0);
    REFUSED(tenon_train_step_run_into(model.step, model.inputs, 2, model.inputs, 2, &error), TENON_SHAPE_MISMATCH, "output 0");

    /* Learning rate 0: nothing changes, nothing is compiled. */
    float before[33], after[33];
    double rate;
    OK(tenon_optimizer_hyperparameter(model.optimizer, 0, "learning_rate", &rate, &error));
    CHECK(rate == 1e-3);
    weights(&model, before);
    OK(tenon_optimizer_set_hyperparameter(model.optimizer, "learning_rate", 0, &error));
    OK(tenon_train_step_run(model.step, model.inputs, 2, outputs, 2, &error));
    weights(&model, after);
    CHECK(memcmp(before, after, sizeof before) == 0);
    OK(tenon_train_step_compilations(model.step, &compiled, &error));
    CHECK(compiled == 2);
    REFUSED(tenon_optimizer_set_hyperparameter(model.optimizer, "learning_rate", -1, &error), TENON_INVALID_ARGUMENT, "at least 0");
    REFUSED(tenon_optimizer_set_hyperparameter(model.optimizer, "momentum", 1, &error), TENON_NOT_FOUND, "beta1");
    REFUSED(tenon_optimizer_set_group_hyperparameter(model.optimizer, 1, "eps", 1, &error), TENON_NOT_FOUND, "no group 1");

    static char text[200000];
    size_t length;
    OK(tenon_train_step_describe(model.step, model.inputs, 2, text, sizeof text, &length, &error));
    CHECK(strstr(text, "fc1.weight") != NULL && length == strlen(text));
    CHECK(tenon_train_step_context(model.step).id == context.id && tenon_optimizer_context(model.optimizer).id == context.id);

    /* The outputs go with the step. */
    OK(tenon_train_step_free(model.step));
    double value;
    REFUSED(tenon_tensor_item(outputs[0], &value, &error), TENON_INVALID_HANDLE, "stale");
    REFUSED(tenon_train_step_run(model.step, model.inputs, 2, outputs, 2, &error), TENON_INVALID_HANDLE, "stale");
}

/* One step of each optimizer on w = 1 with gradient 2. */
static void formulas(void)
{
    for (int i = 0; i < 5; i++) {
        TenonCell cell;
        TenonParameter weight;
        TenonOptimizer optimizer;
        TenonTensor gradient, value;
        TenonInitializerOptions ones = {.struct_size = sizeof ones, .kind = TENON_INITIALIZER_ONES};
        OK(tenon_sequential_new(context, &cell, &error));
        OK(tenon_cell_parameter(cell, "w", TENON_F64, NULL, 0, &ones, &weight, &error));
        double wanted = 0, momentum = 0;
        switch (i) {
        case 0: {
            TenonSgdOptions options;
            OK(tenon_sgd_options_init(&options, sizeof options));
            CHECK(options.learning_rate == 0.1 && options.momentum == 0);
            options.weight_decay = 0.5;
            options.loss_scale = 4;
            OK(tenon_sgd_new(cell, &options, &optimizer, &error));
            wanted = 1 - 0.1 * (2.0 / 4 + 0.5);
            break;
        }
        case 1: {
            TenonMomentumOptions options;
            OK(tenon_momentum_options_init(&options, sizeof options));
            CHECK(options.momentum == 0.9);
            options.momentum = 0; /* meant, because the init function filled the struct */
            options.nesterov = true;
            OK(tenon_momentum_new(cell, &options, &optimizer, &error));
            OK(tenon_optimizer_hyperparameter(optimizer, 0, "momentum", &momentum, &error));
            CHECK(momentum == 0);
            wanted = 0.8;
            break;
        }
        case 2:
            OK(tenon_momentum_new(cell, &(TenonMomentumOptions){.struct_size = sizeof(TenonMomentumOptions), .learning_rate = 0.5}, &optimizer, &error));
            OK(tenon_optimizer_hyperparameter(optimizer, 0, "momentum", &momentum, &error));
            CHECK(momentum == 0.9);
            wanted = 0;
            break;
        case 3:
            OK(tenon_adam_new(cell, NULL, &optimizer, &error));
            wanted = 1 - 1e-3;
            break;
        case 4:
            OK(tenon_adamw_new(cell, NULL, &optimizer, &error));
            wanted = 1 - 1e-3 - 1e-3 * 0.01;
            break;
        }
        OK(tenon_tensor_from_scalar(context, TENON_F64, 2, &gradient, &error));
        OK(tenon_optimizer_apply(optimizer, &gradient, 1, &error));
        OK(tenon_parameter_value(weight, &value, &error));
        if (!near(item(value), wanted)) {
            fprintf(stderr, "optimizer %d: %g, not %g\n", i, item(value), wanted);
            exit(1);
        }
        uint64_t step;
        OK(tenon_optimizer_set_global_step(optimizer, 41, &error));
        OK(tenon_optimizer_apply(optimizer, &gradient, 1, &error));
        OK(tenon_optimizer_global_step(optimizer, &step, &error));
        CHECK(step == 42);
        char name[64];
        size_t length;
        OK(tenon_optimizer_hyperparameter_name(optimizer, 0, name, sizeof name, &length, &error));
        CHECK(strcmp(name, "learning_rate") == 0);
        REFUSED(tenon_optimizer_hyperparameter_name(optimizer, 99, name, sizeof name, &length, &error), TENON_NOT_FOUND, "no hyperparameter 99");
        REFUSED(tenon_optimizer_apply(optimizer, NULL, 0, &error), TENON_INVALID_ARGUMENT, "0 gradients for 1 parameters");
        TenonTensor wrong;
        OK(tenon_tensor_from_scalar(context, TENON_F32, 2, &wrong, &error));
        REFUSED(tenon_optimizer_apply(optimizer, &wrong, 1, &error), TENON_DTYPE_MISMATCH, "w");
    }
}

static void groups(void)
{
    TenonCell net, fc1, fc2;
    OK(tenon_sequential_new(context, &net, &error));
    OK(tenon_dense_new(context, 2, 2, NULL, &fc1, &error));
    OK(tenon_dense_new(context, 2, 2, NULL, &fc2, &error));
    OK(tenon_cell_insert_child(net, "fc1", fc1, &error));
    OK(tenon_cell_insert_child(net, "fc2", fc2, &error));
    TenonParameter first[2], second[2], all[8];
    size_t count;
    OK(tenon_cell_parameters(fc1, first, 2, &count, &error));
    OK(tenon_cell_parameters(fc2, second, 2, &count, &error));
    TenonParameterGroup both[2] = {
        {.parameters = second, .parameter_count = 2},
        {.parameters = first, .parameter_count = 1,
         .hyperparameters = (const char *const[]){"learning_rate", "weight_decay"}, .values = (double[]){0.5, 0}, .hyperparameter_count = 2},
    };
    TenonAdamWOptions options;
    OK(tenon_adamw_options_init(&options, sizeof options));
    options.groups = both;
    options.group_count = 2;
    TenonOptimizer optimizer;
    OK(tenon_adamw_new(net, &options, &optimizer, &error));
    double value;
    OK(tenon_optimizer_group_count(optimizer, &count, &error));
    CHECK(count == 2);
    OK(tenon_optimizer_hyperparameter(optimizer, 1, "learning_rate", &value, &error));
    CHECK(value == 0.5);
    OK(tenon_optimizer_hyperparameter(optimizer, 0, "weight_decay", &value, &error));
    CHECK(value == 0.01);
    OK(tenon_optimizer_set_group_hyperparameter(optimizer, 0, "weight_decay", 0.25, &error));
    OK(tenon_optimizer_hyperparameter(optimizer, 1, "weight_decay", &value, &error));
    CHECK(value == 0);
    OK(tenon_optimizer_parameters(optimizer, all, 8, &count, &error));
    CHECK(count == 3 && tenon_parameter_is_same(all[0], second[0]) && tenon_parameter_is_same(all[2], first[0]));

    both[1].hyperparameters = (const char *const[]){"speed", "weight_decay"};
    REFUSED(tenon_adamw_new(net, &options, &optimizer, &error), TENON_NOT_FOUND, "speed");
    both[1] = both[0];
    REFUSED(tenon_adamw_new(net, &options, &optimizer, &error), TENON_ALREADY_EXISTS, "twice");
    both[1].parameters = NULL;
    REFUSED(tenon_adamw_new(net, &options, &optimizer, &error), TENON_INVALID_ARGUMENT, "groups[1]: parameters is NULL");
    TenonCell empty;
    OK(tenon_sequential_new(context, &empty, &error));
    REFUSED(tenon_adam_new(empty, NULL, &optimizer, &error), TENON_INVALID_ARGUMENT, "no parameters");
}

/* Training goes on from a file with the same bits. */
static void resume(void)
{
    struct model model, other;
    TenonTensor outputs[2];
    float wanted[33], got[33];
    new_model(&model);
    for (int i = 0; i < 5; i++) OK(tenon_train_step_run(model.step, model.inputs, 2, outputs, 2, &error));
    OK(tenon_checkpoint_save(model.net, model.optimizer, "resume.safetensors", &error));
    for (int i = 0; i < 5; i++) OK(tenon_train_step_run(model.step, model.inputs, 2, outputs, 2, &error));
    weights(&model, wanted);

    new_model(&other);
    OK(tenon_checkpoint_load(other.net, other.optimizer, "resume.safetensors", NULL, NULL, &error));
    for (int i = 0; i < 5; i++) OK(tenon_train_step_run(other.step, other.inputs, 2, outputs, 2, &error));
    weights(&other, got);
    CHECK(memcmp(wanted, got, sizeof wanted) == 0);

    /* Not strict: what was missing and what was left over is reported. */
    TenonCheckpointLoadOptions loosely = {.struct_size = sizeof loosely, .not_strict = true};
    TenonLoadReport report = {77};
    TenonCell extra;
    TenonParameter parameter;
    OK(tenon_sequential_new(context, &extra, &error));
    OK(tenon_cell_insert_child(extra, "fc1", other.fc1, &error));
    OK(tenon_cell_parameter(extra, "temperature", TENON_F32, NULL, 0, NULL, &parameter, &error));
    weights(&other, wanted);
    REFUSED(tenon_checkpoint_load(extra, (TenonOptimizer){0}, "resume.safetensors", NULL, &report, &error), TENON_NOT_FOUND, "temperature");
    CHECK(report.id == 77);
    weights(&other, got);
    CHECK(memcmp(wanted, got, sizeof wanted) == 0);
    OK(tenon_checkpoint_load(extra, (TenonOptimizer){0}, "resume.safetensors", &loosely, &report, &error));
    size_t loaded, missing, left_over, length;
    char name[64];
    OK(tenon_load_report_counts(report, &loaded, &missing, &left_over, &error));
    CHECK(loaded == 2 && missing == 1 && left_over == 2);
    OK(tenon_load_report_missing(report, 0, name, sizeof name, &length, &error));
    CHECK(strcmp(name, "temperature") == 0);
    OK(tenon_load_report_left_over(report, 0, name, sizeof name, &length, &error));
    CHECK(strcmp(name, "fc2.weight") == 0 || strcmp(name, "fc2.bias") == 0);
    REFUSED(tenon_load_report_left_over(report, 2, name, sizeof name, &length, &error), TENON_NOT_FOUND, "there are 2");
    OK(tenon_load_report_free(report));
    weights(&other, got);
    CHECK(memcmp(wanted, got, sizeof wanted) != 0);

    REFUSED(tenon_checkpoint_load(model.net, model.optimizer, "nowhere.safetensors", NULL, NULL, &error), TENON_NOT_FOUND, "nowhere.safetensors");
    REFUSED(tenon_checkpoint_save(model.net, model.optimizer, "no/such/folder/a.safetensors", &error), TENON_IO, "no/such/folder");
    FILE *file = fopen("broken.safetensors", "w");
    fputs("not a checkpoint", file);
    fclose(file);
    REFUSED(tenon_checkpoint_load(model.net, model.optimizer, "broken.safetensors", NULL, NULL, &error), TENON_FORMAT, "broken.safetensors");
}

/* A step may not run inside of its own loss. */
static TenonTrainStep entered;
static struct model *entered_model;

static TenonStatus record_reentry(void *user, TenonGraph graph, const TenonValue *inputs, TenonValue *outputs)
{
    TenonTensor results[2] = {{77}, {77}};
    TenonError inner;
    CHECK(tenon_train_step_run(entered, entered_model->inputs, 2, results, 2, &inner) == TENON_BUSY);
    CHECK(strstr(inner.message, "calls itself") != NULL && results[0].id == 77);
    return record_loss(user, graph, inputs, outputs);
}

static void reentry(void)
{
    struct model model;
    TenonFunction loss;
    TenonTensor outputs[2];
    new_model(&model);
    entered_model = &model;
    OK(tenon_function_new(context, record_reentry, &model, NULL, 2, 2, &loss, &error));
    OK(tenon_train_step_new(loss, model.optimizer, NULL, &entered, &error));
    OK(tenon_train_step_run(entered, model.inputs, 2, outputs, 2, &error));
    CHECK(item(outputs[0]) > 0);
}

int main(void)
{
    OK(tenon_context_new(&(TenonContextOptions){.struct_size = sizeof(TenonContextOptions), .seed = 3}, &context, &error));
    steps();
    formulas();
    groups();
    resume();
    reentry();
    CHECK(tenon_context_free(context) == TENON_OK);
    return 0;
}
