/* How the sweep makes one good object of each kind. Kinds are made in the order of the header, so that later ones can use earlier ones. */

/* DLPack's struct, as its version 1 lays it down. */
struct DLManagedTensorVersioned {
    uint32_t version_major, version_minor;
    void *manager_ctx;
    void (*deleter)(struct DLManagedTensorVersioned *);
    uint64_t flags;
    void *data;
    int32_t device_type, device_id, ndim;
    uint8_t code, bits;
    uint16_t lanes;
    int64_t *shape, *strides;
    uint64_t byte_offset;
};

static void end_lent(struct DLManagedTensorVersioned *lent)
{
    drops_run++;
    free(lent);
}

static struct DLManagedTensorVersioned *lend_DLManagedTensorVersioned(void)
{
    static float number;
    struct DLManagedTensorVersioned *lent = calloc(1, sizeof *lent);
    lent->version_major = 1;
    lent->deleter = end_lent;
    lent->data = &number;
    lent->device_type = 1;
    lent->code = 2;
    lent->bits = 32;
    lent->lanes = 1;
    drops_given++;
    return lent;
}

static void give_back_DLManagedTensorVersioned(struct DLManagedTensorVersioned *managed)
{
    managed->deleter(managed);
}

static TenonStatus make_context(const struct api *tenon, struct objects *objects)
{
    TenonContextOptions options = {.struct_size = sizeof options, .worker_count = 2};
    return tenon->tenon_context_new(&options, &objects->context, NULL);
}

static TenonStatus make_tensor(const struct api *tenon, struct objects *objects)
{
    return tenon->tenon_tensor_from_scalar(objects->context, TENON_F32, 1.0, &objects->tensor, NULL);
}

static TenonStatus make_generator(const struct api *tenon, struct objects *objects)
{
    return tenon->tenon_generator_new(objects->context, 1, &objects->generator, NULL);
}

static TenonStatus make_graph(const struct api *tenon, struct objects *objects)
{
    return tenon->tenon_graph_new(objects->context, &objects->graph, NULL);
}

static TenonStatus make_parameter(const struct api *tenon, struct objects *objects)
{
    return tenon->tenon_parameter_new(objects->context, "weight", TENON_F32, NULL, 0, NULL, &objects->parameter, NULL);
}

/* y = weight x, for the objects at `user`. */
static TenonStatus record_product(void *user, TenonGraph graph, const TenonValue *inputs, TenonValue *outputs)
{
    const struct objects *made = user;
    const struct api *tenon = made == &foreign ? &other : &own;
    outputs[0] = tenon->tenon_mul(inputs[0], tenon->tenon_parameter_read_value(graph, made->parameter));
    return TENON_OK;
}

static TenonStatus make_function(const struct api *tenon, struct objects *objects)
{
    return tenon->tenon_function_new(objects->context, record_product, objects, NULL, 1, 1, &objects->function, NULL);
}

static TenonStatus make_cell(const struct api *tenon, struct objects *objects)
{
    TenonStatus status = tenon->tenon_cell_new(objects->context, record_product, objects, NULL, &objects->cell, NULL);
    return status != TENON_OK ? status : tenon->tenon_cell_insert_parameter(objects->cell, "weight", objects->parameter, NULL);
}

static TenonStatus make_optimizer(const struct api *tenon, struct objects *objects)
{
    return tenon->tenon_adam_new(objects->cell, NULL, &objects->optimizer, NULL);
}

static TenonStatus make_train_step(const struct api *tenon, struct objects *objects)
{
    return tenon->tenon_train_step_new(objects->function, objects->optimizer, NULL, &objects->train_step, NULL);
}

static TenonStatus make_load_report(const struct api *tenon, struct objects *objects)
{
    static int is_saved;
    if (!is_saved++ && tenon->tenon_checkpoint_save(objects->cell, objects->optimizer, "made.safetensors", NULL) != TENON_OK)
        fail("tenon_checkpoint_save", "failed");
    return tenon->tenon_checkpoint_load(objects->cell, (TenonOptimizer){0}, "made.safetensors", NULL, &objects->load_report, NULL);
}

/* A value of the graph that a call gets, and others that are none. */
static struct values {
    TenonValue good, zero, ones, poisoned, stale, foreign, of_another_graph, beyond, odd;
} values;

/* A graph without history for the next call. */
static void fresh_values(void)
{
    static TenonGraph another;
    if (own.tenon_graph_free(objects.graph) == TENON_OK)
        values.stale = values.good;
    own.tenon_graph_free(another);
    if (make_graph(&own, &objects) != TENON_OK || own.tenon_graph_new(objects.context, &another, NULL) != TENON_OK)
        fail("tenon_graph_new", "failed");
    if (values.stale.graph == 0)
        values.stale = (TenonValue){stale.graph.id, 0, 0};
    values.good = own.tenon_scalar(objects.graph, TENON_F32, 1);
    values.of_another_graph = own.tenon_scalar(another, TENON_F32, 1);
    values.foreign = other.tenon_scalar(foreign.graph, TENON_F32, 1);
    memset(&values.ones, 0xff, sizeof values.ones);
    memset(&values.poisoned, POISON, sizeof values.poisoned);
    values.beyond = values.odd = values.good;
    values.beyond.index += 1000;
    values.odd.reserved = 1;
    if (!own.tenon_value_is_valid(values.good))
        fail("tenon_scalar", "is not valid");
}

/* No call may find a defect while recording. */
static void finish_graph(const char *name)
{
    TenonStatus status = own.tenon_graph_status(objects.graph, &error);
    if (status == TENON_INTERNAL || status == TENON_POISONED || (status != TENON_OK && error.message[0] == 0))
        fail(name, error.message);
    if (status != TENON_OK)
        refusals++;
}

/* What a call returned is a value of its graph, or is invalid and the graph says why. */
static void finish_value(const char *name, TenonValue value, enum expectation expected)
{
    int is_valid = value.index != UINT32_MAX;
    if (own.tenon_value_is_valid(value) != is_valid)
        fail(name, "the value is not what it looks like");
    if (is_valid && (expected == A_REFUSAL || expected == AN_INVALID_HANDLE))
        fail(name, "accepted");
    if (!is_valid && value.graph == 0)
        refusals++;
    if (!is_valid && value.graph == objects.graph.id && own.tenon_graph_status(objects.graph, &error) == TENON_OK)
        fail(name, "an invalid value, but nothing sticks to its graph");
    finish_graph(name);
}
