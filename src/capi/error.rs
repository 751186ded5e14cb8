//! The one boundary that every exported function stands behind, and how a failure reaches the host.

use crate::capi::once::Action;
use crate::error::{Error, Result, Status};
use std::any::Any;
use std::ffi::{c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What became of a call: one of the `TENON_...` statuses below. Numbers are appended to and never change; a host must
/// expect numbers that it does not know yet and treat them as failures.
pub type TenonStatus = i32;

/// The call did what it says.
pub const TENON_OK: TenonStatus = 0;
/// An argument lies outside what the function accepts.
pub const TENON_INVALID_ARGUMENT: TenonStatus = 1;
/// A handle is zero, freed, of another kind, or not of this library.
pub const TENON_INVALID_HANDLE: TenonStatus = 2;
/// Shapes do not fit together.
pub const TENON_SHAPE_MISMATCH: TenonStatus = 3;
/// Dtypes do not fit together, or the operation is not defined for this dtype.
pub const TENON_DTYPE_MISMATCH: TenonStatus = 4;
/// Nothing has this name or position.
pub const TENON_NOT_FOUND: TenonStatus = 5;
/// The name is taken.
pub const TENON_ALREADY_EXISTS: TenonStatus = 6;
/// A gradient was asked for through an operation that has none.
pub const TENON_NOT_DIFFERENTIABLE: TenonStatus = 7;
/// Meaningful, but not available in this build or on this device.
pub const TENON_UNSUPPORTED: TenonStatus = 8;
/// Memory could not be had, or the context's cap would be passed.
pub const TENON_OUT_OF_MEMORY: TenonStatus = 9;
/// The object is in use by a call that does not permit this one.
pub const TENON_BUSY: TenonStatus = 10;
/// The host cancelled the run.
pub const TENON_CANCELLED: TenonStatus = 11;
/// An earlier internal failure left the object unusable. Free it.
pub const TENON_POISONED: TenonStatus = 12;
/// The operating system refused a file operation.
pub const TENON_IO: TenonStatus = 13;
/// A file or buffer is not what it should be.
pub const TENON_FORMAT: TenonStatus = 14;
/// The device or its driver failed.
pub const TENON_DEVICE: TenonStatus = 15;
/// A host callback returned a status other than TENON_OK.
pub const TENON_CALLBACK_FAILED: TenonStatus = 16;
/// A defect of the library. Please report the text.
pub const TENON_INTERNAL: TenonStatus = 17;

/// Why a call failed. The caller owns it: a plain struct on the stack or anywhere else, nothing to initialise, nothing
/// to free. Every function that takes one takes NULL too. A call that succeeds sets the status to TENON_OK and the
/// message to the empty text.
///
/// Not synchronised: calls that run at the same time take different structs.
#[repr(C)]
pub struct TenonError {
    /// The status that the call returned.
    pub status: TenonStatus,
    /// What went wrong and what would mend it: UTF-8, ends with a NUL, cut off behind a whole character if too long.
    pub message: [c_char; 1020],
}

/// The host's function that is called once, on any thread, when the user pointer of a callback is needed no more; NULL
/// if there is nothing to do.
pub type TenonDropFunction = Option<extern "C" fn(user: *mut c_void)>;

/// Runs the body of an exported function that answers with a status.
///
/// `error` is what the host passed: NULL, or room for a [`TenonError`] that may be uninitialised.
///
/// A panic is a defect of the library. It becomes `TENON_INTERNAL` with the panic's text, and variables that a run was
/// writing answer `TENON_POISONED` from then on. The panic also reaches Rust's default hook, which writes text
/// and place to stderr. That is the only thing the library ever writes there, and deliberately left so: a hook is
/// process state, would replace that of a host written in Rust, and the place is what a report needs. Failures that
/// Rust cannot unwind from still end the process: a small allocation that fails (tensors, arenas, and tables allocate
/// fallibly and answer `TENON_OUT_OF_MEMORY`), a stack that overflows, and a panic of a destructor during unwinding.
pub fn boundary(error: *mut TenonError, body: impl FnOnce() -> Result<()>) -> TenonStatus {
    boundary_of(error, Action::new(&mut Some(body)))
}

/// Once in the library: hundreds of functions cross here.
#[inline(never)]
fn boundary_of(error: *mut TenonError, mut body: Action) -> TenonStatus {
    let failure = match catch_unwind(AssertUnwindSafe(|| body.call())) {
        Ok(Ok(())) => {
            // SAFETY: the host passes NULL or room for a TenonError.
            unsafe { report(error, Status::Ok, "") };
            return TENON_OK;
        }
        Ok(Err(failure)) => failure,
        Err(payload) => from_panic(payload),
    };
    // SAFETY: as above.
    unsafe { report(error, failure.status(), failure.message()) };
    failure.status() as TenonStatus
}

/// Runs the body of an exported function that has no room for a status and answers with a plain value; `default` is the
/// answer to every failure. Functions whose failure a host must tell from a value use [`boundary`].
pub fn boundary_value<T>(default: T, body: impl FnOnce() -> Result<T>) -> T {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(value)) => value,
        Ok(Err(_)) => default,
        Err(payload) => {
            from_panic(payload);
            default
        }
    }
}

/// The status that crosses the boundary for this result of a call without a `TenonError`.
pub fn boundary_status(body: impl FnOnce() -> Result<()>) -> TenonStatus {
    boundary(std::ptr::null_mut(), body)
}

/// The error that a panic of the library becomes.
pub(super) fn from_panic(payload: Box<dyn Any + Send>) -> Error {
    let text = match payload.downcast::<&'static str>() {
        Ok(text) => text.to_string(),
        Err(payload) => match payload.downcast::<String>() {
            Ok(text) => *text,
            Err(payload) => {
                // A payload of a foreign type may panic in its destructor, outside of any net.
                std::mem::forget(payload);
                "a panic without a text".to_string()
            }
        },
    };
    Error::internal(format!("defect of the library, please report: {text}"))
}

/// Fills the host's struct. Writes bytes, so neither uninitialised memory nor a misaligned pointer matters.
///
/// # Safety
/// `error` is NULL or valid for writes of a whole `TenonError`.
unsafe fn report(error: *mut TenonError, status: Status, message: &str) {
    if error.is_null() {
        return;
    }
    let capacity = size_of::<TenonError>() - std::mem::offset_of!(TenonError, message);
    let length = message.floor_char_boundary(capacity - 1);
    // SAFETY: the caller vouches for the struct; `length` is smaller than the room for the text, so the NUL fits behind
    // it.
    unsafe {
        (&raw mut (*error).status).write_unaligned(status as TenonStatus);
        let text = (&raw mut (*error).message).cast::<u8>();
        text.copy_from_nonoverlapping(message.as_ptr(), length);
        // A NUL inside (a name with one can't come through the boundary, a path of a file system might) would hide the
        // rest.
        for index in 0..length {
            if *text.add(index) == 0 {
                *text.add(index) = b' ';
            }
        }
        *text.add(length) = 0;
    }
}

/// The name of a status in the header, for every status of this version.
pub const STATUS_NAMES: [&std::ffi::CStr; 18] = [
    c"TENON_OK",
    c"TENON_INVALID_ARGUMENT",
    c"TENON_INVALID_HANDLE",
    c"TENON_SHAPE_MISMATCH",
    c"TENON_DTYPE_MISMATCH",
    c"TENON_NOT_FOUND",
    c"TENON_ALREADY_EXISTS",
    c"TENON_NOT_DIFFERENTIABLE",
    c"TENON_UNSUPPORTED",
    c"TENON_OUT_OF_MEMORY",
    c"TENON_BUSY",
    c"TENON_CANCELLED",
    c"TENON_POISONED",
    c"TENON_IO",
    c"TENON_FORMAT",
    c"TENON_DEVICE",
    c"TENON_CALLBACK_FAILED",
    c"TENON_INTERNAL",
];

/// The name of a status as it stands in this header: "TENON_SHAPE_MISMATCH", or "unknown status" for a number that this
/// version does not have. The text is static: never free it. Cannot fail. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_status_name(status: TenonStatus) -> *const c_char {
    usize::try_from(status).ok().and_then(|index| STATUS_NAMES.get(index)).unwrap_or(&c"unknown status").as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;
    use std::mem::MaybeUninit;

    fn text(error: &TenonError) -> &str {
        // SAFETY: every path through `report` ends the text.
        unsafe { CStr::from_ptr(error.message.as_ptr()) }.to_str().unwrap()
    }

    fn run(body: impl FnOnce() -> Result<()>) -> (TenonStatus, Box<TenonError>) {
        let mut error = Box::new(MaybeUninit::<TenonError>::uninit());
        // Garbage, as a host's stack would have it. SAFETY: plain bytes are a TenonError.
        unsafe { error.as_mut_ptr().cast::<u8>().write_bytes(0xA5, size_of::<TenonError>()) };
        let status = boundary(error.as_mut_ptr(), body);
        // SAFETY: all bytes are written.
        (status, unsafe { error.assume_init() })
    }

    #[test]
    fn the_struct_has_the_size_that_the_header_promises() {
        assert_eq!(size_of::<TenonError>(), 1024);
        assert_eq!(align_of::<TenonError>(), 4);
    }

    #[test]
    fn success_clears_the_struct() {
        let (status, error) = run(|| Ok(()));
        assert_eq!((status, error.status, text(&error)), (TENON_OK, TENON_OK, ""));
    }

    #[test]
    fn failure_carries_status_and_text_and_null_is_fine() {
        let (status, error) = run(|| Err(Error::shape("784 is not 512")));
        assert_eq!((status, error.status, text(&error)), (TENON_SHAPE_MISMATCH, TENON_SHAPE_MISMATCH, "784 is not 512"));
        assert_eq!(boundary(std::ptr::null_mut(), || Err(Error::shape(""))), TENON_SHAPE_MISMATCH);
    }

    #[test]
    fn long_texts_are_cut_behind_a_whole_character() {
        for (unit, bytes) in [("a", 1019), ("ä", 1018), ("語", 1017), ("𝔸", 1016)] {
            let (_, error) = run(|| Err(Error::invalid(unit.repeat(1100))));
            assert_eq!(text(&error).len(), bytes);
            assert!(text(&error).starts_with(unit));
        }
    }

    #[test]
    fn a_nul_inside_does_not_hide_the_rest() {
        let (_, error) = run(|| Err(Error::invalid("one\0two")));
        assert_eq!(text(&error), "one two");
    }

    #[test]
    fn panics_become_internal() {
        struct Foreign;
        impl Drop for Foreign {
            fn drop(&mut self) {
                panic!("must not run");
            }
        }
        let (status, error) = run(|| std::panic::resume_unwind(Box::new("static text")));
        assert_eq!(status, TENON_INTERNAL);
        assert!(text(&error).ends_with("static text"));
        let (status, error) = run(|| std::panic::resume_unwind(Box::new(format!("text {}", 7))));
        assert_eq!(status, TENON_INTERNAL);
        assert!(text(&error).ends_with("text 7"));
        let (status, error) = run(|| std::panic::resume_unwind(Box::new(Foreign)));
        assert_eq!(status, TENON_INTERNAL);
        assert!(!text(&error).is_empty());
        assert_eq!(boundary_value(7, || std::panic::resume_unwind(Box::new(1))), 7);
        assert_eq!(boundary_value(7, || Err(Error::invalid("no"))), 7);
        assert_eq!(boundary_value(7, || Ok(8)), 8);
    }

    #[test]
    fn the_numbers_of_the_header_are_those_of_the_library() {
        let pairs = [
            (TENON_OK, Status::Ok),
            (TENON_INVALID_ARGUMENT, Status::InvalidArgument),
            (TENON_INVALID_HANDLE, Status::InvalidHandle),
            (TENON_SHAPE_MISMATCH, Status::ShapeMismatch),
            (TENON_DTYPE_MISMATCH, Status::DtypeMismatch),
            (TENON_NOT_FOUND, Status::NotFound),
            (TENON_ALREADY_EXISTS, Status::AlreadyExists),
            (TENON_NOT_DIFFERENTIABLE, Status::NotDifferentiable),
            (TENON_UNSUPPORTED, Status::Unsupported),
            (TENON_OUT_OF_MEMORY, Status::OutOfMemory),
            (TENON_BUSY, Status::Busy),
            (TENON_CANCELLED, Status::Cancelled),
            (TENON_POISONED, Status::Poisoned),
            (TENON_IO, Status::Io),
            (TENON_FORMAT, Status::Format),
            (TENON_DEVICE, Status::Device),
            (TENON_CALLBACK_FAILED, Status::CallbackFailed),
            (TENON_INTERNAL, Status::Internal),
        ];
        assert_eq!(pairs.len(), STATUS_NAMES.len());
        for (position, (number, status)) in pairs.into_iter().enumerate() {
            assert_eq!(number, status as i32);
            assert_eq!(number as usize, position);
            let name = STATUS_NAMES[position].to_str().unwrap();
            let spelled: String =
                name.trim_start_matches("TENON_").split('_').map(|word| word[..1].to_string() + &word[1..].to_lowercase()).collect();
            assert_eq!(spelled, format!("{status:?}"));
        }
        for unknown in [-1, 18, i32::MIN, i32::MAX] {
            // SAFETY: a static text.
            assert_eq!(unsafe { CStr::from_ptr(tenon_status_name(unknown)) }, c"unknown status");
        }
    }
}
