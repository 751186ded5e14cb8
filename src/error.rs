//! Statuses and errors: one code for a host to decide on, one text for a person to mend the cause.

use std::fmt;

/// What became of a call. Numbers are part of the C ABI: they are appended to and never change.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// The call did what it says.
    Ok = 0,
    /// An argument lies outside what the function accepts.
    InvalidArgument = 1,
    /// A handle is zero, freed, of another kind, or not of this library.
    InvalidHandle = 2,
    /// Shapes do not fit together.
    ShapeMismatch = 3,
    /// Dtypes do not fit together, or the operation is not defined for this dtype.
    DtypeMismatch = 4,
    /// Nothing has this name or position.
    NotFound = 5,
    /// The name is taken.
    AlreadyExists = 6,
    /// A gradient was asked for through an operation that has none.
    NotDifferentiable = 7,
    /// Meaningful, but not available in this build or on this device.
    Unsupported = 8,
    /// Memory could not be had, or the context's cap would be passed.
    OutOfMemory = 9,
    /// The object is in use by a call that does not permit this one.
    Busy = 10,
    /// The host cancelled the run.
    Cancelled = 11,
    /// An earlier internal failure left the object unusable.
    Poisoned = 12,
    /// The operating system refused a file operation.
    Io = 13,
    /// A file or buffer is not what it should be.
    Format = 14,
    /// The device or its driver failed.
    Device = 15,
    /// A host callback returned a status other than OK.
    CallbackFailed = 16,
    /// A defect of the library. Please report the text.
    Internal = 17,
}

impl Status {
    /// The status of this number, if this version has one.
    pub fn from_code(code: i32) -> Option<Status> {
        use Status::*;
        [
            Ok,
            InvalidArgument,
            InvalidHandle,
            ShapeMismatch,
            DtypeMismatch,
            NotFound,
            AlreadyExists,
            NotDifferentiable,
            Unsupported,
            OutOfMemory,
            Busy,
            Cancelled,
            Poisoned,
            Io,
            Format,
            Device,
            CallbackFailed,
            Internal,
        ]
        .into_iter()
        .find(|status| *status as i32 == code)
    }
}

/// A failure: its code and a text that says what to mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    status: Status,
    message: String,
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub fn new(status: Status, message: impl Into<String>) -> Error {
        debug_assert!(status != Status::Ok);
        Error { status, message: message.into() }
    }
    pub fn invalid(message: impl Into<String>) -> Error {
        Error::new(Status::InvalidArgument, message)
    }
    pub fn shape(message: impl Into<String>) -> Error {
        Error::new(Status::ShapeMismatch, message)
    }
    pub fn dtype(message: impl Into<String>) -> Error {
        Error::new(Status::DtypeMismatch, message)
    }
    pub fn unsupported(message: impl Into<String>) -> Error {
        Error::new(Status::Unsupported, message)
    }
    pub fn internal(message: impl Into<String>) -> Error {
        Error::new(Status::Internal, message)
    }
    pub fn status(&self) -> Status {
        self.status
    }
    pub fn message(&self) -> &str {
        &self.message
    }
    /// The same failure with `prefix: ` before its text, for a caller that knows where it happened.
    pub fn within(mut self, prefix: &str) -> Error {
        if !prefix.is_empty() {
            self.message = format!("{prefix}: {}", self.message);
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
