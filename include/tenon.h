/* Tenon: an embeddable training runtime. A network is a function, and its gradient is another function made from its
 * graph.
 *
 * Generated from src/capi by `cargo run -p header`; never edited by hand. C99 and later, C++11 and later.
 *
 * What holds everywhere:
 *
 * - Functions that can fail return a TenonStatus and take, last, a TenonError for the text; it may be NULL.
 * - Arguments stand in this order: the object, inputs, options, outputs, error. Outputs are written last and only on
 *   success; where it is otherwise the function says so.
 * - Handles are small structs, passed by value. One that is zero, freed, of another kind, or not of this library is
 *   refused with TENON_INVALID_HANDLE. The handle that a function writes is the caller's, until it is freed or the
 *   context that it was made in is. Freeing a zero handle does nothing. Objects are counted inside: freeing a handle
 *   never disturbs a call that runs.
 * - Arrays are a pointer and a length; length 0 permits NULL. What a pointer leads to is not kept beyond the call.
 *   Texts are UTF-8 and end with NUL.
 * - Options begin with struct_size. Fill them with their init function, or write a designated initialiser with
 *   struct_size and what differs: a field that is zero has its default. Where zero itself may be meant, the struct has
 *   a field is_filled, which the init function sets: zeros are meant then. NULL options are all defaults.
 * - Callbacks come with a user pointer and a function that is called exactly once when the pointer is needed no more,
 *   also if the call that received them fails. They may run on another thread, must return (no exception and no longjmp
 *   leaves them), and may not use the object that calls them (TENON_BUSY).
 * - All functions may be called from any thread.
 */
#ifndef TENON_H
#define TENON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What other libraries define: DLPack's struct, from its dlpack.h. */
struct DLManagedTensorVersioned;

/* ==== Statuses, errors, and what else all chapters share ============================================================
 */

/**
 * What became of a call: one of the `TENON_...` statuses below. Numbers are appended to and never change; a host must
 * expect numbers that it does not know yet and treat them as failures.
 */
typedef int32_t TenonStatus;

enum {
    /** The call did what it says. */
    TENON_OK = 0,
    /** An argument lies outside what the function accepts. */
    TENON_INVALID_ARGUMENT = 1,
    /** A handle is zero, freed, of another kind, or not of this library. */
    TENON_INVALID_HANDLE = 2,
    /** Shapes do not fit together. */
    TENON_SHAPE_MISMATCH = 3,
    /** Dtypes do not fit together, or the operation is not defined for this dtype. */
    TENON_DTYPE_MISMATCH = 4,
    /** Nothing has this name or position. */
    TENON_NOT_FOUND = 5,
    /** The name is taken. */
    TENON_ALREADY_EXISTS = 6,
    /** A gradient was asked for through an operation that has none. */
    TENON_NOT_DIFFERENTIABLE = 7,
    /** Meaningful, but not available in this build or on this device. */
    TENON_UNSUPPORTED = 8,
    /** Memory could not be had, or the context's cap would be passed. */
    TENON_OUT_OF_MEMORY = 9,
    /** The object is in use by a call that does not permit this one. */
    TENON_BUSY = 10,
    /** The host cancelled the run. */
    TENON_CANCELLED = 11,
    /** An earlier internal failure left the object unusable. Free it. */
    TENON_POISONED = 12,
    /** The operating system refused a file operation. */
    TENON_IO = 13,
    /** A file or buffer is not what it should be. */
    TENON_FORMAT = 14,
    /** The device or its driver failed. */
    TENON_DEVICE = 15,
    /** A host callback returned a status other than TENON_OK. */
    TENON_CALLBACK_FAILED = 16,
    /** A defect of the library. Please report the text. */
    TENON_INTERNAL = 17
};

/**
 * Why a call failed. The caller owns it: a plain struct on the stack or anywhere else, nothing to initialise, nothing
 * to free. Every function that takes one takes NULL too. A call that succeeds sets the status to TENON_OK and the
 * message to the empty text.
 *
 * Not synchronised: calls that run at the same time take different structs.
 */
typedef struct TenonError {
    /** The status that the call returned. */
    TenonStatus status;
    /** What went wrong and what would mend it: UTF-8, ends with a NUL, cut off behind a whole character if too long. */
    char message[1020];
} TenonError;

/**
 * The host's function that is called once, on any thread, when the user pointer of a callback is needed no more; NULL
 * if there is nothing to do.
 */
typedef void (*TenonDropFunction)(void *user);

/**
 * The name of a status as it stands in this header: "TENON_SHAPE_MISMATCH", or "unknown status" for a number that this
 * version does not have. The text is static: never free it. Cannot fail. Any thread.
 */
const char *tenon_status_name(TenonStatus status);

/* ==== Version =======================================================================================================
 */

/**
 * The version of the library that is linked: major in bits 24 to 31, minor in bits 12 to 23, patch in bits 0 to 11. A
 * larger number is a later version. Cannot fail. Any thread.
 */
uint32_t tenon_version(void);

/**
 * The version of the library that is linked as a text: "0.1.0". The text is static: never free it. Cannot fail. Any
 * thread.
 */
const char *tenon_version_string(void);

/* ==== Contexts ======================================================================================================
 */

/**
 * The host's source of memory: `size` bytes (at least 1) at a multiple of `alignment` (a power of two), or NULL. The
 * memory need not be zeroed. Called from any thread, from several at once; must not call the library.
 */
typedef void *(*TenonAllocateFunction)(void *user, size_t size, size_t alignment);

/**
 * Takes memory back that the host's TenonAllocateFunction gave for the same size and alignment. Called from any thread,
 * from several at once; must not call the library.
 */
typedef void (*TenonDeallocateFunction)(void *user, void *memory, size_t size, size_t alignment);

/**
 * One piece of work of a job: the library's function, which a host's job system calls with each index. It returns when
 * the piece is done.
 */
typedef void (*TenonJobFunction)(void *job, size_t index);

/**
 * The host's job system: calls function(job, index) exactly once for each index below `count`, on any threads and in any
 * order, and returns when all of those calls have returned; then `job` is no more. Called from any thread, from several
 * at once. Results do not depend on the order. A status other than TENON_OK fails the run.
 */
typedef TenonStatus (*TenonParallelForFunction)(void *user, size_t count, TenonJobFunction function, void *job);

/** How much a log line matters: one of the numbers below. */
typedef int32_t TenonLogLevel;

enum {
    /** What went wrong, although a call reported it too. */
    TENON_LOG_ERROR = 1,
    /** What works, but probably not as meant. */
    TENON_LOG_WARNING = 2,
    /** What happens rarely and takes time, such as the compilation of a program. */
    TENON_LOG_INFO = 3
};

/** Receives log lines: one text without a newline, valid during the call. Called from any thread, from several at once. */
typedef void (*TenonLogFunction)(void *user, TenonLogLevel level, const char *text);

/**
 * How a context is made.
 *
 * The three callbacks are taken over by tenon_context_new, also if it fails, unless struct_size is refused; each drop
 * function runs once, when the last object that needs its callback has gone.
 */
typedef struct TenonContextOptions {
    /** sizeof(TenonContextOptions), set by tenon_context_options_init. */
    size_t struct_size;
    /** What all random numbers of the context follow from: same seed, same numbers. Default: 0. */
    uint64_t seed;
    /**
     * Threads that run programs, the calling one among them: 1 is the calling thread alone. Results do not depend on it.
     * Default: 0, one for each core. Counts for nothing if there is a parallel_for.
     */
    uint32_t worker_count;
    /**
     * How many pieces of work the host's parallel_for runs at the same time; scratch memory is kept for so many. At
     * least 1 if there is a parallel_for. Default: 0.
     */
    uint32_t concurrency;
    /**
     * The most bytes that tensors and programs of the context may have in use; more answers TENON_OUT_OF_MEMORY.
     * Default: 0, no cap.
     */
    size_t memory_cap;
    /**
     * The instruction set that programs use: "portable", "avx2", "avx512", "neon"; the context fails with
     * TENON_UNSUPPORTED where the machine lacks it. Default: NULL, the best of the machine. Results of one level have
     * the same bits on every machine.
     */
    const char *simd_level;
    /** Where the memory of tensors and programs comes from. Default: NULL, the C library's heap. Needs deallocate too. */
    TenonAllocateFunction allocate;
    /** Where that memory goes back to. */
    TenonDeallocateFunction deallocate;
    /** Passed to allocate and deallocate. */
    void *allocator_user;
    /** Called once when no memory of the context is left. */
    TenonDropFunction allocator_drop;
    /** The host's job system, instead of threads of the library. Default: NULL. */
    TenonParallelForFunction parallel_for;
    /** Passed to parallel_for. */
    void *jobs_user;
    /** Called once when parallel_for will not be called again. */
    TenonDropFunction jobs_drop;
    /** Where log lines go. Default: NULL, nowhere. */
    TenonLogFunction log;
    /** Passed to log. */
    void *log_user;
    /** Called once when log will not be called again. */
    TenonDropFunction log_drop;
} TenonContextOptions;

/**
 * Everything that a host switches on: its seed, its memory, its workers. Nothing of the library lives outside of a
 * context, and what is made in one is freed with it.
 *
 * Like every handle: a plain value that may be copied and compared with memcmp; all zero is no context.
 */
typedef struct TenonContext {
    /** Says nothing to a host; never compute with it. */
    uint64_t id;
} TenonContext;

/**
 * Fills options with the defaults. `size` is sizeof(TenonContextOptions). Refuses NULL and a size that is no options
 * struct's.
 */
TenonStatus tenon_context_options_init(TenonContextOptions *options, size_t size);

/**
 * Makes a context. NULL options are the defaults. The caller owns the handle that is written to `context` and frees it
 * with tenon_context_free.
 *
 * Fails with TENON_INVALID_ARGUMENT for an unknown simd_level, for allocate without deallocate or the reverse, and for a
 * parallel_for without concurrency; with TENON_UNSUPPORTED, TENON_OUT_OF_MEMORY. Any thread.
 */
TenonStatus tenon_context_new(const TenonContextOptions *options, TenonContext *context, TenonError *error);

/**
 * Frees a context and everything that was made in it, in whatever order it was made; a zero handle is a no-op. All
 * their handles answer TENON_INVALID_HANDLE from now on, TENON_INVALID_HANDLE is also the answer to a context that is
 * not there. Calls that run on other threads go on and end as they would have; what they hold is freed when they
 * return. Any thread.
 */
TenonStatus tenon_context_free(TenonContext context);

/**
 * Sets the seed and starts all over: the context's generators stand at the beginning of their streams, and the next
 * parameter with a random initializer is the first one again. Parameters that exist keep the initial values that they
 * were made with. Waits for programs that use a generator. Any thread.
 */
TenonStatus tenon_context_set_seed(TenonContext context, uint64_t seed, TenonError *error);

/** Writes the seed that was set last. Any thread. */
TenonStatus tenon_context_seed(TenonContext context, uint64_t *seed, TenonError *error);

/**
 * Writes how many bytes tensors and programs of the context have in use, and the most that were in use at once. Any
 * thread.
 */
TenonStatus tenon_context_memory(TenonContext context, size_t *used, size_t *peak, TenonError *error);

/** Writes how many threads, or pieces of work of the host's job system, run at the same time. Any thread. */
TenonStatus tenon_context_concurrency(TenonContext context, uint32_t *concurrency, TenonError *error);

/**
 * Writes the name of the instruction set that programs use, "avx2", to `text`, which has room for `capacity` bytes, and
 * its length without the NUL to `length`. NULL with capacity 0 asks for the length alone; another capacity that is too
 * small is refused. Any thread.
 */
TenonStatus tenon_context_simd_level(TenonContext context, char *text, size_t capacity, size_t *length,
    TenonError *error);

/* ==== Tensors =======================================================================================================
 */

enum {
    /** The most dimensions that a tensor may have. */
    TENON_MAX_RANK = 8
};

/** The type of a tensor's elements: one of the numbers below. */
typedef int32_t TenonDType;

enum {
    /** IEEE 754 double precision: C's double. */
    TENON_F64 = 1,
    /** IEEE 754 single precision: C's float. */
    TENON_F32 = 2,
    /** IEEE 754 half precision, 2 bytes. */
    TENON_F16 = 3,
    /** The upper half of an F32, 2 bytes. */
    TENON_BF16 = 4,
    /** int64_t. */
    TENON_I64 = 5,
    /** int32_t. */
    TENON_I32 = 6,
    /** uint8_t. */
    TENON_U8 = 7,
    /** One byte, 0 or 1. */
    TENON_BOOL = 8
};

/**
 * An n-dimensional value: dtype, shape, and elements on its context's device.
 *
 * Calls that read elements wait until nobody writes them, calls that write wait until nobody reads or writes them.
 */
typedef struct TenonTensor {
    /** Says nothing to a host; never compute with it. All zero is no tensor. */
    uint64_t id;
} TenonTensor;

/** The name of a dtype: "f32". NULL for a number that is no dtype. The text is static: never free it. Any thread. */
const char *tenon_dtype_name(TenonDType dtype);

/** The size of one element in bytes. 0 for a number that is no dtype. Any thread. */
size_t tenon_dtype_size(TenonDType dtype);

/**
 * Makes a tensor with all elements 0, row-major, in memory of the context's allocator.
 *
 * `shape` holds `rank` sizes, outermost first; rank 0 is a scalar, at most TENON_MAX_RANK; a size may be 0. Fails with
 * TENON_SHAPE_MISMATCH for sizes that are negative or too large, TENON_INVALID_ARGUMENT for an unknown dtype,
 * TENON_OUT_OF_MEMORY. Any thread.
 */
TenonStatus tenon_tensor_new(TenonContext context, TenonDType dtype, const int64_t *shape, size_t rank,
    TenonTensor *tensor, TenonError *error);

/**
 * Makes a tensor of rank 0 with this value. A float is rounded to the nearest that the dtype has; for integers the
 * fraction is dropped, what lies beyond their range becomes its end, NaN becomes 0; for TENON_BOOL all but 0 is true.
 * Fails like tenon_tensor_new. Any thread.
 */
TenonStatus tenon_tensor_from_scalar(TenonContext context, TenonDType dtype, double value, TenonTensor *tensor,
    TenonError *error);

/**
 * Writes all elements of a tensor from `data`: `size` bytes, row-major, in the machine's byte order; for TENON_BOOL
 * all bytes but 0 are true. `data` is read during the call alone and need not be aligned.
 *
 * Fails with TENON_INVALID_ARGUMENT if `size` is not that of all elements, or if the tensor is read-only (imported so,
 * or a broadcast view). Waits for running calls that use the tensor. Any thread.
 */
TenonStatus tenon_tensor_write(TenonTensor tensor, const void *data, size_t size, TenonError *error);

/**
 * Reads all elements of a tensor to `data`: `size` bytes, row-major, in the machine's byte order; each byte of
 * TENON_BOOL is 0 or 1. `data` need not be aligned. Fails with TENON_INVALID_ARGUMENT if `size` is not that of all
 * elements. Waits for running calls that write the tensor. Any thread.
 */
TenonStatus tenon_tensor_read(TenonTensor tensor, void *data, size_t size, TenonError *error);

/**
 * Reads the one element of a tensor of any dtype as a number; TENON_I64 beyond 2^53 rounds. Fails with
 * TENON_INVALID_ARGUMENT if there is not exactly one. Any thread.
 */
TenonStatus tenon_tensor_item(TenonTensor tensor, double *value, TenonError *error);

/** Writes the dtype of a tensor's elements. Any thread. */
TenonStatus tenon_tensor_dtype(TenonTensor tensor, TenonDType *dtype, TenonError *error);

/**
 * Writes the sizes of a tensor's dimensions, outermost first, to `shape`, which has room for `capacity`, and their
 * number to `rank`. NULL with capacity 0 asks for the rank alone; another capacity below the rank is refused.
 * TENON_MAX_RANK always suffices. Any thread.
 */
TenonStatus tenon_tensor_shape(TenonTensor tensor, int64_t *shape, size_t capacity, size_t *rank, TenonError *error);

/** Writes the size of all elements in bytes, packed: what tenon_tensor_read and tenon_tensor_write move. Any thread. */
TenonStatus tenon_tensor_size(TenonTensor tensor, size_t *size, TenonError *error);

/**
 * Makes a tensor with the same elements in memory of its own, row-major. The caller frees it. Fails with
 * TENON_OUT_OF_MEMORY. Any thread.
 */
TenonStatus tenon_tensor_duplicate(TenonTensor tensor, TenonTensor *duplicate, TenonError *error);

/** Makes another handle of the same tensor, elements shared, so that two owners can each free theirs. Any thread. */
TenonStatus tenon_tensor_retain(TenonTensor tensor, TenonTensor *retained, TenonError *error);

/** The context that a tensor was made in, or a zero handle if the tensor's handle is bad. Nothing to free. Any thread. */
TenonContext tenon_tensor_context(TenonTensor tensor);

/**
 * Frees a handle of a tensor; zero is a no-op. The elements go with their last user. TENON_INVALID_HANDLE is the
 * answer to a handle that is not there. Any thread.
 */
TenonStatus tenon_tensor_free(TenonTensor tensor);

/**
 * Makes a tensor of another library's memory by way of DLPack (version 1.x, CPU, the dtypes of this header), without a
 * copy; only memory that is not aligned to the size of its elements is copied.
 *
 * The call takes `managed` over: its deleter runs exactly once, when the last user of the memory goes, on whatever
 * thread; if the call fails, before it returns. Nobody may write the memory while Tenon uses it. Memory flagged
 * read-only refuses tenon_tensor_write.
 *
 * Fails with TENON_UNSUPPORTED for another major version, device, or element type, TENON_SHAPE_MISMATCH for shapes
 * that are negative, too large, or have more than TENON_MAX_RANK dimensions, TENON_INVALID_ARGUMENT for NULL, for
 * strides that leave the address space, and for booleans other than 0 and 1. Any thread.
 */
TenonStatus tenon_tensor_from_dlpack(TenonContext context, struct DLManagedTensorVersioned *managed,
    TenonTensor *tensor, TenonError *error);

/**
 * Writes a DLPack struct (version 1) of a tensor's own memory, without a copy, to `managed`. The caller, or whom it
 * hands the struct to, runs its deleter exactly once, on any thread, at any time, also after the tensor or its context
 * was freed. Tenon's locks do not bind the consumer: it must not use the elements while calls of this library write
 * them. Flagged read-only if the tensor refuses writes. Any thread.
 */
TenonStatus tenon_tensor_to_dlpack(TenonTensor tensor, struct DLManagedTensorVersioned **managed, TenonError *error);

/* ==== Random generators =============================================================================================
 */

/**
 * A place in a random stream, which programs draw from and move on. Numbers follow from seed, stream, and offset alone,
 * on every machine.
 */
typedef struct TenonGenerator {
    /** Says nothing to a host; never compute with it. All zero is no generator. */
    uint64_t id;
} TenonGenerator;

/** Where a generator stands: all about what comes next. */
typedef struct TenonRandomState {
    /** Which streams. */
    uint64_t seed;
    /** Which stream of the seed. */
    uint64_t stream;
    /** How many 32-bit words were drawn. */
    uint64_t offset;
} TenonRandomState;

/** Makes a generator at the beginning of stream 0 of a seed. The caller frees it. Any thread. */
TenonStatus tenon_generator_new(TenonContext context, uint64_t seed, TenonGenerator *generator, TenonError *error);

/**
 * Writes a handle of the context's own generator: what random operations and dropout draw from unless they are told
 * otherwise. The caller frees the handle. Any thread.
 */
TenonStatus tenon_context_generator(TenonContext context, TenonGenerator *generator, TenonError *error);

/**
 * Writes a handle of the generator of an op seed: an independent stream of the context's seed. The same op seed gives
 * the same generator, which goes on where it stands. The caller frees the handle. Any thread.
 */
TenonStatus tenon_context_generator_for(TenonContext context, int64_t op_seed, TenonGenerator *generator,
    TenonError *error);

/**
 * Makes a generator of the same seed in a stream that this one's stream and `name` decide: the same name gives the same
 * stream from its beginning, whatever was drawn from this one. The caller frees it. Any thread.
 */
TenonStatus tenon_generator_split(TenonGenerator generator, const char *name, TenonGenerator *split, TenonError *error);

/** Writes where a generator stands. Waits for programs that draw from it. Any thread. */
TenonStatus tenon_generator_state(TenonGenerator generator, TenonRandomState *state, TenonError *error);

/** Places a generator. Waits for programs that draw from it. Any thread. */
TenonStatus tenon_generator_set_state(TenonGenerator generator, const TenonRandomState *state, TenonError *error);

/** Starts the generator's stream over under another seed. Waits for programs that draw from it. Any thread. */
TenonStatus tenon_generator_manual_seed(TenonGenerator generator, uint64_t seed, TenonError *error);

/** Frees a handle of a generator; zero is a no-op. Graphs that draw from the generator keep it. Any thread. */
TenonStatus tenon_generator_free(TenonGenerator generator);

/* ==== Graphs and values =============================================================================================
 *
 * A graph is a recorded computation, a value is one result in it. Functions that record operations take values and
 * return a value, so that they nest: tenon_relu(tenon_matmul(x, w)). Nothing is computed while recording: shapes and
 * dtypes are inferred and checked on the spot, elements come when the compiled program runs.
 *
 * These functions take no error. The first failure sticks to the graph, with the name of the operation and the path of
 * the cell, and every value that depends on it is invalid; whoever ends the recording (tenon_function_call,
 * tenon_train_step_run, tenon_graph_eval ...) returns it. A failure sticks to the graph of the first value, or, if that
 * is no value, of the first that is one.
 *
 * A graph that is handed to a callback is for that callback and its thread alone, and ends with it.
 */

/** A computation that is being recorded. */
typedef struct TenonGraph {
    /** Says nothing to a host; never compute with it. All zero is no graph. */
    uint64_t id;
} TenonGraph;

/** One result in a graph: passed by value, nothing to free. Good as long as its graph is. */
typedef struct TenonValue {
    /** Of the graph; says nothing to a host. */
    uint64_t graph;
    /** In the graph; UINT32_MAX for an invalid value. */
    uint32_t index;
    /** Zero. */
    uint32_t reserved;
} TenonValue;

/**
 * Makes an empty graph of the host's own, for results outside of any function: record into it, then tenon_graph_eval.
 * The caller frees it. Calls on one graph come one at a time: another one meanwhile fails with TENON_BUSY. Any thread.
 */
TenonStatus tenon_graph_new(TenonContext context, TenonGraph *graph, TenonError *error);

/**
 * Ends the recording of a graph that tenon_graph_new made, compiles it, runs it once, and writes a new tensor for each
 * of `count` values to `outputs`, in their order. What was assigned to parameters is in them, and generators have moved
 * on. The caller frees the tensors.
 *
 * The graph can be recorded into and evaluated no more, whether this succeeds or not; free it, and go on with a new one
 * and tenon_constant.
 *
 * Fails with what stuck to the graph, with TENON_INVALID_HANDLE or TENON_INVALID_ARGUMENT for a value that is not the
 * graph's, with TENON_BUSY for the graph of a callback, with TENON_OUT_OF_MEMORY; then nothing has changed but the
 * graph. Any thread.
 */
TenonStatus tenon_graph_eval(TenonGraph graph, const TenonValue *values, size_t count, TenonTensor *outputs,
    TenonError *error);

/**
 * Returns the failure that sticks to a graph, with its text in `error`; TENON_OK if there is none. Any thread; the graph
 * of a callback: the callback's.
 */
TenonStatus tenon_graph_status(TenonGraph graph, TenonError *error);

/**
 * Makes a failure stick to a graph, for a callback that finds something wrong: `status` and `message`, with the path of
 * the cell in front. An earlier failure is kept.
 *
 * Returns an invalid value. TENON_OK and unknown numbers stand for TENON_INVALID_ARGUMENT.
 */
TenonValue tenon_graph_fail(TenonGraph graph, TenonStatus status, const char *message);

/**
 * Writes the text of a graph, for people to read: one line for each node, with its operands, its dtype and shape. The
 * text goes to `text`, which has room for `capacity` bytes, its length without the NUL to `length`. NULL with capacity 0
 * asks for the length alone; another capacity that is too small is refused. Threads as in tenon_graph_status.
 */
TenonStatus tenon_graph_describe(TenonGraph graph, char *text, size_t capacity, size_t *length, TenonError *error);

/** The context that a graph belongs to, or a zero handle if the graph's handle is bad. Nothing to free. Any thread. */
TenonContext tenon_graph_context(TenonGraph graph);

/**
 * Frees a graph that tenon_graph_new made; zero is a no-op. Its values are stale from now on. Fails with TENON_BUSY for
 * the graph of a callback, which ends with the callback. Any thread.
 */
TenonStatus tenon_graph_free(TenonGraph graph);

/**
 * Whether this is a value of a graph that is being recorded: false for the result of an operation that failed, and for
 * values whose graph has ended. Threads as in tenon_graph_status.
 */
bool tenon_value_is_valid(TenonValue value);

/** The graph of a value, or a zero handle for a value of no graph. Nothing to free. Any thread. */
TenonGraph tenon_value_graph(TenonValue value);

/**
 * Writes the dtype of a value. Fails with what stuck to the graph for the value of an operation that failed. Threads as
 * in tenon_graph_status.
 */
TenonStatus tenon_value_dtype(TenonValue value, TenonDType *dtype, TenonError *error);

/**
 * Writes the sizes of a value's dimensions, outermost first, to `shape`, which has room for `capacity`, and their number
 * to `rank`. NULL with capacity 0 asks for the rank alone; another capacity below the rank is refused. TENON_MAX_RANK
 * always suffices. Fails with what stuck to the graph for the value of an operation that failed. Threads as in
 * tenon_graph_status.
 */
TenonStatus tenon_value_shape(TenonValue value, int64_t *shape, size_t capacity, size_t *rank, TenonError *error);

/* ==== Operations: new values ========================================================================================
 */

/** A value of rank 0, rounded to the dtype. */
TenonValue tenon_scalar(TenonGraph graph, TenonDType dtype, double value);

/** A value of rank 0, exact also beyond 2^53. */
TenonValue tenon_integer(TenonGraph graph, TenonDType dtype, int64_t value);

/** A tensor as part of the graph, which keeps it. Programs see later writes to it. */
TenonValue tenon_constant(TenonGraph graph, TenonTensor tensor);

/** A value of this shape whose elements are all equal. */
TenonValue tenon_full(TenonGraph graph, TenonDType dtype, const int64_t *shape, size_t rank, double value);

/** Zeros with the dtype and shape of x. */
TenonValue tenon_zeros_like(TenonValue x);

/** Ones with the dtype and shape of x. */
TenonValue tenon_ones_like(TenonValue x);

/** The position along an axis: 0, 1, 2 ..., in this shape. Floats and integers. Negative axes count from the last. */
TenonValue tenon_iota(TenonGraph graph, TenonDType dtype, const int64_t *shape, size_t rank, int64_t axis);

/** 0 everywhere, in this shape; false for bool. */
TenonValue tenon_zeros(TenonGraph graph, TenonDType dtype, const int64_t *shape, size_t rank);

/** 1 everywhere, in this shape; true for bool. */
TenonValue tenon_ones(TenonGraph graph, TenonDType dtype, const int64_t *shape, size_t rank);

/** A number everywhere, rounded to the dtype of x, in its shape. */
TenonValue tenon_full_like(TenonValue x, double value);

/**
 * start, start + step, start + 2 step ... as long as they are before `end`: a vector of (end - start) / step numbers,
 * rounded up. A step below 0 goes down; one that leads away from the end is refused, and so is 0. Numbers of integers are
 * whole and fit. Not bool.
 */
TenonValue tenon_arange(TenonGraph graph, TenonDType dtype, double start, double end, double step);

/** `count` numbers of a float dtype from start to `end`, both of which are among them, evenly apart; of a single one start. */
TenonValue tenon_linspace(TenonGraph graph, TenonDType dtype, double start, double end, int64_t count);

/** The powers of base, which usually is 10, whose exponents are those of tenon_linspace. */
TenonValue tenon_logspace(TenonGraph graph, TenonDType dtype, double start, double end, int64_t count, double base);

/** 1 on the diagonal of a matrix [rows, columns], 0 elsewhere. */
TenonValue tenon_eye(TenonGraph graph, TenonDType dtype, int64_t rows, int64_t columns);

/**
 * Rows and columns, i64 [2, count], of the elements of a matrix [rows, columns] on the diagonal that lies offset above
 * the main one (negative: below it) and below that diagonal, row by row.
 */
TenonValue tenon_tril_indices(TenonGraph graph, int64_t rows, int64_t columns, int64_t offset);

/**
 * Rows and columns, i64 [2, count], of the elements of a matrix [rows, columns] on the diagonal that lies offset above
 * the main one (negative: below it) and above that diagonal, row by row.
 */
TenonValue tenon_triu_indices(TenonGraph graph, int64_t rows, int64_t columns, int64_t offset);

/**
 * The powers 0 to count - 1 of each element of x [..., k], or, unless they increase, the same the other way round:
 * [..., k, count]. The power 0 is 1, also of 0.
 */
TenonValue tenon_vander(TenonValue x, int64_t count, bool is_increasing);

/**
 * Hann's window, of a float dtype: 1/2 - 1/2 cos(2 pi i / n) for the places i = 0, 1, ... of `count`; n is count for a
 * periodic one, which spectra are taken with, and count - 1 for a symmetric one. A single place is 1.
 */
TenonValue tenon_hann_window(TenonGraph graph, TenonDType dtype, int64_t count, bool is_periodic);

/** Hamming's window: alpha - beta cos(2 pi i / n), otherwise like tenon_hann_window. Usual are 0.54 and 0.46. */
TenonValue tenon_hamming_window(TenonGraph graph, TenonDType dtype, int64_t count, bool is_periodic, double alpha,
    double beta);

/** Blackman's window: 0.42 - 0.5 cos(2 pi i / n) + 0.08 cos(4 pi i / n), otherwise like tenon_hann_window. */
TenonValue tenon_blackman_window(TenonGraph graph, TenonDType dtype, int64_t count, bool is_periodic);

/** Bartlett's window: 1 - |2 i / n - 1|, otherwise like tenon_hann_window. */
TenonValue tenon_bartlett_window(TenonGraph graph, TenonDType dtype, int64_t count, bool is_periodic);

/** Kaiser's window: I0(beta sqrt(1 - (2 i / n - 1)^2)) / I0(beta), otherwise like tenon_hann_window. Usual is 12. */
TenonValue tenon_kaiser_window(TenonGraph graph, TenonDType dtype, int64_t count, bool is_periodic, double beta);

/* ==== Operations: random numbers ====================================================================================
 *
 * Numbers follow from the generator's seed, stream, and offset alone: they have the same bits for any number of workers
 * and any instruction set. A zero generator handle stands for the context's own; the generator moves on when the program
 * has run. Distributions with parameters take them as values, which broadcast and promote, and give floats: f32 for
 * integers and bool. A parameter that is none of the distribution's gives NaN. Gradients go to locations, scales, and
 * rates through the numbers that were drawn; whole numbers have none.
 */

/** Uniform random numbers in [0, 1), of a float dtype. */
TenonValue tenon_random_uniform(TenonGraph graph, TenonDType dtype, const int64_t *shape, size_t rank,
    TenonGenerator generator);

/** Standard normal random numbers, of a float dtype. */
TenonValue tenon_random_normal(TenonGraph graph, TenonDType dtype, const int64_t *shape, size_t rank,
    TenonGenerator generator);

/** Booleans that are true with probability p, which is at least 0 and at most 1. */
TenonValue tenon_random_bernoulli(TenonGraph graph, double p, const int64_t *shape, size_t rank,
    TenonGenerator generator);

/**
 * Booleans that are true with the probability that each element of p gives: always for 1 and more, never for 0, less, and
 * NaN.
 */
TenonValue tenon_random_bernoulli_with(TenonValue p, TenonGenerator generator);

/** Uniform random numbers in [0, 1) in the dtype and shape of x: floats. */
TenonValue tenon_rand_like(TenonValue x, TenonGenerator generator);

/** Standard normal random numbers in the dtype and shape of x: floats. */
TenonValue tenon_randn_like(TenonValue x, TenonGenerator generator);

/**
 * Whole numbers from low up to, not including, high: i64, i32, or u8, or floats, to which they are rounded. Each is as
 * likely as any other to within a part of 2^-64 of its probability. Fails with TENON_INVALID_ARGUMENT if low is not below
 * high, or the dtype does not reach as far.
 */
TenonValue tenon_randint(TenonGraph graph, TenonDType dtype, int64_t low, int64_t high, const int64_t *shape,
    size_t rank, TenonGenerator generator);

/** tenon_randint in the dtype and shape of x. */
TenonValue tenon_randint_like(TenonValue x, int64_t low, int64_t high, TenonGenerator generator);

/**
 * 0 to n - 1 in random order, as i64, i32, or u8: the order of n random numbers of 64 bits. All orders are equally likely,
 * but for the chance that two of the numbers are equal, which is below n^2 / 2^65. Fails with TENON_INVALID_ARGUMENT if
 * the dtype does not reach n - 1.
 */
TenonValue tenon_randperm(TenonGraph graph, TenonDType dtype, int64_t n, TenonGenerator generator);

/**
 * x with its slices along an axis in random order, each slice as it was. Gradients go where elements came from. Negative
 * axes count from the last.
 */
TenonValue tenon_shuffle(TenonValue x, int64_t axis, TenonGenerator generator);

/**
 * 0 with probability p, else x / (1 - p), for floats of any shape (Hinton et al., 2012): the mean stays. Each element has a
 * draw of its own, in every run; gradients pass by the draws of the result. p = 0, what inference wants, gives x, and p = 1
 * zeros, whatever x holds: neither draws. PyTorch's and MindSpore's functions have p = 0.5 where none is given. Fails with
 * TENON_INVALID_ARGUMENT unless p is at least 0 and at most 1, with TENON_DTYPE_MISMATCH if x holds no floats.
 * tenon_dropout_new makes a layer that does so in training alone.
 */
TenonValue tenon_dropout(TenonValue x, double p, TenonGenerator generator);

/**
 * tenon_dropout of whole channels (Tompson et al., 2015), PyTorch's and MindSpore's dropout1d, dropout2d, and dropout3d: x is
 * [N, C, ...], and a channel of a sample shares a draw. Fails also with TENON_SHAPE_MISMATCH if x has fewer than two
 * dimensions.
 */
TenonValue tenon_feature_dropout(TenonValue x, double p, TenonGenerator generator);

/**
 * The positions (i64 [..., count]) of classes drawn from the rows of weights [..., n]: each with its share of the sum of
 * the row, which need not be 1. With replacement, MindSpore's default, each draw is from all classes; without, PyTorch's
 * default, a class is drawn once at most, as by one draw after the other from what is left, and fewer than count classes
 * are an error. A row in which a weight is negative, NaN, or infinite, or too few are above 0 (one with replacement, count
 * without), fails the run with TENON_INVALID_ARGUMENT.
 */
TenonValue tenon_multinomial(TenonValue weights, int64_t count, bool replacement, TenonGenerator generator);

/**
 * count positions (i64 [..., count]) for each row of logits [..., n], drawn with replacement with the probabilities
 * softmax(logits). -inf is never drawn; a row with NaN or infinity, or of nothing but -inf, fails the run with
 * TENON_INVALID_ARGUMENT.
 */
TenonValue tenon_categorical(TenonValue logits, int64_t count, TenonGenerator generator);

/** Uniform random numbers from low up to high, to which they may be rounded. NaN where low is above high. */
TenonValue tenon_random_uniform_with(TenonValue low, TenonValue high, TenonGenerator generator);

/** Normal random numbers with a mean and a standard deviation; NaN for a negative deviation. */
TenonValue tenon_random_normal_with(TenonValue mean, TenonValue deviation, TenonGenerator generator);

/**
 * Normal random numbers with a mean and a standard deviation, given that they lie from mean + low * deviation to mean +
 * high * deviation: by inversion of the distribution function. The bounds may be infinite; low is below high, and one of
 * them within 37 of 0, so that there is something between them. NaN for a negative deviation.
 */
TenonValue tenon_random_truncated_normal(TenonValue mean, TenonValue deviation, double low, double high,
    TenonGenerator generator);

/** e to the power of tenon_random_normal_with. */
TenonValue tenon_random_log_normal(TenonValue mean, TenonValue deviation, TenonGenerator generator);

/** Exponential random numbers with this rate, whose mean is 1 / rate: infinity for a rate of 0, NaN for a negative one. */
TenonValue tenon_random_exponential(TenonValue rate, TenonGenerator generator);

/** Laplace random numbers with density e^(-|x - location| / scale) / (2 scale); NaN for a negative scale. */
TenonValue tenon_random_laplace(TenonValue location, TenonValue scale, TenonGenerator generator);

/** Gumbel random numbers with distribution function e^-e^(-(x - location) / scale); NaN for a negative scale. */
TenonValue tenon_random_gumbel(TenonValue location, TenonValue scale, TenonGenerator generator);

/** Cauchy random numbers with density scale / (pi (scale^2 + (x - location)^2)); NaN for a negative scale. */
TenonValue tenon_random_cauchy(TenonValue location, TenonValue scale, TenonGenerator generator);

/**
 * Gamma random numbers with density rate^c x^(c - 1) e^(-rate x) / Gamma(c), whose mean is c / rate, by Marsaglia and
 * Tsang's method (2000): 0 for a concentration c of 0, NaN for a negative concentration or rate. An element has twenty
 * tries, of which one fails with a probability of at most 0.05; after twenty failures, once in 10^26 elements, it gets the
 * most likely number. Gradients go to concentrations by implicit reparameterization, to first order; numbers too small for
 * the dtype have slope 0.
 */
TenonValue tenon_random_gamma(TenonValue concentration, TenonValue rate, TenonGenerator generator);

/**
 * Chi-square random numbers: twice gamma numbers of half the degrees of freedom, which need not be whole. NaN for negative
 * ones. Gradients as tenon_random_gamma.
 */
TenonValue tenon_random_chi2(TenonValue freedom, TenonGenerator generator);

/**
 * Student's t random numbers with these degrees of freedom, which need not be whole: z sqrt(freedom / chi2) for a standard
 * normal z. NaN unless there are more than 0. Gradients as tenon_random_gamma.
 */
TenonValue tenon_random_student_t(TenonValue freedom, TenonGenerator generator);

/**
 * Beta random numbers with density x^(a - 1) (1 - x)^(b - 1) / B(a, b): the share of a gamma number of shape a in the sum
 * with one of shape b. NaN unless both are at least 0 and one is above. Gradients as tenon_random_gamma.
 */
TenonValue tenon_random_beta(TenonValue a, TenonValue b, TenonGenerator generator);

/**
 * Dirichlet random numbers along the last axis: the shares of gamma numbers of these shapes in their sum. NaN for rows with
 * a negative concentration, and of nothing but 0. Gradients as tenon_random_gamma.
 */
TenonValue tenon_random_dirichlet(TenonValue concentration, TenonGenerator generator);

/**
 * Poisson random numbers, as floats: 0 for a rate of 0, infinity for an infinite one, NaN for a negative one. Rates below
 * 10 go through the distribution, larger ones by Hoermann's transformed rejection (1993): an element has forty tries, of
 * which one fails with a probability below 0.3; after forty failures, once in 10^20 elements, it gets the whole part of the
 * rate. Counts are rounded to the dtype.
 */
TenonValue tenon_random_poisson(TenonValue rate, TenonGenerator generator);

/**
 * Binomial random numbers, as floats: how many of `trials`, a whole number of at least 0 and below 2^53, succeed with
 * probability p; else NaN. By the methods of tenon_random_poisson, for the smaller of the means of successes and failures;
 * an element without an accepted try gets the most likely number.
 */
TenonValue tenon_random_binomial(TenonValue trials, TenonValue p, TenonGenerator generator);

/**
 * Geometric random numbers, as floats: the first trial that succeeds, from 1 on, with probability p above 0 and at most 1;
 * else NaN.
 */
TenonValue tenon_random_geometric(TenonValue p, TenonGenerator generator);

/**
 * `count` of the classes 0 to range - 1 (i64 [count]), all equally likely; with unique each once at most, in random order.
 * Unless they are NULL, `true_expected` receives how often each of the true classes, integers of any shape, was to be
 * expected among them (f32 in that shape: count / range, 0 for what is no class), `sampled_expected` how often each of the
 * sampled ones was (f32 [count]).
 */
TenonValue tenon_uniform_candidate_sampler(TenonValue true_classes, int64_t count, bool unique, int64_t range,
    TenonGenerator generator, TenonValue *true_expected, TenonValue *sampled_expected);

/**
 * tenon_uniform_candidate_sampler for classes in the order of how frequent they are, with probabilities p(c) =
 * ln((c + 2) / (c + 1)) / ln(range + 1). What is expected of a class is count p(c); with unique, where draws are repeated
 * until there are count different classes, its chance to be among them, given the race of the others: 1 - e^(-p(c) t) for
 * the time t at which count others are in.
 */
TenonValue tenon_log_uniform_candidate_sampler(TenonValue true_classes, int64_t count, bool unique, int64_t range,
    TenonGenerator generator, TenonValue *true_expected, TenonValue *sampled_expected);

/* ==== Operations: elementwise functions of one value ================================================================
 *
 * The result has the shape and the dtype of x unless something else is said. Gradients at kinks are PyTorch's.
 */

/** x. Any dtype. */
TenonValue tenon_identity(TenonValue x);

/** x, with gradient zero. Any dtype. */
TenonValue tenon_stop_gradient(TenonValue x);

/** -x. Floats and integers. */
TenonValue tenon_neg(TenonValue x);

/** |x|; slope 0 at 0. Floats and integers. */
TenonValue tenon_abs(TenonValue x);

/** -1, 0 or 1; NaN stays NaN; slope 0. Floats and integers. */
TenonValue tenon_sign(TenonValue x);

/** e^x. Floats. */
TenonValue tenon_exp(TenonValue x);

/** e^x - 1, exact near 0. Floats. */
TenonValue tenon_expm1(TenonValue x);

/** 2^x. Floats. */
TenonValue tenon_exp2(TenonValue x);

/** Natural logarithm. Floats. */
TenonValue tenon_log(TenonValue x);

/** ln(1 + x), exact near 0. Floats. */
TenonValue tenon_log1p(TenonValue x);

/** Logarithm to base 2. Floats. */
TenonValue tenon_log2(TenonValue x);

/** Logarithm to base 10. Floats. */
TenonValue tenon_log10(TenonValue x);

/** Square root; slope infinite at 0. Floats. */
TenonValue tenon_sqrt(TenonValue x);

/** 1 / sqrt(x). Floats. */
TenonValue tenon_rsqrt(TenonValue x);

/** 1 / x. Floats. */
TenonValue tenon_reciprocal(TenonValue x);

/** Sine. Floats. */
TenonValue tenon_sin(TenonValue x);

/** Cosine. Floats. */
TenonValue tenon_cos(TenonValue x);

/** Tangent. Floats. */
TenonValue tenon_tan(TenonValue x);

/** Angle from -pi/2 to pi/2 whose sine is x; NaN beyond 1. Floats. */
TenonValue tenon_asin(TenonValue x);

/** Angle from 0 to pi whose cosine is x; NaN beyond 1. Floats. */
TenonValue tenon_acos(TenonValue x);

/** Angle from -pi/2 to pi/2 whose tangent is x. Floats. */
TenonValue tenon_atan(TenonValue x);

/** Hyperbolic sine. Floats. */
TenonValue tenon_sinh(TenonValue x);

/** Hyperbolic cosine. Floats. */
TenonValue tenon_cosh(TenonValue x);

/** Hyperbolic tangent. Floats. */
TenonValue tenon_tanh(TenonValue x);

/** Inverse of the hyperbolic sine. Floats. */
TenonValue tenon_asinh(TenonValue x);

/** Inverse of the hyperbolic cosine, not negative; NaN below 1. Floats. */
TenonValue tenon_acosh(TenonValue x);

/** Inverse of the hyperbolic tangent; NaN beyond 1. Floats. */
TenonValue tenon_atanh(TenonValue x);

/** x - tanh x, exact near 0. Floats. */
TenonValue tenon_tanhshrink(TenonValue x);

/** sin(pi x) / (pi x), 1 at 0. Floats. */
TenonValue tenon_sinc(TenonValue x);

/** 1 / (1 + e^-x). Floats. */
TenonValue tenon_sigmoid(TenonValue x);

/** Error function. Floats. */
TenonValue tenon_erf(TenonValue x);

/** 1 - erf(x), exact for large x. Floats. */
TenonValue tenon_erfc(TenonValue x);

/** e^(x^2) erfc(x), without overflow for x above 0. Floats. */
TenonValue tenon_erfcx(TenonValue x);

/** x -> y with erf(y) = x; infinite at 1, NaN beyond. Floats. */
TenonValue tenon_erfinv(TenonValue x);

/** Normal distribution function. Floats. */
TenonValue tenon_ndtr(TenonValue x);

/** Logarithm of the normal distribution function. Floats. */
TenonValue tenon_log_ndtr(TenonValue x);

/** ln |Gamma(x)|; infinite at 0, -1, -2 .... Floats. */
TenonValue tenon_lgamma(TenonValue x);

/** Slope of ln Gamma(x); NaN at -1, -2 .... Floats. */
TenonValue tenon_digamma(TenonValue x);

/** Modified Bessel function of the first kind, order 0. Floats. */
TenonValue tenon_i0(TenonValue x);

/** e^-|x| i0(x). Floats. */
TenonValue tenon_i0e(TenonValue x);

/** Modified Bessel function of the first kind, order 1. Floats. */
TenonValue tenon_i1(TenonValue x);

/** e^-|x| i1(x). Floats. */
TenonValue tenon_i1e(TenonValue x);

/** Bessel function of the first kind, order 0. Floats. */
TenonValue tenon_bessel_j0(TenonValue x);

/** Bessel function of the first kind, order 1. Floats. */
TenonValue tenon_bessel_j1(TenonValue x);

/** -x ln x; 0 at 0, -inf below. Floats. */
TenonValue tenon_entr(TenonValue x);

/** Largest integer not above x; slope 0. Floats. */
TenonValue tenon_floor(TenonValue x);

/** Smallest integer not below x; slope 0. Floats. */
TenonValue tenon_ceil(TenonValue x);

/** Nearest integer, halves to even; slope 0. Floats. */
TenonValue tenon_round(TenonValue x);

/** x without its fraction; slope 0. Floats. */
TenonValue tenon_trunc(TenonValue x);

/** max(x, 0); slope 0 at 0. Floats and integers. */
TenonValue tenon_relu(TenonValue x);

/** Every bit of x inverted; not x for bool. Integers and bool. */
TenonValue tenon_bitwise_not(TenonValue x);

/** Whether x is NaN, as bool. Floats. */
TenonValue tenon_is_nan(TenonValue x);

/** Whether x is infinite, as bool. Floats. */
TenonValue tenon_is_inf(TenonValue x);

/** Whether x is neither infinite nor NaN, as bool. Floats. */
TenonValue tenon_is_finite(TenonValue x);

/** Whether the sign bit of x is set, also that of -0 and of a NaN, as bool. Floats. */
TenonValue tenon_signbit(TenonValue x);

/* ==== Operations: elementwise functions of two values, choice, conversion ===========================================
 *
 * Shapes broadcast: aligned at the last dimension, sizes are equal or 1. Dtypes promote: bool < u8 < i32 < i64 < f16,
 * bf16 < f32 < f64; f16 with bf16 meets in f32.
 */

/** a + b. Floats and integers; integers wrap. */
TenonValue tenon_add(TenonValue a, TenonValue b);

/** a - b. Floats and integers; integers wrap. */
TenonValue tenon_sub(TenonValue a, TenonValue b);

/** a times b. Floats and integers; integers wrap. */
TenonValue tenon_mul(TenonValue a, TenonValue b);

/** a / b. Floats; integers divide as f32 numbers. */
TenonValue tenon_div(TenonValue a, TenonValue b);

/** The remainder of a / b with the sign of a; 0 for integers with b = 0. Floats and integers. */
TenonValue tenon_fmod(TenonValue a, TenonValue b);

/** a to the power b. Floats and integers. */
TenonValue tenon_pow(TenonValue a, TenonValue b);

/** The larger of both; NaN if either is; ties share the gradient. Floats and integers. */
TenonValue tenon_maximum(TenonValue a, TenonValue b);

/** The smaller of both; NaN if either is; ties share the gradient. Floats and integers. */
TenonValue tenon_minimum(TenonValue a, TenonValue b);

/** The bits that both have; a and b for bool. Integers and bool. */
TenonValue tenon_bitwise_and(TenonValue a, TenonValue b);

/** The bits that either has; a or b for bool. Integers and bool. */
TenonValue tenon_bitwise_or(TenonValue a, TenonValue b);

/** The bits that exactly one has; exactly one for bool. Integers and bool. */
TenonValue tenon_bitwise_xor(TenonValue a, TenonValue b);

/** a 2^b, wrapping; 0 for b below 0 or beyond the width. Integers. */
TenonValue tenon_bitwise_left_shift(TenonValue a, TenonValue b);

/** a / 2^b rounded down; 0, or -1 for negative a, for b below 0 or beyond the width. Integers. */
TenonValue tenon_bitwise_right_shift(TenonValue a, TenonValue b);

/** The angle of the point (b, a), from -pi to pi. Floats; integers as f32 numbers. */
TenonValue tenon_atan2(TenonValue a, TenonValue b);

/** sqrt(a^2 + b^2), without overflow. Floats; integers as f32 numbers. */
TenonValue tenon_hypot(TenonValue a, TenonValue b);

/** The next number from a towards b; slope 1 in a, 0 in b. f64 and f32; integers as f32 numbers. */
TenonValue tenon_nextafter(TenonValue a, TenonValue b);

/** Whether a = b, as bool. Any dtype. */
TenonValue tenon_equal(TenonValue a, TenonValue b);

/** Whether a differs from b, as bool; NaN differs from everything. Any dtype. */
TenonValue tenon_not_equal(TenonValue a, TenonValue b);

/** Whether a < b, as bool. Any dtype. */
TenonValue tenon_less(TenonValue a, TenonValue b);

/** Whether a <= b, as bool. Any dtype. */
TenonValue tenon_less_equal(TenonValue a, TenonValue b);

/** Whether a > b, as bool. Any dtype. */
TenonValue tenon_greater(TenonValue a, TenonValue b);

/** Whether a >= b, as bool. Any dtype. */
TenonValue tenon_greater_equal(TenonValue a, TenonValue b);

/** a where the condition (bool) holds, else b. All three broadcast, a and b promote. */
TenonValue tenon_select(TenonValue condition, TenonValue a, TenonValue b);

/**
 * x in another dtype. Floats to integers drop their fraction and stay within the range, NaN becomes 0; integers to
 * integers keep their low bits; to bool: whether not zero.
 */
TenonValue tenon_cast(TenonValue x, TenonDType dtype);

/* ==== Operations: arithmetic made of elementwise functions ==========================================================
 */

/** x^2. Floats and integers. */
TenonValue tenon_square(TenonValue x);

/** x held between low and high; slope 1 at both; NaN stays NaN. Floats and integers. Fails for low above high, or NaN. */
TenonValue tenon_clamp(TenonValue x, double low, double high);

/** x + number, in the dtype of x. Floats and integers. */
TenonValue tenon_add_scalar(TenonValue x, double number);

/** x times number, in the dtype of x. Floats and integers. */
TenonValue tenon_mul_scalar(TenonValue x, double number);

/**
 * x held between the elements of two tensors, which broadcast and promote; each may be all zero bytes, (TenonValue){0},
 * for no bound. The gradient passes to x within and at the bounds, beyond them to the bound. NaN in any makes NaN.
 * Floats and integers.
 */
TenonValue tenon_clamp_tensor(TenonValue x, TenonValue low, TenonValue high);

/** x to the power of a number, in the dtype of x. Floats and integers. */
TenonValue tenon_pow_scalar(TenonValue x, double exponent);

/** a to the power b, both taken to f64. Any dtype. */
TenonValue tenon_float_power(TenonValue a, TenonValue b);

/** x - trunc(x), with the sign of x; slope 1. Floats. */
TenonValue tenon_frac(TenonValue x);

/** Degrees as radians. Floats. */
TenonValue tenon_deg2rad(TenonValue x);

/** Radians as degrees. Floats. */
TenonValue tenon_rad2deg(TenonValue x);

/**
 * The largest integer not above a / b, in the promoted dtype, exact also where a / b rounds up to an integer; slope 0.
 * Floats and integers; 0 for integers with b = 0.
 */
TenonValue tenon_floor_divide(TenonValue a, TenonValue b);

/** The remainder of a / b with the sign of b (tenon_fmod: of a). Floats and integers; 0 for integers with b = 0. */
TenonValue tenon_remainder(TenonValue a, TenonValue b);

/** a + weight (b - a); all three broadcast and promote. Floats. */
TenonValue tenon_lerp(TenonValue a, TenonValue b, TenonValue weight);

/** x + factor a b; all three broadcast and promote. Floats and integers. */
TenonValue tenon_addcmul(TenonValue x, TenonValue a, TenonValue b, double factor);

/** x + factor a / b; all three broadcast and promote. Floats. */
TenonValue tenon_addcdiv(TenonValue x, TenonValue a, TenonValue b, double factor);

/** |a| with the sign of b, also that of -0 and NaN; slope 0 at a = 0. Floats; integers as f32 numbers. */
TenonValue tenon_copysign(TenonValue a, TenonValue b);

/** a 2^b, without overflow on the way. Floats; integers as f32 numbers. */
TenonValue tenon_ldexp(TenonValue a, TenonValue b);

/** The greatest common divisor, not negative; gcd(0, 0) = 0. Integers. */
TenonValue tenon_gcd(TenonValue a, TenonValue b);

/** The least common multiple, not negative; 0 if either is 0; wraps. Integers. */
TenonValue tenon_lcm(TenonValue a, TenonValue b);

/** The larger of both, or the other one where one is NaN; ties share the gradient. Floats and integers. */
TenonValue tenon_fmax(TenonValue a, TenonValue b);

/** The smaller of both, or the other one where one is NaN; ties share the gradient. Floats and integers. */
TenonValue tenon_fmin(TenonValue a, TenonValue b);

/* ==== Operations: logarithms of sums and products, functions of the gamma family ====================================
 *
 * Floats; where there are two operands they broadcast and promote, integers as f32 numbers.
 */

/** x ln y; 0 where x is 0 and y is not NaN. */
TenonValue tenon_xlogy(TenonValue x, TenonValue y);

/** x ln(1 + y); 0 where x is 0 and y is not NaN. */
TenonValue tenon_xlog1py(TenonValue x, TenonValue y);

/** ln(e^a + e^b), without overflow. */
TenonValue tenon_logaddexp(TenonValue a, TenonValue b);

/** log2(2^a + 2^b), without overflow. */
TenonValue tenon_logaddexp2(TenonValue a, TenonValue b);

/**
 * ln(x / (1 - x)), exact near 1/2. x is held between eps and 1 - eps first; a negative eps stands for none. Fails for eps
 * above 1/2.
 */
TenonValue tenon_logit(TenonValue x, double eps);

/** Derivative number n of digamma, n from 0 to 170. Infinite or NaN at 0, -1, -2 ... */
TenonValue tenon_polygamma(int64_t n, TenonValue x);

/**
 * ln of the multivariate gamma function of dimension p, 1 to 1000: p (p - 1) / 4 ln pi + the sum of lgamma(x - k / 2) over
 * k = 0 ... p - 1. It is meant for x above (p - 1) / 2.
 */
TenonValue tenon_multigammaln(TenonValue x, int64_t p);

/**
 * Hurwitz' zeta function: the sum of (k + q)^-s over k = 0, 1, 2 ...; inf at s = 1 and for q = 0, -1, -2 ...; NaN for s
 * below 1, and for negative q with an s that is no integer. The gradient in s is refused.
 */
TenonValue tenon_zeta(TenonValue s, TenonValue q);

/**
 * The regularized lower incomplete gamma function P(a, x), for a and x that are not negative, else NaN. Gradients pass to x
 * to any order and, other than in PyTorch, to a above 0 to first order.
 */
TenonValue tenon_igamma(TenonValue a, TenonValue x);

/**
 * The regularized upper incomplete gamma function Q(a, x) = 1 - P(a, x), exact where it is small. Gradients as in
 * tenon_igamma.
 */
TenonValue tenon_igammac(TenonValue a, TenonValue x);

/**
 * How the logarithm l of a number x moves with a where P(a, x) stays the same: -(dP/da) / (x dP/dx), which is what the
 * gradients of tenon_random_gamma are made of (Figurnov, Mohamed, Mnih, 2018). NaN unless a is above 0 and finite. The
 * gradient in a is refused.
 */
TenonValue tenon_log_gamma_slope(TenonValue a, TenonValue l);

/* ==== Operations: truth, tolerance, replacement =====================================================================
 */

/** a and b, as bool; what is not 0 is true. Any dtype. */
TenonValue tenon_logical_and(TenonValue a, TenonValue b);

/** a or b, as bool; what is not 0 is true. Any dtype. */
TenonValue tenon_logical_or(TenonValue a, TenonValue b);

/** Exactly one of a and b, as bool; what is not 0 is true. Any dtype. */
TenonValue tenon_logical_xor(TenonValue a, TenonValue b);

/** not x, as bool; what is not 0 is true. Any dtype. */
TenonValue tenon_logical_not(TenonValue x);

/**
 * Whether |a - b| <= absolute + relative |b|, or a = b, as bool. Any dtype: integers are compared as f64, 16-bit floats as
 * f32 numbers. equal_nan: whether NaN is close to NaN. The usual tolerances are 1e-5 (relative) and 1e-8 (absolute);
 * neither is negative.
 */
TenonValue tenon_isclose(TenonValue a, TenonValue b, double relative, double absolute, bool equal_nan);

/** Whether tenon_isclose holds for all elements, as a scalar bool. */
TenonValue tenon_allclose(TenonValue a, TenonValue b, double relative, double absolute, bool equal_nan);

/** Whether a = b for all elements, as a scalar bool; shapes broadcast. NaN is equal to nothing. Any dtype. */
TenonValue tenon_array_equal(TenonValue a, TenonValue b);

/** Whether x is +inf, as bool. Any dtype. */
TenonValue tenon_is_posinf(TenonValue x);

/** Whether x is -inf, as bool. Any dtype. */
TenonValue tenon_is_neginf(TenonValue x);

/** Whether x has no imaginary part, as bool: true everywhere. Any dtype. */
TenonValue tenon_is_real(TenonValue x);

/** A number, rounded to the dtype of x, where the mask (bool) holds, else x; both broadcast. Any dtype. */
TenonValue tenon_masked_fill(TenonValue x, TenonValue mask, double value);

/**
 * 0 where x is below 0, 1 where it is above, value where it is 0, NaN where it is NaN; both broadcast and promote. The
 * gradient passes to value alone. Floats and integers.
 */
TenonValue tenon_heaviside(TenonValue x, TenonValue value);

/**
 * x with these numbers for NaN and the infinities; NaN for positive or negative stands for the largest or lowest number of
 * the dtype. Floats.
 */
TenonValue tenon_nan_to_num(TenonValue x, double nan, double positive, double negative);

/* ==== Operations: reductions ========================================================================================
 *
 * Axes may stand in any order; negative ones count from the last; none at all (NULL, 0) stands for all axes. With
 * keep_dims, reduced axes stay as dimensions of size 1.
 */

/** The sum over axes; bool counts as i64. */
TenonValue tenon_sum(TenonValue x, const int64_t *axes, size_t axis_count, bool keep_dims);

/** The mean over axes; integers and bool give f32; the mean of nothing is NaN. */
TenonValue tenon_mean(TenonValue x, const int64_t *axes, size_t axis_count, bool keep_dims);

/** The product over axes. */
TenonValue tenon_prod(TenonValue x, const int64_t *axes, size_t axis_count, bool keep_dims);

/** The largest element over axes; NaN if any is NaN; ties share the gradient. */
TenonValue tenon_max(TenonValue x, const int64_t *axes, size_t axis_count, bool keep_dims);

/** The smallest element over axes; NaN if any is NaN; ties share the gradient. */
TenonValue tenon_min(TenonValue x, const int64_t *axes, size_t axis_count, bool keep_dims);

/** Whether any element over axes is true. Bool. */
TenonValue tenon_any(TenonValue x, const int64_t *axes, size_t axis_count, bool keep_dims);

/** Whether all elements over axes are true. Bool. */
TenonValue tenon_all(TenonValue x, const int64_t *axes, size_t axis_count, bool keep_dims);

/** ln sum e^x over axes, without overflow. Floats. */
TenonValue tenon_logsumexp(TenonValue x, const int64_t *axes, size_t axis_count, bool keep_dims);

/** The position (i64) of the first largest element along an axis, which goes; NaN counts as largest. Slope 0. */
TenonValue tenon_argmax(TenonValue x, int64_t axis);

/** The position (i64) of the first smallest element along an axis, which goes; NaN counts as smallest. Slope 0. */
TenonValue tenon_argmin(TenonValue x, int64_t axis);

/* ==== Operations: shape =============================================================================================
 *
 * Negative axes count from the last.
 */

/**
 * The same elements, row-major, in another shape with the same number of elements. One size may be -1: what is left
 * for it.
 */
TenonValue tenon_reshape(TenonValue x, const int64_t *shape, size_t rank);

/** x repeated to a shape: aligned at the last dimension, sizes are equal or 1. */
TenonValue tenon_broadcast_to(TenonValue x, const int64_t *shape, size_t rank);

/**
 * Dimension i of the result is dimension permutation[i] of x; the permutation has one entry for each dimension. None
 * at all (NULL, 0) reverses their order.
 */
TenonValue tenon_transpose(TenonValue x, const int64_t *permutation, size_t count);

/**
 * Elements start, start + step, ... below stop of each dimension; the arrays have one entry for each dimension.
 * Negative starts and stops count from the end; stops beyond the end are the end. Steps are at least 1; NULL stands
 * for ones.
 */
TenonValue tenon_slice(TenonValue x, const int64_t *start, const int64_t *stop, const int64_t *step, size_t rank);

/** size elements of one axis, from start on. Fails if they reach beyond the end. */
TenonValue tenon_narrow(TenonValue x, int64_t axis, int64_t start, int64_t size);

/**
 * x with low[i] and high[i] copies of a scalar value of the same dtype around dimension i, and interior[i] between
 * neighbours; the arrays have one entry for each dimension, NULL interior stands for zeros.
 */
TenonValue tenon_pad(TenonValue x, TenonValue value, const int64_t *low, const int64_t *high, const int64_t *interior,
    size_t rank);

/** Values one behind the other along an axis; at least one; the other dimensions agree, dtypes promote. */
TenonValue tenon_concat(const TenonValue *parts, size_t count, int64_t axis);

/** Values of one shape along a new dimension, which is number axis of the result; at least one; dtypes promote. */
TenonValue tenon_stack(const TenonValue *parts, size_t count, int64_t axis);

/** Elements in reverse order along these axes, all of them if there is none (NULL, 0). */
TenonValue tenon_reverse(TenonValue x, const int64_t *axes, size_t axis_count);

/** x without these dimensions, which must have size 1; without all that have, if none is named (NULL, 0). */
TenonValue tenon_squeeze(TenonValue x, const int64_t *axes, size_t axis_count);

/** x with a new dimension of size 1, which is number axis of the result. */
TenonValue tenon_unsqueeze(TenonValue x, int64_t axis);

/** The dimensions from start on joined into one. A scalar becomes a vector of one element. */
TenonValue tenon_flatten(TenonValue x, int64_t start);

/* ==== Operations: parts =============================================================================================
 *
 * What has several results writes them to `outputs`, of which there are exactly as many: invalid values if something
 * fails. Negative axes count from the last.
 */

/**
 * Writes the parts of `size` elements along an axis, the last with what is left: as many as outputs has room for, which
 * is n / size, rounded up.
 */
void tenon_split(TenonValue x, int64_t size, int64_t axis, TenonValue *outputs, size_t output_count);

/** Writes the parts of the given sizes along an axis, which add up to its size; there is an output for each. */
void tenon_split_sizes(TenonValue x, const int64_t *sizes, size_t size_count, int64_t axis, TenonValue *outputs,
    size_t output_count);

/**
 * Writes at most `count` parts along an axis, of n / count elements rounded up, the last with what is left. outputs has
 * room for as many as there are: fewer than count where n is small.
 */
void tenon_chunk(TenonValue x, int64_t count, int64_t axis, TenonValue *outputs, size_t output_count);

/** Writes output_count parts along an axis, the first of which have one element more where they cannot be even. */
void tenon_tensor_split(TenonValue x, int64_t axis, TenonValue *outputs, size_t output_count);

/**
 * Writes the parts of an axis before, between, and behind positions: one more than there are positions. Negative ones
 * count from the end, those outside are the end; where they do not ascend, parts are empty.
 */
void tenon_tensor_split_at(TenonValue x, const int64_t *positions, size_t position_count, int64_t axis,
    TenonValue *outputs, size_t output_count);

/** Writes the slices at all positions of an axis, without it. */
void tenon_unbind(TenonValue x, int64_t axis, TenonValue *outputs, size_t output_count);

/** The slice at one position of an axis, without it. Negative positions count from the end. */
TenonValue tenon_slice_at(TenonValue x, int64_t axis, int64_t position);

/**
 * x with the elements that tenon_slice would read replaced by those of source, which has their shape and the dtype of
 * x.
 */
TenonValue tenon_slice_scatter(TenonValue x, TenonValue source, const int64_t *start, const int64_t *stop,
    const int64_t *step, size_t rank);

/** x with the slice that tenon_slice_at would read replaced by source, which has its shape and the dtype of x. */
TenonValue tenon_select_scatter(TenonValue x, TenonValue source, int64_t axis, int64_t position);

/**
 * The windows of `size` elements that begin at every step-th position of an axis: their number, (n - size) / step + 1,
 * takes the place of the axis, their elements are a new last dimension.
 */
TenonValue tenon_sliding_window(TenonValue x, int64_t axis, int64_t size, int64_t step);

/* ==== Operations: repeating, turning, joining, diagonals ============================================================
 *
 * Negative axes count from the last.
 */

/** x repeated to a shape, aligned at the last dimension, like tenon_broadcast_to; -1 keeps a size of x. */
TenonValue tenon_expand(TenonValue x, const int64_t *shape, size_t rank);

/** Writes the values, each repeated to the shape that all of them broadcast to. */
void tenon_broadcast_tensors(const TenonValue *parts, size_t count, TenonValue *outputs, size_t output_count);

/**
 * x repeated as a whole, repeats[i] times along dimension i, aligned at the last one; where there are more of them than
 * dimensions, dimensions of size 1 come in front. Fails with TENON_SHAPE_MISMATCH for a negative number, and if the result
 * has more dimensions or elements than a tensor may have.
 */
TenonValue tenon_tile(TenonValue x, const int64_t *repeats, size_t repeat_count);

/** Each element along an axis repeated, one behind the other: repeats has one number for all, or one for each. */
TenonValue tenon_repeat_interleave(TenonValue x, const int64_t *repeats, size_t repeat_count, int64_t axis);

/**
 * Elements moved by shifts[i] places towards the end of axes[i], those beyond it back to the beginning. Without axes
 * (NULL, 0) there is one shift, and x is moved as a vector.
 */
TenonValue tenon_roll(TenonValue x, const int64_t *shifts, size_t shift_count, const int64_t *axes, size_t axis_count);

/** x turned by quarters in the plane of two axes, from the first towards the second; negative ones turn back. */
TenonValue tenon_rot90(TenonValue x, int64_t quarters, int64_t first, int64_t second);

/** Axis from[i] of x becomes axis to[i] of the result; the others stay in their order. */
TenonValue tenon_move_axes(TenonValue x, const int64_t *from, const int64_t *to, size_t count);

/** x with two dimensions swapped. */
TenonValue tenon_swap_axes(TenonValue x, int64_t first, int64_t second);

/** All elements of x as a vector. */
TenonValue tenon_ravel(TenonValue x);

/** A dimension of x as several, whose sizes multiply to its own. One of them may be -1: what is left for it. */
TenonValue tenon_unflatten(TenonValue x, int64_t axis, const int64_t *shape, size_t rank);

/** x, a scalar as [1]. */
TenonValue tenon_atleast_1d(TenonValue x);

/** x, a vector [n] as [1, n], a scalar as [1, 1]. */
TenonValue tenon_atleast_2d(TenonValue x);

/** x, a matrix [n, m] as [n, m, 1], a vector [n] as [1, n, 1], a scalar as [1, 1, 1]. */
TenonValue tenon_atleast_3d(TenonValue x);

/** Values side by side: along their second axis, vectors along their first. At least one; dtypes promote. */
TenonValue tenon_hstack(const TenonValue *parts, size_t count);

/** Values one below the other: along their first axis, vectors as rows. At least one; dtypes promote. */
TenonValue tenon_vstack(const TenonValue *parts, size_t count);

/** Values one behind the other: along their third axis, which tenon_atleast_3d makes. At least one; dtypes promote. */
TenonValue tenon_dstack(const TenonValue *parts, size_t count);

/** Values side by side: along their second axis, vectors as columns. At least one; dtypes promote. */
TenonValue tenon_column_stack(const TenonValue *parts, size_t count);

/**
 * Matrices along the diagonal of a larger one, zeros elsewhere; vectors are rows, scalars [1, 1]. At least one; dtypes
 * promote.
 */
TenonValue tenon_block_diag(const TenonValue *parts, size_t count);

/**
 * Writes each of the vectors (scalars are vectors of one) repeated over the grid that they span, [n_0, n_1, ...]; with
 * xy (MindSpore's default) the first two dimensions are [n_1, n_0], without (PyTorch's, "ij") they are not.
 */
void tenon_meshgrid(const TenonValue *parts, size_t count, bool xy, TenonValue *outputs, size_t output_count);

/**
 * All tuples of one element of each vector, the last changing fastest: [product of sizes, vectors]; of one vector
 * itself. Dtypes promote.
 */
TenonValue tenon_cartesian_prod(const TenonValue *parts, size_t count);

/** Matrices [..., n, m] with zeros above the diagonal that lies offset above the main one (negative: below it). */
TenonValue tenon_tril(TenonValue x, int64_t offset);

/** Matrices [..., n, m] with zeros below the diagonal that lies offset above the main one (negative: below it). */
TenonValue tenon_triu(TenonValue x, int64_t offset);

/**
 * The diagonal that lies offset above the main one (negative: below it) of the matrices whose rows are along axis first
 * and whose columns are along axis second: the last dimension of the result, which lacks both.
 */
TenonValue tenon_diagonal(TenonValue x, int64_t offset, int64_t first, int64_t second);

/**
 * Matrices of zeros, rows along axis first and columns along axis second of the result, with the last dimension of x
 * on the diagonal that lies offset above the main one (negative: below it).
 */
TenonValue tenon_diag_embed(TenonValue x, int64_t offset, int64_t first, int64_t second);

/**
 * A vector as a diagonal of a matrix of zeros; the diagonal of a matrix as a vector. The diagonal lies offset above the
 * main one (negative: below it).
 */
TenonValue tenon_diag(TenonValue x, int64_t offset);

/** All elements of x as a diagonal of a matrix of zeros, offset above the main one (negative: below it). */
TenonValue tenon_diagflat(TenonValue x, int64_t offset);

/**
 * x with the elements that tenon_diagonal would read replaced by those of source, which has their shape and the dtype
 * of x.
 */
TenonValue tenon_diagonal_scatter(TenonValue x, TenonValue source, int64_t offset, int64_t first, int64_t second);

/* ==== Operations: products and indices ==============================================================================
 */

/** How updates are joined with what is there, and with one another: one of the numbers below. */
typedef int32_t TenonJoin;

enum {
    /** The update takes the place; of several for one place the last. */
    TENON_JOIN_REPLACE = 1,
    /** Their sum. */
    TENON_JOIN_ADD = 2,
    /** Their product. */
    TENON_JOIN_MUL = 3,
    /** The largest; ties share the gradient. */
    TENON_JOIN_MAX = 4,
    /** The smallest; ties share the gradient. */
    TENON_JOIN_MIN = 5,
    /** Their mean. Floats. */
    TENON_JOIN_MEAN = 6
};

/**
 * The matrix product. The last two dimensions are multiplied, those in front broadcast; a vector is a row on the left
 * and a column on the right; dtypes promote. Sums of 16-bit floats accumulate in f32.
 */
TenonValue tenon_matmul(TenonValue a, TenonValue b);

/**
 * x weight^T + bias on the last dimension of x [..., in], with weight [out, in] and bias [out]; a bias of all zero
 * bytes, (TenonValue){0}, stands for none.
 */
TenonValue tenon_linear(TenonValue x, TenonValue weight, TenonValue bias);

/**
 * x with dimension axis replaced by the dimensions of the indices (i32 or i64): its slices at those positions.
 * Negative positions count from the end. A position out of range fails the run.
 */
TenonValue tenon_gather(TenonValue x, TenonValue indices, int64_t axis);

/**
 * x with updates joined to the slices that tenon_gather would read, several of one position in their order. The
 * updates have the dtype of x and the shape that tenon_gather gives. Without include_self the elements of x take no
 * part where there are updates. A position out of range fails the run.
 */
TenonValue tenon_scatter(TenonValue x, TenonValue indices, TenonValue updates, int64_t axis, TenonJoin join,
    bool include_self);

/** x with updates added at the places that tenon_gather would read; equal positions add up in order. */
TenonValue tenon_scatter_add(TenonValue x, TenonValue indices, TenonValue updates, int64_t axis);

/**
 * In the shape of the indices (i32 or i64), the elements of x at those positions along the axis. The indices have as
 * many dimensions as x, and off the axis at most its sizes. Negative positions count from the end. A position out of
 * range fails the run.
 */
TenonValue tenon_take_along(TenonValue x, TenonValue indices, int64_t axis);

/**
 * x with updates joined to the elements that tenon_take_along would read, several of one place in their order. The
 * updates have the dtype of x and at least the sizes of the indices; what is beyond takes no part. Without include_self
 * neither do elements of x where there are updates. A position out of range fails the run.
 */
TenonValue tenon_scatter_along(TenonValue x, TenonValue indices, TenonValue updates, int64_t axis, TenonJoin join,
    bool include_self);

/** x with alpha times the updates added at positions (i32 or i64) along the axis. */
TenonValue tenon_index_add(TenonValue x, TenonValue indices, TenonValue updates, int64_t axis, double alpha);

/** x with value, a scalar, at positions (i32 or i64) along the axis. */
TenonValue tenon_index_fill(TenonValue x, TenonValue indices, TenonValue value, int64_t axis);

/**
 * The elements of x, seen as a vector in row-major order, at positions (i32 or i64), in their shape. Negative positions
 * count from the end. A position out of range fails the run.
 */
TenonValue tenon_take(TenonValue x, TenonValue indices);

/**
 * x, seen as a vector, with values at positions (i32 or i64), of one position the last; with accumulate added there. As
 * many values as positions.
 */
TenonValue tenon_put(TenonValue x, TenonValue indices, TenonValue values, bool accumulate);

/**
 * Slices of x at positions in its first k dimensions, which the last axis of the indices (i32 or i64, [..., k]) holds:
 * [...] and the other dimensions of x. Negative positions count from the end. A position out of range fails the run.
 */
TenonValue tenon_gather_nd(TenonValue x, TenonValue indices);

/** Zeros of this shape with updates added to the slices that tenon_gather_nd would read. */
TenonValue tenon_scatter_nd(TenonValue indices, TenonValue updates, const int64_t *shape, size_t rank);

/** x with updates joined to the slices that tenon_gather_nd would read. */
TenonValue tenon_scatter_nd_into(TenonValue x, TenonValue indices, TenonValue updates, TenonJoin join);

/**
 * Slices of x with equal ids (i32 or i64, in the shape of the first dimensions of x), joined: slice i of the result
 * [segments, ...] is that of id i. A segment of nothing is 0, 1 for a product, the least number for a maximum, the
 * largest for a minimum. An id out of range fails the run.
 */
TenonValue tenon_segment(TenonValue x, TenonValue ids, int64_t segments, TenonJoin join);

/**
 * Rows of a table [n, d] at indices (i32 or i64): [..., d]. With has_padding no gradient passes to the row padding,
 * which may count from the end.
 */
TenonValue tenon_embedding(TenonValue table, TenonValue indices, bool has_padding, int64_t padding);

/**
 * Rows of a table [n, d] at indices (i32 or i64, [..., l]), joined over the last axis of the indices by their sum, mean,
 * or maximum: [..., d]. With has_padding the row padding, which may count from the end, takes no part; what nothing
 * takes part in is 0.
 */
TenonValue tenon_embedding_bag(TenonValue table, TenonValue indices, TenonJoin join, bool has_padding, int64_t padding);

/**
 * How often each of the numbers 0 to size - 1 occurs in x (i32 or i64), as i64 [size]; or the sum of the weights (in the
 * shape of x) of its occurrences. Weights of all zero bytes, (TenonValue){0}, stand for none. Other numbers fail the
 * run, but for negative ones, which count from the end.
 */
TenonValue tenon_bincount(TenonValue x, TenonValue weights, int64_t size);

/**
 * How many elements of x (floats) lie in each of bins equal intervals from low to high, in the dtype of x; elements
 * outside count nowhere. With low = high the range is that of x.
 */
TenonValue tenon_histc(TenonValue x, int64_t bins, double low, double high);

/**
 * The positions of the elements of x that are not 0, in row-major order, as i64 [size, rank]. Shapes do not depend on
 * values: the first size positions are given, and rows beyond their number hold fill. `count` receives their number in
 * all (i64), unless it is NULL.
 */
TenonValue tenon_nonzero(TenonValue x, int64_t size, int64_t fill, TenonValue *count);

/**
 * The elements of x where the mask (bool, broadcast to x) holds, in row-major order, [size]. Shapes do not depend on
 * values: the first size elements are given, and what is beyond their number is fill. `count` receives their number in
 * all (i64), unless it is NULL.
 */
TenonValue tenon_masked_select(TenonValue x, TenonValue mask, int64_t size, double fill, TenonValue *count);

/**
 * x with the elements of source, in row-major order, one after the other where the mask (bool, broadcast to x) holds.
 * Fails the run if source has too few.
 */
TenonValue tenon_masked_scatter(TenonValue x, TenonValue mask, TenonValue source);

/**
 * A new last dimension of size depth: 1 at the index (integers), else 0, in any dtype. Indices outside 0..depth give
 * zeros.
 */
TenonValue tenon_one_hot(TenonValue indices, int64_t depth, TenonDType dtype);

/* ==== Operations: linear algebra ====================================================================================
 *
 * Matrices are the last two dimensions, and those in front a batch. Floats; integers give f32; f16 and bf16 are computed
 * in f32. Values never make a run fail: what cannot be computed is NaN or infinite. Matrices that are not symmetric have
 * no eigendecomposition here: its values are complex numbers, which no dtype holds.
 */

/** A norm of a matrix, or what takes its place among the smallest: one of the numbers below. */
typedef int32_t TenonMatrixNorm;

enum {
    /** The root of the sum of squares. */
    TENON_MATRIX_NORM_FROBENIUS = 1,
    /** The sum of the singular values. */
    TENON_MATRIX_NORM_NUCLEAR = 2,
    /** The largest sum of sizes of a row. */
    TENON_MATRIX_NORM_INFINITY = 3,
    /** The smallest one. */
    TENON_MATRIX_NORM_MINUS_INFINITY = 4,
    /** The largest sum of sizes of a column. */
    TENON_MATRIX_NORM_ONE = 5,
    /** The smallest one. */
    TENON_MATRIX_NORM_MINUS_ONE = 6,
    /** The largest singular value. */
    TENON_MATRIX_NORM_TWO = 7,
    /** The smallest one. */
    TENON_MATRIX_NORM_MINUS_TWO = 8
};

/**
 * The lower triangular L with a = L L^T, or with upper the upper triangular L^T, of symmetric positive definite matrices a
 * [..., n, n], of which the lower triangle is read, with upper the upper one. A matrix that is not positive definite, or
 * not finite, gives NaN all over, and the others of a batch what they give alone. The gradient is symmetric.
 */
TenonValue tenon_cholesky(TenonValue a, bool upper);

/**
 * P a = L U, with row exchanges, of matrices a [..., m, n]: L, whose diagonal of ones is not stored, below the diagonal of
 * one matrix [..., m, n] and U on and above it. The first largest element of each column is the pivot; a singular matrix
 * has zeros on the diagonal of U; one that is not finite gives NaN. Unless they are NULL, `permutation` receives the row
 * of a that each row of L U is (i64 [..., m]), `sign` the permutation's sign [...], 1 or -1. The gradient needs the first
 * min(m, n) columns to be independent.
 */
TenonValue tenon_lu_factor(TenonValue a, TenonValue *permutation, TenonValue *sign);

/**
 * a = P L U for a [..., m, n] and k = min(m, n), as matrices: the lower triangular L with ones on its diagonal [..., m, k].
 * Unless they are NULL, `permutation` receives P [..., m, m] and `upper` the upper triangular U [..., k, n]. See
 * tenon_lu_factor.
 */
TenonValue tenon_lu(TenonValue a, TenonValue *permutation, TenonValue *upper);

/**
 * x with a x = b for triangular matrices a [..., n, n] and b [..., n, k]; without left x a = b for b [..., k, n]. Only the
 * upper or the lower triangle of a is read; with transpose, its transpose stands for it; with unit, its diagonal is taken
 * for ones. Leading dimensions broadcast, dtypes promote. A zero on the diagonal gives infinity or NaN.
 */
TenonValue tenon_triangular_solve(TenonValue a, TenonValue b, bool left, bool upper, bool transpose, bool unit);

/**
 * x with a x = b for square matrices a [..., n, n] and b [..., n, k]; without left x a = b for b [..., k, n]. b is a batch
 * of vectors [..., n] if it is one vector, or has the shape of a without its last dimension. Leading dimensions
 * broadcast, dtypes promote. A singular matrix gives infinity or NaN, and so does its gradient.
 */
TenonValue tenon_solve(TenonValue a, TenonValue b, bool left);

/**
 * The inverse of square matrices a [..., n, n]. A singular matrix gives infinity or NaN. To solve a system, tenon_solve is
 * quicker and more accurate.
 */
TenonValue tenon_inverse(TenonValue a);

/**
 * x with a x = b, or with transpose a^T x = b, of what tenon_lu_factor made of a: lu [..., n, n] and permutation [..., n]
 * (i64 or i32), for b [..., n, k]. Leading dimensions of lu and b broadcast. The gradient is that with respect to lu and
 * b; where a itself is at hand, that of tenon_solve costs less. A position out of range fails the run.
 */
TenonValue tenon_lu_solve(TenonValue lu, TenonValue permutation, TenonValue b, bool transpose);

/**
 * x with a x = b for b [..., n, k] and the Cholesky factor l [..., n, n] of a: lower triangular with a = l l^T, or with
 * upper upper triangular with a = l^T l. Leading dimensions broadcast.
 */
TenonValue tenon_cholesky_solve(TenonValue b, TenonValue l, bool upper);

/** The inverse of a by its Cholesky factor, as tenon_cholesky_solve takes it. */
TenonValue tenon_cholesky_inverse(TenonValue l, bool upper);

/**
 * x with b = the sum of a times x over the last axes of a, after those named in axes have moved behind the others. a has as
 * many axes for b as b has, and the others for x; both have as many elements as b. Negative axes count from the last. A
 * singular a gives infinity or NaN.
 */
TenonValue tenon_tensorsolve(TenonValue a, TenonValue b, const int64_t *axes, size_t axis_count);

/**
 * The inverse of a as a matrix with a row for each place along its first first_axes axes, and a column for each along the
 * others; both are as many. A singular one gives infinity or NaN.
 */
TenonValue tenon_tensorinv(TenonValue a, int64_t first_axes);

/** The product of n times the square matrix a [..., m, m]; of its inverse for negative n; 1 for n = 0. */
TenonValue tenon_matrix_power(TenonValue a, int64_t n);

/** The determinant [...] of square matrices a [..., n, n]. The gradient of a singular matrix is NaN or infinite. */
TenonValue tenon_det(TenonValue a);

/**
 * The logarithm [...] of the absolute value of the determinant of square matrices a [..., n, n], -inf for a singular
 * matrix. `sign` receives the determinant's sign [...], -1, 0, or 1, unless it is NULL.
 */
TenonValue tenon_slogdet(TenonValue a, TenonValue *sign);

/** The logarithm [...] of the determinant of square matrices a [..., n, n]: NaN where it is negative, -inf where it is 0. */
TenonValue tenon_logdet(TenonValue a);

/**
 * x that makes |a x - b| smallest for a [..., m, n] and b [..., m, k], or a vector b [m], and of those that do the shortest,
 * for matrices of full rank: others give infinity or NaN, and tenon_pinv is for them. Leading dimensions broadcast,
 * dtypes promote.
 */
TenonValue tenon_lstsq(TenonValue a, TenonValue b);

/**
 * a = Q R for matrices a [..., m, n] and k = min(m, n): Q [..., m, k] with orthonormal columns. `r` receives R [..., k, n],
 * upper triangular, of which the diagonal is not negative, unless it is NULL. With complete Q is [..., m, m] and R
 * [..., m, n]. The gradient needs the first k columns to be independent; with complete there is none for m > n.
 */
TenonValue tenon_qr(TenonValue a, bool complete, TenonValue *r);

/**
 * The eigenvalues [..., n] of symmetric matrices a [..., n, n] in ascending order. `vectors` receives their eigenvectors as
 * the columns of [..., n, n]: a = V diag(w) V^T. The lower triangle of a is read, with upper the upper one. The gradient
 * is symmetric.
 *
 * An eigenvector could as well have the other sign: of its components within 1 % of the largest in size, the first is
 * positive. That of a value that occurs several times is one of many: the gradient of the vectors is then infinite or NaN.
 * The gradient of the values alone is always finite.
 */
TenonValue tenon_eigh(TenonValue a, bool upper, TenonValue *vectors);

/** The eigenvalues of tenon_eigh alone, which cost a third. */
TenonValue tenon_eigvalsh(TenonValue a, bool upper);

/**
 * a = U diag(s) V^T for matrices a [..., m, n] and k = min(m, n): the singular values s [..., k] in descending order. Unless
 * they are NULL, `u` receives U [..., m, k] with orthonormal columns and `vt` V^T [..., k, n] with orthonormal rows.
 *
 * A pair of vectors could as well have the other sign: of the components of the left one within 1 % of its largest in size,
 * the first is positive. Those of a value that occurs several times are some of many: the gradient of the vectors is then
 * infinite or NaN, and so is it at 0. The gradient of the values alone is always finite.
 */
TenonValue tenon_svd(TenonValue a, TenonValue *u, TenonValue *vt);

/** The singular values of tenon_svd alone, which cost less than half. */
TenonValue tenon_svdvals(TenonValue a);

/**
 * The pseudoinverse [..., n, m] of matrices a [..., m, n] (Moore and Penrose). Singular values count as 0 up to the larger of
 * atol and rtol times the largest one; a negative rtol stands for the epsilon of the dtype times the larger of m and n, or
 * for 0 where atol is positive. The gradient is that of a change which leaves the rank as it is.
 */
TenonValue tenon_pinv(TenonValue a, double rtol, double atol);

/** How many singular values (i64 [...]) of matrices a [..., m, n] are larger than those that tenon_pinv takes for 0. */
TenonValue tenon_matrix_rank(TenonValue a, double rtol, double atol);

/**
 * A norm of the matrices whose rows are along row_axis and columns along column_axis. Negative axes count from the last. Norms
 * that take a largest or smallest one are refused where there is none.
 */
TenonValue tenon_matrix_norm(TenonValue x, TenonMatrixNorm norm, int64_t row_axis, int64_t column_axis, bool keep_dims);

/**
 * The condition [...] of matrices a [..., m, n] with respect to a norm: the largest singular value over the smallest for
 * TENON_MATRIX_NORM_TWO, the smallest over the largest for TENON_MATRIX_NORM_MINUS_TWO, and for others, of square matrices,
 * the norm of a times that of its inverse. Infinite, or NaN, for a singular matrix.
 */
TenonValue tenon_cond(TenonValue a, TenonMatrixNorm norm);

/**
 * e^a for square matrices a [..., n, n]: the sum of a^n / n! over all n. What is beyond the dtype is infinite or NaN. The
 * gradient is the exponential of a matrix with twice the rows.
 */
TenonValue tenon_matrix_exp(TenonValue a);

/* ==== Operations: products of vectors, matrices, and tensors ========================================================
 *
 * Floats and integers, whose dtypes promote. Sums of 16-bit floats accumulate in f32. Negative axes count from the last.
 */

/**
 * The matrix products of two batches: a [b, n, k], b [b, k, m] -> [b, n, m]. tenon_matmul for these ranks alone,
 * without broadcasting.
 */
TenonValue tenon_bmm(TenonValue a, TenonValue b);

/** A matrix times a vector: a [n, k], x [k] -> [n]. */
TenonValue tenon_mv(TenonValue a, TenonValue x);

/** The sum of the products of the elements of two vectors of one length. */
TenonValue tenon_dot(TenonValue a, TenonValue b);

/** The sum of the products of all elements of two tensors of one shape. */
TenonValue tenon_vdot(TenonValue a, TenonValue b);

/** The sums of the products of elements along an axis of the shape that both broadcast to, which the result lacks. */
TenonValue tenon_vecdot(TenonValue a, TenonValue b, int64_t axis);

/**
 * The sums of the products of elements along the last axes: a [a..., k], b [b..., k] -> [a..., b...]. A scalar is a
 * factor.
 */
TenonValue tenon_inner(TenonValue a, TenonValue b);

/** The products of each element of a vector and each of another: a [n], b [m] -> [n, m]. */
TenonValue tenon_outer(TenonValue a, TenonValue b);

/**
 * beta x + alpha a b with matrices a [n, k] and b [k, m]; x broadcasts to [n, m]. With beta 0 nothing of x takes part,
 * not even NaN. Of integers both factors are whole numbers.
 */
TenonValue tenon_addmm(TenonValue x, TenonValue a, TenonValue b, double beta, double alpha);

/** tenon_addmm with a vector b [k]; x broadcasts to [n]. */
TenonValue tenon_addmv(TenonValue x, TenonValue a, TenonValue b, double beta, double alpha);

/** beta x + alpha times the product of each element of a [n] and each of b [m], otherwise like tenon_addmm. */
TenonValue tenon_addr(TenonValue x, TenonValue a, TenonValue b, double beta, double alpha);

/**
 * beta x + alpha times the sum over a batch of the products of a [b, n, k] and b [b, k, m], otherwise like tenon_addmm:
 * x broadcasts to [n, m].
 */
TenonValue tenon_addbmm(TenonValue x, TenonValue a, TenonValue b, double beta, double alpha);

/**
 * beta x + alpha times the products of a [b, n, k] and b [b, k, m], otherwise like tenon_addmm: x broadcasts to
 * [b, n, m].
 */
TenonValue tenon_baddbmm(TenonValue x, TenonValue a, TenonValue b, double beta, double alpha);

/**
 * The products of a and b, summed over the pairs of axes axes_a[i] and axes_b[i]; the result has the other axes of a and
 * then those of b. Sizes of a pair are equal, or one of them is 1 and repeated. Without axes (NULL, 0): the products of
 * each element of a and each of b.
 */
TenonValue tenon_tensordot(TenonValue a, TenonValue b, const int64_t *axes_a, const int64_t *axes_b, size_t count);

/**
 * Kronecker's product: each element of a times the whole of b, where that element stands. Shapes are aligned at the last
 * dimension; sizes multiply.
 */
TenonValue tenon_kron(TenonValue a, TenonValue b);

/** The cross product along an axis, which has three elements, of the shape that a and b broadcast to. */
TenonValue tenon_cross(TenonValue a, TenonValue b, int64_t axis);

/**
 * The sum of the diagonal that lies offset above the main one (negative: below it) of the matrices whose rows are along
 * axis first and whose columns are along axis second. The sum of no elements is 0; bool counts as i64.
 */
TenonValue tenon_trace(TenonValue x, int64_t offset, int64_t first, int64_t second);

/**
 * The product of two to 512 matrices, in the order that takes the fewest multiplications. The first may be a vector,
 * which is a row, and so may the last, which is a column; the result lacks that axis.
 */
TenonValue tenon_multi_dot(const TenonValue *parts, size_t count);

/**
 * For each matrix of weight [o, n, m] the number a^T W b, for all vectors a [..., n] and b [..., m]; plus the offset [o],
 * for which all zero bytes, (TenonValue){0}, stand for none: [..., o].
 */
TenonValue tenon_bilinear(TenonValue a, TenonValue b, TenonValue weight, TenonValue offset);

/**
 * The products of the values, summed over every axis whose letter is not in the result (Einstein's convention).
 *
 * The equation has the letters (A to Z, a to z) of the axes of each value, with commas between values, and behind `->`
 * those of the result: "ij,jk->ik" is the matrix product, "bij,bij->b" a sum for each b, "ii->i" a diagonal. Spaces mean
 * nothing. A letter that stands twice in a value is its diagonal. Axes with one letter have one size, or size 1, and
 * then they are repeated. "..." stands for any number of further dimensions of a value, aligned at the last of them;
 * where the result does not name it they are summed over too. Without `->` the result has the dimensions of "..." and
 * then the letters that stand once, in the order of the alphabet, capitals first.
 *
 * 1 to 128 values of floats or integers, whose dtypes promote. Two at a time are contracted, in the order with the fewest
 * multiplications for up to eight of them, and in a good one for more; each contraction is a matrix product, or a sum of
 * products where no element is used twice.
 *
 * Fails with TENON_INVALID_ARGUMENT for an equation that cannot be read or names another number of values than are given,
 * for a result that names an axis twice or one that no value has, and for a wrong number of values; with
 * TENON_SHAPE_MISMATCH for a value that has other dimensions than are named, and for one letter with two sizes; with
 * TENON_DTYPE_MISMATCH for bool alone.
 */
TenonValue tenon_einsum(const char *equation, const TenonValue *parts, size_t count);

/* ==== Operations: attention =========================================================================================
 */

/** Options of tenon_scaled_dot_product_attention. */
typedef struct TenonScaledDotProductAttentionOptions {
    /** sizeof(TenonScaledDotProductAttentionOptions), set by tenon_scaled_dot_product_attention_options_init. */
    size_t struct_size;
    /**
     * Query t sees the keys 0 to t alone, also where there are more or fewer keys than queries. Joins with a mask. Default:
     * false.
     */
    bool causal;
    /**
     * Key and value may have fewer heads (the dimension before the last two) than the query; neighbouring heads of the
     * query share one of theirs. Default: false.
     */
    bool enable_gqa;
    /** The factor of the scores; 0 stands for 1 / sqrt(E). Default: 0. */
    double scale;
    /**
     * The share of the weights that is set to 0 while the others grow by 1 / (1 - share), at least 0 and below 1. It is for
     * training: nothing switches it off. Default: 0.
     */
    double dropout;
    /**
     * What the dropout draws from, a word for each weight; zero stands for the context's own. It moves on when the program
     * has run. Default: zero.
     */
    TenonGenerator generator;
} TenonScaledDotProductAttentionOptions;

/**
 * Fills options with the defaults. `size` is sizeof(TenonScaledDotProductAttentionOptions). Refuses NULL and a size that is
 * no options struct's.
 */
TenonStatus tenon_scaled_dot_product_attention_options_init(TenonScaledDotProductAttentionOptions *options,
    size_t size);

/**
 * dropout(softmax(scale query key^T + mask)) value: for query [..., T, E], key [..., S, E], and value [..., S, D] a result
 * [..., T, D]. Floats; leading dimensions broadcast, dtypes promote; 16-bit floats are computed in f32. The weights
 * [..., T, S] are never stored, so that memory grows with T + S, for the gradient too.
 *
 * The mask broadcasts to [..., T, S]: bool, true where a key takes part (as in PyTorch; in MindSpore's MultiheadAttention
 * true is what does not), or a float that is added to the scores. A mask of all zero bytes, (TenonValue){0}, stands for
 * none. A query that sees no key gets zeros. What is masked should be finite nonetheless. NULL options are the defaults.
 */
TenonValue tenon_scaled_dot_product_attention(TenonValue query, TenonValue key, TenonValue value, TenonValue mask,
    const TenonScaledDotProductAttentionOptions *options);

/* ==== Operations: order =============================================================================================
 *
 * Sorting, selecting, searching, and counting. Values come with gradients, positions without.
 */

/** What lies between two neighbours of a sorted line: one of the numbers below. */
typedef int32_t TenonQuantileMethod;

enum {
    /** On the straight line between them. */
    TENON_QUANTILE_LINEAR = 1,
    /** The lower one. */
    TENON_QUANTILE_LOWER = 2,
    /** The higher one. */
    TENON_QUANTILE_HIGHER = 3,
    /** The nearer one; of two equally near ones that at the even position. */
    TENON_QUANTILE_NEAREST = 4,
    /** Half way between them. */
    TENON_QUANTILE_MIDPOINT = 5
};

/**
 * The positions (i64) that sort x along an axis; equal elements keep their order. NaN counts as largest. Negative axes
 * count from the last.
 */
TenonValue tenon_argsort(TenonValue x, int64_t axis, bool descending);

/**
 * x in order along an axis; equal elements keep their order; NaN counts as largest. `positions` receives the positions
 * (i64) of the elements in x, unless it is NULL.
 */
TenonValue tenon_sort(TenonValue x, int64_t axis, bool descending, TenonValue *positions);

/** x in ascending order along its first axis. */
TenonValue tenon_msort(TenonValue x);

/**
 * The k largest or smallest elements along an axis, in their order; of equal ones those that come first; NaN counts as
 * largest. `positions` receives their positions (i64) in x, unless it is NULL.
 */
TenonValue tenon_topk(TenonValue x, int64_t k, int64_t axis, bool largest, TenonValue *positions);

/**
 * The k-th smallest element along an axis, k from 1 on; NaN counts as largest. `position` receives its position (i64) in
 * x, unless it is NULL.
 */
TenonValue tenon_kthvalue(TenonValue x, int64_t k, int64_t axis, bool keep_dims, TenonValue *position);

/**
 * The element in the middle of the order along an axis, of an even number the lower one; NaN if any is NaN. `position`
 * receives its position (i64) in x, unless it is NULL.
 */
TenonValue tenon_median(TenonValue x, int64_t axis, bool keep_dims, TenonValue *position);

/** tenon_median of the elements that are not NaN; NaN if there is none. */
TenonValue tenon_nanmedian(TenonValue x, int64_t axis, bool keep_dims, TenonValue *position);

/**
 * The most frequent element along an axis, of equally frequent ones the smallest. `position` receives the last position
 * (i64) of it in x, unless it is NULL.
 */
TenonValue tenon_mode(TenonValue x, int64_t axis, bool keep_dims, TenonValue *position);

/**
 * For each of q (0 to 1), as a new first dimension, the value at that part of the order along an axis, which goes. NaN
 * if any element is NaN. Floats.
 */
TenonValue tenon_quantile(TenonValue x, const double *q, size_t q_count, int64_t axis,
    TenonQuantileMethod interpolation);

/** tenon_quantile of the elements that are not NaN; NaN if there is none. */
TenonValue tenon_nanquantile(TenonValue x, const double *q, size_t q_count, int64_t axis,
    TenonQuantileMethod interpolation);

/**
 * For each value [..., m] the number (i64) of elements of the sequence, which ascends along its last axis, that are
 * smaller, or with right that are not larger. The sequence is [n] or has the leading dimensions of the values. NaN
 * counts as largest; dtypes promote.
 */
TenonValue tenon_searchsorted(TenonValue sequence, TenonValue values, bool right);

/**
 * The number (i64) of the interval between boundaries, a vector in ascending order, that each element of x lies in:
 * boundaries[i - 1] < x <= boundaries[i]; with right boundaries[i - 1] <= x < boundaries[i].
 */
TenonValue tenon_bucketize(TenonValue x, TenonValue boundaries, bool right);

/**
 * The different values of x in ascending order, [size]. Shapes do not depend on values: the first size values are given,
 * and what is beyond their number is fill. Unless they are NULL, `inverse` receives for each element of x the number
 * (i64) of its value, `counts` how often each value occurs (i64 [size]), `count` how many values there are (i64).
 */
TenonValue tenon_unique(TenonValue x, int64_t size, double fill, TenonValue *inverse, TenonValue *counts,
    TenonValue *count);

/** The values of x, seen as a vector, without those that equal the one before; otherwise as tenon_unique. */
TenonValue tenon_unique_consecutive(TenonValue x, int64_t size, double fill, TenonValue *inverse, TenonValue *counts,
    TenonValue *count);

/**
 * All choices of `count` elements (1 to 256) of a vector, as rows: in the order of their positions, the last changing
 * fastest. Each element once, or, with again, any number of times.
 */
TenonValue tenon_combinations(TenonValue x, int64_t count, bool again);

/**
 * Whether each element of x equals one of the set's, as bool, in the dtype that both promote to; NaN equals nothing. The
 * set has any shape.
 */
TenonValue tenon_isin(TenonValue x, TenonValue set);

/* ==== Operations: what accumulates along an axis ====================================================================
 */

/**
 * The sum of all elements up to each along an axis; from the end with reverse; without the element itself if exclusive.
 * bool counts as i64. Negative axes count from the last.
 */
TenonValue tenon_cumsum(TenonValue x, int64_t axis, bool reverse, bool exclusive);

/**
 * The product of all elements up to each along an axis; from the end with reverse; without the element itself if
 * exclusive. The gradient is right at zeros too.
 */
TenonValue tenon_cumprod(TenonValue x, int64_t axis, bool reverse, bool exclusive);

/**
 * The largest element up to each along an axis, of equal ones the last; from the end with reverse; NaN counts as
 * largest. `positions` receives their positions (i64), unless it is NULL.
 */
TenonValue tenon_cummax(TenonValue x, int64_t axis, bool reverse, TenonValue *positions);

/**
 * The smallest element up to each along an axis, of equal ones the last; from the end with reverse; NaN counts as
 * smallest. `positions` receives their positions (i64), unless it is NULL.
 */
TenonValue tenon_cummin(TenonValue x, int64_t axis, bool reverse, TenonValue *positions);

/** ln of the sum of e^x up to each along an axis, without overflow; from the end with reverse. Floats. */
TenonValue tenon_logcumsumexp(TenonValue x, int64_t axis, bool reverse);

/**
 * y with y_0 = b_0 and y_i = a_i y_(i-1) + b_i along an axis; from the end with reverse. a and b have one dtype and one
 * shape.
 */
TenonValue tenon_recurrence(TenonValue a, TenonValue b, int64_t axis, bool reverse);

/** Differences of neighbours along an axis, taken n times; of bool whether they differ. */
TenonValue tenon_diff(TenonValue x, int64_t n, int64_t axis);

/**
 * The area under y along an axis by trapezoids. x says where the values lie: in the shape of y, a vector along the axis,
 * or a scalar, the distance of neighbours. Floats.
 */
TenonValue tenon_trapezoid(TenonValue y, TenonValue x, int64_t axis);

/** tenon_trapezoid up to each value but the first. */
TenonValue tenon_cumulative_trapezoid(TenonValue y, TenonValue x, int64_t axis);

/* ==== Operations: convolutions and pools ============================================================================
 *
 * Windows move over one to three spatial dimensions, the last ones.
 */

/** How much stands around the elements: one of the numbers below. */
typedef int32_t TenonPadding;

enum {
    /** As much as the arrays low and high say: nothing, if they are zeros. */
    TENON_PADDING_EXPLICIT = 0,
    /** As much as gives ceil(size / stride) windows, half in front, an odd one behind. MindSpore's rule, and TensorFlow's. */
    TENON_PADDING_SAME = 1,
    /** Nothing: windows lie inside. */
    TENON_PADDING_VALID = 2
};

/** Options of tenon_conv and tenon_conv_transpose. Arrays have an entry for each spatial dimension; the others stay 0. */
typedef struct TenonConvOptions {
    /** sizeof(TenonConvOptions), set by tenon_conv_options_init. */
    size_t struct_size;
    /** Parts that the channels are cut into: each part of the output sees its part of the input. Default: 1. */
    int64_t groups;
    /** Elements from window to window. Default: 1 each. */
    int64_t stride[3];
    /** Elements from tap to tap. Default: 1 each. */
    int64_t dilation[3];
    /** Zeros in front of each dimension, with TENON_PADDING_EXPLICIT. Default: 0 each. */
    int64_t low[3];
    /** Zeros behind each dimension, with TENON_PADDING_EXPLICIT. Default: 0 each. */
    int64_t high[3];
    /** Of tenon_conv_transpose: more elements behind each dimension, with TENON_PADDING_EXPLICIT. Default: 0 each. */
    int64_t output_padding[3];
    /** Default: TENON_PADDING_EXPLICIT. */
    TenonPadding padding;
} TenonConvOptions;

/** Options of pools. Arrays have an entry for each spatial dimension; the others stay 0. */
typedef struct TenonPoolOptions {
    /** sizeof(TenonPoolOptions), set by tenon_pool_options_init. */
    size_t struct_size;
    /** Elements from window to window. Default: 0 each, the kernel. */
    int64_t stride[3];
    /** Elements from tap to tap; not for averages. Default: 1 each. */
    int64_t dilation[3];
    /** Padding in front of each dimension, with TENON_PADDING_EXPLICIT: at most half a window. Default: 0 each. */
    int64_t low[3];
    /** Padding behind each dimension, with TENON_PADDING_EXPLICIT. Default: 0 each. */
    int64_t high[3];
    /** Of averages: what sums are divided by. Default: 0, the number of elements. */
    double divisor;
    /** Default: TENON_PADDING_EXPLICIT. */
    TenonPadding padding;
    /** A last window may reach beyond the padding, if it begins before it. Default: false. */
    bool ceil_mode;
    /** Of averages: explicit padding does not count as elements. Default: false. */
    bool exclude_padding;
} TenonPoolOptions;

/**
 * Fills options with the defaults. `size` is sizeof(TenonConvOptions). Refuses NULL and a size that is no options
 * struct's.
 */
TenonStatus tenon_conv_options_init(TenonConvOptions *options, size_t size);

/**
 * The convolution of x [N, C, *] or [C, *] with w [O, C / groups, *kernel], where * is one to three spatial dimensions, plus bias
 * [O]; a bias of all zero bytes, (TenonValue){0}, stands for none. As neural networks mean it: w is not turned round.
 *
 * Window i of a dimension lies on elements i * stride + tap * dilation - low; there are (size + low + high - reach) / stride + 1
 * of them, where reach = (kernel - 1) * dilation + 1. Padding is zeros, and may be multiplied: a weight that is infinite or NaN
 * can make NaN at the borders. Dtypes promote; numbers of any dtype; 16-bit floats are summed in f32. NULL options are the defaults.
 *
 * Fails with TENON_SHAPE_MISMATCH for shapes that are not as above, channels that are not cut evenly into the groups, a kernel
 * that reaches beyond the padded input, and negative options; with TENON_DTYPE_MISMATCH for bool; with TENON_INVALID_ARGUMENT
 * for a padding that is none, for low or high with a padding that is not explicit, for options of dimensions that w does not
 * have, and for an output padding.
 */
TenonValue tenon_conv(TenonValue x, TenonValue w, TenonValue bias, const TenonConvOptions *options);

/**
 * What a convolution with w [C, O / groups, *kernel] hands back to its input when it gets x [N, C, *] or [C, *], plus bias [O]; a
 * bias of all zero bytes stands for none.
 *
 * A dimension of n elements becomes (n - 1) * stride + reach - low - high + output_padding, with reach = 1 + (kernel - 1) *
 * dilation; with TENON_PADDING_SAME n * stride; with TENON_PADDING_VALID n * stride + max(reach - stride, 0). The output padding is
 * computed like the rest, and is less than stride or dilation. NULL options are the defaults.
 *
 * Fails as tenon_conv; also with TENON_SHAPE_MISMATCH where the padding leaves nothing, and with TENON_INVALID_ARGUMENT for an
 * output padding that is too large or goes with a padding that is not explicit.
 */
TenonValue tenon_conv_transpose(TenonValue x, TenonValue w, TenonValue bias, const TenonConvOptions *options);

/**
 * Fills options with the defaults. `size` is sizeof(TenonPoolOptions). Refuses NULL and a size that is no options
 * struct's.
 */
TenonStatus tenon_pool_options_init(TenonPoolOptions *options, size_t size);

/**
 * The largest element of each window over the last `rank` dimensions (1 to 3) of x [..., *size], with a kernel of `rank` entries;
 * NaN if any is NaN. Padding takes no part. A tie is the first's, in value and in gradient. Numbers of any dtype. NULL options are
 * the defaults.
 */
TenonValue tenon_max_pool(TenonValue x, const int64_t *kernel, size_t rank, const TenonPoolOptions *options);

/** The places (i64) of what tenon_max_pool gives: numbers in the row-major order of the last `rank` dimensions. Slope 0. */
TenonValue tenon_max_pool_indices(TenonValue x, const int64_t *kernel, size_t rank, const TenonPoolOptions *options);

/**
 * Zeros [..., *size] with the elements of x [..., *windows] at `places` (integers, in the shape of x), which count in the
 * row-major order of the last `rank` dimensions, as tenon_max_pool_indices gives them; several at one place have their average
 * there. Floats. A place beyond all channels fails the run.
 */
TenonValue tenon_max_unpool(TenonValue x, TenonValue places, const int64_t *size, size_t rank);

/**
 * The average of each window over the last `rank` dimensions (1 to 3) of x [..., *size], with a kernel of `rank` entries. Floats.
 *
 * Sums are divided by the number of elements of the window, explicit padding included unless exclude_padding says otherwise; with
 * TENON_PADDING_SAME padding never counts. NULL options are the defaults.
 */
TenonValue tenon_avg_pool(TenonValue x, const int64_t *kernel, size_t rank, const TenonPoolOptions *options);

/**
 * (sum x^p)^(1 / p) of each window over the last `rank` dimensions (1 to 3) of x [..., *size]; p is not 0. Padding counts as 0.
 * Floats. NULL options are the defaults.
 */
TenonValue tenon_lp_pool(TenonValue x, double p, const int64_t *kernel, size_t rank, const TenonPoolOptions *options);

/**
 * x / (k + alpha / size * s)^beta, where s is the sum of x^2 over `size` neighbouring channels of x [N, C, ...], size / 2 of them
 * in front. Floats. PyTorch's usual numbers are alpha 1e-4, beta 0.75, k 1.
 */
TenonValue tenon_local_response_norm(TenonValue x, int64_t size, double alpha, double beta, double k);

/* ==== Operations: images ============================================================================================
 */

/** How elements between elements are made: one of the numbers below. */
typedef int32_t TenonInterpolation;

enum {
    /** The element at floor(i * old / new). */
    TENON_INTERPOLATION_NEAREST = 1,
    /** The element at floor((i + 1/2) * old / new). */
    TENON_INTERPOLATION_NEAREST_EXACT = 2,
    /** The line through two neighbours in each dimension: linear, bilinear, trilinear. */
    TENON_INTERPOLATION_LINEAR = 3,
    /** Cubic convolution over four neighbours in each dimension, with a = -3/4: bicubic. */
    TENON_INTERPOLATION_CUBIC = 4,
    /** The average of what a new element covers: tenon_adaptive_avg_pool. */
    TENON_INTERPOLATION_AREA = 5
};

/** Options of tenon_interpolate. Arrays have an entry for each spatial dimension; the others stay 0. */
typedef struct TenonInterpolateOptions {
    /** sizeof(TenonInterpolateOptions), set by tenon_interpolate_options_init. */
    size_t struct_size;
    /** The new sizes. Default: 0 each, what the factors give. */
    int64_t size[3];
    /** The factors, where there are no sizes; they also scale positions. Default: 0 each, none. */
    double scale[3];
    /** Default: TENON_INTERPOLATION_NEAREST. */
    TenonInterpolation mode;
    /** The centres of corners stay where they are, for linear and cubic; otherwise their outer edges do. Default: false. */
    bool align_corners;
} TenonInterpolateOptions;

/** How tenon_grid_sample makes elements between elements: one of the numbers below. */
typedef int32_t TenonSampling;

enum {
    /** From the neighbours in every dimension: bilinear, trilinear. */
    TENON_SAMPLING_LINEAR = 1,
    /** The nearest element; halfway, the one at an even position. */
    TENON_SAMPLING_NEAREST = 2,
    /** Cubic convolution over four neighbours in each of two dimensions. */
    TENON_SAMPLING_CUBIC = 3
};

/** What lies outside of an image: one of the numbers below. */
typedef int32_t TenonOutside;

enum {
    /** Zeros. */
    TENON_OUTSIDE_ZEROS = 1,
    /** The nearest element. */
    TENON_OUTSIDE_BORDER = 2,
    /** The image mirrored. */
    TENON_OUTSIDE_REFLECTION = 3
};

/**
 * Fills options with the defaults. `size` is sizeof(TenonInterpolateOptions). Refuses NULL and a size that is no options
 * struct's.
 */
TenonStatus tenon_interpolate_options_init(TenonInterpolateOptions *options, size_t size);

/**
 * x [N, C, *size], with one to three spatial dimensions, in another size: that of the options, or floor(size * scale). Exactly one
 * of the two is given for every dimension. Nearest: any dtype; the others: floats.
 */
TenonValue tenon_interpolate(TenonValue x, const TenonInterpolateOptions *options);

/**
 * The averages of bins[i] bins along each of the last `rank` dimensions (1 to 3) of x; bin i of n reaches from floor(i L / n) up
 * to, not including, ceil((i + 1) L / n) of L elements. -1 keeps the size of the dimension. Floats.
 */
TenonValue tenon_adaptive_avg_pool(TenonValue x, const int64_t *bins, size_t rank);

/** The largest elements of the bins of tenon_adaptive_avg_pool. A tie is the first's, in value and in gradient. Numbers of any dtype. */
TenonValue tenon_adaptive_max_pool(TenonValue x, const int64_t *bins, size_t rank);

/** The places (i64) of what tenon_adaptive_max_pool gives, in the row-major order of the last `rank` dimensions. Slope 0. */
TenonValue tenon_adaptive_max_pool_indices(TenonValue x, const int64_t *bins, size_t rank);

/** The average over all dimensions of x [N, C, *] behind the first two, which stay with size 1. Integers give f32. */
TenonValue tenon_global_avg_pool(TenonValue x);

/** The largest element over all dimensions of x [N, C, *] behind the first two, which stay with size 1. Ties share the gradient. */
TenonValue tenon_global_max_pool(TenonValue x);

/**
 * The patches of x [N, C, *size] under windows as columns [N, C * taps, windows] (im2col), with a kernel of `rank` entries (1 to 3),
 * one for each spatial dimension. Stride, dilation, and padding as in tenon_conv; NULL options are the defaults. Numbers.
 */
TenonValue tenon_unfold(TenonValue x, const int64_t *kernel, size_t rank, const TenonConvOptions *options);

/**
 * The transpose of tenon_unfold (col2im): columns x [N, C * taps, windows] added up where the windows lie in [N, C, *size]. `size`
 * and `kernel` have `rank` entries, 1 to 3. NULL options are the defaults.
 */
TenonValue tenon_fold(TenonValue x, const int64_t *size, const int64_t *kernel, size_t rank,
    const TenonConvOptions *options);

/** x [..., C * r * r, H, W] as [..., C, H * r, W * r]: channel c * r * r + i * r + j becomes pixel (i, j) of each block of channel c. */
TenonValue tenon_pixel_shuffle(TenonValue x, int64_t r);

/** x [..., C, H * r, W * r] as [..., C * r * r, H, W]: the inverse of tenon_pixel_shuffle. */
TenonValue tenon_pixel_unshuffle(TenonValue x, int64_t r);

/** The channels of x [N, C, ...] in another order: channel g * (C / groups) + i moves to i * groups + g. */
TenonValue tenon_channel_shuffle(TenonValue x, int64_t groups);

/**
 * x [N, C, *size] read at the places of grid [N, *places, d], where d is 2 or 3: [N, C, *places]. A place is (x, y) or (x, y, z),
 * from -1 to 1 over the last, the last but one, and the third last dimension; -1 and 1 are the centres of the first and the last
 * element with align_corners, otherwise their outer edges. Floats.
 */
TenonValue tenon_grid_sample(TenonValue x, TenonValue grid, TenonSampling mode, TenonOutside outside,
    bool align_corners);

/**
 * The grid [N, *size, d] for tenon_grid_sample of an image whose `rank` spatial dimensions (2 or 3) have these sizes: place p is
 * moved to theta [N, d, d + 1] (p, 1). Floats.
 */
TenonValue tenon_affine_grid(TenonValue theta, const int64_t *size, size_t rank, bool align_corners);

/**
 * x with low[i] and high[i] elements more around dimension i, mirrored at its first and last elements, which are not repeated:
 * fewer than the dimension has. The arrays have one entry for each dimension of x.
 */
TenonValue tenon_pad_reflect(TenonValue x, const int64_t *low, const int64_t *high, size_t rank);

/**
 * x with its first and last elements repeated low[i] and high[i] times around dimension i. The arrays have one entry for each
 * dimension of x.
 */
TenonValue tenon_pad_replicate(TenonValue x, const int64_t *low, const int64_t *high, size_t rank);

/**
 * x with low[i] of its last elements in front of dimension i and high[i] of its first ones behind, at most as many as it has. The
 * arrays have one entry for each dimension of x.
 */
TenonValue tenon_pad_circular(TenonValue x, const int64_t *low, const int64_t *high, size_t rank);

/* ==== Operations: activations =======================================================================================
 *
 * Gradients at kinks are PyTorch's unless something else is said.
 */

/** x held between 0 and 6; slope 0 at 0 and 1 at 6. Floats. */
TenonValue tenon_relu6(TenonValue x);

/** x sigmoid(x). Floats. */
TenonValue tenon_silu(TenonValue x);

/** relu6(x + 3) / 6; slope 0 at both kinks. Floats. */
TenonValue tenon_hard_sigmoid(TenonValue x);

/** x relu6(x + 3) / 6; slopes -0.5 at -3 and 1.5 at 3. Floats. */
TenonValue tenon_hard_swish(TenonValue x);

/** ln(1 + e^x), without overflow. Floats. */
TenonValue tenon_softplus(TenonValue x);

/** ln sigmoid(x), without overflow. Floats. */
TenonValue tenon_log_sigmoid(TenonValue x);

/** x where x > 0, else alpha x; slope (1 + alpha) / 2 at 0. Floats. */
TenonValue tenon_leaky_relu(TenonValue x, double alpha);

/** x where x > 0, else alpha (e^x - 1); slope alpha at 0. Floats. */
TenonValue tenon_elu(TenonValue x, double alpha);

/** x times the standard normal distribution function, or its tanh approximation (Hendrycks & Gimpel, 2016). Floats. */
TenonValue tenon_gelu(TenonValue x, bool approximate);

/** e^x / sum e^x along an axis. Floats. Negative axes count from the last. */
TenonValue tenon_softmax(TenonValue x, int64_t axis);

/** x - ln sum e^x along an axis. Floats. Negative axes count from the last. */
TenonValue tenon_log_softmax(TenonValue x, int64_t axis);

/**
 * ln(1 + e^(beta x)) / beta; x itself where beta x > threshold, with slope 1. Floats. PyTorch's defaults are 1 and 20.
 * Fails for beta = 0.
 */
TenonValue tenon_softplus_with(TenonValue x, double beta, double threshold);

/** x where x > 0, else alpha (e^(x / alpha) - 1); slope 1 at 0. Floats. Fails for alpha = 0. */
TenonValue tenon_celu(TenonValue x, double alpha);

/** 1.0507 times elu with alpha 1.67326, which keeps mean 0 and variance 1 (Klambauer et al., 2017). Floats. */
TenonValue tenon_selu(TenonValue x);

/** x sigmoid(1.702 x). Floats. */
TenonValue tenon_fast_gelu(TenonValue x);

/** x tanh(softplus(x)). Floats. */
TenonValue tenon_mish(TenonValue x);

/** x / (1 + |x|). Floats. */
TenonValue tenon_softsign(TenonValue x);

/** x where |x| > lambda, else 0; slope 0 at lambda. Floats. lambda is not negative; its usual value is 0.5. */
TenonValue tenon_hard_shrink(TenonValue x, double lambda);

/**
 * x - lambda above lambda, x + lambda below -lambda, else 0; slope 0 at lambda. Floats. lambda is not negative; its usual
 * value is 0.5.
 */
TenonValue tenon_soft_shrink(TenonValue x, double lambda);

/** x held between low and high; slope 0 at both, where tenon_clamp has 1. Floats. Fails for low above high, or NaN. */
TenonValue tenon_hardtanh(TenonValue x, double low, double high);

/** x where x > threshold, else value. Floats and integers. */
TenonValue tenon_threshold(TenonValue x, double threshold, double value);

/**
 * The first half of x along an axis times the sigmoid of the second: [..., 2n, ...] -> [..., n, ...]. Floats. Negative
 * axes count from the last.
 */
TenonValue tenon_glu(TenonValue x, int64_t axis);

/**
 * x where x > 0, else weight x; the slope at 0 is weight. The weight is a scalar or [1], or [C] for x [N, C, ...].
 * Floats.
 */
TenonValue tenon_prelu(TenonValue x, TenonValue weight);

/**
 * x where x > 0, else x times a slope: in training drawn for each element between lower and upper, else their mean.
 * Floats. PyTorch's bounds are 1/8 and 1/3; MindSpore draws outside of training too. A zero generator handle stands for
 * the context's own; the generator moves on when the program has run.
 */
TenonValue tenon_rrelu(TenonValue x, double lower, double upper, bool training, TenonGenerator generator);

/** e^-x / sum e^-x along an axis. Floats. Negative axes count from the last. */
TenonValue tenon_softmin(TenonValue x, int64_t axis);

/** The softmax over the channels of images [N, C, H, W] or [C, H, W]. Floats. */
TenonValue tenon_softmax2d(TenonValue x);

/**
 * The softmax of (logits + Gumbel noise) / temperature along an axis: a sample from the categories, made differentiable
 * (Jang et al., 2017). hard gives the sample as one-hot, with the gradient of the soft result. Floats; temperature is
 * above 0. Negative axes count from the last. A zero generator handle stands for the context's own; the generator moves
 * on when the program has run.
 */
TenonValue tenon_gumbel_softmax(TenonValue logits, double temperature, bool hard, int64_t axis,
    TenonGenerator generator);

/* ==== Operations: losses ============================================================================================
 *
 * Compositions of the operations above; the compiler fuses them.
 */

/** How the losses of the elements become the result: one of the numbers below. */
typedef int32_t TenonReduction;

enum {
    /** Their mean. */
    TENON_REDUCTION_MEAN = 1,
    /** Their sum. */
    TENON_REDUCTION_SUM = 2,
    /** Themselves. */
    TENON_REDUCTION_NONE = 3,
    /** Their sum divided by the size of the first dimension. */
    TENON_REDUCTION_BATCH_MEAN = 4
};

/** Options of tenon_cross_entropy_with. */
typedef struct TenonCrossEntropyOptions {
    /** sizeof(TenonCrossEntropyOptions), set by tenon_cross_entropy_options_init. */
    size_t struct_size;
    /** Set by the init function: zeros below are meant. Otherwise a field that is zero has its default. */
    bool is_filled;
    /** Default: TENON_REDUCTION_MEAN. */
    TenonReduction reduction;
    /** The share of the target that is spread over all classes, 0 to 1. Default: 0. */
    double label_smoothing;
    /** Samples with this class index count for nothing. Default: -100. */
    int64_t ignore_index;
} TenonCrossEntropyOptions;

/**
 * Fills options with the defaults. `size` is sizeof(TenonCrossEntropyOptions). Refuses NULL and a size that is no options
 * struct's.
 */
TenonStatus tenon_cross_entropy_options_init(TenonCrossEntropyOptions *options, size_t size);

/** (prediction - target)^2, joined by the reduction. Shapes are equal, dtypes promote. */
TenonValue tenon_mse_loss(TenonValue prediction, TenonValue target, TenonReduction reduction);

/**
 * Cross-entropy of logits (floats) [N, C, ...] with the classes along axis 1, or [C] for one sample.
 *
 * The target holds class indices (integers, in the shape of the logits without the class axis) or probabilities
 * (floats, in the shape of the logits). Samples with index -100 count for nothing; another index outside 0..C makes
 * the loss NaN, so that it is seen. The mean is over the samples that count.
 */
TenonValue tenon_cross_entropy(TenonValue logits, TenonValue target, TenonReduction reduction);

/** tenon_cross_entropy with all its options; NULL options are the defaults. */
TenonValue tenon_cross_entropy_with(TenonValue logits, TenonValue target, const TenonCrossEntropyOptions *options);

/* ==== Operations: losses of classes and probabilities ===============================================================
 */

/**
 * tenon_cross_entropy_with with weights of the classes [C]. With class indices the mean is the sum of the losses divided
 * by the sum of the weights of their targets. A weight of all zero bytes stands for none, NULL options for the defaults.
 */
TenonValue tenon_cross_entropy_weighted(TenonValue logits, TenonValue target, TenonValue weight,
    const TenonCrossEntropyOptions *options);

/**
 * -x at the target class of log-probabilities x [N, C, ...] or [C], times the weight [C] of the class; all zero bytes
 * stand for no weight. The target holds class indices [N, ...]; samples with ignore_index (usually -100) count for
 * nothing, another index outside 0..C makes the loss NaN. The mean is divided by the weights of the samples that count.
 */
TenonValue tenon_nll_loss(TenonValue x, TenonValue target, TenonValue weight, int64_t ignore_index,
    TenonReduction reduction);

/** The cross-entropy of each row of logits [N, C] with probabilities [N, C] or class indices [N]: [N]. */
TenonValue tenon_softmax_cross_entropy_with_logits(TenonValue logits, TenonValue target);

/**
 * -(1 - p)^gamma ln p with p the softmax along axis 1 of logits [N, C, ...] at the target class [N, ...], times the
 * weight [C] of the class; all zero bytes stand for no weight. The mean is over all samples. The usual gamma is 2.
 */
TenonValue tenon_focal_loss(TenonValue logits, TenonValue target, TenonValue weight, double gamma,
    TenonReduction reduction);

/**
 * -(y ln x + (1 - y) ln(1 - x)) of probabilities x, times a weight that broadcasts; all zero bytes stand for none.
 *
 * Logarithms count at least log_floor; 0 stands for PyTorch's -100, MindSpore's is ln 1e-12. Their slope is held at
 * 1e12. Where probabilities come from a sigmoid, tenon_bce_with_logits_loss is exact.
 */
TenonValue tenon_bce_loss(TenonValue x, TenonValue target, TenonValue weight, double log_floor,
    TenonReduction reduction);

/**
 * -(p y ln sigmoid(x) + (1 - y) ln sigmoid(-x)) of logits x, without overflow, times a weight. The weight and p, the
 * weight of positive targets, broadcast; all zero bytes stand for none.
 */
TenonValue tenon_bce_with_logits_loss(TenonValue x, TenonValue target, TenonValue weight, TenonValue positive_weight,
    TenonReduction reduction);

/**
 * The mean over the last axis, the classes, of tenon_bce_with_logits_loss, then the reduction. The weight broadcasts;
 * all zero bytes stand for none.
 */
TenonValue tenon_multilabel_soft_margin_loss(TenonValue x, TenonValue target, TenonValue weight,
    TenonReduction reduction);

/**
 * -ln of the probability that the steps of each sequence spell its labels (connectionist temporal classification, Graves
 * et al., 2006): the sum over all ways to put a label or a blank at each step, so that the labels come out once repeated
 * ones are joined and blanks are left out.
 *
 * scores are log-probabilities [T, N, C] (tenon_log_softmax), labels classes [N, S], other than the class blank, which
 * usually is 0. Of each sequence the first steps [N] of T and the first counts [N] of S count: integers, at most T and S.
 * For one sequence: [T, C], [S], and scalars. The mean is that of the losses each divided by its number of labels, at
 * least 1. A sequence that cannot be, for want of steps, has the loss inf, or with zero_infinity 0, and no slope. A label
 * outside 0..C or a count outside 0..=S fails the run; labels behind the count are not looked at, and more steps than T
 * count as T.
 */
TenonValue tenon_ctc_loss(TenonValue scores, TenonValue labels, TenonValue steps, TenonValue counts, int64_t blank,
    TenonReduction reduction, bool zero_infinity);

/**
 * y (ln y - x) of log-probabilities x and probabilities y, 0 where y is 0; with log_target, y holds logarithms too.
 * Shapes are equal. The divergence of distributions is the sum, or TENON_REDUCTION_BATCH_MEAN of a batch of them.
 */
TenonValue tenon_kl_div_loss(TenonValue x, TenonValue target, bool log_target, TenonReduction reduction);

/* ==== Operations: losses of numbers, margins, and distances =========================================================
 */

/** |prediction - target|; slope 0 where they meet. Shapes are equal. */
TenonValue tenon_l1_loss(TenonValue prediction, TenonValue target, TenonReduction reduction);

/**
 * d^2 / (2 beta) where d = |prediction - target| is below beta, else d - beta / 2. beta is at least 0; PyTorch's and
 * MindSpore's default is 1. MindSpore's function reduces by none. Shapes are equal.
 */
TenonValue tenon_smooth_l1_loss(TenonValue prediction, TenonValue target, double beta, TenonReduction reduction);

/**
 * d^2 / 2 where d = |prediction - target| is at most delta, else delta (d - delta / 2). delta is above 0; the usual one
 * is 1. Shapes are equal.
 */
TenonValue tenon_huber_loss(TenonValue prediction, TenonValue target, double delta, TenonReduction reduction);

/** The root of the mean of (prediction - target)^2; slope 0 where it is 0. Shapes are equal. */
TenonValue tenon_rmse_loss(TenonValue prediction, TenonValue target);

/**
 * The negative log-likelihood of counts under Poisson rates: e^x - y x of logarithms of rates (log_input, the usual
 * way), else x - y ln(x + epsilon) of rates, with 1e-8 the usual epsilon. full adds y ln y - y + ln(2 pi y) / 2 where
 * y > 1. Shapes are equal.
 */
TenonValue tenon_poisson_nll_loss(TenonValue x, TenonValue target, bool log_input, bool full, double epsilon,
    TenonReduction reduction);

/**
 * The negative log-likelihood of a target under normal distributions with mean x: (ln v + (x - y)^2 / v) / 2 with v the
 * variance, which counts at least epsilon (usually 1e-6) and broadcasts. full adds ln(2 pi) / 2.
 */
TenonValue tenon_gaussian_nll_loss(TenonValue x, TenonValue target, TenonValue variance, bool full, double epsilon,
    TenonReduction reduction);

/** 1 - 2 sum x y / (sum x^2 + sum y^2 + smooth) over all elements; MindSpore's smooth is 1e-5. Shapes are equal. */
TenonValue tenon_dice_loss(TenonValue prediction, TenonValue target, double smooth);

/** max(0, margin - y (x1 - x2)): y is 1 where x1 should be above x2, else -1. All broadcast. The usual margin is 0. */
TenonValue tenon_margin_ranking_loss(TenonValue x1, TenonValue x2, TenonValue y, double margin,
    TenonReduction reduction);

/** x where y is 1, max(0, margin - x) where y is -1. Shapes are equal. The usual margin is 1. */
TenonValue tenon_hinge_embedding_loss(TenonValue x, TenonValue y, double margin, TenonReduction reduction);

/** ln(1 + e^(-y x)), without overflow; y is 1 or -1. Shapes are equal. */
TenonValue tenon_soft_margin_loss(TenonValue x, TenonValue y, TenonReduction reduction);

/**
 * The mean over the classes of max(0, margin - x[target] + x)^power, without the target itself, times the weight of the
 * target. x is [N, C] or [C], the target holds class indices [N] or []; the weight is [C], or all zero bytes for none.
 * The power is 1 or 2; the usual margin is 1. A class index outside 0..C makes the loss NaN.
 */
TenonValue tenon_multi_margin_loss(TenonValue x, TenonValue target, TenonValue weight, int32_t power, double margin,
    TenonReduction reduction);

/**
 * The sum over targets j and other classes i of max(0, 1 - x[j] + x[i]), divided by the number of classes. x and target
 * are [N, C] or [C]; the target holds class indices, of which those in front of the first negative one count. A class
 * index of C or more makes the loss NaN.
 */
TenonValue tenon_multilabel_margin_loss(TenonValue x, TenonValue target, TenonReduction reduction);

/**
 * 1 - cos(x1, x2) where y is 1, max(0, cos(x1, x2) - margin) where y is -1, with the cosine along the last axis. y has
 * the leading dimensions. The usual margin is 0.
 */
TenonValue tenon_cosine_embedding_loss(TenonValue x1, TenonValue x2, TenonValue y, double margin,
    TenonReduction reduction);

/**
 * max(0, margin + d(anchor, positive) - d(anchor, negative)) with d(a, b) = |a - b + epsilon|_p along the last axis;
 * with swap, the distance of positive and negative counts where it is below the anchor's to the negative. Usual are a
 * margin of 1, p = 2, and an epsilon of 1e-6.
 */
TenonValue tenon_triplet_margin_loss(TenonValue anchor, TenonValue positive, TenonValue negative, double margin,
    double p, double epsilon, bool swap, TenonReduction reduction);

/* ==== Operations: gradients held within bounds ======================================================================
 *
 * Floats, whose dtypes are kept; 16-bit ones are f32 in between. Of each list there is at least one value, and as many
 * outputs as values: invalid ones if something fails.
 */

/** Writes each value with its elements held between two bounds, as tenon_clamp does: NaN stays, slopes are 1 at both. */
void tenon_clip_by_value(const TenonValue *parts, size_t count, double low, double high, TenonValue *outputs,
    size_t output_count);

/**
 * Writes each value times most / (n + 1e-6), where that is below 1, and as it is otherwise; n is tenon_global_norm with p,
 * most is finite and above 0. (PyTorch's clip_grad_norm_, MindSpore's clip_by_norm.)
 */
void tenon_clip_by_norm(const TenonValue *parts, size_t count, double most, double p, TenonValue *outputs,
    size_t output_count);

/**
 * Writes each value times most / max(n, most); n is tenon_global_norm with p = 2, most is finite and above 0.
 * (MindSpore's clip_by_global_norm.)
 */
void tenon_clip_by_global_norm(const TenonValue *parts, size_t count, double most, TenonValue *outputs,
    size_t output_count);

/**
 * x with each slice along an axis whose p-norm n is above most multiplied by most / (n + 1e-7); p is above 0, or infinite,
 * most finite and not negative.
 */
TenonValue tenon_renorm(TenonValue x, double p, int64_t axis, double most);

/**
 * (sum |x|^p)^(1/p) over all elements of all values, a scalar in the widest of their dtypes, which are floats, and at
 * least f32; p above 0, or infinite: the largest |x|. Slope 0 where it is 0.
 */
TenonValue tenon_global_norm(const TenonValue *parts, size_t count, double p);

/** Whether all elements of all values are finite, a scalar bool. Integers and bool are. */
TenonValue tenon_all_finite(const TenonValue *parts, size_t count);

/* ==== Operations: normalization =====================================================================================
 *
 * Scale and offset of all zero bytes, (TenonValue){0}, are left out. 16-bit floats are f32 in between.
 */

/**
 * (x - mean) / sqrt(variance + epsilon) over the last `count` dimensions, at least one, with the biased variance, times
 * scale plus offset, which have the shape of those dimensions. PyTorch's epsilon is 1e-5, MindSpore's 1e-7.
 */
TenonValue tenon_layer_norm(TenonValue x, TenonValue scale, TenonValue offset, int64_t count, double epsilon);

/** x / sqrt(mean x^2 + epsilon) over the last `count` dimensions, at least one, times scale, which has their shape. */
TenonValue tenon_rms_norm(TenonValue x, TenonValue scale, int64_t count, double epsilon);

/**
 * x [N, C, ...] normalized in each of `groups` groups of channels of each sample; scale and offset are [C]. The usual
 * epsilon is 1e-5.
 */
TenonValue tenon_group_norm(TenonValue x, int64_t groups, TenonValue scale, TenonValue offset, double epsilon);

/** x [N, C, ...] normalized in each channel of each sample; scale and offset are [C]. The usual epsilon is 1e-5. */
TenonValue tenon_instance_norm(TenonValue x, TenonValue scale, TenonValue offset, double epsilon);

/**
 * scale (x - mean) / sqrt(variance + epsilon) + offset with statistics that are given, as in inference; x is
 * [N, C, ...], all others are [C]. The usual epsilon is 1e-5.
 */
TenonValue tenon_batch_norm(TenonValue x, TenonValue mean, TenonValue variance, TenonValue scale, TenonValue offset,
    double epsilon);

/**
 * tenon_batch_norm with the statistics of the batch, as in training. Writes three values: the result, normalized by the
 * biased variance; the mean [C]; the unbiased variance [C], NaN for one value per channel. Moving statistics follow with
 * tenon_moving_average and tenon_parameter_assign_value.
 */
void tenon_batch_norm_train(TenonValue x, TenonValue scale, TenonValue offset, double epsilon, TenonValue *outputs,
    size_t output_count);

/**
 * momentum moving + (1 - momentum) of_batch: the next moving statistic, through which no gradient passes. MindSpore's
 * momentum is 0.9; PyTorch's counts the other way, 0.1. Shapes are equal.
 */
TenonValue tenon_moving_average(TenonValue moving, TenonValue of_batch, double momentum);

/**
 * x divided by its p-norm along an axis, which counts at least epsilon; usual are p = 2 and an epsilon of 1e-12.
 * Negative axes count from the last.
 */
TenonValue tenon_normalize(TenonValue x, double p, int64_t axis, double epsilon);

/** (x - mean) / sqrt(variance + epsilon) over axes, all of them if none is named (NULL, 0), with the biased variance. */
TenonValue tenon_standardize(TenonValue x, const int64_t *axes, size_t axis_count, double epsilon);

/* ==== Operations: statistics, norms, distances ======================================================================
 *
 * Floats; integers count as f32. Axes as in reductions.
 */

/**
 * The sum of squares of x - mean over axes, divided by their number of elements minus ddof: 0 (MindSpore's default) for
 * the biased variance, 1 (PyTorch's) for the unbiased one. NaN where nothing is left to divide by.
 */
TenonValue tenon_var(TenonValue x, const int64_t *axes, size_t axis_count, int64_t ddof, bool keep_dims);

/** The root of tenon_var; slope 0 where it is 0. */
TenonValue tenon_std(TenonValue x, const int64_t *axes, size_t axis_count, int64_t ddof, bool keep_dims);

/** Writes two values: tenon_var and tenon_mean over axes. */
void tenon_var_mean(TenonValue x, const int64_t *axes, size_t axis_count, int64_t ddof, bool keep_dims,
    TenonValue *outputs, size_t output_count);

/** Writes two values: tenon_std and tenon_mean over axes. */
void tenon_std_mean(TenonValue x, const int64_t *axes, size_t axis_count, int64_t ddof, bool keep_dims,
    TenonValue *outputs, size_t output_count);

/**
 * (sum |x|^p)^(1/p) over axes; p infinite: the largest |x|; minus infinite: the smallest; 0: how many are not 0. Slope 0
 * where the norm is 0, and for p below 1 where x is.
 */
TenonValue tenon_norm(TenonValue x, double p, const int64_t *axes, size_t axis_count, bool keep_dims);

/** The sum over axes of the elements that are not NaN. */
TenonValue tenon_nansum(TenonValue x, const int64_t *axes, size_t axis_count, bool keep_dims);

/** The mean over axes of the elements that are not NaN; NaN if all are. */
TenonValue tenon_nanmean(TenonValue x, const int64_t *axes, size_t axis_count, bool keep_dims);

/** How many elements over axes are not 0 (i64); NaN is not 0. Any dtype, slope 0. */
TenonValue tenon_count_nonzero(TenonValue x, const int64_t *axes, size_t axis_count, bool keep_dims);

/**
 * The integral of y along an axis by the trapezoidal rule, over points x: a vector or in the shape of y; or, with x of
 * all zero bytes, over points that are `step` apart.
 */
TenonValue tenon_trapz(TenonValue y, TenonValue x, double step, int64_t axis);

/** The covariance of the rows of x [n, m], which hold m observations each, over m - ddof: [n, n]. Of a vector a scalar. */
TenonValue tenon_cov(TenonValue x, int64_t ddof);

/** The correlation of the rows of x [n, m]: [n, n], each between -1 and 1. Of a vector a scalar. */
TenonValue tenon_corrcoef(TenonValue x);

/** The p-norm of all elements of a - b, which broadcast: a scalar. */
TenonValue tenon_dist(TenonValue a, TenonValue b, double p);

/**
 * For each row of a [..., n, d] and each row of b [..., m, d] the p-norm of their difference: [..., n, m]. Leading
 * dimensions broadcast.
 */
TenonValue tenon_cdist(TenonValue a, TenonValue b, double p);

/** The p-norms of the differences of rows i and j of x [..., n, d] for all i < j, row by row: [..., n (n - 1) / 2]. */
TenonValue tenon_pdist(TenonValue x, double p);

/** The p-norm of a - b + epsilon along the last axis; usual are p = 2 and an epsilon of 1e-6. */
TenonValue tenon_pairwise_distance(TenonValue a, TenonValue b, double p, double epsilon, bool keep_dims);

/**
 * The cosine of the angle between a and b, which broadcast, along an axis of the shape that they broadcast to; lengths
 * count at least epsilon, usually 1e-8.
 */
TenonValue tenon_cosine_similarity(TenonValue a, TenonValue b, int64_t axis, double epsilon);

/* ==== Which operations there are ====================================================================================
 *
 * What this version of the library can record, for hosts that choose at run time. One row for each operation: a function may have more
 * ways to be called than one, and then it has more rows.
 */

enum {
    /** The order of an operation that can be differentiated any number of times: INT32_MAX. */
    TENON_ANY_ORDER = 2147483647
};

/** What there is to know about an operation. The texts are static: never free them. */
typedef struct TenonOperation {
    /** The bytes of this struct that were written: as many as the caller has room for, and the library knows. */
    size_t struct_size;
    /**
     * The operation's name. The function that records it is tenon_ with this name behind; where the name is one way to call a
     * function that has more, without the name's last words.
     */
    const char *name;
    /** What it computes, in one line. */
    const char *meaning;
    /** Shapes of operands and result; empty where it is elementwise: shapes broadcast. */
    const char *shapes;
    /** Why there is no gradient, or it is zero, or in what sense there is one; empty where it is the slope, to any order. */
    const char *reason;
    /** What PyTorch calls it; empty if it has no such thing. */
    const char *torch;
    /** What MindSpore calls it; empty if it has no such thing. */
    const char *mindspore;
    /** The fewest operands that it takes. */
    size_t least_operands;
    /** The most; SIZE_MAX for any number. */
    size_t most_operands;
    /** The dtypes that it takes: bit 1 << TENON_F32 and so on. */
    uint32_t dtypes;
    /**
     * To what order the CPU, the only device, differentiates it: TENON_ANY_ORDER; 1 where it is once; 0 where the gradient is zero; -1 where there is none
     * and asking for it fails with TENON_NOT_DIFFERENTIABLE.
     */
    int32_t order;
} TenonOperation;

/** The number of operations. Cannot fail. Any thread. */
size_t tenon_operation_count(void);

/**
 * Writes what there is to know about operation number `index`, below tenon_operation_count(), to `operation`, which has `size` bytes:
 * sizeof(TenonOperation). The order is that of the documentation and may change between versions. Fails with
 * TENON_INVALID_ARGUMENT for an index that is too large. Any thread.
 */
TenonStatus tenon_operation_at(size_t index, TenonOperation *operation, size_t size, TenonError *error);

/** tenon_operation_at for the operation with this name. Fails with TENON_NOT_FOUND if there is none. Any thread. */
TenonStatus tenon_operation_find(const char *name, TenonOperation *operation, size_t size, TenonError *error);

/* ==== Parameters ====================================================================================================
 */

/**
 * How initial values are made: one of the numbers below. fan_in and fan_out of a shape [out, in, kernel ...] are in and
 * out, each times the kernel's elements; what needs them needs two dimensions.
 */
typedef int32_t TenonInitializer;

enum {
    /** Zeros. */
    TENON_INITIALIZER_ZEROS = 1,
    /** Ones. */
    TENON_INITIALIZER_ONES = 2,
    /** All `value`. */
    TENON_INITIALIZER_CONSTANT = 3,
    /** Uniform in [-bound, bound]. */
    TENON_INITIALIZER_UNIFORM = 4,
    /** Normal with standard deviation sigma around mean. */
    TENON_INITIALIZER_NORMAL = 5,
    /** The same, between low and high alone, which are bounds themselves and not multiples of sigma. */
    TENON_INITIALIZER_TRUNCATED_NORMAL = 6,
    /** Uniform with bound gain sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio, 2010). */
    TENON_INITIALIZER_XAVIER_UNIFORM = 7,
    /** Normal with sigma gain sqrt(2 / (fan_in + fan_out)). */
    TENON_INITIALIZER_XAVIER_NORMAL = 8,
    /** Uniform with bound gain sqrt(3 / fan) (He et al., 2015); the gain follows from the nonlinearity. */
    TENON_INITIALIZER_HE_UNIFORM = 9,
    /** Normal with sigma gain / sqrt(fan). */
    TENON_INITIALIZER_HE_NORMAL = 10
};

/** Which fan He's initializers keep the variance of: one of the numbers below. */
typedef int32_t TenonFan;

enum {
    /** fan_in. */
    TENON_FAN_IN = 1,
    /** fan_out. */
    TENON_FAN_OUT = 2
};

/** What follows the layer, which decides He's gain: one of the numbers below. */
typedef int32_t TenonNonlinearity;

enum {
    /** Gain 1. */
    TENON_NONLINEARITY_LINEAR = 1,
    /** Gain 1. */
    TENON_NONLINEARITY_CONV = 2,
    /** Gain 1. */
    TENON_NONLINEARITY_SIGMOID = 3,
    /** Gain 5/3. */
    TENON_NONLINEARITY_TANH = 4,
    /** Gain sqrt(2). */
    TENON_NONLINEARITY_RELU = 5,
    /** Gain sqrt(2 / (1 + negative_slope^2)). */
    TENON_NONLINEARITY_LEAKY_RELU = 6,
    /** Gain 3/4. */
    TENON_NONLINEARITY_SELU = 7
};

/**
 * An initializer with its numbers. Random ones draw from a stream of the context's seed that belongs to the parameter:
 * same seed and same order of parameters, same values, on every machine.
 */
typedef struct TenonInitializerOptions {
    /** sizeof(TenonInitializerOptions), set by tenon_initializer_options_init. */
    size_t struct_size;
    /** Set by the init function: zeros below are meant. Otherwise a field that is zero has its default. */
    bool is_filled;
    /** Default: TENON_INITIALIZER_ZEROS. */
    TenonInitializer kind;
    /** Of TENON_INITIALIZER_CONSTANT. Default: 0. */
    double value;
    /** Of TENON_INITIALIZER_UNIFORM. Default: 0.07. */
    double bound;
    /** Of the normal ones. Default: 0.01. */
    double sigma;
    /** Of the normal ones. Default: 0. */
    double mean;
    /** Of TENON_INITIALIZER_TRUNCATED_NORMAL. Default: -2. */
    double low;
    /** Of TENON_INITIALIZER_TRUNCATED_NORMAL. Default: 2. */
    double high;
    /** Of Xavier's. Default: 1. */
    double gain;
    /** Of He's with TENON_NONLINEARITY_LEAKY_RELU. Default: 0. */
    double negative_slope;
    /** Of He's. Default: TENON_FAN_IN. */
    TenonFan fan;
    /** Of He's. Default: TENON_NONLINEARITY_LEAKY_RELU. */
    TenonNonlinearity nonlinearity;
} TenonInitializerOptions;

/**
 * A named, mutable tensor that cells own, optimizers update, and checkpoints keep. Its memory is taken, and its
 * initializer runs, when its values are first needed.
 */
typedef struct TenonParameter {
    /** Says nothing to a host; never compute with it. All zero is no parameter. */
    uint64_t id;
} TenonParameter;

/**
 * Fills options with the defaults. `size` is sizeof(TenonInitializerOptions). Refuses NULL and a size that is no options
 * struct's.
 */
TenonStatus tenon_initializer_options_init(TenonInitializerOptions *options, size_t size);

/**
 * Makes a parameter that belongs to no cell yet (tenon_cell_insert_parameter). NULL options are zeros. Floats require
 * gradients, other dtypes have none. The caller frees the handle.
 *
 * Fails with TENON_INVALID_ARGUMENT, TENON_SHAPE_MISMATCH where a fan needs more dimensions, TENON_DTYPE_MISMATCH for
 * random integers. Any thread.
 */
TenonStatus tenon_parameter_new(TenonContext context, const char *name, TenonDType dtype, const int64_t *shape,
    size_t rank, const TenonInitializerOptions *options, TenonParameter *parameter, TenonError *error);

/**
 * Makes a parameter that begins with a copy of a tensor and belongs to no cell yet. Floats require gradients, other
 * dtypes have none. The caller frees the handle. Any thread.
 */
TenonStatus tenon_parameter_from_tensor(TenonContext context, const char *name, TenonTensor tensor,
    TenonParameter *parameter, TenonError *error);

/**
 * Writes the name of a parameter: the path from the root of the tree that it was last put into, "fc1.weight". The text
 * goes to `text`, which has room for `capacity` bytes, its length without the NUL to `length`. NULL with capacity 0 asks
 * for the length alone; another capacity that is too small is refused. Any thread.
 */
TenonStatus tenon_parameter_name(TenonParameter parameter, char *text, size_t capacity, size_t *length,
    TenonError *error);

/** Writes the dtype of a parameter. Any thread. */
TenonStatus tenon_parameter_dtype(TenonParameter parameter, TenonDType *dtype, TenonError *error);

/**
 * Writes the sizes of a parameter's dimensions, outermost first, to `shape`, which has room for `capacity`, and their
 * number to `rank`. NULL with capacity 0 asks for the rank alone; another capacity below the rank is refused. Any
 * thread.
 */
TenonStatus tenon_parameter_shape(TenonParameter parameter, int64_t *shape, size_t capacity, size_t *rank,
    TenonError *error);

/**
 * Writes a handle of the parameter's own tensor, whose elements are made now if they were not needed before: it shows
 * every later update, and writing it writes the parameter. tenon_tensor_duplicate keeps the values of now. The caller
 * frees the handle. Fails with TENON_OUT_OF_MEMORY. Any thread.
 */
TenonStatus tenon_parameter_value(TenonParameter parameter, TenonTensor *tensor, TenonError *error);

/**
 * Copies a tensor into a parameter. Waits for programs that use it. Fails with TENON_DTYPE_MISMATCH or
 * TENON_SHAPE_MISMATCH. Any thread.
 */
TenonStatus tenon_parameter_set_data(TenonParameter parameter, TenonTensor tensor, TenonError *error);

/** Writes whether training changes a parameter. Any thread. */
TenonStatus tenon_parameter_requires_grad(TenonParameter parameter, bool *requires_grad, TenonError *error);

/**
 * Freezes a parameter (false) or has it trained again (true). Steps follow at their next run. Fails with
 * TENON_DTYPE_MISMATCH for true and a parameter that is not a float. Any thread.
 */
TenonStatus tenon_parameter_set_requires_grad(TenonParameter parameter, bool requires_grad, TenonError *error);

/**
 * The value that a parameter holds at this point of a graph: what it held when the program began, or what was assigned
 * to it before in this graph.
 */
TenonValue tenon_parameter_read_value(TenonGraph graph, TenonParameter parameter);

/**
 * Assigns a value to a parameter: later reads in the value's graph see it, and the parameter holds it when the program
 * has run (moving statistics, for example); a run that fails or is cancelled leaves the parameter as it was. Of several
 * assignments in a graph the last one counts. Dtype and shape are the parameter's. Returns the value, or an invalid one.
 */
TenonValue tenon_parameter_assign_value(TenonParameter parameter, TenonValue value);

/**
 * Adds a value, which broadcasts to the parameter's shape and whose dtype does to its dtype, to what the parameter holds
 * at this point of the value's graph: tenon_parameter_assign_value of the sum, which is returned.
 */
TenonValue tenon_parameter_assign_add(TenonParameter parameter, TenonValue value);

/**
 * Takes a value from what the parameter holds at this point of the value's graph, otherwise like
 * tenon_parameter_assign_add.
 */
TenonValue tenon_parameter_assign_sub(TenonParameter parameter, TenonValue value);

/** Whether two handles are of the same parameter; false if one is bad. Any thread. */
bool tenon_parameter_is_same(TenonParameter parameter, TenonParameter other);

/** Frees a handle of a parameter; zero is a no-op. Cells, optimizers, and functions keep the parameter. Any thread. */
TenonStatus tenon_parameter_free(TenonParameter parameter);

/* ==== Functions and gradients =======================================================================================
 */

/**
 * Records a computation into `graph`: reads `inputs`, writes a value of this graph to each of `outputs`. How many there
 * are was said when the callback was handed over.
 *
 * Errors of recording functions stick to the graph: nothing needs a check here. A status other than TENON_OK ends the
 * call that records with TENON_CALLBACK_FAILED, or with what stuck to the graph. `graph` and its values end with the
 * callback, and are for its thread alone. The callback may be called again at any time, from any thread, from several
 * at once; it holds no lock of the library.
 */
typedef TenonStatus (*TenonRecordFunction)(void *user, TenonGraph graph, const TenonValue *inputs, TenonValue *outputs);

/**
 * A computation that is recorded when it is called with new dtypes or shapes, or after a change that it depends on, and
 * runs as a compiled program every other time.
 *
 * What a recording depends on besides its inputs is noticed by itself: the structure and training flags of cells that it
 * called, and whether parameters require gradients. Values of parameters, hyperparameters, and generators are read when
 * the program runs: changing them never records again. The last 32 programs are kept.
 */
typedef struct TenonFunction {
    /** Says nothing to a host; never compute with it. All zero is no function. */
    uint64_t id;
} TenonFunction;

/** Options of tenon_grad and tenon_value_and_grad. */
typedef struct TenonGradOptions {
    /** sizeof(TenonGradOptions), set by tenon_grad_options_init. */
    size_t struct_size;
    /** The inputs to differentiate with respect to. Default: the first if there are no weights, else none. */
    const size_t *positions;
    /** How many. */
    size_t position_count;
    /** Parameters to differentiate with respect to. Default: none. */
    const TenonParameter *weights;
    /** How many. */
    size_t weight_count;
    /**
     * Only the first output is differentiated, the others come along as they are; the function has at least two.
     * Default: false.
     */
    bool has_aux;
    /**
     * Gradients are weighted: the last inputs of the new function, one for each output that is differentiated and of its
     * dtype and shape, are the weights. Default: false, ones.
     */
    bool sens;
} TenonGradOptions;

/**
 * Makes a function of `input_count` inputs and `output_count` outputs. Nothing is recorded yet.
 *
 * `record` and `user` are taken over: `drop` is called once with `user` when the last function that is made from this
 * one, and the last training step of one, have gone, or before this call returns if it fails. The caller frees the
 * function. Any thread.
 */
TenonStatus tenon_function_new(TenonContext context, TenonRecordFunction record, void *user, TenonDropFunction drop,
    size_t input_count, size_t output_count, TenonFunction *function, TenonError *error);

/**
 * Runs a function and writes a new tensor for each of its outputs to `outputs`; `output_count` is
 * tenon_function_output_count. Records and compiles first if the dtypes and shapes of the inputs are new. The caller
 * frees the tensors.
 *
 * Fails with what the recording fails with: its text names the operation, the path of the cell, and the shapes; with
 * TENON_BUSY inside of the function's own callback; with TENON_INVALID_ARGUMENT, TENON_OUT_OF_MEMORY. Outputs and
 * variables are as before then. Any thread.
 */
TenonStatus tenon_function_call(TenonFunction function, const TenonTensor *inputs, size_t input_count,
    TenonTensor *outputs, size_t output_count, TenonError *error);

/**
 * Runs a function into tensors that exist: of the right dtypes and shapes, row-major, and no inputs at the same time.
 * They are written only on success. Allocates nothing after the first call with inputs of the same dtypes and shapes.
 * Fails like tenon_function_call, and with TENON_DTYPE_MISMATCH or TENON_SHAPE_MISMATCH for outputs. Any thread.
 */
TenonStatus tenon_function_call_into(TenonFunction function, const TenonTensor *inputs, size_t input_count,
    const TenonTensor *outputs, size_t output_count, TenonError *error);

/**
 * Records a function as a part of a graph, as if its callback had been called there: `inputs` are values of the graph,
 * `outputs` receives its results, which are invalid values if something failed; the failure sticks to the graph. This is
 * how functions are made from functions: a gradient inside of a loss, for example. Threads as in tenon_graph_status.
 */
void tenon_function_record(TenonFunction function, TenonGraph graph, const TenonValue *inputs, size_t input_count,
    TenonValue *outputs, size_t output_count);

/** How many inputs a function takes; 0 if the handle is bad. Any thread. */
size_t tenon_function_input_count(TenonFunction function);

/** How many outputs a function has; 0 if the handle is bad. Any thread. */
size_t tenon_function_output_count(TenonFunction function);

/**
 * The context that a function was made in, or a zero handle if the function's handle is bad. Nothing to free. Any
 * thread.
 */
TenonContext tenon_function_context(TenonFunction function);

/**
 * Records and compiles a function for inputs of the dtypes and shapes of these tensors, so that the first call does not
 * have to; their elements do not matter. Fails like tenon_function_call. Any thread.
 */
TenonStatus tenon_function_prepare(TenonFunction function, const TenonTensor *inputs, size_t input_count,
    TenonError *error);

/** Writes how many programs were compiled for a function so far. Any thread. */
TenonStatus tenon_function_compilations(TenonFunction function, size_t *count, TenonError *error);

/**
 * Writes the graph of a function and its compiled program (the loops, what is fused, where memory lies) for inputs of
 * the dtypes and shapes of these tensors, for people to read; the format may change. The text goes to `text`, which has
 * room for `capacity` bytes, its length without the NUL to `length`. NULL with capacity 0 asks for the length alone;
 * another capacity that is too small is refused. Records and compiles each time. Fails like tenon_function_call. Any
 * thread.
 */
TenonStatus tenon_function_describe(TenonFunction function, const TenonTensor *inputs, size_t input_count, char *text,
    size_t capacity, size_t *length, TenonError *error);

/** Frees a handle of a function; zero is a no-op. What was made from it goes on. Any thread. */
TenonStatus tenon_function_free(TenonFunction function);

/**
 * Fills options with the defaults. `size` is sizeof(TenonGradOptions). Refuses NULL and a size that is no options
 * struct's.
 */
TenonStatus tenon_grad_options_init(TenonGradOptions *options, size_t size);

/**
 * Makes the function that computes the gradients of another one: an output for each position, then one for each weight,
 * then, with has_aux, the outputs of the function from the second on. It takes the inputs of the function, then, with
 * sens, the weights of its outputs. A gradient is a function like any other: it can be differentiated again.
 *
 * Gradients are those of the sum of all elements of all float outputs (with has_aux, of the first). What they do not
 * depend on gets zeros.
 *
 * Fails with TENON_INVALID_ARGUMENT for a position that is named twice or that the function does not have, and for a
 * weight that is named twice or of another context. Calls of the new function fail with TENON_INVALID_ARGUMENT for a
 * weight that does not require a gradient, with TENON_NOT_DIFFERENTIABLE if no output is a float. The caller frees the
 * new function. Any thread.
 */
TenonStatus tenon_grad(TenonFunction function, const TenonGradOptions *options, TenonFunction *gradient,
    TenonError *error);

/** tenon_grad with all outputs of the function first, then the gradients. The forward pass is there once. */
TenonStatus tenon_value_and_grad(TenonFunction function, const TenonGradOptions *options, TenonFunction *gradient,
    TenonError *error);

/* ==== Functions from functions ======================================================================================
 *
 * What these make are functions like any other: they are called, recorded into graphs, and transformed again, in any
 * order.
 */

/** Options of tenon_vmap. */
typedef struct TenonVmapOptions {
    /** sizeof(TenonVmapOptions), set by tenon_vmap_options_init. */
    size_t struct_size;
    /** For each input the dimension that holds the lanes, or -1 for an input that all lanes share. Default: 0 for all. */
    const int64_t *in_axes;
    /** How many: none, or as many as the function takes. */
    size_t in_axis_count;
    /** For each output the dimension that the lanes become. Default: 0 for all. */
    const int64_t *out_axes;
    /** How many: none, or as many as the function has. */
    size_t out_axis_count;
} TenonVmapOptions;

/**
 * Records a gradient into `graph`: reads the `inputs` of a function, its `outputs`, and what these are asked for with
 * (`output_gradients`, zeros for an output that nobody asks for); writes to each of `input_gradients` a value of the
 * dtype and shape of that input, or leaves it as it is, all zero, if that input gets nothing.
 *
 * What is recorded can be differentiated again. Else as TenonRecordFunction.
 */
typedef TenonStatus (*TenonGradientFunction)(void *user, TenonGraph graph, const TenonValue *inputs,
    const TenonValue *outputs, const TenonValue *output_gradients, TenonValue *input_gradients);

/** Options of tenon_scan. */
typedef struct TenonScanOptions {
    /** sizeof(TenonScanOptions), set by tenon_scan_options_init. */
    size_t struct_size;
    /** How many steps. Default: the first dimension of the first slice, 0 if there is none. */
    size_t length;
    /** Values that one step hands to the next. */
    const TenonValue *carries;
    /** How many. */
    size_t carry_count;
    /** Values whose first dimension is the steps: each step gets its element. */
    const TenonValue *slices;
    /** How many. */
    size_t slice_count;
    /** Values that all steps share. */
    const TenonValue *constants;
    /** How many. */
    size_t constant_count;
    /** Steps run from the last to the first. Default: false. */
    bool reverse;
} TenonScanOptions;

/**
 * Makes the vector-Jacobian product of a function: tenon_value_and_grad with sens. It takes the inputs of the function,
 * then what each differentiated output is weighted with; it returns the outputs, then a gradient for each position and
 * weight. Fails like tenon_grad. The caller frees the new function. Any thread.
 */
TenonStatus tenon_vjp(TenonFunction function, const TenonGradOptions *options, TenonFunction *product,
    TenonError *error);

/**
 * Makes the Jacobian-vector product of a function: the derivative along a direction (forward mode). It takes the inputs
 * of the function, then a direction for each position and weight, of its dtype and shape; it returns the outputs, then
 * the derivative of each (with has_aux of the first alone). Options with sens are refused. Fails like tenon_grad; calls
 * fail with TENON_SHAPE_MISMATCH for a direction of another type. The caller frees the new function. Any thread.
 */
TenonStatus tenon_jvp(TenonFunction function, const TenonGradOptions *options, TenonFunction *product,
    TenonError *error);

/**
 * Makes the Jacobian of a function, computed by rows: a gradient for each element of the outputs, all at once. Right for
 * few outputs and many inputs (jacrev). For each differentiated output, and for each position and then weight, the new
 * function has an output of the shape (output's dimensions, input's dimensions); behind them, with has_aux, the outputs
 * from the second on. Options with sens are refused. Fails like tenon_grad; calls fail with TENON_NOT_DIFFERENTIABLE for
 * an output or input that is no float, with TENON_SHAPE_MISMATCH where more than 8 dimensions would come out. The caller
 * frees the new function. Any thread.
 */
TenonStatus tenon_jacobian_rows(TenonFunction function, const TenonGradOptions *options,
    TenonFunction *jacobian_function, TenonError *error);

/**
 * tenon_jacobian_rows, computed by columns: a direction for each element of the inputs, all at once. Right for few inputs
 * and many outputs (jacfwd). The results are the same.
 */
TenonStatus tenon_jacobian_columns(TenonFunction function, const TenonGradOptions *options,
    TenonFunction *jacobian_function, TenonError *error);

/**
 * Makes the Hessian of a function whose first output is one float: for each pair of positions and weights an output of
 * the shape (first's dimensions, second's dimensions), in the order of the first, then of the second; behind them, with
 * has_aux, the outputs from the second on. Options with sens are refused. Fails like tenon_jacobian_rows; calls fail with
 * TENON_SHAPE_MISMATCH if the first output has more than one element. The caller frees the new function. Any thread.
 */
TenonStatus tenon_hessian(TenonFunction function, const TenonGradOptions *options, TenonFunction *hessian_function,
    TenonError *error);

/**
 * Makes the product of the Hessian of a function with directions; the Hessian itself is never made. The first output of
 * the function is one float. The new function takes the inputs, then a direction for each position and weight; it
 * returns the gradients, then the products, one for each position and weight, then, with has_aux, the outputs from the
 * second on. Options with sens are refused. Fails like tenon_hessian and tenon_jvp. The caller frees the new function. Any thread.
 */
TenonStatus tenon_hvp(TenonFunction function, const TenonGradOptions *options, TenonFunction *product,
    TenonError *error);

/**
 * Fills options with the defaults. `size` is sizeof(TenonVmapOptions). Refuses NULL and a size that is no options
 * struct's.
 */
TenonStatus tenon_vmap_options_init(TenonVmapOptions *options, size_t size);

/**
 * Makes the function that computes another one for many lanes at once: its inputs have one more dimension, and so have
 * its outputs. An output that is the same in all lanes is repeated; random numbers are the same in all lanes.
 *
 * Fails with TENON_INVALID_ARGUMENT if the lists do not fit the function, or if no input has lanes. Calls fail with
 * TENON_SHAPE_MISMATCH if inputs have different numbers of lanes, or none, with TENON_UNSUPPORTED if the function assigns
 * to a variable what differs from lane to lane. The caller frees the new function. Any thread.
 */
TenonStatus tenon_vmap(TenonFunction function, const TenonVmapOptions *options, TenonFunction *mapped,
    TenonError *error);

/**
 * Makes a function that computes the same, and whose gradient runs it again instead of keeping what it makes on the way
 * (checkpointing): less memory for more work. Results and gradients are the same. The caller frees the new function. Any
 * thread.
 */
TenonStatus tenon_recompute(TenonFunction function, TenonFunction *recomputed, TenonError *error);

/**
 * Makes a function that computes the same, with a gradient of the host's: `gradient` records it each time that one is
 * taken. Parameters that the function reads get no gradient through it.
 *
 * `gradient` and `user` are taken over: `drop` is called once with `user` when the last function that is made from the
 * new one has gone, or before this call returns if it fails. What the callback returns wrongly fails the call that takes
 * the gradient. The caller frees the new function. Any thread.
 */
TenonStatus tenon_custom_gradient(TenonFunction function, TenonGradientFunction gradient, void *user,
    TenonDropFunction drop, TenonFunction *customized, TenonError *error);

/**
 * Writes what output `output` of a function that tenon_grad, tenon_value_and_grad, or tenon_vjp made is the gradient of: the position of an
 * input, or -1 for a parameter, whose name tenon_function_gradient_name tells. Fails with TENON_NOT_FOUND for an output
 * that is no gradient. Any thread.
 */
TenonStatus tenon_function_gradient_position(TenonFunction function, size_t output, int64_t *position,
    TenonError *error);

/**
 * Writes the name of the parameter that output `output` of a function is the gradient of, to `text`, which has room for
 * `capacity` bytes, its length without the NUL to `length`; empty for the gradient of an input. NULL with capacity 0 asks
 * for the length alone; another capacity that is too small is refused. Fails like tenon_function_gradient_position. Any
 * thread.
 */
TenonStatus tenon_function_gradient_name(TenonFunction function, size_t output, char *text, size_t capacity,
    size_t *length, TenonError *error);

/**
 * Writes the number of the output that is the gradient of the input at `position`. Fails with TENON_NOT_FOUND if there is
 * none. Any thread.
 */
TenonStatus tenon_function_find_gradient_of_input(TenonFunction function, size_t position, size_t *output,
    TenonError *error);

/**
 * Writes the number of the output that is the gradient of the parameter of this name (as it was when the gradient was made). Fails with TENON_NOT_FOUND if there is
 * none. Any thread.
 */
TenonStatus tenon_function_find_gradient_of_weight(TenonFunction function, const char *name, size_t *output,
    TenonError *error);

/**
 * Fills options with the defaults. `size` is sizeof(TenonScanOptions). Refuses NULL and a size that is no options
 * struct's.
 */
TenonStatus tenon_scan_options_init(TenonScanOptions *options, size_t size);

/**
 * Records a loop that runs a fixed number of times. `step` records one step, once, before this call returns: its inputs
 * are the carries, an element of each slice, and the constants; its outputs, `output_count` of them, are the carries for
 * the next step, of the same dtypes and shapes, then what is stacked. `outputs` receives the last carries, then the
 * stacks, whose first dimension is the steps.
 *
 * A step sees values of its own graph alone: what it needs of this one comes in as a carry, slice, or constant. It reads
 * parameters, calls cells, and draws random numbers like any other recording; what it assigns to variables is carried
 * from step to step. Loops can be differentiated any number of times; they keep what the gradient needs of each step.
 * Failures stick to the graph, and the outputs are invalid values then. Threads as in tenon_graph_status.
 */
void tenon_scan(TenonGraph graph, const TenonScanOptions *options, TenonRecordFunction step, void *user,
    TenonValue *outputs, size_t output_count);

/* ==== Functions of the host =========================================================================================
 */

/** Dtype and shape. */
typedef struct TenonType {
    TenonDType dtype;
    /** How many dimensions, at most 8. */
    int32_t rank;
    /** Their sizes; the others are ignored. */
    int64_t shape[8];
} TenonType;

/**
 * Says what types the results have for operands of these types: writes one for each output, or returns another status
 * than TENON_OK to refuse the operands. Called while a graph is recorded, on any thread.
 */
typedef TenonStatus (*TenonHostTypesFunction)(void *user, const TenonType *inputs, TenonType *outputs);

/** An operand or a result of a function of the host. */
typedef struct TenonHostArray {
    /** The elements, row-major without gaps. */
    void *data;
    TenonType type;
} TenonHostArray;

/**
 * Computes the results from the operands, all of them, from nothing else. Called whenever a program runs that holds the
 * function, on the thread that runs it, for two programs perhaps at the same time. A status other than TENON_OK fails the
 * run, which then changes nothing. It may not run, free, or wait for what it is a part of.
 */
typedef TenonStatus (*TenonHostRunFunction)(void *user, const TenonHostArray *inputs, const TenonHostArray *outputs);

/**
 * Makes a function that the host computes: an operation of its own, which records, differentiates, and runs like any
 * other. `types` says what shapes and dtypes come out, `run` computes them, `gradient` records the gradient, which may
 * call other such functions; NULL for a function that has none: taking its gradient fails with
 * TENON_NOT_DIFFERENTIABLE. `name` stands in error texts.
 *
 * The callbacks share `user`; `drop` is called once with it when the last function that is made from this one has gone,
 * or before this call returns if it fails. The caller frees the function. Any thread.
 */
TenonStatus tenon_host_function_new(TenonContext context, const char *name, TenonHostTypesFunction types,
    TenonHostRunFunction run, TenonGradientFunction gradient, void *user, TenonDropFunction drop, size_t input_count,
    size_t output_count, TenonFunction *function, TenonError *error);

/* ==== Cells =========================================================================================================
 */

/**
 * A node of a network's tree: named children, parameters, a training flag, and what records its forward graph.
 *
 * A new cell is in inference; tenon_cell_set_train switches. Parameters are named by their path from the root:
 * "fc1.weight". A cell may stand in several places; its parameters are then shared.
 */
typedef struct TenonCell {
    /** Says nothing to a host; never compute with it. All zero is no cell. */
    uint64_t id;
} TenonCell;

/**
 * Makes a cell of one input and one output whose forward graph `construct` records. It is called once for each new input
 * signature, never once per run, and may call other cells, usually the children that were inserted under this one, and
 * read parameters with tenon_parameter_read_value. Errors that it runs into carry the path of the cell.
 *
 * A cell that behaves differently in training asks with tenon_cell_training: programs are recorded anew when that
 * changes. What else `construct` looks at must not change.
 *
 * `construct` and `user` are taken over: `drop` is called once with `user` when the cell has gone, or before this call
 * returns if it fails. The caller frees the handle. Any thread.
 */
TenonStatus tenon_cell_new(TenonContext context, TenonRecordFunction construct, void *user, TenonDropFunction drop,
    TenonCell *cell, TenonError *error);

/** tenon_cell_new with any number of inputs and outputs. */
TenonStatus tenon_cell_new_with_counts(TenonContext context, TenonRecordFunction construct, void *user,
    TenonDropFunction drop, size_t input_count, size_t output_count, TenonCell *cell, TenonError *error);

/**
 * tenon_cell_new_with_counts with a gradient of the host's, which is recorded each time that one is taken (`bprop`).
 * Parameters below the cell get no gradient through it.
 *
 * `gradient` has a user pointer of its own; both are taken over, and each drop function is called once, as in
 * tenon_cell_new.
 */
TenonStatus tenon_cell_new_with_gradient(TenonContext context, TenonRecordFunction construct, void *user,
    TenonDropFunction drop, TenonGradientFunction gradient, void *gradient_user, TenonDropFunction gradient_drop,
    size_t input_count, size_t output_count, TenonCell *cell, TenonError *error);

/**
 * Records the forward graph of a cell of one input and one output. What fails sticks to the graph of the input, with the
 * path of the cell that it happened in. Inside of the cell's own construct it fails with TENON_BUSY.
 */
TenonValue tenon_cell_call(TenonCell cell, TenonValue input);

/**
 * Records the forward graph of a cell of any number of inputs and outputs: `inputs` are values of `graph`, `outputs`
 * receives its results, which are invalid values if something failed; the failure sticks to the graph.
 */
void tenon_cell_call_many(TenonCell cell, TenonGraph graph, const TenonValue *inputs, size_t input_count,
    TenonValue *outputs, size_t output_count);

/**
 * Makes `child` the last child of a cell. Names of its parameters become paths from the root of this cell's tree.
 *
 * Fails with TENON_INVALID_ARGUMENT for an empty name, a name with a dot, a cell of another context, and a cell that
 * this one stands below; with TENON_ALREADY_EXISTS for a name that a child or parameter has. Any thread.
 */
TenonStatus tenon_cell_insert_child(TenonCell cell, const char *name, TenonCell child, TenonError *error);

/**
 * Gives a cell a new parameter, the last one. NULL options are zeros. Floats require gradients, other dtypes have none.
 * The caller frees the handle.
 *
 * Fails like tenon_cell_insert_parameter and tenon_parameter_new. Any thread.
 */
TenonStatus tenon_cell_parameter(TenonCell cell, const char *name, TenonDType dtype, const int64_t *shape, size_t rank,
    const TenonInitializerOptions *options, TenonParameter *parameter, TenonError *error);

/**
 * Makes an existing parameter the last one of a cell; it may belong to other cells too, and is shared then. Its name
 * becomes its path.
 *
 * Fails with TENON_INVALID_ARGUMENT for an empty name, a name with a dot, and a parameter of another context; with
 * TENON_ALREADY_EXISTS for a name that a child or parameter has. Any thread.
 */
TenonStatus tenon_cell_insert_parameter(TenonCell cell, const char *name, TenonParameter parameter, TenonError *error);

/** Switches a cell and all below it to training (true) or inference (false). Any thread. */
TenonStatus tenon_cell_set_train(TenonCell cell, bool training, TenonError *error);

/**
 * Says whether gradients run a cell's forward pass again instead of keeping what it makes on the way (checkpointing):
 * less memory for more work. Off by default. Any thread.
 */
TenonStatus tenon_cell_set_recompute(TenonCell cell, bool recompute, TenonError *error);

/** Writes whether a cell is in training. Any thread. */
TenonStatus tenon_cell_training(TenonCell cell, bool *training, TenonError *error);

/**
 * Writes handles of all parameters of a cell and of all below it to `parameters`, which has room for `capacity`, and
 * their number to `count`: the cell's own in the order of insertion, then each child's, depth first; one that stands in
 * several places once, by the first of them. NULL with capacity 0 asks for the number alone; another capacity that is
 * too small is refused. The caller frees the handles. Any thread.
 */
TenonStatus tenon_cell_parameters(TenonCell cell, TenonParameter *parameters, size_t capacity, size_t *count,
    TenonError *error);

/**
 * Writes handles of the parameters of a cell and of all below it that require gradients, in the order of
 * tenon_cell_parameters and in the same way.
 */
TenonStatus tenon_cell_trainable_params(TenonCell cell, TenonParameter *parameters, size_t capacity, size_t *count,
    TenonError *error);

/**
 * Writes the path from a cell of the parameter at a position in tenon_cell_parameters: "fc1.weight". The text goes to
 * `text`, which has room for `capacity` bytes, its length without the NUL to `length`. NULL with capacity 0 asks for the
 * length alone; another capacity that is too small is refused. Fails with TENON_NOT_FOUND. Any thread.
 */
TenonStatus tenon_cell_parameter_path(TenonCell cell, size_t position, char *text, size_t capacity, size_t *length,
    TenonError *error);

/**
 * Writes a handle of the parameter at a path from a cell: "fc1.weight". The caller frees the handle. Fails with
 * TENON_NOT_FOUND. Any thread.
 */
TenonStatus tenon_cell_find_parameter(TenonCell cell, const char *path, TenonParameter *parameter, TenonError *error);

/** Writes handles of a cell itself and of all cells below it to `cells`, depth first, as tenon_cell_parameters does. */
TenonStatus tenon_cell_cells(TenonCell cell, TenonCell *cells, size_t capacity, size_t *count, TenonError *error);

/**
 * Writes the path from a cell of the cell at a position in tenon_cell_cells: "" for the first, which is the cell itself,
 * "block.fc1". The text goes out as in tenon_cell_parameter_path. Any thread.
 */
TenonStatus tenon_cell_cell_path(TenonCell cell, size_t position, char *text, size_t capacity, size_t *length,
    TenonError *error);

/**
 * Writes a handle of the cell at a path from a cell: "block.fc1"; "" is the cell itself. The caller frees the handle.
 * Fails with TENON_NOT_FOUND. Any thread.
 */
TenonStatus tenon_cell_find_cell(TenonCell cell, const char *path, TenonCell *found, TenonError *error);

/**
 * Writes a tree as text, for people to read: a line for each cell (path, kind, training or inference) and for each
 * parameter (name, dtype, shape, frozen or not). The text goes out as in tenon_cell_parameter_path. Any thread.
 */
TenonStatus tenon_cell_describe(TenonCell cell, char *text, size_t capacity, size_t *length, TenonError *error);

/** Whether two handles are of the same cell; false if one is bad. Any thread. */
bool tenon_cell_is_same(TenonCell cell, TenonCell other);

/** The context that a cell was made in, or a zero handle if the cell's handle is bad. Nothing to free. Any thread. */
TenonContext tenon_cell_context(TenonCell cell);

/** Frees a handle of a cell; zero is a no-op. Its parents and recorded programs keep the cell. Any thread. */
TenonStatus tenon_cell_free(TenonCell cell);

/* ==== Built-in cells ================================================================================================
 */

/** An activation with its defaults: one of the numbers below. */
typedef int32_t TenonActivation;

enum {
    /** None. */
    TENON_ACTIVATION_NONE = 0,
    /** max(x, 0). */
    TENON_ACTIVATION_RELU = 1,
    /** x held between 0 and 6. */
    TENON_ACTIVATION_RELU6 = 2,
    /** x, or 0.2 x below 0. */
    TENON_ACTIVATION_LEAKY_RELU = 3,
    /** x, or e^x - 1 below 0. */
    TENON_ACTIVATION_ELU = 4,
    /** x times the normal distribution function, by its tanh approximation. */
    TENON_ACTIVATION_GELU = 5,
    /** x sigmoid(x). */
    TENON_ACTIVATION_SILU = 6,
    /** 1 / (1 + e^-x). */
    TENON_ACTIVATION_SIGMOID = 7,
    /** ln sigmoid(x). */
    TENON_ACTIVATION_LOG_SIGMOID = 8,
    /** The hyperbolic tangent. */
    TENON_ACTIVATION_TANH = 9,
    /** ln(1 + e^x). */
    TENON_ACTIVATION_SOFTPLUS = 10,
    /** x relu6(x + 3) / 6. */
    TENON_ACTIVATION_HARD_SWISH = 11,
    /** relu6(x + 3) / 6. */
    TENON_ACTIVATION_HARD_SIGMOID = 12,
    /** Softmax along the last axis. */
    TENON_ACTIVATION_SOFTMAX = 13,
    /** Log-softmax along the last axis. */
    TENON_ACTIVATION_LOG_SOFTMAX = 14
};

/** Options of tenon_dense_new. */
typedef struct TenonDenseOptions {
    /** sizeof(TenonDenseOptions), set by tenon_dense_options_init. */
    size_t struct_size;
    /** Leaves the bias out. Default: false. */
    bool no_bias;
    /** Applied to the result. Default: TENON_ACTIVATION_NONE. */
    TenonActivation activation;
    /** Of the parameters: a float. Default: TENON_F32. */
    TenonDType dtype;
    /** Of the weight. Default: NULL, uniform within 1 / sqrt(in_channels). */
    const TenonInitializerOptions *weight_init;
    /** Of the bias. Default: NULL, uniform within 1 / sqrt(in_channels). */
    const TenonInitializerOptions *bias_init;
} TenonDenseOptions;

/** Options of tenon_dropout_new. */
typedef struct TenonDropoutOptions {
    /** sizeof(TenonDropoutOptions), set by tenon_dropout_options_init. */
    size_t struct_size;
    /** The probability that an element is kept, above 0 and at most 1. Default: 0.5. */
    double keep_prob;
    /** The probability that an element is dropped, below 1; counts instead of keep_prob if it is not 0. Default: 0. */
    double p;
    /**
     * Draws from the generator of op_seed (tenon_context_generator_for), not from the context's own. Networks that train
     * at the same time should not share a generator. Default: false.
     */
    bool has_op_seed;
    /** See above. */
    int64_t op_seed;
} TenonDropoutOptions;

/**
 * Makes a cell that hands its inputs to its first child, that one's outputs to the second, and so on, and returns the
 * outputs of the last; without children it returns its inputs. Children come with tenon_cell_insert_child. The caller
 * frees the handle. Any thread.
 */
TenonStatus tenon_sequential_new(TenonContext context, TenonCell *cell, TenonError *error);

/**
 * Fills options with the defaults. `size` is sizeof(TenonDenseOptions). Refuses NULL and a size that is no options
 * struct's.
 */
TenonStatus tenon_dense_options_init(TenonDenseOptions *options, size_t size);

/**
 * Makes a fully connected layer: activation(x W^T + b) on the last dimension of x [..., in_channels], with parameters
 * "weight" [out_channels, in_channels] and "bias" [out_channels]. NULL options are the defaults. The caller frees the
 * handle.
 *
 * Fails with TENON_INVALID_ARGUMENT for fewer than one channel, with TENON_DTYPE_MISMATCH for parameters that are not
 * floats. Any thread.
 */
TenonStatus tenon_dense_new(TenonContext context, int64_t in_channels, int64_t out_channels,
    const TenonDenseOptions *options, TenonCell *cell, TenonError *error);

/**
 * Fills options with the defaults. `size` is sizeof(TenonDropoutOptions). Refuses NULL and a size that is no options
 * struct's.
 */
TenonStatus tenon_dropout_options_init(TenonDropoutOptions *options, size_t size);

/**
 * Makes a dropout layer: in training x mask / keep_prob, where the mask is 1 with probability keep_prob and 0 else; in
 * inference x. NULL options are the defaults. The caller frees the handle. Fails with TENON_INVALID_ARGUMENT for a
 * probability out of range. Any thread.
 */
TenonStatus tenon_dropout_new(TenonContext context, const TenonDropoutOptions *options, TenonCell *cell,
    TenonError *error);

/**
 * Makes a cell that joins the dimensions from start_dim to end_dim (both included, negative ones count from the last)
 * into one; the usual 1 and -1 keep the batch. The caller frees the handle. Any thread.
 */
TenonStatus tenon_flatten_new(TenonContext context, int64_t start_dim, int64_t end_dim, TenonCell *cell,
    TenonError *error);

/** Makes a cell that applies max(x, 0). The caller frees the handle. Any thread. */
TenonStatus tenon_relu_new(TenonContext context, TenonCell *cell, TenonError *error);

/** Makes a cell that applies x held between 0 and 6. The caller frees the handle. Any thread. */
TenonStatus tenon_relu6_new(TenonContext context, TenonCell *cell, TenonError *error);

/** Makes a cell that applies x, or alpha x below 0. The caller frees the handle. Any thread. */
TenonStatus tenon_leaky_relu_new(TenonContext context, double alpha, TenonCell *cell, TenonError *error);

/** Makes a cell that applies x, or alpha (e^x - 1) below 0. The caller frees the handle. Any thread. */
TenonStatus tenon_elu_new(TenonContext context, double alpha, TenonCell *cell, TenonError *error);

/** Makes a cell that applies x times the normal distribution function, or its tanh approximation. The caller frees the handle. Any thread. */
TenonStatus tenon_gelu_new(TenonContext context, bool approximate, TenonCell *cell, TenonError *error);

/** Makes a cell that applies x sigmoid(x). The caller frees the handle. Any thread. */
TenonStatus tenon_silu_new(TenonContext context, TenonCell *cell, TenonError *error);

/** Makes a cell that applies 1 / (1 + e^-x). The caller frees the handle. Any thread. */
TenonStatus tenon_sigmoid_new(TenonContext context, TenonCell *cell, TenonError *error);

/** Makes a cell that applies ln sigmoid(x). The caller frees the handle. Any thread. */
TenonStatus tenon_log_sigmoid_new(TenonContext context, TenonCell *cell, TenonError *error);

/** Makes a cell that applies the hyperbolic tangent. The caller frees the handle. Any thread. */
TenonStatus tenon_tanh_new(TenonContext context, TenonCell *cell, TenonError *error);

/** Makes a cell that applies ln(1 + e^x). The caller frees the handle. Any thread. */
TenonStatus tenon_softplus_new(TenonContext context, TenonCell *cell, TenonError *error);

/** Makes a cell that applies x relu6(x + 3) / 6. The caller frees the handle. Any thread. */
TenonStatus tenon_hard_swish_new(TenonContext context, TenonCell *cell, TenonError *error);

/** Makes a cell that applies relu6(x + 3) / 6. The caller frees the handle. Any thread. */
TenonStatus tenon_hard_sigmoid_new(TenonContext context, TenonCell *cell, TenonError *error);

/** Makes a cell that applies softmax along an axis (negative ones count from the last). The caller frees the handle. Any thread. */
TenonStatus tenon_softmax_new(TenonContext context, int64_t axis, TenonCell *cell, TenonError *error);

/** Makes a cell that applies log-softmax along an axis (negative ones count from the last). The caller frees the handle. Any thread. */
TenonStatus tenon_log_softmax_new(TenonContext context, int64_t axis, TenonCell *cell, TenonError *error);

/* ==== Optimizers ====================================================================================================
 */

/** Parameters that share hyperparameters. */
typedef struct TenonParameterGroup {
    /** The parameters. */
    const TenonParameter *parameters;
    /** How many. */
    size_t parameter_count;
    /** Names of hyperparameters that differ from the optimizer's options: "learning_rate". */
    const char *const *hyperparameters;
    /** Their values. */
    const double *values;
    /** How many hyperparameters. */
    size_t hyperparameter_count;
} TenonParameterGroup;

/** Options of tenon_sgd_new. */
typedef struct TenonSgdOptions {
    /** sizeof(TenonSgdOptions), set by tenon_sgd_options_init. */
    size_t struct_size;
    /** Set by the init function: zeros below are meant. Otherwise a field that is zero has its default. */
    bool is_filled;
    /** Looks ahead by the momentum; needs one, and no dampening. Default: false. */
    bool nesterov;
    /** Default: 0.1. */
    double learning_rate;
    /** Default: 0: no momentum is kept then, and there is no such hyperparameter, nor dampening. */
    double momentum;
    /** How much less than all of the gradient enters the momentum, from the second step on. Default: 0. */
    double dampening;
    /** Added to the gradient times the parameter. Default: 0. */
    double weight_decay;
    /**
     * Gradients are divided by it before anything else. Default: 0, gradients of an unscaled loss; there is no such
     * hyperparameter then.
     */
    double loss_scale;
    /**
     * Groups of parameters with hyperparameters of their own; they are then all that is trained. Default: NULL, one group
     * of the parameters of the network that require gradients.
     */
    const TenonParameterGroup *groups;
    /** How many. */
    size_t group_count;
} TenonSgdOptions;

/**
 * A formula that updates parameters from their gradients, with its state and its hyperparameters. Weight decay is that of
 * the group, for all of its parameters: none is spared because of its name.
 */
typedef struct TenonOptimizer {
    /** Says nothing to a host; never compute with it. All zero is no optimizer. */
    uint64_t id;
} TenonOptimizer;

/** Options of tenon_momentum_new. */
typedef struct TenonMomentumOptions {
    /** sizeof(TenonMomentumOptions), set by tenon_momentum_options_init. */
    size_t struct_size;
    /** Set by the init function: zeros below are meant. Otherwise a field that is zero has its default. */
    bool is_filled;
    /** Looks ahead by the momentum. Default: false. */
    bool nesterov;
    /** Default: 0.1. */
    double learning_rate;
    /** Default: 0.9. */
    double momentum;
    /** Added to the gradient times the parameter. Default: 0. */
    double weight_decay;
    /**
     * Gradients are divided by it before anything else. Default: 0, gradients of an unscaled loss; there is no such
     * hyperparameter then.
     */
    double loss_scale;
    /**
     * Groups of parameters with hyperparameters of their own; they are then all that is trained. Default: NULL, one group
     * of the parameters of the network that require gradients.
     */
    const TenonParameterGroup *groups;
    /** How many. */
    size_t group_count;
} TenonMomentumOptions;

/** Options of tenon_adam_new. */
typedef struct TenonAdamOptions {
    /** sizeof(TenonAdamOptions), set by tenon_adam_options_init. */
    size_t struct_size;
    /** Set by the init function: zeros below are meant. Otherwise a field that is zero has its default. */
    bool is_filled;
    /** Default: 0.001. */
    double learning_rate;
    /** Decay of the mean of gradients. Default: 0.9. */
    double beta1;
    /** Decay of the mean of squared gradients. Default: 0.999. */
    double beta2;
    /** Keeps the divisor from 0. Default: 1e-8. */
    double eps;
    /** Added to the gradient times the parameter. Default: 0. */
    double weight_decay;
    /**
     * Gradients are divided by it before anything else. Default: 0, gradients of an unscaled loss; there is no such
     * hyperparameter then.
     */
    double loss_scale;
    /**
     * Groups of parameters with hyperparameters of their own; they are then all that is trained. Default: NULL, one group
     * of the parameters of the network that require gradients.
     */
    const TenonParameterGroup *groups;
    /** How many. */
    size_t group_count;
} TenonAdamOptions;

/** Options of tenon_adamw_new. */
typedef struct TenonAdamWOptions {
    /** sizeof(TenonAdamWOptions), set by tenon_adamw_options_init. */
    size_t struct_size;
    /** Set by the init function: zeros below are meant. Otherwise a field that is zero has its default. */
    bool is_filled;
    /** Default: 0.001. */
    double learning_rate;
    /** Decay of the mean of gradients. Default: 0.9. */
    double beta1;
    /** Decay of the mean of squared gradients. Default: 0.999. */
    double beta2;
    /** Keeps the divisor from 0. Default: 1e-8. */
    double eps;
    /** The share of the parameter, times the learning rate, that each step takes away. Default: 0.01. */
    double weight_decay;
    /**
     * Gradients are divided by it before anything else. Default: 0, gradients of an unscaled loss; there is no such
     * hyperparameter then.
     */
    double loss_scale;
    /**
     * Groups of parameters with hyperparameters of their own; they are then all that is trained. Default: NULL, one group
     * of the parameters of the network that require gradients.
     */
    const TenonParameterGroup *groups;
    /** How many. */
    size_t group_count;
} TenonAdamWOptions;

/**
 * Fills options with the defaults. `size` is sizeof(TenonSgdOptions). Refuses NULL and a size that is no options
 * struct's.
 */
TenonStatus tenon_sgd_options_init(TenonSgdOptions *options, size_t size);

/**
 * Makes the optimizer SGD: w <- w - learning_rate g, where g is the gradient / loss_scale + weight_decay w. With
 * momentum: b <- momentum b + (1 - dampening) g, in the first step b <- g; w <- w - learning_rate b, or
 * w - learning_rate (g + momentum b) with nesterov.
 *
 * `net` is the network to train; NULL options are the defaults. Hyperparameters are the fields of the options by their
 * names; they are inputs of programs, so changing one never compiles again. The caller frees the handle.
 *
 * Fails with TENON_INVALID_ARGUMENT for a hyperparameter out of range and if there is nothing to train, with
 * TENON_ALREADY_EXISTS for a parameter that is there twice, with TENON_NOT_FOUND for an unknown hyperparameter of a
 * group. Any thread.
 */
TenonStatus tenon_sgd_new(TenonCell net, const TenonSgdOptions *options, TenonOptimizer *optimizer, TenonError *error);

/**
 * Fills options with the defaults. `size` is sizeof(TenonMomentumOptions). Refuses NULL and a size that is no options
 * struct's.
 */
TenonStatus tenon_momentum_options_init(TenonMomentumOptions *options, size_t size);

/**
 * Makes the optimizer Momentum: v <- momentum v + g; w <- w - learning_rate v, or w - learning_rate (g + momentum v) with
 * nesterov (Sutskever et al., 2013), where g is the gradient / loss_scale + weight_decay w.
 *
 * `net` is the network to train; NULL options are the defaults. Hyperparameters are the fields of the options by their
 * names; they are inputs of programs, so changing one never compiles again. The caller frees the handle.
 *
 * Fails with TENON_INVALID_ARGUMENT for a hyperparameter out of range and if there is nothing to train, with
 * TENON_ALREADY_EXISTS for a parameter that is there twice, with TENON_NOT_FOUND for an unknown hyperparameter of a
 * group. Any thread.
 */
TenonStatus tenon_momentum_new(TenonCell net, const TenonMomentumOptions *options, TenonOptimizer *optimizer,
    TenonError *error);

/**
 * Fills options with the defaults. `size` is sizeof(TenonAdamOptions). Refuses NULL and a size that is no options
 * struct's.
 */
TenonStatus tenon_adam_options_init(TenonAdamOptions *options, size_t size);

/**
 * Makes the optimizer Adam (Kingma & Ba, 2015): m <- beta1 m + (1 - beta1) g; v <- beta2 v + (1 - beta2) g^2;
 * w <- w - learning_rate / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps), where g is the gradient / loss_scale +
 * weight_decay w and t is 1 in the first step.
 *
 * `net` is the network to train; NULL options are the defaults. Hyperparameters are the fields of the options by their
 * names; they are inputs of programs, so changing one never compiles again. The caller frees the handle.
 *
 * Fails with TENON_INVALID_ARGUMENT for a hyperparameter out of range and if there is nothing to train, with
 * TENON_ALREADY_EXISTS for a parameter that is there twice, with TENON_NOT_FOUND for an unknown hyperparameter of a
 * group. Any thread.
 */
TenonStatus tenon_adam_new(TenonCell net, const TenonAdamOptions *options, TenonOptimizer *optimizer,
    TenonError *error);

/**
 * Fills options with the defaults. `size` is sizeof(TenonAdamWOptions). Refuses NULL and a size that is no options
 * struct's.
 */
TenonStatus tenon_adamw_options_init(TenonAdamWOptions *options, size_t size);

/**
 * Makes the optimizer AdamW (Loshchilov & Hutter, 2019): tenon_adam_new, but weight decay does not enter g:
 * w <- (1 - learning_rate weight_decay) w first.
 *
 * `net` is the network to train; NULL options are the defaults. Hyperparameters are the fields of the options by their
 * names; they are inputs of programs, so changing one never compiles again. The caller frees the handle.
 *
 * Fails with TENON_INVALID_ARGUMENT for a hyperparameter out of range and if there is nothing to train, with
 * TENON_ALREADY_EXISTS for a parameter that is there twice, with TENON_NOT_FOUND for an unknown hyperparameter of a
 * group. Any thread.
 */
TenonStatus tenon_adamw_new(TenonCell net, const TenonAdamWOptions *options, TenonOptimizer *optimizer,
    TenonError *error);

/**
 * Makes one step with gradients that the host has: one for each of tenon_optimizer_parameters, in that order and of their
 * dtypes and shapes. Allocates nothing after the first call.
 *
 * Fails with TENON_INVALID_ARGUMENT for another number of gradients, TENON_SHAPE_MISMATCH, or TENON_DTYPE_MISMATCH;
 * nothing has changed then. Steps of one optimizer come one after the other. Any thread.
 */
TenonStatus tenon_optimizer_apply(TenonOptimizer optimizer, const TenonTensor *gradients, size_t count,
    TenonError *error);

/**
 * Writes handles of the parameters that an optimizer updates now, those that require gradients, to `parameters`, which
 * has room for `capacity`, and their number to `count`: the first group's, then the second's. NULL with capacity 0 asks
 * for the number alone; another capacity that is too small is refused. The caller frees the handles. Any thread.
 */
TenonStatus tenon_optimizer_parameters(TenonOptimizer optimizer, TenonParameter *parameters, size_t capacity,
    size_t *count, TenonError *error);

/** Writes how many groups an optimizer has; without groups of the host there is one. Any thread. */
TenonStatus tenon_optimizer_group_count(TenonOptimizer optimizer, size_t *count, TenonError *error);

/**
 * Writes the present value of a hyperparameter of a group. Fails with TENON_NOT_FOUND for a group or a name that does not
 * exist; the text lists the names. Any thread.
 */
TenonStatus tenon_optimizer_hyperparameter(TenonOptimizer optimizer, size_t group, const char *name, double *value,
    TenonError *error);

/**
 * Sets a hyperparameter of all groups, from the next step on; nothing is recorded or compiled again. Waits for a step
 * that runs. Fails with TENON_NOT_FOUND for a name that does not exist, with TENON_INVALID_ARGUMENT for a value out of
 * range. Any thread.
 */
TenonStatus tenon_optimizer_set_hyperparameter(TenonOptimizer optimizer, const char *name, double value,
    TenonError *error);

/** tenon_optimizer_set_hyperparameter for one group. */
TenonStatus tenon_optimizer_set_group_hyperparameter(TenonOptimizer optimizer, size_t group, const char *name,
    double value, TenonError *error);

/**
 * Writes the name of the hyperparameter at a position, which every group has. The text goes to `text`, which has room for
 * `capacity` bytes, its length without the NUL to `length`. NULL with capacity 0 asks for the length alone; another
 * capacity that is too small is refused. Fails with TENON_NOT_FOUND beyond the last. Any thread.
 */
TenonStatus tenon_optimizer_hyperparameter_name(TenonOptimizer optimizer, size_t position, char *text, size_t capacity,
    size_t *length, TenonError *error);

/** Writes how many steps an optimizer has made. Any thread. */
TenonStatus tenon_optimizer_global_step(TenonOptimizer optimizer, uint64_t *step, TenonError *error);

/** Goes on as after this many steps, which bias corrections count. Waits for a step that runs. Any thread. */
TenonStatus tenon_optimizer_set_global_step(TenonOptimizer optimizer, uint64_t step, TenonError *error);

/**
 * The context that an optimizer was made in, or a zero handle if the optimizer's handle is bad. Nothing to free. Any
 * thread.
 */
TenonContext tenon_optimizer_context(TenonOptimizer optimizer);

/** Frees a handle of an optimizer; zero is a no-op. Training steps keep the optimizer. Any thread. */
TenonStatus tenon_optimizer_free(TenonOptimizer optimizer);

/* ==== Training steps ================================================================================================
 */

/** Options of tenon_train_step_new: none yet. */
typedef struct TenonTrainStepOptions {
    /** sizeof(TenonTrainStepOptions), set by tenon_train_step_options_init. */
    size_t struct_size;
} TenonTrainStepOptions;

/** A loss function and an optimizer as one compiled program: forward pass, gradients, update. */
typedef struct TenonTrainStep {
    /** Says nothing to a host; never compute with it. All zero is no training step. */
    uint64_t id;
} TenonTrainStep;

/**
 * Fills options with the defaults. `size` is sizeof(TenonTrainStepOptions). Refuses NULL and a size that is no options
 * struct's.
 */
TenonStatus tenon_train_step_options_init(TenonTrainStepOptions *options, size_t size);

/**
 * Makes a training step. Nothing is recorded yet. NULL options are the defaults.
 *
 * The loss is the function's first output, a float; of more than one element, their sum is meant. Other outputs come
 * along. Parameters that are trained are the optimizer's that require gradients. Cells are not switched to training:
 * that is tenon_cell_set_train's.
 *
 * The caller frees the step. Fails with TENON_INVALID_ARGUMENT if loss and optimizer are of different contexts. Any
 * thread.
 */
TenonStatus tenon_train_step_new(TenonFunction loss, TenonOptimizer optimizer, const TenonTrainStepOptions *options,
    TenonTrainStep *step, TenonError *error);

/**
 * Runs one whole training step: forward pass, gradients, update.
 *
 * `outputs` receives what the loss function returned, the loss first, in tensors of the step: the same handles each time
 * for inputs of the same dtypes and shapes, with new elements. Copy what is to be kept (tenon_tensor_read,
 * tenon_tensor_duplicate). Nothing is to be freed: the handles go with the step. A host that frees one gets a new one
 * from the next run. They are no inputs of the same step.
 *
 * On failure the parameters and the optimizer's state are what they were before the call, and `outputs` is untouched.
 * Allocates nothing after the first call with inputs of the same dtypes and shapes, as long as no cell or parameter
 * changes and no output is freed. Fails like tenon_function_call. Runs of one step come one after the other. Any thread.
 */
TenonStatus tenon_train_step_run(TenonTrainStep step, const TenonTensor *inputs, size_t input_count,
    TenonTensor *outputs, size_t output_count, TenonError *error);

/**
 * tenon_train_step_run with outputs in tensors of the host: of the right dtypes and shapes, row-major, and no inputs at
 * the same time.
 */
TenonStatus tenon_train_step_run_into(TenonTrainStep step, const TenonTensor *inputs, size_t input_count,
    const TenonTensor *outputs, size_t output_count, TenonError *error);

/**
 * Records and compiles a step for inputs of the dtypes and shapes of these tensors, so that the first run does not have
 * to; their elements do not matter. Fails like tenon_train_step_run. Any thread.
 */
TenonStatus tenon_train_step_prepare(TenonTrainStep step, const TenonTensor *inputs, size_t input_count,
    TenonError *error);

/** Writes how many programs were compiled for a step so far. Any thread. */
TenonStatus tenon_train_step_compilations(TenonTrainStep step, size_t *count, TenonError *error);

/** Writes the graph of a step and its compiled program, as tenon_function_describe does. */
TenonStatus tenon_train_step_describe(TenonTrainStep step, const TenonTensor *inputs, size_t input_count, char *text,
    size_t capacity, size_t *length, TenonError *error);

/** The context that a step was made in, or a zero handle if the step's handle is bad. Nothing to free. Any thread. */
TenonContext tenon_train_step_context(TenonTrainStep step);

/**
 * Frees a training step and the handles of its outputs; zero is a no-op. A run on another thread ends as it would have.
 * Any thread.
 */
TenonStatus tenon_train_step_free(TenonTrainStep step);

/* ==== Checkpoints ===================================================================================================
 */

/** Options of tenon_checkpoint_load. */
typedef struct TenonCheckpointLoadOptions {
    /** sizeof(TenonCheckpointLoadOptions), set by tenon_checkpoint_load_options_init. */
    size_t struct_size;
    /**
     * Names that are missing or left over are reported and no failures, and floats convert to floats, integers to
     * integers. Default: false, strict.
     */
    bool not_strict;
} TenonCheckpointLoadOptions;

/** What tenon_checkpoint_load found. */
typedef struct TenonLoadReport {
    /** Says nothing to a host; never compute with it. All zero is no report. */
    uint64_t id;
} TenonLoadReport;

/**
 * Saves the parameters of a cell to one safetensors file; with an optimizer all that is needed to go on with the same
 * bits as well: its state, its hyperparameters, and where the context's generators stand. A zero optimizer handle saves
 * the parameters alone.
 *
 * The file is written as a whole or not at all. Steps that run meanwhile may fall between two tensors: save between
 * steps. Fails with TENON_IO, TENON_OUT_OF_MEMORY, and TENON_INVALID_ARGUMENT for an optimizer of another context. Any
 * thread.
 */
TenonStatus tenon_checkpoint_save(TenonCell cell, TenonOptimizer optimizer, const char *path, TenonError *error);

/**
 * Fills options with the defaults. `size` is sizeof(TenonCheckpointLoadOptions). Refuses NULL and a size that is no
 * options struct's.
 */
TenonStatus tenon_checkpoint_load_options_init(TenonCheckpointLoadOptions *options, size_t size);

/**
 * Loads what tenon_checkpoint_save saved into a cell, and into an optimizer and the generators of its context. With a
 * zero optimizer handle, training state in the file is passed over. NULL options are the defaults.
 *
 * Everything is read and checked before anything changes: a failed load leaves all as it was. `report`, which may be
 * NULL, receives what was loaded, missing, and left over; the caller frees it.
 *
 * Fails with TENON_NOT_FOUND for a file that is not there, TENON_IO, TENON_FORMAT for a file that is damaged or is none,
 * TENON_SHAPE_MISMATCH, TENON_OUT_OF_MEMORY; with strict also with TENON_NOT_FOUND for names that are missing in the
 * file, TENON_INVALID_ARGUMENT for names that nothing wants, TENON_DTYPE_MISMATCH. Any thread.
 */
TenonStatus tenon_checkpoint_load(TenonCell cell, TenonOptimizer optimizer, const char *path,
    const TenonCheckpointLoadOptions *options, TenonLoadReport *report, TenonError *error);

/**
 * Writes how many tensors were loaded, how many names were wanted and missing in the file, and how many in the file
 * nothing wanted. Any thread.
 */
TenonStatus tenon_load_report_counts(TenonLoadReport report, size_t *loaded, size_t *missing, size_t *left_over,
    TenonError *error);

/**
 * Writes the name at a position among those that were missing in the file. The text goes to `text`, which has room for
 * `capacity` bytes, its length without the NUL to `length`. NULL with capacity 0 asks for the length alone; another
 * capacity that is too small is refused. Fails with TENON_NOT_FOUND beyond the last. Any thread.
 */
TenonStatus tenon_load_report_missing(TenonLoadReport report, size_t position, char *text, size_t capacity,
    size_t *length, TenonError *error);

/** tenon_load_report_missing for names in the file that nothing wanted. */
TenonStatus tenon_load_report_left_over(TenonLoadReport report, size_t position, char *text, size_t capacity,
    size_t *length, TenonError *error);

/** Frees a report; zero is a no-op. Any thread. */
TenonStatus tenon_load_report_free(TenonLoadReport report);

#ifdef __cplusplus
}
#endif

#endif /* TENON_H */
