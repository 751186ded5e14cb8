/* Linear algebra through the header: which argument is which, which result comes out where, what may be left out. */
#include "check.h"

static TenonContext context;

#define COUNT(array) (sizeof(array) / sizeof *(array))

static TenonGraph new_graph(void)
{
    TenonGraph graph;
    OK(tenon_graph_new(context, &graph, &error));
    return graph;
}

static TenonValue constant(TenonGraph graph, const float *values, int64_t rows, int64_t columns)
{
    int64_t shape[] = {rows, columns};
    TenonTensor tensor = tensor_f32(context, values, shape, columns > 0 ? 2 : 1);
    TenonValue value = tenon_constant(graph, tensor);
    OK(tenon_tensor_free(tensor));
    return value;
}
/* A matrix, or with 0 columns a vector. */
#define CONSTANT(graph, rows, columns, ...) constant(graph, (const float[]){__VA_ARGS__}, rows, columns)

/* Compares the elements of a value, as f64. */
static void expect(int line, TenonValue value, const double *wanted, size_t count)
{
    TenonGraph graph = tenon_value_graph(value);
    TenonTensor tensor;
    double got[64];
    size_t size;
    TenonValue wide = tenon_cast(value, TENON_F64);
    memset(&error, 0, sizeof error);
    if (tenon_graph_eval(graph, &wide, 1, &tensor, &error) != TENON_OK) {
        fprintf(stderr, "line %d: %s\n", line, error.message);
        exit(1);
    }
    OK(tenon_tensor_size(tensor, &size, &error));
    CHECK(size == count * sizeof(double));
    OK(tenon_tensor_read(tensor, got, size, &error));
    for (size_t i = 0; i < count; i++) {
        if (!near(got[i], wanted[i])) {
            fprintf(stderr, "line %d: element %zu is %g, not %g\n", line, i, got[i], wanted[i]);
            exit(1);
        }
    }
    OK(tenon_tensor_free(tensor));
    OK(tenon_graph_free(graph));
}
#define EXPECT(value, ...)                                  \
    do {                                                    \
        const double wanted_[] = {__VA_ARGS__};             \
        expect(__LINE__, value, wanted_, COUNT(wanted_));   \
    } while (0)

/* [[4, 2], [2, 3]], with garbage where only one triangle is read. */
static TenonValue definite(void)
{
    return CONSTANT(new_graph(), 2, 2, 4, 2, 2, 3);
}
static TenonValue lower(float above)
{
    return CONSTANT(new_graph(), 2, 2, 2, above, 1, 4);
}

static void triangles(void)
{
    EXPECT(tenon_cholesky(CONSTANT(new_graph(), 2, 2, 4, 99, 2, 5), false), 2, 0, 1, 2);
    EXPECT(tenon_cholesky(CONSTANT(new_graph(), 2, 2, 4, 2, 99, 5), true), 2, 1, 0, 2);
    TenonValue a = lower(99);
    EXPECT(tenon_triangular_solve(a, CONSTANT(tenon_value_graph(a), 2, 1, 2, 9), true, false, false, false), 1, 2);
    a = lower(99);
    EXPECT(tenon_triangular_solve(a, CONSTANT(tenon_value_graph(a), 2, 1, 4, 8), true, false, true, false), 1, 2);
    a = lower(99);
    EXPECT(tenon_triangular_solve(a, CONSTANT(tenon_value_graph(a), 1, 2, 4, 8), false, false, false, false), 1, 2);
    a = lower(3);
    EXPECT(tenon_triangular_solve(a, CONSTANT(tenon_value_graph(a), 2, 1, 8, 8), true, true, false, false), 1, 2);
    a = lower(99);
    EXPECT(tenon_triangular_solve(a, CONSTANT(tenon_value_graph(a), 2, 1, 1, 3), true, false, false, true), 1, 2);
    a = CONSTANT(new_graph(), 2, 2, 2, 0, 1, 2);
    EXPECT(tenon_cholesky_solve(CONSTANT(tenon_value_graph(a), 2, 1, 8, 12), a, false), 1, 2);
    a = CONSTANT(new_graph(), 2, 2, 2, 1, 0, 2);
    EXPECT(tenon_cholesky_solve(CONSTANT(tenon_value_graph(a), 2, 1, 8, 12), a, true), 1, 2);
    EXPECT(tenon_cholesky_inverse(CONSTANT(new_graph(), 2, 2, 2, 0, 1, 2), false), 0.3125, -0.125, -0.125, 0.25);
}

static void systems(void)
{
    /* a = [[0, 2], [4, 2]]: the rows change places. */
#define SWAPPED() CONSTANT(new_graph(), 2, 2, 0, 2, 4, 2)
    TenonValue one, two;
    EXPECT(tenon_lu_factor(SWAPPED(), NULL, NULL), 4, 2, 0, 2);
    (void)tenon_lu_factor(SWAPPED(), &one, NULL);
    EXPECT(one, 1, 0);
    (void)tenon_lu_factor(SWAPPED(), NULL, &one);
    EXPECT(one, -1);
    EXPECT(tenon_lu(SWAPPED(), NULL, NULL), 1, 0, 0, 1);
    (void)tenon_lu(SWAPPED(), &one, NULL);
    EXPECT(one, 0, 1, 1, 0);
    (void)tenon_lu(SWAPPED(), NULL, &two);
    EXPECT(two, 4, 2, 0, 2);
    TenonValue a = SWAPPED();
    TenonValue lu = tenon_lu_factor(a, &one, NULL);
    EXPECT(tenon_lu_solve(lu, one, CONSTANT(tenon_value_graph(a), 2, 1, 4, 8), false), 1, 2);
    a = SWAPPED();
    lu = tenon_lu_factor(a, &one, NULL);
    EXPECT(tenon_lu_solve(lu, one, CONSTANT(tenon_value_graph(a), 2, 1, 8, 6), true), 1, 2);
    a = SWAPPED();
    EXPECT(tenon_solve(a, CONSTANT(tenon_value_graph(a), 2, 0, 4, 8), true), 1, 2);
    a = SWAPPED();
    EXPECT(tenon_solve(a, CONSTANT(tenon_value_graph(a), 1, 2, 8, 6), false), 1, 2);
    EXPECT(tenon_inverse(SWAPPED()), -0.25, 0.25, 0.5, 0);
    EXPECT(tenon_matrix_power(SWAPPED(), 2), 8, 4, 8, 12);
    EXPECT(tenon_matrix_power(SWAPPED(), -1), -0.25, 0.25, 0.5, 0);
    EXPECT(tenon_det(SWAPPED()), -8);
    EXPECT(tenon_slogdet(SWAPPED(), NULL), log(8));
    (void)tenon_slogdet(SWAPPED(), &one);
    EXPECT(one, -1);
    EXPECT(tenon_logdet(definite()), log(8));
    a = CONSTANT(new_graph(), 3, 2, 1, 0, 0, 1, 0, 0);
    EXPECT(tenon_lstsq(a, CONSTANT(tenon_value_graph(a), 3, 0, 5, 6, 7)), 5, 6);
    EXPECT(tenon_tensorinv(SWAPPED(), 1), -0.25, 0.25, 0.5, 0);
    a = SWAPPED();
    EXPECT(tenon_tensorsolve(a, CONSTANT(tenon_value_graph(a), 2, 0, 4, 8), NULL, 0), 1, 2);
    a = SWAPPED();
    EXPECT(tenon_tensorsolve(a, CONSTANT(tenon_value_graph(a), 2, 0, 8, 6), (int64_t[]){0}, 1), 1, 2);
}

static void spectra(void)
{
    TenonValue one, two;
    EXPECT(tenon_qr(CONSTANT(new_graph(), 2, 1, -3, 4), false, &one), -0.6, 0.8);
    (void)tenon_qr(CONSTANT(new_graph(), 2, 1, -3, 4), false, &one);
    EXPECT(one, 5);
    (void)tenon_qr(CONSTANT(new_graph(), 2, 1, -3, 4), true, &one);
    EXPECT(one, 5, 0);
    /* Eigenvalues 1 and 3. */
    const double half = sqrt(0.5);
    EXPECT(tenon_eigh(CONSTANT(new_graph(), 2, 2, 2, 99, 1, 2), false, NULL), 1, 3);
    (void)tenon_eigh(CONSTANT(new_graph(), 2, 2, 2, 1, 99, 2), true, &one);
    EXPECT(one, half, half, -half, half);
    EXPECT(tenon_eigvalsh(CONSTANT(new_graph(), 2, 2, 2, 1, 99, 2), true), 1, 3);
    /* [[0, 2], [-3, 0]] */
#define TURNED() CONSTANT(new_graph(), 2, 2, 0, 2, -3, 0)
    EXPECT(tenon_svd(TURNED(), NULL, NULL), 3, 2);
    (void)tenon_svd(TURNED(), &one, &two);
    EXPECT(one, 0, 1, 1, 0);
    (void)tenon_svd(TURNED(), &one, &two);
    EXPECT(two, -1, 0, 0, 1);
    EXPECT(tenon_svdvals(TURNED()), 3, 2);
    EXPECT(tenon_pinv(TURNED(), -1, 0), 0, -1.0 / 3, 0.5, 0);
    EXPECT(tenon_pinv(TURNED(), 0.8, 0), 0, -1.0 / 3, 0, 0);
    EXPECT(tenon_pinv(TURNED(), -1, 2.5), 0, -1.0 / 3, 0, 0);
    EXPECT(tenon_matrix_rank(TURNED(), -1, 0), 2);
    EXPECT(tenon_matrix_rank(TURNED(), 0.8, 0), 1);
    EXPECT(tenon_cond(TURNED(), TENON_MATRIX_NORM_TWO), 1.5);
    EXPECT(tenon_cond(TURNED(), TENON_MATRIX_NORM_MINUS_TWO), 2.0 / 3);
    EXPECT(tenon_matrix_exp(CONSTANT(new_graph(), 2, 2, 0, 1, 0, 0)), 1, 1, 0, 1);

    const TenonMatrixNorm norms[] = {
        TENON_MATRIX_NORM_FROBENIUS, TENON_MATRIX_NORM_NUCLEAR,   TENON_MATRIX_NORM_INFINITY, TENON_MATRIX_NORM_MINUS_INFINITY,
        TENON_MATRIX_NORM_ONE,       TENON_MATRIX_NORM_MINUS_ONE, TENON_MATRIX_NORM_TWO,      TENON_MATRIX_NORM_MINUS_TWO,
    };
    /* [[1, 2], [0, 2]]: the singular values multiply to 2, and their squares add to 9. */
    const double large = sqrt((9 + sqrt(65)) / 2), small = 2 / large;
    const double expected[] = {3, large + small, 3, 2, 4, 1, large, small};
    for (size_t i = 0; i < COUNT(norms); i++)
        expect(__LINE__, tenon_matrix_norm(CONSTANT(new_graph(), 2, 2, 1, 2, 0, 2), norms[i], 0, -1, false), &expected[i], 1);
    EXPECT(tenon_matrix_norm(CONSTANT(new_graph(), 2, 2, 1, 2, 0, 2), TENON_MATRIX_NORM_ONE, 1, 0, true), 3);
}

/* Failures stick to the graph, with the name of the operation. */
static void refusals(void)
{
    TenonTensor tensor;
    TenonGraph graph = new_graph();
    TenonValue bad = tenon_cholesky(CONSTANT(graph, 1, 2, 1, 2), false);
    REFUSED(tenon_graph_eval(graph, &bad, 1, &tensor, &error), TENON_SHAPE_MISMATCH, "cholesky: [1, 2] is no square matrix");
    OK(tenon_graph_free(graph));
    graph = new_graph();
    bad = tenon_matrix_norm(CONSTANT(graph, 1, 2, 1, 2), 9, 0, 1, false);
    REFUSED(tenon_graph_eval(graph, &bad, 1, &tensor, &error), TENON_INVALID_ARGUMENT, "9 is not a matrix norm");
    OK(tenon_graph_free(graph));
    graph = new_graph();
    bad = tenon_pinv(CONSTANT(graph, 1, 2, 1, 2), -1, -1);
    REFUSED(tenon_graph_eval(graph, &bad, 1, &tensor, &error), TENON_INVALID_ARGUMENT, "a tolerance is negative");
    OK(tenon_graph_free(graph));
}

int main(void)
{
    OK(tenon_context_new(NULL, &context, &error));
    triangles();
    systems();
    spectra();
    refusals();
    OK(tenon_context_free(context));
    return 0;
}
