/* How the sweep makes one good object of each kind. Kinds are made in the order of the header, so that later ones can use earlier ones. */

static TenonStatus make_context(const struct api *tenon, struct objects *objects)
{
    return tenon->tenon_context_new(NULL, &objects->context, NULL);
}

static TenonStatus make_tensor(const struct api *tenon, struct objects *objects)
{
    return tenon->tenon_tensor_from_scalar(objects->context, TENON_F32, 1.0, &objects->tensor, NULL);
}
