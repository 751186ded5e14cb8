//! What a host passes, checked once and in one way: slices, texts, truth values, options, outputs, callbacks.
//!
//! Every helper takes the argument's name in the header, so that the text of a refusal says which one to mend. None of
//! them reads or writes memory before the checks passed; what no check can see (a pointer to too little memory) is the
//! host's duty.

use crate::capi::error::{TENON_OK, TenonDropFunction, TenonStatus};
use crate::capi::handle::{Handle, Owner};
use crate::capi::tensor::TenonTensor;
use crate::error::{Error, Result, Status};
use crate::tensor::Tensor;
use std::alloc::Layout;
use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;

/// Types that may cross the boundary in memory: any bit pattern is a value, and there is nothing to drop.
///
/// # Safety
/// Both must hold, for all fields of a struct. Rust's `bool` and enums do not qualify: see [`CBool`] and the
/// `from_code` functions.
pub unsafe trait Plain: Copy + 'static {}

macro_rules! plain {
    ($($ty:ty)*) => {$(
        // SAFETY: numbers.
        unsafe impl Plain for $ty {}
    )*};
}
plain!(u8 i8 u16 i16 u32 i32 u64 i64 usize isize f32 f64 CBool);
// SAFETY: an address is only a number until it is used.
unsafe impl<T: 'static> Plain for *const T {}
// SAFETY: as above.
unsafe impl<T: 'static> Plain for *mut T {}

macro_rules! plain_functions {
    ($(($($argument:ident)*))*) => {$(
        // SAFETY: NULL or an address, which is only a number until it is called.
        unsafe impl<R: 'static, $($argument: 'static),*> Plain for Option<extern "C" fn($($argument),*) -> R> {}
    )*};
}
plain_functions!((A) (A B) (A B C) (A B C D) (A B C D E));

// SAFETY: as its elements.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

/// C's `bool`. A host in a language without it may leave any byte there, which would be undefined in Rust's own `bool`.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CBool(u8);

impl CBool {
    pub const FALSE: CBool = CBool(0);

    pub const fn new(value: bool) -> CBool {
        CBool(value as u8)
    }
    /// Any byte but zero is true.
    pub const fn get(self) -> bool {
        self.0 != 0
    }
}

impl From<bool> for CBool {
    fn from(value: bool) -> CBool {
        CBool::new(value)
    }
}

fn check_pointer<T>(pointer: *const T, length: usize, name: &str) -> Result<()> {
    check_address(pointer.addr(), length, Layout::new::<T>(), name)
}

/// [`check_pointer`], once for all types.
fn check_address(address: usize, length: usize, element: Layout, name: &str) -> Result<()> {
    if length == 0 {
        return Ok(());
    }
    if address == 0 {
        return Err(Error::invalid(format!("{name} is NULL but has length {length}")));
    }
    if length.checked_mul(element.size()).is_none_or(|bytes| bytes > isize::MAX as usize) {
        return Err(Error::invalid(format!("{name} has length {length}, which no memory holds")));
    }
    if !address.is_multiple_of(element.align()) {
        return Err(Error::invalid(format!("{name} is not aligned to {} bytes", element.align())));
    }
    Ok(())
}

/// The `length` elements at `pointer`; NULL is permitted with length 0. Lives as long as the call that it was passed
/// to: the result must not be kept.
pub fn slice<'a, T: Plain>(pointer: *const T, length: usize, name: &str) -> Result<&'a [T]> {
    check_pointer(pointer, length, name)?;
    if length == 0 {
        return Ok(&[]);
    }
    // SAFETY: not NULL, aligned, within the address space; that as many elements lie there and stay unchanged during
    // the call is the host's promise.
    Ok(unsafe { std::slice::from_raw_parts(pointer, length) })
}

/// The `length` bytes at `pointer`, of whatever type.
pub fn bytes<'a>(pointer: *const c_void, length: usize, name: &str) -> Result<&'a [u8]> {
    slice(pointer.cast::<u8>(), length, name)
}

/// The `length` bytes at `pointer`, to be written over.
pub fn bytes_mut<'a>(pointer: *mut c_void, length: usize, name: &str) -> Result<&'a mut [u8]> {
    check_pointer(pointer.cast::<u8>(), length, name)?;
    if length == 0 {
        return Ok(&mut []);
    }
    // SAFETY: as in `slice`; that nothing else uses the memory during the call is the host's promise. Memory of a host
    // is never uninitialised in Rust's sense: it comes from outside of the program that the compiler sees.
    Ok(unsafe { std::slice::from_raw_parts_mut(pointer.cast::<u8>(), length) })
}

/// One struct that must be there.
pub fn reference<'a, T: Plain>(pointer: *const T, name: &str) -> Result<&'a T> {
    required(pointer, name)?;
    Ok(&slice(pointer, 1, name)?[0])
}

fn required<T>(pointer: *const T, name: &str) -> Result<()> {
    if pointer.is_null() { Err(missing(name)) } else { Ok(()) }
}

fn missing(name: &str) -> Error {
    Error::invalid(format!("{name} is NULL"))
}

/// The longest text that is accepted, in bytes: enough for any path or name, and a bound for a text whose NUL is
/// missing.
pub const MOST_TEXT: usize = 65_535;

/// A text that must be there: UTF-8 that ends with NUL.
pub fn text<'a>(pointer: *const c_char, name: &str) -> Result<&'a str> {
    required(pointer, name)?;
    // SAFETY: not NULL; that it ends with NUL or reaches over `MOST_TEXT` bytes is the host's promise. strnlen reads no
    // further than the NUL.
    let bytes = unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), libc::strnlen(pointer, MOST_TEXT + 1)) };
    if bytes.len() > MOST_TEXT {
        return Err(Error::invalid(format!("{name} is longer than {MOST_TEXT} bytes, or lacks its NUL")));
    }
    std::str::from_utf8(bytes).map_err(|error| Error::invalid(format!("{name} is not UTF-8 at byte {}", error.valid_up_to())))
}

/// A text, or nothing where the host passes NULL.
pub fn optional_text<'a>(pointer: *const c_char, name: &str) -> Result<Option<&'a str>> {
    if pointer.is_null() { Ok(None) } else { text(pointer, name).map(Some) }
}

/// A size or count that crossed as a signed number.
pub fn size(value: i64, name: &str) -> Result<usize> {
    usize::try_from(value).map_err(|_| Error::invalid(format!("{name} is {value}, which is no size")))
}

/// The objects behind `length` handles, in place of what `objects` held. Keeps the vector's memory: calls that must not
/// allocate keep the vector.
pub fn objects_into<H: Handle>(pointer: *const H, length: usize, name: &str, objects: &mut Vec<H::Object>) -> Result<()> {
    objects.clear();
    let handles = slice(pointer, length, name)?;
    objects
        .try_reserve(handles.len())
        .map_err(|_| Error::new(Status::OutOfMemory, format!("there is no memory to look {length} {name} up")))?;
    for (index, handle) in handles.iter().enumerate() {
        match handle.get() {
            Ok(object) => objects.push(object),
            Err(error) => {
                objects.clear();
                return Err(error.within(&format!("{name}[{index}]")));
            }
        }
    }
    Ok(())
}

/// The objects behind `length` handles.
pub fn objects<H: Handle>(pointer: *const H, length: usize, name: &str) -> Result<Vec<H::Object>> {
    let mut objects = Vec::new();
    objects_into(pointer, length, name, &mut objects)?;
    Ok(objects)
}

/// As many tensors are looked up on the stack; more take a vector.
const STACK_TENSORS: usize = 64;

/// Runs `body` with the tensors behind `length` handles. Allocates nothing for up to 64 of them.
pub fn with_tensors<R>(pointer: *const TenonTensor, length: usize, name: &str, body: impl FnOnce(&[&Tensor]) -> Result<R>) -> Result<R> {
    let handles = slice(pointer, length, name)?;
    if handles.len() > STACK_TENSORS {
        let tensors = objects(pointer, length, name)?;
        return body(&tensors.iter().collect::<Vec<_>>());
    }
    let mut tensors = [const { None }; STACK_TENSORS];
    for (index, (tensor, handle)) in tensors.iter_mut().zip(handles).enumerate() {
        *tensor = Some(handle.get().map_err(|error| error.within(&format!("{name}[{index}]")))?);
    }
    let Some(first) = &tensors[0] else { return body(&[]) };
    let mut references = [first; STACK_TENSORS];
    for (reference, tensor) in references.iter_mut().zip(tensors.iter().flatten()) {
        *reference = tensor;
    }
    body(&references[..handles.len()])
}

/// Where one result goes. Checked at the start of a call, written at its end and only on success.
#[must_use]
pub struct Out<T: Plain> {
    pointer: *mut T,
}

impl<T: Plain> Out<T> {
    /// An output that must be there.
    pub fn new(pointer: *mut T, name: &str) -> Result<Out<T>> {
        required(pointer, name)?;
        check_pointer(pointer, 1, name)?;
        Ok(Out { pointer })
    }
    /// An output that the host may decline with NULL.
    pub fn optional(pointer: *mut T, name: &str) -> Result<Option<Out<T>>> {
        if pointer.is_null() { Ok(None) } else { Out::new(pointer, name).map(Some) }
    }
    /// Writes the result. The last thing that a call does.
    pub fn put(self, value: T) {
        self.put_at(value);
    }
    pub(super) fn put_at(&self, value: T) {
        // SAFETY: not NULL and aligned; that it points to room for a T is the host's promise.
        unsafe { self.pointer.write(value) }
    }
}

/// Where a struct of results goes that later versions append fields to: its first field is its size, and the host says how many bytes it
/// has room for.
#[must_use]
pub struct OutStruct<T: Plain> {
    pointer: *mut T,
    size: usize,
}

impl<T: Plain> OutStruct<T> {
    pub fn new(pointer: *mut T, size: usize, name: &str) -> Result<OutStruct<T>> {
        required(pointer, name)?;
        if !(size_of::<usize>()..=MOST_OPTIONS).contains(&size) {
            return Err(Error::invalid(format!("{size} bytes are not the size of the struct behind {name}: pass sizeof *{name}")));
        }
        Ok(OutStruct { pointer, size })
    }
    /// Writes as much of the result as there is room for, zeros behind it, and in front how many bytes are the result. The last thing that
    /// a call does.
    pub fn put(self, value: T) {
        let known = size_of::<T>().min(self.size);
        let target = self.pointer.cast::<u8>();
        // SAFETY: the host's struct has `size` bytes, which nothing says to be aligned.
        unsafe {
            target.copy_from_nonoverlapping((&raw const value).cast::<u8>(), known);
            target.add(known).write_bytes(0, self.size - known);
            target.cast::<usize>().write_unaligned(known);
        }
    }
}

/// Where several results go. Checked at the start of a call, written at its end and only on success.
#[must_use]
pub struct OutSlice<T: Plain> {
    pointer: *mut T,
    length: usize,
}

impl<T: Plain> OutSlice<T> {
    /// Room for `length` results; NULL is permitted with length 0.
    pub fn new(pointer: *mut T, length: usize, name: &str) -> Result<OutSlice<T>> {
        check_pointer(pointer, length, name)?;
        Ok(OutSlice { pointer, length })
    }
    pub fn len(&self) -> usize {
        self.length
    }
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
    /// Refuses a number of outputs that is not what the call gives.
    pub fn expect(self, length: usize, name: &str) -> Result<OutSlice<T>> {
        if self.length == length {
            Ok(self)
        } else {
            Err(Error::invalid(format!("{name} has length {}, but the call gives {length}", self.length)))
        }
    }
    /// Writes the results. The last thing that a call does. Fails without writing if there are more than fit.
    pub fn put(self, values: &[T]) -> Result<()> {
        if values.len() > self.length {
            return Err(Error::invalid(format!("{} results do not fit an output of length {}", values.len(), self.length)));
        }
        // SAFETY: checked in `new`; that as much room lies there is the host's promise. The host might have passed an
        // overlapping input: `copy` permits it.
        unsafe { self.pointer.copy_from(values.as_ptr(), values.len()) }
        Ok(())
    }
    pub(super) fn put_at(&self, index: usize, value: T) {
        assert!(index < self.length);
        // SAFETY: within the slice that was checked in `new`.
        unsafe { self.pointer.add(index).write(value) }
    }
}

/// Writes a list whose length the host may not know: the length to `count` and the values to `values`. NULL with
/// capacity 0 asks for the length alone; any other capacity that is too small is refused.
pub fn put_list<T: Plain>(values: OutSlice<T>, count: Out<usize>, list: &[T], name: &str) -> Result<()> {
    let capacity = values.len();
    if capacity > 0 {
        if capacity < list.len() {
            return Err(Error::invalid(format!("{name} has room for {capacity}, but there are {}", list.len())));
        }
        values.put(list)?;
    }
    count.put(list.len());
    Ok(())
}

/// Makes a handle of each object of a list whose length the host may not know, like [`put_list`]: without room (NULL with
/// capacity 0) it asks for the length alone.
pub fn put_new_list<H: Handle>(
    handles: *mut H,
    capacity: usize,
    count: *mut usize,
    owner: Owner,
    objects: Vec<H::Object>,
    name: &str,
) -> Result<()> {
    let room = OutSlice::new(handles, capacity, name)?;
    let (count, length) = (Out::new(count, "count")?, objects.len());
    if !room.is_empty() {
        if capacity < length {
            return Err(Error::invalid(format!("{name} has room for {capacity}, but there are {length}")));
        }
        OutSlice::new(handles, length, name)?.put_new(owner, objects)?;
    }
    count.put(length);
    Ok(())
}

/// Writes a text and its NUL to the host's `capacity` bytes at `text`, and its length without the NUL to `length`. NULL
/// with capacity 0 asks for the length alone; any other capacity that is too small is refused.
pub fn put_text(text: OutSlice<c_char>, length: Out<usize>, value: &str, name: &str) -> Result<()> {
    let capacity = text.len();
    if capacity > 0 {
        let bytes = value.len() + 1;
        if capacity < bytes {
            return Err(Error::invalid(format!("{name} has room for {capacity} bytes, but the text and its NUL have {bytes}")));
        }
        for (index, byte) in value.bytes().chain(std::iter::once(0)).enumerate() {
            text.put_at(index, byte as c_char);
        }
    }
    length.put(value.len());
    Ok(())
}

/// A struct of options: `#[repr(C)]`, `struct_size: usize` first, then [`Plain`] fields that are appended to and never
/// change.
///
/// A field that is zero has its default: either zero *is* the default (so a truth value is named for what is not the
/// default), or [`Options::fill_defaults`] replaces it. A designated initialiser that names one field is complete. Where
/// a host may mean zero itself, the struct has a field `is_filled`, which the init function sets: in a struct that it
/// filled, zeros are meant. Implemented with [`options!`].
///
/// # Safety
/// All of that, and `FIELD_ENDS` lists the offset behind each field.
pub unsafe trait Options: Copy + 'static {
    const NAME: &'static str;
    const FIELD_ENDS: &'static [usize];
    /// Replaces every zero that stands for a default.
    fn fill_defaults(&mut self);
}

/// Makes a struct an [`Options`]: `options!(TenonDropoutOptions { keep_prob } |options| if options.keep_prob == 0.0 {
/// options.keep_prob = 0.5 });` with the fields behind `struct_size`, all of them, in order.
macro_rules! options {
    ($name:ident { $($field:ident),* $(,)? } |$options:ident| $defaults:expr) => {
        const _: () = {
            const fn end<S, F: $crate::capi::arguments::Plain>(_: fn(&S) -> &F, offset: usize) -> usize {
                offset + size_of::<F>()
            }
            const ENDS: &[usize] = &[
                end(|options: &$name| &options.struct_size, std::mem::offset_of!($name, struct_size)),
                $(end(|options: &$name| &options.$field, std::mem::offset_of!($name, $field)),)*
            ];
            // The list is that of the struct: nothing forgotten, in order.
            #[allow(dead_code)]
            fn complete(options: $name) {
                let $name { struct_size: _, $($field: _),* } = options;
            }
            let mut index = 1;
            assert!(ENDS[0] == size_of::<usize>());
            while index < ENDS.len() {
                assert!(ENDS[index] > ENDS[index - 1], "options! lists the fields in their order");
                index += 1;
            }
            // SAFETY: the fields are Plain (`end` asks for it) and the ends are computed from the struct.
            unsafe impl $crate::capi::arguments::Options for $name {
                const NAME: &'static str = stringify!($name);
                const FIELD_ENDS: &'static [usize] = ENDS;
                fn fill_defaults(&mut self) {
                    let $options = self;
                    $defaults
                }
            }
        };
    };
}

pub(crate) use options;

/// No options struct is ever this large: a larger `struct_size` is memory that was not initialised.
const MOST_OPTIONS: usize = 4096;

/// The options that the host passed, complete: NULL is all defaults, a shorter struct (of a host that was compiled
/// against an older header) has defaults for what it lacks, a longer one (of a newer header) is accepted as long as it
/// asks for nothing that this version does not know.
pub fn read_options<T: Options>(pointer: *const T) -> Result<T> {
    let mut options = MaybeUninit::<T>::zeroed();
    // SAFETY: a host that passes options passes a whole struct, of its own size; the other is as large as is said.
    unsafe { read_fields(pointer.cast(), options.as_mut_ptr().cast(), size_of::<T>(), T::FIELD_ENDS, T::NAME) }?;
    // SAFETY: options consist of Plain fields, of which any bytes are a value.
    let mut options = unsafe { options.assume_init() };
    options.fill_defaults();
    Ok(options)
}

/// [`read_options`], once for all structs: into `known` zero bytes at `options`.
///
/// # Safety
/// `source` is NULL or points to as many bytes as the number in front says; `options` has room for `known` bytes, and is aligned to usize.
unsafe fn read_fields(source: *const u8, options: *mut u8, known: usize, ends: &[usize], name: &str) -> Result<()> {
    if !source.is_null() {
        // SAFETY: not NULL; every options struct begins with its size, and the read does not ask for alignment.
        let struct_size = unsafe { source.cast::<usize>().read_unaligned() };
        if !(size_of::<usize>()..=MOST_OPTIONS).contains(&struct_size) {
            return Err(Error::invalid(format!(
                "struct_size of the {name} is {struct_size}: set it with the init function or to sizeof({name})"
            )));
        }
        let present = struct_size.min(known);
        // The end of the last whole field; what lies behind it in a shorter struct is padding.
        let end = ends.iter().copied().filter(|end| *end <= present).max().unwrap_or(0);
        // SAFETY: the host's struct reaches over `struct_size` bytes; the copy stays within both.
        unsafe { options.copy_from_nonoverlapping(source, end) };
        // SAFETY: bytes within the host's struct, which it has initialised.
        let beyond = unsafe { std::slice::from_raw_parts(source.add(present), struct_size - present) };
        if beyond.iter().any(|byte| *byte != 0) {
            return Err(Error::unsupported(format!(
                "the {name} set a field that this version of the library does not know: they have {struct_size} bytes, and {known} are known"
            )));
        }
    }
    // SAFETY: the size is the first field of every options struct.
    unsafe { options.cast::<usize>().write(known) };
    Ok(())
}

/// Fills the host's options struct of `size` bytes with the defaults. For `tenon_..._options_init(options, sizeof
/// *options)`.
pub fn init_options<T: Options>(pointer: *mut T, size: usize) -> Result<()> {
    // SAFETY: options consist of Plain fields, of which zero is a value.
    let mut options: T = unsafe { MaybeUninit::zeroed().assume_init() };
    options.fill_defaults();
    // SAFETY: the defaults are as large as is said; that the host's struct has `size` bytes is its promise.
    unsafe { write_fields(pointer.cast(), size, (&raw const options).cast(), size_of::<T>(), T::NAME) }
}

/// [`init_options`], once for all structs.
///
/// # Safety
/// `target` is NULL or has room for `size` bytes; `known` bytes lie at `defaults`.
unsafe fn write_fields(target: *mut u8, size: usize, defaults: *const u8, known: usize, name: &str) -> Result<()> {
    required(target, "options")?;
    if !(size_of::<usize>()..=MOST_OPTIONS).contains(&size) {
        return Err(Error::invalid(format!("{size} bytes are not the size of {name}: pass sizeof *options")));
    }
    let known = known.min(size);
    // SAFETY: what this version does not know of the host's struct is zero, its default; its size comes first.
    unsafe {
        target.copy_from_nonoverlapping(defaults, known);
        target.add(known).write_bytes(0, size - known);
        target.cast::<usize>().write_unaligned(size);
    }
    Ok(())
}

/// A host's function with its user pointer, and the function that ends the pointer's use.
///
/// The drop function is called exactly once, also when the call that received the callback fails: make a `HostCallback`
/// before anything else in a boundary's body. It runs when the last object that holds the callback goes, on whatever
/// thread that happens, with no lock held.
pub struct HostCallback<F: Copy> {
    function: F,
    user: User,
}

/// Separate from the function, so that the drop function also runs if there is no function.
struct User {
    pointer: *mut c_void,
    drop: TenonDropFunction,
}

// SAFETY: the header says of every callback that it may be called, and its drop function run, on any thread; the host
// promises that its pointer permits that. Calls of one callback are serialised by the object that holds it unless its
// chapter says otherwise.
unsafe impl Send for User {}
// SAFETY: as above; nothing here is written through a shared reference.
unsafe impl Sync for User {}

impl Drop for User {
    fn drop(&mut self) {
        if let Some(drop) = self.drop {
            drop(self.pointer);
        }
    }
}

impl<F: Copy> HostCallback<F> {
    /// Takes the user pointer over. Refuses a NULL function, after its drop function ran.
    pub fn new(function: Option<F>, user: *mut c_void, drop: TenonDropFunction, name: &str) -> Result<HostCallback<F>> {
        let user = User { pointer: user, drop };
        match function {
            Some(function) => Ok(HostCallback { function, user }),
            None => Err(Error::invalid(format!("{name} is NULL"))),
        }
    }

    /// The same for a callback that a host may decline.
    pub fn optional(function: Option<F>, user: *mut c_void, drop: TenonDropFunction) -> Option<HostCallback<F>> {
        HostCallback::new(function, user, drop, "").ok()
    }

    /// Runs the host's function: `call` gets it and the user pointer. A status other than OK becomes `CALLBACK_FAILED`
    /// with `name` in its text.
    ///
    /// No lock that the host can reach from inside may be held. The host's function must return: unwinding or jumping
    /// out of it is undefined, as the header says.
    pub fn call(&self, name: &str, call: impl FnOnce(F, *mut c_void) -> TenonStatus) -> Result<()> {
        match call(self.function, self.user.pointer) {
            TENON_OK => Ok(()),
            status => {
                let known = usize::try_from(status).ok().and_then(|index| crate::capi::error::STATUS_NAMES.get(index));
                let status_name = known.map_or("unknown status", |name| name.to_str().unwrap_or(""));
                Err(Error::new(Status::CallbackFailed, format!("the {name} callback returned {status} ({status_name})")))
            }
        }
    }

    /// Runs a host's function that has no status.
    pub fn call_plain<R>(&self, call: impl FnOnce(F, *mut c_void) -> R) -> R {
        call(self.function, self.user.pointer)
    }
}

#[cfg(test)]
mod tests;
