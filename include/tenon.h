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
 *   struct_size and what differs: a field that is zero has its default. NULL options are all defaults.
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

/** How a context is made. */
typedef struct TenonContextOptions {
    /** sizeof(TenonContextOptions), set by tenon_context_options_init. */
    size_t struct_size;
    /** What all random numbers of the context follow from: same seed, same numbers. Default: 0. */
    uint64_t seed;
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
 * with tenon_context_free. Any thread.
 */
TenonStatus tenon_context_new(const TenonContextOptions *options, TenonContext *context, TenonError *error);

/**
 * Frees a context and everything that was made in it, in whatever order it was made; a zero handle is a no-op. All
 * their handles answer TENON_INVALID_HANDLE from now on, TENON_INVALID_HANDLE is also the answer to a context that is
 * not there. Calls that run on other threads go on and end as they would have; what they hold is freed when they
 * return. Any thread.
 */
TenonStatus tenon_context_free(TenonContext context);

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

#ifdef __cplusplus
}
#endif

#endif /* TENON_H */
