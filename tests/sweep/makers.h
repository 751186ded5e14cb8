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
    return tenon->tenon_context_new(NULL, &objects->context, NULL);
}

static TenonStatus make_tensor(const struct api *tenon, struct objects *objects)
{
    return tenon->tenon_tensor_from_scalar(objects->context, TENON_F32, 1.0, &objects->tensor, NULL);
}
